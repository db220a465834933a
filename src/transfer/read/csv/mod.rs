//! CSV files, with a mapping from the columns of a row to the fields of an item.

mod cells;
mod mapping;
mod moments;
mod order;
mod places;
mod unix_lines;
mod values;

use std::cell::RefCell;
use std::collections::HashSet;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::input::as_utf8;
use super::{Input, Settings, Sink, SinkClosed};
use crate::content::field::{Field, FieldType, RelationShape};
use crate::content_types::ContentType;
use crate::transfer::field_scope::FieldScope;
use crate::transfer::record::{NameMatch, Record};
use crate::transfer::survey::hash_of;
use cells::{entries, fit, separator, texts_of, unguard};
pub use mapping::Mapping;
use mapping::{Cells, Rule, RuleOptions, field, fill};
use moments::{months_and_years, note_form};
use order::RowOrder;
use unix_lines::{UnixLines, first_line};
use values::{columns, typed_value, whole_days};

/// Greatest number of columns. It bounds the time for a hostile file.
const MOST_COLUMNS: usize = 1_000;

/// Reads all rows of a CSV file.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), SinkClosed> {
    let Some((mapping, content_type)) = settings.mapping.as_ref().and_then(|m| Some((m, m.content_type()?))) else {
        return sink.report_broken("line 1", "no_mapping", "a CSV file requires --mapping");
    };
    let input = match as_utf8(input, mapping.encoding.as_deref()) {
        Ok(input) => UnixLines::new(input),
        Err(error) => return sink.report_broken("line 1", "unreadable", error.to_string()),
    };
    let usual = if settings.file.to_ascii_lowercase().ends_with(".tsv") { b'\t' } else { b',' };
    let delimiter = mapping.delimiter.and_then(|c| u8::try_from(c).ok()).unwrap_or(usual);
    let name = settings.source(None);
    sink.set_origin(&format!("{name}:{}", mapping.kind));
    Rows { mapping, content_type, name, sink, delimiter, sent: RefCell::default() }.read(input)
}

struct Rows<'a> {
    mapping: &'a Mapping,
    content_type: &'static ContentType,
    name: String,
    sink: &'a Sink,
    delimiter: u8,
    /// Hashes of the sources of the rows that were sent.
    sent: RefCell<HashSet<u64>>,
}

/// A row of a file.
struct Row<'a> {
    /// Position among the rows.
    position: usize,
    line: &'a str,
    headers: &'a [String],
    texts: &'a [String],
    /// Positions of the columns that the mapping does not name.
    unused: &'a [usize],
    /// Number of values that the file has in it; the others are empty.
    given: usize,
    /// Whether a value had an apostrophe before what looks like a formula.
    is_guarded: bool,
    /// Whether some of it, or of what is before it, is not UTF-8.
    is_windows_1252: bool,
}

impl Row<'_> {
    fn cells(&self) -> Cells<'_> {
        self.headers.iter().map(String::as_str).zip(self.texts.iter().map(String::as_str)).collect()
    }

    /// Returns whether the file does not have the last values of the row.
    fn is_short(&self) -> bool {
        self.headers.iter().skip(self.given).any(|header| !header.is_empty())
    }
}

/// Where and why a file cannot be read further: the place, the code and the message.
type Damage = (String, &'static str, String);

impl Rows<'_> {
    fn read(&self, mut input: UnixLines) -> Result<(), SinkClosed> {
        let mut order = RowOrder::new(self.mapping, self.content_type);
        if let Some(order) = &mut order {
            self.for_each_row(&mut input, &mut |row| {
                order.learn_references(&row.cells());
                Ok(())
            })?;
            self.for_each_row(&mut input, &mut |row| {
                order.learn_names(&row.cells());
                Ok(())
            })?;
        }
        let damage = loop {
            let (mut is_noted, is_first) = (false, order.as_ref().is_none_or(RowOrder::is_first_round));
            let damage = self.for_each_row(&mut input, &mut |row| {
                if is_first && row.is_windows_1252 && !std::mem::replace(&mut is_noted, true) {
                    let message = "this row and perhaps others are not UTF-8 and are read as windows-1252; `encoding` in \
                                   the mapping states another encoding";
                    self.sink.note(row.line, "", "encoding", message)?;
                }
                let is_turn = order.as_mut().is_none_or(|order| order.is_turn(row.position, &row.cells()));
                if is_turn { self.row(&row) } else { Ok(()) }
            })?;
            if !order.as_mut().is_some_and(RowOrder::next_round) {
                break damage;
            }
        };
        match damage {
            None => self.sink.mark_whole(),
            Some((line, code, message)) => self.sink.report_broken(line, code, message),
        }
    }

    /// Visits all rows after the header, from the start of the file. Returns what prevents reading on.
    fn for_each_row(
        &self,
        input: &mut UnixLines,
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), SinkClosed>,
    ) -> Result<Option<Damage>, SinkClosed> {
        let (delimiter, above) = match input.restart().and_then(|()| separator(input)) {
            Ok(marked) => (marked.unwrap_or(self.delimiter), u64::from(marked.is_some())),
            Err(error) => return Ok(Some(malformed_csv(1, &error))),
        };
        let mut builder = ReaderBuilder::new();
        let mut reader = builder.delimiter(delimiter).flexible(true).has_headers(false).from_reader(input);
        let (mut cells, mut position, mut is_windows_1252) = (ByteRecord::new(), 0, false);
        let (mut headers, mut unused) = (Vec::new(), Vec::new());
        loop {
            match reader.read_byte_record(&mut cells) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Ok(Some(malformed_csv(reader.position().line() + above, &error))),
            }
            let line = &format!("line {}", first_line(&cells, &reader) + above);
            let (mut texts, is_other) = texts_of(&cells);
            is_windows_1252 |= is_other;
            if headers.is_empty() {
                if texts.len() > MOST_COLUMNS {
                    let message = format!("the header has {} columns; at most {MOST_COLUMNS} are read", texts.len());
                    return Ok(Some((line.clone(), "too_many", message)));
                }
                headers = columns(&texts);
                unused = self.mapping.unused_columns(&headers);
                match self.mapping.missing_columns(&headers) {
                    Some(lacking) => return Ok(Some((line.clone(), "unknown_column", lacking))),
                    None => continue,
                }
            }
            let given = fit(&mut texts, headers.len());
            let is_guarded = unguard(&mut texts);
            visit(Row {
                position,
                line,
                headers: &headers,
                texts: &texts,
                unused: &unused,
                given,
                is_guarded,
                is_windows_1252,
            })?;
            position += 1;
        }
    }

    fn row(&self, row: &Row<'_>) -> Result<(), SinkClosed> {
        let Row { line, headers, texts, .. } = row;
        let cells = row.cells();
        let message = || format!("the row has {} values, the header has {} columns", row.given, headers.len());
        if texts.len() > headers.len() {
            return self.refuse(line, &cells, "wrong_count", message());
        }
        if row.is_short() {
            self.sink.note(line, "", "short_row", format!("{}; the last ones are taken as empty", message()))?;
        }
        self.count_unused(row);
        if row.is_guarded {
            let why = "it keeps a spreadsheet from running the value as a formula, and is no part of it";
            self.sink.on_purpose(line, "apostrophe before `=`, `+`, `-` or `@`", why);
        }
        match self.mapping.holds(&cells) {
            Ok(true) => self.record(row, &cells),
            Ok(false) => {
                self.sink.on_purpose(line, "row", "the mapping leaves it out (`when`)");
                self.source(&cells).map_or(Ok(()), |source| self.sink.mark_present(self.content_type.kind, source))
            }
            Err(column) => {
                self.refuse(line, &cells, "unknown_column", format!("when: there is no column \"{column}\""))
            }
        }
    }

    /// Counts the values of columns that the mapping does not name.
    fn count_unused(&self, row: &Row<'_>) {
        for place in row.unused {
            if let (Some(header), false) = (row.headers.get(*place), row.texts[*place].trim().is_empty()) {
                self.sink.left_out(row.line, &format!("column \"{header}\""));
            }
        }
    }

    /// Returns the source of a row; `None` without an id.
    fn source(&self, cells: &Cells<'_>) -> Option<String> {
        let id = fill(&self.mapping.id, cells).ok().filter(|id| !id.is_empty())?;
        Some(format!("{}:{}/{id}", self.name, self.mapping.kind))
    }

    fn refuse(&self, line: &str, cells: &Cells<'_>, code: &str, message: String) -> Result<(), SinkClosed> {
        match self.source(cells) {
            Some(source) => self.sink.report_refused(line, (self.content_type.kind, source), code, message),
            None => self.sink.report_broken(line, code, message),
        }
    }

    fn record(&self, row: &Row<'_>, cells: &Cells<'_>) -> Result<(), SinkClosed> {
        let line = row.line;
        let Some(source) = self.source(cells) else {
            return match fill(&self.mapping.id, cells) {
                Ok(_) => self.sink.report_broken(line, "required", "the id of this row is empty"),
                Err(column) => {
                    self.sink.report_broken(line, "unknown_column", format!("id: there is no column \"{column}\""))
                }
            };
        };
        if !self.sent.borrow_mut().insert(hash_of("", &source)) {
            let id = fill(&self.mapping.id, cells).unwrap_or_default();
            let message = format!("an earlier row has the id \"{id}\" too, and is taken; `id` must tell rows apart");
            return self.sink.report_refused(line, (self.content_type.kind, source), "same_id", message);
        }
        let mut record = Record::new(line, self.content_type.kind, source);
        record.slug = self.mapping.slug.as_deref().and_then(|slug| fill(slug, cells).ok());
        let (mut found, mut gone) = (None, self.mapping.fields_of_place(self.content_type));
        for (name, rule) in &self.mapping.fields {
            let Some(declared) = field(self.content_type.fields, name) else { continue };
            let (detailed, mut map) = (rule.options(), None);
            let mut text = match fill(&detailed.from, cells) {
                Ok(text) if text.is_empty() => {
                    // Another column may give the rest of a field of which this one gives a part.
                    gone.extend((declared.name == *name).then_some(declared.name));
                    continue;
                }
                Ok(text) => text,
                Err(column) => {
                    let fault = format!("fields.{name}: there is no column \"{column}\"");
                    return self.refuse(line, cells, "unknown_column", fault);
                }
            };
            if let Some(place) = self.whereabouts(declared, &detailed, &text) {
                text.clone_from(&place.place);
                self.tell_place(line, name, &place, cells)?;
                map.clone_from(&place.map);
                found = Some(place);
                if text.is_empty() {
                    continue;
                }
            }
            let value = self.value(line, (name, declared), &detailed, (&text, map), cells)?;
            place(&mut record.body, name, value);
        }
        if let Some(found) = found {
            self.set_place(line, &found, &mut record);
        }
        months_and_years(self.content_type.fields, &mut record.body);
        whole_days(&mut record.body);
        if !row.is_short() {
            record.scope = FieldScope::Only(gone);
        }
        self.sink.record(record)
    }

    fn value(
        &self,
        line: &str,
        (name, declared): (&str, &'static Field),
        rule: &RuleOptions,
        (text, map): (&str, Option<String>),
        cells: &Cells<'_>,
    ) -> Result<Value, SinkClosed> {
        let mut values = Vec::new();
        // One entry more than the field holds is read, so that the others are noted.
        let most = if let FieldType::List { max, .. } = declared.kind { max } else { 1 };
        for part in parts(declared, rule, text) {
            if values.len() > most {
                break;
            }
            let word = rule.words.get(&part).unwrap_or(&part);
            let value = match declared.relation() {
                Some(relation) => {
                    let mut target = self.target(line, relation.target, word, rule.create);
                    if rule.create {
                        target.set("map_url", map.clone());
                    } else if map.is_some() {
                        self.sink.left_out(line, "venue, the address of a map");
                    }
                    for (inner, rule, declared) in self.mapping.created_fields(self.content_type, name) {
                        self.created_field(&mut target, inner, rule, declared, cells);
                    }
                    let source: Value = target.source.clone().into();
                    self.sink.record(target)?;
                    match relation.shape {
                        RelationShape::ManyWith { key, .. } => {
                            Value::Object([(key.to_owned(), source)].into_iter().collect())
                        }
                        RelationShape::One | RelationShape::Many | RelationShape::Within(_) => source,
                    }
                }
                None => {
                    note_form(self.sink, line, (name, declared), rule, word)?;
                    typed_value(&declared.kind, rule, word)
                }
            };
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let list = matches!(declared.kind, FieldType::List { .. });
        Ok(if list { values.into() } else { values.into_iter().next().unwrap_or_default() })
    }

    /// Returns the record that stands for the item with a slug or name, and creates it if it may and there is none.
    fn target(&self, line: &str, kind: &'static str, name: &str, create: bool) -> Record {
        let source = format!("{}:{kind}/{name}", self.name);
        let mut record = Record::new(line, kind, source).into_supporting();
        record.by_name = match create {
            // The item may be that of another row, which says what it is.
            true if kind == self.content_type.kind => NameMatch::OrCreateOnce,
            true => NameMatch::OrCreate,
            false => NameMatch::Only,
        };
        if let Some(content_type) = ContentType::of_kind(kind) {
            record.set(content_type.label, name);
        }
        record
    }

    fn created_field(&self, target: &mut Record, name: &str, rule: &Rule, declared: &'static Field, cells: &Cells<'_>) {
        let rule = rule.options();
        let text = fill(&rule.from, cells).unwrap_or_default();
        let word = rule.words.get(&text).unwrap_or(&text);
        if !word.is_empty() {
            place(&mut target.body, name, typed_value(&declared.kind, &rule, word));
        }
    }
}

/// Returns the entries of a list, or the text as a whole.
fn parts(declared: &Field, rule: &RuleOptions, text: &str) -> Vec<String> {
    match (&declared.kind, &rule.split) {
        (FieldType::List { .. }, Some(split)) if !split.is_empty() => entries(text, split),
        _ => vec![text.to_owned()],
    }
}

fn malformed_csv(line: u64, error: &dyn std::fmt::Display) -> Damage {
    (format!("line {line}"), "malformed_csv", error.to_string())
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
