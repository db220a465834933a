//! What new rules of time zones do to what is stored: local times stay, their instants are computed anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::prelude::*;
use serde_json::{Map, Value, json};

use super::{derive, rerender, write};
use crate::content::Site;
use crate::content::offsets::{self, RenewedTime};
use crate::database::connection::Part;
use crate::database::schema::{items, settings};
use crate::database::{Database, Db, new_id};
use crate::items::Item;
use crate::journal::{self, Author, Entry};
use crate::problem::{Kind, Problem};
use crate::resources::{ALL, Resource};
use crate::time_zone::rules;

/// The action under which the journal has it.
pub const ACTION: &str = "time_zone_rules";
/// The release by which the instants were computed that are stored.
const SETTING: &str = "time_zone_rules";
/// Is there while a node with older rules than [`SETTING`] may have written items since they were computed.
const STALE: &str = "time_zone_rules_stale";
/// Whether this process has older rules than those by which the database was computed.
static BEHIND: AtomicBool = AtomicBool::new(false);
/// Items that are looked at together.
const CHUNK: i64 = 500;
/// Items in a transaction, which is one step of the journal: other writers come in between.
const STEP: usize = 1_000;

/// An item whose times have other instants, or are shown with other offsets, than before.
struct MovedItem {
    content: Map<String, Value>,
    times: Vec<RenewedTime>,
}

/// Brings what is stored to the rules in use, if those are newer than the ones that it was computed by, or if
/// a node with older ones wrote since; says how many items changed. Nodes with older rules leave it alone.
///
/// # Errors
/// When the database fails; what was done until then stays, the rest is done at the next call.
pub async fn apply(database: &Database, site: &Arc<Site>) -> Result<usize, Problem> {
    let release = rules::current().release.clone();
    let (known, stale) =
        database.read(|c| Ok::<_, Problem>((recorded(c)?.unwrap_or_default(), setting(c, STALE)?))).await?;
    let behind = known > release;
    if behind && !BEHIND.swap(behind, Ordering::Relaxed) {
        // It may have written since another node brought the newer rules.
        database.write(|c| Ok::<_, Problem>(mark(c)?)).await?;
    }
    BEHIND.store(behind, Ordering::Relaxed);
    if behind || (known == release && stale.is_none()) {
        return Ok(0);
    }
    // Ready answers of another program differ for other reasons.
    let comparable = rerender::is_current(database, site).await?;
    let of_site = Arc::clone(site);
    let ids = database.read(move |c| moved_ids(c, &of_site, comparable)).await?;
    let mut parts: Vec<Vec<String>> = ids.chunks(STEP).map(<[String]>::to_vec).collect();
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    let (last, mut count) = (parts.len() - 1, 0);
    for (index, ids) in parts.into_iter().enumerate() {
        let (site, known, release, stale) = (Arc::clone(site), known.clone(), release.clone(), stale.clone());
        let step = Step { site, known, release, stale, comparable };
        count += database.write_content_long(move |c| step.run(c, &ids, index == last)).await?;
    }
    Ok(count)
}

/// The release that what is stored was computed by.
pub fn recorded(connection: &mut Db) -> QueryResult<Option<String>> {
    setting(connection, SETTING)
}

/// Notes that this process wrote an item by older rules than the database was computed by; nodes with newer ones
/// compute it anew. To be called within each transaction that writes an item with times.
pub fn mark_if_behind(connection: &mut Db, resource: &'static Resource) -> QueryResult<()> {
    match BEHIND.load(Ordering::Relaxed) && resource.has_span() {
        true => mark(connection),
        false => Ok(()),
    }
}

fn mark(connection: &mut Db) -> QueryResult<()> {
    set(connection, STALE, &new_id())
}

fn setting(connection: &mut Db, name: &str) -> QueryResult<Option<String>> {
    settings::table.find(name).select(settings::value).first(connection).optional()
}

fn set(connection: &mut Db, name: &str, value: &str) -> QueryResult<()> {
    diesel::delete(settings::table.find(name)).execute(connection)?;
    let row = (settings::name.eq(name), settings::value.eq(value));
    diesel::insert_into(settings::table).values(row).execute(connection).map(drop)
}

fn moved_ids(connection: &mut Db, site: &Site, comparable: bool) -> Result<Vec<String>, Problem> {
    let kinds: Vec<&str> = ALL.iter().filter(|resource| resource.has_span()).map(|resource| resource.kind).collect();
    let (mut ids, mut last) = (Vec::new(), String::new());
    loop {
        let rows: Vec<Item> = items::table
            .filter(items::id.gt(&last))
            .order(items::id)
            .limit(CHUNK)
            .select(Item::as_select())
            .load(connection)?;
        let Some(row) = rows.last() else { return Ok(ids) };
        last.clone_from(&row.id);
        let dated = rows.into_iter().filter(|row| kinds.contains(&row.kind.as_str()));
        ids.extend(dated.filter(|row| moved(site, row, comparable).is_some()).map(|row| row.id));
    }
}

/// What an item is by the rules in use, if that is something else than what is stored.
fn moved(site: &Site, item: &Item, comparable: bool) -> Option<MovedItem> {
    let resource = Resource::of_kind(&item.kind)?;
    let mut content = item.content();
    let times = offsets::renew(resource.fields, &mut content);
    let mut fresh = item.clone();
    derive::fill(&mut fresh, resource, &content, site, true);
    let elsewhere = (fresh.starts_at, fresh.ends_at) != (item.starts_at, item.ends_at);
    let shown = comparable && (fresh.card != item.card || fresh.detail != item.detail);
    (!times.is_empty() || elsewhere || shown).then_some(MovedItem { content, times })
}

/// One transaction.
struct Step {
    site: Arc<Site>,
    known: String,
    release: String,
    /// The mark of a node with older rules, as it was before items were looked at.
    stale: Option<String>,
    comparable: bool,
}

impl Step {
    fn run(&self, connection: &mut Db, ids: &[String], is_last: bool) -> Result<usize, Problem> {
        // A node with newer rules may have been faster; one with the same leaves nothing to do.
        if recorded(connection)?.is_some_and(|known| known > self.release) {
            return Ok(0);
        }
        let from = if self.known.is_empty() { "unknown" } else { &self.known };
        let author = Author {
            request_id: format!("time-zones-{}", new_id()),
            reason: Some(format!("time zone rules {from} → {}", self.release)),
            ..Author::default()
        };
        let (mut listed, mut places) = (Vec::new(), Vec::new());
        for id in ids {
            if let Some(entry) = self.move_item(connection, &author, id)? {
                places.push(format!("/{}/{id}", entry["kind"].as_str().unwrap_or_default()));
                listed.push(entry);
            }
        }
        if !listed.is_empty() {
            let snapshot = json!({"from": from, "to": self.release, "items": listed}).to_string();
            let entry =
                Entry { action: ACTION, kind: "site", id: "time_zones", version: 0, snapshot, changed: &places };
            journal::append(connection, &author, entry)?;
        }
        if is_last {
            set(connection, SETTING, &self.release)?;
            if let Some(seen) = &self.stale {
                let same = settings::name.eq(STALE).and(settings::value.eq(seen));
                diesel::delete(settings::table.filter(same)).execute(connection)?;
            }
        }
        Ok(listed.len())
    }

    /// Writes one item anew, and says what changed. One that cannot be written stays as it is: its times are
    /// read by the rules in use anyway.
    fn move_item(&self, connection: &mut Db, author: &Author, id: &str) -> Result<Option<Value>, Problem> {
        let item: Option<Item> = items::table.find(id).select(Item::as_select()).first(connection).optional()?;
        let Some(item) = item else { return Ok(None) };
        let Some(MovedItem { content, times }) = moved(&self.site, &item, self.comparable) else { return Ok(None) };
        let before = (item.starts_at, item.ends_at);
        connection.begin_part(Part::RECORD)?;
        let saved = match write::save(connection, &self.site, author, ACTION, item, &content) {
            Ok(saved) => saved,
            Err(problem) if matches!(problem.kind, Kind::Internal | Kind::Unavailable) => return Err(problem),
            Err(problem) => {
                connection.drop_part(Part::RECORD)?;
                tracing::error!(id, detail = problem.detail, "the times of an item could not be computed anew");
                return Ok(None);
            }
        };
        connection.keep_part(Part::RECORD)?;
        let times: Vec<Value> =
            times.iter().map(|time| json!({"at": time.pointer, "before": time.before, "after": time.after})).collect();
        let shown = json!(times);
        tracing::info!(kind = saved.kind, slug = saved.slug, times = %shown, "computed anew");
        let seconds = |before: i64, after: i64| (after.saturating_sub(before)) / 1_000_000;
        Ok(Some(json!({
            "kind": saved.kind, "id": saved.id, "slug": saved.slug, "times": times,
            "starts_later_by_seconds": seconds(before.0, saved.starts_at),
            "ends_later_by_seconds": seconds(before.1, saved.ends_at),
        })))
    }
}
