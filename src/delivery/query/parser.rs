//! Parser of query parameters into typed queries: every parameter is known, and every violation is reported.

use crate::content::violation::{Violations, unknown_name_message};
use crate::content::{LocaleMode, Site, values};
use crate::content_types::{Column, ContentType, ResponsePath, Sort};
use crate::delivery::Shape;
use crate::delivery::query::cursor::Cursor;
use crate::delivery::query::filters::presence_bounds;
use crate::delivery::query::*;
use crate::delivery::sql::facets::Facet;
use crate::delivery::viewer::Viewer;
use crate::items::render::{BodyFormat, View};
use crate::search::SearchQuery;
use crate::time_zone::Zone;

/// Value of the parameter `fallback` that leaves values null that are missing in the locale.
pub const NO_FALLBACK: &str = "none";

/// Parser of the parameters that single items and lists share.
pub struct QueryParser<'a> {
    pub content_type: &'static ContentType,
    pub site: &'a Site,
    pub viewer: &'a Viewer,
    pub violations: &'a mut Violations,
}

impl QueryParser<'_> {
    /// Parses the shape of a response; `full` is its level of detail without the parameter `detail`.
    pub fn shape(&mut self, pairs: &Pairs, full: bool) -> Shape {
        let mut shape = Shape { viewer: self.viewer.clone(), ..Shape::for_public(View::default_for(self.site), full) };
        shape.view.unpublished = self.viewer.edits(self.content_type.kind);
        let mut paths = None;
        for (name, value) in pairs {
            match name.as_str() {
                "include" => self.include(value, &mut shape),
                "fields" => paths = Some(self.fields(value)),
                "locale" => self.locale(value, &mut shape),
                "fallback" => match value.as_str() {
                    NO_FALLBACK => shape.view.falls_back = false,
                    _ => self.refuse_value("fallback", value, &[NO_FALLBACK]),
                },
                "detail" => match value.as_str() {
                    "full" => shape.full = true,
                    "card" => shape.full = false,
                    _ => self.refuse_value("detail", value, &["card", "full"]),
                },
                "view" => shape.draft = self.draft(value),
                "body_format" => match value.as_str() {
                    "html" => shape.view.body = BodyFormat::Html,
                    "text" => shape.view.body = BodyFormat::Text,
                    "markdown" => shape.view.body = BodyFormat::Markdown,
                    "source" => shape.view.body = BodyFormat::Source,
                    _ => self.refuse_value("body_format", value, &["html", "markdown", "text", "source"]),
                },
                _ => {}
            }
        }
        if let Some(paths) = paths {
            restrict_fields(&mut shape, &paths);
        }
        // A preview link can only be used for its own item, of which it shows the newest text.
        if matches!(self.viewer, Viewer::Link { .. }) {
            (shape.draft, shape.view.unpublished) = (true, true);
        }
        shape
    }

    fn fields(&mut self, value: &str) -> Vec<&'static ResponsePath> {
        let known = self.content_type.paths();
        let mut fields = Vec::new();
        self.check_not_empty("fields", value);
        for part in value.split(',').filter(|part| !part.is_empty()) {
            match known.iter().find(|path| path.name == part) {
                Some(path) => fields.push(path),
                None => self.refuse_value("fields", part, &similar_paths(known, part)),
            }
        }
        fields
    }

    /// Rejects a list without names: the absence of the parameter means something else.
    fn check_not_empty(&mut self, name: &str, value: &str) {
        if value.split(',').all(str::is_empty) {
            self.violations.add(format!("?{name}"), "empty", "must not be empty; omit the parameter, or name a value");
        }
    }

    fn facets(&mut self, value: &str) -> Vec<Facet> {
        let known = Facet::all(self.content_type);
        let mut facets: Vec<Facet> = Vec::new();
        for part in value.split(',').filter(|part| !part.is_empty()) {
            match known.iter().find(|facet| facet.name() == part) {
                Some(facet) if facets.iter().any(|other| other.name() == part) => {
                    self.violations.add("?facets", "duplicate", format!("\"{}\" is named twice", facet.name()));
                }
                Some(facet) => facets.push(*facet),
                None => {
                    let names: Vec<&str> = known.iter().map(Facet::name).collect();
                    self.refuse_value("facets", part, &names);
                }
            }
        }
        facets
    }

    /// Rejects a query that is too expensive. The cost is about that of reading as many rows.
    fn check_cost(&mut self, query: &ListQuery) {
        let values: i64 = query.conditions.iter().map(Condition::cost).sum();
        let items = query.limit * (1 + query.shape.include.len() as i64);
        let facets = query.facets.len() as i64 * FACET_COST;
        let cost = items + values + facets + query.offset / 10;
        if cost > MAX_COST {
            let parts =
                format!("items and includes {items}, filters {values}, facets {facets}, offset {}", query.offset / 10);
            let message = format!("the query costs {cost} and the maximum is {MAX_COST}: {parts}");
            self.violations.add("", "query_too_expensive", message);
        }
    }

    fn draft(&mut self, value: &str) -> bool {
        match value {
            "published" => {}
            "draft" if self.viewer.edits(self.content_type.kind) || matches!(self.viewer, Viewer::Link { .. }) => {
                return true;
            }
            "draft" => {
                self.violations.add("?view", "not_public", "only published items can be read without logging in");
            }
            _ => self.refuse_value("view", value, &["published", "draft"]),
        }
        false
    }

    pub(crate) fn refuse_value(&mut self, name: &str, value: &str, known: &[&str]) {
        self.violations.add(
            format!("?{name}"),
            "not_allowed",
            unknown_name_message("value", value, known.iter().copied()),
        );
    }

    fn include(&mut self, value: &str, shape: &mut Shape) {
        let known = self.content_type.includes();
        if value.split(',').count() > MAX_VALUES {
            return self.violations.add("?include", "too_many", format!("at most {MAX_VALUES} values"));
        }
        for part in value.split(',').filter(|p| !p.is_empty()) {
            match known.iter().find(|k| **k == part) {
                Some(name) => shape.include_also(name),
                None => self.refuse_value("include", part, known),
            }
        }
    }

    /// Parses a language of the site, for filters that only editors may use.
    fn language(&mut self, name: &str, value: &str) -> Option<String> {
        if !self.viewer.edits(self.content_type.kind) {
            self.violations.add(
                format!("?{name}"),
                "not_public",
                "only editors can filter by the state of translations",
            );
            return None;
        }
        let found = self.site.locale(value).map(str::to_owned);
        if found.is_none() {
            let known: Vec<&str> = self.site.locales.iter().map(String::as_str).collect();
            self.refuse_value(name, value, &known);
        }
        found
    }

    /// Parses a filter by external ids, which only editors may use.
    fn parse_external_ids(&mut self, name: &str, value: &str, other: Option<ExternalFilter>) -> Option<ExternalFilter> {
        let pointer = format!("?{name}");
        if !self.viewer.edits(self.content_type.kind) {
            self.violations.add(pointer, "not_public", "only editors can filter by external ids");
            return None;
        }
        let is_id = name == "external_id";
        let (source, id) = value.split_once(':').map_or((value, None), |(source, id)| (source, Some(id)));
        let is_filled = !source.trim().is_empty() && id.is_none_or(|id| !id.trim().is_empty());
        if other.is_some() {
            self.violations.add(pointer, "not_allowed", "external_id and external_source cannot be combined");
        } else if !is_filled || id.is_some() != is_id || value.chars().any(char::is_control) {
            let form =
                if is_id { "an external id, `source:id`" } else { "the source of external ids, without a colon" };
            self.violations.add(pointer, "not_a_value", format!("must be {form}"));
        }
        let text = value.to_owned();
        Some(if is_id { ExternalFilter::Id(text) } else { ExternalFilter::Source(text) })
    }

    fn locale(&mut self, value: &str, shape: &mut Shape) {
        if value == "*" {
            shape.view.locale = LocaleMode::All;
        } else if let Some(locale) = self.site.locale(value) {
            shape.view.locale = LocaleMode::One(locale.to_owned());
        } else {
            let known: Vec<&str> = self.site.locales.iter().map(String::as_str).collect();
            self.refuse_value("locale", value, &known);
        }
    }

    /// Parses a whole list query.
    pub fn list(&mut self, pairs: &Pairs, cursor_key: &[u8]) -> ListQuery {
        let mut query = ListQuery::of(self.shape(pairs, false));
        let mut cursor = None;
        let zone = self.zone(pairs);
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => query.limit = self.number("limit", value, 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
                "offset" => query.offset = self.number("offset", value, 0, MAX_OFFSET).unwrap_or(0),
                "cursor" => cursor = Some(value),
                "count" if value == "exact" => query.count = true,
                "count" if value == "none" => query.count = false,
                "count" => self.refuse_value("count", value, &["exact", "none"]),
                "sort" => query.order = self.sort(value),
                "facets" => query.facets = self.facets(value),
                "q" => query.text = self.text(value),
                "highlights" => query.highlights = self.is_true("highlights", value),
                "status" => query.status = self.status(value),
                "untranslated" => query.untranslated = self.language("untranslated", value),
                "external_id" | "external_source" => {
                    query.external = self.parse_external_ids(name, value, query.external);
                }
                "outdated" => query.outdated = self.language("outdated", value),
                _ => query.conditions.extend(self.condition(name, value, zone)),
            }
        }
        query.conditions.extend(presence_bounds(&query.conditions));
        self.check_text(pairs, &query);
        self.check_cost(&query);
        if query.order.is_empty() && query.text.is_none() {
            query.order = self.default_order(&query.conditions);
        }
        if let Some(code) = cursor {
            self.cursor(code, cursor_key, &mut query);
        }
        query
    }

    /// Returns the time zone of the dates and local times of the query.
    fn zone(&mut self, pairs: &Pairs) -> Zone {
        let Some((_, name)) = pairs.iter().find(|(name, _)| name == "time_zone") else { return self.site.time_zone };
        // A "+" that was not percent-encoded arrives as a space.
        let named = values::zone(name).or_else(|wrong| values::zone(&name.replace(' ', "+")).map_err(|_| wrong));
        named.unwrap_or_else(|(code, message)| {
            self.violations.add("?time_zone", code, message);
            self.site.time_zone
        })
    }

    fn text(&mut self, value: &str) -> Option<(String, SearchQuery)> {
        match SearchQuery::parse(value) {
            Ok(search_query) => Some((value.to_owned(), search_query)),
            Err((code, message)) => {
                self.violations.add("?q", code, message);
                None
            }
        }
    }

    fn is_true(&mut self, name: &str, value: &str) -> bool {
        match value {
            "true" => return true,
            "false" => {}
            _ => self.refuse_value(name, value, &["true", "false"]),
        }
        false
    }

    /// Rejects a text in a query on anything but what the public sees now: nothing else is in the index.
    fn check_text(&mut self, pairs: &Pairs, query: &ListQuery) {
        if query.text.is_none() {
            if query.highlights {
                self.violations.add("?highlights", "without_text", "requires the parameter q");
            }
            return;
        }
        let preview = pairs.iter().any(|(name, _)| name == "at" || name == "preview");
        if query.status != Status::Live || query.shape.draft || preview {
            self.violations.add(
                "?q",
                "only_public",
                "full-text queries find only published items: no drafts, no previews",
            );
        }
    }

    fn cursor(&mut self, code: &str, key: &[u8], query: &mut ListQuery) {
        match Cursor::decode(code, key) {
            Some(cursor) if cursor.list == query.name(self.content_type) => query.cursor = Some(cursor),
            Some(_) => self.violations.add("?cursor", "other_list", "this cursor belongs to another list or order"),
            None => self.violations.add("?cursor", "not_a_cursor", "this is not a cursor of this server"),
        }
        if query.offset > 0 {
            self.violations.add("?offset", "with_cursor", "offset and cursor cannot be combined");
        }
    }

    fn default_order(&self, conditions: &[Condition]) -> Vec<(Sort, bool)> {
        let first = self.content_type.sorts[0];
        let has = |wanted: &[TimeRelation]| {
            conditions.iter().any(|c| matches!(c, Condition::When(when) if wanted.contains(when)))
        };
        // By the end, an index leads to what is not past; by the start, all that is past would come first.
        let by_end = self.content_type.sorts.iter().find(|sort| sort.column == Column::EndsAt);
        match by_end.filter(|_| has(&[TimeRelation::NotPast])) {
            Some(by_end) => vec![(*by_end, false)],
            None => vec![(first, first.descending && !has(&[TimeRelation::Upcoming, TimeRelation::Ongoing]))],
        }
    }

    fn sort(&mut self, value: &str) -> Vec<(Sort, bool)> {
        let mut order: Vec<(Sort, bool)> = Vec::new();
        self.check_not_empty("sort", value);
        if value.split(',').count() > MAX_VALUES {
            self.violations.add("?sort", "too_many", format!("at most {MAX_VALUES} values"));
            return order;
        }
        for part in value.split(',').filter(|p| !p.is_empty()) {
            let (name, down) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            match self.content_type.sorts.iter().find(|s| s.name == name) {
                Some(_) if order.iter().any(|(s, _)| s.name == name) => {
                    self.violations.add("?sort", "duplicate", format!("\"{name}\" is named twice"));
                }
                Some(sort) => order.push((*sort, down)),
                None => {
                    let known: Vec<&str> = self.content_type.sorts.iter().map(|s| s.name).collect();
                    self.refuse_value("sort", name, &known);
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
                self.refuse_value("status", value, &STATUSES);
                return Status::Live;
            }
        };
        if !self.viewer.edits(self.content_type.kind) {
            self.violations.add("?status", "not_public", "only published items can be read without logging in");
            return Status::Live;
        }
        status
    }

    fn number(&mut self, name: &str, value: &str, min: i64, max: i64) -> Option<i64> {
        let number = value.parse().ok().filter(|n| (min..=max).contains(n));
        if number.is_none() {
            self.violations.add(format!("?{name}"), "out_of_range", format!("a whole number between {min} and {max}"));
        }
        number
    }
}

/// Restricts the shape to these paths, and includes what they need, whatever else the query says.
fn restrict_fields(shape: &mut Shape, paths: &[&'static ResponsePath]) {
    paths.iter().filter_map(|path| path.include).for_each(|name| shape.include_also(name));
    shape.full |= paths.iter().any(|path| path.detail);
    let mut fields: Vec<&str> = paths.iter().map(|path| path.name).collect();
    // The same fields in another order are the same shape, so that cached items are shared.
    fields.sort_unstable();
    fields.dedup();
    shape.fields = Some(fields);
}

/// Returns the paths that may have been meant: all top-level ones, or the nested ones with the same first
/// name.
fn similar_paths(known: &[ResponsePath], given: &str) -> Vec<&'static str> {
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let deep = given.contains('.') && known.iter().any(|path| path.name == first(given));
    let like = |path: &&ResponsePath| path.name.contains('.') == deep && (!deep || first(path.name) == first(given));
    known.iter().filter(like).map(|path| path.name).collect()
}
