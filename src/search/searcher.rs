//! Queries on the index.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::collector::{Count, DocSetCollector};
use tantivy::columnar::Column as FastColumn;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Query, TermSetQuery};
use tantivy::snippet::SnippetGenerator;
use tantivy::{DocAddress, Searcher, Term};
use uuid::Uuid;

use crate::content::translations::visible_content;
use crate::content::{Site, html};
use crate::content_types::{ALL, Column, ContentType};
use crate::items::Item;
use crate::search::document::texts_in;
use crate::search::first_docs::{DocOrder, FirstDocs, SORT_COLUMNS, SegmentColumns, SortPlace};
use crate::search::index::{OpenIndex, Search, SearchError, Words, sort_field};
use crate::search::query_builder::QueryBuilder;
use crate::search::query_parser::SearchQuery;
use crate::search::top_docs::SharedTopDocs;

/// Maximum length of an excerpt, in characters.
const SNIPPET_CHARACTERS: usize = 200;

/// An item that the index has found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub id: String,
    pub kind: &'static str,
}

/// Matches of a text in one state of the index.
pub struct Matches<'a> {
    search: &'a Search,
    open: Arc<OpenIndex>,
    searcher: Searcher,
    query: Box<dyn Query>,
    locale: String,
}

impl Search {
    /// Searches for a text in a language of the site, among these content types.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn matches(
        &self,
        search_query: &SearchQuery,
        kinds: &[&str],
        locale: &str,
    ) -> Result<Matches<'_>, SearchError> {
        let open = self.open_index();
        let searcher = open.reader.searcher();
        let query = self.run(|| {
            let words = self.words(kinds, locale);
            search_query.query(&QueryBuilder { index: &open.index, searcher: &searcher, words })
        })?;
        Ok(Matches { search: self, open, searcher, query, locale: locale.to_owned() })
    }

    /// Returns the number of items in the index.
    pub fn size(&self) -> u64 {
        self.open_index().reader.searcher().num_docs()
    }

    /// Runs a query on the index. If it fails or panics, the worker checks the index for damage: the library
    /// trusts what it reads.
    fn run<T>(&self, query: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
        let result = catch_unwind(AssertUnwindSafe(query)).unwrap_or(Err(SearchError::Panic));
        if result.is_err() {
            self.is_suspect.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Matches<'_> {
    /// Returns the `limit` best matches, the best first.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn best_hits(&self, limit: usize) -> Result<Vec<Hit>, SearchError> {
        self.search.run(|| self.ranked_hits(&*self.query, limit))
    }

    /// Returns the number of matches.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn count(&self) -> Result<usize, SearchError> {
        self.search.run(|| Ok(self.searcher.search(&*self.query, &Count)?))
    }

    /// Returns the ids and values of the first `limit` matches in an order, of those behind a place if one is given.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn first_in_order(
        &self,
        order: DocOrder,
        after: Option<SortPlace>,
        limit: usize,
    ) -> Result<Vec<(String, i64)>, SearchError> {
        self.search.run(|| {
            let idents = self.open.idents.for_searcher(&self.searcher)?;
            let Some(segments) = idents.segments_by(order.column) else { return Ok(Vec::new()) };
            Ok(self.searcher.search(&*self.query, &FirstDocs::new(order, after, limit, segments))?)
        })
    }

    /// Returns the ids of all matches, in no order.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn ids(&self) -> Result<Vec<String>, SearchError> {
        self.search.run(|| self.all_ids(&*self.query))
    }

    /// Returns those of these ids that match.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn matching_ids(&self, ids: &[String]) -> Result<HashSet<String>, SearchError> {
        let both = BooleanQuery::intersection(vec![self.query_of_ids(ids), self.query.box_clone()]);
        self.search.run(|| Ok(self.all_ids(&both)?.into_iter().collect()))
    }

    /// Returns the best of these ids that match, the best first.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn best_among(&self, ids: &[String], limit: usize) -> Result<Vec<Hit>, SearchError> {
        let among: Box<dyn Query> = Box::new(ConstScoreQuery::new(self.query_of_ids(ids), 0.0));
        let both = BooleanQuery::intersection(vec![among, self.query.box_clone()]);
        self.search.run(|| self.ranked_hits(&both, limit))
    }

    fn ranked_hits(&self, query: &dyn Query, limit: usize) -> Result<Vec<Hit>, SearchError> {
        let found = self.searcher.search(query, &SharedTopDocs::new(limit))?;
        let idents = self.open.idents.for_searcher(&self.searcher)?;
        Ok(found.into_iter().map(|address| idents.hit(address)).collect())
    }

    fn all_ids(&self, query: &dyn Query) -> Result<Vec<String>, SearchError> {
        let found = self.searcher.search(query, &DocSetCollector)?;
        let idents = self.open.idents.for_searcher(&self.searcher)?;
        Ok(found.into_iter().map(|address| idents.hit(address).id).collect())
    }

    /// Returns an excerpt around the match for each item, as HTML with `<mark>`. If only the names of other
    /// items match, or only a similar word, it is the beginning of the longest text.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn snippets(&self, site: &Site, items: &[Item]) -> Result<Vec<String>, SearchError> {
        let mut generators = HashMap::new();
        for kind in items.iter().map(|item| item.kind.as_str()) {
            if !generators.contains_key(kind) {
                generators.insert(kind, self.search.run(|| self.generators(kind))?);
            }
        }
        Ok(items.iter().map(|item| self.snippet(site, &generators[item.kind.as_str()], item)).collect())
    }

    fn generators(&self, kind: &str) -> Result<Vec<SnippetGenerator>, SearchError> {
        let fields = self.search.words(&[kind], &self.locale).into_iter().flat_map(Words::fields);
        let generators = fields.map(|field| {
            let mut generator = SnippetGenerator::create(&self.searcher, &*self.query, field)?;
            generator.set_max_num_chars(SNIPPET_CHARACTERS);
            Ok(generator)
        });
        generators.collect()
    }

    fn snippet(&self, site: &Site, generators: &[SnippetGenerator], item: &Item) -> String {
        let Some(content_type) = ContentType::of_kind(&item.kind) else { return String::new() };
        let content = item.content();
        let content = visible_content(content_type.fields, &content, &item.translations());
        let texts = texts_in(site, content_type, &content, &self.locale);
        // The title is shown anyway, so an excerpt of another text says more.
        let (title, further) = texts.split_at(texts.len().min(1));
        let places = || further.iter().chain(title);
        let found = generators.iter().flat_map(|generator| places().map(|text| generator.snippet(text)));
        if let Some(mut snippet) = found.into_iter().find(|snippet| !snippet.is_empty()) {
            snippet.set_snippet_prefix_postfix("<mark>", "</mark>");
            return snippet.to_html();
        }
        let longest = places().max_by_key(|text| text.len());
        html::escape(
            &longest.map_or_else(String::new, |text| text.chars().take(SNIPPET_CHARACTERS).collect::<String>()),
        )
    }

    fn query_of_ids(&self, ids: &[String]) -> Box<dyn Query> {
        Box::new(TermSetQuery::new(ids.iter().map(|id| Term::from_field_text(self.search.fields.id, id))))
    }
}

/// Ids, content types and sort columns of the documents of a segment.
#[derive(Debug)]
struct Segment {
    id_high: FastColumn<u64>,
    id_low: FastColumn<u64>,
    kind: FastColumn<u64>,
    sorts: Vec<FastColumn<i64>>,
}

/// The columns of all segments, in their order.
#[derive(Debug)]
struct Idents {
    segments: Vec<Segment>,
}

/// The columns for the newest state of the index, which are thus not opened for each query.
#[derive(Debug, Default)]
pub(crate) struct CachedIdents(Mutex<Option<(u64, Arc<Idents>)>>);

impl CachedIdents {
    fn for_searcher(&self, searcher: &Searcher) -> Result<Arc<Idents>, SearchError> {
        let generation = searcher.generation().generation_id();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, idents)) = &*known
            && *of == generation
        {
            return Ok(Arc::clone(idents));
        }
        let idents = Arc::new(Idents::new(searcher)?);
        *known = Some((generation, Arc::clone(&idents)));
        Ok(idents)
    }
}

impl Idents {
    fn new(searcher: &Searcher) -> Result<Self, SearchError> {
        let segments = searcher.segment_readers().iter().map(|segment| {
            let fast = segment.fast_fields();
            let sorts = SORT_COLUMNS.iter().map(|column| fast.i64(&sort_field(*column)));
            let sorts = sorts.collect::<tantivy::Result<_>>()?;
            Ok(Segment { id_high: fast.u64("id_high")?, id_low: fast.u64("id_low")?, kind: fast.u64("kind")?, sorts })
        });
        Ok(Self { segments: segments.collect::<Result<_, SearchError>>()? })
    }

    /// Returns the columns for an order; `None` if the index has no such column.
    fn segments_by(&self, column: Column) -> Option<Vec<SegmentColumns<'_>>> {
        let place = SORT_COLUMNS.iter().position(|known| *known == column)?;
        let columns = self.segments.iter().map(|Segment { id_high, id_low, sorts, .. }| {
            Some(SegmentColumns { id_high, id_low, value: sorts.get(place)? })
        });
        columns.collect()
    }

    fn hit(&self, address: DocAddress) -> Hit {
        let Segment { id_high, id_low, kind, .. } = &self.segments[address.segment_ord as usize];
        let [high, low, kind] = [id_high, id_low, kind].map(|column| column.first(address.doc_id).unwrap_or_default());
        let kind = ALL.get(kind as usize).map_or("", |content_type| content_type.kind);
        Hit { id: Uuid::from_u64_pair(high, low).to_string(), kind }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use tantivy::TantivyDocument;

    use super::*;
    use crate::config::Config;

    /// Returns an index of some events with a word, in this folder.
    fn index(folder: &std::path::Path) -> Search {
        let search = Search::open(folder, &Config::default().site()).unwrap();
        let mut writer = search.writer().unwrap().unwrap();
        for number in 0..500_u64 {
            let mut document = TantivyDocument::new();
            for field in search.words(&["event"], "en").into_iter().flat_map(Words::fields) {
                document.add_text(field, "river");
            }
            for field in [search.fields.id_high, search.fields.id_low] {
                document.add_u64(field, number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            }
            for field in &search.fields.sorts {
                document.add_i64(*field, i64::try_from(number * number).unwrap());
            }
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        search.open_index().reader.reload().unwrap();
        search
    }

    /// Overwrites the columns of an index, whose footer stays.
    fn damage_columns(search: &Search) {
        for entry in std::fs::read_dir(&search.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "fast") {
                let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                let half = usize::try_from(file.metadata().unwrap().len() / 2).unwrap();
                file.write_all_at(&vec![0xff; half], 0).unwrap();
            }
        }
    }

    #[test]
    fn damaged_columns_make_the_index_suspect() {
        let folder = tempfile::tempdir().unwrap();
        let search = index(folder.path());
        let query = SearchQuery::parse("river").unwrap();
        let matches = search.matches(&query, &["event"], "en").unwrap();
        assert_eq!(matches.count().unwrap(), 500);
        damage_columns(&search);
        let order = DocOrder { column: Column::StartsAt, down: false, absent: None, absent_first: false };
        assert!(matches.first_in_order(order, None, 10).is_err());
        assert!(search.is_suspect.load(Ordering::Relaxed));
    }
}
