//! The part of `plenary doctor` that examines what an installation works with: the mail server, the pages of the website, and
//! the origins whose pages may use sessions of browsers.

use url::Url;

use super::finding::{Finding, problem, success, warning};
use crate::config::Config;
use crate::config::network::is_loopback;
use crate::delivery::redirects::addresses::address_pattern;
use crate::mail::relay::{Relay, RelayStep};

/// Greatest number of seconds that each step of the conversation with the mail server may take.
const MAIL_SECONDS: u64 = 10;

/// Runs all checks. Nothing is changed, and no mail is sent.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = mail_server(config);
    findings.extend(config.site.page_urls().into_iter().filter_map(page_url));
    findings.extend(config.cors.credential_origins.iter().map(|origin| credential_origin(config, origin)));
    findings.extend(log_in_page(config));
    findings
}

/// Connects to the mail server and logs in.
fn mail_server(config: &Config) -> Vec<Finding> {
    let Ok(url) = Url::parse(&config.mail.smtp_url) else {
        return vec![success(
            "mail.smtp_url is empty: no mail is sent, so invitations and resets of passwords are not mailed",
        )];
    };
    let relay = match Relay::new(&url, config.mail.timeout_seconds.min(MAIL_SECONDS)) {
        Ok(relay) => relay,
        Err(message) => return vec![problem(message, "Check the address of the mail server.")],
    };
    let server = relay.server();
    let mut findings = match relay.examine() {
        Ok(true) => vec![success(format!("the mail server at {server} answers{}, with TLS", logged_in(&url)))],
        Ok(false) if is_loopback(&format!("http://{}", url.host_str().unwrap_or_default())) => {
            vec![success(format!("the mail server at {server} answers{}, on this machine", logged_in(&url)))]
        }
        Ok(false) => vec![warning(
            format!("the mail server at {server} answers{}, without TLS", logged_in(&url)),
            "Mails and the password travel unencrypted: add ?tls=required to mail.smtp_url, or use smtps://.",
        )],
        Err((step, error)) => vec![refusal(step, &server, &error)],
    };
    if config.mail.from.contains("@localhost") {
        findings.push(warning(
            format!("mail.from is {}: other mail servers refuse such a sender", config.mail.from),
            "Set mail.from to an address of a domain for which the mail server may send.",
        ));
    }
    findings
}

fn logged_in(url: &Url) -> String {
    if url.password().is_some() { format!(" and accepts the log-in of {}", url.username()) } else { String::new() }
}

fn refusal(step: RelayStep, server: &str, error: &str) -> Finding {
    match step {
        RelayStep::Connect => problem(
            format!("the mail server at {server} cannot be reached: {error}"),
            "Check host and port of mail.smtp_url, and firewalls: many networks block port 25, but not 587 and 465.",
        ),
        RelayStep::Encrypt => problem(
            format!("the mail server at {server} and Plenary do not agree on TLS: {error}"),
            "tls=required needs STARTTLS, mostly at port 587; smtps:// is for servers that begin with TLS, mostly at 465. \
             The certificate must be valid for the host in mail.smtp_url.",
        ),
        RelayStep::LogIn => problem(
            format!("the mail server at {server} does not accept the log-in: {error}"),
            "Check user and password in mail.smtp_url; characters such as @ and / are percent-encoded in it.",
        ),
    }
}

/// Checks the address of the pages of a kind.
fn page_url((kind, url): (&'static str, &str)) -> Option<Finding> {
    let known: &[&str] = match kind {
        "page" => &["path", "locale"],
        "session" => &["slug", "locale", "event"],
        _ => &["slug", "locale"],
    };
    let unknown = placeholders(url).find(|name| !known.contains(name));
    if let Some(name) = unknown {
        return Some(warning(
            format!("site.{kind}_url has {{{name}}}, which nothing is put in the place of: {url}"),
            "The placeholders are {slug} and {locale}; for sessions {event} too, and for pages {path} and {locale}.",
        ));
    }
    if url.is_empty() || address_pattern(url).is_some() {
        return None;
    }
    Some(warning(
        format!("paths of the form of site.{kind}_url are not recognised: {url}"),
        "Redirects find an item by the path of its page: let the placeholders be segments of the path, not of the query, \
         and one in each segment.",
    ))
}

/// Returns what stands in braces.
fn placeholders(url: &str) -> impl Iterator<Item = &str> {
    url.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// Checks an origin of `cors.credential_origins`: the cookie of a session is sent only within a site, which is the scheme and the
/// registrable domain.
fn credential_origin(config: &Config, origin: &str) -> Finding {
    let parts =
        |url: &str| Url::parse(url).ok().map(|url| (url.scheme().to_owned(), url.host_str().map(str::to_owned)));
    let (own, other) = (parts(&config.public_url), parts(origin));
    let (Some((own_scheme, Some(own_host))), Some((scheme, Some(host)))) = (own, other) else {
        return problem(
            format!("cors.credential_origins has {origin}, which is no origin"),
            "See plenary.example.toml.",
        );
    };
    if scheme != own_scheme || !may_be_one_site(&own_host, &host) {
        return warning(
            format!("{origin} of cors.credential_origins is another site than public_url ({})", config.public_url),
            "Browsers send the cookie of a session within one site only, so editors cannot log in there: put a name of the \
             website's domain in front of the server, such as https://cms.example.org for https://www.example.org.",
        );
    }
    success(format!("editors can use their session in pages of {origin}"))
}

/// Returns whether two hosts may belong to one registrable domain: they are equal, or have the last two names in common. Which
/// domains are registries is not known here.
fn may_be_one_site(one: &str, other: &str) -> bool {
    let last = |host: &str| host.rsplit('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let is_name = |host: &str| host.parse::<std::net::Ipv4Addr>().is_err() && !host.starts_with('[');
    one == other || (is_name(one) && is_name(other) && last(one).len() == 2 && last(one) == last(other))
}

/// Tells where the log-in page of the editor does not offer the OpenID provider.
fn log_in_page(config: &Config) -> Option<Finding> {
    let name = config.oidc.provider_name()?;
    Some(match config.editor_redirect_uri() {
        Some(_) => success(format!("the log-in page of /edit.js offers \"{name}\"")),
        None => warning(
            format!("the log-in page of /edit.js does not offer \"{name}\": {} is missing", config.editor_log_in_url()),
            "Name this address in oidc.redirect_uris and at the provider, if editors change texts in pages of the website.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_told_apart() {
        for (one, other) in
            [("cms.example.org", "www.example.org"), ("example.org", "www.example.org"), ("localhost", "localhost")]
        {
            assert!(may_be_one_site(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("cms.example.org", "www.example.com"),
            ("localhost", "127.0.0.1"),
            ("10.0.0.1", "11.0.0.1"),
            ("10.2.0.1", "10.3.0.1"),
            ("a.localhost", "localhost"),
            ("[::1]", "[::2]"),
        ] {
            assert!(!may_be_one_site(one, other), "{one} {other}");
        }
    }

    #[test]
    fn addresses_of_pages_have_known_placeholders() {
        let said = |kind, url| page_url((kind, url)).map(|finding| finding.text());
        for (kind, url) in [
            ("event", ""),
            ("event", "https://www.example.org/{locale}/events/{slug}"),
            ("session", "https://www.example.org/{event}/{slug}"),
            ("page", "https://www.example.org/{locale}/{path}"),
        ] {
            assert_eq!(said(kind, url), None, "{url}");
        }
        for (kind, url, part) in [
            ("event", "https://www.example.org/{language}/{slug}", "{language}"),
            ("event", "https://www.example.org/{event}/{slug}", "{event}"),
            ("page", "https://www.example.org/{slug}/{path}", "{slug}"),
            ("event", "https://www.example.org/event?name={slug}", "not recognised"),
            ("event", "https://www.example.org/#/{slug}", "not recognised"),
        ] {
            assert!(said(kind, url).is_some_and(|text| text.contains(part)), "{url}: {:?}", said(kind, url));
        }
    }
}
