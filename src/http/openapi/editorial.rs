//! Schemas of editors' answers that depend on the kind of content.

use utoipa::PartialSchema;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};

use super::schemas::{of_type, reference, schema, text};
use crate::editorial::draft::STATES;
use crate::http::history_api::Revision;
use crate::resources::Resource;

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
