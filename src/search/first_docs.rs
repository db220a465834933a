//! Collector of the first matches in the order of a column, such as the start of an event.
//!
//! The index has the columns by which lists are sorted, so that a page of matches needs the rows of this page only, in
//! place of those of all matches. The caller compares the values with the database, since an item may have changed
//! after it was indexed.

use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use tantivy::collector::Collector;
use tantivy::columnar::Column as FastColumn;
use tantivy::query::Weight;
use tantivy::{DocId, SegmentOrdinal, SegmentReader};
use uuid::Uuid;

use crate::content_types::Column;
use crate::items::Item;
use crate::search::top_docs::EmptySegment;

/// The columns that the index has, all but the label, which is a text.
pub const SORT_COLUMNS: [Column; 6] =
    [Column::StartsAt, Column::EndsAt, Column::CreatedAt, Column::UpdatedAt, Column::PublishedAt, Column::Position];

/// Returns the values of an item in [`SORT_COLUMNS`].
pub fn sort_values(item: &Item) -> [i64; SORT_COLUMNS.len()] {
    [item.starts_at, item.ends_at, item.created_at, item.updated_at, item.published_at, item.position]
}

/// The order of matches by a column, and then by id in the same direction.
#[derive(Debug, Clone, Copy)]
pub struct DocOrder {
    /// One of [`SORT_COLUMNS`].
    pub column: Column,
    /// Whether the order descends.
    pub down: bool,
    /// The number that stands for an absent value.
    pub absent: Option<i64>,
    /// Whether documents without a value come first; otherwise they come last.
    pub absent_first: bool,
}

/// Place of a document in an order: whether it is in the second part, of those with and those without a value; its value
/// and its id, both inverted where the order descends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortPlace {
    second_part: bool,
    value: i64,
    id: u128,
}

impl DocOrder {
    /// Returns the place of a document with this value and this id.
    pub fn place(self, value: i64, id: u128) -> SortPlace {
        let second_part = (self.absent == Some(value)) != self.absent_first;
        // Inverting all bits reverses the order of numbers, and has no overflow.
        SortPlace { second_part, value: self.invert_descending(value), id: if self.down { !id } else { id } }
    }

    fn invert_descending(self, value: i64) -> i64 {
        if self.down { !value } else { value }
    }

    /// Returns the id and the value of the document at a place.
    fn document(self, place: SortPlace) -> (String, i64) {
        let id = if self.down { !place.id } else { place.id };
        (Uuid::from_u128(id).to_string(), self.invert_descending(place.value))
    }
}

/// The columns of a segment that the collector reads.
pub struct SegmentColumns<'a> {
    /// Upper half of the id.
    pub id_high: &'a FastColumn<u64>,
    /// Lower half of the id.
    pub id_low: &'a FastColumn<u64>,
    /// The value by which the documents are sorted.
    pub value: &'a FastColumn<i64>,
}

/// Collector of the ids and values of the first `limit` documents behind a place.
pub struct FirstDocs<'a> {
    order: DocOrder,
    after: Option<SortPlace>,
    limit: usize,
    segments: Vec<SegmentColumns<'a>>,
    /// The places found; the last one is on top.
    found: Mutex<BinaryHeap<SortPlace>>,
}

impl<'a> FirstDocs<'a> {
    /// Creates an empty collector for these segments, in their order in the index.
    pub fn new(order: DocOrder, after: Option<SortPlace>, limit: usize, segments: Vec<SegmentColumns<'a>>) -> Self {
        Self { order, after, limit, segments, found: Mutex::default() }
    }

    /// Adds a document, if it is among the first.
    fn add(&self, found: &mut BinaryHeap<SortPlace>, columns: &SegmentColumns<'_>, doc: DocId) {
        let Some(value) = columns.value.first(doc) else { return };
        // Most documents are behind the last one found, which their value tells without their id.
        let earliest = SortPlace { id: 0, ..self.order.place(value, 0) };
        let is_full = found.len() >= self.limit;
        if is_full && found.peek().is_none_or(|last| earliest > *last) {
            return;
        }
        let halves = [columns.id_high, columns.id_low].map(|column| column.first(doc).unwrap_or_default());
        let place = self.order.place(value, Uuid::from_u64_pair(halves[0], halves[1]).as_u128());
        if self.after.is_some_and(|after| place <= after) {
            return;
        }
        found.push(place);
        if is_full {
            found.pop();
        }
    }
}

impl Collector for FirstDocs<'_> {
    type Fruit = Vec<(String, i64)>;
    type Child = EmptySegment;

    fn for_segment(&self, _: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<EmptySegment> {
        Ok(EmptySegment)
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn collect_segment(
        &self,
        weight: &dyn Weight,
        segment: SegmentOrdinal,
        reader: &SegmentReader,
    ) -> tantivy::Result<()> {
        let Some(columns) = self.segments.get(segment as usize) else { return Ok(()) };
        let alive = reader.alive_bitset();
        // The heap is consistent after each step, so a panic elsewhere does not spoil it.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        weight.for_each_no_score(reader, &mut |docs| {
            for doc in docs.iter().copied().filter(|doc| alive.is_none_or(|alive| alive.is_alive(*doc))) {
                self.add(&mut found, columns, doc);
            }
        })
    }

    fn merge_fruits(&self, _: Vec<()>) -> tantivy::Result<Vec<(String, i64)>> {
        let found = std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(found.into_sorted_vec().into_iter().map(|place| self.order.document(place)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of documents have the order that lists have: absent values at the end of the list, ids in the direction
    /// of the values.
    #[test]
    fn places_are_in_the_order_of_lists() {
        let sorted = |order: DocOrder| {
            let mut documents = [(5, 1), (9, 2), (5, 3), (i64::MAX, 4), (i64::MIN, 5), (-7, 6)];
            documents.sort_by_key(|(value, id)| order.place(*value, *id));
            documents.map(|(_, id)| id)
        };
        let order = |down, absent_first| DocOrder { column: Column::StartsAt, down, absent: Some(9), absent_first };
        assert_eq!(sorted(order(false, false)), [5, 6, 1, 3, 4, 2]);
        assert_eq!(sorted(order(true, false)), [4, 3, 1, 6, 5, 2]);
        assert_eq!(sorted(order(false, true)), [2, 5, 6, 1, 3, 4]);
        assert_eq!(sorted(order(true, true)), [2, 4, 3, 1, 6, 5]);
        let (id, value) = (Uuid::from_u128(7), -3);
        for order in [order(false, false), order(true, true)] {
            assert_eq!(order.document(order.place(value, id.as_u128())), (id.to_string(), value));
        }
    }
}
