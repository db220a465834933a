//! Asking the index.

use std::collections::HashSet;

use tantivy::collector::{Count, DocSetCollector, TopDocs};
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::snippet::SnippetGenerator;
use tantivy::{DocAddress, Searcher, Term};
use uuid::Uuid;

use super::document::said;
use super::index::{Search, SearchError};
use super::words::Sought;
use crate::content::Site;
use crate::content::translations::visible;
use crate::items::Item;
use crate::resources::{ALL, Resource};

/// Characters of a snippet.
const SNIPPET: usize = 200;

/// An item that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: &'static str,
}

/// What matches a text, in the state of the index at one time.
pub struct Matches<'a> {
    search: &'a Search,
    searcher: Searcher,
    query: Box<dyn Query>,
    locale: String,
}

impl Search {
    /// Looks for a text in a language of the site.
    pub fn matches(&self, sought: &Sought, locale: &str) -> Result<Matches<'_>, SearchError> {
        let searcher = self.reader.searcher();
        let query = sought.query(self, &searcher, locale)?;
        Ok(Matches { search: self, searcher, query, locale: locale.to_owned() })
    }

    /// Items that the index has.
    pub fn size(&self) -> u64 {
        self.reader.searcher().num_docs()
    }
}

impl Matches<'_> {
    /// The `most` best, the best first, of any kind.
    pub fn best(&self, most: usize) -> Result<Vec<Hit>, SearchError> {
        let found = self.searcher.search(&self.query, &TopDocs::with_limit(most).order_by_score())?;
        found.into_iter().map(|(_, address)| self.hit(address)).collect()
    }

    /// How many there are of this kind.
    pub fn count(&self, kind: &str) -> Result<usize, SearchError> {
        Ok(self.searcher.search(&self.of_kind(kind), &Count)?)
    }

    /// The ids of all of this kind, in no order.
    pub fn ids(&self, kind: &str) -> Result<Vec<String>, SearchError> {
        let found = self.searcher.search(&self.of_kind(kind), &DocSetCollector)?;
        found.into_iter().map(|address| Ok(self.hit(address)?.id)).collect()
    }

    /// Those of these ids that match.
    pub fn among(&self, ids: &[String]) -> Result<HashSet<String>, SearchError> {
        let among = self.these(ids);
        let both = BooleanQuery::intersection(vec![among, self.query.box_clone()]);
        let found = self.searcher.search(&both, &DocSetCollector)?;
        found.into_iter().map(|address| Ok(self.hit(address)?.id)).collect()
    }

    /// The best of these ids, the best first.
    pub fn best_among(&self, ids: &[String], most: usize) -> Result<Vec<Hit>, SearchError> {
        let among: Box<dyn Query> = Box::new(ConstScoreQuery::new(self.these(ids), 0.0));
        let both = BooleanQuery::intersection(vec![among, self.query.box_clone()]);
        let found = self.searcher.search(&both, &TopDocs::with_limit(most).order_by_score())?;
        found.into_iter().map(|(_, address)| self.hit(address)).collect()
    }

    /// For each item the place where it says what was looked for, as HTML with `<mark>`; where only the
    /// names of others match, or a word that is merely similar, how its longest text begins.
    pub fn snippets(&self, site: &Site, items: &[Item]) -> Result<Vec<String>, SearchError> {
        let words = self.search.words(&self.locale);
        let mut generators = Vec::with_capacity(2);
        for field in [words.stems, words.whole] {
            let mut generator = SnippetGenerator::create(&self.searcher, &*self.query, field)?;
            generator.set_max_num_chars(SNIPPET);
            generators.push(generator);
        }
        Ok(items.iter().map(|item| self.snippet(site, &generators, item)).collect())
    }

    fn snippet(&self, site: &Site, generators: &[SnippetGenerator], item: &Item) -> String {
        let Some(resource) = Resource::of_kind(&item.kind) else { return String::new() };
        let content = item.content();
        let content = visible(resource.fields, &content, &item.translations());
        let texts = said(site, resource, &content, &self.locale);
        // The title is shown anyway: what the text says tells more.
        let (title, further) = texts.split_at(texts.len().min(1));
        let places = || further.iter().chain(title);
        let found = generators.iter().flat_map(|generator| places().map(|text| generator.snippet(text)));
        if let Some(mut snippet) = found.into_iter().find(|snippet| !snippet.is_empty()) {
            snippet.set_snippet_prefix_postfix("<mark>", "</mark>");
            return snippet.to_html();
        }
        let longest = places().max_by_key(|text| text.len());
        escaped(&longest.map_or_else(String::new, |text| text.chars().take(SNIPPET).collect::<String>()))
    }

    fn these(&self, ids: &[String]) -> Box<dyn Query> {
        Box::new(TermSetQuery::new(ids.iter().map(|id| Term::from_field_text(self.search.fields.id, id))))
    }

    fn of_kind(&self, kind: &str) -> BooleanQuery {
        let place = ALL.iter().position(|resource| resource.kind == kind).unwrap_or(usize::MAX);
        let term = Term::from_field_u64(self.search.fields.kind, place as u64);
        let kind: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::Basic));
        let kind: Box<dyn Query> = Box::new(ConstScoreQuery::new(kind, 0.0));
        BooleanQuery::new(vec![(Occur::Must, self.query.box_clone()), (Occur::Must, kind)])
    }

    fn hit(&self, address: DocAddress) -> Result<Hit, SearchError> {
        let fast = self.searcher.segment_reader(address.segment_ord).fast_fields();
        let value =
            |name: &str| -> Result<u64, SearchError> { Ok(fast.u64(name)?.first(address.doc_id).unwrap_or_default()) };
        let id = Uuid::from_u64_pair(value("id_high")?, value("id_low")?).to_string();
        let kind = ALL.get(value("kind")? as usize).map_or("", |resource| resource.kind);
        Ok(Hit { id, kind })
    }
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
