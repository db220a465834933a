//! The log-in page of the editor in the page, with the OpenID provider and without.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::provider::Provider;
use crate::support::website::{Website, free_address};

const SETTINGS: &str = "/edit/log-in.json";

#[apply(api_test)]
fn an_editor_logs_in_at_the_provider_and_comes_back(app: &TestApp) {
    let provider = Provider::start();
    let address = free_address();
    let api = format!("http://{address}");
    let website = Website::build(&api);
    let listener = std::net::TcpListener::bind(&address).unwrap();
    let app = TestApp::start_at(app.backend, listener, |config| {
        config.public_url = api.clone();
        config.cors.credential_origins = vec![website.url.clone()];
        config.oidc.issuer = provider.issuer_of_another_site();
        config.oidc.name = "Example ID".into();
        config.oidc.client_id = "plenary".into();
        config.oidc.client_secret = "between us".into();
        config.oidc.redirect_uris = vec![format!("{api}/edit/log-in")];
    });
    app.account("anna@example.org", Role::Editor);
    let secret = second_factor(&app, "ben@example.org");
    provider.person("anna", &json!({"email": "anna@example.org", "email_verified": true}));
    provider.person("stranger", &json!({"email": "stranger@example.org", "email_verified": true}));
    let event = app.editor().create(
        "events",
        &json!({"title": "Rivers", "starts_at": "2027-03-04T09:30", "time_zone": "Europe/Brussels", "status": "published"}),
    );
    let path = format!("/en/events/{}", event["slug"].as_str().unwrap());
    let given = json!({"api": api, "path": path, "email": "ben@example.org", "password": PASSWORD, "secret": secret});
    let found = website.look("edit_log_in.mjs", &given);
    assert_eq!(found["faults"], json!([]), "{:#}", found["faults"]);
    assert_eq!(found["offer"], "Log in with Example ID");
    assert_eq!(found["status"], "Choose a text to edit it.");
    let session = json!({"name": "plenary", "sameSite": "Strict", "httpOnly": true, "domain": "127.0.0.1"});
    assert_eq!(found["session"], session);
    // The window that logged in has nothing left of it.
    assert_eq!(found["stored"], json!([]));
    let said = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    assert!(said("denied").starts_with("The provider did not log you in."), "{}", found["denied"]);
    assert!(said("unknown").contains("no active account"), "{}", found["unknown"]);
    assert_eq!(found["forged"], "This log-in was not begun in this window. Please try again.");
    assert_eq!(found["replayed"], found["forged"]);
    for name in ["forgedAddress", "deniedAddress"] {
        assert!(!said(name).contains("state") && !said(name).contains("code"), "{}", found[name]);
    }
    assert_eq!(found["returned"], format!("{}{path}", website.url));
    assert_eq!(
        found["notLedAway"],
        json!(["You are logged in. You can close this window.", 0, format!("{api}/edit/log-in")])
    );
    assert_eq!(found["secondFactor"], json!([false, true, format!("{}{path}", website.url)]));
}

/// Sets up the second factor of an account, and returns its secret.
fn second_factor(app: &TestApp, email: &str) -> String {
    app.account(email, Role::Editor);
    let tokens = app.log_in(email);
    let client = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    let begun = client.post("/api/v1/auth/second-factor", &json!({"current_password": PASSWORD})).expect(200).json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let key = totp_rs::Secret::try_from_base32(&secret).unwrap();
    let past = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() - 30;
    let code = totp_rs::Builder::new().with_secret(key).build().unwrap().generate(past).to_string();
    client.post("/api/v1/auth/second-factor/confirm", &json!({"code": code})).expect(200);
    secret
}

#[apply(api_test)]
fn the_provider_is_offered_where_it_sends_back_to_the_page(app: &TestApp) {
    let nothing = json!({"provider": null, "return_to": null});
    assert_eq!(app.visitor().get(SETTINGS).expect(200).json(), nothing);
    let start = |issuer: &'static str, name: &'static str, uri: &'static str| {
        TestApp::start_with(app.backend, |config| {
            config.public_url = "https://cms.example.org/".into();
            config.oidc.issuer = issuer.into();
            config.oidc.name = name.into();
            config.oidc.client_id = "plenary".into();
            config.oidc.redirect_uris = vec!["https://desk.example.org/".into(), uri.into()];
        })
    };
    let offer =
        |issuer, name, uri| start(issuer, name, uri).visitor().get(SETTINGS).expect(200).json()["provider"].clone();
    let (issuer, own) = ("https://id.example.org/realm", "https://cms.example.org/edit/log-in");
    assert_eq!(offer(issuer, "", own), json!({"name": "id.example.org", "redirect_uri": own}));
    assert_eq!(offer(issuer, "Example ID", own)["name"], "Example ID");
    assert_eq!(offer(issuer, "", "https://cms.example.org/edit/log-in/"), Value::Null);
    assert_eq!(offer(issuer, "", "https://desk.example.org/edit/log-in"), Value::Null);
    assert_eq!(offer("", "Example ID", own), Value::Null);
}

#[apply(api_test)]
fn the_log_in_leads_back_to_pages_of_the_site_only(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| {
        config.public_url = "https://cms.example.org".into();
        config.cors.credential_origins = vec!["https://www.example.org".into()];
        config.cors.allowed_origins = vec!["https://other.example.org".into()];
    });
    let ask = |address: &str| {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", address).finish();
        app.visitor().get(&format!("{SETTINGS}?{query}"))
    };
    for address in
        ["https://www.example.org/en/x?a=b#c", "https://cms.example.org/docs", "https://www.example.org:443/"]
    {
        let reply = ask(address).expect(200);
        assert_eq!(reply.header("cache-control"), "private, no-store");
        assert_eq!(reply.json()["return_to"], address.replace(":443", ""));
    }
    for address in [
        "https://evil.example.com/",
        "https://www.example.org.evil.example.com/",
        "https://evil.example.com/https://www.example.org/",
        "https://other.example.org/",
        "http://www.example.org/",
        "https://www.example.org:8443/",
        "https://www.example.org\\@evil.example.com/x/../..//evil.example.com:81/",
        "http://127.0.0.1/",
    ] {
        let reply = ask(address);
        if reply.status == 200 {
            let own = reply.json()["return_to"].as_str().unwrap().starts_with("https://www.example.org/");
            assert!(own, "{address}: {}", reply.json());
        } else {
            reply.problem(400, &[("?return_to", "not_configured")]);
        }
    }
    for address in [
        "javascript:alert(1)",
        "//evil.example.com",
        "/en",
        "data:text/html,x",
        "https://www.example.org@evil.example.com/",
    ] {
        ask(address).problem(400, &[("?return_to", "not_a_url")]);
    }
    ask("").problem(400, &[("?return_to", "empty")]);
    ask(&format!("https://www.example.org/{}", "x".repeat(2_000))).problem(400, &[("?return_to", "too_long")]);
}

/// A provider adds parameters of its own to what it sends back, and what it sends is in no cache.
#[apply(api_test)]
fn the_log_in_page_takes_what_providers_send(app: &TestApp) {
    let plain = app.visitor().get("/edit/log-in").expect(200);
    assert_eq!(plain.header("cache-control"), "public, max-age=300");
    let query = "code=a&state=b&iss=https%3A%2F%2Fid.example.org&session_state=c&scope=openid&scope=email&x=%00";
    let back = app.visitor().get(&format!("/edit/log-in?{query}")).expect(200);
    assert_eq!((back.header("cache-control"), back.header("referrer-policy")), ("private, no-store", "no-referrer"));
    assert_eq!(back.body, plain.body);
    app.visitor().get("/edit/log-in.js?code=a").problem(400, &[("?code", "unknown_parameter")]);
}
