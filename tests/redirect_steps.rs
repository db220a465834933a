//! Many steps of redirects in one request say what single requests say, one after the other.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::redirects::of_type;
use crate::support::app::TestApp;
use crate::support::client::Client;

const REDIRECTS: usize = 50;
const STEPS: usize = 130;

/// Random drafts of redirects, whose paths often meet.
fn drafts(editor: &Client, rng: &mut StdRng) -> Vec<String> {
    let words = ["a", "b", "c", "d"];
    let path = |rng: &mut StdRng| {
        let word = |rng: &mut StdRng| words[rng.random_range(0..words.len())];
        let first = format!("/{}", word(rng));
        if rng.random_bool(0.5) { format!("{first}/{}", word(rng)) } else { first }
    };
    let mut draft = |_| {
        let (mut source, mut url) = (path(rng), path(rng));
        let match_type = ["exact", "prefix", "pattern"][rng.random_range(0..3)];
        if match_type == "pattern" {
            source.push_str("/{x}");
            if rng.random_bool(0.5) {
                url.push_str("/{x}");
            }
        }
        let mut body = of_type(match_type, &source, &url);
        body["status"] = "draft".into();
        body["position"] = rng.random_range(0..3).into();
        editor.create("redirects", &body)["id"].as_str().unwrap().to_owned()
    };
    (0..REDIRECTS).map(&mut draft).collect()
}

/// The codes of what was refused, without ids, which differ between two installations.
fn codes(problem: &Value) -> Vec<String> {
    let list = problem["errors"].as_array();
    list.into_iter().flatten().map(|fault| format!("{} {}", fault["pointer"], fault["code"])).collect()
}

fn steps(rng: &mut StdRng) -> Vec<(usize, &'static str)> {
    let step = |rng: &mut StdRng| {
        let name = ["publish", "publish", "publish", "unpublish"][rng.random_range(0..4)];
        (rng.random_range(0..REDIRECTS), name)
    };
    (0..STEPS).map(|_| step(rng)).collect()
}

fn version(editor: &Client, id: &str) -> i64 {
    editor.get(&format!("/api/v1/redirects/{id}")).expect(200).json()["version"].as_i64().unwrap()
}

#[apply(api_test)]
fn steps_together_say_what_single_steps_say(app: &TestApp) {
    let mut refused = 0;
    for seed in [19, 50, 2_026] {
        let (one, many) = (TestApp::start(app.backend), TestApp::start(app.backend));
        let mut rng = StdRng::seed_from_u64(seed);
        let alone = drafts(&one.editor(), &mut rng);
        let mut rng = StdRng::seed_from_u64(seed);
        let together = drafts(&many.editor(), &mut rng);
        let plan = steps(&mut rng);
        // Each one by itself.
        let editor = one.editor();
        let mut wanted = Vec::new();
        let mut versions = vec![1; REDIRECTS];
        let mut operations = Vec::new();
        for (index, name) in plan {
            let operation = json!({
                "collection": "redirects", "id": together[index], "version": versions[index], "operation": name,
            });
            // A request has no step twice.
            if operations.contains(&operation) {
                continue;
            }
            operations.push(operation);
            let path = format!("/api/v1/redirects/{}", alone[index]);
            let tag = editor.get(&path).expect(200).etag().to_owned();
            let reply = editor.act(&format!("{path}/{name}"), &tag);
            if reply.status == 200 {
                versions[index] = version(&editor, &alone[index]);
            }
            let faults = if reply.status == 200 { Vec::new() } else { codes(&reply.json()) };
            refused += usize::from(reply.status == 422);
            wanted.push((i64::from(reply.status), faults));
        }
        // All in one request.
        let body = json!({"mode": "each", "operations": operations});
        let results = many.editor().post("/api/v1/bulk", &body).expect(200).json();
        let got: Vec<(i64, Vec<String>)> = results["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| (result["status"].as_i64().unwrap(), codes(result)))
            .collect();
        assert_eq!(got, wanted, "seed {seed}");
        // Those that were taken, all or none, and in a batch.
        for path in ["/api/v1/bulk", "/api/v1/batch"] {
            let third = TestApp::start(app.backend);
            let mut rng = StdRng::seed_from_u64(seed);
            let ids = drafts(&third.editor(), &mut rng);
            let of = |id: &Value| ids[together.iter().position(|known| id == known).unwrap()].clone();
            let accepted: Vec<Value> = operations
                .iter()
                .zip(&wanted)
                .filter(|(_, (status, _))| *status == 200)
                .map(|(step, _)| {
                    let mut step = step.clone();
                    step["id"] = of(&step["id"]).into();
                    step
                })
                .collect();
            let list = if path.ends_with("bulk") { "operations" } else { "entries" };
            third.editor().post(path, &json!({list: accepted})).expect(200);
            let public = |app: &TestApp| {
                let list = app.visitor().get("/api/v1/redirects.txt").expect(200);
                String::from_utf8(list.body).unwrap().lines().count()
            };
            assert_eq!(public(&third), public(&one), "seed {seed}");
        }
    }
    assert!(refused > 30, "{refused} steps were refused");
}
