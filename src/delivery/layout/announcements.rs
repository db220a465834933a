//! The announcements of a layout.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content_types::ANNOUNCEMENT;
use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::layout::LayoutContext;
use crate::delivery::layout::links::LinkTargets;
use crate::delivery::layout::parts::{LayoutPart, previewed_id, render_parts};
use crate::items::{Item, NO_DATE};

/// Maximum number of announcements that are looked at.
const MAX_ANNOUNCEMENTS: i64 = 200;
/// The members of an announcement in a layout, besides its link.
const MEMBERS: [&str; 9] = ["id", "slug", "title", "text", "severity", "place", "dismissible", "starts_at", "ends_at"];

/// Loads the announcements that are due, the latest first, and returns the next moment at which others are (µs). The
/// one of a preview link is shown whenever it is due.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn load(connection: &mut Db, context: LayoutContext<'_>) -> QueryResult<(Vec<LayoutPart>, Option<i64>)> {
    let previewed = previewed_id(&context.shape.viewer);
    let is_shown = items::live.eq(true).and(items::ends_at.gt(context.now)).or(items::id.eq(previewed));
    let rows: Vec<Item> = items::table
        .filter(items::kind.eq(ANNOUNCEMENT.kind).and(is_shown))
        .order((items::starts_at, items::id))
        .limit(MAX_ANNOUNCEMENTS)
        .select(Item::as_select())
        .load(connection)?;
    let is_due = |row: &Item| row.starts_at <= context.now || row.id == previewed;
    let later = rows.iter().filter(|row| row.starts_at > context.now).map(|row| row.starts_at);
    let ends = rows.iter().filter(|row| is_due(row) && row.ends_at > context.now).map(|row| row.ends_at);
    let next = later.chain(ends).filter(|at| *at < NO_DATE).min();
    let mut due: Vec<Item> = rows.into_iter().filter(is_due).collect();
    due.reverse();
    Ok((render_parts(connection, context, &ANNOUNCEMENT, due)?, next))
}

/// Returns the announcements as the layout shows them.
pub fn render(announcements: Vec<LayoutPart>, targets: &LinkTargets) -> Value {
    let announcement = |part: LayoutPart| {
        let mut all = part.object;
        let link = all.get("link").and_then(|link| targets.link(link)).map_or(Value::Null, Value::Object);
        let mut shown: Map<String, Value> =
            MEMBERS.iter().map(|name| ((*name).to_owned(), all.shift_remove(*name).unwrap_or_default())).collect();
        shown.insert("link".to_owned(), link);
        Value::Object(shown)
    };
    announcements.into_iter().map(announcement).collect::<Vec<Value>>().into()
}
