//! Endpoints that write content: create, replace, update, trash, and the operations of the publication life
//! cycle of every content type.

use std::sync::Arc;

use diesel::result::Error::NotFound;
use serde_json::{Map, Value};

use crate::api::content::every_collection::every_collection;
use crate::api::content::items::{collection_path, item_path, with_article};
use crate::api::content::not_shown::{NOT_SHOWN, with_not_shown};
use crate::api::content::operation_texts::{operation_texts, review_step};
use crate::api::content::{publish, trash};
use crate::api::openapi::item_schemas::ANY_ITEM;
use crate::api::openapi::schemas::{Locales, example_of, example_of_item, reference};
use crate::api::parameters::{self, IDEMPOTENCY_KEY, IF_MATCH, path_id_or_slug};
use crate::api::preview_links::viewer;
use crate::api::request_bodies::{Form, future_time};
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Field, FieldType as FieldKind};
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site, values};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::get_item::render_written_item;
use crate::delivery::query::parser::QueryParser;
use crate::delivery::{ReadContext, Shape};
use crate::editorial::change::ItemChange;
use crate::editorial::editor::{Editor, RenderItem, WriteRequest, WriteResult};
use crate::editorial::idempotency::IdempotencyRecord;
use crate::editorial::lifecycle::Operation;
use crate::http::body;
use crate::http::handler::IntoHandler;
use crate::http::preconditions::{WRITE_PROBLEMS, entity_tag as etag, required_version};
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::items::Item;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// Fields of the body of `schedule`: the times at which an item is published, unpublished, or both.
pub static SCHEDULE: [Field; 2] = [
    Field::new(
        "publish_at",
        FieldKind::Instant,
        "Time of publication, in the future: local time of the site, or RFC 3339 with a UTC offset.",
        r#""2027-01-15T09:00""#,
    ),
    Field::new(
        "unpublish_at",
        FieldKind::Instant,
        "Time at which the item becomes a draft again, after `publish_at`; written like `publish_at`.",
        r#""2027-03-01T18:00""#,
    ),
];

/// Returns all write routes of a content type.
pub fn routes(resource: &'static ContentType) -> Vec<Route> {
    let mut routes = write_routes(resource);
    routes.extend(steps(resource));
    routes
}

fn write_routes(resource: &'static ContentType) -> Vec<Route> {
    let item = with_article(resource);
    let schema = resource.schema;
    let all_locales = Locales::All.name(schema);
    let update = Access::May(Area::Content, Action::UpdateOwn);
    vec![
        Route::post(collection_path(resource), Access::May(Area::Content, Action::Create), move |r| {
            create(resource, r)
        })
        .operation_id(format!("create{schema}"))
        .tag(resource.title_plural)
        .summary(format!("Create {item}"))
        .description(
            "Creates an item and returns it. It is a draft unless `status` says otherwise; creating a published or \
             archived item requires the permission to publish. A request that is repeated with the same \
             `Idempotency-Key` within a day returns the item of the first one. Fails with 409 when the slug is taken, \
             and with 422 when the content is invalid or lacks something that publication requires.",
        )
        .parameter_set(ParameterSet::Step)
        .parameters([IDEMPOTENCY_KEY.clone()])
        .request_body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
        .or_body(ALL_LOCALES, reference(&format!("{all_locales}Input")))
        .responds(201, "The created item.", reference(schema), &["ETag", "Location", "Idempotency-Replayed", NOT_SHOWN])
        .or_media_type(ALL_LOCALES, reference(&all_locales))
        .problems(&[ProblemKind::Conflict]),
        Route::put(item_path(resource), update, move |r| change(resource, r, ItemChange::Replace, body::item))
            .operation_id(format!("replace{schema}"))
            .tag(resource.title_plural)
            .summary(format!("Replace {item}"))
            .description(
                "Replaces all fields and returns the item. Fields that are left out are removed; slug, status and the \
                 values of other locales are kept. The response of a read with the same `locale`, `view` and \
                 `body_format` is accepted as it is: what the server sets may be present if it is unchanged, of a \
                 related item the `id` counts, and a value that is as it was shown (a text of a fallback language too) \
                 stays as it is stored. With `view=draft`, the working draft of a published or archived \
                 item is written instead of the item. Changing an item that is public or scheduled requires the \
                 permission to publish. Fails with 409 when the slug is taken, the item is in the trash, or it has a \
                 working draft and `view=draft` is missing, and with 422 when the content is invalid or lacks something \
                 that publication requires.",
            )
            .parameter_set(ParameterSet::Content)
            .parameters([path_id_or_slug(), IF_MATCH.clone()])
            .request_body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
            .or_body(ALL_LOCALES, reference(&format!("{all_locales}Input")))
            .responds(200, "The item after the change.", reference(schema), &["ETag", NOT_SHOWN])
            .or_media_type(ALL_LOCALES, reference(&all_locales))
            .problems(&WRITE_PROBLEMS),
        Route::patch(item_path(resource), update, move |r| change(resource, r, ItemChange::Patch, body::item_patch))
            .operation_id(format!("update{schema}"))
            .tag(resource.title_plural)
            .summary(format!("Update {item}"))
            .description(
                "Applies a JSON Merge Patch (RFC 7396) and returns the item: fields that are named change, null \
                 removes a value, lists are replaced as a whole. With `view=draft`, the working draft of a published \
                 or archived item is written instead of the item. Changing an item that is public or scheduled \
                 requires the permission to publish. Fails with 409 when the slug is taken, the item is in the trash, \
                 or it has a working draft and `view=draft` is missing, and with 422 when the content is invalid or \
                 lacks something that publication requires.",
            )
            .parameter_set(ParameterSet::Content)
            .parameters([path_id_or_slug(), IF_MATCH.clone()])
            .request_body(
                "application/merge-patch+json",
                reference(&format!("{schema}Patch")),
                serde_json::json!({"status": "draft"}),
            )
            .or_body(ALL_LOCALES, reference(&format!("{all_locales}Patch")))
            .responds(200, "The item after the change.", reference(schema), &["ETag", NOT_SHOWN])
            .or_media_type(ALL_LOCALES, reference(&all_locales))
            .problems(&WRITE_PROBLEMS),
        trash::route(resource),
    ]
}

/// Returns the route of a step.
fn step(resource: &'static ContentType, operation: Operation) -> Route {
    let ((summary, about), path) =
        (operation_texts(operation), format!("{}/{}", item_path(resource), operation.name()));
    let review = review_step(operation);
    // Steps of the review are described once for all content types, which keeps the document small.
    let (one, all) = match review {
        Some(_) => (ANY_ITEM.to_owned(), ANY_ITEM.to_owned()),
        None => (resource.schema.to_owned(), Locales::All.name(resource.schema)),
    };
    let route = Route::post(&path, Access::May(Area::Content, operation.action()), move |r| {
        apply_operation(resource, r, operation)
    })
    .operation_id(format!("{}{}", operation.name(), resource.schema))
    .tag(resource.title_plural)
    .summary(summary.replace("{}", &with_article(resource)))
    .description(about)
    .parameter_set(ParameterSet::Step)
    .parameters([path_id_or_slug(), IF_MATCH.clone()])
    .responds(200, "The item after the change.", reference(&one), &["ETag"])
    .or_media_type(ALL_LOCALES, reference(&all))
    .problems(&WRITE_PROBLEMS)
    .problems(&[ProblemKind::Invalid]);
    match review {
        Some((id, summary)) => route.shared_operation(every_collection(resource, &path, id, summary)),
        None => route,
    }
}

fn steps(resource: &'static ContentType) -> Vec<Route> {
    // Moving to the trash is `DELETE` on the item, and so has no path of its own here.
    let plain = Operation::WITHOUT_PARAMETERS.into_iter().filter(|operation| *operation != Operation::Trash);
    let with_children = |operation: Operation| match (operation, resource.children) {
        (Operation::Publish, Some(children)) => publish::with_children(step(resource, operation), resource, children),
        _ => step(resource, operation),
    };
    let mut routes: Vec<Route> = plain.map(with_children).collect();
    let mut schedule = step(resource, Operation::Schedule { publish_at: None, unpublish_at: None }).request_body(
        JSON,
        reference("ScheduleInput"),
        example_of(&SCHEDULE),
    );
    schedule.handler = (move |request: Request| schedule_item(resource, request)).into_handler();
    routes.push(schedule);
    routes
}

/// Returns the author of a write for the journal: account, API key, request id and reason.
///
/// # Errors
/// 400 if `reason` is not a valid text, 401 if the request is anonymous.
pub fn author(request: &Request) -> Result<Author, Problem> {
    let reason = request.query("reason");
    let reason = match reason.map(|text| values::text(&text.into(), parameters::MAX_REASON, false)).transpose() {
        Ok(reason) => reason,
        Err((code, message)) => {
            return Err(Problem::bad_request(Violations::one("?reason", code, message)));
        }
    };
    let actor = request.actor()?;
    Ok(Author {
        account_id: Some(actor.account_id.clone()),
        request_id: request.id.clone(),
        reason,
        via: actor.key.as_ref().map(|key| key.id.clone()),
        due_at: None,
        batch: None,
    })
}

/// Reads what a write of items of a content type is apart from the write itself, and the shape of its response.
///
/// # Errors
/// 400 if a query parameter is invalid, 401 if the request is anonymous.
pub fn write_request(resource: &'static ContentType, request: &Request) -> Result<(WriteRequest, Shape), Problem> {
    let role = request.actor()?.role;
    let author = author(request)?;
    let mut violations = Violations::new();
    let viewer = viewer(request.actor.as_ref());
    let site = &request.app.site;
    let mut parser = QueryParser { content_type: resource, site, viewer: &viewer, violations: &mut violations };
    let shape = parser.shape(&request.query_pairs, true);
    let merge = match request.query("merge") {
        Some("auto") => true,
        None | Some("none") => false,
        Some(other) => {
            let known = ["auto", "none"];
            violations.add(
                "?merge",
                "not_allowed",
                crate::content::violation::unknown_name_message("value", other, known),
            );
            false
        }
    };
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    let mode: LocaleMode = shape.view.locale.clone();
    let (site, to_working_draft) = (Arc::clone(&request.app.site), shape.draft);
    let request = WriteRequest { site, content_type: resource, mode, author, role, to_working_draft, merge };
    Ok((request, shape))
}

/// Returns the function that renders items of any content type in this shape.
pub fn renderer(site: Arc<Site>, shape: Shape) -> RenderItem {
    Arc::new(move |c: &mut Db, item: &Item, references| {
        let content_type = ContentType::of_kind(&item.kind).ok_or(NotFound)?;
        let context = ReadContext { content_type, site: &site, shape: &shape };
        render_written_item(c, context, item, references)
    })
}

/// Returns the [`Editor`] with which the authenticated editor of a request writes items of a content type.
///
/// # Errors
/// 400 if a query parameter is invalid, 401 if the request is anonymous.
pub fn editor(resource: &'static ContentType, request: &Request) -> Result<Editor, Problem> {
    let (database, site) = (request.app.database.clone(), Arc::clone(&request.app.site));
    let collections = request.actor()?.collections().to_vec();
    let (request, shape) = write_request(resource, request)?;
    Ok(Editor { database, request, collections, render: renderer(site, shape) })
}

/// Reads the idempotency key of a request, if it has one.
///
/// # Errors
/// 400 if the key is not 1 to 255 visible ASCII characters, 401 if the request is anonymous.
pub fn idempotency_key(request: &Request) -> Result<Option<IdempotencyRecord>, Problem> {
    let Some(key) = request.http.headers().get("idempotency-key") else { return Ok(None) };
    let (account, target) = (&request.actor()?.account_id, request.http.target().into_owned());
    IdempotencyRecord::read(account, key.to_str().unwrap_or_default(), &target, &request.body).map(Some)
}

async fn create(resource: &'static ContentType, mut request: Request) -> Result<Response, Problem> {
    body::take_locale(&mut request)?;
    let editor = editor(resource, &request)?;
    let input = body::item(&request)?;
    let result = editor.create(input, idempotency_key(&request)?).await?;
    let location = format!("{}/{}", collection_path(resource), result.item.id);
    let replayed = result.replayed;
    let response = write_response(&request, result, 201).header("location", location);
    Ok(if replayed { response.header("idempotency-replayed", "true") } else { response })
}

async fn change(
    resource: &'static ContentType,
    mut request: Request,
    to_change: fn(Value) -> ItemChange,
    read: fn(&Request) -> Result<Value, Problem>,
) -> Result<Response, Problem> {
    body::take_locale(&mut request)?;
    let editor = editor(resource, &request)?;
    let version = required_version(&request)?;
    let change = to_change(read(&request)?);
    Ok(write_response(&request, editor.change(request.path("id_or_slug"), version, change).await?, 200))
}

async fn apply_operation(
    resource: &'static ContentType,
    request: Request,
    operation: Operation,
) -> Result<Response, Problem> {
    let editor = editor(resource, &request)?;
    let version = required_version(&request)?;
    Ok(write_response(&request, editor.take_step(request.path("id_or_slug"), version, operation).await?, 200))
}

async fn schedule_item(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let operation = schedule(&request)?;
    apply_operation(resource, request, operation).await
}

/// Reads the operation from the body of `schedule`.
fn schedule(request: &Request) -> Result<Operation, Problem> {
    let form = Form::read(&SCHEDULE, &body::json(request)?, &request.app.site)?;
    let mut violations = Violations::new();
    match parse_schedule_times(form.content(), "", &mut violations) {
        Some(operation) => Ok(operation),
        None => Err(Problem::invalid(violations)),
    }
}

/// Reads `publish_at` and `unpublish_at` of a validated object. Both must be in the future; violations are
/// added to `violations` with pointers below `pointer`, and the result is then `None`.
pub fn parse_schedule_times(
    body: &Map<String, Value>,
    pointer: &str,
    violations: &mut Violations,
) -> Option<Operation> {
    let mut found = Violations::new();
    let publish_at = future_time(body, "publish_at", pointer, &mut found);
    let unpublish_at = future_time(body, "unpublish_at", pointer, &mut found);
    if publish_at.is_none() && unpublish_at.is_none() {
        found.add(pointer, "required", "publish_at, unpublish_at, or both are required");
    }
    if publish_at.zip(unpublish_at).is_some_and(|(from, until)| until <= from) {
        found.add(format!("{pointer}/unpublish_at"), "before_start", "unpublish_at must be later than publish_at");
    }
    let is_valid = found.is_empty();
    violations.extend(found);
    is_valid.then_some(Operation::Schedule { publish_at, unpublish_at })
}

/// Returns the response of a write: the item after it, with the entity tag that the next write sends in
/// `If-Match`.
pub fn write_response(request: &Request, mut result: WriteResult, status: u16) -> Response {
    let tag = etag(result.item.latest_version(), result.body.as_bytes());
    let media_type = if request.query("locale") == Some(body::EVERY_LOCALE) { ALL_LOCALES } else { JSON };
    let body = std::mem::take(&mut result.body);
    let response = Response::json_text(status, body).with_content_type(media_type).header("etag", tag).no_store();
    with_not_shown(response, request, &result)
}
