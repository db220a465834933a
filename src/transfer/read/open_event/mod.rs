//! Open Event (Eventyay): documents of its API in the form of JSON:API, and the files of its export. The members of objects
//! have no order, so a file is read twice: first what sessions refer to, then the sessions.

mod lookup;
mod resource;

use std::fs::File;
use std::io::BufReader;

use serde_json::{Map, Value, json};

use super::input::as_utf8;
use super::json_stream::{self, ElementHandler, place};
use super::plain_text::rich_value;
use super::programme::times::GivenTimes;
use super::programme::{ImportedTalk, LabelledUrl, Programme, TalkPerson};
use super::{Input, Settings, Sink, SinkClosed, text_of};
use lookup::OpenEventLookup;
use resource::{MOST_MEMBERS, Resource, enters, is_member, note_unread};

/// Reads a programme.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), SinkClosed> {
    let mut input = match as_utf8(input, None) {
        Ok(input) => input,
        Err(error) => return sink.report_broken("line 1", "unreadable", error.to_string()),
    };
    let lookup = look(&mut *input, settings)?;
    if let Err(error) = input.restart() {
        return sink.report_broken("line 1", "unreadable", error.to_string());
    }
    let mut programme = Programme::new(settings, sink);
    for (name, value) in lookup.heading() {
        programme.head(name, value);
    }
    programme.name(lookup.host());
    let mut reader = Reader {
        programme,
        sink,
        lookup: &lookup,
        single: Map::new(),
        is_part: false,
        has_sessions: false,
        is_known: false,
    };
    let is_read = json_stream::read(&mut *input, &mut reader, sink)?;
    reader.finish_single()?;
    let (is_known, is_whole) = (reader.is_known, reader.has_sessions && !reader.is_part);
    reader.programme.finish()?;
    match (is_read, is_known) {
        (true, false) => {
            sink.report_broken("line 1", "unknown_format", "there is no part of an open event in this file")
        }
        (true, true) if is_whole => sink.mark_whole(),
        _ => Ok(()),
    }
}

/// Reads what the sessions of a file refer to. The files of an export describe one event together: if one of those that are
/// imported with the file has it, all of them are read. A fault of a text is reported when that file is read by itself.
fn look(input: &mut dyn Input, settings: &Settings) -> Result<OpenEventLookup, SinkClosed> {
    let mut own = OpenEventLookup::default();
    json_stream::scan(input, &mut own)?;
    own.finish();
    let mut all = OpenEventLookup::default();
    for path in &settings.beside {
        let file = File::open(path).and_then(|file| as_utf8(Box::new(BufReader::new(file)), None));
        if let Ok(mut file) = file {
            json_stream::scan(&mut *file, &mut all)?;
            all.finish();
        }
    }
    // Of several events it is not known to which one the file belongs.
    Ok(if all.events() == 1 { all } else { own })
}

struct Reader<'a> {
    programme: Programme<'a>,
    sink: &'a Sink,
    lookup: &'a OpenEventLookup,
    /// Members of the only resource of a document.
    single: Map<String, Value>,
    /// Whether the file is one page of several.
    is_part: bool,
    has_sessions: bool,
    is_known: bool,
}

impl ElementHandler for Reader<'_> {
    fn enters(&self, path: &[String]) -> bool {
        enters(path)
    }

    fn hear(&mut self, path: &[String], value: Value) -> Result<(), SinkClosed> {
        let at = place(path);
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Some(resource) = Resource::read(&names, &value) {
            return self.resource(&at, resource);
        }
        match names.as_slice() {
            ["data" | "event", member] => drop(self.single.insert((*member).to_owned(), value)),
            ["links"] if value.get("next").is_some_and(Value::is_string) => {
                self.is_part = true;
                return self.sink.note(&at, "", "partial", "this is one page of several: `next` names another one");
            }
            ["meta" | "jsonapi" | "links"] => {
                self.sink.on_purpose(&at, names[0], "it belongs to the file");
            }
            // The file of the event has its members at the top, which are counted when all of them are known.
            [member] if is_member(member) && self.single.len() < MOST_MEMBERS => {
                self.single.insert((*member).to_owned(), value);
            }
            _ => self.sink.left_out(&at, names.last().copied().unwrap_or_default()),
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Reads the only resource of a document, or the event whose members are those of the file; they came one by one.
    fn finish_single(&mut self) -> Result<(), SinkClosed> {
        let single = Value::Object(std::mem::take(&mut self.single));
        let (path, resource) = Resource::read_single(&single);
        match resource {
            Some(resource) => self.resource(path, resource),
            None => {
                let members = single.as_object().into_iter().flat_map(Map::keys);
                members.for_each(|member| self.sink.left_out(&format!("/{member}"), member));
                Ok(())
            }
        }
    }

    fn resource(&mut self, at: &str, resource: Resource) -> Result<(), SinkClosed> {
        match resource.kind.as_str() {
            "session" => {
                (self.is_known, self.has_sessions) = (true, true);
                self.session(at, &resource)
            }
            "speaker" => {
                self.is_known = true;
                note_unread(self.sink, at, &resource);
                match lookup::person(&resource) {
                    Some(person) => self.programme.person(at, &person).map(drop),
                    None => self.sink.report_broken(at, "required", "a speaker requires a name"),
                }
            }
            // These were read with the heading.
            "event" | "microlocation" | "track" | "session_type" | "social_link" => {
                self.is_known = true;
                note_unread(self.sink, at, &resource);
                Ok(())
            }
            other => {
                self.sink.left_out(at, other);
                for field in resource.fields.keys() {
                    self.sink.left_out(at, &format!("{other}/{field}"));
                }
                Ok(())
            }
        }
    }

    fn session(&mut self, at: &str, given: &Resource) -> Result<(), SinkClosed> {
        let text = |names: [&str; 2]| names.iter().find_map(|name| text_of(given.fields.get(*name)));
        let Some(id) = given.id.clone() else {
            return self.sink.report_broken(at, "required", "a session requires an id");
        };
        if self.programme.hides(at, &id, |name| given.fields.get(name).cloned())? {
            return Ok(());
        }
        note_unread(self.sink, at, given);
        self.ask_for_content(at, given)?;
        let html = |names| text(names).map_or(Value::Null, |text| rich_value(&text));
        let named = |kind: &str| given.relation(kind).and_then(|one| self.lookup.name(kind, one));
        let talk = ImportedTalk {
            id,
            title: json!(text(["title", ""])),
            subtitle: json!(text(["subtitle", ""])),
            format: json!(named("session_type")),
            abstract_text: html(["short_abstract", "abstract"]),
            description: html(["long_abstract", "description"]),
            times: GivenTimes {
                date: text(["starts_at", "start_time"]),
                end: text(["ends_at", "end_time"]),
                ..GivenTimes::default()
            },
            room: named("microlocation"),
            track: json!(named("track")),
            language: text(["language", ""]),
            people: given.all("speakers").filter_map(|one| self.lookup.speaker(one).map(TalkPerson::from)).collect(),
            links: labelled_urls(given, &[("signup_url", "Sign up")]),
            attachments: labelled_urls(given, &[("slides_url", "Slides"), ("slides", "Slides")]),
            recordings: labelled_urls(given, &[("video_url", ""), ("video", ""), ("audio_url", ""), ("audio", "")]),
            ..ImportedTalk::default()
        };
        self.programme.talk(at, talk)
    }

    /// Notes relations of which the document has no more than the address.
    fn ask_for_content(&mut self, at: &str, given: &Resource) -> Result<(), SinkClosed> {
        if given.lacks_relations {
            let message = "the speakers, room, track and type are left out; ask for \
                           ?include=speakers,microlocation,track,session-type";
            return self.sink.note(at, "", "include", message);
        }
        Ok(())
    }
}

/// Returns the addresses in some fields, with their titles.
fn labelled_urls(given: &Resource, fields: &[(&str, &str)]) -> Vec<LabelledUrl> {
    let found = fields.iter().filter_map(|(name, title)| {
        let title = Some((*title).to_owned()).filter(|title| !title.is_empty());
        Some((title, text_of(given.fields.get(*name))?, None))
    });
    found.collect()
}
