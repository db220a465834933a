//! Words that stand where a place is not known yet. One list for all readers.

/// Texts that say so, without punctuation.
const UNKNOWN: [&str; 51] = [
    "tba",
    "tbd",
    "tbc",
    "t b a",
    "t b d",
    "t b c",
    "to be announced",
    "to be determined",
    "to be decided",
    "to be defined",
    "to be confirmed",
    "to be advised",
    "to follow",
    "coming soon",
    "none",
    "null",
    "n a",
    "unknown",
    "undefined",
    "unspecified",
    "not specified",
    "not known",
    "not yet known",
    "no location",
    "no venue",
    "nog te bepalen",
    "nog niet bekend",
    "nader te bepalen",
    "ntb",
    "n t b",
    "onbekend",
    "à définir",
    "à déterminer",
    "à confirmer",
    "à préciser",
    "wird noch bekannt gegeben",
    "wird noch bekanntgegeben",
    "noch nicht bekannt",
    "unbekannt",
    "por confirmar",
    "na",
    "wird bekannt gegeben",
    "wird bekanntgegeben",
    "steht noch nicht fest",
    "noch offen",
    "folgt",
    "volgt",
    "por determinar",
    "a determinar",
    "a confirmar",
    "da definire",
];
/// Words before or behind such a text that name no place.
const BESIDE: [&str; 14] = [
    "location", "venue", "place", "room", "address", "exact", "locatie", "zaal", "lieu", "salle", "ort", "raum", "yet",
    "still",
];

/// Returns whether a text, or a part of one, says that a place is not known yet, or has no word, such as `-` or `?`.
pub fn is_unknown(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_plain = |words: &[&str]| UNKNOWN.contains(&words.join(" ").as_str());
    let bare: Vec<&str> = words.iter().copied().filter(|word| !BESIDE.contains(word)).collect();
    (words.is_empty() && !lower.is_empty()) || is_plain(&words) || is_plain(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_place() {
        for text in [
            "TBD",
            "tba.",
            "T.B.A.",
            "To be announced",
            "Location TBA",
            "Location (to be announced)",
            "Room TBC!",
            "Venue to be confirmed",
            "-",
            "?",
            "N/A",
            "Ort noch nicht bekannt",
        ] {
            assert!(is_unknown(text), "{text}");
        }
        for text in ["TBA Tower", "Room 5", "The Unknown Theatre", "Unknown Pleasures", "Nantes", "Venue", ""] {
            assert!(!is_unknown(text), "{text}");
        }
    }
}
