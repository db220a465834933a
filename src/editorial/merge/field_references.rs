//! The references that a merge moves, within the content of one item: how they come to lead to another item, and how they
//! lead back. No function here reads the database.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::content::blocks;
use crate::content::field::{Field, FieldType, ObjectType, Relation, RelationShape};
use crate::content_types::ContentType;
use crate::content_types::references::replace_deep;

/// What a merge did to the references in one field of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ReferenceChange {
    /// The references lead to the other item now.
    Moved { entries: Vec<MovedEntry> },
    /// The field named both items, and names one now: the entry of the item that stays, which got what it lacked from the
    /// entries that went.
    Joined { before: Value, after: Value, gone: Vec<GoneEntry> },
    /// The item would have referred to itself.
    Removed { gone: Vec<GoneEntry> },
}

/// A reference before and after a merge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedEntry {
    pub before: Value,
    pub after: Value,
}

/// A reference that a merge removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoneEntry {
    /// Index in its list.
    pub position: usize,
    pub entry: Value,
}

/// The move of references from one item to another of its kind.
#[derive(Debug, Clone, Copy)]
pub struct Retarget<'a> {
    /// Kind of both items.
    pub kind: &'a str,
    /// Id of the item to which the references lead.
    pub from: &'a str,
    /// Id of the item to which they will lead.
    pub to: &'a str,
    /// Content of the first item, if the references are those of the second one: it takes the other's place in a tree.
    pub own: Option<&'a Map<String, Value>>,
}

impl Retarget<'_> {
    /// Moves the references in a content, and returns what it did by the name of the field.
    pub fn apply(
        &self,
        content_type: &'static ContentType,
        content: &mut Map<String, Value>,
    ) -> Vec<(&'static str, ReferenceChange)> {
        let relations: Vec<Relation> = content_type.relations().filter(|r| r.target == self.kind).collect();
        let changes = relations.iter().filter_map(|relation| {
            if let RelationShape::Within(field) = relation.shape {
                return Some((relation.name, self.in_blocks(field, content)?));
            }
            let change = match content.get_mut(relation.name)? {
                Value::Array(list) => self.in_list(relation, list),
                _ => self.in_field(content_type, relation, content),
            };
            Some((relation.name, change?))
        });
        let mut changes: Vec<(&'static str, ReferenceChange)> = changes.collect();
        changes.extend(self.move_nested(content_type, content));
        changes
    }

    /// Moves the references in objects within the fields of an item. A field counts as one reference.
    fn move_nested(
        &self,
        content_type: &'static ContentType,
        content: &mut Map<String, Value>,
    ) -> Vec<(&'static str, ReferenceChange)> {
        let fields = content_type.fields.iter().filter(|field| field.relation().is_none());
        let changes = fields.filter_map(|field| {
            let value = content.get_mut(field.name)?;
            let before = value.clone();
            let is_moved = replace_deep(&field.kind, value, self.kind, (self.from, self.to));
            let change = ReferenceChange::Moved { entries: vec![MovedEntry { before, after: value.clone() }] };
            is_moved.then_some((field.name, change))
        });
        changes.collect()
    }

    /// Moves the references within the blocks of a field. Two of a list that lead to the same item become one.
    fn in_blocks(&self, field: &'static Field, content: &mut Map<String, Value>) -> Option<ReferenceChange> {
        let before = content.get(field.name)?.clone();
        let mut after = before.clone();
        blocks::visit_references(&field.kind, &mut after, "", &mut |target, _, value| {
            if target == self.kind && value.as_str() == Some(self.from) {
                *value = self.to.into();
            }
        });
        blocks::join_equal_references(&field.kind, &mut after);
        if after == before {
            return None;
        }
        content.insert(field.name.to_owned(), after.clone());
        Some(ReferenceChange::Moved { entries: vec![MovedEntry { before, after }] })
    }

    fn in_field(
        &self,
        content_type: &'static ContentType,
        relation: &Relation,
        content: &mut Map<String, Value>,
    ) -> Option<ReferenceChange> {
        let before = content.get(relation.name).filter(|value| value.as_str() == Some(self.from))?.clone();
        let above = self.own.filter(|_| content_type.parent == Some(relation.name));
        let above = above.and_then(|own| own.get(relation.name)).filter(|id| id.as_str() != Some(self.to));
        let after = match (self.own, above) {
            (None, _) => Some(Value::from(self.to)),
            (Some(_), above) => above.cloned(),
        };
        Some(match after {
            Some(after) => {
                content.insert(relation.name.to_owned(), after.clone());
                ReferenceChange::Moved { entries: vec![MovedEntry { before, after }] }
            }
            None => {
                content.shift_remove(relation.name);
                ReferenceChange::Removed { gone: vec![GoneEntry { position: 0, entry: before }] }
            }
        })
    }

    fn in_list(&self, relation: &Relation, list: &mut Vec<Value>) -> Option<ReferenceChange> {
        if !list.iter().any(|entry| names(relation, entry, self.from)) {
            return None;
        }
        let kept = list.iter().position(|entry| names(relation, entry, self.to));
        if kept.is_none() && self.own.is_none() {
            let mut entries = Vec::new();
            for entry in list.iter_mut().filter(|entry| names(relation, entry, self.from)) {
                let before = entry.clone();
                lead_to(relation, entry, self.to);
                entries.push(MovedEntry { before, after: entry.clone() });
            }
            return Some(ReferenceChange::Moved { entries });
        }
        let gone: Vec<GoneEntry> = list
            .iter()
            .enumerate()
            .filter(|(_, entry)| names(relation, entry, self.from))
            .map(|(position, entry)| GoneEntry { position, entry: entry.clone() })
            .collect();
        let Some(kept) = kept else {
            list.retain(|entry| !names(relation, entry, self.from));
            return Some(ReferenceChange::Removed { gone });
        };
        let before = list[kept].clone();
        let mut after = before.clone();
        for GoneEntry { entry, .. } in &gone {
            complete(relation, &mut after, entry);
        }
        // An item can stand in a list twice, with two roles; the entries stay different.
        match list.contains(&after) {
            true => after.clone_from(&before),
            false => list[kept].clone_from(&after),
        }
        list.retain(|entry| !names(relation, entry, self.from));
        Some(ReferenceChange::Joined { before, after, gone })
    }
}

impl ReferenceChange {
    /// Undoes the change in a content, and returns whether it did: it does not if an editor changed one of the references
    /// since, or if the list is full.
    pub fn undo(&self, content_type: &'static ContentType, name: &str, content: &mut Map<String, Value>) -> bool {
        let Some(relation) = content_type.relations().find(|relation| relation.name == name) else {
            return self.undo_in_field(name, content);
        };
        if let RelationShape::Within(field) = relation.shape {
            return self.undo_in_field(field.name, content);
        }
        if matches!(relation.shape, RelationShape::One) {
            return self.undo_in_field(relation.name, content);
        }
        let mut list = content.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let is_undone = match self {
            Self::Moved { entries } => entries.iter().all(|entry| replace(&mut list, &entry.after, &entry.before)),
            Self::Joined { before, after, gone } => replace(&mut list, after, before) && insert(&mut list, gone),
            Self::Removed { gone } => insert(&mut list, gone),
        };
        let is_undone = is_undone && list.len() <= max_entries(content_type, name);
        if is_undone {
            content.insert(name.to_owned(), list.into());
        }
        is_undone
    }

    fn undo_in_field(&self, name: &str, content: &mut Map<String, Value>) -> bool {
        let now = content.get(name);
        let before = match self {
            Self::Moved { entries } => entries.first().filter(|entry| now == Some(&entry.after)).map(|e| &e.before),
            Self::Removed { gone } => gone.first().filter(|_| now.is_none()).map(|gone| &gone.entry),
            Self::Joined { .. } => None,
        };
        let Some(before) = before.cloned() else { return false };
        content.insert(name.to_owned(), before);
        true
    }
}

/// Returns whether an entry of a relation refers to an item.
fn names(relation: &Relation, entry: &Value, id: &str) -> bool {
    let reference = match relation.shape {
        RelationShape::One | RelationShape::Many | RelationShape::Within(_) => Some(entry),
        RelationShape::ManyWith { key, .. } => entry.get(key),
    };
    reference.and_then(Value::as_str) == Some(id)
}

fn lead_to(relation: &Relation, entry: &mut Value, id: &str) {
    match relation.shape {
        RelationShape::One | RelationShape::Many | RelationShape::Within(_) => *entry = id.into(),
        RelationShape::ManyWith { key, .. } => {
            if let Some(members) = entry.as_object_mut() {
                members.insert(key.to_owned(), id.into());
            }
        }
    }
}

/// Gives an entry what it lacks from another one. The usual value of a field, which every entry has that names no other
/// one, counts as lacking.
fn complete(relation: &Relation, entry: &mut Value, other: &Value) {
    let RelationShape::ManyWith { key, object } = relation.shape else { return };
    let (Some(members), Some(given)) = (entry.as_object_mut(), other.as_object()) else { return };
    for (name, value) in given.iter().filter(|(name, _)| *name != key) {
        if members.get(name).is_none_or(|present| is_usual(object, name, present)) {
            members.insert(name.clone(), value.clone());
        }
    }
}

fn is_usual(object: &ObjectType, name: &str, value: &Value) -> bool {
    let usual = object.fields.iter().find(|field| field.name == name).and_then(|field| field.default);
    usual.and_then(|usual| serde_json::from_str::<Value>(usual).ok()).as_ref() == Some(value)
}

/// Replaces an entry of a list, if it is there.
fn replace(list: &mut [Value], present: &Value, wanted: &Value) -> bool {
    let found = list.iter_mut().find(|entry| *entry == present);
    found.map(|entry| entry.clone_from(wanted)).is_some()
}

/// Puts entries back where they were, or at the end of a list that is shorter now.
fn insert(list: &mut Vec<Value>, gone: &[GoneEntry]) -> bool {
    for GoneEntry { position, entry } in gone {
        if list.contains(entry) {
            return false;
        }
        list.insert((*position).min(list.len()), entry.clone());
    }
    true
}

/// Returns the greatest number of entries of a list.
fn max_entries(content_type: &'static ContentType, name: &str) -> usize {
    match content_type.field(name).map(|field| &field.kind) {
        Some(FieldType::List { max, .. }) => *max,
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(kind: &str) -> &'static ContentType {
        ContentType::of_kind(kind).unwrap()
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// Returns a list of speakers with roles, without repeated entries.
    fn speakers() -> impl Strategy<Value = Vec<Value>> {
        let entry = ("[abcd]", prop::sample::select(vec!["speaker", "moderator", "host"]), any::<bool>());
        prop::collection::vec(entry, 0..8).prop_map(|entries| {
            let mut list: Vec<Value> = Vec::new();
            for (id, role, has_affiliation) in entries {
                let mut entry = json!({"role": role, "speaker": id});
                if has_affiliation {
                    entry["affiliation"] = json!({"en": format!("House of {id}")});
                }
                if !list.contains(&entry) {
                    list.push(entry);
                }
            }
            list
        })
    }

    fn count(list: &Value, id: &str) -> usize {
        list.as_array().unwrap().iter().filter(|entry| entry["speaker"] == id).count()
    }

    proptest! {
        #[test]
        fn no_reference_is_left_and_all_lead_back(list in speakers()) {
            let before = map(json!({"title": {"en": "A talk"}, "speakers": list}));
            let mut content = before.clone();
            let changes = Retarget { kind: "speaker", from: "b", to: "a", own: None }.apply(of("session"), &mut content);
            prop_assert_eq!(count(&content["speakers"], "b"), 0);
            // One reference for two, and otherwise as many as there were.
            let (a, b) = (count(&before["speakers"], "a"), count(&before["speakers"], "b"));
            prop_assert_eq!(count(&content["speakers"], "a"), if a > 0 { a } else { b });
            prop_assert_eq!(changes.len(), usize::from(b > 0));
            // All others stay as they are, in their order.
            let others = |content: &Map<String, Value>| -> Vec<Value> {
                let list = content["speakers"].as_array().unwrap().iter();
                list.filter(|entry| entry["speaker"] != "a" && entry["speaker"] != "b").cloned().collect()
            };
            prop_assert_eq!(others(&content), others(&before));
            for (name, change) in &changes {
                let stored: ReferenceChange = serde_json::from_str(&serde_json::to_string(change).unwrap()).unwrap();
                prop_assert!(stored.undo(of("session"), name, &mut content));
            }
            prop_assert_eq!(content, before);
        }

        /// What editors do to other entries in between stays, and what they did to the reference itself does too.
        #[test]
        fn what_was_changed_since_is_not_touched(list in speakers(), touches in any::<bool>()) {
            let mut content = map(json!({"speakers": list}));
            let changes = Retarget { kind: "speaker", from: "b", to: "a", own: None }.apply(of("session"), &mut content);
            let entries = content["speakers"].as_array_mut().unwrap();
            match touches {
                true => entries.iter_mut().filter(|entry| entry["speaker"] == "a").for_each(|entry| entry["role"] = json!("keynote")),
                false => entries.push(json!({"role": "discussant", "speaker": "e"})),
            }
            let edited = content.clone();
            for (name, change) in &changes {
                prop_assert_eq!(change.undo(of("session"), name, &mut content), !touches);
            }
            if touches {
                prop_assert_eq!(content, edited);
            } else {
                prop_assert_eq!(count(&content["speakers"], "e"), 1);
            }
        }
    }

    #[test]
    fn an_entry_gets_what_it_lacks() {
        let list = json!([
            {"role": "keynote", "affiliation": {"en": "Delta"}, "speaker": "b"},
            {"role": "host", "speaker": "c"},
            {"role": "speaker", "speaker": "a"},
        ]);
        let mut content = map(json!({"speakers": list}));
        Retarget { kind: "speaker", from: "b", to: "a", own: None }.apply(of("event"), &mut content);
        let wanted = json!([
            {"role": "host", "speaker": "c"},
            {"role": "keynote", "speaker": "a", "affiliation": {"en": "Delta"}},
        ]);
        assert_eq!(content["speakers"], wanted);
    }

    #[test]
    fn an_item_does_not_refer_to_itself() {
        let mut topic = map(json!({"parent": "b"}));
        let merged = map(json!({"parent": "above"}));
        let own = Retarget { kind: "topic", from: "b", to: "a", own: Some(&merged) };
        let changes = own.apply(of("topic"), &mut topic);
        assert_eq!(topic["parent"], "above");
        assert!(changes[0].1.undo(of("topic"), "parent", &mut topic));
        assert_eq!(topic["parent"], "b");
        let root = Map::new();
        let changes = Retarget { own: Some(&root), ..own }.apply(of("topic"), &mut topic);
        assert!(topic.is_empty());
        assert!(changes[0].1.undo(of("topic"), "parent", &mut topic));
        assert_eq!(topic["parent"], "b");
        let mut event = map(json!({"related": ["c", "b"]}));
        let changes = Retarget { kind: "event", ..own }.apply(of("event"), &mut event);
        assert_eq!(event["related"], json!(["c"]));
        assert!(changes[0].1.undo(of("event"), "related", &mut event));
        assert_eq!(event["related"], json!(["c", "b"]));
    }
}
