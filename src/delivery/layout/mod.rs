//! The layout: everything that all pages of the website have in common, in one response. The settings of the site, the
//! menus with the addresses of what they lead to, the announcements that are due, and the legal pages.
//!
//! What other kinds of content add to all pages belongs into [`layout`], with its content type in [`PARTS`].

mod announcements;
mod legal_pages;
mod links;
mod menus;
mod parts;

use diesel::result::{Error, QueryResult};
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::local_time::{next_year, year_at};
use crate::content_types::pages::PAGE;
use crate::content_types::{ANNOUNCEMENT, MENU, SITE_SETTINGS};
use crate::database::Db;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::layout::links::{LayoutLinks, LinkTargets};
use crate::delivery::viewer::Viewer;
use crate::delivery::{ReadContext, Shape};
use crate::items::unsaved_site::{SITE_ID, SITE_SLUG};

/// The kinds of content of which the layout consists, besides the items to which its links lead.
const PARTS: [&str; 4] = [SITE_SETTINGS.kind, MENU.kind, ANNOUNCEMENT.kind, PAGE.kind];

/// The circumstances of a layout.
#[derive(Clone, Copy)]
pub struct LayoutContext<'a> {
    pub site: &'a Site,
    /// Representation, with the viewer for whom the layout is rendered.
    pub shape: &'a Shape,
    /// Locale of the texts and of the addresses.
    pub locale: &'a str,
    /// Moment that the layout shows (µs).
    pub now: i64,
}

/// A layout.
#[derive(Debug)]
pub struct Layout {
    /// JSON object.
    pub object: String,
    /// Content types and items that the object depends on.
    pub dependencies: Dependencies,
    /// Next moment at which the layout changes without a change of content (µs): a new year, or the begin or end of an
    /// announcement.
    pub changes_at: i64,
}

/// Composes the layout.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn layout(connection: &mut Db, context: LayoutContext<'_>) -> QueryResult<Layout> {
    let mut dependencies = Dependencies::on_kinds(PARTS);
    let settings = settings(connection, context, &mut dependencies)?;
    let menus = menus::load(connection, context)?;
    let (announcements, next) = announcements::load(connection, context)?;
    let legal_pages = legal_pages::load(connection, context)?;
    let linking = LayoutLinks { menus: &menus, announcements: &announcements, legal_pages: &legal_pages };
    let targets = LinkTargets::load(connection, context, linking, &mut dependencies)?;
    let mut object = Map::new();
    object.insert("locale".to_owned(), context.locale.into());
    object.insert("site".to_owned(), settings.into());
    object.insert("menus".to_owned(), menus::render(&menus, &targets));
    object.insert("announcements".to_owned(), announcements::render(announcements, &targets));
    object.insert("legal_pages".to_owned(), legal_pages::render(&legal_pages, &targets));
    let changes_at = next_year(context.now, context.site.time_zone).min(next.unwrap_or(i64::MAX));
    Ok(Layout { object: Value::Object(object).to_string(), dependencies, changes_at })
}

/// Returns the settings of the site.
fn settings(
    connection: &mut Db,
    context: LayoutContext<'_>,
    dependencies: &mut Dependencies,
) -> QueryResult<Map<String, Value>> {
    let is_previewed = matches!(&context.shape.viewer, Viewer::Link { item_id } if item_id == SITE_ID);
    let mut shape = context.shape.clone();
    (shape.draft, shape.view.unpublished) = (is_previewed, is_previewed);
    let read = ReadContext { content_type: &SITE_SETTINGS, site: context.site, shape: &shape };
    let ItemLookup::Found { item, .. } = find_item(connection, read, SITE_SLUG)? else { return Err(Error::NotFound) };
    dependencies.add(&item.dependencies);
    let mut settings: Map<String, Value> = serde_json::from_str(&item.object).unwrap_or_default();
    settings.insert("current_year".to_owned(), year_at(context.now, context.site.time_zone).into());
    Ok(settings)
}
