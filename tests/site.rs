//! The example site, looked at in a browser.

use std::path::Path;

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::newsletter::started;
use crate::support::app::{Backend, TestApp};
use crate::support::tools::{node, run, tool_path};
use crate::support::website::Website;

/// Built like for a visitor, on demo content: every page in Chromium, in two languages, and nothing that axe
/// calls serious.
#[apply(api_test)]
fn the_site_shows_everything_to_everybody(app: &TestApp) {
    // The site does not know which database there is.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    let (office, app) = started(app);
    let app = &app;
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let admin = app.client(Role::Administrator);
    admin.put("/api/v1/contact-forms/contact", "", &contact_form()).expect(200);
    let website = Website::build(&app.url);
    wait_until_searchable(app);
    let found = website.look("see_site.mjs", &json!({}));
    assert_eq!(found["faults"], json!([]), "{:#}", found["faults"]);
    let pages = &found["pages"];
    let text = |page: &str| pages[page]["text"].as_str().unwrap_or_default().to_owned();
    let event = app
        .visitor()
        .get("/api/v1/events/rivers-without-borders?include=speakers,partners,venue,sessions")
        .expect(200)
        .json();
    for part in [
        &event["title"],
        &event["speakers"][0]["speaker"]["name"],
        &event["partners"][0]["partner"]["name"],
        &event["venue"]["name"],
        &event["sessions"][0]["title"],
    ] {
        assert!(text("event").contains(part.as_str().unwrap()), "{part} is missing:\n{}", text("event"));
    }
    // The layout: one request beside that of the page.
    let layout = app.visitor().get("/api/v1/layout").expect(200).json();
    let (settings, footer) = (&layout["site"], pages["event"]["footer"].as_str().unwrap());
    for part in [
        &settings["addresses"][0]["text"],
        &settings["telephones"][0]["text"],
        &settings["registration_numbers"][0]["number"],
        &settings["copyright"]["holder"],
        &settings["newsletter"]["title"],
        &settings["newsletter"]["button"],
        &layout["menus"]["footer"]["entries"][0]["label"],
    ] {
        assert!(footer.contains(part.as_str().unwrap()), "{part} is missing:\n{footer}");
    }
    assert!(footer.contains(&settings["current_year"].to_string()), "{footer}");
    let about = &layout["menus"]["main"]["entries"][2];
    for label in [&about["label"], &about["children"][0]["label"]] {
        assert!(pages["event"]["menu"].as_str().unwrap().contains(label.as_str().unwrap()), "{label}");
    }
    assert!(text("event").contains(settings["name"].as_str().unwrap()));
    assert!(text("event").contains(settings["telephones"][0]["label"].as_str().unwrap()));
    assert!(text("event").contains(layout["announcements"][0]["title"].as_str().unwrap()), "{}", text("event"));
    assert_eq!(pages["event"]["afterDismissal"], 0);
    assert!(text("event-nl").contains("Beleidscentrum Meander"));
    for page in ["list", "event", "phone"] {
        assert!(pages[page]["requests"].as_u64().unwrap() <= 2, "{page}: {}", pages[page]["requests"]);
    }
    assert_eq!(pages["event"]["title"], event["title"]);
    assert_eq!(pages["event"]["jsonLd"]["@type"], "Event");
    assert_eq!((&pages["event"]["lang"], &pages["event-nl"]["lang"]), (&json!("en"), &json!("nl")));
    assert!(text("event-nl").contains("Sprekers"), "{}", text("event-nl"));
    assert!(text("speaker").contains(event["speakers"][0]["speaker"]["name"].as_str().unwrap()));
    assert!(text("partner").contains(event["partners"][0]["partner"]["name"].as_str().unwrap()));
    assert!(text("search").contains(event["title"].as_str().unwrap()), "{}", text("search"));
    assert!(pages["filtered"]["webcal"].as_str().unwrap().contains("topic="));
    assert_eq!(pages["phone"]["overflow"], 0);
    assert!(text("missing").contains("There is nothing here."));
    // Pages of the tree, by their paths, and the two forms, with the proof of work solved in the browser.
    for part in ["What we do", "A river does not ask", "Coming events", "1,240", "Our team"] {
        assert!(text("about").contains(part), "{part} is missing:\n{}", text("about"));
    }
    assert!(text("about-nl").contains("Wat we doen"), "{}", text("about-nl"));
    assert!(text("privacy").contains("What we keep"), "{}", text("privacy"));
    for page in ["about", "privacy", "contact"] {
        assert!(pages[page]["requests"].as_u64().unwrap() <= 2, "{page}: {}", pages[page]["requests"]);
    }
    assert!(pages["contact"]["answer"].as_str().unwrap().starts_with("Thank you."), "{}", pages["contact"]["answer"]);
    let messages = admin.get("/api/v1/contact-messages").expect(200).json();
    assert!(messages["data"][0].to_string().contains("Is the lecture open?"), "{messages}");
    let answer = pages["newsletter"]["answer"].as_str().unwrap();
    assert!(answer.starts_with("Thank you."), "{answer}");
    assert_eq!(office.wait_for(2).iter().filter(|mail| mail.to == "anna@example.net").count(), 1);
}

fn contact_form() -> Value {
    let label = |en: &str, nl: &str| json!([{"locale": "en", "text": en}, {"locale": "nl", "text": nl}]);
    json!({"titles": label("Contact us", "Contact"), "recipients": ["desk@example.org"], "keep_days": 30, "fields": [
        {"name": "email", "type": "email", "required": true, "labels": label("Your address", "Uw adres")},
        {"name": "about", "type": "choice", "labels": label("About", "Over"), "options": [
            {"value": "press", "labels": label("Press", "Pers")}, {"value": "other", "labels": label("Other", "Anders")}]},
        {"name": "message", "type": "text", "required": true, "labels": label("Your message", "Uw bericht")},
        {"name": "agreed", "type": "checkbox", "required": true, "labels": label("I agree", "Akkoord")}]})
}

/// "Execute" on what a reader opens first works as it stands: nothing optional is filled in.
#[apply(api_test)]
fn the_documentation_can_be_tried_out(app: &TestApp) {
    // The document names the server by its public address, which is that of the page here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = TestApp::start_at(app.backend, listener, |config| config.public_url = url.clone());
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let work = tempfile::tempdir_in(tool_path("node")).unwrap();
    let script = work.path().join("see_docs.mjs");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/see_docs.mjs"), &script).unwrap();
    let said = run(node().arg(&script).arg(&app.url).env("CHROMIUM", tool_path("bin/chromium")));
    let found: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(found["faults"], json!([]), "{:#}", found["faults"]);
    assert_eq!(
        (&found["groups"][0], &found["all"][0], &found["open"]),
        (&json!("Events"), &json!("Events"), &json!(0))
    );
    assert!(found["groups"].as_array().unwrap().iter().all(|group| group != "Editing"), "{:#}", found["groups"]);
    let list = json!({"status": 200, "address": "/api/v1/events?limit=20"});
    let one = json!({"status": 200, "address": "/api/v1/events/rivers-without-borders"});
    assert_eq!((&found["executed"]["listEvents"], &found["executed"]["getEvent"]), (&list, &one));
}

fn wait_until_searchable(app: &TestApp) {
    crate::support::moments::wait_for("the index", || {
        let found = app.visitor().get("/api/v1/events?q=rivers").expect(200).json();
        !found["data"].as_array().unwrap().is_empty()
    });
}
