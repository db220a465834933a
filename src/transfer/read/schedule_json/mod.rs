//! Programmes in JSON: frab's `schedule.json` and schedule2 (c3voc), pretalx's API and widget, Sessionize, Indico and The Events
//! Calendar. The members of objects have no order (RFC 8259, section 4), so a file is read twice: first what sessions refer to, then the sessions.

mod events_calendar;
mod frab;
mod indico;
mod lookup;
mod people;
mod pretalx;
mod schedule2;
mod sessionize;

use std::collections::BTreeSet;

use serde_json::Value;

use super::input::as_utf8;
use super::json_stream::{self, ElementHandler, place};
use super::programme::{Programme, words};
use super::{Input, Settings, Sink, SinkClosed, text_of};
use lookup::ProgrammeLookup;

/// Top-level members that say something of the file and nothing of the programme.
const OF_FILE: [&str; 18] = [
    "$schema",
    "generator",
    "version",
    "count",
    "base_url",
    "url",
    "questions",
    "timezone",
    "event_start",
    "event_end",
    "$id",
    "_type",
    "complete",
    "ts",
    "additionalInfo",
    "rest_url",
    "total",
    "total_pages",
];

/// Members with the address of another page.
const PAGES: [&str; 4] = ["next", "next_rest_url", "previous", "previous_rest_url"];

/// Reads a programme.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), SinkClosed> {
    let mut input = match as_utf8(input, None) {
        Ok(input) => input,
        Err(error) => return sink.report_broken("line 1", "unreadable", error.to_string()),
    };
    let mut lookup = ProgrammeLookup::new(&settings.locale);
    // A fault of the text is reported when it is read for the second time.
    json_stream::scan(&mut *input, &mut lookup)?;
    if let Err(error) = input.restart() {
        return sink.report_broken("line 1", "unreadable", error.to_string());
    }
    let mut programme = Programme::new(settings, sink);
    for (name, value) in lookup.heading() {
        programme.head(name, value);
    }
    lookup.days().for_each(|day| programme.day(day));
    let mut reader = ScheduleReader {
        programme,
        sink,
        settings,
        lookup: &lookup,
        day: String::new(),
        notes: BTreeSet::new(),
        is_part: false,
        has_submissions: false,
        is_known: false,
        is_strange: false,
    };
    let is_read = json_stream::read(&mut *input, &mut reader, sink)?;
    reader.finish(is_read)
}

/// The reader of the sessions.
struct ScheduleReader<'a> {
    programme: Programme<'a>,
    sink: &'a Sink,
    settings: &'a Settings,
    lookup: &'a ProgrammeLookup,
    /// Day of the programme that is being read.
    day: String,
    /// Notes that are made once for each file.
    notes: BTreeSet<&'static str>,
    /// Whether the file is a part of its source, such as one page of several.
    is_part: bool,
    /// Whether the file is a page of submissions, which has no breaks.
    has_submissions: bool,
    /// Whether any part of the file is one of a known format.
    is_known: bool,
    /// Whether the file has a list or an object of an unknown name, which may be its sessions.
    is_strange: bool,
}

/// Returns whether the entries of the value at a path are read one by one.
fn enters(path: &[&str]) -> bool {
    match path {
        [] => true,
        // frab: schedule > conference > days > n > rooms > room > n
        ["schedule"] | ["schedule", "conference"] => true,
        ["schedule", "conference", "days", rest @ ..] => {
            matches!(rest, [] | [_] | [_, "rooms"] | [_, "rooms", _])
        }
        ["schedule", "conference", ..] | ["schedule", "version" | "base_url"] => false,
        // schedule2: schedule > events > n, and schedule > persons > n
        ["schedule", "events" | "persons", rest @ ..] => rest.is_empty(),
        // pretalx: schedule > day > minute > room > session, and extra > day > minute
        ["sprints" | "extra"] => true,
        ["schedule" | "sprints" | "extra", day] => is_day(day),
        ["schedule" | "sprints", day, _] => is_day(day),
        ["rooms" | "speakers" | "results" | "talks" | "sessions" | "tracks" | "categories" | "events"] => true,
        // Sessionize: groups of sessions
        [group] => is_number(group),
        [group, "sessions"] => is_number(group),
        _ => false,
    }
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a member of a schedule is a day; others say something of the schedule.
fn is_day(member: &str) -> bool {
    member.starts_with(|first: char| first.is_ascii_digit()) && member.contains('-')
}

impl ElementHandler for ScheduleReader<'_> {
    fn enters(&self, path: &[String]) -> bool {
        let is_entry = path.len() == 1 && self.lookup.is_list() && is_number(&path[0]);
        !is_entry && enters(&path.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn hear(&mut self, path: &[String], value: Value) -> Result<(), SinkClosed> {
        let at = place(path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["schedule", "conference", "days", _, member] => {
                self.day_member(&at, member, &value);
                Ok(())
            }
            ["schedule", "conference", "days", index, "rooms", room, _] => {
                self.is_known = true;
                let day = self.lookup.day(index).unwrap_or(&self.day).to_owned();
                self.frab(&at, &day, room, &value)
            }
            // These were read with the heading.
            ["schedule", "conference", ..] | ["tracks" | "categories", _] => {
                self.note_heading(&at, &path, &value);
                Ok(())
            }
            ["schedule", member] | [member] if is_of_file(member) => self.file_member(&at, member, &value),
            ["schedule", "events", _] => self.listed_session(&at, &value),
            ["schedule", "persons", _] => self.speaker(&at, &value),
            ["schedule" | "sprints", _, _, _] => self.submission(&at, &value),
            ["results", _] if indico::is_event(&value) => self.indico(&at, &value),
            ["results", _] => self.result(&at, &value),
            ["talks", _] => self.submission(&at, &value),
            [index] if is_number(index) => self.result(&at, &value),
            ["schedule", "rooms"] => value.as_array().into_iter().flatten().try_for_each(|room| self.room(&at, room)),
            ["events", _] => self.listed_event(&at, &value),
            ["sessions", _] | [_, "sessions", _] => self.sessionize(&at, &value),
            ["extra", day, minute] => self.read_break(&at, day, minute, &value),
            ["rooms", _] => self.room(&at, &value),
            ["speakers", _] => self.speaker(&at, &value),
            [_, "groupId" | "groupName" | "isDefault"] => {
                self.sink.on_purpose(&at, &format!("group/{}", path[1]), "sessions are not in groups here");
                Ok(())
            }
            _ => {
                let is_list = value.as_array().is_some_and(|list| !list.is_empty()) || value.is_object();
                self.is_strange |= is_list;
                self.sink.left_out(&at, path.last().copied().unwrap_or_default());
                Ok(())
            }
        }
    }
}

fn is_of_file(member: &str) -> bool {
    OF_FILE.contains(&member) || PAGES.contains(&member)
}

impl ScheduleReader<'_> {
    /// Ends the programme, of a file that was read to its end or not.
    fn finish(self, is_read: bool) -> Result<(), SinkClosed> {
        let (sink, is_part) = (self.sink, self.is_part);
        // The name of an event is no programme if its sessions are in a form that is not known.
        let is_known = self.is_known || (!self.programme.is_empty() && !self.is_strange);
        if self.has_submissions {
            for breaks in pretalx::BREAKS {
                self.programme.lacks(breaks)?;
            }
        }
        if is_known {
            self.programme.finish()?;
        }
        match (is_read, is_known) {
            (true, false) => {
                let forms = "schedule.json, schedule2, pretalx, Sessionize, Indico, The Events Calendar";
                sink.report_broken("line 1", "unknown_format", format!("this is no form that is known: {forms}"))
            }
            (true, true) if !is_part => sink.mark_whole(),
            _ => Ok(()),
        }
    }

    fn file_member(&mut self, at: &str, member: &str, value: &Value) -> Result<(), SinkClosed> {
        if PAGES.contains(&member) {
            if value.is_null() {
                return Ok(());
            }
            self.is_part = true;
            let message = format!("this is one page of several: `{member}` names another one");
            return self.note_once(at, "partial", &message);
        }
        if !matches!(member, "timezone" | "event_start" | "event_end" | "base_url") {
            self.sink.on_purpose(at, member, "it belongs to the file");
        }
        Ok(())
    }

    fn day_member(&mut self, at: &str, member: &str, value: &Value) {
        match member {
            "date" => self.day = text_of(Some(value)).unwrap_or_default(),
            "index" | "day_start" | "day_end" | "start" | "end" => {
                self.sink.on_purpose(at, &format!("day/{member}"), "the sessions have their times themselves");
            }
            other => self.sink.left_out(at, &format!("day/{other}")),
        }
    }

    /// Makes a note at its first occasion.
    fn note_once(&mut self, at: &str, code: &'static str, message: &str) -> Result<(), SinkClosed> {
        if self.notes.insert(code) { self.sink.note(at, "", code, message) } else { Ok(()) }
    }

    /// Counts the members of rooms, tracks and categories that are not read.
    fn note_heading(&self, at: &str, path: &[&str], value: &Value) {
        let sink = self.sink;
        match path {
            ["schedule", "conference", "rooms"] => {
                people::note_each(sink, at, "room", Some(value), &[&people::ROOM[..], &["guid"]].concat());
            }
            ["schedule", "conference", "logo"] if value.is_object() => {
                people::note_each(sink, at, "logo", Some(value), &["url"]);
            }
            ["tracks", _] => people::note_members(sink, at, "track", value, &["name", "color"]),
            ["categories", _] => {
                people::note_members(sink, at, "category", value, &["title", "items"]);
                people::note_each(sink, at, "category/item", value.get("items"), &["name"]);
            }
            _ => {}
        }
    }

    fn room(&mut self, at: &str, value: &Value) -> Result<(), SinkClosed> {
        // Rooms with an id were read with the heading, so that they come in their own order.
        if let Some(room) = words::room(value, &self.settings.locale) {
            self.is_known = true;
            self.programme.room(room);
            people::note_members(self.sink, at, "room", value, &people::ROOM);
        }
        Ok(())
    }

    fn speaker(&mut self, at: &str, value: &Value) -> Result<(), SinkClosed> {
        let Some(person) = people::person(value) else { return Ok(()) };
        self.is_known = true;
        if self.lookup.has_hidden_sessions_only(value) {
            let message = format!("{} is left out: all sessions of this speaker are left out", person.name);
            return self.sink.note(at, "/speakers", "not_public", message);
        }
        people::note_person(self.sink, at, value);
        people::note_types(self.sink, at, value)?;
        self.programme.person(at, &person).map(drop)
    }
}
