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
    expect![[r#"
        200 application/json
        {
          "id": "[id]",
          "slug": "rivers",
          "version": 1,
          "status": "published",
          "created_at": "[created_at]",
          "updated_at": "[updated_at]",
          "published_at": "[published_at]",
          "title": "Rivers",
          "kicker": null,
          "summary": "A dialogue.",
          "starts_at": "2027-03-04T14:30:00+01:00",
          "ends_at": "2027-03-04T16:00:00+01:00",
          "time_zone": "Europe/Brussels",
          "all_day": false,
          "date_precision": "time",
          "attendance_mode": "offline",
          "event_status": "scheduled",
          "online_url": null,
          "registration": null,
          "languages": [],
          "image": null,
          "starts_on": "2027-03-04",
          "ends_on": "2027-03-04",
          "excerpt": "Bold text",
          "locale": "en",
          "fallbacks": [],
          "alternates": [
            {
              "locale": "en",
              "slug": "rivers",
              "href": "/api/v1/events/rivers?locale=en"
            }
          ],
          "body": "<p><strong>Bold</strong> text</p>",
          "tracks": [],
          "documents": [],
          "recordings": [],
          "links": [],
          "accessibility": null,
          "seo": null,
          "contact": null,
          "custom": null,
          "reading_minutes": 1,
          "table_of_contents": [],
          "type": null,
          "venue": {
            "id": "[id]",
            "slug": "hall",
            "name": "Hall"
          },
          "topics": [
            {
              "id": "[id]",
              "slug": "water",
              "name": "Water"
            }
          ],
          "series": null,
          "speakers": [
            {
              "role": "keynote",
              "affiliation": null,
              "speaker": {
                "id": "[id]",
                "slug": "anna-peeters",
                "name": "Anna Peeters"
              }
            }
          ],
          "partners": [],
          "related": []
        }
    "#]]
    .assert_eq(&shown(&app.visitor().get("/api/v1/events/rivers").expect(200)));
}

#[apply(api_test)]
fn a_list(app: &TestApp) {
    fill(&app.editor());
    let query = "topic=water&count=exact&facets=topic&limit=1";
    expect![[r#"
        200 application/json
        {
          "data": [
            {
              "id": "[id]",
              "slug": "rivers",
              "version": 1,
              "status": "published",
              "created_at": "[created_at]",
              "updated_at": "[updated_at]",
              "published_at": "[published_at]",
              "title": "Rivers",
              "kicker": null,
              "summary": "A dialogue.",
              "starts_at": "2027-03-04T14:30:00+01:00",
              "ends_at": "2027-03-04T16:00:00+01:00",
              "time_zone": "Europe/Brussels",
              "all_day": false,
              "date_precision": "time",
              "attendance_mode": "offline",
              "event_status": "scheduled",
              "online_url": null,
              "registration": null,
              "languages": [],
              "image": null,
              "starts_on": "2027-03-04",
              "ends_on": "2027-03-04",
              "excerpt": "Bold text",
              "locale": "en",
              "fallbacks": [],
              "type": null,
              "venue": {
                "id": "[id]",
                "slug": "hall",
                "name": "Hall"
              },
              "topics": [
                {
                  "id": "[id]",
                  "slug": "water",
                  "name": "Water"
                }
              ],
              "series": null,
              "speakers": [
                {
                  "role": "keynote",
                  "affiliation": null,
                  "speaker": {
                    "id": "[id]",
                    "slug": "anna-peeters",
                    "name": "Anna Peeters"
                  }
                }
              ],
              "partners": [],
              "related": []
            }
          ],
          "facets": {
            "topic": [
              {
                "value": "water",
                "label": "Water",
                "count": 1
              }
            ]
          },
          "page": {
            "next": null,
            "prev": null,
            "limit": 1,
            "total": 1
          }
        }
    "#]]
    .assert_eq(&shown(&app.visitor().get(&format!("/api/v1/events?{query}")).expect(200)));
}

#[apply(api_test)]
fn a_problem(app: &TestApp) {
    let body = json!({"title": 5, "titel": "Rivers", "starts_at": "tomorrow", "venue": "nowhere"});
    expect![[r#"
        422 application/problem+json
        {
          "type": "http://127.0.0.1:8080/problems/invalid",
          "title": "Unprocessable content",
          "status": 422,
          "detail": "the content violates rules; see errors",
          "instance": "/api/v1/events",
          "request_id": "[request_id]",
          "errors": [
            {
              "pointer": "/titel",
              "code": "unknown_field",
              "message": "unknown field \"titel\"; did you mean \"title\"?"
            },
            {
              "pointer": "/title",
              "code": "wrong_type",
              "message": "must be a string, not a number"
            },
            {
              "pointer": "/starts_at",
              "code": "not_a_time",
              "message": "\"tomorrow\" is neither a date (2015-07-01) nor a local time (2015-07-01T09:30)"
            },
            {
              "pointer": "/venue",
              "code": "dangling_reference",
              "message": "there is no venue \"nowhere\""
            }
          ]
        }
    "#]]
    .assert_eq(&shown(&app.editor().post("/api/v1/events", &body).expect(422)));
}
