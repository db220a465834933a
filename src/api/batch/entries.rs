//! The body of a batch: its entries, which are validated like all other request bodies, with all violations at once.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::api::bulk::{COLLECTION, ID, WORDS};
use crate::api::content::lifecycle::{SCHEDULE, parse_schedule_times};
use crate::api::content::trash::{REFERENCES, keeps_references};
use crate::api::parameters::MAX_NUMBER;
use crate::content::field::{Field, FieldType, ObjectType};
use crate::content::validate::{ContentSchema, validate};
use crate::content::violation::{Violations, unknown_name_message};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::editorial::batch::{BatchEntry, EntryPlace, EntryTarget, EntryWrite, MAX_ENTRIES};
use crate::editorial::change::ItemChange;
use crate::editorial::external_ids::{ExternalId, MAX_RECORD_ID, MAX_SYSTEM, PutCondition};
use crate::editorial::lifecycle::Operation;
use crate::editorial::validate::LOCAL;
use crate::items::ExpectedVersions;
use crate::problem::Problem;

/// The operation of an entry that creates an item.
pub const CREATE: &str = "create";
/// The operation of an entry that replaces the content of an item.
pub const REPLACE: &str = "replace";
/// The operation of an entry that changes the content of an item by a merge patch.
pub const UPDATE: &str = "update";
/// The operation of an entry that creates the item with an external id, or replaces its content.
pub const PUT: &str = "put";
/// The operation of an entry that schedules an item.
pub const SCHEDULE_STEP: &str = "schedule";

/// The longest local id, in characters.
pub const MAX_LOCAL_ID: usize = 64;

const OPERATION: Field =
    Field::new("operation", FieldType::Line { max: 40 }, "Operation of the entry.", r#""create""#).required();
const LOCAL_ID: Field = Field::new(
    "local_id",
    FieldType::Line { max: MAX_LOCAL_ID },
    "Name by which other entries refer to the item.",
    r#""anna""#,
);
const VERSION: Field =
    Field::new("version", FieldType::Integer { min: 1, max: MAX_NUMBER }, "Present version of the item.", "3");

const EXTERNAL_ID: &ObjectType = &ObjectType {
    schema: "ExternalId",
    about: "Name of an item in another system.",
    fields: &[
        Field::new("source", FieldType::Line { max: MAX_SYSTEM }, "Name of the other system.", r#""pretalx""#)
            .required(),
        Field::new(
            "id",
            FieldType::Line { max: MAX_RECORD_ID },
            "Id of the record in the other system.",
            r#""XKQ8JD""#,
        )
        .required(),
    ],
};
const EXTERNAL: Field = Field::new(
    "external_id",
    FieldType::Object(EXTERNAL_ID),
    "Name of the item in another system.",
    r#"{"source": "pretalx", "id": "XKQ8JD"}"#,
);

static NEW: [Field; 4] = [OPERATION, COLLECTION, LOCAL_ID, EXTERNAL];
static SYNCHRONISED: [Field; 5] = [OPERATION, COLLECTION, LOCAL_ID, EXTERNAL.required(), VERSION];
static PRESENT: [Field; 5] = [OPERATION, COLLECTION, LOCAL_ID, ID, VERSION];
static STEP: [Field; 6] = [OPERATION, COLLECTION, LOCAL_ID, ID, VERSION, REFERENCES];
static SCHEDULED: [Field; 7] = {
    let [publish_at, unpublish_at] = &SCHEDULE;
    [
        OPERATION,
        COLLECTION,
        LOCAL_ID,
        ID,
        VERSION,
        Field::new(publish_at.name, FieldType::Instant, publish_at.about, publish_at.example),
        Field::new(unpublish_at.name, FieldType::Instant, unpublish_at.about, unpublish_at.example),
    ]
};

/// Returns the operations of entries: those that write content, and the steps of the life cycle.
pub fn operations() -> impl Iterator<Item = &'static str> + Clone {
    [CREATE, REPLACE, UPDATE, PUT].into_iter().chain(WORDS.words.iter().copied())
}

/// Reads the entries of a batch.
///
/// # Errors
/// 422 with all violations of the members of entries. Their contents are validated when the batch is written.
pub fn read(body: Value, site: &Site) -> Result<Vec<BatchEntry>, Problem> {
    let mut violations = Violations::new();
    let entries = list(body, &mut violations);
    let mut reader = EntryReader { site, violations, local_ids: HashSet::new(), external_ids: HashSet::new() };
    let entries: Vec<BatchEntry> = entries
        .into_iter()
        .enumerate()
        .filter_map(|(index, entry)| reader.entry(format!("/entries/{index}"), entry))
        .collect();
    if reader.violations.is_empty() { Ok(entries) } else { Err(Problem::invalid(reader.violations)) }
}

/// Returns the list of entries.
fn list(body: Value, violations: &mut Violations) -> Vec<Value> {
    let Value::Object(mut object) = body else {
        violations.add("", "wrong_type", "the body must be a JSON object");
        return Vec::new();
    };
    for name in object.keys().filter(|name| *name != "entries") {
        violations.add(format!("/{name}"), "unknown_field", unknown_name_message("field", name, ["entries"]));
    }
    match object.shift_remove("entries") {
        Some(Value::Array(entries)) if (1..=MAX_ENTRIES).contains(&entries.len()) => return entries,
        Some(Value::Array(entries)) => {
            let (code, count) = (if entries.is_empty() { "empty" } else { "too_many" }, entries.len());
            violations.add("/entries", code, format!("must have 1 to {MAX_ENTRIES} entries, but has {count}"));
        }
        Some(_) => violations.add("/entries", "wrong_type", "must be an array"),
        None => violations.add("/entries", "required", "\"entries\" is required"),
    }
    Vec::new()
}

struct EntryReader<'a> {
    site: &'a Site,
    violations: Violations,
    /// The local ids of the entries so far.
    local_ids: HashSet<String>,
    /// The external ids of the entries so far, with their kinds.
    external_ids: HashSet<(&'static str, ExternalId)>,
}

impl EntryReader<'_> {
    /// Reads one entry. Violations are recorded; without a result, there is at least one.
    fn entry(&mut self, pointer: String, entry: Value) -> Option<BatchEntry> {
        let Value::Object(mut members) = entry else {
            self.violations.add(pointer, "wrong_type", "must be an object");
            return None;
        };
        let given = members.get("operation").and_then(Value::as_str).unwrap_or_default();
        let Some(word) = operations().find(|known| *known == given) else {
            let message = unknown_name_message("operation", given, operations());
            self.violations.add(format!("{pointer}/operation"), "not_allowed", message);
            return None;
        };
        let content_member = match word {
            CREATE | REPLACE | PUT => Some("content"),
            UPDATE => Some("patch"),
            _ => None,
        };
        let content = content_member.and_then(|name| self.content(&pointer, name, &mut members));
        let members = self.members(&pointer, word, &members)?;
        let content_type = ContentType::of_collection(members.get("collection")?.as_str()?)?;
        let local_id = self.local_id(&pointer, &members);
        let write = match (word, content) {
            (CREATE, content) => EntryWrite::Create(content?, self.external_id(&pointer, content_type, &members)),
            (PUT, content) => {
                let condition = match members.get("version").and_then(Value::as_i64) {
                    Some(version) => PutCondition::Versions(ExpectedVersions::from_iter([version])),
                    None => PutCondition::LastPut,
                };
                EntryWrite::Put(self.external_id(&pointer, content_type, &members)?, condition, content?)
            }
            (REPLACE, content) => EntryWrite::Change(self.target(&pointer, &members)?, ItemChange::Replace(content?)),
            (UPDATE, content) => EntryWrite::Change(self.target(&pointer, &members)?, ItemChange::Patch(content?)),
            (word, _) => EntryWrite::Step {
                target: self.target(&pointer, &members)?,
                operation: self.step(word, &pointer, &members)?,
                keep_references: keeps_references(&members),
            },
        };
        let content = content_member.map(|member| format!("{pointer}/{member}"));
        let place = EntryPlace { entry: pointer, content };
        Some(BatchEntry { place, content_type, local_id, is_nested: false, write })
    }

    /// Takes the member with the content out of the members of an entry.
    fn content(&mut self, pointer: &str, name: &str, members: &mut Map<String, Value>) -> Option<Value> {
        let place = format!("{pointer}/{name}");
        match members.shift_remove(name) {
            Some(content @ Value::Object(_)) => return Some(content),
            Some(_) => self.violations.add(place, "wrong_type", "must be an object"),
            None => self.violations.add(place, "required", format!("\"{name}\" is required")),
        }
        None
    }

    /// Validates the members of an entry besides its content.
    fn members(&mut self, pointer: &str, word: &str, given: &Map<String, Value>) -> Option<Map<String, Value>> {
        let fields: &'static [Field] = match word {
            CREATE => &NEW,
            PUT => &SYNCHRONISED,
            SCHEDULE_STEP => &SCHEDULED,
            REPLACE | UPDATE => &PRESENT,
            _ => &STEP,
        };
        let mode = LocaleMode::One(self.site.default_locale().to_owned());
        let mut found = Violations::new();
        let schema = ContentSchema { kind: "batch", fields, envelope: &[], mode: &mode, site: self.site };
        let members = validate(schema, given, None, &mut found).content;
        let is_valid = found.is_empty();
        self.violations.extend_below(pointer, found);
        is_valid.then_some(members)
    }

    /// Returns the item that an entry changes.
    fn target(&mut self, pointer: &str, members: &Map<String, Value>) -> Option<EntryTarget> {
        let key = members.get("id")?.as_str()?;
        let version = members.get("version").and_then(Value::as_i64);
        match (key.strip_prefix(LOCAL), version) {
            (Some(name), version) => {
                let accepted = version.map(|version| ExpectedVersions::from_iter([version]));
                Some(EntryTarget::Local { name: name.to_owned(), accepted })
            }
            (None, Some(version)) => {
                Some(EntryTarget::Stored { key: key.to_owned(), accepted: ExpectedVersions::from_iter([version]) })
            }
            (None, None) => {
                let message = "\"version\" is required: the version that you read, so that no change is lost";
                self.violations.add(format!("{pointer}/version"), "required", message);
                None
            }
        }
    }

    fn step(&mut self, word: &str, pointer: &str, members: &Map<String, Value>) -> Option<Operation> {
        match word {
            SCHEDULE_STEP => parse_schedule_times(members, pointer, &mut self.violations),
            word => Operation::WITHOUT_PARAMETERS.into_iter().find(|known| known.name() == word),
        }
    }

    /// Returns the external id of an entry, if it has one, which must differ from all others of its kind.
    fn external_id(
        &mut self,
        pointer: &str,
        content_type: &'static ContentType,
        members: &Map<String, Value>,
    ) -> Option<ExternalId> {
        let given = members.get("external_id")?;
        let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(external_id) = ExternalId::new(text("source"), text("id")) else {
            let message = "1 to 60 letters, digits, dots, hyphens and underscores";
            self.violations.add(format!("{pointer}/external_id/source"), "not_a_source", message);
            return None;
        };
        if !self.external_ids.insert((content_type.kind, external_id.clone())) {
            self.violations.add(format!("{pointer}/external_id"), "duplicate", "another entry has this external id");
        }
        Some(external_id)
    }

    /// Returns the local id of an entry, if it has one, which must differ from all others.
    fn local_id(&mut self, pointer: &str, members: &Map<String, Value>) -> Option<String> {
        let name = members.get("local_id")?.as_str()?;
        let place = format!("{pointer}/local_id");
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            self.violations.add(place, "not_a_local_id", "1 to 64 letters, digits, hyphens and underscores");
        } else if !self.local_ids.insert(name.to_owned()) {
            self.violations.add(place, "duplicate", "another entry has this local id");
        }
        Some(name.to_owned())
    }
}
