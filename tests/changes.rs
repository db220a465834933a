//! Keeping a copy: the first one, what changed since, and nothing that is not public.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// A copy, by id.
#[derive(Default)]
struct Copy {
    items: BTreeMap<String, Value>,
    since: Option<String>,
}

impl Copy {
    /// Takes in all that there is; gives what was told.
    fn follow(&mut self, client: &Client, limit: usize) -> Vec<(String, String)> {
        let mut told = Vec::new();
        loop {
            let since = self.since.as_ref().map_or(String::new(), |since| format!("&since={since}"));
            let page = client.get(&format!("/api/v1/changes?limit={limit}{since}")).expect(200).json();
            for change in page["data"].as_array().unwrap() {
                let operation = change["operation"].as_str().unwrap().to_owned();
                let id = change["id"].as_str().or(change["item"]["id"].as_str()).unwrap().to_owned();
                match operation.as_str() {
                    "delete" => drop(self.items.remove(&id)),
                    _ => drop(self.items.insert(id.clone(), change["item"].clone())),
                }
                told.push((operation, id));
            }
            self.since = Some(page["next"].as_str().unwrap().to_owned());
            if page["more"] == false {
                return told;
            }
        }
    }

    fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self
            .items
            .values()
            .map(|item| item["title"].as_str().or(item["name"].as_str()).unwrap().to_owned())
            .collect();
        titles.sort();
        titles
    }
}

#[apply(api_test)]
fn a_copy_is_made_and_kept(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for number in 0..7 {
        editor.create("topics", &json!({"name": format!("T{number}"), "status": "published"}));
    }
    editor.create("events", &json!({"title": "E", "status": "published", "topics": ["t1"]}));
    let mut copy = Copy::default();
    assert_eq!(copy.follow(&public, 3).len(), 8);
    assert_eq!(copy.titles(), ["E", "T0", "T1", "T2", "T3", "T4", "T5", "T6"]);
    let event = copy.items.values().find(|item| item["title"] == "E").unwrap();
    assert_eq!(event, &public.get("/api/v1/events/e").expect(200).json());
    // Nothing happened; then something did.
    assert!(copy.follow(&public, 3).is_empty());
    editor.patch("/api/v1/topics/t3", "\"v1\"", &json!({"name": "Changed"})).expect(200);
    editor.patch("/api/v1/topics/t3", "\"v2\"", &json!({"name": "Changed twice"})).expect(200);
    let told = copy.follow(&public, 100);
    assert_eq!((told.len(), told[0].0.as_str()), (1, "upsert"));
    assert!(copy.titles().contains(&"Changed twice".to_owned()));
    // Log-ins and other people's affairs are nobody's business.
    app.editor();
    assert!(copy.follow(&public, 100).is_empty());
}

#[apply(api_test)]
fn what_is_unpublished_arrives_as_a_deletion(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("events", &json!({"title": "E", "status": "published"}));
    editor.create("sessions", &json!({"title": "S", "event": "e", "status": "published"}));
    editor.create("events", &json!({"title": "F", "status": "published"}));
    let mut copy = Copy::default();
    copy.follow(&public, 100);
    assert_eq!(copy.titles(), ["E", "F", "S"]);
    // A session disappears with its event, and comes back with it.
    let hidden = editor.act("/api/v1/events/e/unpublish", "\"v1\"").expect(200);
    assert_eq!(copy.follow(&public, 100).iter().filter(|(operation, _)| operation == "delete").count(), 2);
    assert_eq!(copy.titles(), ["F"]);
    editor.act("/api/v1/events/e/publish", hidden.etag()).expect(200);
    copy.follow(&public, 100);
    assert_eq!(copy.titles(), ["E", "F", "S"]);
    // So do the trash, and what is gone for good.
    editor.delete("/api/v1/events/f", "\"v1\"").expect(204);
    app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
    copy.follow(&public, 1);
    assert_eq!(copy.titles(), ["E", "S"]);
}

#[apply(api_test)]
fn drafts_leave_no_trace(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let mut copy = Copy::default();
    copy.follow(&public, 100);
    let draft = editor.create("events", &json!({"title": "Secret"}));
    editor.patch("/api/v1/events/secret", "\"v1\"", &json!({"title": "Secret still"})).expect(200);
    editor.delete("/api/v1/events/secret", "\"v2\"").expect(204);
    app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
    let page = public.get(&format!("/api/v1/changes?since={}", copy.since.as_ref().unwrap())).expect(200);
    assert!(!String::from_utf8_lossy(&page.body).contains(draft["id"].as_str().unwrap()));
    assert_eq!(page.json()["data"], json!([]));
    // A working draft is no news; its publication is.
    editor.create("events", &json!({"title": "E", "status": "published"}));
    copy.follow(&public, 100);
    editor.patch("/api/v1/events/e?view=draft", "\"v1\"", &json!({"title": "Secret text"})).expect(200);
    copy.follow(&public, 100);
    assert_eq!(copy.titles(), ["E"]);
    editor.act("/api/v1/events/e/publish", "\"v2\"").expect(200);
    copy.follow(&public, 100);
    assert_eq!(copy.titles(), ["Secret text"]);
}

/// Whether every item of a copy is what a fresh read gives, with all that it shows of others.
fn assert_is_fresh(copy: &Copy, client: &Client) {
    let mut fresh = BTreeMap::new();
    for collection in ["events", "sessions", "speakers", "venues", "topics"] {
        let page = client.get(&format!("/api/v1/{collection}?limit=100&detail=full")).expect(200).json();
        for item in page["data"].as_array().unwrap() {
            let path = format!("/api/v1/{collection}/{}", item["id"].as_str().unwrap());
            fresh.insert(item["id"].as_str().unwrap().to_owned(), client.get(&path).expect(200).json());
        }
    }
    assert_eq!(copy.items, fresh);
}

#[apply(api_test)]
fn a_copy_has_every_change_of_what_is_shown_of_others(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for name in ["Anna", "Bert"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    editor.create("venues", &json!({"name": "Hall", "status": "published"}));
    let ties = json!([{"speaker": "anna", "role": "keynote"}, {"speaker": "bert"}]);
    let event = json!({"title": "E", "status": "published", "speakers": ties, "venue": "hall"});
    editor.create("events", &event);
    let session = json!({"title": "S", "event": "e", "status": "published", "speakers": [{"speaker": "anna"}]});
    editor.create("sessions", &session);
    let mut copies = [Copy::default(), Copy::default()];
    let limits = [1, 100];
    let mut follow = |what: &str| {
        for (copy, limit) in copies.iter_mut().zip(limits) {
            copy.follow(&public, limit);
            eprintln!("{what}, {limit} at a time");
            assert_is_fresh(copy, &public);
        }
    };
    follow("at first");
    editor.patch("/api/v1/speakers/anna", "\"v1\"", &json!({"name": "Anna B.", "slug": "anna-b"})).expect(200);
    follow("a new name and slug");
    editor.act("/api/v1/speakers/anna-b/unpublish", "\"v2\"").expect(200);
    follow("not public any more");
    // The event changes while it shows one speaker, and then shows two again.
    editor.patch("/api/v1/events/e", "\"v1\"", &json!({"kicker": "K"})).expect(200);
    follow("changed meanwhile");
    editor.act("/api/v1/speakers/anna-b/publish", "\"v3\"").expect(200);
    follow("public again");
    let gone = editor.trash("/api/v1/venues/hall", "\"v1\"").expect(204);
    follow("in the trash");
    editor.act("/api/v1/venues/hall/restore", gone.etag()).expect(200);
    editor.patch("/api/v1/events/e", "\"v2\"", &json!({"title": "F"})).expect(200);
    follow("restored, and the event has a new title, which its session shows");
}

/// A touched event comes with its sessions; a response has no more of them than others may have that refer to an item.
#[apply(api_test)]
fn a_response_is_bounded_with_what_is_below(app: &TestApp) {
    const EVENTS: usize = 5;
    const SESSIONS: usize = 450;
    let (editor, public) = (app.editor(), app.visitor());
    let batch = |entries: Vec<Value>| {
        for part in entries.chunks(500) {
            editor.post("/api/v1/batch", &json!({"entries": part})).expect(200);
        }
    };
    let create =
        |collection: &str, content: Value| json!({"operation": "create", "collection": collection, "content": content});
    let event =
        |number: usize| create("events", json!({"title": "E", "slug": format!("e{number}"), "status": "published"}));
    batch((0..EVENTS).map(event).collect());
    let session = |number: usize| {
        let of = format!("e{}", number % EVENTS);
        create("sessions", json!({"title": "S", "slug": format!("s{number}"), "event": of, "status": "published"}))
    };
    batch((0..EVENTS * SESSIONS).map(session).collect());
    let mut copy = Copy::default();
    copy.follow(&public, 1000);
    assert_eq!(copy.items.len(), EVENTS * (SESSIONS + 1));
    let since = copy.since.clone().unwrap();
    for number in 0..EVENTS {
        editor.act(&format!("/api/v1/events/e{number}/unpublish"), "\"v1\"").expect(200);
        editor.act(&format!("/api/v1/events/e{number}/publish"), "\"v2\"").expect(200);
    }
    let page = public.get(&format!("/api/v1/changes?limit=1000&since={since}")).expect(200).json();
    let count = page["data"].as_array().unwrap().len();
    assert!(count > SESSIONS && count <= 2_000 + EVENTS && page["more"] == true, "{count}, {}", page["more"]);
    // Nothing is lost by it.
    copy.items.clear();
    copy.follow(&public, 1000);
    assert_eq!(copy.items.len(), EVENTS * (SESSIONS + 1));
    // The sessions of one event come all together.
    editor.act("/api/v1/events/e0/unpublish", "\"v3\"").expect(200);
    let told = copy.follow(&public, 1000);
    assert_eq!(told.iter().filter(|(operation, _)| operation == "delete").count(), SESSIONS + 1);
}

/// Several items that are deleted for good at once are all told, and in one response.
#[apply(api_test)]
fn all_that_is_gone_is_told(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for number in 0..5 {
        editor.create("topics", &json!({"name": "T", "slug": format!("t{number}"), "status": "published"}));
    }
    editor.create("topics", &json!({"name": "Draft", "slug": "draft"}));
    let mut copy = Copy::default();
    copy.follow(&public, 100);
    for slug in ["t0", "t2", "t4", "draft"] {
        editor.delete(&format!("/api/v1/topics/{slug}"), "\"v1\"").expect(204);
    }
    copy.follow(&public, 100);
    app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
    let told = copy.follow(&public, 100);
    assert_eq!(told.iter().map(|(operation, _)| operation.as_str()).collect::<Vec<_>>(), ["delete"; 3]);
    assert_eq!(copy.items.len(), 2);
}

#[apply(api_test)]
fn what_was_never_seen_is_never_named(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    // Published, and not seen: its event is a draft.
    editor.create("events", &json!({"title": "E"}));
    let session = editor.create("sessions", &json!({"title": "S", "event": "e", "status": "published"}));
    let id = session["id"].as_str().unwrap();
    let said =
        |since: &str| String::from_utf8(public.get(&format!("/api/v1/changes{since}")).expect(200).body).unwrap();
    let mut copy = Copy::default();
    copy.follow(&public, 100);
    let begin = format!("?since={}", copy.since.clone().unwrap());
    editor.act("/api/v1/sessions/s/archive", "\"v1\"").expect(200);
    editor.act("/api/v1/sessions/s/publish", "\"v2\"").expect(200);
    editor.patch("/api/v1/events/e", "\"v1\"", &json!({"title": "F"})).expect(200);
    assert!(!said(&begin).contains(id));
    // Once it was seen, its end is told, to the last.
    editor.act("/api/v1/events/e/publish", "\"v2\"").expect(200);
    editor.act("/api/v1/events/e/unpublish", "\"v3\"").expect(200);
    assert!(said(&begin).contains(id));
    let gone = editor.delete("/api/v1/sessions/s", "\"v3\"").expect(204);
    drop(gone);
    // One that never was goes without a word.
    let other = editor.create("sessions", &json!({"title": "T", "event": "e", "status": "published"}));
    editor.delete("/api/v1/sessions/t", "\"v1\"").expect(204);
    app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
    let said = said(&begin);
    assert!(said.contains(id) && !said.contains(other["id"].as_str().unwrap()), "{said}");
}

#[apply(api_test)]
fn a_copy_under_writes_is_right_in_the_end(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for number in 0..30 {
        editor.create("topics", &json!({"name": format!("Old {number}"), "status": "published"}));
    }
    let mut copy = Copy::default();
    std::thread::scope(|scope| {
        let editor = &editor;
        scope.spawn(move || {
            for number in 0..30 {
                let made = editor.create("topics", &json!({"name": format!("New {number}"), "status": "published"}));
                if number % 3 == 0 {
                    editor
                        .act(&format!("/api/v1/topics/{}/archive", made["id"].as_str().unwrap()), "\"v1\"")
                        .expect(200);
                }
                editor
                    .patch(
                        &format!("/api/v1/topics/old-{number}"),
                        "\"v1\"",
                        &json!({"name": format!("Renamed {number}")}),
                    )
                    .expect(200);
            }
        });
        for _ in 0..10 {
            copy.follow(&public, 4);
        }
    });
    copy.follow(&public, 4);
    let mut wanted = Vec::new();
    for offset in [0, 20, 40] {
        let page = public.get(&format!("/api/v1/topics?limit=20&offset={offset}")).expect(200).json();
        wanted.extend(page["data"].as_array().unwrap().iter().map(|topic| topic["name"].as_str().unwrap().to_owned()));
    }
    wanted.sort();
    assert_eq!((copy.titles(), wanted.len()), (wanted.clone(), 50));
}

#[apply(api_test)]
fn tokens_are_ours(app: &TestApp) {
    let public = app.visitor();
    for wrong in ["x", "AAAA", &"A".repeat(300)] {
        public.get(&format!("/api/v1/changes?since={wrong}")).problem(400, &[("?since", "not_a_token")]);
    }
    public.get("/api/v1/changes?limit=0").problem(400, &[("?limit", "out_of_range")]);
    public.get("/api/v1/changes?from=x").problem(400, &[("?from", "unknown_parameter")]);
}
