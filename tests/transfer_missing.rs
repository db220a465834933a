//! What an import must not take for missing: what lies beyond its horizon, other parts of a source, and what is there but
//! was not taken.

use plenary::transfer::read::Mapping;
use plenary::transfer::{Options, Outcome};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes};

/// Imports a file in order to withdraw what is missing, first in a rehearsal, which must say the same.
fn withdraw(app: &TestApp, name: &str, text: &str, change: impl Fn(&mut Options)) -> Said {
    let bring = |dry_run: bool| {
        bring_bytes(app, name, text.as_bytes(), |options| {
            change(options);
            (options.dry_run, options.withdraw_missing) = (dry_run, true);
        })
    };
    let rehearsed = bring(true);
    let said = bring(false);
    assert_eq!(serde_json::to_value(&rehearsed.report).unwrap(), serde_json::to_value(&said.report).unwrap());
    said
}

/// Returns the titles of what is missing, withdrawn or not.
fn gone(said: &Said) -> Vec<&str> {
    let lines = said.lines(Outcome::Missing).chain(said.lines(Outcome::Withdrawn));
    let mut titles: Vec<&str> = lines.map(|line| line.what.as_str()).collect();
    titles.sort_unstable();
    titles
}

fn calendar(head: &str, events: &str) -> String {
    let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:River\n{head}{events}END:VCALENDAR\n");
    text.replace('\n', "\r\n")
}

fn event(uid: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}@river.example\nSUMMARY:Evening {uid}\n{lines}\nEND:VEVENT\n")
}

fn statuses(app: &TestApp) -> Vec<Value> {
    let page = app.visitor().get("/api/v1/events?limit=100").expect(200).json();
    page["data"].as_array().unwrap().iter().map(|event| event["event_status"].clone()).collect()
}

#[apply(api_test)]
fn a_smaller_horizon_withdraws_nothing(app: &TestApp) {
    let day = |number: i64| (chrono::Utc::now().date_naive() + chrono::TimeDelta::days(number)).format("%Y%m%d");
    let with = |horizon: u32, endless: &str, finite: &str| {
        let text = calendar("", &(event("1", endless) + &event("2", finite)));
        withdraw(app, "river.ics", &text, |options| options.settings.horizon = horizon)
    };
    let start = format!("DTSTART;VALUE=DATE:{}", day(1));
    let (endless, finite) = (format!("{start}\nRRULE:FREQ=DAILY"), format!("{start}\nRRULE:FREQ=DAILY;COUNT=8"));
    assert_eq!(with(12, &endless, &finite).report.of(Outcome::Created, "event"), 20);
    // At most a third of the rest is gone, so that the survey of the file does not speak first.
    let said = with(6, &endless, &finite);
    assert!(gone(&said).is_empty(), "{:?}", said.lines);
    assert!(statuses(app).iter().all(|status| *status == "scheduled"));
    // What is within the horizon and left the series is gone, and so is what a series that ends by itself has no more.
    let said = with(6, &format!("{endless}\nEXDATE;VALUE=DATE:{}", day(3)), &finite.replace("=8", "=7"));
    assert_eq!(gone(&said), ["Evening 1", "Evening 2"], "{:?}", said.lines);
    assert_eq!(said.report.of(Outcome::Withdrawn, "event"), 2);
    // A rule that cannot be read says nothing of its occurrences.
    let said = with(12, &endless.replace("DAILY", "SOMETIMES"), &finite);
    assert!(gone(&said).is_empty(), "{:?}", said.lines);
}

#[apply(api_test)]
fn a_message_about_one_event_is_no_calendar(app: &TestApp) {
    let at = "DTSTART:20990304T090000Z";
    let all: String = (0..9).map(|number| event(&number.to_string(), at)).collect();
    bring_bytes(app, "river.ics", calendar("METHOD:PUBLISH\n", &all).as_bytes(), |_| {});
    for method in ["REQUEST", "ADD", "CANCEL", "REPLY"] {
        let said = withdraw(app, "river.ics", &calendar(&format!("METHOD:{method}\n"), &event("1", at)), |_| {});
        assert!(gone(&said).is_empty(), "{method}: {:?}", said.lines);
    }
    let seven: String = (0..7).map(|number| event(&number.to_string(), at)).collect();
    let said = withdraw(app, "river.ics", &calendar("METHOD:PUBLISH\n", &seven), |_| {});
    assert_eq!(gone(&said), ["Evening 7", "Evening 8"], "{:?}", said.lines);
}

#[apply(api_test)]
fn a_refused_event_is_not_gone(app: &TestApp) {
    let at = "DTSTART:20990304T090000Z";
    bring_bytes(
        app,
        "river.ics",
        calendar("", &(event("1", at) + &event("2", at) + &event("3", at))).as_bytes(),
        |_| {},
    );
    // Of a file without any record, it is not known which source it is.
    let broken = event("1", "DTSTART:soon") + &event("2", "DTSTART:2099-13-04\nRRULE:FREQ=DAILY") + &event("4", at);
    let said = withdraw(app, "river.ics", &calendar("", &broken), |_| {});
    assert_eq!((said.report.total(Outcome::Refused), gone(&said)), (2, vec!["Evening 3"]), "{:?}", said.lines);
    // A part that may be any record: it is not known what is missing, and this is told.
    let said = withdraw(
        app,
        "river.ics",
        &calendar("", &("BEGIN:VEVENT\nSUMMARY:Which one\nEND:VEVENT\n".to_owned() + &event("4", at))),
        |_| {},
    );
    assert_eq!((gone(&said), said.report.count_notes("perhaps_missing", "")), (Vec::new(), 2), "{:?}", said.lines);
    assert_eq!(statuses(app).iter().filter(|status| **status == "cancelled").count(), 1);
}

fn submission(code: &str, start: &str) -> Value {
    json!({"code": code, "title": format!("Talk {code}"), "state": "confirmed", "speakers": [],
           "slots": [{"id": 1, "start": start, "end": "2099-05-01T12:00:00+02:00", "room": {"name": "Aula"}}]})
}

#[apply(api_test)]
fn pages_of_pretalx_are_parts(app: &TestApp) {
    let at = "2099-05-01T09:00:00+02:00";
    let named = |options: &mut Options| options.settings.name = "river".into();
    let page = |next: &Value, previous: &Value, results: &Value| {
        json!({"count": 3, "next": next, "previous": previous, "results": results}).to_string()
    };
    let whole =
        page(&Value::Null, &Value::Null, &json!([submission("A", at), submission("B", at), submission("C", at)]));
    bring_bytes(app, "submissions.json", whole.as_bytes(), named);
    let lunch = json!([{"id": 7, "submission": null, "description": "Lunch", "start": at, "end": "2099-05-01T10:00:00+02:00", "room": null}]);
    let speakers = json!([{"code": "S", "name": "Ada Example", "submissions": []}]);
    let other = json!("https://cfp.river.example/?page=2");
    for (what, text) in [
        ("the first page", page(&other, &Value::Null, &json!([submission("A", at)]))),
        ("the last page", page(&Value::Null, &other, &json!([submission("C", at)]))),
        ("slots", page(&Value::Null, &Value::Null, &lunch)),
        ("speakers", page(&Value::Null, &Value::Null, &speakers)),
        (
            "a refused record",
            page(
                &Value::Null,
                &Value::Null,
                &json!([submission("A", "soon"), submission("B", at), submission("C", at)]),
            ),
        ),
        // The breaks are in another list.
        ("submissions", whole.clone()),
    ] {
        let said = withdraw(app, "page.json", &text, named);
        assert!(gone(&said).is_empty(), "{what}: {:?}", said.lines);
    }
    let mut withdrawn = submission("C", at);
    withdrawn["state"] = "withdrawn".into();
    let text = page(&Value::Null, &Value::Null, &json!([submission("A", at), submission("B", at), withdrawn]));
    let said = withdraw(app, "page.json", &text, named);
    assert_eq!((gone(&said), said.report.of(Outcome::Withdrawn, "session")), (vec!["Talk C"], 1), "{:?}", said.lines);
    app.visitor().get("/api/v1/sessions/talk-c").expect(404);
    app.visitor().get("/api/v1/sessions/lunch").expect(200);
}

#[apply(api_test)]
fn rows_that_the_mapping_leaves_out_are_there(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapping.toml");
    let text = "kind = \"event\"\nid = \"{Title}\"\nwhen = \"{State} == fixed\"\n[fields]\ntitle = \"{Title}\"\nstarts_at = \"{Date}\"\n";
    std::fs::write(&path, text).unwrap();
    let mapping = Mapping::load(&path).unwrap();
    let with = |rows: &str| {
        let text = format!("Title,Date,State\n{rows}");
        withdraw(app, "list.csv", &text, |options| options.settings.mapping = Some(mapping.clone()))
    };
    with("One,2099-03-04,fixed\nTwo,2099-03-04,fixed\nThree,2099-03-04,fixed\nFour,2099-03-04,fixed\n");
    // Left out, refused for its date, refused for its shape; the fourth is gone.
    let said = with("One,2099-03-04,open\nTwo,soon,fixed\nThree,2099-03-04,fixed,more\n");
    assert_eq!((gone(&said), said.report.total(Outcome::Refused)), (vec!["Four"], 2), "{:?}", said.lines);
    assert_eq!(said.report.count_notes("on_purpose", "row"), 1);
    app.visitor().get("/api/v1/events/one").expect(200);
}

/// A programme that this site gave out is its own: nothing is missing from it, also if it bears the name of the source that
/// brought its sessions, under other ids.
#[apply(api_test)]
fn an_own_programme_withdraws_nothing(app: &TestApp) {
    let session = |id: u32| json!({"id": id, "guid": format!("0192f3c1-0000-4000-8000-00000000000{id}"), "date": "2099-05-01T10:00:00+02:00", "start": "10:00", "duration": "00:30", "title": format!("Talk {id}"), "persons": []});
    let programme = |ids: &[u32]| {
        let sessions: Vec<Value> = ids.iter().map(|id| session(*id)).collect();
        json!({"schedule": {"conference": {"acronym": "water99", "title": "Water 99", "start": "2099-05-01", "end": "2099-05-01", "time_zone_name": "Europe/Brussels", "days": [{"date": "2099-05-01", "rooms": {"Aula": sessions}}]}}}).to_string()
    };
    bring_bytes(app, "schedule.json", programme(&[1, 2, 3, 4]).as_bytes(), |_| {});
    // Another import brings more sessions of the event.
    let more = json!({"sessions": [{"id": "9", "title": "Extra talk", "startsAt": "2099-05-01T15:00:00", "endsAt": "2099-05-01T16:00:00", "speakers": []}], "speakers": [], "rooms": [], "categories": []});
    bring_bytes(app, "more.json", more.to_string().as_bytes(), |options| {
        options.settings.event = Some("water-99".into());
    });
    let editor = app.editor();
    editor.create(
        "sessions",
        &json!({"event": "water-99", "title": "Own talk", "starts_at": "2099-05-01T18:00", "status": "published"}),
    );
    let mut own = app.visitor().get("/api/v1/events/water-99/schedule.json").expect(200).json();
    for format in ["json", "xml"] {
        let text = match format {
            "json" => own.to_string(),
            _ => {
                let reply = app.visitor().get("/api/v1/events/water-99/schedule.xml").expect(200);
                String::from_utf8(reply.body).unwrap()
            }
        };
        let said = withdraw(app, &format!("schedule.{format}"), &text, |_| {});
        assert!(gone(&said).is_empty(), "{format}: {:?}", said.lines);
    }
    // Nor from a part of it.
    let rooms = own["schedule"]["conference"]["days"][0]["rooms"].as_object_mut().unwrap();
    for sessions in rooms.values_mut() {
        sessions.as_array_mut().unwrap().truncate(1);
    }
    let said = withdraw(app, "schedule.json", &own.to_string(), |_| {});
    assert!(gone(&said).is_empty(), "{:?}", said.lines);
    for slug in ["talk-1", "talk-4", "extra-talk", "own-talk"] {
        app.visitor().get(&format!("/api/v1/sessions/{slug}")).expect(200);
    }
    // From the source itself they are, and only its own.
    let said = withdraw(app, "schedule.json", &programme(&[1, 2, 3]), |_| {});
    assert_eq!(gone(&said), ["Talk 4"], "{:?}", said.lines);
    app.visitor().get("/api/v1/sessions/extra-talk").expect(200);
}
