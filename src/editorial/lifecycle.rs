//! The publication workflow of an item: draft, in review, scheduled, published, archived, and the trash. Each
//! step is an [`Operation`], which the author's role and the item's state must allow.
//!
//! A publication checks everything that can stand against it before its first write, so that an ordinary
//! refusal costs no rollback. A step that fails half-way is undone with its transaction, or with its
//! savepoint where several plans or steps share a transaction: the functions here undo nothing themselves.

use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::auth::permissions::{Action, Area, Role, is_permitted};
use crate::content::Site;
use crate::database::schema::items;
use crate::database::{Db, now};
use crate::editorial::publication_checks::{self, PublishedIds};
use crate::editorial::working_drafts;
use crate::editorial::write::{self, resource_of};
use crate::editorial::{ownership, review, schedule, slugs};
use crate::items::Item;
use crate::items::working_draft;
use crate::items::working_draft::WorkingDraft;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// A step of the publication workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Sends a draft or working draft to review.
    Submit,
    /// Takes a submission back from review.
    Withdraw,
    /// Returns a submission to its author, with a comment.
    Reject,
    /// Makes an item public, with the text of its working draft if it has one.
    Publish,
    /// Plans a publication, an unpublication, or both.
    Schedule {
        /// Time of the publication (µs).
        publish_at: Option<i64>,
        /// Time of the unpublication (µs).
        unpublish_at: Option<i64>,
    },
    /// Cancels everything that is scheduled for an item.
    Unschedule,
    /// Turns a published or archived item into a draft.
    Unpublish,
    /// Withdraws an item from the public and keeps it as archived.
    Archive,
    /// Deletes the working draft.
    Discard,
    /// Moves an item to the trash.
    Trash,
    /// Takes an item out of the trash.
    Restore,
}

impl Operation {
    /// Returns the name of the step in paths and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Operation::Submit => "submit",
            Operation::Withdraw => "withdraw",
            Operation::Reject => "reject",
            Operation::Publish => "publish",
            Operation::Schedule { .. } => "schedule",
            Operation::Unschedule => "unschedule",
            Operation::Unpublish => "unpublish",
            Operation::Archive => "archive",
            Operation::Discard => "discard",
            Operation::Trash => "trash",
            Operation::Restore => "restore",
        }
    }

    /// The steps without parameters, in the order of the documentation.
    pub const PLAIN: [Operation; 10] = [
        Operation::Submit,
        Operation::Withdraw,
        Operation::Reject,
        Operation::Publish,
        Operation::Unschedule,
        Operation::Unpublish,
        Operation::Archive,
        Operation::Discard,
        Operation::Trash,
        Operation::Restore,
    ];

    /// Returns the permission that the step requires.
    pub fn action(self) -> Action {
        match self {
            Operation::Submit | Operation::Withdraw | Operation::Discard => Action::UpdateOwn,
            Operation::Trash => Action::Trash,
            Operation::Restore => Action::Restore,
            _ => Action::Publish,
        }
    }

    /// Returns the reason for which the item's state does not allow the step, or `None` if it does.
    pub fn refused(self, item: &Item) -> Option<&'static str> {
        let unpublished = item.status == "draft" || item.has_working_draft();
        let public = item.status == "published";
        if self != Operation::Restore && item.trashed_at != 0 {
            return Some("the item is in the trash; restore it first");
        }
        let (allowed, why) = match self {
            Operation::Submit => (unpublished && item.stage == "draft", "the item has no draft to submit"),
            Operation::Withdraw | Operation::Reject => (item.stage == "in_review", "the item is not in review"),
            Operation::Publish => {
                (!public || item.has_working_draft(), "the item is already published and has no working draft")
            }
            Operation::Schedule { publish_at: None, .. } => (public, "the item is not published"),
            Operation::Schedule { .. } => {
                (unpublished || !public, "the item is already published and has no working draft to schedule")
            }
            Operation::Unpublish => (item.status != "draft", "the item is not published"),
            Operation::Archive => (item.status != "archived", "the item is already archived"),
            Operation::Discard => (item.has_working_draft(), "the item has no working draft"),
            Operation::Restore => (item.trashed_at != 0, "the item is not in the trash"),
            Operation::Unschedule | Operation::Trash => (true, ""),
        };
        (!allowed).then_some(why)
    }
}

/// The context of a write: the site, the author and the author's role.
#[derive(Clone, Copy)]
pub struct WriteContext<'a> {
    /// The configuration of the site.
    pub site: &'a Site,
    /// The author, as the journal records it.
    pub author: &'a Author,
    /// The role of the author. The scheduler has none and passes every check: the plan that it carries out
    /// was checked when an editor made it.
    pub role: Option<Role>,
}

impl WriteContext<'_> {
    /// Refuses an action that the author may not take on this item.
    ///
    /// # Errors
    ///
    /// Fails with `Forbidden` if the role lacks the permission, or has it only for the author's own items and
    /// this item belongs to somebody else; and if a query fails.
    pub fn must(&self, connection: &mut Db, item: &Item, action: Action) -> Result<(), Problem> {
        let Some(role) = self.role else { return Ok(()) };
        if action != Action::UpdateOwn || is_permitted(role, Area::Content, Action::Update) {
            return require_permission(role, action);
        }
        require_permission(role, action)?;
        if ownership::is_own(connection, item, self.author.account_id.as_deref())? {
            return Ok(());
        }
        let detail = "contributors change only items that they created or are assigned to";
        Err(Problem::new(ProblemKind::Forbidden, detail))
    }
}

/// Refuses an action that the role may not take on any item.
///
/// # Errors
///
/// Fails with `Forbidden` if the role lacks the permission.
pub fn require_permission(role: Role, action: Action) -> Result<(), Problem> {
    if is_permitted(role, Area::Content, action) {
        return Ok(());
    }
    let detail = match action {
        Action::Publish => "publishing, and changing what is public or scheduled, requires the role editor",
        _ => "the role of this account does not permit this operation",
    };
    Err(Problem::new(ProblemKind::Forbidden, detail))
}

/// Takes a step, with everything that follows from it. `together` holds the items that are published in the
/// same transaction and so count as published.
///
/// Comparing versions is the task of the caller, within the same transaction.
///
/// # Errors
///
/// Fails with `Forbidden` if the author may not take the step, with `Conflict` if the state does not allow it
/// or a slug is taken, with `Invalid` if the text lacks something that a publication requires, and if a
/// statement fails.
pub fn apply(
    connection: &mut Db,
    pen: WriteContext<'_>,
    item: Item,
    operation: Operation,
    together: &PublishedIds,
) -> Result<Item, Problem> {
    pen.must(connection, &item, operation.action())?;
    if let Some(why) = operation.refused(&item) {
        return Err(Problem::new(ProblemKind::Conflict, why));
    }
    match operation {
        Operation::Submit => set_stage(connection, pen, item, operation.word(), "in_review"),
        Operation::Withdraw => set_stage(connection, pen, item, operation.word(), "draft"),
        Operation::Reject => {
            let rejected = set_stage(connection, pen, item, operation.word(), "draft")?;
            let why = pen.author.reason.as_deref().unwrap_or("Rejected.");
            review::comment(connection, pen.author, &rejected, None, why)?;
            Ok(rejected)
        }
        Operation::Publish => publish(connection, pen, item, together),
        Operation::Schedule { publish_at, unpublish_at } => {
            schedule_item(connection, pen, item, operation, publish_at, unpublish_at)
        }
        Operation::Unschedule => unschedule(connection, pen, item),
        Operation::Unpublish => unpublish(connection, pen, item),
        Operation::Archive => archive(connection, pen, item),
        Operation::Discard => discard(connection, pen, item),
        Operation::Trash => trash(connection, pen, item),
        Operation::Restore => {
            let restored = Item { trashed_at: 0, ..item };
            save_unchanged(connection, pen, restored, operation.word())
        }
    }
}

/// Saves an item with unchanged content.
fn save_unchanged(connection: &mut Db, pen: WriteContext<'_>, item: Item, action: &str) -> Result<Item, Problem> {
    let content = item.content();
    write::save(connection, pen.site, pen.author, action, item, &content)
}

/// Moves the unpublished text, that of a draft or of a working draft, to another stage.
///
/// The stage of a working draft is written without a new public version, so that the public response and its
/// entity tag stay valid.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn set_stage(
    connection: &mut Db,
    pen: WriteContext<'_>,
    mut item: Item,
    action: &str,
    stage: &str,
) -> Result<Item, Problem> {
    item.stage = stage.to_owned();
    if !item.has_working_draft() {
        return save_unchanged(connection, pen, item, action);
    }
    let draft = working_draft::find(connection, &item)?;
    working_drafts::bump_draft_version(connection, pen.author, action, item, draft, &[])
}

/// Checks everything that can stand against the publication of a text, now or as a plan, before anything is
/// written. The text of a working draft is checked for circles and for its slug too; an item's own text was
/// when it was written.
fn require_publishable(
    connection: &mut Db,
    pen: WriteContext<'_>,
    item: &Item,
    draft: Option<&WorkingDraft>,
    content: &Map<String, Value>,
    together: &PublishedIds,
) -> Result<(), Problem> {
    let resource = resource_of(item)?;
    publication_checks::require(connection, pen.site, resource, content, None, together)?;
    let Some(draft) = draft else { return Ok(()) };
    write::refuse_circle(connection, resource, &item.id, content)?;
    slugs::require_free(connection, &item.kind, &item.id, &draft.slug)
}

fn publish(
    connection: &mut Db,
    pen: WriteContext<'_>,
    mut item: Item,
    together: &PublishedIds,
) -> Result<Item, Problem> {
    let draft = working_draft::find(connection, &item)?;
    let content = working_draft::newest(&item, draft.as_ref());
    require_publishable(connection, pen, &item, draft.as_ref(), &content, together)?;
    if let Some(draft) = draft {
        // The draft is deleted before `save`, which would otherwise take the item for one that keeps its
        // draft, and record the draft in the journal beside the text that it has become.
        working_drafts::delete(connection, &mut item)?;
        slugs::assign(connection, &mut item, None, &draft.slug)?;
    }
    schedule::forget_one(connection, &item.id, schedule::PUBLISH)?;
    item.status = "published".to_owned();
    item.stage = "draft".to_owned();
    write::save(connection, pen.site, pen.author, Operation::Publish.word(), item, &content)
}

fn schedule_item(
    connection: &mut Db,
    pen: WriteContext<'_>,
    item: Item,
    operation: Operation,
    publish_at: Option<i64>,
    unpublish_at: Option<i64>,
) -> Result<Item, Problem> {
    if publish_at.is_some() {
        // The plan checks again when it is due; editors learn of a missing value here, while they can act.
        let draft = working_draft::find(connection, &item)?;
        let content = working_draft::newest(&item, draft.as_ref());
        require_publishable(connection, pen, &item, draft.as_ref(), &content, &PublishedIds::new())?;
    }
    let actor = pen.author.account_id.as_deref();
    if let Some(at) = unpublish_at {
        schedule::set(connection, &item.id, schedule::UNPUBLISH, at, actor)?;
    }
    let Some(at) = publish_at else { return bump_version(connection, pen, item, operation.word()) };
    schedule::set(connection, &item.id, schedule::PUBLISH, at, actor)?;
    set_stage(connection, pen, item, operation.word(), "scheduled")
}

/// Gives an item its next version, as every step does, for a change that touches neither its text nor its
/// working draft.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn bump_version(connection: &mut Db, pen: WriteContext<'_>, item: Item, action: &str) -> Result<Item, Problem> {
    if !item.has_working_draft() {
        return write::bump_version(connection, pen.site, pen.author, action, item);
    }
    let draft = working_draft::find(connection, &item)?;
    working_drafts::bump_draft_version(connection, pen.author, action, item, draft, &[])
}

fn unschedule(connection: &mut Db, pen: WriteContext<'_>, item: Item) -> Result<Item, Problem> {
    if schedule::forget(connection, &item.id)? == 0 {
        return Err(Problem::new(ProblemKind::Conflict, "nothing is scheduled for the item"));
    }
    match item.stage == "scheduled" {
        true => set_stage(connection, pen, item, Operation::Unschedule.word(), "draft"),
        false => bump_version(connection, pen, item, Operation::Unschedule.word()),
    }
}

/// Turns an item into a draft with the text that was public. A working draft stays beside it: if its text
/// took the place of the item's, a slug that another item has taken or a purged reference could make the step
/// fail, and the item would stay public because of a text that never was.
fn unpublish(connection: &mut Db, pen: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget_one(connection, &item.id, schedule::UNPUBLISH)?;
    item.status = "draft".to_owned();
    save_unchanged(connection, pen, item, Operation::Unpublish.word())
}

fn archive(connection: &mut Db, pen: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget(connection, &item.id)?;
    item.status = "archived".to_owned();
    item.stage = "draft".to_owned();
    save_unchanged(connection, pen, item, Operation::Archive.word())
}

fn discard(connection: &mut Db, pen: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    let draft = working_draft::find(connection, &item)?;
    let mine = draft.is_some_and(|draft| draft.updated_by == pen.author.account_id);
    if !mine && let Some(role) = pen.role {
        require_permission(role, Action::Publish)?;
    }
    working_drafts::delete(connection, &mut item)?;
    schedule::forget_one(connection, &item.id, schedule::PUBLISH)?;
    item.stage = "draft".to_owned();
    save_unchanged(connection, pen, item, Operation::Discard.word())
}

fn trash(connection: &mut Db, pen: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget(connection, &item.id)?;
    if item.stage == "scheduled" {
        item.stage = "draft".to_owned();
    }
    item.trashed_at = now();
    save_unchanged(connection, pen, item, Operation::Trash.word())
}

/// Hides a translation from the public, or shows it.
///
/// # Errors
///
/// Fails with `Forbidden` if the author may not publish, with `Conflict` if the item is in the trash or the
/// translation is in that state already, and if a statement fails.
pub fn show_translation(
    connection: &mut Db,
    pen: WriteContext<'_>,
    mut item: Item,
    locale: &str,
    hidden: bool,
) -> Result<Item, Problem> {
    pen.must(connection, &item, Action::Publish)?;
    let mut translations = item.translations();
    if item.trashed_at != 0 {
        return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
    }
    if translations.get(locale).hidden == hidden {
        let detail = if hidden { "the translation is not published" } else { "the translation is already published" };
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    translations.set(locale, |state| state.hidden = hidden);
    item.translations = translations.stored();
    save_unchanged(connection, pen, item, if hidden { "unpublish_translation" } else { "publish_translation" })
}

/// Loads an item by its id.
///
/// # Errors
///
/// Fails with `NotFound` if the item does not exist, and if the query fails.
pub fn load(connection: &mut Db, id: &str) -> Result<Item, Problem> {
    let item = items::table.find(id).select(Item::as_select()).first(connection).optional()?;
    item.ok_or_else(|| Problem::not_found("item"))
}
