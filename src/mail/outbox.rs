//! The outbox: rows of `mails`, which are the log of mails too.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text};
use serde_json::Value;

use crate::config::MailConfig;
use crate::content::values;
use crate::database::insert::{insert_rows, stored_row};
use crate::database::mail_schema::mails;
use crate::database::{Db, new_id, now};
use crate::microseconds::HOUR;

/// The kinds of mail. The name of a kind is that of its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// The first password of a new account.
    Invitation,
    /// A new password in place of a forgotten one.
    PasswordReset,
    /// A test of a template.
    Test,
    /// The confirmation of a sign-up, or the news that the address has subscribed already.
    NewsletterConfirmation,
    /// An answer to a message from a contact form.
    ContactAnswer,
    /// A message from a contact form.
    ContactMessage,
    /// An issue of the newsletter.
    NewsletterIssue,
}

impl MailKind {
    /// All kinds.
    pub const ALL: [MailKind; 7] = [
        MailKind::Invitation,
        MailKind::PasswordReset,
        MailKind::Test,
        MailKind::NewsletterConfirmation,
        MailKind::ContactAnswer,
        MailKind::ContactMessage,
        MailKind::NewsletterIssue,
    ];
    /// Names of all kinds.
    pub const NAMES: [&str; 7] = [
        "invitation",
        "password_reset",
        "test",
        "newsletter_confirmation",
        "contact_answer",
        "contact_message",
        "newsletter_issue",
    ];

    /// Returns the name of the kind in JSON and in the database.
    pub fn name(self) -> &'static str {
        let position = MailKind::ALL.iter().position(|kind| *kind == self);
        position.and_then(|position| MailKind::NAMES.get(position)).copied().unwrap_or_default()
    }

    /// Returns the kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        MailKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the priority, of which 0 comes first.
    fn priority(self) -> i64 {
        match self {
            MailKind::PasswordReset | MailKind::Test => 0,
            MailKind::Invitation | MailKind::NewsletterConfirmation | MailKind::ContactAnswer => 1,
            MailKind::ContactMessage => 2,
            MailKind::NewsletterIssue => 3,
        }
    }

    /// Returns the time after which the mail is of no use (µs); none if that does not depend on the kind.
    fn lifetime(self) -> Option<i64> {
        match self {
            // As long as its token is valid.
            MailKind::PasswordReset | MailKind::Test => Some(HOUR),
            _ => None,
        }
    }
}

/// The state of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailStatus {
    /// It waits for its (next) attempt, or a node sends it.
    Queued,
    /// It waits until what it is a part of is resumed.
    Held,
    /// The server took it.
    Sent,
    /// The server refused it for good, or it was given up.
    Failed,
    /// Its reason was gone when it was to be sent.
    Dropped,
    /// The server took it, and it came back.
    Bounced,
}

impl MailStatus {
    /// Names of all states.
    pub const NAMES: [&str; 6] = ["queued", "held", "sent", "failed", "dropped", "bounced"];

    /// Returns the name of the state in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            MailStatus::Queued => "queued",
            MailStatus::Held => "held",
            MailStatus::Sent => "sent",
            MailStatus::Failed => "failed",
            MailStatus::Dropped => "dropped",
            MailStatus::Bounced => "bounced",
        }
    }
}

/// The end of a mail, as a change of its row.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = mails)]
pub struct MailEnd {
    status: &'static str,
    ended_at: i64,
    data: &'static str,
}

impl MailEnd {
    /// Returns the end of mails in this state, now. What they are composed of is not kept.
    pub fn new(status: MailStatus) -> Self {
        Self { status: status.name(), ended_at: now(), data: "" }
    }
}

/// A row of `mails`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = mails)]
pub struct MailRow {
    /// UUIDv7.
    pub id: String,
    /// Name of a [`MailKind`].
    pub kind: String,
    /// Address of the recipient.
    pub recipient: String,
    /// Domain of the recipient, in lower case.
    pub domain: String,
    /// Language of the mail.
    pub locale: String,
    /// Priority, of which 0 comes first.
    pub priority: i64,
    /// Name of a [`MailStatus`].
    pub status: String,
    /// What the mail is composed of, as JSON; empty at the end.
    pub data: String,
    /// Id of what the mail is a part of; empty for a single one.
    pub group_id: String,
    /// Number of attempts.
    pub attempts: i64,
    /// Number of attempts after which it is unknown whether the server took the mail.
    pub doubts: i64,
    /// Time of the next attempt (µs since 1970).
    pub due_at: i64,
    /// Time at which the mail is given up (µs since 1970).
    pub expires_at: i64,
    /// Id of the claim of a node; empty if none sends it.
    pub node: String,
    /// Time until which the claim holds (µs since 1970).
    pub lease_until: i64,
    /// Time at which the mail was caused (µs since 1970).
    pub created_at: i64,
    /// Time of the end (µs since 1970), or 0.
    pub ended_at: i64,
    /// Code of the last reply.
    pub code: String,
    /// Text of the last reply.
    pub detail: String,
}

stored_row!(MailRow, mails, {
    id: Text,
    kind: Text,
    recipient: Text,
    domain: Text,
    locale: Text,
    priority: BigInt,
    status: Text,
    data: Text,
    group_id: Text,
    attempts: BigInt,
    doubts: BigInt,
    due_at: BigInt,
    expires_at: BigInt,
    node: Text,
    lease_until: BigInt,
    created_at: BigInt,
    ended_at: BigInt,
    code: Text,
    detail: Text,
});

impl MailRow {
    /// Returns a new mail of this kind, composed of `data` when it is sent. The data may name what a secret is derived of,
    /// and never has a secret itself.
    pub fn new(config: &MailConfig, kind: MailKind, recipient: &str, locale: &str, data: &Value) -> Self {
        let at = now();
        let domain = recipient.rsplit('@').next().unwrap_or_default().to_lowercase();
        let patience = i64::from(config.retry_hours) * HOUR;
        Self {
            id: new_id(),
            kind: kind.name().to_owned(),
            recipient: recipient.to_owned(),
            domain,
            locale: locale.to_owned(),
            priority: kind.priority(),
            status: MailStatus::Queued.name().to_owned(),
            data: data.to_string(),
            group_id: String::new(),
            attempts: 0,
            doubts: 0,
            due_at: at,
            expires_at: at + kind.lifetime().map_or(patience, |own| own.min(patience)),
            node: String::new(),
            lease_until: 0,
            created_at: at,
            ended_at: 0,
            code: String::new(),
            detail: String::new(),
        }
    }

    /// Makes the mail a part of something, such as an issue of the newsletter.
    pub fn in_group(mut self, group_id: &str) -> Self {
        group_id.clone_into(&mut self.group_id);
        self
    }

    /// Writes the mail to the outbox.
    ///
    /// # Errors
    /// Fails if the statement fails.
    pub fn enqueue(&self, connection: &mut Db) -> QueryResult<()> {
        enqueue_all(connection, std::slice::from_ref(self))
    }

    /// Returns what is kept of a server's reply to the mail: nothing once its recipient was erased, whose address replies name.
    pub fn kept_detail<'a>(&self, reply: &'a str) -> &'a str {
        if self.recipient.is_empty() { "" } else { reply }
    }

    /// Returns what the mail is composed of.
    pub fn content(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// Writes several mails to the outbox by a few statements.
///
/// # Errors
/// Fails if the statement fails.
pub fn enqueue_all(connection: &mut Db, rows: &[MailRow]) -> QueryResult<()> {
    insert_rows(connection, rows)
}

/// Returns an address in the form in which it is stored, if it is one.
pub fn normal_address(given: &str) -> Option<String> {
    values::email(given.trim().to_lowercase()).ok()
}
