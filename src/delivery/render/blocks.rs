//! Blocks in responses: each reference within them becomes the item to which it leads.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::relations::LoadedLink;
use crate::content::blocks::visit_references;
use crate::content::field::{Field, QUERY_ITEMS, UnionType};
use crate::content_types::ContentType;
use crate::delivery::ReadContext;

/// Puts the items to which the blocks of an object refer in the place of their ids: whole if the blocks are included,
/// otherwise as references. A reference to an item that the viewer does not see becomes null, or is left out of its list.
pub fn fill(out: &mut String, context: ReadContext<'_>, links: &[LoadedLink]) {
    let is_shown = |field: &&'static Field| context.shape.shows(field.name);
    let blocks = context.content_type.fields.iter().filter_map(|field| Some((field, field.blocks()?)));
    for (field, union) in blocks.filter(|(field, _)| is_shown(field)) {
        let Ok(mut object) = serde_json::from_str::<Map<String, Value>>(out) else { return };
        let Some(value) = object.get_mut(field.name) else { continue };
        fill_field(value, (field, union), context, links);
        // The object was JSON before, so it still is.
        *out = serde_json::to_string(&object).unwrap_or_default();
    }
}

fn fill_field(
    value: &mut Value,
    (field, union): (&'static Field, &'static UnionType),
    context: ReadContext<'_>,
    links: &[LoadedLink],
) {
    let is_whole = context.shape.include.contains(&field.name);
    let mut positions: HashMap<&str, i32> = HashMap::new();
    visit_references(&field.kind, value, "", &mut |target, _, value| {
        let position = positions.entry(target).or_default();
        let relation = union.relations.iter().find(|(_, kind)| *kind == target).map(|(name, _)| *name);
        let is_it = |link: &&LoadedLink| link.position == *position && Some(link.relation.as_str()) == relation;
        let link = links.iter().find(is_it).filter(|link| link.visible);
        *position += 1;
        *value = link.and_then(|link| serde_json::from_str(&render_link(link, is_whole)).ok()).unwrap_or_default();
    });
    for block in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if union.variant_of(block).is_some_and(|declared| declared.query_kind().is_some()) {
            block.insert(QUERY_ITEMS.to_owned(), Value::Null);
        }
    }
}

/// Returns the detail fragment of an embedded item without its blocks, since the items to which these refer are not read.
pub fn strip_blocks<'a>(kind: &str, detail: &'a str) -> Cow<'a, str> {
    let fields = ContentType::of_kind(kind).map_or(&[][..], |content_type| content_type.fields);
    let names: Vec<&str> = fields.iter().filter(|field| field.blocks().is_some()).map(|field| field.name).collect();
    let members = detail.strip_prefix(',').filter(|_| !names.is_empty());
    let Some(Ok(mut members)) = members.map(|text| serde_json::from_str::<Map<String, Value>>(&format!("{{{text}}}")))
    else {
        return Cow::Borrowed(detail);
    };
    members.retain(|name, _| !names.contains(&name.as_str()));
    let rest = serde_json::to_string(&members).unwrap_or_default();
    match rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|rest| !rest.is_empty()) {
        Some(rest) => Cow::Owned(format!(",{rest}")),
        None => Cow::Borrowed(""),
    }
}

fn render_link(link: &LoadedLink, is_whole: bool) -> String {
    match is_whole && !link.target.card.is_empty() {
        true => format!("{}}}", link.target.card),
        false => link.target.reference.clone(),
    }
}
