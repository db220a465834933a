//! The tools of this site: their routes, and their definitions for those who may use them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use rmcp::model::{CacheScope, ListToolsResult, Tool, ToolAnnotations};

use super::schemas::ToolSchemas;
use super::tool::{AgentTool, DATA, TOOLS};
use crate::api::openapi::response;
use crate::app::App;
use crate::auth::actor::Actor;
use crate::http::access::require_role;
use crate::http::route::Route;

/// Time for which clients may keep the list of tools, in milliseconds.
const LIST_LIFETIME_MS: u64 = 300_000;

/// The tools of a site. Everything is made at its first use.
#[derive(Default)]
pub struct Toolbox {
    routes: OnceLock<HashMap<String, Route>>,
    public: OnceLock<Vec<Tool>>,
    of_editors: OnceLock<Vec<Tool>>,
}

impl Toolbox {
    /// Returns the route with this method and path.
    pub fn route(&self, app: &Arc<App>, method: &str, path: &str) -> Option<&Route> {
        let all = || response::routes(app).into_iter().map(|route| (key(route.method.as_str(), &route.path), route));
        self.routes.get_or_init(|| all().collect()).get(&key(method, path))
    }

    /// Returns the tools that a client may use.
    pub fn list(&self, app: &Arc<App>, actor: Option<&Actor>) -> ListToolsResult {
        let place = if actor.is_some() { &self.of_editors } else { &self.public };
        let all = place.get_or_init(|| {
            let schemas = ToolSchemas::read(app);
            TOOLS.iter().map(|tool| definition(&schemas, tool, actor.is_some())).collect()
        });
        let permitted = TOOLS.iter().zip(all).filter(|(tool, _)| self.permits(app, tool, actor));
        let scope = if actor.is_some() { CacheScope::Private } else { CacheScope::Public };
        let tools = permitted.map(|(_, definition)| definition.clone()).collect();
        ListToolsResult::with_all_items(tools).with_ttl_ms(LIST_LIFETIME_MS).with_cache_scope(scope)
    }

    /// Returns whether a client may call a tool, by the route that it calls for events.
    fn permits(&self, app: &Arc<App>, tool: &AgentTool, actor: Option<&Actor>) -> bool {
        let path =
            (tool.path)(&serde_json::Map::new()).replace("{collection}", "events").replace("{operation}", "submit");
        // A key that is restricted to other collections may use the tool for these.
        self.route(app, tool.method, &path).is_some_and(|route| require_role(route.access, actor).is_ok())
    }

    /// Returns whether a tool is one of editors: anonymous clients may not call it.
    pub fn is_for_editors(&self, app: &Arc<App>, tool: &AgentTool) -> bool {
        !self.permits(app, tool, None)
    }
}

fn key(method: &str, path: &str) -> String {
    format!("{method} {path}")
}

fn definition(schemas: &ToolSchemas, tool: &'static AgentTool, for_editors: bool) -> Tool {
    let annotations = ToolAnnotations::from_raw(
        Some(tool.title.to_owned()),
        Some(tool.is_read()),
        // Nothing is overwritten: each write names the version that it is based on, and the history keeps all.
        Some(false),
        Some(tool.is_read()),
        Some(false),
    );
    let about = format!("{} {DATA}", tool.about);
    Tool::new(tool.name, about, schemas.input(tool, for_editors)).with_title(tool.title).with_annotations(annotations)
}
