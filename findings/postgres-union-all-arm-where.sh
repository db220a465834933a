#!/usr/bin/env bash
# Postgres walks the indexes of a UNION ALL in order (Merge Append) only where its arms have no WHERE of their own.
# The same condition within an arm makes it read and sort everything, for a page of 20 rows. (The planner pulls an
# arm up into its append only if the arm consists of one relation: is_safe_append_member in prepjointree.c.)
# The script exits with 1 if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --no-audit --no-fund @electric-sql/pglite@0.3.14 >>npm.log 2>&1
cat >finding.mjs <<'SCRIPT'
import { PGlite } from "@electric-sql/pglite";
const db = new PGlite();
console.log((await db.query("SELECT version() AS v")).rows[0].v);
await db.exec(`
  CREATE TABLE a (id int PRIMARY KEY, at int); CREATE TABLE b (LIKE a INCLUDING ALL);
  INSERT INTO a SELECT i, i * 7919 % 100000 FROM generate_series(1, 100000) i;
  INSERT INTO b SELECT i, i FROM generate_series(100001, 101000) i;
  CREATE INDEX ON a (at); CREATE INDEX ON b (at); ANALYZE;
  CREATE VIEW inside AS SELECT id, at FROM a WHERE id <> 5 UNION ALL SELECT id, at FROM b;
  CREATE VIEW outside AS SELECT id, at FROM
    (SELECT true AS below, id, at FROM a UNION ALL SELECT false, id, at FROM b) u WHERE NOT (below AND id = 5);
`);
const plan = async (view) => {
  const rows = (await db.query(`EXPLAIN (COSTS OFF) SELECT * FROM ${view} ORDER BY at LIMIT 20`)).rows;
  const text = rows.map((row) => row["QUERY PLAN"]).join("\n");
  console.log(`\nthe condition ${view} the arm:\n${text}`);
  return text;
};
const [inside, outside] = [await plan("inside"), await plan("outside")];
const walks = (plan) => plan.includes("Index Scan using a_at_idx");
process.exit(!walks(inside) && walks(outside) ? 0 : 1);
SCRIPT
node finding.mjs
