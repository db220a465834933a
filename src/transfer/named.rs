//! Items that are found by their names.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;

use crate::content::slug::{is_slug, sort_key};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::items::Item;
use crate::transfer::record::Record;

/// Greatest number of items that are compared by name.
const MOST: i64 = 20;

/// Returns the item with the slug or the name of a record. Of two items with the name none is the right one.
///
/// # Errors
/// Fails if a query fails.
pub fn find(connection: &mut Db, record: &Record) -> QueryResult<Option<Item>> {
    let name = record.label();
    let slug = record.slug.clone().unwrap_or_else(|| name.to_lowercase());
    if is_slug(&slug) {
        let by_slug = items::table
            .filter(items::kind.eq(record.kind).and(items::slug.eq(&slug)).and(items::trashed_at.eq(0)))
            .select(Item::as_select())
            .first(connection)
            .optional()?;
        if by_slug.is_some() {
            return Ok(by_slug);
        }
    }
    let mut named = with_name(connection, record.kind, name)?;
    Ok(named.pop().filter(|_| named.is_empty()))
}

/// Returns the slug of another item of the same name, of a kind of which there should be one for each name.
///
/// # Errors
/// Fails if a query fails.
pub fn double_of(connection: &mut Db, item: &Item) -> QueryResult<Option<String>> {
    if !matches!(item.kind.as_str(), "speaker" | "partner" | "venue" | "topic") {
        return Ok(None);
    }
    for name in names_of(item) {
        let others = with_name(connection, &item.kind, &name)?;
        if let Some(other) = others.into_iter().find(|other| other.id != item.id) {
            return Ok(Some(other.slug));
        }
    }
    Ok(None)
}

/// Returns the items of a kind that have a name, in any letters. The key by which names are sorted finds them, but it
/// is the same for different names such as `C` and `C++`.
fn with_name(connection: &mut Db, kind: &str, name: &str) -> QueryResult<Vec<Item>> {
    let found: Vec<Item> = items::table
        .filter(items::kind.eq(kind).and(items::label.eq(sort_key(name))).and(items::trashed_at.eq(0)))
        .order(items::id)
        .limit(MOST)
        .select(Item::as_select())
        .load(connection)?;
    let wanted = name.trim().to_lowercase();
    Ok(found.into_iter().filter(|item| names_of(item).iter().any(|name| name.to_lowercase() == wanted)).collect())
}

/// Returns the names of an item in all locales.
fn names_of(item: &Item) -> Vec<String> {
    let content = item.content();
    let label = ContentType::of_kind(&item.kind).and_then(|content_type| content.get(content_type.label));
    match label {
        Some(Value::Object(names)) => names.values().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    }
}
