//! Rendering of stored content to the JSON of responses, in one locale or in all.
//!
//! The fields of an item are rendered to two fragments of JSON text, which are copied into responses unchanged: the
//! card (the object of a list entry, without its closing brace) and the detail (the members that follow it in the
//! response of a single item). Relations are appended by the caller, since they depend on other items.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::content::field::{Field, FieldType, RelationShape, Span};
use crate::content::local_time::{self, Moment, utc_text};
use crate::content::rich_text::{self, RichTextFormat};
use crate::content::text_outline::{excerpt, outline, reading_minutes};
use crate::content::translations::{Translations, visible_content, written_locales};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::time_zone::Zone;

/// The metadata that every item has in addition to its fields. Times are microseconds since 1970-01-01T00:00:00Z, or 0
/// for an event that has not happened.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// Id, a UUIDv7.
    pub id: &'a str,
    /// Current slug in the default locale.
    pub slug: &'a str,
    /// Stored form of the states of its translations.
    pub translations: &'a str,
    /// Version, which each write increments by one.
    pub version: i64,
    /// Status: draft, published or archived.
    pub status: &'a str,
    /// Time of creation.
    pub created_at: i64,
    /// Time of the last write.
    pub updated_at: i64,
    /// Time of the first publication.
    pub published_at: i64,
    /// Time of the move to the trash.
    pub trashed_at: i64,
}

/// The format of rich text in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFormat {
    /// Sanitised HTML.
    Html,
    /// Text without markup.
    Text,
    /// The source as the editor wrote it.
    Source,
    /// Markdown, converted from HTML if the source is HTML.
    Markdown,
}

/// The representation of items in a response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// Locale of localised fields, or all locales.
    pub locale: LocaleMode,
    /// Format of rich text.
    pub body: BodyFormat,
    /// Whether unpublished translations are included, as editors see them.
    pub unpublished: bool,
    /// Whether a value that is missing in the locale is replaced by that of another one.
    pub falls_back: bool,
}

impl View {
    /// Returns the default representation, which is stored with each item in rendered form.
    pub fn default_for(site: &Site) -> Self {
        let locale = LocaleMode::One(site.default_locale().to_owned());
        Self { locale, body: BodyFormat::Html, unpublished: false, falls_back: true }
    }

    /// Returns whether the representation equals [`View::default_for`].
    pub fn is_plain(&self, site: &Site) -> bool {
        self.is_usual(site) && !self.unpublished
    }

    /// Returns whether the representation equals [`View::default_for`] for items without unpublished translations.
    pub fn is_usual(&self, site: &Site) -> bool {
        let LocaleMode::One(locale) = &self.locale else { return false };
        locale == site.default_locale() && self.body == BodyFormat::Html && self.falls_back
    }

    /// Returns the locale and the value that this representation shows of a localised field in a locale.
    fn localised_value<'v>(
        &self,
        site: &Site,
        wanted: &str,
        values: &'v Map<String, Value>,
    ) -> Option<(&'v String, &'v Value)> {
        if !self.falls_back {
            return values.get_key_value(wanted);
        }
        let chain = site.fallback_chain(wanted);
        chain.iter().find_map(|locale| values.get_key_value(*locale)).or_else(|| values.iter().next())
    }
}

/// The rendered fragments of an item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fragments {
    /// `{"id":…`: the members of a list entry, without the closing brace.
    pub card: String,
    /// `,"body":…`: the members that only single items have, with a leading comma.
    pub detail: String,
    /// `{"id":…,"slug":…,"title":…}`: the complete object that represents the item in references.
    pub reference: String,
}

/// The renderer of one item or one link.
pub struct Renderer<'a> {
    site: &'a Site,
    view: &'a View,
    zone: Zone,
    fallbacks: Vec<&'static str>,
}

impl<'a> Renderer<'a> {
    /// Creates a renderer for items of the site in a representation.
    pub fn new(site: &'a Site, view: &'a View) -> Self {
        Self { site, view, zone: site.time_zone, fallbacks: Vec::new() }
    }

    /// Renders the fragments of an item.
    pub fn item(
        mut self,
        content_type: &'static ContentType,
        envelope: &Envelope<'_>,
        content: &Map<String, Value>,
    ) -> Fragments {
        self.zone = local_time::zone_of(content).unwrap_or(self.zone);
        let translations = Translations::parse(envelope.translations);
        let content = &*match self.view.unpublished {
            true => Cow::Borrowed(content),
            false => visible_content(content_type.fields, content, &translations),
        };
        let own_slug = match &self.view.locale {
            LocaleMode::One(locale) if self.view.unpublished || !translations.get(locale).hidden => {
                translations.slug(locale)
            }
            _ => None,
        };
        let mut card = format!("{{\"id\":{},\"slug\":{}", text(envelope.id), text(own_slug.unwrap_or(envelope.slug)));
        let label = content_type.field(content_type.label).map_or(Value::Null, |f| self.pick_value(f, content));
        let reference = format!("{card},\"{}\":{label}}}", content_type.label);
        self.envelope(&mut card, envelope);
        let mut detail = String::new();
        self.alternates(&mut detail, content_type, (envelope.slug, &translations), content);
        for field in content_type.fields.iter().filter(|f| f.relation().is_none()) {
            let out = if field.detail { &mut detail } else { &mut card };
            self.field(out, field, content);
        }
        if let Some(span) = content_type.span {
            span_days(&mut card, span, content);
        }
        self.outline(&mut card, &mut detail, content_type, content);
        self.locale(&mut card);
        Fragments { card, detail, reference }
    }

    /// Renders the fields of a link without its reference: `"role":"speaker","affiliation":null`.
    pub fn link(mut self, fields: &'static [Field], link: &Map<String, Value>) -> String {
        let mut out = String::new();
        for field in fields.iter().filter(|f| !matches!(f.kind, FieldType::Reference(_))) {
            self.field(&mut out, field, link);
        }
        out.trim_start_matches(',').to_owned()
    }

    fn envelope(&self, out: &mut String, envelope: &Envelope<'_>) {
        use std::fmt::Write;
        let _ = write!(
            out,
            ",\"version\":{},\"status\":\"{}\",\"created_at\":\"{}\",\"updated_at\":\"{}\",\"published_at\":",
            envelope.version,
            envelope.status,
            utc_text(envelope.created_at),
            utc_text(envelope.updated_at)
        );
        match envelope.published_at {
            0 => out.push_str("null"),
            at => out.push_str(&text(&utc_text(at))),
        }
        if envelope.trashed_at != 0 {
            let _ = write!(out, ",\"trashed_at\":\"{}\"", utc_text(envelope.trashed_at));
        }
    }

    /// Renders the languages in which the item has words of its own, each with its slug and its address.
    fn alternates(
        &self,
        out: &mut String,
        content_type: &'static ContentType,
        (slug, translations): (&str, &Translations),
        content: &Map<String, Value>,
    ) {
        let ContentType { fields, label, collection, .. } = content_type;
        // What is hidden is no longer in `content`, unless the viewer may see it.
        let states = if self.view.unpublished { &Translations::default() } else { translations };
        let alternate = |locale: &str| {
            let slug = translations.slug_or(locale, slug);
            json!({"locale": locale, "slug": slug, "href": format!("/api/v1/{collection}/{slug}?locale={locale}")})
        };
        let locales = written_locales(fields, label, content, states, self.site);
        out.push_str(",\"alternates\":");
        out.push_str(&json(&locales.into_iter().map(alternate).collect::<Vec<Value>>()));
    }

    /// Renders the excerpt, the reading time and the table of contents of the main text, if one locale was requested.
    fn outline(
        &self,
        card: &mut String,
        detail: &mut String,
        content_type: &'static ContentType,
        content: &Map<String, Value>,
    ) {
        use std::fmt::Write;
        let (Some(field), LocaleMode::One(wanted)) = (content_type.main_text(), &self.view.locale) else { return };
        let html = content.get(field.name).and_then(Value::as_object).and_then(|map| {
            let (_, shown) = self.view.localised_value(self.site, wanted, map)?;
            shown.get("html")?.as_str()
        });
        let Some(html) = html else {
            card.push_str(",\"excerpt\":null");
            detail.push_str(",\"reading_minutes\":null,\"table_of_contents\":[]");
            return;
        };
        let plain = rich_text::to_words(html);
        let _ = write!(card, ",\"excerpt\":{}", text(&excerpt(&plain)));
        let (minutes, contents) = (reading_minutes(&plain), outline(html).1);
        let _ = write!(detail, ",\"reading_minutes\":{minutes},\"table_of_contents\":{}", json(&contents));
    }

    fn locale(&self, out: &mut String) {
        if let LocaleMode::One(locale) = &self.view.locale {
            out.push_str(",\"locale\":");
            out.push_str(&text(locale));
            out.push_str(",\"fallbacks\":");
            out.push_str(&json(&self.fallbacks));
        }
    }

    fn field(&mut self, out: &mut String, field: &'static Field, object: &Map<String, Value>) {
        let value = self.pick_value(field, object);
        out.push_str(",\"");
        out.push_str(field.name);
        out.push_str("\":");
        out.push_str(&json(&value));
    }

    /// Returns the value of a field for a response: in the requested locale, formatted, and null or an empty list if it
    /// is absent. Records the field if the value comes from a fallback locale.
    fn pick_value(&mut self, field: &'static Field, object: &Map<String, Value>) -> Value {
        let Some(stored) = object.get(field.name) else { return empty_value(&field.kind) };
        if field.blocks().is_some() {
            return self.blocks(field, stored);
        }
        if !field.localised {
            return self.value(&field.kind, stored);
        }
        let Some(map) = stored.as_object() else { return Value::Null };
        match &self.view.locale {
            LocaleMode::All => {
                map.iter().map(|(locale, v)| (locale.clone(), self.value(&field.kind, v))).collect::<Map<_, _>>().into()
            }
            LocaleMode::One(wanted) => {
                let Some((locale, value)) = self.view.localised_value(self.site, wanted, map) else {
                    return Value::Null;
                };
                if locale != wanted && !self.fallbacks.contains(&field.name) {
                    self.fallbacks.push(field.name);
                }
                self.value(&field.kind, value)
            }
        }
    }

    /// Returns the blocks of a field. Values of fallback locales within them are recorded as those of the field, since
    /// fields of blocks have the names of others.
    fn blocks(&mut self, field: &'static Field, stored: &Value) -> Value {
        let earlier = self.fallbacks.split_off(0);
        let blocks = self.value(&field.kind, stored);
        let falls_back = !std::mem::replace(&mut self.fallbacks, earlier).is_empty();
        if falls_back && !self.fallbacks.contains(&field.name) {
            self.fallbacks.push(field.name);
        }
        blocks
    }

    fn value(&mut self, kind: &'static FieldType, stored: &Value) -> Value {
        match (kind, stored) {
            (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => match kind.object_type(object) {
                Some(declared) => self.object(declared.fields, object),
                None => stored.clone(),
            },
            (FieldType::List { of, .. }, Value::Array(list)) => list.iter().map(|v| self.value(of, v)).collect(),
            (FieldType::Rich { .. }, Value::Object(parts)) => self.render_rich(parts),
            (FieldType::Moment { end }, Value::String(text)) => match Moment::parse_stored(text, self.zone) {
                Some(moment) => local_time::rfc3339(&moment.instant(self.zone, *end)).into(),
                None => stored.clone(),
            },
            _ => stored.clone(),
        }
    }

    fn object(&mut self, fields: &'static [Field], object: &Map<String, Value>) -> Value {
        fields.iter().map(|f| (f.name.to_owned(), self.pick_value(f, object))).collect::<Map<_, _>>().into()
    }

    fn render_rich(&self, parts: &Map<String, Value>) -> Value {
        let part = |name: &str| parts.get(name).cloned().unwrap_or(Value::Null);
        match self.view.body {
            BodyFormat::Html => match parts.get("html").and_then(Value::as_str) {
                Some(html) => outline(html).0.into(),
                None => Value::Null,
            },
            BodyFormat::Source => part("source"),
            BodyFormat::Markdown => {
                let text = |name: &str| parts.get(name).and_then(Value::as_str).unwrap_or_default();
                rich_text::to_markdown(RichTextFormat::from_word(text("format")), text("source"), text("html")).into()
            }
            BodyFormat::Text => rich_text::to_text(part("html").as_str().unwrap_or_default()).into(),
        }
    }
}

/// Returns the representation of an absent value: an empty list, or null.
fn empty_value(kind: &FieldType) -> Value {
    match kind {
        FieldType::List { .. } => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

/// Renders the first and the last day of a span, inclusive, as local dates of its zone.
fn span_days(out: &mut String, span: Span, content: &Map<String, Value>) {
    use std::fmt::Write;
    let Some((starts, ends)) = local_time::stored_span(span, content) else {
        out.push_str(",\"starts_on\":null,\"ends_on\":null");
        return;
    };
    // The end is exclusive: a span that ends at midnight does not include the day that begins then. A span without a
    // duration ends on the day on which it starts.
    let last = (ends - chrono::TimeDelta::microseconds(1)).max(starts);
    let _ = write!(out, ",\"starts_on\":\"{}\",\"ends_on\":\"{}\"", starts.date_naive(), last.date_naive());
}

/// Returns the JSON of an empty relation.
pub fn empty_relation(shape: RelationShape) -> &'static str {
    match shape {
        RelationShape::One => "null",
        RelationShape::Many | RelationShape::ManyWith { .. } | RelationShape::Within(_) => "[]",
    }
}

fn text(value: &str) -> String {
    json(&value)
}

/// Serialises a value whose serialisation cannot fail, as those of strings, lists and JSON values.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
