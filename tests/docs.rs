//! What the documentation says is so.

use std::path::{Path, PathBuf};

use crate::support::app::TestApp;

/// The folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/decisions"] {
        let files = std::fs::read_dir(root().join(folder)).unwrap().map(|f| f.unwrap().path());
        pages.extend(files.filter(|f| f.extension().is_some_and(|e| e == "md")));
    }
    assert!(pages.len() > 20 && pages.contains(&root().join("SECURITY.md")), "pages were not found: {pages:?}");
    pages
}

/// Every path between backticks in the architecture is there, and every room is on the map.
#[apply(api_test)]
fn the_map_is_true(_: &TestApp) {
    let map = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let named: Vec<&str> = map.split('`').skip(1).step_by(2).collect();
    for path in named.iter().filter(|text| text.starts_with("src/") || text.starts_with("tests/")) {
        assert!(root().join(path).exists(), "docs/architecture.md names {path}, which is not there");
    }
    for room in std::fs::read_dir(root().join("src")).unwrap().map(|f| f.unwrap()).filter(|f| f.path().is_dir()) {
        let name = format!("src/{}", room.file_name().to_string_lossy());
        assert!(named.contains(&name.as_str()), "{name} is not on the map");
    }
}

#[apply(api_test)]
fn links_lead_somewhere(_: &TestApp) {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let outside = path.is_empty() || path.starts_with("http");
            assert!(outside || page.parent().unwrap().join(path).exists(), "{}: {link}", page.display());
        }
    }
}

#[apply(api_test)]
fn the_example_configuration_has_the_defaults(_: &TestApp) {
    use plenary::config::{Config, Overrides};
    let file = root().join("plenary.example.toml");
    let config = Config::load(Some(&file), &Overrides::default()).unwrap();
    let values = |config: &Config| serde_json::to_value(config).unwrap();
    assert_eq!(values(&config), values(&Config::default()));
}

/// The tables of docs/permissions.md are printed from the code: who may what, and what each route wants.
#[apply(api_test)]
fn the_permissions_are_those_of_the_code(_: &TestApp) {
    let page = std::fs::read_to_string(root().join("docs/permissions.md")).unwrap();
    let printed = plenary::api::permissions_page::page();
    assert_eq!(page, printed, "print it anew: cargo run -- permissions > docs/permissions.md");
}
