//! What of a file was neither stored nor noted by an import.

use serde_json::Value;

use super::app::TestApp;
use super::import::{Said, export_text};

/// A value of a file with the names of the members, elements or columns that lead to it.
pub struct Leaf {
    pub path: String,
    pub text: String,
    /// Whether it is true or false, so that it is in every text.
    pub is_flag: bool,
}

/// Returns the values of a JSON text.
pub fn leaves_of_json(value: &Value, path: &str, leaves: &mut Vec<Leaf>) {
    let leaf = |text: String, is_flag| Leaf { path: path.to_owned(), text, is_flag };
    match value {
        Value::Null => {}
        Value::Bool(flag) => leaves.push(leaf(flag.to_string(), true)),
        Value::Number(number) => leaves.push(leaf(number.to_string(), false)),
        Value::String(text) => leaves.push(leaf(text.clone(), false)),
        Value::Array(list) => list.iter().for_each(|entry| leaves_of_json(entry, path, leaves)),
        Value::Object(object) => {
            object.iter().for_each(|(name, member)| leaves_of_json(member, &format!("{path}/{name}"), leaves));
        }
    }
}

/// Returns the texts and attributes of XML without entities.
pub fn leaves_of_xml(text: &str) -> Vec<Leaf> {
    let (mut leaves, mut open) = (Vec::new(), Vec::<String>::new());
    for part in text.split('<').skip(1).filter(|part| !part.starts_with(['?', '!'])) {
        let (tag, content) = part.split_once('>').unwrap();
        if tag.starts_with('/') {
            open.pop();
        } else {
            let (name, attributes) =
                tag.trim_end_matches('/').split_once(' ').unwrap_or((tag.trim_end_matches('/'), ""));
            open.push(name.to_owned());
            let mut parts = attributes.split('"');
            while let (Some(attribute), Some(value)) = (parts.next(), parts.next()) {
                let attribute = attribute.trim().trim_end_matches('=');
                leaves.push(Leaf {
                    path: format!("{}/{attribute}", open.join("/")),
                    text: value.to_owned(),
                    is_flag: false,
                });
            }
        }
        if !content.trim().is_empty() {
            let text = content.trim().to_owned();
            leaves.push(Leaf { path: open.join("/"), is_flag: text == "true" || text == "false", text });
        }
        if tag.ends_with('/') {
            open.pop();
        }
    }
    leaves
}

/// Returns the values that are neither in what is stored nor under a note. `elsewhere` says of a path what is stored for
/// it, or nothing if it only says how others are read.
pub fn lost_values(app: &TestApp, said: &Said, leaves: &[Leaf], elsewhere: &[(&str, &str)]) -> Vec<String> {
    let stored = export_text(app);
    // JSON:API has `-` between the words of names, for which notes have `_`.
    let plain = |name: &str| name.replace('-', "_");
    let subjects: Vec<String> = said.report.notes.keys().map(|(_, subject, _)| plain(subject)).collect();
    let is_noted = |leaf: &Leaf| {
        let names: Vec<String> = leaf.path.split('/').filter(|name| !name.is_empty()).map(plain).collect();
        let is_named = |subject: &String| {
            let last = subject.rsplit('/').next().unwrap().trim_start_matches('@');
            let is_the_name = |name: &String| {
                last.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',']))
                    || subject.ends_with(&format!("\"{name}\""))
            };
            names.iter().any(is_the_name) || subject.ends_with(&format!("\"{}\"", leaf.text))
        };
        subjects.iter().any(is_named)
    };
    let is_elsewhere =
        |leaf: &Leaf| elsewhere.iter().any(|(path, text)| leaf.path.ends_with(path) && stored.contains(text));
    let is_stored = |leaf: &Leaf| !leaf.is_flag && stored.contains(&leaf.text);
    let lost = leaves.iter().filter(|leaf| !is_stored(leaf) && !is_elsewhere(leaf) && !is_noted(leaf));
    lost.map(|leaf| format!("{}: {}", leaf.path, leaf.text)).collect()
}
