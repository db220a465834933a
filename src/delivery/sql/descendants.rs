//! Items below others in the tree of their content type, as topics are filed under topics.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::sql::text_match::{MAX_NAMED_MATCHES, too_expensive};
use crate::items::ItemScope;
use crate::problem::Problem;

/// Returns these items and all items below them, level by level. An item that is not `among` those of the viewer
/// ends its branch, because nothing would show the viewer why an item below it was found.
///
/// # Errors
///
/// Returns a problem with the code `too_expensive` if there are more than 5,000 of them. Fails if a statement
/// fails.
pub fn with_descendants(connection: &mut Db, ids: Vec<String>, among: ItemScope) -> Result<Vec<String>, Problem> {
    let dialect = connection.dialect();
    let mut seen: HashSet<String> = ids.iter().cloned().collect();
    let mut level = ids;
    while !level.is_empty() {
        let below = items::table.filter(in_list(dialect, items::parent_id, &level)).select(items::id).into_boxed();
        let below = match among {
            ItemScope::Live => below.filter(items::live.eq(true)),
            ItemScope::Present => below.filter(items::trashed_at.eq(0)),
            ItemScope::All => below,
        };
        level = below.limit(MAX_NAMED_MATCHES as i64 + 1).load(connection)?;
        level.retain(|id| seen.insert(id.clone()));
        if seen.len() > MAX_NAMED_MATCHES {
            let why = format!("more than {MAX_NAMED_MATCHES} items are below these");
            return Err(too_expensive("", &why));
        }
    }
    Ok(seen.into_iter().collect())
}
