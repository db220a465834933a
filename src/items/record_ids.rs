//! The ids by which a record is known outside, as its own system writes them. Feeds give them out again, so that whoever
//! follows a calendar or a programme keeps what belongs to its entries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::content::slug::is_id;

/// Greatest length of an id, in bytes. RFC 7986, section 5.3, recommends 255.
const LONGEST: usize = 1_000;
/// Greatest number of an entry of a programme: programs store it with 63 bits.
const GREATEST_NUMBER: u64 = i64::MAX as u64;
/// Beginning of the external ids that are the `UID` of an event.
const CALENDAR: &str = "ics:";

/// The ids of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordIds {
    /// `UID` of a calendar (RFC 5545, section 3.8.4.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// `RECURRENCE-ID` of an occurrence of a series: a date, or a time in UTC (RFC 5545, section 3.8.4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence_id: Option<String>,
    /// UUID of an entry or a person of a programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// Number of an entry or a person of a programme, its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Code of an entry or a person of a programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Acronym of the event of a programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acronym: Option<String>,
    /// UUIDs of the rooms of a venue, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rooms: BTreeMap<String, String>,
}

impl RecordIds {
    /// Returns the ids of an event of a calendar.
    pub fn of_calendar(uid: Option<String>) -> Self {
        Self { uid: uid.filter(|uid| is_plain(uid)), ..Self::default() }
    }

    /// Returns the ids of an occurrence of the series that has these; none without a `RECURRENCE-ID`, or without a `UID`
    /// to which it could belong.
    pub fn occurrence(self, recurrence_id: Option<String>) -> Self {
        match (self.uid, recurrence_id) {
            (Some(uid), Some(id)) => Self { uid: Some(uid), recurrence_id: Some(id), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// Returns the ids of an entry or a person of a programme, from the members `guid`, `id` and `code`. Those that
    /// programs would not take for what they should be are left out.
    pub fn of_programme(member: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            guid: member("guid").filter(|guid| is_id(guid)),
            number: member("id").and_then(|id| id.parse().ok()).filter(|number| *number <= GREATEST_NUMBER),
            code: member("code").filter(|code| is_plain(code)),
            ..Self::default()
        }
    }

    /// Returns the ids that are stored with a source. A source that has none but is the `UID` of an event, as records
    /// have that editors name or earlier programs imported, is one.
    pub fn from_stored(ids: &str, source: &str) -> Self {
        if !ids.is_empty() {
            return serde_json::from_str(ids).unwrap_or_default();
        }
        // What contains a slash may be an occurrence, or an id that counts within its calendar only.
        let uid = source.strip_prefix(CALENDAR).filter(|uid| is_unique(uid) && !uid.contains('/'));
        Self::of_calendar(uid.map(str::to_owned))
    }

    /// Returns whether there are no ids.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns which of the members of an entry of a programme are among the ids.
    pub fn members(&self) -> impl Iterator<Item = &'static str> + use<> {
        let known = [("guid", self.guid.is_some()), ("id", self.number.is_some()), ("code", self.code.is_some())];
        known.into_iter().filter_map(|(name, is_known)| is_known.then_some(name))
    }

    /// Returns the form in which the ids are stored; empty if there are none.
    pub fn to_text(&self) -> String {
        match self.is_empty() {
            true => String::new(),
            false => serde_json::to_string(self).unwrap_or_default(),
        }
    }
}

/// Returns whether a `UID` is unique by itself (RFC 7986, section 5.3). A short one means the same event within its
/// calendar only.
pub fn is_unique(uid: &str) -> bool {
    uid.contains('@') || uid.len() >= 20
}

fn is_plain(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && !id.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_that_programs_take() {
        let of = |guid: &str, id: &str, code: &str| {
            let (guid, id, code) = (guid.to_owned(), id.to_owned(), code.to_owned());
            RecordIds::of_programme(|name| {
                Some(
                    match name {
                        "guid" => &guid,
                        "id" => &id,
                        _ => &code,
                    }
                    .clone(),
                )
            })
        };
        let guid = "0b0c8a2e-0000-4000-8000-000000000001";
        let all = of(guid, "7", "XKQ8JD");
        assert_eq!((all.guid.as_deref(), all.number, all.code.as_deref()), (Some(guid), Some(7), Some("XKQ8JD")));
        assert_eq!(RecordIds::from_stored(&all.to_text(), "x:session/7"), all);
        for ids in [of("7", "a", ""), of("", "-1", "a\nb"), of("", "9223372036854775808", "")] {
            assert_eq!((ids.to_text().as_str(), ids), ("", RecordIds::default()));
        }
    }

    #[test]
    fn some_sources_are_uids() {
        let uid = |source: &str| RecordIds::from_stored("", source).uid;
        assert_eq!(uid("ics:1@example.org").as_deref(), Some("1@example.org"));
        for source in ["ics:club/7", "ics:7", "ics:1@example.org/20270304", "crm:1@example.org", "x:session/1"] {
            assert_eq!(uid(source), None, "{source}");
        }
    }
}
