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
    if !query.conditions.iter().any(|condition| names_more_than(condition, found)) {
        return Ok(None);
    }
    let mut present = query.clone();
    let mut has_others = false;
    for condition in present.conditions.iter_mut().filter(|condition| names_more_than(condition, found)) {
        let Condition::Values(on, _, values) = condition else { continue };
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

/// Returns whether a condition names items by slug or id of which some may have other names: all that are to be left
/// out, and those that are to be found if there are more than were found.
fn names_more_than(condition: &Condition, found: usize) -> bool {
    match condition {
        Condition::Values(FilterTarget::Slug | FilterTarget::Ids, quantity, values) => {
            *quantity == Quantity::None || found < values.len()
        }
        _ => false,
    }
}
