//! Metrics in the text format of Prometheus.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use actix_web::http::StatusCode;
use prometheus::{Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, TextEncoder};

use super::route::Answer;
use crate::database::metrics::register;
use crate::jobs::Jobs;
use crate::problem::Problem;

/// The media type of the text format.
pub const TEXT: &str = "text/plain; version=0.0.4";

/// Seconds from a request's head to its answer, by operation and class of status.
static REQUEST_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    let opts = HistogramOpts::new("plenary_http_request_seconds", "Seconds from a request's head to its answer.")
        .buckets(prometheus::exponential_buckets(0.0001, 2.5, 13).unwrap_or_default());
    register(HistogramVec::new(opts, &["operation", "status"]))
});

/// How often each job was started again after a panic.
static JOB_RESTARTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let opts = Opts::new("plenary_job_restarts_total", "How often a background job was started again after a panic.");
    register(IntCounterVec::new(opts, &["job"]))
});

/// Which jobs do not do their work.
static JOB_FAILING: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let opts = Opts::new("plenary_job_failing", "1 while a background job does not do its work, else 0.");
    register(IntGaugeVec::new(opts, &["job"]))
});

/// The classes of status that are told apart.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The times of one operation, by class; looked up by name once.
#[derive(Default)]
pub struct Times([OnceLock<Histogram>; CLASSES.len()]);

impl Times {
    /// Notes how long a request of this operation took.
    pub fn observe(&self, operation: &str, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        let times = self.0[class].get_or_init(|| REQUEST_SECONDS.with_label_values(&[operation, CLASSES[class]]));
        times.observe(took.as_secs_f64());
    }
}

/// All metrics, those of these jobs as they are now.
pub fn exposition(jobs: &Jobs) -> Result<Answer, Problem> {
    for status in jobs.status() {
        let restarts = JOB_RESTARTS.with_label_values(&[status.job]);
        restarts.reset();
        restarts.inc_by(status.restarts);
        JOB_FAILING.with_label_values(&[status.job]).set(i64::from(status.failure.is_some()));
    }
    let mut body = Vec::new();
    TextEncoder::new().encode(&prometheus::gather(), &mut body).map_err(|error| Problem::internal(&error))?;
    Ok(Answer::json(200, body).typed(TEXT).private())
}
