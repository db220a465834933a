//! Segments: to which subscribers an issue goes.

use std::collections::{HashMap, HashSet};

use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};

use super::subscribers::{Subscriber, SubscriberFilter, SubscriberStatus, list, topics_of};
use crate::database::Db;

/// A segment. Every condition that is not empty must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Languages of subscribers.
    #[serde(default)]
    pub locales: Vec<String>,
    /// Ids of topics, of which subscribers chose one; those who chose none are interested in all.
    #[serde(default)]
    pub topics: Vec<String>,
}

impl Segment {
    /// Returns the subscribers of the segment among the next `limit` confirmed ones after an id, and the id of the last one
    /// that was looked at; none at the end.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn next_page(
        &self,
        connection: &mut Db,
        after: &str,
        limit: i64,
    ) -> QueryResult<(Vec<Subscriber>, Option<String>)> {
        let status = Some(SubscriberStatus::Confirmed.name().to_owned());
        let filter = SubscriberFilter { status, email: None, after: Some(after.to_owned()) };
        let mut rows = list(connection, &filter, limit)?;
        let last = rows.last().map(|row| row.id.clone());
        rows.retain(|row| self.locales.is_empty() || self.locales.contains(&row.locale));
        if !self.topics.is_empty() && !rows.is_empty() {
            let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
            let mut chosen: HashMap<String, HashSet<String>> = HashMap::new();
            for (id, topic) in topics_of(connection, &ids)? {
                chosen.entry(id).or_default().insert(topic);
            }
            rows.retain(|row| {
                chosen.get(&row.id).is_none_or(|own| self.topics.iter().any(|topic| own.contains(topic)))
            });
        }
        Ok((rows, last))
    }
}
