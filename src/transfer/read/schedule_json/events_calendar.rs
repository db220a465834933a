//! The Events Calendar, a plugin of WordPress: the pages of its API. Its texts are HTML, also the titles.

use serde_json::{Map, Value, json};

use super::ScheduleReader;
use super::people::{note_each, note_members};
use crate::content::rich_text::to_text;
use crate::transfer::country_names::country_code;
use crate::transfer::read::map_addresses::is_map;
use crate::transfer::read::online_places::whereabouts;
use crate::transfer::read::plain_text::html_value;
use crate::transfer::read::programme::states::status_of;
use crate::transfer::read::programme::words::flag;
use crate::transfer::read::whereabouts::Whereabouts;
use crate::transfer::read::{SinkClosed, text_of, web_address};
use crate::transfer::record::Record;
use crate::transfer::zones::zone_of;

/// Greatest number of topics of an event. One more is read, so that the others are noted.
const MOST_TOPICS: usize = 50;

/// Members of an event, a venue, an organiser and an image that are read.
const READ: [&str; 23] = [
    "id",
    "url",
    "title",
    "description",
    "excerpt",
    "slug",
    "image",
    "all_day",
    "start_date",
    "end_date",
    "timezone",
    "cost",
    "website",
    "categories",
    "tags",
    "venue",
    "organizer",
    "status",
    "event_status",
    "hide_from_listings",
    "is_virtual",
    "virtual_url",
    "virtual_event_type",
];
const OF_VENUE: [&str; 13] = [
    "id",
    "venue",
    "description",
    "address",
    "city",
    "country",
    "state",
    "province",
    "stateprovince",
    "zip",
    "website",
    "geo_lat",
    "geo_lng",
];
const OF_ORGANISER: [&str; 4] = ["organizer", "email", "phone", "website"];
const OF_IMAGE: [&str; 3] = ["url", "width", "height"];

impl ScheduleReader<'_> {
    /// Reads an event.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn listed_event(&mut self, at: &str, given: &Value) -> Result<(), SinkClosed> {
        let text = |name: &str| text_of(given.get(name));
        let (Some(id), Some(start)) = (text("id"), text("start_date")) else {
            return self.sink.report_broken(at, "required", "an event requires an id and a start_date");
        };
        self.is_known = true;
        let host = text("url").and_then(|url| url::Url::parse(&url).ok()?.host_str().map(str::to_owned));
        let name = self.settings.source(host);
        self.sink.set_origin(&format!("{name}:events"));
        if let Some(status) = text("status").filter(|status| status != "publish") {
            let message = format!("{id} is left out: its status is \"{status}\"");
            return self.sink.note(at, "/status", "not_public", message);
        }
        self.note_listed(at, given);
        let mut record = Record::new(at, "event", format!("{name}:event/{id}"));
        record.slug = text("slug");
        record.set("title", text("title").map(|title| to_text(&title)));
        record.set("summary", text("excerpt").map(|excerpt| to_text(&excerpt)));
        record.set("body", text("description").map_or(Value::Null, |text| html_value(&text)));
        set_days(&mut record, given, start, text("end_date"));
        if let Some(given) = text("timezone") {
            match zone_of(&given) {
                Some(zone) => record.set("time_zone", zone.name()),
                None => self.sink.note(at, "/time_zone", "unknown_zone", format!("left out: \"{given}\""))?,
            }
        }
        record.set("registration", text("cost").map_or(Value::Null, |note| json!({"price_note": to_text(&note)})));
        self.listed_status(at, given, &mut record)?;
        self.listed_links(at, given, &mut record)?;
        record.set("topics", self.listed_topics(at, given, &name)?);
        let title = given.get("venue").and_then(|venue| text_of(venue.get("venue")));
        let place = title.map(|title| whereabouts(&to_text(&title))).unwrap_or_default();
        place.tell(self.sink, at, "/venue")?;
        place.set(&mut record);
        let venue = self.listed_venue(at, given.get("venue"), (&name, &place))?;
        self.listed_mode(at, given, venue.is_some(), &mut record)?;
        record.set("venue", venue);
        record.set("contact", contact(given.get("organizer")));
        self.sink.record(record)
    }

    /// Sets whether the event takes place as announced, and whether lists show it.
    fn listed_status(&self, at: &str, given: &Value, record: &mut Record) -> Result<(), SinkClosed> {
        record.private = given.get("hide_from_listings").and_then(flag) == Some(true);
        let Some(status) = text_of(given.get("event_status")) else { return Ok(()) };
        match status_of(&status) {
            Some(known) => record.set("event_status", known),
            None => self.sink.note(at, "/event_status", "unknown_status", format!("left out: \"{status}\""))?,
        }
        Ok(())
    }

    /// Sets whether the event is online, and its address there.
    fn listed_mode(&self, at: &str, given: &Value, has_venue: bool, record: &mut Record) -> Result<(), SinkClosed> {
        let text = |name: &str| text_of(given.get(name));
        let url = text("virtual_url").filter(|url| !is_map(url));
        if url.is_none() && text("virtual_url").is_some() {
            self.sink.left_out(at, "virtual_url, the address of a map");
        }
        let is_virtual = given.get("is_virtual").and_then(flag);
        if is_virtual == Some(false) || (is_virtual.is_none() && url.is_none()) {
            return Ok(());
        }
        let is_hybrid = text("virtual_event_type").is_some_and(|kind| kind.eq_ignore_ascii_case("hybrid"));
        record.set("attendance_mode", if is_hybrid || has_venue { "mixed" } else { "online" });
        match url.map(|url| web_address(&url)) {
            Some(Ok(url)) => record.set("online_url", url),
            Some(Err((code, message))) => self.sink.note(at, "/online_url", code, message)?,
            None => {}
        }
        Ok(())
    }

    /// Counts the members that are not read, of an event and of what is within it.
    fn note_listed(&self, at: &str, given: &Value) {
        let (sink, inner) = (self.sink, |name: &str| given.get(name));
        note_members(sink, at, "event", given, &READ);
        note_each(sink, at, "image", inner("image"), &OF_IMAGE);
        note_each(sink, at, "venue", inner("venue").filter(|venue| venue.is_object()), &OF_VENUE);
        for list in ["categories", "tags"] {
            note_each(sink, at, list, inner(list), &["name"]);
        }
        let organisers =
            inner("organizer").map(|list| list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice));
        for (number, organiser) in organisers.into_iter().flatten().enumerate() {
            if number == 0 {
                note_members(sink, at, "organizer", organiser, &OF_ORGANISER);
            } else {
                sink.left_out(at, "organizer, a further one");
            }
        }
    }

    fn listed_links(&self, at: &str, given: &Value, record: &mut Record) -> Result<(), SinkClosed> {
        let mut links = Vec::new();
        for (name, title) in [("website", "Website"), ("url", "Announcement")] {
            let Some(url) = text_of(given.get(name)) else { continue };
            match web_address(&url) {
                Ok(url) => links.push(json!({"title": title, "url": url})),
                Err((code, message)) => self.sink.note(at, "/links", code, message)?,
            }
        }
        record.set("links", links);
        if let Some(image) = given.get("image").filter(|image| text_of(image.get("url")).is_some()) {
            let size = |name: &str| image.get(name).and_then(Value::as_u64).filter(|pixels| *pixels > 0);
            let all = [
                ("url", image.get("url").cloned()),
                ("width", size("width").map(Value::from)),
                ("height", size("height").map(Value::from)),
            ];
            let known = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            record.set("image", known.collect::<Map<_, _>>());
        }
        Ok(())
    }

    fn listed_topics(&self, at: &str, given: &Value, name: &str) -> Result<Vec<Value>, SinkClosed> {
        let lists = ["categories", "tags"].map(|list| given.get(list).and_then(Value::as_array));
        let mut topics: Vec<Value> = Vec::new();
        for topic in lists.into_iter().flatten().flatten().filter_map(|entry| text_of(entry.get("name"))) {
            if topics.len() > MOST_TOPICS {
                break;
            }
            let topic = to_text(&topic);
            let source = format!("{name}:topic/{topic}");
            let mut record = Record::new(at, "topic", source.clone()).into_supporting().by_name();
            record.set("name", topic);
            self.sink.record(record)?;
            if !topics.contains(&Value::from(source.as_str())) {
                topics.push(source.into());
            }
        }
        Ok(topics)
    }

    /// Sends the venue with a title, and returns its source.
    fn listed_venue(
        &self,
        at: &str,
        given: Option<&Value>,
        (name, place): (&str, &Whereabouts),
    ) -> Result<Option<String>, SinkClosed> {
        let title = place.place.as_str();
        let text = |member: &str| text_of(given?.get(member));
        if title.is_empty() {
            // The id of what is no venue says nothing, and the others are counted as unread.
            for member in OF_VENUE.iter().filter(|name| !["id", "venue"].contains(name) && text(name).is_some()) {
                self.sink.left_out(at, &format!("venue/{member}"));
            }
            return Ok(None);
        }
        let source = format!("{name}:venue/{}", text("id").unwrap_or_else(|| title.to_owned()));
        let mut record = Record::new(at, "venue", source.clone()).into_supporting();
        record.set("name", title);
        record.set("description", text("description").map_or(Value::Null, |text| html_value(&text)));
        let mut address = Map::new();
        for (field, member) in
            [("street", "address"), ("postal_code", "zip"), ("city", "city"), ("region", "stateprovince")]
        {
            let region = || ["state", "province"].iter().find_map(|name| text(name)).filter(|_| field == "region");
            if let Some(value) = text(member).or_else(region) {
                address.insert(field.to_owned(), to_text(&value).into());
            }
        }
        if let Some(country) = text("country") {
            match country_code(&country) {
                Some(code) => drop(address.insert("country".to_owned(), code.into())),
                None => self.sink.note(at, "/country", "unknown_country", format!("left out: \"{country}\""))?,
            }
        }
        record.set("address", address);
        let number = |member: &str| given.and_then(|venue| venue.get(member)).and_then(Value::as_f64);
        if let Some((latitude, longitude)) = number("geo_lat").zip(number("geo_lng")) {
            record.set("geo", json!({"latitude": latitude, "longitude": longitude}));
        }
        record.set("url", text("website"));
        record.set("map_url", place.map.clone());
        self.sink.record(record)?;
        Ok(Some(source))
    }
}

fn set_days(record: &mut Record, given: &Value, start: String, end: Option<String>) {
    let all_day = given.get("all_day") == Some(&Value::Bool(true));
    let when = |time: String| {
        if all_day { time.get(..10).unwrap_or(&time).to_owned() } else { time.replacen(' ', "T", 1) }
    };
    record.set("starts_at", when(start));
    record.set("ends_at", end.map(when));
    record.set("all_day", all_day);
}

/// Returns the contact: the first organiser.
fn contact(organisers: Option<&Value>) -> Map<String, Value> {
    let first = organisers.map(|list| list.get(0).unwrap_or(list));
    let mut contact = Map::new();
    for (field, member) in [("name", "organizer"), ("email", "email"), ("telephone", "phone"), ("url", "website")] {
        if let Some(value) = first.and_then(|organiser| text_of(organiser.get(member))) {
            contact.insert(field.to_owned(), to_text(&value).into());
        }
    }
    contact
}
