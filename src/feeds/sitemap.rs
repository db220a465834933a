//! Sitemaps (sitemaps.org 0.9) of the pages of items, with the alternate languages of each page.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::pages::page;
use crate::content::Site;

const NAMESPACES: [(&str, &str); 2] =
    [("xmlns", "http://www.sitemaps.org/schemas/sitemap/0.9"), ("xmlns:xhtml", "http://www.w3.org/1999/xhtml")];

/// An item in a sitemap.
#[derive(Debug)]
pub struct SitemapEntry {
    /// Content type of the item.
    pub kind: &'static str,
    /// The pages of the item, that in the default locale first if it has one.
    pub pages: Vec<PageSlugs>,
    /// Time of the last change of the item or of anything that it is shown with (RFC 3339).
    pub changed_at: String,
}

/// The slugs in the address of an item in a locale.
#[derive(Debug)]
pub struct PageSlugs {
    pub locale: String,
    /// The slug, or the path of an item that has one.
    pub slug: String,
    /// Slug of the event in the locale, for a session.
    pub event: Option<String>,
}

type Out = Writer<Vec<u8>>;

/// Returns the sitemap of the pages of these items.
pub fn sitemap(site: &Site, public_url: &str, entries: &[SitemapEntry]) -> String {
    let pages = ItemPages { site, public_url };
    document(|out| {
        out.create_element("urlset").with_attributes(NAMESPACES).write_inner_content(|out| {
            entries.iter().try_for_each(|entry| {
                let count = if pages.site.has_pages_by_language(entry.kind) { entry.pages.len() } else { 1 };
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

/// The pages of items on the website.
struct ItemPages<'a> {
    site: &'a Site,
    public_url: &'a str,
}

impl ItemPages<'_> {
    fn address(&self, entry: &SitemapEntry, page_slugs: &PageSlugs) -> String {
        let address = page(self.site, self.public_url, entry.kind, &page_slugs.slug, &page_slugs.locale);
        address.replace("{event}", page_slugs.event.as_deref().unwrap_or_default())
    }

    /// Writes the page of an item in one of its languages, with links to the others.
    fn write(&self, out: &mut Out, entry: &SitemapEntry, index: usize) -> std::io::Result<()> {
        let Some(own) = entry.pages.get(index) else { return Ok(()) };
        out.create_element("url").write_inner_content(|out| {
            text_element(out, "loc", &self.address(entry, own))?;
            text_element(out, "lastmod", &entry.changed_at)?;
            if self.site.has_pages_by_language(entry.kind) && entry.pages.len() > 1 {
                for other in &entry.pages {
                    write_alternate(out, &other.locale, &self.address(entry, other))?;
                }
                write_alternate(out, "x-default", &self.address(entry, &entry.pages[0]))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn write_alternate(out: &mut Out, language: &str, address: &str) -> std::io::Result<()> {
    let attributes = [("rel", "alternate"), ("hreflang", language), ("href", address)];
    out.create_element("xhtml:link").with_attributes(attributes).write_empty().map(drop)
}

fn text_element(out: &mut Out, name: &str, value: &str) -> std::io::Result<()> {
    out.create_element(name).write_text_content(BytesText::new(value)).map(drop)
}
