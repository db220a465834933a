//! Metrics of requests and background jobs, and the exposition of all metrics in the text format of Prometheus.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use actix_web::http::StatusCode;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, TextEncoder};

use super::response::Response;
use crate::jobs::Jobs;
use crate::metrics::register;
use crate::problem::Problem;

/// Media type of the Prometheus text format.
pub const TEXT: &str = "text/plain; version=0.0.4";

/// Time from the head of a request to its response, in seconds, by operation and status class.
static REQUEST_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    let opts = HistogramOpts::new("plenary_http_request_seconds", "Time from request head to response, in seconds.")
        .buckets(prometheus::exponential_buckets(0.0001, 2.5, 13).unwrap_or_default());
    register(HistogramVec::new(opts, &["operation", "status"]))
});

/// Values of the label `status`.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The histograms of one operation, by status class. Each is looked up by its labels once, since the lookup
/// takes a lock.
#[derive(Default)]
pub struct DurationHistograms([OnceLock<Histogram>; CLASSES.len()]);

impl DurationHistograms {
    /// Records the duration of a request of this operation.
    pub fn observe(&self, operation: &str, status: StatusCode, duration: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        let histogram = self.0[class].get_or_init(|| REQUEST_SECONDS.with_label_values(&[operation, CLASSES[class]]));
        histogram.observe(duration.as_secs_f64());
    }
}

/// Returns all metrics, those of `jobs` in their current state.
///
/// # Errors
/// 500 if the metrics cannot be encoded.
pub fn exposition(jobs: &Jobs) -> Result<Response, Problem> {
    let mut families = prometheus::gather();
    families.extend(job_metrics(jobs).map_err(|error| Problem::internal(&error))?);
    let mut body = Vec::new();
    TextEncoder::new().encode(&families, &mut body).map_err(|error| Problem::internal(&error))?;
    Ok(Response::json_text(200, body).with_content_type(TEXT).no_store())
}

/// Returns the metrics of background jobs. The jobs count their restarts themselves, so these metrics are made
/// anew for each scrape and are not part of the registry, where concurrent scrapes would add the same restarts
/// twice.
fn job_metrics(jobs: &Jobs) -> prometheus::Result<Vec<MetricFamily>> {
    let opts = Opts::new("plenary_job_restarts_total", "Number of restarts of a background job after a panic.");
    let restarts = IntCounterVec::new(opts, &["job"])?;
    let opts = Opts::new("plenary_job_failing", "1 while a background job fails or hangs, otherwise 0.");
    let failing = IntGaugeVec::new(opts, &["job"])?;
    for status in jobs.status() {
        restarts.with_label_values(&[status.job]).inc_by(status.restarts);
        failing.with_label_values(&[status.job]).set(i64::from(status.failure.is_some()));
    }
    Ok(restarts.collect().into_iter().chain(failing.collect()).collect())
}
