//! Endpoints of translations: the state of an item in each locale, and the publication of a locale.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::content::every_collection::every_collection;
use crate::api::content::items::{item_path, with_article};
use crate::api::content::lifecycle::{editor, write_response};
use crate::api::openapi::item_schemas::ANY_ITEM;
use crate::api::openapi::schemas::{reference, text};
use crate::api::parameters::{IF_MATCH, path_id_or_slug};
use crate::auth::permissions::{Action, Area};
use crate::content::Site;
use crate::content::translations::{is_right_to_left, missing_fields};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::editor::find;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, Response};
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// The state of an item in one locale.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TranslationState {
    /// Locale, as a BCP 47 tag.
    #[schema(example = "nl")]
    pub locale: String,
    /// Writing direction: `ltr` or `rtl`.
    #[schema(example = "ltr")]
    pub direction: &'static str,
    /// Whether this is the default locale, from which the others are translated.
    pub default: bool,
    /// Slug in this locale; the default slug if it has none of its own.
    pub slug: String,
    /// Whether the values in this locale are public.
    pub published: bool,
    /// Fields that have a value in another locale but not in this one.
    pub missing: Vec<&'static str>,
    /// Fields whose value in the default locale changed after they were translated.
    pub outdated: Vec<String>,
    /// Locales from which missing values are taken, in order of preference.
    pub fallbacks: Vec<String>,
}

/// The state of an item in all locales.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TranslationList {
    /// States, one for each locale of the site, the default locale first.
    pub data: Vec<TranslationState>,
}

/// Returns the translation routes of a content type.
pub fn routes(resource: &'static ContentType) -> Vec<Route> {
    let (schema, item) = (resource.schema, with_article(resource));
    let path = format!("{}/translations", item_path(resource));
    let step = |verb: &'static str, hidden: bool, summary: &str, about: &str| {
        let id = format!("{verb}{schema}Translation");
        let (shared_id, shared_summary) = match hidden {
            true => ("unpublishTranslation", "Unpublish a translation of an item"),
            false => ("publishTranslation", "Publish a translation of an item"),
        };
        Route::post(format!("{path}/{{locale}}/{verb}"), Access::May(Area::Content, Action::Publish), move |r| {
            set_visibility(resource, r, hidden)
        })
        .operation_id(id)
        .shared_operation(every_collection(resource, &format!("{path}/{{locale}}/{verb}"), shared_id, shared_summary))
        .tag(resource.title_plural)
        .summary(format!("{summary} {item}"))
        .description(about)
        .parameter_set(ParameterSet::Step)
        .parameters([path_id_or_slug(), path_locale(), IF_MATCH.clone()])
        .responds(200, "The item after the change.", reference(ANY_ITEM), &["ETag"])
        .or_media_type(ALL_LOCALES, reference(ANY_ITEM))
        .problems(&WRITE_PROBLEMS)
    };
    vec![
        Route::get(&path, Access::May(Area::Content, Action::Read), move |r| list(resource, r))
            .operation_id(format!("list{schema}Translations"))
            .shared_operation(every_collection(resource, &path, "listTranslations", "List the translations of an item"))
            .tag(resource.title_plural)
            .summary(format!("List the translations of {item}"))
            .description(
                "Returns the state of the item in each locale of the site: whether it is public, and which fields are \
                 missing or outdated. Fails with 404 when there is no such item.",
            )
            .parameters([path_id_or_slug()])
            .responds(200, "The state of each locale.", reference("TranslationList"), &[])
            .problems(&[ProblemKind::NotFound]),
        step(
            "publish",
            false,
            "Publish a translation of",
            "Makes the values of the item in a locale public, and returns the item. Fails with 404 when the item does \
             not exist, or the locale is the default one or not one of the site, with 409 when the translation is \
             published already or the item is in the trash, and with 412 when the item was changed since the version \
             in `If-Match`.",
        ),
        step(
            "unpublish",
            true,
            "Unpublish a translation of",
            "Hides the values of the item in a locale from the public, which gets those of the fallback locales \
             instead, and returns the item; the values are kept. Fails with 404 when the item does not exist, or the \
             locale is the default one or not one of the site, with 409 when the translation is not published or the \
             item is in the trash, and with 412 when the item was changed since the version in `If-Match`.",
        ),
    ]
}

fn path_locale() -> Parameter {
    let schema = text().min_length(Some(2)).max_length(Some(35)).pattern(Some("^[A-Za-z0-9-]+$"));
    parameter(
        "locale",
        ParameterIn::Path,
        schema,
        "Locale of the site other than the default one, as a BCP 47 tag.",
        json!("nl"),
    )
}

async fn list(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let item = request.app.database.read(move |c: &mut Db| find(c, resource, &key)).await?;
    let data = request.app.site.locales.iter().map(|locale| state(resource, &request.app.site, &item, locale));
    Ok(Response::json(200, &TranslationList { data: data.collect() })?.no_store())
}

fn state(resource: &'static ContentType, site: &Site, item: &Item, locale: &str) -> TranslationState {
    let own = item.translations().get(locale);
    TranslationState {
        locale: locale.to_owned(),
        direction: if is_right_to_left(locale) { "rtl" } else { "ltr" },
        default: locale == site.default_locale(),
        slug: own.slug.unwrap_or_else(|| item.slug.clone()),
        published: item.live && !own.hidden,
        missing: missing_fields(resource.fields, &item.content(), locale),
        outdated: own.outdated,
        fallbacks: site.fallback_chain(locale)[1..].iter().map(|locale| (*locale).to_owned()).collect(),
    }
}

async fn set_visibility(resource: &'static ContentType, request: Request, hidden: bool) -> Result<Response, Problem> {
    let site = &request.app.site;
    let locale = site.locale(request.path("locale")).filter(|locale| *locale != site.default_locale());
    let locale = locale.ok_or_else(|| Problem::not_found("translation"))?.to_owned();
    let editor = editor(resource, &request)?;
    let version = required_version(&request)?;
    Ok(write_response(
        &request,
        editor.show_translation(request.path("id_or_slug"), version, locale, hidden).await?,
        200,
    ))
}
