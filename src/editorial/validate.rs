//! The validation of request bodies for items.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::validate::{ContentSchema, GivenReference, refuse_unknown_removals, validate};
use crate::content::values::{scalar, wrong_type};
use crate::content::violation::{Violations, child_pointer, unknown_name_message};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::stored_queries;
use crate::editorial::publication_checks::PublishedIds;
use crate::editorial::slugs::SlugsByLocale;
use crate::items::{self, FoundTargets, ItemScope, ReferenceTarget};
use crate::problem::Problem;

/// The sign before a local id where an entry of a batch refers to the item of another entry (RFC 8620, section
/// 5.3). No id and no slug contains it.
pub const LOCAL: char = '#';

/// The ids of the items to which the entries of a batch gave a local id, by kind and local id.
pub type LocalNames = HashMap<(&'static str, String), String>;

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
        FieldType::OneOf(&Enumeration { schema: "ItemStatusInput", words: STATUSES }),
        "`draft`, `published` (visible to the public), or `archived`.",
        r#""draft""#,
    ),
];

/// The member with the slugs of several locales.
pub const SLUGS: &str = "slugs";

/// The names of the members that are no fields.
const ENVELOPE_MEMBERS: [&str; 3] = [ENVELOPE[0].name, ENVELOPE[1].name, SLUGS];

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
    ENVELOPE_MEMBERS.iter().for_each(|name| drop(own.shift_remove(*name)));
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
    /// The requested slugs by locale.
    pub slugs: SlugsByLocale,
    /// The requested status.
    pub status: Option<String>,
    /// The stored form; its references are ids or slugs as given until [`ValidatedBody::resolve`] replaces them by
    /// ids.
    pub content: Map<String, Value>,
    /// The targets of the references by id, filled by [`ValidatedBody::resolve`].
    pub targets: HashMap<String, ReferenceTarget>,
    references: Vec<GivenReference>,
    /// The ids to which the item refers already.
    kept: BTreeSet<String>,
}

impl ValidatedBody {
    /// Validates a body and adds its violations to `violations`. `before` is the content that the body replaces,
    /// whose other locales a body in one locale leaves as they are.
    ///
    /// The rules between fields rely on valid fields: their violations count where those on which they rely are valid.
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
        let slug = envelope(&ENVELOPE[0], object, violations);
        let slug = slug.filter(|slug| may_have_slug(content_type, slug, "/slug", violations));
        let status = envelope(&ENVELOPE[1], object, violations);
        let mut slugs = slugs_by_locale(site, object, violations);
        slugs.retain(|locale, slug| {
            let is_allowed =
                |slug: &String| may_have_slug(content_type, slug, &format!("/{SLUGS}/{locale}"), violations);
            slug.as_ref().is_none_or(is_allowed)
        });
        let (kind, fields) = (content_type.kind, content_type.fields);
        let schema = ContentSchema { kind, fields, envelope: &ENVELOPE_MEMBERS, mode, site };
        let mut checked = validate(schema, object, before, violations);
        let mut of_rules = Violations::new();
        (content_type.rules)(&mut checked.content, &mut of_rules);
        if let Some(span) = content_type.span
            && before.is_some_and(|before| before.get(span.ends_at) == checked.content.get(span.ends_at))
        {
            // An end that is a date after a start with a time is older than the rule, and hinders no other change.
            of_rules.retain(|fault| fault.code != "not_a_time");
        }
        stored_queries::check(site, content_type, &checked.content, &mut of_rules);
        violations.add_of_rules(of_rules);
        Self { slug, slugs, status, content: checked.content, references: checked.references, ..Self::default() }
    }

    /// Accepts references that the item has already, although their items are in the trash by now: otherwise nothing
    /// else of the item could be changed.
    pub fn keep_references(&mut self, ids: BTreeSet<String>) {
        self.kept = ids;
    }

    /// Returns whether the body has references to look up.
    pub fn has_references(&self) -> bool {
        !self.references.is_empty()
    }

    /// Returns whether the body refers to items of a batch by their local ids.
    pub fn refers_to_batch(&self) -> bool {
        self.references.iter().any(|reference| reference.given.starts_with(LOCAL))
    }

    /// Returns the ids of the referenced items that are visible to the public.
    pub fn published_targets(&self) -> PublishedIds {
        public_ids(&self.targets)
    }

    /// Returns the references by kind and id or slug, the local ids of a batch replaced by ids.
    pub fn references<'a>(&'a self, names: &'a LocalNames) -> impl Iterator<Item = (&'static str, &'a str)> {
        self.references.iter().map(|reference| (reference.target, text_of(reference, names)))
    }

    /// Replaces the ids and slugs of all references by ids; a reference to an item that does not exist is
    /// added to `violations`.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn resolve(
        &mut self,
        connection: &mut Db,
        among: ItemScope,
        names: &LocalNames,
        violations: &mut Violations,
    ) -> QueryResult<()> {
        let found = self.find_targets(connection, among, names)?;
        self.link(&found, names, violations);
        Ok(())
    }

    /// Looks up the items to which the body refers.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn find_targets(&self, connection: &mut Db, among: ItemScope, names: &LocalNames) -> QueryResult<FoundTargets> {
        let wanted: Vec<(&str, &str)> = self.references(names).collect();
        if wanted.is_empty() {
            return Ok(FoundTargets::default());
        }
        let mut found = items::resolve(connection, &wanted, among)?;
        let is_missing = |(kind, text): &(&str, &str)| found.get(kind, text).is_none();
        let missing = wanted.into_iter().filter(is_missing);
        let kept: Vec<(&str, &str)> = missing.filter(|(_, text)| self.kept.contains(*text)).collect();
        if !kept.is_empty() {
            found.extend(items::resolve(connection, &kept, ItemScope::All)?);
        }
        Ok(found)
    }

    /// Replaces the ids and slugs of all references by the ids of the items that were found, as
    /// [`ValidatedBody::resolve`] does.
    pub fn link(&mut self, found: &FoundTargets, names: &LocalNames, violations: &mut Violations) {
        let ContentWithIds { content, targets } = self.with_ids(found, names, violations);
        if let Cow::Owned(content) = content {
            self.content = content;
        }
        self.targets = targets;
    }

    /// Returns the content as [`ValidatedBody::link`] makes it. It is a copy only if a reference changes: programs mostly
    /// refer by ids.
    pub fn with_ids(
        &self,
        found: &FoundTargets,
        names: &LocalNames,
        violations: &mut Violations,
    ) -> ContentWithIds<'_> {
        let mut linked = ContentWithIds { content: Cow::Borrowed(&self.content), targets: HashMap::new() };
        for reference in &self.references {
            let GivenReference { pointer, target, given } = reference;
            let Some(found) = found.get(target, text_of(reference, names)) else {
                let noun = ContentType::of_kind(target).map_or(*target, |r| r.noun);
                violations.add(pointer, "dangling_reference", format!("there is no {noun} \"{given}\""));
                continue;
            };
            if found.id != *given
                && let Some(value) = value_mut(linked.content.to_mut(), pointer)
            {
                *value = found.id.as_str().into();
            }
            if !linked.targets.contains_key(&found.id) {
                linked.targets.insert(found.id.clone(), found.clone());
            }
        }
        if let Cow::Owned(content) = &linked.content {
            let lists: BTreeSet<&str> = self.references.iter().filter_map(|of| list_around(&of.pointer)).collect();
            lists.into_iter().for_each(|list| refuse_repetition((&self.content, content), list, violations));
        }
        linked
    }
}

/// Returns the ids of the items that are visible to the public.
pub fn public_ids(targets: &HashMap<String, ReferenceTarget>) -> PublishedIds {
    targets.values().filter(|target| target.live).map(|target| target.id.clone()).collect()
}

/// A content whose references are ids.
#[derive(Debug)]
pub struct ContentWithIds<'b> {
    pub content: Cow<'b, Map<String, Value>>,
    /// The targets of the references by id.
    pub targets: HashMap<String, ReferenceTarget>,
}

/// Splits a JSON Pointer into the name of a field, which needs no escape, and the pointer within its value.
fn field_of(pointer: &str) -> (&str, &str) {
    let path = pointer.strip_prefix('/').unwrap_or(pointer);
    path.split_at(path.find('/').unwrap_or(path.len()))
}

fn value_mut<'c>(content: &'c mut Map<String, Value>, pointer: &str) -> Option<&'c mut Value> {
    let (field, within) = field_of(pointer);
    content.get_mut(field)?.pointer_mut(within)
}

/// Returns the pointer of the list in which a reference is, such as `/speakers` of `/speakers/1/speaker`.
fn list_around(pointer: &str) -> Option<&str> {
    let is_index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut before = pointer;
    while let Some((rest, part)) = before.rsplit_once('/') {
        if is_index(part) {
            return Some(rest);
        }
        before = rest;
    }
    None
}

/// Refuses entries of a list that are the same as an earlier one, but were given in other words: once by id and once by
/// slug. Those that were given in the same words are refused before.
fn refuse_repetition(
    (given, content): (&Map<String, Value>, &Map<String, Value>),
    list: &str,
    violations: &mut Violations,
) {
    let (field, within) = field_of(list);
    let entries = |of: &Map<String, Value>| {
        of.get(field).and_then(|value| value.pointer(within)?.as_array()).cloned().unwrap_or_default()
    };
    let (given, entries) = (entries(given), entries(content));
    for (index, entry) in entries.iter().enumerate() {
        let is_same = |earlier: usize| entries[earlier] == *entry && given.get(earlier) != given.get(index);
        if (0..index).any(is_same) {
            let pointer = child_pointer(list, &index.to_string());
            violations.add(pointer, "duplicate", "must not repeat an earlier entry");
        }
    }
}

/// Returns the id or slug by which a reference is looked up.
fn text_of<'a>(reference: &'a GivenReference, names: &'a LocalNames) -> &'a str {
    let local = reference.given.strip_prefix(LOCAL).and_then(|name| names.get(&(reference.target, name.to_owned())));
    local.unwrap_or(&reference.given)
}

/// Returns the slugs of the request by locale. Null removes the slug of a locale, which then has that of the default
/// locale.
fn slugs_by_locale(site: &Site, body: &Map<String, Value>, violations: &mut Violations) -> SlugsByLocale {
    let mut slugs = SlugsByLocale::new();
    let Some(given) = body.get(SLUGS).filter(|given| !given.is_null()) else { return slugs };
    let Some(given) = given.as_object() else {
        let (code, message) = wrong_type("an object of locales", given);
        violations.add(format!("/{SLUGS}"), code, message);
        return slugs;
    };
    for (tag, value) in given {
        let pointer = child_pointer(&format!("/{SLUGS}"), tag);
        let Some(locale) = site.locale(tag) else {
            let known = site.locales.iter().map(String::as_str);
            violations.add(pointer, "unknown_locale", unknown_name_message("locale", tag, known));
            continue;
        };
        let slug = match value {
            Value::Null if locale == site.default_locale() => {
                Err(("required", "the default slug cannot be removed".into()))
            }
            Value::Null => Ok(None),
            value => scalar(&FieldType::Slug, value).map(|value| value.as_str().map(str::to_owned)),
        };
        match slug {
            Ok(slug) => drop(slugs.insert(locale.to_owned(), slug)),
            Err((code, message)) => violations.add(pointer, code, message),
        }
    }
    slugs
}

/// Returns whether items of a type can have a slug; a violation says why not.
pub fn may_have_slug(content_type: &'static ContentType, slug: &str, place: &str, violations: &mut Violations) -> bool {
    let is_allowed = content_type.allows_slug(slug);
    if !is_allowed {
        let message = format!("\"{slug}\" is a part of other addresses below /{}", content_type.collection);
        violations.add(place, "not_a_slug", message);
    }
    is_allowed
}

fn envelope(field: &Field, body: &Map<String, Value>, violations: &mut Violations) -> Option<String> {
    let value = body.get(field.name).filter(|v| !v.is_null())?;
    match scalar(&field.kind, value) {
        Ok(value) => value.as_str().map(str::to_owned),
        Err((code, message)) => {
            violations.add(format!("/{}", field.name), code, message);
            None
        }
    }
}
