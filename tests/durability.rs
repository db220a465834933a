//! What was acknowledged is there after a crash, and nothing is half there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use plenary::database::DatabaseError;
use plenary::database::schema::{items, journal, links};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::program::{Program, fresh_database};

const ROUNDS: u64 = 20;

/// An event that was acknowledged: its id and version.
type Acknowledged = (String, i64);

#[apply(api_test)]
fn nothing_acknowledged_is_lost_by_kill(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let acknowledged: Mutex<Vec<Acknowledged>> = Mutex::default();
    for round in 0..ROUNDS {
        let program = Program::start(&database);
        if round == 0 {
            let administrator = program.administrator();
            administrator.create("speakers", &json!({"name": "One"}));
            administrator.create("speakers", &json!({"name": "Two"}));
            administrator.create("partners", &json!({"name": "Three"}));
        }
        write_until_killed(program, round, &acknowledged);
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() as u64 > ROUNDS, "only {} writes in {ROUNDS} rounds", acknowledged.len());
    let after = TestApp::start_with(app.backend, |config| config.database_url = database);
    check(&after, &acknowledged);
}

/// Four editors create and change events until the program is gone.
fn write_until_killed(program: Program, round: u64, acknowledged: &Mutex<Vec<Acknowledged>>) {
    let client = program.administrator();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, over) = (&client, &over);
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    number += 1;
                    let body = json!({
                        "title": format!("Event {round} {thread} {number}"), "starts_at": "2027-03-04T09:30",
                        "speakers": [{"speaker": "one"}, {"speaker": "two"}], "partners": [{"partner": "three"}],
                    });
                    let Some(made) = client.try_post("/api/v1/events", &body).filter(|r| r.status == 201) else {
                        return;
                    };
                    let id = made.json()["id"].as_str().unwrap().to_owned();
                    acknowledged.lock().unwrap().push((id.clone(), 1));
                    let path = format!("/api/v1/events/{id}");
                    let Some(changed) = client.try_patch(&path, made.etag(), &json!({"kicker": "EVENT"})) else {
                        return;
                    };
                    if changed.status == 200 {
                        acknowledged.lock().unwrap().push((id, 2));
                    }
                }
            });
        }
        // A different moment each round.
        std::thread::sleep(Duration::from_millis(40 + round * 17 % 120));
        program.kill();
        over.store(true, Ordering::Relaxed);
    });
}

fn check(app: &TestApp, acknowledged: &[Acknowledged]) {
    type Held = (Vec<(String, i64)>, Vec<String>, Vec<(i64, String, i64)>);
    let (rows, ties, entries): Held = app
        .block_on(app.app.database.read(|c| {
            let rows = items::table.filter(items::kind.eq("event")).select((items::id, items::version)).load(c)?;
            let ties = links::table.select(links::source_id).load(c)?;
            let entries = journal::table.order(journal::sequence);
            let entries = entries.select((journal::sequence, journal::item_id, journal::version)).load(c)?;
            Ok::<_, DatabaseError>((rows, ties, entries))
        }))
        .unwrap();
    let versions: std::collections::HashMap<&str, i64> =
        rows.iter().map(|(id, version)| (id.as_str(), *version)).collect();
    for (id, version) in acknowledged {
        assert!(versions.get(id.as_str()).is_some_and(|held| held >= version), "{id} at version {version} was lost");
    }
    for (id, version) in &rows {
        assert_eq!(ties.iter().filter(|tie| *tie == id).count(), 3, "{id} is half there");
        let known: Vec<i64> = entries.iter().filter(|e| e.1 == *id).map(|e| e.2).collect();
        assert_eq!(known, (1..=*version).collect::<Vec<i64>>(), "the journal of {id}");
    }
    assert!(entries.iter().enumerate().all(|(at, entry)| entry.0 == at as i64 + 1), "the journal has a gap");
}
