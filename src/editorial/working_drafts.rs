//! Writes of working drafts: the row of the draft, its version, the reservation of its slug, and the journal.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::slugs;
use super::write::{ItemWrite, content_type_of};
use crate::database::schema::{drafts, items};
use crate::database::{Db, now};
use crate::items::Item;
use crate::items::working_draft::{WorkingDraft, find, put};
use crate::journal::diff::pointers;
use crate::journal::{self, Author, ItemEntry};
use crate::problem::{Problem, ProblemKind};

/// What the journal records of a write to an item that can have a working draft.
pub struct DraftEntry<'a> {
    /// The action, such as `update_draft`.
    pub action: &'a str,
    /// The working draft that the item has after the action.
    pub draft: Option<WorkingDraft>,
    /// JSON Pointers of the changed values.
    pub changed: &'a [String],
}

impl<'a> DraftEntry<'a> {
    /// Returns the entry for an action that changes no values.
    pub fn without_changes(action: &'a str, draft: Option<WorkingDraft>) -> Self {
        Self { action, draft, changed: &[] }
    }

    /// Appends the entry to the journal.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails.
    pub fn append(&self, connection: &mut Db, author: &Author, item: &Item) -> QueryResult<()> {
        let draft = self.draft.as_ref().map(|draft| (draft.slug.as_str(), draft.content.as_str()));
        let entry = ItemEntry { action: self.action, draft, changed: self.changed };
        journal::append_item(connection, author, item, entry)
    }
}

/// Writes the working draft of an item, as the transaction sees it, and creates it if there is none. The first
/// draft starts from the item's own slug and content.
///
/// # Errors
///
/// Fails with `Conflict` if the slug is taken, and if a statement fails.
pub fn write(connection: &mut Db, author: &Author, item: Item, writing: ItemWrite<'_>) -> Result<Item, Problem> {
    let earlier = find(connection, &item)?;
    let (slug, before) = match &earlier {
        Some(draft) => (draft.slug.clone(), draft.content()),
        None => (item.slug.clone(), item.content()),
    };
    let requested = writing.slug.filter(|requested| *requested != slug);
    if let Some(requested) = &requested {
        slugs::require_free(connection, &item.kind, &item.id, requested)?;
    }
    let changed = pointers(&before, &writing.content);
    let content = serde_json::to_string(&*writing.content).unwrap_or_default();
    let draft = WorkingDraft {
        item_id: item.id.clone(),
        slug: requested.clone().unwrap_or(slug),
        updated_at: now(),
        updated_by: author.account_id.clone(),
        content,
    };
    put(connection, writing.content_type, &draft, earlier.as_ref())?;
    // The reservation comes with the write, not with the publication: whoever asks for the slug later is
    // refused at once, instead of a plan failing when it is due.
    if requested.is_some() {
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    let entry = DraftEntry { action: "update_draft", draft: Some(draft), changed: &changed };
    bump_draft_version(connection, author, item, entry)
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
    mut item: Item,
    entry: DraftEntry<'_>,
) -> Result<Item, Problem> {
    item.draft_version = item.latest_version() + 1;
    diesel::update(items::table.find(&item.id))
        .set((items::stage.eq(&item.stage), items::draft_version.eq(item.draft_version)))
        .execute(connection)?;
    entry.append(connection, author, &item)?;
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
    item.version = item.latest_version();
    item.draft_version = 0;
    slugs::release(connection, &item.id)?;
    diesel::delete(drafts::table.find(&item.id)).execute(connection).map(drop)
}

/// The changes by the restoration of a stage and a working draft.
#[derive(Debug, Default)]
pub struct Restoration {
    /// Whether it changed anything.
    pub is_changed: bool,
    /// The conflict for which the draft has the slug of its item in place of its own.
    pub slug_conflict: Option<Problem>,
}

/// Gives an imported item the stage and the working draft that it had in its previous installation, and
/// returns what that changed. The caller renders the item and writes the journal entry. A draft whose slug is taken here
/// gets the slug of its item instead, so that its text is not lost.
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
) -> Result<Restoration, Problem> {
    let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    if item.stage == stage && draft.is_none() {
        return Ok(Restoration::default());
    }
    let (mut draft_version, mut slug_conflict) = (item.draft_version, None);
    if let Some(mut draft) = draft {
        draft_version = version.max(item.version + 1);
        match slugs::require_free(connection, &item.kind, id, &draft.slug) {
            Err(problem) if problem.kind == ProblemKind::Conflict => {
                draft.slug.clone_from(&item.slug);
                slug_conflict = Some(problem);
            }
            outcome => drop(outcome?),
        }
        put(connection, content_type_of(&item)?, &draft, None)?;
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    diesel::update(items::table.find(id))
        .set((items::stage.eq(stage), items::draft_version.eq(draft_version)))
        .execute(connection)?;
    Ok(Restoration { is_changed: true, slug_conflict })
}
