//! The revision of a text that is made of several items: an event is shown with the names of its venue, speakers and
//! topics, and changes with each of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{text, time};

/// Weight of a change of an item itself in its sequence number. It exceeds the number of changes of all items that one
/// refers to, so that the number grows even if the change removes the references to all of them.
const OWN_WEIGHT: i64 = 10_000;

/// Weight of a change of a session in the sequence number that it has in calendars. It exceeds the number of its event, so that
/// the number grows even if the session moves to an event that has changed less. After 1,073 changes of a session the number
/// is the greatest that calendars have (RFC 5545, section 3.3.8), and stays.
const SESSION_WEIGHT: i64 = 2_000_000;

/// The changes of all items to which an item refers, whether they are public or have been.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinkedChanges {
    /// Time of the last change (µs).
    pub changed_at: i64,
    /// Number of changes.
    pub count: i64,
}

/// The changes of what items refer to, by id of the item, and what only the history tells about events.
#[derive(Debug, Default)]
pub struct Revisions {
    pub linked: HashMap<String, LinkedChanges>,
    /// The starts of rescheduled events before they were changed, as texts of RFC 3339 or dates.
    pub previous_starts: HashMap<String, String>,
}

impl Revisions {
    fn linked_changes(&self, item: &Value) -> LinkedChanges {
        text(item, "id").and_then(|id| self.linked.get(id)).copied().unwrap_or_default()
    }

    /// Returns the time of the last change of an item and of everything with which it is shown.
    pub fn changed_at(&self, item: &Value) -> DateTime<Utc> {
        let own = time(item, "updated_at").map(|at| at.to_utc()).unwrap_or_default();
        own.max(DateTime::from_timestamp_micros(self.linked_changes(item).changed_at).unwrap_or_default())
    }

    /// Returns the number of the revision of an item, which grows with each of these changes (RFC 5546, section 2.1.4).
    ///
    /// It counts the versions of all items. It does not depend on the time, so a preview shows the same number as the
    /// calendar that it previews.
    pub fn sequence(&self, item: &Value) -> i64 {
        own_changes(item).saturating_mul(OWN_WEIGHT).saturating_add(self.linked_changes(item).count)
    }

    /// Returns the number of the revision of a session that is shown with its event. It grows with each change of either.
    /// After 200 changes of the event it only grows with those of the session, for it must never fall (RFC 5545, section
    /// 3.8.7.4).
    pub fn sequence_of_session(&self, session: &Value, event: &Value) -> i64 {
        let linked = self.sequence(event).saturating_add(self.linked_changes(session).count);
        own_changes(session).saturating_mul(SESSION_WEIGHT).saturating_add(linked.min(SESSION_WEIGHT - 1))
    }

    /// Returns the start of a rescheduled event before it was changed.
    pub fn previous_start(&self, event: &Value) -> Option<&str> {
        self.previous_starts.get(text(event, "id")?).map(String::as_str)
    }
}

/// Returns the number of changes of an item itself.
fn own_changes(item: &Value) -> i64 {
    item.get("version").and_then(Value::as_i64).unwrap_or(1) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_revision_grows_with_every_change() {
        let of = |version: i64, count: i64, changed_at: i64| {
            let event = json!({"id": "a", "version": version, "updated_at": "2027-01-01T00:00:00Z"});
            let linked = [("a".to_owned(), LinkedChanges { changed_at, count })].into();
            let revisions = Revisions { linked, ..Revisions::default() };
            (revisions.sequence(&event), revisions.changed_at(&event))
        };
        assert_eq!(of(1, 0, 0).0, 0);
        assert!(of(1, 1, 0).0 > of(1, 0, 0).0, "the venue has another name");
        assert!(of(2, 0, 0).0 > of(1, 300, 0).0, "and then it is another venue");
        let later = 1_900_000_000_000_000;
        assert_eq!(of(1, 1, later).1.timestamp_micros(), later);
        assert_eq!(of(1, 1, 5).1.to_rfc3339(), "2027-01-01T00:00:00+00:00");
    }

    #[test]
    fn the_revision_of_a_session_never_falls() {
        let of = |session: i64, speakers: i64, event: i64, venue: i64| {
            let linked = |count| LinkedChanges { changed_at: 0, count };
            let linked = [("s".to_owned(), linked(speakers)), ("e".to_owned(), linked(venue))].into();
            let revisions = Revisions { linked, ..Revisions::default() };
            let (session, event) = (json!({"id": "s", "version": session}), json!({"id": "e", "version": event}));
            revisions.sequence_of_session(&session, &event)
        };
        assert_eq!(of(1, 0, 1, 0), 0);
        assert!(of(1, 1, 1, 0) > of(1, 0, 1, 0) && of(1, 0, 1, 1) > of(1, 0, 1, 0));
        assert!(of(1, 0, 2, 0) > of(1, 0, 1, 300), "the event has another venue");
        assert!(of(2, 0, 1, 0) > of(1, 300, 90, 300), "the session is part of another event");
        assert!(of(2, 0, 1, 0) > of(1, 300, 9_000, 300));
        assert!(of(1, 0, 9_001, 0) >= of(1, 300, 9_000, 300));
        assert!(of(1_000, 0, 1, 0) < i64::from(i32::MAX));
    }
}
