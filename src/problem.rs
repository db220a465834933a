//! Errors as RFC 9457 problems: one exhaustive list of kinds, each with its status and page.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::content::fault::{Fault, Faults};
use crate::database::{DatabaseError, is_transient, storage};

macro_rules! problems {
    ($($name:ident $status:literal $code:literal $title:literal $about:literal;)*) => {
        /// Every kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $(#[doc = $about] $name,)* }

        impl Kind {
            /// All kinds, for the documentation.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Kind::$name => $status,)* }
            }

            /// The last part of its type URI.
            pub fn code(self) -> &'static str {
                match self { $(Kind::$name => $code,)* }
            }

            /// A short name.
            pub fn title(self) -> &'static str {
                match self { $(Kind::$name => $title,)* }
            }

            /// What it means and what to do.
            pub fn about(self) -> &'static str {
                match self { $(Kind::$name => $about,)* }
            }
        }
    };
}

problems! {
    BadRequest 400 "bad-request" "Bad request" "The request cannot be understood: malformed JSON, an unknown query parameter, a bad header. `errors` names each place.";
    Unauthorised 401 "unauthorised" "Not logged in" "The operation wants a valid access token in `Authorization: Bearer`. Log in, or refresh the token.";
    BadCredentials 401 "bad-credentials" "Wrong e-mail address or password" "The e-mail address and password do not belong together. The answer is the same whether the account exists or not.";
    SecondFactorRequired 401 "second-factor-required" "Second factor required" "The password is right, and the account wants a code as well: send it as `code`.";
    Forbidden 403 "forbidden" "Not allowed" "The role of the account does not permit this operation; see the permission table in the documentation.";
    NotFound 404 "not-found" "Not found" "There is nothing at this address, or nothing that you may see.";
    MethodNotAllowed 405 "method-not-allowed" "Method not allowed" "The address exists and does not know this method; `Allow` lists those that it knows.";
    Conflict 409 "conflict" "Conflict" "The request does not fit the state of the item: a slug is taken, or an item is in the trash already. `detail` says what.";
    InvalidSyncToken 410 "invalid-sync-token" "Begin anew" "The history that this token belongs to is gone: a backup was restored, or a failover lost its end. Forget the copy and ask without a token (RFC 6578, section 3.2).";
    PreconditionFailed 412 "precondition-failed" "Changed meanwhile" "Somebody wrote the item after you read it. Fetch it again, merge, and send its new ETag in `If-Match`.";
    TooLarge 413 "too-large" "Body too large" "The body is larger than the server accepts.";
    UnsupportedMediaType 415 "unsupported-media-type" "Unsupported media type" "The body is of a type that the operation does not read; bodies are JSON in UTF-8.";
    Invalid 422 "invalid" "Invalid content" "The body breaks one or more rules; `errors` lists all of them, each with its place.";
    PreconditionRequired 428 "precondition-required" "If-Match required" "Writing an existing item wants `If-Match` with the ETag of what you read, so that no edit is lost.";
    TooManyAttempts 429 "too-many-attempts" "Too many attempts" "Too many failed log-ins; wait as long as `Retry-After` says.";
    Timeout 408 "timeout" "Too slow" "The body did not arrive in time.";
    Internal 500 "internal" "Internal error" "Something went wrong inside. The log has it under this `request_id`.";
    Unavailable 503 "unavailable" "Unavailable" "The server is overloaded, or its database cannot be reached, does not answer in time, or takes no writes; `detail` says which. Nothing was changed, unless the type is `outcome-unknown`; try again after `Retry-After`.";
    OutcomeUnknown 503 "outcome-unknown" "Outcome unknown" "The write was begun, and the connection to the database was lost, or the database did not answer, before it was known whether it was kept. Read the item before you send it again; a create with an `Idempotency-Key` can be sent again as it is.";
}

/// A problem on its way to the client.
#[derive(Debug)]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What happened, in one sentence.
    pub detail: String,
    /// Each fault with its place.
    pub errors: Vec<Fault>,
    /// Seconds to wait.
    pub retry_after: Option<u64>,
    /// The current state of the item, for 412.
    pub current: Option<Box<Current>>,
    /// The value of `Allow`, for 405.
    pub allow: Option<String>,
}

/// The state of an item that was written meanwhile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Current {
    /// Its version now.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Its entity tag now.
    pub etag: String,
    /// When it was last written.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// The places that others changed since the version that the request was based on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub changed: Vec<String>,
    /// Those of them that the request changes too, so that `merge=auto` cannot decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub conflicts: Vec<String>,
}

/// The body of every error answer (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Address of the page that explains this kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "https://cms.example.org/problems/invalid")]
    pub type_uri: String,
    /// The kind, in a few words.
    #[schema(example = "Invalid content")]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// The path of the request.
    pub instance: String,
    /// Finds the request in the log.
    pub request_id: String,
    /// All faults, each with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Fault>,
    /// The item as it is now, when the request was based on an older version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after: None, current: None, allow: None }
    }

    /// Names the faults.
    pub fn with(mut self, errors: Vec<Fault>) -> Self {
        self.errors = errors;
        self
    }

    /// Says when to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A request that cannot be understood.
    pub fn bad_request(faults: Faults) -> Self {
        Self::new(Kind::BadRequest, "the request cannot be understood; see errors").with(faults.into_vec())
    }

    /// A body that breaks rules.
    pub fn invalid(faults: Faults) -> Self {
        Self::new(Kind::Invalid, "the content breaks rules; see errors").with(faults.into_vec())
    }

    /// Nothing here.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no such {what}"))
    }

    /// A failure inside: logged in full, answered without any of it.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "internal error");
        Self::new(Kind::Internal, "an unexpected error; the log has it under this request_id")
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        if let Some(reason) = storage::failure(&error) {
            tracing::error!(%error, "the storage of the database fails");
            return Problem::new(Kind::Unavailable, reason).retry_after(10);
        }
        let (kind, detail, seconds) = match &error {
            DatabaseError::Query(error) if !is_transient(error) => return Problem::internal(error),
            DatabaseError::Query(_) | DatabaseError::Connection(_) | DatabaseError::Gone => {
                (Kind::Unavailable, "the database cannot be reached", 2)
            }
            DatabaseError::Overloaded => (Kind::Unavailable, "too many requests wait for the database", 2),
            DatabaseError::Waited => (Kind::Unavailable, "the database did not get to the request in time", 5),
            DatabaseError::Interrupted => (Kind::Unavailable, "the database failed the write repeatedly", 5),
            DatabaseError::ReadOnly => (Kind::Unavailable, "the database is read-only: it takes no writes now", 30),
            DatabaseError::Unknown => (
                Kind::OutcomeUnknown,
                "the write was begun, and it is not known whether it was kept; read before you send it again",
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
