//! The slugs of items in Plenary's own export: present and former ones, those of other languages, and those of drafts
//! and of public versions.

use diesel::result::QueryResult;

use super::record::ExportedItem;
use crate::content::slug::{is_id, is_slug};
use crate::content::translations::Translations;
use crate::content::violation::{Violation, Violations, child_pointer};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::editorial::slugs;
use crate::editorial::validate::may_have_slug;
use crate::items::taken_slugs;
use crate::problem::{Problem, ProblemKind};

/// Adds the violations of all slugs and former paths of an item. What the item has now must be allowed. A former slug
/// may be a word that has become a part of other addresses since, or the id of an item that was merged into this one.
pub fn check(content_type: &'static ContentType, exported: &ExportedItem, faults: &mut Violations) {
    check_present(content_type, "/slug", &exported.slug, faults);
    if let Some(draft) = &exported.draft {
        check_present(content_type, "/draft/slug", &draft.slug, faults);
    }
    for (locale, slug) in exported.translations.slugs() {
        check_present(content_type, &of_locale("", locale), slug, faults);
    }
    for (name, former) in [("old_slugs", &exported.old_slugs), ("taken_slugs", &exported.taken_slugs)] {
        for (index, slug) in former.iter().enumerate().filter(|(_, slug)| !is_former(slug)) {
            let message = format!("\"{slug}\" is neither a slug nor an id");
            faults.add(format!("/{name}/{index}"), "not_a_slug", message);
        }
    }
    for (index, version) in exported.public_versions.iter().enumerate() {
        let place = format!("/public_versions/{index}");
        check_form(&format!("{place}/slug"), &version.slug, faults);
        for (locale, slug) in version.translations.slugs() {
            check_form(&of_locale(&place, locale), slug, faults);
        }
    }
    check_paths(content_type, &exported.old_paths, faults);
}

/// Returns the pointer of the slug of a language.
fn of_locale(place: &str, locale: &str) -> String {
    format!("{}/slug", child_pointer(&format!("{place}/translations"), locale))
}

fn check_present(content_type: &'static ContentType, place: &str, slug: &str, faults: &mut Violations) {
    if check_form(place, slug, faults) {
        may_have_slug(content_type, slug, place, faults);
    }
}

fn check_form(place: &str, slug: &str, faults: &mut Violations) -> bool {
    let is_valid = is_slug(slug);
    if !is_valid {
        faults.add(place, "not_a_slug", format!("\"{slug}\" is not a slug"));
    }
    is_valid
}

fn is_former(slug: &str) -> bool {
    is_slug(slug) || (is_id(slug) && slug == slug.to_ascii_lowercase())
}

/// Adds the violations of former paths, whose segments are slugs. The path of the home page is empty.
fn check_paths(content_type: &'static ContentType, paths: &[(String, String)], faults: &mut Violations) {
    if !paths.is_empty() && !content_type.has_paths() {
        faults.add("/old_paths", "not_allowed", format!("no {} has a path", content_type.kind));
    }
    for (index, (_, path)) in paths.iter().enumerate() {
        if !path.is_empty() && !path.split('/').all(is_slug) {
            let message = format!("\"{path}\" is no path: its segments must be slugs");
            faults.add(format!("/old_paths/{index}/1"), "not_a_path", message);
        }
    }
}

/// Returns the translations of an item without the slugs that another item has here, with a note on each of these: an
/// address leads to one item.
///
/// # Errors
/// Fails if a query fails.
pub fn free_translations(
    connection: &mut Db,
    content_type: &'static ContentType,
    exported: &ExportedItem,
) -> Result<(Translations, Vec<Violation>), Problem> {
    let (mut translations, mut notes) = (exported.translations.clone(), Vec::new());
    for (locale, slug) in exported.translations.slugs() {
        let problem = match slugs::require_free(connection, content_type.kind, &exported.id, slug) {
            Err(problem) if problem.kind == ProblemKind::Conflict => problem,
            outcome => {
                outcome?;
                continue;
            }
        };
        translations.set(locale, |state| state.slug = None);
        notes.push(conflict(of_locale("", locale), problem));
    }
    Ok((translations, notes))
}

/// Returns the note on a slug that is left out, because another item has it here.
pub fn conflict(pointer: String, problem: Problem) -> Violation {
    let why = problem.errors.into_iter().next().map_or(problem.detail, |fault| fault.message);
    Violation { pointer, code: "taken".to_owned(), message: format!("left out: {why}") }
}

/// Makes the slugs of an item, besides its own one, lead to it: those of its translations, and former ones that lead to no
/// other item here.
///
/// # Errors
/// Fails if a statement fails.
pub fn keep(
    connection: &mut Db,
    content_type: &'static ContentType,
    exported: &ExportedItem,
    translations: &Translations,
) -> QueryResult<()> {
    let (kind, id) = (content_type.kind, exported.id.as_str());
    for (_, slug) in translations.slugs() {
        match exported.published_at {
            0 => slugs::keep(connection, kind, id, slug)?,
            _ => slugs::keep_shown(connection, kind, id, slug)?,
        }
    }
    for slug in &exported.old_slugs {
        if slugs::is_free(connection, kind, slug)? {
            slugs::keep_shown(connection, kind, id, slug)?;
        }
    }
    for slug in &exported.taken_slugs {
        taken_slugs::note(connection, (kind, slug), id)?;
    }
    if exported.published_at > 0 && (exported.status != "published" || exported.trashed_at > 0) {
        slugs::keep_shown(connection, kind, id, &exported.slug)?;
    }
    Ok(())
}
