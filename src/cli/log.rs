//! The log. Lines for standard error go through a bounded queue to a thread of their own.
//!
//! Nothing in the server waits for the reader of the log or fails because of it. A blocked pipe would
//! otherwise stop every thread that logs, and a closed one would make `eprintln!` panic. A line that does not
//! fit into the queue or cannot be written is dropped and counted. See
//! `docs/decisions/0020-a-node-that-runs-on.md`.

use std::io::{ErrorKind, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::LazyLock;
use std::time::Duration;

use prometheus::IntCounter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Config;
use crate::metrics::counter;

/// Capacity of the queue, in lines.
const QUEUE_LENGTH: usize = 4_096;
/// Pause before a write to a full non-blocking standard error is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// Time for which the end of the program waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of lines that were dropped because standard error failed or was not read.
static DROPPED: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_log_lines_dropped_total", "Number of log lines that were dropped."));

/// A message to the writing thread.
enum LogEntry {
    Line(Vec<u8>),
    /// A request to signal that all earlier lines were written or dropped.
    End(flume::Sender<()>),
}

/// A handle to the running log.
#[derive(Clone)]
pub struct Log(flume::Sender<LogEntry>);

impl Log {
    /// Starts logging with the configured format and level, and logs panics from now on. Colours are used on
    /// terminals only, and not if `NO_COLOR` is set.
    pub fn start(config: &Config) -> Self {
        let log = Self::with_output(std::io::stderr());
        let filter = config.log.level.parse::<EnvFilter>().unwrap_or_default();
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(colours);
        let result = if config.log.format == "json" {
            builder.json().flatten_event(true).try_init()
        } else {
            builder.with_target(false).try_init()
        };
        // This fails only if a subscriber is installed already, as in tests.
        drop(result);
        std::panic::set_hook(Box::new(log_panic));
        log
    }

    /// Starts a log that writes to `out`.
    fn with_output(out: impl Write + Send + 'static) -> Self {
        LazyLock::force(&DROPPED);
        let (sender, entries) = flume::bounded(QUEUE_LENGTH);
        // If the thread cannot be started, there is no log, and the program runs on.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(out, &entries));
        Self(sender)
    }

    /// Waits until all lines logged so far are written, for at most twice [`FLUSH_TIMEOUT`].
    pub fn finish(&self) {
        let (done, wait) = flume::bounded(1);
        if self.0.send_timeout(LogEntry::End(done), FLUSH_TIMEOUT).is_ok() {
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn write_all(mut out: impl Write, entries: &flume::Receiver<LogEntry>) {
    for entry in entries {
        match entry {
            LogEntry::Line(line) if write(&mut out, &line).is_err() => DROPPED.inc(),
            LogEntry::Line(_) => {}
            LogEntry::End(done) => drop(done.send(())),
        }
    }
}

/// Writes a line, however long the reader takes. Another process may have made the pipe non-blocking, so a
/// full pipe may return `WouldBlock` instead of blocking.
fn write(out: &mut impl Write, mut line: &[u8]) -> std::io::Result<()> {
    while !line.is_empty() {
        match out.write(line) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => line = &line[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY_PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Logs a panic through the queue. The default hook would write to standard error itself, and wait for its
/// reader.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    let message = panic.payload_as_str().unwrap_or_default();
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(location, thread, %backtrace, "panic: {message}");
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// A writer that puts a line into the queue, or drops it if the queue is full. It never waits and never
/// fails.
pub struct Line<'a>(&'a flume::Sender<LogEntry>);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.0.try_send(LogEntry::Line(line.to_vec())).is_err() {
            DROPPED.inc();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A writer that accepts one byte of a line per permission, and fails once no further permission can
    /// come.
    struct SlowWriter(mpsc::Receiver<()>, mpsc::Sender<u8>);

    impl Write for SlowWriter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self.0.recv() {
                Ok(()) => self.1.send(bytes[0]).map(|()| 1).map_err(std::io::Error::other),
                Err(_) => Err(ErrorKind::BrokenPipe.into()),
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_never_waits_and_what_is_lost_is_counted() {
        let (permit, permits) = mpsc::channel();
        let (written, read) = mpsc::channel();
        let log = Log::with_output(SlowWriter(permits, written));
        let before = DROPPED.get();
        // Without a reader the queue fills, and the rest is dropped at once.
        for _ in 0..2 * QUEUE_LENGTH {
            log.make_writer().write_all(b"ab").unwrap();
        }
        let dropped = DROPPED.get() - before;
        assert!((QUEUE_LENGTH as u64 - 1..=QUEUE_LENGTH as u64).contains(&dropped), "{dropped}");
        permit.send(()).unwrap();
        permit.send(()).unwrap();
        assert_eq!([read.recv().unwrap(), read.recv().unwrap()], *b"ab");
        // The reader is gone: writing every line is attempted, fails, and is counted.
        drop(permit);
        log.finish();
        assert_eq!(DROPPED.get() - before, 2 * QUEUE_LENGTH as u64 - 1);
    }
}
