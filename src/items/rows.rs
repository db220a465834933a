//! The rows of `items` and of the tables that hold what is derived from an item's content.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use serde_json::{Map, Value};

use crate::content::translations::Translations;
use crate::database::compressed_text;
use crate::database::insert::stored_row;
use crate::database::schema::{item_words, items, links, places};
use crate::items::render::{Envelope, Fragments};

/// A row of `items`. `content` is the source; `live` and `starts_at` to `variant` are derived from it for
/// queries, and `card`, `detail` and `reference` are its rendered JSON in the site's default locale.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, Identifiable)]
#[diesel(table_name = items, treat_none_as_default_value = false)]
pub struct Item {
    /// UUIDv7.
    pub id: String,
    /// The kind of content, such as `event`.
    pub kind: String,
    /// The current slug in the default language.
    pub slug: String,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// Whether the item is visible to the public now.
    pub live: bool,
    /// The version of the last write to the item itself; versions only increase.
    pub version: i64,
    /// Time of creation (µs since 1970, UTC, as all times here).
    pub created_at: i64,
    /// Time of the last write to the item itself (µs); plans and assignments leave it alone.
    pub updated_at: i64,
    /// Time of the first publication (µs), or 0.
    pub published_at: i64,
    /// Time of the move to the trash (µs), or 0.
    pub trashed_at: i64,
    /// The id of the account that created the item.
    pub created_by: Option<String>,
    /// The id of the item under which this one is filed.
    pub parent_id: Option<String>,
    /// Start of the time span (µs), or [`super::NO_DATE`].
    pub starts_at: i64,
    /// End of the time span (µs), or [`super::NO_DATE`].
    pub ends_at: i64,
    /// Sort position set by editors.
    pub position: i64,
    /// Sort key of the title or name.
    pub label: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// The value of the kind's distinguishing field, such as the kind of a partner.
    pub variant: Option<String>,
    /// The stored form, as compressed JSON (see [`compressed_text`]).
    pub content: Vec<u8>,
    /// JSON fragment with the fields of lists, an object without its closing brace.
    pub card: String,
    /// JSON fragment with the fields that only single items have, to be appended to `card`; compressed if it is long.
    pub detail: Vec<u8>,
    /// JSON object with which referring items show this one.
    pub reference: String,
    /// Progress of the unpublished text: `draft`, `in_review` or `scheduled`. It describes the item itself
    /// while its status is `draft`, and its working draft otherwise.
    pub stage: String,
    /// Version of the working draft, or 0 without one.
    pub draft_version: i64,
    /// The states of the item's translations, as JSON: see [`Translations`].
    pub translations: String,
    /// Locales in which a value is missing, separated and surrounded by commas (`,nl,fr,`).
    pub untranslated: String,
    /// Locales with a value that is older than its source, separated and surrounded by commas.
    pub outdated: String,
    /// Time at which the item first became visible to the public (µs), or 0.
    pub shown_at: i64,
}

impl Item {
    /// Returns a draft without content, from which new items are made. Their version is 1.
    pub fn new_draft() -> Self {
        Self {
            id: String::new(),
            kind: String::new(),
            slug: String::new(),
            status: "draft".to_owned(),
            live: false,
            version: 1,
            created_at: 0,
            updated_at: 0,
            published_at: 0,
            trashed_at: 0,
            created_by: None,
            parent_id: None,
            starts_at: 0,
            ends_at: 0,
            position: 0,
            label: String::new(),
            country: None,
            variant: None,
            content: Vec::new(),
            card: String::new(),
            detail: Vec::new(),
            reference: String::new(),
            stage: "draft".to_owned(),
            draft_version: 0,
            translations: Translations::default().to_json(),
            untranslated: String::new(),
            outdated: String::new(),
            shown_at: 0,
        }
    }

    /// Returns the version of the last write to the item or its working draft. Writes are conditional on this
    /// version, so an editor who has seen only the public text cannot publish or discard a draft unseen.
    pub fn latest_version(&self) -> i64 {
        self.version.max(self.draft_version)
    }

    /// Returns whether the item has a working draft beside its own text.
    pub fn has_working_draft(&self) -> bool {
        self.draft_version > 0
    }

    /// Returns the state as responses show it: the stage of a draft, and the status of any other item.
    pub fn state(&self) -> &str {
        if self.status == "draft" { &self.stage } else { &self.status }
    }

    /// Returns whether the public sees the item in all its languages, so that editors see no more of it.
    pub fn is_open(&self) -> bool {
        is_open(self.live, &self.translations)
    }

    /// Parses the states of the item's translations.
    pub fn translations(&self) -> Translations {
        Translations::parse(&self.translations)
    }

    /// Returns the JSON fragments.
    pub fn fragments(&self) -> Fragments {
        let (card, reference) = (self.card.clone(), self.reference.clone());
        Fragments { card, detail: read_detail(&self.detail), reference }
    }

    /// Parses the stored form.
    pub fn content(&self) -> Map<String, Value> {
        parse_content(&self.content)
    }

    /// Returns the members that every response has beside the item's own fields.
    pub fn envelope(&self) -> Envelope<'_> {
        Envelope {
            id: &self.id,
            slug: &self.slug,
            translations: &self.translations,
            version: self.version,
            status: self.state(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            published_at: self.published_at,
            trashed_at: self.trashed_at,
        }
    }
}

stored_row!(Item, items, {
    id: Text,
    kind: Text,
    slug: Text,
    status: Text,
    live: Bool,
    version: BigInt,
    created_at: BigInt,
    updated_at: BigInt,
    published_at: BigInt,
    trashed_at: BigInt,
    created_by: Nullable<Text>,
    parent_id: Nullable<Text>,
    starts_at: BigInt,
    ends_at: BigInt,
    position: BigInt,
    label: Text,
    country: Nullable<Text>,
    variant: Nullable<Text>,
    content: Binary,
    card: Text,
    detail: Binary,
    reference: Text,
    stage: Text,
    draft_version: BigInt,
    translations: Text,
    untranslated: Text,
    outdated: Text,
    shown_at: BigInt,
});

/// A row of `links`: one reference from an item to another, derived from the content of the first.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = links)]
pub struct Link {
    /// The id of the referring item.
    pub source_id: String,
    /// The name of the field that holds the reference.
    pub relation: String,
    /// The index of the reference in its list, from 0.
    pub position: i32,
    /// The id of the item that is referred to.
    pub target_id: String,
    /// JSON fragment with the fields of the link itself, such as the role of a speaker; empty without any.
    pub card: String,
    /// Start of the referring item (µs). The index of referring items has this order, so a page of a
    /// speaker's events is read without collecting all of them first.
    pub starts_at: i64,
}

stored_row!(Link, links, {
    source_id: Text,
    relation: Text,
    position: Integer,
    target_id: Text,
    card: Text,
    starts_at: BigInt,
});

/// A row of `item_words`: a value by which lists are filtered.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = item_words)]
pub struct Word {
    pub item_id: String,
    /// The name of the field.
    pub field: String,
    /// The value. The field's usual value is not stored: a filter on it looks for items without another one.
    pub value: String,
}

stored_row!(Word, item_words, {
    item_id: Text,
    field: Text,
    value: Text,
});

/// A row of `places`: the coordinates of an item in millionths of a degree (WGS 84).
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = places)]
pub struct Coordinates {
    pub item_id: String,
    /// Latitude, positive north of the equator.
    pub latitude: i64,
    /// Longitude, positive east of Greenwich.
    pub longitude: i64,
}

stored_row!(Coordinates, places, {
    item_id: Text,
    latitude: BigInt,
    longitude: BigInt,
});

/// Parses the content of an item as it is stored.
pub fn parse_content(stored: &[u8]) -> Map<String, Value> {
    compressed_text::decompress(stored).ok().and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

/// Returns the fragment of which this is the stored form.
pub fn read_detail(stored: &[u8]) -> String {
    compressed_text::decompress(stored).unwrap_or_default()
}

/// Computes [`Item::is_open`] from the two columns that it depends on.
pub fn is_open(live: bool, translations: &str) -> bool {
    live && Translations::parse(translations).hidden_locales().is_empty()
}
