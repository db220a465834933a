//! The end of what is in the trash: after the configured time it is gone for good. The journal keeps
//! what it was.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{items, links};
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
    let mut gone = 0;
    for id in database.read(due).await? {
        // One transaction each: other writes come in between.
        gone += usize::from(database.write_content(move |c| remove(c, &id, bound)).await?);
    }
    Ok(gone)
}

/// Removes one item with what is filed under it, unless others still refer to any of them.
fn remove(connection: &mut Db, id: &str, bound: i64) -> Result<bool, Problem> {
    let found: Option<Item> = items::table
        .find(id)
        .filter(items::trashed_at.gt(0).and(items::trashed_at.lt(bound)))
        .select(Item::as_select())
        .first(connection)
        .optional()?;
    let Some(item) = found else { return Ok(false) };
    let children = filed_under(connection, &item)?;
    let all: Vec<&str> = children.iter().chain([&item]).map(|item| item.id.as_str()).collect();
    let dialect = connection.dialect();
    let referring: Vec<String> =
        links::table.filter(any_of(dialect, links::target_id, &all)).select(links::source_id).load(connection)?;
    if referring.iter().any(|source| !all.contains(&source.as_str())) {
        return Ok(false);
    }
    // What refers goes before what is referred to.
    for gone in children.iter().chain([&item]) {
        diesel::delete(items::table.find(&gone.id)).execute(connection)?;
        let author = Author { request_id: "purge".to_owned(), ..Author::default() };
        journal::append_item(connection, &author, "purge", gone, None, &[])?;
    }
    Ok(true)
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
