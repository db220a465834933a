//! Copies of the database: made beside writes, examined, and put back.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::support::app::{Backend, TestApp};
use crate::support::moments::wait_for;
use crate::support::program::{Program, fresh_database, run};
use crate::support::tools::tool_path;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Whether this is a test of SQLite. On Postgres the commands say whose tools to take.
fn is_sqlite(app: &TestApp, folder: &Path) -> bool {
    if let Backend::Sqlite = app.backend {
        return true;
    }
    let database = fresh_database(app.backend, folder);
    for arguments in [["backup", text(&folder.join("copy"))], ["restore", text(&folder.join("copy"))]] {
        let output = run(&database, &arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("pg_dump"), "{}", said(&output));
    }
    false
}

/// Whatever is written meanwhile: the copy is whole, and has all that was acknowledged before it was begun.
#[apply(api_test)]
fn a_backup_beside_writes_is_one_moment(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    if !is_sqlite(app, folder.path()) {
        return;
    }
    let database = fresh_database(app.backend, folder.path());
    let program = Program::start(&database);
    let administrator = program.administrator();
    let (over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut copies: Vec<(PathBuf, usize)> = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (administrator, over, written) = (&administrator, &over, &written);
            scope.spawn(move || {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    administrator.create("topics", &json!({"name": format!("Topic {thread} {number}")}));
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (number, arguments) in [&[][..], &["--compress"], &[]].iter().enumerate() {
            wait_for("further writes", || written.load(Ordering::Relaxed) >= 30 * (number + 1));
            let at_least = written.load(Ordering::Relaxed);
            let copy = folder.path().join(format!("copy-{number}"));
            let output = run(&database, &[&["backup", text(&copy)], *arguments].concat());
            assert!(output.status.success(), "{}", said(&output));
            assert!(said(&output).contains("no damage found"), "{}", said(&output));
            copies.push((copy, at_least));
        }
        over.store(true, Ordering::Relaxed);
    });
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
    // There already: not replaced unless that is said, and never by less than a whole copy.
    let refused = run(&database, &["backup", text(&copies[0].0)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--overwrite"), "{}", said(&refused));
    assert!(run(&database, &["backup", "--overwrite", text(&copies[0].0)]).status.success());
    for (number, (copy, at_least)) in copies.iter().enumerate().skip(1) {
        let other = folder.path().join(format!("restored-{number}.db"));
        let output = run(text(&other), &["restore", text(copy)]);
        assert!(output.status.success(), "{}", said(&output));
        let restored = Program::start(text(&other));
        let found = restored.administrator().get("/api/v1/topics?status=any&count=exact&limit=1").expect(200).json();
        assert!(found["page"]["total"].as_u64().unwrap() as usize >= *at_least, "what was acknowledged is in the copy");
        assert!(run(text(&other), &["doctor"]).status.success());
        restored.terminate();
    }
    program.terminate();
}

/// A backup is restored over a database that went on; the search index follows it.
#[apply(api_test)]
fn a_restored_database_is_served(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    if !is_sqlite(app, folder.path()) {
        return;
    }
    let database = fresh_database(app.backend, folder.path());
    let copy = folder.path().join("copy.db.zst");
    let program = Program::start(&database);
    let administrator = program.administrator();
    let found = |program: &Program, text: &str| {
        let list = program.client().get(&format!("/api/v1/topics?q={text}")).expect(200).json();
        list["data"].as_array().unwrap().len()
    };
    administrator.create("topics", &json!({"name": "Rivers", "status": "published"}));
    assert!(run(&database, &["backup", "--compress", text(&copy)]).status.success());
    administrator.create("topics", &json!({"name": "Mountains", "status": "published"}));
    wait_for("the index", || found(&program, "mountains") == 1 && found(&program, "rivers") == 1);
    program.terminate();
    let output = run(&database, &["restore", "--replace", text(&copy)]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(".before-restore-"), "{}", said(&output));
    let program = Program::start(&database);
    let names = program.client().get("/api/v1/topics").expect(200).json();
    assert_eq!((names["data"].as_array().unwrap().len(), &names["data"][0]["name"]), (1, &json!("Rivers")));
    wait_for("the index", || found(&program, "rivers") == 1);
    assert_eq!(found(&program, "mountains"), 0);
    program.terminate();
    // What was put aside is whole, and can come back.
    let aside = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path());
    let aside =
        aside.into_iter().find(|path| text(path).contains(".before-restore-") && !text(path).contains("search"));
    let output = run(&database, &["restore", "--replace", text(&aside.expect("the old database"))]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(
        Program::start(&database).client().get("/api/v1/topics/mountains").expect(200).json()["name"],
        "Mountains"
    );
}

#[apply(api_test)]
fn a_restore_spares_what_is_in_use_or_sound(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    if !is_sqlite(app, folder.path()) {
        return;
    }
    let database = fresh_database(app.backend, folder.path());
    let copy = folder.path().join("copy.db");
    let program = Program::start(&database);
    assert!(run(&database, &["backup", text(&copy)]).status.success());
    program.administrator().create("topics", &json!({"name": "Later", "status": "published"}));
    let refused = run(&database, &["restore", text(&copy)]);
    assert!(!refused.status.success() && said(&refused).contains("--replace"), "{}", said(&refused));
    let refused = run(&database, &["restore", "--replace", text(&copy)]);
    assert!(!refused.status.success() && said(&refused).contains("stop the server"), "{}", said(&refused));
    // The server did not notice.
    program.client().get("/api/v1/topics/later").expect(200);
    program.administrator().create("topics", &json!({"name": "Still", "status": "published"}));
    program.kill();
    // A copy that is damaged replaces nothing, even when told; neither does one of a newer version.
    let bytes = std::fs::read(&copy).unwrap();
    let damaged = folder.path().join("damaged.db");
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    std::fs::write(&damaged, [&bytes[..middle], &vec![0xa5; 8_192], &bytes[middle + 8_192..]].concat()).unwrap();
    let short = folder.path().join("short.db");
    std::fs::write(&short, &bytes[..middle]).unwrap();
    for broken in [&damaged, &short] {
        let refused = run(&database, &["restore", "--replace", text(broken)]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("damage") || said(&refused).contains("intact"), "{}", said(&refused));
    }
    let program = Program::start(&database);
    for slug in ["later", "still"] {
        program.client().get(&format!("/api/v1/topics/{slug}")).expect(200);
    }
    program.terminate();
}

#[apply(api_test)]
fn what_is_no_backup_is_refused(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    if !is_sqlite(app, folder.path()) {
        return;
    }
    let database = fresh_database(app.backend, folder.path());
    // Nothing to copy yet, and no empty file left behind.
    let copy = folder.path().join("copy.db");
    let refused = run(&database, &["backup", text(&copy)]);
    assert!(!refused.status.success() && said(&refused).contains("no database"), "{}", said(&refused));
    assert!(!copy.exists() && !Path::new(&database).exists());
    let nowhere = run(&database, &["backup", "/nowhere/copy.db"]);
    assert!(!nowhere.status.success() && said(&nowhere).contains("/nowhere"), "{}", said(&nowhere));
    let note = folder.path().join("note.txt");
    std::fs::write(&note, "Not a database, but a note of more than sixteen bytes.").unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let zstd = folder.path().join("zstd");
    std::fs::write(&zstd, [0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]).unwrap();
    for file in [&note, &empty, &zstd, &folder.path().join("absent")] {
        let refused = run(&database, &["restore", text(file)]);
        assert_eq!(refused.status.code(), Some(1), "{}: {}", file.display(), said(&refused));
        assert!(!Path::new(&database).exists(), "{}", file.display());
    }
}

/// The commands of docs/operations.md, beside writes, into another database that is then served.
#[apply(api_test)]
fn postgres_is_dumped_and_restored_with_its_own_tools(app: &TestApp) {
    let Backend::Postgres(port) = app.backend else { return };
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let name = database.rsplit('/').next().unwrap();
    let program = Program::start(&database);
    let administrator = program.administrator();
    administrator.create("topics", &json!({"name": "Before", "status": "published"}));
    let tool = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("PGHOST", "127.0.0.1").env("PGPORT", port.to_string()).env("PGUSER", "plenary");
        let output = command.env("PGDATABASE", name).env("BACKUPS", folder.path()).env("KEEP", "1").output().unwrap();
        assert!(output.status.success(), "{program}: {}", said(&output));
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/operations/nightly-backup-postgres");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (administrator, over) = (&administrator, &over);
        scope.spawn(move || {
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                administrator.create("topics", &json!({"name": format!("Meanwhile {number}")}));
            }
        });
        tool(text(&script), &[]);
        over.store(true, Ordering::Relaxed);
    });
    let dump = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path());
    let dump = dump.into_iter().find(|path| text(path).ends_with(".dump")).expect("the dump");
    let other = fresh_database(app.backend, folder.path());
    let into = other.rsplit('/').next().unwrap();
    tool(
        "pg_restore",
        &["--dbname", into, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", text(&dump)],
    );
    let restored = Program::start(&other);
    restored.client().get("/api/v1/topics/before").expect(200);
    restored.administrator().create("topics", &json!({"name": "After"}));
    restored.terminate();
    program.terminate();
}

/// nginx with TLS, the nightly backup and its restore, and what systemd says of the units. No database but SQLite.
#[apply(api_test)]
fn the_examples_for_operators_work(app: &TestApp) {
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    // The programs of `bin` come first; nginx is there.
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let nginx = tool_path("bin/nginx").parent().expect("a folder").to_owned();
    let paths = std::iter::once(nginx).chain(std::env::split_paths(&paths));
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/operations/try"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PLENARY_")) {
        command.env_remove(name);
    }
    command.env("PATH", std::env::join_paths(paths).expect("paths")).arg(env!("CARGO_BIN_EXE_plenary"));
    let output = command.output().unwrap();
    assert!(output.status.success() && said(&output).contains("all examples work"), "{}", said(&output));
}
