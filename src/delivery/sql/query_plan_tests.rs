//! Tests that lists are answered from an index that leads to their items, however many items there are, by
//! SQLite's `EXPLAIN QUERY PLAN`. (Postgres plans by statistics, which a test database lacks.)

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Integer, Text};

use crate::config::Config;
use crate::content::field::FieldType;
use crate::content::violation::Violations;
use crate::content_types::{ALL, Column, ContentType, Sort};
use crate::database::connection::connect;
use crate::database::schema::items;
use crate::database::{Address, Backend, Db, migrate, sandbox};
use crate::delivery::cache::item_cache::ItemCache;
use crate::delivery::query::parser::QueryParser;
use crate::delivery::sql::keyset::KeysetWalk;
use crate::delivery::sql::selection::Selection;
use crate::delivery::sql::sort_order::{SortKey, SortPart, only_part, sort_query};
use crate::delivery::viewer::Viewer;

/// The `EXPLAIN QUERY PLAN` statement of a query.
struct ExplainQuery<Q>(Q);

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for ExplainQuery<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("EXPLAIN QUERY PLAN ");
        self.0.walk_ast(out)
    }
}

impl<Q> QueryId for ExplainQuery<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for ExplainQuery<Q> {
    type SqlType = (Integer, Integer, Integer, Text);
}

impl<Q> RunQueryDsl<Db> for ExplainQuery<Q> {}

/// Returns the steps of the plan of a list in this order.
fn plan(connection: &mut Db, kind: &str, query: &str, order: Column) -> Vec<String> {
    let (selection, _) = selection(connection, kind, query);
    steps(connection, sort_query(selection.query(), &[descending_key(order)]).select(items::id).limit(21))
}

fn descending_key(column: Column) -> SortKey {
    SortKey { column, down: true, backwards: false }
}

fn steps(connection: &mut Db, select: impl QueryFragment<Backend>) -> Vec<String> {
    let rows: Vec<(i32, i32, i32, String)> = ExplainQuery(select).load(connection).unwrap();
    rows.into_iter().map(|row| row.3).collect()
}

/// Returns the selection of a query, and its order.
fn selection(connection: &mut Db, kind: &str, query: &str) -> (Selection, Vec<SortKey>) {
    let (content_type, site) = (ContentType::of_kind(kind).unwrap(), Config::default().site());
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut violations = Violations::default();
    let mut parser = QueryParser { content_type, site: &site, viewer: &Viewer::Public, violations: &mut violations };
    let list = parser.list(&pairs, b"key");
    assert!(violations.is_empty(), "{query}: {violations:?}");
    let item_cache = ItemCache::new(0, &Arc::default());
    let cache = item_cache.scope_since(0);
    for kind in ["speaker", "partner", "venue", "event_type"] {
        cache.cache_slug(kind, "a", "1");
    }
    let cached = Selection::from_cache(connection.dialect(), content_type, &list, cache);
    let selection = cached.unwrap_or_else(|| Selection::new(connection, content_type, &list, cache).unwrap());
    let key = |(sort, down): &(Sort, bool)| SortKey { column: sort.column, down: *down, backwards: false };
    let order = list.order.iter().map(key).collect();
    (selection, order)
}

fn database() -> Db {
    let address = Address::parse(":memory:");
    let mut connection = connect(&address, &Arc::new(AtomicU64::new(0))).unwrap();
    migrate::migrate(&mut connection).unwrap();
    connection
}

#[test]
fn every_order_is_walked_in_an_index() {
    let mut connection = database();
    for (column, index) in [
        (Column::StartsAt, "items_kind_starts_live"),
        (Column::EndsAt, "items_kind_ends_live"),
        (Column::CreatedAt, "items_kind_created_live"),
        (Column::UpdatedAt, "items_kind_updated_live"),
        (Column::PublishedAt, "items_kind_published_live"),
        (Column::Position, "items_kind_position_live"),
        (Column::Label, "items_kind_label_live"),
    ] {
        let plan = plan(&mut connection, "event", "", column);
        assert_eq!(plan, [format!("SEARCH items USING COVERING INDEX {index} (kind=?)")]);
    }
}

/// What has no value in the first column is read after the rest, in the same index.
#[test]
fn both_parts_of_an_order_are_steps_in_its_index() {
    let mut connection = database();
    let (selection, _) = selection(&mut connection, "event", "");
    for (column, part, step) in [
        (Column::StartsAt, SortPart::Valued, "items_kind_starts_live (kind=? AND starts_at<?)"),
        (Column::StartsAt, SortPart::Absent, "items_kind_starts_live (kind=? AND starts_at>?)"),
        (Column::EndsAt, SortPart::Valued, "items_kind_ends_live (kind=? AND ends_at<?)"),
        (Column::PublishedAt, SortPart::Valued, "items_kind_published_live (kind=? AND published_at>?)"),
    ] {
        let page = sort_query(only_part(selection.query(), column, part), &[descending_key(column)]);
        let plan = steps(&mut connection, page.select(items::id).limit(21));
        assert_eq!(plan, [format!("SEARCH items USING COVERING INDEX {step}")]);
    }
}

#[test]
fn what_is_not_past_is_walked_by_its_end() {
    let mut connection = database();
    let (selection, order) = selection(&mut connection, "event", "when=not_past");
    let plan = steps(&mut connection, sort_query(selection.query(), &order).select(items::id).limit(21));
    assert_eq!(plan, ["SEARCH items USING COVERING INDEX items_kind_ends_live (kind=? AND ends_at>?)"]);
}

#[test]
fn what_names_few_items_leads_to_them() {
    let mut connection = database();
    for (kind, query) in [
        ("event", "ids=a,b"),
        ("event", "partner=a,b&starts_at[gte]=2026-01-01"),
        ("event", "topic[all]=a,b&count=exact"),
        ("event", "speaker.country=BE"),
        ("event", "venue=a&topic[none]=b&count=exact"),
        ("event", "near=50.8,4.4,10km"),
        ("event", "language=nl"),
        ("event", "attendance_mode=online"),
        ("speaker", "event=a"),
    ] {
        let plan = plan(&mut connection, kind, query, Column::StartsAt);
        assert!(plan[0].starts_with("SEARCH items USING INDEX sqlite_autoindex_items_1 (id=?"), "{query}: {plan:?}");
    }
}

#[test]
fn what_refers_to_an_item_is_walked_in_its_order() {
    let mut connection = database();
    for (query, bounds) in [
        ("speaker=a", ""),
        ("partner=a&type=a", ""),
        ("speaker=a&partner=a", ""),
        ("venue=a&starts_at[gte]=2026-01-01", " AND starts_at>? AND starts_at<?"),
        ("speaker=a&when=upcoming", " AND starts_at>?"),
    ] {
        let (selection, walked) = selection(&mut connection, "event", query);
        let walk = KeysetWalk { selection: &selection, order: walked, matches: None };
        let links = selection.shared_links();
        let plan = steps(&mut connection, walk.linked_in_order(&links, None, None).limit(21));
        let index = "SEARCH links USING COVERING INDEX links_target_relation_starts";
        assert_eq!(plan[0], format!("{index} (target_id=? AND relation=?{bounds})"));
        let index = "COVERING INDEX links_target_relation_starts (target_id=? AND relation=? AND starts_at=?)";
        let others = plan.iter().filter(|step| step.starts_with("SEARCH others") && step.ends_with(index));
        assert_eq!(others.count(), links.len() - 1, "{query}: {plan:?}");
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE") && !step.contains("SCAN")), "{query}: {plan:?}");
    }
}

#[test]
fn a_type_and_its_times_are_one_step_in_an_index() {
    let plan = plan(&mut database(), "event", "type=a&starts_at[gte]=2026-01-01", Column::StartsAt);
    let step = "SEARCH items USING COVERING INDEX items_parent_live_starts (parent_id=? AND live=? AND starts_at>? AND starts_at<?)";
    assert_eq!(plan, [step]);
}

#[test]
fn under_a_kind_only_one_kind_is_filed() {
    let mut parents: Vec<&str> = Vec::new();
    for content_type in ALL {
        let parent = content_type.parent.and_then(|name| content_type.field(name));
        if let Some(FieldType::Reference(parent)) = parent.map(|field| &field.kind) {
            assert!(!parents.contains(parent), "more than one kind is filed under {parent}");
            parents.push(parent);
        }
    }
    assert_eq!(parents.len(), 4);
}

/// In a sandbox, which lays the effects of scheduled work over the stored items, pages are merged from the
/// indexes of both.
#[test]
fn a_look_ahead_walks_the_same_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Sqlite(folder.path().join("plenary.db").display().to_string());
    migrate::migrate(&mut connect(&address, &Arc::default()).unwrap()).unwrap();
    let mut connection = sandbox::open(&address, &Arc::default(), None).unwrap();
    for query in ["", "starts_at[gte]=2026-01-01", "type=a", "ids=a,b", "speaker.country=BE", "language=nl"] {
        let (selection, _) = selection(&mut connection, "event", query);
        let page = sort_query(selection.query(), &[SortKey { down: false, ..descending_key(Column::StartsAt) }]);
        let plan = steps(&mut connection, page.select((items::id, items::starts_at)).limit(21));
        assert_eq!(plan[0], "MERGE (UNION ALL)", "{query}: {plan:?}");
        let whole = |step: &&String| {
            let scan = step.starts_with("SCAN") && !step.contains("json_each");
            scan || step.contains("MATERIALIZE") || step.contains("CO-ROUTINE")
        };
        assert_eq!(plan.iter().find(whole), None, "{query}: {plan:?}");
    }
}
