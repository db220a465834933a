//! The order in which the rows of a file are sent: a row that refers to another one of its own kind, such as a page to the
//! page above it, comes after it, wherever it stands in the file.

use std::collections::HashMap;

use super::mapping::{Cells, Mapping, RuleOptions, field, fill};
use super::parts;
use crate::content::field::Field;
use crate::content::slug::from_title;
use crate::content_types::ContentType;

/// Greatest number of times that the file is read for rows that wait for others: one more than a tree has levels.
const MOST_ROUNDS: usize = 16;

/// A field with references to items of the kind of the rows, with its rule.
type OwnReference = (&'static Field, RuleOptions);

/// What is known of the rows of a file. Only the names are kept to which rows refer.
pub struct RowOrder<'a> {
    mapping: &'a Mapping,
    content_type: &'static ContentType,
    references: Vec<OwnReference>,
    /// The names to which rows refer, each with the state of the row that has it.
    named: HashMap<String, RowState>,
    /// Whether each row was sent.
    sent: Vec<bool>,
    round: usize,
    /// Whether all rows waited in the last round, so that one has to go first.
    is_stuck: bool,
    /// Number of rows that were sent in this round, and that wait.
    counts: (usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// No row of the file has the name.
    Unknown,
    Waiting,
    Sent,
}

impl<'a> RowOrder<'a> {
    /// Creates the order of the rows; `None` if they do not refer to each other.
    pub fn new(mapping: &'a Mapping, content_type: &'static ContentType) -> Option<Self> {
        let own = |(name, rule): (&String, &super::mapping::Rule)| {
            let declared = field(content_type.fields, name)?;
            (declared.relation()?.target == content_type.kind).then(|| (declared, rule.options()))
        };
        let references: Vec<OwnReference> = mapping.fields.iter().filter_map(own).collect();
        let (named, sent) = (HashMap::new(), Vec::new());
        let order = Self { mapping, content_type, references, named, sent, round: 0, is_stuck: false, counts: (0, 0) };
        (!order.references.is_empty()).then_some(order)
    }

    /// Learns to which names a row refers.
    pub fn learn_references(&mut self, cells: &Cells<'_>) {
        for name in self.references_of(cells) {
            self.named.entry(name).or_insert(RowState::Unknown);
        }
    }

    /// Learns which of the names a row has, to which others refer.
    pub fn learn_names(&mut self, cells: &Cells<'_>) {
        self.set(cells, RowState::Waiting);
    }

    /// Returns whether it is the turn of the row at this position of the file: it was not sent yet, and waits for none
    /// that it names. Rows that name each other do not wait forever.
    pub fn is_turn(&mut self, position: usize, cells: &Cells<'_>) -> bool {
        if self.sent.len() <= position {
            self.sent.resize(position + 1, false);
        }
        if self.sent[position] {
            return false;
        }
        if self.waits(cells) && !self.goes_first(cells) {
            self.counts.1 += 1;
            return false;
        }
        self.sent[position] = true;
        self.counts.0 += 1;
        self.set(cells, RowState::Sent);
        true
    }

    /// Returns whether this is the first round.
    pub fn is_first_round(&self) -> bool {
        self.round == 0
    }

    /// Ends a round. Returns whether another one is needed: rows wait.
    pub fn next_round(&mut self) -> bool {
        let (sent, waiting) = std::mem::take(&mut self.counts);
        self.is_stuck = sent == 0;
        self.round += 1;
        waiting > 0
    }

    /// Returns whether a row is sent although it waits: the first one for which others wait, as those of a circle do, if
    /// all wait. In the end all are sent.
    fn goes_first(&mut self, cells: &Cells<'_>) -> bool {
        let is_waited_for = |name: &String| self.named.get(name) == Some(&RowState::Waiting);
        let goes_first = self.is_stuck && self.names_of(cells).iter().any(is_waited_for);
        self.is_stuck &= !goes_first;
        goes_first || self.round >= MOST_ROUNDS
    }

    fn waits(&self, cells: &Cells<'_>) -> bool {
        let own = self.names_of(cells);
        let is_waiting = |name: &String| self.named.get(name) == Some(&RowState::Waiting) && !own.contains(name);
        self.is_taken(cells) && self.references_of(cells).iter().any(is_waiting)
    }

    fn set(&mut self, cells: &Cells<'_>, state: RowState) {
        if !self.is_taken(cells) {
            return;
        }
        for name in self.names_of(cells) {
            if let Some(known) = self.named.get_mut(&name).filter(|known| **known != RowState::Sent) {
                *known = state;
            }
        }
    }

    fn is_taken(&self, cells: &Cells<'_>) -> bool {
        self.mapping.holds(cells) == Ok(true)
    }

    fn references_of(&self, cells: &Cells<'_>) -> Vec<String> {
        let mut names = Vec::new();
        for (declared, rule) in &self.references {
            let text = fill(&rule.from, cells).unwrap_or_default();
            let words = parts(declared, rule, &text).into_iter();
            names.extend(words.map(|part| name_of(rule.words.get(&part).unwrap_or(&part))));
        }
        names.retain(|name| !name.is_empty());
        names
    }

    /// Returns the names by which other rows may refer to a row: its id, its slug, and its title or name.
    fn names_of(&self, cells: &Cells<'_>) -> Vec<String> {
        let label = self.mapping.fields.get(self.content_type.label).map(|rule| rule.options().from);
        let templates = [Some(self.mapping.id.clone()), self.mapping.slug.clone(), label];
        let texts = templates.into_iter().flatten().filter_map(|template| fill(&template, cells).ok());
        texts.map(|text| name_of(&text)).filter(|name| !name.is_empty()).collect()
    }
}

/// Returns a name in the form in which names are compared. Of two that differ in more than their spelling none is taken
/// for the other one, except that a row may wait without need.
fn name_of(text: &str) -> String {
    let slug = from_title(text);
    if slug.is_empty() { text.trim().to_lowercase() } else { slug }
}
