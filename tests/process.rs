//! The program as its user meets it: first start, end, commands, wrong settings.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::program::{ADMINISTRATOR, Program, command, fresh_database, run};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[apply(api_test)]
fn the_first_start_says_where_everything_is(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let program = Program::start(&database);
    let url = program.url.clone();
    for path in ["/api/v1/events", "/docs", "/api/openapi.json", "/healthz", "/readyz", "/metrics"] {
        program.client().get(path).expect(200);
    }
    let listen = url.trim_start_matches("http://");
    assert!(run(&database, &["healthcheck", "--listen", listen]).status.success());
    let printed = program.terminate();
    assert!(!run(&database, &["healthcheck", "--listen", listen]).status.success());
    for part in ["/api/v1/events", "/docs", "/api/openapi.json", "/healthz"] {
        assert!(printed.contains(&format!("{url}{part}")), "{printed}");
    }
    assert!(printed.contains(ADMINISTRATOR));
    // The second start has nothing to tell of the administrator.
    assert!(!Program::start(&database).terminate().contains(ADMINISTRATOR));
}

/// A request whose body is still on its way when the program is asked to end gets its answer.
#[apply(api_test)]
fn running_requests_finish_when_it_ends(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&fresh_database(app.backend, folder.path()));
    let token = program.administrator().token().to_owned();
    let body = json!({"title": "On its way"}).to_string();
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(program.url.trim_start_matches("http://")).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..5]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    program.ask_to_end();
    std::thread::sleep(Duration::from_millis(300));
    stream.write_all(&body.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    program.terminate();
}

#[apply(api_test)]
fn wrong_settings_are_named(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let file = folder.path().join("plenary.toml");
    std::fs::write(&file, "[site]\ntime_zone = \"Europe/Brusels\"\n[auth]\naccess_token_minutes = 0\n").unwrap();
    let output = run(&database, &["--config", file.to_str().unwrap(), "migrate"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("site.time_zone:") && said.contains("auth.access_token_minutes:"), "{said}");
    std::fs::write(&file, "[site]\ntimezone = \"Europe/Brussels\"\n").unwrap();
    let said = text(&run(&database, &["--config", file.to_str().unwrap(), "migrate"]).stderr);
    assert!(said.contains("timezone"), "{said}");
    let output = command(&database, &["migrate"]).env("PLENARY_SERVER__WORKERS", "many").output().unwrap();
    assert!(text(&output.stderr).contains("workers"), "{}", text(&output.stderr));
    let output = run("postgres://nobody:secret-word@127.0.0.1:1/nothing", &["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("database") && !said.contains("secret-word"), "{said}");
}

#[apply(api_test)]
fn the_doctor_looks_at_everything(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let before = text(&run(&database, &["doctor"]).stdout);
    assert!(before.contains("no database") || before.contains("migrations are pending"), "{before}");
    Program::start(&database).terminate();
    let output = command(&database, &["doctor"]).env("PLENARY_PUBLIC_URL", "http://cms.example.org").output().unwrap();
    let said = text(&output.stdout);
    for part in [
        "configuration is valid",
        "can be opened",
        "all migrations are applied",
        "no damage found",
        "an administrator",
        "unencrypted",
        "OWASP",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The tests' Postgres does not sync, and the doctor sees that.
    let wrong = matches!(app.backend, crate::support::app::Backend::Postgres(_));
    assert_eq!(said.contains("fsync=off"), wrong, "{said}");
    assert_eq!(output.status.success(), !wrong);
    let output = run("postgres://nobody@127.0.0.1:1/nothing", &["doctor"]);
    assert!(!output.status.success() && text(&output.stdout).contains("cannot be opened"));
}

/// A database of a newer version, one that takes no writes, an address that is none of this machine.
#[apply(api_test)]
fn what_serve_refuses_is_a_problem_to_the_doctor(app: &TestApp) {
    use diesel::connection::SimpleConnection;
    use plenary::database::{Address, connection, migrate};
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let both = |arguments: &[&str], problem: &str| {
        let doctor = run(&database, &[&["doctor"], arguments].concat());
        assert_eq!(doctor.status.code(), Some(1), "{}", text(&doctor.stdout));
        assert!(text(&doctor.stdout).contains(problem), "{problem}: {}", text(&doctor.stdout));
        let serve = run(&database, &[&["serve"], arguments].concat());
        assert_eq!(serve.status.code(), Some(1), "{}", text(&serve.stderr));
        assert!(text(&serve.stderr).contains("Error: "), "{}", text(&serve.stderr));
    };
    // TEST-NET-1 of RFC 5737.
    both(&["--listen", "192.0.2.1:8080"], "PROBLEM  192.0.2.1:8080 cannot be listened on");
    let mut db = connection::connect(&Address::parse(&database), &std::sync::Arc::default()).unwrap();
    migrate::migrate(&mut db).unwrap();
    if let crate::support::app::Backend::Postgres(_) = app.backend {
        let name = database.rsplit('/').next().unwrap();
        let set = |value: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        db.batch_execute(&set("on")).unwrap();
        let output = run(&database, &["doctor"]);
        let said = text(&output.stdout);
        assert!(
            output.status.code() == Some(1) && said.contains("PROBLEM  the database does not accept writes"),
            "{said}"
        );
        // Only the default is so: this session may write.
        db.batch_execute(&set("off")).unwrap();
    }
    db.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')").unwrap();
    both(&["--listen", "127.0.0.1:0"], "PROBLEM  the database has the migration 99990101000000");
}

/// Kubernetes sets these for a Service called `plenary`, and more for one called `plenary-site`.
#[apply(api_test)]
fn variables_of_others_are_passed_over(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(&fresh_database(app.backend, folder.path()), |command| {
        for (name, value) in [
            ("PLENARY_PORT", "tcp://10.0.0.7:80"),
            ("PLENARY_PORT_80_TCP_ADDR", "10.0.0.7"),
            ("PLENARY_SERVICE_HOST", "10.0.0.7"),
            ("PLENARY_SERVICE_PORT_HTTP", "80"),
            ("PLENARY_SITE_PORT", "tcp://10.0.0.8:80"),
            ("PLENARY_IMAGE", "plenary:latest"),
        ] {
            command.env(name, value);
        }
    });
    let listens = program.url.trim_start_matches("http://").to_owned();
    let printed = program.terminate();
    assert!(printed.contains(&format!("listening on {listens}\n")), "{printed}");
    let database = fresh_database(app.backend, folder.path());
    let output = command(&database, &["doctor"]).env("PLENARY_IMAGE", "plenary:latest").output().unwrap();
    assert!(text(&output.stdout).contains("warning  PLENARY_IMAGE is not a setting"), "{}", text(&output.stdout));
    let output = command(&database, &["doctor"]).env("PLENARY_SITE_TIME_ZONE", "Europe/Brussels").output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("did you mean PLENARY_SITE__TIME_ZONE?"), "{said}");
}

#[apply(api_test)]
fn accounts_are_made_on_the_command_line(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let with_input = |arguments: &[&str], input: &str| {
        let mut child = command(&database, arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let made = with_input(
        &["user", "add", "Anna@Example.org", "--role", "editor", "--name", "Anna"],
        "a good long password\n",
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(!with_input(&["user", "add", "bram@example.org"], "short\n").status.success());
    assert!(!with_input(&["user", "add", "anna@example.org"], "a good long password\n").status.success());
    assert!(with_input(&["user", "password", "anna@example.org"], "another good password\n").status.success());
    assert!(text(&run(&database, &["user", "list"]).stdout).contains("anna@example.org\teditor\tactive\tAnna"));
    let program = Program::start(&database);
    let login = |password: &str| {
        program.client().post("/api/v1/auth/login", &json!({"email": "anna@example.org", "password": password})).status
    };
    assert_eq!((login("a good long password"), login("another good password")), (401, 200));
}

#[apply(api_test)]
fn files_go_in_and_out(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let fixture = crate::support::data::fixture("schedule.xml");
    let file = fixture.to_str().unwrap();
    let rehearsed = run(&database, &["import", "--dry-run", file]);
    assert!(text(&rehearsed.stdout).contains("nothing was changed"), "{}", text(&rehearsed.stderr));
    assert!(text(&rehearsed.stdout).contains("created   session"));
    assert_eq!(rehearsed.status.code(), Some(1), "one session is refused");
    let report = folder.path().join("report.jsonl");
    let taken = run(&database, &["import", "--report", report.to_str().unwrap(), file]);
    let said = text(&taken.stdout);
    assert!(said.contains("refused") && said.contains("not_a_time"), "{said}");
    let lines = std::fs::read_to_string(report).unwrap();
    assert!(
        lines.lines().count() > 5 && lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
    let out = folder.path().join("all.jsonl");
    assert!(run(&database, &["export", "--output", out.to_str().unwrap()]).status.success());
    assert!(std::fs::read_to_string(out).unwrap().contains("Who owns the rain?"));
    assert!(text(&run(&database, &["export", "--format", "ics"]).stdout).starts_with("BEGIN:VCALENDAR"));
    // A file that is no programme does not keep the next one from its turn, whatever its encoding is.
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let utf_16 = |text: &str| -> Vec<u8> {
        "\u{feff}".chars().chain(text.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect()
    };
    let good = b"BEGIN:VCALENDAR\r\nX-WR-CALNAME:Good\r\nBEGIN:VEVENT\r\nUID:1@good.example\r\nSUMMARY:Good evening\r\nDTSTART:20990304T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let files = [
        write("bad.json", b"\"x\""),
        write("worse.json", &utf_16("\"x\"")),
        write("list.json", &utf_16("[{\"name\": \"Wide letters\", \"startDate\": \"2099-03-04\"}]")),
        write("good.ics", good),
    ];
    let mixed = run(&database, &["import", &files[0], &files[1], &files[2], &files[3]]);
    assert_eq!(mixed.status.code(), Some(2), "{}", text(&mixed.stderr));
    assert!(text(&mixed.stderr).contains("bad.json: nothing was recognised"), "{}", text(&mixed.stderr));
    let all = text(&run(&database, &["export"]).stdout);
    assert!(all.contains("Good evening") && all.contains("Wide letters"), "{}", text(&mixed.stdout));
    let refused = run(&database, &["import", "--event", "nope", file]);
    assert!(text(&refused.stderr).contains("--event: there is no event \"nope\""), "{}", text(&refused.stderr));
    let unknown = run(&database, &["import", "/nowhere/list.json"]);
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("/nowhere/list.json"));
}

#[apply(api_test)]
fn logs_are_json_where_that_is_wanted(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let output = command(&database, &["migrate"]).env("PLENARY_LOG__FORMAT", "json").output().unwrap();
    let first: serde_json::Value = serde_json::from_str(text(&output.stderr).lines().next().expect("a line")).unwrap();
    assert_eq!((&first["level"], &first["message"]), (&json!("INFO"), &json!("database migrated")));
}
