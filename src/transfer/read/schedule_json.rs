//! Programmes in JSON: frab's `schedule.json`, or the output of pretalx's API with sessions by day, time and
//! room, or as `results`.

use std::io::BufRead;

use chrono::NaiveTime;
use serde_json::{Value, json};

use super::json_stream::{self, ElementHandler, place};
use super::schedule::{ImportedTalk, Programme, ProgrammePerson, clock, span};
use super::{Closed, Settings, Sink, text_of};

/// Reads a programme.
///
/// # Errors
/// Returns [`Closed`] if the import has ended.
pub fn read(input: Box<dyn BufRead>, settings: &Settings, sink: &Sink) -> Result<(), Closed> {
    let mut hearing = ScheduleReader {
        programme: Programme::new(settings, sink),
        sink,
        day_change: NaiveTime::MIN,
        date: String::new(),
    };
    json_stream::read(input, &mut hearing, sink)?;
    hearing.programme.finish()
}

struct ScheduleReader<'a> {
    programme: Programme<'a>,
    sink: &'a Sink,
    day_change: NaiveTime,
    date: String,
}

impl ElementHandler for ScheduleReader<'_> {
    fn enters(&self, path: &[String]) -> bool {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [] => true,
            // frab: schedule > conference > days > n > rooms > room > n
            ["schedule"] | ["schedule", "conference"] => true,
            ["schedule", "conference", "days", rest @ ..] => {
                matches!(rest, [] | [_] | [_, "rooms"] | [_, "rooms", _])
            }
            ["schedule", "conference", ..] | ["schedule", "version" | "base_url"] => false,
            // pretalx: schedule > day > minute > room > session
            ["schedule" | "sprints" | "extra", rest @ ..] => {
                rest.len() < if path[0] == "extra" { 2 } else { 3 } && !is_word(rest)
            }
            ["rooms" | "speakers" | "results" | "talks"] => true,
            _ => false,
        }
    }

    fn hear(&mut self, path: &[String], value: Value) -> Result<(), Closed> {
        let at = place(path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["schedule", "conference", "days", _, "date" | "day_start"] => {
                if let Some(date) = text_of(Some(&value)) {
                    self.date = date;
                }
                Ok(())
            }
            ["schedule", "conference", "days", _, "rooms", room, _] => self.frab(&at, room, &value),
            ["schedule", "conference", name] => self.heading(name, &value),
            ["schedule" | "sprints", _, _, _] | ["results" | "talks", _] => self.submission(&at, &value),
            ["extra", day, minute] => self.extra(&at, day, minute, &value),
            ["rooms", _] => {
                self.programme.begin()?;
                if let Some(name) = words(value.get("name")) {
                    let capacity = value.get("capacity").and_then(Value::as_u64);
                    self.programme
                        .room(capacity.map_or_else(|| json!({"name": name}), |c| json!({"name": name, "capacity": c})));
                }
                Ok(())
            }
            ["speakers", _] => {
                self.programme.begin()?;
                person(&value).map_or(Ok(()), |person| self.programme.person(&at, &person).map(drop))
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether a path below `schedule` is metadata and not a day.
fn is_word(rest: &[&str]) -> bool {
    matches!(rest, ["version" | "base_url" | "url" | "generator"])
}

impl ScheduleReader<'_> {
    /// Reads one property of frab's conference object, in which the days come last.
    fn heading(&mut self, name: &str, value: &Value) -> Result<(), Closed> {
        if name == "day_change" {
            self.day_change = text_of(Some(value)).and_then(|text| clock(&text)).unwrap_or(NaiveTime::MIN);
        }
        self.programme.head(name, value);
        Ok(())
    }

    fn frab(&mut self, at: &str, room: &str, event: &Value) -> Result<(), Closed> {
        let text = |name: &str| text_of(event.get(name));
        let value = |name: &str| event.get(name).cloned().unwrap_or_default();
        let Some(id) = text("guid").or_else(|| text("id")) else {
            return self.sink.broken(at, "required", "an event requires an id or a guid");
        };
        let times = match text("start").zip(text("duration")) {
            Some((start, duration)) => match span(&self.date, &start, &duration, self.day_change) {
                Some(times) => Some(times),
                None => {
                    return self.sink.broken(
                        at,
                        "not_a_time",
                        format!("day \"{}\", start \"{start}\", duration \"{duration}\"", self.date),
                    );
                }
            },
            None => None,
        };
        let (starts, ends) = times.unzip();
        let mut links = links(event.get("links"));
        links.extend(text("url").map(|url| (Some("Programme".to_owned()), url)));
        links.extend(text("feedback_url").map(|url| (Some("Feedback".to_owned()), url)));
        let talk = ImportedTalk {
            id,
            slug: text("slug"),
            locale: text("language"),
            title: value("title"),
            subtitle: value("subtitle"),
            format: value("type"),
            abstract_text: value("abstract"),
            description: value("description"),
            starts,
            ends,
            room: text("room").or_else(|| Some(room.to_owned())),
            track: value("track"),
            language: text("language"),
            people: people(event.get("persons")),
            links,
            attachments: attachments(event.get("attachments")),
        };
        self.programme.talk(at, talk)
    }

    /// Reads a pretalx submission with its slots; each slot after the first becomes a session of its own.
    fn submission(&mut self, at: &str, given: &Value) -> Result<(), Closed> {
        let Some(code) = text_of(given.get("code")) else {
            return self.sink.broken(at, "required", "a submission requires a code");
        };
        let no_slot = [given.get("slot").cloned().unwrap_or_default()];
        let slots =
            given.get("slots").and_then(Value::as_array).filter(|s| !s.is_empty()).map_or(&no_slot[..], Vec::as_slice);
        let answers = given.get("answers").and_then(Value::as_array).map_or(0, Vec::len);
        if answers > 0 {
            self.sink.note(
                at,
                "/answers",
                "left_out",
                format!("{answers} answers to the submission form of {code} are left out"),
            )?;
        }
        for (index, slot) in slots.iter().enumerate() {
            let id = if index == 0 { code.clone() } else { format!("{code}/{}", index + 1) };
            let value = |name: &str| given.get(name).cloned().unwrap_or_default();
            let track = given.get("track").map(|t| t.get("name").unwrap_or(t)).cloned().unwrap_or_default();
            let talk = ImportedTalk {
                slug: None,
                locale: text_of(given.get("content_locale")),
                title: value("title"),
                subtitle: Value::Null,
                format: given.get("submission_type").map(|t| t.get("name").unwrap_or(t)).cloned().unwrap_or_default(),
                abstract_text: value("abstract"),
                description: value("description"),
                starts: text_of(slot.get("start")),
                ends: text_of(slot.get("end")),
                room: slot.get("room").and_then(|room| words(room.get("name").or(Some(room)))),
                track,
                language: text_of(given.get("content_locale")),
                people: people(given.get("speakers")),
                links: Vec::new(),
                attachments: attachments(given.get("resources")),
                id,
            };
            self.programme.talk(at, talk)?;
        }
        Ok(())
    }

    /// Reads a pretalx break, given its day and the minute of the day at which it begins.
    fn extra(&mut self, at: &str, day: &str, minute: &str, given: &Value) -> Result<(), Closed> {
        let begins = minute.parse::<u32>().ok().and_then(|m| NaiveTime::from_hms_opt(m / 60, m % 60, 0));
        let (Some(id), Some(begins)) = (text_of(given.get("id")), begins) else {
            return self.sink.broken(at, "not_a_break", "a break requires an id, under a day and a minute of the day");
        };
        let talk = ImportedTalk {
            id: format!("extra/{id}"),
            slug: Some(id),
            title: given.get("title").cloned().unwrap_or_default(),
            format: "break".into(),
            starts: Some(format!("{day}T{}", begins.format("%H:%M"))),
            ..ImportedTalk::default()
        };
        self.programme.talk(at, talk)
    }
}

/// Returns a text that may be given in several languages, in the first of them.
fn words(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Object(map) => map.values().find_map(|v| text_of(Some(v))),
        other => text_of(Some(other)),
    }
}

fn people(list: Option<&Value>) -> Vec<ProgrammePerson> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(person).collect()
}

fn person(given: &Value) -> Option<ProgrammePerson> {
    let text = |name: &str| text_of(given.get(name));
    let name = text("public_name").or_else(|| text("name")).or_else(|| text("full_public_name"))?;
    Some(ProgrammePerson {
        id: text("guid").or_else(|| text("code")).or_else(|| text("id")).unwrap_or_else(|| name.clone()),
        name,
        biography: given.get("biography").cloned().unwrap_or_default(),
        portrait: text("avatar_url").or_else(|| text("avatar")),
        links: links(given.get("links")),
    })
}

fn links(list: Option<&Value>) -> Vec<(Option<String>, String)> {
    let link = |l: &Value| Some((text_of(l.get("title")), text_of(l.get("url"))?));
    list.and_then(Value::as_array).into_iter().flatten().filter_map(link).collect()
}

/// Returns the attachments of frab, or the resources of pretalx. A bare number is a resource that is not
/// public and is skipped.
fn attachments(list: Option<&Value>) -> Vec<(Option<String>, String, Option<String>)> {
    let attachment = |a: &Value| {
        let title = text_of(a.get("title")).or_else(|| words(a.get("description")));
        Some((title, text_of(a.get("url")).or_else(|| text_of(a.get("resource")))?, text_of(a.get("type"))))
    };
    list.and_then(Value::as_array).into_iter().flatten().filter_map(attachment).collect()
}
