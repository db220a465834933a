//! Typed queries on lists.

pub mod cursor;
pub mod filters;
pub mod parser;
pub mod years;

use super::Shape;
use crate::content::{LocaleMode, Site};
use crate::content_types::{Column, ContentType, FilterTarget, Sort};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::query::cursor::Cursor;
use crate::delivery::query::years::YearSpan;
use crate::delivery::sql::facets::Facet;
use crate::search::{SEARCH_INDEX, SearchQuery};

/// Maximum number of items on a page.
pub const MAX_LIMIT: i64 = 100;
/// Number of items on a page if the query does not say.
pub const DEFAULT_LIMIT: i64 = 20;
/// Maximum offset; deeper pages are reached by cursor.
pub const MAX_OFFSET: i64 = 10_000;
/// Maximum distance of `near`, in kilometres.
pub(crate) const MAX_KILOMETRES: f64 = 1_000.0;
/// Maximum cost of a query; one unit is about one row that is read.
pub const MAX_COST: i64 = 2_500;
/// Cost of a facet.
pub(crate) const FACET_COST: i64 = 150;
/// Maximum number of values of a filter.
pub(crate) const MAX_VALUES: usize = 100;

/// Decoded query parameters, in the order of the request.
pub type Pairs = Vec<(String, String)>;

/// Comparison of a time with a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// At or after the bound.
    Gte,
    /// After the bound.
    Gt,
    /// At or before the bound.
    Lte,
    /// Before the bound.
    Lt,
}

impl Compare {
    /// Operators, in the order of the documentation.
    pub const ALL: [(&'static str, Compare); 4] =
        [("gte", Compare::Gte), ("gt", Compare::Gt), ("lte", Compare::Lte), ("lt", Compare::Lt)];

    /// Returns whether a value meets a bound.
    pub fn holds(self, value: i64, bound: i64) -> bool {
        match self {
            Compare::Gte => value >= bound,
            Compare::Gt => value > bound,
            Compare::Lte => value <= bound,
            Compare::Lt => value < bound,
        }
    }

    /// Returns whether the bound is a lower one.
    pub fn is_lower(self) -> bool {
        matches!(self, Compare::Gte | Compare::Gt)
    }
}

/// A condition of a list.
#[derive(Debug, Clone)]
pub enum Condition {
    /// A filter with its values, and how many of them an item must have.
    Values(FilterTarget, Quantity, Vec<String>),
    /// A bound on a time (µs).
    Time(Column, Compare, i64),
    /// A position of the time span relative to now.
    When(TimeRelation),
    /// A start within one of these spans of years, in their order.
    Years(Vec<YearSpan>),
    /// A maximum distance from a location. `relation` leads to the item that has a location, if it is another
    /// one.
    Near { relation: Option<&'static str>, around: Circle },
}

impl Condition {
    /// Returns the content types besides that of the list which decide what meets the condition.
    fn kinds(&self, content_type: &'static ContentType) -> Vec<&'static str> {
        match self {
            Condition::Values(on, ..) => on.kinds(content_type),
            Condition::Near { relation, .. } => FilterTarget::Near(*relation).kinds(content_type),
            Condition::Time(..) | Condition::When(_) | Condition::Years(_) => Vec::new(),
        }
    }

    /// Returns the approximate cost of the condition, in rows that are read.
    pub(crate) fn cost(&self) -> i64 {
        match self {
            Condition::Values(FilterTarget::Through(_), _, values) => 100 + values.len() as i64,
            Condition::Values(_, Quantity::All, values) => 10 * values.len() as i64,
            Condition::Values(_, _, values) => values.len() as i64,
            Condition::Near { .. } => 100,
            Condition::Years(spans) => spans.len() as i64,
            Condition::Time(..) | Condition::When(_) => 1,
        }
    }
}

/// A location, and a distance around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Latitude in degrees, north of the equator.
    pub latitude: f64,
    /// Longitude in degrees, east of Greenwich.
    pub longitude: f64,
    /// Distance in metres.
    pub distance: f64,
}

/// Relation of an item to the given values of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// It has at least one.
    Any,
    /// It has every one.
    All,
    /// It has none.
    None,
    /// It has at least one, or an item that is filed below one of them in their tree.
    Under,
}

impl Quantity {
    /// Operators; without one, `Any` is meant.
    pub const ALL: [(&'static str, Quantity); 3] =
        [("all", Quantity::All), ("none", Quantity::None), ("under", Quantity::Under)];
}

/// Position of a time span relative to now. An item without a date has not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeRelation {
    /// The span has not started.
    Upcoming,
    /// The span has started and has not ended.
    Ongoing,
    /// The span has ended.
    Past,
    /// The span has not ended.
    NotPast,
}

impl TimeRelation {
    /// Values of the parameter `when`.
    pub const ALL: [(&'static str, TimeRelation); 4] = [
        ("upcoming", TimeRelation::Upcoming),
        ("ongoing", TimeRelation::Ongoing),
        ("past", TimeRelation::Past),
        ("not_past", TimeRelation::NotPast),
    ];
}

/// Selection of items by their status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Items that the public sees.
    Live,
    /// Items that are not in the trash.
    Any,
    /// Items in the trash.
    Trashed,
    /// Drafts that are neither in review nor scheduled.
    Draft,
    /// Drafts and working drafts at this stage.
    Stage(&'static str),
    /// Items with a working draft.
    Changed,
    Archived,
}

/// Values of the parameter `status`.
pub const STATUSES: [&str; 8] =
    ["published", "draft", "in_review", "scheduled", "changed", "archived", "any", "trashed"];

/// A complete query on a list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Representation of the items.
    pub shape: Shape,
    /// Conditions that every item meets.
    pub conditions: Vec<Condition>,
    /// Status of the items.
    pub status: Status,
    /// Sort keys, each with whether it descends.
    pub order: Vec<(Sort, bool)>,
    /// Maximum number of items on the page.
    pub limit: i64,
    /// Number of items to skip.
    pub offset: i64,
    /// Full-text query, as written and parsed.
    pub text: Option<(String, SearchQuery)>,
    /// Facets to count.
    pub facets: Vec<Facet>,
    /// Whether excerpts around the matches are returned.
    pub highlights: bool,
    /// Position at which the page begins.
    pub cursor: Option<Cursor>,
    /// Whether all items are counted.
    pub count: bool,
    /// Time to which `when` refers (µs); now if `None`.
    pub at: Option<i64>,
    /// Language in which the items lack something.
    pub untranslated: Option<String>,
    /// Language in which something of the items is older than its source.
    pub outdated: Option<String>,
    /// The names that the items have in other systems.
    pub external: Option<ExternalFilter>,
}

/// A filter by the names that items have in other systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalFilter {
    /// An external id, `source:id`.
    Id(String),
    /// The source of any external id.
    Source(String),
}

impl ListQuery {
    /// Returns the query of the first page of all public items.
    pub fn of(shape: Shape) -> Self {
        Self {
            shape,
            conditions: Vec::new(),
            status: Status::Live,
            order: Vec::new(),
            limit: DEFAULT_LIMIT,
            offset: 0,
            text: None,
            facets: Vec::new(),
            highlights: false,
            cursor: None,
            count: false,
            at: None,
            untranslated: None,
            outdated: None,
            external: None,
        }
    }

    /// Returns whether the response changes with time, even if no content changes.
    pub fn depends_on_now(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::When(_)))
    }

    /// Returns the content types that decide which items are on a page, what is counted, and what facets
    /// contain.
    pub fn dependencies(&self, content_type: &'static ContentType) -> Dependencies {
        let mut all = Dependencies::on_kinds(content_type.visible_by());
        let filters = self.conditions.iter().flat_map(|condition| condition.kinds(content_type));
        let facets = self.facets.iter().flat_map(|facet| facet.kinds(content_type));
        for kind in filters.chain(facets) {
            // Items of some content types appear and disappear with those of another, as a session with its
            // event.
            ContentType::of_kind(kind)
                .into_iter()
                .flat_map(ContentType::visible_by)
                .for_each(|kind| all.add_kind(kind));
        }
        if self.text.is_some() {
            all.add_kind(SEARCH_INDEX);
        }
        all
    }

    /// Returns whether nothing but a page in the order of the start is requested.
    pub fn is_page_by_start(&self) -> bool {
        let by_start = matches!(self.order.as_slice(), [(sort, _)] if sort.column == Column::StartsAt);
        by_start && self.text.is_none() && !self.count && self.facets.is_empty()
    }

    /// Returns whether a few steps in an index find the page, however many items there are: all items found
    /// there are on the page, except those that are not public.
    pub fn is_index_walk(&self) -> bool {
        let mut leads = 0;
        let in_index = |condition: &Condition| match condition {
            Condition::Time(column, ..) => *column == Column::StartsAt,
            Condition::When(when) => *when == TimeRelation::Upcoming,
            Condition::Years(spans) => spans.len() == 1,
            Condition::Values(FilterTarget::Parent(_) | FilterTarget::Refers { .. }, Quantity::Any, given)
                if given.len() == 1 =>
            {
                leads += 1;
                leads == 1
            }
            Condition::Values(..) | Condition::Near { .. } => false,
        };
        self.is_page_by_start() && self.conditions.iter().all(in_index)
    }

    /// Returns whether the best match comes first: the query has a text and no order.
    pub fn by_relevance(&self) -> bool {
        self.text.is_some() && self.order.is_empty()
    }

    /// Returns the language of the full-text query.
    pub fn locale<'a>(&'a self, site: &'a Site) -> &'a str {
        match &self.shape.view.locale {
            LocaleMode::One(locale) => locale,
            LocaleMode::All => site.default_locale(),
        }
    }

    /// Returns the identity of the list and its order, which cursors carry.
    pub fn name(&self, content_type: &ContentType) -> String {
        if let Some((text, _)) = self.text.as_ref().filter(|_| self.by_relevance()) {
            return format!("{}?{text}", content_type.collection);
        }
        let keys: Vec<String> =
            self.order.iter().map(|(sort, down)| format!("{}{}", if *down { "-" } else { "" }, sort.name)).collect();
        format!("{}:{}", content_type.collection, keys.join(","))
    }
}
