#!/usr/bin/env bash
# In PostgreSQL, statement_timeout and lock_timeout do not end a COMMIT that waits for a synchronous standby, although
# COMMIT is a statement that has not returned. pg_cancel_backend ends it, and COMMIT then reports success (with a warning
# that drivers such as diesel drop), although no standby has the data. Therefore a limit on such waits must be the
# client's own, and a client that reaches it must report "unknown", not "refused".
#
# The script needs postgresql (Debian 12 has 15) and creates a cluster in a temporary folder. It exits with a non-zero
# status if the behaviour changes.
set -euo pipefail
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)")
folder=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
as=()
if [ "$(id -u)" -eq 0 ]; then chown nobody "$folder"; as=(setpriv --reuid=nobody --regid=nogroup --clear-groups); fi
cleanup() { "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"; }
trap cleanup EXIT
cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/data" -U me -A trust --no-sync >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
    -o "-p $port -k '' -c listen_addresses=127.0.0.1 -c synchronous_standby_names=nobody" start >/dev/null
ask() { "$bin/psql" -h 127.0.0.1 -p "$port" -U me -d postgres -XAtq "$@"; }
ask -c 'SELECT version()'
ask -c "SET synchronous_commit = local" -c "CREATE TABLE t (a int)"
ask -c "SET application_name = 'waits'" -c "SET statement_timeout = '500ms'" -c "SET lock_timeout = '500ms'" -c BEGIN \
    -c "INSERT INTO t VALUES (1)" -c COMMIT -c "SELECT 'COMMIT returned without an error'" >"$folder/out" 2>&1 &
client=$!
sleep 3
waits=$(ask -c "SELECT wait_event FROM pg_stat_activity WHERE application_name = 'waits'")
echo "after 3 s with statement_timeout = 500 ms the COMMIT is in: $waits"
ask -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'waits'" >/dev/null
wait "$client" || true
cat "$folder/out"
rows=$(ask -c "SELECT count(*) FROM t")
echo "rows: $rows"
[ "$waits" = SyncRep ] && [ "$rows" = 1 ] && grep -q 'COMMIT returned without an error' "$folder/out"
