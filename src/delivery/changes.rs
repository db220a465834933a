//! Change feed for clients that keep a copy. The journal tells which items were touched. Each change carries
//! what the public sees of the item now, so that receiving a change twice does no harm.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};

use super::{ReadContext, Shape};
use crate::content::Site;
use crate::content_types::{ALL, ContentType};
use crate::database::position::Position;
use crate::database::schema::{items, journal};
use crate::database::{Db, in_list, unindexed};
use crate::delivery::render::compose::compose;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::sql::referrers;
use crate::items::Item;
use crate::items::render::View;
use crate::journal::snapshot;
use crate::signed_token;

const PURPOSE: &str = "changes";

/// Position of a client's copy in the change feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Last journal entry that is in the copy, with all entries before it.
    #[serde(flatten)]
    pub position: Position,
    /// Id of the last item in the copy, while the first copy is still being made.
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Token {
    /// Returns the opaque, signed form.
    pub fn encode(&self, key: &[u8]) -> String {
        signed_token::seal(key, PURPOSE, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Parses the opaque form; `None` if it was not signed with this key.
    pub fn decode(text: &str, key: &[u8]) -> Option<Self> {
        serde_json::from_slice(&signed_token::open(key, PURPOSE, text)?).ok()
    }
}

/// A change of an item, as the public sees it.
#[derive(Debug)]
pub enum Change {
    /// The item is public, in this form.
    Upsert {
        /// Content type of the item.
        content_type: &'static ContentType,
        /// The item as a full response in the default language.
        object: String,
    },
    /// The item is not public any more.
    Delete {
        /// Content type of the item.
        content_type: &'static ContentType,
        /// Id of the item.
        id: String,
    },
}

/// A batch of changes.
#[derive(Debug)]
pub struct Changes {
    /// Changes in the order in which the items were last touched.
    pub changes: Vec<Change>,
    /// Token for the next request.
    pub token: Token,
    /// Whether there are more changes already.
    pub more: bool,
}

impl Changes {
    /// Returns the JSON body of the response.
    pub fn body(&self, key: &[u8]) -> String {
        let entries: Vec<String> = self
            .changes
            .iter()
            .map(|change| match change {
                Change::Upsert { content_type, object } => {
                    format!(
                        "{{\"collection\":\"{}\",\"operation\":\"upsert\",\"item\":{object}}}",
                        content_type.collection
                    )
                }
                Change::Delete { content_type, id } => {
                    format!(
                        "{{\"collection\":\"{}\",\"operation\":\"delete\",\"id\":\"{id}\"}}",
                        content_type.collection
                    )
                }
            })
            .collect();
        // Tokens are base64url, so nothing in them needs escaping.
        format!("{{\"data\":[{}],\"next\":\"{}\",\"more\":{}}}", entries.join(","), self.token.encode(key), self.more)
    }
}

/// Returns a batch of the first copy: all public items, by id. Items that change meanwhile are among the
/// changes since the copy was begun. `None` if the token belongs to another history of the journal.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn copy(connection: &mut Db, site: &Site, token: Option<Token>, limit: i64) -> QueryResult<Option<Changes>> {
    let (position, after) = match token {
        Some(Token { position, .. }) if !position.holds(connection)? => return Ok(None),
        Some(Token { position, after }) => (position, after.unwrap_or_default()),
        // Read before any item: what changes while the copy is made comes after this position.
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
    let changes = visible_changes(connection, site, rows, &[])?;
    Ok(Some(Changes { changes, token: Token { position, after }, more }))
}

/// Returns the changes after the journal entry `since`, from at most `limit` entries: the items that were
/// touched, and public items that show a part of them. `None` if the journal does not have this entry, as in
/// another history.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn since(connection: &mut Db, site: &Site, since: Position, limit: i64) -> QueryResult<Option<Changes>> {
    let kinds: Vec<&str> = ALL.iter().map(|content_type| content_type.kind).collect();
    let mut entries: Vec<Entry> = journal::table
        // The entry itself is read as well, to see that it is still the same: after a restore or a failover,
        // its number can be that of another one.
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
    // The last touch of an item counts. Items then come before those that refer to them, if they were written
    // in that order.
    let mut ids: Vec<&str> = Vec::new();
    let mut purges: Vec<i64> = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for entry in seen.iter().rev().filter(|entry| kinds.contains(&entry.kind.as_str())) {
        let id = entry.item_id.as_str();
        if !ids.contains(&id) {
            ids.push(id);
        }
        if referrers::is_visible(&entry.action) && !shown.contains(&id) {
            shown.push(id);
        }
        if entry.action == "purge" {
            purges.push(entry.sequence);
        }
    }
    ids.reverse();
    let below = referrers::children(connection, &shown)?;
    shown.extend(below.iter().map(String::as_str));
    let referring = match referrers::of(connection, &shown)? {
        Some(found) => found,
        // More items refer to these than fit into a response, so fewer entries are returned at once. The
        // referring items of a single entry are left out: clients join them by id.
        None if seen.len() > 1 => return self::since(connection, site, since, seen.len() as i64 / 2),
        None => Vec::new(),
    };
    let mut rows = changed_items(connection, &ids)?;
    let known: HashSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    rows.extend(referring.into_iter().filter(|row| !known.contains(&row.id)));
    let purged = purged(connection, &purges)?;
    let changes = visible_changes(connection, site, rows, &purged)?;
    Ok(Some(Changes { changes, token: Token { position, after: None }, more }))
}

/// Columns of a journal entry that the feed reads.
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

/// Returns the content types and ids of purged items that had ever been public.
fn purged(connection: &mut Db, sequences: &[i64]) -> QueryResult<Vec<(String, String)>> {
    let mut found = Vec::new();
    for sequence in sequences {
        let (kind, id, stored): (String, String, Vec<u8>) = journal::table
            .find(sequence)
            .select((journal::kind, journal::item_id, journal::snapshot))
            .first(connection)?;
        let snapshot: serde_json::Value =
            serde_json::from_str(&snapshot::read(&stored).unwrap_or_default()).unwrap_or_default();
        // Older entries lack `shown_at`; the time of publication stands for it.
        let shown_at = snapshot.get("shown_at").or_else(|| snapshot.get("published_at"));
        if shown_at.and_then(serde_json::Value::as_i64).unwrap_or(0) > 0 {
            found.push((kind, id));
        }
    }
    Ok(found)
}

/// Loads the items with these ids in this order, each followed by its children that are visible only with it:
/// a session appears and disappears with its event.
fn changed_items(connection: &mut Db, ids: &[&str]) -> QueryResult<Vec<Item>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = connection.dialect();
    let rows: Vec<Item> =
        items::table.filter(in_list(dialect, items::id, ids)).select(Item::as_select()).load(connection)?;
    let child_kinds: Vec<&str> = ALL.iter().filter_map(|content_type| Some(content_type.children?.kind)).collect();
    let children: Vec<Item> = items::table
        .filter(in_list(dialect, items::parent_id, ids).and(unindexed(dialect, items::kind, &child_kinds)))
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

/// Returns the changes that the public sees of these items. Items that were never public are left out, so
/// that not even their existence is revealed.
fn visible_changes(
    connection: &mut Db,
    site: &Site,
    rows: Vec<Item>,
    purged: &[(String, String)],
) -> QueryResult<Vec<Change>> {
    let view = View::plain(site);
    let shape = Shape::public(view.clone(), true);
    let mut changes = Vec::with_capacity(rows.len() + purged.len());
    for (kind, id) in purged {
        if let Some(content_type) = ContentType::of_kind(kind) {
            changes.push(Change::Delete { content_type, id: id.clone() });
        }
    }
    // Consecutive items of one content type are composed together.
    let mut rows = rows.into_iter().filter(|row| row.live || row.shown_at > 0).peekable();
    while let Some(first) = rows.next() {
        let Some(content_type) = ContentType::of_kind(&first.kind) else { continue };
        if !first.live {
            changes.push(Change::Delete { content_type, id: first.id });
            continue;
        }
        let mut group = vec![first];
        while let Some(next) = rows.next_if(|row| row.live && row.kind == content_type.kind) {
            group.push(next);
        }
        let group: Vec<LoadedItem> = group.into_iter().map(|item| LoadedItem::from_item(item, site, &view)).collect();
        let items = compose(connection, ReadContext { content_type, site, shape: &shape }, &group)?;
        changes.extend(items.into_iter().map(|item| Change::Upsert { content_type, object: item.object }));
    }
    Ok(changes)
}
