//! Whole responses as a client receives them, as inline snapshots.
//!
//! `UPDATE_EXPECT=1 ./test sqlite::responses` writes the snapshots anew; the difference is then reviewed like any other.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

/// Members that differ in each run.
const VOLATILE: [&str; 5] = ["id", "request_id", "created_at", "updated_at", "published_at"];

/// Replaces the values of volatile members by their names.
fn redact(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::Object(members) => {
            for (name, value) in members {
                if VOLATILE.contains(&name.as_str()) && value.is_string() {
                    *value = format!("[{name}]").into();
                }
                redact(value);
            }
        }
        _ => {}
    }
}

/// Returns the status, the media type and the body of a response as text.
fn shown(reply: &Reply) -> String {
    let mut body = reply.json();
    redact(&mut body);
    format!("{} {}\n{body:#}\n", reply.status, reply.header("content-type"))
}

/// Creates an event with a venue, a speaker and a topic.
fn fill(editor: &Client) {
    editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    editor.create("speakers", &json!({"name": "Anna Peeters", "job_title": "Analyst", "status": "published"}));
    editor.create(
        "venues",
        &json!({"name": "Hall", "address": {"city": "Brussels", "country": "BE"}, "status": "published"}),
    );
    let event = json!({
        "title": "Rivers", "summary": "A dialogue.", "body": "**Bold** text", "status": "published",
        "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T16:00", "venue": "hall", "topics": ["water"],
        "speakers": [{"speaker": "anna-peeters", "role": "keynote"}],
    });
    editor.create("events", &event);
}

#[apply(api_test)]
fn an_item(app: &TestApp) {
    fill(&app.editor());
    expect![[]].assert_eq(&shown(&app.public().get("/api/v1/events/rivers").expect(200)));
}

#[apply(api_test)]
fn a_list(app: &TestApp) {
    fill(&app.editor());
    let query = "topic=water&count=exact&facets=topic&limit=1";
    expect![[]].assert_eq(&shown(&app.public().get(&format!("/api/v1/events?{query}")).expect(200)));
}

#[apply(api_test)]
fn a_problem(app: &TestApp) {
    let body = json!({"title": 5, "titel": "Rivers", "starts_at": "tomorrow", "venue": "nowhere"});
    expect![[]].assert_eq(&shown(&app.editor().post("/api/v1/events", &body).expect(422)));
}
