//! The transactions of an import.

use actix_web::rt::task::spawn_blocking;

use crate::app::App;
use crate::database::{DatabaseError, Db, now};
use crate::problem::Problem;
use crate::transfer::import::{CHUNK, Import, ImportError, end, open, prepare, require_whole};
use crate::transfer::import_file::FileReader;
use crate::transfer::listener::MISSING_PASS;
use crate::transfer::missing_records::AbsentRecord;
use crate::transfer::work::{EntryStep, Work};

/// Where an import writes.
pub(super) enum ImportTarget {
    /// To the database.
    Stored,
    /// To tables beside it, which go with their connection.
    Beside(Box<Db>),
}

/// An import that is being carried out.
pub(super) struct ImportExecution<'a> {
    app: &'a App,
    reader: FileReader,
    work: Work,
    ground: ImportTarget,
}

impl<'a> ImportExecution<'a> {
    pub(super) fn new(app: &'a App, import: Import, ground: ImportTarget) -> Self {
        let (reader, work) = prepare(app, import);
        Self { app, reader, work, ground }
    }

    /// Imports the file in several transactions. Items of Plenary's own export may refer to later ones of their own
    /// kind, so these references need a second pass over the file, when all items exist. What is missing is known at the end.
    pub(super) async fn run(mut self) -> Result<(Work, ImportTarget), ImportError> {
        self = self.pass(1, Work::take).await?;
        if self.work.incomplete {
            self = self.pass(2, Work::complete).await?;
        }
        let (mut course, mut absent) = self.find_absent().await?;
        let known = course.work.begin_pass(MISSING_PASS);
        absent.retain(|record| record.number >= known);
        loop {
            let rest = absent.split_off(absent.len().min(CHUNK));
            let is_last = rest.is_empty();
            let store = if is_last { Work::finish } else { Work::checkpoint };
            course = course.transaction(move |work, c| work.report_missing(c, absent), store).await?;
            if is_last {
                return Ok((course.work, course.ground));
            }
            absent = rest;
        }
    }

    /// Returns what the sources of the file had and have no more.
    async fn find_absent(self) -> Result<(Self, Vec<AbsentRecord>), ImportError> {
        let Self { app, reader, work, ground } = self;
        require_whole(&reader)?;
        let (work, ground, absent) = match ground {
            ImportTarget::Stored => {
                let read = app.database.read(move |c| {
                    let absent = work.seen.find_absent(c, now())?;
                    Ok::<_, DatabaseError>((work, absent))
                });
                let (work, absent) = read.await?;
                (work, ImportTarget::Stored, absent)
            }
            ImportTarget::Beside(mut connection) => {
                let read = spawn_blocking(move || {
                    connection.begin_read()?;
                    let absent = work.seen.find_absent(&mut connection, now())?;
                    connection.commit()?;
                    Ok::<_, ImportError>((work, ImportTarget::Beside(connection), absent))
                });
                read.await.map_err(|error| ImportError::Database(error.to_string()))??
            }
        };
        Ok((Self { app, reader, work, ground }, absent))
    }

    /// Runs one step over all entries, [`CHUNK`] in each transaction. Entries that were written before are only looked
    /// at.
    async fn pass(mut self, number: i64, step: EntryStep) -> Result<Self, ImportError> {
        let reading = open(&self.reader)?;
        let mut written = self.work.begin_pass(number);
        while let Some(mut chunk) = reading.next_entries(CHUNK).await {
            let known = chunk.len().min(usize::try_from(written).unwrap_or(usize::MAX));
            written -= i64::try_from(known).unwrap_or(written);
            chunk.drain(..known).for_each(|entry| self.work.see(&entry));
            if !chunk.is_empty() {
                self = self.transaction(move |work, c| work.write(c, chunk, step), Work::checkpoint).await?;
            }
        }
        end(reading, &self.reader)?;
        Ok(self)
    }

    /// Runs `write` and then `store`, which keeps the state of the import, in one transaction.
    async fn transaction<F>(self, write: F, store: Store) -> Result<Self, ImportError>
    where
        F: FnOnce(&mut Work, &mut Db) -> Result<(), Problem> + Send + 'static,
    {
        let Self { app, reader, mut work, ground } = self;
        require_whole(&reader)?;
        let (work, ground) = match ground {
            ImportTarget::Stored => {
                let done = app.database.write_content_long(move |c| {
                    write(&mut work, c)?;
                    store(&mut work, c)?;
                    Ok::<_, ImportError>(work)
                });
                (done.await?, ImportTarget::Stored)
            }
            ImportTarget::Beside(mut connection) => {
                let rehearsal = spawn_blocking(move || {
                    connection.begin_read()?;
                    write(&mut work, &mut connection)?;
                    connection.commit()?;
                    Ok::<_, ImportError>((work, ImportTarget::Beside(connection)))
                });
                rehearsal.await.map_err(|error| ImportError::Database(error.to_string()))??
            }
        };
        Ok(Self { app, reader, work, ground })
    }
}

/// Function that stores the state of an import within a transaction.
type Store = fn(&mut Work, &mut Db) -> Result<(), Problem>;
