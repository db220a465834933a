//! frab's `schedule.json`, whose form c3voc maintains.

use std::sync::Arc;

use serde_json::Value;

use super::ScheduleReader;
use super::people::{
    ATTACHMENT, LINK, address, attachments, entries, ids_of, language, links, note_each, note_members, note_person,
    note_types, person,
};
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::{SESSION, made_id, words};
use crate::transfer::read::programme::{ImportedTalk, ProgrammePerson, TalkPerson, add_addresses};
use crate::transfer::read::{SinkClosed, text_of};

impl ScheduleReader<'_> {
    /// Reads a session, given its day and room.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn frab(&mut self, at: &str, day: &str, room: &str, event: &Value) -> Result<(), SinkClosed> {
        let text = |name: &str| text_of(event.get(name));
        let value = |name: &str| event.get(name).cloned().unwrap_or_default();
        let times = GivenTimes {
            date: text("date"),
            end: text("end"),
            day: day.to_owned(),
            start: text("start"),
            duration: text("duration"),
        };
        let Some(id) = text("guid").or_else(|| text("id")).or_else(|| made_id(&value("title"), &times)) else {
            return self.sink.report_broken(at, "required", "an event requires an id, a guid or a title");
        };
        if self.programme.hides(at, &id, |name| event.get(name).cloned())? {
            return Ok(());
        }
        self.note_session(at, event, if text("guid").is_some() { "guid" } else { "id" });
        note_types(self.sink, at, event)?;
        let ids = ids_of(event);
        let people = self.people(at, event.get("persons"), UnknownPerson::Name)?;
        let talk = ImportedTalk {
            id,
            ids,
            times,
            room: words(event.get("room"), &self.settings.locale).or_else(|| Some(room.to_owned())),
            track: value("track"),
            people,
            do_not_record: self.programme.consent(at, event.get("do_not_record"))?,
            ..talk_of(event)
        };
        self.programme.talk(at, talk)
    }

    /// Counts the members of a session that are not read. One of its ids is kept.
    fn note_session(&self, at: &str, event: &Value, id: &'static str) {
        let ids: Vec<&str> = ids_of(event).members().chain([id]).collect();
        note_members(self.sink, at, "event", event, &[&SESSION[..], &["date"], &ids].concat());
        note_each(self.sink, at, "link", event.get("links"), &LINK);
        note_each(self.sink, at, "attachment", event.get("attachments"), &ATTACHMENT);
    }

    /// Returns the speakers of a session: objects, or the ids of those that the file has elsewhere.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn people(
        &mut self,
        at: &str,
        list: Option<&Value>,
        missing: UnknownPerson,
    ) -> Result<Vec<TalkPerson>, SinkClosed> {
        let mut people = Vec::new();
        for given in entries(list) {
            note_person(self.sink, at, given);
            note_types(self.sink, at, given)?;
            let id = given.get("id").unwrap_or(given);
            let alone = || {
                text_of(Some(given)).filter(|_| missing == UnknownPerson::Name).and_then(|name| named_speaker(&name))
            };
            match self.lookup.person(id).cloned().or_else(|| person(given).or_else(alone).map(Arc::new)) {
                Some(person) => people.push(person.into()),
                None if given.is_object() => {
                    self.sink.note(at, "/speakers", "required", "left out: a person without a name")?;
                }
                None if missing == UnknownPerson::Ask => self.note_once(at, "expand", super::pretalx::EXPAND)?,
                None => {
                    let message = format!("left out: the file has no person {given}");
                    self.sink.note(at, "/speakers", "dangling_reference", message)?;
                }
            }
        }
        Ok(people)
    }
}

/// Returns the speaker with a name; `None` for a text without a space, which may be an id.
fn named_speaker(name: &str) -> Option<ProgrammePerson> {
    let is_name = name.contains(' ');
    is_name.then(|| ProgrammePerson { id: name.to_owned(), name: name.to_owned(), ..ProgrammePerson::default() })
}

/// What a text in a list of speakers is that no speaker of the file has as an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownPerson {
    /// An id of pretalx, which is asked for more.
    Ask,
    /// A name, if it has a space.
    Name,
    /// An id that leads nowhere.
    Note,
}

/// Returns what c3voc's forms say of a session in the same members: everything but its id, times, place and people.
pub fn talk_of(event: &Value) -> ImportedTalk {
    let text = |name: &str| text_of(event.get(name));
    let value = |name: &str| event.get(name).cloned().unwrap_or_default();
    let mut links = links(event.get("links"));
    add_addresses(
        &mut links,
        [("Programme", text("url")), ("Programme", text("origin_url")), ("Feedback", text("feedback_url"))],
    );
    ImportedTalk {
        slug: text("slug"),
        locale: language(event.get("language")),
        title: value("title"),
        subtitle: value("subtitle"),
        format: value("type"),
        abstract_text: value("abstract"),
        description: value("description"),
        language: language(event.get("language")),
        links,
        attachments: attachments(event.get("attachments")),
        recordings: text("video_download_url").map(|url| (None, url, None)).into_iter().collect(),
        image: address(event.get("logo")),
        recording_license: text("recording_license"),
        ..ImportedTalk::default()
    }
}
