//! The reception of a file: its bytes are stored part by part as they arrive, so that no more than one part is in memory.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::{ImportJob, ImportOptions, ImportStatus, OPEN, by_id, record};
use crate::auth::actor::Actor;
use crate::auth::credentials::reauthorize;
use crate::auth::permissions::{Action, Area};
use crate::database::schema::{import_parts, imports};
use crate::database::{Database, Db, new_id, now};
use crate::editorial::idempotency::IdempotencyRecord;
use crate::hex::hex;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};
use crate::transfer::read::text_of_start;

/// Size of every part of a file but the last one, in bytes.
pub const PART_BYTES: usize = 524_288;
/// Number of bytes at the start of a file by which its format is recognised.
const HEAD: usize = 1_024;
/// Seconds after which a client may try again when too many imports wait.
const RETRY_AFTER: u64 = 30;

/// The bounds of receptions.
#[derive(Debug, Clone, Copy)]
pub struct ReceptionLimits {
    /// Greatest size of a file, in bytes.
    pub bytes: usize,
    /// Greatest number of imports that have not ended.
    pub imports: u32,
}

/// A file that is being received.
pub struct Reception {
    database: Database,
    id: String,
    limits: ReceptionLimits,
    part: Vec<u8>,
    parts: i64,
    bytes: usize,
    head: Vec<u8>,
    /// The first part.
    beginning: Vec<u8>,
    hash: Sha256,
    /// Whether it is not settled yet what becomes of the file.
    is_open: bool,
}

/// A file that was received to its end.
#[derive(Debug, Clone)]
pub struct ReceivedFile {
    /// Id of its import.
    pub id: String,
    /// Size of the file, in bytes.
    pub bytes: usize,
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// The first bytes as text.
    pub head: String,
    /// The first part.
    pub beginning: Vec<u8>,
}

impl Reception {
    /// Begins to receive a file.
    ///
    /// # Errors
    /// 503 if too many imports have not ended, or the database does not respond.
    pub async fn begin(database: &Database, limits: ReceptionLimits) -> Result<Self, Problem> {
        let (id, time) = (new_id(), now());
        let (row_id, most) = (id.clone(), i64::from(limits.imports));
        let open = move |c: &mut Db| {
            let open: i64 = imports::table.filter(imports::status.eq_any(OPEN)).count().get_result(c)?;
            if open >= most {
                let detail = format!("{open} imports are waiting or running; no more are taken");
                return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(RETRY_AFTER));
            }
            let status = ImportStatus::Receiving.name().to_owned();
            let row = ImportJob { id: row_id, status, created_at: time, ..ImportJob::default() };
            diesel::insert_into(imports::table).values(&row).execute(c)?;
            Ok(())
        };
        database.write(open).await?;
        let (part, head, beginning, hash) = (Vec::new(), Vec::new(), Vec::new(), Sha256::new());
        let (database, is_open) = (database.clone(), true);
        Ok(Self { database, id, limits, part, parts: 0, bytes: 0, head, beginning, hash, is_open })
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// 413 if the file is too large, 503 if the database does not respond.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        self.bytes += bytes.len();
        if self.bytes > self.limits.bytes {
            let detail = format!("a file may have at most {} bytes", self.limits.bytes);
            return Err(Problem::new(ProblemKind::TooLarge, detail));
        }
        self.hash.update(bytes);
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD - self.head.len())]);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART_BYTES - self.part.len()));
            self.part.extend_from_slice(now);
            bytes = later;
            if self.part.len() == PART_BYTES {
                self.store().await?;
            }
        }
        Ok(())
    }

    /// Stores the present part.
    async fn store(&mut self) -> Result<(), Problem> {
        let (id, position, bytes) = (self.id.clone(), self.parts, std::mem::take(&mut self.part));
        if position == 0 {
            self.beginning.clone_from(&bytes);
        }
        let write = move |c: &mut Db| {
            let row =
                (import_parts::import_id.eq(id), import_parts::position.eq(position), import_parts::bytes.eq(bytes));
            diesel::insert_into(import_parts::table).values(row).execute(c)?;
            Ok::<_, Problem>(())
        };
        self.database.write(write).await?;
        self.parts += 1;
        Ok(())
    }

    /// Stores the rest of the file.
    ///
    /// # Errors
    /// 503 if the database does not respond.
    pub async fn close(&mut self) -> Result<ReceivedFile, Problem> {
        if !self.part.is_empty() {
            self.store().await?;
        }
        let hash = hex(&self.hash.clone().finalize());
        let head = text_of_start(&self.head);
        let beginning = std::mem::take(&mut self.beginning);
        Ok(ReceivedFile { id: self.id.clone(), bytes: self.bytes, hash, head, beginning })
    }

    /// Ends the reception of a file that has become an import.
    pub fn keep(mut self) {
        self.is_open = false;
    }

    /// Ends the reception, and deletes what was received.
    pub async fn discard(mut self) {
        self.is_open = false;
        // A task of its own: what waits for a client ends when the client goes.
        if tokio::spawn(discard(self.database.clone(), self.id.clone())).await.is_err() {
            tracing::warn!("the deletion of a file that was not received to its end failed");
        }
    }
}

impl Drop for Reception {
    /// Deletes what was received of a client that has gone.
    fn drop(&mut self) {
        if self.is_open
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(runtime.spawn(discard(self.database.clone(), self.id.clone())));
        }
    }
}

/// Deletes what was received. If that fails, it is deleted later with everything that has not become an import.
async fn discard(database: Database, id: String) {
    if let Err(problem) = database.write(move |c| Ok::<_, Problem>(delete(c, &id)?)).await {
        tracing::warn!(detail = problem.detail, "a file that was not received to its end stays for a while");
    }
}

/// Deletes a file that has not become an import. It may have done so although its client has gone.
fn delete(connection: &mut Db, id: &str) -> QueryResult<()> {
    let receiving = imports::table.find(id).filter(imports::status.eq(ImportStatus::Receiving.name()));
    diesel::delete(receiving).execute(connection).map(drop)
}

/// A file with everything that makes it an import.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// The file.
    pub received: ReceivedFile,
    /// Name of the file.
    pub file: String,
    /// Name of the format.
    pub format: String,
    /// Options of the import.
    pub options: ImportOptions,
    /// Idempotency key of the request, if it has one.
    pub key: Option<IdempotencyRecord>,
}

impl NewImport {
    /// Makes the received file an import that waits for a node. With an idempotency key that was used before, the file is
    /// deleted, and the import of the first request is returned with `true`.
    ///
    /// # Errors
    /// 401 or 403 if the actor may not import any more, 422 if the idempotency key was used for another request.
    pub fn enqueue(self, connection: &mut Db, author: &Author, actor: &Actor) -> Result<(ImportJob, bool), Problem> {
        reauthorize(connection, actor, Some((Area::Imports, Action::Manage)))?;
        let id = &self.received.id;
        if let Some(earlier) = self.key.as_ref().map(|key| key.made_before(connection)).transpose()?.flatten() {
            delete(connection, id)?;
            return Ok((by_id(connection, &earlier)?, true));
        }
        let options = serde_json::to_string(&self.options).map_err(|error| Problem::internal(&error))?;
        let rows = diesel::update(imports::table.find(id))
            .set((
                imports::status.eq(ImportStatus::Queued.name()),
                imports::file.eq(&self.file),
                imports::format.eq(&self.format),
                imports::options.eq(options),
                imports::bytes.eq(i64::try_from(self.received.bytes).unwrap_or(i64::MAX)),
                imports::created_at.eq(now()),
                imports::created_by.eq(&author.account_id),
                imports::via.eq(&author.via),
            ))
            .execute(connection)?;
        if rows == 0 {
            return Err(Problem::new(ProblemKind::Timeout, "the file took too long to arrive"));
        }
        let job = by_id(connection, id)?;
        record(connection, author, "import", &job)?;
        if let Some(key) = self.key {
            key.keep(connection, &job.id)?;
        }
        Ok((job, false))
    }
}
