//! Links that show what is not public yet: one item with its newest text, or the site at a moment.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::life::allowed;
use crate::auth::permissions::{Action, Role};
use crate::content::moment::utc_text;
use crate::database::schema::preview_links;
use crate::database::{Db, new_id, now};
use crate::journal::{self, Author, Entry};
use crate::problem::{Kind, Problem};
use crate::signed;

const PURPOSE: &str = "preview";

/// A row of `preview_links`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = preview_links)]
pub struct PreviewLink {
    /// UUIDv7.
    pub id: String,
    /// The item that it shows; none for the whole site.
    pub item_id: Option<String>,
    /// The moment at which it shows the site (µs), 0 for none.
    pub view_at: i64,
    /// Who made it.
    pub created_by: Option<String>,
    /// When (µs).
    pub created_at: i64,
    /// Until when it is good (µs).
    pub expires_at: i64,
    /// When it was revoked (µs), or 0.
    pub revoked_at: i64,
}

impl PreviewLink {
    /// The text that shows it.
    pub fn token(&self, key: &[u8]) -> String {
        signed::seal(key, PURPOSE, self.id.as_bytes())
    }

    fn is_good(&self) -> bool {
        self.revoked_at == 0 && self.expires_at > now()
    }
}

/// Makes a link.
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
    told(connection, author, "create", &link)?;
    Ok(link)
}

/// The links that are good, the newest first.
pub fn all(connection: &mut Db, limit: i64) -> QueryResult<Vec<PreviewLink>> {
    preview_links::table
        .filter(preview_links::revoked_at.eq(0).and(preview_links::expires_at.gt(now())))
        .order(preview_links::id.desc())
        .limit(limit)
        .select(PreviewLink::as_select())
        .load(connection)
}

/// Ends a link: one's own, or for those who may publish, anybody's.
pub fn revoke(connection: &mut Db, author: &Author, role: Role, id: &str) -> Result<(), Problem> {
    let found: Option<PreviewLink> =
        preview_links::table.find(id).select(PreviewLink::as_select()).first(connection).optional()?;
    let Some(link) = found.filter(PreviewLink::is_good) else { return Err(Problem::not_found("preview link")) };
    if link.created_by != author.account_id {
        allowed(role, Action::Publish)?;
    }
    diesel::update(preview_links::table.find(id)).set(preview_links::revoked_at.eq(now())).execute(connection)?;
    Ok(told(connection, author, "revoke", &link)?)
}

/// The link of a token, if it is good.
pub fn by_token(connection: &mut Db, key: &[u8], token: &str) -> Result<PreviewLink, Problem> {
    let refused = || Problem::new(Kind::Unauthorised, "this preview link is not valid, or not any more");
    let id = signed::open(key, PURPOSE, token).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    let found: Option<PreviewLink> =
        preview_links::table.find(id).select(PreviewLink::as_select()).first(connection).optional()?;
    found.filter(PreviewLink::is_good).ok_or_else(refused)
}

/// Forgets links that nobody can use any more.
pub fn forget_ended(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(preview_links::table.filter(preview_links::expires_at.lt(now()))).execute(connection)
}

fn told(connection: &mut Db, author: &Author, action: &str, link: &PreviewLink) -> QueryResult<()> {
    let at = (link.view_at > 0).then(|| utc_text(link.view_at));
    let snapshot = serde_json::json!({"item": link.item_id, "at": at, "expires_at": utc_text(link.expires_at)});
    let (kind, id, snapshot) = ("preview_link", link.id.as_str(), snapshot.to_string());
    journal::append(connection, author, Entry { action, kind, id, version: 0, snapshot, changed: &[] })
}
