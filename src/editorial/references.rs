//! References between items, seen from the item that is referred to: what uses an item, and which references lead to
//! something that is not there.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::schema::{draft_links, items, links, release_items, releases};
use crate::database::{Db, in_list};
use crate::delivery::viewer::{Viewer, VisibilityState};
use crate::items::summary::ItemSummary;
use crate::items::{Item, Link};
use crate::problem::{Problem, ProblemKind};

/// Maximum number of references that are looked at; what uses more is used in any case.
const MAX_REFERENCES: i64 = 2_000;

/// An item that refers to another one.
#[derive(Debug)]
pub struct Referrer {
    pub item: ItemSummary,
    /// Names of the relations that hold the references; empty if only the working draft refers to the item.
    pub relations: Vec<String>,
    /// Whether the working draft of the item refers to it.
    pub in_working_draft: bool,
}

impl Referrer {
    /// Returns whether a viewer sees that the item refers to the other one. Working drafts are for its editors.
    pub fn is_shown_to(&self, viewer: &Viewer) -> bool {
        let is_draft_only = self.relations.is_empty();
        viewer.sees(&VisibilityState::from(&self.item)) && (!is_draft_only || viewer.edits(&self.item.kind))
    }
}

/// A release that will do something with an item.
#[derive(Debug, Queryable)]
pub struct ReleaseUse {
    pub id: String,
    pub name: String,
}

/// Everything that uses an item.
#[derive(Debug)]
pub struct ItemUse {
    /// Items that refer to it and are not in the trash, those that refer to it themselves first.
    pub referrers: Vec<Referrer>,
    /// Releases with the item that are not published.
    pub releases: Vec<ReleaseUse>,
}

/// Returns what uses an item, in any state. Its children of another kind are no use: they are public only with it,
/// and go with it. A page below another is one, since it has an address of its own.
///
/// # Errors
///
/// Fails if a query fails.
pub fn load_uses(connection: &mut Db, item: &Item) -> QueryResult<ItemUse> {
    let rows: Vec<(String, ItemSummary)> = links::table
        .inner_join(items::table.on(items::id.eq(links::source_id)))
        .filter(links::target_id.eq(&item.id).and(items::trashed_at.eq(0)))
        .order((links::relation, links::source_id, links::position))
        .limit(MAX_REFERENCES)
        .select((links::relation, ItemSummary::as_select()))
        .load(connection)?;
    let mut referrers: Vec<Referrer> = Vec::new();
    for (relation, source) in rows.into_iter().filter(|(relation, source)| !is_child(source, relation, item)) {
        match referrers.iter_mut().find(|known| known.item.id == source.id) {
            Some(known) if known.relations.contains(&relation) => {}
            Some(known) => known.relations.push(relation),
            None => referrers.push(Referrer { item: source, relations: vec![relation], in_working_draft: false }),
        }
    }
    let drafts: Vec<ItemSummary> = draft_links::table
        .inner_join(items::table.on(items::id.eq(draft_links::source_id)))
        .filter(draft_links::target_id.eq(&item.id).and(items::trashed_at.eq(0)))
        .order(draft_links::source_id)
        .limit(MAX_REFERENCES)
        .select(ItemSummary::as_select())
        .load(connection)?;
    for source in drafts.into_iter().filter(|source| source.parent_id.as_ref() != Some(&item.id)) {
        match referrers.iter_mut().find(|known| known.item.id == source.id) {
            Some(known) => known.in_working_draft = true,
            None => referrers.push(Referrer { item: source, relations: Vec::new(), in_working_draft: true }),
        }
    }
    let releases = releases_with(connection, &item.id)?;
    Ok(ItemUse { referrers, releases })
}

/// Returns the releases with an item that are not published.
///
/// # Errors
///
/// Fails if the query fails.
pub fn releases_with(connection: &mut Db, item_id: &str) -> QueryResult<Vec<ReleaseUse>> {
    release_items::table
        .inner_join(releases::table.on(releases::id.eq(release_items::release_id)))
        .filter(release_items::item_id.eq(item_id).and(releases::status.ne("published")))
        .order(releases::id)
        .select((releases::id, releases::name))
        .load(connection)
}

/// Returns whether a reference is that of a child to its parent of another kind, as of a session to its event.
fn is_child(source: &ItemSummary, relation: &str, item: &Item) -> bool {
    let child = ContentType::of_kind(&source.kind).filter(|content_type| content_type.is_child());
    child.is_some_and(|content_type| content_type.parent == Some(relation))
        && source.parent_id.as_ref() == Some(&item.id)
        && source.kind != item.kind
}

/// Refuses to go on with an item that something uses.
///
/// # Errors
///
/// Fails with `Conflict`, which names everything that uses the item and that the viewer sees, and if a query fails.
pub fn require_unused(connection: &mut Db, item: &Item, viewer: &Viewer) -> Result<(), Problem> {
    let ItemUse { referrers, releases } = load_uses(connection, item)?;
    let mut uses = Violations::new();
    let (shown, others): (Vec<_>, Vec<_>) = referrers.iter().partition(|referrer| referrer.is_shown_to(viewer));
    for Referrer { item: source, relations, .. } in shown {
        let noun = ContentType::of_kind(&source.kind).map_or(source.kind.as_str(), |content_type| content_type.noun);
        let place = if relations.is_empty() { "its working draft".to_owned() } else { relations.join(", ") };
        uses.add("", "in_use", format!("the {noun} \"{}\" refers to it ({place})", source.slug));
    }
    for release in &releases {
        uses.add("", "in_use", format!("the release \"{}\" contains it", release.name));
    }
    if !others.is_empty() {
        uses.add("", "in_use", format!("{} items that this API key does not reach refer to it", others.len()));
    }
    if uses.is_empty() {
        return Ok(());
    }
    let count = referrers.len() + releases.len();
    let detail = format!("the item is in use ({count}); with references=keep it is moved to the trash nevertheless");
    Err(Problem::new(ProblemKind::Conflict, detail).with_violations(uses.into_vec()))
}

/// A reference that leads to something that its readers do not see.
#[derive(Debug)]
pub struct BrokenReference {
    /// The item that refers.
    pub source: ItemSummary,
    /// Name of the relation; `None` for those of working drafts in the list of all.
    pub relation: Option<String>,
    /// The item that is referred to.
    pub target: ItemSummary,
}

/// Returns the references among these links of an item that lead to items that are not public, in their order, each relation
/// to one of them once.
///
/// # Errors
///
/// Fails if the query fails.
pub fn broken_of(connection: &mut Db, item: &Item, links: &[Link]) -> QueryResult<Vec<BrokenReference>> {
    let ids: HashSet<&str> = links.iter().map(|link| link.target_id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let unseen = in_list(connection.dialect(), items::id, ids).and(items::live.eq(false));
    let targets: Vec<ItemSummary> = items::table.filter(unseen).select(ItemSummary::as_select()).load(connection)?;
    let mut found: Vec<BrokenReference> = Vec::new();
    for link in links {
        let Some(target) = targets.iter().find(|target| target.id == link.target_id) else { continue };
        let is_same =
            |known: &BrokenReference| known.target.id == target.id && known.relation.as_ref() == Some(&link.relation);
        if !found.iter().any(is_same) {
            let (source, relation) = (ItemSummary::from(item), Some(link.relation.clone()));
            found.push(BrokenReference { source, relation, target: target.clone() });
        }
    }
    Ok(found)
}

/// Returns references to items in the trash, and references of public items to items that are not public: of those
/// that items hold themselves in the order of their ids, then of those in working drafts. `skip` leaves out the first
/// ones.
///
/// # Errors
///
/// Fails if a query fails.
pub fn load_broken(connection: &mut Db, skip: usize, limit: usize) -> QueryResult<Vec<BrokenReference>> {
    let target = diesel::alias!(items as target);
    let wanted = (skip + limit) as i64;
    let of_target = (
        target.field(items::id),
        target.field(items::kind),
        target.field(items::slug),
        target.field(items::status),
        target.field(items::stage),
        target.field(items::live),
        target.field(items::trashed_at),
        target.field(items::parent_id),
        target.field(items::updated_at),
        target.field(items::reference),
    );
    let unseen =
        target.field(items::trashed_at).gt(0).or(items::live.eq(true).and(target.field(items::live).eq(false)));
    let own: Vec<(String, ItemSummary, ItemSummary)> = links::table
        .inner_join(items::table.on(items::id.eq(links::source_id)))
        .inner_join(target.on(target.field(items::id).eq(links::target_id)))
        .filter(items::trashed_at.eq(0).and(unseen))
        .order((links::source_id, links::relation, links::position))
        .limit(wanted)
        .select((links::relation, ItemSummary::as_select(), of_target))
        .load(connection)?;
    let drafts: Vec<(ItemSummary, ItemSummary)> = draft_links::table
        .inner_join(items::table.on(items::id.eq(draft_links::source_id)))
        .inner_join(target.on(target.field(items::id).eq(draft_links::target_id)))
        .filter(items::trashed_at.eq(0).and(target.field(items::trashed_at).gt(0)))
        .order((draft_links::source_id, draft_links::target_id))
        .limit(wanted)
        .select((ItemSummary::as_select(), of_target))
        .load(connection)?;
    let own = own.into_iter().map(|(relation, source, target)| (Some(relation), source, target));
    let drafts = drafts.into_iter().map(|(source, target)| (None, source, target));
    let all = own.chain(drafts).skip(skip).take(limit);
    Ok(all.map(|(relation, source, target)| BrokenReference { source, relation, target }).collect())
}
