//! What stands against a merge. All of it is checked before anything is written.

use std::collections::HashSet;

use super::{MOST_REFERRERS, record, referrers};
use crate::auth::permissions::Action;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::editorial::editor::find;
use crate::editorial::write::content_type_of;
use crate::editorial::write_context::WriteContext;
use crate::editorial::{references, schedule};
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// An item that is to be merged.
pub struct MergedItem {
    pub item: Item,
    /// Its place in the request.
    place: String,
}

/// Returns the items that are to be merged into a target, if nothing stands against it.
///
/// # Errors
///
/// Fails with `Invalid`, `Conflict` or `Forbidden`, which name every item that cannot be merged, and if a query fails.
pub fn check(
    connection: &mut Db,
    context: WriteContext<'_>,
    (target, from): (&Item, &[String]),
    collections: &[String],
) -> Result<Vec<MergedItem>, Problem> {
    if target.trashed_at != 0 {
        return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
    }
    referrers::authorize(connection, context, target, collections)?;
    let all = find_all(connection, target, from)?;
    let mut faults = Violations::new();
    let mut referring = HashSet::new();
    for MergedItem { item, place } in &all {
        context.authorize(connection, item, Action::Trash)?;
        for (code, why) in refusals(connection, target, item)? {
            faults.add(place, code, why);
        }
        for referrer in referrers::load_referrers(connection, &item.id)? {
            referrers::authorize(connection, context, &referrer, collections)?;
            referring.insert(referrer.id);
        }
    }
    if !faults.is_empty() {
        let detail = "the items cannot be merged now; see errors";
        return Err(Problem::new(ProblemKind::Conflict, detail).with_violations(faults.into_vec()));
    }
    if referring.len() > MOST_REFERRERS {
        return Err(referrers::too_many());
    }
    Ok(all)
}

/// Finds the items that a request names.
fn find_all(connection: &mut Db, target: &Item, from: &[String]) -> Result<Vec<MergedItem>, Problem> {
    let content_type = content_type_of(target)?;
    let (mut all, mut faults) = (Vec::<MergedItem>::new(), Violations::new());
    for (index, key) in from.iter().enumerate() {
        let place = format!("/from/{index}");
        match find(connection, content_type, key) {
            Ok(item) if item.id == target.id => {
                faults.add(place, "not_allowed", "an item cannot be merged into itself");
            }
            Ok(item) if all.iter().any(|other| other.item.id == item.id) => {
                faults.add(place, "duplicate", "must not repeat an earlier entry");
            }
            Ok(item) => all.push(MergedItem { item, place }),
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                faults.add(place, "dangling_reference", format!("there is no {} \"{key}\"", content_type.noun));
            }
            Err(problem) => return Err(problem),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(Problem::invalid(faults)) }
}

/// Returns the reasons for which the state of an item does not allow it to be merged.
fn refusals(connection: &mut Db, target: &Item, item: &Item) -> Result<Vec<(&'static str, String)>, Problem> {
    if let Some(merge) = record::find(connection, &item.id)? {
        return Ok(vec![("conflict", format!("is merged into {} already", merge.target_id))]);
    }
    if item.trashed_at != 0 {
        return Ok(vec![("conflict", "is in the trash; restore it first".to_owned())]);
    }
    let mut reasons = Vec::new();
    if item.live && !target.live {
        let why = "is public, and the item into which it is merged is not: references would show nothing";
        reasons.push(("not_published", why.to_owned()));
    }
    if !schedule::load_schedules(connection, &item.id)?.is_empty() {
        reasons.push(("conflict", "has a schedule, which a merge would end; remove it first".to_owned()));
    }
    for release in references::releases_with(connection, &item.id)? {
        reasons.push(("in_use", format!("the release \"{}\" contains it", release.name)));
    }
    Ok(reasons)
}
