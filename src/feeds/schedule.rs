//! The programme of an event by days and rooms, in the formats of frab and pretalx.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use twox_hash::{XxHash3_64, XxHash3_128};

use super::dates::Precision;
use super::pages::session_page;
use super::scheduled_talk::ScheduledTalk;
use super::status_words::status_word;
use super::{Feed, html_of_page, list, object, text};
use crate::content::local_time::{end_of_day, rfc3339};
use crate::time_zone::Zone;

/// Number of days from which the programme omits days without sessions.
const MOST_DAYS: i64 = 60;

/// The kind of sessions of which none is known.
const USUAL_KIND: &str = "talk";

/// The relations that must be included in the response from which a programme is generated, besides those of feeds.
pub const INCLUDED_IN_SCHEDULE: [&str; 2] = ["sessions", "sessions.speakers"];

/// The programme of an event.
pub struct ConferenceSchedule<'a> {
    pub(super) feed: &'a Feed<'a>,
    /// The event, as in responses with `include=sessions,sessions.speakers`.
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

impl<'a> ConferenceSchedule<'a> {
    /// Creates the programme of an event whose response includes its sessions. Sessions without a start are
    /// omitted.
    pub fn new(feed: &'a Feed<'a>, event: &'a Value) -> Self {
        let zone = text(event, "time_zone").unwrap_or("UTC");
        let clock = zone.parse().unwrap_or_else(|_| Zone::utc());
        let talk = |session| ScheduledTalk::new(session, clock);
        let mut talks: Vec<ScheduledTalk<'_>> = list(event, "sessions").iter().filter_map(talk).collect();
        talks.sort_by_key(|talk| talk.starts);
        let mut days: Vec<Day<'_>> = Vec::new();
        for talk in talks {
            let (date, ends) = (talk.starts.date_naive(), talk.ends.unwrap_or(talk.starts));
            if days.last().is_none_or(|day| day.date != date) {
                days.push(Day { date, starts: talk.starts, ends, rooms: Vec::new() });
            }
            let Some(day) = days.last_mut() else { continue };
            day.ends = day.ends.max(ends);
            let room = text(talk.session, "room").unwrap_or_default();
            match day.rooms.iter_mut().find(|(known, _)| *known == room) {
                Some((_, talks)) => talks.push(talk),
                None => day.rooms.push((room, vec![talk])),
            }
        }
        let known: Vec<NaiveDate> = days.iter().map(|day| day.date).collect();
        let others = days_of(event).into_iter().filter(|date| !known.contains(date));
        days.extend(others.map(|date| Day::without_sessions(date, clock)));
        days.sort_by_key(|day| day.date);
        let mut schedule = Self { feed, event, url: feed.page(event), zone, days };
        schedule.sort_rooms();
        schedule
    }

    /// Sorts the rooms of all days in one order: that of the venue, and rooms that it does not name by their first
    /// session.
    fn sort_rooms(&mut self) {
        let rooms = self.rooms();
        for day in &mut self.days {
            day.rooms.sort_by_key(|(name, _)| rooms.iter().position(|room| room == name));
        }
    }

    /// Returns the version of the programme: the time of the last change of anything in it, and a hash of all that it
    /// says, by which it is another one even if a session was removed.
    pub fn version(&self) -> String {
        let revisions = self.feed.revisions;
        let sessions = list(self.event, "sessions").iter().map(|session| revisions.changed_at(session));
        let changed_at: DateTime<Utc> = sessions.chain([revisions.changed_at(self.event)]).max().unwrap_or_default();
        let hash = XxHash3_64::oneshot(self.conference().to_string().as_bytes());
        format!("{}-{:08x}", changed_at.to_rfc3339_opts(SecondsFormat::Secs, true), hash >> 32)
    }

    /// Returns the address of a session's page.
    pub fn page_of(&self, session: &Value) -> String {
        session_page(self.feed.site, session, self.event, &self.url, self.feed.locale)
    }

    /// Returns the title of the event, with its status if it does not take place as announced: programmes have no other
    /// word for it. `None` without a title.
    pub fn title(&self) -> Option<String> {
        text(self.event, "title").map(|_| self.feed.event_title(self.event))
    }

    /// Returns the status of the event if it does not take place as announced.
    pub fn status(&self) -> Option<&'a str> {
        text(self.event, "event_status").filter(|status| status_word(status, "en").is_some())
    }

    /// Returns the type of a session: its format, or else its kind. The usual kind says nothing: a session of which nobody
    /// knows the kind has it.
    pub fn type_of(session: &Value) -> Option<&str> {
        text(session, "format").or_else(|| text(session, "kind").filter(|kind| *kind != USUAL_KIND))
    }

    /// Returns a rich text of a session, in which all addresses are absolute.
    pub fn html_of(&self, session: &Value, field: &str) -> Option<String> {
        Some(html_of_page(text(session, field)?, &self.page_of(session)))
    }

    /// Returns the address of the event's image.
    pub fn logo(&self) -> Option<&'a str> {
        text(object(self.event, "image")?, "url")
    }

    /// Returns the tracks with their colours where these are known: those that the event names, and then those that
    /// only sessions name.
    pub fn tracks(&self) -> Vec<(&'a str, Option<&'a str>)> {
        let named = list(self.event, "tracks").iter().filter_map(|of| Some((text(of, "name")?, text(of, "colour"))));
        let mut tracks: Vec<(&str, Option<&str>)> = named.collect();
        for track in list(self.event, "sessions").iter().filter_map(|session| text(session, "track")) {
            if !tracks.iter().any(|(name, _)| *name == track) {
                tracks.push((track, None));
            }
        }
        tracks
    }

    /// Returns the first and the last day: those of the event, or else those of its sessions.
    pub fn span(&self) -> (Option<String>, Option<String>) {
        let own = |name: &str| text(self.event, name).filter(|_| has_days(self.event)).map(str::to_owned);
        let day = |name: &str, of: Option<&Day<'_>>| own(name).or_else(|| of.map(|day| day.date.to_string()));
        (day("starts_on", self.days.first()), day("ends_on", self.days.last()))
    }

    /// Returns the acronym of the event: that of the programme from which it was imported, or else at least four of the
    /// characters `a-z0-9_`, as the schemas of `schedule.json` and `schedule.xml` require.
    pub fn acronym(&self) -> String {
        if let Some(known) = self.feed.identities.acronym(self.event) {
            return known.to_owned();
        }
        let name = text(self.event, "slug").unwrap_or_default().replace('-', "_");
        if name.len() < 4 { format!("event_{name}") } else { name }
    }

    /// Returns the slug of a session, unique among the sessions of all events: acronym, number and slug of
    /// the session.
    pub fn slug(&self, session: &Value) -> String {
        let own = text(session, "slug").unwrap_or_default();
        format!("{}-{}-{own}", self.acronym(), self.feed.identities.number(session))
    }

    /// Returns a room with a UUID of version 8 (RFC 9562, section 5.8), derived from event and name so that
    /// it is the same in every response.
    pub(super) fn room(&self, name: &str) -> Value {
        let key = format!("{}/{name}", text(self.event, "id").unwrap_or_default());
        let made = uuid::Builder::from_custom_bytes(XxHash3_128::oneshot(key.as_bytes()).to_be_bytes()).into_uuid();
        let given = object(self.event, "venue").and_then(|venue| self.feed.identities.room(venue, name));
        let guid = given.map_or_else(|| made.to_string(), str::to_owned);
        let of_venue = self.rooms_of_venue().iter().find(|room| text(room, "name") == Some(name));
        let known = |member: &str| of_venue.map(|room| room[member].clone());
        without_unknown([
            ("guid", guid.into()),
            ("name", name.into()),
            ("description", known("note").into()),
            ("capacity", known("capacity").into()),
        ])
    }

    fn rooms_of_venue(&self) -> &'a [Value] {
        object(self.event, "venue").map_or(&[], |venue| list(venue, "rooms"))
    }

    /// Returns the names of the rooms in which there are sessions, in the order of the venue, and then in that of their
    /// first session.
    fn rooms(&self) -> Vec<&'a str> {
        let mut rooms: Vec<&str> = Vec::new();
        for (room, _) in self.days.iter().flat_map(|day| &day.rooms) {
            if !rooms.contains(room) {
                rooms.push(room);
            }
        }
        let known = self.rooms_of_venue();
        rooms
            .sort_by_key(|name| known.iter().position(|room| text(room, "name") == Some(*name)).unwrap_or(known.len()));
        rooms
    }

    /// Returns the programme in the format of the c3voc's `schedule.json`.
    pub fn json(&self, own_url: &str) -> Value {
        json!({
            "$schema": "https://c3voc.de/schedule/schema.json",
            "generator": {"name": "Plenary", "version": env!("CARGO_PKG_VERSION")},
            "schedule": {
                "url": own_url,
                "version": self.version(),
                "base_url": self.url,
                "conference": self.conference(),
            },
        })
    }

    fn conference(&self) -> Value {
        let (start, end) = self.span();
        let tracks = self.tracks();
        let tracks =
            tracks.iter().map(|(name, color)| without_unknown([("name", (*name).into()), ("color", (*color).into())]));
        without_unknown([
            ("acronym", self.acronym().into()),
            ("title", self.title().into()),
            ("description", self.feed.description(self.event).into()),
            ("start", start.into()),
            ("end", end.into()),
            ("daysCount", self.days.len().into()),
            ("timeslot_duration", "00:05".into()),
            ("time_zone_name", self.zone.into()),
            ("logo", self.logo().into()),
            ("url", self.url.as_str().into()),
            // The ids of sessions may be those of another system; by this one, the site knows its own programme.
            ("plenary_id", text(self.event, "id").into()),
            ("plenary_status", self.status().into()),
            ("tracks", tracks.collect()),
            ("rooms", self.rooms().into_iter().map(|name| self.room(name)).collect()),
            ("days", self.days.iter().enumerate().map(|(index, day)| day.json(index, self)).collect()),
        ])
    }
}

/// Returns an object of those members whose value is known.
pub(super) fn without_unknown<const N: usize>(members: [(&str, Value); N]) -> Value {
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    known.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Tells whether the days of the event are known. Of a month or a year, it takes place on some days only.
fn has_days(event: &Value) -> bool {
    matches!(Precision::of_item(event), Precision::Time | Precision::Day)
}

/// Returns the days of the event itself, with and without sessions; none if these are not known, or [`MOST_DAYS`] or more.
fn days_of(event: &Value) -> Vec<NaiveDate> {
    if !has_days(event) {
        return Vec::new();
    }
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
    fn without_sessions(date: NaiveDate, zone: Zone) -> Self {
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
            "rooms": rooms.collect::<Map<String, Value>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::feeds::OtherPages;
    use crate::feeds::identities::Identities;
    use crate::feeds::revisions::Revisions;
    use crate::feeds::schedule_xml::schedule_xml;

    fn event(more: Value) -> Value {
        let mut session = json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "slug": "opening", "title": "Opening", "kind": "talk",
            "starts_at": "2027-03-04T09:00:00+01:00", "ends_at": "2027-03-04T09:45:00+01:00",
            "time_zone": "Europe/Brussels", "room": "Main hall", "track": "Law",
        });
        session.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8058", "slug": "water-days", "title": "Water days",
            "time_zone": "Europe/Brussels", "starts_on": "2027-03-04", "ends_on": "2027-03-04",
            "image": {"url": "https://example.org/logo.png"}, "tracks": [{"name": "Law", "colour": "#aa0000"}],
            "venue": {"rooms": [{"name": "Main hall", "capacity": 300, "note": "Second floor"}]},
            "sessions": [session],
        })
    }

    /// Returns the programme as JSON, its first session, and the programme as XML.
    fn write_programme(event: &Value) -> (Value, Value, String) {
        let (site, revisions) = (Config::default().site(), Revisions::default());
        let feed = Feed {
            site: &site,
            own_url: "https://api.example.org/x",
            list_url: "",
            public_url: "https://api.example.org",
            locale: "en",
            pages: OtherPages::default(),
            items: std::slice::from_ref(event),
            revisions: &revisions,
            identities: &Identities::default(),
        };
        let schedule = ConferenceSchedule::new(&feed, event);
        let conference = schedule.json("https://api.example.org/x")["schedule"]["conference"].clone();
        let talk = conference["days"][0]["rooms"]["Main hall"][0].clone();
        (conference, talk, schedule_xml(&schedule))
    }

    #[test]
    fn nothing_is_told_that_is_not_known() {
        let (_, talk, xml) = write_programme(&event(json!({})));
        for name in ["do_not_record", "recording_license", "feedback_url", "logo"] {
            assert!(talk.get(name).is_none(), "{name}: {talk}");
        }
        assert!(!xml.contains("<recording>"), "{xml}");
        assert_eq!(talk["end"], "2027-03-04T09:45:00+01:00");
    }

    #[test]
    fn a_session_without_an_end_has_none() {
        for ends in [json!(null), json!("2027-03-04T09:00:00+01:00")] {
            let (conference, talk, xml) = write_programme(&event(json!({ "ends_at": ends })));
            assert_eq!((talk.get("end"), &talk["duration"]), (None, &json!("00:00")), "{talk}");
            assert!(xml.contains("<duration>00:00</duration>"), "{xml}");
            assert_eq!(conference["days"][0]["day_end"], "2027-03-04T09:00:00+01:00");
        }
    }

    #[test]
    fn what_is_known_is_told() {
        let known = json!({
            "do_not_record": true, "recording_license": "CC BY 4.0", "image": {"url": "https://example.org/river.jpg"},
            "recordings": [{"url": "https://example.org/opening.mp4", "title": "Recording"}],
            "speakers": [{"speaker": {"id": "01890a5d-ac96-774b-bcce-b302099a8059", "name": "Anna",
                "biography": "<p>Anna &amp; rivers.</p>", "portrait": {"url": "https://example.org/anna.jpg"}}}],
        });
        let (conference, talk, xml) = write_programme(&event(known));
        assert_eq!((&talk["do_not_record"], &talk["recording_license"]), (&json!(true), &json!("CC BY 4.0")));
        assert_eq!(talk["logo"], "https://example.org/river.jpg");
        assert_eq!(talk["links"], json!([{"url": "https://example.org/opening.mp4", "title": "Recording"}]));
        let person = &talk["persons"][0];
        assert_eq!(
            (&person["biography"], &person["avatar"], &person["public_name"]),
            (&json!("Anna & rivers."), &json!("https://example.org/anna.jpg"), &json!("Anna"))
        );
        assert_eq!(conference["tracks"], json!([{"name": "Law", "color": "#aa0000"}]));
        let room = &conference["rooms"][0];
        assert_eq!((&room["capacity"], &room["description"]), (&json!(300), &json!("Second floor")));
        assert_eq!(conference["logo"], "https://example.org/logo.png");
        assert!(xml.contains("<recording><license>CC BY 4.0</license><optout>true</optout></recording>"), "{xml}");
        assert!(xml.contains("<track name=\"Law\" color=\"#aa0000\"/>"), "{xml}");
    }
}
