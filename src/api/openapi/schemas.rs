//! Schemas of request bodies, generated from the declarations of the fields, and helpers for all schemas.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::content::Site;
use crate::content::field::{Field, FieldType};
use crate::content::rich_text::RichTextFormat;
use crate::content::slug::MAX_SLUG;
use crate::content_types::ContentType;
use crate::editorial::validate::ENVELOPE;

/// A schema, or a reference to one in the components.
pub type Reference = RefOr<Schema>;

/// Returns a reference to the schema with this name in the components.
pub fn reference(name: &str) -> Reference {
    RefOr::Ref(Ref::from_schema_name(name))
}

pub(super) fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

pub fn text() -> ObjectBuilder {
    of_type(Type::String)
}

/// Pattern of one line of text that is not blank and has no control characters.
pub const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";
/// Pattern of text that is not blank and has no control characters except line ends and tabs.
const LINES: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$";

fn limited_text(max: usize, pattern: &str) -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(pattern))
}

pub(super) fn formatted(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

pub(super) fn schema(builder: ObjectBuilder) -> Reference {
    RefOr::T(Schema::Object(builder.build()))
}

/// Returns the example of a form: its required fields, or all fields if none is required.
pub fn example_of(fields: &'static [Field]) -> Value {
    let any_required = fields.iter().any(|f| f.required);
    let in_example = fields.iter().filter(|f| f.required || !any_required);
    in_example.map(|f| (f.name.to_owned(), example(f))).collect::<Map<_, _>>().into()
}

/// Returns the example of a new item: all required fields, and all others except relations and custom fields.
/// An example with relations would be valid only where the related items exist.
pub fn example_of_item(resource: &'static ContentType) -> Value {
    let plain = resource
        .fields
        .iter()
        .filter(|f| f.required || f.relation().is_none())
        .filter(|f| !matches!(f.kind, FieldType::Custom));
    plain.map(|f| (f.name.to_owned(), example(f))).collect::<Map<_, _>>().into()
}

fn example(field: &Field) -> Value {
    serde_json::from_str(field.example).unwrap_or(Value::Null)
}

/// Returns the schema of the content of an item in requests: for POST and PUT, or, if `patch` is set, for
/// PATCH, where all fields are optional and nullable.
pub fn input(resource: &'static ContentType, site: &Site, patch: bool) -> Schema {
    let about = if patch {
        format!("Changes to one {}, as a JSON Merge Patch (RFC 7396).", resource.noun)
    } else {
        format!("Content of one {} in requests.", resource.noun)
    };
    let fields = ENVELOPE.iter().chain(resource.fields);
    let mut object = closed(of_type(Type::Object).description(Some(about)));
    for field in fields {
        object = object.property(field.name, input_field(field, site, patch));
        if field.required && !patch {
            object = object.required(field.name);
        }
    }
    Schema::Object(object.build())
}

/// Returns the schema of a form.
pub fn form(fields: &'static [Field], site: &Site, about: &str) -> Schema {
    let mut object = closed(of_type(Type::Object).description(Some(about)));
    for field in fields {
        object = object.property(field.name, input_field(field, site, false));
        if field.required {
            object = object.required(field.name);
        }
    }
    Schema::Object(object.build())
}

fn input_field(field: &'static Field, site: &Site, patch: bool) -> Reference {
    let one = input_kind(&field.kind, site);
    let nullable = !field.required || patch;
    if !field.localised {
        return described(if nullable { or_null(one) } else { one }, field);
    }
    let mut map = closed(of_type(Type::Object)).description(Some("Values by language tag; the form with `locale=*`."));
    for locale in &site.locales {
        map = map.property(locale, or_null(input_kind(&field.kind, site)));
    }
    let mut any = AnyOfBuilder::new().item(one).item(schema(map));
    if nullable {
        any = any.item(null());
    }
    RefOr::T(Schema::AnyOf(any.description(Some(field.about)).examples([example(field)]).build()))
}

fn input_kind(kind: &'static FieldType, site: &Site) -> Reference {
    match kind {
        FieldType::Rich { max } => {
            let formats: Vec<&str> = [RichTextFormat::Markdown, RichTextFormat::Html].map(RichTextFormat::word).to_vec();
            let parts = closed(of_type(Type::Object))
                .property("format", schema(text().enum_values(Some(formats))))
                .property("source", schema(limited_text(*max, LINES)))
                .required("format")
                .required("source");
            let plain = limited_text(*max, LINES);
            RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(schema(plain)).item(schema(parts)).build()))
        }
        FieldType::Moment { .. } | FieldType::Instant => schema(text().pattern(Some(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
        ))),
        FieldType::Reference(target) => schema(
            text().min_length(Some(1)).max_length(Some(MAX_SLUG)).pattern(Some("^[0-9A-Za-z-]+$")).description(Some(format!(
                "Id or slug of one {}.",
                ContentType::of_kind(target).map_or(*target, |r| r.noun)
            ))),
        ),
        FieldType::Object(fields) => {
            let mut object = closed(of_type(Type::Object));
            for field in *fields {
                object = object.property(field.name, input_field(field, site, false));
                if field.required {
                    object = object.required(field.name);
                }
            }
            schema(object)
        }
        FieldType::List { of, max } => {
            let items = input_kind(of, site);
            RefOr::T(Schema::Array(ArrayBuilder::new().items(items).max_items(Some(*max)).unique_items(true).build()))
        }
        _ => scalar(kind),
    }
}

/// Returns the schema of a scalar value, which is the same in requests and responses.
pub(super) fn scalar(kind: &'static FieldType) -> Reference {
    schema(match kind {
        FieldType::Line { max } => limited_text(*max, LINE),
        FieldType::Text { max } | FieldType::Rich { max } => limited_text(*max, LINES),
        FieldType::Url => formatted(KnownFormat::Uri).pattern(Some("^https?://")).max_length(Some(2_000)),
        FieldType::Email => formatted(KnownFormat::Email).max_length(Some(254)),
        FieldType::Slug => text().pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$")).max_length(Some(MAX_SLUG)),
        FieldType::Zone => text().pattern(Some("^[A-Za-z0-9_+/-]+$")).max_length(Some(64)),
        FieldType::Country => text().pattern(Some("^[A-Za-z]{2}$")),
        FieldType::Language => text().pattern(Some("^[A-Za-z0-9-]+$")).max_length(Some(35)),
        FieldType::OneOf(words) => text().enum_values(Some(words.to_vec())),
        FieldType::Boolean => of_type(Type::Boolean),
        FieldType::Integer { min, max } => of_type(Type::Integer).minimum(Some(*min)).maximum(Some(*max)),
        FieldType::Number { min, max } => of_type(Type::Number).minimum(Some(*min)).maximum(Some(*max)),
        FieldType::Moment { .. } | FieldType::Instant => formatted(KnownFormat::DateTime),
        FieldType::Custom | FieldType::Object(_) | FieldType::List { .. } | FieldType::Reference(_) => {
            of_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(true)))
        }
    })
}

pub(super) fn list_of(items: Reference) -> Reference {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()))
}

pub(super) fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

pub(super) fn null() -> Reference {
    schema(of_type(Type::Null))
}

/// Returns a schema that accepts null besides what `one` accepts.
pub(super) fn or_null(one: Reference) -> Reference {
    match one {
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Type(kind) = object.schema_type.clone() {
                object.schema_type = SchemaType::from_iter([kind, Type::Null]);
                if let Some(values) = object.enum_values.as_mut() {
                    values.push(json!(null));
                }
            }
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
            RefOr::T(Schema::Array(array))
        }
        RefOr::T(Schema::AnyOf(mut any)) => {
            any.items.push(null());
            RefOr::T(Schema::AnyOf(any))
        }
        other => RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(other).item(null()).build())),
    }
}

pub(super) fn described(one: Reference, field: &'static Field) -> Reference {
    let about = Some(field.about.to_owned());
    match one {
        RefOr::T(Schema::Object(mut object)) => {
            object.description = about;
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.description = about;
            RefOr::T(Schema::Array(array))
        }
        RefOr::T(Schema::AnyOf(mut any)) => {
            any.description = about;
            RefOr::T(Schema::AnyOf(any))
        }
        other => other,
    }
}
