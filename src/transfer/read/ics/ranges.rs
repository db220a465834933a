//! Changes of a series from an occurrence on (`RANGE=THISANDFUTURE`; RFC 5545, section 3.2.13).

use chrono::TimeDelta;

use super::clock::SeriesStart;
use super::times::{CalendarSpan, CalendarTime};
use crate::transfer::record::Record;

/// An event that stands for an occurrence of a series and all later ones.
pub struct Range<'a> {
    /// Start of the occurrence, before the change.
    pub from: CalendarTime,
    /// The fields of the occurrences.
    pub record: Record,
    span: CalendarSpan,
    /// Time by which the occurrences are shifted.
    shift: TimeDelta,
    start: SeriesStart<'a>,
}

impl<'a> Range<'a> {
    /// Creates a change: the start of the occurrence before it, the start of the series, and the times and fields of the
    /// event.
    pub fn new(from: CalendarTime, start: SeriesStart<'a>, (span, record): (CalendarSpan, Record)) -> Self {
        let from = start.align(from);
        let shift = start.local_of(start.align(span.starts)) - start.local_of(from);
        Self { from, record, span, shift, start }
    }

    /// Returns the times of an occurrence, given its start before the change. It is shifted by the same difference, in the
    /// local time of the series, and lasts as long as the event.
    pub fn moved_to(&self, start: CalendarTime) -> CalendarSpan {
        let local = self.start.local_of(start);
        let local = local.checked_add_signed(self.shift).unwrap_or(local);
        self.span.moved_to(match self.span.starts {
            CalendarTime::At(at) => CalendarTime::At(self.start.clock.instant(local).with_timezone(&at.timezone())),
            CalendarTime::Day(_) => CalendarTime::Day(local.date()),
        })
    }
}
