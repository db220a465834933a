//! Postgres behind PgBouncer: sessions of their own work, shared ones are refused at the start.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;
use tempfile::TempDir;

use crate::support::app::{Backend, TestApp};
use crate::support::postgres::{free_port, new_database, unprivileged_user};
use crate::support::program::run;

/// A running PgBouncer.
struct Pooler {
    server: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    /// In front of the Postgres on this port.
    fn start(postgres: u16, mode: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("plenary-pooler-").tempdir().expect("a temporary folder");
        let port = free_port();
        let (settings, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users.txt"));
        std::fs::write(&users, "\"plenary\" \"\"\n").unwrap();
        std::fs::write(
            &settings,
            format!(
                "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\nmax_client_conn = 200\n",
                users.display()
            ),
        )
        .unwrap();
        // Where Debian puts it is not on everybody's path.
        let own = std::path::Path::new("/usr/sbin/pgbouncer");
        let mut command = Command::new(if own.exists() { own } else { std::path::Path::new("pgbouncer") });
        // It refuses to run as root, as Postgres does.
        if let Some((uid, gid)) = unprivileged_user() {
            for path in [folder.path(), &settings, &users] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("given away");
            }
            command.uid(uid).gid(gid);
        }
        let server = command
            .arg("-q")
            .arg(&settings)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PgBouncer is installed: ./test does that");
        Self { server, port, _folder: folder }
    }

    /// A new database by way of it.
    fn database(&self, postgres: u16) -> String {
        let url = new_database(postgres).replace(&format!(":{postgres}/"), &format!(":{}/", self.port));
        let begun = Instant::now();
        while PgConnection::establish(&url).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "PgBouncer does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        url
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[apply(api_test)]
fn sessions_of_their_own_work(app: &TestApp) {
    let Backend::Postgres(port) = app.backend else { return };
    let pooler = Pooler::start(port, "session");
    let url = pooler.database(port);
    // Three nodes at once on an empty database.
    let nodes: Vec<TestApp> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| TestApp::start_with(app.backend, |config| config.database_url = url.clone()));
        [start(), start(), start()].into_iter().map(|node| node.join().expect("a node starts")).collect()
    });
    for (number, node) in nodes.iter().enumerate() {
        node.editor().create("topics", &json!({"name": format!("Node {number}"), "status": "published"}));
    }
    for node in &nodes {
        let all = node.visitor().get("/api/v1/topics?sort=name").expect(200).json();
        assert_eq!(all["data"].as_array().unwrap().len(), 3);
    }
}

#[apply(api_test)]
fn shared_sessions_are_refused(app: &TestApp) {
    let Backend::Postgres(port) = app.backend else { return };
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(port, mode);
        let url = pooler.database(port);
        let output = run(&url, &["migrate"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("pool_mode=session"), "{mode}: {said}");
        let doctor = run(&url, &["doctor"]);
        assert!(String::from_utf8_lossy(&doctor.stdout).contains("PROBLEM  the database is behind a pooler"));
        assert!(!doctor.status.success());
    }
}

/// The lock of migrations ends with their transaction, whatever comes of that.
#[apply(api_test)]
fn a_migration_that_fails_leaves_no_lock(app: &TestApp) {
    use plenary::database::{connection, migrate};
    let address = app.app.database.address();
    let mut first = connection::connect(address, &Default::default()).unwrap();
    first.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')").unwrap();
    migrate::migrate(&mut first).unwrap_err();
    first.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '99990101000000'").unwrap();
    // The first connection is open still.
    let mut second = connection::connect(address, &Default::default()).unwrap();
    assert_eq!(migrate::migrate(&mut second).unwrap(), 0);
    drop(first);
}
