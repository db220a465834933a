//! Validation of single values. Each function returns the value to store, or the violation.

use isolang::Language;
use language_tags::{LanguageTag, ValidationError};
use serde_json::Value;
use url::Url;

use super::field::FieldType;
use super::slug::{is_id, is_slug};
use crate::time_zone::{Zone, rules};

/// Maximum length of a URL, in characters.
const MAX_URL: usize = 2_000;
/// Maximum length of an e-mail address, in characters.
const MAX_EMAIL: usize = 254;

/// Maximum length of a stored query, in characters.
pub const MAX_QUERY: usize = 1_000;
/// Maximum number of rows of a table.
pub const MAX_ROWS: usize = 200;
/// Maximum number of cells of a row.
pub const MAX_CELLS: usize = 20;
/// Maximum length of a cell, in characters.
pub const MAX_CELL: usize = 500;

/// A violation: its code and its message.
pub type RuleViolation = (&'static str, String);

/// Validates a value that is not a list, an object, a reference, rich text or a time.
///
/// # Errors
///
/// Fails with the rule of the type that the value violates.
pub fn scalar(kind: &FieldType, value: &Value) -> Result<Value, RuleViolation> {
    match kind {
        FieldType::Line { max } => text(value, *max, false).map(Value::String),
        FieldType::Text { max } => text(value, *max, true).map(Value::String),
        FieldType::Url => url(&text(value, MAX_URL, false)?).map(Value::String),
        FieldType::Email => email(text(value, MAX_EMAIL, false)?).map(Value::String),
        FieldType::Slug => slug(text(value, 300, false)?).map(Value::String),
        FieldType::Zone => zone(&text(value, 64, false)?).map(|zone| zone.name().into()),
        FieldType::Country => country(&text(value, 2, false)?).map(Value::String),
        FieldType::Language => language(&text(value, 35, false)?).map(Value::String),
        FieldType::OneOf(known) => one_of(known.words, string(value)?),
        FieldType::Boolean => value.as_bool().map(Value::Bool).ok_or_else(|| wrong_type("true or false", value)),
        FieldType::Integer { min, max } => integer(value, *min, *max),
        FieldType::Number { min, max } => number(value, *min, *max),
        FieldType::Constant(word) => one_of(&[word], string(value)?),
        FieldType::Query(_) => text(value, MAX_QUERY, false).map(Value::String),
        FieldType::Rows => rows(value),
        FieldType::Custom => value.is_object().then(|| value.clone()).ok_or_else(|| wrong_type("an object", value)),
        FieldType::Rich { .. }
        | FieldType::Moment { .. }
        | FieldType::Instant
        | FieldType::Object(_)
        | FieldType::Union(_)
        | FieldType::EmbedUrl
        | FieldType::List { .. }
        | FieldType::Reference(_)
        | FieldType::ReferenceIn(_) => Err(("wrong_type", "must be a plain value".to_owned())),
    }
}

/// Returns the violation by a value of another JSON type than `wanted`.
pub fn wrong_type(wanted: &str, value: &Value) -> RuleViolation {
    let given = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ("wrong_type", format!("must be {wanted}, not {given}"))
}

/// Returns the string.
///
/// # Errors
///
/// Fails with `wrong_type` if the value is not a string.
pub fn string(value: &Value) -> Result<&str, RuleViolation> {
    value.as_str().ok_or_else(|| wrong_type("a string", value))
}

/// Validates a text and returns it trimmed, with line ends as `\n`.
///
/// # Errors
///
/// Fails for a value that is not a string, control characters, an empty text, and more than `max` characters.
pub fn text(value: &Value, max: usize, many_lines: bool) -> Result<String, RuleViolation> {
    let given = string(value)?;
    let unified = if given.contains('\r') { given.replace("\r\n", "\n").replace('\r', "\n") } else { given.to_owned() };
    let allowed = |c: char| !c.is_control() || (many_lines && (c == '\n' || c == '\t'));
    if let Some(bad) = unified.chars().find(|&c| !allowed(c)) {
        return Err(("control_character", format!("must not contain the control character U+{:04X}", bad as u32)));
    }
    // White space as ECMA-262 defines it, so that the patterns in the JSON Schemas agree: U+FEFF is included.
    let trimmed = unified.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if trimmed.is_empty() {
        return Err(("empty", "must not be empty; omit it or send null instead".to_owned()));
    }
    let length = trimmed.chars().count();
    if length > max {
        return Err(("too_long", format!("must have at most {max} characters, but has {length}")));
    }
    Ok(trimmed.to_owned())
}

/// Validates an absolute http or https URL with a host and without credentials, and returns it as the WHATWG URL
/// standard serialises it.
///
/// # Errors
///
/// Fails with `not_a_url`.
pub fn url(given: &str) -> Result<String, RuleViolation> {
    let wrong = |why: &str| ("not_a_url", format!("\"{given}\" is not an http or https URL: {why}"));
    let parsed = Url::parse(given).map_err(|e| wrong(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(wrong("it has another scheme"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(wrong("it contains credentials"));
    }
    Ok(String::from(parsed))
}

/// Returns an e-mail address with its domain as it is in the Domain Name System (RFC 5890, A-labels), in which every mail
/// server takes it and two forms of one address are equal. One without such a form stays as it is.
pub fn with_ascii_domain(given: String) -> String {
    let Some((local, domain)) = given.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii()) else { return given };
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => format!("{local}@{ascii}"),
        _ => given,
    }
}

/// Validates an e-mail address as the WHATWG HTML standard does; in addition its domain must contain a dot, and mail must be
/// possible to send to it (RFC 5321: no two dots in succession, at most 64 characters before the sign).
///
/// # Errors
///
/// Fails with `not_an_email`.
pub fn email(given: String) -> Result<String, RuleViolation> {
    let local_part = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |l: &str| {
        !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let given = with_ascii_domain(given);
    let sound = given.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && local.chars().all(local_part) && domain.contains('.') && domain.split('.').all(label)
    });
    if sound && given.parse::<lettre::Address>().is_ok() {
        Ok(given)
    } else {
        Err(("not_an_email", format!("\"{given}\" is not an e-mail address")))
    }
}

fn slug(given: String) -> Result<String, RuleViolation> {
    if is_slug(&given) {
        return Ok(given);
    }
    if is_id(&given) {
        return Err(("not_a_slug", "must not have the form of an id, which addresses accept as well".to_owned()));
    }
    let better = super::slug::from_title(&given);
    let hint = if better.is_empty() { String::new() } else { format!("; for example \"{better}\"") };
    let rule = "must consist of a-z, 0-9 and single hyphens between them, at most 120 characters";
    Err(("not_a_slug", format!("{rule}{hint}")))
}

/// Validates the exact name of an IANA time zone.
///
/// # Errors
///
/// Fails with `unknown_zone` and a suggestion.
pub fn zone(given: &str) -> Result<Zone, RuleViolation> {
    given.parse::<Zone>().map_err(|_| {
        let names = rules::names();
        let hint = crate::content::violation::most_similar(given, names.iter().map(String::as_str))
            .map_or(String::new(), |name| format!("; did you mean \"{name}\"?"));
        ("unknown_zone", format!("\"{given}\" is not an IANA time zone{hint}"))
    })
}

/// Validates an ISO 3166-1 alpha-2 code, or `XK`, which CLDR and the European Union use for Kosovo, and returns it in upper
/// case.
///
/// # Errors
///
/// Fails with `unknown_country`.
pub fn country(given: &str) -> Result<String, RuleViolation> {
    let code = given.to_ascii_uppercase();
    match rust_iso3166::from_alpha2(&code) {
        Some(_) => Ok(code),
        None if code == "XK" => Ok(code),
        None => Err(("unknown_country", format!("\"{given}\" is not an ISO 3166-1 alpha-2 code, such as BE"))),
    }
}

/// Validates a BCP 47 tag whose subtags are in IANA's registry, and returns it in its conventional letter case. A code of three
/// letters for a language that has one of two becomes that one (RFC 5646, section 2.2.1).
///
/// # Errors
///
/// Fails with `not_a_language`.
pub fn language(given: &str) -> Result<String, RuleViolation> {
    let tag = shortest_tag(well_formed_language(given)?);
    match LanguageTag::parse(&tag).map(|parsed| parsed.validate()) {
        Ok(Err(
            ValidationError::PrimaryLanguageNotInRegistry
            | ValidationError::ExtendedLanguageNotInRegistry
            | ValidationError::ScriptNotInRegistry
            | ValidationError::RegionNotInRegistry
            | ValidationError::VariantNotInRegistry,
        ))
        | Err(_) => {
            let message = format!("\"{given}\" has a subtag that is not in IANA's language subtag registry");
            Err(("not_a_language", message))
        }
        Ok(_) => Ok(tag),
    }
}

/// Validates the form of a BCP 47 tag and returns it in its conventional letter case.
///
/// # Errors
///
/// Fails with `not_a_language`.
pub fn well_formed_language(given: &str) -> Result<String, RuleViolation> {
    oxilangtag::LanguageTag::parse_and_normalize(given)
        .map(oxilangtag::LanguageTag::into_inner)
        .map_err(|e| ("not_a_language", format!("\"{given}\" is not a BCP 47 language tag: {e}")))
}

/// Returns a tag with the code of two letters for its language, if it has one of three.
fn shortest_tag(tag: String) -> String {
    let (main, rest) = tag.split_at(tag.find('-').unwrap_or(tag.len()));
    let short = Language::from_639_3(main).or_else(|| find_bibliographic(main)).and_then(|known| known.to_639_1());
    short.map_or_else(|| tag.clone(), |short| format!("{short}{rest}"))
}

/// The codes of ISO 639-2 for use in bibliographies, where they are others than those of ISO 639-3.
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sq"),
    ("arm", "hy"),
    ("baq", "eu"),
    ("bur", "my"),
    ("chi", "zh"),
    ("cze", "cs"),
    ("dut", "nl"),
    ("fre", "fr"),
    ("geo", "ka"),
    ("ger", "de"),
    ("gre", "el"),
    ("ice", "is"),
    ("mac", "mk"),
    ("mao", "mi"),
    ("may", "ms"),
    ("per", "fa"),
    ("rum", "ro"),
    ("slo", "sk"),
    ("tib", "bo"),
    ("wel", "cy"),
];

fn find_bibliographic(code: &str) -> Option<Language> {
    Language::from_639_1(BIBLIOGRAPHIC.iter().find(|(known, _)| *known == code)?.1)
}

fn one_of(words: &[&'static str], given: &str) -> Result<Value, RuleViolation> {
    if words.contains(&given) {
        return Ok(given.into());
    }
    Err(("not_allowed", crate::content::violation::unknown_name_message("value", given, words.iter().copied())))
}

/// Validates the rows of a table.
fn rows(value: &Value) -> Result<Value, RuleViolation> {
    let list = value.as_array().ok_or_else(|| wrong_type("an array of rows", value))?;
    let rows: Vec<&Vec<Value>> = list
        .iter()
        .map(|row| row.as_array().ok_or_else(|| wrong_type("an array of cells in each row", row)))
        .collect::<Result<_, _>>()?;
    let width = rows.first().map_or(0, |row| row.len());
    if width == 0 {
        return Err(("empty", "must have a row with a cell".to_owned()));
    }
    if rows.len() > MAX_ROWS || width > MAX_CELLS {
        return Err(("too_many", format!("must have at most {MAX_ROWS} rows of {MAX_CELLS} cells")));
    }
    if let Some(number) = rows.iter().position(|row| row.len() != width) {
        let message = format!("row {} has {} cells, and the first one has {width}", number + 1, rows[number].len());
        return Err(("not_valid", message));
    }
    rows.iter().map(|row| row.iter().map(cell).collect::<Result<Value, _>>()).collect()
}

/// Validates a cell, which may be empty.
fn cell(value: &Value) -> Result<Value, RuleViolation> {
    match string(value)?.trim() {
        "" => Ok("".into()),
        _ => text(value, MAX_CELL, false).map(Value::String),
    }
}

fn integer(value: &Value, min: i64, max: i64) -> Result<Value, RuleViolation> {
    // 3.0 is an integer in JSON Schema (core, section 4.2.3). Beyond 2^53, about 9e15, a float is not exact.
    let whole =
        value.as_i64().or_else(|| value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64));
    let number = whole.ok_or_else(|| wrong_type("an integer", value))?;
    if (min..=max).contains(&number) {
        return Ok(number.into());
    }
    Err(("out_of_range", format!("must be between {min} and {max}, but is {number}")))
}

fn number(value: &Value, min: f64, max: f64) -> Result<Value, RuleViolation> {
    let number = value.as_f64().ok_or_else(|| wrong_type("a number", value))?;
    if (min..=max).contains(&number) {
        return Ok(value.clone());
    }
    Err(("out_of_range", format!("must be between {min} and {max}, but is {number}")))
}
