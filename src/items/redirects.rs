//! The rules of the redirects that are public, as they are stored for look-ups: one row for each redirect.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text};
use serde_json::{Map, Value};
use url::Url;

use crate::content::Site;
use crate::content::path_pattern::{Captures, PathPattern, SitePath, append, fill};
use crate::content_types::REDIRECT;
use crate::content_types::redirects::{DESTINATION, EXACT, GONE, MATCH_TYPE, PATTERN, PREFIX, SOURCE, STATUS_CODE};
use crate::database::insert::{insert_rows, stored_row};
use crate::database::schema::redirect_rules;
use crate::database::{Db, in_few, in_list};
use crate::items::Item;

/// The rule of a public redirect.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = redirect_rules)]
pub struct RedirectRule {
    /// Id of the redirect.
    pub item_id: String,
    /// `exact`, `prefix` or `pattern`.
    pub match_type: String,
    /// Form of the source by which paths are compared; of a pattern, the form that equal patterns have in common.
    pub key: String,
    /// Source as it was written.
    pub source: String,
    /// Status of the response.
    pub status_code: i64,
    /// Address to which the redirect leads; empty if it leads to an item or to nothing.
    pub url: String,
    /// Id of the item to which the redirect leads; empty if there is none.
    pub target_id: String,
    /// Key of the only path of the website to which the redirect leads; empty if it leads elsewhere, or to several.
    pub leads_to: String,
    /// Position among the patterns.
    pub position: i64,
}

stored_row!(RedirectRule, redirect_rules, {
    item_id: Text,
    match_type: Text,
    key: Text,
    source: Text,
    status_code: BigInt,
    url: Text,
    target_id: Text,
    leads_to: Text,
    position: BigInt,
});

/// The place to which a rule leads a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleDestination {
    /// Nothing: the path is gone.
    Gone,
    /// The page of the item with this id.
    Item(String),
    /// An address.
    Address(String),
}

impl RedirectRule {
    /// Returns the rule of an item; `None` if it is no redirect, or not public.
    pub fn of(item: &Item, content: &Map<String, Value>, site: &Site) -> Option<Self> {
        if item.live { Self::of_content(item, content, site) } else { None }
    }

    /// Returns the rule that a content of an item states, public or not; `None` if it is no redirect, or its source is none.
    pub fn of_content(item: &Item, content: &Map<String, Value>, site: &Site) -> Option<Self> {
        if item.kind != REDIRECT.kind {
            return None;
        }
        let text = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (source, match_type) = (text(SOURCE), text(MATCH_TYPE));
        let key = match match_type.as_str() {
            PATTERN => PathPattern::parse(&source).ok()?.key(),
            _ => SitePath::parse(&source)?.key(),
        };
        let destination = content.get(DESTINATION);
        let at = |pointer: &str| destination.and_then(|place| place.pointer(pointer)?.as_str()).unwrap_or_default();
        let (url, target_id) = (at("/url").to_owned(), at("/target/id").to_owned());
        let is_one = match_type != PREFIX && !url.contains('{');
        let leads_to = if is_one { local_path(site, &url).map(|path| path.key()) } else { None };
        Some(Self {
            item_id: item.id.clone(),
            match_type,
            key,
            source,
            status_code: content.get(STATUS_CODE).and_then(Value::as_i64).unwrap_or(301),
            url,
            target_id,
            leads_to: leads_to.unwrap_or_default(),
            position: item.position,
        })
    }

    /// Returns the place to which the rule leads a path that it matches. `captures` has what the placeholders of a pattern
    /// stand for.
    pub fn destination(&self, path: &SitePath, captures: &Captures) -> RuleDestination {
        if self.status_code == GONE {
            return RuleDestination::Gone;
        }
        if self.url.is_empty() {
            return RuleDestination::Item(self.target_id.clone());
        }
        RuleDestination::Address(match self.match_type.as_str() {
            PATTERN => fill(&self.url, captures),
            PREFIX => append(&self.url, path.segments().get(self.depth()..).unwrap_or_default()),
            _ => self.url.clone(),
        })
    }

    /// Returns the source as a pattern; `None` if it is none.
    pub fn pattern(&self) -> Option<PathPattern> {
        if self.match_type == PATTERN { PathPattern::parse(&self.source).ok() } else { None }
    }

    /// Returns the number of segments of the source of a prefix.
    fn depth(&self) -> usize {
        self.key.split('/').filter(|segment| !segment.is_empty()).count()
    }
}

/// Stands for the website where an address is only a path.
const ANY_HOST: &str = "https://website.invalid/";

/// Returns the path of the website that an address is; `None` for an address elsewhere. The hosts of the website are those
/// of the settings `site.page_url` and its like.
pub fn local_path(site: &Site, address: &str) -> Option<SitePath> {
    // As browsers read it: without dot segments, and whatever the number of slashes before the host.
    let url = match address.starts_with('/') {
        true => Url::parse(ANY_HOST).ok()?.join(address).ok().filter(|url| url.as_str().starts_with(ANY_HOST))?,
        false => Url::parse(address).ok()?,
    };
    let host = |text: &String| Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    let own = url.host_str().map(str::to_owned);
    let is_local = address.starts_with('/') || site.page_urls.values().any(|page| host(page) == own);
    SitePath::parse(url.path()).filter(|_| is_local)
}

/// The public redirects whose sources are patterns, in the order of their editors.
#[derive(Debug, Default)]
pub struct PatternRules(Vec<(RedirectRule, PathPattern)>);

impl PatternRules {
    /// Loads the patterns.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn load(connection: &mut Db) -> QueryResult<Self> {
        let rows: Vec<RedirectRule> = redirect_rules::table
            .filter(redirect_rules::match_type.eq(PATTERN))
            .order((redirect_rules::position, redirect_rules::item_id))
            .select(RedirectRule::as_select())
            .load(connection)?;
        Ok(Self::of(rows))
    }

    /// Returns those of these rules whose sources are patterns, which are in their order.
    pub fn of(rules: impl IntoIterator<Item = RedirectRule>) -> Self {
        Self(rules.into_iter().filter_map(|rule| rule.pattern().map(|pattern| (rule, pattern))).collect())
    }

    /// Removes the pattern of a redirect, if there is one.
    pub fn remove(&mut self, item_id: &str) {
        self.0.retain(|(rule, _)| rule.item_id != item_id);
    }

    /// Adds a rule at its place in the order, if its source is a pattern.
    pub fn insert(&mut self, rule: RedirectRule) {
        let Some(pattern) = rule.pattern() else { return };
        let place = |rule: &RedirectRule| (rule.position, rule.item_id.clone());
        let at = self.0.partition_point(|(other, _)| place(other) < place(&rule));
        self.0.insert(at, (rule, pattern));
    }
}

/// A rule that matches a path, with the place to which it leads this path.
#[derive(Debug)]
pub struct RuleMatch {
    pub rule: RedirectRule,
    pub destination: RuleDestination,
}

/// Returns the rules that match a path, the one that counts first: exact, then the longest prefix, then patterns in their
/// order.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find_matching(connection: &mut Db, path: &SitePath, patterns: &PatternRules) -> QueryResult<Vec<RuleMatch>> {
    let (own, above) = (path.key(), path.keys_above());
    let mut rows: Vec<RedirectRule> = redirect_rules::table
        .filter(in_few(connection.dialect(), redirect_rules::key, &above))
        .select(RedirectRule::as_select())
        .load(connection)?;
    rows.retain(|rule| match rule.match_type.as_str() {
        EXACT => rule.key == own,
        PREFIX => true,
        _ => false,
    });
    rows.sort_by_key(|rule| (rule.match_type != EXACT, usize::MAX - rule.depth()));
    let none = Captures::new();
    let fixed = rows.into_iter().map(|rule| (rule, none.clone()));
    let by_pattern = patterns.0.iter().filter_map(|(rule, pattern)| Some((rule.clone(), pattern.matches(path)?)));
    let found = fixed.chain(by_pattern).map(|(rule, captures)| {
        let destination = rule.destination(path, &captures);
        RuleMatch { rule, destination }
    });
    Ok(found.collect())
}

/// Returns the public redirects whose sources are prefixes or patterns.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_wide(connection: &mut Db) -> QueryResult<Vec<RedirectRule>> {
    redirect_rules::table
        .filter(in_list(connection.dialect(), redirect_rules::match_type, [PREFIX, PATTERN]))
        .order((redirect_rules::match_type, redirect_rules::position, redirect_rules::item_id))
        .select(RedirectRule::as_select())
        .load(connection)
}

/// Stores the rule of an item, or removes it.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn update(connection: &mut Db, id: &str, requested: Option<RedirectRule>) -> QueryResult<()> {
    let place = redirect_rules::table.find(id);
    let present: Option<RedirectRule> = place.select(RedirectRule::as_select()).first(connection).optional()?;
    if present == requested {
        return Ok(());
    }
    diesel::delete(redirect_rules::table.find(id)).execute(connection)?;
    insert_rows(connection, requested.as_slice())
}
