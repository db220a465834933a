//! Caches in front of the server: the tags by which they keep answers, and telling them what to forget.
//!
//! An answer carries the names of the collections and the ids of the items that it is made of; a change
//! of an item purges its id and its collection. So what a cache keeps for long is right a moment
//! after each write, as what this node keeps is (see [`super::answers`]).

use std::sync::{Arc, Weak};
use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;

use super::compose::MadeOf;
use crate::app::App;
use crate::config::CdnConfig;
use crate::database::backup::PURGED_UP_TO as SETTING;
use crate::database::schema::{journal, settings};
use crate::database::{DatabaseError, Db};
use crate::jobs::BackgroundJob;
use crate::journal::head;
use crate::resources::Resource;

/// How often the journal is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// How long after a failure it is tried again.
const PATIENCE: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Entries of the journal that are told of at a time, and tags in a request.
const BATCH: i64 = 500;
const TAGS: usize = 100;

/// The value of the header with an answer's tags: words with blanks, or with commas.
pub fn tags(cdn: &CdnConfig, made_of: &MadeOf) -> Option<(&'static str, String)> {
    let (name, between) = match cdn.tags.as_str() {
        "surrogate-key" => ("surrogate-key", " "),
        "cache-tag" => ("cache-tag", ","),
        _ => return None,
    };
    let collections = made_of.kinds.iter().filter_map(|kind| Some(Resource::of_kind(kind)?.collection));
    let tags: Vec<&str> = collections.chain(made_of.items.iter().map(String::as_str)).collect();
    Some((name, tags.join(between)))
}

/// Tells the caches until the application ends, if there are any. Every node does: to forget twice does no
/// harm. What was not told for certain is told again.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        if app.config.cdn.purge_url.is_empty() {
            return;
        }
        job.begin();
        let pause = match step(&app).await {
            Ok(()) => {
                job.succeed();
                PAUSE
            }
            Err(reason) => {
                tracing::warn!(reason, "caches could not be told what to forget; it is tried again");
                job.fail("caches in front cannot be told what to forget");
                PATIENCE
            }
        };
        drop(app);
        tokio::time::sleep(pause).await;
    }
}

async fn step(app: &App) -> Result<(), String> {
    let said = |error: DatabaseError| error.to_string();
    let (up_to, tags) = app.database.read(news).await.map_err(said)?;
    let Some(up_to) = up_to else { return Ok(()) };
    for tags in tags.chunks(TAGS) {
        let (cdn, tags) = (app.config.cdn.clone(), tags.to_vec());
        let told = actix_web::rt::task::spawn_blocking(move || tell(&cdn, &tags)).await;
        told.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    }
    app.database.write(move |c| remember(c, up_to)).await.map_err(said)
}

/// The tags of what changed since the caches were told, and up to which entry; none where nothing did.
fn news(connection: &mut Db) -> Result<(Option<i64>, Vec<String>), DatabaseError> {
    let stored: Option<String> = settings::table.find(SETTING).select(settings::value).first(connection).optional()?;
    let newest = head(connection)?;
    let Some(since) = stored.and_then(|text| text.parse::<i64>().ok()) else {
        // Caches that were never told of anything have nothing from before.
        return Ok((Some(newest), Vec::new()));
    };
    if since >= newest {
        return Ok((None, Vec::new()));
    }
    let entries: Vec<(i64, String, String)> = journal::table
        .filter(journal::sequence.gt(since))
        .order(journal::sequence)
        .limit(BATCH)
        .select((journal::sequence, journal::kind, journal::item_id))
        .load(connection)?;
    let up_to = entries.last().map(|entry| entry.0);
    let mut tags: Vec<String> = Vec::new();
    for (_, kind, id) in entries {
        if let Some(resource) = Resource::of_kind(&kind) {
            tags.extend([resource.collection.to_owned(), id]);
        }
    }
    tags.sort_unstable();
    tags.dedup();
    Ok((up_to, tags))
}

fn remember(connection: &mut Db, up_to: i64) -> Result<(), DatabaseError> {
    diesel::delete(settings::table.find(SETTING)).execute(connection)?;
    let row = (settings::name.eq(SETTING), settings::value.eq(up_to.to_string()));
    diesel::insert_into(settings::table).values(row).execute(connection)?;
    Ok(())
}

fn tell(cdn: &CdnConfig, tags: &[String]) -> Result<(), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build().into();
    // Some read the header (Fastly), others the body (Cloudflare).
    let mut request = agent.post(&cdn.purge_url).header("surrogate-key", tags.join(" "));
    if let Some((name, value)) = cdn.purge_header.split_once(':') {
        request = request.header(name.trim(), value.trim());
    }
    request.send_json(json!({"tags": tags})).map(drop)
}
