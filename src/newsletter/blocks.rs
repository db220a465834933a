//! Blocks: the parts of an edition of an issue. Each has a type: a text, the events of a stored query, or one item.

use serde::{Deserialize, Serialize};

use crate::content::Site;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::delivery::query::parser::QueryParser;
use crate::delivery::query::{ListQuery, Pairs};
use crate::delivery::viewer::Viewer;

/// Collection whose items a stored query finds.
pub const EVENTS: &str = "events";
/// Number of events of a stored query without a limit of its own.
const USUAL_EVENTS: i64 = 5;
/// Parameters that a stored query does not take, since the block decides them.
pub const DECIDED: [&str; 9] = ["locale", "limit", "offset", "cursor", "fields", "include", "view", "status", "detail"];

/// A block as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// `text`, `events` or `item`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Heading, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
    /// Text in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Query of events, as in the address of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Greatest number of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Collection of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Id or slug of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// An edition of an issue: the issue in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Language.
    pub locale: String,
    /// Subject, one line.
    pub subject: String,
    /// Preview text, which mail programs show beside the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_text: Option<String>,
    /// The blocks, in their order.
    pub blocks: Vec<Block>,
}

/// Names of the types of blocks.
pub const BLOCK_TYPES: [&str; 3] = ["text", EVENTS, "item"];

impl Block {
    /// Adds a violation for each member that has no effect in a block of this type.
    fn check_members(&self, pointer: &str, violations: &mut Violations) {
        let members = [
            ("query", self.query.is_some(), EVENTS),
            ("limit", self.limit.is_some(), EVENTS),
            ("collection", self.collection.is_some(), "item"),
            ("item", self.item.is_some(), "item"),
        ];
        for (name, _, kind) in members.into_iter().filter(|(_, is_given, kind)| *is_given && *kind != self.kind) {
            let message = format!("only a block of the type \"{kind}\" has this");
            violations.add(format!("{pointer}/{name}"), "not_allowed", message);
        }
    }

    /// Adds the violations of a block, with pointers below `pointer`.
    pub fn check(&self, site: &Site, pointer: &str, violations: &mut Violations) {
        self.check_members(pointer, violations);
        let mut need = |name: &str, value: Option<&str>| {
            if value.is_none() {
                let message = format!("a block of the type \"{}\" needs this", self.kind);
                violations.add(format!("{pointer}/{name}"), "required", message);
            }
        };
        match self.kind.as_str() {
            "text" => need("text", self.text.as_deref()),
            "item" => {
                need("collection", self.collection.as_deref());
                need("item", self.item.as_deref());
            }
            _ => {
                let mut wrong = Violations::new();
                self.list_query(site, site.default_locale(), &[], &mut wrong);
                for violation in wrong.into_vec() {
                    let message = format!("{}: {}", violation.pointer, violation.message);
                    violations.add(format!("{pointer}/query"), &violation.code, message);
                }
            }
        }
    }

    /// Returns the stored query in a language; none if there is no collection of events.
    pub fn list_query(
        &self,
        site: &Site,
        locale: &str,
        cursor_key: &[u8],
        violations: &mut Violations,
    ) -> Option<(&'static ContentType, ListQuery)> {
        let content_type = crate::content_types::ALL.iter().find(|known| known.collection == EVENTS).copied()?;
        let query = self.query.as_deref().unwrap_or_default().trim_start_matches('?');
        let mut pairs: Pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (name, _) in pairs.iter().filter(|(name, _)| DECIDED.contains(&name.as_str())) {
            violations.add(format!("?{name}"), "unknown_parameter", "the block decides this; leave the parameter out");
        }
        pairs.retain(|(name, _)| !DECIDED.contains(&name.as_str()));
        pairs.push(("locale".to_owned(), locale.to_owned()));
        let mut list = QueryParser { content_type, site, viewer: &Viewer::Public, violations }.list(&pairs, cursor_key);
        list.limit = self.limit.unwrap_or(USUAL_EVENTS);
        Some((content_type, list))
    }
}
