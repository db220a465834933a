//! Entity tags (RFC 9110, section 8.8.3) and conditional requests (RFC 9110, section 13).
//!
//! An entity tag is `"v12-9c1b…"`: the version of the item and a hash of the representation, because one
//! version has many representations (languages, includes). `If-None-Match` compares whole tags. `If-Match`
//! compares only the version: an edit is safe if the item has not changed, whichever representation the
//! client read.

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::content::violation::Violations;
use crate::http::request::Request;
use crate::items::ExpectedVersions;
use crate::problem::{Problem, ProblemKind};

/// The problems of every operation that changes an existing item, besides that of a missing precondition.
pub const WRITE_PROBLEMS: [ProblemKind; 3] =
    [ProblemKind::NotFound, ProblemKind::Conflict, ProblemKind::PreconditionFailed];

/// Returns the entity tag of a representation; `version` is 0 for lists.
pub fn entity_tag(version: i64, body: &[u8]) -> String {
    format!("\"v{version}-{:016x}\"", twox_hash::XxHash3_64::oneshot(body))
}

/// Returns whether `If-None-Match` names `tag`, the entity tag of the selected representation, by weak
/// comparison.
///
/// The same content in another content coding is another representation with another tag (RFC 9110, section
/// 8.8.3.3).
pub fn matches_if_none_match(headers: &HeaderMap, tag: &str) -> bool {
    let weakly = |given: &str| given.strip_prefix("W/").unwrap_or(given) == tag;
    members(headers, &IF_NONE_MATCH).any(|given| given == "*" || weakly(given))
}

/// Returns the members of a list of entity tags, which may span several header lines. Splitting at commas is
/// sufficient, because no tag of this server contains one.
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

/// Returns the versions that `If-Match` names.
///
/// A weak tag contributes no version, because `If-Match` requires strong comparison; a request with weak tags
/// only therefore fails its precondition later. `*` is treated as an absent header: it would allow a client
/// to replace content that it has never read.
///
/// # Errors
/// 428 if the header is absent or only `*`; 400 if none of its members has the form of a tag of this server.
pub fn required_version(request: &Request) -> Result<ExpectedVersions, Problem> {
    let given: Vec<&str> = members(request.http.headers(), &IF_MATCH).filter(|member| *member != "*").collect();
    if given.is_empty() {
        return Err(no_version());
    }
    let is_tag = |member: &&str| version_of(member.strip_prefix("W/").unwrap_or(member)).is_some();
    if !given.iter().any(is_tag) {
        let wants = "must be an ETag of this server, such as \"v3-1f2e3d4c5b6a7988\", or a list of them";
        return Err(Problem::bad_request(Violations::one("If-Match", "not_a_tag", wants)));
    }
    Ok(given.into_iter().filter_map(version_of).collect())
}

/// Returns the problem of a write that names no version.
pub fn no_version() -> Problem {
    let detail = "send If-Match with the ETag of the version that you read";
    Problem::new(ProblemKind::PreconditionRequired, detail)
}

/// The precondition of a write that creates or replaces a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutPrecondition {
    /// Neither header, or an empty one.
    None,
    /// `If-None-Match: *`: the resource does not exist.
    Absent,
    /// `If-Match: *`: the resource exists, at a version that is not named.
    Present,
    /// `If-Match`: the resource is at one of these versions.
    Versions(ExpectedVersions),
}

/// Reads the precondition of a write that creates or replaces a resource from `If-Match` and `If-None-Match`.
///
/// # Errors
/// 400 if both headers are there, or one of them has no value of this server.
pub fn put_precondition(request: &Request) -> Result<PutPrecondition, Problem> {
    let is_absent = requires_absence(request)?;
    let is_given = members(request.http.headers(), &IF_MATCH).next().is_some();
    match (is_given, is_absent) {
        (true, true) => Err(Problem::bad_request(Violations::one(
            "If-None-Match",
            "with_if_match",
            "nothing can be absent and at a version; send one of the two headers",
        ))),
        (true, false) => match required_version(request) {
            Err(problem) if problem.kind == ProblemKind::PreconditionRequired => Ok(PutPrecondition::Present),
            versions => versions.map(PutPrecondition::Versions),
        },
        (false, true) => Ok(PutPrecondition::Absent),
        (false, false) => Ok(PutPrecondition::None),
    }
}

/// Returns whether `If-None-Match` requires that the resource does not exist (`*`).
///
/// # Errors
/// 400 if the header has another value: on a write, only `*` has a meaning here.
fn requires_absence(request: &Request) -> Result<bool, Problem> {
    let mut given = members(request.http.headers(), &IF_NONE_MATCH);
    match (given.next(), given.next()) {
        (None, _) if !request.http.headers().contains_key(IF_NONE_MATCH) => Ok(false),
        (Some("*"), None) => Ok(true),
        _ => Err(Problem::bad_request(Violations::one("If-None-Match", "not_a_tag", "must be * on a write"))),
    }
}

/// Returns the version that an entity tag names; `None` if it is not the tag of an item.
pub fn version_of(tag: &str) -> Option<i64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let digits = inner.strip_prefix('v')?.split(['-', '+']).next()?;
    digits.parse().ok().filter(|version| *version > 0)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_tag_names_its_version() {
        assert_eq!(version_of(&entity_tag(12, b"x")), Some(12));
        assert_eq!(version_of("\"v7\""), Some(7));
        assert_eq!(version_of("\"v12\""), Some(12));
        assert_eq!(version_of("\"v3-1f2e\""), Some(3));
        assert_eq!(version_of("\"v7-00+gzip\""), Some(7));
        for wrong in ["", "v7", "\"7\"", "\"v0-1f2e\"", "W/\"v7\"", "\"v0\"", "\"v-1\"", "\"v1\", \"v2\""] {
            assert_eq!(version_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_list_may_be_in_several_lines() {
        let request = TestRequest::get()
            .append_header((IF_NONE_MATCH, "\"a\" ,, \"b\""))
            .append_header((IF_NONE_MATCH, "W/\"c\""));
        let request = request.to_http_request();
        let matches = |tag| matches_if_none_match(request.headers(), tag);
        assert!(["\"a\"", "\"b\"", "\"c\""].into_iter().all(matches));
        assert!(!matches("\"a+gzip\""));
        assert!(!matches("a"));
    }
}
