//! Writes of working drafts: the row of the draft, its version, the reservation of its slug, and the journal.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::slugs;
use super::write::{ItemWrite, at_version, resource_of};
use crate::database::schema::{drafts, items};
use crate::database::{Db, now};
use crate::items::Item;
use crate::items::working_draft::{WorkingDraft, find, put};
use crate::journal::diff::pointers;
use crate::journal::{self, Author};
use crate::problem::{Problem, ProblemKind};

/// Appends a journal entry about an item and the working draft that it has after the action.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn append_journal(
    connection: &mut Db,
    author: &Author,
    action: &str,
    item: &Item,
    draft: Option<&WorkingDraft>,
    changed: &[String],
) -> QueryResult<()> {
    let beside = draft.map(|draft| (draft.slug.as_str(), draft.content.as_str()));
    journal::append_item(connection, author, action, item, beside, changed)
}

/// Writes the working draft of an item that is still at `version`, and creates it if there is none. The first
/// draft starts from the item's own slug and content.
///
/// # Errors
///
/// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version,
/// with `Conflict` if the slug is taken, and if a statement fails.
pub fn write(
    connection: &mut Db,
    author: &Author,
    id: &str,
    version: i64,
    writing: ItemWrite,
) -> Result<Item, Problem> {
    let item = at_version(connection, id, version)?;
    let earlier = find(connection, &item)?;
    let (slug, before) = match &earlier {
        Some(draft) => (draft.slug.clone(), draft.content()),
        None => (item.slug.clone(), item.content()),
    };
    let asked = writing.slug.filter(|asked| *asked != slug);
    if let Some(asked) = &asked {
        slugs::require_free(connection, &item.kind, id, asked)?;
    }
    let changed = pointers(&before, &writing.content);
    let content = serde_json::to_string(&writing.content).unwrap_or_default();
    let draft = WorkingDraft {
        item_id: id.to_owned(),
        slug: asked.clone().unwrap_or(slug),
        updated_at: now(),
        updated_by: author.account_id.clone(),
        content,
    };
    put(connection, writing.resource, &draft, earlier.as_ref())?;
    // The reservation comes with the write, not with the publication: whoever asks for the slug later is
    // refused at once, instead of a plan failing when it is due.
    if asked.is_some() {
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    bump_draft_version(connection, author, "update_draft", item, Some(draft), &changed)
}

/// Gives an item its next draft version after a change of its stage or its working draft. Only `stage` and
/// `draft_version` are written, so the public response and its entity tag stay as they are.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn bump_draft_version(
    connection: &mut Db,
    author: &Author,
    action: &str,
    mut item: Item,
    draft: Option<WorkingDraft>,
    changed: &[String],
) -> Result<Item, Problem> {
    item.draft_version = item.latest() + 1;
    diesel::update(items::table.find(&item.id))
        .set((items::stage.eq(&item.stage), items::draft_version.eq(item.draft_version)))
        .execute(connection)?;
    append_journal(connection, author, action, &item, draft.as_ref(), changed)?;
    Ok(item)
}

/// Deletes the working draft, its links and the reservation of its slug. The caller must save the item's row
/// afterwards: `item.version` is raised to that of the draft here, so that the next version is newer than
/// both. Otherwise the item could get a version that the draft had already, and a stale entity tag would
/// match again.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn delete(connection: &mut Db, item: &mut Item) -> QueryResult<()> {
    item.version = item.latest();
    item.draft_version = 0;
    slugs::release(connection, &item.id)?;
    diesel::delete(drafts::table.find(&item.id)).execute(connection).map(drop)
}

/// Gives an imported item the stage and the working draft that it had in its previous installation, and
/// returns whether that changed anything. The caller renders the item and writes the journal entry. A draft
/// whose slug is taken here gets the slug of its item instead, so that its text is not lost.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn restore(
    connection: &mut Db,
    id: &str,
    stage: &str,
    version: i64,
    draft: Option<WorkingDraft>,
) -> Result<bool, Problem> {
    let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    if item.stage == stage && draft.is_none() {
        return Ok(false);
    }
    let mut draft_version = item.draft_version;
    if let Some(mut draft) = draft {
        draft_version = version.max(item.version + 1);
        match slugs::require_free(connection, &item.kind, id, &draft.slug) {
            Err(problem) if problem.kind == ProblemKind::Conflict => draft.slug.clone_from(&item.slug),
            outcome => outcome?,
        }
        put(connection, resource_of(&item)?, &draft, None)?;
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    diesel::update(items::table.find(id))
        .set((items::stage.eq(stage), items::draft_version.eq(draft_version)))
        .execute(connection)?;
    Ok(true)
}
