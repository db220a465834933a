//! External ids: the names that records of other systems have there. They are stored as the sources of items, which
//! imports use too (`docs/decisions/0004-imports-know-their-source.md`).

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::auth::permissions::Action;
use crate::content::LocaleMode;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::batch::EntryWrite;
use crate::editorial::editor::{Editor, WriteResult, find_version};
use crate::editorial::lifecycle;
use crate::editorial::write_context::WriteContext;
use crate::hex::hex;
use crate::items::sources::{self, NOT_WRITTEN, Source, VersionChange};
use crate::items::{ExpectedVersions, Item};
use crate::problem::{Problem, ProblemKind};

/// The longest name of another system, in characters.
pub const MAX_SYSTEM: usize = 60;
/// The longest id of a record of another system, in characters.
pub const MAX_RECORD_ID: usize = 200;

/// The greatest number of external ids that a request gives to an item.
pub const MOST_OF_ITEM: usize = 100;

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
        let is_id = (1..=MAX_RECORD_ID).contains(&id.chars().count()) && !id.chars().any(char::is_control);
        (Self::is_system(system) && is_id && !id.trim().is_empty())
            .then(|| Self { system: system.to_owned(), id: id.to_owned() })
    }

    /// Returns whether a text can be the name of a system.
    fn is_system(text: &str) -> bool {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        (1..=MAX_SYSTEM).contains(&text.len()) && text.bytes().all(is_part)
    }

    /// Parses `system:id`, the form in which sources are stored. The names of some records that imports wrote are no
    /// external ids.
    pub fn parse(source: &str) -> Option<Self> {
        let (system, id) = source.split_once(':')?;
        Self::new(system, id)
    }

    /// Returns `system:id`, the form in which sources are stored.
    pub fn source(&self) -> String {
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
            version: item.latest_version(),
            ..Source::default()
        };
        Ok(sources::keep(connection, &source)?)
    }
}

/// Returns the external ids of an item, in their order.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_item(connection: &mut Db, item: &Item) -> Result<Vec<ExternalId>, Problem> {
    let rows = sources::of_items(connection, std::slice::from_ref(&item.id))?;
    Ok(rows.iter().filter_map(|row| ExternalId::parse(&row.source)).collect())
}

/// Returns the hash of a record, by which one that has not changed is recognised. Those of imports have another form.
pub(super) fn fingerprint(mode: &LocaleMode, content: &Value) -> String {
    let locale = match mode {
        LocaleMode::One(locale) => locale.as_str(),
        LocaleMode::All => "*",
    };
    let hash = Sha256::digest(format!("{locale}\n{content}"));
    format!("put-{}", hex(&hash[..16]))
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
    Versions(ExpectedVersions),
}

impl PutCondition {
    /// Returns the versions of the present item on which the write may be based.
    ///
    /// # Errors
    ///
    /// Fails with `PreconditionFailed` if the item must not exist, and if the query fails.
    pub(super) fn accepted_versions(&self, connection: &mut Db, source: &Source) -> Result<ExpectedVersions, Problem> {
        match self {
            Self::LastPut => Ok(ExpectedVersions::from_iter([source.version])),
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

    /// Gives an item that is at a version that `version` accepts these external ids in place of those that it has, and
    /// returns it. A record with a new one did not write the text of the item, so that it does not overwrite it unasked.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version, with
    /// `Forbidden` if the author may not change it, or not what is public or scheduled, with `Conflict` if it is in the trash
    /// or another item has one of them, and if the database fails.
    pub async fn replace_external_ids(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        wanted: Vec<ExternalId>,
    ) -> Result<Item, Problem> {
        let (request, key) = (self.request.clone(), id_or_slug.to_owned());
        let replace = move |c: &mut Db| {
            let item = find_version(c, request.content_type, &key, &version)?;
            request.context().authorize(c, &item, Action::UpdateOwn)?;
            // Feeds show them as the identity of what is public.
            request.context().require_publish_if_public(c, &item)?;
            replace_all(c, request.context(), item, &wanted)
        };
        self.database.write_content(replace).await
    }
}

fn replace_all(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: Item,
    wanted: &[ExternalId],
) -> Result<Item, Problem> {
    if item.trashed_at != 0 {
        return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
    }
    let present = of_item(connection, &item)?;
    let new = free_of(connection, &item, wanted)?;
    let gone: Vec<&ExternalId> = present.iter().filter(|one| !wanted.contains(one)).collect();
    if new.is_empty() && gone.is_empty() {
        return Ok(item);
    }
    for external_id in gone {
        sources::forget(connection, &item.kind, &external_id.source())?;
    }
    for external_id in new {
        let (kind, item_id) = (item.kind.clone(), item.id.clone());
        let source = Source { kind, source: external_id.source(), item_id, version: NOT_WRITTEN, ..Source::default() };
        sources::keep(connection, &source)?;
    }
    let known = item.latest_version();
    let item = lifecycle::bump_version(connection, context, item, "update_external_ids")?;
    let renewed = VersionChange { item_id: item.id.clone(), from: known, to: item.latest_version() };
    sources::follow(connection, &[renewed])?;
    Ok(item)
}

/// Returns those of these external ids that no item has.
fn free_of<'a>(connection: &mut Db, item: &Item, wanted: &'a [ExternalId]) -> Result<Vec<&'a ExternalId>, Problem> {
    let (mut free, mut faults) = (Vec::new(), Violations::new());
    for (index, external_id) in wanted.iter().enumerate() {
        match sources::find(connection, &item.kind, &external_id.source())? {
            None => free.push(external_id),
            Some(row) if row.item_id == item.id => {}
            Some(row) => {
                let other = lifecycle::load(connection, &row.item_id)?;
                let message = format!("\"{}\" ({}) has this external id", other.slug, other.id);
                faults.add(format!("/external_ids/{index}"), "taken", message);
            }
        }
    }
    match faults.is_empty() {
        true => Ok(free),
        false => Err(Problem::new(ProblemKind::Conflict, "external ids are taken").with_violations(faults.into_vec())),
    }
}
