//! Publication checks: the conditions that an item must meet before it becomes public.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::field::{Relation, RelationShape};
use crate::content::translations::Translations;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::items::Link;
use crate::items::projection;
use crate::problem::Problem;

/// The ids of items that count as public without a look-up: those that are published in the same transaction,
/// so that items of one release can refer to each other, and those that the caller has found to be public.
pub type PublishedIds = HashSet<String>;

/// Refuses content that may not become public, with everything that is missing. `before` is the content that
/// is public already: fields that have not changed are not checked again, so that a correction elsewhere in
/// the text goes through.
///
/// # Errors
///
/// Fails with `Invalid`, which names each missing value, and if the query fails.
pub fn require(
    connection: &mut Db,
    site: &Site,
    resource: &'static ContentType,
    content: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
    together: &PublishedIds,
) -> Result<(), Problem> {
    let faults = missing(connection, site, resource, content, before, together)?;
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// Returns what content lacks for a publication; see [`require`].
///
/// # Errors
///
/// Fails if the query fails.
pub fn missing(
    connection: &mut Db,
    site: &Site,
    resource: &'static ContentType,
    content: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
    together: &PublishedIds,
) -> QueryResult<Violations> {
    let mut faults = Violations::new();
    let unchanged = |name: &str| before.is_some_and(|before| before.get(name) == content.get(name));
    for field in resource.fields.iter().filter(|f| f.localised && !unchanged(f.name)) {
        let Some(values) = content.get(field.name).and_then(Value::as_object) else { continue };
        for locale in site.required_locales.iter().filter(|locale| !values.contains_key(*locale)) {
            let message = format!("a translation to \"{locale}\" is required for publication");
            faults.add(format!("/{}/{locale}", field.name), "untranslated", message);
        }
    }
    references(connection, site, resource, content, &unchanged, together, &mut faults)?;
    Ok(faults)
}

/// Checks that the targets of references exist and, if the site requires it, are public. Stored references
/// can be dangling: a working draft written by an earlier version of Plenary did not keep its targets from
/// being purged.
fn references(
    connection: &mut Db,
    site: &Site,
    resource: &'static ContentType,
    content: &Map<String, Value>,
    unchanged: &dyn Fn(&str) -> bool,
    together: &PublishedIds,
    faults: &mut Violations,
) -> QueryResult<()> {
    let relations: Vec<Relation> = resource.relations().filter(|r| !unchanged(r.name)).collect();
    let mut ties = projection::links("", resource, content, &Translations::default(), site);
    ties.retain(|tie| relations.iter().any(|r| r.name == tie.relation) && !together.contains(&tie.target_id));
    if ties.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ties.iter().map(|tie| tie.target_id.as_str()).collect();
    let found: HashMap<String, bool> = items::table
        .filter(in_list(connection.dialect(), items::id, &ids))
        .select((items::id, items::live))
        .load::<(String, bool)>(connection)?
        .into_iter()
        .collect();
    for tie in &ties {
        let Some(relation) = relations.iter().find(|r| r.name == tie.relation) else { continue };
        let noun = ContentType::of_kind(relation.target).map_or(relation.target, |r| r.noun);
        let id = &tie.target_id;
        match found.get(id) {
            None => faults.add(pointer(relation, tie), "dangling_reference", format!("there is no {noun} \"{id}\"")),
            Some(false) if site.require_published_references && must_be_public(resource, relation) => {
                faults.add(pointer(relation, tie), "not_published", format!("the {noun} \"{id}\" is not published"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Returns the JSON Pointer to the id in a reference.
fn pointer(relation: &Relation, tie: &Link) -> String {
    match relation.shape {
        RelationShape::One => format!("/{}", relation.name),
        RelationShape::Many => format!("/{}/{}", relation.name, tie.position),
        RelationShape::ManyWith { key, .. } => format!("/{}/{}/{key}", relation.name, tie.position),
    }
}

/// Returns whether the target of a relation must be public. References between items of one kind are exempt:
/// two items that refer to each other would each wait for the other. So is the reference of a child to its
/// parent: a session stays invisible until its event is public in any case.
fn must_be_public(resource: &'static ContentType, relation: &Relation) -> bool {
    let owner = ContentType::of_kind(relation.target).and_then(|target| target.children);
    relation.target != resource.kind && owner.is_none_or(|children| children.kind != resource.kind)
}
