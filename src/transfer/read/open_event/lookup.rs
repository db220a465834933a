//! What the sessions of an open event refer to: the event, its rooms, tracks, types and speakers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::resource::{MOST_MEMBERS, Resource, enters, is_member};
use crate::transfer::read::json_stream::ElementHandler;
use crate::transfer::read::plain_text::rich_value;
use crate::transfer::read::programme::ProgrammePerson;
use crate::transfer::read::programme::states::why_hidden;
use crate::transfer::read::{SinkClosed, text_of};

/// Greatest number of things that are remembered. It bounds the memory for a hostile file.
const MOST: usize = 100_000;
/// Fields of a speaker with addresses, and their titles.
const PAGES: [(&str, &str); 7] = [
    ("website", "Website"),
    ("twitter", "Twitter"),
    ("facebook", "Facebook"),
    ("github", "GitHub"),
    ("linkedin", "LinkedIn"),
    ("mastodon", "Mastodon"),
    ("instagram", "Instagram"),
];

/// What is known of a file before its sessions are read.
#[derive(Debug, Default)]
pub struct OpenEventLookup {
    heading: Vec<(&'static str, Value)>,
    /// Names of rooms, tracks and types, by kind and id.
    names: HashMap<(String, String), String>,
    people: HashMap<String, Arc<ProgrammePerson>>,
    /// Members of the only resource of a document.
    single: Map<String, Value>,
    host: Option<String>,
    /// Names of the events.
    events: BTreeSet<String>,
}

impl OpenEventLookup {
    /// Returns the properties of the event.
    pub fn heading(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.heading.iter().map(|(name, value)| (*name, value))
    }

    /// Returns the number of events with different names.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Returns the name of the source: the identifier of the event, if it has one.
    pub fn host(&self) -> Option<String> {
        self.host.clone()
    }

    /// Returns the name of what a session refers to: its own, or that of the resource with its id.
    pub fn name(&self, kind: &str, given: &Value) -> Option<String> {
        let known = || self.names.get(&(kind.to_owned(), text_of(given.get("id"))?)).cloned();
        text_of(given.get("name")).or_else(known)
    }

    /// Returns the speaker to which a session refers.
    pub fn speaker(&self, given: &Value) -> Option<Arc<ProgrammePerson>> {
        let known = text_of(given.get("id")).and_then(|id| self.people.get(&id).cloned());
        known.or_else(|| person(&Resource::read(&["speakers", "0"], given)?).map(Arc::new))
    }

    /// Ends the first reading.
    pub fn finish(&mut self) {
        let single = Value::Object(std::mem::take(&mut self.single));
        if let (_, Some(resource)) = Resource::read_single(&single) {
            self.remember(&resource);
        }
    }

    fn remember(&mut self, resource: &Resource) {
        if self.heading.len() + self.names.len() + self.people.len() >= MOST {
            return;
        }
        let kind = resource.kind.as_str();
        let text = |name: &str| text_of(resource.fields.get(name));
        match kind {
            "event" => self.event(resource),
            "speaker" => {
                if let Some((id, person)) = resource.id.clone().zip(person(resource)) {
                    self.people.insert(id, Arc::new(person.cut()));
                }
            }
            "social_link" => self.heading.extend(link(text("name"), text("link"))),
            "microlocation" | "track" | "session_type" => {
                let Some(name) = text("name") else { return };
                match kind {
                    "microlocation" => self.heading.push(("rooms", json!([{"name": name}]))),
                    "track" => self.heading.push(("tracks", json!([{"name": name, "color": text("color")}]))),
                    _ => {}
                }
                if let Some(id) = resource.id.clone() {
                    self.names.insert((kind.to_owned(), id), name);
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Resource) {
        let text = |names: [&str; 2]| names.iter().find_map(|name| text_of(event.fields.get(*name)));
        // A session refers to its event by the id alone, and what the event itself says must not be replaced by that.
        let Some(name) = text(["name", ""]) else { return };
        self.events.insert(name);
        let html = text(["description", ""]).map_or(Value::Null, |text| rich_value(&text));
        let number = |name: &str| event.fields.get(name).and_then(Value::as_f64);
        let geo = number("latitude").zip(number("longitude"));
        let is_hidden = why_hidden(|name| event.fields.get(name).cloned()).is_some();
        self.host = self.host.take().or_else(|| text(["identifier", ""]).map(|id| format!("open-event/{id}")));
        self.heading.extend([
            ("title", json!(text(["name", ""]))),
            ("description", html),
            ("start", json!(text(["starts_at", "start_time"]))),
            ("end", json!(text(["ends_at", "end_time"]))),
            ("time_zone_name", json!(text(["timezone", ""]))),
            ("venue", json!(text(["location_name", ""]))),
            ("city", json!(text(["searchable_location_name", ""]))),
            ("logo", json!(text(["original_image_url", "logo_url"]).or_else(|| text(["logo", ""])))),
            ("url", json!(text(["external_event_url", "event_url"]))),
            (
                "geo",
                geo.map_or(Value::Null, |(latitude, longitude)| json!({"latitude": latitude, "longitude": longitude})),
            ),
            ("online", event.fields.get("is_event_online").or(event.fields.get("online")).cloned().unwrap_or_default()),
            ("private", json!(is_hidden)),
        ]);
        self.heading.extend(link(Some("Tickets".to_owned()), text(["ticket_url", ""])));
        for entry in event.fields.get("social_links").and_then(Value::as_array).into_iter().flatten() {
            self.heading.extend(link(text_of(entry.get("name")), text_of(entry.get("link"))));
        }
    }
}

fn link(title: Option<String>, url: Option<String>) -> Option<(&'static str, Value)> {
    url.map(|url| ("link", json!({"title": title, "url": url})))
}

/// Returns a speaker; `None` without a name.
pub fn person(given: &Resource) -> Option<ProgrammePerson> {
    let text = |name: &str| text_of(given.fields.get(name));
    let name = text("name")?;
    let pages = PAGES.iter().filter_map(|(field, title)| Some((Some((*title).to_owned()), text(field)?, None)));
    let biography = text("long_biography").or_else(|| text("short_biography"));
    Some(ProgrammePerson {
        id: given.id.clone().unwrap_or_else(|| name.clone()),
        biography: biography.map_or(Value::Null, |text| rich_value(&text)),
        job_title: json!(text("position")),
        affiliation: json!(text("organisation")),
        country: text("country"),
        portrait: text("photo_url").or_else(|| text("photo")),
        links: pages.collect(),
        name,
        ..ProgrammePerson::default()
    })
}

impl ElementHandler for OpenEventLookup {
    fn enters(&self, path: &[String]) -> bool {
        enters(path)
    }

    fn hear(&mut self, path: &[String], value: Value) -> Result<(), SinkClosed> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match (Resource::read(&names, &value), names.as_slice()) {
            (Some(resource), _) => self.remember(&resource),
            (None, ["data" | "event", member]) => drop(self.single.insert((*member).to_owned(), value)),
            (None, [member]) if is_member(member) && self.single.len() < MOST_MEMBERS => {
                self.single.insert((*member).to_owned(), value);
            }
            _ => {}
        }
        Ok(())
    }
}
