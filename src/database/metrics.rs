//! Metrics of the database.

use std::sync::LazyLock;

use prometheus::{Histogram, HistogramOpts, IntCounter};

use crate::metrics::{counter, register};

/// The number of statements sent to the database.
pub static QUERIES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_database_queries_total", "Statements sent to the database."));

/// The number of commits by the writer.
pub static COMMITS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_commits_total", "Commits by the writer, each with one or several writes.")
});

/// The number of the writer's transactions that were rolled back because a statement failed or was cancelled, or the
/// connection broke.
pub static LOST_TRANSACTIONS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_rollbacks_total", "Writer transactions that failed and were rolled back.")
});

/// The number of further attempts of writes that failed in the database.
pub static REPEATED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_retried_writes_total", "Writes retried after a failure of the database.")
});

/// The number of writes whose callers stopped waiting before the writes were started.
pub static ABANDONED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_abandoned_writes_total", "Writes that were abandoned before they were started.")
});

/// The number of writes that ended with an unknown outcome.
pub static UNKNOWN: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_unknown_writes_total", "Writes for which it is unknown whether they were committed.")
});

/// The number of statements that failed because the storage of the database is full or broken.
pub static STORAGE_FAILURES: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_database_storage_failures_total", "Statements that failed because the disk is full or broken.")
});

/// The duration of writes from their arrival until they are durable, in seconds.
pub static WRITE_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    let opts = HistogramOpts::new("plenary_database_write_seconds", "Seconds until a write was durable.");
    let histogram =
        Histogram::with_opts(opts.buckets(prometheus::exponential_buckets(0.0005, 2.0, 14).unwrap_or_default()));
    register(histogram)
});
