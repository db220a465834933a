//! Access tokens of the OpenID provider, with which agents authenticate for the account of their user.

use std::sync::Arc;

use diesel::prelude::*;

use super::accounts;
use super::oidc::{AccessClaims, Oidc};
use crate::auth::actor::Actor;
use crate::database::schema::identities;
use crate::database::{Database, Db};
use crate::problem::Problem;

/// Returns the actor of an access token that the provider issued for this audience; `None` if the token is not valid or
/// its user has no open account. An account is found by its identity only: it is linked at a log-in, never by a token.
///
/// # Errors
/// 503 if the provider or the database does not answer.
pub async fn actor(
    oidc: &Arc<Oidc>,
    database: &Database,
    token: &str,
    audience: &str,
) -> Result<Option<Actor>, Problem> {
    match oidc.access_claims(token, audience).await? {
        Some(claims) => database.read(move |c| account_actor(c, &claims)).await,
        None => Ok(None),
    }
}

fn account_actor(connection: &mut Db, claims: &AccessClaims) -> Result<Option<Actor>, Problem> {
    let identity = identities::table.find((&claims.iss, &claims.sub)).select(identities::account_id);
    let Some(id) = identity.first::<String>(connection).optional()? else { return Ok(None) };
    let account = accounts::by_id(connection, &id)?;
    let actor = |role| Actor { account_id: account.id.clone(), role, key: None, session: None };
    Ok(account.active.then(|| actor(account.role())))
}
