//! The programme of an event as frab and pretalx tell it: days, rooms, and what takes place in them.

use chrono::{DateTime, Datelike, NaiveDate};
use serde_json::{Value, json};
use twox_hash::{XxHash3_64, XxHash3_128};

use super::{Feed, list, local_time, text};
use crate::content::moment::{end_of_day, rfc3339};
use crate::time_zone::Zone;

/// Of so many days and more only those are told on which something takes place.
const MOST_DAYS: i64 = 60;

/// A programme.
pub struct Schedule<'a> {
    /// The event.
    pub event: &'a Value,
    /// Its page.
    pub url: String,
    /// Where it takes place.
    pub zone: &'a str,
    /// Its days, in order, also those on which nothing takes place.
    pub days: Vec<Day<'a>>,
}

/// A day of a programme.
pub struct Day<'a> {
    /// The date.
    pub date: NaiveDate,
    /// When its first session starts and its last one ends.
    pub starts: DateTime<Zone>,
    /// See above.
    pub ends: DateTime<Zone>,
    /// Its rooms, each with its sessions in their order.
    pub rooms: Vec<(&'a str, Vec<Talk<'a>>)>,
}

/// A session of a programme.
pub struct Talk<'a> {
    /// The session.
    pub session: &'a Value,
    /// When it starts and ends.
    pub starts: DateTime<Zone>,
    /// See above.
    pub ends: DateTime<Zone>,
}

impl<'a> Schedule<'a> {
    /// The programme of an event that was answered with its sessions; those without a time are in none.
    pub fn new(feed: &Feed<'_>, event: &'a Value) -> Self {
        let zone = text(event, "time_zone").unwrap_or("UTC");
        let clock = zone.parse().unwrap_or_else(|_| Zone::utc());
        let talk = |session| Talk::new(session, clock);
        let mut talks: Vec<Talk> = list(event, "sessions").iter().filter_map(talk).collect();
        talks.sort_by_key(|talk| talk.starts);
        let mut days: Vec<Day> = Vec::new();
        for talk in talks {
            let date = talk.starts.date_naive();
            if days.last().is_none_or(|day| day.date != date) {
                days.push(Day { date, starts: talk.starts, ends: talk.ends, rooms: Vec::new() });
            }
            let Some(day) = days.last_mut() else { continue };
            day.ends = day.ends.max(talk.ends);
            let room = text(talk.session, "room").unwrap_or_default();
            match day.rooms.iter_mut().find(|(known, _)| *known == room) {
                Some((_, talks)) => talks.push(talk),
                None => day.rooms.push((room, vec![talk])),
            }
        }
        let known: Vec<NaiveDate> = days.iter().map(|day| day.date).collect();
        let others = days_of(event).into_iter().filter(|date| !known.contains(date));
        days.extend(others.map(|date| Day::empty(date, clock)));
        days.sort_by_key(|day| day.date);
        Self { event, url: feed.page(event), zone, days }
    }

    /// First and last day: of the event, or else of its sessions.
    pub fn span(&self) -> (Option<String>, Option<String>) {
        let day = |name: &str, of: Option<&Day>| {
            text(self.event, name).map(str::to_owned).or_else(|| of.map(|day| day.date.to_string()))
        };
        (day("starts_on", self.days.first()), day("ends_on", self.days.last()))
    }

    /// The event's short name: four or more of `a-z0-9_`, as the schemas of others want it.
    pub fn acronym(&self) -> String {
        let name = text(self.event, "slug").unwrap_or_default().replace('-', "_");
        if name.len() < 4 { format!("event_{name}") } else { name }
    }

    /// A session's name among those of all events: acronym, number, and its own slug.
    pub fn slug(&self, session: &Value) -> String {
        let own = text(session, "slug").unwrap_or_default();
        format!("{}-{}-{own}", self.acronym(), number(text(session, "id").unwrap_or_default()))
    }

    /// A room, with a UUID that stays the same (version 8: RFC 9562, section 5.8).
    fn room(&self, name: &str) -> Value {
        let key = format!("{}/{name}", text(self.event, "id").unwrap_or_default());
        let guid = uuid::Builder::from_custom_bytes(XxHash3_128::oneshot(key.as_bytes()).to_be_bytes()).into_uuid();
        json!({"guid": guid, "name": name})
    }

    /// The rooms of all days.
    fn rooms(&self) -> Vec<&'a str> {
        let mut rooms: Vec<&str> = Vec::new();
        for (room, _) in self.days.iter().flat_map(|day| &day.rooms) {
            if !rooms.contains(room) {
                rooms.push(room);
            }
        }
        rooms
    }

    /// As JSON, in the form of the c3voc's `schedule.json`.
    pub fn json(&self, own_url: &str) -> Value {
        let (start, end) = self.span();
        json!({
            "$schema": "https://c3voc.de/schedule/schema.json",
            "generator": {"name": "Plenary", "version": env!("CARGO_PKG_VERSION")},
            "schedule": {
                "url": own_url,
                "version": text(self.event, "updated_at"),
                "base_url": self.url,
                "conference": {
                    "acronym": self.acronym(),
                    "title": text(self.event, "title"),
                    "start": start,
                    "end": end,
                    "daysCount": self.days.len(),
                    "timeslot_duration": "00:05",
                    "time_zone_name": self.zone,
                    "url": self.url,
                    "rooms": self.rooms().into_iter().map(|name| self.room(name)).collect::<Vec<_>>(),
                    "days": self.days.iter().enumerate().map(|(index, day)| day.json(index, self)).collect::<Vec<_>>(),
                },
            },
        })
    }
}

/// The days of the event itself, on which there may be nothing; none where they are too many to be told one by one.
fn days_of(event: &Value) -> Vec<NaiveDate> {
    let day = |name| text(event, name).and_then(|day| day.parse::<NaiveDate>().ok());
    match day("starts_on").zip(day("ends_on")) {
        Some((first, last)) if (last - first).num_days() < MOST_DAYS => {
            first.iter_days().take_while(|day| *day <= last).collect()
        }
        _ => Vec::new(),
    }
}

impl<'a> Day<'a> {
    /// A day on which nothing takes place, from its first instant to its last.
    fn empty(date: NaiveDate, zone: Zone) -> Self {
        Self { date, starts: zone.midnight(date), ends: end_of_day(date, zone), rooms: Vec::new() }
    }

    fn json(&self, index: usize, schedule: &Schedule<'_>) -> Value {
        let rooms = self.rooms.iter().map(|(room, talks)| {
            let talks: Vec<Value> = talks.iter().map(|talk| talk.json(room, schedule)).collect();
            ((*room).to_owned(), talks.into())
        });
        json!({
            "index": index + 1,
            "date": self.date.to_string(),
            "day_start": rfc3339(&self.starts),
            "day_end": rfc3339(&self.ends),
            "rooms": rooms.collect::<serde_json::Map<String, Value>>(),
        })
    }
}

impl<'a> Talk<'a> {
    /// On the clock of the whole programme, whatever zone the session itself has; unless that clock shows a year
    /// that RFC 3339 cannot write.
    fn new(session: &'a Value, zone: Zone) -> Option<Self> {
        let at = |name| {
            let own = local_time(session, name)?;
            Some(own.with_timezone(&zone)).filter(|at| (1..=9_999).contains(&at.year())).or(Some(own))
        };
        let starts = at("starts_at")?;
        Some(Self { session, starts, ends: at("ends_at").unwrap_or(starts).max(starts) })
    }

    /// How long it takes, as `hh:mm`.
    pub fn duration(&self) -> String {
        let minutes = (self.ends - self.starts).num_minutes();
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// When it starts on the clock of its zone, as `hh:mm`.
    pub fn clock(&self) -> String {
        self.starts.format("%H:%M").to_string()
    }

    /// Who takes part.
    pub fn people(&self) -> impl Iterator<Item = &'a Value> {
        list(self.session, "speakers").iter().filter_map(|tie| tie.get("speaker"))
    }

    fn json(&self, room: &str, schedule: &Schedule<'_>) -> Value {
        let session = self.session;
        let id = text(session, "id").unwrap_or_default();
        let person = |person: &Value| {
            let id = text(person, "id").unwrap_or_default();
            json!({"guid": id, "name": person["name"], "public_name": person["name"]})
        };
        let linked = |item: &Value| json!({"url": item["url"], "title": text(item, "title").or(text(item, "url"))});
        json!({
            "id": number(id),
            "guid": id,
            "code": format!("{:X}", number(id)),
            "logo": null,
            "date": rfc3339(&self.starts),
            "start": self.clock(),
            "duration": self.duration(),
            "room": room,
            "slug": schedule.slug(session),
            "url": format!("{}#{}", schedule.url, text(session, "slug").unwrap_or_default()),
            "title": session["title"],
            "subtitle": text(session, "subtitle").unwrap_or_default(),
            "track": session["track"],
            "type": text(session, "format").or(text(session, "kind")),
            "language": session["language"],
            "abstract": text(session, "abstract"),
            "description": text(session, "description"),
            "recording_license": "",
            "do_not_record": false,
            "persons": self.people().map(person).collect::<Vec<_>>(),
            "links": list(session, "links").iter().map(linked).collect::<Vec<_>>(),
            "attachments": list(session, "documents").iter().map(linked).collect::<Vec<_>>(),
        })
    }
}

/// Programmes number their sessions: a number that stays the same.
pub fn number(id: &str) -> u32 {
    // What fits into a positive number everywhere.
    (XxHash3_64::oneshot(id.as_bytes()) >> 33) as u32
}
