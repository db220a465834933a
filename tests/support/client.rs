//! An HTTP client that returns every response as it is, and follows no redirects.

use std::time::Duration;

use plenary::content::violation::VIOLATION_CODES;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// A client of one server, optionally logged in.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    asked: String,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self { agent: config.into(), url: url.to_owned(), token: None }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a logged-in client")
    }

    /// Sends a request, and panics if there is no response.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_send(method, path, headers, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// Sends a request to a server that may not be running.
    fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = if body.is_empty() && !matches!(method, "POST" | "PUT" | "PATCH") {
            self.agent.run(request.body(()).expect("a request"))?
        } else {
            self.agent.run(request.body(body).expect("a request"))?
        };
        let body = response.body_mut().with_config().limit(100_000_000).read_to_vec()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply { status, headers, body, asked: format!("{method} {path}") })
    }

    /// Sends a `GET` request to a server that may not be running.
    pub fn try_get(&self, path: &str) -> Option<Reply> {
        self.try_send("GET", path, &[], b"").ok()
    }

    /// Sends a `POST` request to a server that may not be running.
    pub fn try_post(&self, path: &str, body: &Value) -> Option<Reply> {
        self.try_send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes()).ok()
    }

    /// Sends a `PATCH` request to a server that may not be running.
    pub fn try_patch(&self, path: &str, etag: &str, body: &Value) -> Option<Reply> {
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", etag)];
        self.try_send("PATCH", path, &headers, body.to_string().as_bytes()).ok()
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    pub fn patch(&self, path: &str, etag: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", etag)];
        self.send("PATCH", path, &headers, body.to_string().as_bytes())
    }

    pub fn put(&self, path: &str, etag: &str, body: &Value) -> Reply {
        self.send("PUT", path, &[("content-type", "application/json"), ("if-match", etag)], body.to_string().as_bytes())
    }

    pub fn delete(&self, path: &str, etag: &str) -> Reply {
        self.send("DELETE", path, &[("if-match", etag)], b"")
    }

    /// Moves an item to the trash, whatever refers to it.
    pub fn trash(&self, path: &str, etag: &str) -> Reply {
        self.delete(&format!("{path}?references=keep"), etag)
    }

    /// Requests a transition such as `publish`.
    pub fn act(&self, path: &str, etag: &str) -> Reply {
        self.send("POST", path, &[("if-match", etag)], b"")
    }

    /// Requests a transition with a body, such as `schedule`.
    pub fn act_with(&self, path: &str, etag: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("if-match", etag)];
        self.send("POST", path, &headers, body.to_string().as_bytes())
    }

    /// Creates an item and returns its JSON.
    pub fn create(&self, collection: &str, body: &Value) -> Value {
        self.post(&format!("/api/v1/{collection}"), body).expect(201).json()
    }
}

impl Reply {
    /// Asserts that the status is this one, and returns the response.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{}: {e}: {}", self.asked, String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    pub fn etag(&self) -> &str {
        self.header("etag")
    }

    /// Asserts that the response is a problem with this status and, for each of these pointers and codes, an
    /// error. Returns its JSON.
    #[track_caller]
    pub fn problem(self, status: u16, faults: &[(&str, &str)]) -> Value {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], reply.header("x-request-id"));
        let found: Vec<(&str, &str)> = problem["errors"]
            .as_array()
            .map(|errors| errors.iter().map(|e| (text(&e["pointer"]), text(&e["code"]))).collect())
            .unwrap_or_default();
        for (_, code) in &found {
            assert!(VIOLATION_CODES.contains(code), "{code} is not among the codes of the document");
        }
        for fault in faults {
            assert!(found.contains(fault), "{fault:?} is not among {problem:#}");
        }
        problem
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
