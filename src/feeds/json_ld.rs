//! JSON-LD of schema.org/Event, with the properties that search engines require and recommend.

use serde_json::{Map, Value, json};

use super::{Feed, description, is_day_precise, list, partner, text};

/// Returns the events of a feed as an `ItemList` of complete `Event` objects.
pub fn list_of(feed: &Feed<'_>) -> Value {
    let entries =
        feed.events.iter().enumerate().map(
            |(index, event)| json!({"@type": "ListItem", "position": index + 1, "item": event_object(feed, event)}),
        );
    json!({
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": feed.title(),
        "numberOfItems": feed.events.len(),
        "itemListElement": entries.collect::<Vec<_>>(),
    })
}

/// Returns one event as a complete document with `@context`.
pub fn event(feed: &Feed<'_>, event: &Value) -> Value {
    let mut whole = Map::new();
    whole.insert("@context".to_owned(), "https://schema.org".into());
    if let Value::Object(fields) = event_object(feed, event) {
        whole.extend(fields);
    }
    whole.into()
}

/// Serialises a document so that it can be embedded in a script element of an HTML page.
///
/// Every `<` is escaped, so that no text can end the element. In JSON, `<` occurs in strings only, where the
/// escape has the same meaning (JSON-LD 1.1, "Restrictions for contents of JSON-LD script elements").
pub fn embeddable(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

fn event_object(feed: &Feed<'_>, event: &Value) -> Value {
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
            out.insert(name.to_owned(), value);
        }
    };
    set("@type", "Event".into());
    set("@id", format!("urn:uuid:{}", text(event, "id").unwrap_or_default()).into());
    set("name", text(event, "title").into());
    set("description", description(event).into());
    set("url", feed.page(event).into());
    set("inLanguage", text(event, "locale").into());
    // If only the days are known, the times must not claim a precision that the data does not have.
    let (starts, ends) = if is_day_precise(event) { ("starts_on", "ends_on") } else { ("starts_at", "ends_at") };
    set("startDate", text(event, starts).into());
    set("endDate", text(event, ends).into());
    set("eventStatus", schema(status(event)));
    set("eventAttendanceMode", schema(mode(event)));
    set("location", location(event));
    set("image", event.get("image").and_then(|image| text(image, "url")).into());
    set("organizer", partner(event, "organiser").map(organisation).into());
    set("performer", list(event, "speakers").iter().filter_map(|link| person(link.get("speaker")?)).collect());
    let sponsors = list(event, "partners").iter().filter(|link| text(link, "role") == Some("sponsor"));
    set("sponsor", sponsors.filter_map(|link| Some(organisation(link.get("partner")?))).collect());
    set("about", list(event, "topics").iter().filter_map(|topic| text(topic, "name")).collect());
    set("offers", offers(event));
    set("maximumAttendeeCapacity", event.get("registration").map_or(Value::Null, |r| r["capacity"].clone()));
    out.into()
}

fn schema(word: &str) -> Value {
    format!("https://schema.org/{word}").into()
}

fn status(event: &Value) -> &'static str {
    match text(event, "event_status") {
        Some("cancelled") => "EventCancelled",
        Some("postponed") => "EventPostponed",
        Some("rescheduled") => "EventRescheduled",
        Some("moved_online") => "EventMovedOnline",
        _ => "EventScheduled",
    }
}

fn mode(event: &Value) -> &'static str {
    match text(event, "attendance_mode") {
        Some("online") => "OnlineEventAttendanceMode",
        Some("mixed") => "MixedEventAttendanceMode",
        _ => "OfflineEventAttendanceMode",
    }
}

/// Returns the venue as a `Place`, the online address as a `VirtualLocation`, or both as a list.
fn location(event: &Value) -> Value {
    let place = event.get("venue").filter(|venue| venue.is_object()).map(|venue| {
        let address = venue.get("address").unwrap_or(&Value::Null);
        let mut place = json!({"@type": "Place", "name": venue["name"], "address": {
            "@type": "PostalAddress",
            "streetAddress": address["street"],
            "postalCode": address["postal_code"],
            "addressLocality": address["city"],
            "addressCountry": address["country"],
        }});
        if let Some(geo) = venue.get("geo").filter(|geo| geo.is_object()) {
            place["geo"] =
                json!({"@type": "GeoCoordinates", "latitude": geo["latitude"], "longitude": geo["longitude"]});
        }
        without_nulls(place)
    });
    let online = text(event, "online_url").map(|url| json!({"@type": "VirtualLocation", "url": url}));
    match (place, online) {
        (Some(place), Some(online)) => json!([place, online]),
        (one, other) => one.or(other).into(),
    }
}

fn organisation(partner: &Value) -> Value {
    without_nulls(json!({"@type": "Organization", "name": partner["name"], "url": partner["url"]}))
}

fn person(speaker: &Value) -> Option<Value> {
    let name = text(speaker, "name")?;
    Some(without_nulls(json!({"@type": "Person", "name": name, "jobTitle": speaker["job_title"]})))
}

fn offers(event: &Value) -> Value {
    let Some(url) = event.get("registration").and_then(|registration| text(registration, "url")) else {
        return Value::Null;
    };
    let registration = &event["registration"];
    without_nulls(json!({
        "@type": "Offer", "url": url, "availability": "https://schema.org/InStock",
        "validFrom": registration["opens_at"], "availabilityEnds": registration["closes_at"],
    }))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k, without_nulls(v)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}
