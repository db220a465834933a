//! Endpoint that lists what awaits translation, over all collections.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::api::content::summary::{ItemSummaryBody, summary};
use crate::api::openapi::EDITING;
use crate::api::openapi::schemas::{enumeration, reference};
use crate::api::parameters::{comma_separated, number, page_limit, page_offset, query};
use crate::api::query_values::{kinds_of_collections, number_between, word};
use crate::auth::permissions::{Action, Area};
use crate::content::Site;
use crate::content::field::Enumeration;
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::COLLECTION;
use crate::database::Db;
use crate::delivery::query::{DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET};
use crate::editorial::translation_tasks::{self, TranslationFilter, TranslationTask};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, ParameterSet, Route};
use crate::problem::Problem;

/// Values of the parameter `state`.
const STATES: &Enumeration = &Enumeration { schema: "TranslationTaskState", words: &["any", MISSING, OUTDATED] };
const MISSING: &str = "missing";
const OUTDATED: &str = "outdated";

/// An item that awaits translation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TranslationTask)]
pub struct TranslationTaskBody {
    /// Item to be translated.
    pub item: ItemSummaryBody,
    /// Fields that have a value in another language, but none in this one.
    #[schema(example = json!(["title", "body"]))]
    pub missing: Vec<&'static str>,
    /// Fields whose value in the default language changed after they were translated.
    #[schema(example = json!(["summary"]))]
    pub outdated: Vec<String>,
}

/// A page of items that await translation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TranslationTaskList {
    /// Items of the page, those that changed last first.
    pub data: Vec<TranslationTaskBody>,
    /// Number of items in the whole list.
    #[schema(minimum = 0)]
    pub total: i64,
}

/// Returns the route of the list.
pub fn route() -> Route {
    Route::get("/api/v1/translations", Access::May(Area::Content, Action::Read), list)
        .operation_id("listTranslationTasks")
        .tag(EDITING)
        .summary("List what awaits translation")
        .description(
            "Returns the items of all collections that lack values in a language, or have some that are older than their \
             source, each with these fields; those that changed last come first. Items in the trash and in the archive \
             are left out. Fails with 400 when a parameter is invalid, or `language` is missing or not one of the site.",
        )
        .parameter_set(ParameterSet::Translation)
        .parameters([
            query(
                "state",
                enumeration(STATES),
                "Items that lack values (`missing`), that have older ones (`outdated`), or both (`any`, the default).",
                json!(MISSING),
            ),
            comma_separated("collections", enumeration(COLLECTION), "Collections; by default all.", json!(["events"])),
            page_limit(MAX_LIMIT, DEFAULT_LIMIT),
            page_offset(MAX_OFFSET),
        ])
        .responds(200, "The items.", reference("TranslationTaskList"), &[])
}

fn parse_filter(request: &Request, site: &Site) -> Result<TranslationFilter, Problem> {
    let mut violations = Violations::new();
    let locale = request.query("language").map(|tag| site.locale(tag).ok_or(tag));
    let locale = match locale {
        Some(Ok(locale)) => locale.to_owned(),
        Some(Err(tag)) => {
            let message = unknown_name_message("value", tag, site.locales.iter().map(String::as_str));
            violations.add("?language", "not_allowed", message);
            String::new()
        }
        None => {
            violations.add("?language", "required", "a language is required");
            String::new()
        }
    };
    let kinds = kinds_of_collections(request, |_| true, &mut violations);
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    let state = word(request, "state", STATES.words)?;
    Ok(TranslationFilter { locale, kinds, missing: state != Some(OUTDATED), outdated: state != Some(MISSING) })
}

async fn list(request: Request) -> Result<Response, Problem> {
    let site = Arc::clone(&request.app.site);
    let filter = parse_filter(&request, &site)?;
    let limit = number(&request, "limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let offset = number_between(&request, "offset", (0, MAX_OFFSET))?.unwrap_or(0);
    let read = move |c: &mut Db| Ok::<_, Problem>(translation_tasks::list(c, &site, &filter, (offset, limit))?);
    let (tasks, total) = request.app.database.read(read).await?;
    let data = tasks.into_iter().map(task).collect();
    Ok(Response::json(200, &TranslationTaskList { data, total })?.no_store())
}

fn task(task: TranslationTask) -> TranslationTaskBody {
    TranslationTaskBody { item: summary(&task.item), missing: task.missing, outdated: task.outdated }
}
