//! The job that addresses issues of the newsletter when their moment has come.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::App;
use crate::database::Db;
use crate::jobs::BackgroundJob;
use crate::newsletter::addressing;
use crate::problem::Problem;

/// Interval at which a node looks for issues.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Addresses issues until the application ends. The weak reference does not keep the application alive.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        job.begin();
        let pause = match round(&app).await {
            Ok(true) => {
                job.succeed();
                Duration::ZERO
            }
            Ok(false) => {
                job.succeed();
                POLL_INTERVAL
            }
            Err(problem) => {
                tracing::warn!(detail = problem.detail, "issues of the newsletter could not be addressed");
                job.fail("issues of the newsletter are not sent");
                10 * POLL_INTERVAL
            }
        };
        drop(app);
        tokio::time::sleep(pause).await;
    }
}

/// Takes one step with an issue. Returns whether there was something to do. The look is a read, so that an idle node takes
/// nothing from the writer; the step looks again, since another node may have been faster.
async fn round(app: &Arc<App>) -> Result<bool, Problem> {
    // Without a mail server there is nothing to send.
    if !app.mailer.is_configured() {
        return Ok(false);
    }
    let Some(id) = app.database.read(|c| Ok::<_, Problem>(addressing::due_issue(c)?)).await? else { return Ok(false) };
    let here = Arc::clone(app);
    let step = move |c: &mut Db| addressing::advance(c, &here.config.mail, &here.rendering_context(), &id);
    app.database.write(step).await?;
    Ok(true)
}
