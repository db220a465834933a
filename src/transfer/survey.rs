//! A look at a file before it is imported: would it turn the items of its source into other ones? Two files with the
//! same name, such as the programmes of two years, must not become one by accident. See
//! `docs/decisions/0029-two-sources-are-two.md`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{NaiveDate, NaiveTime};
use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;

use crate::content::slug::sort_key;
use crate::content_types::{self, ContentType};
use crate::database::Db;
use crate::database::schema::{items, sources as sources_table};
use crate::items::Item;
use crate::items::sources;
use crate::microseconds::DAY;
use crate::transfer::missing_records::{MISSED, SeenRecords, WITHDRAWN, is_withdrawn};
use crate::transfer::own_items::OwnItems;
use crate::transfer::record::{ImportEntry, Record};
use crate::transfer::revisions;

/// The kinds whose items make a source recognisable wherever they stand. Those of other kinds do if they are what a file
/// lists, as a list of venues does; the venue of a programme is a part of it.
const TELLING: [&str; 3] = ["event", "session", "speaker"];
/// End of the names of the sources of programmes.
pub const PROGRAMME: &str = ":programme";
/// Beginning of the names of the sources of calendars.
const CALENDAR: &str = "ics:";
/// Smallest number of items of which a third says something.
const LEAST: i64 = 6;

/// What is known of the records of one kind and source.
#[derive(Debug, Default)]
struct Kind {
    /// Number of items that the source had, without those that are over where it may have dropped these, and without
    /// those that were withdrawn.
    expected: i64,
    /// Whether the source had any record.
    is_known: bool,
    /// Items that are over and that the file still has, by the hash of their ids.
    over: HashSet<u64>,
    /// Items whose name or day would be another one.
    changed: HashSet<u64>,
    /// What the first of them would become.
    first: Option<String>,
    /// Whether one of them would have both another name and another day, or, of a kind without days, a name that has
    /// nothing in common with the one before.
    is_replaced: bool,
    /// Number of records with names that have nothing in common with those before.
    renamed: usize,
    /// Whether the file has records that the source did not have.
    has_new: bool,
}

/// A survey of the records of a file.
#[derive(Debug, Default)]
pub struct Survey {
    now: i64,
    /// Name of a source that does not name itself.
    name: String,
    /// Whether the file has items of this site, which is their source.
    is_own: bool,
    own: OwnItems,
    kinds: BTreeMap<(&'static str, String), Kind>,
    origins: BTreeSet<String>,
    compared: HashSet<u64>,
    seen: SeenRecords,
}

/// Returns a hash of a record's kind and source.
pub fn hash_of(kind: &str, source: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, source).hash(&mut hasher);
    hasher.finish()
}

impl Survey {
    /// Creates a survey at an instant (µs since 1970) of a file that has a name, unless it says one of itself.
    pub fn new(now: i64, name: String) -> Self {
        Self { now, name, ..Self::default() }
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
            ImportEntry::Exported { .. } | ImportEntry::ExportedForm { .. } | ImportEntry::ExportedIssue { .. } => {
                return Ok(false);
            }
            ImportEntry::Revision(revision) => {
                // What a new revision does not have becomes what it has, or is withdrawn, as its source says.
                for row in revisions::changes(connection, revision)?.all() {
                    self.seen.remember(&ImportEntry::Present { kind: revisions::KIND, source: row.source });
                }
                return Ok(true);
            }
            ImportEntry::Broken { .. }
            | ImportEntry::Present { .. }
            | ImportEntry::Beyond { .. }
            | ImportEntry::Cancellation(_)
            | ImportEntry::Note { .. }
            | ImportEntry::LeftOut(_)
            | ImportEntry::Whole => return Ok(true),
        };
        if record.origin.is_empty() {
            return Ok(false);
        }
        if self.own.has(connection, record)? {
            self.is_own = true;
            return Ok(true);
        }
        if self.origins.insert(record.origin.clone()) {
            for content_type in content_types::ALL {
                let counted = self.count(connection, content_type.kind, &record.origin)?;
                self.kinds.insert((content_type.kind, record.origin.clone()), counted);
            }
        }
        let tells = TELLING.contains(&record.kind) || !record.supporting;
        if tells && self.compared.insert(hash_of(record.kind, &record.source)) {
            self.compare(connection, record)?;
        }
        Ok(self.kinds.values().any(|kind| kind.is_known))
    }

    /// Returns the time since which something must not be over to be missed. A programme keeps what is over; a calendar or
    /// a list drops it. What has no times is never over.
    fn cutoff_time(&self, (kind, origin): (&str, &str)) -> i64 {
        let keeps = origin.ends_with(PROGRAMME) || !has_days(kind);
        if keeps { i64::MIN } else { self.now }
    }

    fn count(&self, connection: &mut Db, kind: &str, origin: &str) -> QueryResult<Kind> {
        let is_known = sources::count_of_origin(connection, kind, origin)? > 0;
        let here = sources_table::table
            .filter(sources_table::origin.eq(origin).and(sources_table::kind.eq(kind)))
            .filter(sources_table::fingerprint.ne_all(WITHDRAWN));
        let expected = items::table
            .filter(items::id.eq_any(here.select(sources_table::item_id)))
            .filter(items::trashed_at.eq(0).and(items::ends_at.ge(self.cutoff_time((kind, origin)))))
            .count()
            .get_result(connection)?;
        Ok(Kind { is_known, expected, ..Kind::default() })
    }

    fn compare(&mut self, connection: &mut Db, record: &Record) -> QueryResult<()> {
        let since = self.cutoff_time((record.kind, &record.origin));
        let Some(kind) = self.kinds.get_mut(&(record.kind, record.origin.clone())) else { return Ok(()) };
        let known = match (sources::find(connection, record.kind, &record.source)?, &record.same_as) {
            (None, Some(shared)) => sources::find(connection, record.kind, shared)?,
            (known, _) => known,
        };
        let Some(known) = known else {
            kind.has_new |= !record.supporting;
            return Ok(());
        };
        // An event with a UID that is unique by itself may be that of another calendar.
        if known.origin != record.origin && !known.origin.is_empty() {
            return Ok(());
        }
        let here = items::table.find(&known.item_id).filter(items::trashed_at.eq(0));
        let Some(ends_at) = here.select(items::ends_at).first::<i64>(connection).optional()? else { return Ok(()) };
        if ends_at < since {
            kind.over.insert(hash_of(record.kind, &known.item_id));
        }
        let is_older = !record.revision.is_empty() && record.revision < known.revision;
        if !is_older && !is_withdrawn(&known) && known.fingerprint != record.fingerprint() {
            let item: Item = here.select(Item::as_select()).first(connection)?;
            kind.note(record, &item);
        }
        Ok(())
    }

    /// Returns what speaks against the import, if anything does.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn objection(&self, connection: &mut Db) -> QueryResult<Option<String>> {
        for ((kind, origin), found) in &self.kinds {
            let gone = if found.is_known && MISSED.contains(kind) && !self.is_own {
                self.seen.missing_count(connection, (kind, origin), self.cutoff_time((kind, origin)))?
            } else {
                0
            };
            let is_named =
                *origin != format!("{CALENDAR}{}", self.name) && !origin.starts_with(&format!("{}:", self.name));
            if let Some(sentence) = found.objection((kind, origin), is_named, gone) {
                let name = name_in(origin);
                return Ok(Some(format!("the source \"{name}\" was imported before, and {sentence}")));
            }
        }
        Ok(None)
    }
}

impl Kind {
    /// Notes in what a record differs from its item.
    fn note(&mut self, record: &Record, item: &Item) {
        let names: Vec<String> = record.labels().map(sort_key).collect();
        let is_renamed = names.iter().all(|name| are_other_names(&item.label, name));
        let is_reworded = names.iter().all(|name| differ(&item.label, name));
        let day =
            record.body.get("starts_at").and_then(Value::as_str).filter(|_| item.content().contains_key("starts_at"));
        let is_moved = day.is_some_and(|day| is_another_day(item.starts_at, day));
        self.renamed += usize::from(is_renamed);
        if record.kind == "speaker" || !(is_reworded || is_moved) {
            if is_renamed {
                self.first.get_or_insert_with(|| change_message(&item.label, record.label()));
            }
            return;
        }
        self.changed.insert(hash_of(record.kind, &item.id));
        self.is_replaced |= if has_days(record.kind) { is_reworded && is_moved } else { is_renamed };
        let said = match (is_reworded, day) {
            (false, Some(day)) => format!("\"{}\" would move to {day}", record.label()),
            _ => change_message(&item.label, record.label()),
        };
        self.first.get_or_insert(said);
    }

    /// Returns what speaks against the import: a number of items of this kind are gone. A source that names itself is
    /// surely the same one.
    fn objection(&self, (kind, origin): (&str, &str), is_named: bool, gone: usize) -> Option<String> {
        let first = self.first.as_ref().map_or(String::new(), |first| format!(": {first}"));
        // A programme is about one event.
        if kind == "event" && self.renamed > 0 && origin.ends_with(PROGRAMME) {
            return Some(format!("its event would be another one{first}"));
        }
        if kind == "speaker" && self.renamed > 1 {
            return Some(format!("{} speakers would get other names{first}", self.renamed));
        }
        let (changed, expected) = (count(self.changed.len() + gone), self.expected + count(self.over.len()));
        let is_other = match changed {
            0 => false,
            _ if expected >= LEAST => changed.saturating_mul(3) > expected,
            _ if is_named || changed < expected => false,
            // What happened to a single item says little.
            1 => self.is_replaced || (gone == 1 && self.has_new),
            _ => self.has_new || !self.changed.is_empty(),
        };
        is_other.then(|| {
            let changes = self.changed.len();
            format!("of {expected} records of the kind {kind}, {gone} are gone and {changes} would be others{first}")
        })
    }
}

/// Returns the name of a source, as `--name` gives it, without what a reader adds to tell the records of one file from those
/// of another format or kind.
pub fn name_in(origin: &str) -> &str {
    let of_calendar = origin.strip_prefix(CALENDAR);
    let kinds = content_types::ALL.iter().map(|content_type| content_type.kind);
    let mut ends = kinds.chain(["conferences", "events", "programme"]);
    let of_file = || ends.find_map(|end| origin.strip_suffix(end)?.strip_suffix(':'));
    of_calendar.or_else(of_file).filter(|name| !name.is_empty()).unwrap_or(origin)
}

/// Returns whether items of a kind take place.
fn has_days(kind: &str) -> bool {
    ContentType::of_kind(kind).is_some_and(|content_type| content_type.span.is_some())
}

fn change_message(before: &str, after: &str) -> String {
    format!("\"{before}\" would become \"{after}\"")
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(' ').filter(|word| !word.is_empty()).collect()
}

/// Returns whether two sort keys name different things: no word is in both, or their numbers differ, as in the names
/// of two years of one conference.
fn are_other_names(before: &str, after: &str) -> bool {
    let (before, after) = (words(before), words(after));
    let numbers = |words: &BTreeSet<&str>| -> Vec<String> {
        words
            .iter()
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|word| (*word).to_owned())
            .collect()
    };
    before.is_disjoint(&after) || (!numbers(&before).is_empty() && numbers(&before) != numbers(&after))
}

/// Returns whether a name has not just got further words, or lost some.
fn differ(before: &str, after: &str) -> bool {
    let (before, after) = (words(before), words(after));
    !before.is_subset(&after) && !after.is_subset(&before)
}

/// Returns whether a time or a day as a record says it, in any zone, is more than a day away from an instant (µs since
/// 1970). Months and years are not compared.
fn is_another_day(instant: i64, said: &str) -> bool {
    let day = said.get(..10).and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    let Some(start) = day.map(|day| day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()) else { return false };
    !(start - DAY..start + 2 * DAY).contains(&instant)
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
    #[test]
    fn names_that_are_worded_anew() {
        for (before, after, anew) in [
            ("a talk 5", "b talk 5", true),
            ("e2027 5", "e2028 5", true),
            ("talk 5", "talk 5 moved to the aula", false),
            ("the talk", "talk", false),
        ] {
            assert_eq!(differ(before, after), anew, "{before}, {after}");
        }
    }

    #[test]
    fn sources_have_the_names_that_were_given() {
        for origin in ["ics:river", "river:programme", "river:event", "river:event_type", "river:conferences", "river"]
        {
            assert_eq!(name_in(origin), "river", "{origin}");
        }
        assert_eq!((name_in(":event"), name_in("a:b")), (":event", "a:b"));
    }

    #[test]
    fn days_are_others_beyond_the_next_one() {
        let noon =
            NaiveDate::from_ymd_opt(2027, 5, 1).unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp_micros();
        for (said, other) in [
            ("2027-05-01", false),
            ("2027-05-01T23:30:00-10:00", false),
            ("2027-05-02T09:00", false),
            ("2027-05-03", true),
            ("2028-05-01T12:00:00Z", true),
            ("2028", false),
            ("soon", false),
        ] {
            assert_eq!(is_another_day(noon, said), other, "{said}");
        }
    }
}
