//! The history of one item: its revisions, what differs between them, and the way back.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::conditions::{WRITE_PROBLEMS, required_version};
use super::content_api::{item_path, tag};
use super::desk_api::{desk, written};
use super::openapi::schemas::reference;
use super::parameters::{IF_MATCH, MAX_NUMBER, number, path_id_or_slug, query, whole};
use super::route::{Access, Answer, Request, Route, Takes, parameter};
use crate::auth::permissions::{Action, Area};
use crate::content::LocaleMode;
use crate::content::moment::utc_text;
use crate::database::Db;
use crate::delivery::query::MAX_LIMIT;
use crate::editorial::merge::as_input;
use crate::editorial::operations::{Change, find};
use crate::journal::diff::diff;
use crate::journal::history::{self, State, Told};
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// Somebody with an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The account.
    #[schema(format = "uuid")]
    pub id: String,
    /// The person's name, while the account exists.
    #[schema(required = true)]
    pub name: Option<String>,
}

/// One write of an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Its number in the journal.
    #[schema(minimum = 1)]
    pub sequence: i64,
    /// The version that the item has since then.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
    /// Who; null for the command line.
    #[schema(required = true)]
    pub actor: Option<Person>,
    /// What was done: `create`, `update`, `update_draft`, `publish`, …
    #[schema(example = "publish")]
    pub action: String,
    /// Why, if that was said.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The places of the content that changed (JSON Pointers).
    pub changed: Vec<String>,
    /// The request that did it.
    pub request_id: String,
}

/// A page of revisions, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionPage {
    /// The revisions.
    pub data: Vec<Revision>,
    /// For `before`, to get those before these; null at the end.
    #[schema(required = true)]
    pub next: Option<i64>,
}

/// One difference between two revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionDifference {
    /// The place (JSON Pointer).
    #[schema(example = "/title/en")]
    pub pointer: String,
    /// What was there; null for nothing.
    #[schema(required = true)]
    pub before: Value,
    /// What was there then; null for nothing.
    #[schema(required = true)]
    pub after: Value,
}

/// What differs between two revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionDiff {
    /// The older version.
    #[schema(minimum = 0)]
    pub from: i64,
    /// The newer version.
    #[schema(minimum = 1)]
    pub to: i64,
    /// The differences, in the order of the fields.
    pub differences: Vec<RevisionDifference>,
}

impl From<Told> for Revision {
    fn from(told: Told) -> Self {
        Self {
            changed: told.places(),
            sequence: told.sequence,
            version: told.version,
            at: utc_text(told.at),
            actor: told.actor.map(|id| Person { id, name: told.actor_name }),
            action: told.action,
            reason: told.reason,
            request_id: told.request_id,
        }
    }
}

/// The routes of a kind.
pub fn routes(resource: &'static Resource) -> Vec<Route> {
    let (schema, noun, path) = (resource.schema, resource.noun, format!("{}/revisions", item_path(resource)));
    let read = Access::May(Area::Content, Action::Read);
    let one = format!("{path}/{{version}}");
    vec![
        Route::new(Method::GET, &path, format!("list{schema}Revisions"), move |r| list(resource, r))
            .about(tag(resource), format!("History of a {noun}"), "All writes, the newest first.")
            .access(read)
            .parameters([path_id_or_slug(resource), before(), limit()])
            .answers(200, "A page.", reference("RevisionPage"), &[])
            .problems(&[Kind::NotFound]),
        Route::new(Method::GET, &one, format!("get{schema}Revision"), move |r| get(resource, r))
            .about(
                tag(resource),
                format!("A {noun} as it was"),
                "The content as an editor would send it with `locale=*`; references are ids.",
            )
            .access(read)
            .parameters([path_id_or_slug(resource), version()])
            .answers(200, "The revision.", reference(&format!("{schema}Revision")), &[])
            .problems(&[Kind::NotFound]),
        Route::new(Method::GET, format!("{one}/diff"), format!("diff{schema}Revisions"), move |r| compare(resource, r))
            .about(tag(resource), format!("What changed in a {noun}"), "Field by field, language by language.")
            .access(read)
            .parameters([path_id_or_slug(resource), version(), against()])
            .answers(200, "The differences.", reference("RevisionDiff"), &[])
            .problems(&[Kind::NotFound]),
        Route::new(Method::POST, format!("{one}/restore"), format!("restore{schema}Revision"), move |r| {
            restore(resource, r)
        })
        .about(
            tag(resource),
            format!("Bring a {noun} back to what it was"),
            "A new version with that content and slug, in all languages; nothing of the history is lost.",
        )
        .access(Access::May(Area::Content, Action::UpdateOwn))
        .takes(Takes::Step)
        .parameters([path_id_or_slug(resource), version(), IF_MATCH.clone()])
        .answers(200, "Done.", reference(schema), &["ETag"])
        .problems(&WRITE_PROBLEMS)
        .problems(&[Kind::Invalid]),
    ]
}

fn version() -> Parameter {
    parameter("version", ParameterIn::Path, whole(1, MAX_NUMBER), "The version.", json!(3))
}

fn against() -> Parameter {
    query("with", whole(1, MAX_NUMBER), "The version to compare with; without it, the one before.", json!(1))
}

/// `before`, on pages of the journal.
pub fn before() -> Parameter {
    query("before", whole(1, MAX_NUMBER), "Only what has a smaller sequence: `next` of a page.", json!(120))
}

/// `limit`, on pages of the journal.
pub fn limit() -> Parameter {
    query("limit", whole(1, MAX_LIMIT).default(Some(json!(20))), "Entries a page.", json!(20))
}

/// `before` and `limit`.
pub fn page_of(request: &Request) -> Result<(i64, i64), Problem> {
    let before = number(request, "before", MAX_NUMBER)?.unwrap_or(i64::MAX);
    Ok((before, number(request, "limit", MAX_LIMIT)?.unwrap_or(20)))
}

async fn list(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let (before, limit) = page_of(&request)?;
    let key = request.path("id_or_slug").to_owned();
    let look = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        Ok::<_, Problem>(history::entries(c, resource.kind, &item.id, before, limit)?)
    };
    let told = request.app.database.read(look).await?;
    let next = told.last().map(|last| last.sequence).filter(|_| told.len() as i64 == limit);
    let page = RevisionPage { data: told.into_iter().map(Revision::from).collect(), next };
    Ok(Answer::of(200, &page)?.private())
}

/// The version in the path; what is no version is not there.
fn version_of(request: &Request) -> Result<i64, Problem> {
    request.path("version").parse().ok().filter(|v| *v > 0).ok_or_else(|| Problem::not_found("revision"))
}

async fn state(resource: &'static Resource, request: &Request, version: i64) -> Result<State, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let look = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        history::state_at(c, resource.kind, &item.id, version)
    };
    request.app.database.read(look).await
}

fn input(resource: &'static Resource, state: &State) -> Map<String, Value> {
    as_input(resource.fields, Some(state.slug.clone()), &state.content, &LocaleMode::All)
}

async fn get(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let version = version_of(&request)?;
    let state = state(resource, &request, version).await?;
    let content = input(resource, &state);
    let revision = Revision::from(state.told);
    let mut answer = serde_json::to_value(&revision).map_err(|error| Problem::internal(&error))?;
    answer["status"] = state.state.into();
    answer["working_draft"] = state.is_working_draft.into();
    answer["content"] = content.into();
    Ok(Answer::of(200, &answer)?.private())
}

async fn compare(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let version = version_of(&request)?;
    let other = match number(&request, "with", MAX_NUMBER)? {
        Some(other) => other,
        None => version - 1,
    };
    let newer = state(resource, &request, version.max(other)).await?;
    let newer = input(resource, &newer);
    // Before the first version there was nothing.
    let from = version.min(other);
    let older = match from {
        0 => Map::new(),
        from => input(resource, &state(resource, &request, from).await?),
    };
    let differences = diff(&older, &newer)
        .into_iter()
        .map(|d| RevisionDifference { pointer: d.pointer, before: d.before, after: d.after })
        .collect();
    Ok(Answer::of(200, &RevisionDiff { from, to: version.max(other), differences })?.private())
}

async fn restore(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let mut desk = desk(resource, &request)?;
    desk.mode = LocaleMode::All;
    if desk.author.reason.is_none() {
        desk.author.reason = Some(format!("restored from version {}", request.path("version")));
    }
    let expected = required_version(&request)?;
    let change = Change::Revision(version_of(&request)?);
    Ok(written(desk.change(request.path("id_or_slug"), expected, change).await?, 200))
}
