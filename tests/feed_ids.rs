//! Ids of imported calendars and programmes leave as they came, and what is given out is recognised when it comes back.

use plenary::transfer::{Outcome, export_ics};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event};
use crate::support::import::{bring_text, export_text};

/// Returns title, `UID` and `RECURRENCE-ID` of each event of a calendar, by title.
fn identities(calendar: &str) -> Vec<(String, String, String)> {
    let text = calendar.replace("\r\n ", "");
    let events = text.split("BEGIN:VEVENT").skip(1).map(|event| {
        let of = |name: &str| {
            let line = event
                .lines()
                .find(|line| line.starts_with(&format!("{name}:")) || line.starts_with(&format!("{name};")));
            line.map(|line| line[name.len() + 1..].to_owned()).unwrap_or_default()
        };
        (of("SUMMARY"), of("UID"), of("RECURRENCE-ID"))
    });
    let mut events: Vec<_> = events.collect();
    events.sort();
    events
}

fn feed(app: &TestApp, path: &str) -> String {
    String::from_utf8(app.visitor().get(path).expect(200).body).unwrap()
}

fn exported_calendar(app: &TestApp) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.ics");
    let file = std::fs::File::create(&path).unwrap();
    let (database, site) = (&app.app.database, &app.app.site);
    app.block_on(export_ics::write(database, site, app.app.config.base_url(), file)).unwrap();
    std::fs::read_to_string(path).unwrap()
}

/// A calendar with all kinds of ids.
fn foreign() -> String {
    let raw = |uid: &str, title: &str, lines: &str| {
        format!("BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20270101T000000Z\nSUMMARY:{title}\n{lines}\nEND:VEVENT\n")
    };
    let at = |hour: u32| format!("DTSTART:20270304T{hour:02}0000Z");
    calendar(
        &("X-WR-CALNAME:Locks\n".to_owned()
            + &event(
                "one",
                "Unique",
                &format!(
                    "{}\nX-ALT-DESC;FMTTYPE=text/html:<p>About <b>locks</b></p>\nDESCRIPTION:About locks\nLOCATION:Quay 1\nCATEGORIES:Water",
                    at(8)
                ),
            )
            + &raw("7", "Short", &format!("{}\nSEQUENCE:4", at(9)))
            + &raw("tag:lock\\,days/20270304", "Escaped, long enough", &at(10))
            + &raw("twin@lock.example", "First twin", &at(11))
            + &raw("twin@lock.example", "Second twin", &at(12))
            + &raw(
                "week@lock.example",
                "Weekly",
                "DTSTART;TZID=Europe/Brussels:20270310T190000\nRRULE:FREQ=WEEKLY;COUNT=3",
            )
            + &raw(
                "week@lock.example",
                "Weekly, moved",
                "RECURRENCE-ID;TZID=Europe/Brussels:20270317T190000\nDTSTART;TZID=Europe/Brussels:20270318T200000",
            )
            + &raw("days@lock.example", "Days", "DTSTART;VALUE=DATE:20270401\nRRULE:FREQ=DAILY;COUNT=2")
            + &format!("BEGIN:VEVENT\nSUMMARY:Nameless\n{}\nEND:VEVENT\n", at(13))),
    )
}

#[apply(api_test)]
fn uids_leave_as_they_came(app: &TestApp) {
    let said = bring_text(app, "locks.ics", &foreign());
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let id_of = |slug: &str| {
        app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json()["id"].as_str().unwrap().to_owned()
    };
    let own = |slug: &str| (id_of(slug), String::new());
    let known = |uid: &str, instance: &str| (uid.to_owned(), instance.to_owned());
    let wanted = [
        ("Days", known("days@lock.example", "VALUE=DATE:20270401")),
        ("Days", known("days@lock.example", "VALUE=DATE:20270402")),
        ("Escaped\\, long enough", known("tag:lock\\,days/20270304", "")),
        ("First twin", known("twin@lock.example", "")),
        ("Nameless", own("nameless")),
        ("Second twin", own("second-twin")),
        ("Short", known("7", "")),
        ("Unique", known("one@river.example", "")),
        ("Weekly", known("week@lock.example", "20270310T180000Z")),
        ("Weekly", known("week@lock.example", "20270324T180000Z")),
        ("Weekly\\, moved", known("week@lock.example", "20270317T180000Z")),
    ];
    let wanted: Vec<_> = wanted.into_iter().map(|(title, (uid, id))| (title.to_owned(), uid, id)).collect();
    assert_eq!(identities(&feed(app, "/api/v1/events.ics")), wanted);
    assert_eq!(identities(&exported_calendar(app)), wanted);
    assert_eq!(identities(&feed(app, "/api/v1/events/short/calendar.ics"))[0].1, "7");
    let document = |slug: &str| app.visitor().get(&format!("/api/v1/events/{slug}/json-ld")).expect(200).json();
    assert_eq!(
        (&document("unique")["identifier"], &document("nameless")["identifier"]),
        (&json!("one@river.example"), &Value::Null)
    );
    // The numbers of revisions go on from those of the calendar; an occurrence has no identifier of its own.
    assert!(feed(app, "/api/v1/events/short/calendar.ics").contains("SEQUENCE:4\r\n"));
    assert_eq!(document("weekly")["identifier"], Value::Null);
    // Another calendar with the same short id: no feed has one UID twice.
    let other =
        foreign().replace("X-WR-CALNAME:Locks", "X-WR-CALNAME:Weirs").replace("SUMMARY:Short", "SUMMARY:Shorter");
    let other = other.replace("@lock.example", "@weir.example").replace("@river.example", "@weir.example");
    bring_text(app, "weirs.ics", &other.replace("tag:lock", "tag:weir"));
    for text in [feed(app, "/api/v1/events.ics"), exported_calendar(app)] {
        let mut all: Vec<_> = identities(&text).into_iter().map(|(_, uid, id)| (uid, id)).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((count, all.len()), (22, 22), "{all:?}");
    }
    assert_eq!(identities(&feed(app, "/api/v1/events/shorter/calendar.ics"))[0].1, "7");
}

/// Case 23: a calendar that comes back changes nothing, be it of this site or one that was imported.
#[apply(api_test)]
fn a_calendar_that_comes_back_changes_nothing(app: &TestApp) {
    let editor = app.editor();
    bring_text(app, "locks.ics", &foreign());
    editor.create(
        "venues",
        &json!({"name": "Hall", "status": "published", "address": {"street": "Quay 2", "city": "Ghent"}}),
    );
    editor.create("topics", &json!({"name": "Rain", "status": "published"}));
    let own = json!({"title": "Own evening", "body": "**Bold** words", "summary": "Short words", "venue": "hall", "topics": ["rain"],
        "starts_at": "2027-05-04T19:30", "status": "published", "event_status": "cancelled"});
    editor.create("events", &own);
    let before = export_text(app);
    for text in
        [feed(app, "/api/v1/events.ics"), exported_calendar(app), feed(app, "/api/v1/events/own-evening/calendar.ics")]
    {
        let said = bring_text(app, "back.ics", &text);
        assert_eq!(said.report.total(Outcome::Created) + said.report.total(Outcome::Updated), 0, "{:?}", said.lines);
        assert!(said.codes(Outcome::Note).contains(&"own_item"), "{:?}", said.lines);
        assert_eq!(export_text(app), before);
    }
    // Elsewhere it is a calendar like any other, and its own server recognises what comes back from there.
    let elsewhere = TestApp::start(app.other_backend());
    let calendar = feed(app, "/api/v1/events.ics");
    let said = bring_text(&elsewhere, "locks.ics", &calendar);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (12, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(identities(&feed(&elsewhere, "/api/v1/events.ics")), identities(&calendar));
    bring_text(app, "back.ics", &feed(&elsewhere, "/api/v1/events/own-evening/calendar.ics"));
    assert_eq!(export_text(app), before);
    // A programme of this site, too.
    editor.create("sessions", &json!({"title": "Opening", "event": "own-evening", "starts_at": "2027-05-04T19:30", "room": "Loft", "status": "published"}));
    let before = export_text(app);
    for name in ["schedule.json", "schedule.xml"] {
        let said = bring_text(app, name, &feed(app, &format!("/api/v1/events/own-evening/{name}")));
        assert_eq!(said.report.total(Outcome::Created) + said.report.total(Outcome::Updated), 0, "{:?}", said.lines);
        assert_eq!(export_text(app), before);
    }
}

/// Whoever changes an external id sees it in calendars at once.
#[apply(api_test)]
fn a_uid_can_be_given(app: &TestApp) {
    let editor = app.editor();
    let made =
        editor.create("events", &json!({"title": "Own", "starts_at": "2027-05-04T19:30", "status": "published"}));
    let uid = || identities(&feed(app, "/api/v1/events.ics"))[0].1.clone();
    assert_eq!(uid(), made["id"]);
    let set = |version: &str, ids: Value| {
        editor.put("/api/v1/events/own/external-ids", version, &json!({"external_ids": ids})).expect(204)
    };
    set("\"v1\"", json!(["ics:abc@old.example", "crm:42"]));
    assert_eq!(uid(), "abc@old.example");
    set("\"v2\"", json!(["crm:42"]));
    assert_eq!(uid(), made["id"]);
    let found = |query: &str| {
        editor.get(&format!("/api/v1/events?status=any&{query}")).expect(200).json()["data"].as_array().unwrap().len()
    };
    editor.create("events", &json!({"title": "Other"}));
    assert_eq!(
        (
            found("external_id=crm:42"),
            found("external_id=crm:4"),
            found("external_source=crm"),
            found("external_source=cr")
        ),
        (1, 0, 1, 0)
    );
    assert_eq!(editor.get("/api/v1/topics?external_id=crm:42").expect(200).json()["data"], json!([]));
    let wrong = |query: &str, code: &str| {
        let pointer = format!("?{}", query.split('=').next().unwrap());
        editor.get(&format!("/api/v1/events?{query}")).problem(400, &[(&pointer, code)]);
    };
    wrong("external_id=crm", "not_a_value");
    wrong("external_id=:42", "not_a_value");
    wrong("external_source=crm:42", "not_a_value");
    editor
        .get("/api/v1/events?external_id=crm:42&external_source=crm")
        .problem(400, &[("?external_source", "not_allowed")]);
    app.visitor().get("/api/v1/events?external_id=crm:42").problem(400, &[("?external_id", "not_public")]);
}

const SESSION: &str = "0b0c8a2e-0000-4000-8000-000000000001";
const PERSON: &str = "0b0c8a2e-0000-4000-8000-000000000031";
const ROOM: &str = "0b0c8a2e-0000-4000-8000-000000000071";

fn programme(acronym: &str, person: &str, code: &str) -> String {
    json!({"schedule": {"version": "1", "conference": {"acronym": acronym, "title": "Brook", "start": "2027-05-01", "end": "2027-05-01",
        "time_zone_name": "Europe/Brussels", "rooms": [{"name": "Aula", "guid": ROOM}], "days": [{"index": 1, "date": "2027-05-01", "rooms": {"Aula": [
        {"id": 7, "guid": SESSION, "code": code, "slug": format!("{acronym}-7-source"), "date": "2027-05-01T09:00:00+02:00", "start": "09:00", "duration": "00:30", "title": "Source",
         "persons": [{"id": 31, "guid": person, "code": "ADAEX", "public_name": "Ada Example"}]}]}}]}}})
    .to_string()
}

/// Case 23: ids of sessions, persons and rooms go out as they came.
#[apply(api_test)]
fn ids_of_programmes_leave_as_they_came(app: &TestApp) {
    let said = bring_text(app, "brook.json", &programme("brook_27", PERSON, "XKQ8JD"));
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let conference =
        || app.visitor().get("/api/v1/events/brook/schedule.json").expect(200).json()["schedule"]["conference"].clone();
    let first = conference();
    let talk = &first["days"][0]["rooms"]["Aula"][0];
    assert_eq!(
        (&talk["guid"], &talk["id"], &talk["code"], &talk["slug"]),
        (&json!(SESSION), &json!(7), &json!("XKQ8JD"), &json!("brook_27-7-source"))
    );
    let person = &talk["persons"][0];
    assert_eq!((&person["guid"], &person["id"], &person["code"]), (&json!(PERSON), &json!(31), &json!("ADAEX")));
    assert_eq!((&first["acronym"], &first["rooms"][0]["guid"]), (&json!("brook_27"), &json!(ROOM)));
    let xml = feed(app, "/api/v1/events/brook/schedule.xml");
    for part in [
        format!("<event id=\"7\" guid=\"{SESSION}\">"),
        format!("<person id=\"31\" guid=\"{PERSON}\">"),
        "<acronym>brook_27<".to_owned(),
    ] {
        assert!(xml.contains(&part), "{part} is not in {xml}");
    }
    let sessions = feed(app, "/api/v1/sessions.ics");
    assert_eq!(identities(&sessions)[0].1, SESSION);
    // Other ids of what is otherwise the same are taken, and shown at once.
    bring_text(app, "brook.json", &programme("brook_27", PERSON, "NEWONE"));
    assert_eq!(conference()["days"][0]["rooms"]["Aula"][0]["code"], "NEWONE");
    // A speaker who was merged keeps the ids of each programme in it.
    let other = PERSON.replace("31", "32");
    let second = programme("creek_27", &other, "XKQ8JD")
        .replace("Brook", "Creek")
        .replace(SESSION, &SESSION.replace("01", "02"));
    bring_text(app, "creek.json", &second);
    let editor = app.editor();
    let merged = json!({"from": ["ada-example-2"]});
    editor.act_with("/api/v1/speakers/ada-example/merge", "\"v1\"", &merged).expect(200);
    let creek = app.visitor().get("/api/v1/events/creek/schedule.json").expect(200).json();
    let guid = |conference: &Value| conference["days"][0]["rooms"]["Aula"][0]["persons"][0]["guid"].clone();
    assert_eq!((guid(&creek["schedule"]["conference"]), guid(&conference())), (json!(other), json!(PERSON)));
}

/// A feed without texts of other languages has only what has a title in its language.
#[apply(api_test)]
fn feeds_can_be_strict_about_languages(given: &TestApp) {
    let app = TestApp::start_with(given.backend, |c| c.site.locales = vec!["en".into(), "nl".into()]);
    let editor = app.editor();
    let both = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "summary": {"en": "Water"}, "starts_at": "2027-03-04T14:00", "status": "published"});
    editor.post("/api/v1/events?locale=*", &both).expect(201);
    editor.create("events", &json!({"title": "English only", "starts_at": "2027-03-05T14:00", "status": "published"}));
    let session = |title: Value| json!({"title": title, "event": "rivers", "starts_at": "2027-03-04T14:00", "status": "published"});
    editor.post("/api/v1/sessions?locale=*", &session(json!({"en": "Opening"}))).expect(201);
    editor.post("/api/v1/sessions?locale=*", &session(json!({"en": "Lunch", "nl": "Middageten"}))).expect(201);
    for suffix in ["ics", "rss", "atom", "json", "jsonld", "csv"] {
        let text = feed(&app, &format!("/api/v1/events.{suffix}?locale=nl&fallback=none"));
        assert!(
            text.contains("Rivieren") && !text.contains("English only") && !text.contains("Water"),
            "{suffix}: {text}"
        );
        let text = feed(&app, &format!("/api/v1/events.{suffix}?locale=nl"));
        assert!(text.contains("English only") && text.contains("Water"), "{suffix}: {text}");
    }
    let text = feed(&app, "/api/v1/events/rivers/calendar.ics?locale=nl&fallback=none");
    assert!(text.contains("Rivieren") && text.contains("Middageten") && !text.contains("Opening"), "{text}");
    let document = app.visitor().get("/api/v1/events/english-only/json-ld?locale=nl&fallback=none").expect(200).json();
    assert_eq!((&document["name"], &document["@type"]), (&Value::Null, &json!("Event")));
    app.visitor()
        .get("/api/v1/events/rivers/schedule.json?fallback=none")
        .problem(400, &[("?fallback", "unknown_parameter")]);
    app.visitor().get("/api/v1/events.ics?fallback=en").problem(400, &[("?fallback", "not_allowed")]);
}

/// The language of a JSON Feed item is that of its text, not that of the request.
#[apply(api_test)]
fn a_text_that_falls_back_claims_no_language(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let english = json!({"title": {"en": "English only"}, "starts_at": "2027-03-01T10:00", "status": "published"});
    editor.post("/api/v1/events?locale=*", &english).expect(201);
    let both = json!({"title": {"en": "Both", "nl": "Beide"}, "starts_at": "2027-03-02T10:00", "status": "published"});
    editor.post("/api/v1/events?locale=*", &both).expect(201);
    let body = json!({"title": {"en": "Text", "nl": "Tekst"}, "body": {"en": "In English"}, "starts_at": "2027-03-03T10:00", "status": "published"});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let languages = |locale: &str| -> Vec<(String, Value)> {
        let feed = public.get(&format!("/api/v1/events.json?locale={locale}&sort=starts_at")).expect(200).json();
        let items = feed["items"].as_array().unwrap().iter();
        items.map(|item| (item["title"].as_str().unwrap().to_owned(), item["language"].clone())).collect()
    };
    let titled = |title: &str, language: Value| (title.to_owned(), language);
    let dutch = [titled("English only", Value::Null), titled("Beide", json!("nl")), titled("Tekst", Value::Null)];
    assert_eq!(languages("nl"), dutch);
    let english = ["English only", "Both", "Text"].map(|title| titled(title, json!("en")));
    assert_eq!(languages("en"), english);
}

/// Whoever has a calendar takes a lower number for an older revision, and keeps the session at its former event.
#[apply(api_test)]
fn the_revision_of_a_session_grows_wherever_it_moves(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for slug in ["old", "new"] {
        editor
            .create("events", &json!({"title": slug, "slug": slug, "starts_at": "2027-03-04", "status": "published"}));
    }
    let session = json!({"event": "old", "title": "Opening", "slug": "opening", "starts_at": "2027-03-04T09:00", "status": "published"});
    editor.create("sessions", &session);
    let sequence = || -> i64 {
        let calendar = String::from_utf8(public.get("/api/v1/sessions.ics").expect(200).body).unwrap();
        calendar.split("SEQUENCE:").nth(1).unwrap().lines().next().unwrap().parse().unwrap()
    };
    let mut before = sequence();
    let mut grows = |why: &str| {
        let after = sequence();
        assert!(after > before, "{why}: {before} and then {after}");
        before = after;
    };
    for version in 1..6 {
        let title = json!({"title": format!("Old {version}")});
        editor.patch("/api/v1/events/old", &format!("\"v{version}\""), &title).expect(200);
        grows("the event has another title");
    }
    editor.patch("/api/v1/sessions/opening", "\"v1\"", &json!({"event": "new"})).expect(200);
    grows("the session is part of another event");
    editor.patch("/api/v1/events/new", "\"v1\"", &json!({"title": "New again"})).expect(200);
    grows("that event has another title");
}
