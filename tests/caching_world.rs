//! Random writes, and reads on nodes that cache and on one that does not: what `caching` compares.

use std::collections::HashMap;

use plenary::background::cdn_purge;
use plenary::content_types::{ContentType, Filter, FilterTarget, WordField, with_lists};
use plenary::delivery::sql::facets::Facet;
use plenary::problem::Problem;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;

/// The items that sequences begin with, of each kind.
const ITEMS: usize = 4;
const STEPS: usize = 8;
const PATHS: usize = 14;

/// Nodes on one database, with the items that were created in it.
pub struct World<'a> {
    app: &'a TestApp,
    editor: Client,
    kept: Client,
    fresh: Client,
    other: Client,
    items: Vec<(&'static ContentType, String)>,
    rng: StdRng,
    log: Vec<String>,
    counter: usize,
}

/// What an address gave: status, body or new address, tags.
type Seen = (u16, Vec<u8>, String);

fn seen(reply: &Reply) -> Seen {
    let text = match reply.status {
        200 => [reply.body.as_slice(), reply.etag().as_bytes(), reply.header("link").as_bytes()].concat(),
        _ => reply.header("location").as_bytes().to_vec(),
    };
    (reply.status, text, reply.header("surrogate-key").to_owned())
}

impl<'a> World<'a> {
    /// Creates items of each kind. `first` and `second` cache responses, `bare` does not.
    pub fn new(first: &'a TestApp, second: &TestApp, bare: &TestApp, seed: u64) -> Self {
        let mut world = Self {
            app: first,
            editor: first.editor(),
            kept: first.visitor(),
            fresh: bare.visitor(),
            other: second.visitor(),
            items: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
            log: Vec::new(),
            counter: 0,
        };
        world.fill();
        world
    }

    /// Writes at random, and compares the responses of the nodes after each write. `name` is printed where they differ.
    pub fn sequence(&mut self, name: String) {
        self.log = vec![name];
        let paths: Vec<String> = (0..PATHS).map(|_| self.path()).collect();
        let mut before: HashMap<&str, Seen> = HashMap::new();
        let (mut since, _) = self.changes(0);
        while self.changes(since).0 > since {
            since = self.changes(since).0;
        }
        for step in 0..=STEPS {
            let (up_to, tags) = self.changes(since);
            since = up_to;
            for path in &paths {
                let now = seen(&self.kept.get(path));
                let log = || format!("{path} after {:#?}", self.log);
                assert_eq!(now.0 / 100 % 5, now.0 / 100, "{}", log());
                let fresh = seen(&self.fresh.get(path));
                assert!(
                    now == fresh,
                    "{}: kept {}\nfresh {}",
                    log(),
                    String::from_utf8_lossy(&now.1),
                    String::from_utf8_lossy(&fresh.1)
                );
                if let Some(before) = before.insert(path, now.clone())
                    && (before.0, &before.1) != (now.0, &now.1)
                    && matches!(before.0, 200 | 308)
                {
                    let named = before.2.split(' ').any(|tag| tags.iter().any(|changed| changed == tag));
                    assert!(named, "{}: {} has none of {tags:?}", log(), before.2);
                }
            }
            if step < STEPS {
                self.write();
            }
        }
        self.texts();
        for path in &paths {
            let fresh = seen(&self.fresh.get(path));
            wait_for(&format!("{path} on the other node"), || seen(&self.other.get(path)) == fresh);
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.rng).expect("there is something to choose from")
    }

    fn slug(&mut self, kind: &str) -> String {
        format!("{}-{}", kind.replace('_', "-"), self.rng.random_range(0..ITEMS + 1))
    }

    fn fill(&mut self) {
        // What is referred to comes first.
        for kind in ["event_type", "topic", "series", "partner", "venue", "speaker", "event", "session", "page"] {
            for number in 0..ITEMS {
                let slug = format!("{}-{number}", kind.replace('_', "-"));
                self.create(kind, Some(&slug));
            }
        }
    }

    /// Relations to what there is, or was.
    fn relations(&mut self, kind: &str) -> Value {
        let mut some = |kind: &str| self.slug(kind);
        match kind {
            "event" => {
                json!({"series": some("series"), "type": some("event_type"), "venue": some("venue"),
                    "topics": [some("topic")], "speakers": [{"speaker": some("speaker")}],
                    "partners": [{"partner": some("partner"), "role": "organiser"}], "related": [some("event")]})
            }
            "session" => json!({"event": some("event"), "speakers": [{"speaker": some("speaker")}]}),
            "speaker" => json!({"organisation": some("partner"), "country": "BE"}),
            "topic" => json!({"parent": some("topic")}),
            "page" => {
                json!({"parent": some("page"), "blocks": [{"type": "speakers", "speakers": [some("speaker")]},
                    {"type": "call_to_action", "label": "Go", "page": some("page")}]})
            }
            "venue" => {
                json!({"address": {"country": "BE"}, "location": {"latitude": 50.84, "longitude": 4.36}})
            }
            _ => json!({}),
        }
    }

    /// Makes an item; relations that lead nowhere are left out, one after the other.
    fn create(&mut self, kind: &str, slug: Option<&str>) {
        let resource = ContentType::of_kind(kind).expect("a kind");
        self.counter += 1;
        let mut body = self.relations(kind);
        body[resource.label] = format!("Name {}", self.counter).into();
        body["status"] = "published".into();
        if let Some(slug) = slug {
            body["slug"] = slug.into();
        }
        if resource.span.is_some() {
            body["starts_at"] = format!("20{}-05-01T10:00:00Z", self.rng.random_range(20..60)).into();
        }
        for _ in 0..4 {
            let reply = self.editor.post(&format!("/api/v1/{}", resource.collection), &body);
            assert!(reply.status < 500, "{}", String::from_utf8_lossy(&reply.body));
            if reply.status == 201 {
                let id = reply.json()["id"].as_str().expect("an id").to_owned();
                self.log.push(format!("create {kind} {id}"));
                return self.items.push((resource, id));
            }
            for error in reply.json()["errors"].as_array().into_iter().flatten() {
                let field = error["pointer"].as_str().unwrap_or_default().split('/').nth(1).unwrap_or_default();
                body.as_object_mut().expect("an object").remove(field);
            }
        }
    }

    fn write(&mut self) {
        let (resource, id) = self.items[self.rng.random_range(0..self.items.len())].clone();
        let path = format!("/api/v1/{}/{id}", resource.collection);
        let desk = self.editor.get(&format!("{path}/desk")).expect(200);
        let (etag, state) = (desk.etag().to_owned(), desk.json());
        self.counter += 1;
        let name = format!("Name {}", self.counter);
        let step = |word: &str| self.editor.act(&format!("{path}/{word}"), &etag);
        let (what, reply) = match self.rng.random_range(0..10) {
            _ if state["trashed"] == true || state["status"] == "trashed" => ("restore", step("restore")),
            0..=3 if state["live"] == false => ("publish", step("publish")),
            0 | 1 => ("rename", self.editor.patch(&path, &etag, &json!({resource.label: name}))),
            2 => {
                let slug = self.slug(resource.kind);
                ("slug", self.editor.patch(&path, &etag, &json!({"slug": slug})))
            }
            3 | 4 => {
                let relations = self.relations(resource.kind);
                ("relations", self.editor.patch(&path, &etag, &relations))
            }
            5 => ("translate", self.editor.patch(&format!("{path}?locale=nl"), &etag, &json!({resource.label: name}))),
            6 => ("unpublish", step("unpublish")),
            7 => ("archive", step("archive")),
            8 => ("trash", self.editor.trash(&path, &etag)),
            _ => return self.create(resource.kind, None),
        };
        assert!(reply.status < 500, "{what}: {}", String::from_utf8_lossy(&reply.body));
        self.log.push(format!("{what} {} {id}: {}", resource.kind, reply.status));
    }

    /// The query of a list in part: a condition with a value that may be there.
    fn condition(&mut self, filter: &Filter, on: FilterTarget) -> Option<String> {
        let name = filter.name;
        let value = match on {
            FilterTarget::Parent(kind)
            | FilterTarget::Refers { target: kind, .. }
            | FilterTarget::ReferredBy { source: kind, .. } => self.slug(kind),
            FilterTarget::Country => "BE".to_owned(),
            FilterTarget::Variant(known) | FilterTarget::Word(WordField { words: Some(known), .. }) => {
                self.pick(known.words).to_owned()
            }
            FilterTarget::Word(_) => "en".to_owned(),
            FilterTarget::When => self.pick(&["upcoming", "past"]).to_owned(),
            FilterTarget::Year => self.pick(&["2026", "2027"]).to_owned(),
            FilterTarget::Near(_) => "50.84,4.36,50km".to_owned(),
            FilterTarget::Time(_) => return Some(format!("{name}[gte]=2027-01-01")),
            FilterTarget::Through(through) => return self.condition(filter, through.filter.on),
            FilterTarget::Slug | FilterTarget::Ids => return None,
        };
        let none = matches!(on, FilterTarget::Parent(_) | FilterTarget::Refers { .. }) && self.rng.random_bool(0.2);
        Some(format!("{name}{}={value}", if none { "[none]" } else { "" }))
    }

    fn include(&mut self, resource: &'static ContentType) -> Option<String> {
        let all = resource.includes();
        if all.is_empty() {
            return None;
        }
        let mut some = vec![self.pick(all), self.pick(all)];
        some.dedup();
        Some(format!("include={}", some.join(",")))
    }

    fn conditions(&mut self, resource: &'static ContentType) -> Vec<String> {
        let filters: Vec<&Filter> = resource.filters.iter().collect();
        let some = [self.pick(&filters), self.pick(&filters)];
        let mut conditions: Vec<String> =
            some.into_iter().filter_map(|filter| self.condition(filter, filter.on)).collect();
        conditions.truncate(self.rng.random_range(0..3));
        conditions.sort();
        conditions.dedup_by_key(|text| text.split(['=', '[']).next().unwrap_or_default().to_owned());
        conditions
    }

    fn list(&mut self, resource: &'static ContentType) -> String {
        let mut query = self.conditions(resource);
        query.extend(self.include(resource).filter(|_| self.rng.random_bool(0.7)));
        let facets = Facet::all(resource);
        if !facets.is_empty() && self.rng.random_bool(0.3) {
            query.push(format!("facets={}", self.pick(&facets).name()));
        }
        let sort = self.pick(&resource.sorts.iter().map(|sort| sort.name).collect::<Vec<_>>());
        let others = ["detail=full".to_owned(), "count=exact".into(), "locale=nl".into(), format!("sort=-{sort}")];
        query.extend(others.into_iter().filter(|_| self.rng.random_bool(0.3)));
        query.push(format!("limit={}", self.rng.random_range(1..30)));
        format!("/api/v1/{}?{}", resource.collection, query.join("&"))
    }

    fn path(&mut self) -> String {
        let resource = self.pick(&with_lists().collect::<Vec<_>>());
        let slug = self.slug(resource.kind);
        match self.rng.random_range(0..10) {
            0..=4 => self.list(resource),
            5 | 6 => {
                let query = self.include(resource).unwrap_or_default();
                format!("/api/v1/{}/{slug}?{query}", resource.collection)
            }
            7 => {
                let event = ContentType::of_kind("event").expect("events");
                let query = self.conditions(event).join("&");
                let form = self.pick(&["ics", "rss", "atom", "json", "jsonld", "csv"]);
                format!("/api/v1/events.{form}?{query}")
            }
            8 => {
                let form = self.pick(&["json-ld", "calendar.ics", "schedule.json", "schedule.xml"]);
                format!("/api/v1/events/{}/{form}", self.slug("event"))
            }
            _ => "/api/v1/sitemap.xml".to_owned(),
        }
    }

    /// The tags of all changes after an entry of the journal, and the newest entry.
    fn changes(&self, since: i64) -> (i64, Vec<String>) {
        let read = self.app.app.database.read(move |c| Ok::<_, Problem>(cdn_purge::changes(c, since)?));
        let changes = self.app.block_on(read).map_err(|problem| problem.detail).expect("the journal");
        (changes.last().map_or(since, |change| change.0), cdn_purge::tags_of(&changes))
    }

    /// What is found by a text follows when the index does.
    fn texts(&self) {
        for path in ["/api/v1/search?q=name", "/api/v1/events?q=name&sort=title&include=speakers"] {
            wait_for(path, || seen(&self.kept.get(path)) == seen(&self.fresh.get(path)));
        }
    }
}
