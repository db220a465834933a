//! Endpoints of items by their external ids: the names that they have in another system, for synchronisation from
//! there.

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::content::every_collection::every_collection;
use crate::api::content::items::{collection_path, get, item_path, with_article};
use crate::api::content::lifecycle::{editor, write_response};
use crate::api::content::not_shown::NOT_SHOWN;
use crate::api::openapi::item_schemas::PARTIAL_ITEM;
use crate::api::openapi::schemas::{LINE, Locales, example_of, example_of_item, reference, text};
use crate::api::parameters::{IF_MATCH, IF_NONE_MATCH, REASON, if_absent, optional_if_match, path_id_or_slug};
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Field, FieldType};
use crate::content::violation::Violations;
use crate::content_types::{BY_EXTERNAL_ID, ContentType};
use crate::database::Db;
use crate::editorial::external_ids::{ExternalId, MAX_RECORD_ID, MAX_SYSTEM, MOST_OF_ITEM, PutCondition};
use crate::http::body;
use crate::http::preconditions::{PutPrecondition, WRITE_PROBLEMS, no_version, put_precondition, required_version};
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, JSON, PARTIAL, Response};
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::problem::{Problem, ProblemKind};

/// Fields of the body that sets the external ids of an item.
pub static EXTERNAL_IDS: [Field; 1] = [Field::new(
    "external_ids",
    FieldType::List { of: &FieldType::Line { max: MAX_SYSTEM + 1 + MAX_RECORD_ID }, max: MOST_OF_ITEM },
    "All external ids of the item, `source:id`.",
    r#"["pretalx:XKQ8JD"]"#,
)
.required()];

/// Returns the routes of a content type by external ids.
pub fn routes(resource: &'static ContentType) -> Vec<Route> {
    let (schema, item) = (resource.schema, with_article(resource));
    let all_locales = Locales::All.name(schema);
    let path = format!("{}/{BY_EXTERNAL_ID}/{{source}}/{{external_id}}", collection_path(resource));
    vec![
        Route::get(&path, Access::May(Area::Content, Action::Read), move |r| read(resource, r))
            .operation_id(format!("get{schema}ByExternalId"))
            .tag(resource.title_plural)
            .summary(format!("Get {item} by its external id"))
            .description(
                "Returns the item that was imported or written with this external id, as the item's own address does; \
                 its `ETag` is the tag for the next write. Fails with 404 when no item has the external id.",
            )
            .parameter_set(ParameterSet::One(resource))
            .parameters([path_source(), path_external_id(), IF_NONE_MATCH.clone()])
            .responds(200, "The item.", reference(schema), &["ETag", "Cache-Control"])
            .or_media_type(ALL_LOCALES, reference(&all_locales))
            .or_media_type(PARTIAL, reference(PARTIAL_ITEM))
            .responds_empty(304, "The client already has the current representation.", &[])
            .problems(&[ProblemKind::NotFound]),
        Route::put(&path, Access::May(Area::Content, Action::UpdateOwn), move |r| put(resource, r))
            .operation_id(format!("put{schema}ByExternalId"))
            .tag(resource.title_plural)
            .summary(format!("Create or replace {item} by its external id"))
            .description(
                "Creates the item with this external id (201), or replaces all its fields (200), and returns it. With \
                 `If-None-Match: *` it is only created, with `If-Match` only replaced. Without either, content that is \
                 the same as in the last write writes nothing, and other content is refused with 412, or merged with \
                 `merge=auto`, where somebody else has changed the item since. Fails also as a replacement by id does; \
                 with 428 when `If-Match` is `*`, which names no version.",
            )
            .parameter_set(ParameterSet::Content)
            .parameters([path_source(), path_external_id(), if_match(), if_none_match()])
            .request_body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
            .or_body(ALL_LOCALES, reference(&format!("{all_locales}Input")))
            .responds(201, "The created item.", reference(schema), &["ETag", "Location", NOT_SHOWN])
            .or_media_type(ALL_LOCALES, reference(&all_locales))
            .responds(200, "The item after the write.", reference(schema), &["ETag", NOT_SHOWN])
            .or_media_type(ALL_LOCALES, reference(&all_locales))
            .problems(&WRITE_PROBLEMS),
        all_of_item(resource),
    ]
}

/// Returns the route that sets all external ids of an item.
fn all_of_item(resource: &'static ContentType) -> Route {
    let path = format!("{}/external-ids", item_path(resource));
    Route::put(&path, Access::May(Area::Content, Action::UpdateOwn), move |r| replace_all(resource, r))
        .operation_id(format!("replace{}ExternalIds", resource.schema))
        .shared_operation(every_collection(resource, &path, "replaceExternalIds", "Replace the external ids of an item"))
        .tag(resource.title_plural)
        .summary(format!("Replace the external ids of {}", with_article(resource)))
        .description(
            "Replaces the external ids of the item. A record with an id that was set in this way does not overwrite the \
             text of the item: a `PUT` by this external id without a precondition is refused with 412, and an import \
             leaves the item as it is. Fails with 409 when another item has one of the ids.",
        )
        .parameters([REASON.clone(), path_id_or_slug(), IF_MATCH.clone()])
        .request_body(JSON, reference("ExternalIdsInput"), example_of(&EXTERNAL_IDS))
        .responds_empty(204, "The item has these external ids.", &["ETag"])
        .problems(&WRITE_PROBLEMS)
}

fn path_source() -> Parameter {
    let schema = text().min_length(Some(1)).max_length(Some(MAX_SYSTEM)).pattern(Some("^[0-9A-Za-z._-]+$"));
    parameter("source", ParameterIn::Path, schema, "Name of the other system.", json!("pretalx"))
}

fn path_external_id() -> Parameter {
    let schema = text().min_length(Some(1)).max_length(Some(MAX_RECORD_ID)).pattern(Some(LINE));
    parameter("external_id", ParameterIn::Path, schema, "Id of the record in the other system.", json!("XKQ8JD"))
}

fn if_match() -> Parameter {
    optional_if_match(
        "ETag of the version that the replacement is based on, or a list of ETags of which one must be current \
         (RFC 9110, section 13.1.1). 412 if no ETag is current, and if no item has the external id.",
    )
}

fn if_none_match() -> Parameter {
    if_absent("`*`: the item is created only if none has the external id (RFC 9110, section 13.1.2); otherwise 412.")
}

/// Returns the external id in the path.
fn external_id(request: &Request) -> Result<ExternalId, Problem> {
    let found = ExternalId::new(request.path("source"), request.path("external_id"));
    found.ok_or_else(|| Problem::not_found("external id"))
}

async fn read(resource: &'static ContentType, mut request: Request) -> Result<Response, Problem> {
    let external_id = external_id(&request)?;
    let find = move |c: &mut Db| external_id.find(c, resource);
    let source = request.app.database.read_item(find).await?;
    let source = source.ok_or_else(|| Problem::not_found(resource.noun))?;
    request.parameters.push(("id_or_slug".to_owned(), source.item_id));
    get(resource, request).await
}

async fn put(resource: &'static ContentType, mut request: Request) -> Result<Response, Problem> {
    body::take_locale(&mut request)?;
    let editor = editor(resource, &request)?;
    let (external_id, condition) = (external_id(&request)?, condition(&request)?);
    let (result, is_new) = editor.put(external_id, condition, body::item(&request)?).await?;
    let location = format!("{}/{}", collection_path(resource), result.item.id);
    Ok(match is_new {
        true => write_response(&request, result, 201).header("location", location),
        false => write_response(&request, result, 200),
    })
}

async fn replace_all(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let editor = editor(resource, &request)?;
    let form = Form::read(&EXTERNAL_IDS, &body::json(&request)?, &request.app.site)?;
    let (mut wanted, mut faults) = (Vec::new(), Violations::new());
    for (index, given) in form.words("external_ids").iter().enumerate() {
        match ExternalId::parse(given) {
            Some(external_id) => wanted.push(external_id),
            None => {
                let message =
                    "must be the name of a source (letters, digits, dots, hyphens, underscores), a colon and an id";
                faults.add(format!("/external_ids/{index}"), "not_a_value", message);
            }
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let version = required_version(&request)?;
    let item = editor.replace_external_ids(request.path("id_or_slug"), version, wanted).await?;
    Ok(Response::empty(204).header("etag", format!("\"v{}\"", item.latest_version())).no_store())
}

/// Reads the condition from `If-Match` and `If-None-Match`.
fn condition(request: &Request) -> Result<PutCondition, Problem> {
    match put_precondition(request)? {
        PutPrecondition::None => Ok(PutCondition::LastPut),
        PutPrecondition::Absent => Ok(PutCondition::Absent),
        PutPrecondition::Present => Err(no_version()),
        PutPrecondition::Versions(versions) => Ok(PutCondition::Versions(versions)),
    }
}
