//! JSON Feed, version 1.1.

use serde_json::{Map, Value, json};

use super::{Feed, attendance_mode, date_precision, dates, list, object, partner, text, when_and_where};
use crate::content::html;
use crate::content::local_time::utc_text;

/// Returns the feed as a JSON Feed document.
pub fn json_feed(feed: &Feed<'_>) -> Value {
    let mut document = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title(),
        "home_page_url": feed.list_url,
        "feed_url": feed.own_url,
        "language": feed.locale,
        "items": feed.items.iter().map(|event| item(feed, event)).collect::<Vec<_>>(),
    });
    if let Some(next) = &feed.pages.next {
        document["next_url"] = next.as_str().into();
    }
    document
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
    set("title", feed.event_title(event).into());
    let line = when_and_where(event);
    // An item requires one of the two (JSON Feed 1.1, "Items").
    match feed.html(event, "body") {
        Some(body) => {
            let line = line.map(|line| format!("<p>{}</p>\n", html::escape(&line))).unwrap_or_default();
            set("content_html", (line + &body).into());
        }
        None => {
            let parts: Vec<String> = line.into_iter().chain(feed.description(event)).collect();
            set("content_text", parts.join("\n").into());
        }
    }
    set("summary", text(event, "summary").into());
    set("image", object(event, "image").and_then(|image| text(image, "url")).into());
    set("date_published", text(event, "published_at").into());
    set("date_modified", utc_text(feed.revisions.changed_at(event).timestamp_micros()).into());
    let tags: Vec<&str> = list(event, "topics").iter().filter_map(|topic| text(topic, "name")).collect();
    set("tags", tags.into());
    if let Some(name) = partner(event, "organiser").and_then(|partner| text(partner, "name")) {
        set("authors", json!([{"name": name}]));
    }
    // A text that falls back to another language is in that one, which the event does not name.
    if !list(event, "fallbacks").iter().any(|field| field == "title" || field == "body") {
        set("language", text(event, "locale").into());
    }
    set("_event", extension(event));
    item.into()
}

/// Returns what JSON Feed has no properties for. Extensions have names that begin with an underscore.
fn extension(event: &Value) -> Value {
    json!({
        "starts_at": dates::start(event),
        "ends_at": dates::end(event),
        "date_precision": date_precision(event),
        "time_zone": event["time_zone"],
        "status": event["event_status"],
        "attendance_mode": attendance_mode(event),
        "venue": object(event, "venue").map(super::address_line),
        "online_url": event["online_url"],
    })
}
