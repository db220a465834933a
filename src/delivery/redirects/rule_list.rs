//! The list of redirects for servers at the edge, in the form of `_redirects` files: a line for each redirect, with source,
//! destination and status, in the order in which they count.
//!
//! Such a server redirects before it looks for a page. So what takes the address of a page that the public sees is left to
//! the website, which asks: it is a comment.

use std::collections::HashMap;
use std::fmt::Write;

use diesel::prelude::*;
use diesel::result::QueryResult;
use percent_encoding::percent_decode_str;

use crate::content::Site;
use crate::content::path_pattern::{SitePath, placeholders_of};
use crate::content_types::redirects::{EXACT, GONE, PATTERN, PREFIX};
use crate::database::Db;
use crate::database::schema::redirect_rules;
use crate::delivery::redirects::addresses::{addresses, language_in};
use crate::delivery::redirects::page_sources::over_pages;
use crate::items::redirects::RedirectRule;

/// Maximum number of redirects in the list.
pub const MAX_LISTED: i64 = 20_000;

/// Returns the list. What the form cannot express is a comment that says why.
///
/// # Errors
///
/// Fails if a query fails.
pub fn rule_list(connection: &mut Db, site: &Site) -> QueryResult<String> {
    let mut rules: Vec<RedirectRule> = redirect_rules::table
        .order((redirect_rules::match_type, redirect_rules::position, redirect_rules::item_id))
        .limit(MAX_LISTED)
        .select(RedirectRule::as_select())
        .load(connection)?;
    // The order of their names is not that in which they count.
    let rank = |rule: &RedirectRule| match rule.match_type.as_str() {
        EXACT => (0, rule.key.clone()),
        PREFIX => (1, String::new()),
        _ => (2, String::new()),
    };
    rules.sort_by_cached_key(rank);
    let longest_first = |rule: &RedirectRule| usize::MAX - rule.key.len();
    let begin = rules.partition_point(|rule| rule.match_type == EXACT);
    let end = rules.partition_point(|rule| rule.match_type != PATTERN);
    rules[begin..end].sort_by_key(longest_first);
    let locales = rules.iter().map(|rule| locale_of(site, rule));
    let mut targets: HashMap<&str, Vec<String>> = HashMap::new();
    for (rule, locale) in rules.iter().zip(locales).filter(|(rule, _)| !rule.target_id.is_empty()) {
        targets.entry(locale).or_default().push(rule.target_id.clone());
    }
    let mut known: HashMap<(&str, String), String> = HashMap::new();
    for (locale, ids) in targets {
        let found = addresses(connection, site, locale, &ids)?;
        known.extend(found.into_iter().map(|(id, address)| ((locale, id), address)));
    }
    let line_of = |rule: &RedirectRule| {
        let target = known.get(&(locale_of(site, rule), rule.target_id.clone()));
        line(rule, target.map(String::as_str))
    };
    let lines: Vec<String> = rules.iter().map(line_of).collect();
    let listed = rules.iter().zip(&lines).filter(|(_, line)| !line.starts_with('#')).map(|(rule, _)| rule);
    let over_pages = over_pages(connection, site, listed)?;
    let mut out = String::new();
    for (rule, line) in rules.iter().zip(lines) {
        let line = if over_pages.contains(&rule.item_id) { comment(rule, over_page(rule)) } else { line };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{line}");
    }
    Ok(out)
}

/// Returns whether a text has characters that mean something in the list, or in what servers make of it: a placeholder, the
/// end of a word, a variable.
fn has_syntax(text: &str) -> bool {
    let text = percent_decode_str(text).decode_utf8_lossy().replace("{*", "{");
    text.contains(|c: char| c.is_control() || "*:;$\"'\\".contains(c))
}

/// Returns an address without its scheme and host, where a colon means nothing.
fn path_of(address: &str) -> &str {
    match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => address,
    }
}

/// Returns whether nothing stands beside the placeholders of an address in which a name would go on.
fn has_whole_placeholders(address: &str) -> bool {
    let goes_on = |after: &str| after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    !address.split('}').skip(1).any(goes_on)
}

fn locale_of<'a>(site: &'a Site, rule: &RedirectRule) -> &'a str {
    let named = SitePath::parse(&rule.source).and_then(|path| language_in(site, &path));
    named.unwrap_or_else(|| site.default_locale())
}

/// Returns the comment that stands for a rule, and says why.
fn comment(rule: &RedirectRule, why: &str) -> String {
    format!("# {} {}: {why}", rule.source.replace(' ', "%20"), rule.status_code)
}

/// Returns why a rule that takes addresses of pages is a comment.
fn over_page(rule: &RedirectRule) -> &'static str {
    match rule.match_type.as_str() {
        EXACT => "a public page has this address",
        _ => "public pages are among its addresses, so the website decides",
    }
}

/// Returns the line of a rule. `target` is the address of the item to which it leads.
fn line(rule: &RedirectRule, target: Option<&str>) -> String {
    let (source, status) = (&rule.source, rule.status_code);
    let without = |why: &str| comment(rule, why);
    if status == GONE {
        return without("gone");
    }
    let address = if rule.url.is_empty() { target } else { Some(rule.url.as_str()) };
    let Some(address) = address else { return without("its target has no public address") };
    let from = match rule.match_type.as_str() {
        PATTERN => pattern(source),
        _ => SitePath::parse(source).map(|path| path.to_nfc().encode()),
    };
    let Some(from) = from else { return without("a placeholder is a part of a segment") };
    let is_fixed = rule.match_type != PATTERN;
    if has_syntax(if is_fixed { &from } else { source })
        || has_syntax(path_of(address))
        || address.contains(char::is_whitespace)
    {
        return without("it has characters that mean something in the list");
    }
    if !is_fixed && !has_whole_placeholders(address) {
        return without("a placeholder is a part of a segment of the destination");
    }
    if rule.match_type != PREFIX {
        return format!("{from} {} {status}", placeholders(address, source));
    }
    let from = from.trim_end_matches('/');
    // Only an address gets the further segments.
    let to = match (rule.url.is_empty(), address.find(['?', '#'])) {
        (true, _) => address.to_owned(),
        (false, Some(_)) => return without("a prefix leads to an address with a query"),
        (false, None) => format!("{}/:splat", address.trim_end_matches('/')),
    };
    format!("{from}/* {to} {status}")
}

/// Returns the form of a pattern with `:name` and `*`; `None` if it has placeholders within segments.
fn pattern(source: &str) -> Option<String> {
    let segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) if name.starts_with('*') => Some("*".to_owned()),
        Some(name) => Some(format!(":{name}")),
        None if segment.contains('{') => None,
        None => SitePath::parse(&format!("/{segment}")).map(|path| path.to_nfc().encode()[1..].to_owned()),
    };
    let segments = source.split('/').filter(|part| !part.is_empty()).map(segment);
    Some(format!("/{}", segments.collect::<Option<Vec<_>>>()?.join("/")))
}

/// Returns an address with placeholders in the form of the list.
fn placeholders(address: &str, source: &str) -> String {
    let names = placeholders_of(address).unwrap_or_default();
    names.into_iter().fold(address.to_owned(), |text, name| {
        let is_rest = source.ends_with(&format!("/{{*{name}}}"));
        text.replace(&format!("{{{name}}}"), &if is_rest { ":splat".to_owned() } else { format!(":{name}") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_redirects() {
        let shown = |match_type: &str, source: &str, url: &str, status_code: i64| {
            let text = str::to_owned;
            let (item_id, key, target_id) = (String::new(), String::new(), String::new());
            let (match_type, source, url, leads_to) = (text(match_type), text(source), text(url), String::new());
            let rule =
                RedirectRule { item_id, match_type, key, source, status_code, url, target_id, leads_to, position: 0 };
            line(&rule, Some("https://example.org/t"))
        };
        assert_eq!(shown("exact", "/a b/", "/c", 301), "/a%20b /c 301");
        // Browsers ask for the composed letter.
        assert_eq!(shown("exact", "/cafe%CC%81", "/c", 301), "/caf%C3%A9 /c 301");
        assert_eq!(shown("exact", "/a", "", 302), "/a https://example.org/t 302");
        assert_eq!(shown("exact", "/a", "", 410), "# /a 410: gone");
        assert_eq!(shown("prefix", "/a/", "/c/", 308), "/a/* /c/:splat 308");
        assert_eq!(shown("prefix", "/", "https://b.example", 307), "/* https://b.example/:splat 307");
        assert_eq!(shown("pattern", "/a/{b}/{*c}", "/d/{b}/{c}", 301), "/a/:b/* /d/:b/:splat 301");
        assert!(shown("pattern", "/{b}.html", "/{b}", 301).starts_with("# /{b}.html 301: "));
        for (source, url) in
            [("/%2A", "/a"), ("/:x", "/a"), ("/a;b", "/c"), ("/a", "/c;d"), ("/a", "https://b.example/:c")]
        {
            assert!(shown("exact", source, url, 301).starts_with("# "), "{source} {url}");
        }
        assert!(shown("pattern", "/a/{b}", "/q-{b}x", 301).starts_with("# "));
        assert_eq!(shown("exact", "/a", "https://b.example:8080/c", 301), "/a https://b.example:8080/c 301");
        assert!(shown("prefix", "/a", "/c?d", 301).starts_with("# /a 301: "));
    }
}
