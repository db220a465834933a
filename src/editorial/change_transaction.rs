//! The part of a change that is made within the write transaction: the third step of [`super::change`].

use serde_json::{Map, Value};

use crate::auth::permissions::Action;
use crate::database::Db;
use crate::editorial::change::{ChangeRequest, PreparedChange};
use crate::editorial::editor::{WrittenItem, resolve_references};
use crate::editorial::lifecycle;
use crate::editorial::publication_checks::Publication;
use crate::editorial::validate::{ContentWithIds, LocalNames, ValidatedBody, public_ids};
use crate::editorial::working_drafts;
use crate::editorial::write::{self, ItemWrite, precondition_failed};
use crate::items::Item;
use crate::problem::Problem;

impl ChangeRequest {
    /// Writes a prepared change within the write transaction. If another write came between, the change is
    /// prepared anew, merge included, since the other write may have changed the same values.
    pub(super) fn write(
        &self,
        connection: &mut Db,
        prepared: PreparedChange,
        names: &LocalNames,
    ) -> Result<WrittenItem, Problem> {
        let item = lifecycle::load(connection, &prepared.item.id)?;
        let is_same = item.latest_version() == prepared.item.latest_version();
        // Whose texts entries keep that refer to items of the batch is only known now.
        if is_same && prepared.body.refers_to_batch() {
            return self.apply(connection, item, names);
        }
        if is_same {
            return self.store(connection, PreparedChange { item, ..prepared }, names);
        }
        // Without a merge there is one comparison of versions here, and nothing is computed: the writer must
        // not spend its time on refusals.
        if !self.request.merge {
            return Err(precondition_failed(&item));
        }
        self.apply(connection, item, names)
    }

    /// Prepares and writes a change of an item, as the write transaction sees it.
    pub(super) fn apply(&self, connection: &mut Db, item: Item, names: &LocalNames) -> Result<WrittenItem, Problem> {
        let stored = self.read(connection, item, names)?;
        self.store(connection, self.prepare(stored)?, names)
    }

    /// Stores a change that was prepared from the item as this transaction sees it.
    fn store(&self, connection: &mut Db, prepared: PreparedChange, names: &LocalNames) -> Result<WrittenItem, Problem> {
        let PreparedChange { item, before, body, violations, to_working_draft } = prepared;
        let context = self.request.context();
        // Ownership and releases are looked up in this transaction, since both could change between a read and
        // the write.
        context.authorize(connection, &item, Action::UpdateOwn)?;
        context.require_publish_if_scheduled(connection, &item)?;
        // This comes before the violations of the body: a text that cannot be written here is not judged.
        if item.has_working_draft() && !to_working_draft {
            return Err(write::has_working_draft());
        }
        let ContentWithIds { content, targets } = resolve_references(connection, &body, names, violations)?;
        if before.is_some_and(|before| self.is_same(&item, &before, &body, &content)) {
            return Ok(WrittenItem::from(item).with_targets(targets));
        }
        let published = public_ids(&targets);
        let (slug, slugs, status) = (body.slug.clone(), body.slugs.clone(), body.status.clone());
        let (site, content_type) = (&self.request.site, self.request.content_type);
        let writing = ItemWrite { content_type, slug, locale: self.request.slug_locale(), slugs, status, content };
        if to_working_draft {
            return Ok(working_drafts::write(connection, context.author, item, writing)?.into());
        }
        if writing.status.as_deref().unwrap_or(&item.status) == "published" {
            let public = (item.status == "published").then(|| item.content());
            let (content, public) = (&writing.content, public.as_ref());
            Publication { site, content_type, content, public, published: &published }.require(connection)?;
        }
        let item = write::update(connection, context, item, writing)?;
        Ok(WrittenItem::from(item).with_targets(targets))
    }

    /// Returns whether a body, with this content, is what the item has already.
    fn is_same(
        &self,
        item: &Item,
        (slug, before): &(String, Map<String, Value>),
        body: &ValidatedBody,
        content: &Map<String, Value>,
    ) -> bool {
        let same_slug = body.slug.is_none() || body.slug == self.request.slug_of(item, slug);
        let translations = item.translations();
        let same_slugs =
            body.slugs.iter().all(|(locale, requested)| match locale == self.request.site.default_locale() {
                true => requested.as_ref() == Some(slug),
                false => requested.as_deref() == translations.slug(locale),
            });
        let same_status = body.status.as_deref().is_none_or(|status| status == item.status);
        same_slug && same_slugs && same_status && content == before
    }
}
