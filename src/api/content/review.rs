//! Endpoints for collaboration on an item: comments, assignment and presence.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{KnownFormat, SchemaFormat};

use crate::api::content::every_collection::every_collection;
use crate::api::content::history::Person;
use crate::api::content::items::{item_path, with_article};
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference, text};
use crate::api::parameters::{IF_MATCH, path_id_or_slug};
use crate::api::request_bodies::Form;
use crate::auth::accounts;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Field, FieldType as FieldKind};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::editor::{find, find_version};
use crate::editorial::review::{self, AccountName, ActiveEditor, Comment};
use crate::editorial::write_context::WriteContext;
use crate::http::body;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route, parameter};
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// Fields of the body that creates a comment.
pub static NEW_COMMENT: [Field; 2] = [
    Field::new("body", FieldKind::Text { max: 5_000 }, "Text of the comment.", r#""Who moderates?""#).required(),
    Field::new(
        "pointer",
        FieldKind::Line { max: 300 },
        "JSON Pointer (RFC 6901) to the commented part of the content.",
        r#""/summary/en""#,
    ),
];

/// Fields of the body that assigns an item.
pub static ASSIGNMENT: [Field; 1] =
    [Field::new("email", FieldKind::Email, "E-mail address of an active account.", r#""anna@example.org""#).required()];

/// A comment on an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Comment)]
pub struct CommentBody {
    /// Id of the comment.
    #[schema(format = "uuid")]
    pub id: String,
    /// Author; null for a comment by the server that reports why a scheduled operation failed.
    #[schema(required = true)]
    pub author: Option<Person>,
    /// Version of the item when the comment was written.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Time of creation, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time at which the comment was resolved, RFC 3339, UTC; null while it is open.
    #[schema(required = true, format = "date-time")]
    pub resolved_at: Option<String>,
    /// JSON Pointer to the commented part of the content; null for the whole item.
    #[schema(required = true)]
    pub pointer: Option<String>,
    /// Text of the comment.
    pub body: String,
}

/// The comments on an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentList {
    /// Comments, oldest first.
    pub data: Vec<CommentBody>,
}

/// The presence of an account that is editing an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// Account that is editing the item.
    pub account: Person,
    /// Time at which the presence began, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub since: String,
    /// Time at which the presence expires unless it is renewed, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub expires_at: String,
}

/// The accounts that are editing an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresenceList {
    /// Presences, in the order in which they began.
    pub data: Vec<Presence>,
}

/// Returns the collaboration routes of a content type.
pub fn routes(resource: &'static ContentType) -> Vec<Route> {
    let mut routes = comment_routes(resource);
    routes.extend(assignment_routes(resource));
    routes.extend(presence_routes(resource));
    routes
}

fn comment_routes(resource: &'static ContentType) -> Vec<Route> {
    let (schema, noun, path) = (resource.schema, with_article(resource), item_path(resource));
    let (read, write) = (Access::May(Area::Content, Action::Read), Access::May(Area::Content, Action::Comment));
    let comments = format!("{path}/comments");
    vec![
        Route::get(&comments, read, move |r| list(resource, r))
            .operation_id(format!("list{schema}Comments"))
            .shared_operation(every_collection(resource, &comments, "listComments", "List the comments on an item"))
            .tag(resource.title_plural)
            .summary(format!("List the comments on {noun}"))
            .description(
                "Returns the comments on the item, open and resolved, oldest first; at most 500. Fails with 404 when \
                 there is no such item.",
            )
            .parameters([path_id_or_slug()])
            .responds(200, "The comments.", reference("CommentList"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post(&comments, write, move |r| comment(resource, r))
            .operation_id(format!("comment{schema}"))
            .shared_operation(every_collection(resource, &comments, "createComment", "Comment on an item"))
            .tag(resource.title_plural)
            .summary(format!("Comment on {noun}"))
            .description(
                "Adds a comment to the item and returns it. Comments are visible to editors only. Fails with 404 when \
                 there is no such item, and with 422 when the body is invalid.",
            )
            .parameters([path_id_or_slug()])
            .request_body(JSON, reference("CommentInput"), example_of(&NEW_COMMENT))
            .responds(201, "The created comment.", reference("Comment"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post(format!("{comments}/{{comment}}/resolve"), write, move |r| resolve(resource, r))
            .operation_id(format!("resolve{schema}Comment"))
            .shared_operation(every_collection(
                resource,
                &format!("{comments}/{{comment}}/resolve"),
                "resolveComment",
                "Resolve a comment on an item",
            ))
            .tag(resource.title_plural)
            .summary(format!("Resolve a comment on {noun}"))
            .description(
                "Marks the comment as resolved and returns it; it stays in the list, but no longer appears in inboxes. \
                 A resolved comment is returned unchanged. Fails with 404 when there is no such item or comment.",
            )
            .parameters([path_id_or_slug(), path_comment()])
            .responds(200, "The resolved comment.", reference("Comment"), &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

fn assignment_routes(resource: &'static ContentType) -> Vec<Route> {
    let (schema, noun, path) = (resource.schema, with_article(resource), item_path(resource));
    let assign = Access::May(Area::Content, Action::Update);
    vec![
        Route::put(format!("{path}/assignment"), assign, move |r| assign_to(resource, r))
            .operation_id(format!("assign{schema}"))
            .shared_operation(every_collection(resource, &format!("{path}/assignment"), "assignItem", "Assign an item"))
            .tag(resource.title_plural)
            .summary(format!("Assign {noun}"))
            .description(
                "Assigns the item to an account, instead of the one it was assigned to, and returns that account. The \
                 item appears in its inbox, and a contributor may change items that are assigned to it. The item gets \
                 a new version. Fails with 412 when the item was changed since the version in `If-Match`, and with 422 \
                 when there is no active account with the address.",
            )
            .parameters([path_id_or_slug(), IF_MATCH.clone()])
            .request_body(JSON, reference("AssignmentInput"), example_of(&ASSIGNMENT))
            .responds(200, "The assignee.", reference("Person"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
        Route::delete(format!("{path}/assignment"), assign, move |r| unassign(resource, r))
            .operation_id(format!("unassign{schema}"))
            .shared_operation(every_collection(
                resource,
                &format!("{path}/assignment"),
                "unassignItem",
                "Unassign an item",
            ))
            .tag(resource.title_plural)
            .summary(format!("Unassign {noun}"))
            .description(
                "Removes the assignment of the item, if it has one. The item gets a new version. Fails with 412 when \
                 the item was changed since the version in `If-Match`.",
            )
            .parameters([path_id_or_slug(), IF_MATCH.clone()])
            .responds_empty(204, "The item is assigned to nobody.", &["ETag"])
            .problems(&WRITE_PROBLEMS),
    ]
}

fn presence_routes(resource: &'static ContentType) -> Vec<Route> {
    let (schema, noun, path) = (resource.schema, with_article(resource), item_path(resource));
    let write = Access::May(Area::Content, Action::Comment);
    vec![
        Route::put(format!("{path}/presence"), write, move |r| register_presence(resource, r))
            .operation_id(format!("arriveAt{schema}"))
            .shared_operation(every_collection(
                resource,
                &format!("{path}/presence"),
                "registerPresence",
                "Register presence on an item",
            ))
            .tag(resource.title_plural)
            .summary(format!("Register presence on {noun}"))
            .description(
                "Registers that the calling account is editing the item, for two minutes from now, and returns all \
                 accounts that are editing it. Clients repeat the call while the item is open. Presence is advisory \
                 and locks nothing. Fails with 404 when there is no such item.",
            )
            .parameters([path_id_or_slug()])
            .responds(200, "The accounts that are editing the item.", reference("PresenceList"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::delete(format!("{path}/presence"), write, move |r| end_presence(resource, r))
            .operation_id(format!("leave{schema}"))
            .shared_operation(every_collection(
                resource,
                &format!("{path}/presence"),
                "endPresence",
                "End presence on an item",
            ))
            .tag(resource.title_plural)
            .summary(format!("End presence on {noun}"))
            .description(
                "Ends the presence of the calling account before it expires. Fails with 404 when there is no such \
                 item.",
            )
            .parameters([path_id_or_slug()])
            .responds_empty(204, "The presence has ended.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

fn path_comment() -> Parameter {
    let schema = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    parameter("comment", ParameterIn::Path, schema, "Id of the comment.", "01890a5d-ac96-774b-bcce-b302099a8057".into())
}

/// Returns the account with this id and name as the API shows it.
pub fn person((id, name): AccountName) -> Person {
    Person { id, name: Some(name) }
}

/// Returns presences as the API shows them.
pub fn presences(all: Vec<ActiveEditor>) -> Vec<Presence> {
    let presence_to_api = |one: ActiveEditor| Presence {
        account: person(one.person),
        since: utc_text(one.since),
        expires_at: utc_text(one.expires_at),
    };
    all.into_iter().map(presence_to_api).collect()
}

fn comment_to_api(comment: Comment, name: Option<String>) -> CommentBody {
    CommentBody {
        id: comment.id,
        author: comment.author.map(|id| Person { id, name }),
        version: comment.version,
        created_at: utc_text(comment.created_at),
        resolved_at: (comment.resolved_at > 0).then(|| utc_text(comment.resolved_at)),
        pointer: comment.pointer,
        body: comment.body,
    }
}

/// Runs a task in a write transaction with the item in the path. The version of the item does not change.
async fn write_with_item<T: Send + 'static>(
    resource: &'static ContentType,
    request: &Request,
    task: impl FnOnce(&mut Db, &Item) -> Result<T, Problem> + Clone + Send + 'static,
) -> Result<T, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let all = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        task(c, &item)
    };
    request.app.database.write(all).await
}

async fn list(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let read = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        Ok::<_, Problem>(review::comments_on(c, &item.id)?)
    };
    let rows = request.app.database.read(read).await?;
    let data = rows.into_iter().map(|(comment, name)| comment_to_api(comment, name)).collect();
    Ok(Response::json(200, &CommentList { data })?.no_store())
}

async fn comment(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let author = author(&request)?;
    let form = Form::read(&NEW_COMMENT, &body::json(&request)?, &request.app.site)?;
    let (pointer, text) = (form.get("pointer"), form.text("body"));
    if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
        return Err(Problem::invalid(Violations::one(
            "/pointer",
            "not_a_pointer",
            "a JSON Pointer (RFC 6901) begins with a slash",
        )));
    }
    let write = move |c: &mut Db, item: &Item| {
        let comment = review::comment(c, &author, item, pointer, &text)?;
        let name = match &author.account_id {
            Some(id) => Some(accounts::by_id(c, id)?.name),
            None => None,
        };
        Ok((comment, name))
    };
    let (comment, name) = write_with_item(resource, &request, write).await?;
    Ok(Response::json(201, &comment_to_api(comment, name))?.no_store())
}

async fn resolve(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let (author, id) = (author(&request)?, request.path("comment").to_owned());
    let write = move |c: &mut Db, item: &Item| {
        let comment = review::resolve(c, &author, &item.id, &id)?;
        let all = review::comments_on(c, &item.id)?;
        let name = all.into_iter().find(|(known, _)| known.id == comment.id).and_then(|(_, name)| name);
        Ok((comment, name))
    };
    let (comment, name) = write_with_item(resource, &request, write).await?;
    Ok(Response::json(200, &comment_to_api(comment, name))?.no_store())
}

async fn assign_to(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let form = Form::read(&ASSIGNMENT, &body::json(&request)?, &request.app.site)?;
    let email = accounts::normal_email(&form.text("email"));
    let write = move |c: &mut Db, context: WriteContext<'_>, item: Item| {
        let Some(account) = accounts::by_email(c, &email)?.filter(|account| account.active) else {
            return Err(Problem::invalid(Violations::one(
                "/email",
                "dangling_reference",
                "there is no active account with this address",
            )));
        };
        let item = review::assign(c, context, item, Some(&account.id))?;
        Ok((item, Person { id: account.id, name: Some(account.name) }))
    };
    let (item, person) = write_new_version(resource, &request, write).await?;
    Ok(Response::json(200, &person)?.no_store().header("etag", format!("\"v{}\"", item.latest_version())))
}

async fn unassign(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let write = |c: &mut Db, context: WriteContext<'_>, item: Item| review::assign(c, context, item, None);
    let item = write_new_version(resource, &request, write).await?;
    Ok(Response::empty(204).no_store().header("etag", format!("\"v{}\"", item.latest_version())))
}

/// Runs a write that gives the item in the path its next version. The version in `If-Match` is compared
/// within the transaction of the write, so that no write of another editor can come in between.
async fn write_new_version<T: Send + 'static>(
    resource: &'static ContentType,
    request: &Request,
    write: impl FnOnce(&mut Db, WriteContext<'_>, Item) -> Result<T, Problem> + Clone + Send + 'static,
) -> Result<T, Problem> {
    let (author, role) = (author(request)?, request.actor()?.role);
    let (version, key) = (required_version(request)?, request.path("id_or_slug").to_owned());
    let site = Arc::clone(&request.app.site);
    let all = move |c: &mut Db| {
        let item = find_version(c, resource, &key, &version)?;
        write(c, WriteContext::of_role(&site, &author, role), item)
    };
    request.app.database.write_content(all).await
}

async fn register_presence(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let account = request.actor()?.account_id.clone();
    let write = move |c: &mut Db, item: &Item| {
        review::arrive(c, &item.id, &account)?;
        Ok(review::load_presences(c, &item.id)?)
    };
    let all = write_with_item(resource, &request, write).await?;
    Ok(Response::json(200, &PresenceList { data: presences(all) })?.no_store())
}

async fn end_presence(resource: &'static ContentType, request: Request) -> Result<Response, Problem> {
    let account = request.actor()?.account_id.clone();
    write_with_item(resource, &request, move |c, item| Ok(review::leave(c, &item.id, &account)?)).await?;
    Ok(Response::empty(204).no_store())
}
