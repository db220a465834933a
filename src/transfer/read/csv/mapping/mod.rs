//! The mapping from the columns of a CSV file to the fields of an item; see `docs/import.md`.

mod forms;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;

use crate::content::field::{Field, FieldType};
use crate::content::violation::most_similar;
use crate::content_types::ContentType;
pub use forms::Texts;

/// The cells of a row, by column.
pub type Cells<'a> = BTreeMap<&'a str, &'a str>;

/// Fields that a text says which names a place, or none.
const OF_PLACE: [&str; 2] = ["attendance_mode", "online_url"];

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
    /// What the rich texts of the file are, where their rules do not say.
    pub text: Option<TextForm>,
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
    Detailed(RuleOptions),
}

/// A rule with options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOptions {
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
    /// For rich texts: what the text of the file is. If it is `None`, it is what an editor would send: HTML if it begins
    /// with `<` and ends with `>`, else Markdown.
    pub text: Option<TextForm>,
}

/// What a text of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextForm {
    /// Plain text: line ends stay, and nothing in it is markup.
    Plain,
    Markdown,
    Html,
}

impl Rule {
    /// Returns the rule with its options.
    pub fn options(&self) -> RuleOptions {
        match self {
            Rule::Template(from) => RuleOptions { from: from.clone(), ..RuleOptions::default() },
            Rule::Detailed(detailed) => detailed.clone(),
        }
    }

    /// Returns the template.
    pub fn template(&self) -> &str {
        match self {
            Rule::Template(from) | Rule::Detailed(RuleOptions { from, .. }) => from,
        }
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
        let mut mapping: Mapping = Figment::from(Toml::string(text)).extract().map_err(|error| error.to_string())?;
        mapping.check()?;
        mapping.spread_text();
        Ok(mapping)
    }

    /// Gives the rules of all fields what the file as a whole says of its texts. Other fields do not read it.
    fn spread_text(&mut self) {
        let Some(form) = self.text else { return };
        for rule in self.fields.values_mut() {
            let detailed = rule.options();
            *rule = Rule::Detailed(RuleOptions { text: detailed.text.or(Some(form)), ..detailed });
        }
    }

    fn check(&self) -> Result<(), String> {
        let content_type = self.content_type().ok_or_else(|| {
            let kinds: Vec<&str> = crate::content_types::ALL.iter().map(|r| r.kind).collect();
            format!("kind: \"{}\" is not one of {}", self.kind, kinds.join(", "))
        })?;
        for (name, rule) in &self.fields {
            let declared = field(content_type.fields, name).or_else(|| self.created_field(content_type, name));
            let declared = declared.ok_or_else(|| {
                let article = if content_type.noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                format!("fields.{name}: {article} {} has no such field", content_type.noun)
            })?;
            if rule.options().text.is_some() && !matches!(declared.kind, FieldType::Rich { .. }) {
                return Err(format!("fields.{name}: `text` says what a rich text is, and this field is none"));
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

    /// Returns the fields that a text says which names a place, if the mapping has such a text and no columns for these fields.
    pub fn fields_of_place(&self, content_type: &'static ContentType) -> Vec<&'static str> {
        let mut relations = content_type.relations();
        let has_place = relations.any(|relation| relation.target == "venue" && self.fields.contains_key(relation.name));
        OF_PLACE.into_iter().filter(|name| has_place && !self.fields.contains_key(*name)).collect()
    }

    /// Returns all templates: of the id, the slug, the fields and the conditions.
    fn templates(&self) -> impl Iterator<Item = &str> {
        let own = [Some(self.id.as_str()), self.slug.as_deref()].into_iter().flatten();
        let conditions = self.conditions().filter_map(|condition| Some(split_condition(condition)?.0));
        own.chain(self.fields.values().map(Rule::template)).chain(conditions)
    }

    /// Returns the positions of the columns that no template names.
    pub fn unused_columns(&self, headers: &[String]) -> Vec<usize> {
        let named: BTreeSet<&str> = self.templates().flat_map(columns_of).collect();
        let unused = headers.iter().enumerate().filter(|(_, header)| !named.contains(header.as_str()));
        unused.map(|(place, _)| place).collect()
    }

    /// Returns a message about the columns that the mapping names and the header lacks; `None` if it lacks none.
    pub fn missing_columns(&self, headers: &[String]) -> Option<String> {
        let named: BTreeSet<&str> = self.templates().flat_map(columns_of).collect();
        let lacking = named.into_iter().filter(|name| !headers.iter().any(|header| header == name));
        let messages: Vec<String> = lacking
            .map(|name| match most_similar(name, headers.iter().map(String::as_str)) {
                Some(similar) => format!("\"{name}\" (did you mean \"{similar}\"?)"),
                None => format!("\"{name}\""),
            })
            .collect();
        let all = messages.join(", ");
        (!messages.is_empty()).then(|| format!("the mapping names columns that the first row does not have: {all}"))
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
        rules.filter_map(|(full, inner, rule)| Some((inner, rule, self.created_field(content_type, full)?))).collect()
    }

    /// Returns the declaration of a field of what is created along the way, as `venue.address.country`.
    pub fn created_field(&self, content_type: &'static ContentType, name: &str) -> Option<&'static Field> {
        let (first, rest) = name.split_once('.')?;
        let creates = self.fields.get(first).is_some_and(|rule| rule.options().create);
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

/// Returns the columns that a template names.
fn columns_of(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(column, _)| column)
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
