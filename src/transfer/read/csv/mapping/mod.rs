//! The mapping from the columns of a CSV file to the fields of an item; see `docs/import.md`.

mod forms;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime};
use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;

use crate::content::field::{Field, FieldType};
use crate::content_types::ContentType;
pub use forms::Texts;

/// The cells of a row, by column.
pub type Cells<'a> = BTreeMap<&'a str, &'a str>;

/// A mapping of columns to fields, read from a TOML file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Kind of content of every row.
    pub kind: String,
    /// Template of the permanent identifier of a row, with columns in braces: `{Title}/{Date}`.
    pub id: String,
    /// Template of the suggested slug.
    pub slug: Option<String>,
    /// Character between values; a tab in files whose name ends with `.tsv`, else a comma, if it is `None`.
    pub delimiter: Option<char>,
    /// Encoding of the file, by a label of the WHATWG Encoding Standard; UTF-8 if it is `None`.
    pub encoding: Option<String>,
    /// Conditions on a row, which is left out unless all are met: `{State} == confirmed`, `{State} != draft`.
    #[serde(default)]
    pub when: Texts,
    /// Rules by field; fields of objects have dots in their names, as `registration.url`, and so have fields of what
    /// is created along the way, as `venue.address.country`.
    pub fields: BTreeMap<String, Rule>,
}

/// The rule for the value of a field.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Template with columns in braces.
    Template(String),
    /// Template with options.
    Detailed(Detailed),
}

/// A rule with options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detailed {
    /// Template with columns in braces.
    pub from: String,
    /// For lists: the text between entries.
    pub split: Option<String>,
    /// Replacements of values of the file by values of Plenary.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// For references: whether to create the item if there is none with that slug or name.
    #[serde(default)]
    pub create: bool,
    /// For times: their form in the file, as strftime has it: `%d.%m.%Y`. Of several the first one that fits counts.
    #[serde(default)]
    pub format: Texts,
}

impl Rule {
    /// Returns the rule with its options.
    pub fn detailed(&self) -> Detailed {
        match self {
            Rule::Template(from) => Detailed { from: from.clone(), ..Detailed::default() },
            Rule::Detailed(detailed) => detailed.clone(),
        }
    }
}

impl Detailed {
    /// Returns a time of the file in the form in which an editor would send it; `None` if it has none of the forms.
    pub fn time(&self, text: &str) -> Option<String> {
        self.format.0.iter().find_map(|format| match NaiveDateTime::parse_from_str(text, format) {
            Ok(time) => Some(time.format("%Y-%m-%dT%H:%M:%S").to_string()),
            Err(_) => NaiveDate::parse_from_str(text, format).ok().map(|day| day.to_string()),
        })
    }
}

impl Mapping {
    /// Reads a mapping and checks it against the fields of its kind of content.
    ///
    /// # Errors
    /// Returns a message that names the file and, if it can be parsed, the wrong member.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        text.and_then(|text| Self::parse(&text)).map_err(|fault| format!("{}: {fault}", path.display()))
    }

    /// Parses a mapping and checks it against the fields of its kind of content.
    ///
    /// # Errors
    /// Returns a message that names the wrong member, if the text can be parsed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mapping: Mapping = Figment::from(Toml::string(text)).extract().map_err(|error| error.to_string())?;
        mapping.check()?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), String> {
        let content_type = self.content_type().ok_or_else(|| {
            let kinds: Vec<&str> = crate::content_types::ALL.iter().map(|r| r.kind).collect();
            format!("kind: \"{}\" is not one of {}", self.kind, kinds.join(", "))
        })?;
        for name in self.fields.keys() {
            if field(content_type.fields, name).is_none() && self.created(content_type, name).is_none() {
                return Err(format!("fields.{name}: an {} has no such field", content_type.noun));
            }
        }
        for condition in self.conditions() {
            split_condition(condition).ok_or_else(|| format!("when: \"{condition}\" is no condition"))?;
        }
        if let Some(label) = &self.encoding {
            encoding_rs::Encoding::for_label(label.as_bytes())
                .ok_or_else(|| format!("encoding: \"{label}\" is not a known encoding"))?;
        }
        Ok(())
    }

    /// Returns the content type of every row.
    pub fn content_type(&self) -> Option<&'static ContentType> {
        ContentType::of_kind(&self.kind)
    }

    /// Returns the positions of the columns that no template and no condition names.
    pub fn unused(&self, headers: &[String]) -> Vec<usize> {
        let fields = self.fields.values().map(|rule| rule.detailed().from);
        let templates: Vec<String> = fields
            .chain([self.id.clone()])
            .chain(self.slug.clone())
            .chain(self.conditions().map(str::to_owned))
            .collect();
        let is_named = |header: &String| {
            let column = format!("{{{header}}}");
            templates.iter().any(|template| template.contains(&column))
        };
        headers.iter().enumerate().filter(|(_, header)| !is_named(header)).map(|(place, _)| place).collect()
    }

    /// Returns whether all conditions on a row are met. The error is the name of a column that does not exist.
    ///
    /// # Errors
    /// Fails for a column that does not exist.
    pub fn holds(&self, cells: &Cells<'_>) -> Result<bool, String> {
        for condition in self.conditions() {
            let Some((template, equal, word)) = split_condition(condition) else { continue };
            if (fill(template, cells)? == word) != equal {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn conditions(&self) -> impl Iterator<Item = &str> {
        self.when.0.iter().map(String::as_str)
    }

    /// Returns the rules for the fields of an item that is created for a field: their names within that item, and
    /// their declarations.
    pub fn created_fields(&self, content_type: &'static ContentType, name: &str) -> Vec<(&str, &Rule, &'static Field)> {
        let below = format!("{name}.");
        let rules = self.fields.iter().filter_map(|(full, rule)| Some((full, full.strip_prefix(&below)?, rule)));
        rules.filter_map(|(full, inner, rule)| Some((inner, rule, self.created(content_type, full)?))).collect()
    }

    /// Returns the declaration of a field of what is created along the way, as `venue.address.country`.
    pub fn created(&self, content_type: &'static ContentType, name: &str) -> Option<&'static Field> {
        let (first, rest) = name.split_once('.')?;
        let creates = self.fields.get(first).is_some_and(|rule| rule.detailed().create);
        let relation = content_type.fields.iter().find(|field| field.name == first)?.relation()?;
        field(ContentType::of_kind(relation.target)?.fields, rest).filter(|_| creates)
    }
}

/// Divides a condition into its template, whether it asks for equality, and the word.
fn split_condition(condition: &str) -> Option<(&str, bool, &str)> {
    let (at, equal) = match (condition.find("=="), condition.find("!=")) {
        (Some(at), _) => (at, true),
        (None, Some(at)) => (at, false),
        (None, None) => return None,
    };
    Some((condition[..at].trim(), equal, condition[at + 2..].trim().trim_matches(['"', '\''])))
}

/// Returns the declaration of a field, given its name with dots.
pub fn field(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let found = fields.iter().find(|f| f.name == first)?;
    match (rest, &found.kind) {
        (None, _) => Some(found),
        (Some(rest), FieldType::Object(inner)) => field(inner.fields, rest),
        (Some(_), _) => None,
    }
}

/// Fills a template with the values of a row.
///
/// # Errors
/// Returns the name of a column that does not exist.
pub fn fill(template: &str, cells: &Cells<'_>) -> Result<String, String> {
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
