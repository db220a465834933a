//! The public versions of legal pages: what visitors saw, and when.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

const TERMS: &str = "/api/v1/pages/terms";

fn titles(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("{TERMS}/versions{query}")).expect(200).json();
    list["data"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

fn etag(editor: &Client) -> String {
    editor.get(&format!("{TERMS}/desk")).expect(200).json()["etag"].as_str().unwrap().to_owned()
}

fn change(editor: &Client, query: &str, body: &Value) {
    editor.patch(&format!("{TERMS}{query}"), &etag(editor), body).expect(200);
}

#[apply(api_test)]
fn visitors_read_the_earlier_versions_of_legal_pages(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let terms =
        json!({"title": {"en": "Draft terms"}, "slug": "terms", "role": "terms", "body": {"en": "Secret words"}});
    editor.post("/api/v1/pages?locale=*", &terms).expect(201);
    public.get(&format!("{TERMS}/versions")).problem(404, &[]);
    change(
        &editor,
        "?locale=*",
        &json!({"title": {"en": "Terms 1", "nl": "Voorwaarden 1"}, "body": {"en": "First *text*"},
        "blocks": [{"type": "text", "body": {"en": "First block"}}]}),
    );
    editor.act(&format!("{TERMS}/publish"), &etag(&editor)).expect(200);
    // Public versions are public where the page says so only.
    public.get(&format!("{TERMS}/versions")).problem(404, &[]);
    change(&editor, "", &json!({"public_versions": true}));
    assert_eq!(titles(&public, ""), ["Terms 1"]);
    // What is no text for visitors makes no version, and neither does a draft.
    change(&editor, "", &json!({"position": 3}));
    change(&editor, "?view=draft", &json!({"title": "Terms 2", "body": "Second text"}));
    assert_eq!(titles(&public, ""), ["Terms 1"]);
    editor.act(&format!("{TERMS}/publish"), &etag(&editor)).expect(200);
    assert_eq!(titles(&public, ""), ["Terms 2", "Terms 1"]);
    assert_eq!(titles(&public, "?locale=nl"), ["Voorwaarden 1", "Voorwaarden 1"]);
    let list = public.get(&format!("{TERMS}/versions")).expect(200);
    public.send("GET", &format!("{TERMS}/versions"), &[("if-none-match", list.etag())], b"").expect(304);
    let list = list.json();
    let (now, first) = (&list["data"][0], &list["data"][1]);
    assert_eq!((&now["until"], &now["from"]), (&Value::Null, &first["until"]));
    assert!(first["from"].as_str().unwrap() < first["until"].as_str().unwrap());
    // A version is shown as it was.
    let path = |version: &Value| format!("{TERMS}/versions/{version}");
    let shown = public.get(&path(&first["version"])).expect(200);
    assert_eq!(shown.header("cache-control"), "public, max-age=5, stale-while-revalidate=30");
    let shown = shown.json();
    assert_eq!((&shown["from"], &shown["until"]), (&first["from"], &first["until"]));
    let page = &shown["page"];
    let has = |value: &Value, text: &str| value.as_str().unwrap().contains(text);
    assert!(page["title"] == "Terms 1" && has(&page["body"], "First <em>text</em>"), "{page:#}");
    assert!(has(&page["blocks"][0]["body"], "First block") && page["status"] == "published", "{page:#}");
    let dutch = public.get(&format!("{}?locale=nl&body_format=text", path(&first["version"]))).expect(200).json();
    assert!(dutch["page"]["title"] == "Voorwaarden 1" && has(&dutch["page"]["body"], "First text"), "{dutch:#}");
    // Versions of drafts are none, and what is no version is not found.
    for version in [1, 2, 5, 999] {
        public.get(&format!("{TERMS}/versions/{version}")).problem(404, &[]);
    }
    public.get(&format!("{TERMS}/versions/x")).problem(404, &[]);
    public.get(&format!("{TERMS}/versions?locale=*")).problem(400, &[("?locale", "not_allowed")]);
    // Editors get what visitors get.
    assert_eq!(editor.get(&path(&first["version"])).expect(200).json(), shown);
    // Another slug leads on, and no version is there while the page is not.
    change(&editor, "", &json!({"slug": "conditions"}));
    let moved = public.get(&path(&first["version"])).expect(308);
    assert_eq!(moved.header("location"), path(&first["version"]).replace("/terms/", "/conditions/"));
    let page = editor.get("/api/v1/pages/conditions").expect(200);
    editor.act("/api/v1/pages/conditions/unpublish", page.etag()).expect(200);
    public.get("/api/v1/pages/conditions/versions").problem(404, &[]);
    // The time in which it was not public is part of no version.
    let page = editor.get("/api/v1/pages/conditions").expect(200);
    editor.act("/api/v1/pages/conditions/publish", page.etag()).expect(200);
    let list = public.get("/api/v1/pages/conditions/versions").expect(200).json();
    let spans: Vec<(&str, bool)> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["title"].as_str().unwrap(), one["until"].is_null()))
        .collect();
    assert_eq!(spans, [("Terms 2", true), ("Terms 1", false)]);
    let periods = &list["data"][0]["periods"];
    assert!(periods[0]["until"].as_str().unwrap() <= periods[1]["from"].as_str().unwrap(), "{periods}");
    assert_eq!((&periods[1]["until"], periods.as_array().unwrap().len()), (&Value::Null, 2));
    assert_eq!((&list["data"][0]["from"], &list["data"][0]["version"]), (&periods[0]["from"], &now["version"]));
}

/// A version has one number, whatever happens to the page above it, and to what visitors do not read.
#[apply(api_test)]
fn numbers_of_versions_are_unique_and_stay(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("pages", &json!({"title": "Legal", "slug": "legal", "status": "published"}));
    let terms = json!({"title": "Terms 1", "slug": "terms", "role": "terms", "parent": "legal", "public_versions": true,
        "status": "published"});
    editor.create("pages", &terms);
    let legal = |step: &str| {
        let page = editor.get("/api/v1/pages/legal").expect(200);
        editor.act(&format!("/api/v1/pages/legal/{step}"), page.etag()).expect(200);
    };
    let list = || public.get(&format!("{TERMS}/versions")).expect(200).json()["data"].clone();
    let numbers = || list().as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()).collect::<Vec<_>>();
    let lengths =
        || list().as_array().unwrap().iter().map(|one| one["periods"].as_array().unwrap().len()).collect::<Vec<_>>();
    assert_eq!((numbers(), lengths()), (vec![1], vec![1]));
    for _ in 0..2 {
        legal("unpublish");
        public.get(&format!("{TERMS}/versions")).problem(404, &[]);
        legal("publish");
    }
    assert_eq!((numbers(), lengths()), (vec![1], vec![3]));
    // Each number shows its version.
    let shown = public.get(&format!("{TERMS}/versions/1")).expect(200).json();
    assert_eq!((&shown["page"]["title"], &shown["periods"]), (&json!("Terms 1"), &list()[0]["periods"]));
    change(&editor, "", &json!({"title": "Terms 2"}));
    legal("unpublish");
    change(&editor, "", &json!({"position": 2}));
    change(&editor, "", &json!({"title": "Secret"}));
    change(&editor, "", &json!({"title": "Terms 2"}));
    legal("publish");
    assert_eq!((numbers(), lengths()), (vec![2, 1], vec![2, 3]));
    change(&editor, "", &json!({"title": "Terms 1"}));
    assert_eq!((numbers(), lengths()), (vec![6, 2, 1], vec![1, 2, 3]));
    let all = list();
    for one in all.as_array().unwrap() {
        let periods = one["periods"].as_array().unwrap();
        assert_eq!((&one["from"], &one["until"]), (&periods[0]["from"], &periods.last().unwrap()["until"]));
        for pair in periods.windows(2) {
            assert!(pair[0]["until"].as_str().unwrap() <= pair[1]["from"].as_str().unwrap(), "{one}");
        }
    }
    assert_eq!(all[0]["until"], Value::Null);
}

/// What is hidden stays hidden: languages, and pages below drafts.
#[apply(api_test)]
fn versions_tell_nothing_that_was_not_public(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let above = json!({"title": "Legal", "slug": "legal"});
    editor.create("pages", &above);
    let terms = json!({"title": {"en": "Terms", "nl": "Geheim"}, "slug": "terms", "role": "terms", "parent": "legal",
        "public_versions": true, "status": "published"});
    editor.post("/api/v1/pages?locale=*", &terms).expect(201);
    let hide = format!("{TERMS}/translations/nl/unpublish");
    editor.act(&hide, &etag(&editor)).expect(200);
    // It is published, and waits for the page above it.
    change(&editor, "", &json!({"title": "Secret terms"}));
    change(&editor, "", &json!({"title": "Public terms"}));
    public.get(&format!("{TERMS}/versions")).problem(404, &[]);
    editor.act("/api/v1/pages/legal/publish", "\"v1\"").expect(200);
    assert_eq!(titles(&public, ""), ["Public terms"]);
    assert_eq!(titles(&public, "?locale=nl"), ["Public terms"]);
    editor.act("/api/v1/pages/legal/unpublish", "\"v2\"").expect(200);
    public.get(&format!("{TERMS}/versions")).problem(404, &[]);
}

/// A version shows the items to which it refers as they are now, also after one of them was not public for a while.
#[apply(api_test)]
fn versions_show_who_became_public_again(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Vera", "status": "published"}));
    let terms = json!({"title": "Terms", "role": "terms", "public_versions": true, "status": "published",
        "blocks": [{"type": "speakers", "speakers": ["vera"]}]});
    editor.create("pages", &terms);
    let shown = || {
        let version = public.get(&format!("{TERMS}/versions/1")).expect(200).json();
        version["page"]["blocks"][0]["speakers"].as_array().unwrap().len()
    };
    assert_eq!(shown(), 1);
    for (step, count) in [("unpublish", 0), ("publish", 1)] {
        let vera = editor.get("/api/v1/speakers/vera").expect(200);
        editor.act(&format!("/api/v1/speakers/vera/{step}"), vera.etag()).expect(200);
        assert_eq!(shown(), count, "after {step}");
    }
}
