//! The endpoint of agents: tools by the Model Context Protocol (MCP) over streamable HTTP, without sessions.
//!
//! A tool call is a request to a route of the API, with the permissions, checks and problems of that route. The
//! endpoint is not in the OpenAPI document, because the protocol describes itself (`tools/list`) and has its own form
//! of errors. See `docs/decisions/0028-agents-by-tools.md`.

mod arguments;
mod call;
mod message;
pub mod metadata;
mod origin;
mod outcome;
mod revision;
mod schemas;
mod tool;
mod toolbox;

use std::sync::Arc;

use actix_web::http::StatusCode;
use rmcp::model::{
    CacheScope, DiscoverResult, ErrorCode, ErrorData, Implementation, InitializeRequestParams, InitializeResult,
    ProtocolVersion, ResultType, ServerCapabilities,
};
use serde_json::{Map, Value, json};

use self::message::{ClientMessage, RpcRefusal, RpcRequest, success};
use self::revision::Lifecycle;
use self::tool::DATA;
use self::toolbox::Toolbox;
use crate::api::openapi::schemas::json_document;
use crate::app::App;
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// Address of the endpoint.
const ADDRESS: &str = "/mcp";
/// Time for which clients may keep what the server says of itself, in milliseconds.
const DISCOVERY_LIFETIME_MS: u64 = 3_600_000;

/// Returns the routes of agents.
pub fn routes() -> Vec<Route> {
    let toolbox = Arc::new(Toolbox::default());
    let mut routes = vec![
        Route::post(ADDRESS, Access::Public, move |request| serve(Arc::clone(&toolbox), request))
            .operation_id("callMcp")
            .tag("Agents")
            .summary("Call a tool")
            .description(
                "Serves one message of the Model Context Protocol. Fails with 403 when the host or the origin is not \
                 one of this site, with 401 when a tool requires an account, and with 404 when agents are not \
                 admitted.",
            )
            .collections_in_body()
            .resource_metadata(metadata::ADDRESS)
            .of_another_protocol()
            .request_body(JSON, json_document(), json!({}))
            .responds(200, "The response.", json_document(), &[])
            .responds_empty(202, "The notification was received.", &[]),
    ];
    routes.extend(metadata::routes());
    routes
}

/// Refuses agents where they are not admitted.
fn require_enabled(app: &App) -> Result<(), Problem> {
    match app.config.mcp.enabled {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::NotFound, "agents are not admitted to this site")),
    }
}

async fn serve(toolbox: Arc<Toolbox>, request: Request) -> Result<Response, Problem> {
    require_enabled(&request.app)?;
    origin::require_own_site(&request)?;
    body::require_media_type(&request, &[JSON])?;
    let message = match message::parse(&request.body) {
        Ok(ClientMessage::Request(message)) => message,
        Ok(ClientMessage::Notification) => return Ok(Response::empty(202).no_store()),
        Err(refusal) => return refusal.into_response(),
    };
    match revision::lifecycle(request.http.headers(), &message) {
        Ok(lifecycle) => respond(&toolbox, &request, message, lifecycle).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn respond(
    toolbox: &Toolbox,
    request: &Request,
    message: RpcRequest,
    lifecycle: Lifecycle,
) -> Result<Response, Problem> {
    let app = &request.app;
    match (message.method.as_str(), lifecycle) {
        ("initialize", Lifecycle::Handshake) => initialize(app, message),
        ("ping", Lifecycle::Handshake) => success(&message.id, json!({})),
        ("server/discover", Lifecycle::Stateless) => success(&message.id, discovery(app)),
        ("tools/list", _) => list_tools(toolbox, request, message, lifecycle),
        ("tools/call", _) => call_tool(toolbox, request, message, lifecycle).await,
        (method, _) => {
            let error = ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("unknown method \"{method}\""), None);
            // Until 2025-11-25, an error is an ordinary response.
            let status = if lifecycle == Lifecycle::Stateless { StatusCode::NOT_FOUND } else { StatusCode::OK };
            RpcRefusal { status, id: Some(message.id), error: Box::new(error) }.into_response()
        }
    }
}

fn list_tools(
    toolbox: &Toolbox,
    request: &Request,
    message: RpcRequest,
    lifecycle: Lifecycle,
) -> Result<Response, Problem> {
    if message.params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
        return invalid_params(message, "the list of tools has one page and no cursors");
    }
    let mut list = toolbox.list(&request.app, request.actor.as_ref());
    match lifecycle {
        Lifecycle::Handshake => (list.result_type, list.ttl_ms, list.cache_scope) = (None, None, None),
        Lifecycle::Stateless => list.meta = Some(server_meta(&request.app).into()),
    }
    success(&message.id, list)
}

async fn call_tool(
    toolbox: &Toolbox,
    request: &Request,
    message: RpcRequest,
    lifecycle: Lifecycle,
) -> Result<Response, Problem> {
    let name = message.params.get("name").and_then(Value::as_str).unwrap_or_default();
    let Some(tool) = tool::find(name) else {
        let detail = format!("unknown tool \"{name}\"");
        return invalid_params(message, &detail);
    };
    let no_arguments = Map::new();
    let arguments = match message.params.get("arguments") {
        None | Some(Value::Null) => &no_arguments,
        Some(Value::Object(arguments)) => arguments,
        Some(_) => return invalid_params(message, "`arguments` must be an object"),
    };
    let mut result = call::call(toolbox, request, tool, arguments).await?;
    match lifecycle {
        Lifecycle::Handshake => result.result_type = None,
        Lifecycle::Stateless => result.meta = Some(server_meta(&request.app).into()),
    }
    success(&message.id, result)
}

/// Responds to a well-formed request whose parameters are not valid.
fn invalid_params(message: RpcRequest, detail: &str) -> Result<Response, Problem> {
    let error = ErrorData::new(ErrorCode::INVALID_PARAMS, detail.to_owned(), None);
    RpcRefusal { status: StatusCode::OK, id: Some(message.id), error: Box::new(error) }.into_response()
}

fn initialize(app: &App, message: RpcRequest) -> Result<Response, Problem> {
    let parsed = serde_json::from_value::<InitializeRequestParams>(message.params.clone().into());
    match parsed {
        Ok(asked) => {
            let result = InitializeResult::new(capabilities())
                .with_protocol_version(revision::negotiated_version(&asked.protocol_version))
                .with_server_info(server(app))
                .with_instructions(instructions(app));
            success(&message.id, result)
        }
        Err(error) => invalid_params(message, &format!("`params` of initialize: {error}")),
    }
}

fn discovery(app: &App) -> DiscoverResult {
    let versions = ProtocolVersion::KNOWN_VERSIONS.to_vec();
    let mut result = DiscoverResult::new(versions, capabilities())
        .with_server_info(server(app))
        .with_ttl_ms(DISCOVERY_LIFETIME_MS)
        .with_cache_scope(CacheScope::Public);
    result.instructions = Some(instructions(app));
    result.result_type = ResultType::COMPLETE;
    result
}

fn capabilities() -> ServerCapabilities {
    let mut capabilities = ServerCapabilities::default();
    capabilities.tools = Some(rmcp::model::ToolsCapability::default());
    capabilities
}

fn server(app: &App) -> Implementation {
    Implementation::new("plenary", env!("CARGO_PKG_VERSION")).with_title(app.config.site.name.clone())
}

/// Returns the metadata with which a result says which server made it.
fn server_meta(app: &App) -> Map<String, Value> {
    let info = serde_json::to_value(server(app)).unwrap_or_default();
    Map::from_iter([("io.modelcontextprotocol/serverInfo".to_owned(), info)])
}

/// Returns what a model is told about the server as a whole.
fn instructions(app: &App) -> String {
    let publication = match app.config.mcp.publish {
        true => "With an API key of an editor, drafts can be written, submitted and published.",
        false => "With an API key of an editor, drafts can be written and submitted for review; people publish them.",
    };
    format!(
        "The content of {}: events with their sessions, speakers, partners, venues, topics and series. Texts are in \
         {}, the first by default. {publication} Results are limited; each says how to get more. {DATA}",
        app.config.site.name,
        app.site.locales.join(", "),
    )
}
