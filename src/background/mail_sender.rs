//! The jobs that send the mails of the outbox, each over a connection of its own. Each claims a few mails at a time, so
//! that an urgent one waits for a few others only.

use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::time::sleep;

use super::mail_content::{MailDraft, draft};
use crate::app::App;
use crate::database::{Db, new_id, now};
use crate::jobs::BackgroundJob;
use crate::mail::claims::{self, SendOutcome, SendResult};
use crate::mail::message::OutgoingMail;
use crate::mail::outbox::MailRow;
use crate::mail::relay::{Relay, RelayConnection};
use crate::metrics::counter;
use crate::problem::Problem;

/// Interval at which a node looks for mails.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Number of mails that are claimed at a time.
const BATCH: i64 = 10;
/// Time after which a connection that is not used is closed.
const IDLE: Duration = Duration::from_secs(10);
/// First delay after the server could not be reached; it doubles up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
/// Greatest delay after the server could not be reached.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Delay before an outcome that could not be stored is stored again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

static SENT: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_mails_sent_total", "Mails that the mail server took."));
static FAILED: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_mails_failed_total", "Mails that the mail server refused for good."));
static IN_DOUBT: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "plenary_mails_in_doubt_total",
        "Attempts after which it was unknown whether the mail server took the mail.",
    )
});

/// Names of the jobs, of which there is one for each connection.
pub const NAMES: [&str; 8] = ["mail", "mail-2", "mail-3", "mail-4", "mail-5", "mail-6", "mail-7", "mail-8"];

/// Sends mails until the application ends. The weak reference does not keep the application alive.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut sender = Sender::default();
    loop {
        let Some(app) = app.upgrade() else { return };
        job.begin();
        let pause = match app.mailer.relay() {
            None => Ok(IDLE),
            Some(relay) => sender.round(&app, relay, &job).await,
        };
        let pause = match pause {
            Ok(pause) => {
                // A server that cannot be reached is no failure of the node, which can do nothing about it.
                job.succeed();
                pause
            }
            Err(problem) => {
                tracing::warn!(detail = problem.detail, "mails could not be looked for");
                job.fail("mails are not sent");
                IDLE.min(MAX_PAUSE)
            }
        };
        drop(app);
        sleep(pause).await;
    }
}

/// The connection of one job.
#[derive(Default)]
struct Sender {
    connection: Option<(RelayConnection, Instant)>,
    /// Number of times that the server could not be reached since it was.
    failures: u32,
}

impl Sender {
    /// Sends a few mails, and returns how long to wait before the next round.
    async fn round(&mut self, app: &Arc<App>, relay: &Relay, job: &BackgroundJob) -> Result<Duration, Problem> {
        let here = Arc::clone(app);
        if !app.database.read(move |c| Ok::<_, Problem>(claims::is_due(c, &here.config.mail)?)).await? {
            self.close_idle();
            return Ok(POLL_INTERVAL);
        }
        let (node, here) = (new_id(), Arc::clone(app));
        let claimed_by = node.clone();
        let claim = move |c: &mut Db| Ok::<_, Problem>(claims::claim(c, &here.config.mail, &claimed_by, BATCH)?);
        let mails = app.database.write(claim).await?;
        if mails.is_empty() {
            return Ok(POLL_INTERVAL);
        }
        let mut is_given_up = false;
        for mail in &mails {
            job.begin();
            match self.attempt(app, relay, mail).await {
                Ok(Some(result)) => store(app, mail, result).await,
                Ok(None) => is_given_up = true,
                Err(reason) => return self.give_back(app, node, reason).await,
            }
        }
        if is_given_up {
            app.database.write(move |c| Ok::<_, Problem>(claims::give_up(c, &node)?)).await?;
        }
        Ok(Duration::ZERO)
    }

    /// Tries to send a mail. Returns the outcome; none if the mail is not to be sent any more. An error says why mails
    /// cannot be sent at all.
    async fn attempt(
        &mut self,
        app: &Arc<App>,
        relay: &Relay,
        mail: &MailRow,
    ) -> Result<Option<SendResult>, SendResult> {
        let result = match draft(app, mail).await {
            Ok(MailDraft::Unwanted) => return Ok(None),
            _ if mail.expires_at < now() => {
                let detail = "the mail server did not take the mail in time";
                SendResult::new(SendOutcome::Unsendable, "expired", detail)
            }
            Ok(MailDraft::Ready(message)) => self.send(relay, *message).await?,
            Ok(MailDraft::Obsolete(reason)) => SendResult::new(SendOutcome::Dropped, "dropped", reason),
            Ok(MailDraft::Broken(reason)) => SendResult::new(SendOutcome::Unsendable, "broken", &reason),
            Err(problem) => return Err(SendResult::new(SendOutcome::Deferred, "database", &problem.detail)),
        };
        Ok(Some(result))
    }

    /// Sends a message, over the present connection or a new one. An error says why there is no connection.
    async fn send(&mut self, relay: &Relay, message: OutgoingMail) -> Result<SendResult, SendResult> {
        let message = Arc::new(message);
        if let Some((connection, _)) = self.connection.take() {
            let result = self.send_over(connection, &message).await;
            // The server may have closed a connection that was idle: that says nothing about the mail.
            let is_closed = result.outcome == SendOutcome::Deferred && result.code == "connection";
            if !is_closed {
                return Ok(result);
            }
        }
        let relay = relay.clone();
        let connected = run_blocking(move || relay.connect()).await?;
        self.failures = 0;
        Ok(self.send_over(connected?, &message).await)
    }

    async fn send_over(&mut self, mut connection: RelayConnection, message: &Arc<OutgoingMail>) -> SendResult {
        let message = Arc::clone(message);
        let sent = run_blocking(move || {
            let (result, is_usable) = connection.send(&message);
            (result, is_usable.then_some(connection))
        });
        match sent.await {
            Ok((result, connection)) => {
                self.connection = connection.map(|connection| (connection, Instant::now()));
                result
            }
            // A panic within the conversation: nobody knows how far it came.
            Err(result) => SendResult { outcome: SendOutcome::InDoubt, ..result },
        }
    }

    /// Gives back the mails of a claim that were not tried, and returns how long to wait.
    async fn give_back(&mut self, app: &App, node: String, reason: SendResult) -> Result<Duration, Problem> {
        tracing::warn!(code = reason.code, detail = reason.detail, "the mail server cannot be reached");
        self.failures = self.failures.saturating_add(1);
        app.database.write(move |c| Ok::<_, Problem>(claims::release(c, &node, &reason)?)).await?;
        Ok(PAUSE.saturating_mul(1 << self.failures.min(7)).min(MAX_PAUSE))
    }

    fn close_idle(&mut self) {
        if self.connection.as_ref().is_some_and(|(_, used)| used.elapsed() > IDLE)
            && let Some((connection, _)) = self.connection.take()
        {
            actix_web::rt::spawn(run_blocking(move || connection.close()));
        }
    }
}

/// Runs a part of the conversation on a thread for blocking work.
async fn run_blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, SendResult> {
    let outcome = actix_web::web::block(run).await;
    outcome.map_err(|error| SendResult::new(SendOutcome::Deferred, "internal", &error.to_string()))
}

/// Stores an outcome. What was sent must not be sent again, so this is tried for as long as the claim may hold.
async fn store(app: &Arc<App>, mail: &MailRow, result: SendResult) {
    match result.outcome {
        SendOutcome::Taken => SENT.inc(),
        SendOutcome::Refused | SendOutcome::Unsendable => {
            tracing::warn!(mail = mail.id, kind = mail.kind, code = result.code, "a mail was refused");
            FAILED.inc();
        }
        SendOutcome::InDoubt => IN_DOUBT.inc(),
        SendOutcome::Deferred | SendOutcome::Dropped => {}
    }
    for _ in 0..app.config.mail.timeout_seconds.saturating_mul(20) {
        let (here, mail, result) = (Arc::clone(app), mail.clone(), result.clone());
        let finish = move |c: &mut Db| Ok::<_, Problem>(claims::finish(c, &here.config.mail, &mail, &result)?);
        match app.database.write(finish).await {
            Ok(_) => return,
            Err(problem) => tracing::warn!(detail = problem.detail, "the outcome of a mail could not be stored"),
        }
        sleep(STORE_PAUSE).await;
    }
}
