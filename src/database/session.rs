//! A connection that is opened anew after it broke, and that notices every statement that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::{self, SessionPurpose};
use super::{Address, DatabaseError, Db};

/// What is worth knowing of a failed statement. Later ones are worse: of several, the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A rule was broken, such as that a key exists once, or that nothing is to be written. It would be broken again.
    Constraint = 1,
    /// Anything else: cancelled, timed out, deadlocked, serialised away, out of room, the connection gone. It
    /// may go well the next time.
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

/// Whether the database takes no writes.
pub fn is_read_only(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => true,
        // SQLite's own words, which are the same in every language.
        DieselError::DatabaseError(_, why) => why.message() == "attempt to write a readonly database",
        _ => false,
    }
}

/// The worst failure of the statements of a connection since it was last asked for. Whoever runs statements may
/// handle their errors, or drop them: on Postgres the transaction is lost all the same, and COMMIT does not say
/// so. So failures are noticed where every statement passes.
#[derive(Debug, Clone, Default)]
pub struct Failures(Arc<AtomicU8>);

impl Failures {
    /// Notes a failed statement.
    pub fn note(&self, error: &DieselError) {
        self.0.fetch_max(Failure::of(error) as u8, Ordering::Relaxed);
    }

    /// The worst since the last call.
    pub fn take(&self) -> Option<Failure> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => None,
            1 => Some(Failure::Constraint),
            _ => Some(Failure::Passing),
        }
    }
}

/// Shared by readers and writer: a connection that is opened anew after it broke.
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
    /// The database cannot be reached, or refuses.
    pub fn open(address: &Address, count: &Arc<AtomicU64>, purpose: SessionPurpose) -> Result<Self, DatabaseError> {
        let (address, count) = (Arc::new(address.clone()), Arc::clone(count));
        let mut link = Self { address, count, failures: Failures::default(), purpose, connection: None };
        link.get()?;
        Ok(link)
    }

    /// The connection; a new one where the last was dropped.
    ///
    /// # Errors
    ///
    /// A new one cannot be had.
    pub fn get(&mut self) -> Result<&mut Db, DatabaseError> {
        if self.connection.is_none() {
            let made = connection::connect_for(self.purpose, &self.address, &self.count, &self.failures);
            self.connection = Some(made.map_err(|e| DatabaseError::Connection(e.to_string()))?);
        }
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// The connection as it is, within the transaction that was begun on it. A new one would know nothing of that.
    ///
    /// # Errors
    ///
    /// It was dropped.
    pub fn held(&mut self) -> Result<&mut Db, DatabaseError> {
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Failures of the statements of this connection.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Forgets the connection: its state is not known any more. The database rolls back what it had begun.
    pub fn drop_connection(&mut self) {
        self.connection = None;
    }
}
