//! Collaboration on items: comments, assignments, presence, and the inbox.

use diesel::dsl::min;
use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{accounts, assignments, comments, items, presences};
use crate::database::{Db, in_list, new_id, now};
use crate::editorial::lifecycle;
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::journal::{self, Author};
use crate::microseconds::MINUTE;
use crate::problem::Problem;

/// A row of `comments`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = comments)]
pub struct Comment {
    /// UUIDv7.
    pub id: String,
    /// The id of the item that the comment is about.
    pub item_id: String,
    /// The version of the item when the comment was written.
    pub version: i64,
    /// The id of the author's account; none for Plenary itself.
    pub author: Option<String>,
    /// Time of creation (µs).
    pub created_at: i64,
    /// Time at which the comment was resolved (µs), or 0.
    pub resolved_at: i64,
    /// The id of the account that resolved the comment.
    pub resolved_by: Option<String>,
    /// JSON Pointer to the value in the content that the comment is about.
    pub pointer: Option<String>,
    /// The text of the comment.
    pub body: String,
}

/// Maximum number of comments in a list.
const MAX_COMMENTS: i64 = 500;

/// The id and name of an account.
pub type AccountName = (String, String);

/// Returns the comments on an item with the names of their authors, oldest first, at most `MAX_COMMENTS`.
///
/// # Errors
///
/// Fails if the query fails.
pub fn comments_on(connection: &mut Db, item_id: &str) -> QueryResult<Vec<(Comment, Option<String>)>> {
    comments::table
        .left_join(accounts::table.on(comments::author.eq(accounts::id.nullable())))
        .filter(comments::item_id.eq(item_id))
        .order(comments::id)
        .limit(MAX_COMMENTS)
        .select((Comment::as_select(), accounts::name.nullable()))
        .load(connection)
}

/// Returns the number of unresolved comments on an item.
///
/// # Errors
///
/// Fails if the query fails.
pub fn open_comments(connection: &mut Db, item_id: &str) -> QueryResult<i64> {
    comments::table
        .filter(comments::item_id.eq(item_id).and(comments::resolved_at.eq(0)))
        .count()
        .get_result(connection)
}

/// Adds a comment to an item at its current version.
///
/// # Errors
///
/// Fails if the statement fails.
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
        version: item.latest_version(),
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

/// Resolves a comment. A comment that is resolved already stays as it is.
///
/// # Errors
///
/// Fails with `NotFound` if the item has no such comment, and if a statement fails.
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

/// Returns the account to which an item is assigned.
///
/// # Errors
///
/// Fails if the query fails.
pub fn assignee(connection: &mut Db, item_id: &str) -> QueryResult<Option<AccountName>> {
    assignments::table
        .inner_join(accounts::table.on(accounts::id.eq(assignments::account_id)))
        .filter(assignments::item_id.eq(item_id))
        .select((accounts::id, accounts::name))
        .first(connection)
        .optional()
}

/// Assigns an item to an account, or to none. The item gets its next version, so that an assignment cannot
/// silently replace one that another editor made since.
///
/// # Errors
///
/// Fails if a statement fails, such as when the account does not exist.
pub fn assign(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: Item,
    account_id: Option<&str>,
) -> Result<Item, Problem> {
    diesel::delete(assignments::table.find(&item.id)).execute(connection)?;
    if let Some(account_id) = account_id {
        let row = (
            assignments::item_id.eq(&item.id),
            assignments::account_id.eq(account_id),
            assignments::assigned_by.eq(&context.author.account_id),
            assignments::assigned_at.eq(now()),
        );
        diesel::insert_into(assignments::table).values(row).execute(connection)?;
    }
    let action = if account_id.is_some() { "assign" } else { "unassign" };
    let item = lifecycle::bump_version(connection, context, item, action)?;
    // The assignee is recorded in a second entry of another kind: the audit log shows it, while the item's
    // history is visible to everybody who may read drafts.
    let (snapshot, version) = (serde_json::json!({"assignee": account_id}).to_string(), item.latest_version());
    let entry = journal::NewEntry { action, kind: "assignment", id: &item.id, version, snapshot, changed: &[] };
    journal::append(connection, context.author, entry)?;
    Ok(item)
}

/// Time for which an account counts as present after its last signal (µs).
const PRESENCE: i64 = 2 * MINUTE;

/// An account that is editing an item.
#[derive(Debug, Clone)]
pub struct ActiveEditor {
    pub person: AccountName,
    /// Time of the first signal (µs).
    pub since: i64,
    /// Time at which the presence ends without another signal (µs).
    pub expires_at: i64,
}

/// Records that an account is editing an item, for two minutes from now, and deletes expired presences.
///
/// # Errors
///
/// Fails if a statement fails.
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

/// Records that an account has stopped editing an item.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn leave(connection: &mut Db, item_id: &str, account_id: &str) -> QueryResult<()> {
    diesel::delete(presences::table.find((item_id, account_id))).execute(connection).map(drop)
}

/// Returns the accounts that are editing an item, in the order in which they began.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_presences(connection: &mut Db, item_id: &str) -> QueryResult<Vec<ActiveEditor>> {
    let rows: Vec<(AccountName, i64, i64)> = presences::table
        .inner_join(accounts::table)
        .filter(presences::item_id.eq(item_id).and(presences::expires_at.gt(now())))
        .order((presences::since, presences::account_id))
        .select(((accounts::id, accounts::name), presences::since, presences::expires_at))
        .load(connection)?;
    Ok(rows.into_iter().map(|(person, since, expires_at)| ActiveEditor { person, since, expires_at }).collect())
}

/// The reason for which an item is in an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxReason {
    /// The item is in review.
    Review,
    /// The item is assigned to the account and has an unpublished text.
    Assigned,
    /// The item belongs to the account and has unresolved comments by others.
    Comments,
}

/// Returns the inbox of an account: with `reviews`, the items in review; assigned items that have an
/// unpublished text; and items that the account created or is assigned to with unresolved comments by others.
/// `limit` applies to each of the three, and an item can be in more than one of them.
///
/// # Errors
///
/// Fails if a query fails.
pub fn inbox(
    connection: &mut Db,
    account_id: &str,
    reviews: bool,
    limit: i64,
) -> QueryResult<Vec<(InboxReason, Item)>> {
    let present = items::table.filter(items::trashed_at.eq(0));
    let mut found = Vec::new();
    if reviews {
        let rows: Vec<Item> = present
            .filter(items::stage.eq("in_review"))
            .filter(crate::items::is_staged())
            .order(items::updated_at)
            .limit(limit)
            .select(Item::as_select())
            .load(connection)?;
        found.extend(rows.into_iter().map(|item| (InboxReason::Review, item)));
    }
    let rows: Vec<Item> = present
        .inner_join(assignments::table)
        .filter(assignments::account_id.eq(account_id))
        .filter(items::status.eq("draft").or(items::draft_version.gt(0)))
        .order(assignments::assigned_at)
        .limit(limit)
        .select(Item::as_select())
        .load(connection)?;
    found.extend(rows.into_iter().map(|item| (InboxReason::Assigned, item)));
    let rows = load_commented(connection, account_id, limit)?;
    found.extend(rows.into_iter().map(|item| (InboxReason::Comments, item)));
    Ok(found)
}

/// Returns items that an account created or is assigned to and that have unresolved comments by others, in the order of
/// the first of these.
fn load_commented(connection: &mut Db, account_id: &str, limit: i64) -> QueryResult<Vec<Item>> {
    // An item counts once, however many comments it has.
    let ids: Vec<String> = comments::table
        .inner_join(items::table)
        .left_join(assignments::table.on(assignments::item_id.eq(items::id)))
        .filter(comments::resolved_at.eq(0).and(items::trashed_at.eq(0)))
        .filter(comments::author.is_null().or(comments::author.ne(account_id)))
        .filter(items::created_by.eq(account_id).or(assignments::account_id.nullable().eq(account_id)))
        .group_by(comments::item_id)
        .order(min(comments::id))
        .limit(limit)
        .select(comments::item_id)
        .load(connection)?;
    let these = items::table.filter(in_list(connection.dialect(), items::id, &ids));
    let mut rows: Vec<Item> = these.select(Item::as_select()).load(connection)?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(rows)
}
