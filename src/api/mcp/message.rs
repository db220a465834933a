//! Messages of JSON-RPC 2.0, as the Model Context Protocol uses it.

use actix_web::http::StatusCode;
use rmcp::model::{ErrorCode, ErrorData, JsonRpcError, RequestId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::content::strict_json;
use crate::http::response::Response;
use crate::problem::Problem;

/// A message of a client.
#[derive(Debug)]
pub enum ClientMessage {
    /// A request, which gets a response.
    Request(RpcRequest),
    /// A notification, which gets none.
    Notification,
}

/// A request of a client.
#[derive(Debug)]
pub struct RpcRequest {
    /// Id, which the response repeats.
    pub id: RequestId,
    /// Name of the method.
    pub method: String,
    /// Parameters of the method.
    pub params: Map<String, Value>,
}

/// An error response.
#[derive(Debug)]
pub struct RpcRefusal {
    /// HTTP status of the response.
    pub status: StatusCode,
    /// Id of the request, if the message has one.
    pub id: Option<RequestId>,
    /// The error, in a box because results are as large as their larger variant.
    pub error: Box<ErrorData>,
}

impl RpcRefusal {
    /// Creates the refusal of a message that is no valid request: status 400.
    pub fn bad_request(id: Option<RequestId>, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, id, error: Box::new(ErrorData::new(code, message.into(), None)) }
    }

    /// Returns the HTTP response.
    ///
    /// # Errors
    /// 500 if the error cannot be serialized.
    pub fn into_response(self) -> Result<Response, Problem> {
        Response::json(self.status.as_u16(), &JsonRpcError::new(self.id, *self.error)).map(Response::no_store)
    }
}

/// A response with the result of a request.
#[derive(Serialize)]
struct Success<'a, T> {
    jsonrpc: &'static str,
    id: &'a RequestId,
    result: T,
}

/// Returns the HTTP response with the result of a request.
///
/// # Errors
/// 500 if the result cannot be serialized.
pub fn success(id: &RequestId, result: impl Serialize) -> Result<Response, Problem> {
    Response::json(200, &Success { jsonrpc: "2.0", id, result }).map(Response::no_store)
}

/// Parses the body of a request over HTTP: one message of a client.
///
/// # Errors
/// Refuses what is not JSON, names a member twice or is nested too deeply (`-32700`), and what is no request and no
/// notification, such as a batch, which the protocol had in one revision only (`-32600`).
pub fn parse(body: &[u8]) -> Result<ClientMessage, RpcRefusal> {
    let value = strict_json::parse(body).map_err(|violations| {
        let mut refusal = RpcRefusal::bad_request(None, ErrorCode::PARSE_ERROR, "the body is not valid JSON");
        refusal.error.data = serde_json::to_value(violations.into_vec()).ok();
        refusal
    })?;
    let invalid = |id, message: &str| Err(RpcRefusal::bad_request(id, ErrorCode::INVALID_REQUEST, message));
    let mut members = match value {
        Value::Object(members) => members,
        Value::Array(_) => {
            return invalid(None, "batches are not supported; send each message in a request of its own");
        }
        _ => return invalid(None, "a message is a JSON object"),
    };
    let given_id = members.shift_remove("id");
    let id = given_id.clone().and_then(|id| serde_json::from_value::<RequestId>(id).ok());
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid(id, "`jsonrpc` must be \"2.0\"");
    }
    let Some(Value::String(method)) = members.shift_remove("method") else {
        return invalid(id, "a message names its `method`; this server sends no requests that could be answered");
    };
    let Some(id) = id else {
        let is_notification = given_id.is_none();
        return if is_notification {
            Ok(ClientMessage::Notification)
        } else {
            invalid(None, "`id` must be a text or an integer")
        };
    };
    match members.shift_remove("params") {
        None => Ok(ClientMessage::Request(RpcRequest { id, method, params: Map::new() })),
        Some(Value::Object(params)) => Ok(ClientMessage::Request(RpcRequest { id, method, params })),
        Some(_) => Err(RpcRefusal::bad_request(Some(id), ErrorCode::INVALID_PARAMS, "`params` must be an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal_of(body: &str) -> (i32, Option<RequestId>) {
        let refusal = parse(body.as_bytes()).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        (refusal.error.code.0, refusal.id)
    }

    #[test]
    fn requests_and_notifications_are_told_apart() {
        let Ok(ClientMessage::Request(request)) =
            parse(br#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":null}}"#)
        else {
            panic!("a request");
        };
        assert_eq!((request.id, request.method.as_str()), (RequestId::String("a".into()), "tools/list"));
        assert_eq!(request.params.len(), 1);
        let notification = parse(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert!(matches!(notification, Ok(ClientMessage::Notification)));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (body, code) in [
            ("", -32700),
            ("{", -32700),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32700),
            ("[]", -32600),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
            ("1", -32600),
            (r#"{"id":null,"method":"ping","jsonrpc":"2.0"}"#, -32600),
            (r#"{"id":1.5,"method":"ping","jsonrpc":"2.0"}"#, -32600),
        ] {
            assert_eq!(refusal_of(body), (code, None), "{body}");
        }
        let id = || Some(RequestId::Number(7));
        assert_eq!(refusal_of(r#"{"id":7,"method":"ping"}"#), (-32600, id()));
        assert_eq!(refusal_of(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#), (-32600, id()));
        assert_eq!(refusal_of(r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#), (-32602, id()));
    }
}
