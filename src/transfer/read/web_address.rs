//! Addresses as people write them.

use url::Url;

use crate::content::values::{self, RuleViolation};

/// Endings of files. A name with one of them and without a path is no host, although some are domains too.
const FILES: [&str; 45] = [
    "7z", "ai", "asp", "aspx", "avi", "bz2", "csv", "doc", "docx", "epub", "gif", "gz", "htm", "html", "ics", "ipynb",
    "jpeg", "jpg", "js", "json", "jsp", "key", "md", "mkv", "mov", "mp3", "mp4", "odp", "ods", "odt", "pdf", "php",
    "png", "ppt", "pptx", "ps", "py", "rtf", "sh", "svg", "tar", "tex", "txt", "webp", "zip",
];
/// Domains by which a host is known as one where an address may be relative too. Those of countries have two letters.
const DOMAINS: [&str; 14] =
    ["app", "biz", "com", "coop", "dev", "edu", "events", "gov", "info", "int", "mil", "net", "org", "social"];

/// Parses a URL as people write it: one that lacks only its scheme gets `https`.
///
/// # Errors
/// Fails with `not_a_url`, also for a relative address: the name of a file is no host.
pub fn web_address(given: &str) -> Result<String, RuleViolation> {
    let given = given.trim();
    values::url(given).or_else(|wrong| {
        let bare = given.strip_prefix("//").unwrap_or(given);
        if domain_of(bare).is_some() { values::url(&format!("https://{bare}")) } else { Err(wrong) }
    })
}

/// Parses a URL of a file that says to which address relative ones belong (RFC 3986, section 5). One that only lacks its
/// scheme is told from a relative one by its host.
///
/// # Errors
/// Fails as [`web_address`] does.
pub fn address_below(given: &str, base: Option<&Url>) -> Result<String, RuleViolation> {
    let given = given.trim();
    let Some(base) = base else { return web_address(given) };
    let is_host = given.starts_with("www.")
        || domain_of(given).is_some_and(|domain| domain.len() == 2 || DOMAINS.contains(&domain.as_str()));
    if is_host || given.starts_with("//") {
        return web_address(given);
    }
    values::url(given).or_else(|wrong| match base.join(given) {
        Ok(joined) => values::url(joined.as_str()).map_err(|_| wrong),
        Err(_) => Err(wrong),
    })
}

/// Returns the last label of the host with which an address without a scheme begins, in lower case; `None` if it begins with
/// none.
fn domain_of(given: &str) -> Option<String> {
    let host = given.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "1"));
    let is_label = |label: &str| {
        let is_plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        is_plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let (before, last) = name.rsplit_once('.')?;
    let last = last.to_ascii_lowercase();
    let is_domain = last.len() > 1 && (last.starts_with("xn--") || last.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let is_file = !given.contains('/') && !given.starts_with("www.") && FILES.contains(&last.as_str());
    let is_host = before.split('.').all(is_label) && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_host && is_domain && !is_file).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_files() {
        for (given, wanted) in [
            ("https://river.example/a", Some("https://river.example/a")),
            ("www.river.example/x", Some("https://www.river.example/x")),
            ("river.example.org", Some("https://river.example.org/")),
            ("river.example.org:8080/a", Some("https://river.example.org:8080/a")),
            ("//river.example.org/a", Some("https://river.example.org/a")),
            ("zip.example.md/a.pdf", Some("https://zip.example.md/a.pdf")),
            ("slides.pdf", None),
            ("logo.png?v=2", None),
            ("./b.pdf", None),
            ("../b.pdf", None),
            ("media/c.zip", None),
            ("v1.2", None),
            ("mailto:a@river.example", None),
        ] {
            assert_eq!(web_address(given).ok().as_deref(), wanted, "{given}");
        }
    }

    #[test]
    fn relative_addresses_belong_to_the_base() {
        let base = Url::parse("https://x.example.org/2027/").unwrap();
        for (given, wanted) in [
            ("slides.pdf", Some("https://x.example.org/2027/slides.pdf")),
            ("./b.pdf", Some("https://x.example.org/2027/b.pdf")),
            ("../c.zip", Some("https://x.example.org/c.zip")),
            ("/media/c.zip", Some("https://x.example.org/media/c.zip")),
            ("about.html", Some("https://x.example.org/2027/about.html")),
            ("talk.v2/deck", Some("https://x.example.org/2027/talk.v2/deck")),
            ("www.river.example/x", Some("https://www.river.example/x")),
            ("river.example.org/x", Some("https://river.example.org/x")),
            ("//cdn.example.org/x", Some("https://cdn.example.org/x")),
            ("http://river.example/x", Some("http://river.example/x")),
            ("mailto:a@river.example", None),
        ] {
            assert_eq!(address_below(given, Some(&base)).ok().as_deref(), wanted, "{given}");
        }
    }
}
