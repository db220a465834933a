//! Sitemaps (sitemaps.org 0.9) of the pages of events, with the alternate languages of each page.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::page;
use crate::content::Site;

const NAMESPACES: [(&str, &str); 2] =
    [("xmlns", "http://www.sitemaps.org/schemas/sitemap/0.9"), ("xmlns:xhtml", "http://www.w3.org/1999/xhtml")];

/// An event in a sitemap.
#[derive(Debug)]
pub struct SitemapEntry {
    /// Pairs of locale and slug, that of the default locale first.
    pub slugs: Vec<(String, String)>,
    /// Time of the last change (RFC 3339).
    pub updated_at: String,
}

type Out = Writer<Vec<u8>>;

/// Returns the sitemap of the pages of these events.
pub fn sitemap(site: &Site, public_url: &str, entries: &[SitemapEntry]) -> String {
    // If addresses do not contain the locale, all languages of an event share one page.
    let pages = EventPages { site, public_url, by_language: site.event_url.contains("{locale}") };
    document(|out| {
        out.create_element("urlset").with_attributes(NAMESPACES).write_inner_content(|out| {
            entries.iter().try_for_each(|entry| {
                let count = if pages.by_language { entry.slugs.len() } else { 1 };
                (0..count).try_for_each(|index| pages.write(out, entry, index))
            })
        })?;
        Ok(())
    })
}

/// Returns a sitemap index of the sitemaps with these addresses.
pub fn index(addresses: &[String]) -> String {
    document(|out| {
        out.create_element("sitemapindex").with_attribute(NAMESPACES[0]).write_inner_content(|out| {
            addresses.iter().try_for_each(|address| {
                out.create_element("sitemap").write_inner_content(|out| text_element(out, "loc", address))?;
                Ok(())
            })
        })?;
        Ok(())
    })
}

fn document(write: impl FnOnce(&mut Out) -> std::io::Result<()>) -> String {
    let mut out = Writer::new(Vec::new());
    // Writing to a `Vec` cannot fail.
    let _ = out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    let _ = write(&mut out);
    String::from_utf8(out.into_inner()).unwrap_or_default()
}

/// The pages of events on the website.
struct EventPages<'a> {
    site: &'a Site,
    public_url: &'a str,
    /// Whether each language of an event has a page of its own.
    by_language: bool,
}

impl EventPages<'_> {
    /// Writes the page of an event in one of its languages, with links to the others.
    fn write(&self, out: &mut Out, entry: &SitemapEntry, index: usize) -> std::io::Result<()> {
        let address = |(locale, slug): &(String, String)| page(self.site, self.public_url, slug, locale);
        let Some(own) = entry.slugs.get(index) else { return Ok(()) };
        out.create_element("url").write_inner_content(|out| {
            text_element(out, "loc", &address(own))?;
            text_element(out, "lastmod", &entry.updated_at)?;
            if self.by_language && entry.slugs.len() > 1 {
                for other in &entry.slugs {
                    alternate(out, &other.0, &address(other))?;
                }
                alternate(out, "x-default", &address(&entry.slugs[0]))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn alternate(out: &mut Out, language: &str, address: &str) -> std::io::Result<()> {
    let attributes = [("rel", "alternate"), ("hreflang", language), ("href", address)];
    out.create_element("xhtml:link").with_attributes(attributes).write_empty().map(drop)
}

fn text_element(out: &mut Out, name: &str, value: &str) -> std::io::Result<()> {
    out.create_element(name).write_text_content(BytesText::new(value)).map(drop)
}
