//! Demo content: the events of a fictitious policy centre, in two languages.

use std::sync::Arc;

use serde_json::Value;

use crate::app::{App, StartError};
use crate::auth::permissions::Role;
use crate::content::LocaleMode;
use crate::content_types::in_order_of_reference;
use crate::editorial::editor::{Editor, WriteRequest};
use crate::journal::Author;
use crate::problem::Problem;

const CONTENT: &str = include_str!("content.json");

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
    let content: Value = serde_json::from_str(CONTENT)?;
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
        let editor = Editor { database: app.database.clone(), request, render };
        for item in content.get(resource.collection).and_then(Value::as_array).into_iter().flatten() {
            let name = item.get("slug").and_then(Value::as_str).unwrap_or("?");
            editor
                .create(item.clone(), None)
                .await
                .map_err(|p| format!("demo {} {name}: {} {:?}", resource.kind, p.detail, p.errors))?;
            count += 1;
        }
    }
    tracing::info!(items = count, "demo content created");
    Ok(count)
}
