//! pretalx: the pages of its API, its schedule by day, time and room, and the file of its widget.

use chrono::NaiveTime;
use serde_json::Value;

use super::ScheduleReader;
use super::people::{ATTACHMENT, ROOM, attachments, ids_of, note_each, note_members};
use crate::items::record_ids::RecordIds;
use crate::transfer::read::programme::ImportedTalk;
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::{self, words};
use crate::transfer::read::{Closed, text_of};

/// The note on ids where content is wanted.
pub const EXPAND: &str = "the file has ids instead of content, which are left out; ask pretalx for \
                          ?expand=speakers,submission_type,track,slots,slots.room,resources";

/// Beginnings of the ids of breaks, which are no submissions.
pub const BREAKS: [&str; 2] = ["slot", "extra"];

/// States of submissions that are part of the programme.
const TAKEN: &[&str] = &["confirmed", "accepted"];

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
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn result(&mut self, at: &str, value: &Value) -> Result<(), Closed> {
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
    fn slot(&mut self, at: &str, slot: &Value) -> Result<(), Closed> {
        self.is_known = true;
        if let Some(why) = left_out(slot) {
            return self.sink.note(at, "/state", "not_public", format!("a slot is left out: {why}"));
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
                self.once(
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
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn submission(&mut self, at: &str, given: &Value) -> Result<(), Closed> {
        let Some(code) = text_of(given.get("code")).or_else(|| text_of(given.get("id"))) else {
            return self.sink.broken(at, "required", "a submission requires a code");
        };
        self.is_known = true;
        if let Some(why) = left_out(given) {
            return self.sink.note(at, "/state", "not_public", format!("{code} is left out: {why}"));
        }
        self.note_submission(at, given);
        for _ in given.get("answers").and_then(Value::as_array).into_iter().flatten() {
            self.sink.left_out(at, "submission/answers");
        }
        for _ in given.get("tags").and_then(Value::as_array).into_iter().flatten() {
            self.sink.left_out(at, "submission/tags");
        }
        let whole = [given.get("slot").filter(|slot| slot.is_object()).unwrap_or(given).clone()];
        let slots = given.get("slots").and_then(Value::as_array);
        let slots: Vec<&Value> =
            slots.into_iter().flatten().filter(|slot| slot.is_object() && left_out(slot).is_none()).collect();
        let is_id = |slot: &Value| slot.is_number();
        let has_ids = given.get("slots").and_then(Value::as_array).is_some_and(|list| list.iter().any(is_id));
        if has_ids {
            self.once(at, "expand", EXPAND)?;
        }
        let slots = if slots.is_empty() { whole.iter().collect() } else { slots };
        for (index, slot) in slots.into_iter().enumerate() {
            let id = if index == 0 { code.clone() } else { format!("{code}/{}", index + 1) };
            let talk = self.submission_at(at, id, given, slot)?;
            self.programme.talk(at, talk)?;
        }
        Ok(())
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

    fn submission_at(&mut self, at: &str, id: String, given: &Value, slot: &Value) -> Result<ImportedTalk, Closed> {
        let value = |name: &str| given.get(name).cloned().unwrap_or_default();
        let locale = text_of(given.get("content_locale"));
        Ok(ImportedTalk {
            // Each further slot is a session of its own, which the code does not mean.
            ids: if id.contains('/') { RecordIds::default() } else { ids_of(given) },
            id,
            locale: locale.clone(),
            title: value("title"),
            format: self.named(at, given.get("submission_type"))?,
            // The widget has breaks among the talks; they have no code.
            kind: given.get("code").is_none_or(Value::is_null).then_some("break"),
            abstract_text: value("abstract"),
            description: value("description"),
            times: times_of(slot),
            room: self.room_of(at, slot)?,
            track: match self.lookup.track(&value("track")) {
                Some(track) => track.clone(),
                None => self.named(at, given.get("track"))?,
            },
            language: locale,
            people: self.people(at, given.get("speakers"))?,
            attachments: attachments(given.get("resources")),
            image: text_of(given.get("image")),
            do_not_record: given.get("do_not_record").and_then(Value::as_bool),
            recording_license: text_of(given.get("recording_license")).or_else(|| text_of(given.get("license"))),
            ..ImportedTalk::default()
        })
    }

    /// Returns the name of something that may be an object, a text or an id.
    fn named(&mut self, at: &str, given: Option<&Value>) -> Result<Value, Closed> {
        match given {
            Some(Value::Number(_)) => self.once(at, "expand", EXPAND).map(|()| Value::Null),
            Some(given) => Ok(given.get("name").unwrap_or(given).clone()),
            None => Ok(Value::Null),
        }
    }

    fn room_of(&mut self, at: &str, slot: &Value) -> Result<Option<String>, Closed> {
        let Some(room) = slot.get("room").filter(|room| !room.is_null()) else { return Ok(None) };
        if let Some(details) = words::room(room, &self.settings.locale) {
            note_members(self.sink, at, "room", room, &ROOM);
            self.programme.begin()?;
            self.programme.room(details);
        }
        if let Some(name) = self.lookup.room(room) {
            return Ok(words(Some(name), &self.settings.locale));
        }
        self.named(at, Some(room)).map(|name| words(Some(&name), &self.settings.locale))
    }

    /// Reads a break, given its day and the minute of the day at which it begins.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn extra(&mut self, at: &str, day: &str, minute: &str, given: &Value) -> Result<(), Closed> {
        self.is_known = true;
        let begins = minute.parse::<u32>().ok().and_then(|m| NaiveTime::from_hms_opt(m / 60, m % 60, 0));
        let (Some(id), Some(begins)) = (text_of(given.get("id")), begins) else {
            return self.sink.broken(at, "not_a_break", "a break requires an id, under a day and a minute of the day");
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

/// Returns why a submission is no part of the programme, if it is none.
fn left_out(given: &Value) -> Option<String> {
    let state =
        text_of(given.get("state")).filter(|state| !TAKEN.iter().any(|known| state.eq_ignore_ascii_case(known)));
    if let Some(state) = state {
        return Some(format!("its state is \"{state}\""));
    }
    let hidden = ["is_public", "is_visible"].iter().find(|name| given.get(**name) == Some(&Value::Bool(false)));
    hidden.map(|name| format!("`{name}` is false"))
}
