//! The entries that readers return, and the report of an import.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::content::translations::Translations;
use crate::content::violation::Violation;

/// An item as a file of another system describes it.
///
/// A reference within `body` is an id, a slug, or the source of an earlier record; sources contain a colon,
/// which ids and slugs never do. A localised field has a plain value in the language `locale`, or a map from
/// locale to value.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Position in the file: a line or a path.
    #[serde(skip)]
    pub place: String,
    /// Kind of content.
    pub kind: &'static str,
    /// Permanent identifier of the record, `system:id`.
    pub source: String,
    /// Source that all records of one item share, if several records describe it.
    pub same_as: Option<String>,
    /// Suggested slug.
    pub slug: Option<String>,
    /// Language of plain values; the site's default locale if it is `None`.
    pub locale: Option<String>,
    /// Fields in the form in which an editor would send them.
    pub body: Map<String, Value>,
    /// Whether the record only supports another one, as the venue of an event. It is not reported if it is
    /// unchanged.
    #[serde(skip)]
    pub supporting: bool,
}

impl Record {
    /// Creates a record without fields.
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

    /// Sets a field, unless the value is null, blank or empty.
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

    /// Marks the record as supporting another one.
    pub fn supporting(mut self) -> Self {
        self.supporting = true;
        self
    }
}

/// The working draft of an exported item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedDraft {
    /// Slug that the item will have when the draft is published.
    pub slug: String,
    /// Version of the draft, which is the latest version of the item.
    pub version: i64,
    /// Time of the last change (µs since 1970).
    pub updated_at: i64,
    /// Fields in the form in which an editor would send them, in all locales.
    pub content: Map<String, Value>,
}

/// An item in Plenary's own export. It is complete, so that importing it creates the same item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// Kind of content.
    pub kind: String,
    /// Id of the item.
    pub id: String,
    /// Current slug.
    pub slug: String,
    /// State of the translations, by locale.
    #[serde(default, skip_serializing_if = "Translations::is_empty")]
    pub translations: Translations,
    /// Stage of the unpublished text: `in_review`, or `None` for a plain draft. Schedules are not exported,
    /// so a scheduled item is a plain draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Working draft, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<ExportedDraft>,
    /// Other slugs that lead to the item: earlier ones, and those of other locales.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_slugs: Vec<String>,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// Version of the item.
    pub version: i64,
    /// Time of creation (µs since 1970, UTC).
    pub created_at: i64,
    /// Time of the last change (µs since 1970, UTC).
    pub updated_at: i64,
    /// Time of the first publication (µs since 1970, UTC), or 0.
    pub published_at: i64,
    /// Time of the move to the trash (µs since 1970, UTC), or 0.
    pub trashed_at: i64,
    /// Sources from which the item was imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ExportedSource>,
    /// Fields in the form in which an editor would send them with `locale=*`; references are ids.
    pub content: Map<String, Value>,
}

/// A source of an exported item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedSource {
    /// Identifier of the record, `system:id`.
    pub source: String,
    /// Hash of the record at the last import.
    pub fingerprint: String,
    /// Version of the item after the last import.
    pub version: i64,
}

/// An entry that a reader found in a file.
#[derive(Debug)]
pub enum ImportEntry {
    /// An item of another system.
    Record(Box<Record>),
    /// An item of Plenary's own export.
    Exported {
        /// Position in the file.
        place: String,
        /// The exported item.
        item: Box<Exported>,
    },
    /// A part of the file from which no record can be read.
    Broken {
        /// Position in the file.
        place: String,
        /// The error.
        fault: Violation,
    },
    /// A detail that is left out, while the record that contains it is imported.
    Note {
        /// Position in the file.
        place: String,
        /// The detail and the reason.
        fault: Violation,
    },
}

/// The outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// An item was created.
    Created,
    /// An item was updated.
    Updated,
    /// The item has the content of the record already.
    Unchanged,
    /// The record and the item both changed since the last import; the item stays as its editor left it.
    Kept,
    /// The record breaks a rule; nothing of it was imported.
    Refused,
    /// A detail of a record was left out.
    Note,
}

impl Outcome {
    /// Returns the name of the outcome in reports.
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
pub struct ReportLine {
    /// Name of the file.
    pub file: String,
    /// Line or path within the file.
    pub place: String,
    /// Outcome of the record.
    pub outcome: Outcome,
    /// Kind of content; empty if it is not known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kind: &'static str,
    /// Title or name of the item, or else the source of the record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Violations or notes, each with its field, code and explanation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Violation>,
}

/// The summary of an import.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Numbers of records, by outcome and kind of content.
    pub counts: BTreeMap<Outcome, BTreeMap<&'static str, u64>>,
}

impl Report {
    /// Adds a line to the counts.
    pub fn count(&mut self, line: &ReportLine) {
        let kind = if line.kind.is_empty() { "record" } else { line.kind };
        *self.counts.entry(line.outcome).or_default().entry(kind).or_default() += 1;
    }

    /// Returns the number of records with an outcome.
    pub fn total(&self, outcome: Outcome) -> u64 {
        self.counts.get(&outcome).map_or(0, |kinds| kinds.values().sum())
    }

    /// Returns the number of records of a kind with an outcome.
    pub fn of(&self, outcome: Outcome, kind: &str) -> u64 {
        self.counts.get(&outcome).and_then(|kinds| kinds.get(kind)).copied().unwrap_or(0)
    }
}
