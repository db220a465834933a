//! Demo content: the events of a fictitious policy centre, in two languages, around the day on which it is created.

pub mod pictures;

use std::sync::Arc;

use chrono::{NaiveDate, Utc};
use serde_json::{Map, Value};

use crate::app::{App, StartError};
use crate::auth::permissions::Role;
use crate::content::local_time::{Moment, zone_of};
use crate::content::offsets::for_each_time;
use crate::content::time_shift::TimeShift;
use crate::content::{LocaleMode, Site};
use crate::content_types::{ContentType, in_order_of_reference};
use crate::editorial::change::ItemChange;
use crate::editorial::editor::{Editor, WriteRequest};
use crate::editorial::site_settings::ensure;
use crate::items::unsaved_site::SITE_SLUG;
use crate::journal::Author;
use crate::problem::Problem;

const CONTENT: &str = include_str!("content.json");
/// The day around which the times of the content lie.
const WRITTEN_FOR: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 28);
/// What stands for the address of the server in the content.
const PUBLIC_URL: &str = "{public_url}";

/// Fills a database without items with demo content, through the operations that editors use. Returns the
/// number of items created, which is 0 if the database has items already.
///
/// # Errors
/// Fails if an item breaks a rule, or the database fails.
pub async fn fill(app: &Arc<App>) -> Result<usize, StartError> {
    use diesel::prelude::*;
    let empty = app
        .database
        .read(|c| {
            let first: Option<String> =
                crate::database::schema::items::table.select(crate::database::schema::items::id).first(c).optional()?;
            Ok::<_, Problem>(first.is_none())
        })
        .await
        .map_err(|p| p.detail)?;
    if !empty {
        return Ok(0);
    }
    let content = CONTENT.replace(PUBLIC_URL, app.config.base_url());
    let content: Value = serde_json::from_str(&content)?;
    let shift = shift_to(Utc::now().date_naive());
    let mut count = 0;
    for resource in in_order_of_reference() {
        let author = Author { request_id: "demo".to_owned(), ..Author::default() };
        let request = WriteRequest {
            site: Arc::clone(&app.site),
            content_type: resource,
            mode: LocaleMode::All,
            author,
            role: Role::Administrator,
            to_working_draft: false,
            merge: false,
        };
        let render = Arc::new(|_: &mut _, _: &_, _| Ok(String::new()));
        let editor = Editor { database: app.database.clone(), request, collections: Vec::new(), render };
        for item in content.get(resource.collection).and_then(Value::as_array).into_iter().flatten() {
            let name = item.get("slug").and_then(Value::as_str).unwrap_or("?");
            let content = shift_item(resource, item, shift, &app.site);
            let written = match resource.is_singleton() {
                true => change_settings(app, &editor, content).await,
                false => editor.create(content, None).await.map(drop),
            };
            written.map_err(|p| format!("demo {} {name}: {} {:?}", resource.kind, p.detail, p.errors))?;
            count += 1;
        }
    }
    tracing::info!(items = count, "demo content created");
    Ok(count)
}

/// Changes the settings of the site, which exist already.
async fn change_settings(app: &App, editor: &Editor, content: Value) -> Result<(), Problem> {
    ensure(&app.database, &app.site, &editor.request.author.request_id).await?;
    editor.change(SITE_SLUG, [1].into_iter().collect(), ItemChange::Patch(content)).await.map(drop)
}

/// Returns the distance by which the content moves: whole weeks, so that every day of the week stays what it is.
fn shift_to(today: NaiveDate) -> TimeShift {
    let days = WRITTEN_FOR.map_or(0, |day| today.signed_duration_since(day).num_days());
    TimeShift::of_days(days.div_euclid(7) * 7)
}

/// Returns an item at its time around today.
fn shift_item(resource: &'static ContentType, item: &Value, shift: TimeShift, site: &Site) -> Value {
    let mut content: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
    let zone = zone_of(&content).unwrap_or(site.time_zone);
    for_each_time(resource.fields, &mut content, &mut |_, text| {
        if let Ok(moment) = Moment::parse(text, zone) {
            *text = moment.to_text();
        }
    });
    shift.apply(resource.fields, &mut content, zone);
    content.into()
}
