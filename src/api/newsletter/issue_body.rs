//! Issues of the newsletter as the API returns them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::content::local_time::utc_text;
use crate::database::Db;
use crate::newsletter::blocks::Edition;
use crate::newsletter::issues::{self, Issue, IssueCounts};
use crate::newsletter::segment::Segment;
use crate::problem::Problem;

/// A block of an edition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewsletterBlock)]
pub struct BlockBody {
    /// `text`, `events` or `item`.
    #[serde(rename = "type")]
    #[schema(example = "events")]
    pub kind: String,
    /// Heading.
    #[schema(required = true)]
    pub heading: Option<String>,
    /// Text in Markdown.
    #[schema(required = true)]
    pub text: Option<String>,
    /// Query of events.
    #[schema(required = true)]
    pub query: Option<String>,
    /// Greatest number of events.
    #[schema(required = true, minimum = 1)]
    pub limit: Option<i64>,
    /// Collection of the item.
    #[schema(required = true)]
    pub collection: Option<String>,
    /// Id or slug of the item.
    #[schema(required = true)]
    pub item: Option<String>,
}

/// An issue in one language.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewsletterEdition)]
pub struct EditionBody {
    /// Language.
    #[schema(example = "en")]
    pub locale: String,
    /// Subject.
    pub subject: String,
    /// Preview text, which mail programs show beside the subject.
    #[schema(required = true)]
    pub preview_text: Option<String>,
    /// Blocks, in their order.
    pub blocks: Vec<BlockBody>,
}

/// The subscribers to whom an issue goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewsletterSegment)]
pub struct SegmentBody {
    /// Languages; an empty list stands for all.
    pub locales: Vec<String>,
    /// Ids of topics; an empty list stands for all.
    pub topics: Vec<String>,
}

/// Numbers of the mails of an issue by their outcome.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewsletterCounts)]
pub struct CountsBody {
    /// Subscribers to whom the issue was addressed so far.
    #[schema(minimum = 0)]
    pub addressed: i64,
    /// Mails that wait.
    #[schema(minimum = 0)]
    pub waiting: i64,
    /// Mails that the mail server took.
    #[schema(minimum = 0)]
    pub sent: i64,
    /// Mails that were refused or given up.
    #[schema(minimum = 0)]
    pub failed: i64,
    /// Mails to subscribers who left before they were sent.
    #[schema(minimum = 0)]
    pub dropped: i64,
    /// Mails that came back.
    #[schema(minimum = 0)]
    pub bounced: i64,
}

/// An issue of the newsletter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewsletterIssue)]
pub struct IssueBody {
    /// Id of the issue.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name of the issue, for editors.
    pub name: String,
    /// `draft`, `scheduled`, `sending`, `paused`, `sent`, `cancelled` or `failed` (it could not be rendered at its moment).
    #[schema(example = "draft")]
    pub status: String,
    /// Editions, one for each language.
    pub editions: Vec<EditionBody>,
    /// Subscribers to whom the issue goes.
    pub segment: SegmentBody,
    /// Time at which it is sent; null if none is set.
    #[schema(required = true, format = "date-time")]
    pub send_at: Option<String>,
    /// Numbers of the mails by their outcome.
    pub counts: CountsBody,
    /// Why it could not be sent; null if it could.
    #[schema(required = true)]
    pub failure: Option<String>,
    /// Version of the issue; grows by one with each step.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Time of creation.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the last change.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// Time at which the last mail ended; null before.
    #[schema(required = true, format = "date-time")]
    pub ended_at: Option<String>,
}

/// A list of issues.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewsletterIssueList {
    /// Issues, newest first.
    pub data: Vec<IssueBody>,
}

/// Returns an issue with what became of its mails.
///
/// # Errors
/// Fails if the query fails.
pub fn load_body(connection: &mut Db, issue: Issue) -> Result<IssueBody, Problem> {
    let counts = issues::counts(connection, &[&issue.id])?.remove(&issue.id).unwrap_or_default();
    Ok(body(issue, counts))
}

/// Returns issues with what became of their mails.
///
/// # Errors
/// Fails if the query fails.
pub fn load_bodies(connection: &mut Db, issues: Vec<Issue>) -> Result<Vec<IssueBody>, Problem> {
    let ids: Vec<&str> = issues.iter().map(|issue| issue.id.as_str()).collect();
    let mut counts = issues::counts(connection, &ids)?;
    let shown = issues.into_iter().map(|issue| {
        let own = counts.remove(&issue.id).unwrap_or_default();
        body(issue, own)
    });
    Ok(shown.collect())
}

fn body(issue: Issue, counts: IssueCounts) -> IssueBody {
    let time = |at: i64| (at > 0).then(|| utc_text(at));
    let IssueCounts { waiting, sent, failed, dropped, bounced } = counts;
    let edition = |edition: Edition| EditionBody {
        blocks: edition
            .blocks
            .into_iter()
            .map(|block| BlockBody {
                kind: block.kind,
                heading: block.heading,
                text: block.text,
                query: block.query,
                limit: block.limit,
                collection: block.collection,
                item: block.item,
            })
            .collect(),
        locale: edition.locale,
        subject: edition.subject,
        preview_text: edition.preview_text,
    };
    let Segment { locales, topics } = issue.segment();
    IssueBody {
        editions: issue.editions().into_iter().map(edition).collect(),
        segment: SegmentBody { locales, topics },
        send_at: time(issue.send_at),
        counts: CountsBody { addressed: issue.addressed, waiting, sent, failed, dropped, bounced },
        failure: Some(issue.failure).filter(|failure| !failure.is_empty()),
        version: issue.version,
        created_at: utc_text(issue.created_at),
        updated_at: utc_text(issue.updated_at),
        ended_at: time(issue.ended_at),
        id: issue.id,
        name: issue.name,
        status: issue.status,
    }
}
