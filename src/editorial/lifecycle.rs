//! The publication workflow of an item: draft, in review, scheduled, published, archived, and the trash. Each
//! step is an [`Operation`], which the author's role and the item's state must allow.
//!
//! A publication checks everything that can stand against it before its first write, so that an ordinary
//! refusal costs no rollback. A step that fails half-way is undone with its transaction, or with its
//! savepoint where several plans or steps share a transaction: the functions here undo nothing themselves.

use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::auth::permissions::Action;
use crate::content_types::ContentType;
use crate::database::connection::Savepoint;
use crate::database::schema::items;
use crate::database::{Db, now};
use crate::editorial::publication_checks::{Publication, PublishedIds};
use crate::editorial::working_drafts::{self, DraftEntry};
use crate::editorial::write::{self, content_type_of};
use crate::editorial::write_context::WriteContext;
use crate::editorial::{merge, review, schedule, slugs};
use crate::items::Item;
use crate::items::working_draft;
use crate::items::working_draft::WorkingDraft;
use crate::problem::{Problem, ProblemKind};

/// Why an item of which there is one is not taken down.
pub const ALWAYS_PUBLIC: &str = "the settings of the site are always public";

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
    pub fn name(self) -> &'static str {
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
    pub const WITHOUT_PARAMETERS: [Operation; 10] = [
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

    /// Returns whether the public sees the item no more after the step, or after what it plans.
    pub fn takes_down(self) -> bool {
        let ends = matches!(self, Operation::Schedule { unpublish_at: Some(_), .. });
        ends || matches!(self, Operation::Unpublish | Operation::Archive | Operation::Trash)
    }

    /// Returns the reason for which the item's state does not allow the step, or `None` if it does.
    pub fn refusal(self, item: &Item) -> Option<&'static str> {
        let unpublished = item.status == "draft" || item.has_working_draft();
        let public = item.status == "published";
        if self != Operation::Restore && item.trashed_at != 0 {
            return Some("the item is in the trash; restore it first");
        }
        if self.takes_down() && ContentType::of_kind(&item.kind).is_some_and(ContentType::is_singleton) {
            return Some(ALWAYS_PUBLIC);
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

/// Refuses a step that the author may not take with this item.
///
/// # Errors
///
/// Fails with `Forbidden` if the author may not take the step, and if a query fails.
pub fn authorize(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: &Item,
    operation: Operation,
) -> Result<(), Problem> {
    context.authorize(connection, item, operation.action())?;
    if operation != Operation::Discard || !item.has_working_draft() {
        return Ok(());
    }
    let draft = working_draft::find(connection, item)?;
    let mine = draft.is_some_and(|draft| draft.updated_by == context.author.account_id);
    if !mine {
        context.require_publish()?;
    }
    // The step also cancels the publication.
    context.require_publish_if_scheduled(connection, item)
}

/// Takes a step, with everything that follows from it. `published` holds the items that are published in the
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
    context: WriteContext<'_>,
    item: Item,
    operation: Operation,
    published: &PublishedIds,
) -> Result<Item, Problem> {
    authorize(connection, context, &item, operation)?;
    if let Some(why) = operation.refusal(&item) {
        return Err(Problem::new(ProblemKind::Conflict, why));
    }
    match operation {
        Operation::Submit => set_stage(connection, context, item, operation.name(), "in_review"),
        Operation::Withdraw => set_stage(connection, context, item, operation.name(), "draft"),
        Operation::Reject => {
            let rejected = set_stage(connection, context, item, operation.name(), "draft")?;
            let why = context.author.reason.as_deref().unwrap_or("Rejected.");
            review::comment(connection, context.author, &rejected, None, why)?;
            Ok(rejected)
        }
        Operation::Publish => publish(connection, context, item, published),
        Operation::Schedule { publish_at, unpublish_at } => {
            schedule_item(connection, context, item, publish_at, unpublish_at)
        }
        Operation::Unschedule => unschedule(connection, context, item),
        Operation::Unpublish => unpublish(connection, context, item),
        Operation::Archive => archive(connection, context, item),
        Operation::Discard => discard(connection, context, item),
        Operation::Trash => trash(connection, context, item),
        Operation::Restore => {
            merge::record::require_not_merged(connection, &item)?;
            let restored = Item { trashed_at: 0, ..item };
            save_unchanged(connection, context, restored, operation.name())
        }
    }
}

/// Saves an item with unchanged content.
fn save_unchanged(connection: &mut Db, context: WriteContext<'_>, item: Item, action: &str) -> Result<Item, Problem> {
    let content = item.content();
    write::save(connection, context, action, item, &content)
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
    context: WriteContext<'_>,
    mut item: Item,
    action: &str,
    stage: &str,
) -> Result<Item, Problem> {
    item.stage = stage.to_owned();
    if !item.has_working_draft() {
        return save_unchanged(connection, context, item, action);
    }
    let draft = working_draft::find(connection, &item)?;
    working_drafts::bump_draft_version(connection, context.author, item, DraftEntry::without_changes(action, draft))
}

/// Returns the content of an item's newest text, after checking what can stand against its publication before anything
/// is written. The text of a working draft is checked for circles and for its slug too; an item's own text was when it
/// was written.
fn publishable_text(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: &Item,
    draft: Option<&WorkingDraft>,
    published: &PublishedIds,
) -> Result<Map<String, Value>, Problem> {
    let content_type = content_type_of(item)?;
    let content = working_draft::newest_content(item, draft);
    let publication = Publication { site: context.site, content_type, content: &content, public: None, published };
    publication.require(connection)?;
    if let Some(draft) = draft {
        write::refuse_circle(connection, content_type, &item.id, &content)?;
        slugs::require_free(connection, &item.kind, &item.id, &draft.slug)?;
    }
    Ok(content)
}

fn publish(
    connection: &mut Db,
    context: WriteContext<'_>,
    mut item: Item,
    published: &PublishedIds,
) -> Result<Item, Problem> {
    let draft = working_draft::find(connection, &item)?;
    let content = publishable_text(connection, context, &item, draft.as_ref(), published)?;
    if let Some(draft) = draft {
        // The draft is deleted before `save`, which would otherwise take the item for one that keeps its
        // draft, and record the draft in the journal beside the text that it has become.
        working_drafts::delete(connection, &mut item)?;
        let before = slugs::PresentSlugs::of(&item);
        slugs::assign(connection, &mut item, None, &draft.slug)?;
        before.settle(connection, &item)?;
    }
    schedule::forget_one(connection, &item.id, schedule::PUBLISH)?;
    item.status = "published".to_owned();
    item.stage = "draft".to_owned();
    write::save(connection, context, Operation::Publish.name(), item, &content)
}

fn schedule_item(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: Item,
    publish_at: Option<i64>,
    unpublish_at: Option<i64>,
) -> Result<Item, Problem> {
    let action = Operation::Schedule { publish_at, unpublish_at }.name();
    schedule::require_order(connection, &item.id, publish_at, unpublish_at)?;
    if publish_at.is_some() {
        try_publication(connection, context, &item)?;
    }
    let actor = context.author.account_id.as_deref();
    if let Some(at) = unpublish_at {
        schedule::set(connection, &item.id, schedule::UNPUBLISH, at, actor)?;
    }
    let Some(at) = publish_at else { return bump_version(connection, context, item, action) };
    schedule::set(connection, &item.id, schedule::PUBLISH, at, actor)?;
    set_stage(connection, context, item, action, "scheduled")
}

/// Checks whether an item could be published now. The plan checks again when it is due; editors learn here of what stands
/// against it, while they can act.
///
/// # Errors
///
/// Fails as the publication would.
fn try_publication(connection: &mut Db, context: WriteContext<'_>, item: &Item) -> Result<(), Problem> {
    // The redirects that a batch compares must not include one that is only tried.
    let context = WriteContext { redirects: None, ..context };
    let trial = |c: &mut Db| publish(c, context, item.clone(), &PublishedIds::new());
    connection.with_rollback(Savepoint::PLAN, trial)?.map(drop)
}

/// Gives an item its next version, as every step does, for a change that touches neither its text nor its
/// working draft.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn bump_version(connection: &mut Db, context: WriteContext<'_>, item: Item, action: &str) -> Result<Item, Problem> {
    if !item.has_working_draft() {
        return write::bump_version(connection, context, action, item);
    }
    let draft = working_draft::find(connection, &item)?;
    working_drafts::bump_draft_version(connection, context.author, item, DraftEntry::without_changes(action, draft))
}

fn unschedule(connection: &mut Db, context: WriteContext<'_>, item: Item) -> Result<Item, Problem> {
    if schedule::forget(connection, &item.id)? == 0 {
        return Err(Problem::new(ProblemKind::Conflict, "nothing is scheduled for the item"));
    }
    match item.stage == "scheduled" {
        true => set_stage(connection, context, item, Operation::Unschedule.name(), "draft"),
        false => bump_version(connection, context, item, Operation::Unschedule.name()),
    }
}

/// Turns an item into a draft with the text that was public. A working draft stays beside it: if its text
/// took the place of the item's, a slug that another item has taken or a purged reference could make the step
/// fail, and the item would stay public because of a text that never was.
fn unpublish(connection: &mut Db, context: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget_one(connection, &item.id, schedule::UNPUBLISH)?;
    item.status = "draft".to_owned();
    save_unchanged(connection, context, item, Operation::Unpublish.name())
}

fn archive(connection: &mut Db, context: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget(connection, &item.id)?;
    item.status = "archived".to_owned();
    item.stage = "draft".to_owned();
    save_unchanged(connection, context, item, Operation::Archive.name())
}

fn discard(connection: &mut Db, context: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    working_drafts::delete(connection, &mut item)?;
    schedule::forget_one(connection, &item.id, schedule::PUBLISH)?;
    item.stage = "draft".to_owned();
    save_unchanged(connection, context, item, Operation::Discard.name())
}

fn trash(connection: &mut Db, context: WriteContext<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget(connection, &item.id)?;
    if item.stage == "scheduled" {
        item.stage = "draft".to_owned();
    }
    item.trashed_at = now();
    save_unchanged(connection, context, item, Operation::Trash.name())
}

/// Hides a translation from the public, or shows it.
///
/// # Errors
///
/// Fails with `Forbidden` if the author may not publish, with `Conflict` if the item is in the trash or the
/// translation is in that state already, and if a statement fails.
pub fn show_translation(
    connection: &mut Db,
    context: WriteContext<'_>,
    mut item: Item,
    locale: &str,
    hidden: bool,
) -> Result<Item, Problem> {
    context.authorize(connection, &item, Action::Publish)?;
    let mut translations = item.translations();
    if item.trashed_at != 0 {
        return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
    }
    if translations.get(locale).hidden == hidden {
        let detail = if hidden { "the translation is not published" } else { "the translation is already published" };
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    slugs::PresentSlugs::of(&item).note_shown(connection, &item.kind)?;
    translations.set(locale, |state| state.hidden = hidden);
    item.translations = translations.to_json();
    save_unchanged(connection, context, item, if hidden { "unpublish_translation" } else { "publish_translation" })
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
