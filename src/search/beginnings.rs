//! Terms of the index that begin like another one, and the query for all of them.

use std::collections::HashMap;
use std::sync::OnceLock;

use tantivy::query::{EnableScoring, FuzzyTermQuery, Query, Weight};
use tantivy::{Searcher, Term};

/// Maximum number of terms that are examined in each segment.
pub(super) const MAX_EXAMINED_TERMS: usize = 1_000;

/// Returns terms that begin like this one, with the numbers of documents that contain them, the most frequent first. In each
/// segment, at most `limit` terms are examined.
///
/// # Errors
///
/// Fails if the index cannot be read.
pub(super) fn terms_beginning_with(
    searcher: &Searcher,
    beginning: &Term,
    limit: usize,
) -> tantivy::Result<Vec<(u32, String)>> {
    let begin = beginning.serialized_value_bytes();
    let mut end = begin.to_vec();
    // Terms are UTF-8, in which no byte is 255.
    end.push(255);
    let mut found: HashMap<Vec<u8>, u32> = HashMap::new();
    for segment in searcher.segment_readers() {
        let terms = segment.inverted_index(beginning.field())?;
        let mut stream = terms.terms().range().ge(begin).lt(&end).into_stream()?;
        let mut examined = 0;
        while let Some((term, info)) = stream.next().filter(|_| examined < limit) {
            examined += 1;
            *found.entry(term.to_vec()).or_default() += info.doc_freq;
        }
    }
    let mut found: Vec<(u32, Vec<u8>)> = found.into_iter().map(|(term, count)| (count, term)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(count, term)| (count, String::from_utf8_lossy(&term).into_owned())).collect())
}

/// Query for all terms with a beginning, each with the same score.
#[derive(Debug, Clone)]
pub(super) struct BeginningQuery {
    searcher: Searcher,
    beginning: Term,
    all: FuzzyTermQuery,
    /// Terms that excerpts mark, which are looked up only for these.
    marked: OnceLock<Vec<Term>>,
}

impl BeginningQuery {
    pub fn new(searcher: &Searcher, beginning: Term) -> Self {
        let all = FuzzyTermQuery::new_prefix(beginning.clone(), 0, true);
        Self { searcher: searcher.clone(), beginning, all, marked: OnceLock::new() }
    }

    fn marked_terms(&self) -> &[Term] {
        self.marked.get_or_init(|| {
            // What cannot be read is not marked; the query itself tells that it failed.
            let found = terms_beginning_with(&self.searcher, &self.beginning, MAX_EXAMINED_TERMS).unwrap_or_default();
            found.iter().map(|(_, text)| Term::from_field_text(self.beginning.field(), text)).collect()
        })
    }
}

impl Query for BeginningQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        self.all.weight(scoring)
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        for term in self.marked_terms() {
            visitor(term, false);
        }
    }
}
