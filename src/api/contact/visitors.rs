//! Endpoints by which visitors see a form and send it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::TAG;
use crate::api::newsletter::visitor::{self, ALTCHA, LOCALE, TRAP, Visitor, check, locale};
use crate::api::openapi::schemas::{example_of, reference, text};
use crate::api::query_values::locale_or_default;
use crate::api::request_bodies::Form;
use crate::contact::forms::{self, ContactForm, FilledValue, MAX_NAME, in_locale};
use crate::contact::messages;
use crate::content::field::{Field, FieldType, ObjectType};
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::problem::{Problem, ProblemKind};

const PATH: &str = "/api/v1/contact/{form}";

static VALUE: [Field; 3] = [
    Field::new("name", FieldType::Line { max: 64 }, "Name of the field.", r#""message""#).required(),
    Field::new(
        "value",
        FieldType::Text { max: 20_000 },
        "Value of the field, if it is a text or a choice.",
        r#""Is the lecture open to everybody?""#,
    ),
    Field::new("checked", FieldType::Boolean, "Whether it is ticked, if it is a checkbox.", "true"),
];

/// Fields of the body of a message.
pub static MESSAGE: [Field; 4] = [
    Field::new(
        "fields",
        FieldType::List {
            of: &FieldType::Object(&ObjectType {
                schema: "ContactValue",
                about: "A field that a visitor filled in.",
                fields: &VALUE,
            }),
            max: 50,
        },
        "Values of the fields, as the visitor filled them in.",
        r#"[{"name": "message", "value": "Is the lecture open to everybody?"}]"#,
    )
    .required(),
    LOCALE,
    ALTCHA,
    TRAP,
];

/// A form as visitors see it, in one language.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactPage)]
pub struct PublicForm {
    /// Name of the form.
    #[schema(example = "contact")]
    pub name: String,
    /// Title.
    pub title: String,
    /// Fields, in their order.
    pub fields: Vec<PublicField>,
    /// Days for which a message is kept, for the privacy notice.
    #[schema(minimum = 1)]
    pub keep_days: i64,
}

/// A field as visitors see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactPageField)]
pub struct PublicField {
    /// Name in the request.
    #[schema(example = "message")]
    pub name: String,
    /// `line`, `text`, `email`, `choice` or `checkbox`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// Whether it must be filled in, or ticked.
    pub required: bool,
    /// Greatest number of characters; null for the usual ones (a line 200, a text 5,000).
    #[schema(required = true, minimum = 1)]
    pub max_length: Option<u64>,
    /// Label.
    pub label: String,
    /// Values of a choice; none for other types.
    pub options: Vec<PublicOption>,
}

/// A value of a choice as visitors see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactPageOption)]
pub struct PublicOption {
    /// Value in the request.
    pub value: String,
    /// Label.
    pub label: String,
}

/// Returns the path parameter with the name of a form.
pub fn path_form() -> Parameter {
    let schema = text().pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$")).max_length(Some(MAX_NAME));
    parameter("form", ParameterIn::Path, schema, "Name of the form.", json!("contact"))
}

/// Returns the routes of visitors.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get(PATH, Access::Open, get)
            .operation_id("getContactPage")
            .tag(TAG)
            .summary("Get a form to show")
            .description("Returns an open form in a language. Fails with 400 when the site does not have the language, and with 404 when there is no such form.")
            .for_delivery()
            .parameter_set(ParameterSet::Language)
            .parameters([path_form()])
            .responds(200, "The form.", reference("ContactPage"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post(PATH, Access::Open, send)
            .operation_id("sendContactMessage")
            .tag(TAG)
            .summary("Send a message")
            .description(
                "Sends a message to the recipients of a form. It is mailed and stored for the time that the form sets. Fails with 404 \
                 when there is no such open form, with 422 when a field or the proof of work is wrong, and with 429 when a network \
                 sends too many forms.",
            )
            .for_delivery()
            .parameters([path_form()])
            .request_body(JSON, reference("ContactMessageInput"), example_of(&MESSAGE))
            .responds_empty(202, "The message is accepted.", &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::TooManyAttempts]),
    ]
}

/// Returns the open form of a request.
async fn open_form(request: &Request) -> Result<ContactForm, Problem> {
    let name = request.path("form").to_owned();
    let found = request.app.database.read_item(move |c: &mut Db| Ok::<_, Problem>(forms::by_name(c, &name)?)).await?;
    found.filter(|form| form.definition.is_open).ok_or_else(|| Problem::not_found("form"))
}

async fn get(request: Request) -> Result<Response, Problem> {
    let locale = &locale_or_default(&request)?;
    let form = open_form(&request).await?;
    let site = &request.app.site;
    let field = |field: forms::FormField| PublicField {
        label: in_locale(&field.labels, site, locale).to_owned(),
        options: field
            .options
            .iter()
            .map(|option| PublicOption {
                value: option.value.clone(),
                label: in_locale(&option.labels, site, locale).to_owned(),
            })
            .collect(),
        name: field.name,
        kind: field.kind,
        required: field.required,
        max_length: field.max_length.map(|most| most as u64),
    };
    let shown = PublicForm {
        title: in_locale(&form.definition.titles, site, locale).to_owned(),
        keep_days: form.definition.keep_days,
        fields: form.definition.fields.into_iter().map(field).collect(),
        name: form.name,
    };
    Ok(Response::json(200, &shown)?.no_store())
}

async fn send(request: Request) -> Result<Response, Problem> {
    let form = open_form(&request).await?;
    let mut body = visitor::filled_in(&request)?;
    // A browser sends the fields that the visitor left empty too.
    for entry in body.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(members) = entry.as_object_mut() {
            members.retain(|name, value| name != "value" || !visitor::is_blank(value));
        }
    }
    let input = Form::read(&MESSAGE, &body, &request.app.site)?;
    let (app, locale) = (Arc::clone(&request.app), locale(&request.app, &input)?);
    let values = filled_in(&form, &input)?;
    let Visitor::Person(proof) = check(&request, &input).await? else { return Ok(Response::empty(202).no_store()) };
    let store = move |c: &mut Db| {
        proof.use_up(c)?;
        Ok::<_, Problem>(messages::add(c, (&app.config, &app.site), &form, &locale, &values)?)
    };
    request.app.database.write(store).await?;
    Ok(Response::empty(202).no_store())
}

/// Validates what a visitor filled in, with pointers to the entries of the request.
fn filled_in(form: &ContactForm, input: &Form) -> Result<Map<String, Value>, Problem> {
    let mut violations = Violations::new();
    let mut given = HashMap::new();
    for (position, entry) in input.objects("fields").into_iter().enumerate() {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        let pointer = format!("/fields/{position}");
        let Some(field) = form.definition.field(name) else {
            let message = form.definition.unknown_field(name);
            violations.add(format!("{pointer}/name"), "unknown_field", message);
            continue;
        };
        let (member, other) = if field.is_checkbox() { ("checked", "value") } else { ("value", "checked") };
        if entry.get(other).is_some_and(|value| !value.is_null()) {
            let message = format!("a field of the type \"{}\" is filled in by \"{member}\"", field.kind);
            violations.add(format!("{pointer}/{other}"), "not_allowed", message);
        }
        let value = entry.get(member).cloned().unwrap_or_default();
        let filled = FilledValue { value, pointer: format!("{pointer}/{member}") };
        if given.insert(name.to_owned(), filled).is_some() {
            violations.add(format!("{pointer}/name"), "duplicate", "the field is filled in twice");
        }
    }
    let values = form.definition.read(&given, &mut violations);
    if violations.is_empty() { Ok(values) } else { Err(Problem::invalid(violations)) }
}
