//! Ready answers are computed when an item is written. When the program or the site's languages
//! changed since, they are computed anew, once, at start.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::{beside, derive};
use crate::content::Site;
use crate::database::schema::{items, settings};
use crate::database::{Database, DatabaseError, Db};
use crate::items::Item;
use crate::resources::{ALL, Resource};

/// Grows when answers are written in another way than before.
const RENDER_VERSION: u32 = 5;
/// Items in a transaction: other writers come in between.
const CHUNK: i64 = 500;
const SETTING: &str = "rendered_for";

/// Computes all ready answers anew if they were made under other circumstances; says how many.
pub async fn if_needed(database: &Database, site: &Site) -> Result<u64, DatabaseError> {
    if is_current(database, site).await? {
        return Ok(0);
    }
    let wanted = fingerprint(site);
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
            let row = (settings::name.eq(SETTING), settings::value.eq(wanted));
            diesel::insert_into(settings::table).values(row).execute(c)?;
            Ok::<_, DatabaseError>(())
        })
        .await?;
    Ok(count)
}

/// Whether all ready answers were made under the present circumstances.
///
/// # Errors
/// When the database fails.
pub async fn is_current(database: &Database, site: &Site) -> Result<bool, DatabaseError> {
    let have: Option<String> = database
        .read(|c| Ok::<_, DatabaseError>(settings::table.find(SETTING).select(settings::value).first(c).optional()?))
        .await?;
    Ok(have == Some(fingerprint(site)))
}

fn fingerprint(site: &Site) -> String {
    let mut hash = Sha256::new();
    hash.update(RENDER_VERSION.to_be_bytes());
    hash.update(format!("{:?} {}", site.locales, site.time_zone));
    for resource in ALL {
        hash.update(format!("{}{:?}{:?}", resource.kind, resource.fields, resource.filters));
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

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
        let Some(resource) = Resource::of_kind(&item.kind) else { continue };
        let content = item.content();
        // Neither state nor visibility changes here.
        let live = item.live;
        derive::fill(&mut item, resource, &content, site, true);
        item.live = live;
        diesel::update(items::table.find(&item.id)).set(&item).execute(connection)?;
        beside::update(connection, &item, resource, &content, site)?;
    }
    Ok(last.map(|id| (id, count)))
}
