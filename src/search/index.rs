//! The index on disk: its fields, how words become terms, and who writes it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use tantivy::directory::MmapDirectory;
use tantivy::directory::error::LockError;
use tantivy::indexer::LogMergePolicy;
use tantivy::schema::{FAST, Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError};
use thiserror::Error;

use super::find::KnownIdents;
use crate::content::Site;
use crate::database::position::Position;
use crate::resources::ALL;

/// Grows when documents are made in another way than before.
const FORM: u32 = 2;
/// Memory of the writer, in bytes: the least that there can be.
const WRITER_BYTES: usize = 15_000_000;
/// Longer words are no words, in bytes.
const LONGEST_WORD: usize = 60;

/// Why the index does not do what was asked.
#[derive(Debug, Error)]
pub enum SearchError {
    /// It cannot be read or written.
    #[error("search index: {0}")]
    Index(#[from] TantivyError),
    /// Its folder cannot be used.
    #[error("search index: {0}")]
    Folder(#[from] std::io::Error),
    /// It gave an answer that no sound index gives.
    #[error("search index: a question ended by a panic")]
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

/// The fields of a kind in a language: each kind has its own, so that the best of a kind are found without
/// a look at the others, and how rare a word is, is counted among its like.
#[derive(Debug, Clone)]
pub(super) struct Words {
    /// The kind.
    pub kind: &'static str,
    /// The language.
    pub locale: String,
    /// Words reduced to their stems.
    pub stems: Field,
    /// Words as they are, for beginnings and typing errors.
    pub whole: Field,
}

/// The fields of all documents.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// The item's id as text, by which its document is replaced.
    pub id: Field,
    /// Its kind, as its place in [`crate::resources::ALL`].
    pub kind: Field,
    /// The halves of its id.
    pub id_high: Field,
    pub id_low: Field,
    /// For each kind and each language of the site.
    pub words: Vec<Words>,
}

/// The index as it lies in its folder now. A damaged one is replaced by another.
pub(super) struct OpenIndex {
    pub index: Index,
    pub reader: IndexReader,
    pub idents: KnownIdents,
}

/// The index of this node.
pub struct Search {
    open: RwLock<Arc<OpenIndex>>,
    /// Where it is.
    pub(super) folder: PathBuf,
    schema: Schema,
    locales: Vec<String>,
    pub(super) fields: Fields,
    /// A question failed in a way that damage explains.
    pub(super) is_suspect: AtomicBool,
}

impl Search {
    /// Opens the index in this folder. One that was made for other languages, or in another form, is
    /// begun anew: everything in it comes from the database.
    pub fn open(folder: &Path, site: &Site) -> Result<Self, SearchError> {
        let (schema, fields) = schema(site);
        super::folder::tidy(folder, FORM);
        // Nodes that share a disk and are of two versions, or of two sites, do not get in each other's way.
        let folder = folder.join(form(site));
        std::fs::create_dir_all(&folder)?;
        let locales = site.locales.clone();
        let open = match open(&folder, &schema, &locales) {
            Ok(opened) => opened,
            // Whatever is wrong with it: nothing is lost that the database has not.
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "the search index is damaged and is made anew");
                super::folder::put_aside_one(&folder)?;
                std::fs::create_dir_all(&folder)?;
                open(&folder, &schema, &locales)?
            }
        };
        let (open, is_suspect) = (RwLock::new(Arc::new(open)), AtomicBool::new(false));
        Ok(Self { open, folder, schema, locales, fields, is_suspect })
    }

    /// The index as it is now.
    pub(super) fn open_index(&self) -> Arc<OpenIndex> {
        Arc::clone(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the folder anew, as another program would.
    ///
    /// # Errors
    ///
    /// What is in it is no sound index.
    pub(super) fn open_again(&self) -> Result<OpenIndex, SearchError> {
        open(&self.folder, &self.schema, &self.locales)
    }

    /// Uses this one from now on. Questions that are being answered finish with the one that they began with.
    pub(super) fn replace(&self, open: OpenIndex) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(open);
    }

    /// The one writer of the index; none while another node of this folder has it.
    pub(super) fn writer(&self) -> Result<Option<IndexWriter<TantivyDocument>>, SearchError> {
        match self.open_index().index.writer_with_num_threads(1, WRITER_BYTES) {
            Ok(writer) => {
                writer.set_merge_policy(Box::new(merges()));
                Ok(Some(writer))
            }
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The entry of the journal up to which the index has everything; none while it is empty.
    pub(super) fn followed(&self) -> Result<Option<Position>, SearchError> {
        Ok(self.open_index().index.load_metas()?.payload.and_then(|payload| Position::parse(&payload)))
    }

    /// Whether the index has everything up to this entry of the journal.
    pub fn has(&self, entry: i64) -> bool {
        self.followed().ok().flatten().is_some_and(|followed| followed.sequence >= entry)
    }

    /// The fields of these kinds in a language.
    pub(super) fn words(&self, kinds: &[&str], locale: &str) -> Vec<&Words> {
        self.fields.words.iter().filter(|words| words.locale == locale && kinds.contains(&words.kind)).collect()
    }
}

fn open(folder: &Path, schema: &Schema, locales: &[String]) -> Result<OpenIndex, SearchError> {
    let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
    let index = Index::open_or_create(directory, schema.clone())?;
    register(&index, locales);
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(OpenIndex { index, reader, idents: KnownIdents::default() })
}

/// Segments of about one size are merged, so that a document is written again only a few times however
/// small the commits are; a segment of which many documents were replaced is written anew.
fn merges() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_layer_size(200);
    policy.set_del_docs_ratio_before_merge(0.3);
    policy
}

fn form(site: &Site) -> String {
    format!("{FORM}-{}", site.locales.join("-").to_ascii_lowercase())
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
    let mut words = Vec::with_capacity(ALL.len() * site.locales.len());
    for kind in ALL.iter().map(|resource| resource.kind) {
        for locale in &site.locales {
            let stems = text(&stemmed(locale), IndexRecordOption::WithFreqsAndPositions);
            let stems = builder.add_text_field(&format!("{kind}_stems_{locale}"), stems);
            let whole = text(WHOLE, IndexRecordOption::WithFreqs);
            let whole = builder.add_text_field(&format!("{kind}_whole_{locale}"), whole);
            words.push(Words { kind, locale: locale.clone(), stems, whole });
        }
    }
    (builder.build(), Fields { id, kind, id_high, id_low, words })
}

const WHOLE: &str = "whole";

fn stemmed(locale: &str) -> String {
    format!("stemmed_{locale}")
}

fn register(index: &Index, locales: &[String]) {
    let plain = || {
        TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(LONGEST_WORD))
            .filter(LowerCaser)
    };
    index.tokenizers().register(WHOLE, plain().filter(AsciiFoldingFilter).build());
    for locale in locales {
        // Stemmers know accents, so these are folded after them.
        let analyzer = match language(locale) {
            Some(language) => plain().filter(Stemmer::new(language)).filter(AsciiFoldingFilter).build(),
            None => plain().filter(AsciiFoldingFilter).build(),
        };
        index.tokenizers().register(&stemmed(locale), analyzer);
    }
}

/// The stemmer of a language, if there is one (Snowball).
fn language(locale: &str) -> Option<Language> {
    Some(match locale.split('-').next().unwrap_or(locale) {
        "ar" => Language::Arabic,
        "da" => Language::Danish,
        "de" => Language::German,
        "el" => Language::Greek,
        "en" => Language::English,
        "es" => Language::Spanish,
        "fi" => Language::Finnish,
        "fr" => Language::French,
        "hu" => Language::Hungarian,
        "it" => Language::Italian,
        "nb" | "nn" | "no" => Language::Norwegian,
        "nl" => Language::Dutch,
        "pt" => Language::Portuguese,
        "ro" => Language::Romanian,
        "ru" => Language::Russian,
        "sv" => Language::Swedish,
        "ta" => Language::Tamil,
        "tr" => Language::Turkish,
        _ => return None,
    })
}
