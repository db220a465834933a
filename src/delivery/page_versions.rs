//! The public versions of a page: what visitors saw under its address, and when. They are made of the journal, for pages
//! that say so (`public_versions`), such as terms of use that were accepted in an earlier version.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::translations::{Translations, visible_content};
use crate::content_types::pages::{PAGE, PUBLIC_VERSIONS};
use crate::database::Db;
use crate::database::compressed_text::compress;
use crate::database::schema::{items, journal};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::render::compose::{ComposedItem, compose};
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::{ReadContext, Shape};
use crate::items::imported_versions::{self, ImportedVersion, PublicPeriod};
use crate::items::{Item, projection};
use crate::journal::snapshot;

/// Maximum number of public versions of a page, the newest ones.
pub const MAX_VERSIONS: usize = 200;
/// Maximum number of periods of a version: the newest ones and the first.
const MAX_PERIODS: usize = 100;
/// Number of journal entries that are read at a time, and at most.
const CHUNK: i64 = 100;
const MAX_ENTRIES: i64 = 10_000;
/// The fields whose change makes a version for visitors: what they read on the page.
const READ: [&str; 5] = ["title", "summary", "image", "body", "blocks"];

/// A version of a page that was public: a text, under the number of the item's version by which it first became public. A text
/// that was taken down and then published again, without another one between, is one version with several periods.
#[derive(Debug, Clone)]
pub struct PublicPageVersion {
    /// Version of the item by which the text became public.
    pub version: i64,
    /// When it was public, the newest period first; never empty.
    pub periods: Vec<PublicPeriod>,
    /// The text, in its stored form.
    pub content: Map<String, Value>,
    /// States of the translations.
    pub translations: String,
    /// Slug of the page then.
    pub slug: String,
}

impl PublicPageVersion {
    /// Returns the time at which the text first became public (µs).
    pub fn public_from(&self) -> i64 {
        self.periods.last().map_or(0, |period| period.from)
    }

    /// Returns the time at which it was last replaced or taken down (µs); `None` if it is still public.
    pub fn public_until(&self) -> Option<i64> {
        self.periods.first().and_then(|period| period.until)
    }

    /// Adds what was public before, under the same text. Nothing was written between if `is_open`.
    fn extend(&mut self, earlier: Self, is_open: bool) {
        let mut before = earlier.periods.into_iter();
        if is_open && let (Some(oldest), Some(period)) = (self.periods.last_mut(), before.next()) {
            oldest.from = period.from;
        }
        self.periods.extend(before);
        // The first period says since when there is the text.
        let left_out = self.periods.len().saturating_sub(MAX_PERIODS);
        if left_out > 0 {
            self.periods.drain(MAX_PERIODS - 1..MAX_PERIODS - 1 + left_out);
        }
        self.version = earlier.version;
    }
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

/// Returns the public versions of a page, the newest first. Their numbers differ, and stay the same.
///
/// # Errors
///
/// Fails if a query fails.
pub fn versions(connection: &mut Db, item_id: &str) -> QueryResult<Vec<PublicPageVersion>> {
    let mut found = VersionList::default();
    let (mut before, mut read) = (i64::MAX, 0);
    while read < MAX_ENTRIES {
        let rows: Vec<(i64, i64, i64, Vec<u8>)> = journal::table
            .filter(journal::item_id.eq(item_id).and(journal::kind.eq(PAGE.kind)).and(journal::sequence.lt(before)))
            .order(journal::sequence.desc())
            .limit(CHUNK)
            .select((journal::sequence, journal::at, journal::version, journal::snapshot))
            .load(connection)?;
        let Some(last) = rows.last() else {
            found.add_imported(imported_versions::of_page(connection, item_id)?);
            return Ok(found.versions);
        };
        (before, read) = (last.0, read + CHUNK);
        for (_, at, version, stored) in rows {
            if !found.add(at, shown_by(&stored, (version, at, found.after))) {
                return Ok(found.versions);
            }
        }
    }
    // The oldest one may have begun before what was read. Its number would change when there are more entries.
    if found.versions.len() > 1 {
        found.versions.pop();
    }
    Ok(found.versions)
}

/// The versions that were found so far, going back in time.
#[derive(Default)]
struct VersionList {
    versions: Vec<PublicPageVersion>,
    /// Whether the last version still grows: the entry before is the next one of its period.
    is_open: bool,
    /// Time at which what came after the present entry began (µs).
    after: Option<i64>,
}

impl VersionList {
    /// Adds what an entry at a time shows. Returns whether there is space for more.
    fn add(&mut self, at: i64, shown: Option<PublicPageVersion>) -> bool {
        self.after = Some(at);
        let Some(earlier) = shown else {
            self.is_open = false;
            return true;
        };
        let is_full = self.versions.len() >= MAX_VERSIONS;
        match self.versions.last_mut() {
            // What was written between is no part of what visitors read, so the first entry counts.
            Some(later) if is_same(later, &earlier) => later.extend(earlier, self.is_open),
            _ if is_full => return false,
            _ => self.versions.push(earlier),
        }
        self.is_open = true;
        true
    }

    /// Adds the versions with which the page came from another database, before the entries of this one.
    fn add_imported(&mut self, imported: Vec<ImportedVersion>) {
        for (index, version) in imported.into_iter().enumerate() {
            let mut earlier = of_import(version);
            let goes_on = index == 0 && earlier.public_until().is_none();
            let is_full = self.versions.len() >= MAX_VERSIONS;
            match self.versions.last_mut() {
                // The page came with the text that was public there.
                Some(later) if goes_on => later.extend(earlier, true),
                Some(later) if index == 0 && is_same(later, &earlier) => later.extend(earlier, false),
                _ if is_full => return,
                _ => {
                    if let Some(period) = earlier.periods.first_mut().filter(|period| period.until.is_none()) {
                        period.until = self.after;
                    }
                    self.versions.push(earlier);
                }
            }
        }
    }
}

fn of_import(version: ImportedVersion) -> PublicPageVersion {
    PublicPageVersion {
        version: version.version,
        periods: version.periods(),
        content: serde_json::from_str(&version.content).unwrap_or_default(),
        translations: version.translations,
        slug: version.slug,
    }
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
    let content = visible_content(PAGE.fields, content, &Translations::parse(&translations)).into_owned();
    let slug = state["slug"].as_str().unwrap_or_default().to_owned();
    Some(PublicPageVersion { version, periods: vec![PublicPeriod { from, until }], content, translations, slug })
}

/// Returns whether two versions are one for visitors. A version of an item has one text.
fn is_same(one: &PublicPageVersion, other: &PublicPageVersion) -> bool {
    one.version == other.version || READ.iter().all(|name| one.content.get(*name) == other.content.get(*name))
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
        updated_at: version.public_from(),
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
