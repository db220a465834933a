//! What a provider is told of an event: the subscriber as it is when the event is sent, or the address of one who was erased.

use diesel::result::QueryResult;
use serde_json::{Value, json};

use super::events::{EventKind, SubscriberEvent};
use super::subscribers::{self, Subscriber, SubscriberStatus};
use super::table::topic_slugs;
use crate::content::local_time::utc_text;
use crate::database::Db;

/// Returns the body of an event. None if it does not hold any more: of such a subscriber, a later event says more.
///
/// # Errors
/// Fails if a query fails.
pub fn body(connection: &mut Db, event: &SubscriberEvent) -> QueryResult<Option<Value>> {
    let told = |data: Value| {
        let at = utc_text(event.created_at);
        json!({"type": format!("subscriber.{}", event.kind), "timestamp": at, "data": data})
    };
    if event.kind == EventKind::Erased.name() {
        return Ok(Some(told(json!({"id": event.subscriber_id, "email": event.email}))));
    }
    let Some(subscriber) = subscribers::by_id(connection, &event.subscriber_id)? else { return Ok(None) };
    let is_confirmed = subscriber.status == SubscriberStatus::Confirmed.name();
    if is_confirmed == (event.kind == EventKind::Unsubscribed.name()) {
        return Ok(None);
    }
    let topics = topic_slugs(connection, std::slice::from_ref(&subscriber.id))?.remove(&subscriber.id);
    Ok(Some(told(subscriber_json(&subscriber, topics.unwrap_or_default()))))
}

fn subscriber_json(subscriber: &Subscriber, topics: Vec<String>) -> Value {
    json!({
        "id": subscriber.id,
        "email": subscriber.email,
        "name": subscriber.name,
        "locale": subscriber.locale,
        "topics": topics,
        "status": subscriber.status,
        "consented_at": utc_text(subscriber.consented_at),
        "confirmed_at": utc_text(subscriber.confirmed_at),
        "consent_version": subscriber.consent_version,
        "consent_locale": subscriber.consent_locale,
        "consent_text": subscriber.consent_text,
        "proof": subscriber.proof,
    })
}
