//! The projection of an item's content: everything that is stored beside the content and computed from it,
//! such as columns for queries, rendered JSON, links, words and coordinates. No function here reads the
//! database, so whatever they compute can be computed again from the content at any time. The module
//! `rerender` does so when the program renders in another way.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::blocks;
use crate::content::field::{Field, Relation, RelationShape};
use crate::content::local_time::{Moment, stored_span, zone_of};
use crate::content::slug::sort_key;
use crate::content::translations::{Translations, untranslated_locales, visible_content};
use crate::content_types::references::deep_references;
use crate::content_types::{ContentType, FilterTarget, UNTITLED};
use crate::database::compressed_text;
use crate::items::render::{Renderer, View};
use crate::items::{Coordinates, Item, Link, NO_DATE, Word};

/// Length in bytes from which the details of an item are compressed. Each reader decompresses them, and responses embed the
/// short ones of several items, as the biographies of speakers.
const LEAST_DETAIL: usize = 1_024;

/// Fills the derived columns of an item from its content, slug, status and translation states. `parent_live`
/// tells whether the parent allows the item to be visible.
///
/// The rendered JSON contains slug, state, version and times, so all of those must have their new values
/// before.
pub fn fill(
    item: &mut Item,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    site: &Site,
    parent_live: bool,
) {
    item.content = compressed_text::compress(&serde_json::to_string(content).unwrap_or_default());
    item.live = item.status == "published" && item.trashed_at == 0 && parent_live;
    item.parent_id = content_type.parent.and_then(|name| content.get(name)?.as_str()).map(str::to_owned);
    (item.starts_at, item.ends_at) = span(content_type, content);
    item.position = content_type.position.and_then(|name| content.get(name)?.as_i64()).unwrap_or(0);
    item.untranslated = untranslated_locales(content_type.fields, content, site);
    item.outdated = item.translations().outdated_locales();
    item.label = sort_key(&label(content_type, content, site));
    item.country = country(content_type, content);
    item.variant = content_type.variant.and_then(|name| content.get(name)?.as_str()).map(str::to_owned);
    let view = View::default_for(site);
    let fragments = Renderer::new(site, &view).item(content_type, &item.envelope(), content);
    (item.card, item.reference) = (fragments.card, fragments.reference);
    item.detail = compressed_text::compress_from(LEAST_DETAIL, &fragments.detail);
}

/// Returns start and end of the content's time span (µs), or [`NO_DATE`] for both.
fn span(content_type: &ContentType, content: &Map<String, Value>) -> (i64, i64) {
    if content_type.is_open_ended() {
        return open_span(content_type, content);
    }
    match content_type.span.and_then(|span| stored_span(span, content)) {
        Some((starts, ends)) => (starts.timestamp_micros(), ends.timestamp_micros()),
        None => (NO_DATE, NO_DATE),
    }
}

/// Returns start and end of a span that has no bound where its content names none (µs).
fn open_span(content_type: &ContentType, content: &Map<String, Value>) -> (i64, i64) {
    let (Some(span), Some(zone)) = (content_type.span, zone_of(content)) else { return (0, NO_DATE) };
    let at = |name: &str, end: bool| {
        let moment = Moment::parse_stored(content.get(name)?.as_str()?, zone)?;
        Some(moment.instant(zone, end).timestamp_micros())
    };
    (at(span.starts_at, false).unwrap_or(0), at(span.ends_at, true).unwrap_or(NO_DATE))
}

/// Returns the title or name in the default locale, else in the first locale that has one.
pub fn label(content_type: &'static ContentType, content: &Map<String, Value>, site: &Site) -> String {
    let text = match content.get(content_type.label) {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(map)) => {
            map.get(site.default_locale()).or_else(|| map.values().next()).and_then(Value::as_str)
        }
        _ => None,
    };
    text.unwrap_or_default().to_owned()
}

/// Returns the country of an item, where its content type declares it.
fn country(content_type: &ContentType, content: &Map<String, Value>) -> Option<String> {
    let at = |path: &&[&str]| path[1..].iter().try_fold(content.get(path[0])?, |value, name| value.get(*name));
    content_type.countries.iter().find_map(at).and_then(Value::as_str).map(str::to_owned)
}

/// Returns the links of an item, from the references in its content. References in hidden translations are
/// left out: `links` decides what the public sees.
pub fn links(
    item_id: &str,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    translations: &Translations,
    site: &Site,
) -> Vec<Link> {
    let (starts_at, _) = span(content_type, content);
    links_at(item_id, starts_at, content_type, &visible_content(content_type.fields, content, translations), site)
}

/// Returns the links of an item whose derived columns are filled.
pub fn links_of_row(
    item: &Item,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    site: &Site,
) -> Vec<Link> {
    let content = visible_content(content_type.fields, content, &item.translations());
    links_at(&item.id, item.starts_at, content_type, &content, site)
}

/// Returns the links of a visible content that starts at this time (µs).
fn links_at(
    item_id: &str,
    starts_at: i64,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    site: &Site,
) -> Vec<Link> {
    let mut links = Vec::new();
    for relation in content_type.relations() {
        if let RelationShape::Within(field) = relation.shape {
            links.extend(links_within(item_id, &relation, field, content, starts_at));
            continue;
        }
        for (position, entry) in entries(&relation, content).iter().enumerate() {
            if let Some((target_id, card)) = link_of(&relation, entry, site) {
                links.push(Link {
                    source_id: item_id.to_owned(),
                    relation: relation.name.to_owned(),
                    position: position as i32,
                    target_id,
                    card,
                    starts_at,
                });
            }
        }
    }
    links.extend(deep_links(item_id, content_type, content, starts_at));
    links
}

/// Returns the links of the references that are in objects within the fields of an item. Each has the name of its field,
/// and its position among the references of that field.
fn deep_links(
    item_id: &str,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    starts_at: i64,
) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for reference in deep_references(content_type, content) {
        let Some(target_id) = reference.value.as_str() else { continue };
        let position = links.iter().filter(|link| link.relation == reference.field).count() as i32;
        links.push(Link {
            source_id: item_id.to_owned(),
            relation: reference.field.to_owned(),
            position,
            target_id: target_id.to_owned(),
            card: String::new(),
            starts_at,
        });
    }
    links
}

/// Returns the links of the references within the blocks of a field. The position counts those to items of one content
/// type.
fn links_within(
    item_id: &str,
    relation: &Relation,
    field: &'static Field,
    content: &Map<String, Value>,
    starts_at: i64,
) -> Vec<Link> {
    let Some(value) = content.get(field.name) else { return Vec::new() };
    let found = blocks::references(field, value, relation.target);
    let link = |(position, reference): (usize, blocks::BlockReference)| Link {
        source_id: item_id.to_owned(),
        relation: relation.name.to_owned(),
        position: position as i32,
        target_id: reference.given,
        card: String::new(),
        starts_at,
    };
    found.into_iter().enumerate().map(link).collect()
}

/// Returns the ids of all items that a content refers to, in any language, hidden ones included.
pub fn targets(content_type: &'static ContentType, content: &Map<String, Value>) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    visit_targets(content_type, content, &mut |id| targets.extend([id.to_owned()]));
    targets
}

/// Visits the ids that [`targets`] returns, some of them perhaps several times.
pub fn visit_targets(content_type: &'static ContentType, content: &Map<String, Value>, visit: &mut dyn FnMut(&str)) {
    for relation in content_type.relations() {
        if let RelationShape::Within(field) = relation.shape {
            let found = content.get(field.name).map(|value| blocks::given_references(&field.kind, value));
            let of_relation = found.into_iter().flatten().filter(|(kind, _)| *kind == relation.target);
            of_relation.filter_map(|(_, value)| value.as_str()).for_each(&mut *visit);
        } else {
            entries(&relation, content).iter().filter_map(|entry| target(&relation, entry)).for_each(&mut *visit);
        }
    }
    deep_references(content_type, content).into_iter().filter_map(|found| found.value.as_str()).for_each(visit);
}

/// Returns the references of one relation: the entries of its list, or its single value.
fn entries<'a>(relation: &Relation, content: &'a Map<String, Value>) -> &'a [Value] {
    let Some(value) = content.get(relation.name) else { return &[] };
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// Returns the id in a reference.
fn target<'a>(relation: &Relation, entry: &'a Value) -> Option<&'a str> {
    match relation.shape {
        RelationShape::One | RelationShape::Many | RelationShape::Within(_) => entry.as_str(),
        RelationShape::ManyWith { key, .. } => entry.get(key)?.as_str(),
    }
}

/// Returns whether lists of this kind are filtered by words.
pub fn has_words(content_type: &'static ContentType) -> bool {
    has_feeds(content_type) || content_type.filters.iter().any(|filter| matches!(filter.on, FilterTarget::Word(_)))
}

/// Returns whether there are feeds of items of this kind, which leave out those without a title in their language.
fn has_feeds(content_type: &'static ContentType) -> bool {
    let is_localised = content_type.field(content_type.label).is_some_and(|field| field.localised);
    is_localised && matches!(content_type.kind, "event" | "session")
}

/// Returns the languages in which visitors see no title of an item, as words.
fn untitled_languages(
    item_id: &str,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    translations: &Translations,
    site: &Site,
) -> Vec<Word> {
    if !has_feeds(content_type) {
        return Vec::new();
    }
    let titles = content.get(content_type.label);
    let is_seen =
        |locale: &str| titles.is_some_and(|titles| titles.get(locale).is_some()) && !translations.get(locale).hidden;
    let lacking = site.locales.iter().filter(|locale| !is_seen(locale.as_str()));
    let word =
        |locale: &String| Word { item_id: item_id.to_owned(), field: UNTITLED.field.to_owned(), value: locale.clone() };
    lacking.map(word).collect()
}

/// Returns the words by which lists are filtered, with the languages in which there is no title, and without each field's usual word: most items have that one,
/// and rows for it would make the table large without helping a filter.
pub fn words(item: &Item, content_type: &'static ContentType, content: &Map<String, Value>, site: &Site) -> Vec<Word> {
    let item_id = item.id.as_str();
    let mut words = untitled_languages(item_id, content_type, content, &item.translations(), site);
    for filter in content_type.filters {
        let FilterTarget::Word(word) = filter.on else { continue };
        let mut value = content.get(word.path[0]);
        for name in &word.path[1..] {
            value = value.and_then(|value| value.get(*name));
        }
        let values = match value {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        for value in values {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Bool(truth) => truth.to_string(),
                _ => continue,
            };
            let found = Word { item_id: item_id.to_owned(), field: word.field.to_owned(), value };
            if Some(found.value.as_str()) != word.usual && !words.contains(&found) {
                words.push(found);
            }
        }
    }
    words
}

/// Returns the coordinates of an item, if its content has any.
pub fn coordinates(item_id: &str, content_type: &ContentType, content: &Map<String, Value>) -> Option<Coordinates> {
    let given = content.get(content_type.coordinates?)?;
    let millionths = |name: &str| Some((given.get(name)?.as_f64()? * 1e6).round() as i64);
    Some(Coordinates {
        item_id: item_id.to_owned(),
        latitude: millionths("latitude")?,
        longitude: millionths("longitude")?,
    })
}

/// Returns the target of a reference and the rendered fields of the link itself.
fn link_of(relation: &Relation, entry: &Value, site: &Site) -> Option<(String, String)> {
    let id = target(relation, entry)?.to_owned();
    match relation.shape {
        RelationShape::One | RelationShape::Many | RelationShape::Within(_) => Some((id, String::new())),
        RelationShape::ManyWith { object, .. } => Some((id, link_card(object.fields, entry.as_object()?, site))),
    }
}

fn link_card(fields: &'static [Field], entry: &Map<String, Value>, site: &Site) -> String {
    let view = View::default_for(site);
    Renderer::new(site, &view).link(fields, entry)
}
