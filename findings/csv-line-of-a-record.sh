#!/usr/bin/env bash
# csv 1.4.0: the position of a record is where the reader stood before it, and not where the record begins. Blank lines are
# skipped after the position is taken, so that a record after blank lines has the number of the first blank line. A
# record that follows no blank line has its own number. And a carriage return alone ends a record, as the documentation of
# Terminator::CRLF says, but counts as no line: all records of such a file have the number 1. Whoever tells people
# the line of a fault by Position::line names another one in both cases.
#
# The script needs Rust, and builds a program with the pinned crate in a temporary folder. It exits with a non-zero status
# if the behaviour changes.
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
csv = "=1.4.0"
TOML
cat >"$folder/src/main.rs" <<'RUST'
fn main() {
    for text in ["name\nAnna\n\n\nBen\nCleo\n", "name\rAnna\rBen\r"] {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.unwrap();
            println!("{} on line {}", &record[0], record.position().unwrap().line());
        }
    }
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
name on line 1
Anna on line 2
Ben on line 3
Cleo on line 6
name on line 1
Anna on line 1
Ben on line 1
SEEN
