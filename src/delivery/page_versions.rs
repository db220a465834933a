//! The public versions of a page: what visitors saw under its address, and when. They are made of the journal, for pages
//! that say so (`public_versions`), such as terms of use that were accepted in an earlier version.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::translations::{Translations, visible};
use crate::content_types::pages::{PAGE, PUBLIC_VERSIONS};
use crate::database::Db;
use crate::database::compressed_text::compress;
use crate::database::schema::{items, journal};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::render::compose::{ComposedItem, compose};
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::{ReadContext, Shape};
use crate::items::{Item, projection};
use crate::journal::snapshot;

/// Maximum number of public versions of a page, the newest ones.
pub const MAX_VERSIONS: usize = 200;
/// Number of journal entries that are read at a time, and at most.
const CHUNK: i64 = 100;
const MAX_ENTRIES: i64 = 10_000;
/// The fields whose change makes a version for visitors: what they read on the page.
const READ: [&str; 5] = ["title", "summary", "image", "body", "blocks"];

/// A version of a page that was public.
#[derive(Debug, Clone)]
pub struct PublicPageVersion {
    /// Version of the item by which the text became public.
    pub version: i64,
    /// Time at which it became public (µs).
    pub from: i64,
    /// Time at which it was replaced or taken down (µs); `None` if it is still public.
    pub until: Option<i64>,
    /// The text, and the slugs and states of its translations.
    content: Map<String, Value>,
    translations: String,
    slug: String,
}

/// The place to which the address of a page leads.
#[derive(Debug)]
pub enum VersionedPage {
    /// The page, whose versions are public.
    Page(Box<Item>),
    /// The page has this slug now.
    Moved(String),
    /// There is none that visitors see, or its versions are not public.
    Absent,
}

/// Finds a public page by its id or slug, if its versions are public.
///
/// # Errors
///
/// Fails if a query fails.
pub fn find(connection: &mut Db, context: ReadContext<'_>, key: &str) -> QueryResult<VersionedPage> {
    let object = match find_item(connection, context, key)? {
        ItemLookup::Found { item, .. } => item.object,
        ItemLookup::Moved(slug) => return Ok(VersionedPage::Moved(slug)),
        ItemLookup::Absent => return Ok(VersionedPage::Absent),
    };
    let object: Map<String, Value> = serde_json::from_str(&object).unwrap_or_default();
    let Some(id) = object.get("id").and_then(Value::as_str) else { return Ok(VersionedPage::Absent) };
    let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    let is_open = item.live && item.content().get(PUBLIC_VERSIONS).and_then(Value::as_bool) == Some(true);
    Ok(if is_open { VersionedPage::Page(Box::new(item)) } else { VersionedPage::Absent })
}

/// Returns the public versions of a page, the newest first.
///
/// # Errors
///
/// Fails if a query fails.
pub fn versions(connection: &mut Db, item_id: &str) -> QueryResult<Vec<PublicPageVersion>> {
    let mut found: Vec<PublicPageVersion> = Vec::new();
    // Going back in time: whether the last version still grows, and when what came after the present entry began.
    let (mut is_open, mut after, mut before, mut read) = (false, None, i64::MAX, 0);
    while read < MAX_ENTRIES {
        let rows: Vec<(i64, i64, i64, Vec<u8>)> = journal::table
            .filter(journal::item_id.eq(item_id).and(journal::kind.eq(PAGE.kind)).and(journal::sequence.lt(before)))
            .order(journal::sequence.desc())
            .limit(CHUNK)
            .select((journal::sequence, journal::at, journal::version, journal::snapshot))
            .load(connection)?;
        let Some(last) = rows.last() else { break };
        (before, read) = (last.0, read + CHUNK);
        for (_, at, version, stored) in rows {
            match shown_by(&stored, (version, at, after)) {
                Some(earlier) if is_open && found.last().is_some_and(|later| is_same(later, &earlier)) => {
                    // What was written between is no part of what visitors read, so the first entry counts.
                    if let Some(later) = found.last_mut() {
                        *later = PublicPageVersion { until: later.until, ..earlier };
                    }
                }
                Some(_) if found.len() >= MAX_VERSIONS => return Ok(found),
                Some(earlier) => {
                    found.push(earlier);
                    is_open = true;
                }
                None => is_open = false,
            }
            after = Some(at);
        }
    }
    Ok(found)
}

/// Returns what an entry of the journal shows to visitors; `None` if the page was not public then.
fn shown_by(stored: &[u8], (version, from, until): (i64, i64, Option<i64>)) -> Option<PublicPageVersion> {
    let state: Value = serde_json::from_str(&snapshot::read(stored).ok()?).ok()?;
    let was_live = match state.get("live").and_then(Value::as_bool) {
        Some(live) => live,
        // Entries of earlier versions of the program do not say it.
        None => {
            let number = |name: &str| state.get(name).and_then(Value::as_i64).unwrap_or(0);
            state["status"] == "published" && number("trashed_at") == 0 && number("shown_at") > 0
        }
    };
    let translations = state.get("translations").map_or_else(|| "{}".to_owned(), Value::to_string);
    let content = state.get("content").and_then(Value::as_object).filter(|_| was_live)?;
    let content = visible(PAGE.fields, content, &Translations::parse(&translations)).into_owned();
    let slug = state["slug"].as_str().unwrap_or_default().to_owned();
    Some(PublicPageVersion { version, from, until, content, translations, slug })
}

fn is_same(one: &PublicPageVersion, other: &PublicPageVersion) -> bool {
    READ.iter().all(|name| one.content.get(*name) == other.content.get(*name))
}

/// Returns the title of a version.
pub fn title((site, shape): (&Site, &Shape), item: &Item, version: &PublicPageVersion) -> Value {
    let reference = LoadedItem::render(row_of(item, version), site, &shape.view).fragments.reference;
    let mut reference: Value = serde_json::from_str(&reference).unwrap_or_default();
    reference.get_mut(PAGE.label).map_or(Value::Null, Value::take)
}

/// Returns the row of a page as it was in a version.
fn row_of(item: &Item, version: &PublicPageVersion) -> Item {
    Item {
        slug: version.slug.clone(),
        version: version.version,
        updated_at: version.from,
        translations: version.translations.clone(),
        content: compress(&serde_json::to_string(&version.content).unwrap_or_default()),
        ..item.clone()
    }
}

/// Renders a version as visitors saw it. The items to which its blocks refer are shown as they are now, if they are public.
///
/// # Errors
///
/// Fails if a query fails.
pub fn render(
    connection: &mut Db,
    (site, shape): (&Site, &Shape),
    item: &Item,
    version: &PublicPageVersion,
) -> QueryResult<ComposedItem> {
    let row = row_of(item, version);
    let links = projection::links(&row.id, &PAGE, &version.content, &row.translations(), site);
    let loaded = LoadedItem { links: Some(links), ..LoadedItem::render(row, site, &shape.view) };
    let composed = compose(connection, ReadContext { content_type: &PAGE, site, shape }, &[loaded])?.pop();
    Ok(composed.unwrap_or_else(|| ComposedItem { object: String::new(), dependencies: Dependencies::default() }))
}
