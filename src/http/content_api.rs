//! Reading content: the same for every kind.

use std::future::Future;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{self, AcceptLanguage, Header, Preference};

use super::conditions::{none_match, tag as etag};
use super::openapi::schemas::reference;
use super::parameters::{self, IF_NONE_MATCH, path_id_or_slug};
use super::preview_api::{Sight, sight};
use super::route::{Access, Answer, JSON, KeptUnder, Request, Route, Takes};
use crate::content::Site;
use crate::content::fault::Faults;
use crate::database::Db;
use crate::delivery::answers::Kept;
use crate::delivery::list::{Page, page};
use crate::delivery::one::{One, one};
use crate::delivery::query::Reader;
use crate::editorial::operations::find;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// What anybody may keep for a moment, and use a little longer while asking again.
const PUBLIC_CACHE: &str = "public, max-age=5, stale-while-revalidate=30";

/// The group of a kind in the documentation.
pub fn tag(resource: &Resource) -> &'static str {
    match resource.kind {
        "event" => "Events",
        "session" => "Sessions",
        "speaker" => "Speakers",
        "partner" => "Partners",
        "venue" => "Venues",
        "topic" => "Topics",
        "series" => "Series",
        _ => "Event types",
    }
}

/// `EventTypes`, for operation ids.
fn plural(resource: &Resource) -> String {
    resource.collection.split('-').map(|part| format!("{}{}", part[..1].to_uppercase(), &part[1..])).collect()
}

/// The routes with the parameters that follow from the site's languages.
pub fn with_site(mut routes: Vec<Route>, site: &Site) -> Vec<Route> {
    for route in &mut routes {
        route.parameters.extend(match route.takes {
            Takes::Own => Vec::new(),
            Takes::List(resource) => parameters::of_list(resource, site),
            Takes::One(resource) => parameters::of_one(resource, site),
            Takes::Feed(resource) => parameters::of_feed(resource, site),
            Takes::FeedOfOne => parameters::of_feed_of_one(site),
            Takes::Step => parameters::of_steps(site),
            Takes::Content => parameters::of_writes(site),
        });
    }
    routes
}

/// Where the items of a kind are.
pub fn collection_path(resource: &Resource) -> String {
    format!("/api/v1/{}", resource.collection)
}

/// Where one item is.
pub fn item_path(resource: &Resource) -> String {
    format!("/api/v1/{}/{{id_or_slug}}", resource.collection)
}

/// Lists and single items.
pub fn routes(resource: &'static Resource) -> Vec<Route> {
    let noun = resource.noun;
    let schema = resource.schema;
    vec![
        Route::new(Method::GET, collection_path(resource), format!("list{}", plural(resource)), move |r| {
            list(resource, r)
        })
        .about(
            tag(resource),
            format!("List {}", resource.collection.replace('-', " ")),
            format!("A page of cards. Without a token only what is published. {}", resource.about),
        )
        .access(Access::Public)
        .takes(Takes::List(resource))
        .parameters([IF_NONE_MATCH.clone()])
        .answers(200, "A page.", reference(&format!("{schema}Page")), &["ETag", "Link", "Cache-Control"])
        .answers_as(304, "The client has this page already.", None, &[]),
        Route::new(Method::GET, item_path(resource), format!("get{schema}"), move |r| get(resource, r))
            .about(
                tag(resource),
                format!("Get one {noun}"),
                "By id, or by slug; an old slug redirects to the current one.",
            )
            .access(Access::Public)
            .takes(Takes::One(resource))
            .parameters([path_id_or_slug(resource), IF_NONE_MATCH.clone()])
            .answers(200, "The item.", reference(schema), &["ETag", "Cache-Control"])
            .answers_as(304, "The client has this representation already.", None, &[])
            .answers_as(308, "It has another slug now.", None, &["Location"])
            .problems(&[Kind::NotFound]),
    ]
}

/// The language that the client's settings ask for (RFC 9110, section 12.5.4), where the address does
/// not say any: it becomes a parameter like one of the address. The default needs none.
pub fn negotiate(request: &mut Request) {
    let site = &request.app.site;
    if request.http.headers().get(header::ACCEPT_LANGUAGE).is_none()
        || request.pairs.iter().any(|(name, _)| name == "locale")
    {
        return;
    }
    let Ok(wanted) = AcceptLanguage::parse(&request.http) else { return };
    let found = wanted.ranked().into_iter().find_map(|preference| match preference {
        Preference::Any => Some(site.default_locale()),
        Preference::Specific(tag) => {
            let tag: String = tag.to_string();
            site.locale(&tag).or_else(|| site.locale(tag.split('-').next().unwrap_or(&tag)))
        }
    });
    if let Some(locale) = found.filter(|locale| *locale != site.default_locale()) {
        request.pairs.push(("locale".to_owned(), locale.to_owned()));
        request.negotiated = Some(locale.to_owned());
    }
}

async fn list(resource: &'static Resource, mut request: Request) -> Result<Answer, Problem> {
    negotiate(&mut request);
    let sight = sight(&request).await?;
    sight.must_be_whole()?;
    let under = match kept(&request, &sight) {
        Ok(answer) => return Ok(answer),
        Err(under) => under,
    };
    let mut faults = Faults::new();
    let mut reader = Reader { resource, site: &request.app.site, audience: sight.audience, faults: &mut faults };
    let mut query = reader.list(&request.pairs, &request.app.site_key);
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    query.at = sight.at;
    let may_be_kept = !query.depends_on_now();
    let compute = async {
        let limit = query.limit;
        let app = Arc::clone(&request.app);
        let read = move |c: &mut Db| Ok(page(c, resource, &app.site, &query, &app.site_key)?);
        let page = sight.read(&request.app, read).await?;
        let body = envelope(&page, limit);
        Ok(Kept::new(JSON, body, |body| etag(0, body), links(&request, &page)))
    };
    keep(&request, &sight, under, may_be_kept, compute).await
}

/// The answer that is kept for this request, or generation and address under which one is to be kept.
/// The generation is taken before anything is read: what is read then is at least as new.
pub fn kept(request: &Request, sight: &Sight) -> Result<Answer, (u64, String)> {
    let generation = request.app.database.generation();
    let language = request.negotiated.as_deref().unwrap_or_default();
    let address = format!("{}?{}#{language}", request.http.path(), request.http.query_string());
    let found = if sight.is_public() { request.app.answers.find(generation, &address) } else { None };
    let under = (generation, address);
    match found {
        Some(kept) => Ok(conditional(request, sight, Some(under), kept)),
        None => Err(under),
    }
}

/// Computes what was not found, and keeps it where it may be: what anybody would see, now and a moment
/// later.
pub async fn keep<E>(
    request: &Request,
    sight: &Sight,
    under: (u64, String),
    may_be_kept: bool,
    compute: impl Future<Output = Result<Kept, E>>,
) -> Result<Answer, E> {
    if !may_be_kept || !sight.is_public() {
        return Ok(conditional(request, sight, None, Arc::new(compute.await?)));
    }
    let kept = request.app.answers.find_or(under.0, under.1.clone(), compute).await?;
    Ok(conditional(request, sight, Some(under), kept))
}

fn envelope(page: &Page, limit: i64) -> String {
    let size: usize = page.objects.iter().map(|o| o.len() + 1).sum();
    let mut out = String::with_capacity(size + 400);
    out.push_str("{\"data\":[");
    for (index, object) in page.objects.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(object);
    }
    // Cursors are base64url: nothing in them needs escaping.
    let cursor = |c: &Option<String>| c.as_ref().map_or("null".to_owned(), |c| format!("\"{c}\""));
    let total = page.total.map_or(String::new(), |total| format!(",\"total\":{total}"));
    out.push_str(&format!(
        "],\"page\":{{\"next\":{},\"prev\":{},\"limit\":{limit}{total}}}}}",
        cursor(&page.next),
        cursor(&page.previous)
    ));
    out
}

/// `Link` with the neighbouring pages (RFC 8288).
fn links(request: &Request, page: &Page) -> Option<String> {
    let path = request.http.path();
    let others = || request.pairs.iter().filter(|(name, _)| name != "cursor" && name != "offset");
    let link = |cursor: &String, rel: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others())
            .append_pair("cursor", cursor)
            .finish();
        format!("<{path}?{query}>; rel=\"{rel}\"")
    };
    let next = page.next.as_ref().map(|c| link(c, "next"));
    let previous = page.previous.as_ref().map(|c| link(c, "prev"));
    let all: Vec<String> = next.into_iter().chain(previous).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Why there is no answer to keep: the item is elsewhere, or the request is refused.
enum NoAnswer {
    Moved(String),
    Refused(Problem),
}

impl From<Problem> for NoAnswer {
    fn from(problem: Problem) -> Self {
        NoAnswer::Refused(problem)
    }
}

async fn get(resource: &'static Resource, mut request: Request) -> Result<Answer, Problem> {
    negotiate(&mut request);
    let sight = sight(&request).await?;
    let under = match kept(&request, &sight) {
        Ok(answer) => return Ok(answer),
        Err(under) => under,
    };
    let mut faults = Faults::new();
    let mut reader = Reader { resource, site: &request.app.site, audience: sight.audience, faults: &mut faults };
    let mut shape = reader.shape(&request.pairs, true);
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    shape.draft |= sight.only.is_some();
    let key = request.path("id_or_slug").to_owned();
    let app = Arc::clone(&request.app);
    let only = sight.only.clone();
    let compute = async {
        let read = move |c: &mut Db| {
            if let Some(only) = only
                && find(c, resource, &key)?.id != only
            {
                return Err(Problem::not_found(resource.noun));
            }
            Ok(one(c, resource, &app.site, &key, &shape)?)
        };
        match sight.read_item(&request.app, read).await? {
            One::Here { body, version } => Ok(Kept::new(JSON, body, |body| etag(version, body), None)),
            One::Moved(slug) => Err(NoAnswer::Moved(slug)),
            One::Nowhere => Err(NoAnswer::Refused(Problem::not_found(resource.noun))),
        }
    };
    match keep(&request, &sight, under, true, compute).await {
        Ok(answer) => Ok(answer),
        Err(NoAnswer::Refused(problem)) => Err(problem),
        Err(NoAnswer::Moved(slug)) => {
            let query = request.http.query_string();
            let mark = if query.is_empty() { "" } else { "?" };
            let location = format!("{}/{slug}{mark}{query}", collection_path(resource));
            Ok(Answer::empty(308).header("location", location))
        }
    }
}

/// The answer with its tag, or 304 when the client has it already. `under` says where it is kept, if it
/// is: what editors see, and what changes with time, is not.
fn conditional(request: &Request, sight: &Sight, under: Option<(u64, String)>, kept: Arc<Kept>) -> Answer {
    let has_it = none_match(request, &kept.tag);
    let full = || Answer::json(200, kept.body.clone()).typed(kept.content_type);
    let answer = if has_it { Answer::empty(304) } else { full() };
    let by_address = request.pairs.iter().any(|(name, _)| name == "locale") && request.negotiated.is_none();
    let vary = if by_address { "Authorization" } else { "Authorization, Accept-Language" };
    let answer = answer.header("etag", &kept.tag).header("vary", vary);
    let language = request.query("locale");
    let answer = match language.map_or(Some(request.app.site.default_locale()), |l| request.app.site.locale(l)) {
        Some(locale) => answer.header("content-language", locale),
        None => answer,
    };
    let answer = match sight.is_public() {
        true => answer.header("cache-control", PUBLIC_CACHE),
        false => answer.private(),
    };
    let answer = match &kept.link {
        Some(link) => answer.header("link", link),
        None => answer,
    };
    Answer { kept: under.map(|under| KeptUnder { under, answer: kept }), ..answer }
}
