//! Menus, announcements, and the layout that shows them with the settings of the site.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, options, write_export};
use crate::support::moments::{in_ms, wait_for};

const LAYOUT: &str = "/api/v1/layout";

fn layout(client: &Client, query: &str) -> Value {
    client.get(&format!("{LAYOUT}{query}")).expect(200).json()
}

/// An application whose website has addresses for events, sessions and topics, and none for speakers.
fn with_pages(app: &TestApp) -> TestApp {
    TestApp::start_with(app.backend, |config| {
        config.database_url = app.config.database_url.clone();
        config.search.folder = app.config.search.folder.clone();
        config.site.event_url = "https://www.example.org/{locale}/events/{slug}".into();
        config.site.session_url = "https://www.example.org/{locale}/events/{event}/{slug}".into();
        config.site.topic_url = "https://www.example.org/{locale}/topics/{slug}".into();
    })
}

fn target(collection: &str, id: &str) -> Value {
    json!({"target": {"collection": collection, "id": id}})
}

/// An event with a session, a topic with two names, and a speaker, all public; and a menu that leads to them.
fn world(editor: &Client) {
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    editor.create("sessions", &json!({"title": "Opening", "event": "rivers", "status": "published"}));
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let topic =
        json!({"name": {"en": "Water", "nl": "Waterbeheer"}, "slugs": {"nl": "waterbeheer"}, "status": "published"});
    editor.post("/api/v1/topics?locale=*", &topic).expect(201);
    let menu = json!({
        "title": {"en": "Main", "nl": "Hoofdmenu"}, "slug": "main", "status": "published",
        "entries": [
            {"label": {"en": "Home", "nl": "Begin"}, "url": "/"},
            {"target": {"collection": "events", "id": "rivers"}, "children": [
                {"target": {"collection": "sessions", "id": "opening"}, "children": [
                    {"label": {"en": "Who"}, "target": {"collection": "speakers", "id": "anna"}},
                ]},
            ]},
            {"target": {"collection": "topics", "id": "water"}},
            {"label": {"en": "More"}, "children": [{"label": {"en": "Elsewhere"}, "url": "https://example.org/"}]},
        ],
    });
    editor.post("/api/v1/menus?locale=*", &menu).expect(201);
}

/// The labels and addresses of the entries of a menu, those below one in brackets.
fn outline(entries: &Value) -> String {
    let entry = |entry: &Value| {
        let below = entry.get("children").map(outline).filter(|below| !below.is_empty());
        let url = entry["url"].as_str().unwrap_or("-").trim_start_matches("https://www.example.org");
        format!(
            "{} {url}{}",
            entry["label"].as_str().unwrap(),
            below.map_or(String::new(), |below| format!(" [{below}]"))
        )
    };
    entries.as_array().unwrap().iter().map(entry).collect::<Vec<_>>().join(", ")
}

fn menu(client: &Client, query: &str) -> String {
    outline(&layout(client, query)["menus"]["main"]["entries"])
}

#[apply(api_test)]
fn a_layout_has_what_all_pages_show(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    let empty = layout(&public, "");
    assert_eq!((&empty["menus"], &empty["announcements"]), (&json!({}), &json!([])));
    assert_eq!(empty["site"]["name"], "Plenary");
    world(&editor);
    editor.patch("/api/v1/site?locale=nl", "\"v1\"", &json!({"tagline": "Water"})).expect(200);
    assert_eq!(
        menu(&public, ""),
        "Home /, Rivers /en/events/rivers [Opening /en/events/rivers/opening [Who -]], Water /en/topics/water, \
         More - [Elsewhere https://example.org/]"
    );
    let dutch = layout(&public, "?locale=nl");
    assert_eq!(
        outline(&dutch["menus"]["main"]["entries"]),
        "Begin /, Rivers /nl/events/rivers [Opening /nl/events/rivers/opening [Who -]], \
         Waterbeheer /nl/topics/waterbeheer, More - [Elsewhere https://example.org/]"
    );
    assert_eq!((&dutch["locale"], &dutch["menus"]["main"]["title"]), (&json!("nl"), &json!("Hoofdmenu")));
    assert_eq!(dutch["site"]["tagline"], "Water");
    let who = &dutch["menus"]["main"]["entries"][1]["children"][0]["children"][0];
    assert_eq!((&who["target"]["collection"], &who["target"]["slug"]), (&json!("speakers"), &json!("anna")));
    let reply = public.get(LAYOUT).expect(200);
    assert_eq!(reply.header("cache-control"), "public, max-age=5, stale-while-revalidate=30");
    public.send("GET", LAYOUT, &[("if-none-match", reply.etag())], b"").expect(304);
    let negotiated = public.send("GET", LAYOUT, &[("accept-language", "nl")], b"").expect(200);
    assert_eq!((negotiated.json(), negotiated.header("content-language")), (dutch, "nl"));
    public.get(&format!("{LAYOUT}?locale=xx")).problem(400, &[("?locale", "not_allowed")]);
    public.get(&format!("{LAYOUT}?locale=*")).problem(400, &[("?locale", "not_allowed")]);
    public.get(&format!("{LAYOUT}?colour=red")).problem(400, &[("?colour", "unknown_parameter")]);
    // Editors see the layout of the public.
    assert_eq!(layout(&editor, ""), layout(&public, ""));
}

/// Every change of what is shown is seen at once, also that of a target.
#[apply(api_test)]
fn a_kept_layout_follows_every_change(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    world(&editor);
    let event = "Rivers /en/events/rivers [Opening /en/events/rivers/opening [Who -]]";
    assert!(menu(&public, "").contains(event));
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"title": "Seas", "slug": "seas"})).expect(200);
    assert!(menu(&public, "").contains("Seas /en/events/seas [Opening /en/events/seas/opening [Who -]]"));
    editor.patch("/api/v1/topics/water", "\"v1\"", &json!({"name": "Waters"})).expect(200);
    assert!(menu(&public, "").contains("Waters /en/topics/water"));
    editor.act("/api/v1/speakers/anna/unpublish", "\"v1\"").expect(200);
    assert!(menu(&public, "").contains("[Opening /en/events/seas/opening],"));
    editor.act("/api/v1/speakers/anna/publish", "\"v2\"").expect(200);
    assert!(menu(&public, "").contains("[Who -]"));
    // With an event goes everything below it.
    editor.act("/api/v1/events/seas/unpublish", "\"v2\"").expect(200);
    assert_eq!(menu(&public, ""), "Home /, Waters /en/topics/water, More - [Elsewhere https://example.org/]");
    editor.patch("/api/v1/site", "\"v1\"", &json!({"name": "Centre"})).expect(200);
    assert_eq!(layout(&public, "")["site"]["name"], "Centre");
    editor.create("menus", &json!({"title": "Footer", "slug": "footer"}));
    assert_eq!(layout(&public, "")["menus"].as_object().unwrap().len(), 1);
    editor.act("/api/v1/menus/footer/publish", "\"v1\"").expect(200);
    assert_eq!(layout(&public, "")["menus"]["footer"]["entries"], json!([]));
    editor.act("/api/v1/menus/footer/archive", "\"v2\"").expect(200);
    assert_eq!(layout(&public, "")["menus"].as_object().unwrap().len(), 1);
    editor.create("announcements", &json!({"title": "Closed", "status": "published"}));
    assert_eq!(layout(&public, "")["announcements"][0]["title"], "Closed");
    editor.trash("/api/v1/announcements/closed", "\"v1\"").expect(204);
    assert_eq!(layout(&public, "")["announcements"], json!([]));
}

#[apply(api_test)]
fn bad_menus_are_refused_with_their_places(app: &TestApp) {
    let editor = app.editor();
    let post = |body: &Value| editor.post("/api/v1/menus", body);
    let entries = |entries: Value| json!({"title": "Main", "entries": entries});
    post(&entries(json!([
        {"label": "A", "target": {"collection": "events", "id": "none"}},
        {"label": "B", "children": [{"target": {"collection": "topics", "id": "none"}}]},
    ])))
    .problem(
        422,
        &[("/entries/0/target/id", "dangling_reference"), ("/entries/1/children/0/target/id", "dangling_reference")],
    );
    post(&entries(
        json!([{"target": {"collection": "menus", "id": "main"}}, {"target": {"id": "x"}}, {"target": "x"}]),
    ))
    .problem(
        422,
        &[
            ("/entries/0/target/collection", "not_allowed"),
            ("/entries/1/target/collection", "required"),
            ("/entries/2/target", "wrong_type"),
        ],
    );
    editor.create("topics", &json!({"name": "Water"}));
    post(&entries(json!([
        {"url": "/about"},
        {"label": "A", "url": "about"},
        {"label": "A", "url": "javascript:alert(1)"},
        {"label": "A", "url": "//example.org/"},
        {"label": "A", "url": "/", "target": {"collection": "topics", "id": "water"}},
        {"label": "A", "children": [{"label": "B", "children": [{"url": "/"}]}]},
    ])))
    .problem(
        422,
        &[
            ("/entries/0/label", "not_complete"),
            ("/entries/1/url", "not_a_url"),
            ("/entries/2/url", "not_a_url"),
            ("/entries/3/url", "not_a_url"),
            ("/entries/4/url", "not_allowed"),
            ("/entries/5/children/0/children/0/label", "not_complete"),
        ],
    );
    // Three levels, and no more.
    let deep = json!([{"label": "1", "children": [{"label": "2", "children": [{"label": "3", "children": []}]}]}]);
    post(&entries(deep)).problem(422, &[("/entries/0/children/0/children/0/children", "unknown_field")]);
    post(&entries(json!(vec![json!({"label": "A", "url": "/"}); 51]))).problem(422, &[("/entries", "too_many")]);
    assert_eq!(editor.get("/api/v1/menus?status=any&count=exact").expect(200).json()["page"]["total"], 0);
}

/// The references of a menu are real ones.
#[apply(api_test)]
fn targets_know_the_menus_that_lead_to_them(app: &TestApp) {
    let editor = app.editor();
    world(&editor);
    let uses = editor.get("/api/v1/speakers/anna/references").expect(200).json();
    assert_eq!(
        (&uses["data"][0]["item"]["slug"], &uses["data"][0]["relations"]),
        (&json!("main"), &json!(["entries"]))
    );
    editor.delete("/api/v1/speakers/anna", "\"v1\"").problem(409, &[("", "in_use")]);
    editor.trash("/api/v1/speakers/anna", "\"v1\"").expect(204);
    let broken = editor.get("/api/v1/references/broken").expect(200).json();
    let source = &broken["data"][0];
    assert_eq!((&source["item"]["slug"], &source["relation"]), (&json!("main"), &json!("entries")));
    // Nothing else of the menu is kept from being changed.
    let main = editor.get("/api/v1/menus/main").expect(200);
    let put = editor.put("/api/v1/menus/main", main.etag(), &main.json()).expect(200);
    assert_eq!(put.json()["entries"], main.json()["entries"]);
    // A merge leads the menu to the item that stays, and its undoing back.
    editor.create("topics", &json!({"name": "Waters", "status": "published"}));
    let before = editor.get("/api/v1/topics/water").expect(200).json();
    let stays = editor.get("/api/v1/topics/waters").expect(200);
    let body = json!({"from": ["water"]});
    let merged = editor.act_with("/api/v1/topics/waters/merge", stays.etag(), &body);
    merged.expect(200);
    let target = editor.get("/api/v1/menus/main").expect(200).json()["entries"][2]["target"]["id"].clone();
    assert_eq!(target, stays.json()["id"]);
    let water = format!("/api/v1/topics/{}", before["id"].as_str().unwrap());
    let gone = editor.get(&water).expect(200);
    editor.act(&format!("{water}/unmerge"), gone.etag()).expect(200);
    let target = editor.get("/api/v1/menus/main").expect(200).json()["entries"][2]["target"]["id"].clone();
    assert_eq!(target, before["id"]);
}

/// Entries keep their other languages when they are put into another order in one of them.
#[apply(api_test)]
fn translations_follow_their_entries(app: &TestApp) {
    let editor = app.editor();
    world(&editor);
    let path = "/api/v1/menus/main";
    let main = editor.get(path).expect(200);
    let mut entries = main.json()["entries"].clone();
    entries.as_array_mut().unwrap().reverse();
    let turned = editor.patch(path, main.etag(), &json!({"entries": entries})).expect(200);
    assert_eq!(turned.json()["entries"][3]["label"], "Home");
    let all = editor.get(&format!("{path}?locale=*")).expect(200).json();
    assert_eq!(all["entries"][3]["label"], json!({"en": "Home", "nl": "Begin"}));
    assert_eq!(all["entries"][0]["label"], json!({"en": "More"}));
    // Headings lead nowhere: their texts tell which is which.
    let headings = json!({"title": {"en": "H"}, "slug": "h", "entries": [
        {"label": {"en": "A", "nl": "a"}}, {"label": {"en": "B", "nl": "b"}}, {"label": {"en": "C", "nl": "c"}},
    ]});
    editor.post("/api/v1/menus?locale=*", &headings).expect(201);
    let moved = json!({"entries": [{"label": "C"}, {"label": "A"}, {"label": "New"}]});
    editor.patch("/api/v1/menus/h", "\"v1\"", &moved).expect(200);
    let labels = editor.get("/api/v1/menus/h?locale=*").expect(200).json()["entries"].clone();
    assert_eq!(labels[0]["label"], json!({"en": "C", "nl": "c"}));
    assert_eq!(labels[1]["label"], json!({"en": "A", "nl": "a"}));
}

/// An announcement is there in its time only, also from the cache.
#[apply(api_test)]
fn announcements_are_shown_in_their_time(app: &TestApp) {
    let editor = app.editor();
    let create = |title: &str, more: Value| {
        let mut body = json!({"title": title, "status": "published"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        editor.create("announcements", &body)
    };
    create("Always", json!({}));
    create("Past", json!({"ends_at": "2020-01-01"}));
    create("Future", json!({"starts_at": "2090-01-01T00:00"}));
    create(
        "Until 2090",
        json!({"ends_at": "2090-12-31", "severity": "warning", "place": "footer", "dismissible": false}),
    );
    let link = json!({"label": "More", "url": "/news"});
    create("Now", json!({"starts_at": "2020-01-01T10:00", "ends_at": "2091-01-01T10:00", "link": link}));
    let titles = |client: &Client, query: &str| -> Vec<String> {
        let list = layout(client, query)["announcements"].clone();
        list.as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
    };
    let public = app.visitor();
    assert_eq!(titles(&public, ""), ["Now", "Until 2090", "Always"]);
    let now = &layout(&public, "")["announcements"][0];
    assert_eq!(now["link"], json!({"label": "More", "url": "/news", "target": null}));
    assert_eq!((&now["severity"], &now["dismissible"]), (&json!("info"), &json!(true)));
    assert_eq!(titles(&editor, "?at=2090-06-01T00:00:00Z"), ["Future", "Now", "Until 2090", "Always"]);
    assert_eq!(titles(&editor, "?at=2090-12-31T22:59:59Z"), ["Future", "Now", "Until 2090", "Always"]);
    assert_eq!(titles(&editor, "?at=2090-12-31T23:00:00Z"), ["Future", "Now", "Always"]);
    assert_eq!(layout(&editor, "?at=2090-12-31T23:00:00Z")["site"]["current_year"], 2091);
    assert_eq!(titles(&editor, "?at=2092-01-01T00:00:00Z"), ["Future", "Always"]);
    let list = |query: &str| {
        let page = public.get(&format!("/api/v1/announcements?sort=title&{query}")).expect(200).json();
        page["data"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("when=ongoing"), ["Always", "Now", "Until 2090"]);
    assert_eq!(list("when=upcoming"), ["Future"]);
    assert_eq!(list("when=past"), ["Past"]);
    assert_eq!(list("place=footer"), ["Until 2090"]);
    assert_eq!(list("severity=info&when=ongoing"), ["Always", "Now"]);
    editor
        .post(
            "/api/v1/announcements",
            &json!({"title": "X", "starts_at": "2030-01-02T10:00", "ends_at": "2030-01-02T10:00"}),
        )
        .problem(422, &[("/ends_at", "before_start")]);
    editor
        .post("/api/v1/announcements", &json!({"title": "X", "link": {"label": "More"}}))
        .problem(422, &[("/link/url", "not_complete")]);
}

#[apply(api_test)]
fn a_kept_layout_ends_with_its_announcements(app: &TestApp) {
    let editor = app.editor();
    let (begin, end) = (in_ms(1_500), in_ms(3_000));
    editor.create(
        "announcements",
        &json!({"title": "Soon", "time_zone": "UTC", "starts_at": begin, "ends_at": end, "status": "published"}),
    );
    let public = app.visitor();
    let shown = || layout(&public, "")["announcements"].as_array().unwrap().len();
    let now = || in_ms(0);
    let mut seen = Vec::new();
    wait_for("the end of the announcement", || {
        let (before, count, after) = (now(), shown(), now());
        // Only a look that is wholly before, within or after its time tells.
        let wanted = match (&before, &after) {
            (_, after) if after < &begin => Some(0),
            (before, after) if before > &begin && after < &end => Some(1),
            (before, _) if before > &end => Some(0),
            _ => None,
        };
        assert!(wanted.is_none_or(|wanted| wanted == count), "{count} at {before}");
        if seen.last() != Some(&count) {
            seen.push(count);
        }
        std::thread::sleep(Duration::from_millis(20));
        before > end
    });
    assert_eq!(seen, [0, 1, 0]);
}

/// A link to a draft shows it within the layout, and nothing else that is not public.
#[apply(api_test)]
fn preview_links_show_a_draft_in_the_layout(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    world(&editor);
    let link = |collection: &str, id: &str| {
        let body = json!({"collection": collection, "id": id});
        editor.post("/api/v1/preview-links", &body).expect(201).json()["token"].as_str().unwrap().to_owned()
    };
    let entries = json!([{"label": "New", "url": "/new"}]);
    editor.patch("/api/v1/menus/main?view=draft", "\"v1\"", &json!({"entries": entries})).expect(200);
    editor.create("menus", &json!({"title": "Draft", "slug": "draft"}));
    editor.create("announcements", &json!({"title": "Draft"}));
    editor.patch("/api/v1/site?view=draft", "\"v1\"", &json!({"name": "Draft"})).expect(200);
    let before = layout(&public, "");
    let of_menu = layout(&public, &format!("?preview={}", link("menus", "main")));
    assert_eq!(outline(&of_menu["menus"]["main"]["entries"]), "New /new");
    assert_eq!((&of_menu["site"]["name"], &of_menu["announcements"]), (&json!("Plenary"), &json!([])));
    let of_site = layout(&public, &format!("?preview={}", link("site", "settings")));
    assert_eq!((&of_site["site"]["name"], &of_site["menus"]), (&json!("Draft"), &before["menus"]));
    let of_announcement = layout(&public, &format!("?preview={}", link("announcements", "draft")));
    assert_eq!(of_announcement["announcements"][0]["title"], "Draft");
    // A link to something else shows the layout of the public.
    editor.create("events", &json!({"title": "Other"}));
    assert_eq!(layout(&public, &format!("?preview={}", link("events", "other"))), before);
    assert_eq!(layout(&public, ""), before);
}

#[apply(api_test)]
fn menus_and_announcements_are_imported(app: &TestApp) {
    let editor = app.editor();
    world(&editor);
    let announcement =
        json!({"title": "Closed", "ends_at": "2090-01-01", "link": target("topics", "water"), "status": "published"});
    editor.create("announcements", &announcement);
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path(), "all.jsonl");
    let other = TestApp::start(app.other_backend());
    bring(&other, &file, &options(&file));
    assert_eq!(layout(&app.visitor(), ""), layout(&other.visitor(), ""));
    // A whole job in one request.
    let batch = json!({"entries": [
        {"operation": "create", "collection": "menus", "content": {"title": "B", "slug": "b", "status": "published",
            "entries": [{"target": {"collection": "topics", "id": "#fire"}}]}},
        {"operation": "create", "collection": "topics", "local_id": "fire", "content": {"name": "Fire", "status": "published"}},
    ]});
    editor.post("/api/v1/batch", &batch).expect(200);
    assert_eq!(layout(&app.visitor(), "")["menus"]["b"]["entries"][0]["label"], "Fire");
}

/// A search for pages finds none of what is on all of them, unless it asks for it.
#[apply(api_test)]
fn searches_find_pages(app: &TestApp) {
    let editor = app.editor();
    editor.create("menus", &json!({"title": "Walrus menu", "status": "published"}));
    editor.create("events", &json!({"title": "Walrus day", "status": "published"}));
    let found = |query: &str| -> Vec<Value> {
        let hits = app.visitor().get(&format!("/api/v1/search?q=walrus{query}")).expect(200).json();
        hits["data"].as_array().unwrap().iter().map(|hit| hit["collection"].clone()).collect()
    };
    wait_for("the index", || found("&collections=menus,events").len() == 2);
    assert_eq!(found(""), ["events"]);
    assert_eq!(found("&collections=menus"), ["menus"]);
}

/// Footers link to the legal pages, which the layout has with their addresses in its language.
#[apply(api_test)]
fn a_layout_has_the_legal_pages(app: &TestApp) {
    let with_pages = TestApp::start_with(app.backend, |config| {
        config.database_url = app.config.database_url.clone();
        config.search.folder = app.config.search.folder.clone();
        config.site.page_url = "https://www.example.org/{locale}/{path}".into();
    });
    let (editor, public) = (with_pages.editor(), with_pages.visitor());
    let legal = |query: &str| layout(&public, query)["legal_pages"].clone();
    assert_eq!(legal(""), json!([]));
    let page = |slug: &str, nl: &str, more: Value| {
        let mut page = json!({"slugs": {"en": slug, "nl": nl}, "title": {"en": slug, "nl": nl}, "status": "published"});
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        editor.post("/api/v1/pages?locale=*", &page).expect(201).json()
    };
    page("about", "over-ons", json!({}));
    page("cookies", "koekjes", json!({"role": "cookies", "position": 20}));
    let privacy = page("privacy", "privacybeleid", json!({"role": "privacy", "position": 10, "parent": "about"}));
    page("terms", "voorwaarden", json!({"role": "terms", "status": "draft"}));
    let seen = |query: &str| {
        let links = legal(query);
        let links = links.as_array().unwrap().iter();
        let words = |name: &str, link: &Value| link[name].as_str().unwrap().to_owned();
        links
            .map(|link| format!("{}: {} {}", words("role", link), words("label", link), words("url", link)))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen("?locale=nl"),
        [
            "privacy: privacybeleid https://www.example.org/nl/over-ons/privacybeleid",
            "cookies: koekjes https://www.example.org/nl/koekjes",
        ]
    );
    assert_eq!(
        legal("")[0]["target"],
        json!({"collection": "pages", "id": privacy["id"], "slug": "privacy", "path": "about/privacy"})
    );
    // A page moves when one above it does.
    let about = editor.get("/api/v1/pages/about").expect(200);
    editor.patch("/api/v1/pages/about", about.etag(), &json!({"segment": "we"})).expect(200);
    assert_eq!(seen("")[0], "privacy: privacy https://www.example.org/en/we/privacy");
    // A menu can lead to a page too.
    let menu = json!({"title": "Main", "slug": "main", "status": "published", "entries": [target("pages", "privacy")]});
    editor.create("menus", &menu);
    let entry = layout(&public, "")["menus"]["main"]["entries"][0].clone();
    assert_eq!(entry["url"], "https://www.example.org/en/we/privacy");
}
