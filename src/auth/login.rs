//! Verification of a password and a second factor's code, at log-in and where a logged-in user confirms the
//! identity again: rate limiting, comparison, and the audit log.

use serde_json::json;

use super::accounts::{self, AccountRow};
use super::lockout::{Attempt, AttemptLocks};
use super::passwords::Hasher;
use super::sessions::{self, RefreshToken, SessionKind};
use super::{audit_log, second_factor};
use crate::content::violation::Violations;
use crate::database::{Database, Db};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// The code of the second factor that accompanies a password.
#[derive(Debug, Clone)]
pub enum SecondFactorCode {
    /// No code is required: a logged-in user confirms the password only.
    NotAsked,
    /// A code is required if the account has a second factor.
    Asked(Option<String>),
}

/// Credentials that are to be verified.
#[derive(Debug, Clone)]
pub struct PresentedCredentials {
    /// E-mail address of the account, in its normal form.
    pub email: String,
    /// Password in clear text.
    pub password: String,
    /// Code of the second factor.
    pub code: SecondFactorCode,
    /// Counters of failures.
    pub attempt: Attempt,
}

/// The parts of the application by which credentials are verified.
pub struct Verifier<'a> {
    /// The accounts, and the counters of failures.
    pub database: &'a Database,
    /// Compares passwords.
    pub hasher: &'a Hasher,
    /// Verifies concurrent attempts for one account one after another.
    pub locks: &'a AttemptLocks,
    /// Id of the request, for the audit log.
    pub request_id: &'a str,
}

/// The outcome of a verification.
#[derive(Debug)]
pub enum Verification<T> {
    /// The credentials are right, and the action was carried out with this result.
    Done(T),
    /// The password is wrong, or the account does not exist or is closed. The three cases are not
    /// distinguished, so that nobody can find out which e-mail addresses have accounts.
    WrongPassword,
    /// The password is right; the code is wrong or was used before.
    WrongCode,
    /// The password is right, and the required code is missing.
    CodeMissing,
}

impl Verifier<'_> {
    /// Verifies credentials and, if they are right, runs `then` in the transaction that uses the code up. In that
    /// transaction the account is read again, so `then` never sees an account whose password was changed or that
    /// was closed while the password was being compared.
    ///
    /// # Errors
    /// 429 with `Retry-After` if the attempt is not allowed yet, 503 if too many passwords are being compared,
    /// and any error of `then`.
    pub async fn check<T, F>(&self, shown: PresentedCredentials, then: F) -> Result<Verification<T>, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db, AccountRow) -> Result<T, Problem> + Send + 'static,
    {
        let database = self.database;
        // An attempt that is not allowed yet costs one read, and takes neither a lock nor a write. `begin` checks
        // again, in the transaction that counts the attempt.
        let attempt = shown.attempt.clone();
        refuse_while(database.read(move |c| Ok::<_, Problem>(attempt.wait(c)?)).await?)?;
        let _turn = self.locks.take(&shown.attempt).await;
        let (attempt, email) = (shown.attempt.clone(), shown.email.clone());
        let begin = move |c: &mut Db| match attempt.begin(c)? {
            Some(seconds) => Ok(Err(seconds)),
            None => Ok::<_, Problem>(Ok(accounts::by_email(c, &email)?.filter(|account| account.active))),
        };
        let account = match database.write(begin).await? {
            Ok(account) => account,
            Err(seconds) => return refuse_while(Some(seconds)).map(|()| Verification::WrongPassword),
        };
        let attempt = shown.attempt.clone();
        let outcome = self.compare(shown, account, then).await;
        if matches!(outcome, Err(_) | Ok(Verification::CodeMissing)) {
            database.write(move |c| Ok::<_, Problem>(attempt.withdraw(c)?)).await?;
        }
        outcome
    }

    async fn compare<T, F>(
        &self,
        shown: PresentedCredentials,
        account: Option<AccountRow>,
        then: F,
    ) -> Result<Verification<T>, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db, AccountRow) -> Result<T, Problem> + Send + 'static,
    {
        let (PresentedCredentials { password, code, attempt, .. }, database) = (shown, self.database);
        let author = Author { request_id: self.request_id.to_owned(), ..Author::default() };
        let stored = account.as_ref().map(|account| account.password_hash.clone()).filter(|hash| !hash.is_empty());
        let right = self.hasher.verify(password, stored).await?;
        let Some(account) = account else {
            // Anybody can make up addresses without an account, so they get no journal entry. A write is made all
            // the same: the time of the response must not tell whether the account exists.
            database.write_content(move |c| Ok::<_, Problem>(attempt.touch(c)?)).await?;
            return Ok(Verification::WrongPassword);
        };
        let settle = move |c: &mut Db| {
            let now = accounts::by_id(c, &account.id)?;
            if !right || !now.active || now.password_hash != account.password_hash {
                audit_log::append(c, &author, "login_failed", &account.id, &json!({}))?;
                return Ok(Verification::WrongPassword);
            }
            let code_is_right = match (&code, now.totp_active) {
                (_, false) | (SecondFactorCode::NotAsked, true) => None,
                (SecondFactorCode::Asked(None), true) => return Ok(Verification::CodeMissing),
                (SecondFactorCode::Asked(Some(code)), true) => Some(second_factor::check(c, &now, code)?),
            };
            match code_is_right {
                Some(false) => {
                    audit_log::append(c, &author, "login_failed", &account.id, &json!({"code": true}))?;
                    return Ok(Verification::WrongCode);
                }
                // A right password alone must not reset the counter, or an attacker who has it could try codes
                // without limit.
                None if now.totp_active => attempt.withdraw(c)?,
                _ => attempt.succeed(c)?,
            }
            then(c, now).map(Verification::Done)
        };
        database.write_content_once(settle).await
    }
}

fn refuse_while(seconds: Option<u64>) -> Result<(), Problem> {
    seconds.map_or(Ok(()), |seconds| {
        Err(Problem::new(ProblemKind::TooManyAttempts, "too many failed log-ins with this e-mail address")
            .retry_after(seconds))
    })
}

/// A session that is to be started by this request.
pub struct NewSession {
    /// How its client authenticates, and how long it lasts.
    pub kind: SessionKind,
    /// User agent of the client.
    pub agent: String,
    /// Id of the request.
    pub request_id: String,
    /// Method of authentication, which the audit log records.
    pub by: &'static str,
}

impl NewSession {
    /// Starts the session and issues its first token. Must run in the transaction that found the
    /// account to be open; otherwise an account that is closed in between would get a session.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub fn begin(self, connection: &mut Db, account: &AccountRow) -> Result<RefreshToken, Problem> {
        let author = Author { account_id: Some(account.id.clone()), request_id: self.request_id, ..Author::default() };
        let more = json!({"agent": self.agent, "by": self.by});
        audit_log::append(connection, &author, "login", &account.id, &more)?;
        Ok(sessions::begin(connection, &account.id, self.kind, &self.agent)?)
    }
}

/// Returns the result of an action that a logged-in user confirmed.
///
/// # Errors
/// 422 if the password or the code is wrong, with a pointer to the member of the body.
pub fn into_confirmed<T>(checked: Verification<T>) -> Result<T, Problem> {
    let wrong = |pointer, text| Err(Problem::invalid(Violations::one(pointer, "wrong", text)));
    match checked {
        Verification::Done(done) => Ok(done),
        Verification::WrongPassword => wrong("/current_password", "the password is wrong"),
        Verification::WrongCode | Verification::CodeMissing => wrong("/code", "the code is missing or not valid"),
    }
}
