//! Collector of the best matches of a whole index.
//!
//! Tantivy's own collector begins each segment with an empty result. This one shares its result between all
//! segments, so that blocks without anything better than the worst result of any segment so far are skipped.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::query::Weight;
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

/// A document with its score. Of two equal scores, that of the lower address is the better one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ScoredDoc {
    score: Score,
    address: DocAddress,
}

impl Eq for ScoredDoc {}

impl PartialOrd for ScoredDoc {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ScoredDoc {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.address.cmp(&self.address))
    }
}

/// Collector of the addresses of the `limit` best documents, the best first.
pub struct SharedTopDocs {
    limit: usize,
    found: Mutex<BinaryHeap<Reverse<ScoredDoc>>>,
}

impl SharedTopDocs {
    /// Creates an empty collector.
    pub fn new(limit: usize) -> Self {
        Self { limit, found: Mutex::default() }
    }

    fn lock_hits(&self) -> MutexGuard<'_, BinaryHeap<Reverse<ScoredDoc>>> {
        // The heap is consistent after each step, so a panic elsewhere does not spoil it.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the score that a document must exceed to be among the best.
    fn threshold(&self) -> Score {
        let found = self.lock_hits();
        match found.peek() {
            _ if self.limit == 0 => Score::INFINITY,
            Some(Reverse(worst)) if found.len() >= self.limit => worst.score,
            _ => Score::MIN,
        }
    }

    fn add(&self, score: Score, address: DocAddress) {
        let mut found = self.lock_hits();
        found.push(Reverse(ScoredDoc { score, address }));
        if found.len() > self.limit {
            found.pop();
        }
    }
}

impl Collector for SharedTopDocs {
    type Fruit = Vec<DocAddress>;
    type Child = EmptySegment;

    fn for_segment(&self, _: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<EmptySegment> {
        Ok(EmptySegment)
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn collect_segment(
        &self,
        weight: &dyn Weight,
        segment: SegmentOrdinal,
        reader: &SegmentReader,
    ) -> tantivy::Result<()> {
        let alive = reader.alive_bitset();
        weight.for_each_pruning(self.threshold(), reader, &mut |doc, score| {
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                self.add(score, DocAddress::new(segment, doc));
            }
            self.threshold()
        })
    }

    fn merge_fruits(&self, _: Vec<()>) -> tantivy::Result<Vec<DocAddress>> {
        let mut found: Vec<ScoredDoc> = self.lock_hits().drain().map(|Reverse(scored)| scored).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found.into_iter().map(|scored| scored.address).collect())
    }
}

/// Collector of a segment, which has no result of its own.
pub struct EmptySegment;

impl SegmentCollector for EmptySegment {
    type Fruit = ();

    fn collect(&mut self, _: DocId, _: Score) {}

    fn harvest(self) {}
}

#[cfg(test)]
mod tests {
    use tantivy::collector::TopDocs;
    use tantivy::query::{BooleanQuery, Query, TermQuery};
    use tantivy::schema::{IndexRecordOption, STORED, STRING, Schema, TEXT};
    use tantivy::{Index, IndexWriter, Term, doc};

    use super::*;

    /// The collector finds what tantivy's own one finds, in several segments, with many equal scores and some
    /// deleted documents.
    #[test]
    fn finds_what_the_exhaustive_collector_finds() {
        let mut schema = Schema::builder();
        let (text, id) = (schema.add_text_field("text", TEXT), schema.add_text_field("id", STRING | STORED));
        let index = Index::create_in_ram(schema.build());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        for number in 0_usize..3_000 {
            let words = format!("{} {}", "river ".repeat(number * 7 % 11), "law ".repeat(number * 5 % 6));
            writer.add_document(doc!(text => words, id => number.to_string())).unwrap();
            if number % 700 == 699 {
                writer.commit().unwrap();
            }
        }
        for number in (0..3_000).step_by(13) {
            writer.delete_term(Term::from_field_text(id, &number.to_string()));
        }
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        assert!(searcher.segment_readers().len() > 3);
        let term = |word: &str| -> Box<dyn Query> {
            Box::new(TermQuery::new(Term::from_field_text(text, word), IndexRecordOption::WithFreqs))
        };
        let (river, law) = (|| term("river"), || term("law"));
        let both = BooleanQuery::intersection(vec![river(), law()]);
        let any = BooleanQuery::union(vec![river(), law()]);
        for query in [river(), Box::new(both), Box::new(any), term("nothing")] {
            for most in [1, 2, 33, 500, 5_000] {
                let wanted = searcher.search(&*query, &TopDocs::with_limit(most).order_by_score()).unwrap();
                let wanted: Vec<DocAddress> = wanted.into_iter().map(|(_, address)| address).collect();
                assert_eq!(searcher.search(&*query, &SharedTopDocs::new(most)).unwrap(), wanted, "{most} {query:?}");
            }
            assert!(searcher.search(&*query, &SharedTopDocs::new(0)).unwrap().is_empty());
        }
    }
}
