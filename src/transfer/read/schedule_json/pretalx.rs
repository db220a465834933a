//! pretalx: the pages of its API, its schedule by day, time and room, and the file of its widget.

use chrono::NaiveTime;
use serde_json::Value;

use super::ScheduleReader;
use super::frab::UnknownPerson;
use super::people::{ATTACHMENT, ROOM, address, attachments, ids_of, note_each, note_members, note_types};
use crate::items::record_ids::RecordIds;
use crate::transfer::read::programme::ImportedTalk;
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::{self, words};
use crate::transfer::read::{SinkClosed, text_of};

/// The note on ids where content is wanted.
pub const EXPAND: &str = "the file has ids instead of content, which are left out; ask pretalx for \
                          ?expand=speakers,submission_type,track,slots,slots.room,resources";

/// Beginnings of the ids of breaks, which are no submissions.
pub const BREAKS: [&str; 2] = ["slot", "extra"];

/// Members of a submission that are read.
const READ: [&str; 24] = [
    "code",
    "title",
    "abstract",
    "description",
    "speakers",
    "submission_type",
    "track",
    "state",
    "duration",
    "do_not_record",
    "content_locale",
    "slot",
    "slots",
    "start",
    "end",
    "room",
    "image",
    "resources",
    "answers",
    "is_public",
    "recording_license",
    "license",
    "is_visible",
    "tags",
];
/// Members of slots that are read.
const SLOT: [&str; 4] = ["start", "end", "room", "is_visible"];

impl ScheduleReader<'_> {
    /// Reads an entry of a page: a submission, a slot, a speaker or a room.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn result(&mut self, at: &str, value: &Value) -> Result<(), SinkClosed> {
        let has = |name: &str| value.get(name).is_some();
        match (has("title"), has("submission"), has("name")) {
            (true, _, _) | (false, false, false) => {
                self.has_submissions = true;
                return self.submission(at, value);
            }
            (false, true, _) => self.slot(at, value)?,
            (false, false, true) if has("code") => self.speaker(at, value)?,
            (false, false, true) => self.room(at, value)?,
        }
        // A list of slots, speakers or rooms does not have all sessions.
        self.is_part = true;
        Ok(())
    }

    /// Reads an entry of `/slots/`: a break, or a submission that is expanded.
    fn slot(&mut self, at: &str, slot: &Value) -> Result<(), SinkClosed> {
        self.is_known = true;
        if self.programme.hides(at, "a slot", |name| slot.get(name).cloned())? {
            return Ok(());
        }
        match slot.get("submission") {
            Some(Value::Object(submission)) => {
                let mut submission = submission.clone();
                submission.insert("slots".to_owned(), Value::Array(vec![slot.clone()]));
                self.submission(at, &submission.into())
            }
            None | Some(Value::Null) => {
                note_members(self.sink, at, "slot", slot, &[&SLOT[..], &["id", "description"]].concat());
                let id = text_of(slot.get("id")).unwrap_or_else(|| at.to_owned());
                let talk = ImportedTalk {
                    id: format!("slot/{id}"),
                    title: slot.get("description").cloned().unwrap_or_default(),
                    format: "break".into(),
                    times: times_of(slot),
                    room: self.room_of(at, slot)?,
                    ..ImportedTalk::default()
                };
                self.programme.talk(at, talk)
            }
            Some(_) => {
                self.sink.left_out(at, "slot of a submission that is an id");
                self.note_once(
                    at,
                    "expand_submission",
                    "the slots of submissions are left out; ask pretalx for ?expand=submission,room",
                )
            }
        }
    }

    /// Reads a submission that is part of the programme, with its slots; each slot after the first becomes a session of its own.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn submission(&mut self, at: &str, given: &Value) -> Result<(), SinkClosed> {
        // A break has no code; what has neither a code nor a time is of another program.
        let id = || text_of(given.get("id")).filter(|_| given.get("start").is_some() || given.get("slot").is_some());
        let Some(code) = text_of(given.get("code")).or_else(id) else {
            return self.sink.report_broken(at, "required", "a submission requires a code");
        };
        self.is_known = true;
        if self.programme.hides(at, &code, |name| given.get(name).cloned())? {
            return Ok(());
        }
        self.note_submission(at, given);
        note_types(self.sink, at, given)?;
        for _ in given.get("answers").and_then(Value::as_array).into_iter().flatten() {
            self.sink.left_out(at, "submission/answers");
        }
        for _ in given.get("tags").and_then(Value::as_array).into_iter().flatten() {
            self.sink.left_out(at, "submission/tags");
        }
        let slots = self.slots(at, &code, given)?;
        if slots.is_empty() {
            let message = format!("{code} is left out: none of its slots is visible");
            return self.sink.note(at, "/state", "not_public", message);
        }
        let is_id = |slot: &Value| slot.is_number();
        let has_ids = given.get("slots").and_then(Value::as_array).is_some_and(|list| list.iter().any(is_id));
        if has_ids {
            self.note_once(at, "expand", EXPAND)?;
        }
        for (index, slot) in slots.into_iter().enumerate() {
            let id = if index == 0 { code.clone() } else { format!("{code}/{}", index + 1) };
            let talk = self.submission_at(at, id, given, slot)?;
            self.programme.talk(at, talk)?;
        }
        Ok(())
    }

    /// Returns the slots of a submission that are visible: those of its list, else its only one, else itself. Empty if it
    /// has slots and none is visible.
    fn slots<'v>(&self, at: &str, code: &str, given: &'v Value) -> Result<Vec<&'v Value>, SinkClosed> {
        let list = given.get("slots").and_then(Value::as_array).into_iter().flatten();
        let mut given_slots: Vec<&Value> = list.filter(|slot| slot.is_object()).collect();
        if given_slots.is_empty() {
            given_slots.extend(given.get("slot").filter(|slot| slot.is_object()));
        }
        if given_slots.is_empty() {
            return Ok(vec![given]);
        }
        let mut slots = Vec::with_capacity(given_slots.len());
        for slot in given_slots {
            if !self.programme.hides(at, &format!("a slot of {code}"), |name| slot.get(name).cloned())? {
                slots.push(slot);
            }
        }
        Ok(slots)
    }

    /// Counts the members of a submission that are not read, and of what is within it.
    fn note_submission(&self, at: &str, given: &Value) {
        let (sink, list) = (self.sink, |name: &str| given.get(name));
        note_members(sink, at, "submission", given, &READ);
        for (what, read) in
            [("submission_type", &["name"][..]), ("track", &["name"]), ("slot", &SLOT), ("slots", &SLOT)]
        {
            if list(what).is_some_and(|value| value.get("name").is_some() || what.starts_with("slot")) {
                note_each(sink, at, what, list(what), read);
            }
        }
        note_each(sink, at, "resource", list("resources"), &ATTACHMENT);
    }

    fn submission_at(&mut self, at: &str, id: String, given: &Value, slot: &Value) -> Result<ImportedTalk, SinkClosed> {
        let value = |name: &str| given.get(name).cloned().unwrap_or_default();
        let locale = text_of(given.get("content_locale"));
        Ok(ImportedTalk {
            // Each further slot is a session of its own, which the code does not mean.
            ids: if id.contains('/') { RecordIds::default() } else { ids_of(given) },
            id,
            locale: locale.clone(),
            title: value("title"),
            format: self.resolve_name(at, given.get("submission_type"))?,
            // The widget has breaks among the talks; they have no code.
            kind: given.get("code").is_none_or(Value::is_null).then_some("break"),
            abstract_text: value("abstract"),
            description: value("description"),
            times: times_of(slot),
            room: self.room_of(at, slot)?,
            track: match self.lookup.track(&value("track")) {
                Some(track) => track.clone(),
                None => self.resolve_name(at, given.get("track"))?,
            },
            language: locale,
            people: self.people(at, given.get("speakers"), UnknownPerson::Ask)?,
            attachments: attachments(given.get("resources")),
            image: address(given.get("image")),
            do_not_record: self.programme.consent(at, given.get("do_not_record"))?,
            recording_license: text_of(given.get("recording_license")).or_else(|| text_of(given.get("license"))),
            ..ImportedTalk::default()
        })
    }

    /// Returns the name of something that may be an object, a text or an id.
    fn resolve_name(&mut self, at: &str, given: Option<&Value>) -> Result<Value, SinkClosed> {
        match given {
            Some(Value::Number(_)) => self.note_once(at, "expand", EXPAND).map(|()| Value::Null),
            Some(given) => Ok(given.clone()),
            None => Ok(Value::Null),
        }
    }

    fn room_of(&mut self, at: &str, slot: &Value) -> Result<Option<String>, SinkClosed> {
        let Some(room) = slot.get("room").filter(|room| !room.is_null()) else { return Ok(None) };
        if let Some(details) = words::room(room, &self.settings.locale) {
            note_members(self.sink, at, "room", room, &ROOM);
            self.programme.room(details);
        }
        if let Some(name) = self.lookup.room(room) {
            return Ok(words(Some(name), &self.settings.locale));
        }
        self.resolve_name(at, Some(room)).map(|name| words(Some(&name), &self.settings.locale))
    }

    /// Reads a break, given its day and the minute of the day at which it begins.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn read_break(&mut self, at: &str, day: &str, minute: &str, given: &Value) -> Result<(), SinkClosed> {
        self.is_known = true;
        let begins = minute.parse::<u32>().ok().and_then(|m| NaiveTime::from_hms_opt(m / 60, m % 60, 0));
        let (Some(id), Some(begins)) = (text_of(given.get("id")), begins) else {
            return self.sink.report_broken(
                at,
                "not_a_break",
                "a break requires an id, under a day and a minute of the day",
            );
        };
        note_members(self.sink, at, "break", given, &["id", "title", "description"]);
        let talk = ImportedTalk {
            id: format!("extra/{id}"),
            slug: Some(id),
            title: given.get("title").cloned().unwrap_or_default(),
            description: given.get("description").cloned().unwrap_or_default(),
            format: "break".into(),
            times: GivenTimes { date: Some(format!("{day}T{}", begins.format("%H:%M"))), ..GivenTimes::default() },
            ..ImportedTalk::default()
        };
        self.programme.talk(at, talk)
    }
}

fn times_of(slot: &Value) -> GivenTimes {
    let duration = text_of(slot.get("duration")).filter(|_| slot.get("end").is_none_or(Value::is_null));
    GivenTimes { date: text_of(slot.get("start")), end: text_of(slot.get("end")), duration, ..GivenTimes::default() }
}
