//! Lists of items that the query names by slug or id: names that no item has any more lead to the items to which their
//! redirects lead.

use crate::content_types::{ContentType, FilterTarget};
use crate::database::Db;
use crate::delivery::query::{Condition, ListQuery, Quantity};
use crate::items::other_names;
use crate::problem::Problem;

/// Returns the query with present names, if it has others; `found` is the number of items on its page. Where a page has
/// all items that the query names, nothing is looked up.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub fn with_present_names(
    connection: &mut Db,
    content_type: &'static ContentType,
    query: &ListQuery,
    found: usize,
) -> Result<Option<ListQuery>, Problem> {
    let mut present = query.clone();
    let mut has_others = false;
    for condition in &mut present.conditions {
        let Condition::Values(on @ (FilterTarget::Slug | FilterTarget::Ids), quantity, values) = condition else {
            continue;
        };
        if *quantity != Quantity::None && found >= values.len() {
            continue;
        }
        let names: Vec<&str> = values.iter().map(String::as_str).collect();
        let among = query.shape.viewer.lookup_scope(content_type.kind);
        for other in other_names::lookup(connection, &[content_type.kind], &names, among)? {
            let name = if matches!(on, FilterTarget::Slug) { other.slug } else { other.target.id };
            values.retain(|value| !value.eq_ignore_ascii_case(&other.name));
            values.push(name);
            has_others = true;
        }
    }
    Ok(has_others.then_some(present))
}
