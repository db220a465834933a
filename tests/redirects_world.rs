//! Random moves, renames, publications and languages of pages, with redirects and a menu: no address that was ever public is
//! lost while its page is public, nothing leads in a circle, and no draft is shown.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::pages_world::live_pages;
use crate::redirects::{resolve, with_pages};
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

const PAGES: usize = 6;
const STEPS: usize = 80;
const HOST: &str = "https://www.example.org";
const WORDS: [&str; 4] = ["a", "b", "c", "d"];
const LOCALES: [&str; 2] = ["en", "nl"];

struct World {
    editor: Client,
    public: Client,
    rng: StdRng,
    pages: Vec<String>,
    redirects: Vec<String>,
    /// The pages that were ever public under a path of the website.
    shown: BTreeMap<String, BTreeSet<String>>,
    /// Number of addresses that led elsewhere by a redirect, and by having been one before.
    led: [usize; 2],
}

impl World {
    fn new(app: &TestApp, seed: u64) -> Self {
        let editor = app.editor();
        let make = |number: usize| {
            let body = json!({"title": format!("Page {number}"), "slug": format!("seed-{seed}-{number}")});
            editor.create("pages", &body)["id"].as_str().unwrap().to_owned()
        };
        let pages: Vec<String> = (0..PAGES).map(make).collect();
        let entry = |id: &String| json!({"target": {"collection": "pages", "id": id}});
        let entries: Vec<Value> = pages.iter().map(entry).collect();
        let menu = json!({"title": "Main", "slug": "main", "status": "published", "entries": entries});
        editor.create("menus", &menu);
        let rng = StdRng::seed_from_u64(seed);
        Self { editor, public: app.visitor(), rng, pages, redirects: Vec::new(), shown: BTreeMap::new(), led: [0, 0] }
    }

    fn any_page(&mut self) -> String {
        let index = self.rng.random_range(0..self.pages.len());
        self.pages[index].clone()
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.rng.random_range(0..WORDS.len())]
    }

    /// A path, which pages may have.
    fn path(&mut self) -> String {
        let (locale, first, second) = (LOCALES[self.rng.random_range(0..2)], self.word(), self.word());
        match self.rng.random_range(0..3) {
            0 => format!("/{locale}/{first}"),
            1 => format!("/{locale}/{first}/{second}"),
            _ => format!("/{first}"),
        }
    }

    fn redirect(&mut self) -> Value {
        let (mut source, mut url) = (self.path(), self.path());
        // Often the address of a page, present or former.
        if !self.shown.is_empty() && self.rng.random_bool(0.6) {
            let index = self.rng.random_range(0..self.shown.len());
            source = self.shown.keys().nth(index).unwrap().clone();
        }
        let match_type = ["exact", "exact", "prefix", "pattern"][self.rng.random_range(0..4)];
        if match_type == "pattern" {
            source.push_str("/{x}");
            url.push_str("/{x}");
        }
        let destination = match self.rng.random_range(0..3) {
            0 => json!({"target": {"collection": "pages", "id": self.any_page()}, "url": null}),
            _ => json!({"url": url, "target": null}),
        };
        json!({"source": source, "match_type": match_type, "destination": destination})
    }

    /// Makes a change, which the server may refuse.
    fn step(&mut self) -> String {
        let (told, reply) = match self.rng.random_range(0..10) {
            0..=5 => self.change_page(),
            _ => self.change_redirect(),
        };
        assert!([200, 201, 204, 409, 422].contains(&reply.status), "{told}: {}", reply.status);
        format!("{told}: {}", reply.status)
    }

    fn change_page(&mut self) -> (String, Reply) {
        let (id, other, word) = (self.any_page(), self.any_page(), self.word());
        let path = format!("/api/v1/pages/{id}");
        let etag = self.editor.get(&path).expect(200).etag().to_owned();
        let act = |step: &str| self.editor.act(&format!("{path}/{step}"), &etag);
        let patch = |body: &Value| self.editor.patch(&path, &etag, body);
        let (told, reply) = match self.rng.random_range(0..11) {
            0..=3 => ("publish", act("publish")),
            4 => ("unpublish", act("unpublish")),
            5 => ("parent", patch(&json!({"parent": other}))),
            6 => ("root", patch(&json!({"parent": null}))),
            7 | 8 => ("segment", patch(&json!({"segment": word}))),
            9 => {
                let dutch = json!({"title": "NL", "segment": word});
                ("dutch", self.editor.patch(&format!("{path}?locale=nl"), &etag, &dutch))
            }
            _ => ("hide", act("translations/nl/unpublish")),
        };
        (format!("{told} {id} {other} {word}"), reply)
    }

    fn change_redirect(&mut self) -> (String, Reply) {
        let body = self.redirect();
        if self.redirects.is_empty() || self.rng.random_bool(0.4) {
            let mut body = body;
            body["status"] = ["published", "draft"][self.rng.random_range(0..2)].into();
            let reply = self.editor.post("/api/v1/redirects", &body);
            if reply.status == 201 {
                self.redirects.push(reply.json()["id"].as_str().unwrap().to_owned());
            }
            return (format!("create {body}"), reply);
        }
        let index = self.rng.random_range(0..self.redirects.len());
        let path = format!("/api/v1/redirects/{}", self.redirects[index]);
        let etag = self.editor.get(&path).expect(200).etag().to_owned();
        let reply = match self.rng.random_range(0..4) {
            0 | 1 => self.editor.act(&format!("{path}/publish"), &etag),
            2 => self.editor.act(&format!("{path}/unpublish"), &etag),
            _ => self.editor.patch(&path, &etag, &body),
        };
        (format!("redirect {path} {body}"), reply)
    }

    /// Notes the present addresses of public pages, each of which is resolved as present, and returns them.
    fn note_present(&mut self, live: &BTreeSet<String>, told: &str) -> BTreeSet<String> {
        let mut present = BTreeSet::new();
        for locale in LOCALES {
            let list = self.public.get(&format!("/api/v1/pages?limit=100&locale={locale}")).expect(200).json();
            for page in list["data"].as_array().unwrap() {
                let (id, path) = (page["id"].as_str().unwrap(), page["path"].as_str().unwrap());
                assert!(live.contains(id), "{told}");
                let address = format!("/{locale}/{path}");
                let found = resolve(&self.public, &address).expect(200).json();
                assert_eq!(found["outcome"], "present", "{address} {told}");
                assert_eq!(found["item"]["id"], id, "{address} {told}");
                self.shown.entry(address.clone()).or_default().insert(id.to_owned());
                present.insert(address);
            }
        }
        present
    }

    fn check(&mut self, told: &str) {
        let live = live_pages(&self.editor);
        let present = self.note_present(&live, told);
        let published = self.editor.get("/api/v1/redirects?limit=100").expect(200).json();
        let published: BTreeSet<&str> =
            published["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        for (address, holders) in &self.shown {
            let reply = resolve(&self.public, address);
            if reply.status == 404 {
                assert!(holders.iter().all(|id| !live.contains(id)), "{address} is lost: {told}");
                continue;
            }
            let found = reply.expect(200).json();
            let used = found["redirects"].as_array().unwrap();
            assert!(used.iter().all(|id| published.contains(id.as_str().unwrap())), "{address}: a draft: {told}");
            let item = found["item"]["id"].as_str();
            assert!(item.is_none_or(|id| live.contains(id)), "{address}: a draft: {told}");
            if let Some(location) = found["location"].as_str() {
                self.led[usize::from(used.is_empty())] += 1;
                let path = location.strip_prefix(HOST).unwrap_or(location);
                assert_ne!(path, address, "{told}");
                let next = resolve(&self.public, path);
                let outcome = if next.status == 404 { json!("none") } else { next.json()["outcome"].clone() };
                assert_ne!(outcome, "redirect", "{address} leads to {location}, which leads on: {told}");
                // Only an editor can lead readers to a path where nothing is.
                assert!(outcome == "present" || !used.is_empty(), "{address} leads to {location}: {told}");
            }
        }
        self.check_menu_and_list(&live, &present, told);
    }

    /// What a menu and the list for the edge lead to is public, and the list hides no page.
    fn check_menu_and_list(&self, live: &BTreeSet<String>, present: &BTreeSet<String>, told: &str) {
        for locale in LOCALES {
            let layout = self.public.get(&format!("/api/v1/layout?locale={locale}")).expect(200).json();
            for entry in layout["menus"]["main"]["entries"].as_array().unwrap() {
                assert!(live.contains(entry["target"]["id"].as_str().unwrap()), "{entry} {told}");
                if let Some(url) = entry["url"].as_str() {
                    let found = resolve(&self.public, url.strip_prefix(HOST).unwrap()).expect(200).json();
                    assert_eq!(found["outcome"], "present", "{entry} {told}");
                }
            }
        }
        let list = self.public.get("/api/v1/redirects.txt").expect(200);
        let text = String::from_utf8(list.body).unwrap();
        for (source, rest) in text.lines().filter_map(|line| line.split_once(' ')).filter(|(source, _)| *source != "#")
        {
            let hidden = present.iter().find(|address| takes(source, address));
            assert_eq!(hidden, None, "{source} {told}");
            let path = rest.split(' ').next().unwrap();
            if let Some(path) = path.strip_prefix(HOST) {
                assert_eq!(resolve(&self.public, path).expect(200).json()["outcome"], "present", "{path} {told}");
            }
        }
    }
}

/// Whether a source in the list for the edge matches a path.
fn takes(source: &str, path: &str) -> bool {
    let (mut source, mut path) = (source[1..].split('/'), path[1..].split('/'));
    loop {
        match (source.next(), path.next()) {
            (Some("*"), _) | (None, None) => return true,
            (Some(own), Some(given)) if own.starts_with(':') || own == given => {}
            _ => return false,
        }
    }
}

#[apply(api_test)]
fn no_address_is_lost_and_none_leads_in_a_circle(app: &TestApp) {
    for seed in [19, 20_261_129] {
        let own = TestApp::start(app.backend);
        let site = with_pages(&own);
        let mut world = World::new(&site, seed);
        let mut told = Vec::new();
        for _ in 0..STEPS {
            told.push(world.step());
            let last = told.len().saturating_sub(8);
            world.check(&told[last..].join("; "));
        }
        assert!(world.shown.len() > 10, "{} addresses", world.shown.len());
        let [by_redirects, by_former] = world.led;
        assert!(by_redirects > 0 && by_former > 10, "{by_redirects} and {by_former} redirections");
    }
}
