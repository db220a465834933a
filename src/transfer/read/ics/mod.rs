//! iCalendar files (RFC 5545, RFC 7986), and vCalendar 1.0. Every `VEVENT` becomes an event; one that recurs becomes a
//! series with an event for each occurrence. A file is read twice: see `calendars`.

mod calendars;
mod components;
mod definition;
mod event;
mod lines;
mod occurrences;
mod people;
mod place;
mod property;
mod rules;
mod times;
mod zones;

use super::input::as_utf8;
use super::{Closed, Input, Settings, Sink};
use crate::content::slug::from_title;
use crate::transfer::record::Record;
use calendars::{Calendar, Calendars, is_series, revision};
use components::{Component, Part, Parts};
use occurrences::Occurrences;
use property::Property;
use times::{CalendarSpan, TimeNotes, when};

/// Properties of a calendar that are read, or passed over on purpose.
const OF_CALENDAR: [(&str, &str); 10] = [
    ("PRODID", "it names the program that wrote the file"),
    ("VERSION", "it names the version of the format"),
    ("CALSCALE", ""),
    ("METHOD", ""),
    ("X-WR-TIMEZONE", ""),
    ("TIMEZONE-ID", ""),
    ("X-WR-RELCALID", ""),
    ("LAST-MODIFIED", "items have times of their own"),
    ("REFRESH-INTERVAL", "an import runs when it is started"),
    ("X-PUBLISHED-TTL", "an import runs when it is started"),
];

/// Reads all events of all calendars in a file.
///
/// # Errors
/// Returns [`Closed`] if the import has ended.
pub fn read(input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), Closed> {
    let mut input = match as_utf8(input, None) {
        Ok(input) => input,
        Err(error) => return sink.broken("line 1", "unreadable", error.to_string()),
    };
    let calendars = Calendars::read(&mut *input, settings);
    if let Err(error) = input.restart() {
        return sink.broken("line 1", "unreadable", error.to_string());
    }
    let mut walk = Walk { sink, calendars: &calendars, place: None, is_whole: true };
    for part in Parts::new(&mut *input) {
        walk.part(part)?;
    }
    if walk.place.is_none() {
        return sink.broken("line 1", "malformed_calendar", "there is no VCALENDAR in this file");
    }
    if walk.is_whole { sink.whole() } else { Ok(()) }
}

struct Walk<'a> {
    sink: &'a Sink,
    calendars: &'a Calendars,
    /// Position of the present calendar among those of the file.
    place: Option<usize>,
    /// Whether no component was lost.
    is_whole: bool,
}

impl<'a> Walk<'a> {
    fn part(&mut self, part: Part) -> Result<(), Closed> {
        match part {
            Part::Calendar => {
                self.place = Some(self.place.map_or(0, |place| place + 1));
                self.calendar().map_or(Ok(()), |calendar| {
                    self.sink.set_origin(&calendar.origin);
                    Ok(())
                })
            }
            Part::Property(property) => {
                self.property(&property);
                Ok(())
            }
            Part::Component(component) => self.component(&component),
            Part::Fault(line, code, message, true) => {
                self.is_whole = false;
                self.sink.broken(format!("line {line}"), code, message)
            }
            Part::Fault(line, code, message, false) => self.sink.note(&format!("line {line}"), "", code, message),
        }
    }

    fn calendar(&self) -> Option<&'a Calendar> {
        self.calendars.list.get(self.place?)
    }

    fn property(&self, property: &Property) {
        let name = property.name.as_str();
        match OF_CALENDAR.iter().find(|(known, _)| *known == name) {
            Some((_, "")) => {}
            Some((_, why)) => self.sink.on_purpose("calendar", name, why),
            None => self.sink.left_out("calendar", name),
        }
    }

    fn component(&mut self, component: &Component) -> Result<(), Closed> {
        // A file of events without a calendar around them.
        let place = *self.place.get_or_insert(0);
        let Some(calendar) = self.calendars.list.get(place) else { return Ok(()) };
        match component.name.as_str() {
            "VEVENT" => self.event(calendar, component),
            "VTIMEZONE" => Ok(()),
            name => {
                self.sink.left_out(&component.place(), name);
                Ok(())
            }
        }
    }

    fn event(&self, calendar: &Calendar, event: &Component) -> Result<(), Closed> {
        let (sink, place) = (self.sink, event.place());
        if let Some(method @ ("REPLY" | "COUNTER" | "DECLINECOUNTER" | "REFRESH")) = calendar.method.as_deref() {
            sink.on_purpose(&place, &format!("METHOD:{method}"), "it is an answer of a participant and no publication");
            return Ok(());
        }
        if !calendar.is_gregorian {
            return sink.broken(place, "unknown_calendar", "the dates are not those of the Gregorian calendar");
        }
        let Some(identity) = calendar.identity_of(event) else {
            return sink.broken(place, "required", "an event requires a UID, or a start and a summary");
        };
        if self.calendars.has_newer(&identity, event) {
            return sink.note(&place, "", "older_revision", "left out: the file has a newer revision of this event");
        }
        if event.dropped > 0 {
            let message = format!("{} further properties are left out", event.dropped);
            sink.note(&place, "", "too_many", message)?;
        }
        let mut notes = TimeNotes::new();
        let span = match CalendarSpan::read(event, &calendar.zones, &mut notes) {
            Ok(span) => span,
            Err((property, message)) => return sink.broken(place, "not_a_time", format!("{property}: {message}")),
        };
        for (property, code, message) in notes {
            sink.note(&place, &format!("/{property}"), code, message)?;
        }
        let mut record = Record::new(place, "event", identity.clone());
        record.revision = revision(event);
        event::set_fields(sink, calendar, event, &mut record)?;
        match event.find("RECURRENCE-ID") {
            Some(instance) => self.replacement(calendar, instance, span, record),
            None if is_series(event) => self.series(calendar, event, span, &record),
            None => {
                if let Some(property) = event.find("EXDATE") {
                    sink.left_out(&event.place(), &format!("{} without RRULE", property.name));
                }
                span.set(&mut record, calendar.zones.own());
                sink.record(record)
            }
        }
    }

    /// Sends an event that replaces an occurrence of a series.
    fn replacement(
        &self,
        calendar: &Calendar,
        instance: &Property,
        span: CalendarSpan,
        mut record: Record,
    ) -> Result<(), Closed> {
        if instance.is("RANGE", "THISANDFUTURE") {
            self.sink.left_out(&record.place, "RANGE=THISANDFUTURE");
        }
        let key = when(instance, &calendar.zones).map_or_else(|_| instance.value.trim().to_owned(), |(it, _)| it.key());
        if self.calendars.has_series(&record.source) {
            record.set("series", series_of(&record.source));
        }
        record.source = format!("{}/{key}", record.source);
        span.set(&mut record, calendar.zones.own());
        self.sink.record(record)
    }

    /// Sends a series and its events, without those that the file has by themselves.
    fn series(
        &self,
        calendar: &Calendar,
        event: &Component,
        span: CalendarSpan,
        record: &Record,
    ) -> Result<(), Closed> {
        let occurrences = Occurrences::of(event, span, &calendar.zones, calendar.horizon);
        for (property, code, message) in occurrences.notes {
            self.sink.note(&record.place, &format!("/{property}"), code, message)?;
        }
        let mut series = Record::new(record.place.clone(), "series", series_of(&record.source)).supporting();
        series.locale.clone_from(&record.locale);
        series.set("title", record.body.get("title").cloned().unwrap_or_default());
        self.sink.record(series)?;
        let title = from_title(record.label());
        for (number, start) in occurrences.starts.into_iter().enumerate() {
            let moved = span.moved_to(start);
            let key = moved.starts.key();
            if self.calendars.is_replaced(&record.source, &key) {
                continue;
            }
            let mut one = record.clone();
            one.set("series", series_of(&record.source));
            one.source = format!("{}/{key}", record.source);
            one.slug = (number > 0 && !title.is_empty()).then(|| format!("{title}-{}", start.date()));
            moved.set(&mut one, calendar.zones.own());
            self.sink.record(one)?;
        }
        Ok(())
    }
}

/// Returns the source of the series whose first event has a source.
fn series_of(source: &str) -> String {
    format!("{source}/series")
}
