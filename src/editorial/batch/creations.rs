//! Creations that stand beside each other in a batch. They are stored together, so that they may refer to each
//! other in any order, and their references are looked up by one query for all of them.

use std::collections::HashSet;

use super::plan::{PlannedCreation, PlannedEntry};
use super::run::BatchRun;
use crate::database::Db;
use crate::editorial::create::{Creation, require_publishable};
use crate::editorial::editor::Written;
use crate::editorial::insert::{InsertGroup, Origin};
use crate::editorial::publication_checks::PublishedIds;
use crate::editorial::validate::{FoundTargets, ValidatedBody};
use crate::editorial::write::ItemWrite;
use crate::items::{self, Among, ReferenceTarget};
use crate::problem::Problem;

/// A creation whose references are known.
struct LinkedCreation<'a> {
    index: usize,
    planned: &'a PlannedCreation,
    creation: &'a Creation,
    body: ValidatedBody,
}

impl LinkedCreation<'_> {
    fn is_published(&self) -> bool {
        self.body.status.as_deref() == Some("published")
    }

    /// Returns what is stored. The content stays for the check of a publication, which follows.
    fn writing(&mut self) -> (ItemWrite, Origin) {
        let content = match self.is_published() {
            true => self.body.content.clone(),
            false => std::mem::take(&mut self.body.content),
        };
        let writing = ItemWrite {
            content_type: self.creation.request.content_type,
            slug: self.body.slug.clone(),
            locale: None,
            slugs: self.body.slugs.clone(),
            status: self.body.status.clone(),
            content,
        };
        (writing, Origin { id: Some(self.planned.id.clone()), ..Origin::default() })
    }
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
    let mut linked = Vec::with_capacity(entries.len());
    for (index, entry) in entries {
        let Some((planned, creation)) = creation_of(entry) else {
            run.is_hopeless(index);
            continue;
        };
        let (mut body, mut violations) = (creation.body.clone(), creation.violations.clone());
        body.link(&found, &run.names, &mut violations);
        // The faults of a body are named also where it names the item of a refused entry.
        if !violations.is_empty() {
            run.refuse(index, Problem::invalid(violations))?;
        } else if !run.is_hopeless(index) {
            linked.push(LinkedCreation { index, planned, creation, body });
        }
    }
    let live = found.into_values().filter(|target| target.live).map(|target| target.id);
    let published = run.published.iter().cloned().chain(live).collect();
    store(connection, run, linked, &published)
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
    let mut found = items::resolve(connection, &wanted, Among::Present)?;
    for (planned, creation) in creations() {
        found.insert(
            (creation.request.content_type.kind.to_owned(), planned.id.clone()),
            ReferenceTarget::of_new(&planned.id),
        );
    }
    // References to items of refused entries are no faults of their own.
    let refused = run.refused_items();
    found.extend(refused.map(|(kind, id)| ((kind.to_owned(), id.clone()), ReferenceTarget::of_new(&id))));
    Ok(found)
}

/// Stores creations and checks those that become public.
fn store(
    connection: &mut Db,
    run: &mut BatchRun<'_>,
    linked: Vec<LinkedCreation<'_>>,
    published: &PublishedIds,
) -> Result<(), Problem> {
    let (group, added) = group_of(connection, run, linked)?;
    let items = group.store_each(connection, run.context())?;
    for (one, (item, refusal)) in added.into_iter().zip(items) {
        if let Some(problem) = refusal {
            run.refuse(one.index, problem)?;
            continue;
        }
        if one.is_published()
            && let Err(problem) = require_publishable(connection, &one.creation.request, &one.body, published)
        {
            run.refuse(one.index, problem)?;
        }
        if let Some(external_id) = one.planned.external_id() {
            external_id.keep(connection, &item, &one.planned.fingerprint)?;
        }
        run.record(one.index, Written::from(item).with_targets(one.body.targets));
    }
    Ok(())
}

/// Returns the group in which creations are stored, without those that are refused or refer to a refused one.
fn group_of<'a>(
    connection: &mut Db,
    run: &mut BatchRun<'_>,
    linked: Vec<LinkedCreation<'a>>,
) -> Result<(InsertGroup, Vec<LinkedCreation<'a>>), Problem> {
    let mut group = InsertGroup::default();
    let new = linked.iter().map(|LinkedCreation { creation, body, .. }| {
        (creation.request.content_type, body.slug.as_deref(), &body.content)
    });
    group.look_up_slugs(connection, run.context().site, new)?;
    let mut added = Vec::with_capacity(linked.len());
    for mut one in linked {
        if run.is_hopeless(one.index) {
            continue;
        }
        let (writing, origin) = one.writing();
        match group.add(connection, run.context(), writing, origin) {
            Ok(()) => added.push(one),
            Err(problem) => run.refuse(one.index, problem)?,
        }
    }
    // In a circle of references, a creation can be refused after one that refers to it.
    loop {
        let before = added.len();
        added.retain(|one| !run.is_hopeless(one.index));
        if added.len() == before {
            break;
        }
    }
    let kept: HashSet<&str> = added.iter().map(|one| one.planned.id.as_str()).collect();
    group.retain(|id| kept.contains(id));
    Ok((group, added))
}
