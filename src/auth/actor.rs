//! The authenticated actor of a request.

use std::sync::Arc;

use super::permissions::Role;

/// An account authenticated by a valid access token, cookie or API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Id of the account.
    pub account_id: String,
    /// Current role of the account, or the role of the API key or of cookies if that permits less.
    pub role: Role,
    /// The API key, if the request was authenticated by one.
    pub key: Option<Arc<ShownKey>>,
    /// Id of the session, if the request was authenticated by its access token or cookie.
    pub session: Option<String>,
}

impl Actor {
    /// Returns the collections to which the API key is restricted; empty if it is not restricted.
    pub fn collections(&self) -> &[String] {
        self.key.as_ref().map_or(&[], |key| &key.collections)
    }

    /// Returns whether the actor is an API key that is restricted to some collections.
    pub fn is_restricted(&self) -> bool {
        !self.collections().is_empty()
    }
}

/// An API key by which a request was authenticated.
#[derive(Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// Id of the key.
    pub id: String,
    /// The collections to which the key is restricted; empty if it is not restricted.
    pub collections: Vec<String>,
}
