//! The history of one item: its journal entries and its content at a version.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::translations::Translations;
use crate::database::Db;
use crate::database::schema::{accounts, journal};
use crate::journal::snapshot;
use crate::problem::Problem;

/// A journal entry without its snapshot.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = journal)]
pub struct JournalEntry {
    /// The entry's number in the journal.
    pub sequence: i64,
    /// Time of the action (µs).
    pub at: i64,
    /// The id of the account that acted; none for the command line and the scheduler.
    pub actor: Option<String>,
    /// The action, such as `publish`.
    pub action: String,
    /// The kind of the subject.
    pub kind: String,
    /// The id of the item or account.
    pub item_id: String,
    /// The version that the action produced; 0 where there are no versions.
    pub version: i64,
    /// The id of the request.
    pub request_id: String,
    /// The reason that the author gave.
    pub reason: Option<String>,
    /// The changed values, as a JSON array of JSON Pointers.
    pub changed: String,
    /// The API key that was used instead of a session.
    pub via: Option<String>,
    /// The id of the batch of which the action was a part.
    pub batch: Option<String>,
    /// The name of the account, while it exists.
    #[diesel(select_expression = accounts::name.nullable())]
    pub actor_name: Option<String>,
}

impl JournalEntry {
    /// Parses the JSON Pointers of the changed values.
    pub fn places(&self) -> Vec<String> {
        serde_json::from_str(&self.changed).unwrap_or_default()
    }
}

/// Returns the query for journal entries joined with the accounts that made them.
#[diesel::dsl::auto_type]
pub fn with_accounts() -> _ {
    journal::table.left_join(accounts::table.on(journal::actor.eq(accounts::id.nullable())))
}

/// Returns the entries of an item with a sequence number below `before`, newest first.
///
/// # Errors
///
/// Fails if the query fails.
pub fn entries(
    connection: &mut Db,
    kind: &str,
    item_id: &str,
    before: i64,
    limit: i64,
) -> QueryResult<Vec<JournalEntry>> {
    with_accounts()
        .filter(journal::item_id.eq(item_id).and(journal::kind.eq(kind)).and(journal::sequence.lt(before)))
        .order(journal::sequence.desc())
        .limit(limit)
        .select(JournalEntry::as_select())
        .load(connection)
}

/// Returns the snapshot of the newest entry about a subject, if there is one.
///
/// # Errors
///
/// Fails if the query fails or the snapshot is damaged.
pub fn snapshot(connection: &mut Db, kind: &str, id: &str) -> Result<Option<String>, Problem> {
    let stored: Option<Vec<u8>> = journal::table
        .filter(journal::item_id.eq(id).and(journal::kind.eq(kind)))
        .order(journal::sequence.desc())
        .select(journal::snapshot)
        .first(connection)
        .optional()?;
    stored.map(|stored| snapshot::read(&stored)).transpose().map_err(|error| Problem::internal(&error))
}

/// An item at a version, with the newest text that it had then: that of its working draft if it had one.
#[derive(Debug, Clone)]
pub struct State {
    /// The entry that produced this version.
    pub entry: JournalEntry,
    pub slug: String,
    /// The state as responses show it: the stage of a draft, and the status of any other item.
    pub state: String,
    /// Whether the text is that of a working draft.
    pub is_working_draft: bool,
    /// The slugs in other languages than the default one; `None` in entries that were written before there were any.
    pub slugs: Option<BTreeMap<String, String>>,
    /// The stored form.
    pub content: Map<String, Value>,
}

/// Returns the greatest version that the journal has of a subject, whether it still exists or not; 0 if there is none.
///
/// # Errors
///
/// Fails if the query fails.
pub fn last_version(connection: &mut Db, kind: &str, id: &str) -> QueryResult<i64> {
    let own = journal::table.filter(journal::item_id.eq(id).and(journal::kind.eq(kind)));
    let newest: Option<i64> = own.select(diesel::dsl::max(journal::version)).first(connection)?;
    Ok(newest.unwrap_or(0))
}

/// What was public of an item at a version.
#[derive(Debug, Clone)]
pub struct PublicVersion {
    /// The content as it is stored, with the values of translations that were not public.
    pub content: Map<String, Value>,
    /// The states of the translations.
    pub translations: Translations,
}

/// Returns what was public of an item at a version; none if the journal has no such version.
///
/// # Errors
///
/// Fails if the query fails or the snapshot is damaged.
pub fn published_at(
    connection: &mut Db,
    kind: &str,
    item_id: &str,
    version: i64,
) -> Result<Option<PublicVersion>, Problem> {
    let stored: Option<Vec<u8>> = journal::table
        .filter(journal::item_id.eq(item_id).and(journal::kind.eq(kind)).and(journal::version.eq(version)))
        .order(journal::sequence.desc())
        .select(journal::snapshot)
        .first(connection)
        .optional()?;
    let Some(stored) = stored else { return Ok(None) };
    let json = snapshot::read(&stored).map_err(|error| Problem::internal(&error))?;
    let snapshot: Value = serde_json::from_str(&json).map_err(|error| Problem::internal(&error))?;
    let content = snapshot.get("content").and_then(Value::as_object).cloned().unwrap_or_default();
    let translations = snapshot.get("translations").map(Value::to_string).unwrap_or_default();
    Ok(Some(PublicVersion { content, translations: Translations::parse(&translations) }))
}

/// Returns the item as it was at a version.
///
/// Several entries can have the same version: an import completes items without a new version once all
/// others exist. The newest of them holds the whole content.
///
/// # Errors
///
/// Fails with `NotFound` if the journal has no such version, and if the query fails or the snapshot is no
/// JSON.
pub fn state_at(connection: &mut Db, kind: &str, item_id: &str, version: i64) -> Result<State, Problem> {
    let row: Option<(JournalEntry, Vec<u8>)> = with_accounts()
        .filter(journal::item_id.eq(item_id).and(journal::kind.eq(kind)).and(journal::version.eq(version)))
        .order(journal::sequence.desc())
        .select((JournalEntry::as_select(), journal::snapshot))
        .first(connection)
        .optional()?;
    let Some((entry, snapshot)) = row else { return Err(Problem::not_found("revision")) };
    let snapshot = snapshot::read(&snapshot).map_err(|error| Problem::internal(&error))?;
    let snapshot: Value = serde_json::from_str(&snapshot).map_err(|error| Problem::internal(&error))?;
    let text = |name: &str| snapshot.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let draft = snapshot.get("draft").filter(|draft| draft.is_object());
    let shown = draft.unwrap_or(&snapshot);
    let status = text("status");
    // Entries written before stages were introduced have none.
    let stage = Some(text("stage")).filter(|stage| !stage.is_empty()).unwrap_or_else(|| "draft".to_owned());
    Ok(State {
        entry,
        slug: shown.get("slug").and_then(Value::as_str).unwrap_or_default().to_owned(),
        state: if status == "draft" || draft.is_some() { stage } else { status },
        is_working_draft: draft.is_some(),
        slugs: snapshot.get("translations").map(|stored| {
            let translations = Translations::parse(&stored.to_string());
            translations.slugs().map(|(locale, slug)| (locale.to_owned(), slug.to_owned())).collect()
        }),
        content: shown.get("content").and_then(Value::as_object).cloned().unwrap_or_default(),
    })
}
