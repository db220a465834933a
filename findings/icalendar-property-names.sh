#!/usr/bin/env bash
# icalendar 0.17.17 (Rust) removes the escapes of texts while it parses, but only of properties that it knows by a name in
# capital letters. NAME (RFC 7986, section 5.1) keeps its escapes although SUMMARY and even X-NOTE lose theirs, so whoever
# reads a value must know which names the crate knows. Names of properties have no case (RFC 5545, section 2); `location`
# is not found as LOCATION, and keeps its escapes too.
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
icalendar = { version = "=0.17.17", default-features = false, features = ["parser"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use icalendar::{Calendar, Component};

fn main() {
    let names = ["SUMMARY", "X-NOTE", "NAME", "location"];
    let lines: String = names.iter().map(|name| format!("{name}:Rivers\\, and rain\r\n")).collect();
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//example//EN\r\nBEGIN:VEVENT\r\nUID:1@river.example\r\nDTSTAMP:20310101T000000Z\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let calendar: Calendar = text.parse().unwrap();
    let event = calendar.events().next().unwrap();
    for name in names.iter().chain(&["LOCATION"]) {
        println!("{name}: {}", event.property_value(name).unwrap_or("not found"));
    }
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
SUMMARY: Rivers, and rain
X-NOTE: Rivers, and rain
NAME: Rivers\, and rain
location: Rivers\, and rain
LOCATION: not found
SEEN
