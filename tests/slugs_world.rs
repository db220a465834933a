//! Random slugs, publications, languages, merges and deletions of items that take each other's former slugs: a slug under
//! which the public ever saw an item leads to it, or to another one that the public saw under it, as long as one of these is
//! public, and no draft is shown.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::redirects::{resolve, with_pages};
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::import::{bring, options, write_export};

const ITEMS: usize = 6;
const STEPS: usize = 120;
const SLUGS: [&str; 5] = ["a", "b", "c", "d", "e"];
const TOPICS: &str = "/api/v1/topics";

struct World {
    editor: Client,
    public: Client,
    rng: StdRng,
    ids: Vec<String>,
    /// The items that the public ever saw under a slug.
    shown: BTreeMap<String, BTreeSet<String>>,
    /// The items into which others were merged.
    merged: BTreeMap<String, String>,
    /// The items that ever stood in the place of others.
    heirs: BTreeMap<String, BTreeSet<String>>,
    /// Number of slugs that led to an item although another one that is no redirect had them.
    lent: usize,
}

impl World {
    fn new(app: &TestApp, seed: u64) -> Self {
        let editor = app.editor();
        let (rng, public) = (StdRng::seed_from_u64(seed), app.visitor());
        let (shown, merged, heirs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut world = Self { editor, public, rng, ids: Vec::new(), shown, merged, heirs, lent: 0 };
        for _ in 0..ITEMS {
            world.create();
        }
        world
    }

    fn create(&mut self) -> (String, Reply) {
        let number = self.ids.len();
        // The title makes the slug, with a number where another one has it.
        let reply = self.editor.post(TOPICS, &json!({"name": format!("Topic {number}")}));
        self.ids.push(reply.json()["id"].as_str().unwrap().to_owned());
        (format!("create {number}"), reply)
    }

    fn any(&mut self) -> String {
        let index = self.rng.random_range(0..self.ids.len());
        self.ids[index].clone()
    }

    /// Makes a change, which the server may refuse: a slug that another item has, a step that does not fit the state.
    fn step(&mut self) -> String {
        let (id, other) = (self.any(), self.any());
        let slug = SLUGS[self.rng.random_range(0..SLUGS.len())];
        let path = format!("{TOPICS}/{id}");
        let tag = self.editor.get(&path).expect(200).etag().to_owned();
        let act = |step: &str| self.editor.act(&format!("{path}/{step}"), &tag);
        let draft = format!("{path}?view=draft");
        let (told, reply) = match self.rng.random_range(0..16) {
            0..=3 => ("publish", act("publish")),
            4 => ("unpublish", act("unpublish")),
            5..=7 => ("slug", self.editor.patch(&path, &tag, &json!({"slug": slug}))),
            8 => ("dutch", self.editor.patch(&path, &tag, &json!({"slugs": {"nl": slug}}))),
            9 => ("no dutch", self.editor.patch(&path, &tag, &json!({"slugs": {"nl": null}}))),
            10 => ("hide", act("translations/nl/unpublish")),
            11 => ("show", act("translations/nl/publish")),
            12 => ("working draft", self.editor.patch(&draft, &tag, &json!({"slug": slug}))),
            13 => ("trash", self.editor.trash(&path, &tag)),
            14 => ("restore", act("restore")),
            _ => self.merge_or_create(&id, &other, &path, &tag),
        };
        assert!([200, 201, 204, 409, 412, 422].contains(&reply.status), "{told}: {}", reply.status);
        format!("{told} {id} {other} {slug}: {}", reply.status)
    }

    /// Merges one time of three, since merges leave few items.
    fn merge_or_create(&mut self, id: &str, other: &str, path: &str, tag: &str) -> (&'static str, Reply) {
        if self.rng.random_bool(0.6) {
            return ("create", self.create().1);
        }
        if self.merged.contains_key(id) {
            let reply = self.editor.act(&format!("{path}/unmerge"), tag);
            if reply.status == 200 {
                self.merged.remove(id);
            }
            return ("unmerge", reply);
        }
        let reply = self.editor.act_with(&format!("{path}/merge"), tag, &json!({"from": [other]}));
        if reply.status == 200 {
            self.merged.insert(other.to_owned(), id.to_owned());
            self.heirs.entry(other.to_owned()).or_default().insert(id.to_owned());
        }
        ("merge", reply)
    }

    /// Deletes for good what is in the trash and not in use.
    fn purge(&mut self, app: &TestApp) {
        app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
        self.ids.retain(|id| self.editor.get(&format!("{TOPICS}/{id}")).status == 200);
    }

    /// The ids of the items that are public now, by their slugs.
    fn note_present(&mut self) -> BTreeSet<String> {
        let list = self.public.get(&format!("{TOPICS}?limit=100")).expect(200).json();
        let mut live = BTreeSet::new();
        for topic in list["data"].as_array().unwrap() {
            let (id, slug) = (topic["id"].as_str().unwrap().to_owned(), topic["slug"].as_str().unwrap());
            let dutch = self.public.get(&format!("{TOPICS}/{id}?locale=nl")).expect(200).json()["slug"].clone();
            for slug in [slug, dutch.as_str().unwrap()] {
                self.shown.entry(slug.to_owned()).or_default().insert(id.clone());
            }
            live.insert(id);
        }
        live
    }

    /// The item in whose place another one stands.
    fn now<'a>(&'a self, id: &'a String) -> &'a String {
        std::iter::successors(Some(id), |id| self.merged.get(*id)).last().unwrap()
    }

    /// The items to which a slug may lead that these were seen under: these, and those that ever stood in their place.
    fn allowed(&self, holders: &BTreeSet<String>) -> BTreeSet<String> {
        let (mut found, mut left) = (BTreeSet::new(), holders.iter().cloned().collect::<Vec<_>>());
        while let Some(id) = left.pop() {
            if found.insert(id.clone()) {
                left.extend(self.heirs.get(&id).into_iter().flatten().cloned());
            }
        }
        found
    }

    fn check(&mut self, told: &str) {
        let live = self.note_present();
        for (slug, holders) in &self.shown {
            let expected: BTreeSet<&String> =
                holders.iter().map(|id| self.now(id)).filter(|id| live.contains(*id)).collect();
            let reply = self.public.get(&format!("{TOPICS}/{slug}"));
            let was_moved = reply.status == 308;
            let reply = if was_moved { self.public.get(reply.header("location")).expect(200) } else { reply };
            assert!(reply.status == 200 || expected.is_empty(), "{slug}: {}: {told}", reply.status);
            let address = resolve(&self.public, &format!("/topics/{slug}"));
            assert_eq!(address.status, reply.status, "address of {slug}: {told}");
            if reply.status == 404 {
                continue;
            }
            let found = reply.json()["id"].as_str().unwrap().to_owned();
            assert!(live.contains(&found) && self.allowed(holders).contains(&found), "{slug} leads to {found}: {told}");
            assert_eq!(address.json()["item"]["id"], found.as_str(), "{slug}: {told}");
            let holder = self.editor.get(&format!("{TOPICS}/{slug}"));
            self.lent += usize::from(was_moved && holder.status == 200 && holder.json()["id"] != found.as_str());
        }
    }
}

#[apply(api_test)]
fn a_slug_that_was_public_leads_to_a_public_item(app: &TestApp) {
    let mut lent = 0;
    for seed in [19, 20_261_130, 4] {
        let own = TestApp::start(app.backend);
        let site = with_pages(&own);
        let mut world = World::new(&site, seed);
        let mut told = Vec::new();
        for _ in 0..STEPS {
            told.push(world.step());
            if told.len() % 30 == 0 {
                world.purge(&site);
                told.push("purge".into());
            }
            let last = told.len().saturating_sub(12);
            world.check(&told[last..].join("; "));
        }
        lent += world.lent;
        // Another installation with the same content knows the same.
        let folder = tempfile::tempdir().unwrap();
        let file = write_export(&site, folder.path(), "all.jsonl");
        let other = TestApp::start(app.other_backend());
        bring(&other, &file, &options(&file));
        let again = other.visitor();
        for slug in world.shown.keys() {
            let path = format!("{TOPICS}/{slug}");
            assert_eq!(again.get(&path).status == 404, world.public.get(&path).status == 404, "{slug} elsewhere");
        }
    }
    assert!(lent > 10, "{lent} slugs led to an item while a draft had them");
}

/// A draft takes the former slug of a public item, is published, taken down, and deleted for good.
#[apply(api_test)]
fn a_draft_takes_no_redirect_away(app: &TestApp) {
    let app = with_pages(app);
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    editor.patch(&format!("{TOPICS}/water"), "\"v1\"", &json!({"slug": "rivers"})).expect(200);
    let leads = || {
        let reply = public.get(&format!("{TOPICS}/water"));
        let place = if reply.status == 308 { reply.header("location").to_owned() } else { String::new() };
        let address = resolve(&public, "/topics/water");
        let outcome = if address.status == 200 { address.json()["outcome"].clone() } else { Value::Null };
        (reply.status, place, outcome)
    };
    let former = (308, format!("{TOPICS}/rivers"), json!("redirect"));
    let present = (200, String::new(), json!("present"));
    assert_eq!(leads(), former);
    let draft = editor.create("topics", &json!({"name": "Draft", "slug": "water"}));
    assert_eq!(leads(), former);
    let own = format!("{TOPICS}/{}", draft["id"].as_str().unwrap());
    let tag = || editor.get(&own).expect(200).etag().to_owned();
    editor.act(&format!("{own}/publish"), &tag()).expect(200);
    assert_eq!(leads(), present);
    editor.act(&format!("{own}/unpublish"), &tag()).expect(200);
    assert_eq!(leads(), former);
    editor.act(&format!("{own}/publish"), &tag()).expect(200);
    editor.trash(&own, &tag()).expect(204);
    assert_eq!(leads(), former);
    // Nobody gets a title's slug that leads somewhere.
    assert_eq!(editor.create("topics", &json!({"name": "Water"}))["slug"], "water-2");
    // So it is after the draft is gone for good.
    app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 0)).map_err(|p| p.detail).unwrap();
    editor.get(&own).problem(404, &[]);
    assert_eq!(leads(), former);
    assert_eq!(editor.create("topics", &json!({"name": "Water"}))["slug"], "water-3");
    let draft = editor.create("topics", &json!({"name": "Draft", "slug": "water"}));
    let own = format!("{TOPICS}/{}", draft["id"].as_str().unwrap());
    let tag = || editor.get(&own).expect(200).etag().to_owned();
    // A draft that gives the slug up again leaves it to its item.
    editor.patch(&own, &tag(), &json!({"slug": "elsewhere"})).expect(200);
    assert_eq!(leads(), former);
}
