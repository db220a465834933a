//! frab's `schedule.json`, whose form c3voc maintains.

use serde_json::Value;

use super::ScheduleReader;
use super::people::{PERSON, attachments, links, note_members, person};
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::FRAB_SESSION;
use crate::transfer::read::programme::{ImportedTalk, LabelledUrl, ProgrammePerson};
use crate::transfer::read::{Closed, text_of};

/// Members of a session that are read, besides those that XML has too: there, they are attributes.
const READ: [&str; 3] = ["id", "guid", "code"];

impl ScheduleReader<'_> {
    /// Reads a session, given its day and room.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn frab(&mut self, at: &str, day: &str, room: &str, event: &Value) -> Result<(), Closed> {
        let text = |name: &str| text_of(event.get(name));
        let value = |name: &str| event.get(name).cloned().unwrap_or_default();
        let Some(id) = text("guid").or_else(|| text("id")) else {
            return self.sink.broken(at, "required", "an event requires an id or a guid");
        };
        note_members(self.sink, at, "event", event, &[&FRAB_SESSION[..], &READ].concat());
        let people = self.people(at, event.get("persons"))?;
        let talk = ImportedTalk {
            id,
            slug: text("slug"),
            locale: text("language"),
            title: value("title"),
            subtitle: value("subtitle"),
            format: value("type"),
            kind: None,
            abstract_text: value("abstract"),
            description: value("description"),
            times: GivenTimes {
                date: text("date"),
                end: text("end"),
                day: day.to_owned(),
                start: text("start"),
                duration: text("duration"),
            },
            room: text("room").or_else(|| Some(room.to_owned())),
            track: value("track"),
            language: text("language"),
            people,
            links: links_of(event),
            attachments: attachments(event.get("attachments")),
            recordings: text("video_download_url").map(|url| (None, url, None)).into_iter().collect(),
            image: text("logo"),
            do_not_record: event.get("do_not_record").and_then(Value::as_bool),
            recording_license: text("recording_license"),
        };
        self.programme.talk(at, talk)
    }

    /// Returns the speakers of a session: objects, or the ids of those that the file has elsewhere.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn people(&mut self, at: &str, list: Option<&Value>) -> Result<Vec<ProgrammePerson>, Closed> {
        let mut people = Vec::new();
        for given in list.and_then(Value::as_array).into_iter().flatten() {
            if given.is_object() {
                note_members(self.sink, at, "person", given, &PERSON);
            }
            let id = given.get("id").unwrap_or(given);
            match self.lookup.person(id).cloned().or_else(|| person(given)) {
                Some(person) => people.push(person),
                None if given.is_object() => {
                    self.sink.note(at, "/speakers", "required", "left out: a person without a name")?;
                }
                None => self.once(at, "expand", super::pretalx::EXPAND)?,
            }
        }
        Ok(people)
    }
}

/// Returns the links of a session, with those to its pages.
fn links_of(event: &Value) -> Vec<LabelledUrl> {
    let mut links = links(event.get("links"));
    for (name, title) in [("url", "Programme"), ("origin_url", "Programme"), ("feedback_url", "Feedback")] {
        if let Some(url) = text_of(event.get(name)).filter(|url| !links.iter().any(|(_, known, _)| known == url)) {
            links.push((Some(title.to_owned()), url, None));
        }
    }
    links
}
