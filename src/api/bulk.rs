//! Endpoint for bulk operations: life cycle operations on many items in one request.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::content::lifecycle::{author, parse_schedule_times};
use crate::api::content::trash::{REFERENCES, keeps_references};
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::{MAX_NUMBER, REASON};
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::violation::{Violation, Violations};
use crate::content_types::{self, ContentType};
use crate::database::Db;
use crate::editorial::bulk::{self, MOST_STEPS, Step, StepOutcome};
use crate::editorial::lifecycle::Operation;
use crate::editorial::write_context::WriteContext;
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::problem::Problem;

/// The names of the operations of the life cycle.
pub const WORDS: &Enumeration = &Enumeration {
    schema: "BulkOperationName",
    words: &[
        "submit",
        "withdraw",
        "reject",
        "publish",
        "schedule",
        "unschedule",
        "unpublish",
        "archive",
        "discard",
        "trash",
        "restore",
    ],
};

/// The collection of the item of an operation.
pub const COLLECTION: Field =
    Field::new("collection", FieldType::OneOf(content_types::COLLECTION), "Collection of the item.", r#""events""#)
        .required();
/// The id or slug of the item of an operation.
pub const ID: Field =
    Field::new("id", FieldType::Line { max: 120 }, "Id or slug of the item.", r#""rivers-without-borders""#).required();

const STEP: &ObjectType = &ObjectType {
    schema: "BulkOperation",
    about: "An operation on one item.",
    fields: &[
        COLLECTION,
        ID,
        Field::new("version", FieldType::Integer { min: 1, max: MAX_NUMBER }, "Present version of the item.", "3")
            .required(),
        Field::new("operation", FieldType::OneOf(WORDS), "Operation to apply to the item.", r#""publish""#).required(),
        Field::new("publish_at", FieldType::Instant, "Time of publication, for `schedule`.", r#""2027-01-15T09:00""#),
        REFERENCES,
        Field::new(
            "unpublish_at",
            FieldType::Instant,
            "Time of unpublication, for `schedule`.",
            r#""2027-03-01T18:00""#,
        ),
    ],
};

/// Fields of the body of a bulk request.
pub static BULK: [Field; 2] = [
    Field::new(
        "mode",
        FieldType::OneOf(&Enumeration { schema: "BulkMode", words: &["all", "each"] }),
        "`all` applies all operations or none; `each` applies each operation independently of the others.",
        r#""all""#,
    )
    .default_value(r#""all""#),
    Field::new(
        "operations",
        FieldType::List { of: &FieldType::Object(STEP), max: MOST_STEPS },
        "Operations, in the order in which they are applied.",
        r#"[{"collection": "events", "id": "rivers-without-borders", "version": 3, "operation": "publish"}]"#,
    )
    .required(),
];

/// The result of one operation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkResult {
    /// HTTP status that the operation would have had as a request of its own; 200 if it was applied.
    #[schema(minimum = 200, maximum = 599)]
    pub status: u16,
    /// Id of the item; null if there is no such item.
    #[schema(required = true, format = "uuid")]
    pub id: Option<String>,
    /// Version of the item after the operation; null if it was not applied.
    #[schema(required = true, minimum = 1)]
    pub version: Option<i64>,
    /// Reason why the operation was not applied; null if it was.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// Violations in the item that prevented the operation; empty if there are none.
    pub errors: Vec<Violation>,
}

/// The results of a bulk request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkResults {
    /// Results, one for each operation, in the order of the request.
    pub results: Vec<BulkResult>,
}

/// Returns the route of bulk operations.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/bulk", Access::May(Area::Content, Action::UpdateOwn), operate)
            .operation_id("operateOnMany")
            .tag("Releases")
            .summary("Apply operations to many items")
            .description(
                "Applies up to 500 operations in one transaction and returns a result for each. With mode `all`, \
                 either all are applied or none: if one is refused, the request fails with 422, and `errors` lists \
                 every refused operation. With mode `each`, every operation succeeds or fails by itself, and the \
                 response has status 200 even if all of them failed.",
            )
            .parameters([REASON.clone()])
            .request_body(JSON, reference("BulkInput"), example_of(&BULK))
            .responds(200, "The result of each operation.", reference("BulkResults"), &[]),
    ]
}

async fn operate(request: Request) -> Result<Response, Problem> {
    let (author, role) = (author(&request)?, request.actor()?.role);
    let form = Form::read(&BULK, &body::json(&request)?, &request.app.site)?;
    let steps = steps(&form)?;
    let each = form.get("mode").is_some_and(|mode| mode == "each");
    let site = std::sync::Arc::clone(&request.app.site);
    let write = move |c: &mut Db| {
        let context = WriteContext::of_role(&site, &author, role);
        match each {
            true => bulk::apply_each(c, context, &steps),
            false => {
                let done = bulk::apply_all(c, context, "operations", &steps)?.into_iter();
                Ok(done.map(|item| StepOutcome { item_id: Some(item.id.clone()), result: Ok(item) }).collect())
            }
        }
    };
    let outcomes = request.app.database.write_content(write).await?;
    let results = BulkResults { results: outcomes.into_iter().map(result).collect() };
    Ok(Response::json(200, &results)?.no_store())
}

fn result(outcome: StepOutcome) -> BulkResult {
    let id = outcome.item_id;
    match outcome.result {
        Ok(item) => {
            BulkResult { status: 200, id, version: Some(item.latest_version()), detail: None, errors: Vec::new() }
        }
        Err(problem) => BulkResult {
            status: problem.kind.status(),
            id,
            version: None,
            detail: Some(problem.detail),
            errors: problem.errors,
        },
    }
}

fn steps(form: &Form) -> Result<Vec<Step>, Problem> {
    let mut violations = Violations::new();
    let mut steps = Vec::new();
    for (index, entry) in form.objects("operations").into_iter().enumerate() {
        let pointer = format!("/operations/{index}");
        let Some((resource, key)) = item_key(entry) else { continue };
        let word = entry.get("operation").and_then(Value::as_str).unwrap_or_default();
        let operation = match word {
            "schedule" => parse_schedule_times(entry, &pointer, &mut violations),
            word => Operation::WITHOUT_PARAMETERS.into_iter().find(|known| known.name() == word),
        };
        if let Some(operation) = operation {
            let version = entry.get("version").and_then(Value::as_i64);
            let keep_references = keeps_references(entry);
            steps.push(Step { place: index, content_type: resource, key, version, operation, keep_references });
        }
    }
    if violations.is_empty() { Ok(steps) } else { Err(Problem::invalid(violations)) }
}

/// Returns the content type and the id or slug of the item that a validated entry names.
pub fn item_key(entry: &Map<String, Value>) -> Option<(&'static ContentType, String)> {
    let resource = ContentType::of_collection(entry.get("collection")?.as_str()?)?;
    Some((resource, entry.get("id")?.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_word() {
        let schedule = Operation::Schedule { publish_at: None, unpublish_at: None };
        let known: Vec<&str> =
            Operation::WITHOUT_PARAMETERS.into_iter().chain([schedule]).map(Operation::name).collect();
        assert!(known.len() == WORDS.words.len() && known.iter().all(|word| WORDS.words.contains(word)));
    }
}
