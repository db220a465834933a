//! Tables as other programs write them: times with offsets, texts that are plain or not, numbers, words and languages in
//! other spellings, rows that are too short, and columns that do not exist.

use plenary::transfer::read::Mapping;
use plenary::transfer::{Outcome, Verdict};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, bring_text, strip_nulls};

fn bring_table(app: &TestApp, text: &str, mapping: &str) -> Said {
    let mapping = Mapping::parse(mapping).unwrap();
    bring_bytes(app, "table.csv", text.as_bytes(), |options| {
        options.settings.mapping = Some(mapping);
        options.replace = true;
    })
}

fn event(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/events/{slug}?include=venue,topics")).expect(200).json()
}

/// A mapping for events with a title in `T`, besides these fields.
fn events_with(fields: &str) -> String {
    format!("kind = \"event\"\nid = \"{{T}}\"\nslug = \"{{T}}\"\n[fields]\ntitle = \"{{T}}\"\n{fields}\n")
}

#[apply(api_test)]
fn an_offset_decides_over_the_instant(app: &TestApp) {
    let plain = events_with("starts_at = \"{S}\"");
    let with = |format: &str| events_with(&format!("starts_at = {{ from = \"{{S}}\", format = \"{format}\" }}"));
    let rows = [
        ("west", "2027-03-01T18:30:00-05:00", plain.clone(), "2027-03-02T00:30:00+01:00"),
        ("india", "2027-03-01T18:30:00+0530", plain.clone(), "2027-03-01T14:00:00+01:00"),
        ("short", "2027-03-01T09:30+01:00", plain.clone(), "2027-03-01T09:30:00+01:00"),
        ("spaces", "2027-03-01 08:30 Z", plain.clone(), "2027-03-01T09:30:00+01:00"),
        ("basic", "20270301T083000Z", plain.clone(), "2027-03-01T09:30:00+01:00"),
        ("format-z", "2027-03-01T18:30:00-05:00", with("%Y-%m-%dT%H:%M:%S%z"), "2027-03-02T00:30:00+01:00"),
        ("format-name", "01.03.2027 18:30 UTC", with("%d.%m.%Y %H:%M %Z"), "2027-03-01T19:30:00+01:00"),
        ("format-est", "01.03.2027 18:30 EST", with("%d.%m.%Y %H:%M %Z"), "2027-03-02T00:30:00+01:00"),
    ];
    for (title, starts, mapping, wanted) in rows {
        let said = bring_table(app, &format!("T,S\n{title},{starts}\n"), &mapping);
        assert_eq!(said.report.of(Outcome::Created, "event"), 1, "{title}: {:?}", said.lines);
        assert_eq!(event(app, title)["starts_at"], wanted, "{title}");
        // An offset that the zone does not have is noted, as in programmes.
        let is_foreign = !starts.contains("+01:00") && !starts.ends_with('Z') && !starts.ends_with("UTC");
        assert_eq!(said.report.count_notes("wrong_offset", "/starts_at") == 1, is_foreign, "{title}: {:?}", said.lines);
    }
    let said = bring_table(app, "T,S\nnowhere,01.03.2027 18:30 QXZ\n", &with("%d.%m.%Y %H:%M %Z"));
    assert_eq!(said.report.count_notes("unknown_zone", "/starts_at"), 1, "{:?}", said.lines);
    assert_eq!(event(app, "nowhere")["starts_at"], "2027-03-01T18:30:00+01:00");
}

#[apply(api_test)]
fn months_and_years_are_known_as_such(app: &TestApp) {
    let mapping = events_with("starts_at = \"{S}\"\nends_at = \"{E}\"");
    let said = bring_table(app, "T,S,E\nmonth,2027-05,\nspan,2027-05,2027-06\nyear,2028,\nnone,2027-13,\n", &mapping);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (3, 1),
        "{:?}",
        said.lines
    );
    for (slug, precision, first, last) in [
        ("month", "month", "2027-05-01", "2027-05-01"),
        ("span", "month", "2027-05-01", "2027-06-30"),
        ("year", "year", "2028-01-01", "2028-01-01"),
    ] {
        let event = event(app, slug);
        assert_eq!((&event["date_precision"], &event["starts_on"]), (&json!(precision), &json!(first)), "{event:#}");
        assert!(event["ends_on"].as_str().unwrap() >= last, "{event:#}");
    }
    // Later the day is known, or the time as well.
    let said = bring_table(app, "T,S,E\nmonth,2027-05-14,\nspan,2027-05,2027-06\nyear,2028-03-02T09:30,\n", &mapping);
    assert_eq!(said.report.of(Outcome::Updated, "event"), 2, "{:?}", said.lines);
    for (slug, precision, first) in [("month", "day", "2027-05-14"), ("year", "time", "2028-03-02")] {
        let event = event(app, slug);
        assert_eq!((&event["date_precision"], &event["starts_on"]), (&json!(precision), &json!(first)), "{event:#}");
    }
}

#[apply(api_test)]
fn a_decimal_comma_is_read_and_a_bad_number_costs_no_venue(app: &TestApp) {
    let mapping = events_with(
        "starts_at = \"{S}\"\nvenue = { from = \"{V}\", create = true }\n\"venue.geo.latitude\" = \"{Lat}\"\n\"venue.geo.longitude\" = \"{Lon}\"",
    );
    let text = "T,S,V,Lat,Lon\none,2027-05-01,Sluice,\"50,85\",\"4,35\"\ntwo,2027-05-01,Barrage,north,east\n";
    let said = bring_table(app, text, &mapping);
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    assert_eq!(strip_nulls(&event(app, "one")["venue"]["geo"]), json!({"latitude": 50.85, "longitude": 4.35}));
    let second = event(app, "two");
    assert_eq!((&second["venue"]["name"], &second["venue"]["geo"]), (&json!("Barrage"), &Value::Null), "{second:#}");
    assert!(said.codes(Outcome::Note).contains(&"wrong_type"), "{:?}", said.lines);
}

#[apply(api_test)]
fn short_rows_are_rows(app: &TestApp) {
    let mapping = events_with("starts_at = \"{S}\"\nsummary = \"{Sum}\"");
    let said = bring_table(
        app,
        "T,S,Sum,More\nlong,2027-05-01,a,\nshort,2027-05-02\nfull,2027-05-03,a,,,\nbad,2027-05-04,a,b,c\n",
        &mapping,
    );
    assert_eq!(
        (
            said.report.of(Outcome::Created, "event"),
            said.codes(Outcome::Refused),
            said.report.count_notes("short_row", "")
        ),
        (3, vec!["wrong_count"], 1),
        "{:?}",
        said.lines
    );
    assert_eq!(event(app, "short")["starts_on"], "2027-05-02");
    // Excel's first line names the separator, and is none of the rows.
    let said = bring_table(app, "sep=;\r\nT;S;Sum\r\nmarked;2027-05-05;\"a;b\"\r\nwrong;soon;\r\n", &mapping);
    assert_eq!(said.report.of(Outcome::Created, "event"), 1, "{:?}", said.lines);
    let places: Vec<&str> = said.lines(Outcome::Refused).map(|line| line.place.as_str()).collect();
    assert_eq!((event(app, "marked")["summary"].as_str(), places), (Some("a;b"), vec!["line 4"]));
    // Blank lines and line ends within a value are lines too.
    let said = bring_table(app, "T,S,Sum\n\n\nwrong,soon,\"a\n\nb\"\n\nlate,later,", &mapping);
    let places: Vec<&str> = said.lines(Outcome::Refused).map(|line| line.place.as_str()).collect();
    assert_eq!(places, ["line 4", "line 8"]);
}

/// What a spreadsheet must not run has an apostrophe, which is no part of the value.
#[apply(api_test)]
fn apostrophes_of_spreadsheets_are_no_part_of_values(app: &TestApp) {
    let mapping = "kind = \"event\"\nid = \"{N}\"\nslug = \"e{N}\"\n[fields]\ntitle = \"{T}\"\ntopics = { from = \"{Tags}\", split = \";\", create = true }\n";
    let text = "N,T,Tags\n1,'=1+2,\"\"\"Law, order; rivers\"\"; Water\"\n2,''@home,Water\n3,'s Avonds,Water\n";
    let said = bring_table(app, text, mapping);
    assert_eq!(said.report.of(Outcome::Created, "event"), 3, "{:?}", said.lines);
    for (slug, title) in [("e1", "=1+2"), ("e2", "'@home"), ("e3", "'s Avonds")] {
        assert_eq!(event(app, slug)["title"], title);
    }
    let topics: Vec<Value> = event(app, "e1")["topics"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
    assert_eq!(topics, ["Law, order; rivers", "Water"]);
    assert_eq!(said.report.count_notes("on_purpose", "apostrophe before `=`, `+`, `-` or `@`"), 2);
}

#[apply(api_test)]
fn a_mapping_says_what_its_texts_are(app: &TestApp) {
    let text = "T,B\nx,\"# one *two*\n<none> & 3\"\n";
    for (of_file, of_field, wanted) in [
        ("", "body = \"{B}\"", "<h1>one <em>two</em></h1>"),
        ("text = \"plain\"", "body = \"{B}\"", "<p># one *two*<br>\n&lt;none&gt; &amp; 3</p>"),
        ("text = \"plain\"", "body = { from = \"{B}\", text = \"html\" }", "# one *two*<br>"),
        ("", "body = { from = \"{B}\", text = \"plain\" }", "<p># one *two*<br>\n&lt;none&gt; &amp; 3</p>"),
        ("", "body = { from = \"{B}\", text = \"markdown\" }", "<em>two</em>"),
    ] {
        let app = TestApp::start(app.backend);
        let mapping = events_with(of_field).replace("[fields]", &format!("{of_file}\n[fields]"));
        bring_table(&app, text, &mapping);
        let html = event(&app, "x")["body"].as_str().unwrap_or_default().to_owned();
        assert!(
            html.contains(wanted) || (wanted.starts_with("<h1") && html.contains("one <em>two</em></h1>")),
            "{html}"
        );
    }
    let fault = Mapping::parse(&events_with("summary = { from = \"{B}\", text = \"plain\" }")).unwrap_err();
    assert!(fault.contains("fields.summary") && fault.contains("`text`"), "{fault}");
    assert!(Mapping::parse(&events_with("body = { from = \"{B}\", text = \"word\" }")).is_err());
}

#[apply(api_test)]
fn languages_are_registered_tags(app: &TestApp) {
    let mapping = events_with("languages = { from = \"{L}\", split = \",\" }");
    let said = bring_table(app, "T,L\nx,\"English, Klingon, eng, ger, pt_BR, de_DE, Elvish, en-JJ\"\n", &mapping);
    assert_eq!(event(app, "x")["languages"], json!(["en", "tlh", "de", "pt-BR", "de-DE"]), "{:?}", said.lines);
    assert_eq!(said.codes(Outcome::Note), ["not_a_language", "not_a_language"], "{:?}", said.lines);
    let create = |language: &str| json!({"title": "Tongues", "languages": [language]});
    let editor = app.editor();
    for wrong in ["english", "qqq-QQQQ", "en-JJ", "en_GB"] {
        editor.post("/api/v1/events", &create(wrong)).problem(422, &[("/languages/0", "not_a_language")]);
    }
    for (given, stored) in
        [("eng", "en"), ("NLD-be", "nl-BE"), ("x-own", "x-own"), ("qaa", "qaa"), ("zh-Hant", "zh-Hant")]
    {
        let event = editor.post("/api/v1/events", &create(given)).expect(201).json();
        assert_eq!(event["languages"], json!([stored]), "{given}");
    }
}

#[apply(api_test)]
fn words_and_addresses_in_other_spellings(app: &TestApp) {
    let mapping = events_with(
        "event_status = \"{Status}\"\nattendance_mode = \"{Mode}\"\nall_day = \"{Whole}\"\n\"registration.url\" = \"{Url}\"\nstarts_at = \"2027-05-01\"",
    );
    let text = "T,Status,Mode,Whole,Url\na,Canceled,Hybrid,checked,www.river.example/x\nb,CANCELLED,ONLINE,,https://river.example/\nc,Moved online,In person,,\nd,Sold out,,,\n";
    let said = bring_table(app, text, &mapping);
    let of = |slug: &str| {
        let event = event(app, slug);
        [event["event_status"].clone(), event["attendance_mode"].clone(), event["registration"]["url"].clone()]
    };
    assert_eq!(of("a"), [json!("cancelled"), json!("mixed"), json!("https://www.river.example/x")]);
    assert_eq!(event(app, "a")["all_day"], true);
    assert_eq!(of("b")[..2], [json!("cancelled"), json!("online")]);
    assert_eq!(of("c")[..2], [json!("moved_online"), json!("offline")]);
    assert_eq!((of("d")[0].clone(), said.codes(Outcome::Note)), (json!("scheduled"), vec!["not_allowed"]));
}

/// A column that the file does not have is told once, before anything is written.
#[apply(api_test)]
fn unknown_columns_are_told_once(app: &TestApp) {
    let mapping = events_with("starts_at = \"{starts}\"\nsummary = \"{Nothing at all}\"");
    let said = bring_table(app, "T,Starts\na,2027-05-01\nb,2027-05-02\n", &mapping);
    assert_eq!(
        (said.codes(Outcome::Refused), said.report.verdict()),
        (vec!["unknown_column"], Verdict::NothingRecognised)
    );
    let line = said.lines(Outcome::Refused).next().unwrap();
    let message = line.faults[0].message.as_str();
    assert_eq!(line.place, "line 1");
    assert!(
        message.contains("\"starts\" (did you mean \"Starts\"?)") && message.contains("\"Nothing at all\""),
        "{message}"
    );
}

/// A session that names no zone has that of its event, not that of the site.
#[apply(api_test)]
fn sessions_have_the_zone_of_their_event(app: &TestApp) {
    let event = json!({"title": "Harbour", "status": "published", "starts_at": "2027-06-01T09:00", "time_zone": "America/New_York"});
    app.editor().create("events", &event);
    let mapping = "kind = \"session\"\nid = \"{T}\"\nslug = \"{T}\"\n[fields]\ntitle = \"{T}\"\nevent = \"{E}\"\nstarts_at = \"{S}\"\ntime_zone = \"{Z}\"\n";
    let text = "T,E,S,Z\nfirst,harbour,2027-06-01T10:00,\nsecond,Harbour,2027-06-01T16:00:00+02:00,\nthird,harbour,2027-06-01T10:00,Europe/Paris\n";
    let said = bring_table(app, text, mapping);
    assert_eq!(said.report.of(Outcome::Created, "session"), 3, "{:?}", said.lines);
    for (slug, zone, starts) in [
        ("first", "America/New_York", "2027-06-01T10:00:00-04:00"),
        ("second", "America/New_York", "2027-06-01T10:00:00-04:00"),
        ("third", "Europe/Paris", "2027-06-01T10:00:00+02:00"),
    ] {
        let session = app.visitor().get(&format!("/api/v1/sessions/{slug}")).expect(200).json();
        assert_eq!((&session["time_zone"], &session["starts_at"]), (&json!(zone), &json!(starts)), "{session:#}");
    }
    assert_eq!(bring_table(app, text, mapping).report.of(Outcome::Unchanged, "session"), 3);
}

#[apply(api_test)]
fn months_in_lists_and_nothing_left_of_what_is_refused(app: &TestApp) {
    let rows = json!([
        {"name": "Rill", "startDate": "2027-02", "url": "https://rill.example", "city": "Ghent"},
        {"name": "Beck", "startDate": "2027-02-30", "city": "Lonely Town", "topic": "lonely"},
        {"name": "Burn", "startDate": "2027-03-01T09:00:00", "endDate": "2027-03-02"},
    ]);
    let said = bring_text(app, "list.json", &rows.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.codes(Outcome::Refused)),
        (2, vec!["not_a_time"]),
        "{:?}",
        said.lines
    );
    let month = event(app, "rill-2027");
    assert_eq!((&month["date_precision"], &month["starts_on"]), (&json!("month"), &json!("2027-02-01")), "{month:#}");
    let yaml = "- title: Sike\n  year: 2027\n  start: 2027-02\n  place: Bruges\n- title: Syke\n  start: some day\n  place: Nowhere Town\n";
    let said = bring_text(app, "editions.yaml", yaml);
    assert_eq!((said.report.of(Outcome::Created, "event"), said.codes(Outcome::Refused)), (1, vec!["not_a_time"]));
    assert_eq!(
        (&event(app, "sike-2027")["date_precision"], said.report.count_notes("only_the_year", "/starts_at")),
        (&json!("month"), 0)
    );
    // Later the days are known.
    bring_text(app, "editions.yaml", &yaml.replace("2027-02", "2027-02-12"));
    assert_eq!(event(app, "sike-2027")["date_precision"], "day");
    let venues = app.visitor().get("/api/v1/venues").expect(200).json();
    let mut names: Vec<&str> = venues["data"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Bruges", "Ghent"]);
    assert_eq!(app.visitor().get("/api/v1/topics").expect(200).json()["data"], json!([]));
}

/// What is known of the days replaces what was known before.
#[apply(api_test)]
fn days_in_words_become_exact(app: &TestApp) {
    let has = |slug: &str, precision: &str, first: &str, last: &str| {
        let event = event(app, slug);
        let found = (&event["date_precision"], &event["starts_on"], &event["ends_on"], &event["all_day"]);
        assert_eq!(found, (&json!(precision), &json!(first), &json!(last), &json!(precision == "day")), "{event:#}");
    };
    let rows = |sike: Value, syke: Value| {
        let mut rows =
            json!([{"title": "Sike", "year": 2027}, {"title": "Syke", "year": 2027}, {"title": "Siek", "year": 2027}]);
        for (index, days) in [(0, &sike), (1, &syke), (2, &sike)] {
            rows[index].as_object_mut().unwrap().extend(days.as_object().unwrap().clone());
        }
        rows.to_string()
    };
    let words = rows(json!({"date": "June 14-16, 2027"}), json!({"date": "June 2027"}));
    assert_eq!(bring_text(app, "list.json", &words).report.of(Outcome::Created, "event"), 3);
    has("sike-2027", "day", "2027-06-14", "2027-06-16");
    has("syke-2027", "month", "2027-06-01", "2027-06-30");
    let exact = rows(json!({"start": "2027-06-15", "end": "2027-06-17"}), json!({"start": "2027-06-21"}));
    let said = bring_bytes(app, "list.json", exact.as_bytes(), |options| options.replace = true);
    assert_eq!(
        (said.report.of(Outcome::Updated, "event"), said.report.total(Outcome::Refused)),
        (3, 0),
        "{:?}",
        said.lines
    );
    has("sike-2027", "day", "2027-06-15", "2027-06-17");
    has("siek-2027", "day", "2027-06-15", "2027-06-17");
    has("syke-2027", "day", "2027-06-21", "2027-06-21");
}

#[apply(api_test)]
fn a_start_in_words_is_read(app: &TestApp) {
    let rows = json!([
        {"name": "Rill", "startDate": "June 14-16, 2027"},
        {"name": "Beck", "startDate": "June 2027"},
        {"name": "Burn", "startDate": "2027-06-14T09:30:00", "endDate": "2027-06-14T17:00:00"},
    ]);
    let said = bring_text(app, "list.json", &rows.to_string());
    assert_eq!((said.report.of(Outcome::Created, "event"), said.codes(Outcome::Note)), (3, vec![]), "{:?}", said.lines);
    for (slug, precision, first, last) in [
        ("rill-2027", "day", "2027-06-14", "2027-06-16"),
        ("beck-2027", "month", "2027-06-01", "2027-06-30"),
        ("burn-2027", "time", "2027-06-14", "2027-06-14"),
    ] {
        let event = event(app, slug);
        let found = (&event["date_precision"], &event["starts_on"], &event["ends_on"], &event["all_day"]);
        assert_eq!(found, (&json!(precision), &json!(first), &json!(last), &json!(precision == "day")), "{event:#}");
    }
}
