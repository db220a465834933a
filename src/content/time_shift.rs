//! Moves of an item to another date: all of its local times move by the same distance.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde_json::{Map, Value};

use crate::content::field::Field;
use crate::content::local_time::{Moment, TimeViolation};
use crate::content::offsets::for_each_time;
use crate::time_zone::Zone;

/// A distance between local times. What begins at nine still begins at nine after a move by whole days, whatever clocks
/// do in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeShift(TimeDelta);

impl TimeShift {
    /// Returns the distance from a stored time to a requested one, of which both are in `zone`. A date moves by whole
    /// days and leaves the time of day alone.
    ///
    /// # Errors
    ///
    /// Fails as [`Moment::parse`] does, and for a time of day where the stored time is a date.
    pub fn from_times(stored: &str, requested: &str, zone: Zone) -> Result<Self, TimeViolation> {
        let from = Moment::parse_stored(stored, zone).map(local_parts);
        let to = local_parts(Moment::parse(requested, zone)?);
        Ok(Self(match (from, to) {
            (None, _) => TimeDelta::zero(),
            (Some((from, _)), (to, None)) => to - from,
            (Some((from, Some(from_time))), (to, Some(to_time))) => to.and_time(to_time) - from.and_time(from_time),
            (Some((_, None)), (_, Some(_))) => {
                return Err((
                    "not_a_date",
                    "the start is a date without a time of day, and so is a new one".to_owned(),
                ));
            }
        }))
    }

    /// Returns a distance of whole days.
    pub fn of_days(days: i64) -> Self {
        Self(TimeDelta::days(days))
    }

    /// Moves all times of an item in its input form, in `zone`. A local time that clocks skip moves on by the length of
    /// the gap (RFC 5545, section 3.3.5). Times beyond the year 9999 are left to validation.
    pub fn apply(self, fields: &'static [Field], content: &mut Map<String, Value>, zone: Zone) {
        for_each_time(fields, content, &mut |_, text| {
            if let Some(moved) = self.shift_text(text, zone) {
                *text = moved;
            }
        });
    }

    fn shift_text(self, text: &str, zone: Zone) -> Option<String> {
        match Moment::parse_stored(text, zone)? {
            Moment::Day(day) => {
                let moved: NaiveDate = day.and_time(NaiveTime::MIN).checked_add_signed(self.0)?.date();
                Some(moved.format("%Y-%m-%d").to_string())
            }
            Moment::At(at) => {
                let moved: NaiveDateTime = at.naive_local().checked_add_signed(self.0)?;
                // Of a local time that occurs twice, the offset selects the occurrence, as before.
                let offset = DateTime::parse_from_rfc3339(text).ok()?.offset().to_string();
                let moved = format!("{}{offset}", moved.format("%Y-%m-%dT%H:%M:%S%.f"));
                Some(Moment::parse_stored(&moved, zone).map_or(moved, |moment| moment.to_text()))
            }
        }
    }
}

/// Returns the local date of a time, and its time of day if it has one.
fn local_parts(moment: Moment) -> (NaiveDate, Option<NaiveTime>) {
    match moment {
        Moment::Day(day) => (day, None),
        Moment::At(at) => (at.date_naive(), Some(at.time())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_keep_the_time_of_day() {
        let zone: Zone = "Europe/Brussels".parse().unwrap();
        let shift = |from: &str, to: &str| TimeShift::from_times(from, to, zone);
        let winter = "2027-03-04T09:00:00+01:00";
        for (to, of, moved) in [
            ("2027-07-01", winter, "2027-07-01T09:00:00+02:00"),
            ("2027-07-01T10:30", winter, "2027-07-01T10:30:00+02:00"),
            ("2027-07-01", "2027-03-05", "2027-07-02"),
            // Clocks skip 02:30 on the day of the change.
            ("2027-03-28", "2027-03-04T02:30:00+01:00", "2027-03-28T03:30:00+02:00"),
            ("2026-03-04", "2027-03-04T23:59:59.5+01:00", "2026-03-04T23:59:59.500+01:00"),
        ] {
            assert_eq!(shift(winter, to).unwrap().shift_text(of, zone).as_deref(), Some(moved), "{to}");
        }
        assert_eq!(shift("2027-03-04", "2027-03-05T09:00").unwrap_err().0, "not_a_date");
        assert_eq!(shift(winter, "tomorrow").unwrap_err().0, "not_a_time");
    }
}
