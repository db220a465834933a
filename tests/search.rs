//! Full-text search: what is found, in which order, and what never is.

use std::fmt::Write;

use plenary::problem::Problem;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, options};
use crate::support::moments::wait_for;

/// Waits until the index has everything that was written.
pub fn settled(app: &TestApp) {
    let head = app.block_on(app.app.database.read(|c| Ok::<_, Problem>(plenary::journal::newest_sequence(c)?)));
    let head = head.map_err(|problem| problem.detail).expect("the journal's head");
    wait_for("the index", || app.app.search.is_complete_to(head));
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub fn found(client: &Client, text: &str, more: &str) -> Vec<String> {
    let page = client.get(&format!("/api/v1/events?q={}{more}", escaped(text))).expect(200).json();
    page["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

fn fill(app: &TestApp) -> Client {
    let editor = app.editor();
    editor.create("event-types", &json!({"name": "Talk", "status": "published"}));
    for (slug, title, body, day) in [
        ("rivers", "Rivers without borders", "A dialogue on shared waters and the policies behind them.", 1),
        ("care", "Who cares?", "Shared rivers need shared care. A résumé of what the Danube's states agreed on.", 2),
        (
            "radical",
            "Social media and recruitment",
            "How should Europe respond to radicalisation? Recruiting online.",
            3,
        ),
    ] {
        let event = json!({"slug": slug, "title": title, "body": body, "starts_at": format!("2027-01-0{day}"), "status": "published"});
        editor.create("events", &event);
    }
    settled(app);
    editor
}

#[apply(api_test)]
fn words_are_found_in_every_form(app: &TestApp) {
    let editor = fill(app);
    let dutch = json!({"title": {"en": "Neighbours", "nl": "Vergaderingen over het klimaat"}, "status": "published", "slug": "klimaat"});
    editor.post("/api/v1/events?locale=*", &dutch).expect(201);
    settled(app);
    let public = app.visitor();
    let sorted = |text: &str, more: &str| {
        let mut slugs = found(&public, text, more);
        slugs.sort();
        slugs
    };
    for (text, more, slugs) in [
        ("river", "", vec!["care", "rivers"]),
        ("RIVERS", "", vec!["care", "rivers"]),
        ("policy", "", vec!["rivers"]),
        ("resume", "", vec!["care"]),
        ("résumé", "", vec!["care"]),
        ("shared rivers", "", vec!["care", "rivers"]),
        ("\"shared rivers\"", "", vec!["care"]),
        ("rivers -care", "", vec!["rivers"]),
        ("-\"shared waters\" rivers", "", vec!["care"]),
        ("recru", "", vec!["radical"]),
        ("radicalistion", "", vec!["radical"]),
        ("recruitement europ", "", vec!["radical"]),
        ("Danube's", "", vec!["care"]),
        ("xylophone", "", vec![]),
        ("xylophone rivers", "", vec![]),
        ("vergadering", "&locale=nl", vec!["klimaat"]),
        ("vergadering ", "", vec![]),
        ("neighbour", "", vec!["klimaat"]),
    ] {
        assert_eq!(sorted(text, more), slugs, "{text}{more}");
    }
}

#[apply(api_test)]
fn the_best_match_comes_first(app: &TestApp) {
    fill(app);
    let public = app.visitor();
    assert_eq!(found(&public, "rivers", ""), ["rivers", "care"], "a title weighs more than a text");
    assert_eq!(found(&public, "rivers", "&sort=-starts_at"), ["care", "rivers"]);
    assert_eq!(found(&public, "rivers", "&sort=starts_at"), ["rivers", "care"]);
}

#[apply(api_test)]
fn texts_are_joined_with_everything_else(app: &TestApp) {
    let editor = fill(app);
    editor.patch("/api/v1/events/care", "\"v1\"", &json!({"type": "talk"})).expect(200);
    settled(app);
    let public = app.visitor();
    assert_eq!(found(&public, "rivers", "&type=talk"), ["care"]);
    assert_eq!(found(&public, "rivers", "&starts_at[lt]=2027-01-02"), ["rivers"]);
    assert_eq!(found(&public, "rivers", "&type=talk&starts_at[lt]=2027-01-02"), [""; 0]);
    let counted = public.get("/api/v1/events?q=rivers&count=exact&limit=1").expect(200).json();
    assert_eq!(counted["page"]["total"], 2);
    let counted = public.get("/api/v1/events?q=rivers&count=exact&type=talk").expect(200).json();
    assert_eq!(counted["page"]["total"], 1);
    let feed = String::from_utf8(public.get("/api/v1/events.ics?q=rivers&type=talk").expect(200).body).unwrap();
    assert_eq!(feed.matches("BEGIN:VEVENT").count(), 1);
}

#[apply(api_test)]
fn pages_of_matches_follow_each_other(app: &TestApp) {
    let editor = app.editor();
    for number in 0..7 {
        editor.create("events", &json!({"title": format!("Water {number}"), "status": "published"}));
    }
    settled(app);
    let public = app.visitor();
    for sort in ["", "&sort=title"] {
        let (mut seen, mut back, mut next) = (Vec::new(), String::new(), String::new());
        loop {
            let page = public.get(&format!("/api/v1/events?q=water&limit=3{sort}{next}")).expect(200).json();
            seen.extend(page["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()));
            if let Some(cursor) = page["page"]["prev"].as_str() {
                back = cursor.to_owned();
            }
            match page["page"]["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        let mut different = seen.clone();
        different.sort();
        different.dedup();
        assert_eq!((seen.len(), different.len()), (7, 7), "{sort}");
        let before = found(&public, "water", &format!("&limit=3{sort}&cursor={back}"));
        assert_eq!(before, seen[3..6], "{sort}");
        let other = format!("/api/v1/events?q=waters&limit=3&cursor={back}");
        public.get(&other).problem(400, &[("?cursor", "other_list")]);
    }
}

#[apply(api_test)]
fn what_was_found_is_shown(app: &TestApp) {
    let editor = fill(app);
    let nasty =
        json!({"title": "Danger", "body": "Some <script>alert(1)</script> & `<b>` rivers", "status": "published"});
    editor.create("events", &nasty);
    settled(app);
    let page = app.visitor().get("/api/v1/events?q=river&highlights=true").expect(200).json();
    let highlights: Vec<&str> = page["highlights"].as_object().unwrap().values().map(|v| v.as_str().unwrap()).collect();
    assert_eq!(highlights.len(), page["data"].as_array().unwrap().len());
    assert!(highlights.iter().any(|text| text.contains("Shared <mark>rivers</mark> need")), "{highlights:?}");
    for text in &highlights {
        let rest = text.replace("<mark>", "").replace("</mark>", "");
        assert!(!rest.contains('<') && text.contains("<mark>"), "{text}");
    }
    let without = app.visitor().get("/api/v1/events?q=river").expect(200).json();
    assert_eq!(without.get("highlights"), None);
}

/// Not for a moment, and not through counts either.
#[apply(api_test)]
fn drafts_are_never_found(app: &TestApp) {
    let editor = fill(app);
    editor.create("events", &json!({"title": "Secret rivers"}));
    editor
        .send(
            "PATCH",
            "/api/v1/events/care?view=draft",
            &[("if-match", "\"v1\""), ("content-type", "application/merge-patch+json")],
            br#"{"title": "Zeppelin"}"#,
        )
        .expect(200);
    settled(app);
    let public = app.visitor();
    for client in [&public, &editor] {
        assert_eq!(found(client, "secret", ""), [""; 0]);
        assert_eq!(found(client, "zeppelin", ""), [""; 0]);
        assert_eq!(client.get("/api/v1/search?q=zeppelin").expect(200).json()["data"], json!([]));
    }
    for number in 0..8 {
        let slug = format!("short-{number}");
        editor.create("events", &json!({"title": "Short-lived", "slug": slug, "status": "published"}));
    }
    settled(app);
    assert_eq!(found(&public, "short-lived", "").len(), 8);
    for number in 0..8 {
        editor.act(&format!("/api/v1/events/short-{number}/unpublish"), "\"v1\"").expect(200);
        let left = 7 - number;
        assert_eq!(found(&public, "short-lived", "").len(), left, "it is gone once that is acknowledged");
        let counted = public.get("/api/v1/events?q=short-lived&count=exact").expect(200).json();
        assert_eq!(counted["page"]["total"], left);
        let hits = public.get("/api/v1/search?q=short-lived").expect(200).json();
        assert_eq!(hits["data"].as_array().unwrap().len(), left);
    }
}

#[apply(api_test)]
fn the_names_of_others_are_found(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Zoë Quist", "status": "published"}));
    editor.create("events", &json!({"title": "Plain", "status": "published", "speakers": [{"speaker": "zoe-quist"}]}));
    settled(app);
    let public = app.visitor();
    assert_eq!(found(&public, "zoe", ""), ["plain"]);
    editor.patch("/api/v1/speakers/zoe-quist", "\"v1\"", &json!({"name": "Ada Lovelace"})).expect(200);
    settled(app);
    assert_eq!(found(&public, "zoe", ""), [""; 0]);
    assert_eq!(found(&public, "lovelace", ""), ["plain"]);
}

#[apply(api_test)]
fn everything_is_searched(app: &TestApp) {
    let editor = fill(app);
    editor.create("speakers", &json!({"name": "Rita Rivers", "status": "published"}));
    let topic = json!({"name": {"en": "Rivers", "nl": "Rivieren"}, "status": "published", "slug": "rivers"});
    editor.post("/api/v1/topics?locale=*", &topic).expect(201);
    let session = json!({"title": "Delta workshop", "event": "care", "status": "published"});
    editor.create("sessions", &session);
    settled(app);
    let public = app.visitor();
    // A session has no page of its own: its hit names the event.
    let workshop = public.get("/api/v1/search?q=workshop").expect(200).json()["data"][0].clone();
    let event = (&workshop["event"]["slug"], &workshop["event"]["title"]);
    assert_eq!((&workshop["collection"], event), (&json!("sessions"), (&json!("care"), &json!("Who cares?"))));
    let hits = |more: &str| public.get(&format!("/api/v1/search?q=rivers{more}")).expect(200).json();
    let all = hits("");
    let collections: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|hit| hit["collection"].as_str().unwrap()).collect();
    for collection in ["events", "speakers", "topics"] {
        assert!(collections.contains(&collection), "{collection} in {collections:?}");
    }
    assert_eq!(all["more"], false);
    let speakers = hits("&collections=speakers");
    assert_eq!((&speakers["data"][0]["label"], speakers["data"][0].get("event")), (&json!("Rita Rivers"), None));
    assert_eq!(speakers["data"][0]["highlight"], "Rita <mark>Rivers</mark>");
    let first = hits("&limit=1");
    assert_eq!((first["data"].as_array().unwrap().len(), &first["more"]), (1, &json!(true)));
    let second = hits("&limit=1&offset=1");
    assert_ne!(second["data"][0]["id"], first["data"][0]["id"]);
    let reply = public.get("/api/v1/search?q=rivers").expect(200);
    public.send("GET", "/api/v1/search?q=rivers", &[("if-none-match", reply.etag())], b"").expect(304);
}

#[apply(api_test)]
fn what_cannot_be_searched_is_said(app: &TestApp) {
    let (public, editor) = (app.visitor(), app.editor());
    public.get("/api/v1/search").problem(400, &[("?q", "required")]);
    public.get("/api/v1/search?q=x&collections=talks").problem(400, &[("?collections", "not_allowed")]);
    public.get("/api/v1/search?q=x&offset=-1").problem(400, &[("?offset", "out_of_range")]);
    public.get("/api/v1/search?q=x&limit=101").problem(400, &[("?limit", "out_of_range")]);
    public.get("/api/v1/search?q=x&locale=xx").problem(400, &[("?locale", "not_allowed")]);
    public.get("/api/v1/events?q=%22%22").problem(400, &[("?q", "no_words")]);
    public.get(&format!("/api/v1/events?q={}", "x".repeat(201))).problem(400, &[("?q", "too_long")]);
    public.get(&format!("/api/v1/events?q={}", "x+".repeat(17))).problem(400, &[("?q", "too_many")]);
    public.get("/api/v1/events?highlights=true").problem(400, &[("?highlights", "without_text")]);
    public.get("/api/v1/events?q=x&highlights=yes").problem(400, &[("?highlights", "not_allowed")]);
    editor.get("/api/v1/events?q=x&status=any").problem(400, &[("?q", "only_public")]);
    editor.get("/api/v1/events?q=x&view=draft").problem(400, &[("?q", "only_public")]);
    // Whatever is typed, it is an answer.
    for text in
        ["\u{0}", "\"", "-", "a\"b\"c", "\u{202e}abc", "😀 rivers", "OR AND NOT", "title:x", "*", "a* +b", "ß", "ﬁ"]
    {
        let reply = public.get(&format!("/api/v1/events?q={}", escaped(text)));
        assert!([200, 400].contains(&reply.status), "{text:?}: {}", reply.status);
    }
}

#[apply(api_test)]
fn the_index_outlives_the_program(app: &TestApp) {
    fill(app);
    let size = app.app.search.size();
    let again = TestApp::start_with(app.backend, |c| {
        c.database_url = app.config.database_url.clone();
        // It finds an empty folder.
        c.search.folder = format!("{}-other", app.config.search.folder);
    });
    settled(&again);
    assert_eq!(again.app.search.size(), size);
    assert_eq!(found(&again.visitor(), "rivers", "").len(), 2);
    drop(again);
    let third = TestApp::start_with(app.backend, |c| {
        c.database_url = app.config.database_url.clone();
        c.search.folder = format!("{}-other", app.config.search.folder);
    });
    // Nothing has to be made anew.
    assert_eq!(found(&third.visitor(), "rivers", "").len(), 2);
    assert!(third.app.search.is_complete_to(1));
    let folder = third.config.search.folder.clone();
    drop(third);
    // What was broken is.
    let inner = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(inner.join("meta.json"), "{").unwrap();
    let fourth = TestApp::start_with(app.backend, |c| {
        c.database_url = app.config.database_url.clone();
        c.search.folder = folder;
    });
    settled(&fourth);
    assert_eq!(found(&fourth.visitor(), "rivers", "").len(), 2);
}

#[apply(api_test)]
fn nodes_share_an_index(app: &TestApp) {
    let editor = fill(app);
    let other = TestApp::start_with(app.backend, |c| {
        c.database_url = app.config.database_url.clone();
        c.search.folder = app.config.search.folder.clone();
    });
    editor.create("events", &json!({"title": "Estuaries", "status": "published"}));
    wait_for("the other node's index", || found(&other.visitor(), "estuary", "").len() == 1);
}

/// Where the index of an application is, and how many were put aside.
fn index_folders(app: &TestApp) -> (Option<std::path::PathBuf>, usize) {
    let entries = std::fs::read_dir(&app.config.search.folder).unwrap().map(|entry| entry.unwrap());
    let (aside, index): (Vec<_>, Vec<_>) =
        entries.partition(|entry| entry.file_name().to_string_lossy().starts_with("aside-"));
    (index.first().map(|entry| entry.path()), aside.len())
}

#[apply(api_test)]
fn a_damaged_index_is_made_anew_while_the_server_runs(app: &TestApp) {
    let editor = fill(app);
    let public = app.visitor();
    let index = index_folders(app).0.unwrap();
    // Somebody cleans up, and then a disk loses what was written last.
    std::fs::remove_dir_all(&index).unwrap();
    editor.create("events", &json!({"title": "Estuaries", "status": "published"}));
    wait_for("a new index", || app.app.search.size() == 5 && found(&public, "estuary", "").len() == 1);
    assert_eq!(found(&public, "rivers", "").len(), 2);
    std::fs::write(index.join("meta.json"), "{").unwrap();
    wait_for("another one", || index_folders(app).1 == 1);
    editor.create("events", &json!({"title": "Deltas", "status": "published"}));
    wait_for("all of it", || app.app.search.size() == 6 && found(&public, "delta", "").len() == 1);
    assert_eq!(found(&public, "rivers", "").len(), 2);
    wait_for("nothing is wrong any more", || app.app.database.jobs().failures().is_empty());
}

/// A file of the right length whose footer is sound, and what is in it is not.
#[apply(api_test)]
fn damage_that_no_question_shows_is_found_at_start(app: &TestApp) {
    fill(app);
    let folder = format!("{}-other", app.config.search.folder);
    let start = || {
        TestApp::start_with(app.backend, |config| {
            config.database_url = app.config.database_url.clone();
            config.search.folder = folder.clone();
        })
    };
    let node = start();
    settled(&node);
    let index = index_folders(&node).0.unwrap();
    drop(node);
    let files = std::fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path());
    // All of them: one may be left of a segment that is no longer part of the index.
    for store in files.filter(|path| path.extension().is_some_and(|end| end == "store")) {
        let mut bytes = std::fs::read(&store).unwrap();
        bytes[3] ^= 0x40;
        std::fs::write(&store, bytes).unwrap();
    }
    let node = start();
    wait_for("the damage is found", || index_folders(&node).1 == 1);
    settled(&node);
    wait_for("all of it", || node.app.search.size() == 4);
    assert_eq!(found(&node.visitor(), "rivers", "").len(), 2);
}

/// More matches than are named to the database in one question.
#[apply(api_test)]
fn many_matches_are_walked(app: &TestApp) {
    let mut lines = String::new();
    for number in 0..5_200 {
        let row = json!({
            "kind": "event", "id": plenary::database::new_id(), "slug": format!("e{number:04}"), "status": "published",
            "version": 1, "created_at": 1, "updated_at": 1, "published_at": 1, "trashed_at": 0,
            "content": {"title": {"en": format!("Water {number:04}")}, "starts_at": format!("2027-01-{:02}", 1 + number % 28), "time_zone": "UTC"},
        });
        let _ = writeln!(lines, "{row}");
    }
    // What comes first in the order of titles and of times does not match.
    for number in 0..5_600 {
        let row = json!({
            "kind": "event", "id": plenary::database::new_id(), "slug": format!("f{number:04}"), "status": "published",
            "version": 1, "created_at": 1, "updated_at": 1, "published_at": 1, "trashed_at": 0,
            "content": {"title": {"en": format!("Fire {number:04}")}, "starts_at": "2028-01-01", "time_zone": "UTC"},
        });
        let _ = writeln!(lines, "{row}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    std::fs::write(&path, lines).unwrap();
    bring(app, &path, &options(&path));
    settled(app);
    let public = app.visitor();
    let first = public.get("/api/v1/events?q=water&sort=title&limit=3").expect(200).json();
    let slugs = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(slugs(&first), ["e0000", "e0001", "e0002"]);
    let cursor = first["page"]["next"].as_str().unwrap();
    assert_eq!(found(&public, "water", &format!("&sort=title&limit=2&cursor={cursor}")), ["e0003", "e0004"]);
    assert_eq!(found(&public, "water", "&sort=-title&limit=2&offset=1"), ["e5198", "e5197"]);
    assert_eq!(found(&public, "water", "&slug=e4000").len(), 1);
    // Of the newest, those with the largest id come first.
    let newest = |more: &str| {
        let page = public.get(&format!("/api/v1/events?q=water&sort=-starts_at&limit=40{more}")).expect(200).json();
        (slugs(&page), page["page"]["next"].as_str().map(str::to_owned))
    };
    let (first, next) = newest("");
    let expected: Vec<String> = (0..5_200).rev().filter(|n| n % 28 == 27).map(|n| format!("e{n:04}")).collect();
    assert_eq!(first, expected[..40]);
    assert_eq!(newest(&format!("&cursor={}", next.unwrap())).0, expected[40..80]);
    public.get("/api/v1/events?q=water&count=exact").problem(400, &[("?count", "query_too_expensive")]);
}
