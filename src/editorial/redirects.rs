//! Checks of redirects that become public: no two have the same source, and none leads to what another one redirects.
//!
//! A prefix or a pattern leads to many paths. It is examined by a sample: a path with a word for each placeholder that no
//! other source has. So it is refused if another redirect takes what it leads to in general, and not if another one takes a
//! few of these paths only. Those are followed when they are resolved ([`crate::delivery::redirects`]).

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::path_pattern::{PathPattern, SitePath};
use crate::content::violation::Violations;
use crate::content_types::REDIRECT;
use crate::content_types::redirects::{DESTINATION, EXACT, MATCH_TYPE, PREFIX, SOURCE};
use crate::database::schema::redirect_rules;
use crate::database::statement::Term;
use crate::database::{Db, in_few};
use crate::delivery::redirects::page_sources::over_pages;
use crate::editorial::programme::ProgrammeWarning;
use crate::editorial::wide_redirects::{PathRedirect, Samples, WideRules, local_destination, sample_destination};
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::items::redirects::{PatternRules, RedirectRule, find_matching};
use crate::problem::{Problem, ProblemKind};

/// Maximum number of public redirects whose sources are prefixes or patterns.
const MAX_WIDE: usize = 1_000;
/// Number of redirects that are followed to tell a loop from a chain.
const MAX_STEPS: usize = 10;

/// Refuses a redirect that was stored just now and is public, if another one has its source, or if one of the two leads to
/// the other. What it compares may be known from the redirects that were written before in the transaction.
///
/// # Errors
///
/// Fails with `Conflict` if another redirect has the source, with `Invalid` if the redirect would be a part of a chain or a
/// loop or is one too many, and if a query fails.
pub fn require_direct(connection: &mut Db, context: WriteContext<'_>, item: &Item) -> Result<(), Problem> {
    let site = context.site;
    let Some(memo) = context.redirects.filter(|_| item.kind == REDIRECT.kind && item.live) else {
        return refusals(connection, site, std::iter::once(item))?.pop().map_or(Ok(()), |(_, problem)| Err(problem));
    };
    let Some(rule) = rules_of(connection, &[&item.id])?.pop() else { return Ok(()) };
    let start = common_start(std::iter::once(&rule));
    let to_one = start.map_or(Ok(Vec::new()), |start| leading_to_one(connection, &start))?;
    let refused = memo.with_wide(connection, site, |connection, wide| {
        refusal(connection, site, &OwnRule::of(rule, &[], &[&item.id]), &KnownRules { wide, to_one: &to_one })
    })?;
    refused.map_or(Ok(()), Err)
}

/// Returns the warning that the source of a redirect, by its newest text, takes addresses of items that the public sees: those are
/// shown, and the list for servers at the edge has a comment in its place.
///
/// # Errors
///
/// Fails if a query fails.
pub fn page_warning(
    connection: &mut Db,
    site: &Site,
    item: &Item,
    content: &Map<String, Value>,
) -> QueryResult<Option<ProgrammeWarning>> {
    let Some(rule) = RedirectRule::of_content(item, content, site) else { return Ok(None) };
    if over_pages(connection, site, std::iter::once(&rule))?.is_empty() {
        return Ok(None);
    }
    let what = match rule.match_type.as_str() {
        EXACT => "is the address of a public page, which is shown",
        _ => "takes addresses of public pages, which are shown",
    };
    let message = format!("\"{}\" {what} instead; redirects.txt has a comment for this redirect", rule.source);
    Ok(Some(ProgrammeWarning { code: "page_at_source", message, sessions: Vec::new() }))
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
    let own = rules_of(connection, &ids)?;
    let mut own: HashMap<String, RedirectRule> = own.into_iter().map(|rule| (rule.item_id.clone(), rule)).collect();
    let start = common_start(own.values());
    let wide = WideRules::load(connection, site, Samples::Below(start.as_deref()))?;
    let to_one = start.map_or(Ok(Vec::new()), |start| leading_to_one(connection, &start))?;
    let known = KnownRules { wide: &wide, to_one: &to_one };
    let mut refused = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let Some(rule) = own.remove(*id) else { continue };
        let (earlier, later) = ids.split_at(at);
        if let Some(problem) = refusal(connection, site, &OwnRule::of(rule, earlier, later), &known)? {
            refused.push(((*id).to_owned(), problem));
        }
    }
    Ok(refused)
}

fn rules_of(connection: &mut Db, ids: &[&str]) -> QueryResult<Vec<RedirectRule>> {
    let these = in_few(connection.dialect(), redirect_rules::item_id, ids);
    redirect_rules::table.filter(these).select(RedirectRule::as_select()).load(connection)
}

/// The rule of a redirect that is checked.
struct OwnRule<'a> {
    rule: RedirectRule,
    /// The pattern, if the source is one.
    pattern: Option<PathPattern>,
    /// Ids of redirects that are written together with this one, and checked before it.
    earlier: &'a [&'a str],
    /// Ids of this one and of those that are checked after it.
    later: &'a [&'a str],
}

impl<'a> OwnRule<'a> {
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

/// What a check compares, besides what it looks up.
struct KnownRules<'a> {
    wide: &'a WideRules,
    /// The redirects that lead to one path that a prefix or a pattern can take which is checked, in the order of its key.
    to_one: &'a [PathRedirect],
}

impl KnownRules<'_> {
    /// Returns a redirect that leads to what a redirect takes.
    fn leading_to(&self, own: &OwnRule<'_>) -> Option<&PathRedirect> {
        let start = key_start(&own.rule, own.pattern.as_ref());
        let from = self.to_one.partition_point(|leading| leading.key < start);
        let to_one = self.to_one[from..].iter().take_while(|leading| leading.key.starts_with(&start));
        let is_taken =
            |leading: &&PathRedirect| leading.item_id != own.rule.item_id && own.takes(&leading.key, &leading.path);
        to_one.chain(self.wide.samples()).find(is_taken)
    }
}

/// Returns the condition that a redirect leads to one path, in the words of the partial index.
fn leads_to_one() -> Term<Bool> {
    Term::new("redirect_rules.leads_to <> ''")
}

/// Returns the redirects that lead to one path whose key begins with a text, in the order of the key.
fn leading_to_one(connection: &mut Db, start: &str) -> QueryResult<Vec<PathRedirect>> {
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
        Some(PathRedirect { key, path, item_id, source })
    };
    Ok(rows.into_iter().filter_map(leading).collect())
}

/// Returns why a redirect is refused, if it is.
fn refusal(
    connection: &mut Db,
    site: &Site,
    own: &OwnRule<'_>,
    known: &KnownRules<'_>,
) -> QueryResult<Option<Problem>> {
    if let Some(problem) = source_conflict(connection, own)? {
        return Ok(Some(problem));
    }
    let is_exact = own.rule.match_type == EXACT;
    if !is_exact && known.wide.count() > MAX_WIDE {
        let message = format!("there are {MAX_WIDE} public redirects of prefixes and patterns already");
        return Ok(Some(Problem::invalid(Violations::one(format!("/{MATCH_TYPE}"), "too_many", message))));
    }
    if let Some(fault) = find_onward_fault(connection, site, &own.rule, known.wide.patterns())? {
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
fn source_conflict(connection: &mut Db, own: &OwnRule<'_>) -> QueryResult<Option<Problem>> {
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
    Ok(Some(Problem::new(ProblemKind::Conflict, "the source is taken").with_violations(faults.into_vec())))
}

/// What is wrong with the place to which a redirect leads.
struct OnwardFault {
    is_loop: bool,
    message: String,
}

/// Returns what is wrong if another redirect, or the same one, takes what this one leads to.
fn find_onward_fault(
    connection: &mut Db,
    site: &Site,
    own: &RedirectRule,
    patterns: &PatternRules,
) -> QueryResult<Option<OnwardFault>> {
    let Some(first) = sample_destination(site, own) else { return Ok(None) };
    let Some(next) = find_matching(connection, &first, patterns)?.into_iter().next() else { return Ok(None) };
    let (mut is_loop, mut step) = (false, Some(next.destination.clone()));
    let mut current = next.rule.item_id == own.item_id;
    for _ in 0..MAX_STEPS {
        is_loop |= current;
        let Some(path) = step.take().filter(|_| !is_loop).and_then(|place| local_destination(site, place)) else {
            break;
        };
        let Some(next) = find_matching(connection, &path, patterns)?.into_iter().next() else { break };
        current = next.rule.item_id == own.item_id;
        step = Some(next.destination);
    }
    let (source, id) = (&next.rule.source, &next.rule.item_id);
    let to = if own.match_type == EXACT { first.encode() } else { own.url.clone() };
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
