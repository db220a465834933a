//! Helpers for schemas: names, nullable values, descriptions, scalar values.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOfBuilder, ArrayBuilder, Discriminator, KnownFormat, ObjectBuilder,
    OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::api::openapi::names::member_names;
use crate::content::field::{Enumeration, Field, FieldType, ObjectType, TYPE, UnionType};
use crate::content::slug::MAX_SLUG;
use crate::content::values;
use crate::content_types::ContentType;
use crate::content_types::shared_fields::CUSTOM_FIELDS;

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

/// The form of localised texts in a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locales {
    /// Texts in one locale, as strings.
    One,
    /// Texts of all locales, as objects from locale to text (`locale=*`).
    All,
}

impl Locales {
    /// Returns the name of the schema that has the texts in this form, such as `Event` or `EventAllLocales`.
    pub fn name(self, base: &str) -> String {
        match self {
            Locales::One => base.to_owned(),
            Locales::All => format!("{base}AllLocales"),
        }
    }
}

/// Pattern of one line of text that is not blank and has no control characters.
pub const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";
/// Pattern of text that is not blank and has no control characters except line ends and tabs.
pub(super) const LINES: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$";

/// Pattern of a date or time in requests.
const TIME: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$";
/// Pattern of an id or a slug.
const ID_OR_SLUG: &str = "^[0-9A-Za-z-]+$";
/// Pattern of a reference: an id, a slug, or `#` and the local id of an entry of a batch.
const REFERENCE: &str = "^(#[0-9A-Za-z_-]{1,64}|[0-9A-Za-z-]+)$";

/// The schemas of texts that many places share, by name. `naming` replaces what is equal to one of them by a reference.
pub(super) static SHARED_TEXTS: LazyLock<[(&str, Value); 5]> = LazyLock::new(|| {
    let time = "Date (`2027-03-04`), local time (`2027-03-04T14:30`), or time with a UTC offset (RFC 3339).";
    [
        (
            "SingleLineText",
            json!({
                "type": "string", "minLength": 1, "pattern": LINE,
                "description": "One line of text, which is not blank and has no control characters.",
            }),
        ),
        (
            "MultiLineText",
            json!({
                "type": "string", "minLength": 1, "pattern": LINES,
                "description": "Text of several lines, which is not blank and has no control characters.",
            }),
        ),
        ("DateOrTime", json!({"type": "string", "pattern": TIME, "description": time})),
        (
            "IdOrSlug",
            json!({
                "type": "string", "minLength": 1, "maxLength": MAX_SLUG, "pattern": ID_OR_SLUG,
                "description": "Id or slug of an item.",
            }),
        ),
        (
            "ItemReference",
            json!({
                "type": "string", "minLength": 1, "maxLength": MAX_SLUG, "pattern": REFERENCE,
                "description": "Id or slug of an item; in a batch also `#` and the local id of an entry.",
            }),
        ),
    ]
});

/// Returns the schema of a slug.
pub(super) fn slug_text() -> ObjectBuilder {
    text().pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$")).max_length(Some(MAX_SLUG))
}

fn limited_text(max: usize, pattern: &str) -> ObjectBuilder {
    any_text(pattern).max_length(Some(max))
}

/// Returns the schema of a text of any length with this pattern.
pub(super) fn any_text(pattern: &str) -> ObjectBuilder {
    text().min_length(Some(1)).pattern(Some(pattern))
}

pub(super) fn formatted_text(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

pub(super) fn schema(builder: ObjectBuilder) -> Reference {
    RefOr::T(Schema::Object(builder.build()))
}

/// Gives a schema a name, under which it becomes a component of the document.
pub fn with_name(name: impl Into<String>, one: impl Into<Schema>) -> Reference {
    let (name, mut one) = (Some(name.into()), one.into());
    match &mut one {
        Schema::Object(object) => object.title = name,
        Schema::Array(array) => array.title = name,
        Schema::OneOf(union) => union.title = name,
        _ => {}
    }
    RefOr::T(one)
}

fn has_name(one: &Schema) -> bool {
    match one {
        Schema::Object(object) => object.title.is_some(),
        Schema::Array(array) => array.title.is_some(),
        Schema::OneOf(union) => union.title.is_some(),
        _ => false,
    }
}

/// Returns the schema of a text that is one of `words`, under a name.
pub fn one_of(name: &str, words: &[&str]) -> Reference {
    let names = member_names(words).map(|names| ExtensionsBuilder::new().add("x-enum-varnames", names).build());
    with_name(name, text().enum_values(Some(words.to_vec())).extensions(names).build())
}

/// Returns the schema of the values of an enumeration.
pub fn enumeration(known: &Enumeration) -> Reference {
    one_of(known.schema, known.words)
}

/// Returns the schema of an id or slug.
pub fn id_or_slug() -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(MAX_SLUG)).pattern(Some(ID_OR_SLUG))
}

/// Returns the schema of a reference to an item in the content of another one, as a text.
pub(super) fn item_reference() -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(MAX_SLUG)).pattern(Some(REFERENCE))
}

/// Returns the schema of an integer between `min` and `max`, both inclusive.
pub fn integer(min: i64, max: i64) -> ObjectBuilder {
    let wide = max > i64::from(i32::MAX);
    let format = wide.then_some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    of_type(Type::Integer).minimum(Some(min)).maximum(Some(max)).format(format)
}

/// Returns the schema of an integer of at least `min` that may exceed 32 bits.
pub(super) fn count(min: i64) -> ObjectBuilder {
    let format = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    of_type(Type::Integer).minimum(Some(min)).format(format)
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

/// Returns the schema of a scalar value in requests.
pub(super) fn scalar(kind: &'static FieldType) -> Reference {
    schema(match kind {
        FieldType::OneOf(known) => return enumeration(known),
        FieldType::Custom => return custom_fields(),
        FieldType::Rows => return rows(),
        FieldType::Constant(word) => text().enum_values(Some([*word])),
        FieldType::Query(_) => limited_text(values::MAX_QUERY, LINE),
        FieldType::Line { max } => limited_text(*max, LINE),
        FieldType::Text { max } | FieldType::Rich { max } => limited_text(*max, LINES),
        FieldType::Url | FieldType::EmbedUrl => {
            formatted_text(KnownFormat::Uri).pattern(Some("^https?://")).max_length(Some(2_000))
        }
        FieldType::Email => formatted_text(KnownFormat::Email).max_length(Some(254)),
        FieldType::Slug => slug_text(),
        FieldType::Zone => text().pattern(Some("^[A-Za-z0-9_+/-]+$")).max_length(Some(64)),
        FieldType::Country => text().pattern(Some("^[A-Za-z]{2}$")),
        FieldType::Language => text().pattern(Some("^[A-Za-z0-9-]+$")).max_length(Some(35)),
        FieldType::Boolean => of_type(Type::Boolean),
        FieldType::Integer { min, max } => integer(*min, *max),
        FieldType::Number { min, max } => of_type(Type::Number).minimum(Some(*min)).maximum(Some(*max)),
        FieldType::Moment { .. } | FieldType::Instant => text().pattern(Some(TIME)),
        FieldType::Reference(_) | FieldType::ReferenceIn(_) => item_reference(),
        FieldType::Object(_) | FieldType::Union(_) | FieldType::List { .. } => any_object(),
    })
}

/// Returns the schema of the rows of a table.
pub(super) fn rows() -> Reference {
    let cells = ArrayBuilder::new().items(schema(text().max_length(Some(values::MAX_CELL)))).min_items(Some(1));
    let cells = RefOr::T(Schema::Array(cells.max_items(Some(values::MAX_CELLS)).build()));
    let rows = ArrayBuilder::new().items(cells).min_items(Some(1)).max_items(Some(values::MAX_ROWS));
    RefOr::T(Schema::Array(rows.build()))
}

/// Returns the schema of a union, whose objects have these schemas under these names.
pub(super) fn union(
    name: String,
    declared: &'static UnionType,
    variant: impl Fn(&'static ObjectType) -> (String, Reference),
) -> Reference {
    let mut union = OneOfBuilder::new().description(Some(declared.about));
    let mut mapping = Vec::with_capacity(declared.variants.len());
    for object in declared.variants {
        let (name, schema) = variant(object);
        mapping.push((object.word().unwrap_or_default().to_owned(), format!("#/components/schemas/{name}")));
        union = union.item(schema);
    }
    with_name(name, union.discriminator(Some(Discriminator::with_mapping(TYPE, mapping))).build())
}

pub(super) fn any_object() -> ObjectBuilder {
    of_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// Returns the schema of the custom fields of an item. A site that declares its own has a schema for each content type.
pub(super) fn custom_fields() -> Reference {
    with_name("CustomFields", any_object().description(Some(CUSTOM_FIELDS)).build())
}

/// Returns the schema of a JSON object that another standard describes.
pub fn json_document() -> Reference {
    with_name(
        "JsonDocument",
        any_object().description(Some("JSON object in the form of the standard that is named.")).build(),
    )
}

pub(super) fn list_of(items: Reference) -> Reference {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()))
}

pub(super) fn closed_object(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

pub(super) fn null() -> Reference {
    schema(of_type(Type::Null))
}

/// Returns a schema that accepts null besides what `one` accepts.
pub(super) fn or_null(one: Reference) -> Reference {
    match one {
        RefOr::T(Schema::Object(mut object)) if object.title.is_none() => {
            if let SchemaType::Type(kind) = object.schema_type.clone() {
                object.schema_type = SchemaType::from_iter([kind, Type::Null]);
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

/// Returns whether a schema is a component that describes itself so, or such a component or null.
fn has_description(one: &Reference, about: &str) -> bool {
    match one {
        RefOr::T(Schema::Object(object)) => object.title.is_some() && object.description.as_deref() == Some(about),
        RefOr::T(Schema::AnyOf(any)) => any.items.iter().any(|item| has_description(item, about)),
        _ => false,
    }
}

/// Describes a value at the place where it is used, unless its component says the same.
pub(super) fn with_description(one: Reference, about: &str) -> Reference {
    if has_description(&one, about) {
        return one;
    }
    let about = about.to_owned();
    if let RefOr::Ref(mut to) = one {
        to.description = about;
        return RefOr::Ref(to);
    }
    let about = Some(about);
    match one {
        RefOr::T(named) if has_name(&named) => {
            RefOr::T(Schema::AllOf(AllOfBuilder::new().item(named).description(about).build()))
        }
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
