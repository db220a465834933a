//! Facets: the number of items of a list for each value of a filter.

use diesel::dsl::{count, count_star, max};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::content::Site;
use crate::content_types::{ContentType, Filter, FilterTarget, RelatedFilter, WordField};
use crate::database::schema::{item_words, items, links};
use crate::database::{Db, in_list, in_query};
use crate::delivery::query::years::{YEARS, YearSpan, year_of};
use crate::delivery::query::{Condition, Quantity};
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::sql::predicates::Query;
use crate::delivery::sql::selection::Selection;
use crate::delivery::sql::text_match::{MAX_NAMED_MATCHES, too_expensive};
use crate::items::render::View;
use crate::items::{Item, NO_DATE};
use crate::problem::Problem;

/// Maximum number of values of a facet; the most frequent ones are returned.
const MAX_VALUES: i64 = 100;
/// Maximum number of years that are counted.
const MAX_YEARS: usize = 200;

/// A filter by whose values items are counted.
#[derive(Debug, Clone, Copy)]
pub struct Facet(&'static Filter);

impl Facet {
    /// Returns the name in the parameter `facets`.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Returns the content types besides `content_type` itself whose items the facet names, or counts by.
    pub fn kinds(&self, content_type: &'static ContentType) -> Vec<&'static str> {
        self.0.on.kinds(content_type)
    }

    /// Returns all facets of a content type.
    pub fn all(content_type: &'static ContentType) -> Vec<Facet> {
        let countable = |filter: &&Filter| match filter.on {
            FilterTarget::Parent(_)
            | FilterTarget::Refers { .. }
            | FilterTarget::Year
            | FilterTarget::Country
            | FilterTarget::Variant(_)
            | FilterTarget::Word(_) => true,
            // Counts are added up by related item. An event with two speakers of one country would be counted
            // twice there, so only relations to a single item have this facet.
            FilterTarget::Through(through) => {
                matches!(through.filter.on, FilterTarget::Country) && is_single(content_type, through.relation)
            }
            _ => false,
        };
        content_type.filters.iter().filter(countable).map(Facet).collect()
    }

    /// Returns whether a condition is a choice among the values of this facet. Counts leave such a condition
    /// out, because they tell how many items another choice would find. With `all`, another value is not an
    /// alternative but one more condition, and `none` is no choice.
    pub fn is_chosen_by(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Values(on, Quantity::Any | Quantity::Under, _) => *on == self.0.on,
            Condition::Years(_) => self.0.on == FilterTarget::Year,
            Condition::Values(..) | Condition::Time(..) | Condition::When(_) | Condition::Near { .. } => false,
        }
    }
}

fn is_single(content_type: &'static ContentType, relation: &str) -> bool {
    let mut relations = content_type.relations().filter(|known| known.name == relation);
    relations.all(|relation| matches!(relation.shape, crate::content::field::RelationShape::One))
}

/// Counts the items of a selection, or those of them that are named.
pub struct FacetCounter<'a> {
    pub connection: &'a mut Db,
    pub site: &'a Site,
    /// View in which labels are rendered.
    pub view: &'a View,
    pub selection: &'a Selection,
    /// Ids of the only items that are counted, if some are named.
    pub among: Option<&'a [String]>,
}

/// Values, each with its count.
type Counts = Vec<(String, i64)>;

impl<'a> FacetCounter<'a> {
    /// Returns a facet as the response has it: its values with `value`, `label` and `count`, the most
    /// frequent first, and years from the last to the first.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `too_expensive` if there are too many years or related items to be counted.
    /// Fails if a database statement fails.
    pub fn facet(&mut self, facet: Facet) -> Result<Value, Problem> {
        let counts = match facet.0.on {
            FilterTarget::Year => return Ok(self_labelled_values(self.years()?)),
            FilterTarget::Parent(_) => return self.parents(),
            FilterTarget::Refers { relation, .. } => {
                let counts = self.targets(relation, MAX_VALUES)?;
                return self.items(counts);
            }
            FilterTarget::Country => self.column(false)?,
            FilterTarget::Variant(_) => self.column(true)?,
            FilterTarget::Word(word) => self.words(&word)?,
            FilterTarget::Through(through) => self.countries(&through)?,
            _ => Vec::new(),
        };
        Ok(self_labelled_values(in_order(counts)))
    }

    fn base(&self) -> Query<'a> {
        self.among.map_or_else(|| self.selection.query(), |ids| self.selection.query_of(ids))
    }

    /// Counts from the last year to the first. After a year without items, the next one that has some is
    /// looked up instead of counting every year in between.
    fn years(&mut self) -> Result<Counts, Problem> {
        let zone = self.site.time_zone;
        let mut counts = Vec::new();
        let mut next = self.latest_before(NO_DATE)?.map(|at| year_of(at, zone));
        while let Some(year) = next {
            let YearSpan { from, until } = YearSpan::of_year(year, zone);
            let of_year = items::starts_at.ge(from).and(items::starts_at.lt(until));
            let count: i64 = self.base().filter(of_year).count().get_result(self.connection)?;
            if count > 0 {
                counts.push((format!("{year:04}"), count));
            }
            if counts.len() > MAX_YEARS {
                return Err(too_expensive("?facets", &format!("the items start in more than {MAX_YEARS} years")));
            }
            next = match count {
                0 => self.latest_before(until)?.map(|at| year_of(at, zone)).filter(|earlier| *earlier < year),
                _ => Some(year - 1).filter(|year| *year >= YEARS.0),
            };
        }
        Ok(counts)
    }

    /// Returns the latest start before a time (µs).
    fn latest_before(&mut self, bound: i64) -> Result<Option<i64>, Problem> {
        let before = self.base().filter(items::starts_at.lt(bound));
        Ok(before.select(max(items::starts_at)).first(self.connection)?)
    }

    fn parents(&mut self) -> Result<Value, Problem> {
        let counts: Vec<(Option<String>, i64)> = items::table
            .filter(in_query(items::id, self.base().select(items::id)))
            .group_by(items::parent_id)
            .select((items::parent_id, count_star()))
            .order(count_star().desc())
            .limit(MAX_VALUES)
            .load(self.connection)?;
        self.items(counts.into_iter().filter_map(|(id, count)| Some((id?, count))).collect())
    }

    fn targets(&mut self, relation: &str, limit: i64) -> Result<Counts, Problem> {
        // An item can be linked to another more than once, as by a speaker who also moderates.
        let items = || count(links::source_id).aggregate_distinct();
        Ok(links::table
            .filter(in_query(links::source_id, self.base().select(items::id)))
            .filter(links::relation.eq(relation))
            .group_by(links::target_id)
            .select((links::target_id, items()))
            .order(items().desc())
            .limit(limit)
            .load(self.connection)?)
    }

    fn column(&mut self, variant: bool) -> Result<Counts, Problem> {
        let of = items::table.filter(in_query(items::id, self.base().select(items::id)));
        let counts: Vec<(Option<String>, i64)> = match variant {
            true => of
                .group_by(items::variant)
                .select((items::variant, count_star()))
                .order(count_star().desc())
                .limit(MAX_VALUES)
                .load(self.connection)?,
            false => of
                .group_by(items::country)
                .select((items::country, count_star()))
                .order(count_star().desc())
                .limit(MAX_VALUES)
                .load(self.connection)?,
        };
        Ok(counts.into_iter().filter_map(|(value, count)| Some((value?, count))).collect())
    }

    fn words(&mut self, word: &WordField) -> Result<Counts, Problem> {
        let mut counts: Counts = item_words::table
            .filter(in_query(item_words::item_id, self.base().select(items::id)))
            .filter(item_words::field.eq(word.field))
            .group_by(item_words::value)
            .select((item_words::value, count_star()))
            .order(count_star().desc())
            .limit(MAX_VALUES)
            .load(self.connection)?;
        // The usual value is not stored: every item without a stored value has it.
        if let Some(usual) = word.usual {
            let all: i64 = self.base().count().get_result(self.connection)?;
            let others: i64 = counts.iter().map(|(_, count)| count).sum();
            if all > others {
                counts.push((usual.to_owned(), all - others));
            }
        }
        Ok(counts)
    }

    fn countries(&mut self, through: &RelatedFilter) -> Result<Counts, Problem> {
        let targets = self.targets(through.relation, MAX_NAMED_MATCHES as i64 + 1)?;
        if targets.len() > MAX_NAMED_MATCHES {
            return Err(too_expensive(
                "?facets",
                &format!("the items refer to more than {MAX_NAMED_MATCHES} {}s", through.target),
            ));
        }
        let ids: Vec<&str> = targets.iter().map(|(id, _)| id.as_str()).collect();
        let of = items::table.filter(in_list(self.connection.dialect(), items::id, &ids).and(items::live.eq(true)));
        let countries: Vec<(String, Option<String>)> = of.select((items::id, items::country)).load(self.connection)?;
        let countries: std::collections::HashMap<String, Option<String>> = countries.into_iter().collect();
        let mut counts: Counts = Vec::new();
        for (id, count) in targets {
            let Some(Some(country)) = countries.get(&id) else { continue };
            match counts.iter_mut().find(|(known, _)| known == country) {
                Some((_, all)) => *all += count,
                None => counts.push((country.clone(), count)),
            }
        }
        Ok(counts)
    }

    /// Returns items as values: their slugs with their labels, without items that are not public.
    fn items(&mut self, counts: Counts) -> Result<Value, Problem> {
        let ids: Vec<&str> = counts.iter().map(|(id, _)| id.as_str()).collect();
        let rows: Vec<Item> = items::table
            .filter(in_list(self.connection.dialect(), items::id, &ids).and(items::live.eq(true)))
            .select(Item::as_select())
            .load(self.connection)?;
        let named = |id: &str| -> Option<(String, Value)> {
            let item = rows.iter().find(|row| row.id == id)?;
            let label = ContentType::of_kind(&item.kind)?.label;
            let slug = item.slug.clone();
            // Values are the same for every viewer, in the languages that the public sees.
            let view = View { unpublished: false, ..self.view.clone() };
            let reference = LoadedItem::from_item(item.clone(), self.site, &view).fragments.reference;
            let mut reference: Value = serde_json::from_str(&reference).ok()?;
            Some((slug, reference[label].take()))
        };
        let mut found: Vec<(i64, String, Value)> =
            counts.iter().filter_map(|(id, count)| named(id).map(|(slug, label)| (*count, slug, label))).collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let values = found.into_iter().map(|(count, slug, label)| {
            let label = if label.is_string() { label } else { slug.clone().into() };
            json!({"value": slug, "label": label, "count": count})
        });
        Ok(values.collect())
    }
}

/// Returns values that are their own labels.
fn self_labelled_values(counts: Counts) -> Value {
    counts.into_iter().map(|(value, count)| json!({"value": value, "label": value, "count": count})).collect()
}

/// Sorts by frequency, and equal frequencies by value.
fn in_order(mut counts: Counts) -> Counts {
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}
