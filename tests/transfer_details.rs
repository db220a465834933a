//! Details of programmes of other systems: what is not public, entities, dates, consent, and what is of another type than
//! expected. Each is read or noted.

use plenary::transfer::read::ImportFormat;
use plenary::transfer::{Outcome, Verdict};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, bring_text, export_text};

/// A programme in frab's JSON with these sessions on 1 May 2027.
fn frab(sessions: &Value) -> Value {
    json!({"schedule": {"version": "1", "conference": {"acronym": "ebb-2027", "title": "Ebb", "start": "2027-05-01", "end": "2027-05-02", "time_zone_name": "Europe/Brussels",
        "days": [{"index": 1, "date": "2027-05-01", "rooms": {"Aula": sessions}}]}}})
}

/// A session of frab with these members besides its own.
fn talk(id: &str, members: &Value) -> Value {
    let mut talk = json!({"guid": id, "title": format!("Talk {id}"), "start": "10:00", "duration": "00:30"});
    talk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    talk
}

/// A programme in frab's XML with these sessions in one room on 1 May 2027.
fn xml(document_type: &str, conference: &str, sessions: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>{document_type}<schedule><conference><acronym>flow-2027</acronym><title>Flow</title>{conference}<time_zone_name>Europe/Brussels</time_zone_name></conference><day index=\"1\" date=\"2027-05-01\"><room name=\"R&ouml;m\">{sessions}</room></day></schedule>"
    )
}

const DAYS: &str = "<start>2027-05-01</start><end>2027-05-02</end>";

fn titles(app: &TestApp, kind: &str) -> Vec<String> {
    let all = app.visitor().get(&format!("/api/v1/{kind}?sort=title&limit=100")).expect(200).json();
    all["data"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

fn session(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/sessions/{slug}?include=speakers")).expect(200).json()
}

fn sessions_of(said: &Said) -> (u64, u64) {
    (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused))
}

#[apply(api_test)]
fn what_is_not_public_stays_out_of_all_programmes(app: &TestApp) {
    let states = [
        json!({"is_public": false}),
        json!({"state": "rejected"}),
        json!({"status": "withdrawn"}),
        json!({"status": "canceled"}),
        json!({"hidden": "true"}),
    ];
    let hidden = states.iter().enumerate().map(|(number, state)| talk(&format!("h{number}"), state));
    let file = frab(&hidden.chain([talk("f", &json!({"state": "confirmed", "is_public": true}))]).collect());
    let said = bring_text(app, "schedule.json", &file.to_string());
    assert_eq!(
        (sessions_of(&said), said.report.count_notes("not_public", "/state")),
        ((1, 0), 5),
        "{:?}",
        said.report.notes
    );
    assert_eq!(said.report.count_notes("on_purpose", "event/is_public"), 1);

    let listed = |id: &str, state: &str| json!({"guid": format!("00000000-0000-4000-8000-00000000000{id}"), "title": format!("Two {id}"), "start": "2027-05-01T10:00:00+02:00", "status": state});
    let file = json!({"schedule": {"conference": {"acronym": "two-2027", "title": "Two", "start": "2027-05-01"}, "events": [listed("1", "canceled"), listed("2", "confirmed")]}});
    let said = bring_text(app, "schedule2.json", &file.to_string());
    assert_eq!((sessions_of(&said), said.report.count_notes("not_public", "/state")), ((1, 0), 1), "{:?}", said.lines);

    let events = "<event id=\"1\"><title>X one</title><start>10:00</start><is_public>false</is_public><state>withdrawn</state></event>
        <event id=\"2\" status=\"canceled\"><title>X two</title><start>10:00</start></event>
        <event id=\"3\"><title>X three</title><start>10:00</start><state>confirmed</state></event>";
    let said = bring_text(app, "schedule.xml", &xml("", DAYS, events));
    assert_eq!((sessions_of(&said), said.report.count_notes("not_public", "/state")), ((1, 0), 2), "{:?}", said.lines);

    let of_indico = |id: u32, state: &str| json!({"id": id, "title": format!("Indico {id}"), "state": state, "startDate": {"date": "2027-05-01", "time": "10:00:00", "tz": "UTC"}});
    let event = json!({"_type": "Conference", "id": "7", "title": "Weirs", "url": "https://indico.river.example/7", "timezone": "UTC", "startDate": {"date": "2027-05-01", "time": "09:00:00", "tz": "UTC"}, "endDate": {"date": "2027-05-01", "time": "18:00:00", "tz": "UTC"}, "contributions": [of_indico(1, "withdrawn"), of_indico(2, "accepted")]});
    let said = bring_text(app, "indico.json", &json!({"count": 1, "results": [event]}).to_string());
    assert_eq!((sessions_of(&said), said.report.count_notes("not_public", "/state")), ((1, 0), 1), "{:?}", said.lines);

    let of_open_event = |id: u32, deleted: &Value| json!({"id": id, "title": format!("Open {id}"), "short_abstract": "", "starts_at": "2027-05-01T10:00:00Z", "ends_at": "2027-05-01T11:00:00Z", "state": "accepted", "deleted-at": deleted});
    let file = json!([of_open_event(1, &json!("2027-01-01T00:00:00Z")), of_open_event(2, &Value::Null)]);
    let said = bring_text(app, "sessions.json", &file.to_string());
    assert_eq!((sessions_of(&said), said.report.count_notes("not_public", "/state")), ((1, 0), 1), "{:?}", said.lines);
    assert_eq!(titles(app, "sessions"), ["Indico 2", "Open 2", "Talk f", "Two 2", "X three"]);
}

#[apply(api_test)]
fn the_state_of_listed_events_is_kept(app: &TestApp) {
    let event = |id: u32, members: Value| {
        let mut event = json!({"id": id, "url": format!("https://wp.river.example/{id}"), "title": format!("Tide {id}"), "slug": format!("tide-{id}"), "status": "publish", "start_date": "2027-05-03 18:00:00", "timezone": "Europe/Paris"});
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event
    };
    let file = json!({"events": [
        event(1, json!({"event_status": "canceled", "hide_from_listings": false})),
        event(2, json!({"hide_from_listings": true})),
        event(3, json!({"is_virtual": true, "virtual_url": "https://meet.river.example/3"})),
        event(4, json!({"is_virtual": true, "virtual_event_type": "hybrid", "venue": {"id": 1, "venue": "Quay"}}))]});
    let said = bring_text(app, "tribe.json", &file.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("not_public", "")),
        (4, 1),
        "{:?}",
        said.lines
    );
    let get = |slug: &str| app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json();
    assert_eq!(get("tide-1")["event_status"], "cancelled");
    app.visitor().get("/api/v1/events/tide-2").expect(404);
    let online = get("tide-3");
    assert_eq!(
        (&online["attendance_mode"], &online["online_url"]),
        (&json!("online"), &json!("https://meet.river.example/3"))
    );
    assert_eq!(get("tide-4")["attendance_mode"], "mixed");

    let list = json!([{"name": "Brook", "startDate": "2027-05-03", "cancelled": true}, {"name": "Creek", "startDate": "2027-05-03", "status": "postponed"}, {"name": "Beck", "startDate": "2027-05-03", "cancelled": false},
        {"title": "Rill", "year": 2027, "date": "4 May 2027", "status": "cancelled"}]);
    let said = bring_text(app, "list.json", &list.to_string());
    assert_eq!(said.report.of(Outcome::Created, "event"), 4, "{:?}", said.lines);
    for (slug, status) in [
        ("brook-2027", "cancelled"),
        ("creek-2027", "postponed"),
        ("beck-2027", "scheduled"),
        ("rill-2027", "cancelled"),
    ] {
        assert_eq!(get(slug)["event_status"], status, "{slug}");
    }
}

#[apply(api_test)]
fn no_entity_is_dropped(app: &TestApp) {
    let declared = "<!DOCTYPE schedule [<!ENTITY co \"Company\"> <!ENTITY all \"the &co;\">]>";
    let events = "<event id=\"1\"><title>M&uuml;ller &amp; Caf&eacute;</title><start>10:00</start><abstract>A &co; B, &all; &strange;</abstract></event>";
    let said = bring_text(app, "flow.xml", &xml(declared, DAYS, events));
    assert_eq!(sessions_of(&said), (1, 0), "{:?}", said.lines);
    let all = app.visitor().get("/api/v1/sessions?detail=full").expect(200).json();
    let talk = &all["data"][0];
    assert_eq!((&talk["title"], &talk["room"]), (&json!("Müller & Café"), &json!("Röm")));
    assert!(talk["abstract"].as_str().unwrap().contains("A Company B, the Company &amp;strange;"), "{talk}");
    assert_eq!(
        [("html_entity", "event/title"), ("html_entity", "room/@name"), ("unknown_entity", "event/abstract")]
            .map(|(code, subject)| said.report.count_notes(code, subject)),
        [2, 1, 1],
        "{:?}",
        said.report.notes
    );
    // Entities that grow are refused with their place.
    let grows = (1..25).fold("<!ENTITY e0 \"xy\">".to_owned(), |text, level| {
        format!("{text}<!ENTITY e{level} \"&e{before};&e{before};\">", before = level - 1)
    });
    let events = "<event id=\"1\"><title>&e24;</title><start>10:00</start></event>";
    let said = bring_text(app, "grows.xml", &xml(&format!("<!DOCTYPE schedule [{grows}]>"), DAYS, events));
    assert_eq!((said.codes(Outcome::Refused), said.report.of(Outcome::Created, "session")), (vec!["too_large"], 0));
}

#[apply(api_test)]
fn dates_of_sessions_in_other_spellings_decide(app: &TestApp) {
    let dates = ["2027-05-02T00:30:00+0200", "2027-05-02T00:30:00+02", "2027-05-02 00:30:00 +02:00"];
    let talks = dates
        .iter()
        .enumerate()
        .map(|(number, date)| talk(&format!("j{number}"), &json!({"date": date, "start": "00:30"})));
    let alone = json!({"guid": "alone", "title": "Talk alone", "date": dates[0]});
    let strange = talk("strange", &json!({"date": "the second"}));
    let file = frab(&talks.chain([alone, strange]).collect());
    let said = bring_text(app, "schedule.json", &file.to_string());
    assert_eq!(
        (sessions_of(&said), said.report.count_notes("not_a_time", "/starts_at")),
        ((5, 0), 1),
        "{:?}",
        said.lines
    );
    for slug in ["talk-j0", "talk-j1", "talk-j2", "talk-alone"] {
        assert_eq!(session(app, slug)["starts_at"], "2027-05-02T00:30:00+02:00", "{slug}");
    }
    assert_eq!(session(app, "talk-strange")["starts_at"], "2027-05-01T10:00:00+02:00");
    let events: String = dates.iter().enumerate().map(|(number, date)| format!("<event id=\"{number}\"><title>X {number}</title><date>{date}</date><start>00:30</start><end>late</end><duration>01:00</duration></event>")).collect();
    let said = bring_text(app, "flow.xml", &xml("", DAYS, &events));
    assert_eq!(
        (sessions_of(&said), said.report.count_notes("not_a_time", "/ends_at")),
        ((3, 0), 3),
        "{:?}",
        said.lines
    );
    for slug in ["x-0", "x-1", "x-2"] {
        assert_eq!(session(app, slug)["ends_at"], "2027-05-02T01:30:00+02:00", "{slug}");
    }
}

#[apply(api_test)]
fn consent_and_details_of_other_types_are_read_or_noted(app: &TestApp) {
    let details = json!({"language": ["en"], "links": "https://ebb.example/l", "attachments": {"url": "https://ebb.example/a.pdf"}, "logo": {"src": "x"}, "slug": ["s"], "subtitle": true, "feedback_url": {"a": 1}, "video_download_url": [1], "do_not_record": "perhaps", "persons": ["Ada Ebb", "p17"]});
    let talks = json!([
        talk("a", &json!({"do_not_record": "true"})),
        talk("b", &json!({"do_not_record": 1})),
        talk("c", &json!({"do_not_record": "no"})),
        talk("d", &details)
    ]);
    let said = bring_text(app, "schedule.json", &frab(&talks).to_string());
    assert_eq!(sessions_of(&said), (4, 0), "{:?}", said.lines);
    let consent = ["a", "b", "c", "d"].map(|id| session(app, &format!("talk-{id}"))["do_not_record"].clone());
    assert_eq!(consent, [json!(true), json!(true), json!(false), Value::Null]);
    let whole = session(app, "talk-d");
    assert_eq!(
        (
            &whole["language"],
            &whole["links"][0]["url"],
            &whole["documents"][0]["url"],
            &whole["speakers"][0]["speaker"]["name"]
        ),
        (&json!("en"), &json!("https://ebb.example/l"), &json!("https://ebb.example/a.pdf"), &json!("Ada Ebb"))
    );
    for field in ["/logo", "/slug", "/subtitle", "/feedback_url", "/video_download_url", "/do_not_record"] {
        assert_eq!(said.report.count_notes("wrong_type", field), 1, "{field}: {:?}", said.report.notes);
    }
    // A text that is no name is an id that leads nowhere, and no reason to ask pretalx.
    assert_eq!(
        (said.report.count_notes("dangling_reference", "/speakers"), said.report.count_notes("expand", "")),
        (1, 0)
    );
    let events = "<event id=\"1\"><title>X one</title><start>10:00</start><recording><optout>opt-out</optout></recording></event><event id=\"2\"><title>X two</title><start>10:00</start><recording><optout>perhaps</optout></recording></event>";
    let said = bring_text(app, "flow.xml", &xml("", DAYS, events));
    assert_eq!(
        (session(app, "x-one")["do_not_record"].clone(), said.report.count_notes("wrong_type", "/do_not_record")),
        (json!(true), 1)
    );
}

#[apply(api_test)]
fn a_bad_date_of_the_conference_costs_nothing_else(app: &TestApp) {
    let events = "<event id=\"1\"><title>X one</title><start>10:00</start></event>";
    let said = bring_text(app, "flow.xml", &xml("", "<start>1 May 2027</start><end>2027-05-02</end>", events));
    assert_eq!(
        (sessions_of(&said), said.report.count_notes("not_a_date", "/starts_at")),
        ((1, 0), 1),
        "{:?}",
        said.lines
    );
    let get = |slug: &str| app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json();
    let flow = get("flow");
    assert_eq!((&flow["starts_on"], &flow["ends_on"]), (&json!("2027-05-01"), &json!("2027-05-02")), "{flow}");
    let mut file = frab(&json!([talk("a", &json!({}))]));
    file["schedule"]["conference"]["start"] = "01.05.2027".into();
    file["schedule"]["conference"]["end"] = "02.05.2027".into();
    let said = bring_text(app, "schedule.json", &file.to_string());
    assert_eq!(
        (sessions_of(&said), said.report.count_notes("not_a_date", "/starts_at")),
        ((1, 0), 1),
        "{:?}",
        said.lines
    );
    assert_eq!(get("ebb")["starts_on"], "2027-05-01");
    assert_eq!(said.report.verdict(), Verdict::AllTaken);
}

#[apply(api_test)]
fn objects_with_names_are_no_languages(app: &TestApp) {
    let talks = json!([
        talk(
            "a",
            &json!({"track": {"color": "#123456", "id": 5, "name": "Tr"}, "type": {"id": 1, "name": "Workshop"}})
        ),
        talk("b", &json!({"track": {"de": "Recht", "en": "Law"}, "type": {"id": 1, "title": {"en": "Talk"}}})),
        talk("c", &json!({"track": {"id": 5, "color": "#123456"}}))
    ]);
    let said = bring_text(app, "schedule.json", &frab(&talks).to_string());
    assert_eq!(sessions_of(&said), (3, 0), "{:?}", said.lines);
    let of = |id: &str| session(app, &format!("talk-{id}"));
    let (first, second) = (of("a"), of("b"));
    assert_eq!(
        (&first["track"], &first["format"], &first["kind"]),
        (&json!("Tr"), &json!("Workshop"), &json!("workshop"))
    );
    assert_eq!((&second["track"], &second["format"]), (&json!("Law"), &json!("Talk")));
    assert_eq!((of("c")["track"].clone(), said.report.count_notes("wrong_type", "/track")), (Value::Null, 1));
}

#[apply(api_test)]
fn slots_and_lists_of_pretalx(app: &TestApp) {
    let slot = |visible: bool, hour: u8| json!({"start": format!("2027-05-01T{hour}:00:00+02:00"), "end": format!("2027-05-01T{hour}:30:00+02:00"), "room": {"name": "Aula"}, "is_visible": visible});
    let submission = |code: &str, slots: Value| json!({"code": code, "title": format!("Tide {code}"), "state": "confirmed", "speakers": [], "slots": slots});
    let file = json!({"count": 2, "results": [submission("A", json!([slot(false, 10)])), submission("B", json!([slot(false, 10), slot(true, 12)]))]});
    let said = bring_text(app, "submissions.json", &file.to_string());
    assert_eq!(
        (sessions_of(&said), said.report.count_notes("not_public", "/state")),
        ((1, 0), 3),
        "{:?}",
        said.report.notes
    );
    assert_eq!(titles(app, "sessions"), ["Tide B"]);
    assert_eq!(session(app, "tide-b")["starts_at"], "2027-05-01T12:00:00+02:00");
    let events = titles(app, "events").len();
    let speakers = json!({"count": 1, "results": [{"code": "S1", "name": "Ada Ebb", "biography": "Reads."}]});
    let said = bring_text(app, "speakers.json", &speakers.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "speaker"), said.report.total(Outcome::Created)),
        (1, 1),
        "{:?}",
        said.lines
    );
    let rooms = json!({"count": 1, "results": [{"id": 1, "name": {"en": "Aula"}, "capacity": 50}]});
    let said = bring_text(app, "rooms.json", &rooms.to_string());
    assert_eq!(
        (said.report.total(Outcome::Created), said.report.count_notes("no_event", "/rooms")),
        (0, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(titles(app, "events").len(), events);
    // Only pretalx is asked for more.
    let sessionize = json!({"sessions": [{"id": "1", "title": "Ebb", "startsAt": "2027-05-01T10:00:00", "endsAt": "2027-05-01T11:00:00", "speakers": ["x"], "categoryItems": [9], "roomId": 4}], "speakers": []});
    let said = bring_text(app, "all.json", &sessionize.to_string());
    assert_eq!((sessions_of(&said), said.report.count_notes("expand", "")), ((1, 0), 0), "{:?}", said.report.notes);
    for field in ["/speakers", "/categories", "/room"] {
        assert_eq!(said.report.count_notes("dangling_reference", field), 1, "{field}: {:?}", said.report.notes);
    }
}

#[apply(api_test)]
fn what_is_of_no_known_form_is_no_success(app: &TestApp) {
    let foreign = json!({"sessions": [{"id": 1, "title": "S", "begin": "2027-05-01T10:00:00Z"}], "speakers": []});
    for (name, file) in
        [("sessions.json", foreign), ("results.json", json!({"results": [{"id": 1, "title": "A page"}]}))]
    {
        let said = bring_text(app, name, &file.to_string());
        assert_eq!(
            (said.report.total(Outcome::Created), said.report.verdict()),
            (0, Verdict::NothingRecognised),
            "{name}: {:?}",
            said.lines
        );
    }
    // This is a file of Open Event, which is read as one.
    let file = json!({"sessions": [{"id": 1, "title": "S", "starts_at": "2027-05-01T10:00:00Z", "ends_at": "2027-05-01T11:00:00Z", "microlocation": {"id": 1, "name": "Quay"}}], "speakers": []});
    let said = bring_text(app, "open.json", &file.to_string());
    assert_eq!(sessions_of(&said), (1, 0), "{:?}", said.lines);
    let talk = session(app, "s");
    assert_eq!((&talk["room"], &talk["starts_at"]), (&json!("Quay"), &json!("2027-05-01T12:00:00+02:00")));
    let said = bring_text(app, "empty.json", &frab(&json!([])).to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("no_sessions", "")),
        (1, 1),
        "{:?}",
        said.lines
    );
}

#[apply(api_test)]
fn the_event_of_an_export_of_open_event_is_read(app: &TestApp) {
    let event = json!({"id": 1, "name": "Open Tides", "latitude": 52.52, "longitude": 13.405, "location_name": "Berlin", "start_time": "2016-05-05T09:00:00", "end_time": "2016-05-06T21:00:00", "timezone": "Europe/Berlin", "description": "On tides.", "organizer_name": "Ebb", "privacy": "public", "ticket_url": "https://tides.example/tickets",
        "social_links": [{"id": 1, "name": "Twitter", "link": "https://social.example/tides"}]});
    assert_eq!(ImportFormat::of_extension("json", &event.to_string()), Some(ImportFormat::OpenEvent));
    let said = bring_bytes(app, "event.json", event.to_string().as_bytes(), |_| {});
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (1, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(said.report.count_notes("left_out", "event/organizer_name"), 1, "{:?}", said.report.notes);
    let stored = app.visitor().get("/api/v1/events/open-tides?include=venue&detail=full").expect(200).json();
    assert_eq!(
        (&stored["title"], &stored["starts_on"], &stored["ends_on"], &stored["time_zone"], &stored["venue"]["name"]),
        (&json!("Open Tides"), &json!("2016-05-05"), &json!("2016-05-06"), &json!("Europe/Berlin"), &json!("Berlin"))
    );
    let all = export_text(app);
    for text in ["52.52", "https://social.example/tides", "https://tides.example/tickets", "On tides."] {
        assert!(all.contains(text), "{text} is lost: {all}");
    }
}
