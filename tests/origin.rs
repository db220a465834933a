//! The origin event: posted over HTTP and fetched, it holds every fact of its page.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::data::real_path;

#[apply(api_test)]
fn the_origin_page_is_held_completely(app: &TestApp) {
    let Some(path) = real_path("origin/policy-dialogue-2015-07-01.json") else { return };
    let origin: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (event, site) = (&origin["event"], &origin["site"]);
    let editor = app.editor();
    editor.create("event-types", &json!({"name": event["type"], "status": "published"}));
    for (index, partner) in event["partners"].as_array().unwrap().iter().enumerate() {
        let mut body = json!({"name": partner["name"], "abbreviation": partner["abbreviation"], "status": "published"});
        if index == 0 {
            let address = &site["address"];
            body["address"] = json!({"street": address["street"], "postal_code": address["postal_code"], "city": address["city"], "country": "BE"});
            body["contact"] = json!({"label": site["call_us_label"], "telephone": site["telephone"]});
            body["register_numbers"] = json!([site["register"]]);
        }
        editor.create("partners", &body);
    }
    let paragraphs: Vec<&str> = event["body"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    let body = json!({
        "type": "policy-dialogue", "kicker": event["kicker"], "title": event["title"], "starts_at": event["date"],
        "time_zone": event["time_zone"], "date_precision": event["date_precision"], "body": paragraphs.join("\n\n"), "status": "published",
        "contact": {"label": site["call_us_label"], "telephone": site["telephone"]},
        "partners": [{"partner": "european-policy-centre", "role": "organiser"}, {"partner": "european-foundation-for-democracy", "role": "partner"}],
    });
    let made = editor.create("events", &body);
    let path = format!(
        "/api/v1/events/{}?include=type,partners,speakers,venue,topics,series,sessions",
        made["slug"].as_str().unwrap()
    );
    let page = app.visitor().get(&path).expect(200).json();

    assert_eq!(page["slug"], "the-use-of-social-media-for-terrorist-recruitment-how-should-europe-respond");
    assert_eq!(page["type"]["name"], event["type"]);
    for part in ["title", "kicker", "time_zone", "date_precision"] {
        assert_eq!(page[part], event[part], "{part}");
    }
    assert_eq!(page["starts_on"], event["date"]);
    let day = chrono::NaiveDate::parse_from_str(page["starts_on"].as_str().unwrap(), "%Y-%m-%d").unwrap();
    assert_eq!(day.format("%A, %d %B %Y").to_string(), event["date_as_shown"].as_str().unwrap());
    let text =
        app.visitor().get(&format!("{path}&body_format=text")).expect(200).json()["body"].as_str().unwrap().to_owned();
    let held: Vec<&str> = text.split("\n\n").collect();
    for (held, paragraph) in held.iter().zip(&paragraphs) {
        assert_eq!(held, paragraph);
    }
    assert_eq!(held.len(), paragraphs.len());
    for (partner, held) in event["partners"].as_array().unwrap().iter().zip(page["partners"].as_array().unwrap()) {
        assert_eq!(held["role"], partner["role"]);
        assert_eq!(held["partner"]["name"], partner["name"]);
        assert_eq!(held["partner"]["abbreviation"], partner["abbreviation"]);
    }
    assert_eq!(page["partners"].as_array().unwrap().len(), 2);
    let organiser = &page["partners"][0]["partner"];
    for part in ["street", "postal_code", "city"] {
        assert_eq!(organiser["address"][part], site["address"][part]);
    }
    assert_eq!(organiser["contact"]["telephone"], site["telephone"]);
    assert_eq!(page["contact"]["label"], site["call_us_label"]);
    assert_eq!(organiser["register_numbers"][0]["label"], site["register"]["label"]);
    assert_eq!(organiser["register_numbers"][0]["number"], site["register"]["number"]);
}
