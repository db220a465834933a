//! The endpoints of the newsletter: sign-up and preferences of visitors, subscribers, issues.

pub mod issue_body;
pub mod issue_form;
pub mod issues;
pub mod pages;
pub mod preferences;
pub mod sign_up;
pub mod subscribers;
pub mod visitor;
pub mod webhooks;

use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::route::Route;
use crate::items::{ItemScope, ids_of};
use crate::problem::Problem;

const TAG: &str = "Newsletter";

/// Returns the routes of the newsletter.
pub fn routes() -> Vec<Route> {
    let mut routes = sign_up::routes();
    routes.extend(preferences::routes());
    routes.extend(pages::routes());
    routes.extend(issues::routes());
    routes.extend(subscribers::routes());
    routes.extend(webhooks::routes());
    routes
}

/// Returns the ids of topics that are given by id or slug.
///
/// # Errors
/// 422 with a violation below `pointer` for each topic that does not exist.
pub fn topic_ids(
    connection: &mut Db,
    given: &[String],
    pointer: &str,
    among: ItemScope,
) -> Result<Vec<String>, Problem> {
    let names: Vec<&str> = given.iter().map(String::as_str).collect();
    let found = ids_of(connection, "topic", &names, among)?;
    let (mut ids, mut violations) = (Vec::new(), Violations::new());
    for (position, name) in given.iter().enumerate() {
        match found.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, id)) => ids.push(id.clone()),
            None => {
                let message = format!("there is no topic \"{name}\"");
                violations.add(format!("{pointer}/{position}"), "dangling_reference", message);
            }
        }
    }
    if violations.is_empty() { Ok(ids) } else { Err(Problem::invalid(violations)) }
}
