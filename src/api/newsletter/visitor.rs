//! What all forms of visitors have in common: the proof of work, the field that people do not see, and the limits.

use serde_json::Value;

use crate::api::request_bodies::Form;
use crate::app::App;
use crate::content::field::{Field, FieldType};
use crate::database::Db;
use crate::http::body;
use crate::http::client_address::client_ip;
use crate::http::request::Request;
use crate::problem::Problem;
use crate::protection::challenge::MOST_CHARACTERS;
use crate::protection::limits::Quota;
use crate::protection::{VisitorProof, network_quota, too_many};

/// Solution of a challenge, as the ALTCHA widget puts it into its form.
pub const ALTCHA: Field = Field::new(
    "altcha",
    FieldType::Line { max: MOST_CHARACTERS },
    "Solution of a challenge of `GET /api/v1/newsletter/challenge`, as the ALTCHA widget (version 3) puts it into its field: \
     JSON in base64. It is good once.",
    r#""eyJjaGFsbGVuZ2UiOnt9fQ==""#,
)
.required();

/// A field that people do not see and programs fill in.
pub const TRAP: Field = Field::new(
    "website",
    FieldType::Line { max: 500 },
    "A field that people do not see: hide it by CSS and leave it empty. What programs fill in is accepted and dropped.",
    r#""""#,
);

/// The language of what the visitor saw.
pub const LOCALE: Field =
    Field::new("locale", FieldType::Language, "Language of the form; by default that of the site.", r#""nl""#);

/// Returns the body of a form without the members that the visitor left empty, as browsers send them. The language is not
/// the visitor's to fill in: an empty one is refused, as the contract says.
///
/// # Errors
/// 400 or 415 if the body is no JSON.
pub fn filled_in(request: &Request) -> Result<Value, Problem> {
    let mut body = body::json(request)?;
    if let Some(members) = body.as_object_mut() {
        members.retain(|name, value| name == LOCALE.name || !is_blank(value));
    }
    Ok(body)
}

/// Returns whether a value is a text without any visible character.
pub fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// The outcome of the checks that need no database.
pub enum Visitor {
    /// Somebody who did the work.
    Person(VisitorProof),
    /// A program, which is told nothing.
    Program,
}

/// Checks who sends a form.
///
/// # Errors
/// 422 if the solution is wrong, expired, or came too soon, 429 if the network sent too many forms.
pub async fn check(request: &Request, form: &Form) -> Result<Visitor, Problem> {
    if form.get("website").is_some() {
        return Ok(Visitor::Program);
    }
    let config = &request.app.config;
    let address = client_ip(&request.http, &config.server.trusted_proxies);
    let network = network_quota(&config.protection, &request.app.site_key, address);
    if let Some(ends_at) = used_up_until(&request.app, &network).await? {
        return Err(too_many(ends_at));
    }
    let proof = VisitorProof::read(&config.protection, &request.app.site_key, &form.text("altcha"), network)?;
    Ok(Visitor::Person(proof))
}

/// Returns the time at which a quota begins anew (µs), if it is used up. A network that sent too many forms costs a read on
/// each node, and takes nothing from the writer and no check of its work.
async fn used_up_until(app: &App, quota: &Quota) -> Result<Option<i64>, Problem> {
    if let Some(ends_at) = app.used_up_quotas.blocked_until(quota) {
        return Ok(Some(ends_at));
    }
    let read = quota.clone();
    let used_up = app.database.read_item(move |c: &mut Db| Ok::<_, Problem>(read.used_up_until(c)?)).await?;
    used_up.iter().for_each(|ends_at| app.used_up_quotas.add(quota, *ends_at));
    Ok(used_up)
}

/// Returns the language of a form: the one that is named, or that of the site.
///
/// # Errors
/// 422 if the site does not have the language.
pub fn locale(app: &App, form: &Form) -> Result<String, Problem> {
    Ok(form.locale(&app.site)?.unwrap_or_else(|| app.site.default_locale().to_owned()))
}
