//! The rooms of a programme.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::content::slug::is_id;
use crate::transfer::read::Sink;

/// Greatest number of rooms of a venue.
const MOST_ROOMS: usize = 300;

/// The rooms that were read so far, in the order of the file.
#[derive(Debug, Default)]
pub struct ProgrammeRooms {
    list: Vec<Value>,
    guids: BTreeMap<String, String>,
}

impl ProgrammeRooms {
    /// Adds a room, as the field `rooms` of a venue has it. Of several descriptions of one room the most detailed is kept.
    pub fn add(&mut self, sink: &Sink, room: Value) {
        match self.list.iter().position(|known| known["name"] == room["name"]) {
            Some(place) if details(&self.list[place]) < details(&room) => self.list[place] = room,
            Some(_) => {}
            None if self.list.len() < MOST_ROOMS => self.list.push(room),
            None => sink.left_out("conference", "room beyond the number that a venue can have"),
        }
    }

    /// Remembers the UUID of a room.
    pub fn identify(&mut self, sink: &Sink, name: &str, guid: &str) {
        if is_id(guid) && self.guids.len() < MOST_ROOMS {
            let known = self.guids.entry(name.trim().to_owned()).or_insert_with(|| guid.to_owned());
            if known != guid {
                sink.left_out("room", "a second room with the name of another one and a guid of its own");
            }
        } else if !guid.trim().is_empty() {
            sink.on_purpose("room", "room/guid", "it is no UUID; a room is known by its name");
        }
    }

    /// Returns whether the file has no rooms.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns whether more is known of a room than its name.
    pub fn has_details(&self) -> bool {
        self.list.iter().any(|room| details(room) > 1) || !self.guids.is_empty()
    }

    /// Returns the rooms, and their UUIDs by their names.
    pub fn into_parts(self) -> (Vec<Value>, BTreeMap<String, String>) {
        (self.list, self.guids)
    }
}

/// Returns the number of members of a room.
fn details(room: &Value) -> usize {
    room.as_object().map_or(0, Map::len)
}
