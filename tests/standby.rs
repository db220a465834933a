//! Durability as the operator wants it: a commit waits for a standby, and nobody is told that it did not happen.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{Connection, PgConnection};
use plenary::database::Db;
use plenary::database::schema::items;
use serde_json::json;

use crate::support::app::{Backend, TestApp};
use crate::support::moments::wait_for;
use crate::support::postgres::{Postgres, url};
use crate::write_faults::other_connection;

fn count(connection: &mut PgConnection, slug: &str) -> i64 {
    items::table.filter(items::slug.eq(slug.to_owned())).count().get_result(connection).unwrap()
}

#[apply(api_test)]
fn a_stronger_durability_is_kept(app: &TestApp) {
    let Backend::Postgres(_) = app.backend else { return };
    let primary = Postgres::start_with(&[]);
    let backend = primary.backend();
    // The schema is there before the standby is, and nothing waits for it yet.
    let node = TestApp::start_with(backend, |config| config.server.database_timeout_seconds = 5);
    let standby = primary.standby();
    let Backend::Postgres(port) = backend else { return };
    let mut administrator = PgConnection::establish(&url(port, "postgres")).unwrap();
    for statement in [
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
        "ALTER SYSTEM SET synchronous_commit = 'remote_apply'",
        "SELECT pg_reload_conf()",
        // Sessions read at their start what they keep.
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plenary write'",
    ] {
        administrator.batch_execute(statement).unwrap();
    }
    let editor = node.editor();
    editor.create("topics", &json!({"name": "Both", "slug": "both"}));
    let database = node.config.database_url.rsplit('/').next().unwrap().to_owned();
    let mut replica = PgConnection::establish(&url(standby.port(), &database)).unwrap();
    // With remote_apply, whoever is told so finds it on the standby at once.
    assert_eq!(count(&mut replica, "both"), 1);
    replica.batch_execute("SELECT pg_wal_replay_pause()").unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| editor.post("/api/v1/topics", &json!({"name": "Waits", "slug": "waits"})));
        std::thread::sleep(Duration::from_millis(1_500));
        assert!(!waits.is_finished(), "the write waits for the standby");
        // Even where its session is ended, it is only told once the standby has it.
        administrator
            .batch_execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plenary write'",
            )
            .unwrap();
        std::thread::sleep(Duration::from_millis(1_500));
        assert!(!waits.is_finished(), "the write waits for the standby");
        replica.batch_execute("SELECT pg_wal_replay_resume()").unwrap();
        waits.join().unwrap().expect(201);
    });
    assert_eq!(count(&mut replica, "waits"), 1);
    // Whoever waits in vain is not told that it was refused.
    replica.batch_execute("SELECT pg_wal_replay_pause()").unwrap();
    let told = editor.post("/api/v1/topics", &json!({"name": "Unknown", "slug": "unknown"}));
    let problem = told.problem(503, &[]);
    assert!(problem["type"].as_str().unwrap().ends_with("/outcome-unknown"), "{problem:#}");
    replica.batch_execute("SELECT pg_wal_replay_resume()").unwrap();
    wait_for("the write on the standby", || count(&mut replica, "unknown") == 1);
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

#[apply(api_test)]
fn a_weaker_durability_is_raised(app: &TestApp) {
    let Backend::Postgres(port) = app.backend else { return };
    let database = app.config.database_url.rsplit('/').next().unwrap();
    let mut administrator = PgConnection::establish(&url(port, "postgres")).unwrap();
    for (own, expected) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
    {
        administrator.batch_execute(&format!("ALTER DATABASE {database} SET synchronous_commit = '{own}'")).unwrap();
        let Db::Postgres(mut session) = other_connection(app) else { panic!("not a connection to Postgres") };
        let is: Setting = diesel::sql_query("SELECT current_setting('synchronous_commit') AS value")
            .get_result(&mut session)
            .unwrap();
        assert_eq!(is.value, expected, "{own}");
    }
}

#[apply(api_test)]
fn a_read_only_database_is_told(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Before"}));
    match app.backend {
        // A standby says the same.
        Backend::Postgres(port) => {
            let database = app.config.database_url.rsplit('/').next().unwrap();
            let mut administrator = PgConnection::establish(&url(port, "postgres")).unwrap();
            administrator
                .batch_execute(&format!(
                    "ALTER DATABASE {database} SET default_transaction_read_only = on; \
                     SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = '{database}' AND application_name = 'plenary write'"
                ))
                .unwrap();
        }
        // What SQLite says where the file is read-only, which root may write all the same.
        Backend::Sqlite => other_connection(app)
            .batch_execute(
                "CREATE TRIGGER read_only BEFORE INSERT ON items \
                 BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END",
            )
            .unwrap(),
    }
    let reply = editor.post("/api/v1/topics", &json!({"name": "After"}));
    assert!(!reply.header("retry-after").is_empty());
    let problem = reply.problem(503, &[]);
    assert!(problem["detail"].as_str().unwrap().contains("read-only"), "{problem:#}");
    editor.get("/api/v1/topics?status=any").expect(200);
}
