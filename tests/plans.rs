//! What a plan may break, which is nothing but itself: each failure of the clock, of releases and of steps, made on
//! purpose. Where the interface does not let a fault happen any more, it is put into the database by hand.

use diesel::connection::SimpleConnection;
use plenary::database::{DatabaseError, Db};
use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::client::{Client, Reply};
use crate::support::moments::{in_ms, wait_for};

/// Runs SQL on the database of the application.
fn sql(app: &TestApp, text: impl Into<String>) {
    let text = text.into();
    let run = move |c: &mut Db| Ok::<_, DatabaseError>(c.batch_execute(&text)?);
    app.block_on(app.app.database.write(run)).expect("the statements run");
}

/// Lets every write of this table fail for which the condition holds, until [`heal`].
fn sabotage(app: &TestApp, event: &str, table: &str, condition: &str) {
    match app.backend {
        Backend::Sqlite => sql(
            app,
            format!(
                "CREATE TRIGGER sabotage BEFORE {event} ON {table} WHEN {condition} \
                 BEGIN SELECT RAISE(ABORT, 'sabotage'); END"
            ),
        ),
        Backend::Postgres(_) => sql(
            app,
            format!(
                "CREATE FUNCTION sabotage() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'sabotage'; END $$ \
                 LANGUAGE plpgsql; \
                 CREATE TRIGGER sabotage BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition}) \
                 EXECUTE FUNCTION sabotage()"
            ),
        ),
    }
}

fn heal(app: &TestApp, table: &str) {
    match app.backend {
        Backend::Sqlite => sql(app, "DROP TRIGGER sabotage"),
        Backend::Postgres(_) => sql(app, format!("DROP TRIGGER sabotage ON {table}; DROP FUNCTION sabotage()")),
    }
}

/// Lets all that is planned be due now, in the order of its moments.
fn all_is_due(app: &TestApp) {
    sql(
        app,
        "UPDATE schedules SET due_at = due_at / 1000000; \
         UPDATE releases SET due_at = due_at / 1000000 WHERE status = 'scheduled'",
    );
}

fn id(item: &Value) -> String {
    item["id"].as_str().unwrap().to_owned()
}

fn status(client: &Client, path: &str) -> u16 {
    client.get(&format!("/api/v1/{path}")).status
}

fn desk(editor: &Client, path: &str) -> Value {
    editor.get(&format!("/api/v1/{path}/desk")).expect(200).json()
}

fn act(editor: &Client, path: &str, step: &str) -> Reply {
    let etag = desk(editor, path)["etag"].as_str().unwrap().to_owned();
    editor.act(&format!("/api/v1/{path}/{step}"), &etag)
}

fn plan(editor: &Client, path: &str, body: &Value) -> Reply {
    let etag = desk(editor, path)["etag"].as_str().unwrap().to_owned();
    editor.act_with(&format!("/api/v1/{path}/schedule"), &etag, body)
}

fn redraft(editor: &Client, path: &str, body: &Value) -> Reply {
    let etag = desk(editor, path)["etag"].as_str().unwrap().to_owned();
    editor.patch(&format!("/api/v1/{path}?view=draft"), &etag, body)
}

/// The comments that Plenary itself made.
fn told(editor: &Client, path: &str) -> Vec<String> {
    let comments = editor.get(&format!("/api/v1/{path}/comments")).expect(200).json();
    let own = comments["data"].as_array().unwrap().iter().filter(|comment| comment["author"].is_null());
    own.map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
}

fn last_action(editor: &Client, path: &str) -> Value {
    editor.get(&format!("/api/v1/{path}/revisions")).expect(200).json()["data"][0]["action"].clone()
}

/// A working draft that names an event that is gone, as an earlier version of Plenary let it come about.
fn draft_that_names_nobody(app: &TestApp, editor: &Client) {
    let gone = id(&editor.create("events", &json!({"title": "Gone"})));
    editor.create("events", &json!({"title": "E", "status": "published"}));
    redraft(editor, "events/e", &json!({"title": "New", "related": ["gone"]})).expect(200);
    sql(app, format!("DELETE FROM draft_links; DELETE FROM items WHERE id = '{gone}'"));
}

#[apply(api_test)]
fn a_plan_that_fails_harms_no_other(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for title in ["A", "B", "Before", "After", "R"] {
        editor.create("events", &json!({"title": title}));
    }
    let broken = id(&editor.get("/api/v1/events/b").expect(200).json());
    editor.create("events", &json!({"title": "Down", "status": "published"}));
    plan(&editor, "events/before", &json!({"publish_at": "2090-01-01"})).expect(200);
    for (path, at) in [("a", "2090-01-02"), ("b", "2090-01-03"), ("after", "2090-01-05")] {
        plan(&editor, &format!("events/{path}"), &json!({"publish_at": at})).expect(200);
    }
    plan(&editor, "events/down", &json!({"unpublish_at": "2090-01-06"})).expect(200);
    let items = json!([{"collection": "events", "id": "r"}]);
    let release = json!({"name": "R", "publish_at": "2090-01-04", "items": items});
    let release = editor.post("/api/v1/releases", &release).expect(201).header("location").to_owned();
    // One is refused by the rules, one fails within the database.
    let refused = id(&editor.get("/api/v1/events/a").expect(200).json());
    sql(app, format!("UPDATE items SET trashed_at = 1 WHERE id = '{refused}'"));
    sabotage(app, "UPDATE", "items", &format!("NEW.id = '{broken}' AND NEW.status = 'published'"));
    all_is_due(app);
    wait_for("the last plan", || status(&public, "events/down") == 404);
    for path in ["events/before", "events/after", "events/r"] {
        assert_eq!(status(&public, path), 200, "{path}");
    }
    assert_eq!(editor.get(&release).expect(200).json()["status"], "published");
    for path in ["events/a", "events/b"] {
        assert_eq!(status(&public, path), 404, "{path}");
        assert_eq!(
            (desk(&editor, path)["stage"].clone(), last_action(&editor, path)),
            (json!("draft"), json!("schedule_failed"))
        );
        assert_eq!((told(&editor, path).len(), &desk(&editor, path)["publish_at"]), (1, &Value::Null), "{path}");
    }
    // What went wrong inside is for the log, not for the comment.
    assert!(!told(&editor, "events/b")[0].contains("sabotage"));
    heal(app, "items");
    act(&editor, "events/b", "publish").expect(200);
}

#[apply(api_test)]
fn what_cannot_be_written_down_stops_nothing(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Anna"}));
    let e = id(&editor.create("events", &json!({"title": "E"})));
    editor.create("events", &json!({"title": "F"}));
    plan(&editor, "events/e", &json!({"publish_at": "2090-01-01"})).expect(200);
    plan(&editor, "events/f", &json!({"publish_at": "2090-01-02"})).expect(200);
    sql(app, format!("UPDATE items SET trashed_at = 1 WHERE id = '{e}'"));
    sabotage(app, "INSERT", "comments", &format!("NEW.item_id = '{e}'"));
    all_is_due(app);
    wait_for("the next plan", || status(&public, "events/f") == 200);
    // Nothing of it happened, and it is a plan still; and the clock goes on.
    assert!(desk(&editor, "events/e")["publish_at"].is_string());
    editor.create("events", &json!({"title": "G"}));
    plan(&editor, "events/g", &json!({"publish_at": in_ms(2_000)})).expect(200);
    wait_for("the plan after it", || status(&public, "events/g") == 200);
    heal(app, "comments");
    wait_for("the news of it", || !told(&editor, "events/e").is_empty());
    assert_eq!(desk(&editor, "events/e")["publish_at"], Value::Null);
}

#[apply(api_test)]
fn a_fault_of_ours_does_not_keep_an_item_public(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let e = id(&editor.create("events", &json!({"title": "E", "status": "published"})));
    editor.create("events", &json!({"title": "F", "status": "published"}));
    plan(&editor, "events/e", &json!({"unpublish_at": "2090-01-01"})).expect(200);
    plan(&editor, "events/f", &json!({"unpublish_at": "2090-01-02"})).expect(200);
    sabotage(app, "UPDATE", "items", &format!("NEW.id = '{e}'"));
    all_is_due(app);
    wait_for("the other one", || status(&public, "events/f") == 404);
    assert_eq!(status(&public, "events/e"), 200);
    heal(app, "items");
    wait_for("the end of it", || status(&public, "events/e") == 404);
    assert_eq!(last_action(&editor, "events/e"), "unpublish");
}

/// Two topics whose working drafts each want to stand below the other.
fn circle(editor: &Client) {
    for name in ["One", "Two"] {
        editor.create("topics", &json!({"name": name, "status": "published"}));
    }
    redraft(editor, "topics/one", &json!({"name": "New", "parent": "two", "slug": "new-one"})).expect(200);
    redraft(editor, "topics/two", &json!({"name": "New", "parent": "one", "slug": "new-two"})).expect(200);
}

#[apply(api_test)]
fn a_refused_publication_leaves_the_draft(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    circle(&editor);
    let unchanged = |detail: &str| {
        let seen = editor.get("/api/v1/topics/two?view=draft").expect(200).json();
        assert_eq!((&seen["name"], &seen["slug"]), (&json!("New"), &json!("new-two")), "{detail}");
        assert_eq!(public.get("/api/v1/topics/two").expect(200).json()["name"], "Two", "{detail}");
        assert_eq!(status(&public, "topics/new-two"), 404, "{detail}");
        assert_eq!(desk(&editor, "topics/two")["working_draft"]["slug"], "new-two", "{detail}");
    };
    plan(&editor, "topics/two", &json!({"publish_at": "2090-01-01"})).expect(200);
    act(&editor, "topics/one", "publish").expect(200);
    unchanged("when it came to be refused");
    // Asked.
    act(&editor, "topics/two", "publish").problem(422, &[("/parent", "circle")]);
    unchanged("asked");
    // In bulk, beside a step that is taken.
    editor.create("topics", &json!({"name": "Three"}));
    let version = desk(&editor, "topics/two")["version"].clone();
    let steps = json!([
        {"collection": "topics", "id": "two", "version": version, "operation": "publish"},
        {"collection": "topics", "id": "three", "version": 1, "operation": "publish"},
    ]);
    let done = editor.post("/api/v1/bulk", &json!({"mode": "each", "operations": steps})).expect(200).json();
    assert_eq!((&done["results"][0]["status"], &done["results"][1]["status"]), (&json!(422), &json!(200)));
    unchanged("in bulk");
    editor.post("/api/v1/bulk", &json!({"operations": steps})).problem(422, &[("/operations/0", "circle")]);
    // By the clock.
    all_is_due(app);
    wait_for("the news of it", || !told(&editor, "topics/two").is_empty());
    unchanged("by the clock");
    assert_eq!(desk(&editor, "topics/two")["stage"], "draft");
    // In a release, and planned: told at once.
    let items = json!([{"collection": "topics", "id": "two"}]);
    let release = json!({"name": "R", "items": items});
    let made = editor.post("/api/v1/releases", &release).expect(201);
    editor.act(&format!("{}/publish", made.header("location")), made.etag()).problem(422, &[("/items/0", "circle")]);
    unchanged("in a release");
    plan(&editor, "topics/two", &json!({"publish_at": "2090-01-01"})).problem(422, &[("/parent", "circle")]);
    // It can still be written, and discarded.
    redraft(&editor, "topics/two", &json!({"parent": null})).expect(200);
    act(&editor, "topics/two", "publish").expect(200);
    assert_eq!(status(&public, "topics/new-two"), 200);
}

#[apply(api_test)]
fn taking_down_depends_on_nothing_unpublished(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    // A slug that somebody else has.
    editor.create("events", &json!({"title": "S", "status": "published"}));
    redraft(&editor, "events/s", &json!({"title": "New", "slug": "wanted"})).expect(200);
    sql(app, "DELETE FROM slugs WHERE locale = 'draft'");
    editor.create("events", &json!({"title": "Other", "slug": "wanted"}));
    // Something that is gone; a circle.
    draft_that_names_nobody(app, &editor);
    circle(&editor);
    act(&editor, "topics/one", "publish").expect(200);
    let paths = ["events/s", "events/e", "topics/two"];
    for path in paths {
        plan(&editor, path, &json!({"unpublish_at": "2090-01-01"})).expect(200);
    }
    all_is_due(app);
    for path in paths {
        wait_for("the end of it", || status(&public, path) == 404);
        let state = desk(&editor, path);
        assert_eq!((&state["status"], &state["live"]), (&json!("draft"), &json!(false)), "{path}");
        // Nothing is lost: the text that was public, and the working draft, which is what is written and published.
        let new = editor.get(&format!("/api/v1/{path}?view=draft")).expect(200).json();
        assert!(new["title"] == "New" || new["name"] == "New", "{path}: {new}");
        let old = editor.get(&format!("/api/v1/{path}")).expect(200);
        assert!(old.json()["title"] != "New" && old.json()["name"] != "New", "{path}");
        editor
            .patch(&format!("/api/v1/{path}"), state["etag"].as_str().unwrap(), &json!({"slug": "x"}))
            .problem(409, &[]);
        assert_eq!(last_action(&editor, path), "unpublish");
        assert_eq!(act(&editor, path, "archive").expect(200).json()["status"], "archived");
        assert_eq!(act(&editor, path, "unpublish").expect(200).json()["status"], "draft");
        let etag = desk(&editor, path)["etag"].as_str().unwrap().to_owned();
        let gone = editor.trash(&format!("/api/v1/{path}"), &etag).expect(204);
        editor.act(&format!("/api/v1/{path}/restore"), gone.etag()).expect(200);
        assert!(desk(&editor, path)["working_draft"].is_object(), "{path}");
    }
    // What stands against the publication is told.
    act(&editor, "events/s", "publish").problem(409, &[("/slug", "taken")]);
    act(&editor, "events/e", "publish").problem(422, &[("/related/0", "dangling_reference")]);
    redraft(&editor, "events/e", &json!({"related": []})).expect(200);
    let live = act(&editor, "events/e", "publish").expect(200).json();
    assert_eq!((&live["title"], &live["status"]), (&json!("New"), &json!("published")));
    // Without the draft it is what was public.
    act(&editor, "events/s", "discard").expect(200);
    assert_eq!(act(&editor, "events/s", "publish").expect(200).json()["title"], "S");
}

#[apply(api_test)]
fn the_slug_of_a_working_draft_is_reserved(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("events", &json!({"title": "E", "status": "published"}));
    redraft(&editor, "events/e", &json!({"slug": "wanted"})).expect(200);
    // The public learns nothing of it.
    assert_eq!(status(&public, "events/wanted"), 404);
    editor.post("/api/v1/events", &json!({"title": "X", "slug": "wanted"})).problem(409, &[("/slug", "taken")]);
    assert_eq!(editor.create("events", &json!({"title": "Wanted"}))["slug"], "wanted-2");
    editor.create("events", &json!({"title": "F", "status": "published"}));
    redraft(&editor, "events/f", &json!({"slug": "wanted"})).problem(409, &[("/slug", "taken")]);
    editor.create("topics", &json!({"name": "Another kind", "slug": "wanted"}));
    // It is free again with another wish, or without the draft.
    redraft(&editor, "events/e", &json!({"slug": "better"})).expect(200);
    redraft(&editor, "events/f", &json!({"slug": "wanted"})).expect(200);
    act(&editor, "events/f", "discard").expect(200);
    redraft(&editor, "events/e", &json!({"slug": "wanted"})).expect(200);
    act(&editor, "events/e", "publish").expect(200);
    assert_eq!(status(&public, "events/wanted"), 200);
    assert_eq!(public.get("/api/v1/events/e").expect(308).header("location"), "/api/v1/events/wanted");
}

#[apply(api_test)]
fn a_release_names_what_stood_against_it(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let made: Vec<String> =
        ["A", "B", "C"].iter().map(|title| id(&editor.create("events", &json!({"title": title})))).collect();
    let items: Vec<Value> = made.iter().map(|id| json!({"collection": "events", "id": id})).collect();
    let release = json!({"name": "R", "publish_at": "2090-01-01", "items": items});
    let release = editor.post("/api/v1/releases", &release).expect(201).header("location").to_owned();
    // What is done already is left out, and the others keep their places.
    act(&editor, "events/a", "publish").expect(200);
    let etag = desk(&editor, "events/c")["etag"].as_str().unwrap().to_owned();
    editor.trash("/api/v1/events/c", &etag).expect(204);
    all_is_due(app);
    wait_for("the failure", || editor.get(&release).expect(200).json()["status"] == "failed");
    let failure = editor.get(&release).expect(200).json()["failure"].as_str().unwrap().to_owned();
    assert!(failure.contains("/items/2") && !failure.contains("/items/1"), "{failure}");
    assert_eq!((told(&editor, "events/c").len(), told(&editor, "events/b").len()), (1, 0));
    assert_eq!(status(&public, "events/b"), 404);
}

#[apply(api_test)]
fn the_purge_spares_what_is_named(app: &TestApp) {
    let editor = app.editor();
    for name in ["Drafted", "Released", "Nobody"] {
        editor.create("speakers", &json!({"name": name}));
    }
    editor.create("events", &json!({"title": "E", "status": "published"}));
    redraft(&editor, "events/e", &json!({"speakers": [{"speaker": "drafted", "role": "keynote"}]})).expect(200);
    let items = json!([{"collection": "speakers", "id": "released"}]);
    let release = editor.post("/api/v1/releases", &json!({"name": "R", "items": items})).expect(201);
    for name in ["drafted", "released", "nobody"] {
        editor.trash(&format!("/api/v1/speakers/{name}"), "\"v1\"").expect(204);
    }
    let purge = || app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail);
    assert_eq!(purge(), Ok(1));
    editor.get("/api/v1/speakers/nobody").expect(404);
    // The publication says what it lacks; nothing fails inside.
    act(&editor, "events/e", "publish").problem(422, &[("/speakers/0/speaker", "not_published")]);
    redraft(&editor, "events/e", &json!({"speakers": []})).expect(200);
    assert_eq!(purge(), Ok(1));
    editor.get("/api/v1/speakers/drafted").expect(404);
    editor.delete(release.header("location"), release.etag()).expect(204);
    assert_eq!(purge(), Ok(1));
}

#[apply(api_test)]
fn every_step_counts_the_version(app: &TestApp) {
    let (one, other, public) = (app.editor(), app.editor(), app.visitor());
    one.create("events", &json!({"title": "E", "status": "published"}));
    let path = "/api/v1/events/e";
    let seen = one.get(path).expect(200);
    let updated_at = seen.json()["updated_at"].clone();
    let planned = |client: &Client, etag: &str, at: &str| {
        client.act_with(&format!("{path}/schedule"), etag, &json!({"unpublish_at": at}))
    };
    let first = planned(&one, seen.etag(), "2090-01-01").expect(200);
    let until = desk(&one, "events/e")["unpublish_at"].clone();
    let current = planned(&other, seen.etag(), "2091-01-01").problem(412, &[]);
    assert_eq!(current["current"]["etag"], "\"v2\"");
    assert_eq!(desk(&one, "events/e")["unpublish_at"], until);
    other.act(&format!("{path}/unschedule"), seen.etag()).problem(412, &[]);
    let stopped = other.act(&format!("{path}/unschedule"), first.etag()).expect(200);
    one.act(&format!("{path}/unschedule"), first.etag()).problem(412, &[]);
    planned(&one, first.etag(), "2090-01-01").problem(412, &[]);
    // The tag that a read gives is the one that the next write wants; when the text was written stays.
    let again = one.get(path).expect(200);
    assert_eq!((again.etag(), &again.json()["updated_at"]), (stopped.etag(), &updated_at));
    planned(&one, again.etag(), "2090-01-01").expect(200);
    assert_eq!(public.get(path).expect(200).json()["updated_at"], updated_at);
    // With a working draft it is the draft's version that grows; the public answer stays as it is, byte for byte.
    let draft = redraft(&one, "events/e", &json!({"title": "F"})).expect(200);
    let before = public.get(path).expect(200);
    let first = planned(&one, draft.etag(), "2090-02-01").expect(200);
    planned(&other, draft.etag(), "2091-02-01").problem(412, &[]);
    let after = public.get(path).expect(200);
    assert_eq!((after.etag(), &after.body), (before.etag(), &before.body));
    // A late text is joined with what was planned meanwhile.
    one.patch(&format!("{path}?view=draft&merge=auto"), draft.etag(), &json!({"summary": "S"})).expect(200);
    one.act(&format!("{path}/unschedule"), first.etag()).problem(412, &[]);
}
