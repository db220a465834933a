//! The common form of a programme in any format: an event, its sessions, their speakers and its rooms.

mod addresses;
mod end;
mod heading;
mod ids;
mod rooms;
mod session;
pub mod states;
mod talk;
pub mod times;
pub mod words;

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Value, json};
use url::Url;

use super::online_places::whereabouts;
use super::whereabouts::Whereabouts;
use super::{Settings, Sink, SinkClosed};
use crate::feeds::status_words::without_status;
use crate::time_zone::Zone;
use crate::transfer::country_names::country_code;
use crate::transfer::record::Record;
use crate::transfer::survey::PROGRAMME;
use crate::transfer::zones::zone_of;
use heading::ProgrammeHeading;
pub use heading::{OWN_ID, OWN_STATUS};
use ids::SessionIds;
use rooms::ProgrammeRooms;
pub use talk::{ImportedTalk, LabelledUrl, ProgrammePerson, TalkPerson, add_addresses, cut_name};

/// A programme that is being read; it sends its records as soon as they are complete.
pub struct Programme<'a> {
    settings: &'a Settings,
    sink: &'a Sink,
    name: String,
    zone: Zone,
    /// Whether the file, or whoever imports it, says what the zone is. After the note that nobody does it is true as well.
    is_zone_known: bool,
    event: String,
    /// Title of the event.
    title: Value,
    venue: Option<Record>,
    /// The event, if the file did not give its days; they are then those of its sessions.
    undated: Option<Record>,
    rooms: ProgrammeRooms,
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
    heading: ProgrammeHeading,
    day_change: NaiveTime,
    /// Whether the name of the source is known.
    is_named: bool,
    begun: bool,
    /// Whether the event and all that belongs to it must not be public.
    private: bool,
    /// Whether the file has a session.
    has_sessions: bool,
    /// Whether the event is on the net only.
    is_online: bool,
    /// Whether a room is a service for meetings, or a word for the net.
    has_online_room: bool,
    /// Whether a room is in a place on the ground.
    has_room_in_place: bool,
    /// Address to which relative ones belong.
    base: Option<Url>,
    ids: SessionIds,
    /// UUID of the event or of the first session, by which a programme of this site is recognised.
    first_guid: Option<String>,
    acronym: Option<String>,
}

impl<'a> Programme<'a> {
    /// Creates an empty programme.
    pub fn new(settings: &'a Settings, sink: &'a Sink) -> Self {
        Self {
            settings,
            sink,
            name: String::new(),
            zone: zone_of(&settings.time_zone).unwrap_or_else(Zone::utc),
            is_zone_known: settings.is_zone_known,
            event: String::new(),
            title: Value::Null,
            venue: None,
            undated: None,
            rooms: ProgrammeRooms::default(),
            first: None,
            last: None,
            heading: ProgrammeHeading::default(),
            day_change: NaiveTime::MIN,
            is_named: false,
            begun: false,
            private: false,
            has_sessions: false,
            is_online: false,
            has_online_room: false,
            has_room_in_place: false,
            base: None,
            ids: SessionIds::default(),
            first_guid: None,
            acronym: None,
        }
    }

    /// Sets one property of the event, for formats that give them one by one, before the first session.
    pub fn head(&mut self, name: &str, value: &Value) {
        if name == "day_change" {
            let change = value.as_str().and_then(times::clock);
            self.day_change = change.unwrap_or(NaiveTime::MIN);
        }
        if name == "rooms" {
            for given in value.as_array().into_iter().flatten() {
                if let Some(mut room) = words::room(given, &self.settings.locale) {
                    let name = self.room_name(room["name"].as_str().unwrap_or_default(), given["guid"].as_str());
                    room["name"] = name.into();
                    self.room(room);
                }
            }
            return;
        }
        self.heading.set(self.sink, name, value);
    }

    /// Adds a day of the programme, which the event has if its own dates cannot be read.
    pub fn day(&mut self, date: &str) {
        self.widen(Some(date));
    }

    /// Says that the file does not have the sessions whose ids begin with a word and a slash.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn lacks(&self, word: &str) -> Result<(), SinkClosed> {
        self.sink.mark_beyond(format!("{}:session/{word}/", self.name), "")
    }

    /// Sets the name of the source, if the file has a better one than the name of the event.
    pub fn name(&mut self, name: Option<String>) {
        self.heading.name = name;
    }

    /// Returns whether nothing of a programme was found.
    pub fn is_empty(&self) -> bool {
        !self.begun && self.heading.is_empty()
    }

    /// Sets the name of the source, which the ids of all records have.
    fn set_name(&mut self) {
        if std::mem::replace(&mut self.is_named, true) {
            return;
        }
        self.name = self.settings.source(self.heading.says());
        self.acronym.clone_from(&self.heading.acronym);
        self.private = self.heading.private;
        self.base = self.heading.base.as_deref().and_then(addresses::base);
        self.sink.set_origin(&format!("{}{PROGRAMME}", self.name));
    }

    /// Sends the event and its venue, or refers to the event that the settings name. Only the first call has
    /// an effect.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn begin(&mut self) -> Result<(), SinkClosed> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.set_name();
        let heading = std::mem::take(&mut self.heading);
        if heading.own_event.is_none() {
            return self.send_heading(heading);
        }
        // The event and its venue are known by its id, and the sessions by theirs.
        let of_session = self.sink.own_ids().into_iter().map(Some).collect::<Vec<_>>();
        self.first_guid.clone_from(&heading.own_event);
        self.sink.set_own_event(heading.own_event.clone());
        self.sink.set_own_ids(std::slice::from_ref(&heading.own_event));
        self.send_heading(heading)?;
        self.sink.set_own_ids(&of_session);
        Ok(())
    }

    fn send_heading(&mut self, heading: ProgrammeHeading) -> Result<(), SinkClosed> {
        if let Some(given) = &heading.time_zone {
            match zone_of(given) {
                Some(zone) => (self.zone, self.is_zone_known) = (zone, true),
                None => self.sink.note("conference", "/time_zone", "unknown_zone", format!("left out: \"{given}\""))?,
            }
        }
        let mut found = heading.whereabouts();
        if self.has_online_room && found == Whereabouts::default() {
            // Rooms beside that one are in a place.
            (found.is_online, found.is_hybrid) = (true, self.has_room_in_place);
        }
        found.tell(self.sink, "conference", "/venue")?;
        self.is_online = found.mode() == Some("online");
        if self.is_online && (heading.city.is_some() || heading.street.is_some() || !heading.geo.is_null()) {
            self.sink.left_out("conference", "conference/address of an event that is online");
        }
        if !found.place.is_empty() {
            let venue = found.place.clone();
            let mut record = Record::new("conference", "venue", format!("{}:venue", self.name)).into_supporting();
            record.set("name", venue);
            record.set("address", heading.address());
            record.set("geo", heading.geo.clone());
            record.set("map_url", found.map.clone());
            self.sink.record(record.clone())?;
            self.venue = Some(record);
        }
        match &self.settings.event {
            Some(slug) => {
                self.event.clone_from(slug);
                self.sink.on_purpose("conference", "conference", "the programme belongs to an event that is there");
                Ok(())
            }
            None => self.send_event(heading, &found),
        }
    }

    fn send_event(&mut self, heading: ProgrammeHeading, found: &Whereabouts) -> Result<(), SinkClosed> {
        self.event = format!("{}:event", self.name);
        let website = heading.website().map(|url| (Some("Website".to_owned()), url.to_owned(), None));
        let mut event = Record::new("conference", "event", self.event.clone());
        event.ids.acronym.clone_from(&self.acronym);
        self.title = heading.title.filter(|title| !title.is_null()).unwrap_or_else(|| self.name.clone().into());
        if let (Some(_), Some(title)) = (&heading.own_status, self.title.as_str()) {
            self.title = without_status(title).into();
        }
        event.set("event_status", heading.own_status);
        event.set("title", self.title.clone());
        event.set("summary", heading.subtitle.unwrap_or_default());
        event.set("body", heading.description.unwrap_or_default());
        event.set("time_zone", self.zone.name());
        let start = self.day_of(("start", "/starts_at"), heading.start.as_deref())?;
        let end = self.day_of(("end", "/ends_at"), heading.end.as_deref())?;
        let is_unread = start.is_none() || (heading.end.is_some() && end.is_none());
        event.set("starts_at", start.clone());
        event.set("ends_at", end.clone().filter(|_| start.is_some()));
        event.set("links", self.addresses("conference", "/links", website.into_iter().chain(heading.links))?);
        event.set("languages", heading.languages);
        event.private = heading.private;
        event.set("tracks", heading.tracks);
        if let Some(url) = self.url("conference", "/image", heading.logo)? {
            event.set("image", json!({ "url": url }));
        }
        found.set(&mut event);
        if let Some(venue) = &self.venue {
            event.set("venue", venue.source.clone());
        }
        if is_unread {
            let given = |day: Option<String>| NaiveDate::parse_from_str(day?.as_str(), "%Y-%m-%d").ok();
            let (start, end) = (given(start), given(end));
            self.first = start.or(self.first);
            self.last = self.last.max(end.or(start));
            self.undated = Some(event.clone());
        }
        self.sink.record(event)
    }

    /// Returns the day of the event's start or end, as it is in the event's zone. What cannot be read is noted.
    fn day_of(&self, (name, field): (&str, &str), given: Option<&str>) -> Result<Option<String>, SinkClosed> {
        let Some(given) = given else { return Ok(None) };
        let Some((day, has_time)) = times::day_in(given, self.zone) else {
            let message = format!("\"{given}\" is no date; the days of the programme are taken");
            return self.sink.note("conference", field, "not_a_date", message).map(|()| None);
        };
        if has_time {
            let why = "the event has its days, and the sessions their times";
            self.sink.on_purpose("conference", &format!("conference/{name}, the time of day"), why);
        }
        Ok(Some(day.to_string()))
    }

    /// Sends a speaker, and returns the source of the record.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn person(&mut self, place: &str, person: &ProgrammePerson) -> Result<String, SinkClosed> {
        // A list of speakers alone says nothing of an event.
        if self.heading.is_empty() {
            self.set_name();
        } else {
            self.begin()?;
        }
        let source = format!("{}:person/{}", self.name, person.id);
        let mut record = Record::new(place, "speaker", source.clone()).into_supporting();
        record.private = self.private;
        record.ids = person.ids.clone();
        record.set("name", person.name.clone());
        for (field, value) in
            [("biography", &person.biography), ("job_title", &person.job_title), ("affiliation", &person.affiliation)]
        {
            record.set(field, self.text(place, field, value)?);
        }
        record.set("country", person.country.as_deref().map(|country| country_code(country).unwrap_or(country)));
        if let Some(url) = self.url(place, "/portrait", person.portrait.clone())? {
            record.set("portrait", json!({ "url": url }));
        }
        record.set("links", self.addresses(place, "/links", person.links.iter().cloned())?);
        self.sink.record(record)?;
        Ok(source)
    }

    /// Takes into account that the file has a room, before its sessions are read. Returns whether its name names a place.
    pub fn expect_room(&mut self, name: &str) -> bool {
        let found = whereabouts(name);
        let is_place = !found.place.is_empty();
        self.has_online_room |= found.is_online && !is_place;
        self.has_room_in_place |= is_place;
        is_place
    }

    /// Adds a room of the venue, as its field `rooms` has it. A name that names no place on the ground makes none.
    pub fn room(&mut self, room: Value) {
        let name = room["name"].as_str().unwrap_or_default();
        if self.expect_room(name) {
            self.rooms.add(self.sink, room);
        } else {
            self.sink.on_purpose(
                "conference",
                &format!("room \"{name}\""),
                "it is no place; its sessions have its name",
            );
        }
    }

    /// Returns the name by which a room is known, given that in the file and its UUID, which is remembered.
    pub fn room_name(&mut self, name: &str, guid: Option<&str>) -> String {
        guid.map_or_else(|| name.to_owned(), |guid| self.rooms.identify(self.sink, name, guid))
    }

    /// Widens the days of the event to include a start.
    fn widen(&mut self, starts: Option<&str>) {
        let Some(day) = starts.and_then(|text| NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()) else {
            return;
        };
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
        self.last = Some(self.last.map_or(day, |last| last.max(day)));
    }
}
