//! Error responses as RFC 9457 problems: one exhaustive list of kinds, each with its status and its page.
//!
//! # When to use which error type
//!
//! - [`Problem`] is the error of everything that a request can end with: handlers and the functions that they
//!   call outside and inside transactions. It names a [`ProblemKind`] (and with it the HTTP status) and a `detail`
//!   that the client may read, so it must contain nothing internal.
//! - [`Violation`] is one violation of a rule in the input, with a pointer to its place. A fault is not an error by
//!   itself: validation collects all of them in [`Violations`] and ends with one `Problem`
//!   ([`Problem::bad_request`] or [`Problem::invalid`]), so that the client learns of every violation at once.
//! - [`diesel::result::QueryResult`] is the return type of functions that only run statements on a connection.
//!   Their errors are those of the database alone; `?` turns them into either of the types below.
//! - [`DatabaseError`] is the error of work that was passed to the reader or writer threads. Besides a failed
//!   statement it covers what can go wrong around it: no connection, a full queue, a timeout, an unknown
//!   outcome of a commit.
//!
//! Both of the latter convert into a `Problem`: failures that may pass by themselves become 503 with
//! `Retry-After`, all others 500, whose cause only the log names.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::content::violation::{Violation, Violations};
use crate::database::{DatabaseError, is_transient, storage};

macro_rules! problems {
    ($($name:ident $status:literal $code:literal $title:literal $about:literal;)*) => {
        /// A kind of problem: its status, the code at the end of its type URI, its title and its explanation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind { $(#[doc = $about] $name,)* }

        impl ProblemKind {
            /// All kinds, in the order of the documentation.
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$name,)*];

            /// Returns the HTTP status code.
            pub fn status(self) -> u16 {
                match self { $(ProblemKind::$name => $status,)* }
            }

            /// Returns the last segment of the type URI, such as `not-found`.
            pub fn code(self) -> &'static str {
                match self { $(ProblemKind::$name => $code,)* }
            }

            /// Returns the title, the same for every problem of this kind.
            pub fn title(self) -> &'static str {
                match self { $(ProblemKind::$name => $title,)* }
            }

            /// Returns the explanation of the kind and the action that it asks of the client.
            pub fn explanation(self) -> &'static str {
                match self { $(ProblemKind::$name => $about,)* }
            }
        }
    };
}

problems! {
    BadRequest 400 "bad-request" "Bad request" "The request is malformed: invalid JSON, an unknown query parameter, or an invalid header. `errors` points at each fault.";
    Unauthorized 401 "unauthorized" "Unauthorized" "The operation requires a valid access token or API key in `Authorization: Bearer`. Log in, or refresh the token.";
    BadCredentials 401 "bad-credentials" "Invalid credentials" "The e-mail address and the password do not match an account. The response is the same whether or not the account exists.";
    SecondFactorRequired 401 "second-factor-required" "Second factor required" "The password is correct, and the account requires a second factor: repeat the request with the code in `code`.";
    Forbidden 403 "forbidden" "Forbidden" "The role of the account or the scope of the API key does not permit this operation; the permission table in the documentation lists what each role may do.";
    NotFound 404 "not-found" "Not found" "No resource exists at this address, or none that the client may see.";
    MethodNotAllowed 405 "method-not-allowed" "Method not allowed" "The resource exists and does not support this method; `Allow` lists the methods that it supports.";
    Conflict 409 "conflict" "Conflict" "The request conflicts with the current state of the resource, for instance because a slug is taken or an item is already in the trash. `detail` gives the reason.";
    InvalidSyncToken 410 "invalid-sync-token" "Invalid sync token" "The token belongs to a history that no longer exists, because a backup was restored or a failover lost the latest writes. Discard the copy and request it again without a token (RFC 6578, section 3.2).";
    PreconditionFailed 412 "precondition-failed" "Precondition failed" "The item was changed after the version that `If-Match` names. Fetch it again, merge the changes, and send its new ETag in `If-Match`.";
    TooLarge 413 "too-large" "Content too large" "The request body is larger than the server accepts.";
    UnsupportedMediaType 415 "unsupported-media-type" "Unsupported media type" "The operation does not accept a body of this media type or content coding; bodies are JSON in UTF-8 without a content coding.";
    Invalid 422 "invalid" "Unprocessable content" "The body violates one or more rules; `errors` lists all violations, each with a pointer to its place.";
    PreconditionRequired 428 "precondition-required" "Precondition required" "Changing an existing item requires `If-Match` with the ETag of the version that the client read, so that no concurrent edit is lost.";
    TooManyAttempts 429 "too-many-attempts" "Too many requests" "Too many log-in attempts failed, or one network sent too many forms; try again after the number of seconds in `Retry-After`.";
    Timeout 408 "timeout" "Request timeout" "The request body did not arrive within the time limit.";
    Internal 500 "internal" "Internal server error" "An unexpected error occurred. The log of the server describes it under the same `request_id`.";
    Unavailable 503 "unavailable" "Service unavailable" "The server is overloaded, or its database cannot be reached, does not respond in time, or accepts no writes; `detail` gives the reason. Nothing was changed, unless the type is `outcome-unknown`. Try again after `Retry-After`.";
    OutcomeUnknown 503 "outcome-unknown" "Outcome unknown" "The write was started, and the connection to the database was lost or timed out before its outcome was known. Read the item before sending the request again; a create request with an `Idempotency-Key` can be repeated unchanged.";
}

/// The error of a request, from which the response is made.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The kind, which fixes status, code and title.
    pub kind: ProblemKind,
    /// The explanation of this occurrence, in one sentence. Clients see it.
    pub detail: String,
    /// The violations of rules in the input, each with its place.
    pub errors: Vec<Violation>,
    /// The value of `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The current state of the item, for 412.
    pub current: Option<Box<Current>>,
    /// The value of `Allow`, for 405.
    pub allow: Option<String>,
}

/// Code of the violation by a reference to an item that is not published.
pub const NOT_PUBLISHED: &str = "not_published";

/// Takes the names of other items out of violations, for readers who may not see these items: a key that is restricted to
/// some collections knows of an item of another one no more than the reference that it sees.
pub fn without_names(violations: &mut [Violation]) {
    for violation in violations.iter_mut().filter(|violation| violation.code == NOT_PUBLISHED) {
        "the item that is referred to is not published".clone_into(&mut violation.message);
    }
}

/// The current state of an item that was changed after the version that the request was based on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Current {
    /// Current version of the item.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Current entity tag of the item, for `If-Match`.
    pub etag: String,
    /// Time of the last change, RFC 3339.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// JSON Pointers (RFC 6901) to the values that were changed since the version that the request was based
    /// on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, min_items = 1)]
    pub changed: Vec<String>,
    /// JSON Pointers to the values among `changed` that the request changes too. `merge=auto` cannot merge
    /// these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, min_items = 1)]
    pub conflicts: Vec<String>,
}

/// The body of every error response (RFC 9457, media type `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// URI of the problem type; it leads to a page that explains this kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "https://cms.example.org/problems/invalid")]
    pub type_uri: String,
    /// Title of the problem type.
    #[schema(example = "Unprocessable content")]
    pub title: String,
    /// HTTP status code of the response.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub status: u16,
    /// Explanation of this occurrence of the problem.
    pub detail: String,
    /// Path of the request.
    pub instance: String,
    /// Id of the request, the same as in the header `X-Request-Id` and in the log of the server.
    pub request_id: String,
    /// All violations of rules in the request, each with a pointer to its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, min_items = 1)]
    pub errors: Vec<Violation>,
    /// Current state of the item, if the request was based on an older version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
}

impl Problem {
    /// Creates a problem without faults and without further headers.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after: None, current: None, allow: None }
    }

    /// Sets the violations that the response lists.
    pub fn with_violations(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        self
    }

    /// Sets the number of seconds after which the client may try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Creates the problem of a malformed request (400).
    pub fn bad_request(faults: Violations) -> Self {
        Self::new(ProblemKind::BadRequest, "the request is malformed; see errors").with_violations(faults.into_vec())
    }

    /// Creates the problem of a well-formed body that violates rules of the content (422).
    pub fn invalid(faults: Violations) -> Self {
        Self::new(ProblemKind::Invalid, "the content violates rules; see errors").with_violations(faults.into_vec())
    }

    /// Creates the problem of a missing resource (404); `what` is its noun, such as "event".
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("this {what} does not exist"))
    }

    /// Creates the problem of an unexpected error (500). The error is logged and not disclosed to the client.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "internal error");
        Self::new(ProblemKind::Internal, "an unexpected error occurred; the log describes it under this request_id")
    }

    /// Returns the HTTP status of the kind.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        // The storage is checked first: a full disk arrives as an ordinary failed statement, which the match
        // below would report as 500 although the server recovers by itself once there is room.
        if let Some(reason) = storage::failure(&error) {
            tracing::error!(%error, "the storage of the database failed");
            return Problem::new(ProblemKind::Unavailable, reason).retry_after(10);
        }
        let (kind, detail, seconds) = match &error {
            // A statement that would fail again is a fault of this program, so the client must not be told to
            // retry.
            DatabaseError::Query(error) if !is_transient(error) => return Problem::internal(error),
            DatabaseError::Query(_) | DatabaseError::Connection(_) | DatabaseError::Gone => {
                (ProblemKind::Unavailable, "the database cannot be reached", 2)
            }
            DatabaseError::Overloaded => (ProblemKind::Unavailable, "too many requests wait for the database", 2),
            DatabaseError::Waited => (ProblemKind::Unavailable, "the database did not start the request in time", 5),
            DatabaseError::Interrupted => (ProblemKind::Unavailable, "the write failed repeatedly in the database", 5),
            DatabaseError::ReadOnly => {
                (ProblemKind::Unavailable, "the database is read-only and accepts no writes", 30)
            }
            DatabaseError::Unknown => (
                ProblemKind::OutcomeUnknown,
                "the write was started, and it is unknown whether it was committed; read before you send it again",
                5,
            ),
        };
        tracing::warn!(%error, "database unavailable");
        Problem::new(kind, detail).retry_after(seconds)
    }
}

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        DatabaseError::from(error).into()
    }
}
