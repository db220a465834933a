//! Messages that events do not take place (`METHOD:CANCEL`; RFC 5546, section 3.2.5). A start and a title are not required.

use super::Walk;
use super::calendars::{Calendar, is_series, revision};
use super::components::Component;
use super::times::time_of;
use crate::transfer::read::SinkClosed;
use crate::transfer::record::{Cancellation, CancelledInstance, Record};

impl Walk<'_> {
    /// Sends a message that an event, an occurrence of a series, or it and all later ones do not take place.
    pub(super) fn cancellation(
        &self,
        calendar: &Calendar,
        event: &Component,
        identity: String,
    ) -> Result<(), SinkClosed> {
        let (place, revision) = (event.place(), revision(event));
        let instance = match event.find("RECURRENCE-ID") {
            None => None,
            Some(property) => match time_of(property, &calendar.zones) {
                Ok((when, _)) => {
                    let and_later = property.parameter_is("RANGE", "THISANDFUTURE");
                    Some(CancelledInstance { key: when.key(), day: when.local_time().date(), and_later })
                }
                // Without it the whole series would be cancelled.
                Err(why) => {
                    let message = format!("RECURRENCE-ID: {why}");
                    return self.refuse(place, identity, "not_a_time", message);
                }
            },
        };
        let record = self.cancelled_record(calendar, event, &identity, instance.as_ref())?.map(Box::new);
        self.sink.cancellation(Cancellation { place, identity, revision, instance, record })
    }

    /// Returns the event as the message has it, if it says what it is and is neither a series nor several occurrences.
    fn cancelled_record(
        &self,
        calendar: &Calendar,
        event: &Component,
        identity: &str,
        instance: Option<&CancelledInstance>,
    ) -> Result<Option<Record>, SinkClosed> {
        let is_whole = event.find("DTSTART").is_some() && event.text("SUMMARY").is_some();
        if !is_whole || is_series(event) || instance.is_some_and(|instance| instance.and_later) {
            return Ok(None);
        }
        let Some((span, mut record)) = self.read_event(calendar, event, identity.to_owned())? else { return Ok(None) };
        if let Some(instance) = instance {
            record.source = format!("{identity}/{}", instance.key);
            record.ids = record.ids.occurrence(Some(instance.key.clone()));
        }
        span.set(&mut record, calendar.zones.own_zone());
        Ok(Some(record))
    }
}
