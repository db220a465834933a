//! Accounts as they are stored and shown.

use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use super::permissions::Role;
use crate::content::fault::Faults;
use crate::content::moment::utc_text;
use crate::database::schema::accounts;
use crate::database::{Db, new_id, now};
use crate::problem::{Kind, Problem};

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
    /// The word of the role.
    pub role: String,
    /// PHC string.
    pub password_hash: String,
    /// Closed accounts cannot log in.
    pub active: bool,
    /// Grows by one with each write.
    pub version: i64,
    /// When it was made (µs).
    pub created_at: i64,
    /// When it was last written (µs).
    pub updated_at: i64,
    /// The secret of the second factor in base32, or nothing.
    pub totp_secret: String,
    /// Whether the second factor is asked for.
    pub totp_active: bool,
    /// The time step of the last code that was used.
    pub totp_step: i64,
}

/// An account, as it is answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The address with which the person logs in.
    #[schema(format = "email", example = "anna@example.org")]
    pub email: String,
    /// The person's name.
    #[schema(example = "Anna Janssens")]
    pub name: String,
    /// What the account is trusted with.
    pub role: Role,
    /// Closed accounts cannot log in.
    pub active: bool,
    /// Whether a second factor is asked for.
    pub second_factor: bool,
    /// Grows by one with each write.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last written.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// All accounts, by address.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountList {
    /// The accounts.
    pub data: Vec<Account>,
}

impl AccountRow {
    /// Its role; an unknown word is the least trusted.
    pub fn role(&self) -> Role {
        Role::from_word(&self.role).unwrap_or(Role::Viewer)
    }

    /// Without the password.
    pub fn shown(&self) -> Account {
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

/// The form under which an address is stored and looked for.
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The account with this id.
pub fn by_id(connection: &mut Db, id: &str) -> Result<AccountRow, Problem> {
    let found = accounts::table.find(id).select(AccountRow::as_select()).first(connection).optional()?;
    found.ok_or_else(|| Problem::not_found("account"))
}

/// The account with this address.
pub fn by_email(connection: &mut Db, email: &str) -> QueryResult<Option<AccountRow>> {
    accounts::table
        .filter(accounts::email.eq(normal_email(email)))
        .select(AccountRow::as_select())
        .first(connection)
        .optional()
}

/// All accounts, by address.
pub fn all(connection: &mut Db) -> QueryResult<Vec<AccountRow>> {
    accounts::table.order(accounts::email).select(AccountRow::as_select()).load(connection)
}

/// Makes an account; the address must be free.
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
        role: role.word().to_owned(),
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
        let mut faults = Faults::new();
        faults.add("/email", "taken", "another account has this address");
        return Err(Problem::new(Kind::Conflict, "the address is taken").with(faults.into_vec()));
    }
    diesel::insert_into(accounts::table).values(&row).execute(connection)?;
    Ok(row)
}

/// Saves a changed account. The last active administrator stays one.
pub fn save(connection: &mut Db, mut row: AccountRow) -> Result<AccountRow, Problem> {
    let other_administrators: i64 = accounts::table
        .filter(
            accounts::role.eq(Role::Administrator.word()).and(accounts::active.eq(true)).and(accounts::id.ne(&row.id)),
        )
        .count()
        .get_result(connection)?;
    let is_one = |row: &AccountRow| row.active && row.role() == Role::Administrator;
    let was_one = is_one(&by_id(connection, &row.id)?);
    if other_administrators == 0 && was_one && !is_one(&row) {
        return Err(Problem::new(Kind::Conflict, "this is the last active administrator"));
    }
    row.version += 1;
    row.updated_at = now();
    diesel::update(accounts::table.find(&row.id)).set(&row).execute(connection)?;
    Ok(row)
}

/// Whether there is any account yet.
pub fn none_exists(connection: &mut Db) -> QueryResult<bool> {
    let first: Option<String> = accounts::table.select(accounts::id).first(connection).optional()?;
    Ok(first.is_none())
}
