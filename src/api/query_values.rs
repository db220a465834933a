//! Parsers of the values of query parameters.

use crate::content::slug::is_id;
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::{ALL, COLLECTIONS, ContentType};
use crate::http::request::Request;
use crate::problem::Problem;

/// Parses a query parameter as an integer between `min` and `max`; `None` if the query does not have it.
///
/// # Errors
/// 400 if the value is not such an integer.
pub fn number_between(request: &Request, name: &str, (min, max): (i64, i64)) -> Result<Option<i64>, Problem> {
    let Some(text) = request.query(name) else { return Ok(None) };
    match text.parse().ok().filter(|number| (min..=max).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::bad_request(Violations::one(
            format!("?{name}"),
            "out_of_range",
            format!("must be a whole number between {min} and {max}"),
        ))),
    }
}

/// Parses a query parameter that is one of `words`; `None` if the query does not have it.
///
/// # Errors
/// 400 if the value is another word.
pub fn word(request: &Request, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Problem> {
    let Some(given) = request.query(name) else { return Ok(None) };
    match words.iter().find(|word| **word == given) {
        Some(word) => Ok(Some(word)),
        None => {
            let message = unknown_name_message("value", given, words.iter().copied());
            Err(Problem::bad_request(Violations::one(format!("?{name}"), "not_allowed", message)))
        }
    }
}

/// Returns a query parameter of 1 to `max` characters; `None` if the query does not have it.
///
/// # Errors
/// 400 if the value is empty or longer.
pub fn short_text(request: &Request, name: &str, max: usize) -> Result<Option<String>, Problem> {
    let given = request.query(name);
    if given == Some("") {
        let message = "must not be empty; leave the parameter out instead";
        return Err(Problem::bad_request(Violations::one(format!("?{name}"), "empty", message)));
    }
    if given.is_some_and(|given| given.chars().count() > max) {
        let message = format!("must have at most {max} characters");
        return Err(Problem::bad_request(Violations::one(format!("?{name}"), "too_long", message)));
    }
    Ok(given.map(str::to_owned))
}

/// Parses a query parameter that is the id of a row; `None` if the query does not have it.
///
/// # Errors
/// 400 if the value is not an id.
pub fn row_id(request: &Request, name: &str) -> Result<Option<String>, Problem> {
    let Some(given) = request.query(name) else { return Ok(None) };
    if !is_id(given) {
        let message = format!("\"{given}\" is not an id (a UUID), such as the page before names for the next one");
        return Err(Problem::bad_request(Violations::one(format!("?{name}"), "not_a_value", message)));
    }
    Ok(Some(given.to_ascii_lowercase()))
}

/// Parses the query parameter `locale`; `None` if the query does not have it.
///
/// # Errors
/// 400 if the site does not have the language.
pub fn locale(request: &Request) -> Result<Option<String>, Problem> {
    let (Some(given), site) = (request.query("locale"), &request.app.site) else { return Ok(None) };
    match site.locale(given) {
        Some(known) => Ok(Some(known.to_owned())),
        None => {
            let message = unknown_name_message("value", given, site.locales.iter().map(String::as_str));
            Err(Problem::bad_request(Violations::one("?locale", "not_allowed", message)))
        }
    }
}

/// Parses the query parameter `locale`; the language of the site if the query does not have it.
///
/// # Errors
/// 400 if the site does not have the language.
pub fn locale_or_default(request: &Request) -> Result<String, Problem> {
    Ok(locale(request)?.unwrap_or_else(|| request.app.site.default_locale().to_owned()))
}

/// Parses the query parameter `collections`, and returns the kinds of their items; those that `is_usual` accepts if there
/// are none. Unknown collections are recorded.
pub fn kinds_of_collections(
    request: &Request,
    is_usual: fn(&'static ContentType) -> bool,
    violations: &mut Violations,
) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for name in request.query("collections").unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
        match ContentType::of_collection(name) {
            Some(content_type) => kinds.push(content_type.kind),
            None => {
                let message = unknown_name_message("value", name, COLLECTIONS.iter().copied());
                violations.add("?collections", "not_allowed", message);
            }
        }
    }
    if kinds.is_empty() {
        kinds.extend(
            ALL.into_iter().filter(|content_type| is_usual(content_type)).map(|content_type| content_type.kind),
        );
    }
    kinds
}
