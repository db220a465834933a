//! CSV files, with a mapping from the columns of a row to the fields of an item.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Closed, Settings, Sink};
use crate::content::field::{Field, FieldType, RelationShape};
use crate::content_types::ContentType;
use crate::transfer::record::Record;

/// A mapping of columns to fields, read from a TOML file; see `docs/import.md`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Kind of content of every row.
    pub kind: String,
    /// Template of the permanent identifier of a row, with columns in braces: `{Title}/{Date}`.
    pub id: String,
    /// Template of the suggested slug.
    pub slug: Option<String>,
    /// Character between values; a comma if it is `None`.
    pub delimiter: Option<char>,
    /// Rules by field; fields of objects have dots in their names, as `registration.url`.
    pub fields: BTreeMap<String, Rule>,
}

/// The rule for the value of a field.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Rule {
    /// Template with columns in braces.
    Template(String),
    /// Template with options.
    Detailed(Detailed),
}

/// A rule with options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detailed {
    /// Template with columns in braces.
    pub from: String,
    /// For lists: the text between entries.
    pub split: Option<String>,
    /// Replacements of values of the file by values of Plenary.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// For references: whether to create the item if there is none of that name.
    #[serde(default)]
    pub create: bool,
}

impl Mapping {
    /// Reads a mapping and checks it against the fields of its kind of content.
    ///
    /// # Errors
    /// Returns a message that names the file and, if it can be parsed, the wrong member.
    pub fn load(path: &Path) -> Result<Self, String> {
        let with_path = |e: figment::Error| format!("{}: {e}", path.display());
        let mapping: Mapping = Figment::from(Toml::file_exact(path)).extract().map_err(with_path)?;
        mapping.check().map_err(|fault| format!("{}: {fault}", path.display()))?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), String> {
        let content_type = self.content_type().ok_or_else(|| {
            let kinds: Vec<&str> = crate::content_types::ALL.iter().map(|r| r.kind).collect();
            format!("kind: \"{}\" is not one of {}", self.kind, kinds.join(", "))
        })?;
        for name in self.fields.keys() {
            if field(content_type.fields, name).is_none() {
                return Err(format!("fields.{name}: an {} has no such field", content_type.noun));
            }
        }
        Ok(())
    }

    fn content_type(&self) -> Option<&'static ContentType> {
        ContentType::of_kind(&self.kind)
    }
}

/// Returns the declaration of a field, given its name with dots.
fn field(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let found = fields.iter().find(|f| f.name == first)?;
    match (rest, &found.kind) {
        (None, _) => Some(found),
        (Some(rest), FieldType::Object(inner)) => field(inner.fields, rest),
        (Some(_), _) => None,
    }
}

/// Reads all rows of a CSV file.
///
/// # Errors
/// Returns [`Closed`] if the import has ended.
pub fn read(input: Box<dyn BufRead>, settings: &Settings, sink: &Sink) -> Result<(), Closed> {
    let Some((mapping, content_type)) = settings.mapping.as_ref().and_then(|m| Some((m, m.content_type()?))) else {
        return sink.broken("line 1", "no_mapping", "a CSV file requires --mapping");
    };
    let delimiter = mapping.delimiter.and_then(|c| u8::try_from(c).ok()).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
    let headers: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(|h| h.trim_start_matches('\u{feff}').trim().to_owned()).collect(),
        Err(error) => return sink.broken("line 1", "malformed_csv", error.to_string()),
    };
    let row = Rows { mapping, content_type, settings, sink };
    let mut cells = csv::StringRecord::new();
    loop {
        let line = format!("line {}", reader.position().line());
        match reader.read_record(&mut cells) {
            Ok(false) => return Ok(()),
            Ok(true) if cells.len() != headers.len() => {
                sink.broken(
                    line,
                    "wrong_count",
                    format!("the row has {} values, the header has {} columns", cells.len(), headers.len()),
                )?;
            }
            Ok(true) => row.record(&line, &headers.iter().map(String::as_str).zip(cells.iter()).collect())?,
            // Only this row is lost: the parser has read it to its end before decoding it.
            Err(error) if error.utf8_error_of() => sink.broken(line, "invalid_utf8", error.to_string())?,
            Err(error) => return sink.broken(line, "malformed_csv", error.to_string()),
        }
    }
}

/// Distinguishes errors of a row's encoding from those of the file.
trait Utf8Error {
    fn utf8_error_of(&self) -> bool;
}

impl Utf8Error for csv::Error {
    fn utf8_error_of(&self) -> bool {
        matches!(self.kind(), csv::ErrorKind::Utf8 { .. })
    }
}

type Cells<'a> = BTreeMap<&'a str, &'a str>;

struct Rows<'a> {
    mapping: &'a Mapping,
    content_type: &'static ContentType,
    settings: &'a Settings,
    sink: &'a Sink,
}

impl Rows<'_> {
    fn record(&self, line: &str, cells: &Cells<'_>) -> Result<(), Closed> {
        let id = match fill(&self.mapping.id, cells) {
            Ok(id) if !id.is_empty() => id,
            Ok(_) => return self.sink.broken(line, "required", "the id of this row is empty"),
            Err(column) => {
                return self.sink.broken(line, "unknown_column", format!("id: there is no column \"{column}\""));
            }
        };
        let source = format!("{}:{}/{id}", self.settings.name, self.mapping.kind);
        let mut record = Record::new(line, self.content_type.kind, source);
        record.slug = self.mapping.slug.as_deref().and_then(|slug| fill(slug, cells).ok());
        for (name, rule) in &self.mapping.fields {
            let detailed = match rule {
                Rule::Template(from) => {
                    &Detailed { from: from.clone(), split: None, words: BTreeMap::new(), create: false }
                }
                Rule::Detailed(detailed) => detailed,
            };
            let text = match fill(&detailed.from, cells) {
                Ok(text) if text.is_empty() => continue,
                Ok(text) => text,
                Err(column) => {
                    let fault = format!("fields.{name}: there is no column \"{column}\"");
                    return self.sink.broken(line, "unknown_column", fault);
                }
            };
            let Some(declared) = field(self.content_type.fields, name) else { continue };
            let value = self.value(line, declared, detailed, &text)?;
            place(&mut record.body, name, value);
        }
        self.sink.record(record)
    }

    fn value(&self, line: &str, declared: &'static Field, rule: &Detailed, text: &str) -> Result<Value, Closed> {
        let relation = declared.relation();
        let parts: Vec<&str> = match (&declared.kind, &rule.split) {
            (FieldType::List { .. }, Some(split)) => {
                text.split(split.as_str()).map(str::trim).filter(|p| !p.is_empty()).collect()
            }
            _ => vec![text],
        };
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            let word = rule.words.get(part).map_or(part, String::as_str);
            let value = match relation {
                Some(relation) => {
                    let named = if rule.create { self.target(line, relation.target, word)? } else { word.to_owned() };
                    match relation.shape {
                        RelationShape::ManyWith { key, .. } => {
                            Value::Object([(key.to_owned(), named.into())].into_iter().collect())
                        }
                        RelationShape::One | RelationShape::Many => named.into(),
                    }
                }
                None => match &declared.kind {
                    FieldType::List { of, .. } => typed(of, word),
                    kind => typed(kind, word),
                },
            };
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let list = matches!(declared.kind, FieldType::List { .. });
        Ok(if list { values.into() } else { values.into_iter().next().unwrap_or_default() })
    }

    /// Returns the source of the item with this name, after sending a record that creates it if there is
    /// none.
    fn target(&self, line: &str, kind: &'static str, name: &str) -> Result<String, Closed> {
        let source = format!("{}:{kind}/{name}", self.settings.name);
        let mut record = Record::new(line, kind, source.clone()).supporting();
        if let Some(content_type) = ContentType::of_kind(kind) {
            record.set(content_type.label, name);
        }
        self.sink.record(record)?;
        Ok(source)
    }
}

/// Fills a template with the values of a row. The error is the name of a column that does not exist.
fn fill(template: &str, cells: &Cells<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((column, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(cells.get(column).ok_or_else(|| column.to_owned())?.trim());
        rest = after;
    }
    out.push_str(rest);
    Ok(out.trim().to_owned())
}

/// Returns a text as the JSON value that a field of this kind expects. A text that does not fit stays a
/// string, which validation refuses with its position.
fn typed(kind: &FieldType, text: &str) -> Value {
    match kind {
        FieldType::Integer { .. } => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        FieldType::Number { .. } => text.parse::<f64>().map_or_else(|_| text.into(), Value::from),
        FieldType::Boolean => match text.to_lowercase().as_str() {
            "true" | "yes" | "y" | "1" | "x" => true.into(),
            "false" | "no" | "n" | "0" => false.into(),
            _ => text.into(),
        },
        // Entries of links and documents, of which only the URL is known.
        FieldType::Object(inner) if inner.fields.iter().any(|f| f.name == "url") => serde_json::json!({"url": text}),
        _ => text.into(),
    }
}

/// Sets a field, given its name with dots.
fn place(body: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(body.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}
