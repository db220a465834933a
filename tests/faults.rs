//! What goes wrong around the server: a log that nobody takes, a disk that is full. It goes on, says what is wrong,
//! and is well again when the fault is over.

use std::fs::File;
use std::io::{Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::app::{Backend, TestApp};
use crate::support::client::Client;
use crate::support::moments::wait_for;
use crate::support::postgres::{Postgres, new_database_in};
use crate::support::program::{Program, fresh_database};

/// The value of a metric that has no labels.
fn metric(client: &Client, name: &str) -> f64 {
    let text = String::from_utf8(client.get("/metrics").expect(200).body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect(name);
    line.parse().unwrap()
}

/// The reader of the log is gone, or its disk is full: everything else is as ever.
#[apply(api_test)]
fn a_log_that_cannot_be_written_decides_over_nothing(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let (reader, closed) = pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    for (name, stderr) in [("closed", Stdio::from(closed)), ("full", Stdio::from(full))] {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let program = Program::start_with(&fresh_database(app.backend, &place), |command| {
            command.stderr(stderr).env("PLENARY_LOG__LEVEL", "debug");
        });
        let administrator = program.administrator();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let administrator = &administrator;
                scope.spawn(move || {
                    for number in 0..10 {
                        administrator.create("topics", &json!({"name": format!("Topic {thread} {number}")}));
                        // Faults are logged too.
                        administrator.post("/api/v1/topics", &json!({"name": 1})).expect(422);
                        administrator.get("/nowhere").expect(404);
                    }
                });
            }
        });
        let found = administrator.get("/api/v1/topics?status=any&count=exact&limit=1").expect(200).json();
        assert_eq!(found["page"]["total"], 40);
        let ready = program.client().get("/readyz").expect(200).json();
        assert_eq!((&ready["status"], &ready["failures"]), (&json!("ok"), &json!([])));
        wait_for("dropped lines", || metric(&program.client(), "plenary_log_lines_dropped_total") > 80.0);
        program.terminate();
    }
}

/// Far more lines than a pipe and the queue hold, and a reader that reads none of them.
#[apply(api_test)]
fn a_log_that_nobody_reads_holds_nobody_up(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let (reader, stderr) = pipe().unwrap();
    let program = Program::start_with(&fresh_database(app.backend, folder.path()), |command| {
        command.stderr(stderr).env("PLENARY_LOG__LEVEL", "debug");
    });
    let (client, administrator) = (program.client(), program.administrator());
    for _ in 0..6_000 {
        client.get("/healthz").expect(200);
    }
    assert!(metric(&client, "plenary_log_lines_dropped_total") > 0.0);
    administrator.create("topics", &json!({"name": "Still here"}));
    program.terminate();
    drop(reader);
}

#[apply(api_test)]
fn colours_are_for_terminals(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let output = crate::support::program::run(&database, &["migrate"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("database migrated") && !said.contains('\u{1b}'), "{said:?}");
}

/// A small disk in memory, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this process may not mount anything.
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "plenary-test"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let mut file = File::create(self.0.join("ballast")).unwrap();
        while file.write_all(&[1; 4_096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// While the disk is full, writes are refused with the reason and reads go on; with room, writes work again.
#[apply(api_test)]
fn writes_work_again_when_there_is_room(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("small"), 64) else {
        return eprintln!("NOT TESTED: this user may not mount a small disk");
    };
    let data = disk.0.join("data");
    std::fs::create_dir(&data).unwrap();
    // A cluster of its own: one whose disk is gone makes no further databases for other tests.
    let own = matches!(app.backend, Backend::Postgres(_)).then(Postgres::start);
    let database = match app.backend {
        Backend::Sqlite => data.join("plenary.db").display().to_string(),
        Backend::Postgres(_) => {
            // Postgres' own user must reach it.
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
            new_database_in(own.as_ref().map(Postgres::port).expect("it runs"), &data)
        }
    };
    let program = Program::start_with(&database, |command| {
        command.env("PLENARY_SEARCH__FOLDER", folder.path().join("search"));
    });
    let (client, administrator) = (program.client(), program.administrator());
    administrator.create("topics", &json!({"name": "Before", "status": "published"}));
    disk.fill();
    let long = "A sentence of a long description. ".repeat(1_000);
    let body = |number: usize| json!({"name": format!("Topic {number}"), "description": long});
    let refused = (0..2_000).map(|number| administrator.post("/api/v1/topics", &body(number)));
    let refused = refused.into_iter().find(|reply| reply.status != 201).expect("the disk is full");
    let problem = refused.problem(503, &[]);
    assert!(problem["detail"].as_str().unwrap().contains("disk"), "{problem}");
    assert_eq!(client.get("/api/v1/topics/before").expect(200).json()["name"], "Before");
    // On Postgres the log lies elsewhere: what needs no new page is still written, and so the server is ready.
    if matches!(app.backend, Backend::Sqlite) {
        readiness_tells_of_the_disk(&client);
    }
    disk.make_room();
    wait_for("it is well again", || client.get("/readyz").status == 200);
    administrator.create("topics", &json!({"name": "After", "status": "published"}));
    assert_eq!(client.get("/readyz").expect(200).json()["failures"], json!([]));
    assert_eq!(client.get("/api/v1/topics/after").expect(200).json()["name"], "After");
    program.terminate();
}

fn readiness_tells_of_the_disk(client: &Client) {
    wait_for("the failure is told", || {
        let ready = client.get("/readyz?scope=reads").expect(200).json();
        let tells = |failure: &serde_json::Value| failure["detail"].as_str().unwrap().contains("disk");
        ready["status"] == "degraded" && ready["failures"].as_array().unwrap().iter().any(tells)
    });
    client.get("/readyz?scope=writes").problem(400, &[("?scope", "not_allowed")]);
    let problem = client.get("/readyz").problem(503, &[]);
    assert!(problem["detail"].as_str().unwrap().contains("disk"), "{problem}");
}
