//! The ownership of items: an item belongs to the account that created it and to its assignee.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::Db;
use crate::database::schema::assignments;
use crate::items::Item;

/// Returns whether the account created the item or is assigned to it.
///
/// # Errors
///
/// Fails if the query fails.
pub fn is_own(connection: &mut Db, item: &Item, account_id: Option<&str>) -> QueryResult<bool> {
    let Some(account_id) = account_id else { return Ok(false) };
    if item.created_by.as_deref() == Some(account_id) {
        return Ok(true);
    }
    let assigned: Option<String> =
        assignments::table.find(&item.id).select(assignments::account_id).first(connection).optional()?;
    Ok(assigned.as_deref() == Some(account_id))
}
