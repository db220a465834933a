//! Endpoints of the history of an item: list, show, compare and restore its revisions.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::content::every_collection::every_collection;
use crate::api::content::items::{item_path, with_article};
use crate::api::content::lifecycle::{editor, write_response};
use crate::api::openapi::item_schemas::ANY_ITEM;
use crate::api::openapi::schemas::reference;
use crate::api::parameters::{IF_MATCH, MAX_NUMBER, integer_between, number, page_limit, path_id_or_slug, query};
use crate::auth::permissions::{Action, Area};
use crate::content::LocaleMode;
use crate::content::local_time::utc_text;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::query::MAX_LIMIT;
use crate::editorial::change::ItemChange;
use crate::editorial::editor::find;
use crate::editorial::three_way_merge::as_input;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, Response};
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::journal::diff::diff;
use crate::journal::history::{self, JournalEntry, State};
use crate::problem::{Problem, ProblemKind};

/// An account with the name of its person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Id of the account.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name of the person; null when the account no longer exists.
    #[schema(required = true)]
    pub name: Option<String>,
}

/// A revision of an item: one write to it, as recorded in the journal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Sequence number of the journal entry.
    #[schema(minimum = 1)]
    pub sequence: i64,
    /// Version that the write gave the item.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Time of the write, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub at: String,
    /// Account that wrote; null for the command line and for writes by the server itself.
    #[schema(required = true)]
    pub actor: Option<Person>,
    /// Action of the write: `create`, `update`, `update_draft`, `publish`, …
    #[schema(example = "publish")]
    pub action: String,
    /// Reason that was given for the write; null if none was given.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// JSON Pointers (RFC 6901) to the parts of the content that changed.
    pub changed: Vec<String>,
    /// Id of the request that wrote.
    pub request_id: String,
    /// Id of the batch of which the write was a part; null for a single write.
    #[schema(required = true, format = "uuid")]
    pub batch: Option<String>,
}

/// A page of revisions, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionPage {
    /// Revisions of the page.
    pub data: Vec<Revision>,
    /// Value of `before` for the next page, with older revisions; null on the last page.
    #[schema(required = true)]
    pub next: Option<i64>,
}

/// One difference between two revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionDifference {
    /// JSON Pointer (RFC 6901) to the value that differs.
    #[schema(example = "/title/en")]
    pub pointer: String,
    /// Value in the older version; null if it had none.
    #[schema(required = true)]
    pub before: Value,
    /// Value in the newer version; null if it has none.
    #[schema(required = true)]
    pub after: Value,
}

/// The differences between two revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionDiff {
    /// Older version; 0 for the state before the item was created.
    #[schema(minimum = 0)]
    pub older: i64,
    /// Newer version.
    #[schema(minimum = 1)]
    pub newer: i64,
    /// Differences, in the order of the fields.
    pub differences: Vec<RevisionDifference>,
}

impl From<JournalEntry> for Revision {
    fn from(entry: JournalEntry) -> Self {
        Self {
            changed: entry.places(),
            sequence: entry.sequence,
            version: entry.version,
            at: utc_text(entry.at),
            actor: entry.actor.map(|id| Person { id, name: entry.actor_name }),
            action: entry.action,
            reason: entry.reason,
            request_id: entry.request_id,
            batch: entry.batch,
        }
    }
}

/// Returns the history routes of a content type.
pub fn routes(resource: &'static ContentType) -> Vec<Route> {
    let (schema, item) = (resource.schema, with_article(resource));
    let path = format!("{}/revisions", item_path(resource));
    let read = Access::May(Area::Content, Action::Read);
    let one = format!("{path}/{{version}}");
    vec![
        Route::get(&path, read, move |r| list(resource, r))
            .operation_id(format!("list{schema}Revisions"))
            .shared_operation(every_collection(resource, &path, "listRevisions", "List the revisions of an item"))
            .tag(resource.title_plural)
            .summary(format!("List the revisions of {item}"))
            .description(
                "Returns one page of the item's history, newest first: each write with its author, action, reason and \
                 the parts of the content that changed. Fails with 404 when there is no such item.",
            )
            .parameters([path_id_or_slug(), before_parameter(), limit()])
            .responds(200, "One page of revisions.", reference("RevisionPage"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::get(&one, read, move |r| get(resource, r))
            .operation_id(format!("get{schema}Revision"))
            .tag(resource.title_plural)
            .summary(format!("Get a revision of {item}"))
            .description(
                "Returns the item as it was at a version: its content in the form in which editors send it with \
                 `locale=*`, with references as ids. Fails with 404 when there is no such item or version.",
            )
            .parameters([path_id_or_slug(), version()])
            .responds(200, "The revision.", reference(&format!("{schema}Revision")), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::get(format!("{one}/diff"), read, move |r| compare(resource, r))
            .operation_id(format!("diff{schema}Revisions"))
            .shared_operation(every_collection(
                resource,
                &format!("{one}/diff"),
                "diffRevisions",
                "Compare two revisions of an item",
            ))
            .tag(resource.title_plural)
            .summary(format!("Compare two revisions of {item}"))
            .description(
                "Returns the differences between a version and another one, by default the version before it, for each \
                 field and locale. Fails with 404 when there is no such item or version.",
            )
            .parameters([path_id_or_slug(), version(), against_parameter()])
            .responds(200, "The differences.", reference("RevisionDiff"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post(format!("{one}/restore"), Access::May(Area::Content, Action::UpdateOwn), move |r| {
            restore(resource, r)
        })
        .operation_id(format!("restore{schema}Revision"))
        .shared_operation(every_collection(
            resource,
            &format!("{one}/restore"),
            "restoreRevision",
            "Restore a revision of an item",
        ))
        .tag(resource.title_plural)
        .summary(format!("Restore a revision of {item}"))
        .description(
            "Writes a new version of the item with the content and slug of an earlier one, in all locales, and returns \
             the item; the history keeps all versions. With `view=draft`, the working draft of a published or archived \
             item is written instead. Fails with 404 when there is no such item or version, with 412 when the item was \
             changed since the version in `If-Match`, and with 422 when the old content is no longer valid.",
        )
        .parameter_set(ParameterSet::Step)
        .parameters([path_id_or_slug(), version(), IF_MATCH.clone()])
        .responds(200, "The item after the change.", reference(ANY_ITEM), &["ETag"])
        .or_media_type(ALL_LOCALES, reference(ANY_ITEM))
        .problems(&WRITE_PROBLEMS)
        .problems(&[ProblemKind::Invalid]),
    ]
}

fn version() -> Parameter {
    parameter("version", ParameterIn::Path, integer_between(1, MAX_NUMBER), "Version of the item.", json!(3))
}

fn against_parameter() -> Parameter {
    query(
        "against",
        integer_between(1, MAX_NUMBER),
        "Version to compare with; by default the version before.",
        json!(1),
    )
}

/// Returns the `before` parameter of journal pages.
pub fn before_parameter() -> Parameter {
    query(
        "before",
        integer_between(1, MAX_NUMBER),
        "Only entries with a smaller sequence number: `next` of the previous page.",
        json!(120),
    )
}

/// Returns the `limit` parameter of journal pages.
pub fn limit() -> Parameter {
    page_limit(MAX_LIMIT, 20)
}

/// Reads `before` and `limit` of a request for a journal page.
///
/// # Errors
/// 400 if one of them is not a number in its range.
pub fn page_parameters(request: &Request) -> Result<(i64, i64), Problem> {
    let before = number(request, "before", MAX_NUMBER)?.unwrap_or(i64::MAX);
    Ok((before, number(request, "limit", MAX_LIMIT)?.unwrap_or(20)))
}

async fn list(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let (before, limit) = page_parameters(&request)?;
    let key = request.path("id_or_slug").to_owned();
    let read = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        Ok::<_, Problem>(history::entries(c, resource.kind, &item.id, before, limit)?)
    };
    let entries = request.app.database.read(read).await?;
    // A full page may be the last one; the next page is then empty.
    let next = entries.last().map(|last| last.sequence).filter(|_| entries.len() as i64 == limit);
    let page = RevisionPage { data: entries.into_iter().map(Revision::from).collect(), next };
    Ok(Response::json(200, &page)?.no_store())
}

/// Returns the version in the path; 404 if it is not a positive number.
fn version_of(request: &Request) -> Result<i64, Problem> {
    request.path("version").parse().ok().filter(|v| *v > 0).ok_or_else(|| Problem::not_found("revision"))
}

async fn state(resource: &'static ContentType, request: &Request, version: i64) -> Result<State, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let read = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        history::state_at(c, resource.kind, &item.id, version)
    };
    request.app.database.read(read).await
}

fn input(resource: &'static ContentType, state: &State) -> Map<String, Value> {
    as_input(resource.fields, Some(state.slug.clone()), &state.content, &LocaleMode::All)
}

async fn get(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let version = version_of(&request)?;
    let state = state(resource, &request, version).await?;
    let content = input(resource, &state);
    let revision = Revision::from(state.entry);
    let mut body = serde_json::to_value(&revision).map_err(|error| Problem::internal(&error))?;
    body["status"] = state.state.into();
    body["working_draft"] = state.is_working_draft.into();
    body["content"] = content.into();
    Ok(Response::json(200, &body)?.no_store())
}

async fn compare(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let version = version_of(&request)?;
    let other = match number(&request, "against", MAX_NUMBER)? {
        Some(other) => other,
        None => version - 1,
    };
    let (older, newer) = (version.min(other), version.max(other));
    let after = input(resource, &state(resource, &request, newer).await?);
    // Version 0 stands for the state before the item was created: an item without any fields.
    let before = match older {
        0 => Map::new(),
        older => input(resource, &state(resource, &request, older).await?),
    };
    let differences = diff(&before, &after)
        .into_iter()
        .map(|d| RevisionDifference { pointer: d.pointer, before: d.before, after: d.after })
        .collect();
    Ok(Response::json(200, &RevisionDiff { older, newer, differences })?.no_store())
}

async fn restore(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let mut editor = editor(resource, &request)?;
    // The revision is written in all locales, whatever locale the response is shown in.
    editor.request.mode = LocaleMode::All;
    if editor.request.author.reason.is_none() {
        editor.request.author.reason = Some(format!("restored from version {}", request.path("version")));
    }
    let expected = required_version(&request)?;
    let change = ItemChange::Revision(version_of(&request)?);
    Ok(write_response(&request, editor.change(request.path("id_or_slug"), expected, change).await?, 200))
}
