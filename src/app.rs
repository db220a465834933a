//! The application: everything that handlers share, and what happens when it starts.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;

use crate::auth::credentials::Credentials;
use crate::auth::lockout::{self, Turns};
use crate::auth::mail::Mailer;
use crate::auth::oidc::Oidc;
use crate::auth::passwords::Hasher;
use crate::auth::tokens::{self, Claims, Tokens, Verified};
use crate::config::Config;
use crate::content::Site;
use crate::database::schema::{commits, idempotency_keys};
use crate::database::{Address, Database, DatabaseError, Threads, connection, inspect, migrate, now};
use crate::delivery::answers::Answers;
use crate::delivery::cards::{Cards, Shelf};
use crate::delivery::kept::Kept;
use crate::delivery::list::Kitchen;
use crate::delivery::live::Live;
use crate::editorial;
use crate::editorial::previews::Previews;
use crate::search::{self, Search};
use crate::time_zone::rules;

/// Handlers share this.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// What the site fixes for its content.
    pub site: Arc<Site>,
    /// Its languages as headers name them.
    pub languages: HashMap<String, HeaderValue>,
    /// The database.
    pub database: Database,
    /// Access tokens.
    pub tokens: Tokens,
    /// Sessions and API keys that were shown lately.
    pub credentials: Credentials,
    /// Log-ins that are being checked.
    pub log_in_turns: Turns,
    /// When the signing keys were last read because a token named an unknown one.
    keys_looked_up: tokio::sync::Mutex<Option<Instant>>,
    /// Mail.
    pub mailer: Mailer,
    /// The OpenID provider.
    pub oidc: Arc<Oidc>,
    /// Passwords.
    pub hasher: Hasher,
    /// Answers that the public was given lately.
    pub answers: Answers,
    /// Items as the public's lists showed them lately.
    pub cards: Cards,
    /// The site at moments that lie ahead.
    pub previews: Previews,
    /// Who listens to changes.
    pub live: Live,
    /// The search index of this node.
    pub search: Search,
    /// Signs what only this site may make: cursors, preview links, tokens of changes, log-ins on their way.
    pub site_key: Vec<u8>,
    /// The OpenAPI document, once somebody has asked for it.
    pub document: OnceLock<Arc<Kept>>,
}

/// Why the application did not start.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// The part of the memory for answers that is for the items of lists: one of so many.
const CARDS_PART: usize = 4;
/// Signing keys are looked up at most once in this time, however many tokens name unknown ones.
const LOOK_UP: Duration = Duration::from_secs(1);
/// Seconds for which an `Idempotency-Key` is remembered.
const IDEMPOTENCY_SECONDS: i64 = 86_400;

impl App {
    /// Opens the database (a SQLite file is made where there is none), migrates it, makes the keys
    /// that are missing, and brings ready answers up to date.
    pub async fn start(config: Config) -> Result<Arc<Self>, StartError> {
        rules::refresh(&config.site.zoneinfo);
        let address = config.address();
        make_folder(&address)?;
        if inspect::shares_sessions(&address).map_err(|e| format!("database: {e}"))? {
            return Err(inspect::POOLER.into());
        }
        let applied = {
            let mut connection =
                connection::connect(&address, &Arc::default()).map_err(|e| format!("database: {e}"))?;
            migrate::migrate(&mut connection).map_err(|e| format!("migrations: {e}"))?
        };
        if applied > 0 {
            tracing::info!(steps = applied, "database migrated");
        }
        let patience = config.database_patience();
        let threads = Threads { readers: readers(&config), queue: config.server.database_queue, patience };
        let database = Database::open(&address, threads)?;
        let tokens = Tokens::new(config.auth.clone());
        let hasher = Hasher::new(config.auth.hash_memory_kib, config.auth.hash_passes, config.auth.hash_threads)?;
        let mailer = Mailer::new(&config.mail)?;
        let site_key = site_key(&database).await?;
        let oidc = Arc::new(Oidc::new(config.oidc.clone(), site_key.clone()));
        let site = Arc::new(config.site());
        let search = Search::open(&search::folder(&config), &site)?;
        let room = config.server.answer_cache_bytes;
        let cards = Cards::new(room / CARDS_PART, database.ledger());
        let answers = Answers::new(room - room / CARDS_PART, database.ledger());
        let credentials = Credentials::new(database.ledger());
        let header = |locale: &String| Some((locale.clone(), HeaderValue::from_str(locale).ok()?));
        let previews = Previews::new(&database, &site);
        let app = Arc::new(Self {
            config,
            languages: site.locales.iter().filter_map(header).collect(),
            site,
            database,
            tokens,
            credentials,
            log_in_turns: Turns::default(),
            keys_looked_up: tokio::sync::Mutex::default(),
            mailer,
            oidc,
            hasher,
            answers,
            cards,
            previews,
            live: Live::default(),
            search,
            site_key,
            document: OnceLock::new(),
        });
        app.refresh_keys().await?;
        app.apply_zone_rules().await;
        let rendered = editorial::rerender::if_needed(&app.database, &app.site).await?;
        if rendered > 0 {
            tracing::info!(items = rendered, "ready answers brought up to date");
        }
        Ok(app)
    }

    /// With what pages of lists are made.
    pub fn kitchen<'a>(&'a self, shelf: Shelf<'a>) -> Kitchen<'a> {
        let facet_items = i64::from(self.config.server.facet_items);
        Kitchen { site: &self.site, cursor_key: &self.site_key, search: &self.search, shelf, facet_items }
    }

    /// Reads the signing keys anew, and makes one when the newest is too old or there is none.
    pub async fn refresh_keys(&self) -> Result<(), DatabaseError> {
        let load = |c: &mut crate::database::Db| Ok::<_, DatabaseError>(tokens::load_keys(c, "jwt")?);
        self.tokens.set_keys(&self.database.read(load).await?);
        if self.tokens.rotation_due() {
            let lifetime = self.tokens.lifetime();
            let keys = self
                .database
                .write(move |c| {
                    // Another node may have been faster.
                    let newest = tokens::load_keys(c, "jwt")?.first().map_or(0, |key| key.created_at);
                    if newest < now() - 60_000_000 {
                        tokens::add_key(c, "jwt")?;
                    }
                    tokens::retire_keys(c, "jwt", lifetime)?;
                    Ok::<_, DatabaseError>(tokens::load_keys(c, "jwt")?)
                })
                .await?;
            self.tokens.set_keys(&keys);
        }
        Ok(())
    }

    /// Returns the claims of a token that is good by itself. A key that is not known is looked up: another node may
    /// have made it since this one last read them. Tokens that name made-up keys cost one look-up a second.
    ///
    /// # Errors
    /// Fails if the keys have to be looked up and the database does not answer.
    pub async fn verify_token(&self, token: &str) -> Result<Option<Claims>, DatabaseError> {
        match self.tokens.verify(token) {
            Verified::Good(claims) => return Ok(Some(claims)),
            Verified::Bad => return Ok(None),
            Verified::UnknownKey => {}
        }
        let mut last = self.keys_looked_up.lock().await;
        if last.is_none_or(|last| last.elapsed() >= LOOK_UP) {
            let load = |c: &mut crate::database::Db| Ok::<_, DatabaseError>(tokens::load_keys(c, "jwt")?);
            self.tokens.set_keys(&self.database.read(load).await?);
            *last = Some(Instant::now());
        }
        drop(last);
        match self.tokens.verify(token) {
            Verified::Good(claims) => Ok(Some(claims)),
            Verified::Bad | Verified::UnknownKey => Ok(None),
        }
    }

    /// Uses the newest rules of time zones, and computes anew what is stored if they are newer than those by
    /// which that was done. What fails is tried again with the next housekeeping.
    async fn apply_zone_rules(&self) {
        if rules::refresh(&self.config.site.zoneinfo) {
            // Lists were filtered and counted by other clocks.
            self.database.ledger().note_everything();
        }
        match editorial::zone_rules::apply(&self.database, &self.site).await {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "times were computed anew by newer rules of time zones"),
            Err(problem) => tracing::error!(detail = problem.detail, "times could not be computed anew"),
        }
    }

    /// What has to be done from time to time: keys, rules of time zones, and rows that nobody needs any more.
    pub async fn housekeeping(&self) -> Result<(), DatabaseError> {
        self.refresh_keys().await?;
        self.apply_zone_rules().await;
        let days = self.config.editorial.purge_trash_days;
        if days > 0 {
            let gone = editorial::purge::run(&self.database, days).await;
            match gone {
                Ok(count) if count > 0 => tracing::info!(count, "items in the trash were purged"),
                Ok(_) => {}
                Err(problem) => tracing::error!(detail = problem.detail, "the trash could not be purged"),
            }
        }
        let bound = now() - IDEMPOTENCY_SECONDS * 1_000_000;
        self.database
            .write(move |c| {
                diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(bound))).execute(c)?;
                crate::auth::sessions::forget_ended(c)?;
                editorial::preview::forget_ended(c)?;
                crate::auth::mailed::forget_ended(c)?;
                lockout::forget_old(c)?;
                // Writers that are long gone do not ask any more how their commits ended.
                diesel::delete(commits::table.filter(commits::at.lt(bound))).execute(c)?;
                Ok(())
            })
            .await
    }
}

/// Connections that read: as configured, or two a core.
pub fn readers(config: &Config) -> usize {
    match config.server.database_readers {
        0 => std::thread::available_parallelism().map_or(2, usize::from) * 2,
        given => given,
    }
}

/// Makes the folder of a SQLite file.
pub fn make_folder(address: &Address) -> Result<(), StartError> {
    let Address::Sqlite(path) = address else { return Ok(()) };
    match std::path::Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(|e| format!("database_url: {}: {e}", folder.display()).into())
        }
        _ => Ok(()),
    }
}

async fn site_key(database: &Database) -> Result<Vec<u8>, DatabaseError> {
    let keys = database
        .write(|c| {
            if tokens::load_keys(c, "cursor")?.is_empty() {
                tokens::add_key(c, "cursor")?;
            }
            Ok::<_, DatabaseError>(tokens::load_keys(c, "cursor")?)
        })
        .await?;
    Ok(keys.first().and_then(|key| URL_SAFE_NO_PAD.decode(&key.secret).ok()).unwrap_or_default())
}
