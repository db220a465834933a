//! Checks of redirects that become public: no two have the same source, and none leads to what another one redirects.
//!
//! A prefix or a pattern leads to many paths. It is examined by a sample: a path with a word for each placeholder that no
//! other source has. So it is refused if another redirect takes what it leads to in general, and not if another one takes a
//! few of these paths only. Those are followed when they are resolved ([`crate::delivery::redirects`]).

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use crate::content::Site;
use crate::content::path_pattern::{Captures, PathPattern, SitePath};
use crate::content::violation::Violations;
use crate::content_types::REDIRECT;
use crate::content_types::redirects::{DESTINATION, EXACT, MATCH_TYPE, PATTERN, PREFIX, SOURCE};
use crate::database::schema::redirect_rules;
use crate::database::statement::Term;
use crate::database::{Db, in_few};
use crate::items::Item;
use crate::items::redirects::{PatternRules, RedirectRule, RuleDestination, local_path, matching, wide};
use crate::problem::{Problem, ProblemKind};

/// Maximum number of public redirects whose sources are prefixes or patterns.
const MAX_WIDE: usize = 1_000;
/// Number of redirects that are followed to tell a loop from a chain.
const MAX_STEPS: usize = 10;
/// Word of samples: a character for private use, which no path of a website has.
const SAMPLE: &str = "\u{f8ff}";

/// Refuses a redirect that is stored and public, if another one has its source, or if one of the two leads to the other.
///
/// # Errors
///
/// Fails with `Conflict` if another redirect has the source, with `Invalid` if the redirect would be a part of a chain or a
/// loop or is one too many, and if a query fails.
pub fn require_direct(connection: &mut Db, site: &Site, item: &Item) -> Result<(), Problem> {
    refusals(connection, site, std::iter::once(item))?.pop().map_or(Ok(()), |(_, problem)| Err(problem))
}

/// Returns which of these redirects, which are stored, are refused as [`require_direct`] does, by their ids. What the checks
/// compare is loaded once. Of two with the same source, the second one is refused.
///
/// # Errors
///
/// Fails if a query fails.
pub fn refusals<'a>(
    connection: &mut Db,
    site: &Site,
    items: impl Iterator<Item = &'a Item>,
) -> QueryResult<Vec<(String, Problem)>> {
    let public = items.filter(|item| item.kind == REDIRECT.kind && item.live);
    let ids: Vec<&str> = public.map(|item| item.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let these = in_few(connection.dialect(), redirect_rules::item_id, &ids);
    let own: Vec<RedirectRule> =
        redirect_rules::table.filter(these).select(RedirectRule::as_select()).load(connection)?;
    let mut own: HashMap<String, RedirectRule> = own.into_iter().map(|rule| (rule.item_id.clone(), rule)).collect();
    let known = KnownRules::load(connection, site, common_start(own.values()).as_deref())?;
    let mut refused = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let Some(rule) = own.remove(*id) else { continue };
        let (earlier, later) = ids.split_at(at);
        if let Some(problem) = refusal(connection, site, &Own::of(rule, earlier, later), &known)? {
            refused.push(((*id).to_owned(), problem));
        }
    }
    Ok(refused)
}

/// The rule of a redirect that is checked.
struct Own<'a> {
    rule: RedirectRule,
    /// The pattern, if the source is one.
    pattern: Option<PathPattern>,
    /// Ids of redirects that are written together with this one, and checked before it.
    earlier: &'a [&'a str],
    /// Ids of this one and of those that are checked after it.
    later: &'a [&'a str],
}

impl<'a> Own<'a> {
    fn of(rule: RedirectRule, earlier: &'a [&'a str], later: &'a [&'a str]) -> Self {
        Self { pattern: rule.pattern(), rule, earlier, later }
    }

    /// Returns whether the source matches a path with this key.
    fn takes(&self, key: &str, path: &SitePath) -> bool {
        match (self.rule.match_type.as_str(), &self.pattern) {
            (_, Some(pattern)) => pattern.matches(path).is_some(),
            (PREFIX, _) => is_below(key, &self.rule.key),
            _ => key == self.rule.key,
        }
    }
}

/// Returns the text with which the keys of all paths begin that the source of a rule, which may be a pattern, matches.
fn key_start(rule: &RedirectRule, pattern: Option<&PathPattern>) -> String {
    pattern.map_or_else(|| rule.key.clone(), PathPattern::key_start)
}

/// Returns the text with which the keys of all paths begin that prefixes and patterns among these rules match; `None` if
/// there are none.
fn common_start<'a>(rules: impl Iterator<Item = &'a RedirectRule>) -> Option<String> {
    let common = |mut one: String, other: String| {
        let length = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
        one.truncate(length);
        one
    };
    let wide = rules.filter(|rule| rule.match_type != EXACT);
    wide.map(|rule| key_start(rule, rule.pattern().as_ref())).reduce(common)
}

/// Returns whether a path is one or below one, by their keys.
fn is_below(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || above == "/")
}

/// A redirect that leads to a path of the website, always or in general.
struct Leading {
    /// Key of the path.
    key: String,
    path: SitePath,
    item_id: String,
    source: String,
}

impl Leading {
    fn of(path: SitePath, item_id: String, source: String) -> Self {
        Self { key: path.key(), path, item_id, source }
    }
}

/// What all checks of a write compare: it is loaded once, since none of them changes it.
struct KnownRules {
    patterns: PatternRules,
    /// Number of public redirects whose sources are prefixes or patterns.
    wide: usize,
    /// Where samples of these lead, as far as what is checked can take that.
    samples: Vec<Leading>,
    /// The redirects that lead to one path that a prefix or a pattern can take which is checked, in the order of its key.
    to_one: Vec<Leading>,
}

impl KnownRules {
    /// Loads what redirects are compared with. `start` is the text with which the keys of all paths begin that prefixes and
    /// patterns among them match; `None` if each takes one path alone.
    fn load(connection: &mut Db, site: &Site, start: Option<&str>) -> QueryResult<Self> {
        let rules = wide(connection)?;
        // A path that has the word of samples is no source. So a redirect of one path alone meets no other samples.
        let is_compared =
            |rule: &&RedirectRule| !leads_by_path(rule) || start.is_some_and(|start| may_lead(rule, start));
        let leading = |rule: &RedirectRule| {
            Some(Leading::of(sample_destination(site, rule)?, rule.item_id.clone(), rule.source.clone()))
        };
        let samples = rules.iter().filter(is_compared).filter_map(leading).collect();
        let to_one = start.map_or(Ok(Vec::new()), |start| leading_to_one(connection, start))?;
        Ok(Self { wide: rules.len(), samples, to_one, patterns: PatternRules::of(rules) })
    }

    /// Returns a redirect that leads to what a redirect takes.
    fn leading_to(&self, own: &Own<'_>) -> Option<&Leading> {
        let start = key_start(&own.rule, own.pattern.as_ref());
        let from = self.to_one.partition_point(|leading| leading.key < start);
        let to_one = self.to_one[from..].iter().take_while(|leading| leading.key.starts_with(&start));
        let is_taken =
            |leading: &&Leading| leading.item_id != own.rule.item_id && own.takes(&leading.key, &leading.path);
        to_one.chain(&self.samples).find(is_taken)
    }
}

/// Returns whether the path to which a prefix or a pattern leads depends on the path that it takes.
fn leads_by_path(rule: &RedirectRule) -> bool {
    let path = rule.url.split(['?', '#']).next().unwrap_or_default();
    rule.match_type == PREFIX || path.contains('{')
}

/// Returns whether a prefix or a pattern may lead to a path whose key begins with a text. That of a plain address is told
/// without reading it as a URL, which takes long.
fn may_lead(rule: &RedirectRule, start: &str) -> bool {
    let url = rule.url.split('{').next().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
    let is_plain_path = url.starts_with('/') && !url.contains("//") && url.bytes().all(is_plain);
    !is_plain_path || url.starts_with(start) || start.starts_with(&url)
}

/// Returns the condition that a redirect leads to one path, in the words of the partial index.
fn leads_to_one() -> Term<Bool> {
    Term::new("redirect_rules.leads_to <> ''")
}

/// Returns the redirects that lead to one path whose key begins with a text, in the order of the key.
fn leading_to_one(connection: &mut Db, start: &str) -> QueryResult<Vec<Leading>> {
    let columns = (redirect_rules::leads_to, redirect_rules::item_id, redirect_rules::source);
    let end = format!("{start}{}", char::MAX);
    let rows: Vec<(String, String, String)> = redirect_rules::table
        .filter(leads_to_one())
        .filter(redirect_rules::leads_to.ge(start).and(redirect_rules::leads_to.lt(end)))
        .order(redirect_rules::leads_to)
        .select(columns)
        .load(connection)?;
    let leading = |(key, item_id, source): (String, String, String)| {
        let path = SitePath::parse(&key)?;
        Some(Leading { key, path, item_id, source })
    };
    Ok(rows.into_iter().filter_map(leading).collect())
}

/// Returns why a redirect is refused, if it is.
fn refusal(connection: &mut Db, site: &Site, own: &Own<'_>, known: &KnownRules) -> QueryResult<Option<Problem>> {
    if let Some(problem) = taken(connection, own)? {
        return Ok(Some(problem));
    }
    let is_exact = own.rule.match_type == EXACT;
    if !is_exact && known.wide > MAX_WIDE {
        let message = format!("there are {MAX_WIDE} public redirects of prefixes and patterns already");
        return Ok(Some(Problem::invalid(Violations::one(format!("/{MATCH_TYPE}"), "too_many", message))));
    }
    if let Some(fault) = onward(connection, site, &own.rule, &known.patterns)? {
        let (place, code) = (format!("/{DESTINATION}/url"), if fault.is_loop { "loop" } else { "chain" });
        return Ok(Some(Problem::invalid(Violations::one(place, code, fault.message))));
    }
    let to_own = if is_exact { leading_to_exact(connection, &own.rule)? } else { None };
    let leading = to_own.or_else(|| known.leading_to(own).map(|other| (other.item_id.clone(), other.source.clone())));
    Ok(leading.map(|(id, source)| {
        let message = format!(
            "the redirect of \"{source}\" ({id}) leads to \"{}\": let it lead to the destination of this one first",
            own.rule.source
        );
        Problem::invalid(Violations::one(format!("/{SOURCE}"), "chain", message))
    }))
}

/// Returns the id and the source of a redirect that leads to the one path that a redirect takes.
fn leading_to_exact(connection: &mut Db, own: &RedirectRule) -> QueryResult<Option<(String, String)>> {
    redirect_rules::table
        .filter(leads_to_one())
        .filter(redirect_rules::leads_to.eq(&own.key).and(redirect_rules::item_id.ne(&own.item_id)))
        .select((redirect_rules::item_id, redirect_rules::source))
        .first(connection)
        .optional()
}

/// Returns the problem of a source that another public redirect has.
fn taken(connection: &mut Db, own: &Own<'_>) -> QueryResult<Option<Problem>> {
    let same = redirect_rules::key.eq(&own.rule.key).and(redirect_rules::match_type.eq(&own.rule.match_type));
    let holders: Vec<(String, String)> = redirect_rules::table
        .filter(same)
        .order(redirect_rules::item_id)
        .select((redirect_rules::item_id, redirect_rules::source))
        .load(connection)?;
    let Some((id, source)) = holders.into_iter().find(|(id, _)| !own.later.contains(&id.as_str())) else {
        return Ok(None);
    };
    // Those of the same write have no ids that their author knows.
    let message = match own.earlier.contains(&id.as_str()) {
        true => format!("another redirect of this request has this source: \"{source}\""),
        false => format!("the public redirect of \"{source}\" ({id}) has this source"),
    };
    let faults = Violations::one(format!("/{SOURCE}"), "taken", message);
    Ok(Some(Problem::new(ProblemKind::Conflict, "the source is taken").with(faults.into_vec())))
}

/// What is wrong with the place to which a redirect leads.
struct OnwardFault {
    is_loop: bool,
    message: String,
}

/// Returns what is wrong if another redirect, or the same one, takes what this one leads to.
fn onward(
    connection: &mut Db,
    site: &Site,
    own: &RedirectRule,
    patterns: &PatternRules,
) -> QueryResult<Option<OnwardFault>> {
    let Some(first) = sample_destination(site, own) else { return Ok(None) };
    let Some(next) = matching(connection, &first, patterns)?.into_iter().next() else { return Ok(None) };
    let (mut is_loop, mut step) = (false, Some(next.destination.clone()));
    let mut current = next.rule.item_id == own.item_id;
    for _ in 0..MAX_STEPS {
        is_loop |= current;
        let Some(path) = step.take().filter(|_| !is_loop).and_then(|place| local_destination(site, place)) else {
            break;
        };
        let Some(next) = matching(connection, &path, patterns)?.into_iter().next() else { break };
        current = next.rule.item_id == own.item_id;
        step = Some(next.destination);
    }
    let (source, id) = (&next.rule.source, &next.rule.item_id);
    let to = if own.match_type == EXACT { first.encoded() } else { own.url.clone() };
    let message = match (is_loop, next.rule.item_id == own.item_id) {
        (true, true) => format!("\"{}\" leads to \"{to}\", which it redirects itself", own.source),
        (true, false) => {
            format!("\"{}\" leads to \"{to}\", from where the redirect of \"{source}\" ({id}) leads back", own.source)
        }
        (false, _) => format!(
            "\"{}\" leads to \"{to}\", which the redirect of \"{source}\" ({id}) leads on: use its destination at once",
            own.source
        ),
    };
    Ok(Some(OnwardFault { is_loop, message }))
}

/// Returns the path to which a rule leads a sample of what it matches; `None` if that is not on the website.
fn sample_destination(site: &Site, rule: &RedirectRule) -> Option<SitePath> {
    if rule.url.is_empty() {
        return None;
    }
    let (path, captures) = match rule.match_type.as_str() {
        PATTERN => {
            let pattern = rule.pattern()?;
            let path = pattern.sample(SAMPLE);
            let captures = pattern.matches(&path)?;
            (path, captures)
        }
        PREFIX => {
            let mut segments = SitePath::parse(&rule.source)?.segments().to_vec();
            segments.push(SAMPLE.to_owned());
            (SitePath::of(segments), Captures::new())
        }
        _ => (SitePath::parse(&rule.source)?, Captures::new()),
    };
    local_destination(site, rule.destination(&path, &captures))
}

fn local_destination(site: &Site, destination: RuleDestination) -> Option<SitePath> {
    match destination {
        RuleDestination::Address(address) => local_path(site, &address),
        RuleDestination::Gone | RuleDestination::Item(_) => None,
    }
}
