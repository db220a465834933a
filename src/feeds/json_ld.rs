//! JSON-LD of schema.org/Event, with the properties that search engines require and recommend.

use serde_json::{Map, Value, json};

use super::{Feed, attendance_mode, dates, list, object, partner, text};

/// Returns the events of a feed as an `ItemList` of complete `Event` objects.
pub fn list_of(feed: &Feed<'_>) -> Value {
    let entries =
        feed.items.iter().enumerate().map(
            |(index, event)| json!({"@type": "ListItem", "position": index + 1, "item": event_object(feed, event)}),
        );
    json!({
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": feed.title(),
        "numberOfItems": feed.items.len(),
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
pub fn to_script_text(value: &Value) -> String {
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
    // The occurrences of a series have one UID.
    let uid = Some(feed.identities.uid(event)).filter(|_| feed.identities.recurrence_id(event).is_none());
    set("identifier", uid.filter(|uid| Some(*uid) != text(event, "id")).into());
    set("name", text(event, "title").into());
    set("description", feed.description(event).into());
    set("url", feed.page(event).into());
    // The languages that are spoken, and not that of these texts.
    set("inLanguage", event.get("languages").cloned().unwrap_or_default());
    set("startDate", dates::start(event).into());
    set("endDate", dates::end(event).into());
    set("eventStatus", status(event).map(schema).into());
    let is_rescheduled = text(event, "event_status") == Some("rescheduled");
    set("previousStartDate", feed.revisions.previous_start(event).filter(|_| is_rescheduled).into());
    set("eventAttendanceMode", mode(event).map(schema).into());
    set("location", location(feed, event));
    set("image", object(event, "image").and_then(|image| text(image, "url")).into());
    set("organizer", partner(event, "organiser").map(organisation).into());
    set("performer", people(event, |role| !LEADING_ROLES.contains(&role)));
    set("contributor", people(event, |role| LEADING_ROLES.contains(&role)));
    let sponsors = list(event, "partners").iter().filter(|link| text(link, "role") == Some("sponsor"));
    set("sponsor", sponsors.filter_map(|link| Some(organisation(link.get("partner")?))).collect());
    set("about", list(event, "topics").iter().filter_map(|topic| text(topic, "name")).collect());
    set("offers", offers(event));
    set("maximumAttendeeCapacity", object(event, "registration").map_or(Value::Null, |r| r["capacity"].clone()));
    out.into()
}

/// Roles of people who lead through an event and do not perform in it.
const LEADING_ROLES: [&str; 2] = ["moderator", "host"];

fn schema(word: &str) -> String {
    format!("https://schema.org/{word}")
}

/// Returns the status; `None` where schema.org has no word for it.
fn status(event: &Value) -> Option<&'static str> {
    match text(event, "event_status")? {
        "scheduled" => Some("EventScheduled"),
        "cancelled" => Some("EventCancelled"),
        "postponed" => Some("EventPostponed"),
        "rescheduled" => Some("EventRescheduled"),
        "moved_online" => Some("EventMovedOnline"),
        _ => None,
    }
}

/// Returns how people attend, as far as it is known.
fn mode(event: &Value) -> Option<&'static str> {
    Some(match attendance_mode(event)? {
        "online" => "OnlineEventAttendanceMode",
        "mixed" => "MixedEventAttendanceMode",
        _ => "OfflineEventAttendanceMode",
    })
}

/// Returns the venue as a `Place`, the online address as a `VirtualLocation`, or both as a list. An event that takes
/// place online without a known address has its page as such.
fn location(feed: &Feed<'_>, event: &Value) -> Value {
    let place = object(event, "venue").map(place);
    let is_online = matches!(text(event, "attendance_mode"), Some("online" | "mixed"))
        || text(event, "event_status") == Some("moved_online");
    let url = text(event, "online_url").map(str::to_owned).or_else(|| is_online.then(|| feed.page(event)));
    let online = url.map(|url| json!({"@type": "VirtualLocation", "url": url}));
    match (place, online) {
        (Some(place), Some(online)) => json!([place, online]),
        (one, other) => one.or(other).into(),
    }
}

fn place(venue: &Value) -> Value {
    let address = venue.get("address").unwrap_or(&Value::Null);
    let mut place = json!({"@type": "Place", "name": venue["name"]});
    if address.is_object() {
        place["address"] = json!({
            "@type": "PostalAddress",
            "streetAddress": address["street"],
            "postalCode": address["postal_code"],
            "addressLocality": address["city"],
            "addressRegion": address["region"],
            "addressCountry": address["country"],
        });
    }
    if let Some(geo) = object(venue, "geo") {
        place["geo"] = json!({"@type": "GeoCoordinates", "latitude": geo["latitude"], "longitude": geo["longitude"]});
    }
    without_nulls(place)
}

fn people(event: &Value, is_wanted: impl Fn(&str) -> bool) -> Value {
    let wanted = list(event, "speakers").iter().filter(|link| is_wanted(text(link, "role").unwrap_or_default()));
    wanted.filter_map(|link| person(link.get("speaker")?)).collect()
}

fn organisation(partner: &Value) -> Value {
    without_nulls(json!({"@type": "Organization", "name": partner["name"], "url": partner["url"]}))
}

fn person(speaker: &Value) -> Option<Value> {
    let name = text(speaker, "name")?;
    Some(without_nulls(json!({"@type": "Person", "name": name, "jobTitle": speaker["job_title"]})))
}

/// Returns the registration as an offer. Whether places are left, and what they cost, is not known.
fn offers(event: &Value) -> Value {
    let Some(registration) = object(event, "registration") else { return Value::Null };
    let Some(url) = text(registration, "url") else { return Value::Null };
    without_nulls(json!({
        "@type": "Offer", "url": url,
        "validFrom": registration["opens_at"], "validThrough": registration["closes_at"],
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
