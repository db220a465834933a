//! Logging in, tokens, roles.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plenary::auth::permissions::Role;
use plenary::auth::tokens::{add_key, retire_keys};
use plenary::database::{DatabaseError, Db};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::{Client, Reply};

fn login(app: &TestApp, email: &str, password: &str) -> Reply {
    app.visitor().post("/api/v1/auth/login", &json!({"email": email, "password": password}))
}

fn refresh(app: &TestApp, token: &Value) -> Reply {
    app.visitor().post("/api/v1/auth/refresh", &json!({"refresh_token": token}))
}

#[apply(api_test)]
fn logs_in_and_says_who_one_is(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let tokens = login(app, "ANNA@example.org", PASSWORD).expect(200);
    assert_eq!(tokens.header("cache-control"), "private, no-store");
    let tokens = tokens.json();
    assert_eq!(tokens["account"]["email"], "anna@example.org");
    let me =
        app.visitor().with_token(tokens["access_token"].as_str().unwrap()).get("/api/v1/auth/me").expect(200).json();
    assert_eq!(me["role"], "editor");
    assert!(me.get("password_hash").is_none());
    app.visitor().get("/api/v1/auth/me").problem(401, &[]);
}

#[apply(api_test)]
fn unknown_and_wrong_are_answered_alike(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let wrong = login(app, "anna@example.org", "this is not the one").problem(401, &[]);
    let unknown = login(app, "nobody@example.org", "this is not the one").problem(401, &[]);
    for part in ["type", "title", "detail", "status"] {
        assert_eq!(wrong[part], unknown[part]);
    }
}

#[apply(api_test)]
fn failures_make_one_wait(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    for email in ["anna@example.org", "nobody@example.org"] {
        for _ in 0..5 {
            login(app, email, "this is not the one").problem(401, &[]);
        }
        let reply = login(app, email, PASSWORD).expect(429);
        let seconds: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=31).contains(&seconds), "{seconds}");
    }
}

/// Hashing with its real cost, more log-ins at once than may wait: reads are answered meanwhile, and
/// those turned away are told when to come again.
#[apply(api_test)]
fn a_flood_of_log_ins_stalls_no_read(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        (c.auth.hash_memory_kib, c.auth.hash_passes) = (19_456, 2);
    });
    let statuses = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..150 {
            let (app, statuses) = (&app, &statuses);
            scope.spawn(move || {
                let reply = login(app, &format!("nobody-{number}@example.org"), "this is not the one");
                assert!(reply.status != 503 || reply.header("retry-after") == "2");
                statuses.lock().unwrap().push(reply.status);
            });
        }
        for _ in 0..10 {
            app.visitor().get("/api/v1/events").expect(200);
        }
        assert!(statuses.lock().unwrap().len() < 150, "the reads waited for the log-ins");
    });
    let statuses = statuses.into_inner().unwrap();
    assert!(statuses.contains(&503) && statuses.iter().all(|s| matches!(s, 401 | 503)), "{statuses:?}");
}

#[apply(api_test)]
fn refresh_tokens_rotate_and_reuse_ends_the_family(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let first = login(app, "anna@example.org", PASSWORD).expect(200).json()["refresh_token"].clone();
    let second = refresh(app, &first).expect(200).json()["refresh_token"].clone();
    assert_ne!(first, second);
    // Within a moment that is another tab; later it is not.
    assert_eq!(refresh(app, &first).expect(200).json()["refresh_token"], second);
    app.sql("UPDATE refresh_tokens SET used_at = used_at - 11000000 WHERE used_at > 0");
    refresh(app, &first).problem(401, &[]);
    refresh(app, &second).problem(401, &[]);
    refresh(app, &json!("made-up")).problem(401, &[]);
}

#[apply(api_test)]
fn logging_out_ends_the_family(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let first = login(app, "anna@example.org", PASSWORD).expect(200).json()["refresh_token"].clone();
    let second = refresh(app, &first).expect(200).json()["refresh_token"].clone();
    app.visitor().post("/api/v1/auth/logout", &json!({"refresh_token": second})).expect(204);
    refresh(app, &second).problem(401, &[]);
}

#[apply(api_test)]
fn changing_the_password_ends_all_sessions(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let tokens = login(app, "anna@example.org", PASSWORD).expect(200).json();
    let client = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    let change = |old: &str, new: &str| {
        client.post("/api/v1/auth/password", &json!({"current_password": old, "new_password": new}))
    };
    change("this is not the one", "a much better one").problem(422, &[("/current_password", "wrong")]);
    change(PASSWORD, "short").problem(422, &[("/new_password", "password_length")]);
    change(PASSWORD, "aaaaaaaaaaaaaaaa").problem(422, &[("/new_password", "password_weak")]);
    change(PASSWORD, "a much better one").expect(204);
    refresh(app, &tokens["refresh_token"]).problem(401, &[]);
    login(app, "anna@example.org", PASSWORD).problem(401, &[]);
    login(app, "anna@example.org", "a much better one").expect(200);
}

#[apply(api_test)]
fn forged_tokens_are_refused(app: &TestApp) {
    let b64 = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let editor = app.editor();
    let parts: Vec<&str> = editor.token().split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let mut raised = claims.clone();
    raised["role"] = "administrator".into();
    let none = b64(&json!({"alg": "none", "typ": "at+jwt"}));
    let forged = [
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.{}", parts[0], b64(&raised), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        "not a token".to_owned(),
        String::new(),
    ];
    for token in forged {
        app.visitor().with_token(&token).get("/api/v1/auth/me").problem(401, &[]);
        // Reads, too: the client believes to be logged in.
        app.visitor().with_token(&token).get("/api/v1/events").problem(401, &[]);
    }
    // Another server's token, made with other keys for the same issuer and audience.
    let other = TestApp::start(app.backend);
    app.visitor().with_token(other.editor().token()).get("/api/v1/auth/me").problem(401, &[]);
}

/// A new signing key on this node.
fn rotate(app: &TestApp) {
    let add = |c: &mut Db| Ok::<_, DatabaseError>(add_key(c, "jwt")?);
    app.block_on(app.app.database.write(add)).unwrap();
    app.block_on(app.app.refresh_keys()).unwrap();
}

/// As if ten minutes had passed since the newest key was made.
fn wait_for_the_lead(app: &TestApp) {
    app.sql("UPDATE signing_keys SET created_at = created_at - 600000000");
}

/// Which key signed a token.
fn key_of(client: &Client) -> String {
    let header = client.token().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[apply(api_test)]
fn keys_rotate_and_are_published(app: &TestApp) {
    let before = app.editor();
    rotate(app);
    let keys = app.visitor().get("/.well-known/jwks.json").expect(200).json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(keys["keys"].as_array().unwrap().iter().all(|k| k["kty"] == "OKP" && k.get("d").is_none()));
    // It is published first; it signs once everybody has it.
    assert_eq!(key_of(&app.editor()), key_of(&before));
    wait_for_the_lead(app);
    let again = app.second_node();
    let after = again.editor();
    assert_eq!(key_of(&after), keys["keys"][0]["kid"]);
    app.visitor().with_token(before.token()).get("/api/v1/auth/me").expect(200);
    app.visitor().with_token(after.token()).get("/api/v1/auth/me").expect(200);
    // Once no older token can be valid, the older key goes.
    let retire = |c: &mut Db| Ok::<_, DatabaseError>(retire_keys(c, "jwt", -1_300)?);
    app.block_on(app.app.database.write(retire)).unwrap();
    app.block_on(app.app.refresh_keys()).unwrap();
    before.get("/api/v1/auth/me").problem(401, &[]);
    app.visitor().with_token(after.token()).get("/api/v1/auth/me").expect(200);
}

/// Tokens of a node whose newest key this one has not read yet; and a flood of made-up keys, which costs a
/// look-up a second.
#[apply(api_test)]
fn a_key_that_is_not_known_is_looked_up(app: &TestApp) {
    let other = app.second_node();
    for _ in 0..3 {
        rotate(app);
        wait_for_the_lead(app);
        let fresh = app.second_node();
        let client = other.visitor().with_token(fresh.editor().token());
        // A look-up a moment ago is not repeated at once.
        crate::support::moments::wait_for("the look-up", || client.get("/api/v1/auth/me").status == 200);
    }
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "made-up"}).to_string();
    let made_up = format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("{}"));
    other.visitor().with_token(&made_up).get("/api/v1/auth/me").problem(401, &[]);
    let (begun, before) = (std::time::Instant::now(), other.app.database.statements());
    other.block_on(async {
        for _ in 0..1_000 {
            assert!(other.app.tokens.verify_or_look_up(&other.app.database, &made_up).await.unwrap().is_none());
        }
    });
    let (cost, seconds) = (other.app.database.statements() - before, begun.elapsed().as_secs() + 1);
    // With what the node does by itself: a look at the journal and at plans, a few times a second.
    assert!(cost <= 60 * seconds, "{cost} statements in {seconds} s for 1,000 tokens");
}

/// Tries every operation of the document with every role and with none.
#[apply(api_test)]
fn every_operation_keeps_to_the_permission_table(app: &TestApp) {
    use plenary::auth::permissions::is_permitted;
    use plenary::http::route::Access;
    let routes = plenary::api::openapi::response::routes(&app.app);
    let clients: Vec<(Option<Role>, _)> =
        std::iter::once((None, app.visitor())).chain(Role::ALL.map(|role| (Some(role), app.client(role)))).collect();
    for route in &routes {
        for (role, client) in &clients {
            let path = route
                .path
                .replace("{id_or_slug}", "nothing-here")
                .replace("{id}", "nothing")
                .replace("{comment}", "nothing")
                .replace("{version}", "1")
                .replace("{name}", "x")
                .replace("{form}", "x")
                .replace("{kind}", "x")
                .replace("{code}", "invalid")
                .replace("/changes/live", "/changes/live?since=x");
            let reply = client.send(route.method.as_str(), &path, &[("content-type", "application/json")], b"");
            let wanted = match (route.access, role) {
                (Access::Open | Access::Public, _) => None,
                (_, None) => Some(401),
                (Access::LoggedIn | Access::Session, _) => None,
                (Access::May(area, action), Some(role)) => (!is_permitted(*role, area, action)).then_some(403),
            };
            match wanted {
                Some(status) => drop(reply.problem(status, &[])),
                None => assert!(
                    !matches!(reply.status, 401 | 403)
                        || route.operation_id == "login"
                        // These want the secret of the mail server, and a signature of the provider.
                        || ["reportBounce", "reportSubscriber"].contains(&&*route.operation_id)
                        // These want an `Origin`.
                        || route.path.starts_with("/api/v1/auth/cookie"),
                    "{} as {role:?}: {}",
                    route.operation_id,
                    reply.status
                ),
            }
        }
    }
}

#[apply(api_test)]
fn the_last_administrator_stays(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    let me = admin.get("/api/v1/auth/me").expect(200).json();
    let path = format!("/api/v1/accounts/{}", me["id"].as_str().unwrap());
    admin.patch(&path, "\"v1\"", &json!({"role": "editor"})).problem(409, &[]);
    admin.patch(&path, "\"v1\"", &json!({"active": false})).problem(409, &[]);
}

#[apply(api_test)]
fn accounts_are_managed(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    let new = json!({"email": "Bram@example.org", "name": "Bram", "role": "contributor", "password": PASSWORD});
    let reply = admin.post("/api/v1/accounts", &new).expect(201);
    let path = reply.header("location").to_owned();
    admin.post("/api/v1/accounts", &new).problem(409, &[("/email", "taken")]);
    admin.post("/api/v1/accounts", &json!({"email": "x", "role": "king", "nane": 1})).problem(
        422,
        &[
            ("/email", "not_an_email"),
            ("/role", "not_allowed"),
            ("/nane", "unknown_field"),
            ("/name", "required"),
            ("/password", "required"),
        ],
    );
    assert!(admin.get("/api/v1/accounts").expect(200).json()["data"].as_array().unwrap().len() >= 2);
    let tokens = login(app, "bram@example.org", PASSWORD).expect(200).json();
    admin.send("PATCH", &path, &[("content-type", "application/json")], b"{}").problem(428, &[]);
    admin.patch(&path, "\"v9\"", &json!({"active": false})).problem(412, &[]);
    let closed = admin.patch(&path, "\"v1\"", &json!({"active": false})).expect(200);
    assert_eq!(closed.etag(), "\"v2\"");
    login(app, "bram@example.org", PASSWORD).problem(401, &[]);
    refresh(app, &tokens["refresh_token"]).problem(401, &[]);
}
