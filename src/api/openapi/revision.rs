//! Schemas of revisions, changes and search results, which depend on the content types.

use utoipa::PartialSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, KnownFormat, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::content::history::Revision;
use crate::api::openapi::schemas::{closed, formatted, of_type, reference, schema, text};
use crate::content_types::{ALL, ContentType};
use crate::editorial::validate::STATES;

/// Returns the schema of one revision with its content: that of revisions in lists, with further properties.
pub fn revision(resource: &'static ContentType) -> Schema {
    let working = "Whether the content is that of a working draft and not the public one.";
    let status = text().enum_values(Some(STATES.to_vec())).description(Some("Editorial state after the change."));
    let more = [
        ("status", schema(status)),
        ("working_draft", schema(of_type(Type::Boolean).description(Some(working)))),
        ("content", reference(&format!("{}Input", resource.schema))),
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
    let word = |word: &str| schema(text().enum_values(Some([word.to_owned()])));
    let mut entry = AnyOfBuilder::new();
    for resource in ALL {
        let upsert = closed(of_type(Type::Object))
            .property("collection", word(resource.collection))
            .property("operation", word("upsert"))
            .property("item", reference(resource.schema));
        entry = entry.item(schema(upsert.required("collection").required("operation").required("item")));
    }
    let collections: Vec<&str> = ALL.iter().map(|resource| resource.collection).collect();
    let deletion = closed(of_type(Type::Object).description(Some("Item that is not public any more.")))
        .property("collection", schema(text().enum_values(Some(collections))))
        .property("operation", word("delete"))
        .property("id", schema(formatted(KnownFormat::Uuid)));
    entry = entry.item(schema(deletion.required("collection").required("operation").required("id")));
    let entries = ArrayBuilder::new().items(RefOr::T(Schema::AnyOf(entry.build()))).build();
    let next = text().description(Some("Sync token for `since` of the next request; it does not expire."));
    let more = of_type(Type::Boolean).description(Some("Whether further changes are available immediately."));
    let whole = closed(of_type(Type::Object).description(Some("Page of changes.")))
        .property("data", RefOr::T(Schema::Array(entries)))
        .property("next", schema(next))
        .property("more", schema(more));
    Schema::Object(whole.required("data").required("next").required("more").build())
}

/// Returns the schema of the results of a search over all content types.
pub fn search_results() -> Schema {
    let collections: Vec<&str> = ALL.iter().map(|resource| resource.collection).collect();
    let label = text().description(Some("Title or name of the item."));
    let highlight = text().description(Some("Matching passage, as HTML with `<mark>`."));
    let hit = closed(of_type(Type::Object).description(Some("Item that matches the query.")))
        .property("collection", schema(text().enum_values(Some(collections))))
        .property("id", schema(formatted(KnownFormat::Uuid)))
        .property("slug", schema(text()))
        .property("label", schema(label))
        .property("highlight", schema(highlight));
    let hit = ["collection", "id", "slug", "label", "highlight"].into_iter().fold(hit, |hit, name| hit.required(name));
    let hits = ArrayBuilder::new().items(schema(hit)).max_items(Some(100)).build();
    let more = of_type(Type::Boolean).description(Some("Whether further results follow."));
    let whole = closed(of_type(Type::Object).description(Some("Search results, sorted by relevance.")))
        .property("data", RefOr::T(Schema::Array(hits)))
        .property("more", schema(more));
    Schema::Object(whole.required("data").required("more").build())
}
