//! What words and addresses of a programme mean.

use serde_json::{Map, Value};

use super::times::GivenTimes;
use crate::transfer::read::text_of;

/// Names of what frab says of a session, in XML and in JSON, that are read.
pub const FRAB_SESSION: [&str; 23] = [
    "date",
    "start",
    "end",
    "duration",
    "room",
    "slug",
    "url",
    "title",
    "subtitle",
    "track",
    "type",
    "language",
    "abstract",
    "description",
    "persons",
    "links",
    "attachments",
    "feedback_url",
    "origin_url",
    "logo",
    "video_download_url",
    "do_not_record",
    "recording_license",
];

/// Returns the kind of session that an organiser's own word stands for.
pub fn kind_of(format: &Value) -> &'static str {
    let words = match format {
        Value::Object(map) => map.values().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => text_of(Some(other)).unwrap_or_default(),
    }
    .to_lowercase();
    const KINDS: [(&str, &[&str]); 7] = [
        ("keynote", &["keynote"]),
        ("lightning_talk", &["lightning"]),
        ("workshop", &["workshop", "tutorial", "training", "sprint"]),
        ("panel", &["panel", "round table", "roundtable"]),
        ("break", &["break", "lunch", "coffee", "snack"]),
        ("social", &["social", "party", "dinner", "reception"]),
        ("talk", &["talk", "lecture", "maintrack", "devroom", "plenary", "presentation"]),
    ];
    let known = KINDS.iter().find(|(_, signs)| signs.iter().any(|sign| words.contains(sign)));
    match known {
        Some((kind, _)) => kind,
        None if words.is_empty() => "talk",
        None => "other",
    }
}

/// Returns the medium of a recording, if a URL leads to one.
pub fn medium(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or(url).trim().to_ascii_lowercase();
    match path.rsplit('.').next()? {
        "mp4" | "webm" | "ogv" | "mkv" | "mov" => Some("video"),
        "mp3" | "ogg" | "opus" | "m4a" => Some("audio"),
        _ => None,
    }
}

/// Returns a text that may be given in several languages, in the first of them.
pub fn words(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Object(map) => map.values().find_map(|v| text_of(Some(v))),
        other => text_of(Some(other)),
    }
}

/// Returns the first of several languages, such as `de, en`.
pub fn first_language(given: &str) -> &str {
    given.split([',', ';', '/', '|']).next().unwrap_or_default().trim()
}

/// Returns an id for a session to which the file gives none: its title, and when it begins.
pub fn made_id(title: &Value, times: &GivenTimes) -> Option<String> {
    let start = [times.date.as_deref().unwrap_or(&times.day), times.start.as_deref().unwrap_or_default()];
    Some(format!("{}/{}", words(Some(title))?, start.join(" ").trim()))
}

/// Returns a room of the venue, as the field `rooms` has it.
pub fn room(value: &Value) -> Option<Value> {
    let mut room = Map::from_iter([("name".to_owned(), Value::from(words(value.get("name"))?))]);
    if let Some(capacity) = value.get("capacity").and_then(Value::as_u64) {
        room.insert("capacity".to_owned(), capacity.into());
    }
    if let Some(note) = value.get("description").filter(|note| words(Some(note)).is_some()) {
        room.insert("note".to_owned(), note.clone());
    }
    Some(room.into())
}

/// Returns an object without the members that are null.
pub fn without_null(object: &Map<String, Value>) -> Map<String, Value> {
    object.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_become_kinds() {
        for (word, kind) in [("lightningtalk", "lightning_talk"), ("devroom", "talk"), ("bof", "other"), ("", "talk")] {
            assert_eq!(kind_of(&word.into()), kind);
        }
        assert_eq!(kind_of(&json!({"en": "Lunch", "fr": "Déjeuner"})), "break");
    }
}
