//! Application of the entries of readers to the database, one by one. Each is written within a savepoint, so
//! an entry that breaks a rule is refused as a whole and affects no other.

mod body;
mod entries;
mod field_removal;
mod hidden_references;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::slug::from_title;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::insert::{Origin, insert};
use crate::editorial::slugs;
use crate::editorial::write::{self, ItemWrite};
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::items::record_fields::RecordFields;
use crate::items::record_ids::RecordIds;
use crate::items::sources::{self, NOT_WRITTEN, Source};
use crate::journal::Author;
use crate::problem::Problem;
use crate::transfer::attempt::in_savepoint;
use crate::transfer::edits::{imported_version, is_edited};
use crate::transfer::name_lookup::DuplicateCandidates;
use crate::transfer::own_items::OwnItems;
use crate::transfer::record::{ExportedItem, NameMatch, Record};
use crate::transfer::report::Outcome;
use crate::transfer::{name_lookup, own_items, restore, revisions};

/// Largest number of cached sources; the cache is emptied when it is exceeded.
const MAX_CACHED_SOURCES: usize = 20_000;

/// Why an older revision is left out.
const OLDER: &str = "left out: a newer revision of this record was imported before";

/// Greatest number of attempts to complete an item.
const MOST_ATTEMPTS: usize = 4;

/// How records are imported.
#[derive(Debug, Clone)]
pub struct ImportPolicy {
    /// Status of new items from other systems.
    pub status: &'static str,
    /// Whether a record is imported even if an editor changed the item since the last import.
    pub overwrite: bool,
}

/// State of the item of a record after its import.
struct ItemState {
    item_id: String,
    /// The version to store with the source.
    version: i64,
    /// The fields that the record gave the item.
    fields: RecordFields,
    outcome: Outcome,
}

/// An importer, which writes entries to the database.
pub struct Importer {
    site: Arc<Site>,
    author: Author,
    policy: ImportPolicy,
    /// Notes on the current record, reported beside its outcome.
    notes: Vec<Violation>,
    /// Cache of the items of sources, by kind and source.
    ids: HashMap<(&'static str, String), String>,
    /// Ids of the items that this import has written.
    written: HashSet<String>,
    /// Items that new ones could stand for too.
    doubles: DuplicateCandidates,
    own: OwnItems,
}

impl Importer {
    /// Creates an importer for a site; the journal names `author` as the author of all writes.
    pub fn new(site: Arc<Site>, author: Author, policy: ImportPolicy) -> Self {
        let (notes, ids, written, doubles) =
            (Vec::new(), HashMap::new(), HashSet::new(), DuplicateCandidates::default());
        Self { site, author, policy, notes, ids, written, doubles, own: OwnItems::default() }
    }

    /// Returns the context of all writes of the import.
    pub fn context(&self) -> WriteContext<'_> {
        WriteContext::without_role(&self.site, &self.author)
    }

    /// Returns whether records overwrite what editors changed since the last import.
    pub fn overwrites(&self) -> bool {
        self.policy.overwrite
    }

    /// Completes an exported item with its references to items of its own kind, after all items were created.
    /// Returns notes on what was left out for it.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub fn complete(&mut self, connection: &mut Db, item: &ExportedItem) -> Result<Vec<Violation>, Problem> {
        let mut item = item.clone();
        restore::renew_times(&mut item);
        let mut notes = Vec::new();
        for _ in 0..MOST_ATTEMPTS {
            let faults = match in_savepoint(connection, |c| restore::complete(c, self.context(), &item))? {
                Ok(more) => {
                    notes.extend(more);
                    break;
                }
                Err(faults) => faults,
            };
            let (more, is_less) = restore::leave_out(&mut item, faults);
            notes.extend(more);
            if !is_less {
                break;
            }
        }
        Ok(notes)
    }

    /// Creates or updates the item of a record.
    ///
    /// A record is identified by its source. If its fingerprint is that of the last import, nothing is
    /// written, which makes repeated imports cheap. A new record whose `same_as` source is known joins the
    /// item of that source.
    fn record(&mut self, connection: &mut Db, record: &Record) -> Result<Outcome, Problem> {
        if self.own.has(connection, record)? {
            if !record.supporting {
                self.note("", "own_item", "is an item of this site, which stays as it is");
            }
            return Ok(Outcome::Unchanged);
        }
        let fingerprint = record.fingerprint();
        let known = sources::find(connection, record.kind, &record.source)?;
        if self.is_settled(connection, record, known.as_ref(), &fingerprint)? {
            return Ok(Outcome::Unchanged);
        }
        let shared = match &record.same_as {
            Some(source) if known.is_none() => sources::find(connection, record.kind, source)?,
            _ => None,
        };
        let joins = shared.is_some();
        let ids_before = known.as_ref().map_or_else(RecordIds::default, Source::record_ids);
        let ItemState { item_id, version, fields, outcome } = match known.or(shared) {
            Some(earlier) => match self.update(connection, record, &earlier, joins)? {
                Some(done) => done,
                None => return Ok(Outcome::Kept),
            },
            None => match self.find_present(connection, record)? {
                // The version says that somebody else wrote the item.
                Some(item) => {
                    let (version, fields, outcome) = (NOT_WRITTEN, RecordFields::default(), Outcome::Unchanged);
                    ItemState { item_id: item.id, version, fields, outcome }
                }
                // A reference to it is left out, with a note.
                None if record.by_name == NameMatch::Only => return Ok(Outcome::Unchanged),
                None => self.create(connection, record)?,
            },
        };
        let fields = fields.to_text();
        let state = Source { item_id: item_id.clone(), fingerprint, version, fields, ..source_of(record) };
        keep_sources(connection, record, state)?;
        if outcome == Outcome::Unchanged && has_other_ids(record, &ids_before) {
            own_items::announce_ids(connection, self.context(), &item_id)?;
        }
        self.remember(record.kind, &record.source, &item_id);
        Ok(self.report_outcome(record, item_id, outcome))
    }

    /// Returns whether there is nothing to write for a record: its item stays as it is, or it is part of an older revision of
    /// what was imported.
    fn is_settled(
        &mut self,
        connection: &mut Db,
        record: &Record,
        known: Option<&Source>,
        fingerprint: &str,
    ) -> Result<bool, Problem> {
        if let Some(known) = known
            && (record.by_name.is_reference() || self.needs_no_write(connection, record, known, fingerprint)?)
        {
            self.remember(record.kind, &record.source, &known.item_id);
            return Ok(true);
        }
        if let Some((identity, number)) = &record.part_of
            && revisions::is_outdated(connection, (identity, number))?
        {
            self.note("", "older_revision", OLDER);
            return Ok(true);
        }
        Ok(false)
    }

    /// Returns the outcome for the report. A record that completes an item, such as the rooms of a venue, is a part of
    /// the write that the report has already.
    fn report_outcome(&mut self, record: &Record, item_id: String, outcome: Outcome) -> Outcome {
        if !matches!(outcome, Outcome::Created | Outcome::Updated) {
            return outcome;
        }
        if self.written.len() >= MAX_CACHED_SOURCES {
            self.written.clear();
        }
        let is_first = self.written.insert(item_id);
        if is_first || !record.supporting { outcome } else { Outcome::Unchanged }
    }

    /// Returns whether the item of a known source stays as it is: the record is the one of the last import, or an
    /// older revision of it.
    fn needs_no_write(
        &mut self,
        connection: &mut Db,
        record: &Record,
        known: &Source,
        fingerprint: &str,
    ) -> Result<bool, Problem> {
        // A record with the same content may speak of more fields than before, as a table with another column does.
        if known.fingerprint == fingerprint && self.find_gone(record, known)?.is_empty() {
            // A revision with the same content counts, too: one between the two is older. The revision of a series is
            // that of all its occurrences.
            let is_newer = known.revision < record.revision;
            let has_ids = known.ids != record.ids.to_text() && !record.ids.is_empty();
            // An earlier program did not store the fields that it wrote.
            let fields = match known.fields.is_empty() && known.version != NOT_WRITTEN {
                true => self.first_fields(connection, (record, &known.item_id))?.to_text(),
                false => known.fields.clone(),
            };
            if known.origin != record.origin || has_ids || is_newer || known.fields != fields {
                let (origin, ids) = (record.origin.clone(), record.ids.to_text());
                let revision = record.revision.clone().max(known.revision.clone());
                sources::keep(connection, &Source { origin, ids, revision, fields, ..known.clone() })?;
            }
            if has_other_ids(record, &known.record_ids()) {
                own_items::announce_ids(connection, self.context(), &known.item_id)?;
            }
            return Ok(true);
        }
        let is_older = !record.revision.is_empty() && record.revision < known.revision;
        if is_older {
            self.note("", "older_revision", OLDER);
        }
        Ok(is_older)
    }

    /// Returns the item for which a record stands by its slug or name.
    fn find_present(&mut self, connection: &mut Db, record: &Record) -> Result<Option<Item>, Problem> {
        if record.by_name == NameMatch::Never {
            return Ok(None);
        }
        let found = name_lookup::find(connection, record)?;
        if found.is_some() {
            self.note("", "joined", "stands for the item that has this slug or name already, which stays as it is");
        }
        Ok(found)
    }

    fn note(&mut self, pointer: &str, code: &str, message: &str) {
        let (pointer, code, message) = (pointer.to_owned(), code.to_owned(), message.to_owned());
        self.notes.push(Violation { pointer, code, message });
    }

    /// Creates the item of a record. A suggested slug that is taken is dropped for a generated one, since it
    /// is no reason to refuse the record.
    fn create(&mut self, connection: &mut Db, record: &Record) -> Result<ItemState, Problem> {
        let content_type = content_type_of(record)?;
        let body = self.resolve_sources(connection, content_type, record.body.clone())?;
        let names: Vec<String> = body.keys().cloned().collect();
        let draft = self.validate(connection, record, body, None)?;
        let fields = names.into_iter().filter(|name| draft.content.contains_key(name)).collect();
        let suggested = record.slug.as_deref().map(from_title);
        let suggested = suggested.filter(|slug| !slug.is_empty() && content_type.allows_slug(slug));
        let slug = match suggested {
            Some(slug) if slugs::is_free(connection, content_type.kind, &slug)? => Some(slug),
            _ => None,
        };
        if record.private && self.policy.status != "draft" {
            self.note("", "not_public", "imported as a draft: its own system does not show it to the public");
        }
        let misses_parent = misses_parent(content_type, record, &draft.content);
        if misses_parent && !record.private && self.policy.status != "draft" {
            let message =
                "imported as a draft: what it is filed under was not found, and its address would be another one";
            self.note("", "not_public", message);
        }
        let status = Some(if record.private || misses_parent { "draft" } else { self.policy.status }.to_owned());
        if status.as_deref() == Some("published") {
            self.show_references(connection, content_type, &draft)?;
        }
        let writing = ItemWrite { slug, status, ..ItemWrite::of(content_type, draft.content) };
        let item = insert(connection, self.context(), writing, Origin::default())?;
        if let Some(message) = self.doubles.find_duplicate(connection, &item)? {
            self.note("", "likely_double", &message);
        }
        Ok(ItemState { item_id: item.id, version: item.version, fields, outcome: Outcome::Created })
    }

    /// Updates the item of a record. Returns `None` if the item is left as an editor left it.
    ///
    /// Trashed items are never updated: an editor removed them on purpose.
    fn update(
        &mut self,
        connection: &mut Db,
        record: &Record,
        earlier: &Source,
        joins: bool,
    ) -> Result<Option<ItemState>, Problem> {
        let id = &earlier.item_id;
        let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
        let imported = imported_version(connection, &item)?;
        // A record that an editor gave to the item, or whose own item was merged into it, did not write its text.
        let edited = is_edited(connection, &item, imported)? || (earlier.version == NOT_WRITTEN && !joins);
        if item.trashed_at != 0 || (edited && !joins && !self.policy.overwrite) {
            return Ok(None);
        }
        // A record that joins an edited item must not store the item's new version: the next import would
        // take the editor's changes for its own and overwrite them.
        let left = imported.filter(|_| edited && !self.policy.overwrite);
        let (writing, fields) = self.change(connection, record, &item, (earlier, joins))?;
        let (item, outcome) = match writing {
            Some(writing) => (write::update(connection, self.context(), item, writing)?, Outcome::Updated),
            None => (item, Outcome::Unchanged),
        };
        Ok(Some(ItemState { version: left.unwrap_or(item.version), item_id: item.id, fields, outcome }))
    }

    fn remember(&mut self, kind: &'static str, source: &str, id: &str) {
        if self.ids.len() >= MAX_CACHED_SOURCES {
            self.ids.clear();
        }
        self.ids.insert((kind, source.to_owned()), id.to_owned());
    }
}

/// Stores the source of a record, and the one that it shares with another record.
fn keep_sources(connection: &mut Db, record: &Record, state: Source) -> QueryResult<()> {
    sources::keep(connection, &state)?;
    if let Some(shared) = &record.same_as {
        let Source { fingerprint, fields, .. } = sources::find(connection, record.kind, shared)?.unwrap_or_default();
        sources::keep(connection, &Source { source: shared.clone(), fingerprint, fields, ..state })?;
    }
    Ok(())
}

/// Returns the source of a record, without what an import makes of it.
fn source_of(record: &Record) -> Source {
    Source {
        kind: record.kind.to_owned(),
        source: record.source.clone(),
        origin: record.origin.clone(),
        revision: record.revision.clone(),
        ids: record.ids.to_text(),
        ..Source::default()
    }
}

/// Returns whether a record names an item under which its own is filed, and it was not found, so that the path of the item
/// would be one that its source did not say.
fn misses_parent(content_type: &'static ContentType, record: &Record, content: &Map<String, Value>) -> bool {
    let is_missed = |name: &str| record.body.contains_key(name) && !content.contains_key(name);
    content_type.has_paths() && content_type.parent.is_some_and(is_missed)
}

/// Returns whether a record says other ids than those that its item had by it.
fn has_other_ids(record: &Record, before: &RecordIds) -> bool {
    !record.ids.is_empty() && record.ids != *before
}

/// Returns the content type of a record.
fn content_type_of(record: &Record) -> Result<&'static ContentType, Problem> {
    ContentType::of_kind(record.kind).ok_or_else(|| Problem::internal(&"a reader returned an unknown kind of content"))
}
