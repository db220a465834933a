//! Endpoints of mail: the log, templates, and notices of bounces.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::openapi::schemas::{example_of, one_of, reference, text};
use crate::api::parameters::{id_of_row, number, page_limit, path_id, query};
use crate::api::query_values::{locale_or_default, row_id, short_text, word};
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::mail::bounce::{BounceKind, BounceNotice, is_status_code};
use crate::mail::log::{self, MailFilter};
use crate::mail::outbox::{MailKind, MailRow, MailStatus, normal_address};
use crate::mail::{return_path, samples};
use crate::newsletter::subscribers;
use crate::problem::{Problem, ProblemKind};

/// Greatest number of mails in a page of the log.
const MOST_LISTED: i64 = 100;
const TAG: &str = "Mail";
const READ: Access = Access::May(Area::Mail, Action::Read);
const MANAGE: Access = Access::May(Area::Mail, Action::Manage);

/// Fields of the body that asks for a test of a template.
pub static MAIL_TEST: [Field; 2] = [
    Field::new("to", FieldType::Email, "Address to which the mail is sent.", r#""anna@example.org""#).required(),
    Field::new("locale", FieldType::Language, "Language of the mail; by default that of the site.", r#""nl""#),
];

/// Fields of the body of a provider's notice.
pub static BOUNCE: [Field; 4] = [
    Field::new(
        "mail",
        FieldType::Line { max: 320 },
        "What names the mail: its `Message-ID`, its id, or its return path.",
        r#""01890a5d-ac96-774b-bcce-b302099a8057""#,
    )
    .required(),
    Field::new(
        "kind",
        FieldType::OneOf(&Enumeration { schema: "BounceKind", words: &BounceKind::NAMES }),
        "Whether the mail came back for good, or for now, or the recipient complained about it.",
        r#""permanent""#,
    )
    .required(),
    Field::new("status", FieldType::Line { max: 20 }, "Enhanced status code (RFC 3463).", r#""5.1.1""#),
    Field::new("diagnostic", FieldType::Line { max: 500 }, "Explanation of the other server.", r#""no such user""#),
];

/// A mail in the log. It says who got what and when, and not what the mail said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Mail)]
pub struct MailBody {
    /// Id of the mail, and the first part of its `Message-ID`.
    #[schema(format = "uuid")]
    pub id: String,
    /// Kind of the mail, such as `invitation`.
    #[schema(example = "invitation")]
    pub kind: String,
    /// Address of the recipient; empty if it was erased.
    pub recipient: String,
    /// Language of the mail.
    #[schema(example = "en")]
    pub locale: String,
    /// `queued`, `held` (its issue is paused), `sent`, `failed`, `dropped` (the recipient left, or what caused the mail is
    /// gone) or `bounced`.
    #[schema(example = "sent")]
    pub status: String,
    /// Number of attempts.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// Number of attempts after which it was unknown whether the mail server took the mail.
    #[schema(minimum = 0)]
    pub doubts: i64,
    /// Code of the last reply of the mail server, or a word for why there was none; empty before the first attempt.
    #[schema(example = "250")]
    pub code: String,
    /// Text of the last reply.
    pub detail: String,
    /// Id of what the mail is a part of, such as an issue of the newsletter; null for a single one.
    #[schema(required = true, format = "uuid")]
    pub group: Option<String>,
    /// Time at which the mail was caused.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the next attempt; null at the end.
    #[schema(required = true, format = "date-time")]
    pub due_at: Option<String>,
    /// Time of the end; null before.
    #[schema(required = true, format = "date-time")]
    pub ended_at: Option<String>,
}

/// A page of the log of mails, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailPage {
    /// Mails of the page.
    pub data: Vec<MailBody>,
    /// Value of `before` for the next page, with older mails; null on the last page.
    #[schema(required = true, format = "uuid")]
    pub next: Option<String>,
}

/// A template with sample values.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailPreview {
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML; null if the mail has none.
    #[schema(required = true)]
    pub html: Option<String>,
}

/// Returns the routes of mail.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/mails", READ, list)
            .operation_id("listMails")
            .tag(TAG)
            .summary("List mails")
            .description(
                "Returns one page of the log of mails, newest first: who got what, when, and what the mail server said. \
                 Fails with 400 when a filter is invalid.",
            )
            .parameters([
                query("status", one_of("MailStatus", &MailStatus::NAMES), "Only mails in this state.", json!("failed")),
                query("kind", kinds(), "Only mails of this kind.", json!("invitation")),
                query("recipient", text().min_length(Some(1)).max_length(Some(254)), "Only mails to this address.", json!("anna@example.org")),
                id_of_row("before", "Only older mails than this one: `next` of the previous page."),
                page_limit(MOST_LISTED, 20),
            ])
            .responds(200, "One page of the log.", reference("MailPage"), &[]),
        Route::get("/api/v1/mail-templates/{kind}", READ, preview)
            .operation_id("previewMail")
            .tag(TAG)
            .summary("Preview a mail")
            .description("Returns the template of a kind of mail, with sample values. Fails with 404 when there is no such kind.")
            .parameter_set(ParameterSet::Language)
            .parameters([path_kind()])
            .responds(200, "The mail.", reference("MailPreview"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post("/api/v1/mail-templates/{kind}/test", MANAGE, test)
            .operation_id("testMail")
            .tag(TAG)
            .summary("Send a test mail")
            .description(
                "Sends the template of a kind of mail, with sample values. Fails with 404 when there is no such kind, and with \
                 409 when no mail server is configured.",
            )
            .parameters([path_kind()])
            .request_body(JSON, reference("MailTestInput"), example_of(&MAIL_TEST))
            .responds(202, "The mail, which waits.", reference("Mail"), &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::Conflict]),
    ];
    routes.push(bounce_route());
    routes.push(
        Route::get("/api/v1/mails/{id}", READ, get)
            .operation_id("getMail")
            .tag(TAG)
            .summary("Get a mail")
            .description("Returns an entry of the log of mails. Fails with 404 when there is no such mail.")
            .parameters([path_id()])
            .responds(200, "The mail.", reference("Mail"), &[])
            .problems(&[ProblemKind::NotFound]),
    );
    routes
}

fn bounce_route() -> Route {
    Route::post("/api/v1/mails/bounces", Access::Open, bounce)
        .operation_id("reportBounce")
        .tag(TAG)
        .summary("Report a bounce")
        .description(
            "Notes that a mail came back, as a mail provider reports it. The request has the setting `mail.webhook_secret` as \
             its bearer token. A notice about a mail that the log does not have is accepted and has no effect. Fails with 401 \
             when the secret is wrong or none is configured.",
        )
        .request_body(JSON, reference("BounceInput"), example_of(&BOUNCE))
        .responds_empty(204, "The notice is stored.", &[])
        .problems(&[ProblemKind::Unauthorized])
}

fn kinds() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    one_of("MailKind", &MailKind::NAMES)
}

fn path_kind() -> Parameter {
    parameter("kind", ParameterIn::Path, kinds(), "Kind of mail.", json!("invitation"))
}

/// Returns a mail as the API shows it.
fn to_api(row: MailRow) -> MailBody {
    let time = |at: i64| (at > 0).then(|| utc_text(at));
    MailBody {
        created_at: utc_text(row.created_at),
        due_at: time(row.due_at).filter(|_| row.ended_at == 0),
        ended_at: time(row.ended_at),
        group: Some(row.group_id).filter(|id| !id.is_empty()),
        id: row.id,
        kind: row.kind,
        recipient: row.recipient,
        locale: row.locale,
        status: row.status,
        attempts: row.attempts,
        doubts: row.doubts,
        code: row.code,
        detail: row.detail,
    }
}

async fn list(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MOST_LISTED)?.unwrap_or(20);
    let filter = MailFilter {
        status: word(&request, "status", &MailStatus::NAMES)?.map(str::to_owned),
        kind: word(&request, "kind", &MailKind::NAMES)?.map(str::to_owned),
        recipient: short_text(&request, "recipient", 254)?.map(|given| normal_address(&given).unwrap_or(given)),
        before: row_id(&request, "before")?,
    };
    let mut rows = request.app.database.read(move |c| Ok::<_, Problem>(log::list(c, &filter, limit + 1)?)).await?;
    let has_more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    Ok(Response::json(200, &MailPage { data: rows.into_iter().map(to_api).collect(), next })?.no_store())
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let row = request.app.database.read(move |c| Ok::<_, Problem>(log::by_id(c, &id)?)).await?;
    let row = row.ok_or_else(|| Problem::not_found("mail"))?;
    Ok(Response::json(200, &to_api(row))?.no_store())
}

fn kind_of(request: &Request) -> Result<MailKind, Problem> {
    MailKind::from_name(request.path("kind")).ok_or_else(|| Problem::not_found("kind of mail"))
}

async fn preview(request: Request) -> Result<Response, Problem> {
    let kind = kind_of(&request)?;
    let (app, locale) = (&request.app, locale_or_default(&request)?);
    let mut values = json!({"site": app.mailer.site(&app.site_name(&locale).await?), "locale": locale});
    samples::extend(&mut values, samples::values(kind));
    let content = app.mailer.templates.render(kind, &locale, &values);
    let content =
        content.map_err(|reason| Problem::new(ProblemKind::Conflict, format!("the template is wrong: {reason}")))?;
    let preview = MailPreview { subject: content.subject, text: content.text, html: content.html };
    Ok(Response::json(200, &preview)?.no_store())
}

async fn test(request: Request) -> Result<Response, Problem> {
    let kind = kind_of(&request)?;
    let form = Form::read(&MAIL_TEST, &body::json(&request)?, &request.app.site)?;
    if !request.app.mailer.is_configured() {
        return Err(Problem::new(ProblemKind::Conflict, "no mail server is configured"));
    }
    let site = &request.app.site;
    let locale = form.locale(site)?.unwrap_or_else(|| site.default_locale().to_owned());
    let data = json!({"template": kind.name()});
    let mail = MailRow::new(&request.app.config.mail, MailKind::Test, &form.text("to"), &locale, &data);
    let row = mail.clone();
    request.app.database.write(move |c: &mut Db| Ok::<_, Problem>(row.enqueue(c)?)).await?;
    Ok(Response::json(202, &to_api(mail))?.no_store())
}

/// Returns the enhanced status code of a notice; empty if it has none.
///
/// # Errors
/// 422 if it is another text.
pub fn status_code(form: &Form) -> Result<String, Problem> {
    let Some(status) = form.get("status") else { return Ok(String::new()) };
    match is_status_code(&status) {
        true => Ok(status),
        false => {
            let message = "must be an enhanced status code such as 5.1.1 (RFC 3463)";
            Err(Problem::invalid(Violations::one("/status", "not_a_value", message)))
        }
    }
}

/// Refuses a request without the secret of the settings.
fn require_secret(request: &Request) -> Result<(), Problem> {
    let secret = &request.app.config.mail.webhook_secret;
    let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Digests are compared, so that the duration tells nothing of the secret.
    let is_right = Sha256::digest(given.as_bytes()) == Sha256::digest(secret.as_bytes());
    match is_right && !secret.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Unauthorized, "the bearer token is not the secret of the settings")),
    }
}

async fn bounce(request: Request) -> Result<Response, Problem> {
    require_secret(&request)?;
    let form = Form::read(&BOUNCE, &body::json(&request)?, &request.app.site)?;
    let status = status_code(&form)?;
    let named = form.text("mail");
    let by_id = named.trim_start_matches('<').split('@').next().and_then(|id| uuid::Uuid::parse_str(id).ok());
    let mail_id = return_path::mail_id(&request.app.site_key, &named).or_else(|| by_id.map(|id| id.to_string()));
    let Some(mail_id) = mail_id else {
        let message = "this is neither the Message-ID, nor the id, nor the return path of a mail of this site";
        return Err(Problem::invalid(Violations::one("/mail", "not_valid", message)));
    };
    let notice = BounceNotice {
        kind: BounceKind::from_name(&form.text("kind")).unwrap_or(BounceKind::Transient),
        status,
        diagnostic: form.text("diagnostic"),
    };
    let app = std::sync::Arc::clone(&request.app);
    let store = move |c: &mut Db| {
        if let Some(mail) = crate::mail::bounce::record(c, &mail_id, &notice)? {
            subscribers::record_bounce(c, app.subscriber_context(), &mail, &notice)?;
        }
        Ok::<_, Problem>(())
    };
    request.app.database.write(store).await?;
    Ok(Response::empty(204).no_store())
}
