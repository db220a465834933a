//! The course of an issue that is being sent. In each transaction, a part of the segment is looked at, and each subscriber of
//! it gets a row and a mail; the place that was reached is stored with them. So each address has one mail, however often a
//! node dies.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Text;
use serde_json::json;

use super::issues::{Issue, IssueStatus};
use super::rendering::{RenderedEdition, RenderingContext, render};
use super::subscribers::Subscriber;
use crate::config::MailConfig;
use crate::content::Site;
use crate::database::insert::{insert_rows, stored_row};
use crate::database::mail_schema::{newsletter_deliveries, newsletter_issues, newsletter_renderings};
use crate::database::{Db, now};
use crate::mail::log;
use crate::mail::outbox::{MailKind, MailRow, enqueue_all};
use crate::problem::Problem;

/// Number of subscribers that are looked at in one transaction.
const BATCH: i64 = 200;

struct Delivery<'a> {
    issue_id: &'a str,
    subscriber_id: &'a str,
    mail_id: &'a str,
}

stored_row!(Delivery<'_>, newsletter_deliveries, {
    issue_id: Text,
    subscriber_id: Text,
    mail_id: Text,
});

/// Returns the id of an issue with something to do: one whose moment has come, or that is being sent.
///
/// # Errors
/// Fails if the query fails.
pub fn due_issue(connection: &mut Db) -> QueryResult<Option<String>> {
    let of = |status: IssueStatus| {
        let issues = newsletter_issues::table.filter(newsletter_issues::status.eq(status.name()));
        issues.order(newsletter_issues::send_at).select(newsletter_issues::id)
    };
    let scheduled = of(IssueStatus::Scheduled).filter(newsletter_issues::send_at.le(now()));
    let sending = of(IssueStatus::Sending);
    if let Some(id) = scheduled.first::<String>(connection).optional()? {
        return Ok(Some(id));
    }
    let sending = sending.select((newsletter_issues::id, newsletter_issues::is_addressed));
    for (id, is_addressed) in sending.load::<(String, bool)>(connection)? {
        if !is_addressed || !log::has_waiting(connection, &id)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Takes the next step with an issue, if there is one: begins it, addresses a further part, or ends it.
///
/// # Errors
/// Fails if a statement fails.
pub fn advance(
    connection: &mut Db,
    config: &MailConfig,
    context: &RenderingContext<'_>,
    id: &str,
) -> Result<(), Problem> {
    let found = newsletter_issues::table.find(id).select(Issue::as_select()).first(connection).optional()?;
    // Another node may have been faster, or an editor may have stopped it.
    let Some(mut issue): Option<Issue> = found else { return Ok(()) };
    if issue.status == IssueStatus::Scheduled.name() && issue.send_at <= now() {
        begin(connection, context, &mut issue)?;
    } else if issue.status == IssueStatus::Sending.name() && !issue.is_addressed {
        address(connection, config, context.list.site, &mut issue)?;
    } else if issue.status == IssueStatus::Sending.name() && !log::has_waiting(connection, id)? {
        IssueStatus::Sent.name().clone_into(&mut issue.status);
        issue.ended_at = now();
    } else {
        return Ok(());
    }
    diesel::update(newsletter_issues::table.find(id)).set(&issue).execute(connection)?;
    Ok(())
}

/// Renders the editions, so that every subscriber gets the same, whatever changes meanwhile. An issue that cannot be
/// rendered fails, and is sent again when its editor has corrected it.
fn begin(connection: &mut Db, context: &RenderingContext<'_>, issue: &mut Issue) -> Result<(), Problem> {
    let editions = issue.editions();
    let rendered: Result<Vec<RenderedEdition>, Problem> =
        editions.iter().map(|edition| render(connection, context, edition)).collect();
    issue.version += 1;
    match rendered {
        Err(problem) if problem.kind.status() >= 500 => Err(problem),
        Err(problem) => {
            IssueStatus::Failed.name().clone_into(&mut issue.status);
            issue.failure = problem.detail;
            Ok(())
        }
        Ok(rendered) => {
            let own = newsletter_renderings::table.filter(newsletter_renderings::issue_id.eq(&issue.id));
            diesel::delete(own).execute(connection)?;
            for edition in rendered {
                let row = (
                    newsletter_renderings::issue_id.eq(&issue.id),
                    newsletter_renderings::locale.eq(edition.locale),
                    newsletter_renderings::subject.eq(edition.subject),
                    newsletter_renderings::html.eq(edition.html),
                    newsletter_renderings::text.eq(edition.text),
                );
                diesel::insert_into(newsletter_renderings::table).values(row).execute(connection)?;
            }
            IssueStatus::Sending.name().clone_into(&mut issue.status);
            Ok(())
        }
    }
}

/// Addresses the issue to the next part of its segment. A language without an edition gets that of the nearest one by the
/// fallbacks of the site, otherwise the first one.
fn address(connection: &mut Db, config: &MailConfig, site: &Site, issue: &mut Issue) -> QueryResult<()> {
    let locales: Vec<String> = issue.editions().into_iter().map(|edition| edition.locale).collect();
    let (subscribers, last) = issue.segment().next_page(connection, &issue.position, BATCH)?;
    let mail = |subscriber: &Subscriber| {
        let chain = site.fallback_chain(&subscriber.locale);
        let nearest = chain.iter().find_map(|tag| locales.iter().find(|locale| locale == tag));
        let locale = nearest.or(locales.first());
        let locale = locale.map(String::as_str).unwrap_or_default();
        let data = json!({"subscriber": subscriber.id});
        MailRow::new(config, MailKind::NewsletterIssue, &subscriber.email, locale, &data).in_group(&issue.id)
    };
    let mails: Vec<MailRow> = subscribers.iter().map(mail).collect();
    let pairs = subscribers.iter().zip(&mails);
    let rows: Vec<Delivery<'_>> = pairs
        .map(|(subscriber, mail)| Delivery { issue_id: &issue.id, subscriber_id: &subscriber.id, mail_id: &mail.id })
        .collect();
    insert_rows(connection, &rows)?;
    enqueue_all(connection, &mails)?;
    issue.addressed += mails.len() as i64;
    match last {
        Some(last) => issue.position = last,
        None => issue.is_addressed = true,
    }
    Ok(())
}

/// Returns the edition of an issue as it was when it was sent.
///
/// # Errors
/// Fails if the query fails.
pub fn rendering(connection: &mut Db, issue_id: &str, locale: &str) -> QueryResult<Option<RenderedEdition>> {
    let columns = (newsletter_renderings::subject, newsletter_renderings::html, newsletter_renderings::text);
    let found: Option<(String, String, String)> =
        newsletter_renderings::table.find((issue_id, locale)).select(columns).first(connection).optional()?;
    Ok(found.map(|(subject, html, text)| RenderedEdition { locale: locale.to_owned(), subject, html, text }))
}
