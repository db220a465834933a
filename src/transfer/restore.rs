//! Restoration of items from Plenary's own export, with the same ids, slugs, versions and times.

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::record::Exported;
use super::report::Outcome;
use crate::content::editable_form::editable_form;
use crate::content::offsets::{self, RenewedTime};
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::insert::{Origin, insert};
use crate::editorial::slugs::{self, SlugsByLocale};
use crate::editorial::validate::{BodyRules, LocalNames, STATUSES, ValidatedBody};
use crate::editorial::working_drafts;
use crate::editorial::write::{self, ItemWrite};
use crate::editorial::write_context::WriteContext;
use crate::items::sources::{self, Source};
use crate::items::working_draft::WorkingDraft;
use crate::items::{Among, Item, is_id};
use crate::problem::Problem;

/// Greatest version of an imported item: the greatest integer that every JSON parser represents exactly (RFC
/// 8259, section 6). It is far from the greatest integer of the database, so that the version can grow.
const MAX_VERSION: i64 = (1 << 53) - 1;
/// Latest time of an imported item (µs since 1970): the beginning of the year 9999.
const MAX_TIME: i64 = 253_370_764_800_000_000;

/// Replaces the offsets in an item's times by those of the time zone rules in use, since the export may have
/// been made with other rules. Local time and zone are kept. Returns the times whose offset changed.
pub fn renew_times(exported: &mut Exported) -> Vec<RenewedTime> {
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
/// [`complete`] adds them. An item that exists already is left as it is.
///
/// # Errors
/// 422 if the item breaks a rule, 409 if its slug is taken.
pub fn item(connection: &mut Db, context: WriteContext<'_>, exported: &Exported) -> Result<Outcome, Problem> {
    let content_type = content_type_of(exported)?;
    let present: Option<Item> =
        items::table.find(&exported.id).select(Item::as_select()).first(connection).optional()?;
    if let Some(present) = present {
        return Ok(compared(content_type, &present, exported));
    }
    let content = validate(connection, context.site, content_type, without_own_kind(content_type, &exported.content))?;
    let (slug, status) = (Some(exported.slug.clone()), Some(exported.status.clone()));
    let writing = ItemWrite { content_type, slug, locale: None, slugs: SlugsByLocale::new(), status, content };
    let origin = Origin {
        id: Some(exported.id.clone()),
        version: Some(exported.version),
        created_at: Some(exported.created_at),
        updated_at: Some(exported.updated_at),
        published_at: Some(exported.published_at),
        trashed_at: Some(exported.trashed_at),
        translations: exported.translations.clone(),
    };
    let item = insert(connection, context, writing, origin)?;
    for slug in &exported.old_slugs {
        if slugs::is_free(connection, content_type.kind, slug)? {
            slugs::keep(connection, content_type.kind, &item.id, slug)?;
        }
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
        };
        sources::keep(connection, &row)?;
    }
    Ok(Outcome::Created)
}

/// Completes an item with its references to items of its own kind and with its working draft, after all items
/// were created.
///
/// # Errors
/// 422 if the item or its draft breaks a rule.
pub fn complete(connection: &mut Db, context: WriteContext<'_>, exported: &Exported) -> Result<(), Problem> {
    let content_type = content_type_of(exported)?;
    let content = validate(connection, context.site, content_type, exported.content.clone())?;
    let present: Item = items::table.find(&exported.id).select(Item::as_select()).first(connection)?;
    let draft = match &exported.draft {
        Some(draft) if !present.has_working_draft() => Some(WorkingDraft {
            item_id: exported.id.clone(),
            slug: draft.slug.clone(),
            updated_at: draft.updated_at,
            updated_by: None,
            content: Value::Object(validate(connection, context.site, content_type, draft.content.clone())?)
                .to_string(),
        }),
        _ => None,
    };
    let stage = exported.stage.as_deref().filter(|stage| *stage == "in_review").unwrap_or("draft");
    let version = exported.draft.as_ref().map_or(0, |draft| draft.version);
    let restored = working_drafts::restore(connection, &exported.id, stage, version, draft)?;
    if restored || present.content() != content {
        write::complete_import(connection, context, &exported.id, &content)?;
    }
    Ok(())
}

/// Returns whether an item must be completed: it has a working draft, a stage, or references to items of its
/// own kind.
pub fn needs_completion(exported: &Exported) -> bool {
    exported.draft.is_some()
        || exported.stage.is_some()
        || ContentType::of_kind(&exported.kind).is_some_and(|content_type| {
            content_type.relations().any(|r| r.target == content_type.kind && exported.content.contains_key(r.name))
        })
}

/// Returns the content type of an exported item, after checking what the schema of its fields does not cover.
fn content_type_of(exported: &Exported) -> Result<&'static ContentType, Problem> {
    let mut faults = Violations::new();
    let content_type = ContentType::of_kind(&exported.kind);
    if content_type.is_none() {
        faults.add("/kind", "not_allowed", format!("there is no kind of content \"{}\"", exported.kind));
    }
    if !is_id(&exported.id) || exported.id != exported.id.to_ascii_lowercase() {
        faults.add("/id", "not_an_id", "an id is a UUID in lower case");
    }
    if !crate::content::slug::is_slug(&exported.slug) {
        faults.add("/slug", "not_a_slug", format!("\"{}\" is not a slug", exported.slug));
    }
    if !STATUSES.contains(&exported.status.as_str()) {
        faults.add("/status", "not_allowed", format!("\"{}\" is not a status", exported.status));
    }
    check_numbers(exported, &mut faults);
    match content_type {
        Some(content_type) if faults.is_empty() => Ok(content_type),
        _ => Err(Problem::invalid(faults)),
    }
}

/// Checks that versions can grow, and that versions and times can be represented in responses.
fn check_numbers(exported: &Exported, faults: &mut Violations) {
    let mut check = |place: &str, number: i64, least: i64, most: i64| {
        if !(least..=most).contains(&number) {
            faults.add(place, "out_of_range", format!("must be between {least} and {most}; this is {number}"));
        }
    };
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

/// Compares an exported item with the existing one, which is either the same or was edited here.
fn compared(content_type: &'static ContentType, present: &Item, exported: &Exported) -> Outcome {
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
    for relation in content_type.relations().filter(|r| r.target == content_type.kind) {
        content.shift_remove(relation.name);
    }
    content
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
    draft.resolve(connection, Among::All, &LocalNames::new(), &mut faults)?;
    if faults.is_empty() { Ok(draft.content) } else { Err(Problem::invalid(faults)) }
}
