//! Working together: comments on an item, who takes care of it, who is editing it.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::life::{self, Pen};
use crate::database::schema::{accounts, assignments, comments, items, presences};
use crate::database::{Db, new_id, now};
use crate::items::Item;
use crate::journal::{self, Author};
use crate::problem::Problem;

/// A row of `comments`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = comments)]
pub struct Comment {
    /// UUIDv7.
    pub id: String,
    /// What it is about.
    pub item_id: String,
    /// The version that its author saw.
    pub version: i64,
    /// The account; none for Plenary itself.
    pub author: Option<String>,
    /// When (µs).
    pub created_at: i64,
    /// When it was settled (µs), or 0.
    pub resolved_at: i64,
    /// By whom.
    pub resolved_by: Option<String>,
    /// The place in the content (JSON Pointer).
    pub pointer: Option<String>,
    /// The text.
    pub body: String,
}

/// The most comments of an item that are listed.
const MOST: i64 = 500;

/// Id and name of an account.
pub type Named = (String, String);

/// The comments on an item, the oldest first, each with the name of its author.
pub fn comments_on(connection: &mut Db, item_id: &str) -> QueryResult<Vec<(Comment, Option<String>)>> {
    comments::table
        .left_join(accounts::table.on(comments::author.eq(accounts::id.nullable())))
        .filter(comments::item_id.eq(item_id))
        .order(comments::id)
        .limit(MOST)
        .select((Comment::as_select(), accounts::name.nullable()))
        .load(connection)
}

/// How many comments on an item are not settled.
pub fn open_comments(connection: &mut Db, item_id: &str) -> QueryResult<i64> {
    comments::table
        .filter(comments::item_id.eq(item_id).and(comments::resolved_at.eq(0)))
        .count()
        .get_result(connection)
}

/// Comments on an item as it is now.
pub fn comment(
    connection: &mut Db,
    author: &Author,
    item: &Item,
    pointer: Option<String>,
    body: &str,
) -> QueryResult<Comment> {
    let comment = Comment {
        id: new_id(),
        item_id: item.id.clone(),
        version: item.latest(),
        author: author.account_id.clone(),
        created_at: now(),
        resolved_at: 0,
        resolved_by: None,
        pointer,
        body: body.to_owned(),
    };
    diesel::insert_into(comments::table).values(&comment).execute(connection)?;
    Ok(comment)
}

/// Settles a comment; one that is settled stays as it is.
pub fn resolve(connection: &mut Db, author: &Author, item_id: &str, id: &str) -> Result<Comment, Problem> {
    let place = comments::table.find(id).filter(comments::item_id.eq(item_id));
    let found: Option<Comment> = place.select(Comment::as_select()).first(connection).optional()?;
    let mut comment = found.ok_or_else(|| Problem::not_found("comment"))?;
    if comment.resolved_at == 0 {
        (comment.resolved_at, comment.resolved_by) = (now(), author.account_id.clone());
        diesel::update(comments::table.find(id))
            .set((comments::resolved_at.eq(comment.resolved_at), comments::resolved_by.eq(&comment.resolved_by)))
            .execute(connection)?;
    }
    Ok(comment)
}

/// Who takes care of an item.
pub fn assignee(connection: &mut Db, item_id: &str) -> QueryResult<Option<Named>> {
    assignments::table
        .inner_join(accounts::table.on(accounts::id.eq(assignments::account_id)))
        .filter(assignments::item_id.eq(item_id))
        .select((accounts::id, accounts::name))
        .first(connection)
        .optional()
}

/// Gives an item to somebody, or to nobody: its next version, since it may replace what somebody else decided.
pub fn assign(connection: &mut Db, pen: Pen<'_>, item: Item, account_id: Option<&str>) -> Result<Item, Problem> {
    diesel::delete(assignments::table.find(&item.id)).execute(connection)?;
    if let Some(account_id) = account_id {
        let row = (
            assignments::item_id.eq(&item.id),
            assignments::account_id.eq(account_id),
            assignments::assigned_by.eq(&pen.author.account_id),
            assignments::assigned_at.eq(now()),
        );
        diesel::insert_into(assignments::table).values(row).execute(connection)?;
    }
    let action = if account_id.is_some() { "assign" } else { "unassign" };
    let item = life::noted(connection, pen, item, action)?;
    // The audit is told to whom; the history of the item is for all who read drafts.
    let (snapshot, version) = (serde_json::json!({"assignee": account_id}).to_string(), item.latest());
    let entry = journal::Entry { action, kind: "assignment", id: &item.id, version, snapshot, changed: &[] };
    journal::append(connection, pen.author, entry)?;
    Ok(item)
}

/// Microseconds for which somebody counts as editing after they last said so.
const PRESENCE: i64 = 120_000_000;

/// Somebody at work on an item.
#[derive(Debug, Clone)]
pub struct Present {
    /// Who.
    pub person: Named,
    /// Since when (µs).
    pub since: i64,
    /// Until when, unless they say so again (µs).
    pub expires_at: i64,
}

/// Says that an account is editing an item, for two minutes from now.
pub fn arrive(connection: &mut Db, item_id: &str, account_id: &str) -> QueryResult<()> {
    let at = now();
    diesel::delete(presences::table.filter(presences::expires_at.le(at))).execute(connection)?;
    let place = presences::table.find((item_id, account_id));
    let known = diesel::update(place).set(presences::expires_at.eq(at + PRESENCE)).execute(connection)?;
    if known == 0 {
        let row = (
            presences::item_id.eq(item_id),
            presences::account_id.eq(account_id),
            presences::since.eq(at),
            presences::expires_at.eq(at + PRESENCE),
        );
        diesel::insert_into(presences::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// Says that an account is not editing an item any more.
pub fn leave(connection: &mut Db, item_id: &str, account_id: &str) -> QueryResult<()> {
    diesel::delete(presences::table.find((item_id, account_id))).execute(connection).map(drop)
}

/// Who is editing an item, the first to come first.
pub fn present(connection: &mut Db, item_id: &str) -> QueryResult<Vec<Present>> {
    let rows: Vec<(Named, i64, i64)> = presences::table
        .inner_join(accounts::table)
        .filter(presences::item_id.eq(item_id).and(presences::expires_at.gt(now())))
        .order((presences::since, presences::account_id))
        .select(((accounts::id, accounts::name), presences::since, presences::expires_at))
        .load(connection)?;
    Ok(rows.into_iter().map(|(person, since, expires_at)| Present { person, since, expires_at }).collect())
}

/// Why an item waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// It is in review.
    Review,
    /// It was assigned to them.
    Assigned,
    /// There are open comments of others on what they made or are assigned to.
    Comments,
}

/// What waits for an account: assigned items that are not published as they are, items in review for
/// those who may publish, and items of theirs with open comments of others.
pub fn inbox(connection: &mut Db, account_id: &str, reviews: bool, limit: i64) -> QueryResult<Vec<(Waits, Item)>> {
    let present = items::table.filter(items::trashed_at.eq(0));
    let mut found = Vec::new();
    if reviews {
        let rows: Vec<Item> = present
            .filter(items::stage.eq("in_review"))
            .filter(crate::items::staged())
            .order(items::updated_at)
            .limit(limit)
            .select(Item::as_select())
            .load(connection)?;
        found.extend(rows.into_iter().map(|item| (Waits::Review, item)));
    }
    let rows: Vec<Item> = present
        .inner_join(assignments::table)
        .filter(assignments::account_id.eq(account_id))
        .filter(items::status.eq("draft").or(items::draft_version.gt(0)))
        .order(assignments::assigned_at)
        .limit(limit)
        .select(Item::as_select())
        .load(connection)?;
    found.extend(rows.into_iter().map(|item| (Waits::Assigned, item)));
    let rows: Vec<Item> = comments::table
        .inner_join(items::table)
        .left_join(assignments::table.on(assignments::item_id.eq(items::id)))
        .filter(comments::resolved_at.eq(0).and(items::trashed_at.eq(0)))
        .filter(comments::author.is_null().or(comments::author.ne(account_id)))
        .filter(items::created_by.eq(account_id).or(assignments::account_id.nullable().eq(account_id)))
        .order(comments::id)
        .limit(limit)
        .select(Item::as_select())
        .load(connection)?;
    for item in rows {
        if !found.iter().any(|(why, known)| *why == Waits::Comments && known.id == item.id) {
            found.push((Waits::Comments, item));
        }
    }
    Ok(found)
}
