//! Languages: values for each, fallback to the default, maps with `locale=*`.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;

#[apply(api_test)]
fn falls_back_and_says_so(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "summary": {"en": "Water"}, "status": "published",
        "contact": {"label": {"nl": "Bel ons"}}});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let nl = app.visitor().get("/api/v1/events/rivers?locale=nl").expect(200).json();
    assert_eq!((&nl["title"], &nl["summary"]), (&json!("Rivieren"), &json!("Water")));
    assert_eq!((&nl["locale"], &nl["fallbacks"]), (&json!("nl"), &json!(["summary"])));
    let en = app.visitor().get("/api/v1/events/rivers?locale=EN").expect(200).json();
    assert_eq!(en["title"], "Rivers");
    assert_eq!(en["contact"]["label"], "Bel ons");
    assert_eq!(en["fallbacks"], json!(["label"]));
    let list = app.visitor().get("/api/v1/events?locale=nl").expect(200).json();
    assert_eq!(list["data"][0]["title"], "Rivieren");
    app.visitor().get("/api/v1/events?locale=fr").problem(400, &[("?locale", "not_allowed")]);
}

#[apply(api_test)]
fn one_language_leaves_the_others_alone(app: &TestApp) {
    let editor = app.editor();
    editor.post("/api/v1/speakers?locale=nl", &json!({"name": "Anna", "job_title": "Analist"})).expect(201);
    let path = "/api/v1/speakers/anna";
    editor.patch(path, "\"v1\"", &json!({"job_title": "Analyst"})).expect(200);
    let titles = |path: &str| editor.get(path).expect(200).json()["job_title"].clone();
    assert_eq!(titles(&format!("{path}?locale=*")), json!({"en": "Analyst", "nl": "Analist"}));
    editor
        .put(&format!("{path}?locale=nl"), "\"v2\"", &json!({"name": "Anna", "job_title": "Senior analist"}))
        .expect(200);
    assert_eq!(titles(&format!("{path}?locale=*")), json!({"en": "Analyst", "nl": "Senior analist"}));
    editor.patch(&format!("{path}?locale=nl"), "\"v3\"", &json!({"job_title": null})).expect(200);
    assert_eq!(titles(&format!("{path}?locale=*")), json!({"en": "Analyst"}));
}

#[apply(api_test)]
fn maps_give_and_take_all(app: &TestApp) {
    let editor = app.editor();
    let speaker = editor.create("speakers", &json!({"name": "Anna"}));
    let body = json!({"title": {"nl": "Titel", "en": "Title"}, "speakers": [{"speaker": speaker["id"], "affiliation": {"en": "There", "nl": "Daar"}}]});
    let made = editor.post("/api/v1/events?locale=*", &body).expect(201).json();
    assert_eq!(made["title"], json!({"en": "Title", "nl": "Titel"}));
    assert_eq!(made["speakers"][0]["affiliation"], json!({"en": "There", "nl": "Daar"}));
    assert_eq!(made.get("locale"), None::<&Value>);
    let nl = editor.get("/api/v1/events/title?locale=nl").expect(200).json();
    assert_eq!(nl["speakers"][0]["affiliation"], "Daar");
    // A patch in one language keeps what a list says in the others.
    let patch = json!({"speakers": [{"speaker": speaker["id"], "affiliation": "Ergens"}]});
    let patched = editor.patch("/api/v1/events/title?locale=nl", "\"v1\"", &patch).expect(200).json();
    assert_eq!(patched["speakers"][0]["affiliation"], "Ergens");
    let all = editor.get("/api/v1/events/title?locale=*").expect(200).json();
    assert_eq!(all["speakers"][0]["affiliation"], json!({"en": "There", "nl": "Ergens"}));
    editor.post("/api/v1/events?locale=*", &json!({"title": "plain"})).problem(422, &[("/title", "wrong_type")]);
    editor
        .post("/api/v1/events?locale=*", &json!({"title": {"fr": "x"}}))
        .problem(422, &[("/title/fr", "unknown_locale"), ("/title", "required")]);
}

/// What is known of others from the writing, of which some are drafts, or public in some languages only.
#[apply(api_test)]
fn what_a_write_answers_is_what_its_writer_reads(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    editor.create("speakers", &json!({"name": "Draft", "job_title": "Nobody yet"}));
    let half = json!({"name": {"en": "Half", "nl": "Deels"}, "status": "published"});
    editor.post("/api/v1/topics?locale=*", &half).expect(201);
    editor.act("/api/v1/topics/half/translations/nl/unpublish", "\"v1\"").expect(200);
    let read = |written: &Value, query: &str| {
        let path = format!("/api/v1/events/{}", written["id"].as_str().unwrap());
        assert_eq!(&editor.get(&format!("{path}{query}")).expect(200).json(), written, "{query}");
        path
    };
    for fields in [
        json!({"speakers": [{"speaker": "anna"}]}),
        json!({"speakers": [{"speaker": "anna"}, {"speaker": "draft"}]}),
        json!({"speakers": [{"speaker": "anna"}], "topics": ["half"]}),
    ] {
        for query in ["", "?locale=nl", "?locale=*"] {
            let mut body = fields.clone();
            body["title"] = if query == "?locale=*" { json!({"en": "Old"}) } else { json!("Old") };
            let path = read(&editor.post(&format!("/api/v1/events{query}"), &body).expect(201).json(), query);
            // To itself it refers as it is after the write.
            let patch = json!({"title": "New", "related": [path.rsplit('/').next()]});
            let patched = editor.patch(&path, "\"v1\"", &patch).expect(200).json();
            read(&patched, "");
            assert_eq!(patched["related"][0]["title"], "New");
        }
    }
}

#[apply(api_test)]
fn each_language_has_its_slug(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    editor.create("events", &json!({"title": "Other", "status": "published"}));
    let path = "/api/v1/events/rivers";
    let named = editor
        .patch(&format!("{path}?locale=nl"), "\"v1\"", &json!({"title": "Rivieren", "slug": "rivieren"}))
        .expect(200);
    assert_eq!(named.json()["slug"], "rivieren");
    // Either leads to it, whatever the language; the answer has that of its language.
    for (address, slug) in [
        ("rivers", "rivers"),
        ("rivers?locale=nl", "rivieren"),
        ("rivieren", "rivers"),
        ("rivieren?locale=nl", "rivieren"),
    ] {
        assert_eq!(public.get(&format!("/api/v1/events/{address}")).expect(200).json()["slug"], slug, "{address}");
    }
    assert_eq!(public.get("/api/v1/events?locale=nl&slug=rivers").expect(200).json()["data"][0]["slug"], "rivieren");
    // A relation names it in the language of the answer.
    editor.patch("/api/v1/events/other", "\"v1\"", &json!({"related": ["rivers"]})).expect(200);
    let related = |query: &str| {
        public.get(&format!("/api/v1/events/other{query}")).expect(200).json()["related"][0]["slug"].clone()
    };
    assert_eq!((related(""), related("?locale=nl")), (json!("rivers"), json!("rivieren")));
    // Unique in all languages together; the old one leads on.
    let other = "/api/v1/events/other";
    editor
        .patch(&format!("{other}?locale=nl"), "\"v2\"", &json!({"slug": "rivieren"}))
        .problem(409, &[("/slug", "taken")]);
    editor.patch(other, "\"v2\"", &json!({"slug": "rivieren"})).problem(409, &[("/slug", "taken")]);
    editor.post("/api/v1/events", &json!({"title": "X", "slug": "rivieren"})).problem(409, &[("/slug", "taken")]);
    let renamed = editor.patch(&format!("{path}?locale=nl"), named.etag(), &json!({"slug": "stromen"})).expect(200);
    assert_eq!(public.get("/api/v1/events/rivieren").expect(308).header("location"), "/api/v1/events/rivers");
    public.get("/api/v1/events/stromen").expect(200);
    // Under any of its names an editor writes it; a patch in one language keeps the slugs.
    let patched = editor.patch("/api/v1/events/stromen", renamed.etag(), &json!({"title": "Rivers!"})).expect(200);
    assert_eq!(patched.json()["slug"], "rivers");
    let draft = format!("{path}?view=draft&locale=nl");
    editor.patch(&draft, patched.etag(), &json!({"slug": "vloeden"})).problem(422, &[("/slug", "not_in_draft")]);
    editor.patch(&draft, patched.etag(), &json!({"title": "Vloeden"})).expect(200);
}

#[apply(api_test)]
fn translations_are_published_by_themselves(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let body = json!({"title": {"en": "E", "nl": "E-nl"}, "summary": {"nl": "Alleen Nederlands"}, "status": "published",
        "speakers": [{"speaker": "anna", "affiliation": {"nl": "Hier"}}]});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let path = "/api/v1/events/e";
    let seen = |query: &str| {
        let event = public.get(&format!("{path}{query}")).expect(200).json();
        (event["title"].clone(), event["summary"].clone(), event["speakers"][0]["affiliation"].clone())
    };
    let text = |a: &str, b: Value, c: Value| (json!(a), b, c);
    assert_eq!(seen(""), text("E", json!("Alleen Nederlands"), json!("Hier")));
    assert_eq!(seen("?locale=nl"), text("E-nl", json!("Alleen Nederlands"), json!("Hier")));
    let step = format!("{path}/translations/nl");
    editor.act(&format!("{step}/publish"), "\"v1\"").problem(409, &[]);
    editor.act(&format!("{path}/translations/en/unpublish"), "\"v1\"").problem(404, &[]);
    app.client(Role::Contributor).act(&format!("{step}/unpublish"), "\"v1\"").problem(403, &[]);
    let hidden = editor.act(&format!("{step}/unpublish?locale=nl"), "\"v1\"").expect(200);
    // Editors go on seeing it.
    assert_eq!(hidden.json()["title"], "E-nl");
    for query in ["", "?locale=nl", "?include=speakers", "?locale=nl&body_format=text"] {
        assert_eq!(seen(query), text("E", Value::Null, Value::Null), "{query}");
    }
    let list = public.get("/api/v1/events?locale=nl").expect(200);
    assert!(!String::from_utf8_lossy(&list.body).contains("Nederlands"));
    let all = public.get(&format!("{path}?locale=*")).expect(200).json();
    assert_eq!((&all["title"], &all["summary"]), (&json!({"en": "E"}), &Value::Null));
    let translations = editor.get(&format!("{path}/translations")).expect(200).json();
    assert_eq!(
        (&translations["data"][1]["locale"], &translations["data"][1]["published"]),
        (&json!("nl"), &json!(false))
    );
    editor.act(&format!("{step}/publish"), hidden.etag()).expect(200);
    assert_eq!(seen("?locale=nl"), text("E-nl", json!("Alleen Nederlands"), json!("Hier")));
    let history = editor.get(&format!("{path}/revisions")).expect(200).json();
    assert_eq!(history["data"][0]["action"], "publish_translation");
}

#[apply(api_test)]
fn outdated_and_missing_translations_are_known(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"title": {"en": "E", "nl": "E-nl"}, "summary": {"en": "S"}});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    editor.create("events", &json!({"title": "Bare"}));
    let path = "/api/v1/events/e";
    let nl = || editor.get(&format!("{path}/translations")).expect(200).json()["data"][1].clone();
    assert_eq!(
        (&nl()["missing"], &nl()["outdated"], &nl()["direction"]),
        (&json!(["summary"]), &json!([]), &json!("ltr"))
    );
    let found = |query: &str| -> Vec<String> {
        let page = editor.get(&format!("/api/v1/events?status=any&sort=title&{query}")).expect(200).json();
        page["data"].as_array().unwrap().iter().map(|e| e["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("untranslated=nl"), ["bare", "e"]);
    assert!(found("untranslated=en").is_empty() && found("outdated=nl").is_empty());
    editor.patch(&format!("{path}?locale=nl"), "\"v1\"", &json!({"summary": "S-nl"})).expect(200);
    assert_eq!(found("untranslated=nl"), ["bare"]);
    // The source changes: what translates it is outdated until it is written again.
    editor.patch(path, "\"v2\"", &json!({"title": "E2", "summary": "S2"})).expect(200);
    assert_eq!((nl()["outdated"].clone(), found("outdated=nl")), (json!(["title", "summary"]), vec!["e".to_owned()]));
    editor.patch(&format!("{path}?locale=nl"), "\"v3\"", &json!({"title": "E2-nl"})).expect(200);
    assert_eq!(nl()["outdated"], json!(["summary"]));
    // A working draft counts when it is published.
    editor
        .patch(&format!("{path}?locale=nl"), "\"v4\"", &json!({"summary": "S2-nl", "status": "published"}))
        .expect(200);
    editor.patch(&format!("{path}?view=draft"), "\"v5\"", &json!({"title": "E3"})).expect(200);
    assert_eq!(nl()["outdated"], json!([]));
    editor.act(&format!("{path}/publish"), "\"v6\"").expect(200);
    assert_eq!(nl()["outdated"], json!(["title"]));
    for filter in ["untranslated", "outdated"] {
        let name = format!("?{filter}");
        app.visitor().get(&format!("/api/v1/events?{filter}=nl")).problem(400, &[(&name, "not_public")]);
        editor.get(&format!("/api/v1/events?{filter}=fr")).problem(400, &[(&name, "not_allowed")]);
    }
}

#[apply(api_test)]
fn the_language_is_agreed_on(app: &TestApp) {
    let editor = app.editor();
    editor
        .post("/api/v1/events?locale=*", &json!({"title": {"en": "E", "nl": "E-nl"}, "status": "published"}))
        .expect(201);
    let asked = |path: &str, languages: &str| {
        let reply = app.visitor().send("GET", path, &[("accept-language", languages)], b"").expect(200);
        let title = reply.json()["title"].as_str().or(reply.json()["data"][0]["title"].as_str()).unwrap().to_owned();
        (title, reply.header("content-language").to_owned(), reply.header("vary").to_owned())
    };
    for path in ["/api/v1/events/e", "/api/v1/events"] {
        for (languages, title, language) in [
            ("nl", "E-nl", "nl"),
            ("en", "E", "en"),
            ("fr, nl-BE;q=0.8, en;q=0.5", "E-nl", "nl"),
            ("fr", "E", "en"),
            ("*", "E", "en"),
            ("nl;q=0.2, en;q=0.9", "E", "en"),
            ("garbage;;q=x", "E", "en"),
        ] {
            let told = asked(path, languages);
            assert_eq!((told.0.as_str(), told.1.as_str()), (title, language), "{languages}");
            assert!(told.2.to_lowercase().contains("accept-language"), "{}", told.2);
        }
        // The address says it, however it is written: then nothing varies.
        for query in ["locale=en", "%6Cocale=%65n"] {
            let told = asked(&format!("{path}?{query}"), "nl");
            assert_eq!((told.0.as_str(), told.1.as_str()), ("E", "en"));
            assert!(!told.2.to_lowercase().contains("accept-language"), "{}", told.2);
        }
    }
}

#[apply(api_test)]
fn chains_are_configured(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        c.site.locales = vec!["en".into(), "nl".into(), "fr".into(), "ar".into()];
        c.site.fallback.insert("ar".into(), vec!["fr".into()]);
    });
    let editor = app.editor();
    let body = json!({"title": {"en": "E", "fr": "F"}, "summary": {"en": "S"}, "status": "published"});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let seen = app.visitor().get("/api/v1/events/e?locale=ar").expect(200).json();
    assert_eq!(
        (&seen["title"], &seen["summary"], &seen["fallbacks"]),
        (&json!("F"), &json!("S"), &json!(["title", "summary"]))
    );
    let translations = editor.get("/api/v1/events/e/translations").expect(200).json();
    assert_eq!(
        (&translations["data"][3]["direction"], &translations["data"][3]["fallbacks"]),
        (&json!("rtl"), &json!(["fr", "en"]))
    );
}

/// A page in one language names its address in the others, and all slugs are written in one request.
#[apply(api_test)]
fn an_item_names_its_addresses_in_all_languages(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let body = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "status": "published",
        "slugs": {"en": "the-rivers", "nl": "de-rivieren"}});
    let made = editor.post("/api/v1/events?locale=*", &body).expect(201).json();
    let alternates =
        |path: &str| public.get(&format!("/api/v1/events/{path}")).expect(200).json()["alternates"].clone();
    let of = |en: &str, nl: &str| {
        json!([{"locale": "en", "slug": en, "href": format!("/api/v1/events/{en}?locale=en")},
            {"locale": "nl", "slug": nl, "href": format!("/api/v1/events/{nl}?locale=nl")}])
    };
    assert_eq!((&made["slug"], &made["alternates"]), (&json!("the-rivers"), &of("the-rivers", "de-rivieren")));
    assert_eq!(alternates("de-rivieren?locale=nl"), alternates("the-rivers"));
    for alternate in alternates("the-rivers").as_array().expect("a list") {
        let there = public.get(alternate["href"].as_str().expect("an address")).expect(200).json();
        assert_eq!((&there["slug"], &there["locale"]), (&alternate["slug"], &alternate["locale"]));
    }
    assert_eq!(public.get("/api/v1/events").expect(200).json()["data"][0].get("alternates"), None);
    let only = public.get("/api/v1/events?fields=alternates").expect(200).json()["data"][0].clone();
    assert_eq!(only["alternates"], of("the-rivers", "de-rivieren"));
    // One of them is changed, in whatever language; the others and the former slug stay.
    let patched = editor.patch("/api/v1/events/the-rivers", "\"v1\"", &json!({"slugs": {"nl": "stromen"}})).expect(200);
    assert_eq!(patched.json()["alternates"], of("the-rivers", "stromen"));
    assert_eq!(
        public.get("/api/v1/events/de-rivieren?locale=nl").expect(308).header("location"),
        "/api/v1/events/the-rivers?locale=nl"
    );
    let both = json!({"slugs": {"nl": null, "en": "rivers"}, "title": "Rivieren"});
    editor.patch("/api/v1/events/the-rivers?locale=nl", "\"v2\"", &both).expect(200);
    assert_eq!(alternates("rivers"), of("rivers", "rivers"));
    let put = json!({"title": "Rivers", "slugs": {"nl": "rivieren"}});
    editor.put("/api/v1/events/rivers", "\"v3\"", &put).expect(200);
    assert_eq!(alternates("rivers"), of("rivers", "rivieren"));
    // A hidden language has no public address.
    editor.act("/api/v1/events/rivers/translations/nl/unpublish", "\"v4\"").expect(200);
    assert_eq!(alternates("rivers").as_array().map(Vec::len), Some(1));
    assert_eq!(editor.get("/api/v1/events/rivers").expect(200).json()["alternates"], of("rivers", "rivieren"));
    // What has no translated name speaks the languages of its texts.
    let speaker = json!({"name": "Anna", "job_title": {"nl": "Analist"}, "status": "published"});
    editor.post("/api/v1/speakers?locale=*", &speaker).expect(201);
    let locales = public.get("/api/v1/speakers/anna").expect(200).json()["alternates"].clone();
    assert_eq!((&locales[0]["locale"], &locales[1]["locale"]), (&json!("en"), &json!("nl")));
}

#[apply(api_test)]
fn all_faults_of_slugs_are_told(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Rivers", "slugs": {"nl": "rivieren"}}));
    editor.create("events", &json!({"title": "Other", "slug": "other", "status": "published"}));
    let taken = json!({"title": "X", "slugs": {"en": "rivers", "nl": "rivieren"}});
    editor
        .patch("/api/v1/events/other", "\"v1\"", &taken)
        .problem(409, &[("/slugs/en", "taken"), ("/slugs/nl", "taken")]);
    editor.post("/api/v1/events", &taken).problem(409, &[("/slugs/en", "taken"), ("/slugs/nl", "taken")]);
    let wrong = json!({"title": "X", "slugs": {"en": null, "nl": "No slug", "fr": "x"}});
    let faults = [("/slugs/en", "required"), ("/slugs/nl", "not_a_slug"), ("/slugs/fr", "unknown_locale")];
    editor.post("/api/v1/events", &wrong).problem(422, &faults);
    editor.post("/api/v1/events", &json!({"title": "X", "slugs": "x"})).problem(422, &[("/slugs", "wrong_type")]);
    let draft = json!({"slugs": {"nl": "x"}});
    editor.patch("/api/v1/events/other?view=draft", "\"v1\"", &draft).problem(422, &[("/slugs", "not_in_draft")]);
    let read_only = json!({"alternates": []});
    editor.patch("/api/v1/events/other", "\"v1\"", &read_only).problem(422, &[("/alternates", "read_only")]);
}

#[apply(api_test)]
fn items_that_are_made_together_have_slugs_of_their_own(app: &TestApp) {
    let editor = app.editor();
    let batch = |contents: Vec<Value>| {
        let entry = |content: Value| json!({"operation": "create", "collection": "events", "content": content});
        editor.post("/api/v1/batch", &json!({"entries": contents.into_iter().map(entry).collect::<Vec<_>>()}))
    };
    let named = |en: &str, nl: &str| json!({"title": "A", "slugs": {"en": en, "nl": nl}});
    let taken = [("/entries/1/content/slugs/nl", "taken"), ("/entries/2/content/slugs/en", "taken")];
    batch(vec![named("one", "een"), named("two", "een"), named("one", "drie")]).problem(422, &taken);
    // A slug that is made from a title gives way to those of other languages.
    let second = json!({"title": "Een", "slugs": {"nl": "twee"}});
    let results = batch(vec![named("one", "een"), second]).expect(200).json()["results"].clone();
    assert_eq!((&results[0]["slug"], &results[1]["slug"]), (&json!("one"), &json!("een-2")));
    let id = |slug: &str| editor.get(&format!("/api/v1/events/{slug}")).expect(200).json()["id"].clone();
    assert_eq!((id("een"), id("twee")), (results[0]["id"].clone(), results[1]["id"].clone()));
    assert_eq!(editor.get("/api/v1/events/one?locale=nl").expect(200).json()["slug"], "een");
    // Those of new items within other content too.
    let venue = json!({"create": {"name": "Hall", "slugs": {"nl": "zaal"}}});
    let made = editor.post("/api/v1/events", &json!({"title": "Nested", "venue": venue})).expect(201).json();
    assert_eq!(editor.get("/api/v1/venues/zaal").expect(200).json()["id"], made["venue"]["id"]);
}

/// The fields of a link belong to the item that holds it, also where that item is embedded in another one.
#[apply(api_test)]
fn links_of_embedded_items_are_in_the_language_of_the_request(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna", "slug": "anna", "status": "published"}));
    let speakers = json!([{"speaker": "anna", "affiliation": {"en": "Analyst", "nl": "Analist"}}]);
    let inner =
        json!({"title": {"en": "Inner", "nl": "Binnen"}, "slug": "inner", "status": "published", "speakers": speakers});
    editor.post("/api/v1/events?locale=*", &inner).expect(201);
    editor.create("events", &json!({"title": "Outer", "slug": "outer", "status": "published", "related": ["inner"]}));
    let affiliation = |query: &str| {
        let path = format!("/api/v1/events/outer?include=related.speakers&{query}");
        app.visitor().get(&path).expect(200).json()["related"][0]["speakers"][0]["affiliation"].clone()
    };
    assert_eq!(affiliation("locale=en"), "Analyst");
    assert_eq!(affiliation("locale=nl"), "Analist");
    assert_eq!(affiliation("locale=*"), json!({"en": "Analyst", "nl": "Analist"}));
}
