//! Endpoints of the inbox: messages of visitors.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::TAG;
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, one_of, reference, text};
use crate::api::parameters::{IF_MATCH, id_of_row, number, page_limit, path_id, query};
use crate::api::query_values::{row_id, short_text, word};
use crate::api::request_bodies::Form;
use crate::auth::accounts;
use crate::auth::permissions::{Action, Area, Role, is_permitted};
use crate::contact::messages::{self, ContactMessage, MESSAGE_STATUSES, MessageFilter, SentAnswer};
use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::local_time::utc_text;
use crate::content::slug::is_id;
use crate::content::violation::Violations;
use crate::database::{Db, now};
use crate::http::body;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::items::if_match::version_tag;
use crate::journal::{self, NewEntry};
use crate::problem::{Problem, ProblemKind};

const READ: Access = Access::May(Area::Contact, Action::Read);
const UPDATE: Access = Access::May(Area::Contact, Action::Update);
const PATH: &str = "/api/v1/contact-messages/{id}";
/// Greatest number of messages in a page.
const MOST_LISTED: i64 = 100;

/// Fields of the body that changes a message.
pub static MESSAGE_CHANGE: [Field; 3] = [
    Field::new(
        "status",
        FieldType::OneOf(&Enumeration { schema: "ContactMessageStatus", words: &MESSAGE_STATUSES }),
        "State of the message.",
        r#""closed""#,
    ),
    Field::new(
        "assignee",
        FieldType::Line { max: 36 },
        "Id of the account that takes care of it, which must be able to answer messages; null for nobody.",
        r#""01890a5d-ac96-774b-bcce-b302099a8057""#,
    ),
    Field::new("note", FieldType::Text { max: 5_000 }, "Note of the editors.", r#""Called back on Monday.""#),
];

/// Fields of the body that answers a message.
pub static ANSWER: [Field; 1] =
    [Field::new("text", FieldType::Text { max: 20_000 }, "The answer, as plain text.", r#""Everybody is welcome.""#)
        .required()];

/// A value of a message, with the label that the visitor saw.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactMessageValue)]
pub struct ValueBody {
    /// Name of the field.
    pub name: String,
    /// Label of the field.
    pub label: String,
    /// The value as a text.
    pub value: String,
}

/// An answer that was mailed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactAnswer)]
pub struct AnswerBody {
    /// The answer, as plain text.
    pub text: String,
    /// Time of the answer.
    #[schema(format = "date-time")]
    pub sent_at: String,
    /// Id of the account that answered; null if it is not known.
    #[schema(required = true, format = "uuid")]
    pub author: Option<String>,
}

/// A message of a visitor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactMessage)]
pub struct MessageBody {
    /// Id of the message.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name of the form.
    #[schema(example = "contact")]
    pub form: String,
    /// Title of the form, as the visitor saw it.
    pub title: String,
    /// Language of the form.
    #[schema(example = "en")]
    pub locale: String,
    /// Values of the fields, as the visitor filled them in.
    pub fields: Vec<ValueBody>,
    /// Address of the sender; null if none was left.
    #[schema(required = true, format = "email")]
    pub email: Option<String>,
    /// `open`, `answered` or `closed`.
    #[schema(example = "open")]
    pub status: String,
    /// Id of the account that takes care of it; null for nobody.
    #[schema(required = true, format = "uuid")]
    pub assignee: Option<String>,
    /// Note of the editors; empty if there is none.
    pub note: String,
    /// Latest answer that was mailed; null if there is none.
    #[schema(required = true)]
    pub answer: Option<String>,
    /// All answers, in the order in which they were mailed.
    pub answers: Vec<AnswerBody>,
    /// Version; grows by one with each write.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Time of arrival.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the last change.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// Time at which it is deleted.
    #[schema(format = "date-time")]
    pub delete_at: String,
}

/// A page of messages, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactMessagePage {
    /// Messages of the page.
    pub data: Vec<MessageBody>,
    /// Value of `before` for the next page, with older messages; null on the last page.
    #[schema(required = true, format = "uuid")]
    pub next: Option<String>,
}

/// Returns the routes of messages.
pub fn routes() -> Vec<Route> {
    let account = || text().pattern(Some("^(me|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$"));
    vec![
        Route::get("/api/v1/contact-messages", READ, list)
            .operation_id("listContactMessages")
            .tag(TAG)
            .summary("List messages")
            .description("Returns one page of the messages of visitors, newest first. Fails with 400 when a filter is invalid.")
            .parameters([
                query("form", text().min_length(Some(1)).max_length(Some(64)), "Only messages by this form.", json!("contact")),
                query("status", one_of("ContactMessageStatus", &MESSAGE_STATUSES), "Only messages in this state.", json!("open")),
                query("assignee", account(), "Only messages of which this account takes care; `me` is your own.", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
                id_of_row("before", "Only older messages than this one: `next` of the previous page."),
                page_limit(MOST_LISTED, 20),
            ])
            .responds(200, "One page of messages.", reference("ContactMessagePage"), &[]),
        Route::get(PATH, READ, get)
            .operation_id("getContactMessage")
            .tag(TAG)
            .summary("Get a message")
            .description("Returns a message of a visitor. Fails with 404 when there is no such message.")
            .parameters([path_id()])
            .responds(200, "The message.", reference("ContactMessage"), &["ETag"])
            .problems(&[ProblemKind::NotFound]),
        Route::patch(PATH, UPDATE, update)
            .operation_id("updateContactMessage")
            .tag(TAG)
            .summary("Assign or close a message")
            .description(
                "Changes state, assignee or note of a message; members that are left out keep their values. Fails with 412 when it \
                 was changed since.",
            )
            .parameters([path_id(), IF_MATCH.clone()])
            .request_body("application/merge-patch+json", reference("ContactMessagePatch"), example_of(&MESSAGE_CHANGE))
            .responds(200, "The message after the change.", reference("ContactMessage"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
        Route::post(format!("{PATH}/answer"), UPDATE, answer)
            .operation_id("answerContactMessage")
            .tag(TAG)
            .summary("Answer a message")
            .description(
                "Mails an answer to the sender; a reply to it goes to the first recipient of the form, also when the form is gone. Earlier answers are kept in \
                 `answers`. Fails with 409 when the sender left no address or \
                 no mail server is configured, and with 412 when the message was changed since.",
            )
            .parameters([path_id(), IF_MATCH.clone()])
            .request_body(JSON, reference("ContactAnswerInput"), example_of(&ANSWER))
            .responds(200, "The message after the answer.", reference("ContactMessage"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
        Route::delete(PATH, UPDATE, delete)
            .operation_id("deleteContactMessage")
            .tag(TAG)
            .summary("Delete a message")
            .description("Deletes a message, and its sender's address from the log of mails. Fails with 412 when it was changed since.")
            .parameters([path_id(), IF_MATCH.clone()])
            .responds_empty(204, "The message is deleted.", &[])
            .problems(&WRITE_PROBLEMS),
    ]
}

fn to_api(message: ContactMessage) -> MessageBody {
    let content = message.content();
    let value = |value: messages::MessageValue| ValueBody { name: value.name, label: value.label, value: value.value };
    let answer =
        |sent: SentAnswer| AnswerBody { text: sent.text, sent_at: utc_text(sent.sent_at), author: sent.author };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    MessageBody {
        title: content.title,
        fields: content.values.into_iter().map(value).collect(),
        answers: message.answers().into_iter().map(answer).collect(),
        email: given(message.email),
        assignee: given(message.assignee),
        answer: given(message.answer),
        created_at: utc_text(message.created_at),
        updated_at: utc_text(message.updated_at),
        delete_at: utc_text(message.delete_at),
        id: message.id,
        form: message.form,
        locale: message.locale,
        status: message.status,
        note: message.note,
        version: message.version,
    }
}

fn response(message: ContactMessage) -> Result<Response, Problem> {
    let tag = version_tag(message.version);
    Ok(Response::json(200, &to_api(message))?.no_store().header("etag", tag))
}

async fn list(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MOST_LISTED)?.unwrap_or(20);
    let filter = MessageFilter {
        form: short_text(&request, "form", 64)?,
        status: word(&request, "status", &MESSAGE_STATUSES)?.map(str::to_owned),
        assignee: assignee(&request)?,
        before: row_id(&request, "before")?,
    };
    let read = move |c: &mut Db| Ok::<_, Problem>(messages::list(c, &filter, limit + 1)?);
    let mut rows = request.app.database.read(read).await?;
    let has_more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    let page = ContactMessagePage { data: rows.into_iter().map(to_api).collect(), next };
    Ok(Response::json(200, &page)?.no_store())
}

/// Returns the account whose messages are asked for; `me` is the calling one.
fn assignee(request: &Request) -> Result<Option<String>, Problem> {
    match request.query("assignee") {
        Some("me") => Ok(Some(request.actor()?.account_id.clone())),
        Some(given) if !is_id(given) => {
            let message = "must be the id of an account, or \"me\"";
            Err(Problem::bad_request(Violations::one("?assignee", "not_allowed", message)))
        }
        given => Ok(given.map(str::to_ascii_lowercase)),
    }
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    response(request.app.database.read(move |c| messages::by_id(c, &id)).await?)
}

/// Writes a message in the name of the calling account.
async fn write(
    request: &Request,
    action: &'static str,
    change: impl FnOnce(&mut Db, &mut ContactMessage) -> Result<(), Problem> + Clone + Send + 'static,
) -> Result<Response, Problem> {
    let (version, id, author) = (required_version(request)?, request.path("id").to_owned(), author(request)?);
    let write = move |c: &mut Db| {
        let message = messages::update(c, &id, &version, change)?;
        // The journal keeps what was done for longer than the message, and so says nothing of it.
        let snapshot = json!({"status": message.status, "assignee": message.assignee}).to_string();
        let entry =
            NewEntry { action, kind: "contact_message", id: &id, version: message.version, snapshot, changed: &[] };
        journal::append(c, &author, entry)?;
        Ok::<_, Problem>(message)
    };
    response(request.app.database.write_content(write).await?)
}

async fn update(request: Request) -> Result<Response, Problem> {
    let input = body::merge_patch(&request)?;
    let form = Form::read(&MESSAGE_CHANGE, &input, &request.app.site)?;
    let is_null = |name: &str| input.get(name).is_some_and(Value::is_null);
    if is_null("status") {
        return Err(Problem::invalid(Violations::one("/status", "required", "a message always has a status")));
    }
    let (no_assignee, no_note) = (is_null("assignee"), is_null("note"));
    let change = move |c: &mut Db, message: &mut ContactMessage| {
        if let Some(status) = form.get("status") {
            message.status = status;
        }
        if let Some(assignee) = form.get("assignee") {
            message.assignee = desk_account(c, &assignee)?;
        } else if no_assignee {
            message.assignee = String::new();
        }
        if let Some(note) = form.get("note").or(no_note.then(String::new)) {
            message.note = note;
        }
        Ok(())
    };
    write(&request, "update", change).await
}

/// Returns the id of an account that can take care of messages.
fn desk_account(connection: &mut Db, id: &str) -> Result<String, Problem> {
    let found = match accounts::by_id(connection, id) {
        Err(problem) if problem.kind == ProblemKind::NotFound => None,
        found => Some(found?).filter(|account| account.active),
    };
    let wrong = |code: &str, message: String| Problem::invalid(Violations::one("/assignee", code, message));
    let account = found.ok_or_else(|| wrong("not_found", "there is no open account with this id".to_owned()))?;
    let may_answer = |role| is_permitted(role, Area::Contact, Action::Update);
    match Role::from_name(&account.role).is_some_and(may_answer) {
        true => Ok(account.id),
        false => {
            let message = format!("an account with the role \"{}\" cannot read or answer messages", account.role);
            Err(wrong("not_allowed", message))
        }
    }
}

async fn answer(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&ANSWER, &body::json(&request)?, &request.app.site)?;
    if !request.app.mailer.is_configured() {
        return Err(Problem::new(ProblemKind::Conflict, "no mail server is configured"));
    }
    let (app, author) = (Arc::clone(&request.app), author(&request)?.account_id);
    let change = move |c: &mut Db, message: &mut ContactMessage| {
        let answer = SentAnswer { text: form.text("text"), sent_at: now(), author };
        messages::answer(c, &app.config, message, answer)
    };
    write(&request, "answer", change).await
}

async fn delete(request: Request) -> Result<Response, Problem> {
    let (version, id, author) = (required_version(&request)?, request.path("id").to_owned(), author(&request)?);
    let delete = move |c: &mut Db| {
        messages::delete(c, &id, &version)?;
        let snapshot = "{}".to_owned();
        let entry = NewEntry { action: "delete", kind: "contact_message", id: &id, version: 0, snapshot, changed: &[] };
        Ok::<_, Problem>(journal::append(c, &author, entry)?)
    };
    request.app.database.write_content(delete).await?;
    Ok(Response::empty(204).no_store())
}
