//! The job that tells a provider's webhook of events of subscribers, one after the other.

use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::time::sleep;

use crate::app::App;
use crate::database::{Db, now};
use crate::jobs::BackgroundJob;
use crate::metrics::counter;
use crate::microseconds::SECOND;
use crate::newsletter::event_body::body;
use crate::newsletter::events::{self, EventStatus, SubscriberEvent};
use crate::problem::Problem;
use crate::webhook_signature::{ID, SIGNATURE, TIMESTAMP, WebhookSecret};

/// Interval at which a node looks for events.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Number of events that are claimed at a time.
const BATCH: i64 = 20;
/// First delay after the provider could not be reached; it doubles up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
/// Greatest delay after the provider could not be reached.
const MAX_PAUSE: Duration = Duration::from_secs(60);

static SENT: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_subscriber_events_sent_total", "Events of subscribers that the provider took."));
static REFUSED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_subscriber_events_refused_total", "Attempts that the provider of the newsletter did not take.")
});

/// How a provider responded.
enum WebhookReply {
    Taken(String),
    Refused(String),
    /// It did not respond, so that others need not be tried.
    Unreachable(String),
}

/// Sends events until the application ends, if a webhook is configured. The weak reference does not keep the application
/// alive.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut failures = 0_u32;
    loop {
        let Some(app) = app.upgrade() else { return };
        let Some(secret) = WebhookSecret::parse(&app.config.newsletter.webhook_secret) else { return };
        if app.config.newsletter.webhook_url.is_empty() {
            return;
        }
        job.begin();
        let pause = match round(&app, Arc::new(secret), &job).await {
            // A provider that cannot be reached is no failure of the node, which can do nothing about it.
            Ok(course) => {
                job.succeed();
                failures = if course == Round::Unreachable { failures.saturating_add(1) } else { 0 };
                match course {
                    Round::Idle => POLL_INTERVAL,
                    Round::Went => Duration::ZERO,
                    Round::Unreachable => PAUSE.saturating_mul(1 << failures.min(6)).min(MAX_PAUSE),
                }
            }
            Err(problem) => {
                tracing::warn!(detail = problem.detail, "events of subscribers could not be looked for");
                job.fail("events of subscribers are not sent");
                MAX_PAUSE / 6
            }
        };
        drop(app);
        sleep(pause).await;
    }
}

/// The course of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Idle,
    Went,
    Unreachable,
}

async fn round(app: &Arc<App>, secret: Arc<WebhookSecret>, job: &BackgroundJob) -> Result<Round, Problem> {
    if app.database.read(|c| Ok::<_, Problem>(events::due_events(c, 1)?)).await?.is_empty() {
        return Ok(Round::Idle);
    }
    let seconds = app.config.mail.timeout_seconds.saturating_mul(2 * BATCH.unsigned_abs());
    let lease = i64::try_from(Duration::from_secs(seconds).as_micros()).unwrap_or(i64::MAX / 2);
    let claimed = app.database.write(move |c| Ok::<_, Problem>(events::claim(c, BATCH, lease)?)).await?;
    for (position, event) in claimed.iter().enumerate() {
        job.begin();
        let told = event.clone();
        let body = app.database.read(move |c: &mut Db| Ok::<_, Problem>(body(c, &told)?)).await?;
        let Some(body) = body else {
            store(app, event, Some(EventStatus::Dropped), "a later event says more".to_owned()).await?;
            continue;
        };
        match post(app, &secret, &event.id, body.to_string()).await {
            WebhookReply::Taken(reply) => {
                SENT.inc();
                store(app, event, Some(EventStatus::Sent), reply).await?;
            }
            WebhookReply::Refused(reply) => {
                REFUSED.inc();
                tracing::warn!(event = event.id, reply, "the webhook refused an event of a subscriber");
                store(app, event, None, reply).await?;
            }
            WebhookReply::Unreachable(reason) => {
                REFUSED.inc();
                tracing::warn!(reason, "the webhook of the newsletter cannot be reached");
                store(app, event, None, reason).await?;
                let rest = claimed.get(position + 1..).unwrap_or_default().to_vec();
                app.database.write(move |c| Ok::<_, Problem>(events::release(c, &rest)?)).await?;
                return Ok(Round::Unreachable);
            }
        }
    }
    Ok(Round::Went)
}

async fn store(
    app: &Arc<App>,
    event: &SubscriberEvent,
    end: Option<EventStatus>,
    reply: String,
) -> Result<(), Problem> {
    let (here, event) = (Arc::clone(app), event.clone());
    let finish = move |c: &mut Db| Ok::<_, Problem>(events::finish(c, &here.config.mail, &event, end, &reply)?);
    app.database.write(finish).await
}

/// Sends a body with its signature. Redirects are not followed: the address is configured.
async fn post(app: &App, secret: &Arc<WebhookSecret>, id: &str, body: String) -> WebhookReply {
    let (url, secret, id) = (app.config.newsletter.webhook_url.clone(), Arc::clone(secret), id.to_owned());
    let timeout = Duration::from_secs(app.config.mail.timeout_seconds);
    let send = move || {
        let at = now() / SECOND;
        let signature = secret.sign(&id, at, body.as_bytes()).unwrap_or_default();
        let config = ureq::Agent::config_builder().timeout_global(Some(timeout)).max_redirects(0);
        let agent: ureq::Agent = config.http_status_as_error(false).build().into();
        let request = agent.post(&url).header("content-type", "application/json").header(ID, &id);
        request.header(TIMESTAMP, at.to_string()).header(SIGNATURE, signature).send(&body)
    };
    match actix_web::web::block(send).await {
        Ok(Ok(reply)) if reply.status().is_success() => WebhookReply::Taken(reply.status().to_string()),
        Ok(Ok(reply)) => WebhookReply::Refused(reply.status().to_string()),
        Ok(Err(error)) => WebhookReply::Unreachable(error.to_string()),
        Err(error) => WebhookReply::Unreachable(error.to_string()),
    }
}
