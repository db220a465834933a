//! How much is in a feed: what is nearest, or newest, or all; and where the rest is.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

/// Creates published events, each with a slug and other members, in few requests.
fn create(editor: &Client, events: impl Iterator<Item = (String, Value)>) {
    let entries: Vec<Value> = events
        .map(|(slug, more)| {
            let mut body = json!({"title": slug, "slug": slug, "status": "published", "time_zone": "UTC"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"operation": "create", "collection": "events", "content": body})
        })
        .collect();
    for part in entries.chunks(500) {
        editor.post("/api/v1/batch", &json!({"entries": part})).expect(200);
    }
}

/// Creates this many events, of which each takes place on the evening of another day, beginning so many days from now.
fn evenings(editor: &Client, name: &str, first: i64, count: i64) {
    let today = Utc::now().date_naive();
    let event = |number: i64| {
        let day = today + TimeDelta::days(first + number);
        (format!("{name}-{number:04}"), json!({"starts_at": format!("{day}T19:00"), "ends_at": format!("{day}T21:00")}))
    };
    create(editor, (0..count).map(event));
}

fn titles(reply: &Reply) -> Vec<String> {
    let text = String::from_utf8(reply.body.clone()).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("SUMMARY:")).map(|title| title.trim().to_owned()).collect()
}

/// Returns the address of a page by its relation in the header `Link`.
fn linked(reply: &Reply, rel: &str) -> Option<String> {
    let links = reply.headers.get("link").map(|link| link.to_str().unwrap().to_owned()).unwrap_or_default();
    let link = links.split(", ").find(|link| link.ends_with(&format!("rel=\"{rel}\"")))?.to_owned();
    Some(link[1..link.find('>').unwrap()].to_owned())
}

#[apply(api_test)]
fn a_calendar_has_what_is_near(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    evenings(&editor, "ahead", 1, 130);
    evenings(&editor, "recent", -80, 5);
    evenings(&editor, "old", -120, 5);
    let whole = public.get("/api/v1/events.ics").expect(200);
    let found = titles(&whole);
    assert_eq!((found.len(), linked(&whole, "next")), (135, None), "{found:?}");
    assert!(found.is_sorted_by_key(|title| title.replace("recent", "a").replace("ahead", "b")), "{found:?}");
    assert!(!String::from_utf8_lossy(&whole.body).contains("not complete"));
    // A bound is told, in the header and in the calendar, and the rest is there.
    let (mut pages, mut path) = (Vec::new(), "/api/v1/events.ics?limit=50".to_owned());
    loop {
        let page = public.get(&path).expect(200);
        pages.extend(titles(&page));
        let next = linked(&page, "next");
        assert_eq!(String::from_utf8_lossy(&page.body).contains("not complete"), next.is_some());
        let Some(next) = next else { break };
        path = next;
    }
    assert_eq!(pages, found);
    // Bounds of the query come before those of the calendar; of what is past, the last comes first.
    assert_eq!(titles(&public.get("/api/v1/events.ics?when=past").expect(200)).len(), 10);
    let past = titles(&public.get("/api/v1/events.ics?when=past&limit=1").expect(200));
    assert_eq!(past, ["recent-0004"]);
    let named = titles(&public.get("/api/v1/events.ics?slug=old-0000").expect(200));
    assert_eq!(named, ["old-0000"]);
    let sorted = titles(&public.get("/api/v1/events.ics?sort=-starts_at&limit=1").expect(200));
    assert_eq!(sorted, ["ahead-0129"]);
}

/// The same events, published in another order than they take place.
#[apply(api_test)]
fn news_begin_with_what_was_published_last(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for number in 0..5 {
        create(
            &editor,
            std::iter::once((format!("e{number}"), json!({"starts_at": format!("20{}-01-01", 39 - number)}))),
        );
    }
    for form in ["atom", "rss", "json"] {
        let (mut found, mut path, mut count) = (Vec::new(), format!("/api/v1/events.{form}?limit=2"), 0);
        let first = path.clone();
        loop {
            let page = public.get(&path).expect(200);
            let body = String::from_utf8(page.body.clone()).unwrap();
            let (titles, links): (Vec<String>, Vec<(String, String)>) = match form {
                "atom" => {
                    let feed = atom_syndication::Feed::read_from(&page.body[..]).unwrap();
                    let links = feed.links().iter().map(|link| (link.rel().to_owned(), link.href().to_owned()));
                    assert!(feed.id().ends_with(&first), "all pages are one feed: {}", feed.id());
                    (feed.entries().iter().map(|entry| entry.title().as_str().to_owned()).collect(), links.collect())
                }
                "rss" => {
                    let channel = rss::Channel::read_from(&page.body[..]).unwrap();
                    let links = channel.atom_ext().unwrap().links().iter();
                    let links = links.map(|link| (link.rel().to_owned(), link.href().to_owned())).collect();
                    (channel.items().iter().map(|item| item.title().unwrap().to_owned()).collect(), links)
                }
                _ => {
                    let feed: Value = serde_json::from_str(&body).unwrap();
                    let titles =
                        feed["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned());
                    let next = feed["next_url"].as_str().map(|url| ("next".to_owned(), url.to_owned()));
                    (titles.collect(), next.into_iter().collect())
                }
            };
            found.extend(titles);
            count += 1;
            let of = |wanted: &str| links.iter().find(|(rel, _)| rel == wanted).map(|(_, href)| href.clone());
            if form != "json" {
                assert!(of("first").unwrap().ends_with(&first), "{links:?}");
                assert_eq!(of("previous").is_some(), count > 1, "{links:?}");
            }
            let next = linked(&page, "next");
            assert_eq!(
                of("next").map(|url| url.ends_with(next.as_deref().unwrap())),
                next.as_ref().map(|_| true),
                "{form}"
            );
            let Some(next) = next else { break };
            path = next;
        }
        assert_eq!((found.join(" ").as_str(), count), ("e4 e3 e2 e1 e0", 3), "{form}");
    }
    let page = public.get("/api/v1/events.atom?limit=2&sort=starts_at").expect(200);
    let feed = atom_syndication::Feed::read_from(&page.body[..]).unwrap();
    assert_eq!(feed.entries()[0].title().as_str(), "e4");
    public.get("/api/v1/events.atom?cursor=x").problem(400, &[("?cursor", "not_a_cursor")]);
}

#[apply(api_test)]
fn a_table_has_all(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    evenings(&editor, "ahead", 1, 1_100);
    create(&editor, std::iter::once(("undated".to_owned(), json!({}))));
    let slugs = |path: &str| {
        let reply = public.get(path).expect(200);
        assert!(reply.header("content-type").starts_with("text/csv"));
        let mut rows = csv::Reader::from_reader(reply.body.as_slice());
        rows.records().map(|row| row.unwrap()[1].to_owned()).collect::<Vec<_>>()
    };
    let all = slugs("/api/v1/events.csv");
    assert_eq!((all.len(), all[0].as_str(), all.last().unwrap().as_str()), (1_101, "ahead-1099", "undated"));
    let mut sorted = slugs("/api/v1/events.csv?sort=title");
    assert!(sorted.is_sorted());
    sorted.dedup();
    assert_eq!(sorted.len(), 1_101, "nothing is there twice");
    // Part of it is a page like any other, which says where the next one is; a small one has an entity tag.
    let page = public.get("/api/v1/events.csv?limit=400").expect(200);
    assert!(linked(&page, "next").is_some());
    let small = public.get("/api/v1/events.csv?slug=undated").expect(200);
    public.send("GET", "/api/v1/events.csv?slug=undated", &[("if-none-match", small.etag())], b"").expect(304);
    public.get("/api/v1/events.csv?topik=1").problem(400, &[("?topik", "unknown_parameter")]);
}

/// With `fallback=none`, the pages of a feed are of what has a title in its language.
#[apply(api_test)]
fn pages_of_one_language_are_full(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let title = |name: String| json!({"title": {"en": name}, "status": "published", "starts_at": "2027-05-01"});
    let translated = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "slug": "rivers", "status": "published", "starts_at": "2027-05-01"});
    let many = (0..130).map(|number| title(format!("Lake {number}")));
    let entries: Vec<Value> = std::iter::once(translated)
        .chain(many)
        .map(|content| json!({"operation": "create", "collection": "events", "content": content}))
        .collect();
    editor.post("/api/v1/batch?locale=*", &json!({"entries": entries})).expect(200);
    let query = "locale=nl&fallback=none";
    for form in ["rss", "atom", "json", "jsonld", "csv", "ics"] {
        let reply = public.get(&format!("/api/v1/events.{form}?{query}")).expect(200);
        let body = String::from_utf8(reply.body.clone()).unwrap();
        assert!(body.contains("Rivieren") && !body.contains("Lake"), "{form}: {body}");
        assert_eq!(linked(&reply, "next"), None, "{form}");
    }
    let list = public.get(&format!("/api/v1/events.jsonld?{query}")).expect(200).json();
    assert_eq!(list["numberOfItems"], 1);
    // A title that visitors do not see is none, and one that is written later is one.
    let dutch = || titles(&public.get(&format!("/api/v1/events.ics?{query}&sort=title")).expect(200));
    assert_eq!(dutch(), ["Rivieren"]);
    editor.act("/api/v1/events/rivers/translations/nl/unpublish", "\"v1\"").expect(200);
    assert_eq!(dutch(), [""; 0]);
    editor.act("/api/v1/events/rivers/translations/nl/publish", "\"v2\"").expect(200);
    editor.patch("/api/v1/events/lake-7?locale=nl", "\"v1\"", &json!({"title": "Meer 7"})).expect(200);
    assert_eq!(dutch().len(), 2);
    // Lists of the API have all items, so that their number is the same in every language.
    let list = public.get(&format!("/api/v1/events?{query}&limit=1&count=exact&sort=-title")).expect(200).json();
    assert_eq!(list["page"]["total"], 131);
}
