//! Checks of the programme of an event. They are warnings: a room may be decided later, and a person may change
//! rooms in the middle of a session.

use std::collections::HashMap;

use chrono::DateTime;
use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::field::Span;
use crate::content::local_time::{Moment, stored_span, zone_of};
use crate::content_types::{ContentType, EVENT};
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::children;
use crate::items::summary::ItemSummary;
use crate::items::{Item, working_draft};
use crate::time_zone::Zone;

/// Maximum number of warnings of a programme.
const MAX_WARNINGS: usize = 100;

/// Something in a programme that is probably not meant.
#[derive(Debug)]
pub struct ProgrammeWarning {
    /// Stable name of the rule.
    pub code: &'static str,
    /// Explanation in English.
    pub message: String,
    /// The sessions concerned.
    pub sessions: Vec<ItemSummary>,
}

/// A session with the properties that the checks need.
struct Slot {
    item: ItemSummary,
    status: String,
    /// First instant and first instant after the session, if both times of day are known.
    span: Option<(DateTime<Zone>, DateTime<Zone>)>,
    /// First and last day, in the zone of the session.
    days: Option<(chrono::NaiveDate, chrono::NaiveDate)>,
    room: Option<String>,
    speakers: Vec<String>,
}

/// Returns the warnings for an event, or, for a session, those of its event that concern the session. All texts are
/// the newest ones, of at most 1,000 sessions. Items of other kinds have no programme.
///
/// # Errors
///
/// Fails if a query fails.
pub fn warnings(connection: &mut Db, item: &Item) -> QueryResult<Vec<ProgrammeWarning>> {
    let content_type = ContentType::of_kind(&item.kind);
    if item.kind == EVENT.kind {
        return of_event(connection, item);
    }
    let Some(event_id) = item.parent_id.as_ref().filter(|_| content_type.is_some_and(ContentType::is_child)) else {
        return Ok(Vec::new());
    };
    let event: Option<Item> = items::table.find(event_id).select(Item::as_select()).first(connection).optional()?;
    let mut all = event.map(|event| of_event(connection, &event)).transpose()?.unwrap_or_default();
    all.retain(|warning| warning.code != NOT_PUBLISHED && warning.sessions.iter().any(|session| session.id == item.id));
    Ok(all)
}

const NOT_PUBLISHED: &str = "sessions_not_published";

fn of_event(connection: &mut Db, event: &Item) -> QueryResult<Vec<ProgrammeWarning>> {
    let mut sessions = children::load_children(connection, event)?;
    sessions.truncate(children::MAX_CHILDREN);
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let draft = working_draft::find(connection, event)?;
    let content = working_draft::newest_content(event, draft.as_ref());
    let rooms = rooms(connection, &content)?;
    let mut drafts = working_draft::find_all(connection, &sessions)?;
    let slots = sessions.iter().map(|session| {
        let draft = drafts.remove(&session.id);
        Slot::new(session, &working_draft::newest_content(session, draft.as_ref()))
    });
    let mut slots: Vec<Slot> = slots.filter(|slot| slot.status != "archived").collect();
    slots.sort_by_key(|slot| slot.span.map(|(from, _)| from));
    let names = speaker_names(connection, &slots)?;
    let mut all = not_published(&slots).into_iter().collect::<Vec<_>>();
    all.extend(slots.iter().filter_map(|slot| unknown_room(slot, rooms.as_deref())));
    all.extend(slots.iter().filter_map(|slot| outside_event(slot, &content)));
    all.extend(collisions(&slots, &names));
    all.truncate(MAX_WARNINGS);
    Ok(all)
}

impl Slot {
    fn new(session: &Item, content: &Map<String, Value>) -> Self {
        let text = |name: &str| content.get(name).and_then(Value::as_str).map(str::to_owned);
        let whole = ContentType::of_kind(&session.kind).and_then(|content_type| span(content_type.span, content));
        let speakers = content.get("speakers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let speaker = |entry: &Value| entry.get("speaker")?.as_str().map(str::to_owned);
        Self {
            item: ItemSummary::from(session),
            status: session.status.clone(),
            span: whole.filter(|_| has_times(content)),
            days: whole.map(days),
            room: text("room"),
            speakers: speakers.iter().filter_map(speaker).collect(),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let (Some((from, until)), Some((other_from, other_until))) = (self.span, other.span) else { return false };
        from < other_until && other_from < until
    }
}

fn span(span: Option<Span>, content: &Map<String, Value>) -> Option<(DateTime<Zone>, DateTime<Zone>)> {
    stored_span(span?, content)
}

/// Returns the first and the last day of a span, whose end is exclusive.
fn days((from, until): (DateTime<Zone>, DateTime<Zone>)) -> (chrono::NaiveDate, chrono::NaiveDate) {
    let last = (until - chrono::TimeDelta::microseconds(1)).max(from);
    (from.date_naive(), last.date_naive())
}

/// Returns whether start and end are times of day. What is known by the day takes some hours of it, unknown which.
fn has_times(content: &Map<String, Value>) -> bool {
    let zone = zone_of(content);
    let is_time = |name: &str| {
        let text = content.get(name).and_then(Value::as_str);
        matches!(text.zip(zone).and_then(|(text, zone)| Moment::parse_stored(text, zone)), Some(Moment::At(_)))
    };
    is_time("starts_at") && is_time("ends_at")
}

/// Returns the names of the rooms of the event's venue; `None` if the venue names no rooms.
fn rooms(connection: &mut Db, event: &Map<String, Value>) -> QueryResult<Option<Vec<String>>> {
    let Some(venue) = event.get("venue").and_then(Value::as_str) else { return Ok(None) };
    let venue: Option<Item> = items::table.find(venue).select(Item::as_select()).first(connection).optional()?;
    let Some(venue) = venue else { return Ok(None) };
    let draft = working_draft::find(connection, &venue)?;
    let content = working_draft::newest_content(&venue, draft.as_ref());
    let rooms = content.get("rooms").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<String> = rooms.iter().flat_map(|room| words(room.get("name"))).collect();
    Ok(Some(names).filter(|names| !names.is_empty()))
}

/// Returns a text in all of its languages.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Object(by_locale)) => by_locale.values().flat_map(|value| words(Some(value))).collect(),
        _ => Vec::new(),
    }
}

/// Returns the names of all speakers of the sessions by id.
fn speaker_names(connection: &mut Db, slots: &[Slot]) -> QueryResult<HashMap<String, String>> {
    let mut ids: Vec<&str> = slots.iter().flat_map(|slot| &slot.speakers).map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<ItemSummary> = items::table
        .filter(crate::database::in_list(connection.dialect(), items::id, &ids))
        .select(ItemSummary::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row.label())).collect())
}

fn not_published(slots: &[Slot]) -> Option<ProgrammeWarning> {
    let drafts: Vec<ItemSummary> =
        slots.iter().filter(|slot| slot.status == "draft").map(|slot| slot.item.clone()).collect();
    let message = format!(
        "{} of {} sessions are drafts, which the public does not see; `publish?sessions=publish` publishes them too",
        drafts.len(),
        slots.len()
    );
    (!drafts.is_empty()).then_some(ProgrammeWarning { code: NOT_PUBLISHED, message, sessions: drafts })
}

fn unknown_room(slot: &Slot, rooms: Option<&[String]>) -> Option<ProgrammeWarning> {
    let room = slot.room.as_ref().filter(|room| rooms.is_some_and(|rooms| !rooms.contains(room)))?;
    let message = format!("the venue has no room \"{room}\"");
    Some(ProgrammeWarning { code: "unknown_room", message, sessions: vec![slot.item.clone()] })
}

fn outside_event(slot: &Slot, event: &Map<String, Value>) -> Option<ProgrammeWarning> {
    let (first, last) = days(span(EVENT.span, event)?);
    let (own_first, own_last) = slot.days?;
    let message = format!("the event is from {first} to {last}, and the session from {own_first} to {own_last}");
    let is_outside = own_first < first || own_last > last;
    is_outside.then(|| ProgrammeWarning { code: "outside_event", message, sessions: vec![slot.item.clone()] })
}

/// Returns the pairs of sessions at the same time that need the same room or the same person.
fn collisions(slots: &[Slot], names: &HashMap<String, String>) -> Vec<ProgrammeWarning> {
    let mut found = Vec::new();
    for (index, one) in slots.iter().enumerate() {
        // Sessions are in the order of their start: after the first one that starts later, none overlaps.
        let until = one.span.map(|(_, until)| until);
        let later = slots[index + 1..]
            .iter()
            .take_while(|other| until.is_none_or(|until| other.span.is_none_or(|(from, _)| from < until)));
        for other in later.filter(|other| one.overlaps(other)) {
            let sessions = || vec![one.item.clone(), other.item.clone()];
            if let Some(room) = one.room.as_ref().filter(|room| other.room.as_ref() == Some(room)) {
                let message = format!("the room \"{room}\" is taken twice at a time");
                found.push(ProgrammeWarning { code: "room_taken", message, sessions: sessions() });
            }
            for speaker in one.speakers.iter().filter(|id| other.speakers.contains(id)) {
                let name = names.get(speaker).map_or(speaker.as_str(), String::as_str);
                let message = format!("{name} is in two sessions at a time");
                found.push(ProgrammeWarning { code: "speaker_taken", message, sessions: sessions() });
            }
            if found.len() > MAX_WARNINGS {
                return found;
            }
        }
    }
    found
}
