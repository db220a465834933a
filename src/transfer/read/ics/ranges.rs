//! Changes of a series from an occurrence on (`RANGE=THISANDFUTURE`; RFC 5545, section 3.2.13).

use chrono::{NaiveDateTime, TimeDelta};

use super::occurrences::local_start;
use super::times::{CalendarSpan, CalendarTime};
use crate::time_zone::Zone;
use crate::transfer::record::Record;
use crate::transfer::zones::local_time;

/// An event that stands for an occurrence of a series and all later ones.
pub struct Range {
    /// Local start of the occurrence, before the change.
    pub from: NaiveDateTime,
    /// The fields of the occurrences.
    pub record: Record,
    span: CalendarSpan,
    /// Time by which the occurrences are shifted.
    shift: TimeDelta,
    /// Zone of the series.
    zone: Zone,
}

impl Range {
    /// Creates a change: the start of the occurrence before it, the times of the first occurrence of the series, the
    /// times and fields of the event, and the zone of dates.
    pub fn new(from: CalendarTime, first: CalendarSpan, (span, record): (CalendarSpan, Record), own: Zone) -> Self {
        let (zone, start) = (first.zone(own), first.starts.local());
        let from = local_start(from, start, zone);
        let shift = local_start(span.starts, start, zone) - from;
        Self { from, record, span, shift, zone }
    }

    /// Returns the times of an occurrence, given its local start before the change. It is shifted by the same
    /// difference, in the local time of the series, and lasts as long as the event.
    pub fn moved_to(&self, start: NaiveDateTime) -> CalendarSpan {
        let local = start.checked_add_signed(self.shift).unwrap_or(start);
        self.span.moved_to(match self.span.starts {
            CalendarTime::At(at) => local_time(local, self.zone).with_timezone(&at.timezone()).naive_local(),
            CalendarTime::Day(_) => local,
        })
    }
}
