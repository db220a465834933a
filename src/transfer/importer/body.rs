//! The body of a record: what it changes in its item, what its references mean, and which of its details break a rule.

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::field_removal::fields_out_of_scope;
use super::{Importer, content_type_of};
use crate::content::LocaleMode;
use crate::content::editable_form::editable_form;
use crate::content::field::Field;
use crate::content::rich_text_fields::not_shown;
use crate::content::violation::{Violation, Violations, child_pointer};
use crate::content_types::ContentType;
use crate::content_types::references::visit_references;
use crate::database::Db;
use crate::database::schema::items as items_table;
use crate::editorial::validate::{BodyRules, LocalNames, ValidatedBody};
use crate::editorial::write::ItemWrite;
use crate::items::record_fields::RecordFields;
use crate::items::sources::{self, Source};
use crate::items::{self, Item, ItemScope};
use crate::problem::Problem;
use crate::transfer::attempt::invalid_record;
use crate::transfer::merge::merge_fields;
use crate::transfer::missing_records::{is_withdrawn, was_public};
use crate::transfer::record::Record;
use crate::transfer::repair::repair;

/// Field with the zone of an item's times.
pub(super) const ZONE: &str = "time_zone";

/// Greatest number of times that a record is repaired.
const MOST_REPAIRS: usize = 8;

impl Importer {
    /// Returns what a record changes in its item, `None` if it changes nothing, and the fields that it gives the item.
    pub(super) fn change(
        &mut self,
        connection: &mut Db,
        record: &Record,
        item: &Item,
        (earlier, joins): (&Source, bool),
    ) -> Result<(Option<ItemWrite<'static>>, RecordFields), Problem> {
        let content_type = content_type_of(record)?;
        let content = item.content();
        let mut body = editable_form(content_type.fields, &content, &LocaleMode::All);
        let given = self.resolve_sources(connection, content_type, record.body.clone())?;
        let returns = is_withdrawn(earlier);
        if returns {
            body.shift_remove("event_status");
        }
        if !joins {
            self.lose_references(connection, content_type, record, &mut body)?;
            self.remove_fields(connection, record, earlier, &mut body)?;
        }
        let names: Vec<String> = given.keys().cloned().collect();
        let disagreements = merge_fields(&mut body, given, record.same_as.is_some(), joins);
        let is_given = |name: &String| !disagreements.iter().any(|one| one.pointer == child_pointer("", name));
        let names: Vec<String> = names.into_iter().filter(is_given).collect();
        self.notes.extend(disagreements);
        let draft = self.validate(connection, record, body, Some(&content))?;
        // A value that breaks a rule is left out, so the record did not give that field.
        let mut fields: RecordFields = names.into_iter().filter(|name| draft.content.contains_key(name)).collect();
        if !joins {
            fields.extend(fields_out_of_scope(record, earlier));
        }
        let hidden = record.private && item.status == "published";
        if hidden {
            self.note("", "not_public", "not public any more: its own system does not show it to the public");
        }
        if draft.content == content && !hidden && !returns {
            return Ok((None, fields));
        }
        // What was withdrawn returns as it was.
        let status = match (hidden, was_public(earlier) && !record.private) {
            (true, _) => Some("draft".to_owned()),
            (false, true) => Some("published".to_owned()),
            (false, false) => None,
        };
        if status.as_deref().unwrap_or(&item.status) == "published" {
            self.show_references(connection, content_type, &draft)?;
        }
        Ok((Some(ItemWrite { status, ..ItemWrite::of(content_type, draft.content) }), fields))
    }

    /// Removes the references that an item has lost.
    fn lose_references(
        &mut self,
        connection: &mut Db,
        content_type: &'static ContentType,
        record: &Record,
        body: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        for (field, source) in &record.lost_references {
            let declared = content_type.fields.iter().find(|declared| declared.name == *field);
            let Some(relation) = declared.and_then(Field::relation) else { continue };
            let is_lost = match source {
                Some(source) => {
                    let id = self.id_of(connection, relation.target, source)?;
                    id.is_some() && body.get(*field).and_then(Value::as_str) == id.as_deref()
                }
                None => true,
            };
            if is_lost {
                body.shift_remove(*field);
            }
        }
        Ok(())
    }

    /// Validates a body and resolves its references. Details that break a rule are left out, with a note.
    pub(super) fn validate(
        &mut self,
        connection: &mut Db,
        record: &Record,
        mut body: Map<String, Value>,
        before: Option<&Map<String, Value>>,
    ) -> Result<ValidatedBody, Problem> {
        let content_type = content_type_of(record)?;
        take_zone(connection, content_type, &mut body)?;
        // The rules between fields run when the fields themselves are valid, so a body can take several rounds.
        for _ in 0..MOST_REPAIRS {
            let mut faults = Violations::new();
            let rules = BodyRules { content_type, mode: &LocaleMode::All, site: &self.site };
            let mut draft = ValidatedBody::read(rules, &Value::Object(body.clone()), before, &mut faults);
            draft.resolve(connection, ItemScope::Present, &LocalNames::new(), &mut faults)?;
            if faults.is_empty() {
                self.notes.extend(not_shown(content_type.fields, &record.body, ""));
                return Ok(draft);
            }
            let own = |field: &str| record.body.contains_key(field);
            self.notes.extend(
                repair((content_type, self.site.time_zone), &mut body, own, faults.into_vec())
                    .map_err(invalid_record)?,
            );
        }
        Err(invalid_record(vec![Violation {
            pointer: String::new(),
            code: "invalid".to_owned(),
            message: "too many details of this record break a rule".to_owned(),
        }]))
    }

    /// Replaces the sources in a body's references by the ids of the items that were imported from them. A reference
    /// to something that was not imported is left out, with a note.
    pub(super) fn resolve_sources(
        &mut self,
        connection: &mut Db,
        content_type: &'static ContentType,
        body: Map<String, Value>,
    ) -> Result<Map<String, Value>, Problem> {
        let (mut faults, mut failure) = (Violations::new(), None);
        let mut body = Value::Object(body);
        visit_references(content_type, &mut body, |target, place, slot| {
            let Some(source) = slot.as_str().filter(|text| text.contains(':')) else { return };
            match self.id_of(connection, target, source) {
                Ok(Some(id)) => *slot = id.into(),
                Ok(None) => {
                    faults.add(place, "dangling_reference", format!("nothing was imported from \"{source}\""));
                }
                Err(problem) => failure = Some(problem),
            }
        });
        let (None, Value::Object(mut body)) = (&failure, body) else {
            return Err(failure.unwrap_or_else(|| Problem::internal(&"a body is no object")));
        };
        self.notes.extend(
            repair((content_type, self.site.time_zone), &mut body, |_| true, faults.into_vec())
                .map_err(invalid_record)?,
        );
        Ok(body)
    }

    /// Returns the id of the item that was imported from a source, if there is one.
    fn id_of(&mut self, connection: &mut Db, kind: &'static str, source: &str) -> Result<Option<String>, Problem> {
        if let Some(id) = self.ids.get(&(kind, source.to_owned())) {
            return Ok(Some(id.clone()));
        }
        let found = sources::find(connection, kind, source)?.map(|row| row.item_id);
        if let Some(id) = &found {
            self.remember(kind, source, id);
        }
        Ok(found)
    }
}

/// Gives an item that names no time zone that of the item of which it is a part: a session has the zone of its event.
fn take_zone(
    connection: &mut Db,
    content_type: &'static ContentType,
    body: &mut Map<String, Value>,
) -> Result<(), Problem> {
    if !content_type.is_child() || content_type.field(ZONE).is_none() || body.contains_key(ZONE) {
        return Ok(());
    }
    let relation = content_type.relations().find(|relation| Some(relation.name) == content_type.parent);
    let Some((relation, whole)) = relation.and_then(|it| Some((it, body.get(it.name)?.as_str()?))) else {
        return Ok(());
    };
    let ids = items::ids_of(connection, relation.target, &[whole], ItemScope::Present)?;
    let Some((_, id)) = ids.into_iter().next() else { return Ok(()) };
    let whole: Item = items_table::table.find(id).select(Item::as_select()).first(connection)?;
    if let Some(zone) = whole.content().get(ZONE) {
        body.insert(ZONE.to_owned(), zone.clone());
    }
    Ok(())
}
