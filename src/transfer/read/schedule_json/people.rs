//! The parts that several formats have in common: speakers, rooms, links and attachments.

use serde_json::Value;

use crate::items::record_ids::RecordIds;
use crate::transfer::read::plain_text::plain_value;
use crate::transfer::read::programme::states::{TAKEN, is_state};
use crate::transfer::read::programme::words::{is_blank, strange_capacity, words};
use crate::transfer::read::programme::{LabelledUrl, ProgrammePerson};
use crate::transfer::read::{Sink, SinkClosed, text_of};

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
pub const LINK: [&str; 4] = ["title", "url", "href", "link"];
/// Members of attachments that are read.
pub const ATTACHMENT: [&str; 6] = ["title", "url", "href", "type", "description", "resource"];
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

/// What has a state, by which it is part of a programme or not.
const ENTRIES: [&str; 5] = ["event", "session", "submission", "contribution", "slot"];

/// Members that are texts, or numbers, of sessions and speakers in all forms.
const TEXTS: [&str; 21] = [
    "start",
    "end",
    "date",
    "duration",
    "startsAt",
    "endsAt",
    "slug",
    "url",
    "feedback_url",
    "origin_url",
    "video_download_url",
    "recording_license",
    "license",
    "content_locale",
    "liveUrl",
    "recordingUrl",
    "guid",
    "code",
    "id",
    "role",
    "roomId",
];
/// Members that are lists.
const LISTS: [&str; 8] =
    ["persons", "participants", "speakers", "resources", "slots", "categoryItems", "categories", "contributions"];

/// Notes the members of a session or a speaker that are read and have another type than the one that can be read.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn note_types(sink: &Sink, at: &str, value: &Value) -> Result<(), SinkClosed> {
    for (name, member) in value.as_object().into_iter().flatten().filter(|(_, member)| !is_blank(member)) {
        let is_one = |names: &[&str]| names.contains(&name.as_str());
        let is_right = match member {
            _ if is_one(&TEXTS) => member.is_string() || member.is_number(),
            Value::Bool(_) | Value::Number(_) if is_one(&["links", "attachments"]) => false,
            _ if is_one(&["links"]) => entries(Some(member)).all(|link| !links(Some(link)).is_empty()),
            _ if is_one(&["attachments"]) => entries(Some(member)).all(|file| !attachments(Some(file)).is_empty()),
            _ if is_one(&LISTS) => member.is_array() || entries(Some(member)).next().is_some(),
            _ if is_one(&["logo", "image", "avatar", "avatar_url", "profilePicture"]) => {
                address(Some(member)).is_some()
            }
            _ if is_one(&["language"]) => language(Some(member)).is_some(),
            _ if is_one(&["room"]) => words(Some(member), "").is_some() || member.get("guid").is_some(),
            _ => true,
        };
        if !is_right {
            let message = format!("left out: {} cannot be read as `{name}`", type_of(member));
            sink.note(at, &format!("/{name}"), "wrong_type", message)?;
        }
    }
    Ok(())
}

/// Returns what a value of JSON is, in words.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns the entries of a list. One that stands alone is a list of one.
pub fn entries(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    let all = match list {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one @ (Value::Object(_) | Value::String(_))) => std::slice::from_ref(one),
        _ => &[],
    };
    all.iter().filter(|entry| !is_blank(entry))
}

/// Returns the language of a session, of a text or a list of them.
pub fn language(given: Option<&Value>) -> Option<String> {
    match given? {
        Value::Array(list) => {
            let all: Vec<String> = list.iter().filter_map(|one| words(Some(one), "")).collect();
            Some(all.join(", ")).filter(|text| !text.is_empty())
        }
        // An object may have the code of a language besides its name.
        one => text_of(one.get("code")).or_else(|| words(Some(one), "")),
    }
}

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
    if what == "room" && strange_capacity(value).is_some() {
        sink.left_out(at, "room/capacity, which is no number");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        if is_blank(member) || read.contains(&name.as_str()) {
            continue;
        }
        match ON_PURPOSE.iter().find(|(_, known)| known.contains(&name.as_str())) {
            Some((why, _)) => sink.on_purpose(at, &format!("{what}/{name}"), why),
            None if is_state(name) && ENTRIES.contains(&what) => {
                sink.on_purpose(at, &format!("{what}/{name}"), TAKEN);
            }
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
    let word = |name: &&str| words(given.get(*name), "");
    let both = || Some(format!("{} {}", word(&"firstName")?, word(&"lastName")?));
    let name = ["public_name", "name", "full_public_name", "fullName"].iter().find_map(word).or_else(both)?;
    let value = |names: [&str; 2]| names.iter().find_map(|name| given.get(*name)).cloned().unwrap_or_default();
    // Sessionize alone calls it so, and its texts are plain.
    let bio = || text("bio").map(|text| plain_value(&text));
    let mut links = links(given.get("links"));
    links.extend(text("url").map(|url| (Some("Profile".to_owned()), url, None)));
    Some(ProgrammePerson {
        id: text("guid").or_else(|| text("code")).or_else(|| text("id")).unwrap_or_else(|| name.clone()),
        ids: ids_of(given),
        name,
        biography: text("biography").map(Value::from).or_else(bio).unwrap_or_else(|| value(["biography", "bio"])),
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
    let given = given.filter(|given| !given.is_number())?;
    text_of(given.get("url")).or_else(|| text_of(Some(given)))
}

/// Returns the links of a session or a speaker.
pub fn links(list: Option<&Value>) -> Vec<LabelledUrl> {
    let link = |l: &Value| {
        let url = ["url", "href", "link"].iter().find_map(|name| text_of(l.get(*name)));
        Some((words(l.get("title"), ""), url.or_else(|| text_of(Some(l)))?, None))
    };
    entries(list).filter_map(link).collect()
}

/// Returns the attachments of frab, or the resources of pretalx. A bare number is a resource that is not
/// public and is skipped.
pub fn attachments(list: Option<&Value>) -> Vec<LabelledUrl> {
    let attachment = |a: &Value| {
        let title = words(a.get("title"), "").or_else(|| words(a.get("description"), ""));
        let url = ["url", "resource", "href"].iter().find_map(|name| text_of(a.get(*name)));
        let alone = || text_of(Some(a)).filter(|_| a.is_string());
        Some((title, url.or_else(alone)?, text_of(a.get("type"))))
    };
    entries(list).filter_map(attachment).collect()
}
