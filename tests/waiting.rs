//! Nobody waits for the database without end, and what nobody waits for is not done.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use plenary::database::connection::{SessionPurpose, connect_for};
use plenary::database::schema::items;
use plenary::database::{Address, Db};
use serde_json::json;

use crate::support::app::{Backend, TestApp};
use crate::support::client::Client;
use crate::support::moments::wait_for;
use crate::support::proxy::{Mode, Proxy};
use crate::write_faults::other_connection;

/// Keeps the lock that all writers wait for.
fn hold_lock(other: &mut Db) {
    match other {
        Db::Sqlite(c) => c.batch_execute("BEGIN IMMEDIATE"),
        Db::Postgres(c) => c.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(7163514292)"),
    }
    .unwrap();
}

fn count_topics(app: &TestApp, slug: &str) -> i64 {
    items::table.filter(items::slug.eq(slug.to_owned())).count().get_result(&mut other_connection(app)).unwrap()
}

fn impatient(app: &TestApp, change: impl FnOnce(&mut plenary::config::Config)) -> TestApp {
    TestApp::start_with(app.backend, |config| {
        config.server.database_timeout_seconds = 1;
        change(config);
    })
}

fn topic(slug: &str) -> serde_json::Value {
    json!({"name": slug, "slug": slug})
}

#[apply(api_test)]
fn a_write_waits_for_the_lock_only_so_long(app: &TestApp) {
    let app = impatient(app, |_| {});
    let editor = app.editor();
    let mut other = other_connection(&app);
    hold_lock(&mut other);
    for round in 0..3 {
        let begun = Instant::now();
        let reply = editor.post("/api/v1/topics", &topic(&format!("waits-{round}")));
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert!(!reply.header("retry-after").is_empty());
        let problem = reply.problem(503, &[]);
        assert!(problem["type"].as_str().unwrap().ends_with("/unavailable"), "{problem:#}");
        // Reads do not mind.
        editor.get("/api/v1/topics?status=any").expect(200);
    }
    other.rollback().unwrap();
    // It is noticed that the lock is free, without anybody's write.
    wait_for("a free lock", || app.visitor().get("/readyz").status == 200);
    editor.create("topics", &topic("afterwards"));
    let there: Vec<i64> = (0..3).map(|round| count_topics(&app, &format!("waits-{round}"))).collect();
    assert_eq!(there, [0; 3], "what was refused is not kept");
}

#[apply(api_test)]
fn readiness_tells_that_writes_wait(app: &TestApp) {
    let editor = app.editor();
    let mut other = other_connection(app);
    hold_lock(&mut other);
    std::thread::scope(|scope| {
        let write = scope.spawn(|| editor.post("/api/v1/topics", &topic("patient")));
        wait_for("the wait", || app.visitor().get("/readyz").status == 503);
        let detail = app.visitor().get("/readyz").problem(503, &[])["detail"].clone();
        assert!(detail.as_str().unwrap().contains("writes have been waiting"), "{detail}");
        // Whoever only reads is served.
        app.visitor().get("/readyz?scope=reads").expect(200);
        app.visitor().get("/healthz").expect(200);
        app.visitor().get("/readyz?scope=none").problem(400, &[("?scope", "not_allowed")]);
        other.rollback().unwrap();
        write.join().unwrap().expect(201);
    });
    // The write is answered just before the writer notes that it is idle.
    wait_for("readiness", || app.visitor().get("/readyz").status == 200);
}

/// A client that closes its connection while its write waits: the write never happens.
#[apply(api_test)]
fn what_nobody_waits_for_is_not_done(app: &TestApp) {
    let editor = app.editor();
    let mut other = other_connection(app);
    hold_lock(&mut other);
    // The writer has this one in its hands and waits for the lock.
    let first = std::thread::spawn({
        let editor = editor.clone();
        move || editor.post("/api/v1/topics", &topic("first"))
    });
    wait_for("the first write", || app.app.database.writes_wait().is_some());
    let send = |slug: &str| {
        let body = topic(slug).to_string();
        let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
        let head = format!(
            "POST /api/v1/topics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            editor.token(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut stays = send("stays");
    let goes: Vec<TcpStream> = (0..5).map(|number| send(&format!("goes-{number}"))).collect();
    wait_for("all writes", || app.app.database.writes_waiting() == 6);
    drop(goes);
    // The one thread that serves them all hears of that before it answers these.
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(100));
        app.visitor().get("/healthz").expect(200);
    }
    other.rollback().unwrap();
    first.join().unwrap().expect(201);
    let mut answer = [0; 12];
    stays.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 201");
    // What came after them is done, so they had their turn.
    editor.create("topics", &topic("last"));
    let gone: Vec<i64> = (0..5).map(|number| count_topics(app, &format!("goes-{number}"))).collect();
    assert_eq!((count_topics(app, "stays"), gone), (1, vec![0; 5]));
}

/// A node that stops in the middle of a write: Postgres ends its session, and others go on.
#[apply(api_test)]
fn a_frozen_node_loses_the_lock(app: &TestApp) {
    let address = app.app.database.address();
    let Address::Postgres(_) = address else { return };
    let purpose = SessionPurpose::Write(Some(Duration::from_secs(1)));
    let mut frozen = connect_for(purpose, address, &Default::default(), &Default::default()).unwrap();
    frozen.begin_write().unwrap();
    // It says nothing any more. The write of another node waits for ten seconds at most.
    app.editor().create("topics", &topic("goes-on"));
    assert!(frozen.commit().is_err());
}

/// The database is there and says nothing: reads and writes are told so within seconds.
#[apply(api_test)]
fn a_database_that_hangs_makes_nobody_wait(app: &TestApp) {
    let (Backend::Postgres(port), Address::Postgres(url)) = (app.backend, app.app.database.address()) else { return };
    let proxy = Proxy::start(port);
    let node = impatient(app, |config| config.database_url = proxy.url(url));
    let editor = node.editor();
    editor.create("topics", &json!({"name": "Kept", "slug": "kept", "status": "published"}));
    let public = node.visitor();
    // What it wrote itself, and what it keeps beside, comes by the journal once more; then the answer stays.
    for _ in 0..15 {
        std::thread::sleep(Duration::from_millis(200));
        public.get("/api/v1/topics").expect(200);
    }
    assert_eq!(public.get("/api/v1/topics").expect(200).header("age"), "");
    proxy.set(Mode::Hang);
    let quick = |client: &Client, method: &str, path: &str, body: &[u8]| {
        let begun = Instant::now();
        let reply = client.send(method, path, &[("content-type", "application/json")], body);
        assert!(begun.elapsed() < Duration::from_secs(15), "{method} {path}: {:?}", begun.elapsed());
        reply
    };
    let body = topic("hangs").to_string();
    for _ in 0..3 {
        assert!(!quick(&public, "GET", "/api/v1/venues?limit=7", b"").expect(503).header("retry-after").is_empty());
        quick(&public, "GET", "/readyz", b"").expect(503);
        quick(&editor, "POST", "/api/v1/topics", body.as_bytes()).expect(503);
        quick(&public, "GET", "/healthz", b"").expect(200);
    }
    // What is kept is given out further, and its age is told.
    wait_for("a cached response", || !public.get("/api/v1/topics").expect(200).header("age").is_empty());
    let age = public.get("/api/v1/topics").expect(200).header("age").parse::<u64>().unwrap();
    assert!((1..600).contains(&age), "{age}");
    proxy.set(Mode::Pass);
    wait_for("readiness", || public.get("/readyz").status == 200);
    editor.create("topics", &json!({"name": "New", "slug": "new", "status": "published"}));
    wait_for("a fresh response", || public.get("/api/v1/topics").expect(200).header("age").is_empty());
    let all = public.get("/api/v1/topics").expect(200).json();
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "{all:#}");
}
