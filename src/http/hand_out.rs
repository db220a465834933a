//! Handing out kept answers: the shortest way from a request to bytes that are there already.

use std::sync::Arc;

use actix_web::http::header::{self, AcceptLanguage, Header, Preference};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::conditions::none_match;
use super::content_api::PUBLIC_CACHE;
use super::door::{finish, refuse, respond, wanted_coding};
use super::pieces::in_pieces;
use super::route::{Access, Answer, Route};
use crate::app::App;
use crate::content::Site;
use crate::delivery::absent::{Absence, Absent};
use crate::delivery::answers::Place;
use crate::delivery::kept::Kept;
use crate::delivery::purge;
use crate::problem::Problem;

/// The language that the client's settings ask for (RFC 9110, section 12.5.4), where the address does
/// not say any and it is not the default, which needs none.
pub fn negotiated(http: &HttpRequest, site: &Site) -> Option<String> {
    if http.headers().get(header::ACCEPT_LANGUAGE).is_none() || names_locale(http.query_string()) {
        return None;
    }
    let wanted = AcceptLanguage::parse(http).ok()?;
    let found = wanted.ranked().into_iter().find_map(|preference| match preference {
        Preference::Any => Some(site.default_locale()),
        Preference::Specific(tag) => {
            let tag: String = tag.to_string();
            site.locale(&tag).or_else(|| site.locale(tag.split('-').next().unwrap_or(&tag)))
        }
    });
    found.filter(|locale| *locale != site.default_locale()).map(str::to_owned)
}

fn names_locale(query: &str) -> bool {
    query.contains("locale") && url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "locale")
}

/// Where the answer is kept: by path, query, and the language that was agreed on beside them.
pub fn place(app: &App, http: &HttpRequest, negotiated: Option<&str>) -> Place {
    app.answers.place(&[http.path(), http.query_string(), negotiated.unwrap_or_default()])
}

/// The answer to a read by somebody who shows no token, if it is kept.
pub fn at_once(app: &App, route: &Route, http: &HttpRequest, id: &str) -> Option<HttpResponse> {
    let may_be = route.access == Access::Public && route.method == Method::GET;
    if !may_be || http.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    let place = place(app, http, negotiated(http, &app.site).as_deref());
    if let Some(kept) = app.answers.find(place) {
        return Some(hand_out(app, http, Some(place), kept, id));
    }
    let found = app.answers.find_absent(place)?;
    Some(match absent(app, &found, true) {
        Ok(answer) => respond(app, http, answer, id),
        Err(problem) => refuse(app, http, &problem, id),
    })
}

/// What is answered where there is no content. The problem has the id of the request in it and is not kept by
/// anybody else; the way to the new address is, like an answer, if it is `public`.
pub fn absent(app: &App, found: &Absent, public: bool) -> Result<Answer, Problem> {
    match &found.absence {
        Absence::Missing(noun) => Err(Problem::not_found(noun)),
        Absence::Moved(location) => {
            let moved = Answer::empty(308).header("location", location).header("vary", "Authorization");
            if !public {
                return Ok(moved.private());
            }
            let tags = purge::tags(&app.config.cdn, &found.dependencies);
            let moved = moved.header("cache-control", PUBLIC_CACHE);
            Ok(tags.into_iter().fold(moved, |moved, (name, tags)| moved.header(name, tags)))
        }
    }
}

/// A kept answer as this client wants it, or 304 when the client has it already. `place` says where it is
/// kept with its coded forms, if it is.
pub fn hand_out(app: &App, http: &HttpRequest, place: Option<Place>, kept: Arc<Kept>, id: &str) -> HttpResponse {
    let coding = if app.config.server.compress { wanted_coding(http) } else { None };
    if http.headers().contains_key(header::IF_NONE_MATCH) {
        let tag = kept.tag_in(coding);
        if none_match(http, &tag) {
            let mut response = HttpResponse::build(StatusCode::NOT_MODIFIED);
            describe(app, &mut response, &tag, &kept);
            finish(app, &mut response, id);
            return response.finish();
        }
    }
    let coded = coding.and_then(|coding| match place {
        Some(place) => app.answers.coded(place, &kept, coding),
        None => kept.coded(coding).map(Arc::new),
    });
    let shown = coded.unwrap_or(kept);
    let mut response = HttpResponse::Ok();
    describe(app, &mut response, shown.tag.as_str(), &shown);
    response.insert_header((header::CONTENT_TYPE, header::HeaderValue::from_static(shown.content_type)));
    finish(app, &mut response, id);
    response.body(in_pieces(shown.body()))
}

/// The headers of a kept answer with this tag. Where the database does not answer, its age is among them (RFC 9111,
/// section 5.1): the time since it was last known to be right.
fn describe(app: &App, response: &mut HttpResponseBuilder, tag: &str, kept: &Kept) {
    if let Some(age) = app.database.ledger().age() {
        response.insert_header((header::AGE, age.as_secs().to_string()));
    }
    response.insert_header((header::ETAG, tag));
    for (name, value) in &kept.headers {
        response.append_header((name, value));
    }
}
