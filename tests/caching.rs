//! Kept answers: each is what a fresh one would be, whatever is asked and whatever changes.
//!
//! `PLENARY_TEST_SEQUENCES` says how many sequences are tried, `PLENARY_TEST_SEED` with which seed.

use std::collections::HashMap;

use plenary::background::cdn_purge;
use plenary::content::slug::is_slug;
use plenary::content_types::{ALL, ContentType, Filter, FilterTarget};
use plenary::delivery::sql::facets::Facet;
use plenary::problem::Problem;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;
use crate::tests;

tests![
    lists_follow_what_they_include,
    every_kept_answer_is_a_fresh_one,
    what_is_not_there_is_kept_too,
    made_up_addresses_push_nothing_out,
    equal_misses_are_computed_once,
    a_304_has_the_tag_of_its_coding,
    if_match_may_be_a_list,
    an_answer_with_many_items_has_few_tags,
];

/// The items that sequences begin with, of each kind.
const ITEMS: usize = 4;
const STEPS: usize = 8;
const PATHS: usize = 14;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The series of a session's event is two steps from the session.
fn lists_follow_what_they_include(app: &TestApp) {
    let editor = app.editor();
    editor.create("series", &json!({"title": "Before", "slug": "s", "status": "published"}));
    editor.create("events", &json!({"title": "E", "slug": "e", "series": "s", "status": "published"}));
    editor.create("sessions", &json!({"title": "One", "event": "e", "status": "published"}));
    let public = app.public();
    let paths = [
        "/api/v1/sessions?event=e&include=event.series",
        "/api/v1/sessions?include=event.series&sort=title",
        "/api/v1/events?include=series,sessions",
        "/api/v1/events.rss",
        "/api/v1/events/e/json-ld",
        "/api/v1/events?facets=series",
    ];
    let shown = |word: &str| {
        paths.map(|path| String::from_utf8(public.get(path).expect(200).body).expect("text").contains(word))
    };
    let shows_series = shown("Before");
    assert!(shows_series[0] && shows_series[1] && shows_series[5], "{shows_series:?}");
    editor.patch("/api/v1/series/s", "\"v1\"", &json!({"title": "After"})).expect(200);
    assert_eq!(shown("Before"), [false; 6]);
    assert_eq!(shown("After"), shows_series);
    editor.act("/api/v1/series/s/unpublish", "\"v2\"").expect(200);
    assert_eq!(shown("After"), [false; 6]);
}

/// A node with everything, one that keeps nothing, and another that keeps.
struct World<'a> {
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

fn every_kept_answer_is_a_fresh_one(app: &TestApp) {
    let seed = setting("PLENARY_TEST_SEED", 20_261_128);
    let sequences = setting("PLENARY_TEST_SEQUENCES", 8);
    println!("kept answers: {sequences} sequences, seed {seed}");
    let tagged = |bytes: usize| {
        TestApp::start_with(app.backend, |config| {
            config.database_url = app.config.database_url.clone();
            config.search.folder = app.config.search.folder.clone();
            config.cdn.tags = "surrogate-key".into();
            config.server.response_cache_bytes = bytes;
        })
    };
    let (first, second, bare) = (tagged(64 << 20), tagged(64 << 20), tagged(0));
    let mut world = World {
        app: &first,
        editor: first.editor(),
        kept: first.public(),
        fresh: bare.public(),
        other: second.public(),
        items: Vec::new(),
        rng: StdRng::seed_from_u64(seed),
        log: Vec::new(),
        counter: 0,
    };
    world.fill();
    for number in 0..sequences {
        world.log = vec![format!("sequence {number} of seed {seed}")];
        world.sequence();
    }
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

impl World<'_> {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.rng).expect("there is something to choose from")
    }

    fn slug(&mut self, kind: &str) -> String {
        format!("{}-{}", kind.replace('_', "-"), self.rng.random_range(0..ITEMS + 1))
    }

    fn fill(&mut self) {
        // What is referred to comes first.
        for kind in ["event_type", "topic", "series", "partner", "venue", "speaker", "event", "session"] {
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
            8 => ("trash", self.editor.delete(&path, &etag)),
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
            FilterTarget::Variant(words) => self.pick(words).to_owned(),
            FilterTarget::Word(word) if word.words.is_empty() => "en".to_owned(),
            FilterTarget::Word(word) => self.pick(word.words).to_owned(),
            FilterTarget::When => self.pick(&["upcoming", "past"]).to_owned(),
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
        let resource = self.pick(&ALL);
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

    fn sequence(&mut self) {
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

    /// What is found by a text follows when the index does.
    fn texts(&self) {
        for path in ["/api/v1/search?q=name", "/api/v1/events?q=name&sort=title&include=speakers"] {
            wait_for(path, || seen(&self.kept.get(path)) == seen(&self.fresh.get(path)));
        }
    }
}

/// Statements that are sent for these reads; the watch sends some of its own, so the fewest of some attempts.
fn statements(app: &TestApp, mut reads: impl FnMut()) -> u64 {
    let once = |_| {
        let before = app.app.database.statements();
        reads();
        app.app.database.statements() - before
    };
    (0..5).map(once).min().expect("some attempts")
}

fn what_is_not_there_is_kept_too(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "E", "slug": "old", "status": "published"}));
    editor.patch("/api/v1/events/old", "\"v1\"", &json!({"slug": "new"})).expect(200);
    let public = app.public();
    let missing = ["/api/v1/events/none", "/api/v1/events/none/json-ld", "/api/v1/sitemap.xml?page=7"];
    let mut ids = Vec::new();
    for path in missing.into_iter().chain(missing) {
        let problem = public.get(path).problem(404, &[]);
        assert_eq!(problem["instance"], path.split('?').next().expect("a path"));
        ids.push(problem["request_id"].as_str().expect("an id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6, "each problem has the id of its own request");
    for _ in 0..2 {
        let moved = public.get("/api/v1/events/old?locale=nl").expect(308);
        assert_eq!(moved.header("location"), "/api/v1/events/new?locale=nl");
        assert!(moved.header("cache-control").starts_with("public"));
    }
    let asked = statements(app, || {
        missing.iter().for_each(|path| drop(public.get(path).expect(404)));
        public.get("/api/v1/events/old?locale=nl").expect(308);
    });
    assert_eq!(asked, 0, "what is known not to be there was looked up");
    // It appears, moves on, and goes.
    editor.create("events", &json!({"title": "N", "slug": "none", "status": "published"}));
    public.get("/api/v1/events/none").expect(200);
    public.get("/api/v1/events/none/json-ld").expect(200);
    editor.patch("/api/v1/events/new", "\"v2\"", &json!({"slug": "newer"})).expect(200);
    assert_eq!(public.get("/api/v1/events/old").expect(308).header("location"), "/api/v1/events/newer");
    editor.act("/api/v1/events/newer/unpublish", "\"v3\"").expect(200);
    public.get("/api/v1/events/old").expect(404);
    editor.act("/api/v1/events/newer/publish", "\"v4\"").expect(200);
    public.get("/api/v1/events/old").expect(308);
    // Editors see drafts, whatever is known of what the public sees.
    editor.create("events", &json!({"title": "D", "slug": "draft"}));
    public.get("/api/v1/events/draft").expect(404);
    editor.get("/api/v1/events/draft").expect(200);
    public.get("/api/v1/events/draft").expect(404);
    assert!(is_slug("draft"));
}

fn made_up_addresses_push_nothing_out(app: &TestApp) {
    // Room for about twenty answers.
    let small = TestApp::start_with(app.backend, |config| config.server.response_cache_bytes = 80_000);
    let editor = small.editor();
    for number in 0..5 {
        editor.create("events", &json!({"title": "E", "slug": format!("e{number}"), "status": "published"}));
    }
    // The watch notes once more what was written here.
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    let public = small.public();
    let all = || (0..5).for_each(|number| drop(public.get(&format!("/api/v1/events/e{number}")).expect(200)));
    all();
    for number in 0..1_000 {
        public.get(&format!("/api/v1/events/made-up-{number}")).expect(404);
    }
    let before = small.app.database.statements();
    all();
    // The clock and the watch may have asked something meanwhile.
    let asked = small.app.database.statements() - before;
    assert!(asked < 5, "{asked} statements: real answers were given up for made-up addresses");
}

fn equal_misses_are_computed_once(app: &TestApp) {
    let public = app.public();
    let crowd = 16;
    let mut cheapest = u64::MAX;
    for attempt in 0..5 {
        let path = format!("/api/v1/events/nothing-{attempt}");
        let before = app.app.database.statements();
        std::thread::scope(|scope| {
            for _ in 0..crowd {
                let (public, path) = (public.clone(), path.as_str());
                scope.spawn(move || drop(public.get(path).expect(404)));
            }
        });
        cheapest = cheapest.min(app.app.database.statements() - before);
    }
    assert!(cheapest < crowd, "{cheapest} statements for {crowd} equal requests");
}

/// RFC 9110, section 15.4.5: a 304 has the tag that the 200 would have had.
fn a_304_has_the_tag_of_its_coding(app: &TestApp) {
    let editor = app.editor();
    for number in 0..8 {
        editor.create("events", &json!({"title": format!("A longer title {number}"), "status": "published"}));
    }
    let public = app.public();
    let get = |coding: &str, tags: &str| {
        public.send("GET", "/api/v1/events", &[("accept-encoding", coding), ("if-none-match", tags)], b"")
    };
    let codings = ["identity", "gzip", "br", "zstd"];
    let tags = codings.map(|coding| get(coding, "\"none\"").expect(200).etag().to_owned());
    for (coding, tag) in codings.iter().zip(&tags) {
        for given in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), tags.join(","), "*".to_owned()] {
            let reply = get(coding, &given).expect(304);
            assert_eq!(reply.etag(), tag, "{coding} with {given}");
            assert_eq!(reply.header("content-encoding"), "");
        }
        // What the client has in another coding is another representation.
        for other in tags.iter().filter(|other| *other != tag) {
            assert_eq!(get(coding, other).expect(200).etag(), tag, "{coding} with {other}");
        }
    }
    // What is too small to be coded has one tag.
    let small = |coding: &str, tag: &str| {
        public.send("GET", "/api/v1/topics", &[("accept-encoding", coding), ("if-none-match", tag)], b"")
    };
    let tag = small("identity", "\"none\"").expect(200).etag().to_owned();
    assert_eq!(small("gzip", &tag).expect(304).etag(), tag);
}

/// RFC 9110, section 13.1.1.
fn if_match_may_be_a_list(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "0", "slug": "e"}));
    let patch = |tags: &str, title: &str| editor.patch("/api/v1/events/e", tags, &json!({"title": title}));
    patch("\"v7\", \"v1\"", "1").expect(200);
    patch("\"v1\",\"v2-0011223344556677+gzip\" , \"foreign\"", "2").expect(200);
    patch("\"v1\", \"v2\"", "3").problem(412, &[]);
    patch("W/\"v3\"", "3").problem(412, &[]);
    patch("W/\"v3\", \"v2\"", "3").problem(412, &[]);
    patch("W/\"v3\", \"v3\"", "3").expect(200);
    patch("v4", "4").problem(400, &[("If-Match", "not_a_tag")]);
    patch("\"foreign\"", "4").problem(400, &[("If-Match", "not_a_tag")]);
    patch("*", "4").problem(428, &[]);
    // Steps, releases and accounts look at it in the same way.
    editor.act("/api/v1/events/e/publish", "W/\"v4\"").problem(412, &[]);
    editor.act("/api/v1/events/e/publish", "\"v3\", \"v4\"").expect(200);
    let release = editor.create("releases", &json!({"name": "R", "items": []}));
    let path = format!("/api/v1/releases/{}", release["id"].as_str().expect("an id"));
    editor.patch(&path, "W/\"v1\"", &json!({"name": "S"})).problem(412, &[]);
    editor.patch(&path, "\"v2\", \"v1\"", &json!({"name": "S"})).expect(200);
    editor.delete(&path, "\"v1\", \"v2\"").expect(204);
}

/// A header of more than 8 KB is refused by servers in front; beyond that kinds are named, not items.
fn an_answer_with_many_items_has_few_tags(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.cdn.tags = "cache-tag".into());
    let editor = app.editor();
    let speakers: Vec<Value> = (0..200)
        .map(|number| {
            let name = format!("S{number}");
            json!({"speaker": editor.create("speakers", &json!({"name": name, "status": "published"}))["id"]})
        })
        .collect();
    editor.create("events", &json!({"title": "E", "slug": "e", "speakers": speakers[..100], "status": "published"}));
    let tags = |path: &str| app.public().get(path).expect(200).header("cache-tag").to_owned();
    assert_eq!(tags("/api/v1/events").split(',').count(), 101);
    editor.create("events", &json!({"title": "F", "speakers": speakers[100..], "status": "published"}));
    let list = tags("/api/v1/events");
    assert_eq!(list, "events,speakers", "too many speakers to name them");
}
