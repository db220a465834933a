//! A write that was based on an older version: what others changed since, and whether both changes
//! can stand together.

use serde_json::{Map, Value};

use super::write::changed_meanwhile;
use crate::content::LocaleMode;
use crate::content::field::Field;
use crate::content::input_form::input_form;
use crate::items::Item;
use crate::journal::diff::{self, Difference};
use crate::problem::Problem;

/// The three states of a merge, as an editor would send them.
pub struct Merge {
    /// What both began with.
    pub base: Map<String, Value>,
    /// What is there now.
    pub current: Map<String, Value>,
    /// What the late editor wants.
    pub wanted: Map<String, Value>,
}

impl Merge {
    /// The current state with the late editor's changes, if nobody else changed the same places; else
    /// the problem that names them.
    pub fn join(self, item: &Item, allowed: bool) -> Result<Map<String, Value>, Problem> {
        let theirs = diff::pointers(&self.base, &self.current);
        let mine = diff::diff(&self.base, &self.wanted);
        let conflicts: Vec<String> = mine
            .iter()
            .filter(|change| clashes(change, &theirs, &self.current))
            .map(|change| change.pointer.clone())
            .collect();
        if !allowed || !conflicts.is_empty() {
            return Err(stale(item, theirs, conflicts));
        }
        let mut joined = self.current;
        diff::apply(&mut joined, mine);
        Ok(joined)
    }
}

/// Whether others changed the same place, and not to the same value.
fn clashes(change: &Difference, theirs: &[String], current: &Map<String, Value>) -> bool {
    let same = Value::Object(current.clone()).pointer(&change.pointer).unwrap_or(&Value::Null) == &change.after;
    !same && theirs.iter().any(|other| diff::overlap(&change.pointer, other))
}

fn stale(item: &Item, changed: Vec<String>, conflicts: Vec<String>) -> Problem {
    let mut problem = changed_meanwhile(item);
    if let Some(current) = &mut problem.current {
        (current.changed, current.conflicts) = (changed, conflicts);
    }
    problem
}

/// A stored form as an editor would send it, with the slug.
pub fn as_input(
    fields: &'static [Field],
    slug: Option<String>,
    content: &Map<String, Value>,
    mode: &LocaleMode,
) -> Map<String, Value> {
    let mut input = input_form(fields, content, mode);
    if let Some(slug) = slug {
        input.insert("slug".to_owned(), slug.into());
    }
    input
}
