//! Endpoints of the sign-up to the newsletter.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::visitor::{ALTCHA, LOCALE, TRAP, Visitor, check, filled_in, locale};
use super::{TAG, topic_ids};
use crate::api::openapi::schemas::{example_of, json_document, reference};
use crate::api::parameters::MAX_NUMBER;
use crate::api::query_values::locale_or_default;
use crate::api::request_bodies::Form;
use crate::content::field::{Field, FieldType};
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::items::ItemScope;
use crate::mail::outbox::normal_address;
use crate::newsletter::consent;
use crate::newsletter::links::{signup_of, subscriber_token};
use crate::newsletter::signups::{self, NewSignup};
use crate::problem::{Problem, ProblemKind};
use crate::protection::challenge;

/// Topics that interest a subscriber.
pub const TOPICS: Field = Field::new(
    "topics",
    FieldType::List { of: &FieldType::Line { max: 120 }, max: 50 },
    "Topics that interest the subscriber, by id or slug; an empty list stands for all.",
    r#"["water"]"#,
);

/// Fields of the body of a sign-up.
pub static SIGN_UP: [Field; 7] = [
    Field::new("email", FieldType::Email, "Address to subscribe.", r#""anna@example.org""#).required(),
    Field::new("name", FieldType::Line { max: 200 }, "Name of the subscriber.", r#""Anna Janssens""#),
    LOCALE,
    TOPICS,
    Field::new(
        "consent_version",
        FieldType::Integer { min: 1, max: MAX_NUMBER },
        "Version of the text of `GET /api/v1/newsletter/consent` that the visitor saw and agreed to. It is that of the settings \
         of the site.",
        "1",
    )
    .required(),
    ALTCHA,
    TRAP,
];

/// Fields of a body with a token of a mail.
pub static TOKEN: [Field; 1] =
    [Field::new("token", FieldType::Line { max: 400 }, "Token of the link in the mail.", r#""3p5kQ0x2ZcJm8vTn""#)
        .required()];

/// The text to which subscribers consent, in one language.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentText)]
pub struct ConsentBody {
    /// Version of the settings of the site that have the text, for the sign-up.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Language of the text.
    #[schema(example = "en")]
    pub locale: String,
    /// The text.
    pub text: String,
}

/// A subscription that was confirmed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmedSubscription {
    /// Token with which the subscriber changes preferences.
    pub preferences_token: String,
}

/// Returns the routes of the sign-up.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/newsletter/challenge", Access::Open, get_challenge)
            .operation_id("getChallenge")
            .tag(TAG)
            .summary("Get a challenge")
            .description(
                "Returns a challenge for the ALTCHA widget (version 3): a proof of work that keeps programs from filling in \
                 forms. Its `challenge` attribute takes this address.",
            )
            .for_delivery()
            .responds(200, "The challenge, in the form of ALTCHA's protocol.", json_document(), &[]),
        Route::get("/api/v1/newsletter/consent", Access::Open, get_consent)
            .operation_id("getNewsletterConsent")
            .tag(TAG)
            .summary("Get the text of consent")
            .description(
                "Returns the text that a sign-up form shows: `newsletter.consent` of the settings of the site (`PATCH \
                 /api/v1/site`), in a language or, without a text in it, the nearest one; a built-in text if the settings have \
                 none. Fails with 400 when the site does not have the language.",
            )
            .for_delivery()
            .parameter_set(ParameterSet::Language)
            .responds(200, "The text.", reference("ConsentText"), &[]),
        Route::post("/api/v1/newsletter/subscriptions", Access::Open, subscribe)
            .operation_id("subscribe")
            .tag(TAG)
            .summary("Subscribe to the newsletter")
            .description(
                "Mails a link to the address, with which the subscription is confirmed. The response is the same whether the \
                 address is subscribed or not. Fails with 422 when the proof of work is wrong, used or too old, and with 429 \
                 when a network sends too many forms.",
            )
            .for_delivery()
            .request_body(JSON, reference("SubscriptionInput"), example_of(&SIGN_UP))
            .responds_empty(202, "The sign-up is accepted; a mail is sent.", &[])
            .problems(&[ProblemKind::TooManyAttempts]),
        Route::post("/api/v1/newsletter/confirmations", Access::Open, confirm)
            .operation_id("confirmSubscription")
            .tag(TAG)
            .summary("Confirm a subscription")
            .description(
                "Subscribes the address of a sign-up, with the token of its mail. Fails with \
                 422 when the token is not valid any more.",
            )
            .for_delivery()
            .request_body(JSON, reference("NewsletterTokenInput"), example_of(&TOKEN))
            .responds(200, "The address is subscribed.", reference("ConfirmedSubscription"), &[]),
    ]
}

async fn get_challenge(request: Request) -> Result<Response, Problem> {
    let challenge = challenge::create(&request.app.config.protection, &request.app.site_key)?;
    Ok(Response::json(200, &challenge)?.header("cache-control", "no-store"))
}

async fn get_consent(request: Request) -> Result<Response, Problem> {
    let locale = locale_or_default(&request)?;
    let app = Arc::clone(&request.app);
    let present = request.app.database.read_item(move |c: &mut Db| consent::load_present(c, &app.site)).await?;
    let (locale, text) = present.in_locale(&request.app.site, &locale);
    Ok(Response::json(200, &ConsentBody { version: present.version(), locale, text })?.no_store())
}

async fn subscribe(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&SIGN_UP, &filled_in(&request)?, &request.app.site)?;
    let locale = locale(&request.app, &form)?;
    let Visitor::Person(proof) = check(&request, &form).await? else { return Ok(Response::empty(202).no_store()) };
    let app = Arc::clone(&request.app);
    let version = form.content().get("consent_version").and_then(serde_json::Value::as_i64).unwrap_or_default();
    // What follows is the same whether the address is subscribed or not, and so takes the same time.
    let sign_up = move |c: &mut Db| {
        let Some(shown) = consent::by_version(c, &app.site, version)? else {
            let message = "there is no such version; read the text again";
            return Err(Problem::invalid(Violations::one("/consent_version", "not_found", message)));
        };
        let topics = topic_ids(c, &form.words("topics"), "/topics", ItemScope::Live)?;
        proof.use_up(c)?;
        let (_, text) = shown.in_locale(&app.site, &locale);
        let email = normal_address(&form.text("email")).unwrap_or_default();
        let new = NewSignup { email, name: form.text("name"), locale, topics, consent: (version, text) };
        Ok(signups::add(c, &app.config, &app.site_key, new)?)
    };
    request.app.database.write(sign_up).await?;
    Ok(Response::empty(202).no_store())
}

/// Returns the problem of a token that is not valid.
pub fn wrong_token() -> Problem {
    Problem::invalid(Violations::one("/token", "not_valid", "the token is not valid (any more)"))
}

async fn confirm(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&TOKEN, &body::json(&request)?, &request.app.site)?;
    let preferences_token = confirm_token(&request, &form.text("token")).await?;
    Ok(Response::json(200, &ConfirmedSubscription { preferences_token })?.no_store())
}

/// Confirms the sign-up of a token, and returns the token of the subscriber's preferences.
///
/// # Errors
/// 422 if the token is not valid.
pub async fn confirm_token(request: &Request, token: &str) -> Result<String, Problem> {
    let id = signup_of(&request.app.site_key, token).ok_or_else(wrong_token)?;
    let app = Arc::clone(&request.app);
    let confirm = move |c: &mut Db| signups::confirm(c, &app.site, app.subscriber_context(), &id);
    let subscriber = request.app.database.write(confirm).await?.ok_or_else(wrong_token)?;
    Ok(subscriber_token(&request.app.site_key, &subscriber.id))
}
