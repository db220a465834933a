//! An item as it lies on the desk: its state, what may be done with it, what is missing, who is at it; and
//! what waits for whoever asks.

use std::sync::Arc;

use actix_web::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::content_api::{item_path, tag};
use super::desk_api::author;
use super::history_api::Person;
use super::openapi::schemas::reference;
use super::parameters::path_id_or_slug;
use super::review_api::{Presence, person, presences};
use super::route::{Access, Answer, Request, Route};
use crate::auth::permissions::{Action, Area, may};
use crate::content::fault::Fault;
use crate::content::moment::utc_text;
use crate::database::Db;
use crate::editorial::checks::{self, Together};
use crate::editorial::life::{Operation, Pen};
use crate::editorial::operations::find;
use crate::editorial::review::{self, Waits};
use crate::editorial::{derive, schedule, working};
use crate::items::Item;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// What a published or archived item is to become.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingDraftState {
    /// The slug that it is to have.
    pub slug: String,
    /// When it was last written.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// The account that wrote it.
    #[schema(required = true, format = "uuid")]
    pub updated_by: Option<String>,
}

/// An item as it lies on the desk.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeskState {
    /// The version of the last write, be it of the item or of its working draft.
    #[schema(minimum = 1)]
    pub version: i64,
    /// What `If-Match` wants for it.
    pub etag: String,
    /// The state of the item.
    #[schema(example = "published")]
    pub status: String,
    /// Where the text stands that is not published: draft, in_review or scheduled.
    #[schema(example = "draft")]
    pub stage: String,
    /// Whether the public sees the item now.
    pub live: bool,
    /// The working draft, if there is one.
    #[schema(required = true)]
    pub working_draft: Option<WorkingDraftState>,
    /// When it is to be published.
    #[schema(required = true, format = "date-time")]
    pub publish_at: Option<String>,
    /// When it is to be unpublished.
    #[schema(required = true, format = "date-time")]
    pub unpublish_at: Option<String>,
    /// The steps that whoever asks may take now.
    pub operations: Vec<String>,
    /// What is missing for a publication.
    pub missing: Vec<Fault>,
    /// Who takes care of it.
    #[schema(required = true)]
    pub assignee: Option<Person>,
    /// Who is editing it.
    pub editing: Vec<Presence>,
    /// Comments that are not settled.
    #[schema(minimum = 0)]
    pub open_comments: i64,
}

/// Something that waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxEntry {
    /// Why: `review`, `assigned` or `comments`.
    #[schema(example = "review")]
    pub why: &'static str,
    /// Where the item is.
    #[schema(example = "events")]
    pub collection: &'static str,
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// Its slug.
    pub slug: String,
    /// Its title or name.
    pub title: String,
    /// Its state.
    #[schema(example = "in_review")]
    pub status: String,
    /// When it was last written.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What waits for an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    /// What waits: reviews first, then what is assigned, then comments; at most 100 of each.
    pub data: Vec<InboxEntry>,
}

/// The most entries of each sort in an inbox.
const MOST: i64 = 100;

/// The route that is not about one item.
pub fn inbox_route() -> Route {
    Route::new(Method::GET, "/api/v1/me/inbox", "getInbox", inbox)
        .about("Authentication", "What waits for me", "Reviews, what is assigned to me, open comments on what is mine.")
        .access(Access::May(Area::Content, Action::Read))
        .answers(200, "What waits.", reference("Inbox"), &[])
}

/// The route of a kind.
pub fn route(resource: &'static Resource) -> Route {
    let (schema, noun, path) = (resource.schema, resource.noun, item_path(resource));
    Route::new(Method::GET, format!("{path}/desk"), format!("get{schema}Desk"), move |r| desk(resource, r))
        .about(
            tag(resource),
            format!("A {noun} on the desk"),
            "Its state, what may be done with it, what is missing, who is at it.",
        )
        .access(Access::May(Area::Content, Action::Read))
        .parameters([path_id_or_slug(resource)])
        .answers(200, "The state.", reference("DeskState"), &["ETag"])
        .problems(&[Kind::NotFound])
}

async fn desk(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let (author, role) = (author(&request)?, request.actor()?.role);
    let key = request.path("id_or_slug").to_owned();
    let site = Arc::clone(&request.app.site);
    let look = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        let draft = working::of(c, &item)?;
        let content = working::newest(&item, draft.as_ref());
        let plans = schedule::of(c, &item.id)?;
        let due = |word: &str| plans.iter().find(|plan| plan.operation == word).map(|plan| utc_text(plan.due_at));
        let pen = Pen { site: &site, author: &author, role: Some(role) };
        let steps =
            Operation::PLAIN.into_iter().chain([Operation::Schedule { publish_at: Some(0), unpublish_at: None }]);
        let mut operations = Vec::new();
        for step in steps.filter(|step| step.refused(&item).is_none()) {
            let planned = step != Operation::Unschedule || !plans.is_empty();
            match pen.must(c, &item, step.action()) {
                Ok(()) if planned => operations.push(step.word().to_owned()),
                Err(problem) if problem.kind != Kind::Forbidden => return Err(problem),
                _ => {}
            }
        }
        let version = item.latest();
        Ok::<_, Problem>(DeskState {
            version,
            etag: format!("\"v{version}\""),
            status: item.state().to_owned(),
            stage: item.stage.clone(),
            live: item.live,
            working_draft: draft.map(|draft| WorkingDraftState {
                slug: draft.slug,
                updated_at: utc_text(draft.updated_at),
                updated_by: draft.updated_by,
            }),
            publish_at: due(schedule::PUBLISH),
            unpublish_at: due(schedule::UNPUBLISH),
            operations,
            missing: checks::missing(c, &site, resource, &content, None, &Together::new())?.into_vec(),
            assignee: review::assignee(c, &item.id)?.map(person),
            editing: presences(review::present(c, &item.id)?),
            open_comments: review::open_comments(c, &item.id)?,
        })
    };
    let state = request.app.database.read(look).await?;
    Ok(Answer::of(200, &state)?.private().header("etag", &state.etag))
}

async fn inbox(request: Request) -> Result<Answer, Problem> {
    let actor = request.actor()?.clone();
    let site = Arc::clone(&request.app.site);
    let reviews = may(actor.role, Area::Content, Action::Publish);
    let look = move |c: &mut Db| Ok::<_, Problem>(review::inbox(c, &actor.account_id, reviews, MOST)?);
    let rows = request.app.database.read(look).await?;
    let entry = |(why, item): (Waits, Item)| {
        let resource = Resource::of_kind(&item.kind)?;
        Some(InboxEntry {
            why: match why {
                Waits::Review => "review",
                Waits::Assigned => "assigned",
                Waits::Comments => "comments",
            },
            collection: resource.collection,
            title: derive::label(resource, &item.content(), &site),
            status: item.state().to_owned(),
            updated_at: utc_text(item.updated_at),
            id: item.id,
            slug: item.slug,
        })
    };
    Ok(Answer::of(200, &Inbox { data: rows.into_iter().filter_map(entry).collect() })?.private())
}
