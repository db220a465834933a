//! The state of an import between its transactions.

use crate::content::violation::Violation;
use crate::database::{Db, now};
use crate::items::sources::{self, Source};
use crate::problem::Problem;
use crate::transfer::attempt::in_savepoint;
use crate::transfer::edits::{imported_version, is_edited};
use crate::transfer::importer::Importer;
use crate::transfer::listener::{ImportPosition, Listener};
use crate::transfer::missing_records::{AbsentItem, AbsentRecord, SeenRecords, is_withdrawn, item_of, withdraw};
use crate::transfer::record::{Cancellation, ImportEntry, SourceRevision};
use crate::transfer::report::{Outcome, Report, ReportLine};
use crate::transfer::{cancellations, restore, revisions};

/// The state of an import between its transactions.
pub struct Work {
    /// The importer of its entries.
    pub importer: Importer,
    /// Name of the file, for the lines of the report.
    pub file: String,
    /// The report so far.
    pub report: Report,
    /// What is told of the course of the import.
    pub listener: Box<dyn Listener>,
    /// Whether items must be completed with references to others of their own kind.
    pub incomplete: bool,
    /// The records that the file had.
    pub seen: SeenRecords,
    /// Whether what is missing is withdrawn.
    pub withdraw_missing: bool,
    /// How far the import is.
    pub position: ImportPosition,
}

/// What one pass over the file does with an entry.
pub type EntryStep = fn(&mut Work, &mut Db, ImportEntry) -> Result<(), Problem>;

impl Work {
    /// Begins a pass. Returns how many entries of it were written before, by a node that did not end the import.
    pub fn begin_pass(&mut self, pass: i64) -> i64 {
        if self.position.pass > pass {
            return i64::MAX;
        }
        if self.position.pass < pass {
            self.position = ImportPosition { pass, entries: 0 };
        }
        self.position.entries
    }

    /// Looks at an entry, whether it was written before or not.
    pub fn see(&mut self, entry: &ImportEntry) {
        self.seen.remember(entry);
        if let ImportEntry::Exported { item, .. } = entry {
            self.incomplete |= restore::needs_completion(item);
        }
    }

    /// Carries out one step for entries, within the current transaction.
    ///
    /// # Errors
    /// Fails if the database fails, or the listener ends the import.
    pub fn write(&mut self, connection: &mut Db, entries: Vec<ImportEntry>, step: EntryStep) -> Result<(), Problem> {
        for entry in entries {
            step(self, connection, entry)?;
            self.position.entries += 1;
        }
        Ok(())
    }

    /// Stores how far the import is, within the current transaction.
    ///
    /// # Errors
    /// Fails if the listener ends the import.
    pub fn checkpoint(&mut self, connection: &mut Db) -> Result<(), Problem> {
        self.listener.checkpoint(connection, self.position, &self.report)
    }

    /// Stores the end of the import, within the current transaction.
    ///
    /// # Errors
    /// Fails if the listener ends the import.
    pub fn finish(&mut self, connection: &mut Db) -> Result<(), Problem> {
        self.listener.finish(connection, &self.report)
    }

    /// Applies an entry in the first pass.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub fn take(&mut self, connection: &mut Db, entry: ImportEntry) -> Result<(), Problem> {
        self.see(&entry);
        if let ImportEntry::LeftOut(groups) = &entry {
            groups.iter().for_each(|group| self.report.add(group.clone()));
        }
        if let ImportEntry::Revision(revision) = &entry {
            self.replace(connection, revision)?;
        }
        let entry = match entry {
            ImportEntry::Cancellation(cancellation) => match self.cancel(connection, *cancellation)? {
                Some(rest) => rest,
                None => return Ok(()),
            },
            entry => entry,
        };
        for line in self.importer.apply(connection, &self.file, entry)? {
            self.say(&line);
        }
        Ok(())
    }

    /// Completes an exported item in the second pass.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub fn complete(&mut self, connection: &mut Db, entry: ImportEntry) -> Result<(), Problem> {
        let ImportEntry::Exported { place, item } = entry else { return Ok(()) };
        if !restore::needs_completion(&item) {
            return Ok(());
        }
        let faults = self.importer.complete(connection, &item)?;
        if !faults.is_empty() {
            let (file, what) = (self.file.clone(), item.slug.clone());
            self.say(&ReportLine { file, place, outcome: Outcome::Note, kind: "", what, faults });
        }
        Ok(())
    }

    /// Makes room for a new revision of a series: what it does not have becomes what it has, or is withdrawn. What an editor
    /// changed stays, and is reported as missing.
    fn replace(&mut self, connection: &mut Db, revision: &SourceRevision) -> Result<(), Problem> {
        let changes = revisions::changes(connection, revision)?;
        for (row, source) in changes.moved {
            revisions::rename(connection, row, source)?;
        }
        for row in changes.gone {
            let Some(missing) = item_of(connection, row, now())? else { continue };
            let imported = imported_version(connection, &missing.item)?;
            let is_kept = !self.importer.overwrites() && is_edited(connection, &missing.item, imported)?;
            let (file, place, what) = (self.file.clone(), missing.source.source.clone(), missing.title.clone());
            if let Ok(()) = self.withdraw(connection, missing, is_kept)? {
                let (outcome, faults) = (Outcome::Withdrawn, vec![replaced_violation()]);
                self.say(&ReportLine { file, place, outcome, kind: revisions::KIND, what, faults });
            }
        }
        Ok(())
    }

    /// Cancels what a message means. Returns what is left to do if the site does not have it.
    fn cancel(&mut self, connection: &mut Db, message: Cancellation) -> Result<Option<ImportEntry>, Problem> {
        let rows = cancellations::find_cancelled(connection, &message)?;
        if rows.is_empty() {
            let place = message.place;
            return Ok(Some(match message.record {
                Some(record) => ImportEntry::Record(record),
                None => ImportEntry::Note { place, fault: nothing_to_cancel() },
            }));
        }
        if message.instance.is_none() {
            revisions::raise(connection, &message.identity, &message.revision)?;
        }
        for row in rows {
            let Some(missing) = item_of(connection, row, i64::MIN)? else { continue };
            let (file, place, what) = (self.file.clone(), message.place.clone(), missing.title.clone());
            let (outcome, faults) = self.cancel_one(connection, missing, &message.revision)?;
            self.say(&ReportLine { file, place, outcome, kind: revisions::KIND, what, faults });
        }
        Ok(None)
    }

    /// Cancels one event, unless a newer revision of it was imported, or an editor changed it.
    fn cancel_one(
        &self,
        connection: &mut Db,
        missing: AbsentItem,
        revision: &str,
    ) -> Result<(Outcome, Vec<Violation>), Problem> {
        if !revision.is_empty() && missing.source.revision.as_str() > revision {
            return Ok((Outcome::Note, vec![older_cancellation()]));
        }
        let source = Source { revision: revision.to_owned(), ..missing.source };
        if cancellations::is_cancelled(&missing.item) {
            sources::keep(connection, &source)?;
            return Ok((Outcome::Unchanged, Vec::new()));
        }
        let imported = imported_version(connection, &missing.item)?;
        let is_kept = !self.importer.overwrites() && is_edited(connection, &missing.item, imported)?;
        Ok(match self.withdraw(connection, AbsentItem { source, ..missing }, is_kept)? {
            Ok(()) => (Outcome::Updated, Vec::new()),
            Err(_) if is_kept => (Outcome::Kept, Vec::new()),
            Err(faults) => (Outcome::Refused, faults),
        })
    }

    /// Reports what the source had and has no more, and withdraws it if this is asked for.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub fn report_missing(&mut self, connection: &mut Db, absent: Vec<AbsentRecord>) -> Result<(), Problem> {
        for record in absent {
            self.position.entries = record.number + 1;
            // Somebody else may have written it since it was looked for.
            let source = sources::find(connection, record.kind, &record.source)?.filter(|row| !is_withdrawn(row));
            let Some(source) = source else { continue };
            if let Some(missing) = item_of(connection, source, now())? {
                self.report_one_missing(connection, record.kind, missing)?;
            }
        }
        Ok(())
    }

    fn report_one_missing(
        &mut self,
        connection: &mut Db,
        kind: &'static str,
        missing: AbsentItem,
    ) -> Result<(), Problem> {
        let (file, place, what) = (self.file.clone(), missing.source.source.clone(), missing.title.clone());
        let mut line = ReportLine { file, place, outcome: Outcome::Missing, kind, what, faults: Vec::new() };
        if !self.seen.is_complete() {
            line = ReportLine { outcome: Outcome::Note, faults: vec![perhaps_missing()], ..line };
        } else if self.withdraw_missing {
            let imported = imported_version(connection, &missing.item)?;
            let is_kept = !self.importer.overwrites() && is_edited(connection, &missing.item, imported)?;
            line = match self.withdraw(connection, missing, is_kept)? {
                Ok(()) => ReportLine { outcome: Outcome::Withdrawn, ..line },
                Err(faults) => ReportLine { faults, ..line },
            };
        }
        self.say(&line);
        Ok(())
    }

    /// Withdraws what is missing, unless it is kept. Returns why it was not withdrawn.
    fn withdraw(
        &self,
        connection: &mut Db,
        missing: AbsentItem,
        is_kept: bool,
    ) -> Result<Result<(), Vec<Violation>>, Problem> {
        if is_kept {
            return Ok(Err(vec![edited_violation()]));
        }
        in_savepoint(connection, |c| withdraw(c, self.importer.context(), missing))
    }

    /// Counts and reports a line.
    fn say(&mut self, line: &ReportLine) {
        self.report.count(line);
        self.listener.line(line);
    }
}

/// Returns why an item stays that its source has no more.
fn edited_violation() -> Violation {
    let message =
        "left as it is: an editor changed it since the last import; withdraw it by hand, or import with overwrite";
    Violation { pointer: String::new(), code: "edited".to_owned(), message: message.to_owned() }
}

/// Returns why an occurrence is withdrawn that a new revision of its series does not have.
fn replaced_violation() -> Violation {
    let message = "the new revision of the series does not have this occurrence";
    Violation { pointer: String::new(), code: "new_revision".to_owned(), message: message.to_owned() }
}

/// Returns the note on a message that an event does not take place which is older than the event.
fn older_cancellation() -> Violation {
    let message = "left out: a newer revision of this event was imported before";
    Violation { pointer: String::new(), code: "older_revision".to_owned(), message: message.to_owned() }
}

/// Returns the note on a message that something does not take place which this site does not have.
fn nothing_to_cancel() -> Violation {
    let message = "left out: it cancels an event that was not imported";
    Violation { pointer: String::new(), code: "nothing_to_cancel".to_owned(), message: message.to_owned() }
}

/// Returns the note on a record that the file may have in a part that could not be read.
fn perhaps_missing() -> Violation {
    let message = "the source had it; whether it has it still is not known, since a part of the file could not be read";
    Violation { pointer: String::new(), code: "perhaps_missing".to_owned(), message: message.to_owned() }
}
