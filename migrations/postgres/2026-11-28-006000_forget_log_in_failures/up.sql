-- Failed log-ins are forgotten after a day: those that are old are found without looking at all.
CREATE INDEX login_failures_last ON login_failures (last_at);
