//! Operations on items that are the same for every content type. Each type has routes of its own, but the OpenAPI
//! document describes the operation once: its path has the collection as a parameter.

use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use crate::api::openapi::EDITING;
use crate::api::openapi::schemas::enumeration;
use crate::content_types::{COLLECTION, ContentType};
use crate::http::route::{SharedOperation, parameter};

/// Returns the description that the routes of all content types share, given the path of the route of one of them.
pub fn every_collection(
    resource: &'static ContentType,
    path: &str,
    operation_id: &'static str,
    summary: &'static str,
) -> SharedOperation {
    let schema = enumeration(COLLECTION);
    SharedOperation {
        path: path.replacen(resource.collection, "{collection}", 1),
        parameter: parameter("collection", ParameterIn::Path, schema, "Collection of the item.", json!("events")),
        operation_id,
        tag: EDITING,
        summary,
    }
}
