//! Atom feeds (RFC 4287).

use atom_syndication::{Category, Content, Entry, Feed as AtomFeed, Link, Person, Text};

use super::{Feed, description, list, partner, text, time};

/// Returns the feed as an Atom document.
pub fn atom(feed: &Feed<'_>) -> String {
    let link = |href: &str, rel: &str, kind: &str| Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        mime_type: Some(kind.to_owned()),
        ..Link::default()
    };
    let document = AtomFeed {
        title: Text::plain(feed.title()),
        id: feed.own_url.to_owned(),
        updated: feed.updated().unwrap_or_default(),
        lang: Some(feed.locale.to_owned()),
        links: vec![
            link(feed.own_url, "self", "application/atom+xml"),
            link(feed.list_url, "alternate", "application/json"),
        ],
        authors: vec![Person { name: feed.title(), ..Person::default() }],
        entries: feed.events.iter().map(|event| entry(feed, event)).collect(),
        ..AtomFeed::default()
    };
    document.to_string()
}

fn entry(feed: &Feed<'_>, event: &serde_json::Value) -> Entry {
    let topics = list(event, "topics").iter().filter_map(|topic| {
        let term = text(topic, "slug")?.to_owned();
        Some(Category { term, label: text(topic, "name").map(str::to_owned), ..Category::default() })
    });
    let organiser = partner(event, "organiser").and_then(|partner| text(partner, "name"));
    Entry {
        title: Text::plain(text(event, "title").unwrap_or_default()),
        id: format!("urn:uuid:{}", text(event, "id").unwrap_or_default()),
        updated: time(event, "updated_at").unwrap_or_default(),
        published: time(event, "published_at"),
        summary: description(event).map(Text::plain),
        content: text(event, "body").map(|body| Content {
            value: Some(body.to_owned()),
            content_type: Some("html".to_owned()),
            ..Content::default()
        }),
        links: vec![Link { href: feed.page(event), rel: "alternate".to_owned(), ..Link::default() }],
        categories: topics.collect(),
        authors: organiser.map(|name| Person { name: name.to_owned(), ..Person::default() }).into_iter().collect(),
        ..Entry::default()
    }
}
