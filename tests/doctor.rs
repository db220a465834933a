//! What `plenary doctor` says of the mail server, of origins, and of addresses of pages.

use crate::support::app::TestApp;
use crate::support::post_office::PostOffice;
use crate::support::postgres::free_port;
use crate::support::program::{command, fresh_database};

/// Runs the doctor with these variables. Returns what it says, and whether it finds no problem.
fn examine(app: &TestApp, variables: &[(&str, &str)]) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let mut doctor = command(&database, &["doctor", "--listen", "127.0.0.1:0"]);
    let output = doctor.envs(variables.iter().copied()).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

#[apply(api_test)]
fn the_doctor_tries_the_mail_server(app: &TestApp) {
    let office = PostOffice::new();
    let url = office.url();
    let server = url.trim_start_matches("smtp://");
    let with = |url: &str| examine(app, &[("PLENARY_MAIL__SMTP_URL", url), ("PLENARY_MAIL__FROM", "desk@example.org")]);
    let fine = |(said, is_fine): (String, bool), part: &str| {
        let has_secret = said.contains("pass word") || said.contains("p%61ss");
        assert!(is_fine && said.contains(part) && !has_secret, "{part}: {said}");
    };
    let wrong = |(said, is_fine): (String, bool), part: &str| {
        assert!(!is_fine && said.contains(&format!("PROBLEM  {part}")) && !said.contains("wrong@"), "{part}: {said}");
    };
    fine(examine(app, &[]), "ok       mail.smtp_url is empty: no mail is sent");
    fine(with(&url), &format!("ok       the mail server at {server} answers, on this machine"));
    fine(
        with(&format!("smtp://plenary:p%61ss%20word@{server}")),
        &format!("ok       the mail server at {server} answers and accepts the log-in of plenary"),
    );
    wrong(
        with(&format!("smtp://plenary:wrong@{server}")),
        &format!("the mail server at {server} does not accept the log-in"),
    );
    for url in [format!("smtp://{server}?tls=required"), format!("smtps://{server}")] {
        wrong(with(&url), &format!("the mail server at {server} and Plenary do not agree on TLS"));
    }
    let nobody = format!("127.0.0.1:{}", free_port());
    wrong(with(&format!("smtp://{nobody}")), &format!("the mail server at {nobody} cannot be reached"));
    assert!(office.mails().is_empty());
    let (said, _) = examine(app, &[("PLENARY_MAIL__SMTP_URL", &url)]);
    assert!(said.contains("warning  mail.from is Plenary <no-reply@localhost>"), "{said}");
}

/// A mail server that takes a connection and says nothing does not keep the doctor.
#[apply(api_test)]
fn the_doctor_does_not_wait_for_a_silent_server(app: &TestApp) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let url = format!("smtp://{server}");
    let variables = [("PLENARY_MAIL__SMTP_URL", url.as_str()), ("PLENARY_MAIL__TIMEOUT_SECONDS", "1")];
    let (said, is_fine) = examine(app, &variables);
    assert!(!is_fine && said.contains(&format!("PROBLEM  the mail server at {server} cannot be reached")), "{said}");
}

#[apply(api_test)]
fn the_doctor_looks_at_the_website(app: &TestApp) {
    let site = |more: &[(&str, &str)]| {
        let own = [("PLENARY_PUBLIC_URL", "https://cms.example.org")];
        let (said, is_fine) = examine(app, &[&own, more].concat());
        assert!(is_fine, "{said}");
        said
    };
    let said = site(&[
        ("PLENARY_SITE__EVENT_URL", "https://www.example.org/{language}/events/{slug}"),
        ("PLENARY_SITE__SPEAKER_URL", "https://www.example.org/speaker?name={slug}"),
        ("PLENARY_SITE__SESSION_URL", "https://www.example.org/{event}/{slug}"),
        ("PLENARY_CORS__CREDENTIAL_ORIGINS", "[\"https://www.example.org\", \"https://www.example.com\"]"),
        ("PLENARY_OIDC__ISSUER", "https://id.example.org"),
        ("PLENARY_OIDC__CLIENT_ID", "plenary"),
    ]);
    for part in [
        "warning  site.event_url has {language}, which nothing is put in the place of",
        "warning  paths of the form of site.speaker_url are not recognised",
        "ok       editors can use their session in pages of https://www.example.org",
        "warning  https://www.example.com of cors.credential_origins is another site than public_url",
        "warning  the log-in page of /edit.js does not offer \"id.example.org\": https://cms.example.org/edit/log-in is missing",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("session_url"), "{said}");
    let said = site(&[
        ("PLENARY_OIDC__ISSUER", "https://id.example.org"),
        ("PLENARY_OIDC__NAME", "Example ID"),
        ("PLENARY_OIDC__CLIENT_ID", "plenary"),
        ("PLENARY_OIDC__REDIRECT_URIS", "[\"https://cms.example.org/edit/log-in\"]"),
    ]);
    assert!(said.contains("ok       the log-in page of /edit.js offers \"Example ID\""), "{said}");
    // The name of another machine may contain one of this machine.
    for (url, is_open) in [
        ("http://localhost.example.org", true),
        ("http://cms.example.org/127.0.0.1", true),
        ("http://localhost:8080", false),
        ("http://[::1]:8080", false),
    ] {
        let (said, _) = examine(app, &[("PLENARY_PUBLIC_URL", url)]);
        assert_eq!(said.contains("tokens and passwords travel unencrypted"), is_open, "{url}: {said}");
    }
}
