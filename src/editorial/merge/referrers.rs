//! The items that refer to an item, in their own texts or in their working drafts, and the writes of both.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::MOST_REFERRERS;
use crate::auth::permissions::Action;
use crate::content_types::ContentType;
use crate::database::schema::{draft_links, items, links};
use crate::database::{Db, in_list};
use crate::editorial::working_drafts::{self, DraftEntry};
use crate::editorial::write::{self, content_type_of};
use crate::editorial::write_context::{WriteContext, require_permission};
use crate::items::sources::VersionChange;
use crate::items::working_draft::WorkingDraft;
use crate::items::{Item, working_draft};
use crate::journal::diff::pointers;
use crate::problem::{Problem, ProblemKind};

/// Returns the items that refer to an item, those in the trash too, in the order of their ids.
///
/// # Errors
///
/// Fails with `Conflict` if there are more than a merge moves, and if a query fails.
pub fn load_referrers(connection: &mut Db, id: &str) -> Result<Vec<Item>, Problem> {
    let most = MOST_REFERRERS as i64 + 1;
    let own = links::table.filter(links::target_id.eq(id)).select(links::source_id).distinct().limit(most);
    let mut ids: BTreeSet<String> = own.load::<String>(connection)?.into_iter().collect();
    let drafts = draft_links::table.filter(draft_links::target_id.eq(id)).select(draft_links::source_id).limit(most);
    ids.extend(drafts.load::<String>(connection)?);
    ids.remove(id);
    if ids.len() > MOST_REFERRERS {
        return Err(too_many());
    }
    Ok(by_ids(connection, &ids)?)
}

/// Returns the problem of a merge that would change more items than one write does.
pub fn too_many() -> Problem {
    let detail = format!("more than {MOST_REFERRERS} items refer to what is merged, which is the most for one request");
    Problem::new(ProblemKind::Conflict, detail)
}

/// Loads items by their ids, in the order of these.
///
/// # Errors
///
/// Fails if the query fails.
pub fn by_ids(connection: &mut Db, ids: &BTreeSet<String>) -> QueryResult<Vec<Item>> {
    let dialect = connection.dialect();
    items::table.filter(in_list(dialect, items::id, ids)).order(items::id).select(Item::as_select()).load(connection)
}

/// Refuses to change an item that the author may not change: one of a collection that the key does not reach, or of a text
/// that the role may not write.
///
/// # Errors
///
/// Fails with `Forbidden`, and if a query fails.
pub fn authorize(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: &Item,
    collections: &[String],
) -> Result<(), Problem> {
    let content_type = content_type_of(item)?;
    if !collections.is_empty() && !collections.iter().any(|own| own == content_type.collection) {
        let detail =
            format!("this API key does not reach the {}, which refer to what is merged", content_type.collection);
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    context.authorize(connection, item, Action::UpdateOwn)?;
    match context.role {
        Some(role) if item.status == "published" || item.stage == "scheduled" => {
            require_permission(role, Action::Publish)
        }
        _ => Ok(()),
    }
}

/// Edits the texts of an item, its own one and its working draft, and stores those that changed as one version. Returns the
/// item, if anything changed, with the version that it had.
///
/// # Errors
///
/// Fails with `Invalid` if the item would stand below itself, as `edit` does, and if a statement fails.
pub fn rewrite(
    connection: &mut Db,
    context: WriteContext<'_>,
    action: &str,
    item: Item,
    mut edit: impl FnMut(&mut Db, &'static ContentType, &mut Map<String, Value>, bool) -> Result<(), Problem>,
) -> Result<Option<VersionChange>, Problem> {
    let content_type = content_type_of(&item)?;
    let from = item.latest_version();
    let before = item.content();
    let mut content = before.clone();
    edit(connection, content_type, &mut content, false)?;
    let mut draft = working_draft::find(connection, &item)?;
    let mut changed = Vec::new();
    if let Some(present) = &mut draft {
        let earlier = present.content();
        let mut text = earlier.clone();
        edit(connection, content_type, &mut text, true)?;
        changed = pointers(&earlier, &text);
        if !changed.is_empty() {
            let edited = WorkingDraft { content: Value::Object(text).to_string(), ..present.clone() };
            working_draft::put(connection, content_type, &edited, Some(present))?;
            *present = edited;
        }
    }
    let item = if content != before {
        write::save(connection, context, action, item, &content)?
    } else if !changed.is_empty() {
        let entry = DraftEntry { action, draft, changed: &changed };
        working_drafts::bump_draft_version(connection, context.author, item, entry)?
    } else {
        return Ok(None);
    };
    Ok(Some(VersionChange { to: item.latest_version(), item_id: item.id, from }))
}
