//! An OpenID provider that only has metadata, a key, and tokens that it signs.

use std::io::{Read, Write};
use std::net::TcpListener;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

/// A running provider. It ends with the process.
pub struct Issuer {
    pub url: String,
    pub key: SigningKey,
}

impl Issuer {
    /// Starts a provider on a port of its own.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let key = SigningKey::from_bytes(&[7; 32]);
        let coordinate = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        let own = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k", "x": coordinate});
        let keys = json!({"keys": [own]});
        let metadata = json!({
            "issuer": url, "authorization_endpoint": url, "token_endpoint": url, "jwks_uri": format!("{url}/keys"),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut head = [0; 4_096];
                let read = stream.read(&mut head).unwrap_or(0);
                let body = if head[..read].starts_with(b"GET /keys") { &keys } else { &metadata }.to_string();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { url, key }
    }

    /// Signs an access token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"});
        let text = [header, claims.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.key.sign(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
