//! Whether an entry of a programme is part of what the public sees: one rule for all formats, in their own words.

use serde_json::Value;

use super::Programme;
use super::words::{flag, words};
use crate::transfer::read::SinkClosed;

/// Why a member with the state of an entry that is taken has no field.
pub const TAKEN: &str = "it says that the entry is part of the programme";
/// Members with the state of an entry.
const STATES: [&str; 6] = ["state", "status", "event_status", "eventStatus", "session_status", "workflow_state"];
/// States of what is part of a programme. Every other one is not, such as `submitted`, `rejected` and `canceled`.
const PART: [&str; 18] = [
    "accepted",
    "accept",
    "confirmed",
    "approved",
    "selected",
    "published",
    "publish",
    "public",
    "visible",
    "scheduled",
    "rescheduled",
    "moved",
    "eventscheduled",
    "eventrescheduled",
    "eventmovedonline",
    "active",
    "final",
    "finished",
];
/// Members that are false of what is not public.
const PUBLIC: [&str; 14] = [
    "is_public",
    "isPublic",
    "public",
    "is_visible",
    "isVisible",
    "visible",
    "is_published",
    "isPublished",
    "published",
    "is_accepted",
    "isAccepted",
    "accepted",
    "is_approved",
    "approved",
];
/// Members that are true of what is not public.
const HIDDEN: [&str; 31] = [
    "is_hidden",
    "isHidden",
    "hidden",
    "hide_from_listings",
    "is_private",
    "isPrivate",
    "private",
    "is_draft",
    "isDraft",
    "draft",
    "is_deleted",
    "isDeleted",
    "deleted",
    "trashed",
    "is_cancelled",
    "isCancelled",
    "cancelled",
    "is_canceled",
    "isCanceled",
    "canceled",
    "is_withdrawn",
    "isWithdrawn",
    "withdrawn",
    "is_rejected",
    "isRejected",
    "rejected",
    "is_declined",
    "declined",
    "is_unlisted",
    "unlisted",
    "is_archived",
];
/// Members that have a time, or a reason, if the entry is gone.
const GONE: [&str; 4] = ["deleted_at", "cancelled_at", "canceled_at", "withdrawn_at"];
/// Members that say in words who sees the entry, and the words for not everybody.
const AUDIENCE: [&str; 2] = ["visibility", "privacy"];
const NOT_ALL: [&str; 8] =
    ["private", "hidden", "internal", "restricted", "protected", "unlisted", "nowhere", "organizers"];

/// Returns the status of an event, in the words of its field `event_status`.
pub fn status_of(given: &str) -> Option<&'static str> {
    let word = given.rsplit('/').next().unwrap_or(given).trim().to_lowercase().replace([' ', '-', '_'], "");
    Some(match word.strip_prefix("event").unwrap_or(&word) {
        "scheduled" | "confirmed" | "published" | "active" => "scheduled",
        "tentative" => "tentative",
        "cancelled" | "canceled" => "cancelled",
        "postponed" => "postponed",
        "rescheduled" | "moved" => "rescheduled",
        "movedonline" => "moved_online",
        _ => return None,
    })
}

/// Returns whether a member says that an entry is part of the programme.
pub fn is_state(member: &str) -> bool {
    [&STATES[..], &PUBLIC, &HIDDEN, &GONE, &AUDIENCE].iter().any(|names| names.contains(&member))
}

/// Returns why an entry is no part of what the public sees, given its members; `None` if it is part of it.
pub fn why_hidden(given: impl Fn(&str) -> Option<Value>) -> Option<String> {
    let word = |name: &str| words(given(name).filter(|value| !value.is_number()).as_ref(), "");
    for name in STATES {
        let Some(state) = word(name) else { continue };
        let plain = state.rsplit('/').next().unwrap_or(&state).trim().to_lowercase();
        if !PART.contains(&plain.as_str()) {
            return Some(format!("its {name} is \"{state}\""));
        }
    }
    for (names, is_hidden) in [(&PUBLIC[..], false), (&HIDDEN[..], true)] {
        if let Some(name) = names.iter().find(|name| given(name).as_ref().and_then(flag) == Some(is_hidden)) {
            return Some(format!("`{name}` is {is_hidden}"));
        }
    }
    if let Some(name) = GONE.iter().find(|name| word(name).is_some()) {
        return Some(format!("it has `{name}`"));
    }
    let (name, audience) = AUDIENCE.iter().find_map(|name| Some((name, word(name)?)))?;
    NOT_ALL.contains(&audience.to_lowercase().as_str()).then(|| format!("its {name} is \"{audience}\""))
}

impl Programme<'_> {
    /// Returns whether an entry is left out because it is not public, which is noted.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn hides(&self, place: &str, id: &str, given: impl Fn(&str) -> Option<Value>) -> Result<bool, SinkClosed> {
        let Some(why) = why_hidden(given) else { return Ok(false) };
        self.sink.note(place, "/state", "not_public", format!("{id} is left out: {why}"))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_have_a_status() {
        for (given, status) in [
            ("Canceled", Some("cancelled")),
            ("https://schema.org/EventPostponed", Some("postponed")),
            ("EventMovedOnline", Some("moved_online")),
            ("moved-online", Some("moved_online")),
            ("Sold out", None),
        ] {
            assert_eq!(status_of(given), status, "{given}");
        }
    }

    #[test]
    fn only_what_is_public_is_taken() {
        let hidden = |entry: &Value| why_hidden(|name| entry.get(name).cloned());
        for entry in [
            json!({"state": "rejected"}),
            json!({"status": "withdrawn"}),
            json!({"status": "Canceled"}),
            json!({"state": "unconfirmed"}),
            json!({"state": {"name": "Submitted"}}),
            json!({"status": "Accept_Queue"}),
            json!({"eventStatus": "https://schema.org/EventCancelled"}),
            json!({"state": "confirmed", "is_public": false}),
            json!({"is_public": "false"}),
            json!({"visible": 0}),
            json!({"isHidden": true}),
            json!({"cancelled": "yes"}),
            json!({"deleted_at": "2027-01-01T00:00:00Z"}),
            json!({"visibility": "private"}),
        ] {
            assert!(hidden(&entry).is_some(), "{entry}");
        }
        for entry in [
            json!({}),
            json!({"state": null, "status": ""}),
            json!({"state": "confirmed", "is_public": true}),
            json!({"status": "Accepted", "cancelled": false, "deleted_at": null}),
            json!({"state": 5}),
            json!({"eventStatus": "https://schema.org/EventScheduled"}),
            json!({"visibility": {"id": "", "name": "Everywhere"}}),
        ] {
            assert_eq!(hidden(&entry), None, "{entry}");
        }
    }
}
