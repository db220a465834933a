//! Database sessions: a connection that is reopened after it broke, with a record of failed statements.
//!
//! Errors of statements are recorded at the connection, not taken from the results of the code that runs them.
//! That code may handle an error or drop it, but on Postgres a failed statement aborts the transaction in any case,
//! and COMMIT of an aborted transaction returns no error through diesel: it rolls back and reports success. A write
//! would be acknowledged that does not exist (docs/decisions/0013).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::{self, SessionPurpose};
use super::{Address, DatabaseError, Db};

/// The class of a failed statement, in the order of severity; of several failures the most severe one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A constraint was violated, or the database is read-only: a retry would fail again.
    Constraint = 1,
    /// Any other failure: cancellation, timeout, deadlock, serialisation failure, lack of space, loss of the
    /// connection. A retry may succeed.
    Passing = 2,
}

impl Failure {
    fn of(error: &DieselError) -> Self {
        use DatabaseErrorKind as Kind;
        match error {
            _ if is_read_only(error) => Failure::Constraint,
            DieselError::DatabaseError(
                Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation
                | Kind::RestrictViolation
                | Kind::ExclusionViolation,
                _,
            ) => Failure::Constraint,
            _ => Failure::Passing,
        }
    }
}

/// Returns whether the statement failed because the database accepts no writes.
pub fn is_read_only(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => true,
        // The message of SQLite, which is not localised; diesel does not expose the code.
        DieselError::DatabaseError(_, why) => why.message() == "attempt to write a readonly database",
        _ => false,
    }
}

/// The most severe failure of a connection's statements since the last call of [`Failures::take`].
#[derive(Debug, Clone, Default)]
pub struct Failures(Arc<AtomicU8>);

impl Failures {
    /// Records a failed statement.
    pub fn note(&self, error: &DieselError) {
        self.0.fetch_max(Failure::of(error) as u8, Ordering::Relaxed);
    }

    /// Returns the most severe failure and clears the record.
    pub fn take(&self) -> Option<Failure> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => None,
            1 => Some(Failure::Constraint),
            _ => Some(Failure::Passing),
        }
    }
}

/// A connection that is reopened on demand after it broke.
pub struct DatabaseSession {
    address: Arc<Address>,
    count: Arc<AtomicU64>,
    failures: Failures,
    purpose: SessionPurpose,
    connection: Option<Db>,
}

impl DatabaseSession {
    /// Opens the connection.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be reached or rejects the connection.
    pub fn open(address: &Address, count: &Arc<AtomicU64>, purpose: SessionPurpose) -> Result<Self, DatabaseError> {
        let (address, count) = (Arc::new(address.clone()), Arc::clone(count));
        let mut link = Self { address, count, failures: Failures::default(), purpose, connection: None };
        link.get()?;
        Ok(link)
    }

    /// Returns the connection, and opens a new one if there is none.
    ///
    /// # Errors
    ///
    /// Fails if a new connection cannot be opened.
    pub fn get(&mut self) -> Result<&mut Db, DatabaseError> {
        if self.connection.is_none() {
            let made = connection::connect_for(self.purpose, &self.address, &self.count, &self.failures);
            self.connection = Some(made.map_err(|e| DatabaseError::Connection(e.to_string()))?);
        }
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Returns the connection on which the current transaction was started. Statements of a transaction must use
    /// this method: [`DatabaseSession::get`] could open a new connection, on which they would run outside of the
    /// transaction and be committed one by one.
    ///
    /// # Errors
    ///
    /// Fails with [`DatabaseError::Gone`] if the connection was closed.
    pub fn connection(&mut self) -> Result<&mut Db, DatabaseError> {
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Returns the record of failed statements.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Closes the connection after its state has become uncertain. The database rolls an open transaction back.
    pub fn drop_connection(&mut self) {
        self.connection = None;
    }
}
