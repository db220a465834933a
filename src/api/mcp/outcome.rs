//! The results of tools: the responses of the API, bounded, with a note on how to go on.

use actix_web::http::header::ETAG;
use actix_web::web::Bytes;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::tool::{AgentTool, Paging};
use crate::http::preconditions::version_of;
use crate::http::response::Response;
use crate::problem::ProblemBody;

/// Largest result in bytes, about 12,000 tokens of a model.
pub const MAX_RESULT_BYTES: usize = 50_000;
/// Numbers of characters to which long texts are cut, until the result is small enough.
const TEXT_LIMITS: [usize; 4] = [4_000, 1_000, 250, 60];

/// The response of a route, as far as a tool shows it.
pub struct ToolOutput {
    /// Media type.
    pub media_type: &'static str,
    /// The body, in the form that the tool shows.
    pub body: Bytes,
    /// Version of the item, from the entity tag; `None` if the response is not one of an item.
    pub version: Option<i64>,
}

impl ToolOutput {
    /// Reads a response. Of changes, only what identifies the items is kept.
    pub fn from_response(tool: &AgentTool, response: Response) -> Self {
        let (media_type, body, tag) = match response.cached {
            Some(cached) => {
                let tag = cached.response.tag.as_str().to_owned();
                (cached.response.media_type, cached.response.body(), tag)
            }
            None => {
                let tag = response.headers.iter().find(|(name, _)| name == ETAG).and_then(|(_, tag)| tag.to_str().ok());
                (response.media_type, response.body, tag.unwrap_or_default().to_owned())
            }
        };
        let body = if tool.name == "changes" { short_changes(&body).unwrap_or(body) } else { body };
        Self { media_type, body, version: version_of(&tag) }
    }

    /// Returns whether the result is too large to be shown whole.
    pub fn is_too_large(&self) -> bool {
        self.body.len() > MAX_RESULT_BYTES
    }
}

/// Returns a page of changes with what identifies each item, and not its content.
fn short_changes(body: &[u8]) -> Option<Bytes> {
    const KEPT: [&str; 6] = ["id", "slug", "title", "name", "version", "updated_at"];
    let mut page: Value = serde_json::from_slice(body).ok()?;
    for change in page.get_mut("data")?.as_array_mut()? {
        if let Some(item) = change.get_mut("item").and_then(Value::as_object_mut) {
            item.retain(|name, _| KEPT.contains(&name.as_str()));
        }
    }
    Some(Bytes::from(page.to_string()))
}

/// The members of a page of the API that tell whether it is the last one.
#[derive(Deserialize)]
struct PageEnd {
    page: Option<Cursors>,
    more: Option<bool>,
    next: Option<Value>,
    data: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Cursors {
    next: Option<String>,
}

/// Returns the note on how to get what follows a page; `None` if nothing does.
pub fn continuation(paging: Paging, body: &[u8], offset: usize) -> Option<String> {
    if paging == Paging::Whole {
        return None;
    }
    let end: PageEnd = serde_json::from_slice(body).ok()?;
    let (argument, value): (&str, Value) = match paging {
        Paging::Whole => return None,
        Paging::Cursor => ("cursor", end.page?.next?.into()),
        Paging::Offset => {
            ("offset", end.more.filter(|more| *more).map(|_| offset + end.data.map_or(0, |hits| hits.len()))?.into())
        }
        Paging::Next(argument) => (argument, end.next.filter(|next| !next.is_null())?),
    };
    let value = json!({argument: value});
    Some(match (paging, end.more) {
        (Paging::Next(_), Some(false)) => {
            format!("This is all for now. To ask later what changed, call again with {value}.")
        }
        _ => format!("There is more: call again with the same arguments and {value}."),
    })
}

/// Returns a JSON text that is small enough, and the note that says so: with long texts cut or, if that is not enough,
/// with the single values of an item alone. `None` if the body is no JSON object.
pub fn shorten_json(body: &[u8]) -> Option<(String, String)> {
    let Ok(Value::Object(mut whole)) = serde_json::from_slice(body) else { return None };
    let with_short_texts = TEXT_LIMITS.into_iter().find_map(|limit| {
        let mut short = Value::from(whole.clone());
        cut_texts(&mut short, limit);
        let text = short.to_string();
        let note = format!(
            "Texts of more than {limit} characters are cut, because the result would exceed {MAX_RESULT_BYTES} bytes. \
             `get` with `fields` returns single parts."
        );
        (text.len() <= MAX_RESULT_BYTES).then_some((text, note))
    });
    with_short_texts.or_else(|| {
        whole.retain(|_, member| !member.is_array() && !member.is_object());
        let mut short = Value::from(whole);
        cut_texts(&mut short, TEXT_LIMITS[0]);
        let note = format!(
            "Lists and objects are left out, because the result would exceed {MAX_RESULT_BYTES} bytes. `get` with \
             `fields` returns single parts."
        );
        Some((short.to_string(), note))
    })
}

fn cut_texts(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            if length > limit {
                let cut: String = text.chars().take(limit).collect();
                *text = format!("{cut}… [{} more characters]", length - limit);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|entry| cut_texts(entry, limit)),
        Value::Object(members) => members.values_mut().for_each(|member| cut_texts(member, limit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the result of a call that succeeded: the text, and the notes after it.
pub fn result(text: String, notes: Vec<String>) -> CallToolResult {
    CallToolResult::success(std::iter::once(text).chain(notes).map(ContentBlock::text).collect())
}

/// Returns the result of a call that the API refused: its problem.
pub fn refusal(problem: &ProblemBody) -> CallToolResult {
    let text = serde_json::to_value(problem).unwrap_or(Value::Object(Map::new()));
    CallToolResult::error(vec![ContentBlock::text(text.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_how_to_go_on() {
        let note = |paging, body: &str| continuation(paging, body.as_bytes(), 10);
        assert!(
            note(Paging::Cursor, r#"{"data":[],"page":{"next":"abc","prev":null,"limit":1}}"#)
                .unwrap()
                .contains(r#"{"cursor":"abc"}"#)
        );
        assert_eq!(note(Paging::Cursor, r#"{"data":[],"page":{"next":null,"prev":null,"limit":1}}"#), None);
        assert!(note(Paging::Offset, r#"{"data":[{},{}],"more":true}"#).unwrap().contains(r#"{"offset":12}"#));
        assert_eq!(note(Paging::Offset, r#"{"data":[{},{}],"more":false}"#), None);
        assert!(note(Paging::Next("before"), r#"{"data":[],"next":7}"#).unwrap().contains(r#"{"before":7}"#));
        assert!(
            note(Paging::Next("since"), r#"{"data":[],"next":"t","more":false}"#).unwrap().starts_with("This is all")
        );
        assert!(
            note(Paging::Next("since"), r#"{"data":[],"next":"t","more":true}"#).unwrap().starts_with("There is more")
        );
        assert_eq!(note(Paging::Whole, r#"{"page":{"next":"abc"}}"#), None);
    }

    #[test]
    fn long_texts_are_cut_and_the_result_says_so() {
        let body = json!({"title": "Short", "body": "ü".repeat(60_000), "list": ["x".repeat(5_000)]}).to_string();
        let (text, note) = shorten_json(body.as_bytes()).unwrap();
        let short: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(short["title"], "Short");
        assert!(short["body"].as_str().unwrap().ends_with("… [56000 more characters]"));
        assert!(note.contains("4000 characters") && text.len() <= MAX_RESULT_BYTES);
        let many = json!({"id": "1", "list": vec![0; 60_000]}).to_string();
        let (text, note) = shorten_json(many.as_bytes()).unwrap();
        assert!(text == r#"{"id":"1"}"# && note.starts_with("Lists and objects"));
        assert!(shorten_json(b"BEGIN:VCALENDAR").is_none());
    }

    #[test]
    fn changes_keep_what_identifies_an_item() {
        let page = json!({"data": [
            {"collection": "events", "operation": "upsert", "item": {"id": "1", "slug": "e", "title": "E", "body": "x"}},
            {"collection": "events", "operation": "delete", "id": "2"},
        ], "next": "t", "more": false});
        let short: Value = serde_json::from_slice(&short_changes(page.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(short["data"][0]["item"], json!({"id": "1", "slug": "e", "title": "E"}));
        assert_eq!((&short["data"][1]["id"], &short["next"]), (&json!("2"), &json!("t")));
    }
}
