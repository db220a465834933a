//! Years as spans of time, for the filter and the facet `year`.

use chrono::{Datelike, NaiveDate, TimeZone};

use crate::items::NO_DATE;
use crate::time_zone::Zone;

/// First and last year that content can have.
pub(crate) const YEARS: (i32, i32) = (1, 9_999);

/// A span of one year, or of several that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearSpan {
    /// First instant (µs).
    pub from: i64,
    /// First instant after the span (µs).
    pub until: i64,
}

impl YearSpan {
    /// Returns the span of a year in a time zone. The first and the last year have no bound on their outer side,
    /// where the zone may show a year that content cannot have.
    pub fn of_year(year: i32, zone: Zone) -> Self {
        Self { from: begin(year, zone), until: begin(year + 1, zone) }
    }

    /// Returns the spans of these years in ascending order; years that follow each other share a span.
    pub fn of_years(mut years: Vec<i32>, zone: Zone) -> Vec<Self> {
        years.sort_unstable();
        years.dedup();
        let mut spans: Vec<Self> = Vec::with_capacity(years.len());
        for year in years {
            let next = Self::of_year(year, zone);
            match spans.last_mut() {
                Some(last) if last.until == next.from => last.until = next.until,
                _ => spans.push(next),
            }
        }
        spans
    }
}

/// Returns the year of an instant (µs) in a time zone.
pub fn year_of(at: i64, zone: Zone) -> i32 {
    let year = zone.timestamp_micros(at).single().map_or(YEARS.0, |at| at.year());
    year.clamp(YEARS.0, YEARS.1)
}

/// Returns the first instant of a year (µs).
fn begin(year: i32, zone: Zone) -> i64 {
    match NaiveDate::from_ymd_opt(year, 1, 1) {
        Some(_) if year > YEARS.1 => NO_DATE,
        Some(day) if year > YEARS.0 => zone.midnight(day).timestamp_micros(),
        _ => i64::MIN,
    }
}
