#!/usr/bin/env bash
# SQLite 3.51.1 (from apsw 3.51.1.0): an UPDATE that sets an indexed column to the value that it has removes the entry of the
# index and inserts it again, so that a page of each index is written, although nothing there changes. Postgres compares the values
# first. An object-relational mapper that sets all columns of a row thus writes a page for each index of the table.
#
# The script counts the frames that one UPDATE appends to the write-ahead log of a table with ten indexes: with the one column that
# changes, which has no index, and with all columns, ten of them with the value that they have. It needs Python 3 and
# installs the pinned package in a temporary folder. It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.51.1.0
"$folder/venv/bin/python" - "$folder" >"$folder/out" <<'PYTHON'
import os, sys

import apsw

print("SQLite", apsw.sqlite_lib_version())
path = os.path.join(sys.argv[1], "data.db")
db = apsw.Connection(path)
db.execute("PRAGMA journal_mode = wal; PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 0")
names = [f"c{number}" for number in range(10)]
db.execute(f"CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT, {', '.join(names)})")
for name in names:
    db.execute(f"CREATE INDEX items_{name} ON items ({name})")
marks = ", ".join("?" * (len(names) + 2))
with db:
    for number in range(20_000):
        # Each index has another order.
        values = [(number * (2 * column + 7919)) % 20_011 for column in range(len(names))]
        db.execute(f"INSERT INTO items VALUES ({marks})", [number, "first", *values])


def frames(sql, values):
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute(sql, values)
    # A frame is a page and a header of 24 bytes, after the header of the log, which has 32.
    return (os.path.getsize(path + "-wal") - 32) // (4096 + 24)


row = list(db.execute("SELECT * FROM items WHERE id = 777").fetchone())
print("the changed column alone:", frames("UPDATE items SET note = ? WHERE id = ?", ["second", 777]), "page")
every = ", ".join(f"{name} = ?" for name in ["note", *names])
print("all columns:", frames(f"UPDATE items SET {every} WHERE id = ?", ["third", *row[2:], 777]), "pages")
PYTHON
cat "$folder/out"
diff "$folder/out" - <<'SEEN'
SQLite 3.51.1
the changed column alone: 1 page
all columns: 11 pages
SEEN
