//! `plenary serve`

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::app::{App, StartError};
use crate::auth::accounts;
use crate::auth::permissions::Role;
use crate::http::server;
use crate::problem::Problem;

/// Seconds between rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// What the first start needs.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArguments {
    /// Fill an empty database with demo content
    #[arg(long)]
    demo: bool,
    /// Address of the first administrator
    #[arg(long, env = "PLENARY_ADMIN_EMAIL")]
    admin_email: Option<String>,
    /// Password of the first administrator; one is made and printed when it is left out
    #[arg(long, env = "PLENARY_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
}

/// Starts the server and runs it until it is told to end.
pub async fn serve(config: crate::config::Config, arguments: ServeArguments) -> Result<(), StartError> {
    let listener = TcpListener::bind(&config.listen).map_err(|e| format!("listen: {}: {e}", config.listen))?;
    let app = App::start(config).await?;
    let announced = first_administrator(&app, &arguments).await?;
    if arguments.demo {
        crate::demo::fill(&app).await?;
    }
    let running = server::server(Arc::clone(&app), listener)?;
    announce(&app, announced.as_deref());
    let chores = actix_web::rt::spawn(keep_house(Arc::clone(&app)));
    running.await?;
    chores.abort();
    tracing::info!("stopped; all requests were answered");
    Ok(())
}

async fn keep_house(app: Arc<App>) {
    loop {
        actix_web::rt::time::sleep(HOUSEKEEPING).await;
        if let Err(error) = app.housekeeping().await {
            tracing::warn!(%error, "housekeeping failed; it is tried again in a minute");
        }
    }
}

/// Makes the first administrator where there is no account yet, and gives what to print.
async fn first_administrator(app: &App, arguments: &ServeArguments) -> Result<Option<String>, StartError> {
    let none = app.database.read(|c| Ok::<_, Problem>(accounts::none_exists(c)?)).await.map_err(|p| p.detail)?;
    if !none {
        return Ok(None);
    }
    // A variable that is set to nothing, as container files do, is not set.
    let given = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    let email = given(&arguments.admin_email).unwrap_or_else(|| "admin@example.org".to_owned());
    crate::content::values::email(email.clone()).map_err(|(_, message)| format!("--admin-email: {message}"))?;
    let chosen = given(&arguments.admin_password);
    let made = chosen.is_none();
    let password = chosen.unwrap_or_else(random_password);
    crate::auth::passwords::check_new(&password, &email)
        .map_err(|(_, message)| format!("--admin-password: {message}"))?;
    let hash = app.hasher.hash_now(&password)?;
    let key = email.clone();
    let outcome = app
        .database
        .write(move |c| {
            // Another node may have been faster.
            if accounts::none_exists(c)? {
                accounts::insert(c, &key, "Administrator", Role::Administrator, hash)?;
                return Ok::<_, Problem>(true);
            }
            Ok(false)
        })
        .await
        .map_err(|p| p.detail)?;
    Ok(outcome.then(|| {
        let shown = if made { password } else { "(as given)".to_owned() };
        format!("First administrator: {email}\nPassword:            {shown}\n(printed this once; change it at POST /api/v1/auth/password)")
    }))
}

fn random_password() -> String {
    use base64::Engine;
    let secret: [u8; 18] = rand::random();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret)
}

fn announce(app: &App, administrator: Option<&str>) {
    let url = app.config.public_url.trim_end_matches('/');
    println!("Plenary {} on {}", env!("CARGO_PKG_VERSION"), app.database.address().name());
    println!("  API       {url}/api/v1/events");
    println!("  Docs      {url}/docs");
    println!("  OpenAPI   {url}/api/openapi.json");
    println!("  Health    {url}/healthz  {url}/readyz  {url}/metrics");
    if let Some(lines) = administrator {
        println!("\n{lines}");
    }
}
