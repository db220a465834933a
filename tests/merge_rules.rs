//! What a merge respects: imports, trees, permissions, bounds, other merges; and random merges.

use std::collections::BTreeSet;

use plenary::auth::permissions::Role;
use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::merge::{id, merge, pairs, speakers, unmerge, version};
use crate::support::app::TestApp;
use crate::support::import::bring_text;

/// A programme whose speakers stand in it twice: the import leaves the merge alone, and goes on with the sessions.
#[apply(api_test)]
fn imports_respect_a_merge(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let file = |title: &str, second: &str| {
        format!(
            "<schedule><conference><acronym>rivers-2027</acronym><title>Rivers</title><start>2027-05-01</start><end>2027-05-01</end><time_zone_name>Europe/Brussels</time_zone_name></conference><day index=\"1\" date=\"2027-05-01\"><room name=\"Aula\"><event id=\"1\"><start>09:00</start><duration>00:30</duration><title>{title}</title><persons><person id=\"1\">Ada Example</person><person id=\"2\">{second}</person></persons></event><event id=\"2\"><start>10:00</start><duration>00:30</duration><title>Two</title><persons><person id=\"2\">{second}</person></persons></event></room></day></schedule>"
        )
    };
    bring_text(app, "schedule.xml", &file("One", "Ada  Example"));
    let slugs = |query: &str| -> Vec<String> {
        let list = public.get(&format!("/api/v1/speakers{query}")).expect(200).json();
        list["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(slugs("?sort=created_at").len(), 2);
    merge(&editor, "speakers/ada-example", &[&slugs("?sort=created_at")[1]]).expect(200);
    assert_eq!(slugs(""), ["ada-example"]);
    let again = bring_text(app, "schedule.xml", &file("One", "Ada  Example"));
    assert_eq!(again.report.total(Outcome::Created) + again.report.total(Outcome::Updated), 0, "{:?}", again.lines);
    let changed = bring_text(app, "schedule.xml", &file("One and a half", "Ada M. Example"));
    assert_eq!(changed.report.of(Outcome::Updated, "session"), 1, "{:?}", changed.lines);
    assert_eq!((slugs(""), changed.report.of(Outcome::Created, "speaker")), (vec!["ada-example".to_owned()], 0));
    assert_eq!(public.get("/api/v1/speakers/ada-example").expect(200).json()["name"], "Ada Example");
    let sessions = public.get("/api/v1/sessions?sort=starts_at").expect(200).json();
    for session in sessions["data"].as_array().unwrap() {
        let named = session["speakers"].as_array().unwrap();
        assert_eq!((named.len(), &named[0]["speaker"]["slug"]), (1, &json!("ada-example")), "{session:#}");
    }
}

#[apply(api_test)]
fn a_tree_stays_one(app: &TestApp) {
    let editor = app.editor();
    let tree = [("Nature", None), ("Water", Some("nature")), ("Waters", Some("water")), ("Sea", Some("waters"))];
    for (name, parent) in tree.into_iter().chain([("Lake", Some("water"))]) {
        editor.create("topics", &json!({"name": name, "parent": parent, "status": "published"}));
    }
    // A topic under one that is merged into it takes its place.
    let parent =
        |slug: &str| editor.get(&format!("/api/v1/topics/{slug}")).expect(200).json()["parent"]["slug"].clone();
    merge(&editor, "topics/waters", &["water"]).expect(200);
    assert_eq!((parent("waters"), parent("sea")), (json!("nature"), json!("waters")));
    // One further below would stand below itself.
    let etag = version(&editor, "topics/sea");
    let problem = editor.act_with("/api/v1/topics/sea/merge", &etag, &json!({"from": ["nature"]}));
    problem.problem(422, &[("/parent", "circle")]);
    assert_eq!(parent("waters"), "nature");
    let water = editor.get("/api/v1/topics?status=trashed").expect(200).json()["data"][0].clone();
    unmerge(&editor, &format!("topics/{}", id(&water))).expect(200);
    assert_eq!((parent("waters"), parent("water")), (json!("water"), json!("nature")));
    // Where the reference would close a circle now, it stays away.
    merge(&editor, "topics/waters", &["water"]).expect(200);
    for (slug, parent) in [("waters", Value::Null), ("nature", json!("lake"))] {
        let path = format!("topics/{slug}");
        let etag = version(&editor, &path);
        editor.patch(&format!("/api/v1/{path}"), &etag, &json!({"parent": parent})).expect(200);
    }
    let back = unmerge(&editor, &format!("topics/{}", id(&water))).expect(200).json();
    assert!(back["references"].as_array().unwrap().iter().all(|tie| tie["outcome"] == "left"), "{back:#}");
    assert_eq!((parent("lake"), parent("waters")), (json!("waters"), Value::Null));
    // Sessions go with their event, and are public with it.
    for title in ["Days", "Days again"] {
        editor.create("events", &json!({"title": title, "status": "published"}));
    }
    editor.create("sessions", &json!({"title": "Talk", "event": "days-again", "status": "published"}));
    merge(&editor, "events/days", &["days-again"]).expect(200);
    let talk = app.visitor().get("/api/v1/sessions/talk").expect(200).json();
    assert_eq!(talk["event"]["slug"], "days");
}

#[apply(api_test)]
fn what_cannot_be_merged_is_refused(app: &TestApp) {
    let editor = app.editor();
    let create = |name: &str, status: &str| editor.create("speakers", &json!({"name": name, "status": status}));
    let a = create("A", "published");
    create("B", "published");
    create("Draft", "draft");
    create("Planned", "published");
    create("Released", "published");
    create("Trashed", "draft");
    create("Merged", "published");
    let topic = editor.create("topics", &json!({"name": "Water", "status": "published"}));
    editor
        .act_with("/api/v1/speakers/planned/schedule", "\"v1\"", &json!({"unpublish_at": "2090-01-01T09:00"}))
        .expect(200);
    let release =
        json!({"name": "Autumn", "items": [{"collection": "speakers", "id": "released", "operation": "archive"}]});
    editor.create("releases", &release);
    editor.delete("/api/v1/speakers/trashed", "\"v1\"").expect(204);
    let merged = merge(&editor, "speakers/b", &["merged"]).expect(200);
    let path = "/api/v1/speakers/a/merge";
    let bad = |from: Value, status: u16, faults: &[(&str, &str)]| {
        editor.act_with(path, "\"v1\"", &json!({"from": from})).problem(status, faults)
    };
    bad(json!(["a"]), 422, &[("/from/0", "not_allowed")]);
    bad(json!(["b", "nobody"]), 422, &[("/from/1", "dangling_reference")]);
    bad(json!([topic["id"], a["id"]]), 422, &[("/from/0", "dangling_reference"), ("/from/1", "not_allowed")]);
    bad(json!(["b", "B"]), 422, &[("/from/1", "dangling_reference")]);
    bad(json!([]), 422, &[("/from", "empty")]);
    bad(json!("b"), 422, &[("/from", "wrong_type")]);
    bad(json!([1]), 422, &[("/from/0", "wrong_type")]);
    bad(json!(vec!["b"; 21]), 422, &[]);
    editor.act_with(path, "\"v1\"", &json!({})).problem(422, &[("/from", "required")]);
    editor.act_with(path, "\"v1\"", &json!({"from": ["b"], "into": "a"})).problem(422, &[("/into", "unknown_field")]);
    editor.act_with(path, "\"v2\"", &json!({"from": ["b"]})).problem(412, &[]);
    editor.post(path, &json!({"from": ["b"]})).problem(428, &[]);
    editor.act_with("/api/v1/speakers/nobody/merge", "\"v1\"", &json!({"from": ["b"]})).problem(404, &[]);
    // All that stands against it at once.
    let merged_id = merged.json()["addresses"][1].clone();
    let all = json!(["planned", "released", "trashed", merged_id]);
    let conflicts = [("/from/0", "conflict"), ("/from/1", "in_use"), ("/from/2", "conflict"), ("/from/3", "conflict")];
    bad(all, 409, &conflicts);
    let draft = editor.act_with("/api/v1/speakers/draft/merge", "\"v1\"", &json!({"from": ["b"]}));
    draft.problem(409, &[("/from/0", "not_published")]);
    editor.act_with("/api/v1/speakers/trashed/merge", "\"v2\"", &json!({"from": ["b"]})).problem(409, &[]);
    unmerge(&editor, "speakers/a").problem(409, &[]);
    // Nothing of it has been done.
    assert_eq!(editor.get("/api/v1/speakers/a").expect(200).json()["version"], 1);
    app.visitor().get("/api/v1/speakers/planned").expect(200);
    // A chain is undone from its end.
    merge(&editor, "speakers/a", &["b"]).expect(200);
    unmerge(&editor, &format!("speakers/{}", merged_id.as_str().unwrap())).problem(409, &[]);
}

#[apply(api_test)]
fn who_may_merge(app: &TestApp) {
    let editor = app.editor();
    for name in ["A", "B"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    editor.create("events", &json!({"title": "E", "status": "published", "speakers": [{"speaker": "b"}]}));
    let body = json!({"from": ["b"]});
    app.visitor().act_with("/api/v1/speakers/a/merge", "\"v1\"", &body).problem(401, &[]);
    for role in [Role::Viewer, Role::Contributor] {
        app.client(role).act_with("/api/v1/speakers/a/merge", "\"v1\"", &body).problem(403, &[]);
        app.client(role).act("/api/v1/speakers/a/unmerge", "\"v1\"").problem(403, &[]);
    }
    // A key that does not reach the items that refer to what is merged cannot change them.
    let key = |collections: Value| {
        let made =
            editor.post("/api/v1/auth/keys", &json!({"name": "K", "collections": collections})).expect(201).json();
        app.visitor().with_token(made["token"].as_str().unwrap())
    };
    let problem = key(json!(["speakers"])).act_with("/api/v1/speakers/a/merge", "\"v1\"", &body).problem(403, &[]);
    assert!(problem["detail"].as_str().unwrap().contains("events"), "{problem:#}");
    key(json!(["speakers", "events"])).act_with("/api/v1/speakers/a/merge", "\"v1\"", &body).expect(200);
    let b = editor.get("/api/v1/speakers?status=trashed").expect(200).json()["data"][0].clone();
    let path = format!("/api/v1/speakers/{}/unmerge", id(&b));
    key(json!(["speakers"])).act(&path, "\"v2\"").problem(403, &[]);
    key(json!(["events"])).act(&path, "\"v2\"").problem(403, &[]);
    app.client(Role::Administrator).act(&path, "\"v2\"").expect(200);
}

#[apply(api_test)]
fn a_repeated_request_merges_once(app: &TestApp) {
    let editor = app.editor();
    for name in ["A", "B", "C"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    editor.create("events", &json!({"title": "E", "speakers": [{"speaker": "b"}, {"speaker": "c"}]}));
    let send = |from: &Value| {
        let headers = [("content-type", "application/json"), ("if-match", "\"v1\""), ("idempotency-key", "m-1")];
        editor.send("POST", "/api/v1/speakers/a/merge", &headers, json!({"from": from}).to_string().as_bytes())
    };
    let first = send(&json!(["b", "c"])).expect(200);
    let second = send(&json!(["b", "c"])).expect(200);
    assert_eq!((second.header("idempotency-replayed"), second.etag()), ("true", first.etag()));
    assert_eq!(second.json(), first.json());
    assert_eq!(first.json()["references"].as_array().unwrap().len(), 2, "{:#}", first.json());
    send(&json!(["b"])).problem(422, &[("Idempotency-Key", "reused")]);
    assert_eq!(speakers(&editor, "events/e"), pairs(&[("a", "speaker")]));
    // Both are taken out again, the last one first.
    let trash = editor.get("/api/v1/speakers?status=trashed&sort=name").expect(200).json();
    for item in trash["data"].as_array().unwrap().iter().rev() {
        let back = unmerge(&editor, &format!("speakers/{}", id(item))).expect(200).json();
        assert_eq!(back["references"][0]["outcome"], "restored", "{back:#}");
    }
    assert_eq!(speakers(&editor, "events/e"), pairs(&[("b", "speaker"), ("c", "speaker")]));
}

#[apply(api_test)]
fn of_two_merges_at_once_one_counts(app: &TestApp) {
    let editor = app.editor();
    for round in 0..4 {
        let name = |letter: &str| format!("{letter}{round}");
        for letter in ["a", "b", "c"] {
            editor.create("speakers", &json!({"name": name(letter), "status": "published"}));
        }
        let event = json!({"title": name("e"), "speakers": [{"speaker": name("a")}, {"speaker": name("b")}]});
        editor.create("events", &event);
        let send = |into: String, from: String| {
            let editor = editor.clone();
            std::thread::spawn(move || {
                let body = json!({"from": [from]});
                editor.act_with(&format!("/api/v1/speakers/{into}/merge"), "\"v1\"", &body).status
            })
        };
        // Each into the other, and a third one into one of them: two of them can go through, one after the other.
        let all = [send(name("a"), name("b")), send(name("b"), name("a")), send(name("a"), name("c"))];
        let done: Vec<u16> = all.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(done.iter().all(|status| [200, 404, 409, 412].contains(status)), "{done:?}");
        assert!(done[..2] != [200, 200] && done.contains(&200), "{done:?}");
        let named = speakers(&editor, &format!("events/{}", name("e")));
        assert!(named.iter().all(|(slug, _)| !slug.ends_with("merged")), "{done:?} {named:?}");
    }
}

#[apply(api_test)]
fn a_merge_of_too_much_is_refused(app: &TestApp) {
    let editor = app.editor();
    for name in ["A", "B"] {
        editor.create("topics", &json!({"name": name, "status": "published"}));
    }
    let entries: Vec<Value> = (0..501)
        .map(|number| {
            let content = json!({"name": format!("T{number}"), "parent": "b"});
            json!({"operation": "create", "collection": "topics", "content": content})
        })
        .collect();
    editor.post("/api/v1/batch", &json!({"entries": entries})).expect(200);
    let body = json!({"from": ["b"]});
    let problem = editor.act_with("/api/v1/topics/a/merge", "\"v1\"", &body).problem(409, &[]);
    assert!(problem["detail"].as_str().unwrap().contains("500"), "{problem:#}");
    // Five hundred are changed in one transaction.
    editor.trash("/api/v1/topics/t0", "\"v1\"").expect(204);
    editor.act_with("/api/v1/topics/a/merge", "\"v1\"", &body).problem(409, &[]);
    editor.act("/api/v1/topics/t0/restore", "\"v2\"").expect(200);
    editor.patch("/api/v1/topics/t0", "\"v3\"", &json!({"parent": null})).expect(200);
    let merged = editor.act_with("/api/v1/topics/a/merge", "\"v1\"", &body).expect(200).json();
    assert_eq!(merged["references"].as_array().unwrap().len(), 500);
}

/// Random merges and their undoing: nothing refers to a merged item, and every address that there ever was leads to an
/// item.
#[apply(api_test)]
fn random_merges_lose_nothing(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let ids: Vec<String> = (0..6)
        .map(|n| id(&editor.create("speakers", &json!({"name": format!("S{n}"), "status": "published"}))).to_owned())
        .collect();
    for number in 0..8 {
        let mut chosen: Vec<usize> = (0..1 + next(4)).map(|_| next(ids.len())).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let list: Vec<Value> = chosen.iter().map(|index| json!({"speaker": ids[*index]})).collect();
        editor.create("events", &json!({"title": format!("E{number}"), "status": "published", "speakers": list}));
        if next(2) == 0 {
            let draft = json!({"speakers": [{"speaker": ids[next(ids.len())]}]});
            editor.patch(&format!("/api/v1/events/e{number}?view=draft"), "\"v1\"", &draft).expect(200);
        }
    }
    let texts = || -> Vec<BTreeSet<(String, String)>> {
        let paths = (0..8).flat_map(|number| [format!("events/e{number}"), format!("events/e{number}?view=draft")]);
        paths.map(|path| speakers(&editor, &path).into_iter().collect()).collect()
    };
    let before = texts();
    let mut merged: Vec<String> = Vec::new();
    for _ in 0..24 {
        if !merged.is_empty() && next(3) == 0 {
            let one = merged[next(merged.len())].clone();
            match unmerge(&editor, &format!("speakers/{one}")).status {
                200 => merged.retain(|id| *id != one),
                status => assert_eq!(status, 409, "a chain is undone from its end"),
            }
        } else {
            let present: Vec<&String> = ids.iter().filter(|id| !merged.contains(id)).collect();
            let (into, from) = (present[next(present.len())].clone(), present[next(present.len())].clone());
            if into != from {
                merge(&editor, &format!("speakers/{into}"), &[&from]).expect(200);
                merged.push(from);
            }
        }
        for one in &merged {
            let uses = editor.get(&format!("/api/v1/speakers/{one}/references")).expect(200).json();
            assert_eq!(uses["data"], json!([]), "{one}");
        }
        for (number, own) in ids.iter().enumerate() {
            for address in [format!("s{number}"), own.clone()] {
                let mut reply = public.get(&format!("/api/v1/speakers/{address}"));
                if reply.status == 308 {
                    reply = public.get(reply.header("location"));
                }
                assert!(!merged.contains(&id(&reply.expect(200).json()).to_owned()), "{address}");
            }
        }
        for number in 0..8 {
            let named = speakers(&public, &format!("events/e{number}"));
            let distinct: BTreeSet<_> = named.iter().collect();
            assert!(!named.is_empty() && distinct.len() == named.len(), "{named:?}");
        }
    }
    // All of it can be undone, the last ones first.
    while let Some(one) = merged.pop() {
        unmerge(&editor, &format!("speakers/{one}")).expect(200);
    }
    assert_eq!(texts(), before);
    assert_eq!(editor.get("/api/v1/references/broken").expect(200).json()["data"], json!([]));
}
