//! Removal of the fields that a record gave its item and does not have any more, so that nothing stays public which its
//! source has removed. Fields that editors or other records of the item gave stay.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::body::ZONE;
use super::{Importer, content_type_of};
use crate::database::Db;
use crate::database::schema::items;
use crate::items::Item;
use crate::items::record_fields::RecordFields;
use crate::items::sources::{self, NOT_WRITTEN, Source};
use crate::problem::{Problem, ProblemKind};
use crate::transfer::record::Record;

/// The ends of spans and their starts, without which they mean nothing.
const SPAN: [&str; 2] = ["starts_at", "ends_at"];

impl Importer {
    /// Removes the fields of an item that its record gave it before and does not have any more.
    pub(super) fn remove_fields(
        &mut self,
        connection: &mut Db,
        record: &Record,
        earlier: &Source,
        body: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        let gone = self.find_gone(record, earlier)?;
        if gone.is_empty() {
            return Ok(());
        }
        let Some(others) = fields_of_others(connection, earlier)? else { return Ok(()) };
        for name in gone.iter().filter(|name| !others.contains(name)) {
            // Records append to the lists that they share, so nobody knows who gave an entry.
            let is_shared = record.same_as.is_some() && body.get(name).is_some_and(Value::is_array);
            if !is_shared && body.shift_remove(name).is_some() {
                self.note(&format!("/{name}"), "removed", "removed: the source has it no more");
            }
        }
        let [start, end] = SPAN;
        if gone.iter().any(|name| name == start) && !body.contains_key(start) {
            body.shift_remove(end);
        }
        Ok(())
    }

    /// Returns the fields that a record gave its item before and does not have any more, although it speaks of them.
    pub(super) fn find_gone(&self, record: &Record, earlier: &Source) -> Result<Vec<String>, Problem> {
        let content_type = content_type_of(record)?;
        // Times would be other instants without their zone.
        let is_removable = |name: &str| {
            content_type.field(name).is_some_and(|field| !field.required && !field.essential)
                && (name != ZONE || record.body.contains_key(SPAN[0]))
        };
        let fields = written_fields(earlier);
        let gone = fields.names().filter(|name| record.scope.contains(name) && !record.body.contains_key(*name));
        let gone: Vec<String> = gone.filter(|name| is_removable(name)).map(str::to_owned).collect();
        Ok(if gone.is_empty() || self.is_copy(record, earlier) { Vec::new() } else { gone })
    }

    /// Returns whether a record is the same revision again, in another file or for the second time in this one. The copy that
    /// a shared calendar has often lacks texts, and only a newer revision replaces what was there (RFC 5546, section 2.1.5).
    fn is_copy(&self, record: &Record, earlier: &Source) -> bool {
        let is_again = || self.ids.contains_key(&(record.kind, record.source.clone()));
        !record.revision.is_empty()
            && record.revision == earlier.revision
            && (record.origin != earlier.origin || is_again())
    }

    /// Returns the fields that an unchanged record gave its item when an earlier program imported it, which did not store
    /// them.
    pub(super) fn first_fields(
        &mut self,
        connection: &mut Db,
        (record, item): (&Record, &str),
    ) -> Result<RecordFields, Problem> {
        let item: Item = items::table.find(item).select(Item::as_select()).first(connection)?;
        let content = item.content();
        let notes = self.notes.len();
        let given = self.resolve_sources(connection, content_type_of(record)?, record.body.clone());
        // The import that wrote them made the notes.
        self.notes.truncate(notes);
        match given {
            Ok(given) => {
                Ok(given.into_iter().map(|(name, _)| name).filter(|name| content.contains_key(name)).collect())
            }
            Err(problem) if matches!(problem.kind, ProblemKind::Internal | ProblemKind::Unavailable) => Err(problem),
            Err(_) => Ok(RecordFields::default()),
        }
    }
}

/// Returns the fields that a record gave its item. One whose own item was merged into another gave that one nothing.
fn written_fields(source: &Source) -> RecordFields {
    if source.version == NOT_WRITTEN { RecordFields::default() } else { source.record_fields() }
}

/// Returns the fields that a record gave its item earlier and of which it says nothing now.
pub(super) fn fields_out_of_scope(record: &Record, earlier: &Source) -> Vec<String> {
    written_fields(earlier).names().filter(|name| !record.scope.contains(name)).map(str::to_owned).collect()
}

/// Returns the fields that the other records of an item gave it; `None` if it is not known of one of them, which an earlier
/// program imported.
fn fields_of_others(connection: &mut Db, source: &Source) -> QueryResult<Option<RecordFields>> {
    let mut fields = RecordFields::default();
    let rows = sources::of_items(connection, std::slice::from_ref(&source.item_id))?;
    for row in rows.into_iter().filter(|row| row.source != source.source && row.version != NOT_WRITTEN) {
        // A source that is only shared by other records has no fingerprint.
        if row.fields.is_empty() && !row.fingerprint.is_empty() {
            return Ok(None);
        }
        fields.extend(row.record_fields().names().map(str::to_owned));
    }
    Ok(Some(fields))
}
