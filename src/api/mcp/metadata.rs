//! The endpoint as a protected resource of OAuth (RFC 9728): where agents find the OpenID provider of their users.

use serde::Serialize;
use utoipa::ToSchema;

use super::require_enabled;
use crate::api::openapi::schemas::reference;
use crate::http::access::resource;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// Address of the metadata, by the address of the resource (RFC 9728, section 3.1).
pub const ADDRESS: &str = "/.well-known/oauth-protected-resource/mcp";
/// Address of the metadata for clients that do not look for that of the resource.
const COMMON_ADDRESS: &str = "/.well-known/oauth-protected-resource";

/// The metadata of a protected resource (RFC 9728).
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceMetadata {
    /// Identifier of the resource, its address.
    #[schema(format = "uri", example = "https://cms.example.org/mcp")]
    pub resource: String,
    /// Name of the resource for people.
    pub resource_name: String,
    /// Issuer identifiers of the servers whose access tokens the resource accepts.
    pub authorization_servers: Vec<String>,
    /// Ways in which a request presents a token.
    pub bearer_methods_supported: Vec<String>,
}

/// Returns the routes of the metadata.
pub fn routes() -> Vec<Route> {
    let route = |path: &'static str, id: &str| {
        Route::get(path, Access::Open, get)
            .operation_id(id)
            .tag("Authentication")
            .summary("Get the OAuth metadata of the endpoint of agents")
            .description(
                "Returns the metadata of `/mcp` as a protected resource (RFC 9728): the OpenID provider whose access \
                 tokens it accepts, if their audience is `resource`. Fails with 404 when no provider is configured, or \
                 agents are not admitted.",
            )
            .responds(200, "The metadata.", reference("ResourceMetadata"), &["Cache-Control"])
            .problems(&[ProblemKind::NotFound])
    };
    vec![route(ADDRESS, "getResourceMetadata"), route(COMMON_ADDRESS, "getCommonResourceMetadata")]
}

async fn get(request: Request) -> Result<Response, Problem> {
    require_enabled(&request.app)?;
    let config = &request.app.config;
    if !request.app.oidc.is_configured() {
        return Err(Problem::new(ProblemKind::NotFound, "no OpenID provider is configured"));
    }
    let metadata = ResourceMetadata {
        resource: resource(&request.app, super::ADDRESS),
        resource_name: config.site.name.clone(),
        authorization_servers: vec![config.oidc.issuer.clone()],
        bearer_methods_supported: vec!["header".to_owned()],
    };
    Ok(Response::json(200, &metadata)?.header("cache-control", "public, max-age=3600"))
}
