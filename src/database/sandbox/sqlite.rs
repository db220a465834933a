//! Sandboxes on SQLite: temporary views, tables and triggers.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Text;

use super::ShadowedTable;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Shadows the tables by views in the `temp` schema, which name resolution searches first. Foreign keys are
/// disabled, since those of a temporary table cannot refer to real tables.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn shadow(connection: &mut SqliteConnection, tables: &[ShadowedTable]) -> QueryResult<()> {
    connection.batch_execute("PRAGMA foreign_keys = OFF")?;
    let mut statements = String::new();
    for shadowed in tables {
        let columns = columns(connection, shadowed.table)?;
        if !columns.is_empty() {
            statements.push_str(&copy(connection, shadowed.table)?);
            statements.push_str(&view(shadowed, &columns));
        }
    }
    let journal = columns(connection, "journal")?.join(", ");
    statements.push_str(&format!(
        "CREATE TEMP VIEW journal AS SELECT {journal} FROM main.journal; \
         CREATE TEMP TRIGGER journal_insert INSTEAD OF INSERT ON journal BEGIN SELECT 1; END; "
    ));
    connection.batch_execute(&statements)
}

/// Empties the temporary tables.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn clear(connection: &mut SqliteConnection) -> QueryResult<()> {
    let query = "SELECT name AS line FROM temp.sqlite_master WHERE type = ?";
    let tables = lines(connection, query, "table")?;
    connection.batch_execute(&tables.iter().map(|table| format!("DELETE FROM temp.{table}; ")).collect::<String>())
}

fn lines(connection: &mut SqliteConnection, query: &str, given: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<Line> = diesel::sql_query(query).bind::<Text, _>(given).load(connection)?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

fn columns(connection: &mut SqliteConnection, table: &str) -> QueryResult<Vec<String>> {
    lines(connection, "SELECT name AS line FROM pragma_table_info(?, 'main') ORDER BY cid", table)
}

/// Returns the statements that create a temporary copy of a table with its indexes, derived from the original
/// statements in `sqlite_master`. Without the same indexes, a page over the view would sort all changed rows.
fn copy(connection: &mut SqliteConnection, table: &str) -> QueryResult<String> {
    let query =
        "SELECT sql AS line FROM main.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC, name";
    let mut statements = String::new();
    for (number, sql) in lines(connection, query, table)?.iter().enumerate() {
        let Some((head, rest)) = sql.split_once('(') else { continue };
        statements.push_str(&match head.split_whitespace().nth(1) {
            Some("TABLE") => format!("CREATE TEMP TABLE overlay_{table} ({rest}; "),
            Some("UNIQUE") => format!("CREATE UNIQUE INDEX temp.overlay_{table}_{number} ON overlay_{table} ({rest}; "),
            _ => format!("CREATE INDEX temp.overlay_{table}_{number} ON overlay_{table} ({rest}; "),
        });
    }
    Ok(statements)
}

/// Returns the statements that create the temporary tables, the view and the triggers of a table.
///
/// `gone_*` is created by `AS SELECT`, so that its columns have the types of the real keys: with other types, SQLite
/// would not use its index. The check for duplicate keys is part of the triggers, since a unique index cannot span
/// the real table and the temporary one.
fn view(shadowed: &ShadowedTable, columns: &[String]) -> String {
    let table = shadowed.table;
    let all = columns.join(", ");
    let new = columns.iter().map(|column| format!("NEW.{column}")).collect::<Vec<_>>().join(", ");
    let (keys, old_keys, own) = (shadowed.keys(""), shadowed.keys("OLD."), shadowed.same_key("g", "t"));
    let (is_old, is_new) = (shadowed.same_key(&format!("overlay_{table}"), "OLD"), shadowed.same_key("t", "NEW"));
    let take = format!(
        "DELETE FROM overlay_{table} WHERE {is_old}; INSERT OR IGNORE INTO gone_{table} ({keys}) VALUES ({old_keys});"
    );
    let put = format!(
        "SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table}') WHERE EXISTS (SELECT 1 FROM {table} t WHERE {is_new}); \
         INSERT INTO overlay_{table} ({all}) VALUES ({new});"
    );
    format!(
        "CREATE TEMP TABLE gone_{table} AS SELECT {keys} FROM main.{table} WHERE 0; \
         CREATE UNIQUE INDEX temp.gone_{table}_key ON gone_{table} ({keys}); \
         CREATE TEMP VIEW {table} AS SELECT {all} FROM main.{table} AS t \
         WHERE NOT EXISTS (SELECT 1 FROM temp.gone_{table} g WHERE {own}) \
         UNION ALL SELECT {all} FROM temp.overlay_{table}; \
         CREATE TEMP TRIGGER {table}_insert INSTEAD OF INSERT ON {table} BEGIN {put} END; \
         CREATE TEMP TRIGGER {table}_delete INSTEAD OF DELETE ON {table} BEGIN {take} END; \
         CREATE TEMP TRIGGER {table}_update INSTEAD OF UPDATE ON {table} BEGIN {take} {put} END; "
    )
}
