//! Invitations, forgotten passwords, and the second factor, with a real mail server.

use std::path::Path;
use std::time::{Duration, Instant};

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;
use crate::support::program;
use crate::support::tools::{Server, python_server};

const NEW_PASSWORD: &str = "purple rain on tin roofs";

/// A mail server that puts what it takes into a folder, and an application that uses it.
struct Post {
    app: TestApp,
    folder: tempfile::TempDir,
    _server: Server,
}

impl Post {
    fn new(app: &TestApp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail");
        let path = path.to_str().unwrap();
        let server =
            python_server(&["-m", "aiosmtpd", "-n", "-l", "127.0.0.1:{port}", "-c", "aiosmtpd.handlers.Mailbox", path]);
        let app = TestApp::start_with(app.backend, |c| {
            c.mail.smtp_url = format!("smtp://127.0.0.1:{}", server.port);
            c.mail.from = "Plenary <desk@example.org>".into();
            c.mail.link = "https://desk.example.org/password?token={token}".into();
        });
        Self { app, folder, _server: server }
    }

    fn mails(&self) -> Vec<String> {
        let read = |folder: &Path| -> Vec<String> {
            let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
            let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            paths.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
            paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
        };
        read(&self.folder.path().join("mail/new"))
    }

    /// Waits for the mail of this number, and gives the token in it.
    fn token(&self, number: usize, to: &str) -> String {
        let begun = Instant::now();
        while self.mails().len() < number {
            assert!(begun.elapsed() < Duration::from_secs(30), "no mail came");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mail = self.mails().swap_remove(number - 1);
        assert!(mail.contains(&format!("To: {to}")) && mail.contains("From: Plenary <desk@example.org>"), "{mail}");
        // Long lines are folded (quoted-printable, RFC 2045), and "=" is written out.
        let text = mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
        let (_, rest) = text.split_once("https://desk.example.org/password?token=").expect("a link");
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

fn login(app: &TestApp, email: &str, password: &str, code: Option<&str>) -> Reply {
    app.visitor().post("/api/v1/auth/login", &json!({"email": email, "password": password, "code": code}))
}

fn set(app: &TestApp, token: &str, password: &str) -> Reply {
    app.visitor().post("/api/v1/auth/password-reset/confirm", &json!({"token": token, "new_password": password}))
}

#[apply(api_test)]
fn an_invitation_makes_an_account(app: &TestApp) {
    let post = Post::new(app);
    let app = &post.app;
    let admin = app.client(Role::Administrator);
    let new = json!({"email": "bram@example.org", "name": "Bram", "role": "contributor"});
    let made = admin.post("/api/v1/accounts", &new).expect(201);
    let token = post.token(1, "bram@example.org");
    // Before it is taken up, nobody logs in, with whatever password.
    login(app, "bram@example.org", PASSWORD, None).problem(401, &[]);
    set(app, &token, "short").problem(422, &[("/new_password", "password_length")]);
    set(app, "nonsense", NEW_PASSWORD).problem(422, &[("/token", "not_valid")]);
    set(app, &token, NEW_PASSWORD).expect(204);
    set(app, &token, PASSWORD).problem(422, &[("/token", "not_valid")]);
    let tokens = login(app, "bram@example.org", NEW_PASSWORD, None).expect(200).json();
    assert_eq!(tokens["account"]["role"], "contributor");
    // Whoever has a password needs no invitation.
    let again = format!("{}/invitation", made.header("location"));
    admin.post(&again, &json!({})).problem(409, &[]);
    let audit = admin.get("/api/v1/audit?kind=account&action=password_reset").expect(200).json();
    assert_eq!(audit["data"].as_array().unwrap().len(), 1);
    app.editor().post(&again, &json!({})).problem(403, &[]);
}

#[apply(api_test)]
fn a_forgotten_password_is_set_anew(app: &TestApp) {
    let post = Post::new(app);
    let app = &post.app;
    app.account("anna@example.org", Role::Editor);
    let tokens = login(app, "anna@example.org", PASSWORD, None).expect(200).json();
    let ask = |email: &str| app.visitor().post("/api/v1/auth/password-reset", &json!({"email": email}));
    // The answer is the same for those who have no account; and a second mail has to wait.
    assert_eq!(ask("nobody@example.org").expect(202).body, ask("Anna@example.org").expect(202).body);
    let token = post.token(1, "anna@example.org");
    ask("anna@example.org").expect(202);
    // Somebody guessed meanwhile; whoever reads the mail need not wait for that.
    for _ in 0..5 {
        login(app, "anna@example.org", "wrong wrong wrong", None).problem(401, &[]);
    }
    login(app, "anna@example.org", PASSWORD, None).problem(429, &[]);
    set(app, &token, NEW_PASSWORD).expect(204);
    login(app, "anna@example.org", PASSWORD, None).problem(401, &[]);
    login(app, "anna@example.org", NEW_PASSWORD, None).expect(200);
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    app.visitor().post("/api/v1/auth/refresh", &refresh).problem(401, &[]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(post.mails().len(), 1);
    ask("no address").problem(422, &[("/email", "not_an_email")]);
}

/// Whoever reads an old mail does not set the password again.
#[apply(api_test)]
fn mailed_tokens_end_with_the_password(app: &TestApp) {
    let post = Post::new(app);
    let app = &post.app;
    app.account("anna@example.org", Role::Editor);
    let asked = |number: usize| {
        app.visitor().post("/api/v1/auth/password-reset", &json!({"email": "anna@example.org"})).expect(202);
        post.token(number, "anna@example.org")
    };
    let refused = |token: &str| set(app, token, PASSWORD).problem(422, &[("/token", "not_valid")]);
    let token = asked(1);
    let tokens = login(app, "anna@example.org", PASSWORD, None).expect(200).json();
    let anna = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    anna.post("/api/v1/auth/password", &json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD}))
        .expect(204);
    refused(&token);
    let token = asked(2);
    let admin = app.client(Role::Administrator);
    let path = format!("/api/v1/accounts/{}", tokens["account"]["id"].as_str().unwrap());
    let change = |change: &Value| {
        let tag = admin.get(&path).expect(200).etag().to_owned();
        admin.patch(&path, &tag, change).expect(200);
    };
    change(&json!({"password": "green rain on tin roofs"}));
    refused(&token);
    let token = asked(3);
    let mut command = program::command(&app.config.database_url, &["user", "password", "anna@example.org"]);
    command.env("PLENARY_SEARCH__FOLDER", tempfile::tempdir().unwrap().path().join("search"));
    let mut child = command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"blue rain on tin roofs\n").unwrap();
    assert!(child.wait().unwrap().success());
    refused(&token);
    login(app, "anna@example.org", "blue rain on tin roofs", None).expect(200);
    let token = asked(4);
    for active in [false, true] {
        change(&json!({"active": active}));
    }
    refused(&token);
    // What does not concern the password leaves the token.
    let token = asked(5);
    change(&json!({"role": "viewer"}));
    set(app, &token, PASSWORD).expect(204);
}

/// Anybody can ask for resets: those for unknown addresses take nothing from the writer, and only some wait for it.
#[apply(api_test)]
fn requests_for_resets_are_bounded(app: &TestApp) {
    const MOST: usize = 16;
    let post = Post::new(app);
    let app = &post.app;
    for number in 0..MOST + 4 {
        app.account(&format!("reader-{number}@example.org"), Role::Viewer);
    }
    let ask = |email: &str| app.visitor().post("/api/v1/auth/password-reset", &json!({"email": email})).expect(202);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let database = app.app.database.clone();
    let writer = std::thread::spawn(move || {
        let released = std::sync::Arc::new(std::sync::Mutex::new(released));
        let hold = move |_: &mut plenary::database::Db| {
            let _ = released.lock().unwrap().recv_timeout(Duration::from_secs(20));
            Ok::<_, plenary::problem::Problem>(())
        };
        actix_web::rt::System::new().block_on(database.write(hold)).map_err(|problem| problem.detail).unwrap();
    });
    wait_for("a busy writer", || app.app.database.writes_wait().is_some());
    for number in 0..2 * MOST {
        ask(&format!("nobody-{number}@example.org"));
    }
    wait_for("the look-ups", || app.app.password_resets.available_permits() == MOST);
    assert_eq!(app.app.database.writes_waiting(), 0);
    let bodies: Vec<Vec<u8>> = (0..MOST + 4).map(|number| ask(&format!("reader-{number}@example.org")).body).collect();
    assert!(bodies.iter().all(|body| *body == ask("nobody@example.org").body));
    release.send(()).unwrap();
    writer.join().unwrap();
    wait_for("the mails", || post.mails().len() == MOST);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(post.mails().len(), MOST);
    // Another request within a minute does not even reach the writer.
    ask("reader-0@example.org");
    wait_for("the look-up", || app.app.password_resets.available_permits() == MOST);
    assert_eq!(post.mails().len(), MOST);
}

#[apply(api_test)]
fn without_a_mail_server_passwords_are_given(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    let new = json!({"email": "bram@example.org", "name": "Bram", "role": "contributor"});
    admin.post("/api/v1/accounts", &new).problem(422, &[("/password", "required")]);
    let me = admin.get("/api/v1/auth/me").expect(200).json();
    admin.post(&format!("/api/v1/accounts/{}/invitation", me["id"].as_str().unwrap()), &json!({})).problem(409, &[]);
    app.visitor().post("/api/v1/auth/password-reset", &json!({"email": "bram@example.org"})).expect(202);
}

/// The code of a secret, as another program computes it (RFC 6238), so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    let seconds = (chrono::Utc::now().timestamp() + 30 * steps) as u64;
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    totp_rs::Builder::new().with_secret(secret).build().unwrap().generate(seconds).to_string()
}

/// Sets up the second factor: gives the secret and the recovery codes.
fn set_up(client: &Client) -> (String, Vec<String>) {
    let begun = client.post("/api/v1/auth/second-factor", &json!({"current_password": PASSWORD})).expect(200).json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["url"].as_str().unwrap().contains(&secret));
    client.post("/api/v1/auth/second-factor/confirm", &json!({"code": "000000x"})).problem(422, &[("/code", "wrong")]);
    // The code before this one, so that the present one is left for logging in.
    let confirmed =
        client.post("/api/v1/auth/second-factor/confirm", &json!({"code": code(&secret, -1)})).expect(200).json();
    let codes: Vec<String> =
        confirmed["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

#[apply(api_test)]
fn the_second_factor_is_asked_for(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let email = "anna@example.org";
    let tokens = login(app, email, PASSWORD, None).expect(200).json();
    let anna = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    anna.post("/api/v1/auth/second-factor", &json!({"current_password": "wrong wrong wrong"}))
        .problem(422, &[("/current_password", "wrong")]);
    anna.post("/api/v1/auth/second-factor/confirm", &json!({"code": "123456"})).problem(409, &[]);
    let elsewhere = app.log_in(email)["access_token"].as_str().unwrap().to_owned();
    let elsewhere = app.visitor().with_token(&elsewhere);
    elsewhere.get("/api/v1/auth/me").expect(200);
    let (secret, _) = set_up(&anna);
    // Sessions that were begun without a code end; this one has shown one.
    elsewhere.get("/api/v1/auth/me").problem(401, &[]);
    anna.get("/api/v1/auth/me").expect(200);
    let problem = login(app, email, PASSWORD, None).problem(401, &[]);
    assert!(problem["type"].as_str().unwrap().ends_with("/second-factor-required"));
    // Without the password one does not even learn that a code is wanted.
    let problem = login(app, email, "wrong wrong wrong", None).problem(401, &[]);
    assert!(problem["type"].as_str().unwrap().ends_with("/bad-credentials"));
    login(app, email, PASSWORD, Some("000000")).problem(401, &[]);
    let now = code(&secret, 0);
    assert_eq!(login(app, email, PASSWORD, Some(&now)).expect(200).json()["account"]["second_factor"], true);
    // A code is good once.
    login(app, email, PASSWORD, Some(&now)).problem(401, &[]);
    // Guessing makes one wait, though the password is right.
    for _ in 0..6 {
        login(app, email, PASSWORD, Some("000000"));
    }
    login(app, email, PASSWORD, Some("000000")).problem(429, &[]);
    let actions = app.client(Role::Administrator).get("/api/v1/audit?action=second_factor_begin").expect(200).json();
    assert_eq!(actions["data"].as_array().unwrap().len(), 1);
}

#[apply(api_test)]
fn recovery_codes_are_good_once(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let email = "anna@example.org";
    let tokens = login(app, email, PASSWORD, None).expect(200).json();
    let anna = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    let (_, codes) = set_up(&anna);
    login(app, email, PASSWORD, Some(&codes[0].to_uppercase())).expect(200);
    login(app, email, PASSWORD, Some(&codes[0])).problem(401, &[]);
    let end =
        |code: &str| anna.post("/api/v1/auth/second-factor/end", &json!({"current_password": PASSWORD, "code": code}));
    end("nonsense").problem(422, &[("/code", "wrong")]);
    end(&codes[1]).expect(204);
    end(&codes[2]).problem(409, &[]);
    login(app, email, PASSWORD, None).expect(200);
    // An administrator helps those who lost everything.
    set_up(&anna);
    let admin = app.client(Role::Administrator);
    let path = format!("/api/v1/accounts/{}", tokens["account"]["id"].as_str().unwrap());
    let seen = admin.get(&path).expect(200);
    let changed: Value = admin.patch(&path, seen.etag(), &json!({"second_factor": "end"})).expect(200).json();
    assert_eq!(changed["second_factor"], false);
    login(app, email, PASSWORD, None).expect(200);
}
