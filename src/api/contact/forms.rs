//! Endpoints by which administrators set forms up.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::Parameter;

use super::TAG;
use super::visitors::path_form;
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::{IF_MATCH, if_absent, optional_if_match};
use crate::auth::permissions::{Action, Area};
use crate::contact::form_fields::FORM;
use crate::contact::forms::{self, ContactForm, FormDefinition, Label};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body;
use crate::http::preconditions::{PutPrecondition, put_precondition, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::items::if_match::version_tag;
use crate::journal::{self, NewEntry};
use crate::problem::{Problem, ProblemKind};

const READ: Access = Access::May(Area::Contact, Action::Read);
const MANAGE: Access = Access::May(Area::Contact, Action::Manage);
const PATH: &str = "/api/v1/contact-forms/{form}";

/// A form with all its languages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactForm)]
pub struct FormBody {
    /// Name of the form.
    #[schema(example = "contact")]
    pub name: String,
    /// Titles, one for each language.
    pub titles: Vec<LabelBody>,
    /// Fields, in their order.
    pub fields: Vec<FieldBody>,
    /// E-mail addresses of the recipients.
    pub recipients: Vec<String>,
    /// Whether visitors can send it.
    pub is_open: bool,
    /// Days for which messages are kept.
    #[schema(minimum = 1)]
    pub keep_days: i64,
    /// Time of the last change.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// A text in one language.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FormLabel)]
pub struct LabelBody {
    /// Language.
    #[schema(example = "en")]
    pub locale: String,
    /// Text in this language.
    pub text: String,
}

/// A field of a form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FormField)]
pub struct FieldBody {
    /// Name in requests.
    #[schema(example = "message")]
    pub name: String,
    /// `line`, `text`, `email`, `choice` or `checkbox`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// Whether it must be filled in, or ticked.
    pub required: bool,
    /// Greatest number of characters; null for the usual ones.
    #[schema(required = true, minimum = 1)]
    pub max_length: Option<u64>,
    /// Labels, one for each language.
    pub labels: Vec<LabelBody>,
    /// Values of a choice.
    pub options: Vec<OptionBody>,
}

/// A value of a choice.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FormOption)]
pub struct OptionBody {
    /// Value in requests.
    pub value: String,
    /// Labels, one for each language.
    pub labels: Vec<LabelBody>,
}

/// A list of forms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactFormList {
    /// Forms, in the order of their names.
    pub data: Vec<FormBody>,
}

/// Returns the routes of forms.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/contact-forms", READ, list)
            .operation_id("listContactForms")
            .tag(TAG)
            .summary("List forms")
            .description("Returns all forms with their recipients.")
            .responds(200, "The forms.", reference("ContactFormList"), &[]),
        Route::get(PATH, READ, get)
            .operation_id("getContactForm")
            .tag(TAG)
            .summary("Get a form")
            .description("Returns a form with its recipients and all its languages. Fails with 404 when there is no such form.")
            .parameters([path_form()])
            .responds(200, "The form.", reference("ContactForm"), &["ETag"])
            .problems(&[ProblemKind::NotFound]),
        Route::put(PATH, MANAGE, put)
            .operation_id("putContactForm")
            .tag(TAG)
            .summary("Set a form up")
            .description(
                "Creates a form, or replaces the one with this name, which needs `If-Match`. Fails with 412 when the form was \
                 changed or deleted since, or exists already with `If-None-Match: *`, with 422 when no form can have the name or a field is \
                 declared wrongly, and with 428 when the form exists and `If-Match` is missing.",
            )
            .parameters([path_form(), if_match(), if_none_match()])
            .request_body(JSON, reference("ContactFormInput"), example_of(&FORM))
            .responds(200, "The form.", reference("ContactForm"), &["ETag"])
            .problems(&[ProblemKind::PreconditionFailed, ProblemKind::PreconditionRequired]),
        Route::delete(PATH, MANAGE, delete)
            .operation_id("deleteContactForm")
            .tag(TAG)
            .summary("Delete a form")
            .description(
                "Deletes a form; its messages stay for as long as they are kept. Fails with 404 when there is no such form, and \
                 with 412 when it was changed since.",
            )
            .parameters([path_form(), IF_MATCH.clone()])
            .responds_empty(204, "The form is deleted.", &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::PreconditionFailed]),
    ]
}

fn if_match() -> Parameter {
    optional_if_match(
        "ETag of the version that is replaced; 428 if the form exists and the header is missing, 412 if it was changed.",
    )
}

fn if_none_match() -> Parameter {
    if_absent("`*`: the form is only created (RFC 9110, section 13.1.2); otherwise 412.")
}

fn labels(labels: Vec<Label>) -> Vec<LabelBody> {
    labels.into_iter().map(|label| LabelBody { locale: label.locale, text: label.text }).collect()
}

fn to_api(form: ContactForm) -> FormBody {
    let field = |field: forms::FormField| FieldBody {
        name: field.name,
        kind: field.kind,
        required: field.required,
        max_length: field.max_length.map(|most| most as u64),
        labels: labels(field.labels),
        options: field
            .options
            .into_iter()
            .map(|option| OptionBody { value: option.value, labels: labels(option.labels) })
            .collect(),
    };
    FormBody {
        name: form.name,
        titles: labels(form.definition.titles),
        fields: form.definition.fields.into_iter().map(field).collect(),
        recipients: form.definition.recipients,
        is_open: form.definition.is_open,
        keep_days: form.definition.keep_days,
        updated_at: utc_text(form.updated_at),
    }
}

async fn list(request: Request) -> Result<Response, Problem> {
    let rows = request.app.database.read(|c| Ok::<_, Problem>(forms::all(c)?)).await?;
    let data = rows.into_iter().map(to_api).collect();
    Ok(Response::json(200, &ContactFormList { data })?.no_store())
}

async fn put(request: Request) -> Result<Response, Problem> {
    let name = request.path("form").to_owned();
    if !forms::is_name(&name) {
        return Err(Problem::invalid(Violations::one("{form}", "not_a_slug", forms::no_name(&name))));
    }
    let definition = FormDefinition::read_body(&body::json(&request)?, &request.app.site)?;
    let (author, condition) = (author(&request)?, put_precondition(&request)?);
    let save = move |c: &mut Db| {
        let earlier = forms::by_name(c, &name)?.map(|form| form.version);
        require(&condition, earlier)?;
        let form = forms::save(c, &name, definition, earlier)?;
        let snapshot = serde_json::to_string(&form.definition).unwrap_or_default();
        let entry =
            NewEntry { action: "update", kind: forms::KIND, id: &name, version: form.version, snapshot, changed: &[] };
        journal::append(c, &author, entry)?;
        Ok::<_, Problem>(form)
    };
    let saved = request.app.database.write_content(save).await?;
    response(saved)
}

/// Refuses a write whose condition the form of the database, at this version if there is one, does not fulfil.
fn require(condition: &PutPrecondition, earlier: Option<i64>) -> Result<(), Problem> {
    let failed = |detail: &str| Err(Problem::new(ProblemKind::PreconditionFailed, detail));
    match (condition, earlier) {
        (PutPrecondition::None | PutPrecondition::Absent, None) => Ok(()),
        (PutPrecondition::Versions(versions), Some(version)) if versions.accepts(version) => Ok(()),
        (PutPrecondition::Versions(_), Some(_)) => failed(forms::CHANGED),
        (PutPrecondition::Versions(_) | PutPrecondition::Present, None) => failed("there is no such form (any more)"),
        (PutPrecondition::Absent, Some(_)) => failed("there is a form with this name already"),
        (PutPrecondition::None | PutPrecondition::Present, Some(_)) => {
            let detail = "there is a form with this name; send If-Match with the ETag of the version that you read";
            Err(Problem::new(ProblemKind::PreconditionRequired, detail))
        }
    }
}

fn response(form: ContactForm) -> Result<Response, Problem> {
    let tag = version_tag(form.version);
    Ok(Response::json(200, &to_api(form))?.no_store().header("etag", tag))
}

async fn get(request: Request) -> Result<Response, Problem> {
    let name = request.path("form").to_owned();
    let found = request.app.database.read(move |c| Ok::<_, Problem>(forms::by_name(c, &name)?)).await?;
    response(found.ok_or_else(|| Problem::not_found("form"))?)
}

async fn delete(request: Request) -> Result<Response, Problem> {
    let (version, name) = (required_version(&request)?, request.path("form").to_owned());
    let author = author(&request)?;
    let delete = move |c: &mut Db| {
        let deleted = forms::delete(c, &name, &version)?;
        let snapshot = json!({}).to_string();
        let entry = NewEntry {
            action: "delete",
            kind: forms::KIND,
            id: &name,
            version: deleted.version,
            snapshot,
            changed: &[],
        };
        Ok::<_, Problem>(journal::append(c, &author, entry)?)
    };
    request.app.database.write_content(delete).await?;
    Ok(Response::empty(204).no_store())
}
