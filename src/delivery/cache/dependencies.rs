//! Dependencies of a response.
//!
//! One rule decides: a response depends on the content types that decide which items are in it, and on each
//! item that it was made of, including those that are not public yet. [`compose`](crate::delivery::render::compose::compose)
//! yields the items of each object, [`ListQuery::dependencies`](crate::delivery::query::ListQuery::dependencies) the
//! content types of a list. Everything else is derived from these: how long this node caches a response, and
//! the tags by which shared caches in front of it are purged.
//!
//! Dependencies are made in no other way. A second list of them, kept by hand for each content type, would
//! miss what a new include, filter or facet adds (`docs/decisions/0014-one-rule-for-what-is-kept.md`).

use uuid::Uuid;

use crate::content_types::ContentType;
use crate::database::invalidation::DependencySlots;

/// The content types and items that a response depends on.
#[derive(Debug, Default, Clone)]
pub struct Dependencies {
    kinds: Vec<&'static str>,
    items: Vec<Item>,
}

/// An item and its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    kind: &'static str,
    id: Uuid,
}

impl Dependencies {
    /// Creates a dependency on all items of these content types, including future ones.
    pub fn on_kinds(kinds: impl IntoIterator<Item = &'static str>) -> Self {
        let mut all = Self::default();
        kinds.into_iter().for_each(|kind| all.add_kind(kind));
        all
    }

    pub fn add_kind(&mut self, kind: &'static str) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// Adds an item by its id.
    pub fn add_item(&mut self, kind: &'static str, id: &str) {
        match Uuid::try_parse(id) {
            Ok(id) => self.items.push(Item { kind, id }),
            // All ids are UUIDs. Anything else could not be named, so its whole content type is.
            Err(_) => self.add_kind(kind),
        }
    }

    /// Adds the dependencies of a part of the response.
    pub fn add(&mut self, part: &Dependencies) {
        part.kinds.iter().for_each(|kind| self.add_kind(kind));
        let named = part.items.iter().filter(|item| !self.kinds.contains(&item.kind));
        self.items.extend(named.copied());
    }

    /// Returns the approximate size in memory besides the struct itself, in bytes.
    pub fn size(&self) -> usize {
        self.kinds.len() * size_of::<&str>() + self.items.len() * size_of::<Item>()
    }

    /// Returns the dependencies in the form of the invalidation table.
    pub fn slots(&self) -> DependencySlots {
        let named = self.items.iter().filter(|item| !self.kinds.contains(&item.kind));
        DependencySlots::on_kinds(self.kinds.iter().copied()).and_items(named.map(|item| item.id))
    }

    /// Returns the cache tags of the response: names of collections, and ids. If there are more than `most`
    /// items, the content type with the most of them is named instead: the response is then purged more often
    /// than necessary, never less often.
    pub fn tags(&self, most: usize) -> Vec<String> {
        let mut kinds = self.kinds.clone();
        let mut items = self.items.clone();
        items.retain(|item| !kinds.contains(&item.kind));
        items.sort_unstable();
        items.dedup();
        while items.len() > most {
            let largest = items.chunk_by(|a, b| a.kind == b.kind).max_by_key(|of_kind| of_kind.len());
            let Some(kind) = largest.map(|of_kind| of_kind[0].kind) else { break };
            kinds.push(kind);
            items.retain(|item| item.kind != kind);
        }
        let names = kinds.into_iter().map(|kind| name(kind).to_owned());
        names.chain(items.iter().map(|item| item.id.to_string())).collect()
    }
}

/// Returns the cache tag of a content type: the name of its collection. Anything else, as the search index,
/// is its own tag.
fn name(kind: &'static str) -> &'static str {
    ContentType::of_kind(kind).map_or(kind, |content_type| content_type.collection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> String {
        Uuid::from_u128(number).to_string()
    }

    fn on_items(kind: &'static str, ids: std::ops::Range<u128>) -> Dependencies {
        let mut all = Dependencies::default();
        ids.for_each(|number| all.add_item(kind, &id(number)));
        all
    }

    #[test]
    fn an_item_is_named_once_and_not_beside_its_kind() {
        let mut list = Dependencies::on_kinds(["event"]);
        list.add(&on_items("event", 0..3));
        list.add(&on_items("speaker", 10..12));
        list.add(&on_items("speaker", 11..13));
        let ids = || (10..13).map(id);
        assert_eq!(list.tags(3), std::iter::once("events".to_owned()).chain(ids()).collect::<Vec<_>>());
        let same = DependencySlots::on_kinds(["event"]).and_items((10..13).map(Uuid::from_u128));
        assert_eq!(list.slots(), same);
        // A content type that is added later covers items as well.
        list.add(&Dependencies::on_kinds(["speaker"]));
        assert_eq!(list.tags(3), ["events", "speakers"]);
        assert_eq!(list.slots(), DependencySlots::on_kinds(["event", "speaker"]));
    }

    #[test]
    fn of_too_many_items_the_kind_is_named() {
        let mut list = on_items("speaker", 0..5);
        list.add(&on_items("partner", 5..8));
        list.add(&on_items("venue", 8..9));
        assert_eq!(list.tags(9).len(), 9);
        assert_eq!(list.tags(8), ["speakers".to_owned(), id(5), id(6), id(7), id(8)]);
        assert_eq!(list.tags(2), ["speakers".to_owned(), "partners".to_owned(), id(8)]);
        assert_eq!(list.tags(0), ["speakers", "partners", "venues"]);
    }
}
