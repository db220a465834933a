//! Schemas of answers that depend on the kind of content, beside those of the items themselves.

use utoipa::PartialSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, KnownFormat, Type};
use utoipa::openapi::{RefOr, Schema};

use super::schemas::{closed, formatted, of_type, reference, schema, text};
use crate::editorial::draft::STATES;
use crate::http::history_api::Revision;
use crate::resources::{ALL, Resource};

/// One revision with its content: what lists tell of it, and more.
pub fn revision(resource: &'static Resource) -> Schema {
    let working = "Whether this was the text of a working draft, and not what was public.";
    let status = text().enum_values(Some(STATES.to_vec())).description(Some("Its state then."));
    let more = [
        ("status", schema(status)),
        ("working_draft", schema(of_type(Type::Boolean).description(Some(working)))),
        ("content", reference(&format!("{}Input", resource.schema))),
    ];
    let mut whole = Revision::schema();
    if let RefOr::T(Schema::Object(object)) = &mut whole {
        object.description = Some(format!("A {} as it was.", resource.noun));
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

/// What changed: items as the public sees them now, or that it does not any more.
pub fn changes() -> Schema {
    let word = |word: &str| schema(text().enum_values(Some([word.to_owned()])));
    let mut entry = AnyOfBuilder::new();
    for resource in ALL {
        let here = closed(of_type(Type::Object))
            .property("collection", word(resource.collection))
            .property("operation", word("upsert"))
            .property("item", reference(resource.schema));
        entry = entry.item(schema(here.required("collection").required("operation").required("item")));
    }
    let collections: Vec<&str> = ALL.iter().map(|resource| resource.collection).collect();
    let gone = closed(of_type(Type::Object).description(Some("It is not public any more.")))
        .property("collection", schema(text().enum_values(Some(collections))))
        .property("operation", word("delete"))
        .property("id", schema(formatted(KnownFormat::Uuid)));
    entry = entry.item(schema(gone.required("collection").required("operation").required("id")));
    let entries = ArrayBuilder::new().items(RefOr::T(Schema::AnyOf(entry.build()))).build();
    let next = text().description(Some("For `since`; good for ever."));
    let more = of_type(Type::Boolean).description(Some("Whether there is more at once."));
    let whole = closed(of_type(Type::Object).description(Some("What changed.")))
        .property("data", RefOr::T(Schema::Array(entries)))
        .property("next", schema(next))
        .property("more", schema(more));
    Schema::Object(whole.required("data").required("next").required("more").build())
}

/// What a search over all kinds found.
pub fn search_results() -> Schema {
    let collections: Vec<&str> = ALL.iter().map(|resource| resource.collection).collect();
    let label = text().description(Some("Title or name."));
    let highlight = text().description(Some("Where the text was found, as HTML with `<mark>`."));
    let hit = closed(of_type(Type::Object).description(Some("An item that was found.")))
        .property("collection", schema(text().enum_values(Some(collections))))
        .property("id", schema(formatted(KnownFormat::Uuid)))
        .property("slug", schema(text()))
        .property("label", schema(label))
        .property("highlight", schema(highlight));
    let hit = ["collection", "id", "slug", "label", "highlight"].into_iter().fold(hit, |hit, name| hit.required(name));
    let hits = ArrayBuilder::new().items(schema(hit)).max_items(Some(100)).build();
    let more = of_type(Type::Boolean).description(Some("Whether there are more behind these."));
    let whole = closed(of_type(Type::Object).description(Some("What was found, the best match first.")))
        .property("data", RefOr::T(Schema::Array(hits)))
        .property("more", schema(more));
    Schema::Object(whole.required("data").required("more").build())
}
