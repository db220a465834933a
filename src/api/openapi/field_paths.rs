//! The schema of the paths that the parameter `fields` accepts. The paths of a content type are too many for an
//! enumeration, whose members would also have names such as `title`, which Python's strings have; a pattern says the
//! same in less space.

use std::collections::BTreeMap;

use utoipa::openapi::Schema;

use crate::api::openapi::schemas::text;
use crate::content_types::ContentType;

/// Returns the name of the schema of [`field_path`].
pub fn field_path_name(content_type: &ContentType) -> String {
    format!("{}FieldPath", content_type.schema)
}

/// Returns the schema of a path of `fields`, which is one of [`ContentType::paths`].
pub fn field_path(content_type: &'static ContentType) -> Schema {
    let mut root = Node::default();
    for path in content_type.paths() {
        path.name.split('.').fold(&mut root, |node, name| node.below.entry(name).or_default()).is_path = true;
    }
    Schema::Object(text().pattern(Some(format!("^{}$", root.pattern()))).build())
}

/// The paths that begin with the same names.
#[derive(Default)]
struct Node {
    /// Whether the path may end here.
    is_path: bool,
    below: BTreeMap<&'static str, Node>,
}

impl Node {
    /// Returns the pattern of what may follow.
    fn pattern(&self) -> String {
        let below: Vec<String> =
            self.below.iter().map(|(name, node)| format!("{name}{}", node.suffix_pattern())).collect();
        format!("({})", below.join("|"))
    }

    /// Returns the pattern of what may follow after the name of this node.
    fn suffix_pattern(&self) -> String {
        match (self.below.is_empty(), self.is_path) {
            (true, _) => String::new(),
            (false, true) => format!(r"(\.{})?", self.pattern()),
            (false, false) => format!(r"\.{}", self.pattern()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content_types::ALL;

    #[test]
    fn the_pattern_accepts_the_paths_and_no_others() {
        for content_type in ALL {
            let Schema::Object(schema) = field_path(content_type) else { panic!("a text") };
            let schema = serde_json::json!({"pattern": schema.pattern});
            let accepts = |path: &str| jsonschema::is_valid(&schema, &path.into());
            for path in content_type.paths() {
                assert!(accepts(path.name), "{}: {}", content_type.kind, path.name);
                assert!(!accepts(&format!("{}.", path.name)) && !accepts(&format!("x.{}", path.name)));
            }
            for wrong in ["", "unknown", "idid", "id.slug", "title.name", "id,slug"] {
                assert!(!accepts(wrong), "{}: {wrong}", content_type.kind);
            }
        }
    }
}
