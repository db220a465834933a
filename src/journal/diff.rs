//! The differences between two states of an item, by JSON Pointer.

use serde_json::{Map, Value};

use crate::content::violation::child_pointer;

/// One difference between two states.
///
/// Objects are compared member by member, and so are localised values, whose members are locales. Lists are
/// compared as a whole: a pointer with an index would mean another entry as soon as one is inserted before
/// it. Rich texts are whole too, since a source means nothing in another format.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// JSON Pointer (RFC 6901) to the value.
    pub pointer: String,
    /// The value before; null if it was absent.
    pub before: Value,
    /// The value after; null if it is absent.
    pub after: Value,
}

/// Returns all differences, in each object first those of the members of `before`, then the added ones.
pub fn diff(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

/// Returns the pointers of all differences.
pub fn pointers(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    diff(before, after).into_iter().map(|difference| difference.pointer).collect()
}

/// Returns whether one pointer is the same as the other or points into the value of the other.
pub fn overlap(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

/// Applies differences to another state. A member whose value after is null is removed: stored content has no
/// nulls, so null always stands for an absent member.
pub fn apply(target: &mut Map<String, Value>, differences: Vec<Difference>) {
    for Difference { pointer, after, .. } in differences {
        let steps: Vec<String> =
            pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
        put(target, &steps, after);
    }
}

fn put(target: &mut Map<String, Value>, steps: &[String], value: Value) {
    match steps {
        [] => {}
        [last] if value.is_null() => drop(target.shift_remove(last)),
        [last] => drop(target.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let mut inner = target.get(first).and_then(Value::as_object).cloned().unwrap_or_default();
            put(&mut inner, rest, value);
            target.insert(first.clone(), inner.into());
        }
    }
}

fn compare(pointer: &str, before: &Map<String, Value>, after: &Map<String, Value>, found: &mut Vec<Difference>) {
    let added = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(added) {
        let (old, new) = (before.get(name), after.get(name));
        if old == new {
            continue;
        }
        let place = child_pointer(pointer, name);
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) if !is_rich(old) && !is_rich(new) => {
                compare(&place, old, new, found);
            }
            _ => found.push(Difference {
                pointer: place,
                before: old.cloned().unwrap_or(Value::Null),
                after: new.cloned().unwrap_or(Value::Null),
            }),
        }
    }
}

/// Returns whether an object is a rich text, whose format and source belong together.
fn is_rich(object: &Map<String, Value>) -> bool {
    object.contains_key("format") && object.contains_key("source")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn names_the_language_that_changed() {
        let before = map(json!({"title": {"en": "A", "nl": "B"}, "topics": ["x"]}));
        let after = map(json!({"title": {"en": "A", "nl": "C"}, "topics": ["x", "y"], "all_day": true}));
        assert_eq!(pointers(&before, &after), ["/title/nl", "/topics", "/all_day"]);
    }

    #[test]
    fn places_overlap_when_one_holds_the_other() {
        assert!(overlap("/title", "/title/nl") && overlap("/title/nl", "/title") && overlap("/a", "/a"));
        assert!(!overlap("/title", "/titles") && !overlap("/title/nl", "/title/en"));
    }

    fn object() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), any::<u8>().prop_map(Value::from)];
        let tree = leaf.prop_recursive(3, 20, 4, |inner| {
            prop::collection::hash_map("[a-c~/]{1,2}", inner, 0..4).prop_map(|m| m.into_iter().collect())
        });
        prop::collection::hash_map("[a-c~/]{1,2}", tree, 0..4).prop_map(|m| m.into_iter().collect())
    }

    proptest! {
        #[test]
        fn applied_to_the_first_they_give_the_second(before in object(), after in object()) {
            let (before, after) = (map(before), map(after));
            let mut made = before.clone();
            apply(&mut made, diff(&before, &after));
            prop_assert_eq!(Value::Object(made), Value::Object(after));
        }
    }
}
