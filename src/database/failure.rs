//! The classification of failed statements: a fault of the statement itself, or a transient failure of the database.

use diesel::result::DatabaseErrorKind as Kind;
use diesel::result::Error;

/// Parts of messages of both databases that identify transient failures for which diesel has no error kind: cancelled
/// statements, and lack of locks, space or memory.
const TRANSIENT_MESSAGES: [&str; 14] = [
    "canceling statement",
    "terminating connection",
    "deadlock detected",
    "lock timeout",
    "too many connections",
    "out of memory",
    "out of shared memory",
    "could not extend file",
    "no space left on device",
    "database is locked",
    "database or disk is full",
    "disk i/o error",
    "unable to open database file",
    "interrupted",
];

/// Returns whether the same statement may succeed later: it was cancelled, its connection was lost, it conflicted
/// with others, or there was no space. Any other failure is a fault of the statement, which would fail again.
pub fn is_transient(error: &Error) -> bool {
    match error {
        Error::DatabaseError(Kind::Unknown, information) => {
            let message = information.message().to_ascii_lowercase();
            TRANSIENT_MESSAGES.iter().any(|saying| message.contains(saying))
        }
        Error::DatabaseError(kind, _) => matches!(
            kind,
            Kind::SerializationFailure | Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::ReadOnlyTransaction
        ),
        Error::BrokenTransactionManager => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_rule_is_the_statements_own_failure() {
        let error = |kind, message: &str| Error::DatabaseError(kind, Box::new(message.to_owned()));
        assert!(!is_transient(&error(Kind::ForeignKeyViolation, "FOREIGN KEY constraint failed")));
        assert!(!is_transient(&error(Kind::Unknown, "value too long for type character(1)")));
        assert!(!is_transient(&Error::NotFound));
        assert!(is_transient(&error(Kind::Unknown, "canceling statement due to user request")));
        assert!(is_transient(&error(Kind::Unknown, "database is locked")));
        assert!(is_transient(&error(Kind::SerializationFailure, "could not serialize access")));
    }
}
