//! The texts of a list as values of fields.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveTime, Timelike};
use serde_json::{Map, Value, json};

use super::mapping::{RuleOptions, TextForm};
use super::moments::moment;
use crate::content::field::FieldType;
use crate::transfer::country_names::country_code;
use crate::transfer::language_names::language_tag;
use crate::transfer::read::iso_time::IsoTime;
use crate::transfer::read::programme::states::status_of;
use crate::transfer::read::yes_no::yes_or_no;
use crate::transfer::read::{plain_text, web_address};
use crate::transfer::zones::zone_of;

/// Returns the names of columns. A further column of one name has its number, so that none is lost.
pub fn columns(header: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    let mut known: HashSet<String> = HashSet::with_capacity(header.len());
    // The number of the last column of each name.
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for text in header {
        let plain = text.trim_start_matches('\u{feff}').trim();
        let mut name = plain.to_owned();
        let number = numbers.entry(plain).or_insert(1);
        while !plain.is_empty() && !known.insert(name.clone()) {
            *number += 1;
            name = format!("{plain} ({number})");
        }
        names.push(name);
    }
    names
}

/// Returns a text as the JSON value that a field of this kind expects. A text that does not fit stays a
/// string, which validation refuses with its position.
pub fn typed_value(kind: &FieldType, rule: &RuleOptions, text: &str) -> Value {
    match kind {
        FieldType::List { of, .. } => typed_value(of, rule, text),
        FieldType::Moment { .. } => moment(rule, text).unwrap_or_else(|| text.to_owned()).into(),
        FieldType::Rich { .. } => rich_value(rule.text, text),
        FieldType::Url => address(text).into(),
        FieldType::Language => language_tag(text).map_or_else(|| text.into(), Value::from),
        FieldType::OneOf(known) => one_of(known.words, text),
        FieldType::Zone => zone_of(text).map_or_else(|| text.into(), |zone| zone.name().into()),
        FieldType::Country => country_code(text).unwrap_or(text).into(),
        FieldType::Integer { .. } => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        FieldType::Number { .. } => number(text).map_or_else(|| text.into(), Value::from),
        FieldType::Boolean => yes_or_no(text).map_or_else(|| text.into(), Value::from),
        // Entries of links and documents, of which only the URL is known.
        FieldType::Object(inner) if inner.fields.iter().any(|f| f.name == "url") => json!({"url": address(text)}),
        _ => text.into(),
    }
}

/// Returns an address as people write it. What is none stays, and is refused.
fn address(text: &str) -> String {
    web_address(text).unwrap_or_else(|_| text.to_owned())
}

/// Returns a number with a decimal point or a decimal comma.
fn number(text: &str) -> Option<f64> {
    let plain = text.parse::<f64>();
    let is_comma = !text.contains('.') && text.matches(',').count() == 1;
    plain.or_else(|wrong| if is_comma { text.replace(',', ".").parse() } else { Err(wrong) }).ok()
}

/// Returns the value of an enumeration that a text is, in any letter case and with other signs between its words. What is no
/// value stays, and is refused.
fn one_of(words: &[&'static str], text: &str) -> Value {
    let plain = text.trim().to_lowercase().replace([' ', '-'], "_");
    let status = || status_of(text).filter(|status| words.contains(status));
    let mode = || attendance(&plain).filter(|mode| words.contains(mode));
    let known = words.iter().find(|word| **word == plain).copied();
    known.or_else(status).or_else(mode).unwrap_or(text).into()
}

/// Returns the attendance mode for a word of other programs.
fn attendance(plain: &str) -> Option<&'static str> {
    Some(match plain.rsplit('/').next().unwrap_or(plain) {
        "hybrid" | "mixedeventattendancemode" => "mixed",
        "virtual" | "remote" | "onlineeventattendancemode" => "online",
        "in_person" | "on_site" | "onsite" | "offlineeventattendancemode" => "offline",
        _ => return None,
    })
}

/// Returns a text as a value of rich text, as the mapping says what its texts are.
fn rich_value(form: Option<TextForm>, text: &str) -> Value {
    match form {
        None => text.into(),
        Some(TextForm::Plain) => plain_text::plain_value(text),
        Some(TextForm::Markdown) => json!({"format": "markdown", "source": text}),
        Some(TextForm::Html) => plain_text::html_value(text),
    }
}

/// Makes the times of an event that is all day whole days. Programs write them as times from midnight to midnight, which is
/// exclusive then, or to the end of the last day. Any other time of day says that the event is not all day.
pub fn whole_days(body: &mut Map<String, Value>) {
    let moment = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(starts), true) = (moment("starts_at"), body.get("all_day") == Some(&Value::Bool(true))) else { return };
    let ends = moment("ends_at");
    let (Some((first, begin)), last) = (split_time(&starts), ends.as_deref().map(split_time)) else { return };
    let is_midnight = |time: Option<NaiveTime>| time.is_none_or(|time| time == NaiveTime::MIN);
    let last = match last {
        None => None,
        Some(Some((day, time))) if time == Some(NaiveTime::MIN) && day > first => day.pred_opt(),
        Some(Some((day, time)))
            if is_midnight(time) || time.is_some_and(|time| (time.hour(), time.minute()) == (23, 59)) =>
        {
            Some(day)
        }
        Some(_) => return,
    };
    if !is_midnight(begin) {
        return;
    }
    body.insert("starts_at".to_owned(), first.to_string().into());
    if let Some(last) = last {
        body.insert("ends_at".to_owned(), last.to_string().into());
    }
}

/// Returns the day and the time of day of a local time.
fn split_time(text: &str) -> Option<(NaiveDate, Option<NaiveTime>)> {
    let day = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let Some(rest) = text.get(11..).filter(|rest| !rest.is_empty()) else { return Some((day, None)) };
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(rest, form).ok());
    time.or_else(|| Some(IsoTime::parse(text)?.local.time())).map(|time| (day, Some(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_as_people_write_them() {
        for (given, wanted) in
            [("50,85", Some(50.85)), ("-3.5", Some(-3.5)), ("1,234.5", None), ("1,2,3", None), ("x", None)]
        {
            assert_eq!(number(given), wanted, "{given}");
        }
        let statuses = ["scheduled", "cancelled", "moved_online"];
        for (given, wanted) in [
            ("Canceled", "cancelled"),
            ("CANCELLED", "cancelled"),
            ("Moved online", "moved_online"),
            ("https://schema.org/EventCancelled", "cancelled"),
            ("sold out", "sold out"),
        ] {
            assert_eq!(one_of(&statuses, given), wanted, "{given}");
        }
        for (given, wanted) in [("Online", "online"), ("hybrid", "mixed"), ("In person", "offline")] {
            assert_eq!(one_of(&["offline", "online", "mixed"], given), wanted, "{given}");
        }
    }

    #[test]
    fn columns_of_one_name_are_numbered() {
        let header = ["\u{feff}A", "B", "A", "", "A", "", "A (2)"].map(str::to_owned);
        assert_eq!(columns(&header), ["A", "B", "A (2)", "", "A (3)", "", "A (2) (2)"]);
        let many = columns(&vec!["A".to_owned(); 1_000]);
        assert_eq!((many.first().unwrap().as_str(), many.last().unwrap().as_str()), ("A", "A (1000)"));
        assert_eq!(many.into_iter().collect::<HashSet<_>>().len(), 1_000);
    }

    #[test]
    fn whole_days_have_no_times() {
        for (starts, ends, expected) in [
            ("2027-05-04T00:00:00", "2027-05-05T00:00:00", ["2027-05-04", "2027-05-04"]),
            ("2027-05-04T00:00:00", "2027-05-04T00:00:00", ["2027-05-04", "2027-05-04"]),
            ("2027-05-04T00:00:00", "2027-05-06T00:00", ["2027-05-04", "2027-05-05"]),
            ("2027-05-04T00:00:00", "2027-05-04T23:59:59", ["2027-05-04", "2027-05-04"]),
            ("2027-05-04", "2027-05-05", ["2027-05-04", "2027-05-05"]),
            ("2027-05-04T09:00", "2027-05-04T10:00", ["2027-05-04T09:00", "2027-05-04T10:00"]),
            ("2027-05-04T00:00", "2027-05-04T10:00", ["2027-05-04T00:00", "2027-05-04T10:00"]),
            ("soon", "later", ["soon", "later"]),
        ] {
            let mut body = json!({"all_day": true, "starts_at": starts, "ends_at": ends});
            let times = body.as_object_mut().unwrap();
            whole_days(times);
            assert_eq!([&times["starts_at"], &times["ends_at"]], expected, "{starts} {ends}");
        }
        let mut timed = json!({"all_day": false, "starts_at": "2027-05-04T00:00"});
        whole_days(timed.as_object_mut().unwrap());
        assert_eq!(timed["starts_at"], "2027-05-04T00:00");
    }
}
