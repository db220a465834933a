//! The program itself, as a process.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::app::{Backend, PASSWORD};
use super::client::Client;
use super::postgres::{free_port, new_database};

/// The first administrator of a program.
pub const ADMINISTRATOR: &str = "admin@example.org";

/// A running `plenary serve`.
pub struct Program {
    child: Child,
    pub url: String,
}

/// A database of its own for a program.
pub fn fresh_database(backend: Backend, folder: &Path) -> String {
    match backend {
        Backend::Sqlite => folder.join("plenary.db").display().to_string(),
        Backend::Postgres(port) => new_database(port),
    }
}

/// The program with these arguments, not yet started. Nothing of this process' surroundings reaches it.
pub fn command(database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenary"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PLENARY_")) {
        command.env_remove(name);
    }
    if database.starts_with("postgres:") {
        // A SQLite file has its index beside it.
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

/// Runs a command to its end.
pub fn run(database: &str, arguments: &[&str]) -> Output {
    command(database, arguments).output().expect("the program starts")
}

impl Program {
    /// Starts the server and waits until it is ready.
    pub fn start(database: &str) -> Self {
        Self::start_with(database, |_| {})
    }

    /// The same with its log at this place.
    pub fn start_logging(database: &str, log: impl Into<Stdio>) -> Self {
        Self::start_with(database, |command| {
            command.stderr(log);
        })
    }

    /// The same with changed arguments, variables or standard error.
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

    /// A client that is not logged in.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// The administrator.
    pub fn administrator(&self) -> Client {
        let body = serde_json::json!({"email": ADMINISTRATOR, "password": PASSWORD});
        let reply = self.client().post("/api/v1/auth/login", &body).expect(200);
        self.client().with_token(reply.json()["access_token"].as_str().expect("a token"))
    }

    /// Ends it without any warning.
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ended");
    }

    /// Asks it to end, waits for that, and gives what it printed.
    pub fn terminate(mut self) -> String {
        self.ask_to_end();
        let status = self.child.wait().expect("it ended");
        assert!(status.success(), "{status}");
        let mut printed = String::new();
        self.child.stdout.take().expect("its output").read_to_string(&mut printed).expect("text");
        printed
    }

    /// SIGTERM.
    pub fn ask_to_end(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP: keep house at once.
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
