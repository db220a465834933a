//! Queries that content stores, such as that of a list of events on a page: the parameters of a list, as they stand in the
//! query of its URL.

use serde_json::{Map, Value};

use crate::content::field::{FieldType, QUERY_ITEMS, UnionType};
use crate::content::violation::{Violations, unknown_name_message};
use crate::content::{LocaleMode, Site};
use crate::content_types::{ContentType, Filter, FilterTarget};
use crate::database::Db;
use crate::delivery::Shape;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::list_items::{ListContext, page};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::query::{Compare, ListQuery, Pairs, Quantity};
use crate::delivery::viewer::Viewer;
use crate::problem::{Problem, ProblemKind};

/// Maximum number of items that a stored query selects.
pub const MAX_ITEMS: i64 = 24;
/// Number of items that a stored query selects if it does not say.
const USUAL_ITEMS: &str = "6";
/// Parameters of a stored query besides filters.
const PARAMETERS: [&str; 4] = ["q", "sort", "limit", "time_zone"];

/// Parses a stored query on a list of this content type, for a response in this locale, or in all of them (`*`).
///
/// # Errors
///
/// Fails with the violations of the parameters, each with `?name` as its pointer.
pub fn parse(
    site: &Site,
    content_type: &'static ContentType,
    text: &str,
    locale: &str,
) -> Result<ListQuery, Violations> {
    let mut pairs: Pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let mut violations = Violations::new();
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !is_known(content_type, name) {
            let known: Vec<&str> = content_type.filters.iter().map(|filter| filter.name).chain(PARAMETERS).collect();
            let message = unknown_name_message("parameter", name, known.iter().copied());
            violations.add(format!("?{name}"), "unknown_parameter", message);
        } else if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            violations.add(format!("?{name}"), "duplicate", "this parameter is repeated");
        }
    }
    if !pairs.iter().any(|(name, _)| name == "limit") {
        pairs.push(("limit".to_owned(), USUAL_ITEMS.to_owned()));
    }
    pairs.push(("locale".to_owned(), locale.to_owned()));
    let mut parser = QueryParser { content_type, site, viewer: &Viewer::Public, violations: &mut violations };
    let query = parser.list(&pairs, &[]);
    if query.limit > MAX_ITEMS {
        violations.add("?limit", "out_of_range", format!("a whole number between 1 and {MAX_ITEMS}"));
    }
    if violations.is_empty() { Ok(query) } else { Err(violations) }
}

fn is_known(content_type: &'static ContentType, name: &str) -> bool {
    let (plain, operator) = match name.split_once('[') {
        Some((plain, rest)) => (plain, Some(rest)),
        None => (name, None),
    };
    let has = |filter: &Filter| match (filter.on, operator) {
        (FilterTarget::Time(_), operator) => {
            Compare::ALL.iter().any(|(word, _)| operator.and_then(|rest| rest.strip_suffix(']')) == Some(word))
        }
        (_, None) => true,
        (FilterTarget::When | FilterTarget::Year | FilterTarget::Near(_), Some(_)) => false,
        (_, Some(rest)) => Quantity::ALL.iter().any(|(word, _)| rest.strip_suffix(']') == Some(word)),
    };
    PARAMETERS.contains(&name) || content_type.filters.iter().any(|filter| filter.name == plain && has(filter))
}

/// A query of a block: the name of its member, its text, and the content type of the list.
type BlockQuery = (&'static str, String, &'static ContentType);

/// Returns the query of a block, if it has one.
fn query_of(union: &'static UnionType, block: &Map<String, Value>) -> Option<BlockQuery> {
    let fields = union.variant_of(block)?.fields;
    fields.iter().find_map(|field| {
        let (FieldType::Query(kind), Value::String(text)) = (&field.kind, block.get(field.name)?) else { return None };
        Some((field.name, text.clone(), ContentType::of_kind(kind)?))
    })
}

/// Checks the stored queries of a content, and adds what is wrong with them to `violations`.
pub fn check(
    site: &Site,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    violations: &mut Violations,
) {
    for (field, union) in content_type.fields.iter().filter_map(|field| Some((field, field.blocks()?))) {
        let blocks = content.get(field.name).and_then(Value::as_array).into_iter().flatten().enumerate();
        for (index, (name, text, target)) in
            blocks.filter_map(|(i, block)| Some((i, query_of(union, block.as_object()?)?)))
        {
            let faults = parse(site, target, &text, site.default_locale()).err().map(Violations::into_vec);
            for fault in faults.unwrap_or_default() {
                let message = format!("{}: {}", fault.pointer.trim_start_matches('?'), fault.message);
                violations.add(format!("/{}/{index}/{name}", field.name), &fault.code, message);
            }
        }
    }
}

/// What the items of stored queries depend on.
#[derive(Debug, Default)]
pub struct QueryDependencies {
    pub dependencies: Dependencies,
    /// Whether one of the queries depends on the time of day.
    pub depends_on_now: bool,
}

/// Puts the items that the queries of an object's blocks select into the blocks, as the public sees them.
///
/// # Errors
///
/// Fails if the database or the search index cannot be read.
pub fn fill(
    connection: &mut Db,
    list: ListContext<'_>,
    (content_type, shape): (&'static ContentType, &Shape),
    out: &mut String,
) -> Result<QueryDependencies, Problem> {
    let mut all = QueryDependencies::default();
    let locale = match &shape.view.locale {
        LocaleMode::One(locale) => locale.as_str(),
        LocaleMode::All => "*",
    };
    let shown = content_type.fields.iter().filter(|field| shape.shows(field.name));
    for (field, union) in shown.filter_map(|field| Some((field, field.blocks()?))) {
        let Ok(mut object) = serde_json::from_str::<Map<String, Value>>(out) else { continue };
        let blocks = object.get_mut(field.name).and_then(Value::as_array_mut).into_iter().flatten();
        for block in blocks.filter_map(Value::as_object_mut) {
            let Some((_, text, target)) = query_of(union, block) else { continue };
            let items = match parse(list.site, target, &text, locale) {
                Ok(query) => items(connection, (target, list), &query, &mut all)?,
                // A filter that a later version of the program no longer has.
                Err(_) => Value::Array(Vec::new()),
            };
            block.insert(QUERY_ITEMS.to_owned(), items);
        }
        *out = serde_json::to_string(&object).unwrap_or_default();
    }
    Ok(all)
}

fn items(
    connection: &mut Db,
    (content_type, list): (&'static ContentType, ListContext<'_>),
    query: &ListQuery,
    all: &mut QueryDependencies,
) -> Result<Value, Problem> {
    all.depends_on_now |= query.depends_on_now();
    all.dependencies.add(&query.dependencies(content_type));
    match page(connection, content_type, list, query) {
        Ok(found) => {
            all.dependencies.add(&found.dependencies);
            Ok(found.items.iter().filter_map(|item| serde_json::from_str::<Value>(&item.object).ok()).collect())
        }
        // A query that names an item which is there no more selects nothing.
        Err(problem) if problem.kind == ProblemKind::BadRequest => Ok(Value::Array(Vec::new())),
        Err(problem) => Err(problem),
    }
}

/// Returns whether the blocks of a single item are filled with the items of their queries.
pub fn is_wanted(content_type: &'static ContentType, shape: &Shape) -> bool {
    let is_included = |name: &&str| content_type.field(name).is_some_and(|field| field.blocks().is_some());
    shape.full && shape.include.iter().any(is_included)
}
