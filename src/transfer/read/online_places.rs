//! Texts that say where something takes place and name no place on the ground: an address on the net, a service, or that
//! it is online. One rule for all readers.

use super::map_addresses::{LONGEST_PLACE, without_maps};
use super::online_words::{ACCESS, BESIDE, SERVICES, TELLING, TELLING_PAIRS};
use super::unknown_place::is_unknown;
use super::web_address;
use super::whereabouts::Whereabouts;

/// What a part of a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Online,
    Hybrid,
    /// That the place is not known yet.
    Unknown,
    /// What says something only beside the others.
    Beside,
    Place,
}

/// Divides a text into the place on the ground, its map, what belongs to the net, and what says that the place is not known. A
/// text that says nothing of these, or is too long, is the place as it is.
pub fn whereabouts(text: &str) -> Whereabouts {
    if text.len() > LONGEST_PLACE {
        return Whereabouts { place: text.to_owned(), ..Whereabouts::default() };
    }
    let (text, maps) = without_maps(text);
    let mut found = without_map(&text);
    found.join(Whereabouts::of_maps(maps));
    found
}

fn without_map(text: &str) -> Whereabouts {
    if is_unknown(text) {
        return Whereabouts { rest: vec![text.trim().to_owned()], ..Whereabouts::default() };
    }
    let (text, mut addresses) = without_addresses(text);
    let mut rest = addresses.split_off(addresses.len().min(1));
    let url = addresses.pop();
    let parts = parts(&text);
    let says = |wanted: Meaning| parts.iter().any(|(_, part)| meaning(part) == wanted);
    let is_hybrid = says(Meaning::Hybrid);
    let is_online = url.is_some() || is_hybrid || says(Meaning::Online);
    if !is_online && !says(Meaning::Unknown) {
        return Whereabouts { place: text, ..Whereabouts::default() };
    }
    let (mut place, mut open) = (String::new(), false);
    for (separator, part) in &parts {
        let part = part.trim_end();
        if open && matches!(*separator, ")" | "]") {
            place.push(')');
            open = false;
        }
        if !part.contains(char::is_alphanumeric) {
            continue;
        }
        if meaning(part) != Meaning::Place {
            rest.push(part.trim_start().to_owned());
            continue;
        }
        let is_first = place.is_empty();
        open |= !is_first && matches!(*separator, "(" | "[");
        match *separator {
            _ if is_first => {}
            "(" | "[" => place.push_str(" ("),
            ")" | "]" => place.push(' '),
            other => place.push_str(other),
        }
        let is_joined = is_first || matches!(*separator, "(" | "[" | ")" | "]");
        place.push_str(if is_joined { part.trim_start() } else { part });
    }
    place.push_str(if open { ")" } else { "" });
    let edge = |c: char| c.is_whitespace() || ",;:|/-–[]<>\"".contains(c);
    let place = place.trim_matches(edge).to_owned();
    Whereabouts { place, url, is_online, is_hybrid, rest, ..Whereabouts::default() }
}

/// Returns the parts of a text, each with the separator before it.
fn parts(text: &str) -> Vec<(&str, &str)> {
    const WORDS: [&str; 6] = [" and ", " & ", " + ", " or ", " - ", " – "];
    let (mut parts, mut start, mut separator) = (Vec::new(), 0, "");
    for (at, letter) in text.char_indices() {
        let word = WORDS.iter().find(|word| text[at..].starts_with(**word));
        if at < start || (word.is_none() && !",;|/()[]\n".contains(letter)) {
            continue;
        }
        let end = at + word.map_or(letter.len_utf8(), |word| word.len());
        parts.push((separator, &text[start..at]));
        (separator, start) = (&text[at..end], end);
    }
    parts.push((separator, &text[start..]));
    parts
}

fn meaning(part: &str) -> Meaning {
    let lower = part.trim().to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric() && c != '!').filter(|word| !word.is_empty()).collect();
    let plain = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    let begins = |start: &&str| {
        plain
            .strip_prefix(*start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ', '=', '.', '#', '-']))
    };
    let is_access = ACCESS.iter().any(begins) && plain.bytes().any(|byte| byte.is_ascii_digit() || byte == b':');
    if is_access || words.is_empty() {
        return Meaning::Beside;
    }
    if words.first().is_some_and(|word| word.starts_with("hybrid")) && words[1..].iter().all(|word| is_beside(word)) {
        return Meaning::Hybrid;
    }
    if is_unknown(part) {
        return Meaning::Unknown;
    }
    let pair = words.windows(2).any(|pair| TELLING_PAIRS.contains(&(pair[0], pair[1])));
    let of_pair = |word: &&str| pair && TELLING_PAIRS.iter().any(|(first, second)| [*first, *second].contains(word));
    let known = words.iter().all(|word| is_beside(word) || TELLING.contains(word) || of_pair(word));
    match (known, pair || words.iter().any(|word| TELLING.contains(word))) {
        (false, _) => Meaning::Place,
        (true, true) => Meaning::Online,
        // "Link" and "Eventbrite" are no places, but "Meeting" alone says nothing of the net.
        (true, false) => Meaning::Beside,
    }
}

fn is_beside(word: &str) -> bool {
    BESIDE.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Divides a text into the rest and the addresses on the net that are in it.
fn without_addresses(text: &str) -> (String, Vec<String>) {
    let (mut rest, mut addresses) = (text.to_owned(), Vec::new());
    let is_alone = text.split_whitespace().count() == 1;
    for word in text.split(|c: char| c.is_whitespace() || "<>()[]\"".contains(c)) {
        let word = word.trim_end_matches([',', ';', '.', ':']);
        if let (true, Ok(url)) = (is_address(word, is_alone), web_address(word)) {
            rest = rest.replacen(word, "", 1);
            addresses.push(url);
        }
    }
    (rest, addresses)
}

/// Returns whether a word is an address on the net. The case of a scheme does not matter (RFC 3986, section 3.1). Without
/// one, it is an address if its host is that of a service for meetings, has several dots and a path, or is all there is
/// and begins with `www.`.
fn is_address(word: &str, is_alone: bool) -> bool {
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        return true;
    }
    let (host, path) = lower.split_once(['/', '?']).unwrap_or((lower.as_str(), ""));
    let is_host = host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let of_service = || {
        SERVICES.iter().any(|known| host.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    };
    let is_website = is_alone && host.starts_with("www.");
    is_host && (is_website || of_service() || (host.matches('.').count() > 1 && !path.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<String>, bool) {
        let found = whereabouts(text);
        (found.place, found.url, found.is_online)
    }

    #[test]
    fn what_is_online_is_no_place() {
        for text in [
            "Online",
            "Zoom",
            "Microsoft Teams Meeting",
            "Microsoft Teams-Besprechung",
            "Réunion Microsoft Teams",
            "Online (Eventbrite)",
            "Virtual Event",
            "webex",
            "Google Meet",
            "Online via Zoom, link to follow",
            "En ligne",
            "ONLINE ONLY",
            "Zoom / YouTube",
            "Zoom (Passcode: 123)",
            "Virtual due to COVID-19",
        ] {
            assert_eq!(read(text), (String::new(), None, true), "{text}");
        }
    }

    #[test]
    fn places_stay_as_they_are() {
        for text in [
            "Quay 7, by the lock",
            "Online Street 5",
            "Virtual Reality Lab",
            "Zoom Street, Ghent",
            "Meeting room 3",
            "Link",
            "St.Pauli/Hafen",
            "Aula (2nd floor)",
            "Café, www.example.org",
            "Code 7",
            "Pass Street 5",
        ] {
            assert_eq!(read(text), (text.to_owned(), None, false), "{text}");
        }
    }

    #[test]
    fn addresses_are_found_in_any_form() {
        let url = |url: &str| Some(url.to_owned());
        for (text, place, address) in [
            ("https://meet.example.org/7", "", "https://meet.example.org/7"),
            ("HTTPS://MEET.X.ORG/A", "", "https://meet.x.org/A"),
            ("meet.google.com/abc", "", "https://meet.google.com/abc"),
            ("https://zoom.us/j/1 (passcode 123)", "", "https://zoom.us/j/1"),
            ("Zoom: https://zoom.us/j/1", "", "https://zoom.us/j/1"),
            ("Aula (https://meet.example.org/7)", "Aula", "https://meet.example.org/7"),
            ("www.example.org", "", "https://www.example.org/"),
            ("Quay 7 (2nd floor), Ghent / https://zoom.us/j/1", "Quay 7 (2nd floor), Ghent", "https://zoom.us/j/1"),
        ] {
            assert_eq!(read(text), (place.to_owned(), url(address), true), "{text}");
        }
    }

    #[test]
    fn maps_make_nothing_online() {
        let map = "https://maps.app.goo.gl/x";
        for (text, place, rest) in [
            (map.to_owned(), "", 0),
            (format!("Quay 7 ({map})"), "Quay 7", 0),
            (format!("{map} https://osm.org/go/y"), "", 1),
            (format!("TBA {map}"), "", 1),
        ] {
            let found = whereabouts(&text);
            let read = (found.place.as_str(), found.map.as_deref(), found.mode(), found.rest.len());
            assert_eq!(read, (place, Some(map), None, rest), "{text}");
        }
        let both = whereabouts(&format!("{map}, https://zoom.us/j/1"));
        assert_eq!((both.mode(), both.url.as_deref()), (Some("online"), Some("https://zoom.us/j/1")));
    }

    #[test]
    fn places_that_are_not_known_are_none() {
        let tba = whereabouts("Venue: TBA");
        assert_eq!((tba.place.as_str(), tba.is_online, tba.rest.len()), ("", false, 1));
        let city = whereabouts("TBA, Ghent");
        assert_eq!((city.place.as_str(), city.is_online, city.rest), ("Ghent", false, vec!["TBA".to_owned()]));
        assert_eq!(read("Online, room TBA"), (String::new(), None, true));
    }

    #[test]
    fn a_long_text_is_a_place_as_it_is() {
        let address = "https://zoom.us/j/1 https://osm.org/go/x ";
        let longest = format!("{address}{}", "x".repeat(LONGEST_PLACE - address.len()));
        let found = whereabouts(&longest);
        assert_eq!(
            (found.place.len(), found.map.is_some(), found.is_online),
            (LONGEST_PLACE - address.len(), true, true)
        );
        let longer = format!("{longest}x");
        assert_eq!(read(&longer), (longer.clone(), None, false));
        assert_eq!(without_maps(&longer), (longer.clone(), Vec::new()));
    }

    #[test]
    fn both_ways() {
        assert_eq!(read("Aula (2nd floor, left), online"), ("Aula (2nd floor, left)".to_owned(), None, true));
        assert_eq!(read("Aula and online"), ("Aula".to_owned(), None, true));
        assert_eq!(read("Aula, Main Street 1, Ghent (online)"), ("Aula, Main Street 1, Ghent".to_owned(), None, true));
        let hybrid = whereabouts("Hybrid");
        assert!(hybrid.place.is_empty() && hybrid.is_hybrid);
        let both = whereabouts("Quay 7, Ghent (hybrid event)");
        assert_eq!((both.place.as_str(), both.is_hybrid), ("Quay 7, Ghent", true));
    }
}
