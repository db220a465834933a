//! The audit log of accounts: journal entries about log-ins, failures, API keys, sessions and changed rights.

use diesel::result::QueryResult;
use serde_json::Value;

use crate::database::Db;
use crate::journal::{self, Author, NewEntry};

/// The kind of journal entries about accounts.
pub const KIND: &str = "account";

/// Appends an entry about an account to the journal. `more` becomes the snapshot of the entry; it is stored
/// in clear text and shown to administrators, so it must not hold secrets.
///
/// The entry also invalidates every cached credential of the account on all nodes (see `credentials`), so a
/// change of rights must append one in its own transaction.
///
/// # Errors
/// Returns an error if the entry cannot be inserted.
pub fn append(connection: &mut Db, author: &Author, action: &str, account_id: &str, more: &Value) -> QueryResult<()> {
    let entry = NewEntry { action, kind: KIND, id: account_id, version: 0, snapshot: more.to_string(), changed: &[] };
    journal::append(connection, author, entry)
}
