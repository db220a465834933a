//! Atom feeds (RFC 4287), with pages (RFC 5005, section 3).

use atom_syndication::{Category, Content, Entry, Feed as AtomFeed, Link, Person, Text};
use serde_json::Value;

use super::{Feed, list, partner, text, time, when_and_where, xml_text};
use crate::content::html;

const ATOM: &str = "application/atom+xml";

/// Returns the feed as an Atom document.
pub fn atom(feed: &Feed<'_>) -> String {
    let link = |href: &str, rel: &str, kind: &str| Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        mime_type: Some(kind.to_owned()),
        ..Link::default()
    };
    let own = [link(feed.own_url, "self", ATOM), link(feed.list_url, "alternate", "application/json")];
    let document = AtomFeed {
        title: Text::plain(feed.title()),
        // All pages are one feed, which the first one identifies.
        id: feed.pages.first.clone(),
        updated: feed.changed_at().unwrap_or_default().fixed_offset(),
        lang: Some(feed.locale.to_owned()),
        links: own.into_iter().chain(feed.pages.links().map(|(rel, url)| link(url, rel, ATOM))).collect(),
        authors: vec![Person { name: feed.title(), ..Person::default() }],
        entries: feed.items.iter().map(|event| entry(feed, event)).collect(),
        ..AtomFeed::default()
    };
    xml_text(document.to_string())
}

fn entry(feed: &Feed<'_>, event: &Value) -> Entry {
    let topics = list(event, "topics").iter().filter_map(|topic| {
        let term = text(topic, "slug")?.to_owned();
        Some(Category { term, label: text(topic, "name").map(str::to_owned), ..Category::default() })
    });
    let organiser = partner(event, "organiser").and_then(|partner| text(partner, "name"));
    let line = when_and_where(event);
    let paragraph = line.as_deref().map(|line| format!("<p>{}</p>\n", html::escape(line))).unwrap_or_default();
    let summary: Vec<String> = line.into_iter().chain(feed.description(event)).collect();
    Entry {
        title: Text::plain(feed.event_title(event)),
        id: format!("urn:uuid:{}", text(event, "id").unwrap_or_default()),
        updated: feed.revisions.changed_at(event).fixed_offset(),
        published: time(event, "published_at"),
        summary: (!summary.is_empty()).then(|| Text::plain(summary.join("\n"))),
        content: feed.html(event, "body").map(|body| Content {
            value: Some(paragraph + &body),
            content_type: Some("html".to_owned()),
            ..Content::default()
        }),
        links: vec![Link { href: feed.page(event), rel: "alternate".to_owned(), ..Link::default() }],
        categories: topics.collect(),
        authors: organiser.map(|name| Person { name: name.to_owned(), ..Person::default() }).into_iter().collect(),
        ..Entry::default()
    }
}
