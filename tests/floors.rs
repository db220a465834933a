//! The order of the rooms: each uses only those below it. docs/architecture.md has the order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::app::TestApp;
use crate::tests;

tests![each_room_uses_only_those_below, the_reader_of_paths_finds_them_all];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms of the table "Floors", from the top down; those of one row stand beside each other.
fn floors() -> Vec<Vec<String>> {
    let map = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = map.lines().skip_while(|line| *line != "## Floors").skip(1).take_while(|line| !line.starts_with("## "));
    let rooms = |row: &str| -> Vec<String> {
        let cell = row.split('|').nth(1).unwrap_or_default();
        cell.split('`').skip(1).step_by(2).filter_map(|path| path.strip_prefix("src/")).map(str::to_owned).collect()
    };
    table.filter(|line| line.starts_with('|')).map(rooms).filter(|rooms| !rooms.is_empty()).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The names that follow `crate::` in a text, those in braces too: `crate::{a, b::c}` names `a` and `b`.
fn named_rooms(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            rooms.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                _ if start && !character.is_whitespace() => {
                    rooms.insert(word(&group[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    rooms
}

fn each_room_uses_only_those_below(_: &TestApp) {
    let floors = floors();
    let height: BTreeMap<&str, usize> =
        floors.iter().enumerate().flat_map(|(at, rooms)| rooms.iter().map(move |room| (room.as_str(), at))).collect();
    let mut faults = Vec::new();
    for path in sources(&root().join("src")) {
        let inside = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        let folder = inside.split('/').next().unwrap();
        // The two roots of the crate name the rooms; they are none.
        if ["lib.rs", "main.rs"].contains(&folder) {
            continue;
        }
        let Some(own) = height.get(folder) else {
            faults.push(format!("src/{folder} has no floor in docs/architecture.md"));
            continue;
        };
        for room in named_rooms(&std::fs::read_to_string(&path).unwrap()) {
            let file = format!("{room}.rs");
            let (used, name) = match (height.get(room.as_str()), height.get(file.as_str())) {
                (Some(used), _) => (used, room.as_str()),
                (None, Some(used)) => (used, file.as_str()),
                (None, None) => continue,
            };
            if name != folder && used <= own {
                faults.push(format!("src/{inside} uses src/{name}, which is not below it"));
            }
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "arrows that do not run down:\n{}", faults.join("\n"));
    assert!(height.len() > 15, "the table of floors was not read: {floors:?}");
}

fn the_reader_of_paths_finds_them_all(_: &TestApp) {
    let text = "use crate::{api::{a, b}, http, search::Search};\nuse crate::items::Item; fn f() { crate::config::x() }";
    let found: Vec<String> = named_rooms(text).into_iter().collect();
    assert_eq!(found, ["api", "config", "http", "items", "search"]);
}
