//! Search indexer: a worker on each node that follows the journal. Of the nodes that share a folder, one
//! writes. A worker can be stopped at any point: the index stores the journal entry up to which it is
//! complete, and whatever comes after that is read again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;
use tantivy::{IndexWriter, TantivyDocument, Term};

use crate::app::App;
use crate::content_types::ContentType;
use crate::database::position::Position;
use crate::database::schema::{items, journal, links};
use crate::database::{Db, in_list};
use crate::delivery::render::links_within::retain_public;
use crate::delivery::sql::referrers::children;
use crate::items::Item;
use crate::items::rows::parse_content;
use crate::jobs::{BackgroundJob, lower_priority};
use crate::search::SEARCH_INDEX;
use crate::search::document::document;
use crate::search::index::{Search, SearchError};
use crate::search::repair::{Checks, renew};

/// Interval at which the journal is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// After a step, the worker pauses for this many times as long as the step took: under steady writes, fewer
/// and larger segments are made, with about a tenth of a core at most.
const PAUSE_FACTOR: u32 = 9;
/// Maximum pause, which bounds how old the results of a search are.
const MAX_PAUSE: Duration = Duration::from_millis(800);
/// Number of polls without changes after which the writer is closed.
const IDLE_POLLS: u32 = 25;
/// Approximate maximum number of cached titles.
const MAX_TITLES: usize = 20_000;
/// Items that are read at a time to rebuild the index.
const CHUNK: i64 = 500;
/// Changed items that are indexed at a time, and the pause after them. Other threads get the core back only
/// at the next tick of its clock, whatever the priorities are, so the work between two pauses must be short.
const CHUNK_TO_INDEX: usize = 16;
const CHUNK_PAUSE: Duration = Duration::from_millis(1);
/// Maximum number of journal entries that are followed; if there are more, the index is rebuilt.
const MAX_ENTRIES: i64 = 20_000;
/// Lowest priority of Linux.
const NICENESS: i32 = 19;

/// Changes for the index: these items, or all of them, as they are now, up to this journal entry.
struct IndexChanges {
    up_to: Position,
    ids: Option<Vec<String>>,
}

/// Starts the worker, which follows the journal until the application ends, on a thread of low priority.
///
/// # Errors
///
/// Fails if the thread or its runtime cannot be started.
pub fn start(app: Weak<App>, job: Arc<BackgroundJob>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("search".into()).spawn(move || {
        lower_priority(NICENESS);
        job.supervise_thread(|| runtime.block_on(run(Weak::clone(&app), &job)));
    })?;
    Ok(())
}

async fn run(app: Weak<App>, job: &BackgroundJob) {
    let mut worker = Worker { writer: None, idle: 0, titles: Arc::default(), checks: Checks::default() };
    let mut failed = false;
    loop {
        let Some(app) = app.upgrade() else { return };
        let start = Instant::now();
        job.begin();
        worker.repair(&app, job, failed).await;
        let result = worker.step(&app).await;
        drop(app);
        failed = result.is_err();
        match result {
            Ok(()) => job.succeed(),
            Err(error) => {
                tracing::error!(%error, "updating the search index failed");
                job.fail("the search index cannot be updated");
                worker.writer = None;
                tokio::time::sleep(POLL_INTERVAL * 5).await;
            }
        }
        tokio::time::sleep((start.elapsed() * PAUSE_FACTOR).clamp(POLL_INTERVAL, MAX_PAUSE)).await;
    }
}

struct Worker {
    writer: Option<IndexWriter<TantivyDocument>>,
    /// Number of successive polls without changes.
    idle: u32,
    titles: Arc<TitleCache>,
    checks: Checks,
}

impl Worker {
    /// Sets a damaged index aside, which the next step then rebuilds, and invalidates cached responses to
    /// searches.
    async fn repair(&mut self, app: &App, job: &BackgroundJob, failed: bool) {
        if !self.checks.are_due(&app.search, failed) {
            return;
        }
        let Some(damage) = self.checks.find_damage(&app.search).await else { return };
        job.fail("the search index was damaged and is being rebuilt");
        self.writer = None;
        if let Err(error) = renew(&app.search, &damage) {
            tracing::error!(%error, "the damaged search index could not be set aside");
        }
        app.database.invalidation_clock().record([(SEARCH_INDEX, "")]);
    }

    async fn step(&mut self, app: &App) -> Result<(), SearchError> {
        let search = &app.search;
        let followed = search.indexed_position()?;
        let changes = app.database.read(move |c| Ok::<_, SearchError>(changes(c, followed)?)).await?;
        let Some(changes) = changes else { return self.pause(app) };
        if self.writer.is_none() {
            self.writer = search.writer()?;
        }
        // Another node writes the index in this folder, so its changes only have to be loaded.
        let Some(writer) = &mut self.writer else { return search.refresh(app) };
        self.idle = 0;
        // Another node may have followed the journal since it was read here, and have given up the writer.
        if search.indexed_position()? != followed {
            return search.refresh(app);
        }
        match changes {
            IndexChanges { up_to, ids: Some(ids) } => {
                for chunk in ids.chunks(CHUNK_TO_INDEX) {
                    index(app, writer, &self.titles, chunk.to_vec()).await?;
                    tokio::time::sleep(CHUNK_PAUSE).await;
                }
                commit(writer, up_to)?;
            }
            IndexChanges { up_to, ids: None } => {
                writer.delete_all_documents()?;
                index_all(app, writer, &self.titles).await?;
                commit(writer, up_to)?;
                tracing::info!(%up_to, "rebuilt the search index");
            }
        }
        search.refresh(app)
    }

    /// Closes the writer, and so frees its memory, if it was not needed for a while. Loads what another node
    /// may have written.
    fn pause(&mut self, app: &App) -> Result<(), SearchError> {
        self.idle += 1;
        if self.idle == IDLE_POLLS
            && let Some(writer) = self.writer.take()
        {
            writer.wait_merging_threads()?;
        }
        app.search.refresh(app)
    }
}

impl Search {
    /// Loads the newest state of the index, and invalidates cached responses that were computed with an older
    /// one.
    fn refresh(&self, app: &App) -> Result<(), SearchError> {
        // Read before the index is loaded, which may have more by then.
        let (before, position) = (self.state(), self.indexed_position()?);
        self.open_index().reader.reload()?;
        // Recorded only after the reload: recorded before, a response from the old state could be cached as a
        // fresh one.
        if self.state() != before {
            app.database.invalidation_clock().record([(SEARCH_INDEX, "")]);
        }
        self.set_complete_to(position);
        Ok(())
    }

    fn state(&self) -> Vec<(String, u32)> {
        let searcher = self.open_index().reader.searcher();
        searcher.segment_readers().iter().map(|s| (s.segment_id().uuid_string(), s.num_docs())).collect()
    }
}

/// Commits the documents together with the journal entry up to which the index is then complete, so that
/// neither is ever there without the other.
fn commit(writer: &mut IndexWriter<TantivyDocument>, up_to: Position) -> Result<(), SearchError> {
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&up_to.to_string());
    prepared.commit()?;
    Ok(())
}

/// Returns the changes in the journal, or `None` if there are none. An index that followed another history is
/// rebuilt.
fn changes(connection: &mut Db, followed: Option<Position>) -> QueryResult<Option<IndexChanges>> {
    // Read before the items: an item that changes after this entry is indexed again with a later one.
    let up_to = Position::find_newest(connection)?;
    if followed == Some(up_to) {
        return Ok(None);
    }
    let reachable = followed.filter(|since| up_to.sequence - since.sequence <= MAX_ENTRIES);
    let since = match reachable {
        Some(since) if since.holds(connection)? => since.sequence,
        _ => return Ok(Some(IndexChanges { up_to, ids: None })),
    };
    let up_to_sequence = up_to.sequence;
    let entries: Vec<(String, String, String, String)> = journal::table
        .filter(journal::sequence.gt(since).and(journal::sequence.le(up_to_sequence)))
        .select((journal::kind, journal::item_id, journal::action, journal::changed))
        .load(connection)?;
    let (mut ids, mut renamed) = (HashSet::new(), Vec::new());
    for (kind, id, action, changed) in entries {
        let Some(resource) = ContentType::of_kind(&kind) else { continue };
        if action != "update" || changed.contains(&format!("\"/{}", resource.label)) {
            renamed.push(id.clone());
        }
        ids.insert(id);
    }
    ids.extend(referring_ids(connection, &renamed)?);
    Ok(Some(IndexChanges { up_to, ids: Some(ids.into_iter().collect()) }))
}

/// Returns the items that show the names of these items, or that are visible only with them.
fn referring_ids(connection: &mut Db, ids: &[String]) -> QueryResult<Vec<String>> {
    let mut found = Vec::new();
    for ids in ids.chunks(CHUNK as usize) {
        let below = children(connection, &ids.iter().map(String::as_str).collect::<Vec<_>>(), i64::MAX)?;
        let targets = ids.iter().chain(below.iter().map(|child| &child.id));
        let targets = in_list(connection.dialect(), links::target_id, targets);
        let sources = links::table.filter(targets).select(links::source_id);
        found.extend(sources.load::<String>(connection)?);
    }
    Ok(found)
}

/// Indexes these items as they are now, and removes those that are not public.
async fn index(
    app: &App,
    writer: &IndexWriter<TantivyDocument>,
    titles: &Arc<TitleCache>,
    ids: Vec<String>,
) -> Result<(), SearchError> {
    let titles = Arc::clone(titles);
    for id in &ids {
        writer.delete_term(Term::from_field_text(app.search.fields.id, id));
    }
    let found = app
        .database
        .read(move |c| {
            let rows: Vec<Item> = items::table
                .filter(in_list(c.dialect(), items::id, &ids).and(items::live.eq(true)))
                .select(Item::as_select())
                .load(c)?;
            with_titles(c, &titles, rows)
        })
        .await?;
    add(app, writer, &found)
}

fn add(app: &App, writer: &IndexWriter<TantivyDocument>, found: &[(Item, Vec<Value>)]) -> Result<(), SearchError> {
    for (item, titles) in found {
        if let Some(document) = document(&app.search, &app.site, item, titles) {
            writer.add_document(document)?;
        }
    }
    Ok(())
}

async fn index_all(
    app: &App,
    writer: &IndexWriter<TantivyDocument>,
    titles: &Arc<TitleCache>,
) -> Result<(), SearchError> {
    let mut last = String::new();
    loop {
        let (after, titles) = (last.clone(), Arc::clone(titles));
        let found = app
            .database
            .read(move |c| {
                let rows: Vec<Item> = items::table
                    .filter(items::id.gt(after).and(items::live.eq(true)))
                    .order(items::id)
                    .limit(CHUNK)
                    .select(Item::as_select())
                    .load(c)?;
                with_titles(c, &titles, rows)
            })
            .await?;
        let Some((item, _)) = found.last() else { return Ok(()) };
        last = item.id.clone();
        add(app, writer, &found)?;
    }
}

/// Returns the items as the public sees them, each with the titles of the items that it refers to.
fn with_titles(
    connection: &mut Db,
    titles: &TitleCache,
    mut rows: Vec<Item>,
) -> Result<Vec<(Item, Vec<Value>)>, SearchError> {
    retain_public(connection, &mut rows)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let links_of_items: Vec<(String, String, i64)> = links::table
        .inner_join(items::table)
        .filter(in_list(connection.dialect(), links::source_id, &ids).and(items::live.eq(true)))
        .select((links::source_id, items::id, items::version))
        .load(connection)?;
    titles.load(connection, &links_of_items)?;
    let mut out: Vec<(Item, Vec<Value>)> = rows.into_iter().map(|row| (row, Vec::new())).collect();
    let positions: HashMap<String, usize> =
        out.iter().enumerate().map(|(position, (row, _))| (row.id.clone(), position)).collect();
    for (source, target, version) in links_of_items {
        if let (Some(position), Some(name)) = (positions.get(&source), titles.get(&target, version)) {
            out[*position].1.push(name);
        }
    }
    Ok(out)
}

/// Cached titles of items that others refer to, by id and version: the same few are needed again and again.
#[derive(Default)]
struct TitleCache {
    cached: Mutex<HashMap<String, (i64, Value)>>,
}

impl TitleCache {
    fn lock_cache(&self) -> MutexGuard<'_, HashMap<String, (i64, Value)>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str, version: i64) -> Option<Value> {
        self.lock_cache().get(id).filter(|(cached, _)| *cached == version).map(|(_, name)| name.clone())
    }

    /// Loads the titles that are not cached in these versions.
    fn load(&self, connection: &mut Db, links_of_items: &[(String, String, i64)]) -> QueryResult<()> {
        let unknown: HashSet<&str> = links_of_items
            .iter()
            .filter(|(_, id, version)| self.get(id, *version).is_none())
            .map(|(_, id, _)| id.as_str())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows: Vec<(String, i64, String, Vec<u8>)> = items::table
            .filter(in_list(connection.dialect(), items::id, unknown))
            .select((items::id, items::version, items::kind, items::content))
            .load(connection)?;
        let mut cached = self.lock_cache();
        if cached.len() > MAX_TITLES {
            cached.clear();
        }
        for (id, version, kind, content) in rows {
            let label = ContentType::of_kind(&kind).map_or("", |resource| resource.label);
            let mut content = parse_content(&content);
            let name = content.get_mut(label).map_or(Value::Null, Value::take);
            cached.insert(id, (version, name));
        }
        Ok(())
    }
}
