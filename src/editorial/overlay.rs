//! The overlay of a preview: the state of the site at a future time.
//!
//! The plans that are due by then are carried out by the scheduler's own code in a sandbox
//! (`database::sandbox`), a connection whose writes stay in temporary tables over the stored ones. So a
//! preview and the scheduler cannot disagree, and every query sees the future state without knowing of it.
//! Merging planned changes into the result of each query would need a second implementation of every filter,
//! order and count.
//!
//! An overlay is valid for all times until the next plan ([`PlanSpan`]), and for as long as nothing changes on
//! which its plans depend. [`Overlay::is_right`] decides that from the journal.

use std::collections::{HashMap, HashSet};

use diesel::dsl::{max, min};
use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::content::translations::Translations;
use crate::content::violation::Violations;
use crate::content_types::{ALL, ContentType};
use crate::database::journal_tail::{JournalChanges, JournalTail};
use crate::database::schema::{items, release_items, releases, schedules};
use crate::database::{Db, in_list, sandbox};
use crate::editorial::due_plans;
use crate::items::Item;
use crate::items::{projection, working_draft};
use crate::problem::Problem;

/// Maximum number of plans that a preview carries out; previews with more are refused.
const MOST_PLANS: usize = 5_000;
/// Number of plans, or of items, that are processed together.
const BATCH: usize = 500;
/// The validity of an overlay is checked against at most this many pages of 2,000 journal entries. Reading them takes a
/// small part of the time in which the overlay is built anew, during which as much is written as before.
const PAGES: usize = 50;
/// Maximum number of levels from an item up to the root of its tree.
const MOST_ABOVE: usize = 100;

/// The time span from one plan to the next (µs). The same plans are due at all times in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanSpan {
    /// Due time of the last plan that is carried out, inclusive.
    pub from: i64,
    /// Due time of the next plan, exclusive.
    pub until: i64,
}

impl PlanSpan {
    /// Returns the span that contains a time, or `None` if no plan is due by then.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn find(connection: &mut Db, moment: i64) -> QueryResult<Option<Self>> {
        let planned = releases::table.filter(releases::status.eq("scheduled"));
        let (due, released) = (schedules::due_at, releases::due_at);
        let last: [Option<i64>; 2] = [
            schedules::table.filter(due.le(moment)).select(max(due)).first(connection)?,
            planned.filter(released.le(moment)).select(max(released)).first(connection)?,
        ];
        let Some(from) = last.into_iter().flatten().max() else { return Ok(None) };
        let next: [Option<i64>; 2] = [
            schedules::table.filter(due.gt(moment)).select(min(due)).first(connection)?,
            planned.filter(released.gt(moment)).select(min(released)).first(connection)?,
        ];
        Ok(Some(Self { from, until: next.into_iter().flatten().min().unwrap_or(i64::MAX) }))
    }

    /// Returns whether the span contains a time.
    pub fn contains(&self, moment: i64) -> bool {
        self.from <= moment && moment < self.until
    }
}

/// The properties of an unplanned item on which the outcome of plans depends: whether the item is visible to
/// the public, and the id of its parent.
type UnplannedState = (bool, Option<String>);

/// The result of carrying out plans in a sandbox, with everything that it depends on.
#[derive(Debug)]
pub struct Overlay {
    span: PlanSpan,
    followed: JournalTail,
    /// The ids of the items that have plans, and of those that the plans changed.
    own: HashSet<String>,
    /// The other items on which the outcome depends; `None` for an id that does not exist.
    others: HashMap<String, Option<UnplannedState>>,
}

impl Overlay {
    /// Carries out all plans that are due by `moment` (µs) in an empty sandbox.
    ///
    /// # Errors
    ///
    /// Fails with `BadRequest` if too many plans are due by then, and if a statement fails.
    pub fn make(connection: &mut Db, site: &Site, moment: i64) -> Result<Self, Problem> {
        // The journal's position, the span and the dependencies are read before the plans are carried out,
        // which removes them from the sandbox's tables. All reads see one state of the database, since the
        // transaction is a snapshot, so no later write can be missed.
        let (followed, _) = JournalTail::default().look(connection)?;
        let span = PlanSpan::find(connection, moment)?.unwrap_or(PlanSpan { from: moment, until: moment + 1 });
        let mut own = load_planned_ids(connection, moment)?;
        let mut others = targets(connection, site, &own)?;
        carry_out(connection, site, moment)?;
        own.extend(sandbox::changed_items(connection)?);
        others.retain(|id, _| !own.contains(id));
        Ok(Self { span, followed, own, others })
    }

    /// Returns the times for which the overlay is valid.
    pub fn span(&self) -> PlanSpan {
        self.span
    }

    /// Returns whether the overlay is still valid for `moment`, given the journal entries since the last
    /// call.
    ///
    /// It must be called in the transaction in which the caller reads: the answer holds for the state of the
    /// database that this transaction sees, whichever node wrote it.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn is_right(&mut self, connection: &mut Db, moment: i64) -> QueryResult<bool> {
        let (followed, touched) = self.followed.look_far(connection, PAGES)?;
        let JournalChanges::Items(touched) = touched else { return Ok(false) };
        if touched.iter().any(|(kind, id)| kind == "release" || self.own.contains(id)) {
            return Ok(false);
        }
        if !touched.is_empty() && !self.is_beside(connection, &touched)? {
            return Ok(false);
        }
        self.followed = followed;
        Ok(self.span.contains(moment))
    }

    /// Returns whether the overlay stays valid although these items, none of its own, were written.
    ///
    /// It does if three things hold. Items on which the outcome depends have the same visibility and parent
    /// as before. No written item is the child of an item that the plans change, since it would become
    /// visible or invisible with that one. No written item has a plan that is due by the beginning of the
    /// span; a plan for later only ends the span earlier.
    fn is_beside(&mut self, connection: &mut Db, touched: &[(String, String)]) -> QueryResult<bool> {
        let dialect = connection.dialect();
        let ids: Vec<&str> = touched.iter().map(|(_, id)| id.as_str()).collect();
        let others = ids.iter().filter(|id| self.others.contains_key(**id)).copied();
        for (id, now) in facts(connection, others)? {
            if self.others.get(&id) != Some(&now) {
                return Ok(false);
            }
        }
        let with_parent: Vec<&str> = ALL.iter().filter_map(|content_type| Some(content_type.children?.kind)).collect();
        let below = touched.iter().filter(|(kind, _)| with_parent.contains(&kind.as_str()));
        let parents = facts(connection, below.map(|(_, id)| id.as_str()))?.into_values().flatten();
        if parents.filter_map(|(_, parent)| parent).any(|parent| self.own.contains(&parent)) {
            return Ok(false);
        }
        let plans = schedules::table.filter(in_list(dialect, schedules::item_id, &ids));
        let due: Option<i64> = plans.select(min(schedules::due_at)).first(connection)?;
        let due = due.unwrap_or(i64::MAX);
        self.span.until = self.span.until.min(due);
        Ok(due > self.span.from)
    }
}

/// Loads the [`UnplannedState`] of items; ids that do not exist have none.
fn facts<'a>(
    connection: &mut Db,
    ids: impl IntoIterator<Item = &'a str>,
) -> QueryResult<HashMap<String, Option<UnplannedState>>> {
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut facts: HashMap<String, Option<UnplannedState>> = ids.iter().map(|id| ((*id).to_owned(), None)).collect();
    for some in ids.chunks(BATCH) {
        let rows = items::table.filter(in_list(connection.dialect(), items::id, some));
        let rows: Vec<(String, bool, Option<String>)> =
            rows.select((items::id, items::live, items::parent_id)).load(connection)?;
        facts.extend(rows.into_iter().map(|(id, live, parent)| (id, Some((live, parent)))));
    }
    Ok(facts)
}

/// Loads the ids of the items with plans that are due by `moment`.
fn load_planned_ids(connection: &mut Db, moment: i64) -> QueryResult<HashSet<String>> {
    let single = schedules::table.filter(schedules::due_at.le(moment)).select(schedules::item_id);
    let together = release_items::table
        .inner_join(releases::table.on(releases::id.eq(release_items::release_id)))
        .filter(releases::status.eq("scheduled").and(releases::due_at.le(moment)))
        .select(release_items::item_id);
    let mut ids: HashSet<String> = single.load::<String>(connection)?.into_iter().collect();
    ids.extend(together.load::<String>(connection)?);
    Ok(ids)
}

/// Loads the items that `own` items or their working drafts refer to, and all ancestors of those. A
/// publication checks whether its references are visible, and walks up its ancestors to find circles.
fn targets(
    connection: &mut Db,
    site: &Site,
    own: &HashSet<String>,
) -> QueryResult<HashMap<String, Option<UnplannedState>>> {
    let (all, mut next): (Vec<&String>, HashSet<String>) = (own.iter().collect(), HashSet::new());
    for some in all.chunks(BATCH) {
        let rows = items::table.filter(in_list(connection.dialect(), items::id, some));
        let rows: Vec<Item> = rows.select(Item::as_select()).load(connection)?;
        let drafts = working_draft::find_all(connection, &rows)?;
        for item in &rows {
            let Some(content_type) = ContentType::of_kind(&item.kind) else { continue };
            let texts = [Some(item.content()), drafts.get(&item.id).map(working_draft::WorkingDraft::content)];
            for content in texts.into_iter().flatten() {
                let links = projection::links(&item.id, content_type, &content, &Translations::default(), site);
                next.extend(links.into_iter().map(|link| link.target_id));
            }
        }
    }
    let mut found: HashMap<String, Option<UnplannedState>> = HashMap::new();
    for _ in 0..MOST_ABOVE {
        next.retain(|id| !found.contains_key(id));
        if next.is_empty() {
            break;
        }
        let above = facts(connection, next.iter().map(String::as_str))?;
        next = above.values().flatten().filter_map(|(_, parent)| parent.clone()).collect();
        found.extend(above);
    }
    Ok(found)
}

/// Carries out the plans that are due by `moment`, without log lines: the log reports what happens, not what
/// will.
fn carry_out(connection: &mut Db, site: &Site, moment: i64) -> Result<(), Problem> {
    tracing::dispatcher::with_default(&tracing::Dispatch::none(), || {
        let mut done = 0;
        loop {
            let count = due_plans::run_due(connection, site, moment, BATCH as i64)?;
            done += count;
            if done > MOST_PLANS {
                return Err(too_far());
            }
            if count == 0 {
                return Ok(());
            }
        }
    })
}

fn too_far() -> Problem {
    let why = format!("more than {MOST_PLANS} plans are due before this time");
    Problem::bad_request(Violations::one("?at", "too_far", why))
}
