//! JSON Schemas (2020-12) of the content of items in requests, for programs that build forms. Each is complete in itself.
//!
//! They are made of the components of the OpenAPI document and accept the same values, in the form that form builders
//! understand: titles, defaults and examples at each field, single values in line, enumerations as choices with titles.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::openapi::DocumentView;
use crate::api::openapi::custom_fields::move_references;
use crate::api::openapi::input_schemas::ItemInput;
use crate::api::openapi::schemas::Locales;
use crate::content::Site;
use crate::content::field::{Field, FieldType, ObjectType};
use crate::content_types::{ALL, ContentType};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// Returns the path and query of the schema of the items of a content type.
pub fn address(content_type: &ContentType, locales: Locales) -> String {
    let query = if locales == Locales::All { "?locale=*" } else { "" };
    format!("/api/v1/schemas/{}{query}", content_type.collection)
}

/// Returns the schemas of all content types by their addresses.
pub fn form_schemas(site: &Site, base_url: &str) -> BTreeMap<String, Value> {
    let document = super::document(site, base_url, DocumentView::All);
    let Some(components) = document.pointer("/components/schemas").and_then(Value::as_object) else {
        return BTreeMap::new();
    };
    let fields = fields(site);
    let mut all = BTreeMap::new();
    for content_type in ALL {
        for locales in [Locales::One, Locales::All] {
            let source = Source { components, site, base_url, locales, fields: &fields };
            all.insert(address(content_type, locales), source.schema(content_type));
        }
    }
    all
}

/// Returns the declared fields of every schema of an object in requests, by its name.
fn fields(site: &Site) -> BTreeMap<String, &'static [Field]> {
    let mut found = BTreeMap::new();
    for content_type in ALL {
        for locales in [Locales::One, Locales::All] {
            let input = ItemInput { site, locales, is_patch: false, own_kind: Some(content_type.kind) };
            found.insert(input.name(content_type), content_type.fields);
        }
        objects(content_type.fields, &mut found);
    }
    found
}

fn objects(fields: &'static [Field], found: &mut BTreeMap<String, &'static [Field]>) {
    for field in fields {
        let mut kind = &field.kind;
        while let FieldType::List { of, .. } = kind {
            kind = of;
        }
        if let FieldType::Union(union) = kind {
            for variant in union.variants {
                for locales in [Locales::One, Locales::All] {
                    found.insert(format!("{}Input", locales.name(variant.schema)), variant.fields);
                }
                objects(variant.fields, found);
            }
        }
        if let FieldType::Object(ObjectType { schema, fields, .. }) = kind {
            for locales in [Locales::One, Locales::All] {
                found.insert(format!("{}Input", locales.name(schema)), *fields);
            }
            objects(fields, found);
        }
    }
}

/// The parts from which the schemas for one form of localised texts are made.
struct Source<'a> {
    components: &'a Map<String, Value>,
    site: &'a Site,
    base_url: &'a str,
    locales: Locales,
    fields: &'a BTreeMap<String, &'static [Field]>,
}

impl Source<'_> {
    /// Returns the schema of a content type, with all schemas to which it refers in `$defs`.
    fn schema(&self, content_type: &'static ContentType) -> Value {
        let input = ItemInput { site: self.site, locales: self.locales, is_patch: false, own_kind: None };
        let root = self.component(&input.name(content_type));
        let mut definitions = Map::new();
        let mut pending = references(&root);
        while let Some(name) = pending.pop() {
            // Custom fields with an id of their own refer to definitions of theirs.
            if self.components.contains_key(&name) && !definitions.contains_key(&name) {
                let definition = self.definition(&name);
                pending.extend(references(&definition));
                definitions.insert(name, definition);
            }
        }
        definitions.sort_keys();
        let id = format!("{}{}", self.base_url, address(content_type, self.locales));
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), DIALECT.into());
        schema.insert("$id".to_owned(), id.into());
        schema.insert("title".to_owned(), title(content_type.noun).into());
        schema.extend(root.as_object().cloned().unwrap_or_default());
        schema.insert("$defs".to_owned(), definitions.into());
        schema.into()
    }

    /// Returns a schema of `$defs`.
    fn definition(&self, name: &str) -> Value {
        let of_site = |content_type: &&&ContentType| format!("{}Custom", content_type.schema) == name;
        if let Some(content_type) = ALL.iter().find(of_site)
            && let Some(declared) = self.site.custom.schema(content_type.kind)
        {
            return self.custom_fields(content_type, declared, name);
        }
        // A site without a schema of its own for a content type refuses all custom fields.
        if name == "CustomFields" {
            return json!({"type": "object", "maxProperties": 0, "title": "Custom fields"});
        }
        self.component(name)
    }

    /// Returns the schema that the site declares for its custom fields. A schema that names its dialect or has an id is a
    /// resource of its own, within which its references stay as they are.
    fn custom_fields(&self, content_type: &ContentType, declared: &Value, name: &str) -> Value {
        let mut schema = declared.clone();
        if schema.get("$schema").is_none() && schema.get("$id").is_none() {
            move_references(&mut schema, &format!("{DEFINITIONS}{name}"));
        } else if let Some(members) = schema.as_object_mut() {
            let id = format!("{}/api/v1/schemas/{}/custom", self.base_url, content_type.collection);
            members.entry("$id").or_insert(id.into());
        }
        schema
    }

    /// Returns a component in the form for form builders.
    fn component(&self, name: &str) -> Value {
        let mut schema = self.form(self.components.get(name).unwrap_or(&Value::Null));
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return schema };
        for (property, value) in properties {
            let is_locale = self.site.locales.contains(property);
            let title = if is_locale { property.clone() } else { title(property) };
            let Some(members) = value.as_object_mut() else { continue };
            members.insert("title".to_owned(), title.into());
            if let Some(about) = self.about_target(members) {
                members.entry("description").or_insert(about);
            }
            let declared =
                self.fields.get(name).and_then(|fields| fields.iter().find(|field| field.name == property.as_str()));
            if let Some(field) = declared {
                self.annotate(members, field);
            }
        }
        schema
    }

    /// Returns the description of the definition to which a schema refers: the document has it there alone.
    fn about_target(&self, schema: &Map<String, Value>) -> Option<Value> {
        let target = schema.get("$ref").or_else(|| schema.get("anyOf")?.get(0)?.get("$ref"))?.as_str()?;
        self.components.get(target.strip_prefix(DEFINITIONS)?)?.get("description").cloned()
    }

    /// Adds the default of a field, the example of one with a single value, and the bounds that the schema of a component
    /// cannot have because it is one for many fields.
    fn annotate(&self, schema: &mut Map<String, Value>, field: &Field) {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
        if let Some(default) = field.default.and_then(parsed) {
            schema.insert("default".to_owned(), default);
        }
        let is_localised = field.localised && self.locales == Locales::All;
        match field.kind {
            _ if is_localised && field.required => drop(schema.insert("minProperties".to_owned(), 1.into())),
            FieldType::Rich { max } if !is_localised => drop(schema.insert("maxLength".to_owned(), max.into())),
            _ => {}
        }
        let is_single =
            !matches!(field.kind, FieldType::Object(_) | FieldType::List { .. } | FieldType::Rows | FieldType::Custom);
        if let Some(example) = parsed(field.example).filter(|_| is_single) {
            let example = if is_localised { json!({self.site.default_locale(): example}) } else { example };
            schema.insert("examples".to_owned(), json!([example]));
        }
    }

    /// Returns a schema of the document in the form for form builders, with the schemas within it.
    fn form(&self, schema: &Value) -> Value {
        let Some(members) = schema.as_object() else { return schema.clone() };
        let mut form = Map::new();
        for (name, value) in members {
            let value = match (name.as_str(), value) {
                ("properties", Value::Object(map)) => {
                    Value::Object(map.iter().map(|(name, value)| (name.clone(), self.form(value))).collect())
                }
                ("anyOf" | "oneOf" | "allOf", Value::Array(list)) => list.iter().map(|one| self.form(one)).collect(),
                ("items" | "additionalProperties", value) => self.form(value),
                // What the generators of clients need, and a keyword of OpenAPI that has another name here.
                ("format", Value::String(format)) if format == "int64" => continue,
                // Of the schemas of a union, the constant `type` tells which one it is.
                ("x-enum-varnames" | "example" | "discriminator", _) => continue,
                (_, value) => value.clone(),
            };
            form.insert(name.clone(), value);
        }
        self.resolve(&mut form);
        write_choices(&mut form);
        write_nullable(&mut form);
        form.into()
    }

    /// Replaces a reference to a single value by its schema, and any other one by the reference to its definition.
    fn resolve(&self, schema: &mut Map<String, Value>) {
        let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(COMPONENTS))
        else {
            return;
        };
        // A form is not an entry of a batch, the items of which have no id yet.
        let name = if name == "ItemReference" { "IdOrSlug".to_owned() } else { name.to_owned() };
        let component = self.components.get(&name).unwrap_or(&Value::Null);
        if component["type"].as_str().is_none_or(|kind| matches!(kind, "object" | "array")) {
            schema.insert("$ref".to_owned(), format!("{DEFINITIONS}{name}").into());
            return;
        }
        schema.shift_remove("$ref");
        for (name, value) in self.form(component).as_object().into_iter().flatten() {
            schema.entry(name.clone()).or_insert(value.clone());
        }
    }
}

/// Writes an enumeration as choices with titles.
fn write_choices(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(words)) = schema.shift_remove("enum") {
        let choice = |word: &Value| json!({"const": word, "title": title(word.as_str().unwrap_or_default())});
        schema.insert("oneOf".to_owned(), words.iter().map(choice).collect());
    }
}

/// Writes "this single value or null" as one schema with two types, where form builders would offer a choice of schemas.
fn write_nullable(schema: &mut Map<String, Value>) {
    let Some([one, null]) = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice) else { return };
    let Some(kind) = one["type"].as_str().filter(|kind| !matches!(*kind, "object" | "array")) else { return };
    if *null != json!({"type": "null"}) {
        return;
    }
    let (mut own, types) = (one.as_object().cloned().unwrap_or_default(), json!([kind, "null"]));
    own.insert("type".to_owned(), types);
    if let Some(choices) = own.get_mut("oneOf").and_then(Value::as_array_mut) {
        choices.push(json!({"const": null, "title": "None"}));
    }
    schema.shift_remove("anyOf");
    for (name, value) in own {
        schema.entry(name).or_insert(value);
    }
}

/// Returns the names of the definitions to which a schema refers.
fn references(schema: &Value) -> Vec<String> {
    let (mut found, mut pending) = (Vec::new(), vec![schema]);
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(list) => pending.extend(list),
            Value::Object(members) => {
                let target = members.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(DEFINITIONS));
                // References of custom fields may lead into the definition that contains them.
                found.extend(target.and_then(|to| to.split('/').next()).map(str::to_owned));
                pending.extend(members.values());
            }
            _ => {}
        }
    }
    found
}

/// Returns the title of a field or choice by its name: `Starts at` for `starts_at`.
fn title(name: &str) -> String {
    let word = |word: &str| match word {
        "id" | "url" | "seo" => word.to_ascii_uppercase(),
        word => word.to_owned(),
    };
    let text = name.split(['_', '-', ' ']).map(word).collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_made_of_names() {
        assert_eq!(title("starts_at"), "Starts at");
        assert_eq!(title("policy-dialogue"), "Policy dialogue");
        assert_eq!(title("online_url"), "Online URL");
        assert_eq!(title("seo"), "SEO");
        assert_eq!(title(""), "");
    }

    #[test]
    fn single_values_may_be_null_without_a_choice_of_schemas() {
        let mut schema = json!({
            "anyOf": [{"type": "string", "enum": ["in-person"], "description": "a"}, {"type": "null"}],
            "description": "b",
        });
        let members = schema["anyOf"][0].as_object_mut().unwrap();
        write_choices(members);
        write_nullable(schema.as_object_mut().unwrap());
        let choices = json!([{"const": "in-person", "title": "In person"}, {"const": null, "title": "None"}]);
        assert_eq!(schema, json!({"type": ["string", "null"], "oneOf": choices, "description": "b"}));
        let mut object = json!({"anyOf": [{"$ref": "#/$defs/ImageInput"}, {"type": "null"}]});
        let before = object.clone();
        write_nullable(object.as_object_mut().unwrap());
        assert_eq!(object, before);
    }
}
