//! Calendars and feeds of any query, read by other people's readers.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, options};
use crate::support::tools::{node, run, tool_path};

/// What readers in Python make of it.
pub fn understood(what: &str, body: &[u8]) -> Value {
    read_by(Command::new(tool_path("python/bin").join("python")), "read_feeds.py", what, body)
}

/// What readers in JavaScript make of it.
fn understood_by_scripts(what: &str, body: &[u8]) -> Value {
    read_by(node(), "read_feeds.mjs", what, body)
}

fn read_by(mut reader: Command, script: &str, what: &str, body: &[u8]) -> Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools").join(script);
    let said = run(reader.arg(script).arg(what).arg(file.path()).current_dir(tool_path("node")));
    serde_json::from_str(&said).unwrap()
}

/// An event with all that a calendar can say, a draft, and a plain one of a day.
fn fill(editor: &Client) {
    editor.create("topics", &json!({"name": "Water, and rivers", "slug": "water", "status": "published"}));
    editor.create("event-types", &json!({"name": "Dialogue", "slug": "dialogue", "status": "published"}));
    editor.create("partners", &json!({"name": "Delta \"House\"", "slug": "delta", "url": "https://delta.example.org/", "status": "published"}));
    editor.create("speakers", &json!({"name": "Anna", "status": "published", "job_title": "Analyst"}));
    let venue = json!({"name": "Hall; the big one", "slug": "hall", "status": "published",
        "address": {"street": "Quay 1", "postal_code": "1000", "city": "Brussels", "country": "BE"},
        "geo": {"latitude": 50.8466, "longitude": 4.3528}});
    editor.create("venues", &venue);
    let full = json!({"title": "Rivers, \\ borders; and more", "slug": "rivers", "status": "published",
        "summary": "Line one,\nline two; with ünïcödé that goes on for long enough to be folded more than once by the rules of the standard.",
        "body": "**Bold** & more", "type": "dialogue", "topics": ["water"], "venue": "hall",
        "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T16:00", "online_url": "https://live.example.org/x?a=1&b=2",
        "contact": {"email": "desk@example.org"}, "image": {"url": "https://example.org/hall.jpg"},
        "registration": {"url": "https://example.org/register", "capacity": 120},
        "speakers": [{"speaker": "anna", "role": "keynote"}], "partners": [{"partner": "delta", "role": "organiser"}]});
    editor.create("events", &full);
    editor.create("events", &json!({"title": "Two days", "slug": "days", "status": "published", "starts_at": "2027-06-01", "ends_at": "2027-06-02", "event_status": "cancelled"}));
    editor.create("events", &json!({"title": "Without a date", "slug": "some-day", "status": "published"}));
    editor.create("events", &json!({"title": "Secret draft", "starts_at": "2027-06-01", "topics": ["water"]}));
}

#[apply(api_test)]
fn a_calendar_of_any_query(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let reply = app.visitor().get("/api/v1/events.ics").expect(200);
    assert_eq!(reply.header("content-type"), "text/calendar; charset=utf-8");
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "unfolded lines");
    let calendar = understood("calendar", &reply.body);
    assert_eq!((&calendar["zones"], &calendar["refresh"]), (&json!(["Europe/Brussels"]), &json!(true)));
    let events = calendar["events"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{calendar:#}");
    let rivers = events.iter().find(|e| e["summary"] == "Rivers, \\ borders; and more").expect("its title, unescaped");
    assert_eq!(rivers["starts"], "2027-03-04T14:30:00+01:00");
    assert_eq!(
        (&rivers["zone"], &rivers["status"], &rivers["sequence"]),
        (&json!("Europe/Brussels"), &json!(""), &json!(0))
    );
    assert_eq!(rivers["location"], "Hall; the big one, Quay 1, 1000 Brussels, BE");
    assert!(rivers["description"].as_str().unwrap().starts_with("Line one,\nline two; with ünïcödé"));
    assert_eq!(rivers["categories"], json!(["Dialogue", "Water, and rivers"]));
    assert_eq!(rivers["organizer"], json!(["mailto:desk@example.org", "Delta 'House'"]));
    assert_eq!((&rivers["conference"], &rivers["faults"]), (&json!("https://live.example.org/x?a=1&b=2"), &json!([])));
    let seen = app.visitor().get("/api/v1/events/rivers").expect(200).json();
    assert_eq!(rivers["uid"], seen["id"]);
    let days = events.iter().find(|e| e["summary"] == "Cancelled: Two days").unwrap();
    assert_eq!(
        (&days["starts"], &days["ends"], &days["status"]),
        (&json!("2027-06-01"), &json!("2027-06-03"), &json!("CANCELLED"))
    );
    // The filters are those of the list.
    let one = understood(
        "calendar",
        &app.visitor().get("/api/v1/events.ics?topic=water&starts_at[lt]=2027-04-01").expect(200).body,
    );
    assert_eq!(one["events"].as_array().unwrap().len(), 1);
    app.visitor().get("/api/v1/events.ics?topik=water").problem(400, &[("?topik", "unknown_parameter")]);
    app.visitor().get("/api/v1/events.ics?limit=501").problem(400, &[("?limit", "out_of_range")]);
    // A change counts.
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"title": "Changed"})).expect(200);
    let after = understood("calendar", &app.visitor().get("/api/v1/events.ics?topic=water").expect(200).body);
    assert_eq!(after["events"][0]["uid"], rivers["uid"]);
    assert!(after["events"][0]["sequence"].as_i64().unwrap() > 0);
}

#[apply(api_test)]
fn one_event_with_its_sessions(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let session = json!({"title": "Opening", "event": "rivers", "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T15:00", "room": "Round, hall", "status": "published"});
    editor.create("sessions", &session);
    let calendar = understood("calendar", &app.visitor().get("/api/v1/events/rivers/calendar.ics").expect(200).body);
    let events = calendar["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[1]["summary"], &events[1]["parent"]), (2, &json!("Opening"), &events[0]["uid"]));
    assert_eq!(events[1]["location"], "Round, hall, Hall; the big one, Quay 1, 1000 Brussels, BE");
    app.visitor().get("/api/v1/events/secret-draft/calendar.ics").problem(404, &[]);
}

#[apply(api_test)]
fn both_sides_of_the_change_of_the_clock(app: &TestApp) {
    let editor = app.editor();
    for (slug, day) in
        [("winter", "2027-01-15"), ("summer", "2027-07-15"), ("gap", "2027-03-28"), ("fold", "2027-10-31")]
    {
        let event = json!({"title": slug, "slug": slug, "status": "published", "time_zone": "Europe/London",
            "starts_at": format!("{day}T10:00"), "ends_at": format!("{day}T11:00")});
        editor.create("events", &event);
    }
    let reply = app.visitor().get("/api/v1/events.ics").expect(200);
    let calendar = understood("calendar", &reply.body);
    let again = understood_by_scripts("calendar", &reply.body);
    assert_eq!(calendar["zones"], json!(["Europe/London"]));
    for (slug, starts) in [
        ("winter", "2027-01-15T10:00:00+00:00"),
        ("summer", "2027-07-15T10:00:00+01:00"),
        ("gap", "2027-03-28T10:00:00+01:00"),
        ("fold", "2027-10-31T10:00:00+00:00"),
    ] {
        let event = calendar["events"].as_array().unwrap().iter().find(|e| e["summary"] == slug).unwrap();
        assert_eq!((&event["starts"], &event["zone"]), (&json!(starts), &json!("Europe/London")));
        let event = again.as_array().unwrap().iter().find(|e| e["summary"] == slug).unwrap();
        let starts = chrono::DateTime::parse_from_rfc3339(starts).unwrap().to_utc();
        assert_eq!(event["starts"], starts.to_rfc3339_opts(chrono::SecondsFormat::Millis, true), "{slug}");
        assert_eq!(event["zone"], "Europe/London");
    }
}

#[apply(api_test)]
fn readers_understand_the_feeds(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        c.site.name = "Delta & Friends".into();
        c.site.event_url = "https://www.example.org/events/{slug}".into();
    });
    fill(&app.editor());
    for (name, version, media_type) in
        [("rss", "rss20", "application/rss+xml"), ("atom", "atom10", "application/atom+xml")]
    {
        let reply = app.visitor().get(&format!("/api/v1/events.{name}?topic=water")).expect(200);
        assert!(reply.header("content-type").starts_with(media_type));
        let feed = understood("feed", &reply.body);
        assert_eq!(
            (&feed["version"], &feed["fault"], &feed["title"]),
            (&json!(version), &json!(""), &json!("Delta & Friends"))
        );
        let entry = &feed["entries"][0];
        assert_eq!(
            (&entry["title"], &entry["link"]),
            (&json!("Rivers, \\ borders; and more"), &json!("https://www.example.org/events/rivers"))
        );
        assert!(entry["summary"].as_str().unwrap().contains("ünïcödé"));
        assert_eq!(entry["tags"], json!(["Water, and rivers"]));
        assert_eq!(feed["entries"].as_array().unwrap().len(), 1);
    }
    let reply = app.visitor().get("/api/v1/events.json").expect(200);
    assert_eq!(reply.header("content-type"), "application/feed+json");
    let feed = reply.json();
    assert_eq!(
        (&feed["version"], feed["items"].as_array().unwrap().len()),
        (&json!("https://jsonfeed.org/version/1.1"), 3)
    );
    for item in feed["items"].as_array().unwrap() {
        assert!(item["id"].is_string() && item["url"].is_string());
        assert!(item["content_html"].is_string() || item["content_text"].is_string());
    }
}

#[apply(api_test)]
fn search_engines_understand_the_events(app: &TestApp) {
    fill(&app.editor());
    let reply = app.visitor().get("/api/v1/events/rivers/json-ld").expect(200);
    assert_eq!(reply.header("content-type"), "application/ld+json");
    let event = reply.json();
    assert_eq!((&event["@context"], &event["@type"]), (&json!("https://schema.org"), &json!("Event")));
    // Required: name, startDate, location. Recommended: the others.
    assert_eq!(
        (&event["name"], &event["startDate"]),
        (&json!("Rivers, \\ borders; and more"), &json!("2027-03-04T14:30:00+01:00"))
    );
    assert_eq!(event["location"][0]["address"]["addressLocality"], "Brussels");
    assert_eq!(event["location"][1], json!({"@type": "VirtualLocation", "url": "https://live.example.org/x?a=1&b=2"}));
    assert_eq!(
        (&event["endDate"], &event["eventStatus"]),
        (&json!("2027-03-04T16:00:00+01:00"), &json!("https://schema.org/EventScheduled"))
    );
    assert_eq!(event["performer"], json!([{"@type": "Person", "name": "Anna", "jobTitle": "Analyst"}]));
    assert_eq!(event["organizer"]["name"], "Delta \"House\"");
    assert_eq!(
        (&event["offers"]["url"], &event["image"]),
        (&json!("https://example.org/register"), &json!("https://example.org/hall.jpg"))
    );
    let statements = understood_by_scripts("statements", &reply.body);
    let said = |what: &str| {
        let what = format!("https://schema.org/{what}");
        statements
            .as_array()
            .unwrap()
            .iter()
            .filter(|s| s[1] == what.as_str())
            .map(|s| s[2].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(said("startDate"), ["2027-03-04T14:30:00+01:00"]);
    assert_eq!((said("addressLocality"), said("latitude").len()), (vec![json!("Brussels")], 1));
    assert!(said("name").contains(&json!("Delta \"House\"")) && said("name").contains(&json!("Anna")));
    let list = app.visitor().get("/api/v1/events.jsonld?slug=days").expect(200).json();
    let days = &list["itemListElement"][0]["item"];
    assert_eq!((&list["@type"], &list["numberOfItems"]), (&json!("ItemList"), &json!(1)));
    assert_eq!((&days["startDate"], &days["endDate"]), (&json!("2027-06-01"), &json!("2027-06-02")));
    assert_eq!(days["eventStatus"], "https://schema.org/EventCancelled");
}

#[apply(api_test)]
fn feeds_show_what_is_public_and_nothing_else(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    for form in ["ics", "rss", "atom", "json", "jsonld"] {
        let path = format!("/api/v1/events.{form}");
        // Who is logged in sees the same: a feed is subscribed to without a token.
        for client in [&public, &editor] {
            let reply = client.get(&path).expect(200);
            assert!(!String::from_utf8_lossy(&reply.body).contains("Secret"), "{form}");
        }
        for query in ["status=any", "view=draft"] {
            assert_eq!(public.get(&format!("{path}?{query}")).status, 400, "{form} {query}");
        }
        public.get(&format!("{path}?at=2090-01-01")).problem(400, &[("?at", "not_public")]);
    }
    // As it will be, for editors.
    let headers = [("content-type", "application/json"), ("if-match", "\"v1\"")];
    editor
        .send("POST", "/api/v1/events/secret-draft/schedule", &headers, br#"{"publish_at": "2089-01-01"}"#)
        .expect(200);
    let then = editor.get("/api/v1/events.ics?at=2090-01-01").expect(200);
    assert_eq!(then.header("cache-control"), "private, no-store");
    assert!(String::from_utf8_lossy(&then.body).contains("Secret draft"));
    assert!(!String::from_utf8_lossy(&public.get("/api/v1/events.ics").expect(200).body).contains("Secret"));
}

#[apply(api_test)]
fn feeds_are_kept_and_exact(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let first = public.get("/api/v1/events.ics").expect(200);
    assert!(first.header("cache-control").starts_with("public"));
    let again = public.send("GET", "/api/v1/events.ics", &[("if-none-match", first.etag())], b"").expect(304);
    assert!(again.body.is_empty());
    editor.patch("/api/v1/venues/hall", "\"v1\"", &json!({"name": "Another hall"})).expect(200);
    let changed = public.get("/api/v1/events.ics").expect(200);
    assert!(String::from_utf8_lossy(&changed.body).contains("Another hall"));
    let dutch = public.send("GET", "/api/v1/events.ics", &[("accept-language", "nl")], b"").expect(200);
    assert_eq!(dutch.header("content-language"), "nl");
}

/// What our importer, which reads the programmes of others, makes of our own.
#[apply(api_test)]
fn programmes_come_back_as_they_went(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna \"A\" <Janssens>", "slug": "anna", "status": "published"}));
    let event = json!({"title": "Days of water", "slug": "water-days", "status": "published", "starts_at": "2027-03-27", "ends_at": "2027-03-28", "time_zone": "Europe/Brussels"});
    editor.create("events", &event);
    for (title, starts, ends, room) in [
        ("Opening & more", "2027-03-27T09:00", "2027-03-27T09:45", "Main <hall>"),
        ("Panel", "2027-03-27T09:30", "2027-03-27T11:00", "Small hall"),
        // The clocks are put forward in this night.
        ("Sunday", "2027-03-28T10:00", "2027-03-28T11:30", "Main <hall>"),
    ] {
        let session = json!({"event": "water-days", "title": title, "starts_at": starts, "ends_at": ends, "room": room, "kind": "talk", "language": "en",
            "abstract": "One paragraph.", "speakers": [{"speaker": "anna"}], "status": "published",
            "links": [{"title": "More", "url": "https://example.org/?a=1&b=2"}], "documents": [{"title": "Slides", "url": "https://example.org/slides.pdf"}]});
        editor.create("sessions", &session);
    }
    editor.create("sessions", &json!({"event": "water-days", "title": "Secret", "starts_at": "2027-03-27T12:00"}));
    let public = app.visitor();
    let told = public.get("/api/v1/events/water-days/schedule.json").expect(200).json();
    let conference = &told["schedule"]["conference"];
    assert_eq!((&conference["daysCount"], &conference["time_zone_name"]), (&json!(2), &json!("Europe/Brussels")));
    let sunday = &conference["days"][1]["rooms"]["Main <hall>"][0];
    assert_eq!(
        (&sunday["date"], &sunday["start"], &sunday["duration"]),
        (&json!("2027-03-28T10:00:00+02:00"), &json!("10:00"), &json!("01:30"))
    );
    // What the schemas of the c3voc want of names.
    assert_eq!(conference["acronym"], "water_days");
    assert!(
        sunday["slug"].as_str().unwrap().starts_with("water_days-")
            && sunday["slug"].as_str().unwrap().ends_with("-sunday")
    );
    assert!(sunday["code"].as_str().unwrap().chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()));
    assert_eq!(conference["rooms"][0]["name"], "Main <hall>");
    assert!(uuid::Uuid::try_parse(conference["rooms"][0]["guid"].as_str().unwrap()).is_ok());
    for suffix in ["json", "xml"] {
        let reply = public.get(&format!("/api/v1/events/water-days/schedule.{suffix}")).expect(200);
        let file = tempfile::Builder::new().suffix(&format!("-schedule.{suffix}")).tempfile().unwrap();
        std::fs::write(file.path(), &reply.body).unwrap();
        let other = TestApp::start(app.backend);
        let said = bring(&other, file.path(), &options(file.path()));
        let faults: Vec<_> = said.lines.iter().filter(|line| !line.faults.is_empty()).collect();
        assert!(faults.iter().all(|line| line.outcome == plenary::transfer::Outcome::Note), "{suffix}: {faults:#?}");
        let sessions = other.visitor().get("/api/v1/sessions?sort=starts_at&detail=full").expect(200).json();
        let seen: Vec<_> = sessions["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (s["title"].clone(), s["starts_at"].clone(), s["ends_at"].clone(), s["room"].clone()))
            .collect();
        let own = public.get("/api/v1/sessions?sort=starts_at&detail=full").expect(200).json();
        let wanted: Vec<_> = own["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (s["title"].clone(), s["starts_at"].clone(), s["ends_at"].clone(), s["room"].clone()))
            .collect();
        assert_eq!(seen, wanted, "{suffix}");
        assert_eq!(sessions["data"][0]["speakers"][0]["speaker"]["name"], "Anna \"A\" <Janssens>", "{suffix}");
    }
}

#[apply(api_test)]
fn programmes_keep_to_their_schema(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna & Bram", "slug": "anna", "status": "published"}));
    editor.create(
        "events",
        &json!({"title": "Days <of> water", "slug": "w", "status": "published", "time_zone": "America/New_York"}),
    );
    let programme = |app: &TestApp, event: &str| {
        app.visitor().get(&format!("/api/v1/events/{event}/schedule.xml")).expect(200).body
    };
    assert_eq!(understood("programme", &programme(app, "w")), json!([]), "no session at all");
    editor.create(
        "sessions",
        &json!({"event": "w", "title": "Bare", "slug": "x", "starts_at": "2027-11-06T23:30", "time_zone": "America/New_York", "status": "published"}),
    );
    let full = json!({"event": "w", "title": "Full", "slug": "full", "starts_at": "2027-11-07T05:30", "ends_at": "2027-11-08T07:00", "time_zone": "Europe/Brussels", "room": "A \"&\" B",
        "subtitle": "Sub", "track": "Law", "format": "Panel", "language": "en", "abstract": "One.", "description": "**Two**", "status": "published",
        "speakers": [{"speaker": "anna"}], "links": [{"title": "More", "url": "https://example.org/?a=1&b=2"}],
        "documents": [{"title": "Slides", "url": "https://example.org/slides.pdf"}]});
    editor.create("sessions", &full);
    let good = programme(app, "w");
    assert_eq!(understood("programme", &good), json!([]));
    // All on the clock of the event, which is put back that night; links say what they are called.
    let good = String::from_utf8(good).unwrap();
    for part in [
        "<date>2027-11-07T00:30:00-04:00</date><start>00:30</start><duration>25:30</duration>",
        "end=\"2027-11-08T01:00:00-05:00\"",
        ">More</link>",
        ">Slides</attachment>",
    ] {
        assert!(good.contains(part), "{part} in {good}");
    }
    // Days of the event on which there is nothing are days all the same; not those of an exhibition of months.
    let days = |slug: &str, ends: &str| {
        editor.create("events", &json!({"title": "Empty", "slug": slug, "status": "published", "starts_at": "2027-03-27", "ends_at": ends, "time_zone": "Europe/Brussels"}));
        let body = programme(app, slug);
        assert_eq!(understood("programme", &body), json!([]), "{slug}");
        String::from_utf8(body).unwrap()
    };
    let short = days("short", "2027-03-28");
    assert!(
        short.contains(
            r#"<day index="2" date="2027-03-28" start="2027-03-28T00:00:00+01:00" end="2027-03-29T00:00:00+02:00">"#
        ),
        "{short}"
    );
    assert_eq!((short.matches("<day ").count(), days("long", "2027-09-01").matches("<day ").count()), (2, 0));
    // The schema refuses what is wrong: what stands twice, and what is no time or is not there.
    let number = good.split("event id=\"").nth(1).unwrap().split('"').next().unwrap();
    let other = good.split("event id=\"").nth(2).unwrap().split('"').next().unwrap();
    for (part, wrong) in [
        (format!("event id=\"{other}"), format!("event id=\"{number}")),
        ("<date>2027-11-07T00:30:00-04:00".into(), "<date>2027-11-07T00:30:00".into()),
        ("<title>Bare</title>".into(), String::new()),
    ] {
        assert!(good.contains(&part), "{part} in {good}");
        let faults = understood("programme", good.replace(&part, &wrong).as_bytes());
        assert_eq!(faults.as_array().unwrap().len(), 1, "{part}: {faults}");
    }
}

#[apply(api_test)]
fn tables_are_read_by_spreadsheets(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    editor.create(
        "events",
        &json!({"title": "=HYPERLINK(\"x\")", "slug": "formula", "status": "published", "starts_at": "2027-05-01"}),
    );
    let reply = app.visitor().get("/api/v1/events.csv?sort=title").expect(200);
    assert!(reply.header("content-type").starts_with("text/csv"));
    let mut reader = csv::Reader::from_reader(reply.body.as_slice());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<std::collections::HashMap<String, String>> = reader
        .records()
        .map(|row| names.iter().map(str::to_owned).zip(row.unwrap().iter().map(str::to_owned)).collect())
        .collect();
    let of = |slug: &str| rows.iter().find(|row| row["slug"] == slug).unwrap();
    assert_eq!(of("formula")["title"], "'=HYPERLINK(\"x\")");
    assert_eq!(of("rivers")["title"], "Rivers, \\ borders; and more");
    assert_eq!(of("rivers")["venue"], "Hall; the big one, Quay 1, 1000 Brussels, BE");
    assert_eq!((of("rivers")["speakers"].as_str(), of("rivers")["topics"].as_str()), ("Anna", "Water, and rivers"));
    assert_eq!((of("days")["starts_at"].as_str(), of("days")["ends_at"].as_str()), ("2027-06-01", "2027-06-02"));
    assert_eq!(of("rivers")["starts_at"], "2027-03-04T14:30:00+01:00");
    assert!(rows.iter().all(|row| row["title"] != "Secret draft"));
}

#[apply(api_test)]
fn sitemaps_name_every_page_and_language(app: &TestApp) {
    let own = TestApp::start_with(app.backend, |c| {
        c.site.event_url = "https://www.example.org/{locale}/events/{slug}".into();
    });
    let editor = own.editor();
    let title = json!({"en": "Rivers & borders", "nl": "Rivieren"});
    editor
        .post("/api/v1/events?locale=*", &json!({"title": title, "slug": "rivers", "status": "published"}))
        .expect(201);
    editor.create("events", &json!({"title": "Only English", "slug": "english", "status": "published"}));
    editor.create("events", &json!({"title": "Draft"}));
    let reply = own.visitor().get("/api/v1/sitemap.xml").expect(200);
    let text = String::from_utf8(reply.body).unwrap();
    for part in [
        "<loc>https://www.example.org/en/events/rivers</loc>",
        "<loc>https://www.example.org/nl/events/rivers</loc>",
        "<loc>https://www.example.org/en/events/english</loc>",
        "<xhtml:link rel=\"alternate\" hreflang=\"nl\" href=\"https://www.example.org/nl/events/rivers\"/>",
        "<xhtml:link rel=\"alternate\" hreflang=\"x-default\" href=\"https://www.example.org/en/events/rivers\"/>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(text.matches("<url>").count(), 3);
    assert!(!text.contains("draft") && !text.contains("/nl/events/english"));
    own.visitor().get("/api/v1/sitemap.xml?page=2").problem(404, &[]);
}

/// A title is text, whatever it says; where a page or a reader takes it for markup, it must stay text.
#[apply(api_test)]
fn what_leaves_can_be_embedded(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let hostile = "</script><script>alert(1)</script><!-- & ]]> \"x\"";
    editor.create("speakers", &json!({"name": hostile, "slug": "s", "status": "published"}));
    let event = json!({"title": hostile, "slug": "e", "summary": hostile, "status": "published",
        "starts_at": "2027-03-04T14:30", "speakers": [{"speaker": "s"}]});
    editor.create("events", &event);
    for path in ["events.jsonld", "events/e/json-ld"] {
        let reply = public.get(&format!("/api/v1/{path}")).expect(200);
        assert!(!String::from_utf8_lossy(&reply.body).contains('<'), "{path}");
        let json = reply.json();
        let event = if path.ends_with("jsonld") { &json["itemListElement"][0]["item"] } else { &json };
        assert_eq!((&event["name"], &event["performer"][0]["name"]), (&json!(hostile), &json!(hostile)));
    }
    // RSS means HTML by a description, JSON Feed and Atom do not by theirs.
    let rss = public.get("/api/v1/events.rss").expect(200);
    let channel = rss::Channel::read_from(&rss.body[..]).unwrap();
    let escaped = hostile.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let described = format!("2027-03-04, 14:30 (Europe/Brussels)<br>\n{escaped}");
    assert_eq!(channel.items()[0].description(), Some(described.as_str()));
    assert_eq!(channel.items()[0].title(), Some(hostile));
    let feed = public.get("/api/v1/events.json").expect(200).json();
    assert_eq!((&feed["items"][0]["title"], &feed["items"][0]["summary"]), (&json!(hostile), &json!(hostile)));
    // No page of ours is without its policy.
    for page in ["/docs", "/docs/index.html", "/problems", "/problems/invalid"] {
        let reply = public.get(page).expect(200);
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{page}");
        for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")] {
            assert_eq!(reply.header(name), value, "{page}");
        }
    }
    public.get("/docs/%3Cscript%3E").problem(404, &[]);
}
