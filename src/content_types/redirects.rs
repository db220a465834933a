//! Redirects: paths of the website that lead elsewhere, or to nothing any more.

use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::path_pattern::{MAX_SITE_SEGMENTS, PathPattern, SitePath, placeholders_of};
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::content_types::filter::*;
use crate::content_types::page_link::{TARGET, URL, address_rule};
use crate::content_types::shared_fields::*;

/// Name of the field with the path that is redirected.
pub const SOURCE: &str = "source";
/// Name of the field that says how paths are compared with the source.
pub const MATCH_TYPE: &str = "match_type";
/// Name of the field with the place to which a redirect leads.
pub const DESTINATION: &str = "destination";
/// Name of the field with the status of the response.
pub const STATUS_CODE: &str = "status_code";

/// The value of [`MATCH_TYPE`] for a source that is one path.
pub const EXACT: &str = "exact";
/// The value of [`MATCH_TYPE`] for a source that stands for itself and all paths below it.
pub const PREFIX: &str = "prefix";
/// The value of [`MATCH_TYPE`] for a source with placeholders.
pub const PATTERN: &str = "pattern";

/// Segment of the address at which paths are resolved.
pub const RESOLVE: &str = "resolve";
/// Segment of the address of the list of uses.
pub const HITS: &str = "hits";

/// Status of a path that leads to nothing any more.
pub const GONE: i64 = 410;
/// The statuses of redirects (RFC 9110, sections 15.4 and 15.5.11).
const STATUS_CODES: [i64; 5] = [301, 302, 307, 308, GONE];

const MATCH_TYPES: &Enumeration = &Enumeration { schema: "RedirectMatchType", words: &[EXACT, PREFIX, PATTERN] };

const DESTINATION_TYPE: &ObjectType = &ObjectType {
    schema: "RedirectDestination",
    about: "The place to which a redirect leads: an item, or an address.",
    fields: &[
        Field {
            about: "Item to whose page the redirect leads. While it is not public, the redirect has no effect.",
            ..TARGET
        },
        Field {
            about: "Address to which the redirect leads, instead of a target: a path of the website (`/about`), or an `http` \
                    or `https` URL.",
            ..URL
        },
    ],
};

/// The content type of redirects.
pub static REDIRECT: ContentType = ContentType {
    kind: "redirect",
    collection: "redirects",
    schema: "Redirect",
    noun: "redirect",
    title_plural: "Redirects",
    about: "A path of the website that leads elsewhere. What has an address of its own is never redirected.",
    label: SOURCE,
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: Some("position"),
    countries: &[],
    coordinates: None,
    rules: redirect_rules,
    fields: &[
        Field::new(
            SOURCE,
            FieldType::Line { max: 500 },
            "Path that is redirected, from its first slash, without host and query. In a pattern, `{name}` stands for a \
             segment or a part of one, and `{*name}` at the end for all further segments.",
            r#""/old-programme""#,
        )
        .required(),
        Field::new(
            MATCH_TYPE,
            FieldType::OneOf(MATCH_TYPES),
            "Paths that are redirected: the source alone, the source and all below it, or those that match the pattern.",
            r#""exact""#,
        )
        .default_value(r#""exact""#)
        .essential(),
        Field::new(
            STATUS_CODE,
            FieldType::Integer { min: 301, max: GONE },
            "Status of the response: 301 or 308 (for good), 302 or 307 (for now), or 410 (gone).",
            "301",
        )
        .default_value("301")
        .essential(),
        Field::new(
            DESTINATION,
            FieldType::Object(DESTINATION_TYPE),
            "Place to which the redirect leads; none with 410. The `url` of a prefix gets the further segments, that of a \
             pattern may have its placeholders.",
            r#"{"url": "/programme"}"#,
        )
        .essential(),
        Field { about: "Order in which patterns are tried, the lowest first.", ..POSITION },
        CUSTOM,
    ],
    filters: &[
        word(&[MATCH_TYPE], MATCH_TYPES, EXACT, "How paths are compared."),
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[ascending_sort(SOURCE, Column::Label), BY_POSITION, CREATED, UPDATED, PUBLISHED],
};

/// Checks the source by the way in which it is compared, and that the redirect leads to one place.
fn redirect_rules(content: &mut Map<String, Value>, faults: &mut Violations) {
    let text = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = content.get(STATUS_CODE).and_then(Value::as_i64).unwrap_or_default();
    if !STATUS_CODES.contains(&status) {
        faults.add(format!("/{STATUS_CODE}"), "not_a_value", "must be 301, 302, 307, 308 or 410");
    }
    let pattern = match source(text(SOURCE), text(MATCH_TYPE)) {
        Ok(pattern) => pattern,
        Err(message) => return faults.add(format!("/{SOURCE}"), "not_a_path", message),
    };
    let destination = content.get(DESTINATION).and_then(Value::as_object);
    let place = |name: &str| destination.and_then(|destination| destination.get(name)).filter(|value| !value.is_null());
    let (target, url) = (place(TARGET.name), place(URL.name).and_then(Value::as_str));
    let at = format!("/{DESTINATION}");
    match (status == GONE, target.is_some(), url) {
        (true, false, None) => {}
        (true, ..) => faults.add(at, "not_allowed", "what is gone leads nowhere: 410 has no destination"),
        (false, false, None) => faults.add(at, "not_complete", "a redirect requires a target or an address"),
        (false, true, Some(_)) => {
            faults.add(format!("{at}/{}", URL.name), "not_allowed", "a redirect has either a target or an address");
        }
        (false, true, None) => {}
        (false, false, Some(url)) => {
            if let Err(message) = destination_rule(url, pattern.as_ref()) {
                faults.add(format!("{at}/{}", URL.name), "not_a_url", message);
            }
        }
    }
}

/// Checks a source. Returns the pattern, if it is one.
fn source(text: &str, match_type: &str) -> Result<Option<PathPattern>, String> {
    if text.contains(['?', '#', '\\']) {
        return Err("a path has no query, no fragment and no backslash".to_owned());
    }
    if text.split('/').filter(|segment| !segment.is_empty()).count() > MAX_SITE_SEGMENTS {
        return Err(format!("a path has at most {MAX_SITE_SEGMENTS} segments"));
    }
    if text.split('/').any(is_dot_segment) {
        return Err("a path has no segments `.` and `..`, which browsers resolve".to_owned());
    }
    if match_type == PATTERN {
        return PathPattern::parse(text).map(Some);
    }
    if text.contains(['{', '}', '*']) {
        return Err(format!("braces and `*` are for patterns: set `{MATCH_TYPE}` to \"{PATTERN}\""));
    }
    match SitePath::parse(text) {
        Some(_) => Ok(None),
        None if text.starts_with('/') => {
            Err(format!("\"{text}\" has control characters, or is no UTF-8 after decoding"))
        }
        None => Err(format!("\"{text}\" is no path of the website: it begins with a slash")),
    }
}

/// Returns whether a segment of a path is `.` or `..`, also in its encoded forms (WHATWG URL, "dot segments").
fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Checks the address to which a redirect leads. Placeholders are those of its source, and none is in the host.
fn destination_rule(url: &str, pattern: Option<&PathPattern>) -> Result<(), String> {
    let names = placeholders_of(url)?;
    let is_known = |name: &&str| pattern.is_some_and(|pattern| pattern.names().any(|known| known == *name));
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        return Err(format!("the source has no placeholder \"{name}\""));
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') || url.contains(":///") {
        return Err("an address has no spaces (write `%20`), no backslash, and two slashes before its host".to_owned());
    }
    if url.split(['?', '#']).next().is_some_and(|path| path.split('/').any(is_dot_segment)) {
        return Err("an address has no segments `.` and `..`, which browsers resolve".to_owned());
    }
    if !url.starts_with(['/', 'h', 'H']) {
        return Err("a redirect leads to a path of the website or to an `http` or `https` URL".to_owned());
    }
    let host_end = url
        .split_once("://")
        .map_or(0, |(scheme, rest)| scheme.len() + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if url[..host_end].contains('{') || (host_end == 0 && !url.starts_with('/')) {
        return Err("a placeholder stands in the path of an address, or behind it".to_owned());
    }
    address_rule(&url.replace(['{', '}'], ""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(content: &Value) -> Vec<(String, String)> {
        let mut all = json!({"source": "/a", "match_type": "exact", "status_code": 301, "destination": {"url": "/b"}});
        for (name, value) in content.as_object().unwrap() {
            all[name.as_str()] = value.clone();
        }
        let mut faults = Violations::new();
        redirect_rules(all.as_object_mut().unwrap(), &mut faults);
        faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn rules_of_redirects() {
        let good = [
            json!({}),
            json!({"source": "/Ünï b/", "destination": {"url": "https://example.org/x?y#z"}}),
            json!({"match_type": "prefix", "source": "/"}),
            json!({"match_type": "pattern", "source": "/a/{b}.html", "destination": {"url": "/c/{b}?d={b}"}}),
            json!({"status_code": 410, "destination": null}),
            json!({"destination": {"target": {"collection": "topics", "id": "water"}, "url": null}}),
        ];
        for content in good {
            assert_eq!(faults(&content), [], "{content}");
        }
        let at = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        let bad = [
            (json!({"source": "a"}), at("/source", "not_a_path")),
            (json!({"source": "/a?b"}), at("/source", "not_a_path")),
            (json!({"source": "/{a}"}), at("/source", "not_a_path")),
            (json!({"source": "/%ff"}), at("/source", "not_a_path")),
            (json!({"source": "/a/%2E./b"}), at("/source", "not_a_path")),
            (json!({"match_type": "pattern", "source": "/./{a}"}), at("/source", "not_a_path")),
            (json!({"source": "/a".repeat(33)}), at("/source", "not_a_path")),
            (json!({"match_type": "pattern", "source": "/{a"}), at("/source", "not_a_path")),
            (json!({"status_code": 303}), at("/status_code", "not_a_value")),
            (json!({"status_code": 410}), at("/destination", "not_allowed")),
            (json!({"destination": null}), at("/destination", "not_complete")),
            (json!({"destination": {"url": "/{a}"}}), at("/destination/url", "not_a_url")),
            (json!({"destination": {"url": "//example.org"}}), at("/destination/url", "not_a_url")),
            (json!({"destination": {"url": "https:///example.org/a"}}), at("/destination/url", "not_a_url")),
            (json!({"destination": {"url": "https://example.org/a b"}}), at("/destination/url", "not_a_url")),
            (json!({"destination": {"url": "/x/../e"}}), at("/destination/url", "not_a_url")),
            (json!({"destination": {"url": "mailto:a@example.org"}}), at("/destination/url", "not_a_url")),
            (
                json!({"match_type": "pattern", "source": "/{a}", "destination": {"url": "https://{a}.example.org/"}}),
                at("/destination/url", "not_a_url"),
            ),
            (
                json!({"destination": {"url": "/b", "target": {"collection": "topics", "id": "water"}}}),
                at("/destination/url", "not_allowed"),
            ),
        ];
        for (content, wanted) in bad {
            assert_eq!(faults(&content), wanted, "{content}");
        }
    }
}
