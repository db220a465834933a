//! What the person who runs the server relies on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::app::TestApp;

#[apply(api_test)]
fn health_readiness_and_metrics(app: &TestApp) {
    let public = app.visitor();
    assert_eq!(public.get("/healthz").expect(200).json()["status"], "ok");
    assert_eq!(public.get("/readyz").expect(200).json()["status"], "ok");
    public.get("/api/v1/events").expect(200);
    let metrics = public.get("/metrics").expect(200);
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(metrics.body).unwrap();
    for name in [
        "plenary_http_request_seconds_count{operation=\"listEvents\",status=\"2xx\"}",
        "plenary_database_queries_total",
        "plenary_database_commits_total",
    ] {
        assert!(text.contains(name), "{name}");
    }
}

#[apply(api_test)]
fn answers_carry_security_headers(app: &TestApp) {
    for path in ["/api/v1/events", "/nothing", "/docs/index.html", "/healthz", "/api/v1/events.ics", "/edit.js"] {
        let reply = app.visitor().get(path);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        // It governs what documents load and where they lead; JSON does neither.
        let policy = if reply.header("content-type").ends_with("json") { "" } else { "no-referrer" };
        assert_eq!(reply.header("referrer-policy"), policy, "{path}");
        assert_eq!(reply.header("server"), "");
    }
}

#[apply(api_test)]
fn request_ids_are_kept_or_made(app: &TestApp) {
    let public = app.visitor();
    assert_eq!(
        public.send("GET", "/healthz", &[("x-request-id", "from-the-proxy.1")], b"").header("x-request-id"),
        "from-the-proxy.1"
    );
    for bad in ["", "a b", &"x".repeat(65)] {
        let reply = public.send("GET", "/healthz", &[("x-request-id", bad)], b"");
        assert_eq!(reply.header("x-request-id").len(), 36);
    }
}

#[apply(api_test)]
fn other_origins_may_read(app: &TestApp) {
    let origin = [("origin", "https://www.example.org")];
    let reply = app.visitor().send("GET", "/api/v1/events", &origin, b"").expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert!(reply.header("access-control-expose-headers").contains("etag"));
    // A shared cache gives the answer to somebody without an origin to those with one.
    for path in ["/api/v1/events", "/api/v1/events", "/api/v1/events/none", "/api/openapi.json", "/nothing"] {
        let reply = app.visitor().get(path);
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
        assert!(reply.header("access-control-expose-headers").contains("etag"), "{path}");
    }
    let strict = TestApp::start_with(app.backend, |c| c.cors.allowed_origins = vec!["https://www.example.org".into()]);
    let reply = strict.visitor().send("GET", "/api/v1/events", &origin, b"");
    assert_eq!(reply.header("access-control-allow-origin"), "https://www.example.org");
    for path in ["/api/v1/events", "/api/v1/events", "/api/v1/events/none", "/api/openapi.json", "/nothing"] {
        let reply = strict.visitor().get(path);
        assert!(reply.header("vary").contains("Origin"), "{path}: {}", reply.header("vary"));
        assert_eq!(reply.header("access-control-allow-origin"), "", "{path}");
    }
    let other = strict.visitor().send("GET", "/api/v1/events", &[("origin", "https://evil.example")], b"");
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[apply(api_test)]
fn slow_clients_are_sent_away(app: &TestApp) {
    let patient = TestApp::start_with(app.backend, |c| c.server.request_timeout_seconds = 1);
    let token = patient.editor().token().to_owned();
    let address = patient.url.trim_start_matches("http://").to_owned();
    let answer = |sent: &str| {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(begun.elapsed() < Duration::from_secs(15));
        text
    };
    assert!(answer("GET /api/v1/events HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408"));
    let slow_body = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{{"
    );
    assert!(answer(&slow_body).starts_with("HTTP/1.1 408"));
    patient.visitor().get("/healthz").expect(200);
}

#[apply(api_test)]
fn the_reading_room_needs_no_network(app: &TestApp) {
    let public = app.visitor();
    let first = String::from_utf8(public.get("/docs").expect(200).body).unwrap();
    assert!(first.contains("<base href=\"/docs/\">"), "{first}");
    let page = public.get("/docs/index.html").expect(200);
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains("https://"), "{text}");
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert!(text.contains(file));
        public.get(&format!("/docs/{file}")).expect(200);
    }
    let bundle = String::from_utf8(public.get("/docs/swagger-ui-bundle.js").expect(200).body).unwrap();
    assert!(bundle.contains("SwaggerUIBundle"), "the script is not text");
    let script = String::from_utf8(public.get("/docs/swagger-initializer.js").expect(200).body).unwrap();
    assert!(script.contains("/api/openapi.json"), "{script}");
    public.get("/docs/nothing.js").problem(404, &[]);
}

#[apply(api_test)]
fn problem_types_lead_to_pages(app: &TestApp) {
    let problem = app.visitor().get("/nothing").problem(404, &[]);
    let page = problem["type"].as_str().unwrap().trim_start_matches("http://127.0.0.1:8080");
    assert!(String::from_utf8(app.visitor().get(page).expect(200).body).unwrap().contains("Not found"));
    let all = String::from_utf8(app.visitor().get("/problems").expect(200).body).unwrap();
    for kind in plenary::problem::ProblemKind::ALL {
        assert!(all.contains(kind.code()));
    }
}

#[apply(api_test)]
fn the_document_has_a_tag(app: &TestApp) {
    let public = app.visitor();
    let get = |coding: &str, tag: &str| {
        public.send("GET", "/api/openapi.json", &[("accept-encoding", coding), ("if-none-match", tag)], b"")
    };
    for coding in ["identity", "gzip", "br"] {
        let whole = get(coding, "\"none\"").expect(200);
        assert!(whole.etag().len() > 10 && whole.header("vary").contains("Accept-Encoding"), "{coding}");
        assert_eq!(get(coding, "\"none\"").expect(200).body, whole.body);
        assert_eq!(get(coding, whole.etag()).expect(304).etag(), whole.etag());
    }
}
