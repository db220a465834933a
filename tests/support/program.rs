//! The program as a process of its own.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::app::{Backend, PASSWORD};
use super::client::Client;
use super::postgres::{free_port, new_database};

/// E-mail address of the first administrator.
pub const ADMINISTRATOR: &str = "admin@example.org";

/// A running `plenary serve`.
pub struct Program {
    child: Child,
    pub url: String,
}

/// Returns the URL or path of a new database for a program.
pub fn fresh_database(backend: Backend, folder: &Path) -> String {
    match backend {
        Backend::Sqlite => folder.join("plenary.db").display().to_string(),
        Backend::Postgres(port) => new_database(port),
    }
}

/// Returns the command of the program with these arguments. No `PLENARY_…` variable of this process reaches
/// it.
pub fn command(database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenary"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PLENARY_")) {
        command.env_remove(name);
    }
    if database.starts_with("postgres:") {
        // With SQLite, the search index is beside the file of the database by default.
        let name = database.rsplit('/').next().unwrap_or_default();
        command.env("PLENARY_SEARCH__FOLDER", Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
    }
    command
        .args(arguments)
        .env("PLENARY_DATABASE_URL", database)
        .env("PLENARY_AUTH__HASH_MEMORY_KIB", "64")
        .env("PLENARY_AUTH__HASH_PASSES", "1")
        .stdin(Stdio::null());
    command
}

/// Runs the program with these arguments and waits for its end.
pub fn run(database: &str, arguments: &[&str]) -> Output {
    command(database, arguments).output().expect("the program starts")
}

impl Program {
    /// Starts the server and waits until it is ready.
    pub fn start(database: &str) -> Self {
        Self::start_with(database, |_| {})
    }

    /// Starts the server with its log redirected, and waits until it is ready.
    pub fn start_logging(database: &str, log: impl Into<Stdio>) -> Self {
        Self::start_with(database, |command| {
            command.stderr(log);
        })
    }

    /// Starts the server with changed arguments, variables or standard error, and waits until it is ready.
    pub fn start_with(database: &str, change: impl FnOnce(&mut Command)) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{address}");
        let mut command = command(database, &["serve", "--listen", &address, "--public-url", &url]);
        command
            .env("PLENARY_ADMIN_PASSWORD", PASSWORD)
            .env("PLENARY_SERVER__WORKERS", "2")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        change(&mut command);
        let child = command.spawn().expect("the program starts");
        let program = Self { child, url };
        let begun = Instant::now();
        while program.client().try_get("/readyz").is_none_or(|reply| reply.status != 200) {
            assert!(begun.elapsed() < Duration::from_secs(30), "the program is not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
        program
    }

    /// Returns a client that is not logged in.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// Returns a client that is logged in as the first administrator.
    pub fn administrator(&self) -> Client {
        let body = serde_json::json!({"email": ADMINISTRATOR, "password": PASSWORD});
        let reply = self.client().post("/api/v1/auth/login", &body).expect(200);
        self.client().with_token(reply.json()["access_token"].as_str().expect("a token"))
    }

    /// Ends the program with SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ended");
    }

    /// Ends the program with SIGTERM, waits for its end, and returns its standard output.
    pub fn terminate(mut self) -> String {
        self.ask_to_end();
        let status = self.child.wait().expect("it ended");
        assert!(status.success(), "{status}");
        let mut printed = String::new();
        self.child.stdout.take().expect("its output").read_to_string(&mut printed).expect("text");
        printed
    }

    /// Sends SIGTERM.
    pub fn ask_to_end(&self) {
        self.signal("-TERM");
    }

    /// Sends SIGHUP, upon which the housekeeping runs at once.
    pub fn ask_to_keep_house(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, name: &str) {
        Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
