//! The job that adds the uses of redirects which a node has counted to those in the database.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::App;
use crate::database::{DatabaseError, Db};
use crate::delivery::redirects::hits;
use crate::jobs::BackgroundJob;

/// Interval at which a node stores its counts.
const STORE_INTERVAL: Duration = Duration::from_secs(2);

/// Stores counts until the application ends. The weak reference does not keep the application alive.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    loop {
        tokio::time::sleep(STORE_INTERVAL).await;
        let Some(app) = app.upgrade() else { return };
        job.begin();
        match store(&app).await {
            Ok(()) => job.succeed(),
            Err(error) => {
                tracing::warn!(%error, "the uses of redirects could not be stored");
                job.fail("the uses of redirects are not stored");
            }
        }
    }
}

/// Adds the counts of this node to the database. They are kept for the next round if nothing was written.
///
/// # Errors
/// Fails if the database does.
pub async fn store(app: &Arc<App>) -> Result<(), DatabaseError> {
    let counts = app.redirect_hits.take();
    if counts.is_empty() {
        return Ok(());
    }
    let written = counts.clone();
    let stored = app.database.write(move |c: &mut Db| Ok::<_, DatabaseError>(hits::store(c, &written)?)).await;
    match stored {
        // They may be stored: a use too few is better than one that was none.
        Err(DatabaseError::Unknown) | Ok(()) => {}
        Err(_) => app.redirect_hits.add(counts),
    }
    stored
}
