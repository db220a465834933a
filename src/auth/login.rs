//! Showing a password and a code: what is counted, compared and told when somebody logs in, or shows once more
//! who they are.

use serde_json::json;

use super::accounts::{self, AccountRow};
use super::lockout::{self, Attempt};
use super::sessions::{self, Issued};
use super::{second_factor, told};
use crate::content::fault::Faults;
use crate::database::Db;
use crate::http::route::Request;
use crate::http::source::source;
use crate::journal::Author;
use crate::problem::{Kind, Problem};

/// The code that goes with a password, for accounts with a second factor.
#[derive(Debug, Clone)]
pub enum Code {
    /// None is asked for: the password is shown again, by somebody who is logged in.
    NotAsked,
    /// One is asked for; without it, nothing is done.
    Asked(Option<String>),
}

/// What somebody shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The address, in its normal form.
    pub email: String,
    /// The password.
    pub password: String,
    /// The code.
    pub code: Code,
    /// Where failures are counted.
    pub attempt: Attempt,
}

impl Shown {
    /// What somebody shows who is not logged in: address, password, and perhaps a code and the token of a device.
    pub fn at_log_in(request: &Request, email: &str, password: String, code: Option<String>, device: &str) -> Self {
        let email = accounts::normal_email(email);
        let attempt = match lockout::device(&request.app.site_key, &email, device) {
            Some(device) => Attempt::of_device(&email, &device),
            None => Attempt::of_source(&email, &source(&request.http, &request.app.config.server.trusted_proxies)),
        };
        Self { email, password, code: Code::Asked(code), attempt }
    }

    /// What whoever is logged in shows once more: failures of a session are counted as those of a device.
    ///
    /// # Errors
    /// Fails if the account cannot be read.
    pub async fn again(request: &Request, password: String, code: Code) -> Result<Self, Problem> {
        let actor = request.actor()?;
        let (id, session) = (actor.account_id.clone(), actor.session.clone().unwrap_or_default());
        let email = request.app.database.read(move |c| accounts::by_id(c, &id)).await?.email;
        let attempt = Attempt::of_device(&email, &session);
        Ok(Self { email, password, code, attempt })
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Checked<T> {
    /// All was right, and this was done.
    Done(T),
    /// Address and password do not belong together: unknown, closed and wrong are one.
    WrongPassword,
    /// The password was right; the code was wrong, or used before.
    WrongCode,
    /// The password was right, and a code is wanted as well.
    CodeMissing,
}

/// Checks what is shown, and does `then` in the transaction in which the code is used up. The account is still
/// what it was when the password was compared with it.
///
/// # Errors
/// 429 if it has to wait, 503 if too much is being checked, and what `then` fails with.
pub async fn check<T, F>(request: &Request, shown: Shown, then: F) -> Result<Checked<T>, Problem>
where
    T: Send + 'static,
    F: FnOnce(&mut Db, AccountRow) -> Result<T, Problem> + Send + 'static,
{
    let database = &request.app.database;
    // Whoever has to wait costs one read and nobody a turn.
    let attempt = shown.attempt.clone();
    refuse_while(database.read(move |c| Ok::<_, Problem>(attempt.wait(c)?)).await?)?;
    let _turn = request.app.log_in_turns.take(&shown.attempt).await;
    let (attempt, email) = (shown.attempt.clone(), shown.email.clone());
    let begin = move |c: &mut Db| match attempt.begin(c)? {
        Some(seconds) => Ok(Err(seconds)),
        None => Ok::<_, Problem>(Ok(accounts::by_email(c, &email)?.filter(|account| account.active))),
    };
    let account = match database.write(begin).await? {
        Ok(account) => account,
        Err(seconds) => return refuse_while(Some(seconds)).map(|()| Checked::WrongPassword),
    };
    let attempt = shown.attempt.clone();
    let outcome = compare(request, shown, account, then).await;
    if matches!(outcome, Err(_) | Ok(Checked::CodeMissing)) {
        database.write(move |c| Ok::<_, Problem>(attempt.withdraw(c)?)).await?;
    }
    outcome
}

fn refuse_while(seconds: Option<u64>) -> Result<(), Problem> {
    seconds.map_or(Ok(()), |seconds| {
        Err(Problem::new(Kind::TooManyAttempts, "too many failed log-ins with this address").retry_after(seconds))
    })
}

async fn compare<T, F>(
    request: &Request,
    shown: Shown,
    account: Option<AccountRow>,
    then: F,
) -> Result<Checked<T>, Problem>
where
    T: Send + 'static,
    F: FnOnce(&mut Db, AccountRow) -> Result<T, Problem> + Send + 'static,
{
    let (Shown { password, code, attempt, .. }, database) = (shown, &request.app.database);
    let author = Author { request_id: request.id.clone(), ..Author::default() };
    let stored = account.as_ref().map(|account| account.password_hash.clone()).filter(|hash| !hash.is_empty());
    let right = request.app.hasher.verify(password, stored).await?;
    let Some(account) = account else {
        // Of addresses without an account there is no end: they are not told of. It takes as long all the same.
        database.write_content(move |c| Ok::<_, Problem>(attempt.touch(c)?)).await?;
        return Ok(Checked::WrongPassword);
    };
    let settle = move |c: &mut Db| {
        let now = accounts::by_id(c, &account.id)?;
        if !right || !now.active || now.password_hash != account.password_hash {
            told::append(c, &author, "login_failed", &account.id, &json!({}))?;
            return Ok(Checked::WrongPassword);
        }
        let code_is_right = match (&code, now.totp_active) {
            (_, false) | (Code::NotAsked, true) => None,
            (Code::Asked(None), true) => return Ok(Checked::CodeMissing),
            (Code::Asked(Some(code)), true) => Some(second_factor::check(c, &now, code)?),
        };
        match code_is_right {
            Some(false) => {
                told::append(c, &author, "login_failed", &account.id, &json!({"code": true}))?;
                return Ok(Checked::WrongCode);
            }
            // Whoever has only the password must not try codes for ever.
            None if now.totp_active => attempt.withdraw(c)?,
            _ => attempt.succeed(c)?,
        }
        then(c, now).map(Checked::Done)
    };
    database.write_content_once(settle).await
}

/// A session that begins in this request.
pub struct Beginning {
    days: u32,
    agent: String,
    request_id: String,
    by: &'static str,
}

impl Beginning {
    /// That of somebody who has shown who it is in the way that `by` names.
    pub fn of(request: &Request, by: &'static str) -> Self {
        Self {
            days: request.app.config.auth.refresh_token_days,
            agent: request.header("user-agent").unwrap_or_default().to_owned(),
            request_id: request.id.clone(),
            by,
        }
    }

    /// Begins it. Must run in the transaction that found the account to be open.
    ///
    /// # Errors
    /// Fails if the database does.
    pub fn begin(self, connection: &mut Db, account: &AccountRow) -> Result<Issued, Problem> {
        let author = Author { account_id: Some(account.id.clone()), request_id: self.request_id, ..Author::default() };
        let more = json!({"agent": self.agent, "by": self.by});
        told::append(connection, &author, "login", &account.id, &more)?;
        Ok(sessions::begin(connection, &account.id, self.days, &self.agent)?)
    }
}

/// What was done by somebody who showed once more who they are; faults name the members of the body.
///
/// # Errors
/// 422 if the password or the code was wrong.
pub fn shown_again<T>(checked: Checked<T>) -> Result<T, Problem> {
    let wrong = |pointer, text| Err(Problem::invalid(Faults::one(pointer, "wrong", text)));
    match checked {
        Checked::Done(done) => Ok(done),
        Checked::WrongPassword => wrong("/current_password", "this is not the password"),
        Checked::WrongCode | Checked::CodeMissing => wrong("/code", "this is no code of now"),
    }
}
