//! The file of an import, which is read from the database part by part.

use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::prelude::*;

use super::reception::PART_BYTES;
use crate::database::schema::import_parts;
use crate::database::{Database, DatabaseError, Db};
use crate::transfer::import_file::{Bytes, ImportFile};

/// Number of attempts to read a part, and the pause between two.
const ATTEMPTS: u32 = 15;
const PAUSE: Duration = Duration::from_secs(1);

/// The file of an import in the database.
pub struct StoredFile {
    /// The database.
    pub database: Database,
    /// Id of the import.
    pub id: String,
    /// Name of the file.
    pub name: String,
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// Whether the file could not be read.
    pub interrupted: Arc<AtomicBool>,
}

impl ImportFile for StoredFile {
    fn path(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }

    fn open(&self) -> io::Result<(Box<dyn Bytes>, u64)> {
        let parts = FileParts {
            database: self.database.clone(),
            connection: None,
            id: self.id.clone(),
            bytes: self.bytes,
            position: 0,
            part: (-1, Vec::new()),
            interrupted: Arc::clone(&self.interrupted),
        };
        Ok((Box::new(parts), self.bytes))
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// A reader of the parts of a file.
struct FileParts {
    database: Database,
    /// A connection of its own, because the reader has a thread of its own.
    connection: Option<Db>,
    id: String,
    bytes: u64,
    position: u64,
    /// The number of the present part, and its bytes.
    part: (i64, Vec<u8>),
    interrupted: Arc<AtomicBool>,
}

impl FileParts {
    /// Loads a part. A database that does not respond may do so in a moment.
    fn load(&mut self, number: i64) -> io::Result<()> {
        let mut attempt = 1;
        loop {
            match self.try_load(number) {
                Ok(Some(bytes)) => {
                    self.part = (number, bytes);
                    return Ok(());
                }
                Err(_) if attempt < ATTEMPTS => {
                    self.connection = None;
                    attempt += 1;
                    std::thread::sleep(PAUSE);
                }
                // The parts are deleted when the import ends.
                Ok(None) | Err(_) => {
                    self.interrupted.store(true, Ordering::Relaxed);
                    return Err(Error::other("the stored file cannot be read"));
                }
            }
        }
    }

    fn try_load(&mut self, number: i64) -> Result<Option<Vec<u8>>, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.separate_reader()?,
        };
        let bytes = import_parts::table.find((&self.id, number)).select(import_parts::bytes);
        let found = bytes.first(&mut connection).optional()?;
        self.connection = Some(connection);
        Ok(found)
    }
}

impl Read for FileParts {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.bytes || out.is_empty() {
            return Ok(0);
        }
        let size = PART_BYTES as u64;
        let number = i64::try_from(self.position / size).map_err(Error::other)?;
        if self.part.0 != number {
            self.load(number)?;
        }
        let from = usize::try_from(self.position % size).map_err(Error::other)?;
        let rest = self.part.1.get(from..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if count == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "a part of the stored file is too short"));
        }
        out[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for FileParts {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let found = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = found.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a position before the start"))?;
        Ok(self.position)
    }
}
