//! The ids of the sessions of a programme.

use std::collections::HashMap;

use super::ImportedTalk;
use crate::transfer::read::{Sink, SinkClosed};
use crate::transfer::survey::hash_of;

/// The sessions that were read so far. Some programs give one id to a session that takes place twice, or to all sessions:
/// what begins at another time or takes place in another room is a session of its own.
#[derive(Debug, Default)]
pub struct SessionIds {
    /// Number of sessions by the hash of their id, and the number of each among them by the hash of id, start and room.
    numbers: HashMap<u64, u32>,
}

impl SessionIds {
    /// Returns the id of a session, which differs from those before it.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn session_id(
        &mut self,
        sink: &Sink,
        place: &str,
        talk: &ImportedTalk,
        starts: Option<&str>,
    ) -> Result<String, SinkClosed> {
        let number = self.number(&talk.id, &format!("{} {:?}", starts.unwrap_or_default(), talk.room));
        if number == 1 {
            return Ok(talk.id.clone());
        }
        let message = format!("{number} sessions have the id \"{}\"; each is taken", talk.id);
        sink.note(place, "", "same_id", message)?;
        Ok(format!("{}/{number}", talk.id))
    }

    /// Returns the number of a session among those with its id, from 1.
    fn number(&mut self, id: &str, slot: &str) -> u32 {
        let (all, this) = (hash_of("session", id), hash_of(slot, id));
        if let Some(known) = self.numbers.get(&this) {
            return *known;
        }
        let count = self.numbers.entry(all).or_default();
        *count += 1;
        let number = *count;
        self.numbers.insert(this, number);
        number
    }
}
