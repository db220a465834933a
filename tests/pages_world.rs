//! Random moves, renames, publications and languages of pages: what was ever public leads to a public page, and what is not
//! public is shown nowhere.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// Number of pages.
const PAGES: usize = 8;
/// Number of changes in a sequence.
const STEPS: usize = 60;
const LOCALES: [&str; 2] = ["en", "nl"];

/// The pages that are public by what their editors see: published, as are all above them.
pub fn live_pages(editor: &Client) -> BTreeSet<String> {
    let list = editor.get("/api/v1/pages?status=any&limit=100").expect(200).json();
    let known: BTreeMap<&str, (&Value, Option<&str>)> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| (page["id"].as_str().unwrap(), (&page["status"], page["parent"]["id"].as_str())))
        .collect();
    let is_live =
        |id: &&str| std::iter::successors(Some(*id), |id| known[id].1).all(|id| *known[id].0 == json!("published"));
    known.keys().filter(|id| is_live(id)).map(|id| (*id).to_owned()).collect()
}

struct World {
    editor: Client,
    public: Client,
    rng: StdRng,
    ids: Vec<String>,
    /// The pages that were ever public under a path, by language and path.
    shown: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

impl World {
    fn new(app: &TestApp, seed: u64) -> Self {
        let editor = app.editor();
        let make = |number: usize| {
            let body = json!({"title": format!("Page {number}"), "slug": format!("seed-{seed}-{number}")});
            editor.create("pages", &body)["id"].as_str().unwrap().to_owned()
        };
        let ids = (0..PAGES).map(make).collect();
        let rng = StdRng::seed_from_u64(seed);
        Self { editor, public: app.visitor(), rng, ids, shown: BTreeMap::new() }
    }

    fn any(&mut self) -> String {
        let index = self.rng.random_range(0..self.ids.len());
        self.ids[index].clone()
    }

    /// Makes a change, which the server may refuse: a path that is taken, a circle, a step that does not fit the state.
    fn step(&mut self) -> String {
        let id = self.any();
        let path = format!("/api/v1/pages/{id}");
        let etag = self.editor.get(&path).expect(200).etag().to_owned();
        let word = format!("w{}", self.rng.random_range(0..4));
        let other = self.any();
        let (told, reply) = match self.rng.random_range(0..9) {
            0 | 1 => ("publish", self.editor.act(&format!("{path}/publish"), &etag)),
            2 => ("unpublish", self.editor.act(&format!("{path}/unpublish"), &etag)),
            3 => ("parent", self.editor.patch(&path, &etag, &json!({"parent": other}))),
            4 => ("root", self.editor.patch(&path, &etag, &json!({"parent": null}))),
            5 => ("segment", self.editor.patch(&path, &etag, &json!({"segment": word}))),
            6 => {
                let dutch = json!({"title": "NL", "segment": word});
                ("dutch", self.editor.patch(&format!("{path}?locale=nl"), &etag, &dutch))
            }
            7 => ("hide", self.editor.act(&format!("{path}/translations/nl/unpublish"), &etag)),
            _ => ("show", self.editor.act(&format!("{path}/translations/nl/publish"), &etag)),
        };
        assert!([200, 409, 422].contains(&reply.status), "{told}: {}", reply.status);
        format!("{told} {id} {other} {word}: {}", reply.status)
    }

    fn check(&mut self, told: &str) {
        let live = live_pages(&self.editor);
        for locale in LOCALES {
            let list = self.public.get(&format!("/api/v1/pages?limit=100&locale={locale}")).expect(200).json();
            let mut seen = BTreeSet::new();
            for page in list["data"].as_array().unwrap() {
                let (id, path) = (page["id"].as_str().unwrap(), page["path"].as_str().unwrap());
                seen.insert(id.to_owned());
                self.shown.entry((locale, path.to_owned())).or_default().insert(id.to_owned());
            }
            assert_eq!(seen, live, "{told}");
        }
        for ((locale, path), holders) in &self.shown {
            let address = format!("/api/v1/pages/by-path/{path}?locale={locale}");
            let mut reply = self.public.get(&address);
            let was_moved = reply.status == 308;
            if was_moved {
                reply = self.public.get(reply.header("location")).expect(200);
            }
            let is_expected = holders.iter().any(|id| live.contains(id));
            assert!(reply.status == 200 || !is_expected, "{address} {told}: {}", reply.status);
            if reply.status == 200 {
                let view = reply.json();
                assert!(live.contains(view["page"]["id"].as_str().unwrap()), "{address} {told}: a draft");
                assert_eq!(view["page"]["path"] == path.as_str(), !was_moved, "{address} {told}");
                let around = view["breadcrumbs"].as_array().unwrap().iter().chain(view["children"].as_array().unwrap());
                for page in around {
                    assert!(live.contains(page["id"].as_str().unwrap()), "{address} {told}: a draft around");
                }
            }
        }
    }
}

#[apply(api_test)]
fn whatever_was_public_leads_to_a_public_page(app: &TestApp) {
    for seed in [20_261_129, 7] {
        let mut world = World::new(app, seed);
        let mut told = Vec::new();
        for _ in 0..STEPS {
            told.push(world.step());
            let last = told.len().saturating_sub(6);
            let text = told[last..].join("; ");
            world.check(&text);
        }
        assert!(world.shown.len() > 10, "{} paths", world.shown.len());
        for id in world.ids {
            let etag = world.editor.get(&format!("/api/v1/pages/{id}")).expect(200).etag().to_owned();
            world.editor.act(&format!("/api/v1/pages/{id}/unpublish"), &etag);
        }
    }
}
