//! Resolution of the conditions of a query into a selection of items: the items that they name are looked up.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use crate::content_types::{Column, ContentType, FilterTarget, Through};
use crate::database::schema::{item_words, items, links};
use crate::database::statement::Term;
use crate::database::{Db, Dialect, in_list, now, unindexed};
use crate::delivery::cache::item_cache::CacheScope;
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::query::{Compare, Condition, ListQuery, Quantity, Status, When};
use crate::delivery::sql::geo;
use crate::delivery::sql::predicates::{Query, ResolvedCondition, narrow};
use crate::delivery::sql::text_match::{MAX_NAMED_MATCHES, too_expensive};
use crate::delivery::viewer::Viewer;
use crate::items::{self as stored, Among};
use crate::problem::Problem;

/// Maximum number of items that are collected and then sorted. If there are more, each item is tested as it
/// comes in the order of the page, so that the page ends early.
const MAX_COLLECTED: i64 = 2_000;

/// Resolves a condition that needs no database access; `None` for any other. A `when` becomes bounds on
/// times. The bound of `past` on the start adds nothing to that on the end, but leads to an index.
fn plain(condition: &Condition, at: i64) -> Option<Vec<ResolvedCondition>> {
    let bounds: &[(Column, Compare)] = match condition {
        Condition::When(When::Upcoming) => &[(Column::StartsAt, Compare::Gt)],
        Condition::When(When::Ongoing) => &[(Column::StartsAt, Compare::Lte), (Column::EndsAt, Compare::Gt)],
        Condition::When(When::Past) => &[(Column::EndsAt, Compare::Lte), (Column::StartsAt, Compare::Lte)],
        Condition::Time(..)
        | Condition::Values(
            FilterTarget::Ids | FilterTarget::Slug | FilterTarget::Country | FilterTarget::Variant(_),
            ..,
        ) => {
            return Some(vec![ResolvedCondition::Plain(condition.clone())]);
        }
        Condition::Values(..) | Condition::Near { .. } => return None,
    };
    Some(
        bounds
            .iter()
            .map(|(column, compare)| ResolvedCondition::Plain(Condition::Time(*column, *compare, at)))
            .collect(),
    )
}

/// Resolves a condition: slugs become ids, and a filter on related items becomes the ids of those that match.
fn resolve(
    connection: &mut Db,
    condition: &Condition,
    (viewer, at, reach): (&Viewer, i64, Extent),
    shelf: CacheScope<'_>,
    out: &mut Vec<ResolvedCondition>,
) -> Result<(), Problem> {
    if let Some(plain) = plain(condition, at) {
        out.extend(plain);
        return Ok(());
    }
    let (on, quantity, given) = match condition {
        Condition::Values(on, quantity, given) => (on, *quantity, given),
        Condition::Near { relation, around } => {
            let ids = geo::items_near(connection, around)?;
            out.push(match relation {
                Some(relation) => refers(connection, relation, ids, false, reach)?,
                None => ResolvedCondition::Among { ids, none: false },
            });
            return Ok(());
        }
        Condition::Time(..) | Condition::When(_) => return Ok(()),
    };
    let none = quantity == Quantity::None;
    // An item has all of the values if it has each of them.
    let groups: Vec<&[String]> = match quantity {
        Quantity::All => given.chunks(1).collect(),
        Quantity::Any | Quantity::None => vec![given.as_slice()],
    };
    for given in groups {
        let mut ids = |kind: &str| -> QueryResult<Vec<String>> {
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            let found = stored::ids_of(connection, kind, &given, viewer.among(kind))?;
            // Only such lists can be resolved from the cache alone: see `Selection::known`.
            if matches!(on, FilterTarget::Parent(_))
                || (matches!(on, FilterTarget::Refers { .. }) && reach == Extent::ByStart)
            {
                found.iter().for_each(|(name, id)| shelf.learn(kind, name, id));
            }
            Ok(found.into_iter().map(|(_, id)| id).collect())
        };
        out.push(match on {
            FilterTarget::Parent(kind) => ResolvedCondition::Parent { ids: ids(kind)?, none },
            FilterTarget::Refers { relation, target, .. } => {
                let ids = ids(target)?;
                refers(connection, relation, ids, none, reach)?
            }
            FilterTarget::ReferredBy { relation, source } => {
                ResolvedCondition::ReferredBy { relation, ids: ids(source)?, none }
            }
            FilterTarget::Word(word) => {
                let usual = given.iter().any(|value| Some(value.as_str()) == word.usual);
                let written = item_words::table.filter(item_words::field.eq(word.field));
                let written = written.filter(in_list(connection.dialect(), item_words::value, given));
                let beyond = written.select(item_words::item_id).offset(MAX_COLLECTED).limit(1);
                let counted = !usual && !none && reach != Extent::All;
                let common = counted && !beyond.load::<String>(connection)?.is_empty();
                ResolvedCondition::Word { field: word.field, values: given.to_vec(), usual, common, none }
            }
            FilterTarget::Through(through) => {
                let ids = like(connection, through, given, (viewer, at), shelf)?;
                refers(connection, through.relation, ids, none, reach)?
            }
            _ => continue,
        });
    }
    Ok(())
}

/// Resolves a filter on a relation. Where the plan depends on it, counts first whether many items refer to
/// these.
fn refers(
    connection: &mut Db,
    relation: &'static str,
    ids: Vec<String>,
    none: bool,
    reach: Extent,
) -> QueryResult<ResolvedCondition> {
    let common = match reach {
        Extent::All => false,
        Extent::ByStart if is_tie(&ids, none) => true,
        Extent::ByStart | Extent::Page => {
            let ties = links::table.filter(links::relation.eq(relation));
            let ties = ties.filter(in_list(connection.dialect(), links::target_id, &ids)).select(links::source_id);
            !none && !ties.offset(MAX_COLLECTED).limit(1).load::<String>(connection)?.is_empty()
        }
    };
    Ok(ResolvedCondition::Refers { relation, ids, common, none })
}

/// Returns the related items that match a filter, if they are few enough to be named.
fn like(
    connection: &mut Db,
    through: &Through,
    given: &[String],
    (viewer, at): (&Viewer, i64),
    shelf: CacheScope<'_>,
) -> Result<Vec<String>, Problem> {
    let (dialect, condition) =
        (connection.dialect(), Condition::Values(through.filter.on, Quantity::Any, given.to_vec()));
    let mut resolved = Vec::new();
    resolve(connection, &condition, (viewer, at, Extent::Page), shelf, &mut resolved)?;
    let mut query = items::table.filter(items::kind.eq(through.target)).into_boxed();
    query = match viewer.among(through.target) {
        Among::Live => query.filter(items::live.eq(true)),
        Among::Present | Among::All => query.filter(items::trashed_at.eq(0)),
    };
    for condition in &resolved {
        query = narrow(query, condition, dialect);
    }
    let ids: Vec<String> = query.select(items::id).limit(MAX_NAMED_MATCHES as i64 + 1).load(connection)?;
    if ids.len() > MAX_NAMED_MATCHES {
        let name = format!("?{}.{}", through.relation.trim_end_matches('s'), through.filter.name);
        return Err(too_expensive(
            &name,
            &format!("more than {MAX_NAMED_MATCHES} {}s match this filter", through.target),
        ));
    }
    Ok(ids)
}

/// Resolved conditions, from which any number of queries can be built.
pub struct Selection {
    kind: &'static str,
    status: Status,
    by_state: bool,
    dialect: Dialect,
    conditions: Vec<ResolvedCondition>,
    reach: Extent,
    untranslated: Option<String>,
    outdated: Option<String>,
}

/// A link that every item of a list has to the same item.
pub struct SharedLink<'a> {
    /// Relation that holds the link.
    pub relation: &'static str,
    /// Id of the item to which it leads.
    pub target: &'a str,
}

/// Part of a selection that a query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// A page in the order of the index of links. The links to a single item need not be counted.
    ByStart,
    /// A page. It ends early, so items are tested in the order of the page, and only few are collected
    /// beforehand.
    Page,
    /// The whole selection, to be counted. Nothing ends early, so whatever leads to it is collected, however
    /// much.
    All,
}

impl Extent {
    fn of(query: &ListQuery) -> Self {
        match query.count || !query.facets.is_empty() {
            true => Extent::All,
            false if query.is_page_by_start() => Extent::ByStart,
            false => Extent::Page,
        }
    }
}

fn is_tie(ids: &[String], none: bool) -> bool {
    !none && ids.len() == 1
}

impl Selection {
    /// Resolves the conditions of a query, with one statement for each filter by reference.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `too_expensive` if a filter on related items, or `near`, matches too many
    /// of them. Fails if a database statement fails.
    pub fn new(
        connection: &mut Db,
        resource: &'static ContentType,
        query: &ListQuery,
        shelf: CacheScope<'_>,
    ) -> Result<Self, Problem> {
        let at = query.at.unwrap_or_else(now);
        let mut conditions = Vec::with_capacity(query.conditions.len());
        for condition in &query.conditions {
            resolve(connection, condition, (&query.shape.viewer, at, Extent::of(query)), shelf, &mut conditions)?;
        }
        Ok(Self::of(connection.dialect(), resource, query, conditions))
    }

    /// Resolves the conditions of a query without database access; `None` if a slug is not cached, or if a
    /// condition needs the database.
    pub fn known(
        dialect: Dialect,
        resource: &'static ContentType,
        query: &ListQuery,
        shelf: CacheScope<'_>,
    ) -> Option<Self> {
        let at = query.at.unwrap_or_else(now);
        let known = |condition: &Condition| match condition {
            Condition::Values(FilterTarget::Parent(kind), Quantity::Any, given) => {
                let ids = given.iter().map(|name| shelf.id_of(kind, name)).collect::<Option<Vec<_>>>()?;
                Some(vec![ResolvedCondition::Parent { ids, none: false }])
            }
            Condition::Values(FilterTarget::Refers { relation, target, .. }, Quantity::Any, given)
                if given.len() == 1 && Extent::of(query) == Extent::ByStart =>
            {
                let ids = vec![shelf.id_of(target, &given[0])?];
                Some(vec![ResolvedCondition::Refers { relation, ids, common: true, none: false }])
            }
            condition => plain(condition, at),
        };
        let conditions = query.conditions.iter().map(known).collect::<Option<Vec<_>>>()?;
        Some(Self::of(dialect, resource, query, conditions.concat()))
    }

    fn of(
        dialect: Dialect,
        resource: &'static ContentType,
        query: &ListQuery,
        conditions: Vec<ResolvedCondition>,
    ) -> Self {
        Self {
            kind: resource.kind,
            status: query.status.clone(),
            by_state: query.shape.viewer.edits(resource.kind),
            dialect,
            conditions,
            reach: Extent::of(query),
            untranslated: query.untranslated.as_ref().map(|locale| format!("%,{locale},%")),
            outdated: query.outdated.as_ref().map(|locale| format!("%,{locale},%")),
        }
    }

    /// Returns the query for the items that meet all conditions.
    pub fn query(&self) -> Query<'_> {
        self.query_behind(None)
    }

    /// Returns the query for a page that starts at a value of its first sort column; the flag tells whether
    /// the column descends. A bound that the start implies is left out: of two bounds on a column, SQLite
    /// would seek by the weaker one and walk through all pages before this one.
    pub fn query_behind(&self, start: Option<(Column, bool, &KeyValue)>) -> Query<'_> {
        let all = items::table.into_boxed();
        let named = self.conditions.iter().any(ResolvedCondition::names_items);
        let all = match self.conditions.iter().any(ResolvedCondition::is_filed) {
            // Only items of one content type are filed under a parent (`plans` tests that), and the index of
            // parents has no column for the content type: a condition on it would read the row of each item.
            true => all,
            // The named ids lead to few items. An index by content type would lead to all of them, and
            // without statistics SQLite might take it.
            false if named => all.filter(unindexed(self.dialect, items::kind, [self.kind])),
            false => all.filter(items::kind.eq(self.kind)),
        };
        self.narrowed(all, |condition| !start.is_some_and(|start| condition.is_said(start)))
    }

    /// Returns the query for those of these items that meet all conditions.
    pub fn among<S: AsRef<str>>(&self, ids: &[S]) -> Query<'_> {
        let kind = unindexed(self.dialect, items::kind, [self.kind]);
        let named = items::table.filter(kind).into_boxed().filter(in_list(self.dialect, items::id, ids));
        self.narrowed(named, |_| true)
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the links that every item of a page has to one item each, if the page is in the order of the
    /// start.
    pub fn ties(&self) -> Vec<SharedLink<'_>> {
        self.conditions.iter().filter_map(|condition| self.as_tie(condition)).collect()
    }

    fn as_tie<'a>(&self, condition: &'a ResolvedCondition) -> Option<SharedLink<'a>> {
        match condition {
            ResolvedCondition::Refers { relation, ids, none, .. }
                if self.reach == Extent::ByStart && is_tie(ids, *none) =>
            {
                Some(SharedLink { relation, target: &ids[0] })
            }
            _ => None,
        }
    }

    /// Returns the query for the item that meets `refers`, if it also meets the conditions other than those
    /// links.
    pub fn at_tie(&self, refers: Term<Bool>) -> Query<'_> {
        let kind = unindexed(self.dialect, items::kind, [self.kind]);
        self.narrowed(items::table.into_boxed().filter(refers).filter(kind), |condition| {
            self.as_tie(condition).is_none()
        })
    }

    /// Returns the bounds on the start of the items, without those that the start of a page implies; `down`
    /// tells whether the page descends.
    pub fn bounds_of_start(&self, down: bool, start: Option<i64>) -> Vec<(Compare, i64)> {
        let start = start.map(KeyValue::Number);
        let start = start.as_ref().map(|value| (Column::StartsAt, down, value));
        let unsaid = self.conditions.iter().filter(|condition| !start.is_some_and(|start| condition.is_said(start)));
        unsaid
            .filter_map(|condition| match condition {
                ResolvedCondition::Plain(Condition::Time(Column::StartsAt, compare, bound)) => Some((*compare, *bound)),
                _ => None,
            })
            .collect()
    }

    /// Adds the status and those conditions for which `tested` holds.
    fn narrowed<'a>(&'a self, mut query: Query<'a>, tested: impl Fn(&ResolvedCondition) -> bool) -> Query<'a> {
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
