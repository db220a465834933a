//! Endpoint that publishes an item with its children.

use serde_json::json;

use crate::api::content::lifecycle::{editor, write_response};
use crate::api::openapi::schemas::enumeration;
use crate::api::parameters::query;
use crate::api::preview_links::require_collection;
use crate::api::query_values::word;
use crate::content::field::Enumeration;
use crate::content_types::{Children, ContentType};
use crate::http::handler::IntoHandler;
use crate::http::preconditions::required_version;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::Route;
use crate::problem::Problem;

/// The choices for children that are drafts.
const CHILDREN: &Enumeration = &Enumeration { schema: "SessionPublication", words: &["keep", PUBLISH] };
const PUBLISH: &str = "publish";
/// Header with the number of children that remain drafts.
pub const UNPUBLISHED: &str = "Unpublished-Sessions";

/// Extends the route that publishes items of a content type with children.
pub fn with_children(mut route: Route, resource: &'static ContentType, children: Children) -> Route {
    route.handler = (move |request: Request| publish(resource, children, request)).into_handler();
    if let Some(response) = route.responses.first_mut() {
        response.headers = &["ETag", UNPUBLISHED];
    }
    let (name, noun, drafts) = (children.name, resource.noun, children.plural);
    route.description.push_str(&format!(
        " With `{name}=publish`, its {drafts} that are drafts are published in the same step, all of them or nothing; a \
         {noun} that is published already stays as it is then. Otherwise `Unpublished-Sessions` has the number of its \
         {drafts} that remain drafts.",
    ));
    let about =
        format!("Whether {drafts} that are drafts stay drafts (`keep`, the default) or are published too (`publish`).");
    route.parameters([query(name, enumeration(CHILDREN), &about, json!(PUBLISH))])
}

async fn publish(resource: &'static ContentType, children: Children, request: Request) -> Result<Response, Problem> {
    let with_children = word(&request, children.name, CHILDREN.words)? == Some(PUBLISH);
    if with_children {
        require_collection(&request, children.kind)?;
    }
    let editor = editor(resource, &request)?;
    let version = required_version(&request)?;
    let result = editor.publish(request.path("id_or_slug"), version, with_children).await?;
    let drafts = result.draft_children;
    let response = write_response(&request, result, 200);
    Ok(if drafts == 0 { response } else { response.header("unpublished-sessions", drafts.to_string()) })
}
