//! Cached responses: each equals a fresh one, whatever is requested and whatever changes.
//!
//! `PLENARY_TEST_SEQUENCES` sets how many random sequences are tried, and `PLENARY_TEST_SEED` their seed.

use std::io::{Read, Write};
use std::net::TcpStream;

use plenary::content::slug::is_slug;
use serde_json::{Value, json};

use crate::caching_world::World;
use crate::support::app::TestApp;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The series of a session's event is two steps from the session.
#[apply(api_test)]
fn lists_follow_what_they_include(app: &TestApp) {
    let editor = app.editor();
    editor.create("series", &json!({"title": "Before", "slug": "s", "status": "published"}));
    editor.create("events", &json!({"title": "E", "slug": "e", "series": "s", "status": "published"}));
    editor.create("sessions", &json!({"title": "One", "event": "e", "status": "published"}));
    let public = app.visitor();
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

#[apply(api_test)]
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
    let mut world = World::new(&first, &second, &bare, seed);
    for number in 0..sequences {
        world.sequence(format!("sequence {number} of seed {seed}"));
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

#[apply(api_test)]
fn what_is_not_there_is_kept_too(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "E", "slug": "old", "status": "published"}));
    editor.patch("/api/v1/events/old", "\"v1\"", &json!({"slug": "new"})).expect(200);
    let public = app.visitor();
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

#[apply(api_test)]
fn made_up_addresses_push_nothing_out(app: &TestApp) {
    // Room for about twenty answers.
    let small = TestApp::start_with(app.backend, |config| config.server.response_cache_bytes = 80_000);
    let editor = small.editor();
    for number in 0..5 {
        editor.create("events", &json!({"title": "E", "slug": format!("e{number}"), "status": "published"}));
    }
    // The watch notes once more what was written here.
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    let public = small.visitor();
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

#[apply(api_test)]
fn equal_misses_are_computed_once(app: &TestApp) {
    let public = app.visitor();
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
#[apply(api_test)]
fn a_304_has_the_tag_of_its_coding(app: &TestApp) {
    let editor = app.editor();
    for number in 0..8 {
        editor.create("events", &json!({"title": format!("A longer title {number}"), "status": "published"}));
    }
    let public = app.visitor();
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
#[apply(api_test)]
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
#[apply(api_test)]
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
    let tags = |path: &str| app.visitor().get(path).expect(200).header("cache-tag").to_owned();
    assert_eq!(tags("/api/v1/events").split(',').count(), 101);
    editor.create("events", &json!({"title": "F", "speakers": speakers[100..], "status": "published"}));
    let list = tags("/api/v1/events");
    assert_eq!(list, "events,speakers", "too many speakers to name them");
}

/// Returns status line, sorted headers and body of a response, without the time.
fn exchange(app: &TestApp, request: &str) -> (String, Vec<String>, Vec<u8>) {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).expect("a connection");
    stream.write_all(format!("{request}Host: x\r\nConnection: close\r\n\r\n").as_bytes()).expect("a request");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("a response");
    let end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an end of the headers");
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.lines().map(str::to_owned);
    let status = lines.next().expect("a status");
    let mut headers: Vec<String> = lines.filter(|line| !line.starts_with("date:")).collect();
    headers.sort();
    (status, headers, all[end + 4..].to_vec())
}

/// A hit has the same headers and body whether or not it passes the middleware, which it does where the request announces a
/// body. Both count for the metrics.
#[apply(api_test)]
fn hits_are_alike_with_and_without_middleware(app: &TestApp) {
    let editor = app.editor();
    let body = "a long text ".repeat(200);
    editor.create("events", &json!({"title": "E", "slug": "old", "body": body, "status": "published"}));
    editor.patch("/api/v1/events/old", "\"v1\"", &json!({"slug": "new"})).expect(200);
    let tag = app.visitor().get("/api/v1/events/new").expect(200).etag().to_owned();
    let paths =
        ["/api/v1/events/new", "/api/v1/events?limit=1", "/api/v1/events/old", "/api/v1/events/none", "/api/v1/layout"];
    let conditional = format!("If-None-Match: {tag}\r\n");
    let of_site = "Origin: https://www.example.org\r\n";
    let more = ["", "Accept-Encoding: br\r\n", "Accept-Language: nl, en;q=0.5\r\n", &conditional, of_site];
    let mut statuses = std::collections::BTreeSet::new();
    let before = layouts_served(app);
    for method in ["GET", "HEAD"] {
        for (path, more) in paths.iter().flat_map(|path| more.map(|more| (path, more))) {
            let request = format!("{method} {path} HTTP/1.1\r\nX-Request-Id: one\r\n{more}");
            let first = exchange(app, &request);
            let early = exchange(app, &request);
            let behind = exchange(app, &format!("{request}Content-Length: 0\r\n"));
            assert_eq!(early, behind, "{request}");
            assert_eq!(first, early, "{request}");
            statuses.insert(early.0);
        }
    }
    let seen: Vec<&str> = statuses.iter().map(|line| &line[9..12]).collect();
    assert_eq!(seen, ["200", "304", "308", "404"]);
    // Other tests can only add to the counts.
    assert!(layouts_served(app) >= before + 2 * 3 * more.len() as u64);
}

/// Returns how many requests for the layout the metrics count.
fn layouts_served(app: &TestApp) -> u64 {
    let metrics = String::from_utf8(app.visitor().get("/metrics").expect(200).body).expect("text");
    let name = "plenary_http_request_seconds_count{operation=\"getLayout\",status=\"2xx\"} ";
    metrics.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).unwrap_or_default()
}

/// Where only listed origins are allowed, or some with credentials, hits say so too.
#[apply(api_test)]
fn hits_permit_listed_origins(app: &TestApp) {
    let site = "https://www.example.org";
    let ask = |app: &TestApp| {
        let headers = [("origin", site)];
        let ask = |path| ["", ""].map(|_| app.visitor().send("GET", path, &headers, b""));
        ["/api/v1/events", "/api/v1/events/none"].map(ask).into_iter().flatten().collect::<Vec<_>>()
    };
    let strict = TestApp::start_with(app.backend, |config| config.cors.allowed_origins = vec![site.into()]);
    for reply in ask(&strict) {
        assert_eq!(reply.header("access-control-allow-origin"), site);
        assert!(reply.header("access-control-expose-headers").contains("etag"));
    }
    let trusting = TestApp::start_with(app.backend, |config| {
        config.public_url = "https://cms.example.org".into();
        config.cors.credential_origins = vec![site.into()];
    });
    let replies = ask(&trusting);
    let permitted = replies.iter().map(|reply| reply.header("access-control-allow-credentials")).collect::<Vec<_>>();
    assert_eq!(permitted, ["", "", "true", "true"]);
}
