//! Days of conferences as people write them: "June 10-14, 2024", "30 May – 2 June 2025", "2024-06-10 to 2024-06-14".

use chrono::{Datelike, NaiveDate};

use crate::transfer::read::iso_time::month_or_year;

/// The months, by the letters with which their English names begin.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Days, as exactly as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// How exact they are, as the field `date_precision` says it.
    pub precision: &'static str,
    /// Whether the text names more days than the first and the last.
    pub is_several: bool,
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatePart {
    Month(u32),
    Number(u32),
    Year(i32),
}

impl Days {
    /// Returns a year.
    pub fn of_year(year: i32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
        Some(Self { first, last: NaiveDate::from_ymd_opt(year, 12, 31)?, precision: "year", is_several: false })
    }

    /// Reads a month or a year of ISO 8601, or two with words between them.
    fn months_in_digits(text: &str) -> Option<Self> {
        let all: Vec<_> = text.split([' ', ',', ';', '~', '/', '–']).map(str::trim).filter_map(month_or_year).collect();
        let ((first, _, precision), (_, last, _)) = (*all.first()?, *all.last()?);
        // A year alone may belong to a month in words.
        let is_month = all.iter().all(|(_, _, precision)| *precision == "month") || month_or_year(text).is_some();
        (is_month && first <= last).then_some(Self { first, last, precision, is_several: all.len() > 2 })
    }

    /// Reads a text; `year` is the year of the conference, for a text without one. `None` if it names no day and no month.
    pub fn read(text: &str, year: Option<i32>) -> Option<Self> {
        let exact: Vec<NaiveDate> = text.split([' ', ',', ';', '~']).filter_map(exact_day).collect();
        if let (Some(first), Some(last)) = (exact.first(), exact.last()) {
            return Some(Self { first: *first, last: *last, precision: "day", is_several: exact.len() > 2 });
        }
        if let Some(days) = Self::months_in_digits(text) {
            return Some(days);
        }
        let words = words_of(text);
        let years: Vec<i32> =
            words.iter().filter_map(|word| if let DatePart::Year(it) = word { Some(*it) } else { None }).collect();
        let days = days_of(&words);
        let (first, last) = (days.first()?, days.last()?);
        let end = years.last().copied().or(year)?;
        let is_over_new_year = first.0 > last.0;
        let start = match years.as_slice() {
            [start, _, ..] => *start,
            // A year that is written stands behind the end.
            [_] if is_over_new_year => end.checked_sub(1)?,
            _ => end,
        };
        let end = if years.is_empty() && is_over_new_year { end.checked_add(1)? } else { end };
        let (precision, day) = if first.1.is_some() { ("day", first.1?) } else { ("month", 1) };
        let first = NaiveDate::from_ymd_opt(start, first.0, day)?;
        let last_day = NaiveDate::from_ymd_opt(end, last.0, last.1.unwrap_or(1))?;
        let last =
            if last.1.is_some() { last_day } else { last_day.with_day(u32::from(last_day.num_days_in_month()))? };
        (first <= last).then_some(Self { first, last, precision, is_several: days.len() > 2 })
    }
}

/// Reads a day that is written in digits.
fn exact_day(text: &str) -> Option<NaiveDate> {
    let text = text.split('T').next().unwrap_or(text).trim_matches(['(', ')', '.']);
    ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok())
}

/// Returns the months, days and years of a text. Other words say nothing of them, such as days of the week.
fn words_of(text: &str) -> Vec<DatePart> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts
        .filter_map(|part| {
            let lower = part.to_lowercase();
            let number = ["st", "nd", "rd", "th"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
            match number.parse::<u32>() {
                Ok(day @ 1..=31) => Some(DatePart::Number(day)),
                Ok(year @ 1_900..=2_200) => i32::try_from(year).ok().map(DatePart::Year),
                Ok(_) => None,
                Err(_) => month(&lower).map(DatePart::Month),
            }
        })
        .collect()
}

fn month(word: &str) -> Option<u32> {
    let full = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let place = MONTHS.iter().zip(full).position(|(short, full)| word.starts_with(short) && full.starts_with(word));
    // "Sept" is an abbreviation too.
    u32::try_from(place.or((word == "sept").then_some(8))? + 1).ok()
}

/// Returns the months with their days, in the order of the text. A month stands before its days, or behind them.
fn days_of(words: &[DatePart]) -> Vec<(u32, Option<u32>)> {
    let is_month_first = words
        .iter()
        .find(|word| !matches!(word, DatePart::Year(_)))
        .is_some_and(|word| matches!(word, DatePart::Month(_)));
    let (mut days, mut pending) = (Vec::new(), Vec::new());
    // The month whose days follow, and whether any did.
    let mut present: Option<(u32, bool)> = None;
    for word in words {
        match (word, present) {
            (DatePart::Year(_), _) => {}
            (DatePart::Month(month), _) if is_month_first => {
                // A month that has no day of its own.
                days.extend(present.filter(|(_, has_days)| !has_days).map(|(month, _)| (month, None)));
                present = Some((*month, false));
            }
            (DatePart::Number(day), Some((month, _))) if is_month_first => {
                days.push((month, Some(*day)));
                present = Some((month, true));
            }
            (DatePart::Month(month), _) => {
                days.extend(pending.drain(..).map(|day| (*month, Some(day))));
            }
            (DatePart::Number(day), _) => pending.push(*day),
        }
    }
    days.extend(present.filter(|(_, has_days)| !has_days).map(|(month, _)| (month, None)));
    // A month alone beside days says less than they do.
    if days.iter().any(|(_, day)| day.is_some()) {
        days.retain(|(_, day)| day.is_some());
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, year: Option<i32>) -> Option<String> {
        let days = Days::read(text, year)?;
        Some(format!("{} {} {}", days.first, days.last, days.precision))
    }

    #[test]
    fn days_in_words() {
        for (text, wanted) in [
            ("June 10-14, 2024", "2024-06-10 2024-06-14 day"),
            ("June 19 - June 24, 2022", "2022-06-19 2022-06-24 day"),
            ("October 31st – November 2nd, 2025", "2025-10-31 2025-11-02 day"),
            ("10-14 June 2024", "2024-06-10 2024-06-14 day"),
            ("30 May – 2 June 2025", "2025-05-30 2025-06-02 day"),
            ("Sept 3, 2025", "2025-09-03 2025-09-03 day"),
            ("Mon, Sep. 1 to Thu, Sep. 4 2025", "2025-09-01 2025-09-04 day"),
            ("December 29 - January 3, 2026", "2025-12-29 2026-01-03 day"),
            ("Dec 29, 2025 - Jan 3, 2026", "2025-12-29 2026-01-03 day"),
            ("2024-06-10 to 2024-06-14", "2024-06-10 2024-06-14 day"),
            ("10.06.2024", "2024-06-10 2024-06-10 day"),
            ("July 2026", "2026-07-01 2026-07-31 month"),
            ("July/August 2026", "2026-07-01 2026-08-31 month"),
            ("March 3-5 and March 10-12, 2027", "2027-03-03 2027-03-12 day"),
        ] {
            assert_eq!(read(text, None).as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(read("November 15-19", Some(2026)).as_deref(), Some("2026-11-15 2026-11-19 day"));
        assert_eq!(read("Dec 30 - Jan 2", Some(2026)).as_deref(), Some("2026-12-30 2027-01-02 day"));
        for text in ["TBA", "", "15-19, 2026", "June 31, 2026", "Summer 2026", "Marchand 3, 2026", "June 14-10, 2024"] {
            assert_eq!(read(text, Some(2026)), None, "{text}");
        }
        assert!(Days::read("March 3-5 and March 10-12, 2027", None).unwrap().is_several);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(start in 0_i64..40_000, length in 0_i64..300, day_first: bool) {
            let first = NaiveDate::from_ymd_opt(1950, 1, 1).unwrap() + chrono::TimeDelta::days(start);
            let last = first + chrono::TimeDelta::days(length);
            let form = if day_first { "%-d %B %Y" } else { "%B %-d, %Y" };
            let text = format!("{} - {}", first.format(form), last.format(form));
            let days = Days::read(&text, None).unwrap();
            prop_assert_eq!((days.first, days.last, days.precision), (first, last, "day"));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,60}", year in proptest::option::of(-300_000..300_000_i32)) {
            let _ = Days::read(&text, year);
        }
    }
}
