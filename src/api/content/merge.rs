//! Endpoints that merge items which stand for the same, and undo it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::content::every_collection::every_collection;
use crate::api::content::items::{item_path, with_article};
use crate::api::content::lifecycle::{editor, idempotency_key};
use crate::api::content::summary::{ItemSummaryBody, summary};
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::{IDEMPOTENCY_KEY, IF_MATCH, REASON, path_id_or_slug};
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Field, FieldType};
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::editorial::merge::MOST_MERGED;
use crate::editorial::merge::report::{MergeReport, ReferenceReport};
use crate::http::body;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::items::summary::ItemSummary;
use crate::problem::Problem;

/// Fields of the body that merges items.
pub static MERGE: [Field; 1] = [Field::new(
    "from",
    FieldType::List { of: &FieldType::Line { max: 120 }, max: MOST_MERGED },
    "Ids or slugs of the items that are merged into this one.",
    r#"["anna-janssens-2"]"#,
)
.required()];

/// The references in one field of an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergedReference {
    /// Item that refers.
    pub item: ItemSummaryBody,
    /// Name of the field.
    #[schema(example = "speakers")]
    pub relation: String,
    /// Whether the references are in its working draft.
    pub working_draft: bool,
    /// `moved`, `joined` (the field named both), `removed` (a reference to itself), `restored`, or `left` (changed since).
    #[schema(example = "moved")]
    pub outcome: &'static str,
}

/// The report of a merge, or of its undoing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeResult {
    /// Item that stays, or that was taken out again.
    pub item: ItemSummaryBody,
    /// References to it.
    pub references: Vec<MergedReference>,
    /// Slugs and ids that lead to it.
    pub addresses: Vec<String>,
    /// External ids that it has, `source:id`.
    pub external_ids: Vec<String>,
    /// Addresses and external ids that were changed since and do not return.
    pub left: Vec<String>,
}

/// Returns the routes of a content type.
pub fn routes(resource: &'static ContentType) -> [Route; 2] {
    let (schema, item) = (resource.schema, with_article(resource));
    let route = |step: &str, action: Action, id: &'static str, summary: &'static str| {
        let path = format!("{}/{step}", item_path(resource));
        let route = match step {
            "merge" => Route::post(&path, Access::May(Area::Content, action), move |r| merge(resource, r)),
            _ => Route::post(&path, Access::May(Area::Content, action), move |r| unmerge(resource, r)),
        };
        route
            .operation_id(format!("{step}{schema}"))
            .shared_operation(every_collection(resource, &path, id, summary))
            .tag(resource.title_plural)
            .parameters([REASON.clone(), path_id_or_slug(), IF_MATCH.clone()])
            .problems(&WRITE_PROBLEMS)
    };
    [
        route("merge", Action::Trash, "mergeItems", "Merge items into an item")
            .summary(format!("Merge others into {item}"))
            .description(
                "Moves the references, addresses and external ids of the items in `from` to this one, and these items to \
                 the trash. Fails with 409 when one is in the trash, scheduled or in a release, or more than 500 items \
                 refer to them.",
            )
            .parameters([IDEMPOTENCY_KEY.clone()])
            .request_body(JSON, reference("MergeInput"), example_of(&MERGE))
            .responds(200, "What moved.", reference("MergeResult"), &["ETag", "Idempotency-Replayed"]),
        route("unmerge", Action::Restore, "unmergeItem", "Take a merged item out again")
            .summary(format!("Take {item} out of another one again"))
            .description(
                "Undoes the merge of an item. What was changed since stays as it is. Fails with 409 when it is not \
                 merged.",
            )
            .responds(200, "What came back.", reference("MergeResult"), &["ETag"]),
    ]
}

async fn merge(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let editor = editor(resource, &request)?;
    let form = Form::read(&MERGE, &body::json(&request)?, &request.app.site)?;
    let from = form.words("from");
    if from.is_empty() {
        return Err(Problem::invalid(Violations::one("/from", "empty", "must name at least one item")));
    }
    let (version, key) = (required_version(&request)?, idempotency_key(&request)?);
    response(editor.merge(request.path("id_or_slug"), version, from, key).await?)
}

async fn unmerge(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let editor = editor(resource, &request)?;
    let version = required_version(&request)?;
    response(editor.unmerge(request.path("id_or_slug"), version).await?)
}

fn response(report: MergeReport) -> Result<Response, Problem> {
    let tag = format!("\"v{}\"", report.item.latest_version());
    let reference = |field: ReferenceReport| MergedReference {
        item: summary(&field.item),
        relation: field.relation,
        working_draft: field.in_working_draft,
        outcome: field.outcome.word(),
    };
    let result = MergeResult {
        item: summary(&ItemSummary::from(&report.item)),
        references: report.references.into_iter().map(reference).collect(),
        addresses: report.addresses,
        external_ids: report.external_ids,
        left: report.left,
    };
    let response = Response::json(200, &result)?.header("etag", tag).no_store();
    Ok(if report.replayed { response.header("idempotency-replayed", "true") } else { response })
}
