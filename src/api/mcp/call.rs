//! Tool calls: a request to a route of the API, its response within the bounds of a result.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, Opts};
use rmcp::model::CallToolResult;
use serde_json::{Map, Value};

use super::arguments::{self, ToolRequest, point_to_arguments};
use super::outcome::{self, MAX_RESULT_BYTES, ToolOutput};
use super::tool::{AgentTool, Paging};
use super::toolbox::Toolbox;
use crate::auth::actor::Actor;
use crate::http::internal_request::{self, InternalRequest};
use crate::http::pipeline::problem_body;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::Route;
use crate::metrics::register;
use crate::problem::{Problem, ProblemKind};

/// Number of tool calls, by tool and outcome: `ok`, or `refused` with a problem.
static CALLS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let opts = Opts::new("plenary_mcp_calls_total", "Tool calls of agents, by tool and outcome.");
    register(IntCounterVec::new(opts, &["tool", "outcome"]))
});

/// Calls a tool. Refusals of the request are results, which the model sees; they name the arguments at fault.
///
/// # Errors
/// 401 if the tool requires an account, so that the client asks for one; 500 and 503 if the server fails.
pub async fn call(
    toolbox: &Toolbox,
    request: &Request,
    tool: &'static AgentTool,
    arguments: &Map<String, Value>,
) -> Result<CallToolResult, Problem> {
    if request.actor.is_none() && toolbox.is_for_editors(&request.app, tool) {
        return Err(Problem::new(ProblemKind::Unauthorized, "this tool requires an access token or an API key"));
    }
    let result = match run(toolbox, request, tool, arguments).await {
        Err(problem) if problem.kind.status() < 500 => {
            outcome::refusal(&problem_body(&request.app, request.http.path(), &problem, &request.id))
        }
        result => result?,
    };
    let word = if result.is_error == Some(true) { "refused" } else { "ok" };
    CALLS.with_label_values(&[tool.name, word]).inc();
    Ok(result)
}

async fn run(
    toolbox: &Toolbox,
    request: &Request,
    tool: &'static AgentTool,
    arguments: &Map<String, Value>,
) -> Result<CallToolResult, Problem> {
    let app = &request.app;
    let parsed = arguments::read(tool, arguments, app.config.mcp.publish).map_err(Problem::bad_request)?;
    let Some(route) = toolbox.route(app, tool.method, &parsed.path) else {
        return Err(Problem::internal(&format!("the tool {} has no route {}", tool.name, parsed.path)));
    };
    let mut internal = internal_request(request, tool, route, parsed);
    let ask = async |internal: &InternalRequest| {
        internal_request::respond(app, route, internal.clone()).await.map_err(|mut problem| {
            point_to_arguments(tool, &mut problem.errors);
            problem
        })
    };
    let response = ask(&internal).await?;
    let response = match new_slug(&response) {
        // The item has another slug now.
        Some(slug) => {
            set(&mut internal.parameters, "id_or_slug", slug);
            ask(&internal).await?
        }
        None => response,
    };
    let mut output = ToolOutput::from_response(tool, response);
    let mut notes = Vec::new();
    while output.is_too_large()
        && let Some(limit) = smaller_limit(&internal, output.body.len())
    {
        set(&mut internal.query_pairs, "limit", limit.to_string());
        output = ToolOutput::from_response(tool, ask(&internal).await?);
        notes =
            vec![format!("`limit` was reduced to {limit}, so that the result has at most {MAX_RESULT_BYTES} bytes.")];
    }
    finish(Finish { tool, request, route, internal: &internal }, &output, notes)
}

/// Returns the request to a route that a call becomes, with the rights of an agent.
fn internal_request(
    request: &Request,
    tool: &'static AgentTool,
    route: &Route,
    parsed: ToolRequest,
) -> InternalRequest {
    let ToolRequest { parameters, mut query_pairs, headers, body, .. } = parsed;
    for (name, value) in tool.defaults {
        let is_known = route.parameters.iter().any(|parameter| parameter.name == *name);
        if is_known && !query_pairs.iter().any(|(given, _)| given == name) {
            query_pairs.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    let may_publish = request.app.config.mcp.publish;
    let actor = request.actor.clone().map(|actor| match may_publish {
        true => actor,
        false => Actor { role: actor.role.of_agent(), ..actor },
    });
    InternalRequest { actor, id: request.id.clone(), parameters, query_pairs, headers, body }
}

/// Returns the present slug of an item that was asked for by a former one.
fn new_slug(response: &Response) -> Option<String> {
    let location = response.headers.iter().find(|(name, _)| name == "location").filter(|_| response.status == 308);
    let path = location?.1.to_str().ok()?.split('?').next()?;
    path.rsplit('/').next().map(str::to_owned)
}

/// Returns a limit with which the result is probably small enough; `None` if there is none.
fn smaller_limit(internal: &InternalRequest, bytes: usize) -> Option<usize> {
    let limit: usize = internal.query_pairs.iter().find(|(name, _)| name == "limit")?.1.parse().ok()?;
    (limit > 1).then(|| (limit * MAX_RESULT_BYTES / bytes).min(limit - 1).max(1))
}

fn set(pairs: &mut Vec<(String, String)>, name: &str, value: String) {
    match pairs.iter_mut().find(|(given, _)| given == name) {
        Some((_, old)) => *old = value,
        None => pairs.push((name.to_owned(), value)),
    }
}

/// A call whose response is there.
struct Finish<'a> {
    tool: &'static AgentTool,
    request: &'a Request,
    route: &'a Route,
    internal: &'a InternalRequest,
}

/// Makes the result of a response, with its notes.
fn finish(call: Finish<'_>, output: &ToolOutput, mut notes: Vec<String>) -> Result<CallToolResult, Problem> {
    let Finish { tool, request, route, internal } = call;
    let text = match output.is_too_large() {
        false => String::from_utf8(output.body.to_vec()).map_err(|error| Problem::internal(&error))?,
        true => {
            let too_large = format!("the result has {} bytes of at most {MAX_RESULT_BYTES}", output.body.len());
            let short = outcome::shorten_json(&output.body);
            let (text, note) = short.ok_or_else(|| Problem::new(ProblemKind::TooLarge, too_large))?;
            notes.push(note);
            text
        }
    };
    if tool.paging != Paging::Whole {
        let offset =
            internal.query_pairs.iter().find(|(name, _)| name == "offset").and_then(|(_, value)| value.parse().ok());
        notes.extend(outcome::continuation(tool.paging, &output.body, offset.unwrap_or(0)));
    }
    if let Some(version) = output.version.filter(|_| request.actor.is_some()) {
        notes.push(format!("This is version {version} of the item, for the argument `version` of a change."));
    }
    if output.media_type.starts_with("text/calendar") {
        let public_url = request.app.config.base_url();
        notes.push(format!(
            "Calendar programs can subscribe to {public_url}{}.",
            internal_request::target(route, internal)
        ));
    }
    Ok(outcome::result(text, notes))
}
