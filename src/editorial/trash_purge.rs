//! The purge of the trash: items that have been in it for longer than the configured time are deleted for
//! good. The journal keeps their last state.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::ContentType;
use crate::database::schema::{draft_links, items, links, release_items, releases, slugs};
use crate::database::{Database, Db, in_list, in_list_unindexed, now};
use crate::items::{ANY_LOCALE, Item, taken_slugs};
use crate::journal::{self, Author, ItemEntry};
use crate::microseconds::DAY;
use crate::problem::Problem;

/// Deletes the items that have been in the trash for longer than `days`, and returns how many were deleted.
/// Items that something else refers to stay; they are looked at again at the next run.
///
/// # Errors
///
/// Fails if the database fails. Items that were deleted until then stay deleted.
pub async fn run(database: &Database, days: u32) -> Result<usize, Problem> {
    let bound = now() - i64::from(days) * DAY;
    let due = move |c: &mut Db| {
        let old = items::table.filter(items::trashed_at.gt(0).and(items::trashed_at.lt(bound)));
        Ok::<_, Problem>(old.order(items::trashed_at).select(items::id).load::<String>(c)?)
    };
    let (mut gone, mut named) = (0, 0);
    for id in database.read(due).await? {
        // One transaction for each item, so that other writes come in between. The item is read again in it:
        // an editor may have restored it since the list was made, or another node may have deleted it.
        match database.write_content(move |c| remove(c, &id, bound)).await? {
            PurgeOutcome::Gone => gone += 1,
            PurgeOutcome::Named => named += 1,
            PurgeOutcome::Taken => {}
        }
    }
    if named > 0 {
        tracing::info!(named, "items stay in the trash: other items, working drafts or releases refer to them");
    }
    Ok(gone)
}

/// The outcome for an item whose time in the trash is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PurgeOutcome {
    /// The item was deleted.
    Gone,
    /// Something else refers to the item, so it stays.
    Named,
    /// The item was restored, or another node deleted it.
    Taken,
}

/// Deletes one item with the items that are filed under it, unless something outside of them refers to any of
/// them.
fn remove(connection: &mut Db, id: &str, bound: i64) -> Result<PurgeOutcome, Problem> {
    let found: Option<Item> = items::table
        .find(id)
        .filter(items::trashed_at.gt(0).and(items::trashed_at.lt(bound)))
        .select(Item::as_select())
        .first(connection)
        .optional()?;
    let Some(item) = found else { return Ok(PurgeOutcome::Taken) };
    let children = filed_under(connection, &item)?;
    let all: Vec<&str> = children.iter().chain([&item]).map(|item| item.id.as_str()).collect();
    if is_named(connection, &all)? {
        return Ok(PurgeOutcome::Named);
    }
    // Children go first: they refer to their parent, and foreign keys refuse to delete the target of a
    // reference. The journal entry follows each deletion with the state that the item had.
    for gone in children.iter().chain([&item]) {
        let own = slugs::table.filter(slugs::item_id.eq(&gone.id).and(slugs::locale.eq(ANY_LOCALE)));
        let own: Vec<String> = own.select(slugs::slug).load(connection)?;
        taken_slugs::inherit(connection, &gone.kind, &gone.id)?;
        diesel::delete(items::table.find(&gone.id)).execute(connection)?;
        taken_slugs::hand_back(connection, &gone.kind, &own)?;
        let author = Author { request_id: "purge".to_owned(), ..Author::default() };
        journal::append_item(connection, &author, gone, ItemEntry { action: "purge", ..ItemEntry::default() })?;
    }
    Ok(PurgeOutcome::Gone)
}

/// Returns whether something outside of `all` refers to one of them: an item, the working draft of an item,
/// or a release that is not published.
///
/// Working drafts count because they will refer to the item once they are published; a publication that was
/// planned would fail then. Schedules of single items need no look of their own: the text that they publish
/// is that of an item or of a working draft.
fn is_named(connection: &mut Db, all: &[&str]) -> QueryResult<bool> {
    let dialect = connection.dialect();
    let mut sources: Vec<String> =
        links::table.filter(in_list(dialect, links::target_id, all)).select(links::source_id).load(connection)?;
    let in_drafts = draft_links::table.filter(in_list(dialect, draft_links::target_id, all));
    sources.extend(in_drafts.select(draft_links::source_id).load::<String>(connection)?);
    if sources.iter().any(|source| !all.contains(&source.as_str())) {
        return Ok(true);
    }
    let planned: Option<String> = release_items::table
        .inner_join(releases::table.on(releases::id.eq(release_items::release_id)))
        .filter(in_list(dialect, release_items::item_id, all).and(releases::status.ne("published")))
        .select(releases::id)
        .first(connection)
        .optional()?;
    Ok(planned.is_some())
}

/// Loads the items that are filed under an item, at any depth, the lowest first, whether they are in the trash or not.
fn filed_under(connection: &mut Db, item: &Item) -> QueryResult<Vec<Item>> {
    let Some(children) = ContentType::of_kind(&item.kind).and_then(|content_type| content_type.children) else {
        return Ok(Vec::new());
    };
    let dialect = connection.dialect();
    let (mut found, mut above) = (Vec::new(), vec![item.id.clone()]);
    while !above.is_empty() {
        let below: Vec<Item> = items::table
            .filter(in_list(dialect, items::parent_id, &above).and(in_list_unindexed(
                dialect,
                items::kind,
                [children.kind],
            )))
            .select(Item::as_select())
            .load(connection)?;
        let is_tree = children.kind == item.kind;
        above = if is_tree { below.iter().map(|item| item.id.clone()).collect() } else { Vec::new() };
        found.extend(below);
    }
    // The lowest come first: each refers to the one above it.
    found.reverse();
    Ok(found)
}
