//! Request bodies: the check of the media type and strict parsing of JSON.

use serde_json::Value;

use super::request::Request;
use super::response::{ALL_LOCALES, JSON};
use crate::content::strict_json;
use crate::content::violation::Violations;
use crate::problem::{Problem, ProblemKind};

/// Media type of a JSON Merge Patch (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Parses a body of the media type `application/json`.
///
/// # Errors
/// 415 for another media type or charset; 400 for invalid UTF-8 or JSON.
pub fn json(request: &Request) -> Result<Value, Problem> {
    read(request, &[JSON])
}

/// Parses the body of a JSON Merge Patch (RFC 7396).
///
/// `application/json` does not name a patch format, but many clients send it. It is accepted as a merge patch,
/// because the API has no other patch format.
///
/// # Errors
/// 415 for another media type or charset; 400 for invalid UTF-8 or JSON.
pub fn merge_patch(request: &Request) -> Result<Value, Problem> {
    read(request, &[MERGE_PATCH, JSON])
}

/// Parses a body with the content of an item, whose texts are in one locale or, by its media type, in all.
///
/// # Errors
/// 415 for another media type or charset; 400 for invalid UTF-8 or JSON.
pub fn item(request: &Request) -> Result<Value, Problem> {
    read(request, &[JSON, ALL_LOCALES])
}

/// Parses a body with a JSON Merge Patch of an item, as [`merge_patch`] does, or with the texts of all locales.
///
/// # Errors
/// 415 for another media type or charset; 400 for invalid UTF-8 or JSON.
pub fn item_patch(request: &Request) -> Result<Value, Problem> {
    read(request, &[MERGE_PATCH, JSON, ALL_LOCALES])
}

/// The value of the parameter `locale` for all locales.
pub const EVERY_LOCALE: &str = "*";

/// Lets a body with the texts of all locales stand for `locale=*`, which its media type says already.
///
/// # Errors
/// 400 if the request names another locale.
pub fn take_locale(request: &mut Request) -> Result<(), Problem> {
    if !media_type(request).0.eq_ignore_ascii_case(ALL_LOCALES) {
        return Ok(());
    }
    match request.query("locale") {
        Some(EVERY_LOCALE) => Ok(()),
        None => {
            request.query_pairs.push(("locale".to_owned(), EVERY_LOCALE.to_owned()));
            Ok(())
        }
        Some(_) => {
            let message = "the body has the texts of all locales, by its media type; leave the parameter out";
            Err(Problem::bad_request(Violations::one("?locale", "with_all_locales", message)))
        }
    }
}

/// Returns the media type of a body and its parameters.
fn media_type(request: &Request) -> (&str, &str) {
    let given = request.header("content-type").unwrap_or_default();
    let (media_type, parameters) = given.split_once(';').unwrap_or((given, ""));
    (media_type.trim(), parameters.trim())
}

/// Refuses a body of another media type than these, or of another charset than UTF-8.
///
/// # Errors
/// 415 for such a body.
pub fn require_media_type(request: &Request, types: &[&str]) -> Result<(), Problem> {
    let (media_type, parameters) = media_type(request);
    let charset = parameters.to_ascii_lowercase();
    let utf8 = charset.is_empty() || matches!(charset.as_str(), "charset=utf-8" | "charset=\"utf-8\"");
    if !types.iter().any(|known| media_type.eq_ignore_ascii_case(known)) || !utf8 {
        let not = request.header("content-type").map_or(String::new(), |given| format!(", not \"{given}\""));
        let detail = format!("the body must be {} in UTF-8, and Content-Type must say so{not}", types.join(" or "));
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    Ok(())
}

fn read(request: &Request, types: &[&str]) -> Result<Value, Problem> {
    require_media_type(request, types)?;
    if let Err(error) = std::str::from_utf8(&request.body) {
        return Err(Problem::bad_request(Violations::one(
            "",
            "invalid_utf8",
            format!("the body is not UTF-8: {error}"),
        )));
    }
    strict_json::parse(&request.body).map_err(Problem::bad_request)
}
