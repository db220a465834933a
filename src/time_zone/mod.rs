//! IANA time zones: a name with the rules that map instants to local times. Instants are of chrono's types,
//! rules of jiff's. See `docs/decisions/0017-rules-of-time-zones.md`.

pub mod rules;

use std::fmt;
use std::str::FromStr;
use std::sync::PoisonError;

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;

/// Period of the Gregorian calendar, and so of the rules beyond their last explicit change: 400 years, in
/// seconds.
const CYCLE: i64 = 146_097 * 86_400;
/// Seconds since 1970, in the year 8941. Later instants are looked up in an earlier cycle, since jiff's
/// instants end two days before the end of the year 9999.
const FAR: i64 = 220_000_000_000;

/// A time zone. Each query uses the rules that are in use at that moment; they can change while the program
/// runs.
#[derive(Clone, Copy)]
pub struct Zone(&'static rules::Entry);

/// The offset of a zone from UTC at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Zone,
    fixed: FixedOffset,
}

/// The error that no time zone has the given name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownZone;

/// The offsets from UTC that a local time can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalOffsets {
    /// The local time occurs once, with this offset.
    Once(FixedOffset),
    /// The local time occurs twice, since clocks are put back; the offsets of the first and the second
    /// occurrence.
    Twice(FixedOffset, FixedOffset),
    /// The local time does not occur, since clocks are put forward; the offsets before and after the gap.
    Skipped(FixedOffset, FixedOffset),
}

/// A period during which the offset of a zone does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Start of the period (seconds since 1970, UTC).
    pub begins: i64,
    /// Offset from UTC, in seconds, positive to the east.
    pub offset: i32,
    /// Whether the period is daylight saving time.
    pub daylight: bool,
    /// Abbreviation of the zone's time, such as `CEST` or `+03`.
    pub name: String,
}

impl Zone {
    /// Returns UTC.
    pub fn utc() -> Self {
        Self(rules::utc())
    }

    /// Returns the IANA name of the zone.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Returns the offset at an instant (seconds since 1970).
    fn offset_at(self, seconds: i64) -> FixedOffset {
        self.with_rules(|rules| fixed_offset(rules.to_offset(timestamp(seconds))))
    }

    /// Returns the offsets that a local time can have in this zone.
    pub fn clock_at(self, local: NaiveDateTime) -> LocalOffsets {
        let civil = jiff::tz::Offset::UTC.to_datetime(timestamp(local.and_utc().timestamp()));
        match self.with_rules(|rules| rules.to_ambiguous_timestamp(civil).offset()) {
            AmbiguousOffset::Unambiguous { offset } => LocalOffsets::Once(fixed_offset(offset)),
            AmbiguousOffset::Fold { before, after } => LocalOffsets::Twice(fixed_offset(before), fixed_offset(after)),
            AmbiguousOffset::Gap { before, after } => LocalOffsets::Skipped(fixed_offset(before), fixed_offset(after)),
        }
    }

    /// Returns the instant of a local time with this offset, in this zone.
    pub fn instant_at(self, local: NaiveDateTime, offset: FixedOffset) -> DateTime<Zone> {
        self.from_utc_datetime(&(local - TimeDelta::seconds(i64::from(offset.local_minus_utc()))))
    }

    /// Returns the first instant of a local day. If clocks skip midnight, it is the instant at which they are
    /// put forward.
    pub fn midnight(self, day: NaiveDate) -> DateTime<Zone> {
        let local = day.and_time(chrono::NaiveTime::MIN);
        match self.clock_at(local) {
            LocalOffsets::Once(offset) | LocalOffsets::Twice(offset, _) => self.instant_at(local, offset),
            LocalOffsets::Skipped(_, after) => {
                let begins = self.instant_at(local, after);
                let change = self.changes(begins.timestamp(), i64::MAX).next();
                change.and_then(|change| self.timestamp_opt(change.begins, 0).single()).unwrap_or(begins)
            }
        }
    }

    /// Returns the period that contains an instant (seconds since 1970), with that instant as its start.
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

    /// Returns the periods that begin after one instant and before another (seconds since 1970).
    pub fn changes(self, after: i64, before: i64) -> impl Iterator<Item = Period> {
        let rules = self.with_rules(Clone::clone);
        let mut next = timestamp(after);
        // An instant beyond `FAR` was mapped into an earlier cycle; its changes are mapped back by the same
        // distance.
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

/// Returns an instant at which the same rules hold and that jiff can represent.
fn timestamp(seconds: i64) -> Timestamp {
    let near = if seconds > FAR { FAR - CYCLE + (seconds - FAR) % CYCLE } else { seconds.max(-FAR) };
    Timestamp::from_second(near).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn fixed_offset(offset: jiff::tz::Offset) -> FixedOffset {
    // jiff allows offsets of a day and more, chrono does not; no zone has such an offset.
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
            LocalOffsets::Once(offset) => MappedLocalTime::Single(of(offset)),
            LocalOffsets::Twice(first, second) => MappedLocalTime::Ambiguous(of(first), of(second)),
            LocalOffsets::Skipped(..) => MappedLocalTime::None,
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        ZoneOffset { zone: *self, fixed: self.offset_at(utc.and_utc().timestamp()) }
    }
}
