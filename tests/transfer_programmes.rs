//! Programmes of other systems: times, rooms, people, consent, and what is no part of them.

use plenary::transfer::{Outcome, Verdict};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{bring_bytes, bring_text, strip_nulls};

fn session(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/sessions/{slug}?include=speakers")).expect(200).json()
}

/// A programme in XML with these sessions.
fn xml(conference: &str, sessions: &str) -> String {
    format!(
        "<schedule><version>1</version><conference><acronym>water-2027</acronym><title>Water 2027</title><start>2027-03-04</start><end>2027-03-05</end><time_zone_name>Europe/Brussels</time_zone_name>{conference}</conference><day index=\"1\" date=\"2027-03-04\" start=\"2027-03-04T09:00:00+01:00\" end=\"2027-03-05T04:00:00+01:00\">{sessions}</day></schedule>"
    )
}

/// A programme in frab's JSON with these members of the conference, and these sessions in one room.
fn frab(conference: &Value, sessions: &Value) -> Value {
    let mut all = json!({"days": [{"index": 1, "date": "2027-05-01", "rooms": {"Aula": sessions}}]});
    all.as_object_mut().unwrap().extend(conference.as_object().unwrap().clone());
    json!({"schedule": {"conference": all, "version": "1"}})
}

#[apply(api_test)]
fn the_date_of_a_session_decides(app: &TestApp) {
    let sessions = "<room name=\"Tent\">
        <event id=\"1\"><date>2027-03-04T23:30:00+01:00</date><start>23:30</start><duration>01:00</duration><title>Before midnight</title><recording><license>cc-by</license><optout>true</optout></recording></event>
        <event id=\"2\"><date>2027-03-05T00:45:00+01:00</date><start>00:45</start><duration>00:30</duration><title>After midnight</title><recording><license/><optout>false</optout></recording></event>
        <event id=\"3\"><date>2027-03-04T12:00:00+01:00</date><start>12:00</start><duration>1:02:00</duration><title>A day and two hours</title></event></room>";
    let said = bring_text(app, "night.xml", &xml("", sessions));
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let (first, second, third) =
        (session(app, "before-midnight"), session(app, "after-midnight"), session(app, "a-day-and-two-hours"));
    assert_eq!(first["ends_at"], "2027-03-05T00:30:00+01:00");
    assert_eq!(
        (&second["starts_at"], &second["ends_at"]),
        (&json!("2027-03-05T00:45:00+01:00"), &json!("2027-03-05T01:15:00+01:00"))
    );
    assert_eq!(third["ends_at"], "2027-03-05T14:00:00+01:00");
    assert_eq!(said.report.count_notes("duration", "/ends_at"), 1);
    // What is not known stays unknown.
    assert_eq!(
        (&first["do_not_record"], &second["do_not_record"], &third["do_not_record"]),
        (&json!(true), &json!(false), &Value::Null)
    );
    assert_eq!((&first["recording_license"], &second["recording_license"]), (&json!("cc-by"), &Value::Null));
}

#[apply(api_test)]
fn rooms_tracks_and_people(app: &TestApp) {
    let conference = "<venue>Pump House</venue><track name=\"Law\" color=\"#aa0000\" slug=\"law\"/>";
    let sessions = "<room name=\"Aula\" guid=\"a\"><event id=\"1\"><start>11:00</start><duration>00:30</duration><title>Late</title><track>Law</track><persons><person id=\"1\">Ada Example</person><person id=\"2\">Bo Sample</person><person id=\"1\">Ada Example</person></persons></event></room>
        <room name=\"Room 2\" capacity=\"40\"><event id=\"2\"><start>09:00</start><duration>00:30</duration><title>Early</title><persons><person id=\"3\"/></persons></event></room>
        <room name=\"Room 10\"/>";
    let said = bring_text(app, "rooms.xml", &xml(conference, sessions));
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    let late = session(app, "late");
    let names: Vec<&Value> = late["speakers"].as_array().unwrap().iter().map(|s| &s["speaker"]["name"]).collect();
    assert_eq!(names, ["Ada Example", "Bo Sample"]);
    assert_eq!(
        (said.report.count_notes("duplicate", "/speakers"), said.report.count_notes("required", "/speakers")),
        (1, 1)
    );
    let venue = app.visitor().get("/api/v1/venues/pump-house").expect(200).json();
    assert_eq!(
        strip_nulls(&venue["rooms"]),
        json!([{"name": "Aula"}, {"name": "Room 2", "capacity": 40}, {"name": "Room 10"}])
    );
    let event = app.visitor().get("/api/v1/events/water-2027").expect(200).json();
    assert_eq!(strip_nulls(&event["tracks"]), json!([{"name": "Law", "colour": "#aa0000"}]));
}

#[apply(api_test)]
fn members_have_no_order_and_files_a_mark(app: &TestApp) {
    let talk = json!([{"id": 1, "guid": "g1", "date": "2027-05-01T09:00:00+02:00", "start": "09:00", "duration": "00:30", "title": "Opening", "persons": []}]);
    let heading = json!({"acronym": "order-2027", "title": "Order", "start": "2027-05-01", "end": "2027-05-01", "time_zone_name": "America/New_York"});
    // `days` comes before the title and the zone.
    let text = format!("\u{feff}{}", frab(&heading, &talk));
    assert!(text.find("days").unwrap() < text.find("acronym").unwrap());
    let said = bring_text(app, "order.json", &text);
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    assert_eq!(app.visitor().get("/api/v1/events/order").expect(200).json()["time_zone"], "America/New_York");
    assert_eq!(session(app, "opening")["starts_at"], "2027-05-01T03:00:00-04:00");
}

#[apply(api_test)]
fn encodings_and_languages(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| c.site.locales = vec!["en".into(), "nl".into()]);
    let sessions = "<room name=\"Große Halle\"><event id=\"1\"><start>09:00</start><duration>00:30</duration><title>Das Recht am Fluß</title><language>de</language><persons><person id=\"1\">Jörg Beispiel</person></persons></event><event id=\"2\"><start>10:00</start><duration>00:30</duration><title>Het recht</title><language>nl</language></event></room>";
    let text = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{}", xml("", sessions));
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let said = bring_bytes(&app, "latin.xml", &latin, |_| {});
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let talk = session(&app, "das-recht-am-fluss");
    assert_eq!(
        (&talk["room"], &talk["speakers"][0]["speaker"]["name"]),
        (&json!("Große Halle"), &json!("Jörg Beispiel"))
    );
    assert_eq!(said.report.count_notes("unknown_locale", ""), 1, "{:?}", said.report.notes);
    let dutch = app.visitor().get("/api/v1/sessions/het-recht?locale=*").expect(200).json();
    assert_eq!(dutch["title"], json!({"nl": "Het recht"}));
}

#[apply(api_test)]
fn only_what_is_accepted_is_part_of_a_programme(app: &TestApp) {
    let submission = |code: &str, title: &str, state: &str| {
        json!({"code": code, "title": title, "state": state, "submission_type": {"en": "Talk"}, "track": {"en": "Law"}, "do_not_record": true,
               "slot": {"room": {"en": "Aula"}, "start": "2027-05-01T09:00:00+02:00", "end": "2027-05-01T09:30:00+02:00"},
               "speakers": [{"code": format!("S{code}"), "name": format!("Speaker {code}"), "biography": "b", "email": "x@river.example"}], "internal_notes": "pays late"})
    };
    let mut hidden = submission("H", "Hidden talk", "confirmed");
    hidden["is_public"] = false.into();
    let page = json!({"count": 5, "next": "https://cfp.river.example/?page=2", "previous": null, "results": [
        submission("A", "Confirmed talk", "confirmed"), submission("B", "Rejected talk", "rejected"), submission("C", "Withdrawn talk", "withdrawn"),
        submission("D", "Only submitted", "submitted"), hidden]});
    let said = bring_text(app, "submissions.json", &page.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.of(Outcome::Created, "speaker")),
        (1, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(
        (said.report.count_notes("not_public", "/state"), said.report.count_notes("partial", "")),
        (4, 1),
        "{:?}",
        said.report.notes
    );
    assert_eq!(said.report.count_notes("on_purpose", "submission/internal_notes"), 1);
    let talk = session(app, "confirmed-talk");
    assert_eq!((&talk["do_not_record"], &talk["track"], &talk["room"]), (&json!(true), &json!("Law"), &json!("Aula")));
    let all = app.editor().get("/api/v1/sessions?status=any").expect(200).json();
    assert!(!all.to_string().contains("pays late") && all["data"].as_array().unwrap().len() == 1);
}

#[apply(api_test)]
fn ids_ask_once_for_their_content(app: &TestApp) {
    let submission = |code: &str| json!({"code": code, "title": format!("Talk {code}"), "state": "confirmed", "speakers": ["S1"], "submission_type": 3, "track": 5, "slots": [7]});
    let page = json!({"count": 2, "next": null, "results": [submission("A"), submission("B")]});
    let said = bring_text(app, "submissions.json", &page.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.count_notes("expand", "")),
        (2, 1),
        "{:?}",
        said.lines
    );
    let slots = json!({"count": 2, "results": [
        {"id": 1, "room": {"id": 4, "name": {"en": "Foyer"}}, "start": "2027-05-01T12:00:00+02:00", "end": "2027-05-01T13:00:00+02:00", "submission": null, "description": {"en": "Lunch"}},
        {"id": 2, "room": 4, "start": "2027-05-01T13:00:00+02:00", "end": "2027-05-01T14:00:00+02:00", "submission": "A"}]});
    let said = bring_text(app, "slots.json", &slots.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.count_notes("expand_submission", "")),
        (1, 1),
        "{:?}",
        said.lines
    );
    let lunch = session(app, "lunch");
    assert_eq!((&lunch["kind"], &lunch["room"]), (&json!("break"), &json!("Foyer")));
}

#[apply(api_test)]
fn the_widget_of_pretalx_is_read(app: &TestApp) {
    let widget = json!({
        "talks": [{"code": "A", "id": 1, "title": "Opening", "abstract": "Words", "speakers": ["S1"], "track": 5, "start": "2027-05-01T09:00:00+02:00", "end": "2027-05-01T09:30:00+02:00", "room": 4, "duration": 30},
                  {"id": 2, "title": {"en": "Lunch"}, "start": "2027-05-01T12:00:00+02:00", "end": "2027-05-01T13:00:00+02:00", "room": 4, "speakers": []}],
        "version": "1", "timezone": "Europe/Brussels", "event_start": "2027-05-01", "event_end": "2027-05-02",
        "tracks": [{"id": 5, "name": {"en": "Law"}, "color": "#00aa00"}], "rooms": [{"id": 4, "name": {"en": "Aula"}, "description": {"en": "Left"}}],
        "speakers": [{"code": "S1", "name": "Ada Example", "avatar": "https://river.example/a.jpg"}]});
    let said = bring_bytes(app, "widget.json", widget.to_string().as_bytes(), |options| {
        options.settings.name = "widget".into();
    });
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    let talk = session(app, "opening");
    assert_eq!(
        (&talk["room"], &talk["track"], &talk["speakers"][0]["speaker"]["name"]),
        (&json!("Aula"), &json!("Law"), &json!("Ada Example"))
    );
}

#[apply(api_test)]
fn sessionize_is_read(app: &TestApp) {
    let all = json!({"sessions": [
        {"id": "101", "title": "Opening", "description": null, "startsAt": "2027-03-04T09:00:00", "endsAt": "2027-03-04T09:30:00", "isServiceSession": false, "isPlenumSession": true, "speakers": ["a1"], "categoryItems": [7, 8], "questionAnswers": [], "roomId": 1, "liveUrl": null, "recordingUrl": "https://video.river.example/1", "status": "Accepted"},
        {"id": "s1", "title": "Lunch", "startsAt": "2027-03-04T12:00:00", "endsAt": "2027-03-04T13:00:00", "isServiceSession": true, "speakers": [], "categoryItems": [], "roomId": 1, "status": null},
        {"id": "102", "title": "Declined", "startsAt": null, "endsAt": null, "isServiceSession": false, "speakers": ["a1"], "categoryItems": [], "roomId": null, "status": "Declined"}],
        "speakers": [{"id": "a1", "firstName": "Ada", "lastName": "Example", "fullName": "Ada Example", "bio": "Speaks.", "tagLine": "Engineer", "profilePicture": "https://river.example/a.jpg", "isTopSpeaker": false, "links": [{"title": "Site", "url": "https://river.example/a", "linkType": "Blog"}], "sessions": [101], "categoryItems": [], "questionAnswers": []}],
        "questions": [], "categories": [{"id": 1, "title": "Level", "items": [{"id": 7, "name": "Beginner", "sort": 1}], "sort": 1, "type": "session"}, {"id": 2, "title": "Track", "items": [{"id": 8, "name": "Law"}]}],
        "rooms": [{"id": 1, "name": "Aula", "sort": 1}]});
    let said = bring_text(app, "all.json", &all.to_string());
    assert_eq!(
        (
            said.report.of(Outcome::Created, "session"),
            said.report.of(Outcome::Created, "event"),
            said.report.total(Outcome::Refused)
        ),
        (2, 1, 0),
        "{:?}",
        said.lines
    );
    let talk = session(app, "opening");
    assert_eq!(
        (&talk["starts_at"], &talk["ends_at"]),
        (&json!("2027-03-04T09:00:00+01:00"), &json!("2027-03-04T09:30:00+01:00"))
    );
    assert_eq!(
        (&talk["room"], &talk["track"], &talk["recordings"][0]["url"]),
        (&json!("Aula"), &json!("Law"), &json!("https://video.river.example/1"))
    );
    assert_eq!(session(app, "lunch")["kind"], "break");
    let ada = app.visitor().get("/api/v1/speakers/ada-example").expect(200).json();
    assert_eq!(
        (&ada["job_title"], &ada["portrait"]["url"], &ada["links"][0]["url"]),
        (&json!("Engineer"), &json!("https://river.example/a.jpg"), &json!("https://river.example/a"))
    );
    assert_eq!(
        (said.report.count_notes("not_public", "/status"), said.report.count_notes("left_out", "category \"Level\"")),
        (1, 1),
        "{:?}",
        said.report.notes
    );
    let groups = json!([{"groupId": 1, "groupName": "All", "isDefault": true, "sessions": [
        {"id": "201", "title": "In a group", "startsAt": "2027-03-04T10:00:00", "endsAt": "2027-03-04T10:30:00", "isServiceSession": false, "speakers": [{"id": "b1", "name": "Bo Sample"}], "categories": [{"id": 2, "name": "Track", "categoryItems": [{"id": 8, "name": "Law"}]}], "roomId": 1, "room": "Aula", "status": "Accepted"}]}]);
    let said = bring_text(app, "sessions.json", &groups.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.verdict()),
        (1, Verdict::AllTaken),
        "{:?}",
        said.lines
    );
    let talk = session(app, "in-a-group");
    assert_eq!(
        (&talk["room"], &talk["track"], &talk["speakers"][0]["speaker"]["name"]),
        (&json!("Aula"), &json!("Law"), &json!("Bo Sample"))
    );
}

#[apply(api_test)]
fn indico_is_read(app: &TestApp) {
    let at = |time: &str| json!({"date": "2027-05-03", "time": time, "tz": "Europe/Zurich"});
    let speaker = json!({"first_name": "Ada", "last_name": "Example", "fullName": "Example, Ada", "person_id": 7, "email": "ada@river.example"});
    let event = json!({"_type": "Conference", "id": "137", "title": "River Physics", "description": "<p>About</p>", "startDate": at("08:00:00"), "endDate": at("18:00:00"), "timezone": "Europe/Zurich", "location": "Main Building", "url": "https://indico.river.example/event/137/", "mood": "good",
        "contributions": [{"_type": "Contribution", "id": "1", "db_id": 901, "title": "Eddies", "description": "Plain words", "startDate": at("09:00:00"), "endDate": at("09:30:00"), "duration": 30, "room": "Aula", "speakers": [speaker], "track": "Law", "url": "https://indico.river.example/event/137/contributions/901/",
            "folders": [{"attachments": [{"title": "Slides", "download_url": "https://indico.river.example/a.pdf"}]}]}]});
    let page = json!({"count": 1, "_type": "HTTPAPIResult", "complete": true, "ts": 1, "url": "https://indico.river.example/export/event/137.json", "results": [event]});
    let said = bring_text(app, "indico.json", &page.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Created, "session")),
        (1, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(
        (said.report.total(Outcome::Refused), said.report.count_notes("left_out", "event/mood")),
        (0, 1),
        "{:?}",
        said.report.notes
    );
    let talk = session(app, "eddies");
    assert_eq!(
        (&talk["starts_at"], &talk["ends_at"], &talk["room"]),
        (&json!("2027-05-03T09:00:00+02:00"), &json!("2027-05-03T09:30:00+02:00"), &json!("Aula"))
    );
    assert_eq!(
        (&talk["speakers"][0]["speaker"]["name"], &talk["documents"][0]["url"]),
        (&json!("Ada Example"), &json!("https://indico.river.example/a.pdf"))
    );
}

#[apply(api_test)]
fn the_events_calendar_is_read(app: &TestApp) {
    let event = |id: u32, status: &str| {
        json!({"id": id, "url": format!("https://wp.river.example/event/{id}/"), "title": "Water &#038; law", "description": "<p>About</p>", "excerpt": "<p>Short</p>", "slug": format!("water-{id}"), "status": status, "image": {"url": "https://wp.river.example/a.jpg"}, "all_day": false, "start_date": "2027-05-03 18:00:00", "end_date": "2027-05-03 20:00:00", "timezone": "Europe/Paris", "cost": "Free", "website": "", "categories": [{"name": "Water"}], "tags": [],
        "venue": {"id": 5, "venue": "Pump House", "address": "Quay 1", "city": "Paris", "country": "France", "zip": "75001"}, "organizer": [{"organizer": "River Club", "email": "club@river.example"}], "sticky": true})
    };
    let page =
        json!({"events": [event(1, "publish"), event(2, "draft")], "rest_url": "x", "total": 2, "total_pages": 1});
    let said = bring_text(app, "tribe.json", &page.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("not_public", "/status")),
        (1, 1),
        "{:?}",
        said.lines
    );
    let event = app.visitor().get("/api/v1/events/water-1?include=venue,topics").expect(200).json();
    assert_eq!(
        (&event["title"], &event["starts_at"], &event["summary"]),
        (&json!("Water & law"), &json!("2027-05-03T18:00:00+02:00"), &json!("Short"))
    );
    assert_eq!(
        (&event["venue"]["address"]["country"], &event["topics"][0]["name"], &event["contact"]["email"]),
        (&json!("FR"), &json!("Water"), &json!("club@river.example"))
    );
}

/// Every member of c3voc's schema is stored or noted.
#[apply(api_test)]
fn nothing_is_passed_over_in_silence(app: &TestApp) {
    let talk = json!([{"id": 1, "guid": "g1", "code": "C", "logo": "https://river.example/l.png", "date": "2027-05-01T09:00:00+02:00", "start": "09:00", "duration": "00:30", "room": "Aula", "slug": "all-of-it", "url": "https://river.example/t", "title": "All of it", "subtitle": "Sub", "track": "Law", "type": "Talk", "language": "en", "abstract": "Abs", "description": "Desc", "recording_license": "CC0", "do_not_record": false, "feedback_url": "https://river.example/f", "origin_url": "https://river.example/o", "x_own": 1,
        "persons": [{"id": 1, "guid": "p1", "code": "P", "name": "Ada Example", "public_name": "Ada Example", "biography": "Bio", "avatar": "https://river.example/a.png", "url": "https://river.example/p", "x_person": 2}],
        "links": [{"title": "L", "url": "https://river.example/l"}], "attachments": [{"title": "S", "url": "https://river.example/s.pdf", "type": "slides"}]}]);
    let heading = json!({"acronym": "all-2027", "title": "All", "description": "About", "start": "2027-05-01", "end": "2027-05-01", "daysCount": 1, "timeslot_duration": "00:05", "time_zone_name": "Europe/Brussels", "colors": {"primary": "#fff"}, "url": "https://river.example/", "logo": "https://river.example/logo.png", "x_conference": true,
        "tracks": [{"name": "Law", "color": "#aa0000", "slug": "law"}], "rooms": [{"name": "Aula", "capacity": 50, "description": "Left", "guid": "r1"}]});
    let said = bring_text(app, "all.json", &frab(&heading, &talk).to_string());
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let stored = app.visitor().get("/api/v1/sessions/all-of-it?include=speakers").expect(200).json().to_string()
        + &app.visitor().get("/api/v1/events/all").expect(200).json().to_string()
        + &app.visitor().get("/api/v1/venues/all").expect(200).json().to_string()
        + &app.visitor().get("/api/v1/speakers/ada-example").expect(200).json().to_string();
    for text in [
        "l.png", "Sub", "Law", "Abs", "Desc", "CC0", "/f\"", "/o\"", "/t\"", "Bio", "a.png", "/p\"", "s.pdf", "About",
        "logo.png", "#aa0000", "50", "Left",
    ] {
        assert!(stored.contains(text), "{text} is lost: {stored}");
    }
    for subject in ["event/x_own", "person/x_person", "conference/x_conference"] {
        assert_eq!(said.report.count_notes("left_out", subject), 1, "{subject}: {:?}", said.report.notes);
    }
    for subject in ["conference/daysCount", "conference/timeslot_duration", "conference/colors", "version", "day/index"]
    {
        assert!(said.report.count_notes("on_purpose", subject) > 0, "{subject}: {:?}", said.report.notes);
    }
}
