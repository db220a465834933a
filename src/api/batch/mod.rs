//! Endpoint of batches: creations, changes and steps of items of all content types, all of them or none.

pub mod entries;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::content::lifecycle::{idempotency_key, renderer, write_request};
use crate::api::openapi::schemas::reference;
use crate::api::parameters::IDEMPOTENCY_KEY;
use crate::auth::permissions::{Action, Area};
use crate::content_types::EVENT;
use crate::editorial::batch::{self, BatchContext, MAX_ENTRIES};
use crate::editorial::site_settings::ensure;
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::problem::Problem;

/// Returns the route of batches.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/batch", Access::May(Area::Content, Action::UpdateOwn), write)
            .operation_id("writeBatch")
            .tag("Batches")
            .summary("Write many items at once")
            .description(format!(
                "Makes up to {MAX_ENTRIES} writes to items of all content types in one transaction: creates, replaces, \
                 updates and life cycle operations, in their order, all of them or none. An entry can give its item a \
                 `local_id`; `#` and this local id then stand for the id of the item in every other entry, as the \
                 item to write or as a reference in content. A create comes before the entries that refer to it, \
                 wherever it stands. Each entry needs the permissions that it would need as a request of its own, and \
                 the checks are the same. Fails with 422 when an entry is refused: then nothing is written, and \
                 `errors` lists the faults of all entries, also those that would be 403, 404, 409 or 412 alone \
                 (`forbidden`, `not_found`, `conflict`, `changed_meanwhile`). A request that is repeated with the \
                 same `Idempotency-Key` within a day returns the results of the first one.",
            ))
            .collections_in_body()
            .parameter_set(ParameterSet::Content)
            .parameters([IDEMPOTENCY_KEY.clone()])
            .request_body(JSON, reference("BatchInput"), example())
            .responds(200, "The result of each entry.", reference("BatchResults"), &["Idempotency-Replayed"]),
    ]
}

fn example() -> Value {
    json!({"entries": [
        {"operation": "create", "collection": "topics", "local_id": "water", "content": {"name": "Water"}},
        {"operation": "create", "collection": "events", "local_id": "event",
         "content": {"title": "Rivers without borders", "topics": ["#water"]}},
        {"operation": "publish", "collection": "topics", "id": "#water"},
        {"operation": "publish", "collection": "events", "id": "#event"},
    ]})
}

async fn write(request: Request) -> Result<Response, Problem> {
    let context = context(&request)?;
    let key = idempotency_key(&request)?;
    let entries = entries::read(body::json(&request)?, &context.site)?;
    if entries.iter().any(|entry| entry.content_type.is_singleton()) {
        ensure(&request.app.database, &request.app.site, &request.id).await?;
    }
    let response = batch::write(&request.app.database, context, entries, key).await?;
    let replayed = response.replayed;
    let response = Response::json_text(200, response.body).no_store();
    Ok(if replayed { response.header("idempotency-replayed", "true") } else { response })
}

/// Reads what all entries of a batch have in common.
fn context(request: &Request) -> Result<BatchContext, Problem> {
    // The query parameters of writes are the same for all content types.
    let (common, shape) = write_request(&EVENT, request)?;
    let render = renderer(Arc::clone(&common.site), shape);
    Ok(BatchContext::of(&common, request.actor()?.collections().to_vec(), render))
}
