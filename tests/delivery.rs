//! Reads: pages, filters, includes, caching, and what they cost.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use plenary::config::CdnConfig;
use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::client::Client;
use crate::support::moments::{in_ms, wait_for};
use crate::support::program::fresh_database;

fn slugs(reply: &Value) -> Vec<String> {
    reply["data"].as_array().unwrap().iter().map(|i| i["slug"].as_str().unwrap().to_owned()).collect()
}

fn fill(editor: &Client, count: usize) {
    editor.create("event-types", &json!({"name": "Talk", "status": "published"}));
    for name in ["Anna", "Bram"] {
        editor.create("speakers", &json!({"name": name, "status": "published", "country": "BE"}));
    }
    editor.create("partners", &json!({"name": "Delta", "status": "published", "kind": "foundation"}));
    for i in 0..count {
        let mut event = json!({"title": format!("Event {i:03}"), "status": "published", "starts_at": format!("2027-01-{:02}", 1 + i / 4),
            "speakers": [{"speaker": "anna"}], "partners": [{"partner": "delta", "role": "organiser"}]});
        if i % 3 == 0 {
            event["type"] = "talk".into();
            event["speakers"] = json!([{"speaker": "bram", "role": "host"}]);
        }
        editor.create("events", &event);
    }
}

#[apply(api_test)]
fn pages_neither_skip_nor_repeat(app: &TestApp) {
    let editor = app.editor();
    fill(&editor, 23);
    let public = app.visitor();
    for sort in
        ["-starts_at", "starts_at,title", "-starts_at,title", "title", "-title", "created_at", "-updated_at,-title"]
    {
        let all = slugs(&public.get(&format!("/api/v1/events?limit=100&sort={sort}")).expect(200).json());
        assert_eq!(all.len(), 23);
        let (mut seen, mut path, mut last_prev) =
            (Vec::new(), format!("/api/v1/events?limit=5&sort={sort}&count=exact"), Value::Null);
        loop {
            let reply = public.get(&path).expect(200);
            let page = reply.json();
            assert_eq!(page["page"]["total"], 23);
            seen.extend(slugs(&page));
            last_prev = if page["page"]["prev"].is_null() { last_prev } else { page["page"]["prev"].clone() };
            let Some(next) = page["page"]["next"].as_str() else { break };
            assert!(reply.header("link").contains("rel=\"next\""));
            path = format!("/api/v1/events?limit=5&sort={sort}&count=exact&cursor={next}");
        }
        assert_eq!(seen, all, "{sort}");
        // And back again.
        let mut back = Vec::new();
        let mut cursor = last_prev;
        while let Some(code) = cursor.as_str() {
            let page = public.get(&format!("/api/v1/events?limit=5&sort={sort}&cursor={code}")).expect(200).json();
            back.splice(0..0, slugs(&page));
            cursor = page["page"]["prev"].clone();
        }
        assert_eq!(back, all[..20], "{sort} backwards");
    }
    // Inserting does not disturb a walk.
    let first = public.get("/api/v1/events?limit=10&sort=starts_at").expect(200).json();
    editor.create("events", &json!({"title": "Early", "starts_at": "2026-01-01", "status": "published"}));
    let next = first["page"]["next"].as_str().unwrap();
    let second =
        slugs(&public.get(&format!("/api/v1/events?limit=10&sort=starts_at&cursor={next}")).expect(200).json());
    assert!(slugs(&first).iter().all(|slug| !second.contains(slug)) && !second.contains(&"early".to_owned()));
    public.get(&format!("/api/v1/events?sort=title&cursor={next}")).problem(400, &[("?cursor", "other_list")]);
    public
        .get(&format!("/api/v1/events?sort=starts_at&offset=1&cursor={next}"))
        .problem(400, &[("?offset", "with_cursor")]);
    public.get("/api/v1/events?cursor=made-up").problem(400, &[("?cursor", "not_a_cursor")]);
    assert_eq!(slugs(&public.get("/api/v1/events?sort=starts_at&offset=1&limit=1").expect(200).json()), ["event-000"]);
}

#[apply(api_test)]
fn filters_select(app: &TestApp) {
    let editor = app.editor();
    fill(&editor, 9);
    editor.create("topics", &json!({"name": "Water", "status": "published"}));
    editor.create("venues", &json!({"name": "Hall", "status": "published", "address": {"country": "BE"}}));
    editor.create("series", &json!({"title": "Talks", "status": "published"}));
    let id = editor.create(
        "events",
        &json!({"title": "Special", "status": "published", "topics": ["water"], "venue": "hall", "series": "talks"}),
    )["id"]
        .clone();
    let count = |query: &str| {
        app.visitor().get(&format!("/api/v1/{query}&count=exact")).expect(200).json()["page"]["total"].as_i64().unwrap()
    };
    assert_eq!(count("events?type=talk"), 3);
    assert_eq!(count("events?type=talk&speaker=anna"), 0);
    assert_eq!(count("events?speaker=anna"), 6);
    assert_eq!(count("events?speaker=anna,bram"), 9);
    assert_eq!(count("events?partner=delta"), 9);
    assert_eq!(count("events?topic=water"), 1);
    assert_eq!(count("events?venue=hall&series=talks"), 1);
    assert_eq!(count("events?topic=nothing"), 0);
    assert_eq!(count("events?slug=special,event-001"), 2);
    assert_eq!(count(&format!("events?ids={}", id.as_str().unwrap())), 1);
    assert_eq!(count("speakers?event=event-000"), 1);
    assert_eq!(count("speakers?country=be"), 2);
    assert_eq!(count("partners?kind=foundation"), 1);
    assert_eq!(count("partners?kind=media,foundation&event=event-001"), 1);
    assert_eq!(count("venues?country=BE"), 1);
    app.visitor().get("/api/v1/partners?kind=king").problem(400, &[("?kind", "not_allowed")]);
    app.visitor().get("/api/v1/venues?country=Belgium").problem(400, &[("?country", "unknown_country")]);
}

#[apply(api_test)]
fn includes_show_relations_whole(app: &TestApp) {
    let editor = app.editor();
    fill(&editor, 2);
    let public = app.visitor();
    let short = public.get("/api/v1/events/event-000").expect(200).json();
    assert_eq!(short["speakers"][0]["speaker"].as_object().unwrap().len(), 3);
    assert_eq!(short["type"]["name"], "Talk");
    let long = public.get("/api/v1/events/event-000?include=speakers,partners,type").expect(200).json();
    assert_eq!(long["speakers"][0]["role"], "host");
    assert_eq!(long["speakers"][0]["speaker"]["country"], "BE");
    assert!(long["speakers"][0]["speaker"].as_object().unwrap().contains_key("biography"));
    assert_eq!(long["partners"][0]["partner"]["kind"], "foundation");
    assert_eq!(long["type"]["position"], 0);
    let card = public.get("/api/v1/events?include=speakers").expect(200).json();
    assert!(!card["data"][0]["speakers"][0]["speaker"].as_object().unwrap().contains_key("biography"));
    assert!(!card["data"][0].as_object().unwrap().contains_key("body"));
    let full = public.get("/api/v1/events?include=speakers&detail=full").expect(200).json();
    assert!(full["data"][0].as_object().unwrap().contains_key("body"));
    public.get("/api/v1/events?include=speeker").problem(400, &[("?include", "not_allowed")]);
}

#[apply(api_test)]
fn unknown_parameters_are_refused(app: &TestApp) {
    let public = app.visitor();
    let problem = public
        .get("/api/v1/events?limt=3&sort=-startsat&foo=1&limit=0")
        .problem(400, &[("?limt", "unknown_parameter"), ("?foo", "unknown_parameter")]);
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("\"limit\""));
    public.get("/api/v1/events?limit=0&sort=-startsat&count=all&offset=x").problem(
        400,
        &[("?limit", "out_of_range"), ("?sort", "not_allowed"), ("?count", "not_allowed"), ("?offset", "out_of_range")],
    );
    public.get("/api/v1/events?limit=1&limit=2").problem(400, &[("?limit", "duplicate")]);
    public.get("/healthz?x=1").problem(400, &[("?x", "unknown_parameter")]);
    app.editor().get("/api/v1/auth/me?x=1").problem(400, &[("?x", "unknown_parameter")]);
}

#[apply(api_test)]
fn conditional_requests_save_the_body(app: &TestApp) {
    let editor = app.editor();
    fill(&editor, 2);
    let public = app.visitor();
    for path in ["/api/v1/events/event-001?include=speakers", "/api/v1/events?include=speakers"] {
        let first = public.get(path).expect(200);
        let again = public.send("GET", path, &[("if-none-match", first.etag())], b"").expect(304);
        assert!(again.body.is_empty());
        assert_eq!(again.etag(), first.etag());
        assert!(first.header("cache-control").contains("stale-while-revalidate"));
    }
    // What is included belongs to the representation.
    let before = public.get("/api/v1/events/event-001?include=speakers").expect(200).etag().to_owned();
    editor.patch("/api/v1/speakers/anna", "\"v1\"", &json!({"job_title": "New"})).expect(200);
    let after =
        public.send("GET", "/api/v1/events/event-001?include=speakers", &[("if-none-match", &before)], b"").expect(200);
    assert_eq!(after.json()["speakers"][0]["speaker"]["job_title"], "New");
}

#[apply(api_test)]
fn answers_are_compressed_for_those_who_want_it(app: &TestApp) {
    fill(&app.editor(), 8);
    let public = app.visitor();
    let plain = public.get("/api/v1/events").expect(200);
    assert_eq!(plain.header("content-encoding"), "");
    let mut tags = vec![plain.etag().to_owned()];
    for coding in ["gzip", "br", "zstd"] {
        let coded = public.send("GET", "/api/v1/events", &[("accept-encoding", coding)], b"").expect(200);
        assert_eq!(coded.header("content-encoding"), coding);
        assert!(coded.body.len() * 3 < plain.body.len());
        assert!(!tags.contains(&coded.etag().to_owned()));
        public
            .send("GET", "/api/v1/events", &[("if-none-match", coded.etag()), ("accept-encoding", coding)], b"")
            .expect(304);
        tags.push(coded.etag().to_owned());
    }
}

#[apply(api_test)]
fn queries_do_not_grow_with_the_page(app: &TestApp) {
    fill(&app.editor(), 40);
    let public = app.visitor();
    // The clock and the watch on other nodes look into the database too: the cheapest of some is it.
    let cost = |path: &str| {
        let once = |attempt: u8| {
            app.app.database.invalidation_clock().record_all();
            let before = app.app.database.statements();
            public.get(path).expect(200);
            // The transaction of a read ends after its answer.
            std::thread::sleep(std::time::Duration::from_millis(10));
            (app.app.database.statements() - before, attempt)
        };
        (0..4).map(once).min().map_or(0, |(count, _)| count)
    };
    for query in
        ["include=speakers,partners,type,sessions", "speaker=anna", "locale=nl&include=speakers", "detail=full"]
    {
        let small = cost(&format!("/api/v1/events?limit=2&{query}"));
        let large = cost(&format!("/api/v1/events?limit=40&{query}"));
        assert!(large <= small, "{query}: {small} queries for 2 items, {large} for 40");
        assert!(large <= 8, "{query}: {large} queries");
    }
}

#[apply(api_test)]
fn head_is_answered_like_get(app: &TestApp) {
    let reply = app.visitor().send("HEAD", "/api/v1/events", &[], b"").expect(200);
    assert!(reply.body.is_empty());
    assert!(!reply.etag().is_empty());
    let refused = app.visitor().send("DELETE", "/api/v1/events", &[], b"").expect(405);
    assert_eq!(refused.header("allow"), "GET, POST, HEAD");
    app.visitor().get("/api/v1/nothing").problem(404, &[]);
}

#[apply(api_test)]
fn a_change_touches_only_what_is_made_of_it(app: &TestApp) {
    let editor = app.editor();
    fill(&editor, 2);
    let public = app.visitor();
    let path = "/api/v1/events/event-001?include=speakers";
    // The watch looks into the database twice a second: the cheapest of some is what the read costs.
    let mut cheapest = u64::MAX;
    for number in 1..=5 {
        public.get(path).expect(200);
        let event = json!({"kicker": number.to_string()});
        editor.patch("/api/v1/events/event-000", &format!("\"v{number}\""), &event).expect(200);
        let before = app.app.database.statements();
        public.get(path).expect(200);
        cheapest = cheapest.min(app.app.database.statements() - before);
    }
    assert_eq!(cheapest, 0, "another event changed, and this one was made anew");
}

#[apply(api_test)]
fn what_becomes_public_appears_where_it_was_hidden(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Hidden", "status": "published"}));
    editor.create("events", &json!({"title": "Open", "status": "published", "speakers": [{"speaker": "hidden"}]}));
    editor.act("/api/v1/speakers/hidden/unpublish", "\"v1\"").expect(200);
    let public = app.visitor();
    let paths = ["/api/v1/events/open", "/api/v1/events?include=speakers", "/api/v1/events/open/json-ld"];
    let shown = |path: &str| String::from_utf8(public.get(path).expect(200).body).unwrap().contains("Hidden");
    for path in paths {
        assert!(!shown(path), "{path} shows a draft");
    }
    editor.act("/api/v1/speakers/hidden/publish", "\"v2\"").expect(200);
    for path in paths {
        assert!(shown(path), "{path} does not show what is public");
    }
}

#[apply(api_test)]
fn lists_by_the_clock_are_kept_for_a_moment(app: &TestApp) {
    let editor = app.editor();
    let event = json!({"title": "Soon", "starts_at": in_ms(1_800), "time_zone": "UTC", "status": "published"});
    editor.create("events", &event);
    let public = app.visitor();
    let upcoming = || slugs(&public.get("/api/v1/events?when=upcoming").expect(200).json()).len();
    assert_eq!(upcoming(), 1);
    wait_for("the start", || upcoming() == 0);
}

/// Readers hammer the same addresses while an editor writes: after a write is acknowledged, no read
/// that begins later shows what was before, and no statement is sent for what is kept.
#[apply(api_test)]
fn kept_answers_are_never_stale(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna", "job_title": "0", "status": "published"}));
    editor.create("events", &json!({"title": "E", "status": "published", "speakers": [{"speaker": "anna"}]}));
    let acknowledged = std::sync::atomic::AtomicU64::new(0);
    let over = std::sync::atomic::AtomicBool::new(false);
    use std::sync::atomic::Ordering;
    std::thread::scope(|scope| {
        for path in ["/api/v1/events/e?include=speakers", "/api/v1/events?include=speakers", "/api/v1/speakers/anna"] {
            let (public, acknowledged, over) = (app.visitor(), &acknowledged, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let at_least = acknowledged.load(Ordering::SeqCst);
                    let text = String::from_utf8(public.get(path).expect(200).body).unwrap();
                    let title = text.split("\"job_title\":\"").nth(1).unwrap().split('"').next().unwrap();
                    assert!(title.parse::<u64>().unwrap() >= at_least, "{path}: {title} after {at_least}");
                }
            });
        }
        for number in 1..=40 {
            let etag = format!("\"v{number}\"");
            editor.patch("/api/v1/speakers/anna", &etag, &json!({"job_title": number.to_string()})).expect(200);
            acknowledged.store(number, Ordering::SeqCst);
        }
        over.store(true, Ordering::Relaxed);
    });
    // Wait until the watch has nothing new to tell; then a second read asks nobody.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let public = app.visitor();
    let plain = public.get("/api/v1/events?include=speakers").expect(200);
    let before = app.app.database.statements();
    let mut fewest = u64::MAX;
    for _ in 0..5 {
        let before = app.app.database.statements();
        assert_eq!(public.get("/api/v1/events?include=speakers").expect(200).body, plain.body);
        public.send("GET", "/api/v1/events?include=speakers", &[("if-none-match", plain.etag())], b"").expect(304);
        fewest = fewest.min(app.app.database.statements() - before);
    }
    assert_eq!(fewest, 0, "{} statements in all", app.app.database.statements() - before);
}

/// Another node sees what was written here; how soon is for a benchmark, not for a test.
#[apply(api_test)]
fn other_nodes_notice(app: &TestApp) {
    let other = TestApp::start_with(app.backend, |c| c.database_url = app.config.database_url.clone());
    let editor = app.editor();
    editor.create("events", &json!({"title": "E", "kicker": "0", "status": "published"}));
    let kicker = |app: &TestApp| app.visitor().get("/api/v1/events/e").expect(200).json()["kicker"].clone();
    assert_eq!(kicker(&other), "0");
    for number in 1..=3 {
        let etag = format!("\"v{number}\"");
        editor.patch("/api/v1/events/e", &etag, &json!({"kicker": number.to_string()})).expect(200);
        assert_eq!(kicker(app), number.to_string());
        let begun = std::time::Instant::now();
        while kicker(&other).as_str() != Some(&number.to_string()) {
            assert!(begun.elapsed().as_secs() < 20, "the other node does not notice version {}", number + 1);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

/// A cache in front of the server, with the tags of each purge.
struct Cache {
    url: String,
    told: std::sync::mpsc::Receiver<Vec<String>>,
}

impl Cache {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/purge", listener.local_addr().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || serve_purges(listener, tell));
        Self { url, told }
    }

    /// The settings of a server that purges this cache.
    fn config(&self) -> CdnConfig {
        CdnConfig {
            tags: "surrogate-key".into(),
            purge_url: self.url.clone(),
            purge_header: "Authorization: Bearer s3cret".into(),
        }
    }

    fn wait_for_purge(&self, wanted: &[&str]) {
        let mut tags: Vec<String> = Vec::new();
        while !wanted.iter().all(|tag| tags.iter().any(|known| known == tag)) {
            tags.extend(self.told.recv_timeout(std::time::Duration::from_secs(30)).expect("the cache is told"));
        }
    }
}

/// Answers purges: fails at first, and notes the tags of the rest.
fn serve_purges(listener: std::net::TcpListener, told: std::sync::mpsc::Sender<Vec<String>>) {
    use std::io::{BufRead, BufReader, Read, Write};
    for (number, stream) in listener.incoming().enumerate() {
        let mut stream = stream.unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut length, mut secret) = (0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim().to_ascii_lowercase();
            secret |= line == "authorization: bearer s3cret";
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let status = if number == 0 { "503 Not Now" } else { "200 OK" };
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let tags = body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
        assert!(secret);
        if told.send(tags).is_err() {
            return;
        }
    }
}

#[apply(api_test)]
fn caches_are_told_what_to_forget(app: &TestApp) {
    let cache = Cache::start();
    let app = TestApp::start_with(app.backend, |config| config.cdn = cache.config());
    let editor = app.editor();
    // What was there before the caches were is none of their business.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let speaker = editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let event = json!({"title": "E", "status": "published", "speakers": [{"speaker": "anna"}]});
    let event = editor.create("events", &event);
    let public = app.visitor();
    let (speaker, event) = (speaker["id"].as_str().unwrap(), event["id"].as_str().unwrap());
    let one = public.get("/api/v1/events/e").expect(200).header("surrogate-key").to_owned();
    assert!(one.contains(event) && one.contains(speaker), "{one}");
    let list = public.get("/api/v1/events").expect(200).header("surrogate-key").to_owned();
    assert!(list.split(' ').any(|tag| tag == "events") && list.split(' ').any(|tag| tag == speaker), "{list}");
    assert_eq!(editor.get("/api/v1/events").expect(200).header("surrogate-key"), "");
    // The first attempt fails, and is made again with all that changed.
    cache.wait_for_purge(&["events", "speakers", event, speaker]);
}

/// After a restore, caches may have responses of a history that is gone, so they forget everything.
#[apply(api_test)]
fn caches_forget_everything_after_a_restore(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let cache = Cache::start();
    let start = || {
        TestApp::start_with(app.backend, |c| {
            c.database_url = database.clone();
            c.cdn = cache.config();
        })
    };
    let node = start();
    let editor = node.editor();
    // A node whose caches were never told anything begins at the journal's end, so it is not known which of these
    // is the first that it tells.
    editor.create("topics", &json!({"name": "Before", "status": "published"}));
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    editor.create("topics", &json!({"name": "Later", "status": "published"}));
    cache.wait_for_purge(&["topics"]);
    drop((editor, node));
    match app.backend {
        Backend::Sqlite => {
            let path = std::path::Path::new(&database);
            // The node's writer may not have closed its connection yet.
            wait_for("the file", || plenary::database::backup::begin_another_history(path).is_ok());
        }
        Backend::Postgres(_) => {
            let mut connection = PgConnection::establish(&database).unwrap();
            connection.batch_execute("UPDATE settings SET value = 'restored' WHERE name = 'purged_up_to'").unwrap();
        }
    }
    let _node = start();
    cache.wait_for_purge(&["events", "speakers", "partners", "search-index"]);
}
