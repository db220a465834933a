//! What a record makes of the fields of an item that exists already.

use serde_json::{Map, Value};

use crate::content::violation::{Violation, child_pointer};

/// Merges the fields of a record into those of an item. Records that share an item append to its lists
/// instead of replacing them. A record that joins an item fills empty fields only; the fields in which it
/// differs are returned as notes.
pub fn merge_fields(
    body: &mut Map<String, Value>,
    given: Map<String, Value>,
    shared: bool,
    joins: bool,
) -> Vec<Violation> {
    let mut disagreements = Vec::new();
    // A record that has a start but no end removes the old end, which belonged to the old start and might
    // precede the new one.
    if !joins && given.contains_key("starts_at") && !given.contains_key("ends_at") {
        body.shift_remove("ends_at");
    }
    for (field, value) in given {
        match (body.get_mut(&field), value) {
            (Some(Value::Array(present)), Value::Array(more)) if shared => {
                for entry in more {
                    if !present.contains(&entry) {
                        present.push(entry);
                    }
                }
            }
            (Some(present), value) if joins && !present.is_null() => {
                if *present != value {
                    let message =
                        format!("the item has {present} from another record and this one has {value}; not changed");
                    disagreements.push(Violation {
                        pointer: child_pointer("", &field),
                        code: "differs".to_owned(),
                        message,
                    });
                }
            }
            (_, value) => {
                body.insert(field, value);
            }
        }
    }
    disagreements
}
