//! The inputs of the list of cases, where it is at hand. Each has a test in our own words elsewhere; here the files
//! themselves are read.

use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::data::case;
use crate::support::import::{Said, bring, bring_text, export_text, options, strip_nulls};

/// What must come of a file.
struct Wanted {
    file: &'static str,
    /// Numbers of events and sessions that are created, and of records that are refused.
    counts: (u64, u64, u64),
    /// Texts of what is stored.
    stored: &'static [&'static str],
    /// Codes and properties of notes.
    noted: &'static [(&'static str, &'static str)],
}

const fn wanted(
    file: &'static str,
    counts: (u64, u64, u64),
    stored: &'static [&'static str],
    noted: &'static [(&'static str, &'static str)],
) -> Wanted {
    Wanted { file, counts, stored, noted }
}

const CALENDARS: [Wanted; 13] = [
    wanted("win-zone-unlisted.ics", (5, 0, 0), &["T09:00:00-10:00", "T09:00:00-06:00", "T09:00:00-03:00"], &[]),
    wanted("custom-zone.ics", (1, 0, 0), &["2027-07-04T09:00:00+02:00", "Europe/Brussels"], &[]),
    wanted("floating-utc.ics", (9, 0, 0), &["America/New_York", "Europe/Kyiv", "Europe/Brussels"], &[]),
    wanted("plain-description.ics", (1, 0, 0), &["<br>", "# 2 of 5 seats left", "my_long_name_here"], &[]),
    wanted("categories.ics", (1, 0, 0), &["Law, order and rivers", "Water"], &[]),
    wanted("tentative.ics", (1, 0, 0), &["\"tentative\""], &[]),
    wanted("recur.ics", (7, 0, 0), &["2027-04-19T18:00:00+02:00"], &[]),
    wanted("sequence.ics", (1, 0, 0), &["New time"], &[("older_revision", "")]),
    wanted(
        "online-location.ics",
        (2, 0, 0),
        &["https://meet.example.org/room-7", "https://meet.example.org/room-8", "\"online\""],
        &[("not_a_url", "/online_url"), ("left_out", "X-GOOGLE-CONFERENCE, a further address")],
    ),
    wanted("outlook-allday.ics", (5, 0, 0), &["\"all_day\":true"], &[("mixed_end", "/DTEND")]),
    wanted(
        "titles.ics",
        (3, 0, 1),
        &["Two lines", "<b>words</b>", "\"nl\":\"Waterdag\""],
        &[("too_long", "/title/en")],
    ),
    wanted(
        "places.ics",
        (6, 0, 0),
        &["\"latitude\":48.2", "\"city\":\"Ghent\"", "Jo Example", "Club \\\"The Boat\\\""],
        &[("out_of_range", "/geo"), ("left_out", "ORGANIZER beside CONTACT"), ("not_a_url", "/documents")],
    ),
    wanted("enc-latin1.ics", (1, 0, 0), &["Straße"], &[("encoding", "")]),
];

const PROGRAMMES: [Wanted; 11] = [
    wanted(
        "late-night.xml",
        (1, 3, 0),
        &[
            "2027-03-05T00:45:00+01:00",
            "2027-03-05T14:00:00+01:00",
            "\"do_not_record\":true",
            "\"do_not_record\":false",
        ],
        &[("duration", "/ends_at")],
    ),
    wanted("sessionize-all.json", (1, 2, 0), &["T09:00:00+01:00", "\"break\""], &[("left_out", "category \"Level\"")]),
    wanted(
        "submissions.json",
        (1, 1, 0),
        &["Accepted talk", "\"do_not_record\":true"],
        &[("not_public", "/state"), ("partial", ""), ("on_purpose", "submission/internal_notes")],
    ),
    wanted("rooms.xml", (1, 3, 0), &["Bo Sample", "#aa0000"], &[("duplicate", "/speakers"), ("required", "/speakers")]),
    wanted("room-order.xml", (1, 3, 0), &["[{\"name\":\"Aula\"},{\"name\":\"Room 2\"},{\"name\":\"Room 10\"}]"], &[]),
    wanted("order.json", (1, 1, 0), &["2027-05-01T03:00:00-04:00"], &[]),
    wanted("bom.json", (1, 1, 0), &["\"BOM\""], &[]),
    wanted("enc-latin1.xml", (1, 1, 0), &["Übung für Ämter", "Große Halle", "Jörg Beispiel"], &[]),
    wanted("lang.xml", (1, 3, 0), &["\"nl\":\"Het recht op water\""], &[("unknown_locale", "")]),
    wanted("programme-v1.xml", (1, 3, 0), &["b1", "b2", "b3"], &[]),
    wanted("vcal1.ics", (1, 0, 0), &["Straße"], &[]),
];

fn check(said: &Said, stored: &str, wanted: &Wanted) {
    let Wanted { file, counts, .. } = wanted;
    let found = (
        said.report.of(Outcome::Created, "event"),
        said.report.of(Outcome::Created, "session"),
        said.report.total(Outcome::Refused),
    );
    assert_eq!(found, *counts, "{file}: {:?}", said.lines);
    for text in wanted.stored {
        assert!(stored.contains(text), "{file}: {text} is not in {stored}");
    }
    for (code, subject) in wanted.noted {
        assert!(
            said.report.count_notes(code, subject) > 0,
            "{file}: {code} {subject} of {:?}",
            said.report.notes.keys()
        );
    }
}

fn try_all(app: &TestApp, all: &[Wanted]) {
    for wanted in all {
        let Some(path) = case(wanted.file) else { return };
        let other = TestApp::start_with(app.backend, |c| c.site.locales = vec!["en".into(), "nl".into()]);
        let said = bring(&other, &path, &options(&path));
        check(&said, &export_text(&other), wanted);
    }
}

#[apply(api_test)]
fn the_calendars_of_the_cases(app: &TestApp) {
    try_all(app, &CALENDARS);
}

#[apply(api_test)]
fn the_programmes_of_the_cases(app: &TestApp) {
    try_all(app, &PROGRAMMES);
}

/// What was withdrawn between two versions is told, and what moved has moved.
#[apply(api_test)]
fn the_versions_of_the_cases(app: &TestApp) {
    let (Some(first), Some(second)) = (case("programme-v1.xml"), case("programme-v2.xml")) else { return };
    bring(app, &first, &options(&first));
    let said = bring(app, &second, &options(&second));
    let missing: Vec<&str> = said.lines(Outcome::Missing).map(|line| line.what.as_str()).collect();
    assert_eq!((missing, said.report.of(Outcome::Updated, "session")), (vec!["Withdrawn"], 1), "{:?}", said.lines);
    let moved = app.visitor().get("/api/v1/sessions/moves").expect(200).json();
    assert_eq!(moved["starts_at"], "2027-05-01T13:00:00+02:00");
}

#[apply(api_test)]
fn the_lists_of_the_cases(app: &TestApp) {
    let (Some(german), Some(tabs)) = (case("de.toml"), case("tsv.toml")) else { return };
    for (file, mapping, counts, text) in [
        ("de.csv", &german, (3, 4), "2027-03-04T09:30:00"),
        ("de-latin1.csv", &german, (1, 0), "Grüße"),
        ("t.tsv", &tabs, (1, 0), "Eins, zwei"),
    ] {
        let Some(path) = case(file) else { return };
        let other = TestApp::start(app.backend);
        let mut options = options(&path);
        options.settings.mapping = Some(Mapping::load(mapping).unwrap());
        let said = bring(&other, &path, &options);
        let found = (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused));
        assert_eq!(found, counts, "{file}: {:?}", said.lines);
        assert!(export_text(&other).contains(text), "{file}: {text}");
    }
    let Some(path) = case("de.csv") else { return };
    // Its dates need a format, which is what the case is about; lines are counted right behind a line end in a value.
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(&german).unwrap();
    let formatted = folder.path().join("formatted.toml");
    std::fs::write(
        &formatted,
        text.replace("starts_at = \"{Datum}\"", "starts_at = { from = \"{Datum}\", format = \"%d.%m.%Y\" }"),
    )
    .unwrap();
    let mut options = options(&path);
    options.settings.mapping = Some(Mapping::load(&formatted).unwrap());
    let said = bring(app, &path, &options);
    let places: Vec<&str> = said.lines(Outcome::Refused).map(|line| line.place.as_str()).collect();
    assert!(places.contains(&"line 3") && places.contains(&"line 9") && !places.contains(&"line 2"), "{places:?}");
}

/// Case 23: the ids of others are kept, and so are biographies, avatars and the colours of tracks.
#[apply(api_test)]
fn ids_of_others_are_kept(app: &TestApp) {
    let (session, person) = ("0b0c8a2e-0000-4000-8000-000000000001", "0b0c8a2e-0000-4000-8000-000000000031");
    let programme = json!({"schedule": {"version": "1", "conference": {"acronym": "brook-2027", "title": "Brook", "start": "2027-05-01", "end": "2027-05-01", "time_zone_name": "Europe/Brussels", "tracks": [{"name": "Law", "color": "#aa0000"}], "days": [{"index": 1, "date": "2027-05-01", "rooms": {"Aula": [
        {"id": 7, "guid": session, "date": "2027-05-01T09:00:00+02:00", "start": "09:00", "duration": "00:30", "title": "Source", "track": "Law",
         "persons": [{"id": 31, "guid": person, "public_name": "Ada Example", "biography": "Life words", "avatar": "https://river.example/a.png"}]},
    ]}}]}}});
    let said = bring_text(app, "brook.json", &programme.to_string());
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let stored = export_text(app);
    for id in [format!("brook-2027:session/{session}"), format!("brook-2027:person/{person}")] {
        assert!(stored.contains(&id), "{id} is not in {stored}");
    }
    let speaker = app.visitor().get("/api/v1/speakers/ada-example").expect(200).json();
    assert_eq!(speaker["portrait"]["url"], "https://river.example/a.png");
    assert!(speaker["biography"].as_str().is_some_and(|text| text.contains("Life words")), "{speaker}");
    let event = app.visitor().get("/api/v1/events/brook").expect(200).json();
    assert_eq!(strip_nulls(&event["tracks"]), json!([{"name": "Law", "colour": "#aa0000"}]));
}
