//! What several messages about one series say: revisions, further occurrences, cancellations.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::calendars::read;
use crate::support::import::{Said, bring_bytes, bring_text};

/// Returns a calendar with a method and one event.
fn message(method: &str, lines: &str) -> String {
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//River//EN\nX-WR-CALNAME:Messages\nMETHOD:{method}\nBEGIN:VEVENT\n{}\nEND:VEVENT\nEND:VCALENDAR\n",
        lines.trim()
    );
    text.replace('\n', "\r\n")
}

/// Returns a revision of a series in Brussels, which lasts an hour.
fn revision(number: u32, stamp: &str, title: &str, start: &str, rule: &str) -> String {
    let end = format!("{}{:02}{}", &start[..9], start[9..11].parse::<u32>().unwrap() + 1, &start[11..]);
    format!(
        "UID:s@river.example\nSEQUENCE:{number}\nDTSTAMP:{stamp}T000000Z\nDTSTART;TZID=Europe/Brussels:{start}\nDTEND;TZID=Europe/Brussels:{end}\nRRULE:{rule}\nSUMMARY:{title}"
    )
}

/// Returns starts and states of the events of the series, in their order.
fn states(app: &TestApp) -> Vec<(String, String)> {
    let list = app.visitor().get("/api/v1/events?series=circle&limit=100&sort=starts_at").expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| (text(&row["starts_at"])[5..16].to_owned(), text(&row["event_status"]));
    list["data"].as_array().unwrap().iter().map(row).collect()
}

fn starts(app: &TestApp) -> Vec<String> {
    states(app).into_iter().map(|(start, _)| start).collect()
}

fn counts(said: &Said) -> [u64; 4] {
    [Outcome::Created, Outcome::Updated, Outcome::Withdrawn, Outcome::Missing]
        .map(|outcome| said.report.of(outcome, "event"))
}

/// A message with a revision of the series "Circle", on Tuesday evenings.
fn circle(number: u32, count: u32) -> String {
    let rule = format!("FREQ=WEEKLY;COUNT={count}");
    message("REQUEST", &revision(number, "20261101", "Circle", "20270302T190000", &rule))
}

/// Of two revisions with one number the one with the later stamp is newer, and moves the occurrences that it has in other
/// places; an older one changes nothing.
#[apply(api_test)]
fn the_stamp_tells_revisions_apart(app: &TestApp) {
    let weekly = "FREQ=WEEKLY;COUNT=4";
    let first = message("PUBLISH", &revision(0, "20261101", "Circle", "20270302T190000", weekly));
    bring_text(app, "a.ics", &first);
    let id = read(app, "circle-2027-03-09")["id"].clone();
    let second = message("PUBLISH", &revision(0, "20261103", "Circle", "20270302T193000", weekly));
    let said = bring_text(app, "a.ics", &second);
    assert_eq!(counts(&said), [0, 4, 0, 0], "{:?}", said.lines);
    assert_eq!(starts(app), ["03-02T19:30", "03-09T19:30", "03-16T19:30", "03-23T19:30"]);
    assert_eq!(read(app, "circle-2027-03-09")["id"], id);
    // What the later export does not have is missing, and not withdrawn: its stamp may be the time of the export.
    let third = message("PUBLISH", &revision(0, "20261104", "Circle", "20270302T193000", "FREQ=WEEKLY;COUNT=3"));
    let said = bring_text(app, "a.ics", &third);
    assert_eq!(counts(&said), [0, 0, 0, 1], "{:?}", said.lines);
    let before = states(app);
    for older in [&first, &second] {
        let said = bring_text(app, "a.ics", older);
        assert_eq!(counts(&said), [0; 4], "{:?}", said.lines);
        assert_eq!(states(app), before);
    }
    assert_eq!(bring_text(app, "a.ics", &first).report.count_notes("older_revision", ""), 4);
    // A program that keeps its stamp says the time of the change in LAST-MODIFIED.
    let lines = revision(0, "20261101", "Circle", "20270302T200000", "FREQ=WEEKLY;COUNT=3");
    let said = bring_text(app, "a.ics", &message("PUBLISH", &format!("{lines}\nLAST-MODIFIED:20261109T000000Z")));
    assert_eq!(said.report.of(Outcome::Updated, "event"), 3, "{:?}", said.lines);
}

/// A message that arrives late has an older revision, with other occurrences: it makes none and changes no title.
#[apply(api_test)]
fn an_older_revision_makes_no_occurrences(app: &TestApp) {
    let newer = revision(3, "20261101", "Circle", "20270302T190000", "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=6");
    bring_text(app, "a.ics", &message("REQUEST", &newer));
    let before = states(app);
    let older = revision(2, "20261110", "Old circle", "20270303T180000", "FREQ=WEEKLY;COUNT=9");
    let said = bring_text(app, "a.ics", &message("REQUEST", &older));
    assert_eq!(counts(&said), [0; 4], "{:?}", said.lines);
    assert_eq!(
        (states(app), said.report.count_notes("older_revision", "")),
        (before.clone(), 10),
        "{:?}",
        said.report.notes
    );
    let series = app.visitor().get("/api/v1/series/circle").expect(200).json();
    assert_eq!(series["title"], "Circle");
    // An older event by itself is the same, and so is one in a calendar that says all of its source.
    let single = "UID:s@river.example\nSEQUENCE:1\nDTSTAMP:20261111T000000Z\nDTSTART:20270303T180000Z\nSUMMARY:Single";
    for (method, lines) in [("REQUEST", single), ("PUBLISH", older.as_str())] {
        let said = bring_text(app, "a.ics", &message(method, lines));
        assert_eq!((counts(&said), states(app)), ([0; 4], before.clone()), "{method}: {:?}", said.lines);
    }
    // A change of one occurrence has a number of its own, which may be lower than that of the series.
    let change = "UID:s@river.example\nSEQUENCE:3\nDTSTAMP:20261102T000000Z\nRECURRENCE-ID;TZID=Europe/Brussels:20270304T190000\nDTSTART;TZID=Europe/Brussels:20270305T190000\nSUMMARY:Moved";
    let newer = newer.replace("SEQUENCE:3", "SEQUENCE:4");
    let said = bring_text(app, "a.ics", &message("REQUEST", &format!("{newer}\nEND:VEVENT\nBEGIN:VEVENT\n{change}")));
    assert_eq!(counts(&said), [0, 1, 0, 0], "{:?}", said.lines);
}

/// One more occurrence leaves the others as they are.
#[apply(api_test)]
fn an_addition_is_one_more_occurrence(app: &TestApp) {
    let first = circle(3, 3);
    bring_text(app, "a.ics", &first);
    let lines = |uid: &str| {
        format!(
            "UID:{uid}@river.example\nSEQUENCE:4\nDTSTAMP:20261113T000000Z\nDTSTART;TZID=Europe/Brussels:20270610T190000\nDTEND;TZID=Europe/Brussels:20270610T203000\nSUMMARY:Circle"
        )
    };
    let addition = message("ADD", &lines("s"));
    let said = bring_text(app, "a.ics", &addition);
    assert_eq!(counts(&said), [1, 0, 0, 0], "{:?}", said.lines);
    assert_eq!(starts(app), ["03-02T19:00", "03-09T19:00", "03-16T19:00", "06-10T19:00"]);
    let feed = String::from_utf8(app.visitor().get("/api/v1/events.ics?series=circle").expect(200).body).unwrap();
    assert!(feed.contains("RECURRENCE-ID:20270610T170000Z"), "{feed}");
    // The series has that number now, so what came before is older.
    for text in [&addition, &first] {
        let said = bring_text(app, "a.ics", text);
        assert_eq!((counts(&said), states(app).len()), ([0; 4], 4), "{:?}", said.lines);
    }
    let said = bring_text(app, "a.ics", &message("ADD", &lines("unknown")));
    let notes = said.report.count_notes("dangling_reference", "/series");
    assert_eq!((counts(&said), notes), ([1, 0, 0, 0], 1), "{:?}", said.report.notes);
}

/// An addition may have a rule of its own; the series keeps the occurrences that it has.
#[apply(api_test)]
fn an_addition_may_be_several_occurrences(app: &TestApp) {
    bring_text(app, "a.ics", &circle(3, 3));
    let rule = "FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Europe/Brussels:20270617T190000";
    let addition = message("ADD", &revision(4, "20261113", "Circle", "20270610T190000", rule));
    let said = bring_text(app, "a.ics", &addition);
    assert_eq!(counts(&said), [2, 0, 0, 0], "{:?}", said.lines);
    let all = ["03-02T19:00", "03-09T19:00", "03-16T19:00", "06-10T19:00", "06-24T19:00"];
    assert_eq!(starts(app), all);
    assert_eq!(read(app, "circle-2027-06-24")["ends_at"], "2027-06-24T20:00:00+02:00");
    let said = bring_text(app, "a.ics", &addition);
    assert_eq!((counts(&said), starts(app)), ([0; 4], all.map(str::to_owned).to_vec()), "{:?}", said.lines);
}

/// Several messages on one series may be in one file: what is said of a series that another one cancels is not lost in silence, and
/// an addition is no revision of it.
#[apply(api_test)]
fn messages_in_one_file_are_all_told(app: &TestApp) {
    let addition = "UID:s@river.example\nSEQUENCE:4\nDTSTAMP:20261113T000000Z\nDTSTART;TZID=Europe/Brussels:20270610T190000\nSUMMARY:Circle";
    let said = bring_text(app, "a.ics", &(circle(3, 3) + &message("ADD", addition)));
    assert_eq!((counts(&said), said.report.count_notes("older_revision", "")), ([4, 0, 0, 0], 0), "{:?}", said.lines);
    assert_eq!(starts(app), ["03-02T19:00", "03-09T19:00", "03-16T19:00", "06-10T19:00"]);
    let said = bring_text(app, "a.ics", &(circle(3, 3) + &message("ADD", addition)));
    assert_eq!((counts(&said), states(app).len()), ([0; 4], 4), "{:?}", said.lines);
    let cancel = message("CANCEL", "UID:t@river.example\nSEQUENCE:5\nDTSTAMP:20261113T000000Z");
    let later = "UID:t@river.example\nSEQUENCE:6\nDTSTAMP:20261114T000000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Brussels:20270309T190000\nDTSTART;TZID=Europe/Brussels:20270309T203000\nSUMMARY:Later";
    let file = circle(3, 3).replace("s@river", "t@river") + &cancel + &message("REQUEST", later);
    let said = bring_text(app, "b.ics", &file);
    assert_eq!(counts(&said), [1, 0, 0, 0], "{:?}", said.lines);
    let left_out = said.report.count_notes("left_out", "RANGE=THISANDFUTURE");
    assert_eq!((left_out, said.report.count_notes("older_revision", "")), (1, 1), "{:?}", said.report.notes);
    assert_eq!(read(app, "later")["starts_at"], "2027-03-09T20:30:00+01:00");
}

/// A cancellation says little more than what is cancelled, and takes nothing from it.
#[apply(api_test)]
fn cancellations_need_no_start(app: &TestApp) {
    bring_text(app, "a.ics", &circle(3, 6));
    let single = "UID:one@river.example\nSEQUENCE:5\nDTSTAMP:20261101T000000Z\nDTSTART:20270402T190000Z\nDTEND:20270402T203000Z\nSUMMARY:Single\nLOCATION:Quay";
    bring_text(app, "a.ics", &message("REQUEST", single));
    let cancel = |uid: &str, number: u32, lines: &str| {
        let text = format!("UID:{uid}@river.example\nSEQUENCE:{number}\nDTSTAMP:20261112T000000Z\n{lines}");
        bring_text(app, "a.ics", &message("CANCEL", &text))
    };
    let said = cancel("one", 4, "");
    assert_eq!((counts(&said), said.report.count_notes("older_revision", "")), ([0; 4], 1), "{:?}", said.lines);
    let said = cancel("one", 6, "ORGANIZER:mailto:a@river.example");
    assert_eq!(counts(&said), [0, 1, 0, 0], "{:?}", said.lines);
    let one = read(app, "single");
    assert_eq!(
        (&one["event_status"], &one["ends_at"], &one["venue"]["name"]),
        (&json!("cancelled"), &json!("2027-04-02T22:30:00+02:00"), &json!("Quay"))
    );
    // An occurrence by a time in another zone, then one by its day and all later ones.
    assert_eq!(counts(&cancel("s", 4, "RECURRENCE-ID:20270309T180000Z\nSUMMARY:Circle")), [0, 1, 0, 0]);
    assert_eq!(counts(&cancel("s", 5, "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270323")), [0, 3, 0, 0]);
    let wanted = [("03-02T19:00", "scheduled"), ("03-09T19:00", "cancelled"), ("03-16T19:00", "scheduled")];
    let found = states(app);
    assert_eq!(found[..3], wanted.map(|(start, state)| (start.to_owned(), state.to_owned())), "{found:?}");
    assert!(found[3..].iter().all(|(_, state)| state == "cancelled"), "{found:?}");
    assert_eq!(read(app, "circle-2027-03-23")["ends_at"], "2027-03-23T20:00:00+01:00");
    // The series as a whole, with its first start but without an end.
    let said = cancel("s", 6, "DTSTART;TZID=Europe/Brussels:20270302T190000\nSUMMARY:Circle");
    assert_eq!((counts(&said), said.report.of(Outcome::Unchanged, "event")), ([0, 2, 0, 0], 4), "{:?}", said.lines);
    assert_eq!(read(app, "circle")["ends_at"], "2027-03-02T20:00:00+01:00");
    assert_eq!(states(app).len(), 6);
    // What is older does not bring it back, and what is newer does.
    assert_eq!(counts(&bring_text(app, "a.ics", &circle(3, 6))), [0; 4]);
    assert!(states(app).iter().all(|(_, state)| state == "cancelled"));
    assert_eq!(counts(&bring_text(app, "a.ics", &circle(7, 6))), [0, 6, 0, 0]);
    assert!(states(app).iter().all(|(_, state)| state == "scheduled"));
    // Nothing is cancelled that is not there, and a RECURRENCE-ID that cannot be read does not mean the series.
    let said = cancel("other", 1, "");
    assert_eq!((counts(&said), said.report.count_notes("nothing_to_cancel", "")), ([0; 4], 1), "{:?}", said.lines);
    let said = cancel("s", 8, "RECURRENCE-ID:soon");
    assert_eq!((counts(&said), said.report.of(Outcome::Refused, "event")), ([0; 4], 1), "{:?}", said.lines);
}

/// What an editor changed is not cancelled by a message.
#[apply(api_test)]
fn what_an_editor_changed_is_kept(app: &TestApp) {
    let single =
        "UID:one@river.example\nSEQUENCE:1\nDTSTAMP:20261101T000000Z\nDTSTART:20270402T190000Z\nSUMMARY:Single";
    bring_text(app, "a.ics", &message("REQUEST", single));
    let editor = app.editor();
    let reply = editor.get("/api/v1/events/single").expect(200);
    editor.patch("/api/v1/events/single", reply.etag(), &json!({"title": "Ours"})).expect(200);
    let cancel = message("CANCEL", "UID:one@river.example\nSEQUENCE:2\nDTSTAMP:20261112T000000Z");
    let said = bring_text(app, "a.ics", &cancel);
    assert_eq!(said.report.of(Outcome::Kept, "event"), 1, "{:?}", said.lines);
    assert_eq!(read(app, "single")["event_status"], "scheduled");
}

/// Days that do not exist are omitted, moved, or told (RFC 7529).
#[apply(api_test)]
fn days_that_do_not_exist(app: &TestApp) {
    let days = |title: &str| -> Vec<String> {
        let list =
            app.visitor().get(&format!("/api/v1/events?series={title}&limit=100&sort=starts_at")).expect(200).json();
        list["data"].as_array().unwrap().iter().map(|row| row["starts_at"].as_str().unwrap()[..10].to_owned()).collect()
    };
    for (title, start, rule, wanted, notes) in [
        (
            "omit",
            "20270131",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT;COUNT=3",
            vec!["2027-01-31", "2027-03-31", "2027-05-31"],
            0,
        ),
        (
            "forward",
            "20270131",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=3",
            vec!["2027-01-31", "2027-03-01", "2027-03-31"],
            0,
        ),
        (
            "backward",
            "20270130",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=3",
            vec!["2027-01-30", "2027-02-28", "2027-03-30"],
            0,
        ),
        (
            "leap",
            "20280229",
            "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;UNTIL=20290301",
            vec!["2028-02-29", "2029-03-01"],
            0,
        ),
        ("daily", "20270227", "RSCALE=GREGORIAN;FREQ=DAILY;SKIP=FORWARD;COUNT=2", vec!["2027-02-27", "2027-02-28"], 0),
        (
            "several",
            "20270130",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30,31;SKIP=FORWARD;COUNT=3",
            vec!["2027-01-30", "2027-01-31", "2027-03-30"],
            1,
        ),
    ] {
        let lines = format!(
            "UID:{title}@river.example\nDTSTAMP:20261101T000000Z\nDTSTART:{start}T090000Z\nRRULE:{rule}\nSUMMARY:{title}"
        );
        let text = message("REQUEST", &lines);
        let said = bring_bytes(app, "days.ics", text.as_bytes(), |options| options.settings.horizon = 4_000);
        assert_eq!(
            (days(title), said.report.count_notes("left_out", "/RRULE")),
            (wanted.iter().map(ToString::to_string).collect(), notes),
            "{title}: {:?}",
            said.lines
        );
    }
}
