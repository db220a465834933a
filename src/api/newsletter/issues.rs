//! Endpoints of issues of the newsletter.

use std::sync::Arc;

use serde_json::json;

use super::TAG;
use super::issue_body::{IssueBody, NewsletterIssueList, load_bodies, load_body};
use super::issue_form::{ISSUE_SENDING, IssueForm};
use crate::api::content::lifecycle::author;
use crate::api::mail::MailPreview;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::{IF_MATCH, path_id};
use crate::api::query_values;
use crate::api::request_bodies::Form;
use crate::app::App;
use crate::auth::permissions::{Action, Area};
use crate::content::violation::Violations;
use crate::database::{Db, now};
use crate::http::body;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::items::if_match::version_tag;
use crate::journal::{self, Author, NewEntry};
use crate::mail::outbox::{MailKind, MailRow};
use crate::newsletter::blocks::Edition;
use crate::newsletter::issue_fields::{ISSUE_CHANGE, NEW_ISSUE};
use crate::newsletter::issues::{self, Issue, IssueStep};
use crate::newsletter::rendering::render;
use crate::problem::{Problem, ProblemKind};

const READ: Access = Access::May(Area::Newsletter, Action::Update);
const SEND: Access = Access::May(Area::Newsletter, Action::Publish);
const PATH: &str = "/api/v1/newsletter/issues/{id}";
/// Greatest number of issues in the list.
const MOST_LISTED: i64 = 100;

/// Returns the routes of issues.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/newsletter/issues", READ, list)
            .operation_id("listIssues")
            .tag(TAG)
            .summary("List issues")
            .description("Returns the 100 newest issues of the newsletter, newest first.")
            .responds(200, "The issues.", reference("NewsletterIssueList"), &[]),
        Route::post("/api/v1/newsletter/issues", READ, create)
            .operation_id("createIssue")
            .tag(TAG)
            .summary("Create an issue")
            .description("Creates an issue of the newsletter as a draft. Fails with 422 when a stored query is not valid, an item does not exist, or an edition has no block.")
            .request_body(JSON, reference("NewsletterIssueInput"), example_of(&NEW_ISSUE))
            .responds(201, "The issue.", reference("NewsletterIssue"), &["Location", "ETag"]),
        Route::get(PATH, READ, get)
            .operation_id("getIssue")
            .tag(TAG)
            .summary("Get an issue")
            .description("Returns an issue with what became of its mails. Fails with 404 when there is no such issue.")
            .parameters([path_id()])
            .responds(200, "The issue.", reference("NewsletterIssue"), &["ETag"])
            .problems(&[ProblemKind::NotFound]),
        Route::patch(PATH, READ, update)
            .operation_id("updateIssue")
            .tag(TAG)
            .summary("Update an issue")
            .description(
                "Changes an issue that is not being sent yet; members that are left out keep their values. Fails with 409 when it \
                 is being sent, and with 412 when it was changed since.",
            )
            .parameters([path_id(), IF_MATCH.clone()])
            .request_body("application/merge-patch+json", reference("NewsletterIssuePatch"), example_of(&ISSUE_CHANGE))
            .responds(200, "The issue after the change.", reference("NewsletterIssue"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
        Route::delete(PATH, READ, delete)
            .operation_id("deleteIssue")
            .tag(TAG)
            .summary("Delete an issue")
            .description("Deletes an issue that is not being sent yet. Fails with 409 when it is, and with 412 when it was changed since.")
            .parameters([path_id(), IF_MATCH.clone()])
            .responds_empty(204, "The issue is deleted.", &[])
            .problems(&WRITE_PROBLEMS),
        Route::get(format!("{PATH}/preview"), READ, preview)
            .operation_id("previewIssue")
            .tag(TAG)
            .summary("Preview an issue")
            .description(
                "Returns an edition as it would be sent now; without `locale`, the first one. Fails with 404 when there is no such issue or edition, and with 409 \
                 when it cannot be rendered.",
            )
            .parameter_set(ParameterSet::Language)
            .parameters([path_id()])
            .responds(200, "The mail.", reference("MailPreview"), &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::Conflict]),
        Route::post(format!("{PATH}/test"), READ, test)
            .operation_id("testIssue")
            .tag(TAG)
            .summary("Send a test of an issue")
            .description(
                "Sends an edition to one address. Fails with 404 when there is no such issue, with 409 when it cannot be rendered or \
                 no mail server is configured, and with 422 when it has no edition in the language.",
            )
            .parameters([path_id()])
            .request_body(JSON, reference("MailTestInput"), example_of(&crate::api::mail::MAIL_TEST))
            .responds_empty(202, "The test waits.", &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::Conflict]),
    ];
    routes.extend(steps());
    routes
}

fn steps() -> Vec<Route> {
    let described = |route: Route, id: &'static str, summary: &'static str, about: &'static str| {
        let about = format!(
            "{about} Fails with 409 when its state does not allow that, and with 412 when it was changed since."
        );
        let route = route.operation_id(id).tag(TAG).summary(summary).description(about);
        let route = route.parameters([path_id(), IF_MATCH.clone()]).problems(&WRITE_PROBLEMS);
        route.responds(200, "The issue after the step.", reference("NewsletterIssue"), &["ETag"])
    };
    let step = |name: &str, step: IssueStep| {
        Route::post(format!("{PATH}/{name}"), SEND, move |request: Request| take(request, step))
    };
    let send = Route::post(format!("{PATH}/send"), SEND, send).request_body(
        JSON,
        reference("NewsletterSendingInput"),
        example_of(&ISSUE_SENDING),
    );
    vec![
        described(
            send,
            "sendIssue",
            "Send an issue",
            "Sends an issue now, or at a time. What its queries find is decided then.",
        ),
        described(
            step("unschedule", IssueStep::Unschedule),
            "unscheduleIssue",
            "Unschedule an issue",
            "Makes a scheduled issue a draft again.",
        ),
        described(
            step("pause", IssueStep::Pause),
            "pauseIssue",
            "Pause an issue",
            "Stops an issue that is being sent; mails on their way are sent to their end.",
        ),
        described(
            step("resume", IssueStep::Resume),
            "resumeIssue",
            "Resume an issue",
            "Goes on with a paused issue, where it was stopped.",
        ),
        described(
            step("cancel", IssueStep::Cancel),
            "cancelIssue",
            "Cancel an issue",
            "Stops an issue for good; its mails that were not sent are dropped.",
        ),
    ]
}

fn response(status: u16, body: &IssueBody) -> Result<Response, Problem> {
    let response = Response::json(status, body)?.no_store().header("etag", version_tag(body.version));
    Ok(match status {
        201 => response.header("location", format!("/api/v1/newsletter/issues/{}", body.id)),
        _ => response,
    })
}

async fn list(request: Request) -> Result<Response, Problem> {
    let read = |c: &mut Db| {
        let rows = issues::load_newest(c, MOST_LISTED)?;
        load_bodies(c, rows)
    };
    let data = request.app.database.read(read).await?;
    Ok(Response::json(200, &NewsletterIssueList { data })?.no_store())
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let read = move |c: &mut Db| {
        let row = issues::by_id(c, &id)?;
        load_body(c, row)
    };
    response(200, &request.app.database.read(read).await?)
}

/// Writes an issue in the name of the calling account, and returns its response.
async fn write(
    request: &Request,
    (status, action): (u16, &'static str),
    write: impl FnOnce(&mut Db) -> Result<Issue, Problem> + Clone + Send + 'static,
) -> Result<Response, Problem> {
    let author = author(request)?;
    let write = move |c: &mut Db| {
        let issue = write(c)?;
        record(c, &author, action, &issue)?;
        load_body(c, issue)
    };
    response(status, &request.app.database.write_content(write).await?)
}

fn record(connection: &mut Db, author: &Author, action: &str, issue: &Issue) -> Result<(), Problem> {
    let snapshot = json!({"name": issue.name, "status": issue.status}).to_string();
    let entry =
        NewEntry { action, kind: "newsletter_issue", id: &issue.id, version: issue.version, snapshot, changed: &[] };
    Ok(journal::append(connection, author, entry)?)
}

async fn create(request: Request) -> Result<Response, Problem> {
    let input = body::json(&request)?;
    let form = IssueForm::read(&request.app.site, &NEW_ISSUE, &input)?;
    let create = move |c: &mut Db| {
        let change = form.resolve(c)?;
        Ok(issues::create(c, change)?)
    };
    write(&request, (201, "create"), create).await
}

async fn update(request: Request) -> Result<Response, Problem> {
    let (version, id) = (required_version(&request)?, request.path("id").to_owned());
    let input = body::merge_patch(&request)?;
    let form = IssueForm::read(&request.app.site, &ISSUE_CHANGE, &input)?;
    let update = move |c: &mut Db| {
        let change = form.resolve(c)?;
        issues::update(c, &id, &version, change)
    };
    write(&request, (200, "update"), update).await
}

async fn delete(request: Request) -> Result<Response, Problem> {
    let (version, id, author) = (required_version(&request)?, request.path("id").to_owned(), author(&request)?);
    let delete = move |c: &mut Db| {
        let issue = issues::by_id(c, &id)?;
        issues::delete(c, &id, &version)?;
        record(c, &author, "delete", &issue)
    };
    request.app.database.write_content(delete).await?;
    Ok(Response::empty(204).no_store())
}

async fn preview(request: Request) -> Result<Response, Problem> {
    let (id, app) = (request.path("id").to_owned(), Arc::clone(&request.app));
    let locale = query_values::locale(&request)?;
    let read = move |c: &mut Db| {
        let editions = issues::by_id(c, &id)?.editions();
        let wanted = |edition: &&Edition| locale.as_ref().is_none_or(|locale| edition.locale == *locale);
        let edition = editions.iter().find(wanted).ok_or_else(|| Problem::not_found("edition"))?;
        render(c, &app.rendering_context(), edition)
    };
    let edition = request.app.database.read(read).await?;
    let values = json!({
        "site": request.app.mailer.site(&request.app.site_name(&edition.locale).await?),
        "locale": edition.locale,
        "subject": edition.subject,
        "text": edition.text,
        "html": edition.html,
        "preferences_url": request.app.config.base_url(),
        "unsubscribe_url": request.app.config.base_url(),
    });
    let content = request.app.mailer.templates.render(MailKind::NewsletterIssue, &edition.locale, &values);
    let content =
        content.map_err(|reason| Problem::new(ProblemKind::Conflict, format!("the template is wrong: {reason}")))?;
    let preview = MailPreview { subject: content.subject, text: content.text, html: content.html };
    Ok(Response::json(200, &preview)?.no_store())
}

async fn test(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&crate::api::mail::MAIL_TEST, &body::json(&request)?, &request.app.site)?;
    if !request.app.mailer.is_configured() {
        return Err(Problem::new(ProblemKind::Conflict, "no mail server is configured"));
    }
    let (id, app) = (request.path("id").to_owned(), Arc::clone(&request.app));
    let wanted = form.locale(&app.site)?;
    let (here, issue) = (Arc::clone(&app), id.clone());
    let locale = app.database.read(move |c: &mut Db| tested_locale(c, &here, &issue, wanted)).await?;
    let enqueue = move |c: &mut Db| {
        let issue = issues::by_id(c, &id)?;
        let data = json!({"template": MailKind::NewsletterIssue.name(), "issue": issue.id});
        let mail = MailRow::new(&app.config.mail, MailKind::Test, &form.text("to"), &locale, &data);
        Ok::<_, Problem>(mail.enqueue(c)?)
    };
    request.app.database.write(enqueue).await?;
    Ok(Response::empty(202).no_store())
}

/// Returns the language of the edition that a test mails: the one that is named, or that of the site, or the first.
fn tested_locale(connection: &mut Db, app: &App, id: &str, wanted: Option<String>) -> Result<String, Problem> {
    let editions = issues::by_id(connection, id)?.editions();
    let in_locale = |locale: &str| editions.iter().find(|edition| edition.locale == locale);
    let edition = match wanted {
        Some(locale) => in_locale(&locale).ok_or_else(|| {
            let message = "the issue has no edition in this language";
            Problem::invalid(Violations::one("/locale", "not_found", message))
        })?,
        None => {
            let usual = in_locale(app.site.default_locale()).or(editions.first());
            usual.ok_or_else(|| Problem::new(ProblemKind::Conflict, "the issue has no edition"))?
        }
    };
    Ok(render(connection, &app.rendering_context(), edition)?.locale)
}

async fn send(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&ISSUE_SENDING, &body::json(&request)?, &request.app.site)?;
    let mut violations = Violations::new();
    let at = form.future_time("send_at", &mut violations);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    if !request.app.mailer.is_configured() {
        return Err(Problem::new(ProblemKind::Conflict, "no mail server is configured"));
    }
    take(request, IssueStep::Send(at.unwrap_or_else(now))).await
}

async fn take(request: Request, step: IssueStep) -> Result<Response, Problem> {
    let (version, id) = (required_version(&request)?, request.path("id").to_owned());
    let action = match step {
        IssueStep::Send(_) => "send",
        IssueStep::Unschedule => "unschedule",
        IssueStep::Pause => "pause",
        IssueStep::Resume => "resume",
        IssueStep::Cancel => "cancel",
    };
    write(&request, (200, action), move |c: &mut Db| issues::step(c, &id, &version, step)).await
}
