//! Contact forms in Plenary's own export. They are no content, and a site does not work without them.

use crate::contact::forms::{self, ContactForm, FormDefinition};
use crate::content::Site;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::journal::{self, Author, NewEntry, history};
use crate::problem::Problem;
use crate::transfer::record::ExportedForm;
use crate::transfer::report::{CONTACT_FORM, Outcome};
use crate::transfer::restore::check_number;

/// Returns all forms as an export has them, in the order of their names.
///
/// # Errors
/// Fails if the query fails.
pub fn all(connection: &mut Db) -> diesel::QueryResult<Vec<ExportedForm>> {
    let exported = |form: ContactForm| ExportedForm {
        kind: CONTACT_FORM.to_owned(),
        name: form.name,
        version: form.version,
        updated_at: form.updated_at,
        form: form.definition,
    };
    Ok(forms::all(connection)?.into_iter().map(exported).collect())
}

/// Restores a form with its version. A form that exists already is left as it is; a form that was deleted here goes on with its
/// versions, so that no tag of it is one of the new form.
///
/// # Errors
/// 422 if the form breaks a rule.
pub fn restore(
    connection: &mut Db,
    (site, author): (&Site, &Author),
    exported: &ExportedForm,
) -> Result<Outcome, Problem> {
    let mut faults = Violations::new();
    if !forms::is_name(&exported.name) {
        faults.add("/name", "not_a_slug", forms::no_name(&exported.name));
    }
    check_number("/version", exported.version, &mut faults);
    check_number("/updated_at", exported.updated_at, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let definition = check_form(&exported.form, site)?;
    if let Some(present) = forms::by_name(connection, &exported.name)? {
        return Ok(if present.definition == definition { Outcome::Unchanged } else { Outcome::Kept });
    }
    let last = history::last_version(connection, CONTACT_FORM, &exported.name)?;
    let (version, updated_at) = (exported.version.max(last + 1), exported.updated_at);
    let form = ContactForm { name: exported.name.clone(), definition, version, updated_at };
    forms::write(connection, &form, false)?;
    let snapshot = serde_json::to_string(&form.definition).unwrap_or_default();
    let entry = NewEntry { action: "update", kind: CONTACT_FORM, id: &form.name, version, snapshot, changed: &[] };
    journal::append(connection, author, entry)?;
    Ok(Outcome::Created)
}

/// Returns a form by the rules of a form that is set up.
fn check_form(form: &FormDefinition, site: &Site) -> Result<FormDefinition, Problem> {
    let body = serde_json::to_value(form).map_err(|error| Problem::internal(&error))?;
    FormDefinition::read_body(&body, site).map_err(|problem| {
        let mut faults = Violations::new();
        for fault in problem.errors {
            faults.add(format!("/form{}", fault.pointer), &fault.code, fault.message);
        }
        Problem::invalid(faults)
    })
}
