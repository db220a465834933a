//! IANA time zones: a name, and what its clock showed and will show. Instants are chrono's.

pub mod rules;

use std::fmt;
use std::str::FromStr;
use std::sync::PoisonError;

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;

/// The rules repeat after so many seconds, as the Gregorian calendar does: 400 years.
const CYCLE: i64 = 146_097 * 86_400;
/// Seconds since 1970 in the year 8941. What lies farther ahead is looked up in an earlier cycle: jiff's
/// instants end two days before the year 9999 does.
const FAR: i64 = 220_000_000_000;

/// A time zone. Its rules are those in use at the moment of the question.
#[derive(Clone, Copy)]
pub struct Zone(&'static rules::Entry);

/// A zone's offset from UTC at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Zone,
    fixed: FixedOffset,
}

/// There is no zone of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownZone;

/// What clocks do at a local time, as offsets from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalClock {
    /// They show it once.
    Once(FixedOffset),
    /// They are put back and show it twice.
    Twice(FixedOffset, FixedOffset),
    /// They are put forward and skip it: the offsets before and after.
    Skipped(FixedOffset, FixedOffset),
}

/// A time during which a zone's clock is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// When it begins (seconds since 1970, UTC).
    pub begins: i64,
    /// Seconds east of Greenwich.
    pub offset: i32,
    /// Whether that is daylight saving time.
    pub daylight: bool,
    /// How the zone's time is called: `CEST`, `+03`.
    pub name: String,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self(rules::utc())
    }

    /// Its IANA name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The offset that applies so many seconds after 1970.
    fn offset_at(self, seconds: i64) -> FixedOffset {
        self.with_rules(|rules| fixed(rules.to_offset(timestamp(seconds))))
    }

    /// What clocks do at a local time.
    pub fn clock_at(self, local: NaiveDateTime) -> LocalClock {
        let civil = jiff::tz::Offset::UTC.to_datetime(timestamp(local.and_utc().timestamp()));
        match self.with_rules(|rules| rules.to_ambiguous_timestamp(civil).offset()) {
            AmbiguousOffset::Unambiguous { offset } => LocalClock::Once(fixed(offset)),
            AmbiguousOffset::Fold { before, after } => LocalClock::Twice(fixed(before), fixed(after)),
            AmbiguousOffset::Gap { before, after } => LocalClock::Skipped(fixed(before), fixed(after)),
        }
    }

    /// The instant at which a clock with this offset shows a local time, told on this zone's clock.
    pub fn at(self, local: NaiveDateTime, offset: FixedOffset) -> DateTime<Zone> {
        self.from_utc_datetime(&(local - TimeDelta::seconds(i64::from(offset.local_minus_utc()))))
    }

    /// The first instant of a day; where clocks skip midnight, the one at which they do.
    pub fn midnight(self, day: NaiveDate) -> DateTime<Zone> {
        let local = day.and_time(chrono::NaiveTime::MIN);
        match self.clock_at(local) {
            LocalClock::Once(offset) | LocalClock::Twice(offset, _) => self.at(local, offset),
            LocalClock::Skipped(_, after) => {
                let begins = self.at(local, after);
                let change = self.changes(begins.timestamp(), i64::MAX).next();
                change.and_then(|change| self.timestamp_opt(change.begins, 0).single()).unwrap_or(begins)
            }
        }
    }

    /// The period that holds an instant (seconds since 1970), said to begin there.
    pub fn period_at(self, seconds: i64) -> Period {
        self.with_rules(|rules| {
            let info = rules.to_offset_info(timestamp(seconds));
            Period {
                begins: seconds,
                offset: info.offset().seconds(),
                daylight: info.dst().is_dst(),
                name: info.abbreviation().to_owned(),
            }
        })
    }

    /// The changes of the clock after an instant and before another (seconds since 1970).
    pub fn changes(self, after: i64, before: i64) -> impl Iterator<Item = Period> {
        let rules = self.with_rules(Clone::clone);
        let mut next = timestamp(after);
        let ahead = after.saturating_sub(next.as_second());
        std::iter::from_fn(move || {
            let change = rules.following(next).next()?;
            next = change.timestamp();
            Some(Period {
                begins: next.as_second().saturating_add(ahead),
                offset: change.offset().seconds(),
                daylight: change.dst().is_dst(),
                name: change.abbreviation().to_owned(),
            })
        })
        .take_while(move |change| change.begins < before)
    }

    fn with_rules<T>(self, ask: impl FnOnce(&jiff::tz::TimeZone) -> T) -> T {
        ask(&self.0.rules.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An instant that jiff has, with the same rules.
fn timestamp(seconds: i64) -> Timestamp {
    let near = if seconds > FAR { FAR - CYCLE + (seconds - FAR) % CYCLE } else { seconds.max(-FAR) };
    Timestamp::from_second(near).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn fixed(offset: jiff::tz::Offset) -> FixedOffset {
    // A day and more, as jiff allows, is in no zone.
    FixedOffset::east_opt(offset.seconds()).unwrap_or(chrono::Utc.fix())
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        rules::entry(name).map(Self).ok_or(UnknownZone)
    }
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.fixed
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.fixed, f)
    }
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        let of = |fixed| ZoneOffset { zone: *self, fixed };
        match self.clock_at(*local) {
            LocalClock::Once(offset) => MappedLocalTime::Single(of(offset)),
            LocalClock::Twice(first, second) => MappedLocalTime::Ambiguous(of(first), of(second)),
            LocalClock::Skipped(..) => MappedLocalTime::None,
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        ZoneOffset { zone: *self, fixed: self.offset_at(utc.and_utc().timestamp()) }
    }
}
