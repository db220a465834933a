//! Logging in at a real OpenID provider, which runs beside the tests.

use plenary::auth::permissions::Role;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::Reply;
use crate::support::provider::{CALLBACK, Provider};

fn finish(app: &TestApp, code: &str, state: &str) -> Reply {
    app.visitor().post("/api/v1/auth/oidc/finish", &json!({"code": code, "state": state}))
}

#[apply(api_test)]
fn the_provider_vouches_for_an_editor(app: &TestApp) {
    let provider = Provider::start();
    let app = provider.app(app, "");
    app.account("anna@example.org", Role::Editor);
    provider.person("anna", &json!({"email": "Anna@example.org", "email_verified": true, "name": "Anna"}));
    let (code, state) = provider.log_in(&app, "anna");
    let tokens = finish(&app, &code, &state).expect(200).json();
    assert_eq!(
        (&tokens["account"]["email"], &tokens["account"]["role"]),
        (&json!("anna@example.org"), &json!("editor"))
    );
    let anna = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    anna.create("events", &json!({"title": "E"}));
    // A code is good once.
    finish(&app, &code, &state).problem(401, &[]);
    // From now on she is known by who she is there, whatever her address becomes.
    provider.person("anna", &json!({"email": "other@example.org", "email_verified": false}));
    let (code, state) = provider.log_in(&app, "anna");
    assert_eq!(finish(&app, &code, &state).expect(200).json()["account"]["id"], tokens["account"]["id"]);
    let admin = app.client(Role::Administrator);
    let audit = admin.get("/api/v1/audit?kind=account&action=identity_link").expect(200).json();
    assert_eq!(audit["data"].as_array().unwrap().len(), 1);
    // A closed account stays closed.
    let path = format!("/api/v1/accounts/{}", tokens["account"]["id"].as_str().unwrap());
    let seen = admin.get(&path).expect(200);
    admin.patch(&path, seen.etag(), &json!({"active": false})).expect(200);
    let (code, state) = provider.log_in(&app, "anna");
    finish(&app, &code, &state).problem(403, &[]);
}

#[apply(api_test)]
fn the_provider_vouches_for_a_browser(app: &TestApp) {
    let provider = Provider::start();
    let app = provider.app(app, "");
    app.account("anna@example.org", Role::Editor);
    provider.person("anna", &json!({"email": "anna@example.org", "email_verified": true}));
    let (code, state) = provider.log_in(&app, "anna");
    let body = json!({"code": code, "state": state}).to_string();
    let from = |origin: &str| {
        let headers = [("content-type", "application/json"), ("origin", origin)];
        app.visitor().send("POST", "/api/v1/auth/cookie/oidc", &headers, body.as_bytes())
    };
    from("https://evil.example.com").problem(403, &[]);
    let reply = from(&app.url).expect(200);
    assert_eq!(reply.json()["account"]["email"], "anna@example.org");
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let me = app.visitor().send("GET", "/api/v1/auth/me", &[("cookie", &cookie)], b"").expect(200).json();
    assert_eq!(me["email"], "anna@example.org");
    from(&app.url).problem(401, &[]);
}

#[apply(api_test)]
fn nobody_comes_in_without_being_known(app: &TestApp) {
    let provider = Provider::start();
    let strict = provider.app(app, "");
    strict.account("anna@example.org", Role::Administrator);
    provider.person("stranger", &json!({"email": "stranger@example.org", "email_verified": true, "name": "Stranger"}));
    let (code, state) = provider.log_in(&strict, "stranger");
    finish(&strict, &code, &state).problem(403, &[]);
    // An address that the provider does not vouch for is nobody's.
    for claims in [json!({"email": "anna@example.org"}), json!({"email": "anna@example.org", "email_verified": false})]
    {
        provider.person("mallory", &claims);
        let (code, state) = provider.log_in(&strict, "mallory");
        finish(&strict, &code, &state).problem(403, &[]);
    }
    let open = provider.app(app, "viewer");
    let (code, state) = provider.log_in(&open, "stranger");
    let tokens = finish(&open, &code, &state).expect(200).json();
    assert_eq!((&tokens["account"]["role"], &tokens["account"]["name"]), (&json!("viewer"), &json!("Stranger")));
    // Such an account has no password.
    let body = json!({"email": "stranger@example.org", "password": "purple rain on tin roofs"});
    open.visitor().post("/api/v1/auth/login", &body).problem(401, &[]);
}

#[apply(api_test)]
fn what_comes_back_must_have_been_sent(app: &TestApp) {
    let provider = Provider::start();
    let app = provider.app(app, "viewer");
    let begin = |uri: &str| app.visitor().post("/api/v1/auth/oidc/begin", &json!({"redirect_uri": uri}));
    begin("https://elsewhere.example.org/").problem(422, &[("/redirect_uri", "not_configured")]);
    begin("javascript:alert(1)").problem(422, &[("/redirect_uri", "not_a_url")]);
    provider.person("anna", &json!({"email": "anna@example.org", "email_verified": true}));
    let (code, _) = provider.log_in(&app, "anna");
    finish(&app, &code, "forged").problem(401, &[]);
    // The state of another log-in: the nonce within the provider's token is not its own.
    let other = begin(CALLBACK).expect(200).json();
    finish(&app, &code, other["state"].as_str().unwrap()).problem(401, &[]);
    let (_, state) = provider.log_in(&app, "anna");
    finish(&app, "nonsense", &state).problem(401, &[]);
    drop(provider);
    begin(CALLBACK).expect(200);
}

#[apply(api_test)]
fn without_a_provider_there_is_no_such_log_in(app: &TestApp) {
    app.visitor().post("/api/v1/auth/oidc/begin", &json!({"redirect_uri": CALLBACK})).problem(404, &[]);
    finish(app, "x", "y").problem(404, &[]);
    let gone = TestApp::start_with(app.backend, |c| {
        c.oidc.issuer = "http://127.0.0.1:9".into();
        c.oidc.client_id = "plenary".into();
        c.oidc.redirect_uris = vec![CALLBACK.into()];
    });
    gone.visitor().post("/api/v1/auth/oidc/begin", &json!({"redirect_uri": CALLBACK})).problem(503, &[]);
}

/// Anybody can send a token or begin a log-in. While the provider fails, it is asked once in a while only.
#[apply(api_test)]
fn a_provider_that_fails_is_asked_once(app: &TestApp) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let requests = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _ = std::io::Read::read(&mut stream, &mut [0; 1_024]);
            // Long enough that the other requests come meanwhile.
            std::thread::sleep(std::time::Duration::from_millis(300));
            let answer = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = std::io::Write::write_all(&mut stream, answer);
        }
    });
    let app = TestApp::start_with(app.backend, |c| {
        c.oidc.issuer = issuer;
        c.oidc.client_id = "plenary".into();
        c.oidc.redirect_uris = vec![CALLBACK.into()];
    });
    // {"alg":"RS256","kid":"x"}
    let client = app.visitor().with_token("eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA");
    let ask = || client.post("/mcp", &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).problem(503, &[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(ask);
        }
    });
    ask();
    app.visitor().post("/api/v1/auth/oidc/begin", &json!({"redirect_uri": CALLBACK})).problem(503, &[]);
    assert_eq!(requests.load(std::sync::atomic::Ordering::SeqCst), 1);
}
