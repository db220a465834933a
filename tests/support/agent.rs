//! An agent: a client of `/mcp`, of any revision of the protocol.

use serde_json::{Map, Value, json};

use super::client::{Client, Reply};

/// The newest revision, in which each request says everything in itself.
pub const STATELESS: &str = "2026-07-28";

/// A client that calls tools.
pub struct Agent(pub Client);

impl Agent {
    /// Sends a body with the headers of a client that tells no revision.
    pub fn post(&self, body: &str) -> Reply {
        self.0.send("POST", "/mcp", &[("content-type", "application/json")], body.as_bytes())
    }

    /// Sends a request as clients did until 2025-11-25.
    pub fn ask(&self, method: &str, params: &Value) -> Reply {
        self.post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
    }

    /// Sends a request of the newest revision; `change` makes other headers of the right ones.
    pub fn ask_stateless(&self, method: &str, params: &Value, change: impl FnOnce(&mut Vec<(&str, String)>)) -> Reply {
        let mut params = params.clone();
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("mcp-protocol-version", STATELESS.to_owned()),
            ("mcp-method", method.to_owned()),
        ];
        if let Some(name) = params["name"].as_str() {
            headers.push(("mcp-name", name.to_owned()));
        }
        change(&mut headers);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params});
        self.0.send("POST", "/mcp", &headers, body.to_string().as_bytes())
    }

    /// Calls a tool and returns its texts, and whether it failed.
    #[track_caller]
    pub fn call(&self, tool: &str, arguments: &Value) -> (Vec<String>, bool) {
        let reply = self.ask("tools/call", &json!({"name": tool, "arguments": arguments})).expect(200);
        let result = &reply.json()["result"];
        let content = result["content"].as_array().unwrap_or_else(|| panic!("{tool}: {}", reply.json()));
        let text = |block: &Value| {
            assert_eq!(block["type"], "text");
            block["text"].as_str().unwrap().to_owned()
        };
        (content.iter().map(text).collect(), result["isError"].as_bool().unwrap())
    }

    /// Calls a tool that succeeds, and returns the JSON of its result.
    #[track_caller]
    pub fn use_tool(&self, tool: &str, arguments: &Value) -> Value {
        let (texts, failed) = self.call(tool, arguments);
        assert!(!failed, "{tool}: {texts:?}");
        serde_json::from_str(&texts[0]).unwrap_or_else(|e| panic!("{tool}: {e}: {}", texts[0]))
    }

    /// Calls a tool that is refused, and returns the problem, which has this status and these violations.
    #[track_caller]
    pub fn expect_refusal(&self, tool: &str, arguments: &Value, status: u16, violations: &[(&str, &str)]) -> Value {
        let (texts, failed) = self.call(tool, arguments);
        assert!(failed && texts.len() == 1, "{tool}: {texts:?}");
        let problem: Value = serde_json::from_str(&texts[0]).unwrap();
        assert_eq!(problem["status"], status, "{tool}: {problem:#}");
        let found = problem["errors"].as_array().into_iter().flatten();
        let found: Vec<(&str, &str)> =
            found.map(|e| (e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
        for violation in violations {
            assert!(found.contains(violation), "{violation:?} is not among {problem:#}");
        }
        problem
    }

    /// Returns the tools that the client may use, by name.
    pub fn tools(&self) -> Map<String, Value> {
        let list = self.ask("tools/list", &json!({})).expect(200).json();
        let tools = list["result"]["tools"].as_array().unwrap().iter();
        tools.map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool.clone())).collect()
    }
}
