//! The public versions of pages in Plenary's own export.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::editable_form::editable_form;
use crate::content::translations::Translations;
use crate::content::violation::{Violation, Violations};
use crate::content::{LocaleMode, Site, offsets};
use crate::content_types::pages::{PAGE, PUBLIC_VERSIONS};
use crate::database::Db;
use crate::database::schema::journal;
use crate::delivery::page_versions;
use crate::items::Item;
use crate::items::imported_versions::{self, ImportedVersion};
use crate::problem::Problem;
use crate::transfer::record::{ExportedItem, ExportedVersion};
use crate::transfer::restore::{amend_body, check_number};

/// Returns the public versions of an item, the newest first; none if it does not show them.
///
/// # Errors
/// Fails if a query fails.
pub fn of_item(connection: &mut Db, item: &Item) -> QueryResult<Vec<ExportedVersion>> {
    if item.kind != PAGE.kind || item.content().get(PUBLIC_VERSIONS).and_then(Value::as_bool) != Some(true) {
        return Ok(Vec::new());
    }
    let exported = |version: page_versions::PublicPageVersion| ExportedVersion {
        version: version.version,
        content: editable_form(PAGE.fields, &version.content, &LocaleMode::All),
        translations: Translations::parse(&version.translations),
        slug: version.slug,
        periods: version.periods,
    };
    Ok(page_versions::versions(connection, &item.id)?.into_iter().map(exported).collect())
}

/// Adds the violations of the numbers and times of the versions of an item.
pub fn check(exported: &ExportedItem, faults: &mut Violations) {
    for (index, version) in exported.public_versions.iter().enumerate() {
        let place = format!("/public_versions/{index}");
        check_number(&format!("{place}/version"), version.version, faults);
        if version.version > exported.version {
            faults.add(format!("{place}/version"), "out_of_range", "must not be after the version of the page");
        }
        if exported.public_versions[..index].iter().any(|newer| newer.version <= version.version) {
            faults.add(format!("{place}/version"), "out_of_range", "must be before the version above it");
        }
        if version.periods.is_empty() {
            faults.add(format!("{place}/periods"), "empty", "a version was public at least once");
        }
        for (number, period) in version.periods.iter().enumerate() {
            let place = format!("{place}/periods/{number}");
            check_number(&format!("{place}/from"), period.from, faults);
            let until = period.until.unwrap_or(period.from);
            check_number(&format!("{place}/until"), until, faults);
            if until < period.from || (period.until.is_none() && (index, number) != (0, 0)) {
                faults.add(format!("{place}/until"), "out_of_range", "must be after the beginning of the period");
            }
        }
    }
}

/// Restores the public versions of a page that came with this import. Details that break a rule, such as a reference to an
/// item that is gone, are left out with a note, and so is a version of which nothing is left.
///
/// # Errors
/// Fails if the database fails.
pub fn restore(connection: &mut Db, site: &Site, exported: &ExportedItem) -> Result<Vec<Violation>, Problem> {
    if exported.public_versions.is_empty() || !came_with_import(connection, exported)? {
        return Ok(Vec::new());
    }
    let (mut notes, mut versions) = (Vec::new(), Vec::new());
    for (index, version) in exported.public_versions.iter().enumerate() {
        let mut given = version.content.clone();
        offsets::renew(PAGE.fields, &mut given);
        let (content, faults) = match amend_body(connection, site, &PAGE, given)? {
            Ok((content, faults)) => (Some(content), faults),
            Err(faults) => (None, faults),
        };
        let below =
            |note: Violation| Violation { pointer: format!("/public_versions/{index}{}", note.pointer), ..note };
        notes.extend(faults.into_iter().map(below));
        versions.extend(content.map(|content| row(&exported.id, version, content)));
    }
    imported_versions::keep(connection, &exported.id, versions)?;
    Ok(notes)
}

/// Returns whether the history of an item begins here with its exported version. Where it is older, it has the versions. In a
/// rehearsal beside the database, a new item has no history at all.
fn came_with_import(connection: &mut Db, exported: &ExportedItem) -> QueryResult<bool> {
    let own = journal::table.filter(journal::item_id.eq(&exported.id).and(journal::kind.eq(&exported.kind)));
    let first = own.order(journal::sequence).select(journal::version).first::<i64>(connection).optional()?;
    Ok(first.is_none_or(|first| first == exported.version))
}

fn row(item_id: &str, version: &ExportedVersion, content: Map<String, Value>) -> ImportedVersion {
    ImportedVersion {
        item_id: item_id.to_owned(),
        version: version.version,
        periods: serde_json::to_string(&version.periods).unwrap_or_default(),
        slug: version.slug.clone(),
        translations: version.translations.to_json(),
        content: Value::Object(content).to_string(),
    }
}
