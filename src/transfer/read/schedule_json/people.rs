//! The parts that several formats have in common: speakers, rooms, links and attachments.

use serde_json::Value;

use crate::transfer::read::programme::words::words;
use crate::transfer::read::programme::{LabelledUrl, ProgrammePerson};
use crate::transfer::read::{Sink, text_of};

/// Members of speakers that are read.
pub const PERSON: [&str; 19] = [
    "id",
    "guid",
    "code",
    "name",
    "public_name",
    "full_public_name",
    "fullName",
    "firstName",
    "lastName",
    "biography",
    "bio",
    "tagLine",
    "avatar",
    "avatar_url",
    "profilePicture",
    "links",
    "url",
    "sessions",
    "submissions",
];
/// Members of rooms that are read.
pub const ROOM: [&str; 4] = ["id", "name", "capacity", "description"];
/// Members that are passed over on purpose, and why.
const ON_PURPOSE: [(&str, &str); 12] = [
    ("email", "it is no matter of the public"),
    ("internal_notes", "they are no matter of the public"),
    ("speaker_information", "it is no matter of the public"),
    ("notes", "they are no matter of the public"),
    ("guid", "a room is known by its name"),
    ("slug", "it is part of the addresses of another website"),
    ("uuid", "a room is known by its name"),
    ("position", "the order of the file is kept"),
    ("sort", "the order of the file is kept"),
    ("isTopSpeaker", "it belongs to the design of a website"),
    ("is_featured", "it belongs to the design of a website"),
    ("isPlenumSession", "it belongs to the design of a website"),
];

/// Counts the members of an object that are not read.
pub fn note_members(sink: &Sink, at: &str, what: &str, value: &Value, read: &[&str]) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let is_empty = match member {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(object) => object.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        if is_empty || read.contains(&name.as_str()) {
            continue;
        }
        match ON_PURPOSE.iter().find(|(known, _)| *known == name) {
            Some((_, why)) => sink.on_purpose(at, &format!("{what}/{name}"), why),
            None => sink.left_out(at, &format!("{what}/{name}")),
        }
    }
}

/// Returns a speaker; `None` without a name.
pub fn person(given: &Value) -> Option<ProgrammePerson> {
    let text = |name: &str| text_of(given.get(name));
    let both = || Some(format!("{} {}", text("firstName")?, text("lastName")?));
    let name =
        ["public_name", "name", "full_public_name", "fullName"].iter().find_map(|name| text(name)).or_else(both)?;
    let value = |names: [&str; 2]| names.iter().find_map(|name| given.get(*name)).cloned().unwrap_or_default();
    let mut links = links(given.get("links"));
    links.extend(text("url").map(|url| (Some("Profile".to_owned()), url, None)));
    Some(ProgrammePerson {
        id: text("guid").or_else(|| text("code")).or_else(|| text("id")).unwrap_or_else(|| name.clone()),
        name,
        biography: value(["biography", "bio"]),
        job_title: value(["tagLine", "job_title"]),
        portrait: ["avatar_url", "avatar", "profilePicture"].iter().find_map(|name| text(name)),
        links,
    })
}

/// Returns the links of a session or a speaker.
pub fn links(list: Option<&Value>) -> Vec<LabelledUrl> {
    let link = |l: &Value| Some((text_of(l.get("title")), text_of(l.get("url"))?, None));
    list.and_then(Value::as_array).into_iter().flatten().filter_map(link).collect()
}

/// Returns the attachments of frab, or the resources of pretalx. A bare number is a resource that is not
/// public and is skipped.
pub fn attachments(list: Option<&Value>) -> Vec<LabelledUrl> {
    let attachment = |a: &Value| {
        let title = text_of(a.get("title")).or_else(|| words(a.get("description")));
        Some((title, text_of(a.get("url")).or_else(|| text_of(a.get("resource")))?, text_of(a.get("type"))))
    };
    list.and_then(Value::as_array).into_iter().flatten().filter_map(attachment).collect()
}
