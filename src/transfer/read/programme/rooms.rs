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

    /// Remembers the UUID of a room, and returns the name by which the room is known: its own, with a number if another room
    /// of the file has that name and another UUID.
    pub fn identify(&mut self, sink: &Sink, name: &str, guid: &str) -> String {
        let name = name.trim();
        if !is_id(guid) {
            if !guid.trim().is_empty() {
                sink.on_purpose("room", "room/guid", "it is no UUID; a room is known by its name");
            }
            return name.to_owned();
        }
        let label = |number: usize| if number == 1 { name.to_owned() } else { format!("{name} ({number})") };
        let is_its = |label: &String| self.guids.get(label).is_none_or(|known| known == guid);
        // There are fewer rooms than numbers.
        let own = (1..=MOST_ROOMS).map(label).find(is_its).unwrap_or_else(|| name.to_owned());
        if own != name {
            let why = format!("another room has that name and another guid; this one is \"{own}\"");
            sink.on_purpose("room", &format!("room \"{name}\""), &why);
        }
        if self.guids.len() < MOST_ROOMS {
            self.guids.insert(own.clone(), guid.to_owned());
        }
        own
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
