//! Changes as they happen: server-sent events.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::program::{Program, fresh_database};

/// A browser's EventSource, as far as it goes.
struct Listener {
    lines: BufReader<TcpStream>,
}

/// Name, id, data.
type Event = (String, String, Value);

impl Listener {
    fn new(url: &str, query: &str, last: Option<&str>) -> Self {
        let host = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).expect("the server");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        write!(
            stream,
            "GET /api/v1/changes/live{query} HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n{last}\r\n"
        )
        .unwrap();
        let mut listener = Self { lines: BufReader::new(stream) };
        assert!(listener.line().starts_with("HTTP/1.1 200"));
        let mut typed = false;
        loop {
            let line = listener.line().to_ascii_lowercase();
            typed |= line == "content-type: text/event-stream";
            if line.is_empty() {
                break;
            }
        }
        assert!(typed);
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("a line in time");
        assert!(read > 0, "the server ended it");
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// The next event. The sizes of chunks and comments are left out.
    fn event(&mut self) -> Event {
        let (mut name, mut id, mut data) = (String::new(), String::new(), String::new());
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("event", value)) => name = value.to_owned(),
                Some(("id", value)) => id = value.to_owned(),
                Some(("data", value)) => data = value.to_owned(),
                _ if line.is_empty() && !data.is_empty() => return (name, id, serde_json::from_str(&data).unwrap()),
                _ => {}
            }
        }
    }

    /// Waits for a change and gives operation and title or id of each, and the id of the event.
    fn changes(&mut self) -> (Vec<String>, String) {
        let (name, id, data) = self.event();
        assert_eq!((name.as_str(), &data["next"]), ("changes", &json!(id)));
        let told = data["data"].as_array().unwrap().iter().map(|change| {
            let what = change["item"]["title"].as_str().or(change["item"]["name"].as_str()).or(change["id"].as_str());
            format!("{} {}", change["operation"].as_str().unwrap(), what.unwrap())
        });
        (told.collect(), id)
    }
}

#[apply(api_test)]
fn changes_arrive_as_they_happen(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Before", "status": "published"}));
    let mut listener = Listener::new(&app.url, "", None);
    let (name, id, data) = listener.event();
    assert_eq!((name.as_str(), &data["next"]), ("ready", &json!(id)));
    // A draft is nobody's business.
    editor.create("events", &json!({"title": "Secret"}));
    let begun = Instant::now();
    let event = editor.create("events", &json!({"title": "Now", "status": "published"}));
    let (told, _) = listener.changes();
    assert_eq!(told, ["upsert Now"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    editor.act("/api/v1/events/now/unpublish", "\"v1\"").expect(200);
    let (told, id) = listener.changes();
    assert_eq!(told, [format!("delete {}", event["id"].as_str().unwrap())]);
    // The token is one of the list of changes.
    let list = app.visitor().get(&format!("/api/v1/changes?since={id}")).expect(200).json();
    assert_eq!((&list["data"], &list["next"]), (&json!([]), &json!(id)));
}

#[apply(api_test)]
fn listeners_come_back_without_missing_anything(app: &TestApp) {
    let editor = app.editor();
    let mut listener = Listener::new(&app.url, "", None);
    let (_, begin, _) = listener.event();
    editor.create("events", &json!({"title": "One", "status": "published"}));
    let (_, one) = listener.changes();
    drop(listener);
    for title in ["Two", "Three"] {
        editor.create("events", &json!({"title": title, "status": "published"}));
    }
    let mut back = Listener::new(&app.url, "", Some(&one));
    assert_eq!(back.event().0, "ready");
    let mut told = back.changes().0;
    if told.len() < 2 {
        told.extend(back.changes().0);
    }
    assert_eq!(told, ["upsert Two", "upsert Three"]);
    let mut since = Listener::new(&app.url, &format!("?since={begin}"), None);
    since.event();
    assert_eq!(since.changes().0, ["upsert One", "upsert Two", "upsert Three"]);
}

#[apply(api_test)]
fn many_can_listen(app: &TestApp) {
    let editor = app.editor();
    let mut listeners: Vec<Listener> = (0..200).map(|_| Listener::new(&app.url, "", None)).collect();
    for listener in &mut listeners {
        assert_eq!(listener.event().0, "ready");
    }
    let before = app.app.database.statements();
    editor.create("events", &json!({"title": "Heard", "status": "published"}));
    for listener in &mut listeners {
        assert_eq!(listener.changes().0, ["upsert Heard"]);
    }
    let asked = app.app.database.statements() - before;
    assert!(asked < 1_500, "{asked} statements for 200 listeners");
}

#[apply(api_test)]
fn what_is_no_token_is_refused(app: &TestApp) {
    let editor = app.editor();
    for number in 0..3 {
        editor.create("events", &json!({"title": format!("E{number}"), "status": "published"}));
    }
    let public = app.visitor();
    public.get("/api/v1/changes/live?since=x").problem(400, &[("?since", "not_a_token")]);
    let header = [("last-event-id", "x")];
    public.send("GET", "/api/v1/changes/live", &header, b"").problem(400, &[("Last-Event-ID", "not_a_token")]);
    let copy = public.get("/api/v1/changes?limit=1").expect(200).json();
    let half = format!("/api/v1/changes/live?since={}", copy["next"].as_str().unwrap());
    public.get(&half).problem(400, &[("?since", "not_complete")]);
}

#[apply(api_test)]
fn listeners_do_not_hold_up_the_end(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&fresh_database(app.backend, folder.path()));
    let mut listener = Listener::new(&program.url, "", None);
    listener.event();
    let begun = Instant::now();
    program.terminate();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
