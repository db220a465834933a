//! Items that are found by their names and addresses.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;

use crate::content::slug::{is_slug, sort_key};
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list_unindexed};
use crate::items::Item;
use crate::transfer::record::Record;

/// Number of items per query.
const CHUNK: i64 = 500;
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

/// Greatest number of items of a kind whose addresses are compared.
const MOST_ADDRESSES: i64 = 20_000;

/// The items that new ones could stand for too.
#[derive(Debug, Default)]
pub struct DuplicateCandidates {
    /// The slugs of items by kind, street and city, of the kinds that have been asked for.
    addresses: HashMap<&'static str, HashMap<String, String>>,
}

impl DuplicateCandidates {
    /// Returns what to say of a new item that has the name or the postal address of another one, of a kind of which
    /// there should be one for each.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn find_duplicate(&mut self, connection: &mut Db, item: &Item) -> QueryResult<Option<String>> {
        let Some(content_type) = ContentType::of_kind(&item.kind) else { return Ok(None) };
        let same_place = self.at_same_address(connection, content_type.kind, item)?;
        let said = |slug: String, what: &str| format!("the {} \"{slug}\" has the same {what}", content_type.noun);
        Ok(match double_of(connection, item)? {
            Some(slug) => Some(said(slug, "name")),
            None => same_place.map(|slug| said(slug, "address")),
        })
    }

    /// Returns the slug of another item of a kind at the address of this one, and remembers this one.
    fn at_same_address(&mut self, connection: &mut Db, kind: &'static str, item: &Item) -> QueryResult<Option<String>> {
        if !matches!(kind, "partner" | "venue") {
            return Ok(None);
        }
        let Some(address) = address_of(item) else { return Ok(None) };
        if !self.addresses.contains_key(kind) {
            self.addresses.insert(kind, addresses(connection, kind, &item.id)?);
        }
        let known = self.addresses.entry(kind).or_default();
        if let Some(slug) = known.get(&address) {
            return Ok(Some(slug.clone()));
        }
        if known.len() < usize::try_from(MOST_ADDRESSES).unwrap_or(usize::MAX) {
            known.insert(address, item.slug.clone());
        }
        Ok(None)
    }
}

/// Reads the addresses of the items of a kind, except one.
fn addresses(connection: &mut Db, kind: &str, except: &str) -> QueryResult<HashMap<String, String>> {
    let (mut found, mut last, mut read) = (HashMap::new(), String::new(), 0);
    while read < MOST_ADDRESSES {
        let rows: Vec<Item> = items::table
            .filter(in_list_unindexed(connection.dialect(), items::kind, [kind]).and(items::trashed_at.eq(0)))
            .filter(items::id.gt(&last))
            .order(items::id)
            .limit(CHUNK)
            .select(Item::as_select())
            .load(connection)?;
        let Some(row) = rows.last() else { break };
        last.clone_from(&row.id);
        read += rows.len() as i64;
        let others = rows.into_iter().filter(|item| item.id != except);
        found.extend(others.filter_map(|item| Some((address_of(&item)?, item.slug))));
    }
    Ok(found)
}

/// Returns street and city of an item, in the letters in which addresses are compared; `None` if it has not both.
fn address_of(item: &Item) -> Option<String> {
    let content = item.content();
    let address = content.get("address")?;
    let part = |name: &str| address.get(name).and_then(Value::as_str).map(sort_key).filter(|text| !text.is_empty());
    Some(format!("{}\n{}", part("street")?, part("city")?))
}

/// Returns the slug of another item of the same name, of a kind of which there should be one for each name.
///
/// # Errors
/// Fails if a query fails.
fn double_of(connection: &mut Db, item: &Item) -> QueryResult<Option<String>> {
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
