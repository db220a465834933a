//! What feeds give out, taken into an empty site and given out again: the same bytes, or the differences that
//! `docs/feeds.md` lists.

use chrono::DateTime;
use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::feeds::understood;
use crate::support::app::TestApp;
use crate::support::import::{bring_bytes, bring_text};

/// Returns an empty site on the other database, with the same address.
fn empty(app: &TestApp) -> TestApp {
    let public_url = app.app.config.public_url.clone();
    TestApp::start_with(app.other_backend(), |config| config.public_url = public_url)
}

fn feed(app: &TestApp, path: &str) -> String {
    String::from_utf8(app.visitor().get(path).expect(200).body).unwrap()
}

/// A programme with everything that its formats can say, and an event besides.
fn fill(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Water, and rivers", "slug": "water-and-rivers", "status": "published"}));
    editor.create("event-types", &json!({"name": "Dialogue", "status": "published"}));
    editor.create("venues", &json!({"name": "Hall; the big one", "slug": "hall", "status": "published", "geo": {"latitude": 50.8466, "longitude": 4.3528},
        "rooms": [{"name": "Round, hall", "capacity": 120, "note": "Second floor"}, {"name": "Loft"}]}));
    editor.create("speakers", &json!({"name": "Anna Janssens", "status": "published", "biography": "Analyst & author", "portrait": {"url": "https://example.org/anna.jpg"}}));
    editor.create("speakers", &json!({"name": "Bram Peeters", "status": "published"}));
    let days = json!({"title": "Water days", "slug": "water-days", "status": "published", "starts_at": "2027-03-04", "ends_at": "2027-03-05", "event_status": "postponed",
        "body": "Two days", "venue": "hall", "type": "dialogue", "topics": ["water-and-rivers"], "image": {"url": "https://example.org/logo.png"},
        "tracks": [{"name": "Law", "colour": "#aa0000"}, {"name": "Towns"}], "contact": {"name": "Desk", "email": "desk@example.org"}});
    editor.create("events", &days);
    let evening = json!({"title": "An evening, \\ and more", "slug": "an-evening-and-more", "status": "published", "starts_at": "2027-04-04T19:30", "ends_at": "2027-04-04T21:00",
        "summary": "Line one,\nline two; with ünïcödé.", "venue": "hall", "online_url": "https://live.example.org/x?a=1", "attendance_mode": "mixed",
        "event_status": "postponed", "image": {"url": "https://example.org/hall.jpg"}});
    editor.create("events", &evening);
    let opening = json!({"title": "Opening", "event": "water-days", "status": "published", "starts_at": "2027-03-04T09:00", "ends_at": "2027-03-04T09:45",
        "room": "Round, hall", "track": "Law", "language": "nl", "abstract": "Why <i>rivers</i> matter", "description": "First\n\nSecond", "subtitle": "A start",
        "do_not_record": false, "recording_license": "CC BY 4.0", "image": {"url": "https://example.org/river.jpg"},
        "speakers": [{"speaker": "anna-janssens"}, {"speaker": "bram-peeters"}],
        "links": [{"title": "More", "url": "https://example.org/more"}], "recordings": [{"title": "Film", "url": "https://example.org/opening.mp4"}],
        "documents": [{"title": "Paper", "url": "https://example.org/paper.pdf"}]});
    editor.create("sessions", &opening);
    let lunch = json!({"title": "Lunch", "event": "water-days", "status": "published", "kind": "break", "starts_at": "2027-03-05T12:00", "ends_at": "2027-03-05T13:00", "room": "Loft"});
    editor.create("sessions", &lunch);
}

#[apply(api_test)]
fn calendars_come_back(app: &TestApp) {
    fill(app);
    let first = feed(app, "/api/v1/events.ics");
    let other = empty(app);
    let said = bring_text(&other, "all.ics", &first);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    // The stamps are those of the site that gives the calendar, and so is the id beside a UID of another site.
    let stamps = ["CREATED:", "DTSTAMP:", "LAST-MODIFIED:", "SEQUENCE:", "X-PLENARY-ID:"];
    let same = |text: &str| -> Vec<String> {
        let lines = text.replace("\r\n ", "");
        lines.lines().filter(|line| !stamps.iter().any(|stamp| line.starts_with(stamp))).map(str::to_owned).collect()
    };
    let second = feed(&other, "/api/v1/events.ics");
    assert_eq!(same(&second), same(&first));
    assert_eq!((first.matches("X-PLENARY-ID").count(), second.matches("X-PLENARY-ID").count()), (0, 2));
    // From then on, nothing but the stamps changes.
    let third = empty(app);
    bring_text(&third, "all.ics", &second);
    assert_eq!(same(&feed(&third, "/api/v1/events.ics")), same(&first));
}

#[apply(api_test)]
fn programmes_in_json_come_back(app: &TestApp) {
    fill(app);
    let read = |app: &TestApp| app.visitor().get("/api/v1/events/water-days/schedule.json").expect(200).json();
    let (first, other) = (read(app), empty(app));
    let said = bring_text(&other, "schedule.json", &first.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(without_differences(read(&other)), without_differences(first));
}

/// Returns a programme without its version, in which the time of the last change is, without the id of its event on the
/// site, and without the page of each session elsewhere, which becomes one of its links.
fn without_differences(mut schedule: Value) -> String {
    schedule["schedule"]["version"] = Value::Null;
    schedule["schedule"]["conference"]["plenary_id"] = Value::Null;
    for day in schedule["schedule"]["conference"]["days"].as_array_mut().unwrap() {
        for talk in day["rooms"].as_object_mut().unwrap().values_mut().flat_map(|talks| talks.as_array_mut().unwrap()) {
            talk["links"].as_array_mut().unwrap().retain(|link| link["title"] != "Programme");
        }
    }
    schedule.to_string()
}

#[apply(api_test)]
fn programmes_in_xml_come_back(app: &TestApp) {
    fill(app);
    let (first, other) = (feed(app, "/api/v1/events/water-days/schedule.xml"), empty(app));
    let said = bring_text(&other, "schedule.xml", &first);
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    let second = feed(&other, "/api/v1/events/water-days/schedule.xml");
    let parts = |text: &str| -> Vec<String> {
        let parts = text.replace("><", ">\n<");
        let of_site = ["<version>", "<?plenary-id"];
        let differs =
            |line: &&str| !of_site.iter().any(|one| line.starts_with(one)) && !line.contains(">Programme</link>");
        // An element without content has a form of its own.
        parts.replace("<links>\n</links>", "<links/>").lines().filter(differs).map(str::to_owned).collect()
    };
    let (first, mut second) = (parts(&first), parts(&second));
    second.dedup_by(|a, b| a == "</links>" && b == "<links>");
    let folded = |lines: Vec<String>| {
        lines
            .join("\n")
            .replace("<links>\n</links>", "<links/>")
            .replace("<links>\n<attachments", "<links/>\n<attachments")
    };
    assert_eq!(folded(second), folded(first));
}

#[apply(api_test)]
fn tables_come_back(app: &TestApp) {
    fill(app);
    let editor = app.editor();
    editor.create("partners", &json!({"name": "Delta House", "status": "published"}));
    let talk = json!({"title": "=Talk", "slug": "talk", "status": "published", "starts_at": "2027-06-01T10:00", "time_zone": "America/New_York", "languages": ["nl", "fr"],
        "speakers": [{"speaker": "anna-janssens"}, {"speaker": "bram-peeters"}], "partners": [{"partner": "delta-house"}]});
    editor.create("events", &talk);
    // What is known by the month or the year only, names with the separator, and an apostrophe that is part of a title.
    editor.create("topics", &json!({"name": "Law, \"order\"; rivers", "slug": "law-order", "status": "published"}));
    for (title, starts, ends, precision) in [
        ("'=Month", "2027-08-01", Value::Null, "month"),
        ("-40 °C", "2027-09-01", "2027-10-31".into(), "month"),
        ("@Year", "2028-01-01", Value::Null, "year"),
    ] {
        let event = json!({"title": title, "status": "published", "starts_at": starts, "ends_at": ends, "date_precision": precision, "topics": ["law-order"]});
        editor.create("events", &event);
    }
    let (first, other) = (feed(app, "/api/v1/events.csv?sort=starts_at"), empty(app));
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("mapping.toml");
    // The mapping is that of the documentation.
    let page = std::fs::read_to_string(crate::docs::root().join("docs/import.md")).unwrap();
    let of_page = page.split("```toml\n").filter_map(|rest| rest.split_once("```")).map(|(text, _)| text);
    std::fs::write(&mapping, of_page.into_iter().find(|text| text.contains("{date_precision}")).unwrap()).unwrap();
    let said = bring_bytes(&other, "events.csv", first.as_bytes(), |options| {
        options.settings.mapping = Some(Mapping::load(&mapping).unwrap());
    });
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (6, 0),
        "{:?}",
        said.lines
    );
    let second = feed(&other, "/api/v1/events.csv?sort=starts_at");
    // The ids and the times of the last change are those of each site.
    let rows = |text: &str| -> Vec<Vec<String>> {
        let rows = csv::Reader::from_reader(text.as_bytes()).into_records();
        rows.map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
            .map(|row| row[1..row.len() - 1].to_vec())
            .collect()
    };
    assert_eq!(rows(&second), rows(&first));
    assert_eq!(second.lines().next(), first.lines().next());
}

/// A programme of another system, given out and taken back by the same site, changes nothing: neither its items nor what
/// subscribers get.
#[apply(api_test)]
fn programmes_of_others_taken_back_change_nothing(app: &TestApp) {
    let root = crate::docs::root().join("tests/fixtures");
    for name in
        ["schedule.json", "schedule.xml", "complete/schedule.json", "complete/schedule.xml", "complete/pretalx.json"]
    {
        let Ok(text) = std::fs::read_to_string(root.join(name)) else { continue };
        let app = TestApp::start(app.backend);
        let file = name.rsplit('/').next().unwrap();
        let said = bring_text(&app, file, &text);
        assert!(said.report.of(Outcome::Created, "session") > 0, "{name}: {:?}", said.lines);
        let events = app.visitor().get("/api/v1/events").expect(200).json();
        let slug = events["data"][0]["slug"].as_str().unwrap().to_owned();
        let before = crate::support::import::export_text(&app);
        for format in ["json", "xml"] {
            let given = feed(&app, &format!("/api/v1/events/{slug}/schedule.{format}"));
            let said = bring_text(&app, &format!("schedule.{format}"), &given);
            let changed: Vec<_> =
                [Outcome::Created, Outcome::Updated, Outcome::Refused].map(|of| said.report.total(of)).into();
            assert_eq!(changed, [0, 0, 0], "{name} as {format}: {:#?}", said.lines);
            assert_eq!(crate::support::import::export_text(&app), before, "{name} as {format}");
            assert_eq!(feed(&app, &format!("/api/v1/events/{slug}/schedule.{format}")), given, "{name} as {format}");
        }
    }
}

#[apply(api_test)]
fn times_that_the_clocks_show_twice_come_back(app: &TestApp) {
    let editor = app.editor();
    // New York's clocks go from 02:00 EDT back to 01:00 EST.
    let nights = [
        ("First", "2027-11-07T01:30:00-04:00", "2027-11-07T01:30:00-05:00"),
        ("Second", "2027-11-07T01:15:00-05:00", "2027-11-07T01:45:00-05:00"),
        ("Long", "2027-11-07T01:15:00-05:00", "2027-11-07T09:00:00-05:00"),
    ];
    for (title, starts_at, ends_at) in nights {
        let night = json!({"title": title, "status": "published", "time_zone": "America/New_York", "starts_at": starts_at, "ends_at": ends_at});
        editor.create("events", &night);
    }
    let first = feed(app, "/api/v1/events.ics");
    let unfolded = first.replace("\r\n ", "");
    // A local time would be the first one (RFC 5545, section 3.3.5), which not all programs know.
    for line in [
        "DTSTART;X-PLENARY-TZID=America/New_York:20271107T053000Z",
        "DTEND;X-PLENARY-TZID=America/New_York:20271107T063000Z",
        "DTSTART;X-PLENARY-TZID=America/New_York:20271107T061500Z",
    ] {
        assert!(unfolded.contains(&format!("{line}\r\n")), "{first}");
    }
    let utc = |text: &Value| DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap().to_utc();
    let calendar = understood("calendar", first.as_bytes());
    let other = empty(app);
    let said = bring_text(&other, "nights.ics", &first);
    assert_eq!(
        (
            said.report.of(Outcome::Created, "event"),
            said.report.notes.values().filter(|note| note.subject.contains("TZID")).count()
        ),
        (3, 0),
        "{:?}",
        said.lines
    );
    for (title, starts_at, ends_at) in nights {
        let read = calendar["events"].as_array().unwrap().iter().find(|event| event["summary"] == title).unwrap();
        assert_eq!(
            (utc(&read["starts"]), utc(&read["ends"])),
            (utc(&json!(starts_at)), utc(&json!(ends_at))),
            "{title}"
        );
        let event = other.visitor().get(&format!("/api/v1/events/{}", title.to_lowercase())).expect(200).json();
        let found = (&event["starts_at"], &event["ends_at"], &event["time_zone"]);
        assert_eq!(found, (&json!(starts_at), &json!(ends_at), &json!("America/New_York")), "{title}");
    }
}

/// Programmes demand a duration. One of nothing is no end, on the way out and back.
#[apply(api_test)]
fn a_session_without_an_end_comes_back_without_one(app: &TestApp) {
    let editor = app.editor();
    editor.create(
        "events",
        &json!({"title": "Brook", "slug": "brook", "starts_at": "2027-05-01", "status": "published"}),
    );
    let source = json!({"title": "Source", "slug": "source", "event": "brook", "starts_at": "2027-05-01T09:00", "status": "published"});
    editor.create("sessions", &source);
    let schedule = app.visitor().get("/api/v1/events/brook/schedule.json").expect(200).json();
    let talk = &schedule["schedule"]["conference"]["days"][0]["rooms"][""][0];
    assert_eq!((talk.get("end"), &talk["duration"]), (None, &json!("00:00")), "{talk}");
    for name in ["schedule.json", "schedule.xml"] {
        let (given, other) = (feed(app, &format!("/api/v1/events/brook/{name}")), empty(app));
        // Programs that know no better give an end that is the start.
        let end = "\"start\":\"09:00\",\"end\":\"2027-05-01T09:00:00+02:00\"";
        for text in [given.replace("\"start\":\"09:00\"", end), given] {
            let said = bring_text(&other, name, &text);
            assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
            let session = other.visitor().get("/api/v1/sessions/source").expect(200).json();
            let found = (&session["starts_at"], &session["ends_at"]);
            assert_eq!(found, (&json!("2027-05-01T09:00:00+02:00"), &Value::Null), "{name}");
        }
    }
}

/// Of an event in a month or a year, only the days with sessions are known.
#[apply(api_test)]
fn a_month_is_no_list_of_days(app: &TestApp) {
    let editor = app.editor();
    for (slug, precision) in [("may", "month"), ("next", "year")] {
        let event = json!({"title": slug, "slug": slug, "starts_at": "2027-05-01", "date_precision": precision, "status": "published"});
        editor.create("events", &event);
    }
    let programme = |slug: &str| {
        let json = app.visitor().get(&format!("/api/v1/events/{slug}/schedule.json")).expect(200).json();
        let conference = json["schedule"]["conference"].clone();
        let xml = feed(app, &format!("/api/v1/events/{slug}/schedule.xml"));
        assert_eq!(json!(xml.matches("<day ").count()), conference["daysCount"], "{xml}");
        (conference["daysCount"].clone(), conference["start"].clone(), conference["end"].clone())
    };
    for slug in ["may", "next"] {
        assert_eq!(programme(slug), (json!(0), Value::Null, Value::Null), "{slug}");
    }
    for (slug, day) in [("first", "2027-05-14"), ("last", "2027-05-16")] {
        let session = json!({"title": slug, "slug": slug, "event": "may", "starts_at": format!("{day}T09:00"), "status": "published"});
        editor.create("sessions", &session);
    }
    assert_eq!(programme("may"), (json!(2), json!("2027-05-14"), json!("2027-05-16")));
}
