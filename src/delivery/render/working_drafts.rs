//! Items as editors see them: with the working draft in the place of the published text.

use diesel::result::QueryResult;

use crate::content::Site;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::render::loaded_item::Loaded;
use crate::items::Item;
use crate::items::projection;
use crate::items::render::View;
use crate::items::working_draft::{self, WorkingDraft};

/// Overlays each item with its working draft, if it has one; one query for all of them.
///
/// # Errors
///
/// Fails if the query fails.
pub fn newest(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    items: Vec<Item>,
    view: &View,
) -> QueryResult<Vec<Loaded>> {
    let mut found = working_draft::find_all(connection, &items)?;
    Ok(items
        .into_iter()
        .map(|item| match found.remove(&item.id) {
            Some(draft) => overlaid(resource, site, item, draft, view),
            None => Loaded::from_item(item, site, view),
        })
        .collect())
}

fn overlaid(resource: &'static ContentType, site: &Site, item: Item, draft: WorkingDraft, view: &View) -> Loaded {
    let item = Item {
        slug: draft.slug,
        status: "draft".to_owned(),
        version: item.draft_version,
        updated_at: draft.updated_at,
        content: draft.content,
        ..item
    };
    let links = projection::links(&item.id, resource, &item.content(), &item.translations(), site);
    Loaded { links: Some(links), ..Loaded::rendered(item, site, view) }
}
