//! The validation of request bodies for items.

use std::collections::HashMap;

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::field::{Field, FieldType};
use crate::content::validate::{ContentSchema, GivenReference, refuse_unknown_removals, validate};
use crate::content::values::scalar;
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::publication_checks::PublishedIds;
use crate::items::{self, Among, ReferenceTarget};
use crate::problem::Problem;

/// The values of `status` in request bodies.
pub const STATUSES: &[&str] = &["draft", "published", "archived"];

/// The values of `status` in responses, where a draft shows its stage.
pub const STATES: &[&str] = &["draft", "in_review", "scheduled", "published", "archived"];

/// The members that every request body may have beside the fields of its kind.
pub static ENVELOPE: [Field; 2] = [
    Field::new(
        "slug",
        FieldType::Slug,
        "The readable part of the item's URL, made from the title if it is left out. It cannot have the form of an id.",
        r#""rivers-without-borders""#,
    ),
    Field::new(
        "status",
        FieldType::OneOf(STATUSES),
        "`draft`, `published` (visible to the public), or `archived`.",
        r#""draft""#,
    ),
];

/// Refuses a merge patch that removes members which the kind does not have.
///
/// The patch itself is checked because its result does not show the mistake: removing an unknown member (a
/// null in the patch) has no effect, so a misspelt name would pass unnoticed.
///
/// # Errors
///
/// Fails with `Invalid`, which names each of these members.
pub fn check_patch(resource: &'static ContentType, patch: &Value) -> Result<(), Problem> {
    let Some(object) = patch.as_object() else { return Ok(()) };
    let mut own = object.clone();
    ENVELOPE.iter().for_each(|field| drop(own.shift_remove(field.name)));
    let mut faults = Violations::new();
    refuse_unknown_removals(resource.fields, &own, "", &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// A validated request body.
#[derive(Debug, Clone, Default)]
pub struct ValidatedBody {
    /// The requested slug.
    pub slug: Option<String>,
    /// The requested status.
    pub status: Option<String>,
    /// The stored form; its references are ids or slugs as given until [`ValidatedBody::resolve`] replaces them by
    /// ids.
    pub content: Map<String, Value>,
    /// The targets of the references by id, filled by [`ValidatedBody::resolve`].
    pub named: HashMap<String, ReferenceTarget>,
    references: Vec<GivenReference>,
}

impl ValidatedBody {
    /// Validates a body and adds its violations to `faults`. `before` is the content that the body replaces,
    /// whose other locales a body in one locale leaves as they are.
    ///
    /// The rules between fields run only if the fields themselves are valid, since they rely on it.
    pub fn read(
        resource: &'static ContentType,
        input: &Value,
        before: Option<&Map<String, Value>>,
        mode: &LocaleMode,
        site: &Site,
        faults: &mut Violations,
    ) -> Self {
        let Some(object) = input.as_object() else {
            faults.add("", "wrong_type", "the body must be a JSON object");
            return Self::default();
        };
        let mut fields = object.clone();
        let slug = envelope(&ENVELOPE[0], &mut fields, faults);
        let status = envelope(&ENVELOPE[1], &mut fields, faults);
        let schema = ContentSchema { kind: resource.kind, fields: resource.fields, mode, site };
        let mut checked = validate(schema, &fields, before, faults);
        if faults.is_empty() {
            (resource.rules)(&mut checked.content, faults);
        }
        Self { slug, status, content: checked.content, references: checked.references, ..Self::default() }
    }

    /// Returns whether the body has references to look up.
    pub fn has_references(&self) -> bool {
        !self.references.is_empty()
    }

    /// Returns the ids of the referenced items that are visible to the public.
    pub fn live(&self) -> PublishedIds {
        self.named.values().filter(|named| named.live).map(|named| named.id.clone()).collect()
    }

    /// Replaces the ids and slugs of all references by ids; a reference to an item that does not exist is
    /// added to `faults`.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn resolve(&mut self, connection: &mut Db, among: Among, faults: &mut Violations) -> QueryResult<()> {
        let given: Vec<(&str, &str)> = self.references.iter().map(|r| (r.target, r.given.as_str())).collect();
        let found = items::resolve(connection, &given, among)?;
        let mut content = Value::Object(std::mem::take(&mut self.content));
        for GivenReference { pointer, target, given } in &self.references {
            match found.get(&((*target).to_owned(), given.clone())) {
                Some(named) => {
                    if let Some(place) = content.pointer_mut(pointer) {
                        *place = named.id.as_str().into();
                    }
                    self.named.insert(named.id.clone(), named.clone());
                }
                None => {
                    let noun = ContentType::of_kind(target).map_or(*target, |r| r.noun);
                    faults.add(pointer, "dangling_reference", format!("there is no {noun} \"{given}\""));
                }
            }
        }
        if let Value::Object(map) = content {
            self.content = map;
        }
        Ok(())
    }
}

fn envelope(field: &Field, fields: &mut Map<String, Value>, faults: &mut Violations) -> Option<String> {
    let value = fields.shift_remove(field.name).filter(|v| !v.is_null())?;
    match scalar(&field.kind, &value) {
        Ok(value) => value.as_str().map(str::to_owned),
        Err((code, message)) => {
            faults.add(format!("/{}", field.name), code, message);
            None
        }
    }
}
