//! The editors' desk: drafts beside what is public, review, scheduling, publication checks.

use std::time::Duration;

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::{in_ms, wait_for};

const EVENT: &str = "/api/v1/events/e";

fn publish(editor: &Client) -> Reply {
    editor.post("/api/v1/events", &json!({"title": "E", "status": "published"})).expect(201)
}

#[apply(api_test)]
fn a_working_draft_changes_nothing_in_public(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let made = publish(&editor);
    let before = public.get(EVENT).expect(200);
    let draft = editor
        .patch(&format!("{EVENT}?view=draft"), made.etag(), &json!({"title": "Better", "slug": "better"}))
        .expect(200);
    assert_eq!(
        (&draft.json()["title"], &draft.json()["slug"], &draft.json()["status"], &draft.json()["version"]),
        (&json!("Better"), &json!("better"), &json!("draft"), &json!(2))
    );
    let after = public.get(EVENT).expect(200);
    assert_eq!((after.etag(), &after.body), (before.etag(), &before.body));
    public.get("/api/v1/events/better").expect(404);
    public.get(&format!("{EVENT}?view=draft")).problem(400, &[("?view", "not_public")]);
    public.get("/api/v1/events?view=draft").problem(400, &[("?view", "not_public")]);
    // Editors see both, in lists as well.
    assert_eq!(editor.get(EVENT).expect(200).json()["title"], "E");
    assert_eq!(editor.get(&format!("{EVENT}?view=draft")).expect(200).json()["title"], "Better");
    let list = editor.get("/api/v1/events?view=draft&status=changed").expect(200).json();
    assert_eq!((&list["data"][0]["title"], list["data"].as_array().unwrap().len()), (&json!("Better"), 1));
    // The public text is not written while there is a draft: publishing that would undo it.
    editor.patch(EVENT, draft.etag(), &json!({"title": "X"})).problem(409, &[]);
    let again = editor.patch(&format!("{EVENT}?view=draft"), draft.etag(), &json!({"summary": "S"})).expect(200);
    let published = editor.act(&format!("{EVENT}/publish"), again.etag()).expect(200);
    assert_eq!((&published.json()["title"], &published.json()["version"]), (&json!("Better"), &json!(4)));
    let seen = public.get("/api/v1/events/better").expect(200).json();
    assert_eq!((&seen["title"], &seen["summary"]), (&json!("Better"), &json!("S")));
    assert_eq!(public.get(EVENT).expect(308).header("location"), "/api/v1/events/better");
    // Discarding leaves what is public.
    let path = "/api/v1/events/better";
    let draft = editor.patch(&format!("{path}?view=draft"), published.etag(), &json!({"title": "Worse"})).expect(200);
    let kept = editor.act(&format!("{path}/discard"), draft.etag()).expect(200);
    assert_eq!(kept.json()["title"], "Better");
    editor.act(&format!("{path}/discard"), kept.etag()).problem(409, &[]);
    // Taken off the site, it is a draft with the text that was public; its working draft stays beside it.
    let draft = editor.patch(&format!("{path}?view=draft"), kept.etag(), &json!({"title": "Newest"})).expect(200);
    let unpublished = editor.act(&format!("{path}/unpublish"), draft.etag()).expect(200);
    assert_eq!((&unpublished.json()["title"], &unpublished.json()["status"]), (&json!("Better"), &json!("draft")));
    public.get(path).expect(404);
    let newest = editor.get(&format!("{path}?view=draft")).expect(200);
    assert_eq!(newest.json()["title"], "Newest");
    editor.patch(path, unpublished.etag(), &json!({"title": "X"})).problem(409, &[]);
    let again = editor.patch(&format!("{path}?view=draft"), newest.etag(), &json!({"summary": "T"})).expect(200);
    assert_eq!(editor.act(&format!("{path}/publish"), again.etag()).expect(200).json()["title"], "Newest");
}

#[apply(api_test)]
fn a_working_draft_is_shown_with_its_own_ties(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for name in ["Anna", "Bert"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    let event = json!({"title": "E", "status": "published", "speakers": [{"speaker": "anna"}]});
    let made = editor.post("/api/v1/events", &event).expect(201);
    let change = json!({"speakers": [{"speaker": "bert", "role": "keynote"}]});
    editor.patch(&format!("{EVENT}?view=draft"), made.etag(), &change).expect(200);
    for query in ["", "&include=speakers", "&locale=nl", "&locale=*&include=speakers"] {
        let draft = editor.get(&format!("{EVENT}?view=draft{query}")).expect(200).json();
        assert_eq!(draft["speakers"][0]["role"], "keynote", "{query}");
        assert_eq!(draft["speakers"][0]["speaker"]["slug"], "bert", "{query}");
        let seen = public.get(&format!("{EVENT}?detail=full{query}"));
        if !query.contains('*') {
            assert_eq!(seen.expect(200).json()["speakers"][0]["speaker"]["slug"], "anna", "{query}");
        }
    }
}

#[apply(api_test)]
fn a_draft_is_reviewed(app: &TestApp) {
    let (author, editor) = (app.client(Role::Contributor), app.editor());
    let made = author.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    let submitted = author.act(&format!("{EVENT}/submit"), made.etag()).expect(200);
    assert_eq!(submitted.json()["status"], "in_review");
    assert_eq!(editor.get("/api/v1/events?status=in_review&count=exact").expect(200).json()["page"]["total"], 1);
    assert_eq!(editor.get("/api/v1/events?status=draft&count=exact").expect(200).json()["page"]["total"], 0);
    let withdrawn = author.act(&format!("{EVENT}/withdraw"), submitted.etag()).expect(200);
    assert_eq!(withdrawn.json()["status"], "draft");
    let submitted = author.act(&format!("{EVENT}/submit"), withdrawn.etag()).expect(200);
    author.act(&format!("{EVENT}/reject"), submitted.etag()).problem(403, &[]);
    let rejected = editor.act(&format!("{EVENT}/reject?reason=Too+short"), submitted.etag()).expect(200);
    assert_eq!(rejected.json()["status"], "draft");
    let history = author.get(&format!("{EVENT}/revisions")).expect(200).json();
    assert_eq!((&history["data"][0]["action"], &history["data"][0]["reason"]), (&json!("reject"), &json!("Too short")));
    let submitted = author.act(&format!("{EVENT}/submit"), rejected.etag()).expect(200);
    let published = editor.act(&format!("{EVENT}/publish"), submitted.etag()).expect(200);
    // A working draft is reviewed likewise, and nothing of it shows.
    let before = app.visitor().get(EVENT).expect(200);
    let draft = author.patch(&format!("{EVENT}?view=draft"), published.etag(), &json!({"title": "F"})).expect(200);
    let submitted = author.act(&format!("{EVENT}/submit?view=draft"), draft.etag()).expect(200);
    assert_eq!(submitted.json()["status"], "in_review");
    assert_eq!(app.visitor().get(EVENT).expect(200).body, before.body);
    editor.act(&format!("{EVENT}/publish"), submitted.etag()).expect(200);
    assert_eq!(app.visitor().get(EVENT).expect(200).json()["title"], "F");
}

#[apply(api_test)]
fn steps_want_the_right_state(app: &TestApp) {
    let editor = app.editor();
    let made = editor.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    for step in ["withdraw", "reject", "unpublish", "discard", "restore", "unschedule"] {
        editor.act(&format!("{EVENT}/{step}"), made.etag()).problem(409, &[]);
    }
    editor.act(&format!("{EVENT}/submit"), "\"v7\"").problem(412, &[]);
    editor.post(&format!("{EVENT}/submit"), &json!({})).problem(428, &[]);
    let archived = editor.act(&format!("{EVENT}/archive"), made.etag()).expect(200);
    editor.act(&format!("{EVENT}/archive"), archived.etag()).problem(409, &[]);
    let published = editor.act(&format!("{EVENT}/publish"), archived.etag()).expect(200);
    editor.act(&format!("{EVENT}/publish"), published.etag()).problem(409, &[]);
    editor.act(&format!("{EVENT}/submit"), published.etag()).problem(409, &[]);
    let gone = editor.delete(EVENT, published.etag()).expect(204);
    for step in ["publish", "archive", "unpublish", "submit"] {
        editor.act(&format!("{EVENT}/{step}"), gone.etag()).problem(409, &[]);
    }
    editor.act(&format!("{EVENT}/restore"), gone.etag()).expect(200);
}

#[apply(api_test)]
fn publication_names_what_is_missing(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| c.editorial.required_locales = vec!["nl".into()]);
    let editor = app.editor();
    let speaker = editor.post("/api/v1/speakers", &json!({"name": "Anna"})).expect(201);
    let event = json!({"title": "E", "summary": "S", "speakers": [{"speaker": "anna"}]});
    let made = editor.post("/api/v1/events", &event).expect(201);
    let missing =
        [("/title/nl", "untranslated"), ("/summary/nl", "untranslated"), ("/speakers/0/speaker", "not_published")];
    let later = json!({"publish_at": "2999-01-01T09:00"});
    editor.act(&format!("{EVENT}/publish"), made.etag()).problem(422, &missing);
    plan(&editor, EVENT, made.etag(), &later).problem(422, &missing);
    editor.patch(EVENT, made.etag(), &json!({"status": "published"})).problem(422, &missing);
    let published = json!({"title": "F", "status": "published", "speakers": [{"speaker": "anna"}]});
    editor.post("/api/v1/events", &published).problem(422, &[missing[0], missing[2]]);
    editor.act("/api/v1/speakers/anna/publish", speaker.etag()).expect(200);
    let translated = editor.patch(&format!("{EVENT}?locale=nl"), made.etag(), &json!({"title": "E", "summary": "S"}));
    editor.act(&format!("{EVENT}/publish"), translated.expect(200).etag()).expect(200);
    // What is public already is not checked again: a correction goes through.
    editor.act("/api/v1/speakers/anna/unpublish", "\"v2\"").expect(200);
    let seen = editor.get(EVENT).expect(200);
    editor.patch(EVENT, seen.etag(), &json!({"title": "Corrected"})).expect(200);
}

fn plan(client: &Client, path: &str, etag: &str, body: &Value) -> Reply {
    client.act_with(&format!("{path}/schedule"), etag, body)
}

#[apply(api_test)]
fn what_is_scheduled_happens_at_its_moment(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let made = editor.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    let body = json!({"publish_at": in_ms(1_500), "unpublish_at": in_ms(7_000)});
    let scheduled = plan(&editor, EVENT, made.etag(), &body).expect(200);
    assert_eq!(scheduled.json()["status"], "scheduled");
    assert_eq!(editor.get("/api/v1/events?status=scheduled&count=exact").expect(200).json()["page"]["total"], 1);
    public.get(EVENT).expect(404);
    wait_for("the publication", || public.get(EVENT).status == 200);
    let live = editor.get(EVENT).expect(200).json();
    let at = live["published_at"].as_str().unwrap();
    assert!(at >= body["publish_at"].as_str().unwrap(), "{at} is too early");
    wait_for("the end of it", || public.get(EVENT).status == 404);
    let history = editor.get(&format!("{EVENT}/revisions")).expect(200).json();
    let actions: Vec<&str> =
        history["data"].as_array().unwrap().iter().map(|r| r["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["unpublish", "publish", "schedule", "create"]);
    assert_eq!(history["data"][0]["request_id"], "schedule");
    assert_eq!(history["data"][0]["actor"], history["data"][3]["actor"]);
    // A working draft goes out at its moment too; and what is unscheduled does not.
    let seen = editor.get(EVENT).expect(200);
    let published = editor.act(&format!("{EVENT}/publish"), seen.etag()).expect(200);
    let draft = editor.patch(&format!("{EVENT}?view=draft"), published.etag(), &json!({"title": "F"})).expect(200);
    let scheduled = plan(&editor, EVENT, draft.etag(), &json!({"publish_at": in_ms(3_000)})).expect(200);
    let stopped = editor.act(&format!("{EVENT}/unschedule"), scheduled.etag()).expect(200);
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(public.get(EVENT).expect(200).json()["title"], "E");
    plan(&editor, EVENT, stopped.etag(), &json!({"publish_at": in_ms(1_000)})).expect(200);
    wait_for("the new text", || public.get(EVENT).expect(200).json()["title"] == "F");
}

#[apply(api_test)]
fn a_schedule_lies_ahead(app: &TestApp) {
    let editor = app.editor();
    let made = editor.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    let refused = |body: Value, faults: &[(&str, &str)]| {
        plan(&editor, EVENT, made.etag(), &body).problem(422, faults);
    };
    refused(json!({"publish_at": "2020-01-01T09:00"}), &[("/publish_at", "in_the_past")]);
    refused(json!({}), &[("", "required")]);
    refused(json!({"publish_at": "2999-02-01", "unpublish_at": "2999-01-01"}), &[("/unpublish_at", "before_start")]);
    refused(json!({"publish_at": "2030-03-31T02:30"}), &[("/publish_at", "nonexistent_time")]);
    refused(json!({"at": "2999-03-31"}), &[("/at", "unknown_field")]);
    plan(&editor, EVENT, made.etag(), &json!({"unpublish_at": "2999-01-01"})).problem(409, &[]);
    // Local times are those of the site.
    plan(&editor, EVENT, made.etag(), &json!({"publish_at": "2999-01-15T09:00"})).expect(200);
    // A contributor does not change what will be public.
    let contributor = app.client(Role::Contributor);
    contributor.patch(EVENT, "\"v2\"", &json!({"title": "X"})).problem(403, &[]);
    // What is planned already counts: the event would be public for good, although it is to be unpublished.
    let both = json!({"publish_at": "2999-01-15T09:00", "unpublish_at": "2999-02-01"});
    let both = plan(&editor, EVENT, "\"v2\"", &both).expect(200);
    let early = [("/unpublish_at", "before_start")];
    plan(&editor, EVENT, both.etag(), &json!({"publish_at": "2999-03-01"})).problem(422, &early);
    let entry =
        json!({"operation": "schedule", "collection": "events", "id": "e", "version": 3, "publish_at": "2999-03-01"});
    editor.post("/api/v1/batch", &json!({"entries": [entry]})).problem(422, &[("/entries/0", "before_start")]);
    let later = json!({"publish_at": "2999-03-01", "unpublish_at": "2999-04-01"});
    plan(&editor, EVENT, both.etag(), &later).expect(200);
}

#[apply(api_test)]
fn late_writes_learn_what_changed(app: &TestApp) {
    let editor = app.editor();
    let made = editor.post("/api/v1/events", &json!({"title": "E", "summary": "S"})).expect(201);
    editor.patch(EVENT, made.etag(), &json!({"summary": "T"})).expect(200);
    editor.patch(&format!("{EVENT}?locale=nl"), "\"v2\"", &json!({"title": "E-nl"})).expect(200);
    let problem = editor.patch(EVENT, made.etag(), &json!({"title": "F"})).problem(412, &[]);
    assert_eq!(problem["current"]["version"], 3);
    assert_eq!(problem["current"]["changed"], json!(["/summary"]));
    assert_eq!(problem["current"]["conflicts"], Value::Null);
    let problem = editor.patch(EVENT, made.etag(), &json!({"summary": "U"})).problem(412, &[]);
    assert_eq!(problem["current"]["conflicts"], json!(["/summary"]));
    let all = editor.patch(&format!("{EVENT}?locale=*"), made.etag(), &json!({"title": {"en": "F"}})).problem(412, &[]);
    assert_eq!(all["current"]["changed"], json!(["/title/nl", "/summary/en"]));
}

#[apply(api_test)]
fn late_writes_are_merged_on_wish(app: &TestApp) {
    let editor = app.editor();
    let event = json!({"title": "E", "summary": "S", "registration": {"capacity": 5, "url": "https://example.org/"}});
    let made = editor.post("/api/v1/events", &event).expect(201);
    editor.patch(EVENT, made.etag(), &json!({"summary": "T", "registration": {"capacity": 6}})).expect(200);
    let path = format!("{EVENT}?merge=auto");
    let merged = editor.patch(&path, made.etag(), &json!({"title": "F", "registration": {"url": null}})).expect(200);
    let merged = merged.json();
    assert_eq!((&merged["title"], &merged["summary"], &merged["version"]), (&json!("F"), &json!("T"), &json!(3)));
    assert_eq!((&merged["registration"]["capacity"], &merged["registration"]["url"]), (&json!(6), &Value::Null));
    // The same place, changed by both: nobody but an editor can decide.
    let problem = editor.patch(&path, made.etag(), &json!({"summary": "U", "kicker": "K"})).problem(412, &[]);
    assert_eq!(problem["current"]["conflicts"], json!(["/summary"]));
    // Both to the same value is no conflict.
    editor.patch(&path, made.etag(), &json!({"summary": "T", "kicker": "K"})).expect(200);
    // A whole replacement is merged by what it changes.
    let whole = json!({"title": "E", "summary": "S", "registration": {"capacity": 5, "url": "https://example.org/"}, "accessibility": "Ramp"});
    let merged = editor.put(&path, made.etag(), &whole).expect(200).json();
    assert_eq!((&merged["title"], &merged["accessibility"]), (&json!("F"), &json!("Ramp")));
    // Many at once, each another field: nothing is lost.
    let begun = editor.get(EVENT).expect(200);
    let fields = ["title", "kicker", "summary", "accessibility", "body"];
    std::thread::scope(|scope| {
        for field in fields {
            let (editor, path, etag) = (&editor, &path, begun.etag());
            scope.spawn(move || editor.patch(path, etag, &json!({field: format!("New {field}")})).expect(200));
        }
    });
    let end = editor.get(EVENT).expect(200).json();
    for field in fields {
        assert!(end[field].as_str().unwrap().contains(&format!("New {field}")), "{field}: {}", end[field]);
    }
}

#[apply(api_test)]
fn contributors_keep_to_their_own(app: &TestApp) {
    let (one, other, editor) = (app.client(Role::Contributor), app.client(Role::Contributor), app.editor());
    let made = one.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    other.patch(EVENT, made.etag(), &json!({"title": "F"})).problem(403, &[]);
    other.act(&format!("{EVENT}/submit"), made.etag()).problem(403, &[]);
    let changed = one.patch(EVENT, made.etag(), &json!({"title": "F"})).expect(200);
    let published = editor.act(&format!("{EVENT}/publish"), changed.etag()).expect(200);
    // Beside what is public, its author goes on writing; the public text is the editors'.
    one.patch(EVENT, published.etag(), &json!({"title": "G"})).problem(403, &[]);
    let draft = one.patch(&format!("{EVENT}?view=draft"), published.etag(), &json!({"title": "G"})).expect(200);
    other.patch(&format!("{EVENT}?view=draft"), draft.etag(), &json!({"title": "H"})).problem(403, &[]);
    one.act(&format!("{EVENT}/discard"), draft.etag()).expect(200);
}

#[apply(api_test)]
fn the_trash_is_purged(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna"}));
    editor.create("speakers", &json!({"name": "Bert"}));
    editor.create("events", &json!({"title": "E", "speakers": [{"speaker": "anna"}]}));
    editor.create("sessions", &json!({"title": "S", "event": "e"}));
    editor.trash("/api/v1/speakers/anna", "\"v1\"").expect(204);
    editor.trash("/api/v1/speakers/bert", "\"v1\"").expect(204);
    let purge =
        |days| app.block_on(plenary::editorial::trash_purge::run(&app.app.database, days)).map_err(|p| p.detail);
    assert_eq!(purge(1), Ok(0));
    // Anna is named by an event, and stays until that is gone.
    assert_eq!(purge(0), Ok(1));
    editor.get("/api/v1/speakers/bert").expect(404);
    editor.get("/api/v1/speakers?status=trashed&count=exact").expect(200);
    editor.delete(EVENT, "\"v1\"").expect(204);
    assert_eq!(purge(0), Ok(1));
    editor.get("/api/v1/sessions/s").expect(404);
    assert_eq!(purge(0), Ok(1));
    editor.create("speakers", &json!({"name": "Anna", "slug": "anna"}));
}

/// What is public or scheduled is the editors', by whatever request it would be changed.
#[apply(api_test)]
fn contributors_change_nothing_public_or_scheduled(app: &TestApp) {
    let (one, editor) = (app.client(Role::Contributor), app.editor());
    let ids = |ids: &[&str]| json!({"external_ids": ids});
    let path = format!("{EVENT}/external-ids");
    let made = one.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    one.put(&path, made.etag(), &ids(&["frab:1"])).expect(204);
    let named = editor.get(EVENT).expect(200);
    let scheduled = plan(&editor, EVENT, named.etag(), &json!({"publish_at": in_ms(3_600_000)})).expect(200);
    one.put(&path, scheduled.etag(), &ids(&["frab:2"])).problem(403, &[]);
    let published = editor.act(&format!("{EVENT}/publish"), scheduled.etag()).expect(200);
    one.put(&path, published.etag(), &ids(&["frab:2"])).problem(403, &[]);
    one.put(&path, published.etag(), &ids(&[])).problem(403, &[]);
    assert_eq!(editor.get(&format!("{EVENT}/desk")).expect(200).json()["external_ids"], json!(["frab:1"]));
    // The author of a working draft does not cancel its publication either.
    let draft = one.patch(&format!("{EVENT}?view=draft"), published.etag(), &json!({"title": "F"})).expect(200);
    let scheduled = plan(&editor, EVENT, draft.etag(), &json!({"publish_at": in_ms(3_600_000)})).expect(200);
    one.act(&format!("{EVENT}/discard"), scheduled.etag()).problem(403, &[]);
    assert!(editor.get(&format!("{EVENT}/desk")).expect(200).json()["publish_at"].is_string());
    let mine = |step: &str| {
        let desk = one.get(&format!("{EVENT}/desk")).expect(200).json();
        desk["operations"].as_array().unwrap().iter().any(|operation| operation == step)
    };
    assert!(!mine("discard"));
    let free = editor.act(&format!("{EVENT}/unschedule"), scheduled.etag()).expect(200);
    assert!(mine("discard"));
    one.act(&format!("{EVENT}/discard"), free.etag()).expect(200);
}

/// What a publication would be refused for now, its plan is refused for as well.
#[apply(api_test)]
fn what_cannot_be_published_is_not_scheduled(app: &TestApp) {
    let editor = app.editor();
    let later = json!({"publish_at": in_ms(3_600_000)});
    let redirect = |source: &str, target: &str, status: &str| {
        let destination = json!({"url": target});
        editor.post("/api/v1/redirects", &json!({"source": source, "destination": destination, "status": status}))
    };
    redirect("/here", "/there", "published").expect(201);
    let back = redirect("/there", "/here", "draft").expect(201);
    let path = format!("/api/v1/redirects/{}", back.json()["id"].as_str().unwrap());
    editor.act(&format!("{path}/publish"), back.etag()).problem(422, &[("/destination/url", "loop")]);
    plan(&editor, &path, back.etag(), &later).problem(422, &[("/destination/url", "loop")]);
    assert_eq!(editor.get(&path).expect(200).json()["version"], 1);
    // Two pages that want one address.
    let page = |title: &str| editor.post("/api/v1/pages", &json!({"title": title, "status": "published"})).expect(201);
    let path = |title: &str| format!("/api/v1/pages/{title}");
    for title in ["one", "two"] {
        let made = page(title);
        let segment = json!({"segment": "shared"});
        editor.patch(&format!("{}?view=draft", path(title)), made.etag(), &segment).expect(200);
    }
    let tag = |title: &str| editor.get(&format!("{}?view=draft", path(title))).expect(200).etag().to_owned();
    editor.act(&format!("{}/publish", path("one")), &tag("one")).expect(200);
    editor.act(&format!("{}/publish", path("two")), &tag("two")).problem(409, &[]);
    plan(&editor, &path("two"), &tag("two"), &later).problem(409, &[]);
    let desk = editor.get(&format!("{}/desk", path("two"))).expect(200).json();
    assert!(desk["publish_at"].is_null(), "{desk:#}");
}
