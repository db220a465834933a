//! Answers with some of their fields.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// What every item keeps: without it, nobody knows which it is.
const KEPT: [&str; 2] = ["id", "slug"];

/// The members of an object, in their order, their values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
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
        deserializer.deserialize_map(Reading)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The object with these members only, and those that every item keeps.
pub fn only(object: String, fields: &[&str]) -> String {
    let Ok(mut members) = serde_json::from_str::<Members>(&object) else { return object };
    members.0.retain(|(name, _)| KEPT.contains(&name.as_str()) || fields.contains(&name.as_str()));
    serde_json::to_string(&members).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_asked_for_as_it_is() {
        let object = r#"{"id":"1","slug":"a","title":"\u00e9 \"x\"","n":1.50,"list":[{"title":2}]}"#.to_owned();
        assert_eq!(only(object.clone(), &["list", "n"]), r#"{"id":"1","slug":"a","n":1.50,"list":[{"title":2}]}"#);
        assert_eq!(only(object, &[]), r#"{"id":"1","slug":"a"}"#);
    }
}
