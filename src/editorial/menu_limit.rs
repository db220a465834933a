//! The number of public menus, all of which are in the layout.

use diesel::prelude::*;

use crate::content_types::MENU;
use crate::content_types::menus::MAX_MENUS;
use crate::database::Db;
use crate::database::schema::items;
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// Refuses a menu that has become public, as it is stored, if there are too many public ones with it.
///
/// # Errors
///
/// Fails with `Conflict` if there are, and if the query fails.
pub fn require_room(connection: &mut Db, item: &Item) -> Result<(), Problem> {
    if item.kind != MENU.kind || !item.live {
        return Ok(());
    }
    let public = items::table.filter(items::kind.eq(MENU.kind).and(items::live.eq(true)));
    let count: i64 = public.count().get_result(connection)?;
    if count <= MAX_MENUS {
        return Ok(());
    }
    let detail =
        format!("at most {MAX_MENUS} menus are public at a time, and there are as many; unpublish one of them");
    Err(Problem::new(ProblemKind::Conflict, detail))
}
