//! Merges of items that stand for the same: what moves, what stays, who may, and the way back.

use std::collections::BTreeSet;

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

pub fn version(client: &Client, path: &str) -> String {
    client.get(&format!("/api/v1/{path}/desk")).expect(200).etag().to_owned()
}

/// Merges items into one, at its present version.
pub fn merge(client: &Client, path: &str, from: &[&str]) -> Reply {
    let etag = version(client, path);
    client.act_with(&format!("/api/v1/{path}/merge"), &etag, &json!({"from": from}))
}

pub fn unmerge(client: &Client, path: &str) -> Reply {
    client.act(&format!("/api/v1/{path}/unmerge"), &version(client, path))
}

pub fn id(item: &Value) -> &str {
    item["id"].as_str().unwrap()
}

/// Returns what a result says of references: collection, slug, field, whether it is a working draft, outcome.
fn outcomes(result: &Value) -> BTreeSet<(String, String, String, bool, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = result["references"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let item = &entry["item"];
            let is_draft = entry["working_draft"].as_bool().unwrap();
            (
                text(&item["collection"]),
                text(&item["slug"]),
                text(&entry["relation"]),
                is_draft,
                text(&entry["outcome"]),
            )
        })
        .collect()
}

/// Returns the speakers of an item with their roles.
pub fn speakers(client: &Client, path: &str) -> Vec<(String, String)> {
    let item = client.get(&format!("/api/v1/{path}")).expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = item["speakers"].as_array().unwrap().iter();
    entries.map(|entry| (text(&entry["speaker"]["slug"]), text(&entry["role"]))).collect()
}

pub fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(slug, role)| ((*slug).to_owned(), (*role).to_owned())).collect()
}

/// Two speakers who are one, a third one, and what refers to them: an event with a working draft, a session with both, and
/// one in the trash.
fn fill(editor: &Client) -> (Value, Value) {
    let anna = editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let double = json!({"name": "Anna J.", "slug": "anna-old", "slugs": {"nl": "anna-twee"}, "status": "published",
        "biography": "Only here."});
    let double = editor.create("speakers", &double);
    editor.patch("/api/v1/speakers/anna-old", "\"v1\"", &json!({"slug": "anna-2"})).expect(200);
    editor.create("speakers", &json!({"name": "Bo", "status": "published"}));
    let event = json!({"title": "Rivers", "status": "published", "speakers": [
        {"speaker": "anna-2", "role": "keynote", "affiliation": "Delta"}, {"speaker": "bo", "role": "host"}]});
    editor.create("events", &event);
    let draft =
        json!({"speakers": [{"speaker": "bo"}, {"speaker": "anna-2"}, {"speaker": "anna", "role": "moderator"}]});
    editor.patch("/api/v1/events/rivers?view=draft", "\"v1\"", &draft).expect(200);
    let session = json!({"title": "Opening", "event": "rivers", "status": "published", "speakers": [
        {"speaker": "anna"}, {"speaker": "bo", "role": "host"}, {"speaker": "anna-2", "role": "keynote"}]});
    editor.create("sessions", &session);
    let dropped = json!({"title": "Dropped", "event": "rivers", "speakers": [{"speaker": "anna-2"}]});
    editor.create("sessions", &dropped);
    editor.delete("/api/v1/sessions/dropped", "\"v1\"").expect(204);
    (anna, double)
}

#[apply(api_test)]
fn all_references_lead_to_the_item_that_stays(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let (anna, double) = fill(&editor);
    let since = public.get("/api/v1/changes").expect(200).json()["next"].as_str().unwrap().to_owned();
    // A response that is cached shows the item as it was.
    assert_eq!(speakers(&public, "events/rivers"), pairs(&[("anna-2", "keynote"), ("bo", "host")]));
    let merged = merge(&editor, "speakers/anna", &["anna-2"]).expect(200);
    assert_eq!(merged.etag(), version(&editor, "speakers/anna"));
    let merged = merged.json();
    assert_eq!((&merged["item"]["id"], &merged["left"]), (&anna["id"], &json!([])));
    let tie = |collection: &str, slug: &str, is_draft: bool, outcome: &str| {
        (collection.to_owned(), slug.to_owned(), "speakers".to_owned(), is_draft, outcome.to_owned())
    };
    let wanted = [
        tie("events", "rivers", false, "moved"),
        tie("events", "rivers", true, "joined"),
        tie("sessions", "opening", false, "joined"),
        tie("sessions", "dropped", false, "moved"),
    ];
    assert_eq!(outcomes(&merged), wanted.into());
    // Roles and order stay, and of two references one remains, with what it lacked from the other one.
    assert_eq!(speakers(&public, "events/rivers"), pairs(&[("anna", "keynote"), ("bo", "host")]));
    assert_eq!(public.get("/api/v1/events/rivers").expect(200).json()["speakers"][0]["affiliation"], "Delta");
    let draft = speakers(&editor, "events/rivers?view=draft");
    assert_eq!(draft, pairs(&[("bo", "speaker"), ("anna", "moderator")]));
    assert_eq!(speakers(&public, "sessions/opening"), pairs(&[("anna", "keynote"), ("bo", "host")]));
    assert_eq!(speakers(&editor, &format!("sessions/{}", id(&dropped(&editor)))), pairs(&[("anna", "speaker")]));
    for speaker in [&anna, &double] {
        let uses = editor.get(&format!("/api/v1/speakers/{}/references", id(speaker))).expect(200).json();
        assert_eq!(uses["data"].as_array().unwrap().len(), if speaker == &anna { 2 } else { 0 }, "{uses:#}");
    }
    assert_eq!(editor.get("/api/v1/references/broken").expect(200).json()["data"], json!([]));
    let of_anna = public.get("/api/v1/sessions?speaker=anna").expect(200).json();
    assert_eq!(of_anna["data"].as_array().unwrap().len(), 1);
    // The merged item is in the trash with its text and its history.
    let desk = editor.get(&format!("/api/v1/speakers/{}/desk", id(&double))).expect(200).json();
    assert_eq!((&desk["operations"], &desk["live"]), (&json!(["unmerge"]), &json!(false)));
    let text = editor.get(&format!("/api/v1/speakers/{}", id(&double))).expect(200).json();
    assert!(text["biography"].to_string().contains("Only here."), "{text:#}");
    let history = editor.get(&format!("/api/v1/speakers/{}/revisions", id(&double))).expect(200).json();
    assert_eq!(history["data"][0]["action"], "merge");
    is_one_change(app, history["data"][0]["batch"].as_str().unwrap());
    // Copies of the public content learn of it.
    let changes = public.get(&format!("/api/v1/changes?since={since}")).expect(200).json();
    let told: BTreeSet<(&str, &str)> = (changes["data"].as_array().unwrap().iter())
        .map(|change| (change["operation"].as_str().unwrap(), change["collection"].as_str().unwrap()))
        .collect();
    assert!(told.contains(&("delete", "speakers")) && told.contains(&("upsert", "events")), "{changes:#}");
    assert!(told.contains(&("upsert", "sessions")), "{changes:#}");
    // A reference by the id of the merged item is one to the item that stays.
    let by_id = json!({"title": "Closing", "event": "rivers", "speakers": [{"speaker": double["id"]}]});
    editor.create("sessions", &by_id);
    assert_eq!(speakers(&editor, "sessions/closing"), pairs(&[("anna", "speaker")]));
}

fn dropped(editor: &Client) -> Value {
    let trash = editor.get("/api/v1/sessions?status=trashed").expect(200).json();
    trash["data"][0].clone()
}

/// All writes of a merge are one batch in the audit log, with a reason that says what it was.
fn is_one_change(app: &TestApp, batch: &str) {
    let admin = app.client(Role::Administrator);
    let audit = admin.get(&format!("/api/v1/audit?limit=100&batch={batch}")).expect(200).json();
    let entries = audit["data"].as_array().unwrap();
    let all = |name: &str| -> BTreeSet<&str> { entries.iter().map(|entry| entry[name].as_str().unwrap()).collect() };
    assert_eq!(all("action"), ["merge"].into());
    assert_eq!(all("reason"), ["\"anna-2\" merged into \"anna\""].into());
    assert_eq!(entries.iter().filter(|entry| entry["kind"] == "speaker").count(), 2, "{audit:#}");
    assert_eq!(entries.len(), 5, "{audit:#}");
}

#[apply(api_test)]
fn all_addresses_redirect(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let (anna, double) = fill(&editor);
    editor.create("speakers", &json!({"name": "Anna the third", "slug": "anna-3", "status": "published"}));
    let addresses = ["anna-2", "anna-old", "anna-twee", id(&double)];
    for address in addresses {
        let status = public.get(&format!("/api/v1/speakers/{address}")).status;
        assert_eq!(status, if address == "anna-old" { 308 } else { 200 }, "{address}");
    }
    merge(&editor, "speakers/anna-2", &["anna-3"]).expect(200);
    let third = public.get("/api/v1/speakers/anna-3").expect(308);
    assert_eq!(third.header("location"), "/api/v1/speakers/anna-2");
    let merged = merge(&editor, "speakers/anna", &[&id(&double).to_ascii_uppercase()]).expect(200).json();
    for address in addresses.into_iter().chain(["anna-3", &id(&double).to_ascii_uppercase()]) {
        let moved = public.get(&format!("/api/v1/speakers/{address}?fields=name")).expect(308);
        assert_eq!(moved.header("location"), "/api/v1/speakers/anna?fields=name", "{address}");
    }
    for address in addresses {
        assert!(merged["addresses"].as_array().unwrap().contains(&json!(address)), "{merged:#}");
    }
    assert_eq!(editor.get("/api/v1/speakers/anna-2").expect(308).header("location"), "/api/v1/speakers/anna");
    // Writes say where it went, and another item may have a former slug.
    editor.patch("/api/v1/speakers/anna-2", "\"v1\"", &json!({"name": "A"})).problem(404, &[]);
    // The addresses survive the purge of the trash, and the item that stays can change its own.
    app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
    editor.get(&format!("/api/v1/speakers/{}/desk", id(&double))).problem(404, &[]);
    editor.patch("/api/v1/speakers/anna", &version(&editor, "speakers/anna"), &json!({"slug": "anna-j"})).expect(200);
    for address in addresses.into_iter().chain(["anna-3", "anna"]) {
        let moved = public.get(&format!("/api/v1/speakers/{address}")).expect(308);
        assert_eq!(moved.header("location"), "/api/v1/speakers/anna-j", "{address}");
    }
    let by_id = public.get(&format!("/api/v1/speakers/{}", id(&anna))).expect(200).json();
    assert_eq!(by_id["slug"], "anna-j");
    editor.create("speakers", &json!({"name": "Somebody else", "slug": "anna-2", "status": "published"}));
    assert_eq!(public.get("/api/v1/speakers/anna-2").expect(200).json()["name"], "Somebody else");
}

#[apply(api_test)]
fn what_was_merged_comes_back(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let (anna, double) = fill(&editor);
    editor.put("/api/v1/speakers/anna-2/external-ids", "\"v2\"", &external("frab", "7")).expect(204);
    let paths = [
        "events/rivers?view=draft",
        "events/rivers",
        "sessions/opening",
        "speakers/anna",
        "speakers/anna-2",
        "speakers/anna-2?locale=nl",
    ];
    let texts = |client: &Client| -> Vec<Value> {
        let without_versions = |path: &&str| {
            let mut item = client.get(&format!("/api/v1/{path}")).expect(200).json();
            let members = item.as_object_mut().unwrap();
            members.retain(|name, _| !["version", "updated_at"].contains(&name.as_str()));
            item
        };
        paths.iter().map(without_versions).collect()
    };
    let before = texts(&editor);
    merge(&editor, "speakers/anna", &["anna-2"]).expect(200);
    let double_path = format!("speakers/{}", id(&double));
    // It does not come back without what moved from it.
    editor.act(&format!("/api/v1/{double_path}/restore"), &version(&editor, &double_path)).problem(409, &[]);
    editor.act(&format!("/api/v1/{double_path}/unmerge"), "\"v1\"").problem(412, &[]);
    let back = unmerge(&editor, &double_path).expect(200);
    assert_eq!(back.etag(), version(&editor, "speakers/anna-2"));
    let back = back.json();
    assert_eq!((&back["item"]["slug"], &back["left"]), (&json!("anna-2"), &json!([])));
    assert_eq!(back["external_ids"], json!(["frab:7"]));
    assert!(back["references"].as_array().unwrap().iter().all(|tie| tie["outcome"] == "restored"), "{back:#}");
    assert_eq!(back["references"].as_array().unwrap().len(), 4);
    assert_eq!(texts(&editor), before);
    assert_eq!(public.get("/api/v1/speakers/anna-old").expect(308).header("location"), "/api/v1/speakers/anna-2");
    assert_eq!(public.get(&format!("/api/v1/{double_path}")).expect(200).json()["slug"], "anna-2");
    public.get("/api/v1/speakers/anna-2-merged").problem(404, &[]);
    assert_eq!(external_ids(&editor, "speakers/anna-2"), ["frab:7"]);
    unmerge(&editor, "speakers/anna-2").problem(409, &[]);
    // And again, as if nothing had been.
    merge(&editor, "speakers/anna", &["anna-2"]).expect(200);
    assert_eq!(public.get("/api/v1/speakers/anna-2").expect(308).header("location"), "/api/v1/speakers/anna");
    assert_eq!(id(&anna), id(&public.get("/api/v1/speakers/anna").expect(200).json()));
}

#[apply(api_test)]
fn what_was_changed_since_stays_and_is_told(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let (_, double) = fill(&editor);
    for (number, name) in ["7", "8"].iter().zip(["frab", "pretalx"]) {
        let path = format!("/api/v1/speakers/by-external-id/{name}/{number}");
        editor.send("PUT", &path, &[("content-type", "application/json")], b"{\"name\": \"X\"}").expect(201);
    }
    editor.put("/api/v1/speakers/x/external-ids", "\"v1\"", &json!({"external_ids": []})).expect(204);
    editor.put("/api/v1/speakers/anna-2/external-ids", "\"v2\"", &external("frab", "7")).expect(204);
    merge(&editor, "speakers/anna", &["anna-2"]).expect(200);
    // An editor gives the session another moderator role, another item takes a slug, an external id is removed.
    let roles = json!({"speakers": [{"speaker": "anna", "role": "moderator"}, {"speaker": "bo", "role": "host"}]});
    editor.patch("/api/v1/sessions/opening", &version(&editor, "sessions/opening"), &roles).expect(200);
    let other = json!({"title": "Rivers", "speakers": [
        {"speaker": "bo", "role": "host"}, {"speaker": "anna", "role": "moderator"}, {"speaker": "x"}]});
    editor.patch("/api/v1/events/rivers?view=draft", &version(&editor, "events/rivers"), &other).expect(200);
    editor.create("speakers", &json!({"name": "New", "slug": "anna-2"}));
    let etag = version(&editor, "speakers/anna");
    editor.put("/api/v1/speakers/anna/external-ids", &etag, &json!({"external_ids": []})).expect(204);
    let back = unmerge(&editor, &format!("speakers/{}", id(&double))).expect(200).json();
    let left: Vec<&str> = back["left"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(left, ["anna-2", "frab:7"]);
    let by_outcome = |outcome: &str| outcomes(&back).iter().filter(|tie| tie.4 == outcome).count();
    // The list of the working draft has other entries beside, and the two references come back into it.
    assert_eq!((by_outcome("left"), by_outcome("restored")), (1, 3), "{back:#}");
    assert_eq!(speakers(&editor, "sessions/opening"), pairs(&[("anna", "moderator"), ("bo", "host")]));
    let draft = speakers(&editor, "events/rivers?view=draft");
    let slug = back["item"]["slug"].as_str().unwrap();
    let wanted = [("bo", "host"), (slug, "speaker"), ("anna", "moderator"), ("x", "speaker")];
    assert_eq!(draft, pairs(&wanted));
    assert_eq!(slug, "anna-2-merged");
    assert_eq!(speakers(&public, "events/rivers"), pairs(&[(slug, "keynote"), ("bo", "host")]));
    assert_eq!(
        public.get("/api/v1/speakers/anna-old").expect(308).header("location"),
        format!("/api/v1/speakers/{slug}")
    );
}

fn external(source: &str, id: &str) -> Value {
    json!({"external_ids": [format!("{source}:{id}")]})
}

fn external_ids(client: &Client, path: &str) -> Vec<String> {
    let desk = client.get(&format!("/api/v1/{path}/desk")).expect(200).json();
    desk["external_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[apply(api_test)]
fn external_ids_are_read_and_written(app: &TestApp) {
    let editor = app.editor();
    for name in ["Anna", "Bo"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    let (anna, bo) = ("/api/v1/speakers/anna/external-ids", "/api/v1/speakers/bo/external-ids");
    let both = json!({"external_ids": ["pretalx:ABC", "frab:a/b:c é"]});
    assert_eq!(editor.put(anna, "\"v1\"", &both).expect(204).etag(), "\"v2\"");
    assert_eq!(external_ids(&editor, "speakers/anna"), ["frab:a/b:c é", "pretalx:ABC"]);
    for id in ["pretalx/ABC", "frab/a%2Fb%3Ac%20%C3%A9"] {
        let found = editor.get(&format!("/api/v1/speakers/by-external-id/{id}")).expect(200).json();
        assert_eq!(found["slug"], "anna");
    }
    // The same again writes nothing.
    assert_eq!(editor.put(anna, "\"v2\"", &both).expect(204).etag(), "\"v2\"");
    // One name, one item, within a kind; the problem names the other one.
    let problem = editor.put(bo, "\"v1\"", &both);
    let problem = problem.problem(409, &[("/external_ids/0", "taken"), ("/external_ids/1", "taken")]);
    assert!(problem["errors"][0]["message"].as_str().unwrap().starts_with("\"anna\""), "{problem:#}");
    editor.create("events", &json!({"title": "E"}));
    editor.put("/api/v1/events/e/external-ids", "\"v1\"", &both).expect(204);
    // A record that gets its name from an editor does not overwrite what is there.
    let put = |headers: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json")], headers].concat();
        editor.send("PUT", "/api/v1/speakers/by-external-id/pretalx/ABC", &headers, b"{\"name\": \"From there\"}")
    };
    put(&[]).problem(412, &[]);
    put(&[("if-match", "\"v2\"")]).expect(200);
    put(&[]).expect(200);
    // Replacing a part keeps what the other record knows of the item.
    editor.put(anna, "\"v3\"", &external("pretalx", "ABC")).expect(204);
    editor.get("/api/v1/speakers/by-external-id/frab/a%2Fb%3Ac%20%C3%A9").problem(404, &[]);
    assert_eq!(put(&[]).expect(200).json()["version"], 4);
    let changed = editor.send(
        "PUT",
        "/api/v1/speakers/by-external-id/pretalx/ABC",
        &[("content-type", "application/json")],
        b"{\"name\": \"From there, again\"}",
    );
    assert_eq!(changed.expect(200).json()["version"], 5);
    let history = editor.get("/api/v1/speakers/anna/revisions").expect(200).json();
    assert_eq!(history["data"][1]["action"], "update_external_ids");
}

#[apply(api_test)]
fn bad_external_ids_are_refused(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Water"}));
    let path = "/api/v1/topics/water/external-ids";
    for (body, pointer, code) in [
        (json!({}), "/external_ids", "required"),
        (json!({"external_ids": {}}), "/external_ids", "wrong_type"),
        (json!({"external_ids": [{"source": "a", "id": "1"}]}), "/external_ids/0", "wrong_type"),
        (json!({"external_ids": ["a:1", "pretalx"]}), "/external_ids/1", "not_a_value"),
        (json!({"external_ids": ["a b:1"]}), "/external_ids/0", "not_a_value"),
        (json!({"external_ids": ["a:"]}), "/external_ids/0", "not_a_value"),
        (json!({"external_ids": [format!("a:{}", "x".repeat(201))]}), "/external_ids/0", "not_a_value"),
        (json!({"external_ids": [format!("a:{}", "x".repeat(300))]}), "/external_ids/0", "too_long"),
        (json!({"external_ids": ["a:1", "a:1"]}), "/external_ids/1", "duplicate"),
        (json!({"external_ids": [], "ids": []}), "/ids", "unknown_field"),
    ] {
        editor.put(path, "\"v1\"", &body).problem(422, &[(pointer, code)]);
    }
    let headers = [("content-type", "application/json")];
    editor.send("PUT", path, &headers, external("a", "1").to_string().as_bytes()).problem(428, &[]);
    editor.put(path, "\"v9\"", &external("a", "1")).problem(412, &[]);
    editor.put("/api/v1/topics/fire/external-ids", "\"v1\"", &external("a", "1")).problem(404, &[]);
    app.visitor().put(path, "\"v1\"", &external("a", "1")).problem(401, &[]);
    app.client(Role::Viewer).put(path, "\"v1\"", &external("a", "1")).problem(403, &[]);
    app.client(Role::Contributor).put(path, "\"v1\"", &external("a", "1")).problem(403, &[]);
    editor.delete("/api/v1/topics/water", "\"v1\"").expect(204);
    editor.put(path, "\"v2\"", &external("a", "1")).problem(409, &[]);
}

#[apply(api_test)]
fn records_of_other_systems_find_the_item_that_stays(app: &TestApp) {
    let editor = app.editor();
    let put = |path: &str, headers: &[(&str, &str)], name: &str| {
        let headers = [&[("content-type", "application/json")], headers].concat();
        let body = json!({"name": name}).to_string();
        editor.send("PUT", &format!("/api/v1/partners/by-external-id/{path}"), &headers, body.as_bytes())
    };
    put("crm/1", &[], "Delta Institute").expect(201);
    put("crm/2", &[], "Delta Inst.").expect(201);
    editor.create("speakers", &json!({"name": "Anna", "organisation": "delta-inst"}));
    let merged = merge(&editor, "partners/delta-institute", &["delta-inst"]).expect(200).json();
    assert_eq!(merged["external_ids"], json!(["crm:2"]));
    let same = put("crm/2", &[], "Delta Inst.").expect(200).json();
    assert_eq!((&same["name"], &same["slug"]), (&json!("Delta Institute"), &json!("delta-institute")));
    put("crm/2", &[], "Another").problem(412, &[]);
    // The record of the item that stays goes on writing it: nobody has edited its text.
    assert_eq!(put("crm/1", &[], "Delta Institute (NL)").expect(200).json()["name"], "Delta Institute (NL)");
    let anna = editor.get("/api/v1/speakers/anna").expect(200).json();
    assert_eq!(anna["organisation"]["slug"], "delta-institute", "{anna:#}");
}
