//! What editors are told: names of what is missing, entity tags that the contract allows.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::app::TestApp;

#[apply(api_test)]
fn what_is_not_published_is_named_by_its_slug(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna Janssens"}));
    let event = json!({"title": "E", "speakers": [{"speaker": "anna-janssens"}], "status": "published"});
    let refused = editor.post("/api/v1/events", &event).problem(422, &[("/speakers/0/speaker", "not_published")]);
    assert_eq!(refused["errors"][0]["message"], "the speaker \"anna-janssens\" is not published");
}

/// Whatever tag a response has, whatever its coding, may be sent back as it is.
#[apply(api_test)]
fn the_contract_allows_the_tags_of_the_server(app: &TestApp) {
    let editor = app.editor();
    let long = "A dialogue on shared waters. ".repeat(80);
    let made = editor.post("/api/v1/events", &json!({"title": "E", "body": long})).expect(201);
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    let parameters = document["paths"]["/api/v1/events/{id_or_slug}"]["patch"]["parameters"].as_array().expect("some");
    let resolved = |parameter: &Value| match parameter["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).expect("a component").clone(),
        None => parameter.clone(),
    };
    let header = parameters.iter().map(resolved).find(|parameter| parameter["name"] == "If-Match").expect("If-Match");
    let allowed: Validator = jsonschema::validator_for(&header["schema"]).expect("a schema");
    let mut tags = vec![made.etag().to_owned()];
    for coding in ["identity", "gzip", "br", "zstd"] {
        let read = editor.send("GET", "/api/v1/events/e", &[("accept-encoding", coding)], b"").expect(200);
        tags.push(read.etag().to_owned());
    }
    let state = editor.get("/api/v1/events/e/desk").expect(200);
    tags.extend([state.etag().to_owned(), state.json()["etag"].as_str().expect("a tag").to_owned()]);
    tags.push(format!("{}, {}", tags[0], tags[1]));
    assert!(tags.iter().any(|tag| tag.ends_with("+br\"")), "{tags:?}");
    for tag in tags {
        assert!(allowed.is_valid(&json!(tag)), "{tag}");
        let written = editor.patch("/api/v1/events/e", &tag, &json!({"kicker": "K"}));
        assert!(matches!(written.status, 200 | 412), "{tag}: {}", written.status);
    }
    assert!(!allowed.is_valid(&json!("*")) && !allowed.is_valid(&json!("v1")));
}

#[apply(api_test)]
fn what_awaits_translation_is_one_list(app: &TestApp) {
    let editor = app.editor();
    let texts = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "summary": {"en": "Water"}});
    editor.post("/api/v1/events?locale=*", &texts).expect(201);
    editor.post("/api/v1/topics?locale=*", &json!({"name": {"en": "Law", "nl": "Recht"}})).expect(201);
    editor.post("/api/v1/topics?locale=*", &json!({"name": {"en": "Gone"}})).expect(201);
    editor.delete("/api/v1/topics/gone", "\"v1\"").expect(204);
    editor.create("partners", &json!({"name": "Delta", "status": "archived"}));
    editor.patch("/api/v1/topics/law", "\"v1\"", &json!({"name": "Justice"})).expect(200);
    let list = |query: &str| editor.get(&format!("/api/v1/translations?language=nl{query}")).expect(200).json();
    let slugs = |query: &str| -> Vec<String> {
        let list = list(query);
        let entries = list["data"].as_array().expect("a list").iter();
        entries.map(|entry| entry["item"]["slug"].as_str().expect("a slug").to_owned()).collect()
    };
    // What changed last comes first.
    assert_eq!(slugs(""), ["law", "rivers"]);
    let all = list("");
    assert_eq!((&all["data"][0]["outdated"], &all["data"][0]["missing"]), (&json!(["name"]), &json!([])));
    assert_eq!((&all["data"][1]["outdated"], &all["data"][1]["missing"]), (&json!([]), &json!(["summary"])));
    assert_eq!((&all["data"][1]["item"]["collection"], &all["total"]), (&json!("events"), &json!(2)));
    assert_eq!((slugs("&state=missing"), slugs("&state=outdated")), (vec!["rivers".into()], vec!["law".into()]));
    assert_eq!(slugs("&collections=topics,speakers"), ["law"]);
    assert_eq!((slugs("&limit=1&offset=1"), &list("&limit=1&offset=1")["total"]), (vec!["rivers".into()], &json!(2)));
    // It is done when it is translated.
    editor.patch("/api/v1/topics/law?locale=nl", "\"v2\"", &json!({"name": "Justitie"})).expect(200);
    assert_eq!(slugs(""), ["rivers"]);
    editor.get("/api/v1/translations").problem(400, &[("?language", "required")]);
    editor.get("/api/v1/translations?language=fr").problem(400, &[("?language", "not_allowed")]);
    editor.get("/api/v1/translations?language=nl&state=x").problem(400, &[("?state", "not_allowed")]);
    app.visitor().get("/api/v1/translations?language=nl").problem(401, &[]);
}

/// The first look at the server: events around today, two programmes, and pictures of its own.
#[apply(api_test)]
fn the_demo_shows_what_there_is(app: &TestApp) {
    assert!(app.block_on(plenary::demo::fill(&app.app)).expect("the demo") > 40);
    let public = app.visitor();
    let total = |query: &str| {
        public.get(&format!("/api/v1/events?limit=1&count=exact&{query}")).expect(200).json()["page"]["total"].as_u64()
    };
    assert!(total("when=upcoming") >= Some(5) && total("when=past") >= Some(4), "{:?}", total("when=upcoming"));
    for (event, count) in [("rivers-without-borders", 5), ("council-in-the-open", 5)] {
        let programme = public.get(&format!("/api/v1/events/{event}?include=sessions")).expect(200).json();
        assert_eq!(programme["sessions"].as_array().map(Vec::len), Some(count), "{event}");
        let state = app.editor().get(&format!("/api/v1/events/{event}/desk")).expect(200).json();
        assert_eq!(state["warnings"], json!([]), "{event}");
        let picture = programme["image"]["url"].as_str().expect("a picture");
        let path = picture.strip_prefix(&app.config.public_url).expect("of this server");
        let svg = public.get(path).expect(200);
        assert_eq!(svg.header("content-type"), "image/svg+xml");
        assert!(svg.header("content-security-policy").contains("sandbox"));
    }
    public.get("/demo/nothing.svg").problem(404, &[]);
    // The examples of the documentation are there.
    for path in [
        "sessions/opening",
        "speakers/anna-janssens",
        "partners/delta-institute",
        "venues/hall-of-the-delta",
        "topics/water",
        "series/river-talks",
        "event-types/policy-dialogue",
    ] {
        public.get(&format!("/api/v1/{path}")).expect(200);
    }
    // Days of the week stay what they are.
    let talk = public.get("/api/v1/events/river-talk-spring").expect(200).json()["starts_on"].clone();
    let day: chrono::NaiveDate = talk.as_str().expect("a day").parse().expect("a day");
    assert_eq!(chrono::Datelike::weekday(&day), chrono::Weekday::Thu);
}
