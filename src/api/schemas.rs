//! Endpoint of the JSON Schemas of items, for programs that build forms.

use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use crate::api::openapi::EDITING;
use crate::api::openapi::form_schemas::address;
use crate::api::openapi::response::form_schema;
use crate::api::openapi::schemas::{Locales, enumeration, json_document, one_of};
use crate::api::parameters::{IF_NONE_MATCH, query};
use crate::api::query_values::word;
use crate::content_types::{COLLECTION, ContentType};
use crate::http::request::Request;
use crate::http::response::{JSON_SCHEMA, Response};
use crate::http::route::{Access, Route, parameter};
use crate::problem::{Problem, ProblemKind};

/// The values of `locale`.
const LOCALES: [&str; 1] = ["*"];

/// Returns the route of the schemas.
pub fn route() -> Route {
    Route::get("/api/v1/schemas/{collection}", Access::Open, schema)
        .operation_id("getItemSchema")
        .tag(EDITING)
        .summary("Get the JSON Schema of an item")
        .description(
            "Returns the JSON Schema (2020-12) of the content of one item in create requests, for programs that build \
             forms or check content before they send it. It is complete in itself, with a title, a description and the \
             constraints of each field, titled choices, and the custom fields of the site. What only the server can \
             know, such as whether a slug is free, is not part of it. Fails with 404 when there is no such collection.",
        )
        .parameters([
            parameter(
                "collection",
                ParameterIn::Path,
                enumeration(COLLECTION),
                "Collection of the item.",
                json!("events"),
            ),
            query(
                "locale",
                one_of("SchemaLocales", &LOCALES),
                "With `*`, localised fields are objects from locale to text, as in requests with `locale=*`.",
                json!("*"),
            ),
            IF_NONE_MATCH.clone(),
        ])
        .responds_as(200, "The schema.", JSON_SCHEMA, json_document(), &["ETag", "Cache-Control"])
        .responds_empty(304, "The client already has the current representation.", &[])
        .problems(&[ProblemKind::NotFound])
}

async fn schema(request: Request) -> Result<Response, Problem> {
    let locales = word(&request, "locale", &LOCALES)?.map_or(Locales::One, |_| Locales::All);
    let collection = ContentType::of_collection(request.path("collection"));
    let content_type = collection.ok_or_else(|| Problem::not_found("collection"))?;
    let address = address(content_type, locales);
    let schema = form_schema(&request.app, &address).ok_or_else(|| Problem::not_found("collection"))?;
    let key = request.app.response_cache.key(&["a JSON Schema", &address]);
    Ok(Response::from_cached(Some(key), schema))
}
