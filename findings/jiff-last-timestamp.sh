#!/usr/bin/env bash
# jiff 1.0.2: the last Timestamp is 9999-12-30T22:00:00.999999999Z, while the last civil DateTime is 9999-12-31T23:59:59:
# every timestamp has to have a local time in each offset up to 25:59:59. So the RFC 3339 text 9999-12-31T00:00:00Z, a
# usual "for ever" in other systems, is refused with an error about a range, although RFC 3339 and chrono have it.
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
jiff = { version = "=1.0.2", default-features = false, features = ["std"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
fn main() {
    println!("last timestamp: {}", jiff::Timestamp::MAX);
    println!("last local time: {}", jiff::civil::DateTime::MAX);
    println!("9999-12-31T00:00:00Z is read: {}", "9999-12-31T00:00:00Z".parse::<jiff::Timestamp>().is_ok());
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
last timestamp: 9999-12-30T22:00:00.999999999Z
last local time: 9999-12-31T23:59:59.999999999
9999-12-31T00:00:00Z is read: false
SEEN
