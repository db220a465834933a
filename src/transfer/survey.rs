//! A look at a file before it is imported: would it turn the items of its source into other ones? Two files with the
//! same name, such as the programmes of two years, must not become one by accident. See
//! `docs/decisions/0029-two-sources-are-two.md`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::slug::sort_key;
use crate::database::Db;
use crate::database::schema::{items, sources as sources_table};
use crate::items::sources;
use crate::transfer::missing::{MISSED, Seen};
use crate::transfer::record::{ImportEntry, Record};

/// The kinds whose items make a source recognisable.
pub const TELLING: [&str; 3] = ["event", "session", "speaker"];
/// End of the names of the sources of programmes.
pub const PROGRAMME: &str = ":programme";
/// Smallest number of items of which a third says something.
const LEAST: i64 = 6;

/// What is known of the records of one kind and source.
#[derive(Debug, Default)]
struct Kind {
    /// Number of records that the source had.
    had: i64,
    /// Number of them whose item is not over.
    ahead: i64,
    /// Names that would become other names: the old and the new one.
    renamed: Vec<(String, String)>,
}

/// A survey of the records of a file.
#[derive(Debug, Default)]
pub struct Survey {
    now: i64,
    kinds: BTreeMap<(&'static str, String), Kind>,
    origins: BTreeSet<String>,
    compared: HashSet<u64>,
    seen: Seen,
}

/// Returns a hash of a record's kind and source.
pub fn hash_of(kind: &str, source: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, source).hash(&mut hasher);
    hasher.finish()
}

impl Survey {
    /// Creates a survey at an instant (µs since 1970).
    pub fn new(now: i64) -> Self {
        Self { now, ..Self::default() }
    }

    /// Looks at an entry. Returns whether further entries matter, which they do not if nothing was imported from the
    /// source before.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn look(&mut self, connection: &mut Db, entry: &ImportEntry) -> QueryResult<bool> {
        self.seen.remember(entry);
        let record = match entry {
            ImportEntry::Record(record) => record,
            // Plenary's own export names each item by its id.
            ImportEntry::Exported { .. } | ImportEntry::ExportedForm { .. } => return Ok(false),
            ImportEntry::Broken { .. }
            | ImportEntry::Present { .. }
            | ImportEntry::Beyond { .. }
            | ImportEntry::Note { .. }
            | ImportEntry::LeftOut(_)
            | ImportEntry::Whole => return Ok(true),
        };
        if record.origin.is_empty() {
            return Ok(false);
        }
        if self.origins.insert(record.origin.clone()) {
            for kind in TELLING {
                let counted = self.count(connection, kind, &record.origin)?;
                self.kinds.insert((kind, record.origin.clone()), counted);
            }
        }
        if TELLING.contains(&record.kind) && self.compared.insert(hash_of(record.kind, &record.source)) {
            self.compare(connection, record)?;
        }
        Ok(self.kinds.values().any(|kind| kind.had > 0))
    }

    fn count(&self, connection: &mut Db, kind: &str, origin: &str) -> QueryResult<Kind> {
        let had = sources::count_of_origin(connection, kind, origin)?;
        let here = sources_table::table.filter(sources_table::origin.eq(origin).and(sources_table::kind.eq(kind)));
        let ahead = items::table
            .filter(items::id.eq_any(here.select(sources_table::item_id)))
            .filter(items::trashed_at.eq(0).and(items::ends_at.ge(self.now)))
            .count()
            .get_result(connection)?;
        Ok(Kind { had, ahead, ..Kind::default() })
    }

    fn compare(&mut self, connection: &mut Db, record: &Record) -> QueryResult<()> {
        let Some(known) = sources::find(connection, record.kind, &record.source)? else { return Ok(()) };
        let found: Option<String> =
            items::table.find(&known.item_id).select(items::label).first(connection).optional()?;
        let (Some(before), Some(kind)) = (found, self.kinds.get_mut(&(record.kind, record.origin.clone()))) else {
            return Ok(());
        };
        if known.fingerprint != record.fingerprint() && are_other_names(&before, &sort_key(record.label())) {
            kind.renamed.push((before, record.label().to_owned()));
        }
        Ok(())
    }

    /// Returns what speaks against the import, if anything does.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn objection(&self, connection: &mut Db) -> QueryResult<Option<String>> {
        for ((kind, origin), found) in &self.kinds {
            let mut sentence = found.other_names(kind, origin);
            if sentence.is_none() && found.ahead >= LEAST && MISSED.contains(kind) {
                let gone = self.seen.missing_of(connection, (kind, origin), self.now)?.len();
                let is_much = count(gone).saturating_mul(3) > found.ahead;
                sentence = is_much.then(|| {
                    format!("{gone} of {} records of the kind {kind} that are not over are gone", found.ahead)
                });
            }
            if let Some(sentence) = sentence {
                return Ok(Some(format!("the source \"{origin}\" was imported before, and {sentence}")));
            }
        }
        Ok(None)
    }
}

impl Kind {
    /// Returns which names would become other names, if these are too many.
    fn other_names(&self, kind: &str, origin: &str) -> Option<String> {
        let renamed = count(self.renamed.len());
        let example = |(before, after): &(String, String)| format!("\"{before}\" would become \"{after}\"");
        let first = self.renamed.first().map(example).unwrap_or_default();
        match kind {
            // A programme is about one event.
            "event" if renamed > 0 && origin.ends_with(PROGRAMME) => Some(first),
            "speaker" if renamed > 1 => Some(format!("{renamed} speakers would get other names: {first}")),
            _ if self.had >= LEAST && renamed.saturating_mul(3) > self.had => {
                Some(format!("{renamed} of {} records of the kind {kind} would change: {first}", self.had))
            }
            _ => None,
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns whether two sort keys name different things: no word is in both, or their numbers differ, as in the names
/// of two years of one conference.
fn are_other_names(before: &str, after: &str) -> bool {
    let words =
        |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
    let numbers = |words: &BTreeSet<String>| {
        words.iter().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit())).cloned().collect::<Vec<_>>()
    };
    let (before, after) = (words(before), words(after));
    before.is_disjoint(&after) || (!numbers(&before).is_empty() && numbers(&before) != numbers(&after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_same_and_of_others() {
        for (before, after, other) in [
            ("ada example", "ada m example", false),
            ("ada example", "bo sample", true),
            ("water days 2027", "water days 2028", true),
            ("water days", "water days 2028", false),
        ] {
            assert_eq!(are_other_names(before, after), other, "{before}, {after}");
        }
    }
}
