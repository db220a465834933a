//! Texts in the place of a venue that name none: one rule for all readers.

use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, bring_text};

/// What names no place, with how people attend.
const NO_PLACES: [(&str, &str); 4] =
    [("Online", "online"), ("Zoom", "online"), ("https://zoom.us/j/7", "online"), ("TBA", "offline")];

fn read(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/events/{slug}?include=venue")).expect(200).json()
}

fn venues(app: &TestApp) -> Vec<Value> {
    let list = app.visitor().get("/api/v1/venues").expect(200).json();
    list["data"].as_array().unwrap().iter().map(|venue| venue["name"].clone()).collect()
}

/// Returns attendance mode, name of the venue, and online address.
fn place(app: &TestApp, slug: &str) -> [Value; 3] {
    let event = read(app, slug);
    [event["attendance_mode"].clone(), event["venue"]["name"].clone(), event["online_url"].clone()]
}

fn csv(app: &TestApp, rows: &str, fields: &str) -> Said {
    let mapping = format!(
        "kind = \"event\"\nid = \"{{Title}}\"\n[fields]\ntitle = \"{{Title}}\"\nstarts_at = \"{{Date}}\"\n{fields}"
    );
    let mapping = Mapping::parse(&mapping).unwrap();
    let text = format!("Title,Date,Place,Country\n{rows}");
    bring_bytes(app, "list.csv", text.as_bytes(), |options| {
        (options.settings.mapping, options.replace) = (Some(mapping), true);
    })
}

#[apply(api_test)]
fn a_column_with_places(app: &TestApp) {
    let rows = NO_PLACES
        .iter()
        .enumerate()
        .map(|(at, (text, _))| format!("Net {at},2027-03-0{},{text},Belgium\n", at + 1))
        .collect::<String>()
        + "Aula,2027-03-05,Aula (online via Zoom),Belgium\nQuay,2027-03-06,Quay 7,Belgium\n";
    let create = "venue = { from = \"{Place}\", create = true }\n\"venue.address.country\" = \"{Country}\"\n";
    let said = csv(app, &rows, create);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Created, "venue")),
        (6, 2),
        "{:?}",
        said.lines
    );
    let url = json!("https://zoom.us/j/7");
    for (at, (text, mode)) in NO_PLACES.iter().enumerate() {
        let found = if text.contains("://") { url.clone() } else { Value::Null };
        assert_eq!(place(app, &format!("net-{at}")), [json!(mode), Value::Null, found], "{text}");
    }
    assert_eq!(place(app, "aula"), [json!("mixed"), json!("Aula"), Value::Null]);
    assert_eq!(place(app, "quay"), [json!("offline"), json!("Quay 7"), Value::Null]);
    assert_eq!(said.report.count_notes("no_place", "/venue"), 4, "{:?}", said.report.notes);
    assert_eq!(said.report.count_notes("left_out", "venue.address.country of what is no place"), 4);
    // What was at a place and is online now has no place any more; the other way, it has one.
    let moved = rows.replace("Quay 7", "Webex").replace("Zoom,Belgium", "Quay 7,Belgium");
    csv(app, &moved, create);
    assert_eq!(place(app, "quay"), [json!("online"), Value::Null, Value::Null]);
    assert_eq!(place(app, "net-1")[1], json!("Quay 7"));
}

/// What a mapping says itself counts, and a reference to an item that is there needs no venue either.
#[apply(api_test)]
fn a_mapping_decides(app: &TestApp) {
    csv(
        app,
        "Net,2027-03-01,Online,\n",
        "attendance_mode = { from = \"{Place}\", words = { \"Online\" = \"mixed\" } }\nvenue = \"{Place}\"\n",
    );
    assert_eq!(place(app, "net"), [json!("mixed"), Value::Null, Value::Null]);
    csv(
        app,
        "Room,2027-03-01,Zoom,\n",
        "venue = { from = \"{Place}\", words = { \"Zoom\" = \"Zoom\" }, create = true }\n",
    );
    assert_eq!(place(app, "room"), [json!("offline"), json!("Zoom"), Value::Null]);
}

#[apply(api_test)]
fn lists_of_conferences(app: &TestApp) {
    let row = |name: &str, city: &str, country: &str| json!({"topic": "water", "name": name, "url": "https://x.example/", "startDate": "2027-05-03", "city": city, "country": country});
    let mut rows: Vec<Value> =
        NO_PLACES.iter().enumerate().map(|(at, (text, _))| row(&format!("Net {at}"), text, "")).collect();
    rows.extend([row("Both", "Ghent and online", "Belgium"), row("Far", "Online", "Online")]);
    let said = bring_text(app, "list.json", &Value::from(rows).to_string());
    assert_eq!(said.report.of(Outcome::Created, "event"), 6, "{:?}", said.lines);
    for (at, (text, mode)) in NO_PLACES.iter().enumerate() {
        assert_eq!(place(app, &format!("net-{at}-2027"))[..2], [json!(mode), Value::Null], "{text}");
    }
    assert_eq!(place(app, "both-2027")[..2], [json!("mixed"), json!("Ghent")]);
    assert_eq!(place(app, "far-2027")[..2], [json!("online"), Value::Null]);
    assert_eq!(venues(app), [json!("Ghent")]);
    let list = "- title: Rills\n  year: 2027\n  date: May 3, 2027\n  place: https://meet.rills.example/7\n  venue: Zoom\n- title: Brooks\n  year: 2027\n  date: May 3, 2027\n  place: Virtual\n  country: Online\n- title: Becks\n  year: 2027\n  date: May 4, 2027\n  venue: Pump House\n";
    bring_text(app, "deadlines.yml", list);
    assert_eq!(place(app, "rills-2027"), [json!("online"), Value::Null, json!("https://meet.rills.example/7")]);
    assert_eq!(place(app, "brooks-2027")[..2], [json!("online"), Value::Null]);
    assert_eq!(place(app, "becks-2027")[..2], [json!("offline"), json!("Pump House")]);
    assert_eq!(venues(app).len(), 2);
}

/// In programmes: the place of the event, and the rooms of its sessions.
#[apply(api_test)]
fn programmes(app: &TestApp) {
    let programme = |acronym: &str, venue: &str, rooms: &[&str]| {
        let rooms: serde_json::Map<String, Value> = rooms
            .iter()
            .enumerate()
            .map(|(at, room)| ((*room).to_owned(), json!([{"id": format!("{acronym}{at}"), "date": "2027-05-01T10:00:00+02:00", "start": "10:00", "duration": "00:30", "title": format!("{acronym} {at}"), "persons": []}])))
            .collect();
        json!({"schedule": {"conference": {"acronym": acronym, "title": acronym, "venue": venue, "start": "2027-05-01", "end": "2027-05-01", "time_zone_name": "Europe/Brussels", "days": [{"date": "2027-05-01", "rooms": rooms}]}}}).to_string()
    };
    for (at, (text, mode)) in NO_PLACES.iter().enumerate() {
        let said = bring_text(app, "schedule.json", &programme(&format!("net{at}"), text, &["Zoom"]));
        assert_eq!(said.report.of(Outcome::Created, "venue"), 0, "{text}: {:?}", said.lines);
        assert_eq!(place(app, &format!("net{at}"))[..2], [json!(mode), Value::Null], "{text}");
    }
    let said =
        bring_text(app, "schedule.json", &programme("both", "", &["Aula", "Online", "https://zoom.us/j/7", "TBA"]));
    assert_eq!(
        (said.report.count_notes("no_place", "/room"), said.report.count_notes("on_purpose", "room \"Online\"")),
        (1, 1)
    );
    let venue = app.visitor().get("/api/v1/venues/both").expect(200).json();
    assert_eq!(venue["rooms"].as_array().unwrap().len(), 1, "{venue}");
    let session = |slug: &str| app.visitor().get(&format!("/api/v1/sessions/{slug}")).expect(200).json();
    assert_eq!(
        [session("both-0")["room"].clone(), session("both-1")["room"].clone()],
        [json!("Aula"), json!("Online")]
    );
    let net = session("both-2");
    assert_eq!((&net["room"], &net["links"][0]["url"]), (&Value::Null, &json!("https://zoom.us/j/7")));
    assert_eq!(session("both-3")["room"], Value::Null);
}

/// A list of rooms says whether the event is online, if nothing else does.
#[apply(api_test)]
fn rooms_on_the_net(app: &TestApp) {
    let file = |rooms: &[&str]| {
        let rooms: Vec<Value> = rooms.iter().enumerate().map(|(at, name)| json!({"id": at, "name": name})).collect();
        json!({"sessions": [{"id": "1", "title": "Talk", "startsAt": "2027-05-01T09:00:00", "endsAt": "2027-05-01T10:00:00", "roomId": 0, "speakers": []}], "speakers": [], "categories": [], "rooms": rooms}).to_string()
    };
    bring_text(app, "far.json", &file(&["Virtual (Zoom)"]));
    assert_eq!(place(app, "far")[..2], [json!("online"), Value::Null]);
    bring_text(app, "both.json", &file(&["Online", "Aula"]));
    assert_eq!(place(app, "both")[..2], [json!("mixed"), json!("both")]);
    bring_text(app, "near.json", &file(&["Aula"]));
    assert_eq!(place(app, "near")[..2], [json!("offline"), json!("near")]);
}

/// Events of The Events Calendar, and of calendars.
#[apply(api_test)]
fn events_with_a_venue_of_their_own(app: &TestApp) {
    let events: Vec<Value> = NO_PLACES
        .iter()
        .enumerate()
        .map(|(at, (text, _))| json!({"id": at + 1, "url": "https://club.example/e", "title": format!("Net {at}"), "start_date": "2027-05-03 18:00:00", "timezone": "Europe/Paris", "status": "publish", "venue": {"id": 9, "venue": text, "city": "Lyon"}}))
        .collect();
    let said = bring_text(app, "events.json", &json!({"events": events}).to_string());
    assert_eq!((said.report.of(Outcome::Created, "event"), venues(app).len()), (4, 0), "{:?}", said.lines);
    assert_eq!(said.report.count_notes("left_out", "venue/city"), 4, "{:?}", said.report.notes);
    for (at, (text, mode)) in NO_PLACES.iter().enumerate() {
        assert_eq!(place(app, &format!("net-{at}"))[..2], [json!(mode), Value::Null], "{text}");
    }
    let calendar = |place: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Club\r\nBEGIN:VEVENT\r\nUID:1@club.example\r\nDTSTART:20270304T090000Z\r\nSUMMARY:Evening\r\nLOCATION:{place}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    bring_text(app, "club.ics", &calendar("Quay 7"));
    assert_eq!(place(app, "evening")[1], json!("Quay 7"));
    let said = bring_text(app, "club.ics", &calendar("TBA"));
    assert_eq!(place(app, "evening")[..2], [json!("offline"), Value::Null]);
    let note = said.report.notes.values().find(|note| note.code == "no_place").unwrap();
    assert_eq!(note.message, "\"TBA\" names no place");
    bring_text(app, "club.ics", &calendar("Online"));
    assert_eq!(place(app, "evening")[..2], [json!("online"), Value::Null]);
}

/// The address of a map shows where a place is, and leads to no meeting, whatever the format.
#[apply(api_test)]
fn maps(app: &TestApp) {
    const MAP: &str = "https://maps.apple.com/?ll=51.05,3.72";
    let venue_map = |slug: &str| {
        let venue = read(app, slug)["venue"]["id"].as_str().unwrap().to_owned();
        app.visitor().get(&format!("/api/v1/venues/{venue}")).expect(200).json()["map_url"].clone()
    };
    let links = |slug: &str| {
        let links = read(app, slug)["links"].clone();
        let list = links.as_array().unwrap().iter();
        list.map(|link| (link["title"].clone(), link["url"].clone())).collect::<Vec<_>>()
    };
    let link = (json!("Map"), json!(MAP));
    let rows = format!("Field,2027-03-01,\"{MAP}\",\nQuay,2027-03-02,\"Quay 7 ({MAP})\",\n");
    let said = csv(app, &rows, "venue = { from = \"{Place}\", create = true }\n");
    assert_eq!(said.report.count_notes("no_place", "/venue"), 0, "{:?}", said.report.notes);
    let list = format!(
        "- title: Rills\n  year: 2027\n  date: May 3, 2027\n  link: https://rills.example\n  place: \"{MAP}\"\n- title: Brooks\n  year: 2027\n  date: May 3, 2027\n  place: \"Ghent, Belgium, {MAP}\"\n"
    );
    bring_text(app, "deadlines.yml", &list);
    let row = |name: &str, city: &str| json!({"topic": "water", "name": name, "url": "https://x.example/", "startDate": "2027-05-03", "city": city, "country": "Belgium"});
    bring_text(app, "list.json", &json!([row("Bruges", &format!("Bruges {MAP}"))]).to_string());
    let event = |id: u8, title: &str, place: &str| json!({"id": id, "url": "https://club.example/e", "title": title, "start_date": "2027-05-03 18:00:00", "timezone": "Europe/Paris", "status": "publish", "venue": {"id": id, "venue": place}, "virtual_url": MAP});
    let said = bring_text(
        app,
        "events.json",
        &json!({"events": [event(1, "Walk", MAP), event(2, "Hall", &format!("Hall {MAP}"))]}).to_string(),
    );
    assert_eq!(said.report.count_notes("left_out", "virtual_url, the address of a map"), 2, "{:?}", said.report.notes);
    let open = json!({"id": 1, "name": "Tides", "location_name": format!("Quay House {MAP}"), "start_time": "2027-05-01T09:00:00", "end_time": "2027-05-02T18:00:00", "timezone": "Asia/Singapore", "privacy": "public", "identifier": "tides27"});
    bring_text(app, "event.json", &open.to_string());
    for slug in ["field", "quay", "rills-2027", "brooks-2027", "bruges-2027", "walk", "hall", "tides"] {
        let [mode, _, url] = place(app, slug);
        assert_eq!([mode, url], [json!("offline"), Value::Null], "{slug}");
    }
    for slug in ["field", "rills-2027", "walk"] {
        assert!(read(app, slug)["venue"].is_null() && links(slug).contains(&link), "{slug}: {:?}", links(slug));
    }
    for (slug, name) in [
        ("quay", "Quay 7"),
        ("brooks-2027", "Ghent"),
        ("bruges-2027", "Bruges"),
        ("hall", "Hall"),
        ("tides", "Quay House"),
    ] {
        assert_eq!((&place(app, slug)[1], venue_map(slug)), (&json!(name), json!(MAP)), "{slug}");
        assert!(!links(slug).contains(&link), "{slug}");
    }
    let far = |room: &str| {
        json!({"sessions": [{"id": "1", "title": "Walking talk", "startsAt": "2027-05-01T09:00:00", "endsAt": "2027-05-01T10:00:00", "room": room, "speakers": []}], "speakers": [], "categories": [], "rooms": []}).to_string()
    };
    bring_text(app, "walks.json", &far(&format!("Meadow {MAP}")));
    let session = app.visitor().get("/api/v1/sessions/walking-talk").expect(200).json();
    assert_eq!((&session["room"], &session["links"][0]["title"]), (&json!("Meadow"), &json!("Map")));
}

/// The rooms of a programme in XML are known at its end; where all are on the net, the event is.
#[apply(api_test)]
fn rooms_on_the_net_in_xml(app: &TestApp) {
    let file = |acronym: &str, about: &str, rooms: &[&str]| {
        let rooms: String = rooms
            .iter()
            .enumerate()
            .map(|(at, room)| format!("<room name=\"{room}\"><event id=\"{at}\"><date>2027-05-01T1{at}:00:00+02:00</date><duration>00:30</duration><title>{acronym} {at}</title></event></room>"))
            .collect();
        format!(
            "<schedule><conference><acronym>{acronym}</acronym><title>{acronym}</title>{about}<start>2027-05-01</start><end>2027-05-01</end><time_zone_name>Europe/Brussels</time_zone_name></conference><day index=\"1\" date=\"2027-05-01\">{rooms}</day></schedule>"
        )
    };
    for _ in 0..2 {
        for (acronym, about, rooms, mode, venue) in [
            ("net", "", &["Online", "Zoom"][..], "online", Value::Null),
            ("meet", "", &["https://zoom.us/j/7"], "online", Value::Null),
            ("both", "", &["Online", "Aula"], "mixed", json!("both")),
            ("turned", "", &["Aula", "Online"], "mixed", json!("turned")),
            ("near", "", &["Aula"], "offline", json!("near")),
            ("open", "", &["TBA"], "offline", Value::Null),
            ("placed", "<city>Ghent</city>", &["Online"], "offline", json!("Ghent")),
        ] {
            let said = bring_text(app, "schedule.xml", &file(acronym, about, rooms));
            assert_eq!(place(app, acronym)[..2], [json!(mode), venue], "{acronym}: {:?}", said.lines);
            if acronym == "both" {
                let rooms = app.visitor().get("/api/v1/venues/both").expect(200).json()["rooms"].clone();
                assert_eq!(rooms[0]["name"], "Aula");
            }
        }
    }
    // An event that moves to the net loses its venue.
    bring_text(app, "schedule.xml", &file("near", "", &["Zoom"]));
    assert_eq!(place(app, "near")[..2], [json!("online"), Value::Null]);
}

/// Lists of deadlines know the same words as every other format for a place that is not known.
#[apply(api_test)]
fn places_that_are_not_known_in_lists(app: &TestApp) {
    let list = "- title: Rills\n  year: 2027\n  date: May 3, 2027\n  link: https://rills.example\n  place: PLACE\n";
    bring_text(app, "deadlines.yml", &list.replace("PLACE", "Ghent"));
    assert_eq!(place(app, "rills-2027")[1], json!("Ghent"));
    for text in ["To be announced", "n/a", "nog niet bekend"] {
        let said = bring_text(app, "deadlines.yml", &list.replace("PLACE", text));
        assert_eq!(place(app, "rills-2027")[..2], [json!("offline"), Value::Null], "{text}");
        assert_eq!(said.report.count_notes("no_place", "/venue"), 1, "{text}: {:?}", said.report.notes);
    }
    // The code of Namibia is no "not available".
    let namibia = list.replace("Rills", "Dunes").replace("PLACE", "Windhoek\n  country: NA");
    bring_text(app, "namibia.yml", &namibia);
    assert_eq!(place(app, "dunes-2027")[1], json!("Windhoek"));
    let venue = app.visitor().get("/api/v1/events/dunes-2027?include=venue").expect(200).json();
    assert_eq!(venue["venue"]["address"]["country"], "NA", "{venue:#}");
    let said =
        bring_text(app, "deadlines.yml", &list.replace("May 3, 2027", "To be announced").replace("PLACE", "Ghent"));
    let note = said.report.notes.values().find(|note| note.code == "only_the_year").unwrap();
    assert_eq!(note.message, "the days are not known; the year is kept");
}
