//! What becomes of imports over HTTP: clients that go, repetition, cancellation, several nodes, ends of nodes.

use std::io::Write;
use std::net::TcpStream;

use diesel::prelude::*;
use plenary::auth::permissions::Role;
use plenary::database::DatabaseError;
use plenary::database::schema::{import_parts, imports};
use serde_json::{Value, json};

use crate::imports::{CALENDAR, calendar, counts, created, end, import, items_in, send_calendar, succeeded, text};
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::moments::wait_for;
use crate::support::program::{Program, fresh_database};

/// What a client sent that has gone is not kept, and takes nobody's place.
#[apply(api_test)]
fn a_client_that_goes_leaves_nothing(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let head = format!(
        "POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: text/calendar\r\n\
         Content-Length: 2000000\r\n\r\n",
        client.token()
    );
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b'x'; 1_000_000]).unwrap();
    let rows = || {
        let all = app.app.database.read(|c| {
            let rows: i64 = imports::table.count().get_result(c)?;
            let parts: i64 = import_parts::table.count().get_result(c)?;
            Ok::<_, DatabaseError>((rows, parts))
        });
        app.block_on(all).unwrap()
    };
    wait_for("the first part", || rows().1 > 0);
    assert_eq!(client.get("/api/v1/imports").expect(200).json(), json!({"data": []}));
    drop(stream);
    wait_for("the deletion", || rows() == (0, 0));
}

#[apply(api_test)]
fn a_request_can_be_repeated(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let post = |body: &str, query: &str| {
        let headers = [CALENDAR, ("idempotency-key", "nightly-1")];
        client.send("POST", &format!("/api/v1/imports{query}"), &headers, body.as_bytes())
    };
    let first = post(&calendar("one", 2), "").expect(202);
    let again = post(&calendar("one", 2), "").expect(202);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.json()["id"], again.json()["id"]);
    post(&calendar("two", 2), "").problem(422, &[("Idempotency-Key", "reused")]);
    post(&calendar("one", 2), "?dry_run=true").problem(422, &[("Idempotency-Key", "reused")]);
    assert_eq!(client.get("/api/v1/imports").expect(200).json()["data"].as_array().unwrap().len(), 1);
}

/// What is written stays and is told, and nothing more is written.
#[apply(api_test)]
fn a_running_import_can_be_cancelled(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let (id, waiting) = (send_calendar(&client, "long", 4_000), send_calendar(&client, "waiting", 2));
    wait_for("the first records", || created(&import(&client, &id)) >= 100);
    let cancel = |id: &str| client.send("POST", &format!("/api/v1/imports/{id}/cancel"), &[], b"");
    let cancelled = cancel(&id).expect(200).json();
    assert_eq!((text(&cancelled["status"]), &cancelled["report"]["verdict"]), ("cancelled", &Value::Null));
    let written = created(&cancelled);
    assert!(written < 4_000, "{cancelled:#}");
    cancel(&id).problem(409, &[]);
    // The next one has its turn, which shows that the node is free, and leaves the cancelled one as it is.
    assert_eq!(created(&succeeded(&client, &waiting)), 2);
    assert_eq!(created(&import(&client, &id)), written);
    assert_eq!(items_in(app), written + 2);
    let audit = client.get(&format!("/api/v1/audit?kind=import&item={id}")).expect(200).json();
    assert_eq!(audit["data"][0]["action"], "cancel");
}

/// Two nodes on one database carry every import out once. Neither goes on when the other has taken its import over.
#[apply(api_test)]
fn several_nodes_run_an_import_once(app: &TestApp) {
    let other = app.second_node();
    let client = app.client(Role::Administrator);
    let beside = Client::new(&other.url).with_token(client.token());
    let ids: Vec<String> =
        (0..6).map(|n| send_calendar(if n % 2 == 0 { &client } else { &beside }, &format!("cal{n}"), 40)).collect();
    for id in &ids {
        let import = succeeded(&beside, id);
        assert_eq!(counts(&import), [("created".to_owned(), "event".to_owned(), 40)], "{import:#}");
    }
    assert_eq!(items_in(app), 240);
    let id = send_calendar(&client, "taken", 2_000);
    for step in [100, 500, 900] {
        wait_for("some records", || created(&import(&client, &id)) >= step);
        app.sql("UPDATE imports SET lease_until = 0 WHERE status = 'running'");
    }
    let import = succeeded(&client, &id);
    assert_eq!(counts(&import), [("created".to_owned(), "event".to_owned(), 2_000)], "{import:#}");
    assert_eq!(items_in(app), 2_240);
}

/// What is missing is withdrawn in several transactions, between which others have their turn. A node that takes the import
/// over goes on behind the last one.
#[apply(api_test)]
fn what_is_missing_is_withdrawn_in_steps(app: &TestApp) {
    let client = app.client(Role::Administrator);
    succeeded(&client, &send_calendar(&client, "gone", 1_500));
    let path = "/api/v1/imports?withdraw=missing&replace=true";
    let reply = client.send("POST", path, &[CALENDAR], calendar("gone", 1).as_bytes()).expect(202);
    let id = text(&reply.json()["id"]).to_owned();
    let withdrawn = || {
        let counts = counts(&import(&client, &id));
        counts.iter().find(|(outcome, ..)| outcome == "withdrawn").map_or(0, |(_, _, count)| *count)
    };
    for step in [100, 400, 700] {
        wait_for("some withdrawals", || withdrawn() >= step);
        let so_far = withdrawn();
        assert!(step > 100 || so_far < 1_499, "all were withdrawn at once");
        app.sql("UPDATE imports SET lease_until = 0 WHERE status = 'running'");
    }
    let import = succeeded(&client, &id);
    let both = [("unchanged".to_owned(), "event".to_owned(), 1), ("withdrawn".to_owned(), "event".to_owned(), 1_499)];
    assert_eq!(counts(&import), both, "{import:#}");
    let page = client.get("/api/v1/events?status=any&event_status=cancelled&limit=100&count=exact").expect(200).json();
    assert_eq!(page["page"]["total"], 1_499);
    assert!(page["data"].as_array().unwrap().iter().all(|event| event["version"] == 2), "each is written once");
}

/// A node that is killed leaves a report of exactly what is written; after its restart the import goes on behind it.
#[apply(api_test)]
fn an_import_goes_on_after_a_kill(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let program = Program::start(&database);
    let client = program.administrator();
    let id = send_calendar(&client, "killed", 3_000);
    wait_for("the first records", || created(&import(&client, &id)) >= 200);
    program.kill();
    let program = Program::start(&database);
    let client = program.administrator();
    let left = import(&client, &id);
    let total = || client.get("/api/v1/events?status=any&limit=1&count=exact").json()["page"]["total"].as_u64();
    assert_eq!(text(&left["status"]), "running", "the claim of the killed node lasts for a while: {left:#}");
    let written = created(&left);
    assert!((200..3_000).contains(&written), "{left:#}");
    assert_eq!(total(), Some(written), "the report has exactly what is written");
    let import = succeeded(&client, &id);
    assert_eq!(counts(&import), [("created".to_owned(), "event".to_owned(), 3_000)], "{import:#}");
    assert_eq!(total(), Some(3_000));
}

/// An import that ends every node, or was begun by another version of the program, ends as failed.
#[apply(api_test)]
fn an_import_without_hope_fails(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let long = || {
        let id = send_calendar(&client, &plenary::database::new_id(), 10_000);
        wait_for("the first records", || created(&import(&client, &id)) >= 100);
        id
    };
    let id = long();
    app.sql("UPDATE imports SET program = '0.0.1', node = '', lease_until = 0 WHERE status = 'running'");
    let failed = end(&client, &id);
    assert_eq!((text(&failed["status"]), text(&failed["failure"])), ("failed", "program_changed"));
    let id = long();
    app.sql("UPDATE imports SET attempts = 5, node = '', lease_until = 0 WHERE status = 'running'");
    let failed = end(&client, &id);
    assert_eq!((text(&failed["status"]), text(&failed["failure"])), ("failed", "interrupted"));
    let id = long();
    app.sql("UPDATE imports SET started_at = 1, node = '', lease_until = 0 WHERE status = 'running'");
    let failed = end(&client, &id);
    assert_eq!((text(&failed["status"]), text(&failed["failure"])), ("failed", "timed_out"));
    assert!(created(&failed) >= 100 && failed["report"]["verdict"].is_null());
}

/// Reports are kept for as long as is set, and files that never became imports go too.
#[apply(api_test)]
fn old_imports_are_deleted(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let (old, new) = (send_calendar(&client, "old", 1), send_calendar(&client, "new", 1));
    succeeded(&client, &old);
    succeeded(&client, &new);
    app.sql(&format!("UPDATE imports SET ended_at = 1 WHERE id = '{old}'"));
    app.sql(
        "INSERT INTO imports SELECT 'stalled', 'receiving', file, format, options, bytes, 1, created_by, via, 0, 0, '', 0, \
         0, '', 0, 0, 0, '', 0, '', '' FROM imports LIMIT 1",
    );
    let _node = app.second_node();
    let path = format!("/api/v1/imports/{old}");
    wait_for("the deletion", || client.get(&path).status == 404);
    let left = || {
        let ids =
            app.app.database.read(|c| Ok::<Vec<String>, DatabaseError>(imports::table.select(imports::id).load(c)?));
        app.block_on(ids).unwrap()
    };
    assert_eq!(left(), [new]);
}

/// Files that do not name their source need a name, in every format; all that is missing is told at once.
#[apply(api_test)]
fn a_file_that_does_not_name_itself_needs_a_name(app: &TestApp) {
    let client = app.client(Role::Administrator);
    let post = |query: &str, media_type: &str, body: &str| {
        client.send("POST", &format!("/api/v1/imports{query}"), &[("content-type", media_type)], body.as_bytes())
    };
    let named = calendar("sailing", 3);
    let unnamed = named.replace("X-WR-CALNAME:sailing\r\n", "");
    let sessionize = r#"{"sessions": [{"id": "1", "title": "Rain", "startsAt": "2027-03-04T10:00:00", "endsAt": "2027-03-04T11:00:00",
        "isServiceSession": false, "isPlenumSession": false}], "speakers": [], "rooms": []}"#;
    for (media_type, body) in [("text/calendar", unnamed.as_str()), ("application/json", sessionize)] {
        let problem = post("?withdraw=missing", media_type, body).problem(400, &[("?name", "required")]);
        assert!(text(&problem["errors"][0]["message"]).contains("filename"), "{problem:#}");
        for query in ["?name=sailing", "?filename=sailing.ics"] {
            post(&query.replace("ics", media_type.rsplit('/').next().unwrap()), media_type, body).expect(202);
        }
    }
    post("", "text/calendar", &named).expect(202);
    let both = post("?event=nope", "text/csv", "Title\nx\n");
    both.problem(400, &[("/mapping", "required"), ("?name", "required"), ("?event", "dangling_reference")]);
    post("?event=nope&name=x", "application/json", sessionize).problem(400, &[("?event", "dangling_reference")]);
    wait_for("the imports", || {
        client.get("/api/v1/imports").expect(200).json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|import| import["status"] == "succeeded")
    });
}
