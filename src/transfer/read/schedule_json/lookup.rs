//! What the sessions of a file refer to: the event as a whole, its days, rooms, tracks, speakers and categories.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::people::person;
use super::{enters, is_number};
use crate::transfer::read::json_stream::ElementHandler;
use crate::transfer::read::programme::states::why_hidden;
use crate::transfer::read::programme::words::words;
use crate::transfer::read::programme::{ProgrammePerson, cut_name};
use crate::transfer::read::{SinkClosed, text_of};

/// Greatest number of things of one sort that are remembered. It bounds the memory for a hostile file.
const MOST: usize = 100_000;

/// What is known of a file before its sessions are read.
#[derive(Debug, Default)]
pub struct ProgrammeLookup {
    /// The locale in which names are kept that can have one language only.
    locale: String,
    heading: Vec<(String, Value)>,
    /// Dates of the days, by their position.
    days: HashMap<String, String>,
    rooms: HashMap<String, Value>,
    tracks: HashMap<String, Value>,
    people: HashMap<String, Arc<ProgrammePerson>>,
    /// Entries of categories, by id: the title of the category and the name of the entry.
    categories: HashMap<String, (Arc<str>, String)>,
    /// Ids of the sessions that are not public.
    hidden: HashSet<String>,
    /// Names of the tracks of submissions whose colour is in the heading.
    coloured: HashSet<String>,
    /// Whether the file is a list of entries as a page of pretalx has them, without the page around it.
    is_list: bool,
}

impl ProgrammeLookup {
    /// Creates a lookup that keeps names in a locale.
    pub fn new(locale: &str) -> Self {
        Self { locale: locale.to_owned(), ..Self::default() }
    }

    /// Returns the properties of the event.
    pub fn heading(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.heading.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns whether the file is a list of entries as a page of pretalx has them.
    pub fn is_list(&self) -> bool {
        self.is_list
    }

    /// Returns the date of a day.
    pub fn day(&self, index: &str) -> Option<&str> {
        self.days.get(index).map(String::as_str)
    }

    /// Returns the dates of the days.
    pub fn days(&self) -> impl Iterator<Item = &str> {
        self.days.values().map(String::as_str)
    }

    /// Returns the name of the room with an id.
    pub fn room(&self, id: &Value) -> Option<&Value> {
        self.rooms.get(&text_of(Some(id))?)
    }

    /// Returns the name of the track with an id.
    pub fn track(&self, id: &Value) -> Option<&Value> {
        self.tracks.get(&text_of(Some(id))?)
    }

    /// Returns the speaker with an id or a code.
    pub fn person(&self, id: &Value) -> Option<&Arc<ProgrammePerson>> {
        self.people.get(&text_of(Some(id))?)
    }

    /// Returns the title of the category and the name of its entry with an id.
    pub fn category(&self, id: &Value) -> Option<&(Arc<str>, String)> {
        self.categories.get(&text_of(Some(id))?)
    }

    fn entry(&mut self, kind: &str, value: &Value) {
        let Some(id) = text_of(value.get("id")) else { return };
        let name = value.get("name").cloned().unwrap_or_default();
        match kind {
            "rooms" if self.rooms.len() < MOST => {
                self.rooms.insert(id, name);
                self.heading.push(("rooms".to_owned(), json!([value])));
            }
            "tracks" if self.tracks.len() < MOST => {
                self.tracks.insert(id, name.clone());
                let track = json!([{"name": words(Some(&name), &self.locale), "color": value.get("color")}]);
                self.heading.push(("tracks".to_owned(), track));
            }
            _ => {}
        }
    }

    /// Remembers the names of the rooms and tracks of a conference by the ids that its sessions may have for them.
    fn refer(&mut self, kind: &str, list: &Value) {
        let names = match kind {
            "rooms" => &mut self.rooms,
            "tracks" => &mut self.tracks,
            _ => return,
        };
        for entry in list.as_array().into_iter().flatten().take(MOST) {
            let ids = ["guid", "slug"].iter().filter_map(|id| text_of(entry.get(*id)));
            ids.for_each(|id| drop(names.insert(id, entry.get("name").cloned().unwrap_or_default())));
        }
    }

    fn speaker(&mut self, value: &Value) {
        let Some(person) = person(value).filter(|_| self.people.len() < MOST) else { return };
        let person = Arc::new(person.cut());
        let ids = ["code", "id", "guid"].iter().filter_map(|name| text_of(value.get(name)));
        ids.for_each(|id| drop(self.people.insert(id, Arc::clone(&person))));
    }

    /// Remembers a session of Sessionize that is left out because it is not public.
    fn remember_hidden(&mut self, value: &Value) {
        let Some(id) = text_of(value.get("id")).filter(|_| self.hidden.len() < MOST) else { return };
        if why_hidden(|name| value.get(name).cloned()).is_some() {
            self.hidden.insert(id);
        }
    }

    /// Returns whether a speaker of Sessionize has sessions and all of them are left out.
    pub fn has_hidden_sessions_only(&self, speaker: &Value) -> bool {
        let sessions = speaker.get("sessions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_hidden = |session: &Value| {
            text_of(session.get("id")).or_else(|| text_of(Some(session))).is_some_and(|id| self.hidden.contains(&id))
        };
        !sessions.is_empty() && sessions.iter().all(is_hidden)
    }

    /// Remembers the colour of the track of a submission that is part of the programme.
    fn track_of(&mut self, submission: &Value) {
        if let Some(track) = submission.get("track")
            && why_hidden(|name| submission.get(name).cloned()).is_none()
        {
            self.own_track(track);
        }
    }

    fn own_track(&mut self, track: &Value) {
        let (name, colour) = (words(track.get("name"), &self.locale), text_of(track.get("color")));
        if let (Some(name), Some(colour), true) = (name, colour, self.coloured.len() < MOST)
            && self.coloured.insert(name.clone())
        {
            self.heading.push(("tracks".to_owned(), json!([{"name": name, "color": colour}])));
        }
    }

    fn category_entries(&mut self, value: &Value) {
        let title: Arc<str> = cut_name(text_of(value.get("title")).unwrap_or_default()).into();
        for item in value.get("items").and_then(Value::as_array).into_iter().flatten() {
            if let (Some(id), Some(name), true) =
                (text_of(item.get("id")), text_of(item.get("name")), self.categories.len() < MOST)
            {
                self.categories.insert(id, (Arc::clone(&title), cut_name(name)));
            }
        }
    }
}

impl ElementHandler for ProgrammeLookup {
    fn enters(&self, path: &[String]) -> bool {
        enters(&path.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn hear(&mut self, path: &[String], value: Value) -> Result<(), SinkClosed> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["schedule", "conference", "days", index, "date"] if self.days.len() < MOST => {
                self.days.insert((*index).to_owned(), text_of(Some(&value)).unwrap_or_default());
            }
            ["schedule", "conference", "days", ..] => {}
            ["schedule", "conference", name] if self.heading.len() < MOST => {
                self.refer(name, &value);
                self.heading.push(((*name).to_owned(), value));
            }
            ["schedule", "base_url"] if value.is_string() => self.heading.push(("base_url".to_owned(), value)),
            ["schedule", "url"] if value.is_string() => self.heading.push(("schedule_url".to_owned(), value)),
            // pretalx's widget
            [name @ ("timezone" | "event_start" | "event_end")] => {
                let known = match *name {
                    "timezone" => "time_zone_name",
                    "event_start" => "start",
                    _ => "end",
                };
                self.heading.push((known.to_owned(), value));
            }
            [kind @ ("rooms" | "tracks"), _] => self.entry(kind, &value),
            ["speakers", _] | ["schedule", "persons", _] => self.speaker(&value),
            ["sessions", _] | [_, "sessions", _] => self.remember_hidden(&value),
            ["results" | "talks", _] => self.track_of(&value),
            ["categories", _] => self.category_entries(&value),
            [index, "code" | "submission"] if is_number(index) => self.is_list = true,
            [index, "track"] if is_number(index) => self.own_track(&value),
            _ => {}
        }
        Ok(())
    }
}
