//! From the conditions of a query to a selection of items: what they name is looked up.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use super::cards::Shelf;
use super::cursor::KeyValue;
use super::narrow::{Query, Resolved, narrow};
use super::near;
use super::query::{Compare, Condition, ListQuery, Quantity, Status, When};
use super::search::{FEW, too_dear};
use super::viewer::Viewer;
use crate::database::schema::{item_words, items, links};
use crate::database::statement::Term;
use crate::database::{Db, Dialect, any_of, by_the_way, now};
use crate::items::{self as stored, Among};
use crate::problem::Problem;
use crate::resources::{Column, On, Resource, Through};

/// Up to so many items are collected, and then put in order; of more, each is tested as they come in
/// order, so that a page stops early.
const RARE: i64 = 2_000;

/// What needs no question to the database. What lies around now is bounds of time like any other; that of
/// `past` on the start says nothing new, but leads to an index.
fn plain(condition: &Condition, at: i64) -> Option<Vec<Resolved>> {
    let bounds: &[(Column, Compare)] = match condition {
        Condition::When(When::Upcoming) => &[(Column::StartsAt, Compare::Gt)],
        Condition::When(When::Ongoing) => &[(Column::StartsAt, Compare::Lte), (Column::EndsAt, Compare::Gt)],
        Condition::When(When::Past) => &[(Column::EndsAt, Compare::Lte), (Column::StartsAt, Compare::Lte)],
        Condition::Time(..) | Condition::Values(On::Ids | On::Slug | On::Country | On::Variant(_), ..) => {
            return Some(vec![Resolved::Plain(condition.clone())]);
        }
        Condition::Values(..) | Condition::Near { .. } => return None,
    };
    Some(bounds.iter().map(|(column, compare)| Resolved::Plain(Condition::Time(*column, *compare, at))).collect())
}

/// Puts conditions into words of the database: slugs become ids, what is like something becomes which
/// items these are.
fn resolve(
    connection: &mut Db,
    condition: &Condition,
    (viewer, at, reach): (&Viewer, i64, Reach),
    shelf: Shelf<'_>,
    out: &mut Vec<Resolved>,
) -> Result<(), Problem> {
    if let Some(plain) = plain(condition, at) {
        out.extend(plain);
        return Ok(());
    }
    let (on, quantity, given) = match condition {
        Condition::Values(on, quantity, given) => (on, *quantity, given),
        Condition::Near { relation, around } => {
            let ids = near::items_near(connection, around)?;
            out.push(match relation {
                Some(relation) => refers(connection, relation, ids, false, reach)?,
                None => Resolved::Among { ids, none: false },
            });
            return Ok(());
        }
        Condition::Time(..) | Condition::When(_) => return Ok(()),
    };
    let none = quantity == Quantity::None;
    // To have all of some is to have each.
    let groups: Vec<&[String]> = match quantity {
        Quantity::All => given.chunks(1).collect(),
        Quantity::Any | Quantity::None => vec![given.as_slice()],
    };
    for given in groups {
        let mut ids = |kind: &str| -> QueryResult<Vec<String>> {
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            let found = stored::ids_of(connection, kind, &given, viewer.among(kind))?;
            // Only such lists can do without a question for what they name: see `Selection::known`.
            if matches!(on, On::Parent(_)) || (matches!(on, On::Refers { .. }) && reach == Reach::ByStart) {
                found.iter().for_each(|(name, id)| shelf.learn(kind, name, id));
            }
            Ok(found.into_iter().map(|(_, id)| id).collect())
        };
        out.push(match on {
            On::Parent(kind) => Resolved::Parent { ids: ids(kind)?, none },
            On::Refers { relation, target, .. } => {
                let ids = ids(target)?;
                refers(connection, relation, ids, none, reach)?
            }
            On::ReferredBy { relation, source } => Resolved::ReferredBy { relation, ids: ids(source)?, none },
            On::Word(word) => {
                let usual = given.iter().any(|value| Some(value.as_str()) == word.usual);
                let written = item_words::table.filter(item_words::field.eq(word.field));
                let written = written.filter(any_of(connection.dialect(), item_words::value, given));
                let beyond = written.select(item_words::item_id).offset(RARE).limit(1);
                let counted = !usual && !none && reach != Reach::All;
                let common = counted && !beyond.load::<String>(connection)?.is_empty();
                Resolved::Word { field: word.field, values: given.to_vec(), usual, common, none }
            }
            On::Through(through) => {
                let ids = like(connection, through, given, (viewer, at), shelf)?;
                refers(connection, through.relation, ids, none, reach)?
            }
            _ => continue,
        });
    }
    Ok(())
}

/// What refers to these; whether that is much is counted first, where it matters.
fn refers(
    connection: &mut Db,
    relation: &'static str,
    ids: Vec<String>,
    none: bool,
    reach: Reach,
) -> QueryResult<Resolved> {
    let common = match reach {
        Reach::All => false,
        Reach::ByStart if is_tie(&ids, none) => true,
        Reach::ByStart | Reach::Page => {
            let ties = links::table.filter(links::relation.eq(relation));
            let ties = ties.filter(any_of(connection.dialect(), links::target_id, &ids)).select(links::source_id);
            !none && !ties.offset(RARE).limit(1).load::<String>(connection)?.is_empty()
        }
    };
    Ok(Resolved::Refers { relation, ids, common, none })
}

/// The items that a relation's filter selects, if they are not too many.
fn like(
    connection: &mut Db,
    through: &Through,
    given: &[String],
    (viewer, at): (&Viewer, i64),
    shelf: Shelf<'_>,
) -> Result<Vec<String>, Problem> {
    let (dialect, condition) =
        (connection.dialect(), Condition::Values(through.filter.on, Quantity::Any, given.to_vec()));
    let mut resolved = Vec::new();
    resolve(connection, &condition, (viewer, at, Reach::Page), shelf, &mut resolved)?;
    let mut query = items::table.filter(items::kind.eq(through.target)).into_boxed();
    query = match viewer.among(through.target) {
        Among::Live => query.filter(items::live.eq(true)),
        Among::Present | Among::All => query.filter(items::trashed_at.eq(0)),
    };
    for condition in &resolved {
        query = narrow(query, condition, dialect);
    }
    let ids: Vec<String> = query.select(items::id).limit(FEW as i64 + 1).load(connection)?;
    if ids.len() > FEW {
        let name = format!("?{}.{}", through.relation.trim_end_matches('s'), through.filter.name);
        return Err(too_dear(&name, &format!("more than {FEW} {}s are like that", through.target)));
    }
    Ok(ids)
}

/// Conditions ready to be put into queries, as often as needed.
pub struct Selection {
    kind: &'static str,
    status: Status,
    by_state: bool,
    dialect: Dialect,
    conditions: Vec<Resolved>,
    reach: Reach,
    untranslated: Option<String>,
    outdated: Option<String>,
}

/// An item that everything in a list refers to.
pub struct Tie<'a> {
    /// In which field.
    pub relation: &'static str,
    /// Its id.
    pub target: &'a str,
}

/// How much of a selection is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A page in the order in which ties are found too: of those to one item, nobody has to know how many they are.
    ByStart,
    /// A page: it ends early, so that much is tested as it comes and little is collected first.
    Page,
    /// All of it, to be counted: what leads to it is collected, however much it is.
    All,
}

impl Reach {
    fn of(query: &ListQuery) -> Self {
        match query.count || !query.facets.is_empty() {
            true => Reach::All,
            false if query.is_page_by_start() => Reach::ByStart,
            false => Reach::Page,
        }
    }
}

fn is_tie(ids: &[String], none: bool) -> bool {
    !none && ids.len() == 1
}

impl Selection {
    /// Resolves what the conditions refer to; one query for each filter by reference.
    pub fn new(
        connection: &mut Db,
        resource: &'static Resource,
        query: &ListQuery,
        shelf: Shelf<'_>,
    ) -> Result<Self, Problem> {
        let at = query.at.unwrap_or_else(now);
        let mut conditions = Vec::with_capacity(query.conditions.len());
        for condition in &query.conditions {
            resolve(connection, condition, (&query.shape.viewer, at, Reach::of(query)), shelf, &mut conditions)?;
        }
        Ok(Self::of(connection.dialect(), resource, query, conditions))
    }

    /// The same without a question to the database, where what the conditions name is known.
    pub fn known(dialect: Dialect, resource: &'static Resource, query: &ListQuery, shelf: Shelf<'_>) -> Option<Self> {
        let at = query.at.unwrap_or_else(now);
        let known = |condition: &Condition| match condition {
            Condition::Values(On::Parent(kind), Quantity::Any, given) => {
                let ids = given.iter().map(|name| shelf.id_of(kind, name)).collect::<Option<Vec<_>>>()?;
                Some(vec![Resolved::Parent { ids, none: false }])
            }
            Condition::Values(On::Refers { relation, target, .. }, Quantity::Any, given)
                if given.len() == 1 && Reach::of(query) == Reach::ByStart =>
            {
                let ids = vec![shelf.id_of(target, &given[0])?];
                Some(vec![Resolved::Refers { relation, ids, common: true, none: false }])
            }
            condition => plain(condition, at),
        };
        let conditions = query.conditions.iter().map(known).collect::<Option<Vec<_>>>()?;
        Some(Self::of(dialect, resource, query, conditions.concat()))
    }

    fn of(dialect: Dialect, resource: &'static Resource, query: &ListQuery, conditions: Vec<Resolved>) -> Self {
        Self {
            kind: resource.kind,
            status: query.status.clone(),
            by_state: query.shape.viewer.edits(resource.kind),
            dialect,
            conditions,
            reach: Reach::of(query),
            untranslated: query.untranslated.as_ref().map(|locale| format!("%,{locale},%")),
            outdated: query.outdated.as_ref().map(|locale| format!("%,{locale},%")),
        }
    }

    /// The items that fulfil all conditions.
    pub fn query(&self) -> Query<'_> {
        self.query_behind(None)
    }

    /// The same for a page that begins at a value of its first sort key (and whether that goes down). What
    /// this says already is not said again: SQLite would look for the weaker of two bounds, and go through
    /// all pages before.
    pub fn query_behind(&self, start: Option<(Column, bool, &KeyValue)>) -> Query<'_> {
        let all = items::table.into_boxed();
        let named = self.conditions.iter().any(Resolved::names_items);
        let all = match self.conditions.iter().any(Resolved::is_filed) {
            // Under one kind only items of one kind are filed, and the index of these knows no kinds.
            true => all,
            false if named => all.filter(by_the_way(self.dialect, items::kind, [self.kind])),
            false => all.filter(items::kind.eq(self.kind)),
        };
        self.narrowed(all, |condition| !start.is_some_and(|start| condition.is_said(start)))
    }

    /// Those of these items that fulfil all conditions.
    pub fn among<S: AsRef<str>>(&self, ids: &[S]) -> Query<'_> {
        let kind = by_the_way(self.dialect, items::kind, [self.kind]);
        let named = items::table.filter(kind).into_boxed().filter(any_of(self.dialect, items::id, ids));
        self.narrowed(named, |_| true)
    }

    /// For which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The ties to one item each that all items of a page have, where it has their order.
    pub fn ties(&self) -> Vec<Tie<'_>> {
        self.conditions.iter().filter_map(|condition| self.as_tie(condition)).collect()
    }

    fn as_tie<'a>(&self, condition: &'a Resolved) -> Option<Tie<'a>> {
        match condition {
            Resolved::Refers { relation, ids, none, .. } if self.reach == Reach::ByStart && is_tie(ids, *none) => {
                Some(Tie { relation, target: &ids[0] })
            }
            _ => None,
        }
    }

    /// The item that `refers`, at a tie, if it fulfils the other conditions.
    pub fn at_tie(&self, refers: Term<Bool>) -> Query<'_> {
        let kind = by_the_way(self.dialect, items::kind, [self.kind]);
        self.narrowed(items::table.into_boxed().filter(refers).filter(kind), |condition| {
            self.as_tie(condition).is_none()
        })
    }

    /// Between what the items start, beside what a page says that begins there and goes up or down.
    pub fn bounds_of_start(&self, down: bool, start: Option<i64>) -> Vec<(Compare, i64)> {
        let start = start.map(KeyValue::Number);
        let start = start.as_ref().map(|value| (Column::StartsAt, down, value));
        let unsaid = self.conditions.iter().filter(|condition| !start.is_some_and(|start| condition.is_said(start)));
        unsaid
            .filter_map(|condition| match condition {
                Resolved::Plain(Condition::Time(Column::StartsAt, compare, bound)) => Some((*compare, *bound)),
                _ => None,
            })
            .collect()
    }

    /// By the conditions of which `tested` holds.
    fn narrowed<'a>(&'a self, mut query: Query<'a>, tested: impl Fn(&Resolved) -> bool) -> Query<'a> {
        query = match (&self.status, self.by_state) {
            (Status::Live, _) | (_, false) => query.filter(items::live.eq(true)),
            (Status::Any, _) => query.filter(items::trashed_at.eq(0)),
            (Status::Trashed, _) => query.filter(items::trashed_at.gt(0)),
            (status, _) => by_state(query.filter(items::trashed_at.eq(0)), status),
        };
        if let Some(locale) = &self.untranslated {
            query = query.filter(items::untranslated.like(locale));
        }
        if let Some(locale) = &self.outdated {
            query = query.filter(items::outdated.like(locale));
        }
        for condition in self.conditions.iter().filter(|condition| tested(condition)) {
            query = narrow(query, condition, self.dialect);
        }
        query
    }
}

fn by_state<'a>(query: Query<'a>, status: &'a Status) -> Query<'a> {
    match status {
        Status::Draft => query.filter(items::status.eq("draft").and(items::stage.eq("draft"))),
        Status::Stage(stage) => query.filter(items::stage.eq(*stage)).filter(stored::staged()),
        Status::Changed => query.filter(items::draft_version.gt(0)),
        Status::Archived => query.filter(items::status.eq("archived")),
        Status::Live | Status::Any | Status::Trashed => query,
    }
}
