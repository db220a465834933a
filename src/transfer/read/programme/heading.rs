//! The properties of the event as a whole, which a programme gives one by one.

use serde_json::{Map, Value};

use super::LabelledUrl;
use super::words::{flag, text_or_name, words};
use crate::content::slug::from_title;
use crate::transfer::read::online_places::whereabouts;
use crate::transfer::read::whereabouts::Whereabouts;
use crate::transfer::read::{Sink, text_of};

/// Greatest number of tracks of an event. One more is read, so that the others are noted.
const MOST_TRACKS: usize = 200;

/// Properties that are passed over on purpose, and why.
const ON_PURPOSE: [(&str, &str); 7] = [
    ("days", "the sessions have their days themselves"),
    ("$schema", "it names the form of the file"),
    ("daysCount", "the sessions have their days themselves"),
    ("timeslot_duration", "it is the grid of a program for planning"),
    ("colors", "they belong to the design of a website"),
    ("color", "it belongs to the design of a website"),
    ("slug", "it is part of the addresses of another website"),
];

/// Properties that are texts in one language.
const TEXTS: [&str; 8] = ["acronym", "start", "end", "venue", "city", "street", "url", "time_zone_name"];

/// Property with the id of the event on the Plenary that gave the programme out.
pub const OWN_ID: &str = "plenary_id";

/// Property with the status of the event, which the title tells too in a programme that Plenary gave out.
pub const OWN_STATUS: &str = "plenary_status";

/// The properties of the event.
#[derive(Debug, Default)]
pub struct ProgrammeHeading {
    /// Name of the source, if the file has one.
    pub name: Option<String>,
    pub acronym: Option<String>,
    pub title: Option<Value>,
    pub subtitle: Option<Value>,
    pub description: Option<Value>,
    pub start: Option<String>,
    pub end: Option<String>,
    pub venue: Option<String>,
    pub city: Option<String>,
    pub street: Option<String>,
    /// Coordinates of the venue, as its field `geo` has them.
    pub geo: Value,
    pub languages: Vec<Value>,
    /// Links besides that to the website.
    pub links: Vec<LabelledUrl>,
    /// Whether the event must not be public.
    pub private: bool,
    /// Whether people can attend online.
    pub is_online: bool,
    pub url: Option<String>,
    /// Address of the programme: of the file itself (c3voc), or of its page.
    pub schedule_url: Option<String>,
    /// Address to which relative ones of the file belong.
    pub base: Option<String>,
    pub logo: Option<String>,
    pub time_zone: Option<String>,
    /// Tracks with their colours, as the field `tracks` has them.
    pub tracks: Vec<Value>,
    /// Status of the event, in the words of its field `event_status`.
    pub own_status: Option<String>,
    /// Id of the event on the site that gave the programme out.
    pub own_event: Option<String>,
}

impl ProgrammeHeading {
    /// Sets a property.
    pub fn set(&mut self, sink: &Sink, name: &str, value: &Value) {
        let text = words(Some(value), "");
        let is_text = TEXTS.contains(&name) || matches!(name, "title" | "subtitle" | "description");
        if is_text && text_or_name(value).is_none() {
            sink.left_out("conference", &format!("conference/{name}, which is no text"));
        }
        match name {
            OWN_ID => self.own_event = text,
            OWN_STATUS => self.own_status = text,
            "acronym" => self.acronym = text,
            "title" => self.title = text_or_name(value).filter(|text| !text.is_null()),
            "subtitle" => self.subtitle = text_or_name(value).filter(|text| !text.is_null()),
            "description" => self.description = text_or_name(value).filter(|text| !text.is_null()),
            "start" => self.start = text,
            "end" => self.end = text,
            "venue" => self.venue = text,
            "city" => self.city = text,
            "street" => self.street = text,
            "geo" => self.geo = value.clone(),
            "languages" => self.languages = value.as_array().cloned().unwrap_or_default(),
            "link" => {
                let title = text_of(value.get("title"));
                self.links.extend(text_of(value.get("url")).map(|url| (title, url, None)));
            }
            "online" => self.is_online = flag(value) == Some(true),
            "private" => self.private = value.as_bool().unwrap_or(false),
            "url" => self.set_url(sink, text),
            "schedule_url" => self.schedule_url = text,
            "base_url" => {
                self.base = self.base.take().or(text);
                sink.on_purpose("conference", "conference/base_url", "it is the beginning of other addresses");
            }
            "logo" => self.logo = text_of(value.get("url")).or(text),
            "time_zone_name" => self.time_zone = text,
            "day_change" => {}
            "tracks" => value.as_array().into_iter().flatten().for_each(|track| self.track(sink, track)),
            "track" => self.track(sink, value),
            _ if value.is_null() => {}
            _ => match ON_PURPOSE.iter().find(|(known, _)| *known == name) {
                Some((_, why)) => sink.on_purpose("conference", &format!("conference/{name}"), why),
                None => sink.left_out("conference", &format!("conference/{name}")),
            },
        }
    }

    fn track(&mut self, sink: &Sink, track: &Value) {
        let Some(name) = words(Some(track), "") else { return };
        let mut entry = Map::from_iter([("name".to_owned(), Value::from(name))]);
        let colours = track.get("colors");
        let colour = ["light", "dark"].iter().find_map(|theme| text_of(colours?.get(*theme)));
        if let Some(colour) = text_of(track.get("color")).or(colour) {
            entry.insert("colour".to_owned(), colour.into());
        }
        if self.tracks.len() <= MOST_TRACKS && !self.tracks.iter().any(|known| known["name"] == entry["name"]) {
            self.tracks.push(entry.into());
        }
        for member in track.as_object().into_iter().flat_map(Map::keys) {
            match member.as_str() {
                "name" | "color" => {}
                "colors" => {
                    sink.on_purpose("conference", "track/colors", "one colour is kept, that of the light theme");
                }
                "slug" | "id" | "guid" => {
                    sink.on_purpose("conference", &format!("track/{member}"), "a track is known by its name");
                }
                other => sink.left_out("conference", &format!("track/{other}")),
            }
        }
    }

    fn set_url(&mut self, sink: &Sink, url: Option<String>) {
        match (&self.url, &url) {
            (None, _) => self.url = url,
            (Some(known), Some(url)) if known != url => sink.left_out("conference", "conference/url, a further one"),
            (Some(_), _) => {}
        }
    }

    /// Returns the address of the event's website.
    pub fn website(&self) -> Option<&str> {
        let is_page = |url: &&str| {
            let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
            ![".json", ".xml", ".ics"].iter().any(|end| path.ends_with(end))
        };
        self.url.as_deref().or(self.schedule_url.as_deref().filter(is_page)).or(self.base.as_deref())
    }

    /// Returns whether the file said nothing of its event.
    pub fn is_empty(&self) -> bool {
        self.acronym.is_none() && self.title.is_none() && self.start.is_none()
    }

    /// Returns what the file says of itself: the acronym or the title of the event with its year, since both are often
    /// the same every year, else the host of its addresses.
    pub fn says(&self) -> Option<String> {
        if self.name.is_some() {
            return self.name.clone();
        }
        let title = words(self.title.as_ref(), "");
        let name = self.acronym.as_deref().or(title.as_deref()).map(from_title).filter(|name| !name.is_empty());
        let address = || self.website().or(self.schedule_url.as_deref());
        let host = || url::Url::parse(address()?).ok()?.host_str().map(str::to_owned);
        let Some(name) = name else { return host() };
        Some(match self.start.as_deref().and_then(year_in) {
            Some(year) if !name.contains(&year) && !name.ends_with(&year[2..]) => format!("{name}-{year}"),
            _ => name,
        })
    }

    /// Returns where the event takes place: what is said of its venue, else its city, unless it is on the net only.
    pub fn whereabouts(&self) -> Whereabouts {
        let mut found = self.venue.as_deref().map(whereabouts).unwrap_or_default();
        found.is_online |= self.is_online;
        if found.place.is_empty() && (!found.is_online || found.is_hybrid) {
            found.place = self.city.as_deref().map_or_else(String::new, |city| found.join(whereabouts(city)));
        }
        found
    }

    /// Returns the address of the venue.
    pub fn address(&self) -> Value {
        let members = [("street", &self.street), ("city", &self.city)];
        let known = members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text.clone()?))));
        known.collect::<Map<_, _>>().into()
    }
}

/// Returns the year that a text names, in whatever spelling it is a date.
fn year_in(text: &str) -> Option<String> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let year = numbers.find_map(|number| match number.len() {
        4 => Some(number),
        8 => number.get(..4),
        _ => None,
    });
    year.filter(|year| year.starts_with(['1', '2'])).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is() {
        let says = |acronym: Option<&str>, title: &str, start: Option<&str>| {
            let (acronym, start) = (acronym.map(str::to_owned), start.map(str::to_owned));
            ProgrammeHeading { acronym, title: Some(title.into()), start, ..ProgrammeHeading::default() }.says()
        };
        assert_eq!(says(Some("water"), "Water Days", Some("2027-05-01")).as_deref(), Some("water-2027"));
        assert_eq!(says(Some("water27"), "Water Days", Some("2027-05-01")).as_deref(), Some("water27"));
        assert_eq!(says(None, "Water Days 2027", Some("2027-05-01")).as_deref(), Some("water-days-2027"));
        assert_eq!(says(None, "Water Days", None).as_deref(), Some("water-days"));
        assert_eq!(says(None, "Water Days", Some("1 May 2027")).as_deref(), Some("water-days-2027"));
    }
}
