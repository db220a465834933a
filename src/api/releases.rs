//! Endpoints of releases: named sets of operations on items that are applied together.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::bulk::{COLLECTION, ID, item_key};
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::{IF_MATCH, REASON, path_id};
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area, Role};
use crate::content::field::{Enumeration, Field, FieldType as FieldKind, ObjectType};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::bulk::{MOST_STEPS, Step};
use crate::editorial::lifecycle::Operation;
use crate::editorial::releases::{self, Release, ReleaseChange};
use crate::editorial::write_context::WriteContext;
use crate::http::body;
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::items::if_match::version_tag;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

const MEMBER: &ObjectType = &ObjectType {
    schema: "ReleaseItem",
    about: "An item of a release with its operation.",
    fields: &[
        COLLECTION,
        ID,
        Field::new(
            "operation",
            FieldKind::OneOf(&Enumeration { schema: "ReleaseOperation", words: &["publish", "unpublish", "archive"] }),
            "Operation to apply to the item.",
            r#""publish""#,
        )
        .default_value(r#""publish""#),
    ],
};
const ITEMS: FieldKind = FieldKind::List { of: &FieldKind::Object(MEMBER), max: MOST_STEPS };
const EXAMPLE: &str = r#"[{"collection": "events", "id": "rivers-without-borders", "operation": "publish"}]"#;
const NAME: FieldKind = FieldKind::Line { max: 200 };
const PUBLISH_AT: Field = Field::new(
    "publish_at",
    FieldKind::Instant,
    "Time at which the release is published, in the future: local time of the site, or RFC 3339 with a UTC offset. \
     Without it, the release is published by request.",
    r#""2027-01-15T09:00""#,
);

/// Fields of the body that creates a release.
pub static NEW_RELEASE: [Field; 3] = [
    Field::new("name", NAME, "Name of the release.", r#""Autumn programme""#).required(),
    PUBLISH_AT,
    Field::new(
        "items",
        ITEMS,
        "Items of the release with their operations, in the order in which they are applied.",
        EXAMPLE,
    ),
];

/// Fields of the body that changes a release.
pub static RELEASE_CHANGE: [Field; 3] = [
    Field::new("name", NAME, "Name of the release.", r#""Autumn programme""#),
    PUBLISH_AT,
    Field::new(
        "items",
        ITEMS,
        "Items of the release with their operations, in the order in which they are applied; replaces the present \
         list.",
        EXAMPLE,
    ),
];

/// An item of a release with its operation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseItem {
    /// Collection of the item.
    #[schema(example = "events")]
    pub collection: &'static str,
    /// Id of the item.
    #[schema(format = "uuid")]
    pub id: String,
    /// Slug of the item.
    pub slug: String,
    /// Present status of the item: `draft`, `in_review`, `scheduled`, `published` or `archived`.
    #[schema(example = "draft")]
    pub status: String,
    /// Operation of the release on the item: `publish`, `unpublish` or `archive`.
    #[schema(example = "publish")]
    pub operation: String,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Release)]
pub struct ReleaseBody {
    /// Id of the release.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name of the release.
    pub name: String,
    /// Status of the release: `open` (no time is set), `scheduled`, `published` or `failed`.
    #[schema(example = "scheduled")]
    pub status: String,
    /// Scheduled time of publication, RFC 3339, UTC; null if none is scheduled.
    #[schema(required = true, format = "date-time")]
    pub publish_at: Option<String>,
    /// Version of the release; grows by one with each write.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Time of creation, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the last change, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// Reason why the scheduled publication failed; null unless `status` is `failed`.
    #[schema(required = true)]
    pub failure: Option<String>,
    /// Items of the release, in the order in which their operations are applied.
    pub items: Vec<ReleaseItem>,
}

/// A list of releases.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseList {
    /// Releases, newest first.
    pub data: Vec<ReleaseBody>,
}

/// Maximum number of releases in the list.
const MAX_LISTED_RELEASES: i64 = 100;
const PATH: &str = "/api/v1/releases/{id}";

/// Returns the routes of releases.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Releases";
    let (read, write) = (Access::May(Area::Content, Action::Read), Access::May(Area::Content, Action::Publish));
    vec![
        Route::get("/api/v1/releases", read, list)
            .operation_id("listReleases")
            .tag(TAG)
            .summary("List releases")
            .description("Returns the 100 newest releases with their items, newest first.")
            .responds(200, "The releases.", reference("ReleaseList"), &[]),
        Route::post("/api/v1/releases", write, create)
            .operation_id("createRelease")
            .tag(TAG)
            .summary("Create a release")
            .description(
                "Creates a release and returns it: operations on items that are applied together, at a scheduled time \
                 or by request. Fails with 422 when an item does not exist or is named twice, when the time is in the \
                 past, or when `publish_at` is given and an operation could not be applied now; `errors` lists all of \
                 them.",
            )
            .parameters([REASON.clone()])
            .request_body(JSON, reference("ReleaseInput"), example_of(&NEW_RELEASE))
            .responds(201, "The created release.", reference("Release"), &["Location", "ETag"]),
        Route::get(PATH, read, get)
            .operation_id("getRelease")
            .tag(TAG)
            .summary("Get a release")
            .description(
                "Returns a release with the present status of its items. Fails with 404 when there is no such release.",
            )
            .parameters([path_id()])
            .responds(200, "The release.", reference("Release"), &["ETag"])
            .problems(&[ProblemKind::NotFound]),
        Route::patch(PATH, write, update)
            .operation_id("updateRelease")
            .tag(TAG)
            .summary("Update a release")
            .description(
                "Changes a release that is not published yet, and returns it: members that are left out keep their \
                 values, `publish_at: null` removes the scheduled time. Fails with 409 when the release is published, \
                 with 412 when it was changed since the version in `If-Match`, and with 422 as for creating a release.",
            )
            .parameters([path_id(), IF_MATCH.clone(), REASON.clone()])
            .request_body("application/merge-patch+json", reference("ReleasePatch"), example_of(&RELEASE_CHANGE))
            .responds(200, "The release after the change.", reference("Release"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
        Route::delete(PATH, write, remove)
            .operation_id("deleteRelease")
            .tag(TAG)
            .summary("Delete a release")
            .description(
                "Deletes a release that is not published yet. Its items do not change. Fails with 409 when the release \
                 is published, and with 412 when it was changed since the version in `If-Match`.",
            )
            .parameters([path_id(), IF_MATCH.clone(), REASON.clone()])
            .responds_empty(204, "The release is deleted.", &[])
            .problems(&WRITE_PROBLEMS),
        Route::post(format!("{PATH}/publish"), write, publish)
            .operation_id("publishRelease")
            .tag(TAG)
            .summary("Publish a release")
            .description(
                "Applies all operations of the release in one transaction, and returns the release. Items that are in \
                 the intended state already are skipped. Fails with 409 when the release is published, with 412 when \
                 it was changed since the version in `If-Match`, and with 422 when an operation cannot be applied: \
                 then no item changes, and `errors` lists the operations that were refused.",
            )
            .parameters([path_id(), IF_MATCH.clone(), REASON.clone()])
            .responds(200, "The published release.", reference("Release"), &["ETag"])
            .problems(&WRITE_PROBLEMS)
            .problems(&[ProblemKind::Invalid]),
    ]
}

fn to_api(connection: &mut Db, rows: &[Release]) -> Result<Vec<ReleaseBody>, Problem> {
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut members = if ids.is_empty() { Vec::new() } else { releases::members(connection, &ids)? };
    let body = |row: &Release| {
        let (own, others) = std::mem::take(&mut members).into_iter().partition(|(m, _)| m.release_id == row.id);
        members = others;
        let own: Vec<(releases::Member, crate::items::Item)> = own;
        let items = own.into_iter().map(|(member, item)| ReleaseItem {
            collection: ContentType::of_kind(&item.kind).map_or("", |resource| resource.collection),
            status: item.state().to_owned(),
            id: item.id,
            slug: item.slug,
            operation: member.operation,
        });
        ReleaseBody {
            id: row.id.clone(),
            name: row.name.clone(),
            status: row.status.clone(),
            publish_at: (row.due_at > 0).then(|| utc_text(row.due_at)),
            version: row.version,
            created_at: utc_text(row.created_at),
            updated_at: utc_text(row.updated_at),
            failure: row.failure.clone(),
            items: items.collect(),
        }
    };
    Ok(rows.iter().map(body).collect())
}

async fn release_response(request: &Request, status: u16, row: Release) -> Result<Response, Problem> {
    let version = row.version;
    let bodies = request.app.database.read(move |c| to_api(c, &[row])).await?;
    let body = bodies.into_iter().next().ok_or_else(|| Problem::not_found("release"))?;
    let location = format!("/api/v1/releases/{}", body.id);
    let release_response = Response::json(status, &body)?.no_store().header("etag", version_tag(version));
    Ok(if status == 201 { release_response.header("location", location) } else { release_response })
}

async fn list(request: Request) -> Result<Response, Problem> {
    let read = |c: &mut Db| {
        let rows = releases::all(c, MAX_LISTED_RELEASES)?;
        to_api(c, &rows)
    };
    let data = request.app.database.read(read).await?;
    Ok(Response::json(200, &ReleaseList { data })?.no_store())
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let row = request.app.database.read(move |c| releases::by_id(c, &id)).await?;
    release_response(&request, 200, row).await
}

/// Reads the changes that a validated body asks for. `publish_at: null` in a merge patch removes the
/// scheduled time.
fn parse_changes(form: &Form, input: &serde_json::Value) -> Result<ReleaseChange, Problem> {
    let mut violations = Violations::new();
    let removed = || input.get("publish_at").is_some_and(serde_json::Value::is_null).then_some(0);
    let due_at = form.future_time("publish_at", &mut violations).or_else(removed);
    let steps = input.get("items").map(|_| form.objects("items").into_iter().enumerate().filter_map(step).collect());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    Ok(ReleaseChange { name: form.get("name"), due_at, steps })
}

fn step((place, entry): (usize, &serde_json::Map<String, serde_json::Value>)) -> Option<Step> {
    let (resource, key) = item_key(entry)?;
    let operation: Operation = releases::operation(entry.get("operation")?.as_str()?)?;
    Some(Step { place, content_type: resource, key, version: None, operation, keep_references: true })
}

/// Runs a write of releases in the name of the calling account and with the permissions of its role.
async fn write_releases<T: Send + 'static>(
    request: &Request,
    write: impl FnOnce(&mut Db, WriteContext<'_>) -> Result<T, Problem> + Clone + Send + 'static,
) -> Result<T, Problem> {
    let (author, role): (Author, Role) = (author(request)?, request.actor()?.role);
    let site = Arc::clone(&request.app.site);
    let write = move |c: &mut Db| write(c, WriteContext::of_role(&site, &author, role));
    request.app.database.write_content(write).await
}

async fn create(request: Request) -> Result<Response, Problem> {
    let input = body::json(&request)?;
    let form = Form::read(&NEW_RELEASE, &input, &request.app.site)?;
    let changes = parse_changes(&form, &input)?;
    let row = write_releases(&request, move |c, context| releases::create(c, context, changes)).await?;
    release_response(&request, 201, row).await
}

async fn update(request: Request) -> Result<Response, Problem> {
    let version = required_version(&request)?;
    let input = body::merge_patch(&request)?;
    let form = Form::read(&RELEASE_CHANGE, &input, &request.app.site)?;
    let changes = parse_changes(&form, &input)?;
    let id = request.path("id").to_owned();
    let row = write_releases(&request, move |c, context| releases::update(c, context, &id, &version, changes)).await?;
    release_response(&request, 200, row).await
}

async fn remove(request: Request) -> Result<Response, Problem> {
    let (version, id) = (required_version(&request)?, request.path("id").to_owned());
    write_releases(&request, move |c, context| releases::remove(c, context, &id, &version)).await?;
    Ok(Response::empty(204).no_store())
}

async fn publish(request: Request) -> Result<Response, Problem> {
    let (version, id) = (required_version(&request)?, request.path("id").to_owned());
    let row = write_releases(&request, move |c, context| releases::publish(c, context, &id, &version)).await?;
    release_response(&request, 200, row).await
}
