//! Series of calendars: their occurrences, exceptions and changes.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{bring_bytes, bring_text};

/// Returns title, start and end of the events of a series, by their starts.
fn occurrences(app: &TestApp, series: &str) -> Vec<(String, String, String)> {
    let list =
        app.visitor().get(&format!("/api/v1/events?series={series}&limit=100&sort=starts_at")).expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
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
    let list = app.visitor().get("/api/v1/events?series=reading-circle&limit=100").expect(200).json();
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
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("horizon", "/RRULE")),
        (11, 1),
        "{:?}",
        said.lines
    );
    let later = bring_bytes(app, "daily.ics", text.as_bytes(), |options| options.settings.horizon = 12);
    assert_eq!((later.report.of(Outcome::Created, "event"), later.report.of(Outcome::Unchanged, "event")), (2, 11));
    let odd = calendar(&event("2", "Odd rule", "RRULE:FREQ=SOMETIMES"));
    let said = bring_text(app, "odd.ics", &odd);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("recurrence", "/RRULE")),
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
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("left_out", "RANGE=THISANDFUTURE")),
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
    assert_eq!(said.report.count_notes("left_out", "RANGE=THISANDFUTURE"), 1, "{:?}", said.report.notes);
}

/// A period has its own length, as an end or as a duration.
#[apply(api_test)]
fn periods_have_their_own_length(app: &TestApp) {
    let lines = "DTSTART:20270301T180000Z\nDTEND:20270301T190000Z\nRDATE;VALUE=PERIOD:20270308T180000Z/20270308T213000Z,20270315T180000Z/PT30M,20270322T180000Z/20270322T170000Z\nRDATE:20270401T180000Z";
    let said = bring_text(app, "periods.ics", &calendar(&event("1", "Evenings", lines)));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("period", "/RDATE")),
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

/// One part of a rule does not cost the rule, and a rule that cannot be followed is told.
#[apply(api_test)]
fn parts_of_rules_are_read_or_told(app: &TestApp) {
    let rule =
        |uid: &str, title: &str, rule: &str| event(uid, title, &format!("DTSTART:20270301T090000Z\nRRULE:{rule}"));
    let text = rule("1", "No interval", "FREQ=WEEKLY;INTERVAL=0;COUNT=3")
        + &rule("2", "Gregorian", "RSCALE=GREGORIAN;FREQ=WEEKLY;COUNT=3;SKIP=OMIT")
        + &rule("3", "Own part", "FREQ=WEEKLY;COUNT=3;X-OWN=1")
        + &rule("4", "Never", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3")
        + &rule("5", "Hebrew", "RSCALE=HEBREW;FREQ=YEARLY;COUNT=3");
    let said = bring_text(app, "rules.ics", &calendar(&text));
    let count = |series: &str| occurrences(app, series).len();
    assert_eq!(["no-interval", "gregorian", "own-part", "never", "hebrew"].map(count), [1, 3, 3, 1, 1]);
    assert_eq!(
        (said.report.count_notes("recurrence", "/RRULE"), said.report.count_notes("left_out", "/RRULE")),
        (3, 1)
    );
}

/// An occurrence is replaced by a date too if the series has times, and by a time if it has dates.
#[apply(api_test)]
fn an_occurrence_is_known_by_a_date_or_a_time(app: &TestApp) {
    let text = event("1", "Days", "DTSTART;VALUE=DATE:20270301\nRRULE:FREQ=DAILY;COUNT=3")
        + &event("1", "Day moved", "RECURRENCE-ID:20270302T000000\nDTSTART;VALUE=DATE:20270310")
        + &event("2", "Day, moved before its series", "RECURRENCE-ID;VALUE=DATE:20270308\nDTSTART:20270309T200000")
        + &event("2", "Evenings", "DTSTART:20270301T180000\nRRULE:FREQ=WEEKLY;COUNT=3");
    let said = bring_text(app, "types.ics", &calendar(&text));
    assert_eq!(said.report.of(Outcome::Created, "event"), 6, "{:?}", said.lines);
    let starts = |series: &str| {
        occurrences(app, series).into_iter().map(|(_, start, _)| start[..10].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(starts("days"), ["2027-03-01", "2027-03-03", "2027-03-10"]);
    assert_eq!(starts("evenings"), ["2027-03-01", "2027-03-09", "2027-03-15"]);
    // The same occurrences without these events are the same items.
    let text = event("1", "Days", "DTSTART;VALUE=DATE:20270301\nRRULE:FREQ=DAILY;COUNT=3")
        + &event("2", "Evenings", "DTSTART:20270301T180000\nRRULE:FREQ=WEEKLY;COUNT=3");
    let again = bring_text(app, "types.ics", &calendar(&text));
    assert_eq!(again.report.of(Outcome::Created, "event"), 0, "{:?}", again.lines);
}

/// A new revision of a series replaces the one before: no occurrence is there twice, and addresses stay.
#[apply(api_test)]
fn a_series_that_is_moved_is_the_same_series(app: &TestApp) {
    let series = |sequence: u32, start: &str, rule: &str| {
        calendar(&event(
            "1",
            "Circle",
            &format!("SEQUENCE:{sequence}\nDTSTART;TZID=Europe/Brussels:{start}\nRRULE:{rule}"),
        ))
    };
    bring_text(app, "circle.ics", &series(0, "20270301T180000", "FREQ=WEEKLY;COUNT=8"));
    let second = read(app, "circle-2027-03-08")["id"].clone();
    let said = bring_text(app, "circle.ics", &series(1, "20270301T190000", "FREQ=WEEKLY;COUNT=8"));
    assert_eq!(
        (said.report.of(Outcome::Updated, "event"), said.report.of(Outcome::Created, "event")),
        (8, 0),
        "{:?}",
        said.lines
    );
    assert_eq!((said.report.total(Outcome::Missing), occurrences(app, "circle").len()), (0, 8));
    let moved = read(app, "circle-2027-03-08");
    assert_eq!((&moved["id"], &moved["starts_at"]), (&second, &json!("2027-03-08T19:00:00+01:00")));
    // What the new revision does not have is withdrawn.
    let said = bring_text(app, "circle.ics", &series(2, "20270302T190000", "FREQ=WEEKLY;COUNT=6"));
    assert_eq!(
        (said.report.of(Outcome::Updated, "event"), said.report.of(Outcome::Withdrawn, "event")),
        (6, 2),
        "{:?}",
        said.lines
    );
    assert_eq!(read(app, "circle-2027-04-19")["event_status"], "cancelled");
    let again = bring_text(app, "circle.ics", &series(2, "20270302T190000", "FREQ=WEEKLY;COUNT=6"));
    assert_eq!(
        (
            again.report.total(Outcome::Unchanged),
            again.report.total(Outcome::Updated),
            again.report.total(Outcome::Missing)
        ),
        (6, 0, 0),
        "{:?}",
        again.lines
    );
    // The same number says that nothing is replaced: what is gone is missing.
    let said = bring_text(app, "circle.ics", &series(2, "20270302T190000", "FREQ=WEEKLY;COUNT=5"));
    assert_eq!((said.report.of(Outcome::Missing, "event"), said.report.of(Outcome::Withdrawn, "event")), (1, 0));
}

/// An event that becomes a series is its nearest occurrence, and a series that becomes one event keeps the nearest.
#[apply(api_test)]
fn an_event_becomes_a_series_and_back(app: &TestApp) {
    let revision = |sequence: u32, lines: &str| {
        calendar(&event("1", "Walk", &format!("SEQUENCE:{sequence}\nDTSTART:20270301T090000Z\n{lines}")))
    };
    bring_text(app, "walk.ics", &revision(0, ""));
    let id = read(app, "walk")["id"].clone();
    let said = bring_text(app, "walk.ics", &revision(1, "RRULE:FREQ=WEEKLY;COUNT=3"));
    assert_eq!((said.report.of(Outcome::Updated, "event"), said.report.of(Outcome::Created, "event")), (1, 2));
    assert_eq!(read(app, "walk")["id"], id);
    let said = bring_text(app, "walk.ics", &revision(2, ""));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Withdrawn, "event")),
        (0, 2),
        "{:?}",
        said.lines
    );
    let walk = read(app, "walk");
    assert_eq!((&walk["id"], &walk["event_status"], &walk["series"]), (&id, &json!("scheduled"), &Value::Null));
    // The series of an editor is no series of the calendar, and stays.
    let editor = app.editor();
    editor.create("series", &json!({"title": "Walks of all clubs", "slug": "walks", "status": "published"}));
    let path = format!("/api/v1/events/{}", id.as_str().unwrap());
    let etag = editor.get(&path).expect(200).etag().to_owned();
    editor.patch(&path, &etag, &json!({"series": "walks"})).expect(200);
    let later = revision(3, "URL:https://river.example/walk");
    bring_bytes(app, "walk.ics", later.as_bytes(), |options| options.overwrite = true);
    let walk = read(app, "walk");
    assert_eq!((&walk["links"][0]["title"], &walk["series"]["slug"]), (&json!("Website"), &json!("walks")));
}
