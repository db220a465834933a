//! The edges of redirects: what hidden languages keep for themselves, addresses that browsers read in another way, and texts
//! that would mean something in the list for servers at the edge.

use serde_json::{Value, json};

use crate::redirects::{resolve, with_pages};
use crate::support::app::TestApp;

fn redirect(source: &str, url: &str) -> Value {
    json!({"source": source, "destination": {"url": url}, "status": "published"})
}

#[apply(api_test)]
fn the_slug_of_a_hidden_language_is_not_told(app: &TestApp) {
    let app = with_pages(app);
    let (editor, public) = (app.editor(), app.visitor());
    let body =
        json!({"title": {"en": "Rain", "nl": "Regen"}, "slugs": {"en": "rain", "nl": "regen"}, "status": "published"});
    let made = editor.post("/api/v1/events?locale=*", &body).expect(201).json();
    assert_eq!(resolve(&public, "/nl/events/regen").expect(200).json()["outcome"], "present");
    let path = format!("/api/v1/events/{}", made["id"].as_str().unwrap());
    editor.act(&format!("{path}/translations/nl/unpublish"), "\"v1\"").expect(200);
    let tag = editor.get(&path).expect(200).etag().to_owned();
    editor.patch(&format!("{path}?locale=nl"), &tag, &json!({"slug": "geheim"})).expect(200);
    resolve(&public, "/nl/events/geheim").problem(404, &[]);
    assert_eq!(resolve(&public, "/nl/events/rain").expect(200).json()["outcome"], "present");
}

/// Browsers resolve dot segments, and skip slashes before a host.
#[apply(api_test)]
fn no_other_spelling_makes_a_loop(app: &TestApp) {
    let app = with_pages(app);
    let editor = app.editor();
    for url in ["/x/../a", "/./a", "/%2e/a", "https:///www.example.org/a", "https://www.example.org/x/../a", "/a b"] {
        let refused = editor.post("/api/v1/redirects", &redirect("/a", url));
        refused.problem(422, &[("/destination/url", "not_a_url")]);
    }
    for source in ["/..", "/x/../a", "/%2E%2e/a"] {
        editor.post("/api/v1/redirects", &redirect(source, "/b")).problem(422, &[("/source", "not_a_path")]);
    }
    let own = editor.post("/api/v1/redirects", &redirect("/a", "https://www.example.org/a"));
    own.problem(422, &[("/destination/url", "loop")]);
}

#[apply(api_test)]
fn placeholders_change_neither_host_nor_query(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for (source, url) in [("/old/{*rest}", "/{rest}/archive"), ("/blog/{slug}", "/news?slug={slug}")] {
        let mut body = redirect(source, url);
        body["match_type"] = "pattern".into();
        editor.create("redirects", &body);
    }
    let location = |path: &str| resolve(&public, path).expect(200).json()["location"].clone();
    assert_eq!(location("/old"), "/archive");
    assert_eq!(location("/blog/a%26admin=1"), "/news?slug=a%26admin%3D1");
}

#[apply(api_test)]
fn the_list_has_no_syntax_of_others(app: &TestApp) {
    let editor = app.editor();
    for (source, url) in
        [("/%2A", "/star"), ("/:x", "/colon"), ("/semi;x", "/c"), ("/dollar", "/c$d"), ("/fine", "/well")]
    {
        editor.create("redirects", &redirect(source, url));
    }
    let list = String::from_utf8(app.visitor().get("/api/v1/redirects.txt").expect(200).body).unwrap();
    let live: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(live, ["/fine /well 301"], "{list}");
    let uses = editor.get("/api/v1/redirects/hits").expect(200);
    assert_eq!(uses.header("cache-control"), "private, no-store");
}
