//! The operations on content, the same for every kind.

use std::sync::Arc;

use actix_web::http::Method;

use super::body;
use super::conditions::{none_match, required_version, tag as etag};
use super::openapi::schemas::{example_of_item, reference};
use super::parameters::{self, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, path_id_or_slug};
use super::route::{Access, Answer, JSON, KeptUnder, Request, Route};
use crate::auth::permissions::{Action, Area, may};
use crate::content::fault::Faults;
use crate::content::{LocaleMode, Site};
use crate::database::Db;
use crate::delivery::Audience;
use crate::delivery::answers::Kept;
use crate::delivery::compose::{Loaded, compose};
use crate::delivery::list::{Page, page};
use crate::delivery::one::{One, one};
use crate::delivery::query::Reader;
use crate::editorial::idempotency::Idempotent;
use crate::editorial::operations::{Change, Desk, Made};
use crate::items::Item;
use crate::journal::Author;
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

/// All routes of a kind. The parameters depend on the site's languages; see [`with_site`].
pub fn routes(resource: &'static Resource) -> Vec<Route> {
    let mut routes = reads(resource);
    routes.extend(writes(resource));
    routes.extend(transitions(resource));
    routes
}

/// The routes with the parameters that follow from the site's languages.
pub fn with_site(mut routes: Vec<Route>, site: &Site) -> Vec<Route> {
    for route in &mut routes {
        let Some(resource) = crate::resources::ALL.into_iter().find(|r| tag(r) == route.tag) else { continue };
        let is_list = !route.path.contains('{');
        route.parameters.extend(match (&route.method, is_list) {
            (&Method::GET, true) => parameters::of_list(resource, site),
            (&Method::GET, false) => parameters::of_one(resource, site),
            (&Method::DELETE, _) => Vec::new(),
            _ => parameters::of_writes(site),
        });
    }
    routes
}

fn collection_path(resource: &Resource) -> String {
    format!("/api/v1/{}", resource.collection)
}

fn item_path(resource: &Resource) -> String {
    format!("/api/v1/{}/{{id_or_slug}}", resource.collection)
}

fn reads(resource: &'static Resource) -> Vec<Route> {
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
            .parameters([path_id_or_slug(resource), IF_NONE_MATCH.clone()])
            .answers(200, "The item.", reference(schema), &["ETag", "Cache-Control"])
            .answers_as(304, "The client has this representation already.", None, &[])
            .answers_as(308, "It has another slug now.", None, &["Location"])
            .problems(&[Kind::NotFound]),
    ]
}

fn writes(resource: &'static Resource) -> Vec<Route> {
    let noun = resource.noun;
    let schema = resource.schema;
    let changed = [Kind::NotFound, Kind::Conflict, Kind::PreconditionFailed, Kind::PreconditionRequired];
    let update = Access::May(Area::Content, Action::Update);
    vec![
        Route::new(Method::POST, collection_path(resource), format!("create{schema}"), move |r| create(resource, r))
            .about(tag(resource), format!("Create a {noun}"), "A draft, unless `status` says otherwise.")
            .access(Access::May(Area::Content, Action::Create))
            .parameters([IDEMPOTENCY_KEY.clone()])
            .body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
            .answers(201, "Created.", reference(schema), &["ETag", "Location", "Idempotency-Replayed"])
            .problems(&[Kind::Conflict]),
        Route::new(Method::PUT, item_path(resource), format!("replace{schema}"), move |r| {
            change(resource, r, Way::Replace)
        })
        .about(
            tag(resource),
            format!("Replace a {noun}"),
            "All fields anew; what is left out is gone, except slug, state, and the values of other languages.",
        )
        .access(update)
        .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
        .body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
        .answers(200, "Replaced.", reference(schema), &["ETag"])
        .problems(&changed),
        Route::new(Method::PATCH, item_path(resource), format!("update{schema}"), move |r| {
            change(resource, r, Way::Patch)
        })
        .about(
            tag(resource),
            format!("Change a {noun}"),
            "JSON Merge Patch (RFC 7396): only what is named changes, null removes, lists are replaced whole.",
        )
        .access(update)
        .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
        .body(
            "application/merge-patch+json",
            reference(&format!("{schema}Patch")),
            serde_json::json!({"status": "draft"}),
        )
        .answers(200, "Changed.", reference(schema), &["ETag"])
        .problems(&changed),
        Route::new(Method::DELETE, item_path(resource), format!("trash{schema}"), move |r| {
            change(resource, r, Way::Trash)
        })
        .about(tag(resource), format!("Move a {noun} to the trash"), "It can be restored.")
        .access(Access::May(Area::Content, Action::Trash))
        .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
        .answers_as(204, "In the trash.", None, &["ETag"])
        .problems(&changed),
    ]
}

fn transitions(resource: &'static Resource) -> Vec<Route> {
    let all = [
        (
            "restore",
            Way::Restore,
            Action::Restore,
            "Take a {} out of the trash",
            "It comes back in the state that it had.",
        ),
        ("publish", Way::Status("published"), Action::Publish, "Publish a {}", "From now on the public sees it."),
        ("unpublish", Way::Status("draft"), Action::Publish, "Unpublish a {}", "It is a draft again."),
        (
            "archive",
            Way::Status("archived"),
            Action::Publish,
            "Archive a {}",
            "It is kept, and the public does not see it.",
        ),
    ];
    all.into_iter()
        .map(|(verb, way, action, summary, about)| {
            let path = format!("{}/{verb}", item_path(resource));
            Route::new(Method::POST, path, format!("{verb}{}", resource.schema), move |r| change(resource, r, way))
                .about(tag(resource), summary.replace("{}", resource.noun), about)
                .access(Access::May(Area::Content, action))
                .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
                .answers(200, "Done.", reference(resource.schema), &["ETag"])
                .problems(&[Kind::NotFound, Kind::Conflict, Kind::PreconditionFailed, Kind::PreconditionRequired])
        })
        .collect()
}

fn audience(request: &Request) -> Audience {
    match &request.actor {
        Some(actor) if may(actor.role, Area::Content, Action::Read) => Audience::Editors,
        _ => Audience::Public,
    }
}

async fn list(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let audience = audience(&request);
    let under = match kept(&request, audience) {
        Ok(answer) => return Ok(answer),
        Err(under) => under,
    };
    let mut faults = Faults::new();
    let mut reader = Reader { resource, site: &request.app.site, audience, faults: &mut faults };
    let query = reader.list(&request.pairs, &request.app.cursor_key);
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    let may_be_kept = audience == Audience::Public && !query.depends_on_now();
    let compute = async {
        let limit = query.limit;
        let app = Arc::clone(&request.app);
        let read = move |c: &mut Db| Ok::<_, Problem>(page(c, resource, &app.site, &query, &app.cursor_key)?);
        let page = request.app.database.read(read).await?;
        let body = envelope(&page, limit);
        Ok::<_, Problem>(Kept::new(body, |body| etag(0, body), links(&request, &page)))
    };
    let kept = match may_be_kept {
        true => request.app.answers.find_or(under.0, under.1.clone(), compute).await?,
        false => Arc::new(compute.await?),
    };
    Ok(conditional(&request, audience, may_be_kept.then_some(under), kept))
}

/// The answer that is kept for this request, or generation and address under which one is to be kept.
/// The generation is taken before anything is read: what is read then is at least as new.
fn kept(request: &Request, audience: Audience) -> Result<Answer, (u64, String)> {
    let generation = request.app.database.generation();
    let address = format!("{}?{}", request.http.path(), request.http.query_string());
    let found = match audience {
        Audience::Public => request.app.answers.find(generation, &address),
        Audience::Editors => None,
    };
    let under = (generation, address);
    match found {
        Some(kept) => Ok(conditional(request, audience, Some(under), kept)),
        None => Err(under),
    }
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

async fn get(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let audience = audience(&request);
    let under = match kept(&request, audience) {
        Ok(answer) => return Ok(answer),
        Err(under) => under,
    };
    let mut faults = Faults::new();
    let mut reader = Reader { resource, site: &request.app.site, audience, faults: &mut faults };
    let shape = reader.shape(&request.pairs, true);
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    let key = request.path("id_or_slug").to_owned();
    let app = Arc::clone(&request.app);
    let compute = async {
        let read = move |c: &mut Db| Ok::<_, Problem>(one(c, resource, &app.site, &key, &shape)?);
        match request.app.database.read_item(read).await? {
            One::Here { body, version } => Ok(Kept::new(body, |body| etag(version, body), None)),
            One::Moved(slug) => Err(NoAnswer::Moved(slug)),
            One::Nowhere => Err(NoAnswer::Refused(Problem::not_found(resource.noun))),
        }
    };
    let found = match audience {
        Audience::Public => request.app.answers.find_or(under.0, under.1.clone(), compute).await,
        Audience::Editors => compute.await.map(Arc::new),
    };
    match found {
        Ok(kept) => Ok(conditional(&request, audience, (audience == Audience::Public).then_some(under), kept)),
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
fn conditional(request: &Request, audience: Audience, under: Option<(u64, String)>, kept: Arc<Kept>) -> Answer {
    let has_it = none_match(request, &kept.tag);
    let answer = if has_it { Answer::empty(304) } else { Answer::json(200, kept.body.clone()) };
    let answer = answer.header("etag", &kept.tag).header("vary", "Authorization");
    let answer = match audience {
        Audience::Public => answer.header("cache-control", PUBLIC_CACHE),
        Audience::Editors => answer.private(),
    };
    let answer = match &kept.link {
        Some(link) => answer.header("link", link),
        None => answer,
    };
    Answer { kept: under.map(|under| KeptUnder { under, answer: kept }), ..answer }
}

fn desk(resource: &'static Resource, request: &Request) -> Result<Desk, Problem> {
    let actor = request.actor()?;
    let mut faults = Faults::new();
    let mut reader = Reader { resource, site: &request.app.site, audience: Audience::Editors, faults: &mut faults };
    let shape = reader.shape(&request.pairs, true);
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    let author = Author { account_id: Some(actor.account_id.clone()), request_id: request.id.clone() };
    let mode: LocaleMode = shape.view.locale.clone();
    let site = Arc::clone(&request.app.site);
    let show = Arc::new(move |c: &mut Db, item: &Item| {
        let loaded = Loaded::from_item(item.clone(), &site, &shape.view);
        Ok(compose(c, resource, &site, &[loaded], &shape)?.pop().unwrap_or_default())
    });
    Ok(Desk { app: Arc::clone(&request.app), resource, mode, author, role: actor.role, show })
}

async fn create(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let desk = desk(resource, &request)?;
    let input = body::json(&request)?;
    let key = match request.http.headers().get("idempotency-key") {
        Some(key) => {
            let account = &request.actor()?.account_id;
            let target = request.http.uri().to_string();
            Some(Idempotent::read(account, key.to_str().unwrap_or_default(), &target, &request.body)?)
        }
        None => None,
    };
    let made = desk.create(input, key).await?;
    let location = format!("{}/{}", collection_path(resource), made.item.id);
    let replayed = made.replayed;
    let answer = written(made, 201).header("location", location);
    Ok(if replayed { answer.header("idempotency-replayed", "true") } else { answer })
}

/// How a route changes an existing item.
#[derive(Clone, Copy)]
enum Way {
    Replace,
    Patch,
    Trash,
    Restore,
    Status(&'static str),
}

async fn change(resource: &'static Resource, request: Request, way: Way) -> Result<Answer, Problem> {
    let desk = desk(resource, &request)?;
    let version = required_version(&request)?;
    let change = match way {
        Way::Replace => Change::Replace(body::json(&request)?),
        Way::Patch => Change::Patch(body::merge_patch(&request)?),
        Way::Trash => Change::Trash,
        Way::Restore => Change::Restore,
        Way::Status(status) => Change::Status(status),
    };
    let made = desk.change(request.path("id_or_slug"), version, change).await?;
    if matches!(way, Way::Trash) {
        return Ok(Answer::empty(204).header("etag", format!("\"v{}\"", made.item.version)).private());
    }
    Ok(written(made, 200))
}

/// The answer of a write: the item as it is now.
fn written(made: Made, status: u16) -> Answer {
    let tag = etag(made.item.version, made.body.as_bytes());
    Answer::json(status, made.body).header("etag", tag).private()
}
