//! RSS feeds, version 2.0.

use rss::extension::atom::{AtomExtension, Link};
use rss::{Category, Channel, Enclosure, Guid, Item};

use super::{Feed, description, escape_html, list, text, time};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";

/// Returns the feed as an RSS document.
pub fn rss(feed: &Feed<'_>) -> String {
    let own = Link { href: feed.own_url.to_owned(), rel: "self".to_owned(), ..Link::default() };
    let channel = Channel {
        title: feed.title(),
        link: feed.list_url.to_owned(),
        description: feed.title(),
        language: Some(feed.locale.to_owned()),
        last_build_date: feed.updated().map(|at| at.to_rfc2822()),
        ttl: Some("60".to_owned()),
        namespaces: [("atom", ATOM), ("content", CONTENT)].map(|(name, uri)| (name.to_owned(), uri.to_owned())).into(),
        atom_ext: Some(AtomExtension { links: vec![own] }),
        items: feed.events.iter().map(|event| item(feed, event)).collect(),
        ..Channel::default()
    };
    channel.to_string()
}

fn item(feed: &Feed<'_>, event: &serde_json::Value) -> Item {
    let guid = Guid { value: format!("urn:uuid:{}", text(event, "id").unwrap_or_default()), permalink: false };
    let topics = list(event, "topics").iter().filter_map(|topic| text(topic, "name"));
    let image = event.get("image").and_then(|image| text(image, "url"));
    Item {
        title: text(event, "title").map(str::to_owned),
        link: Some(feed.page(event)),
        description: description(event).map(|text| escape_html(&text)),
        content: text(event, "body").map(str::to_owned),
        guid: Some(guid),
        pub_date: time(event, "published_at").map(|at| at.to_rfc2822()),
        categories: topics.map(|name| Category { name: name.to_owned(), domain: None }).collect(),
        enclosure: image.map(|url| Enclosure {
            url: url.to_owned(),
            // The attribute is mandatory, and the size of an image that is stored elsewhere is unknown.
            length: "0".to_owned(),
            mime_type: "image/jpeg".to_owned(),
        }),
        ..Item::default()
    }
}
