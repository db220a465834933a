//! Plenary's own export: JSON Lines with one item per line, each kind of content after those that it refers
//! to. It has no timestamp of its own, so the same content always gives the same bytes.

use std::collections::HashMap;
use std::io::Write;

use diesel::prelude::*;

use super::record::{ExportedDraft, ExportedItem, ExportedSource};
use super::{exported_forms, exported_issues, exported_versions};
use crate::content::LocaleMode;
use crate::content::editable_form::editable_form;
use crate::content::field::Field;
use crate::content_types::{ContentType, in_order_of_reference};
use crate::database::schema::{items, slugs};
use crate::database::{Database, DatabaseError, Db, in_list, in_list_unindexed};
use crate::items::paths;
use crate::items::sources::{Source, of_items};
use crate::items::working_draft::{self, WorkingDraft};
use crate::items::{ANY_LOCALE, Item, taken_slugs};
use crate::newsletter::issues;

/// Number of items per query.
const CHUNK: i64 = 500;

/// The error that ended an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The output cannot be written.
    #[error("the export cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl From<diesel::result::Error> for ExportError {
    fn from(error: diesel::result::Error) -> Self {
        ExportError::Database(error.into())
    }
}

/// Writes all content to `out`, as of one moment: everything is read in a single read transaction. Returns
/// the number of items.
///
/// # Errors
/// Fails if the database fails or the output cannot be written.
pub async fn write<W: Write + Send + 'static>(database: &Database, mut out: W) -> Result<u64, ExportError> {
    database
        .read(move |c| {
            let mut count = 0;
            for content_type in in_order_of_reference() {
                count += for_each_chunk(c, content_type, false, |c, rows| lines(c, content_type, rows, &mut out))?;
            }
            for form in exported_forms::all(c)? {
                write_line(&form, &mut out)?;
                count += 1;
            }
            for issue in issues::all(c)? {
                write_line(&exported_issues::to_exported(issue), &mut out)?;
                count += 1;
            }
            out.flush()?;
            Ok(count)
        })
        .await
}

/// Passes all items of a kind to `work` in chunks, ordered by id. Returns the number of items.
///
/// # Errors
/// Fails if the database fails, and with any error of `work`.
pub fn for_each_chunk(
    connection: &mut Db,
    content_type: &'static ContentType,
    live_only: bool,
    mut work: impl FnMut(&mut Db, Vec<Item>) -> Result<(), ExportError>,
) -> Result<u64, ExportError> {
    let (mut last, mut count) = (String::new(), 0);
    loop {
        // Keyset pagination over the primary key: each chunk costs the same, however many items precede it.
        // The kind is kept from choosing another index, which would have to sort all items of the kind for
        // every chunk.
        let kind = in_list_unindexed(connection.dialect(), items::kind, [content_type.kind]);
        let mut query = items::table.filter(items::id.gt(&last).and(kind)).into_boxed();
        if live_only {
            query = query.filter(items::live.eq(true));
        }
        let rows: Vec<Item> = query.order(items::id).limit(CHUNK).select(Item::as_select()).load(connection)?;
        let Some(row) = rows.last() else { return Ok(count) };
        last.clone_from(&row.id);
        count += rows.len() as u64;
        work(connection, rows)?;
    }
}

/// The rows of other tables that belong to items, by the id of the item.
struct SideRows {
    sources: HashMap<String, Vec<ExportedSource>>,
    slugs: HashMap<String, Vec<String>>,
    taken_slugs: HashMap<String, Vec<String>>,
    paths: HashMap<String, Vec<(String, String)>>,
    drafts: HashMap<String, WorkingDraft>,
}

impl SideRows {
    fn load(connection: &mut Db, content_type: &'static ContentType, rows: &[Item]) -> QueryResult<Self> {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let mut sources: HashMap<String, Vec<ExportedSource>> = HashMap::new();
        for row in of_items(connection, &ids)? {
            let (ids, fields) = (serde_json::from_str(&row.ids).unwrap_or_default(), row.record_fields());
            let Source { item_id, source, fingerprint, version, origin, revision, .. } = row;
            let exported = ExportedSource { source, fingerprint, version, origin, revision, ids, fields };
            sources.entry(item_id).or_default().push(exported);
        }
        let dialect = connection.dialect();
        let slugs: Vec<(String, String)> = slugs::table
            .filter(in_list(dialect, slugs::item_id, &ids).and(slugs::locale.eq(ANY_LOCALE)))
            .order((slugs::item_id, slugs::slug))
            .select((slugs::item_id, slugs::slug))
            .load(connection)?;
        let taken_slugs = by_item(taken_slugs::of_items(connection, &ids)?);
        let paths = if content_type.has_paths() { paths::load_former(connection, &ids)? } else { HashMap::new() };
        let drafts = working_draft::find_all(connection, rows)?;
        Ok(Self { sources, slugs: by_item(slugs), taken_slugs, paths, drafts })
    }

    /// Returns an item as an export has it, with the rows that belong to it.
    fn export(&mut self, connection: &mut Db, fields: &'static [Field], row: Item) -> QueryResult<ExportedItem> {
        let draft = self.drafts.remove(&row.id).map(|draft| ExportedDraft {
            content: editable_form(fields, &draft.content(), &LocaleMode::All),
            slug: draft.slug,
            version: row.draft_version,
            updated_at: draft.updated_at,
        });
        let mut old_slugs = self.slugs.remove(&row.id).unwrap_or_default();
        old_slugs.retain(|slug| *slug != row.slug);
        Ok(ExportedItem {
            sources: self.sources.remove(&row.id).unwrap_or_default(),
            taken_slugs: self.taken_slugs.remove(&row.id).unwrap_or_default(),
            old_paths: self.paths.remove(&row.id).unwrap_or_default(),
            public_versions: exported_versions::of_item(connection, &row)?,
            content: editable_form(fields, &row.content(), &LocaleMode::All),
            translations: row.translations(),
            stage: Some(row.stage).filter(|stage| stage == "in_review"),
            draft,
            kind: row.kind,
            id: row.id,
            slug: row.slug,
            old_slugs,
            status: row.status,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            published_at: row.published_at,
            trashed_at: row.trashed_at,
        })
    }
}

/// Groups pairs of an item's id and a value by the id.
fn by_item(pairs: Vec<(String, String)>) -> HashMap<String, Vec<String>> {
    let mut grouped: HashMap<String, Vec<String>> = HashMap::new();
    for (id, value) in pairs {
        grouped.entry(id).or_default().push(value);
    }
    grouped
}

fn lines(
    connection: &mut Db,
    content_type: &'static ContentType,
    rows: Vec<Item>,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let mut side_rows = SideRows::load(connection, content_type, &rows)?;
    for row in rows {
        write_line(&side_rows.export(connection, content_type.fields, row)?, out)?;
    }
    Ok(())
}

fn write_line(line: &impl serde::Serialize, out: &mut impl Write) -> Result<(), std::io::Error> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
