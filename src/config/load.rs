//! Loading of the configuration from defaults, file, environment and command-line options.

use std::path::PathBuf;

use figment::providers::{Format, Serialized, Toml};
use figment::{Figment, Metadata};
use serde::Serialize;

use super::{Config, variables};

/// Command-line options that override the file and the environment.
#[derive(Debug, Clone, Default, Serialize, clap::Args)]
pub struct Overrides {
    /// Address and port to listen on
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Database: `postgres://…`, or the path of a SQLite file
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// URL under which clients reach the server; defaults to the address it listens on
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

impl Config {
    /// Loads the configuration: file, environment and options, in this order, override the defaults.
    ///
    /// # Errors
    /// Returns a list of messages, each beginning with its source or setting, if the file is missing or
    /// cannot be read, if a variable looks like a misspelt setting, or if a value breaks a rule.
    pub fn load(file: Option<&PathBuf>, flags: &Overrides) -> Result<Self, Vec<String>> {
        let mut sources = Figment::new();
        match file {
            Some(path) if !path.exists() => return Err(vec![format!("--config: {} does not exist", path.display())]),
            Some(path) => sources = sources.merge(Toml::file_exact(path)),
            None => sources = sources.merge(Toml::file("plenary.toml")),
        }
        let variables = variables::read(std::env::vars_os());
        if !variables.violations.is_empty() {
            return Err(variables.violations);
        }
        for variable in variables.settings {
            sources = sources.merge(variable);
        }
        sources = sources.merge(Serialized::defaults(flags));
        let has_public_url = sources.contains("public_url");
        let settings = Figment::from(Serialized::defaults(Config::default())).merge(sources);
        let mut config: Config =
            settings.extract().map_err(|errors| errors.into_iter().map(|e| explain(&e)).collect::<Vec<_>>())?;
        config.ignored_variables = variables.ignored;
        if !has_public_url && let Ok(address) = config.local_address() {
            config.public_url = format!("http://{address}");
        }
        // The time zone rules must be in use before validation, since `site.time_zone` is checked against
        // them.
        crate::time_zone::rules::refresh(&config.site.zoneinfo);
        let violations = config.violations();
        if violations.is_empty() {
            return Ok(config);
        }
        Err(violations.into_iter().map(|violation| with_file(&settings, violation)).collect())
    }
}

/// Returns the message about a setting with the file in which it stands, if it is in one.
fn with_file(settings: &Figment, violation: String) -> String {
    let setting = violation.split([':', ' ']).next().unwrap_or_default();
    match settings.find_metadata(setting).and_then(file_of) {
        Some(file) => format!("{violation} (in {file})"),
        None => violation,
    }
}

fn file_of(origin: &Metadata) -> Option<String> {
    Some(origin.source.as_ref()?.file_path()?.display().to_string())
}

fn explain(error: &figment::Error) -> String {
    let setting = error.path.join(".");
    let origin = |origin: &Metadata| file_of(origin).unwrap_or_else(|| origin.name.to_string());
    let from = error.metadata.as_ref().map_or(String::new(), |metadata| format!(" (from {})", origin(metadata)));
    format!("{}: {}{from}", if setting.is_empty() { "configuration" } else { &setting }, error.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_the_file_of_the_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.toml");
        for (text, setting) in
            [("[imports]\nmax_bytes = \"x\"\n", "imports.max_bytes"), ("[site]\nlocales = []\n", "site.locales")]
        {
            std::fs::write(&path, text).unwrap();
            let faults = Config::load(Some(&path), &Overrides::default()).unwrap_err();
            let is_named = |fault: &String| fault.starts_with(setting) && fault.contains("other.toml");
            assert!(faults.iter().any(is_named), "{faults:?}");
        }
    }

    #[test]
    fn a_server_is_reached_where_it_listens_unless_something_else_is_said() {
        let load = |listen: &str, public_url: Option<&str>| {
            let public_url = public_url.map(str::to_owned);
            let flags = Overrides { listen: Some(listen.to_owned()), public_url, ..Overrides::default() };
            Config::load(None, &flags).unwrap().public_url
        };
        assert_eq!(load("0.0.0.0:9000", None), "http://127.0.0.1:9000");
        assert_eq!(load("[::]:9000", None), "http://[::1]:9000");
        assert_eq!(load("10.0.0.1:80", None), "http://10.0.0.1:80");
        assert_eq!(load("0.0.0.0:9000", Some("http://127.0.0.1:8080")), "http://127.0.0.1:8080");
    }
}
