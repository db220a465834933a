//! Events that recur: a series with an event for each occurrence, and the events that replace or change some.

use std::collections::BTreeMap;

use super::Walk;
use super::calendars::{Calendar, is_series};
use super::clock::SeriesStart;
use super::components::Component;
use super::occurrences::{Occurrence, Occurrences};
use super::property::Property;
use super::ranges::Range;
use super::times::{CalendarSpan, CalendarTime};
use crate::content::slug::from_title;
use crate::feeds::calendar::ID_PROPERTY;
use crate::transfer::read::SinkClosed;
use crate::transfer::record::{Record, RevisedOccurrence, SourceRevision, series_of};

impl Walk<'_> {
    /// Sends an event that replaces an occurrence of a series, after the series.
    pub(super) fn replacement(
        &self,
        calendar: &Calendar,
        instance: &Property,
        span: CalendarSpan,
        mut record: Record,
    ) -> Result<(), SinkClosed> {
        let known = self.calendars.occurrence(&record.source, instance, &calendar.zones).map(CalendarTime::key);
        let key = known.clone().unwrap_or_else(|| instance.value.trim().to_owned());
        record.ids = record.ids.occurrence(known);
        let series = self.calendars.has_series(&record.source).then(|| series_of(&record.source));
        record.source = format!("{}/{key}", record.source);
        span.set(&mut record, calendar.zones.own_zone());
        let Some(series) = series else { return self.sink.record(record) };
        record.set("series", series.clone());
        let ready = self.occurrences_of_series.borrow_mut().wait(&series, record);
        ready.map_or(Ok(()), |record| self.sink.record(record))
    }

    /// Sends a series and its events, without those that the file has by themselves.
    pub(super) fn series(
        &self,
        calendar: &Calendar,
        event: &Component,
        span: CalendarSpan,
        record: &Record,
    ) -> Result<(), SinkClosed> {
        if !record.body.contains_key("title") {
            // One refusal is enough, and no occurrence is missing.
            self.sink.mark_beyond(format!("{}/", record.source), "")?;
            return self.sink.record(record.clone());
        }
        let Some(property) = event.find("DTSTART") else { return Ok(()) };
        let (start, occurrences) = self.occurrences(calendar, event, property, span.starts)?;
        let left = occurrences.left.iter().map(|start| (*start, false));
        let starts = left.chain(occurrences.starts.iter().map(|(start, _)| (*start, true)));
        let replaced = self.calendars.replaced_starts(&record.source).map(|start| (start, true));
        self.revise(event, record, starts.chain(replaced).collect(), occurrences.unknown_after.clone())?;
        let mut series = Record::new(record.place.clone(), "series", series_of(&record.source)).into_supporting();
        series.locale.clone_from(&record.locale);
        series.revision.clone_from(&record.revision);
        series.set("title", record.body.get("title").cloned().unwrap_or_default());
        let ready = self.occurrences_of_series.borrow_mut().release(&series.source);
        self.sink.record(series)?;
        ready.into_iter().try_for_each(|record| self.sink.record(record))?;
        for start in occurrences.left {
            self.sink.mark_present("event", format!("{}/{}", record.source, start.key()))?;
        }
        if let Some(after) = &occurrences.unknown_after {
            self.sink.mark_beyond(format!("{}/", record.source), after)?;
        }
        let ranges = self.ranges(calendar, &record.source, start)?;
        for (number, occurrence) in occurrences.starts.into_iter().enumerate() {
            let key = occurrence.0.key();
            if self.calendars.is_replaced(&record.source, &key) {
                continue;
            }
            let mut one = occurrence_of(record, span, &ranges, occurrence, calendar);
            one.set("series", series_of(&record.source));
            one.source = format!("{}/{key}", record.source);
            one.ids = record.ids.clone().occurrence(Some(key));
            let title = from_title(one.label());
            let day = occurrence.0.local_time().date();
            one.slug = (number > 0 && !title.is_empty()).then(|| format!("{title}-{day}"));
            self.sink.record(one)?;
        }
        Ok(())
    }

    /// Returns the start and the occurrences of an event with a rule. Notes what of the rule is not taken.
    fn occurrences<'c>(
        &self,
        calendar: &'c Calendar,
        event: &Component,
        property: &'c Property,
        first: CalendarTime,
    ) -> Result<(SeriesStart<'c>, Occurrences), SinkClosed> {
        let start = SeriesStart::new(property, first, &calendar.zones);
        let mut occurrences = Occurrences::of(event, start, &calendar.zones, calendar.horizon, &self.steps);
        for (name, code, message) in std::mem::take(&mut occurrences.notes) {
            self.sink.note(&event.place(), &format!("/{name}"), code, message)?;
        }
        Ok((start, occurrences))
    }

    /// Sends an event that is one more occurrence of a series which the site has, or several by a rule of its own
    /// (`METHOD:ADD`; RFC 5546, section 3.2.4). The occurrences that the series has stay.
    pub(super) fn additions(
        &self,
        calendar: &Calendar,
        event: &Component,
        span: CalendarSpan,
        record: &Record,
    ) -> Result<(), SinkClosed> {
        // One refusal is enough.
        let property = event.find("DTSTART").filter(|_| is_series(event) && record.body.contains_key("title"));
        let Some(property) = property else { return self.addition(calendar, span, record.clone()) };
        let (_, occurrences) = self.occurrences(calendar, event, property, span.starts)?;
        for (start, length) in occurrences.starts {
            let moved = span.moved_to(start);
            let moved = length.map_or(moved, |length| moved.with_length(length));
            self.addition(calendar, moved, record.clone())?;
        }
        Ok(())
    }

    fn addition(&self, calendar: &Calendar, span: CalendarSpan, mut record: Record) -> Result<(), SinkClosed> {
        let key = span.starts.key();
        record.set("series", series_of(&record.source));
        let title = from_title(record.label());
        record.slug = (!title.is_empty()).then(|| format!("{title}-{}", span.starts.local_time().date()));
        record.source = format!("{}/{key}", record.source);
        record.ids = record.ids.occurrence(Some(key));
        span.set(&mut record, calendar.zones.own_zone());
        self.sink.record(record)
    }

    /// Says that an event replaces its earlier revisions, with all its occurrences, if it has any.
    pub(super) fn revise(
        &self,
        event: &Component,
        record: &Record,
        starts: Vec<(CalendarTime, bool)>,
        beyond: Option<String>,
    ) -> Result<(), SinkClosed> {
        let is_first =
            event.text("SEQUENCE").and_then(|text| text.parse::<u32>().ok()).is_none_or(|number| number == 0);
        // What this site gave out is known by its ids.
        let is_series = is_series(event);
        if (is_first && !is_series) || event.find(ID_PROPERTY).is_some() {
            return Ok(());
        }
        let (identity, number) = (record.source.clone(), record.revision.clone());
        let source =
            |start: CalendarTime| if is_series { format!("{identity}/{}", start.key()) } else { identity.clone() };
        let occurrences = starts.into_iter().map(|(start, is_sent)| {
            (start.utc(), RevisedOccurrence { source: source(start), start: start.utc(), is_sent })
        });
        let occurrences = occurrences.collect::<BTreeMap<_, _>>().into_values().collect();
        self.sink.revision(SourceRevision { identity, number, occurrences, beyond })
    }

    /// Sends the events that change a series from an occurrence on, and returns the changes in their order.
    fn ranges<'c>(
        &self,
        calendar: &Calendar,
        identity: &str,
        start: SeriesStart<'c>,
    ) -> Result<Vec<Range<'c>>, SinkClosed> {
        let mut ranges = Vec::new();
        for event in self.calendars.ranges(identity) {
            let Some(instance) = event.find("RECURRENCE-ID") else { continue };
            if self.calendars.has_newer(calendar, identity, event) {
                continue;
            }
            let Some((span, record)) = self.read_event(calendar, event, identity.to_owned())? else { continue };
            match start.read(&instance.value, instance, &calendar.zones) {
                Ok(from) => ranges.push(Range::new(from, start, (span, record.clone()))),
                Err(_) => self.sink.left_out(&record.place, "RANGE=THISANDFUTURE"),
            }
            self.replacement(calendar, instance, span, record)?;
        }
        ranges.sort_by_key(|range| range.from.utc());
        Ok(ranges)
    }
}

/// Returns the record of an occurrence, as the latest change before it has it, with its times.
fn occurrence_of(
    record: &Record,
    span: CalendarSpan,
    ranges: &[Range<'_>],
    (start, length): Occurrence,
    calendar: &Calendar,
) -> Record {
    let (mut one, mut moved) = match ranges.iter().rev().find(|range| range.from.utc() <= start.utc()) {
        Some(range) => (range.record.clone(), range.moved_to(start)),
        None => (record.clone(), span.moved_to(start)),
    };
    if let Some(length) = length {
        moved = moved.with_length(length);
    }
    moved.set(&mut one, calendar.zones.own_zone());
    one
}
