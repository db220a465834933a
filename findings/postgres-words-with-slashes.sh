#!/usr/bin/env bash
# PostgreSQL 18.7 (in PGlite 0.5.17): full-text search finds neither word of "jazz/blues", since the parser takes words joined by a
# slash for one name of a file (PostgreSQL's documentation, section 12.5, table 12.1: token type `file`), and then drops no part of
# it into the index, while of a word with a hyphen it has the whole and the parts. A point without a blank after a sentence
# joins two words to a name of a host, and the number of covid-19 is -19. Configurations of languages have the same parser, so
# the bilingual "Konzert/Concert" is found in no language; a stemmer sees the whole. SQLite's FTS5 (3.54.1, from apsw 3.54.1.0)
# finds all of these. A blank in place of the slash, before the text is indexed, has both words found.
#
# The script needs Node.js 20 or newer, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder.
# It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.17
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check apsw==3.54.1.0
cat >words.json <<'JSON'
[["jazz/blues", "blues"], ["Konzert/Concert", "konzert"], ["Bring boots.Dogs welcome", "dogs"], ["covid-19", "19"],
 ["jazz-festival", "festival"], ["jazz / blues", "blues"]]
JSON
cat >find.mjs <<'JS'
import { readFileSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";

const db = new PGlite();
console.log((await db.query("SELECT version() AS v")).rows[0].v.match(/^PostgreSQL [0-9.]+/)[0]);
for (const [text, word] of JSON.parse(readFileSync("words.json", "utf8"))) {
  const { rows } = await db.query(
    `SELECT to_tsvector('german', $1) @@ websearch_to_tsquery('german', $2) AS german,
      to_tsvector('simple', $1) @@ websearch_to_tsquery('simple', $2) AS simple,
      (SELECT string_agg(DISTINCT alias, ', ' ORDER BY alias) FROM ts_debug('simple', $1) WHERE alias <> 'blank') AS tokens`,
    [text, word],
  );
  console.log(`${text}, ${word}: german ${rows[0].german}, simple ${rows[0].simple} (${rows[0].tokens})`);
}
JS
cat >find.py <<'SCRIPT'
import json

import apsw

print("SQLite", apsw.sqlite_lib_version())
db = apsw.Connection(":memory:")
db.execute("CREATE VIRTUAL TABLE walks USING fts5 (title)")
for text, word in json.load(open("words.json")):
    db.execute("DELETE FROM walks")
    db.execute("INSERT INTO walks VALUES (?)", (text,))
    found = db.execute("SELECT count(*) FROM walks WHERE walks MATCH ?", (f'"{word}"',)).fetchone()[0] == 1
    print(f"{text}, {word}: {str(found).lower()}")
SCRIPT
{ node find.mjs && python/bin/python find.py; } | tee out
diff out - <<'SEEN'
PostgreSQL 18.7
jazz/blues, blues: german false, simple false (file)
Konzert/Concert, konzert: german false, simple false (file)
Bring boots.Dogs welcome, dogs: german false, simple false (asciiword, host)
covid-19, 19: german false, simple false (asciiword, int)
jazz-festival, festival: german true, simple true (asciihword, hword_asciipart)
jazz / blues, blues: german true, simple true (asciiword)
SQLite 3.54.1
jazz/blues, blues: true
Konzert/Concert, konzert: true
Bring boots.Dogs welcome, dogs: true
covid-19, 19: true
jazz-festival, festival: true
jazz / blues, blues: true
SEEN
