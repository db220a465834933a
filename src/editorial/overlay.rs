//! What the plans make of the site until a moment. They are carried out by the clock's own code in a sandbox
//! (`database::sandbox`), so that a preview and the clock cannot disagree; what came of them stays there, over
//! what is stored, for as long as nothing changes on which it depends.

use std::collections::{HashMap, HashSet};

use diesel::dsl::{max, min};
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::{clock, derive, working};
use crate::content::Site;
use crate::content::fault::Faults;
use crate::content::translations::Translations;
use crate::database::schema::{items, release_items, releases, schedules};
use crate::database::touched::{Followed, Touched};
use crate::database::{Db, any_of, sandbox};
use crate::items::Item;
use crate::problem::Problem;
use crate::resources::{ALL, Resource};

/// The most plans that a look ahead carries out; one further ahead is refused.
const MOST_PLANS: usize = 5_000;
/// Plans, or items, at a time.
const BATCH: usize = 500;
/// Of so many times 2,000 writes at most an overlay is asked whether it is right still. That takes a small part of
/// the time in which it is made anew, during which as much is written as before.
const PAGES: usize = 50;
/// The longest way up from an item to those that it is filed under.
const MOST_ABOVE: usize = 100;

/// The moments from one plan to the next (µs): at all of them the same plans are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When the last of the plans is due.
    pub from: i64,
    /// When the next one is.
    pub until: i64,
}

impl Span {
    /// The span in which a moment lies; none before the first plan.
    pub fn around(connection: &mut Db, moment: i64) -> QueryResult<Option<Self>> {
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

    /// Whether a moment lies in it.
    pub fn contains(&self, moment: i64) -> bool {
        self.from <= moment && moment < self.until
    }
}

/// What plans ask of an item that they do not change: whether the public sees it, and what it is filed under.
type Facts = (bool, Option<String>);

/// What was made of the site in a sandbox.
#[derive(Debug)]
pub struct Overlay {
    span: Span,
    followed: Followed,
    /// The items that were planned, and those that changed.
    own: HashSet<String>,
    /// What else decided over that; none for what is not there.
    others: HashMap<String, Option<Facts>>,
}

impl Overlay {
    /// Carries out all that is due by `moment` (µs), in a sandbox that is clear.
    ///
    /// # Errors
    /// Fails where too many plans are due by then.
    pub fn make(connection: &mut Db, site: &Site, moment: i64) -> Result<Self, Problem> {
        let (followed, _) = Followed::default().look(connection)?;
        let span = Span::around(connection, moment)?.unwrap_or(Span { from: moment, until: moment + 1 });
        let mut own = planned(connection, moment)?;
        let mut others = targets(connection, site, &own)?;
        carry_out(connection, site, moment)?;
        own.extend(sandbox::changed_items(connection)?);
        others.retain(|id, _| !own.contains(id));
        Ok(Self { span, followed, own, others })
    }

    /// The moments for which it is right.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Whether it is right for this moment still, by what the journal tells since it was last asked.
    pub fn is_right(&mut self, connection: &mut Db, moment: i64) -> QueryResult<bool> {
        let (followed, touched) = self.followed.look_far(connection, PAGES)?;
        let Touched::Items(touched) = touched else { return Ok(false) };
        if touched.iter().any(|(kind, id)| kind == "release" || self.own.contains(id)) {
            return Ok(false);
        }
        if !touched.is_empty() && !self.is_beside(connection, &touched)? {
            return Ok(false);
        }
        self.followed = followed;
        Ok(self.span.contains(moment))
    }

    /// Whether it stays right though these were touched, which are none of its own: what decided over it does
    /// so still, none of these is shown with an item that plans change, and none is planned itself by now. What
    /// was planned for later ends its span.
    fn is_beside(&mut self, connection: &mut Db, touched: &[(String, String)]) -> QueryResult<bool> {
        let dialect = connection.dialect();
        let ids: Vec<&str> = touched.iter().map(|(_, id)| id.as_str()).collect();
        let others = ids.iter().filter(|id| self.others.contains_key(**id)).copied();
        for (id, now) in facts(connection, others)? {
            if self.others.get(&id) != Some(&now) {
                return Ok(false);
            }
        }
        let with_parent: Vec<&str> = ALL.iter().filter_map(|resource| Some(resource.children?.kind)).collect();
        let below = touched.iter().filter(|(kind, _)| with_parent.contains(&kind.as_str()));
        let parents = facts(connection, below.map(|(_, id)| id.as_str()))?.into_values().flatten();
        if parents.filter_map(|(_, parent)| parent).any(|parent| self.own.contains(&parent)) {
            return Ok(false);
        }
        let plans = schedules::table.filter(any_of(dialect, schedules::item_id, &ids));
        let due: Option<i64> = plans.select(min(schedules::due_at)).first(connection)?;
        let due = due.unwrap_or(i64::MAX);
        self.span.until = self.span.until.min(due);
        Ok(due > self.span.from)
    }
}

/// What plans would ask of these items.
fn facts<'a>(
    connection: &mut Db,
    ids: impl IntoIterator<Item = &'a str>,
) -> QueryResult<HashMap<String, Option<Facts>>> {
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut facts: HashMap<String, Option<Facts>> = ids.iter().map(|id| ((*id).to_owned(), None)).collect();
    for some in ids.chunks(BATCH) {
        let rows = items::table.filter(any_of(connection.dialect(), items::id, some));
        let rows: Vec<(String, bool, Option<String>)> =
            rows.select((items::id, items::live, items::parent_id)).load(connection)?;
        facts.extend(rows.into_iter().map(|(id, live, parent)| (id, Some((live, parent)))));
    }
    Ok(facts)
}

/// The items for which something is planned by then.
fn planned(connection: &mut Db, moment: i64) -> QueryResult<HashSet<String>> {
    let single = schedules::table.filter(schedules::due_at.le(moment)).select(schedules::item_id);
    let together = release_items::table
        .inner_join(releases::table.on(releases::id.eq(release_items::release_id)))
        .filter(releases::status.eq("scheduled").and(releases::due_at.le(moment)))
        .select(release_items::item_id);
    let mut ids: HashSet<String> = single.load::<String>(connection)?.into_iter().collect();
    ids.extend(together.load::<String>(connection)?);
    Ok(ids)
}

/// What these items, or their working drafts, refer to, and all that this is filed under.
fn targets(connection: &mut Db, site: &Site, own: &HashSet<String>) -> QueryResult<HashMap<String, Option<Facts>>> {
    let (all, mut next): (Vec<&String>, HashSet<String>) = (own.iter().collect(), HashSet::new());
    for some in all.chunks(BATCH) {
        let rows = items::table.filter(any_of(connection.dialect(), items::id, some));
        let rows: Vec<Item> = rows.select(Item::as_select()).load(connection)?;
        let drafts = working::of_all(connection, &rows)?;
        for item in &rows {
            let Some(resource) = Resource::of_kind(&item.kind) else { continue };
            let texts = [Some(item.content()), drafts.get(&item.id).map(working::WorkingDraft::content)];
            for content in texts.into_iter().flatten() {
                let links = derive::links(&item.id, resource, &content, &Translations::default(), site);
                next.extend(links.into_iter().map(|link| link.target_id));
            }
        }
    }
    let mut found: HashMap<String, Option<Facts>> = HashMap::new();
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

/// Does what is due by then. What only might happen is not told to the log.
fn carry_out(connection: &mut Db, site: &Site, moment: i64) -> Result<(), Problem> {
    tracing::dispatcher::with_default(&tracing::Dispatch::none(), || {
        let mut done = 0;
        loop {
            let count = clock::run_due(connection, site, moment, BATCH as i64)?;
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
    let why = format!("more than {MOST_PLANS} plans are due before this moment");
    Problem::bad_request(Faults::one("?at", "too_far", why))
}
