//! Sandboxes on Postgres: temporary views, tables and trigger functions.

use diesel::PgConnection;
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

/// Shadows the tables by views in `pg_temp`, which precedes all schemas of the search path.
///
/// # Errors
///
/// Fails if a query fails or the tables are not found in the search path.
pub fn shadow(connection: &mut PgConnection, tables: &[ShadowedTable]) -> QueryResult<()> {
    let schema = schema(connection)?;
    let mut statements = String::new();
    for shadowed in tables {
        let columns = columns(connection, shadowed.table)?;
        if !columns.is_empty() {
            statements.push_str(&view(shadowed, &schema, &columns));
        }
    }
    let journal = columns(connection, "journal")?.join(", ");
    statements.push_str(&format!(
        "CREATE TEMP VIEW journal AS SELECT {journal} FROM {schema}.journal; \
         CREATE FUNCTION pg_temp.write_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; \
         CREATE TRIGGER write INSTEAD OF INSERT ON pg_temp.journal FOR EACH ROW EXECUTE FUNCTION pg_temp.write_journal(); "
    ));
    connection.batch_execute(&statements)
}

/// Empties the temporary tables.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn clear(connection: &mut PgConnection) -> QueryResult<()> {
    let query = "SELECT oid::regclass::text AS line FROM pg_class \
                 WHERE relnamespace = pg_my_temp_schema() AND relkind::text = $1";
    let tables = lines(connection, query, "r")?;
    connection.batch_execute(&format!("TRUNCATE {}", tables.join(", ")))
}

fn lines(connection: &mut PgConnection, query: &str, given: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<Line> = diesel::sql_query(query).bind::<Text, _>(given).load(connection)?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// Returns the quoted name of the schema that contains the tables.
fn schema(connection: &mut PgConnection) -> QueryResult<String> {
    let query = "SELECT quote_ident(nspname) AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.oid = to_regclass($1)";
    lines(connection, query, "items")?.pop().ok_or(diesel::result::Error::NotFound)
}

fn columns(connection: &mut PgConnection, table: &str) -> QueryResult<Vec<String>> {
    let query = "SELECT quote_ident(attname) AS line FROM pg_attribute \
                 WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    lines(connection, query, table)
}

/// Returns the statements that create the temporary tables, the view and the trigger of a table.
///
/// The form of the view decides whether indexes are used (docs/decisions/0016). Postgres reads a `UNION ALL` in the
/// order of its indexes (MergeAppend) only if its branches have no conditions of their own; so the deleted rows are
/// excluded around the union, by the column `below`. And Postgres would turn `EXISTS` into a join over all rows; a
/// subquery with OFFSET is evaluated for each row instead, so that a page ends early.
fn view(shadowed: &ShadowedTable, schema: &str, columns: &[String]) -> String {
    let (table, all) = (shadowed.table, columns.join(", "));
    let new = columns.iter().map(|column| format!("NEW.{column}")).collect::<Vec<_>>().join(", ");
    let (keys, own) = (shadowed.keys(""), shadowed.same_key("g", "t"));
    let (old_keys, is_old, is_new) =
        (shadowed.keys("OLD."), shadowed.same_key("t", "OLD"), shadowed.same_key("t", "NEW"));
    format!(
        "CREATE TEMP TABLE overlay_{table} (LIKE {schema}.{table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES); \
         CREATE TEMP TABLE gone_{table} AS SELECT {keys} FROM {schema}.{table} LIMIT 0; \
         ALTER TABLE gone_{table} ADD PRIMARY KEY ({keys}); \
         CREATE TEMP VIEW {table} AS SELECT {all} FROM (SELECT true AS below, {all} FROM {schema}.{table} \
         UNION ALL SELECT false, {all} FROM pg_temp.overlay_{table}) t \
         WHERE NOT (below AND EXISTS (SELECT 1 FROM pg_temp.gone_{table} g WHERE {own} OFFSET 0)); \
         CREATE FUNCTION pg_temp.write_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF TG_OP <> 'INSERT' THEN \
         DELETE FROM pg_temp.overlay_{table} t WHERE {is_old}; \
         INSERT INTO pg_temp.gone_{table} ({keys}) VALUES ({old_keys}) ON CONFLICT DO NOTHING; \
         END IF; \
         IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; \
         IF EXISTS (SELECT 1 FROM pg_temp.{table} t WHERE {is_new}) THEN \
         RAISE unique_violation USING MESSAGE = 'duplicate key in {table}'; \
         END IF; \
         INSERT INTO pg_temp.overlay_{table} ({all}) VALUES ({new}); \
         RETURN NEW; END $$; \
         CREATE TRIGGER write INSTEAD OF INSERT OR UPDATE OR DELETE ON pg_temp.{table} \
         FOR EACH ROW EXECUTE FUNCTION pg_temp.write_{table}(); "
    )
}
