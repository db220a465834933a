//! The entries that readers return.

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::contact::forms::FormDefinition;
use crate::content::translations::Translations;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::hex::hex;
use crate::items::imported_versions::PublicPeriod;
use crate::items::record_fields::RecordFields;
use crate::items::record_ids::RecordIds;
use crate::newsletter::blocks::Edition;
use crate::newsletter::segment::Segment;
use crate::transfer::field_scope::FieldScope;
use crate::transfer::report::NoteGroup;

/// Whether a record stands for the item with its slug or name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameMatch {
    /// The record has an item of its own.
    #[default]
    Never,
    /// It does if there is one, and otherwise has an item of its own.
    OrCreate,
    /// As `OrCreate`, but the record never changes the item of its source, which another record describes.
    OrCreateOnce,
    /// It does, and without one there is nothing to which others can refer.
    Only,
}

impl NameMatch {
    /// Returns whether the record is a mere reference, which changes no item that its source has.
    pub fn is_reference(self) -> bool {
        matches!(self, NameMatch::Only | NameMatch::OrCreateOnce)
    }
}

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
    /// Whether the record stands for the item with its slug or name. Such an item is left as it is.
    #[serde(skip)]
    pub by_name: NameMatch,
    /// Whether the item must not be public, whatever the status of new items is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Revision of the record in its own system; of two records, the one with the greater text is newer. Empty if
    /// the system has none.
    #[serde(skip)]
    pub revision: String,
    /// Identity of the event or series to which the record belongs, and the revision in which its file has that. The record
    /// is left out if a newer revision was imported.
    #[serde(skip)]
    pub part_of: Option<(String, String)>,
    /// Name of the file's source, the same for all its records: what the file says of itself.
    #[serde(skip)]
    pub origin: String,
    /// The ids by which the record is known outside.
    #[serde(skip)]
    pub ids: RecordIds,
    /// Ids of which one is that of the item of this site that the record is, or of which it is a part, if it comes from a
    /// calendar or a programme of this site.
    #[serde(skip)]
    pub own_ids: Vec<String>,
    /// Id of the event of this site whose programme has the record, if the file says one. The own ids may then also be
    /// those with which its sessions were imported.
    #[serde(skip)]
    pub own_event: Option<String>,
    /// References that the item has lost: the field, and the source of the item to which it refers. Any other reference in
    /// that field stays, unless no source is named.
    #[serde(skip)]
    pub lost_references: Vec<(&'static str, Option<String>)>,
    /// The fields of which the record says whether its source has them. The item loses those that it had from the source.
    #[serde(skip)]
    pub scope: FieldScope,
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
            by_name: NameMatch::Never,
            private: false,
            revision: String::new(),
            part_of: None,
            origin: String::new(),
            ids: RecordIds::default(),
            own_ids: Vec::new(),
            own_event: None,
            lost_references: Vec::new(),
            scope: FieldScope::default(),
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

    /// Returns the title or name of the item, or else the source of the record.
    pub fn label(&self) -> &str {
        self.labels().next().unwrap_or(&self.source)
    }

    /// Returns the titles or names of the item in all languages of the record.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let label = ContentType::of_kind(self.kind).and_then(|content_type| self.body.get(content_type.label));
        let (one, all) = match label {
            Some(Value::Object(map)) => (None, Some(map.values())),
            other => (other, None),
        };
        one.into_iter().chain(all.into_iter().flatten()).filter_map(Value::as_str)
    }

    /// Returns a hash of the record's content, by which an unchanged record is recognised.
    pub fn fingerprint(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(text)[..16])
    }

    /// Marks the record as supporting another one.
    pub fn into_supporting(mut self) -> Self {
        self.supporting = true;
        self
    }

    /// Marks the record as one that stands for the item with its slug or name, if there is one.
    pub fn by_name(mut self) -> Self {
        self.by_name = NameMatch::OrCreate;
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
pub struct ExportedItem {
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
    /// Slugs under which the item was public, and which another item has taken since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_slugs: Vec<String>,
    /// Former paths under which the item was public, by language, for items that have paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old_paths: Vec<(String, String)>,
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
    /// Earlier and present public versions of a page that shows them, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_versions: Vec<ExportedVersion>,
    /// Fields in the form in which an editor would send them with `locale=*`; references are ids.
    pub content: Map<String, Value>,
}

/// A public version of an exported page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedVersion {
    /// Number of the version.
    pub version: i64,
    /// When it was public, the newest period first.
    pub periods: Vec<PublicPeriod>,
    /// Slug of the page then.
    pub slug: String,
    /// State of the translations then, by locale.
    #[serde(default, skip_serializing_if = "Translations::is_empty")]
    pub translations: Translations,
    /// What visitors could read, in the form in which an editor would send it with `locale=*`.
    pub content: Map<String, Value>,
}

/// A contact form in Plenary's own export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedForm {
    /// Always `contact_form`.
    pub kind: String,
    /// Name of the form.
    pub name: String,
    /// Version of the form.
    pub version: i64,
    /// Time of the last change (µs since 1970, UTC).
    pub updated_at: i64,
    /// The form, as it is set up.
    pub form: FormDefinition,
}

/// An issue of the newsletter in Plenary's own export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedIssue {
    /// Always `newsletter_issue`.
    pub kind: String,
    /// Id of the issue.
    pub id: String,
    /// Name for editors.
    pub name: String,
    /// `draft`, `sent`, `cancelled` or `failed`.
    pub status: String,
    /// The editions.
    pub editions: Vec<Edition>,
    /// The subscribers to whom it goes or went. Topics are given by their ids.
    pub segment: Segment,
    /// Time at which it was sent (µs since 1970, UTC), or 0.
    pub send_at: i64,
    /// Version of the issue.
    pub version: i64,
    /// Time of creation (µs since 1970, UTC).
    pub created_at: i64,
    /// Time of the last change (µs since 1970, UTC).
    pub updated_at: i64,
    /// Number of subscribers to whom it was addressed.
    pub addressed: i64,
    /// Time of the end (µs since 1970, UTC), or 0.
    pub ended_at: i64,
    /// Why it could not be sent; empty if it could.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
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
    /// Name of the file's source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Revision of the record in its own system.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The ids by which the record is known outside.
    #[serde(default, skip_serializing_if = "RecordIds::is_empty")]
    pub ids: RecordIds,
    /// The names of the fields that the record gave the item.
    #[serde(default, skip_serializing_if = "RecordFields::is_empty")]
    pub fields: RecordFields,
}

/// A revision of an event or a series, with all its occurrences.
#[derive(Debug, Clone)]
pub struct SourceRevision {
    /// Source of the event or, before a slash and a key, of the occurrences of the series.
    pub identity: String,
    /// The revision; see [`Record::revision`].
    pub number: String,
    /// Its occurrences, in their order.
    pub occurrences: Vec<RevisedOccurrence>,
    /// Text than which the keys of further occurrences are greater, which are not known.
    pub beyond: Option<String>,
}

/// Returns the source of the series whose events have an identity.
pub fn series_of(identity: &str) -> String {
    format!("{identity}/series")
}

/// An occurrence of a [`SourceRevision`].
#[derive(Debug, Clone)]
pub struct RevisedOccurrence {
    /// Source of its record.
    pub source: String,
    /// Start (UTC); a date is its midnight.
    pub start: NaiveDateTime,
    /// Whether its record follows. It does not if it is after the horizon, or one of too many.
    pub is_sent: bool,
}

/// A message that an event does not take place, or occurrences of a series do not (RFC 5546, section 3.2.5).
#[derive(Debug)]
pub struct Cancellation {
    /// Position in the file.
    pub place: String,
    /// Source of the event, or what the sources of the occurrences of the series begin with, before a slash.
    pub identity: String,
    /// The revision; see [`Record::revision`].
    pub revision: String,
    /// The occurrence; `None` for all of them.
    pub instance: Option<CancelledInstance>,
    /// The event, for a site that does not have it, if the message says enough of it.
    pub record: Option<Box<Record>>,
}

/// Which occurrences a [`Cancellation`] means.
#[derive(Debug, Clone)]
pub struct CancelledInstance {
    /// The last part of the source of the first one: a date, or a time in UTC.
    pub key: String,
    /// Its local date.
    pub day: NaiveDate,
    /// Whether all later ones are meant too.
    pub and_later: bool,
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
        item: Box<ExportedItem>,
    },
    /// A contact form of Plenary's own export.
    ExportedForm {
        /// Position in the file.
        place: String,
        /// The exported form.
        form: Box<ExportedForm>,
    },
    /// An issue of the newsletter of Plenary's own export.
    ExportedIssue {
        /// Position in the file.
        place: String,
        /// The exported issue.
        issue: Box<ExportedIssue>,
    },
    /// A part of the file from which no record can be read.
    Broken {
        /// Position in the file.
        place: String,
        /// The error.
        fault: Violation,
        /// Kind and source of the record, if they are known.
        record: Option<(&'static str, String)>,
    },
    /// A record that the file has and that is not taken, so that it is not missing.
    Present {
        /// Kind of content.
        kind: &'static str,
        /// Source of the record.
        source: String,
    },
    /// Records that the file may have and that are not read, so that they are not missing.
    Beyond {
        /// Common beginning of their sources, up to a slash.
        prefix: String,
        /// Text than which the rest of their sources is greater.
        after: String,
    },
    /// A revision that replaces all earlier ones of the same event. It comes before its records.
    Revision(Box<SourceRevision>),
    /// A message that something does not take place.
    Cancellation(Box<Cancellation>),
    /// A detail that is left out, while the record that contains it is imported.
    Note {
        /// Position in the file.
        place: String,
        /// The detail and the reason.
        fault: Violation,
    },
    /// The properties for which there is no field, and those that are passed over on purpose.
    LeftOut(Vec<NoteGroup>),
    /// The end of a file that was read completely: every record of its source was in it.
    Whole,
}
