//! Whether a file says what its source is. Over HTTP a file may come without a name, and two that do not name themselves
//! would be one source.

use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;

use crate::transfer::import_file::{Bytes, FileReader, ImportFile};
use crate::transfer::read::{ImportFormat, Settings};
use crate::transfer::record::ImportEntry;

/// Name of a file without a name, which no file gives itself.
const UNNAMED: &str = "\u{1}unnamed";

/// The beginning of a file.
#[derive(Clone)]
struct FileHead(Arc<[u8]>);

impl AsRef<[u8]> for FileHead {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl ImportFile for FileHead {
    fn path(&self) -> PathBuf {
        PathBuf::new()
    }

    fn open(&self) -> io::Result<(Box<dyn Bytes>, u64)> {
        Ok((Box::new(Cursor::new(self.clone())), self.0.len() as u64))
    }
}

/// Returns whether a file names the source of its records, by its beginning. Of a file in which nothing is recognised
/// nothing would be imported, so it need not.
///
/// # Errors
/// Fails if no thread can be started.
pub async fn names_itself(format: ImportFormat, beginning: Vec<u8>, settings: Settings) -> io::Result<bool> {
    let settings = Settings { file: UNNAMED.to_owned(), name: String::new(), ..settings };
    let file = Arc::new(FileHead(beginning.into()));
    let reading = FileReader { file, format, settings, progress: ProgressBar::hidden() }.read()?;
    while let Some(entries) = reading.next_entries(1).await {
        let is_unnamed =
            |entry: &ImportEntry| matches!(entry, ImportEntry::Record(record) if record.origin.contains(UNNAMED));
        if entries.iter().any(is_unnamed) {
            return Ok(false);
        }
    }
    Ok(true)
}
