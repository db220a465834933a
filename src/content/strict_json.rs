//! A strict JSON parser: names in an object must be unique, which RFC 8259 only recommends, and nesting is bounded.
//!
//! Programs differ in their treatment of duplicate names (RFC 8259, section 4), so what the server stored might not be
//! what the client meant.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::content::violation::{Violations, child_pointer};

/// Maximum nesting depth of arrays and objects in a body.
pub const MAX_DEPTH: usize = 16;

/// Parses one JSON value.
///
/// # Errors
///
/// Fails with a violation for each duplicate name, at its location, or with one violation that names line and column if
/// the text is not valid JSON or nested too deeply.
pub fn parse(bytes: &[u8]) -> Result<Value, Violations> {
    let mut violations = Violations::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = StrictDeserializer { place: Place::Root, depth: 0, violations: &mut violations };
    let parsed = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match parsed {
        Ok(value) if violations.is_empty() => Ok(value),
        Ok(_) => Err(violations),
        Err(error) => {
            violations.add("", "malformed_json", error.to_string());
            Err(violations)
        }
    }
}

/// The place of a value. Its JSON Pointer is only composed for a violation.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Entry(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(above, name) => child_pointer(&above.pointer(), name),
            Self::Entry(above, index) => child_pointer(&above.pointer(), &index.to_string()),
        }
    }
}

/// The deserialiser of a value.
struct StrictDeserializer<'a> {
    place: Place<'a>,
    depth: usize,
    violations: &'a mut Violations,
}

impl StrictDeserializer<'_> {
    /// Returns the deserialiser of a value within this one.
    fn child<'b>(&'b mut self, place: impl FnOnce(&'b Place<'b>) -> Place<'b>) -> StrictDeserializer<'b> {
        StrictDeserializer { place: place(&self.place), depth: self.depth + 1, violations: self.violations }
    }

    fn too_deep<E: Error>(&self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("nested deeper than {MAX_DEPTH} levels at {}", self.place.pointer())));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for StrictDeserializer<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictDeserializer<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.too_deep()?;
        let mut list = Vec::new();
        while let Some(value) = items.next_element_seed(self.child(|above| Place::Entry(above, list.len())))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.too_deep()?;
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.child(|above| Place::Member(above, &name)))?;
            match object.entry(name) {
                Entry::Vacant(member) => drop(member.insert(value)),
                Entry::Occupied(member) => {
                    let pointer = Place::Member(&self.place, member.key()).pointer();
                    self.violations.add(pointer, "duplicate_key", "must not occur twice in the same object");
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_duplicate_by_its_place() {
        let violations = parse(br#"{"a":1,"b":{"c":1,"c":2},"a":2}"#).unwrap_err().into_vec();
        let pointers: Vec<_> = violations.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/b/c", "/a"]);
    }

    #[test]
    fn refuses_deep_nesting_and_trailing_text() {
        assert!(parse("[".repeat(40).as_bytes()).is_err());
        assert!(parse(b"{} {}").is_err());
        assert!(parse(b"{\"a\":[1,2.5,\"x\",null,true]}").is_ok());
    }
}
