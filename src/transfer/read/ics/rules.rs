//! Recurrence rules (RFC 5545, section 3.3.10), applied to local times: an occurrence keeps its time of day when its
//! zone changes its clocks.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

use super::old_rules::{DAYS, new_form};
use super::property::Property;
use super::skipped_days::{self, Skip, part_value};
use super::times::basic_time;
use crate::transfer::read::iso_time::is_in_years;

/// Greatest number of occurrences of a rule by seconds or minutes.
const MOST_SHORT: u16 = 5_000;
/// Greatest length of a rule, in bytes.
const LONGEST: usize = 4_000;
/// Greatest number of times of day that a rule names.
const MOST_TIMES: usize = 1_440;

/// A recurrence rule.
pub struct RecurrenceRule {
    rule: RRule<Unvalidated>,
    parts: Vec<String>,
    /// What becomes of days that do not exist, if they are not omitted.
    skip: Option<Skip>,
    /// Whether the rule ends by itself.
    pub is_finite: bool,
    /// Number of days that are one step when the rule is computed.
    pub days_a_step: u64,
    /// Parts that are left out, and why.
    pub left_out: Vec<String>,
}

impl RecurrenceRule {
    /// Parses the value of `RRULE` or `EXRULE`. `local` returns the local time of an instant, for `UNTIL`.
    ///
    /// # Errors
    /// Returns a message for a rule that is malformed, that follows another calendar than the Gregorian (RFC 7529), or that
    /// names too much.
    pub fn parse(property: &Property, local: impl Fn(NaiveDateTime) -> NaiveDateTime) -> Result<Self, String> {
        let (mut parts, mut is_finite, mut left_out, mut skip) = (Vec::new(), false, Vec::new(), None);
        let given = form_of(property.value.trim())?;
        for part in given.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("\"{part}\" is no part of a rule"))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase());
            is_finite |= matches!(name.as_str(), "COUNT" | "UNTIL");
            match (name.as_str(), value.as_str()) {
                ("UNTIL", _) => parts.push(format!("UNTIL={}", until_value(&value, &local)?)),
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
        check_bounds(&parts)?;
        let rule = parse_parts(&parts)?;
        let days_a_step = match frequency(&parts) {
            "YEARLY" | "MONTHLY" => 28,
            "WEEKLY" => 7,
            _ => 1,
        };
        Ok(Self { rule, parts, skip, is_finite, days_a_step, left_out })
    }

    /// Returns the occurrences from a start up to an end or the end of the year 9999, at most `most`, and whether these are
    /// all.
    ///
    /// # Errors
    /// Returns a message for a rule that contradicts itself or the start.
    pub fn occurrences(
        self,
        start: NaiveDateTime,
        end: Option<NaiveDateTime>,
        most: u16,
    ) -> Result<(Vec<NaiveDateTime>, bool), String> {
        if let Some((parts, day)) = self.skip.and_then(|_| skipped_days::with_last_days(&self.parts, start)) {
            let rule = Self { rule: parse_parts(&parts)?, parts, skip: None, ..self };
            let (mut found, is_whole) = rule.occurrences(start, end, most)?;
            if self.skip == Some(Skip::Forward) {
                found.iter_mut().for_each(|date| *date = skipped_days::move_forward(*date, day));
                let last = part_value(&self.parts, "UNTIL").and_then(parse_basic);
                found.retain(|date| last.is_none_or(|last| *date <= last) && end.is_none_or(|end| *date <= end));
            }
            return Ok((found, is_whole));
        }
        if let Some(parts) = with_day_of_start(&self.parts, start) {
            return Self { rule: parse_parts(&parts)?, parts, ..self }.occurrences(start, end, most);
        }
        if let Some((parts, first, count)) = by_whole_weeks(&self.parts, start) {
            let rule = Self { rule: parse_parts(&parts)?, parts, ..self };
            let (mut found, is_whole) = rule.occurrences(first, end, most)?;
            found.retain(|date| *date >= start);
            let is_counted = count.is_some_and(|count| found.len() >= count);
            found.truncate(count.unwrap_or(usize::MAX));
            return Ok((found, is_whole || is_counted));
        }
        let start = as_floating(start);
        let rule = self.rule.validate(start).map_err(|error| error.to_string())?;
        let end = end.map_or(last_time(), |end| end.min(last_time()));
        let is_short = matches!(frequency(&self.parts), "SECONDLY" | "MINUTELY");
        let most = if is_short { most.min(MOST_SHORT) } else { most };
        let found = RRuleSet::new(start).rrule(rule).before(as_floating(end)).all(most);
        Ok((found.dates.into_iter().map(|date| date.naive_utc()).collect(), !found.limited))
    }
}

/// Returns a rule in the form of iCalendar.
fn form_of(value: &str) -> Result<Cow<'_, str>, String> {
    if value.len() > LONGEST {
        return Err(format!("this rule is longer than {LONGEST} bytes"));
    }
    if value.contains('=') {
        return Ok(value.into());
    }
    new_form(value).map(Cow::Owned).ok_or_else(|| "this rule of vCalendar is not known".to_owned())
}

/// Returns the last second of the year 9999.
fn last_time() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(9_999, 12, 31).and_then(|day| day.and_hms_opt(23, 59, 59)).unwrap_or_default()
}

fn frequency(parts: &[String]) -> &str {
    part_value(parts, "FREQ").unwrap_or_default()
}

/// Returns the parts of a rule with the weekday of its start, if it names weeks and no day: what a rule lacks is that of its
/// start (RFC 5545, section 3.3.10). The library takes all days of a week of the year.
fn with_day_of_start(parts: &[String], start: NaiveDateTime) -> Option<Vec<String>> {
    let has_day = ["BYDAY", "BYMONTHDAY", "BYYEARDAY"].into_iter().any(|name| part_value(parts, name).is_some());
    let of_year = frequency(parts) == "YEARLY" && part_value(parts, "BYWEEKNO").is_some();
    let of_week = frequency(parts) == "WEEKLY" && part_value(parts, "BYSETPOS").is_some();
    if has_day || !(of_year || of_week) {
        return None;
    }
    let day = DAYS[start.weekday().num_days_from_monday() as usize];
    Some(parts.iter().cloned().chain([format!("BYDAY={day}")]).collect())
}

/// Returns a weekly rule that takes some days of each week by their position, as one that begins with the week of its start, and
/// the number of its occurrences from the start on. The positions are those within the whole week (RFC 5545, section 3.3.10);
/// the library counts those of the first week from the start. `None` for any other rule.
fn by_whole_weeks(parts: &[String], start: NaiveDateTime) -> Option<(Vec<String>, NaiveDateTime, Option<usize>)> {
    if frequency(parts) != "WEEKLY" || part_value(parts, "BYSETPOS").is_none() {
        return None;
    }
    let first_day = DAYS.iter().position(|day| part_value(parts, "WKST") == Some(*day)).unwrap_or(0);
    let days = (start.weekday().num_days_from_monday() as usize + DAYS.len() - first_day) % DAYS.len();
    let first = start.checked_sub_days(Days::new(days as u64)).filter(|first| *first != start)?;
    let count = part_value(parts, "COUNT").and_then(|count| count.parse().ok());
    Some((parts.iter().filter(|part| !part.starts_with("COUNT=")).cloned().collect(), first, count))
}

/// Refuses a rule with so many times of day, or so many seconds to pass over, that it cannot be meant.
fn check_bounds(parts: &[String]) -> Result<(), String> {
    let given = ["BYHOUR", "BYMINUTE", "BYSECOND"].map(|name| part_value(parts, name).unwrap_or_default());
    if frequency(parts) == "SECONDLY" && given.iter().any(|times| !times.is_empty()) {
        return Err("a rule by seconds with BYHOUR, BYMINUTE or BYSECOND is not supported".to_owned());
    }
    let times: usize = given.iter().map(|times| times.split(',').count()).product();
    if times > MOST_TIMES {
        return Err(format!("this rule names {times} times of day; at most {MOST_TIMES} are supported"));
    }
    Ok(())
}

fn parse_parts(parts: &[String]) -> Result<RRule<Unvalidated>, String> {
    parts.join(";").parse().map_err(|error: rrule::RRuleError| error.to_string())
}

fn parse_basic(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()
}

/// Returns a local time in the form in which rules are computed: as if its zone were UTC.
fn as_floating(local: NaiveDateTime) -> DateTime<Tz> {
    Tz::UTC.from_utc_datetime(&local)
}

/// Returns the value of `UNTIL` as a local time in the form of UTC. A date includes its day.
fn until_value(value: &str, local: impl Fn(NaiveDateTime) -> NaiveDateTime) -> Result<String, String> {
    let value = value.trim();
    let day = NaiveDate::parse_from_str(value, "%Y%m%d").ok().filter(|day| is_in_years(*day));
    let end = if let Some(day) = day {
        day.and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399)
    } else {
        let wrong = || format!("UNTIL=\"{value}\" is not a time");
        let given = value.trim_end_matches(['Z', 'z']);
        let time = basic_time(given).ok_or_else(wrong)?;
        if given == value { time } else { local(time) }
    };
    Ok(end.min(last_time()).format("%Y%m%dT%H%M%SZ").to_string())
}
