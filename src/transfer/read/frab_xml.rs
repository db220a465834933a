//! Programmes in frab's XML: `schedule > conference`, then `day > room > event`.

use std::collections::HashMap;
use std::io::BufRead;

use chrono::NaiveTime;
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use super::schedule::{ImportedTalk, Programme, ProgrammePerson, clock, span};
use super::{Closed, Settings, Sink};

/// Greatest length of an element's text, in bytes; further text is dropped. It bounds the memory for a
/// hostile file.
const LONGEST_TEXT: usize = 1_000_000;

/// An element with its attributes, text and, within an event, its children.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: HashMap<String, String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(|c| c.text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn value_of(&self, name: &str) -> Value {
        self.text_of(name).map_or(Value::Null, Value::from)
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// The children of a list element: `persons > person`.
    fn list(&self, name: &str) -> &[Element] {
        self.child(name).map_or(&[], |c| c.children.as_slice())
    }
}

/// Reads a programme.
///
/// # Errors
/// Returns [`Closed`] if the import has ended.
pub fn read(input: Box<dyn BufRead>, settings: &Settings, sink: &Sink) -> Result<(), Closed> {
    let mut reader = Reader::from_reader(input);
    let mut buffer = Vec::new();
    let mut walk = Walk {
        programme: Programme::new(settings, sink),
        sink,
        day_change: NaiveTime::MIN,
        date: String::new(),
        room: String::new(),
        open: Vec::new(),
        outer: Vec::new(),
        seen: false,
    };
    loop {
        buffer.clear();
        let place = reader.buffer_position();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(error) => {
                sink.broken(format!("byte {}", reader.error_position()), "malformed_xml", error.to_string())?;
                break;
            }
        };
        match event {
            Event::Start(start) => walk.start(&start),
            Event::Empty(start) => {
                walk.start(&start);
                walk.end(place)?;
            }
            Event::End(_) => walk.end(place)?,
            Event::Text(text) => walk.text(&text.xml10_content()),
            Event::CData(text) => walk.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    _ => resolve_predefined_entity(&reference.xml10_content()).unwrap_or_default().to_owned(),
                };
                walk.text(&resolved);
            }
            Event::Eof => {
                if !walk.open.is_empty() || !walk.outer.is_empty() {
                    sink.broken(format!("byte {place}"), "malformed_xml", "the file ends within an element")?;
                } else if !walk.seen {
                    sink.broken("byte 0", "not_a_schedule", "there is no <schedule> in this file")?;
                }
                break;
            }
            _ => {}
        }
    }
    walk.programme.finish()
}

struct Walk<'a> {
    programme: Programme<'a>,
    sink: &'a Sink,
    day_change: NaiveTime,
    date: String,
    room: String,
    /// Open elements from `conference` or `event` inwards, whose content is collected.
    open: Vec<Element>,
    /// Names of the open elements around these.
    outer: Vec<String>,
    seen: bool,
}

impl Walk<'_> {
    fn start(&mut self, start: &BytesStart<'_>) {
        let name = start.local_name().as_ref().to_owned();
        let mut attributes = HashMap::new();
        for attribute in start.attributes().flatten() {
            let value = unescape(&attribute.value).unwrap_or(attribute.value.as_ref().into()).into_owned();
            attributes.insert(attribute.key.local_name().as_ref().to_owned(), value);
        }
        let within = !self.open.is_empty() || matches!(name.as_str(), "conference" | "event");
        if within && self.open.len() < 8 {
            self.open.push(Element { name, attributes, ..Element::default() });
            return;
        }
        match name.as_str() {
            "schedule" => self.seen = true,
            "day" => self.date = attributes.remove("date").unwrap_or_default(),
            "room" => self.room = attributes.remove("name").unwrap_or_default(),
            _ => {}
        }
        self.outer.push(name);
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut()
            && element.text.len() + text.len() <= LONGEST_TEXT
        {
            element.text.push_str(text);
        }
    }

    fn end(&mut self, place: u64) -> Result<(), Closed> {
        let Some(element) = self.open.pop() else {
            self.outer.pop();
            return Ok(());
        };
        if let Some(parent) = self.open.last_mut() {
            parent.children.push(element);
            return Ok(());
        }
        if element.name == "conference" { self.conference(&element) } else { self.event(&element, place) }
    }

    fn conference(&mut self, element: &Element) -> Result<(), Closed> {
        self.day_change = element.text_of("day_change").and_then(|text| clock(&text)).unwrap_or(NaiveTime::MIN);
        for child in &element.children {
            let name = if child.name == "base_url" { "url" } else { &child.name };
            self.programme.head(name, &child.text.trim().into());
        }
        self.programme.begin()
    }

    fn event(&mut self, element: &Element, byte: u64) -> Result<(), Closed> {
        let id = element.attribute("guid").or_else(|| element.attribute("id"));
        let place = format!("event {} near byte {byte}", element.attribute("id").unwrap_or_default());
        let Some(id) = id else {
            return self.sink.broken(place, "required", "an event requires an id or a guid");
        };
        // The date of the enclosing day is used and not the event's own, which includes the offset of its
        // time zone.
        let times = element.text_of("start").zip(element.text_of("duration"));
        let times = match times {
            Some((start, duration)) => match span(&self.date, &start, &duration, self.day_change) {
                Some(times) => Some(times),
                None => {
                    let message = format!("day \"{}\", start \"{start}\", duration \"{duration}\"", self.date);
                    return self.sink.broken(place, "not_a_time", message);
                }
            },
            None => None,
        };
        let (starts, ends) = times.unzip();
        let link = |l: &Element| Some((Some(l.text.trim().to_owned()), l.attribute("href").unwrap_or_default()));
        let mut links: Vec<_> = element.list("links").iter().filter_map(link).collect();
        links.extend(element.text_of("url").map(|url| (Some("Programme".to_owned()), url)));
        links.extend(element.text_of("feedback_url").map(|url| (Some("Feedback".to_owned()), url)));
        let attachment = |a: &Element| {
            (Some(a.text.trim().to_owned()), a.attribute("href").unwrap_or_default(), a.attribute("type"))
        };
        let talk = ImportedTalk {
            id,
            slug: element.text_of("slug"),
            locale: element.text_of("language"),
            title: element.value_of("title"),
            subtitle: element.value_of("subtitle"),
            format: element.value_of("type"),
            abstract_text: element.value_of("abstract"),
            description: element.value_of("description"),
            starts,
            ends,
            room: element.text_of("room").or_else(|| Some(self.room.clone())),
            track: element.value_of("track"),
            language: element.text_of("language"),
            people: element.list("persons").iter().filter_map(person).collect(),
            links,
            attachments: element.list("attachments").iter().map(attachment).collect(),
        };
        self.programme.talk(&place, talk)
    }
}

fn person(element: &Element) -> Option<ProgrammePerson> {
    let name = element.text.trim().to_owned();
    let id = element.attribute("guid").or_else(|| element.attribute("id")).unwrap_or_else(|| name.clone());
    (!name.is_empty()).then(|| ProgrammePerson { id, name, ..ProgrammePerson::default() })
}
