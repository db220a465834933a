//! The parts that several formats have in common: speakers, rooms, links and attachments.

use serde_json::Value;

use crate::items::record_ids::RecordIds;
use crate::transfer::read::programme::words::words;
use crate::transfer::read::programme::{LabelledUrl, ProgrammePerson};
use crate::transfer::read::{Sink, text_of};

/// Members of speakers that are read.
pub const PERSON: [&str; 19] = [
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
    "job_title",
    "affiliation",
    // The sessions name their speakers.
    "sessions",
    "submissions",
    "role",
];
/// Members of rooms that are read.
pub const ROOM: [&str; 3] = ["name", "capacity", "description"];
/// Members of links that are read.
pub const LINK: [&str; 2] = ["title", "url"];
/// Members of attachments that are read.
pub const ATTACHMENT: [&str; 5] = ["title", "url", "type", "description", "resource"];
/// Members that are passed over on purpose, and why.
const ON_PURPOSE: [(&str, &[&str]); 10] = [
    (
        "it is no matter of the public",
        &[
            "email",
            "emailHash",
            "internal_notes",
            "speaker_information",
            "notes",
            "has_arrived",
            "isInformed",
            "isConfirmed",
            "allowed",
            "visibility",
            "hasAnyProtection",
            "is_protected",
            "author",
            "creator",
        ],
    ),
    (
        "it is for those who choose the programme",
        &[
            "pending_state",
            "anonymised_data",
            "is_anonymised",
            "median_score",
            "mean_score",
            "reviews",
            "access_code",
            "assigned_reviewers",
            "review_code",
            "invitation_token",
            "availabilities",
            "slot_count",
        ],
    ),
    (
        "it is known by its name, or by another id",
        &["id", "guid", "uuid", "code", "slug", "friendly_id", "db_id", "identifier"],
    ),
    ("it is known by its address", &["global_id", "global_id_lineage", "checksum", "filename"]),
    ("the order of the file is kept", &["position", "sort", "groupId"]),
    (
        "it belongs to the design of a website",
        &[
            "isTopSpeaker",
            "is_featured",
            "isPlenumSession",
            "show_map",
            "show_map_link",
            "sticky",
            "featured",
            "default_folder",
            "roomMapURL",
        ],
    ),
    (
        "items have times of their own",
        &[
            "created",
            "updated",
            "date",
            "date_utc",
            "modified",
            "modified_utc",
            "modified_dt",
            "creationDate",
            "modificationDate",
        ],
    ),
    (
        "the start and the end say the same",
        &[
            "start_date_details",
            "end_date_details",
            "utc_start_date",
            "utc_end_date",
            "utc_start_date_details",
            "utc_end_date_details",
            "timezone_abbr",
            "duration",
        ],
    ),
    (
        "it is another size or property of the same file",
        &[
            "sizes",
            "filesize",
            "size",
            "extension",
            "avatar_thumbnail_default",
            "avatar_thumbnail_tiny",
            "content_type",
        ],
    ),
    (
        "it belongs to the program that wrote the file",
        &[
            "_type",
            "_fossil",
            "rest_url",
            "json_ld",
            "urls",
            "term_group",
            "term_taxonomy_id",
            "taxonomy",
            "parent",
            "count",
            "filter",
            "submission",
            "schedule",
        ],
    ),
];

/// Counts the members of each object of a list, or of one object, that are not read.
pub fn note_each(sink: &Sink, at: &str, what: &str, list: Option<&Value>, read: &[&str]) {
    let entries = match list {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    entries.iter().for_each(|entry| note_members(sink, at, what, entry, read));
}

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
        match ON_PURPOSE.iter().find(|(_, known)| known.contains(&name.as_str())) {
            Some((why, _)) => sink.on_purpose(at, &format!("{what}/{name}"), why),
            None => sink.left_out(at, &format!("{what}/{name}")),
        }
    }
}

/// Returns the ids of a session or a speaker that are given out again.
pub fn ids_of(given: &Value) -> RecordIds {
    RecordIds::of_programme(|name| text_of(given.get(name)))
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
        ids: ids_of(given),
        name,
        biography: value(["biography", "bio"]),
        job_title: value(["tagLine", "job_title"]),
        affiliation: value(["affiliation", "organisation"]),
        portrait: ["avatar_url", "avatar", "profilePicture"].iter().find_map(|name| address(given.get(*name))),
        links,
        ..ProgrammePerson::default()
    })
}

/// Counts the members of a speaker that are not read.
pub fn note_person(sink: &Sink, at: &str, given: &Value) {
    let id = ["guid", "code", "id"].into_iter().find(|name| text_of(given.get(*name)).is_some());
    let ids: Vec<&str> = ids_of(given).members().chain(id).collect();
    note_members(sink, at, "person", given, &[&PERSON[..], &ids].concat());
    note_each(sink, at, "link", given.get("links"), &LINK);
}

/// Returns the address of an image, which is a text or an object with a `url`.
pub fn address(given: Option<&Value>) -> Option<String> {
    text_of(given?.get("url")).or_else(|| text_of(given))
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
        let title = text_of(a.get("title")).or_else(|| words(a.get("description"), ""));
        Some((title, text_of(a.get("url")).or_else(|| text_of(a.get("resource")))?, text_of(a.get("type"))))
    };
    list.and_then(Value::as_array).into_iter().flatten().filter_map(attachment).collect()
}
