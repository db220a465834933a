//! The three-way merge of a write that is based on an older version with the changes made since.
//!
//! All three states are compared in the form in which editors send them, not as stored: a request body can
//! hold one language only and knows neither derived values nor resolved ids, so comparing it with the stored
//! form would report differences that the editor did not make.

use serde_json::{Map, Value};

use crate::content::LocaleMode;
use crate::content::editable_form::editable_form;
use crate::content::field::Field;
use crate::editorial::write::precondition_failed;
use crate::items::Item;
use crate::journal::diff::{self, Difference};
use crate::problem::Problem;

/// The three states of a merge, in the form of a request body.
pub struct Merge {
    /// The version that the write is based on: the common ancestor.
    pub base: Map<String, Value>,
    /// The newest stored text.
    pub current: Map<String, Value>,
    /// The state that the write asks for.
    pub requested: Map<String, Value>,
}

impl Merge {
    /// Returns the current state with the changes of the write applied to it.
    ///
    /// The changes of the write are its differences from the base, not from the current state: a full
    /// replacement repeats all values that its author saw, and comparing those with the current state would
    /// undo every change made in between.
    ///
    /// # Errors
    ///
    /// Fails with `PreconditionFailed` if a value was changed by both sides, or if `allowed` is false. The
    /// problem names the values changed since, and those in conflict.
    pub fn apply(self, item: &Item, allowed: bool) -> Result<Map<String, Value>, Problem> {
        let theirs = diff::pointers(&self.base, &self.current);
        let mine = diff::diff(&self.base, &self.requested);
        let conflicts: Vec<String> = mine
            .iter()
            .filter(|change| clashes(change, &theirs, &self.current))
            .map(|change| change.pointer.clone())
            .collect();
        if !allowed || !conflicts.is_empty() {
            return Err(stale_problem(item, theirs, conflicts));
        }
        let mut merged = self.current;
        diff::apply(&mut merged, mine);
        Ok(merged)
    }
}

/// Returns whether others changed the same value, a part of it, or an object around it, and not to the same
/// result. Two sides that arrive at the same value do not conflict.
fn clashes(change: &Difference, theirs: &[String], current: &Map<String, Value>) -> bool {
    let same = value_at(current, &change.pointer).unwrap_or(&Value::Null) == &change.after;
    !same && theirs.iter().any(|other| diff::overlap(&change.pointer, other))
}

/// Returns the value at a JSON Pointer (RFC 6901) within a content.
fn value_at<'a>(content: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let path = pointer.strip_prefix('/')?;
    let (name, below) = path.split_at(path.find('/').unwrap_or(path.len()));
    content.get(&name.replace("~1", "/").replace("~0", "~"))?.pointer(below)
}

fn stale_problem(item: &Item, changed: Vec<String>, conflicts: Vec<String>) -> Problem {
    let mut problem = precondition_failed(item);
    if let Some(current) = &mut problem.current {
        (current.changed, current.conflicts) = (changed, conflicts);
    }
    problem
}

/// Converts a stored form to a request body, with the slug if one is given.
pub fn as_input(
    fields: &'static [Field],
    slug: Option<String>,
    content: &Map<String, Value>,
    mode: &LocaleMode,
) -> Map<String, Value> {
    let mut input = editable_form(fields, content, mode);
    if let Some(slug) = slug {
        input.insert("slug".to_owned(), slug.into());
    }
    input
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_are_those_of_the_whole() {
        let whole = json!({"a/b": {"c~d": [1, {"": 2}]}, "": 3, "e": null});
        let content = whole.as_object().unwrap();
        for pointer in
            ["/a~1b", "/a~1b/c~0d/1/", "/a~1b/c~0d/0", "/", "/e", "/e/f", "/a/b", "/a~1b/c~0d/7", "x", "/none"]
        {
            assert_eq!(value_at(content, pointer), whole.pointer(pointer), "{pointer}");
        }
    }
}
