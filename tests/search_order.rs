//! Full-text search in the order of a column, which the index knows and the database decides.

use serde_json::{Value, json};

use crate::search::settled;
use crate::support::app::TestApp;
use crate::support::client::Client;

const SORTS: [&str; 7] =
    ["starts_at", "-starts_at", "ends_at", "-ends_at", "-published_at", "updated_at", "-created_at"];

/// Publishes events that are about water or not, several of them with the same start, and some without one.
fn fill(app: &TestApp) -> Client {
    let editor = app.editor();
    editor.create("event-types", &json!({"name": "Talk", "status": "published"}));
    for number in 0..48 {
        let title = if number % 4 == 3 { format!("Fire {number}") } else { format!("Water {number}") };
        let mut event = json!({"title": title, "status": "published"});
        if number % 5 != 0 {
            event["starts_at"] = format!("2027-03-{:02}T10:00:00", 1 + number * 7 % 9).into();
            event["ends_at"] = format!("2027-04-{:02}T10:00:00", 1 + number * 5 % 11).into();
            event["time_zone"] = "Europe/Brussels".into();
        }
        if number % 6 == 1 {
            event["type"] = "talk".into();
        }
        editor.create("events", &event);
    }
    settled(app);
    editor
}

fn page(public: &Client, parameters: &str) -> Value {
    public.get(&format!("/api/v1/events?{parameters}")).expect(200).json()
}

fn slugs(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

/// Returns what the list without a text has, of the items about water.
fn expected(public: &Client, parameters: &str) -> Vec<String> {
    let all = slugs(&page(public, &format!("limit=100&{parameters}")));
    all.into_iter().filter(|slug| slug.starts_with("water")).collect()
}

/// Returns all items about water, page by page to the end, and then back to the beginning.
fn walked(public: &Client, parameters: &str) -> (Vec<String>, Vec<String>) {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut current = page(public, &format!("q=water&limit=7&{parameters}"));
    there.extend(slugs(&current));
    while let Some(cursor) = current["page"]["next"].as_str() {
        current = page(public, &format!("q=water&limit=7&{parameters}&cursor={cursor}"));
        there.extend(slugs(&current));
    }
    back.splice(0..0, slugs(&current));
    while let Some(cursor) = current["page"]["prev"].as_str() {
        current = page(public, &format!("q=water&limit=7&{parameters}&cursor={cursor}"));
        back.splice(0..0, slugs(&current));
    }
    (there, back)
}

#[apply(api_test)]
fn matches_have_the_order_of_the_list(app: &TestApp) {
    fill(app);
    let public = app.visitor();
    for sort in SORTS {
        for filter in ["", "&type=talk", "&starts_at[gte]=2027-03-04", "&starts_at[lt]=2027-03-03&type[none]=talk"] {
            let parameters = format!("sort={sort}{filter}");
            let all = expected(&public, &parameters);
            assert!(!all.is_empty(), "{parameters}");
            assert_eq!(walked(&public, &parameters), (all.clone(), all.clone()), "{parameters}");
            let offset = slugs(&page(&public, &format!("q=water&limit=3&offset=2&{parameters}")));
            assert_eq!(offset, all[2.min(all.len())..5.min(all.len())], "{parameters}");
        }
    }
}

/// The order is that of the database, even before the index follows a change.
#[apply(api_test)]
fn a_change_counts_at_once(app: &TestApp) {
    let editor = fill(app);
    let public = app.visitor();
    for step in 0..6 {
        let first = slugs(&page(&public, "q=water&limit=3&sort=starts_at")).swap_remove(step % 2);
        let day = json!({"starts_at": format!("2027-03-2{step}T10:00:00"), "ends_at": null});
        let path = format!("/api/v1/events/{first}");
        let tag = editor.get(&path).expect(200).etag().to_owned();
        editor.patch(&path, &tag, &day).expect(200);
        let parameters = "sort=starts_at";
        let found = slugs(&page(&public, &format!("q=water&limit=30&{parameters}")));
        assert_eq!(found, expected(&public, parameters)[..30], "{step}: {first}");
        assert_eq!(found.iter().filter(|slug| **slug == first).count(), 1, "{step}: {first}");
    }
}
