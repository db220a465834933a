//! The command `plenary user`.

use clap::Subcommand;
use serde_json::json;

use super::{print, print_error, report};
use crate::app::{App, StartError};
use crate::auth::permissions::Role;
use crate::auth::{accounts, audit_log, one_time_tokens, passwords};
use crate::database::Db;
use crate::journal::Author;
use crate::problem::Problem;

/// The subcommands of `plenary user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List all accounts
    List,
    /// Create an account; the password is read from standard input
    Add {
        /// E-mail address with which the person logs in
        email: String,
        /// Role of the account: viewer, contributor, editor or administrator
        #[arg(long, default_value = "editor", value_parser = role)]
        role: Role,
        /// Name of the person; defaults to the e-mail address
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Set a new password, read from standard input, and end all sessions of the account
    Password {
        /// E-mail address of the account
        email: String,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_name(word).ok_or_else(|| "must be viewer, contributor, editor or administrator".to_owned())
}

/// Runs a subcommand.
///
/// # Errors
/// Fails if an argument or the password is not valid, the account exists or does not exist, or the database
/// fails.
pub async fn run(app: &App, command: UserCommand) -> Result<(), StartError> {
    let outcome = match command {
        UserCommand::List => list(app).await,
        UserCommand::Add { email, role, name } => add(app, email, role, name).await,
        UserCommand::Password { email } => set_password(app, email).await,
    };
    outcome.map_err(|problem| {
        let violations: Vec<String> = problem.errors.iter().map(|f| format!("{}: {}", f.pointer, f.message)).collect();
        format!("{} {}", problem.detail, violations.join("; ")).trim_end().to_owned().into()
    })
}

async fn list(app: &App) -> Result<(), Problem> {
    let rows = app.database.read(|c| Ok::<_, Problem>(accounts::all(c)?)).await?;
    let line = |row: &accounts::AccountRow| {
        format!("{}\t{}\t{}\t{}\n", row.email, row.role, if row.active { "active" } else { "closed" }, row.name)
    };
    print(&rows.iter().map(line).collect::<String>()).map_err(|error| Problem::internal(&error))
}

async fn add(app: &App, email: String, role: Role, name: String) -> Result<(), Problem> {
    let email = crate::content::values::email(accounts::normal_email(&email)).map_err(input_problem)?;
    let hash = read_password(app, &email)?;
    let name = if name.is_empty() { email.clone() } else { name };
    let insert = move |c: &mut Db| {
        let row = accounts::insert(c, &email, &name, role, hash)?;
        audit_log::append(c, &author(), "create", &row.id, &json!({"email": row.email, "role": row.role}))?;
        Ok::<_, Problem>(row)
    };
    let row = app.database.write(insert).await?;
    report(&format!("{} may log in as {}", row.email, row.role));
    Ok(())
}

async fn set_password(app: &App, email: String) -> Result<(), Problem> {
    let hash = read_password(app, &email)?;
    app.database
        .write(move |c| {
            let row = accounts::by_email(c, &email)?.ok_or_else(|| Problem::not_found("account"))?;
            one_time_tokens::replace_password(c, &author(), "password_change", row, hash).map(drop)
        })
        .await?;
    report("The password was set, and all sessions of the account have ended.");
    Ok(())
}

fn author() -> Author {
    Author { request_id: "command".to_owned(), ..Author::default() }
}

fn input_problem((_, message): (&'static str, String)) -> Problem {
    Problem::new(crate::problem::ProblemKind::Invalid, message)
}

fn read_password(app: &App, email: &str) -> Result<String, Problem> {
    print_error("Password (one line on standard input):");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| Problem::internal(&error))?;
    let password = line.trim_end_matches(['\r', '\n']);
    passwords::check_new(password, email).map_err(input_problem)?;
    app.hasher.hash_now(password).map_err(|error| Problem::internal(&error))
}
