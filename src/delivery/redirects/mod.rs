//! Resolution of paths of the website: what is there, and where redirects and former addresses lead.
//!
//! The order is: an item that has the address now; the redirects of exactly this path, of the longest prefix, and of
//! patterns in their order; the item that had the address. A redirect to an item that the public does not see is passed over.

pub mod addresses;
pub mod hits;
pub mod page_sources;
pub mod pattern_cache;
pub mod rule_list;

use diesel::result::QueryResult;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::content::Site;
use crate::content::path_pattern::SitePath;
use crate::database::Db;
use crate::delivery::redirects::addresses::{AddressTarget, PageItem, addresses, item_at, language_in};
use crate::items::redirects::{PatternRules, RuleDestination, find_matching, local_path};

/// Number of redirects that are followed at most.
const MAX_STEPS: usize = 10;
/// Status of the redirect from a former address: permanent, as in the API.
const FORMER_STATUS: i64 = 308;
/// Statuses of redirects for now.
const TEMPORARY: [i64; 2] = [302, 307];

/// Where a path of the website leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// An item has this address.
    Present(PageItem),
    /// The path leads to another address.
    Redirect(Redirection),
    /// The path is gone. The redirects by which this is known, by their ids.
    Gone(Vec<String>),
    /// Nothing is known of the path.
    Absent,
}

/// A redirection from a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    pub status: i64,
    /// Address, without the query of the request.
    pub location: String,
    /// Ids of the redirects that were followed; none if the path is a former address.
    pub used: Vec<String>,
    /// The item of which the path is a former address.
    pub item: Option<PageItem>,
}

/// What a resolution reads: the settings of the site, the patterns, and the language where a path names none.
#[derive(Debug, Clone, Copy)]
pub struct ResolutionContext<'a> {
    pub site: &'a Site,
    pub patterns: &'a PatternRules,
    /// Language that the request names, if it does.
    pub locale: Option<&'a str>,
}

impl<'a> ResolutionContext<'a> {
    fn locale_of(self, path: &SitePath) -> &'a str {
        self.locale.or_else(|| language_in(self.site, path)).unwrap_or_else(|| self.site.default_locale())
    }
}

/// A step of a resolution.
enum ResolutionStep {
    Present(PageItem),
    Former(PageItem, String),
    Rule { id: String, status: i64, location: String },
    Gone(String),
    Nothing,
}

/// Returns where a path leads. Redirects that lead to others are followed, so that the location is the last one. Where they
/// would lead back, or on and on, they do not count.
///
/// # Errors
///
/// Fails if a query fails.
pub fn resolve(connection: &mut Db, context: ResolutionContext<'_>, given: &SitePath) -> QueryResult<Resolution> {
    let locale = context.locale_of(given);
    match step(connection, context, given, locale)? {
        ResolutionStep::Present(item) => Ok(Resolution::Present(item)),
        ResolutionStep::Former(item, location) => Ok(redirect_from_former(item, location)),
        ResolutionStep::Gone(id) => Ok(Resolution::Gone(vec![id])),
        ResolutionStep::Nothing => Ok(Resolution::Absent),
        ResolutionStep::Rule { id, status, location } => {
            let first = Redirection { status, location, used: vec![id], item: None };
            match follow(connection, context, (given, locale), first)? {
                Some(resolution) => Ok(resolution),
                None => Ok(match item_at(connection, context.site, given, locale)? {
                    AddressTarget::Moved(item, location) => redirect_from_former(item, location),
                    AddressTarget::Present(_) | AddressTarget::Absent => Resolution::Absent,
                }),
            }
        }
    }
}

fn redirect_from_former(item: PageItem, location: String) -> Resolution {
    Resolution::Redirect(Redirection { status: FORMER_STATUS, location, used: Vec::new(), item: Some(item) })
}

/// Follows a redirection to the last address; `None` if that leads back to an address before, or has too many steps.
fn follow(
    connection: &mut Db,
    context: ResolutionContext<'_>,
    (given, locale): (&SitePath, &str),
    mut found: Redirection,
) -> QueryResult<Option<Resolution>> {
    let mut seen = vec![given.key()];
    for _ in 0..MAX_STEPS {
        let Some(path) = local_path(context.site, &found.location) else {
            return Ok(Some(Resolution::Redirect(found)));
        };
        if seen.contains(&path.key()) {
            return Ok(None);
        }
        seen.push(path.key());
        match step(connection, context, &path, locale)? {
            ResolutionStep::Present(_) | ResolutionStep::Nothing => return Ok(Some(Resolution::Redirect(found))),
            ResolutionStep::Former(_, now) => {
                found.location = with_query(now, query_of(&found.location));
                return Ok(Some(Resolution::Redirect(found)));
            }
            ResolutionStep::Gone(id) => {
                found.used.push(id);
                return Ok(Some(Resolution::Gone(found.used)));
            }
            ResolutionStep::Rule { id, status, location } => {
                found.used.push(id);
                found.status = if TEMPORARY.contains(&status) { status } else { found.status };
                found.location = with_query(location, query_of(&found.location));
            }
        }
    }
    Ok(None)
}

/// Returns what a path is, or where it leads at once.
fn step(
    connection: &mut Db,
    context: ResolutionContext<'_>,
    path: &SitePath,
    locale: &str,
) -> QueryResult<ResolutionStep> {
    let place = item_at(connection, context.site, path, locale)?;
    if let AddressTarget::Present(item) = place {
        return Ok(ResolutionStep::Present(item));
    }
    for found in find_matching(connection, path, context.patterns)? {
        let (id, status) = (found.rule.item_id, found.rule.status_code);
        match found.destination {
            RuleDestination::Gone => return Ok(ResolutionStep::Gone(id)),
            RuleDestination::Address(location) => return Ok(ResolutionStep::Rule { id, status, location }),
            RuleDestination::Item(target) => {
                let known = addresses(connection, context.site, locale, std::slice::from_ref(&target))?.remove(&target);
                // An address that is this path itself would lead round in a circle.
                let elsewhere = known.filter(|address| local_path(context.site, address).as_ref() != Some(path));
                if let Some(location) = elsewhere {
                    return Ok(ResolutionStep::Rule { id, status, location });
                }
            }
        }
    }
    Ok(match place {
        AddressTarget::Moved(item, address) => ResolutionStep::Former(item, address),
        AddressTarget::Present(_) | AddressTarget::Absent => ResolutionStep::Nothing,
    })
}

/// Returns the query of an address, without the question mark.
pub fn query_of(address: &str) -> Option<&str> {
    let before_fragment = address.split('#').next().unwrap_or(address);
    before_fragment.split_once('?').map(|(_, query)| query).filter(|query| !query.is_empty())
}

/// Returns an address with a query, unless it has one itself.
pub fn with_query(address: String, query: Option<&str>) -> String {
    let Some(query) = query.filter(|_| query_of(&address).is_none()) else { return address };
    let (path, fragment) = address.split_once('#').map_or((address.as_str(), None), |(path, end)| (path, Some(end)));
    let path = path.trim_end_matches('?');
    match fragment {
        Some(fragment) => format!("{path}?{query}#{fragment}"),
        None => format!("{path}?{query}"),
    }
}

/// The characters of an address that are encoded, besides those that are not ASCII: they end an address, or a header.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// Returns an address as it can stand in a header: without line breaks, spaces and characters that are not ASCII.
pub fn header_value(address: String) -> String {
    let host_end = address
        .split_once("://")
        .map_or(0, |(scheme, rest)| scheme.len() + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, rest) = address.split_at(host_end);
    let encoded = format!("{host}{}", utf8_percent_encode(rest, UNSAFE));
    match host.is_ascii() {
        true => encoded,
        // The names of hosts have a form of their own.
        false => Url::parse(&encoded).map_or(encoded, String::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_can_stand_in_a_header() {
        let cases = [
            ("/a?x=1\r\nSet-Cookie: b", "/a?x=1%0D%0ASet-Cookie:%20b"),
            ("/\u{fc}?q=%20\u{2028}#t", "/%C3%BC?q=%20%E2%80%A8#t"),
            ("https://example.org:8080/a b", "https://example.org:8080/a%20b"),
            ("https://\u{fc}.example?\n", "https://xn--tda.example/?%0A"),
        ];
        for (given, wanted) in cases {
            assert_eq!(header_value(given.to_owned()), wanted);
        }
    }

    #[test]
    fn queries_are_kept() {
        let add = |address: &str| with_query(address.to_owned(), Some("x=1"));
        assert_eq!(add("/a"), "/a?x=1");
        assert_eq!(add("/a#top"), "/a?x=1#top");
        assert_eq!(add("/a?y=2"), "/a?y=2");
        assert_eq!(add("/a?#top"), "/a?x=1#top");
        assert_eq!(with_query("/a".to_owned(), None), "/a");
        assert_eq!(query_of("/a#b?c"), None);
    }
}
