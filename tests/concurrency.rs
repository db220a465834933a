//! Many at once: no update is lost, no slug is given twice, nothing is half there.

use serde_json::json;

use crate::support::app::TestApp;

#[apply(api_test)]
fn fifty_editors_lose_no_update(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Shared", "summary": "0"}));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                // Each adds one to the number in the summary, however often it must try.
                loop {
                    let now = editor.get("/api/v1/events/shared").expect(200);
                    let count: u32 = now.json()["summary"].as_str().unwrap().parse().unwrap();
                    let reply =
                        editor.patch("/api/v1/events/shared", now.etag(), &json!({"summary": (count + 1).to_string()}));
                    match reply.status {
                        200 => break,
                        412 => {}
                        _ => drop(reply.expect(200)),
                    }
                }
            });
        }
    });
    let end = editor.get("/api/v1/events/shared").expect(200).json();
    assert_eq!((&end["summary"], &end["version"]), (&json!("50"), &json!(51)));
    let without = editor.send("PATCH", "/api/v1/events/shared", &[("content-type", "application/json")], b"{}");
    without.problem(428, &[]);
}

#[apply(api_test)]
fn equal_titles_at_once_get_different_slugs(app: &TestApp) {
    let editor = app.editor();
    let slugs = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let made = editor.create("events", &json!({"title": "Same"}));
                slugs.lock().unwrap().push(made["slug"].as_str().unwrap().to_owned());
            });
        }
    });
    let mut slugs = slugs.into_inner().unwrap();
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 20);
}

/// Several nodes on one database: both migrate at start, both see what the other wrote.
#[apply(api_test)]
fn two_nodes_start_at_once(app: &TestApp) {
    let fresh = TestApp::start(app.backend);
    let url = match app.backend {
        crate::support::app::Backend::Sqlite => format!("{}.other", fresh.config.database_url),
        crate::support::app::Backend::Postgres(port) => crate::support::postgres::new_database(port),
    };
    let nodes: Vec<TestApp> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| TestApp::start_with(app.backend, |c| c.database_url = url.clone())))
            .collect();
        starts.into_iter().map(|s| s.join().expect("a node starts")).collect()
    });
    let editor = nodes[0].editor();
    editor.create("events", &json!({"title": "From one", "status": "published"}));
    for node in &nodes {
        node.visitor().get("/api/v1/events/from-one").expect(200);
    }
    // Writers on all nodes at once: every one succeeds, and tokens are good everywhere.
    let token = editor.token().to_owned();
    std::thread::scope(|scope| {
        for node in &nodes {
            let client = node.visitor();
            let token = &token;
            // A node that started before the key was made takes it up.
            node.block_on(node.app.refresh_keys()).unwrap();
            scope.spawn(move || {
                for _ in 0..10 {
                    client.with_token(token).create("events", &json!({"title": "Many"}));
                }
            });
        }
    });
    let total = editor.get("/api/v1/events?status=any&count=exact").expect(200).json()["page"]["total"].clone();
    assert_eq!(total, 41);
}

#[apply(api_test)]
fn journal_has_no_gaps(app: &TestApp) {
    use diesel::prelude::*;
    use plenary::database::schema::journal;
    let editor = app.editor();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let editor = &editor;
            scope.spawn(move || {
                for i in 0..8 {
                    let made = editor.create("topics", &json!({"name": format!("t{thread}-{i}")}));
                    let path = format!("/api/v1/topics/{}", made["id"].as_str().unwrap());
                    editor.patch(&path, "\"v9\"", &json!({"position": 1})).expect(412);
                    editor.patch(&path, "\"v1\"", &json!({"position": 1})).expect(200);
                }
            });
        }
    });
    let entries: Vec<(i64, String, i64)> = app
        .block_on(app.app.database.read(|c| {
            let rows =
                journal::table.order(journal::sequence).select((journal::sequence, journal::item_id, journal::version));
            Ok::<_, plenary::database::DatabaseError>(rows.load(c)?)
        }))
        .unwrap();
    // The log-in is in it too.
    let numbers: Vec<i64> = entries.iter().map(|e| e.0).collect();
    assert_eq!(numbers, (1..=97).collect::<Vec<i64>>());
}
