//! Issues of the newsletter in Plenary's own export. They are no content: subscribers get them, and the website does not show
//! them. Nothing that an import brings is ever sent of itself: what was planned is a draft, and what was being sent has ended.

use serde_json::json;

use crate::content::Site;
use crate::content::violation::{Violation, Violations};
use crate::database::Db;
use crate::items::{ItemScope, ids_of, is_id};
use crate::journal::{self, Author, NewEntry};
use crate::newsletter::issue_fields::{self, NEW_ISSUE, check_items};
use crate::newsletter::issues::{self, Issue, IssueStatus};
use crate::problem::Problem;
use crate::transfer::record::ExportedIssue;
use crate::transfer::report::{NEWSLETTER_ISSUE, Outcome};
use crate::transfer::restore::check_number;

/// The states of issues in an export.
const STATES: [IssueStatus; 4] = [IssueStatus::Draft, IssueStatus::Sent, IssueStatus::Cancelled, IssueStatus::Failed];

/// Returns an issue as an export has it. One that is scheduled is a draft there, since schedules are not exported, and one of
/// which mails have left or wait is cancelled, since the others would get it twice.
pub fn to_exported(issue: Issue) -> ExportedIssue {
    let is_planned = issue.has_status(&[IssueStatus::Scheduled]);
    let is_on_its_way = issue.has_status(&[IssueStatus::Sending, IssueStatus::Paused]);
    let status = match (is_planned, is_on_its_way) {
        (true, _) => IssueStatus::Draft.name().to_owned(),
        (_, true) => IssueStatus::Cancelled.name().to_owned(),
        _ => issue.status.clone(),
    };
    ExportedIssue {
        kind: NEWSLETTER_ISSUE.to_owned(),
        status,
        editions: issue.editions(),
        segment: issue.segment(),
        send_at: if is_planned { 0 } else { issue.send_at },
        ended_at: if is_on_its_way { issue.updated_at } else { issue.ended_at },
        id: issue.id,
        name: issue.name,
        version: issue.version,
        created_at: issue.created_at,
        updated_at: issue.updated_at,
        addressed: issue.addressed,
        failure: issue.failure,
    }
}

/// Restores an issue with its state. One that exists already is left as it is. Returns notes on what its texts and its segment
/// name and is not there.
///
/// # Errors
/// 422 if the issue breaks a rule.
pub fn restore(
    connection: &mut Db,
    (site, author): (&Site, &Author),
    exported: &ExportedIssue,
) -> Result<(Outcome, Vec<Violation>), Problem> {
    let issue = check_issue(site, exported)?;
    if let Some(present) = issues::find(connection, &issue.id)? {
        let is_same = present.name == issue.name
            && present.editions() == issue.editions()
            && present.segment() == issue.segment()
            && to_exported(present).status == issue.status;
        return Ok((if is_same { Outcome::Unchanged } else { Outcome::Kept }, Vec::new()));
    }
    let mut notes = Violations::new();
    if issue.has_status(&[IssueStatus::Draft, IssueStatus::Failed]) {
        check_items(connection, &exported.editions, &mut notes)?;
        note_topics(connection, &exported.segment.topics, &mut notes)?;
    }
    issues::insert(connection, &issue)?;
    let snapshot = json!({"name": issue.name, "status": issue.status}).to_string();
    let (id, version) = (&issue.id, issue.version);
    let entry = NewEntry { action: "import", kind: NEWSLETTER_ISSUE, id, version, snapshot, changed: &[] };
    journal::append(connection, author, entry)?;
    Ok((Outcome::Created, notes.into_vec()))
}

/// Adds a note for each topic that does not exist. It stays in the segment, which would otherwise be that of all subscribers.
fn note_topics(connection: &mut Db, topics: &[String], notes: &mut Violations) -> Result<(), Problem> {
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let found = ids_of(connection, "topic", &names, ItemScope::Present)?;
    for (position, name) in topics.iter().enumerate().filter(|(_, name)| !found.iter().any(|(known, _)| known == *name))
    {
        let message = format!("there is no topic \"{name}\"; it is kept, so that the issue goes to nobody else");
        notes.add(format!("/segment/topics/{position}"), "dangling_reference", message);
    }
    Ok(())
}

/// Returns the row of an issue, after checking it by the rules of what editors write.
fn check_issue(site: &Site, exported: &ExportedIssue) -> Result<Issue, Problem> {
    let mut faults = Violations::new();
    if !is_id(&exported.id) || exported.id != exported.id.to_ascii_lowercase() {
        faults.add("/id", "not_an_id", "an id is a UUID in lower case");
    }
    if !STATES.iter().any(|status| status.name() == exported.status) {
        let message = format!("\"{}\" is not a state of an issue in an export", exported.status);
        faults.add("/status", "not_allowed", message);
    }
    for (place, number) in [
        ("/version", exported.version),
        ("/send_at", exported.send_at),
        ("/created_at", exported.created_at),
        ("/updated_at", exported.updated_at),
        ("/ended_at", exported.ended_at),
        ("/addressed", exported.addressed),
    ] {
        check_number(place, number, &mut faults);
    }
    for (position, id) in exported.segment.topics.iter().enumerate().filter(|(_, id)| !is_id(id)) {
        faults.add(format!("/segment/topics/{position}"), "not_an_id", format!("\"{id}\" is not the id of a topic"));
    }
    let body = json!({"name": exported.name, "editions": exported.editions, "segment": exported.segment});
    let change = issue_fields::read(site, &NEW_ISSUE, &body, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let is_open = [IssueStatus::Draft, IssueStatus::Failed].iter().any(|status| status.name() == exported.status);
    let editions = serde_json::to_string(&change.editions.unwrap_or_default()).unwrap_or_default();
    let segment = serde_json::to_string(&change.segment.unwrap_or_default()).unwrap_or_default();
    Ok(Issue {
        id: exported.id.clone(),
        name: change.name.unwrap_or_default(),
        status: exported.status.clone(),
        editions,
        segment,
        send_at: exported.send_at,
        version: exported.version,
        created_at: exported.created_at,
        updated_at: exported.updated_at,
        position: String::new(),
        addressed: exported.addressed,
        is_addressed: !is_open,
        ended_at: exported.ended_at,
        failure: exported.failure.clone(),
    })
}
