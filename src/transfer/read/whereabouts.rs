//! What follows from a text that says where something takes place, for all readers.

use serde_json::{Value, json};

use super::{Sink, SinkClosed};
use crate::transfer::record::Record;

/// Title of the link to the map of a place that has no name.
pub const MAP: &str = "Map";

/// Where something takes place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The place on the ground; empty if none is named.
    pub place: String,
    /// The first address on the net.
    pub url: Option<String>,
    /// The first address of a map, which shows where the place is.
    pub map: Option<String>,
    /// Whether people can take part online.
    pub is_online: bool,
    /// Whether the text says that people can take part in both ways.
    pub is_hybrid: bool,
    /// What is no part of the place, and no address.
    pub rest: Vec<String>,
}

impl Whereabouts {
    /// Returns what addresses of maps say: the first one counts.
    pub fn of_maps(maps: Vec<String>) -> Self {
        let mut maps = maps.into_iter();
        Self { map: maps.next(), rest: maps.collect(), ..Self::default() }
    }

    /// Returns how people attend, in the words of the field `attendance_mode`; `None` if the text says nothing of the net.
    pub fn mode(&self) -> Option<&'static str> {
        let has_place = !self.place.is_empty() || self.is_hybrid;
        self.is_online.then_some(if has_place { "mixed" } else { "online" })
    }

    /// Returns whether the text says that there is no place on the ground, or none that is known.
    pub fn is_nowhere(&self) -> bool {
        self.place.is_empty() && (self.is_online || !self.rest.is_empty())
    }

    /// Takes what another text says, and returns the place that it names. The first address on the net counts, and the first
    /// one of a map; a further one names no place either.
    pub fn join(&mut self, other: Whereabouts) -> String {
        self.is_online |= other.is_online;
        self.is_hybrid |= other.is_hybrid;
        self.rest.extend(other.rest);
        for (known, given) in [(&mut self.url, other.url), (&mut self.map, other.map)] {
            match (&known, given) {
                (None, given) => *known = given,
                (Some(first), Some(given)) if *first != given => self.rest.push(given),
                _ => {}
            }
        }
        other.place
    }

    /// Notes what is no part of the place.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn tell(&self, sink: &Sink, at: &str, field: &str) -> Result<(), SinkClosed> {
        for rest in &self.rest {
            let so = if self.is_online { "; the event is online" } else { "" };
            sink.note(at, field, "no_place", format!("\"{rest}\" names no place{so}"))?;
        }
        Ok(())
    }

    /// Sets the fields of an event that follow from the net, and adds the map of a place that has no name to its links. The
    /// item loses a venue that it had, if there is none any more.
    pub fn set(&self, record: &mut Record) {
        if let Some(mode) = self.mode() {
            record.set("attendance_mode", mode);
        }
        record.set("online_url", self.url.clone());
        if let Some(url) = self.map.as_ref().filter(|_| self.place.is_empty()) {
            let mut links = record.body.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
            links.push(json!({"title": MAP, "url": url}));
            record.set("links", links);
        }
        if self.is_nowhere() {
            record.lost_references.push(("venue", None));
        }
    }
}
