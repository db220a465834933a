//! Which new versions of a file an import takes for another source, and which it does not.

use plenary::transfer::import::ImportError;
use plenary::transfer::read::Mapping;
use plenary::transfer::{Options, Outcome};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, options, try_to_bring};

/// Imports a text as a file with a name in a folder of its own; nothing is imported if it is taken for another source.
fn attempt(app: &TestApp, name: &str, text: &str, change: impl Fn(&mut Options)) -> Option<Said> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let mut options = options(&path);
    change(&mut options);
    match try_to_bring(app, &path, &options) {
        Ok(said) => Some(said),
        Err(ImportError::OtherSource(..)) => None,
        Err(other) => panic!("{other}"),
    }
}

/// Requires that a file is taken after another one of the same name, or is not, in a rehearsal too.
fn second(app: &TestApp, name: &str, texts: [&str; 2], is_taken: bool) {
    second_with(app, name, texts, is_taken, |_| {});
}

fn second_with(app: &TestApp, name: &str, texts: [&str; 2], is_taken: bool, change: impl Fn(&mut Options)) {
    let app = TestApp::start(app.backend);
    assert!(attempt(&app, name, texts[0], &change).is_some(), "{}", texts[0]);
    let count = || app.visitor().get("/api/v1/events?count=exact").expect(200).json()["page"]["total"].clone();
    let before = count();
    for (dry_run, withdraw_missing) in [(true, false), (false, true)] {
        let said = attempt(&app, name, texts[1], |options| {
            change(options);
            (options.dry_run, options.withdraw_missing) = (dry_run, withdraw_missing);
        });
        assert_eq!(said.is_some(), is_taken, "{name}\n{}\n{}\n{:?}", texts[0], texts[1], said.map(|said| said.lines));
    }
    if !is_taken {
        assert_eq!(count(), before);
        let replaced = attempt(&app, name, texts[1], |options| {
            change(options);
            options.replace = true;
        });
        assert!(replaced.is_some_and(|said| said.report.records() > 0));
    }
}

/// The view All of Sessionize: ids from a number on, titles with a prefix, in a year.
fn sessionize(first: usize, count: usize, prefix: &str, year: i32) -> String {
    let session = |number: usize| {
        let hour = 8 + number % 10;
        json!({"id": (first + number).to_string(), "title": format!("{prefix} talk {number}"), "description": null,
               "startsAt": format!("{year}-05-01T{hour:02}:00:00"), "endsAt": format!("{year}-05-01T{hour:02}:30:00"),
               "isServiceSession": false, "speakers": [], "categoryItems": [], "roomId": 1, "status": "Accepted"})
    };
    let sessions: Vec<Value> = (0..count).map(session).collect();
    json!({"sessions": sessions, "speakers": [], "questions": [], "categories": [], "rooms": [{"id": 1, "name": "Aula", "sort": 0}]})
        .to_string()
}

/// A page of all submissions of pretalx.
fn pretalx(prefix: &str, count: usize, year: i32) -> String {
    let submission = |number: usize| {
        json!({"code": format!("{prefix}{number}"), "title": format!("{prefix} on water {number}"), "state": "confirmed", "speakers": [],
               "submission_type": {"en": "Talk"}, "content_locale": "en",
               "slot": {"start": format!("{year}-05-01T09:00:00+02:00"), "end": format!("{year}-05-01T09:30:00+02:00"), "room": {"en": "Aula"}}})
    };
    let results: Vec<Value> = (0..count).map(submission).collect();
    json!({"count": count, "next": null, "previous": null, "results": results}).to_string()
}

/// A programme that does not name itself is known by its file only. What is over counts as well: a programme keeps it.
#[apply(api_test)]
fn programmes_of_two_years_under_one_file_name_are_two(app: &TestApp) {
    for count in [1, 3, 12, 30] {
        for year in [2025, 2099] {
            let texts = [&sessionize(100, count, "A", year), &sessionize(900, count, "B", year + 2)];
            second(app, "All.json", texts.map(String::as_str), false);
        }
        let texts = [pretalx("AB", count, 2025), pretalx("XY", count, 2027)];
        second(app, "submissions.json", [&texts[0], &texts[1]], false);
    }
    // Ids that count from 0 in every file, with titles that share words, or other days only.
    for next in [sessionize(0, 12, "B", 2099), sessionize(0, 12, "A", 2100)] {
        second(app, "All.json", [&sessionize(0, 12, "A", 2099), &next], false);
    }
}

#[apply(api_test)]
fn new_versions_of_programmes_are_taken(app: &TestApp) {
    let first = sessionize(0, 6, "A", 2025);
    // It grows, in the next days too; times of the day move; a few sessions are renamed, moved or gone.
    let grown = sessionize(0, 30, "A", 2025);
    second(app, "All.json", [&first, &grown], true);
    second(app, "All.json", [&first, &first.replace("T09:", "T10:").replace("T11:", "T12:")], true);
    second(app, "All.json", [&first, &first.replace("talk 3", "panel 3").replace("05-01T12", "05-09T12")], true);
    second(app, "All.json", [&grown, &sessionize(0, 21, "A", 2025)], true);
    let explained = grown.replace("A talk", "A talk with more words");
    second(app, "All.json", [&grown, &explained], true);
    // Submissions page by page are one source.
    let page = |text: String| text.replace("\"previous\":null", "\"previous\":\"https://pretalx.example/api/?page=1\"");
    second(app, "submissions.json", [&pretalx("AB", 12, 2027), &page(pretalx("XY", 12, 2027))], true);
}

fn calendar(events: impl IntoIterator<Item = (String, String, String)>) -> String {
    let event = |(uid, title, day): (String, String, String)| {
        format!("BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:{title}\r\nDTSTART:{day}T090000Z\r\nEND:VEVENT\r\n")
    };
    let events: String = events.into_iter().map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n")
}

/// A calendar of a club with events with UIDs of its own.
fn club(name: &str, numbers: std::ops::Range<u32>, year: u32) -> String {
    let event =
        |n: u32| (format!("{n}@{name}.example"), format!("{name} evening {n}"), format!("{year}03{:02}", 1 + n % 28));
    calendar(numbers.map(event))
}

#[apply(api_test)]
fn calendars_of_two_clubs_in_files_of_one_name_are_two(app: &TestApp) {
    for (count, others) in [(1, 1), (1, 5), (2, 1), (3, 3), (5, 2), (12, 12)] {
        let texts = [club("sailing", 0..count, 2099), club("chess", 0..others, 2099)];
        second(app, "calendar.ics", [&texts[0], &texts[1]], false);
    }
    // UIDs that count from 0.
    let counting = |word: &str, year: u32| {
        calendar((0..12).map(|n| (n.to_string(), format!("E{word}-{n}"), format!("{year}03{:02}", n + 1))))
    };
    second(app, "calendar.ics", [&counting("2099", 2099), &counting("2100", 2099)], false);
    second(app, "calendar.ics", [&counting("A", 2025), &counting("A", 2026)], false);
}

#[apply(api_test)]
fn a_calendar_that_moves_on_is_taken(app: &TestApp) {
    // What is over has left it.
    second(app, "calendar.ics", [&club("sailing", 0..12, 2024), &club("sailing", 12..20, 2099)], true);
    second(app, "calendar.ics", [&club("sailing", 0..1, 2024), &club("sailing", 1..2, 2099)], true);
    // It grows; one of two events is gone; a single event is moved, or gets another title.
    second(app, "calendar.ics", [&club("sailing", 0..2, 2099), &club("sailing", 0..9, 2099)], true);
    second(app, "calendar.ics", [&club("sailing", 0..2, 2099), &club("sailing", 0..1, 2099)], true);
    let one = club("sailing", 0..1, 2099);
    second(app, "calendar.ics", [&one, &one.replace("20990301", "20990409")], true);
    second(app, "calendar.ics", [&one, &one.replace("sailing evening 0", "Regatta")], true);
    let nine = club("sailing", 0..9, 2099);
    second(app, "calendar.ics", [&nine, &nine.replace("20990301", "20990409").replace("evening 5", "regatta")], true);
}

#[apply(api_test)]
fn lists_with_ids_that_count_are_compared_by_names_and_days(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapping.toml");
    let text = "kind = \"event\"\nid = \"{Id}\"\n[fields]\ntitle = \"{Title}\"\nstarts_at = \"{Date}\"\n";
    std::fs::write(&path, text).unwrap();
    let mapping = Mapping::load(&path).unwrap();
    let list = |count: u32, title: &str, year: u32| {
        let rows: String = (0..count).map(|n| format!("{n},{title}-{n},{year}-03-{:02}\n", 1 + n % 28)).collect();
        format!("Id,Title,Date\n{rows}")
    };
    let compare = |texts: [&str; 2], is_taken: bool| {
        second_with(app, "list.csv", texts, is_taken, |options| options.settings.mapping = Some(mapping.clone()));
    };
    for count in [3, 12] {
        compare([&list(count, "E", 2025), &list(count, "E", 2026)], false);
        compare([&list(count, "E2027", 2099), &list(count, "E2028", 2099)], false);
    }
    let twelve = list(12, "E", 2099);
    compare([&twelve, &twelve.replace("2099-03-05", "2099-09-05").replace("E-7", "Picnic")], true);
    compare([&twelve, &list(30, "E", 2099)], true);
}

/// Items that were withdrawn return as they were, whatever the status of new items is.
#[apply(api_test)]
fn what_was_withdrawn_returns_as_it_was(app: &TestApp) {
    let with = |numbers: &[u32], status: &'static str| {
        let events =
            numbers.iter().map(|n| (format!("{n}@club.example"), format!("Evening {n}"), format!("209903{n:02}")));
        bring_bytes(app, "club.ics", calendar(events).as_bytes(), |options| {
            (options.status, options.withdraw_missing) = (status, true);
        })
    };
    let status = |slug: &str| {
        let event = app.editor().get(&format!("/api/v1/events/{slug}")).expect(200).json();
        (event["status"].clone(), event["event_status"].clone())
    };
    with(&[1, 2, 3, 4], "published");
    with(&[1, 2, 3, 4, 5], "draft");
    assert_eq!(with(&[1, 2, 4, 5], "draft").report.of(Outcome::Withdrawn, "event"), 1);
    assert_eq!(status("evening-3"), (json!("published"), json!("cancelled")));
    with(&[1, 2, 3, 4, 5], "draft");
    assert_eq!(status("evening-3"), (json!("published"), json!("scheduled")));
    // A draft that was withdrawn is a draft again.
    assert_eq!(with(&[1, 2, 3, 4], "published").report.of(Outcome::Withdrawn, "event"), 1);
    with(&[1, 2, 3, 4, 5], "published");
    assert_eq!(status("evening-5"), (json!("draft"), json!("scheduled")));
    // Sessions are drafts while they are withdrawn.
    let programme = |count: usize| {
        bring_bytes(app, "All.json", sessionize(0, count, "A", 2099).as_bytes(), |options| {
            (options.status, options.withdraw_missing) = ("draft", true);
        })
    };
    bring_bytes(app, "All.json", sessionize(0, 4, "A", 2099).as_bytes(), |_| {});
    assert_eq!(programme(3).report.of(Outcome::Withdrawn, "session"), 1);
    app.visitor().get("/api/v1/sessions/a-talk-3").expect(404);
    programme(4);
    app.visitor().get("/api/v1/sessions/a-talk-3").expect(200);
}

fn at_hall(events: &[&str]) -> String {
    let event = |title: &&str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{title}@club.example\r\nSUMMARY:{title}\r\nDTSTART:20990301T090000Z\r\nLOCATION:Hall\r\nCATEGORIES:Water\r\nEND:VEVENT\r\n"
        )
    };
    let events: String = events.iter().map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Club\r\n{events}END:VCALENDAR\r\n")
}

/// What an import made as a draft is published with the first item that needs it; what an editor holds back is told.
#[apply(api_test)]
fn what_a_published_item_needs_is_published(app: &TestApp) {
    let with = |app: &TestApp, events: &[&str], status: &'static str| {
        bring_bytes(app, "club.ics", at_hall(events).as_bytes(), |options| options.status = status)
    };
    let venue = |app: &TestApp| app.editor().get("/api/v1/venues/hall").expect(200).json();
    with(app, &["One"], "draft");
    let said = with(app, &["One", "Two"], "published");
    assert_eq!(said.report.count_notes("published_too", "/venue"), 1, "{:?}", said.report.notes);
    assert_eq!(said.report.count_notes("published_too", "/topics/*"), 1, "{:?}", said.report.notes);
    let two = app.visitor().get("/api/v1/events/two?include=venue,topics").expect(200).json();
    assert_eq!((&two["venue"]["name"], &two["topics"][0]["name"]), (&json!("Hall"), &json!("Water")));
    app.visitor().get("/api/v1/events/one").expect(404);
    // The source still describes them.
    assert_eq!(with(app, &["One", "Two"], "published").report.total(Outcome::Kept), 0);
    // An editor took the venue off the site, or has changed it.
    let other = TestApp::start(app.backend);
    with(&other, &["One"], "draft");
    let version = venue(&other)["version"].as_i64().unwrap();
    let tag = format!("\"v{version}\"");
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    other.editor().send("PATCH", "/api/v1/venues/hall", &headers, b"{\"description\": \"Closed\"}").expect(200);
    let said = with(&other, &["One", "Two", "Three"], "published");
    assert_eq!(said.report.count_notes("hidden_reference", "/venue"), 2, "{:?}", said.report.notes);
    assert_eq!(venue(&other)["status"], "draft");
}

/// An event that does not exist is known before anything is written.
#[apply(api_test)]
fn a_programme_for_no_event_is_refused(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("All.json");
    std::fs::write(&path, sessionize(0, 3, "A", 2099)).unwrap();
    for dry_run in [true, false] {
        let mut given = Options { dry_run, ..options(&path) };
        given.settings.event = Some("nope".to_owned());
        let refused = try_to_bring(app, &path, &given).map(|said| said.lines);
        assert!(matches!(&refused, Err(ImportError::NoEvent(event)) if event == "nope"), "{refused:?}");
    }
    for list in ["events", "sessions", "venues"] {
        assert_eq!(app.editor().get(&format!("/api/v1/{list}")).expect(200).json()["data"], json!([]));
    }
}
