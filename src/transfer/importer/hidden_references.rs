//! What a public item refers to and the public does not see. A draft that an import made is published with it.

use diesel::prelude::*;
use serde_json::Value;

use super::Importer;
use crate::content_types::ContentType;
use crate::content_types::references::visit_references;
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::editorial::validate::ValidatedBody;
use crate::editorial::write::{self, ItemWrite};
use crate::items::Item;
use crate::items::sources::{self, VersionChange};
use crate::problem::Problem;
use crate::transfer::edits::{imported_version, is_edited};

/// The kinds that stand by themselves. They are never published with something else.
const BY_THEMSELVES: [&str; 2] = ["event", "page"];

impl Importer {
    /// Publishes the drafts to which an item that will be public refers, such as its venue, if an import made them and nobody
    /// has changed or published them since. Notes everything else that is hidden.
    pub(super) fn show_references(
        &mut self,
        connection: &mut Db,
        content_type: &'static ContentType,
        draft: &ValidatedBody,
    ) -> Result<(), Problem> {
        if !draft.has_references() {
            return Ok(());
        }
        let public = draft.published_targets();
        let (mut places, mut body) = (Vec::new(), Value::Object(draft.content.clone()));
        visit_references(content_type, &mut body, |_, place, slot| {
            let hidden = slot.as_str().filter(|id| !public.contains(*id));
            places.extend(hidden.map(|id| (id.to_owned(), place)));
        });
        if places.is_empty() {
            return Ok(());
        }
        let hidden: Vec<Item> = items::table
            .filter(in_list(connection.dialect(), items::id, places.iter().map(|(id, _)| id)))
            .filter(items::live.eq(false))
            .order(items::id)
            .select(Item::as_select())
            .load(connection)?;
        for item in hidden {
            let place = places.iter().find(|(id, _)| *id == item.id).map_or("", |(_, place)| place);
            let Some(of) = ContentType::of_kind(&item.kind) else { continue };
            let name = format!("the {} \"{}\"", of.noun, item.slug);
            if self.is_untouched_draft(connection, &item)? {
                self.publish(connection, of, item)?;
                let message = format!("{name}, a draft of an earlier import, is published with it");
                self.note(place, "published_too", &message);
            } else {
                self.note(place, "hidden_reference", &format!("{name} is not public, so it is not shown with this"));
            }
        }
        Ok(())
    }

    /// Returns whether an item is a draft of an import that no editor has changed, published or planned.
    fn is_untouched_draft(&self, connection: &mut Db, item: &Item) -> Result<bool, Problem> {
        let is_draft = item.status == "draft" && item.stage == "draft" && !item.has_working_draft();
        let may = self.policy.status == "published" && !BY_THEMSELVES.contains(&item.kind.as_str());
        if !(is_draft && may && item.published_at == 0 && item.trashed_at == 0) {
            return Ok(false);
        }
        let imported = imported_version(connection, item)?;
        Ok(imported.is_some() && !is_edited(connection, item, imported)?)
    }

    fn publish(&self, connection: &mut Db, content_type: &'static ContentType, item: Item) -> Result<(), Problem> {
        let (from, content) = (item.latest_version(), item.content());
        let status = Some("published".to_owned());
        let writing = ItemWrite { status, ..ItemWrite::of(content_type, content) };
        let item = write::update(connection, self.context(), item, writing)?;
        // The item is still as the record of its source has it.
        Ok(sources::follow(connection, &[VersionChange { item_id: item.id.clone(), from, to: item.latest_version() }])?)
    }
}
