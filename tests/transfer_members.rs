//! Members of programmes in JSON that other programs write in forms of their own: relative addresses, rooms, colours of
//! tracks, plain texts, and speakers of whom nothing is public.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::bring_text;

/// A programme in frab's JSON with these members of the schedule and of the conference, and one session.
fn frab(schedule: &Value, conference: &Value, session: &Value) -> String {
    let mut talk =
        json!({"guid": "7d1f2f4e-0000-4000-8000-000000000001", "title": "Ebb", "start": "10:00", "duration": "00:30"});
    let mut about = json!({"acronym": "gully-2027", "title": "Gully", "start": "2027-05-01", "end": "2027-05-01", "time_zone_name": "Europe/Brussels"});
    talk.as_object_mut().unwrap().extend(session.as_object().unwrap().clone());
    about.as_object_mut().unwrap().extend(conference.as_object().unwrap().clone());
    about["days"] = json!([{"index": 1, "date": "2027-05-01", "rooms": {"Aula": [talk]}}]);
    let mut whole = schedule.clone();
    whole["version"] = "1".into();
    whole["conference"] = about;
    json!({ "schedule": whole }).to_string()
}

fn urls(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|entry| entry["url"].as_str().unwrap()).collect()
}

#[apply(api_test)]
fn relative_addresses_belong_to_the_base(app: &TestApp) {
    let session = json!({"attachments": [{"title": "Slides", "url": "slides.pdf"}, {"title": "B", "url": "./b.pdf"}, {"title": "C", "url": "media/c.zip"}],
        "links": [{"title": "About", "url": "about.html"}, {"title": "Site", "url": "www.river.example/x"}], "logo": "logo.png",
        "persons": [{"id": 1, "public_name": "Ada Example", "avatar": "a.jpg"}]});
    let conference = json!({"logo": "/l.svg"});
    // The base is a folder, with the slash at its end or without.
    for base in ["https://x.example.org/2027/", "https://x.example.org/2027"] {
        let app = TestApp::start(app.backend);
        let said = bring_text(&app, "schedule.json", &frab(&json!({"base_url": base}), &conference, &session));
        assert_eq!(said.report.of(Outcome::Created, "session"), 1, "{:?}", said.lines);
        let get = |path: &str| app.visitor().get(&format!("/api/v1/{path}")).expect(200).json();
        let talk = get("sessions/ebb");
        let below = |name: &str| format!("https://x.example.org/2027/{name}");
        assert_eq!(urls(&talk["documents"]), [below("slides.pdf"), below("b.pdf"), below("media/c.zip")]);
        assert_eq!(urls(&talk["links"]), [below("about.html"), "https://www.river.example/x".to_owned()]);
        assert_eq!(talk["image"]["url"], below("logo.png"));
        assert_eq!(get("speakers/ada-example")["portrait"]["url"], below("a.jpg"));
        assert_eq!(get("events/gully")["image"]["url"], "https://x.example.org/l.svg");
    }
    // Without a base, the name of a file is no host: it is left out, with a note.
    let said = bring_text(app, "schedule.json", &frab(&json!({}), &json!({}), &session));
    let talk = app.visitor().get("/api/v1/sessions/ebb").expect(200).json();
    assert_eq!(
        (urls(&talk["documents"]).len(), urls(&talk["links"])),
        (0, vec!["https://www.river.example/x"]),
        "{talk:#}"
    );
    assert_eq!(said.report.count_notes("not_a_url", "/documents"), 3, "{:?}", said.report.notes);
}

#[apply(api_test)]
fn rooms_say_how_many_seats_they_have(app: &TestApp) {
    let rooms = json!([{"name": "Aula", "capacity": "200", "guid": "7d1f2f4e-0000-4000-8000-0000000000a1"},
        {"name": "Attic", "capacity": "about 30"}, {"name": "Aula", "guid": "7d1f2f4e-0000-4000-8000-0000000000a2"}]);
    let said = bring_text(app, "schedule.json", &frab(&json!({}), &json!({"rooms": rooms}), &json!({})));
    let venue = app.visitor().get("/api/v1/venues/gully").expect(200).json();
    let seats: Vec<(&str, Option<u64>)> = venue["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|room| (room["name"].as_str().unwrap(), room["capacity"].as_u64()))
        .collect();
    assert_eq!(seats, [("Aula", Some(200)), ("Attic", None), ("Aula (2)", None)]);
    for (code, property) in [("left_out", "room/capacity, which is no number"), ("on_purpose", "room \"Aula\"")] {
        assert_eq!(said.report.count_notes(code, property), 1, "{property}: {:?}", said.report.notes);
    }
}

/// The address of the conference is that of its website; that of the schedule is the file.
#[apply(api_test)]
fn the_website_is_that_of_the_conference(app: &TestApp) {
    let schedule = json!({"url": "https://x.example.org/schedule.json", "base_url": "https://x.example.org/"});
    for (conference, website) in [
        (json!({"url": "https://gully.example.org/"}), "https://gully.example.org/"),
        (json!({}), "https://x.example.org/"),
    ] {
        let app = TestApp::start(app.backend);
        let said = bring_text(&app, "schedule.json", &frab(&schedule, &conference, &json!({})));
        let event = app.visitor().get("/api/v1/events/gully").expect(200).json();
        assert_eq!(urls(&event["links"]), [website], "{event:#}");
        assert_eq!(said.report.count_notes("left_out", "conference/url, a further one"), 0);
    }
}

#[apply(api_test)]
fn tracks_of_submissions_have_their_colours(app: &TestApp) {
    let submission = |code: &str, state: &str, track: Value| {
        json!({"code": code, "title": format!("Talk {code}"), "state": state, "submission_type": {"en": "Talk"}, "track": track,
            "slots": [{"start": "2027-05-01T10:00:00+02:00", "end": "2027-05-01T10:30:00+02:00", "room": {"name": {"en": "Aula"}}}]})
    };
    let file = json!({"count": 3, "next": null, "previous": null, "results": [
        submission("AAAAAA", "confirmed", json!({"id": 1, "name": {"en": "Law"}, "color": "#aa0000"})),
        submission("BBBBBB", "confirmed", json!({"id": 1, "name": {"en": "Law"}, "color": "#aa0000"})),
        submission("CCCCCC", "rejected", json!({"id": 2, "name": {"en": "Hidden"}, "color": "#00aa00"})),
    ]});
    bring_text(app, "submissions.json", &file.to_string());
    let events = app.visitor().get("/api/v1/events").expect(200).json();
    let slug = events["data"][0]["slug"].as_str().unwrap();
    let event = app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json();
    let tracks: Vec<(&Value, &Value)> =
        event["tracks"].as_array().unwrap().iter().map(|track| (&track["name"], &track["colour"])).collect();
    assert_eq!(tracks, [(&json!("Law"), &json!("#aa0000"))], "{event:#}");
}

/// Texts of Sessionize are plain, and a speaker whose sessions are all left out is left out too.
#[apply(api_test)]
fn sessionize_has_plain_texts_and_public_speakers(app: &TestApp) {
    let session = |id: u32, title: &str, status: &str, speaker: &str| {
        json!({"id": id.to_string(), "title": title, "description": "First line\r\nsecond *line*\r\n\r\n# not a head <none>", "startsAt": "2027-05-01T10:00:00", "endsAt": "2027-05-01T11:00:00",
            "isServiceSession": false, "isPlenumSession": false, "speakers": [speaker], "categoryItems": [], "questionAnswers": [], "roomId": 1, "liveUrl": null, "recordingUrl": null, "status": status})
    };
    let speaker = |id: &str, first: &str, sessions: Value| json!({"id": id, "firstName": first, "lastName": "Example", "fullName": format!("{first} Example"), "bio": "Likes #3\r\n* and stars", "tagLine": "", "profilePicture": null, "isTopSpeaker": false, "links": [], "sessions": sessions, "categoryItems": [], "questionAnswers": []});
    let file = json!({"sessions": [session(1, "Open", "Accepted", "a"), session(2, "Queued", "Accept_Queue", "b")],
        "speakers": [speaker("a", "Ada", json!([1, 2])), speaker("b", "Bo", json!([2])), speaker("c", "Cy", json!([]))],
        "questions": [], "categories": [], "rooms": [{"id": 1, "name": "Aula", "sort": 0}]});
    let said = bring_text(app, "all.json", &file.to_string());
    let get = |path: &str| app.visitor().get(&format!("/api/v1/{path}"));
    let html = get("sessions/open").expect(200).json()["description"].as_str().unwrap().to_owned();
    assert_eq!(html, "<p>First line<br>\nsecond *line*</p>\n<p># not a head &lt;none&gt;</p>");
    let bio = get("speakers/ada-example").expect(200).json()["biography"].as_str().unwrap().to_owned();
    assert_eq!(bio, "<p>Likes #3<br>\n* and stars</p>");
    get("speakers/bo-example").expect(404);
    get("speakers/cy-example").expect(200);
    assert_eq!(app.editor().get("/api/v1/speakers/bo-example").status, 404);
    assert_eq!(said.report.count_notes("not_public", "/speakers"), 1, "{:?}", said.report.notes);
}

/// Two rooms with one name and two guids stay two, in the venue, of the sessions, and where the programme goes out.
#[apply(api_test)]
fn rooms_of_one_name(app: &TestApp) {
    let guid = |number: u8| format!("7d1f2f4e-0000-4000-8000-0000000000a{number}");
    let room = |number: u8, hour: &str| {
        format!(
            "<room name=\"Aula\" guid=\"{}\"><event id=\"{number}{hour}\"><date>2027-05-01T{hour}:00:00+02:00</date><duration>00:30</duration><room>Aula</room><title>Talk {number} {hour}</title></event></room>",
            guid(number)
        )
    };
    let xml = format!(
        "<schedule><conference><acronym>gorge</acronym><title>Gorge</title><start>2027-05-01</start><end>2027-05-01</end><time_zone_name>Europe/Brussels</time_zone_name></conference><day index=\"1\" date=\"2027-05-01\">{}{}</day><day index=\"2\" date=\"2027-05-01\">{}</day></schedule>",
        room(1, "09"),
        room(2, "09"),
        room(2, "11")
    );
    let get = |path: &str| app.visitor().get(&format!("/api/v1/{path}")).expect(200).json();
    for _ in 0..2 {
        bring_text(app, "schedule.xml", &xml);
        let rooms = get("venues/gorge")["rooms"].clone();
        let names: Vec<&Value> = rooms.as_array().unwrap().iter().map(|room| &room["name"]).collect();
        assert_eq!(names, ["Aula", "Aula (2)"]);
        for (slug, name) in [("talk-1-09", "Aula"), ("talk-2-09", "Aula (2)"), ("talk-2-11", "Aula (2)")] {
            assert_eq!(get(&format!("sessions/{slug}"))["room"], name, "{slug}");
        }
    }
    let out = get("events/gorge/schedule.json")["schedule"]["conference"]["rooms"].clone();
    let out: Vec<(&str, &str)> = out
        .as_array()
        .unwrap()
        .iter()
        .map(|room| (room["name"].as_str().unwrap(), room["guid"].as_str().unwrap()))
        .collect();
    assert_eq!(out, [("Aula", guid(1).as_str()), ("Aula (2)", guid(2).as_str())]);
    let sessions = |id: &str| json!({"guid": id, "title": format!("Listed {id}"), "start": "2027-05-01T10:00:00+02:00", "end": "2027-05-01T11:00:00+02:00", "room": {"name": "Aula", "guid": guid(id.parse().unwrap())}});
    let schedule2 = json!({"schedule": {"version": "2", "conference": {"acronym": "ravine", "title": "Ravine", "start": "2027-05-01", "end": "2027-05-01", "time_zone_name": "Europe/Brussels", "rooms": [{"name": "Aula", "guid": guid(1)}, {"name": "Aula", "guid": guid(2)}]}, "events": [sessions("2"), sessions("1")]}});
    bring_text(app, "schedule.json", &schedule2.to_string());
    assert_eq!(
        [get("sessions/listed-1")["room"].clone(), get("sessions/listed-2")["room"].clone()],
        ["Aula", "Aula (2)"]
    );
}
