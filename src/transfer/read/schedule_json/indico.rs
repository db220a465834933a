//! Indico: the JSON export of events with their contributions.

use serde_json::{Value, json};

use super::ScheduleReader;
use super::people::{note_each, note_members};
use crate::content::local_time::rfc3339;
use crate::transfer::read::plain_text::rich_value;
use crate::transfer::read::programme::states::why_hidden;
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::words;
use crate::transfer::read::programme::{ImportedTalk, LabelledUrl, Programme, ProgrammePerson, TalkPerson};
use crate::transfer::read::{SinkClosed, text_of};
use crate::transfer::zones::{local_time, zone_of};

/// Members of an event that are read.
const OF_EVENT: [&str; 10] =
    ["id", "title", "description", "startDate", "endDate", "timezone", "location", "address", "url", "contributions"];
/// Members of a contribution that are read.
const OF_CONTRIBUTION: [&str; 11] = [
    "title",
    "description",
    "startDate",
    "endDate",
    "room",
    "roomFullname",
    "speakers",
    "track",
    "type",
    "url",
    "folders",
];
/// Members of times, persons and files that are read.
const OF_TIME: [&str; 3] = ["date", "time", "tz"];
const OF_PERSON: [&str; 5] = ["first_name", "last_name", "fullName", "person_id", "affiliation"];
const OF_FILE: [&str; 3] = ["title", "download_url", "link_url"];

/// Returns whether an entry of `results` is an event of Indico.
pub fn is_event(value: &Value) -> bool {
    matches!(value.get("_type").and_then(Value::as_str), Some("Conference" | "Meeting" | "Lecture" | "Event"))
}

impl ScheduleReader<'_> {
    /// Reads an event, which becomes a programme of its own.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn indico(&mut self, at: &str, event: &Value) -> Result<(), SinkClosed> {
        self.is_known = true;
        note_members(self.sink, at, "event", event, &OF_EVENT);
        let text = |name: &str| text_of(event.get(name));
        let mut programme = Programme::new(self.settings, self.sink);
        let host = text("url").and_then(|url| url::Url::parse(&url).ok()?.host_str().map(str::to_owned));
        programme.name(host.map(|host| format!("{host}/{}", text("id").unwrap_or_default())));
        let date = |name: &str| text_of(event.get(name).and_then(|date| date.get("date")));
        for (name, value) in [
            ("title", json!(text("title"))),
            ("description", text("description").map_or(Value::Null, |text| rich_value(&text))),
            ("start", json!(date("startDate"))),
            ("end", json!(date("endDate"))),
            ("time_zone_name", json!(text("timezone"))),
            ("venue", json!(text("location"))),
            ("street", json!(text("address"))),
            ("url", json!(text("url"))),
        ] {
            programme.head(name, &value);
        }
        if let Some(why) = why_hidden(|name| event.get(name).cloned()) {
            programme.head("private", &Value::Bool(true));
            self.sink.note(at, "/state", "not_public", format!("all of it is imported as drafts: {why}"))?;
        }
        programme.begin()?;
        let contributions = event.get("contributions").and_then(Value::as_array);
        for (index, contribution) in contributions.into_iter().flatten().enumerate() {
            let at = format!("{at}/contributions/{index}");
            let id = text_of(contribution.get("id")).unwrap_or_default();
            if programme.hides(&at, &id, |name| contribution.get(name).cloned())? {
                continue;
            }
            self.note_contribution(&at, contribution);
            match talk(contribution, text("timezone").as_deref()) {
                Some(talk) => programme.talk(&at, talk)?,
                None => self.sink.report_broken(at, "required", "a contribution requires an id")?,
            }
        }
        programme.finish()
    }

    /// Counts the members of a contribution that are not read. One of its ids is kept.
    fn note_contribution(&self, at: &str, given: &Value) {
        let (sink, list) = (self.sink, |name: &str| given.get(name));
        let id = if list("db_id").is_some() { "db_id" } else { "id" };
        note_members(sink, at, "contribution", given, &[&OF_CONTRIBUTION[..], &[id]].concat());
        note_each(sink, at, "speaker", list("speakers"), &OF_PERSON);
        for folder in list("folders").and_then(Value::as_array).into_iter().flatten() {
            note_members(sink, at, "folder", folder, &["attachments"]);
            note_each(sink, at, "attachment", folder.get("attachments"), &OF_FILE);
        }
        for name in ["startDate", "endDate"] {
            note_each(sink, at, name, list(name), &OF_TIME);
        }
        for (name, inner) in [("track", "title"), ("type", "name")] {
            if let Some(value) = list(name).filter(|value| value.get(inner).is_some()) {
                note_members(sink, at, name, value, &[inner]);
            }
        }
    }
}

/// Returns a contribution of an event in a time zone.
fn talk(given: &Value, zone: Option<&str>) -> Option<ImportedTalk> {
    let text = |name: &str| text_of(given.get(name));
    let time = |name: &str| {
        let date = given.get(name)?;
        let (day, clock) = (text_of(date.get("date"))?, text_of(date.get("time"))?);
        // A time may be in another zone than the event.
        let other = text_of(date.get("tz")).filter(|tz| Some(tz.as_str()) != zone).and_then(|tz| zone_of(&tz));
        let local = format!("{day}T{clock}");
        let instant = other.and_then(|zone| Some(rfc3339(&local_time(local.parse().ok()?, zone))));
        Some(instant.unwrap_or(local))
    };
    Some(ImportedTalk {
        id: text("db_id").or_else(|| text("id"))?,
        title: given.get("title").cloned().unwrap_or_default(),
        format: json!(words(given.get("type").map(|kind| kind.get("name").unwrap_or(kind)), "")),
        description: text("description").map_or(Value::Null, |text| rich_value(&text)),
        times: GivenTimes {
            date: time("startDate"),
            end: time("endDate"),
            duration: text("duration"),
            ..GivenTimes::default()
        },
        room: text("room").or_else(|| text("roomFullname")),
        track: json!(words(given.get("track").map(|track| track.get("title").unwrap_or(track)), "")),
        people: given
            .get("speakers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|one| person(one).map(TalkPerson::from))
            .collect(),
        links: text("url").map(|url| (Some("Programme".to_owned()), url, None)).into_iter().collect(),
        attachments: attachments(given),
        ..ImportedTalk::default()
    })
}

fn person(given: &Value) -> Option<ProgrammePerson> {
    let text = |name: &str| text_of(given.get(name));
    let both = text("first_name").zip(text("last_name")).map(|(first, last)| format!("{first} {last}"));
    let name = both.or_else(|| text("fullName")).or_else(|| text("last_name"))?;
    // Ids of persons count within a contribution; the name is what is the same everywhere.
    let id = text("person_id").unwrap_or_else(|| name.clone());
    let affiliation = json!(text("affiliation"));
    Some(ProgrammePerson { id, name, affiliation, ..ProgrammePerson::default() })
}

fn attachments(given: &Value) -> Vec<LabelledUrl> {
    let folders = given.get("folders").and_then(Value::as_array).into_iter().flatten();
    let files = folders.filter_map(|folder| folder.get("attachments")?.as_array()).flatten();
    let address = |file: &Value| {
        let url = ["download_url", "link_url"].iter().find_map(|name| text_of(file.get(name)))?;
        Some((text_of(file.get("title")), url, None))
    };
    files.filter_map(address).collect()
}
