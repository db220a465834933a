//! Endpoints of a subscriber's preferences, by the signed link in each mail.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::Parameter;

use super::sign_up::{TOPICS, wrong_token};
use super::{TAG, topic_ids};
use crate::api::openapi::schemas::{example_of, reference, text};
use crate::api::parameters::query;
use crate::api::request_bodies::Form;
use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::violation::Violations;
use crate::database::{Db, now};
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::items::ItemScope;
use crate::newsletter::links::subscriber_of;
use crate::newsletter::subscribers::{self, Subscriber, SubscriberStatus};
use crate::problem::{Problem, ProblemKind};

const PATH: &str = "/api/v1/newsletter/preferences";

/// Fields of the body that changes preferences.
pub static PREFERENCES: [Field; 4] = [
    Field::new("name", FieldType::Line { max: 200 }, "Name of the subscriber.", r#""Anna Janssens""#),
    Field::new("locale", FieldType::Language, "Language of the newsletter.", r#""nl""#),
    TOPICS,
    Field::new(
        "status",
        FieldType::OneOf(&Enumeration { schema: "PreferredStatus", words: &["unsubscribed"] }),
        "`unsubscribed` ends the subscription. A new sign-up begins it again.",
        r#""unsubscribed""#,
    ),
];

/// The preferences of a subscriber.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Address of the subscriber.
    #[schema(format = "email")]
    pub email: String,
    /// Name of the subscriber; empty if none was given.
    pub name: String,
    /// Language of the newsletter.
    #[schema(example = "nl")]
    pub locale: String,
    /// Ids of the topics that interest the subscriber; an empty list stands for all topics.
    pub topics: Vec<String>,
    /// `confirmed`, `unsubscribed` or `bounced`.
    #[schema(example = "confirmed")]
    pub status: String,
}

/// Returns the parameter with the token of a subscriber.
fn token() -> Parameter {
    let about = "Token of the link in the mail.";
    let mut parameter = query("token", text().max_length(Some(400)), about, json!("3p5kQ0x2ZcJm8vTn"));
    parameter.required = Required::True;
    parameter
}

/// Returns the routes of preferences.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get(PATH, Access::Open, get)
            .operation_id("getPreferences")
            .tag(TAG)
            .summary("Get my preferences")
            .description("Returns the preferences of the subscriber of a token. Fails with 404 when there is none (any more).")
            .for_delivery()
            .parameters([token()])
            .responds(200, "The preferences.", reference("Preferences"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::patch(PATH, Access::Open, change)
            .operation_id("updatePreferences")
            .tag(TAG)
            .summary("Change my preferences")
            .description(
                "Changes the preferences of the subscriber of a token, and returns them; members that are left out keep their \
                 values. Fails with 404 when there is no such subscriber (any more).",
            )
            .for_delivery()
            .parameters([token()])
            .request_body("application/merge-patch+json", reference("PreferencesPatch"), example_of(&PREFERENCES))
            .responds(200, "The preferences after the change.", reference("Preferences"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::delete(PATH, Access::Open, erase)
            .operation_id("erasePreferences")
            .tag(TAG)
            .summary("Erase my subscription")
            .description(
                "Ends the subscription of the subscriber of a token, and erases what is known of the person. Fails with 404 when \
                 there is no such subscriber (any more).",
            )
            .for_delivery()
            .parameters([token()])
            .responds_empty(204, "The subscriber is erased.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

/// Returns the id of the subscriber of the request's token.
fn subscriber_id(request: &Request) -> Result<String, Problem> {
    let Some(token) = request.query("token") else {
        return Err(Problem::bad_request(Violations::one("?token", "required", "the link in the mail has it")));
    };
    subscriber_of(&request.app.site_key, token).ok_or_else(|| Problem::not_found("subscriber"))
}

fn find_subscriber(connection: &mut Db, id: &str) -> Result<Subscriber, Problem> {
    subscribers::by_id(connection, id)?.ok_or_else(|| Problem::not_found("subscriber"))
}

fn preferences(connection: &mut Db, row: Subscriber) -> Result<Preferences, Problem> {
    let topics = subscribers::topics_of(connection, std::slice::from_ref(&row.id))?;
    let topics = topics.into_iter().map(|(_, topic)| topic).collect();
    Ok(Preferences { email: row.email, name: row.name, locale: row.locale, topics, status: row.status })
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = subscriber_id(&request)?;
    let read = move |c: &mut Db| {
        let row = find_subscriber(c, &id)?;
        preferences(c, row)
    };
    let body = request.app.database.read(read).await?;
    Ok(Response::json(200, &body)?.no_store())
}

async fn change(request: Request) -> Result<Response, Problem> {
    let id = subscriber_id(&request)?;
    let input = body::merge_patch(&request)?;
    let form = Form::read(&PREFERENCES, &input, &request.app.site)?;
    let locale = form.locale(&request.app.site)?;
    let app = Arc::clone(&request.app);
    let is_given = |name: &str| input.get(name).is_some();
    let (topics, clears_name) = (is_given("topics"), input.get("name").is_some_and(Value::is_null));
    let changes = ["name", "locale", "topics"].into_iter().any(is_given);
    let write = move |c: &mut Db| {
        let mut row = find_subscriber(c, &id)?;
        row.name = form.get("name").unwrap_or(if clears_name { String::new() } else { row.name });
        row.locale = locale.unwrap_or(row.locale);
        row.updated_at = now();
        let topics = topics.then(|| topic_ids(c, &form.words("topics"), "/topics", ItemScope::Live)).transpose()?;
        if changes {
            subscribers::change(c, app.subscriber_context(), &row, topics.as_deref())?;
        }
        if form.get("status").is_some() {
            subscribers::unsubscribe(c, app.subscriber_context(), &row)?;
        }
        let row = find_subscriber(c, &id)?;
        preferences(c, row)
    };
    let body = request.app.database.write(write).await?;
    Ok(Response::json(200, &body)?.no_store())
}

async fn erase(request: Request) -> Result<Response, Problem> {
    let (id, app) = (subscriber_id(&request)?, Arc::clone(&request.app));
    let erase = move |c: &mut Db| {
        let row = find_subscriber(c, &id)?;
        Ok::<_, Problem>(subscribers::erase(c, app.subscriber_context(), &row)?)
    };
    request.app.database.write(erase).await?;
    Ok(Response::empty(204).no_store())
}

/// Ends the subscription of a token.
///
/// # Errors
/// 422 if the token is not valid. A subscriber who was erased has no subscription, which is what is asked for.
pub async fn unsubscribe_token(request: &Request, token: &str) -> Result<(), Problem> {
    let id = subscriber_of(&request.app.site_key, token).ok_or_else(wrong_token)?;
    let app = Arc::clone(&request.app);
    let end = move |c: &mut Db| {
        if let Some(row) = subscribers::by_id(c, &id)?
            && row.status == SubscriberStatus::Confirmed.name()
        {
            subscribers::unsubscribe(c, app.subscriber_context(), &row)?;
        }
        Ok::<_, Problem>(())
    };
    request.app.database.write(end).await
}
