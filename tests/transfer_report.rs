//! What an import says: every record, every property that was not taken, and the exit code.

use plenary::transfer::{Options, Outcome, Verdict};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{bring, bring_bytes, bring_text, options};
use crate::support::program::{fresh_database, run};

#[apply(api_test)]
fn one_bad_detail_does_not_cost_the_record(app: &TestApp) {
    let rows = json!([
        {"topic": "water", "name": "Backwards", "url": "https://x.example/", "startDate": "2027-01-02", "endDate": "2027-01-01", "mood": "good"},
        {"topic": "water", "name": format!("Long {}", "word ".repeat(80)), "url": "https://x.example/", "startDate": "2027-01-02", "mood": "bad"},
        {"name": "No day", "startDate": "soon"},
    ]);
    let said = bring_text(app, "list.json", &rows.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Refused, "event")),
        (2, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(
        (said.report.count_notes("before_start", "/ends_at"), said.report.count_notes("too_long", "/title/en")),
        (1, 1),
        "{:?}",
        said.report.notes
    );
    assert_eq!(said.report.count_notes("left_out", "mood"), 2);
    let event = app.visitor().get("/api/v1/events/backwards-2027").expect(200).json();
    assert_eq!((&event["starts_on"], &event["ends_on"]), (&json!("2027-01-02"), &json!("2027-01-02")));
    // The second import of the same file changes nothing.
    let again = bring_text(app, "list.json", &rows.to_string());
    assert_eq!((again.report.of(Outcome::Unchanged, "event"), again.report.total(Outcome::Created)), (2, 0));
    let report = serde_json::to_value(&said.report).unwrap();
    let group = report["notes"].as_array().unwrap().iter().find(|group| group["subject"] == "mood").unwrap();
    assert_eq!((&group["count"], &group["first"], &group["code"]), (&json!(2), &json!("/0"), &json!("left_out")));
}

#[apply(api_test)]
fn a_file_of_another_kind_is_no_success(app: &TestApp) {
    for (name, text) in [
        ("feed.xml", "<rss><channel><title>News</title></channel></rss>"),
        ("page.ics", "<html><body>Not found</body></html>"),
        ("package.json", r#"{"name": "x", "dependencies": {"a": "1"}}"#),
        ("empty.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"),
        ("lines.jsonl", "{\"a\": 1}\n"),
    ] {
        let said = bring_text(app, name, text);
        assert_eq!(said.report.verdict(), Verdict::NothingRecognised, "{name}: {:?}", said.lines);
    }
    assert_eq!(app.visitor().get("/api/v1/events").expect(200).json()["data"], json!([]));
    let good = json!([{"topic": "water", "name": "Good", "url": "https://x.example/", "startDate": "2027-01-01"}]);
    assert_eq!(bring_text(app, "good.json", &good.to_string()).report.verdict(), Verdict::AllTaken);
    let mixed = json!([{"topic": "water", "name": "Good", "url": "https://x.example/", "startDate": "2027-01-01"}, {"name": "No day"}, 5]);
    assert_eq!(bring_text(app, "mixed.json", &mixed.to_string()).report.verdict(), Verdict::SomeRefused);
}

/// The command's exit codes, and the groups of notes that it prints.
#[apply(api_test)]
fn the_command_says_how_it_went(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let event = |title: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{title}@river.example\r\nDTSTART:20270304T090000Z\r\nSUMMARY:{title}\r\nX-OWN:1\r\nEND:VEVENT\r\n"
        )
    };
    let calendar = |events: &str| format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n");
    let good = file("good.ics", &calendar(&(event("One") + &event("Two"))));
    let mixed = file(
        "mixed.ics",
        &calendar(
            &(event("Three")
                + "BEGIN:VEVENT\r\nUID:x@river.example\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20270304T090000Z\r\nUID:untitled@river.example\r\nEND:VEVENT\r\n"),
        ),
    );
    let foreign = file("foreign.ics", "hello");
    let database = fresh_database(app.backend, folder.path());
    let import = |files: &[&str]| run(&database, &[&["import"], files].concat());
    let said = import(&[&good]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("left_out X-OWN, 2 times"), "{said:?}");
    assert_eq!(import(&[&mixed]).status.code(), Some(1));
    assert_eq!(import(&[&foreign]).status.code(), Some(2));
    assert_eq!(import(&[&good, &foreign]).status.code(), Some(2));
}

/// A file that is refused as a whole keeps no other one from being imported.
#[apply(api_test)]
fn one_file_does_not_end_the_run(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let club = |name: &str, title: &str, year: u32| {
        let events: String = (0..8)
            .map(|at| {
                format!(
                    "BEGIN:VEVENT\r\nUID:{at}\r\nDTSTART:{year}030{}T090000Z\r\nSUMMARY:{title} {at}\r\nEND:VEVENT\r\n",
                    at + 1
                )
            })
            .collect();
        let path = folder.path().join(name);
        std::fs::write(&path, format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")).unwrap();
        path.display().to_string()
    };
    let first = club("first.ics", "Rowing", 2098);
    assert_eq!(run(&database, &["import", &first]).status.code(), Some(0));
    // Another club's calendar under the same name, a file that is not there, and one that is.
    let (first, gone) = (club("first.ics", "Chess", 2099), folder.path().join("gone.ics").display().to_string());
    let (last, report) = (club("last.ics", "Swimming", 2099), folder.path().join("report.jsonl").display().to_string());
    let said = run(&database, &["import", "--overwrite", "--report", &report, &first, &gone, &last]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let all = String::from_utf8(run(&database, &["export"]).stdout).unwrap();
    assert_eq!(["Rowing 7", "Chess 7", "Swimming 7"].map(|title| all.contains(title)), [true, false, true]);
    let text = std::fs::read_to_string(&report).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused = |name: &str| lines.iter().find(|line| line["file"] == name && line["outcome"] == "refused").cloned();
    let code = |name: &str| refused(name).unwrap()["faults"][0]["code"].clone();
    assert_eq!((code("first.ics"), code("gone.ics")), (json!("other_source"), json!("unreadable")));
    assert!(refused("last.ics").is_none() && String::from_utf8_lossy(&said.stderr).contains("--replace"), "{said:?}");
}

#[apply(api_test)]
fn the_report_file_has_every_record(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.json");
    let rows = json!([{"topic": "water", "name": "Good", "url": "https://x.example/", "startDate": "2027-01-01", "endDate": "2026-01-01"}, 5]);
    std::fs::write(&path, rows.to_string()).unwrap();
    let rehearsed = bring(app, &path, &Options { dry_run: true, ..options(&path) });
    let said = bring(app, &path, &options(&path));
    let text = |lines: &[plenary::transfer::ReportLine]| -> Value { serde_json::to_value(lines).unwrap() };
    assert_eq!(text(&rehearsed.lines), text(&said.lines));
    let codes: Vec<&str> = said.lines.iter().flat_map(|line| &line.faults).map(|fault| fault.code.as_str()).collect();
    assert_eq!(codes, ["before_start", "wrong_type"]);
}

/// Two speakers of one name are told, since they may be one person.
#[apply(api_test)]
fn likely_doubles_are_told(app: &TestApp) {
    let programme = |acronym: &str| {
        json!({"schedule": {"conference": {"acronym": acronym, "title": acronym, "start": "2027-05-01", "end": "2027-05-01", "days": [
            {"date": "2027-05-01", "rooms": {"Aula": [{"id": 1, "start": "09:00", "duration": "00:30", "title": "Opening", "persons": [{"id": 1, "name": "Ada Example"}]}]}},
        ]}}}).to_string()
    };
    assert_eq!(bring_text(app, "a.json", &programme("first-2027")).report.count_notes("likely_double", ""), 0);
    let said = bring_bytes(app, "b.json", programme("second-2027").as_bytes(), |_| {});
    assert_eq!(said.report.count_notes("likely_double", ""), 1, "{:?}", said.report.notes);
}
