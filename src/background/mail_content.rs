//! What the mails of the outbox say, by their kinds.

use std::sync::Arc;

use lettre::message::Mailbox;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::one_time_tokens;
use crate::contact::messages::ContactMessage;
use crate::contact::{forms, messages};
use crate::database::Db;
use crate::mail::log;
use crate::mail::message::{MessageHead, OutgoingMail, compose};
use crate::mail::outbox::{MailKind, MailRow};
use crate::mail::samples;
use crate::newsletter::rendering::{RenderedEdition, render};
use crate::newsletter::subscribers::SubscriberStatus;
use crate::newsletter::{addressing, issues, links, signups, subscribers};
use crate::problem::{Problem, ProblemKind};

/// A mail of the outbox as it is to be sent.
pub enum MailDraft {
    /// The message.
    Ready(Box<OutgoingMail>),
    /// The mail has no reason any more.
    Obsolete(&'static str),
    /// The mail was held or dropped since it was claimed.
    Unwanted,
    /// The mail cannot be composed.
    Broken(String),
}

/// What a kind of mail fills its template with.
pub enum MailValues {
    /// Values of the template, and the head of the message.
    Ready(Value, Box<MessageHead>),
    /// The mail has no reason any more.
    Obsolete(&'static str),
    /// The mail was held or dropped since it was claimed.
    Unwanted,
}

/// Composes a mail of the outbox.
///
/// # Errors
/// 503 if the database is not available.
pub async fn draft(app: &Arc<App>, mail: &MailRow) -> Result<MailDraft, Problem> {
    let Some(mut kind) = MailKind::from_name(&mail.kind) else {
        return Ok(MailDraft::Broken("this version of the program does not know this kind of mail".to_owned()));
    };
    let (values, head) = match values(app, kind, mail).await? {
        MailValues::Ready(values, head) => (values, head),
        MailValues::Obsolete(reason) => return Ok(MailDraft::Obsolete(reason)),
        MailValues::Unwanted => return Ok(MailDraft::Unwanted),
    };
    if let Some(tested) = mail.content().get("template").and_then(Value::as_str).and_then(MailKind::from_name) {
        kind = tested;
    }
    let content = match app.mailer.templates.render(kind, &mail.locale, &values) {
        Ok(content) => content,
        Err(reason) => return Ok(MailDraft::Broken(reason)),
    };
    let return_path = (app.site_key.as_slice(), app.config.mail.return_path.as_str());
    Ok(match compose(mail, &head, &content, return_path) {
        Ok(message) => MailDraft::Ready(Box::new(message)),
        Err(reason) => MailDraft::Broken(reason),
    })
}

async fn values(app: &Arc<App>, kind: MailKind, mail: &MailRow) -> Result<MailValues, Problem> {
    let data = mail.content();
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    Ok(match kind {
        MailKind::Invitation | MailKind::PasswordReset => {
            let token = one_time_tokens::token(&app.site_key, &text("seed"));
            let link = app.mailer.password_link(&token);
            of_program(app, mail, json!({"name": data["name"], "link": link, "token": token})).await?
        }
        MailKind::Test => {
            let tested = MailKind::from_name(&text("template")).unwrap_or(kind);
            let mut values = samples::values(tested);
            if let Some(edition) = tested_edition(app, mail, text("issue")).await? {
                samples::extend(
                    &mut values,
                    json!({"subject": edition.subject, "text": edition.text, "html": edition.html}),
                );
            }
            of_program(app, mail, values).await?
        }
        MailKind::NewsletterConfirmation => confirmation(app, mail, text("signup")).await?,
        MailKind::NewsletterIssue => issue(app, mail, text("subscriber")).await?,
        MailKind::ContactMessage => message(app, mail, text("message")).await?,
        MailKind::ContactAnswer => answer(app, mail, text("message"), &data["answer"]).await?,
    })
}

/// Returns the values of a mail that the program writes.
async fn of_program(app: &Arc<App>, mail: &MailRow, values: Value) -> Result<MailValues, Problem> {
    with_head(app, mail, values, MessageHead::from_sender(&app.mailer.from)).await
}

async fn with_head(app: &Arc<App>, mail: &MailRow, values: Value, head: MessageHead) -> Result<MailValues, Problem> {
    let site = app.mailer.site(&app.site_name(&mail.locale).await?);
    let mut all = json!({"site": site, "locale": mail.locale});
    samples::extend(&mut all, values);
    Ok(MailValues::Ready(all, Box::new(head)))
}

/// Returns the edition of an issue in the language of a test; none if no issue is tested.
async fn tested_edition(app: &Arc<App>, mail: &MailRow, id: String) -> Result<Option<RenderedEdition>, Problem> {
    if id.is_empty() {
        return Ok(None);
    }
    let (here, locale) = (Arc::clone(app), mail.locale.clone());
    let read = move |c: &mut Db| {
        let editions = issues::by_id(c, &id)?.editions();
        let edition = editions.iter().find(|edition| edition.locale == locale).or(editions.first());
        edition.map(|edition| render(c, &here.rendering_context(), edition)).transpose()
    };
    match app.database.read(read).await {
        // What is wrong with the issue is told by its preview.
        Err(problem) if problem.kind.status() < 500 => Ok(None),
        other => other,
    }
}

async fn confirmation(app: &Arc<App>, mail: &MailRow, signup_id: String) -> Result<MailValues, Problem> {
    let read = move |c: &mut Db| {
        let signup = signups::by_id(c, &signup_id)?;
        let subscriber = signup.as_ref().map(|signup| subscribers::by_email(c, &signup.email)).transpose()?.flatten();
        Ok::<_, Problem>(signup.zip(Some(subscriber)))
    };
    let Some((signup, subscriber)) = app.database.read(read).await? else {
        return Ok(MailValues::Obsolete("the sign-up was confirmed or deleted"));
    };
    let subscribed = subscriber.filter(|found| found.status == SubscriberStatus::Confirmed.name());
    let confirm_link = links::confirm_url(&app.config, &links::confirmation_token(&app.site_key, &signup.id));
    // Somebody else may have signed up, so the reader alone decides on the language of further mails.
    let is_other_language = subscribed.as_ref().is_some_and(|found| found.locale != signup.locale);
    let link = match &subscribed {
        Some(found) => links::preferences_url(&app.config, &links::subscriber_token(&app.site_key, &found.id)),
        None => confirm_link.clone(),
    };
    let language_link = is_other_language.then_some(confirm_link);
    let days = app.config.newsletter.keep_unconfirmed_days;
    // Nothing that whoever signed up wrote: that may be somebody else, who would write to a stranger in the name of the site.
    let values = json!({
        "link": link, "is_subscribed": subscribed.is_some(), "language_link": language_link, "days": days,
    });
    of_program(app, mail, values).await
}

async fn issue(app: &Arc<App>, mail: &MailRow, subscriber_id: String) -> Result<MailValues, Problem> {
    let (mail_id, issue_id, locale) = (mail.id.clone(), mail.group_id.clone(), mail.locale.clone());
    let id = subscriber_id.clone();
    let read = move |c: &mut Db| {
        // The issue may have been paused or stopped since the mail was claimed, which holds or drops its mails.
        if !log::is_wanted(c, &mail_id)? {
            return Ok::<_, Problem>(Err(MailValues::Unwanted));
        }
        let subscriber = subscribers::by_id(c, &id)?;
        let is_subscribed = subscriber.is_some_and(|found| found.status == SubscriberStatus::Confirmed.name());
        let edition = if is_subscribed { addressing::rendering(c, &issue_id, &locale)? } else { None };
        Ok(edition.ok_or(MailValues::Obsolete("the subscriber left")))
    };
    let edition = match app.database.read(read).await? {
        Ok(edition) => edition,
        Err(reason) => return Ok(reason),
    };
    let token = links::subscriber_token(&app.site_key, &subscriber_id);
    let unsubscribe_url = links::unsubscribe_url(&app.config, &token);
    let values = json!({
        "subject": edition.subject,
        "text": edition.text,
        "html": edition.html,
        "preferences_url": links::preferences_url(&app.config, &token),
        "unsubscribe_url": unsubscribe_url,
    });
    let head =
        MessageHead { unsubscribe_url: Some(unsubscribe_url), ..MessageHead::from_sender(&app.mailer.newsletter_from) };
    with_head(app, mail, values, head).await
}

async fn stored_message(app: &Arc<App>, id: String) -> Result<Option<ContactMessage>, Problem> {
    let found = app.database.read(move |c| messages::by_id(c, &id)).await;
    match found {
        Err(problem) if problem.kind == ProblemKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

async fn message(app: &Arc<App>, mail: &MailRow, id: String) -> Result<MailValues, Problem> {
    let Some(message) = stored_message(app, id).await? else {
        return Ok(MailValues::Obsolete("the message was deleted"));
    };
    let content = message.content();
    // The address was validated as one, and is parsed again: it cannot add a header.
    let reply_to = message.email.parse().ok().map(|address| Mailbox::new(None, address));
    let values = json!({"title": content.title, "fields": content.values, "can_reply": reply_to.is_some()});
    with_head(app, mail, values, MessageHead { reply_to, ..MessageHead::from_sender(&app.mailer.from) }).await
}

async fn answer(app: &Arc<App>, mail: &MailRow, id: String, answer: &Value) -> Result<MailValues, Problem> {
    let Some(message) = stored_message(app, id).await? else {
        return Ok(MailValues::Obsolete("the message was deleted"));
    };
    let form = message.form.clone();
    let form = app.database.read(move |c| Ok::<_, Problem>(forms::by_name(c, &form)?)).await?;
    // An answer to the answer goes to the desk: to that of the arrival, if the form is gone.
    let desk = form.as_ref().and_then(|form| form.definition.recipients.first()).unwrap_or(&message.desk);
    let reply_to = desk.parse().ok().map(|address| Mailbox::new(None, address));
    let values = json!({"title": message.content().title, "answer": answer});
    let head = MessageHead { reply_to, is_personal: true, ..MessageHead::from_sender(&app.mailer.from) };
    with_head(app, mail, values, head).await
}
