//! What the contents of single kinds need beyond a name.

use plenary::content_types::{ContentType, REDIRECT};
use serde_json::{Value, json};

/// Returns the label of an item with this name. That of a redirect is a path.
pub fn label(resource: &ContentType, name: &str) -> String {
    if resource.kind == REDIRECT.kind { format!("/{name}") } else { name.to_owned() }
}

/// Adds what a content needs beside its label and its relations.
pub fn complete(resource: &ContentType, body: &mut Value) {
    if resource.kind == REDIRECT.kind {
        body["status_code"] = json!(410);
    }
}
