//! Sessionize: the views All and Sessions of its API. Times are local times without an offset.

use std::sync::Arc;

use serde_json::Value;

use super::ScheduleReader;
use super::frab::UnknownPerson;
use super::people::{note_each, note_members, note_types};
use crate::transfer::language_names::language_tag;
use crate::transfer::read::plain_text::plain_value;
use crate::transfer::read::programme::states::why_hidden;
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::words;
use crate::transfer::read::programme::{ImportedTalk, cut_name};
use crate::transfer::read::{SinkClosed, text_of};

/// Members of a session that are read.
const READ: [&str; 15] = [
    "id",
    "title",
    "description",
    "startsAt",
    "endsAt",
    "isServiceSession",
    "speakers",
    "categoryItems",
    "categories",
    "roomId",
    "room",
    "liveUrl",
    "recordingUrl",
    "status",
    "questionAnswers",
];

/// Members by which a session is known as one of Sessionize.
const SIGNS: [&str; 6] = ["startsAt", "endsAt", "isServiceSession", "isPlenumSession", "categoryItems", "roomId"];

/// The words of categories that are a session's track, format or language.
const CATEGORIES: [(&str, [&str; 4]); 3] = [
    ("track", ["track", "topic", "theme", "stream"]),
    ("format", ["format", "type", "kind", "length"]),
    ("language", ["language", "sprache", "langue", "taal"]),
];

impl ScheduleReader<'_> {
    /// Reads a session.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn sessionize(&mut self, at: &str, given: &Value) -> Result<(), SinkClosed> {
        let text = |name: &str| text_of(given.get(name));
        let (Some(id), Some(_)) = (text("id"), text("title")) else {
            return self.sink.report_broken(at, "required", "a session requires an id and a title");
        };
        if !SIGNS.iter().any(|name| given.get(*name).is_some()) {
            let message = "this is no session of Sessionize, and of no other form that is known";
            return self.sink.report_broken(at, "unknown_format", message);
        }
        self.is_known = true;
        if let Some(why) = why_hidden(|name| given.get(name).cloned()) {
            return self.sink.note(at, "/status", "not_public", format!("{id} is left out: {why}"));
        }
        note_types(self.sink, at, given)?;
        note_members(self.sink, at, "session", given, &READ);
        for category in given.get("categories").and_then(Value::as_array).into_iter().flatten() {
            note_members(self.sink, at, "category", category, &["name", "categoryItems"]);
            note_each(self.sink, at, "category/item", category.get("categoryItems"), &["name"]);
        }
        for _ in given.get("questionAnswers").and_then(Value::as_array).into_iter().flatten() {
            self.sink.left_out(at, "session/questionAnswers");
        }
        let is_service = given.get("isServiceSession") == Some(&Value::Bool(true));
        let room = given
            .get("roomId")
            .and_then(|id| words(self.lookup.room(id), &self.settings.locale))
            .or_else(|| text("room"));
        let mut talk = ImportedTalk {
            id,
            title: given.get("title").cloned().unwrap_or_default(),
            kind: is_service.then_some("break"),
            // The texts of Sessionize are plain.
            description: match given.get("description") {
                Some(Value::String(text)) if !text.trim().is_empty() => plain_value(text),
                other => other.cloned().unwrap_or_default(),
            },
            times: GivenTimes { date: text("startsAt"), end: text("endsAt"), ..GivenTimes::default() },
            room,
            people: self.people(at, given.get("speakers"), UnknownPerson::Note)?,
            links: text("liveUrl").map(|url| (Some("Live".to_owned()), url, None)).into_iter().collect(),
            recordings: text("recordingUrl").map(|url| (None, url, None)).into_iter().collect(),
            ..ImportedTalk::default()
        };
        self.note_dangling(at, given)?;
        self.set_categories(at, given, &mut talk);
        self.programme.talk(at, talk)
    }

    /// Notes the ids of rooms and categories that the file does not have.
    fn note_dangling(&self, at: &str, given: &Value) -> Result<(), SinkClosed> {
        let note = |field: &str, id: &Value| {
            let message = format!("left out: the file has nothing with the id {id}");
            self.sink.note(at, field, "dangling_reference", message)
        };
        let room = given.get("roomId").filter(|id| !id.is_null() && self.lookup.room(id).is_none());
        if let Some(id) = room.filter(|_| text_of(given.get("room")).is_none()) {
            note("/room", id)?;
        }
        let ids = given.get("categoryItems").and_then(Value::as_array).into_iter().flatten();
        ids.filter(|id| self.lookup.category(id).is_none()).try_for_each(|id| note("/categories", id))
    }

    /// Sets track, format and language, and counts the categories that are none of them.
    fn set_categories(&self, at: &str, given: &Value, talk: &mut ImportedTalk) {
        for (category, name) in self.categories(given) {
            let lower = category.to_lowercase();
            let field = CATEGORIES.iter().find(|(_, words)| words.iter().any(|word| lower.contains(word)));
            match field.map(|(field, _)| *field) {
                Some("track") if talk.track.is_null() => talk.track = name.into(),
                Some("format") if talk.format.is_null() => talk.format = name.into(),
                Some("language") if talk.language.is_none() && language_tag(&name).is_some() => {
                    talk.language = Some(name);
                }
                _ => self.sink.left_out(at, &format!("category \"{category}\"")),
            }
        }
    }

    /// Returns the categories of a session: the title of each, and the name of the entry.
    fn categories(&self, given: &Value) -> impl Iterator<Item = (Arc<str>, String)> {
        let list = |name: &str| given.get(name).and_then(Value::as_array).into_iter().flatten();
        let by_id = list("categoryItems").filter_map(|id| self.lookup.category(id).cloned());
        let whole = list("categories").flat_map(|category| {
            let title: Arc<str> = cut_name(text_of(category.get("name")).unwrap_or_default()).into();
            let items = category.get("categoryItems").and_then(Value::as_array).into_iter().flatten();
            items.filter_map(move |item| Some((Arc::clone(&title), text_of(item.get("name"))?)))
        });
        by_id.chain(whole)
    }
}
