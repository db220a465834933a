//! The file of an import, which can be read more than once, and the thread that reads it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use indicatif::ProgressBar;

use crate::transfer::read::{self, ImportFormat, Settings, Sink};
use crate::transfer::record::ImportEntry;

/// Number of entries that a reader may be ahead of the database; it bounds the memory of an import.
const AHEAD: usize = 256;

/// Bytes that can be read from any position.
pub trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A file to import.
pub trait ImportFile: Send + Sync {
    /// Returns the path or name of the file, for messages.
    fn path(&self) -> PathBuf;

    /// Opens the file at its start, and returns it with its length in bytes.
    ///
    /// # Errors
    /// Fails if the file cannot be opened.
    fn open(&self) -> io::Result<(Box<dyn Bytes>, u64)>;

    /// Returns whether the file could not be read to its end since it was opened, although it has not changed. What
    /// was read of it then says nothing about the file.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// A file of this machine.
pub struct LocalFile(pub PathBuf);

impl ImportFile for LocalFile {
    fn path(&self) -> PathBuf {
        self.0.clone()
    }

    fn open(&self) -> io::Result<(Box<dyn Bytes>, u64)> {
        let file = File::open(&self.0)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        Ok((Box::new(file), length))
    }
}

/// A file with what its reader needs to know.
pub struct FileReader {
    /// The file.
    pub file: Arc<dyn ImportFile>,
    /// Its format.
    pub format: ImportFormat,
    /// Settings of the reader.
    pub settings: Settings,
    /// Position of the reader in the file.
    pub progress: ProgressBar,
}

impl FileReader {
    /// Starts a reader on a thread of its own.
    ///
    /// # Errors
    /// Fails if the file cannot be opened or no thread can be started.
    pub fn read(&self) -> io::Result<ReaderThread> {
        let (bytes, length) = self.file.open()?;
        self.progress.set_length(length);
        self.progress.set_position(0);
        let input = BufReader::with_capacity(65_536, self.progress.wrap_read(bytes));
        let (sender, entries) = flume::bounded(AHEAD);
        let (format, settings) = (self.format, self.settings.clone());
        let work = move || read::read(format, Box::new(input), &settings, &Sink::new(sender));
        let thread = std::thread::Builder::new().name("import reader".to_owned()).spawn(work)?;
        Ok(ReaderThread { entries, thread })
    }
}

/// A reader at work.
pub struct ReaderThread {
    entries: flume::Receiver<ImportEntry>,
    thread: JoinHandle<()>,
}

impl ReaderThread {
    /// Returns the next entries, at least one and at most `most`; `None` after the last one.
    pub async fn next_entries(&self, most: usize) -> Option<Vec<ImportEntry>> {
        let first = self.entries.recv_async().await.ok()?;
        Some(std::iter::once(first).chain(self.entries.try_iter().take(most - 1)).collect())
    }

    /// Returns the next entry, and waits for it; `None` after the last one.
    pub fn next_blocking(&self) -> Option<ImportEntry> {
        self.entries.recv().ok()
    }

    /// Ends the reading after its last entry. Returns whether the reader came to the end of the file, or to a fault that is
    /// one of its entries. A reader that panicked did not, although it has no more entries either.
    pub fn end(self) -> bool {
        drop(self.entries);
        self.thread.join().is_ok()
    }
}
