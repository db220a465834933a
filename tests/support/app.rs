//! The application under test, in this process and on a port of its own.

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use plenary::app::App;
use plenary::auth::accounts;
use plenary::auth::permissions::Role;
use plenary::config::Config;
use plenary::problem::Problem;
use plenary::server;
use tempfile::TempDir;

use super::client::Client;
use super::moments::wait_for;
use super::postgres::new_database;

/// The database that a test runs on.
#[derive(Debug, Clone, Copy)]
pub enum Backend {
    /// A file in a temporary folder.
    Sqlite,
    /// The test suite's Postgres server on this port.
    Postgres(u16),
}

/// The test suite's Postgres server.
pub static POSTGRES: std::sync::OnceLock<Backend> = std::sync::OnceLock::new();

/// The password of all test accounts.
pub const PASSWORD: &str = "correct horse battery";

/// A running application.
pub struct TestApp {
    /// Base URL of the application.
    pub url: String,
    /// Database of the application.
    pub backend: Backend,
    /// Configuration of the application.
    pub config: Config,
    /// The application itself, for tests that bypass HTTP.
    pub app: Arc<App>,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl TestApp {
    /// Starts an application with a new database.
    pub fn start(backend: Backend) -> Self {
        Self::start_with(backend, |_| {})
    }

    /// Starts an application with a new database and a changed configuration.
    pub fn start_with(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(backend, TcpListener::bind("127.0.0.1:0").expect("a port"), change)
    }

    /// Starts an application like [`TestApp::start_with`] that listens here.
    pub fn start_at(backend: Backend, listener: TcpListener, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = config(backend, &folder);
        change(&mut config);
        Self::serve(backend, listener, config, folder)
    }

    /// Starts another node on the same database, with a search index of its own.
    pub fn second_node(&self) -> Self {
        self.second_node_with(|_| {})
    }

    /// Starts another node like [`TestApp::second_node`] with a changed configuration.
    pub fn second_node_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = self.config.clone();
        change(&mut config);
        config.search.folder = folder.path().join("search").display().to_string();
        Self::serve(self.backend, TcpListener::bind("127.0.0.1:0").expect("a port"), config, folder)
    }

    fn serve(backend: Backend, listener: TcpListener, config: Config, folder: TempDir) -> Self {
        assert_eq!(config.violations(), Vec::<String>::new());
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (tell, told) = mpsc::channel();
        let shown = config.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = App::start(shown).await.expect("the application starts");
                let running = server::server(Arc::clone(&app), listener).expect("the server starts");
                tell.send((running.handle(), app)).expect("the test listens");
                running.await.expect("the server ends well");
            });
        });
        let (handle, app) = told.recv().expect("the server started");
        Self { url, backend, config, app, handle, thread: Some(thread), _folder: folder }
    }

    /// Logs in with [`PASSWORD`] and returns the JSON of the response.
    pub fn log_in(&self, email: &str) -> serde_json::Value {
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        self.visitor().post("/api/v1/auth/login", &body).expect(200).json()
    }

    /// Executes SQL statements that both databases support, bypassing the application. Where two nodes share a SQLite
    /// file, the other one may write for longer than a write waits for its turn; it is then tried again.
    pub fn sql(&self, statements: &str) {
        use diesel::connection::SimpleConnection;
        use plenary::database::{DatabaseError, Db};
        wait_for("a turn to write", || {
            let statements = statements.to_owned();
            let change = move |c: &mut Db| Ok::<_, DatabaseError>(c.batch_execute(&statements)?);
            match self.block_on(self.app.database.write(change)) {
                Err(DatabaseError::Waited) => false,
                done => done.map(|()| true).expect("the rows change"),
            }
        });
    }

    /// Returns the database that this test does not run on.
    pub fn other_backend(&self) -> Backend {
        match self.backend {
            Backend::Sqlite => *POSTGRES.get().expect("Postgres is running"),
            Backend::Postgres(_) => Backend::Sqlite,
        }
    }

    /// Returns a client that is not logged in.
    pub fn visitor(&self) -> Client {
        Client::new(&self.url)
    }

    /// Returns a client that is logged in as a new account with this role.
    pub fn client(&self, role: Role) -> Client {
        let email = format!("{}-{}@example.org", role.name(), plenary::database::new_id());
        self.account(&email, role);
        let client = self.visitor();
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        let reply = client.post("/api/v1/auth/login", &body).expect(200);
        client.with_token(reply.json()["access_token"].as_str().expect("a token"))
    }

    /// Returns a client that is logged in as a new editor.
    pub fn editor(&self) -> Client {
        self.client(Role::Editor)
    }

    /// Creates an account with [`PASSWORD`].
    pub fn account(&self, email: &str, role: Role) {
        let hash = self.app.hasher.hash_now(PASSWORD).expect("a hash");
        let email = email.to_owned();
        self.block_on(self.app.database.write(move |c| accounts::insert(c, &email, "A Tester", role, hash)))
            .map_err(|p: Problem| p.detail)
            .expect("an account");
    }

    /// Runs a future to completion on this thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        actix_web::rt::System::new().block_on(future)
    }
}

fn config(backend: Backend, folder: &TempDir) -> Config {
    let database_url = match backend {
        Backend::Sqlite => folder.path().join("plenary.db").display().to_string(),
        Backend::Postgres(port) => new_database(port),
    };
    let mut config = Config { database_url, ..Config::default() };
    // The cost of password hashing is reduced: it has tests of its own, and would only slow the others down.
    config.auth.hash_memory_kib = 64;
    config.auth.hash_passes = 1;
    config.server.workers = 1;
    config.server.database_readers = 2;
    config.server.shutdown_seconds = 1;
    config.log.level = "off".into();
    config.search.folder = folder.path().join("search").display().to_string();
    config
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let stop = self.handle.stop(false);
        actix_web::rt::System::new().block_on(stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
