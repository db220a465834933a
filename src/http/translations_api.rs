//! The languages of one item: what is there, what is missing, what is outdated, what the public sees.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::conditions::{WRITE_PROBLEMS, required_version};
use super::content_api::{item_path, tag};
use super::desk_api::{desk, written};
use super::openapi::schemas::{reference, text};
use super::parameters::{IF_MATCH, path_id_or_slug};
use super::route::{Access, Answer, Request, Route, Takes, parameter};
use crate::auth::permissions::{Action, Area};
use crate::content::Site;
use crate::content::translations::{is_right_to_left, missing};
use crate::database::Db;
use crate::editorial::operations::find;
use crate::items::Item;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// One language of an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TranslationState {
    /// BCP 47 tag.
    #[schema(example = "nl")]
    pub locale: String,
    /// `ltr` or `rtl`.
    #[schema(example = "ltr")]
    pub direction: &'static str,
    /// Whether it is the language from which the others are translated.
    pub default: bool,
    /// Its slug in this language; the default one, where it has none of its own.
    pub slug: String,
    /// Whether the public sees its values.
    pub published: bool,
    /// The fields that have a value in some language, and none in this one.
    pub missing: Vec<&'static str>,
    /// The fields whose source changed after the translation.
    pub outdated: Vec<String>,
    /// The languages that are tried, in order, where this one has no value.
    pub fallbacks: Vec<String>,
}

/// The languages of an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TranslationList {
    /// One for each language of the site, the default first.
    pub data: Vec<TranslationState>,
}

/// The routes of a kind.
pub fn routes(resource: &'static Resource) -> Vec<Route> {
    let (schema, noun, path) = (resource.schema, resource.noun, format!("{}/translations", item_path(resource)));
    let step = |verb: &'static str, hidden: bool, summary: &str, about: &str| {
        let id = format!("{verb}{schema}Translation");
        Route::new(Method::POST, format!("{path}/{{locale}}/{verb}"), id, move |r| show(resource, r, hidden))
            .about(tag(resource), format!("{summary} a {noun}"), about)
            .access(Access::May(Area::Content, Action::Publish))
            .takes(Takes::Step)
            .parameters([path_id_or_slug(resource), path_locale(), IF_MATCH.clone()])
            .answers(200, "Done.", reference(schema), &["ETag"])
            .problems(&WRITE_PROBLEMS)
    };
    vec![
        Route::new(Method::GET, &path, format!("list{schema}Translations"), move |r| list(resource, r))
            .about(tag(resource), format!("Languages of a {noun}"), "What is missing, outdated, and published.")
            .access(Access::May(Area::Content, Action::Read))
            .parameters([path_id_or_slug(resource)])
            .answers(200, "The languages.", reference("TranslationList"), &[])
            .problems(&[Kind::NotFound]),
        step("publish", false, "Publish a translation of", "The public sees its values in this language."),
        step(
            "unpublish",
            true,
            "Unpublish a translation of",
            "The public sees another language's values instead; those of this one are kept.",
        ),
    ]
}

fn path_locale() -> Parameter {
    let schema = text().min_length(Some(2)).max_length(Some(35)).pattern(Some("^[A-Za-z0-9-]+$"));
    parameter("locale", ParameterIn::Path, schema, "A language of the site, the default aside.", json!("nl"))
}

async fn list(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let item = request.app.database.read(move |c: &mut Db| find(c, resource, &key)).await?;
    let data = request.app.site.locales.iter().map(|locale| state(resource, &request.app.site, &item, locale));
    Ok(Answer::of(200, &TranslationList { data: data.collect() })?.private())
}

fn state(resource: &'static Resource, site: &Site, item: &Item, locale: &str) -> TranslationState {
    let own = item.translations().get(locale);
    TranslationState {
        locale: locale.to_owned(),
        direction: if is_right_to_left(locale) { "rtl" } else { "ltr" },
        default: locale == site.default_locale(),
        slug: own.slug.unwrap_or_else(|| item.slug.clone()),
        published: item.live && !own.hidden,
        missing: missing(resource.fields, &item.content(), locale),
        outdated: own.outdated,
        fallbacks: site.fallback_chain(locale)[1..].iter().map(|locale| (*locale).to_owned()).collect(),
    }
}

async fn show(resource: &'static Resource, request: Request, hidden: bool) -> Result<Answer, Problem> {
    let site = &request.app.site;
    let locale = site.locale(request.path("locale")).filter(|locale| *locale != site.default_locale());
    let locale = locale.ok_or_else(|| Problem::not_found("translation"))?.to_owned();
    let desk = desk(resource, &request)?;
    let version = required_version(&request)?;
    Ok(written(desk.show_translation(request.path("id_or_slug"), version, locale, hidden).await?, 200))
}
