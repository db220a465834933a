//! Redirects: where they lead, what is refused, what counts first, how often they are used.

use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::import::{bring, bring_bytes, options, write_export};
use crate::support::moments::{in_ms, wait_for};
use crate::support::program::{Program, fresh_database};

const REDIRECTS: &str = "/api/v1/redirects";

/// An application whose website has addresses for pages, events, sessions and topics, and none for speakers.
pub fn with_pages(app: &TestApp) -> TestApp {
    TestApp::start_with(app.backend, |config| {
        config.database_url = app.config.database_url.clone();
        config.search.folder = app.config.search.folder.clone();
        config.site.page_url = "https://www.example.org/{locale}/{path}".into();
        config.site.event_url = "https://www.example.org/{locale}/events/{slug}".into();
        config.site.session_url = "https://www.example.org/{locale}/events/{event}/{slug}".into();
        config.site.topic_url = "https://www.example.org/topics/{slug}/".into();
    })
}

pub fn resolve(client: &Client, path: &str) -> Reply {
    let encoded: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    client.get(&format!("{REDIRECTS}/resolve?path={encoded}"))
}

/// Where a path leads, in short: status and location, or "present" and "404".
fn outcome(client: &Client, path: &str) -> String {
    let reply = resolve(client, path);
    if reply.status == 404 {
        return "404".into();
    }
    let found = reply.expect(200).json();
    let location = found["location"].as_str().unwrap_or_default().trim_start_matches("https://www.example.org");
    match found["outcome"].as_str().unwrap() {
        "present" => "present".into(),
        _ => format!("{} {location}", found["status"]).trim_end().to_owned(),
    }
}

pub fn redirect(source: &str, url: &str) -> Value {
    json!({"source": source, "destination": {"url": url}, "status": "published"})
}

pub fn of_type(match_type: &str, source: &str, url: &str) -> Value {
    let mut body = redirect(source, url);
    body["match_type"] = match_type.into();
    body
}

/// The published redirects with these bodies.
fn create(editor: &Client, bodies: &[Value]) {
    for body in bodies {
        editor.create("redirects", body);
    }
}

#[apply(api_test)]
fn paths_lead_where_redirects_say(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let mut late = of_type("pattern", "/blog/{slug}", "/late/{slug}");
    late["position"] = json!(2);
    let mut last = of_type("pattern", "/blog/{year}/{*rest}", "/archive/{rest}/of/{year}");
    last["position"] = json!(3);
    let mut gone = json!({"source": "/gone", "status_code": 410, "status": "published"});
    create(
        &editor,
        &[
            redirect("/Old Ünit/", "/unit"),
            of_type("prefix", "/old", "https://example.org/base?x=1"),
            of_type("prefix", "/old/deep", "/deeper/"),
            redirect("/old/deep/exact", "/exact#top"),
            late,
            of_type("pattern", "/blog/{slug}.html", "/news/{slug}?from=blog"),
            last,
            gone.clone(),
        ],
    );
    gone["source"] = "/temporary".into();
    gone["status_code"] = 307.into();
    gone["destination"] = json!({"url": "/soon"});
    create(&editor, &[gone]);
    let cases = [
        ("/old%20%C3%BCnit", "404"),
        ("/OLD%20%C3%9Cnit?a=b", "301 /unit?a=b"),
        ("/old", "301 https://example.org/base?x=1"),
        ("/old/a b?y=2", "301 https://example.org/base/a%20b?x=1"),
        ("/olden", "404"),
        ("/old/deep/Er", "301 /deeper/Er"),
        ("/old/deep/exact/?q", "301 /exact?q#top"),
        ("/blog/rain.html", "301 /news/rain?from=blog"),
        ("/blog/rain", "301 /late/rain"),
        ("/blog/2020/a/b", "301 /archive/a/b/of/2020"),
        ("/gone", "410"),
        ("/temporary", "307 /soon"),
        ("/", "404"),
        ("/news/rain", "404"),
    ];
    for (path, wanted) in cases {
        assert_eq!(outcome(&public, path), wanted, "{path}");
    }
    let reply = resolve(&public, "/old/deep/exact").expect(200);
    assert_eq!(reply.header("cache-control"), "private, no-store");
    let found = reply.json();
    assert_eq!((&found["outcome"], &found["item"]), (&json!("redirect"), &Value::Null));
    let id = editor.get(&format!("{REDIRECTS}/old-deep-exact")).expect(200).json()["id"].clone();
    assert_eq!(found["redirects"], json!([id]));
    resolve(&public, "/nothing").problem(404, &[]);
    public.get(&format!("{REDIRECTS}/resolve")).problem(400, &[("?path", "required")]);
    public.get(&format!("{REDIRECTS}/resolve?path=old")).problem(400, &[("?path", "not_a_path")]);
    public.get(&format!("{REDIRECTS}/resolve?path=/%25ff")).problem(400, &[("?path", "not_a_path")]);
    public.get(&format!("{REDIRECTS}/resolve?path=/a&locale=xx")).problem(400, &[("?locale", "not_allowed")]);
    public.get(&format!("{REDIRECTS}/resolve?path=/a&colour=red")).problem(400, &[("?colour", "unknown_parameter")]);
}

/// A redirect never hides an item, and leads to one only while it is public.
#[apply(api_test)]
fn items_count_first_and_are_followed(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    let topic =
        json!({"name": {"en": "Water", "nl": "Waterbeheer"}, "slugs": {"nl": "waterbeheer"}, "status": "published"});
    editor.post("/api/v1/topics?locale=*", &topic).expect(201);
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    editor.create("events", &json!({"title": "Secret"}));
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let to = |source: &str, collection: &str, id: &str| json!({"source": source, "status": "published", "destination": {"target": {"collection": collection, "id": id}}});
    create(
        &editor,
        &[
            to("/water", "topics", "water"),
            to("/nl/water", "topics", "water"),
            to("/rivers", "events", "rivers"),
            to("/en/events/secret", "events", "secret"),
            to("/anna", "speakers", "anna"),
            redirect("/en/events/rivers", "/never"),
            of_type("prefix", "/en/events/secret", "/fallback"),
        ],
    );
    assert_eq!(outcome(&public, "/water?a=1"), "301 /topics/water/?a=1");
    assert_eq!(outcome(&public, "/nl/water"), "301 /topics/waterbeheer/");
    let dutch = public.get(&format!("{REDIRECTS}/resolve?path=/water&locale=nl")).expect(200).json();
    assert_eq!(dutch["location"], "https://www.example.org/topics/waterbeheer/");
    assert_eq!(outcome(&public, "/rivers"), "301 /en/events/rivers");
    assert_eq!(outcome(&public, "/en/events/rivers/?x"), "present");
    let present = resolve(&public, "/en/events/rivers").expect(200).json();
    let id = editor.get("/api/v1/events/rivers").expect(200).json()["id"].clone();
    assert_eq!(present["item"], json!({"collection": "events", "id": id}));
    assert_eq!((&present["status"], &present["location"]), (&json!(200), &Value::Null));
    // A draft, and a speaker without an address: the redirect is passed over.
    assert_eq!(outcome(&public, "/en/events/secret"), "301 /fallback");
    assert_eq!(outcome(&public, "/anna"), "404");
    assert_eq!(outcome(&editor, "/en/events/secret"), "301 /fallback");
    editor.act("/api/v1/events/secret/publish", "\"v1\"").expect(200);
    assert_eq!(outcome(&public, "/en/events/secret"), "present");
    editor.act("/api/v1/events/rivers/unpublish", "\"v1\"").expect(200);
    assert_eq!(outcome(&public, "/en/events/rivers"), "301 /never");
    assert_eq!(outcome(&public, "/rivers"), "404");
}

/// Addresses that items had before lead to their present ones, without any redirect.
#[apply(api_test)]
fn former_addresses_lead_to_present_ones(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    editor.create("sessions", &json!({"title": "Opening", "event": "rivers", "status": "published"}));
    let page = json!({"title": {"en": "About", "nl": "Over"}, "segment": {"en": "about", "nl": "over"}, "status": "published"});
    editor.post("/api/v1/pages?locale=*", &page).expect(201);
    editor.create("pages", &json!({"title": "Team", "parent": "about", "status": "published"}));
    for path in ["/en/events/rivers", "/en/events/rivers/opening", "/en/about/team", "/nl/over/team"] {
        assert_eq!(outcome(&public, path), "present", "{path}");
    }
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"slug": "seas"})).expect(200);
    editor.patch("/api/v1/pages/about", "\"v1\"", &json!({"segment": "us"})).expect(200);
    let cases = [
        ("/en/events/rivers", "308 /en/events/seas"),
        ("/en/Events/SEAS", "308 /en/events/seas"),
        ("/nl/events/rivers?a=1", "308 /nl/events/seas?a=1"),
        ("/xx/events/rivers", "404"),
        ("/en/events/rivers/opening", "308 /en/events/seas/opening"),
        ("/en/about/team", "308 /en/us/team"),
        ("/en/over/team", "308 /en/us/team"),
        ("/nl/us", "308 /nl/over"),
        ("/en/us/team", "present"),
    ];
    for (path, wanted) in cases {
        assert_eq!(outcome(&public, path), wanted, "{path}");
    }
    let found = resolve(&public, "/en/events/rivers").expect(200).json();
    assert_eq!((&found["redirects"], &found["item"]["collection"]), (&json!([]), &json!("events")));
    // A redirect to a former address leads to the present one at once, and a redirect of a former address is first.
    create(&editor, &[redirect("/a", "/en/about?x=1"), redirect("/en/about/team", "/people")]);
    assert_eq!(outcome(&public, "/a"), "301 /en/us?x=1");
    assert_eq!(outcome(&public, "/en/about/team"), "301 /people");
    // What is public no more is told to nobody.
    editor.act("/api/v1/events/seas/unpublish", "\"v2\"").expect(200);
    for path in ["/en/events/rivers", "/en/events/seas", "/en/events/rivers/opening"] {
        assert_eq!(outcome(&public, path), "404", "{path}");
    }
}

#[apply(api_test)]
fn loops_and_chains_are_refused(app: &TestApp) {
    let site = with_pages(app);
    let editor = site.editor();
    let post = |body: &Value| editor.post(REDIRECTS, body);
    create(&editor, &[redirect("/a", "/b"), of_type("prefix", "/shop", "/store"), redirect("/x/gone", "/y/gone")]);
    let told = post(&redirect("/B/", "/c")).problem(422, &[("/source", "chain")]);
    let message = told["errors"][0]["message"].as_str().unwrap();
    let id = editor.get(&format!("{REDIRECTS}/a")).expect(200).json()["id"].as_str().unwrap().to_owned();
    assert!(message.contains("\"/a\"") && message.contains(&id), "{message}");
    post(&redirect("/z", "/A")).problem(422, &[("/destination/url", "chain")]);
    post(&redirect("/z", "https://www.example.org/a?x")).problem(422, &[("/destination/url", "chain")]);
    post(&redirect("/b", "/a")).problem(422, &[("/destination/url", "loop")]);
    post(&redirect("/self", "/Self/#x")).problem(422, &[("/destination/url", "loop")]);
    post(&of_type("prefix", "/deep", "/deep/er")).problem(422, &[("/destination/url", "loop")]);
    post(&of_type("prefix", "/store", "/shop")).problem(422, &[("/destination/url", "loop")]);
    post(&of_type("prefix", "/store", "/market")).problem(422, &[("/source", "chain")]);
    post(&of_type("pattern", "/old/{x}", "/shop/{x}")).problem(422, &[("/destination/url", "chain")]);
    post(&of_type("pattern", "/{one}", "/c/{one}")).problem(422, &[("/source", "chain")]);
    post(&redirect("/A", "/d")).problem(409, &[("/source", "taken")]);
    post(&of_type("prefix", "/shop/", "/d")).problem(409, &[("/source", "taken")]);
    create(&editor, &[of_type("pattern", "/{page}.html", "/{page}"), redirect("/q", "https://example.org/a")]);
    post(&of_type("pattern", "/{other}.html", "/w/{other}")).problem(409, &[("/source", "taken")]);
    // Only some of what a prefix leads to is redirected on: that is followed at once, also by a part for now.
    let mut part = redirect("/store/part", "https://example.org/part");
    part["status_code"] = json!(302);
    create(&editor, &[part]);
    assert_eq!(outcome(&site.visitor(), "/shop/part"), "302 https://example.org/part");
    assert_eq!(outcome(&site.visitor(), "/shop/other"), "301 /store/other");
    // A path that would lead to itself leads nowhere.
    create(&editor, &[of_type("pattern", "/swap/{x}/{y}", "/swap/{y}/{x}/end")]);
    create(&editor, &[of_type("pattern", "/turn/{x}", "/{x}/turn")]);
    assert_eq!(outcome(&site.visitor(), "/turn/turn"), "404");
    assert_eq!(outcome(&site.visitor(), "/turn/a"), "301 /a/turn");
    // Drafts are compared when they are published.
    let mut draft = redirect("/b", "/c");
    draft["status"] = "draft".into();
    editor.create("redirects", &draft);
    editor.act(&format!("{REDIRECTS}/b/publish"), "\"v1\"").problem(422, &[("/source", "chain")]);
    editor.patch(&format!("{REDIRECTS}/a"), "\"v1\"", &json!({"destination": {"url": "/c"}})).expect(200);
    editor.act(&format!("{REDIRECTS}/b/publish"), "\"v1\"").expect(200);
    let batch = json!({"entries": [
        {"operation": "create", "collection": "redirects", "content": redirect("/m", "/n")},
        {"operation": "create", "collection": "redirects", "content": redirect("/n", "/o")},
    ]});
    assert_eq!(editor.post("/api/v1/batch", &batch).status, 422);
    assert_eq!(outcome(&site.visitor(), "/m"), "404");
}

#[apply(api_test)]
fn bad_redirects_are_refused(app: &TestApp) {
    let editor = app.editor();
    let post = |body: &Value| editor.post(REDIRECTS, body);
    post(&json!({"destination": {"url": "/b"}})).problem(422, &[("/source", "required")]);
    post(&json!({"source": "/a"})).problem(422, &[("/destination", "not_complete")]);
    post(&json!({"source": "a", "destination": {"url": "/b"}})).problem(422, &[("/source", "not_a_path")]);
    post(&of_type("pattern", "/{a}/{a}", "/b")).problem(422, &[("/source", "not_a_path")]);
    post(&of_type("pattern", "/{a}", "/{b}")).problem(422, &[("/destination/url", "not_a_url")]);
    post(&of_type("pattern", "/{a}", "//{a}")).problem(422, &[("/destination/url", "not_a_url")]);
    post(&of_type("regex", "/a", "/b")).problem(422, &[("/match_type", "not_allowed")]);
    let lost = json!({"source": "/a", "destination": {"target": {"collection": "events", "id": "none"}}});
    post(&lost).problem(422, &[("/destination/target/id", "dangling_reference")]);
    app.visitor().post(REDIRECTS, &redirect("/a", "/b")).problem(401, &[]);
}

/// Redirects are content: drafts, moments, working drafts and the trash work as for all other kinds.
#[apply(api_test)]
fn only_what_is_public_redirects(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("redirects", &json!({"source": "/a", "destination": {"url": "/b"}}));
    let path = format!("{REDIRECTS}/a");
    assert_eq!(outcome(&public, "/a"), "404");
    public.get(&path).problem(404, &[]);
    let scheduled =
        editor.act_with(&format!("{path}/schedule"), "\"v1\"", &json!({"publish_at": in_ms(700)})).expect(200);
    assert_eq!(scheduled.json()["status"], "scheduled");
    wait_for("the publication", || outcome(&public, "/a") == "301 /b");
    let etag = editor.get(&path).expect(200).etag().to_owned();
    let draft = format!("{path}?view=draft");
    let change = json!({"destination": {"url": "/c"}, "source": "/A-new"});
    let changed = editor.patch(&draft, &etag, &change).expect(200);
    assert_eq!((outcome(&public, "/a"), outcome(&public, "/a-new")), ("301 /b".into(), "404".into()));
    let published = editor.act(&format!("{path}/publish"), changed.etag()).expect(200);
    assert_eq!((outcome(&public, "/a"), outcome(&public, "/a-new")), ("404".into(), "301 /c".into()));
    let trashed = editor.delete(&path, published.etag()).expect(204);
    assert_eq!(outcome(&public, "/a-new"), "404");
    create(&editor, &[redirect("/a-new", "/d")]);
    // Another one has the source by now.
    editor.act(&format!("{path}/restore"), trashed.etag()).problem(409, &[("/source", "taken")]);
    assert_eq!(outcome(&public, "/a-new"), "301 /d");
    // A preview of a moment sees redirects as they are then; the resolution is always that of now.
    let list = public.get(REDIRECTS).expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["destination"], json!({"target": null, "url": "/d"}));
}

/// Every node counts, and all counts are stored.
#[apply(api_test)]
fn uses_are_counted(app: &TestApp) {
    let (editor, public, other) = (app.editor(), app.visitor(), app.second_node());
    create(&editor, &[redirect("/a", "/x"), redirect("/b", "/x"), redirect("/never", "/x")]);
    let before = editor.get(&format!("{REDIRECTS}/hits")).expect(200).json();
    assert!(before["data"].as_array().unwrap().iter().all(|one| one["hits"] == 0 && one["last_hit_at"].is_null()));
    for _ in 0..3 {
        resolve(&public, "/a").expect(200);
        resolve(&other.visitor(), "/a").expect(200);
    }
    resolve(&public, "/b").expect(200);
    let uses = |order: &str| -> Vec<(String, i64)> {
        let list = editor.get(&format!("{REDIRECTS}/hits?order={order}")).expect(200).json();
        let one = |one: &Value| (one["source"].as_str().unwrap().to_owned(), one["hits"].as_i64().unwrap());
        list["data"].as_array().unwrap().iter().map(one).collect()
    };
    let all = [("/a".to_owned(), 6), ("/b".to_owned(), 1), ("/never".to_owned(), 0)];
    wait_for("the counts", || uses("most") == all);
    resolve(&other.visitor(), "/b").expect(200);
    wait_for("a further count", || uses("latest")[0] == ("/b".to_owned(), 2));
    assert_eq!(uses("least")[0].0, "/never");
    let page = editor.get(&format!("{REDIRECTS}/hits?limit=1&offset=1")).expect(200).json();
    assert_eq!((&page["data"][0]["source"], &page["more"]), (&json!("/b"), &json!(true)));
    assert!(page["data"][0]["last_hit_at"].is_string());
    public.get(&format!("{REDIRECTS}/hits")).problem(401, &[]);
    editor.get(&format!("{REDIRECTS}/hits?order=some")).problem(400, &[("?order", "not_allowed")]);
}

/// A node that is stopped stores what it has counted.
#[apply(api_test)]
fn no_use_is_lost_when_a_node_is_stopped(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let program = Program::start(&database);
    create(&program.administrator(), &[redirect("/a", "/x")]);
    for _ in 0..5 {
        resolve(&program.client(), "/a").expect(200);
    }
    program.terminate();
    let program = Program::start(&database);
    let uses = program.administrator().get(&format!("{REDIRECTS}/hits")).expect(200).json();
    assert_eq!(uses["data"][0]["hits"], 5);
    program.terminate();
}

/// The list for servers at the edge follows every change, also of targets.
#[apply(api_test)]
fn the_list_has_all_redirects(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    let mut gone = redirect("/gone", "/x");
    gone["destination"] = Value::Null;
    gone["status_code"] = json!(410);
    let target = json!({"source": "/nl/rivers", "status": "published", "status_code": 302,
        "destination": {"target": {"collection": "events", "id": "rivers"}}});
    create(
        &editor,
        &[
            of_type("pattern", "/blog/{year}/{*rest}", "/news/{year}/{rest}"),
            of_type("prefix", "/old", "/new"),
            of_type("prefix", "/old/er", "/newer"),
            redirect("/b c", "/d"),
            gone,
            target,
        ],
    );
    let list = || public.get(&format!("{REDIRECTS}.txt")).expect(200);
    assert_eq!(list().header("content-type"), "text/plain; charset=utf-8");
    let text = String::from_utf8(list().body).unwrap();
    assert_eq!(
        text,
        "/b%20c /d 301\n# /gone 410: gone\n/nl/rivers https://www.example.org/nl/events/rivers 302\n\
         /old/er/* /newer/:splat 301\n/old/* /new/:splat 301\n/blog/:year/* /news/:year/:splat 301\n"
    );
    public.send("GET", &format!("{REDIRECTS}.txt"), &[("if-none-match", list().etag())], b"").expect(304);
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"slug": "seas"})).expect(200);
    assert!(
        String::from_utf8(list().body).unwrap().contains("/nl/rivers https://www.example.org/nl/events/seas 302\n")
    );
    editor.act("/api/v1/events/seas/unpublish", "\"v2\"").expect(200);
    assert!(String::from_utf8(list().body).unwrap().contains("# /nl/rivers 302: its target has no public address\n"));
    // The list of the kind is paged and filtered like all others.
    let page = public.get(&format!("{REDIRECTS}?match_type=prefix&limit=1&sort=source")).expect(200).json();
    assert_eq!(page["data"][0]["source"], "/old");
    assert!(page["page"]["next"].is_string());
}

/// The mapping of docs/redirects.md; an export takes redirects to another installation.
#[apply(api_test)]
fn redirects_come_from_csv_and_from_exports(app: &TestApp) {
    let page = std::fs::read_to_string(crate::docs::root().join("docs/redirects.md")).unwrap();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let mapping = Mapping::parse(rest.split_once("```").unwrap().0).unwrap();
    let text = "from,to,status\n/alt,/neu,301\n/alt/tief,https://example.org/x,308\n/weg,,410\nfalsch,/neu,301\n/neu,/neuer,301\n";
    let said = bring_bytes(app, "redirects.csv", text.as_bytes(), |options| options.settings.mapping = Some(mapping));
    assert_eq!(said.report.of(Outcome::Created, "redirect"), 3, "{:?}", said.lines);
    assert_eq!(said.codes(Outcome::Refused), ["not_a_path", "chain"], "{:?}", said.lines);
    let public = app.visitor();
    assert_eq!(outcome(&public, "/alt?x=1"), "301 /neu?x=1");
    assert_eq!(outcome(&public, "/alt/tief"), "308 https://example.org/x");
    assert_eq!(outcome(&public, "/weg"), "410");
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path(), "all.jsonl");
    let other = TestApp::start(app.other_backend());
    bring(&other, &file, &options(&file));
    assert_eq!(outcome(&other.visitor(), "/alt"), "301 /neu");
    let again = write_export(&other, folder.path(), "again.jsonl");
    assert_eq!(std::fs::read_to_string(file).unwrap(), std::fs::read_to_string(again).unwrap());
}
