//! The short form in which lists for editors show an item.

use serde::Serialize;
use utoipa::ToSchema;

use crate::content::local_time::utc_text;
use crate::content_types::ContentType;
use crate::items::summary::ItemSummary;

/// An item in a list for editors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ItemSummary)]
pub struct ItemSummaryBody {
    /// Collection of the item.
    #[schema(example = "events")]
    pub collection: &'static str,
    /// Id of the item.
    #[schema(format = "uuid")]
    pub id: String,
    /// Slug of the item.
    pub slug: String,
    /// Title or name of the item in the default locale.
    pub title: String,
    /// Status of the item: `draft`, `in_review`, `scheduled`, `published` or `archived`.
    #[schema(example = "published")]
    pub status: String,
    /// Time of the last change of the item, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// Returns the short form of an item.
pub fn summary(item: &ItemSummary) -> ItemSummaryBody {
    ItemSummaryBody {
        collection: ContentType::of_kind(&item.kind).map_or("", |content_type| content_type.collection),
        id: item.id.clone(),
        slug: item.slug.clone(),
        title: item.label(),
        status: item.state().to_owned(),
        updated_at: utc_text(item.updated_at),
    }
}
