//! The members of the settings of the site that are computed: the year, and what the configuration fixes.

use serde_json::json;

use crate::content::Site;
use crate::content::local_time::year_at;
use crate::database::now;

/// Appends the members to the JSON object of the settings, which is not closed yet.
pub fn push(out: &mut String, site: &Site) {
    let configuration = json!({
        "default_locale": site.default_locale(),
        "locales": site.locales,
        "time_zone": site.time_zone.name(),
    });
    let year = year_at(now(), site.time_zone);
    out.push_str(&format!(",\"current_year\":{year},\"configuration\":{configuration}"));
}
