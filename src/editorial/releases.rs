//! Releases: named sets of workflow steps that are taken together, at a planned time or by hand.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::bulk::{self, Step};
use super::plan::{Plan, PlanId};
use super::review;
use crate::content::Site;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::database::schema::{items, release_items, releases};
use crate::database::{Db, in_list, new_id, now};
use crate::editorial::lifecycle::Operation;
use crate::editorial::write_context::WriteContext;
use crate::items::ExpectedVersions;
use crate::journal::{self, Author, NewEntry};
use crate::problem::{Problem, ProblemKind};

/// A row of `releases`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = releases, treat_none_as_null = true)]
pub struct Release {
    /// UUIDv7.
    pub id: String,
    /// The name that editors gave the release.
    pub name: String,
    /// `open`, `scheduled`, `published` or `failed`.
    pub status: String,
    /// Planned time of publication (µs), or 0.
    pub due_at: i64,
    /// Version of the release, increased by one with each write.
    pub version: i64,
    /// Time of creation (µs).
    pub created_at: i64,
    /// Time of the last write (µs).
    pub updated_at: i64,
    /// The id of the account that created the release.
    pub created_by: Option<String>,
    /// The reason for which the release could not be published.
    pub failure: Option<String>,
}

/// A row of `release_items`: an item of a release with its step.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = release_items)]
pub struct Member {
    pub release_id: String,
    /// Index in the release, from 0.
    pub position: i32,
    pub item_id: String,
    /// `publish`, `unpublish` or `archive`.
    pub operation: String,
}

/// A change of a release; members that are `None` stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ReleaseChange {
    pub name: Option<String>,
    /// Planned time of publication (µs); 0 removes it.
    pub due_at: Option<i64>,
    /// The items with their steps, in place of all earlier ones.
    pub steps: Option<Vec<Step>>,
}

/// Returns the newest releases, newest first.
///
/// # Errors
///
/// Fails if the query fails.
pub fn all(connection: &mut Db, limit: i64) -> QueryResult<Vec<Release>> {
    releases::table.order(releases::id.desc()).limit(limit).select(Release::as_select()).load(connection)
}

/// Loads a release by its id.
///
/// # Errors
///
/// Fails with `NotFound` if the release does not exist, and if the query fails.
pub fn by_id(connection: &mut Db, id: &str) -> Result<Release, Problem> {
    let found = releases::table.find(id).select(Release::as_select()).first(connection).optional()?;
    found.ok_or_else(|| Problem::not_found("release"))
}

/// Loads the members of several releases with their items, ordered by release and position.
///
/// # Errors
///
/// Fails if the query fails.
pub fn members(connection: &mut Db, ids: &[&str]) -> QueryResult<Vec<(Member, crate::items::Item)>> {
    release_items::table
        .inner_join(items::table)
        .filter(in_list(connection.dialect(), release_items::release_id, ids))
        .order((release_items::release_id, release_items::position))
        .select((Member::as_select(), crate::items::Item::as_select()))
        .load(connection)
}

/// Creates a release.
///
/// # Errors
///
/// Fails with `Invalid` if a step names no item or an item twice, or if the release has a planned time and
/// could not be published now; and if a statement fails.
pub fn create(connection: &mut Db, context: WriteContext<'_>, change: ReleaseChange) -> Result<Release, Problem> {
    let at = now();
    let release = Release {
        id: new_id(),
        name: String::new(),
        status: "open".to_owned(),
        due_at: 0,
        version: 0,
        created_at: at,
        updated_at: at,
        created_by: context.author.account_id.clone(),
        failure: None,
    };
    diesel::insert_into(releases::table).values(&release).execute(connection)?;
    write(connection, context, "create", release, change)
}

/// Changes a release that is at a version that `version` accepts and has not been published.
///
/// # Errors
///
/// Fails with `NotFound` if the release does not exist, with `PreconditionFailed` if it has another version,
/// with `Conflict` if it has been published, and otherwise as [`create`] does.
pub fn update(
    connection: &mut Db,
    context: WriteContext<'_>,
    id: &str,
    version: &ExpectedVersions,
    change: ReleaseChange,
) -> Result<Release, Problem> {
    let release = open(connection, id, version)?;
    write(connection, context, "update", release, change)
}

/// Loads a release that must be at an accepted version and not yet published.
fn open(connection: &mut Db, id: &str, version: &ExpectedVersions) -> Result<Release, Problem> {
    let release = by_id(connection, id)?;
    if !version.accepts(release.version) {
        let detail = format!("the release is now at version {}", release.version);
        return Err(Problem::new(ProblemKind::PreconditionFailed, detail));
    }
    if release.status == "published" {
        return Err(Problem::new(ProblemKind::Conflict, "the release is already published"));
    }
    Ok(release)
}

fn write(
    connection: &mut Db,
    context: WriteContext<'_>,
    action: &str,
    mut release: Release,
    change: ReleaseChange,
) -> Result<Release, Problem> {
    // A release that failed waits for a decision of its editors: its time is past, so that it would become public at once.
    let has_failed = release.status == "failed" && change.due_at.is_none();
    release.name = change.name.unwrap_or(release.name);
    release.due_at = change.due_at.unwrap_or(release.due_at);
    if let Some(steps) = change.steps {
        set_members(connection, &release.id, &steps)?;
    }
    if !has_failed {
        release.failure = None;
        release.status = if release.due_at > 0 { "scheduled" } else { "open" }.to_owned();
    }
    if release.status == "scheduled" {
        // A plan is accepted only if the release could be published now, so that editors learn of an obstacle
        // while they can remove it. The attempt at the due time checks everything again.
        let steps = steps_of(connection, &release.id)?;
        bulk::try_all(connection, context, "items", &steps)?;
    }
    save(connection, context.author, action, release)
}

fn save(connection: &mut Db, author: &Author, action: &str, mut release: Release) -> Result<Release, Problem> {
    release.version += 1;
    release.updated_at = now();
    diesel::update(releases::table.find(&release.id)).set(&release).execute(connection)?;
    append_journal(connection, author, action, &release)?;
    Ok(release)
}

/// Appends a journal entry about a release.
fn append_journal(connection: &mut Db, author: &Author, action: &str, release: &Release) -> QueryResult<()> {
    let snapshot = serde_json::json!({
        "name": release.name, "status": release.status, "due_at": release.due_at, "failure": release.failure,
    });
    let entry = NewEntry {
        action,
        kind: "release",
        id: &release.id,
        version: release.version,
        snapshot: snapshot.to_string(),
        changed: &[],
    };
    journal::append(connection, author, entry)
}

/// Replaces the members of a release. All steps are looked at before any violation is returned.
fn set_members(connection: &mut Db, id: &str, steps: &[Step]) -> Result<(), Problem> {
    diesel::delete(release_items::table.filter(release_items::release_id.eq(id))).execute(connection)?;
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut faults = crate::content::violation::Violations::new();
    for (position, step) in steps.iter().enumerate() {
        let place = format!("/items/{position}/id");
        match crate::editorial::editor::find(connection, step.content_type, &step.key) {
            Ok(item) if seen.insert(item.id.clone(), position).is_some() => {
                faults.add(place, "duplicate", "the item is already in the release");
            }
            Ok(item) => {
                let member = Member {
                    release_id: id.to_owned(),
                    position: position as i32,
                    item_id: item.id,
                    operation: step.operation.name().to_owned(),
                };
                diesel::insert_into(release_items::table).values(&member).execute(connection)?;
            }
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                faults.add(place, "dangling_reference", problem.detail);
            }
            Err(problem) => return Err(problem),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// Returns the steps that a release still has to take. A step whose result is already there, such as the
/// publication of an item that an editor has published since, is left out; otherwise it would be refused and
/// the whole release with it. Items in the trash are kept in, so that the release is refused with that
/// reason.
fn steps_of(connection: &mut Db, id: &str) -> QueryResult<Vec<Step>> {
    let all = members(connection, &[id])?.into_iter().filter_map(|(member, item)| {
        let operation = operation(&member.operation)?;
        let content_type = ContentType::of_kind(&item.kind)?;
        let place = usize::try_from(member.position).unwrap_or_default();
        let step = Step { place, content_type, key: item.id.clone(), version: None, operation, keep_references: true };
        let done = item.trashed_at == 0 && operation.refusal(&item).is_some();
        (!done).then_some(step)
    });
    Ok(all.collect())
}

/// Parses the name of a step that a release can take.
pub fn operation(word: &str) -> Option<Operation> {
    [Operation::Publish, Operation::Unpublish, Operation::Archive].into_iter().find(|known| known.name() == word)
}

/// Publishes a release at a version that `version` accepts: takes all of its steps, or none.
///
/// # Errors
///
/// Fails as [`update`] does, and with `Invalid` if a step is refused. The caller must then roll back.
pub fn publish(
    connection: &mut Db,
    context: WriteContext<'_>,
    id: &str,
    version: &ExpectedVersions,
) -> Result<Release, Problem> {
    let release = open(connection, id, version)?;
    let steps = steps_of(connection, id)?;
    bulk::apply_all(connection, context, "items", &steps)?;
    save(connection, context.author, "publish", Release { status: "published".to_owned(), failure: None, ..release })
}

/// Deletes a release that has not been published.
///
/// # Errors
///
/// Fails with `NotFound` if the release does not exist, with `PreconditionFailed` if it has another version,
/// with `Conflict` if it has been published, and if a statement fails.
pub fn remove(
    connection: &mut Db,
    context: WriteContext<'_>,
    id: &str,
    version: &ExpectedVersions,
) -> Result<(), Problem> {
    let release = open(connection, id, version)?;
    diesel::delete(releases::table.find(id)).execute(connection)?;
    Ok(append_journal(connection, context.author, "delete", &release)?)
}

/// Returns the planned releases that are due at `moment` (µs), earliest first, at most `limit` of them.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_due(connection: &mut Db, moment: i64, limit: i64) -> QueryResult<Vec<Plan>> {
    let rows: Vec<(i64, String)> = releases::table
        .filter(releases::status.eq("scheduled").and(releases::due_at.le(moment)))
        .order((releases::due_at, releases::id))
        .limit(limit)
        .select((releases::due_at, releases::id))
        .load(connection)?;
    Ok(rows.into_iter().map(|(due_at, id)| Plan { due_at, id: PlanId::Release(id) }).collect())
}

/// Returns whether a scheduled release publishes an item. Changes of its text would become public with the
/// release, so they require the permission to publish.
///
/// # Errors
///
/// Fails if the query fails.
pub fn will_publish(connection: &mut Db, item_id: &str) -> QueryResult<bool> {
    let found: Option<String> = release_items::table
        .inner_join(releases::table.on(releases::id.eq(release_items::release_id)))
        .filter(release_items::item_id.eq(item_id).and(releases::status.eq("scheduled")))
        .filter(release_items::operation.eq(Operation::Publish.name()))
        .select(releases::id)
        .first(connection)
        .optional()?;
    Ok(found.is_some())
}

/// Returns whether a release takes an item down.
///
/// # Errors
///
/// Fails if the query fails.
pub fn takes_down(connection: &mut Db, id: &str) -> QueryResult<bool> {
    let found: Option<String> = release_items::table
        .filter(release_items::release_id.eq(id).and(release_items::operation.ne(Operation::Publish.name())))
        .select(release_items::item_id)
        .first(connection)
        .optional()?;
    Ok(found.is_some())
}

/// Loads a release if it is still scheduled.
fn load_scheduled(connection: &mut Db, id: &str) -> QueryResult<Option<Release>> {
    let planned = releases::table.find(id).filter(releases::status.eq("scheduled"));
    planned.select(Release::as_select()).first(connection).optional()
}

/// Returns the author under whom a planned release is published: the account that created it.
fn author(release: &Release) -> Author {
    Author {
        account_id: release.created_by.clone(),
        request_id: "release".to_owned(),
        reason: Some(format!("release \"{}\"", release.name)),
        via: None,
        due_at: Some(release.due_at),
        batch: None,
    }
}

/// Takes all steps of a scheduled release. One that is no longer scheduled was published by another node or
/// an editor, or withdrawn, and nothing happens.
///
/// # Errors
///
/// Fails with `Invalid` if a step is refused, and if a statement fails. The caller must then roll back.
pub fn attempt(connection: &mut Db, site: &Site, id: &str) -> Result<(), Problem> {
    let Some(release) = load_scheduled(connection, id)? else { return Ok(()) };
    let author = author(&release);
    let steps = steps_of(connection, id)?;
    bulk::apply_all(connection, WriteContext::without_role(site, &author), "items", &steps)?;
    let live = Release { status: "published".to_owned(), failure: None, ..release };
    save(connection, &author, "publish", live).map(drop)
}

/// Records why a scheduled release was refused: in the release, in the journal, and in a comment on each item
/// whose step was refused.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn report(connection: &mut Db, id: &str, reason: String, faults: &[Violation]) -> Result<(), Problem> {
    let Some(release) = load_scheduled(connection, id)? else { return Ok(()) };
    let (author, name) = (author(&release), release.name.clone());
    save(connection, &author, "fail", Release { status: "failed".to_owned(), failure: Some(reason), ..release })?;
    let system = Author { account_id: None, ..author };
    for (member, item) in members(connection, &[id])? {
        let place = format!("/items/{}", member.position);
        let own: Vec<&str> = faults.iter().filter(|f| f.pointer == place).map(|f| f.message.as_str()).collect();
        if !own.is_empty() {
            let why = format!("The release \"{name}\" was not published: {}", own.join("; "));
            review::comment(connection, &system, &item, None, &why)?;
        }
    }
    Ok(())
}
