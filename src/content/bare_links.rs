//! Bare addresses in a text, by the rules of extended autolinks in GitHub Flavored Markdown: `https://…`, `http://…`,
//! `www.…` and mail addresses.

use std::ops::Range;

/// A bare address in a text.
#[derive(Debug, PartialEq, Eq)]
pub struct BareLink {
    /// Place in the text, in bytes.
    pub range: Range<usize>,
    /// Address to which it leads.
    pub address: String,
}

/// Beginnings of addresses, each with what the address needs before it.
const BEGINNINGS: [(&str, &str); 3] = [("https://", ""), ("http://", ""), ("www.", "http://")];

/// Returns the bare addresses of a text, in their order.
pub fn bare_links(text: &str) -> Vec<BareLink> {
    let (mut links, mut from, mut before, mut hostless) = (Vec::new(), 0, None, 0);
    for (at, c) in text.char_indices() {
        if at >= from {
            let link = match c {
                'h' | 'H' | 'w' | 'W' if can_follow(before) => web_address(text, at, &mut hostless),
                '@' => mail_address(text, from, at),
                _ => None,
            };
            if let Some(link) = link {
                from = link.range.end;
                links.push(link);
            }
        }
        before = Some(c);
    }
    links
}

/// Returns whether an address may follow this character.
fn can_follow(before: Option<char>) -> bool {
    before.is_none_or(|c| c.is_whitespace() || matches!(c, '*' | '_' | '~' | '(' | '"' | '\'' | '“' | '„' | '«'))
}

/// Returns the web address that begins at a place. No host begins before `hostless`, which each text that is none moves on.
fn web_address(text: &str, at: usize, hostless: &mut usize) -> Option<BareLink> {
    let rest = &text[at..];
    let begins = |(beginning, _): &&(&str, &str)| {
        rest.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    let (beginning, before) = BEGINNINGS.iter().find(begins)?;
    let host = at + beginning.len();
    if host < *hostless {
        return None;
    }
    if let Err(end) = begins_with_host(&text[host..]) {
        *hostless = host + end;
        return None;
    }
    let shown = without_punctuation(&rest[..rest.find(is_end).unwrap_or(rest.len())]);
    Some(BareLink { range: at..at + shown.len(), address: format!("{before}{shown}") })
}

/// Checks that a text begins with a host, and reads no further than needed for that: a text may have many beginnings of
/// addresses that are none. Fails with the place before which no host begins either.
fn begins_with_host(text: &str) -> Result<(), usize> {
    let end = text.find(|c: char| !is_in_host(c) && c != '.').unwrap_or(text.len());
    let behind = &text[end..];
    let beyond = behind.trim_start_matches(|c| is_punctuation(c) || c == ')').chars().next();
    let host = match beyond {
        None => text[..end].trim_end_matches(['.', '_']),
        Some(c) if is_end(c) => text[..end].trim_end_matches(['.', '_']),
        Some(_) if behind.starts_with(['/', '?', '#', ':']) => &text[..end],
        Some(_) => return Err(end),
    };
    match host.rfind("..") {
        _ if host.is_empty() || host.ends_with('.') => Err(end),
        Some(dots) => Err(dots + 2),
        None if host.starts_with('.') => Err(1),
        None => Ok(()),
    }
}

/// Returns whether an address ends before this character.
fn is_end(c: char) -> bool {
    c.is_whitespace() || c == '<'
}

fn mail_address(text: &str, from: usize, at: usize) -> Option<BareLink> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let local = text[from..at].chars().rev().take_while(|c| is_local(*c)).count();
    let rest = &text[at + 1..];
    let is_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let domain = rest[..rest.find(|c| !is_domain(c)).unwrap_or(rest.len())].trim_end_matches('.');
    let ends_well = domain.ends_with(|c: char| c.is_ascii_alphanumeric());
    let is_mail = local > 0 && domain.contains('.') && is_host(domain) && ends_well;
    let range = at - local..at + 1 + domain.len();
    is_mail.then(|| BareLink { address: format!("mailto:{}", &text[range.clone()]), range })
}

fn is_host(host: &str) -> bool {
    host.split('.').all(|label| !label.is_empty() && label.chars().all(is_in_host))
}

fn is_in_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// Returns whether a character at the end of an address belongs to the sentence around it.
fn is_punctuation(c: char) -> bool {
    matches!(c, '?' | '!' | '.' | ',' | ':' | ';' | '*' | '_' | '~' | '\'' | '"' | '”' | '“' | '»')
}

/// Returns an address without the punctuation of the sentence around it. A closing bracket belongs to the address if it
/// has the opening one too.
fn without_punctuation(address: &str) -> &str {
    let mut shown = address;
    let mut unopened = address.matches(')').count().saturating_sub(address.matches('(').count());
    while let Some(last) = shown.chars().next_back() {
        let is_outside = match last {
            ')' => unopened > 0,
            last => is_punctuation(last),
        };
        if !is_outside {
            break;
        }
        unopened -= usize::from(last == ')');
        shown = &shown[..shown.len() - last.len_utf8()];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule in short: the host is what is before the path of the address, which ends at a blank.
    fn by_rule(text: &str, at: usize) -> Option<usize> {
        let rest = &text[at..];
        let (beginning, _) = BEGINNINGS.iter().find(|(start, _)| rest.starts_with(start))?;
        let shown = without_punctuation(rest.split(is_end).next()?);
        let host = shown.get(beginning.len()..)?.split(['/', '?', '#', ':']).next()?;
        is_host(host).then_some(at + shown.len())
    }

    proptest! {
        #[test]
        fn addresses_are_those_of_the_rule(text in "(www\\.|http://|[a_]|[-.:/?#()*,é\"< ]){0,14}") {
            let (mut from, mut before, mut wanted) = (0, None, Vec::new());
            for (at, c) in text.char_indices() {
                if at >= from && can_follow(before) && let Some(end) = by_rule(&text, at) {
                    wanted.push(at..end);
                    from = end;
                }
                before = Some(c);
            }
            let links: Vec<_> = bare_links(&text).into_iter().map(|link| link.range).collect();
            prop_assert_eq!(links, wanted, "{}", text);
        }
    }

    #[test]
    fn what_is_no_host_is_read_once() {
        assert_eq!(begins_with_host("a.org/x"), Ok(()));
        assert_eq!(begins_with_host("a.org.)"), Ok(()));
        // No other one begins within the same characters.
        assert_eq!(begins_with_host("_www._www.(www.a.org"), Err(10));
        assert_eq!(begins_with_host("a./www.a.org"), Err(2));
        // One may begin behind the last two dots.
        assert_eq!(begins_with_host("a.._www.a.org"), Err(3));
        assert_eq!(find_links("www.a.._www.a.org (www.(www.b.org").len(), 2);
    }

    fn find_links(text: &str) -> Vec<(String, String)> {
        bare_links(text).into_iter().map(|link| (text[link.range].to_owned(), link.address)).collect()
    }

    #[test]
    fn addresses_are_found() {
        for (text, shown) in [
            ("https://example.org", "https://example.org"),
            ("(https://example.org/a_(b)).", "https://example.org/a_(b)"),
            ("é: HTTP://example.org:8080/x?y=1#z, and", "HTTP://example.org:8080/x?y=1#z"),
            ("„https://bücher.example/ü“", "https://bücher.example/ü"),
            ("http://localhost/", "http://localhost/"),
        ] {
            assert_eq!(find_links(text), [(shown.to_owned(), shown.to_owned())], "{text}");
        }
        assert_eq!(find_links("www.example.org."), [("www.example.org".into(), "http://www.example.org".into())]);
        assert_eq!(find_links("a.b+c@x-y.org."), [("a.b+c@x-y.org".into(), "mailto:a.b+c@x-y.org".into())]);
        assert_eq!(find_links("www.a.org www.b.org a@b.org").len(), 3);
    }

    #[test]
    fn other_texts_are_none() {
        for text in
            ["xhttps://a.org", "https://", "www.", "www..", "https:///x", "@", "a@b", "@b.org", "a@b.org-", "a @b.c"]
        {
            assert_eq!(find_links(text), [], "{text}");
        }
    }
}
