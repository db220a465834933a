//! Steps in the lives of many items at once.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body;
use super::desk_api::{author, moments};
use super::openapi::schemas::{example_of, reference};
use super::parameters::{MAX_NUMBER, REASON};
use super::route::{Access, Answer, JSON, Request, Route};
use crate::auth::forms::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::fault::{Fault, Faults};
use crate::content::field::{Field, Kind};
use crate::database::Db;
use crate::editorial::bulk::{self, MOST_STEPS, Step};
use crate::editorial::life::{Operation, Pen};
use crate::items::Item;
use crate::problem::Problem;
use crate::resources::{COLLECTIONS, Resource};

const WORDS: &[&str] = &[
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
];

/// The item that a step is about.
pub const COLLECTION: Field =
    Field::new("collection", Kind::OneOf(COLLECTIONS), "Where the item is.", r#""events""#).required();
/// The item that a step is about.
pub const ID: Field =
    Field::new("id", Kind::Line { max: 120 }, "Its id or slug.", r#""rivers-without-borders""#).required();

const STEP: &[Field] = &[
    COLLECTION,
    ID,
    Field::new("version", Kind::Integer { min: 1, max: MAX_NUMBER }, "The version that it has.", "3").required(),
    Field::new("operation", Kind::OneOf(WORDS), "The step.", r#""publish""#).required(),
    Field::new("publish_at", Kind::Instant, "For `schedule`.", r#""2027-01-15T09:00""#),
    Field::new("unpublish_at", Kind::Instant, "For `schedule`.", r#""2027-03-01T18:00""#),
];

/// The body of a bulk operation.
pub static BULK: [Field; 2] = [
    Field::new(
        "mode",
        Kind::OneOf(&["all", "each"]),
        "`all` takes all steps or none; `each` takes those that can be taken.",
        r#""all""#,
    )
    .or(r#""all""#),
    Field::new(
        "operations",
        Kind::List { of: &Kind::Object(STEP), max: MOST_STEPS },
        "The steps, in order.",
        r#"[{"collection": "events", "id": "rivers-without-borders", "version": 3, "operation": "publish"}]"#,
    )
    .required(),
];

/// What came of one step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkResult {
    /// 200, or the status that the step by itself would have been answered with.
    #[schema(minimum = 200, maximum = 599)]
    pub status: u16,
    /// The item's version now, if the step was taken.
    #[schema(required = true, minimum = 1)]
    pub version: Option<i64>,
    /// Why it was not, if so.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// The faults, if there are any.
    pub errors: Vec<Fault>,
}

/// What came of all steps, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkResults {
    /// One for each step.
    pub results: Vec<BulkResult>,
}

/// The route of this room.
pub fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/api/v1/bulk", "operateOnMany", operate)
            .about(
                "Releases",
                "Take steps with many items",
                "Up to 500 steps, all or none (then faults name each that was refused), or each by itself.",
            )
            .access(Access::May(Area::Content, Action::UpdateOwn))
            .parameters([REASON.clone()])
            .body(JSON, reference("Bulk"), example_of(&BULK))
            .answers(200, "Done.", reference("BulkResults"), &[]),
    ]
}

async fn operate(request: Request) -> Result<Answer, Problem> {
    let (author, role) = (author(&request)?, request.actor()?.role);
    let form = Form::read(&BULK, &body::json(&request)?, &request.app.site)?;
    let steps = steps(&form)?;
    let each = form.get("mode").is_some_and(|mode| mode == "each");
    let site = std::sync::Arc::clone(&request.app.site);
    let write = move |c: &mut Db| {
        let pen = Pen { site: &site, author: &author, role: Some(role) };
        match each {
            true => bulk::each(c, pen, &steps),
            false => Ok(bulk::all(c, pen, "operations", &steps)?.into_iter().map(Ok).collect()),
        }
    };
    let outcomes = request.app.database.write_content(write).await?;
    let results = BulkResults { results: outcomes.into_iter().map(result).collect() };
    Ok(Answer::of(200, &results)?.private())
}

fn result(outcome: Result<Item, Problem>) -> BulkResult {
    match outcome {
        Ok(item) => BulkResult { status: 200, version: Some(item.latest()), detail: None, errors: Vec::new() },
        Err(problem) => BulkResult {
            status: problem.kind.status(),
            version: None,
            detail: Some(problem.detail),
            errors: problem.errors,
        },
    }
}

fn steps(form: &Form) -> Result<Vec<Step>, Problem> {
    let mut faults = Faults::new();
    let mut steps = Vec::new();
    for (index, entry) in form.objects("operations").into_iter().enumerate() {
        let place = format!("/operations/{index}");
        let Some((resource, key)) = item(entry) else { continue };
        let word = entry.get("operation").and_then(Value::as_str).unwrap_or_default();
        let operation = match word {
            "schedule" => moments(entry, &place, &mut faults),
            word => Operation::PLAIN.into_iter().find(|known| known.word() == word),
        };
        if let Some(operation) = operation {
            let version = entry.get("version").and_then(Value::as_i64);
            steps.push(Step { place: index, resource, key, version, operation });
        }
    }
    if faults.is_empty() { Ok(steps) } else { Err(Problem::invalid(faults)) }
}

/// Kind, and id or slug, of an entry that was checked.
pub fn item(entry: &Map<String, Value>) -> Option<(&'static Resource, String)> {
    let resource = Resource::of_collection(entry.get("collection")?.as_str()?)?;
    Some((resource, entry.get("id")?.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_word() {
        let schedule = Operation::Schedule { publish_at: None, unpublish_at: None };
        let known: Vec<&str> = Operation::PLAIN.into_iter().chain([schedule]).map(Operation::word).collect();
        assert!(known.len() == WORDS.len() && known.iter().all(|word| WORDS.contains(word)));
    }
}
