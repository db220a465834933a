//! Markdown to HTML: CommonMark with tables, strikethrough, footnotes and bare addresses, as in GitHub Flavored
//! Markdown. The result is not sanitised.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

use crate::content::bare_links::bare_links;

/// Converts Markdown to HTML.
pub fn to_html(source: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let events = TextMergeStream::new(Parser::new_ext(source, options));
    let events = Footnotes::default().arrange(with_links(events));
    let mut html = String::with_capacity(source.len() * 5 / 4);
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    html
}

/// Makes links of the bare addresses in texts, except within links, images and code.
fn with_links<'a>(events: impl Iterator<Item = Event<'a>>) -> Vec<Event<'a>> {
    let (mut depth, mut in_anchor, mut out) = (0_usize, false, Vec::new());
    for event in events {
        match &event {
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => depth += 1,
            Event::End(TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock) => depth = depth.saturating_sub(1),
            // A link in HTML may stand around text in Markdown.
            Event::InlineHtml(tag) if is_tag(tag, "<a") => in_anchor = true,
            Event::InlineHtml(tag) if is_tag(tag, "</a") => in_anchor = false,
            Event::Text(text) if depth == 0 && !in_anchor => {
                push_text(&mut out, text);
                continue;
            }
            _ => {}
        }
        out.push(event);
    }
    out
}

/// Returns whether HTML begins with a tag: `<a` is one in `<a href="/">`, and none in `<abbr>`.
fn is_tag(html: &str, tag: &str) -> bool {
    let Some((start, rest)) = html.split_at_checked(tag.len()) else { return false };
    start.eq_ignore_ascii_case(tag) && !rest.starts_with(char::is_alphanumeric)
}

fn push_text<'a>(out: &mut Vec<Event<'a>>, text: &str) {
    let mut end = 0;
    for link in bare_links(text) {
        out.push(Event::Text(text[end..link.range.start].to_owned().into()));
        out.push(Event::Start(Tag::Link {
            link_type: LinkType::Autolink,
            dest_url: link.address.into(),
            title: CowStr::Borrowed(""),
            id: CowStr::Borrowed(""),
        }));
        out.push(Event::Text(text[link.range.clone()].to_owned().into()));
        out.push(Event::End(TagEnd::Link));
        end = link.range.end;
    }
    out.push(Event::Text(text[end..].to_owned().into()));
}

/// A footnote.
#[derive(Default)]
struct Footnote<'a> {
    events: Vec<Event<'a>>,
    /// Number in the order of the first references.
    number: Option<usize>,
    /// Number of references.
    references: usize,
}

/// The footnotes of a text. They are numbered in the order in which the text refers to them, and stand at its end, with
/// links back. Those to which nothing refers follow, so that no text is lost.
#[derive(Default)]
struct Footnotes<'a> {
    by_name: HashMap<CowStr<'a>, Footnote<'a>>,
    /// Names in the order of the source.
    names: Vec<CowStr<'a>>,
    /// Names in the order of their numbers.
    numbered: Vec<CowStr<'a>>,
}

impl<'a> Footnotes<'a> {
    fn arrange(mut self, events: Vec<Event<'a>>) -> Vec<Event<'a>> {
        let body = self.take_definitions(events);
        let mut out = self.with_references(body);
        if self.names.is_empty() {
            return out;
        }
        out.push(Event::Html("<hr>\n<ol>\n".into()));
        let (mut next, mut seen) = (0, 0);
        // A footnote may refer to others, which get the next numbers.
        loop {
            // Those that have a number keep it, so no name is looked at twice.
            let unreferenced = || {
                let rest = self.names[seen..].iter();
                seen += rest.take_while(|name| self.by_name[*name].number.is_some()).count();
                self.names.get(seen).cloned()
            };
            let Some(name) = self.numbered.get(next).cloned().or_else(unreferenced) else { break };
            self.push_footnote(&mut out, &name);
            next += 1;
        }
        out.push(Event::Html("</ol>\n".into()));
        out
    }

    /// Takes the definitions out of the events of a text.
    fn take_definitions(&mut self, events: Vec<Event<'a>>) -> Vec<Event<'a>> {
        // The innermost one that is open comes last.
        let (mut body, mut open) = (Vec::new(), Vec::<(CowStr<'a>, Vec<Event<'a>>)>::new());
        for event in events {
            match event {
                Event::Start(Tag::FootnoteDefinition(name)) => open.push((name, Vec::new())),
                Event::End(TagEnd::FootnoteDefinition) => {
                    let Some((name, events)) = open.pop() else { continue };
                    if !self.by_name.contains_key(&name) {
                        self.names.push(name.clone());
                    }
                    self.by_name.entry(name).or_default().events.extend(events);
                }
                event => open.last_mut().map_or(&mut body, |(_, events)| events).push(event),
            }
        }
        body
    }

    /// Replaces the references in these events by links.
    fn with_references(&mut self, events: Vec<Event<'a>>) -> Vec<Event<'a>> {
        let link = |event| match event {
            Event::FootnoteReference(name) => self.reference(name),
            event => event,
        };
        events.into_iter().map(link).collect()
    }

    fn reference(&mut self, name: CowStr<'a>) -> Event<'a> {
        let Some(number) = self.number(&name) else { return Event::Text(format!("[^{name}]").into()) };
        let footnote = self.by_name.entry(name).or_default();
        footnote.references += 1;
        let id = reference_id(number, footnote.references);
        Event::InlineHtml(format!("<sup><a href=\"#fn-{number}\" id=\"{id}\">{number}</a></sup>").into())
    }

    /// Returns the number of a footnote, the next one if it has none yet; `None` if there is no such footnote.
    fn number(&mut self, name: &CowStr<'a>) -> Option<usize> {
        let next = || {
            self.numbered.push(name.clone());
            self.numbered.len()
        };
        Some(*self.by_name.get_mut(name)?.number.get_or_insert_with(next))
    }

    fn push_footnote(&mut self, out: &mut Vec<Event<'a>>, name: &CowStr<'a>) {
        let Some(number) = self.number(name) else { return };
        let Footnote { events, references, .. } = self.by_name.get_mut(name).map(std::mem::take).unwrap_or_default();
        // It keeps its number for references from those that follow.
        self.by_name.insert(name.clone(), Footnote { number: Some(number), references, ..Footnote::default() });
        let mut events = self.with_references(events);
        let back = |count| format!(" <a href=\"#{}\">↩</a>", reference_id(number, count)).into();
        let links = (1..=references).map(|count| Event::InlineHtml(back(count)));
        // The links back stand at the end of the last paragraph.
        let place = events.len() - usize::from(matches!(events.last(), Some(Event::End(TagEnd::Paragraph))));
        events.splice(place..place, links);
        out.push(Event::Html(format!("<li id=\"fn-{number}\">\n").into()));
        out.append(&mut events);
        out.push(Event::Html("</li>\n".into()));
    }
}

/// Returns the id of a reference to a footnote.
fn reference_id(number: usize, count: usize) -> String {
    if count == 1 { format!("fnref-{number}") } else { format!("fnref-{number}-{count}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn footnotes_stand_at_the_end() {
        let html = to_html("One[^b] two[^a], one again[^b], none[^c].\n\n[^a]: Note A.\n[^b]: Note B[^a].\n\nEnd.");
        let expected = concat!(
            "<p>One<sup><a href=\"#fn-1\" id=\"fnref-1\">1</a></sup> two<sup><a href=\"#fn-2\" id=\"fnref-2\">2</a></sup>, ",
            "one again<sup><a href=\"#fn-1\" id=\"fnref-1-2\">1</a></sup>, none[^c].</p>\n<p>End.</p>\n<hr>\n<ol>\n",
            "<li id=\"fn-1\">\n<p>Note B<sup><a href=\"#fn-2\" id=\"fnref-2-2\">2</a></sup>. ",
            "<a href=\"#fnref-1\">↩</a> <a href=\"#fnref-1-2\">↩</a></p>\n</li>\n",
            "<li id=\"fn-2\">\n<p>Note A. <a href=\"#fnref-2\">↩</a> <a href=\"#fnref-2-2\">↩</a></p>\n</li>\n</ol>\n",
        );
        assert_eq!(html, expected);
        // Nothing refers to it, and it is not lost.
        assert!(to_html("Text.\n\n[^x]: Alone.").contains("<li id=\"fn-1\">\n<p>Alone.</p>\n</li>"));
        assert!(!to_html("Text.").contains("<ol>"));
        // Those to which nothing refers, and what they refer to, in the order of the source.
        let alone = to_html("T[^c].\n\n[^a]: A[^d].\n\n[^b]: B.\n\n[^c]: C.\n\n[^d]: D.");
        let places = ["C", "A", "D", "B"].map(|note| alone.find(&format!("<p>{note}")).unwrap());
        assert!(places.is_sorted(), "{alone}");
    }

    #[test]
    fn addresses_become_links() {
        let link = |address: &str, text: &str| format!("<a href=\"{address}\">{text}</a>");
        let address = "https://example.org/a_b_c?x=1&amp;y=2";
        assert_eq!(
            to_html("See https://example.org/a_b_c?x=1&y=2, **www.example.org** or info@example.org."),
            format!(
                "<p>See {}, <strong>{}</strong> or {}.</p>\n",
                link(address, address),
                link("http://www.example.org", "www.example.org"),
                link("mailto:info@example.org", "info@example.org")
            )
        );
        for source in [
            "`https://example.org`",
            "    https://example.org",
            "[https://example.org](/x)",
            "<a href=\"/x\">https://example.org</a>",
            "![https://example.org](/x.png)",
        ] {
            assert!(!to_html(source).contains("href=\"https"), "{source}: {}", to_html(source));
        }
        assert_eq!(
            to_html("<https://example.org>"),
            format!("<p>{}</p>\n", link("https://example.org", "https://example.org"))
        );
        assert!(to_html("<abbr>x</abbr> https://example.org").contains("href=\"https"));
    }

    proptest! {
        #[test]
        fn no_text_is_lost(source in "(\\[\\^[ab]\\]:? ?|[a-z]|\n\n|\n|www\\.x\\.org|a@b\\.cd|https://[a-z]|[*_é. ]){0,30}") {
            let html = to_html(&source);
            let text = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            let shown = crate::content::rich_text::to_text(&html);
            // Names of footnotes become numbers.
            prop_assert!(text(&shown) + source.matches("[^").count() >= text(&source), "{} in {}", source, html);
        }
    }
}
