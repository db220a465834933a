//! The cookie of a browser's session: its name and attributes, and the requests in which it counts.
//!
//! A cookie is sent by the browser and not by the page, so it counts only in requests of pages that may use it: `Origin` and
//! `Sec-Fetch-Site`, which no page can set, must say so. `SameSite=Strict` says the same to the browser. See
//! `docs/decisions/0047-editing-in-the-page.md`.

use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HOST, HeaderMap, ORIGIN};
use url::Url;

use crate::config::Config;
use crate::config::network::is_loopback;
use crate::http::request::has_parameter;
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// Name of the cookie of a session, without its prefix.
pub const SESSION: &str = "plenary";
/// Name of the cookie with the device token, without its prefix.
pub const DEVICE: &str = "plenary-device";
/// Prefix of the names of cookies that browsers accept only from this very host, over TLS (RFC 6265bis, section 4.1.3.2).
const HOST_PREFIX: &str = "__Host-";

/// Returns the prefix of cookies, which is empty without TLS. `None` if the public address neither uses TLS nor belongs to
/// this machine: then there are no cookies.
fn prefix(config: &Config) -> Option<&'static str> {
    match config.public_url.starts_with("https:") {
        true => Some(HOST_PREFIX),
        false => is_loopback(&config.public_url).then_some(""),
    }
}

/// Returns the value of a cookie, unless the request has none or several of its name.
pub fn find<'a>(config: &Config, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    if !headers.contains_key(COOKIE) {
        return None;
    }
    let prefix = prefix(config)?;
    let pairs = headers.get_all(COOKIE).filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let value = |pair: &'a str| pair.trim().strip_prefix(prefix)?.strip_prefix(name)?.strip_prefix('=');
    let mut values = pairs.filter_map(value);
    values.next().filter(|value| !value.is_empty() && values.next().is_none())
}

/// Returns the value of `Set-Cookie` for a cookie that lasts for some seconds; 0 deletes it.
///
/// # Errors
/// 403 if the public address neither uses TLS nor belongs to this machine.
pub fn set(config: &Config, name: &str, value: &str, seconds: i64) -> Result<String, Problem> {
    let Some(prefix) = prefix(config) else {
        return Err(refusal("a cookie needs TLS, and public_url does not begin with https"));
    };
    let secure = if prefix.is_empty() { "" } else { "; Secure" };
    Ok(format!("{prefix}{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"))
}

/// Returns whether the cookie of a session counts in requests to a route: where an account is required, and in reads of the
/// newest text. Everywhere else it is not looked at, so that what is public does not depend on it.
pub fn counts(route: &Route, query: &str) -> bool {
    match route.access {
        Access::Open => false,
        Access::Public => route.method == Method::GET && reads_drafts(query),
        Access::LoggedIn | Access::Session | Access::May(..) => true,
    }
}

fn reads_drafts(query: &str) -> bool {
    has_parameter(query, "view", |value| value == "draft")
}

/// Refuses a request with a cookie that was not sent by a page of this site.
///
/// # Errors
/// 401 if the request reads and 403 if it writes, where `Origin` or `Sec-Fetch-Site` names another site, or where a write
/// has no `Origin`.
pub fn require_own_site(config: &Config, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let is_read = method.is_safe();
    if is_of_own_site(config, headers, is_read) {
        return Ok(());
    }
    let origin = headers.get(ORIGIN).map_or("", |origin| origin.to_str().unwrap_or("?"));
    let detail = format!(
        "the cookie of a session counts only in requests of pages of public_url and of cors.credential_origins; the origin of \
         this one is \"{origin}\""
    );
    match is_read {
        true => Err(Problem::new(ProblemKind::Unauthorized, detail)),
        false => Err(refusal(&detail)),
    }
}

fn refusal(detail: &str) -> Problem {
    Problem::new(ProblemKind::Forbidden, detail)
}

/// A read has no `Origin` if it is of the same origin or opened by the user, and in old browsers.
fn is_of_own_site(config: &Config, headers: &HeaderMap, is_read: bool) -> bool {
    let relation = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or("?"));
    match (headers.get(ORIGIN), relation) {
        (Some(origin), None | Some("same-origin" | "same-site")) => {
            origin.to_str().is_ok_and(|origin| is_own_origin(config, headers, origin))
        }
        (None, None | Some("same-origin" | "none")) => is_read,
        _ => false,
    }
}

/// Returns whether pages of an origin may use the cookie of a session.
pub fn is_own_origin(config: &Config, headers: &HeaderMap, origin: &str) -> bool {
    let public = Url::parse(&config.public_url).map(|url| url.origin().ascii_serialization());
    if public.as_deref() == Ok(origin) || config.cors.credential_origins.iter().any(|listed| listed == origin) {
        return true;
    }
    // A server on this machine is also reached by other names of the machine.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    is_loopback(&config.public_url) && is_loopback(origin) && origin.strip_prefix("http://") == Some(host)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn config(public_url: &str) -> Config {
        let mut config = Config { public_url: public_url.into(), ..Config::default() };
        config.cors.credential_origins = vec!["https://www.example.org".into()];
        config
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn cookies_need_tls_or_this_machine() {
        let value = set(&config("https://cms.example.org"), SESSION, "v", 60).unwrap();
        assert_eq!(value, "__Host-plenary=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        let value = set(&config("http://localhost:8080"), SESSION, "v", 60).unwrap();
        assert_eq!(value, "plenary=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert_eq!(set(&config("http://cms.example.org"), SESSION, "v", 60).unwrap_err().status(), 403);
    }

    #[test]
    fn one_cookie_of_the_name_counts() {
        let config = config("https://cms.example.org");
        let value = |line: &'static str| find(&config, &headers(&[("cookie", line)]), SESSION).map(str::to_owned);
        assert_eq!(value("a=b; __Host-plenary=x; c=d").as_deref(), Some("x"));
        for line in ["plenary=x", "__Host-plenary-device=x", "__Host-plenary=", "x__Host-plenary=x", "__Host-plenary"] {
            assert_eq!(value(line), None, "{line}");
        }
        assert_eq!(value("__Host-plenary=x; __Host-plenary=y"), None);
    }

    #[test]
    fn requests_of_other_sites_are_refused() {
        let config = config("https://cms.example.org");
        let own = |method: Method, pairs: &[(&'static str, &'static str)]| {
            require_own_site(&config, &method, &headers(pairs)).is_ok()
        };
        for origin in ["https://cms.example.org", "https://www.example.org"] {
            assert!(own(Method::POST, &[("origin", origin)]));
            assert!(own(Method::POST, &[("origin", origin), ("sec-fetch-site", "same-site")]));
            assert!(!own(Method::POST, &[("origin", origin), ("sec-fetch-site", "cross-site")]));
            assert!(!own(Method::GET, &[("origin", origin), ("sec-fetch-site", "cross-site")]));
        }
        for origin in [
            "null",
            "",
            "http://www.example.org",
            "https://www.example.org:8443",
            "https://evil.example.org",
            "https://www.example.org.evil.example",
            "https://cms.example.org/",
        ] {
            assert!(!own(Method::DELETE, &[("origin", origin)]), "{origin}");
            assert!(!own(Method::GET, &[("origin", origin)]), "{origin}");
        }
        assert!(!own(Method::PATCH, &[]) && !own(Method::PATCH, &[("sec-fetch-site", "same-origin")]));
        assert!(own(Method::GET, &[]) && own(Method::GET, &[("sec-fetch-site", "same-origin")]));
        // A picture or a script in a page of a neighbour has no origin.
        assert!(!own(Method::GET, &[("sec-fetch-site", "same-site")]));
        assert!(!own(Method::GET, &[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_server_of_this_machine_has_several_names() {
        let config = config("http://127.0.0.1:8080");
        let own = |host: &'static str, origin: &'static str| {
            require_own_site(&config, &Method::POST, &headers(&[("host", host), ("origin", origin)])).is_ok()
        };
        assert!(own("localhost:3000", "http://localhost:3000"));
        assert!(!own("localhost:3000", "http://localhost:5173"));
        assert!(!own("evil.example.com:8080", "http://evil.example.com:8080"));
    }
}
