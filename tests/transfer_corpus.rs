//! What real calendars and programmes showed (`tests/tools/corpus`): details that cost a record or a text.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_text};

fn list(app: &TestApp, path: &str) -> Vec<Value> {
    app.visitor().get(&format!("/api/v1/{path}")).expect(200).json()["data"].as_array().unwrap().clone()
}

fn starts(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["starts_at"].as_str().unwrap()).collect()
}

fn xml(before: &str, sessions: &str) -> String {
    format!(
        "<schedule>{before}<conference><acronym>fog-2031</acronym><title>Fog 2031</title><base_url>https://fog.example/2031/</base_url><start>2031-10-24</start><time_zone_name>Europe/Berlin</time_zone_name></conference><tracks><track online_qa=\"no\">Harbours</track></tracks><day date=\"2031-10-24\"><room name=\"Quay\">{sessions}</room></day></schedule>"
    )
}

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Fog\r\n{events}END:VCALENDAR\r\n")
}

fn is_unchanged(said: &Said) -> bool {
    [Outcome::Created, Outcome::Updated, Outcome::Refused].iter().all(|outcome| said.report.total(*outcome) == 0)
}

/// pretalx gives both slots of a session the same guid, and some programs write one id for all.
#[apply(api_test)]
fn sessions_with_the_id_of_another_are_taken(app: &TestApp) {
    let at = |hour: u8| {
        format!(
            "<event guid=\"4b91d563\" id=\"8\"><date>2031-10-24T{hour}:00:00+02:00</date><start>{hour}:00</start><duration>00:30</duration><title>Twice</title></event>"
        )
    };
    let file = xml("", &(at(10) + &at(12) + &at(10)));
    let said = bring_text(app, "twice.xml", &file);
    assert_eq!((said.report.of(Outcome::Created, "session"), said.report.count_notes("same_id", "")), (2, 1));
    let sessions = list(app, "sessions?sort=starts_at");
    assert_eq!(starts(&sessions), ["2031-10-24T10:00:00+02:00", "2031-10-24T12:00:00+02:00"]);
    assert!(is_unchanged(&bring_text(app, "twice.xml", &file)));
}

#[apply(api_test)]
fn events_with_the_uid_of_another_are_taken(app: &TestApp) {
    let at = |hour: u8| {
        format!(
            "BEGIN:VEVENT\r\nUID:twice@fog.example\r\nDTSTAMP:20310101T000000Z\r\nDTSTART:20311024T{hour}0000Z\r\nSUMMARY:Twice\r\nEND:VEVENT\r\n"
        )
    };
    let file = calendar(&(at(10) + &at(12) + &at(10)));
    let said = bring_text(app, "twice.ics", &file);
    assert_eq!((said.report.of(Outcome::Created, "event"), said.report.count_notes("same_uid", "/UID")), (2, 1));
    assert_eq!(list(app, "events").len(), 2);
    assert!(is_unchanged(&bring_text(app, "twice.ics", &file)));
}

#[apply(api_test)]
fn relative_addresses_belong_to_the_base_of_the_file(app: &TestApp) {
    let event = "<event id=\"1\"><start>10:00</start><duration>00:30</duration><title>Fog horns</title><logo>/media/horn.png</logo><attachments><attachment href=\"files/horn%20two.pdf\">Slides</attachment></attachments></event>";
    let said = bring_text(app, "base.xml", &xml("", event));
    assert_eq!(said.report.count_notes("not_a_url", "/image"), 0, "{:?}", said.report.notes);
    let session = app.visitor().get("/api/v1/sessions/fog-horns").expect(200).json();
    assert_eq!(session["image"]["url"], "https://fog.example/media/horn.png");
    assert_eq!(session["documents"][0]["url"], "https://fog.example/2031/files/horn%20two.pdf");
    let file = json!({"schedule": {"base_url": "https://mist.example", "conference": {"acronym": "mist-2031", "title": "Mist 2031", "start": "2031-10-24", "days": [{"date": "2031-10-24", "rooms": {"Quay": [{"guid": "2", "title": "Mist", "start": "10:00", "duration": "00:30", "attachments": [{"title": "Paper", "url": "/media/mist.txt"}]}]}}]}}});
    bring_text(app, "base.json", &file.to_string());
    let session = app.visitor().get("/api/v1/sessions/mist").expect(200).json();
    assert_eq!(session["documents"][0]["url"], "https://mist.example/media/mist.txt");
}

/// pretalx writes the word for an abstract that is absent; from others it is a text.
#[apply(api_test)]
fn the_word_none_of_pretalx_is_no_abstract(app: &TestApp) {
    let event = |title: &str| {
        format!("<event id=\"{title}\"><start>10:00</start><title>{title}</title><abstract>None</abstract></event>")
    };
    let generator = "<generator name=\"pretalx\" version=\"2026.2.1\"/>";
    let said = bring_text(app, "none.xml", &xml(generator, &event("quiet")));
    assert_eq!(said.report.count_notes("on_purpose", "event/abstract \"None\""), 1);
    bring_text(app, "other.xml", &xml("", &event("loud")).replace("fog-2031", "other-2031"));
    let abstract_of =
        |slug: &str| app.visitor().get(&format!("/api/v1/sessions/{slug}")).expect(200).json()["abstract"].clone();
    assert!(abstract_of("quiet").is_null());
    assert!(abstract_of("loud").to_string().contains("None"));
}

#[apply(api_test)]
fn ids_languages_and_tracks_as_others_write_them(app: &TestApp) {
    let sessions = "<event><id>7</id><start>10:00</start><title>An id within</title><video></video><language>de, en</language></event>
        <event><start>11:00</start><title>No id at all</title><flag/></event>";
    let said = bring_text(app, "ids.xml", &xml("", sessions));
    assert_eq!((said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)), (2, 0));
    // An element that says nothing is no loss.
    assert_eq!(
        (said.report.count_notes("left_out", "event/video"), said.report.count_notes("left_out", "event/flag")),
        (0, 0)
    );
    assert_eq!(said.report.count_notes("several_languages", "/language"), 1);
    assert_eq!(app.visitor().get("/api/v1/sessions/an-id-within").expect(200).json()["language"], "de");
    assert_eq!(app.visitor().get("/api/v1/events/fog-2031").expect(200).json()["tracks"][0]["name"], "Harbours");
    assert_eq!(said.report.count_notes("left_out", "track/online_qa"), 1);
    assert!(is_unchanged(&bring_text(app, "ids.xml", &xml("", sessions))));
}

#[apply(api_test)]
fn an_end_without_a_zone_has_that_of_the_start(app: &TestApp) {
    let event = "BEGIN:VEVENT\r\nUID:a@fog.example\r\nDTSTART;TZID=America/New_York:20310902T090000\r\nDTEND:20310902T100000\r\nSUMMARY:Buoys\r\nEND:VEVENT\r\n";
    let said = bring_text(app, "end.ics", &calendar(event));
    assert_eq!(said.lines(Outcome::Note).count(), 0, "{:?}", said.lines);
    let event = app.visitor().get("/api/v1/events/buoys").expect(200).json();
    assert_eq!(
        (&event["starts_at"], &event["ends_at"]),
        (&json!("2031-09-02T09:00:00-04:00"), &json!("2031-09-02T10:00:00-04:00"))
    );
}

#[apply(api_test)]
fn a_series_without_a_title_is_refused_once(app: &TestApp) {
    let event =
        "BEGIN:VEVENT\r\nUID:b@fog.example\r\nDTSTART:20200102T090000Z\r\nRRULE:FREQ=DAILY;COUNT=50\r\nEND:VEVENT\r\n";
    let said = bring_text(app, "untitled.ics", &calendar(event));
    assert_eq!((said.report.total(Outcome::Refused), said.report.total(Outcome::Created)), (1, 0), "{:?}", said.lines);
}

/// A comma is escaped in the name of a zone, and not in the parameters that refer to it.
#[apply(api_test)]
fn zones_whose_names_have_commas(app: &TestApp) {
    let file = calendar(
        "BEGIN:VTIMEZONE\r\nTZID:Harbour\\, Quay\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0800\r\nTZOFFSETTO:+0800\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:c@fog.example\r\nDTSTART;TZID=\"Harbour, Quay\":20311024T090000\r\nSUMMARY:Commas\r\nEND:VEVENT\r\n",
    );
    let said = bring_text(app, "commas.ics", &file);
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let starts = app.visitor().get("/api/v1/events/commas").expect(200).json()["starts_at"].clone();
    assert_eq!(starts, "2031-10-24T09:00:00+08:00");
}

/// Google writes the events that replace an occurrence before their series.
#[apply(api_test)]
fn what_replaces_an_occurrence_may_come_before_its_series(app: &TestApp) {
    let event = |more: &str, title: &str| {
        format!("BEGIN:VEVENT\r\nUID:d@fog.example\r\n{more}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n")
    };
    let other = "RECURRENCE-ID:20200102T090000Z\r\nDTSTART:20200102T150000Z";
    let first = event(other, "Late watch") + &event("DTSTART:20200101T090000Z\r\nRRULE:FREQ=DAILY;COUNT=3", "Watch");
    let file = calendar(&first);
    let said = bring_text(app, "before.ics", &file);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("dangling_reference", "/series")),
        (3, 0)
    );
    let events = list(app, "events?sort=starts_at&detail=full");
    let series: Vec<&Value> = events.iter().map(|event| &event["series"]["id"]).collect();
    assert!(series.len() == 3 && series.iter().all(|id| id.is_string() && *id == series[0]), "{events:?}");
    assert!(is_unchanged(&bring_text(app, "before.ics", &file)));
}

/// A component whose end is misspelt costs only itself.
#[apply(api_test)]
fn a_misspelt_end_costs_one_component(app: &TestApp) {
    let file = calendar(
        "BEGIN:VTODO\r\nUID:e\r\nEND:VTOOD\r\nBEGIN:VEVENT\r\nUID:f@fog.example\r\nDTSTART:20310902T090000Z\r\nSUMMARY:After it\r\nEND:VEVENT\r\n",
    );
    let said = bring_text(app, "misspelt.ics", &file);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.codes(Outcome::Refused)),
        (1, vec!["malformed_calendar"])
    );
}

/// Thunderbird writes offsets with seconds, and many files define the changes of a single year only.
#[apply(api_test)]
fn zones_that_are_defined_with_seconds_or_for_one_year(app: &TestApp) {
    let zone = |name: &str, standard: &str, daylight: &str, rules: [&str; 2]| {
        let part = |kind: &str, start: &str, from: &str, to: &str, rule: &str| {
            format!("BEGIN:{kind}\r\nDTSTART:{start}\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n{rule}END:{kind}\r\n")
        };
        let parts = part("STANDARD", "20071104T020000", daylight, standard, rules[0])
            + &part("DAYLIGHT", "20070311T020000", standard, daylight, rules[1]);
        format!("BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{parts}END:VTIMEZONE\r\n")
    };
    let event = |title: &str, zone: &str, start: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{title}@fog.example\r\nDTSTART;TZID={zone}:{start}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n"
        )
    };
    let rules = ["RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\n", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\n"];
    let file = calendar(
        &(zone("Own", "-050000", "-040000", rules)
            + &zone("America/New_York", "-0500", "-0400", ["", ""])
            + &event("seconds", "Own", "20310613T120000")
            + &event("later", "America/New_York", "20310613T120000")
            + &event("earlier", "America/New_York", "20060113T120000")
            + &event("within", "America/New_York", "20070613T120000")),
    );
    let said = bring_text(app, "zones.ics", &file);
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    for (slug, start) in [
        ("seconds", "2031-06-13T12:00:00-04:00"),
        ("later", "2031-06-13T12:00:00-04:00"),
        ("earlier", "2006-01-13T12:00:00-05:00"),
        ("within", "2007-06-13T12:00:00-04:00"),
    ] {
        assert_eq!(
            app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json()["starts_at"],
            start,
            "{slug}"
        );
    }
}
