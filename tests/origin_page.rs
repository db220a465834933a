//! The origin page, whole: rebuilt by the example site from the API alone, with the footer, the newsletter and the buttons of the
//! editor.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::client::Client;
use crate::support::data::{fixture, real_path};
use crate::support::website::Website;

/// Publishes an item, and returns its id.
fn published(editor: &Client, collection: &str, mut body: Value) -> Value {
    body["status"] = json!("published");
    editor.create(collection, &body)["id"].clone()
}

/// Creates everything that the page shows. Returns the slug of the event.
fn create(app: &TestApp, origin: &Value) -> String {
    let (event, site, editor) = (&origin["event"], &origin["site"], app.editor());
    published(&editor, "event-types", json!({"name": event["type"], "slug": "policy-dialogue"}));
    let mut partners = Vec::new();
    for partner in event["partners"].as_array().unwrap() {
        let body = json!({"name": partner["name"], "abbreviation": partner["abbreviation"]});
        partners.push(json!({"partner": published(&editor, "partners", body), "role": partner["role"]}));
    }
    let paragraphs: Vec<&str> = event["body"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    let made = editor.create(
        "events",
        &json!({
            "type": "policy-dialogue", "kicker": event["kicker"], "title": event["title"], "starts_at": event["date"],
            "time_zone": event["time_zone"], "date_precision": event["date_precision"], "body": paragraphs.join("\n\n"),
            "partners": partners, "status": "published",
        }),
    );
    let mut entries = Vec::new();
    for (title, role) in site["links"].as_array().unwrap().iter().zip(["privacy", "cookies", "contact"]) {
        let page = published(&editor, "pages", json!({"title": title, "role": role, "body": "What it is about."}));
        if role == "contact" {
            entries.push(json!({"label": title, "target": {"collection": "pages", "id": page}}));
        }
    }
    published(&editor, "menus", json!({"slug": "footer", "title": "Footer", "entries": entries}));
    settings(&editor, site);
    made["slug"].as_str().unwrap().to_owned()
}

fn settings(editor: &Client, site: &Value) {
    let address = &site["address"];
    let part = |name: &str| address[name].as_str().unwrap();
    let line = format!("{}, {} {}, {}", part("street"), part("postal_code"), part("city"), part("country"));
    let telephone = site["telephone"].as_str().unwrap();
    let digits: String = telephone.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let (year, holder) = site["copyright"].as_str().unwrap().trim_start_matches("© ").split_once(", ").unwrap();
    let body = json!({
        "name": site["name"],
        "addresses": [{"text": line}],
        "telephones": [{"label": site["call_us_label"], "text": telephone, "number": format!("+{digits}")}],
        "registration_numbers": [site["register"]],
        "copyright": {"holder": holder, "first_year": year.parse::<i64>().unwrap()},
        "newsletter": {"title": site["newsletter"]["blurb"], "button": site["newsletter"]["call_to_action"]},
    });
    let etag = editor.get("/api/v1/site").expect(200).etag().to_owned();
    editor.patch("/api/v1/site", &etag, &body).expect(200);
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Rebuilds the page of these files, and compares its words.
fn rebuild(app: &TestApp, data: &Path, text: &Path) {
    let origin: Value = serde_json::from_str(&std::fs::read_to_string(data).unwrap()).unwrap();
    let slug = create(app, &origin);
    let website = Website::build(&app.url);
    let paths = json!({"origin-en": format!("/en/events/{slug}"), "origin-nl": format!("/nl/events/{slug}")});
    let found = website.look("see_pages.mjs", &paths);
    assert_eq!(found["faults"], json!([]), "{:#}", found["faults"]);
    for page in ["origin-en", "origin-nl"] {
        let page = &found["pages"][page];
        assert!(page["requests"].as_u64().unwrap() <= 2, "{page}");
        assert_eq!((&page["scripts"], &page["1100"], &page["390"]), (&json!(0), &json!(0), &json!(0)));
    }
    let shown = |page: &str| words(found["pages"][page]["text"].as_str().unwrap());
    let (english, dutch) = (shown("origin-en"), shown("origin-nl"));
    let missing: Vec<String> =
        words(&std::fs::read_to_string(text).unwrap()).into_iter().filter(|word| !english.contains(word)).collect();
    // The text has one pair of links without a space between them, and its English page has one button in Dutch.
    assert_eq!(missing, ["PolicyUse", "afsluiten"]);
    for word in ["Policy", "Use"] {
        assert!(english.contains(&word.to_owned()), "{word}");
    }
    let buttons = |words: &[String], names: [&str; 2]| words.windows(2).any(|pair| pair == names);
    assert!(buttons(&english, ["edit", "close"]) && buttons(&dutch, ["bewerken", "afsluiten"]));
}

#[apply(api_test)]
fn every_word_of_the_origin_is_on_the_page(app: &TestApp) {
    // The site does not know which database there is.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    rebuild(app, &fixture("origin/policy-dialogue.json"), &fixture("origin/policy-dialogue.txt"));
    let (data, text) =
        (real_path("origin/policy-dialogue-2015-07-01.json"), real_path("origin/policy-dialogue-2015-07-01.txt"));
    let (Some(data), Some(text)) = (data, text) else { return };
    rebuild(&TestApp::start(app.backend), &data, &text);
}
