//! Handing out kept answers: the shortest way from a request to bytes that are there already.

use std::sync::Arc;

use actix_web::http::header::{self, AcceptLanguage, Header, Preference};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use super::conditions::none_match;
use super::door::{finish, wanted_coding};
use super::route::{Access, Route};
use crate::app::App;
use crate::content::Site;
use crate::delivery::answers::Kept;

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

/// Under what an answer is kept: path, query, and the language that was agreed on beside them.
pub fn address(http: &HttpRequest, negotiated: Option<&str>) -> String {
    let (path, query, language) = (http.path(), http.query_string(), negotiated.unwrap_or_default());
    let mut address = String::with_capacity(path.len() + query.len() + language.len() + 2);
    for part in [path, "?", query, "#", language] {
        address.push_str(part);
    }
    address
}

/// The answer to a read by somebody who shows no token, if it is kept.
pub fn at_once(app: &App, route: &Route, http: &HttpRequest, id: &str) -> Option<HttpResponse> {
    let may_be = route.access == Access::Public && route.method == Method::GET;
    if !may_be || http.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    let address = address(http, negotiated(http, &app.site).as_deref());
    let kept = app.answers.find(&address)?;
    Some(hand_out(app, http, Some(&address), &kept, id))
}

/// A kept answer as this client wants it, or 304 when the client has it already. `address` says where
/// its coded forms are kept, if they are.
pub fn hand_out(app: &App, http: &HttpRequest, address: Option<&str>, kept: &Arc<Kept>, id: &str) -> HttpResponse {
    if none_match(http, &kept.tag) {
        let mut response = HttpResponse::build(StatusCode::NOT_MODIFIED);
        for (name, value) in &kept.headers {
            response.append_header((name, value));
        }
        finish(app, &mut response, id);
        return response.finish();
    }
    let coding = if app.config.server.compress { wanted_coding(http) } else { None };
    let coded = coding.and_then(|coding| match address {
        Some(address) => app.answers.coded(address, kept, coding),
        None => kept.coded(coding).map(Arc::new),
    });
    let shown = coded.as_ref().unwrap_or(kept);
    let mut response = HttpResponse::Ok();
    for (name, value) in &shown.headers {
        response.append_header((name, value));
    }
    response.insert_header((header::CONTENT_TYPE, header::HeaderValue::from_static(shown.content_type)));
    finish(app, &mut response, id);
    response.body(shown.body.clone())
}
