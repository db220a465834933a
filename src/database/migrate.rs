//! Database migrations, which are embedded in the program and applied at its start, under a lock.

use diesel::connection::SimpleConnection;
use diesel::migration::{MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::Db;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The failure of a migration.
pub type MigrationError = Box<dyn std::error::Error + Send + Sync>;

/// Applies the missing migrations and returns their number.
///
/// # Errors
///
/// Fails if a migration fails, or if the database has migrations that this program does not know: it belongs to a
/// newer version then.
pub fn migrate(connection: &mut Db) -> Result<usize, MigrationError> {
    // One transaction around all migrations, with a lock from its start: another node that starts at the same time
    // waits for its end. A session-level lock would outlive a failure, and behind a pooler belong to the next client.
    match connection {
        Db::Sqlite(c) => c.immediate_transaction(|c| apply(c, || SQLITE)),
        Db::Postgres(c) => c.build_transaction().read_committed().run(|c| {
            c.batch_execute("SELECT pg_advisory_xact_lock(7163514291)")?;
            apply(c, || POSTGRES)
        }),
    }
}

/// Returns the number of migrations that have not been applied.
///
/// # Errors
///
/// Fails if the applied migrations cannot be read.
pub fn count_pending(connection: &mut Db) -> Result<usize, MigrationError> {
    match connection {
        Db::Sqlite(c) => Ok(c.pending_migrations(SQLITE)?.len()),
        Db::Postgres(c) => Ok(c.pending_migrations(POSTGRES)?.len()),
    }
}

/// Checks that the database belongs to no newer version.
///
/// # Errors
///
/// Fails if the database has migrations that this program does not know, or if they cannot be read.
pub fn refuse_newer(connection: &mut Db) -> Result<(), MigrationError> {
    match connection {
        Db::Sqlite(c) => refuse_unknown(c, &SQLITE),
        Db::Postgres(c) => refuse_unknown(c, &POSTGRES),
    }
}

fn apply<DB, C>(connection: &mut C, source: fn() -> EmbeddedMigrations) -> Result<usize, MigrationError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB> + diesel::Connection<Backend = DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    refuse_unknown(connection, &source())?;
    Ok(connection.run_pending_migrations(source())?.len())
}

fn refuse_unknown<DB, C>(connection: &mut C, source: &EmbeddedMigrations) -> Result<(), MigrationError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB> + diesel::Connection<Backend = DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let steps = MigrationSource::<DB>::migrations(source)?;
    let known: Vec<MigrationVersion<'static>> = steps.iter().map(|step| step.name().version().as_owned()).collect();
    match connection.applied_migrations()?.into_iter().find(|applied| !known.contains(applied)) {
        Some(unknown) => Err(format!(
            "the database has the migration {unknown}, which this version of Plenary does not know; use the version that created it"
        )
        .into()),
        None => Ok(()),
    }
}
