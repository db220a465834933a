//! Two pages for sites that have none of their own: to confirm a sign-up and to unsubscribe. A `GET` shows a button; a `POST`
//! acts, as the button does, and as mail programs do with one click (RFC 8058).

use super::TAG;
use super::preferences::unsubscribe_token;
use super::sign_up::confirm_token;
use crate::api::docs::HTML;
use crate::api::openapi::schemas::text;
use crate::api::parameters::query;
use crate::content::html::escape;
use crate::http::cached_response::negotiated_locale;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// Content Security Policy of the pages, which load nothing and send their form to themselves.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Returns the routes of the pages.
pub fn routes() -> Vec<Route> {
    let token = || {
        query("token", text().max_length(Some(400)), "Token of the link in the mail.", serde_json::json!("3p5kQ0x2"))
    };
    let described = |route: Route, id: &'static str, summary: &'static str| {
        let about = "A page of HTML. A `GET` changes nothing.";
        let route = route.operation_id(id).tag(TAG).summary(summary).description(about).parameters([token()]);
        route.responds_as(200, "The page.", HTML, text(), &[]).of_another_protocol()
    };
    vec![
        described(
            Route::get("/newsletter/confirm", Access::Open, show_confirm),
            "showConfirmation",
            "Show a button to confirm",
        ),
        described(Route::post("/newsletter/confirm", Access::Open, confirm), "confirmByPage", "Confirm a subscription"),
        described(
            Route::get("/newsletter/unsubscribe", Access::Open, show_unsubscribe),
            "showUnsubscription",
            "Show a button to unsubscribe",
        ),
        described(
            Route::post("/newsletter/unsubscribe", Access::Open, unsubscribe),
            "unsubscribeByPage",
            "Unsubscribe",
        ),
    ]
}

/// The texts of a page, by what it says.
enum Text {
    AskConfirm,
    Confirmed,
    AskUnsubscribe,
    Unsubscribed,
    Invalid,
}

fn words(text: &Text, is_dutch: bool) -> (&'static str, Option<&'static str>) {
    match (text, is_dutch) {
        (Text::AskConfirm, false) => ("Do you want to receive the newsletter?", Some("Yes, subscribe me")),
        (Text::AskConfirm, true) => ("Wilt u de nieuwsbrief ontvangen?", Some("Ja, schrijf mij in")),
        (Text::Confirmed, false) => ("You are subscribed to the newsletter.", None),
        (Text::Confirmed, true) => ("U bent ingeschreven voor de nieuwsbrief.", None),
        (Text::AskUnsubscribe, false) => ("Do you want to stop receiving the newsletter?", Some("Unsubscribe")),
        (Text::AskUnsubscribe, true) => ("Wilt u de nieuwsbrief niet meer ontvangen?", Some("Schrijf mij uit")),
        (Text::Unsubscribed, false) => ("You no longer receive the newsletter.", None),
        (Text::Unsubscribed, true) => ("U ontvangt de nieuwsbrief niet meer.", None),
        (Text::Invalid, false) => ("This link is not valid any more.", None),
        (Text::Invalid, true) => ("Deze link is niet meer geldig.", None),
    }
}

async fn page(request: &Request, status: u16, text: &Text) -> Result<Response, Problem> {
    let app = &request.app;
    let negotiated = negotiated_locale(&request.http, &app.site);
    let locale = negotiated.as_deref().unwrap_or(app.site.default_locale());
    let (line, button) = words(text, locale.starts_with("nl"));
    let (name, lang) = (escape(&app.site_name(locale).await?), if locale.starts_with("nl") { "nl" } else { "en" });
    // A form without an action is sent to the address of its page, which has the token.
    let form =
        button.map_or_else(String::new, |label| format!("<form method=\"post\"><button>{label}</button></form>"));
    let html = format!(
        "<!doctype html><html lang=\"{lang}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{name}</title><h1>{name}</h1><p>{line}</p>{form}</html>"
    );
    let response = Response { body: html.into(), ..Response::empty(status) }.with_content_type(HTML).no_store();
    // The address has a token, which no other site needs to see.
    Ok(response.header("content-security-policy", POLICY).header("referrer-policy", "no-referrer"))
}

fn token(request: &Request) -> &str {
    request.query("token").unwrap_or_default()
}

async fn show_confirm(request: Request) -> Result<Response, Problem> {
    page(&request, 200, &Text::AskConfirm).await
}

async fn show_unsubscribe(request: Request) -> Result<Response, Problem> {
    page(&request, 200, &Text::AskUnsubscribe).await
}

/// Returns the page of an action's outcome: people read a page also where a program would read a problem.
async fn outcome(request: &Request, done: Result<(), Problem>, text: &Text) -> Result<Response, Problem> {
    match done {
        Ok(()) => page(request, 200, text).await,
        Err(problem) if problem.kind == ProblemKind::Invalid => page(request, 422, &Text::Invalid).await,
        Err(problem) => Err(problem),
    }
}

async fn confirm(request: Request) -> Result<Response, Problem> {
    let done = confirm_token(&request, token(&request)).await.map(drop);
    outcome(&request, done, &Text::Confirmed).await
}

async fn unsubscribe(request: Request) -> Result<Response, Problem> {
    let done = unsubscribe_token(&request, token(&request)).await;
    outcome(&request, done, &Text::Unsubscribed).await
}
