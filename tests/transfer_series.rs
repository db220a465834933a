//! Series of calendars: their occurrences, exceptions and changes.

use plenary::transfer::Outcome;

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{bring_bytes, bring_text};

/// Returns title, start and end of the events of a series, by their starts.
fn occurrences(app: &TestApp, series: &str) -> Vec<(String, String, String)> {
    let list = app.public().get(&format!("/api/v1/events?series={series}&limit=100&sort=starts_at")).expect(200).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = list["data"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["title"]), text(&row["starts_at"]), text(&row["ends_at"]))).collect()
}

#[apply(api_test)]
fn a_series_has_an_event_for_each_evening(app: &TestApp) {
    let master = "DTSTART;TZID=Europe/Brussels:20270301T180000\nDTEND;TZID=Europe/Brussels:20270301T190000\nRRULE:FREQ=WEEKLY;COUNT=8\nEXDATE;TZID=Europe/Brussels:20270315T180000\nRDATE;TZID=Europe/Brussels:20270501T180000";
    let moved = "RECURRENCE-ID;TZID=Europe/Brussels:20270322T180000\nDTSTART;TZID=Europe/Brussels:20270323T200000";
    let text = event("1", "Reading circle", master) + &event("1", "Reading circle, moved", moved);
    let said = bring_text(app, "series.ics", &calendar(&text));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Created, "series")),
        (8, 1),
        "{:?}",
        said.lines
    );
    let list = app.public().get("/api/v1/events?series=reading-circle&limit=100").expect(200).json();
    let mut starts: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|e| e["starts_at"].as_str().unwrap()).collect();
    starts.sort_unstable();
    assert_eq!(
        starts,
        [
            "2027-03-01T18:00:00+01:00",
            "2027-03-08T18:00:00+01:00",
            "2027-03-23T20:00:00+01:00",
            "2027-03-29T18:00:00+02:00",
            "2027-04-05T18:00:00+02:00",
            "2027-04-12T18:00:00+02:00",
            "2027-04-19T18:00:00+02:00",
            "2027-05-01T18:00:00+02:00",
        ]
    );
    assert_eq!(read(app, "reading-circle-2027-04-05")["ends_at"], "2027-04-05T19:00:00+02:00");
    let again = bring_text(app, "series.ics", &calendar(&text));
    assert_eq!(
        (again.report.total(Outcome::Created), again.report.total(Outcome::Updated)),
        (0, 0),
        "{:?}",
        again.lines
    );
}

#[apply(api_test)]
fn a_series_without_an_end_has_a_horizon(app: &TestApp) {
    let today = chrono::Utc::now().date_naive();
    let text =
        calendar(&event("1", "Daily", &format!("DTSTART;VALUE=DATE:{}\nRRULE:FREQ=DAILY", today.format("%Y%m%d"))));
    let said = bring_bytes(app, "daily.ics", text.as_bytes(), |options| options.settings.horizon = 10);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.noted("horizon", "/RRULE")),
        (11, 1),
        "{:?}",
        said.lines
    );
    let later = bring_bytes(app, "daily.ics", text.as_bytes(), |options| options.settings.horizon = 12);
    assert_eq!((later.report.of(Outcome::Created, "event"), later.report.of(Outcome::Unchanged, "event")), (2, 11));
    let odd = calendar(&event("2", "Odd rule", "RRULE:FREQ=SOMETIMES"));
    let said = bring_text(app, "odd.ics", &odd);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.noted("recurrence", "/RRULE")),
        (1, 1),
        "{:?}",
        said.lines
    );
}

/// A change of this and all later occurrences shifts them by the same difference, and gives them its length and fields.
#[apply(api_test)]
fn a_change_counts_from_an_occurrence_on(app: &TestApp) {
    let zone = "TZID=Europe/Brussels";
    let master = format!("DTSTART;{zone}:20270308T180000\nDTEND;{zone}:20270308T190000\nRRULE:FREQ=WEEKLY;COUNT=6");
    let from = |date: &str, lines: &str| format!("RECURRENCE-ID;RANGE=THISANDFUTURE;{zone}:{date}T180000\n{lines}");
    let later = from("20270322", &format!("DTSTART;{zone}:20270323T193000\nDTEND;{zone}:20270323T213000"));
    let last = from("20270412", "DTSTART:20270412T160000Z\nSTATUS:CANCELLED");
    let single = format!("RECURRENCE-ID;{zone}:20270405T180000\nDTSTART;{zone}:20270405T100000");
    // A change may stand before its series.
    let text = event("1", "Later", &later)
        + &event("1", "Circle", &master)
        + &event("1", "Once", &single)
        + &event("1", "Last", &last);
    let said = bring_text(app, "ranges.ics", &calendar(&text));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.noted("left_out", "RANGE=THISANDFUTURE")),
        (6, 0),
        "{:?}",
        said.lines
    );
    let found = occurrences(app, "circle");
    let found: Vec<(&str, &str, &str)> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(
        found,
        [
            ("Circle", "2027-03-08T18:00:00+01:00", "2027-03-08T19:00:00+01:00"),
            ("Circle", "2027-03-15T18:00:00+01:00", "2027-03-15T19:00:00+01:00"),
            ("Later", "2027-03-23T19:30:00+01:00", "2027-03-23T21:30:00+01:00"),
            // The clocks have changed: the local time stays.
            ("Later", "2027-03-30T19:30:00+02:00", "2027-03-30T21:30:00+02:00"),
            ("Once", "2027-04-05T10:00:00+02:00", ""),
            ("Last", "2027-04-12T18:00:00+02:00", ""),
        ]
    );
    assert_eq!(read(app, "last")["event_status"], "cancelled");
    let again = bring_text(app, "ranges.ics", &calendar(&text));
    assert_eq!(again.report.total(Outcome::Created) + again.report.total(Outcome::Updated), 0, "{:?}", again.lines);
    // Without the series there is nothing that it could change.
    let said = bring_text(app, "part.ics", &calendar(&event("2", "Alone", &later)));
    assert_eq!(said.report.noted("left_out", "RANGE=THISANDFUTURE"), 1, "{:?}", said.report.notes);
}

/// A period has its own length, as an end or as a duration.
#[apply(api_test)]
fn periods_have_their_own_length(app: &TestApp) {
    let lines = "DTSTART:20270301T180000Z\nDTEND:20270301T190000Z\nRDATE;VALUE=PERIOD:20270308T180000Z/20270308T213000Z,20270315T180000Z/PT30M,20270322T180000Z/20270322T170000Z\nRDATE:20270401T180000Z";
    let said = bring_text(app, "periods.ics", &calendar(&event("1", "Evenings", lines)));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.noted("period", "/RDATE")),
        (5, 1),
        "{:?}",
        said.lines
    );
    let ends: Vec<String> = occurrences(app, "evenings").into_iter().map(|(_, _, end)| end).collect();
    assert_eq!(
        ends,
        [
            "2027-03-01T20:00:00+01:00",
            "2027-03-08T22:30:00+01:00",
            "2027-03-15T19:30:00+01:00",
            "2027-03-22T20:00:00+01:00",
            "2027-04-01T21:00:00+02:00",
        ]
    );
}
