//! Checks of redirects that become public: no two have the same source, and none leads to what another one redirects.
//!
//! A prefix or a pattern leads to many paths. It is examined by a sample: a path with a word for each placeholder that no
//! other source has. So it is refused if another redirect takes what it leads to in general, and not if another one takes a
//! few of these paths only. Those are followed when they are resolved ([`crate::delivery::redirects`]).

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::content::path_pattern::{Captures, PathPattern, SitePath};
use crate::content::violation::Violations;
use crate::content_types::REDIRECT;
use crate::content_types::redirects::{DESTINATION, EXACT, MATCH_TYPE, PATTERN, PREFIX, SOURCE};
use crate::database::Db;
use crate::database::schema::redirect_rules;
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
    if item.kind != REDIRECT.kind || !item.live {
        return Ok(());
    }
    let stored = redirect_rules::table.find(&item.id).select(RedirectRule::as_select()).first(connection);
    let Some(own) = stored.optional()? else { return Ok(()) };
    require_free(connection, &own)?;
    let wide = wide(connection)?;
    if own.match_type != EXACT && wide.len() > MAX_WIDE {
        let message = format!("there are {MAX_WIDE} public redirects of prefixes and patterns already");
        return Err(Problem::invalid(Violations::one(format!("/{MATCH_TYPE}"), "too_many", message)));
    }
    let mut faults = Violations::new();
    if let Some(fault) = onward(connection, site, &own)? {
        let place = format!("/{DESTINATION}/url");
        faults.add(place, if fault.is_loop { "loop" } else { "chain" }, fault.message);
    } else if let Some(other) = leading_to(connection, site, &own, wide)? {
        let message = format!(
            "the redirect of \"{}\" ({}) leads to \"{}\": let it lead to the destination of this one first",
            other.source, other.item_id, own.source
        );
        faults.add(format!("/{SOURCE}"), "chain", message);
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// Refuses a source that another public redirect has.
fn require_free(connection: &mut Db, own: &RedirectRule) -> Result<(), Problem> {
    let same = redirect_rules::key.eq(&own.key).and(redirect_rules::match_type.eq(&own.match_type));
    let other: Option<(String, String)> = redirect_rules::table
        .filter(same.and(redirect_rules::item_id.ne(&own.item_id)))
        .select((redirect_rules::item_id, redirect_rules::source))
        .first(connection)
        .optional()?;
    let Some((id, source)) = other else { return Ok(()) };
    let message = format!("the public redirect of \"{source}\" ({id}) has this source");
    let faults = Violations::one(format!("/{SOURCE}"), "taken", message.clone());
    Err(Problem::new(ProblemKind::Conflict, message).with(faults.into_vec()))
}

/// What is wrong with the place to which a redirect leads.
struct OnwardFault {
    is_loop: bool,
    message: String,
}

/// Returns what is wrong if another redirect, or the same one, takes what this one leads to.
fn onward(connection: &mut Db, site: &Site, own: &RedirectRule) -> QueryResult<Option<OnwardFault>> {
    let Some(first) = sample_destination(site, own) else { return Ok(None) };
    let patterns = PatternRules::load(connection)?;
    let Some(next) = matching(connection, &first, &patterns)?.into_iter().next() else { return Ok(None) };
    let (mut is_loop, mut step) = (false, Some(next.destination.clone()));
    let mut current = next.rule.item_id == own.item_id;
    for _ in 0..MAX_STEPS {
        is_loop |= current;
        let Some(path) = step.take().filter(|_| !is_loop).and_then(|place| local_destination(site, place)) else {
            break;
        };
        let Some(next) = matching(connection, &path, &patterns)?.into_iter().next() else { break };
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

/// Returns a redirect that leads to what this one redirects. `wide` has those whose sources are prefixes or patterns.
fn leading_to(
    connection: &mut Db,
    site: &Site,
    own: &RedirectRule,
    wide: Vec<RedirectRule>,
) -> QueryResult<Option<RedirectRule>> {
    let others = redirect_rules::table.filter(redirect_rules::item_id.ne(&own.item_id));
    let others = others.select(RedirectRule::as_select());
    let to_one: Vec<RedirectRule> = match own.match_type.as_str() {
        EXACT => others.filter(redirect_rules::leads_to.eq(&own.key)).limit(1).load(connection)?,
        _ => others.filter(redirect_rules::leads_to.ne("")).load(connection)?,
    };
    let is_taken = |rule: &RedirectRule| SitePath::parse(&rule.leads_to).is_some_and(|path| takes(own, &path));
    if let Some(found) = to_one.into_iter().find(is_taken) {
        return Ok(Some(found));
    }
    let leads_here = |rule: &RedirectRule| {
        rule.item_id != own.item_id && sample_destination(site, rule).is_some_and(|path| takes(own, &path))
    };
    Ok(wide.into_iter().find(leads_here))
}

/// Returns whether the source of a rule matches a path.
fn takes(rule: &RedirectRule, path: &SitePath) -> bool {
    match rule.match_type.as_str() {
        PATTERN => PathPattern::parse(&rule.source).is_ok_and(|pattern| pattern.matches(path).is_some()),
        PREFIX => path.keys_above().contains(&rule.key),
        _ => rule.key == path.key(),
    }
}

/// Returns the path to which a rule leads a sample of what it matches; `None` if that is not on the website.
fn sample_destination(site: &Site, rule: &RedirectRule) -> Option<SitePath> {
    let (path, captures) = match rule.match_type.as_str() {
        PATTERN => {
            let pattern = PathPattern::parse(&rule.source).ok()?;
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
