//! The index on disk: its schema, its tokenizers, and its writer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rust_stemmers::Algorithm;
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::LockError;
use tantivy::indexer::LogMergePolicy;
use tantivy::schema::{FAST, Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, RemoveLongFilter, TextAnalyzer, TextAnalyzerBuilder};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError};
use thiserror::Error;

use crate::content::Site;
use crate::content_types::{ALL, Column};
use crate::database::position::Position;
use crate::search::compounds::{Endings, has_compounds};
use crate::search::first_docs::SORT_COLUMNS;
use crate::search::searcher::CachedIdents;
use crate::search::stems::Stems;
use crate::search::tokenizer::WordTokenizer;

/// Format of the index, which is incremented when documents are made in another way, and when the content types change: the
/// index has fields for each, and names a type by its place in `ALL`.
const FORMAT: u32 = 4;
/// Memory of the writer in bytes, the minimum of the library.
const WRITER_BYTES: usize = 15_000_000;
/// Maximum length of a word in bytes; longer ones are not indexed. Many letters take three bytes.
const MAX_WORD_BYTES: usize = 180;

/// Failure of the search index.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The index cannot be read or written.
    #[error("search index: {0}")]
    Index(#[from] TantivyError),
    /// The folder of the index cannot be used.
    #[error("search index: {0}")]
    Folder(#[from] std::io::Error),
    /// A query panicked, as it does with no sound index.
    #[error("search index: a query panicked")]
    Panic,
    /// The database cannot be read.
    #[error(transparent)]
    Database(#[from] crate::database::DatabaseError),
}

impl From<diesel::result::Error> for SearchError {
    fn from(error: diesel::result::Error) -> Self {
        SearchError::Database(error.into())
    }
}

/// The fields of a content type in one language. Each content type has its own fields, so that its best
/// matches are found without a look at others, and so that the rarity of a word is that within the content
/// type.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub kind: &'static str,
    pub locale: String,
    /// Words reduced to their stems; in scripts without spaces, letters and pairs of letters.
    pub stems: Field,
    /// Whole words of scripts with spaces, for prefixes and typing errors.
    pub whole: Field,
    /// Endings of long words, in languages with compounds.
    pub endings: Option<Field>,
}

impl Words {
    /// Returns all fields.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<> {
        [Some(self.stems), Some(self.whole), self.endings].into_iter().flatten()
    }
}

/// Fields of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// Id of the item as text, by which its document is replaced.
    pub id: Field,
    /// Content type of the item, as its place in [`crate::content_types::ALL`].
    pub kind: Field,
    /// Upper half of the id.
    pub id_high: Field,
    /// Lower half of the id.
    pub id_low: Field,
    /// The columns by which lists are sorted, as [`SORT_COLUMNS`].
    pub sorts: Vec<Field>,
    /// Text fields of each content type in each language of the site.
    pub words: Vec<Words>,
}

/// The index as it was opened from its folder. A damaged one is replaced by another.
pub(crate) struct OpenIndex {
    pub index: Index,
    pub reader: IndexReader,
    pub idents: CachedIdents,
}

/// The full-text index of this node.
pub struct Search {
    open: RwLock<Arc<OpenIndex>>,
    /// Folder of the index.
    pub(crate) folder: PathBuf,
    schema: Schema,
    locales: Vec<String>,
    pub(crate) fields: Fields,
    /// Whether a query failed in a way that damage would explain.
    pub(crate) is_suspect: AtomicBool,
    /// Number of the journal entry up to which queries find everything; 0 if they find nothing yet.
    complete_to: AtomicI64,
}

impl Search {
    /// Opens the index in this folder. For other languages, or another format, a new index is built from the
    /// database.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be used, or if a damaged index can be neither set aside nor replaced.
    pub fn open(folder: &Path, site: &Site) -> Result<Self, SearchError> {
        let (schema, fields) = schema(site);
        crate::search::directory::remove_unused(folder, FORMAT);
        // Each format and each set of languages has a folder of its own, so that nodes of two versions, or of
        // two sites, can share a disk.
        let folder = folder.join(folder_name(site));
        std::fs::create_dir_all(&folder)?;
        let locales = site.locales.clone();
        let open = match open(&folder, &schema, &locales) {
            Ok(opened) => opened,
            // Whatever the damage is, nothing is lost: everything in the index comes from the database.
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "the search index is damaged and will be rebuilt");
                crate::search::directory::put_aside_one(&folder)?;
                std::fs::create_dir_all(&folder)?;
                open(&folder, &schema, &locales)?
            }
        };
        let (open, is_suspect) = (RwLock::new(Arc::new(open)), AtomicBool::new(false));
        let search = Self { open, folder, schema, locales, fields, is_suspect, complete_to: AtomicI64::new(0) };
        search.set_complete_to(search.indexed_position().ok().flatten());
        Ok(search)
    }

    /// Returns the index in its current state.
    pub(crate) fn open_index(&self) -> Arc<OpenIndex> {
        Arc::clone(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the folder again, as another process would.
    ///
    /// # Errors
    ///
    /// Fails if there is no sound index in it.
    pub(crate) fn reopen(&self) -> Result<OpenIndex, SearchError> {
        open(&self.folder, &self.schema, &self.locales)
    }

    /// Replaces the index. Queries that have begun end with the one with which they began.
    pub(crate) fn replace(&self, open: OpenIndex) {
        self.set_complete_to(None);
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(open);
    }

    /// Returns the only writer of the index, or `None` while another node with the same folder has it.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be written.
    pub(crate) fn writer(&self) -> Result<Option<IndexWriter<TantivyDocument>>, SearchError> {
        match self.open_index().index.writer_with_num_threads(1, WRITER_BYTES) {
            Ok(writer) => {
                writer.set_merge_policy(Box::new(merge_policy()));
                Ok(Some(writer))
            }
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the journal entry up to which the index is complete, or `None` while it is empty.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub(crate) fn indexed_position(&self) -> Result<Option<Position>, SearchError> {
        Ok(self.open_index().index.load_metas()?.payload.and_then(|payload| Position::parse(&payload)))
    }

    /// Returns whether queries find everything up to this journal entry.
    pub fn is_complete_to(&self, entry: i64) -> bool {
        self.complete_to.load(Ordering::Acquire) >= entry
    }

    /// Records up to which journal entry queries find everything.
    pub(crate) fn set_complete_to(&self, position: Option<Position>) {
        self.complete_to.store(position.map_or(0, |position| position.sequence), Ordering::Release);
    }

    /// Returns the fields of these content types in a language.
    pub(crate) fn words(&self, kinds: &[&str], locale: &str) -> Vec<&Words> {
        self.fields.words.iter().filter(|words| words.locale == locale && kinds.contains(&words.kind)).collect()
    }
}

fn open(folder: &Path, schema: &Schema, locales: &[String]) -> Result<OpenIndex, SearchError> {
    let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
    let index = Index::open_or_create(directory, schema.clone())?;
    register(&index, locales);
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(OpenIndex { index, reader, idents: CachedIdents::default() })
}

/// Returns the merge policy. Segments of about the same size are merged, so that a document is rewritten only
/// a few times, however small the commits are; a segment with many replaced documents is rewritten as well.
fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_layer_size(200);
    policy.set_del_docs_ratio_before_merge(0.3);
    policy
}

fn folder_name(site: &Site) -> String {
    format!("{FORMAT}-{}", site.locales.join("-").to_ascii_lowercase())
}

fn schema(site: &Site) -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = |tokenizer: &str, option: IndexRecordOption| {
        let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option);
        TextOptions::default().set_indexing_options(indexing)
    };
    let id = builder.add_text_field("id", STRING);
    let kind = builder.add_u64_field("kind", FAST);
    let id_high = builder.add_u64_field("id_high", FAST);
    let id_low = builder.add_u64_field("id_low", FAST);
    let sorts = SORT_COLUMNS.map(|column| builder.add_i64_field(&sort_field(column), FAST)).to_vec();
    let mut words = Vec::with_capacity(ALL.len() * site.locales.len());
    for kind in ALL.iter().map(|content_type| content_type.kind) {
        for locale in &site.locales {
            let stems = text(&stemmed_field(locale), IndexRecordOption::WithFreqsAndPositions);
            let stems = builder.add_text_field(&format!("{kind}_stems_{locale}"), stems);
            let whole = text(WHOLE, IndexRecordOption::WithFreqs);
            let whole = builder.add_text_field(&format!("{kind}_whole_{locale}"), whole);
            let endings = has_compounds(locale).then(|| text(&ending_field(locale), IndexRecordOption::Basic));
            let endings = endings.map(|of| builder.add_text_field(&format!("{kind}_endings_{locale}"), of));
            words.push(Words { kind, locale: locale.clone(), stems, whole, endings });
        }
    }
    (builder.build(), Fields { id, kind, id_high, id_low, sorts, words })
}

/// Returns the name of the field of a column by which lists are sorted.
pub(crate) fn sort_field(column: Column) -> String {
    format!("sort_{column:?}")
}

const WHOLE: &str = "whole";

fn stemmed_field(locale: &str) -> String {
    format!("stemmed_{locale}")
}

fn ending_field(locale: &str) -> String {
    format!("ending_{locale}")
}

fn register(index: &Index, locales: &[String]) {
    let tokenizers = index.tokenizers();
    tokenizers.register(WHOLE, words(true).filter(AsciiFoldingFilter).build());
    for locale in locales {
        let stemmer = algorithm(locale).map(Stems::new);
        let stems = || -> TextAnalyzerBuilder {
            // Stemmers need accents, so these are removed after stemming.
            match stemmer.clone() {
                Some(stemmer) => words(false).filter(stemmer).filter(AsciiFoldingFilter).dynamic(),
                None => words(false).filter(AsciiFoldingFilter).dynamic(),
            }
        };
        tokenizers.register(&stemmed_field(locale), stems().build());
        tokenizers.register(&ending_field(locale), stems().filter(Endings).build());
    }
}

/// Returns the analyzer of the words of a text.
fn words(only_spaced: bool) -> TextAnalyzerBuilder {
    TextAnalyzer::builder(WordTokenizer::new(only_spaced))
        .filter(RemoveLongFilter::limit(MAX_WORD_BYTES))
        .filter(LowerCaser)
        .dynamic()
}

/// Returns the stemmer of a language, if there is one (Snowball).
fn algorithm(locale: &str) -> Option<Algorithm> {
    Some(match locale.split('-').next().unwrap_or(locale) {
        "ar" => Algorithm::Arabic,
        "da" => Algorithm::Danish,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "en" => Algorithm::English,
        "es" => Algorithm::Spanish,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "hu" => Algorithm::Hungarian,
        "it" => Algorithm::Italian,
        "nb" | "nn" | "no" => Algorithm::Norwegian,
        "nl" => Algorithm::Dutch,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "ru" => Algorithm::Russian,
        "sv" => Algorithm::Swedish,
        "ta" => Algorithm::Tamil,
        "tr" => Algorithm::Turkish,
        _ => return None,
    })
}
