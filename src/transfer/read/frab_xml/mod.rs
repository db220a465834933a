//! Programmes in frab's XML: `schedule > conference`, then `day > room > event`.

mod element;
mod entities;
mod parts;
mod rooms;

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use super::input::{as_utf8, declared_in_xml};
use super::programme::times::GivenTimes;
use super::programme::words::made_id;
use super::programme::{ImportedTalk, OWN_ID, OWN_STATUS, Programme, TalkPerson};
use super::{Input, Settings, Sink, SinkClosed};
use crate::items::record_ids::RecordIds;
use element::Element;
use entities::{Entities, TooLarge};
use parts::{attachment, count_unread, links, person, recording};
use rooms::expect_rooms;

/// Greatest length of an element's text, in bytes; further text is left out. It bounds the memory for a
/// hostile file.
const LONGEST_TEXT: usize = 1_000_000;

/// Reads a programme.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(mut input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), SinkClosed> {
    let input = declared_in_xml(&mut *input).and_then(|label| {
        // A file in UTF-16 has a byte order mark, which says so before the declaration can be read.
        let label = label.filter(|label| !label.to_ascii_lowercase().starts_with("utf"));
        as_utf8(input, label.as_deref())
    });
    let mut programme = Programme::new(settings, sink);
    let input = input.and_then(|mut input| {
        expect_rooms(&mut *input, &mut programme);
        input.restart().map(|()| input)
    });
    let mut reader = match input {
        Ok(input) => Reader::from_reader(input),
        Err(error) => return sink.report_broken("byte 0", "unreadable", error.to_string()),
    };
    let mut walk = Walk {
        programme,
        sink,
        date: String::new(),
        room: String::new(),
        room_name: String::new(),
        open: Vec::new(),
        outer: Vec::new(),
        entities: Entities::default(),
        seen: false,
        is_pretalx: false,
    };
    let is_whole = walk.walk(&mut reader)?;
    walk.programme.finish()?;
    if is_whole { sink.mark_whole() } else { Ok(()) }
}

struct Walk<'a> {
    programme: Programme<'a>,
    sink: &'a Sink,
    date: String,
    room: String,
    /// Name of the present room, as the file has it.
    room_name: String,
    /// Open elements from `conference` or `event` inwards, whose content is collected.
    open: Vec<Element>,
    /// Names of the open elements around these.
    outer: Vec<String>,
    entities: Entities,
    seen: bool,
    /// Whether pretalx wrote the file.
    is_pretalx: bool,
}

impl Walk<'_> {
    /// Reads the file. Returns whether it was read to its end.
    fn walk(&mut self, reader: &mut Reader<Box<dyn Input>>) -> Result<bool, SinkClosed> {
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let place = reader.buffer_position();
            let event = match reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(error) => {
                    let place = format!("byte {}", reader.error_position());
                    return self.sink.report_broken(place, "malformed_xml", error.to_string()).map(|()| false);
                }
            };
            if matches!(event, Event::Eof) {
                return self.is_whole(place);
            }
            if !self.part(event, place)? {
                let message = "the entities of this file expand to more than a file may have";
                return self.sink.report_broken(format!("byte {place}"), "too_large", message).map(|()| false);
            }
        }
    }

    /// Reads a part of the file. Returns whether its entities are within the bounds.
    fn part(&mut self, part: Event<'_>, place: u64) -> Result<bool, SinkClosed> {
        match part {
            Event::Start(start) => return self.start(&start, place),
            Event::Empty(start) => {
                let is_within_bounds = self.start(&start, place)?;
                self.end(place)?;
                return Ok(is_within_bounds);
            }
            Event::End(_) => self.end(place)?,
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::DocType(text) => self.entities.declare(&text),
            Event::GeneralRef(reference) => match self.expand_text(&format!("&{};", &*reference), place, None)? {
                Some(text) => self.text(&text),
                None => return Ok(false),
            },
            Event::PI(instruction) if instruction.target() == "plenary-id" => {
                self.programme.head(OWN_ID, &instruction.content().trim().into());
            }
            Event::PI(instruction) if instruction.target() == "plenary-status" => {
                self.programme.head(OWN_STATUS, &instruction.content().trim().into());
            }
            _ => {}
        }
        Ok(true)
    }

    /// Returns a text with its references expanded, which is noted where the file does not declare them; `None` if they
    /// expand to more than is allowed. `attribute` names the attribute that has the text, if one has it.
    fn expand_text(&mut self, raw: &str, place: u64, attribute: Option<&str>) -> Result<Option<String>, SinkClosed> {
        let expanded = match self.entities.expand(raw) {
            Ok(expanded) => expanded,
            Err(TooLarge) => return Ok(None),
        };
        for (code, message) in expanded.notes {
            let subject = attribute.map_or_else(|| self.path(), str::to_owned);
            self.sink.note(&format!("byte {place}"), &subject, code, message)?;
        }
        Ok(Some(expanded.text))
    }

    /// Returns the names of the open elements, from `conference` or `event` inwards.
    fn path(&self) -> String {
        let inner: Vec<&str> = self.open.iter().map(|element| element.name.as_str()).collect();
        if inner.is_empty() { self.outer.join("/") } else { inner.join("/") }
    }

    /// Reports an end of the file that is none of the programme. Returns whether it is one.
    fn is_whole(&self, place: u64) -> Result<bool, SinkClosed> {
        let is_open = !self.open.is_empty() || !self.outer.is_empty();
        match (is_open, self.seen) {
            (true, _) => {
                let message = "the file ends within an element";
                self.sink.report_broken(format!("byte {place}"), "malformed_xml", message)?;
            }
            (false, false) => {
                self.sink.report_broken("byte 0", "not_a_schedule", "there is no <schedule> in this file")?;
            }
            (false, true) => {}
        }
        Ok(!is_open && self.seen)
    }

    /// Reads the beginning of an element. Returns whether its entities are within the bounds.
    fn start(&mut self, start: &BytesStart<'_>, place: u64) -> Result<bool, SinkClosed> {
        let (mut attributes, element) = (HashMap::new(), start.local_name());
        for attribute in start.attributes().flatten() {
            let name = attribute.key.local_name().as_ref().to_owned();
            let subject = format!("{}/@{name}", element.as_ref());
            let Some(value) = self.expand_text(&attribute.value, place, Some(&subject))? else { return Ok(false) };
            attributes.insert(name, value);
        }
        self.open_element(start.local_name().as_ref().to_owned(), attributes);
        Ok(true)
    }

    /// Opens an element.
    fn open_element(&mut self, name: String, mut attributes: HashMap<String, String>) {
        let within = !self.open.is_empty() || matches!(name.as_str(), "conference" | "event");
        if within && self.open.len() < 8 {
            self.open.push(Element { name, attributes, ..Element::default() });
            return;
        }
        match name.as_str() {
            "schedule" => {
                self.seen = true;
                self.of_file("schedule", &attributes);
            }
            "day" => {
                self.date = attributes.remove("date").unwrap_or_default();
                self.programme.day(&self.date);
                self.of_file("day", &attributes);
            }
            "room" => self.room(&mut attributes),
            "version" | "generator" => {
                self.is_pretalx |= attributes.get("name").is_some_and(|program| program == "pretalx");
                self.sink.on_purpose("schedule", &format!("schedule/{name}"), "it belongs to the file");
            }
            "url" | "base_url" | "track" => {
                self.open.push(Element { name: name.clone(), attributes, ..Element::default() });
            }
            "tracks" => {}
            _ => self.sink.left_out("schedule", &format!("schedule/{name}")),
        }
        if self.open.is_empty() {
            self.outer.push(name);
        }
    }

    /// Adds to the text of the open element.
    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            if element.text.len() + text.len() <= LONGEST_TEXT {
                element.text.push_str(text);
            } else {
                self.sink.left_out(&element.name, &format!("{}, text beyond {LONGEST_TEXT} bytes", element.name));
            }
        }
    }

    fn end(&mut self, place: u64) -> Result<(), SinkClosed> {
        let Some(element) = self.open.pop() else {
            self.outer.pop();
            return Ok(());
        };
        if let Some(parent) = self.open.last_mut() {
            parent.children.push(element);
            return Ok(());
        }
        match element.name.as_str() {
            "conference" => self.conference(&element),
            "event" => self.event(&element, place),
            "track" => {
                let mut track = json!(element.attributes);
                if !element.text.trim().is_empty() {
                    track["name"] = element.text.trim().into();
                }
                self.programme.head("track", &track);
                Ok(())
            }
            name => {
                self.programme.head(name, &element.text.trim().into());
                Ok(())
            }
        }
    }

    /// Counts the attributes of an element that says nothing of the sessions themselves.
    fn of_file(&self, name: &str, attributes: &HashMap<String, String>) {
        for attribute in attributes.keys() {
            let why = if name == "day" { "the sessions have their times themselves" } else { "it belongs to the file" };
            self.sink.on_purpose("schedule", &format!("{name}/@{attribute}"), why);
        }
    }

    /// Reads the attributes of a room, in which the sessions that follow take place.
    fn room(&mut self, attributes: &mut HashMap<String, String>) {
        self.room_name = attributes.remove("name").unwrap_or_default().trim().to_owned();
        self.room.clone_from(&self.room_name);
        if self.room.is_empty() {
            return;
        }
        self.room = self.programme.room_name(&self.room_name, attributes.remove("guid").as_deref());
        let mut room = Map::from_iter([("name".to_owned(), Value::from(self.room.as_str()))]);
        match attributes.remove("capacity").map(|text| text.trim().parse::<u64>().map_err(|_| text)) {
            Some(Ok(capacity)) => drop(room.insert("capacity".to_owned(), capacity.into())),
            Some(Err(text)) if !text.trim().is_empty() => {
                self.sink.left_out("room", "room/@capacity, which is no number");
            }
            _ => {}
        }
        if let Some(note) = attributes.remove("description").filter(|text| !text.trim().is_empty()) {
            room.insert("note".to_owned(), note.into());
        }
        self.programme.room(room.into());
        for name in attributes.keys() {
            match name.as_str() {
                "slug" | "id" => {
                    self.sink.on_purpose("room", &format!("room/@{name}"), "a room is known by its name");
                }
                other => self.sink.left_out("room", &format!("room/@{other}")),
            }
        }
    }

    fn conference(&mut self, element: &Element) -> Result<(), SinkClosed> {
        for child in &element.children {
            // The attributes of tracks are counted where they are read; colours are passed over as a whole.
            if !matches!(child.name.as_str(), "track" | "colors") {
                count_unread(self.sink, "conference", child);
            }
            let value = match child.name.as_str() {
                "track" => json!(child.attributes),
                _ => child.text.trim().into(),
            };
            self.programme.head(&child.name, &value);
        }
        // Tracks and addresses may follow, so the event is sent with the first session, or at the end.
        Ok(())
    }

    fn event(&mut self, element: &Element, byte: u64) -> Result<(), SinkClosed> {
        let given = |name: &str| element.attribute(name).or_else(|| element.text_of(name));
        let (times, title) = (self.times(element), element.value_of("title"));
        let place = format!("event {} near byte {byte}", given("id").unwrap_or_default());
        let Some(id) = given("guid").or_else(|| given("id")).or_else(|| made_id(&title, &times)) else {
            return self.sink.report_broken(place, "required", "an event requires an id, a guid or a title");
        };
        if self.programme.hides(&place, &id, |name| given(name).map(Value::from))? {
            return Ok(());
        }
        count_unread(self.sink, &place, element);
        let people = self.people(&place, element)?;
        let (opted_out, recording_license, recordings) = recording(element);
        let do_not_record = self.programme.consent(&place, Some(&opted_out))?;
        let talk = ImportedTalk {
            id,
            ids: RecordIds::of_programme(given),
            slug: element.text_of("slug"),
            locale: element.text_of("language"),
            title,
            subtitle: element.value_of("subtitle"),
            format: element.value_of("type"),
            abstract_text: self.abstract_of(&place, element),
            description: element.value_of("description"),
            times,
            room: element.text_of("room").filter(|room| *room != self.room_name).or_else(|| Some(self.room.clone())),
            track: element.value_of("track"),
            language: element.text_of("language"),
            people,
            links: links(element),
            attachments: element.list("attachments").iter().map(attachment).collect(),
            recordings,
            image: element.text_of("logo"),
            do_not_record,
            recording_license,
            kind: None,
        };
        self.programme.talk(&place, talk)
    }

    /// Returns the abstract of a session. pretalx writes the word None where there is none.
    fn abstract_of(&self, place: &str, element: &Element) -> Value {
        let text = element.text_of("abstract").filter(|text| !self.is_pretalx || text != "None");
        if text.is_none() && element.text_of("abstract").is_some() {
            self.sink.on_purpose(place, "event/abstract \"None\"", "pretalx writes it where there is no abstract");
        }
        text.map_or(Value::Null, Value::from)
    }

    fn times(&self, element: &Element) -> GivenTimes {
        GivenTimes {
            date: element.text_of("date"),
            end: element.text_of("end"),
            day: self.date.clone(),
            start: element.text_of("start"),
            duration: element.text_of("duration"),
        }
    }

    fn people(&self, place: &str, element: &Element) -> Result<Vec<TalkPerson>, SinkClosed> {
        let mut people = Vec::new();
        for given in element.list("persons") {
            match person(given) {
                Some(person) => people.push(person.into()),
                None => self.sink.note(place, "/speakers", "required", "left out: a person without a name")?,
            }
        }
        Ok(people)
    }
}
