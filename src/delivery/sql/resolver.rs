//! Resolution of the conditions of a query: the items that they name are looked up.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::{Column, FilterTarget, RelatedFilter};
use crate::database::schema::{item_words, items, links};
use crate::database::{Db, in_list};
use crate::delivery::cache::item_cache::CacheScope;
use crate::delivery::query::{Compare, Condition, ListQuery, Quantity, TimeRelation};
use crate::delivery::sql::descendants::with_descendants;
use crate::delivery::sql::geo;
use crate::delivery::sql::predicates::{ResolvedCondition, WordCondition, narrow};
use crate::delivery::sql::text_match::{MAX_NAMED_MATCHES, too_expensive};
use crate::delivery::viewer::Viewer;
use crate::items::{self as stored, ItemScope};
use crate::problem::Problem;

/// Maximum number of items that are collected and then sorted. If there are more, each item is tested as it
/// comes in the order of the page, so that the page ends early.
const MAX_COLLECTED: i64 = 2_000;

/// Resolves a condition that needs no database access; `None` for any other. A `when` and years become bounds
/// on times. The bound of `past` on the start adds nothing to that on the end, but leads to an index, and so do
/// the bounds around several spans of years.
pub fn resolve_plain(condition: &Condition, at: i64) -> Option<Vec<ResolvedCondition>> {
    let bounds: &[(Column, Compare)] = match condition {
        Condition::When(TimeRelation::Upcoming) => &[(Column::StartsAt, Compare::Gt)],
        Condition::When(TimeRelation::Ongoing) => &[(Column::StartsAt, Compare::Lte), (Column::EndsAt, Compare::Gt)],
        Condition::When(TimeRelation::Past) => &[(Column::EndsAt, Compare::Lte), (Column::StartsAt, Compare::Lte)],
        Condition::When(TimeRelation::NotPast) => &[(Column::EndsAt, Compare::Gt)],
        Condition::Years(spans) => {
            let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Some(Vec::new()) };
            let bounds = [(Compare::Gte, first.from), (Compare::Lt, last.until)];
            let bounds = bounds.map(|(compare, bound)| Condition::Time(Column::StartsAt, compare, bound));
            let between = (spans.len() > 1).then(|| condition.clone());
            return Some(bounds.into_iter().chain(between).map(ResolvedCondition::Plain).collect());
        }
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

/// Resolution of conditions for one query.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    pub viewer: &'a Viewer,
    /// Time to which `when` refers (µs).
    pub at: i64,
    pub extent: Extent,
    pub cache: CacheScope<'a>,
}

impl Resolver<'_> {
    /// Resolves a condition: slugs become ids, and a filter on related items becomes the ids of those that match.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `too_expensive` if too many items match. Fails if a statement fails.
    pub fn resolve(
        self,
        connection: &mut Db,
        condition: &Condition,
        out: &mut Vec<ResolvedCondition>,
    ) -> Result<(), Problem> {
        if let Some(plain) = resolve_plain(condition, self.at) {
            out.extend(plain);
            return Ok(());
        }
        match condition {
            Condition::Values(on, quantity, values) => {
                // An item has all of the values if it has each of them.
                let groups: Vec<&[String]> = match quantity {
                    Quantity::All => values.chunks(1).collect(),
                    Quantity::Any | Quantity::None | Quantity::Under => vec![values.as_slice()],
                };
                for values in groups {
                    out.extend(self.values(connection, *on, values, *quantity)?);
                }
            }
            Condition::Near { relation, around } => {
                let ids = geo::items_near(connection, around)?;
                out.push(match relation {
                    Some(relation) => self.resolve_relation(connection, relation, ids, false)?,
                    None => ResolvedCondition::Among { ids, none: false },
                });
            }
            Condition::Time(..) | Condition::When(_) | Condition::Years(_) => {}
        }
        Ok(())
    }

    /// Resolves a filter by any of these values, or by the absence of all of them.
    fn values(
        self,
        connection: &mut Db,
        on: FilterTarget,
        values: &[String],
        quantity: Quantity,
    ) -> Result<Option<ResolvedCondition>, Problem> {
        let (none, under) = (quantity == Quantity::None, quantity == Quantity::Under);
        Ok(Some(match on {
            FilterTarget::Parent(kind) => {
                let ids = self.ids(connection, kind, values, true)?;
                let ids = if under { with_descendants(connection, ids, self.viewer.lookup_scope(kind))? } else { ids };
                ResolvedCondition::Parent { ids, none }
            }
            FilterTarget::Refers { relation, target, .. } => {
                let ids = self.ids(connection, target, values, self.extent == Extent::ByStart)?;
                let ids =
                    if under { with_descendants(connection, ids, self.viewer.lookup_scope(target))? } else { ids };
                self.resolve_relation(connection, relation, ids, none)?
            }
            FilterTarget::ReferredBy { relation, source } => {
                ResolvedCondition::ReferredBy { relation, ids: self.ids(connection, source, values, false)?, none }
            }
            FilterTarget::Word(word) => {
                let usual = values.iter().any(|value| Some(value.as_str()) == word.usual);
                let written = item_words::table.filter(item_words::field.eq(word.field));
                let written = written.filter(in_list(connection.dialect(), item_words::value, values));
                let beyond = written.select(item_words::item_id).offset(MAX_COLLECTED).limit(1);
                let counted = !usual && !none && self.extent != Extent::All;
                let common = counted && !beyond.load::<String>(connection)?.is_empty();
                let (field, values) = (word.field, values.to_vec());
                ResolvedCondition::Word(WordCondition { field, values, usual, common, none })
            }
            FilterTarget::Through(through) => {
                let ids = self.related_matches(connection, &through, values)?;
                self.resolve_relation(connection, through.relation, ids, none)?
            }
            _ => return Ok(None),
        }))
    }

    /// Looks up the ids of items that are given by id or slug, each once. `cached` tells whether the slugs are cached: only
    /// those by which [`Selection::from_cache`](super::selection::Selection::from_cache) can resolve a list.
    fn ids(self, connection: &mut Db, kind: &str, given: &[String], cached: bool) -> QueryResult<Vec<String>> {
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let found = stored::ids_of(connection, kind, &given, self.viewer.lookup_scope(kind))?;
        if cached {
            found.iter().for_each(|(name, id)| self.cache.cache_slug(kind, name, id));
        }
        let mut ids: Vec<String> = Vec::with_capacity(found.len());
        for (_, id) in found {
            // Several names may lead to one item.
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Resolves a filter on a relation. Where the plan depends on it, counts first whether many items refer to
    /// these.
    fn resolve_relation(
        self,
        connection: &mut Db,
        relation: &'static str,
        ids: Vec<String>,
        none: bool,
    ) -> QueryResult<ResolvedCondition> {
        let common = match self.extent {
            Extent::All => false,
            Extent::ByStart if is_shared_link(&ids, none) => true,
            Extent::ByStart | Extent::Page => {
                let links = links::table.filter(links::relation.eq(relation));
                let links =
                    links.filter(in_list(connection.dialect(), links::target_id, &ids)).select(links::source_id);
                !none && !links.offset(MAX_COLLECTED).limit(1).load::<String>(connection)?.is_empty()
            }
        };
        Ok(ResolvedCondition::Refers { relation, ids, common, none })
    }

    /// Returns the related items that match a filter, if they are few enough to be named.
    fn related_matches(
        self,
        connection: &mut Db,
        through: &RelatedFilter,
        values: &[String],
    ) -> Result<Vec<String>, Problem> {
        let dialect = connection.dialect();
        let condition = Condition::Values(through.filter.on, Quantity::Any, values.to_vec());
        let mut resolved = Vec::new();
        Self { extent: Extent::Page, ..self }.resolve(connection, &condition, &mut resolved)?;
        let mut query = items::table.filter(items::kind.eq(through.target)).into_boxed();
        query = match self.viewer.lookup_scope(through.target) {
            ItemScope::Live => query.filter(items::live.eq(true)),
            ItemScope::Present | ItemScope::All => query.filter(items::trashed_at.eq(0)),
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
}

/// SortPart of a selection that a query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
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
    /// Returns the part that a query reads.
    pub fn of(query: &ListQuery) -> Self {
        match query.count || !query.facets.is_empty() {
            true => Extent::All,
            false if query.is_page_by_start() => Extent::ByStart,
            false => Extent::Page,
        }
    }
}

/// Returns whether a filter by reference is met by links to a single item.
pub fn is_shared_link(ids: &[String], none: bool) -> bool {
    !none && ids.len() == 1
}
