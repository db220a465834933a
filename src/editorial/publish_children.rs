//! Publication of an item together with its children that are drafts: an event with its sessions.

use crate::content::violation::Violations;
use crate::database::Db;
use crate::editorial::children;
use crate::editorial::editor::{Editor, WriteResult, WrittenItem, find_version};
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::publication_checks::PublishedIds;
use crate::editorial::write::content_type_of;
use crate::editorial::write_context::WriteContext;
use crate::items::{ExpectedVersions, Item};
use crate::problem::{Problem, ProblemKind};

impl Editor {
    /// Publishes an item at a version that `version` accepts, and, with `with_children`, its children that are drafts:
    /// all of them or nothing. The result tells how many children remain drafts.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version, with
    /// `Invalid`, which names all that is missing, with `Conflict` or `Forbidden` if a step is not allowed, and if the
    /// database fails.
    pub async fn publish(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        with_children: bool,
    ) -> Result<WriteResult, Problem> {
        let (request, key) = (self.request.clone(), id_or_slug.to_owned());
        let write = move |c: &mut Db| {
            let item = find_version(c, request.content_type, &key, &version)?;
            if !with_children {
                let published = lifecycle::apply(c, request.context(), item, Operation::Publish, &PublishedIds::new())?;
                let draft_children = children::count_drafts(c, &published)?;
                return Ok(WrittenItem { draft_children, ..WrittenItem::from(published) });
            }
            let children = children::all(c, &item)?.into_iter();
            let drafts: Vec<Item> = children.filter(|child| child.status == "draft").collect();
            Ok(WrittenItem::from(publish_all(c, request.context(), item, drafts)?))
        };
        self.write_and_render(write).await
    }
}

/// Publishes an item and these children of it. An item that is published already, without a working draft, stays as
/// it is if there are children to publish.
fn publish_all(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: Item,
    children: Vec<Item>,
) -> Result<Item, Problem> {
    let together: PublishedIds = children.iter().chain([&item]).map(|item| item.id.clone()).collect();
    let mut faults = Violations::new();
    let only_children = !children.is_empty() && item.trashed_at == 0 && Operation::Publish.refusal(&item).is_some();
    let id = item.id.clone();
    if !only_children {
        collect(&mut faults, "", lifecycle::apply(connection, context, item, Operation::Publish, &together))?;
    }
    for child in children {
        let place = format!("/{}/{}", content_type_of(&child)?.collection, child.slug);
        collect(&mut faults, &place, lifecycle::apply(connection, context, child, Operation::Publish, &together))?;
    }
    if faults.is_empty() { lifecycle::load(connection, &id) } else { Err(Problem::invalid(faults)) }
}

/// Adds what a publication lacks to the faults of all, with pointers below `place`. Any other problem ends the request.
fn collect(faults: &mut Violations, place: &str, outcome: Result<Item, Problem>) -> Result<(), Problem> {
    match outcome {
        Err(problem) if problem.kind == ProblemKind::Invalid => {
            for error in problem.errors {
                faults.add(format!("{place}{}", error.pointer), &error.code, error.message);
            }
            Ok(())
        }
        outcome => outcome.map(drop),
    }
}
