#!/usr/bin/env bash
# rrule 0.14.0 (Rust): a set that is written as text has another meaning, if it has dates of RDATE or EXDATE in a zone. Their
# local time is written with a Z (UTC), while DTSTART keeps its zone: RFC 5545, section 3.3.5, form 2 against form 3. Read
# again, a date that was cancelled takes place, and an added date is later by the offset, here by two hours. Dates that
# were given in UTC are written right, so whoever keeps sets as text first converts them to UTC.
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
rrule = "=0.14.0"
[profile.dev]
debug = 0
TOML
cat >"$folder/src/main.rs" <<'RUST'
use rrule::RRuleSet;

fn tell(what: &str, text: &str) -> String {
    let set: RRuleSet = text.parse().unwrap();
    let dates: Vec<String> = set.clone().all(9).dates.iter().map(|date| date.format("%d %H:%M%:z").to_string()).collect();
    println!("{what}: {}", dates.join(", "));
    set.to_string()
}

fn main() {
    let rule = "DTSTART;TZID=Europe/Brussels:20270601T090000\nRRULE:FREQ=DAILY;COUNT=3";
    let zone = ";TZID=Europe/Brussels:";
    for (name, cancelled, added) in [
        ("in a zone", format!("{zone}20270602T090000"), format!("{zone}20270610T090000")),
        ("in UTC", ":20270602T070000Z".to_owned(), ":20270610T070000Z".to_owned()),
    ] {
        let written = tell(name, &format!("{rule}\nEXDATE{cancelled}\nRDATE{added}"));
        tell(&format!("{name}, written and read"), &written);
        written.lines().filter(|line| line.contains("DATE;")).for_each(|line| println!("  {line}"));
    }
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
in a zone: 01 09:00+02:00, 03 09:00+02:00, 10 09:00+02:00
in a zone, written and read: 01 09:00+02:00, 02 09:00+02:00, 03 09:00+02:00, 10 09:00+00:00
  RDATE;VALUE=DATE-TIME:20270610T090000Z
  EXDATE;VALUE=DATE-TIME:20270602T090000Z
in UTC: 01 09:00+02:00, 03 09:00+02:00, 10 07:00+00:00
in UTC, written and read: 01 09:00+02:00, 03 09:00+02:00, 10 07:00+00:00
  RDATE;VALUE=DATE-TIME:20270610T070000Z
  EXDATE;VALUE=DATE-TIME:20270602T070000Z
SEEN
