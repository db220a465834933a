//! The typed blocks of pages: their rules, their references, their languages, and what they show.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::moments::wait_for;

fn people(editor: &Client) {
    for name in ["Anna", "Bram", "Chris"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    editor.create("partners", &json!({"name": "Delta", "status": "published"}));
    editor.create("events", &json!({"title": "Rivers", "starts_at": "2040-01-01", "status": "published"}));
    editor.create("events", &json!({"title": "Past", "starts_at": "2010-01-01", "status": "published"}));
}

/// A block of each type.
fn all() -> Value {
    json!([
        {"type": "text", "heading": "Hello", "body": "We *care*."},
        {"type": "quote", "text": "Water has no borders.", "attribution": "Anna", "speaker": "anna"},
        {"type": "image", "image": {"url": "https://example.org/a.jpg", "alt": "A river"}, "caption": "The Scheldt"},
        {"type": "gallery", "images": [{"url": "https://example.org/a.jpg"}, {"url": "https://example.org/b.jpg"}]},
        {"type": "video", "provider": "youtube", "video_id": "https://youtu.be/dQw4w9WgXcQ", "title": "Opening"},
        {"type": "call_to_action", "label": "Register", "event": "rivers"},
        {"type": "events", "heading": "Next", "query": "when=upcoming&limit=3"},
        {"type": "speakers", "speakers": ["bram", "anna"]},
        {"type": "partners", "query": "sort=name"},
        {"type": "accordion", "entries": [{"title": "Is it free?", "body": "Yes."}]},
        {"type": "table", "caption": "Figures", "rows": [["Year", "Events"], ["2026", ""], ["2026", ""]]},
        {"type": "download", "document": {"url": "https://example.org/r.pdf", "title": "Report"}, "size_bytes": 9},
    ])
}

#[apply(api_test)]
fn every_type_is_stored_and_shown(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    people(&editor);
    let made = editor.create("pages", &json!({"title": "All", "blocks": all(), "status": "published"}));
    let blocks = made["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), all().as_array().unwrap().len());
    let mut ids: Vec<&str> = blocks.iter().map(|block| block["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), blocks.len());
    assert_eq!(blocks[0]["body"], "<p>We <em>care</em>.</p>");
    assert_eq!(blocks[1]["speaker"]["name"], "Anna");
    assert_eq!(blocks[4]["video_id"], "dQw4w9WgXcQ");
    assert_eq!((&blocks[6]["items"], &blocks[6]["query"]), (&Value::Null, &json!("when=upcoming&limit=3")));
    assert_eq!(blocks[7]["speakers"][0]["slug"], "bram");
    assert_eq!(blocks[10]["rows"][2], json!(["2026", ""]));
    // One request has everything that the page shows.
    let page = public.get("/api/v1/pages/by-path/all").expect(200).json()["page"].clone();
    let names = |block: usize, list: &str, label: &str| -> Vec<String> {
        let items = page["blocks"][block][list].as_array().unwrap();
        items.iter().map(|item| item[label].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(6, "items", "title"), ["Rivers"]);
    assert_eq!(names(7, "speakers", "name"), ["Bram", "Anna"]);
    assert_eq!(names(8, "items", "name"), ["Delta"]);
    assert_eq!(page["blocks"][5]["event"]["starts_on"], "2040-01-01");
    assert_eq!(page["blocks"][7]["speakers"][0]["version"], 1);
    assert_eq!(public.get("/api/v1/pages/all?include=blocks").expect(200).json(), page);
    // Lists have the blocks with `detail=full`, and the items of queries not at all.
    assert_eq!(public.get("/api/v1/pages").expect(200).json()["data"][0].get("blocks"), None);
    let full = public.get("/api/v1/pages?detail=full&include=blocks").expect(200).json();
    assert_eq!(full["data"][0]["blocks"][8]["items"], Value::Null);
    assert_eq!(full["data"][0]["blocks"][7]["speakers"][0]["version"], 1);
    // What was read can be written.
    let embedded = "?include=blocks&body_format=source";
    for query in ["", embedded, "?locale=*&body_format=source", "?locale=nl&body_format=source"] {
        let read = editor.get(&format!("/api/v1/pages/all{query}")).expect(200);
        let query = query.replace("include=blocks&", "");
        editor.put(&format!("/api/v1/pages/all{query}"), read.etag(), &read.json()).expect(200);
        let changes = editor.get("/api/v1/pages/all/revisions").expect(200).json();
        assert_eq!(changes["data"][0]["changed"], json!([]), "{query}");
    }
}

#[apply(api_test)]
fn faults_are_named_with_their_place(app: &TestApp) {
    let editor = app.editor();
    people(&editor);
    let refused = |blocks: Value, faults: &[(&str, &str)]| {
        editor.post("/api/v1/pages", &json!({"title": "P", "blocks": blocks})).problem(422, faults);
    };
    refused(json!([{"type": "txt"}]), &[("/blocks/0/type", "not_allowed")]);
    refused(json!([{}, "text"]), &[("/blocks/0/type", "required"), ("/blocks/1", "wrong_type")]);
    refused(json!([{"type": "text", "body": "a", "size": 3}]), &[("/blocks/0/size", "unknown_field")]);
    refused(json!([{"type": "text"}]), &[("/blocks/0/body", "required")]);
    let alike = json!([{"type": "text", "id": "a", "body": "a"}, {"type": "text", "id": "a", "body": "a"}]);
    refused(alike, &[("/blocks/1/id", "duplicate")]);
    let image = json!([{"type": "text", "body": "a"}, {"type": "image", "image": {"url": "ftp://example.org/a"}}]);
    refused(image, &[("/blocks/1/image/url", "not_a_url")]);
    refused(json!([{"type": "gallery", "images": []}]), &[("/blocks/0/images", "empty")]);
    refused(
        json!([{"type": "video", "provider": "vimeo", "video_id": "<x>"}]),
        &[("/blocks/0/video_id", "not_a_value")],
    );
    refused(json!([{"type": "call_to_action", "label": "Go"}]), &[("/blocks/0/url", "required")]);
    let both = json!([{"type": "call_to_action", "label": "Go", "url": "https://example.org", "event": "rivers"}]);
    refused(both, &[("/blocks/0/event", "conflict")]);
    refused(
        json!([{"type": "quote", "text": "a", "speaker": "nobody"}]),
        &[("/blocks/0/speaker", "dangling_reference")],
    );
    let speakers = json!([{"type": "speakers", "speakers": ["anna", "nobody"]}]);
    refused(speakers, &[("/blocks/0/speakers/1", "dangling_reference")]);
    refused(json!([{"type": "table", "rows": [["a"], ["b", "c"]]}]), &[("/blocks/0/rows", "not_valid")]);
    refused(json!([{"type": "table", "rows": [[]]}]), &[("/blocks/0/rows", "empty")]);
    refused(json!([{"type": "events", "query": "topik=water"}]), &[("/blocks/0/query", "unknown_parameter")]);
    refused(
        json!([{"type": "events", "query": "when=soon&limit=99"}]),
        &[("/blocks/0/query", "not_allowed"), ("/blocks/0/query", "out_of_range")],
    );
    refused(json!([{"type": "events", "query": "status=draft"}]), &[("/blocks/0/query", "unknown_parameter")]);
    refused(
        json!([{"type": "embed", "title": "Map", "url": "https://maps.example.org/x"}]),
        &[("/blocks/0/url", "not_allowed")],
    );
    let call = |url: &str| json!([{"type": "call_to_action", "label": "Call us", "url": url}]);
    for url in ["//other.example", "javascript:alert(1)", "contact"] {
        refused(call(url), &[("/blocks/0/url", "not_a_url")]);
        let image = json!([{"type": "image", "image": {"url": "https://example.org/a.jpg"}, "link_url": url}]);
        refused(image, &[("/blocks/0/link_url", "not_a_url")]);
    }
    for url in ["/contact", "tel:+3220000000", "mailto:info@example.org", "https://example.org/join"] {
        let made = editor.create("pages", &json!({"title": format!("Call {url}"), "blocks": call(url)}));
        assert_eq!(made["blocks"][0]["url"], url);
    }
    let accordion = json!([{"type": "accordion", "entries": [{"title": "a", "body": "b"}, {"title": "a"}]}]);
    refused(accordion, &[("/blocks/0/entries/1/body", "required")]);
    let everywhere = json!({"title": {"en": "P"}, "blocks": [{"type": "text", "body": "plain"}]});
    editor.post("/api/v1/pages?locale=*", &everywhere).problem(422, &[("/blocks/0/body", "wrong_type")]);
}

#[apply(api_test)]
fn hosts_of_embeds_are_those_of_the_settings(app: &TestApp) {
    let app = TestApp::start_with(app.other_backend(), |config| {
        config.site.embed_hosts = vec!["maps.example.org".to_owned(), "*.example.net".to_owned()];
    });
    let editor = app.editor();
    let try_url = |url: &str| {
        let block = json!({"type": "embed", "title": "Map", "url": url});
        editor.post("/api/v1/pages", &json!({"title": "Map", "blocks": [block]}))
    };
    try_url("https://maps.example.org/x").expect(201);
    try_url("https://a.b.example.net/x").expect(201);
    let unsafe_url = "http://maps.example.org/x";
    for url in [
        "https://example.org/",
        "https://example.net/",
        "https://evilexample.net/",
        "https://maps.example.org.evil/",
        unsafe_url,
    ] {
        try_url(url).problem(422, &[("/blocks/0/url", "not_allowed")]);
    }
    // Browsers show no page without TLS within one with it.
    assert!(try_url(unsafe_url).json().to_string().contains("must begin with https"));
}

#[apply(api_test)]
fn references_of_blocks_are_references_of_the_page(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    people(&editor);
    editor.create("speakers", &json!({"name": "Draft"}));
    let blocks = json!([{"type": "text", "body": "a"}, {"type": "speakers", "speakers": ["draft", "anna"]}]);
    let page = json!({"title": "P", "blocks": blocks, "status": "published"});
    editor.post("/api/v1/pages", &page).problem(422, &[("/blocks/1/speakers/0", "not_published")]);
    editor.create("pages", &json!({"title": "P", "blocks": blocks}));
    editor.delete("/api/v1/speakers/anna", "\"v1\"").problem(409, &[("", "in_use")]);
    let uses = editor.get("/api/v1/speakers/anna/references").expect(200).json();
    assert_eq!(uses["data"][0]["relations"], json!(["blocks.speaker"]), "{uses}");
    // Drafts do not show, and what they become does.
    editor.patch("/api/v1/speakers/draft", "\"v1\"", &json!({"status": "published"})).expect(200);
    editor.act("/api/v1/pages/p/publish", "\"v1\"").expect(200);
    let names = || {
        let page = public.get("/api/v1/pages/by-path/p").expect(200).json()["page"].clone();
        let list = page["blocks"][1]["speakers"].as_array().unwrap().clone();
        list.iter().map(|speaker| speaker["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["Draft", "Anna"]);
    editor.patch("/api/v1/speakers/anna", "\"v1\"", &json!({"name": "Anna J."})).expect(200);
    assert_eq!(names(), ["Draft", "Anna J."]);
    editor.act("/api/v1/speakers/draft/unpublish", "\"v2\"").expect(200);
    assert_eq!(names(), ["Anna J."]);
    // A merge moves them, and its undoing moves them back.
    editor.act("/api/v1/speakers/draft/publish", "\"v3\"").expect(200);
    let merge = json!({"from": ["anna"]});
    editor.act_with("/api/v1/speakers/draft/merge", "\"v4\"", &merge).expect(200);
    assert_eq!(names(), ["Draft"]);
    // New items can be created within blocks.
    let nested = json!({"title": "N", "status": "published", "blocks": [
        {"type": "quote", "text": "a", "speaker": {"create": {"name": "Nina", "status": "published"}}}]});
    assert_eq!(editor.create("pages", &nested)["blocks"][0]["speaker"]["name"], "Nina");
}

#[apply(api_test)]
fn blocks_are_written_in_one_language_or_in_all(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let blocks = json!([{"type": "text", "id": "one", "body": "One"}, {"type": "text", "id": "two", "body": "Two"}]);
    editor.create("pages", &json!({"title": "P", "blocks": blocks, "status": "published"}));
    // The order changes in the other language, and a block keeps its words by its id.
    let dutch = json!({"title": "P nl", "blocks": [
        {"type": "text", "id": "two", "body": "Twee"}, {"type": "text", "id": "one", "body": "Een"},
        {"type": "table", "rows": [["Jaar"]]}]});
    editor.patch("/api/v1/pages/p?locale=nl", "\"v1\"", &dutch).expect(200);
    let all = editor.get("/api/v1/pages/p?locale=*&body_format=source").expect(200).json();
    assert_eq!(
        (&all["blocks"][0]["id"], &all["blocks"][0]["body"]),
        (&json!("two"), &json!({"en": "Two", "nl": "Twee"}))
    );
    assert_eq!(all["blocks"][2]["rows"], json!({"nl": [["Jaar"]]}));
    // A block without an id keeps that of its place.
    let third = all["blocks"][2]["id"].clone();
    let mut again = all["blocks"].clone();
    again[2].as_object_mut().unwrap().remove("id");
    editor.patch("/api/v1/pages/p?locale=*", "\"v2\"", &json!({"blocks": again})).expect(200);
    let english = public.get("/api/v1/pages/p").expect(200).json();
    assert_eq!((&english["blocks"][2]["id"], &english["fallbacks"]), (&third, &json!(["blocks"])));
    let lists = editor.get("/api/v1/pages?status=any&untranslated=en").expect(200).json();
    assert_eq!(lists["data"][0]["slug"], "p");
}

#[apply(api_test)]
fn pages_are_found_by_the_words_of_their_blocks(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    people(&editor);
    editor.create("pages", &json!({"title": "Top", "slug": "top", "status": "published"}));
    editor.create("pages", &json!({"title": "All", "parent": "top", "blocks": all(), "status": "published"}));
    for word in ["scheldt", "free", "figures", "register", "report", "bram"] {
        wait_for(word, || {
            let found = public.get(&format!("/api/v1/search?q={word}&collections=pages")).expect(200).json();
            found["data"][0]["slug"] == "all" && found["data"][0]["parent"]["slug"] == "top"
        });
    }
    editor.act("/api/v1/pages/top/unpublish", "\"v1\"").expect(200);
    wait_for("hiding", || {
        public.get("/api/v1/search?q=scheldt&collections=pages").expect(200).json()["data"] == json!([])
    });
}
