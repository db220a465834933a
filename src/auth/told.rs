//! What the journal learns of accounts: log-ins and failures, keys, changes of rights.

use diesel::result::QueryResult;
use serde_json::Value;

use crate::database::Db;
use crate::journal::{self, Author, Entry};

/// The kind under which accounts stand in the journal.
pub const KIND: &str = "account";

/// Appends what happened to an account; `more` is told beside it, and holds no secrets.
pub fn append(connection: &mut Db, author: &Author, action: &str, account_id: &str, more: &Value) -> QueryResult<()> {
    let entry = Entry { action, kind: KIND, id: account_id, version: 0, snapshot: more.to_string(), changed: &[] };
    journal::append(connection, author, entry)
}
