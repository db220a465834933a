//! Issues of the newsletter: what they say, to whom they go, and that each address gets one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::newsletter::{count, started};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::{Client, Reply};
use crate::support::moments::{in_ms, wait_for};
use crate::support::post_office::PostOffice;
use crate::support::program::{ADMINISTRATOR, Program, fresh_database};

const ISSUES: &str = "/api/v1/newsletter/issues";

/// Subscribes invented addresses, with the languages in turn.
pub fn subscribe(admin: &Client, count: usize, locales: &[&str]) {
    let mut table = "email,locale,consent_text,consented_at,proof\n".to_owned();
    for number in 0..count {
        let locale = locales[number % locales.len()];
        table.push_str(&format!("reader-{number:05}@example.org,{locale},Yes,2026-01-01,invented\n"));
    }
    let headers = [("content-type", "text/csv")];
    let report =
        admin.send("POST", "/api/v1/newsletter/subscribers/import", &headers, table.as_bytes()).expect(200).json();
    assert_eq!(report["created"], json!(count), "{report}");
}

pub fn text_issue(subject: &str) -> Value {
    json!({"name": "March", "editions": [{"locale": "en", "subject": subject, "blocks": [{"type": "text", "text": "Dear **reader**"}]}]})
}

pub fn step(client: &Client, path: &str, step: &str, body: &Value) -> Reply {
    let tag = client.get(path).expect(200).etag().to_owned();
    client.act_with(&format!("{path}/{step}"), &tag, body)
}

#[apply(api_test)]
fn an_issue_has_blocks_and_queries_in_each_language(app: &TestApp) {
    let (office, app) = started(app);
    let (admin, editor) = (app.client(Role::Administrator), app.editor());
    editor.create("topics", &json!({"name": "Security", "slug": "security", "status": "published"}));
    let event = |title: Value, topics: Value, status: &str| {
        let body = json!({
            "title": title, "starts_at": "2090-09-16T14:00", "ends_at": "2090-09-16T16:00",
            "summary": {"en": "About <shared> water"}, "topics": topics, "status": status,
        });
        let text = body.to_string();
        let headers = [("content-type", "application/vnd.plenary.all-locales+json")];
        editor.send("POST", "/api/v1/events", &headers, text.as_bytes()).expect(201);
    };
    event(json!({"en": "Rivers & law", "nl": "Rivieren en recht"}), json!(["security"]), "published");
    event(json!({"en": "Another matter"}), json!([]), "published");
    event(json!({"en": "Still a draft"}), json!(["security"]), "draft");
    subscribe(&admin, 2, &["en", "nl"]);
    let blocks = |heading: &str| {
        json!([
            {"type": "text", "heading": heading, "text": "Dear *reader* <script>alert(1)</script>"},
            {"type": "events", "query": "when=upcoming&topic=security", "limit": 3},
            {"type": "item", "collection": "events", "item": "another-matter"},
        ])
    };
    let body = json!({"name": "March", "editions": [
        {"locale": "en", "subject": "Rivers", "preview_text": "Three evenings", "blocks": blocks("Hello")},
        {"locale": "nl", "subject": "Rivieren", "blocks": blocks("Dag")},
    ]});
    let made = editor.post(ISSUES, &body).expect(201);
    let path = made.header("location").to_owned();
    let preview = editor.get(&format!("{path}/preview?locale=nl")).expect(200).json();
    assert_eq!(preview["subject"], "Rivieren");
    let html = preview["html"].as_str().unwrap();
    assert!(
        html.contains("Rivieren en recht") && html.contains("16 september 2090, 14:00") && html.contains("Dag"),
        "{html}"
    );
    assert!(!html.contains("draft") && !html.contains("<script>") && html.contains("&lt;shared&gt;"), "{html}");
    editor.get(&format!("{path}/preview?locale=fr")).problem(400, &[("?locale", "not_allowed")]);
    editor.post(&format!("{path}/test"), &json!({"to": "me@example.org", "locale": "nl"})).expect(202);
    assert_eq!(office.wait_for(1)[0].subject, "Rivieren");
    step(&editor, &path, "send", &json!({})).expect(200);
    let mails = office.wait_for(3);
    let of = |to: &str| mails.iter().find(|mail| mail.to == to).unwrap();
    let (english, dutch) = (of("reader-00000@example.org"), of("reader-00001@example.org"));
    assert!(english.text.contains("Rivers & law") && english.text.contains("Another matter"), "{}", english.text);
    assert!(dutch.html.contains("Rivieren en recht") && english.html.contains("Three evenings"));
    let one_click = english.header("List-Unsubscribe").unwrap();
    assert_eq!(english.header("List-Unsubscribe-Post").unwrap(), "List-Unsubscribe=One-Click");
    // A mail program unsubscribes by one POST; a GET changes nothing.
    let target = one_click.trim_matches(['<', '>']).strip_prefix(&app.config.public_url).unwrap().to_owned();
    let status = || {
        let path = "/api/v1/newsletter/subscribers?email=reader-00000@example.org";
        admin.get(path).expect(200).json()["data"][0]["status"].clone()
    };
    app.visitor().get(&target).expect(200);
    assert_eq!(status(), "confirmed");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    app.visitor().send("POST", &target, &form, b"List-Unsubscribe=One-Click").expect(200);
    assert_eq!(status(), "unsubscribed");
    app.visitor().send("POST", &target, &form, b"List-Unsubscribe=One-Click").expect(200);
    app.visitor().send("POST", "/newsletter/unsubscribe?token=x", &form, b"").expect(422);
    wait_for("the end", || editor.get(&path).expect(200).json()["status"] == "sent");
}

#[apply(api_test)]
fn an_issue_says_what_is_wrong_with_it(app: &TestApp) {
    let (_office, app) = started(app);
    let editor = app.editor();
    let with = |block: Value| json!({"name": "X", "editions": [{"locale": "en", "subject": "S", "blocks": [block]}]});
    let post = |body: &Value| editor.post(ISSUES, body);
    post(&with(json!({"type": "text"}))).problem(422, &[("/editions/0/blocks/0/text", "required")]);
    post(&with(json!({"type": "events", "query": "nam=x"})))
        .problem(422, &[("/editions/0/blocks/0/query", "unknown_parameter")]);
    post(&with(json!({"type": "events", "query": "limit=9"})))
        .problem(422, &[("/editions/0/blocks/0/query", "unknown_parameter")]);
    post(&with(json!({"type": "item", "item": "x"}))).problem(422, &[("/editions/0/blocks/0/collection", "required")]);
    // A member that would have no effect is refused.
    post(&with(json!({"type": "text", "text": "x", "query": "when=upcoming", "limit": 3, "item": "x"}))).problem(
        422,
        &[
            ("/editions/0/blocks/0/query", "not_allowed"),
            ("/editions/0/blocks/0/limit", "not_allowed"),
            ("/editions/0/blocks/0/item", "not_allowed"),
        ],
    );
    post(&with(json!({"type": "video"}))).problem(422, &[("/editions/0/blocks/0/type", "not_allowed")]);
    post(&json!({"name": "X", "segment": {"topics": ["none"]}}))
        .problem(422, &[("/segment/topics/0", "dangling_reference")]);
    post(&json!({"name": "X", "editions": [{"locale": "en", "subject": "A\nBcc: x@example.org", "blocks": []}]}))
        .problem(422, &[("/editions/0/subject", "control_character")]);
    let made = post(&json!({"name": "X"})).expect(201);
    let path = made.header("location").to_owned();
    step(&editor, &path, "send", &json!({})).problem(409, &[]);
    step(&editor, &path, "pause", &json!({})).problem(409, &[]);
    editor.patch(&path, "\"v9\"", &json!({"name": "Y"})).problem(412, &[]);
    editor.patch(&path, made.etag(), &json!({"name": null})).problem(422, &[("/name", "required")]);
    let changed = editor.patch(&path, made.etag(), &text_issue("S")).expect(200);
    step(&editor, &path, "send", &json!({"send_at": "2020-01-01"})).problem(422, &[("/send_at", "in_the_past")]);
    step(&editor, &path, "send", &json!({"send_at": in_ms(3_600_000)})).expect(200);
    editor.delete(&path, changed.etag()).problem(412, &[]);
    step(&editor, &path, "unschedule", &json!({})).expect(200);
    let tag = editor.get(&path).expect(200).etag().to_owned();
    editor.delete(&path, &tag).expect(204);
    editor.get(&path).problem(404, &[]);
    app.client(Role::Contributor).post(ISSUES, &text_issue("S")).problem(403, &[]);
}

#[apply(api_test)]
fn an_issue_about_nothing_is_not_sent(app: &TestApp) {
    let (office, app) = started(app);
    let (admin, editor) = (app.client(Role::Administrator), app.editor());
    subscribe(&admin, 1, &["en"]);
    let with = |blocks: Value| json!({"name": "X", "editions": [{"locale": "en", "subject": "S", "blocks": blocks}]});
    let item = |collection: &str, item: &str| with(json!([{"type": "item", "collection": collection, "item": item}]));
    let post = |body: &Value| editor.post(ISSUES, body);
    post(&with(json!([]))).problem(422, &[("/editions/0/blocks", "empty")]);
    post(&item("events", "absent")).problem(422, &[("/editions/0/blocks/0/item", "dangling_reference")]);
    for collection in ["site", "menus", "announcements"] {
        post(&item(collection, "x")).problem(422, &[("/editions/0/blocks/0/collection", "not_allowed")]);
    }
    let mut wrong = text_issue("S");
    wrong["editions"][0]["locale"] = json!("fr");
    wrong["segment"] = json!({"locales": ["en", "fr"]});
    post(&wrong).problem(422, &[("/editions/0/locale", "unknown_locale"), ("/segment/locales/1", "unknown_locale")]);
    let draft = editor.create("topics", &json!({"name": "Water", "slug": "water"}));
    // A draft may be public when the issue is sent; if it is not, the issue fails.
    for body in [item("topics", "water"), with(json!([{"type": "events", "query": "when=upcoming"}]))] {
        let path = post(&body).expect(201).header("location").to_owned();
        editor.get(&format!("{path}/preview")).problem(409, &[]);
        editor.post(&format!("{path}/test"), &json!({"to": "me@example.org"})).problem(409, &[]);
        step(&editor, &path, "send", &json!({})).expect(200);
        wait_for("the failure", || editor.get(&path).expect(200).json()["status"] == "failed");
    }
    let made = post(&item("topics", draft["id"].as_str().unwrap())).expect(201);
    let path = made.header("location").to_owned();
    editor.act("/api/v1/topics/water/publish", "\"v1\"").expect(200);
    editor.get(&format!("{path}/preview")).expect(200);
    let test = json!({"to": "me@example.org", "locale": "nl"});
    editor.post(&format!("{path}/test"), &test).problem(422, &[("/locale", "not_found")]);
    assert!(office.mails().is_empty());
}

#[apply(api_test)]
fn a_segment_is_of_languages_and_topics(app: &TestApp) {
    let (office, app) = started(app);
    let (admin, editor) = (app.client(Role::Administrator), app.editor());
    for slug in ["water", "law"] {
        editor.create("topics", &json!({"name": slug, "slug": slug, "status": "published"}));
    }
    let table = "email,locale,topics,consent_text,consented_at,proof\n\
        water-en@example.org,en,water,Yes,2026-01-01,x\nlaw-en@example.org,en,law,Yes,2026-01-01,x\n\
        all-en@example.org,en,,Yes,2026-01-01,x\nwater-nl@example.org,nl,water law,Yes,2026-01-01,x\n";
    let headers = [("content-type", "text/csv")];
    admin.send("POST", "/api/v1/newsletter/subscribers/import", &headers, table.as_bytes()).expect(200);
    let mut body = text_issue("For some");
    body["segment"] = json!({"topics": ["water"], "locales": ["en"]});
    let path = editor.post(ISSUES, &body).expect(201).header("location").to_owned();
    step(&editor, &path, "send", &json!({"send_at": in_ms(1_200)})).expect(200);
    assert_eq!(editor.get(&path).expect(200).json()["status"], "scheduled");
    wait_for("the end", || editor.get(&path).expect(200).json()["status"] == "sent");
    let mut to: Vec<String> = office.mails().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["all-en@example.org", "water-en@example.org"]);
}

#[apply(api_test)]
fn an_issue_is_paused_and_goes_on(app: &TestApp) {
    let (office, app) = started(app);
    let (admin, editor) = (app.client(Role::Administrator), app.editor());
    subscribe(&admin, 450, &["en"]);
    let path = editor.post(ISSUES, &text_issue("Slowly")).expect(201).header("location").to_owned();
    step(&editor, &path, "send", &json!({})).expect(200);
    office.wait_for(5);
    step(&editor, &path, "pause", &json!({})).expect(200);
    // A mail that is on its way is sent to its end, one on each connection at most.
    std::thread::sleep(Duration::from_millis(1_500));
    let paused = office.mails().len();
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(office.mails().len(), paused);
    assert!(paused < 450, "{paused}");
    assert_eq!(editor.get(&path).expect(200).json()["status"], "paused");
    step(&editor, &path, "resume", &json!({})).expect(200);
    wait_for("the end", || editor.get(&path).expect(200).json()["status"] == "sent");
    let counts = editor.get(&path).expect(200).json()["counts"].clone();
    assert_eq!((&counts["addressed"], &counts["sent"], &counts["waiting"]), (&json!(450), &json!(450), &json!(0)));
    assert_eq!(office.mails().len(), 450);
    let path = editor.post(ISSUES, &text_issue("Stopped")).expect(201).header("location").to_owned();
    step(&editor, &path, "send", &json!({})).expect(200);
    office.wait_for(455);
    step(&editor, &path, "cancel", &json!({})).expect(200);
    std::thread::sleep(Duration::from_millis(1_500));
    let ended = office.mails().len();
    std::thread::sleep(Duration::from_millis(1_000));
    assert!(ended < 900 && office.mails().len() == ended, "{ended}");
}

/// Returns the number of mails that a node has claimed.
fn claimed(app: &TestApp) -> i64 {
    use diesel::prelude::*;
    use plenary::database::mail_schema::mails;
    count(app, |c| mails::table.filter(mails::node.ne("")).count().get_result(c))
}

/// While a mail server hangs, a node has claimed mails. They are neither sent while the issue is paused nor after it was stopped.
#[apply(api_test)]
fn a_pause_and_a_stop_hold_for_claimed_mails(app: &TestApp) {
    const READERS: i64 = 5;
    let (office, app) = started(app);
    let (admin, editor) = (app.client(Role::Administrator), app.editor());
    subscribe(&admin, READERS as usize, &["en"]);
    let begin = |subject: &str| {
        office.set_mode("hang");
        let path = editor.post(ISSUES, &text_issue(subject)).expect(201).header("location").to_owned();
        step(&editor, &path, "send", &json!({})).expect(200);
        wait_for("the claims", || claimed(&app) == READERS);
        path
    };
    let counts = |path: &str| editor.get(path).expect(200).json()["counts"].clone();
    let path = begin("Later");
    step(&editor, &path, "pause", &json!({})).expect(200);
    wait_for("the end of the claims", || claimed(&app) == 0);
    office.set_mode("");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((office.mails().len(), &counts(&path)["waiting"]), (0, &json!(READERS)));
    let held = admin.get("/api/v1/mails?status=held").expect(200).json();
    assert_eq!(held["data"].as_array().unwrap().len() as i64, READERS);
    step(&editor, &path, "resume", &json!({})).expect(200);
    wait_for("the end", || editor.get(&path).expect(200).json()["status"] == "sent");
    assert_eq!((office.mails().len() as i64, &counts(&path)["sent"]), (READERS, &json!(READERS)));
    let path = begin("Never");
    step(&editor, &path, "cancel", &json!({})).expect(200);
    wait_for("the end of the claims", || claimed(&app) == 0);
    office.set_mode("");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((office.mails().len() as i64, &counts(&path)["dropped"]), (READERS, &json!(READERS)));
}

/// An issue to 300 addresses while every second mail fails and the node is killed again and again: each address gets it, and
/// more than once only where the mail server took a mail and the node could not know.
#[apply(api_test)]
fn each_address_gets_an_issue_however_often_the_node_dies(app: &TestApp) {
    const READERS: usize = 300;
    let office = PostOffice::new();
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let start = || {
        Program::start_with(&database, |command| {
            for (name, value) in [
                ("PLENARY_MAIL__SMTP_URL", office.url().as_str()),
                ("PLENARY_MAIL__FROM", "Desk <desk@example.org>"),
                ("PLENARY_MAIL__TIMEOUT_SECONDS", "1"),
                ("PLENARY_MAIL__RETRY_SECONDS", "1"),
                ("PLENARY_MAIL__RETRY_MAX_SECONDS", "2"),
                ("PLENARY_MAIL__DOMAIN_PER_MINUTE", "0"),
                ("PLENARY_MAIL__CONNECTIONS", "4"),
            ] {
                command.env(name, value);
            }
        })
    };
    let log_in = |program: &Program| {
        let body = json!({"email": ADMINISTRATOR, "password": PASSWORD});
        let tokens = program.client().post("/api/v1/auth/login", &body).expect(200).json();
        program.client().with_token(tokens["access_token"].as_str().unwrap())
    };
    let mut program = start();
    let admin = log_in(&program);
    subscribe(&admin, READERS, &["en", "nl"]);
    office.set_mode("half");
    let path = admin.post(ISSUES, &text_issue("However")).expect(201).header("location").to_owned();
    step(&admin, &path, "send", &json!({})).expect(200);
    for round in 1..=6 {
        let wanted = round * 30;
        let begun = Instant::now();
        while office.mails().len() < wanted && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        program.kill();
        program = start();
    }
    let admin = log_in(&program);
    let begun = Instant::now();
    while admin.get(&path).expect(200).json()["status"] != "sent" {
        assert!(begun.elapsed() < Duration::from_secs(180), "{}", admin.get(&path).expect(200).json());
        std::thread::sleep(Duration::from_millis(200));
    }
    let counts = admin.get(&path).expect(200).json()["counts"].clone();
    assert_eq!(
        (&counts["addressed"], &counts["sent"], &counts["failed"]),
        (&json!(READERS), &json!(READERS), &json!(0))
    );
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for mail in office.mails() {
        let id = mail.header("Message-ID").unwrap();
        assert_eq!(ids.entry(mail.to.clone()).or_insert_with(|| id.clone()), &id, "{}", mail.to);
        *taken.entry(mail.to).or_default() += 1;
    }
    assert_eq!(taken.len(), READERS);
    // Beyond once, each is a doubt that the log has counted: an answer that did not come, or a node that died meanwhile.
    let mut doubts: BTreeMap<String, i64> = BTreeMap::new();
    let mut before = String::new();
    loop {
        let page = admin.get(&format!("/api/v1/mails?kind=newsletter_issue&limit=100{before}")).expect(200).json();
        for mail in page["data"].as_array().unwrap() {
            doubts.insert(mail["recipient"].as_str().unwrap().to_owned(), mail["doubts"].as_i64().unwrap());
        }
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(doubts.len(), READERS);
    for (to, times) in &taken {
        assert!(*times <= 1 + doubts[to], "{to}: {times} times, {} doubts", doubts[to]);
    }
    let twice: i64 = taken.values().map(|times| times - 1).sum();
    println!("{READERS} addresses, {twice} mails more than once, {} doubts", doubts.values().sum::<i64>());
}
