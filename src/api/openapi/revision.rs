//! Schemas of revisions, changes and search results, which depend on the content types.

use utoipa::PartialSchema;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::content::history::Revision;
use crate::api::openapi::item_schemas::ItemForm;
use crate::api::openapi::schemas::{
    Locales, Reference, closed_object, enumeration, formatted_text, of_type, one_of, or_null, reference, schema, text,
    with_description, with_name,
};
use crate::content_types::{ALL, COLLECTION, ContentType, PATH};
use crate::editorial::validate::STATES;

/// Returns the schema of one revision with its content: that of revisions in lists, with further properties.
pub fn revision(resource: &'static ContentType) -> Schema {
    let working = "Whether the content is that of a working draft and not the public one.";
    let content = format!("{}Input", Locales::All.name(resource.schema));
    let more = [
        ("status", with_description(one_of("ItemStatus", STATES), "Editorial state after the change.")),
        ("working_draft", schema(of_type(Type::Boolean).description(Some(working)))),
        ("content", reference(&content)),
    ];
    let mut whole = Revision::schema();
    if let RefOr::T(Schema::Object(object)) = &mut whole {
        object.description = Some(format!("Revision of one {} with its content.", resource.noun));
        for (name, schema) in more {
            object.properties.insert(name.to_owned(), schema);
            object.required.push(name.to_owned());
        }
    }
    match whole {
        RefOr::T(schema) => schema,
        RefOr::Ref(_) => Schema::Object(of_type(Type::Object).build()),
    }
}

/// Returns the schema of a page of changes: items as the public sees them now, and ids of items that are not
/// public any more.
pub fn changes() -> Schema {
    let deletion = closed_object(of_type(Type::Object).description(Some("Item that is not public any more.")))
        .property("collection", enumeration(COLLECTION))
        .property("operation", constant("delete"))
        .property("id", schema(formatted_text(KnownFormat::Uuid)));
    let deletion = with_name("Deletion", all_required(deletion, &["collection", "operation", "id"]));
    let upserts = ALL.iter().map(|resource| {
        let upsert = closed_object(of_type(Type::Object))
            .property("collection", constant(resource.collection))
            .property("operation", constant("upsert"))
            .property("item", reference(resource.schema));
        with_name(format!("{}Upsert", resource.schema), all_required(upsert, &["collection", "operation", "item"]))
    });
    let about = "Change of the public content: an item as it is now, or the id of one that is not public any more.";
    let change = upserts.chain([deletion]).fold(OneOfBuilder::new(), OneOfBuilder::item);
    let entries = ArrayBuilder::new().items(with_name("Change", change.description(Some(about)).build())).build();
    let next = text().description(Some("Sync token for `since` of the next request; it does not expire."));
    let more = of_type(Type::Boolean).description(Some("Whether further changes are available immediately."));
    let whole = closed_object(of_type(Type::Object).description(Some("Page of changes.")))
        .property("data", RefOr::T(Schema::Array(entries)))
        .property("next", schema(next))
        .property("more", schema(more));
    all_required(whole, &["data", "next", "more"])
}

/// Returns the schema of one word, which the document writes as a constant.
fn constant(word: &str) -> Reference {
    schema(text().enum_values(Some([word.to_owned()])))
}

fn all_required(object: ObjectBuilder, names: &[&str]) -> Schema {
    Schema::Object(names.iter().fold(object, |object, name| object.required(*name)).build())
}

/// Returns the schema of the results of a search over all content types.
pub fn search_results() -> Schema {
    let label = text().description(Some("Title or name of the item."));
    let highlight = text().description(Some("Matching passage, as HTML with `<mark>`."));
    let hit = closed_object(of_type(Type::Object).description(Some("Item that matches the query.")))
        .property("collection", enumeration(COLLECTION))
        .property("id", schema(formatted_text(KnownFormat::Uuid)))
        .property("slug", schema(text()))
        .property("label", schema(label))
        .property("highlight", schema(highlight));
    let parents = ALL.into_iter().filter(|resource| resource.is_child()).filter_map(|resource| {
        let relation = resource.relations().find(|relation| Some(relation.name) == resource.parent)?;
        let content_type = ContentType::of_kind(relation.target)?;
        Some((relation.name, reference(&ItemForm { content_type, locales: Locales::One }.related_name())))
    });
    let hit = parents.fold(hit, |hit, (name, parent)| hit.property(name, parent));
    let path = or_null(schema(text().description(Some("Path of a page; other items have none."))));
    let hit = hit.property(PATH, path);
    let hit = with_name("SearchHit", all_required(hit, &["collection", "id", "slug", "label", "highlight"]));
    let hits = ArrayBuilder::new().items(hit).max_items(Some(100)).build();
    let more = of_type(Type::Boolean).description(Some("Whether further results follow."));
    let whole = closed_object(of_type(Type::Object).description(Some("Search results, sorted by relevance.")))
        .property("data", RefOr::T(Schema::Array(hits)))
        .property("more", schema(more));
    all_required(whole, &["data", "more"])
}
