//! Pages: their tree, their paths in each language, and what is around them.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::import::bring_text;

const BY_PATH: &str = "/api/v1/pages/by-path";

/// Creates a public page with titles in both languages.
fn page(editor: &Client, titles: (&str, &str), more: Value) -> Value {
    let mut body = json!({"title": {"en": titles.0, "nl": titles.1}, "status": "published"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    editor.post("/api/v1/pages?locale=*", &body).expect(201).json()
}

fn by_path(client: &Client, path: &str) -> Reply {
    client.get(&format!("{BY_PATH}/{path}"))
}

/// The tree of an organisation: about, about/team, about/team/board, each with its Dutch slug.
fn tree(editor: &Client) {
    page(editor, ("About", "Over ons"), json!({"slugs": {"en": "about", "nl": "over-ons"}}));
    page(editor, ("Team", "Team NL"), json!({"slug": "team", "parent": "about", "position": 2}));
    page(
        editor,
        ("History", "Geschiedenis"),
        json!({"slugs": {"en": "history", "nl": "geschiedenis"}, "parent": "about"}),
    );
    page(editor, ("Board", "Bestuur"), json!({"slugs": {"en": "board", "nl": "bestuur"}, "parent": "team"}));
}

fn paths(view: &Value) -> Vec<&str> {
    view["paths"].as_array().unwrap().iter().map(|path| path["path"].as_str().unwrap()).collect()
}

#[apply(api_test)]
fn a_page_is_found_by_its_path_with_what_is_around_it(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    tree(&editor);
    let board = by_path(&public, "about/team/board").expect(200).json();
    assert_eq!((&board["page"]["title"], &board["page"]["path"]), (&json!("Board"), &json!("about/team/board")));
    assert_eq!(paths(&board), ["about/team/board", "over-ons/team/bestuur"]);
    let crumbs = board["breadcrumbs"].as_array().unwrap();
    let crumb = |index: usize| (crumbs[index]["title"].as_str().unwrap(), crumbs[index]["path"].as_str().unwrap());
    assert_eq!((crumbs.len(), crumb(0), crumb(1)), (2, ("About", "about"), ("Team", "about/team")));
    let about = by_path(&public, "over-ons?locale=nl").expect(200);
    let view = about.json();
    let children: Vec<(&str, &str)> = view["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|child| (child["title"].as_str().unwrap(), child["path"].as_str().unwrap()))
        .collect();
    assert_eq!(children, [("Geschiedenis", "over-ons/geschiedenis"), ("Team NL", "over-ons/team")]);
    assert_eq!(about.header("content-language"), "nl");
    // Slashes may be encoded, and the path of another language leads to that of the request.
    by_path(&public, "about%2Fteam").expect(200);
    let moved = |path: &str| by_path(&public, path).expect(308).header("location").to_owned();
    assert_eq!(moved("over-ons/team/bestuur"), "/api/v1/pages/by-path/about/team/board");
    assert_eq!(moved("about/team/board?locale=nl"), "/api/v1/pages/by-path/over-ons/team/bestuur?locale=nl");
    assert_eq!(moved("About/Team/"), "/api/v1/pages/by-path/about/team");
    by_path(&public, "team").problem(404, &[]);
    by_path(&public, "about/nobody").problem(404, &[]);
    // A list and a single item have the path too.
    let list = public.get("/api/v1/pages?parent=about&fields=path").expect(200).json();
    assert_eq!(list["data"][1]["path"], "about/team");
    assert_eq!(public.get("/api/v1/pages/board?locale=nl").expect(200).json()["path"], "over-ons/team/bestuur");
}

#[apply(api_test)]
fn what_moves_redirects_with_all_below_it(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    tree(&editor);
    let location = |path: &str| by_path(&public, path).expect(308).header("location").to_owned();
    // Each is read before, so that what is cached must go.
    by_path(&public, "about/team/board").expect(200);
    by_path(&public, "organisation/team/board").expect(404);
    editor.patch("/api/v1/pages/about", "\"v1\"", &json!({"slug": "organisation"})).expect(200);
    assert_eq!(location("about"), "/api/v1/pages/by-path/organisation");
    assert_eq!(location("about/team/board"), "/api/v1/pages/by-path/organisation/team/board");
    let board = by_path(&public, "organisation/team/board").expect(200).json();
    assert_eq!(board["breadcrumbs"][1]["path"], "organisation/team");
    // The branch moves below another page: every path that was ever public leads to the present one.
    page(&editor, ("People", "Mensen"), json!({"slugs": {"en": "people", "nl": "mensen"}}));
    editor.patch("/api/v1/pages/team", "\"v1\"", &json!({"parent": "people"})).expect(200);
    for path in ["about/team/board", "organisation/team/board"] {
        assert_eq!(location(path), "/api/v1/pages/by-path/people/team/board");
    }
    assert_eq!(location("over-ons/team/bestuur?locale=nl"), "/api/v1/pages/by-path/mensen/team/bestuur?locale=nl");
    // Those that keep a copy are told of the pages below, whose versions stay.
    let history = editor.get("/api/v1/pages/board/revisions").expect(200).json();
    assert_eq!((&history["data"][0]["action"], &history["data"][0]["changed"]), (&json!("follow"), &json!(["/path"])));
    assert_eq!(public.get("/api/v1/pages/board").expect(200).json()["version"], 1);
    // Back where it was, the first path is the present one again.
    editor.patch("/api/v1/pages/team", "\"v2\"", &json!({"parent": "organisation"})).expect(200);
    by_path(&public, "organisation/team/board").expect(200);
    assert_eq!(location("people/team/board"), "/api/v1/pages/by-path/organisation/team/board");
}

#[apply(api_test)]
fn a_page_is_public_only_with_those_above(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    tree(&editor);
    let etag = |path: &str| editor.get(&format!("/api/v1/pages/{path}")).expect(200).etag().to_owned();
    by_path(&public, "about/team/board").expect(200);
    public.get("/api/v1/pages/board").expect(200);
    editor.act("/api/v1/pages/about/unpublish", &etag("about")).expect(200);
    for path in ["about", "about/team", "about/team/board"] {
        by_path(&public, path).problem(404, &[]);
    }
    public.get("/api/v1/pages/board").problem(404, &[]);
    assert_eq!(public.get("/api/v1/pages").expect(200).json()["data"], json!([]));
    by_path(&editor, "about/team/board").expect(200);
    // What is moved out of the branch is public at once, and what stays is when the branch is.
    editor.patch("/api/v1/pages/team", "\"v1\"", &json!({"parent": null})).expect(200);
    by_path(&public, "team/board").expect(200);
    assert_eq!(by_path(&public, "about/team/board").expect(308).header("location"), "/api/v1/pages/by-path/team/board");
    by_path(&public, "about/history").problem(404, &[]);
    editor.act("/api/v1/pages/about/publish", &etag("about")).expect(200);
    by_path(&public, "about/history").expect(200);
    // A page that was never public leaves no trace.
    editor.create("pages", &json!({"title": "Secret", "slug": "secret", "parent": "about"}));
    editor.patch("/api/v1/pages/secret", "\"v1\"", &json!({"slug": "secret-two"})).expect(200);
    by_path(&public, "about/secret").problem(404, &[]);
    by_path(&public, "about/secret-two").problem(404, &[]);
    let about = by_path(&public, "about").expect(200).json()["page"].clone();
    assert!(!about["children"].to_string().to_lowercase().contains("secret"));
}

#[apply(api_test)]
fn paths_are_unique_and_the_tree_is_bounded(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    tree(&editor);
    // Slugs are unique, segments only below the same page.
    page(&editor, ("Projects", "Projecten"), json!({"slug": "projects"}));
    let team = json!({"segment": {"en": "team"}, "parent": "projects"});
    let other = page(&editor, ("Project team", "Projectteam"), team);
    assert_eq!(other["slug"], "project-team");
    by_path(&public, "projects/team").expect(200);
    let twice = json!({"title": "Again", "segment": "team", "parent": "projects"});
    editor.post("/api/v1/pages", &twice).problem(409, &[("/segment", "taken")]);
    editor.patch("/api/v1/pages/history", "\"v1\"", &json!({"segment": "team"})).problem(409, &[("/segment", "taken")]);
    // Neither below itself nor without end.
    editor.patch("/api/v1/pages/about", "\"v1\"", &json!({"parent": "board"})).problem(422, &[("/parent", "circle")]);
    let mut parent = "board".to_owned();
    for level in 4..=12 {
        let slug = format!("level-{level}");
        editor.create("pages", &json!({"title": slug, "slug": slug, "parent": parent}));
        parent = slug;
    }
    editor.post("/api/v1/pages", &json!({"title": "Deep", "parent": parent})).problem(422, &[("/parent", "too_long")]);
    let deeper = json!({"parent": "projects"});
    editor.patch("/api/v1/pages/about", "\"v1\"", &deeper).problem(422, &[("/parent", "too_long")]);
    by_path(&public, "about/team/board").expect(200);
    // A home page has no segment, and there is one.
    public.get(BY_PATH).problem(404, &[]);
    page(&editor, ("Home", "Thuis"), json!({"role": "home"}));
    assert_eq!(public.get(BY_PATH).expect(200).json()["page"]["path"], "");
    assert_eq!(public.get(&format!("{BY_PATH}/home")).problem(404, &[])["status"], 404);
    editor.post("/api/v1/pages", &json!({"title": "Home 2", "role": "home"})).problem(409, &[("/role", "taken")]);
    let below = json!({"title": "Home 3", "role": "home", "parent": "about"});
    editor.post("/api/v1/pages", &below).problem(422, &[("/parent", "conflict")]);
    // A copy stands beside its original.
    let copy = editor.post("/api/v1/pages/project-team/duplicate", &json!({})).expect(201).json();
    assert_eq!(copy["path"], "projects/project-team-2");
}

#[apply(api_test)]
fn a_former_path_stays_until_another_page_is_public_there(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    page(&editor, ("Team", "Team"), json!({"slug": "team"}));
    editor.patch("/api/v1/pages/team", "\"v1\"", &json!({"slug": "people"})).expect(200);
    let to_people =
        || assert_eq!(by_path(&public, "team").expect(308).header("location"), "/api/v1/pages/by-path/people");
    to_people();
    // A draft takes the path, but not from the public.
    editor.create("pages", &json!({"title": "New team", "slug": "new-team", "segment": "team"}));
    to_people();
    assert_eq!(by_path(&editor, "team").expect(200).json()["page"]["title"], "New team");
    editor.act("/api/v1/pages/new-team/publish", "\"v1\"").expect(200);
    assert_eq!(by_path(&public, "team").expect(200).json()["page"]["title"], "New team");
    editor.act("/api/v1/pages/new-team/unpublish", "\"v2\"").expect(200);
    to_people();
}

#[apply(api_test)]
fn paths_follow_languages(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("pages", &json!({"title": "About", "status": "published"}));
    // Without words of its own, a language has the path of its fallback.
    assert_eq!(paths(&by_path(&public, "about").expect(200).json()), ["about", "about"]);
    let dutch = json!({"title": "Over ons", "segment": "over-ons"});
    editor.patch("/api/v1/pages/about?locale=nl", "\"v1\"", &dutch).expect(200);
    assert_eq!(paths(&by_path(&public, "about").expect(200).json()), ["about", "over-ons"]);
    // A hidden language does not tell its words.
    editor.act("/api/v1/pages/about/translations/nl/unpublish", "\"v2\"").expect(200);
    assert_eq!(paths(&by_path(&public, "about").expect(200).json()), ["about", "about"]);
    assert_eq!(
        by_path(&public, "over-ons?locale=nl").expect(308).header("location"),
        "/api/v1/pages/by-path/about?locale=nl"
    );
    // The title changes, the path does not.
    editor.patch("/api/v1/pages/about", "\"v3\"", &json!({"title": "Who we are"})).expect(200);
    by_path(&public, "about").expect(200);
}

#[apply(api_test)]
fn a_branch_goes_to_the_trash_and_comes_back(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    tree(&editor);
    editor.trash("/api/v1/pages/about", "\"v1\"").expect(204);
    by_path(&public, "about/team/board").problem(404, &[]);
    editor.act("/api/v1/pages/about/restore", "\"v2\"").expect(200);
    editor.act("/api/v1/pages/about/publish", "\"v3\"");
    by_path(&public, "about/team/board").expect(200);
    editor.trash("/api/v1/pages/about", editor.get("/api/v1/pages/about").etag()).expect(204);
    app.sql("UPDATE items SET trashed_at = 1 WHERE trashed_at > 0");
    let purged = app.block_on(plenary::editorial::trash_purge::run(&app.app.database, 1)).unwrap();
    assert_eq!(purged, 1);
    assert_eq!(editor.get("/api/v1/pages?status=any").expect(200).json()["data"], json!([]));
    tree(&editor);
    by_path(&public, "about/team/board").expect(200);
}

#[apply(api_test)]
fn a_future_tree_can_be_seen(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    tree(&editor);
    editor.patch("/api/v1/pages/about?view=draft", "\"v1\"", &json!({"slug": "organisation"})).expect(200);
    by_path(&public, "about/team").expect(200);
    let plan = json!({"publish_at": "2040-01-01T00:00"});
    editor.act_with("/api/v1/pages/about/schedule", "\"v2\"", &plan).expect(200);
    let at = "at=2040-06-01T00:00:00Z";
    let board = by_path(&editor, &format!("organisation/team/board?{at}")).expect(200).json();
    assert_eq!(board["breadcrumbs"][0]["path"], "organisation");
    assert_eq!(
        by_path(&editor, &format!("about/team/board?{at}")).expect(308).header("location"),
        format!("/api/v1/pages/by-path/organisation/team/board?{at}")
    );
    by_path(&public, "about/team/board").expect(200);
    by_path(&public, "organisation/team/board").problem(404, &[]);
}

/// A page of a batch may stand below a later one, and not below itself.
#[apply(api_test)]
fn pages_of_a_batch_refer_to_each_other(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let page = |name: &str, parent: &str| {
        let content = json!({"title": name, "slug": name, "parent": parent, "status": "published"});
        json!({"operation": "create", "collection": "pages", "local_id": name, "content": content})
    };
    let circle = json!({"entries": [page("p", "#q"), page("q", "#p")]});
    editor.post("/api/v1/batch", &circle).problem(422, &[("/entries/0/content/parent", "circle")]);
    let mut top = page("top", "");
    top["content"].as_object_mut().unwrap().remove("parent");
    editor.post("/api/v1/batch", &json!({"entries": [page("below", "#top"), top]})).expect(200);
    public.get("/api/v1/pages/by-path/top/below").expect(200);
}

/// A line of an export with a public page.
fn exported(number: u32, slug: &str, content: &Value) -> String {
    let at = 1_795_973_576_539_153_i64;
    json!({
        "kind": "page", "id": format!("01a2285f-1008-72ad-b2d5-{number:012}"), "slug": slug, "status": "published",
        "version": 1, "created_at": at, "updated_at": at, "published_at": at, "trashed_at": 0, "content": content,
    })
    .to_string()
}

/// A page that is refused, or loses a detail, keeps no other from its place.
#[apply(api_test)]
fn imported_pages_have_their_places(app: &TestApp) {
    let id = |number: u32| format!("01a2285f-1008-72ad-b2d5-{number:012}");
    let text = |body: &str| json!({"type": "text", "body": {"en": body}});
    let lines = [
        exported(1, "cookies", &json!({"title": {"en": "Cookies"}})),
        exported(2, "cookies", &json!({"title": {"en": "team"}})),
        exported(3, "about", &json!({"title": {"en": "About"}, "parent": id(1)})),
        exported(4, "lost", &json!({"title": {"en": "Lost"}, "parent": id(2)})),
        exported(
            5,
            "blocks",
            &json!({"title": {"en": "Blocks"}, "parent": id(1), "blocks": [text("One"), {"type": "quote", "text": {"en": "Two"}, "source_url": "no address"}]}),
        ),
        exported(6, "circle", &json!({"title": {"en": "Circle"}, "parent": id(6)})),
        exported(7, "home", &json!({"title": {"en": "Home"}, "role": "home"})),
        exported(8, "second-home", &json!({"title": {"en": "Second"}, "role": "home"})),
    ];
    let file = lines.join("\n");
    let said = bring_text(app, "pages.jsonl", &file);
    assert_eq!(
        (said.report.of(Outcome::Created, "page"), said.report.total(Outcome::Refused)),
        (7, 1),
        "{:?}",
        said.lines
    );
    let public = app.visitor();
    for (path, slug) in [
        ("cookies", "cookies"),
        ("cookies/about", "about"),
        ("lost", "lost"),
        ("cookies/blocks", "blocks"),
        ("circle", "circle"),
    ] {
        assert_eq!(by_path(&public, path).expect(200).json()["page"]["slug"], slug, "{path}");
    }
    let page = by_path(&public, "cookies/blocks").json()["page"].clone();
    assert_eq!(page["blocks"].as_array().unwrap().len(), 2, "{page:#}");
    assert!(page["blocks"][1]["source_url"].is_null(), "{page:#}");
    let second = public.get("/api/v1/pages/second-home").expect(200).json();
    assert_eq!(second["path"], "second-home", "{:?}", said.lines);
    // An edited page stays as it is when the file is imported again.
    app.editor().patch("/api/v1/pages/about", "\"v1\"", &json!({"title": "Edited", "parent": null})).expect(200);
    bring_text(app, "pages.jsonl", &file);
    let about = by_path(&public, "about").expect(200).json()["page"].clone();
    assert_eq!((&about["title"], &about["version"]), (&json!("Edited"), &json!(2)));
}
