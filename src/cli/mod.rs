//! The command line, with one module per command.

mod backup;
mod doctor;
mod finding;
mod healthcheck;
mod log;
mod mail;
mod serve;
mod surroundings;
mod transfer;
mod user;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use log::Log;

use crate::api::openapi;
use crate::app::{App, StartError};
use crate::config::{Config, Overrides};
use crate::transfer::Verdict;

/// The exit codes, as the help text lists them; docs/operations.md has the same table.
const EXIT_CODES: &str = "Exit codes: 0 success; 1 failure, a problem found by doctor, or a record refused by import; \
                          2 invalid setting or argument, or a file in which import recognises nothing";

/// A headless CMS API for organisations that live by their events.
#[derive(Parser)]
#[command(version, about, after_help = EXIT_CODES)]
struct Arguments {
    /// Configuration file (TOML); defaults to `plenary.toml`, if it exists
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
    /// Apply pending migrations and exit
    Migrate,
    /// Manage accounts of editors
    #[command(subcommand)]
    User(user::UserCommand),
    /// Take note of mails that came back
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// Import content from files
    Import(transfer::ImportArguments),
    /// Export all content to a file
    Export(transfer::ExportArguments),
    /// Back up the SQLite database to a file, also while the server runs
    Backup(backup::BackupArguments),
    /// Restore the SQLite database from a backup; the server must be stopped
    Restore(backup::RestoreArguments),
    /// Examine the installation and report problems; changes nothing
    Doctor,
    /// Ask the running server whether it is ready; for containers
    Healthcheck,
    /// Add a new signing key for access tokens; older keys verify until their tokens have expired
    RotateKeys,
    /// Print the OpenAPI document
    Openapi {
        /// View of the document: `all` operations, or `delivery`, those with which frontends read published content
        #[arg(long, default_value = "all", value_parser = parse_view)]
        view: openapi::DocumentView,
    },
    /// Print the permissions of all roles and routes, as Markdown
    Permissions,
}

/// Parses the command line, runs the command, and returns the exit code of the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::load(arguments.config.as_ref(), &arguments.overrides) {
        Ok(config) => config,
        Err(violations) => {
            print_error(&format!("The configuration is not valid:\n  {}", violations.join("\n  ")));
            return ExitCode::from(2);
        }
    };
    let log = Log::start(&config);
    for variable in &config.ignored_variables {
        tracing::warn!(variable, "unknown setting; the variable is ignored");
    }
    let command = arguments.command.unwrap_or_else(|| Command::Serve(serve::ServeArguments::default()));
    let outcome = actix_web::rt::System::new().block_on(execute(command, config));
    log.finish();
    outcome.unwrap_or_else(|error| {
        print_error(&format!("Error: {error}"));
        ExitCode::FAILURE
    })
}

async fn execute(command: Command, mut config: Config) -> Result<ExitCode, StartError> {
    if !matches!(command, Command::Serve(_)) {
        // Without a timeout: a command has no other clients to answer, and should wait rather than fail.
        config.server.database_timeout_seconds = 0;
    }
    match command {
        Command::Serve(arguments) => serve::serve(config, arguments).await?,
        Command::Migrate => drop(App::start(config).await?),
        Command::User(command) => {
            let app = App::start(config).await?;
            user::run(&app, command).await?;
        }
        Command::Mail(command) => mail::run(&App::start(config).await?, command).await?,
        Command::Import(arguments) => {
            return Ok(match transfer::import(&*App::start(config).await?, arguments).await? {
                Verdict::AllTaken => ExitCode::SUCCESS,
                Verdict::SomeRefused => ExitCode::FAILURE,
                Verdict::NothingRecognised => ExitCode::from(2),
            });
        }
        Command::Export(arguments) => transfer::export(&*App::start(config).await?, arguments).await?,
        Command::Backup(arguments) => backup::back_up(&config, &arguments)?,
        Command::Restore(arguments) => backup::restore(&config, &arguments)?,
        Command::Doctor => return Ok(exit_code(doctor::examine(&config)?)),
        Command::Healthcheck => return Ok(exit_code(healthcheck::is_ready(&config))),
        Command::RotateKeys => rotate_keys(App::start(config).await?).await?,
        Command::Permissions => print(&crate::api::permissions_page::page())?,
        Command::Openapi { view } => {
            print(&openapi::to_text(&openapi::document(&config.site(), &config.public_url, view)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Parses the name of a view of the OpenAPI document.
fn parse_view(name: &str) -> Result<openapi::DocumentView, String> {
    let names = openapi::DocumentView::ALL.map(openapi::DocumentView::name).join(" or ");
    openapi::DocumentView::from_name(name).ok_or_else(|| format!("the view is {names}"))
}

/// Prints the result of a command.
///
/// # Errors
/// Fails if standard output cannot be written.
fn print(text: &str) -> Result<(), StartError> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("standard output: {error}").into())
}

/// Reports on standard output what was done. A failure to write is ignored, since it undoes nothing.
fn report(line: &str) {
    let _ = print(&format!("{line}\n"));
}

/// Prints an error or a prompt to standard error, ignoring a failure to write.
fn print_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn exit_code(succeeded: bool) -> ExitCode {
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn rotate_keys(app: Arc<App>) -> Result<(), StartError> {
    app.database.write(|c| Ok::<_, crate::database::DatabaseError>(crate::auth::tokens::add_key(c, "jwt")?)).await?;
    report("A new key was added. It is published from now on and signs in ten minutes, when all servers have it.");
    Ok(())
}
