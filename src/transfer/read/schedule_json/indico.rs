//! Indico: the JSON export of events with their contributions.

use serde_json::{Value, json};

use super::ScheduleReader;
use super::people::note_members;
use crate::transfer::read::plain_text::rich;
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::words;
use crate::transfer::read::programme::{ImportedTalk, LabelledUrl, Programme, ProgrammePerson};
use crate::transfer::read::{Closed, text_of};

/// Members of an event that are read.
const OF_EVENT: [&str; 14] = [
    "_type",
    "id",
    "title",
    "description",
    "startDate",
    "endDate",
    "timezone",
    "location",
    "address",
    "url",
    "type",
    "contributions",
    "_fossil",
    "room",
];
/// Members of a contribution that are read.
const OF_CONTRIBUTION: [&str; 18] = [
    "_type",
    "_fossil",
    "id",
    "db_id",
    "friendly_id",
    "title",
    "description",
    "startDate",
    "endDate",
    "duration",
    "location",
    "room",
    "roomFullname",
    "speakers",
    "track",
    "type",
    "url",
    "folders",
];

/// Returns whether an entry of `results` is an event of Indico.
pub fn is_event(value: &Value) -> bool {
    matches!(value.get("_type").and_then(Value::as_str), Some("Conference" | "Meeting" | "Lecture" | "Event"))
}

impl ScheduleReader<'_> {
    /// Reads an event, which becomes a programme of its own.
    ///
    /// # Errors
    /// Returns [`Closed`] if the import has ended.
    pub(super) fn indico(&mut self, at: &str, event: &Value) -> Result<(), Closed> {
        self.is_known = true;
        note_members(self.sink, at, "event", event, &OF_EVENT);
        let text = |name: &str| text_of(event.get(name));
        let mut programme = Programme::new(self.settings, self.sink);
        let host = text("url").and_then(|url| url::Url::parse(&url).ok()?.host_str().map(str::to_owned));
        programme.name(host.map(|host| format!("{host}/{}", text("id").unwrap_or_default())));
        let date = |name: &str| text_of(event.get(name).and_then(|date| date.get("date")));
        for (name, value) in [
            ("title", json!(text("title"))),
            ("description", text("description").map_or(Value::Null, |text| rich(&text))),
            ("start", json!(date("startDate"))),
            ("end", json!(date("endDate"))),
            ("time_zone_name", json!(text("timezone"))),
            ("venue", json!(text("location"))),
            ("url", json!(text("url"))),
        ] {
            programme.head(name, &value);
        }
        programme.begin()?;
        let contributions = event.get("contributions").and_then(Value::as_array);
        for (index, contribution) in contributions.into_iter().flatten().enumerate() {
            let at = format!("{at}/contributions/{index}");
            note_members(self.sink, &at, "contribution", contribution, &OF_CONTRIBUTION);
            match talk(contribution) {
                Some(talk) => programme.talk(&at, talk)?,
                None => self.sink.broken(at, "required", "a contribution requires an id")?,
            }
        }
        programme.finish()
    }
}

fn talk(given: &Value) -> Option<ImportedTalk> {
    let text = |name: &str| text_of(given.get(name));
    let time = |name: &str| {
        let date = given.get(name)?;
        Some(format!("{}T{}", text_of(date.get("date"))?, text_of(date.get("time"))?))
    };
    Some(ImportedTalk {
        id: text("db_id").or_else(|| text("id"))?,
        title: given.get("title").cloned().unwrap_or_default(),
        format: json!(words(given.get("type").map(|kind| kind.get("name").unwrap_or(kind)))),
        description: text("description").map_or(Value::Null, |text| rich(&text)),
        times: GivenTimes { date: time("startDate"), end: time("endDate"), ..GivenTimes::default() },
        room: text("room").or_else(|| text("roomFullname")),
        track: json!(words(given.get("track").map(|track| track.get("title").unwrap_or(track)))),
        people: given.get("speakers").and_then(Value::as_array).into_iter().flatten().filter_map(person).collect(),
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
    Some(ProgrammePerson { id, name, ..ProgrammePerson::default() })
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
