//! What an export has besides items: contact forms, and the public versions of pages.

use plenary::auth::permissions::Role;
use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::imports::{counts, succeeded};
use crate::support::app::{Backend, TestApp};
use crate::support::import::{bring, bring_text, options, write_export};

const TERMS: &str = "/api/v1/pages/terms";

/// Two forms, and terms with a version that was taken down for a time and one that followed.
fn fill(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    for name in ["press", "contact"] {
        let form = json!({
            "titles": [{"locale": "en", "text": name}, {"locale": "nl", "text": "Schrijf ons"}],
            "recipients": ["desk@example.org"], "keep_days": 30, "is_open": name == "press",
            "fields": [
                {"name": "email", "type": "email", "required": true, "labels": [{"locale": "en", "text": "Address"}]},
                {"name": "about", "type": "choice", "labels": [{"locale": "en", "text": "About"}],
                 "options": [{"value": "press", "labels": [{"locale": "en", "text": "Press"}]}]},
                {"name": "message", "type": "text", "max_length": 900, "labels": [{"locale": "en", "text": "Message"}]},
            ],
        });
        admin.put(&format!("/api/v1/contact-forms/{name}"), "", &form).expect(200);
    }
    let editor = app.editor();
    let speaker = editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let terms = json!({
        "title": {"en": "Terms 1", "nl": "Voorwaarden 1"}, "slug": "terms", "role": "terms", "public_versions": true,
        "body": {"en": "First *text* & <b>more</b>"}, "status": "published",
        "blocks": [{"type": "quote", "text": {"en": "Said"}, "speaker": speaker["id"]}],
    });
    editor.post("/api/v1/pages?locale=*", &terms).expect(201);
    let act = |step: &str| {
        let etag = editor.get(TERMS).expect(200).etag().to_owned();
        editor.act(&format!("{TERMS}/{step}"), &etag).expect(200);
    };
    act("unpublish");
    act("publish");
    let change = |body: &Value| {
        let etag = editor.get(TERMS).expect(200).etag().to_owned();
        editor.patch(TERMS, &etag, body).expect(200);
    };
    change(&json!({"title": "Terms 2", "slug": "terms-2", "blocks": []}));
    let etag = editor.get("/api/v1/pages/terms-2").expect(200).etag().to_owned();
    editor.patch("/api/v1/pages/terms-2", &etag, &json!({"position": 4, "slug": "terms"})).expect(200);
}

/// Returns everything that visitors see of the versions.
fn versions(app: &TestApp) -> Vec<Value> {
    let public = app.visitor();
    let list = public.get(&format!("{TERMS}/versions?locale=nl")).expect(200).json()["data"].clone();
    let one = |version: &Value| public.get(&format!("{TERMS}/versions/{}", version["version"])).expect(200).json();
    let shown = list.as_array().unwrap().iter().map(one);
    let mut shown: Vec<Value> = shown.collect();
    // The block with the speaker shows her as she is now.
    for version in &mut shown {
        version["page"].as_object_mut().unwrap().remove("updated_at");
    }
    [vec![list], shown].concat()
}

#[apply(api_test)]
fn forms_and_public_versions_move_with_the_content(app: &TestApp) {
    fill(app);
    let folder = tempfile::tempdir().unwrap();
    let before = write_export(app, folder.path(), "before.jsonl");
    let text = std::fs::read_to_string(&before).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with(r#"{"kind":"contact_form""#)).count(), 2);
    let there = versions(app);
    assert_eq!(there[0].as_array().unwrap().len(), 2, "{:#}", there[0]);
    assert_eq!(there[0][1]["periods"].as_array().unwrap().len(), 2);
    let forms = |app: &TestApp| app.client(Role::Administrator).get("/api/v1/contact-forms").expect(200).json();
    for other in [TestApp::start(Backend::Sqlite), TestApp::start(app.other_backend())] {
        let said = bring(&other, &before, &options(&before));
        assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines(Outcome::Refused).next());
        assert_eq!(said.lines(Outcome::Note).count(), 0, "{:?}", said.lines(Outcome::Note).next());
        assert_eq!(said.report.of(Outcome::Created, "contact_form"), 2);
        assert_eq!(forms(&other), forms(app));
        let admin = other.client(Role::Administrator);
        let tag = |app: &TestApp| {
            let admin = app.client(Role::Administrator);
            admin.get("/api/v1/contact-forms/contact").expect(200).etag().to_owned()
        };
        assert_eq!(tag(&other), tag(app));
        assert_eq!(versions(&other), there);
        let after = write_export(&other, folder.path(), "after.jsonl");
        assert_eq!(std::fs::read_to_string(&after).unwrap(), text);
        // Once more changes nothing, here and there.
        for app in [&other, app] {
            let again = bring(app, &before, &options(&before));
            assert_eq!(again.report.of(Outcome::Unchanged, "contact_form"), 2);
            assert_eq!(again.report.total(Outcome::Created), 0);
            assert_eq!(versions(app), there);
        }
        // What is changed here is kept, and versions go on where they were.
        let form = json!({"titles": [{"locale": "en", "text": "Changed"}], "recipients": ["a@example.org"],
            "fields": [{"name": "m", "type": "text", "labels": [{"locale": "en", "text": "M"}]}]});
        admin.put("/api/v1/contact-forms/contact", &tag(&other), &form).expect(200);
        let again = bring(&other, &before, &options(&before));
        assert_eq!(again.report.of(Outcome::Kept, "contact_form"), 1);
        // A form that was deleted here comes back under a tag that none of its earlier versions had.
        let (first, last) = (tag(app), tag(&other));
        admin.delete("/api/v1/contact-forms/contact", &last).expect(204);
        let again = bring(&other, &before, &options(&before));
        assert_eq!(again.report.of(Outcome::Created, "contact_form"), 1);
        assert!(![&first, &last].contains(&&tag(&other)), "{}", tag(&other));
        admin.put("/api/v1/contact-forms/contact", &first, &form).problem(412, &[]);
        let editor = other.editor();
        let etag = editor.get(TERMS).expect(200).etag().to_owned();
        editor.patch(TERMS, &etag, &json!({"title": "Terms 3"})).expect(200);
        let now = versions(&other)[0].clone();
        assert_eq!(now.as_array().unwrap().len(), 3);
        assert_eq!(
            (&now[1]["version"], &now[1]["from"], &now[2]),
            (&there[0][0]["version"], &there[0][0]["from"], &there[0][1])
        );
        assert_eq!(now[1]["until"], now[0]["from"]);
    }
}

/// A rehearsal over HTTP tells the same, and writes nothing; then the job does it.
#[apply(api_test)]
fn forms_and_public_versions_come_in_over_http(app: &TestApp) {
    fill(app);
    let folder = tempfile::tempdir().unwrap();
    let path = write_export(app, folder.path(), "all.jsonl");
    let text = std::fs::read(&path).unwrap();
    let other = TestApp::start(app.backend);
    let admin = other.client(Role::Administrator);
    let import = |query: &str, text: &[u8]| {
        let headers = [("content-type", "application/jsonl")];
        let reply = admin.send("POST", &format!("/api/v1/imports{query}"), &headers, text).expect(202).json();
        let done = succeeded(&admin, reply["id"].as_str().unwrap());
        let mut counts = counts(&done);
        counts.sort();
        (counts, done["report"]["notes"].clone())
    };
    let forms = || admin.get("/api/v1/contact-forms").expect(200).json()["data"].as_array().unwrap().len();
    let expected: Vec<(String, String, u64)> = [("contact_form", 2), ("page", 1), ("site_settings", 1), ("speaker", 1)]
        .map(|(kind, count)| ("created".to_owned(), kind.to_owned(), count))
        .into();
    let rehearsed = import("?dry_run=true", &text);
    assert_eq!(rehearsed.0.iter().filter(|one| one.1 != "site_settings").count(), 3, "{:?}", rehearsed.0);
    assert!(rehearsed.0.iter().all(|one| expected.contains(one)), "{:?}", rehearsed.0);
    assert_eq!(forms(), 0);
    other.visitor().get(&format!("{TERMS}/versions")).problem(404, &[]);
    // Without its speaker, an earlier version has a note, also in the rehearsal.
    let lines: Vec<&str> =
        std::str::from_utf8(&text).unwrap().lines().filter(|line| !line.contains("\"speaker\",\"id\"")).collect();
    let without = import("?dry_run=true", lines.join("\n").as_bytes());
    assert!(without.1.to_string().contains("/public_versions/*/blocks/*/speaker"), "{}", without.1);
    assert_eq!(import("", &text), rehearsed);
    assert_eq!(forms(), 2);
    assert_eq!(versions(&other), versions(app));
}

/// Only pages that show their versions give them out, and a page that was taken down ends them.
#[apply(api_test)]
fn versions_of_a_page_end_where_it_was_taken_down(app: &TestApp) {
    fill(app);
    let editor = app.editor();
    let etag = editor.get(TERMS).expect(200).etag().to_owned();
    editor.act(&format!("{TERMS}/unpublish"), &etag).expect(200);
    let page = json!({"title": "Plain", "slug": "plain", "status": "published"});
    editor.create("pages", &page);
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path(), "all.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("public_versions\":[{").count(), 1);
    let other = TestApp::start(app.backend);
    bring(&other, &file, &options(&file));
    other.visitor().get(&format!("{TERMS}/versions")).problem(404, &[]);
    let editor = other.editor();
    let etag = editor.get(TERMS).expect(200).etag().to_owned();
    editor.act(&format!("{TERMS}/publish"), &etag).expect(200);
    let list = versions(&other)[0].clone();
    let numbers: Vec<i64> = list.as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [4, 1]);
    let periods = list[0]["periods"].as_array().unwrap();
    assert!(periods.len() == 2 && periods[0]["until"].as_str() <= periods[1]["from"].as_str(), "{list:#}");
}

#[apply(api_test)]
fn bad_forms_and_versions_are_refused_or_left_out(app: &TestApp) {
    fill(app);
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(write_export(app, folder.path(), "all.jsonl")).unwrap();
    let of_kind = |kind: &str| -> Value {
        let line = text.lines().find(|line| line.starts_with(&format!("{{\"kind\":\"{kind}\""))).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let change = |value: &Value, pointer: &str, new: Value| {
        let mut changed = value.clone();
        *changed.pointer_mut(pointer).unwrap() = new;
        changed.to_string()
    };
    let form = of_kind("contact_form");
    for (pointer, new, code) in [
        ("/name", json!("Contact"), "not_a_slug"),
        ("/version", json!(0), "out_of_range"),
        ("/updated_at", json!(-1), "out_of_range"),
        ("/form/recipients", json!([]), "empty"),
        ("/form/recipients", json!(["nobody"]), "not_an_email"),
        ("/form/fields/0/name", json!("Not A Slug"), "not_a_slug"),
        ("/form/titles/0/locale", json!("fr"), "unknown_locale"),
        ("/form/keep_days", json!(0), "out_of_range"),
        ("/form/fields", json!(7), "malformed_item"),
        ("/form", json!({"titles": []}), "malformed_item"),
    ] {
        let said = bring_text(app, "forms.jsonl", &change(&form, pointer, new));
        assert_eq!(said.codes(Outcome::Refused), [code], "{pointer}");
    }
    let page = of_kind("page");
    let other = TestApp::start(app.backend);
    for (pointer, new) in [
        ("/public_versions/0/version", json!(0)),
        ("/public_versions/0/version", json!(99)),
        ("/public_versions/1/version", json!(4)),
        ("/public_versions/1/periods", json!([])),
        ("/public_versions/1/periods/0/until", Value::Null),
        ("/public_versions/1/periods/0/until", json!(0)),
        ("/public_versions/0/periods/0/from", json!(-5)),
    ] {
        let said = bring_text(&other, "pages.jsonl", &change(&page, pointer, new));
        assert!(said.lines(Outcome::Refused).count() == 1 && said.report.total(Outcome::Created) == 0, "{pointer}");
    }
    // The speaker of an earlier version is not here; the rest of it is.
    let said = bring_text(&other, "pages.jsonl", &page.to_string());
    assert_eq!(said.codes(Outcome::Note), ["dangling_reference"]);
    let list = versions(&other)[0].clone();
    assert_eq!((list[0]["title"].as_str(), list[1]["title"].as_str()), (Some("Voorwaarden 1"), Some("Voorwaarden 1")));
    // Neither is a script in an earlier text.
    let third = TestApp::start(app.backend);
    let script =
        json!({"en": {"format": "html", "source": "<p>Hi<script>alert(1)</script><img src=x onerror=alert(1)>"}});
    bring_text(&third, "pages.jsonl", &change(&page, "/public_versions/1/content/body", script));
    let shown = versions(&third).pop().unwrap().to_string();
    assert!(shown.contains("Hi") && !shown.contains("alert"), "{shown}");
}
