//! Addresses of maps: they show where something is, and lead to no meeting on the net.

use super::web_address;

/// Hosts of maps, with the beginning of the path.
const MAPS: [(&str, &str); 22] = [
    ("maps.app.goo.gl", "/"),
    ("goo.gl", "/maps/"),
    ("maps.apple.com", "/"),
    ("maps.apple", "/"),
    ("openstreetmap.org", "/"),
    ("osm.org", "/"),
    ("umap.openstreetmap.fr", "/"),
    ("bing.com", "/maps"),
    ("waze.com", "/"),
    ("ul.waze.com", "/"),
    ("wego.here.com", "/"),
    ("share.here.com", "/"),
    ("mapy.cz", "/"),
    ("mapy.com", "/"),
    ("what3words.com", "/"),
    ("w3w.co", "/"),
    ("map.geo.admin.ch", "/"),
    ("map.naver.com", "/"),
    ("map.kakao.com", "/"),
    ("map.baidu.com", "/"),
    ("citymapper.com", "/"),
    ("yandex.com", "/maps"),
];

/// Greatest length of a text that names a place among other things, in bytes. It bounds the time for a hostile file.
pub const LONGEST_PLACE: usize = 5_000;

/// Divides a text into the rest and the addresses of maps in it. A text that is too long is the rest as it is.
pub fn without_maps(text: &str) -> (String, Vec<String>) {
    if text.len() > LONGEST_PLACE {
        return (text.to_owned(), Vec::new());
    }
    let words = text.split(|c: char| c.is_whitespace() || "<>()[]\"".contains(c));
    let words = words.map(|word| word.trim_end_matches([',', ';', '.', ':'])).filter(|word| word.contains('.'));
    let maps = words.filter_map(|word| Some((word, web_address(word).ok().filter(|url| is_map(url))?)));
    let (mut rest, mut found) = (text.to_owned(), Vec::new());
    for (word, url) in maps {
        rest = rest.replacen(word, "", 1).replace("()", "").replace("<>", "").replace("[]", "");
        found.push(url);
    }
    if found.is_empty() {
        return (rest, found);
    }
    let edge = |c: char| c.is_whitespace() || ",;:|-–".contains(c);
    (rest.trim_matches(edge).to_owned(), found)
}

/// Returns whether an absolute address is that of a map.
pub fn is_map(url: &str) -> bool {
    let Some(rest) = url.split_once("://").map(|(_, rest)| rest.to_ascii_lowercase()) else { return false };
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let path = if path.is_empty() { "/" } else { path };
    let host = host.strip_prefix("www.").unwrap_or(host);
    let of_google = host.starts_with("maps.google.") || (host.starts_with("google.") && path.starts_with("/maps"));
    of_google || MAPS.iter().any(|(known, start)| host == *known && path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_other_addresses() {
        for url in [
            "https://maps.app.goo.gl/abc",
            "https://www.google.com/maps/place/Brussels",
            "https://www.google.co.uk/maps?q=1",
            "https://maps.google.be/?q=1",
            "https://goo.gl/maps/x",
            "https://www.openstreetmap.org/node/1",
            "https://maps.apple.com/?ll=1,2",
        ] {
            assert!(is_map(url), "{url}");
        }
        for url in [
            "https://meet.google.com/a",
            "https://goo.gl/x",
            "https://www.google.com/search?q=maps",
            "https://mapsgoogle.example",
        ] {
            assert!(!is_map(url), "{url}");
        }
        for (text, rest, urls) in [
            ("Town Hall, https://goo.gl/maps/x", "Town Hall", vec!["https://goo.gl/maps/x"]),
            ("Town Hall (maps.app.goo.gl/x)", "Town Hall", vec!["https://maps.app.goo.gl/x"]),
            ("https://zoom.us/j/1", "https://zoom.us/j/1", vec![]),
            (
                "https://osm.org/go/x https://bing.com/maps?q=x",
                "",
                vec!["https://osm.org/go/x", "https://bing.com/maps?q=x"],
            ),
        ] {
            let urls: Vec<String> = urls.into_iter().map(str::to_owned).collect();
            assert_eq!(without_maps(text), (rest.to_owned(), urls), "{text}");
        }
    }
}
