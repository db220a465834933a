//! Items as editors see them: with the working draft in the place of the published text.

use diesel::result::QueryResult;

use crate::database::Db;
use crate::delivery::ReadContext;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::items::Item;
use crate::items::projection;
use crate::items::working_draft::{self, WorkingDraft};

/// Overlays each item with its working draft, if it has one; one query for all of them.
///
/// # Errors
///
/// Fails if the query fails.
pub fn with_drafts(connection: &mut Db, context: ReadContext<'_>, items: Vec<Item>) -> QueryResult<Vec<LoadedItem>> {
    let mut drafts = working_draft::find_all(connection, &items)?;
    Ok(items
        .into_iter()
        .map(|item| match drafts.remove(&item.id) {
            Some(draft) => overlay(context, item, draft),
            None => LoadedItem::from_item(item, context.site, &context.shape.view),
        })
        .collect())
}

fn overlay(context: ReadContext<'_>, item: Item, draft: WorkingDraft) -> LoadedItem {
    let ReadContext { content_type, site, shape } = context;
    let item = Item {
        slug: draft.slug,
        status: "draft".to_owned(),
        version: item.draft_version,
        updated_at: draft.updated_at,
        content: draft.content.into_bytes(),
        ..item
    };
    let links = projection::links(&item.id, content_type, &item.content(), &item.translations(), site);
    LoadedItem { links: Some(links), ..LoadedItem::render(item, site, &shape.view) }
}
