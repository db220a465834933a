//! What changed since: for those who keep a copy. The journal says which items were touched; what is
//! told of each is what the public sees of it now, so a change that is told twice does no harm.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};

use super::Shape;
use super::compose::compose;
use super::loaded::Loaded;
use super::referrers;
use crate::content::Site;
use crate::content::render::View;
use crate::database::position::Position;
use crate::database::schema::{items, journal};
use crate::database::{Db, any_of, by_the_way};
use crate::items::Item;
use crate::resources::{ALL, Resource};
use crate::signed;

const PURPOSE: &str = "changes";

/// How far somebody's copy has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// All entries of the journal up to this one are in the copy.
    #[serde(flatten)]
    pub position: Position,
    /// While the first copy is being made: the last item that is in it.
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Token {
    /// The opaque form.
    pub fn encode(&self, key: &[u8]) -> String {
        signed::seal(key, PURPOSE, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the opaque form; `None` when it was not made here.
    pub fn decode(text: &str, key: &[u8]) -> Option<Self> {
        serde_json::from_slice(&signed::open(key, PURPOSE, text)?).ok()
    }
}

/// What became of an item.
#[derive(Debug)]
pub enum Change {
    /// The public sees it so.
    Here {
        /// The kind.
        resource: &'static Resource,
        /// The item as a full answer in the default language.
        object: String,
    },
    /// The public does not see it any more.
    Gone {
        /// The kind.
        resource: &'static Resource,
        /// The item.
        id: String,
    },
}

/// Some changes, and how far they reach.
#[derive(Debug)]
pub struct Changes {
    /// The changes, in the order in which items were last touched.
    pub changes: Vec<Change>,
    /// For the next request.
    pub token: Token,
    /// Whether there is more at once.
    pub more: bool,
}

impl Changes {
    /// As they are answered.
    pub fn body(&self, key: &[u8]) -> String {
        let entries: Vec<String> = self
            .changes
            .iter()
            .map(|change| match change {
                Change::Here { resource, object } => {
                    format!("{{\"collection\":\"{}\",\"operation\":\"upsert\",\"item\":{object}}}", resource.collection)
                }
                Change::Gone { resource, id } => {
                    format!("{{\"collection\":\"{}\",\"operation\":\"delete\",\"id\":\"{id}\"}}", resource.collection)
                }
            })
            .collect();
        // Tokens are base64url: nothing in them needs escaping.
        format!("{{\"data\":[{}],\"next\":\"{}\",\"more\":{}}}", entries.join(","), self.token.encode(key), self.more)
    }
}

/// The first copy: all that the public sees, some items at a time, by id. What changes meanwhile comes
/// with the changes since it was begun. None where the token is of another history.
pub fn copy(connection: &mut Db, site: &Site, token: Option<Token>, limit: i64) -> QueryResult<Option<Changes>> {
    let (position, after) = match token {
        Some(Token { position, .. }) if !position.holds(connection)? => return Ok(None),
        Some(Token { position, after }) => (position, after.unwrap_or_default()),
        None => (Position::newest(connection)?, String::new()),
    };
    let rows: Vec<Item> = items::table
        .filter(items::id.gt(&after).and(items::live.eq(true)))
        .order(items::id)
        .limit(limit + 1)
        .select(Item::as_select())
        .load(connection)?;
    let more = rows.len() as i64 > limit;
    let rows: Vec<Item> = rows.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let after = rows.last().map(|row| row.id.clone()).filter(|_| more);
    let changes = told(connection, site, rows, &[])?;
    Ok(Some(Changes { changes, token: Token { position, after }, more }))
}

/// What changed after the entry `since` of the journal: at most `limit` entries are looked at. Told are the items that
/// were touched, and those that show a part of them. None where the journal does not have that entry: it is of another
/// history.
pub fn since(connection: &mut Db, site: &Site, since: Position, limit: i64) -> QueryResult<Option<Changes>> {
    let kinds: Vec<&str> = ALL.iter().map(|resource| resource.kind).collect();
    let mut entries: Vec<Entry> = journal::table
        .filter(journal::sequence.ge(since.sequence))
        .order(journal::sequence)
        .limit(limit + 2)
        .select(Entry::as_select())
        .load(connection)?;
    if since != Position::default() {
        if entries.first().map(Entry::position) != Some(since) {
            return Ok(None);
        }
        entries.remove(0);
    }
    let more = entries.len() as i64 > limit;
    let seen = &entries[..entries.len().min(usize::try_from(limit).unwrap_or(usize::MAX))];
    let position = seen.last().map_or(since, Entry::position);
    // The last touch counts, so that references come before what refers to them, where they were made so.
    let mut ids: Vec<&str> = Vec::new();
    let mut purges: Vec<i64> = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for entry in seen.iter().rev().filter(|entry| kinds.contains(&entry.kind.as_str())) {
        let id = entry.item_id.as_str();
        if !ids.contains(&id) {
            ids.push(id);
        }
        if referrers::is_seen(&entry.action) && !shown.contains(&id) {
            shown.push(id);
        }
        if entry.action == "purge" {
            purges.push(entry.sequence);
        }
    }
    ids.reverse();
    let referring = match referrers::of(connection, &shown)? {
        Some(found) => found,
        // So many that fewer entries are told at once; those of a single one are left to be joined by id.
        None if seen.len() > 1 => return self::since(connection, site, since, seen.len() as i64 / 2),
        None => Vec::new(),
    };
    let mut rows = touched(connection, &ids)?;
    let known: HashSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    rows.extend(referring.into_iter().filter(|row| !known.contains(&row.id)));
    let purged = purged(connection, &purges)?;
    let changes = told(connection, site, rows, &purged)?;
    Ok(Some(Changes { changes, token: Token { position, after: None }, more }))
}

/// What is read of an entry of the journal.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = journal)]
struct Entry {
    sequence: i64,
    at: i64,
    item_id: String,
    version: i64,
    kind: String,
    action: String,
}

impl Entry {
    fn position(&self) -> Position {
        Position::of(self.sequence, self.at, &self.item_id, self.version)
    }
}

/// Kind and id of what these entries purged, if it had ever been public.
fn purged(connection: &mut Db, sequences: &[i64]) -> QueryResult<Vec<(String, String)>> {
    let mut found = Vec::new();
    for sequence in sequences {
        let (kind, id, snapshot): (String, String, String) = journal::table
            .find(sequence)
            .select((journal::kind, journal::item_id, journal::snapshot))
            .first(connection)?;
        let snapshot: serde_json::Value = serde_json::from_str(&snapshot).unwrap_or_default();
        // Entries of before it was noted tell when it was published.
        let shown_at = snapshot.get("shown_at").or_else(|| snapshot.get("published_at"));
        if shown_at.and_then(serde_json::Value::as_i64).unwrap_or(0) > 0 {
            found.push((kind, id));
        }
    }
    Ok(found)
}

/// The items with these ids in this order, each followed by what is filed under it and seen only with
/// it: a session appears and disappears with its event.
fn touched(connection: &mut Db, ids: &[&str]) -> QueryResult<Vec<Item>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = connection.dialect();
    let rows: Vec<Item> =
        items::table.filter(any_of(dialect, items::id, ids)).select(Item::as_select()).load(connection)?;
    let child_kinds: Vec<&str> = ALL.iter().filter_map(|resource| Some(resource.children?.kind)).collect();
    let children: Vec<Item> = items::table
        .filter(any_of(dialect, items::parent_id, ids).and(by_the_way(dialect, items::kind, &child_kinds)))
        .order(items::id)
        .select(Item::as_select())
        .load(connection)?;
    let mut done: HashSet<String> = HashSet::new();
    let mut out = Vec::with_capacity(rows.len() + children.len());
    for id in ids {
        let own = rows.iter().filter(|row| row.id == **id);
        let below =
            children.iter().filter(|row| row.parent_id.as_deref() == Some(*id) && !ids.contains(&row.id.as_str()));
        for row in own.chain(below) {
            if done.insert(row.id.clone()) {
                out.push(row.clone());
            }
        }
    }
    Ok(out)
}

/// What the public is told of these items. Of what it never saw it learns nothing, not even that it is.
fn told(connection: &mut Db, site: &Site, rows: Vec<Item>, purged: &[(String, String)]) -> QueryResult<Vec<Change>> {
    let view = View::plain(site);
    let shape = Shape::public(view.clone(), true);
    let mut changes = Vec::with_capacity(rows.len() + purged.len());
    for (kind, id) in purged {
        if let Some(resource) = Resource::of_kind(kind) {
            changes.push(Change::Gone { resource, id: id.clone() });
        }
    }
    // Neighbours of one kind are put together in one go.
    let mut rows = rows.into_iter().filter(|row| row.live || row.shown_at > 0).peekable();
    while let Some(first) = rows.next() {
        let Some(resource) = Resource::of_kind(&first.kind) else { continue };
        if !first.live {
            changes.push(Change::Gone { resource, id: first.id });
            continue;
        }
        let mut group = vec![first];
        while let Some(next) = rows.next_if(|row| row.live && row.kind == resource.kind) {
            group.push(next);
        }
        let loaded: Vec<Loaded> = group.into_iter().map(|item| Loaded::from_item(item, site, &view)).collect();
        let objects = compose(connection, resource, site, &loaded, &shape)?;
        changes.extend(objects.into_iter().map(|composed| Change::Here { resource, object: composed.object }));
    }
    Ok(changes)
}
