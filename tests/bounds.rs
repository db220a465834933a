//! Bounds and orders of lists where values are absent, or known by the day, month or year only.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

fn slugs(client: &Client, query: &str) -> String {
    let list = client.get(&format!("/api/v1/events?{query}")).expect(200).json();
    let slug = |item: &Value| item["slug"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap().iter().map(slug).collect::<Vec<_>>().join(" ")
}

fn create(editor: &Client, slug: &str, more: Value) {
    let mut event = json!({"title": slug, "slug": slug, "status": "published", "time_zone": "UTC"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    editor.create("events", &event);
}

/// Two events with a date, and three without, of which one is a draft.
fn fill(editor: &Client) {
    create(editor, "early", json!({"starts_at": "2027-03-04T10:00", "ends_at": "2027-03-04T12:00"}));
    create(editor, "never-a", json!({}));
    create(editor, "late", json!({"starts_at": "2030-03-04", "topics": []}));
    create(editor, "never-b", json!({}));
    create(editor, "draft", json!({"status": "draft"}));
}

#[apply(api_test)]
fn an_absent_value_meets_no_bound(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    for (query, found) in [
        ("starts_at[gte]=2090-01-01", ""),
        ("starts_at[gt]=2029-01-01", "late"),
        ("starts_at[gte]=2000-01-01&sort=starts_at", "early late"),
        ("starts_at[gte]=2000-01-01&starts_at[lt]=2090-01-01&sort=starts_at", "early late"),
        ("ends_at[gte]=2000-01-01", "late early"),
        ("ends_at[gt]=2090-01-01", ""),
        ("starts_at[lt]=2090-01-01", "late early"),
        ("starts_at[gte]=2000-01-01&count=exact", "late early"),
    ] {
        assert_eq!(slugs(&public, query), found, "{query}");
    }
    let all = "status=any&sort=title";
    assert_eq!(slugs(&editor, &format!("{all}&published_at[lt]=2090-01-01")), "early late never-a never-b");
    assert_eq!(
        slugs(&editor, &format!("{all}&published_at[lte]=2090-01-01&published_at[gte]=1990-01-01")),
        "early late never-a never-b"
    );
    assert_eq!(slugs(&editor, &format!("{all}&published_at[gte]=1990-01-01")), "early late never-a never-b");
}

/// The slugs of all pages, from the first to the last and back; in both directions they are the same.
fn on_pages(client: &Client, query: &str, limit: usize) -> Vec<String> {
    let path = format!("/api/v1/events?{query}&limit={limit}");
    let slugs = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
    };
    let mut pages = vec![client.get(&path).expect(200).json()];
    while let Some(next) = pages.last().unwrap()["page"]["next"].as_str() {
        let next = client.get(&format!("{path}&cursor={next}")).expect(200).json();
        pages.push(next);
    }
    let there: Vec<String> = pages.iter().flat_map(slugs).collect();
    let (mut page, mut back) = (pages.pop().unwrap(), Vec::new());
    back.push(slugs(&page));
    while let Some(previous) = page["page"]["prev"].as_str() {
        page = client.get(&format!("{path}&cursor={previous}")).expect(200).json();
        back.push(slugs(&page));
    }
    back.reverse();
    assert_eq!(back.concat(), there, "{query} by {limit}");
    there
}

#[apply(api_test)]
fn absent_values_come_last_in_both_directions(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Anna", "slug": "anna", "status": "published"}));
    let anna = json!([{"speaker": "anna"}]);
    for (slug, starts) in [("a", Some("2027-03-04")), ("b", None), ("c", Some("2029-03-04")), ("d", None), ("e", None)]
    {
        create(&editor, slug, json!({"starts_at": starts, "speakers": anna}));
    }
    for (query, dated) in [
        ("sort=starts_at", ["a", "c"]),
        ("sort=-starts_at", ["c", "a"]),
        ("speaker=anna", ["c", "a"]),
        ("speaker=anna&sort=starts_at", ["a", "c"]),
        ("sort=-ends_at", ["c", "a"]),
        ("sort=-ends_at,title", ["c", "a"]),
        ("sort=event_status", ["", ""]),
    ] {
        if dated[0].is_empty() {
            public.get(&format!("/api/v1/events?{query}")).problem(400, &[("?sort", "not_allowed")]);
            continue;
        }
        let all = on_pages(&public, query, 50);
        assert_eq!((all.len(), &all[..2]), (5, dated.map(str::to_owned).as_slice()), "{query}");
        for limit in 1..5 {
            assert_eq!(on_pages(&public, query, limit), all, "{query} by {limit}");
            for offset in 0..6 {
                let page = slugs(&public, &format!("{query}&limit={limit}&offset={offset}"));
                let wanted: Vec<String> = all.iter().skip(offset).take(limit).cloned().collect();
                assert_eq!(page, wanted.join(" "), "{query} by {limit} from {offset}");
            }
        }
    }
    // As a second key too: of equal titles, the one with a date comes first.
    for sort in ["title,starts_at", "title,-starts_at", "-title,-starts_at"] {
        create(&editor, &format!("same-{}", sort.len()), json!({}));
        let all = on_pages(&public, &format!("sort={sort}"), 50);
        for limit in 1..4 {
            assert_eq!(on_pages(&public, &format!("sort={sort}"), limit), all, "{sort} by {limit}");
        }
    }
    for slug in ["x", "y", "z"] {
        let starts = if slug == "y" { json!("2031-01-01") } else { Value::Null };
        create(&editor, slug, json!({"title": "Same", "starts_at": starts}));
    }
    for sort in ["title,starts_at", "title,-starts_at"] {
        for limit in [1, 2, 50] {
            let all = on_pages(&public, &format!("sort={sort}"), limit);
            let place = all.iter().position(|slug| slug == "y").unwrap();
            assert!(["x", "z"].iter().all(|other| all[place..].contains(&(*other).to_owned())), "{sort}: {all:?}");
        }
    }
    // Of drafts, none has been published.
    create(&editor, "draft", json!({"status": "draft"}));
    for sort in ["published_at", "-published_at"] {
        for limit in [1, 3, 50] {
            let all = on_pages(&editor, &format!("status=any&sort={sort}"), limit);
            assert_eq!(all.last().unwrap(), "draft", "{sort} by {limit}: {all:?}");
        }
    }
}

#[apply(api_test)]
fn a_date_as_bound_is_a_whole_day(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    create(&editor, "evening", json!({"starts_at": "2028-12-31T20:00", "ends_at": "2028-12-31T22:00"}));
    create(&editor, "day", json!({"starts_at": "2028-12-31", "ends_at": "2028-12-31"}));
    create(&editor, "next", json!({"starts_at": "2029-01-01T00:00", "ends_at": "2029-01-01T01:00"}));
    for (query, found) in [
        ("starts_at[lte]=2028-12-31", "day evening"),
        ("starts_at[lt]=2028-12-31", ""),
        ("starts_at[gt]=2028-12-31", "next"),
        ("starts_at[gte]=2028-12-31", "day evening next"),
        ("starts_at[lte]=2028-12-31T12:00", "day"),
        ("starts_at[lte]=2028-12-31&time_zone=America/New_York", "day evening next"),
        ("ends_at[lte]=2028-12-31", "day evening"),
        ("ends_at[lt]=2029-01-01", "day evening"),
        ("ends_at[gt]=2028-12-31", "next"),
        ("ends_at[gte]=2029-01-01", "next"),
        ("ends_at[gte]=2028-12-31", "day evening next"),
    ] {
        let zone = if query.contains("time_zone") { "" } else { "&time_zone=UTC" };
        assert_eq!(slugs(&public, &format!("{query}&sort=title{zone}")), found, "{query}");
    }
}

#[apply(api_test)]
fn a_day_has_no_time_of_its_own(app: &TestApp) {
    let editor = app.editor();
    let event = json!({"title": "T", "starts_at": "2027-11-03", "ends_at": "2027-11-03T12:00"});
    editor.post("/api/v1/events", &event).problem(422, &[("/ends_at", "not_a_date")]);
    editor.create("events", &json!({"title": "Party", "slug": "party", "status": "published"}));
    let session = json!({"title": "T", "event": "party", "starts_at": "2027-11-03", "ends_at": "2027-11-03T12:00"});
    editor.post("/api/v1/sessions", &session).problem(422, &[("/ends_at", "not_a_date")]);
    // The other way round, nobody knows at which time of its day it ends.
    let mixed = json!({"starts_at": "2027-11-03T12:00", "ends_at": "2027-11-04", "time_zone": "UTC"});
    let mut event = mixed.clone();
    event["title"] = "T".into();
    editor.post("/api/v1/events", &event).problem(422, &[("/ends_at", "not_a_time")]);
    event["event"] = "party".into();
    editor.post("/api/v1/sessions", &event).problem(422, &[("/ends_at", "not_a_time")]);
    editor.patch("/api/v1/events/party", "\"v1\"", &mixed).problem(422, &[("/ends_at", "not_a_time")]);
}

#[apply(api_test)]
fn what_has_no_end_lasts_its_day(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let today = chrono::Utc::now().date_naive();
    let at = |days: i64, time: &str| format!("{}{time}", today + chrono::TimeDelta::days(days));
    create(&editor, "today", json!({"starts_at": at(0, "T00:00:00")}));
    create(&editor, "yesterday", json!({"starts_at": at(-1, "T23:59:59")}));
    create(&editor, "this-year", json!({"starts_at": at(0, "")[..4].to_owned() + "-01-01", "date_precision": "year"}));
    create(&editor, "tomorrow", json!({"starts_at": at(1, "T00:00:00")}));
    create(&editor, "some-day", json!({}));
    for (query, found) in [
        ("when=ongoing", "this-year today"),
        ("when=past", "yesterday"),
        ("when=upcoming", "some-day tomorrow"),
        ("when=not_past", "some-day this-year today tomorrow"),
    ] {
        assert_eq!(slugs(&public, &format!("{query}&sort=title")), found, "{query}");
    }
    // By the end, and without a date last.
    let ahead = slugs(&public, "when=not_past");
    assert!(ahead.starts_with("today ") && ahead.ends_with(" some-day"), "{ahead}");
    let of = |slug: &str| public.get(&format!("/api/v1/events/{slug}")).expect(200).json();
    assert_eq!((&of("today")["ends_at"], &of("today")["ends_on"]), (&Value::Null, &json!(at(0, ""))));
    assert_eq!(of("this-year")["ends_on"], at(0, "")[..4].to_owned() + "-12-31");
}
