//! Messages of visitors: the inbox of the editors. They are kept for the time that their form sets, and then deleted.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::forms::{ContactForm, in_locale};
use crate::config::Config;
use crate::content::Site;
use crate::database::mail_schema::contact_messages;
use crate::database::{Db, new_id, now};
use crate::items::ExpectedVersions;
use crate::mail::log::forget_recipients_in;
use crate::mail::outbox::{MailKind, MailRow};
use crate::microseconds::DAY;
use crate::problem::{Problem, ProblemKind};

/// Names of the states of a message.
pub const MESSAGE_STATUSES: [&str; 3] = ["open", "answered", "closed"];

/// A value of a message, with the label that the visitor saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageValue {
    /// Name of the field.
    pub name: String,
    /// Label of the field.
    pub label: String,
    /// The value as a text.
    pub value: String,
}

/// An answer that was mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentAnswer {
    /// The answer, as plain text.
    pub text: String,
    /// Time of the answer (µs since 1970).
    pub sent_at: i64,
    /// Id of the account that answered; not known of answers from before it was kept.
    #[serde(default)]
    pub author: Option<String>,
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageContent {
    /// Title of the form.
    pub title: String,
    /// Values, in the order of the form.
    pub values: Vec<MessageValue>,
}

/// A row of `contact_messages`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contact_messages)]
pub struct ContactMessage {
    /// UUIDv7.
    pub id: String,
    /// Name of the form.
    pub form: String,
    /// Language in which the visitor saw the form.
    pub locale: String,
    /// [`MessageContent`] as JSON.
    pub content: String,
    /// Address of the sender, or empty.
    pub email: String,
    /// One of [`MESSAGE_STATUSES`].
    pub status: String,
    /// Id of the account that takes care of it, or empty.
    pub assignee: String,
    /// Note of the editors.
    pub note: String,
    /// Latest answer that was mailed, or empty.
    pub answer: String,
    /// Version, which grows with each write.
    pub version: i64,
    /// Time of arrival (µs since 1970).
    pub created_at: i64,
    /// Time of the last change (µs since 1970).
    pub updated_at: i64,
    /// Time at which it is deleted (µs since 1970).
    pub delete_at: i64,
    /// All answers ([`SentAnswer`]) as a JSON array, in the order in which they were mailed.
    pub answers: String,
    /// First recipient of the form when the message arrived, or empty.
    pub desk: String,
}

impl ContactMessage {
    /// Returns what the message says.
    pub fn content(&self) -> MessageContent {
        serde_json::from_str(&self.content).unwrap_or_default()
    }

    /// Returns the answers in the order in which they were mailed.
    pub fn answers(&self) -> Vec<SentAnswer> {
        serde_json::from_str(&self.answers).unwrap_or_default()
    }
}

/// Stores a message, and a mail to each recipient of its form.
///
/// # Errors
/// Fails if a statement fails.
pub fn add(
    connection: &mut Db,
    (config, site): (&Config, &Site),
    form: &ContactForm,
    locale: &str,
    values: &Map<String, Value>,
) -> QueryResult<()> {
    let at = now();
    let row = ContactMessage {
        id: new_id(),
        form: form.name.clone(),
        locale: locale.to_owned(),
        content: serde_json::to_string(&content(form, site, locale, values)).unwrap_or_default(),
        email: form.definition.sender(values).unwrap_or_default(),
        status: "open".to_owned(),
        assignee: String::new(),
        note: String::new(),
        answer: String::new(),
        version: 1,
        created_at: at,
        updated_at: at,
        delete_at: at + form.definition.keep_days * DAY,
        answers: "[]".to_owned(),
        desk: form.definition.recipients.first().cloned().unwrap_or_default(),
    };
    diesel::insert_into(contact_messages::table).values(&row).execute(connection)?;
    let data = json!({"message": row.id});
    for recipient in &form.definition.recipients {
        let mail = MailRow::new(&config.mail, MailKind::ContactMessage, recipient, site.default_locale(), &data);
        mail.in_group(&row.id).enqueue(connection)?;
    }
    Ok(())
}

/// Returns the values with the labels that the visitor saw.
fn content(form: &ContactForm, site: &Site, locale: &str, values: &Map<String, Value>) -> MessageContent {
    let filled = form.definition.fields.iter().filter_map(|field| Some((field, values.get(&field.name)?)));
    let shown = filled.map(|(field, value)| MessageValue {
        name: field.name.clone(),
        label: in_locale(&field.labels, site, locale).to_owned(),
        value: match value {
            Value::Bool(true) => "✓".to_owned(),
            Value::Bool(false) => "–".to_owned(),
            Value::String(chosen) => {
                let option = field.options.iter().find(|option| option.value == *chosen);
                option.map_or_else(|| chosen.clone(), |option| in_locale(&option.labels, site, locale).to_owned())
            }
            other => other.to_string(),
        },
    });
    MessageContent { title: in_locale(&form.definition.titles, site, locale).to_owned(), values: shown.collect() }
}

/// What messages are filtered by.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Name of a form.
    pub form: Option<String>,
    /// One of [`MESSAGE_STATUSES`].
    pub status: Option<String>,
    /// Id of the account that takes care of it.
    pub assignee: Option<String>,
    /// Id before which the page begins, for older messages.
    pub before: Option<String>,
}

/// Returns a page of messages, newest first.
///
/// # Errors
/// Fails if the query fails.
pub fn list(connection: &mut Db, filter: &MessageFilter, limit: i64) -> QueryResult<Vec<ContactMessage>> {
    let mut query = contact_messages::table.into_boxed();
    if let Some(form) = &filter.form {
        query = query.filter(contact_messages::form.eq(form.clone()));
    }
    if let Some(status) = &filter.status {
        query = query.filter(contact_messages::status.eq(status.clone()));
    }
    if let Some(assignee) = &filter.assignee {
        query = query.filter(contact_messages::assignee.eq(assignee.clone()));
    }
    if let Some(before) = &filter.before {
        query = query.filter(contact_messages::id.lt(before.clone()));
    }
    query.order(contact_messages::id.desc()).limit(limit).select(ContactMessage::as_select()).load(connection)
}

/// Returns a message.
///
/// # Errors
/// 404 if there is none with this id.
pub fn by_id(connection: &mut Db, id: &str) -> Result<ContactMessage, Problem> {
    let found = contact_messages::table.find(id).select(ContactMessage::as_select()).first(connection).optional()?;
    found.ok_or_else(|| Problem::not_found("message"))
}

fn load_expected(connection: &mut Db, id: &str, version: &ExpectedVersions) -> Result<ContactMessage, Problem> {
    let message = by_id(connection, id)?;
    match version.accepts(message.version) {
        true => Ok(message),
        false => Err(Problem::new(ProblemKind::PreconditionFailed, "the message was changed since; read it again")),
    }
}

/// Changes a message that the desk has read.
///
/// # Errors
/// 404 or 412 if the message does not exist or was changed since, and the errors of `change`.
pub fn update(
    connection: &mut Db,
    id: &str,
    version: &ExpectedVersions,
    change: impl FnOnce(&mut Db, &mut ContactMessage) -> Result<(), Problem>,
) -> Result<ContactMessage, Problem> {
    let mut message = load_expected(connection, id, version)?;
    change(connection, &mut message)?;
    message.version += 1;
    message.updated_at = now();
    diesel::update(contact_messages::table.find(id)).set(&message).execute(connection)?;
    Ok(message)
}

/// Mails an answer to the sender of a message, from the desk.
///
/// # Errors
/// 409 if the sender left no address.
pub fn answer(
    connection: &mut Db,
    config: &Config,
    message: &mut ContactMessage,
    answer: SentAnswer,
) -> Result<(), Problem> {
    if message.email.is_empty() {
        return Err(Problem::new(ProblemKind::Conflict, "the sender left no address"));
    }
    // The answer is part of the mail, not a reference to the message: a later answer must not replace it.
    let data = json!({"message": message.id, "answer": answer.text});
    let mail = MailRow::new(&config.mail, MailKind::ContactAnswer, &message.email, &message.locale, &data);
    mail.in_group(&message.id).enqueue(connection)?;
    "answered".clone_into(&mut message.status);
    message.answer.clone_from(&answer.text);
    let mut answers = message.answers();
    answers.push(answer);
    message.answers = serde_json::to_string(&answers).map_err(|error| Problem::internal(&error))?;
    Ok(())
}

/// Deletes a message, and the address of its sender from the log of the answers to it; answers that wait are dropped. Other
/// mails to this address, which anybody may have given, are not touched.
///
/// # Errors
/// 404 or 412 if the message does not exist or was changed since.
pub fn delete(connection: &mut Db, id: &str, version: &ExpectedVersions) -> Result<(), Problem> {
    let message = load_expected(connection, id, version)?;
    Ok(delete_all(connection, &[message.id])?)
}

fn delete_all(connection: &mut Db, ids: &[String]) -> QueryResult<()> {
    diesel::delete(contact_messages::table.filter(contact_messages::id.eq_any(ids))).execute(connection)?;
    forget_recipients_in(connection, ids, MailKind::ContactAnswer)
}

/// Deletes the messages whose time is over, as [`delete`] does. Returns how many there were.
///
/// # Errors
/// Fails if a statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    let expired = contact_messages::table.filter(contact_messages::delete_at.lt(now()));
    let ids: Vec<String> = expired.select(contact_messages::id).limit(10_000).load(connection)?;
    for part in ids.chunks(500) {
        delete_all(connection, part)?;
    }
    Ok(ids.len())
}
