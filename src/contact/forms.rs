//! Forms: their titles and fields in each language, and the desk to which messages go.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::content::slug::is_slug;
use crate::content::violation::{Violations, unknown_name_message};
use crate::content::{Site, values};
use crate::database::mail_schema::contact_forms;
use crate::database::{Db, now};
use crate::items::ExpectedVersions;
use crate::journal::history;
use crate::problem::{Problem, ProblemKind};

/// Kind of the entries of the journal about forms.
pub const KIND: &str = "contact_form";
/// Message about a version that is not the present one.
pub const CHANGED: &str = "the form was changed since; read it again";
/// Greatest length of the name of a form.
pub const MAX_NAME: usize = 64;
/// Names of the types of fields.
pub const FIELD_TYPES: [&str; 5] = ["line", "text", "email", "choice", "checkbox"];

/// A text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Language.
    pub locale: String,
    /// The text.
    pub text: String,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Name of the member in requests.
    pub name: String,
    /// One of [`FIELD_TYPES`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be filled in, or ticked.
    #[serde(default)]
    pub required: bool,
    /// Greatest number of characters.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// Labels by language.
    pub labels: Vec<Label>,
    /// Values of a choice.
    #[serde(default)]
    pub options: Vec<FormOption>,
}

/// A value of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormOption {
    /// The value in requests.
    pub value: String,
    /// Labels by language.
    pub labels: Vec<Label>,
}

/// What a site sets of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormDefinition {
    /// Titles by language.
    pub titles: Vec<Label>,
    /// The fields, in their order.
    pub fields: Vec<FormField>,
    /// E-mail addresses of the recipients.
    pub recipients: Vec<String>,
    /// Whether visitors can send it.
    pub is_open: bool,
    /// Days for which messages are kept.
    pub keep_days: i64,
}

/// A form.
#[derive(Debug, Clone)]
pub struct ContactForm {
    /// Name in addresses.
    pub name: String,
    /// Titles, fields and desk.
    pub definition: FormDefinition,
    /// Version, which grows with each write.
    pub version: i64,
    /// Time of the last write (µs since 1970).
    pub updated_at: i64,
}

/// Returns whether a form can have a name.
pub fn is_name(name: &str) -> bool {
    is_slug(name) && name.len() <= MAX_NAME
}

/// Returns what is said of a name that no form can have.
pub fn no_name(name: &str) -> String {
    format!(
        "\"{name}\" cannot be the name of a form: at most {MAX_NAME} small letters (a to z) and digits, with single hyphens \
         between them, and no word of the API"
    )
}

/// Returns the text in a language, or in the nearest one by the fallbacks of the site; otherwise the first one.
pub fn in_locale<'a>(labels: &'a [Label], site: &Site, locale: &str) -> &'a str {
    let chain = site.fallback_chain(locale);
    let found =
        chain.iter().find_map(|tag| labels.iter().find(|label| label.locale == *tag)).or_else(|| labels.first());
    found.map_or("", |label| label.text.as_str())
}

/// What a visitor filled in, with its place in the request.
#[derive(Debug, Clone)]
pub struct FilledValue {
    /// The value.
    pub value: Value,
    /// JSON Pointer to it.
    pub pointer: String,
}

/// Greatest number of characters of a field of one line, and of one of several, without a limit of their own.
const USUAL_LENGTHS: (usize, usize) = (200, 5_000);

impl FormDefinition {
    /// Adds the violations of rules between the parts of a form, and of those of the site.
    pub fn check(&self, site: &Site, violations: &mut Violations) {
        let mut seen = Vec::new();
        check_labels(&self.titles, site, "/titles", violations);
        if self.fields.is_empty() {
            violations.add("/fields", "empty", "a form needs a field");
        }
        for (position, field) in self.fields.iter().enumerate() {
            let pointer = format!("/fields/{position}");
            if seen.contains(&&field.name) {
                violations.add(format!("{pointer}/name"), "duplicate", "another field has this name");
            }
            seen.push(&field.name);
            check_labels(&field.labels, site, &format!("{pointer}/labels"), violations);
            field.check_options(site, &format!("{pointer}/options"), violations);
            field.check_limit(&format!("{pointer}/max_length"), violations);
        }
        if self.recipients.is_empty() {
            violations.add("/recipients", "empty", "a form needs a recipient");
        }
    }

    /// Validates what a visitor filled in: values by name, each with the pointer to it. Returns the values by name; only
    /// members of the form may be there, in the order of the form.
    pub fn read(&self, given: &HashMap<String, FilledValue>, violations: &mut Violations) -> Map<String, Value> {
        let mut content = Map::new();
        for field in &self.fields {
            let filled = given.get(&field.name);
            let is_filled = |filled: &&FilledValue| !filled.value.is_null() && filled.value.as_str() != Some("");
            let Some(filled) = filled.filter(is_filled) else {
                if field.required {
                    let message = format!("the field \"{}\" must be filled in", field.name);
                    let pointer = filled.map_or("/fields", |filled| filled.pointer.as_str());
                    violations.add(pointer, "required", message);
                }
                continue;
            };
            match field.value(&filled.value) {
                Ok(value) => {
                    if field.required && value == Value::Bool(false) {
                        violations.add(&filled.pointer, "required", "this must be ticked");
                    }
                    content.insert(field.name.clone(), value);
                }
                Err((code, message)) => violations.add(&filled.pointer, code, message),
            }
        }
        content
    }

    /// Returns the field with this name, if there is one.
    pub fn field(&self, name: &str) -> Option<&FormField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns what is said of a name that no field has.
    pub fn unknown_field(&self, name: &str) -> String {
        unknown_name_message("field", name, self.fields.iter().map(|field| field.name.as_str()))
    }

    /// Returns the address of the sender: the first field of that type that is filled in.
    pub fn sender(&self, content: &Map<String, Value>) -> Option<String> {
        let addresses = self.fields.iter().filter(|field| field.kind == "email");
        addresses.filter_map(|field| content.get(&field.name)?.as_str()).map(str::to_owned).next()
    }
}

/// Adds the violations of the texts of a title or label: there must be one, and one in each language.
fn check_labels(labels: &[Label], site: &Site, pointer: &str, violations: &mut Violations) {
    if labels.is_empty() {
        violations.add(pointer, "empty", "there must be a text in at least one language");
    }
    site.check_locales(labels.iter().map(|label| label.locale.as_str()), pointer, violations);
}

impl FormField {
    /// Returns whether the field is ticked rather than filled in.
    pub fn is_checkbox(&self) -> bool {
        self.kind == "checkbox"
    }

    fn check_limit(&self, pointer: &str, violations: &mut Violations) {
        if self.max_length.is_some() && !matches!(self.kind.as_str(), "line" | "text") {
            violations.add(pointer, "wrong_type", "only a line and a text have a greatest number of characters");
        }
    }

    fn check_options(&self, site: &Site, pointer: &str, violations: &mut Violations) {
        match (self.kind == "choice", self.options.is_empty()) {
            (true, true) => violations.add(pointer, "required", "a choice needs options"),
            (false, false) => violations.add(pointer, "wrong_type", "only a choice has options"),
            _ => {}
        }
        for (position, option) in self.options.iter().enumerate() {
            let pointer = format!("{pointer}/{position}");
            if self.options.iter().take(position).any(|earlier| earlier.value == option.value) {
                violations.add(format!("{pointer}/value"), "duplicate", "an earlier option has this value");
            }
            check_labels(&option.labels, site, &format!("{pointer}/labels"), violations);
        }
    }

    fn value(&self, given: &Value) -> Result<Value, (&'static str, String)> {
        let (line, text) = USUAL_LENGTHS;
        match self.kind.as_str() {
            "checkbox" => match given {
                Value::Bool(_) => Ok(given.clone()),
                _ => Err(("wrong_type", "must be true or false".to_owned())),
            },
            "email" => {
                let address = values::text(given, 254, false)?;
                Ok(Value::String(values::email(address)?))
            }
            "choice" => {
                let chosen = values::text(given, line, false)?;
                match self.options.iter().any(|option| option.value == chosen) {
                    true => Ok(Value::String(chosen)),
                    false => Err(("not_allowed", format!("\"{chosen}\" is not one of the options"))),
                }
            }
            "text" => Ok(Value::String(values::text(given, self.max_length.unwrap_or(text), true)?)),
            _ => Ok(Value::String(values::text(given, self.max_length.unwrap_or(line), false)?)),
        }
    }
}

type Row = (String, String, i64, i64);

fn of_row((name, definition, version, updated_at): Row) -> Option<ContactForm> {
    Some(ContactForm { name, definition: serde_json::from_str(&definition).ok()?, version, updated_at })
}

/// Returns all forms, in the order of their names.
///
/// # Errors
/// Fails if the query fails.
pub fn all(connection: &mut Db) -> QueryResult<Vec<ContactForm>> {
    let rows: Vec<Row> = contact_forms::table.order(contact_forms::name).load(connection)?;
    Ok(rows.into_iter().filter_map(of_row).collect())
}

/// Returns a form, if there is one with this name.
///
/// # Errors
/// Fails if the query fails.
pub fn by_name(connection: &mut Db, name: &str) -> QueryResult<Option<ContactForm>> {
    Ok(contact_forms::table.find(name).first::<Row>(connection).optional()?.and_then(of_row))
}

/// Stores a form, at the version after `earlier`; a new one if there is none. If a form had the name before, its versions go on,
/// so that no tag of it is one of the new form.
///
/// # Errors
/// Fails if a statement fails.
pub fn save(
    connection: &mut Db,
    name: &str,
    definition: FormDefinition,
    earlier: Option<i64>,
) -> QueryResult<ContactForm> {
    let last = match earlier {
        Some(version) => version,
        None => history::last_version(connection, KIND, name)?,
    };
    let form = ContactForm { name: name.to_owned(), definition, version: last + 1, updated_at: now() };
    write(connection, &form, earlier.is_some())?;
    Ok(form)
}

/// Stores a form as it is, in the place of the one with its name or as a new one.
///
/// # Errors
/// Fails if a statement fails.
pub fn write(connection: &mut Db, form: &ContactForm, is_present: bool) -> QueryResult<()> {
    let columns = (
        contact_forms::definition.eq(serde_json::to_string(&form.definition).unwrap_or_default()),
        contact_forms::version.eq(form.version),
        contact_forms::updated_at.eq(form.updated_at),
    );
    match is_present {
        true => diesel::update(contact_forms::table.find(&form.name)).set(columns).execute(connection)?,
        false => diesel::insert_into(contact_forms::table)
            .values((contact_forms::name.eq(&form.name), columns))
            .execute(connection)?,
    };
    Ok(())
}

/// Deletes a form that an administrator has read, and returns it. Its messages stay for as long as they are kept.
///
/// # Errors
/// 404 or 412 if there is no such form or it was changed since.
pub fn delete(connection: &mut Db, name: &str, version: &ExpectedVersions) -> Result<ContactForm, Problem> {
    let form = by_name(connection, name)?.ok_or_else(|| Problem::not_found("form"))?;
    if !version.accepts(form.version) {
        return Err(Problem::new(ProblemKind::PreconditionFailed, CHANGED));
    }
    diesel::delete(contact_forms::table.find(name)).execute(connection)?;
    Ok(form)
}
