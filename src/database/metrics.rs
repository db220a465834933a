//! What the database does, in numbers.

use std::sync::LazyLock;

use prometheus::{Histogram, HistogramOpts, IntCounter};

/// Statements sent to the database.
pub static QUERIES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_database_queries_total", "Statements sent to the database."));

/// Commits by the writer; one holds one or several writes.
pub static COMMITS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_commits_total", "Commits by the writer, each of one or several writes.")
});

/// Transactions of the writer that the database lost: a statement failed or was cancelled, or the connection broke.
pub static LOST_TRANSACTIONS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_lost_transactions_total", "Transactions of the writer of which nothing was kept.")
});

/// Writes that the database failed and that are attempted again.
pub static REPEATED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_repeated_writes_total", "Attempts of writes that followed a failure of the database.")
});

/// Writes that nobody waited for any more before they were begun.
pub static ABANDONED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_abandoned_writes_total", "Writes that were given up before they were begun.")
});

/// Writes of which it is not known whether they were kept.
pub static UNKNOWN: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_unknown_writes_total", "Writes of which nobody knows whether they were kept.")
});

/// Statements that failed because the storage beneath the database is full or broken.
pub static STORAGE_FAILURES: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_storage_failures_total", "Statements that failed because the disk is full or broken.")
});

/// Seconds that a write waited and worked until it was on disk.
pub static WRITE_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    let opts = HistogramOpts::new("plenary_database_write_seconds", "Seconds until a write was on disk.");
    let histogram =
        Histogram::with_opts(opts.buckets(prometheus::exponential_buckets(0.0005, 2.0, 14).unwrap_or_default()));
    register(histogram)
});

/// Registers a metric with the process' registry. Names are constants: a clash is a mistake in the
/// program that shows at its first start.
pub fn register<M: prometheus::core::Collector + Clone + 'static>(made: prometheus::Result<M>) -> M {
    let metric = made.expect("metric names and labels are constants");
    prometheus::default_registry().register(Box::new(metric.clone())).expect("each metric is registered once");
    metric
}

/// A registered counter.
pub fn counter(name: &str, help: &str) -> IntCounter {
    register(IntCounter::new(name, help))
}
