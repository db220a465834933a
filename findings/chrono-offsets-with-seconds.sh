#!/usr/bin/env bash
# chrono 0.4.45: DateTime::to_rfc3339 of a time whose offset has seconds (Monrovia, -00:44:30 until 1972; Brussels, Dublin
# and many others before the First World War) rounds the offset to the minute and keeps the local time. What it writes is
# therefore another instant, here by 30 seconds, and DateTime::parse_from_rfc3339 reads that one. RFC 3339 has no seconds in
# offsets, but an instant could have been kept by moving the local time. The format %::z writes the seconds, and the
# same format does not read them.
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
chrono = { version = "=0.4.45", default-features = false, features = ["std"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use chrono::{DateTime, FixedOffset, TimeZone};

fn main() {
    let monrovia = FixedOffset::west_opt(44 * 60 + 30).unwrap();
    let noon = monrovia.with_ymd_and_hms(1970, 1, 1, 12, 0, 0).unwrap();
    let text = noon.to_rfc3339();
    let seconds = DateTime::parse_from_rfc3339(&text).unwrap().timestamp() - noon.timestamp();
    println!("written as {text}, read {seconds} s later");
    let format = "%Y-%m-%dT%H:%M:%S%::z";
    let text = noon.format(format).to_string();
    println!("written as {text}, read by the same format: {:?}", DateTime::parse_from_str(&text, format).map_err(|e| e.kind()));
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
written as 1970-01-01T12:00:00-00:45, read 30 s later
written as 1970-01-01T12:00:00-00:44:30, read by the same format: Err(TooLong)
SEEN
