//! The public redirects whose sources are prefixes or patterns, as the checks of other redirects compare them: loaded once for
//! a write of several redirects, and kept up to date within its transaction.

use std::cell::RefCell;
use std::collections::HashSet;

use diesel::result::QueryResult;

use crate::content::Site;
use crate::content::path_pattern::{Captures, SitePath};
use crate::content_types::redirects::{EXACT, PATTERN, PREFIX};
use crate::database::Db;
use crate::items::redirects::{PatternRules, RedirectRule, RuleDestination, load_wide, local_path};

/// Word of samples: a character for private use, which no path of a website has.
const SAMPLE: &str = "\u{f8ff}";

/// A redirect that leads to a path of the website, always or in general.
#[derive(Debug)]
pub struct PathRedirect {
    /// Key of the path.
    pub key: String,
    pub path: SitePath,
    pub item_id: String,
    pub source: String,
}

impl PathRedirect {
    /// Returns where a prefix or a pattern leads a sample, if that is on the website.
    fn of(site: &Site, rule: &RedirectRule) -> Option<Self> {
        let path = sample_destination(site, rule)?;
        Some(Self { key: path.key(), path, item_id: rule.item_id.clone(), source: rule.source.clone() })
    }
}

/// The public redirects whose sources are prefixes or patterns.
#[derive(Debug)]
pub struct WideRules {
    ids: HashSet<String>,
    patterns: PatternRules,
    /// Where samples of them lead.
    samples: Vec<PathRedirect>,
}

/// The samples that are compared.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// All of them.
    All,
    /// Those that prefixes and patterns can take whose paths have keys that begin with this text; `None` if redirects of one
    /// path alone are checked.
    Below(Option<&'a str>),
}

impl WideRules {
    /// Loads the redirects.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn load(connection: &mut Db, site: &Site, samples: Samples<'_>) -> QueryResult<Self> {
        let rules = load_wide(connection)?;
        // A path that has the word of samples is no source. So a redirect of one path alone meets no other samples.
        let is_compared = |rule: &&RedirectRule| match samples {
            Samples::All => true,
            Samples::Below(start) => !leads_by_path(rule) || start.is_some_and(|start| may_lead(rule, start)),
        };
        let samples = rules.iter().filter(is_compared).filter_map(|rule| PathRedirect::of(site, rule)).collect();
        let ids = rules.iter().map(|rule| rule.item_id.clone()).collect();
        Ok(Self { ids, samples, patterns: PatternRules::of(rules) })
    }

    /// Returns the number of the redirects.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Returns those of them whose sources are patterns.
    pub fn patterns(&self) -> &PatternRules {
        &self.patterns
    }

    /// Returns where samples of them lead.
    pub fn samples(&self) -> &[PathRedirect] {
        &self.samples
    }

    /// Replaces the rule of a redirect by the one that it has now, if it is public.
    fn note(&mut self, site: &Site, item_id: &str, rule: Option<RedirectRule>) {
        if self.ids.remove(item_id) {
            self.samples.retain(|sample| sample.item_id != item_id);
            self.patterns.remove(item_id);
        }
        if let Some(rule) = rule.filter(|rule| rule.match_type != EXACT) {
            self.ids.insert(rule.item_id.clone());
            self.samples.extend(PathRedirect::of(site, &rule));
            self.patterns.insert(rule);
        }
    }
}

/// What the checks of redirects in one transaction have loaded.
#[derive(Debug, Default)]
pub struct RedirectMemo(RefCell<Option<WideRules>>);

impl RedirectMemo {
    /// Passes the redirects to a check; they are loaded unless they are known.
    ///
    /// # Errors
    ///
    /// Fails if the query fails, and as the check does.
    pub fn with_wide<T>(
        &self,
        connection: &mut Db,
        site: &Site,
        check: impl FnOnce(&mut Db, &WideRules) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let mut known = self.0.borrow_mut();
        let wide = match known.take() {
            Some(wide) => wide,
            None => WideRules::load(connection, site, Samples::All)?,
        };
        check(connection, known.insert(wide))
    }

    /// Takes up the rule with which a redirect was stored; `None` if it is not public.
    pub fn note(&self, site: &Site, item_id: &str, rule: Option<RedirectRule>) {
        if let Some(known) = &mut *self.0.borrow_mut() {
            known.note(site, item_id, rule);
        }
    }

    /// Forgets what was loaded: redirects were written of which this was not told, or a write was undone.
    pub fn forget(&self) {
        *self.0.borrow_mut() = None;
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

/// Returns the path to which a rule leads a sample of what it matches; `None` if that is not on the website.
pub fn sample_destination(site: &Site, rule: &RedirectRule) -> Option<SitePath> {
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
            (SitePath::from_segments(segments), Captures::new())
        }
        _ => (SitePath::parse(&rule.source)?, Captures::new()),
    };
    local_destination(site, rule.destination(&path, &captures))
}

/// Returns the path of the website to which a rule leads; `None` if it leads elsewhere, to an item or to nothing.
pub fn local_destination(site: &Site, destination: RuleDestination) -> Option<SitePath> {
    match destination {
        RuleDestination::Address(address) => local_path(site, &address),
        RuleDestination::Gone | RuleDestination::Item(_) => None,
    }
}
