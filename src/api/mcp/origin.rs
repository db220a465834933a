//! The check of `Host` and `Origin`, which keeps web pages from reaching the server through the browser of a user: by a
//! name that leads to the server's address (DNS rebinding), or from another site.

use url::Url;

use crate::config::Config;
use crate::http::request::Request;
use crate::problem::{Problem, ProblemKind};

/// Names of a machine for itself.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Refuses a request to another host than that of `public_url`, or by a page of another site.
///
/// Ports of the host are not compared: a name leads to all of them. An origin is permitted if it is that of the request
/// or of `public_url`, or one of `mcp.allowed_origins`. `cors.allowed_origins` does not count, since `*` permits to
/// read what is public, and this endpoint is also used with credentials.
///
/// # Errors
/// 403 if one of the headers is not permitted.
pub fn require_own_site(request: &Request) -> Result<(), Problem> {
    let config = &request.app.config;
    let host = request.header("host").unwrap_or_default();
    if !is_own_host(config, host) {
        return Err(refusal(format!("the host \"{host}\" is not that of public_url, nor one of mcp.allowed_hosts")));
    }
    match request.http.headers().get("origin").map(|origin| origin.to_str().unwrap_or("?")) {
        Some(origin) if !is_own_origin(config, host, origin) => {
            Err(refusal(format!("the origin \"{origin}\" is not that of public_url, nor one of mcp.allowed_origins")))
        }
        _ => Ok(()),
    }
}

fn refusal(detail: String) -> Problem {
    Problem::new(ProblemKind::Forbidden, detail)
}

fn is_own_host(config: &Config, host: &str) -> bool {
    let url = Url::parse(&format!("http://{host}")).ok().filter(|_| !host.contains(['/', '\\', '@', '?', '#']));
    let Some(name) = url.as_ref().and_then(Url::host_str) else { return false };
    let public = Url::parse(&config.public_url).ok();
    let own = public.as_ref().and_then(Url::host_str).unwrap_or_default();
    let is_local = LOCAL.contains(&own) && LOCAL.contains(&name);
    name == own || is_local || config.mcp.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}

fn is_own_origin(config: &Config, host: &str, origin: &str) -> bool {
    let serialized = |url: &str| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
    let is_same =
        ["http", "https"].iter().any(|scheme| serialized(&format!("{scheme}://{host}")).as_deref() == Some(origin));
    is_same
        || serialized(&config.public_url).as_deref() == Some(origin)
        || config.mcp.allowed_origins.iter().any(|allowed| allowed == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(public_url: &str) -> Config {
        let mut config = Config { public_url: public_url.into(), ..Config::default() };
        config.mcp.allowed_hosts = vec!["plenary.internal".into()];
        config.mcp.allowed_origins = vec!["https://tools.example.org".into()];
        config
    }

    #[test]
    fn hosts_are_those_of_the_public_url() {
        let public = config("https://cms.example.org");
        for host in ["cms.example.org", "CMS.example.org:443", "plenary.internal:8080"] {
            assert!(is_own_host(&public, host), "{host}");
        }
        for host in
            ["", "evil.example.com", "localhost:8080", "cms.example.org.evil.example.com", "a@cms.example.org/", "x y"]
        {
            assert!(!is_own_host(&public, host), "{host}");
        }
        let local = config("http://127.0.0.1:8080");
        for host in ["127.0.0.1:8080", "localhost:3000", "[::1]:8080"] {
            assert!(is_own_host(&local, host), "{host}");
        }
        assert!(!is_own_host(&local, "evil.example.com:8080"));
    }

    #[test]
    fn origins_are_own_or_listed() {
        let public = config("https://cms.example.org");
        for origin in ["https://cms.example.org", "https://tools.example.org"] {
            assert!(is_own_origin(&public, "cms.example.org", origin), "{origin}");
        }
        for origin in
            ["null", "", "https://evil.example.com", "https://cms.example.org:8443", "https://tools.example.org/"]
        {
            assert!(!is_own_origin(&public, "cms.example.org", origin), "{origin}");
        }
        let local = config("http://127.0.0.1:8080");
        assert!(is_own_origin(&local, "localhost:3000", "http://localhost:3000"));
        assert!(!is_own_origin(&local, "localhost:3000", "http://localhost:5173"));
    }
}
