//! Recurrence rules (RFC 5545, section 3.3.10), applied to local times: an occurrence keeps its time of day when its
//! zone changes its clocks.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

use super::old_rules::new_form;
use super::property::Property;

/// Greatest number of occurrences of one rule.
pub const MOST: u16 = 20_000;

/// A recurrence rule.
pub struct RecurrenceRule {
    rule: RRule<Unvalidated>,
    /// Whether the rule ends by itself.
    pub is_finite: bool,
    /// Parts that are left out, since only a program knows what they mean.
    pub left_out: Vec<String>,
}

impl RecurrenceRule {
    /// Parses the value of `RRULE` or `EXRULE`. `local` returns the local time of an instant, for `UNTIL`.
    ///
    /// # Errors
    /// Returns a message for a rule that is malformed, or that follows another calendar than the Gregorian (RFC 7529).
    pub fn parse(property: &Property, local: impl Fn(NaiveDateTime) -> NaiveDateTime) -> Result<Self, String> {
        let (mut parts, mut is_finite, mut left_out) = (Vec::new(), false, Vec::new());
        let value = property.value.trim();
        let old = if value.contains('=') {
            None
        } else {
            Some(new_form(value).ok_or("this rule of vCalendar is not known")?)
        };
        let given = old.as_deref().unwrap_or(value).split(';').map(str::trim).filter(|part| !part.is_empty());
        for part in given {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("\"{part}\" is no part of a rule"))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase());
            is_finite |= matches!(name.as_str(), "COUNT" | "UNTIL");
            match (name.as_str(), value.as_str()) {
                ("UNTIL", _) => parts.push(format!("UNTIL={}", until(&value, &local)?)),
                ("RSCALE", "GREGORIAN") | ("SKIP", "OMIT") => {}
                ("RSCALE" | "SKIP", _) => return Err(format!("{part} is not supported")),
                ("COUNT" | "INTERVAL", number) if number.bytes().all(|digit| digit == b'0') => {
                    return Err(format!("{part} is not allowed: it must be at least 1"));
                }
                _ if name.starts_with("X-") => left_out.push(part.to_owned()),
                _ => parts.push(format!("{name}={value}")),
            }
        }
        let rule = parts.join(";").parse().map_err(|error: rrule::RRuleError| error.to_string())?;
        Ok(Self { rule, is_finite, left_out })
    }

    /// Returns the occurrences from a start up to an end, at most [`MOST`], and whether these are all.
    ///
    /// # Errors
    /// Returns a message for a rule that contradicts itself or the start.
    pub fn occurrences(
        self,
        start: NaiveDateTime,
        end: Option<NaiveDateTime>,
    ) -> Result<(Vec<NaiveDateTime>, bool), String> {
        let start = floating(start);
        let rule = self.rule.validate(start).map_err(|error| error.to_string())?;
        let mut set = RRuleSet::new(start).rrule(rule);
        if let Some(end) = end {
            set = set.before(floating(end));
        }
        let found = set.all(MOST);
        Ok((found.dates.into_iter().map(|date| date.naive_utc()).collect(), !found.limited))
    }
}

/// Returns a local time in the form in which rules are computed: as if its zone were UTC.
fn floating(local: NaiveDateTime) -> DateTime<Tz> {
    Tz::UTC.from_utc_datetime(&local)
}

/// Returns the value of `UNTIL` as a local time in the form of UTC. A date includes its day.
fn until(value: &str, local: impl Fn(NaiveDateTime) -> NaiveDateTime) -> Result<String, String> {
    let value = value.trim();
    let end = if let Ok(day) = NaiveDate::parse_from_str(value, "%Y%m%d") {
        day.and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399)
    } else {
        let wrong = |_| format!("UNTIL=\"{value}\" is not a time");
        let given = value.trim_end_matches(['Z', 'z']);
        let time = NaiveDateTime::parse_from_str(given, "%Y%m%dT%H%M%S").map_err(wrong)?;
        if given == value { time } else { local(time) }
    };
    Ok(end.format("%Y%m%dT%H%M%SZ").to_string())
}
