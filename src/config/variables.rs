//! Settings from environment variables.
//!
//! Other programs set variables with the same prefix: for a Service called `plenary`, Kubernetes sets
//! `PLENARY_PORT=tcp://…`, `PLENARY_SERVICE_HOST` and more in every container, as Docker's links did. Those
//! are skipped. A variable that resembles a setting is an error; any other one is ignored with a warning.

use std::ffi::OsString;

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider, util};
use serde_json::Value as Json;

use super::Config;

const PREFIX: &str = "PLENARY_";
/// Variables that commands and tests read themselves, without the prefix.
const COMMANDS: [&str; 4] = ["config", "admin_email", "admin_password", "data"];
/// Greatest edit distance at which a name counts as a misspelt setting.
const ERRORS: usize = 2;
/// Least length at which the beginning of a setting's name counts as a misspelt setting.
const MIN_PREFIX: usize = 6;

/// The variables of an environment, sorted by their meaning.
#[derive(Debug, Default)]
pub struct Variables {
    /// Variables that give a setting.
    pub settings: Vec<Variable>,
    /// Messages about misspelt settings and values that are not UTF-8, one line each.
    pub violations: Vec<String>,
    /// Names of variables with the prefix that are not settings.
    pub ignored: Vec<String>,
}

/// A variable that gives a setting.
#[derive(Debug)]
pub struct Variable {
    name: String,
    value: Value,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let dict = self.value.as_dict().cloned().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// Sorts the variables of an environment into settings, errors and variables to ignore.
pub fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Variables {
    let settings = Settings::new();
    let mut result = Variables::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| has_prefix(name)) else { continue };
        let setting_name = name[PREFIX.len()..].to_lowercase();
        let path = setting_name.replace("__", ".");
        match value.to_str() {
            _ if COMMANDS.contains(&setting_name.as_str()) => {}
            None if settings.has(&path) => result.violations.push(format!("{name}: the value is not UTF-8")),
            Some(value) if settings.has(&path) => {
                let value = util::nest(&path, settings.value(&path, value));
                result.settings.push(Variable { name: name.to_owned(), value });
            }
            Some(value) if is_service_variable(&setting_name, value) => {}
            _ => match settings.suggestion(&setting_name) {
                Some(suggestion) => {
                    result.violations.push(format!("{name}: there is no such setting; did you mean {suggestion}?"));
                }
                None => result.ignored.push(name.to_owned()),
            },
        }
    }
    result
}

fn has_prefix(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX))
}

/// Returns whether Kubernetes, or a link of Docker, sets a variable of this name (in lower case, without the
/// prefix).
fn is_service_variable(name: &str, value: &str) -> bool {
    let ends = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    let addresses = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let of_port = || {
        let end = name.strip_prefix("port_").or_else(|| Some(name.split_once("_port_")?.1));
        end.is_some_and(|end| {
            let mut words = end.split('_');
            words.next().is_some_and(|number| number.parse::<u16>().is_ok())
                && words.next().is_some_and(|protocol| ["tcp", "udp", "sctp"].contains(&protocol))
                && words.next().is_none_or(|what| ["addr", "port", "proto"].contains(&what))
                && words.next().is_none()
        })
    };
    ends("service_host")
        || ends("service_port")
        || name.starts_with("service_port_")
        || name.contains("_service_port_")
        || (ends("port") && addresses)
        || of_port()
}

/// All settings, by their paths, with their default values.
struct Settings(Vec<(String, Json)>);

impl Settings {
    fn new() -> Self {
        let mut settings = Vec::new();
        collect("", serde_json::to_value(Config::default()).unwrap_or_default(), &mut settings);
        Self(settings)
    }

    /// Returns whether a path is a setting, or an entry of a setting that is a table.
    fn has(&self, path: &str) -> bool {
        self.0.iter().any(|(known, default)| {
            let rest = path.strip_prefix(known.as_str());
            rest == Some("") || (default.is_object() && rest.is_some_and(|rest| rest.starts_with('.')))
        })
    }

    /// Parses a value as the type of its setting, so that a password that consists of digits stays a string.
    fn value(&self, path: &str, text: &str) -> Value {
        let is_text = self.0.iter().any(|(known, default)| known == path && default.is_string());
        if is_text { Value::from(text) } else { text.parse().unwrap_or_else(|_| Value::from(text)) }
    }

    /// Returns the variable that a misspelt name most probably stands for, if it resembles one.
    fn suggestion(&self, name: &str) -> Option<String> {
        let given = without_separators(name);
        let distance = |known: &str| strsim::damerau_levenshtein(&given, &without_separators(known));
        let (nearest, _) = self.0.iter().min_by_key(|(known, _)| distance(known))?;
        let begins =
            |(known, _): &&(String, Json)| given.len() >= MIN_PREFIX && without_separators(known).starts_with(&given);
        let has_section = name.split_once("__").is_some_and(|(section, _)| {
            self.0.iter().filter_map(|(known, _)| known.split_once('.')).any(|(known, _)| known == section)
        });
        let suggestion = match distance(nearest) <= ERRORS.min(given.len() / 3) || has_section {
            true => Some(nearest),
            false => self.0.iter().find(begins).map(|(known, _)| known),
        };
        suggestion.map(|path| format!("{PREFIX}{}", path.replace('.', "__").to_uppercase()))
    }
}

fn collect(path: &str, value: Json, settings: &mut Vec<(String, Json)>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                collect(&path, value, settings);
            }
        }
        value => settings.push((path.to_owned(), value)),
    }
}

/// Returns a name without separators, since `_` and `__` are easily confused.
fn without_separators(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> Variables {
        read(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn what_others_set_is_passed_over() {
        let result = read_all(&[
            ("PLENARY_PORT", "tcp://10.0.0.7:80"),
            ("PLENARY_PORT_80_TCP", "tcp://10.0.0.7:80"),
            ("PLENARY_PORT_80_TCP_ADDR", "10.0.0.7"),
            ("PLENARY_PORT_80_TCP_PORT", "80"),
            ("PLENARY_PORT_80_TCP_PROTO", "tcp"),
            ("PLENARY_SERVICE_HOST", "10.0.0.7"),
            ("PLENARY_SERVICE_PORT", "80"),
            ("PLENARY_SERVICE_PORT_HTTP", "80"),
            // A Service called plenary-site.
            ("PLENARY_SITE_PORT", "tcp://10.0.0.8:80"),
            ("PLENARY_SITE_SERVICE_HOST", "10.0.0.8"),
            ("PLENARY_SITE_PORT_8080_TCP_ADDR", "10.0.0.8"),
            ("PLENARY_CONFIG", "plenary.toml"),
            ("PATH", "/bin"),
        ]);
        assert_eq!((result.settings.len(), result.violations, result.ignored), (0, Vec::new(), Vec::new()));
    }

    #[test]
    fn misspelt_settings_are_errors_and_others_are_ignored() {
        for (given, suggestion) in [
            ("PLENARY_SITE__TIMEZONE", "PLENARY_SITE__TIME_ZONE"),
            ("PLENARY_SITE_TIME_ZONE", "PLENARY_SITE__TIME_ZONE"),
            ("PLENARY_SERVER__WORKER", "PLENARY_SERVER__WORKERS"),
            ("PLENARY_DATABASE", "PLENARY_DATABASE_URL"),
            ("PLENARY_DATABASE_URI", "PLENARY_DATABASE_URL"),
            ("PLENARY_LISTN", "PLENARY_LISTEN"),
            ("PLENARY_LOG_FORMAT", "PLENARY_LOG__FORMAT"),
        ] {
            let result = read_all(&[(given, "x")]);
            let message = format!("{given}: there is no such setting; did you mean {suggestion}?");
            assert_eq!((result.violations, result.ignored.len()), (vec![message], 0));
        }
        assert_eq!(read_all(&[("PLENARY_SITE__COLOUR", "x")]).violations.len(), 1);
        for given in ["PLENARY_PORT", "PLENARY_VERSION", "PLENARY_IMAGE_TAG"] {
            let result = read_all(&[(given, "9000")]);
            assert_eq!((result.violations.len(), result.ignored), (0, vec![given.to_owned()]));
        }
    }

    #[test]
    fn values_have_the_type_of_their_setting() {
        let result = read_all(&[
            ("PLENARY_OIDC__CLIENT_SECRET", "12345"),
            ("plenary_site__name", "2027"),
            ("PLENARY_SERVER__WORKERS", "3"),
            ("PLENARY_SITE__LOCALES", "[de, fr]"),
            ("PLENARY_SITE__CUSTOM__EVENT", "event.json"),
        ]);
        let mut figment = figment::Figment::from(figment::providers::Serialized::defaults(Config::default()));
        for setting in result.settings {
            figment = figment.merge(setting);
        }
        let config: Config = figment.extract().unwrap();
        assert_eq!((config.oidc.client_secret.as_str(), config.site.name.as_str()), ("12345", "2027"));
        assert_eq!((config.server.workers, config.site.locales), (3, vec!["de".to_owned(), "fr".to_owned()]));
        assert_eq!(config.site.custom["event"].to_str(), Some("event.json"));
    }
}
