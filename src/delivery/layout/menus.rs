//! The menus of a layout.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value, json};

use crate::content_types::MENU;
use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::layout::LayoutContext;
use crate::delivery::layout::links::LinkTargets;
use crate::delivery::layout::parts::{LayoutPart, previewed_id, rendered};
use crate::items::Item;

/// Maximum number of menus in a layout.
const MAX_MENUS: i64 = 100;

/// Loads the menus, ordered by slug.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn load(connection: &mut Db, context: LayoutContext<'_>) -> QueryResult<Vec<LayoutPart>> {
    let previewed = previewed_id(&context.shape.viewer);
    let rows: Vec<Item> = items::table
        .filter(items::kind.eq(MENU.kind).and(items::live.eq(true).or(items::id.eq(previewed))))
        .order(items::slug)
        .limit(MAX_MENUS)
        .select(Item::as_select())
        .load(connection)?;
    rendered(connection, context, &MENU, rows)
}

/// Returns the menus by slug, each with its title and with the entries that readers can follow.
pub fn shown(menus: &[LayoutPart], targets: &LinkTargets) -> Value {
    let menu = |part: &LayoutPart| {
        let title = part.object.get("title").cloned().unwrap_or_default();
        let entries = part.object.get("entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        (part.slug.clone(), json!({"id": part.id, "title": title, "entries": targets.entries(entries)}))
    };
    menus.iter().map(menu).collect::<Map<String, Value>>().into()
}
