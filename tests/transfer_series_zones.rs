//! Series by the clock of their first start: UTC, a zone as the calendar defines it, a day.

use plenary::transfer::Outcome;

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{Said, bring_text};

/// Returns the starts of the events of a series as instants, in their order.
fn instants(app: &TestApp, series: &str) -> Vec<String> {
    let list =
        app.visitor().get(&format!("/api/v1/events?series={series}&limit=100&sort=starts_at")).expect(200).json();
    let start = |row: &serde_json::Value| {
        let at = chrono::DateTime::parse_from_rfc3339(row["starts_at"].as_str().unwrap()).unwrap();
        at.with_timezone(&chrono::Utc).format("%m-%dT%H:%M").to_string()
    };
    list["data"].as_array().unwrap().iter().map(start).collect()
}

/// Returns a calendar that a site gives out.
fn feed(app: &TestApp, path: &str) -> String {
    String::from_utf8(app.visitor().get(path).expect(200).body).unwrap()
}

fn assert_unchanged(said: &Said) {
    let changed = [Outcome::Created, Outcome::Updated, Outcome::Missing].map(|outcome| said.report.total(outcome));
    assert_eq!(changed, [0; 3], "{:?}", said.lines);
}

/// A rule whose start is in UTC runs in UTC, whatever the zone of the calendar; exceptions and changes meet its occurrences.
#[apply(api_test)]
fn a_series_in_utc_stays_in_utc(app: &TestApp) {
    let late = "DTSTART:20270314T233000Z\nDTEND:20270314T235900Z\nRRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=5\nEXDATE:20270328T233000Z\nRDATE;TZID=Asia/Tokyo:20270501T090000";
    let moved = "RECURRENCE-ID;TZID=Europe/Brussels:20270405T013000\nDTSTART:20270405T200000Z";
    let text = event("1", "Evening walk", "DTSTART:20270314T180000Z\nRRULE:FREQ=WEEKLY;COUNT=4")
        + &event("2", "Night walk", late)
        + &event("2", "Night walk, moved", moved)
        + &event("3", "Until", "DTSTART:20270327T233000Z\nRRULE:FREQ=DAILY;UNTIL=20270329T233000Z")
        + &event(
            "4",
            "Without days",
            "DTSTART:20270325T233000Z\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE;VALUE=DATE:20270328\nEXRULE:FREQ=DAILY;BYMONTHDAY=26;COUNT=1",
        );
    let said = bring_text(app, "utc.ics", &calendar(&text));
    assert_eq!(said.report.of(Outcome::Created, "event"), 15, "{:?}", said.lines);
    assert_eq!(instants(app, "evening-walk"), ["03-14T18:00", "03-21T18:00", "03-28T18:00", "04-04T18:00"]);
    let late = ["03-14T23:30", "03-21T23:30", "04-05T20:00", "04-11T23:30", "05-01T00:00"];
    assert_eq!(instants(app, "night-walk"), late);
    assert_eq!(instants(app, "until"), ["03-27T23:30", "03-28T23:30", "03-29T23:30"]);
    assert_eq!(instants(app, "without-days"), ["03-25T23:30", "03-27T23:30", "03-29T23:30"]);
    let given = feed(app, "/api/v1/events.ics?series=night-walk");
    for wanted in ["RECURRENCE-ID:20270321T233000Z", "RECURRENCE-ID:20270404T233000Z", "RECURRENCE-ID:20270501T000000Z"]
    {
        assert!(given.contains(wanted), "{wanted}: {given}");
    }
    assert!(!given.contains("RECURRENCE-ID:20270328T233000Z"), "{given}");
    assert_unchanged(&bring_text(app, "utc.ics", &calendar(&text)));
}

/// The days of a rule are those of UTC too: Tuesday at three is Monday evening in California.
#[apply(api_test)]
fn days_of_a_rule_are_those_of_its_start(app: &TestApp) {
    let text =
        event("1", "Evening", "DTSTART:20270302T030000Z\nDTEND:20270302T050000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4");
    let text = calendar(&format!("X-WR-TIMEZONE:America/Los_Angeles\n{text}"));
    let said = bring_text(app, "west.ics", &text);
    assert_eq!(said.report.of(Outcome::Created, "event"), 4, "{:?}", said.lines);
    assert_eq!(instants(app, "evening"), ["03-02T03:00", "03-09T03:00", "03-16T03:00", "03-23T03:00"]);
    let second = read(app, "evening-2027-03-08");
    assert_eq!(
        (&second["starts_at"], &second["ends_at"]),
        (&"2027-03-08T19:00:00-08:00".into(), &"2027-03-08T21:00:00-08:00".into())
    );
    assert_unchanged(&bring_text(app, "west.ics", &text));
    // What this site gives out is the same for another one.
    let given = feed(app, "/api/v1/events.ics?series=evening");
    let other = TestApp::start_with(app.backend, |_| {});
    let said = bring_text(&other, "given.ics", &given);
    assert_eq!(said.report.of(Outcome::Created, "event"), 4, "{:?}", said.lines);
    let again = feed(&other, "/api/v1/events.ics");
    let lines = |text: &str, name: &str| -> Vec<String> {
        let mut found: Vec<String> = text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect();
        found.sort();
        found
    };
    for name in ["DTSTART", "DTEND", "RECURRENCE-ID", "UID"] {
        assert_eq!(lines(&given, name), lines(&again, name), "{name}");
    }
}

/// Exchange writes the former rules of a zone, and others write their own: the calendar decides at every occurrence.
#[apply(api_test)]
fn a_series_follows_the_definition_of_its_zone(app: &TestApp) {
    let part = |kind: &str, from: &str, to: &str, rest: &str| {
        format!("BEGIN:{kind}\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n{rest}\nEND:{kind}\n")
    };
    let zone = |name: &str, parts: &str| format!("BEGIN:VTIMEZONE\nTZID:{name}\n{}\nEND:VTIMEZONE\n", parts.trim());
    let south = zone(
        "E. South America Standard Time",
        &(part("STANDARD", "-0200", "-0300", "DTSTART:16010101T000000\nRRULE:FREQ=YEARLY;BYDAY=3SA;BYMONTH=2")
            + &part("DAYLIGHT", "-0300", "-0200", "DTSTART:16010101T000000\nRRULE:FREQ=YEARLY;BYDAY=3SU;BYMONTH=10")),
    );
    let own = zone(
        "Two offsets",
        &(part("STANDARD", "+0100", "+0100", "DTSTART:20000101T000000")
            + &part("STANDARD", "+0100", "+0300", "DTSTART:20270301T000000")),
    );
    let at = |uid: &str, title: &str, zone: &str, start: &str, rest: &str| {
        event(uid, title, &format!("DTSTART;TZID={zone}:{start}\nDURATION:PT1H\n{rest}"))
    };
    let name = "E. South America Standard Time";
    let text = south
        + &own
        + &at(
            "1",
            "South",
            name,
            "20270201T120000",
            &format!("RRULE:FREQ=WEEKLY;COUNT=6\nEXDATE;TZID={name}:20270301T120000"),
        )
        + &event("1", "South, longer", &format!("RECURRENCE-ID:20270222T150000Z\nDTSTART;TZID={name}:20270222T120000"))
        + &at("2", "Autumn", name, "20271004T120000", "RRULE:FREQ=WEEKLY;UNTIL=20271025T140000Z")
        + &at("3", "Two", "Two offsets", "20270225T120000", "RRULE:FREQ=WEEKLY;COUNT=3");
    let said = bring_text(app, "own-zones.ics", &calendar(&text));
    assert_eq!(said.report.of(Outcome::Created, "event"), 12, "{:?}", said.lines);
    assert_eq!(instants(app, "south"), ["02-01T14:00", "02-08T14:00", "02-15T14:00", "02-22T15:00", "03-08T15:00"]);
    assert_eq!(instants(app, "autumn"), ["10-04T15:00", "10-11T15:00", "10-18T14:00", "10-25T14:00"]);
    assert_eq!(instants(app, "two"), ["02-25T11:00", "03-04T09:00", "03-11T09:00"]);
    // The first start of the second series has no other offset, so its own note tells of the later ones.
    assert_eq!(said.report.count_notes("zone", "/RRULE"), 2, "{:?}", said.report.notes);
    let given = feed(app, "/api/v1/events.ics?series=south");
    assert!(given.contains("RECURRENCE-ID:20270222T150000Z"), "{given}");
    assert_unchanged(&bring_text(app, "own-zones.ics", &calendar(&text)));
}

/// Outlook lets the rules of today begin in 1601. Years before 1970 have those that the zone had then, if the name of the zone
/// is known; else the calendar is all that is known.
#[apply(api_test)]
fn times_before_1970_have_the_rules_of_the_zone(app: &TestApp) {
    let zone = |name: &str, (winter, summer): (&str, &str), (last, first): (&str, &str)| {
        let part = |kind: &str, start: &str, from: &str, to: &str, rule: &str| {
            format!(
                "BEGIN:{kind}\nDTSTART:{start}T020000\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\nRRULE:FREQ=YEARLY;{rule}\nEND:{kind}\n"
            )
        };
        let parts =
            part("STANDARD", "16010101", summer, winter, last) + &part("DAYLIGHT", "16010101", winter, summer, first);
        format!("BEGIN:VTIMEZONE\nTZID:{name}\n{parts}END:VTIMEZONE\n")
    };
    let (american, european) =
        (("BYDAY=1SU;BYMONTH=11", "BYDAY=2SU;BYMONTH=3"), ("BYDAY=-1SU;BYMONTH=10", "BYDAY=-1SU;BYMONTH=3"));
    let at = |uid: &str, title: &str, zone: &str, start: &str| {
        event(uid, title, &format!("DTSTART;TZID={zone}:{start}T120000"))
    };
    let text = zone("Eastern Standard Time", ("-0500", "-0400"), american)
        + &zone("Head Office", ("-0500", "-0400"), american)
        + &zone("Romance Standard Time", ("+0100", "+0200"), european)
        + &at("1", "East in summer", "Eastern Standard Time", "19650701")
        + &at("2", "East in winter", "Eastern Standard Time", "19650115")
        + &at("3", "Office", "Head Office", "19650701")
        + &at("4", "Europe", "Romance Standard Time", "19650701")
        + &at("5", "Europe today", "Romance Standard Time", "20270701")
        + &event("6", "Yearly", "DTSTART;TZID=Eastern Standard Time:19680701T120000\nRRULE:FREQ=YEARLY;COUNT=4");
    let said = bring_text(app, "before.ics", &calendar(&text));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (9, 0),
        "{:?}",
        said.lines
    );
    for (slug, starts) in [
        ("east-in-summer", "1965-07-01T12:00:00-04:00"),
        ("east-in-winter", "1965-01-15T12:00:00-05:00"),
        ("office", "1965-07-01T12:00:00-04:00"),
        // Summer time came to this zone in 1976.
        ("europe", "1965-07-01T12:00:00+01:00"),
        ("europe-today", "2027-07-01T12:00:00+02:00"),
    ] {
        assert_eq!(read(app, slug)["starts_at"], starts, "{slug}");
    }
    assert_eq!(instants(app, "yearly"), ["07-01T16:00"; 4]);
    assert_unchanged(&bring_text(app, "before.ics", &calendar(&text)));
}

/// A time of day that clocks skip on the first day is there on others, and whole days that are written in UTC are days.
#[apply(api_test)]
fn times_that_clocks_skip_and_days_in_utc(app: &TestApp) {
    let zone = "TZID=Europe/Brussels";
    let text = event("1", "Early", &format!("DTSTART;{zone}:20270328T023000\nRRULE:FREQ=DAILY;COUNT=3"))
        + &event("2", "Twice", &format!("DTSTART;{zone}:20271030T023000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20271031T013000Z"))
        + &event("3", "Days", "DTSTART;VALUE=DATE:20270331\nRRULE:FREQ=MONTHLY;BYMONTHDAY=30,31;COUNT=4\nEXDATE:20270430T000000Z")
        // The zone of an exception is that of the start if it names none.
        + &event("4", "Tokyo", "DTSTART;TZID=Asia/Tokyo:20270301T190000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20270302T190000");
    let said = bring_text(app, "skipped.ics", &calendar(&text));
    assert_eq!(said.report.of(Outcome::Created, "event"), 11, "{:?}", said.lines);
    assert_eq!(instants(app, "early"), ["03-28T01:30", "03-29T00:30", "03-30T00:30"]);
    // The second half past two of the night is not the one that the rule means.
    assert_eq!(instants(app, "twice"), ["10-30T00:30", "10-31T00:30", "11-01T01:30"]);
    assert_eq!(instants(app, "tokyo"), ["03-01T10:00", "03-03T10:00"]);
    let days = app.visitor().get("/api/v1/events?series=days&sort=starts_at").expect(200).json();
    let days: Vec<&str> =
        days["data"].as_array().unwrap().iter().map(|day| day["starts_on"].as_str().unwrap()).collect();
    assert_eq!(days, ["2027-03-31", "2027-05-30", "2027-05-31"]);
}
