//! Entity tags (RFC 9110, section 8.8.3) and the conditions made with them.
//!
//! A tag is `"v12-9c1b…"`: the version of the item, and a hash of the representation, since one
//! version has many (languages, includes). Reading compares whole tags; writing compares the
//! version, which is what must not have changed.

use actix_web::HttpRequest;
use actix_web::http::header::IF_NONE_MATCH;

use super::route::Request;
use crate::content::fault::Faults;
use crate::problem::{Kind, Problem};

/// The problems of every write of what exists.
pub const WRITE_PROBLEMS: [Kind; 4] =
    [Kind::NotFound, Kind::Conflict, Kind::PreconditionFailed, Kind::PreconditionRequired];

/// The tag of a representation; `version` is 0 for lists.
pub fn tag(version: i64, body: &[u8]) -> String {
    format!("\"v{version}-{:016x}\"", twox_hash::XxHash3_64::oneshot(body))
}

/// Whether `If-None-Match` names this tag: the client has the representation already. A tag that
/// was marked with a content coding still names it.
pub fn none_match(http: &HttpRequest, tag: &str) -> bool {
    let Some(given) = http.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else { return false };
    given.trim() == "*" || given.split(',').any(|given| plain(given) == plain(tag))
}

/// A tag without quotes and marks.
fn plain(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/").trim_matches('"').split('+').next().unwrap_or_default()
}

/// The version that `If-Match` names: 428 without the header, 400 when it is no tag of ours.
pub fn required_version(request: &Request) -> Result<i64, Problem> {
    let Some(given) = request.header("if-match").map(str::trim).filter(|given| !given.is_empty() && *given != "*")
    else {
        let detail = "send If-Match with the ETag of the version that you read";
        return Err(Problem::new(Kind::PreconditionRequired, detail));
    };
    version_of(given).ok_or_else(|| {
        Problem::bad_request(Faults::one(
            "If-Match",
            "not_a_tag",
            "wants one ETag as the server gave it, such as \"v3-1f2e3d4c5b6a7988\"",
        ))
    })
}

fn version_of(tag: &str) -> Option<i64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let digits = inner.strip_prefix('v')?.split(['-', '+']).next()?;
    digits.parse().ok().filter(|version| *version > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_version() {
        assert_eq!(version_of(&tag(12, b"x")), Some(12));
        assert_eq!(version_of("\"v7\""), Some(7));
        assert_eq!(version_of("\"v7-00+gzip\""), Some(7));
        for wrong in ["v7", "\"7\"", "W/\"v7\"", "\"v0\"", "\"v-1\"", "\"v1\", \"v2\""] {
            assert_eq!(version_of(wrong), None, "{wrong}");
        }
    }
}
