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
pub fn check_patch(content_type: &'static ContentType, patch: &Value) -> Result<(), Problem> {
    let Some(object) = patch.as_object() else { return Ok(()) };
    let mut own = object.clone();
    ENVELOPE.iter().for_each(|field| drop(own.shift_remove(field.name)));
    let mut violations = Violations::new();
    refuse_unknown_removals(content_type.fields, &own, "", &mut violations);
    if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
}

/// The rules by which request bodies are validated.
#[derive(Clone, Copy)]
pub struct BodyRules<'a> {
    pub content_type: &'static ContentType,
    /// Whether localised fields are given in one locale or as maps of all locales.
    pub mode: &'a LocaleMode,
    pub site: &'a Site,
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
    pub targets: HashMap<String, ReferenceTarget>,
    references: Vec<GivenReference>,
}

impl ValidatedBody {
    /// Validates a body and adds its violations to `violations`. `before` is the content that the body replaces,
    /// whose other locales a body in one locale leaves as they are.
    ///
    /// The rules between fields run only if the fields themselves are valid, since they rely on it.
    pub fn read(
        rules: BodyRules<'_>,
        input: &Value,
        before: Option<&Map<String, Value>>,
        violations: &mut Violations,
    ) -> Self {
        let BodyRules { content_type, mode, site } = rules;
        let Some(object) = input.as_object() else {
            violations.add("", "wrong_type", "the body must be a JSON object");
            return Self::default();
        };
        let mut fields = object.clone();
        let slug = envelope(&ENVELOPE[0], &mut fields, violations);
        let status = envelope(&ENVELOPE[1], &mut fields, violations);
        let schema = ContentSchema { kind: content_type.kind, fields: content_type.fields, mode, site };
        let mut checked = validate(schema, &fields, before, violations);
        if violations.is_empty() {
            (content_type.rules)(&mut checked.content, violations);
        }
        Self { slug, status, content: checked.content, references: checked.references, ..Self::default() }
    }

    /// Returns whether the body has references to look up.
    pub fn has_references(&self) -> bool {
        !self.references.is_empty()
    }

    /// Returns the ids of the referenced items that are visible to the public.
    pub fn published_targets(&self) -> PublishedIds {
        self.targets.values().filter(|target| target.live).map(|target| target.id.clone()).collect()
    }

    /// Replaces the ids and slugs of all references by ids; a reference to an item that does not exist is
    /// added to `violations`.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn resolve(&mut self, connection: &mut Db, among: Among, violations: &mut Violations) -> QueryResult<()> {
        let given: Vec<(&str, &str)> = self.references.iter().map(|r| (r.target, r.given.as_str())).collect();
        let found = items::resolve(connection, &given, among)?;
        let mut content = Value::Object(std::mem::take(&mut self.content));
        for GivenReference { pointer, target, given } in &self.references {
            match found.get(&((*target).to_owned(), given.clone())) {
                Some(found) => {
                    if let Some(value) = content.pointer_mut(pointer) {
                        *value = found.id.as_str().into();
                    }
                    self.targets.insert(found.id.clone(), found.clone());
                }
                None => {
                    let noun = ContentType::of_kind(target).map_or(*target, |r| r.noun);
                    violations.add(pointer, "dangling_reference", format!("there is no {noun} \"{given}\""));
                }
            }
        }
        if let Value::Object(map) = content {
            self.content = map;
        }
        Ok(())
    }
}

fn envelope(field: &Field, fields: &mut Map<String, Value>, violations: &mut Violations) -> Option<String> {
    let value = fields.shift_remove(field.name).filter(|v| !v.is_null())?;
    match scalar(&field.kind, &value) {
        Ok(value) => value.as_str().map(str::to_owned),
        Err((code, message)) => {
            violations.add(format!("/{}", field.name), code, message);
            None
        }
    }
}
