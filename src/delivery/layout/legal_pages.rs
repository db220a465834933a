//! The legal pages of a layout, to which footers link.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;

use crate::content_types::pages::{LEGAL_ROLES, PAGE};
use crate::database::schema::items;
use crate::database::{Db, in_list_unindexed};
use crate::delivery::layout::LayoutContext;
use crate::delivery::layout::links::LinkTargets;
use crate::delivery::layout::parts::previewed_id;

/// Maximum number of legal pages in a layout.
const MAX_PAGES: i64 = 50;

/// A legal page.
pub struct LegalPage {
    pub id: String,
    role: String,
}

/// Finds the legal pages, in their order.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn load(connection: &mut Db, context: LayoutContext<'_>) -> QueryResult<Vec<LegalPage>> {
    let dialect = connection.dialect();
    let previewed = previewed_id(&context.shape.viewer);
    let rows: Vec<(String, Option<String>)> = items::table
        .filter(items::kind.eq(PAGE.kind).and(in_list_unindexed(dialect, items::variant, LEGAL_ROLES)))
        .filter(items::live.eq(true).or(items::id.eq(previewed)))
        .order((items::position, items::slug))
        .limit(MAX_PAGES)
        .select((items::id, items::variant))
        .load(connection)?;
    Ok(rows.into_iter().map(|(id, role)| LegalPage { id, role: role.unwrap_or_default() }).collect())
}

/// Returns the legal pages as links, each with its role.
pub fn render(pages: &[LegalPage], targets: &LinkTargets) -> Value {
    let page = |page: &LegalPage| {
        let mut link = targets.link_to(&page.id)?;
        link.insert("role".to_owned(), page.role.clone().into());
        Some(Value::Object(link))
    };
    pages.iter().filter_map(page).collect::<Vec<Value>>().into()
}
