//! Schemas of references in requests: an id or slug, or the content of a new item.

use utoipa::openapi::Schema;
use utoipa::openapi::schema::{OneOfBuilder, Type};

use crate::api::openapi::schemas::{Locales, closed_object, item_reference, of_type, reference, schema, slug_text};
use crate::content_types::{ALL, ContentType};

/// Returns the name of the schema of references to items of a content type.
pub fn reference_name(target: &ContentType, locales: Locales) -> String {
    format!("{}ReferenceInput", locales.name(target.schema))
}

fn nested_name(target: &ContentType, locales: Locales) -> String {
    format!("{}NestedInput", locales.name(target.schema))
}

/// Returns the schemas of references by name.
pub fn schemas() -> Vec<(String, Schema)> {
    let mut all = vec![("MatchInput".to_owned(), search())];
    for target in ALL.into_iter().filter(|target| is_nested(target)) {
        for locales in [Locales::One, Locales::All] {
            all.push((reference_name(target, locales), choice(target, locales)));
            all.push((nested_name(target, locales), nested_schema(target, locales)));
        }
    }
    all
}

/// Returns whether another content type refers to this one.
fn is_nested(target: &ContentType) -> bool {
    let refers = |other: &&ContentType| other.kind != target.kind;
    ALL.into_iter().filter(refers).any(|other| other.relations().any(|relation| relation.target == target.kind))
}

fn choice(target: &'static ContentType, locales: Locales) -> Schema {
    let union = OneOfBuilder::new()
        .item(schema(item_reference()))
        .item(reference(&nested_name(target, locales)))
        .description(Some(format!("One {}, by id or slug, or its content.", target.noun)));
    Schema::OneOf(union.build())
}

fn nested_schema(target: &'static ContentType, locales: Locales) -> Schema {
    let about = format!(
        "Creation of one {} within the content of another item. With `match`, the item that matches is referred to if \
         there is one, and `create` is then ignored.",
        target.noun
    );
    let object = closed_object(of_type(Type::Object).description(Some(about)).min_properties(Some(1)))
        .property("create", reference(&format!("{}Input", locales.name(target.schema))))
        .property("match", reference("MatchInput"));
    Schema::Object(object.build())
}

/// Returns the schema of what is looked for before an item is created.
fn search() -> Schema {
    let about = "What identifies an item that may exist already: its external id or its slug. A new item gets it.";
    let object = closed_object(of_type(Type::Object).description(Some(about)))
        .min_properties(Some(1))
        .max_properties(Some(1))
        .property("external_id", reference("ExternalIdInput"))
        .property("slug", schema(slug_text()));
    Schema::Object(object.build())
}
