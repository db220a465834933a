//! The items of which a layout consists, as their readers see them.

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::layout::LayoutContext;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::render::working_drafts::with_drafts;
use crate::delivery::viewer::Viewer;
use crate::delivery::{ReadContext, Shape};
use crate::items::Item;

/// An item of the layout.
pub struct LayoutPart {
    pub id: String,
    /// Slug in the default locale, by which frontends know the item.
    pub slug: String,
    /// The item as a response shows it, without its relations.
    pub object: Map<String, Value>,
}

/// Renders items, in their order. The item of a preview link is shown with its newest text.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn render_parts(
    connection: &mut Db,
    context: LayoutContext<'_>,
    content_type: &'static ContentType,
    rows: Vec<Item>,
) -> QueryResult<Vec<LayoutPart>> {
    let mut parts = Vec::with_capacity(rows.len());
    for row in rows {
        let slug = row.slug.clone();
        let view = context.shape.viewer.view_of(&row.kind, &row.id, &context.shape.view);
        let loaded = if view.unpublished {
            let shape = &Shape { view, draft: true, ..context.shape.clone() };
            let read = ReadContext { content_type, site: context.site, shape };
            with_drafts(connection, read, vec![row])?.pop()
        } else {
            Some(LoadedItem::from_item(row, context.site, &view))
        };
        let Some(LoadedItem { id, fragments, .. }) = loaded else { continue };
        let object = format!("{}{}}}", fragments.card, fragments.detail);
        parts.push(LayoutPart { id, slug, object: serde_json::from_str(&object).unwrap_or_default() });
    }
    Ok(parts)
}

/// Returns the id of the item that is shown although it may not be public: that of a preview link.
pub fn previewed_id(viewer: &Viewer) -> &str {
    match viewer {
        Viewer::Link { item_id } => item_id,
        Viewer::Public | Viewer::Editor { .. } => "",
    }
}
