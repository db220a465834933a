//! Issues of the newsletter: what they say, to whom they go, and their course from a draft to the last mail.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::blocks::Edition;
use super::segment::Segment;
use crate::database::mail_schema::{newsletter_deliveries, newsletter_issues, newsletter_renderings};
use crate::database::{Db, new_id, now};
use crate::items::ExpectedVersions;
use crate::mail::log;
use crate::mail::outbox::MailStatus;
use crate::problem::{Problem, ProblemKind};

/// The state of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueStatus {
    /// It can be changed.
    Draft,
    /// It is sent at a moment.
    Scheduled,
    /// It is being sent.
    Sending,
    /// It was stopped and can go on.
    Paused,
    /// All mails have ended.
    Sent,
    /// It was stopped for good.
    Cancelled,
    /// It could not be rendered at its moment.
    Failed,
}

impl IssueStatus {
    /// Returns the name of the state in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            IssueStatus::Draft => "draft",
            IssueStatus::Scheduled => "scheduled",
            IssueStatus::Sending => "sending",
            IssueStatus::Paused => "paused",
            IssueStatus::Sent => "sent",
            IssueStatus::Cancelled => "cancelled",
            IssueStatus::Failed => "failed",
        }
    }
}

/// A row of `newsletter_issues`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = newsletter_issues)]
pub struct Issue {
    /// UUIDv7.
    pub id: String,
    /// Name for editors.
    pub name: String,
    /// Name of an [`IssueStatus`].
    pub status: String,
    /// [`Edition`]s as JSON.
    pub editions: String,
    /// [`Segment`] as JSON.
    pub segment: String,
    /// Time at which it is sent (µs since 1970), or 0.
    pub send_at: i64,
    /// Version, which grows with each write of an editor.
    pub version: i64,
    /// Time of creation (µs since 1970).
    pub created_at: i64,
    /// Time of the last change (µs since 1970).
    pub updated_at: i64,
    /// Id of the last subscriber who was looked at.
    pub position: String,
    /// Number of subscribers to whom it was addressed.
    pub addressed: i64,
    /// Whether all subscribers were looked at.
    pub is_addressed: bool,
    /// Time of the end (µs since 1970), or 0.
    pub ended_at: i64,
    /// Why it could not be sent; empty if it could.
    pub failure: String,
}

impl Issue {
    /// Returns the editions.
    pub fn editions(&self) -> Vec<Edition> {
        serde_json::from_str(&self.editions).unwrap_or_default()
    }

    /// Returns the segment.
    pub fn segment(&self) -> Segment {
        serde_json::from_str(&self.segment).unwrap_or_default()
    }

    /// Returns whether the issue is in one of these states.
    pub fn has_status(&self, among: &[IssueStatus]) -> bool {
        among.iter().any(|status| status.name() == self.status)
    }
}

/// What an editor writes of an issue; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct IssueChange {
    /// Name for editors.
    pub name: Option<String>,
    /// Editions.
    pub editions: Option<Vec<Edition>>,
    /// Segment.
    pub segment: Option<Segment>,
}

impl IssueChange {
    fn apply(self, issue: &mut Issue) {
        if let Some(name) = self.name {
            issue.name = name;
        }
        if let Some(editions) = self.editions {
            issue.editions = serde_json::to_string(&editions).unwrap_or_default();
        }
        if let Some(segment) = self.segment {
            issue.segment = serde_json::to_string(&segment).unwrap_or_default();
        }
    }
}

/// Returns the newest issues.
///
/// # Errors
/// Fails if the query fails.
pub fn load_newest(connection: &mut Db, limit: i64) -> QueryResult<Vec<Issue>> {
    newsletter_issues::table
        .order(newsletter_issues::id.desc())
        .limit(limit)
        .select(Issue::as_select())
        .load(connection)
}

/// Returns an issue.
///
/// # Errors
/// 404 if there is none with this id.
pub fn by_id(connection: &mut Db, id: &str) -> Result<Issue, Problem> {
    find(connection, id)?.ok_or_else(|| Problem::not_found("issue"))
}

/// Returns an issue, if there is one with this id.
///
/// # Errors
/// Fails if the query fails.
pub fn find(connection: &mut Db, id: &str) -> QueryResult<Option<Issue>> {
    newsletter_issues::table.find(id).select(Issue::as_select()).first(connection).optional()
}

/// Returns all issues, the oldest first.
///
/// # Errors
/// Fails if the query fails.
pub fn all(connection: &mut Db) -> QueryResult<Vec<Issue>> {
    newsletter_issues::table.order(newsletter_issues::id).select(Issue::as_select()).load(connection)
}

/// Stores an issue as it is.
///
/// # Errors
/// Fails if the statement fails.
pub fn insert(connection: &mut Db, issue: &Issue) -> QueryResult<()> {
    diesel::insert_into(newsletter_issues::table).values(issue).execute(connection).map(drop)
}

/// Creates an issue.
///
/// # Errors
/// Fails if the statement fails.
pub fn create(connection: &mut Db, change: IssueChange) -> QueryResult<Issue> {
    let at = now();
    let mut issue = Issue {
        id: new_id(),
        name: String::new(),
        status: IssueStatus::Draft.name().to_owned(),
        editions: "[]".to_owned(),
        segment: "{}".to_owned(),
        send_at: 0,
        version: 1,
        created_at: at,
        updated_at: at,
        position: String::new(),
        addressed: 0,
        is_addressed: false,
        ended_at: 0,
        failure: String::new(),
    };
    change.apply(&mut issue);
    insert(connection, &issue)?;
    Ok(issue)
}

/// Returns the issue that an editor has read.
fn load_expected(connection: &mut Db, id: &str, version: &ExpectedVersions) -> Result<Issue, Problem> {
    let issue = by_id(connection, id)?;
    match version.accepts(issue.version) {
        true => Ok(issue),
        false => Err(Problem::new(ProblemKind::PreconditionFailed, "the issue was changed since; read it again")),
    }
}

fn require(issue: &Issue, among: &[IssueStatus]) -> Result<(), Problem> {
    match issue.has_status(among) {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Conflict, format!("the issue is {}", issue.status))),
    }
}

fn save(connection: &mut Db, mut issue: Issue) -> QueryResult<Issue> {
    issue.version += 1;
    issue.updated_at = now();
    diesel::update(newsletter_issues::table.find(&issue.id)).set(&issue).execute(connection)?;
    Ok(issue)
}

/// The states in which an issue can be changed.
const OPEN: [IssueStatus; 3] = [IssueStatus::Draft, IssueStatus::Scheduled, IssueStatus::Failed];

/// Changes an issue that is not being sent yet.
///
/// # Errors
/// 404, 409 or 412 if the issue does not exist, is being sent, or was changed since.
pub fn update(
    connection: &mut Db,
    id: &str,
    version: &ExpectedVersions,
    change: IssueChange,
) -> Result<Issue, Problem> {
    let mut issue = load_expected(connection, id, version)?;
    require(&issue, &OPEN)?;
    change.apply(&mut issue);
    Ok(save(connection, issue)?)
}

/// Deletes an issue of which no mail was sent, with its deliveries.
///
/// # Errors
/// 404, 409 or 412 if the issue does not exist, was sent, or was changed since.
pub fn delete(connection: &mut Db, id: &str, version: &ExpectedVersions) -> Result<(), Problem> {
    let issue = load_expected(connection, id, version)?;
    require(&issue, &OPEN)?;
    diesel::delete(newsletter_deliveries::table.filter(newsletter_deliveries::issue_id.eq(id))).execute(connection)?;
    diesel::delete(newsletter_renderings::table.filter(newsletter_renderings::issue_id.eq(id))).execute(connection)?;
    diesel::delete(newsletter_issues::table.find(id)).execute(connection)?;
    Ok(())
}

/// A step in the course of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueStep {
    /// Send it at this time (µs since 1970).
    Send(i64),
    /// Make a draft of it again.
    Unschedule,
    /// Stop it; it can go on.
    Pause,
    /// Go on.
    Resume,
    /// Stop it for good.
    Cancel,
}

/// Takes a step.
///
/// # Errors
/// 404 or 412 if the issue does not exist or was changed since, 409 if its state does not allow the step.
pub fn step(connection: &mut Db, id: &str, version: &ExpectedVersions, step: IssueStep) -> Result<Issue, Problem> {
    let mut issue = load_expected(connection, id, version)?;
    let (from, to): (&[IssueStatus], IssueStatus) = match step {
        IssueStep::Send(_) => (&OPEN, IssueStatus::Scheduled),
        IssueStep::Unschedule => (&[IssueStatus::Scheduled], IssueStatus::Draft),
        IssueStep::Pause => (&[IssueStatus::Sending], IssueStatus::Paused),
        IssueStep::Resume => (&[IssueStatus::Paused], IssueStatus::Sending),
        IssueStep::Cancel => {
            (&[IssueStatus::Scheduled, IssueStatus::Sending, IssueStatus::Paused], IssueStatus::Cancelled)
        }
    };
    require(&issue, from)?;
    match step {
        IssueStep::Send(at) => {
            if issue.editions().is_empty() {
                return Err(Problem::new(ProblemKind::Conflict, "the issue has no edition"));
            }
            issue.send_at = at;
            issue.failure = String::new();
        }
        IssueStep::Unschedule => issue.send_at = 0,
        IssueStep::Pause => log::hold(connection, id, true)?,
        IssueStep::Resume => log::hold(connection, id, false)?,
        IssueStep::Cancel => {
            log::drop_group(connection, id)?;
            issue.ended_at = now();
        }
    }
    to.name().clone_into(&mut issue.status);
    Ok(save(connection, issue)?)
}

/// Numbers of the mails of an issue by their outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IssueCounts {
    /// Mails that wait or are held.
    pub waiting: i64,
    /// Mails that the mail server took.
    pub sent: i64,
    /// Mails that were refused or given up.
    pub failed: i64,
    /// Mails to subscribers who left before they were sent.
    pub dropped: i64,
    /// Mails that came back.
    pub bounced: i64,
}

impl IssueCounts {
    /// Adds mails in a state.
    fn add(&mut self, status: &str, number: i64) {
        let count = match status {
            _ if status == MailStatus::Sent.name() => &mut self.sent,
            _ if status == MailStatus::Failed.name() => &mut self.failed,
            _ if status == MailStatus::Dropped.name() => &mut self.dropped,
            _ if status == MailStatus::Bounced.name() => &mut self.bounced,
            _ => &mut self.waiting,
        };
        *count += number;
    }
}

/// Counts the mails of issues, by the ids of the issues.
///
/// # Errors
/// Fails if the query fails.
pub fn counts(connection: &mut Db, ids: &[&str]) -> QueryResult<HashMap<String, IssueCounts>> {
    let mut counts: HashMap<String, IssueCounts> = HashMap::new();
    for (id, status, number) in log::counts(connection, ids)? {
        counts.entry(id).or_default().add(&status, number);
    }
    Ok(counts)
}
