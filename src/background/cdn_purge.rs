//! Purging of shared caches in front of the server: the cache tags of responses, and the job that purges
//! them.
//!
//! A response carries the names of the collections and the ids of the items that it depends on
//! ([`crate::delivery::cache::dependencies`]), and a change of an item purges its id and its collection. So a response that a
//! shared cache keeps for long is right a moment after each write, as in the cache of this node (see
//! [`crate::delivery::cache::response_cache`]).

use std::sync::{Arc, Weak};
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::json;

use crate::app::App;
use crate::config::CdnConfig;
use crate::content_types::{ALL, ContentType};
use crate::database::backup::PURGED_UP_TO as SETTING;
use crate::database::position::Position;
use crate::database::schema::{journal, settings};
use crate::database::{DatabaseError, Db};
use crate::jobs::BackgroundJob;
use crate::journal::newest_sequence;
use crate::search::SEARCH_INDEX;

/// Interval at which the journal is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Delay after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of journal entries that are purged at a time, and of tags in a request.
const MAX_ENTRIES: i64 = 500;
const MAX_TAGS: usize = 100;
/// Progress of this node in purging.
#[derive(Default)]
struct PurgeProgress {
    /// Sequence number of the last journal entry that was purged.
    up_to: Option<i64>,
    /// Identity of that entry: after a restore or a failover, another entry can have its number.
    position: Option<Position>,
    /// Time of the invalidation clock at which the search index last changed.
    index_changed_at: u64,
}

/// A journal entry: its sequence number, and the content type and id of its item.
pub type JournalChange = (i64, String, String);

/// Purges shared caches until the application ends, if there are any.
///
/// Every node purges for itself. If only one did, a cache could fetch the response anew from a node that has
/// not noticed the change yet, and keep it. Purging twice does no harm, so a purge that may have failed is
/// repeated.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut progress = PurgeProgress::default();
    loop {
        let Some(app) = app.upgrade() else { return };
        if app.config.cdn.purge_url.is_empty() {
            return;
        }
        job.begin();
        let pause = match step(&app, &mut progress).await {
            Ok(entries) => {
                job.succeed();
                pause_after(entries)
            }
            Err(reason) => {
                tracing::warn!(reason, "purging shared caches failed; it is tried again");
                job.fail("shared caches cannot be purged");
                RETRY_DELAY
            }
        };
        drop(app);
        tokio::time::sleep(pause).await;
    }
}

/// Returns the pause after a step with this many journal entries. There may be more already after as many as a step takes, as
/// when many items are written at once.
fn pause_after(entries: usize) -> Duration {
    if i64::try_from(entries) == Ok(MAX_ENTRIES) { Duration::ZERO } else { POLL_INTERVAL }
}

/// Purges what changed since the last step. Returns the number of journal entries that it read.
async fn step(app: &App, progress: &mut PurgeProgress) -> Result<usize, String> {
    let to_text = |error: DatabaseError| error.to_string();
    let before = progress.position;
    if let Some(newest) = app.database.read(move |c| newest_after_reset(c, before)).await.map_err(to_text)? {
        purge_all(app, all_tags()).await?;
        app.database.write(move |c| overwrite_progress(c, newest.sequence)).await.map_err(to_text)?;
        *progress = PurgeProgress {
            up_to: Some(newest.sequence),
            position: Some(newest),
            index_changed_at: progress.index_changed_at,
        };
        return Ok(0);
    }
    let from = match progress.up_to {
        Some(up_to) => up_to,
        None => app.database.read(first_entry).await.map_err(to_text)?,
    };
    // Read before the journal: an index that changes in between is purged for again in the next step.
    let index_changed_at = app.database.invalidation_clock().last_change(SEARCH_INDEX);
    let changes = app.database.read(move |c| Ok(changes(c, from)?)).await.map_err(to_text)?;
    // Recorded before the purge: a cache that fetches anew at once must not get a response that this node
    // cached before the change.
    app.database.invalidation_clock().record(changes.iter().map(|(_, kind, id)| (kind.as_str(), id.as_str())));
    let mut tags = tags_of(&changes);
    tags.extend((index_changed_at != progress.index_changed_at).then(|| SEARCH_INDEX.to_owned()));
    purge_all(app, tags).await?;
    // Stored only after the purge: a node that stops in between purges once more, instead of never.
    let up_to = changes.last().map_or(from, |change| change.0);
    if progress.up_to != Some(up_to) {
        app.database.write(move |c| store_progress(c, up_to)).await.map_err(to_text)?;
    }
    let position = app.database.read(move |c| Ok(Position::find(c, up_to)?)).await.map_err(to_text)?;
    *progress = PurgeProgress { up_to: Some(up_to), position, index_changed_at };
    Ok(changes.len())
}

async fn purge_all(app: &App, tags: Vec<String>) -> Result<(), String> {
    for tags in tags.chunks(MAX_TAGS) {
        let (cdn, tags) = (app.config.cdn.clone(), tags.to_vec());
        let result = actix_web::rt::task::spawn_blocking(move || purge(&cdn, &tags)).await;
        result.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Returns the newest entry if the journal went back: the entry that was purged last, as this node or the
/// database remembers it, is not in it any more.
fn newest_after_reset(connection: &mut Db, known: Option<Position>) -> Result<Option<Position>, DatabaseError> {
    let newest = Position::find_newest(connection)?;
    let is_lost = match known {
        Some(known) => !known.holds(connection)?,
        // A restore stores a word instead of a number: from before it, caches may have anything.
        None => stored_progress(connection)?
            .is_some_and(|text| text.parse::<i64>().map_or(true, |up_to| up_to > newest.sequence)),
    };
    Ok(is_lost.then_some(newest))
}

/// Returns the tags of all collections, one of which every response names, and of the search index.
fn all_tags() -> Vec<String> {
    ALL.iter().map(|resource| resource.collection).chain([SEARCH_INDEX]).map(str::to_owned).collect()
}

/// Returns the entry up to which caches were purged before this node started. If they never were, they have
/// nothing from before.
fn first_entry(connection: &mut Db) -> Result<i64, DatabaseError> {
    match purged_up_to(connection)? {
        Some(up_to) => Ok(up_to),
        None => Ok(newest_sequence(connection)?),
    }
}

/// Returns some of the changes after this journal entry, in order.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn changes(connection: &mut Db, since: i64) -> QueryResult<Vec<JournalChange>> {
    journal::table
        .filter(journal::sequence.gt(since))
        .order(journal::sequence)
        .limit(MAX_ENTRIES)
        .select((journal::sequence, journal::kind, journal::item_id))
        .load(connection)
}

/// Returns the tags that these changes purge: the id of each item, and the name of its collection.
pub fn tags_of(changes: &[JournalChange]) -> Vec<String> {
    let of_content = changes.iter().filter_map(|(_, kind, id)| Some((ContentType::of_kind(kind)?, id)));
    let mut tags: Vec<String> =
        of_content.flat_map(|(resource, id)| [resource.collection.to_owned(), id.to_owned()]).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn purged_up_to(connection: &mut Db) -> QueryResult<Option<i64>> {
    Ok(stored_progress(connection)?.and_then(|text| text.parse().ok()))
}

fn stored_progress(connection: &mut Db) -> QueryResult<Option<String>> {
    settings::table.find(SETTING).select(settings::value).first(connection).optional()
}

/// Stores how far caches were purged, unless another node has come farther.
fn store_progress(connection: &mut Db, up_to: i64) -> Result<(), DatabaseError> {
    if purged_up_to(connection)?.is_some_and(|before| before >= up_to) {
        return Ok(());
    }
    overwrite_progress(connection, up_to)
}

fn overwrite_progress(connection: &mut Db, up_to: i64) -> Result<(), DatabaseError> {
    diesel::delete(settings::table.find(SETTING)).execute(connection)?;
    let row = (settings::name.eq(SETTING), settings::value.eq(up_to.to_string()));
    diesel::insert_into(settings::table).values(row).execute(connection)?;
    Ok(())
}

fn purge(cdn: &CdnConfig, tags: &[String]) -> Result<(), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT)).build().into();
    // Some caches read the header (Fastly), others the body (Cloudflare).
    let mut request = agent.post(&cdn.purge_url).header("surrogate-key", tags.join(" "));
    if let Some((name, value)) = cdn.purge_header.split_once(':') {
        request = request.header(name.trim(), value.trim());
    }
    request.send_json(json!({"tags": tags})).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pause_while_there_may_be_more() {
        let most = usize::try_from(MAX_ENTRIES).unwrap();
        assert_eq!([0, 1, most - 1, most].map(|entries| pause_after(entries).as_millis()), [500, 500, 500, 0]);
    }
}
