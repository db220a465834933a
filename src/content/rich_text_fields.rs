//! The rich texts of an item: what of them is not shown, and their HTML by present rules.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::field::{Field, FieldType};
use super::hidden_markup::hidden_markup;
use super::rich_text::{RichTextFormat, stored_value};
use super::violation::{Violation, child_pointer};

/// Code of the notes on what of a rich text is not shown.
pub const NOT_SHOWN: &str = "not_shown";

/// Returns a note for each rich text of an item of which a part is not shown. The item may be in its input form, in one
/// locale or in all, a part of it as in a merge patch, or in its stored form.
pub fn not_shown(fields: &'static [Field], content: &Map<String, Value>, pointer: &str) -> Vec<Violation> {
    notes(fields, content, pointer, &HashMap::new())
}

/// Returns the notes of [`not_shown`] on an item, or on the request that wrote it. `stored` is its stored form, whose
/// HTML need not be made again.
pub fn not_shown_of_item(
    fields: &'static [Field],
    content: &Map<String, Value>,
    stored: &Map<String, Value>,
) -> Vec<Violation> {
    let mut known = HashMap::new();
    visit_fields(fields, stored, "", &mut |_, text| {
        if let (Some(source), Some(html)) = (source(text), text.get("html").and_then(Value::as_str)) {
            known.insert(source, html);
        }
    });
    notes(fields, content, "", &known)
}

/// The HTML of rich texts, by format and source.
type KnownHtml<'a> = HashMap<(RichTextFormat, &'a str), &'a str>;

fn notes(
    fields: &'static [Field],
    content: &Map<String, Value>,
    pointer: &str,
    known: &KnownHtml<'_>,
) -> Vec<Violation> {
    let mut notes = Vec::new();
    visit_fields(fields, content, pointer, &mut |pointer, text| {
        let Some((format, source)) = source(text) else { return };
        if let Some(names) = hidden_markup(format, source, known.get(&(format, source)).copied()) {
            let message = format!("not shown: {names}");
            notes.push(Violation { pointer: pointer.to_owned(), code: NOT_SHOWN.to_owned(), message });
        }
    });
    notes
}

/// Makes the HTML of all rich texts of stored content again from their sources.
pub fn renew(fields: &'static [Field], content: &mut Map<String, Value>) {
    for field in fields {
        if let Some(value) = content.get_mut(field.name) {
            renew_value(&field.kind, value);
        }
    }
}

fn renew_value(kind: &'static FieldType, value: &mut Value) {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(content)) => {
            if let Some(declared) = kind.object_type(content) {
                renew(declared.fields, content);
            }
        }
        (FieldType::List { of, .. }, Value::Array(list)) => list.iter_mut().for_each(|value| renew_value(of, value)),
        (FieldType::Rich { .. }, text) => match (source(text), text.as_object()) {
            (Some((format, source)), _) => *text = stored_value(format, source),
            (None, Some(_)) => {
                let locales = text.as_object_mut().into_iter().flat_map(Map::values_mut);
                locales.for_each(|text| renew_value(kind, text));
            }
            (None, None) => {}
        },
        _ => {}
    }
}

/// Visits each rich text with its JSON Pointer.
fn visit_fields<'c>(
    fields: &'static [Field],
    content: &'c Map<String, Value>,
    pointer: &str,
    visit: &mut dyn FnMut(&str, &'c Value),
) {
    for field in fields {
        if let Some(value) = content.get(field.name) {
            visit_value(&field.kind, value, &child_pointer(pointer, field.name), visit);
        }
    }
}

fn visit_value<'c>(kind: &'static FieldType, value: &'c Value, pointer: &str, visit: &mut dyn FnMut(&str, &'c Value)) {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(content)) => {
            if let Some(declared) = kind.object_type(content) {
                visit_fields(declared.fields, content, pointer, visit);
            }
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                visit_value(of, value, &child_pointer(pointer, &index.to_string()), visit);
            }
        }
        (FieldType::Rich { .. }, Value::Object(locales)) if source(value).is_none() => {
            for (locale, text) in locales.iter().filter(|(_, text)| source(text).is_some()) {
                visit(&child_pointer(pointer, locale), text);
            }
        }
        (FieldType::Rich { .. }, text) => visit(pointer, text),
        _ => {}
    }
}

/// Returns the format and the source of a rich text; `None` if it has none, as an object of locales.
fn source(text: &Value) -> Option<(RichTextFormat, &str)> {
    let source = text.as_str().or_else(|| text.get("source")?.as_str())?;
    let format = text.get("format").and_then(Value::as_str).and_then(RichTextFormat::from_word);
    Some((format.unwrap_or_else(|| RichTextFormat::guess(source)), source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static FIELDS: [Field; 2] = [
        Field::new("title", FieldType::Line { max: 300 }, "", "").localised(),
        Field::new("body", FieldType::Rich { max: 1_000 }, "", "").localised(),
    ];

    fn notes(content: Value) -> Vec<String> {
        let notes = not_shown(&FIELDS, content.as_object().unwrap(), "");
        notes.into_iter().map(|note| format!("{} {}", note.pointer, note.message)).collect()
    }

    #[test]
    fn notes_name_their_place() {
        let frame = "<p>a</p><iframe src=\"/x\"></iframe>";
        assert_eq!(notes(json!({"body": frame})), ["/body not shown: iframe"]);
        assert_eq!(notes(json!({"body": {"format": "markdown", "source": frame}})), ["/body not shown: iframe"]);
        assert_eq!(notes(json!({"body": {"en": "a", "nl": {"source": frame}}})), ["/body/nl not shown: iframe"]);
        assert!(notes(json!({"body": null, "title": frame, "summary": 1})).is_empty());
    }

    #[test]
    fn texts_are_made_again() {
        let source = "<h2 id=x>X</h2>";
        let mut content = json!({"title": {"en": source},
            "body": {"en": {"format": "html", "source": source, "html": "<h2>X</h2>"}, "nl": {"format": "markdown", "source": "a", "html": ""}}});
        renew(&FIELDS, content.as_object_mut().unwrap());
        assert_eq!(content["body"]["en"]["html"], "<h2 id=\"h-x\">X</h2>");
        assert_eq!(content["body"]["nl"], stored_value(RichTextFormat::Markdown, "a"));
        assert_eq!(content["title"]["en"], source);
    }
}
