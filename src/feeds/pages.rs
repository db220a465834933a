//! Addresses of pages on the website.

use serde_json::Value;

use super::text;
use crate::content::Site;
use crate::content_types::ContentType;

/// Returns the address of an item's page: on the website if the site configures one for its content type, otherwise in
/// the API, whose public URL has no slash at its end.
pub fn page(site: &Site, public_url: &str, kind: &str, slug: &str, locale: &str) -> String {
    site.page_address(kind, slug, None, locale).unwrap_or_else(|| {
        let collection = ContentType::of_kind(kind).map_or(kind, |content_type| content_type.collection);
        format!("{public_url}/api/v1/{collection}/{slug}")
    })
}

/// Returns the address of a session's page: its own if the site configures one, otherwise its place on the page of its
/// event.
pub fn session_page(site: &Site, session: &Value, event: &Value, event_page: &str, locale: &str) -> String {
    let slug = |item| text(item, "slug").unwrap_or_default();
    let own = site.page_address("session", slug(session), Some(slug(event)), locale);
    own.unwrap_or_else(|| format!("{event_page}#{}", slug(session)))
}
