//! Endpoints of references: what uses an item, and all references that lead to something that is not there.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::content::every_collection::every_collection;
use crate::api::content::items::{item_path, with_article};
use crate::api::content::summary::{ItemSummaryBody, summary};
use crate::api::openapi::EDITING;
use crate::api::openapi::schemas::reference;
use crate::api::parameters::{number, page_limit, page_offset, path_id_or_slug};
use crate::api::preview_links::viewer;
use crate::api::query_values::number_between;
use crate::auth::permissions::{Action, Area};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::query::{DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET};
use crate::delivery::viewer::Viewer;
use crate::editorial::editor::find;
use crate::editorial::references::{self, BrokenReference, Referrer};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// An item that refers to another one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Referrer)]
pub struct ReferrerBody {
    /// Item that refers.
    pub item: ItemSummaryBody,
    /// Names of the relations that hold the references; empty if only the working draft refers to the item.
    #[schema(example = json!(["speakers"]))]
    pub relations: Vec<String>,
    /// Whether the working draft of the item refers to it.
    pub working_draft: bool,
}

/// A release that contains an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReleaseUse)]
pub struct ReleaseUseBody {
    /// Id of the release.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name of the release.
    pub name: String,
}

/// Everything that uses an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ItemUse)]
pub struct ItemUseBody {
    /// Items that refer to the item, those whose working draft alone does so last; at most 2,000.
    pub data: Vec<ReferrerBody>,
    /// Releases that contain the item and are not published.
    pub releases: Vec<ReleaseUseBody>,
    /// Number of further items that refer to it, which this API key does not reach.
    #[schema(value_type = i64, minimum = 0)]
    pub unreachable: usize,
}

/// A reference that its readers cannot follow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BrokenReference)]
pub struct BrokenReferenceBody {
    /// Item that refers.
    pub item: ItemSummaryBody,
    /// Name of the relation; null in the list of all broken references if the reference is in the working draft.
    #[schema(required = true, example = "speakers")]
    pub relation: Option<String>,
    /// Item that is referred to.
    pub target: ItemSummaryBody,
    /// Reason: `trashed` (the target is in the trash) or `not_public` (it is not public for another reason).
    #[schema(example = "trashed")]
    pub reason: &'static str,
}

/// A page of references that their readers cannot follow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokenReferenceList {
    /// References of the page.
    pub data: Vec<BrokenReferenceBody>,
    /// Whether further ones follow.
    pub more: bool,
}

/// Returns the route of the references to items of a content type.
pub fn route(resource: &'static ContentType) -> Route {
    let (schema, item) = (resource.schema, with_article(resource));
    let access = Access::May(Area::Content, Action::Read);
    let path = format!("{}/references", item_path(resource));
    Route::get(&path, access, move |r| list(resource, r))
        .operation_id(format!("list{schema}References"))
        .shared_operation(every_collection(resource, &path, "listReferences", "List what uses an item"))
        .tag(resource.title_plural)
        .summary(format!("List what uses {item}"))
        .description(
            "Returns the items that refer to the item, in any state except the trash, and the releases that contain it. \
             Sessions are not among what uses their event: they go with it. Fails with 404 when there is no such item.",
        )
        .parameters([path_id_or_slug()])
        .responds(200, "What uses the item.", reference("ItemUse"), &[])
        .problems(&[ProblemKind::NotFound])
}

/// Returns the route of all broken references.
pub fn broken_route() -> Route {
    Route::get("/api/v1/references/broken", Access::May(Area::Content, Action::Read), list_broken)
        .operation_id("listBrokenReferences")
        .tag(EDITING)
        .summary("List broken references")
        .description(
            "Returns the references that lead to an item in the trash, and those of public items to items that are not \
             public, which readers do not see. Fails with 400 when a parameter is out of range.",
        )
        .parameters([page_limit(MAX_LIMIT, DEFAULT_LIMIT), page_offset(MAX_OFFSET)])
        .responds(200, "The references.", reference("BrokenReferenceList"), &[])
}

async fn list(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let viewer = viewer(request.actor.as_ref());
    let key = request.path("id_or_slug").to_owned();
    let read = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        Ok::<_, Problem>(references::load_uses(c, &item)?)
    };
    let all = request.app.database.read(read).await?;
    let count = all.referrers.len();
    let shown = all.referrers.into_iter().filter(|referrer| referrer.is_shown_to(&viewer));
    let data: Vec<ReferrerBody> = shown.map(|shown| referrer(shown, &viewer)).collect();
    let releases = all.releases.into_iter().map(|release| ReleaseUseBody { id: release.id, name: release.name });
    let unreachable = count - data.len();
    Ok(Response::json(200, &ItemUseBody { data, releases: releases.collect(), unreachable })?.no_store())
}

fn referrer(referrer: Referrer, viewer: &Viewer) -> ReferrerBody {
    ReferrerBody {
        item: summary(&referrer.item),
        relations: referrer.relations,
        working_draft: referrer.in_working_draft && viewer.edits(&referrer.item.kind),
    }
}

async fn list_broken(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT) as usize;
    let offset = number_between(&request, "offset", (0, MAX_OFFSET))?.unwrap_or(0) as usize;
    let read = move |c: &mut Db| Ok::<_, Problem>(references::load_broken(c, offset, limit + 1)?);
    let mut found = request.app.database.read(read).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let data = found.into_iter().map(broken_reference).collect();
    Ok(Response::json(200, &BrokenReferenceList { data, more })?.no_store())
}

/// Returns a reference that its readers cannot follow, as responses show it.
pub fn broken_reference(broken: BrokenReference) -> BrokenReferenceBody {
    BrokenReferenceBody {
        item: summary(&broken.source),
        relation: broken.relation,
        reason: if broken.target.trashed_at == 0 { "not_public" } else { "trashed" },
        target: summary(&broken.target),
    }
}
