//! Change feed for clients that keep a copy. The journal tells which items were touched. Each change carries
//! what the public sees of the item now, so that receiving a change twice does no harm.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};

use super::{ReadContext, Shape};
use crate::content::Site;
use crate::content_types::ContentType;
use crate::database::position::Position;
use crate::database::schema::{items, journal};
use crate::database::{Db, in_list};
use crate::delivery::render::compose::compose;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::sql::referrers::{self, Child};
use crate::items::Item;
use crate::items::render::View;
use crate::journal::snapshot;
use crate::signed_token;

const PURPOSE: &str = "changes";
/// Maximum number of items in a batch of changes besides those that were touched: their children, and what refers to them.
const MAX_AROUND: usize = 2_000;
/// Action of the journal entries of items that are deleted for good.
const PURGE: &str = "purge";

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
        None => (Position::find_newest(connection)?, String::new()),
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
pub fn load_changes(connection: &mut Db, site: &Site, since: Position, limit: i64) -> QueryResult<Option<Changes>> {
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
    let touched = TouchedItems::of(seen);
    let Some(around) = load_dependents(connection, &touched)? else {
        // More items change with these than fit into a response, so fewer entries are returned at once.
        return load_changes(connection, site, since, seen.len() as i64 / 2);
    };
    let mut rows = changed_items(connection, &touched.ids, &around.below)?;
    rows.extend(around.referring);
    let purged = find_purged(connection, seen)?;
    let changes = visible_changes(connection, site, rows, &purged)?;
    Ok(Some(Changes { changes, token: Token { position, after: None }, more }))
}

/// The items that journal entries touch.
#[derive(Debug)]
struct TouchedItems<'a> {
    /// The ids of all of them, in the order of their last touch. Items then come before those that refer to them, if they
    /// were written in that order.
    ids: Vec<&'a str>,
    /// The ids of those of which others may show a part that changed.
    shown: Vec<&'a str>,
}

impl<'a> TouchedItems<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let (mut ids, mut shown) = (Vec::new(), Vec::new());
        let (mut known, mut known_shown) = (HashSet::new(), HashSet::new());
        for entry in entries.iter().rev().filter(|entry| ContentType::of_kind(&entry.kind).is_some()) {
            let id = entry.item_id.as_str();
            if known.insert(id) {
                ids.push(id);
            }
            if referrers::is_visible(&entry.action) && known_shown.insert(id) {
                shown.push(id);
            }
        }
        ids.reverse();
        Self { ids, shown }
    }
}

/// The items that change with those that were touched, and were not touched themselves.
struct DependentItems {
    /// Their children.
    below: Vec<Child>,
    /// Public items that show a part of them or of their children.
    referring: Vec<Item>,
}

/// Returns what changes with the items that were touched; `None` if it is more than [`MAX_AROUND`] and the number of items
/// can be reduced. The children of a single item are always complete. The items that refer to it are left out if they are
/// more: clients join them by id.
fn load_dependents(connection: &mut Db, touched: &TouchedItems<'_>) -> QueryResult<Option<DependentItems>> {
    let own: HashSet<&str> = touched.ids.iter().copied().collect();
    let is_single = own.len() <= 1;
    let limit = if is_single { i64::MAX } else { (MAX_AROUND + own.len()) as i64 + 1 };
    let children = referrers::children(connection, &touched.ids, limit)?;
    let changed: HashSet<&str> = touched.shown.iter().copied().collect();
    let below: Vec<Child> = children.iter().filter(|child| !own.contains(&*child.id)).cloned().collect();
    let room = match is_single {
        true => MAX_AROUND,
        false if below.len() > MAX_AROUND => return Ok(None),
        false => MAX_AROUND - below.len(),
    };
    let mut targets = touched.shown.clone();
    targets.extend(children.iter().filter(|child| changed.contains(&*child.parent)).map(|child| &*child.id));
    let known: HashSet<&str> = own.into_iter().chain(below.iter().map(|child| &*child.id)).collect();
    let referring = match referrers::load_referrers(connection, &targets, &known, room)? {
        None if !is_single => return Ok(None),
        found => found.unwrap_or_default(),
    };
    Ok(Some(DependentItems { below, referring }))
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

/// Returns the content types and ids of the items that these entries purge and that had ever been public, the last one
/// first.
fn find_purged(connection: &mut Db, entries: &[Entry]) -> QueryResult<Vec<(String, String)>> {
    let mut purges = entries.iter().filter(|entry| entry.action == PURGE).map(|entry| entry.sequence);
    let Some(first) = purges.next() else { return Ok(Vec::new()) };
    let rows: Vec<(String, String, Vec<u8>)> = journal::table
        .filter(journal::sequence.between(first, purges.next_back().unwrap_or(first)).and(journal::action.eq(PURGE)))
        .order(journal::sequence.desc())
        .select((journal::kind, journal::item_id, journal::snapshot))
        .load(connection)?;
    let was_public = |stored: &[u8]| {
        let snapshot: serde_json::Value =
            serde_json::from_str(&snapshot::read(stored).unwrap_or_default()).unwrap_or_default();
        // Older entries lack `shown_at`; the time of publication stands for it.
        let shown_at = snapshot.get("shown_at").or_else(|| snapshot.get("published_at"));
        shown_at.and_then(serde_json::Value::as_i64).unwrap_or(0) > 0
    };
    Ok(rows.into_iter().filter(|(_, _, stored)| was_public(stored)).map(|(kind, id, _)| (kind, id)).collect())
}

/// Loads the items with these ids in this order, each followed by its children that are visible only with it:
/// a session appears and disappears with its event.
fn changed_items(connection: &mut Db, ids: &[&str], below: &[Child]) -> QueryResult<Vec<Item>> {
    let all = ids.iter().copied().chain(below.iter().map(|child| child.id.as_str()));
    let rows: Vec<Item> = items::table
        .filter(in_list(connection.dialect(), items::id, all))
        .order(items::id)
        .select(Item::as_select())
        .load(connection)?;
    let own: HashSet<&str> = ids.iter().copied().collect();
    let mut children: HashMap<String, Vec<Item>> = HashMap::new();
    let mut touched: HashMap<String, Item> = HashMap::new();
    for row in rows {
        match &row.parent_id {
            Some(parent) if !own.contains(row.id.as_str()) => children.entry(parent.clone()).or_default().push(row),
            _ => drop(touched.insert(row.id.clone(), row)),
        }
    }
    let with_children = |id: &&str| {
        touched.remove(*id).into_iter().chain(children.remove(*id).into_iter().flatten()).collect::<Vec<_>>()
    };
    Ok(ids.iter().flat_map(with_children).collect())
}

/// Returns the changes that the public sees of these items. Items that were never public are left out, so
/// that not even their existence is revealed.
fn visible_changes(
    connection: &mut Db,
    site: &Site,
    rows: Vec<Item>,
    purged: &[(String, String)],
) -> QueryResult<Vec<Change>> {
    let view = View::default_for(site);
    let shape = Shape::for_public(view.clone(), true);
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
