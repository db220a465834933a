//! Nested creations: a reference in a body can hold the content of a new item instead of an id or slug. Each becomes
//! an entry of its own, to whose item the body then refers by a local id.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{BatchEntry, EntryPlace, EntryWrite, MAX_ENTRIES};
use crate::content::response_form::is_response;
use crate::content::slug::is_slug;
use crate::content::violation::{Violations, child_pointer, unknown_name_message};
use crate::content_types::ContentType;
use crate::content_types::references::{references, visit_references};
use crate::editorial::change::ItemChange;
use crate::editorial::external_ids::ExternalId;
use crate::editorial::validate::{LOCAL, may_have_slug};
use crate::problem::Problem;

/// What a nested creation looks for before it creates an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ItemIdentity {
    /// The item with this external id.
    External(ExternalId),
    /// The item with this slug, or id.
    Slug(String),
}

/// The members of a nested creation.
const CREATION_MEMBERS: [&str; 2] = ["create", "match"];

/// Returns whether a body has nested creations.
pub fn has_nested(content_type: &'static ContentType, body: &Value) -> bool {
    let may_show = is_response(body);
    let is_other = |target: &str| target != content_type.kind;
    references(content_type, body).iter().any(|(target, slot)| is_other(target) && is_nested(slot, may_show))
}

/// Returns whether what stands in the place of a reference is a nested creation. In a response that is sent back, it can
/// also be the item as it was shown.
fn is_nested(slot: &Value, may_show: bool) -> bool {
    slot.as_object().is_some_and(|members| !may_show || CREATION_MEMBERS.iter().any(|name| members.contains_key(*name)))
}

/// Takes the nested creations out of the bodies of entries. Each becomes an entry that stands before the one that
/// names it, with a local id that no client can give.
///
/// # Errors
///
/// Fails with `Invalid` if there are too many entries then.
pub(super) fn expand(entries: Vec<BatchEntry>) -> Result<Vec<BatchEntry>, Problem> {
    let mut expansion = Expansion { entries: Vec::with_capacity(entries.len()), known: HashMap::new(), number: 0 };
    for mut entry in entries {
        let content_type = entry.content_type;
        let (content, is_put) = match &mut entry.write {
            EntryWrite::Create(content, _)
            | EntryWrite::Change(_, ItemChange::Replace(content) | ItemChange::Patch(content)) => {
                (Some(content), false)
            }
            EntryWrite::Put(_, _, content) => (Some(content), true),
            _ => (None, false),
        };
        if let Some((content, place)) = content.zip(entry.place.content.as_deref()) {
            expansion.take(content_type, content, place, is_put);
        }
        expansion.entries.push(entry);
    }
    if expansion.entries.len() > MAX_ENTRIES {
        let message = format!("a request writes at most {MAX_ENTRIES} items, nested ones included");
        return Err(Problem::invalid(Violations::one("", "too_many", message)));
    }
    Ok(expansion.entries)
}

struct Expansion {
    entries: Vec<BatchEntry>,
    /// The indexes of the entries of items that are looked for, so that two places that look for the same get the
    /// same.
    known: HashMap<(&'static str, ItemIdentity), usize>,
    number: usize,
}

impl Expansion {
    /// Replaces the nested creations in a body by local ids. Those of a put must say how the item is found, since a
    /// put is made again and again.
    fn take(&mut self, content_type: &'static ContentType, body: &mut Value, pointer: &str, is_put: bool) {
        let may_show = is_response(body);
        visit_references(content_type, body, |target, place, slot| {
            // A reference to the own kind stays as it is and is refused: there, creations would nest without end.
            let target = ContentType::of_kind(target).filter(|target| target.kind != content_type.kind);
            let target = target.filter(|_| is_nested(slot, may_show));
            if let (Value::Object(nested), Some(target)) = (&mut *slot, target) {
                let nested = std::mem::take(nested);
                *slot =
                    format!("{LOCAL}{}", self.add_nested(target, format!("{pointer}{place}"), nested, is_put)).into();
            }
        });
    }

    /// Adds the entry of a nested creation and returns its local id.
    fn add_nested(
        &mut self,
        target: &'static ContentType,
        place: String,
        nested: Map<String, Value>,
        is_put: bool,
    ) -> String {
        let (mut content, identity) = match read(target, &nested, is_put) {
            Ok(read) => read,
            Err(violations) => return self.add(target, place.clone(), place, EntryWrite::Refused(violations)),
        };
        let known = identity.as_ref().and_then(|identity| self.known.get(&(target.kind, identity.clone()))).copied();
        // Of several places that look for the same, the first with content says what is created.
        let is_needed = known.is_none_or(|index| matches!(self.entries[index].write, EntryWrite::Ensure(_, None)));
        content = content.filter(|_| is_needed);
        let content_place = if content.is_some() { format!("{place}/create") } else { place.clone() };
        if let Some(content) = &mut content {
            self.take(target, content, &content_place, is_put);
        }
        let Some(identity) = identity else {
            let write = content
                .map_or_else(|| EntryWrite::Refused(required_violation("match")), |c| EntryWrite::Create(c, None));
            return self.add(target, place, content_place, write);
        };
        let Some(index) = known else {
            self.known.insert((target.kind, identity.clone()), self.entries.len());
            return self.add(target, place, content_place, EntryWrite::Ensure(identity, content));
        };
        let entry = &mut self.entries[index];
        if content.is_some() {
            entry.place = EntryPlace { entry: place, content: Some(content_place) };
            entry.write = EntryWrite::Ensure(identity, content);
        }
        entry.local_id.clone().unwrap_or_default()
    }

    /// Adds an entry with a new local id, and returns it.
    fn add(&mut self, content_type: &'static ContentType, entry: String, content: String, write: EntryWrite) -> String {
        self.number += 1;
        let local_id = format!("~{}", self.number);
        let place = EntryPlace { entry, content: Some(content) };
        self.entries.push(BatchEntry { place, content_type, local_id: Some(local_id.clone()), is_nested: true, write });
        local_id
    }
}

fn required_violation(name: &str) -> Violations {
    Violations::one(format!("/{name}"), "required", format!("\"{name}\" is required"))
}

/// Reads a nested creation: the content of the item, and what is looked for before.
fn read(
    target: &'static ContentType,
    nested: &Map<String, Value>,
    is_put: bool,
) -> Result<(Option<Value>, Option<ItemIdentity>), Violations> {
    let mut violations = Violations::new();
    for name in nested.keys().filter(|name| !CREATION_MEMBERS.contains(&name.as_str())) {
        let message = unknown_name_message("field", name, CREATION_MEMBERS);
        violations.add(child_pointer("", name), "unknown_field", message);
    }
    let content = nested.get("create").cloned();
    let identity = nested.get("match").map(|given| identity(given, &mut violations));
    if identity.is_none() && (is_put || content.is_none()) {
        violations.extend(required_violation("match"));
    }
    if let Some(Some(ItemIdentity::Slug(slug))) = &identity {
        may_have_slug(target, slug, "/match/slug", &mut violations);
    }
    if violations.is_empty() { Ok((content, identity.flatten())) } else { Err(violations) }
}

/// Reads what is looked for: an external id or a slug.
fn identity(given: &Value, violations: &mut Violations) -> Option<ItemIdentity> {
    const MEMBERS: [&str; 2] = ["external_id", "slug"];
    let Some(members) = given.as_object() else {
        violations.add("/match", "wrong_type", "must be an object");
        return None;
    };
    for name in members.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let message = unknown_name_message("field", name, MEMBERS);
        violations.add(child_pointer("/match", name), "unknown_field", message);
    }
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = match (members.get("external_id"), members.get("slug")) {
        (Some(external_id), None) => {
            ExternalId::new(&text(external_id, "source"), &text(external_id, "id")).map(ItemIdentity::External)
        }
        (None, Some(slug)) => {
            slug.as_str().filter(|slug| is_slug(slug)).map(|slug| ItemIdentity::Slug(slug.to_owned()))
        }
        _ => None,
    };
    if found.is_none() && violations.is_empty() {
        violations.add(
            "/match",
            "not_a_match",
            "must have either \"external_id\", with \"source\" and \"id\", or \"slug\"",
        );
    }
    found
}
