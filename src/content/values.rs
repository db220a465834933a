//! The rules of single values. Each returns the form to store, or the rule that was broken.

use serde_json::Value;
use url::Url;

use super::field::Kind;
use super::slug::{is_id, is_slug};
use crate::time_zone::{Zone, rules};

/// Longest URL and e-mail address.
const MAX_URL: usize = 2_000;
const MAX_EMAIL: usize = 254;

/// A broken rule: its word and its explanation.
pub type Wrong = (&'static str, String);

/// Checks a value that is neither list, object, reference nor time.
pub fn scalar(kind: &Kind, value: &Value) -> Result<Value, Wrong> {
    match kind {
        Kind::Line { max } => text(value, *max, false).map(Value::String),
        Kind::Text { max } => text(value, *max, true).map(Value::String),
        Kind::Url => url(&text(value, MAX_URL, false)?).map(Value::String),
        Kind::Email => email(text(value, MAX_EMAIL, false)?).map(Value::String),
        Kind::Slug => slug(text(value, 300, false)?).map(Value::String),
        Kind::Zone => zone(&text(value, 64, false)?).map(|zone| zone.name().into()),
        Kind::Country => country(&text(value, 2, false)?).map(Value::String),
        Kind::Language => language(&text(value, 35, false)?).map(Value::String),
        Kind::OneOf(words) => one_of(words, string(value)?),
        Kind::Boolean => value.as_bool().map(Value::Bool).ok_or_else(|| wrong_type("true or false", value)),
        Kind::Integer { min, max } => integer(value, *min, *max),
        Kind::Number { min, max } => number(value, *min, *max),
        Kind::Custom => value.is_object().then(|| value.clone()).ok_or_else(|| wrong_type("an object", value)),
        Kind::Rich { .. }
        | Kind::Moment { .. }
        | Kind::Instant
        | Kind::Object(_)
        | Kind::List { .. }
        | Kind::Reference(_) => Err(("wrong_type", "not a plain value".to_owned())),
    }
}

/// The fault of a value of another JSON type than wanted.
pub fn wrong_type(wanted: &str, value: &Value) -> Wrong {
    let given = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ("wrong_type", format!("wants {wanted}, got {given}"))
}

/// The string within, or the fault.
pub fn string(value: &Value) -> Result<&str, Wrong> {
    value.as_str().ok_or_else(|| wrong_type("a string", value))
}

/// Text without control characters, trimmed, line ends as `\n`, not empty, at most `max` characters.
pub fn text(value: &Value, max: usize, many_lines: bool) -> Result<String, Wrong> {
    let given = string(value)?;
    let unified = if given.contains('\r') { given.replace("\r\n", "\n").replace('\r', "\n") } else { given.to_owned() };
    let allowed = |c: char| !c.is_control() || (many_lines && (c == '\n' || c == '\t'));
    if let Some(bad) = unified.chars().find(|&c| !allowed(c)) {
        return Err(("control_character", format!("holds the control character U+{:04X}", bad as u32)));
    }
    // What regular expressions of JSON Schema (ECMA-262) call white space.
    let trimmed = unified.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if trimmed.is_empty() {
        return Err(("empty", "must not be empty; leave it out or send null instead".to_owned()));
    }
    let length = trimmed.chars().count();
    if length > max {
        return Err(("too_long", format!("at most {max} characters; this has {length}")));
    }
    Ok(trimmed.to_owned())
}

/// An absolute http(s) URL with a host and without credentials, as the WHATWG URL standard writes it.
pub fn url(given: &str) -> Result<String, Wrong> {
    let wrong = |why: &str| ("not_a_url", format!("\"{given}\" is no http or https URL: {why}"));
    let parsed = Url::parse(given).map_err(|e| wrong(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(wrong("its scheme is another"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(wrong("it carries credentials"));
    }
    Ok(String::from(parsed))
}

/// An address as the WHATWG HTML standard accepts it, with a dot in its domain.
pub fn email(given: String) -> Result<String, Wrong> {
    let local_part = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |l: &str| {
        !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let sound = given.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && local.chars().all(local_part) && domain.contains('.') && domain.split('.').all(label)
    });
    if sound { Ok(given) } else { Err(("not_an_email", format!("\"{given}\" is no e-mail address"))) }
}

fn slug(given: String) -> Result<String, Wrong> {
    if is_slug(&given) {
        return Ok(given);
    }
    if is_id(&given) {
        return Err(("not_a_slug", "a slug cannot have the form of an id: an address would mean that".to_owned()));
    }
    let better = super::slug::from_title(&given);
    let hint = if better.is_empty() { String::new() } else { format!("; \"{better}\" would do") };
    Err(("not_a_slug", format!("only a-z, 0-9 and single hyphens between them, at most 120{hint}")))
}

/// An IANA time zone by its exact name.
pub fn zone(given: &str) -> Result<Zone, Wrong> {
    given.parse::<Zone>().map_err(|_| {
        let names = rules::names();
        let hint = super::fault::nearest(given, names.iter().map(String::as_str))
            .map_or(String::new(), |name| format!("; did you mean \"{name}\"?"));
        ("unknown_zone", format!("\"{given}\" is no IANA time zone{hint}"))
    })
}

/// An ISO 3166-1 alpha-2 code, in capitals.
pub fn country(given: &str) -> Result<String, Wrong> {
    let code = given.to_ascii_uppercase();
    match rust_iso3166::from_alpha2(&code) {
        Some(_) => Ok(code),
        None => Err(("unknown_country", format!("\"{given}\" is no ISO 3166-1 alpha-2 code, such as BE"))),
    }
}

/// A well-formed BCP 47 tag, in its conventional letter case.
pub fn language(given: &str) -> Result<String, Wrong> {
    oxilangtag::LanguageTag::parse_and_normalize(given)
        .map(oxilangtag::LanguageTag::into_inner)
        .map_err(|e| ("not_a_language", format!("\"{given}\" is no BCP 47 language tag: {e}")))
}

fn one_of(words: &[&'static str], given: &str) -> Result<Value, Wrong> {
    if words.contains(&given) {
        return Ok(given.into());
    }
    Err(("not_allowed", super::fault::unknown("value", given, words.iter().copied())))
}

fn integer(value: &Value, min: i64, max: i64) -> Result<Value, Wrong> {
    // 3.0 is an integer to JSON Schema, section 4.2.3 of its core.
    let whole =
        value.as_i64().or_else(|| value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64));
    let number = whole.ok_or_else(|| wrong_type("a whole number", value))?;
    if (min..=max).contains(&number) {
        return Ok(number.into());
    }
    Err(("out_of_range", format!("between {min} and {max}; this is {number}")))
}

fn number(value: &Value, min: f64, max: f64) -> Result<Value, Wrong> {
    let number = value.as_f64().ok_or_else(|| wrong_type("a number", value))?;
    if (min..=max).contains(&number) {
        return Ok(value.clone());
    }
    Err(("out_of_range", format!("between {min} and {max}; this is {number}")))
}
