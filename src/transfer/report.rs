//! The report of an import.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::content::violation::Violation;
use crate::content_types::ContentType;

/// Greatest number of groups of notes; notes beyond are counted in one more group.
const MOST_GROUPS: usize = 1_000;
/// Greatest number of texts of one code on one property, each of which has a group; further ones have one together.
const MOST_TEXTS: usize = 20;
/// Beginning of the text of a group of several texts, before the first one.
const FURTHER: &str = "further texts, the first: ";

/// Code of the notes on properties for which there is no field.
pub const LEFT_OUT: &str = "left_out";
/// Code of the notes on properties that are passed over on purpose.
pub const ON_PURPOSE: &str = "on_purpose";

/// The outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// An item was created.
    Created,
    /// An item was updated.
    Updated,
    /// The item has the content of the record already.
    Unchanged,
    /// The record and the item both changed since the last import; the item stays as its editor left it.
    Kept,
    /// The record breaks a rule; nothing of it was imported.
    Refused,
    /// The source had a record and has it no more; the item stays as it is.
    Missing,
    /// The source had a record and has it no more; the item was cancelled, or is not public any more.
    Withdrawn,
    /// A detail of a record was left out.
    Note,
}

impl Outcome {
    /// Returns the name of the outcome in reports.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Kept => "kept",
            Outcome::Refused => "refused",
            Outcome::Missing => "missing",
            Outcome::Withdrawn => "withdrawn",
            Outcome::Note => "note",
        }
    }
}

/// One line of a report.
#[derive(Debug, Clone, Serialize)]
pub struct ReportLine {
    /// Name of the file.
    pub file: String,
    /// Line or path within the file.
    pub place: String,
    /// Outcome of the record.
    pub outcome: Outcome,
    /// Kind of content; empty if it is not known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kind: &'static str,
    /// Title or name of the item, or else the source of the record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Violations or notes, each with its field, code and explanation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Violation>,
}

impl ReportLine {
    /// Returns whether the line is told by itself: a record that was not imported or, in a dry run, also one that would
    /// change something. Notes are summed up.
    pub fn is_notable(&self, is_dry_run: bool) -> bool {
        match self.outcome {
            Outcome::Unchanged | Outcome::Note => false,
            Outcome::Created | Outcome::Updated => is_dry_run,
            Outcome::Kept | Outcome::Refused | Outcome::Missing | Outcome::Withdrawn => true,
        }
    }
}

/// Notes of one code on one property with one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteGroup {
    /// Code of the notes.
    pub code: String,
    /// Name of the property in the file, or JSON Pointer of the field, with `*` for positions in lists.
    pub subject: String,
    /// Number of notes.
    pub count: u64,
    /// Position of the first one in the file.
    pub first: String,
    /// Explanation; of the first one, if there were too many for a group each.
    pub message: String,
}

impl NoteGroup {
    /// Returns what tells the group from others: code, property and text.
    fn key(&self) -> NoteKey {
        let text = if self.message.starts_with(FURTHER) { FURTHER } else { &self.message };
        (self.code.clone(), self.subject.clone(), text.to_owned())
    }
}

/// Code, property and text of a group of notes.
pub type NoteKey = (String, String, String);

/// The result of an import as a whole; the exit code of the command follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All records were taken.
    AllTaken,
    /// At least one record was refused.
    SomeRefused,
    /// No record was found.
    NothingRecognised,
}

impl Verdict {
    /// Returns the name of the result in reports.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::AllTaken => "all_taken",
            Verdict::SomeRefused => "some_refused",
            Verdict::NothingRecognised => "nothing_recognised",
        }
    }
}

/// The summary of an import.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Numbers of records, by outcome and kind of content.
    pub counts: BTreeMap<Outcome, BTreeMap<&'static str, u64>>,
    /// Notes, by code, property and text.
    #[serde(serialize_with = "groups_only")]
    pub notes: BTreeMap<NoteKey, NoteGroup>,
}

fn groups_only<S: Serializer>(notes: &BTreeMap<NoteKey, NoteGroup>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(notes.values())
}

/// The form of a [`Report`] in JSON.
#[derive(Deserialize)]
struct StoredReport {
    counts: BTreeMap<Outcome, BTreeMap<String, u64>>,
    notes: Vec<NoteGroup>,
}

/// The outcomes of records that the file has.
const OF_FILE: [Outcome; 5] = [Outcome::Created, Outcome::Updated, Outcome::Unchanged, Outcome::Kept, Outcome::Refused];

/// Kind of the lines that are about contact forms, which are no content.
pub const CONTACT_FORM: &str = "contact_form";
/// Kind of the lines that are about issues of the newsletter, which are no content either.
pub const NEWSLETTER_ISSUE: &str = "newsletter_issue";
/// Kind of the lines that are about no record of a known kind.
const NO_KIND: &str = "record";

impl Report {
    /// Reads a report from the JSON that it is serialised to. An empty text is an empty report.
    ///
    /// # Errors
    /// Returns a message if the text is no report.
    pub fn from_json(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let stored: StoredReport = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let kind = |name: &str| match ContentType::of_kind(name) {
            Some(content_type) => content_type.kind,
            None => [CONTACT_FORM, NEWSLETTER_ISSUE].into_iter().find(|kind| *kind == name).unwrap_or(NO_KIND),
        };
        let named = |kinds: BTreeMap<String, u64>| kinds.iter().map(|(name, count)| (kind(name), *count)).collect();
        Ok(Self {
            counts: stored.counts.into_iter().map(|(outcome, kinds)| (outcome, named(kinds))).collect(),
            notes: stored.notes.into_iter().map(|note| (note.key(), note)).collect(),
        })
    }

    /// Adds a line to the counts, or its notes, which are about details and no records, to their groups.
    pub fn count(&mut self, line: &ReportLine) {
        if line.outcome != Outcome::Note {
            let kind = if line.kind.is_empty() { NO_KIND } else { line.kind };
            *self.counts.entry(line.outcome).or_default().entry(kind).or_default() += 1;
            return;
        }
        for fault in &line.faults {
            self.add(NoteGroup {
                code: fault.code.clone(),
                subject: without_positions(&fault.pointer),
                count: 1,
                first: line.place.clone(),
                message: fault.message.clone(),
            });
        }
    }

    /// Adds a group of notes to the group of the same code, property and text.
    pub fn add(&mut self, mut group: NoteGroup) {
        if !self.notes.contains_key(&group.key()) {
            if self.notes.len() >= MOST_GROUPS {
                "*".clone_into(&mut group.subject);
            }
            if self.groups(&group.code, &group.subject).count() >= MOST_TEXTS {
                group.message.insert_str(0, FURTHER);
            }
        }
        match self.notes.get_mut(&group.key()) {
            Some(present) => present.count += group.count,
            None => drop(self.notes.insert(group.key(), group)),
        }
    }

    /// Returns the groups of notes of one code on one property.
    fn groups(&self, code: &str, subject: &str) -> impl Iterator<Item = &NoteGroup> {
        let first = (code.to_owned(), subject.to_owned(), String::new());
        let key = (first.0.clone(), first.1.clone());
        self.notes
            .range(first..)
            .map(|(_, group)| group)
            .take_while(move |group| group.code == key.0 && group.subject == key.1)
    }

    /// Returns the number of records that the file had, without those that it had no more.
    pub fn records(&self) -> u64 {
        OF_FILE.iter().map(|outcome| self.total(*outcome)).sum()
    }

    /// Returns the number of records with an outcome.
    pub fn total(&self, outcome: Outcome) -> u64 {
        self.counts.get(&outcome).map_or(0, |kinds| kinds.values().sum())
    }

    /// Returns the number of records of a kind with an outcome.
    pub fn of(&self, outcome: Outcome, kind: &str) -> u64 {
        self.counts.get(&outcome).and_then(|kinds| kinds.get(kind)).copied().unwrap_or(0)
    }

    /// Returns the number of notes of one code on one property.
    pub fn count_notes(&self, code: &str, subject: &str) -> u64 {
        self.groups(code, subject).map(|group| group.count).sum()
    }

    /// Returns the result of the import as a whole.
    pub fn verdict(&self) -> Verdict {
        let known = |kinds: &BTreeMap<&'static str, u64>| kinds.keys().any(|kind| *kind != NO_KIND);
        if !OF_FILE.iter().filter_map(|outcome| self.counts.get(outcome)).any(known) {
            Verdict::NothingRecognised
        } else if self.total(Outcome::Refused) > 0 {
            Verdict::SomeRefused
        } else {
            Verdict::AllTaken
        }
    }
}

/// Returns a pointer with `*` instead of positions in lists, so that the notes on all entries form one group.
fn without_positions(pointer: &str) -> String {
    let is_position = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = pointer.split('/').map(|part| if is_position(part) { "*" } else { part }).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(pointer: &str, message: &str) -> ReportLine {
        let fault = Violation { pointer: pointer.to_owned(), code: "x".to_owned(), message: message.to_owned() };
        let (file, place, what) = (String::new(), pointer.to_owned(), String::new());
        ReportLine { file, place, outcome: Outcome::Note, kind: "", what, faults: vec![fault] }
    }

    #[test]
    fn notes_are_grouped_and_bounded() {
        let mut report = Report::default();
        for place in 0..3 {
            report.count(&note(&format!("/links/{place}/url"), "no URL"));
        }
        report.count(&note("/links/7/url", "no host"));
        assert_eq!(report.count_notes("x", "/links/*/url"), 4);
        let texts: Vec<_> = report.notes.values().map(|group| (group.message.as_str(), group.count)).collect();
        assert_eq!(texts, [("no URL", 3), ("no host", 1)]);
        for name in 0..2 * MOST_GROUPS {
            report.count(&note(&format!("/a{name}"), "no URL"));
        }
        assert!(report.notes.len() <= MOST_GROUPS + 1);
        assert_eq!(report.notes.values().map(|group| group.count).sum::<u64>(), 4 + 2 * MOST_GROUPS as u64);
    }

    #[test]
    fn every_text_is_told_up_to_a_bound() {
        let mut report = Report::default();
        for number in 0..MOST_TEXTS + 5 {
            report.count(&note("/DTSTART", &format!("\"Zone {number:02}\" is not known")));
        }
        report = Report::from_json(&serde_json::to_string(&report).unwrap()).unwrap();
        report.count(&note("/DTSTART", "\"Zone 99\" is not known"));
        report.count(&note("/DTSTART", "\"Zone 00\" is not known"));
        assert_eq!((report.notes.len(), report.count_notes("x", "/DTSTART")), (MOST_TEXTS + 1, MOST_TEXTS as u64 + 7));
        let further = report.notes.values().find(|group| group.message.starts_with(FURTHER)).unwrap();
        assert_eq!((further.count, further.message.contains("Zone 20")), (6, true));
    }

    #[test]
    fn a_report_comes_back_from_its_json() {
        let mut report = Report::default();
        report.count(&note("/links/0/url", "no URL"));
        report.count(&ReportLine { outcome: Outcome::Created, kind: "event", ..note("", "") });
        report.count(&ReportLine { outcome: Outcome::Missing, kind: "event", ..note("", "") });
        assert_eq!(report.records(), 1, "neither a note nor what the file lacks is a record of it");
        let json = serde_json::to_string(&report).unwrap();
        let again = Report::from_json(&json).unwrap();
        assert_eq!((again.counts, again.notes), (report.counts, report.notes));
        assert_eq!(Report::from_json("").unwrap().verdict(), Verdict::NothingRecognised);
        assert!(Report::from_json("[]").is_err());
    }

    #[test]
    fn a_report_without_records_recognised_nothing() {
        let mut report = Report::default();
        assert_eq!(report.verdict(), Verdict::NothingRecognised);
        report.count(&ReportLine { outcome: Outcome::Refused, ..note("", "") });
        assert_eq!(report.verdict(), Verdict::NothingRecognised);
        report.count(&ReportLine { outcome: Outcome::Created, kind: "event", ..note("", "") });
        assert_eq!(report.verdict(), Verdict::SomeRefused);
    }
}
