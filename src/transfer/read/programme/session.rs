//! The sessions of a programme, and who speaks in them.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::words::{first_language, flag, is_blank, kind_of, text_or_name};
use super::{ImportedTalk, Programme, TalkPerson};
use crate::items::record_ids::RecordIds;
use crate::transfer::language_names::language_tag;
use crate::transfer::read::SinkClosed;
use crate::transfer::read::online_places::whereabouts;
use crate::transfer::read::whereabouts::MAP;
use crate::transfer::record::Record;

/// Greatest number of speakers of a session.
const MOST_SPEAKERS: usize = 200;

impl Programme<'_> {
    /// Sends a session, after its speakers.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn talk(&mut self, place: &str, mut talk: ImportedTalk) -> Result<(), SinkClosed> {
        self.sink.set_own_ids(std::slice::from_ref(&talk.ids.guid));
        if self.first_guid.is_none() {
            self.first_guid.clone_from(&talk.ids.guid);
        }
        self.begin()?;
        self.has_sessions = true;
        let source = format!("{}:session/{}", self.name, talk.id);
        let times = match talk.times.read(self.zone, self.day_change) {
            Ok(times) => times,
            Err(message) => return self.sink.report_refused(place, ("session", source), "not_a_time", message),
        };
        for (field, code, note) in times.notes {
            self.sink.note(place, field, code, note)?;
        }
        if times.is_local && !std::mem::replace(&mut self.is_zone_known, true) {
            let message = format!(
                "the times name no zone and are read in that of the site, {}; the option `time_zone` names another one",
                self.zone.name()
            );
            self.sink.note(place, "/time_zone", "site_zone", message)?;
        }
        let id = self.ids.session_id(self.sink, place, &talk, times.starts.as_deref())?;
        let mut record = Record::new(place, "session", format!("{}:session/{id}", self.name));
        // What has the id of another one is that one for those who follow the programme.
        record.ids = if id == talk.id { talk.ids.clone() } else { RecordIds::default() };
        record.slug = talk.slug.as_deref().map(|slug| self.own_slug(slug, &talk.ids).to_owned());
        let locale = talk.locale.as_deref().map(first_language);
        record.locale = locale.map(|given| language_tag(given).unwrap_or_else(|| given.to_owned()));
        record.set("event", self.event.clone());
        record.set("speakers", self.speakers(place, &talk)?);
        record.private = self.private;
        self.set_texts(place, &talk, &mut record)?;
        record.set("time_zone", self.zone.name());
        self.widen(times.starts.as_deref());
        record.set("starts_at", times.starts);
        record.set("ends_at", times.ends);
        record.set("do_not_record", talk.do_not_record);
        record.set("recording_license", talk.recording_license.clone());
        if let Some(room) = self.room_of(place, &mut talk)? {
            self.room(json!({ "name": room }));
            record.set("room", room);
        }
        self.set_addresses(place, talk, &mut record)?;
        self.sink.record(record)
    }

    /// Returns the name of the room of a session. An address on the net or of a map becomes a link, and a room that is not known
    /// yet none.
    fn room_of(&self, place: &str, talk: &mut ImportedTalk) -> Result<Option<String>, SinkClosed> {
        let Some(room) = talk.room.take().filter(|room| !room.trim().is_empty()) else { return Ok(None) };
        let found = whereabouts(&room);
        if found.url.is_some() || found.map.is_some() {
            let addresses = [("Online", found.url), (MAP, found.map)].into_iter();
            talk.links.extend(addresses.filter_map(|(title, url)| Some((Some(title.to_owned()), url?, None))));
            let name = if found.place.is_empty() { found.rest.join(", ") } else { found.place };
            return Ok(Some(name).filter(|name| !name.is_empty()));
        }
        if found.is_nowhere() && !found.is_online {
            return found.tell(self.sink, place, "/room").map(|()| None);
        }
        Ok(Some(room))
    }

    /// Sets the texts of a session, and its kind.
    fn set_texts(&self, place: &str, talk: &ImportedTalk, record: &mut Record) -> Result<(), SinkClosed> {
        for (field, value) in [
            ("title", &talk.title),
            ("subtitle", &talk.subtitle),
            ("format", &talk.format),
            ("abstract", &talk.abstract_text),
            ("description", &talk.description),
            ("track", &talk.track),
        ] {
            record.set(field, self.text(place, field, value)?);
        }
        record
            .set("kind", talk.kind.unwrap_or_else(|| kind_of(&record.body.get("format").cloned().unwrap_or_default())));
        Ok(())
    }

    fn speakers(&mut self, place: &str, talk: &ImportedTalk) -> Result<Vec<Value>, SinkClosed> {
        let (mut speakers, mut known) = (Vec::<Value>::new(), HashSet::new());
        for TalkPerson { person, role } in &talk.people {
            if !known.insert(person.id.as_str()) {
                let message = format!("\"{}\" is named twice and taken once", person.name);
                self.sink.note(place, "/speakers", "duplicate", message)?;
                continue;
            }
            if speakers.len() == MOST_SPEAKERS {
                let message = format!("a session has at most {MOST_SPEAKERS}; the first {MOST_SPEAKERS} are taken");
                self.sink.note(place, "/speakers", "too_many", message)?;
                break;
            }
            let source = self.person(place, person)?;
            let mut speaker = Map::from_iter([("speaker".to_owned(), Value::from(source))]);
            if let Some(role) = role {
                speaker.insert("role".to_owned(), role.to_lowercase().into());
            }
            speakers.push(speaker.into());
        }
        Ok(speakers)
    }

    /// Returns the part of a session's slug that is its own: programs write the acronym and the number before it.
    fn own_slug<'s>(&self, slug: &'s str, ids: &RecordIds) -> &'s str {
        let before = self.acronym.as_deref().zip(ids.number).map(|(acronym, number)| format!("{acronym}-{number}-"));
        before.and_then(|before| slug.strip_prefix(before.as_str())).filter(|own| !own.is_empty()).unwrap_or(slug)
    }

    /// Returns a text, or a text by language, for a value that may be an object with a name. What is none of them is noted.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn text(&self, place: &str, field: &str, given: &Value) -> Result<Value, SinkClosed> {
        if let Some(text) = text_or_name(given) {
            return Ok(text);
        }
        let message = "left out: it is neither a text nor something with a name";
        self.sink.note(place, &format!("/{field}"), "wrong_type", message).map(|()| Value::Null)
    }

    /// Returns whether a session must not be recorded, of a value in any spelling. One that cannot be read is noted.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn consent(&self, place: &str, given: Option<&Value>) -> Result<Option<bool>, SinkClosed> {
        let Some(given) = given.filter(|given| !is_blank(given)) else { return Ok(None) };
        let known = flag(given);
        if known.is_none() {
            let message = format!("left out: {given} is neither true nor false");
            self.sink.note(place, "/do_not_record", "wrong_type", message)?;
        }
        Ok(known)
    }
}
