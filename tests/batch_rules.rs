//! Batches beside single writes: nothing is lost when they race, and a batch does what its entries do alone.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::batch::{batch, count, create, update};
use crate::support::app::TestApp;
use crate::support::client::Client;

#[apply(api_test)]
fn batches_and_single_writes_lose_nothing(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Shared", "summary": "0"}));
    let add = |batched: bool, name: &str| loop {
        let now = editor.get("/api/v1/events/shared").expect(200);
        let (body, etag) = (now.json(), now.etag());
        let next = (body["summary"].as_str().unwrap().parse::<u32>().unwrap() + 1).to_string();
        let patch = json!({"summary": next});
        let reply = match batched {
            true => {
                let entries = [
                    create("topics", "t", json!({"name": name})),
                    update("events", "shared", body["version"].as_i64().unwrap(), patch),
                    update("topics", "#t", 1, json!({"position": 1})),
                ];
                batch(&editor, &entries)
            }
            false => editor.patch("/api/v1/events/shared", etag, &patch),
        };
        match reply.status {
            200 => break,
            412 => {}
            422 => drop(reply.problem(422, &[("/entries/1/version", "changed_meanwhile")])),
            _ => drop(reply.expect(200)),
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || (0..25).for_each(|round| add(thread % 2 == 0, &format!("t{thread}-{round}"))));
        }
    });
    let end = editor.get("/api/v1/events/shared").expect(200).json();
    assert_eq!((&end["summary"], &end["version"]), (&json!("200"), &json!(201)));
    assert_eq!(count(&editor, "topics"), 100, "a refused batch left something, or an accepted one lost it");
}

/// A deed of the property test: the topic, what is done with it, and whether it is done with an old version.
type Deed = (usize, &'static str, bool);

/// The state of a topic as far as deeds change it.
fn state(editor: &Client, slug: &str) -> (u16, Value, Value, Value) {
    let reply = editor.get(&format!("/api/v1/topics/{slug}"));
    let body = reply.json();
    (reply.status, body["status"].clone(), body["version"].clone(), body["position"].clone())
}

fn alone(editor: &Client, slug: &str, (_, word, stale): Deed) -> bool {
    let path = format!("/api/v1/topics/{slug}");
    let version = state(editor, slug).2.as_i64().unwrap() + 100 * i64::from(stale);
    let etag = format!("\"v{version}\"");
    let reply = match word {
        "update" => editor.patch(&path, &etag, &json!({"position": version})),
        "trash" => editor.delete(&path, &etag),
        word => editor.act(&format!("{path}/{word}"), &etag),
    };
    assert!([200, 204, 409, 412].contains(&reply.status), "{reply:?}");
    reply.status < 300
}

/// Does the deeds one after the other with one pair of topics, and by a batch with another one. Returns whether they
/// are possible.
fn compare(editor: &Client, round: usize, deeds: &[Deed]) -> bool {
    let slugs = |way: &str| [0, 1].map(|number| format!("{way}-{round}-{number}"));
    let (single, batched) = (slugs("single"), slugs("batched"));
    for slug in single.iter().chain(&batched) {
        editor.create("topics", &json!({"name": slug, "slug": slug}));
    }
    let states = |slugs: &[String; 2]| slugs.clone().map(|slug| state(editor, &slug));
    let before = states(&batched);
    let mut versions = [1; 2];
    let mut entries = Vec::new();
    for (topic, word, stale) in deeds {
        let (id, version) = (&batched[*topic], versions[*topic] + 100 * i64::from(*stale));
        versions[*topic] += 1;
        entries.push(match *word {
            "update" => update("topics", id, version, json!({"position": version})),
            word => json!({"operation": word, "collection": "topics", "id": id, "version": version}),
        });
    }
    let is_possible = deeds.iter().all(|deed| alone(editor, &single[deed.0], *deed));
    let reply = batch(editor, &entries);
    if is_possible {
        reply.expect(200);
        assert_eq!(states(&batched), states(&single), "{deeds:?}");
    } else {
        reply.problem(422, &[]);
        assert_eq!(states(&batched), before, "{deeds:?}");
    }
    is_possible
}

/// The rule of batches: what single requests would do one after the other, or nothing if one of them is refused.
#[apply(api_test)]
fn a_batch_does_what_its_entries_do_alone_or_nothing(app: &TestApp) {
    const WORDS: [&str; 7] = ["update", "submit", "publish", "unpublish", "archive", "trash", "restore"];
    let editor = app.editor();
    let deed = (0..2_usize, prop::sample::select(WORDS.to_vec()), prop::bool::weighted(0.05));
    let deeds = prop::collection::vec(deed, 1..7);
    let config = Config { cases: 60, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, b"plenary: batches and single writ");
    let outcomes = RefCell::new(Vec::new());
    let outcome = TestRunner::new_with_rng(config, seed).run(&deeds, |deeds| {
        let round = outcomes.borrow().len();
        outcomes.borrow_mut().push(compare(&editor, round, &deeds));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let possible = outcomes.borrow().iter().filter(|is_possible| **is_possible).count();
    assert!((6..55).contains(&possible), "both outcomes are tried: {possible} of 60");
}
