//! The menus of a layout.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value, json};

use crate::content_types::MENU;
use crate::content_types::menus::MAX_MENUS;
use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::layout::LayoutContext;
use crate::delivery::layout::links::LinkTargets;
use crate::delivery::layout::parts::{LayoutPart, previewed_id, render_parts};
use crate::items::Item;

/// Loads the menus, in the order of their creation.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn load(connection: &mut Db, context: LayoutContext<'_>) -> QueryResult<Vec<LayoutPart>> {
    let previewed = previewed_id(&context.shape.viewer);
    let rows: Vec<Item> = items::table
        .filter(items::kind.eq(MENU.kind).and(items::live.eq(true).or(items::id.eq(previewed))))
        // One more is that of a preview link. A site that had more before there was a limit shows the eldest.
        .order(items::id)
        .limit(MAX_MENUS + 1)
        .select(Item::as_select())
        .load(connection)?;
    render_parts(connection, context, &MENU, rows)
}

/// Returns the menus by slug, each with its title and with the entries that readers can follow.
pub fn render(menus: &[LayoutPart], targets: &LinkTargets) -> Value {
    let menu = |part: &LayoutPart| {
        let title = part.object.get("title").cloned().unwrap_or_default();
        let entries = part.object.get("entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        (part.slug.clone(), json!({"id": part.id, "title": title, "entries": targets.entries(entries)}))
    };
    let mut shown: Map<String, Value> = menus.iter().map(menu).collect();
    shown.sort_keys();
    shown.into()
}
