//! Fields that the site declares for itself, each kind of resource with a JSON Schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use super::fault::Faults;

/// JSON Schemas (2020-12 unless they say otherwise) for `custom`, by kind of resource.
#[derive(Clone, Default)]
pub struct CustomSchemas(Arc<BTreeMap<String, Validator>>);

impl std::fmt::Debug for CustomSchemas {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl CustomSchemas {
    /// Compiles the schemas; the error names the kind whose schema is no JSON Schema.
    pub fn compile(schemas: &BTreeMap<String, Value>) -> Result<Self, (String, String)> {
        let mut compiled = BTreeMap::new();
        for (kind, schema) in schemas {
            let validator = jsonschema::validator_for(schema).map_err(|e| (kind.clone(), e.to_string()))?;
            compiled.insert(kind.clone(), validator);
        }
        Ok(Self(Arc::new(compiled)))
    }

    /// Notes every way in which `value` breaks the schema of its kind.
    pub fn check(&self, kind: &str, value: &Value, pointer: &str, faults: &mut Faults) {
        match self.0.get(kind) {
            Some(schema) => {
                for error in schema.iter_errors(value) {
                    faults.add(format!("{pointer}{}", error.instance_path()), "custom_schema", error.to_string());
                }
            }
            None if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
            None => faults.add(
                pointer,
                "not_declared",
                format!("this site declares no custom fields for the kind \"{kind}\""),
            ),
        }
    }
}
