//! The settings of the site before anybody has changed them: those that the configuration names. They are stored with the
//! first change.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value, json};

use crate::content::Site;
use crate::content_types::{ContentType, SITE_SETTINGS};
use crate::database::Db;
use crate::database::schema::items;
use crate::items::{Item, projection};

/// Id of the settings, the same in every database, so that an export of one is the settings of another.
pub const SITE_ID: &str = "00000000-0000-7000-8000-000000000001";
/// Slug of the settings.
pub const SITE_SLUG: &str = "settings";
/// Version of the settings until they are first changed.
pub const VERSION: i64 = 1;

/// Returns whether a text is the id or the slug of the only item of a content type.
pub fn is_only_item(content_type: &'static ContentType, key: &str) -> bool {
    content_type.is_singleton() && [SITE_ID, SITE_SLUG].contains(&key)
}

/// Returns whether the settings are stored.
///
/// # Errors
///
/// Fails if the query fails.
pub fn is_stored(connection: &mut Db) -> QueryResult<bool> {
    let id: Option<String> = items::table.find(SITE_ID).select(items::id).first(connection).optional()?;
    Ok(id.is_some())
}

/// Returns the content of the settings that nobody has changed.
pub fn content(site: &Site) -> Map<String, Value> {
    let content = json!({"name": {site.default_locale(): site.name}});
    content.as_object().cloned().unwrap_or_default()
}

/// Returns the settings that nobody has changed, as they would be stored.
pub fn item(site: &Site) -> Item {
    let mut item = Item {
        id: SITE_ID.to_owned(),
        kind: SITE_SETTINGS.kind.to_owned(),
        slug: SITE_SLUG.to_owned(),
        status: "published".to_owned(),
        version: VERSION,
        ..Item::new_draft()
    };
    projection::fill(&mut item, &SITE_SETTINGS, &content(site), site, true);
    item
}
