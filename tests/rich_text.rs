//! Rich texts: anchors, what is not shown, texts of earlier versions; and reads without texts of other languages.

use diesel::prelude::*;
use plenary::database::DatabaseError;
use plenary::database::compressed_text::decompress;
use plenary::database::schema::{drafts, items, settings};
use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::bring_text;
use crate::support::moments::wait_for;

const FRAME: &str = r##"<p>See <a href="#x">below</a></p><iframe src="https://video.example.org/1"></iframe><script>x</script><h2 id="x">Here</h2><h2>Also</h2>"##;
const SHOWN: &str =
    r##"<p>See <a href="#h-x" rel="noopener noreferrer">below</a></p><h2 id="h-x">Here</h2><h2 id="h-also">Also</h2>"##;

#[apply(api_test)]
fn a_writer_is_told_what_is_not_shown(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"title": "Rivers", "body": FRAME, "status": "published"});
    let made = editor.post("/api/v1/events", &body).expect(201);
    assert_eq!(made.header("not-shown"), r#""/body";what="iframe, script""#);
    let path = "/api/v1/events/rivers";
    let read = app.visitor().get(path).expect(200).json();
    assert_eq!(read["body"], SHOWN);
    let contents = json!([{"level": 2, "id": "h-x", "text": "Here"}, {"level": 2, "id": "h-also", "text": "Also"}]);
    assert_eq!(read["table_of_contents"], contents);
    let notes = |path: &str| editor.get(&format!("{path}/desk")).expect(200).json()["not_shown"].clone();
    let note = |pointer: &str, names: &str| json!({"pointer": pointer, "code": "not_shown", "message": format!("not shown: {names}")});
    assert_eq!(notes(path), json!([note("/body/en", "iframe, script")]));
    // What is shown can be written; then nothing is left out.
    let sent_back = editor.get(path).expect(200);
    let put = editor.put(path, sent_back.etag(), &sent_back.json()).expect(200);
    assert_eq!((put.header("not-shown"), &put.json()["body"]), ("", &json!(SHOWN)));
    let patched = editor.patch(path, put.etag(), &json!({"body": SHOWN})).expect(200);
    assert_eq!((patched.header("not-shown"), &patched.json()["body"]), ("", &json!(SHOWN)));
    assert_eq!(notes(path), json!([]));
    // In a working draft and in another language too, and by an id of another system.
    let draft =
        json!({"title": {"en": "R"}, "body": {"nl": {"format": "markdown", "source": "a <video src=x></video> b"}}});
    let drafted = editor.patch(&format!("{path}?view=draft&locale=*"), patched.etag(), &draft).expect(200);
    assert_eq!(drafted.header("not-shown"), r#""/body/nl";what="video""#);
    assert_eq!(notes(path), json!([note("/body/nl", "video")]));
    let record = json!({"title": "A talk", "body": "<p onclick=\"x()\">a</p>"});
    let put = editor.send(
        "PUT",
        "/api/v1/events/by-external-id/other/1",
        &[("content-type", "application/json")],
        record.to_string().as_bytes(),
    );
    assert_eq!(put.expect(201).header("not-shown"), r#""/body";what="onclick of p""#);
}

#[apply(api_test)]
fn batches_and_imports_tell_too(app: &TestApp) {
    let editor = app.editor();
    let batch = json!({"entries": [
        {"operation": "create", "collection": "topics", "content": {"name": "Water"}},
        {"operation": "create", "collection": "events", "content": {"title": "Rivers", "body": FRAME}}]});
    let results = editor.post("/api/v1/batch", &batch).expect(200).json();
    let note =
        json!({"pointer": "/entries/1/content/body", "code": "not_shown", "message": "not shown: iframe, script"});
    assert_eq!(results["not_shown"], json!([note]));
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20270101T000000Z\r\nDTSTART:20270304T090000Z\r\nSUMMARY:Rivers\r\nX-ALT-DESC;FMTTYPE=text/html:<html><body><p>Text</p><iframe src='https://a.example'></iframe></body></html>\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let said = bring_text(app, "one.ics", calendar);
    assert_eq!(said.report.of(Outcome::Created, "event"), 1, "{:?}", said.lines);
    let notes: Vec<&str> = said
        .lines(Outcome::Note)
        .flat_map(|line| &line.faults)
        .filter(|fault| fault.code == "not_shown")
        .map(|fault| fault.message.as_str())
        .collect();
    assert_eq!(notes, ["not shown: iframe"], "{:?}", said.lines);
}

#[apply(api_test)]
fn markdown_has_footnotes_and_bare_links(app: &TestApp) {
    let source =
        "See https://example.org/a, [the plan](#the-plan)[^1].\n\n## The plan\n\n|a|\n|-:|\n|1|\n\n[^1]: A *note*.";
    app.editor().create("events", &json!({"title": "Rivers", "body": source, "status": "published"}));
    let html = app.visitor().get("/api/v1/events/rivers").expect(200).json()["body"].as_str().unwrap().to_owned();
    for part in [
        r#"<a href="https://example.org/a" rel="noopener noreferrer">https://example.org/a</a>, "#,
        r##"<a href="#h-the-plan" rel="noopener noreferrer">the plan</a>"##,
        r#"<h2 id="h-the-plan">"#,
        r##"<sup><a href="#h-fn-1" id="h-fnref-1" rel="noopener noreferrer">1</a></sup>"##,
        r#"<li id="h-fn-1">"#,
        r##"<a href="#h-fnref-1" rel="noopener noreferrer">↩</a>"##,
        r#"<td style="text-align:right">1</td>"#,
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

/// As earlier versions of Plenary stored it: without ids.
#[apply(api_test)]
fn texts_of_earlier_versions_get_anchors(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let path = "/api/v1/events/rivers";
    let made =
        editor.post("/api/v1/events", &json!({"title": "Rivers", "body": FRAME, "status": "published"})).expect(201);
    editor.patch(&format!("{path}?view=draft"), made.etag(), &json!({"title": "New"})).expect(200);
    let old =
        |text: String| text.replace("#h-x", "#x").replace(" id=\\\"h-x\\\"", "").replace(" id=\\\"h-also\\\"", "");
    let spoil = app.app.database.write_content(move |c| {
        let content: Vec<u8> = items::table.filter(items::slug.eq("rivers")).select(items::content).first(c)?;
        let content = decompress(&content).unwrap();
        let draft: String = drafts::table.select(drafts::content).first(c)?;
        assert!(old(content.clone()) != content && old(draft.clone()) != draft);
        diesel::update(items::table.filter(items::slug.eq("rivers")))
            .set(items::content.eq(old(content).into_bytes()))
            .execute(c)?;
        diesel::update(drafts::table).set(drafts::content.eq(old(draft))).execute(c)?;
        let rendered_for = settings::table.filter(settings::name.eq("rendered_for"));
        diesel::update(rendered_for).set(settings::value.eq("6")).execute(c)?;
        Ok::<_, DatabaseError>(())
    });
    app.block_on(spoil).unwrap();
    app.app.database.invalidation_clock().record_all();
    let body = |client: &crate::support::client::Client, query: &str| {
        client.get(&format!("{path}?{query}")).expect(200).json()["body"].clone()
    };
    assert_ne!(body(&public, "locale=nl"), SHOWN, "as it was");
    // What each start does.
    app.block_on(plenary::items::rerender::if_needed(&app.app.database, &app.app.site)).unwrap();
    app.app.database.invalidation_clock().record_all();
    for query in ["locale=nl", "locale=en"] {
        assert_eq!(body(&public, query), SHOWN, "{query}");
    }
    assert_eq!(body(&editor, "view=draft"), SHOWN);
}

#[apply(api_test)]
fn a_reader_can_refuse_other_languages(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let body = json!({"title": {"en": "Rivers"}, "summary": {"nl": "Water"}, "body": {"en": "Text of some words"},
        "contact": {"label": {"nl": "Bel ons"}}, "status": "published"});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let path = "/api/v1/events/rivers?locale=nl";
    let usual = public.get(path).expect(200).json();
    assert_eq!((&usual["title"], &usual["fallbacks"]), (&json!("Rivers"), &json!(["title", "body"])));
    let reply = public.get(&format!("{path}&fallback=none")).expect(200);
    assert_eq!(reply.header("content-type"), "application/vnd.plenary.partial+json");
    let own = reply.json();
    assert_eq!((&own["title"], &own["body"], &own["excerpt"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&own["summary"], &own["contact"]["label"]), (&json!("Water"), &json!("Bel ons")));
    assert_eq!((&own["locale"], &own["fallbacks"]), (&json!("nl"), &json!([])));
    // Neither the cache nor the stored form of the default language answers the other question.
    assert_eq!(public.get(path).expect(200).json(), usual);
    let default = public.get("/api/v1/events/rivers?fallback=none").expect(200).json();
    assert_eq!((&default["title"], &default["summary"]), (&json!("Rivers"), &Value::Null));
    let list = |query: &str| public.get(&format!("/api/v1/events?{query}")).expect(200).json()["data"][0].clone();
    assert_eq!(list("fallback=none")["summary"], Value::Null);
    assert_eq!(list("")["summary"], "Water");
    assert_eq!(list("fallback=none&locale=nl")["title"], Value::Null);
    assert_eq!(list("fallback=none&locale=*")["title"], json!({"en": "Rivers"}));
    // What is related has no texts of other languages either.
    editor.create("sessions", &json!({"title": "Opening", "event": "rivers", "status": "published"}));
    let session =
        public.get("/api/v1/sessions?fallback=none&locale=nl&include=event").expect(200).json()["data"][0].clone();
    assert_eq!((&session["title"], &session["event"]["title"]), (&Value::Null, &Value::Null));
    assert_eq!(session["event"]["summary"], "Water");
    for address in ["/api/v1/events?", "/api/v1/events/rivers?", "/api/v1/search?q=x&"] {
        public.get(&format!("{address}fallback=en")).problem(400, &[("?fallback", "not_allowed")]);
    }
    // A programme without its titles would be none.
    public.get("/api/v1/events/rivers/schedule.json?fallback=none").problem(400, &[("?fallback", "unknown_parameter")]);
}

#[apply(api_test)]
fn a_search_finds_what_has_a_title_in_the_language(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for title in [json!({"en": "Rivers"}), json!({"en": "Rivers too", "nl": "Rivieren"})] {
        let body = json!({"title": title, "summary": {"en": "Rivers"}, "status": "published"});
        editor.post("/api/v1/events?locale=*", &body).expect(201);
    }
    editor.create("speakers", &json!({"name": "Rivers", "status": "published"}));
    wait_for("the index", || {
        public.get("/api/v1/search?q=rivers&locale=nl").expect(200).json()["data"].as_array().unwrap().len() == 3
    });
    let hits = public.get("/api/v1/search?q=rivers&locale=nl&fallback=none").expect(200).json();
    let mut labels: Vec<&str> =
        hits["data"].as_array().unwrap().iter().map(|hit| hit["label"].as_str().unwrap()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["Rivers", "Rivieren"]);
}
