//! Items as editors are writing them: the working draft in the place of what is public.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::compose::Loaded;
use crate::content::Site;
use crate::content::render::View;
use crate::database::schema::drafts;
use crate::database::{Db, any_of};
use crate::editorial::derive;
use crate::editorial::working::WorkingDraft;
use crate::items::Item;
use crate::resources::Resource;

/// Puts the newest text of each item in its place; one query for all of them.
pub fn newest(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    items: Vec<Item>,
    view: &View,
) -> QueryResult<Vec<Loaded>> {
    let with_draft: Vec<&str> = items.iter().filter(|i| i.has_working_draft()).map(|i| i.id.as_str()).collect();
    let mut found: HashMap<String, WorkingDraft> = HashMap::new();
    if !with_draft.is_empty() {
        let rows: Vec<WorkingDraft> = drafts::table
            .filter(any_of(connection.dialect(), drafts::item_id, &with_draft))
            .select(WorkingDraft::as_select())
            .load(connection)?;
        found.extend(rows.into_iter().map(|row| (row.item_id.clone(), row)));
    }
    Ok(items
        .into_iter()
        .map(|item| match found.remove(&item.id) {
            Some(draft) => overlaid(resource, site, item, draft, view),
            None => Loaded::from_item(item, site, view),
        })
        .collect())
}

fn overlaid(resource: &'static Resource, site: &Site, item: Item, draft: WorkingDraft, view: &View) -> Loaded {
    let item = Item {
        slug: draft.slug,
        status: "draft".to_owned(),
        version: item.draft_version,
        updated_at: draft.updated_at,
        content: draft.content,
        ..item
    };
    let links = derive::links(&item.id, resource, &item.content(), &item.translations(), site);
    Loaded { links: Some(links), ..Loaded::rendered(item, site, view) }
}
