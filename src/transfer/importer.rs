//! Application of the entries of readers to the database, one by one. Each is written within a savepoint, so
//! an entry that breaks a rule is refused as a whole and affects no other.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::content::editable_form::editable_form;
use crate::content::offsets::RenewedTime;
use crate::content::slug::from_title;
use crate::content::violation::{Violation, Violations, child_pointer};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::content_types::references::visit_references;
use crate::database::Db;
use crate::database::connection::Savepoint;
use crate::database::schema::{items, sources as sources_table};
use crate::editorial::insert::{Origin, insert};
use crate::editorial::slugs::{self, SlugsByLocale};
use crate::editorial::validate::{BodyRules, LocalNames, ValidatedBody};
use crate::editorial::write::{self, ItemWrite};
use crate::editorial::write_context::WriteContext;
use crate::items::sources::{self, Source};
use crate::items::{Among, Item};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};
use crate::transfer::record::{Exported, ImportEntry, Outcome, Record, ReportLine};
use crate::transfer::{languages, restore};

/// Largest number of cached sources; the cache is emptied when it is exceeded.
const MAX_CACHED_SOURCES: usize = 20_000;

/// How records are imported.
#[derive(Debug, Clone)]
pub struct ImportPolicy {
    /// Status of new items from other systems.
    pub status: &'static str,
    /// Whether a record is imported even if an editor changed the item since the last import.
    pub overwrite: bool,
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
}

impl Importer {
    /// Creates an importer for a site; the journal names `author` as the author of all writes.
    pub fn new(site: Arc<Site>, author: Author, policy: ImportPolicy) -> Self {
        Self { site, author, policy, notes: Vec::new(), ids: HashMap::new() }
    }

    fn context(&self) -> WriteContext<'_> {
        WriteContext::unrestricted(&self.site, &self.author)
    }

    /// Applies an entry within the current transaction. Returns the lines for the report; that the entry was
    /// refused is one of them and no error.
    ///
    /// # Errors
    /// Fails if the database fails. The import must end then.
    pub fn apply(&mut self, connection: &mut Db, file: &str, entry: ImportEntry) -> Result<Vec<ReportLine>, Problem> {
        let line = |place: String, outcome, faults: Vec<Violation>| ReportLine {
            file: file.to_owned(),
            place,
            outcome,
            kind: "",
            what: String::new(),
            faults,
        };
        match entry {
            ImportEntry::Broken { place, fault } => Ok(vec![line(place, Outcome::Refused, vec![fault])]),
            ImportEntry::Note { place, fault } => Ok(vec![line(place, Outcome::Note, vec![fault])]),
            ImportEntry::Record(mut record) => {
                self.notes = languages::arrange(&mut record, &self.site);
                let named = ReportLine {
                    kind: record.kind,
                    what: name(&record),
                    ..line(record.place.clone(), Outcome::Note, Vec::new())
                };
                let outcome = in_savepoint(connection, |c| self.record(c, &record))?;
                let mut lines = report_lines(named.clone(), outcome, record.supporting);
                lines.extend(self.notes.drain(..).map(|fault| ReportLine { faults: vec![fault], ..named.clone() }));
                Ok(lines)
            }
            ImportEntry::Exported { place, mut item } => {
                let renewed = restore::renew_times(&mut item);
                let kind = ContentType::of_kind(&item.kind).map_or("", |r| r.kind);
                let named = ReportLine { kind, what: item.slug.clone(), ..line(place, Outcome::Note, Vec::new()) };
                let outcome = in_savepoint(connection, |c| restore::item(c, self.context(), &item))?;
                let taken = matches!(outcome, Ok(Outcome::Created));
                let mut lines = report_lines(named.clone(), outcome, false);
                let notes = renewed.into_iter().filter(|_| taken).map(other_rules);
                lines.extend(notes.map(|fault| ReportLine { faults: vec![fault], ..named.clone() }));
                Ok(lines)
            }
        }
    }

    /// Completes an exported item with its references to items of its own kind, after all items were created.
    /// Returns the violations because of which it was refused, if any.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub fn complete(&mut self, connection: &mut Db, item: &Exported) -> Result<Vec<Violation>, Problem> {
        let mut item = item.clone();
        restore::renew_times(&mut item);
        let done = in_savepoint(connection, |c| restore::complete(c, self.context(), &item))?;
        Ok(done.err().unwrap_or_default())
    }

    /// Creates or updates the item of a record.
    ///
    /// A record is identified by its source. If its fingerprint is that of the last import, nothing is
    /// written, which makes repeated imports cheap. A new record whose `same_as` source is known joins the
    /// item of that source.
    fn record(&mut self, connection: &mut Db, record: &Record) -> Result<Outcome, Problem> {
        let fingerprint = fingerprint(record);
        let known = sources::find(connection, record.kind, &record.source)?;
        if let Some(known) = known.as_ref().filter(|known| known.fingerprint == fingerprint) {
            self.remember(record.kind, &record.source, &known.item_id);
            return Ok(Outcome::Unchanged);
        }
        let shared = match &record.same_as {
            Some(source) if known.is_none() => sources::find(connection, record.kind, source)?,
            _ => None,
        };
        let joins = shared.is_some();
        let (item_id, version, outcome) = match known.or(shared) {
            Some(earlier) => match self.update(connection, record, &earlier.item_id, joins)? {
                Some(done) => done,
                None => return Ok(Outcome::Kept),
            },
            None => {
                let item = self.create(connection, record)?;
                (item.id, item.version, Outcome::Created)
            }
        };
        let source = |source: &str, fingerprint: &str| Source {
            kind: record.kind.to_owned(),
            source: source.to_owned(),
            item_id: item_id.clone(),
            fingerprint: fingerprint.to_owned(),
            version,
        };
        sources::keep(connection, &source(&record.source, &fingerprint))?;
        if let Some(shared) = &record.same_as {
            let fingerprint =
                sources::find(connection, record.kind, shared)?.map_or(String::new(), |row| row.fingerprint);
            sources::keep(connection, &source(shared, &fingerprint))?;
        }
        self.remember(record.kind, &record.source, &item_id);
        Ok(outcome)
    }

    /// Creates the item of a record. A suggested slug that is taken is dropped for a generated one, since it
    /// is no reason to refuse the record.
    fn create(&mut self, connection: &mut Db, record: &Record) -> Result<Item, Problem> {
        let content_type = content_type_of(record)?;
        let body = self.resolve_sources(connection, content_type, record.body.clone())?;
        let draft = self.validate(connection, content_type, body, None)?;
        let suggested = record.slug.as_deref().map(from_title).filter(|slug| !slug.is_empty());
        let slug = match suggested {
            Some(slug) if slugs::is_free(connection, content_type.kind, &slug)? => Some(slug),
            _ => None,
        };
        let status = Some(self.policy.status.to_owned());
        let writing =
            ItemWrite { content_type, slug, locale: None, slugs: SlugsByLocale::new(), status, content: draft.content };
        insert(connection, self.context(), writing, Origin::default())
    }

    /// Updates the item of a record. Returns its id, the version to store with the source, and the outcome,
    /// or `None` if the item is left as an editor left it.
    ///
    /// The item was edited if its version is not the one that the last import left. Trashed items are never
    /// updated: an editor removed them on purpose.
    fn update(
        &mut self,
        connection: &mut Db,
        record: &Record,
        id: &str,
        joins: bool,
    ) -> Result<Option<(String, i64, Outcome)>, Problem> {
        let content_type = content_type_of(record)?;
        let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
        let imported: Option<i64> = sources_table::table
            .filter(sources_table::item_id.eq(id))
            .select(diesel::dsl::max(sources_table::version))
            .first(connection)?;
        let edited = imported != Some(item.version);
        if item.trashed_at != 0 || (edited && !joins && !self.policy.overwrite) {
            return Ok(None);
        }
        let content = item.content();
        let mut body = editable_form(content_type.fields, &content, &LocaleMode::All);
        let given = self.resolve_sources(connection, content_type, record.body.clone())?;
        self.notes.extend(merge_fields(&mut body, given, record.same_as.is_some(), joins));
        let draft = self.validate(connection, content_type, body, Some(&content))?;
        // A record that joins an edited item must not store the item's new version: the next import would
        // take the editor's changes for its own and overwrite them.
        let earlier = imported.filter(|_| edited && !self.policy.overwrite);
        if draft.content == content {
            return Ok(Some((item.id, earlier.unwrap_or(item.version), Outcome::Unchanged)));
        }
        let writing = ItemWrite {
            content_type,
            slug: None,
            locale: None,
            slugs: SlugsByLocale::new(),
            status: None,
            content: draft.content,
        };
        let item = write::update(connection, self.context(), item, writing)?;
        Ok(Some((item.id, earlier.unwrap_or(item.version), Outcome::Updated)))
    }

    /// Validates a body and resolves its references.
    fn validate(
        &self,
        connection: &mut Db,
        content_type: &'static ContentType,
        body: Map<String, Value>,
        before: Option<&Map<String, Value>>,
    ) -> Result<ValidatedBody, Problem> {
        let mut faults = Violations::new();
        let rules = BodyRules { content_type, mode: &LocaleMode::All, site: &self.site };
        let mut draft = ValidatedBody::read(rules, &Value::Object(body), before, &mut faults);
        draft.resolve(connection, Among::Present, &LocalNames::new(), &mut faults)?;
        if faults.is_empty() { Ok(draft) } else { Err(Problem::invalid(faults)) }
    }

    /// Replaces the sources in a body's references by the ids of the items that were imported from them.
    fn resolve_sources(
        &mut self,
        connection: &mut Db,
        content_type: &'static ContentType,
        body: Map<String, Value>,
    ) -> Result<Map<String, Value>, Problem> {
        let (mut faults, mut failure) = (Violations::new(), None);
        let mut body = Value::Object(body);
        visit_references(content_type, &mut body, |target, place, slot| {
            let Some(source) = slot.as_str().filter(|text| text.contains(':')) else { return };
            match self.id_of(connection, target, source) {
                Ok(Some(id)) => *slot = id.into(),
                Ok(None) => {
                    faults.add(place, "dangling_reference", format!("nothing was imported from \"{source}\""));
                }
                Err(problem) => failure = Some(problem),
            }
        });
        match (failure, body) {
            (Some(problem), _) => Err(problem),
            (None, Value::Object(body)) if faults.is_empty() => Ok(body),
            (None, _) => Err(Problem::invalid(faults)),
        }
    }

    /// Returns the id of the item that was imported from a source, if there is one.
    fn id_of(&mut self, connection: &mut Db, kind: &'static str, source: &str) -> Result<Option<String>, Problem> {
        if let Some(id) = self.ids.get(&(kind, source.to_owned())) {
            return Ok(Some(id.clone()));
        }
        let found = sources::find(connection, kind, source)?.map(|row| row.item_id);
        if let Some(id) = &found {
            self.remember(kind, source, id);
        }
        Ok(found)
    }

    fn remember(&mut self, kind: &'static str, source: &str, id: &str) {
        if self.ids.len() >= MAX_CACHED_SOURCES {
            self.ids.clear();
        }
        self.ids.insert((kind, source.to_owned()), id.to_owned());
    }
}

/// Returns the content type of a record.
fn content_type_of(record: &Record) -> Result<&'static ContentType, Problem> {
    ContentType::of_kind(record.kind).ok_or_else(|| Problem::internal(&"a reader returned an unknown kind of content"))
}

/// Runs `work` within a savepoint, which is rolled back if `work` is refused. The violations are then the
/// inner error. A failure of the database is the outer error, which ends the import: the transaction cannot
/// be continued after it.
fn in_savepoint<T>(
    connection: &mut Db,
    work: impl FnOnce(&mut Db) -> Result<T, Problem>,
) -> Result<Result<T, Vec<Violation>>, Problem> {
    connection.set_savepoint(Savepoint::RECORD)?;
    match work(connection) {
        Ok(done) => {
            connection.release_savepoint(Savepoint::RECORD)?;
            Ok(Ok(done))
        }
        Err(problem) if matches!(problem.kind, ProblemKind::Internal | ProblemKind::Unavailable) => Err(problem),
        Err(problem) => {
            connection.rollback_to_savepoint(Savepoint::RECORD)?;
            let whole =
                Violation { pointer: String::new(), code: problem.kind.code().to_owned(), message: problem.detail };
            Ok(Err(if problem.errors.is_empty() { vec![whole] } else { problem.errors }))
        }
    }
}

/// Returns the report lines of an outcome. An unchanged supporting record gets none.
fn report_lines(line: ReportLine, outcome: Result<Outcome, Vec<Violation>>, supporting: bool) -> Vec<ReportLine> {
    match outcome {
        Ok(Outcome::Unchanged) if supporting => Vec::new(),
        Ok(outcome) => vec![ReportLine { outcome, ..line }],
        Err(faults) => vec![ReportLine { outcome: Outcome::Refused, faults, ..line }],
    }
}

/// Merges the fields of a record into those of an item. Records that share an item append to its lists
/// instead of replacing them. A record that joins an item fills empty fields only; the fields in which it
/// differs are returned as notes.
fn merge_fields(body: &mut Map<String, Value>, given: Map<String, Value>, shared: bool, joins: bool) -> Vec<Violation> {
    let mut disagreements = Vec::new();
    // A record that has a start but no end removes the old end, which belonged to the old start and might
    // precede the new one.
    if !joins && given.contains_key("starts_at") && !given.contains_key("ends_at") {
        body.shift_remove("ends_at");
    }
    for (field, value) in given {
        match (body.get_mut(&field), value) {
            (Some(Value::Array(present)), Value::Array(more)) if shared => {
                for entry in more {
                    if !present.contains(&entry) {
                        present.push(entry);
                    }
                }
            }
            (Some(present), value) if joins && !present.is_null() => {
                if *present != value {
                    let message =
                        format!("the item has {present} from another record and this one has {value}; not changed");
                    disagreements.push(Violation {
                        pointer: child_pointer("", &field),
                        code: "differs".to_owned(),
                        message,
                    });
                }
            }
            (_, value) => {
                body.insert(field, value);
            }
        }
    }
    disagreements
}

/// Returns the note on a time that was exported under other time zone rules.
fn other_rules(time: RenewedTime) -> Violation {
    let message = format!(
        "\"{}\" was written with other rules of its time zone; with the rules here, the same local time is \"{}\"",
        time.before, time.after
    );
    Violation { pointer: time.pointer, code: "other_rules".to_owned(), message }
}

/// Returns the title or name of a record for the report, or else its source.
fn name(record: &Record) -> String {
    let label = ContentType::of_kind(record.kind).and_then(|r| record.body.get(r.label));
    let text = match label {
        Some(Value::Object(map)) => map.values().next().and_then(Value::as_str),
        Some(value) => value.as_str(),
        None => None,
    };
    text.unwrap_or(&record.source).to_owned()
}

/// Returns a hash of a record's content, by which an unchanged record is recognised.
fn fingerprint(record: &Record) -> String {
    let text = serde_json::to_vec(record).unwrap_or_default();
    Sha256::digest(text).iter().take(16).map(|b| format!("{b:02x}")).collect()
}
