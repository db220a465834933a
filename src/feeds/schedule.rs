//! The programme of an event by days and rooms, in the formats of frab and pretalx.

use chrono::{DateTime, Datelike, NaiveDate};
use serde_json::{Value, json};
use twox_hash::{XxHash3_64, XxHash3_128};

use super::{Feed, list, local_time, text};
use crate::content::local_time::{end_of_day, rfc3339};
use crate::time_zone::Zone;

/// Number of days from which the programme omits days without sessions.
const MOST_DAYS: i64 = 60;

/// The programme of an event.
pub struct ConferenceSchedule<'a> {
    /// The event, as in responses with `include=sessions`.
    pub event: &'a Value,
    /// Address of the event's page.
    pub url: String,
    /// Name of the event's time zone.
    pub zone: &'a str,
    /// The days in order, including days without sessions.
    pub days: Vec<Day<'a>>,
}

/// One day of a programme.
pub struct Day<'a> {
    /// The date in the time zone of the event.
    pub date: NaiveDate,
    /// Start of the first session, or of the day if there is none.
    pub starts: DateTime<Zone>,
    /// Latest end of a session, or end of the day if there is none.
    pub ends: DateTime<Zone>,
    /// The rooms by name, each with its sessions in order of their start.
    pub rooms: Vec<(&'a str, Vec<ScheduledTalk<'a>>)>,
}

/// One session of a programme.
pub struct ScheduledTalk<'a> {
    pub session: &'a Value,
    /// Start in the time zone of the event.
    pub starts: DateTime<Zone>,
    /// End in the time zone of the event; never before the start.
    pub ends: DateTime<Zone>,
}

impl<'a> ConferenceSchedule<'a> {
    /// Creates the programme of an event whose response includes its sessions. Sessions without a start are
    /// omitted.
    pub fn new(feed: &Feed<'_>, event: &'a Value) -> Self {
        let zone = text(event, "time_zone").unwrap_or("UTC");
        let clock = zone.parse().unwrap_or_else(|_| Zone::utc());
        let talk = |session| ScheduledTalk::new(session, clock);
        let mut talks: Vec<ScheduledTalk<'_>> = list(event, "sessions").iter().filter_map(talk).collect();
        talks.sort_by_key(|talk| talk.starts);
        let mut days: Vec<Day<'_>> = Vec::new();
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

    /// Returns the first and the last day: those of the event, or else those of its sessions.
    pub fn span(&self) -> (Option<String>, Option<String>) {
        let day = |name: &str, of: Option<&Day<'_>>| {
            text(self.event, name).map(str::to_owned).or_else(|| of.map(|day| day.date.to_string()))
        };
        (day("starts_on", self.days.first()), day("ends_on", self.days.last()))
    }

    /// Returns the acronym of the event: at least four of the characters `a-z0-9_`, as the schemas of
    /// `schedule.json` and `schedule.xml` require.
    pub fn acronym(&self) -> String {
        let name = text(self.event, "slug").unwrap_or_default().replace('-', "_");
        if name.len() < 4 { format!("event_{name}") } else { name }
    }

    /// Returns the slug of a session, unique among the sessions of all events: acronym, number and slug of
    /// the session.
    pub fn slug(&self, session: &Value) -> String {
        let own = text(session, "slug").unwrap_or_default();
        format!("{}-{}-{own}", self.acronym(), number(text(session, "id").unwrap_or_default()))
    }

    /// Returns a room with a UUID of version 8 (RFC 9562, section 5.8), derived from event and name so that
    /// it is the same in every response.
    fn room(&self, name: &str) -> Value {
        let key = format!("{}/{name}", text(self.event, "id").unwrap_or_default());
        let guid = uuid::Builder::from_custom_bytes(XxHash3_128::oneshot(key.as_bytes()).to_be_bytes()).into_uuid();
        json!({"guid": guid, "name": name})
    }

    /// Returns the names of the rooms of all days, in the order of their first session.
    fn rooms(&self) -> Vec<&'a str> {
        let mut rooms: Vec<&str> = Vec::new();
        for (room, _) in self.days.iter().flat_map(|day| &day.rooms) {
            if !rooms.contains(room) {
                rooms.push(room);
            }
        }
        rooms
    }

    /// Returns the programme in the format of the c3voc's `schedule.json`.
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

/// Returns the days of the event itself, with and without sessions; none if there are [`MOST_DAYS`] or more.
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
    /// Creates a day without sessions, which lasts from midnight to midnight.
    fn empty(date: NaiveDate, zone: Zone) -> Self {
        Self { date, starts: zone.midnight(date), ends: end_of_day(date, zone), rooms: Vec::new() }
    }

    fn json(&self, index: usize, schedule: &ConferenceSchedule<'_>) -> Value {
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

impl<'a> ScheduledTalk<'a> {
    /// Creates a session; `None` if it has no start.
    ///
    /// Its times are converted to `zone`, the time zone of the programme, since the session may have another
    /// one. A time that would fall outside the years 1 to 9999 by this, which RFC 3339 cannot represent,
    /// keeps its own zone.
    fn new(session: &'a Value, zone: Zone) -> Option<Self> {
        let at = |name| {
            let own = local_time(session, name)?;
            Some(own.with_timezone(&zone)).filter(|at| (1..=9_999).contains(&at.year())).or(Some(own))
        };
        let starts = at("starts_at")?;
        Some(Self { session, starts, ends: at("ends_at").unwrap_or(starts).max(starts) })
    }

    /// Returns the duration as `hh:mm`.
    pub fn duration(&self) -> String {
        let minutes = (self.ends - self.starts).num_minutes();
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Returns the local time of the start as `hh:mm`.
    pub fn clock(&self) -> String {
        self.starts.format("%H:%M").to_string()
    }

    /// Returns the speakers.
    pub fn people(&self) -> impl Iterator<Item = &'a Value> {
        list(self.session, "speakers").iter().filter_map(|link| link.get("speaker"))
    }

    fn json(&self, room: &str, schedule: &ConferenceSchedule<'_>) -> Value {
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

/// Returns the number of an item, which the formats require beside the id. It is a hash of the id, so that it
/// is the same in every response.
pub fn number(id: &str) -> u32 {
    // 31 bits: consumers may store it as a signed number of 32 bits.
    (XxHash3_64::oneshot(id.as_bytes()) >> 33) as u32
}
