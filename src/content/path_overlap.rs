//! What patterns of paths have in common: whether two can match the same path, and how the paths begin that one matches.

use crate::content::path_pattern::{PathPattern, SegmentPattern, SitePath, to_nfc};

impl PathPattern {
    /// Returns the pattern of a path and of all below it.
    pub fn subtree(path: &SitePath) -> Self {
        let part = |segment: &String| SegmentPattern {
            before: to_nfc(segment).into_owned(),
            name: None,
            after: String::new(),
        };
        Self { parts: path.segments().iter().map(part).collect(), rest: Some(String::new()) }
    }

    /// Returns the text with which the keys of all paths begin that the pattern matches.
    pub fn key_start(&self) -> String {
        let mut key = self.key();
        let end = key.find('{').unwrap_or(key.len());
        key.truncate(end);
        // What a placeholder at the end stands for can be nothing, also no slash.
        if self.rest.is_some() && key.ends_with('/') && key.len() > 1 {
            key.pop();
        }
        key
    }

    /// Returns the text with which that begins, in lower case, for which a placeholder of a form of addresses stands, in
    /// addresses that the pattern matches.
    pub fn start_of(&self, form: &PathPattern, name: &str) -> String {
        let Some(at) = form.parts.iter().position(|part| part.name.as_deref() == Some(name)) else {
            // It stands for all further segments.
            let further = self.parts.get(form.parts.len()..).unwrap_or_default();
            let fixed = further.iter().take_while(|part| part.name.is_none()).count();
            let before: Vec<&str> = further.iter().take(fixed + 1).map(|part| part.before.as_str()).collect();
            return before.join("/").to_ascii_lowercase();
        };
        let (Some(own), other) = (self.parts.get(at), &form.parts[at]) else { return String::new() };
        let start = match own.name {
            None => other.inner_text(&own.before).unwrap_or_default(),
            Some(_) => own.before.get(other.before.len()..).unwrap_or_default(),
        };
        start.to_ascii_lowercase()
    }

    /// Returns whether the pattern may match an address with this form, whose placeholders stand for segments in the form
    /// of slugs.
    pub fn may_meet(&self, form: &PathPattern) -> bool {
        let (own, others) = (&self.parts, &form.parts);
        let has_length = match (self.rest.is_some(), form.rest.is_some()) {
            (false, false) => own.len() == others.len(),
            (true, false) => own.len() <= others.len(),
            (false, true) => own.len() >= others.len(),
            (true, true) => true,
        };
        let within = own.iter().zip(others).all(|(own, other)| own.may_meet(other));
        // The last placeholder of the form stands for any further segments.
        let beyond = own.iter().skip(others.len()).all(|own| is_slug_part(&own.before) && is_slug_part(&own.after));
        has_length && within && beyond
    }
}

impl SegmentPattern {
    fn may_meet(&self, form: &SegmentPattern) -> bool {
        if form.name.is_none() {
            return self.inner_text(&form.before).is_some();
        }
        if self.name.is_none() {
            return form.inner_text(&self.before).is_some_and(is_slug_part);
        }
        let (own, other) = (self.before.to_ascii_lowercase(), form.before.to_ascii_lowercase());
        let begins = other.starts_with(&own) || own.strip_prefix(&other).is_some_and(is_slug_part);
        let (own, other) = (self.after.to_ascii_lowercase(), form.after.to_ascii_lowercase());
        begins && (other.ends_with(&own) || own.strip_suffix(&other).is_some_and(is_slug_part))
    }
}

/// Returns whether a text can be a part of a slug.
fn is_slug_part(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_begin_as_the_pattern_does() {
        let start = |own: &str, form: &str, name: &str| {
            PathPattern::parse(own).unwrap().start_of(&PathPattern::parse(form).unwrap(), name)
        };
        assert_eq!(start("/en/{a}/B/{*c}", "/en/events/{slug}", "slug"), "b");
        assert_eq!(start("/en/events/x/{b}", "/en/events/{event}/{slug}", "slug"), "");
        assert_eq!(start("/e-x{a}", "/e-{slug}", "slug"), "x");
        assert_eq!(start("/E-x.html/{*a}", "/e-{slug}.html", "slug"), "x");
        assert_eq!(start("/{a}.html", "/e-{slug}.html", "slug"), "");
        assert_eq!(start("/en/{*rest}", "/en/events/{slug}", "slug"), "");
        assert_eq!(start("/en/A/b{c}/d", "/en/{*path}", "path"), "a/b");
        assert_eq!(start("/en/a/b/{*rest}", "/en/{*path}", "path"), "a/b");
        assert_eq!(start("/{*rest}", "/en/{*path}", "path"), "");
    }

    #[test]
    fn patterns_meet_where_a_path_matches_both() {
        let meets =
            |own: &str, form: &str| PathPattern::parse(own).unwrap().may_meet(&PathPattern::parse(form).unwrap());
        let pages = "/en/{*path}";
        for (own, form) in [
            ("/{*all}", pages),
            ("/EN/{*all}", pages),
            ("/{a}/{b}", pages),
            ("/en", pages),
            ("/en/{a}-old/b", pages),
            ("/en/{a}/{b}", "/en/events/{slug}"),
            ("/en/events/2020-{a}", "/en/events/{slug}"),
            ("/en/events/{a}.html", "/en/events/{slug}.html"),
            ("/en/events/a/{*rest}", "/en/events/{event}/{slug}"),
        ] {
            assert!(meets(own, form), "{own} {form}");
        }
        for (own, form) in [
            ("/{page}.html", pages),
            ("/en/{a}.html", pages),
            ("/en/about/{a}.html", pages),
            ("/nl/{*all}", pages),
            ("/en/events/{a}.html", "/en/events/{slug}"),
            ("/en/events/{a}/b", "/en/events/{slug}"),
            ("/en/events/a/b/{*rest}", "/en/events/{slug}"),
            ("/en/ev{a}/b", "/en/topics/{slug}"),
        ] {
            assert!(!meets(own, form), "{own} {form}");
        }
    }
}
