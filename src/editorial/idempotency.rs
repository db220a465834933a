//! Idempotency keys: a create request that is sent again with the same `Idempotency-Key` creates no second
//! item.
//!
//! The key is looked up and stored in the transaction that creates the item. Since write transactions exclude
//! each other, two requests with one key that arrive together cannot both find it unused, and a key is never
//! stored without its item.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::content::violation::Violations;
use crate::database::schema::idempotency_keys;
use crate::database::{Db, now};
use crate::hex::hex;
use crate::problem::Problem;

/// An idempotency key with the request and the item that it stands for.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct IdempotencyRecord {
    /// The id of the account. Keys of different accounts are independent of each other.
    pub account_id: String,
    /// The value of `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of the request's target and body, in hexadecimal.
    pub fingerprint: String,
    /// The id of the created item.
    pub item_id: String,
    /// Time of the request (µs).
    pub created_at: i64,
}

impl IdempotencyRecord {
    /// Parses a key for a request with this target and body.
    ///
    /// # Errors
    ///
    /// Fails with `BadRequest` if the key is not 1 to 255 visible ASCII characters.
    pub fn read(account_id: &str, key: &str, target: &str, body: &[u8]) -> Result<Self, Problem> {
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::bad_request(Violations::one(
                "Idempotency-Key",
                "not_a_key",
                "must be 1 to 255 visible ASCII characters",
            )));
        }
        let mut hash = Sha256::new();
        hash.update(target.as_bytes());
        hash.update([0]);
        hash.update(body);
        let fingerprint = hex(&hash.finalize());
        Ok(Self {
            account_id: account_id.to_owned(),
            key: key.to_owned(),
            fingerprint,
            item_id: String::new(),
            created_at: now(),
        })
    }

    /// Returns the id of the item that an earlier request with this key created, if there was one.
    ///
    /// # Errors
    ///
    /// Fails with `Invalid` if the key was used for another request, and if the query fails.
    pub fn made_before(&self, connection: &mut Db) -> Result<Option<String>, Problem> {
        let earlier: Option<IdempotencyRecord> = idempotency_keys::table
            .find((&self.account_id, &self.key))
            .select(IdempotencyRecord::as_select())
            .first(connection)
            .optional()?;
        match earlier {
            None => Ok(None),
            Some(earlier) if earlier.fingerprint == self.fingerprint => Ok(Some(earlier.item_id)),
            Some(_) => Err(Problem::invalid(Violations::one(
                "Idempotency-Key",
                "reused",
                "the key was used for another request",
            ))),
        }
    }

    /// Stores the key with the item that was created.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails.
    pub fn keep(mut self, connection: &mut Db, item_id: &str) -> QueryResult<()> {
        self.item_id = item_id.to_owned();
        diesel::insert_into(idempotency_keys::table).values(&self).execute(connection).map(drop)
    }
}
