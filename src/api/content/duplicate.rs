//! Endpoint that copies an item with its children.

use crate::api::content::items::{collection_path, item_path, with_article};
use crate::api::content::lifecycle::{editor, idempotency_key, write_response};
use crate::api::openapi::schemas::{Locales, example_of, reference};
use crate::api::parameters::{IDEMPOTENCY_KEY, path_id_or_slug};
use crate::api::preview_links::require_collection;
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Field, FieldType};
use crate::content_types::{Children, ContentType};
use crate::editorial::duplicate::DuplicateRequest;
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::problem::{Problem, ProblemKind};

/// Fields of the body that copies an item.
pub static DUPLICATE: [Field; 4] = [
    Field::new(
        "starts_at",
        FieldType::Line { max: 40 },
        "Start of the copy, in the time zone of the item: a date, which keeps the time of day, or a local time. All other \
         times, those of the sessions too, move with it. By default nothing moves.",
        r#""2028-03-02""#,
    ),
    Field::new(
        "title",
        FieldType::Line { max: 300 },
        "Title of the copy in the locale of the request; by default that of the original.",
        r#""Rivers without borders 2028""#,
    ),
    Field::new(
        "slug",
        FieldType::Slug,
        "Slug of the copy; by default made from its title.",
        r#""rivers-without-borders-2028""#,
    ),
    Field::new(
        "sessions",
        FieldType::Boolean,
        "Whether the sessions of an event, or the subpages of a page, are copied too.",
        "true",
    )
    .default_value("true"),
];

/// Returns the route that copies an item, if items of its content type have children.
pub fn routes(resource: &'static ContentType) -> Option<Route> {
    let children = resource.children?;
    let (schema, item) = (resource.schema, with_article(resource));
    let access = Access::May(Area::Content, Action::Create);
    let route =
        Route::post(format!("{}/duplicate", item_path(resource)), access, move |r| duplicate(resource, children, r))
            .operation_id(format!("duplicate{schema}"))
            .tag(resource.title_plural)
            .summary(format!("Duplicate {item}"))
            .description(description(resource, children))
            .parameter_set(ParameterSet::Step)
            .parameters([path_id_or_slug(), IDEMPOTENCY_KEY.clone()])
            .request_body(JSON, reference("DuplicateInput"), example_of(&DUPLICATE))
            .responds(201, "The copy.", reference(schema), &["ETag", "Location", "Idempotency-Replayed"])
            .or_media_type(ALL_LOCALES, reference(&Locales::All.name(schema)))
            .problems(&[ProblemKind::NotFound, ProblemKind::Conflict]);
    Some(route)
}

/// Returns the description of the route.
fn description(resource: &'static ContentType, children: Children) -> String {
    let (plural, noun) = (children.plural, resource.noun);
    let (left_out, fault) = match resource.span {
        Some(_) => ("The status of the event and its recordings are not copied; languages", "a time is wrong or the"),
        None => ("`starts_at` has no effect. Languages", "the"),
    };
    format!(
        "Creates a copy of the newest text as a draft, with copies of its {plural} as drafts unless `sessions` is false, and \
         returns it. {left_out} that are hidden stay hidden. A request that is repeated with the same `Idempotency-Key` \
         within a day returns the copy of the first one. Fails with 404 when there is no such {noun}, with 409 when it is \
         in the trash, has more than 1,000 {plural}, or the slug is taken, and with 422 when {fault} copy breaks a rule.",
    )
}

async fn duplicate(resource: &'static ContentType, children: Children, request: Request) -> Result<Response, Problem> {
    let editor = editor(resource, &request)?;
    let form = Form::read(&DUPLICATE, &body::json(&request)?, &request.app.site)?;
    let with_children = form.flag("sessions").unwrap_or(true);
    if with_children {
        require_collection(&request, children.kind)?;
    }
    let wanted = DuplicateRequest {
        label: form.get("title"),
        slug: form.get("slug"),
        starts_at: form.get("starts_at"),
        with_children,
    };
    let key = idempotency_key(&request)?;
    let result = editor.duplicate(request.path("id_or_slug"), wanted, key).await?;
    let location = format!("{}/{}", collection_path(resource), result.item.id);
    let replayed = result.replayed;
    let response = write_response(&request, result, 201).header("location", location);
    Ok(if replayed { response.header("idempotency-replayed", "true") } else { response })
}
