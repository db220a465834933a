//! The life of an item: draft, in review, scheduled, published, archived, and the trash. Each step is
//! an operation, allowed by role and state.

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::checks::{self, Together};
use super::working::WorkingDraft;
use super::write::{self, resource_of};
use super::{own, review, schedule, slugs, working};
use crate::auth::permissions::{Action, Area, Role, may};
use crate::content::Site;
use crate::database::schema::items;
use crate::database::{Db, now};
use crate::items::Item;
use crate::journal::Author;
use crate::problem::{Kind, Problem};

/// A step in the life of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Ask for review.
    Submit,
    /// Take a submission back.
    Withdraw,
    /// Send a submission back to its author.
    Reject,
    /// Show it to the public, or show what its working draft says.
    Publish,
    /// Publish, unpublish, or both, at these times (µs).
    Schedule {
        /// When it is to be published.
        publish_at: Option<i64>,
        /// When it is to be unpublished.
        unpublish_at: Option<i64>,
    },
    /// Forget what was scheduled.
    Unschedule,
    /// Make it a draft again.
    Unpublish,
    /// Keep it, out of sight.
    Archive,
    /// Drop the working draft.
    Discard,
    /// Move it to the trash.
    Trash,
    /// Take it out of the trash.
    Restore,
}

impl Operation {
    /// The word in addresses and in the journal.
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

    /// Those that need nothing but the item, in the order of the documentation.
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

    /// What the role must be trusted with.
    pub fn action(self) -> Action {
        match self {
            Operation::Submit | Operation::Withdraw | Operation::Discard => Action::UpdateOwn,
            Operation::Trash => Action::Trash,
            Operation::Restore => Action::Restore,
            _ => Action::Publish,
        }
    }

    /// Why the state of the item does not allow it, if so.
    pub fn refused(self, item: &Item) -> Option<&'static str> {
        let unpublished = item.status == "draft" || item.has_working_draft();
        let public = item.status == "published";
        if self != Operation::Restore && item.trashed_at != 0 {
            return Some("the item is in the trash; restore it first");
        }
        let (allowed, why) = match self {
            Operation::Submit => (unpublished && item.stage == "draft", "there is no draft to be submitted"),
            Operation::Withdraw | Operation::Reject => (item.stage == "in_review", "the item is not in review"),
            Operation::Publish => (!public || item.has_working_draft(), "the item is published as it is"),
            Operation::Schedule { publish_at: None, .. } => (public, "the item is not published"),
            Operation::Schedule { .. } => {
                (unpublished || !public, "the item is published as it is; there is no draft to be scheduled")
            }
            Operation::Unpublish => (item.status != "draft", "the item is not published"),
            Operation::Archive => (item.status != "archived", "the item is archived already"),
            Operation::Discard => (item.has_working_draft(), "the item has no working draft"),
            Operation::Restore => (item.trashed_at != 0, "the item is not in the trash"),
            Operation::Unschedule | Operation::Trash => (true, ""),
        };
        (!allowed).then_some(why)
    }
}

/// Who acts, on what site.
#[derive(Clone, Copy)]
pub struct Pen<'a> {
    /// What the site fixes.
    pub site: &'a Site,
    /// For the journal.
    pub author: &'a Author,
    /// What the author is trusted with; none for the clock, which does what was allowed before.
    pub role: Option<Role>,
}

impl Pen<'_> {
    /// Refuses what the author may not do with this item.
    pub fn must(&self, connection: &mut Db, item: &Item, action: Action) -> Result<(), Problem> {
        let Some(role) = self.role else { return Ok(()) };
        if action != Action::UpdateOwn || may(role, Area::Content, Action::Update) {
            return allowed(role, action);
        }
        allowed(role, action)?;
        if own::is_own(connection, item, self.author.account_id.as_deref())? {
            return Ok(());
        }
        let detail = "a contributor changes what it made or was assigned to; this item belongs to somebody else";
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

/// Refuses what the role may not do with any item.
pub fn allowed(role: Role, action: Action) -> Result<(), Problem> {
    if may(role, Area::Content, action) {
        return Ok(());
    }
    let detail = match action {
        Action::Publish => "publishing, or changing what is public or scheduled, wants the role editor",
        _ => "the role of this account does not permit this",
    };
    Err(Problem::new(Kind::Forbidden, detail))
}

/// Takes the step, with all that follows from it; `together` are the items that are published in the
/// same transaction.
pub fn apply(
    connection: &mut Db,
    pen: Pen<'_>,
    item: Item,
    operation: Operation,
    together: &Together,
) -> Result<Item, Problem> {
    pen.must(connection, &item, operation.action())?;
    if let Some(why) = operation.refused(&item) {
        return Err(Problem::new(Kind::Conflict, why));
    }
    match operation {
        Operation::Submit => restage(connection, pen, item, operation.word(), "in_review"),
        Operation::Withdraw => restage(connection, pen, item, operation.word(), "draft"),
        Operation::Reject => {
            let rejected = restage(connection, pen, item, operation.word(), "draft")?;
            let why = pen.author.reason.as_deref().unwrap_or("Rejected.");
            review::comment(connection, pen.author, &rejected, None, why)?;
            Ok(rejected)
        }
        Operation::Publish => publish(connection, pen, item, together),
        Operation::Schedule { publish_at, unpublish_at } => {
            plan(connection, pen, item, operation, publish_at, unpublish_at)
        }
        Operation::Unschedule => unschedule(connection, pen, item),
        Operation::Unpublish => unpublish(connection, pen, item),
        Operation::Archive => archive(connection, pen, item),
        Operation::Discard => discard(connection, pen, item),
        Operation::Trash => trash(connection, pen, item),
        Operation::Restore => {
            let restored = Item { trashed_at: 0, ..item };
            keep(connection, pen, restored, operation.word())
        }
    }
}

/// Writes the item with its content as it is.
fn keep(connection: &mut Db, pen: Pen<'_>, item: Item, action: &str) -> Result<Item, Problem> {
    let content = item.content();
    write::save(connection, pen.site, pen.author, action, item, &content)
}

/// Moves the text that is not published to another stage.
pub fn restage(connection: &mut Db, pen: Pen<'_>, mut item: Item, action: &str, stage: &str) -> Result<Item, Problem> {
    item.stage = stage.to_owned();
    if !item.has_working_draft() {
        return keep(connection, pen, item, action);
    }
    let draft = working::of(connection, &item)?;
    working::touch(connection, pen.author, action, item, draft, &[])
}

/// Refuses to publish a text, or to plan that, for all that can stand against it. So nothing is written
/// before it is certain that everything will be.
fn require_publishable(
    connection: &mut Db,
    pen: Pen<'_>,
    item: &Item,
    draft: Option<&WorkingDraft>,
    content: &Map<String, Value>,
    together: &Together,
) -> Result<(), Problem> {
    let resource = resource_of(item)?;
    checks::require(connection, pen.site, resource, content, None, together)?;
    let Some(draft) = draft else { return Ok(()) };
    write::refuse_circle(connection, resource, &item.id, content)?;
    slugs::require_free(connection, &item.kind, &item.id, &draft.slug)
}

fn publish(connection: &mut Db, pen: Pen<'_>, mut item: Item, together: &Together) -> Result<Item, Problem> {
    let draft = working::of(connection, &item)?;
    let content = working::newest(&item, draft.as_ref());
    require_publishable(connection, pen, &item, draft.as_ref(), &content, together)?;
    if let Some(draft) = draft {
        working::forget(connection, &mut item)?;
        slugs::give(connection, &mut item, None, &draft.slug)?;
    }
    schedule::forget_one(connection, &item.id, schedule::PUBLISH)?;
    item.status = "published".to_owned();
    item.stage = "draft".to_owned();
    write::save(connection, pen.site, pen.author, Operation::Publish.word(), item, &content)
}

fn plan(
    connection: &mut Db,
    pen: Pen<'_>,
    item: Item,
    operation: Operation,
    publish_at: Option<i64>,
    unpublish_at: Option<i64>,
) -> Result<Item, Problem> {
    if publish_at.is_some() {
        let draft = working::of(connection, &item)?;
        let content = working::newest(&item, draft.as_ref());
        require_publishable(connection, pen, &item, draft.as_ref(), &content, &Together::new())?;
    }
    let actor = pen.author.account_id.as_deref();
    if let Some(at) = unpublish_at {
        schedule::set(connection, &item.id, schedule::UNPUBLISH, at, actor)?;
    }
    let Some(at) = publish_at else { return noted(connection, pen, item, operation.word()) };
    schedule::set(connection, &item.id, schedule::PUBLISH, at, actor)?;
    restage(connection, pen, item, operation.word(), "scheduled")
}

/// Gives the item its next version, as every step does, where neither the item nor its working draft
/// changes.
pub fn noted(connection: &mut Db, pen: Pen<'_>, item: Item, action: &str) -> Result<Item, Problem> {
    if !item.has_working_draft() {
        return write::renew(connection, pen.site, pen.author, action, item);
    }
    let draft = working::of(connection, &item)?;
    working::touch(connection, pen.author, action, item, draft, &[])
}

fn unschedule(connection: &mut Db, pen: Pen<'_>, item: Item) -> Result<Item, Problem> {
    if schedule::forget(connection, &item.id)? == 0 {
        return Err(Problem::new(Kind::Conflict, "nothing is scheduled for the item"));
    }
    match item.stage == "scheduled" {
        true => restage(connection, pen, item, Operation::Unschedule.word(), "draft"),
        false => noted(connection, pen, item, Operation::Unschedule.word()),
    }
}

/// The text that was public becomes that of the draft. A working draft stays what it is: taking down must
/// not depend on a text that was never public, which somebody else's slug or reference may stand against.
fn unpublish(connection: &mut Db, pen: Pen<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget_one(connection, &item.id, schedule::UNPUBLISH)?;
    item.status = "draft".to_owned();
    keep(connection, pen, item, Operation::Unpublish.word())
}

fn archive(connection: &mut Db, pen: Pen<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget(connection, &item.id)?;
    item.status = "archived".to_owned();
    item.stage = "draft".to_owned();
    keep(connection, pen, item, Operation::Archive.word())
}

fn discard(connection: &mut Db, pen: Pen<'_>, mut item: Item) -> Result<Item, Problem> {
    let draft = working::of(connection, &item)?;
    let mine = draft.is_some_and(|draft| draft.updated_by == pen.author.account_id);
    if !mine && let Some(role) = pen.role {
        allowed(role, Action::Publish)?;
    }
    working::forget(connection, &mut item)?;
    schedule::forget_one(connection, &item.id, schedule::PUBLISH)?;
    item.stage = "draft".to_owned();
    keep(connection, pen, item, Operation::Discard.word())
}

fn trash(connection: &mut Db, pen: Pen<'_>, mut item: Item) -> Result<Item, Problem> {
    schedule::forget(connection, &item.id)?;
    if item.stage == "scheduled" {
        item.stage = "draft".to_owned();
    }
    item.trashed_at = now();
    keep(connection, pen, item, Operation::Trash.word())
}

/// Hides a language from the public, or shows it.
pub fn show_translation(
    connection: &mut Db,
    pen: Pen<'_>,
    mut item: Item,
    locale: &str,
    hidden: bool,
) -> Result<Item, Problem> {
    pen.must(connection, &item, Action::Publish)?;
    let mut translations = item.translations();
    if item.trashed_at != 0 {
        return Err(Problem::new(Kind::Conflict, "the item is in the trash; restore it first"));
    }
    if translations.get(locale).hidden == hidden {
        let detail = if hidden { "the translation is not published" } else { "the translation is published" };
        return Err(Problem::new(Kind::Conflict, detail));
    }
    translations.set(locale, |state| state.hidden = hidden);
    item.translations = translations.stored();
    keep(connection, pen, item, if hidden { "unpublish_translation" } else { "publish_translation" })
}

/// The item with this id, as it is now.
pub fn load(connection: &mut Db, id: &str) -> Result<Item, Problem> {
    let item = items::table.find(id).select(Item::as_select()).first(connection).optional()?;
    item.ok_or_else(|| Problem::not_found("item"))
}
