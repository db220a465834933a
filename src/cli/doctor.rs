//! The command `plenary doctor`, which examines an installation and prints what is wrong and what to do about
//! it.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use chrono::Datelike;

use super::finding::{Finding, problem, success, warning};
use super::{print, surroundings};
use crate::app::StartError;
use crate::auth::accounts;
use crate::auth::permissions::Role;
use crate::config::Config;
use crate::config::network::is_loopback;
use crate::database::{Address, Db, connection, inspect, migrate};
use crate::editorial::zone_rules;
use crate::search;
use crate::time_zone::rules;

/// Runs all checks and prints their findings. Returns `true` if none is a problem. Nothing is changed.
///
/// # Errors
/// Fails if standard output cannot be written.
pub fn examine(config: &Config) -> Result<bool, StartError> {
    let mut findings = vec![success("the configuration is valid")];
    findings.extend(settings(config));
    findings.extend(surroundings::examine(config));
    findings.push(rules_in_use());
    findings.extend(port(config));
    findings.extend(search_index(config));
    findings.extend(database(config));
    let mut text = String::new();
    for finding in &findings {
        text.push_str(&finding.text());
    }
    print(&text)?;
    Ok(!findings.iter().any(Finding::is_problem))
}

fn settings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for variable in &config.ignored_variables {
        findings.push(warning(
            format!("{variable} is not a setting and is ignored"),
            "plenary.example.toml lists all settings; the variable of site.time_zone is PLENARY_SITE__TIME_ZONE.",
        ));
    }
    let local = is_loopback(&config.public_url);
    if local && !config.listen.starts_with("127.") && !config.listen.starts_with("[::1]") {
        findings.push(warning(
            format!(
                "the server listens on {} for other machines, but public_url is {}",
                config.listen, config.public_url
            ),
            "Set public_url to the URL that clients use: links and problem types begin with it.",
        ));
    }
    if !local && config.public_url.starts_with("http:") {
        findings.push(warning(
            format!("public_url is {}: tokens and passwords travel unencrypted", config.public_url),
            "Use a reverse proxy with TLS and set public_url to its https URL.",
        ));
    }
    if config.auth.hash_memory_kib < 19_456 || config.auth.hash_passes < 2 {
        findings.push(warning(
            "passwords are hashed with less work than OWASP recommends",
            "Set auth.hash_memory_kib to at least 19456 and auth.hash_passes to at least 2.",
        ));
    }
    findings
}

/// Reports the time zone rules in use. Rules that are older than last year get a warning.
fn rules_in_use() -> Finding {
    let rules = rules::current_rules();
    let title = match &rules.folder {
        Some(folder) => format!("time zone rules: {} from {}", rules.release, folder.display()),
        None => format!("time zone rules: {}, built-in", rules.release),
    };
    let year: Option<i32> = rules.release.get(..4).and_then(|year| year.parse().ok());
    match year {
        Some(year) if year + 1 >= chrono::Utc::now().year() => success(title),
        _ => warning(title, "They may be out of date: install the distribution's newest tzdata, or a newer Plenary."),
    }
}

/// Warns if the stored times were computed with newer rules than this machine has.
fn stored_rules(connection: &mut Db) -> diesel::QueryResult<Vec<Finding>> {
    let (current, recorded) = (rules::current_rules(), zone_rules::load_recorded(connection)?);
    Ok(match recorded {
        Some(recorded) if recorded > current.release => vec![warning(
            format!(
                "stored times were computed with time zone rules {recorded}, which are newer than those of this machine"
            ),
            "Install the newest tzdata on this machine too: all nodes of a site should use the same rules.",
        )],
        _ => Vec::new(),
    })
}

fn port(config: &Config) -> Vec<Finding> {
    match TcpListener::bind(&config.listen) {
        Ok(_) => vec![success(format!("{} is free to listen on", config.listen))],
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => vec![warning(
            format!("{} is in use", config.listen),
            "This is expected while Plenary runs; otherwise set listen to another port.",
        )],
        Err(error) => vec![problem(
            format!("{} cannot be listened on: {error}", config.listen),
            "Set listen to an address of this machine and a port that this user may use.",
        )],
    }
}

/// Checks that the folder of the search index, or the nearest existing folder above it, can be written.
fn search_index(config: &Config) -> Vec<Finding> {
    let folder = search::folder(config);
    let existing = folder.ancestors().find(|part| part.is_dir()).unwrap_or(Path::new("."));
    match tempfile::tempfile_in(existing) {
        Ok(_) => vec![success(format!("the search index can be written ({})", folder.display()))],
        Err(error) => vec![problem(
            format!("the search index cannot be written in {}: {error}", existing.display()),
            "Set search.folder to a folder that this user may write.",
        )],
    }
}

fn database(config: &Config) -> Vec<Finding> {
    let address = config.address();
    if let Address::Sqlite(path) = &address
        && !Path::new(path).exists()
    {
        return vec![warning(format!("there is no database at {path} yet"), "plenary serve creates it.")];
    }
    let mut connection = match connection::connect(&address, &Arc::default()) {
        Ok(connection) => connection,
        Err(error) => {
            return vec![problem(
                format!("the database cannot be opened: {error}"),
                "Check database_url: the path and its permissions, or host, port, user and password.",
            )];
        }
    };
    let mut findings = vec![success(format!("the database can be opened ({})", address.name()))];
    if inspect::shares_sessions(&address).unwrap_or(false) {
        findings.push(problem(inspect::POOLER, "plenary serve refuses to start with this database."));
        return findings;
    }
    if let Some(reason) = inspect::read_only(&mut connection).unwrap_or_else(|error| Some(error.to_string())) {
        findings.push(problem(
            format!("the database does not accept writes: {reason}"),
            "Check the permissions and mounts of the file and its folder, or whether this Postgres is a standby.",
        ));
        // The remaining checks cannot run: reading the applied migrations creates their table if it is
        // missing.
        return findings;
    }
    if let Err(error) = migrate::refuse_newer(&mut connection) {
        findings.push(problem(error.to_string(), "plenary serve refuses this database as well."));
        return findings;
    }
    match migrate::count_pending(&mut connection) {
        Ok(0) => findings.extend(content(&mut connection, config).unwrap_or_else(|error| {
            vec![problem(format!("the database does not answer: {error}"), "See the log of the database.")]
        })),
        Ok(steps) => findings.push(warning(
            format!("{steps} migrations are pending"),
            "plenary serve applies them at start; plenary migrate applies them now.",
        )),
        Err(error) => findings.push(problem(
            format!("the migrations cannot be read: {error}"),
            "Check that this is a database of Plenary and that the user may read it.",
        )),
    }
    findings
}

fn content(connection: &mut Db, config: &Config) -> diesel::QueryResult<Vec<Finding>> {
    let mut findings = vec![success("all migrations are applied")];
    findings.push(match inspect::durability(connection)? {
        Ok(()) => success("acknowledged writes are on disk"),
        Err(setting) => problem(
            format!("a crash can lose acknowledged writes ({setting})"),
            "Turn these settings of the database on.",
        ),
    });
    let damage = inspect::damage(connection)?;
    if damage.is_empty() {
        findings.push(success(format!("no damage found; {} items", inspect::items(connection)?)));
    }
    for found in damage {
        findings.push(problem(
            format!("damage: {found}"),
            "Stop Plenary and restore a backup: plenary restore --replace renames the damaged database.",
        ));
    }
    findings.extend(stored_rules(connection)?);
    let ahead = inspect::clock_ahead(connection)?;
    if ahead.abs() > 5 {
        findings.push(warning(
            format!("the clocks of the database and of this machine differ by {ahead} s"),
            "Synchronise both clocks: tokens and schedules depend on them.",
        ));
    }
    findings.extend(connections(connection, config)?);
    let administrators = accounts::all(connection)?;
    if administrators.iter().any(|account| account.active && account.role() == Role::Administrator) {
        findings.push(success(format!("{} accounts, an administrator among them", administrators.len())));
    } else {
        findings.push(warning(
            "there is no administrator",
            "plenary serve creates the first one; plenary user add EMAIL --role administrator creates another.",
        ));
    }
    Ok(findings)
}

fn connections(connection: &mut Db, config: &Config) -> diesel::QueryResult<Vec<Finding>> {
    let connections_per_node = crate::app::readers(config) as i64 + 1;
    Ok(match inspect::most_connections(connection)? {
        Some(allowed) if connections_per_node * 2 > allowed => vec![warning(
            format!("one node uses {connections_per_node} of the {allowed} connections that the database allows"),
            "Lower server.database_readers, or raise max_connections before a second node starts.",
        )],
        _ => Vec::new(),
    })
}
