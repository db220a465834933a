//! Both databases have the same tables, columns, keys and indexes.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use plenary::database::schema::{items, journal, settings};
use plenary::database::{Database, DatabaseError, Db, compressed_text, connection, migrate};
use plenary::journal::snapshot;
use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::moments::wait_for;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

const SQLITE: &str = "
SELECT 'column ' || m.name || '.' || c.name || ' ' || CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'BIGINT' THEN 'bigint' WHEN 'BOOLEAN' THEN 'boolean' WHEN 'BLOB' THEN 'bytea' ELSE CASE WHEN m.name = 'journal' AND c.pk = 1 THEN 'bigint' ELSE 'integer' END END || CASE WHEN c.\"notnull\" THEN ' not null' ELSE '' END AS line
  FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'
UNION ALL
SELECT 'primary key ' || m.name || ' ' || (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk))
  FROM sqlite_schema m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'
UNION ALL
SELECT CASE WHEN i.\"unique\" THEN 'unique ' ELSE '' END || 'index ' || i.name || ' on ' || m.name || ' ' || (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
  FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin = 'c'
UNION ALL
SELECT 'foreign key ' || m.name || '.' || f.\"from\" || ' to ' || f.\"table\" || '.' || f.\"to\" || ' ' || f.on_delete
  FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";

const POSTGRES: &str = "
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || CASE WHEN is_nullable = 'NO' THEN ' not null' ELSE '' END AS line
  FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'
UNION ALL
SELECT 'primary key ' || c.relname || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace s ON s.oid = c.relnamespace WHERE i.indisprimary AND s.nspname = 'public' AND c.relname NOT LIKE '\\_\\_%'
UNION ALL
SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || 'index ' || x.relname || ' on ' || c.relname || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace s ON s.oid = c.relnamespace WHERE NOT i.indisprimary AND s.nspname = 'public'
UNION ALL
SELECT 'foreign key ' || c.relname || '.' || a.attname || ' to ' || t.relname || '.' || b.attname || ' ' || CASE f.confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'NO ACTION' END
  FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class t ON t.oid = f.confrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1] JOIN pg_attribute b ON b.attrelid = t.oid AND b.attnum = f.confkey[1] WHERE f.contype = 'f'";

fn shape(app: &TestApp) -> BTreeSet<String> {
    app.block_on(app.app.database.read(|c| {
        let rows: Vec<Line> = match c {
            Db::Sqlite(c) => diesel::sql_query(SQLITE).load(c)?,
            Db::Postgres(c) => diesel::sql_query(POSTGRES).load(c)?,
        };
        Ok::<_, DatabaseError>(rows.into_iter().map(|row| row.line).collect())
    }))
    .unwrap()
}

#[apply(api_test)]
fn both_have_the_same_shape(app: &TestApp) {
    let sqlite = shape(&TestApp::start(Backend::Sqlite));
    let this = shape(app);
    assert!(this.len() > 80, "{this:#?}");
    let only_here: Vec<_> = this.difference(&sqlite).collect();
    let only_sqlite: Vec<_> = sqlite.difference(&this).collect();
    assert!(
        only_here.is_empty() && only_sqlite.is_empty(),
        "only here: {only_here:#?}\nonly on SQLite: {only_sqlite:#?}"
    );
}

#[apply(api_test)]
fn an_unknown_migration_is_refused(app: &TestApp) {
    let mut db = connection::connect(app.app.database.address(), &Default::default()).unwrap();
    db.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')").unwrap();
    let error = migrate::migrate(&mut db).unwrap_err().to_string();
    assert!(error.contains("99990101000000"), "{error}");
}

/// What an earlier version stored, as JSON, is read like what is compressed, also after the migration of its tables.
#[apply(api_test)]
fn texts_of_earlier_versions_are_read(app: &TestApp) {
    let editor = app.editor();
    let summary = "Rivers without borders. ".repeat(20);
    editor.create("events", &json!({"title": "E", "summary": summary, "status": "published"}));
    editor.patch("/api/v1/events/e", "\"v1\"", &json!({"title": "F"})).expect(200);
    let seen = || -> Vec<Value> {
        let paths = ["", "?locale=nl", "/revisions", "/revisions/1", "/revisions/2/diff"];
        paths.map(|path| editor.get(&format!("/api/v1/events/e{path}")).expect(200).json()).to_vec()
    };
    let before = seen();
    let mut db = connection::connect(app.app.database.address(), &Default::default()).unwrap();
    let contents: Vec<(String, Vec<u8>)> = items::table.select((items::id, items::content)).load(&mut db).unwrap();
    for (id, content) in contents {
        let plain = compressed_text::decompress(&content).unwrap();
        assert!(plain.len() > content.len());
        diesel::update(items::table.find(id)).set(items::content.eq(plain.into_bytes())).execute(&mut db).unwrap();
    }
    let rows = journal::table.select((journal::sequence, journal::snapshot));
    let snapshots: Vec<(i64, Vec<u8>)> = rows.load(&mut db).unwrap();
    for (sequence, stored) in snapshots {
        let plain = snapshot::read(&stored).unwrap().into_bytes();
        diesel::update(journal::table.find(sequence)).set(journal::snapshot.eq(plain)).execute(&mut db).unwrap();
    }
    db.batch_execute(match db {
        Db::Sqlite(_) => include_str!("../migrations/sqlite/2026-11-29-030000_compressed_texts/down.sql"),
        Db::Postgres(_) => include_str!("../migrations/postgres/2026-11-29-030000_compressed_texts/down.sql"),
    })
    .unwrap();
    db.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261129030000'").unwrap();
    assert_eq!(migrate::migrate(&mut db).unwrap(), 1);
    app.app.database.invalidation_clock().record_all();
    assert_eq!(seen(), before);
    editor.patch("/api/v1/events/e", "\"v2\"", &json!({"summary": null})).expect(200);
    let after = seen();
    assert_eq!(after[3..], before[3..]);
    assert_ne!(after[0], before[0]);
}

/// How a write ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Kept,
    Refused,
    Failed,
}

/// Notes its name, then ends so.
async fn note(database: Database, name: String, end: End) -> bool {
    let write = move |c: &mut Db| {
        let row = (settings::name.eq(name), settings::value.eq("noted"));
        let insert = diesel::insert_into(settings::table).values(row);
        insert.clone().execute(c)?;
        match end {
            End::Kept => Ok(()),
            End::Refused => Err(DatabaseError::Gone),
            // The same key twice: Postgres goes on with nothing after that.
            End::Failed => Ok(insert.execute(c).map(drop)?),
        }
    };
    database.write(write).await.is_ok()
}

/// Whatever comes of the others, and in whichever order: what is acknowledged is there, what is not is not.
#[apply(api_test)]
fn writes_that_share_a_commit_do_not_share_their_fate(app: &TestApp) {
    let database = app.app.database.clone();
    let ends = [End::Kept, End::Refused, End::Failed];
    for case in 0..81_usize {
        let ends: Vec<End> = [1, 3, 9, 27].map(|place| ends[case / place % 3]).to_vec();
        let name = |index: usize| format!("case {case} {index}");
        let there: Vec<bool> = app.block_on(async {
            let busy = database.clone();
            // They come together while the writer is busy.
            let first = tokio::spawn(async move {
                let pause = |_: &mut Db| {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    Ok::<_, DatabaseError>(())
                };
                busy.write(pause).await
            });
            tokio::task::yield_now().await;
            let all =
                ends.iter().enumerate().map(|(index, end)| tokio::spawn(note(database.clone(), name(index), *end)));
            for (task, end) in all.collect::<Vec<_>>().into_iter().zip(&ends) {
                assert_eq!(task.await.unwrap(), *end == End::Kept, "{ends:?}");
            }
            first.await.unwrap().unwrap();
            let names: Vec<String> = (0..ends.len()).map(name).collect();
            let look = move |c: &mut Db| {
                let found = |name| settings::table.find(name).count().get_result(c);
                Ok::<_, DatabaseError>(names.iter().map(found).collect::<QueryResult<Vec<i64>>>()?)
            };
            database.read(look).await.unwrap().into_iter().map(|count| count == 1).collect()
        });
        assert_eq!(there, ends.iter().map(|end| *end == End::Kept).collect::<Vec<_>>(), "{ends:?}");
    }
}

/// An error that cannot even be told.
#[derive(Debug)]
struct Untold;

impl From<DatabaseError> for Untold {
    fn from(_: DatabaseError) -> Self {
        panic!("a panic that the test wants")
    }
}

impl From<diesel::result::Error> for Untold {
    fn from(_: diesel::result::Error) -> Self {
        panic!("a panic that the test wants")
    }
}

/// Panics in a task, and in telling that it panicked, cost one request its answer; the threads go on.
#[apply(api_test)]
fn a_panic_ends_no_thread(app: &TestApp) {
    let database = app.app.database.clone();
    let fails = |_: &mut Db| -> Result<(), Untold> { panic!("a panic that the test wants") };
    let telling =
        |c: &mut Db| -> Result<(), Untold> { Err(diesel::sql_query("nonsense").execute(c).unwrap_err().into()) };
    for round in 0..3 {
        let here = database.clone();
        // Nobody can be told, so the caller panics as well: in a task of its own.
        let told = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let writes = [tokio::task::spawn_local({
                    let here = here.clone();
                    async move { here.write(fails).await }
                })];
                let reads = [tokio::task::spawn_local(async move { here.read(telling).await })];
                for task in writes.into_iter().chain(reads) {
                    assert!(task.await.is_err(), "it panicked");
                }
            });
        });
        told.join().unwrap();
        let name = format!("panic {round}");
        assert!(app.block_on(note(database.clone(), name.clone(), End::Kept)), "the writer goes on");
        for _ in 0..4 {
            let name = name.clone();
            let look =
                move |c: &mut Db| Ok::<_, DatabaseError>(settings::table.find(name).count().get_result::<i64>(c)?);
            assert_eq!(app.block_on(database.read(look)).unwrap(), 1, "every reader goes on");
        }
    }
    let restarts = database.jobs().status().into_iter().filter(|job| job.restarts > 0).map(|job| job.job);
    assert_eq!(restarts.collect::<Vec<_>>(), ["readers", "writer"]);
    // A write is answered just before the writer notes that its round succeeded.
    wait_for("end of all failures", || database.jobs().failures().is_empty());
}
