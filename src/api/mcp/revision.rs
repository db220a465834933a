//! The revisions of the protocol: under which one a request is served, and what its headers must say.
//!
//! Since 2026-07-28, each request names its revision and the capabilities of the client in `_meta`, and repeats parts
//! of the body in headers, which must agree with it. Before, an `initialize` request began a session; this server keeps
//! none, so that such a request only tells the revision.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{ErrorCode, ErrorData, ProtocolVersion, RequestMetaObject};
use serde_json::Value;

use super::message::{RpcRefusal, RpcRequest};

/// Header with the revision of a request.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// Header that repeats the method.
pub const METHOD: &str = "mcp-method";
/// Header that repeats the name of the tool.
pub const NAME: &str = "mcp-name";

/// The way in which a request tells its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// By `initialize`, and in a header afterwards: until 2025-11-25.
    Handshake,
    /// In itself: since 2026-07-28.
    Stateless,
}

/// Returns how a request tells its revision, after checking that the server supports the revision and that the headers
/// agree with the body.
///
/// # Errors
/// Refuses with status 400 a revision that is not supported (`-32022`), `_meta` that lacks required members (`-32602`),
/// and headers that are missing or differ from the body (`-32020`).
pub fn lifecycle(headers: &HeaderMap, request: &RpcRequest) -> Result<Lifecycle, RpcRefusal> {
    let meta: RequestMetaObject =
        request.params.get("_meta").and_then(|meta| serde_json::from_value(meta.clone()).ok()).unwrap_or_default();
    let stated = single_value(headers, PROTOCOL_VERSION).map_err(|message| mismatch(request, message))?;
    let is_stateless = meta.protocol_version().is_some()
        || request.method == "server/discover"
        || request.method != "initialize"
            && stated.and_then(find_version).is_some_and(|version| !version.has_initialize());
    if !is_stateless {
        return handshake(request, stated);
    }
    let missing = meta.missing_required_keys(&ProtocolVersion::NO_INITIALIZE);
    if !missing.is_empty() {
        let message = format!("`_meta` of `params` lacks {}", missing.join(" and "));
        return Err(RpcRefusal::bad_request(Some(request.id.clone()), ErrorCode::INVALID_PARAMS, message));
    }
    let version = meta.protocol_version().unwrap_or_default();
    if stated != Some(version.as_str()) {
        return Err(mismatch(request, format!("MCP-Protocol-Version must be {version}, as in `_meta`")));
    }
    if find_version(version.as_str()).is_none() {
        return Err(unsupported_version(request, version));
    }
    require_header(headers, request, METHOD, Some(&request.method))?;
    let name = request.params.get("name").and_then(Value::as_str).filter(|_| request.method == "tools/call");
    require_header(headers, request, NAME, name)?;
    Ok(Lifecycle::Stateless)
}

fn handshake(request: &RpcRequest, stated: Option<&str>) -> Result<Lifecycle, RpcRefusal> {
    let asked = request.params.get("protocolVersion").and_then(Value::as_str);
    match stated {
        Some(version) if find_version(version).is_none() => {
            let version = serde_json::from_value(version.into()).unwrap_or_default();
            Err(unsupported_version(request, version))
        }
        Some(version) if request.method == "initialize" && asked.is_some_and(|asked| asked != version) => {
            let message = "MCP-Protocol-Version differs from `protocolVersion` of `params`";
            Err(RpcRefusal::bad_request(Some(request.id.clone()), ErrorCode::INVALID_REQUEST, message))
        }
        _ => Ok(Lifecycle::Handshake),
    }
}

/// Returns the supported revision with this name, if there is one.
fn find_version(version: &str) -> Option<&'static ProtocolVersion> {
    ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| known.as_str() == version)
}

/// Returns the revision that the response to `initialize` names: the one asked for if it has this method, otherwise the
/// last one that has it.
pub fn negotiated_version(asked: &ProtocolVersion) -> ProtocolVersion {
    let supported = find_version(asked.as_str()).filter(|version| version.has_initialize());
    supported.cloned().unwrap_or(ProtocolVersion::LATEST_WITH_INITIALIZE)
}

fn unsupported_version(request: &RpcRequest, version: ProtocolVersion) -> RpcRefusal {
    let error = ErrorData::unsupported_protocol_version(version, ProtocolVersion::KNOWN_VERSIONS);
    RpcRefusal { status: StatusCode::BAD_REQUEST, id: Some(request.id.clone()), error: Box::new(error) }
}

fn mismatch(request: &RpcRequest, message: String) -> RpcRefusal {
    RpcRefusal::bad_request(Some(request.id.clone()), ErrorCode::HEADER_MISMATCH, message)
}

/// Requires that a header repeats a value of the body, if the body has it. Of a header with several values, one program
/// on the way could read the first and another the last.
fn require_header(
    headers: &HeaderMap,
    request: &RpcRequest,
    name: &str,
    value: Option<&str>,
) -> Result<(), RpcRefusal> {
    let Some(value) = value else { return Ok(()) };
    let stated = single_value(headers, name).map_err(|message| mismatch(request, message))?;
    match stated.map(decode_value) {
        Some(Some(stated)) if stated == value => Ok(()),
        Some(_) => Err(mismatch(request, format!("the header {name} differs from the body"))),
        None => Err(mismatch(request, format!("the header {name} is missing"))),
    }
}

/// Returns the only value of a header, if it is there.
fn single_value<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the header {name} occurs more than once"));
    }
    value.to_str().map(|value| Some(value.trim())).map_err(|_| format!("the header {name} is not visible ASCII"))
}

/// Decodes the value of a header. Values that a header cannot have are `=?base64?…?=`.
fn decode_value(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?=")) {
        Some(coded) => String::from_utf8(STANDARD.decode(coded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use rmcp::model::RequestId;
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-07-28";

    fn request(method: &str, params: Value) -> RpcRequest {
        let Value::Object(params) = params else { panic!("an object") };
        RpcRequest { id: RequestId::Number(1), method: method.to_owned(), params }
    }

    fn meta(version: &str) -> Value {
        json!({"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}})
    }

    fn outcome(headers: &[(&'static str, &str)], request: &RpcRequest) -> Result<Lifecycle, i32> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        lifecycle(&map, request).map_err(|refusal| refusal.error.code.0)
    }

    #[test]
    fn a_request_of_today_says_everything_in_itself() {
        let call = request("tools/call", json!({"name": "search", "_meta": meta(NOW)}));
        let headers = [(PROTOCOL_VERSION, NOW), (METHOD, "tools/call"), (NAME, "search")];
        assert_eq!(outcome(&headers, &call), Ok(Lifecycle::Stateless));
        assert_eq!(outcome(&[headers[0], headers[1], (NAME, "=?base64?c2VhcmNo?=")], &call), Ok(Lifecycle::Stateless));
        for wrong in [(NAME, "get"), (NAME, "Search"), (NAME, "=?base64?!?=")] {
            assert_eq!(outcome(&[headers[0], headers[1], wrong], &call), Err(-32020));
        }
        assert_eq!(outcome(&headers[..2], &call), Err(-32020));
        assert_eq!(outcome(&headers[1..], &call), Err(-32020));
        assert_eq!(outcome(&[headers[0], headers[1], headers[2], headers[2]], &call), Err(-32020));
        assert_eq!(outcome(&headers, &request("tools/call", json!({"name": "search"}))), Err(-32602));
        let unknown = request("tools/list", json!({"_meta": meta("2099-01-01")}));
        assert_eq!(outcome(&[(PROTOCOL_VERSION, "2099-01-01"), (METHOD, "tools/list")], &unknown), Err(-32022));
        assert_eq!(outcome(&[(PROTOCOL_VERSION, NOW), (METHOD, "tools/list")], &unknown), Err(-32020));
    }

    #[test]
    fn an_older_request_needs_none_of_it() {
        let list = request("tools/list", json!({}));
        for headers in [&[][..], &[(PROTOCOL_VERSION, "2025-06-18")], &[(PROTOCOL_VERSION, "2025-11-25")]] {
            assert_eq!(outcome(headers, &list), Ok(Lifecycle::Handshake));
        }
        assert_eq!(outcome(&[(PROTOCOL_VERSION, "yesterday")], &list), Err(-32022));
        let begin = request("initialize", json!({"protocolVersion": "2025-06-18"}));
        assert_eq!(outcome(&[(PROTOCOL_VERSION, "2025-06-18")], &begin), Ok(Lifecycle::Handshake));
        assert_eq!(outcome(&[(PROTOCOL_VERSION, "2025-11-25")], &begin), Err(-32600));
        assert_eq!(negotiated_version(&ProtocolVersion::V_2025_06_18), ProtocolVersion::V_2025_06_18);
        assert_eq!(negotiated_version(&ProtocolVersion::V_2026_07_28), ProtocolVersion::V_2025_11_25);
    }
}
