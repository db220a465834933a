//! The change feed: a background job that reads the journal for the listeners of the live stream.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::App;
use crate::jobs::BackgroundJob;

/// Interval at which the journal is polled while there are listeners.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Interval of keep-alive comments, in polls: proxies close silent connections.
const KEEP_ALIVE_POLLS: u32 = 75;

/// Follows the journal while there are listeners, until the application ends.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let (mut position, mut silent_polls) = (None, 0);
    let mut more = false;
    loop {
        if !more {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        more = false;
        let Some(app) = app.upgrade() else { return };
        if app.change_stream.listeners() == 0 {
            position = None;
            job.succeed();
            continue;
        }
        silent_polls += 1;
        if silent_polls >= KEEP_ALIVE_POLLS {
            silent_polls = 0;
            app.change_stream.keep_alive();
        }
        job.begin();
        match app.change_stream.broadcast(position).await {
            Ok((next, is_more)) => {
                (position, more) = (next, is_more);
                job.succeed();
            }
            Err(problem) => {
                tracing::warn!(detail = problem.detail, "reading the journal for listeners failed");
                job.fail("live changes cannot be delivered");
            }
        }
    }
}

/// Disconnects all listeners when the process is asked to end, so that it need not wait for them.
pub async fn disconnect_on_shutdown(app: Weak<App>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    if let Some(app) = app.upgrade() {
        app.change_stream.end();
    }
}
