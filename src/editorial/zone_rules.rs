//! The update of stored items to a new release of the time zone rules: local times stay, and their UTC
//! offsets and instants are computed again.
//!
//! Local time is the truth: an event at nine stays at nine when its country changes the clock. Nodes can have
//! rules of different releases while they are upgraded. Only a newer release than the recorded one changes
//! items, so nodes do not undo each other's work. A node with older rules marks the database when it writes
//! items with times ([`mark_if_behind`]), and a node with newer rules then looks through all items again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::prelude::*;
use serde_json::{Map, Value, json};

use super::write;
use super::write_context::WriteContext;
use crate::content::Site;
use crate::content::offsets::{self, RenewedTime};
use crate::content_types::{ALL, ContentType};
use crate::database::connection::Savepoint;
use crate::database::schema::{items, settings};
use crate::database::{Database, Db, new_id};
use crate::items::{Item, projection, read_detail, rerender};
use crate::journal::{self, Author, NewEntry};
use crate::microseconds::SECOND;
use crate::problem::{Problem, ProblemKind};
use crate::time_zone::rules;

/// The journal's action for the update.
pub const ACTION: &str = "time_zone_rules";
/// The row of `settings` with the release of the rules by which stored instants were computed.
const SETTING: &str = "time_zone_rules";
/// The row of `settings` that exists while a node with older rules than those of [`SETTING`] may have written
/// items. Each mark has another value, so that a mark which is set during an update is not deleted at its
/// end.
const STALE: &str = "time_zone_rules_stale";
/// Whether the rules of this process are older than those by which stored instants were computed.
static BEHIND: AtomicBool = AtomicBool::new(false);
/// Number of items that are read together.
const CHUNK: i64 = 500;
/// Number of items in one transaction and one summarising journal entry; other writes come in between.
const STEP: usize = 1_000;

/// An item whose times have other instants, or other offsets in responses, under the rules in use.
struct MovedItem {
    content: Map<String, Value>,
    times: Vec<RenewedTime>,
}

/// Updates stored items to the rules in use if these are newer than the recorded release, or if a node with
/// older rules has written since. Returns how many items changed. A node with older rules changes nothing.
///
/// # Errors
///
/// Fails if the database fails. Finished transactions stay, and the next call does the rest.
pub async fn apply(database: &Database, site: &Arc<Site>) -> Result<usize, Problem> {
    let release = rules::current_rules().release.clone();
    let (known, stale) =
        database.read(|c| Ok::<_, Problem>((load_recorded(c)?.unwrap_or_default(), setting(c, STALE)?))).await?;
    let behind = known > release;
    if behind && !BEHIND.swap(behind, Ordering::Relaxed) {
        // This process may have written items by its older rules after another node recorded newer ones and
        // before it noticed that here, so the mark is set at the transition.
        database.write(|c| Ok::<_, Problem>(mark(c)?)).await?;
    }
    BEHIND.store(behind, Ordering::Relaxed);
    if behind || (known == release && stale.is_none()) {
        return Ok(0);
    }
    // Rendered JSON can be compared only if this program rendered it; otherwise it differs for other reasons.
    let comparable = rerender::is_current(database, site).await?;
    let of_site = Arc::clone(site);
    let ids = database.read(move |c| moved_ids(c, &of_site, comparable)).await?;
    let mut parts: Vec<Vec<String>> = ids.chunks(STEP).map(<[String]>::to_vec).collect();
    // Without any item to change there is still one transaction, which records the release and clears the
    // mark.
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    let (last, mut count) = (parts.len() - 1, 0);
    for (index, ids) in parts.into_iter().enumerate() {
        let (site, known, release, stale) = (Arc::clone(site), known.clone(), release.clone(), stale.clone());
        let step = UpdateStep { site, known, release, stale, comparable };
        count += database.write_content_long(move |c| step.run(c, &ids, index == last)).await?;
    }
    Ok(count)
}

/// Returns the release of the rules by which stored instants were computed.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_recorded(connection: &mut Db) -> QueryResult<Option<String>> {
    setting(connection, SETTING)
}

/// Marks the database if this process writes an item with times while its rules are older than the recorded
/// ones. It must be called in every transaction that writes an item, so that the mark is committed with it.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn mark_if_behind(connection: &mut Db, content_type: &'static ContentType) -> QueryResult<()> {
    match BEHIND.load(Ordering::Relaxed) && content_type.span.is_some() {
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

/// Returns the ids of all items that the rules in use change. They are read outside of any write transaction,
/// which then touches only those items and checks each again.
fn moved_ids(connection: &mut Db, site: &Site, comparable: bool) -> Result<Vec<String>, Problem> {
    let kinds: Vec<&str> =
        ALL.iter().filter(|content_type| content_type.span.is_some()).map(|content_type| content_type.kind).collect();
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
        ids.extend(dated.filter(|row| recompute_item(site, row, comparable).is_some()).map(|row| row.id));
    }
}

/// Returns an item as it is under the rules in use, or `None` if nothing of it changes.
fn recompute_item(site: &Site, item: &Item, comparable: bool) -> Option<MovedItem> {
    let content_type = ContentType::of_kind(&item.kind)?;
    let mut content = item.content();
    let times = offsets::renew(content_type.fields, &mut content);
    let mut fresh = item.clone();
    projection::fill(&mut fresh, content_type, &content, site, true);
    let elsewhere = (fresh.starts_at, fresh.ends_at) != (item.starts_at, item.ends_at);
    let shown = comparable && (fresh.card != item.card || read_detail(&fresh.detail) != read_detail(&item.detail));
    (!times.is_empty() || elsewhere || shown).then_some(MovedItem { content, times })
}

/// One transaction of the update.
struct UpdateStep {
    site: Arc<Site>,
    /// The release that was recorded before.
    known: String,
    /// The release in use.
    release: String,
    /// The value of the mark before the items were read, if there was one.
    stale: Option<String>,
    comparable: bool,
}

impl UpdateStep {
    /// Updates these items and returns how many changed. The last transaction records the release: if the
    /// update is interrupted before, it starts anew.
    fn run(&self, connection: &mut Db, ids: &[String], is_last: bool) -> Result<usize, Problem> {
        // Another node may have applied newer rules since; those of this one must not undo that. A node with
        // the same rules needs no test: its work leaves no item that would change.
        if load_recorded(connection)?.is_some_and(|known| known > self.release) {
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
                NewEntry { action: ACTION, kind: "site", id: "time_zones", version: 0, snapshot, changed: &places };
            journal::append(connection, &author, entry)?;
        }
        if is_last {
            set(connection, SETTING, &self.release)?;
            // Only the mark that was seen before is deleted. One that was set since belongs to a write that
            // this update may have missed.
            if let Some(seen) = &self.stale {
                let same = settings::name.eq(STALE).and(settings::value.eq(seen));
                diesel::delete(settings::table.filter(same)).execute(connection)?;
            }
        }
        Ok(listed.len())
    }

    /// Saves one item under the rules in use and returns the changes for the journal. An item that cannot be
    /// saved is logged and stays as it is: its times are read by the rules in use anyway.
    fn move_item(&self, connection: &mut Db, author: &Author, id: &str) -> Result<Option<Value>, Problem> {
        let item: Option<Item> = items::table.find(id).select(Item::as_select()).first(connection).optional()?;
        let Some(item) = item else { return Ok(None) };
        let Some(MovedItem { content, times }) = recompute_item(&self.site, &item, self.comparable) else {
            return Ok(None);
        };
        let before = (item.starts_at, item.ends_at);
        connection.set_savepoint(Savepoint::RECORD)?;
        let context = WriteContext::without_role(&self.site, author);
        let saved = match write::save(connection, context, ACTION, item, &content) {
            Ok(saved) => saved,
            Err(problem) if matches!(problem.kind, ProblemKind::Internal | ProblemKind::Unavailable) => {
                return Err(problem);
            }
            Err(problem) => {
                connection.rollback_to_savepoint(Savepoint::RECORD)?;
                tracing::error!(id, detail = problem.detail, "times of an item could not be updated to the new rules");
                return Ok(None);
            }
        };
        connection.release_savepoint(Savepoint::RECORD)?;
        let times: Vec<Value> =
            times.iter().map(|time| json!({"at": time.pointer, "before": time.before, "after": time.after})).collect();
        let shown = json!(times);
        tracing::info!(kind = saved.kind, slug = saved.slug, times = %shown, "times updated to the new rules");
        let seconds = |before: i64, after: i64| (after.saturating_sub(before)) / SECOND;
        Ok(Some(json!({
            "kind": saved.kind, "id": saved.id, "slug": saved.slug, "times": times,
            "starts_later_by_seconds": seconds(before.0, saved.starts_at),
            "ends_later_by_seconds": seconds(before.1, saved.ends_at),
        })))
    }
}
