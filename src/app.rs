//! The application: the state that all handlers share, its start, and periodic maintenance.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use actix_web::http::header::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use tokio::sync::Semaphore;

use crate::auth::credentials::CredentialCache;
use crate::auth::lockout::{self, AttemptLocks};
use crate::auth::oidc::Oidc;
use crate::auth::passwords::Hasher;
use crate::auth::tokens::{self, AccessTokens};
use crate::config::{Config, NewsletterConfig};
use crate::content::Site;
use crate::database::schema::{commits, idempotency_keys};
use crate::database::{Address, Database, DatabaseError, Db, Threads, connection, inspect, migrate, now};
use crate::delivery::cache::cached_response::CachedResponse;
use crate::delivery::cache::item_cache::{CacheScope, ItemCache};
use crate::delivery::cache::response_cache::ResponseCache;
use crate::delivery::change_stream::ChangeStream;
use crate::delivery::list_items::ListContext;
use crate::delivery::redirects::hits::HitCounter;
use crate::delivery::redirects::pattern_cache::PatternCache;
use crate::editorial;
use crate::editorial::previews::Previews;
use crate::items::site_texts::SiteTexts;
use crate::mail::Mailer;
use crate::microseconds::{MINUTE, SECOND};
use crate::newsletter::rendering::RenderingContext;
use crate::newsletter::subscribers::SubscriberContext;
use crate::newsletter::{events, reports, signups, subscribers};
use crate::problem::Problem;
use crate::protection::limits::UsedUpQuotas;
use crate::search::{self, Search};
use crate::time_zone::rules;

/// The state that all handlers and background jobs share.
pub struct App {
    /// Configuration of the server.
    pub config: Config,
    /// Settings of the site that affect its content: languages, time zone, custom fields.
    pub site: Arc<Site>,
    /// Values of `Content-Language` by locale.
    pub languages: HashMap<String, HeaderValue>,
    /// Connections to the database.
    pub database: Database,
    /// Issuer and verifier of access tokens.
    pub tokens: AccessTokens,
    /// Cache of recently used sessions and API keys.
    pub credentials: CredentialCache,
    /// Log-ins whose credentials are being checked.
    pub attempt_locks: AttemptLocks,
    /// Turns of requests for password resets, which anybody can send; one that gets none mails nothing.
    pub password_resets: Arc<Semaphore>,
    /// Sender of mails, with what all of them share.
    pub mailer: Mailer,
    /// Client of the OpenID provider.
    pub oidc: Arc<Oidc>,
    /// Hasher of passwords.
    pub hasher: Hasher,
    /// Cache of public responses.
    pub response_cache: ResponseCache,
    /// Cache of the items of public lists.
    pub item_cache: ItemCache,
    /// Patterns of redirects that this node has read.
    pub redirect_patterns: PatternCache,
    /// Uses of redirects that this node has counted and not stored yet.
    pub redirect_hits: HitCounter,
    /// Networks that this node has seen send too many forms.
    pub used_up_quotas: UsedUpQuotas,
    /// Previews of the site at future times.
    pub previews: Previews,
    /// Subscribers of the live stream of changes.
    pub change_stream: Arc<ChangeStream>,
    /// Search index of this node.
    pub search: Search,
    /// Secret key of the site. Cursors, preview links, sync tokens, device tokens, return paths, links of the newsletter,
    /// challenges and the state of OpenID log-ins are signed with it, and refresh tokens and mailed tokens are derived with
    /// it.
    pub site_key: Vec<u8>,
    /// The OpenAPI document, generated at the first request for it.
    pub document: OnceLock<Arc<CachedResponse>>,
    /// Its delivery view, generated at the first request for it.
    pub delivery_document: OnceLock<Arc<CachedResponse>>,
    /// The JSON Schemas of items by their addresses, generated at the first request for one.
    pub form_schemas: OnceLock<BTreeMap<String, Arc<CachedResponse>>>,
}

/// The error of a failed start, with the explanation for the operator.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Share of the cache memory that is reserved for the items of lists: one part of this many.
const ITEM_CACHE_SHARE: usize = 4;
/// Greatest number of requests for password resets that are carried out at once.
const MOST_RESETS: usize = 16;
/// Retention of idempotency keys, in seconds.
const IDEMPOTENCY_SECONDS: i64 = 86_400;

impl App {
    /// Opens the database, creates a missing SQLite file, applies migrations, creates missing keys, and
    /// renders stored responses again if they are outdated.
    ///
    /// # Errors
    /// Fails if the configuration cannot be used, the database or the search index cannot be opened, a
    /// migration fails, or the database is behind a pooler that shares sessions.
    pub async fn start(config: Config) -> Result<Arc<Self>, StartError> {
        rules::refresh(&config.site.zoneinfo);
        let database = open_database(&config)?;
        let tokens = AccessTokens::new(config.auth.clone());
        let hasher = Hasher::new(config.auth.hash_memory_kib, config.auth.hash_passes, config.auth.hash_threads)?;
        let mailer = Mailer::new(&config)?;
        let site_key = site_key(&database).await?;
        let oidc = Arc::new(Oidc::new(config.oidc.clone(), site_key.clone()));
        let site = Arc::new(config.site());
        let search = Search::open(&search::folder(&config), &site)?;
        let cache_bytes = config.server.response_cache_bytes;
        let item_cache = ItemCache::new(cache_bytes / ITEM_CACHE_SHARE, database.invalidation_clock());
        let response_cache =
            ResponseCache::new(cache_bytes - cache_bytes / ITEM_CACHE_SHARE, database.invalidation_clock());
        let credentials = CredentialCache::new(database.invalidation_clock());
        let header = |locale: &String| Some((locale.clone(), HeaderValue::from_str(locale).ok()?));
        let previews = Previews::new(&database, &site);
        let change_stream = Arc::new(ChangeStream::new(&database, &site, &site_key));
        let app = Arc::new(Self {
            config,
            languages: site.locales.iter().filter_map(header).collect(),
            site,
            database,
            tokens,
            credentials,
            attempt_locks: AttemptLocks::default(),
            password_resets: Arc::new(Semaphore::new(MOST_RESETS)),
            mailer,
            oidc,
            hasher,
            response_cache,
            item_cache,
            redirect_patterns: PatternCache::default(),
            redirect_hits: HitCounter::default(),
            used_up_quotas: UsedUpQuotas::default(),
            previews,
            change_stream,
            search,
            site_key,
            document: OnceLock::new(),
            delivery_document: OnceLock::new(),
            form_schemas: OnceLock::new(),
        });
        app.refresh_keys().await?;
        app.apply_zone_rules().await;
        let rendered = crate::items::rerender::if_needed(&app.database, &app.site).await?;
        if rendered > 0 {
            tracing::info!(items = rendered, "stored responses were rendered again");
        }
        Ok(app)
    }

    /// Returns the context in which pages of lists are composed.
    pub fn list_context<'a>(&'a self, cache: CacheScope<'a>) -> ListContext<'a> {
        let facet_items = i64::from(self.config.server.facet_items);
        ListContext { site: &self.site, cursor_key: &self.site_key, search: &self.search, cache, facet_items }
    }

    /// Returns the name of the site in a language, as its settings have it.
    ///
    /// # Errors
    /// 503 if the database does not respond.
    pub async fn site_name(&self, locale: &str) -> Result<String, Problem> {
        let (site, locale) = (Arc::clone(&self.site), locale.to_owned());
        let read = move |c: &mut Db| {
            let texts = SiteTexts::load(c, &site)?;
            Ok(texts.name(&site, &locale).to_owned())
        };
        self.database.read_item(read).await
    }

    /// Returns what a change of a subscriber needs besides the database.
    pub fn subscriber_context(&self) -> SubscriberContext<'_> {
        SubscriberContext { config: &self.config, site_key: &self.site_key }
    }

    /// Returns the context in which issues of the newsletter are rendered, with what is public now.
    pub fn rendering_context(&self) -> RenderingContext<'_> {
        let cache = self.item_cache.scope_since(self.database.invalidation_clock().now());
        let (templates, base_url) = (&self.mailer.templates, self.config.base_url());
        RenderingContext { list: self.list_context(cache), templates, base_url }
    }

    /// Reads the signing keys from the database, and creates one if there is none or the newest is due for
    /// rotation.
    ///
    /// # Errors
    /// Fails if the database does not respond.
    pub async fn refresh_keys(&self) -> Result<(), DatabaseError> {
        self.tokens.reload(&self.database).await?;
        if self.tokens.rotation_due() {
            let lifetime = self.tokens.lifetime();
            let keys = self
                .database
                .write(move |c| {
                    // Another node may have created a key between the read above and this transaction.
                    let newest = tokens::load_keys(c, "jwt")?.first().map_or(0, |key| key.created_at);
                    if newest < now() - MINUTE {
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

    /// Loads the newest time zone rules, and recomputes stored instants if they were computed with older
    /// rules. Failures are logged, and the next [`housekeeping`](Self::housekeeping) tries again.
    async fn apply_zone_rules(&self) {
        if rules::refresh(&self.config.site.zoneinfo) {
            // Cached lists were filtered and counted with the old rules.
            self.database.invalidation_clock().record_all();
        }
        match editorial::zone_rules::apply(&self.database, &self.site).await {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "times were recomputed with newer time zone rules"),
            Err(problem) => tracing::error!(detail = problem.detail, "times could not be recomputed"),
        }
    }

    /// Runs the periodic maintenance: rotation of keys, time zone rules, purge of the trash, and deletion of
    /// expired rows.
    ///
    /// # Errors
    /// Fails if the database does not respond. Failures of the time zone rules and of the purge are only
    /// logged, so that they do not prevent the rest.
    pub async fn housekeeping(&self) -> Result<(), DatabaseError> {
        self.refresh_keys().await?;
        self.apply_zone_rules().await;
        let days = self.config.editorial.purge_trash_days;
        if days > 0 {
            let purged = editorial::trash_purge::run(&self.database, days).await;
            match purged {
                Ok(count) if count > 0 => tracing::info!(count, "items in the trash were purged"),
                Ok(_) => {}
                Err(problem) => tracing::error!(detail = problem.detail, "the trash could not be purged"),
            }
        }
        let bound = now() - IDEMPOTENCY_SECONDS * SECOND;
        let keep_mail_days = self.config.mail.keep_days;
        let NewsletterConfig { keep_unconfirmed_days, keep_unsubscribed_days, .. } = self.config.newsletter;
        self.database
            .write(move |c| {
                diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(bound))).execute(c)?;
                crate::auth::sessions::delete_expired(c)?;
                editorial::preview_links::delete_expired(c)?;
                crate::auth::one_time_tokens::delete_expired(c)?;
                lockout::delete_expired(c)?;
                crate::mail::claims::give_up_expired(c)?;
                signups::delete_old(c, keep_unconfirmed_days)?;
                subscribers::delete_old(c, keep_unsubscribed_days)?;
                events::delete_old(c, keep_mail_days)?;
                reports::delete_expired(c)?;
                crate::contact::messages::delete_expired(c)?;
                crate::protection::challenge::delete_expired(c)?;
                crate::protection::limits::delete_expired(c)?;
                crate::mail::log::delete_old(c, keep_mail_days)?;
                // The marks of commits are only read by the writer that left them, while it recovers a lost
                // connection.
                diesel::delete(commits::table.filter(commits::at.lt(bound))).execute(c)?;
                Ok(())
            })
            .await
    }
}

/// Returns the number of reader connections: as configured, or two per core.
pub fn readers(config: &Config) -> usize {
    match config.server.database_readers {
        0 => std::thread::available_parallelism().map_or(2, usize::from) * 2,
        count => count,
    }
}

/// Creates the folder of a SQLite file, if it does not exist.
///
/// # Errors
/// Fails if the folder cannot be created.
pub fn make_folder(address: &Address) -> Result<(), StartError> {
    let Address::Sqlite(path) = address else { return Ok(()) };
    match std::path::Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(|e| format!("database_url: {}: {e}", folder.display()).into())
        }
        _ => Ok(()),
    }
}

async fn site_key(database: &Database) -> Result<Vec<u8>, StartError> {
    let keys = database
        .write(|c| {
            if tokens::load_keys(c, "cursor")?.is_empty() {
                tokens::add_key(c, "cursor")?;
            }
            Ok::<_, DatabaseError>(tokens::load_keys(c, "cursor")?)
        })
        .await?;
    let key = keys.first().and_then(|key| URL_SAFE_NO_PAD.decode(&key.secret).ok());
    // An empty key would let anybody sign cursors, preview links and device tokens.
    key.filter(|key| !key.is_empty()).ok_or_else(|| "the signing key of this site is not readable".into())
}

/// Opens the database, with a missing SQLite file created and all migrations applied.
fn open_database(config: &Config) -> Result<Database, StartError> {
    let address = config.address();
    make_folder(&address)?;
    // Prepared statements and settings belong to a session. With a pooler that shares sessions, one
    // client would meet those of another, so such a database is refused before anything is written.
    if inspect::shares_sessions(&address).map_err(|e| format!("database: {e}"))? {
        return Err(inspect::POOLER.into());
    }
    let applied = {
        let mut connection = connection::connect(&address, &Arc::default()).map_err(|e| format!("database: {e}"))?;
        migrate::migrate(&mut connection).map_err(|e| format!("migrations: {e}"))?
    };
    if applied > 0 {
        tracing::info!(steps = applied, "database migrated");
    }
    let timeout = config.database_timeout();
    let threads = Threads { readers: readers(config), queue: config.server.database_queue, patience: timeout };
    Ok(Database::open(&address, threads)?)
}
