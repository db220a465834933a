//! The history of items: revisions, differences, and the way back.

use plenary::auth::permissions::Role;
use plenary::database::compressed_text::decompress;
use plenary::journal::snapshot;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

const EVENT: &str = "/api/v1/events/e";

/// An event with five versions.
fn written(editor: &Client) {
    editor.create("events", &json!({"title": "E"}));
    editor.patch(EVENT, "\"v1\"", &json!({"summary": "S"})).expect(200);
    editor.patch(&format!("{EVENT}?locale=nl&reason=Translated"), "\"v2\"", &json!({"title": "E-nl"})).expect(200);
    editor.act(&format!("{EVENT}/publish"), "\"v3\"").expect(200);
    let change = json!({"title": "F", "body": "**Bold**"});
    editor.patch(&format!("{EVENT}?view=draft"), "\"v4\"", &change).expect(200);
}

#[apply(api_test)]
fn every_write_is_a_revision(app: &TestApp) {
    let editor = app.editor();
    written(&editor);
    let page = editor.get(&format!("{EVENT}/revisions?limit=3")).expect(200).json();
    let told = |page: &Value| -> Vec<(i64, String)> {
        let list = page["data"].as_array().unwrap();
        list.iter().map(|r| (r["version"].as_i64().unwrap(), r["action"].as_str().unwrap().to_owned())).collect()
    };
    assert_eq!(told(&page), [(5, "update_draft".into()), (4, "publish".into()), (3, "update".into())]);
    assert_eq!(page["data"][2]["reason"], "Translated");
    assert_eq!(page["data"][2]["changed"], json!(["/title/nl"]));
    assert_eq!(page["data"][0]["changed"], json!(["/title/en", "/body"]));
    assert_eq!(page["data"][0]["actor"]["name"], "A Tester");
    let rest = editor.get(&format!("{EVENT}/revisions?limit=3&before={}", page["next"])).expect(200).json();
    assert_eq!(told(&rest), [(2, "update".into()), (1, "create".into())]);
    assert_eq!(rest["next"], Value::Null);
    let one = editor.get(&format!("{EVENT}/revisions/5")).expect(200).json();
    assert_eq!((&one["working_draft"], &one["status"]), (&json!(true), &json!("draft")));
    assert_eq!(one["content"]["title"], json!({"en": "F", "nl": "E-nl"}));
    assert_eq!(one["content"]["body"]["en"]["source"], "**Bold**");
    let one = editor.get(&format!("{EVENT}/revisions/4")).expect(200).json();
    assert_eq!((&one["working_draft"], &one["status"]), (&json!(false), &json!("published")));
    editor.get(&format!("{EVENT}/revisions/6")).problem(404, &[]);
    editor.get(&format!("{EVENT}/revisions/x")).problem(404, &[]);
    editor.get(&format!("{EVENT}/revisions?before=0")).problem(400, &[("?before", "out_of_range")]);
}

#[apply(api_test)]
fn differences_are_told_by_language(app: &TestApp) {
    let editor = app.editor();
    written(&editor);
    let last = editor.get(&format!("{EVENT}/revisions/3/diff")).expect(200).json();
    assert_eq!(last["differences"], json!([{"pointer": "/title/nl", "before": null, "after": "E-nl"}]));
    let all = editor.get(&format!("{EVENT}/revisions/5/diff?against=2")).expect(200).json();
    assert_eq!((&all["older"], &all["newer"]), (&json!(2), &json!(5)));
    let pointers: Vec<&str> =
        all["differences"].as_array().unwrap().iter().map(|d| d["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/title/en", "/title/nl", "/body"]);
    let first = editor.get(&format!("{EVENT}/revisions/1/diff")).expect(200).json();
    assert_eq!(first["older"], 0);
    assert!(first["differences"].as_array().unwrap().iter().any(|d| d["pointer"] == "/title" && d["before"].is_null()));
}

#[apply(api_test)]
fn every_past_revision_can_be_restored(app: &TestApp) {
    let editor = app.editor();
    written(&editor);
    let discarded = editor.act(&format!("{EVENT}/discard"), "\"v5\"").expect(200);
    let mut etag = discarded.etag().to_owned();
    for version in 1..=6 {
        let then = editor.get(&format!("{EVENT}/revisions/{version}")).expect(200).json();
        let back = editor.act(&format!("{EVENT}/revisions/{version}/restore"), &etag).expect(200);
        let now = editor.get(&format!("{EVENT}/revisions/{}", back.json()["version"])).expect(200).json();
        assert_eq!(now["content"], then["content"], "version {version}");
        assert_eq!(now["reason"], format!("restored from version {version}"));
        etag = back.etag().to_owned();
    }
    // Into a working draft, and never over somebody else's write.
    editor.act(&format!("{EVENT}/revisions/5/restore?view=draft"), "\"v1\"").problem(412, &[]);
    let draft = editor.act(&format!("{EVENT}/revisions/5/restore?view=draft"), &etag).expect(200);
    assert_eq!(draft.json()["title"], "F");
    assert_eq!(app.visitor().get(EVENT).expect(200).json()["title"], "E");
}

/// Every item equals what the journal says of its last version.
#[apply(api_test)]
fn the_journal_rebuilds_every_item(app: &TestApp) {
    use diesel::prelude::*;
    use plenary::database::schema::{drafts, items, journal};
    let editor = app.editor();
    written(&editor);
    editor.create("topics", &json!({"name": "T"}));
    editor.act("/api/v1/topics/t/submit", "\"v1\"").expect(200);
    editor.create("partners", &json!({"name": "P", "status": "published"}));
    editor.trash("/api/v1/partners/p", "\"v1\"").expect(204);
    type Stored = (String, String, String, String, i64, i64, i64, Vec<u8>, String, Option<(String, String)>);
    let compare = |c: &mut plenary::database::Db| {
        let rows: Vec<Stored> = items::table
            .left_join(drafts::table)
            .select((
                items::id,
                items::slug,
                items::status,
                items::stage,
                items::published_at,
                items::shown_at,
                items::trashed_at,
                items::content,
                items::translations,
                (drafts::slug, drafts::content).nullable(),
            ))
            .load(c)?;
        for (id, slug, status, stage, published_at, shown_at, trashed_at, content, translations, draft) in &rows {
            let last: Vec<u8> = journal::table
                .filter(journal::item_id.eq(id))
                .order(journal::sequence.desc())
                .select(journal::snapshot)
                .first(c)?;
            let mut told: Value = serde_json::from_str(&snapshot::read(&last).unwrap()).unwrap();
            // Whether it was public follows from this and from the item under which it is filed.
            told.as_object_mut().unwrap().shift_remove("live");
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            let draft =
                draft.as_ref().map_or(Value::Null, |(slug, content)| json!({"slug": slug, "content": parsed(content)}));
            let item = json!({
                "slug": slug, "status": status, "stage": stage, "published_at": published_at,
                "shown_at": shown_at, "trashed_at": trashed_at, "translations": parsed(translations),
                "draft": draft, "content": parsed(&decompress(content).unwrap()),
            });
            assert_eq!(told, item);
        }
        Ok::<_, plenary::database::DatabaseError>(rows.len())
    };
    assert_eq!(app.block_on(app.app.database.read(compare)).unwrap(), 3);
}

#[apply(api_test)]
fn history_is_for_those_who_may_read(app: &TestApp) {
    written(&app.editor());
    for path in ["revisions", "revisions/1", "revisions/1/diff"] {
        app.visitor().get(&format!("{EVENT}/{path}")).problem(401, &[]);
        app.client(Role::Viewer).get(&format!("{EVENT}/{path}")).expect(200);
    }
    app.client(Role::Viewer).act(&format!("{EVENT}/revisions/1/restore"), "\"v5\"").problem(403, &[]);
}
