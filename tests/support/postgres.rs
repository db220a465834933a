//! A Postgres server for the tests, created in a temporary folder and stopped at the end.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tempfile::TempDir;

use super::app::Backend;

/// A running cluster.
pub struct Postgres {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Creates a cluster and starts it. Postgres refuses to run as root, so root runs it as another user.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Creates and starts a cluster with further settings.
    pub fn start_with(settings: &[&str]) -> Self {
        let programs = find_programs();
        let folder = tempfile::Builder::new().prefix("plenary-pg-").tempdir().expect("a temporary folder");
        let user = unprivileged_user();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).expect("the folder given away");
        }
        let data = folder.path().join("data");
        let made = command(&programs.join("initdb"), user)
            .arg("-D")
            .arg(&data)
            .args(["-U", "plenary", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        Self::serve(folder, settings)
    }

    /// Starts the server of the cluster in a folder.
    fn serve(folder: TempDir, settings: &[&str]) -> Self {
        let port = free_port();
        let server = command(&find_programs().join("postgres"), unprivileged_user())
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-p", &port.to_string(), "-k", "", "-c", "listen_addresses=127.0.0.1"])
            // Safe without fsync: the tests kill Plenary but never the operating system, so commits are not
            // lost.
            .args(["-c", "fsync=off", "-c", "max_connections=500", "-c", "shared_buffers=64MB"])
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        let postgres = Self { server, port, folder };
        postgres.wait();
        postgres
    }

    /// Starts a hot standby of this server.
    pub fn standby(&self) -> Self {
        let folder = tempfile::Builder::new().prefix("plenary-standby-").tempdir().expect("a temporary folder");
        let user = unprivileged_user();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).expect("the folder given away");
        }
        let copied = command(&find_programs().join("pg_basebackup"), user)
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "plenary", "--checkpoint=fast", "-R", "-D"])
            .arg(folder.path().join("data"))
            .output()
            .expect("pg_basebackup runs");
        assert!(copied.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&copied.stderr));
        Self::serve(folder, &["hot_standby=on"])
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn wait(&self) {
        let begun = Instant::now();
        while PgConnection::establish(&url(self.port, "postgres")).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "Postgres does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the server as a backend for tests.
    pub fn backend(&self) -> Backend {
        Backend::Postgres(self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        debug_assert!(self.folder.path().exists(), "it is removed after the server has ended");
        // SIGQUIT is an immediate shutdown, which is enough since the data is discarded.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// Creates an empty database and returns its URL.
pub fn new_database(port: u16) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::establish(&url(port, "postgres")).expect("a connection");
    connection.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database");
    url(port, &name)
}

/// Creates an empty database whose files are in a folder, and returns its URL.
pub fn new_database_in(port: u16, folder: &Path) -> String {
    if let Some((uid, gid)) = unprivileged_user() {
        std::os::unix::fs::chown(folder, Some(uid), Some(gid)).expect("the folder given away");
    }
    let database = new_database(port);
    let name = database.rsplit('/').next().expect("its name");
    let mut connection = PgConnection::establish(&url(port, "postgres")).expect("a connection");
    connection
        .batch_execute(&format!("CREATE TABLESPACE {name} LOCATION '{}'", folder.display()))
        .and_then(|()| connection.batch_execute(&format!("ALTER DATABASE {name} SET TABLESPACE {name}")))
        .expect("a database in that folder");
    database
}

/// Returns the URL of a database of the server on this port.
pub fn url(port: u16, database: &str) -> String {
    format!("postgres://plenary@127.0.0.1:{port}/{database}")
}

/// Returns the folder of the newest installed Postgres. `tests/setup` ensures that it is new enough.
fn find_programs() -> PathBuf {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    packaged
        .map(|version| version.path().join("bin"))
        .chain(std::env::var_os("PATH").iter().flat_map(std::env::split_paths))
        .filter(|place| ["initdb", "postgres", "pg_basebackup"].iter().all(|program| place.join(program).exists()))
        .max_by_key(|place| major_version(&place.join("postgres")))
        .expect("Postgres is not installed: run ./test, which installs what the tests need")
}

/// Returns the first number in the output of `postgres --version`.
fn major_version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split(|c: char| !c.is_ascii_digit()).find_map(|number| number.parse().ok())
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Returns the user and group to run Postgres as, if the tests run as root.
pub fn unprivileged_user() -> Option<(u32, u32)> {
    if id(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|name| Some((id(&["-u", name])?, id(&["-g", name])?)))
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Returns a port that is not in use.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}
