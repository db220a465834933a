//! JSON Feed, version 1.1.

use serde_json::{Map, Value, json};

use super::{Feed, description, list, partner, text};

/// Returns the feed as a JSON Feed document.
pub fn json_feed(feed: &Feed<'_>) -> Value {
    json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title(),
        "home_page_url": feed.list_url,
        "feed_url": feed.own_url,
        "language": feed.locale,
        "items": feed.events.iter().map(|event| item(feed, event)).collect::<Vec<_>>(),
    })
}

fn item(feed: &Feed<'_>, event: &Value) -> Value {
    let mut item = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            item.insert(name.to_owned(), value);
        }
    };
    set("id", format!("urn:uuid:{}", text(event, "id").unwrap_or_default()).into());
    set("url", feed.page(event).into());
    set("title", text(event, "title").into());
    // An item requires one of the two (JSON Feed 1.1, "Items").
    match text(event, "body") {
        Some(body) => set("content_html", body.into()),
        None => set("content_text", description(event).unwrap_or_default().into()),
    }
    set("summary", text(event, "summary").into());
    set("image", event.get("image").and_then(|image| text(image, "url")).into());
    set("date_published", text(event, "published_at").into());
    set("date_modified", text(event, "updated_at").into());
    let tags: Vec<&str> = list(event, "topics").iter().filter_map(|topic| text(topic, "name")).collect();
    set("tags", tags.into());
    if let Some(name) = partner(event, "organiser").and_then(|partner| text(partner, "name")) {
        set("authors", json!([{"name": name}]));
    }
    set("language", text(event, "locale").into());
    // JSON Feed has no properties for these values. Extensions have names that begin with an underscore.
    set(
        "_event",
        json!({"starts_at": event["starts_at"], "ends_at": event["ends_at"], "time_zone": event["time_zone"]}),
    );
    item.into()
}
