//! The input schemas of tools, made from the components of the OpenAPI document of this site. Each is complete in
//! itself: references are replaced by what they refer to, so that hosts need to resolve none.

use serde_json::{Map, Value, json};

use super::tool::{AgentTool, Argument, Place, steps};
use crate::api::openapi::{self, DocumentView};
use crate::api::parameters::MAX_NUMBER;
use crate::app::App;
use crate::content_types::{ALL, ContentType, PAGE_COLLECTIONS};

/// Keywords that schemas of tools do not have: they are long, and the server checks them anyway.
const OMITTED: [&str; 6] = ["pattern", "example", "examples", "title", "uniqueItems", "x-enum-varnames"];

/// The schemas of the API, from which those of tools are made.
pub struct ToolSchemas {
    document: Value,
    may_publish: bool,
}

impl ToolSchemas {
    /// Reads the schemas of this site.
    pub fn read(app: &App) -> Self {
        let document = openapi::document(&app.site, &app.config.public_url, DocumentView::All);
        Self { document, may_publish: app.config.mcp.publish }
    }

    /// Returns the schema of the arguments of a tool, as editors or as others see it.
    pub fn input(&self, tool: &'static AgentTool, for_editors: bool) -> Map<String, Value> {
        let shown = tool.arguments.iter().filter(|argument| for_editors || !argument.for_editors);
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for argument in shown {
            let mut schema = self.argument(tool, argument);
            if let Some(about) = argument.about {
                schema.insert("description".to_owned(), about.into());
            }
            properties.insert(argument.name.to_owned(), schema.into());
            if argument.required {
                required.push(Value::from(argument.name));
            }
        }
        let schema =
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        object(schema)
    }

    fn argument(&self, tool: &'static AgentTool, argument: &Argument) -> Map<String, Value> {
        match argument.place {
            Place::Collection => object(json!({"type": "string", "enum": PAGE_COLLECTIONS})),
            Place::Path("id_or_slug") => self.component("IdOrSlug"),
            Place::Path(_) | Place::IfMatch => object(json!({"type": "integer", "minimum": 1, "maximum": MAX_NUMBER})),
            Place::IdempotencyKey => object(json!({"type": "string", "minLength": 1, "maxLength": 255})),
            Place::Limit(max) => self.limit(tool, max),
            Place::Operation => {
                object(json!({"type": "string", "enum": steps(self.may_publish), "default": steps(false)[0]}))
            }
            Place::Filters => filters(tool),
            Place::Query("sort") => {
                by_collection("Sort keys, in order; a leading `-` sorts in descending order", sort_keys)
            }
            Place::Query("include") => {
                by_collection("Relations whose items are embedded whole, instead of id, slug and label", includes)
            }
            Place::Query("fields") => object(json!({
                "type": "array", "items": {"type": "string"}, "maxItems": 100,
                "description": "Only these fields, besides id and slug; dots lead into objects and related items.",
            })),
            Place::Query(name) => self.parameter(tool, name),
            Place::Content => self.content(),
            Place::Patch => object(json!({
                "type": "object",
                "description": "Changes to the content as a JSON Merge Patch (RFC 7396), with the members that \
                                `content` of `draft` has for the collection. Only what it names changes; null removes \
                                a value; a list is replaced as a whole.",
            })),
        }
    }

    /// Returns the schema of a component.
    fn component(&self, name: &str) -> Map<String, Value> {
        object(self.resolve(&json!({"$ref": format!("#/components/schemas/{name}")})))
    }

    /// Returns the schema of a query parameter of an operation that the tool calls, with its description.
    fn parameter(&self, tool: &'static AgentTool, name: &str) -> Map<String, Value> {
        // Which operation a tool calls can depend on these arguments.
        let arguments = [json!({}), json!({"id": "", "version": 1})].map(object);
        let found = arguments.iter().find_map(|arguments| {
            // The parameters that are resolved here are the same for all collections, and for all steps.
            let path = (tool.path)(arguments).replacen("{collection}", "events", 1);
            let path = path.replacen("{operation}", steps(false)[0], 1);
            let parameters = self.operation(tool, &path)?.get("parameters")?.as_array()?;
            parameters.iter().map(|parameter| self.target(parameter)).find(|parameter| parameter["name"] == name)
        });
        let Some(parameter) = found else { return Map::new() };
        let mut schema = object(self.resolve(&parameter["schema"]));
        schema.insert("description".to_owned(), parameter["description"].clone());
        schema
    }

    /// Returns the operation of a path, which may be one that all collections share.
    fn operation(&self, tool: &AgentTool, path: &str) -> Option<&Value> {
        let shared = path.replacen("/events/", "/{collection}/", 1);
        let feed = path.replacen("events.ics", "events.{format}", 1);
        let paths = self.document["paths"].as_object()?;
        let item = [path, shared.as_str(), feed.as_str()].into_iter().find_map(|path| paths.get(path))?;
        item.get(tool.method.to_ascii_lowercase())
    }

    fn limit(&self, tool: &'static AgentTool, max: i64) -> Map<String, Value> {
        let mut schema = self.parameter(tool, "limit");
        schema.insert("maximum".to_owned(), max.into());
        let default =
            tool.defaults.iter().find(|(name, _)| *name == "limit").and_then(|(_, value)| value.parse::<i64>().ok());
        if let Some(default) = default {
            schema.insert("default".to_owned(), default.into());
        }
        schema
    }

    /// Returns the schema of the content of an item: that of one of the collections.
    fn content(&self) -> Map<String, Value> {
        let inputs: Vec<Value> = of_pages().map(|content_type| self.input_of(content_type).into()).collect();
        object(json!({"anyOf": inputs, "description": "Content of the item, by the fields of its collection."}))
    }

    fn input_of(&self, content_type: &ContentType) -> Map<String, Value> {
        let mut schema = self.component(&format!("{}Input", content_type.schema));
        let about = format!("Content of one of the {}.", content_type.collection);
        schema.insert("description".to_owned(), about.into());
        if let Some(properties) =
            schema.get_mut("properties").and_then(Value::as_object_mut).filter(|_| !self.may_publish)
        {
            properties.shift_remove("status");
        }
        schema
    }

    /// Returns the value to which a value of the document refers, or the value itself.
    fn target<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        reference.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }

    /// Returns a schema without references. Keywords beside a reference override those of its target. Instead of the
    /// content of a related item, a tool takes a reference to it, since schemas within each other would be too large.
    fn resolve(&self, schema: &Value) -> Value {
        match schema {
            Value::Array(list) => list.iter().map(|entry| self.resolve(entry)).collect(),
            Value::Object(members) if members.contains_key("discriminator") => self.union(members),
            Value::Object(members) => {
                let name = members.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
                let target = match name {
                    Some(name) if name.ends_with("ReferenceInput") => self.component("IdOrSlug").into(),
                    // The schemas of custom fields may refer to themselves.
                    Some(name) if name.ends_with("Custom") && self.target(schema).to_string().contains("\"$ref\"") => {
                        json!({"type": "object"})
                    }
                    Some(_) => self.resolve(self.target(schema)),
                    None => json!({}),
                };
                let mut whole = object(target);
                for (name, member) in members.iter().filter(|(name, _)| *name != "$ref") {
                    match name.as_str() {
                        "properties" => drop(whole.insert(name.clone(), self.resolved_members(member))),
                        name if OMITTED.contains(&name) => {}
                        _ => drop(whole.insert(name.clone(), self.resolve(member))),
                    }
                }
                Value::Object(whole)
            }
            scalar => scalar.clone(),
        }
    }

    /// Returns the short form of a union: its types with the names of their members. Whole, it would be larger than all the
    /// rest, and the server names what is wrong with an object.
    fn union(&self, union: &Map<String, Value>) -> Value {
        let variants = union.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let (mut words, mut members) = (Vec::new(), Vec::new());
        for variant in variants.map(|variant| self.target(variant)) {
            let properties = variant["properties"].as_object().into_iter().flatten();
            let is_required =
                |name: &str| variant["required"].as_array().is_some_and(|names| names.contains(&name.into()));
            let word = variant["properties"]["type"]["const"].as_str().unwrap_or_default();
            let names = properties.filter(|(name, _)| !["type", "id"].contains(&name.as_str()));
            let names: Vec<String> =
                names.map(|(name, _)| if is_required(name) { format!("{name}*") } else { name.clone() }).collect();
            words.push(Value::from(word));
            members.push(format!("{word}: {}", names.join(" ")));
        }
        let about = union.get("description").and_then(Value::as_str).unwrap_or_default();
        let about = format!("{about} Members by type (* required): {}.", members.join("; "));
        json!({"type": "object", "description": about, "required": ["type"],
            "properties": {"type": {"type": "string", "enum": words}, "id": {"type": "string"}}})
    }

    /// Resolves the members of a map from name to schema, whose names are no keywords.
    fn resolved_members(&self, map: &Value) -> Value {
        let members = map.as_object().into_iter().flatten();
        members.map(|(name, schema)| (name.clone(), self.resolve(schema))).collect::<Map<_, _>>().into()
    }
}

/// Returns the content types that agents read and write: those of pages. The layout is left to people.
fn of_pages() -> impl Iterator<Item = &'static ContentType> {
    ALL.into_iter().filter(|content_type| !content_type.is_without_page())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Returns the schema of the filters of the collections that a tool reads.
fn filters(tool: &AgentTool) -> Map<String, Value> {
    let only_events = tool.arguments.iter().all(|argument| argument.place != Place::Collection);
    let named = of_pages().filter(|content_type| !only_events || content_type.kind == "event").map(|content_type| {
        let names: Vec<&str> = content_type.filters.iter().map(|filter| filter.name).collect();
        format!("{}: {}", content_type.collection, names.join(", "))
    });
    let about = format!(
        "Filters as an object from name to value, or to a list of which one must match. Items are named by id or slug. \
         A name can have an operator: `[all]` and `[none]` for lists, `[gte]`, `[gt]`, `[lte]`, `[lt]` for times. \
         Filters of {}.",
        named.collect::<Vec<_>>().join("; ")
    );
    let value = json!({"type": ["string", "number", "boolean", "array"], "items": {"type": "string"}});
    object(json!({"type": "object", "additionalProperties": value, "description": about}))
}

/// Returns the schema of a list of names that differ between collections.
fn by_collection(about: &str, names: fn(&'static ContentType) -> String) -> Map<String, Value> {
    let named = of_pages().map(|content_type| (content_type.collection, names(content_type)));
    let named =
        named.filter(|(_, names)| !names.is_empty()).map(|(collection, names)| format!("{collection}: {names}"));
    let about = format!("{about}. By collection: {}.", named.collect::<Vec<_>>().join("; "));
    object(json!({"type": "array", "items": {"type": "string"}, "description": about}))
}

fn sort_keys(content_type: &'static ContentType) -> String {
    content_type.sorts.iter().map(|sort| sort.name).collect::<Vec<_>>().join(", ")
}

/// Returns the relations of a content type; those of related items follow after a dot.
fn includes(content_type: &'static ContentType) -> String {
    let direct = content_type.includes().iter().filter(|name| !name.contains('.'));
    direct.copied().collect::<Vec<_>>().join(", ")
}
