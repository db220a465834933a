//! Typed queries: every parameter known, every fault named.

use super::cursor::Cursor;
use super::{Audience, Shape};
use crate::content::fault::{Faults, unknown};
use crate::content::moment::instant_in_query;
use crate::content::render::{BodyFormat, View};
use crate::content::slug::MAX_SLUG;
use crate::content::{LocaleMode, Site};
use crate::resources::{Column, Filter, On, Resource, Sort};
use crate::search::Sought;

/// Most items of a page.
pub const MAX_LIMIT: i64 = 100;
/// Items of a page when nothing else is asked for.
pub const DEFAULT_LIMIT: i64 = 20;
/// Farthest offset; deeper pages are reached by cursor.
pub const MAX_OFFSET: i64 = 10_000;
/// Most values of a filter.
const MAX_VALUES: usize = 100;

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
    /// A filter with its values.
    Values(On, Vec<String>),
    /// A time, compared (µs).
    Time(Column, Compare, i64),
    /// Around now.
    When(When),
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

/// Reads the parameters that single answers and lists share.
pub struct Reader<'a> {
    pub resource: &'static Resource,
    pub site: &'a Site,
    pub audience: Audience,
    pub faults: &'a mut Faults,
}

impl Reader<'_> {
    /// The shape of an answer; `full` is what it is without `detail=`.
    pub fn shape(&mut self, pairs: &Pairs, full: bool) -> Shape {
        let audience = self.audience;
        let mut shape = Shape { view: View::plain(self.site), include: Vec::new(), full, audience, draft: false };
        shape.view.unpublished = audience == Audience::Editors;
        for (name, value) in pairs {
            match name.as_str() {
                "include" => self.include(value, &mut shape),
                "locale" => self.locale(value, &mut shape),
                "detail" => match value.as_str() {
                    "full" => shape.full = true,
                    "card" => shape.full = false,
                    _ => self.wrong("detail", value, &["card", "full"]),
                },
                "view" => shape.draft = self.draft(value),
                "body_format" => match value.as_str() {
                    "html" => shape.view.body = BodyFormat::Html,
                    "text" => shape.view.body = BodyFormat::Text,
                    "source" => shape.view.body = BodyFormat::Source,
                    _ => self.wrong("body_format", value, &["html", "text", "source"]),
                },
                _ => {}
            }
        }
        shape
    }

    fn draft(&mut self, value: &str) -> bool {
        match value {
            "published" => {}
            "draft" if self.audience == Audience::Editors => return true,
            "draft" => self.faults.add("?view", "not_public", "only published items can be read without logging in"),
            _ => self.wrong("view", value, &["published", "draft"]),
        }
        false
    }

    fn wrong(&mut self, name: &str, value: &str, known: &[&str]) {
        self.faults.add(format!("?{name}"), "not_allowed", unknown("value", value, known.iter().copied()));
    }

    fn include(&mut self, value: &str, shape: &mut Shape) {
        let known = self.resource.includes();
        if value.split(',').count() > MAX_VALUES {
            return self.faults.add("?include", "too_many", format!("at most {MAX_VALUES} values"));
        }
        for part in value.split(',').filter(|p| !p.is_empty()) {
            match known.iter().find(|k| **k == part) {
                Some(name) => shape.include.push(name),
                None => self.wrong("include", part, &known),
            }
        }
    }

    /// A language of the site, for lists that only editors may ask for.
    fn language(&mut self, name: &str, value: &str) -> Option<String> {
        if self.audience == Audience::Public {
            self.faults.add(format!("?{name}"), "not_public", "the state of translations is for editors");
            return None;
        }
        let found = self.site.locale(value).map(str::to_owned);
        if found.is_none() {
            let known: Vec<&str> = self.site.locales.iter().map(String::as_str).collect();
            self.wrong(name, value, &known);
        }
        found
    }

    fn locale(&mut self, value: &str, shape: &mut Shape) {
        if value == "*" {
            shape.view.locale = LocaleMode::All;
        } else if let Some(locale) = self.site.locale(value) {
            shape.view.locale = LocaleMode::One(locale.to_owned());
        } else {
            let known: Vec<&str> = self.site.locales.iter().map(String::as_str).collect();
            self.wrong("locale", value, &known);
        }
    }

    /// A whole list query.
    pub fn list(&mut self, pairs: &Pairs, cursor_key: &[u8]) -> ListQuery {
        let shape = self.shape(pairs, false);
        let mut query = ListQuery {
            shape,
            conditions: Vec::new(),
            status: Status::Live,
            order: Vec::new(),
            limit: DEFAULT_LIMIT,
            offset: 0,
            text: None,
            highlights: false,
            cursor: None,
            count: false,
            at: None,
            untranslated: None,
            outdated: None,
        };
        let mut cursor = None;
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => query.limit = self.number("limit", value, 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
                "offset" => query.offset = self.number("offset", value, 0, MAX_OFFSET).unwrap_or(0),
                "cursor" => cursor = Some(value),
                "count" if value == "exact" => query.count = true,
                "count" if value == "none" => query.count = false,
                "count" => self.wrong("count", value, &["exact", "none"]),
                "sort" => query.order = self.sort(value),
                "q" => query.text = self.text(value),
                "highlights" => query.highlights = self.is_true("highlights", value),
                "status" => query.status = self.status(value),
                "untranslated" => query.untranslated = self.language("untranslated", value),
                "outdated" => query.outdated = self.language("outdated", value),
                _ => query.conditions.extend(self.condition(name, value)),
            }
        }
        self.check_text(pairs, &query);
        if query.order.is_empty() && query.text.is_none() {
            query.order = self.default_order(&query.conditions);
        }
        if let Some(code) = cursor {
            self.cursor(code, cursor_key, &mut query);
        }
        query
    }

    fn text(&mut self, value: &str) -> Option<(String, Sought)> {
        match Sought::parse(value) {
            Ok(sought) => Some((value.to_owned(), sought)),
            Err((code, message)) => {
                self.faults.add("?q", code, message);
                None
            }
        }
    }

    fn is_true(&mut self, name: &str, value: &str) -> bool {
        match value {
            "true" => return true,
            "false" => {}
            _ => self.wrong(name, value, &["true", "false"]),
        }
        false
    }

    /// What is looked for is what the public sees now.
    fn check_text(&mut self, pairs: &Pairs, query: &ListQuery) {
        if query.text.is_none() {
            if query.highlights {
                self.faults.add("?highlights", "without_text", "nothing is looked for: it wants q");
            }
            return;
        }
        let preview = pairs.iter().any(|(name, _)| name == "at" || name == "preview");
        if query.status != Status::Live || query.shape.draft || preview {
            self.faults.add("?q", "only_public", "a search finds what is published now: no drafts, no previews");
        }
    }

    fn cursor(&mut self, code: &str, key: &[u8], query: &mut ListQuery) {
        match Cursor::decode(code, key) {
            Some(cursor) if cursor.list == query.name(self.resource) => query.cursor = Some(cursor),
            Some(_) => self.faults.add("?cursor", "other_list", "this cursor belongs to a list with another order"),
            None => self.faults.add("?cursor", "not_a_cursor", "this is no cursor of this server"),
        }
        if query.offset > 0 {
            self.faults.add("?offset", "with_cursor", "offset and cursor exclude each other");
        }
    }

    fn default_order(&self, conditions: &[Condition]) -> Vec<(Sort, bool)> {
        let first = self.resource.sorts[0];
        let ahead = conditions.iter().any(|c| matches!(c, Condition::When(When::Upcoming | When::Ongoing)));
        vec![(first, first.descending && !ahead)]
    }

    fn sort(&mut self, value: &str) -> Vec<(Sort, bool)> {
        let mut order: Vec<(Sort, bool)> = Vec::new();
        if value.split(',').count() > MAX_VALUES {
            self.faults.add("?sort", "too_many", format!("at most {MAX_VALUES} values"));
            return order;
        }
        for part in value.split(',').filter(|p| !p.is_empty()) {
            let (name, down) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            match self.resource.sorts.iter().find(|s| s.name == name) {
                Some(_) if order.iter().any(|(s, _)| s.name == name) => {
                    self.faults.add("?sort", "duplicate", format!("\"{name}\" stands twice"));
                }
                Some(sort) => order.push((*sort, down)),
                None => {
                    let known: Vec<&str> = self.resource.sorts.iter().map(|s| s.name).collect();
                    self.wrong("sort", name, &known);
                }
            }
        }
        order
    }

    fn status(&mut self, value: &str) -> Status {
        let status = match value {
            "published" => return Status::Live,
            "any" => Status::Any,
            "trashed" => Status::Trashed,
            "draft" => Status::Draft,
            "in_review" => Status::Stage("in_review"),
            "scheduled" => Status::Stage("scheduled"),
            "changed" => Status::Changed,
            "archived" => Status::Archived,
            _ => {
                self.wrong("status", value, &STATUSES);
                return Status::Live;
            }
        };
        if self.audience == Audience::Public {
            self.faults.add("?status", "not_public", "only published items can be read without logging in");
            return Status::Live;
        }
        status
    }

    fn number(&mut self, name: &str, value: &str, min: i64, max: i64) -> Option<i64> {
        let number = value.parse().ok().filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.faults.add(format!("?{name}"), "out_of_range", format!("a whole number between {min} and {max}"));
        }
        number
    }

    fn condition(&mut self, name: &str, value: &str) -> Option<Condition> {
        let (plain, operator) = match name.split_once('[') {
            Some((plain, rest)) => (plain, rest.strip_suffix(']')),
            None => (name, None),
        };
        let filter: &'static Filter = self.resource.filters.iter().find(|f| f.name == plain)?;
        match filter.on {
            On::Time(column) => self.time(name, column, operator, value),
            On::When => match When::ALL.iter().find(|(word, _)| *word == value) {
                Some((_, when)) => Some(Condition::When(*when)),
                None => {
                    self.wrong("when", value, &When::ALL.map(|(word, _)| word));
                    None
                }
            },
            on => self.values(filter, on, value),
        }
    }

    fn time(&mut self, name: &str, column: Column, operator: Option<&str>, value: &str) -> Option<Condition> {
        let (_, compare) = Compare::ALL.iter().find(|(word, _)| Some(*word) == operator)?;
        match instant_in_query(value, self.site.time_zone) {
            Ok(at) => Some(Condition::Time(column, *compare, at.timestamp_micros())),
            Err((code, message)) => {
                self.faults.add(format!("?{name}"), code, message);
                None
            }
        }
    }

    fn values(&mut self, filter: &Filter, on: On, value: &str) -> Option<Condition> {
        let values: Vec<String> = value.split(',').filter(|v| !v.is_empty()).map(str::to_owned).collect();
        let place = format!("?{}", filter.name);
        if values.is_empty() {
            self.faults.add(place, "empty", "must not be empty; leave it out instead");
            return None;
        }
        if values.len() > MAX_VALUES {
            self.faults.add(place, "too_many", format!("at most {MAX_VALUES} values"));
            return None;
        }
        for value in &values {
            match on {
                On::Variant(words) if !words.contains(&value.as_str()) => self.wrong(filter.name, value, words),
                On::Country => {
                    if let Err((code, message)) = crate::content::values::country(value) {
                        self.faults.add(place.clone(), code, message);
                    }
                }
                On::Slug | On::Ids | On::Parent(_) | On::Refers { .. } | On::ReferredBy { .. }
                    if value.len() > MAX_SLUG || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
                {
                    self.faults.add(
                        place.clone(),
                        "not_a_value",
                        "an id or a slug has letters, digits and hyphens only",
                    );
                }
                _ => {}
            }
        }
        Some(Condition::Values(on, values))
    }
}
