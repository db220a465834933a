//! The Events Calendar, a plugin of WordPress: the pages of its API. Its texts are HTML, also the titles.

use serde_json::{Map, Value, json};

use super::ScheduleReader;
use super::people::note_members;
use crate::content::rich_text::to_text;
use crate::transfer::read::plain_text::html;
use crate::transfer::read::{Closed, text_of, web_address};
use crate::transfer::record::Record;
use crate::transfer::zones::{country_code, zone_of};

/// Members of an event that are read.
const READ: [&str; 24] = [
    "id",
    "global_id",
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
    "start_date_details",
    "end_date_details",
    "utc_start_date",
    "utc_end_date",
    "hide_from_listings",
];

impl ScheduleReader<'_> {
    /// Reads an event.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn listed_event(&mut self, at: &str, given: &Value) -> Result<(), Closed> {
        let text = |name: &str| text_of(given.get(name));
        let (Some(id), Some(start)) = (text("id"), text("start_date")) else {
            return self.sink.broken(at, "required", "an event requires an id and a start_date");
        };
        self.is_known = true;
        let host = text("url").and_then(|url| url::Url::parse(&url).ok()?.host_str().map(str::to_owned));
        let name = self.settings.source(host);
        self.sink.set_origin(&format!("{name}:events"));
        if let Some(status) = text("status").filter(|status| status != "publish") {
            let message = format!("{id} is left out: its status is \"{status}\"");
            return self.sink.note(at, "/status", "not_public", message);
        }
        note_members(self.sink, at, "event", given, &READ);
        let mut record = Record::new(at, "event", format!("{name}:event/{id}"));
        record.slug = text("slug");
        record.set("title", text("title").map(|title| to_text(&title)));
        record.set("summary", text("excerpt").map(|excerpt| to_text(&excerpt)));
        record.set("body", text("description").map_or(Value::Null, |text| html(&text)));
        let all_day = given.get("all_day") == Some(&Value::Bool(true));
        let when = |time: String| {
            if all_day { time.get(..10).unwrap_or(&time).to_owned() } else { time.replacen(' ', "T", 1) }
        };
        record.set("starts_at", when(start));
        record.set("ends_at", text("end_date").map(when));
        record.set("all_day", all_day);
        record.set("time_zone", text("timezone").and_then(|zone| zone_of(&zone)).map(|zone| zone.name()));
        if let Some(note) = text("cost") {
            record.set("registration", json!({"price_note": to_text(&note)}));
        }
        self.listed_links(at, given, &mut record)?;
        record.set("topics", self.listed_topics(at, given, &name)?);
        record.set("venue", self.listed_venue(at, given.get("venue"), &name)?);
        record.set("contact", contact(given.get("organizer")));
        self.sink.record(record)
    }

    fn listed_links(&self, at: &str, given: &Value, record: &mut Record) -> Result<(), Closed> {
        let mut links = Vec::new();
        for (name, title) in [("website", "Website"), ("url", "Announcement")] {
            let Some(url) = text_of(given.get(name)) else { continue };
            match web_address(&url) {
                Ok(url) => links.push(json!({"title": title, "url": url})),
                Err((code, message)) => self.sink.note(at, "/links", code, message)?,
            }
        }
        record.set("links", links);
        let image = given.get("image").and_then(|image| text_of(image.get("url")));
        record.set("image", image.map_or(Value::Null, |url| json!({ "url": url })));
        Ok(())
    }

    fn listed_topics(&self, at: &str, given: &Value, name: &str) -> Result<Vec<Value>, Closed> {
        let lists = ["categories", "tags"].map(|list| given.get(list).and_then(Value::as_array));
        let mut topics: Vec<Value> = Vec::new();
        for topic in lists.into_iter().flatten().flatten().filter_map(|entry| text_of(entry.get("name"))) {
            let topic = to_text(&topic);
            let source = format!("{name}:topic/{topic}");
            let mut record = Record::new(at, "topic", source.clone()).supporting().by_name();
            record.set("name", topic);
            self.sink.record(record)?;
            if !topics.contains(&Value::from(source.as_str())) {
                topics.push(source.into());
            }
        }
        Ok(topics)
    }

    fn listed_venue(&self, at: &str, given: Option<&Value>, name: &str) -> Result<Option<String>, Closed> {
        let text = |member: &str| text_of(given?.get(member));
        let Some(title) = text("venue") else { return Ok(None) };
        let source = format!("{name}:venue/{}", text("id").unwrap_or_else(|| title.clone()));
        let mut record = Record::new(at, "venue", source.clone()).supporting();
        record.set("name", to_text(&title));
        let mut address = Map::new();
        for (field, member) in
            [("street", "address"), ("postal_code", "zip"), ("city", "city"), ("region", "stateprovince")]
        {
            if let Some(value) = text(member) {
                address.insert(field.to_owned(), to_text(&value).into());
            }
        }
        if let Some(country) = text("country").and_then(|country| country_code(&country)) {
            address.insert("country".to_owned(), country.into());
        }
        record.set("address", address);
        let number = |member: &str| given.and_then(|venue| venue.get(member)).and_then(Value::as_f64);
        if let Some((latitude, longitude)) = number("geo_lat").zip(number("geo_lng")) {
            record.set("geo", json!({"latitude": latitude, "longitude": longitude}));
        }
        record.set("url", text("website"));
        self.sink.record(record)?;
        Ok(Some(source))
    }
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
