//! A resource of an open event, in the form of JSON:API (https://jsonapi.org) or of an export.

use serde_json::{Map, Value};

use crate::transfer::read::{Sink, text_of};

/// The lists of an export, and the kinds of their entries.
const LISTS: [(&str, &str); 7] = [
    ("sessions", "session"),
    ("speakers", "speaker"),
    ("microlocations", "microlocation"),
    ("tracks", "track"),
    ("session_types", "session_type"),
    ("social_links", "social_link"),
    ("sponsors", "sponsor"),
];
/// The members of an entry of an export that are other resources.
const RELATIONS: [&str; 4] = ["track", "microlocation", "session_type", "speakers"];

/// A resource.
#[derive(Debug)]
pub struct Resource {
    /// Kind, with `_` between its words.
    pub kind: String,
    pub id: Option<String>,
    /// Members, with `_` between the words of their names.
    pub fields: Map<String, Value>,
    relations: Map<String, Value>,
    /// Whether the relations have addresses instead of resources.
    pub lacks_relations: bool,
}

/// Returns whether the entries of the value at a path are read one by one.
pub fn enters(path: &[String]) -> bool {
    match path {
        [] => true,
        [list] => matches!(list.as_str(), "data" | "included" | "event") || LISTS.iter().any(|(name, _)| name == list),
        _ => false,
    }
}

fn to_snake_case(name: &str) -> String {
    name.replace('-', "_")
}

impl Resource {
    /// Returns the resource at a path; `None` if there is none.
    pub fn read(path: &[&str], value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        match path {
            ["data" | "included", number] if is_number(number) => Self::of_document(object),
            [list, number] if is_number(number) => {
                let kind = LISTS.iter().find(|(name, _)| name == list).map(|(_, kind)| *kind);
                Some(Self::of_export(kind.unwrap_or("event"), object))
            }
            // A file of the export is a list without a name.
            [number] if is_number(number) => Some(Self::of_export(kind_of(object), object)),
            _ => None,
        }
    }

    /// Returns the only resource of a document, or the event of a file of the export whose members are those of the file,
    /// with its place; none if the members are those of neither.
    pub fn read_single(value: &Value) -> (&'static str, Option<Self>) {
        let has = |name: &str| value.get(name).is_some();
        if has("attributes") {
            return ("/data", Self::read(&["data", "0"], value).filter(|resource| !resource.fields.is_empty()));
        }
        let has_time = ["start_time", "starts_at", "starts-at"].iter().any(|name| has(name));
        let is_event = has("name") && (has_time || has("location_name") || has("identifier"));
        let event = is_event.then(|| Self::read(&["event", "0"], value)).flatten();
        (if is_event { "/event" } else { "" }, event)
    }

    fn of_document(object: &Map<String, Value>) -> Option<Self> {
        let kind = to_snake_case(object.get("type")?.as_str()?);
        let members = |name: &str| object.get(name).and_then(Value::as_object).into_iter().flatten();
        let fields = members("attributes").map(|(name, value)| (to_snake_case(name), value.clone())).collect();
        let relations: Map<String, Value> = members("relationships")
            .filter_map(|(name, relation)| Some((to_snake_case(name), relation.get("data")?.clone())))
            .collect();
        let lacks_relations = relations.is_empty() && members("relationships").next().is_some();
        Some(Self { kind, id: text_of(object.get("id")), fields, relations, lacks_relations })
    }

    fn of_export(kind: &str, object: &Map<String, Value>) -> Self {
        let is_relation = |name: &str| kind == "session" && RELATIONS.contains(&name);
        let (relations, fields) = object
            .iter()
            .filter(|(name, _)| *name != "id")
            .map(|(name, value)| (to_snake_case(name), value.clone()))
            .partition(|(name, _)| is_relation(name));
        Self { kind: kind.to_owned(), id: text_of(object.get("id")), fields, relations, lacks_relations: false }
    }

    /// Returns the resource to which a relation leads.
    pub fn relation(&self, relation: &str) -> Option<&Value> {
        self.relations.get(relation).filter(|value| !value.is_null())
    }

    /// Returns the resources to which a relation leads.
    pub fn all(&self, relation: &str) -> impl Iterator<Item = &Value> {
        self.relations.get(relation).and_then(Value::as_array).into_iter().flatten()
    }
}

/// Greatest number of members of an event that are held. It bounds the memory for a hostile file.
pub const MOST_MEMBERS: usize = 1_000;

/// Returns whether a part of a path is the name of a member, and not a position in a list.
pub fn is_member(part: &str) -> bool {
    !is_number(part)
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the kind of an entry of a file of the export, by its members.
fn kind_of(object: &Map<String, Value>) -> &'static str {
    let has = |name: &str| object.contains_key(name);
    if has("title") && (has("short_abstract") || has("long_abstract")) {
        "session"
    } else if has("short_biography") || has("long_biography") {
        "speaker"
    } else if has("floor") {
        "microlocation"
    } else if has("length") {
        "session_type"
    } else if has("color") {
        "track"
    } else {
        "entry"
    }
}

/// Fields that are read, by kind.
const READ: [(&str, &[&str]); 6] = [
    (
        "session",
        &[
            "title",
            "subtitle",
            "short_abstract",
            "abstract",
            "long_abstract",
            "description",
            "starts_at",
            "start_time",
            "ends_at",
            "end_time",
            "language",
            "state",
            "signup_url",
            "slides_url",
            "slides",
            "video_url",
            "video",
            "audio_url",
            "audio",
        ],
    ),
    (
        "speaker",
        &[
            "name",
            "long_biography",
            "short_biography",
            "organisation",
            "position",
            "country",
            "photo_url",
            "photo",
            "website",
            "twitter",
            "facebook",
            "github",
            "linkedin",
            "mastodon",
            "instagram",
        ],
    ),
    (
        "event",
        &[
            "name",
            "description",
            "starts_at",
            "start_time",
            "ends_at",
            "end_time",
            "timezone",
            "location_name",
            "searchable_location_name",
            "latitude",
            "longitude",
            "logo_url",
            "logo",
            "original_image_url",
            "event_url",
            "external_event_url",
            "ticket_url",
            "privacy",
            "state",
            "social_links",
            "identifier",
            "online",
            "is_event_online",
        ],
    ),
    ("microlocation", &["name"]),
    ("track", &["name", "color"]),
    ("social_link", &["name", "link"]),
];
/// Fields that are passed over on purpose, and why.
const ON_PURPOSE: [(&str, &[&str]); 4] = [
    (
        "it is no matter of the public",
        &[
            "email",
            "mobile",
            "gender",
            "heard_from",
            "sponsorship_required",
            "speaking_experience",
            "comments",
            "average_rating",
            "rating_count",
            "is_mail_sent",
            "send_email",
            "creator",
            "address",
            "city",
        ],
    ),
    (
        "items have times of their own",
        &["created_at", "deleted_at", "submitted_at", "last_modified_at", "schedule_published_on", "closing_datetime"],
    ),
    (
        "it is another size of the same image",
        &[
            "thumbnail_image_url",
            "small_image_url",
            "large_image_url",
            "icon_image_url",
            "background_url",
            "background_image",
        ],
    ),
    (
        "it belongs to the program that wrote the file",
        &[
            "version",
            "pentabarf_url",
            "ical_url",
            "xcal_url",
            "font_color",
            "is_featured",
            "is_locked",
            "is_sessions_speakers_enabled",
        ],
    ),
];

/// Fields that are read unless another one is there.
const INSTEAD: [(&str, &str); 3] =
    [("logo_url", "original_image_url"), ("logo", "original_image_url"), ("short_biography", "long_biography")];

/// Counts the fields of a resource that are not read.
pub fn note_unread(sink: &Sink, at: &str, resource: &Resource) {
    let kind = resource.kind.as_str();
    let read = READ.iter().find(|(known, _)| *known == kind).map_or(&["name"][..], |(_, read)| read);
    for (name, value) in &resource.fields {
        let is_empty = match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(object) => object.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        let instead =
            INSTEAD.iter().find(|(known, other)| name == known && text_of(resource.fields.get(*other)).is_some());
        if let (Some((_, other)), false) = (instead, is_empty) {
            sink.on_purpose(at, &format!("{kind}/{name}"), &format!("`{other}` is taken instead"));
        }
        if is_empty || read.contains(&name.as_str()) {
            continue;
        }
        match ON_PURPOSE.iter().find(|(_, names)| names.contains(&name.as_str())) {
            Some((why, _)) => sink.on_purpose(at, &format!("{kind}/{name}"), why),
            None => sink.left_out(at, &format!("{kind}/{name}")),
        }
    }
    let unused = resource.relations.keys().filter(|name| kind != "session" || !RELATIONS.contains(&name.as_str()));
    unused.for_each(|name| sink.on_purpose(at, &format!("{kind}/{name}"), "the relation is read from its other end"));
}
