//! The items that a query selects, from which any number of statements can be built.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::content_types::{Column, ContentType, FilterTarget};
use crate::database::schema::{items, sources};
use crate::database::statement::Term;
use crate::database::{Db, Dialect, in_list, in_list_unindexed, now};
use crate::delivery::cache::item_cache::CacheScope;
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::query::{Compare, Condition, ExternalFilter, ListQuery, Quantity, Status};
use crate::delivery::sql::facets::Facet;
use crate::delivery::sql::predicates::{Query, ResolvedCondition, narrow};
use crate::delivery::sql::resolver::{Extent, Resolver, is_shared_link, resolve_plain};
use crate::delivery::sql::sort_order::absent_value;
use crate::items as stored;
use crate::problem::Problem;

/// Resolved conditions, from which any number of queries can be built.
#[derive(Clone)]
pub struct Selection {
    kind: &'static str,
    status: Status,
    any_status: bool,
    dialect: Dialect,
    conditions: Vec<ResolvedCondition>,
    extent: Extent,
    untranslated: Option<String>,
    outdated: Option<String>,
    external: Option<ExternalFilter>,
}

/// A link that every item of a list has to the same item.
pub struct SharedLink<'a> {
    /// Relation that holds the link.
    pub relation: &'static str,
    /// Id of the item to which it leads.
    pub target: &'a str,
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
        content_type: &'static ContentType,
        query: &ListQuery,
        cache: CacheScope<'_>,
    ) -> Result<Self, Problem> {
        let at = query.at.unwrap_or_else(now);
        let resolver = Resolver { viewer: &query.shape.viewer, at, extent: Extent::of(query), cache };
        let mut conditions = Vec::with_capacity(query.conditions.len());
        for condition in &query.conditions {
            resolver.resolve(connection, condition, &mut conditions)?;
        }
        Ok(Self::of(connection.dialect(), content_type, query, conditions))
    }

    /// Returns the selection whose items a facet counts, if it is another one than this: without the condition
    /// that is a choice among the facet's own values.
    ///
    /// # Errors
    ///
    /// As [`Selection::new`].
    pub fn of_facet(
        &self,
        connection: &mut Db,
        query: &ListQuery,
        cache: CacheScope<'_>,
        facet: Facet,
    ) -> Result<Option<Self>, Problem> {
        let counted = |condition: &&Condition| !facet.is_chosen_by(condition);
        if query.conditions.iter().all(|condition| counted(&condition)) {
            return Ok(None);
        }
        let at = query.at.unwrap_or_else(now);
        let resolver = Resolver { viewer: &query.shape.viewer, at, extent: self.extent, cache };
        let mut conditions = Vec::with_capacity(query.conditions.len());
        for condition in query.conditions.iter().filter(counted) {
            resolver.resolve(connection, condition, &mut conditions)?;
        }
        Ok(Some(Self { conditions, ..self.clone() }))
    }

    /// Resolves the conditions of a query without database access; `None` if a slug is not cached, or if a
    /// condition needs the database.
    pub fn from_cache(
        dialect: Dialect,
        content_type: &'static ContentType,
        query: &ListQuery,
        cache: CacheScope<'_>,
    ) -> Option<Self> {
        let at = query.at.unwrap_or_else(now);
        let resolved = |condition: &Condition| match condition {
            Condition::Values(FilterTarget::Parent(kind), Quantity::Any, given) => {
                let ids = given.iter().map(|name| cache.id_of(kind, name)).collect::<Option<Vec<_>>>()?;
                Some(vec![ResolvedCondition::Parent { ids, none: false }])
            }
            Condition::Values(FilterTarget::Refers { relation, target, .. }, Quantity::Any, given)
                if given.len() == 1 && Extent::of(query) == Extent::ByStart =>
            {
                let ids = vec![cache.id_of(target, &given[0])?];
                Some(vec![ResolvedCondition::Refers { relation, ids, common: true, none: false }])
            }
            condition => resolve_plain(condition, at),
        };
        let conditions = query.conditions.iter().map(resolved).collect::<Option<Vec<_>>>()?;
        Some(Self::of(dialect, content_type, query, conditions.concat()))
    }

    fn of(
        dialect: Dialect,
        content_type: &'static ContentType,
        query: &ListQuery,
        conditions: Vec<ResolvedCondition>,
    ) -> Self {
        Self {
            kind: content_type.kind,
            status: query.status.clone(),
            any_status: query.shape.viewer.edits(content_type.kind),
            dialect,
            conditions,
            extent: Extent::of(query),
            untranslated: query.untranslated.as_ref().map(|locale| format!("%,{locale},%")),
            outdated: query.outdated.as_ref().map(|locale| format!("%,{locale},%")),
            external: query.external.clone(),
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
        let all = match self.conditions.iter().any(ResolvedCondition::names_parents) {
            // Only items of one content type are filed under a parent (`query_plan_tests` tests that), and the index of
            // parents has no column for the content type: a condition on it would read the row of each item.
            true => all,
            // The named ids lead to few items. An index by content type would lead to all of them, and
            // without statistics SQLite might take it.
            false if named => all.filter(in_list_unindexed(self.dialect, items::kind, [self.kind])),
            false => all.filter(items::kind.eq(self.kind)),
        };
        self.add_conditions(all, |condition| !start.is_some_and(|start| condition.is_implied_by(start)))
    }

    /// Returns the query for those of these items that meet all conditions.
    pub fn query_of<S: AsRef<str>>(&self, ids: &[S]) -> Query<'_> {
        let kind = in_list_unindexed(self.dialect, items::kind, [self.kind]);
        let named = items::table.filter(kind).into_boxed().filter(in_list(self.dialect, items::id, ids));
        self.add_conditions(named, |_| true)
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the links that every item of a page has to one item each, if the page is in the order of the
    /// start.
    pub fn shared_links(&self) -> Vec<SharedLink<'_>> {
        self.conditions.iter().filter_map(|condition| self.as_shared_link(condition)).collect()
    }

    fn as_shared_link<'a>(&self, condition: &'a ResolvedCondition) -> Option<SharedLink<'a>> {
        match condition {
            ResolvedCondition::Refers { relation, ids, none, .. }
                if self.extent == Extent::ByStart && is_shared_link(ids, *none) =>
            {
                Some(SharedLink { relation, target: &ids[0] })
            }
            _ => None,
        }
    }

    /// Returns the query for the item that meets `refers`, if it also meets the conditions other than those
    /// links.
    pub fn linked_item(&self, refers: Term<Bool>) -> Query<'_> {
        let kind = in_list_unindexed(self.dialect, items::kind, [self.kind]);
        self.add_conditions(items::table.into_boxed().filter(refers).filter(kind), |condition| {
            self.as_shared_link(condition).is_none()
        })
    }

    /// Returns the bounds on the start of the items, without those that the start of a page implies; `down`
    /// tells whether the page descends.
    pub fn bounds_of_start(&self, down: bool, start: Option<i64>) -> Vec<(Compare, i64)> {
        let start = start.map(KeyValue::Number);
        let start = start.as_ref().map(|value| (Column::StartsAt, down, value));
        let unimplied =
            self.conditions.iter().filter(|condition| !start.is_some_and(|start| condition.is_implied_by(start)));
        unimplied
            .filter_map(|condition| match condition {
                ResolvedCondition::Plain(Condition::Time(Column::StartsAt, compare, bound)) => Some((*compare, *bound)),
                _ => None,
            })
            .collect()
    }

    /// Returns whether some of the items may lack a value in this column: no condition is a bound that an absent value
    /// does not meet, and the status does not require one.
    pub fn may_lack(&self, column: Column) -> bool {
        let Some(absent) = absent_value(column) else { return false };
        let excludes = |condition: &ResolvedCondition| match condition {
            ResolvedCondition::Plain(Condition::Time(of, compare, bound)) => {
                absent_value(*of) == Some(absent) && !compare.holds(absent, *bound)
            }
            _ => false,
        };
        let is_published = column == Column::PublishedAt && (self.status == Status::Live || !self.any_status);
        !is_published && !self.conditions.iter().any(excludes)
    }

    /// Adds the status and those conditions for which `tested` holds.
    fn add_conditions<'a>(&'a self, mut query: Query<'a>, tested: impl Fn(&ResolvedCondition) -> bool) -> Query<'a> {
        query = match (&self.status, self.any_status) {
            (Status::Live, _) | (_, false) => query.filter(items::live.eq(true)),
            (Status::Any, _) => query.filter(items::trashed_at.eq(0)),
            (Status::Trashed, _) => query.filter(items::trashed_at.gt(0)),
            (status, _) => narrow_status(query.filter(items::trashed_at.eq(0)), status),
        };
        if let Some(locale) = &self.untranslated {
            query = query.filter(items::untranslated.like(locale));
        }
        if let Some(locale) = &self.outdated {
            query = query.filter(items::outdated.like(locale));
        }
        if let Some(external) = &self.external {
            query = narrow_external(query, external, self.kind);
        }
        for condition in self.conditions.iter().filter(|condition| tested(condition)) {
            query = narrow(query, condition, self.dialect);
        }
        query
    }
}

/// Adds the condition that the items of a kind have an external id.
fn narrow_external<'a>(query: Query<'a>, external: &'a ExternalFilter, kind: &'a str) -> Query<'a> {
    let of_kind = sources::table.filter(sources::kind.eq(kind));
    match external {
        ExternalFilter::Id(id) => {
            query.filter(items::id.eq_any(of_kind.filter(sources::source.eq(id)).select(sources::item_id)))
        }
        ExternalFilter::Source(source) => {
            // The character after the colon, so that the key of the table leads to the range.
            let (from, until) = (format!("{source}:"), format!("{source};"));
            let range = of_kind.filter(sources::source.ge(from).and(sources::source.lt(until)));
            query.filter(items::id.eq_any(range.select(sources::item_id)))
        }
    }
}

fn narrow_status<'a>(query: Query<'a>, status: &'a Status) -> Query<'a> {
    match status {
        Status::Draft => query.filter(items::status.eq("draft").and(items::stage.eq("draft"))),
        Status::Stage(stage) => query.filter(items::stage.eq(*stage)).filter(stored::is_staged()),
        Status::Changed => query.filter(items::draft_version.gt(0)),
        Status::Archived => query.filter(items::status.eq("archived")),
        Status::Live | Status::Any | Status::Trashed => query,
    }
}
