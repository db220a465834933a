//! Names of time zones in other systems.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use strum::IntoEnumIterator;
use windows_timezones::WindowsTimezone;

use crate::time_zone::{LocalOffsets, Zone, rules};

/// Beginning of the names of zones in Exchange.
const MICROSOFT: &str = "tzone://Microsoft/";
/// Greatest length of a name that can mean a zone, in bytes.
const LONGEST: usize = 200;
/// Greatest number of parts of a name among which a city is searched.
const MOST_WORDS: usize = 20;

/// Returns the IANA zone of a name that a calendar gives to a zone, by any of its names: the Windows name or its
/// description (Unicode CLDR, windowsZones), the IANA name in any spelling, a path that ends with one, or an offset
/// from UTC of whole hours.
pub fn zone_of(tzid: &str) -> Option<Zone> {
    if tzid.len() > LONGEST {
        return None;
    }
    let name = tzid.trim().trim_matches('"').trim().replace("&amp;", "&");
    // Exchange writes addresses of its own; its "Custom" says nothing.
    let scheme = name.get(..MICROSOFT.len()).is_some_and(|start| start.eq_ignore_ascii_case(MICROSOFT));
    let name = if scheme { &name[MICROSOFT.len()..] } else { name.as_str() };
    if let Ok(zone) = name.parse::<Zone>() {
        return Some(zone);
    }
    if offset_of(name) == Some(0) {
        return Some(Zone::utc());
    }
    if let Some(zone) = windows_zone(name).or_else(|| iana_zone(name)) {
        return Some(zone);
    }
    if let Some(seconds) = offset_of(name) {
        return zone_with_offset(seconds);
    }
    // Prefixed names such as /freeassociation.sourceforge.net/Tzfile/Europe/Brussels or
    // custom_Europe/Brussels.
    let ends = name.match_indices(['/', '_']).map(|(at, _)| &name[at + 1..]);
    ends.filter(|end| end.contains('/')).find_map(iana_zone)
}

/// The parts of the world whose IANA zones are named by cities.
const WORLD: [&str; 9] =
    ["Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"];

/// Returns the zone of the first city that a name has, as in `(GMT+01.00) Amsterdam / Berlin / Bern`.
pub fn zone_of_city(name: &str) -> Option<Zone> {
    if name.len() > LONGEST {
        return None;
    }
    let known = rules::names();
    let plain = |text: &str| text.replace('_', " ").to_lowercase();
    let city = |zone: &str| plain(zone.rsplit('/').next().unwrap_or(zone));
    let name = plain(name);
    let without_offset = |part: &str| {
        let rest = ["utc", "gmt"].iter().find_map(|word| part.strip_prefix(word)).unwrap_or(part);
        rest.trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_digit() || "+-−:.".contains(c)).to_owned()
    };
    let parts = name.split([',', ';', '/', '|', '(', ')']).flat_map(|part| part.split(" - "));
    let words = parts.map(|part| without_offset(part.trim())).filter(|word| !word.is_empty());
    let zone = words.take(MOST_WORDS).find_map(|word| {
        known.iter().find(|zone| WORLD.iter().any(|part| zone.starts_with(part)) && city(zone) == word)
    });
    zone?.parse().ok()
}

/// Returns the offsets from UTC that a name has within it, in seconds, as in `GMT -0500 (Standard) / GMT -0400 (Daylight)`.
pub fn offsets_in(name: &str) -> Vec<i32> {
    let mut offsets = Vec::new();
    if name.len() > LONGEST {
        return offsets;
    }
    for (at, sign) in name.char_indices().filter(|(_, letter)| "+-−".contains(*letter)) {
        let before = name[..at].trim_end().to_ascii_uppercase();
        let stands =
            before.is_empty() || before.ends_with(['(', '/']) || ["UTC", "GMT"].iter().any(|it| before.ends_with(it));
        let rest = &name[at + sign.len_utf8()..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap_or(rest.len());
        let digits = rest[..end].trim_end_matches(['.', ':']).replace('.', ":");
        offsets.extend(offset_of(&format!("{sign}{digits}")).filter(|_| stands));
    }
    offsets
}

/// Returns the standard offset of a zone in a year and the one in summer, in seconds; both are the same if the clocks do
/// not change.
pub fn offsets_of_year(zone: Zone, year: i32) -> (i32, i32) {
    let at = |month: u32| {
        let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
        zone.period_at(first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
    };
    let (january, july) = (at(1), at(7));
    if january.daylight { (july.offset, january.offset) } else { (january.offset, july.offset) }
}

/// Returns the zone with a Windows name, or with its description: `(UTC+01:00) Brussels, Copenhagen, Madrid, Paris`.
/// Older releases of Windows write the same places after another offset, or after `GMT`; others omit the offset or write
/// the word for `&`.
fn windows_zone(name: &str) -> Option<Zone> {
    let places = |text: &str| {
        let rest = text.strip_prefix('(').and_then(|text| text.split_once(')')).map_or(text, |(_, places)| places);
        rest.trim().to_lowercase().replace(" & ", " and ")
    };
    let spellings = windows_spellings(name);
    let given: Vec<String> = spellings.iter().map(|name| places(name)).filter(|places| !places.is_empty()).collect();
    let named = |known: &str| spellings.iter().any(|name| name.eq_ignore_ascii_case(known));
    let is_it = |zone: &WindowsTimezone| named(zone.name()) || given.contains(&places(zone.description()));
    let found = WindowsTimezone::iter().find(is_it).map(|zone| zone.tzdb_id());
    let newer = || NEW_NAMES.iter().find(|(known, _)| named(known)).map(|(_, id)| *id);
    found.or_else(newer)?.parse().ok()
}

/// Returns a name, and the standard name that belongs to it if it is the one for the summer, a short one, or has a number
/// behind it: programs write `Romance Daylight Time`, `Eastern Time` and `Eastern Standard Time 1`.
fn windows_spellings(name: &str) -> Vec<String> {
    let name = name.trim();
    let mut spellings = vec![name.to_owned()];
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let base = if base.ends_with(' ') { base.trim_end() } else { name };
    let lower = base.to_ascii_lowercase();
    let short =
        [" standard time", " daylight time", " summer time", " time"].iter().find_map(|end| lower.strip_suffix(end));
    spellings.extend(short.map(|short| format!("{short} standard time")));
    spellings
}

/// Names of Windows that are newer than the crate's copy of the table, with the zones of the places that they name.
const NEW_NAMES: [(&str, &str); 3] = [
    ("Alberta Standard Time", "America/Edmonton"),
    ("British Columbia Standard Time", "America/Vancouver"),
    ("Manitoba Standard Time", "America/Winnipeg"),
];

/// Names that the IANA database had and has no more, with the zones that Unicode CLDR gives them (`common/bcp47/timezone.xml`).
const FORMER_NAMES: [(&str, &str); 2] =
    [("Canada/East-Saskatchewan", "America/Regina"), ("US/Pacific-New", "America/Los_Angeles")];

/// Returns the zones for which Windows has a name, which are the best known ones.
pub fn best_known() -> impl Iterator<Item = Zone> {
    WindowsTimezone::iter().filter_map(|zone| zone.tzdb_id().parse().ok())
}

/// Returns the zone with an IANA name in any spelling of its letters, with blanks for underscores.
fn iana_zone(name: &str) -> Option<Zone> {
    let name = name.trim().replace(' ', "_");
    if let Ok(zone) = name.parse::<Zone>() {
        return Some(zone);
    }
    if let Some((_, newer)) = FORMER_NAMES.iter().find(|(former, _)| former.eq_ignore_ascii_case(&name)) {
        return newer.parse().ok();
    }
    // Digits tell Etc/GMT+1 from Etc/GMT-1; without them the letters alone tell the names apart.
    let letters = |text: &str| text.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphabetic(), "");
    let is_plain = !name.contains(|c: char| !c.is_ascii_alphabetic() && !"/_-.\\".contains(c));
    let wanted = letters(&name);
    let is_it = |known: &&String| {
        known.eq_ignore_ascii_case(&name)
            || (is_plain && !known.contains(|c: char| c.is_ascii_digit()) && letters(known) == wanted)
    };
    rules::names().iter().find(is_it).and_then(|known| known.parse().ok())
}

/// Parses an offset from UTC in any spelling, in seconds: `UTC+2`, `GMT+0200`, `+02:00`, `+020000`, `UTC`, `Z`.
pub fn offset_of(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    let text = upper.trim().trim_matches(['(', ')']);
    let rest = ["UTC", "GMT", "Z"].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text).trim();
    if rest.is_empty() && !text.is_empty() {
        return Some(0);
    }
    let sign = if rest.starts_with(['-', '−']) { -1 } else { 1 };
    let digits = rest.strip_prefix(['+', '-', '−'])?;
    let number = |text: &str, most: i32| text.parse::<i32>().ok().filter(|number| (0..=most).contains(number));
    if !digits.is_ascii() || (digits.len() > 6 && !digits.contains(':')) {
        return None;
    }
    // Without colons, hours have one or two digits, and minutes and seconds two (RFC 5545, section 3.3.14).
    let (hours, rest) = digits.split_at(if digits.len() < 3 { digits.len() } else { 2 - digits.len() % 2 });
    let (minutes, seconds) = rest.split_at(rest.len().min(2));
    let parts: Vec<&str> =
        if digits.contains(':') { digits.split(':').collect() } else { vec![hours, minutes, seconds] };
    let of_sixty =
        |place: usize| parts.get(place).map_or(Some(0), |text| number(if text.is_empty() { "0" } else { text }, 59));
    let hours = number(parts.first()?, 18).filter(|_| parts.len() < 4)?;
    Some(sign * (hours * 3_600 + of_sixty(1)? * 60 + of_sixty(2)?))
}

/// Returns the zone that always has an offset from UTC of whole hours.
pub fn zone_with_offset(seconds: i32) -> Option<Zone> {
    if seconds == 0 {
        return Some(Zone::utc());
    }
    // The signs of these names are those of POSIX, positive to the west.
    let hours = (seconds % 3_600 == 0).then_some(-seconds / 3_600)?;
    format!("Etc/GMT{hours:+}").parse().ok()
}

/// Returns the instant of a local time. A time that occurs twice is the first one, and a time within a gap
/// has the offset from before the gap (RFC 5545, section 3.3.5). Times beyond the years that items can have stay beyond
/// them, but not farther than a zone can be asked for.
pub fn local_time(local: NaiveDateTime, zone: Zone) -> DateTime<Zone> {
    let year = |year: i32| NaiveDate::from_ymd_opt(year, 7, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
    let local = local.clamp(year(-1), year(10_001));
    match zone.clock_at(local) {
        LocalOffsets::Once(offset) | LocalOffsets::Twice(offset, _) | LocalOffsets::Skipped(offset, _) => {
            zone.instant_at(local, offset)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_by_all_their_names() {
        for name in [
            "Europe/Brussels",
            "/freeassociation.sourceforge.net/Tzfile/Europe/Brussels",
            "/softwarestudio.org/Olson_20011030_5/Europe/Brussels",
            "custom_Europe/Brussels",
        ] {
            assert_eq!(zone_of(name), "Europe/Brussels".parse().ok(), "{name}");
        }
        for (name, zone) in [
            ("Romance Standard Time", "Europe/Paris"),
            ("hawaiian standard time", "Pacific/Honolulu"),
            ("(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", "Europe/Paris"),
            ("(GMT+01:00) Brussels, Copenhagen, Madrid, Paris", "Europe/Paris"),
            ("Brussels, Copenhagen, Madrid, Paris", "Europe/Paris"),
            ("(UTC-05:00) Eastern Time (US and Canada)", "America/New_York"),
            ("europe/brussels", "Europe/Brussels"),
            ("America/New York", "America/New_York"),
            ("UTC+2", "Etc/GMT-2"),
            ("GMT+0200", "Etc/GMT-2"),
            ("-05:00", "Etc/GMT+5"),
            ("utc", "UTC"),
            ("Z", "UTC"),
            ("tzone://Microsoft/Utc", "UTC"),
            ("Eastern Standard Time 1", "America/New_York"),
            ("Eastern Daylight Time", "America/New_York"),
            ("Eastern Time", "America/New_York"),
            ("Romance Daylight Time", "Europe/Paris"),
            ("W. Europe Summer Time", "Europe/Berlin"),
            ("(UTC-05:00) Eastern Time (US &amp; Canada)", "America/New_York"),
            ("America-New_York", "America/New_York"),
            ("EuropeBrussels", "Europe/Brussels"),
            ("US/Pacific-New", "America/Los_Angeles"),
            ("/freeassociation.sourceforge.net/US/Pacific-New", "America/Los_Angeles"),
            ("canada/east-saskatchewan", "America/Regina"),
        ] {
            assert_eq!(zone_of(name), zone.parse().ok(), "{name}");
        }
        for name in ["My own zone", "tzone://Microsoft/Custom", "Time", "Etc/GMT1"] {
            assert_eq!(zone_of(name), None, "{name}");
        }
        let city = |name: &str| zone_of_city(name).map(|zone| zone.name());
        assert_eq!(city("(GMT+01.00) Amsterdam / Berlin"), Some("Europe/Amsterdam"));
        assert_eq!(city("GMT-05:00 New_York (EST)"), Some("America/New_York"));
        assert_eq!(city("Europe - Brussels"), Some("Europe/Brussels"));
        assert_eq!(offsets_in("GMT -0500 (Standard) / GMT -0400 (Daylight)"), [-18_000, -14_400]);
        assert_eq!(offsets_in("(UTC+01.00) A place"), [3_600]);
        assert_eq!(offsets_in("Twenty-2 places"), [0; 0]);
        let long = |name: &str| format!("{}{name}", "x/".repeat(LONGEST / 2));
        assert_eq!((zone_of(&long("Europe/Brussels")), city(&long("Brussels"))), (None, None));
        assert_eq!(offsets_in(&long("+01:00")), [0; 0]);
        assert_eq!(zone_of("+05:30"), None);
        for (text, seconds) in [
            ("UTC+5:30", 19_800),
            ("+010000", 3_600),
            ("-000115", -75),
            ("+02:00:30", 7_230),
            ("-1", -3_600),
            ("+530", 19_800),
        ] {
            assert_eq!(offset_of(text), Some(seconds), "{text}");
        }
        for text in ["+2460", "+0160", "+", "+1:2:3:4", "+01000000", "+é"] {
            assert_eq!(offset_of(text), None, "{text}");
        }
        let far = local_time(NaiveDateTime::MAX, Zone::utc());
        assert_eq!(far.to_rfc3339(), "+10001-07-01T00:00:00+00:00");
        for zone in WindowsTimezone::iter() {
            assert!(zone_of(zone.name()).is_some() && zone_of(zone.description()).is_some(), "{}", zone.name());
        }
    }
}
