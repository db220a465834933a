//! The edges of pages: reserved addresses, hidden languages, paths in previews, hits and menus, what stays when settings
//! change, and faults that are told all at once.

use plenary::config::Config;
use serde_json::{Value, json};

use crate::search::settled;
use crate::support::app::TestApp;

const BY_PATH: &str = "/api/v1/pages/by-path";

#[apply(api_test)]
fn the_home_page_has_the_empty_path(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    public.get(&format!("{BY_PATH}/")).problem(404, &[]);
    editor.create("pages", &json!({"title": "Home", "role": "home", "status": "published"}));
    let home = public.get(BY_PATH).expect(200).json();
    assert_eq!(public.get(&format!("{BY_PATH}/")).expect(200).json(), home);
    assert_eq!(public.get(&format!("{BY_PATH}/?locale=nl")).expect(200).json()["page"]["title"], "Home");
}

/// A page cannot get the path of another one when the fallback of a language changes: it keeps those that it has.
#[apply(api_test)]
fn a_change_of_languages_takes_no_path(app: &TestApp) {
    let locales = ["en", "nl", "fr"].map(str::to_owned);
    let app = TestApp::start_with(app.backend, |config| config.site.locales = locales.to_vec());
    let editor = app.editor();
    let about = json!({"title": {"en": "About"}, "segment": {"nl": "team"}, "status": "published"});
    editor.post("/api/v1/pages?locale=*", &about).expect(201);
    let team = json!({"title": {"en": "Team", "nl": "Ploeg"}, "segment": {"nl": "ploeg"}, "status": "published"});
    editor.post("/api/v1/pages?locale=*", &team).expect(201);
    editor.create("pages", &json!({"title": "Board", "parent": "about", "status": "published"}));
    let fallback = |config: &mut Config| drop(config.site.fallback.insert("fr".to_owned(), vec!["nl".to_owned()]));
    let after = app.second_node_with(fallback);
    let title =
        |path: &str| after.visitor().get(&format!("{BY_PATH}/{path}")).expect(200).json()["page"]["title"].clone();
    assert_eq!(["about?locale=en", "team?locale=nl", "about?locale=fr"].map(title), ["About"; 3]);
    assert_eq!(["about/board?locale=en", "team/board?locale=nl", "about/board?locale=fr"].map(title), ["Board"; 3]);
    assert_eq!(["team?locale=en", "ploeg?locale=nl", "ploeg?locale=fr"].map(title), ["Team", "Ploeg", "Ploeg"]);
}

#[apply(api_test)]
fn words_of_addresses_are_no_slugs(app: &TestApp) {
    let editor = app.editor();
    for slug in ["by-path", "by-external-id"] {
        editor.post("/api/v1/pages", &json!({"title": "X", "slug": slug})).problem(422, &[("/slug", "not_a_slug")]);
        let slugs = json!({"title": {"en": "X"}, "slugs": {"nl": slug}});
        editor.post("/api/v1/pages?locale=*", &slugs).problem(422, &[("/slugs/nl", "not_a_slug")]);
    }
    assert_eq!(editor.create("pages", &json!({"title": "By path"}))["slug"], "by-path-2");
    // Of other kinds, there is no such address.
    assert_eq!(editor.create("topics", &json!({"name": "By path"}))["slug"], "by-path");
}

/// The slug of a hidden language is as hidden as its texts.
#[apply(api_test)]
fn slugs_of_hidden_languages_answer_editors_only(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let body = json!({"title": {"en": "Plan", "nl": "Geheim"}, "slugs": {"en": "plan", "nl": "geheim"}, "status": "published"});
    for collection in ["pages", "events"] {
        let path = format!("/api/v1/{collection}");
        editor.post(&format!("{path}?locale=*"), &body).expect(201);
        public.get(&format!("{path}/geheim")).expect(200);
        editor.act(&format!("{path}/plan/translations/nl/unpublish"), "\"v1\"").expect(200);
        public.get(&format!("{path}/geheim")).problem(404, &[]);
        public.get(&format!("{path}/geheim?locale=nl")).problem(404, &[]);
        editor.get(&format!("{path}/geheim")).expect(200);
        editor.act(&format!("{path}/plan/translations/nl/publish"), "\"v2\"").expect(200);
        public.get(&format!("{path}/geheim")).expect(200);
    }
}

#[apply(api_test)]
fn previews_of_drafts_have_their_path(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let create = |title: &str, parent: Value, status: &str| {
        editor.create("pages", &json!({"title": title, "parent": parent, "status": status}));
    };
    create("About", Value::Null, "published");
    create("Team", json!("about"), "draft");
    create("Board", json!("team"), "published");
    create("Plan", json!("team"), "draft");
    let preview = |slug: &str, place: &str| {
        let body = json!({"collection": "pages", "id": slug});
        let token =
            editor.post("/api/v1/preview-links", &body).expect(201).json()["token"].as_str().unwrap().to_owned();
        public.get(&format!("{place}?preview={token}"))
    };
    assert_eq!(preview("team", "/api/v1/pages/team").expect(200).json()["path"], "about/team");
    let view = preview("team", &format!("{BY_PATH}/about/team")).expect(200).json();
    assert_eq!(
        (&view["page"]["path"], &view["children"][0]["path"]),
        (&json!("about/team"), &json!("about/team/board"))
    );
    // The path of a page below a draft would tell the words of that draft.
    assert_eq!(preview("plan", "/api/v1/pages/plan").expect(200).json()["path"], Value::Null);
}

#[apply(api_test)]
fn hits_and_menus_have_the_paths_of_pages(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("pages", &json!({"title": "About", "status": "published"}));
    let team = json!({"title": {"en": "Zeppelin team", "nl": "Zeppelinploeg"}, "slugs": {"en": "team", "nl": "ploeg"}, "parent": "about", "status": "published"});
    editor.post("/api/v1/pages?locale=*", &team).expect(201);
    editor.create("topics", &json!({"name": "Zeppelin topic", "slug": "topic", "status": "published"}));
    let entries =
        json!([{"target": {"collection": "pages", "id": "team"}}, {"target": {"collection": "topics", "id": "topic"}}]);
    editor.create("menus", &json!({"title": "Main", "slug": "main", "status": "published", "entries": entries}));
    settled(app);
    for (locale, path, word) in [("en", "about/team", "zeppelin"), ("nl", "about/ploeg", "zeppelinploeg")] {
        let hits = public.get(&format!("/api/v1/search?q={word}&locale={locale}&collections=pages")).expect(200).json();
        let page = &hits["data"][0];
        assert_eq!((page["path"].as_str(), &page["parent"]["path"]), (Some(path), &json!("about")), "{hits}");
        let menu = public.get(&format!("/api/v1/layout?locale={locale}")).expect(200).json()["menus"]["main"].clone();
        assert_eq!(menu["entries"][0]["target"]["path"], path);
        assert!(menu["entries"][1]["target"].get("path").is_none());
    }
    let hits = public.get("/api/v1/search?q=zeppelin").expect(200).json();
    let hits = hits["data"].as_array().unwrap();
    let paths: Vec<Option<&Value>> =
        ["pages", "topics"].map(|of| hits.iter().find(|hit| hit["collection"] == of).unwrap().get("path")).into();
    assert_eq!(paths, [Some(&json!("about/team")), None]);
}

/// A restored revision brings back the slugs of all languages.
#[apply(api_test)]
fn restorations_bring_slugs_back(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let body =
        json!({"title": {"en": "Team", "nl": "Ploeg"}, "slugs": {"en": "team", "nl": "ploeg"}, "status": "published"});
    editor.post("/api/v1/pages?locale=*", &body).expect(201);
    editor.patch("/api/v1/pages/team", "\"v1\"", &json!({"slugs": {"en": "staff", "nl": "personeel"}})).expect(200);
    assert_eq!(public.get(&format!("{BY_PATH}/personeel?locale=nl")).expect(200).json()["page"]["slug"], "personeel");
    editor.act("/api/v1/pages/staff/revisions/1/restore", "\"v2\"").expect(200);
    assert_eq!(public.get(&format!("{BY_PATH}/ploeg?locale=nl")).expect(200).json()["page"]["slug"], "ploeg");
    assert_eq!(public.get("/api/v1/pages/team").expect(200).json()["slug"], "team");
    // A revision without a slug of its own in a language has none afterwards.
    editor.patch("/api/v1/pages/team", "\"v3\"", &json!({"slugs": {"nl": null}})).expect(200);
    editor.act("/api/v1/pages/team/revisions/3/restore", "\"v4\"").expect(200);
    editor.act("/api/v1/pages/team/revisions/4/restore", "\"v5\"").expect(200);
    assert_eq!(public.get(&format!("{BY_PATH}/team?locale=nl")).expect(200).json()["page"]["slug"], "team");
    // A slug that another page has meanwhile is told.
    editor.create("pages", &json!({"title": "Other", "slug": "ploeg"}));
    editor.act("/api/v1/pages/team/revisions/1/restore", "\"v6\"").problem(409, &[("/slugs/nl", "taken")]);
    // A working draft has no slugs in other languages.
    editor.act("/api/v1/pages/team/revisions/1/restore?view=draft", "\"v6\"").expect(200);
}

/// A menu that would push another one out of the layout is not published.
#[apply(api_test)]
fn a_menu_pushes_no_other_out_of_the_layout(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let menu =
        |number: usize| json!({"title": format!("M{number}"), "slug": format!("m-{number:03}"), "status": "published"});
    let create = |number: usize| json!({"operation": "create", "collection": "menus", "content": menu(number)});
    let first: Vec<Value> = (1..=100).rev().map(create).collect();
    editor.post("/api/v1/batch", &json!({"entries": first})).expect(200);
    let shown = || public.get("/api/v1/layout").expect(200).json()["menus"].as_object().unwrap().clone();
    assert_eq!((shown().len(), shown().keys().next().map(String::as_str)), (100, Some("m-001")));
    editor.post("/api/v1/menus", &menu(0)).problem(409, &[]);
    let two =
        json!({"entries": [{"operation": "create", "collection": "topics", "content": {"name": "T"}}, create(0)]});
    editor.post("/api/v1/batch", &two).problem(422, &[("/entries/1", "conflict")]);
    editor.create("menus", &json!({"title": "M", "slug": "m-000"}));
    editor.act("/api/v1/menus/m-000/publish", "\"v1\"").problem(409, &[]);
    editor.act("/api/v1/menus/m-100/unpublish", "\"v1\"").expect(200);
    editor.act("/api/v1/menus/m-000/publish", "\"v1\"").expect(200);
    assert_eq!((shown().len(), shown().contains_key("m-000")), (100, true));
}

/// A page whose embed is no longer allowed can be edited, as long as the embed stays as it is.
#[apply(api_test)]
fn embeds_stay_when_their_host_is_removed(app: &TestApp) {
    let with_hosts = |hosts: &[&str]| {
        TestApp::start_with(app.backend, |config| {
            config.database_url = app.config.database_url.clone();
            config.search.folder = app.config.search.folder.clone();
            config.site.embed_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        })
    };
    let blocks =
        json!([{"type": "text", "body": "A"}, {"type": "embed", "title": "Map", "url": "https://maps.example.org/x"}]);
    with_hosts(&["maps.example.org"]).editor().create("pages", &json!({"title": "Map", "blocks": blocks}));
    let editor = app.editor();
    let path = "/api/v1/pages/map";
    editor.patch(path, "\"v1\"", &json!({"title": "Our map"})).expect(200);
    let read = editor.get(path).expect(200);
    let mut page = read.json();
    page["blocks"][0]["body"] = "B".into();
    page["blocks"].as_array_mut().unwrap().reverse();
    let written = editor.put(path, read.etag(), &page).expect(200).json();
    assert_eq!(written["blocks"][0]["url"], "https://maps.example.org/x");
    let mut blocks = written["blocks"].clone();
    blocks[0]["url"] = "https://maps.example.org/y".into();
    editor.patch(path, "\"v3\"", &json!({"blocks": blocks})).problem(422, &[("/blocks/0/url", "not_allowed")]);
}

/// A replacement by what is there is no change.
#[apply(api_test)]
fn replacements_by_the_present_text_make_no_version(app: &TestApp) {
    let editor = app.editor();
    let blocks = json!([{"type": "text", "heading": {"en": "H", "nl": "K"}, "body": {"en": "*A*"}}, {"type": "events", "query": "limit=2"}]);
    let page = json!({"title": {"en": "Page", "nl": "Pagina"}, "body": {"en": "One\n\n* two"}, "blocks": blocks, "status": "published"});
    editor.post("/api/v1/pages?locale=*", &page).expect(201);
    let event =
        json!({"title": {"en": "Page", "nl": "Pagina"}, "body": {"en": "<p>One</p>"}, "starts_at": "2027-03-04T10:00"});
    editor.post("/api/v1/events?locale=*", &event).expect(201);
    for query in ["", "?locale=nl", "?body_format=source", "?locale=*", "?locale=*&body_format=source", "?view=draft"] {
        for path in ["/api/v1/pages/page", "/api/v1/events/page"] {
            let read = editor.get(&format!("{path}{query}")).expect(200);
            let written = editor.put(&format!("{path}{query}"), read.etag(), &read.json()).expect(200);
            assert_eq!(written.json(), read.json(), "{path}{query}");
            assert_eq!(
                editor.get(&format!("{path}/revisions")).expect(200).json()["data"].as_array().unwrap().len(),
                1
            );
        }
    }
    let replace = json!({"entries": [{"operation": "replace", "collection": "pages", "id": "page", "version": 1,
        "content": editor.get("/api/v1/pages/page").expect(200).json()}]});
    editor.post("/api/v1/batch", &replace).expect(200);
    assert_eq!(editor.get("/api/v1/pages/page").expect(200).json()["version"], 1);
    // A condition is checked nevertheless.
    let read = editor.get("/api/v1/pages/page").expect(200).json();
    editor.put("/api/v1/pages/page", "\"v7\"", &read).problem(412, &[]);
}

/// Conflicts of paths in a batch name their entries.
#[apply(api_test)]
fn conflicts_of_paths_name_their_entry(app: &TestApp) {
    let editor = app.editor();
    editor.create("pages", &json!({"title": "About", "status": "published"}));
    editor.create("pages", &json!({"title": "Home", "role": "home"}));
    editor.create("pages", &json!({"title": "Team", "parent": "about"}));
    let create = |content: Value| json!({"operation": "create", "collection": "pages", "content": content});
    let long = "a".repeat(120);
    let mut deep: Vec<Value> = (0..5)
        .map(|level| {
            let parent = if level == 0 { Value::Null } else { json!(format!("#l{}", level - 1)) };
            let mut entry = create(json!({"title": "L", "slug": format!("{}{level}", &long[1..]), "parent": parent}));
            entry["local_id"] = format!("l{level}").into();
            entry
        })
        .collect();
    let mut entries = vec![
        create(json!({"title": "Fine"})),
        create(json!({"title": "Crew", "parent": "about", "segment": "team"})),
        create(json!({"title": "Home 2", "role": "home"})),
        create(json!({"title": "Same", "slug": "one", "parent": "about", "segment": "same"})),
        create(json!({"title": "Same", "slug": "two", "parent": "about", "segment": "same"})),
    ];
    entries.append(&mut deep);
    editor.post("/api/v1/batch", &json!({"entries": entries})).problem(
        422,
        &[
            ("/entries/1/content/segment", "taken"),
            ("/entries/2/content/role", "taken"),
            ("/entries/4/content/segment", "taken"),
            ("/entries/9/content/parent", "too_long"),
        ],
    );
    let count = editor.get("/api/v1/pages?status=any&count=exact").expect(200).json()["page"]["total"].clone();
    assert_eq!(count, 3);
}

/// All faults are told at once, those of rules between fields too.
#[apply(api_test)]
fn faults_of_fields_and_of_rules_are_told_together(app: &TestApp) {
    let editor = app.editor();
    let blocks = json!([
        {"type": "nonsense"},
        {"type": "call_to_action", "label": "Go"},
        {"type": "text", "body": 7},
        {"type": "video", "provider": "youtube", "video_id": "no id", "title": "V"},
        {"type": "gallery", "images": []},
        {"type": "events", "query": "colour=red"},
        {"type": "call_to_action", "label": "Go", "url": "nowhere"},
        {"type": "embed", "title": "Map", "url": "https://maps.example.org/x"},
    ]);
    editor.post("/api/v1/pages", &json!({"title": "X", "colour": "red", "blocks": blocks})).problem(
        422,
        &[
            ("/colour", "unknown_field"),
            ("/blocks/0/type", "not_allowed"),
            ("/blocks/2/body", "wrong_type"),
            ("/blocks/6/url", "not_a_url"),
            ("/blocks/7/url", "not_allowed"),
            ("/blocks/1/url", "required"),
            ("/blocks/3/video_id", "not_a_value"),
            ("/blocks/4/images", "empty"),
            ("/blocks/5/query", "unknown_parameter"),
        ],
    );
    let site = json!({
        "telephones": [{"text": "1", "number": "x"}, {"number": 7}, {"text": "2", "number": "0"}],
        "opening_hours": [{"days": ["someday"], "opens": "9"}, {"days": ["monday"], "opens": "99", "closes": "10:00"}],
        "analytics": [{"provider": "matomo", "id": "<script>"}],
        "email": "nobody",
    });
    let problem = editor.patch("/api/v1/site", "\"v1\"", &site).expect(422).json();
    let places: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect();
    for place in ["/email", "/telephones/0/number", "/telephones/2/number", "/opening_hours/1/opens", "/analytics/0/id"]
    {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
}

/// The JSON Schema of pages needs no other document.
#[apply(api_test)]
fn schemas_of_pages_are_complete(app: &TestApp) {
    for query in ["", "?locale=*"] {
        let text = app.visitor().get(&format!("/api/v1/schemas/pages{query}")).expect(200).json().to_string();
        assert!(!text.contains("components/schemas") && !text.contains("\"discriminator\""), "{query}");
    }
}

/// The pages below a page have addresses of their own, which its removal ends.
#[apply(api_test)]
fn a_branch_is_not_trashed_unasked(app: &TestApp) {
    let editor = app.editor();
    editor.create("pages", &json!({"title": "Projects", "slug": "projects", "status": "published"}));
    editor.create("pages", &json!({"title": "Rivers", "slug": "rivers", "parent": "projects", "status": "published"}));
    let uses = editor.get("/api/v1/pages/projects/references").expect(200).json();
    assert_eq!(uses["data"][0]["item"]["slug"], "rivers", "{uses}");
    editor.delete("/api/v1/pages/projects", "\"v1\"").problem(409, &[("", "in_use")]);
    app.visitor().get("/api/v1/pages/by-path/projects/rivers").expect(200);
    editor.trash("/api/v1/pages/projects", "\"v1\"").expect(204);
    app.visitor().get("/api/v1/pages/by-path/projects/rivers").expect(404);
    // What is in the trash keeps its path, and the problem says so.
    let other = json!({"title": "Others", "slug": "others", "segment": "projects", "status": "published"});
    let taken = editor.post("/api/v1/pages", &other).expect(409).json();
    assert_eq!(taken["detail"], "the page \"projects\", which is in the trash, has the path \"projects\" in \"en\"");
}
