//! The log: lines for standard error go through a queue to a thread of their own. Nothing that the server does
//! waits for a reader of the log or fails with it; a line that cannot be written is dropped and counted.

use std::io::{ErrorKind, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::LazyLock;
use std::time::Duration;

use prometheus::IntCounter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Config;
use crate::database::metrics::counter;

/// Lines that wait to be written, at most.
const QUEUE: usize = 4_096;
/// How long a standard error that takes nothing for the moment is left alone.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the end of the program waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines that were not written, because standard error failed or nobody read it.
static DROPPED: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_log_lines_dropped_total", "Lines of the log that could not be written."));

/// What the thread is told.
enum Entry {
    Line(Vec<u8>),
    /// Everything before this was tried.
    End(flume::Sender<()>),
}

/// The running log.
#[derive(Clone)]
pub struct Log(flume::Sender<Entry>);

impl Log {
    /// Starts logging as configured. Colours are for terminals; `NO_COLOR` is heeded.
    pub fn start(config: &Config) -> Self {
        let log = Self::to(std::io::stderr());
        let filter = config.log.level.parse::<EnvFilter>().unwrap_or_default();
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(colours);
        let started = if config.log.format == "json" {
            builder.json().flatten_event(true).try_init()
        } else {
            builder.with_target(false).try_init()
        };
        // Fails only when logging runs already, as in tests.
        drop(started);
        std::panic::set_hook(Box::new(tell_of_panic));
        log
    }

    /// Starts the thread that writes to `out`.
    fn to(out: impl Write + Send + 'static) -> Self {
        LazyLock::force(&DROPPED);
        let (sender, entries) = flume::bounded(QUEUE);
        // Without a thread there is no log; all else goes on.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(out, &entries));
        Self(sender)
    }

    /// Waits until what was logged so far is written, for a moment at most.
    pub fn finish(&self) {
        let (done, wait) = flume::bounded(1);
        if self.0.send_timeout(Entry::End(done), PATIENCE).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }
}

fn write_all(mut out: impl Write, entries: &flume::Receiver<Entry>) {
    for entry in entries {
        match entry {
            Entry::Line(line) if write(&mut out, &line).is_err() => DROPPED.inc(),
            Entry::Line(_) => {}
            Entry::End(done) => drop(done.send(())),
        }
    }
}

/// Writes a line, however long the reader takes. A pipe that somebody else made non-blocking says that it is full.
fn write(out: &mut impl Write, mut line: &[u8]) -> std::io::Result<()> {
    while !line.is_empty() {
        match out.write(line) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => line = &line[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A panic is logged like all else: the usual hook would write to standard error, and wait for its reader.
fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    let message = panic.payload_as_str().unwrap_or_default();
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(place, thread, %backtrace, "panic: {message}");
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// Hands a line to the thread; never fails.
pub struct Line<'a>(&'a flume::Sender<Entry>);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.0.try_send(Entry::Line(line.to_vec())).is_err() {
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

    /// Takes one byte of a line for each permission, and says so when it would take nothing.
    struct Slow(mpsc::Receiver<()>, mpsc::Sender<u8>);

    impl Write for Slow {
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
        let log = Log::to(Slow(permits, written));
        let before = DROPPED.get();
        // Nobody reads: the queue fills, and the rest is dropped at once.
        for _ in 0..2 * QUEUE {
            log.make_writer().write_all(b"ab").unwrap();
        }
        let dropped = DROPPED.get() - before;
        assert!((QUEUE as u64 - 1..=QUEUE as u64).contains(&dropped), "{dropped}");
        permit.send(()).unwrap();
        permit.send(()).unwrap();
        assert_eq!([read.recv().unwrap(), read.recv().unwrap()], *b"ab");
        // Nobody will ever read: every line is tried, and counted.
        drop(permit);
        log.finish();
        assert_eq!(DROPPED.get() - before, 2 * QUEUE as u64 - 1);
    }
}
