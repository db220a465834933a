//! Issues of the newsletter in exports: their texts and states move, and nothing that was sent, planned or on its way is sent
//! again.

use std::time::Duration;

use plenary::auth::permissions::Role;
use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::imports::{counts, succeeded};
use crate::newsletter::started_with;
use crate::newsletter_issues::{step, subscribe, text_issue};
use crate::support::app::{Backend, TestApp};
use crate::support::import::{bring, bring_text, options, write_export};
use crate::support::moments::{in_ms, wait_for};
use crate::support::post_office::PostOffice;

const ISSUES: &str = "/api/v1/newsletter/issues";
const READERS: usize = 3;

/// An issue in each state in which one can be, and readers.
fn fill(app: &TestApp, office: &PostOffice) {
    let (admin, editor) = (app.client(Role::Administrator), app.editor());
    let topic = editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    subscribe(&admin, READERS, &["en", "nl"]);
    let issue = |name: &str, body: &Value| {
        let mut body = body.clone();
        body["name"] = name.into();
        editor.post(ISSUES, &body).expect(201).header("location").to_owned()
    };
    let draft = json!({
        "segment": {"locales": ["en", "nl"], "topics": [topic["id"]]},
        "editions": [
            {"locale": "en", "subject": "Rivers", "preview_text": "Three evenings", "blocks": [
                {"type": "text", "heading": "Hello", "text": "Dear *reader*"},
                {"type": "events", "query": "when=upcoming&topic=water", "limit": 3},
                {"type": "item", "collection": "events", "item": "rivers"},
            ]},
            {"locale": "nl", "subject": "Rivieren", "blocks": [{"type": "text", "text": "Dag"}]},
        ],
    });
    issue("draft", &draft);
    issue("empty", &json!({}));
    let path = issue("scheduled", &text_issue("Planned"));
    step(&editor, &path, "send", &json!({"send_at": in_ms(3_600_000)})).expect(200);
    let path = issue("sent", &text_issue("Sent"));
    step(&editor, &path, "send", &json!({})).expect(200);
    wait_for("the end", || editor.get(&path).expect(200).json()["status"] == "sent");
    assert_eq!(office.mails().len(), READERS);
    let path = issue(
        "failed",
        &json!({"editions": [{"locale": "en", "subject": "S", "blocks": [
        {"type": "events", "query": "when=upcoming&topic=water"}]}]}),
    );
    step(&editor, &path, "send", &json!({})).expect(200);
    wait_for("the failure", || editor.get(&path).expect(200).json()["status"] == "failed");
    office.set_mode("greylist");
    for (name, last) in [("cancelled", "cancel"), ("paused", "pause"), ("sending", "")] {
        let path = issue(name, &text_issue(name));
        step(&editor, &path, "send", &json!({})).expect(200);
        wait_for("the begin", || editor.get(&path).expect(200).json()["counts"]["addressed"] == READERS);
        if !last.is_empty() {
            step(&editor, &path, last, &json!({})).expect(200);
        }
    }
}

/// Names and states of all issues.
fn states(app: &TestApp) -> Vec<(String, String)> {
    let list = app.editor().get(ISSUES).expect(200).json()["data"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut states: Vec<_> =
        list.as_array().unwrap().iter().map(|issue| (text(&issue["name"]), text(&issue["status"]))).collect();
    states.sort();
    states
}

fn by_name(app: &TestApp, name: &str) -> Value {
    let list = app.editor().get(ISSUES).expect(200).json()["data"].clone();
    list.as_array().unwrap().iter().find(|issue| issue["name"] == name).unwrap().clone()
}

/// What moves with an issue: all but what became of its mails.
fn moved(mut issue: Value) -> Value {
    let addressed = issue["counts"]["addressed"].clone();
    issue["counts"] = addressed;
    issue
}

fn expected() -> Vec<(String, String)> {
    let states = [
        ("cancelled", "cancelled"),
        ("draft", "draft"),
        ("empty", "draft"),
        ("failed", "failed"),
        ("paused", "cancelled"),
        ("scheduled", "draft"),
        ("sending", "cancelled"),
        ("sent", "sent"),
    ];
    states.map(|(name, status)| (name.to_owned(), status.to_owned())).into()
}

/// Mails that are tried again wait long, so that an issue is on its way for the whole test.
fn slow(app: &TestApp) -> (PostOffice, TestApp) {
    started_with(app, |config| {
        config.mail.retry_seconds = 3_600;
        config.mail.retry_max_seconds = 3_600;
    })
}

#[apply(api_test)]
fn issues_move_and_are_not_sent_again(app: &TestApp) {
    let (office, app) = slow(app);
    fill(&app, &office);
    let folder = tempfile::tempdir().unwrap();
    let before = write_export(&app, folder.path(), "before.jsonl");
    let text = std::fs::read_to_string(&before).unwrap();
    assert!(!text.contains("reader-0"), "a subscriber is in the export");
    for backend in [Backend::Sqlite, app.other_backend()] {
        let base = TestApp::start(backend);
        let (there, other) = slow(&base);
        subscribe(&other.client(Role::Administrator), READERS, &["en", "nl"]);
        let said = bring(&other, &before, &options(&before));
        assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines(Outcome::Refused).next());
        assert_eq!(said.lines(Outcome::Note).count(), 0, "{:?}", said.lines(Outcome::Note).next());
        assert_eq!(said.report.of(Outcome::Created, "newsletter_issue"), 8);
        assert_eq!(states(&other), expected());
        for name in ["draft", "empty", "sent", "failed", "cancelled"] {
            assert_eq!(moved(by_name(&other, name)), moved(by_name(&app, name)), "{name}");
        }
        assert!(by_name(&other, "scheduled")["send_at"].is_null());
        assert_eq!(by_name(&other, "sent")["counts"]["addressed"], READERS);
        let after = write_export(&other, folder.path(), "after.jsonl");
        assert_eq!(std::fs::read_to_string(&after).unwrap(), text);
        // Nothing is sent of itself, and what has ended cannot be sent.
        let editor = other.editor();
        for name in ["sent", "cancelled", "paused", "sending"] {
            let path = format!("{ISSUES}/{}", by_name(&other, name)["id"].as_str().unwrap());
            for word in ["send", "resume", "unschedule"] {
                step(&editor, &path, word, &json!({})).problem(409, &[]);
            }
        }
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(there.mails().len(), 0);
        // Once more changes nothing, here and there; what was changed here is kept.
        let again = bring(&other, &before, &options(&before));
        assert_eq!(again.report.of(Outcome::Unchanged, "newsletter_issue"), 8);
        // Here, the issue that is being sent may have come to its end on a slow machine.
        let again = bring(&app, &before, &options(&before));
        let of = |outcome| again.report.of(outcome, "newsletter_issue");
        assert_eq!(of(Outcome::Unchanged) + of(Outcome::Kept), 8);
        assert!(of(Outcome::Unchanged) >= 7, "{:?}", again.lines);
        let path = format!("{ISSUES}/{}", by_name(&other, "scheduled")["id"].as_str().unwrap());
        let tag = editor.get(&path).expect(200).etag().to_owned();
        editor.patch(&path, &tag, &json!({"name": "changed"})).expect(200);
        let again = bring(&other, &before, &options(&before));
        assert_eq!(again.report.of(Outcome::Kept, "newsletter_issue"), 1);
        // A draft can be sent as any other.
        let path = format!("{ISSUES}/{}", by_name(&other, "draft")["id"].as_str().unwrap());
        step(&editor, &path, "send", &json!({})).expect(200);
        let subjects: Vec<String> = there.wait_for(READERS).into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects.iter().filter(|subject| *subject == "Rivers").count(), 2, "{subjects:?}");
        wait_for("the end", || by_name(&other, "draft")["status"] == "sent");
    }
}

#[apply(api_test)]
fn issues_come_in_over_http(app: &TestApp) {
    let (office, app) = slow(app);
    fill(&app, &office);
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read(write_export(&app, folder.path(), "all.jsonl")).unwrap();
    let other = TestApp::start(app.backend);
    let admin = other.client(Role::Administrator);
    let import = |query: &str| {
        let headers = [("content-type", "application/jsonl")];
        let reply = admin.send("POST", &format!("/api/v1/imports{query}"), &headers, &text).expect(202).json();
        let counts = counts(&succeeded(&admin, reply["id"].as_str().unwrap()));
        counts.into_iter().filter(|(_, kind, _)| kind == "newsletter_issue").collect::<Vec<_>>()
    };
    let all = vec![("created".to_owned(), "newsletter_issue".to_owned(), 8)];
    assert_eq!(import("?dry_run=true"), all);
    assert_eq!(states(&other), []);
    assert_eq!(import(""), all);
    assert_eq!(states(&other), expected());
}

#[apply(api_test)]
fn bad_issues_are_refused_and_what_is_missing_is_noted(app: &TestApp) {
    let (office, app) = slow(app);
    fill(&app, &office);
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(write_export(&app, folder.path(), "all.jsonl")).unwrap();
    let line = text.lines().find(|line| line.contains(r#""name":"draft""#)).unwrap();
    let draft: Value = serde_json::from_str(line).unwrap();
    let change = |pointer: &str, new: &Value| {
        let mut changed = draft.clone();
        *changed.pointer_mut(pointer).unwrap() = new.clone();
        changed.to_string()
    };
    let other = TestApp::start(app.backend);
    for (pointer, new, code) in [
        ("/id", json!("1"), "not_an_id"),
        ("/status", json!("scheduled"), "not_allowed"),
        ("/status", json!("sending"), "not_allowed"),
        ("/version", json!(0), "out_of_range"),
        ("/send_at", json!(-1), "out_of_range"),
        ("/name", json!("x".repeat(201)), "too_long"),
        ("/editions/0/locale", json!("fr"), "unknown_locale"),
        ("/editions/1/locale", json!("en"), "duplicate"),
        ("/editions/0/subject", json!("A\nBcc: x@example.org"), "control_character"),
        ("/editions/0/blocks", json!([]), "empty"),
        ("/editions/0/blocks/0/type", json!("script"), "not_allowed"),
        ("/editions/0/blocks/1/query", json!("when=never"), "not_allowed"),
        ("/segment/locales/0", json!("fr"), "unknown_locale"),
        ("/segment/topics/0", json!("water"), "not_an_id"),
        ("/editions", json!(7), "malformed_item"),
    ] {
        let said = bring_text(&other, "issues.jsonl", &change(pointer, &new));
        let codes = said.codes(Outcome::Refused);
        assert_eq!(codes, [code], "{pointer} {new}");
    }
    assert_eq!(states(&other), []);
    // Without the topic and the event. The segment stays what it was: nobody else gets the issue.
    let said = bring_text(&other, "issues.jsonl", line);
    assert_eq!(said.codes(Outcome::Note), ["dangling_reference", "dangling_reference"]);
    assert_eq!(by_name(&other, "draft")["segment"], by_name(&app, "draft")["segment"]);
}
