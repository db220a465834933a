//! Tags of public responses, by which shared caches in front of the server purge them.

use super::dependencies::Dependencies;
use crate::config::CdnConfig;

/// `Cache-Control` of public responses.
pub const PUBLIC_CACHE: &str = "public, max-age=5, stale-while-revalidate=30";
/// Maximum number of items that the tags of a response name. With more, the header would exceed what servers
/// accept (8 KB in Varnish and nginx).
const MAX_NAMED_ITEMS: usize = 180;

/// Returns the name and the value of the header with the tags of a response, or `None` if no header is
/// configured.
pub fn tags(cdn: &CdnConfig, dependencies: &Dependencies) -> Option<(&'static str, String)> {
    let (name, between) = match cdn.tags.as_str() {
        "surrogate-key" => ("surrogate-key", " "),
        "cache-tag" => ("cache-tag", ","),
        _ => return None,
    };
    Some((name, dependencies.tags(MAX_NAMED_ITEMS).join(between)))
}
