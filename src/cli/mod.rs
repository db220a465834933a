//! The command line: one file a command.

mod doctor;
mod healthcheck;
mod serve;
mod transfer;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::app::{App, StartError};
use crate::config::{Config, Overrides};
use crate::http::openapi;

/// A headless CMS API for organisations that live by their events.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Configuration file (TOML); `plenary.toml` is read where it exists
    #[arg(long, global = true, env = "PLENARY_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (the default)
    Serve(serve::ServeArguments),
    /// Apply the migrations that are missing, and end
    Migrate,
    /// Accounts of editors
    #[command(subcommand)]
    User(user::UserCommand),
    /// Take content from files
    Import(transfer::ImportArguments),
    /// Write all content to a file
    Export(transfer::ExportArguments),
    /// Look at the set-up and say what is wrong; changes nothing
    Doctor,
    /// Ask the running server whether it can serve; for containers
    Healthcheck,
    /// Make a new key for access tokens; older ones still verify until their tokens have ended
    RotateKeys,
    /// Print the OpenAPI document
    Openapi,
    /// Print who may do what, as Markdown
    Permissions,
}

/// Reads the arguments, carries them out, and says how that ended.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::load(arguments.config.as_ref(), &arguments.overrides) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("The configuration is not sound:");
            faults.iter().for_each(|fault| eprintln!("  {fault}"));
            return ExitCode::from(2);
        }
    };
    start_logging(&config);
    let command = arguments.command.unwrap_or_else(|| Command::Serve(serve::ServeArguments::default()));
    match actix_web::rt::System::new().block_on(carry_out(command, config)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: Command, config: Config) -> Result<ExitCode, StartError> {
    match command {
        Command::Serve(arguments) => serve::serve(config, arguments).await?,
        Command::Migrate => drop(App::start(config).await?),
        Command::User(command) => {
            let app = App::start(config).await?;
            user::run(&app, command).await?;
        }
        Command::Import(arguments) => {
            return Ok(code(transfer::import(&*App::start(config).await?, arguments).await?));
        }
        Command::Export(arguments) => transfer::export(&*App::start(config).await?, arguments).await?,
        Command::Doctor => return Ok(code(doctor::examine(&config))),
        Command::Healthcheck => return Ok(code(healthcheck::ask(&config))),
        Command::RotateKeys => rotate_keys(App::start(config).await?).await?,
        Command::Permissions => print!("{}", crate::http::permissions_page::page()),
        Command::Openapi => {
            let site = config.site();
            let routes = crate::http::content_api::with_site(crate::http::routes(), &site);
            print!("{}", openapi::to_json(&openapi::document(&routes, &site, &config.public_url)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn code(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn rotate_keys(app: Arc<App>) -> Result<(), StartError> {
    app.database.write(|c| Ok::<_, crate::database::DatabaseError>(crate::auth::tokens::add_key(c, "jwt")?)).await?;
    println!("A new key signs from now on; running servers take it up within a minute.");
    Ok(())
}

fn start_logging(config: &Config) {
    let filter = config.log.level.parse::<tracing_subscriber::EnvFilter>().unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if config.log.format == "json" {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_target(false).try_init()
    };
    // Fails only when logging runs already, as in tests.
    drop(started);
}
