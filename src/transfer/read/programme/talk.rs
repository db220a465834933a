//! A session and its speakers, with values as a file has them.

use serde_json::Value;

use super::times::GivenTimes;
use crate::items::record_ids::RecordIds;

/// A link or attachment: title, URL and kind.
pub type LabelledUrl = (Option<String>, String, Option<String>);

/// Adds the addresses that a session has in members of its own, each with its title, unless one of its links has them.
pub fn add_addresses(links: &mut Vec<LabelledUrl>, own: impl IntoIterator<Item = (&'static str, Option<String>)>) {
    for (title, url) in own {
        if let Some(url) = url.filter(|url| !links.iter().any(|(_, known, _)| known == url)) {
            links.push((Some(title.to_owned()), url, None));
        }
    }
}

/// A session, with values as the file has them.
#[derive(Debug, Default)]
pub struct ImportedTalk {
    pub id: String,
    /// The ids that are given out again.
    pub ids: RecordIds,
    pub slug: Option<String>,
    pub locale: Option<String>,
    pub title: Value,
    pub subtitle: Value,
    pub format: Value,
    /// Kind of session, if the file says it by other means than the format.
    pub kind: Option<&'static str>,
    pub abstract_text: Value,
    pub description: Value,
    pub times: GivenTimes,
    pub room: Option<String>,
    pub track: Value,
    pub language: Option<String>,
    pub people: Vec<ProgrammePerson>,
    pub links: Vec<LabelledUrl>,
    pub attachments: Vec<LabelledUrl>,
    /// Recordings whose addresses do not show that they are some.
    pub recordings: Vec<LabelledUrl>,
    pub image: Option<String>,
    /// Whether the session must not be recorded; unknown if it is `None`.
    pub do_not_record: Option<bool>,
    pub recording_license: Option<String>,
}

/// A speaker of a session.
#[derive(Debug, Default, Clone)]
pub struct ProgrammePerson {
    pub id: String,
    /// The ids that are given out again.
    pub ids: RecordIds,
    pub name: String,
    pub biography: Value,
    pub job_title: Value,
    pub affiliation: Value,
    /// Name or code of a country.
    pub country: Option<String>,
    pub portrait: Option<String>,
    /// Part in the session, in the words of the field `role`.
    pub role: Option<String>,
    pub links: Vec<LabelledUrl>,
}
