//! The bodies of requests that write issues of the newsletter.

use serde_json::Value;

use super::topic_ids;
use crate::api::filter_parameters::sort_and_filter_parameters;
use crate::content::Site;
use crate::content::field::{Field, FieldType};
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::ALL;
use crate::database::Db;
use crate::items::ItemScope;
use crate::newsletter::blocks::{Block, DECIDED, EVENTS};
use crate::newsletter::issue_fields::{self, check_items};
use crate::newsletter::issues::IssueChange;
use crate::problem::Problem;

/// Fields of the body that sends an issue.
pub static ISSUE_SENDING: [Field; 1] = [Field::new(
    "send_at",
    FieldType::Instant,
    "Time at which the issue is sent, in the future: local time of the site, or RFC 3339 with a UTC offset. Without it, the \
     issue is sent now.",
    r#""2027-03-01T09:00""#,
)];

/// The content of a request body about an issue, with the topics as they are given.
#[derive(Clone)]
pub struct IssueForm(IssueChange);

impl IssueForm {
    /// Reads a body.
    ///
    /// # Errors
    /// 422 with all violations.
    pub fn read(site: &Site, fields: &'static [Field], input: &Value) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let change = issue_fields::read(site, fields, input, &mut violations);
        for (position, edition) in change.editions.iter().flatten().enumerate() {
            for (number, block) in edition.blocks.iter().enumerate() {
                check_names(block, &format!("/editions/{position}/blocks/{number}"), &mut violations);
            }
        }
        if violations.is_empty() { Ok(Self(change)) } else { Err(Problem::invalid(violations)) }
    }

    /// Returns the change, with the ids of its topics.
    ///
    /// # Errors
    /// 422 if a topic or the item of a block does not exist.
    pub fn resolve(self, connection: &mut Db) -> Result<IssueChange, Problem> {
        let Self(mut change) = self;
        let mut violations = Violations::new();
        check_items(connection, change.editions.as_deref().unwrap_or_default(), &mut violations)?;
        if !violations.is_empty() {
            return Err(Problem::invalid(violations));
        }
        if let Some(segment) = &mut change.segment {
            segment.topics = topic_ids(connection, &segment.topics, "/segment/topics", ItemScope::Present)?;
        }
        Ok(change)
    }
}

/// Adds a violation for each parameter of a stored query that a list does not have.
fn check_names(block: &Block, pointer: &str, violations: &mut Violations) {
    let events = ALL.iter().find(|content_type| content_type.collection == EVENTS);
    let (Some(events), Some(query)) = (events, &block.query) else { return };
    let known: Vec<String> = sort_and_filter_parameters(events).into_iter().map(|parameter| parameter.name).collect();
    for (name, _) in url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
        if !DECIDED.contains(&&*name) && !known.contains(&name.clone().into_owned()) {
            let message = unknown_name_message("parameter", &name, known.iter().map(String::as_str));
            violations.add(format!("{pointer}/query"), "unknown_parameter", message);
        }
    }
}
