//! A real OpenID provider, which runs as a process.

use serde_json::{Value, json};

use super::app::TestApp;
use super::client::Client;
use super::tools::{Server, python_server};

/// A redirect URI of an editing interface.
pub const CALLBACK: &str = "https://desk.example.org/callback";

/// A running provider.
pub struct Provider {
    client: Client,
    server: Server,
}

impl Provider {
    /// Starts a provider.
    pub fn start() -> Self {
        let server = python_server(&["-m", "oidc_provider_mock", "--port", "{port}", "--require-nonce", "true"]);
        let client = Client::new(&format!("http://127.0.0.1:{}", server.port));
        Self { client, server }
    }

    /// Starts an application that knows the provider.
    pub fn app(&self, app: &TestApp, default_role: &str) -> TestApp {
        let issuer = format!("http://127.0.0.1:{}", self.server.port);
        TestApp::start_with(app.backend, |c| {
            c.oidc.issuer = issuer;
            c.oidc.client_id = "plenary".into();
            c.oidc.client_secret = "between us".into();
            c.oidc.redirect_uris = vec![CALLBACK.into()];
            c.oidc.default_role = default_role.into();
        })
    }

    /// Returns the issuer under a name by which a browser on a page of `127.0.0.1` is on another site.
    pub fn issuer_of_another_site(&self) -> String {
        format!("http://localhost:{}", self.server.port)
    }

    /// Tells the provider of a person.
    pub fn person(&self, name: &str, claims: &Value) {
        let headers = [("content-type", "application/json")];
        self.client.send("PUT", &format!("/users/{name}"), &headers, claims.to_string().as_bytes()).expect(204);
    }

    /// Logs a person in, and returns what the browser brings back: code and state.
    pub fn log_in(&self, app: &TestApp, name: &str) -> (String, String) {
        let begun =
            app.visitor().post("/api/v1/auth/oidc/begin", &json!({"redirect_uri": CALLBACK})).expect(200).json();
        let address = url::Url::parse(begun["authorization_url"].as_str().unwrap()).unwrap();
        let asked = |name: &str| address.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
        assert_eq!((asked("response_type"), asked("code_challenge_method")), ("code".into(), "S256".into()));
        assert_eq!((asked("code_challenge").len(), asked("redirect_uri")), (43, CALLBACK.into()));
        let path = format!("{}?{}", address.path(), address.query().unwrap());
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = self.client.send("POST", &path, &headers, format!("sub={name}").as_bytes()).expect(302);
        let back = url::Url::parse(reply.header("location")).unwrap();
        let brought = |name: &str| back.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
        assert_eq!(brought("state"), begun["state"].as_str().unwrap());
        (brought("code"), brought("state"))
    }
}
