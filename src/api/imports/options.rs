//! The options of an import, which are those of the command line: query parameters, or parts of the form.

use clap::ValueEnum;
use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::schemas::{LINE, id_or_slug, one_of, text};
use crate::api::parameters::{integer_between, query};
use crate::content::slug::{is_id, is_slug};
use crate::content::values;
use crate::content::violation::{Violations, unknown_name_message};
use crate::http::request::Request;
use crate::problem::Problem;
use crate::transfer::import_jobs::ImportOptions;
use crate::transfer::read::{HORIZON, ImportFormat};

/// Names of the formats.
pub const FORMATS: [&str; 7] = ["export", "csv", "ics", "frab-xml", "schedule-json", "open-event", "conferences"];
/// Names of the options.
pub const NAMES: [&str; 11] = [
    "format",
    "filename",
    "name",
    "event",
    "time_zone",
    "status",
    "dry_run",
    "overwrite",
    "replace",
    "withdraw",
    "horizon",
];
/// Greatest length of names.
const MOST_CHARACTERS: usize = 200;
/// Greatest number of days up to which recurring events are imported.
const MOST_DAYS: u32 = 36_500;

/// The query of a request for an import.
pub struct ImportQuery {
    /// Format of the file, if it is given.
    pub format: Option<ImportFormat>,
    /// Name of the file, if it is given.
    pub file: Option<String>,
    /// The other options.
    pub options: ImportOptions,
}

/// Returns the parameters.
pub fn parameters() -> Vec<Parameter> {
    let line = || text().min_length(Some(1)).max_length(Some(MOST_CHARACTERS)).pattern(Some(LINE));
    let flag =
        |name: &str, about: &str| query(name, ObjectBuilder::new().schema_type(Type::Boolean), about, json!(true));
    vec![
        query(
            "format",
            one_of("ImportFormat", &FORMATS),
            "Format, if name and media type do not tell it.",
            json!("ics"),
        ),
        query("filename", line(), "Name of the file, if the body is the file itself.", json!("schedule.json")),
        query(
            "name",
            line(),
            "Name of the source; by default the one that the file states, else the name of the file.",
            json!("riverdays"),
        ),
        query(
            "event",
            id_or_slug(),
            "Id or slug of the event to which a programme belongs; without it, an event is created.",
            json!("river-days"),
        ),
        query("time_zone", line(), "IANA zone of times that name none.", json!("Europe/Brussels")),
        query("status", one_of("ImportedStatus", &["draft", "published"]), "Status of new items.", json!("draft")),
        flag("dry_run", "Change nothing, only report."),
        flag("overwrite", "Overwrite changes by editors."),
        flag("replace", "Import the file even if it would turn items of its source into other ones."),
        query(
            "withdraw",
            one_of("ImportWithdrawal", &["missing"]),
            "`missing`: cancel the events and unpublish the sessions that the source does not have any more.",
            json!("missing"),
        ),
        query(
            "horizon",
            integer_between(0, MOST_DAYS.into()).default(Some(json!(HORIZON))),
            "Number of days from today up to which the occurrences of recurring events are imported.",
            json!(HORIZON),
        ),
    ]
}

/// Returns the schemas of the options, by their names, for the form.
pub fn schemas() -> impl Iterator<Item = (String, RefOr<Schema>)> {
    parameters().into_iter().filter_map(|parameter| Some((parameter.name, parameter.schema?)))
}

/// Reads the options of a request: its query, and the parts of its form that are options.
///
/// # Errors
/// 400 with each parameter that is not valid, 422 with each part of the form that is not, or that the query has too.
pub fn read(request: &Request, form: &[(String, String)]) -> Result<ImportQuery, Problem> {
    let mut query = GivenOptions { request, form, violations: Violations::new() };
    for (name, _) in form.iter().filter(|(name, _)| request.query(name).is_some()) {
        query.violations.add(format!("/{name}"), "duplicate", "is in the query of the request too");
    }
    let options = ImportOptions {
        dry_run: query.flag("dry_run"),
        name: query.line("name"),
        event: query.event(),
        time_zone: query.time_zone(),
        publish: query.word("status", &["draft", "published"]) == Some("published"),
        overwrite: query.flag("overwrite"),
        replace: query.flag("replace"),
        withdraw_missing: query.word("withdraw", &["missing"]).is_some(),
        horizon: query.horizon(),
        mapping: None,
    };
    let format = query.word("format", &FORMATS).and_then(|word| ImportFormat::from_str(word, false).ok());
    let file = query.line("filename").map(|name| file_name(&name));
    if query.violations.is_empty() {
        Ok(ImportQuery { format, file, options })
    } else if form.is_empty() {
        Err(Problem::bad_request(query.violations))
    } else {
        // The query was read before the form.
        Err(Problem::invalid(query.violations))
    }
}

/// Returns the last part of the name that a client gave a file, without control characters.
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect::<String>().trim().to_owned()
}

struct GivenOptions<'a> {
    request: &'a Request,
    /// The parts of the form that are options, with their values.
    form: &'a [(String, String)],
    violations: Violations,
}

impl<'a> GivenOptions<'a> {
    /// Returns the value of an option, if there is one, and the pointer to it.
    fn option_value(&self, name: &str) -> Option<(&'a str, String)> {
        let part = || self.form.iter().find(|(part, _)| part == name).map(|(_, value)| value.as_str());
        let query = self.request.query(name).map(|value| (value, format!("?{name}")));
        query.or_else(|| Some((part()?, format!("/{name}"))))
    }

    /// Returns the value of an option, if there is one and `parse` accepts it.
    fn value<T>(&mut self, name: &str, code: &str, rule: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (given, pointer) = self.option_value(name)?;
        let found = parse(given);
        if found.is_none() {
            self.violations.add(pointer, code, rule);
        }
        found
    }

    fn flag(&mut self, name: &str) -> bool {
        self.value(name, "not_allowed", "must be true or false", |text| text.parse().ok()).unwrap_or_default()
    }

    fn line(&mut self, name: &str) -> Option<String> {
        let rule = "must be one line of at most 200 characters that is not blank";
        self.value(name, "not_a_value", rule, |text| {
            let is_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
            (is_line && text.chars().count() <= MOST_CHARACTERS).then(|| text.trim().to_owned())
        })
    }

    fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let (given, _) = self.option_value(name)?;
        let rule = unknown_name_message("value", given, words.iter().copied());
        self.value(name, "not_allowed", &rule, |text| words.iter().find(|word| **word == text).copied())
    }

    fn event(&mut self) -> Option<String> {
        let is_valid = |text: &str| is_id(text) || is_slug(text);
        self.value("event", "not_a_slug", "must be a slug", |text| is_valid(text).then(|| text.to_owned()))
    }

    fn time_zone(&mut self) -> Option<String> {
        let (given, pointer) = self.option_value("time_zone")?;
        match values::zone(given) {
            Ok(zone) => Some(zone.name().to_owned()),
            Err((code, message)) => {
                self.violations.add(pointer, code, message);
                None
            }
        }
    }

    fn horizon(&mut self) -> u32 {
        let rule = format!("must be a whole number between 0 and {MOST_DAYS}");
        let days = self.value("horizon", "out_of_range", &rule, |text| text.parse().ok().filter(|n| *n <= MOST_DAYS));
        days.unwrap_or(HORIZON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_the_command_line_has_its_name_here() {
        let names: Vec<String> = ImportFormat::value_variants()
            .iter()
            .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
            .collect();
        assert_eq!(names, FORMATS);
    }

    #[test]
    fn every_option_is_a_parameter_and_a_part() {
        assert_eq!(parameters().into_iter().map(|parameter| parameter.name).collect::<Vec<_>>(), NAMES);
        assert_eq!(schemas().count(), NAMES.len());
    }

    #[test]
    fn a_file_has_the_last_part_of_its_path() {
        for (given, name) in [("a/b/c.ics", "c.ics"), ("C:\\x\\y.csv", "y.csv"), ("../..", ".."), ("a\u{0}b", "ab")] {
            assert_eq!(file_name(given), name);
        }
    }
}
