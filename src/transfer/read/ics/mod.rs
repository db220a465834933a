//! iCalendar files (RFC 5545, RFC 7986), and vCalendar 1.0. Every `VEVENT` becomes an event; one that recurs becomes a
//! series with an event for each occurrence. A file is read twice: see `calendars`.

mod calendars;
mod cancellations;
mod clock;
mod components;
mod definition;
mod event;
mod lines;
mod occurrences;
mod old_rules;
mod old_zone;
mod parameters;
mod people;
mod place;
mod property;
mod ranges;
mod rules;
mod scope;
mod series;
mod series_occurrences;
mod skipped_days;
#[cfg(test)]
mod tests;
mod times;
mod zones;

use std::cell::{Cell, RefCell};

use super::input::as_utf8;
use super::{Input, Settings, Sink, SinkClosed};
use crate::feeds::calendar::ID_PROPERTY;
use crate::items::record_ids::RecordIds;
use crate::transfer::record::{Record, series_of};
use calendars::{Calendar, Calendars, MOST_CALENDARS, is_series, revision};
use components::{CalendarPart, CalendarParts, Component};
use old_zone::OldZone;
use property::Property;
use series_occurrences::SeriesOccurrences;
use times::{CalendarSpan, TimeNotes};

/// Properties of a calendar that are read, or passed over on purpose.
const OF_CALENDAR: [(&str, &str); 15] = [
    ("PRODID", "it names the program that wrote the file"),
    ("VERSION", "it names the version of the format"),
    ("CALSCALE", ""),
    ("METHOD", ""),
    ("X-WR-TIMEZONE", ""),
    ("TIMEZONE-ID", ""),
    ("X-WR-RELCALID", "it says what the source is"),
    ("SOURCE", "it says what the source is"),
    ("UID", "it says what the source is"),
    ("URL", "it says what the source is"),
    ("NAME", "it says what the source is"),
    ("X-WR-CALNAME", "it says what the source is"),
    ("LAST-MODIFIED", "items have times of their own"),
    ("REFRESH-INTERVAL", "an import runs when it is started"),
    ("X-PUBLISHED-TTL", "an import runs when it is started"),
];

/// Reads all events of all calendars in a file.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), SinkClosed> {
    let mut input = match as_utf8(input, None) {
        Ok(input) => input,
        Err(error) => return sink.report_broken("line 1", "unreadable", error.to_string()),
    };
    let calendars = Calendars::read(&mut *input, settings);
    if let Err(error) = input.restart() {
        return sink.report_broken("line 1", "unreadable", error.to_string());
    }
    let (occurrences_of_series, steps) = (RefCell::default(), Cell::new(occurrences::MOST_STEPS));
    let (is_whole, has_faults) = (true, false);
    let mut walk =
        Walk { sink, calendars: &calendars, place: None, is_whole, has_faults, occurrences_of_series, steps };
    for part in CalendarParts::new(&mut *input) {
        walk.part(part)?;
    }
    let rest = walk.occurrences_of_series.borrow_mut().rest();
    rest.into_iter().try_for_each(|record| sink.record(record))?;
    if walk.place.is_none() {
        return sink.report_broken("line 1", "malformed_calendar", "there is no VCALENDAR in this file");
    }
    if walk.is_whole { sink.mark_whole() } else { Ok(()) }
}

struct Walk<'a> {
    sink: &'a Sink,
    calendars: &'a Calendars,
    /// Position of the present calendar among those of the file.
    place: Option<usize>,
    /// Whether no component was lost, and the file has all events of its source.
    is_whole: bool,
    /// Whether a line before the present part could not be read, which may be one of it.
    has_faults: bool,
    occurrences_of_series: RefCell<SeriesOccurrences>,
    /// Steps that are left to compute rules.
    steps: Cell<u64>,
}

impl<'a> Walk<'a> {
    fn part(&mut self, part: CalendarPart) -> Result<(), SinkClosed> {
        match part {
            CalendarPart::Calendar => {
                self.place = Some(self.place.map_or(0, |place| place + 1));
                if self.place == Some(MOST_CALENDARS) {
                    self.is_whole = false;
                    let message = format!("the file has more than {MOST_CALENDARS} calendars; the rest is not read");
                    return self.sink.report_broken(format!("calendar {}", MOST_CALENDARS + 1), "too_many", message);
                }
                if let Some(calendar) = self.calendar() {
                    self.sink.set_origin(&calendar.origin);
                    self.is_whole &= calendar.is_whole();
                }
                Ok(())
            }
            CalendarPart::Property(property) => self.property(&property),
            CalendarPart::Component(component) => self.component(&component),
            CalendarPart::Fault(line, code, message, true) => {
                (self.is_whole, self.has_faults) = (false, true);
                self.sink.report_broken(format!("line {line}"), code, message)
            }
            CalendarPart::Fault(line, code, message, false) => {
                self.has_faults = true;
                self.sink.note(&format!("line {line}"), "", code, message)
            }
        }
    }

    fn calendar(&self) -> Option<&'a Calendar> {
        self.calendars.list.get(self.place?)
    }

    fn property(&self, property: &Property) -> Result<(), SinkClosed> {
        let name = property.name.as_str();
        match OF_CALENDAR.iter().find(|(known, _)| *known == name) {
            _ if matches!(name, "TZ" | "DAYLIGHT") && self.calendar().is_some_and(Calendar::is_vcalendar) => {
                if let Some(message) = OldZone::default().read(property) {
                    return self.sink.note("calendar", &format!("/{name}"), "zone", message);
                }
            }
            Some((_, "")) => parameters::note(self.sink, "calendar", property),
            Some((_, why)) => self.sink.on_purpose("calendar", name, why),
            None => self.sink.left_out("calendar", name),
        }
        Ok(())
    }

    fn component(&mut self, component: &Component) -> Result<(), SinkClosed> {
        // A file of events without a calendar around them.
        let place = *self.place.get_or_insert(0);
        let Some(calendar) = self.calendars.list.get(place) else { return Ok(()) };
        match component.name.as_str() {
            "VEVENT" => self.event(calendar, component),
            "VTIMEZONE" => {
                parameters::note_zone(self.sink, component);
                Ok(())
            }
            name => {
                self.sink.left_out(&component.place(), name);
                Ok(())
            }
        }
    }

    fn event(&self, calendar: &Calendar, event: &Component) -> Result<(), SinkClosed> {
        let (sink, place) = (self.sink, event.place());
        if let Some(method @ ("REPLY" | "COUNTER" | "DECLINECOUNTER" | "REFRESH")) = calendar.method.as_deref() {
            sink.on_purpose(&place, &format!("METHOD:{method}"), "it is an answer of a participant and no publication");
            return Ok(());
        }
        let Some(identity) = calendar.identity_of(event) else {
            return sink.report_broken(place, "required", "an event requires a UID, or a start and a summary");
        };
        if !calendar.is_gregorian {
            let message = "the dates are not those of the Gregorian calendar".to_owned();
            return self.refuse(place, identity, "unknown_calendar", message);
        }
        if self.calendars.has_newer(calendar, &identity, event) {
            return sink.note(&place, "", "older_revision", "left out: the file has a newer revision of this event");
        }
        if self.calendars.ranges(&identity).iter().any(|range| range.line == event.line) {
            // It is sent with its series.
            return Ok(());
        }
        sink.set_own_ids(&[event.text(ID_PROPERTY), event.text("UID")]);
        if calendar.method.as_deref() == Some("CANCEL") {
            return self.cancellation(calendar, event, identity);
        }
        let Some((span, record)) = self.read_event(calendar, event, identity)? else { return Ok(()) };
        match event.find("RECURRENCE-ID") {
            Some(instance) => {
                if instance.parameter_is("RANGE", "THISANDFUTURE") {
                    sink.left_out(&place, "RANGE=THISANDFUTURE");
                }
                self.replacement(calendar, instance, span, record)
            }
            None if calendar.is_addition() => self.additions(calendar, event, span, &record),
            None if is_series(event) => self.series(calendar, event, span, &record),
            None => {
                if let Some(property) = event.find("EXDATE") {
                    sink.left_out(&event.place(), &format!("{} without RRULE", property.name));
                }
                let mut record = record;
                self.part_twins(event, &mut record, span)?;
                if self.calendars.occurs_once(&record.source) {
                    self.revise(event, &record, vec![(span.starts, true)], None)?;
                }
                // It may have been an occurrence in an earlier revision.
                record.lost_references.push(("series", Some(series_of(&record.source))));
                span.set(&mut record, calendar.zones.own_zone());
                sink.record(record)
            }
        }
    }

    /// Returns the times and the fields of an event; `None` if it is refused.
    pub(super) fn read_event(
        &self,
        calendar: &Calendar,
        event: &Component,
        identity: String,
    ) -> Result<Option<(CalendarSpan, Record)>, SinkClosed> {
        let (sink, place) = (self.sink, event.place());
        if event.dropped > 0 {
            let message = format!("{} further properties and parts are left out", event.dropped);
            sink.note(&place, "", "too_many", message)?;
        }
        let mut notes = TimeNotes::new();
        let span = match CalendarSpan::read(event, &calendar.zones, &mut notes) {
            Ok(span) => span,
            Err((property, message)) => {
                let message = format!("{property}: {message}");
                return self.refuse(place, identity, "not_a_time", message).map(|()| None);
            }
        };
        let mut record = Record::new(place.clone(), "event", identity);
        record.part_of =
            self.calendars.revision_of(&record.source).map(|number| (record.source.clone(), number.clone()));
        for (property, code, message) in notes {
            sink.note(&place, &format!("/{property}"), code, message)?;
        }
        record.revision = revision(event);
        record.ids = RecordIds::of_calendar(event.text("UID"));
        record.own_ids = sink.own_ids();
        event::set_fields(sink, calendar, event, &mut record)?;
        if !self.has_faults {
            record.scope = scope::scope_of(event, &record);
        }
        Ok(Some((span, record)))
    }

    /// Refuses an event. Neither it nor any occurrence of its series is missing.
    fn refuse(&self, place: String, identity: String, code: &str, message: String) -> Result<(), SinkClosed> {
        self.sink.mark_beyond(format!("{identity}/"), "")?;
        self.sink.report_refused(place, ("event", identity), code, message)
    }

    /// Gives an event a source of its own if one with the same UID came before it that has another start, title or place.
    /// Some programs write a session that takes place twice in this way, and some give one UID to all events of a day.
    fn part_twins(&self, event: &Component, record: &mut Record, span: CalendarSpan) -> Result<(), SinkClosed> {
        let words = ["SUMMARY", "LOCATION"].map(|name| event.text(name).unwrap_or_default()).join(" ");
        let Some(own) =
            self.occurrences_of_series.borrow_mut().own_source(&record.source, &span.starts.key(), words.trim())
        else {
            return Ok(());
        };
        record.source = own;
        // Two events with one UID would be one for those who subscribe.
        record.ids = RecordIds::default();
        let message = "another event of the file has the same UID and another start, title or place; each is taken";
        self.sink.note(&record.place, "/UID", "same_uid", message)
    }
}
