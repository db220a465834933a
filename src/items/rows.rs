//! The rows of `items` and `links`.

use diesel::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::content::render::Envelope;
use crate::content::translations::Translations;
use crate::database::insert::Rows;
use crate::database::schema::{item_words, items, links, places};

/// A row of `items`. `content` is the truth; `live`, `starts_at` … `variant` are derived from it
/// for queries, `card`, `detail` and `reference` are its answer in the site's default locale.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset, Identifiable)]
#[diesel(table_name = items, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Item {
    /// UUIDv7.
    pub id: String,
    /// The kind of content: `event`.
    pub kind: String,
    /// The current slug.
    pub slug: String,
    /// draft, published or archived.
    pub status: String,
    /// The public can see it now.
    pub live: bool,
    /// Grows by one with each write.
    pub version: i64,
    /// When it was made (µs).
    pub created_at: i64,
    /// When it was last written (µs).
    pub updated_at: i64,
    /// When it was first published (µs), or 0.
    pub published_at: i64,
    /// When it was moved to the trash (µs), or 0.
    pub trashed_at: i64,
    /// The account that made it.
    pub created_by: Option<String>,
    /// The item that it is filed under.
    pub parent_id: Option<String>,
    /// Start of the span (µs), or [`super::NO_DATE`].
    pub starts_at: i64,
    /// End of the span (µs), or [`super::NO_DATE`].
    pub ends_at: i64,
    /// The editors' order.
    pub position: i64,
    /// Sort key of title or name.
    pub label: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// The word by which items of the kind are told apart.
    pub variant: Option<String>,
    /// The stored form, as JSON.
    pub content: String,
    /// Fragment of the answer.
    pub card: String,
    /// Fragment of the answer.
    pub detail: String,
    /// Fragment of other items' answers.
    pub reference: String,
    /// draft, in_review or scheduled: where the text stands that is not published. Of the item itself
    /// while its status is draft, else of its working draft.
    pub stage: String,
    /// Version of the working draft, 0 without one.
    pub draft_version: i64,
    /// What it has for each language beside its values, as JSON: see [`Translations`].
    pub translations: String,
    /// The languages in which something is missing, between commas.
    pub untranslated: String,
    /// The languages with something that is older than its source, between commas.
    pub outdated: String,
    /// When the public first saw it (µs), or 0.
    pub shown_at: i64,
}

impl Item {
    /// The version of the last write, be it of the item or of its working draft.
    pub fn latest(&self) -> i64 {
        self.version.max(self.draft_version)
    }

    /// Whether it is published or archived and is being written anew beside that.
    pub fn has_working_draft(&self) -> bool {
        self.draft_version > 0
    }

    /// The state as answers tell it: a draft's stage, else the status.
    pub fn state(&self) -> &str {
        if self.status == "draft" { &self.stage } else { &self.status }
    }

    /// Whether the public sees it in all its languages, so that editors see no more of it.
    pub fn is_open(&self) -> bool {
        is_open(self.live, &self.translations)
    }

    /// What it has for each language beside its values.
    pub fn translations(&self) -> Translations {
        Translations::parse(&self.translations)
    }

    /// The stored form.
    pub fn content(&self) -> Map<String, Value> {
        serde_json::from_str(&self.content).unwrap_or_default()
    }

    /// What it has beside its fields.
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

/// A row of `links`: one reference from an item to another.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = links)]
pub struct Link {
    /// The item that refers.
    pub source_id: String,
    /// The field that holds the reference.
    pub relation: String,
    /// Its place in the list.
    pub position: i32,
    /// The item that is referred to.
    pub target_id: String,
    /// Fragment of the answer: the fields of the tie.
    pub card: String,
    /// When the item that refers starts (µs): what refers to an item is found in this order.
    pub starts_at: i64,
}

impl Link {
    /// Where they are stored.
    pub const STORED: Rows = Rows {
        table: "links",
        columns: &[
            ("source_id", "text"),
            ("relation", "text"),
            ("position", "integer"),
            ("target_id", "text"),
            ("card", "text"),
            ("starts_at", "bigint"),
        ],
    };
}

/// A row of `item_words`: a word that lists are filtered by.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = item_words)]
pub struct Word {
    /// The item.
    pub item_id: String,
    /// Which of its fields.
    pub field: String,
    /// The word; those that most items have are not written down.
    pub value: String,
}

impl Word {
    /// Where they are stored.
    pub const STORED: Rows =
        Rows { table: "item_words", columns: &[("item_id", "text"), ("field", "text"), ("value", "text")] };
}

/// A row of `places`: where an item is on earth, in millionths of a degree (WGS 84).
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = places)]
pub struct Place {
    /// The item.
    pub item_id: String,
    /// North of the equator.
    pub latitude: i64,
    /// East of Greenwich.
    pub longitude: i64,
}

/// [`Item::is_open`], from the two columns that decide it.
pub fn is_open(live: bool, translations: &str) -> bool {
    live && Translations::parse(translations).hidden().is_empty()
}
