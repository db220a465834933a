//! `Idempotency-Key`: a create that is sent twice happens once.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::content::fault::Faults;
use crate::database::schema::idempotency_keys;
use crate::database::{Db, now};
use crate::problem::Problem;

/// A key of a client, with what it stands for.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct Idempotent {
    /// Whose key it is.
    pub account_id: String,
    /// The key.
    pub key: String,
    /// Hash of the request.
    pub fingerprint: String,
    /// The item that was made.
    pub item_id: String,
    /// When (µs).
    pub created_at: i64,
}

impl Idempotent {
    /// Reads a key for a request with this target and body.
    pub fn read(account_id: &str, key: &str, target: &str, body: &[u8]) -> Result<Self, Problem> {
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::bad_request(Faults::one(
                "Idempotency-Key",
                "not_a_key",
                "1 to 255 visible ASCII characters",
            )));
        }
        let mut hash = Sha256::new();
        hash.update(target.as_bytes());
        hash.update([0]);
        hash.update(body);
        let fingerprint = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self {
            account_id: account_id.to_owned(),
            key: key.to_owned(),
            fingerprint,
            item_id: String::new(),
            created_at: now(),
        })
    }

    /// The item that this key made before, if it did. The same key with another request is refused.
    pub fn made_before(&self, connection: &mut Db) -> Result<Option<String>, Problem> {
        let earlier: Option<Idempotent> = idempotency_keys::table
            .find((&self.account_id, &self.key))
            .select(Idempotent::as_select())
            .first(connection)
            .optional()?;
        match earlier {
            None => Ok(None),
            Some(earlier) if earlier.fingerprint == self.fingerprint => Ok(Some(earlier.item_id)),
            Some(_) => {
                Err(Problem::invalid(Faults::one("Idempotency-Key", "reused", "this key was used for another request")))
            }
        }
    }

    /// Notes the item that was made.
    pub fn keep(mut self, connection: &mut Db, item_id: &str) -> QueryResult<()> {
        self.item_id = item_id.to_owned();
        diesel::insert_into(idempotency_keys::table).values(&self).execute(connection).map(drop)
    }
}
