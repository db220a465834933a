//! Preview links: signed links with which somebody without an account sees unpublished content, either one
//! item with its newest text or the site at a future time.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::auth::permissions::{Action, Role};
use crate::content::local_time::utc_text;
use crate::database::schema::preview_links;
use crate::database::{Db, new_id, now};
use crate::editorial::write_context::require_permission;
use crate::journal::{self, Author, NewEntry};
use crate::problem::{Problem, ProblemKind};
use crate::signed_token;

const PURPOSE: &str = "preview";

/// A row of `preview_links`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = preview_links)]
pub struct PreviewLink {
    /// UUIDv7.
    pub id: String,
    /// The id of the item that the link shows; none for the whole site.
    pub item_id: Option<String>,
    /// The time at which the link shows the site (µs), or 0 if it names none.
    pub view_at: i64,
    /// The id of the account that created the link.
    pub created_by: Option<String>,
    /// Time of creation (µs).
    pub created_at: i64,
    /// Time of expiry (µs).
    pub expires_at: i64,
    /// Time of revocation (µs), or 0.
    pub revoked_at: i64,
}

impl PreviewLink {
    /// Returns the signed token for `?preview=`. It holds only the id: what the link shows and until when is
    /// read from the database with each request, so a link can be revoked.
    pub fn token(&self, key: &[u8]) -> String {
        signed_token::seal(key, PURPOSE, self.id.as_bytes())
    }

    /// Returns whether the link is neither revoked nor expired.
    fn is_good(&self) -> bool {
        self.revoked_at == 0 && self.expires_at > now()
    }
}

/// Creates a preview link and its journal entry.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn create(
    connection: &mut Db,
    author: &Author,
    item_id: Option<String>,
    view_at: i64,
    expires_at: i64,
) -> QueryResult<PreviewLink> {
    let (id, created_by) = (new_id(), author.account_id.clone());
    let link = PreviewLink { id, item_id, view_at, created_by, created_at: now(), expires_at, revoked_at: 0 };
    diesel::insert_into(preview_links::table).values(&link).execute(connection)?;
    append_journal(connection, author, "create", &link)?;
    Ok(link)
}

/// Returns the valid links, newest first.
///
/// # Errors
///
/// Fails if the query fails.
pub fn all(connection: &mut Db, limit: i64) -> QueryResult<Vec<PreviewLink>> {
    preview_links::table
        .filter(preview_links::revoked_at.eq(0).and(preview_links::expires_at.gt(now())))
        .order(preview_links::id.desc())
        .limit(limit)
        .select(PreviewLink::as_select())
        .load(connection)
}

/// Revokes a link. Roles that may publish can revoke any link, others only their own.
///
/// # Errors
///
/// Fails with `NotFound` if there is no valid link with this id, with `Forbidden` if it belongs to somebody
/// else and the role may not publish, and if a statement fails.
pub fn revoke(connection: &mut Db, author: &Author, role: Role, id: &str) -> Result<(), Problem> {
    let found: Option<PreviewLink> =
        preview_links::table.find(id).select(PreviewLink::as_select()).first(connection).optional()?;
    let Some(link) = found.filter(PreviewLink::is_good) else { return Err(Problem::not_found("preview link")) };
    if link.created_by != author.account_id {
        require_permission(role, Action::Publish)?;
    }
    diesel::update(preview_links::table.find(id)).set(preview_links::revoked_at.eq(now())).execute(connection)?;
    Ok(append_journal(connection, author, "revoke", &link)?)
}

/// Returns the valid link of a token.
///
/// # Errors
///
/// Fails with `Unauthorized` if the signature is wrong or the link is expired, revoked or unknown, and if the
/// query fails.
pub fn by_token(connection: &mut Db, key: &[u8], token: &str) -> Result<PreviewLink, Problem> {
    let refused = || Problem::new(ProblemKind::Unauthorized, "the preview link is invalid, expired or revoked");
    let id =
        signed_token::open(key, PURPOSE, token).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    let found: Option<PreviewLink> =
        preview_links::table.find(id).select(PreviewLink::as_select()).first(connection).optional()?;
    found.filter(PreviewLink::is_good).ok_or_else(refused)
}

/// Deletes expired links and returns their number.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(preview_links::table.filter(preview_links::expires_at.lt(now()))).execute(connection)
}

/// Appends a journal entry about a link.
fn append_journal(connection: &mut Db, author: &Author, action: &str, link: &PreviewLink) -> QueryResult<()> {
    let at = (link.view_at > 0).then(|| utc_text(link.view_at));
    let snapshot = serde_json::json!({"item": link.item_id, "at": at, "expires_at": utc_text(link.expires_at)});
    let (kind, id, snapshot) = ("preview_link", link.id.as_str(), snapshot.to_string());
    journal::append(connection, author, NewEntry { action, kind, id, version: 0, snapshot, changed: &[] })
}
