//! The settings of Postgres sessions.

use std::time::Duration;

use super::connection::SessionPurpose;

/// Longest time for opening a connection, in seconds.
const CONNECT_SECONDS: u64 = 5;
/// Longest idle time within a transaction for sessions without a bound on their statements, such as an import
/// from the command line: such a session may hold the write lock, for which all writers wait.
const SILENCE: Duration = Duration::from_secs(60);

/// Settings of the query planner, chosen for tables without statistics (docs/decisions/0012).
///
/// * `plan_cache_mode = force_generic_plan`: statements stay prepared with their plans, since planning a page
///   takes longer than reading it.
/// * `enable_seqscan = off`: a plan that was made while a table was nearly empty would otherwise scan the whole
///   table for as long as the statement stays prepared. Every query has an index.
/// * `enable_hashjoin`, `enable_mergejoin`, `max_parallel_workers_per_gather`: joins are of few rows, each to a row
///   that is found by its key, whatever the planner estimates. Starting a process takes longer than reading them.
/// * `enable_bitmapscan = off`: an index in the order of a page must be walked, so that the page ends early.
/// * `jit = off`: a disabled plan node counts as very expensive, and expensive plans would be compiled to machine
///   code first, which takes about 100 ms.
const PLANNER: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan; \
     SET jit = off; ";

/// Makes a commit durable before it returns, whatever the server's own setting is. The stronger `remote_apply`,
/// by which the operator requires that standbys show acknowledged writes, is kept.
const DURABILITY: &str = "SELECT set_config('synchronous_commit', \
     CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false); ";

/// Returns the URL with timeouts of the connection added where it has none. Without them, TCP would wait many
/// minutes, and libpq without end, for a host that disappeared without closing its connections. Parameters that
/// the operator has set are kept.
pub fn with_timeouts(url: &str, patience: Option<Duration>) -> String {
    let silence = patience.unwrap_or(SILENCE);
    let probes = (silence.as_secs() / 3).max(1);
    let settings = [
        ("connect_timeout", CONNECT_SECONDS),
        ("tcp_user_timeout", silence.as_millis() as u64),
        ("keepalives_idle", probes),
        ("keepalives_interval", probes),
        ("keepalives_count", 2),
    ];
    let mut bounded = url.to_owned();
    for (name, value) in settings {
        if !url.contains(&format!("{name}=")) {
            let between = if bounded.contains('?') { '&' } else { '?' };
            bounded.push_str(&format!("{between}{name}={value}"));
        }
    }
    bounded
}

/// Returns the statements that configure a session.
pub fn settings(purpose: SessionPurpose) -> String {
    format!("SET client_min_messages = warning; SET TIME ZONE 'UTC'; {DURABILITY}{PLANNER}{}", bounds(purpose))
}

/// Returns the timeouts that the server enforces: on statements, so that none runs longer than its caller waits; on
/// locks, so that the writer learns that it is blocked; and on idle transactions, so that a node that froze or lost
/// its network does not keep the write lock.
fn bounds(purpose: SessionPurpose) -> String {
    let (name, patience) = match purpose {
        SessionPurpose::Read(patience) => ("plenary read", patience),
        SessionPurpose::Write(patience) => ("plenary write", patience),
        SessionPurpose::Upkeep => {
            let silence = SILENCE.as_millis();
            return format!(
                "SET application_name = 'plenary upkeep'; SET idle_in_transaction_session_timeout = {silence}"
            );
        }
    };
    let silence = patience.unwrap_or(SILENCE).as_millis();
    // The server cancels a statement one second after its caller has given up, so that the caller reports that the
    // database is slow and not that a statement failed. The writer waits for locks half as long as callers wait,
    // so that it can try twice.
    let statement = patience.map_or(0, |patience| patience.as_millis() + 1_000);
    let lock = patience.map_or(0, |patience| patience.as_millis() / 2);
    format!(
        "SET application_name = '{name}'; SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {silence}; SET tcp_user_timeout = {silence}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_wrote_stays() {
        let of = |url: &str| with_timeouts(url, Some(Duration::from_secs(10)));
        assert_eq!(
            of("postgres://a@h/d"),
            "postgres://a@h/d?connect_timeout=5&tcp_user_timeout=10000&keepalives_idle=3&keepalives_interval=3\
             &keepalives_count=2"
        );
        let own = of("postgres://a@h1,h2/d?connect_timeout=60&tcp_user_timeout=1");
        assert!(own.starts_with("postgres://a@h1,h2/d?connect_timeout=60&tcp_user_timeout=1&keepalives_idle=3"));
    }
}
