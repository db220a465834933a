//! What a write says of the parts of its rich texts that are not shown.

use std::borrow::Cow;

use crate::content::rich_text_fields::not_shown_of_item;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::editorial::editor::WriteResult;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::items::Item;

/// Header with the parts of the rich texts in the request that are not shown.
pub const NOT_SHOWN: &str = "Not-Shown";
/// Maximum number of rich texts that the header names.
const MAX_TEXTS: usize = 20;

/// Adds the header to the response to a write, if something in the body of the request is not shown.
pub fn with_not_shown(response: Response, request: &Request, result: &WriteResult) -> Response {
    let notes = match &result.not_shown {
        Some(notes) => Cow::Borrowed(notes),
        None => Cow::Owned(notes(request, &result.item)),
    };
    if notes.is_empty() { response } else { response.header("not-shown", header(&notes)) }
}

/// Returns notes on what in the body of a request is not shown.
fn notes(request: &Request, item: &Item) -> Vec<Violation> {
    let fields = ContentType::of_kind(&item.kind).map(|content_type| content_type.fields);
    let body = serde_json::from_slice::<serde_json::Value>(&request.body).ok();
    match (fields, body.as_ref().and_then(serde_json::Value::as_object)) {
        (Some(fields), Some(body)) => not_shown_of_item(fields, body, &item.content()),
        _ => Vec::new(),
    }
}

/// Returns the notes as a list of structured fields (RFC 9651): the JSON Pointer of each text, with `what`.
fn header(notes: &[Violation]) -> String {
    let entry = |note: &Violation| {
        let what = note.message.split_once(": ").map_or(note.message.as_str(), |(_, names)| names);
        format!("{};what={}", quoted_string(&note.pointer), quoted_string(what))
    };
    notes.iter().take(MAX_TEXTS).map(entry).collect::<Vec<String>>().join(", ")
}

/// Returns a string of structured fields, which has printable ASCII characters only.
fn quoted_string(text: &str) -> String {
    let plain = |c| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    format!("\"{}\"", text.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_plain() {
        let note = |pointer: &str, message: &str| Violation {
            pointer: pointer.to_owned(),
            code: String::new(),
            message: message.to_owned(),
        };
        let notes = [note("/body/en", "not shown: iframe (2), a\"é\\ of p"), note("/body", "not shown: x")];
        assert_eq!(header(&notes), r#""/body/en";what="iframe (2), a'?' of p", "/body";what="x""#);
        let many: Vec<Violation> = (0..50).map(|_| note("/body", "not shown: x")).collect();
        assert_eq!(header(&many).matches("what").count(), MAX_TEXTS);
    }
}
