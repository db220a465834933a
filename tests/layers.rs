//! The order of the modules: each uses only those of the layers below it, by the table of docs/architecture.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::docs::root;
use crate::support::app::TestApp;

/// The modules of the table "Layers", from the top down; those of one row stand beside each other.
fn layers() -> Vec<Vec<String>> {
    let map = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = map.lines().skip_while(|line| *line != "## Layers").skip(1).take_while(|line| !line.starts_with("## "));
    let modules = |row: &str| -> Vec<String> {
        let cell = row.split('|').nth(1).unwrap_or_default();
        cell.split('`').skip(1).step_by(2).filter_map(|path| path.strip_prefix("src/")).map(str::to_owned).collect()
    };
    table.filter(|line| line.starts_with('|')).map(modules).filter(|modules| !modules.is_empty()).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The names that follow `crate::` in a text, those in braces too: `crate::{a, b::c}` names `a` and `b`.
fn named_modules(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            modules.insert(word(rest));
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
                    modules.insert(word(&group[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    modules
}

#[apply(api_test)]
fn each_module_uses_only_those_below(_: &TestApp) {
    let layers = layers();
    let height: BTreeMap<&str, usize> = layers
        .iter()
        .enumerate()
        .flat_map(|(at, modules)| modules.iter().map(move |module| (module.as_str(), at)))
        .collect();
    let mut faults = Vec::new();
    for path in sources(&root().join("src")) {
        let inside = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        let folder = inside.split('/').next().unwrap();
        // The two roots of the crate name the modules; they have no layer.
        if ["lib.rs", "main.rs"].contains(&folder) {
            continue;
        }
        let Some(own) = height.get(folder) else {
            faults.push(format!("src/{folder} has no layer in docs/architecture.md"));
            continue;
        };
        for module in named_modules(&std::fs::read_to_string(&path).unwrap()) {
            let file = format!("{module}.rs");
            let (used, name) = match (height.get(module.as_str()), height.get(file.as_str())) {
                (Some(used), _) => (used, module.as_str()),
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
    assert!(height.len() > 15, "the table of layers was not read: {layers:?}");
}

#[apply(api_test)]
fn the_reader_of_paths_finds_all(_: &TestApp) {
    let text = "use crate::{api::{a, b}, http, search::Search};\nuse crate::items::Item; fn f() { crate::config::x() }";
    let found: Vec<String> = named_modules(text).into_iter().collect();
    assert_eq!(found, ["api", "config", "http", "items", "search"]);
}

/// One name means one type: a reader need not know from which module it comes.
#[apply(api_test)]
fn no_public_type_has_the_name_of_another(_: &TestApp) {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in sources(&root().join("src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().map(str::trim_start) {
            let declared = ["struct ", "enum ", "trait ", "type "];
            let Some(rest) = line.strip_prefix("pub ") else { continue };
            let Some(rest) = declared.iter().find_map(|word| rest.strip_prefix(word)) else { continue };
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            places.entry(name).or_default().push(path.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    assert!(places.len() > 200, "the declarations were not found: {places:?}");
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "names that stand twice: {places:#?}");
}
