//! RSS feeds, version 2.0.

use rss::extension::atom::{AtomExtension, Link};
use rss::extension::dublincore::DublinCoreExtension;
use rss::{Category, Channel, Enclosure, Guid, Item};
use serde_json::Value;

use super::{Feed, list, object, partner, text, time, when_and_where, xml_text};
use crate::content::html;

const NAMESPACES: [(&str, &str); 3] = [
    ("atom", "http://www.w3.org/2005/Atom"),
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
];

/// Media types of images by the end of their address.
const IMAGE_TYPES: [(&str, &str); 8] = [
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".png", "image/png"),
    (".webp", "image/webp"),
    (".avif", "image/avif"),
    (".gif", "image/gif"),
    (".svg", "image/svg+xml"),
    (".heic", "image/heic"),
];

/// Returns the feed as an RSS document.
pub fn rss(feed: &Feed<'_>) -> String {
    let link = |rel: &str, href: &str| Link { href: href.to_owned(), rel: rel.to_owned(), ..Link::default() };
    let others = feed.pages.links().map(|(rel, url)| link(rel, url));
    let channel = Channel {
        title: feed.title(),
        link: feed.list_url.to_owned(),
        description: feed.title(),
        language: Some(feed.locale.to_owned()),
        last_build_date: feed.changed_at().map(|at| at.to_rfc2822()),
        ttl: Some("60".to_owned()),
        namespaces: NAMESPACES.map(|(name, uri)| (name.to_owned(), uri.to_owned())).into(),
        atom_ext: Some(AtomExtension { links: std::iter::once(link("self", feed.own_url)).chain(others).collect() }),
        items: feed.items.iter().map(|event| item(feed, event)).collect(),
        ..Channel::default()
    };
    xml_text(channel.to_string())
}

fn item(feed: &Feed<'_>, event: &Value) -> Item {
    let guid = Guid { value: format!("urn:uuid:{}", text(event, "id").unwrap_or_default()), permalink: false };
    let topics = list(event, "topics").iter().filter_map(|topic| text(topic, "name"));
    let creators: Vec<String> =
        partner(event, "organiser").and_then(|partner| text(partner, "name")).map(str::to_owned).into_iter().collect();
    // The elements contain HTML, so plain text has to be escaped for it, besides the escaping by XML.
    let line = when_and_where(event).map(|line| html::escape(&line));
    let summary = feed.description(event).map(|text| html::escape(&text).replace('\n', "<br>\n"));
    let parts: Vec<String> = line.iter().cloned().chain(summary).collect();
    let paragraph = line.map(|line| format!("<p>{line}</p>\n")).unwrap_or_default();
    Item {
        title: Some(feed.event_title(event)),
        link: Some(feed.page(event)),
        description: (!parts.is_empty()).then(|| parts.join("<br>\n")),
        content: feed.html(event, "body").map(|body| paragraph + &body),
        guid: Some(guid),
        pub_date: time(event, "published_at").map(|at| at.to_rfc2822()),
        categories: topics.map(|name| Category { name: name.to_owned(), domain: None }).collect(),
        enclosure: object(event, "image").and_then(|image| enclosure(text(image, "url")?)),
        dublin_core_ext: (!creators.is_empty()).then(|| DublinCoreExtension { creators, ..Default::default() }),
        ..Item::default()
    }
}

/// Returns an image as an enclosure; `None` if its media type is not known, which is mandatory.
fn enclosure(url: &str) -> Option<Enclosure> {
    let path = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let (_, media_type) = IMAGE_TYPES.iter().find(|(end, _)| path.ends_with(end))?;
    // The length is mandatory too, and that of an image that is stored elsewhere is unknown: the RSS Advisory Board
    // recommends 0.
    Some(Enclosure { url: url.to_owned(), length: "0".to_owned(), mime_type: (*media_type).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_known_or_not_told() {
        let of = |url: &str| enclosure(url).map(|enclosure| enclosure.mime_type);
        assert_eq!(of("https://example.org/a.PNG?w=100").as_deref(), Some("image/png"));
        assert_eq!(of("https://example.org/a.jpeg").as_deref(), Some("image/jpeg"));
        assert_eq!(of("https://example.org/image/42"), None);
    }
}
