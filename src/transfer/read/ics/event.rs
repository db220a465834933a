//! The fields of an event, from the properties of a `VEVENT` except its times and its place.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::calendars::Calendar;
use super::components::Component;
use super::parameters;
use super::people::{set_contact, set_speakers};
use super::place;
use super::property::Property;
use crate::content::{rich_text, values};
use crate::feeds::calendar::{ID_PROPERTY, STATUS_PROPERTY};
use crate::feeds::status_words::{status_word, without_status};
use crate::transfer::read::plain_text::{html_value, rich_value};
use crate::transfer::read::{Sink, SinkClosed, web_address};
use crate::transfer::record::Record;

/// Properties that are read elsewhere.
const READ: [&str; 20] = [
    "UID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "SEQUENCE",
    "DTSTAMP",
    "RECURRENCE-ID",
    "RRULE",
    "RDATE",
    "EXDATE",
    "EXRULE",
    "SUMMARY",
    "DESCRIPTION",
    "X-ALT-DESC",
    "STYLED-DESCRIPTION",
    "X-MICROSOFT-CDO-ALLDAYEVENT",
    "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT",
    "X-FUNAMBOL-ALLDAY",
    STATUS_PROPERTY,
    ID_PROPERTY,
];

/// Properties with the text of an event with markup.
const MARKUP: [&str; 2] = ["X-ALT-DESC", "STYLED-DESCRIPTION"];

/// Greatest number of topics, or of speakers, that are read of an event; it is above that of the field.
pub const MOST_OF_LIST: usize = 1_000;

/// Properties that are passed over on purpose, and why.
pub const ON_PURPOSE: [(&str, &str); 9] = [
    ("CREATED", "items have times of their own"),
    ("LAST-MODIFIED", "items have times of their own; it only says which revision is newer"),
    ("TRANSP", "it says whether a personal calendar is busy"),
    ("PRIORITY", "it orders personal calendars"),
    ("REQUEST-STATUS", "it answers an invitation"),
    ("X-MICROSOFT-CDO-BUSYSTATUS", "it says whether a personal calendar is busy"),
    ("X-MICROSOFT-CDO-INTENDEDSTATUS", "it says whether a personal calendar is busy"),
    ("X-MOZ-GENERATION", "it counts changes within a program"),
    ("X-MOZ-LASTACK", "it belongs to reminders of a personal calendar"),
];

/// Sets the fields of an event.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn set_fields(sink: &Sink, calendar: &Calendar, event: &Component, record: &mut Record) -> Result<(), SinkClosed> {
    set_texts(sink, event, record);
    set_status(sink, calendar, event, record)?;
    place::set(sink, calendar, event, record)?;
    set_contact(sink, event, record);
    set_speakers(sink, calendar, event, record)?;
    set_lists(sink, calendar, event, record)?;
    for property in &event.properties {
        let name = property.name.as_str();
        if let Some((_, why)) = ON_PURPOSE.iter().find(|(known, _)| *known == name) {
            sink.on_purpose(&event.place(), name, why);
        } else if !is_read(name) && !property.value.trim().is_empty() {
            sink.left_out(&event.place(), name);
        } else if name != "ATTENDEE" {
            // Only the chairs among those who attend are read.
            parameters::note_of_event(sink, event, property);
        }
    }
    parameters::note_further(sink, event);
    for child in &event.children {
        if child.name == "VALARM" {
            sink.on_purpose(&event.place(), "VALARM", "reminders are set by those who subscribe");
        } else {
            sink.left_out(&event.place(), &child.name);
        }
    }
    Ok(())
}

fn is_read(name: &str) -> bool {
    const SET: [&str; 9] =
        ["CATEGORIES", "STATUS", "CLASS", "URL", "IMAGE", "ATTACH", "CONTACT", "ORGANIZER", "ATTENDEE"];
    READ.contains(&name) || SET.contains(&name) || place::is_place(name)
}

/// Sets title and text, in the languages that the properties name (RFC 5545, section 3.2.10).
fn set_texts(sink: &Sink, event: &Component, record: &mut Record) {
    let language = |property: &Property| property.parameter("LANGUAGE").map(str::to_owned);
    record.locale = event.find("SUMMARY").or_else(|| event.find("DESCRIPTION")).and_then(language);
    let own = record.locale.clone();
    // A calendar of this program shows its own word for the status before the title, and says so.
    let has_word = event.find(STATUS_PROPERTY).is_some();
    let title = |text: String| if has_word { without_status(&text).to_owned() } else { text };
    let titles = event.all("SUMMARY").map(|property| (language(property), Value::from(title(property.text()))));
    record.set("title", translations(sink, event, own.as_deref(), titles.collect(), "SUMMARY"));
    record.set("body", body(sink, event, own.as_deref()));
}

/// Returns the text: in each language the one with markup, if there is one, else the plain one.
fn body(sink: &Sink, event: &Component, own: Option<&str>) -> Value {
    let language = |property: &Property| property.parameter("LANGUAGE").map(str::to_owned);
    let is_html = |property: &&Property| {
        property.parameter("FMTTYPE").is_none_or(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    };
    let beside: Vec<Property> = event.all("DESCRIPTION").filter_map(Property::markup).collect();
    let styled = MARKUP.iter().flat_map(|name| event.all(name)).filter(|property| !is_address(property));
    let mut styled: Vec<&Property> = styled.collect();
    // Some programs write the same text in both places.
    let known: HashSet<String> = styled.iter().map(|property| property.text()).collect();
    styled.extend(beside.iter().filter(|property| !known.contains(&property.text())));
    let (rich_texts, others): (Vec<&Property>, Vec<&Property>) =
        styled.into_iter().filter(|property| !rich_text::to_text(&property.text()).is_empty()).partition(is_html);
    // A plain text in the place of one with markup is a description.
    let plain: Vec<&Property> = event.all("DESCRIPTION").filter(|property| !property.text().is_empty()).collect();
    let (plain, others) = if plain.is_empty() { (others, plain) } else { (plain, others) };
    for other in others {
        sink.left_out(&event.place(), &format!("{}, a further text", other.name));
    }
    let mut values: Vec<(Option<String>, Value)> = Vec::new();
    let mut words_with_markup: HashMap<Option<String>, HashSet<String>> = HashMap::new();
    for property in &rich_texts {
        match words_with_markup.entry(language(property)) {
            Entry::Occupied(_) => sink.left_out(&event.place(), &format!("{}, a further one", property.name)),
            Entry::Vacant(place) => {
                values.push((language(property), html_value(&property.text())));
                place.insert(words(&rich_text::to_text(&property.text())));
            }
        }
    }
    for property in plain {
        match words_with_markup.get(&language(property)) {
            None => {
                values.push((language(property), rich_value(&property.text())));
            }
            Some(known) if words(&property.text()).is_subset(known) => {
                sink.on_purpose(&event.place(), "DESCRIPTION", "the event has the same text with markup");
            }
            Some(_) => sink.left_out(&event.place(), "DESCRIPTION beside another text with markup"),
        }
    }
    translations(sink, event, own, values, "DESCRIPTION")
}

/// Returns whether the value of a text with markup is the address of one (RFC 9073, section 6.5).
fn is_address(property: &Property) -> bool {
    property.parameter_is("VALUE", "URI")
        || (values::url(&property.text()).is_ok() && !property.text().contains(char::is_whitespace))
}

/// Returns the words of a text; addresses, which markup hides, do not count.
fn words(text: &str) -> HashSet<String> {
    let words = text.split_whitespace().filter(|word| !word.contains("://") && !word.starts_with("www."));
    let letters = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    words.map(letters).filter(|word| !word.is_empty()).collect()
}

/// Returns the value of a localised field: a plain value in the language of the event, or a map of languages.
fn translations(
    sink: &Sink,
    event: &Component,
    own: Option<&str>,
    values: Vec<(Option<String>, Value)>,
    name: &str,
) -> Value {
    let mut map = Map::new();
    let mut plain = Value::Null;
    for (language, value) in values {
        match language.as_deref().filter(|language| Some(*language) != own) {
            Some(language) if !map.contains_key(language) => drop(map.insert(language.to_owned(), value)),
            None if plain.is_null() => plain = value,
            _ => sink.left_out(&event.place(), &format!("{name}, a further one")),
        }
    }
    match (map.is_empty(), own) {
        (true, _) => plain,
        (false, Some(own)) if !plain.is_null() => {
            map.insert(own.to_owned(), plain);
            map.into()
        }
        (false, _) if plain.is_null() => map.into(),
        (false, _) => {
            sink.left_out(&event.place(), &format!("{name} in a further language"));
            plain
        }
    }
}

fn set_status(sink: &Sink, calendar: &Calendar, event: &Component, record: &mut Record) -> Result<(), SinkClosed> {
    let status = event.text("STATUS").map(|text| text.to_ascii_uppercase());
    // The word has one L in the United States, and so in some programs.
    let is_cancelled = |status: Option<&str>| matches!(status, Some("CANCELLED" | "CANCELED"));
    let own = event.text(STATUS_PROPERTY).filter(|own| status_word(own, "en").is_some());
    match (calendar.method.as_deref(), status.as_deref()) {
        (_, status) if own.is_some() && !is_cancelled(status) => record.set("event_status", own),
        (method, status) if method == Some("CANCEL") || is_cancelled(status) => record.set("event_status", "cancelled"),
        (_, Some("TENTATIVE")) => record.set("event_status", "tentative"),
        (_, Some("CONFIRMED") | None) => record.set("event_status", "scheduled"),
        (_, Some(other)) => {
            sink.note(&event.place(), "/event_status", "not_allowed", format!("left out: \"{other}\" is no status"))?;
        }
    }
    // What is not known to be public is treated as private (RFC 5545, section 3.8.1.3).
    record.private = event.text("CLASS").is_some_and(|class| !class.eq_ignore_ascii_case("PUBLIC"));
    Ok(())
}

/// Sets topics, links, the image and documents.
fn set_lists(sink: &Sink, calendar: &Calendar, event: &Component, record: &mut Record) -> Result<(), SinkClosed> {
    let (mut topics, mut documents) = (Vec::new(), Vec::new());
    // The place may have one.
    let mut links = record.body.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
    for property in &event.properties {
        let value = property.text();
        match property.name.as_str() {
            _ if value.is_empty() => {}
            "CATEGORIES" => {
                let language = property.parameter("LANGUAGE").map(str::to_owned).or_else(|| record.locale.clone());
                let names = if calendar.is_vcalendar() { property.old_list() } else { property.list() };
                for _ in names.iter().skip(MOST_OF_LIST - topics.len()) {
                    sink.left_out(&event.place(), "CATEGORIES, one of too many");
                }
                for name in names.into_iter().take(MOST_OF_LIST - topics.len()) {
                    topics.push(topic(sink, event, language.clone(), &name)?.into());
                }
            }
            // It is no text, but leads to one.
            "X-ALT-DESC" | "STYLED-DESCRIPTION" if is_address(property) => {
                links
                    .extend(url(sink, event, "/links", &value)?.map(|url| json!({"title": "Description", "url": url})));
            }
            "URL" => {
                links.extend(url(sink, event, "/links", &value)?.map(|url| json!({"title": "Website", "url": url})));
            }
            "IMAGE" | "ATTACH"
                if property.parameter_is("VALUE", "BINARY") || property.parameter_is("ENCODING", "BASE64") =>
            {
                sink.left_out(&event.place(), &format!("{} within the file", property.name));
            }
            "IMAGE" if record.body.contains_key("image") => sink.left_out(&event.place(), "IMAGE, a further one"),
            "IMAGE" => {
                let url = url(sink, event, "/image", &value)?;
                record.set("image", url.map_or(Value::Null, |url| json!({ "url": url })));
            }
            "ATTACH" => documents.extend(url(sink, event, "/documents", &value)?.map(|url| document(property, url))),
            _ => {}
        }
    }
    record.set("topics", dedup(topics));
    record.set("links", dedup(links));
    record.set("documents", dedup(documents));
    Ok(())
}

fn document(property: &Property, url: String) -> Value {
    let mut document = Map::from_iter([("url".to_owned(), Value::from(url))]);
    let title = parameters::FILE_NAMES.iter().find_map(|name| property.parameter(name));
    for (member, value) in [("title", title), ("media_type", property.parameter("FMTTYPE"))] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            document.insert(member.to_owned(), value.into());
        }
    }
    document.into()
}

fn topic(sink: &Sink, event: &Component, language: Option<String>, name: &str) -> Result<String, SinkClosed> {
    let source = format!("ics:topic/{name}");
    let mut topic = Record::new(event.place(), "topic", source.clone()).into_supporting().by_name();
    topic.locale = language;
    topic.set("name", name);
    sink.record(topic).map(|()| source)
}

fn url(sink: &Sink, event: &Component, field: &str, given: &str) -> Result<Option<String>, SinkClosed> {
    match web_address(given) {
        Ok(url) => Ok(Some(url)),
        Err((code, message)) => sink.note(&event.place(), field, code, message).map(|()| None),
    }
}

fn dedup(list: Vec<Value>) -> Vec<Value> {
    let mut known = HashSet::with_capacity(list.len());
    list.into_iter().filter(|entry| known.insert(entry.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole() {
        let known = words("The <party> takes place at https://river.example/a, by the river.");
        assert!(words("the party, by the River - www.river.example").is_subset(&known));
        assert!(!words("art by the river").is_subset(&known));
    }

    #[test]
    fn entries_are_kept_once() {
        let list = vec![json!("a"), json!({"url": "b"}), json!("a"), json!({"url": "b"}), json!("c")];
        assert_eq!(dedup(list), [json!("a"), json!({"url": "b"}), json!("c")]);
    }
}
