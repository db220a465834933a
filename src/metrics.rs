//! Registration of metrics in the registry of the process.

use prometheus::IntCounter;

/// Registers a metric in the registry of the process.
///
/// # Panics
///
/// Panics if the metric is invalid or its name is taken. Names are constants, so that would be a programming error,
/// which occurs at the first start.
#[expect(clippy::expect_used, reason = "metrics are constants")]
pub fn register<M: prometheus::core::Collector + Clone + 'static>(made: prometheus::Result<M>) -> M {
    let metric = made.expect("metric names and labels are constants");
    prometheus::default_registry().register(Box::new(metric.clone())).expect("each metric is registered once");
    metric
}

/// Creates and registers a counter.
pub fn counter(name: &str, help: &str) -> IntCounter {
    register(IntCounter::new(name, help))
}
