//! Names that lead on: former slugs, and slugs and ids of items that were merged into others, in filters and in writes.

use serde_json::{Value, json};

use crate::merge::merge;
use crate::support::app::TestApp;
use crate::support::client::Client;

fn slugs(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(&format!("/api/v1/{path}")).expect(200).json();
    list["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

/// An event with one item of each kind that filters name, and another event without them.
fn fill(editor: &Client) {
    let public = |collection: &str, mut body: Value| {
        body["status"] = "published".into();
        editor.create(collection, &body)
    };
    for (collection, slug) in [
        ("venues", "hall"),
        ("topics", "water"),
        ("partners", "delta"),
        ("speakers", "anna"),
        ("event-types", "talk"),
        ("series", "tides"),
    ] {
        let label = if collection == "series" { "title" } else { "name" };
        public(collection, json!({label: slug, "slug": slug}));
    }
    let event = json!({"title": "Rivers", "slug": "rivers", "type": "talk", "topics": ["water"], "venue": "hall", "series": "tides",
        "speakers": [{"speaker": "anna"}], "partners": [{"partner": "delta"}], "starts_at": "2027-03-04"});
    public("events", event);
    public("events", json!({"title": "Lakes", "slug": "lakes", "starts_at": "2027-03-05"}));
    public(
        "sessions",
        json!({"event": "rivers", "title": "Opening", "slug": "opening", "starts_at": "2027-03-04", "speakers": [{"speaker": "anna"}]}),
    );
}

const FILTERS: [(&str, &str, &str); 6] = [
    ("venues", "hall", "venue"),
    ("topics", "water", "topic"),
    ("partners", "delta", "partner"),
    ("speakers", "anna", "speaker"),
    ("event-types", "talk", "type"),
    ("series", "tides", "series"),
];

#[apply(api_test)]
fn filters_by_former_slugs_mean_the_item(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    for (collection, slug, filter) in FILTERS {
        // What is cached of the former slug is forgotten with it.
        assert_eq!(slugs(&public, &format!("events?{filter}={slug}")), ["rivers"], "{filter}");
        let renamed = json!({"slug": format!("new-{slug}")});
        editor.patch(&format!("/api/v1/{collection}/{slug}"), "\"v1\"", &renamed).expect(200);
        // Twice, since the second time the name is known.
        for query in [
            format!("{filter}={slug}"),
            format!("{filter}={slug}"),
            format!("{filter}={slug},new-{slug}"),
            format!("{filter}={slug}&count=exact"),
        ] {
            assert_eq!(slugs(&public, &format!("events?{query}")), ["rivers"], "{query}");
        }
        assert_eq!(slugs(&public, &format!("events?{filter}[none]={slug}")), ["lakes"], "{filter}");
        let calendar = public.get(&format!("/api/v1/events.ics?{filter}={slug}")).expect(200).body;
        assert_eq!(String::from_utf8(calendar).unwrap().matches("BEGIN:VEVENT").count(), 1, "{filter}");
        assert_eq!(slugs(&public, &format!("events?{filter}=never-{slug}")), [""; 0], "nothing has this slug");
    }
    assert_eq!(slugs(&public, "sessions?speaker=anna"), ["opening"]);
    // Lists that name their items, and children of an item.
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"slug": "great-rivers"})).expect(200);
    for query in [
        "events?slug=rivers",
        "events?slug=rivers",
        "events?slug=rivers,great-rivers",
        "events?slug=rivers&count=exact",
    ] {
        assert_eq!(slugs(&public, query), ["great-rivers"], "{query}");
    }
    assert_eq!(slugs(&public, "events?slug[none]=rivers"), ["lakes"]);
    for _ in 0..2 {
        assert_eq!(slugs(&public, "sessions?event=rivers"), ["opening"]);
    }
    // Whoever takes the slug has it; and what is not public is not named.
    editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    assert_eq!(slugs(&public, "events?topic=water"), [""; 0]);
    editor.act("/api/v1/venues/new-hall/unpublish", "\"v2\"").expect(200);
    assert_eq!(slugs(&public, "events?venue=hall"), [""; 0]);
    assert_eq!(slugs(&editor, "events?venue=hall&status=any"), ["great-rivers"]);
}

#[apply(api_test)]
fn filters_by_merged_items_mean_the_one_that_stays(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let double = |collection: &str, slug: &str| {
        editor.create(collection, &json!({"name": slug, "slug": slug, "status": "published"}))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for (collection, slug, filter) in [
        ("venues", "hall", "venue"),
        ("topics", "water", "topic"),
        ("partners", "delta", "partner"),
        ("speakers", "anna", "speaker"),
    ] {
        let other = format!("{slug}-two");
        let id = double(collection, &other);
        assert_eq!(slugs(&public, &format!("events?{filter}={other}")), [""; 0], "{filter}");
        merge(&editor, &format!("{collection}/{slug}"), &[&other]).expect(200);
        for name in [&other, &id, &id.to_ascii_uppercase(), &other] {
            assert_eq!(slugs(&public, &format!("events?{filter}={name}")), ["rivers"], "{filter}={name}");
        }
        assert_eq!(slugs(&public, &format!("{collection}?ids={id}")), [slug], "{collection}");
        assert_eq!(slugs(&public, &format!("{collection}?slug={other}")), [slug], "{collection}");
    }
}

#[apply(api_test)]
fn references_by_former_slugs_lead_on(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    editor.patch("/api/v1/topics/water", "\"v1\"", &json!({"slug": "waters"})).expect(200);
    editor.create("speakers", &json!({"name": "Anna", "slug": "anna-two", "status": "published"}));
    merge(&editor, "speakers/anna", &["anna-two"]).expect(200);
    let event =
        editor.create("events", &json!({"title": "Seas", "topics": ["water"], "speakers": [{"speaker": "anna-two"}]}));
    assert_eq!(
        (&event["topics"][0]["slug"], &event["speakers"][0]["speaker"]["slug"]),
        (&json!("waters"), &json!("anna"))
    );
    // One item by two names is there twice.
    let both = json!({"title": "Seas", "topics": ["water", "waters"]});
    editor.post("/api/v1/events", &both).problem(422, &[("/topics/1", "duplicate")]);
    let batch = json!({"entries": [{"operation": "create", "collection": "events", "content": {"title": "Bays", "topics": ["water"]}}]});
    editor.post("/api/v1/batch", &batch).expect(200);
    // A slug under which nothing was public leads nowhere.
    editor.create("topics", &json!({"name": "Draft", "slug": "draft-topic"}));
    editor.patch("/api/v1/topics/draft-topic", "\"v1\"", &json!({"slug": "other-topic"})).expect(200);
    let unknown = json!({"title": "Seas", "topics": ["draft-topic"]});
    editor.post("/api/v1/events", &unknown).problem(422, &[("/topics/0", "dangling_reference")]);
}
