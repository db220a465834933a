//! Clients that take what they asked for slowly, or not at all.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::moments::wait_for;

/// More than the buffers of the system between two sockets take.
const LARGE: &str = "/api/v1/events?detail=full&limit=60";

fn fill(editor: &Client) {
    let body = "A dialogue on shared rivers. ".repeat(6_800);
    for number in 0..60 {
        editor.create("events", &json!({"title": format!("E{number}"), "body": body, "status": "published"}));
    }
}

/// Asks, and takes nothing.
fn ask(app: &TestApp, path: &str) -> TcpStream {
    let host = app.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("the server");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").expect("the request is sent");
    stream
}

/// All that comes until the other side ends it.
fn take(mut stream: TcpStream) -> usize {
    let mut taken = Vec::new();
    match stream.read_to_end(&mut taken) {
        Ok(_) => {}
        Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "the connection is still there"),
    }
    taken.len()
}

#[apply(api_test)]
fn a_connection_that_takes_nothing_ends(app: &TestApp) {
    let impatient = TestApp::start_with(app.backend, |config| {
        config.server.stall_seconds = 3;
        config.server.response_cache_bytes = 0;
        config.server.compress = false;
    });
    fill(&impatient.editor());
    let whole = impatient.visitor().get(LARGE).expect(200).body.len();
    assert!(whole > 10_000_000, "{whole}");
    // Whoever takes a little now and then is served to the end.
    let mut slow = ask(&impatient, LARGE);
    let (mut taken, mut piece) = (0, vec![0; whole / 6]);
    while taken < whole {
        std::thread::sleep(Duration::from_millis(700));
        let count = slow.read(&mut piece).expect("it goes on");
        assert!(count > 0, "it ended after {taken} bytes");
        taken += count;
    }
    drop(slow);
    let held = || impatient.app.response_cache.body_memory().bytes();
    wait_for("the end of the first answer", || held() == 0);
    let stalled = ask(&impatient, LARGE);
    wait_for("the answer on its way", || held() >= whole);
    wait_for("the end of the connection", || held() == 0);
    assert!(take(stalled) < whole, "all of it was sent");
}

#[apply(api_test)]
fn answers_on_their_way_are_bounded(app: &TestApp) {
    let small = TestApp::start_with(app.backend, |config| {
        config.server.response_cache_bytes = 0;
        config.server.response_buffer_bytes = 1_000_000;
        config.server.compress = false;
    });
    fill(&small.editor());
    let waiting = ask(&small, LARGE);
    wait_for("the bound", || small.visitor().get("/api/v1/topics").status == 503);
    let refused = small.visitor().get("/api/v1/topics?limit=3").expect(503);
    assert!(!refused.header("retry-after").is_empty());
    drop(waiting);
    wait_for("room", || small.visitor().get("/api/v1/topics").status == 200);
}

#[apply(api_test)]
fn listeners_are_bounded(app: &TestApp) {
    let few = TestApp::start_with(app.backend, |config| config.server.change_stream_listeners = 2);
    let path = "/api/v1/changes/live";
    let first = ask(&few, path);
    let _second = ask(&few, path);
    wait_for("two listeners", || few.app.change_stream.listeners() == 2);
    let refused = few.visitor().get(path).expect(503);
    assert!(!refused.header("retry-after").is_empty());
    drop(first);
    wait_for("a place", || few.app.change_stream.listeners() == 1);
    let mut third = ask(&few, path);
    let mut begin = [0; 12];
    third.read_exact(&mut begin).expect("an answer");
    assert_eq!(&begin, b"HTTP/1.1 200");
}

#[apply(api_test)]
fn a_body_after_its_answer_is_cut_off(app: &TestApp) {
    let strict = TestApp::start_with(app.backend, |config| config.server.max_body_bytes = 10_000);
    let token = format!("authorization: Bearer {}\r\n", strict.editor().token());
    let host = strict.url.trim_start_matches("http://").to_owned();
    let long = "content-length: 100000000000";
    for (first, token, length, status) in [
        ("POST /api/v1/events", token.as_str(), long, "413"),
        ("POST /api/v1/events", &token, "transfer-encoding: chunked", "413"),
        ("POST /api/v1/events", "", "transfer-encoding: chunked", "401"),
        ("POST /nothing", "", "transfer-encoding: chunked", "404"),
        ("GET /api/v1/events", "", "transfer-encoding: chunked", "200"),
        ("GET /api/v1/events", "", long, "200"),
    ] {
        let mut stream = TcpStream::connect(&host).expect("the server");
        stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        let head =
            format!("{first} HTTP/1.1\r\nhost: {host}\r\n{token}content-type: application/json\r\n{length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the head is sent");
        let chunk = [b"8000\r\n".as_slice(), &[b' '; 0x8000], b"\r\n"].concat();
        stream.write_all(&chunk).expect("a first part is taken");
        let mut line = [0; 12];
        stream.read_exact(&mut line).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&line), format!("HTTP/1.1 {status}"), "{first} {length}");
        let begun = Instant::now();
        // Whether it is refused or not taken any more, it comes to an end.
        let mut sent = 0;
        while stream.write_all(&chunk).is_ok() {
            sent += chunk.len();
            assert!(begun.elapsed() < Duration::from_secs(60), "{first} {length}: {sent} bytes were taken");
            std::thread::sleep(Duration::from_millis(5));
        }
        strict.visitor().get("/healthz").expect(200);
    }
    // Whoever sends a body that is read keeps the connection.
    let mut stream = TcpStream::connect(&host).expect("the server");
    for _ in 0..2 {
        let body = r#"{"title": "E"}"#;
        let head = format!("POST /api/v1/events HTTP/1.1\r\nhost: {host}\r\n{token}content-type: application/json\r\n");
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("the request is sent");
        let mut reply = vec![0; 100_000];
        let count = stream.read(&mut reply).expect("an answer");
        assert!(reply[..count].starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&reply[..count]));
    }
}
