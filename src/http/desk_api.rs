//! Writing content: creates, changes, and the steps in an item's life. The same for every kind.

use std::sync::Arc;

use actix_web::http::Method;
use serde_json::{Map, Value};

use super::body;
use super::conditions::{WRITE_PROBLEMS, required_version, tag as etag};
use super::content_api::{collection_path, item_path, tag};
use super::openapi::schemas::{example_of, example_of_item, reference};
use super::parameters::{self, IDEMPOTENCY_KEY, IF_MATCH, path_id_or_slug};
use super::preview_api::viewer;
use super::route::{Access, Answer, JSON, Request, Route, Takes};
use crate::auth::forms::{Form, ahead};
use crate::auth::permissions::{Action, Area};
use crate::content::fault::Faults;
use crate::content::field::{Field, Kind as FieldKind};
use crate::content::{LocaleMode, values};
use crate::database::Db;
use crate::delivery::one::shown;
use crate::delivery::reader::Reader;
use crate::editorial::idempotency::Idempotent;
use crate::editorial::life::Operation;
use crate::editorial::operations::{Change, Desk, Made};
use crate::items::Item;
use crate::journal::Author;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// When an item is to be published, unpublished, or both.
pub static SCHEDULE: [Field; 2] = [
    Field::new(
        "publish_at",
        FieldKind::Instant,
        "When it goes public: local time of the site, or with its UTC offset.",
        r#""2027-01-15T09:00""#,
    ),
    Field::new("unpublish_at", FieldKind::Instant, "When it is a draft again.", r#""2027-03-01T18:00""#),
];

/// All writes of a kind.
pub fn routes(resource: &'static Resource) -> Vec<Route> {
    let mut routes = writes(resource);
    routes.extend(steps(resource));
    routes
}

fn writes(resource: &'static Resource) -> Vec<Route> {
    let noun = resource.noun;
    let schema = resource.schema;
    let update = Access::May(Area::Content, Action::UpdateOwn);
    vec![
        Route::new(Method::POST, collection_path(resource), format!("create{schema}"), move |r| create(resource, r))
            .about(tag(resource), format!("Create a {noun}"), "A draft, unless `status` says otherwise.")
            .access(Access::May(Area::Content, Action::Create))
            .takes(Takes::Step)
            .parameters([IDEMPOTENCY_KEY.clone()])
            .body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
            .answers(201, "Created.", reference(schema), &["ETag", "Location", "Idempotency-Replayed"])
            .problems(&[Kind::Conflict]),
        Route::new(Method::PUT, item_path(resource), format!("replace{schema}"), move |r| {
            change(resource, r, Change::Replace, body::json)
        })
        .about(
            tag(resource),
            format!("Replace a {noun}"),
            "All fields anew; what is left out is gone, except slug, state, and the values of other languages.",
        )
        .access(update)
        .takes(Takes::Content)
        .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
        .body(JSON, reference(&format!("{schema}Input")), example_of_item(resource))
        .answers(200, "Replaced.", reference(schema), &["ETag"])
        .problems(&WRITE_PROBLEMS),
        Route::new(Method::PATCH, item_path(resource), format!("update{schema}"), move |r| {
            change(resource, r, Change::Patch, body::merge_patch)
        })
        .about(
            tag(resource),
            format!("Change a {noun}"),
            "JSON Merge Patch (RFC 7396): only what is named changes, null removes, lists are replaced whole.",
        )
        .access(update)
        .takes(Takes::Content)
        .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
        .body(
            "application/merge-patch+json",
            reference(&format!("{schema}Patch")),
            serde_json::json!({"status": "draft"}),
        )
        .answers(200, "Changed.", reference(schema), &["ETag"])
        .problems(&WRITE_PROBLEMS),
        Route::new(Method::DELETE, item_path(resource), format!("trash{schema}"), move |r| trash(resource, r))
            .about(tag(resource), format!("Move a {noun} to the trash"), "It can be restored.")
            .access(Access::May(Area::Content, Action::Trash))
            .parameters([parameters::REASON.clone()])
            .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
            .answers_as(204, "In the trash.", None, &["ETag"])
            .problems(&WRITE_PROBLEMS),
    ]
}

/// What the documentation says of a step.
fn told(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Submit => ("Submit a {} for review", "The draft, or the working draft, waits for an editor."),
        Operation::Withdraw => ("Withdraw a {} from review", "It is a draft again."),
        Operation::Reject => ("Reject a {} in review", "It is a draft again; `reason` tells its author why."),
        Operation::Publish => (
            "Publish a {}",
            "From now on the public sees it, or what its working draft says. What is missing for that is named (422).",
        ),
        Operation::Schedule { .. } => ("Schedule a {}", "It is published, unpublished, or both, at these moments."),
        Operation::Unschedule => ("Unschedule a {}", "Nothing happens by itself any more; it is a draft again."),
        Operation::Unpublish => (
            "Unpublish a {}",
            "It is a draft again, with the text that was public. A working draft stays beside it, and is what `publish` \
             shows next.",
        ),
        Operation::Archive => {
            ("Archive a {}", "It is kept, and the public does not see it. A working draft stays beside it.")
        }
        Operation::Discard => {
            ("Discard the working draft of a {}", "What is public stays; the history keeps the draft.")
        }
        Operation::Trash => ("Move a {} to the trash", "It can be restored."),
        Operation::Restore => ("Take a {} out of the trash", "It comes back in the state that it had."),
    }
}

fn steps(resource: &'static Resource) -> Vec<Route> {
    let step = |operation: Operation| {
        let (summary, about) = told(operation);
        let path = format!("{}/{}", item_path(resource), operation.word());
        let id = format!("{}{}", operation.word(), resource.schema);
        Route::new(Method::POST, path, id, move |r| operate(resource, r, operation))
            .about(tag(resource), summary.replace("{}", resource.noun), about)
            .access(Access::May(Area::Content, operation.action()))
            .takes(Takes::Step)
            .parameters([path_id_or_slug(resource), IF_MATCH.clone()])
            .answers(200, "Done.", reference(resource.schema), &["ETag"])
            .problems(&WRITE_PROBLEMS)
            .problems(&[Kind::Invalid])
    };
    // The trash has a method of its own.
    let plain = Operation::PLAIN.into_iter().filter(|operation| *operation != Operation::Trash);
    let mut routes: Vec<Route> = plain.map(step).collect();
    let mut schedule = step(Operation::Schedule { publish_at: None, unpublish_at: None }).body(
        JSON,
        reference("Schedule"),
        example_of(&SCHEDULE),
    );
    schedule.handler = Arc::new(move |request| Box::pin(plan(resource, request)));
    routes.push(schedule);
    routes
}

/// Who writes, within which request, and why.
pub fn author(request: &Request) -> Result<Author, Problem> {
    let reason = request.query("reason");
    let reason = match reason.map(|text| values::text(&text.into(), parameters::MAX_REASON, false)).transpose() {
        Ok(reason) => reason,
        Err((code, message)) => {
            return Err(Problem::bad_request(Faults::one("?reason", code, message)));
        }
    };
    let actor = request.actor()?;
    Ok(Author {
        account_id: Some(actor.account_id.clone()),
        request_id: request.id.clone(),
        reason,
        via: actor.key.as_ref().map(|key| key.id.clone()),
        due_at: None,
    })
}

/// The desk of whoever asks.
pub fn desk(resource: &'static Resource, request: &Request) -> Result<Desk, Problem> {
    let role = request.actor()?.role;
    let author = author(request)?;
    let mut faults = Faults::new();
    let viewer = viewer(request.actor.as_ref());
    let mut reader = Reader { resource, site: &request.app.site, viewer: &viewer, faults: &mut faults };
    let shape = reader.shape(&request.pairs, true);
    let merge = match request.query("merge") {
        Some("auto") => true,
        None | Some("none") => false,
        Some(other) => {
            let known = ["auto", "none"];
            faults.add("?merge", "not_allowed", crate::content::fault::unknown("value", other, known));
            false
        }
    };
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    let mode: LocaleMode = shape.view.locale.clone();
    let beside = shape.draft;
    let site = Arc::clone(&request.app.site);
    let show = Arc::new(move |c: &mut Db, item: &Item, named| shown(c, resource, &site, item, named, &shape));
    Ok(Desk { app: Arc::clone(&request.app), resource, mode, author, role, beside, merge, show })
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

async fn change(
    resource: &'static Resource,
    request: Request,
    as_change: fn(Value) -> Change,
    read: fn(&Request) -> Result<Value, Problem>,
) -> Result<Answer, Problem> {
    let desk = desk(resource, &request)?;
    let version = required_version(&request)?;
    let change = as_change(read(&request)?);
    Ok(written(desk.change(request.path("id_or_slug"), version, change).await?, 200))
}

async fn operate(resource: &'static Resource, request: Request, operation: Operation) -> Result<Answer, Problem> {
    let desk = desk(resource, &request)?;
    let version = required_version(&request)?;
    Ok(written(desk.operate(request.path("id_or_slug"), version, operation).await?, 200))
}

async fn trash(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let desk = desk(resource, &request)?;
    let version = required_version(&request)?;
    let made = desk.operate(request.path("id_or_slug"), version, Operation::Trash).await?;
    Ok(Answer::empty(204).header("etag", format!("\"v{}\"", made.item.latest())).private())
}

async fn plan(resource: &'static Resource, request: Request) -> Result<Answer, Problem> {
    let operation = schedule(&request)?;
    operate(resource, request, operation).await
}

/// What a body plans.
fn schedule(request: &Request) -> Result<Operation, Problem> {
    let form = Form::read(&SCHEDULE, &body::json(request)?, &request.app.site)?;
    let mut faults = Faults::new();
    match moments(form.content(), "", &mut faults) {
        Some(operation) => Ok(operation),
        None => Err(Problem::invalid(faults)),
    }
}

/// The moments of a checked body, which must lie ahead; what is wrong goes to `faults`.
pub fn moments(body: &Map<String, Value>, place: &str, faults: &mut Faults) -> Option<Operation> {
    let mut own = Faults::new();
    let publish_at = ahead(body, "publish_at", place, &mut own);
    let unpublish_at = ahead(body, "unpublish_at", place, &mut own);
    if publish_at.is_none() && unpublish_at.is_none() {
        own.add(place, "required", "publish_at, unpublish_at, or both");
    }
    if publish_at.zip(unpublish_at).is_some_and(|(from, until)| until <= from) {
        own.add(format!("{place}/unpublish_at"), "before_start", "it would be unpublished before it is published");
    }
    let sound = own.is_empty();
    faults.extend(own);
    sound.then_some(Operation::Schedule { publish_at, unpublish_at })
}

/// The answer of a write: the item as it is now, with the tag that the next write wants.
pub fn written(made: Made, status: u16) -> Answer {
    let tag = etag(made.item.latest(), made.body.as_bytes());
    Answer::json(status, made.body).header("etag", tag).private()
}
