//! The site as it will be, and links to what is not public yet.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::moments::in_ms;

fn plan(editor: &Client, path: &str, etag: &str, body: &Value) {
    editor.act_with(&format!("{path}/schedule"), etag, body).expect(200);
}

/// Published: an event with a new text from 2030 on, and one that ends in 2031. A draft from 2032 on.
fn future(editor: &Client) {
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    editor.create("events", &json!({"title": "Now", "status": "published", "starts_at": "2030-06-01T10:00"}));
    let change = json!({"title": "Then", "slug": "then", "speakers": [{"speaker": "anna"}]});
    editor.patch("/api/v1/events/now?view=draft", "\"v1\"", &change).expect(200);
    plan(editor, "/api/v1/events/now", "\"v2\"", &json!({"publish_at": "2030-01-01T00:00"}));
    editor.create("events", &json!({"title": "Ends", "status": "published"}));
    plan(editor, "/api/v1/events/ends", "\"v1\"", &json!({"unpublish_at": "2031-01-01T00:00"}));
    editor.create("events", &json!({"title": "Begins"}));
    plan(editor, "/api/v1/events/begins", "\"v1\"", &json!({"publish_at": "2032-01-01T00:00"}));
}

fn titles(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/api/v1/events?sort=title&{query}")).expect(200).json();
    page["data"].as_array().unwrap().iter().map(|e| e["title"].as_str().unwrap().to_owned()).collect()
}

#[apply(api_test)]
fn every_read_shows_the_site_at_a_moment(app: &TestApp) {
    let editor = app.editor();
    future(&editor);
    for (at, seen) in [
        ("2029-12-31T22:59:59Z", ["Ends", "Now"].as_slice()),
        ("2029-12-31T23:00:00Z", &["Ends", "Then"]),
        ("2030-01-01T00:00:00+01:00", &["Ends", "Then"]),
        ("2031-01-01", &["Then"]),
        ("2032-01-01T00:00", &["Begins", "Then"]),
    ] {
        assert_eq!(titles(&editor, &format!("at={at}")), seen, "{at}");
        let page = editor.get(&format!("/api/v1/events?count=exact&limit=1&at={at}")).expect(200);
        assert_eq!(page.header("cache-control"), "private, no-store");
        assert_eq!(page.json()["page"]["total"], seen.len(), "{at}");
    }
    let at = "at=2032-06-01T00:00:00Z";
    let then = editor.get(&format!("/api/v1/events/then?include=speakers&{at}")).expect(200).json();
    assert_eq!((&then["title"], &then["speakers"][0]["speaker"]["name"]), (&json!("Then"), &json!("Anna")));
    assert_eq!(then["status"], "published");
    assert_eq!(
        editor.get(&format!("/api/v1/events/now?{at}")).expect(308).header("location"),
        format!("/api/v1/events/then?{at}")
    );
    editor.get(&format!("/api/v1/events/ends?{at}")).expect(404);
    // Filters: by a tie that is not there yet, and by a time that has not come.
    assert_eq!(titles(&editor, &format!("speaker=anna&{at}")), ["Then"]);
    assert!(titles(&editor, "speaker=anna").is_empty());
    assert_eq!(titles(&editor, &format!("when=past&{at}")), ["Then"]);
    // Without a date it is still to come.
    assert_eq!(titles(&editor, "when=upcoming&at=2030-05-01T00:00:00Z"), ["Ends", "Then"]);
    // A release goes live as a whole.
    editor.create("topics", &json!({"name": "T"}));
    let items = json!([{"collection": "topics", "id": "t"}, {"collection": "events", "id": "begins"}]);
    editor.post("/api/v1/releases", &json!({"name": "R", "publish_at": "2031-06-01", "items": items})).expect(201);
    assert_eq!(titles(&editor, "at=2031-06-01"), ["Begins", "Then"]);
    editor.get("/api/v1/topics/t?at=2031-06-01").expect(200);
}

#[apply(api_test)]
fn looking_ahead_changes_nothing(app: &TestApp) {
    use diesel::prelude::*;
    use plenary::database::schema::{journal, schedules};
    let editor = app.editor();
    future(&editor);
    let state = || {
        let look = |c: &mut plenary::database::Db| {
            Ok::<_, plenary::database::DatabaseError>((
                plenary::journal::newest_sequence(c)?,
                journal::table.count().get_result::<i64>(c)?,
                schedules::table.count().get_result::<i64>(c)?,
            ))
        };
        app.block_on(app.app.database.read(look)).unwrap()
    };
    let before = (state(), app.visitor().get("/api/v1/events").expect(200).body);
    // Writes go on beside it.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(titles(&editor, "at=2040-01-01").len(), 2)));
        }
    });
    assert_eq!((state(), app.visitor().get("/api/v1/events").expect(200).body), before);
    assert_eq!(titles(&app.visitor(), ""), ["Ends", "Now"]);
}

fn link(client: &Client, body: &Value) -> Value {
    client.post("/api/v1/preview-links", body).expect(201).json()
}

#[apply(api_test)]
fn a_link_shows_one_item(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Anna"}));
    editor.create("events", &json!({"title": "E", "speakers": [{"speaker": "anna"}]}));
    let made = link(&editor, &json!({"collection": "events", "id": "e"}));
    let preview = format!("preview={}", made["token"].as_str().unwrap());
    let seen = public.get(&format!("/api/v1/events/e?{preview}")).expect(200);
    assert_eq!(seen.header("cache-control"), "private, no-store");
    // The speaker is a draft of its own, which this link does not open.
    assert_eq!((&seen.json()["title"], &seen.json()["speakers"]), (&json!("E"), &json!([])));
    // Nothing else, and no list.
    public.get(&format!("/api/v1/speakers/anna?{preview}")).problem(404, &[]);
    public.get(&format!("/api/v1/events?{preview}")).problem(400, &[("?preview", "one_item")]);
    public.get("/api/v1/events/e").problem(404, &[]);
    // It follows the text: a working draft too.
    let complete = json!({"operations": [
        {"collection": "events", "id": "e", "version": 1, "operation": "publish"},
        {"collection": "speakers", "id": "anna", "version": 1, "operation": "publish"},
    ]});
    editor.post("/api/v1/bulk", &complete).expect(200);
    editor.patch("/api/v1/events/e?view=draft", "\"v2\"", &json!({"title": "F"})).expect(200);
    let seen = public.get(&format!("/api/v1/events/e?include=speakers&{preview}")).expect(200).json();
    assert_eq!((&seen["title"], &seen["speakers"][0]["speaker"]["name"]), (&json!("F"), &json!("Anna")));
    assert_eq!(public.get("/api/v1/events/e").expect(200).json()["title"], "E");
}

#[apply(api_test)]
fn a_link_shows_the_site_at_a_moment(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    future(&editor);
    let made = link(&editor, &json!({"at": "2030-02-01T09:00"}));
    let preview = format!("preview={}", made["token"].as_str().unwrap());
    assert_eq!(titles(&public, &preview), ["Ends", "Then"]);
    public.get(&format!("/api/v1/events/then?{preview}")).expect(200);
    public.get(&format!("/api/v1/events/begins?{preview}")).problem(404, &[]);
    public.get(&format!("/api/v1/events?{preview}&status=any")).problem(400, &[("?status", "not_public")]);
    public.get(&format!("/api/v1/events?{preview}&view=draft")).problem(400, &[("?view", "not_public")]);
    public.get(&format!("/api/v1/events?{preview}&at=2040-01-01")).problem(400, &[("?at", "with_preview")]);
}

#[apply(api_test)]
fn links_end(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("events", &json!({"title": "E"}));
    let made = link(&editor, &json!({"collection": "events", "id": "e"}));
    let token = made["token"].as_str().unwrap();
    let path = |token: &str| format!("/api/v1/events/e?preview={token}");
    public.get(&path(token)).expect(200);
    let mut forged = token.to_owned();
    forged.replace_range(3..4, if &token[3..4] == "A" { "B" } else { "A" });
    public.get(&path(&forged)).problem(401, &[]);
    assert_eq!(editor.get("/api/v1/preview-links").expect(200).json()["data"][0]["id"], made["id"]);
    let own = format!("/api/v1/preview-links/{}", made["id"].as_str().unwrap());
    app.client(Role::Viewer).send("DELETE", &own, &[], b"").problem(403, &[]);
    app.client(Role::Contributor).send("DELETE", &own, &[], b"").problem(403, &[]);
    editor.send("DELETE", &own, &[], b"").expect(204);
    public.get(&path(token)).problem(401, &[]);
    editor.send("DELETE", &own, &[], b"").problem(404, &[]);
    let soon = in_ms(3_000);
    let made = link(&editor, &json!({"collection": "events", "id": "e", "expires_at": soon}));
    let token = made["token"].as_str().unwrap();
    public.get(&path(token)).expect(200);
    std::thread::sleep(std::time::Duration::from_millis(3_200));
    public.get(&path(token)).problem(401, &[]);
    let refused = |body: Value, fault| drop(editor.post("/api/v1/preview-links", &body).problem(422, &[fault]));
    refused(json!({}), ("", "required"));
    refused(json!({"id": "e"}), ("/collection", "required"));
    refused(json!({"collection": "events", "id": "nothing"}), ("/id", "dangling_reference"));
    refused(json!({"collection": "events", "id": "e", "at": "2040-01-01"}), ("/at", "with_item"));
    refused(json!({"at": "2040-01-01", "expires_at": "2040-01-01"}), ("/expires_at", "out_of_range"));
    refused(json!({"at": "2020-01-01"}), ("/at", "in_the_past"));
}

#[apply(api_test)]
fn the_public_sees_no_future(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    future(&editor);
    for path in ["events", "events/begins", "events/now"] {
        public.get(&format!("/api/v1/{path}?at=2040-01-01")).problem(400, &[("?at", "not_public")]);
        public.get(&format!("/api/v1/{path}?preview=x")).problem(401, &[]);
        public.get(&format!("/api/v1/{path}?preview=")).problem(401, &[]);
    }
    editor.get("/api/v1/events?at=2020-01-01").problem(400, &[("?at", "in_the_past")]);
    editor.get("/api/v1/events?at=tomorrow").problem(400, &[("?at", "not_a_time")]);
    app.client(Role::Viewer).get("/api/v1/events?at=2040-01-01").expect(200);
}

/// The page of an event is made of more than its JSON: the same link opens the rest, and nothing else.
#[apply(api_test)]
fn a_link_shows_its_item_in_all_forms(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let event = json!({"title": "Rivers", "starts_at": "2027-03-04T09:00", "ends_at": "2027-03-04T17:00"});
    editor.create("events", &event);
    let session = |title: &str, status: &str| {
        json!({"title": title, "event": "rivers", "starts_at": "2027-03-04T10:00", "ends_at": "2027-03-04T11:00",
            "room": "Hall", "status": status})
    };
    editor.create("sessions", &session("Opening", "published"));
    editor.create("sessions", &session("Unfinished", "draft"));
    let made = link(&editor, &json!({"collection": "events", "id": "rivers"}));
    let preview = format!("preview={}", made["token"].as_str().unwrap());
    let forms = ["json-ld", "calendar.ics", "schedule.json", "schedule.xml"];
    let read = |form: &str| public.get(&format!("/api/v1/events/rivers/{form}?{preview}"));
    for form in forms {
        public.get(&format!("/api/v1/events/rivers/{form}")).problem(404, &[]);
        let seen = read(form).expect(200);
        assert_eq!(seen.header("cache-control"), "private, no-store", "{form}");
        let text = String::from_utf8(seen.body).unwrap();
        assert!(text.contains("Rivers") && !text.contains("Unfinished"), "{form}: {text}");
        assert_eq!(text.contains("Opening"), form != "json-ld", "{form}: {text}");
        // An editor who opens the link sees what its other holders see.
        assert_eq!(editor.get(&format!("/api/v1/events/rivers/{form}?{preview}")).expect(200).body, read(form).body);
    }
    // Sessions are read where they are, with their public text; drafts are not.
    editor.patch("/api/v1/sessions/opening?view=draft", "\"v1\"", &json!({"title": "Rewritten"})).expect(200);
    let opening = public.get(&format!("/api/v1/sessions/opening?{preview}")).expect(200).json();
    assert_eq!((&opening["title"], &opening["event"]["slug"]), (&json!("Opening"), &json!("rivers")));
    public.get(&format!("/api/v1/sessions/unfinished?{preview}")).problem(404, &[]);
    // The newest text of the event is shown, and no other event.
    editor.act("/api/v1/events/rivers/publish", "\"v1\"").expect(200);
    editor.patch("/api/v1/events/rivers?view=draft", "\"v2\"", &json!({"title": "Streams"})).expect(200);
    editor.create("events", &json!({"title": "Other", "status": "published"}));
    for form in forms {
        assert!(String::from_utf8(read(form).expect(200).body).unwrap().contains("Streams"), "{form}");
        let open = public.get(&format!("/api/v1/events/rivers/{form}")).expect(200);
        assert!(String::from_utf8(open.body).unwrap().contains("Rivers"), "{form}");
        public.get(&format!("/api/v1/events/other/{form}?{preview}")).problem(404, &[]);
        public.get(&format!("/api/v1/events/nothing/{form}?{preview}")).problem(404, &[]);
    }
    public.get(&format!("/api/v1/events.ics?{preview}")).problem(400, &[("?preview", "one_item")]);
    editor.delete(&format!("/api/v1/preview-links/{}", made["id"].as_str().unwrap()), "").expect(204);
    read("json-ld").expect(401);
}
