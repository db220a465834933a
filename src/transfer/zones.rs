//! Names of time zones and countries in other systems.

use crate::time_zone::Zone;

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

/// Returns the ISO 3166-1 alpha-2 code of a country, given its code or its English name.
pub fn country_code(name: &str) -> Option<&'static str> {
    let plain: String = name.to_lowercase().chars().filter(|c| *c != '.').collect();
    let plain = plain.trim();
    if let Some((_, code)) = COUNTRIES.iter().find(|(known, _)| *known == plain) {
        return Some(code);
    }
    let by_code = rust_iso3166::from_alpha2(&plain.to_ascii_uppercase()).filter(|_| plain.len() == 2);
    let usual = |official: &str| official.to_lowercase().split(['(', ',']).next().unwrap_or_default().trim().to_owned();
    by_code
        .or_else(|| rust_iso3166::ALL.iter().find(|c| c.name.to_lowercase() == plain).copied())
        .or_else(|| {
            let mut alike =
                rust_iso3166::ALL.iter().filter(|c| usual(c.name) == plain || usual(c.name) == format!("the {plain}"));
            alike.next().copied().filter(|_| alike.next().is_none())
        })
        .map(|country| country.alpha2)
}

/// The Windows names of time zones that are most common in calendars, and their IANA zones (Unicode CLDR,
/// windowsZones, territory 001).
const WINDOWS: [(&str, &str); 40] = [
    ("GMT Standard Time", "Europe/London"),
    ("Greenwich Standard Time", "Atlantic/Reykjavik"),
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("E. Europe Standard Time", "Europe/Chisinau"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("Turkey Standard Time", "Europe/Istanbul"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("South Africa Standard Time", "Africa/Johannesburg"),
    ("Egypt Standard Time", "Africa/Cairo"),
    ("E. Africa Standard Time", "Africa/Nairobi"),
    ("W. Central Africa Standard Time", "Africa/Lagos"),
    ("Morocco Standard Time", "Africa/Casablanca"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("Arab Standard Time", "Asia/Riyadh"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Iran Standard Time", "Asia/Tehran"),
    ("Pakistan Standard Time", "Asia/Karachi"),
    ("India Standard Time", "Asia/Kolkata"),
    ("SE Asia Standard Time", "Asia/Bangkok"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("Taipei Standard Time", "Asia/Taipei"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("W. Australia Standard Time", "Australia/Perth"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("E. Australia Standard Time", "Australia/Brisbane"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("Eastern Standard Time", "America/New_York"),
    ("Central Standard Time", "America/Chicago"),
    ("Mountain Standard Time", "America/Denver"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Atlantic Standard Time", "America/Halifax"),
    ("SA Pacific Standard Time", "America/Bogota"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
];

/// Returns the IANA zone of a calendar's `TZID`: an IANA name, a path that ends with one, or a Windows name.
pub fn zone_of(tzid: &str) -> Option<Zone> {
    let name = tzid.trim().trim_matches('"');
    if let Ok(zone) = name.parse::<Zone>() {
        return Some(zone);
    }
    if matches!(name.to_ascii_uppercase().as_str(), "UTC" | "Z" | "GMT") {
        return Some(Zone::utc());
    }
    if let Some((_, zone)) = WINDOWS.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name)) {
        return zone.parse().ok();
    }
    // Prefixed names such as /freeassociation.sourceforge.net/Tzfile/Europe/Brussels or
    // custom_Europe/Brussels.
    let ends = name.match_indices(['/', '_']).map(|(at, _)| &name[at + 1..]);
    ends.filter(|end| end.contains('/')).find_map(|end| end.parse().ok())
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
        assert_eq!(zone_of("Romance Standard Time"), "Europe/Paris".parse().ok());
        assert_eq!(zone_of("My own zone"), None);
        for (_, zone) in WINDOWS {
            assert!(zone.parse::<Zone>().is_ok(), "{zone}");
        }
    }
}
