//! Imports over HTTP: background jobs with progress, report and cancellation.

use std::path::Path;

use diesel::prelude::*;
use plenary::auth::permissions::Role;
use plenary::database::DatabaseError;
use plenary::database::schema::{import_parts, imports, items, journal};
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::data::fixture;
use crate::support::import::{Said, bring, options};
use crate::support::moments::wait_for;

pub const CALENDAR: (&str, &str) = ("content-type", "text/calendar");

/// Returns the body of a form with these parts: name, file name or nothing, content.
fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
        body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

fn post_form(client: &Client, query: &str, parts: &[(&str, &str, &[u8])]) -> Reply {
    let headers = [("content-type", "multipart/form-data; boundary=edge")];
    client.send("POST", &format!("/api/v1/imports{query}"), &headers, &form(parts))
}

/// Sends a fixture in a form, and returns the id of the import.
fn send(client: &Client, query: &str, path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let reply = post_form(client, query, &[("file", name, &std::fs::read(path).unwrap())]).expect(202);
    let import = reply.json();
    assert_eq!(reply.header("location"), format!("/api/v1/imports/{}", text(&import["id"])));
    assert_eq!(
        (&import["status"], &import["filename"], &import["report"]),
        (&json!("queued"), &json!(name), &Value::Null)
    );
    text(&import["id"]).to_owned()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn import(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/v1/imports/{id}")).expect(200).json()
}

/// Waits for the end of an import, and returns it.
pub fn end(client: &Client, id: &str) -> Value {
    wait_for("the end of the import", || !["queued", "running"].contains(&text(&import(client, id)["status"])));
    import(client, id)
}

pub fn succeeded(client: &Client, id: &str) -> Value {
    let import = end(client, id);
    assert_eq!((text(&import["status"]), &import["failure"]), ("succeeded", &Value::Null), "{import:#}");
    assert!(import["started_at"].is_string() && import["ended_at"].is_string(), "{import:#}");
    import
}

/// The counts of a report: outcome, kind, number.
pub fn counts(import: &Value) -> Vec<(String, String, u64)> {
    let counts = import["report"]["counts"].as_array().cloned().unwrap_or_default();
    let one = |count: &Value| {
        (text(&count["outcome"]).to_owned(), text(&count["kind"]).to_owned(), count["count"].as_u64().unwrap())
    };
    counts.iter().map(one).collect()
}

fn count(import: &Value, outcome: &str, kind: &str) -> u64 {
    counts(import).iter().filter(|(o, k, _)| o == outcome && k == kind).map(|(_, _, count)| count).sum()
}

/// Asserts that a report over HTTP is that of the command line.
fn assert_same(import: &Value, said: &Said, is_dry_run: bool) {
    let expected: Vec<(String, String, u64)> = said
        .report
        .counts
        .iter()
        .flat_map(|(outcome, kinds)| {
            kinds.iter().map(|(kind, count)| (outcome.word().to_owned(), (*kind).to_owned(), *count))
        })
        .collect();
    assert_eq!(counts(import), expected, "{import:#}");
    assert_eq!(import["report"]["notes"], serde_json::to_value(&said.report).unwrap()["notes"]);
    assert_eq!(import["report"]["verdict"], json!(said.report.verdict()));
    let notable: Vec<Value> = said.lines.iter().filter(|line| line.is_notable(is_dry_run)).map(|l| json!(l)).collect();
    let lines = import["report"]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), notable.len());
    for (line, expected) in lines.iter().zip(&notable) {
        for member in ["place", "outcome", "kind"] {
            assert_eq!(line[member], expected.get(member).cloned().unwrap_or(json!("")), "{line:#}");
        }
        let codes = |line: &Value| line["faults"].as_array().map_or(0, Vec::len);
        assert_eq!(codes(line), codes(expected), "{line:#}");
    }
}

/// A calendar with this number of events.
pub fn calendar(name: &str, events: usize) -> String {
    let mut text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:{name}\r\n");
    for number in 0..events {
        text.push_str(&format!(
            "BEGIN:VEVENT\r\nUID:{name}-{number}@example.org\r\nSUMMARY:Event {number} of {name}\r\n\
             DTSTART:20350304T093000Z\r\nDTEND:20350304T103000Z\r\nDESCRIPTION:Said of {number}.\r\nEND:VEVENT\r\n"
        ));
    }
    text + "END:VCALENDAR\r\n"
}

/// Sends a calendar as it is, and returns the id of the import.
pub fn send_calendar(client: &Client, name: &str, events: usize) -> String {
    let reply = client.send("POST", "/api/v1/imports", &[CALENDAR], calendar(name, events).as_bytes()).expect(202);
    text(&reply.json()["id"]).to_owned()
}

pub fn items_in(app: &TestApp) -> u64 {
    let all = app.app.database.read(|c| Ok::<i64, DatabaseError>(items::table.count().get_result(c)?));
    app.block_on(all).unwrap() as u64
}

pub fn created(import: &Value) -> u64 {
    counts(import).iter().filter(|(outcome, ..)| outcome == "created").map(|(_, _, count)| count).sum()
}

#[apply(api_test)]
fn a_job_reports_what_the_command_line_reports(app: &TestApp) {
    let command_line = TestApp::start(app.backend);
    let client = app.client(Role::Administrator);
    for name in ["calendar.ics", "schedule.xml", "schedule.json", "conferences.json"] {
        let path = fixture(name);
        let said = bring(&command_line, &path, &options(&path));
        let job = succeeded(&client, &send(&client, "?status=published", &path));
        assert_same(&job, &said, false);
        assert_eq!(job["bytes"], std::fs::metadata(&path).unwrap().len());
        assert_eq!(job["bytes_read"], job["bytes"], "{job:#}");
    }
    // CSV, with the mapping as a part of the form; some records are refused.
    let (path, mapping) = (fixture("events.csv"), fixture("events.mapping.toml"));
    let mut with_mapping = options(&path);
    with_mapping.settings.mapping = Some(Mapping::load(&mapping).unwrap());
    let said = bring(&command_line, &path, &with_mapping);
    let (list, mapping) = (std::fs::read(&path).unwrap(), std::fs::read(&mapping).unwrap());
    let parts: [(&str, &str, &[u8]); 2] = [("mapping", "", &mapping), ("file", "events.csv", &list)];
    let reply = post_form(&client, "?status=published", &parts).expect(202);
    let job = succeeded(&client, text(&reply.json()["id"]));
    assert_same(&job, &said, false);
    assert_eq!(job["report"]["verdict"], "some_refused");
    assert_eq!(items_in(app), items_in(&command_line));
    // A second time nothing changes, and the newest import comes first.
    let again = succeeded(&client, &send(&client, "", &fixture("schedule.xml")));
    assert_eq!((created(&again), again["report"]["verdict"].is_string()), (0, true));
    let list = client.get("/api/v1/imports").expect(200).json();
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["report"]), (&again["id"], &Value::Null));
    assert_eq!(list["data"].as_array().unwrap().len(), 6);
    let parts = app.app.database.read(|c| Ok::<i64, DatabaseError>(import_parts::table.count().get_result(c)?));
    assert_eq!(app.block_on(parts).unwrap(), 0, "files are deleted at the end");
}

#[apply(api_test)]
fn nothing_recognised_is_told(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let body = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n";
    let id = text(&client.send("POST", "/api/v1/imports", &[CALENDAR], body).expect(202).json()["id"]).to_owned();
    assert_eq!(succeeded(&client, &id)["report"]["verdict"], "nothing_recognised");
}

/// A dry run reports what the import itself would, and changes nothing. It does not keep other writers waiting.
#[apply(api_test)]
fn a_dry_run_writes_nothing(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let entries = || {
        let all = app.app.database.read(|c| {
            let of_items = journal::table.filter(journal::kind.ne_all(["import", "account"]));
            Ok::<i64, DatabaseError>(of_items.count().get_result(c)?)
        });
        app.block_on(all).unwrap()
    };
    let before = (items_in(app), entries());
    let fixtures = ["calendar.ics", "schedule.xml", "conferences.json"].map(fixture);
    let rehearsed: Vec<Value> =
        fixtures.iter().map(|path| succeeded(&client, &send(&client, "?dry_run=true", path))).collect();
    assert_eq!((items_in(app), entries()), before);
    for (rehearsal, path) in rehearsed.iter().zip(&fixtures) {
        assert_eq!(rehearsal["dry_run"], true);
        let lines = rehearsal["report"]["lines"].as_array().unwrap();
        assert_eq!(lines.iter().filter(|line| line["outcome"] == "created").count() as u64, created(rehearsal));
        assert!(created(rehearsal) > 0);
        // On a database with nothing in it each file was rehearsed by itself.
        let fresh = TestApp::start(app.backend);
        let real = fresh.client(Role::Administrator);
        let real = succeeded(&real, &send(&real, "", path));
        assert_eq!(counts(rehearsal), counts(&real));
        assert_eq!(rehearsal["report"]["notes"], real["report"]["notes"]);
    }
    // The rehearsal of an update, beside what is stored.
    let stored = succeeded(&client, &send(&client, "", &fixture("calendar.ics")));
    let again = succeeded(&client, &send(&client, "?dry_run=true", &fixture("calendar.ics")));
    assert_eq!((created(&again), count(&again, "unchanged", "event")), (0, count(&stored, "created", "event")));
    let changed = calendar("changes", 3);
    let post = |text: &str, query: &str| {
        let path = format!("/api/v1/imports{query}");
        let reply = client.send("POST", &path, &[CALENDAR], text.as_bytes()).expect(202);
        succeeded(&client, text_of(&reply.json()["id"]).as_str())
    };
    post(&changed, "");
    let before = (items_in(app), entries());
    let rehearsal = post(&changed.replace("Said of", "Told of"), "?dry_run=true");
    assert_eq!(count(&rehearsal, "updated", "event"), 3, "{rehearsal:#}");
    assert_eq!((items_in(app), entries()), before);
    assert_eq!(count(&post(&changed.replace("Said of", "Told of"), ""), "updated", "event"), 3);
}

fn text_of(value: &Value) -> String {
    text(value).to_owned()
}

#[apply(api_test)]
fn only_administrators_and_their_keys_import(app: &TestApp) {
    let body = calendar("roles", 1);
    let try_as = |client: &Client| client.send("POST", "/api/v1/imports", &[CALENDAR], body.as_bytes());
    try_as(&app.visitor()).problem(401, &[]);
    app.visitor().get("/api/v1/imports").problem(401, &[]);
    for role in [Role::Viewer, Role::Contributor, Role::Editor] {
        let client = app.client(role);
        try_as(&client).problem(403, &[]);
        client.get("/api/v1/imports").problem(403, &[]);
        client.get("/api/v1/imports/01890a5d-ac96-774b-bcce-b302099a8057").problem(403, &[]);
    }
    let administrator = app.client(Role::Administrator);
    let key = |more: Value| {
        let mut body = json!({"name": "Importer", "role": "administrator"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = administrator.post("/api/v1/api-keys", &body).expect(201).json();
        (app.visitor().with_token(text(&reply["token"])), text_of(&reply["key"]["id"]))
    };
    try_as(&key(json!({"role": "editor"})).0).problem(403, &[]);
    try_as(&key(json!({"collections": ["events"]})).0).problem(403, &[]);
    let (client, key_id) = key(json!({}));
    let id = text_of(&try_as(&client).expect(202).json()["id"]);
    succeeded(&client, &id);
    // The audit log has the request, and everything that it wrote, with the key.
    let audit = administrator.get(&format!("/api/v1/audit?kind=import&item={id}")).expect(200).json();
    assert_eq!(audit["data"].as_array().unwrap().len(), 1);
    assert_eq!((&audit["data"][0]["action"], &audit["data"][0]["via"]), (&json!("import"), &json!(key_id)));
    let events = administrator.get("/api/v1/audit?kind=event").expect(200).json();
    assert_eq!(events["data"][0]["request_id"], format!("import-{id}"));
    assert_eq!(events["data"][0]["via"], json!(key_id));
}

#[apply(api_test)]
fn bad_input_is_a_problem(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let raw = |query: &str, media_type: &str, body: &[u8]| {
        client.send("POST", &format!("/api/v1/imports{query}"), &[("content-type", media_type)], body)
    };
    let one = calendar("one", 1);
    let wrong = "?format=xls&time_zone=Europe/Brusels&dry_run=maybe&horizon=-1&status=archived&withdraw=all&event=A%20B&name=%20";
    let names = ["format", "time_zone", "dry_run", "horizon", "status", "withdraw", "event", "name"];
    let found = raw(wrong, "text/calendar", one.as_bytes()).problem(400, &[("?time_zone", "unknown_zone")]);
    for name in names {
        let pointer = format!("?{name}");
        assert!(found["errors"].as_array().unwrap().iter().any(|e| e["pointer"] == *pointer), "{name}: {found:#}");
    }
    raw("?colour=red", "text/calendar", one.as_bytes()).problem(400, &[("?colour", "unknown_parameter")]);
    raw("", "image/png", b"x").problem(415, &[]);
    raw("", "text/calendar; charset=utf-16", b"x").problem(415, &[]);
    raw("", "multipart/form-data", b"x").problem(400, &[("", "malformed_body")]);
    raw("", "multipart/form-data; boundary=edge", b"--edge\r\nno form").problem(400, &[("", "malformed_body")]);
    raw("", "text/calendar", b"").problem(422, &[("", "empty")]);
    raw("", "application/octet-stream", one.as_bytes()).problem(400, &[("?format", "required")]);
    raw("", "application/json", b"7").problem(400, &[("?format", "required")]);
    raw("", "application/json", b"[]").problem(400, &[("?name", "required")]);
    raw("?name=list", "text/csv", b"Title\nx\n").problem(422, &[("/mapping", "required")]);
    let mapped = |mapping: &[u8]| post_form(&client, "", &[("file", "a.csv", b"Title\nx\n"), ("mapping", "", mapping)]);
    let unknown = mapped(b"kind = \"event\"\nid = \"{Title}\"\n[fields]\ntitel = \"{Title}\"\n");
    let problem = unknown.problem(422, &[("/mapping", "not_valid")]);
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("fields.titel"), "{problem:#}");
    mapped(b"kind = ").problem(422, &[("/mapping", "not_valid")]);
    mapped(b"\xff").problem(422, &[("/mapping", "invalid_utf8")]);
    mapped(&vec![b'#'; 70_000]).problem(422, &[("/mapping", "too_long")]);
    post_form(&client, "", &[("file", "a.ics", b"")]).problem(422, &[("/file", "empty")]);
    post_form(&client, "", &[("picture", "", b"x")])
        .problem(422, &[("/picture", "unknown_field"), ("/file", "required")]);
    let calendar = one.as_bytes();
    post_form(&client, "", &[("file", "a.ics", calendar), ("file", "b.ics", calendar)])
        .problem(422, &[("/file", "duplicate")]);
    client.get("/api/v1/imports/01890a5d-ac96-774b-bcce-b302099a8057").problem(404, &[]);
    client.send("POST", "/api/v1/imports/01890a5d-ac96-774b-bcce-b302099a8057/cancel", &[], b"").problem(404, &[]);
    assert_eq!(client.get("/api/v1/imports").expect(200).json(), json!({"data": []}));
    let left = app.app.database.read(|c| Ok::<i64, DatabaseError>(imports::table.count().get_result(c)?));
    assert_eq!(app.block_on(left).unwrap(), 0, "what was refused is not kept");
}

/// Options are query parameters or parts of the form, with the same rules.
#[apply(api_test)]
fn options_are_parts_of_a_form_too(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let (body, name) = (calendar("parts", 2), "parts.ics");
    let post = |query: &str, more: &[(&str, &str)]| {
        // They may come before the file, and behind it.
        let before = more.iter().take(1).map(|(name, value)| (*name, "", value.as_bytes()));
        let behind = more.iter().skip(1).map(|(name, value)| (*name, "", value.as_bytes()));
        post_form(&client, query, &before.chain([("file", name, body.as_bytes())]).chain(behind).collect::<Vec<_>>())
    };
    let rehearsed = post("", &[("dry_run", "true"), ("status", "published"), ("name", "")]).expect(202).json();
    assert_eq!(rehearsed["dry_run"], true);
    succeeded(&client, text(&rehearsed["id"]));
    assert_eq!(items_in(app), 0);
    let id = text_of(
        &post("?horizon=30", &[("status", "published"), ("time_zone", "Europe/Lisbon")]).expect(202).json()["id"],
    );
    assert_eq!(created(&succeeded(&client, &id)), 2);
    let events = app.visitor().get("/api/v1/events").expect(200).json();
    assert_eq!(
        (events["data"].as_array().unwrap().len(), &events["data"][0]["time_zone"]),
        (2, &json!("Europe/Lisbon"))
    );
    post("", &[("dry_run", "maybe"), ("format", "xls"), ("time_zone", "Europe/Brusels"), ("horizon", "-1")])
        .problem(422, &[("/dry_run", "not_allowed"), ("/time_zone", "unknown_zone"), ("/horizon", "out_of_range")]);
    post("?status=draft", &[("status", "published")]).problem(422, &[("/status", "duplicate")]);
    let unknown = post("", &[("dryrun", "true")]).problem(422, &[("/dryrun", "unknown_field")]);
    assert!(text(&unknown["errors"][0]["message"]).contains("dry_run"), "{unknown:#}");
    post("", &[("name", &"x".repeat(1_001))]).problem(422, &[("/name", "too_long")]);
    post_form(&client, "", &[("file", name, body.as_bytes()), ("name", "", b"\xff")])
        .problem(422, &[("/name", "invalid_utf8")]);
}

/// Who loses the right to import loses it for what runs and waits, too.
#[apply(api_test)]
fn an_import_ends_with_the_rights_of_its_starter(app: &TestApp) {
    let owner = app.client(Role::Administrator);
    let reply =
        owner.post("/api/v1/api-keys", &json!({"name": "Importer", "role": "administrator"})).expect(201).json();
    let key = app.visitor().with_token(text(&reply["token"]));
    let (running, waiting) = (send_calendar(&key, "rights", 4_000), send_calendar(&key, "later", 2));
    let own = send_calendar(&owner, "own", 2);
    wait_for("the first records", || created(&import(&owner, &running)) >= 100);
    owner.send("DELETE", &format!("/api/v1/api-keys/{}", text(&reply["key"]["id"])), &[], b"").expect(204);
    for id in [&running, &waiting] {
        let ended = end(&owner, id);
        assert_eq!((text(&ended["status"]), text(&ended["failure"])), ("failed", "forbidden"), "{ended:#}");
        assert!(text(&ended["detail"]).contains("ended"), "{ended:#}");
    }
    let written = created(&import(&owner, &running));
    assert!((100..4_000).contains(&written), "{written}");
    assert_eq!(created(&succeeded(&owner, &own)), 2);
    assert_eq!(items_in(app), written + 2, "the report has exactly what is written");
    // The same for an account that is not an administrator any more.
    let second = app.client(Role::Administrator);
    let id = send_calendar(&second, "demoted", 4_000);
    wait_for("the first records", || created(&import(&owner, &id)) >= 100);
    app.sql("UPDATE accounts SET role = 'editor' WHERE id = (SELECT created_by FROM imports WHERE file = 'import.ics' AND status = 'running')");
    let ended = end(&app.client(Role::Administrator), &id);
    assert_eq!((text(&ended["status"]), text(&ended["failure"])), ("failed", "forbidden"), "{ended:#}");
    assert!(text(&ended["detail"]).contains("editor"), "{ended:#}");
}

/// A file that would make other items of those of its source is not imported, unless that is asked for.
#[apply(api_test)]
fn another_source_stops_the_import(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let old = calendar("source", 9);
    let post = |query: &str, body: &str| {
        let reply = client.send("POST", &format!("/api/v1/imports{query}"), &[CALENDAR], body.as_bytes()).expect(202);
        end(&client, text(&reply.json()["id"]))
    };
    post("", &old);
    let (before, new) = (items_in(app), old.replace("SUMMARY:Event", "SUMMARY:Concert").replace(" of source", ""));
    let new = new.replace("Concert ", "Concert 2036-");
    let refused = post("", &new);
    assert_eq!((text(&refused["status"]), text(&refused["failure"])), ("failed", "other_source"));
    assert!(text(&refused["detail"]).contains("replace=true"), "{refused:#}");
    assert_eq!((&refused["report"], items_in(app)), (&Value::Null, before));
    assert_eq!(count(&post("?replace=true", &new), "updated", "event"), 9);
}

#[apply(api_test)]
fn files_and_imports_are_bounded(app: &TestApp) {
    let small = TestApp::start_with(app.backend, |config| {
        config.imports.max_bytes = 200_000;
        config.imports.max_open = 1;
    });
    let client = small.client(Role::Administrator);
    let large = calendar("large", 1_500);
    assert!(large.len() > 200_000);
    client.send("POST", "/api/v1/imports", &[CALENDAR], large.as_bytes()).problem(413, &[]);
    post_form(&client, "", &[("file", "large.ics", large.as_bytes())]).problem(413, &[]);
    client.send("POST", "/api/v1/imports", &[CALENDAR], &vec![b'x'; 500_000]).problem(413, &[]);
    assert_eq!(client.get("/api/v1/imports").expect(200).json(), json!({"data": []}));
    // Whatever other bodies may have, a file is bounded by its own setting.
    assert!(small.config.server.max_body_bytes > 200_000);
    let first = send_calendar(&client, "first", 600);
    let second = client.send("POST", "/api/v1/imports", &[CALENDAR], calendar("second", 1).as_bytes());
    assert!(second.header("retry-after").parse::<u32>().is_ok());
    second.problem(503, &[]);
    succeeded(&client, &first);
    succeeded(&client, &send_calendar(&client, "second", 1));
}
