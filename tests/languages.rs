//! Languages: values for each, fallback to the default, maps with `locale=*`.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::tests;

tests![falls_back_and_says_so, one_language_leaves_the_others_alone, maps_give_and_take_all];

fn falls_back_and_says_so(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "summary": {"en": "Water"}, "status": "published",
        "contact": {"label": {"nl": "Bel ons"}}});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let nl = app.public().get("/api/v1/events/rivers?locale=nl").expect(200).json();
    assert_eq!((&nl["title"], &nl["summary"]), (&json!("Rivieren"), &json!("Water")));
    assert_eq!((&nl["locale"], &nl["fallbacks"]), (&json!("nl"), &json!(["summary"])));
    let en = app.public().get("/api/v1/events/rivers?locale=EN").expect(200).json();
    assert_eq!(en["title"], "Rivers");
    assert_eq!(en["contact"]["label"], "Bel ons");
    assert_eq!(en["fallbacks"], json!(["label"]));
    let list = app.public().get("/api/v1/events?locale=nl").expect(200).json();
    assert_eq!(list["data"][0]["title"], "Rivieren");
    app.public().get("/api/v1/events?locale=fr").problem(400, &[("?locale", "not_allowed")]);
}

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
