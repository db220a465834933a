//! How a session on Postgres is set up.

use std::time::Duration;

use super::connection::SessionPurpose;

/// Seconds in which a connection is made, or not.
const CONNECT_SECONDS: u64 = 5;
/// Where nothing bounds a session's statements (an import from the command line), one that is silent within a
/// transaction is ended after this: it has the lock that all writers wait for.
const SILENCE: Duration = Duration::from_secs(60);

/// Settings under which statements run. Statements stay prepared, and so do their plans: to plan a page anew takes
/// longer than to read it, and one made while a table was small would go on reading all of it. There is an index
/// for every query, so none has to. Likewise joins: what is joined is few rows, each to one that is found by its
/// key, however many the planner fears; to start a process for them takes longer than to read them. And an index
/// that has the order of a page is walked, not collected from. All this is what fresh tables need, of which the
/// planner has no statistics: with them it mostly comes to the same by itself. (What is switched off only counts as
/// very dear, and what is dear is compiled to machine code first, which takes a tenth of a second.)
const PLANNER: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan; \
     SET jit = off; ";

/// A commit is on disk before it returns, whatever the server's own setting is. A stronger one is kept: with
/// `remote_apply` the operator wants standbys to show what was acknowledged.
const DURABILITY: &str = "SELECT set_config('synchronous_commit', \
     CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false); ";

/// The address with bounds of time for the connection itself, where it has none: to a host that is gone without a
/// word, TCP would wait for many minutes, and libpq for ever. What the operator wrote into the address stays.
pub fn bounded(url: &str, patience: Option<Duration>) -> String {
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

/// The statements that set a session up.
pub fn settings(purpose: SessionPurpose) -> String {
    format!("SET client_min_messages = warning; SET TIME ZONE 'UTC'; {DURABILITY}{PLANNER}{}", bounds(purpose))
}

/// Bounds that the server keeps: on statements, so that none runs for longer than anybody waits for it; on locks,
/// so that the writer finds out that it waits; and on silence within a transaction, so that a node that froze or
/// was cut off does not keep the lock that all writers wait for.
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
    // Who asked has given up when the server cancels a statement, and was told that the database is slow.
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
        let of = |url: &str| bounded(url, Some(Duration::from_secs(10)));
        assert_eq!(
            of("postgres://a@h/d"),
            "postgres://a@h/d?connect_timeout=5&tcp_user_timeout=10000&keepalives_idle=3&keepalives_interval=3\
             &keepalives_count=2"
        );
        let own = of("postgres://a@h1,h2/d?connect_timeout=60&tcp_user_timeout=1");
        assert!(own.starts_with("postgres://a@h1,h2/d?connect_timeout=60&tcp_user_timeout=1&keepalives_idle=3"));
    }
}
