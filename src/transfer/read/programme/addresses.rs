//! The languages of sessions, and everything in a programme that has an address: links, documents, recordings, images.

use serde_json::{Value, json};
use url::Url;

use super::words::{first_language, is_page, medium, without_null};
use super::{ImportedTalk, LabelledUrl, Programme};
use crate::transfer::language_names::language_tag;
use crate::transfer::read::{SinkClosed, address_below};
use crate::transfer::record::Record;

/// Greatest number of links, documents or recordings. One more is read, so that the others are noted.
const MOST_ADDRESSES: usize = 50;

impl Programme<'_> {
    /// Sets the language and everything that has an address.
    pub(super) fn set_addresses(&self, place: &str, talk: ImportedTalk, record: &mut Record) -> Result<(), SinkClosed> {
        if let Some(given) = talk.language.filter(|given| !given.trim().is_empty()) {
            let first = first_language(&given);
            if first != given.trim() {
                self.sink.note(
                    place,
                    "/language",
                    "several_languages",
                    format!("of \"{given}\" the first is taken"),
                )?;
            }
            match language_tag(first) {
                Some(tag) => record.set("language", tag),
                None => {
                    let message = format!("\"{first}\" is neither a BCP 47 tag nor the name of a language");
                    self.sink.note(place, "/language", "not_a_language", message)?;
                }
            }
        }
        let (media, links): (Vec<_>, Vec<_>) = talk.links.into_iter().partition(|(_, url, _)| medium(url).is_some());
        let mut shown = self.addresses(place, "/recordings", media.into_iter().chain(talk.recordings))?;
        for recording in &mut shown {
            let kind = recording["url"].as_str().and_then(medium);
            recording["kind"] = kind.unwrap_or("video").into();
        }
        record.set("recordings", shown);
        let (pages, files): (Vec<_>, Vec<_>) =
            talk.attachments.into_iter().partition(|(_, url, kind)| is_page(url, kind.as_deref()));
        let links = links.into_iter().chain(pages).map(|(title, url, _)| (title, url, None));
        record.set("links", self.addresses(place, "/links", links)?);
        record.set("documents", self.addresses(place, "/documents", files)?);
        if let Some(url) = self.url(place, "/image", talk.image)? {
            record.set("image", json!({ "url": url }));
        }
        Ok(())
    }

    pub(super) fn url(&self, place: &str, field: &str, given: Option<String>) -> Result<Option<String>, SinkClosed> {
        let Some(given) = given.map(|g| g.trim().to_owned()).filter(|g| !g.is_empty()) else { return Ok(None) };
        match address_below(&given, self.base.as_ref()) {
            Ok(url) => Ok(Some(url)),
            Err((code, message)) => self.sink.note(place, field, code, message).map(|()| None),
        }
    }

    /// Returns links or documents from titles, URLs and kinds, without duplicates. URLs that are not valid
    /// are reported.
    pub(super) fn addresses(
        &self,
        place: &str,
        field: &str,
        given: impl IntoIterator<Item = LabelledUrl>,
    ) -> Result<Vec<Value>, SinkClosed> {
        let mut kept: Vec<Value> = Vec::new();
        for (title, url, kind) in given {
            if kept.len() > MOST_ADDRESSES {
                break;
            }
            let Some(url) = self.url(place, field, Some(url))? else { continue };
            let entry = json!({"title": title.filter(|t| !t.trim().is_empty()), "url": url, "kind": kind});
            let entry = Value::Object(entry.as_object().map(without_null).unwrap_or_default());
            if !kept.contains(&entry) {
                kept.push(entry);
            }
        }
        Ok(kept)
    }
}

/// Returns the address to which relative ones belong. It is a folder, also where the slash at its end is missing.
pub(super) fn base(text: &str) -> Option<Url> {
    let mut base = Url::parse(text.trim()).ok()?;
    let last = base.path().rsplit('/').next().unwrap_or_default();
    if !last.is_empty() && !last.contains('.') {
        base.set_path(&format!("{}/", base.path()));
    }
    Some(base)
}
