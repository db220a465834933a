//! Endpoints that show the editing state of an item (its status, the operations available to the caller, what
//! publication still requires, who is editing it) and the inbox of an account.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::content::every_collection::every_collection;
use crate::api::content::history::Person;
use crate::api::content::items::{item_path, with_article};
use crate::api::content::lifecycle::author;
use crate::api::content::references::{BrokenReferenceBody, broken_reference};
use crate::api::content::review::{Presence, person, presences};
use crate::api::content::summary::{ItemSummaryBody, summary};
use crate::api::openapi::schemas::reference;
use crate::api::parameters::path_id_or_slug;
use crate::api::preview_links::viewer;
use crate::auth::permissions::{Action, Area, is_permitted};
use crate::content::local_time::utc_text;
use crate::content::rich_text_fields::not_shown_of_item;
use crate::content::translations::Translations;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::viewer::{Viewer, VisibilityState};
use crate::editorial::editor::find;
use crate::editorial::external_ids::{self, ExternalId};
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::merge;
use crate::editorial::programme::{self, ProgrammeWarning};
use crate::editorial::publication_checks::{Publication, PublishedIds};
use crate::editorial::redirects;
use crate::editorial::references;
use crate::editorial::review::{self, InboxReason};
use crate::editorial::schedule;
use crate::editorial::write_context::WriteContext;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::items::if_match::version_tag;
use crate::items::{Item, Link};
use crate::items::{projection, working_draft};
use crate::problem::{Problem, ProblemKind, without_names};

/// The working draft of a published or archived item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingDraftState {
    /// Slug that the item gets when the working draft is published.
    pub slug: String,
    /// Time of the last change of the working draft, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// Id of the account that last changed the working draft; null for the command line.
    #[schema(required = true, format = "uuid")]
    pub updated_by: Option<String>,
}

/// Something in the programme of an event that is probably not meant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProgrammeWarning)]
pub struct ProgrammeWarningBody {
    /// Rule: `unknown_room`, `outside_event`, `room_taken`, `speaker_taken` or `sessions_not_published`; of a redirect,
    /// `page_at_source`.
    #[schema(example = "room_taken")]
    pub code: &'static str,
    /// Explanation in English.
    pub message: String,
    /// Sessions concerned; none for a redirect.
    pub sessions: Vec<ItemSummaryBody>,
}

/// The editing state of an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditingState {
    /// Version of the last write to the item or to its working draft.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Entity tag of this version, for `If-Match`.
    pub etag: String,
    /// Status of the item: `draft`, `in_review`, `scheduled`, `published` or `archived`.
    #[schema(example = "published")]
    pub status: String,
    /// Stage of the text that is not published: `draft`, `in_review` or `scheduled`.
    #[schema(example = "draft")]
    pub stage: String,
    /// Whether the item is public now.
    pub live: bool,
    /// Working draft of the item; null if it has none.
    #[schema(required = true)]
    pub working_draft: Option<WorkingDraftState>,
    /// Scheduled time of publication, RFC 3339, UTC; null if none is scheduled.
    #[schema(required = true, format = "date-time")]
    pub publish_at: Option<String>,
    /// Scheduled time of unpublication, RFC 3339, UTC; null if none is scheduled.
    #[schema(required = true, format = "date-time")]
    pub unpublish_at: Option<String>,
    /// Operations that the caller may apply to the item in its present state.
    pub operations: Vec<String>,
    /// Requirements of publication that the newest text does not meet.
    pub missing: Vec<Violation>,
    /// Warnings about the programme of an event, or about a session in it: unknown rooms, sessions outside the days of
    /// the event, rooms and persons that are needed twice at a time, and sessions that are drafts. At most 100; none
    /// for an API key that is restricted to some collections. Of a redirect, that its source takes addresses of public
    /// pages, which are shown instead. They prevent nothing.
    pub warnings: Vec<ProgrammeWarningBody>,
    /// References of the newest text to items that are not public, also in the trash: readers do not see them, and they
    /// are missing in the item where its target is in the trash. At most 100; for an API key that is restricted to some
    /// collections, those to items of these.
    pub broken_references: Vec<BrokenReferenceBody>,
    /// External ids, `source:id`.
    pub external_ids: Vec<String>,
    /// Rich texts of the newest text of which a part is not shown, such as frames and scripts.
    pub not_shown: Vec<Violation>,
    /// Account that the item is assigned to; null if it is assigned to nobody.
    #[schema(required = true)]
    pub assignee: Option<Person>,
    /// Accounts that are editing the item.
    pub editing: Vec<Presence>,
    /// Number of comments that are not resolved.
    #[schema(minimum = 0)]
    pub open_comments: i64,
}

/// An item that requires the attention of an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxEntry {
    /// Reason for the entry: `review`, `assigned` or `comments` (open comments by others).
    #[schema(example = "review")]
    pub why: &'static str,
    /// Collection of the item.
    #[schema(example = "events")]
    pub collection: &'static str,
    /// Id of the item.
    #[schema(format = "uuid")]
    pub id: String,
    /// Slug of the item.
    pub slug: String,
    /// Title or name of the item in the default locale.
    pub title: String,
    /// Status of the item: `draft`, `in_review`, `scheduled`, `published` or `archived`.
    #[schema(example = "in_review")]
    pub status: String,
    /// Time of the last change of the item, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// The inbox of an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    /// Entries: items in review, then assigned items, then items with open comments; at most 100 of each.
    pub data: Vec<InboxEntry>,
}

/// Maximum number of broken references of an item.
const MAX_BROKEN_REFERENCES: usize = 100;

/// Maximum number of inbox entries for each reason.
const MAX_INBOX_ENTRIES: i64 = 100;

/// Returns the route of the inbox.
pub fn inbox_route() -> Route {
    Route::get("/api/v1/me/inbox", Access::May(Area::Content, Action::Read), inbox)
        .operation_id("getInbox")
        .tag("Authentication")
        .summary("Get my inbox")
        .description(
            "Returns the items that require the attention of the calling account: items in review, if the account may \
             publish; unpublished items that are assigned to it; and items that it created or is assigned to and that \
             have open comments by others. At most 100 items for each reason are returned.",
        )
        .responds(200, "The inbox.", reference("Inbox"), &[])
}

/// Returns the route of the editing state of a content type.
pub fn route(resource: &'static ContentType) -> Route {
    let (schema, path) = (resource.schema, item_path(resource));
    Route::get(format!("{path}/desk"), Access::May(Area::Content, Action::Read), move |r| editing_state(resource, r))
        .operation_id(format!("get{schema}Desk"))
        .shared_operation(every_collection(
            resource,
            &format!("{path}/desk"),
            "getEditingState",
            "Get the editing state of an item",
        ))
        .tag(resource.title_plural)
        .summary(format!("Get the editing state of {}", with_article(resource)))
        .description(
            "Returns the status and version of the item, its schedule and working draft, the operations that the \
             caller may apply now, what publication still requires, its assignee, the accounts that are editing it and \
             the number of open comments. Fails with 404 when there is no such item.",
        )
        .parameters([path_id_or_slug()])
        .responds(200, "The editing state.", reference("EditingState"), &["ETag"])
        .problems(&[ProblemKind::NotFound])
}

async fn editing_state(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let (author, role) = (author(&request)?, request.actor()?.role);
    let key = request.path("id_or_slug").to_owned();
    let site = Arc::clone(&request.app.site);
    let is_restricted = request.actor()?.is_restricted();
    let viewer = viewer(request.actor.as_ref());
    let read = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        let draft = working_draft::find(c, &item)?;
        let content = working_draft::newest_content(&item, draft.as_ref());
        let plans = schedule::load_schedules(c, &item.id)?;
        let due_at = |word: &str| plans.iter().find(|plan| plan.operation == word).map(|plan| utc_text(plan.due_at));
        let operations = operations(c, WriteContext::of_role(&site, &author, role), &item, !plans.is_empty())?;
        let version = item.latest_version();
        let published = PublishedIds::new();
        let (site, content_type, content) = (&site, resource, &content);
        let publication = Publication { site, content_type, content, public: None, published: &published };
        let all = &Translations::default();
        let mut missing = publication.find_missing(c)?.into_vec();
        // Warnings name sessions, speakers and rooms, which are of several collections.
        let mut warnings = if is_restricted { Vec::new() } else { programme::warnings(c, &item)? };
        // It names the source of the item itself and nothing else.
        warnings.extend(redirects::page_warning(c, site, &item, content)?);
        if is_restricted {
            without_names(&mut missing);
        }
        Ok::<_, Problem>(EditingState {
            version,
            etag: version_tag(version),
            status: item.state().to_owned(),
            stage: item.stage.clone(),
            live: item.live,
            working_draft: draft.map(|draft| WorkingDraftState {
                slug: draft.slug,
                updated_at: utc_text(draft.updated_at),
                updated_by: draft.updated_by,
            }),
            publish_at: due_at(schedule::PUBLISH),
            unpublish_at: due_at(schedule::UNPUBLISH),
            operations,
            missing,
            warnings: warnings.iter().map(warning).collect(),
            broken_references: broken_references(
                c,
                &viewer,
                &item,
                projection::links(&item.id, resource, content, all, site),
            )?,
            external_ids: external_ids::of_item(c, &item)?.iter().map(ExternalId::source).collect(),
            not_shown: not_shown_of_item(resource.fields, content, content),
            assignee: review::assignee(c, &item.id)?.map(person),
            editing: presences(review::load_presences(c, &item.id)?),
            open_comments: review::open_comments(c, &item.id)?,
        })
    };
    let state = request.app.database.read(read).await?;
    Ok(Response::json(200, &state)?.no_store().header("etag", &state.etag))
}

/// Returns the names of the operations that the caller may apply to an item now.
fn operations(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: &Item,
    has_plans: bool,
) -> Result<Vec<String>, Problem> {
    let is_merged = item.trashed_at != 0 && merge::record::find(connection, &item.id)?.is_some();
    // Which times are given does not matter: only the permission and the state of the item are checked.
    let steps = Operation::WITHOUT_PARAMETERS
        .into_iter()
        .chain([Operation::Schedule { publish_at: Some(0), unpublish_at: None }]);
    let mut operations = Vec::new();
    for step in steps.filter(|step| step.refusal(item).is_none()) {
        let is_possible = step != Operation::Unschedule || has_plans;
        // An operation that the caller may not apply is left out; any other error is one of the database.
        match lifecycle::authorize(connection, context, item, step) {
            Ok(()) if is_merged => operations.push("unmerge".to_owned()),
            Ok(()) if is_possible => operations.push(step.name().to_owned()),
            Err(problem) if problem.kind != ProblemKind::Forbidden => return Err(problem),
            _ => {}
        }
    }
    Ok(operations)
}

/// Returns those of these links of an item that lead to what is not public, as far as the viewer finds their targets.
fn broken_references(
    connection: &mut Db,
    viewer: &Viewer,
    item: &Item,
    links: Vec<Link>,
) -> Result<Vec<BrokenReferenceBody>, Problem> {
    let found = references::broken_of(connection, item, &links)?.into_iter();
    let shown = found.filter(|broken| viewer.finds(&VisibilityState::from(&broken.target)));
    Ok(shown.take(MAX_BROKEN_REFERENCES).map(broken_reference).collect())
}

fn warning(warning: &ProgrammeWarning) -> ProgrammeWarningBody {
    ProgrammeWarningBody {
        code: warning.code,
        message: warning.message.clone(),
        sessions: warning.sessions.iter().map(summary).collect(),
    }
}

async fn inbox(request: Request) -> Result<Response, Problem> {
    let actor = request.actor()?.clone();
    let site = Arc::clone(&request.app.site);
    let reviews = is_permitted(actor.role, Area::Content, Action::Publish);
    let read = move |c: &mut Db| Ok::<_, Problem>(review::inbox(c, &actor.account_id, reviews, MAX_INBOX_ENTRIES)?);
    let rows = request.app.database.read(read).await?;
    let entry = |(why, item): (InboxReason, Item)| {
        let resource = ContentType::of_kind(&item.kind)?;
        Some(InboxEntry {
            why: match why {
                InboxReason::Review => "review",
                InboxReason::Assigned => "assigned",
                InboxReason::Comments => "comments",
            },
            collection: resource.collection,
            title: projection::label(resource, &item.content(), &site),
            status: item.state().to_owned(),
            updated_at: utc_text(item.updated_at),
            id: item.id,
            slug: item.slug,
        })
    };
    Ok(Response::json(200, &Inbox { data: rows.into_iter().filter_map(entry).collect() })?.no_store())
}
