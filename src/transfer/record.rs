//! What readers hand over, and what became of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::content::fault::Fault;
use crate::content::translations::Translations;

/// One item as a file of another system describes it.
///
/// A reference within `body` is an id, a slug, or the source of a record that came earlier; sources
/// hold a colon, which ids and slugs never do. A localised field has a plain value, which is in
/// `locale`, or a map from locale to value.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Where in the file it stands: a line or a path.
    #[serde(skip)]
    pub place: String,
    /// The kind of content.
    pub kind: &'static str,
    /// Identifies the record for ever: `system:id`.
    pub source: String,
    /// Set when several records describe one item: they share this source.
    pub same_as: Option<String>,
    /// The slug that it would like.
    pub slug: Option<String>,
    /// The language of plain values; the site's default when it is not known.
    pub locale: Option<String>,
    /// Fields, as an editor would send them.
    pub body: Map<String, Value>,
    /// Brought along for another record: a venue for its event. Not counted when nothing changes.
    #[serde(skip)]
    pub supporting: bool,
}

impl Record {
    /// A record without any field yet.
    pub fn new(place: impl Into<String>, kind: &'static str, source: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            kind,
            source: source.into(),
            same_as: None,
            slug: None,
            locale: None,
            body: Map::new(),
            supporting: false,
        }
    }

    /// Sets a field; null and empty text are no values.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        let value = value.into();
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !empty {
            self.body.insert(field.to_owned(), value);
        }
    }

    /// Brought along for another record.
    pub fn supporting(mut self) -> Self {
        self.supporting = true;
        self
    }
}

/// The working draft of an exported item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedDraft {
    /// The slug that the item is to have.
    pub slug: String,
    /// The version of the item that it makes the last one.
    pub version: i64,
    /// When it was last written (µs).
    pub updated_at: i64,
    /// Its fields, as an editor would send them with all languages.
    pub content: Map<String, Value>,
}

/// An item as Plenary's own export has it: all there is, so that importing it makes the same item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// The kind of content.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The current slug.
    pub slug: String,
    /// What it has for each language beside its values.
    #[serde(default, skip_serializing_if = "Translations::is_empty")]
    pub translations: Translations,
    /// Where its unpublished text stands, if it is not a plain draft: in_review. What was scheduled is a
    /// plain draft again elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Its working draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<ExportedDraft>,
    /// Slugs that it had or has in other languages, and that lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_slugs: Vec<String>,
    /// draft, published or archived.
    pub status: String,
    /// Its version.
    pub version: i64,
    /// When it was made, in microseconds since 1970 (UTC), as all times here.
    pub created_at: i64,
    /// When it was last written.
    pub updated_at: i64,
    /// When it was first published, or 0.
    pub published_at: i64,
    /// When it was moved to the trash, or 0.
    pub trashed_at: i64,
    /// Where it was imported from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ExportedSource>,
    /// Its fields as an editor would send them with `locale=*`; references by id.
    pub content: Map<String, Value>,
}

/// A source of an exported item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedSource {
    /// `system:id`
    pub source: String,
    /// Hash of the record.
    pub fingerprint: String,
    /// The item's version after that import.
    pub version: i64,
}

/// What a reader finds in a file.
#[derive(Debug)]
pub enum Entry {
    /// An item of another system.
    Record(Box<Record>),
    /// An item of Plenary's own export.
    Exported {
        /// Where in the file it stands.
        place: String,
        /// The item.
        item: Box<Exported>,
    },
    /// Something that is no record.
    Broken {
        /// Where in the file.
        place: String,
        /// What is wrong.
        fault: Fault,
    },
    /// Something that is left out, while the record around it is taken.
    Note {
        /// Where in the file.
        place: String,
        /// What is left out and why.
        fault: Fault,
    },
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There is a new item.
    Created,
    /// An item was changed.
    Updated,
    /// The item is as the record says already.
    Unchanged,
    /// Record and item both changed since the last import; the item stays as its editor left it.
    Kept,
    /// The record breaks rules; nothing of it was taken.
    Refused,
    /// A part of a record was left out.
    Note,
}

impl Outcome {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Kept => "kept",
            Outcome::Refused => "refused",
            Outcome::Note => "note",
        }
    }
}

/// One line of a report.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The file.
    pub file: String,
    /// The line or path within it.
    pub place: String,
    /// What became of the record.
    pub outcome: Outcome,
    /// The kind of content, where it is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kind: &'static str,
    /// Title or name, or what identifies the record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Each fault: field, rule, explanation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// The sum of an import.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How many records of each kind came to what.
    pub counts: BTreeMap<Outcome, BTreeMap<&'static str, u64>>,
}

impl Report {
    /// Counts a line.
    pub fn count(&mut self, line: &Line) {
        let kind = if line.kind.is_empty() { "record" } else { line.kind };
        *self.counts.entry(line.outcome).or_default().entry(kind).or_default() += 1;
    }

    /// How many records came to this.
    pub fn total(&self, outcome: Outcome) -> u64 {
        self.counts.get(&outcome).map_or(0, |kinds| kinds.values().sum())
    }

    /// How many records of this kind came to this.
    pub fn of(&self, outcome: Outcome, kind: &str) -> u64 {
        self.counts.get(&outcome).and_then(|kinds| kinds.get(kind)).copied().unwrap_or(0)
    }
}
