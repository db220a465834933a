//! External ids: the names that records of other systems have there. They are stored as the sources of items, which
//! imports use too (`docs/decisions/0004-imports-know-their-source.md`).

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::content::LocaleMode;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::batch::EntryWrite;
use crate::editorial::editor::{Editor, WriteResult};
use crate::editorial::lifecycle;
use crate::items::sources::{self, Source};
use crate::items::{Expected, Item};
use crate::problem::{Problem, ProblemKind};

/// The longest name of another system, in characters.
pub const MAX_SYSTEM: usize = 60;
/// The longest id of a record of another system, in characters.
pub const MAX_RECORD_ID: usize = 200;

/// The name of a record of another system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId {
    /// The name of the other system.
    system: String,
    /// The id of the record there.
    id: String,
}

impl ExternalId {
    /// Creates an external id, if the name of the system has 1 to 60 letters, digits, dots, hyphens and underscores,
    /// and the id is one line of 1 to 200 characters.
    pub fn new(system: &str, id: &str) -> Option<Self> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_system = (1..=MAX_SYSTEM).contains(&system.len()) && system.bytes().all(is_part);
        let is_id = (1..=MAX_RECORD_ID).contains(&id.chars().count()) && !id.chars().any(char::is_control);
        (is_system && is_id && !id.trim().is_empty()).then(|| Self { system: system.to_owned(), id: id.to_owned() })
    }

    /// Returns the form in which sources are stored.
    fn source(&self) -> String {
        format!("{}:{}", self.system, self.id)
    }

    /// Finds the source of this name, if an item of the kind has it.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn find(&self, connection: &mut Db, content_type: &'static ContentType) -> Result<Option<Source>, Problem> {
        Ok(sources::find(connection, content_type.kind, &self.source())?)
    }

    /// Records that an item has this name, with the hash of the record and the version that it made of the item.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails.
    pub(super) fn keep(&self, connection: &mut Db, item: &Item, fingerprint: &str) -> Result<(), Problem> {
        let source = Source {
            kind: item.kind.clone(),
            source: self.source(),
            item_id: item.id.clone(),
            fingerprint: fingerprint.to_owned(),
            version: item.latest(),
            ..Source::default()
        };
        Ok(sources::keep(connection, &source)?)
    }
}

/// Returns the hash of a record, by which one that has not changed is recognised. Those of imports have another form.
pub(super) fn fingerprint(mode: &LocaleMode, content: &Value) -> String {
    let locale = match mode {
        LocaleMode::One(locale) => locale.as_str(),
        LocaleMode::All => "*",
    };
    let hash = Sha256::digest(format!("{locale}\n{content}"));
    format!("put-{}", hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The condition under which the item with an external id is created or replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// The write is based on the version that the last one with this external id made. A record that has not changed
    /// since then changes nothing. For another one, where somebody else has changed the item since, the write is
    /// refused or merged, like every write that is based on an older version.
    #[default]
    LastPut,
    /// No item has the external id (`If-None-Match: *`).
    Absent,
    /// The item is at one of these versions (`If-Match`).
    Versions(Expected),
}

impl PutCondition {
    /// Returns the versions of the present item on which the write may be based.
    ///
    /// # Errors
    ///
    /// Fails with `PreconditionFailed` if the item must not exist, and if the query fails.
    pub(super) fn accepted(&self, connection: &mut Db, source: &Source) -> Result<Expected, Problem> {
        match self {
            Self::LastPut => Ok(Expected::from_iter([source.version])),
            Self::Versions(versions) => Ok(versions.clone()),
            Self::Absent => {
                let item = lifecycle::load(connection, &source.item_id)?;
                let mut problem = super::write::precondition_failed(&item);
                problem.detail = "an item with this external id exists".to_owned();
                Err(problem)
            }
        }
    }

    /// Refuses to create the item if it must exist.
    ///
    /// # Errors
    ///
    /// Fails with `PreconditionFailed` if the condition names versions.
    pub(super) fn require_creatable(&self) -> Result<(), Problem> {
        match self {
            Self::LastPut | Self::Absent => Ok(()),
            Self::Versions(_) => {
                let detail = "no item has this external id, so none is at the version in the condition";
                Err(Problem::new(ProblemKind::PreconditionFailed, detail))
            }
        }
    }
}

impl Editor {
    /// Creates the item with an external id, or replaces its content. A replacement that changes nothing writes
    /// nothing. Returns whether the item was created too.
    ///
    /// # Errors
    ///
    /// Fails with `PreconditionFailed` if the condition does not hold, and otherwise as [`Editor::create`] and
    /// [`Editor::change`] do.
    pub async fn put(
        &self,
        external_id: ExternalId,
        condition: PutCondition,
        input: Value,
    ) -> Result<(WriteResult, bool), Problem> {
        self.write_entry(EntryWrite::Put(external_id, condition, input), None).await
    }
}
