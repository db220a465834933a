//! Links of menus and announcements to what is not public: visitors learn nothing of them, and editors what is wrong.

use serde_json::{Value, json};

use crate::search::settled;
use crate::support::app::TestApp;
use crate::support::client::Client;

const MENU: &str = "/api/v1/menus/main";

fn link(label: &str, collection: &str, id: &str) -> Value {
    json!({"label": {"en": label}, "target": {"collection": collection, "id": id}})
}

/// A public menu and a public announcement, whose links lead to a draft, to the trash, to a session that waits for its
/// event, and to a page that waits for the one above it; and to a public topic. Every text that visitors must not see has
/// the mark "Geheim".
fn world(editor: &Client) {
    editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    editor.create("topics", &json!({"name": "Geheim topic", "slug": "geheim-topic"}));
    editor.create("speakers", &json!({"name": "Geheim speaker", "slug": "geheim-speaker", "status": "published"}));
    editor.create("events", &json!({"title": "Geheim event", "slug": "geheim-event"}));
    let session =
        json!({"title": "Geheim session", "slug": "geheim-session", "event": "geheim-event", "status": "published"});
    editor.create("sessions", &session);
    editor.create("pages", &json!({"title": "Geheim above", "slug": "geheim-above"}));
    let below =
        json!({"title": "Geheim below", "slug": "geheim-below", "parent": "geheim-above", "status": "published"});
    editor.create("pages", &below);
    let mut heading = link("Water", "topics", "water");
    heading["children"] = json!([
        {"label": {"en": "Level two"}, "children": [link("Geheim third", "events", "geheim-event")]},
        link("Geheim waits", "sessions", "geheim-session"),
    ]);
    let mut hidden = link("Geheim draft", "topics", "geheim-topic");
    hidden["children"] = json!([{"label": {"en": "Geheim child"}, "url": "/geheim"}]);
    let entries = json!([
        heading,
        hidden,
        link("Geheim trash", "speakers", "geheim-speaker"),
        link("Geheim page", "pages", "geheim-below")
    ]);
    let menu = json!({"title": {"en": "Main"}, "slug": "main", "status": "published", "entries": entries});
    editor.post("/api/v1/menus?locale=*", &menu).expect(201);
    let announcement = json!({"title": {"en": "Soon"}, "slug": "soon", "status": "published",
        "link": link("Geheim link", "events", "geheim-event")});
    editor.post("/api/v1/announcements?locale=*", &announcement).expect(201);
    editor.trash("/api/v1/speakers/geheim-speaker", "\"v1\"").expect(204);
}

/// The labels of entries, those below one in brackets.
fn labels(entries: &Value) -> String {
    let entry = |entry: &Value| {
        let below = entry.get("children").map(labels).filter(|below| !below.is_empty());
        format!("{}{}", entry["label"].as_str().unwrap(), below.map_or(String::new(), |below| format!(" [{below}]")))
    };
    entries.as_array().unwrap().iter().map(entry).collect::<Vec<_>>().join(", ")
}

fn menu(client: &Client) -> String {
    labels(&client.get(MENU).expect(200).json()["entries"])
}

fn changes(client: &Client, since: &str) -> Value {
    client.get(&format!("/api/v1/changes{since}")).expect(200).json()
}

#[apply(api_test)]
fn visitors_learn_nothing_of_targets_that_are_not_public(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    world(&editor);
    let ids: Vec<String> = [("topics", "topic"), ("speakers", "speaker"), ("events", "event"), ("sessions", "session")]
        .map(|(collection, slug)| format!("{collection}/geheim-{slug}"))
        .into_iter()
        .chain(["pages/geheim-below".to_owned()])
        .map(|path| editor.get(&format!("/api/v1/{path}")).expect(200).json()["id"].as_str().unwrap().to_owned())
        .collect();
    settled(app);
    for path in [
        MENU,
        "/api/v1/menus/main?locale=nl",
        "/api/v1/menus/main?locale=*",
        "/api/v1/menus/main?fallback=none",
        "/api/v1/menus/main?fields=entries.label,entries.children",
        "/api/v1/menus",
        "/api/v1/menus?detail=full&locale=*",
        "/api/v1/menus?q=main&detail=full&highlights=true",
        "/api/v1/announcements",
        "/api/v1/announcements?detail=full&locale=*",
        "/api/v1/announcements/soon",
        "/api/v1/announcements/soon?fields=link",
        "/api/v1/search?q=main&collections=menus",
        "/api/v1/layout",
        "/api/v1/changes",
    ] {
        let text = public.get(path).expect(200).json().to_string();
        assert!(!text.to_lowercase().contains("geheim"), "{path}: {text}");
        assert!(ids.iter().all(|id| !text.contains(id)), "{path}: {text}");
    }
    // What is not shown is not found either.
    assert_eq!(
        public.get("/api/v1/search?q=geheim&collections=menus,announcements").expect(200).json()["data"],
        json!([])
    );
    assert_eq!(public.get("/api/v1/menus?q=geheim").expect(200).json()["data"], json!([]));
    assert_eq!(menu(&public), "Water [Level two]");
    assert_eq!(public.get("/api/v1/announcements/soon").expect(200).json()["link"], Value::Null);
    // Editors see all of it, and send it back as it is.
    let all = editor.get(MENU).expect(200);
    let shown =
        "Water [Level two [Geheim third], Geheim waits], Geheim draft [Geheim child], Geheim trash, Geheim page";
    assert_eq!(labels(&all.json()["entries"]), shown);
    let again = editor.put(MENU, all.etag(), &all.json()).expect(200).json();
    assert_eq!(again["entries"], all.json()["entries"]);
    // The holder of a preview link sees the draft of the menu, and nothing of the drafts of others.
    editor.patch("/api/v1/menus/main?view=draft", "\"v1\"", &json!({"title": "Newer"})).expect(200);
    let body = json!({"collection": "menus", "id": "main"});
    let token = editor.post("/api/v1/preview-links", &body).expect(201).json()["token"].as_str().unwrap().to_owned();
    let preview = public.get(&format!("{MENU}?preview={token}")).expect(200).json();
    assert_eq!((preview["title"].as_str(), labels(&preview["entries"]).as_str()), (Some("Newer"), "Water [Level two]"));
}

/// Each target that appears or disappears changes the menu at once, in the cache, in copies and in the index.
#[apply(api_test)]
fn menus_follow_the_publication_of_their_targets(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    world(&editor);
    let start = changes(&public, "");
    let mut since = format!("?since={}", start["next"].as_str().unwrap());
    let mut expect = |what: &str, shown: &str| {
        assert_eq!(menu(&public), shown, "{what}");
        let page = changes(&public, &since);
        let told = page["data"].as_array().unwrap().iter().rfind(|change| change["collection"] == "menus");
        let told = told.unwrap_or_else(|| panic!("{what}: {page}"));
        assert_eq!(labels(&told["item"]["entries"]), shown, "{what}");
        since = format!("?since={}", page["next"].as_str().unwrap());
    };
    let act = |path: &str, step: &str| {
        let etag = editor.get(&format!("/api/v1/{path}/desk")).expect(200).json()["etag"].as_str().unwrap().to_owned();
        editor.act(&format!("/api/v1/{path}/{step}"), &etag).expect(200);
    };
    assert_eq!(menu(&public), "Water [Level two]");
    act("topics/geheim-topic", "publish");
    expect("a draft", "Water [Level two], Geheim draft [Geheim child]");
    act("topics/geheim-topic", "unpublish");
    expect("a draft again", "Water [Level two]");
    let layout = |client: &Client| labels(&client.get("/api/v1/layout").expect(200).json()["menus"]["main"]["entries"]);
    assert_eq!(layout(&public), "Water [Level two]");
    // The layout and the menu show the session once its event is public.
    act("events/geheim-event", "publish");
    expect("an event", "Water [Level two [Geheim third], Geheim waits]");
    assert_eq!(layout(&public), "Water [Level two [Geheim third], Geheim waits]");
    assert_eq!(public.get("/api/v1/announcements/soon").expect(200).json()["link"]["label"], "Geheim link");
    act("events/geheim-event", "archive");
    expect("no event", "Water [Level two]");
    assert_eq!(layout(&public), "Water [Level two]");
    assert_eq!(public.get("/api/v1/announcements/soon").expect(200).json()["link"], Value::Null);
    act("pages/geheim-above", "publish");
    expect("a page above", "Water [Level two], Geheim page");
    act("pages/geheim-above", "unpublish");
    expect("no page above", "Water [Level two]");
    act("speakers/geheim-speaker", "restore");
    expect("from the trash", "Water [Level two], Geheim trash");
    settled(app);
    assert_eq!(public.get("/api/v1/menus?q=geheim").expect(200).json()["data"][0]["slug"], "main");
}

/// A preview of the site at a moment shows what is public then.
#[apply(api_test)]
fn previews_at_a_moment_show_the_menus_of_then(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    world(&editor);
    let plan = |path: &str, etag: &str, body: &Value| {
        editor.act_with(&format!("/api/v1/{path}/schedule"), etag, body).expect(200);
    };
    plan("topics/geheim-topic", "\"v1\"", &json!({"publish_at": "2090-01-01T00:00:00Z"}));
    plan("topics/water", "\"v1\"", &json!({"unpublish_at": "2091-01-01T00:00:00Z"}));
    plan("events/geheim-event", "\"v1\"", &json!({"publish_at": "2092-01-01T00:00:00Z"}));
    let at = |year: i32| {
        let query = format!("?at={year}-06-01T00:00:00Z");
        let menu = labels(&editor.get(&format!("{MENU}{query}")).expect(200).json()["entries"]);
        let link = editor.get(&format!("/api/v1/announcements/soon{query}")).expect(200).json()["link"].clone();
        (menu, !link.is_null())
    };
    assert_eq!(at(2089), ("Water [Level two]".to_owned(), false));
    assert_eq!(at(2090), ("Water [Level two], Geheim draft [Geheim child]".to_owned(), false));
    assert_eq!(at(2091), ("Geheim draft [Geheim child]".to_owned(), false));
    assert_eq!(at(2092), ("Geheim draft [Geheim child]".to_owned(), true));
    assert_eq!(menu(&public), "Water [Level two]");
}

/// The desk tells which references of an item lead to the trash or to what is not public.
#[apply(api_test)]
fn desks_tell_which_references_are_broken(app: &TestApp) {
    let editor = app.editor();
    world(&editor);
    let broken = |path: &str| -> Vec<(String, String, String)> {
        let desk = editor.get(&format!("/api/v1/{path}/desk")).expect(200).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = desk["broken_references"].as_array().unwrap().iter();
        let mut all: Vec<_> =
            found.map(|one| (text(&one["relation"]), text(&one["target"]["slug"]), text(&one["reason"]))).collect();
        all.sort();
        all
    };
    let one = |relation: &str, slug: &str, reason: &str| (relation.to_owned(), slug.to_owned(), reason.to_owned());
    assert_eq!(
        broken("menus/main"),
        [
            one("entries", "geheim-below", "not_public"),
            one("entries", "geheim-event", "not_public"),
            one("entries", "geheim-session", "not_public"),
            one("entries", "geheim-speaker", "trashed"),
            one("entries", "geheim-topic", "not_public"),
        ]
    );
    // Case 39: a speaker in the trash, of an event whose other text is changed.
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    editor.create("speakers", &json!({"name": "Bert", "status": "published"}));
    let speakers = json!([{"speaker": "anna"}, {"speaker": "bert"}]);
    editor.create(
        "events",
        &json!({"title": "Rivers", "speakers": speakers, "topics": ["water"], "status": "published"}),
    );
    editor.trash("/api/v1/speakers/anna", "\"v1\"").expect(204);
    editor.act("/api/v1/speakers/bert/unpublish", "\"v1\"").expect(200);
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"summary": "New"})).expect(200);
    let two = [one("speakers", "anna", "trashed"), one("speakers", "bert", "not_public")];
    assert_eq!(broken("events/rivers"), two);
    // The newest text decides: its working draft has no speakers any more, and a hidden topic.
    let change = json!({"speakers": [], "topics": ["geheim-topic"]});
    editor.patch("/api/v1/events/rivers?view=draft", "\"v2\"", &change).expect(200);
    assert_eq!(broken("events/rivers"), [one("topics", "geheim-topic", "not_public")]);
    // A key for events learns nothing of topics.
    let key = json!({"name": "Events", "collections": ["events"]});
    let key = editor.post("/api/v1/auth/keys", &key).expect(201).json()["token"].as_str().unwrap().to_owned();
    let desk = app.visitor().with_token(&key).get("/api/v1/events/rivers/desk").expect(200).json();
    assert_eq!(desk["broken_references"], json!([]));
}
