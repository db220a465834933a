//! Previews: who sees what is not public yet, and the links by which others see it.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body;
use super::desk_api::author;
use super::openapi::schemas::reference;
use super::parameters::path_id;
use super::route::{Access, Actor, Answer, JSON, Request, Route};
use crate::app::App;
use crate::auth::forms::Form;
use crate::auth::permissions::{Action, Area, may};
use crate::content::fault::Faults;
use crate::content::field::{Field, Kind as FieldKind};
use crate::content::moment::{instant_in_query, utc_text};
use crate::database::{Db, now};
use crate::delivery::viewer::Viewer;
use crate::editorial::operations::find;
use crate::editorial::preview::{self, PreviewLink};
use crate::problem::{Kind, Problem};
use crate::resources::{COLLECTIONS, Resource};

/// Days for which a link is good without `expires_at`, and at most.
const USUAL_DAYS: i64 = 7;
const MOST_DAYS: i64 = 90;
const DAY: i64 = 86_400_000_000;
/// The most links of the list.
const MOST: i64 = 100;

/// What a reader is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// For whom the answer is made.
    pub viewer: Viewer,
    /// The moment at which the site is shown (µs); none for now.
    pub at: Option<i64>,
}

impl Sight {
    /// What anybody sees now.
    pub fn public() -> Self {
        Self { viewer: Viewer::Public, at: None }
    }

    /// Whether anybody would see the same.
    pub fn is_public(&self) -> bool {
        self.viewer.is_public() && self.at.is_none()
    }

    /// Refuses lists by a link that shows one item.
    pub fn must_be_whole(&self) -> Result<(), Problem> {
        match self.viewer {
            Viewer::Link { .. } => Err(fault("?preview", "one_item", "this preview link shows one item, not lists")),
            Viewer::Public | Viewer::Editor { .. } => Ok(()),
        }
    }

    /// Reads what is to be seen: as it is now, maybe at a glance, which may be quick, or as it will be.
    pub async fn read<T: Send + 'static>(
        &self,
        app: &App,
        quick: bool,
        glance: impl FnOnce(&mut Db) -> Result<Option<T>, Problem> + Send + 'static,
        read: impl FnOnce(&mut Db) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        match self.at {
            Some(at) => app.previews.read(at, read).await,
            None => app.database.read_after(quick, glance, read).await,
        }
    }

    /// The same for a read that touches a few rows by their keys.
    pub async fn read_item<T: Send + 'static>(
        &self,
        app: &App,
        read: impl FnOnce(&mut Db) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        match self.at {
            Some(at) => app.previews.read(at, read).await,
            None => app.database.read_item(read).await,
        }
    }
}

/// Who an actor is as a reader: by its role, and by the collections that its key is held to.
pub fn viewer(actor: Option<&Actor>) -> Viewer {
    match actor.filter(|actor| may(actor.role, Area::Content, Action::Read)) {
        Some(actor) => Viewer::held_to(actor.key.as_ref().map_or(&[], |key| key.collections.as_slice())),
        None => Viewer::Public,
    }
}

/// What whoever asks is to see: by token, by `at`, by preview link.
pub async fn sight(request: &Request) -> Result<Sight, Problem> {
    let viewer = viewer(request.actor.as_ref());
    let at = request.query("at");
    if let Some(token) = request.query("preview").map(str::to_owned) {
        let key = request.app.site_key.clone();
        let link = request.app.database.read(move |c| preview::by_token(c, &key, &token)).await?;
        if at.is_some() {
            return Err(fault("?at", "with_preview", "the preview link says at which moment the site is shown"));
        }
        return Ok(match link.item_id {
            Some(item_id) => Sight { viewer: Viewer::Link { item_id }, at: None },
            None => Sight { viewer: Viewer::Public, at: Some(link.view_at.max(now())) },
        });
    }
    let Some(text) = at else { return Ok(Sight { viewer, at: None }) };
    if viewer.is_public() {
        return Err(fault("?at", "not_public", "the site as it will be is shown to editors, and by preview links"));
    }
    if !viewer.sees_everything() {
        let why = "the site as it will be shows drafts of all collections, and this key is held to some";
        return Err(fault("?at", "not_for_this_key", why));
    }
    let at = moment(request, text).map_err(|(code, message)| fault("?at", code, message))?;
    Ok(Sight { viewer: Viewer::Public, at: Some(at) })
}

fn fault(place: &str, code: &str, message: impl Into<String>) -> Problem {
    Problem::bad_request(Faults::one(place, code, message))
}

/// A moment that lies ahead, in the site's zone or with any offset (µs).
fn moment(request: &Request, text: &str) -> Result<i64, (&'static str, String)> {
    let at = instant_in_query(text, request.app.site.time_zone)?.timestamp_micros();
    if at < now() {
        return Err(("in_the_past", "this moment has passed; the history of each item shows what was".to_owned()));
    }
    Ok(at)
}

/// A link to be made.
pub static NEW_LINK: [Field; 4] = [
    Field::new("collection", FieldKind::OneOf(COLLECTIONS), "Where the item is.", r#""events""#),
    Field::new(
        "id",
        FieldKind::Line { max: 120 },
        "Id or slug of the item to be shown with its newest text. Without it, the whole site is shown as it will be.",
        r#""rivers-without-borders""#,
    ),
    Field::new(
        "at",
        FieldKind::Instant,
        "The moment at which the site is shown; not together with an item.",
        r#""2027-01-15T09:00""#,
    ),
    Field::new(
        "expires_at",
        FieldKind::Instant,
        "Until when the link is good: 7 days, if nothing else is said, and 90 at most.",
        r#""2027-01-22T09:00""#,
    ),
];

/// A link, as it is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewLink)]
pub struct LinkBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What `preview=` wants, on every read. Whoever has it sees what it shows.
    pub token: String,
    /// The item that it shows; null for the site.
    #[schema(required = true, format = "uuid")]
    pub item: Option<String>,
    /// The moment at which it shows the site.
    #[schema(required = true, format = "date-time")]
    pub at: Option<String>,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Until when it is good.
    #[schema(format = "date-time")]
    pub expires_at: String,
}

/// The links that are good.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewLinkList {
    /// The links, the newest first.
    pub data: Vec<LinkBody>,
}

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Previews";
    let share = Access::May(Area::Content, Action::Share);
    vec![
        Route::new(Method::GET, "/api/v1/preview-links", "listPreviewLinks", list)
            .about(TAG, "List preview links", "The newest 100 that are good.")
            .access(share)
            .answers(200, "The links.", reference("PreviewLinkList"), &[]),
        Route::new(Method::POST, "/api/v1/preview-links", "createPreviewLink", create)
            .about(
                TAG,
                "Create a preview link",
                "For somebody without an account: one item with its newest text, or the site as it will be.",
            )
            .access(share)
            .body(JSON, reference("NewPreviewLink"), json!({"collection": "events", "id": "rivers-without-borders"}))
            .answers(201, "Created.", reference("PreviewLink"), &[]),
        Route::new(Method::DELETE, "/api/v1/preview-links/{id}", "revokePreviewLink", revoke)
            .about(TAG, "Revoke a preview link", "It is good for nothing from now on. Contributors revoke their own.")
            .access(share)
            .parameters([path_id()])
            .answers_as(204, "Revoked.", None, &[])
            .problems(&[Kind::NotFound]),
    ]
}

fn shown(request: &Request, link: PreviewLink) -> LinkBody {
    LinkBody {
        token: link.token(&request.app.site_key),
        id: link.id,
        item: link.item_id,
        at: (link.view_at > 0).then(|| utc_text(link.view_at)),
        created_at: utc_text(link.created_at),
        expires_at: utc_text(link.expires_at),
    }
}

async fn list(request: Request) -> Result<Answer, Problem> {
    let links = request.app.database.read(|c| Ok::<_, Problem>(preview::all(c, MOST)?)).await?;
    let data = links.into_iter().map(|link| shown(&request, link)).collect();
    Ok(Answer::of(200, &PreviewLinkList { data })?.private())
}

/// The item of a link, its moment (µs, 0 for none), its end (µs).
type Wanted = (Option<(&'static Resource, String)>, i64, i64);

/// What a checked body asks for.
fn wanted(form: &Form) -> Result<Wanted, Problem> {
    let mut faults = Faults::new();
    let (at, expires_at) = (form.ahead("at", &mut faults), form.ahead("expires_at", &mut faults));
    let expires_at = expires_at.unwrap_or(now() + USUAL_DAYS * DAY);
    if expires_at > now() + MOST_DAYS * DAY {
        faults.add("/expires_at", "out_of_range", format!("at most {MOST_DAYS} days from now"));
    }
    let item = match (form.get("collection"), form.get("id")) {
        (Some(collection), Some(id)) => Resource::of_collection(&collection).map(|resource| (resource, id)),
        (None, None) => None,
        (None, Some(_)) => {
            faults.add("/collection", "required", "an item is named by its collection and its id");
            None
        }
        (Some(_), None) => {
            faults.add("/id", "required", "an item is named by its collection and its id");
            None
        }
    };
    match (&item, at) {
        (Some(_), Some(_)) => faults.add("/at", "with_item", "an item is shown with its newest text, not at a moment"),
        (None, None) => faults.add("", "required", "an item, or a moment"),
        _ => {}
    }
    if faults.is_empty() { Ok((item, at.unwrap_or(0), expires_at)) } else { Err(Problem::invalid(faults)) }
}

async fn create(request: Request) -> Result<Answer, Problem> {
    let author = author(&request)?;
    let form = Form::read(&NEW_LINK, &body::json(&request)?, &request.app.site)?;
    let (item, at, expires_at) = wanted(&form)?;
    let write = move |c: &mut Db| {
        let item = match item {
            Some((resource, key)) => Some(find(c, resource, &key).map_err(dangling)?.id),
            None => None,
        };
        Ok::<_, Problem>(preview::create(c, &author, item, at, expires_at)?)
    };
    let link = request.app.database.write(write).await?;
    Ok(Answer::of(201, &shown(&request, link))?.private())
}

fn dangling(problem: Problem) -> Problem {
    if problem.kind != Kind::NotFound {
        return problem;
    }
    Problem::invalid(Faults::one("/id", "dangling_reference", problem.detail))
}

async fn revoke(request: Request) -> Result<Answer, Problem> {
    let (author, role, id) = (author(&request)?, request.actor()?.role, request.path("id").to_owned());
    request.app.database.write(move |c| preview::revoke(c, &author, role, &id)).await?;
    Ok(Answer::empty(204).private())
}
