//! Publication checks: the conditions that an item must meet before it becomes public.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::blocks;
use crate::content::field::{Field, Relation, RelationShape};
use crate::content::translations::Translations;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_few, in_list};
use crate::items::{Item, Link, projection};
use crate::problem::{NOT_PUBLISHED, Problem};

/// The ids of items that count as public without a look-up: those that are published in the same transaction,
/// so that items of one release can refer to each other, and those that the caller has found to be public.
pub type PublishedIds = HashSet<String>;

/// Returns those of these items that are not published; none if the site does not require that.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find_unpublished(connection: &mut Db, site: &Site, ids: &PublishedIds) -> QueryResult<PublishedIds> {
    if !site.require_published_references || ids.is_empty() {
        return Ok(PublishedIds::new());
    }
    let published: PublishedIds = items::table
        .filter(in_list(connection.dialect(), items::id, ids))
        .filter(items::status.eq("published").and(items::trashed_at.eq(0)))
        .select(items::id)
        .load(connection)?
        .into_iter()
        .collect();
    Ok(ids.difference(&published).cloned().collect())
}

/// Refuses a published item that refers to one of these items, which counted as public but were not published in the end.
///
/// # Errors
///
/// Fails with `Invalid`, which names each reference.
pub fn refuse_references_to(
    site: &Site,
    content_type: &'static ContentType,
    item: &Item,
    unpublished: &PublishedIds,
) -> Result<(), Problem> {
    if unpublished.is_empty() || unpublished.contains(&item.id) || item.status != "published" {
        return Ok(());
    }
    let (content, published) = (&item.content(), &PublishedIds::new());
    let publication = Publication { site, content_type, content, public: None, published };
    let violations = publication.references_to(unpublished);
    if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
}

/// A text that is to become public.
pub struct Publication<'a> {
    pub site: &'a Site,
    pub content_type: &'static ContentType,
    /// The text.
    pub content: &'a Map<String, Value>,
    /// The text that is public already. Fields that have not changed are not checked again, so that a
    /// correction elsewhere in the text goes through.
    pub public: Option<&'a Map<String, Value>>,
    /// The items that count as public without a look-up.
    pub published: &'a PublishedIds,
}

impl Publication<'_> {
    /// Refuses a text that may not become public, with everything that is missing.
    ///
    /// # Errors
    ///
    /// Fails with `Invalid`, which names each missing value, and if the query fails.
    pub fn require(&self, connection: &mut Db) -> Result<(), Problem> {
        let violations = self.find_missing(connection)?;
        if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
    }

    /// Returns what the text lacks for a publication.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn find_missing(&self, connection: &mut Db) -> QueryResult<Violations> {
        let mut violations = Violations::new();
        for field in self.content_type.fields.iter().filter(|f| f.localised && !self.is_unchanged(f.name)) {
            let Some(values) = self.content.get(field.name).and_then(Value::as_object) else { continue };
            for locale in self.site.required_locales.iter().filter(|locale| !values.contains_key(*locale)) {
                violations.add(format!("/{}/{locale}", field.name), "untranslated", required_translation(locale));
            }
        }
        for field in self.content_type.fields.iter().filter(|f| f.blocks().is_some() && !self.is_unchanged(f.name)) {
            self.check_blocks(field, &mut violations);
        }
        self.check_references(connection, &mut violations)?;
        Ok(violations)
    }

    /// Returns the references to these items that a publication does not permit.
    fn references_to(&self, unpublished: &PublishedIds) -> Violations {
        let mut violations = Violations::new();
        let links = projection::links("", self.content_type, self.content, &Translations::default(), self.site);
        for link in links.iter().filter(|link| unpublished.contains(&link.target_id)) {
            let relation = self.content_type.relations().find(|relation| relation.name == link.relation);
            let Some(relation) = relation.filter(|relation| must_be_public(self.content_type, relation)) else {
                continue;
            };
            let noun = ContentType::of_kind(relation.target).map_or(relation.target, |target| target.noun);
            let message = format!("the {noun} is not published by this request");
            violations.add(self.pointer(&relation, link), NOT_PUBLISHED, message);
        }
        violations
    }

    fn is_unchanged(&self, name: &str) -> bool {
        self.public.is_some_and(|public| public.get(name) == self.content.get(name))
    }

    /// Checks that the texts within the blocks of a field have the required locales.
    fn check_blocks(&self, field: &'static Field, violations: &mut Violations) {
        let (Some(union), Some(value)) = (field.blocks(), self.content.get(field.name)) else { return };
        blocks::visit_texts(union, value, &format!("/{}", field.name), &mut |pointer, values| {
            for locale in self.site.required_locales.iter().filter(|locale| values.get(locale.as_str()).is_none()) {
                violations.add(format!("{pointer}/{locale}"), "untranslated", required_translation(locale));
            }
        });
    }

    /// Returns the JSON Pointer to the id in a reference.
    fn pointer(&self, relation: &Relation, link: &Link) -> String {
        let (name, position) = (relation.name, link.position);
        match relation.shape {
            RelationShape::One => format!("/{name}"),
            RelationShape::Many => format!("/{name}/{position}"),
            RelationShape::ManyWith { key, .. } => format!("/{name}/{position}/{key}"),
            RelationShape::Within(field) => {
                let value = self.content.get(field.name);
                let found = value.map(|value| blocks::references(field, value, relation.target)).unwrap_or_default();
                let found = usize::try_from(position).ok().and_then(|position| found.into_iter().nth(position));
                found.map_or_else(|| format!("/{}", field.name), |found| found.pointer)
            }
        }
    }

    /// Returns whether all targets count as public without a look-up, as those of most new items do.
    fn needs_no_look_up(&self) -> bool {
        let mut are_public = true;
        let mut check = |id: &str| are_public = are_public && self.published.contains(id);
        projection::visit_targets(self.content_type, self.content, &mut check);
        are_public
    }

    /// Checks that the targets of references exist and, if the site requires it, are public. Stored references
    /// can be dangling: a working draft written by an earlier version of Plenary did not keep its targets from
    /// being purged.
    fn check_references(&self, connection: &mut Db, violations: &mut Violations) -> QueryResult<()> {
        if self.needs_no_look_up() {
            return Ok(());
        }
        let (site, content_type) = (self.site, self.content_type);
        let is_changed = |relation: &Relation| match relation.shape {
            RelationShape::Within(field) => !self.is_unchanged(field.name),
            _ => !self.is_unchanged(relation.name),
        };
        let relations: Vec<Relation> = content_type.relations().filter(is_changed).collect();
        let mut links = projection::links("", content_type, self.content, &Translations::default(), site);
        links.retain(|link| {
            relations.iter().any(|r| r.name == link.relation) && !self.published.contains(&link.target_id)
        });
        let found = targets(connection, &links)?;
        for link in &links {
            let Some(relation) = relations.iter().find(|r| r.name == link.relation) else { continue };
            let noun = ContentType::of_kind(relation.target).map_or(relation.target, |r| r.noun);
            let (id, pointer) = (&link.target_id, self.pointer(relation, link));
            match found.get(id) {
                None => violations.add(pointer, "dangling_reference", format!("there is no {noun} \"{id}\"")),
                Some(target) if target.live => {}
                Some(target) if site.require_published_references && must_be_public(content_type, relation) => {
                    let state = if target.trashed { "in the trash" } else { "not published" };
                    let message = format!("the {noun} \"{}\" is {state}", target.slug);
                    violations.add(pointer, NOT_PUBLISHED, message);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn required_translation(locale: &str) -> String {
    format!("a translation to \"{locale}\" is required for publication")
}

/// The target of a link, as far as its publication matters.
struct LinkTarget {
    /// The slug in the default language, by which messages name the target.
    slug: String,
    /// Whether the target is visible to the public.
    live: bool,
    /// Whether the target is in the trash.
    trashed: bool,
}

/// Returns the targets of links by id. Items that do not exist are left out.
fn targets(connection: &mut Db, links: &[Link]) -> QueryResult<HashMap<String, LinkTarget>> {
    if links.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<&str> = links.iter().map(|link| link.target_id.as_str()).collect();
    let rows = items::table
        .filter(in_few(connection.dialect(), items::id, &ids))
        .select((items::id, items::slug, items::live, items::trashed_at))
        .load::<(String, String, bool, i64)>(connection)?;
    Ok(rows.into_iter().map(|(id, slug, live, at)| (id, LinkTarget { slug, live, trashed: at != 0 })).collect())
}

/// Returns whether the target of a relation must be public. References between items of one kind are exempt:
/// two items that refer to each other would each wait for the other. So is the reference of a child to its
/// parent: a session stays invisible until its event is public in any case.
fn must_be_public(content_type: &'static ContentType, relation: &Relation) -> bool {
    let owner = ContentType::of_kind(relation.target).and_then(|target| target.children);
    relation.target != content_type.kind && owner.is_none_or(|children| children.kind != content_type.kind)
}
