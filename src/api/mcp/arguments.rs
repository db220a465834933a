//! The arguments of a tool call, as the request to a route that they become.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use actix_web::web::Bytes;
use serde_json::{Map, Value};

use super::tool::{AgentTool, Argument, Place, steps};
use crate::api::parameters::MAX_NUMBER;
use crate::content::violation::{Violation, Violations, child_pointer, unknown_name_message};
use crate::content_types::PAGE_COLLECTIONS;
use crate::delivery::query::Pairs;
use crate::http::response::JSON;
use crate::items::if_match::version_tag;

/// The request that a tool call becomes.
#[derive(Debug, Clone)]
pub struct ToolRequest {
    /// Path of the route.
    pub path: String,
    /// Parameters of the path.
    pub parameters: Vec<(String, String)>,
    /// Query parameters.
    pub query_pairs: Pairs,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Reads the arguments of a call. Values are judged by the route; here, they are only put into their places.
///
/// # Errors
/// Fails with a violation for each argument that is unknown, missing, or cannot be put into its place.
pub fn read(
    tool: &'static AgentTool,
    arguments: &Map<String, Value>,
    may_publish: bool,
) -> Result<ToolRequest, Violations> {
    // Models send null for an argument that they leave out.
    let given: Map<String, Value> = arguments
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut reader = Reader { request: for_path((tool.path)(&given)), violations: Violations::new(), may_publish };
    for name in arguments.keys().filter(|name| !tool.arguments.iter().any(|known| known.name == name.as_str())) {
        let known = tool.arguments.iter().map(|argument| argument.name);
        let message = unknown_name_message("argument", name, known);
        reader.violations.add(child_pointer("", name), "unknown_argument", message);
    }
    for argument in tool.arguments {
        match given.get(argument.name) {
            Some(value) => reader.put(argument, value),
            None if argument.required => reader.refuse(argument, "required", "this argument is required"),
            None if argument.place == Place::Operation => reader.put(argument, &steps(may_publish)[0].into()),
            None => {}
        }
    }
    if reader.violations.is_empty() { Ok(reader.request) } else { Err(reader.violations) }
}

fn for_path(path: &str) -> ToolRequest {
    ToolRequest {
        path: path.to_owned(),
        parameters: Vec::new(),
        query_pairs: Pairs::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

/// A request that is being made of arguments.
struct Reader {
    request: ToolRequest,
    violations: Violations,
    may_publish: bool,
}

impl Reader {
    fn refuse(&mut self, argument: &Argument, code: &str, message: &str) {
        self.violations.add(child_pointer("", argument.name), code, message);
    }

    fn put(&mut self, argument: &Argument, value: &Value) {
        match argument.place {
            Place::Collection => self.put_word(argument, "collection", value, PAGE_COLLECTIONS),
            Place::Operation => self.put_word(argument, "operation", value, steps(self.may_publish)),
            Place::Path(name) => match text(value).filter(|text| !text.is_empty()) {
                Some(text) => self.request.parameters.push((name.to_owned(), text)),
                None => self.refuse(argument, "wrong_type", "must be a text that is not empty"),
            },
            Place::Query(name) => self.put_query(child_pointer("", argument.name), name, value),
            Place::Limit(max) => match value.as_i64().filter(|limit| (1..=max).contains(limit)) {
                Some(limit) => self.request.query_pairs.push(("limit".to_owned(), limit.to_string())),
                None => self.refuse(argument, "out_of_range", &format!("a whole number between 1 and {max}")),
            },
            Place::Filters => match value.as_object() {
                Some(filters) => {
                    filters
                        .iter()
                        .for_each(|(name, value)| self.put_query(child_pointer("/filters", name), name, value));
                }
                None => self.refuse(argument, "wrong_type", "must be an object from filter to value"),
            },
            Place::IfMatch => match value.as_i64().filter(|version| (1..=MAX_NUMBER).contains(version)) {
                Some(version) => self.put_header(argument, IF_MATCH, &version_tag(version)),
                None => self.refuse(argument, "wrong_type", "must be a version: a whole number from 1"),
            },
            Place::IdempotencyKey => match value.as_str() {
                Some(key) => self.put_header(argument, HeaderName::from_static("idempotency-key"), key),
                None => self.refuse(argument, "wrong_type", "must be a text"),
            },
            Place::Content | Place::Patch => {
                self.put_header(argument, CONTENT_TYPE, JSON);
                self.request.body = Bytes::from(value.to_string());
            }
        }
    }

    /// Puts a word into its place in the path of the route.
    fn put_word(&mut self, argument: &Argument, place: &str, value: &Value, known: &'static [&'static str]) {
        match known.iter().find(|word| value.as_str() == Some(**word)) {
            Some(word) => self.request.path = self.request.path.replacen(&format!("{{{place}}}"), word, 1),
            None => {
                let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let message = unknown_name_message("value", &given, known.iter().copied());
                self.refuse(argument, "not_allowed", &message);
            }
        }
    }

    fn put_query(&mut self, pointer: String, name: &str, value: &Value) {
        match text(value) {
            Some(text) => self.request.query_pairs.push((name.to_owned(), text)),
            None => {
                let message = "must be a text, a number, a boolean, or a list of these";
                self.violations.add(pointer, "wrong_type", message);
            }
        }
    }

    fn put_header(&mut self, argument: &Argument, name: HeaderName, value: &str) {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(self.request.headers.insert(name, value)),
            Err(_) => self.refuse(argument, "not_a_value", "must be visible ASCII characters"),
        }
    }
}

/// Returns a value as the text of a query parameter: a list separated by commas.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(list) => {
            let texts = list.iter().map(|entry| text(entry).filter(|_| !entry.is_array()));
            Some(texts.collect::<Option<Vec<String>>>()?.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// Turns the places of violations in the request into pointers into the arguments.
pub fn point_to_arguments(tool: &'static AgentTool, violations: &mut [Violation]) {
    for violation in violations {
        if let Some(pointer) = argument_pointer(tool, &violation.pointer) {
            violation.pointer = pointer;
        }
    }
}

/// Returns the pointer to the argument that became this place in the request; `None` if no argument did.
fn argument_pointer(tool: &'static AgentTool, place: &str) -> Option<String> {
    let argument = |is: &dyn Fn(Place) -> bool| {
        let found = tool.arguments.iter().find(|argument| is(argument.place));
        found.map(|argument| format!("/{}", argument.name))
    };
    match (place.strip_prefix('?'), place) {
        (Some("limit"), _) => argument(&|place| matches!(place, Place::Limit(_))),
        (Some(name), _) => {
            let own = argument(&|place| matches!(place, Place::Query(parameter) if parameter == name));
            own.or_else(|| Some(child_pointer("/filters", name)))
        }
        (None, "If-Match") => argument(&|place| place == Place::IfMatch),
        (None, "Idempotency-Key") => argument(&|place| place == Place::IdempotencyKey),
        (None, below) => {
            argument(&|place| matches!(place, Place::Content | Place::Patch)).map(|pointer| format!("{pointer}{below}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::mcp::tool;

    fn call(name: &str, arguments: Value) -> Result<ToolRequest, Vec<(String, String)>> {
        let read = read(tool::find(name).unwrap(), arguments.as_object().unwrap(), false);
        read.map_err(|violations| violations.into_vec().into_iter().map(|v| (v.pointer, v.code)).collect())
    }

    fn faults(faults: &[(&str, &str)]) -> Vec<(String, String)> {
        faults.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
    }

    #[test]
    fn arguments_become_a_request() {
        let arguments = json!({"collection": "events", "limit": 3, "fields": ["title", "starts_at"], "cursor": null,
            "filters": {"topic": ["water", "law"], "starts_at[gte]": "2027-01-01"}});
        let request = call("list", arguments).unwrap();
        let pairs: Vec<String> = request.query_pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(request.path, "/api/v1/events");
        assert_eq!(pairs, ["topic=water,law", "starts_at[gte]=2027-01-01", "fields=title,starts_at", "limit=3"]);
        let submit = call("submit", json!({"collection": "speakers", "id": "anna", "version": 3})).unwrap();
        assert_eq!(submit.path, "/api/v1/speakers/{id_or_slug}/submit");
        assert_eq!(submit.headers.get(IF_MATCH).unwrap(), "\"v3\"");
        let diff = call("history", json!({"collection": "events", "id": "e", "version": 2})).unwrap();
        assert!(diff.path.ends_with("/revisions/{version}/diff"));
    }

    /// A tool with several routes takes the same one whether an optional argument is null or left out.
    #[test]
    fn null_is_absent() {
        for tool in &tool::TOOLS {
            let given = |argument: &&Argument| argument.required;
            let required: Map<String, Value> = tool
                .arguments
                .iter()
                .filter(given)
                .map(|argument| match argument.place {
                    Place::Collection => (argument.name.to_owned(), json!("events")),
                    Place::Content | Place::Patch => (argument.name.to_owned(), json!({"title": "A"})),
                    Place::IfMatch => (argument.name.to_owned(), json!(1)),
                    _ => (argument.name.to_owned(), json!("a")),
                })
                .collect();
            let mut with_null = required.clone();
            let optional = tool.arguments.iter().filter(|argument| !argument.required);
            with_null.extend(optional.map(|argument| (argument.name.to_owned(), Value::Null)));
            let (absent, null) = (call(tool.name, required.into()), call(tool.name, with_null.into()));
            let (absent, null) = (absent.unwrap(), null.unwrap());
            assert_eq!((&null.path, &null.parameters), (&absent.path, &absent.parameters), "{}", tool.name);
            assert_eq!((&null.query_pairs, &null.body), (&absent.query_pairs, &absent.body), "{}", tool.name);
        }
        let history = call("history", json!({"collection": "events", "id": "e", "version": null})).unwrap();
        assert!(history.path.ends_with("/revisions"));
        assert_eq!(call("calendar", json!({"id": null})).unwrap().path, "/api/v1/events.ics");
        assert_eq!(
            call("get", json!({"collection": "events", "id": null})).unwrap_err(),
            faults(&[("/id", "required")])
        );
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let wrong = json!({"collection": "people", "limit": 1000, "filters": {"topic": {"a": 1}}, "limt": 1});
        let expected = [
            ("/limt", "unknown_argument"),
            ("/collection", "not_allowed"),
            ("/filters/topic", "wrong_type"),
            ("/limit", "out_of_range"),
        ];
        assert_eq!(call("list", wrong).unwrap_err(), faults(&expected));
        let expected = [("/id", "required"), ("/version", "wrong_type"), ("/operation", "not_allowed")];
        let wrong = json!({"collection": "events", "version": "3", "operation": "publish"});
        assert_eq!(call("submit", wrong).unwrap_err(), faults(&expected));
        assert_eq!(
            call("list", json!({"collection": "events", "filters": 1})).unwrap_err(),
            faults(&[("/filters", "wrong_type")])
        );
    }

    #[test]
    fn violations_point_to_arguments() {
        let to = |name: &str, place: &str| argument_pointer(tool::find(name).unwrap(), place);
        assert_eq!(to("search", "?q").as_deref(), Some("/q"));
        assert_eq!(to("list", "?limit").as_deref(), Some("/limit"));
        assert_eq!(to("list", "?topic").as_deref(), Some("/filters/topic"));
        assert_eq!(to("calendar", "?starts_at[gte]").as_deref(), Some("/from"));
        assert_eq!(to("draft", "/title").as_deref(), Some("/content/title"));
        assert_eq!(to("draft", "").as_deref(), Some("/content"));
        assert_eq!(to("update", "If-Match").as_deref(), Some("/version"));
        assert_eq!(to("checks", "/title"), None);
    }
}
