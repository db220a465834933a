//! Accounts: the stored row, its public representation, and the queries on it.

use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use super::permissions::Role;
use crate::content::local_time::utc_text;
use crate::content::values::with_ascii_domain;
use crate::content::violation::Violations;
use crate::database::schema::accounts;
use crate::database::{Db, new_id, now};
use crate::problem::{Problem, ProblemKind};

/// A row of `accounts`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accounts)]
pub struct AccountRow {
    /// UUIDv7.
    pub id: String,
    /// Lower case, unique.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Name of the role, as [`Role::word`] gives it.
    pub role: String,
    /// PHC string; empty for an account without a password.
    pub password_hash: String,
    /// Whether the account is open. A closed account cannot log in.
    pub active: bool,
    /// Version of the row, incremented by each write.
    pub version: i64,
    /// Time of creation (µs since 1970).
    pub created_at: i64,
    /// Time of the last write (µs since 1970).
    pub updated_at: i64,
    /// Secret of the second factor in base32; empty if none is set up.
    pub totp_secret: String,
    /// Whether logging in requires the second factor.
    pub totp_active: bool,
    /// Time step of the last accepted code, so that no code is accepted twice.
    pub totp_step: i64,
}

/// An account, as the API shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Identifier of the account, a UUID.
    #[schema(format = "uuid")]
    pub id: String,
    /// E-mail address with which the person logs in, in lower case.
    #[schema(format = "email", example = "anna@example.org")]
    pub email: String,
    /// Name of the person.
    #[schema(example = "Anna Janssens")]
    pub name: String,
    /// Role of the account, which decides what it may do.
    pub role: Role,
    /// Whether the account is open. A closed account cannot log in, and its sessions and API keys do not
    /// work.
    pub active: bool,
    /// Whether logging in requires a second factor.
    pub second_factor: bool,
    /// Version of the account, incremented by each write.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Time of creation, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the last change, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// A list of all accounts, ordered by e-mail address.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountList {
    /// All accounts, closed ones included, ordered by e-mail address.
    pub data: Vec<Account>,
}

impl AccountRow {
    /// Returns the role of the account. A role that this version does not know counts as the least privileged
    /// one.
    pub fn role(&self) -> Role {
        Role::from_name(&self.role).unwrap_or(Role::Viewer)
    }

    /// Returns the representation for the API, which leaves out the password hash and the second factor's
    /// secret.
    pub fn to_api(&self) -> Account {
        Account {
            id: self.id.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role(),
            active: self.active,
            second_factor: self.totp_active,
            version: self.version,
            created_at: utc_text(self.created_at),
            updated_at: utc_text(self.updated_at),
        }
    }
}

/// Returns the normal form of an e-mail address, in which it is stored and compared.
pub fn normal_email(email: &str) -> String {
    with_ascii_domain(email.trim().to_lowercase())
}

/// Returns the account with this id.
///
/// # Errors
/// 404 if there is none.
pub fn by_id(connection: &mut Db, id: &str) -> Result<AccountRow, Problem> {
    let found = accounts::table.find(id).select(AccountRow::as_select()).first(connection).optional()?;
    found.ok_or_else(|| Problem::not_found("account"))
}

/// Returns the account with this e-mail address, if there is one.
///
/// # Errors
/// Returns an error if the query fails.
pub fn by_email(connection: &mut Db, email: &str) -> QueryResult<Option<AccountRow>> {
    accounts::table
        .filter(accounts::email.eq(normal_email(email)))
        .select(AccountRow::as_select())
        .first(connection)
        .optional()
}

/// Returns all accounts, ordered by e-mail address.
///
/// # Errors
/// Returns an error if the query fails.
pub fn all(connection: &mut Db) -> QueryResult<Vec<AccountRow>> {
    accounts::table.order(accounts::email).select(AccountRow::as_select()).load(connection)
}

/// Creates an open account without a second factor.
///
/// # Errors
/// 409 if another account has this e-mail address.
pub fn insert(
    connection: &mut Db,
    email: &str,
    name: &str,
    role: Role,
    password_hash: String,
) -> Result<AccountRow, Problem> {
    let at = now();
    let row = AccountRow {
        id: new_id(),
        email: normal_email(email),
        name: name.to_owned(),
        role: role.name().to_owned(),
        password_hash,
        active: true,
        version: 1,
        created_at: at,
        updated_at: at,
        totp_secret: String::new(),
        totp_active: false,
        totp_step: 0,
    };
    if by_email(connection, &row.email)?.is_some() {
        let mut faults = Violations::new();
        faults.add("/email", "taken", "another account has this e-mail address");
        return Err(
            Problem::new(ProblemKind::Conflict, "the e-mail address is taken").with_violations(faults.into_vec())
        );
    }
    diesel::insert_into(accounts::table).values(&row).execute(connection)?;
    Ok(row)
}

/// Saves a changed account under the next version.
///
/// # Errors
/// 409 if no active administrator would be left, 404 if the account does not exist.
pub fn save(connection: &mut Db, mut row: AccountRow) -> Result<AccountRow, Problem> {
    // Checked here and not by the callers, since a change of role, a closure and any other save can each take
    // the last administrator away. Writers are serialised, so the count cannot change before the update
    // below.
    let other_administrators: i64 = accounts::table
        .filter(
            accounts::role.eq(Role::Administrator.name()).and(accounts::active.eq(true)).and(accounts::id.ne(&row.id)),
        )
        .count()
        .get_result(connection)?;
    let is_one = |row: &AccountRow| row.active && row.role() == Role::Administrator;
    let was_one = is_one(&by_id(connection, &row.id)?);
    if other_administrators == 0 && was_one && !is_one(&row) {
        return Err(Problem::new(ProblemKind::Conflict, "this is the last active administrator"));
    }
    row.version += 1;
    row.updated_at = now();
    diesel::update(accounts::table.find(&row.id)).set(&row).execute(connection)?;
    Ok(row)
}

/// Returns whether there is no account yet.
///
/// # Errors
/// Returns an error if the query fails.
pub fn none_exists(connection: &mut Db) -> QueryResult<bool> {
    let first: Option<String> = accounts::table.select(accounts::id).first(connection).optional()?;
    Ok(first.is_none())
}
