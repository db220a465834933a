//! Typed queries: what can be asked of a list.

use super::Shape;
use super::cursor::Cursor;
use super::dependencies::Dependencies;
use super::facets::Facet;
use crate::content::{LocaleMode, Site};
use crate::resources::{Column, On, Resource, Sort};
use crate::search::{GREW, Sought};

/// Most items of a page.
pub const MAX_LIMIT: i64 = 100;
/// Items of a page when nothing else is asked for.
pub const DEFAULT_LIMIT: i64 = 20;
/// Farthest offset; deeper pages are reached by cursor.
pub const MAX_OFFSET: i64 = 10_000;
/// Farthest that `near` looks.
pub(super) const MAX_KILOMETRES: f64 = 1_000.0;
/// What a query may cost, and what a facet does.
pub const MAX_COST: i64 = 2_500;
pub(super) const FACET_COST: i64 = 150;
/// Most values of a filter.
pub(super) const MAX_VALUES: usize = 100;

/// Query parameters as they came, decoded.
pub type Pairs = Vec<(String, String)>;

/// How a time is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// At or after.
    Gte,
    /// After.
    Gt,
    /// At or before.
    Lte,
    /// Before.
    Lt,
}

impl Compare {
    /// The operators, in the order of the documentation.
    pub const ALL: [(&'static str, Compare); 4] =
        [("gte", Compare::Gte), ("gt", Compare::Gt), ("lte", Compare::Lte), ("lt", Compare::Lt)];
}

/// One condition of a list.
#[derive(Debug, Clone)]
pub enum Condition {
    /// A filter with its values, and how many of them an item must have.
    Values(On, Quantity, Vec<String>),
    /// A time, compared (µs).
    Time(Column, Compare, i64),
    /// Around now.
    When(When),
    /// Not farther from a place than this; `relation` leads to what is somewhere, if it is not the item.
    Near { relation: Option<&'static str>, around: Around },
}

impl Condition {
    /// The kinds beside its own that decide what fulfils this.
    fn kinds(&self, resource: &'static Resource) -> Vec<&'static str> {
        match self {
            Condition::Values(on, ..) => on.kinds(resource),
            Condition::Near { relation, .. } => On::Near(*relation).kinds(resource),
            Condition::Time(..) | Condition::When(_) => Vec::new(),
        }
    }

    /// About how many rows it costs to look for this.
    pub(super) fn cost(&self) -> i64 {
        match self {
            Condition::Values(On::Through(_), _, values) => 100 + values.len() as i64,
            Condition::Values(_, Quantity::All, values) => 10 * values.len() as i64,
            Condition::Values(_, _, values) => values.len() as i64,
            Condition::Near { .. } => 100,
            Condition::Time(..) | Condition::When(_) => 1,
        }
    }
}

/// A place and what is around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around {
    /// Degrees north of the equator.
    pub latitude: f64,
    /// Degrees east of Greenwich.
    pub longitude: f64,
    /// Metres.
    pub distance: f64,
}

/// How many of the values an item must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// One at least.
    Any,
    /// Every one.
    All,
    /// None.
    None,
}

impl Quantity {
    /// The operators beside none at all, which means any.
    pub const ALL: [(&'static str, Quantity); 2] = [("all", Quantity::All), ("none", Quantity::None)];
}

/// Where a span lies around now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It has not started.
    Upcoming,
    /// It has started and not ended.
    Ongoing,
    /// It has ended.
    Past,
}

impl When {
    /// The words of `when=`.
    pub const ALL: [(&'static str, When); 3] =
        [("upcoming", When::Upcoming), ("ongoing", When::Ongoing), ("past", When::Past)];
}

/// Which items by their state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// What the public sees.
    Live,
    /// All that is not in the trash.
    Any,
    /// In the trash.
    Trashed,
    /// A draft that is neither in review nor scheduled.
    Draft,
    /// Draft or working draft at this stage.
    Stage(&'static str),
    /// With a working draft.
    Changed,
    /// Archived.
    Archived,
}

/// The words of `status=`.
pub const STATUSES: [&str; 8] =
    ["published", "draft", "in_review", "scheduled", "changed", "archived", "any", "trashed"];

/// A whole list query.
#[derive(Debug)]
pub struct ListQuery {
    /// How items are shown.
    pub shape: Shape,
    /// Which items.
    pub conditions: Vec<Condition>,
    /// Which items by their state.
    pub status: Status,
    /// Sort keys, with "descending".
    pub order: Vec<(Sort, bool)>,
    /// Items a page.
    pub limit: i64,
    /// Items to leave out.
    pub offset: i64,
    /// The text to look for, as it came and in parts.
    pub text: Option<(String, Sought)>,
    /// What to count.
    pub facets: Vec<Facet>,
    /// Whether to show where the text was found.
    pub highlights: bool,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// Whether to count all.
    pub count: bool,
    /// The moment that `when=` means (µs); none for now.
    pub at: Option<i64>,
    /// Only items that lack something in this language.
    pub untranslated: Option<String>,
    /// Only items with something in this language that is older than its source.
    pub outdated: Option<String>,
}

impl ListQuery {
    /// Whether the same query has another answer a moment later, though no content changed.
    pub fn depends_on_now(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::When(_)))
    }

    /// What decides which items are on a page, what is counted, and what facets tell.
    pub fn dependencies(&self, resource: &'static Resource) -> Dependencies {
        let mut all = Dependencies::on_kinds(resource.visible_by());
        let filters = self.conditions.iter().flat_map(|condition| condition.kinds(resource));
        let facets = self.facets.iter().flat_map(|facet| facet.kinds(resource));
        for kind in filters.chain(facets) {
            Resource::of_kind(kind).into_iter().flat_map(Resource::visible_by).for_each(|kind| all.add_kind(kind));
        }
        if self.text.is_some() {
            all.add_kind(GREW);
        }
        all
    }

    /// Whether a page in the order of the start is all that is asked for.
    pub fn is_page_by_start(&self) -> bool {
        let by_start = matches!(self.order.as_slice(), [(sort, _)] if sort.column == Column::StartsAt);
        by_start && self.text.is_none() && !self.count && self.facets.is_empty()
    }

    /// Whether it is answered by a few steps in an index, however many items there are: all that comes there is
    /// on the page, but for what is not public.
    pub fn is_walk(&self) -> bool {
        let mut leads = 0;
        let in_index = |condition: &Condition| match condition {
            Condition::Time(column, ..) => *column == Column::StartsAt,
            Condition::When(when) => *when == When::Upcoming,
            Condition::Values(On::Parent(_) | On::Refers { .. }, Quantity::Any, given) if given.len() == 1 => {
                leads += 1;
                leads == 1
            }
            Condition::Values(..) | Condition::Near { .. } => false,
        };
        self.is_page_by_start() && self.conditions.iter().all(in_index)
    }

    /// The best match first: a text without an order.
    pub fn by_relevance(&self) -> bool {
        self.text.is_some() && self.order.is_empty()
    }

    /// The language in which a text is looked for.
    pub fn locale<'a>(&'a self, site: &'a Site) -> &'a str {
        match &self.shape.view.locale {
            LocaleMode::One(locale) => locale,
            LocaleMode::All => site.default_locale(),
        }
    }

    /// Names the list and its order, for cursors.
    pub fn name(&self, resource: &Resource) -> String {
        if let Some((text, _)) = self.text.as_ref().filter(|_| self.by_relevance()) {
            return format!("{}?{text}", resource.collection);
        }
        let keys: Vec<String> =
            self.order.iter().map(|(sort, down)| format!("{}{}", if *down { "-" } else { "" }, sort.name)).collect();
        format!("{}:{}", resource.collection, keys.join(","))
    }
}
