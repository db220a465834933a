//! What lists for editors show of an item.

use diesel::prelude::*;
use serde_json::Value;

use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::items::Item;

/// The columns of an item that identify it to editors.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = items)]
pub struct ItemSummary {
    pub id: String,
    pub kind: String,
    pub slug: String,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// Stage of the text that is not published.
    pub stage: String,
    /// Whether the public sees the item.
    pub live: bool,
    /// Time at which the item was moved to the trash (µs), or 0.
    pub trashed_at: i64,
    /// Id of the item under which it is filed.
    pub parent_id: Option<String>,
    /// Time of the last write (µs).
    pub updated_at: i64,
    /// The JSON fragment with which other items show this one.
    pub reference: String,
}

impl ItemSummary {
    /// Returns the title or name in the default locale, or the slug if it has none there.
    pub fn label(&self) -> String {
        let label = || {
            let reference: Value = serde_json::from_str(&self.reference).ok()?;
            let label = ContentType::of_kind(&self.kind)?.label;
            reference.get(label)?.as_str().map(str::to_owned)
        };
        label().unwrap_or_else(|| self.slug.clone())
    }

    /// Returns the state as responses show it: the stage of a draft, and the status of any other item.
    pub fn state(&self) -> &str {
        if self.status == "draft" { &self.stage } else { &self.status }
    }
}

impl From<&Item> for ItemSummary {
    fn from(item: &Item) -> Self {
        Self {
            id: item.id.clone(),
            kind: item.kind.clone(),
            slug: item.slug.clone(),
            status: item.status.clone(),
            stage: item.stage.clone(),
            live: item.live,
            trashed_at: item.trashed_at,
            parent_id: item.parent_id.clone(),
            updated_at: item.updated_at,
            reference: item.reference.clone(),
        }
    }
}
