//! The items that are filed under an item and are public only with it: the sessions of an event.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Backend, Db, in_list_unindexed};
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// Maximum number of children that one write concerns.
pub const MAX_CHILDREN: usize = 1_000;

/// Returns the children of an item that are not in the trash, in the order of their start; one more than
/// [`MAX_CHILDREN`] if there are more than that.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_children(connection: &mut Db, item: &Item) -> QueryResult<Vec<Item>> {
    let Some(query) = query(connection, item) else { return Ok(Vec::new()) };
    let rows = query.order((items::starts_at, items::id)).limit(MAX_CHILDREN as i64 + 1);
    rows.select(Item::as_select()).load(connection)
}

/// Returns the children of an item that are not in the trash, of which a write can concern all.
///
/// # Errors
///
/// Fails with `Conflict` if there are more than 1,000 of them, and if the query fails.
pub fn all(connection: &mut Db, item: &Item) -> Result<Vec<Item>, Problem> {
    let rows = load_children(connection, item)?;
    match rows.len() > MAX_CHILDREN {
        true => Err(Problem::new(ProblemKind::Conflict, format!("the item has more than {MAX_CHILDREN} children"))),
        false => Ok(rows),
    }
}

/// Returns how many children of an item are drafts.
///
/// # Errors
///
/// Fails if the query fails.
pub fn count_drafts(connection: &mut Db, item: &Item) -> QueryResult<usize> {
    let Some(query) = query(connection, item) else { return Ok(0) };
    let count: i64 = query.filter(items::status.eq("draft")).count().get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

fn query<'a>(connection: &Db, item: &'a Item) -> Option<items::BoxedQuery<'a, Backend>> {
    let children = ContentType::of_kind(&item.kind)?.children?;
    let of_kind = in_list_unindexed(connection.dialect(), items::kind, [children.kind]);
    let below = items::table.filter(items::parent_id.eq(&item.id).and(of_kind));
    Some(below.filter(items::trashed_at.eq(0)).into_boxed())
}
