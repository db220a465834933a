//! Conversion of items into documents of the index: the texts of an item in each language.

use serde_json::{Map, Value};
use tantivy::TantivyDocument;
use uuid::Uuid;

use super::index::Search;
use crate::content::Site;
use crate::content::field::{Field, FieldType};
use crate::content::rich_text::to_text;
use crate::content::translations::visible_content;
use crate::content_types::{ALL, ContentType};
use crate::items::Item;
use crate::search::first_docs::sort_values;

/// Weight of a title, which is indexed this many times.
const TITLE_WEIGHT: usize = 4;

/// Returns the document of an item. `names` are the titles of the items that it refers to, in their stored
/// form.
pub fn document(search: &Search, site: &Site, item: &Item, names: &[Value]) -> Option<TantivyDocument> {
    let content_type = ContentType::of_kind(&item.kind)?;
    let id = Uuid::try_parse(&item.id).ok()?;
    let position = ALL.iter().position(|known| known.kind == item.kind)?;
    let content = item.content();
    let content = visible_content(content_type.fields, &content, &item.translations());
    let fields = &search.fields;
    let mut document = TantivyDocument::new();
    document.add_text(fields.id, &item.id);
    document.add_u64(fields.kind, position as u64);
    let (high, low) = id.as_u64_pair();
    document.add_u64(fields.id_high, high);
    document.add_u64(fields.id_low, low);
    for (field, value) in fields.sorts.iter().zip(sort_values(item)) {
        document.add_i64(*field, value);
    }
    for words in fields.words.iter().filter(|words| words.kind == content_type.kind) {
        let mut texts = TextCollector { site, locale: &words.locale, found: Vec::new() };
        texts.content(content_type, &content);
        for name in names {
            texts.localised_value(&FieldType::Line { max: 0 }, name);
        }
        for text in &texts.found {
            for field in words.fields() {
                document.add_text(field, text);
            }
        }
    }
    Some(document)
}

/// Returns the texts of an item in one language, the title first.
pub fn texts_in(
    site: &Site,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    locale: &str,
) -> Vec<String> {
    let mut texts = TextCollector { site, locale, found: Vec::new() };
    texts.content(content_type, content);
    texts.found.drain(..TITLE_WEIGHT.min(texts.found.len()).saturating_sub(1));
    texts.found
}

struct TextCollector<'a> {
    site: &'a Site,
    locale: &'a str,
    found: Vec<String>,
}

impl TextCollector<'_> {
    fn content(&mut self, content_type: &'static ContentType, content: &Map<String, Value>) {
        let title = content_type.field(content_type.label).zip(content.get(content_type.label));
        if let Some((field, value)) = title {
            for _ in 0..TITLE_WEIGHT {
                self.field(field, value);
            }
        }
        for field in content_type.fields.iter().filter(|field| field.name != content_type.label) {
            if let Some(value) = content.get(field.name) {
                self.field(field, value);
            }
        }
    }

    fn field(&mut self, field: &'static Field, value: &Value) {
        match field.localised {
            true => self.localised_value(&field.kind, value),
            false => self.value(&field.kind, value),
        }
    }

    /// Adds the value in this language, or in the fallback language that would be shown instead.
    fn localised_value(&mut self, kind: &'static FieldType, value: &Value) {
        let Some(map) = value.as_object() else { return self.value(kind, value) };
        let chain = self.site.fallback_chain(self.locale);
        let shown = chain.iter().find_map(|locale| map.get(*locale)).or_else(|| map.values().next());
        if let Some(value) = shown {
            self.value(kind, value);
        }
    }

    fn value(&mut self, kind: &'static FieldType, value: &Value) {
        match (kind, value) {
            (FieldType::Line { .. } | FieldType::Text { .. }, Value::String(text)) => self.found.push(text.clone()),
            (FieldType::Rich { .. }, Value::Object(parts)) => {
                self.found.push(to_text(parts.get("html").and_then(Value::as_str).unwrap_or_default()));
            }
            (FieldType::Rows, Value::Array(rows)) => {
                let cells = rows.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
                self.found.extend(cells.filter(|cell| !cell.is_empty()).map(str::to_owned));
            }
            (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => {
                for field in kind.object_type(object).map_or(&[][..], |declared| declared.fields) {
                    if let Some(value) = object.get(field.name) {
                        self.field(field, value);
                    }
                }
            }
            (FieldType::List { of, .. }, Value::Array(list)) => list.iter().for_each(|value| self.value(of, value)),
            _ => {}
        }
    }
}
