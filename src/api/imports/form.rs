//! The body of a request for an import: the file itself, or a form with the file, the mapping of its columns, and options.

use futures_util::{StreamExt, pin_mut};
use multer::{Field, Multipart};

use super::options::{NAMES, file_name};
use crate::content::violation::{Violations, unknown_name_message};
use crate::http::body::require_media_type;
use crate::http::request::Request;
use crate::http::response::FORM_DATA;
use crate::http::upload::{Upload, UploadError};
use crate::problem::Problem;
use crate::transfer::import_jobs::Reception;

/// The media types of a body that is the file itself, each with the ending that files of its formats have.
const MEDIA_TYPES: [(&str, &str); 12] = [
    ("text/calendar", "ics"),
    ("application/json", "json"),
    ("application/xml", "xml"),
    ("text/xml", "xml"),
    ("application/jsonl", "jsonl"),
    ("application/x-ndjson", "jsonl"),
    ("text/csv", "csv"),
    ("text/tab-separated-values", "tsv"),
    ("application/yaml", "yaml"),
    ("application/x-yaml", "yaml"),
    ("text/yaml", "yaml"),
    ("application/octet-stream", ""),
];
/// Names of the parts of a form besides the options.
const PARTS: [&str; 2] = ["file", "mapping"];
/// Greatest size of an option, in bytes.
const MOST_OPTION_BYTES: usize = 1_000;
/// Greatest size of a mapping, in bytes.
const MOST_MAPPING_BYTES: usize = 65_536;

/// The parts of a body besides the bytes of the file.
#[derive(Debug, Default)]
pub struct ImportForm {
    /// Pointer to the file.
    pub pointer: &'static str,
    /// Name of the file, if the client says it.
    pub name: Option<String>,
    /// Ending of the names of files with the media type of this one; empty if that says nothing.
    pub extension: &'static str,
    /// The mapping of a CSV file.
    pub mapping: Option<String>,
    /// Options by their names, without those that are empty, as a browser sends them.
    pub options: Vec<(String, String)>,
}

/// Refuses a body that is neither a form nor a file of a known media type.
///
/// # Errors
/// 415 for such a body, 400 for a form without a boundary.
pub fn require_body(request: &Request) -> Result<(), Problem> {
    if is_form(request) {
        return boundary(request).map(drop);
    }
    let mut types = vec![FORM_DATA];
    types.extend(MEDIA_TYPES.iter().map(|(media_type, _)| *media_type));
    require_media_type(request, &types)
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn is_form(request: &Request) -> bool {
    essence(request.header("content-type").unwrap_or_default()).eq_ignore_ascii_case(FORM_DATA)
}

fn boundary(request: &Request) -> Result<String, Problem> {
    multer::parse_boundary(request.header("content-type").unwrap_or_default()).map_err(form_problem)
}

fn extension_of(media_type: &str) -> &'static str {
    let known = MEDIA_TYPES.iter().find(|(known, _)| essence(media_type).eq_ignore_ascii_case(known));
    known.map_or("", |(_, extension)| extension)
}

/// Receives the body of a request.
///
/// # Errors
/// 400 if a form is malformed or the body ends early, 408 if it takes too long, 413 if the file is too large, 422 if the
/// form has other parts than it may have.
pub async fn receive(request: &Request, upload: Upload, reception: &mut Reception) -> Result<ImportForm, Problem> {
    if is_form(request) {
        let form = Multipart::new(upload.into_stream(), boundary(request)?);
        return receive_form(form, reception).await;
    }
    let pieces = upload.into_stream();
    pin_mut!(pieces);
    while let Some(piece) = pieces.next().await {
        reception.push(&piece.map_err(|UploadError(problem)| problem)?).await?;
    }
    let extension = extension_of(request.header("content-type").unwrap_or_default());
    Ok(ImportForm { extension, ..ImportForm::default() })
}

async fn receive_form(mut parts: Multipart<'_>, reception: &mut Reception) -> Result<ImportForm, Problem> {
    let mut form = ImportForm { pointer: "/file", ..ImportForm::default() };
    let (mut seen, mut violations) = (Vec::new(), Violations::new());
    while let Some(mut part) = parts.next_field().await.map_err(form_problem)? {
        let name = part.name().unwrap_or_default().to_owned();
        let pointer = format!("/{name}");
        if seen.contains(&name) {
            violations.add(pointer, "duplicate", "the form has this part already");
            continue;
        }
        match name.as_str() {
            "file" => {
                form.name = part.file_name().map(file_name).filter(|name| !name.is_empty());
                form.extension = part.content_type().map_or("", |media_type| extension_of(media_type.as_ref()));
                while let Some(piece) = part.chunk().await.map_err(form_problem)? {
                    reception.push(&piece).await?;
                }
            }
            "mapping" => form.mapping = text(part, MOST_MAPPING_BYTES, &mut violations).await?,
            option if NAMES.contains(&option) => {
                let value = text(part, MOST_OPTION_BYTES, &mut violations).await?;
                form.options.extend(value.filter(|value| !value.is_empty()).map(|value| (name.clone(), value)));
            }
            other => {
                let known = PARTS.into_iter().chain(NAMES);
                violations.add(pointer, "unknown_field", unknown_name_message("part", other, known));
            }
        }
        seen.push(name);
    }
    if !seen.iter().any(|name| name == "file") {
        violations.add("/file", "required", "the form must have the file as this part");
    }
    if violations.is_empty() { Ok(form) } else { Err(Problem::invalid(violations)) }
}

/// Reads a part that is text of at most `most` bytes.
async fn text(mut part: Field<'_>, most: usize, violations: &mut Violations) -> Result<Option<String>, Problem> {
    let pointer = format!("/{}", part.name().unwrap_or_default());
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(form_problem)? {
        if bytes.len() + piece.len() > most {
            violations.add(pointer, "too_long", format!("must have at most {most} bytes"));
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes);
    if text.is_err() {
        violations.add(pointer, "invalid_utf8", "must be text in UTF-8");
    }
    Ok(text.ok())
}

/// Returns the problem of a form that cannot be read.
fn form_problem(error: multer::Error) -> Problem {
    if let multer::Error::StreamReadFailed(cause) = &error
        && let Some(UploadError(problem)) = cause.downcast_ref::<UploadError>()
    {
        return problem.clone();
    }
    Problem::bad_request(Violations::one("", "malformed_body", format!("the body is no valid form: {error}")))
}
