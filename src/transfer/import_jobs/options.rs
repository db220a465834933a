//! The options of an import over HTTP, as they are stored with it. They are those of the command line.

use serde::{Deserialize, Serialize};

use crate::content::Site;
use crate::microseconds::DAY;
use crate::transfer::Options;
use crate::transfer::read::{ImportFormat, Mapping, Settings};

/// The options of an import over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOptions {
    /// Whether the import only reports what it would do.
    pub dry_run: bool,
    /// Name of the source, if it was given.
    pub name: Option<String>,
    /// Slug of the event that a programme belongs to.
    pub event: Option<String>,
    /// IANA time zone of times that name none.
    pub time_zone: Option<String>,
    /// Whether new items are published.
    pub publish: bool,
    /// Whether records overwrite edits that were made since the last import.
    pub overwrite: bool,
    /// Whether the file may turn items of its source into other ones.
    pub replace: bool,
    /// Whether what the source had and has no more is withdrawn.
    pub withdraw_missing: bool,
    /// Number of days from the request up to which recurring events are imported.
    pub horizon: u32,
    /// Mapping of the columns of a CSV file to fields (TOML).
    pub mapping: Option<String>,
}

impl ImportOptions {
    /// Returns the options for the importer.
    ///
    /// # Errors
    /// Returns a message if the mapping is not valid any more.
    pub fn for_import(&self, file: &str, format: ImportFormat, site: &Site, age: i64) -> Result<Options, String> {
        let mapping = self.mapping.as_deref().map(Mapping::parse).transpose()?;
        // A reader counts the days from the one on which it reads. An import that goes on on another day must find the
        // same entries.
        let days = u32::try_from(age / DAY).unwrap_or_default();
        Ok(Options {
            format: Some(format),
            settings: Settings {
                name: self.name.clone().unwrap_or_default(),
                file: file.to_owned(),
                event: self.event.clone(),
                time_zone: self.time_zone.clone().unwrap_or_else(|| site.time_zone.name().to_owned()),
                is_zone_known: self.time_zone.is_some(),
                beside: Vec::new(),
                locale: site.default_locale().to_owned(),
                mapping,
                horizon: self.horizon.saturating_sub(days),
            },
            status: if self.publish { "published" } else { "draft" },
            overwrite: self.overwrite,
            dry_run: self.dry_run,
            replace: self.replace,
            withdraw_missing: self.withdraw_missing,
        })
    }
}
