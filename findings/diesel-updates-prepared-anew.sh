#!/usr/bin/env bash
# diesel 2.3.14: a connection keeps prepared statements for later use, but never that of an UPDATE, also if its text is always
# the same: each execution prepares it anew. Those of SELECT and DELETE are kept. For a table of SQLite with 28 columns and ten
# indexes, preparing the UPDATE of a row took half as long as executing it.
#
# The script executes each statement three times and counts how often it was kept, which diesel's own instrumentation tells
# (`CacheQuery`). It needs Rust and a C compiler, and builds a program with the pinned crates in a temporary folder. It
# exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
diesel = { version = "=2.3.14", default-features = false, features = ["sqlite"] }
libsqlite3-sys = { version = "=0.38.2", features = ["bundled"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;

diesel::table! {
    items (id) {
        id -> Integer,
        title -> Text,
    }
}

static KEPT: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let mut db = SqliteConnection::establish(":memory:").unwrap();
    db.batch_execute("CREATE TABLE items (id INTEGER PRIMARY KEY, title TEXT NOT NULL); INSERT INTO items VALUES (1, 'one')")
        .unwrap();
    db.set_instrumentation(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::CacheQuery { .. } = event {
            KEPT.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut count = |name: &str, work: &mut dyn FnMut(&mut SqliteConnection)| {
        KEPT.store(0, Ordering::Relaxed);
        (0..3).for_each(|_| work(&mut db));
        println!("{name}: kept {} time(s) in 3 executions", KEPT.load(Ordering::Relaxed));
    };
    count("SELECT", &mut |db| {
        let title: String = items::table.find(1).select(items::title).first(db).unwrap();
        assert_eq!(title, "one");
    });
    count("UPDATE", &mut |db| {
        let changed = diesel::update(items::table.find(1)).set(items::title.eq("one")).execute(db).unwrap();
        assert_eq!(changed, 1);
    });
    count("DELETE", &mut |db| {
        diesel::delete(items::table.find(2)).execute(db).unwrap();
    });
}
RUST
CARGO_PROFILE_DEV_DEBUG=0 cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
SELECT: kept 1 time(s) in 3 executions
UPDATE: kept 0 time(s) in 3 executions
DELETE: kept 1 time(s) in 3 executions
SEEN
