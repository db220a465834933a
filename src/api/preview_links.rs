//! Previews: which state of the site a request may see, and the endpoints of preview links.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::reference;
use crate::api::parameters::path_id;
use crate::api::request_bodies::Form;
use crate::app::App;
use crate::auth::actor::Actor;
use crate::auth::permissions::{Action, Area, is_permitted};
use crate::content::field::{Field, FieldType as FieldKind};
use crate::content::local_time::{instant_in_query, utc_text};
use crate::content::violation::Violations;
use crate::content_types::{COLLECTION, ContentType};
use crate::database::{Db, now};
use crate::delivery::Shape;
use crate::delivery::viewer::Viewer;
use crate::editorial::editor::find;
use crate::editorial::preview_links::{self, PreviewLink};
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// Lifetime of a link without `expires_at`, in days.
const DEFAULT_LIFETIME_DAYS: i64 = 7;
/// Maximum lifetime of a link, in days.
const MAX_LIFETIME_DAYS: i64 = 90;
/// One day (µs).
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Maximum number of links in the list.
const MAX_LISTED_LINKS: i64 = 100;

/// The viewer and the moment for which a read is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadView {
    /// Viewer that decides which items and texts are visible.
    pub viewer: Viewer,
    /// Future moment at which the site is shown (µs); `None` for the present.
    pub at: Option<i64>,
}

impl ReadView {
    /// Returns the view of an anonymous reader of the present site.
    pub fn for_public() -> Self {
        Self { viewer: Viewer::Public, at: None }
    }

    /// Whether this is the view of an anonymous reader of the present site.
    pub fn is_public(&self) -> bool {
        self.viewer.is_public() && self.at.is_none()
    }

    /// Checks that lists may be read: a preview link of one item shows that item only.
    ///
    /// # Errors
    /// 400 if the viewer holds a preview link of one item.
    pub fn require_list_access(&self) -> Result<(), Problem> {
        match self.viewer {
            Viewer::Link { .. } => {
                Err(invalid_parameter("?preview", "one_item", "this preview link shows one item, not lists"))
            }
            Viewer::Public | Viewer::Editor { .. } => Ok(()),
        }
    }

    /// Runs a read of the present site, or of the overlay of the future moment.
    ///
    /// For the present site, `fast_path` is tried first; `read` runs if it returns `None`. `is_quick` says that
    /// `fast_path` takes so little time that on SQLite it may run on the calling thread.
    ///
    /// # Errors
    /// The errors of `fast_path` and `read`, and 503 if the database or the overlay is not available.
    pub async fn read<T: Send + 'static>(
        &self,
        app: &App,
        is_quick: bool,
        fast_path: impl FnOnce(&mut Db) -> Result<Option<T>, Problem> + Send + 'static,
        read: impl FnOnce(&mut Db) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        match self.at {
            Some(at) => app.previews.read(at, read).await,
            None => app.database.read_with_fast_path(is_quick, fast_path, read).await,
        }
    }

    /// Runs a read like [`ReadView::read`] that touches a few rows by their keys. On SQLite it runs on the
    /// calling thread.
    ///
    /// # Errors
    /// The errors of `read`, and 503 if the database or the overlay is not available.
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

/// Restricts a read of one item to what the viewer of a preview link may read at all: the item of the link, with
/// its newest text, and its children, with their public one. All other viewers may ask for any item.
///
/// # Errors
/// 404 if the link shows another item, whether the requested one exists or not.
pub fn restrict_to_link(
    connection: &mut Db,
    content_type: &'static ContentType,
    key: &str,
    shape: &mut Shape,
) -> Result<(), Problem> {
    let Viewer::Link { item_id } = &shape.viewer else { return Ok(()) };
    let item = find(connection, content_type, key)?;
    if item.id == *item_id {
        return Ok(());
    }
    if !content_type.is_child() || item.parent_id.as_ref() != Some(item_id) {
        return Err(Problem::not_found(content_type.noun));
    }
    (shape.draft, shape.view.unpublished) = (false, false);
    Ok(())
}

/// Returns the viewer of an actor: decided by its role and by the collections to which its API key is
/// restricted.
pub fn viewer(actor: Option<&Actor>) -> Viewer {
    match actor.filter(|actor| is_permitted(actor.role, Area::Content, Action::Read)) {
        Some(actor) => Viewer::restricted_to(actor.collections()),
        None => Viewer::Public,
    }
}

/// Checks that the API key of a request, if it has one, reaches items of a content type besides those of the path.
///
/// # Errors
/// 403 if the key is restricted to other collections.
pub fn require_collection(request: &Request, kind: &str) -> Result<(), Problem> {
    if viewer(request.actor.as_ref()).edits(kind) {
        return Ok(());
    }
    let detail = format!("this API key does not reach items of the kind \"{kind}\", which this request writes too");
    Err(Problem::new(ProblemKind::Forbidden, detail))
}

/// Returns what a request may see, from its token, `at` and `preview`.
///
/// A preview of the whole site is shown as the public will see it, whatever the role of the caller, so that
/// all callers share its cached responses.
///
/// # Errors
/// 400 if `at` is not a moment in the future or not available to the caller, 401 if the preview link is not
/// valid.
pub async fn read_view(request: &Request) -> Result<ReadView, Problem> {
    let viewer = viewer(request.actor.as_ref());
    let at = request.query("at");
    // A preview link decides alone what is visible: an editor who opens it sees what its other holders see.
    if let Some(token) = request.query("preview").map(str::to_owned) {
        let key = request.app.site_key.clone();
        let link = request.app.database.read(move |c| preview_links::by_token(c, &key, &token)).await?;
        if at.is_some() {
            return Err(invalid_parameter(
                "?at",
                "with_preview",
                "the moment is part of the preview link; leave this parameter out",
            ));
        }
        return Ok(match link.item_id {
            Some(item_id) => ReadView { viewer: Viewer::Link { item_id }, at: None },
            // A link whose moment has passed shows the present site.
            None => ReadView { viewer: Viewer::Public, at: Some(link.view_at.max(now())) },
        });
    }
    let Some(text) = at else { return Ok(ReadView { viewer, at: None }) };
    if viewer.is_public() {
        return Err(invalid_parameter(
            "?at",
            "not_public",
            "the future site is available to editors and through preview links only",
        ));
    }
    if !viewer.sees_everything() {
        let message = "the future site shows items of all collections, and this key is restricted to some of them";
        return Err(invalid_parameter("?at", "not_for_this_key", message));
    }
    let at = future_moment(request, text).map_err(|(code, message)| invalid_parameter("?at", code, message))?;
    Ok(ReadView { viewer: Viewer::Public, at: Some(at) })
}

fn invalid_parameter(parameter: &str, code: &str, message: impl Into<String>) -> Problem {
    Problem::bad_request(Violations::one(parameter, code, message))
}

/// Parses a moment in the future, in the site's time zone or with a UTC offset (µs).
fn future_moment(request: &Request, text: &str) -> Result<i64, (&'static str, String)> {
    let at = instant_in_query(text, request.app.site.time_zone)?.timestamp_micros();
    if at < now() {
        return Err(("in_the_past", "this moment has passed; past states are in the history of each item".to_owned()));
    }
    Ok(at)
}

/// Fields of the body that creates a preview link.
pub static NEW_LINK: [Field; 4] = [
    Field::new("collection", FieldKind::OneOf(COLLECTION), "Collection of the item.", r#""events""#),
    Field::new(
        "id",
        FieldKind::Line { max: 120 },
        "Id or slug of the item that the link shows, with its newest text. Without it, the link shows the whole site \
         at the moment `at`.",
        r#""rivers-without-borders""#,
    ),
    Field::new(
        "at",
        FieldKind::Instant,
        "Moment at which the link shows the site, in the future: local time of the site, or RFC 3339 with a UTC \
         offset. Not allowed together with an item.",
        r#""2027-01-15T09:00""#,
    ),
    Field::new(
        "expires_at",
        FieldKind::Instant,
        "Time at which the link expires: at most 90 days from now; by default 7 days.",
        r#""2027-01-22T09:00""#,
    ),
];

/// A preview link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewLink)]
pub struct PreviewLinkBody {
    /// Id of the link.
    #[schema(format = "uuid")]
    pub id: String,
    /// Token for the query parameter `preview` of read operations. Anyone who has it can use the link.
    pub token: String,
    /// Id of the item that the link shows; null if it shows the whole site.
    #[schema(required = true, format = "uuid")]
    pub item: Option<String>,
    /// Moment at which the link shows the site, RFC 3339, UTC; null if it shows an item.
    #[schema(required = true, format = "date-time")]
    pub at: Option<String>,
    /// Time of creation, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of expiry, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub expires_at: String,
}

/// A list of valid preview links.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewLinkList {
    /// Links, newest first.
    pub data: Vec<PreviewLinkBody>,
}

/// Returns the routes of preview links.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Previews";
    let share = Access::May(Area::Content, Action::Share);
    vec![
        Route::get("/api/v1/preview-links", share, list)
            .operation_id("listPreviewLinks")
            .tag(TAG)
            .summary("List preview links")
            .description("Returns the 100 newest preview links that are neither expired nor revoked, newest first.")
            .responds(200, "The links.", reference("PreviewLinkList"), &[]),
        Route::post("/api/v1/preview-links", share, create)
            .operation_id("createPreviewLink")
            .tag(TAG)
            .summary("Create a preview link")
            .description(
                "Creates a link that shows unpublished content to people without an account, and returns it with its \
                 token: either one item with its newest text, or the whole site as it will be at a moment. Fails with \
                 422 when the item does not exist, when both an item and a moment are given or neither, or when a time \
                 is out of range.",
            )
            .request_body(
                JSON,
                reference("PreviewLinkInput"),
                json!({"collection": "events", "id": "rivers-without-borders"}),
            )
            .responds(201, "The created link.", reference("PreviewLink"), &[]),
        Route::delete("/api/v1/preview-links/{id}", share, revoke)
            .operation_id("revokePreviewLink")
            .tag(TAG)
            .summary("Revoke a preview link")
            .description(
                "Revokes a preview link at once. Links of other accounts require the permission to publish. Fails with \
                 403 when the caller may not revoke the link, and with 404 when there is no valid link with this id.",
            )
            .parameters([path_id()])
            .responds_empty(204, "The link is revoked.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

fn to_api(request: &Request, link: PreviewLink) -> PreviewLinkBody {
    PreviewLinkBody {
        token: link.token(&request.app.site_key),
        id: link.id,
        item: link.item_id,
        at: (link.view_at > 0).then(|| utc_text(link.view_at)),
        created_at: utc_text(link.created_at),
        expires_at: utc_text(link.expires_at),
    }
}

async fn list(request: Request) -> Result<Response, Problem> {
    let links = request.app.database.read(|c| Ok::<_, Problem>(preview_links::all(c, MAX_LISTED_LINKS)?)).await?;
    let data = links.into_iter().map(|link| to_api(&request, link)).collect();
    Ok(Response::json(200, &PreviewLinkList { data })?.no_store())
}

/// The item of a new link, its moment (µs, 0 for none) and its expiry (µs).
type NewPreviewLink = (Option<(&'static ContentType, String)>, i64, i64);

/// Reads the link that a validated body asks for.
fn parse_new_link(form: &Form) -> Result<NewPreviewLink, Problem> {
    let mut violations = Violations::new();
    let (at, expires_at) = (form.future_time("at", &mut violations), form.future_time("expires_at", &mut violations));
    let expires_at = expires_at.unwrap_or(now() + DEFAULT_LIFETIME_DAYS * MICROS_PER_DAY);
    if expires_at > now() + MAX_LIFETIME_DAYS * MICROS_PER_DAY {
        violations.add("/expires_at", "out_of_range", format!("at most {MAX_LIFETIME_DAYS} days from now"));
    }
    let item = match (form.get("collection"), form.get("id")) {
        (Some(collection), Some(id)) => ContentType::of_collection(&collection).map(|resource| (resource, id)),
        (None, None) => None,
        (None, Some(_)) => {
            violations.add("/collection", "required", "collection and id are required together");
            None
        }
        (Some(_), None) => {
            violations.add("/id", "required", "collection and id are required together");
            None
        }
    };
    match (&item, at) {
        (Some(_), Some(_)) => {
            violations.add("/at", "with_item", "an item is shown with its newest text; leave the moment out");
        }
        (None, None) => violations.add("", "required", "an item or a moment is required"),
        _ => {}
    }
    if violations.is_empty() { Ok((item, at.unwrap_or(0), expires_at)) } else { Err(Problem::invalid(violations)) }
}

async fn create(request: Request) -> Result<Response, Problem> {
    let author = author(&request)?;
    let form = Form::read(&NEW_LINK, &body::json(&request)?, &request.app.site)?;
    let (item, at, expires_at) = parse_new_link(&form)?;
    let write = move |c: &mut Db| {
        let item = match item {
            Some((resource, key)) => Some(find(c, resource, &key).map_err(as_dangling_reference)?.id),
            None => None,
        };
        Ok::<_, Problem>(preview_links::create(c, &author, item, at, expires_at)?)
    };
    let link = request.app.database.write(write).await?;
    Ok(Response::json(201, &to_api(&request, link))?.no_store())
}

/// Turns "not found" into a violation of `/id`: the item is named in the body, not in the path.
fn as_dangling_reference(problem: Problem) -> Problem {
    if problem.kind != ProblemKind::NotFound {
        return problem;
    }
    Problem::invalid(Violations::one("/id", "dangling_reference", problem.detail))
}

async fn revoke(request: Request) -> Result<Response, Problem> {
    let (author, role, id) = (author(&request)?, request.actor()?.role, request.path("id").to_owned());
    request.app.database.write(move |c| preview_links::revoke(c, &author, role, &id)).await?;
    Ok(Response::empty(204).no_store())
}
