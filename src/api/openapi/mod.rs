//! The OpenAPI document, generated from the routes. Both views of it are made of the same registration.

pub mod batch;
mod components;
mod custom_fields;
pub mod field_paths;
pub mod form_schemas;
mod input_schemas;
pub mod item_schemas;
pub mod layout_schemas;
mod names;
mod naming;
mod operations;
pub mod page_view;
mod reference_inputs;
pub mod response;
mod revision;
pub mod schemas;
mod sharing;
mod view;

use serde_json::Value;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, ServerBuilder};

use crate::api::content::items::with_site_parameters;
use crate::content::Site;
use crate::content_types::ALL;

pub use view::DocumentView;

const ABOUT: &str = "Headless CMS for events, speakers, partners and everything else that event pages show. Without \
credentials, reads return published content only; editors use the same addresses with `Authorization: Bearer`. Errors \
are RFC 9457 problems, which list every fault in the request with a pointer to its place. Unknown fields and unknown \
query parameters are rejected. Every `GET` operation supports `HEAD` too. Times are RFC 3339 texts with the UTC offset \
of their place; generate clients so that they keep it. Agents use `/mcp` (Model Context Protocol), which describes \
itself.";

/// Returns a view of the document of this site as JSON.
pub fn document(site: &Site, public_url: &str, view: DocumentView) -> Value {
    let mut routes = with_site_parameters(crate::api::routes(), site, view);
    routes.retain(|route| route.described && view.has(route));
    let info = InfoBuilder::new()
        .title(view.title())
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .contact(Some(ContactBuilder::new().name(Some("Plenary")).url(Some("https://example.org/plenary")).build()))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(public_url).description(Some("This server.")).build()]))
        .paths(operations::paths(&routes, view))
        .components(Some(components::components(&routes, site)))
        .tags(Some(tags(|tag| routes.iter().any(|route| operations::tag(route) == tag))))
        .build();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    naming::move_to_components(&mut document);
    custom_fields::insert(&mut document, site);
    sharing::share(&mut document);
    sharing::remove_unused(&mut document);
    document
}

/// Returns a view of the document as the text of a file.
pub fn to_text(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// Returns the tags that are in use.
fn tags(is_used: impl Fn(&str) -> bool) -> Vec<utoipa::openapi::Tag> {
    let mut tags: Vec<(&str, String)> = vec![
        ("Authentication", "Log-in, sessions, tokens, and the account of the client.".into()),
        ("Accounts", "Accounts of editors; for administrators.".into()),
        ("Search", "Full-text search over all content types.".into()),
        ("Sync", "Changes of the public content, for clients that keep a copy of it.".into()),
        ("Keys", "API keys of machines and of accounts.".into()),
        ("Audit", "Audit log of all changes; for administrators.".into()),
        ("Previews", "Links that show content before it is public.".into()),
        ("Batches", "Writes to many items that are made together, all or none.".into()),
        ("Imports", "Files of other systems, imported in the background; for administrators.".into()),
        ("Releases", "Changes to several items that go live together.".into()),
        ("Mail", "The log of mails, their templates, and what came back; for administrators.".into()),
        ("Newsletter", "Sign-up, preferences, subscribers, and the issues that are sent to them.".into()),
        ("Contact", "Contact forms of the website, and the inbox of their messages.".into()),
        (
            EDITING,
            "What editors do with items of any content type: history, comments, assignment, translations, references."
                .into(),
        ),
    ];
    tags.extend(ALL.iter().map(|r| (r.title_plural, r.about.to_owned())));
    tags.push(("Operations", "Health, metrics and documentation of the server; for operators.".into()));
    let used = tags.into_iter().filter(|(name, _)| is_used(name));
    used.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build()).collect()
}

/// The tag of operations that are the same for every content type.
pub const EDITING: &str = "Editing";
