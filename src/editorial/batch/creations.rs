//! Creations that stand beside each other in a batch. They are stored together, so that they may refer to each
//! other in any order, and their references are looked up by one query for all of them.

use std::borrow::Cow;
use std::collections::HashSet;

use super::plan::{PlannedCreation, PlannedEntry};
use super::run::BatchRun;
use crate::database::Db;
use crate::editorial::create::{Creation, require_publishable};
use crate::editorial::editor::WrittenItem;
use crate::editorial::insert::{InsertGroup, NewItem, Origin};
use crate::editorial::publication_checks::PublishedIds;
use crate::editorial::validate::ContentWithIds;
use crate::items::{self, FoundTargets, ItemScope, KnownReferences, ReferenceTarget};
use crate::problem::Problem;

/// A creation whose references are known.
struct LinkedCreation<'a> {
    index: usize,
    planned: &'a PlannedCreation,
    creation: &'a Creation,
    text: ContentWithIds<'a>,
}

/// Writes these entries, which are all creations. Refusals are recorded in `run`.
///
/// # Errors
///
/// Fails if the database fails.
pub(super) fn write(connection: &mut Db, run: &mut BatchRun<'_>, group: &[usize]) -> Result<(), Problem> {
    let plan = run.plan;
    let entries: Vec<(usize, &PlannedEntry)> = group.iter().map(|index| (*index, &plan.entries[*index])).collect();
    let found = find_targets(connection, run, &entries)?;
    let mut creations = Vec::with_capacity(entries.len());
    for (index, entry) in entries {
        let Some((planned, creation)) = creation_of(entry) else {
            run.is_hopeless(index);
            continue;
        };
        let mut violations = creation.violations.clone();
        let text = creation.body.with_ids(&found, &run.names, &mut violations);
        // The faults of a body are named also where it names the item of a refused entry.
        if !violations.is_empty() {
            run.refuse(index, Problem::invalid(violations))?;
        } else if !run.is_hopeless(index) {
            creations.push(LinkedCreation { index, planned, creation, text });
        }
    }
    let live = found.iter().filter(|target| target.live).map(|target| target.id.clone());
    let published = run.published.iter().cloned().chain(live).collect();
    store(connection, run, creations, &published)
}

/// Returns the creation of an entry.
fn creation_of(entry: &PlannedEntry) -> Option<(&PlannedCreation, &Creation)> {
    let planned = entry.creation()?;
    Some((planned, planned.creation.as_ref()?))
}

/// Looks up the items to which creations refer. Those that the group itself creates count as found.
fn find_targets(
    connection: &mut Db,
    run: &BatchRun<'_>,
    entries: &[(usize, &PlannedEntry)],
) -> Result<FoundTargets, Problem> {
    let creations = || entries.iter().filter_map(|(_, entry)| creation_of(entry));
    let wanted: Vec<(&str, &str)> =
        creations().flat_map(|(_, creation)| creation.body.references(&run.names)).collect();
    let mut found = items::resolve(connection, &wanted, ItemScope::Present)?;
    for (planned, creation) in creations() {
        found.insert(creation.request.content_type.kind, &planned.id, ReferenceTarget::of_new(&planned.id));
    }
    // References to items of refused entries are no faults of their own.
    for (kind, id) in run.refused_items() {
        found.insert(kind, &id, ReferenceTarget::of_new(&id));
    }
    Ok(found)
}

/// Stores creations and checks those that become public.
fn store(
    connection: &mut Db,
    run: &mut BatchRun<'_>,
    mut creations: Vec<LinkedCreation<'_>>,
    published: &PublishedIds,
) -> Result<(), Problem> {
    let (group, added) = group_of(connection, run, &creations)?;
    let inserted = group.store_each(connection, run.context())?;
    for (position, NewItem { item, links, refusal }) in added.into_iter().zip(inserted) {
        let LinkedCreation { index, planned, creation, text } = &mut creations[position];
        if let Some(problem) = refusal {
            run.refuse(*index, problem)?;
            continue;
        }
        if creation.is_published()
            && let Err(problem) = require_publishable(connection, &creation.request, &text.content, published)
        {
            run.refuse(*index, problem)?;
        }
        if let Some(external_id) = planned.external_id() {
            external_id.keep(connection, &item, &planned.fingerprint)?;
        }
        let references = KnownReferences { targets: std::mem::take(&mut text.targets), links: Some(links) };
        run.record(*index, WrittenItem { references, ..WrittenItem::from(item) });
    }
    Ok(())
}

/// Returns the group in which creations are stored, with their positions in `creations`, without those that are refused or refer
/// to a refused one.
fn group_of<'l>(
    connection: &mut Db,
    run: &mut BatchRun<'_>,
    creations: &'l [LinkedCreation<'_>],
) -> Result<(InsertGroup<'l>, Vec<usize>), Problem> {
    let mut group = InsertGroup::default();
    let new = creations.iter().map(|LinkedCreation { creation, text, .. }| {
        (creation.request.content_type, creation.body.slug.as_deref(), &*text.content)
    });
    group.look_up_slugs(connection, run.context().site, new)?;
    let mut added = Vec::with_capacity(creations.len());
    for (position, LinkedCreation { index, planned, creation, text }) in creations.iter().enumerate() {
        if run.is_hopeless(*index) {
            continue;
        }
        let writing = creation.item_write(Cow::Borrowed(&*text.content));
        let origin = Origin { id: Some(planned.id.clone()), ..Origin::default() };
        match group.add(connection, run.context(), writing, origin) {
            Ok(()) => added.push(position),
            Err(problem) => run.refuse(*index, problem)?,
        }
    }
    // In a circle of references, a creation can be refused after one that refers to it.
    loop {
        let before = added.len();
        added.retain(|position| !run.is_hopeless(creations[*position].index));
        if added.len() == before {
            break;
        }
    }
    let kept: HashSet<&str> = added.iter().map(|position| creations[*position].planned.id.as_str()).collect();
    group.retain(|id| kept.contains(id));
    Ok((group, added))
}
