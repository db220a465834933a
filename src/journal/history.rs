//! The history of one item: its entries, its states, and what differs between two of them.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::database::Db;
use crate::database::schema::{accounts, journal};
use crate::problem::Problem;

/// What an entry of the journal tells beside the snapshot.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = journal)]
pub struct Told {
    /// Its number.
    pub sequence: i64,
    /// When (µs).
    pub at: i64,
    /// The account.
    pub actor: Option<String>,
    /// What was done.
    pub action: String,
    /// To what kind.
    pub kind: String,
    /// To which item or account.
    pub item_id: String,
    /// Its version since then.
    pub version: i64,
    /// The request.
    pub request_id: String,
    /// Why.
    pub reason: Option<String>,
    /// JSON list of pointers.
    pub changed: String,
    /// The key that was used instead of a session.
    pub via: Option<String>,
    /// Name of the account, while it exists.
    #[diesel(select_expression = accounts::name.nullable())]
    pub actor_name: Option<String>,
}

impl Told {
    /// The places of the content that changed.
    pub fn places(&self) -> Vec<String> {
        serde_json::from_str(&self.changed).unwrap_or_default()
    }
}

/// Entries with the accounts that made them.
#[diesel::dsl::auto_type]
pub fn with_accounts() -> _ {
    journal::table.left_join(accounts::table.on(journal::actor.eq(accounts::id.nullable())))
}

/// The entries of an item before the number `before`, the newest first.
pub fn entries(connection: &mut Db, kind: &str, item_id: &str, before: i64, limit: i64) -> QueryResult<Vec<Told>> {
    with_accounts()
        .filter(journal::item_id.eq(item_id).and(journal::kind.eq(kind)).and(journal::sequence.lt(before)))
        .order(journal::sequence.desc())
        .limit(limit)
        .select(Told::as_select())
        .load(connection)
}

/// What an item was at a version: the text that was being written then.
#[derive(Debug, Clone)]
pub struct State {
    /// The entry that made it.
    pub told: Told,
    /// The slug.
    pub slug: String,
    /// The state, as answers tell it.
    pub state: String,
    /// Whether this text was a working draft.
    pub is_working_draft: bool,
    /// The stored form.
    pub content: Map<String, Value>,
}

/// The item as it was at a version; the newest entry of that version counts.
pub fn state_at(connection: &mut Db, kind: &str, item_id: &str, version: i64) -> Result<State, Problem> {
    let row: Option<(Told, String)> = with_accounts()
        .filter(journal::item_id.eq(item_id).and(journal::kind.eq(kind)).and(journal::version.eq(version)))
        .order(journal::sequence.desc())
        .select((Told::as_select(), journal::snapshot))
        .first(connection)
        .optional()?;
    let Some((told, snapshot)) = row else { return Err(Problem::not_found("revision")) };
    let snapshot: Value = serde_json::from_str(&snapshot).map_err(|error| Problem::internal(&error))?;
    let text = |name: &str| snapshot.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let draft = snapshot.get("draft").filter(|draft| draft.is_object());
    let shown = draft.unwrap_or(&snapshot);
    let status = text("status");
    // Entries of before there were stages have none.
    let stage = Some(text("stage")).filter(|stage| !stage.is_empty()).unwrap_or_else(|| "draft".to_owned());
    Ok(State {
        told,
        slug: shown.get("slug").and_then(Value::as_str).unwrap_or_default().to_owned(),
        state: if status == "draft" || draft.is_some() { stage } else { status },
        is_working_draft: draft.is_some(),
        content: shown.get("content").and_then(Value::as_object).cloned().unwrap_or_default(),
    })
}
