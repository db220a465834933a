//! The ids of items in calendars and programmes. Those of imported items leave as they came, so that whoever followed
//! the calendar or programme elsewhere keeps what belongs to its entries.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use twox_hash::XxHash3_64;

use super::text;
use crate::items::record_ids::{RecordIds, is_unique};

/// A record from which an item was imported.
#[derive(Debug, Clone, Default)]
pub struct ImportedRecord {
    /// Id of the item.
    pub item_id: String,
    /// Identifier of the record.
    pub source: String,
    /// Name of the source of the file in which the record was.
    pub origin: String,
    /// `SEQUENCE` of the record in its own calendar.
    pub sequence: u32,
    /// Whether the item is a person of a programme. The numbers and codes of persons and of sessions are apart.
    pub is_person: bool,
    /// Whether the text of the item is from another record or an editor.
    pub is_secondary: bool,
    pub ids: RecordIds,
}

/// The ids of items in a feed, by id of the item. No two items have the same.
#[derive(Debug, Default)]
pub struct Identities {
    by_item: HashMap<String, RecordIds>,
    sequences: HashMap<String, u32>,
}

impl Identities {
    /// Creates the identities of items, given their ids, the records from which they were imported, and the sources to
    /// which the feed belongs.
    ///
    /// Of several records of an item, one of these sources counts, then one that wrote its text, then the first by its
    /// identifier. Of several items with one id, the one that was created first keeps it.
    pub fn new(items: &HashSet<&str>, mut records: Vec<ImportedRecord>, sources: &HashSet<&str>) -> Self {
        records.retain(|record| !record.ids.is_empty());
        records.sort_by(|a, b| {
            let rank = |of: &ImportedRecord| (!sources.contains(of.origin.as_str()), of.is_secondary);
            (&a.item_id, rank(a), &a.source).cmp(&(&b.item_id, rank(b), &b.source))
        });
        records.dedup_by(|a, b| a.item_id == b.item_id);
        let mut given: HashSet<String> = items.iter().map(|id| (*id).to_owned()).collect();
        let (mut by_item, mut sequences) = (HashMap::with_capacity(records.len()), HashMap::new());
        for record in records {
            let mut ids = record.ids;
            let mut is_free = |key: String| key == record.item_id || given.insert(key);
            ids.uid = ids.uid.filter(|uid| is_free(occurrence(uid, ids.recurrence_id.as_deref())));
            ids.guid = ids.guid.filter(|guid| is_free(guid.to_ascii_lowercase()));
            let of = if record.is_person { "person" } else { "session" };
            ids.number = ids.number.filter(|number| is_free(format!("{of} number {number}")));
            ids.code = ids.code.filter(|code| is_free(format!("{of} code {code}")));
            if ids.uid.is_some() && record.sequence > 0 {
                sequences.insert(record.item_id.clone(), record.sequence);
            }
            by_item.insert(record.item_id, ids);
        }
        Self { by_item, sequences }
    }

    /// Takes every `UID` away that an item of an earlier part of the feed has, and adds the others to `earlier`, as hashes.
    /// Only those that are not unique by themselves can be there twice.
    pub fn part_from(&mut self, earlier: &mut HashSet<u64>) {
        let mut items: Vec<(&String, &mut RecordIds)> = self.by_item.iter_mut().collect();
        items.sort_unstable_by_key(|(id, _)| *id);
        for (_, ids) in items {
            let occurrence_id = ids.recurrence_id.clone();
            ids.uid = ids.uid.take().filter(|uid| {
                let key = occurrence(uid, occurrence_id.as_deref());
                is_unique(uid) || earlier.insert(XxHash3_64::oneshot(key.as_bytes()))
            });
        }
    }

    fn ids_of(&self, item: &Value) -> Option<&RecordIds> {
        self.by_item.get(text(item, "id")?)
    }

    /// Returns the `UID` of an event or a session. Its own id has no host name (RFC 7986, section 5.3), so that it stays
    /// the same if the server moves.
    pub fn uid<'a>(&'a self, item: &'a Value) -> &'a str {
        let known = self.ids_of(item).and_then(|ids| ids.uid.as_deref().or(ids.guid.as_deref()));
        known.or_else(|| text(item, "id")).unwrap_or_default()
    }

    /// Returns the `RECURRENCE-ID` of an event that is an occurrence of a series which others know by its `UID`.
    pub fn recurrence_id(&self, item: &Value) -> Option<&str> {
        let ids = self.ids_of(item)?;
        ids.uid.as_ref().and(ids.recurrence_id.as_deref())
    }

    /// Returns the `SEQUENCE` with which an event came whose `UID` is that of another calendar. That of this site follows
    /// it: for those who had the event before, a lower one would be an older revision (RFC 5546, section 2.1.5).
    pub fn sequence(&self, item: &Value) -> i64 {
        text(item, "id").and_then(|id| self.sequences.get(id)).copied().unwrap_or_default().into()
    }

    /// Returns the UUID of a session or a person in a programme.
    pub fn guid<'a>(&'a self, item: &'a Value) -> &'a str {
        let known = self.ids_of(item).and_then(|ids| ids.guid.as_deref());
        known.or_else(|| text(item, "id")).unwrap_or_default()
    }

    /// Returns the number of a session or a person, which the formats of programmes require beside the UUID.
    pub fn number(&self, item: &Value) -> u64 {
        let known = self.ids_of(item).and_then(|ids| ids.number);
        known.unwrap_or_else(|| number(self.guid(item)))
    }

    /// Returns the code of a session or a person.
    pub fn code(&self, item: &Value) -> String {
        let known = self.ids_of(item).and_then(|ids| ids.code.clone());
        known.unwrap_or_else(|| format!("{:X}", number(self.guid(item))))
    }

    /// Returns the acronym of an event that was imported with one.
    pub fn acronym(&self, event: &Value) -> Option<&str> {
        self.ids_of(event)?.acronym.as_deref()
    }

    /// Returns the UUID of a room of a venue that was imported with one.
    pub fn room(&self, venue: &Value, name: &str) -> Option<&str> {
        self.ids_of(venue)?.rooms.get(name).map(String::as_str)
    }
}

fn occurrence(uid: &str, recurrence_id: Option<&str>) -> String {
    recurrence_id.map_or_else(|| uid.to_owned(), |id| format!("{uid}\n{id}"))
}

/// Returns the number of an item with a UUID. It is a hash, so that it is the same in every response.
fn number(guid: &str) -> u64 {
    // 31 bits: consumers may store it as a signed number of 32 bits.
    XxHash3_64::oneshot(guid.as_bytes()) >> 33
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(item_id: &str, source: &str, uid: &str) -> ImportedRecord {
        let (item_id, source) = (item_id.to_owned(), source.to_owned());
        ImportedRecord { item_id, source, ids: RecordIds::of_calendar(Some(uid.to_owned())), ..Default::default() }
    }

    fn uids(records: Vec<ImportedRecord>) -> Vec<String> {
        let items = HashSet::from(["1", "2", "3"]);
        let identities = Identities::new(&items, records, &HashSet::from(["this"]));
        ["1", "2", "3"].map(|id| identities.uid(&json!({ "id": id })).to_owned()).to_vec()
    }

    #[test]
    fn one_of_several_records_counts() {
        let (a, b) = (record("1", "ics:a", "a@x"), record("1", "ics:b", "b@x"));
        assert_eq!(uids(vec![b.clone(), a.clone()]), ["a@x", "2", "3"]);
        let merged = ImportedRecord { is_secondary: true, ..a.clone() };
        assert_eq!(uids(vec![merged.clone(), b.clone()]), ["b@x", "2", "3"]);
        let here = ImportedRecord { origin: "this".to_owned(), ..merged };
        assert_eq!(uids(vec![b, here]), ["a@x", "2", "3"]);
    }

    #[test]
    fn no_two_items_have_one_id() {
        let same = vec![record("3", "ics:b/7", "7"), record("2", "ics:a/7", "7"), record("1", "ics:x", "2")];
        assert_eq!(uids(same), ["1", "7", "3"]);
        let mut first = record("1", "ics:s/20270304", "s@x");
        first.ids = first.ids.occurrence(Some("20270304".to_owned()));
        let mut second = first.clone();
        second.item_id = "2".to_owned();
        let mut next = record("3", "ics:s/20270311", "s@x");
        next.ids = next.ids.occurrence(Some("20270311".to_owned()));
        assert_eq!(uids(vec![second, next, first]), ["s@x", "2", "s@x"]);
    }

    #[test]
    fn sessions_and_persons_are_numbered_apart() {
        let numbered = |item_id: &str, is_person| {
            let ids = RecordIds { number: Some(7), code: Some("ABC".to_owned()), ..RecordIds::default() };
            ImportedRecord { item_id: item_id.to_owned(), is_person, ids, ..Default::default() }
        };
        let records = vec![numbered("1", true), numbered("2", false), numbered("3", false)];
        let identities = Identities::new(&HashSet::from(["1", "2", "3"]), records, &HashSet::new());
        let given = ["1", "2", "3"].map(|id| json!({ "id": id })).map(|item| identities.number(&item) == 7);
        assert_eq!(given, [true, true, false]);
        assert_eq!(identities.code(&json!({"id": "2"})), "ABC");
    }

    #[test]
    fn numbers_and_codes_follow_from_the_guid() {
        let identities = Identities::default();
        let item = json!({"id": "01890a5d-ac96-774b-bcce-b302099a8057"});
        assert_eq!(identities.code(&item), format!("{:X}", identities.number(&item)));
        assert!(identities.number(&item) < 1 << 31);
    }
}
