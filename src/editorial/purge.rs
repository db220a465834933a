//! The end of what is in the trash: after the configured time it is gone for good. The journal keeps
//! what it was.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{draft_links, items, links, release_items, releases};
use crate::database::{Database, Db, any_of, by_the_way, now};
use crate::items::Item;
use crate::journal::{self, Author};
use crate::problem::Problem;
use crate::resources::Resource;

const DAY: i64 = 86_400_000_000;

/// Removes what has been in the trash for longer than `days`; says how many items went.
pub async fn run(database: &Database, days: u32) -> Result<usize, Problem> {
    let bound = now() - i64::from(days) * DAY;
    let due = move |c: &mut Db| {
        let old = items::table.filter(items::trashed_at.gt(0).and(items::trashed_at.lt(bound)));
        Ok::<_, Problem>(old.order(items::trashed_at).select(items::id).load::<String>(c)?)
    };
    let (mut gone, mut named) = (0, 0);
    for id in database.read(due).await? {
        // One transaction each: other writes come in between.
        match database.write_content(move |c| remove(c, &id, bound)).await? {
            End::Gone => gone += 1,
            End::Named => named += 1,
            End::Taken => {}
        }
    }
    if named > 0 {
        tracing::info!(named, "items stay in the trash, since others, working drafts or releases name them");
    }
    Ok(gone)
}

/// What became of an item whose time in the trash is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Gone,
    /// Something else still names it.
    Named,
    /// Somebody took it out of the trash, or another node removed it.
    Taken,
}

/// Removes one item with what is filed under it, unless something else names any of them.
fn remove(connection: &mut Db, id: &str, bound: i64) -> Result<End, Problem> {
    let found: Option<Item> = items::table
        .find(id)
        .filter(items::trashed_at.gt(0).and(items::trashed_at.lt(bound)))
        .select(Item::as_select())
        .first(connection)
        .optional()?;
    let Some(item) = found else { return Ok(End::Taken) };
    let children = filed_under(connection, &item)?;
    let all: Vec<&str> = children.iter().chain([&item]).map(|item| item.id.as_str()).collect();
    if is_named(connection, &all)? {
        return Ok(End::Named);
    }
    // What refers goes before what is referred to.
    for gone in children.iter().chain([&item]) {
        diesel::delete(items::table.find(&gone.id)).execute(connection)?;
        let author = Author { request_id: "purge".to_owned(), ..Author::default() };
        journal::append_item(connection, &author, "purge", gone, None, &[])?;
    }
    Ok(End::Gone)
}

/// Whether another item names one of these, the working draft of another item does (it will refer to it once
/// it is published), or a release that has not gone live. What is scheduled for single items needs no look:
/// the text that will be published is that of a working draft, or of an item.
fn is_named(connection: &mut Db, all: &[&str]) -> QueryResult<bool> {
    let dialect = connection.dialect();
    let mut sources: Vec<String> =
        links::table.filter(any_of(dialect, links::target_id, all)).select(links::source_id).load(connection)?;
    let in_drafts = draft_links::table.filter(any_of(dialect, draft_links::target_id, all));
    sources.extend(in_drafts.select(draft_links::source_id).load::<String>(connection)?);
    if sources.iter().any(|source| !all.contains(&source.as_str())) {
        return Ok(true);
    }
    let planned: Option<String> = release_items::table
        .inner_join(releases::table.on(releases::id.eq(release_items::release_id)))
        .filter(any_of(dialect, release_items::item_id, all).and(releases::status.ne("published")))
        .select(releases::id)
        .first(connection)
        .optional()?;
    Ok(planned.is_some())
}

fn filed_under(connection: &mut Db, item: &Item) -> QueryResult<Vec<Item>> {
    let Some(children) = Resource::of_kind(&item.kind).and_then(|resource| resource.children) else {
        return Ok(Vec::new());
    };
    items::table
        .filter(items::parent_id.eq(&item.id).and(by_the_way(connection.dialect(), items::kind, [children.kind])))
        .select(Item::as_select())
        .load(connection)
}
