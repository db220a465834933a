//! What of a programme is known only at its end: its rooms and its days.

use super::Programme;
use crate::transfer::read::SinkClosed;
use crate::transfer::record::Record;

impl Programme<'_> {
    /// Sends what is known only at the end: the rooms of the venue, and the days of an event without any.
    /// These are records of their own that share an item with the venue and the event, which were sent
    /// before.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn finish(mut self) -> Result<(), SinkClosed> {
        if !self.begun && !self.heading.is_empty() {
            self.begin()?;
        }
        if !self.begun {
            return self.without_event();
        }
        if !self.has_sessions {
            self.sink.note("conference", "", "no_sessions", "no session was taken from this file")?;
        }
        self.sink.set_own_ids(std::slice::from_ref(&self.first_guid));
        let rooms = std::mem::take(&mut self.rooms);
        if self.venue.is_none() && self.settings.event.is_some() && rooms.has_details() {
            self.sink.on_purpose("conference", "rooms", "the venue is the one of the event that is there");
        }
        if self.is_online && rooms.has_details() {
            self.sink.left_out("conference", "rooms of an event that is online");
        }
        if self.venue.is_none() && !rooms.is_empty() && self.settings.event.is_none() && !self.is_online {
            self.add_venue()?;
        }
        if let Some(mut venue) = self.venue.take() {
            venue.same_as = Some(venue.source.clone());
            venue.source = format!("{}/rooms", venue.source);
            let (list, guids) = rooms.into_parts();
            venue.set("rooms", list);
            venue.ids.rooms = guids;
            self.sink.record(venue)?;
        }
        let (Some(mut event), Some(first), Some(last)) = (self.undated.take(), self.first, self.last) else {
            return Ok(());
        };
        event.same_as = Some(event.source.clone());
        event.source = format!("{}/days", event.source);
        if !event.body.contains_key("starts_at") {
            event.set("starts_at", first.to_string());
        }
        event.set("ends_at", last.to_string());
        self.sink.record(event.into_supporting())
    }

    /// Notes what a file has that names neither an event nor a session: nothing says where it belongs.
    fn without_event(&self) -> Result<(), SinkClosed> {
        for (is_there, what) in [(!self.rooms.is_empty(), "rooms"), (!self.heading.tracks.is_empty(), "tracks")] {
            if is_there {
                let message = format!("the {what} are left out: the file names no event to which they belong");
                self.sink.note("conference", &format!("/{what}"), "no_event", message)?;
            }
        }
        Ok(())
    }

    /// Sends a venue for the rooms of a file that names none. It has the name of the event.
    fn add_venue(&mut self) -> Result<(), SinkClosed> {
        let mut venue = Record::new("conference", "venue", format!("{}:venue", self.name)).into_supporting();
        venue.set("name", self.title.clone());
        self.sink.record(venue.clone())?;
        let mut event = Record::new("conference", "event", format!("{}/venue", self.event)).into_supporting();
        event.same_as = Some(self.event.clone());
        event.set("title", self.title.clone());
        event.set("venue", venue.source.clone());
        self.venue = Some(venue);
        self.sink.record(event)
    }
}
