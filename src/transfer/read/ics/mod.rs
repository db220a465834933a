//! iCalendar files (RFC 5545, RFC 7986), and vCalendar 1.0. Every `VEVENT` becomes an event; one that recurs becomes a
//! series with an event for each occurrence. A file is read twice: see `calendars`.

mod calendars;
mod components;
mod definition;
mod event;
mod lines;
mod occurrences;
mod old_rules;
mod people;
mod place;
mod property;
mod ranges;
mod rules;
mod ties;
mod times;
mod zones;

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::input::as_utf8;
use super::{Closed, Input, Settings, Sink};
use crate::content::slug::from_title;
use crate::feeds::calendar::ID_PROPERTY;
use crate::items::record_ids::RecordIds;
use crate::transfer::record::{Record, RevisedOccurrence, SourceRevision};
use calendars::{Calendar, Calendars, is_series, revision};
use components::{Component, Part, Parts};
use occurrences::{Occurrence, Occurrences};
use property::Property;
use ranges::Range;
use ties::Ties;
use times::{CalendarSpan, CalendarTime, TimeNotes, when};

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
    let mut walk = Walk { sink, calendars: &calendars, place: None, is_whole: true, ties: RefCell::default() };
    for part in Parts::new(&mut *input) {
        walk.part(part)?;
    }
    let rest = walk.ties.borrow_mut().rest();
    rest.into_iter().try_for_each(|record| sink.record(record))?;
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
    /// Whether no component was lost, and the file has all events of its source.
    is_whole: bool,
    ties: RefCell<Ties>,
}

impl<'a> Walk<'a> {
    fn part(&mut self, part: Part) -> Result<(), Closed> {
        match part {
            Part::Calendar => {
                self.place = Some(self.place.map_or(0, |place| place + 1));
                if let Some(calendar) = self.calendar() {
                    self.sink.set_origin(&calendar.origin);
                    self.is_whole &= calendar.is_whole();
                }
                Ok(())
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
        let Some(identity) = calendar.identity_of(event) else {
            return sink.broken(place, "required", "an event requires a UID, or a start and a summary");
        };
        if !calendar.is_gregorian {
            let message = "the dates are not those of the Gregorian calendar".to_owned();
            return self.refuse(place, identity, "unknown_calendar", message);
        }
        if self.calendars.has_newer(&identity, event) {
            return sink.note(&place, "", "older_revision", "left out: the file has a newer revision of this event");
        }
        if self.calendars.ranges(&identity).iter().any(|range| range.line == event.line) {
            // It is sent with its series.
            return Ok(());
        }
        sink.set_own_ids(&[event.text(ID_PROPERTY), event.text("UID")]);
        let Some((span, record)) = self.read_event(calendar, event, identity)? else { return Ok(()) };
        match event.find("RECURRENCE-ID") {
            Some(instance) => {
                if instance.is("RANGE", "THISANDFUTURE") {
                    sink.left_out(&place, "RANGE=THISANDFUTURE");
                }
                self.replacement(calendar, instance, span, record)
            }
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
                span.set(&mut record, calendar.zones.own());
                sink.record(record)
            }
        }
    }

    /// Returns the times and the fields of an event; `None` if it is refused.
    fn read_event(
        &self,
        calendar: &Calendar,
        event: &Component,
        identity: String,
    ) -> Result<Option<(CalendarSpan, Record)>, Closed> {
        let (sink, place) = (self.sink, event.place());
        if event.dropped > 0 {
            let message = format!("{} further properties are left out", event.dropped);
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
        for (property, code, message) in notes {
            sink.note(&place, &format!("/{property}"), code, message)?;
        }
        let mut record = Record::new(place, "event", identity);
        record.revision = revision(event);
        record.ids = RecordIds::of_calendar(event.text("UID"));
        record.own_ids = sink.own_ids();
        event::set_fields(sink, calendar, event, &mut record)?;
        Ok(Some((span, record)))
    }

    /// Refuses an event. Neither it nor any occurrence of its series is missing.
    fn refuse(&self, place: String, identity: String, code: &str, message: String) -> Result<(), Closed> {
        self.sink.beyond(format!("{identity}/"), "")?;
        self.sink.refused(place, ("event", identity), code, message)
    }

    /// Gives an event a source of its own if one with the same UID came before it that has another start, title or place.
    /// Some programs write a session that takes place twice in this way, and some give one UID to all events of a day.
    fn part_twins(&self, event: &Component, record: &mut Record, span: CalendarSpan) -> Result<(), Closed> {
        let words = ["SUMMARY", "LOCATION"].map(|name| event.text(name).unwrap_or_default()).join(" ");
        let Some(own) = self.ties.borrow_mut().own_source(&record.source, &span.starts.key(), words.trim()) else {
            return Ok(());
        };
        record.source = own;
        // Two events with one UID would be one for those who subscribe.
        record.ids = RecordIds::default();
        let message = "another event of the file has the same UID and another start, title or place; each is taken";
        self.sink.note(&record.place, "/UID", "same_uid", message)
    }

    /// Sends an event that replaces an occurrence of a series, after the series.
    fn replacement(
        &self,
        calendar: &Calendar,
        instance: &Property,
        span: CalendarSpan,
        mut record: Record,
    ) -> Result<(), Closed> {
        let known = when(instance, &calendar.zones).ok();
        let known = known.map(|(instance, _)| self.calendars.occurrence(&record.source, instance).key());
        let key = known.clone().unwrap_or_else(|| instance.value.trim().to_owned());
        record.ids = record.ids.occurrence(known);
        let series = self.calendars.has_series(&record.source).then(|| series_of(&record.source));
        record.source = format!("{}/{key}", record.source);
        span.set(&mut record, calendar.zones.own());
        let Some(series) = series else { return self.sink.record(record) };
        record.set("series", series.clone());
        let ready = self.ties.borrow_mut().wait(&series, record);
        ready.map_or(Ok(()), |record| self.sink.record(record))
    }

    /// Sends a series and its events, without those that the file has by themselves.
    fn series(
        &self,
        calendar: &Calendar,
        event: &Component,
        span: CalendarSpan,
        record: &Record,
    ) -> Result<(), Closed> {
        if !record.body.contains_key("title") {
            // One refusal is enough, and no occurrence is missing.
            self.sink.beyond(format!("{}/", record.source), "")?;
            return self.sink.record(record.clone());
        }
        let occurrences = Occurrences::of(event, span, &calendar.zones, calendar.horizon);
        for (property, code, message) in occurrences.notes {
            self.sink.note(&record.place, &format!("/{property}"), code, message)?;
        }
        let left = occurrences.left.iter().map(|start| (*start, false));
        let starts = left.chain(occurrences.starts.iter().map(|(start, _)| (*start, true)));
        let starts = starts.map(|(start, is_sent)| (span.moved_to(start).starts, is_sent));
        let replaced = self.calendars.replaced_starts(&record.source).map(|start| (start, true));
        self.revise(event, record, starts.chain(replaced).collect(), occurrences.unknown_after.clone())?;
        let mut series = Record::new(record.place.clone(), "series", series_of(&record.source)).supporting();
        series.locale.clone_from(&record.locale);
        series.set("title", record.body.get("title").cloned().unwrap_or_default());
        let ready = self.ties.borrow_mut().release(&series.source);
        self.sink.record(series)?;
        ready.into_iter().try_for_each(|record| self.sink.record(record))?;
        for start in occurrences.left {
            self.sink.present("event", format!("{}/{}", record.source, span.moved_to(start).starts.key()))?;
        }
        if let Some(after) = &occurrences.unknown_after {
            self.sink.beyond(format!("{}/", record.source), after)?;
        }
        let ranges = self.ranges(calendar, &record.source, span)?;
        for (number, occurrence) in occurrences.starts.into_iter().enumerate() {
            let key = span.moved_to(occurrence.0).starts.key();
            if self.calendars.is_replaced(&record.source, &key) {
                continue;
            }
            let mut one = occurrence_of(record, span, &ranges, occurrence, calendar);
            one.set("series", series_of(&record.source));
            one.source = format!("{}/{key}", record.source);
            one.ids = record.ids.clone().occurrence(Some(key));
            let title = from_title(one.label());
            let day = occurrence.0.date();
            one.slug = (number > 0 && !title.is_empty()).then(|| format!("{title}-{day}"));
            self.sink.record(one)?;
        }
        Ok(())
    }

    /// Says that an event replaces its earlier revisions, with all its occurrences, if it has any.
    fn revise(
        &self,
        event: &Component,
        record: &Record,
        starts: Vec<(CalendarTime, bool)>,
        beyond: Option<String>,
    ) -> Result<(), Closed> {
        let is_first =
            event.text("SEQUENCE").and_then(|text| text.parse::<u32>().ok()).is_none_or(|number| number == 0);
        // What this site gave out is known by its ids.
        if is_first || event.find(ID_PROPERTY).is_some() {
            return Ok(());
        }
        let (identity, number) = (record.source.clone(), record.revision.clone());
        let is_series = is_series(event);
        let source =
            |start: CalendarTime| if is_series { format!("{identity}/{}", start.key()) } else { identity.clone() };
        let occurrences = starts.into_iter().map(|(start, is_sent)| {
            (start.utc(), RevisedOccurrence { source: source(start), start: start.utc(), is_sent })
        });
        let occurrences = occurrences.collect::<BTreeMap<_, _>>().into_values().collect();
        self.sink.revision(SourceRevision { identity, number, occurrences, beyond })
    }

    /// Sends the events that change a series from an occurrence on, and returns the changes in their order.
    fn ranges(&self, calendar: &Calendar, identity: &str, first: CalendarSpan) -> Result<Vec<Range>, Closed> {
        let mut ranges = Vec::new();
        for event in self.calendars.ranges(identity) {
            let Some(instance) = event.find("RECURRENCE-ID") else { continue };
            if self.calendars.has_newer(identity, event) {
                continue;
            }
            let Some((span, record)) = self.read_event(calendar, event, identity.to_owned())? else { continue };
            match when(instance, &calendar.zones) {
                Ok((from, _)) => ranges.push(Range::new(from, first, (span, record.clone()), calendar.zones.own())),
                Err(_) => self.sink.left_out(&record.place, "RANGE=THISANDFUTURE"),
            }
            self.replacement(calendar, instance, span, record)?;
        }
        ranges.sort_by_key(|range| range.from);
        Ok(ranges)
    }
}

/// Returns the record of an occurrence, as the latest change before it has it, with its times.
fn occurrence_of(
    record: &Record,
    span: CalendarSpan,
    ranges: &[Range],
    (start, length): Occurrence,
    calendar: &Calendar,
) -> Record {
    let (mut one, mut moved) = match ranges.iter().rev().find(|range| range.from <= start) {
        Some(range) => (range.record.clone(), range.moved_to(start)),
        None => (record.clone(), span.moved_to(start)),
    };
    if let Some(length) = length {
        moved = moved.lasting(length);
    }
    moved.set(&mut one, calendar.zones.own());
    one
}

/// Returns the source of the series whose first event has a source.
fn series_of(source: &str) -> String {
    format!("{source}/series")
}
