//! Endpoints of imports: files of other systems that the server imports in the background.

mod body;
mod checks;
mod form;
mod options;

use clap::ValueEnum;
use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};

use self::form::{ImportForm, receive, require_body};
use self::options::ImportQuery;
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{reference, with_name};
use crate::api::parameters::{IDEMPOTENCY_KEY, path_id};
use crate::auth::permissions::{Action, Area};
use crate::content::violation::Violations;
use crate::database::Db;
use crate::editorial::idempotency::IdempotencyRecord;
use crate::http::request::Request;
use crate::http::response::{FORM_DATA, Response};
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};
use crate::transfer::import_jobs::{self, ImportJob, NewImport, ReceivedFile, Reception, ReceptionLimits};
use crate::transfer::read::ImportFormat;

pub use body::ImportList;

const PATH: &str = "/api/v1/imports/{id}";
const ACCESS: Access = Access::May(Area::Imports, Action::Manage);
/// Greatest number of imports in the list.
const MOST_LISTED: i64 = 100;

/// Returns the routes of imports.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Imports";
    vec![
        creation(TAG),
        Route::get("/api/v1/imports", ACCESS, list)
            .operation_id("listImports")
            .tag(TAG)
            .summary("List imports")
            .description("Returns the 100 newest imports without their reports, newest first.")
            .responds(200, "The imports.", reference("ImportList"), &[]),
        Route::get(PATH, ACCESS, get)
            .operation_id("getImport")
            .tag(TAG)
            .summary("Get an import")
            .description(
                "Returns an import with its report so far. Fails with 404 when there is no such import.",
            )
            .parameters([path_id()])
            .responds(200, "The import.", reference("ImportJob"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post(format!("{PATH}/cancel"), ACCESS, cancel)
            .operation_id("cancelImport")
            .tag(TAG)
            .summary("Cancel an import")
            .description(
                "Ends an import, and returns it. What is written stays. Fails with 404 when there is no such import, and \
                 with 409 when it has ended.",
            )
            .parameters([path_id()])
            .responds(200, "The import.", reference("ImportJob"), &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::Conflict]),
    ]
}

fn creation(tag: &'static str) -> Route {
    Route::post("/api/v1/imports", ACCESS, create)
        .operation_id("createImport")
        .tag(tag)
        .summary("Import a file")
        .description(
            "Imports a file in the background. The body is a form, with a `mapping` for CSV, or the file itself, with its own \
             media type. Options are query parameters, or parts of the form. A repetition with the same `Idempotency-Key` \
             returns the first import. Fails with 413 when the \
             file is too large, with 422 when it is empty or its mapping invalid, and with 503 when too many imports wait.",
        )
        .parameters(options::parameters())
        .parameters([IDEMPOTENCY_KEY.clone()])
        .request_body(FORM_DATA, form_schema(), json!({"file": "BEGIN:VCALENDAR…"}))
        .responds(202, "The import, which waits.", reference("ImportJob"), &["Location", "Idempotency-Replayed"])
}

fn file_schema() -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
}

fn form_schema() -> RefOr<Schema> {
    let mapping = ObjectBuilder::new().schema_type(Type::String).max_length(Some(65_536));
    let form = ObjectBuilder::new().property("file", file_schema()).property("mapping", mapping);
    let form = options::schemas()
        .fold(form, |form, (name, schema)| form.property(name, schema))
        .required("file")
        .description(Some(
            "A file to import, the mapping of its columns (TOML), and options instead of query parameters.",
        ))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    with_name("ImportFormInput", form.build())
}

async fn create(mut request: Request) -> Result<Response, Problem> {
    let query = options::read(&request, &[])?;
    require_body(&request)?;
    let upload = request.upload.take().ok_or_else(|| Problem::internal(&"the body of an import is not passed on"))?;
    let limits = {
        let config = &request.app.config.imports;
        ReceptionLimits { bytes: config.max_bytes, imports: config.max_open }
    };
    let mut reception = Reception::begin(&request.app.database, limits).await?;
    let outcome = async {
        let form = receive(&request, upload, &mut reception).await?;
        let query = if form.options.is_empty() { query } else { options::read(&request, &form.options)? };
        let received = reception.close().await?;
        enqueue(&request, new_import(&request, query, form, received).await?).await
    };
    match outcome.await {
        Ok((job, is_replayed)) => {
            reception.keep();
            accepted_response(job, is_replayed)
        }
        Err(problem) => {
            reception.discard().await;
            Err(problem)
        }
    }
}

fn accepted_response(job: ImportJob, is_replayed: bool) -> Result<Response, Problem> {
    let location = format!("/api/v1/imports/{}", job.id);
    let response = Response::json(202, &body::to_api(job))?.no_store().header("location", location);
    Ok(if is_replayed { response.header("idempotency-replayed", "true") } else { response })
}

/// Returns the import that a request asks for.
///
/// # Errors
/// 400 if the format, the event or a source that must be named is not known, 422 if the file is empty, or its mapping is
/// missing or invalid.
async fn new_import(
    request: &Request,
    query: ImportQuery,
    form: ImportForm,
    received: ReceivedFile,
) -> Result<NewImport, Problem> {
    let ImportQuery { format, file, mut options } = query;
    if received.bytes == 0 {
        return Err(Problem::invalid(Violations::one(form.pointer, "empty", "the file is empty")));
    }
    let given = file.or(form.name);
    let by_name = given.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    let recognised = || {
        let by_name = by_name.as_deref().and_then(|end| ImportFormat::of_extension(end, &received.head));
        by_name.or_else(|| ImportFormat::of_extension(form.extension, &received.head))
    };
    let Some(format) = format.or_else(recognised) else {
        let message = "neither the name nor the media type of the file says its format, so it must be given";
        return Err(Problem::bad_request(Violations::one("?format", "required", message)));
    };
    options.mapping = form.mapping;
    let is_named = given.is_some() || options.name.is_some();
    let file = given.unwrap_or_else(|| format!("import.{}", form.extension));
    checks::require_valid(request, (format, &file, is_named), &options, &received).await?;
    let said = json!([&received.hash, &file, &options]).to_string();
    let key = idempotency_key(request, &said)?;
    let format = format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    Ok(NewImport { received, file, format, options, key })
}

/// Reads the idempotency key of a request, for what it said.
fn idempotency_key(request: &Request, said: &str) -> Result<Option<IdempotencyRecord>, Problem> {
    let Some(key) = request.http.headers().get("idempotency-key") else { return Ok(None) };
    let (account, target) = (&request.actor()?.account_id, request.http.target());
    IdempotencyRecord::read(account, key.to_str().unwrap_or_default(), &target, said.as_bytes()).map(Some)
}

async fn enqueue(request: &Request, import: NewImport) -> Result<(ImportJob, bool), Problem> {
    let (author, actor) = (author(request)?, request.actor()?.clone());
    request.app.database.write_content(move |c| import.enqueue(c, &author, &actor)).await
}

async fn list(request: Request) -> Result<Response, Problem> {
    let jobs = request.app.database.read(|c| Ok::<_, Problem>(import_jobs::load_newest(c, MOST_LISTED)?)).await?;
    Ok(Response::json(200, &ImportList { data: jobs.into_iter().map(body::to_api).collect() })?.no_store())
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let found = move |c: &mut Db| {
        let job = import_jobs::by_id(c, &id)?;
        let lines = import_jobs::lines(c, &id)?;
        Ok::<_, Problem>((job, lines))
    };
    let (job, lines) = request.app.database.read(found).await?;
    Ok(Response::json(200, &body::to_api_with_report(job, &lines)?)?.no_store())
}

async fn cancel(request: Request) -> Result<Response, Problem> {
    let (author, id) = (author(&request)?, request.path("id").to_owned());
    let write = move |c: &mut Db| {
        let job = import_jobs::cancel(c, &author, &id)?;
        let lines = import_jobs::lines(c, &id)?;
        Ok::<_, Problem>((job, lines))
    };
    let (job, lines) = request.app.database.write_content(write).await?;
    Ok(Response::json(200, &body::to_api_with_report(job, &lines)?)?.no_store())
}
