//! What words and addresses of a programme mean.

use serde_json::{Map, Value};

use super::times::GivenTimes;
use crate::transfer::read::text_of;
use crate::transfer::read::yes_no::yes_or_no;

/// Names of what frab, in XML and in JSON, and schedule2 say of a session, that are read.
pub const SESSION: [&str; 22] = [
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

/// Endings of the addresses of pages.
const PAGES: [&str; 7] = ["html", "htm", "xhtml", "php", "asp", "aspx", "jsp"];
/// Kinds of attachments that are links.
const LINKS: [&str; 3] = ["link", "website", "url"];
/// The kind that pretalx writes for every attachment.
const ANY_KIND: &str = "related";

/// Returns whether an attachment is a link to a page, and no document: its kind says so, or there is none and its address
/// is not that of a file. A relative address belongs to the file's own system, which keeps files.
pub fn is_page(url: &str, kind: Option<&str>) -> bool {
    if let Some(kind) = kind.map(str::trim).filter(|kind| !kind.is_empty() && *kind != ANY_KIND) {
        return LINKS.iter().any(|link| kind.eq_ignore_ascii_case(link));
    }
    let Some((_, rest)) = url.trim().split_once("://") else { return false };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let last = path.split_once('/').map_or("", |(_, path)| path.rsplit('/').next().unwrap_or_default());
    let ending = last.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
    let is_file = (1..=5).contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && ending.bytes().any(|byte| byte.is_ascii_alphabetic());
    !is_file || PAGES.contains(&ending.as_str())
}

/// Returns a text that may be given in several languages, or as an object that has it as its name, in that of a locale if it
/// has it, else in the first of them.
pub fn words(value: Option<&Value>, locale: &str) -> Option<String> {
    let value = text_or_name(value?)?;
    let Value::Object(translations) = &value else { return text_of(Some(&value)) };
    if let Some(source) = translations.get("source") {
        return text_of(Some(source));
    }
    let main = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let by = |is_it: &dyn Fn(&str) -> bool| {
        translations.iter().filter(|(tag, _)| is_it(tag)).find_map(|(_, text)| text_of(Some(text)))
    };
    by(&|tag| tag.eq_ignore_ascii_case(locale))
        .or_else(|| by(&|tag| main(tag) == main(locale)))
        .or_else(|| by(&|_| true))
}

/// Returns a text, a text by language or a rich text as it is, and the name or title of any other object. `None` for what
/// is none of them.
pub fn text_or_name(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::String(_) => Some(value.clone()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Object(object) => {
            let name = ["name", "title"].iter().find_map(|name| object.get(*name).filter(|name| !name.is_null()));
            let is_text = object.is_empty() || object.contains_key("source") || is_by_language(object);
            name.map_or_else(|| is_text.then(|| value.clone()), text_or_name)
        }
        Value::Bool(_) | Value::Array(_) => None,
    }
}

/// Codes of languages that are names of members in many programs.
const NO_LANGUAGES: [&str; 9] = ["alt", "img", "key", "raw", "ref", "src", "tag", "uid", "url"];

/// Returns whether the members of an object are texts, each under the tag of its language.
fn is_by_language(object: &Map<String, Value>) -> bool {
    let is_language = |tag: &str| {
        let main = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let by_code = isolang::Language::from_639_1(&main).or_else(|| isolang::Language::from_639_3(&main));
        by_code.is_some() && !NO_LANGUAGES.contains(&tag)
    };
    object.iter().all(|(tag, text)| is_language(tag) && (text.is_string() || text.is_null()))
}

/// Returns whether a value says nothing.
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Words of consent for "no recording", and for its contrary.
const OPT_OUT: [&str; 4] = ["opt-out", "optout", "opt_out", "opted-out"];
const OPT_IN: [&str; 4] = ["opt-in", "optin", "opt_in", "opted-in"];

/// Returns what a value that should be true or false means, in any spelling; `None` if it is neither.
pub fn flag(value: &Value) -> Option<bool> {
    if let Value::Bool(flag) = value {
        return Some(*flag);
    }
    let word = text_of(Some(value))?.to_lowercase().replace(' ', "-");
    let is_in = |words: &[&str]| words.contains(&word.as_str());
    yes_or_no(&word).or_else(|| is_in(&OPT_OUT).then_some(true)).or_else(|| is_in(&OPT_IN).then_some(false))
}

/// Returns the first of several languages, such as `de, en`.
pub fn first_language(given: &str) -> &str {
    given.split([',', ';', '/', '|']).next().unwrap_or_default().trim()
}

/// Returns an id for a session to which the file gives none: its title, and when it begins.
pub fn made_id(title: &Value, times: &GivenTimes) -> Option<String> {
    let start = [times.date.as_deref().unwrap_or(&times.day), times.start.as_deref().unwrap_or_default()];
    Some(format!("{}/{}", words(Some(title), "")?, start.join(" ").trim()))
}

/// Returns a room of the venue, as the field `rooms` has it, with its name in a locale.
pub fn room(value: &Value, locale: &str) -> Option<Value> {
    let mut room = Map::from_iter([("name".to_owned(), Value::from(words(value.get("name"), locale)?))]);
    if let Some(capacity) = capacity(value) {
        room.insert("capacity".to_owned(), capacity.into());
    }
    if let Some(note) = value.get("description").filter(|note| words(Some(note), locale).is_some()) {
        room.insert("note".to_owned(), note.clone());
    }
    Some(room.into())
}

/// Returns the number of seats of a room, which may be a text.
fn capacity(room: &Value) -> Option<u64> {
    let text = text_of(room.get("capacity"))?;
    text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
}

/// Returns the capacity of a room that is said and is no number.
pub fn strange_capacity(room: &Value) -> Option<&Value> {
    room.get("capacity").filter(|given| !is_blank(given) && capacity(room).is_none())
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
    fn pages_are_told_from_documents() {
        for (url, kind, page) in [
            ("https://github.com/river/gauge", None, true),
            ("https://river.example", None, true),
            ("https://river.example/talk/?download=a.pdf", None, true),
            ("https://river.example/v1.2", Some(""), true),
            ("https://river.example/paper.html", None, true),
            ("https://river.example/slides.pdf?v=2", None, false),
            ("https://river.example/deck", Some("slides"), false),
            ("https://river.example/a.pdf", Some("link"), true),
            ("https://river.example/a.pdf", Some("related"), false),
            ("https://river.example/a", Some("related"), true),
            ("/media/river/plan.odp", None, false),
            ("https://river.example/data.tar.gz", None, false),
        ] {
            assert_eq!(is_page(url, kind), page, "{url} {kind:?}");
        }
    }

    #[test]
    fn names_in_several_languages_have_the_one_of_the_site() {
        let name = json!({"de": "Saal", "en": "Hall", "pt-br": "Sala"});
        for (locale, word) in [("en", "Hall"), ("EN-gb", "Hall"), ("pt", "Sala"), ("fr", "Saal"), ("", "Saal")] {
            assert_eq!(words(Some(&name), locale).as_deref(), Some(word), "{locale}");
        }
        assert_eq!(words(Some(&json!({"en": " ", "de": "Saal"})), "en").as_deref(), Some("Saal"));
    }

    #[test]
    fn rooms_have_seats() {
        for (given, seats) in
            [(json!(200), Some(200)), (json!("200"), Some(200)), (json!(80.0), Some(80)), (json!(null), None)]
        {
            let room = json!({"name": "Aula", "capacity": given});
            assert_eq!((capacity(&room), strange_capacity(&room)), (seats, None), "{room}");
        }
        for given in [json!("about 30"), json!(-1), json!(true), json!([5])] {
            let room = json!({"name": "Aula", "capacity": given});
            assert_eq!((capacity(&room), strange_capacity(&room)), (None, Some(&given)), "{room}");
        }
    }

    #[test]
    fn objects_are_names_or_texts_by_language() {
        for (given, name) in [
            (json!({"color": "#123456", "id": 5, "name": "Tr"}), Some(json!("Tr"))),
            (json!({"id": 5, "title": {"en": "Hall", "de": null}}), Some(json!({"en": "Hall", "de": null}))),
            (json!({"pt-br": "Sala", "zh_Hant": "x"}), Some(json!({"pt-br": "Sala", "zh_Hant": "x"}))),
            (json!({"id": "5", "slug": "law"}), None),
            (json!({"url": "https://river.example"}), None),
            (json!({"id": 5}), None),
            (json!(["Law"]), None),
            (json!(7), Some(json!("7"))),
        ] {
            assert_eq!(text_or_name(&given), name, "{given}");
        }
        assert_eq!(words(Some(&json!({"color": "#123456", "name": {"de": "Saal"}})), "en").as_deref(), Some("Saal"));
    }

    #[test]
    fn consent_has_many_spellings() {
        for (given, means) in [
            (json!("true"), Some(true)),
            (json!(1), Some(true)),
            (json!(" Opt out "), Some(true)),
            (json!("0"), Some(false)),
            (json!("opt-in"), Some(false)),
            (json!("perhaps"), None),
            (json!([true]), None),
            (json!(null), None),
        ] {
            assert_eq!(flag(&given), means, "{given}");
        }
    }

    #[test]
    fn words_become_kinds() {
        for (word, kind) in [("lightningtalk", "lightning_talk"), ("devroom", "talk"), ("bof", "other"), ("", "talk")] {
            assert_eq!(kind_of(&word.into()), kind);
        }
        assert_eq!(kind_of(&json!({"en": "Lunch", "fr": "Déjeuner"})), "break");
    }
}
