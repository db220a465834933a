//! The history goes back, as after a restore or a failover that lost its end: all who followed it notice.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::client::Client;
use crate::support::moments::wait_for;
use crate::support::postgres::url;
use crate::support::program::fresh_database;
use crate::write_faults::other_connection;

fn topic(client: &Client, slug: &str) -> Value {
    client.create("topics", &json!({"name": slug, "slug": slug, "status": "published"}))
}

/// The token of a copy that has everything.
fn token(client: &Client) -> String {
    let mut since = String::new();
    loop {
        let page = client.get(&format!("/api/v1/changes{since}")).expect(200).json();
        since = format!("?since={}", page["next"].as_str().unwrap());
        if page["more"] == false {
            return page["next"].as_str().unwrap().to_owned();
        }
    }
}

#[track_caller]
fn must_begin_anew(client: &Client, token: &str) {
    for path in [format!("/api/v1/changes?since={token}"), format!("/api/v1/changes/live?since={token}")] {
        let problem = client.get(&path).problem(410, &[]);
        assert!(problem["type"].as_str().unwrap().ends_with("/invalid-sync-token"), "{problem:#}");
    }
    let again = [("last-event-id", token)];
    client.send("GET", "/api/v1/changes/live", &again, b"").problem(410, &[]);
}

/// A copy of a database that nobody uses.
fn copy(backend: Backend, database: &str) -> String {
    match backend {
        Backend::Sqlite => {
            let copy = format!("{database}.copy");
            let mut connection = plenary::database::connection::connect(
                &plenary::database::Address::parse(database),
                &Default::default(),
            )
            .unwrap();
            connection.batch_execute(&format!("VACUUM INTO '{copy}'")).unwrap();
            copy
        }
        Backend::Postgres(port) => {
            let name = database.rsplit('/').next().unwrap();
            let mut administrator = PgConnection::establish(&url(port, "postgres")).unwrap();
            // The node's threads end a moment after it.
            wait_for("the end of the node's threads", || {
                let mut administrator = PgConnection::establish(&url(port, "postgres")).unwrap();
                administrator.batch_execute(&format!("CREATE DATABASE {name}_probe TEMPLATE {name}")).is_ok()
            });
            administrator.batch_execute(&format!("ALTER DATABASE {name}_probe RENAME TO {name}_copy")).unwrap();
            url(port, &format!("{name}_copy"))
        }
    }
}

fn found(client: &Client, text: &str) -> usize {
    client.get(&format!("/api/v1/search?q={text}")).expect(200).json()["data"].as_array().unwrap().len()
}

/// A node is stopped, its database replaced by an older copy, and started again, with the search index that it had.
#[apply(api_test)]
fn a_restored_backup_is_noticed(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let start = |database: &str| {
        TestApp::start_with(app.backend, |config| {
            config.database_url = database.to_owned();
            config.search.folder = folder.path().join("index").display().to_string();
        })
    };
    let node = start(&database);
    topic(&node.editor(), "before");
    drop(node);
    let backup = copy(app.backend, &database);
    let node = start(&database);
    let editor = node.editor();
    (0..5).for_each(|number| drop(topic(&editor, &format!("lost-{number}"))));
    let ahead = token(&node.visitor());
    wait_for("the first index", || found(&node.visitor(), "lost") == 5);
    drop((editor, node));
    let node = start(&backup);
    must_begin_anew(&node.visitor(), &ahead);
    wait_for("the index of the backup", || {
        found(&node.visitor(), "lost") == 0 && found(&node.visitor(), "before") == 1
    });
    // The new history overtakes the old one: the same numbers are of other entries.
    let editor = node.editor();
    (0..20).for_each(|number| drop(topic(&editor, &format!("new-{number}"))));
    must_begin_anew(&node.visitor(), &ahead);
    wait_for("the index of the new history", || {
        found(&node.visitor(), "new") == 20 && found(&node.visitor(), "lost") == 0
    });
    // Whoever begins anew has what there is.
    let page = node.visitor().get("/api/v1/changes?limit=1000").expect(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 21);
    let now = token(&node.visitor());
    node.visitor().get(&format!("/api/v1/changes?since={now}")).expect(200);
}

/// The end of the journal vanishes under a node that runs, as in a failover; listeners are told, and what is kept is
/// not trusted.
#[apply(api_test)]
fn a_history_that_goes_back_while_the_node_runs_is_noticed(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    topic(&editor, "before");
    let good = token(&public);
    topic(&editor, "lost");
    let ahead = token(&public);
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!("GET /api/v1/changes/live?since={ahead} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "event: ready"));
    assert_eq!(public.get("/api/v1/topics").expect(200).json()["data"].as_array().unwrap().len(), 2);
    // A change that comes by the stream shows that the node follows for it.
    topic(&editor, "heard");
    assert!(lines.any(|line| line == "event: changes"));
    let mut other = other_connection(app);
    other
        .batch_execute(
            "DELETE FROM journal WHERE sequence >= (SELECT min(sequence) FROM journal WHERE item_id = \
             (SELECT id FROM items WHERE slug = 'lost')); \
             UPDATE items SET live = false WHERE slug IN ('lost', 'heard')",
        )
        .unwrap();
    assert!(lines.any(|line| line == "event: reset"));
    must_begin_anew(&public, &ahead);
    public.get(&format!("/api/v1/changes?since={good}")).expect(200);
    wait_for("a fresh response", || {
        public.get("/api/v1/topics").expect(200).json()["data"].as_array().unwrap().len() == 1
    });
}

#[apply(api_test)]
fn tokens_of_one_history_are_good(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let mut tokens = vec![token(&public)];
    for number in 0..5 {
        topic(&editor, &format!("t-{number}"));
        tokens.push(token(&public));
    }
    for (number, token) in tokens.iter().enumerate() {
        let page = public.get(&format!("/api/v1/changes?since={token}")).expect(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), 5 - number);
    }
}
