//! Tests of the occurrences of series, and of their bounds.

use super::*;
use crate::transfer::read::ics::times::time_of;

fn occurrences(start: &str, rule: &str, horizon: NaiveDate) -> Occurrences {
    occurrences_of(
        &[format!("DTSTART:{start}"), format!("RRULE:{rule}")],
        ("Europe/Brussels", &Cell::new(MOST_STEPS)),
        horizon,
    )
}

fn occurrences_of(lines: &[String], (zone, steps): (&str, &Cell<u64>), horizon: NaiveDate) -> Occurrences {
    let properties = lines.iter().map(|line| Property::parse(line).unwrap()).collect();
    let event = Component { name: "VEVENT".to_owned(), properties, ..Component::default() };
    let zones = CalendarZones::new(zone);
    let (first, _) = time_of(&event.properties[0], &zones).unwrap();
    Occurrences::of(&event, SeriesStart::new(&event.properties[0], first, &zones), &zones, horizon, steps)
}

fn note_codes(found: &Occurrences) -> Vec<(&str, &str)> {
    found.notes.iter().map(|(name, code, _)| (*name, *code)).collect()
}

#[test]
fn too_many_occurrences_are_the_first_ones() {
    let horizon = NaiveDate::from_ymd_opt(2999, 1, 1).unwrap();
    for rule in ["FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=5000", "FREQ=MINUTELY;COUNT=60000"] {
        let found = occurrences("29980301T090000", rule, horizon);
        let first = NaiveDate::from_ymd_opt(2998, 3, 1).unwrap().and_hms_opt(9, 0, 0).unwrap();
        assert_eq!((found.starts.len(), found.starts[0].0.local_time()), (MOST, first), "{rule}");
        let told: Vec<&str> =
            found.notes.iter().filter(|note| note.1 == "too_many").map(|note| note.2.as_str()).collect();
        assert_eq!(told, ["only the first 4000 occurrences are taken: a series has at most 4000 events"], "{rule}");
    }
    // What is over is left out before what is ahead.
    let found = occurrences("20000101T090000", "FREQ=DAILY;COUNT=12000", horizon);
    assert!(
        found.starts.len() == MOST
            && found.starts[0].0.utc()
                > occurrences("20000101T090000", "FREQ=DAILY;COUNT=2", horizon).starts[1].0.utc()
    );
    assert_eq!(found.left.len(), 8_000);
}

#[test]
fn a_rule_without_occurrences_is_told() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    for rule in ["FREQ=WEEKLY;INTERVAL=0;COUNT=3", "FREQ=DAILY;COUNT=0", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"]
    {
        let found = occurrences("20270301T090000", rule, horizon);
        assert_eq!(
            (found.starts.len(), found.notes.len(), found.notes[0].1),
            (1, 1, "recurrence"),
            "{rule}: {:?}",
            found.notes
        );
    }
}

#[test]
fn rules_of_an_event_have_a_bound() {
    let horizon = NaiveDate::from_ymd_opt(2999, 1, 1).unwrap();
    let with = |count: usize, line: &str| {
        let mut lines = vec!["DTSTART:20270301T090000".to_owned()];
        lines.extend((0..count).map(|number| line.replace('#', &(number + 1).to_string())));
        lines
    };
    let steps = Cell::new(MOST_STEPS);
    let read = |lines: &[String]| occurrences_of(lines, ("Europe/Brussels", &steps), horizon);
    // Each of these rules has two dates, the first of which they share.
    let found = read(&with(MOST_RULES, "RRULE:FREQ=DAILY;INTERVAL=#;COUNT=2"));
    assert_eq!((found.starts.len(), found.unknown_after.as_deref(), note_codes(&found)), (11, None, vec![]));
    let found = read(&with(MOST_RULES + 1, "RRULE:FREQ=DAILY;INTERVAL=#;COUNT=2"));
    assert_eq!((found.starts.len(), found.unknown_after.as_deref()), (11, Some("")));
    assert_eq!(note_codes(&found), [("RRULE", "too_many")]);
    // The first two rules have all dates that the rules of an event may have.
    let found = read(&with(3, "RRULE:FREQ=DAILY;INTERVAL=#;COUNT=10000"));
    assert_eq!(note_codes(&found)[0], ("RRULE", "recurrence"));
    assert!(found.notes[0].2.contains("20000") && found.starts.len() == MOST && found.left.len() == 11_000);
    let more: Vec<String> = (0..=MOST_DATES).map(|_| "20270302T090000".to_owned()).collect();
    let found = read(&["DTSTART:20270301T090000".to_owned(), format!("RDATE:{}", more.join(","))]);
    assert_eq!((found.starts.len(), note_codes(&found)), (2, vec![("RDATE", "too_many")]));
}

#[test]
fn rules_of_a_file_have_a_bound() {
    let horizon = NaiveDate::from_ymd_opt(2999, 1, 1).unwrap();
    let lines = ["DTSTART:20270301T090000".to_owned(), "RRULE:FREQ=DAILY;COUNT=6".to_owned()];
    let steps = Cell::new(15);
    let read = || occurrences_of(&lines, ("Europe/Brussels", &steps), horizon);
    assert_eq!((read().starts.len(), steps.get()), (6, 4));
    let found = read();
    assert_eq!((found.starts.len(), steps.get(), note_codes(&found)), (4, 0, vec![("RRULE", "too_many")]));
    assert_eq!((read().starts.len(), note_codes(&read())), (1, vec![("RRULE", "recurrence")]));
}

#[test]
fn rules_that_cannot_be_meant_are_not_read() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    let list = |last: u8| (0..=last).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let times = format!("FREQ=DAILY;COUNT=2;BYHOUR={};BYMINUTE={};BYSECOND=", list(23), list(59));
    for rule in [
        "FREQ=SECONDLY;COUNT=2;BYHOUR=9".to_owned(),
        format!("{times}0,30"),
        format!("FREQ=DAILY;COUNT=2;BYDAY=MO{}", ",MO".repeat(1_400)),
    ] {
        let found = occurrences("20270301T090000", &rule, horizon);
        assert_eq!((found.starts.len(), note_codes(&found)), (1, vec![("RRULE", "recurrence")]), "{rule}");
    }
    for (rule, count) in [(format!("{times}0"), 2), ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10;COUNT=6".to_owned(), 6)] {
        let found = occurrences("20270301T090000", &rule, horizon);
        assert_eq!((found.starts.len(), note_codes(&found)), (count, vec![]), "{rule}");
    }
}

#[test]
fn a_series_ends_with_the_year_9999() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    let found = occurrences("20270101T090000", "FREQ=YEARLY;INTERVAL=1000;COUNT=40", horizon);
    assert_eq!((found.starts.len(), found.left.len()), (1, 7));
    let found = occurrences("99980101T090000", "FREQ=YEARLY;UNTIL=99991231T235959Z", horizon);
    assert_eq!(found.left.len(), 2);
    let found = occurrences("20270101T090000", "FREQ=YEARLY;UNTIL=+262142-12-31T23:59:59Z", horizon);
    assert_eq!((found.starts.len(), note_codes(&found)), (1, vec![("RRULE", "recurrence")]));
}

#[test]
fn midnight_in_utc_is_a_date_of_whole_days() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    let rule = |until: &str| format!("RRULE:FREQ=DAILY;UNTIL={until}");
    for zone in ["America/New_York", "Europe/Brussels", "UTC"] {
        let count = |start: &str, until: &str| {
            occurrences_of(&[format!("DTSTART{start}"), rule(until)], (zone, &Cell::new(MOST_STEPS)), horizon)
                .starts
                .len()
        };
        assert_eq!(count(";VALUE=DATE:20270227", "20270301T000000Z"), 3, "{zone}");
        assert_eq!(count(";VALUE=DATE:20270227", "20270301"), 3, "{zone}");
    }
}

/// The expected days follow from the text of RFC 5545, section 3.3.10, and are those of rrule-temporal 2.2.8.
#[test]
fn positions_and_weeks_are_those_of_whole_periods() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    for (start, rule, expected) in [
        (
            "20270303T090000",
            "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2;COUNT=3",
            vec!["2027-03-03", "2027-03-10", "2027-03-17"],
        ),
        (
            "20270303T090000",
            "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2,-1;COUNT=3",
            vec!["2027-03-03", "2027-03-05", "2027-03-10"],
        ),
        // Weeks that begin on Sundays: Wednesday is the second of Sunday, Wednesday and Saturday.
        (
            "20270303T090000",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,WE,SA;BYSETPOS=2;UNTIL=20270331T235959",
            vec!["2027-03-03", "2027-03-17", "2027-03-31"],
        ),
        ("20240513", "FREQ=YEARLY;BYWEEKNO=20;COUNT=3", vec!["2024-05-13", "2025-05-12", "2026-05-11"]),
    ] {
        let found = occurrences(start, rule, horizon);
        let days: Vec<String> = found.starts.iter().map(|(start, _)| start.local_time().date().to_string()).collect();
        assert_eq!(
            (days, note_codes(&found)),
            (expected.into_iter().map(str::to_owned).collect(), Vec::new()),
            "{rule}"
        );
    }
}

#[test]
fn values_that_cannot_be_read_have_a_bound() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    let bad = vec!["nothing"; 5_000].join(",");
    let lines = [
        "DTSTART:20270301T090000".to_owned(),
        "RRULE:FREQ=DAILY;COUNT=3".to_owned(),
        format!("RDATE:20270310T090000,{bad}"),
        format!("EXDATE:{bad},20270302T090000"),
    ];
    let found = occurrences_of(&lines, ("Europe/Brussels", &Cell::new(MOST_STEPS)), horizon);
    let days: Vec<String> = found.starts.iter().map(|(start, _)| start.local_time().date().to_string()).collect();
    assert_eq!(days, ["2027-03-01", "2027-03-03", "2027-03-10"]);
    let mut expected = vec![("RDATE", "not_a_time"); MOST_BAD_VALUES];
    expected.push(("RDATE", "too_many"));
    assert_eq!(note_codes(&found), expected);
}

#[test]
fn exceptions_may_be_days_and_times() {
    let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
    let lines = [
        "DTSTART:20270301T090000",
        "RRULE:FREQ=DAILY;COUNT=6",
        "EXDATE;VALUE=DATE:20270302,20270304",
        "EXDATE:20270305T090000",
    ]
    .map(str::to_owned);
    let found = occurrences_of(&lines, ("Europe/Brussels", &Cell::new(MOST_STEPS)), horizon);
    let days: Vec<String> = found.starts.iter().map(|(start, _)| start.local_time().date().to_string()).collect();
    assert_eq!(days, ["2027-03-01", "2027-03-03", "2027-03-06"]);
}
