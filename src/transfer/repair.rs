//! The repair of records: what a rule refuses is left out or shortened, so that one bad detail does not cost the
//! record. What makes the item what it is, such as its title and its date, is never left out.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value};

use crate::content::field::{Field, FieldType, ObjectType};
use crate::content::local_time::{end_of_day, rfc3339};
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::time_zone::{LocalOffsets, Zone};

/// Greatest number of characters of a value that a note names.
const MOST_NAMED: usize = 80;

/// Changes the body of a record so that the violations do not occur any more. `zone` is that of times whose item names none,
/// and `own` tells whether a field is part of
/// the record; other fields are those of the item, which a record does not change. Returns a note for each change.
///
/// # Errors
/// Returns the violations if one of them concerns what makes the item what it is; the body is then unchanged.
pub fn repair(
    (content_type, zone): (&'static ContentType, Zone),
    body: &mut Map<String, Value>,
    own: impl Fn(&str) -> bool,
    faults: Vec<Violation>,
) -> Result<Vec<Violation>, Vec<Violation>> {
    if faults.is_empty() {
        return Ok(Vec::new());
    }
    let zone = body.get("time_zone").and_then(Value::as_str).map_or(Some(zone), |name| name.parse().ok());
    let mut notes = Vec::with_capacity(faults.len());
    let mut changed = body.clone();
    for fault in &faults {
        let place = Place::of(fault);
        if is_consequence(fault, &faults) {
            continue;
        }
        // What another fault removed as a whole breaks no rule any more.
        if place.as_ref().is_some_and(|place| body.contains_key(&place.field) && !changed.contains_key(&place.field)) {
            continue;
        }
        // The whole day is what its dates do not say; the times are what they do.
        if fault.code == "not_a_date" && body.contains_key("all_day") {
            notes.extend(changed.shift_remove("all_day").map(|_| no_whole_day(fault)));
            continue;
        }
        let repaired = place.as_ref().filter(|place| own(&place.field)).and_then(|place| {
            let field = content_type.fields.iter().find(|field| field.name == place.field);
            match field {
                Some(field) => place.repair(field, &mut changed, zone, fault),
                None => changed.shift_remove(&place.field).map(|_| left_out(fault, None)),
            }
        });
        match repaired {
            Some(note) => notes.push(note),
            None => return Err(faults),
        }
    }
    sweep(&mut changed);
    *body = changed;
    Ok(notes)
}

/// Returns whether a value is missing only because the one that is there breaks another rule. When that one is repaired,
/// it is there; when it is left out, the next validation misses it.
fn is_consequence(fault: &Violation, faults: &[Violation]) -> bool {
    let is_within =
        |other: &Violation| other.pointer.strip_prefix(&fault.pointer).is_some_and(|rest| rest.starts_with('/'));
    fault.code == "required" && faults.iter().any(is_within)
}

/// Removes the entries of lists that were marked, and lists and objects without any.
fn sweep(body: &mut Map<String, Value>) {
    for value in body.values_mut() {
        if let Value::Array(list) = value {
            list.retain(|entry| !entry.is_null());
        }
    }
    body.retain(|_, value| match value {
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => true,
    });
}

/// Returns the note that a value is left out, with the value if it is a short text that the rule does not name.
fn left_out(fault: &Violation, given: Option<&str>) -> Violation {
    let is_short = |text: &&str| text.chars().count() <= MOST_NAMED && !text.chars().any(char::is_control);
    let named = given.filter(is_short).filter(|text| !text.trim().is_empty() && !fault.message.contains(*text));
    let named = named.map_or(String::new(), |text| format!("\"{text}\": "));
    Violation { message: format!("left out: {named}{}", fault.message), ..fault.clone() }
}

/// Returns the note that an item is not all day because a time has a time of day.
fn no_whole_day(fault: &Violation) -> Violation {
    let field = fault.pointer.trim_start_matches('/');
    let message = format!("left out: {field} has a time of day, which is taken");
    Violation { pointer: "/all_day".to_owned(), code: fault.code.clone(), message }
}

/// The place of a violation.
struct Place {
    /// Field of the item.
    field: String,
    /// Path within its value.
    path: Vec<String>,
}

impl Place {
    fn of(fault: &Violation) -> Option<Self> {
        let mut parts =
            fault.pointer.strip_prefix('/')?.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
        Some(Self { field: parts.next()?, path: parts.collect() })
    }

    fn repair(
        &self,
        field: &'static Field,
        body: &mut Map<String, Value>,
        zone: Option<Zone>,
        fault: &Violation,
    ) -> Option<Violation> {
        let value = body.get_mut(&self.field)?;
        let given = text_at(value, &self.path).cloned();
        let left_out = |fault: &Violation| left_out(fault, given.as_deref());
        if let Some(text) = text_at(value, &self.path)
            && let Some(message) = amend(text, max_length(field, &self.path), zone, &fault.code)
        {
            return Some(Violation { message, ..fault.clone() });
        }
        if fault.code == "too_many"
            && let (FieldType::List { max, .. }, Value::Array(list)) = (&field.kind, &mut *value)
        {
            list.truncate(*max);
            return Some(Violation {
                message: format!("{}; the first {max} are taken", fault.message),
                ..fault.clone()
            });
        }
        if !prune(field, value, &self.path) {
            return Some(left_out(fault));
        }
        if is_essential(field) {
            return None;
        }
        body.shift_remove(&self.field).map(|_| left_out(fault))
    }
}

/// Returns whether an item is not itself without the field.
fn is_essential(field: &Field) -> bool {
    field.required || field.essential || matches!(field.kind, FieldType::Moment { end: false })
}

/// Returns the value at a path within a value; a rich text is its source.
fn text_at<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut String> {
    let found = path.iter().try_fold(value, |value, part| match value {
        Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
        Value::Object(object) => object.get_mut(part),
        _ => None,
    })?;
    match found {
        Value::String(text) => Some(text),
        Value::Object(object) => match object.get_mut("source") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Changes a text that is too long or a time that its zone does not have in this form. Returns what was done.
fn amend(text: &mut String, max: Option<usize>, zone: Option<Zone>, code: &str) -> Option<String> {
    if code == "too_long" {
        let max = max?;
        let length = text.chars().count();
        *text = shorten_text(text, max);
        return Some(format!("shortened from {length} to at most {max} characters"));
    }
    if code == "not_a_time" {
        // The end of an item that starts at a time: a day lasts until the midnight after it.
        let zone = zone?;
        let written = rfc3339(&end_of_day(text.parse().ok()?, zone));
        let message = format!("the item starts at a time; its end, the date {text}, is read as {written}");
        *text = written;
        return Some(message);
    }
    if !matches!(code, "ambiguous_time" | "nonexistent_time" | "wrong_offset") {
        return None;
    }
    let written = settle_time(text, zone?)?;
    let message = format!("\"{text}\" is read as \"{written}\"");
    *text = written;
    Some(message)
}

/// Returns the greatest length of the text at a path within the value of a field.
fn max_length(field: &Field, path: &[String]) -> Option<usize> {
    let path = if field.localised { path.get(1..).unwrap_or_default() } else { path };
    let member = |object: &'static ObjectType, path: &[String]| {
        let (name, rest) = path.split_first()?;
        max_length(object.fields.iter().find(|field| field.name == name)?, rest)
    };
    match &field.kind {
        FieldType::Line { max } | FieldType::Text { max } | FieldType::Rich { max } => Some(*max),
        FieldType::Object(object) => member(object, path),
        FieldType::List { of: FieldType::Object(object), .. } => member(object, path.get(1..)?),
        _ => None,
    }
}

/// Returns the beginning of a text with at most `max` characters, which ends with a whole word where there is one in
/// its second half, and with an ellipsis.
pub fn shorten_text(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let end = text.char_indices().nth(max.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    let start = &text[..end];
    let word = start.rfind(char::is_whitespace).filter(|at| *at > end / 2).unwrap_or(end);
    format!("{}…", start[..word].trim_end_matches(|c: char| c.is_whitespace() || ",;:–-".contains(c)))
}

/// Returns a time as its zone has it. A local time that occurs twice is the first one, a local time within a gap has
/// the offset from before the gap (RFC 5545, section 3.3.5), and a time with another offset stays the same instant.
fn settle_time(text: &str, zone: Zone) -> Option<String> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(rfc3339(&instant.with_timezone(&zone)));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    let offset = match zone.clock_at(local) {
        LocalOffsets::Once(offset) | LocalOffsets::Twice(offset, _) | LocalOffsets::Skipped(offset, _) => offset,
    };
    Some(rfc3339(&zone.instant_at(local, offset)))
}

/// Removes the value at a path within the value of a field. Returns whether the value of the field must be removed as
/// a whole. Entries of lists become null, so that the positions of the others stay.
fn prune(field: &'static Field, value: &mut Value, path: &[String]) -> bool {
    let Some((locale, rest)) = path.split_first().filter(|_| field.localised) else {
        return prune_value(&field.kind, value, path);
    };
    let Value::Object(translations) = value else { return true };
    if let Some(translation) = translations.get_mut(locale)
        && prune_value(&field.kind, translation, rest)
    {
        translations.shift_remove(locale);
    }
    translations.is_empty()
}

fn prune_value(kind: &'static FieldType, value: &mut Value, path: &[String]) -> bool {
    let Some((part, rest)) = path.split_first() else { return true };
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => {
            let fields = kind.object_type(object).map_or(&[][..], |declared| declared.fields);
            let Some(field) = fields.iter().find(|field| field.name == part) else {
                object.shift_remove(part);
                return object.is_empty();
            };
            if object.get_mut(part).is_none_or(|member| prune(field, member, rest)) {
                object.shift_remove(part);
                return field.required || matches!(field.kind, FieldType::Reference(_)) || object.is_empty();
            }
            false
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            if let Some(entry) = part.parse::<usize>().ok().and_then(|index| list.get_mut(index))
                && !entry.is_null()
                && prune_value(of, entry, rest)
            {
                *entry = Value::Null;
            }
            list.iter().all(Value::is_null)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Repairs a body. Returns whether that was possible.
    fn is_repaired(kind: &str, body: &mut Value, faults: &[(&str, &str)]) -> bool {
        let content_type = ContentType::of_kind(kind).unwrap();
        let fault = |(pointer, code): &(&str, &str)| Violation {
            pointer: (*pointer).to_owned(),
            code: (*code).to_owned(),
            message: String::new(),
        };
        let faults = faults.iter().map(fault).collect();
        match repair((content_type, Zone::utc()), body.as_object_mut().unwrap(), |_| true, faults) {
            Ok(notes) => {
                assert!(!notes.is_empty());
                true
            }
            Err(_) => false,
        }
    }

    fn repair_body(kind: &str, mut body: Value, faults: &[(&str, &str)]) -> Value {
        assert!(is_repaired(kind, &mut body, faults), "{faults:?}");
        body
    }

    #[test]
    fn details_are_left_out_and_nothing_more() {
        let venue = json!({"name": {"en": "Pier"}, "geo": {"latitude": 200, "longitude": 3}, "address": {"city": "Ghent", "country": "XX"}});
        let faults = [("/geo/latitude", "out_of_range"), ("/address/country", "unknown_country")];
        let wanted = json!({"name": {"en": "Pier"}, "address": {"city": "Ghent"}});
        assert_eq!(repair_body("venue", venue, &faults), wanted);
        let event = json!({"title": {"en": "A", "nl": "B"}, "links": [{"url": "x"}, {"url": "https://a.example/"}, {"url": "y"}], "all_day": true, "starts_at": "2027-01-01T09:00"});
        let faults = [
            ("/title/nl", "empty"),
            ("/links/0/url", "not_a_url"),
            ("/links/2/url", "not_a_url"),
            ("/starts_at", "not_a_date"),
        ];
        let wanted =
            json!({"title": {"en": "A"}, "links": [{"url": "https://a.example/"}], "starts_at": "2027-01-01T09:00"});
        assert_eq!(repair_body("event", event, &faults), wanted);
        let venue = json!({"name": {"en": "Pier"}, "geo": {"latitude": "50;85", "longitude": "4;3"}});
        let faults = [("/geo/latitude", "wrong_type"), ("/geo/longitude", "wrong_type")];
        assert_eq!(repair_body("venue", venue, &faults), json!({"name": {"en": "Pier"}}));
        let session =
            json!({"title": {"en": "A"}, "speakers": [{"speaker": "a"}, {"speaker": "a"}], "track": {"en": "x"}});
        let faults = [("/speakers/1", "duplicate"), ("/track/en", "control_character")];
        assert_eq!(
            repair_body("session", session, &faults),
            json!({"title": {"en": "A"}, "speakers": [{"speaker": "a"}]})
        );
    }

    #[test]
    fn notes_name_what_is_left_out() {
        let venue = ContentType::of_kind("venue").unwrap();
        let mut body = json!({"name": {"en": "Pier"}, "address": {"country": "Atlantis"}});
        let fault = |pointer: &str, code: &str, message: &str| Violation {
            pointer: pointer.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let faults = vec![fault("/address/country", "too_long", "must have at most 2 characters")];
        let notes = repair((venue, Zone::utc()), body.as_object_mut().unwrap(), |_| true, faults).unwrap();
        assert_eq!(notes[0].message, "left out: \"Atlantis\": must have at most 2 characters");
        let event = ContentType::of_kind("event").unwrap();
        let mut body = json!({"title": {"en": "A"}, "all_day": true, "starts_at": "2027-01-01T09:00", "ends_at": "2027-01-01T10:00"});
        let faults = ["/starts_at", "/ends_at"].map(|pointer| fault(pointer, "not_a_date", "must be a date")).to_vec();
        let notes = repair((event, Zone::utc()), body.as_object_mut().unwrap(), |_| true, faults).unwrap();
        assert_eq!((notes.len(), notes[0].pointer.as_str()), (1, "/all_day"), "{notes:?}");
        assert_eq!(body["ends_at"], "2027-01-01T10:00");
    }

    #[test]
    fn what_an_item_is_stays() {
        for (kind, mut body, fault) in [
            ("event", json!({"title": {"en": ""}}), ("/title/en", "empty")),
            ("event", json!({"title": {"en": "A"}, "starts_at": "soon"}), ("/starts_at", "not_a_time")),
            ("session", json!({"event": "x"}), ("/event", "dangling_reference")),
            ("event", json!({}), ("/title", "required")),
        ] {
            let before = body.clone();
            assert!(!is_repaired(kind, &mut body, &[fault]), "{fault:?}");
            assert_eq!(body, before);
        }
    }

    #[test]
    fn texts_are_shortened_at_a_word() {
        assert_eq!(shorten_text("one two three", 13), "one two three");
        assert_eq!(shorten_text("one two three four", 13), "one two…");
        assert_eq!(shorten_text(&"ü".repeat(20), 10), format!("{}…", "ü".repeat(9)));
        let long = "word ".repeat(80);
        let given = json!({"title": {"en": long}});
        let body = repair_body("event", given, &[("/title/en", "too_long")]);
        let title = body["title"]["en"].as_str().unwrap();
        assert!(title.chars().count() <= 300 && title.ends_with("word…"), "{title}");
    }

    #[test]
    fn times_are_those_of_their_zone() {
        let with = |text: &str, code: &str| {
            let body = json!({"time_zone": "Europe/Brussels", "starts_at": text});
            repair_body("event", body, &[("/starts_at", code)])["starts_at"].as_str().unwrap().to_owned()
        };
        assert_eq!(with("2027-10-31T02:30", "ambiguous_time"), "2027-10-31T02:30:00+02:00");
        assert_eq!(with("2027-03-28T02:30", "nonexistent_time"), "2027-03-28T03:30:00+02:00");
        assert_eq!(with("2027-07-01T09:00:00+05:00", "wrong_offset"), "2027-07-01T06:00:00+02:00");
    }
}
