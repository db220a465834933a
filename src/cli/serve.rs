//! The command `plenary serve`.

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Args;
use futures_util::future::select;
use tokio::signal::unix::{SignalKind, signal};

use super::print;
use crate::app::{App, StartError};
use crate::auth::accounts;
use crate::auth::permissions::Role;
use crate::jobs::BackgroundJob;
use crate::problem::Problem;
use crate::{background, server};

/// Interval between rounds of housekeeping.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// Arguments of `plenary serve`, which matter at the first start only.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArguments {
    /// Fill an empty database with demo content
    #[arg(long)]
    demo: bool,
    /// E-mail address of the first administrator
    #[arg(long, env = "PLENARY_ADMIN_EMAIL")]
    admin_email: Option<String>,
    /// Password of the first administrator; a random one is printed if it is omitted
    #[arg(long, env = "PLENARY_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
}

/// Starts the server and runs it until a signal ends it.
///
/// # Errors
/// Fails if the address cannot be listened on, the database cannot be opened or migrated, or the first
/// administrator or the demo content cannot be created.
pub async fn serve(config: crate::config::Config, arguments: ServeArguments) -> Result<(), StartError> {
    let listener = TcpListener::bind(&config.listen).map_err(|e| format!("listen: {}: {e}", config.listen))?;
    let listen = listener.local_addr()?;
    let app = App::start(config).await?;
    let administrator = first_administrator(&app, &arguments).await?;
    if arguments.demo {
        crate::demo::fill(&app).await?;
    }
    let server_future = server::server(Arc::clone(&app), listener)?;
    announce(&app, listen, administrator.as_deref());
    background::spawn(
        app.database.jobs().add("housekeeping", HOUSEKEEPING_INTERVAL),
        Arc::downgrade(&app),
        housekeeping,
    );
    server_future.await?;
    if let Err(error) = background::redirect_hits::store(&app).await {
        tracing::warn!(%error, "the last uses of redirects could not be stored");
    }
    tracing::info!("server stopped after all requests were answered");
    Ok(())
}

/// Runs the housekeeping every minute, and at once when the process receives SIGHUP.
async fn housekeeping(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        let hangup_signal = async {
            match &mut hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        select(pin!(actix_web::rt::time::sleep(HOUSEKEEPING_INTERVAL)), pin!(hangup_signal)).await;
        let Some(app) = app.upgrade() else { return };
        job.begin();
        match app.housekeeping().await {
            Ok(()) => job.succeed(),
            Err(error) => {
                tracing::warn!(%error, "housekeeping failed; the next attempt follows in a minute");
                job.fail("signing keys are not rotated, and expired data is not deleted");
            }
        }
    }
}

/// Creates the first administrator if there is no account yet, and returns the text to print.
async fn first_administrator(app: &App, arguments: &ServeArguments) -> Result<Option<String>, StartError> {
    let no_account = app.database.read(|c| Ok::<_, Problem>(accounts::none_exists(c)?)).await.map_err(|p| p.detail)?;
    if !no_account {
        return Ok(None);
    }
    // An empty variable, as container files often set it, counts as unset.
    let non_empty = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    let email = non_empty(&arguments.admin_email).unwrap_or_else(|| "admin@example.org".to_owned());
    crate::content::values::email(email.clone()).map_err(|(_, message)| format!("--admin-email: {message}"))?;
    let configured = non_empty(&arguments.admin_password);
    let is_generated = configured.is_none();
    let password = configured.unwrap_or_else(random_password);
    crate::auth::passwords::check_new(&password, &email)
        .map_err(|(_, message)| format!("--admin-password: {message}"))?;
    let hash = app.hasher.hash_now(&password)?;
    let key = email.clone();
    let outcome = app
        .database
        .write(move |c| {
            // Checked again in the write transaction, since another node may have created the administrator
            // first.
            if accounts::none_exists(c)? {
                accounts::insert(c, &key, "Administrator", Role::Administrator, hash)?;
                return Ok::<_, Problem>(true);
            }
            Ok(false)
        })
        .await
        .map_err(|p| p.detail)?;
    Ok(outcome.then(|| {
        let password_text = if is_generated { password } else { "(as configured)".to_owned() };
        format!("First administrator: {email}\nPassword:            {password_text}\n(printed only once; change it with POST /api/v1/auth/password)")
    }))
}

fn random_password() -> String {
    use base64::Engine;
    let secret: [u8; 18] = rand::random();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret)
}

fn announce(app: &App, listen: SocketAddr, administrator: Option<&str>) {
    let url = app.config.base_url();
    let mut text = format!(
        "Plenary {} on {}, listening on {listen}\n  API       {url}/api/v1/events\n  Docs      {url}/docs\n  \
         OpenAPI   {url}/api/openapi.json\n  Health    {url}/healthz  {url}/readyz  {url}/metrics\n",
        env!("CARGO_PKG_VERSION"),
        app.database.address().name()
    );
    if let Some(lines) = administrator {
        text.push_str(&format!("\n{lines}\n"));
    }
    // The server runs even if standard output cannot be written.
    if let Err(error) = print(&text) {
        tracing::warn!(%error, "the start-up message could not be printed");
    }
}
