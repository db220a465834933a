//! The ids of videos at their providers.

/// Returns the id of a video, which is given as such or by its address at the provider.
pub(super) fn video_id(provider: &str, given: &str) -> Option<String> {
    let parsed = url::Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if provider == "peertube" {
        return parsed.map(String::from);
    }
    let id = match &parsed {
        Some(address) => id_in_address(provider, address)?,
        None => given.to_owned(),
    };
    let is_word = |extra: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c));
    let is_sound = match provider {
        "youtube" => id.len() == 11 && is_word("-_"),
        "vimeo" => (5..=12).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()),
        "dailymotion" => (5..=12).contains(&id.len()) && is_word(""),
        _ => false,
    };
    is_sound.then_some(id)
}

fn id_in_address(provider: &str, address: &url::Url) -> Option<String> {
    let host = address.host_str()?.trim_start_matches("www.").trim_start_matches("m.");
    let segments: Vec<&str> = address.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    let last = segments.last().map(|segment| (*segment).to_owned());
    match (provider, host) {
        ("youtube", "youtube.com" | "youtube-nocookie.com") if segments.first() == Some(&"watch") => {
            address.query_pairs().find(|(name, _)| name == "v").map(|(_, id)| id.into_owned())
        }
        ("youtube", "youtube.com" | "youtube-nocookie.com" | "youtu.be")
        | ("vimeo", "vimeo.com" | "player.vimeo.com")
        | ("dailymotion", "dailymotion.com" | "geo.dailymotion.com" | "dai.ly") => last,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn videos_are_named_by_id_or_address() {
        for (provider, given, id) in [
            ("youtube", "dQw4w9WgXcQ", Some("dQw4w9WgXcQ")),
            ("youtube", "https://www.youtube.com/watch?t=3&v=dQw4w9WgXcQ", Some("dQw4w9WgXcQ")),
            ("youtube", "https://youtu.be/dQw4w9WgXcQ?si=x", Some("dQw4w9WgXcQ")),
            ("youtube", "https://www.youtube.com/embed/dQw4w9WgXcQ", Some("dQw4w9WgXcQ")),
            ("youtube", "https://example.org/watch?v=dQw4w9WgXcQ", None),
            ("youtube", "javascript:alert", None),
            ("vimeo", "https://player.vimeo.com/video/76979871", Some("76979871")),
            ("vimeo", "76979871x", None),
            ("dailymotion", "https://www.dailymotion.com/video/x8abcde", Some("x8abcde")),
            ("peertube", "https://video.example.org/w/abc", Some("https://video.example.org/w/abc")),
            ("peertube", "abc", None),
        ] {
            assert_eq!(video_id(provider, given).as_deref(), id, "{provider} {given}");
        }
    }
}
