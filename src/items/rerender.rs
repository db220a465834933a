//! The renewal of everything that is derived from stored content.
//!
//! Rendered JSON and derived columns are computed when an item is written. If the program renders in another
//! way since, or the site's languages or time zone have changed, they are computed again for all items, once,
//! at start. So is the HTML of rich text, also that of working drafts.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::content::{Site, rich_text_fields};
use crate::content_types::{ALL, ContentType};
use crate::database::schema::{drafts, items, settings};
use crate::database::{Database, DatabaseError, Db};
use crate::hex::hex;
use crate::items::Item;
use crate::items::store::store;
use crate::items::{paths, projection, side_tables, working_draft};

/// Version of the rendering. It must be increased whenever the same content is rendered in another way; a
/// change of the declared fields, filters and sort keys is noticed without it.
const RENDER_VERSION: u32 = 9;
/// Number of items in one transaction; other writes come in between.
const CHUNK: i64 = 500;
/// The row of `settings` with the fingerprint under which everything was rendered.
const SETTING: &str = "rendered_for";

/// Renders all items again if they were rendered under another fingerprint, and returns how many.
///
/// The new fingerprint is stored last. If the program ends before, the next start renders everything again.
/// Versions stay and no journal entry is written, since nobody has changed the content.
///
/// # Errors
///
/// Fails if the database fails.
pub async fn if_needed(database: &Database, site: &Site) -> Result<u64, DatabaseError> {
    if is_current(database, site).await? {
        return Ok(0);
    }
    let current = fingerprint(site);
    let (mut last, mut count) = (String::new(), 0);
    loop {
        let site = site.clone();
        let after = last.clone();
        let done = database.write_content(move |c| chunk(c, &site, &after)).await?;
        let Some((id, rows)) = done else { break };
        (last, count) = (id, count + rows);
    }
    database
        .write(move |c| {
            diesel::delete(settings::table.find(SETTING)).execute(c)?;
            let row = (settings::name.eq(SETTING), settings::value.eq(current));
            diesel::insert_into(settings::table).values(row).execute(c)?;
            Ok::<_, DatabaseError>(())
        })
        .await?;
    Ok(count)
}

/// Returns whether all items were rendered under the current fingerprint.
///
/// # Errors
///
/// Fails if the database fails.
pub async fn is_current(database: &Database, site: &Site) -> Result<bool, DatabaseError> {
    let have: Option<String> = database
        .read(|c| Ok::<_, DatabaseError>(settings::table.find(SETTING).select(settings::value).first(c).optional()?))
        .await?;
    Ok(have == Some(fingerprint(site)))
}

/// Returns a hash of the circumstances of rendering: the version of the code, the site's languages with
/// their fallbacks and time zone, and the declared fields, filters and sort keys of all kinds.
fn fingerprint(site: &Site) -> String {
    let mut hash = Sha256::new();
    hash.update(RENDER_VERSION.to_be_bytes());
    hash.update(format!("{:?} {} {:?}", site.locales, site.time_zone, site.fallback));
    for content_type in ALL {
        let ContentType { kind, fields, filters, sorts, .. } = content_type;
        hash.update(format!("{kind}{fields:?}{filters:?}{sorts:?}"));
    }
    hex(&hash.finalize())
}

/// Renders the items with the next ids after `after`. Returns the last id and the number of items, or `None`
/// at the end. Walking by id, unlike an offset, stays correct while items are created and deleted in between.
fn chunk(connection: &mut Db, site: &Site, after: &str) -> Result<Option<(String, u64)>, DatabaseError> {
    let rows: Vec<Item> = items::table
        .filter(items::id.gt(after))
        .order(items::id)
        .limit(CHUNK)
        .select(Item::as_select())
        .load(connection)?;
    let count = rows.len() as u64;
    let last = rows.last().map(|row| row.id.clone());
    for mut item in rows {
        let Some(content_type) = ContentType::of_kind(&item.kind) else { continue };
        let mut content = item.content();
        rich_text_fields::renew(content_type.fields, &mut content);
        // Visibility must not change here, so whether the parent is visible is not looked up.
        let live = item.live;
        projection::fill(&mut item, content_type, &content, site, true);
        item.live = live;
        store(connection, &item)?;
        side_tables::update(connection, &item, content_type, &content, site)?;
        if content_type.has_paths()
            && let Err(fault) = paths::update(connection, site, &item.id)?
        {
            tracing::warn!(item = item.id, ?fault, "a page keeps the paths that it has");
        }
        renew_draft(connection, &item, content_type)?;
    }
    Ok(last.map(|id| (id, count)))
}

/// Makes the HTML in the working draft of an item again.
fn renew_draft(connection: &mut Db, item: &Item, content_type: &'static ContentType) -> Result<(), DatabaseError> {
    let Some(draft) = working_draft::find(connection, item)? else { return Ok(()) };
    let mut content = draft.content();
    rich_text_fields::renew(content_type.fields, &mut content);
    let text = serde_json::to_string(&content).unwrap_or_default();
    if text != draft.content {
        diesel::update(drafts::table.find(&item.id)).set(drafts::content.eq(text)).execute(connection)?;
    }
    Ok(())
}
