//! Branches of a tree of items: what a write to an item changes of the items below it, as with pages. These get journal
//! entries of their own without a new version, so that everything that follows the journal notices.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::slugs;
use super::write::content_type_of;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list, in_list_unindexed};
use crate::editorial::write_context::WriteContext;
use crate::items::paths::{self, MAX_PATH, MAX_SEGMENTS, PathFault};
use crate::items::{Item, working_draft};
use crate::journal::{self, Author, ItemEntry};
use crate::problem::{Problem, ProblemKind};

/// Number of items that are processed together.
const CHUNK: usize = 500;

/// Brings the paths of an item and of all below it in line with its row, which is stored.
///
/// # Errors
///
/// Fails with `Conflict` if another item has one of the paths, with `Invalid` if one is too long, and if a statement
/// fails.
pub fn follow_paths(connection: &mut Db, context: WriteContext<'_>, item: &Item) -> Result<(), Problem> {
    try_paths(connection, context, item)?.map_or(Ok(()), |fault| Err(problem(item, fault)))
}

/// Brings the paths of an item and of all below it in line with its row, as [`follow_paths`] does. Returns why that is not
/// possible, if it is not.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn try_paths(connection: &mut Db, context: WriteContext<'_>, item: &Item) -> Result<Option<PathFault>, Problem> {
    if !content_type_of(item)?.has_paths() {
        return Ok(None);
    }
    match paths::update(connection, context.site, &item.id)? {
        Ok(moved) => {
            append(connection, context.author, &moved, "/path")?;
            Ok(None)
        }
        Err(fault) => Ok(Some(fault)),
    }
}

/// Returns the problem of a path that an item, or one below it, cannot have.
pub fn problem(item: &Item, fault: PathFault) -> Problem {
    let has_segment = item.content().contains_key(crate::content_types::SEGMENT);
    match fault {
        PathFault::Taken { path, locale, holder, .. } => {
            let place = if path.is_empty() {
                "/role"
            } else if has_segment {
                "/segment"
            } else {
                "/slug"
            };
            let holder = match holder {
                Some((slug, true)) => format!("the page \"{slug}\", which is in the trash,"),
                Some((slug, false)) => format!("the page \"{slug}\""),
                None => "another page".to_owned(),
            };
            let message = match path.as_str() {
                "" => format!("{holder} is the home page"),
                path => format!("{holder} has the path \"{path}\" in \"{locale}\""),
            };
            let faults = Violations::one(place, "taken", message.clone());
            Problem::new(ProblemKind::Conflict, message).with_violations(faults.into_vec())
        }
        PathFault::TooLong { path, .. } => {
            let message = format!(
                "the path \"{path}\" is too long: a path has at most {MAX_SEGMENTS} segments and {MAX_PATH} characters"
            );
            Problem::invalid(Violations::one("/parent", "too_long", message))
        }
    }
}

/// Shows or hides the items below an item that became visible or invisible: its children, and where these are of its own
/// kind, all that are below them.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn show_or_hide(
    connection: &mut Db,
    author: &Author,
    content_type: &'static ContentType,
    item: &Item,
) -> QueryResult<()> {
    let Some(children) = content_type.children else { return Ok(()) };
    let is_tree = children.kind == content_type.kind;
    let mut above = vec![item.id.clone()];
    let mut changed = Vec::new();
    while !above.is_empty() {
        let found = visible_below(connection, children.kind, &above, item.live)?;
        if !item.live {
            slugs::note_shown(connection, children.kind, &found)?;
        }
        set_visibility(connection, &found, item)?;
        changed.extend(found.iter().cloned());
        above = if is_tree { found } else { Vec::new() };
    }
    if !is_tree {
        return Ok(());
    }
    if item.live && content_type.has_paths() {
        let ids: Vec<&str> = changed.iter().map(String::as_str).collect();
        paths::show(connection, &ids)?;
    }
    append(connection, author, &changed, "")
}

/// Returns the ids of the children of these items whose visibility changes.
fn visible_below(connection: &mut Db, kind: &str, above: &[String], live: bool) -> QueryResult<Vec<String>> {
    let dialect = connection.dialect();
    let mut found = Vec::new();
    for above in above.chunks(CHUNK) {
        let below = in_list(dialect, items::parent_id, above).and(in_list_unindexed(dialect, items::kind, [kind]));
        let waiting = items::status.eq("published").and(items::trashed_at.eq(0));
        let rows = items::table.filter(below).filter(items::live.ne(live)).select(items::id).into_boxed();
        let rows = if live { rows.filter(waiting) } else { rows };
        found.extend(rows.order(items::id).load::<String>(connection)?);
    }
    Ok(found)
}

/// Shows or hides items. Those that were never visible get the time at which they become so; consumers of changes are
/// told of the disappearance of such items only. The versions stay: nobody wrote to them.
fn set_visibility(connection: &mut Db, ids: &[String], above: &Item) -> QueryResult<()> {
    let dialect = connection.dialect();
    for ids in ids.chunks(CHUNK) {
        let these = || items::table.filter(in_list(dialect, items::id, ids));
        if above.live {
            let first = these().filter(items::shown_at.eq(0));
            diesel::update(first).set(items::shown_at.eq(above.updated_at)).execute(connection)?;
        }
        diesel::update(these()).set(items::live.eq(above.live)).execute(connection)?;
    }
    Ok(())
}

/// Appends journal entries about items that changed without a write of their own.
fn append(connection: &mut Db, author: &Author, ids: &[String], changed: &str) -> QueryResult<()> {
    let changed: Vec<String> = if changed.is_empty() { Vec::new() } else { vec![changed.to_owned()] };
    for ids in ids.chunks(CHUNK) {
        let these = items::table.filter(in_list(connection.dialect(), items::id, ids)).order(items::id);
        for item in these.select(Item::as_select()).load::<Item>(connection)? {
            let draft = working_draft::find(connection, &item)?;
            let draft = draft.as_ref().map(|draft| (draft.slug.as_str(), draft.content.as_str()));
            let entry = ItemEntry { action: "follow", draft, changed: &changed };
            journal::append_item(connection, author, &item, entry)?;
        }
    }
    Ok(())
}
