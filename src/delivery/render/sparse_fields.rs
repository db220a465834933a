//! Sparse fieldsets: responses with some of their fields.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Members that every item keeps, since they identify it.
const ALWAYS_SHOWN: [&str; 2] = ["id", "slug"];

/// Members of an object in their order, with their values as written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Returns the object with only the members at these paths and those that every item keeps. A path is the
/// name of a member or, after a dot, of one within it: in the object that it holds, or in each object of its
/// list.
pub fn select_members(object: String, paths: &[&str]) -> String {
    let mut out = String::with_capacity(object.len());
    match push_object(&mut out, &object, paths, &ALWAYS_SHOWN) {
        Ok(()) => out,
        Err(_) => object,
    }
}

fn push_object(out: &mut String, object: &str, paths: &[&str], always: &[&str]) -> serde_json::Result<()> {
    let members: Members<'_> = serde_json::from_str(object)?;
    out.push('{');
    let begin = out.len();
    for (name, value) in members.0 {
        let whole = always.contains(&name.as_str()) || paths.contains(&name.as_str());
        let within: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(&*name)?.strip_prefix('.')).collect();
        if !whole && within.is_empty() {
            continue;
        }
        // Only requested names come here, and none of them needs escaping.
        out.push_str(if out.len() > begin { ",\"" } else { "\"" });
        out.push_str(&name);
        out.push_str("\":");
        if whole { out.push_str(value.get()) } else { push_value(out, value.get(), &within)? }
    }
    out.push('}');
    Ok(())
}

fn push_value(out: &mut String, value: &str, paths: &[&str]) -> serde_json::Result<()> {
    match value.as_bytes().first() {
        Some(b'{') => push_object(out, value, paths, &[])?,
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(value)?;
            out.push('[');
            for (index, value) in values.into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                push_value(out, value.get(), paths)?;
            }
            out.push(']');
        }
        _ => out.push_str(value),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_asked_for_as_it_is() {
        let object = r#"{"id":"1","slug":"a","title":"\u00e9 \"x\"","n":1.50,"list":[{"title":2}]}"#.to_owned();
        assert_eq!(
            select_members(object.clone(), &["list", "n"]),
            r#"{"id":"1","slug":"a","n":1.50,"list":[{"title":2}]}"#
        );
        assert_eq!(select_members(object, &[]), r#"{"id":"1","slug":"a"}"#);
    }

    #[test]
    fn goes_into_objects_and_lists() {
        let object = r#"{"id":"1","slug":"a","venue":null,"type":{"id":"2","name":"T, {"},"speakers":[{"role":"host","speaker":{"id":"3","name":"]","nam":1}},{"role":null,"speaker":null}],"topics":[]}"#;
        let of = |paths: &[&str]| select_members(object.to_owned(), paths).replacen(r#""id":"1","slug":"a","#, "", 1);
        assert_eq!(
            of(&["type.name", "venue.city", "topics.name"]),
            r#"{"venue":null,"type":{"name":"T, {"},"topics":[]}"#
        );
        assert_eq!(of(&["speakers.speaker.name"]), r#"{"speakers":[{"speaker":{"name":"]"}},{"speaker":null}]}"#);
        assert_eq!(of(&["speakers.role"]), r#"{"speakers":[{"role":"host"},{"role":null}]}"#);
        // The path of a whole member includes the paths within it.
        assert_eq!(of(&["type", "type.name"]), r#"{"type":{"id":"2","name":"T, {"}}"#);
        assert_eq!(of(&["type.id.name", "type.none"]), r#"{"type":{"id":"2"}}"#);
    }
}
