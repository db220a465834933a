//! Recurrence rules (RFC 5545, section 3.3.10), applied to local times: an occurrence keeps its time of day when its
//! zone changes its clocks.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

use super::old_rules::new_form;
use super::property::Property;
use super::skipped_days::{self, Skip};

/// Greatest number of occurrences of one rule.
pub const MOST: u16 = 20_000;

/// A recurrence rule.
pub struct RecurrenceRule {
    rule: RRule<Unvalidated>,
    parts: Vec<String>,
    /// What becomes of days that do not exist, if they are not omitted.
    skip: Option<Skip>,
    /// Whether the rule ends by itself.
    pub is_finite: bool,
    /// Parts that are left out, and why.
    pub left_out: Vec<String>,
}

impl RecurrenceRule {
    /// Parses the value of `RRULE` or `EXRULE`. `local` returns the local time of an instant, for `UNTIL`.
    ///
    /// # Errors
    /// Returns a message for a rule that is malformed, or that follows another calendar than the Gregorian (RFC 7529).
    pub fn parse(property: &Property, local: impl Fn(NaiveDateTime) -> NaiveDateTime) -> Result<Self, String> {
        let (mut parts, mut is_finite, mut left_out, mut skip) = (Vec::new(), false, Vec::new(), None);
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
                ("SKIP", "FORWARD") => skip = Some(Skip::Forward),
                ("SKIP", "BACKWARD") => skip = Some(Skip::Backward),
                ("RSCALE" | "SKIP", _) => return Err(format!("{part} is not supported")),
                ("COUNT" | "INTERVAL", number) if number.bytes().all(|digit| digit == b'0') => {
                    return Err(format!("{part} is not allowed: it must be at least 1"));
                }
                _ if name.starts_with("X-") => left_out.push(format!("\"{part}\", which belongs to a program")),
                _ => parts.push(format!("{name}={value}")),
            }
        }
        let skip = skip.filter(|_| skipped_days::matters(&parts));
        if skip.is_some() && !skipped_days::is_simple(&parts) {
            left_out.push("SKIP: days that do not exist are omitted".to_owned());
        }
        let skip = skip.filter(|_| skipped_days::is_simple(&parts));
        let rule = parsed(&parts)?;
        Ok(Self { rule, parts, skip, is_finite, left_out })
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
        if let Some((parts, day)) = self.skip.and_then(|_| skipped_days::with_last_days(&self.parts, start)) {
            let rule = Self { rule: parsed(&parts)?, parts, skip: None, ..self };
            let (mut found, is_whole) = rule.occurrences(start, end)?;
            if self.skip == Some(Skip::Forward) {
                found.iter_mut().for_each(|date| *date = skipped_days::forward(*date, day));
                let last = self.parts.iter().find_map(|part| part.strip_prefix("UNTIL=")).and_then(basic);
                found.retain(|date| last.is_none_or(|last| *date <= last) && end.is_none_or(|end| *date <= end));
            }
            return Ok((found, is_whole));
        }
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

fn parsed(parts: &[String]) -> Result<RRule<Unvalidated>, String> {
    parts.join(";").parse().map_err(|error: rrule::RRuleError| error.to_string())
}

fn basic(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()
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
