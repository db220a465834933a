//! Facets: what they count, and the filters that belong to them.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// Asserts the values of a facet, each with its count.
#[track_caller]
fn is(page: &Value, facet: &str, wanted: &[(&str, i64)]) {
    let values = page["facets"][facet].as_array().expect("the facet").iter();
    let counted: Vec<(&str, i64)> =
        values.map(|v| (v["value"].as_str().expect("a value"), v["count"].as_i64().expect("a count"))).collect();
    assert_eq!(counted, wanted, "{facet}");
}

fn list(client: &Client, query: &str) -> Value {
    client.get(&format!("/api/v1/events?sort=title&{query}")).expect(200).json()
}

fn slugs(client: &Client, path: &str) -> Vec<String> {
    let page = client.get(&format!("/api/v1/{path}")).expect(200).json();
    page["data"].as_array().expect("a list").iter().map(|v| v["slug"].as_str().expect("a slug").to_owned()).collect()
}

/// Topics in a tree (one branch behind a draft), and events of three years.
fn fill(editor: &Client) {
    for (name, parent, status) in [
        ("environment", None, "published"),
        ("water", Some("environment"), "published"),
        ("rivers", Some("water"), "published"),
        ("secret", Some("environment"), "draft"),
        ("behind", Some("secret"), "published"),
        ("law", None, "published"),
    ] {
        let mut topic = json!({"name": name, "status": status});
        topic["parent"] = parent.into();
        editor.create("topics", &topic);
    }
    for name in ["Talk", "Panel"] {
        editor.create("event-types", &json!({"name": name, "status": "published"}));
    }
    for (title, kind, topics, start) in [
        ("a", "talk", json!(["environment"]), json!("2024-12-31T23:30")),
        ("b", "talk", json!(["rivers", "law"]), json!("2025-01-01T00:00")),
        ("c", "panel", json!(["water"]), json!("2027-06-01T10:00")),
        ("d", "panel", json!(["behind"]), json!("2027-12-31T23:59")),
        ("e", "panel", json!(["law"]), Value::Null),
    ] {
        let event = json!({"title": title, "type": kind, "topics": topics, "starts_at": start,
            "time_zone": "Europe/Brussels", "status": "published"});
        editor.create("events", &event);
    }
}

#[apply(api_test)]
fn a_facet_keeps_the_choices_beside_its_filter(app: &TestApp) {
    fill(&app.editor());
    let public = app.visitor();
    let page = list(&public, "type=talk&topic=law&facets=type,topic,year&count=exact");
    // Items and total follow all filters; each facet disregards its own, and no other.
    assert_eq!((&page["page"]["total"], &page["data"][0]["slug"]), (&json!(1), &json!("b")));
    is(&page, "type", &[("panel", 1), ("talk", 1)]);
    is(&page, "topic", &[("environment", 1), ("law", 1), ("rivers", 1)]);
    is(&page, "year", &[("2025", 1)]);
    let page = list(&public, "year=2025&facets=year,type");
    is(&page, "year", &[("2027", 2), ("2025", 1), ("2024", 1)]);
    is(&page, "type", &[("talk", 1)]);
    // What excludes, or is wanted in addition, is no choice among values.
    is(&list(&public, "type[none]=talk&facets=type"), "type", &[("panel", 3)]);
    is(&list(&public, "topic[all]=rivers&facets=topic"), "topic", &[("law", 1), ("rivers", 1)]);
    let page = list(&public, "topic[under]=water&facets=topic");
    is(&page, "topic", &[("law", 2), ("behind", 1), ("environment", 1), ("rivers", 1), ("water", 1)]);
}

#[apply(api_test)]
fn years_are_filtered_as_they_are_counted(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.site.time_zone = "Europe/Brussels".into());
    fill(&app.editor());
    let public = app.visitor();
    for (years, found) in [
        ("2024", vec!["a"]),
        ("2025", vec!["b"]),
        ("2024,2025", vec!["a", "b"]),
        ("2027,2024,2027", vec!["a", "c", "d"]),
        ("2024,2026,2028", vec!["a"]),
        ("0001,9999", vec![]),
    ] {
        assert_eq!(slugs(&public, &format!("events?sort=title&year={years}")), found, "{years}");
        // In the order of the start, on pages, and with a count, other statements find the same.
        let (mut paged, mut next) = (Vec::new(), String::new());
        loop {
            let page = public.get(&format!("/api/v1/events?sort=starts_at&limit=1&year={years}{next}")).expect(200);
            let page = page.json();
            paged.extend(page["data"].as_array().expect("a page").iter().map(|v| v["slug"].clone()));
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(paged, found, "{years}");
        assert_eq!(list(&public, &format!("year={years}&count=exact"))["page"]["total"], found.len(), "{years}");
        assert_eq!(slugs(&public, &format!("events?sort=title&type=talk,panel&year={years}")), found, "{years}");
    }
    let all = list(&public, "facets=year");
    for year in all["facets"]["year"].as_array().expect("the years") {
        let path = format!("events?year={}", year["value"].as_str().expect("a year"));
        assert_eq!(slugs(&public, &path).len() as u64, year["count"].as_u64().expect("a count"), "{year}");
    }
    for wrong in ["26", "10000", "0000", "20-5", "+202", "2024,x"] {
        public.get(&format!("/api/v1/events?year={wrong}")).problem(400, &[("?year", "not_a_year")]);
    }
    public.get("/api/v1/events?year=").problem(400, &[("?year", "empty")]);
    public.get("/api/v1/speakers?year=2024").problem(400, &[("?year", "unknown_parameter")]);
    let ics = public.get("/api/v1/events.ics?year=2024").expect(200);
    assert_eq!(String::from_utf8(ics.body).expect("a calendar").matches("BEGIN:VEVENT").count(), 1);
}

#[apply(api_test)]
fn a_branch_of_a_tree_is_found_whole(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let public = app.visitor();
    let under = |client: &Client, topic: &str| slugs(client, &format!("events?sort=title&topic[under]={topic}"));
    assert_eq!(under(&public, "environment"), ["a", "b", "c"]);
    assert_eq!(under(&public, "water"), ["b", "c"]);
    assert_eq!(under(&public, "rivers"), ["b"]);
    assert_eq!(under(&public, "water,law"), ["b", "c", "e"]);
    assert_eq!(under(&public, "nothing"), [""; 0]);
    // A draft is not to be inferred from what is found below it; its editors see it.
    assert_eq!(under(&editor, "environment"), ["a", "b", "c", "d"]);
    assert_eq!(slugs(&public, "topics?sort=name&parent[under]=environment"), ["rivers", "water"]);
    assert_eq!(slugs(&public, "topics?parent=environment"), ["water"]);
    assert_eq!(slugs(&public, "events?topic=environment"), ["a"]);
    // The branch follows the tree, also in kept responses.
    editor.patch("/api/v1/topics/rivers", "\"v1\"", &json!({"parent": null})).expect(200);
    assert_eq!(under(&public, "environment"), ["a", "c"]);
    for wrong in ["speaker[under]=anna", "type[under]=talk"] {
        public.get(&format!("/api/v1/events?{wrong}")).expect(400);
    }
}

/// A speaker who also moderates is at the event once.
#[apply(api_test)]
fn an_item_counts_once(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Dina", "status": "published"}));
    editor.create("speakers", &json!({"name": "Emil", "status": "published"}));
    let roles = |roles: &[(&str, &str)]| -> Vec<Value> {
        roles.iter().map(|(speaker, role)| json!({"speaker": speaker, "role": role})).collect()
    };
    let event = |title: &str, speakers: Vec<Value>| {
        editor.create("events", &json!({"title": title, "speakers": speakers, "status": "published"}));
    };
    event("one", roles(&[("dina", "speaker"), ("dina", "moderator"), ("emil", "speaker")]));
    event("two", roles(&[("emil", "speaker")]));
    let page = list(&app.visitor(), "facets=speaker&count=exact");
    is(&page, "speaker", &[("emil", 2), ("dina", 1)]);
}
