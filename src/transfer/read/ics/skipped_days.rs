//! What becomes of the occurrences of a rule on days that do not exist, such as 31 April (`SKIP`; RFC 7529, section 4.1).

use chrono::{Datelike, Days, NaiveDateTime};

/// Last day that every month has.
const LAST_OF_ALL: u32 = 28;

/// What becomes of them, if they are not omitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// They are on the first day of the next month.
    Forward,
    /// They are on the last day of the month.
    Backward,
}

/// Returns the value of a part of a rule, if the rule has that part.
pub fn part_value<'a>(parts: &'a [String], name: &str) -> Option<&'a str> {
    parts.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// Returns whether a rule may name days that do not exist.
pub fn matters(parts: &[String]) -> bool {
    let is_everywhere = |day: &str| day.trim().parse::<i32>().is_ok_and(|day| day.unsigned_abs() <= LAST_OF_ALL);
    let of_months = matches!(part_value(parts, "FREQ"), Some("MONTHLY" | "YEARLY"));
    of_months
        && match part_value(parts, "BYMONTHDAY") {
            Some(days) => !days.split(',').all(is_everywhere),
            None => part_value(parts, "BYDAY").or(part_value(parts, "BYWEEKNO")).is_none(),
        }
}

/// Returns whether a rule names one day of a month, or one of the year, and nothing that other days depend on.
pub fn is_simple(parts: &[String]) -> bool {
    let has = |name: &str| part_value(parts, name).is_some();
    let is_one = |name: &str| part_value(parts, name).is_none_or(|text| !text.contains(',') && !text.starts_with('-'));
    let others = ["BYDAY", "BYSETPOS", "BYWEEKNO", "BYYEARDAY", "BYHOUR", "BYMINUTE", "BYSECOND"];
    let of_year = part_value(parts, "FREQ") == Some("YEARLY");
    !others.into_iter().any(has)
        && is_one("BYMONTHDAY")
        && (!of_year || (is_one("BYMONTH") && (has("BYMONTH") || !has("BYMONTHDAY"))))
}

/// Returns a rule that is simple in the form in which it has the last day of a month that has no such day, and that day;
/// `None` if every month has it.
pub fn with_last_days(parts: &[String], start: NaiveDateTime) -> Option<(Vec<String>, u32)> {
    let day = part_value(parts, "BYMONTHDAY").and_then(|day| day.parse().ok()).unwrap_or(start.day());
    if day <= LAST_OF_ALL {
        return None;
    }
    let days: Vec<String> = (LAST_OF_ALL..=day).map(|day| day.to_string()).collect();
    let mut all: Vec<String> = parts.iter().filter(|part| !part.starts_with("BYMONTHDAY=")).cloned().collect();
    all.extend([format!("BYMONTHDAY={}", days.join(",")), "BYSETPOS=-1".to_owned()]);
    if part_value(parts, "FREQ") == Some("YEARLY") && part_value(parts, "BYMONTH").is_none() {
        all.push(format!("BYMONTH={}", start.month()));
    }
    Some((all, day))
}

/// Returns the day after the last one of a month that has no such day.
pub fn move_forward(date: NaiveDateTime, day: u32) -> NaiveDateTime {
    if date.day() < day { date.checked_add_days(Days::new(1)).unwrap_or(date) } else { date }
}
