//! Custom fields, which a site declares by a JSON Schema for each content type.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::content::violation::{Violations, child_pointer};

/// A schema as the site declared it, with its compiled form.
struct CompiledSchema {
    schema: Value,
    validator: Validator,
}

/// JSON Schemas (2020-12 unless they declare another version) for `custom`, by content type.
#[derive(Clone, Default)]
pub struct CustomSchemas(Arc<BTreeMap<String, CompiledSchema>>);

impl std::fmt::Debug for CustomSchemas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl CustomSchemas {
    /// Compiles the schemas. Formats are enforced, which JSON Schema leaves optional. Patterns are matched in time
    /// linear in the length of the text: those that require backtracking (look-around, back references) are rejected,
    /// since an editor's text could keep the server busy with them.
    ///
    /// # Errors
    ///
    /// Fails with the content type and the reason if a schema is not a valid JSON Schema, or has an unknown format or
    /// an unsupported pattern.
    pub fn compile(schemas: &BTreeMap<String, Value>) -> Result<Self, (String, String)> {
        let mut compiled = BTreeMap::new();
        for (kind, schema) in schemas {
            let options = jsonschema::options()
                .should_validate_formats(true)
                .should_ignore_unknown_formats(false)
                .with_pattern_options(PatternOptions::regex());
            let refused = |e: ValidationError<'_>| (kind.clone(), format!("at \"{}\": {e}", e.instance_path()));
            let validator = options.build(schema).map_err(refused)?;
            compiled.insert(kind.clone(), CompiledSchema { schema: schema.clone(), validator });
        }
        Ok(Self(Arc::new(compiled)))
    }

    /// Returns the schema of a content type as the site declared it.
    pub fn schema(&self, kind: &str) -> Option<&Value> {
        self.0.get(kind).map(|declared| &declared.schema)
    }

    /// Adds every violation of the content type's schema, each at the member that is invalid, missing or unknown.
    pub fn check(&self, kind: &str, value: &Value, pointer: &str, violations: &mut Violations) {
        match self.0.get(kind) {
            Some(declared) => {
                declared.validator.iter_errors(value).for_each(|error| add_violation(&error, pointer, violations));
            }
            None if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
            None => violations.add(
                pointer,
                "not_declared",
                format!("this site declares no custom fields for the content type \"{kind}\""),
            ),
        }
    }
}

fn add_violation(error: &ValidationError<'_>, pointer: &str, violations: &mut Violations) {
    const CODE: &str = "custom_schema";
    let pointer = format!("{pointer}{}", error.instance_path());
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            violations.add(child_pointer(&pointer, name), CODE, format!("\"{name}\" is required"));
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                violations.add(child_pointer(&pointer, name), CODE, format!("\"{name}\" is not declared"));
            }
        }
        // The message does not repeat the value, which may be long.
        _ => violations.add(pointer, CODE, error.masked_with("this value").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compile(schema: Value) -> Result<CustomSchemas, (String, String)> {
        CustomSchemas::compile(&BTreeMap::from([("event".to_owned(), schema)]))
    }

    fn violations(schema: Value, value: Value) -> Vec<(String, String)> {
        let mut violations = Violations::new();
        compile(schema).unwrap().check("event", &value, "/custom", &mut violations);
        violations.into_vec().into_iter().map(|violation| (violation.pointer, violation.message)).collect()
    }

    #[test]
    fn formats_are_checked_and_unknown_ones_refused() {
        let schema = |format: &str| json!({"properties": {"contact": {"type": "string", "format": format}}});
        let found = violations(schema("email"), json!({"contact": "not a mail"}));
        assert_eq!(found, [("/custom/contact".to_owned(), "this value is not a \"email\"".to_owned())]);
        assert_eq!(violations(schema("email"), json!({"contact": "a@example.org"})), []);
        for known in ["date", "date-time", "time", "uri", "uuid", "hostname", "ipv4", "regex", "duration"] {
            assert!(!violations(schema(known), json!({"contact": "?("})).is_empty(), "{known}");
        }
        let (kind, why) = compile(schema("postcode")).unwrap_err();
        assert!(kind == "event" && why.contains("postcode"), "{why}");
    }

    #[test]
    fn patterns_do_not_backtrack() {
        let schema = |pattern: &str| json!({"properties": {"code": {"type": "string", "pattern": pattern}}});
        for wrong in ["^(?=a)b", "(a)\\1", "(?<!x)y", "("] {
            assert!(compile(schema(wrong)).is_err(), "{wrong}");
        }
        // A backtracking engine would take exponential time for this pattern.
        let found = violations(schema("^(a+)+$"), json!({"code": format!("{}!", "a".repeat(5_000))}));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn members_are_named() {
        let schema = json!({
            "type": "object",
            "properties": {"seats": {"type": "integer"}, "room": {
                "type": "object", "required": ["a/b"], "additionalProperties": false, "properties": {"a/b": {}}
            }},
            "required": ["seats"],
            "additionalProperties": false,
        });
        let mut found: Vec<String> = violations(schema, json!({"room": {"x~": 1}, "colour": 1, "taste": 2}))
            .into_iter()
            .map(|fault| fault.0)
            .collect();
        found.sort();
        assert_eq!(
            found,
            ["/custom/colour", "/custom/room/a~1b", "/custom/room/x~0", "/custom/seats", "/custom/taste"]
        );
    }
}
