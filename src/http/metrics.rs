//! Metrics in the text format of Prometheus.

use std::sync::LazyLock;

use prometheus::{Encoder, HistogramOpts, HistogramVec, TextEncoder};

use super::route::Answer;
use crate::database::metrics::register;
use crate::problem::Problem;

/// The media type of the text format.
pub const TEXT: &str = "text/plain; version=0.0.4";

/// Seconds from a request's head to its answer, by operation and class of status.
pub static REQUEST_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    let opts = HistogramOpts::new("plenary_http_request_seconds", "Seconds from a request's head to its answer.")
        .buckets(prometheus::exponential_buckets(0.0001, 2.5, 13).unwrap_or_default());
    register(HistogramVec::new(opts, &["operation", "status"]))
});

/// All metrics.
pub fn exposition() -> Result<Answer, Problem> {
    let mut body = Vec::new();
    TextEncoder::new().encode(&prometheus::gather(), &mut body).map_err(|error| Problem::internal(&error))?;
    Ok(Answer::json(200, body).typed(TEXT).private())
}
