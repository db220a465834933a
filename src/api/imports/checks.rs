//! What a request for an import must say besides options that are valid by themselves.

use crate::content::violation::Violations;
use crate::http::request::Request;
use crate::problem::Problem;
use crate::transfer::import::event_exists;
use crate::transfer::import_jobs::{ImportOptions, ReceivedFile};
use crate::transfer::read::{ImportFormat, Mapping};
use crate::transfer::source_naming::names_itself;

/// Requires a valid mapping for a list, a name for a file that does not name its source, and that the event exists. The
/// file is given by its format, its name, and whether it was given a name.
///
/// # Errors
/// 400 or 422 with everything that is missing or wrong.
pub async fn require_valid(
    request: &Request,
    (format, file, is_named): (ImportFormat, &str, bool),
    options: &ImportOptions,
    received: &ReceivedFile,
) -> Result<(), Problem> {
    let mut violations = Violations::new();
    check_mapping(format, options.mapping.as_deref(), &mut violations);
    let mut is_complete = true;
    if !is_named && !says_its_source(request, (format, file), options, received).await? {
        let message = "the file does not name its source, so two such files would be one source; give a name, or the name \
                       of the file (`filename`)";
        violations.add("?name", "required", message);
        is_complete = false;
    }
    if let Some(event) = options.event.clone() {
        let name = event.clone();
        if !request.app.database.read(move |c| Ok::<_, Problem>(event_exists(c, &name)?)).await? {
            violations.add("?event", "dangling_reference", format!("there is no event \"{event}\""));
            is_complete = false;
        }
    }
    match (violations.is_empty(), is_complete) {
        (true, _) => Ok(()),
        (false, false) => Err(Problem::bad_request(violations)),
        (false, true) => Err(Problem::invalid(violations)),
    }
}

/// Notes a list without a mapping, and a mapping that is not valid.
fn check_mapping(format: ImportFormat, mapping: Option<&str>, violations: &mut Violations) {
    match mapping.map(Mapping::parse) {
        None if format == ImportFormat::Csv => {
            violations.add("/mapping", "required", "a CSV file requires a mapping, as a part of a form");
        }
        Some(Err(message)) => violations.add("/mapping", "not_valid", message),
        None | Some(Ok(_)) => {}
    }
}

/// Returns whether a file without a name says what its source is. Lists never do.
async fn says_its_source(
    request: &Request,
    (format, file): (ImportFormat, &str),
    options: &ImportOptions,
    received: &ReceivedFile,
) -> Result<bool, Problem> {
    if matches!(format, ImportFormat::Csv | ImportFormat::Conferences) {
        return Ok(false);
    }
    let Ok(read) = options.for_import(file, format, &request.app.site, 0) else { return Ok(true) };
    let beginning = received.beginning.clone();
    names_itself(format, beginning, read.settings).await.map_err(|error| Problem::internal(&error))
}
