//! Endpoint that moves an item to the trash.

use serde_json::{Map, Value, json};

use crate::api::content::items::{item_path, with_article};
use crate::api::content::lifecycle::editor;
use crate::api::openapi::schemas::enumeration;
use crate::api::parameters::{IF_MATCH, REASON, path_id_or_slug, query};
use crate::api::preview_links::viewer;
use crate::api::query_values::word;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Enumeration, Field, FieldType};
use crate::content_types::ContentType;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::Problem;

/// The choices for an item that others refer to.
pub const TRASH_REFERENCES: &Enumeration = &Enumeration { schema: "TrashReferences", words: &["refuse", KEEP] };
const KEEP: &str = "keep";

/// The field `references` of an operation in a request body.
pub const REFERENCES: Field = Field::new(
    "references",
    FieldType::OneOf(TRASH_REFERENCES),
    "For `trash`: with `keep`, an item that others refer to goes too, and their references stay.",
    r#""refuse""#,
)
.default_value(r#""refuse""#);

/// Returns whether an operation in a request body accepts that others refer to the item.
pub fn keeps_references(members: &Map<String, Value>) -> bool {
    members.get(REFERENCES.name).is_some_and(|word| word == KEEP)
}

/// Returns the route for items of a content type.
pub fn route(resource: &'static ContentType) -> Route {
    let (schema, item) = (resource.schema, with_article(resource));
    Route::delete(item_path(resource), Access::May(Area::Content, Action::Trash), move |r| trash(resource, r))
        .operation_id(format!("trash{schema}"))
        .tag(resource.title_plural)
        .summary(format!("Move {item} to the trash"))
        .description(
            "Moves the item to the trash, from where `restore` brings it back until the trash is purged. Clients \
             no longer see it, and its schedule is removed. Fails with 409 when it is in the trash already, or, \
             with each use in `errors`, when other items or releases use it and `references` is not `keep`.",
        )
        .parameters([
            query(
                REFERENCES.name,
                enumeration(TRASH_REFERENCES),
                "With `refuse`, the default, an item that others refer to is not moved to the trash. With `keep`, it \
                 is, and their references stay: they show nothing until it is restored.",
                json!("refuse"),
            ),
            REASON.clone(),
            path_id_or_slug(),
            IF_MATCH.clone(),
        ])
        .responds_empty(204, "The item is in the trash.", &["ETag"])
        .problems(&WRITE_PROBLEMS)
}

async fn trash(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let editor = editor(resource, &request)?;
    let version = required_version(&request)?;
    let keep_references = word(&request, REFERENCES.name, TRASH_REFERENCES.words)? == Some(KEEP);
    let unused_for = (!keep_references).then(|| viewer(request.actor.as_ref()));
    let result = editor.trash(request.path("id_or_slug"), version, unused_for).await?;
    Ok(Response::empty(204).header("etag", format!("\"v{}\"", result.item.latest_version())).no_store())
}
