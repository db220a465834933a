//! The command line: one file a command.

mod backup;
mod doctor;
mod healthcheck;
mod log;
mod serve;
mod transfer;
mod user;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use log::Log;

use crate::app::{App, StartError};
use crate::config::{Config, Overrides};
use crate::http::openapi;

/// What the program ends with; docs/operations.md has the same table.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 it failed, a problem was found, or a record was refused; \
                          2 a setting or an argument is wrong";

/// A headless CMS API for organisations that live by their events.
#[derive(Parser)]
#[command(version, about, after_help = EXIT_CODES)]
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
    /// Copy the SQLite database into a file, also while the server runs
    Backup(backup::BackupArguments),
    /// Make a copy the database; the server must be stopped
    Restore(backup::RestoreArguments),
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
            complain(&format!("The configuration is not sound:\n  {}", faults.join("\n  ")));
            return ExitCode::from(2);
        }
    };
    let log = Log::start(&config);
    for variable in &config.ignored_variables {
        tracing::warn!(variable, "there is no such setting; the variable is ignored");
    }
    let command = arguments.command.unwrap_or_else(|| Command::Serve(serve::ServeArguments::default()));
    let outcome = actix_web::rt::System::new().block_on(carry_out(command, config));
    log.finish();
    outcome.unwrap_or_else(|error| {
        complain(&format!("Error: {error}"));
        ExitCode::FAILURE
    })
}

async fn carry_out(command: Command, mut config: Config) -> Result<ExitCode, StartError> {
    if !matches!(command, Command::Serve(_)) {
        // Whoever runs a command waits for it.
        config.server.database_timeout_seconds = 0;
    }
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
        Command::Backup(arguments) => backup::back_up(&config, &arguments)?,
        Command::Restore(arguments) => backup::restore(&config, &arguments)?,
        Command::Doctor => return Ok(code(doctor::examine(&config)?)),
        Command::Healthcheck => return Ok(code(healthcheck::ask(&config))),
        Command::RotateKeys => rotate_keys(App::start(config).await?).await?,
        Command::Permissions => print(&crate::http::permissions_page::page())?,
        Command::Openapi => {
            let site = config.site();
            let routes = crate::http::content_api::with_site(crate::http::routes(), &site);
            print(&openapi::to_json(&openapi::document(&routes, &site, &config.public_url), &site))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what the command was asked for. The error says that it could not be written.
fn print(text: &str) -> Result<(), StartError> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("standard output: {error}").into())
}

/// Says on standard output what was done; it is done even where nobody reads that.
fn report(line: &str) {
    let _ = print(&format!("{line}\n"));
}

/// Says on standard error what is wrong, or wanted.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn code(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn rotate_keys(app: Arc<App>) -> Result<(), StartError> {
    app.database.write(|c| Ok::<_, crate::database::DatabaseError>(crate::auth::tokens::add_key(c, "jwt")?)).await?;
    report("A new key is published from now on, and signs in ten minutes, when all servers have it.");
    Ok(())
}
