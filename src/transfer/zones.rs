//! Names of time zones and countries in other systems.

use chrono::{DateTime, NaiveDateTime};
use strum::IntoEnumIterator;
use windows_timezones::WindowsTimezone;

use crate::time_zone::{LocalOffsets, Zone, rules};

/// Names of countries that are not in ISO 3166-1, in lower case without full stops.
const COUNTRIES: [(&str, &str); 22] = [
    ("usa", "US"),
    ("united states", "US"),
    ("uk", "GB"),
    ("united kingdom", "GB"),
    ("great britain", "GB"),
    ("england", "GB"),
    ("scotland", "GB"),
    ("wales", "GB"),
    ("netherlands", "NL"),
    ("czech republic", "CZ"),
    ("russia", "RU"),
    ("south korea", "KR"),
    ("korea", "KR"),
    ("taiwan", "TW"),
    ("vietnam", "VN"),
    ("moldova", "MD"),
    ("iran", "IR"),
    ("bolivia", "BO"),
    ("tanzania", "TZ"),
    ("turkey", "TR"),
    ("north macedonia", "MK"),
    ("philippines", "PH"),
];

/// Returns the ISO 3166-1 alpha-2 code of a country, given one of its codes or its English name.
pub fn country_code(name: &str) -> Option<&'static str> {
    let plain: String = name.to_lowercase().chars().filter(|c| *c != '.').collect();
    let plain = plain.trim();
    if let Some((_, code)) = COUNTRIES.iter().find(|(known, _)| *known == plain) {
        return Some(code);
    }
    let by_code = rust_iso3166::from_alpha2(&plain.to_ascii_uppercase()).filter(|_| plain.len() == 2);
    let usual = |official: &str| official.to_lowercase().split(['(', ',']).next().unwrap_or_default().trim().to_owned();
    let by_long_code = rust_iso3166::from_alpha3(&plain.to_ascii_uppercase()).filter(|_| plain.len() == 3);
    by_code
        .or(by_long_code)
        .or_else(|| rust_iso3166::ALL.iter().find(|c| c.name.to_lowercase() == plain).copied())
        .or_else(|| {
            let mut alike =
                rust_iso3166::ALL.iter().filter(|c| usual(c.name) == plain || usual(c.name) == format!("the {plain}"));
            alike.next().copied().filter(|_| alike.next().is_none())
        })
        .map(|country| country.alpha2)
}

/// Returns the IANA zone of a name that a calendar gives to a zone, by any of its names: the Windows name or its
/// description (Unicode CLDR, windowsZones), the IANA name in any spelling, a path that ends with one, or an offset
/// from UTC of whole hours.
pub fn zone_of(tzid: &str) -> Option<Zone> {
    let name = tzid.trim().trim_matches('"').trim();
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
    let name = name.rsplit(')').next().unwrap_or(name).to_lowercase();
    let known = rules::names();
    let city = |name: &str| name.rsplit('/').next().unwrap_or(name).replace('_', " ").to_lowercase();
    let mut words = name.split([',', ';', '/', '|']).map(str::trim).filter(|word| !word.is_empty());
    let zone = words.find_map(|word| {
        known.iter().find(|zone| WORLD.iter().any(|part| zone.starts_with(part)) && city(zone) == word)
    });
    zone?.parse().ok()
}

/// Returns the zone with a Windows name, or with its description: `(UTC+01:00) Brussels, Copenhagen, Madrid, Paris`.
/// Older releases of Windows write the same places after another offset, or after `GMT`; others omit the offset or write
/// the word for `&`.
fn windows_zone(name: &str) -> Option<Zone> {
    let places = |text: &str| {
        let rest = text.strip_prefix('(').and_then(|text| text.split_once(')')).map_or(text, |(_, places)| places);
        rest.trim().to_lowercase().replace(" & ", " and ")
    };
    let given = Some(places(name)).filter(|places| !places.is_empty());
    let is_it = |zone: &WindowsTimezone| {
        zone.name().eq_ignore_ascii_case(name) || given.as_ref().is_some_and(|it| *it == places(zone.description()))
    };
    let named = WindowsTimezone::iter().find(is_it).map(|zone| zone.tzdb_id());
    let newer = || NEW_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, id)| *id);
    named.or_else(newer)?.parse().ok()
}

/// Names of Windows that are newer than the crate's copy of the table, with the zones of the places that they name.
const NEW_NAMES: [(&str, &str); 3] = [
    ("Alberta Standard Time", "America/Edmonton"),
    ("British Columbia Standard Time", "America/Vancouver"),
    ("Manitoba Standard Time", "America/Winnipeg"),
];

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
    let known = rules::names();
    known.iter().find(|known| known.eq_ignore_ascii_case(&name)).and_then(|known| known.parse().ok())
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
/// has the offset from before the gap (RFC 5545, section 3.3.5).
pub fn local_time(local: NaiveDateTime, zone: Zone) -> DateTime<Zone> {
    match zone.clock_at(local) {
        LocalOffsets::Once(offset) | LocalOffsets::Twice(offset, _) | LocalOffsets::Skipped(offset, _) => {
            zone.at(local, offset)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_by_their_usual_names() {
        for (name, code) in [
            ("U.S.A.", "US"),
            ("U.K.", "GB"),
            ("Germany", "DE"),
            ("DEU", "DE"),
            ("Netherlands", "NL"),
            ("be", "BE"),
            ("Bosnia and Herzegovina", "BA"),
            ("United Arab Emirates", "AE"),
        ] {
            assert_eq!(country_code(name), Some(code), "{name}");
        }
        assert_eq!(country_code("Atlantis"), None);
    }

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
        ] {
            assert_eq!(zone_of(name), zone.parse().ok(), "{name}");
        }
        assert_eq!(zone_of("My own zone"), None);
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
        for zone in WindowsTimezone::iter() {
            assert!(zone_of(zone.name()).is_some() && zone_of(zone.description()).is_some(), "{}", zone.name());
        }
    }
}
