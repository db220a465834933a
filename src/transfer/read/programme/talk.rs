//! A session and its speakers, with values as a file has them.

use std::sync::Arc;

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
    pub people: Vec<TalkPerson>,
    pub links: Vec<LabelledUrl>,
    pub attachments: Vec<LabelledUrl>,
    /// Recordings whose addresses do not show that they are some.
    pub recordings: Vec<LabelledUrl>,
    pub image: Option<String>,
    /// Whether the session must not be recorded; unknown if it is `None`.
    pub do_not_record: Option<bool>,
    pub recording_license: Option<String>,
}

/// Somebody in a session. What is known of a person is there once, however many sessions refer to it.
#[derive(Debug)]
pub struct TalkPerson {
    pub person: Arc<ProgrammePerson>,
    /// Part in the session, in the words of the field `role`.
    pub role: Option<String>,
}

impl From<Arc<ProgrammePerson>> for TalkPerson {
    fn from(person: Arc<ProgrammePerson>) -> Self {
        Self { person, role: None }
    }
}

impl From<ProgrammePerson> for TalkPerson {
    fn from(person: ProgrammePerson) -> Self {
        Arc::new(person).into()
    }
}

/// A speaker of a programme.
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
    pub links: Vec<LabelledUrl>,
}

/// Greatest length of a name or an id that is kept for what refers to it, in bytes.
const LONGEST_NAME: usize = 1_000;
/// Greatest length of any other text that is kept for what refers to it, in bytes. No field of a speaker holds as much.
const LONGEST_TEXT: usize = 200_000;
/// Greatest number of links of a person that are kept for sessions.
const MOST_LINKS: usize = 60;

impl ProgrammePerson {
    /// Shortens what is longer than any field. Each session sends its speakers, so a text of some megabytes would be there
    /// once for each of them.
    pub fn cut(mut self) -> Self {
        self.id = cut_name(self.id);
        self.name = cut_name(self.name);
        self.country = self.country.map(cut_name);
        for value in [&mut self.biography, &mut self.job_title, &mut self.affiliation] {
            let mut left = LONGEST_TEXT;
            cut_value(value, &mut left);
        }
        self.links.truncate(MOST_LINKS);
        self
    }
}

/// Returns a name without what is beyond the longest one.
pub fn cut_name(mut name: String) -> String {
    cut_text(&mut name, LONGEST_NAME);
    name
}

fn cut_text(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Cuts the texts of a value, of which `left` bytes may be kept.
fn cut_value(value: &mut Value, left: &mut usize) {
    match value {
        Value::String(text) => {
            cut_text(text, *left);
            *left = left.saturating_sub(text.len());
        }
        Value::Array(list) => list.retain_mut(|entry| *left > 0 && keep(entry, 1, left)),
        Value::Object(object) => object.retain(|name, entry| *left > 0 && keep(entry, name.len(), left)),
        _ => {}
    }
}

/// Cuts an entry, which takes some room itself.
fn keep(entry: &mut Value, size: usize, left: &mut usize) -> bool {
    *left = left.saturating_sub(size);
    cut_value(entry, left);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_of_persons_are_cut_where_no_field_holds_them() {
        let short = "ü".repeat(50_000);
        let person = |text: &str| ProgrammePerson {
            name: text.to_owned(),
            biography: json!({"en": text, "fr": "Bref"}),
            links: vec![(None, "https://a.example".to_owned(), None); 100],
            ..ProgrammePerson::default()
        };
        let cut = person(&short).cut();
        assert_eq!((cut.name.len(), cut.links.len()), (LONGEST_NAME, MOST_LINKS));
        assert_eq!(cut.biography, json!({"en": short, "fr": "Bref"}));
        let cut = person(&"ü".repeat(LONGEST_TEXT)).cut();
        assert_eq!(cut.biography, json!({"en": "ü".repeat(LONGEST_TEXT / 2 - 1)}));
    }
}
