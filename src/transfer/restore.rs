//! Restoration of items from Plenary's own export, with the same ids, slugs, versions and times.

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::record::ExportedItem;
use super::repair::repair;
use super::report::Outcome;
use super::{exported_slugs, exported_versions};
use crate::content::editable_form::editable_form;
use crate::content::field::Field;
use crate::content::offsets::{self, RenewedTime};
use crate::content::violation::{Violation, Violations};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::insert::{Origin, insert};
use crate::editorial::validate::{BodyRules, LocalNames, STATUSES, ValidatedBody};
use crate::editorial::working_drafts;
use crate::editorial::write::{self, ItemWrite};
use crate::editorial::write_context::WriteContext;
use crate::items::paths;
use crate::items::sources::{self, Source};
use crate::items::working_draft::WorkingDraft;
use crate::items::{Item, ItemScope, is_id};
use crate::problem::Problem;
use crate::time_zone::Zone;

/// Greatest version of an imported item: the greatest integer that every JSON parser represents exactly (RFC
/// 8259, section 6). It is far from the greatest integer of the database, so that the version can grow.
const MAX_VERSION: i64 = (1 << 53) - 1;
/// Latest time of an imported item (µs since 1970): the beginning of the year 9999.
const MAX_TIME: i64 = 253_370_764_800_000_000;

/// Replaces the offsets in an item's times by those of the time zone rules in use, since the export may have
/// been made with other rules. Local time and zone are kept. Returns the times whose offset changed.
pub fn renew_times(exported: &mut ExportedItem) -> Vec<RenewedTime> {
    let Some(content_type) = ContentType::of_kind(&exported.kind) else { return Vec::new() };
    let below = |part: &str, times: Vec<RenewedTime>| {
        let part = part.to_owned();
        times.into_iter().map(move |time| RenewedTime { pointer: format!("{part}{}", time.pointer), ..time })
    };
    let own = offsets::renew(content_type.fields, &mut exported.content);
    let draft = exported.draft.as_mut().map(|draft| offsets::renew(content_type.fields, &mut draft.content));
    below("/content", own).chain(below("/draft/content", draft.unwrap_or_default())).collect()
}

/// Creates an item without its references to items of its own kind, which may follow later in the file;
/// [`complete`] adds them. An item that exists already is left as it is. Returns notes on what was left out.
///
/// # Errors
/// 422 if the item breaks a rule, 409 if its slug is taken.
pub fn item(
    connection: &mut Db,
    context: WriteContext<'_>,
    exported: &ExportedItem,
) -> Result<(Outcome, Vec<Violation>), Problem> {
    let content_type = content_type_of(exported)?;
    let present: Option<Item> =
        items::table.find(&exported.id).select(Item::as_select()).first(connection).optional()?;
    if let Some(present) = present {
        return Ok((compare_items(content_type, &present, exported), Vec::new()));
    }
    let content = validate(connection, context.site, content_type, without_own_kind(content_type, &exported.content))?;
    let (translations, notes) = exported_slugs::free_translations(connection, content_type, exported)?;
    let (slug, status) = (Some(exported.slug.clone()), Some(exported.status.clone()));
    let writing = ItemWrite { slug, status, ..ItemWrite::of(content_type, content) };
    let origin = Origin {
        id: Some(exported.id.clone()),
        version: Some(exported.version),
        created_at: Some(exported.created_at),
        updated_at: Some(exported.updated_at),
        published_at: Some(exported.published_at),
        trashed_at: Some(exported.trashed_at),
        translations: translations.clone(),
        // `complete` makes it visible, under the path that its place in the tree gives it.
        is_incomplete: content_type.has_paths(),
    };
    let item = insert(connection, context, writing, origin)?;
    exported_slugs::keep(connection, content_type, exported, &translations)?;
    for (locale, path) in &exported.old_paths {
        paths::keep_former(connection, &item.id, (locale, path))?;
    }
    for source in &exported.sources {
        let row = Source {
            kind: exported.kind.clone(),
            source: source.source.clone(),
            item_id: item.id.clone(),
            fingerprint: source.fingerprint.clone(),
            version: source.version,
            origin: source.origin.clone(),
            revision: source.revision.clone(),
            ids: source.ids.to_text(),
            fields: source.fields.to_text(),
        };
        sources::keep(connection, &row)?;
    }
    Ok((Outcome::Created, notes))
}

/// Completes an item with its references to items of its own kind and with its working draft, after all items
/// were created. Details that break a rule are left out, with a note, so that the item is visible without them. An item
/// that was refused, or that somebody changed here, is left as it is.
///
/// # Errors
/// 422 if the item may not stand where it should, 409 if its path is taken.
pub fn complete(
    connection: &mut Db,
    context: WriteContext<'_>,
    exported: &ExportedItem,
) -> Result<Vec<Violation>, Problem> {
    let content_type = content_type_of(exported)?;
    let present: Option<Item> =
        items::table.find(&exported.id).select(Item::as_select()).first(connection).optional()?;
    let Some(present) = present.filter(|present| is_as_exported(present, exported)) else { return Ok(Vec::new()) };
    let (content, mut notes) = match amend_body(connection, context.site, content_type, exported.content.clone())? {
        Ok(amended) => amended,
        Err(faults) => (present.content(), faults),
    };
    let mut draft = None;
    if let Some(given) = exported.draft.as_ref().filter(|_| !present.has_working_draft()) {
        let faults = match amend_body(connection, context.site, content_type, given.content.clone())? {
            Ok((content, faults)) => {
                draft = Some(WorkingDraft {
                    item_id: exported.id.clone(),
                    slug: given.slug.clone(),
                    updated_at: given.updated_at,
                    updated_by: None,
                    content: Value::Object(content).to_string(),
                });
                faults
            }
            Err(faults) => faults,
        };
        notes.extend(faults.into_iter().map(|note| Violation { pointer: format!("/draft{}", note.pointer), ..note }));
    }
    let stage = exported.stage.as_deref().filter(|stage| *stage == "in_review").unwrap_or("draft");
    let version = exported.draft.as_ref().map_or(0, |draft| draft.version);
    let restored = working_drafts::restore(connection, &exported.id, stage, version, draft)?;
    notes.extend(restored.slug_conflict.map(|problem| exported_slugs::conflict("/draft/slug".to_owned(), problem)));
    notes.extend(exported_versions::restore(connection, context.site, exported)?);
    if restored.is_changed || content_type.has_paths() || present.content() != content {
        write::complete_import(connection, context, &exported.id, &content)?;
    }
    Ok(notes)
}

/// Leaves out what keeps an item from its place: the details to which the faults point, or else its references to items
/// of its own kind. Returns the notes on that, and whether anything was left out.
pub fn leave_out(exported: &mut ExportedItem, faults: Vec<Violation>) -> (Vec<Violation>, bool) {
    let Some(content_type) = ContentType::of_kind(&exported.kind) else { return (faults, false) };
    match repair((content_type, Zone::utc()), &mut exported.content, |_| true, faults) {
        Ok(notes) => (notes, true),
        Err(faults) => {
            let rest = without_own_kind(content_type, &exported.content);
            let is_less = rest.len() < exported.content.len();
            exported.content = rest;
            (faults, is_less)
        }
    }
}

/// Returns whether an item is the one of the export, and nobody wrote to it since.
fn is_as_exported(present: &Item, exported: &ExportedItem) -> bool {
    present.kind == exported.kind && present.version == exported.version && present.updated_at == exported.updated_at
}

/// Returns whether an item must be completed: it has a working draft, a stage, or references to items of its
/// own kind.
pub fn needs_completion(exported: &ExportedItem) -> bool {
    exported.draft.is_some()
        || exported.stage.is_some()
        || ContentType::of_kind(&exported.kind).is_some_and(|content_type| {
            content_type.has_paths() || own_relations(content_type).any(|name| exported.content.contains_key(name))
        })
}

/// Returns the content type of an exported item, after checking what the schema of its fields does not cover.
fn content_type_of(exported: &ExportedItem) -> Result<&'static ContentType, Problem> {
    let mut faults = Violations::new();
    let content_type = ContentType::of_kind(&exported.kind);
    if content_type.is_none() {
        faults.add("/kind", "not_allowed", format!("there is no kind of content \"{}\"", exported.kind));
    }
    if !is_id(&exported.id) || exported.id != exported.id.to_ascii_lowercase() {
        faults.add("/id", "not_an_id", "an id is a UUID in lower case");
    }
    if let Some(content_type) = content_type {
        exported_slugs::check(content_type, exported, &mut faults);
    }
    if !STATUSES.contains(&exported.status.as_str()) {
        faults.add("/status", "not_allowed", format!("\"{}\" is not a status", exported.status));
    }
    check_numbers(exported, &mut faults);
    exported_versions::check(exported, &mut faults);
    match content_type {
        Some(content_type) if faults.is_empty() => Ok(content_type),
        _ => Err(Problem::invalid(faults)),
    }
}

/// Checks that versions can grow, and that versions and times can be represented in responses.
fn check_numbers(exported: &ExportedItem, faults: &mut Violations) {
    let mut check = |place: &str, number: i64, least: i64, most: i64| check_range(place, number, (least, most), faults);
    check("/version", exported.version, 1, MAX_VERSION);
    check("/created_at", exported.created_at, 0, MAX_TIME);
    check("/updated_at", exported.updated_at, 0, MAX_TIME);
    check("/published_at", exported.published_at, 0, MAX_TIME);
    check("/trashed_at", exported.trashed_at, 0, MAX_TIME);
    if let Some(draft) = &exported.draft {
        check("/draft/version", draft.version, 1, MAX_VERSION);
        check("/draft/updated_at", draft.updated_at, 0, MAX_TIME);
    }
    for (index, source) in exported.sources.iter().enumerate() {
        check(&format!("/sources/{index}/version"), source.version, 0, MAX_VERSION);
    }
}

fn check_range(place: &str, number: i64, (least, most): (i64, i64), faults: &mut Violations) {
    if !(least..=most).contains(&number) {
        faults.add(place, "out_of_range", format!("must be between {least} and {most}; this is {number}"));
    }
}

/// Checks a version (if its place ends so) or a time.
pub(super) fn check_number(place: &str, number: i64, faults: &mut Violations) {
    let range = if place.ends_with("/version") { (1, MAX_VERSION) } else { (0, MAX_TIME) };
    check_range(place, number, range, faults);
}

/// Compares an exported item with the existing one, which is either the same or was edited here.
fn compare_items(content_type: &'static ContentType, present: &Item, exported: &ExportedItem) -> Outcome {
    let content = editable_form(content_type.fields, &present.content(), &LocaleMode::All);
    let same = present.kind == exported.kind
        && content == exported.content
        && present.slug == exported.slug
        && present.status == exported.status
        && (present.trashed_at != 0) == (exported.trashed_at != 0);
    if same { Outcome::Unchanged } else { Outcome::Kept }
}

fn without_own_kind(content_type: &'static ContentType, content: &Map<String, Value>) -> Map<String, Value> {
    let mut content = content.clone();
    for name in own_relations(content_type) {
        content.shift_remove(name);
    }
    content
}

/// Returns the names of the fields that refer to items of the same content type.
fn own_relations(content_type: &'static ContentType) -> impl Iterator<Item = &'static str> {
    let refers = |field: &&'static Field| field.relations().any(|relation| relation.target == content_type.kind);
    content_type.fields.iter().filter(refers).map(|field| field.name)
}

fn validate(
    connection: &mut Db,
    site: &Site,
    content_type: &'static ContentType,
    body: Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let mut faults = Violations::new();
    let rules = BodyRules { content_type, mode: &LocaleMode::All, site };
    let mut draft = ValidatedBody::read(rules, &Value::Object(body), None, &mut faults);
    draft.resolve(connection, ItemScope::All, &LocalNames::new(), &mut faults)?;
    if faults.is_empty() { Ok(draft.content) } else { Err(Problem::invalid(faults)) }
}

/// Greatest number of times that a body is repaired.
const MOST_REPAIRS: usize = 8;

/// A content with a note for each detail that was left out, or the faults that cost the whole.
pub(super) type Amendment = Result<(Map<String, Value>, Vec<Violation>), Vec<Violation>>;

/// Validates a body without the details that break a rule. Returns the content and a note for each of these, or the
/// faults if one of them cannot be left out.
pub(super) fn amend_body(
    connection: &mut Db,
    site: &Site,
    content_type: &'static ContentType,
    mut body: Map<String, Value>,
) -> Result<Amendment, Problem> {
    let mut notes = Vec::new();
    for _ in 0..MOST_REPAIRS {
        let faults = match validate(connection, site, content_type, body.clone()) {
            Ok(content) => return Ok(Ok((content, notes))),
            Err(problem) if problem.errors.is_empty() => return Err(problem),
            Err(problem) => problem.errors,
        };
        match repair((content_type, site.time_zone), &mut body, |_| true, faults) {
            Ok(more) => notes.extend(more),
            Err(faults) => return Ok(Err(faults)),
        }
    }
    Ok(Err(notes))
}
