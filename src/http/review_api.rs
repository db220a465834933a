//! Working together on one item: comments, assignment, presence.

use std::sync::Arc;

use actix_web::http::Method;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::body;
use super::conditions::{WRITE_PROBLEMS, required_version};
use super::content_api::{item_path, tag};
use super::desk_api::author;
use super::history_api::Person;
use super::openapi::schemas::{example_of, reference, text};
use super::parameters::{IF_MATCH, path_id_or_slug};
use super::route::{Access, Answer, JSON, Request, Route, parameter};
use crate::auth::accounts;
use crate::auth::forms::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::fault::Faults;
use crate::content::field::{Field, Kind as FieldKind};
use crate::content::moment::utc_text;
use crate::database::Db;
use crate::editorial::life::Pen;
use crate::editorial::operations::find;
use crate::editorial::review::{self, Comment, Named, Present};
use crate::editorial::write::changed_meanwhile;
use crate::items::Item;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// A comment to be made.
pub static NEW_COMMENT: [Field; 2] = [
    Field::new("body", FieldKind::Text { max: 5_000 }, "The text.", r#""Who moderates?""#).required(),
    Field::new("pointer", FieldKind::Line { max: 300 }, "The place that is meant (JSON Pointer).", r#""/summary/en""#),
];

/// Who is to take care of an item.
pub static ASSIGNMENT: [Field; 1] =
    [Field::new("email", FieldKind::Email, "The address of the account.", r#""anna@example.org""#).required()];

/// A comment, as it is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Comment)]
pub struct CommentBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// Who; null when Plenary itself tells why something did not happen.
    #[schema(required = true)]
    pub author: Option<Person>,
    /// The version that its author saw.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was settled.
    #[schema(required = true, format = "date-time")]
    pub resolved_at: Option<String>,
    /// The place that is meant.
    #[schema(required = true)]
    pub pointer: Option<String>,
    /// The text.
    pub body: String,
}

/// The comments on an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentList {
    /// The comments, the oldest first.
    pub data: Vec<CommentBody>,
}

/// Somebody at work on an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// Who.
    pub account: Person,
    /// Since when.
    #[schema(format = "date-time")]
    pub since: String,
    /// Until when, unless they say so again.
    #[schema(format = "date-time")]
    pub expires_at: String,
}

/// Who is editing an item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresenceList {
    /// Those at work, the first to come first.
    pub data: Vec<Presence>,
}

/// The routes of a kind.
pub fn routes(resource: &'static Resource) -> Vec<Route> {
    let (schema, noun, path) = (resource.schema, resource.noun, item_path(resource));
    let (read, write) = (Access::May(Area::Content, Action::Read), Access::May(Area::Content, Action::Comment));
    let assign = Access::May(Area::Content, Action::Update);
    let about = |route: Route, summary: String, more: &str| {
        route.about(tag(resource), summary, more).parameters([path_id_or_slug(resource)]).problems(&[Kind::NotFound])
    };
    let comments = format!("{path}/comments");
    vec![
        about(
            Route::new(Method::GET, &comments, format!("list{schema}Comments"), move |r| list(resource, r)),
            format!("Comments on a {noun}"),
            "The oldest first, at most 500.",
        )
        .access(read)
        .answers(200, "The comments.", reference("CommentList"), &[]),
        about(
            Route::new(Method::POST, &comments, format!("comment{schema}"), move |r| comment(resource, r)),
            format!("Comment on a {noun}"),
            "For those who write and review; the public never sees it.",
        )
        .access(write)
        .body(JSON, reference("NewComment"), example_of(&NEW_COMMENT))
        .answers(201, "Made.", reference("Comment"), &[]),
        about(
            Route::new(
                Method::POST,
                format!("{comments}/{{comment}}/resolve"),
                format!("resolve{schema}Comment"),
                move |r| resolve(resource, r),
            ),
            format!("Settle a comment on a {noun}"),
            "It stays, and waits for nobody any more.",
        )
        .access(write)
        .parameters([path_comment()])
        .answers(200, "Settled.", reference("Comment"), &[]),
        about(
            Route::new(Method::PUT, format!("{path}/assignment"), format!("assign{schema}"), move |r| {
                assign_to(resource, r)
            }),
            format!("Assign a {noun}"),
            "It waits in that person's inbox; contributors may change what is assigned to them.",
        )
        .access(assign)
        .parameters([IF_MATCH.clone()])
        .body(JSON, reference("Assignment"), example_of(&ASSIGNMENT))
        .answers(200, "Assigned.", reference("Person"), &["ETag"])
        .problems(&WRITE_PROBLEMS),
        about(
            Route::new(Method::DELETE, format!("{path}/assignment"), format!("unassign{schema}"), move |r| {
                assign_to_nobody(resource, r)
            }),
            format!("Assign a {noun} to nobody"),
            "It waits for nobody any more.",
        )
        .access(assign)
        .parameters([IF_MATCH.clone()])
        .answers_as(204, "Done.", None, &["ETag"])
        .problems(&WRITE_PROBLEMS),
        about(
            Route::new(Method::PUT, format!("{path}/presence"), format!("arriveAt{schema}"), move |r| {
                arrive(resource, r)
            }),
            format!("Say that one is editing a {noun}"),
            "For two minutes; say it again while it lasts. A courtesy: it keeps nobody from writing.",
        )
        .access(write)
        .answers(200, "All who are editing it.", reference("PresenceList"), &[]),
        about(
            Route::new(Method::DELETE, format!("{path}/presence"), format!("leave{schema}"), move |r| {
                leave(resource, r)
            }),
            format!("Say that one is not editing a {noun} any more"),
            "It would end by itself.",
        )
        .access(write)
        .answers_as(204, "Done.", None, &[]),
    ]
}

fn path_comment() -> Parameter {
    let schema = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    parameter("comment", ParameterIn::Path, schema, "Id of the comment.", "01890a5d-ac96-774b-bcce-b302099a8057".into())
}

/// Somebody by id and name.
pub fn person((id, name): Named) -> Person {
    Person { id, name: Some(name) }
}

/// Those at work, as they are answered.
pub fn presences(all: Vec<Present>) -> Vec<Presence> {
    let shown = |one: Present| Presence {
        account: person(one.person),
        since: utc_text(one.since),
        expires_at: utc_text(one.expires_at),
    };
    all.into_iter().map(shown).collect()
}

fn shown(comment: Comment, name: Option<String>) -> CommentBody {
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

/// Runs a read or a write about the item in the path.
async fn with_item<T: Send + 'static>(
    resource: &'static Resource,
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

async fn list(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let key = request.path("id_or_slug").to_owned();
    let look = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        Ok::<_, Problem>(review::comments_on(c, &item.id)?)
    };
    let rows = request.app.database.read(look).await?;
    let data = rows.into_iter().map(|(comment, name)| shown(comment, name)).collect();
    Ok(Answer::of(200, &CommentList { data })?.private())
}

async fn comment(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let author = author(&request)?;
    let form = Form::read(&NEW_COMMENT, &body::json(&request)?, &request.app.site)?;
    let (pointer, text) = (form.get("pointer"), form.text("body"));
    if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
        return Err(Problem::invalid(Faults::one(
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
    let (comment, name) = with_item(resource, &request, write).await?;
    Ok(Answer::of(201, &shown(comment, name))?.private())
}

async fn resolve(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let (author, id) = (author(&request)?, request.path("comment").to_owned());
    let write = move |c: &mut Db, item: &Item| {
        let comment = review::resolve(c, &author, &item.id, &id)?;
        let all = review::comments_on(c, &item.id)?;
        let name = all.into_iter().find(|(known, _)| known.id == comment.id).and_then(|(_, name)| name);
        Ok((comment, name))
    };
    let (comment, name) = with_item(resource, &request, write).await?;
    Ok(Answer::of(200, &shown(comment, name))?.private())
}

async fn assign_to(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&ASSIGNMENT, &body::json(&request)?, &request.app.site)?;
    let email = accounts::normal_email(&form.text("email"));
    let write = move |c: &mut Db, pen: Pen<'_>, item: Item| {
        let Some(account) = accounts::by_email(c, &email)?.filter(|account| account.active) else {
            return Err(Problem::invalid(Faults::one(
                "/email",
                "dangling_reference",
                "there is no active account with this address",
            )));
        };
        let item = review::assign(c, pen, item, Some(&account.id))?;
        Ok((item, Person { id: account.id, name: Some(account.name) }))
    };
    let (item, person) = with_pen(resource, &request, write).await?;
    Ok(Answer::of(200, &person)?.private().header("etag", format!("\"v{}\"", item.latest())))
}

async fn assign_to_nobody(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let write = |c: &mut Db, pen: Pen<'_>, item: Item| review::assign(c, pen, item, None);
    let item = with_pen(resource, &request, write).await?;
    Ok(Answer::empty(204).private().header("etag", format!("\"v{}\"", item.latest())))
}

/// Runs a write of the item in the path that counts its version, which must be that of `If-Match`.
async fn with_pen<T: Send + 'static>(
    resource: &'static Resource,
    request: &Request,
    write: impl FnOnce(&mut Db, Pen<'_>, Item) -> Result<T, Problem> + Clone + Send + 'static,
) -> Result<T, Problem> {
    let (author, role) = (author(request)?, request.actor()?.role);
    let (version, key) = (required_version(request)?, request.path("id_or_slug").to_owned());
    let site = Arc::clone(&request.app.site);
    let all = move |c: &mut Db| {
        let item = find(c, resource, &key)?;
        if !version.accepts(item.latest()) {
            return Err(changed_meanwhile(&item));
        }
        write(c, Pen { site: &site, author: &author, role: Some(role) }, item)
    };
    request.app.database.write_content(all).await
}

async fn arrive(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let account = request.actor()?.account_id.clone();
    let write = move |c: &mut Db, item: &Item| {
        review::arrive(c, &item.id, &account)?;
        Ok(review::present(c, &item.id)?)
    };
    let all = with_item(resource, &request, write).await?;
    Ok(Answer::of(200, &PresenceList { data: presences(all) })?.private())
}

async fn leave(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let account = request.actor()?.account_id.clone();
    with_item(resource, &request, move |c, item| Ok(review::leave(c, &item.id, &account)?)).await?;
    Ok(Answer::empty(204).private())
}
