//! The common form of a programme in any format: an event, its sessions, their speakers and its rooms.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde_json::{Map, Value, json};

use super::{Closed, Settings, Sink, text_of, web_address};
use crate::content::values;
use crate::transfer::record::Record;

/// Greatest number of rooms of a venue.
const MOST_ROOMS: usize = 300;

/// A programme that is being read; it sends its records as soon as they are complete.
pub struct Programme<'a> {
    settings: &'a Settings,
    sink: &'a Sink,
    name: String,
    zone: String,
    event: String,
    venue: Option<Record>,
    /// The event, if the file did not give its days; they are then those of its sessions.
    undated: Option<Record>,
    rooms: Vec<Value>,
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
    heading: EventHeader,
    begun: bool,
}

/// The properties of the event as a whole.
#[derive(Debug, Default)]
struct EventHeader {
    acronym: Option<String>,
    title: Option<Value>,
    subtitle: Option<Value>,
    start: Option<String>,
    end: Option<String>,
    venue: Option<String>,
    city: Option<String>,
    url: Option<String>,
    time_zone: Option<String>,
}

/// A session, with values as the file has them.
#[derive(Debug, Default)]
pub struct ImportedTalk {
    pub id: String,
    pub slug: Option<String>,
    pub locale: Option<String>,
    pub title: Value,
    pub subtitle: Value,
    pub format: Value,
    pub abstract_text: Value,
    pub description: Value,
    pub starts: Option<String>,
    pub ends: Option<String>,
    pub room: Option<String>,
    pub track: Value,
    pub language: Option<String>,
    pub people: Vec<ProgrammePerson>,
    /// Links: title and URL.
    pub links: Vec<(Option<String>, String)>,
    /// Attachments: title, URL and kind.
    pub attachments: Vec<(Option<String>, String, Option<String>)>,
}

/// A speaker of a session.
#[derive(Debug, Default)]
pub struct ProgrammePerson {
    pub id: String,
    pub name: String,
    pub biography: Value,
    pub portrait: Option<String>,
    pub links: Vec<(Option<String>, String)>,
}

impl<'a> Programme<'a> {
    /// Creates an empty programme.
    pub fn new(settings: &'a Settings, sink: &'a Sink) -> Self {
        Self {
            settings,
            sink,
            name: settings.name.clone(),
            zone: settings.time_zone.clone(),
            event: String::new(),
            venue: None,
            undated: None,
            rooms: Vec::new(),
            first: None,
            last: None,
            heading: EventHeader::default(),
            begun: false,
        }
    }

    /// Sends the event and its venue, or refers to the event that the settings name. Only the first call has
    /// an effect.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub fn begin(&mut self) -> Result<(), Closed> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let heading = std::mem::take(&mut self.heading);
        self.name = heading.acronym.unwrap_or_else(|| self.settings.name.clone());
        self.zone = heading.time_zone.unwrap_or_else(|| self.settings.time_zone.clone());
        if let Some(venue) = heading.venue.or(heading.city.clone()) {
            let mut record = Record::new("conference", "venue", format!("{}:venue", self.name)).supporting();
            record.set("name", venue);
            record.set("address", json!({"city": heading.city}).as_object().map(without_null).unwrap_or_default());
            self.sink.record(record.clone())?;
            self.venue = Some(record);
        }
        if let Some(slug) = &self.settings.event {
            self.event = slug.clone();
            return Ok(());
        }
        self.event = format!("{}:event", self.name);
        let mut event = Record::new("conference", "event", self.event.clone());
        event.set("title", heading.title.filter(|t| !t.is_null()).unwrap_or_else(|| self.name.clone().into()));
        event.set("summary", heading.subtitle.unwrap_or_default());
        event.set("time_zone", self.zone.clone());
        event.set("starts_at", heading.start.map(|text| day_of(&text)));
        event.set("ends_at", heading.end.map(|text| day_of(&text)));
        event.set("links", self.links("conference", heading.url.map(|url| (Some("Website".to_owned()), url)))?);
        if let Some(venue) = &self.venue {
            event.set("venue", venue.source.clone());
        }
        if !event.body.contains_key("starts_at") {
            self.undated = Some(event.clone());
        }
        self.sink.record(event)
    }

    /// Sets one property of the event, for formats that give them one by one. The event is sent with the
    /// first session, when all of them are known.
    pub fn head(&mut self, name: &str, value: &Value) {
        let text = text_of(Some(value));
        match name {
            "acronym" => self.heading.acronym = text,
            "title" => self.heading.title = Some(value.clone()),
            "subtitle" => self.heading.subtitle = Some(value.clone()),
            "start" => self.heading.start = text,
            "end" => self.heading.end = text,
            "venue" => self.heading.venue = text,
            "city" => self.heading.city = text,
            "url" => self.heading.url = text,
            "time_zone_name" => self.heading.time_zone = text,
            _ => {}
        }
    }

    /// Sends a speaker, and returns the source of the record.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub fn person(&mut self, place: &str, person: &ProgrammePerson) -> Result<String, Closed> {
        let source = format!("{}:person/{}", self.name, person.id);
        let mut record = Record::new(place, "speaker", source.clone()).supporting();
        record.set("name", person.name.clone());
        record.set("biography", person.biography.clone());
        if let Some(url) = self.url(place, "/portrait", person.portrait.clone())? {
            record.set("portrait", json!({ "url": url }));
        }
        record.set("links", self.links(place, person.links.iter().cloned())?);
        self.sink.record(record)?;
        Ok(source)
    }

    /// Sends a session, after its speakers.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub fn talk(&mut self, place: &str, talk: ImportedTalk) -> Result<(), Closed> {
        self.begin()?;
        let mut speakers = Vec::with_capacity(talk.people.len());
        for person in &talk.people {
            speakers.push(json!({"speaker": self.person(place, person)?}));
        }
        speakers.dedup();
        self.widen(talk.starts.as_deref());
        let mut record = Record::new(place, "session", format!("{}:session/{}", self.name, talk.id));
        record.slug = talk.slug;
        record.locale = talk.locale;
        record.set("event", self.event.clone());
        record.set("title", talk.title);
        record.set("subtitle", talk.subtitle);
        record.set("kind", kind_of(&talk.format));
        record.set("format", talk.format);
        record.set("abstract", talk.abstract_text);
        record.set("description", talk.description);
        record.set("time_zone", self.zone.clone());
        record.set("starts_at", talk.starts);
        record.set("ends_at", talk.ends);
        record.set("track", talk.track);
        record.set("speakers", speakers);
        if let Some(room) = talk.room.filter(|room| !room.trim().is_empty()) {
            self.room(json!({ "name": room }));
            record.set("room", room);
        }
        if let Some(given) = talk.language.filter(|given| !given.trim().is_empty()) {
            match values::language(given.trim()) {
                Ok(tag) => record.set("language", tag),
                Err((code, message)) => self.sink.note(place, "/language", code, message)?,
            }
        }
        let (recordings, links): (Vec<_>, Vec<_>) = talk.links.into_iter().partition(|(_, url)| medium(url).is_some());
        let mut shown = self.links(place, recordings)?;
        for recording in &mut shown {
            let kind = recording["url"].as_str().and_then(medium);
            recording["kind"] = kind.unwrap_or("video").into();
        }
        record.set("recordings", shown);
        record.set("links", self.links(place, links)?);
        record.set("documents", self.addresses(place, "/documents", talk.attachments)?);
        self.sink.record(record)
    }

    /// Adds a room of the venue. Of several descriptions of one room the most detailed is kept.
    pub fn room(&mut self, room: Value) {
        let details = |room: &Value| room.as_object().map_or(0, Map::len);
        match self.rooms.iter().position(|known| known["name"] == room["name"]) {
            Some(place) if details(&self.rooms[place]) < details(&room) => self.rooms[place] = room,
            Some(_) => {}
            None if self.rooms.len() < MOST_ROOMS => self.rooms.push(room),
            None => {}
        }
    }

    /// Sends what is known only at the end: the rooms of the venue, and the days of an event without any.
    /// These are records of their own that share an item with the venue and the event, which were sent
    /// before.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub fn finish(mut self) -> Result<(), Closed> {
        if let Some(mut venue) = self.venue.take() {
            venue.same_as = Some(venue.source.clone());
            venue.source = format!("{}/rooms", venue.source);
            venue.set("rooms", std::mem::take(&mut self.rooms));
            self.sink.record(venue)?;
        }
        let (Some(mut event), Some(first), Some(last)) = (self.undated.take(), self.first, self.last) else {
            return Ok(());
        };
        event.same_as = Some(event.source.clone());
        event.source = format!("{}/days", event.source);
        event.set("starts_at", first.to_string());
        event.set("ends_at", last.to_string());
        self.sink.record(event.supporting())
    }

    /// Widens the days of the event to include a start.
    fn widen(&mut self, starts: Option<&str>) {
        let Some(day) = starts.and_then(|text| NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()) else {
            return;
        };
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
        self.last = Some(self.last.map_or(day, |last| last.max(day)));
    }

    fn url(&self, place: &str, field: &str, given: Option<String>) -> Result<Option<String>, Closed> {
        let Some(given) = given.map(|g| g.trim().to_owned()).filter(|g| !g.is_empty()) else { return Ok(None) };
        match web_address(&given) {
            Ok(url) => Ok(Some(url)),
            Err((code, message)) => self.sink.note(place, field, code, message).map(|()| None),
        }
    }

    fn links(
        &self,
        place: &str,
        given: impl IntoIterator<Item = (Option<String>, String)>,
    ) -> Result<Vec<Value>, Closed> {
        self.addresses(place, "/links", given.into_iter().map(|(title, url)| (title, url, None)))
    }

    /// Returns links or documents from titles, URLs and kinds, without duplicates. URLs that are not valid
    /// are reported.
    fn addresses(
        &self,
        place: &str,
        field: &str,
        given: impl IntoIterator<Item = (Option<String>, String, Option<String>)>,
    ) -> Result<Vec<Value>, Closed> {
        let mut kept: Vec<Value> = Vec::new();
        for (title, url, kind) in given {
            let Some(url) = self.url(place, field, Some(url))? else { continue };
            let entry = json!({"title": title.filter(|t| !t.trim().is_empty()), "url": url, "kind": kind});
            let entry = Value::Object(entry.as_object().map(without_null).unwrap_or_default());
            if !kept.contains(&entry) {
                kept.push(entry);
            }
        }
        Ok(kept)
    }
}

fn without_null(object: &Map<String, Value>) -> Map<String, Value> {
    object.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn day_of(text: &str) -> String {
    text.get(..10).unwrap_or(text).to_owned()
}

/// Returns the kind of session that an organiser's own word stands for.
fn kind_of(format: &Value) -> &'static str {
    let words = match format {
        Value::Object(map) => map.values().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => text_of(Some(other)).unwrap_or_default(),
    }
    .to_lowercase();
    const KINDS: [(&str, &[&str]); 7] = [
        ("keynote", &["keynote"]),
        ("lightning_talk", &["lightning"]),
        ("workshop", &["workshop", "tutorial", "training", "sprint"]),
        ("panel", &["panel", "round table", "roundtable"]),
        ("break", &["break", "lunch", "coffee", "snack"]),
        ("social", &["social", "party", "dinner", "reception"]),
        ("talk", &["talk", "lecture", "maintrack", "devroom", "plenary", "presentation"]),
    ];
    let known = KINDS.iter().find(|(_, signs)| signs.iter().any(|sign| words.contains(sign)));
    match known {
        Some((kind, _)) => kind,
        None if words.is_empty() => "talk",
        None => "other",
    }
}

/// Returns the medium of a recording, if a URL leads to one.
fn medium(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or(url).trim().to_ascii_lowercase();
    match path.rsplit('.').next()? {
        "mp4" | "webm" | "ogv" | "mkv" | "mov" => Some("video"),
        "mp3" | "ogg" | "opus" | "m4a" => Some("audio"),
        _ => None,
    }
}

/// Returns the start and end of a session, given its day, clock time and duration in frab's form. A session
/// that begins before the hour at which the conference day changes takes place on the next calendar day.
pub fn span(date: &str, start: &str, duration: &str, day_change: NaiveTime) -> Option<(String, String)> {
    let day = NaiveDate::parse_from_str(date.get(..10)?, "%Y-%m-%d").ok()?;
    let clock = clock(start)?;
    let day = if clock < day_change { day.succ_opt()? } else { day };
    let begin: NaiveDateTime = day.and_time(clock);
    let end = begin.checked_add_signed(length(duration)?)?;
    let text = |at: NaiveDateTime| at.format("%Y-%m-%dT%H:%M").to_string();
    Some((text(begin), text(end)))
}

/// Parses a clock time, `09:30` or `09:30:00`.
pub fn clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text.trim(), form).ok())
}

/// Parses a duration: `00:25`, three parts, or a number of minutes. Three parts are hours, minutes and
/// seconds if the last part is zero, else days, hours and minutes.
pub fn length(text: &str) -> Option<TimeDelta> {
    let parts: Vec<i64> = text.trim().split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let minutes = match parts.as_slice() {
        [minutes] => *minutes,
        [hours, minutes] => hours.checked_mul(60)?.checked_add(*minutes)?,
        [days, hours, minutes] if text.matches(':').count() == 2 && *minutes < 60 && *days < 100 => {
            // `01:30:00` is one hour and a half; `1:00:30` is a day and half an hour.
            if *minutes == 0 { days * 60 + hours } else { days * 1_440 + hours * 60 + minutes }
        }
        _ => return None,
    };
    TimeDelta::try_minutes(minutes).filter(|length| *length >= TimeDelta::zero() && *length < TimeDelta::days(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_midnight_is_the_next_day() {
        let change = clock("09:00:00").unwrap();
        let at = |start, duration| span("2016-01-30", start, duration, change).unwrap();
        assert_eq!(at("09:30", "00:25"), ("2016-01-30T09:30".into(), "2016-01-30T09:55".into()));
        assert_eq!(at("00:30", "01:00"), ("2016-01-31T00:30".into(), "2016-01-31T01:30".into()));
        assert_eq!(at("23:30", "01:00").1, "2016-01-31T00:30");
        assert_eq!(span("2016-01-30", "soon", "00:25", change), None);
        assert_eq!(span("2016-01-30", "09:00", "99999999999999", change), None);
    }

    #[test]
    fn words_become_kinds() {
        for (word, kind) in [("lightningtalk", "lightning_talk"), ("devroom", "talk"), ("bof", "other"), ("", "talk")] {
            assert_eq!(kind_of(&word.into()), kind);
        }
        assert_eq!(kind_of(&json!({"en": "Lunch", "fr": "Déjeuner"})), "break");
    }
}
