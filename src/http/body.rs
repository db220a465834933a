//! Request bodies: the check of the media type and strict parsing of JSON.

use serde_json::Value;

use super::request::Request;
use crate::content::strict_json;
use crate::content::violation::Violations;
use crate::problem::{Problem, ProblemKind};

/// Parses a body of the media type `application/json`.
///
/// # Errors
/// 415 for another media type or charset; 400 for invalid UTF-8 or JSON.
pub fn json(request: &Request) -> Result<Value, Problem> {
    read(request, &["application/json"])
}

/// Parses the body of a JSON Merge Patch (RFC 7396).
///
/// `application/json` does not name a patch format, but many clients send it. It is accepted as a merge patch,
/// because the API has no other patch format.
///
/// # Errors
/// 415 for another media type or charset; 400 for invalid UTF-8 or JSON.
pub fn merge_patch(request: &Request) -> Result<Value, Problem> {
    read(request, &["application/merge-patch+json", "application/json"])
}

fn read(request: &Request, types: &[&str]) -> Result<Value, Problem> {
    let given = request.header("content-type").unwrap_or_default();
    let (media_type, parameters) = given.split_once(';').unwrap_or((given, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    let utf8 = charset.is_empty() || matches!(charset.as_str(), "charset=utf-8" | "charset=\"utf-8\"");
    if !types.iter().any(|known| media_type.trim().eq_ignore_ascii_case(known)) || !utf8 {
        let detail = format!("the body must be {} in UTF-8, not \"{given}\"", types.join(" or "));
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    if let Err(error) = std::str::from_utf8(&request.body) {
        return Err(Problem::bad_request(Violations::one(
            "",
            "invalid_utf8",
            format!("the body is not UTF-8: {error}"),
        )));
    }
    strict_json::parse(&request.body).map_err(Problem::bad_request)
}
