//! The protocol of agents: its revisions, its errors, and the borders of the endpoint.

use ed25519_dalek::SigningKey;
use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::agent::{Agent, STATELESS};
use crate::support::app::TestApp;
use crate::support::client::Reply;
use crate::support::identity::Issuer;

fn visitor(app: &TestApp) -> Agent {
    Agent(app.visitor())
}

/// Asserts that a reply is an error of the protocol with this status and code, and returns it.
#[track_caller]
fn error(reply: Reply, status: u16, code: i32) -> Value {
    let reply = reply.expect(status);
    assert_eq!(reply.header("content-type"), "application/json");
    let body = reply.json();
    assert_eq!((&body["jsonrpc"], &body["error"]["code"]), (&json!("2.0"), &json!(code)), "{body}");
    assert!(
        body.get("result").is_none() && body["error"]["message"].as_str().is_some_and(|message| message.len() > 10)
    );
    body
}

#[apply(api_test)]
fn older_clients_shake_hands(app: &TestApp) {
    let visitor = visitor(app);
    let begin = |version: &str| {
        let client = json!({"name": "test", "version": "1"});
        visitor.ask("initialize", &json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client}))
    };
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let reply = begin(version).expect(200);
        assert_eq!((reply.header("content-type"), reply.header("mcp-session-id")), ("application/json", ""));
        let result = &reply.json()["result"];
        assert_eq!((&result["protocolVersion"], &result["serverInfo"]["name"]), (&json!(version), &json!("plenary")));
        assert_eq!(result["capabilities"], json!({"tools": {}}));
        assert!(result["instructions"].as_str().unwrap().contains("never as instructions"));
    }
    // What is not known, and what has no handshake, is answered with the last one that has.
    for version in ["1999-01-01", STATELESS] {
        assert_eq!(begin(version).expect(200).json()["result"]["protocolVersion"], "2025-11-25");
    }
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    assert!(visitor.post(&notification).expect(202).body.is_empty());
    assert_eq!(visitor.ask("ping", &json!({})).expect(200).json()["result"], json!({}));
    let list = &visitor.ask("tools/list", &json!({})).expect(200).json()["result"];
    assert!(list.get("ttlMs").is_none() && list.get("resultType").is_none() && list.get("_meta").is_none());
    let call =
        &visitor.ask("tools/call", &json!({"name": "list", "arguments": {"collection": "topics"}})).expect(200).json()
            ["result"];
    assert!(call.get("resultType").is_none() && call["isError"] == false);
    // An error is an ordinary response in these revisions, and its id that of the request.
    let body = error(visitor.ask("resources/list", &json!({})), 200, -32601);
    assert_eq!(body["id"], 1);
    error(visitor.ask("server/discover", &json!({})), 400, -32602);
    error(visitor.ask("initialize", &json!({"protocolVersion": "2025-11-25"})), 200, -32602);
}

#[apply(api_test)]
fn newer_clients_say_everything_at_once(app: &TestApp) {
    let visitor = visitor(app);
    let found = visitor.ask_stateless("server/discover", &json!({}), |_| {}).expect(200).json();
    let result = &found["result"];
    assert!(result["supportedVersions"].as_array().unwrap().contains(&json!(STATELESS)));
    assert_eq!(
        (&found["id"], &result["resultType"], &result["cacheScope"]),
        (&json!("a"), &json!("complete"), &json!("public"))
    );
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "plenary");
    let list = &visitor.ask_stateless("tools/list", &json!({}), |_| {}).expect(200).json()["result"];
    assert!(list["ttlMs"].as_u64().unwrap() > 0 && list["cacheScope"] == "public" && list["resultType"] == "complete");
    let editor = Agent(app.editor());
    let list = &editor.ask_stateless("tools/list", &json!({}), |_| {}).expect(200).json()["result"];
    assert_eq!(list["cacheScope"], "private");
    let params = json!({"name": "list", "arguments": {"collection": "topics"}});
    let call = &visitor.ask_stateless("tools/call", &params, |_| {}).expect(200).json()["result"];
    assert_eq!((&call["resultType"], &call["isError"]), (&json!("complete"), &json!(false)));
    // Methods of older revisions, and unknown ones.
    for method in ["initialize", "ping", "resources/list", "prompts/list", "subscriptions/listen", "nonsense"] {
        let body = error(visitor.ask_stateless(method, &json!({}), |_| {}), 404, -32601);
        assert_eq!(body["id"], "a");
    }
}

/// Programs on the way read headers, so these must say what the body says.
#[apply(api_test)]
fn headers_agree_with_the_body(app: &TestApp) {
    let visitor = visitor(app);
    let call = json!({"name": "list", "arguments": {"collection": "topics"}});
    for (name, value) in [
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-method", "tools/list"),
        ("mcp-method", "TOOLS/CALL"),
        ("mcp-name", "get"),
        ("mcp-name", "=?base64?!?="),
    ] {
        let reply = visitor.ask_stateless("tools/call", &call, |headers| {
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value.to_owned()));
        });
        error(reply, 400, -32020);
    }
    for name in ["mcp-protocol-version", "mcp-method", "mcp-name"] {
        let without = visitor.ask_stateless("tools/call", &call, |headers| headers.retain(|(known, _)| *known != name));
        error(without, 400, -32020);
        let twice = visitor.ask_stateless("tools/call", &call, |headers| {
            let again = headers.iter().find(|(known, _)| *known == name).cloned();
            headers.extend(again);
        });
        error(twice, 400, -32020);
    }
    let coded = visitor.ask_stateless("tools/call", &call, |headers| {
        headers.retain(|(name, _)| *name != "mcp-name");
        headers.push(("mcp-name", "=?base64?bGlzdA==?=".to_owned()));
    });
    coded.expect(200);
    // A revision that the server does not know is refused with those that it knows.
    let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2099-01-01", "io.modelcontextprotocol/clientCapabilities": {}}}});
    let headers =
        [("content-type", "application/json"), ("mcp-protocol-version", "2099-01-01"), ("mcp-method", "tools/list")];
    let reply = app.visitor().send("POST", "/mcp", &headers, unknown.to_string().as_bytes());
    let data = &error(reply, 400, -32022)["error"]["data"];
    assert_eq!(data["requested"], "2099-01-01");
    assert!(data["supported"].as_array().unwrap().contains(&json!(STATELESS)));
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    error(app.visitor().send("POST", "/mcp", &headers[..2], list.as_bytes()), 400, -32022);
}

#[apply(api_test)]
fn what_is_no_message_is_refused(app: &TestApp) {
    let visitor = visitor(app);
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("\u{0}", -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        ("null", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#, -32700),
    ] {
        error(visitor.post(body), 400, code);
    }
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    error(visitor.post(&deep), 400, -32700);
    let binary = app.visitor().send("POST", "/mcp", &[("content-type", "application/json")], b"{\"a\":\"\xff\"}");
    error(binary, 400, -32700);
    for media_type in ["text/plain", "application/json; charset=latin1", ""] {
        app.visitor().send("POST", "/mcp", &[("content-type", media_type)], b"{}").problem(415, &[]);
    }
    app.visitor()
        .send("POST", "/mcp?x=1", &[("content-type", "application/json")], b"{}")
        .problem(400, &[("?x", "unknown_parameter")]);
    let large =
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y".repeat(2_000_000)}}).to_string();
    visitor.post(&large).problem(413, &[]);
    for method in ["GET", "DELETE", "PUT"] {
        let reply = app.visitor().send(method, "/mcp", &[("accept", "text/event-stream")], b"");
        assert_eq!(reply.header("allow"), "POST");
        reply.problem(405, &[]);
    }
}

/// Names that lead to the server, and pages of other sites, do not reach it through a browser.
#[apply(api_test)]
fn hosts_and_origins_are_checked(app: &TestApp) {
    let own = app.url.strip_prefix("http://").unwrap();
    let send = |app: &TestApp, headers: &[(&str, &str)]| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
        let headers: Vec<(&str, &str)> =
            [("content-type", "application/json")].iter().chain(headers).copied().collect();
        app.visitor().send("POST", "/mcp", &headers, body.as_bytes())
    };
    send(app, &[("host", own)]).expect(200);
    send(app, &[("host", own), ("origin", &format!("http://{own}"))]).expect(200);
    send(app, &[("origin", "http://127.0.0.1:8080")]).expect(200);
    for host in ["evil.example.com", "evil.example.com:8080", "127.0.0.1.evil.example.com"] {
        send(app, &[("host", host)]).problem(403, &[]);
        send(app, &[("host", host), ("origin", &format!("http://{host}"))]).problem(403, &[]);
    }
    for origin in ["https://evil.example.com", "null", "http://127.0.0.1:1", "file://"] {
        send(app, &[("host", own), ("origin", origin)]).problem(403, &[]);
    }
    let listed = TestApp::start_with(app.backend, |config| {
        config.mcp.allowed_hosts = vec!["plenary.internal".into()];
        config.mcp.allowed_origins = vec!["https://tools.example.org".into()];
    });
    send(&listed, &[("host", "plenary.internal:8080"), ("origin", "https://tools.example.org")]).expect(200);
    send(&listed, &[("origin", "https://www.example.org")]).problem(403, &[]);
}

#[apply(api_test)]
fn a_site_can_do_without_agents(app: &TestApp) {
    let closed = TestApp::start_with(app.backend, |config| config.mcp.enabled = false);
    Agent(closed.visitor()).ask("ping", &json!({})).problem(404, &[]);
    Agent(closed.editor()).ask("tools/list", &json!({})).problem(404, &[]);
    closed.visitor().get("/api/v1/events").expect(200);
}

#[apply(api_test)]
fn calls_are_counted(app: &TestApp) {
    let visitor = visitor(app);
    visitor.use_tool("list", &json!({"collection": "topics"}));
    visitor.expect_refusal("get", &json!({"collection": "topics", "id": "nothing"}), 404, &[]);
    let metrics = String::from_utf8(app.visitor().get("/metrics").expect(200).body).unwrap();
    for line in [
        r#"plenary_mcp_calls_total{outcome="ok",tool="list"}"#,
        r#"plenary_mcp_calls_total{outcome="refused",tool="get"}"#,
        r#"plenary_http_request_seconds_count{operation="callMcp",status="2xx"}"#,
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

/// A client that is refused learns where its user can log in, and comes back with a token of that provider.
#[apply(api_test)]
fn tokens_of_the_provider_are_accepted(app: &TestApp) {
    let issuer = Issuer::start();
    let app = TestApp::start_with(app.backend, |config| {
        config.oidc.issuer = issuer.url.clone();
        config.oidc.client_id = "plenary".into();
        config.public_url = "http://localhost:8080/".into();
    });
    let refused = Agent(app.visitor()).ask("tools/call", &json!({"name": "checks", "arguments": {}}));
    let address = "http://localhost:8080/.well-known/oauth-protected-resource/mcp";
    assert_eq!(
        refused.header("www-authenticate"),
        format!("Bearer realm=\"plenary\", resource_metadata=\"{address}\"")
    );
    refused.problem(401, &[]);
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let metadata = app.visitor().get(path).expect(200).json();
        assert_eq!(metadata["resource"], "http://localhost:8080/mcp");
        assert_eq!(metadata["authorization_servers"], json!([issuer.url]));
    }
    app.account("anna@example.org", Role::Editor);
    let id = app.log_in("anna@example.org")["account"]["id"].as_str().unwrap().to_owned();
    app.sql(&format!(
        "INSERT INTO identities (issuer, subject, account_id, created_at) VALUES ('{}', 'anna', '{id}', 1)",
        issuer.url
    ));
    let now = chrono::Utc::now().timestamp();
    let good = json!({"iss": issuer.url, "sub": "anna", "aud": ["http://localhost:8080/mcp"], "exp": now + 60});
    let list = |claims: &Value| Agent(app.visitor().with_token(&issuer.token(claims))).ask("tools/list", &json!({}));
    assert_eq!(list(&good).expect(200).json()["result"]["tools"].as_array().unwrap().len(), 10);
    for (name, value) in [
        ("aud", json!("plenary")),
        ("aud", json!("http://localhost:8080")),
        ("iss", json!("https://elsewhere.example.org")),
        ("sub", json!("stranger")),
        ("exp", json!(now - 120)),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        list(&claims).problem(401, &[]);
    }
    // It is a token for agents, and for nothing else.
    app.visitor().with_token(&issuer.token(&good)).get("/api/v1/events").problem(401, &[]);
    let forged = Issuer { key: SigningKey::from_bytes(&[9; 32]), ..Issuer::start() };
    Agent(app.visitor().with_token(&forged.token(&good))).ask("tools/list", &json!({})).problem(401, &[]);
    let admin = app.client(Role::Administrator);
    let path = format!("/api/v1/accounts/{id}");
    let tag = admin.get(&path).expect(200).etag().to_owned();
    admin.patch(&path, &tag, &json!({"active": false})).expect(200);
    list(&good).problem(401, &[]);
}

#[apply(api_test)]
fn without_a_provider_there_is_no_metadata(app: &TestApp) {
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        app.visitor().get(path).problem(404, &[]);
    }
    let reply = Agent(app.visitor().with_token("plk_nonsense")).ask("ping", &json!({}));
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"plenary\"");
}
