//! References of request bodies by id. Entries of lists that refer to items keep their texts in other locales, so before a
//! body is compared with the stored content, its slugs and local ids are replaced by ids, which that content has.

use diesel::result::QueryResult;
use serde_json::Value;

use crate::content::LocaleMode;
use crate::content::slug::is_id;
use crate::content_types::references::visit_all;
use crate::database::Db;
use crate::editorial::editor::WriteRequest;
use crate::editorial::validate::{LOCAL, LocalNames};
use crate::items::{self, ItemScope};

/// Replaces the slugs and local ids in a body by ids. Those of no item stay as they are, and are refused later. With all
/// locales in the body, nothing is kept, and nothing is looked up.
///
/// # Errors
///
/// Fails if the query fails.
pub(super) fn with_ids(
    connection: &mut Db,
    request: &WriteRequest,
    mut body: Value,
    names: &LocalNames,
) -> QueryResult<Value> {
    if matches!(request.mode, LocaleMode::All) || request.site.locales.len() < 2 {
        return Ok(body);
    }
    let mut wanted: Vec<(&'static str, String)> = Vec::new();
    visit_all(request.content_type, &mut body, &mut |kind, value| {
        if let Some(given) = value.as_str().filter(|given| !is_id(given)) {
            wanted.push((kind, given.to_owned()));
        }
    });
    if wanted.is_empty() {
        return Ok(body);
    }
    let slugs: Vec<(&str, &str)> = wanted.iter().map(|(kind, given)| (*kind, given.as_str())).collect();
    let found = items::resolve(connection, &slugs, ItemScope::Present)?;
    visit_all(request.content_type, &mut body, &mut |kind, value| {
        let Some(given) = value.as_str() else { return };
        let id = match given.strip_prefix(LOCAL) {
            Some(name) => names.get(&(kind, name.to_owned())),
            None => found.get(kind, given).map(|target| &target.id),
        };
        if let Some(id) = id.cloned() {
            *value = id.into();
        }
    });
    Ok(body)
}
