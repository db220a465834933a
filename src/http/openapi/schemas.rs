//! Schemas of the content, from the declarations of its fields.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::content::Site;
use crate::content::field::{Field, Kind, Shape};
use crate::content::rich_text::Format;
use crate::content::slug::MAX_SLUG;
use crate::editorial::draft::{ENVELOPE, STATES};
use crate::resources::Resource;

/// A schema, or where it is.
pub type Reference = RefOr<Schema>;

/// Points to a schema of the document.
pub fn reference(name: &str) -> Reference {
    RefOr::Ref(Ref::from_schema_name(name))
}

pub(super) fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// A string.
pub fn text() -> ObjectBuilder {
    of_type(Type::String)
}

/// Text of one line that is not blank, without control characters.
pub const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";
/// The same with several lines: line ends and tabs are no control characters then.
const LINES: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$";

fn written(max: usize, pattern: &str) -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(pattern))
}

pub(super) fn formatted(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

pub(super) fn schema(builder: ObjectBuilder) -> Reference {
    RefOr::T(Schema::Object(builder.build()))
}

/// Example of an input: the required fields, or all when none is required.
pub fn example_of(fields: &'static [Field]) -> Value {
    let any_required = fields.iter().any(|f| f.required);
    let shown = fields.iter().filter(|f| f.required || !any_required);
    shown.map(|f| (f.name.to_owned(), example(f))).collect::<Map<_, _>>().into()
}

/// Example of creating an item: every field that refers to nothing.
pub fn example_of_item(resource: &'static Resource) -> Value {
    let plain = resource
        .fields
        .iter()
        .filter(|f| f.required || f.relation().is_none())
        .filter(|f| !matches!(f.kind, Kind::Custom));
    plain.map(|f| (f.name.to_owned(), example(f))).collect::<Map<_, _>>().into()
}

fn example(field: &Field) -> Value {
    serde_json::from_str(field.example).unwrap_or(Value::Null)
}

// ------------------------------------------------------------------ inputs

/// The input of a kind: all fields for POST and PUT, or any of them, each nullable, for PATCH.
pub fn input(resource: &'static Resource, site: &Site, patch: bool) -> Schema {
    let about = if patch {
        format!("Changes to a {}: JSON Merge Patch (RFC 7396).", resource.noun)
    } else {
        format!("A {} as an editor sends it.", resource.noun)
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

/// The input of a form.
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
    let mut map = closed(of_type(Type::Object)).description(Some("One value for each language, with `locale=*`."));
    for locale in &site.locales {
        map = map.property(locale, or_null(input_kind(&field.kind, site)));
    }
    let mut any = AnyOfBuilder::new().item(one).item(schema(map));
    if nullable {
        any = any.item(null());
    }
    RefOr::T(Schema::AnyOf(any.description(Some(field.about)).examples([example(field)]).build()))
}

fn input_kind(kind: &'static Kind, site: &Site) -> Reference {
    match kind {
        Kind::Rich { max } => {
            let formats: Vec<&str> = [Format::Markdown, Format::Html].map(Format::word).to_vec();
            let parts = closed(of_type(Type::Object))
                .property("format", schema(text().enum_values(Some(formats))))
                .property("source", schema(written(*max, LINES)))
                .required("format")
                .required("source");
            let plain = written(*max, LINES);
            RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(schema(plain)).item(schema(parts)).build()))
        }
        Kind::Moment { .. } | Kind::Instant => schema(text().pattern(Some(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
        ))),
        Kind::Reference(target) => schema(
            text().min_length(Some(1)).max_length(Some(MAX_SLUG)).pattern(Some("^[0-9A-Za-z-]+$")).description(Some(format!(
                "Id or slug of a {}.",
                Resource::of_kind(target).map_or(*target, |r| r.noun)
            ))),
        ),
        Kind::Object(fields) => {
            let mut object = closed(of_type(Type::Object));
            for field in *fields {
                object = object.property(field.name, input_field(field, site, false));
                if field.required {
                    object = object.required(field.name);
                }
            }
            schema(object)
        }
        Kind::List { of, max } => {
            let items = input_kind(of, site);
            RefOr::T(Schema::Array(ArrayBuilder::new().items(items).max_items(Some(*max)).unique_items(true).build()))
        }
        _ => scalar(kind),
    }
}

/// The schema of a plain value, the same in inputs and answers.
fn scalar(kind: &'static Kind) -> Reference {
    schema(match kind {
        Kind::Line { max } => written(*max, LINE),
        Kind::Text { max } | Kind::Rich { max } => written(*max, LINES),
        Kind::Url => formatted(KnownFormat::Uri).pattern(Some("^https?://")).max_length(Some(2_000)),
        Kind::Email => formatted(KnownFormat::Email).max_length(Some(254)),
        Kind::Slug => text().pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$")).max_length(Some(MAX_SLUG)),
        Kind::Zone => text().pattern(Some("^[A-Za-z0-9_+/-]+$")).max_length(Some(64)),
        Kind::Country => text().pattern(Some("^[A-Za-z]{2}$")),
        Kind::Language => text().pattern(Some("^[A-Za-z0-9-]+$")).max_length(Some(35)),
        Kind::OneOf(words) => text().enum_values(Some(words.to_vec())),
        Kind::Boolean => of_type(Type::Boolean),
        Kind::Integer { min, max } => of_type(Type::Integer).minimum(Some(*min)).maximum(Some(*max)),
        Kind::Number { min, max } => of_type(Type::Number).minimum(Some(*min)).maximum(Some(*max)),
        Kind::Moment { .. } | Kind::Instant => formatted(KnownFormat::DateTime),
        Kind::Custom | Kind::Object(_) | Kind::List { .. } | Kind::Reference(_) => {
            of_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(true)))
        }
    })
}

// ------------------------------------------------------------------ answers

/// The answer of a kind within another item's: of its own relations it has those that are included too.
pub fn included(resource: &'static Resource, site: &Site) -> Schema {
    answer_with(resource, site, false)
}

/// The name of the schema that [`included`] makes.
pub fn included_name(resource: &'static Resource) -> String {
    format!("{}Included", resource.schema)
}

/// The answer of a kind; every field is there, null or empty when it has no value.
pub fn answer(resource: &'static Resource, site: &Site) -> Schema {
    answer_with(resource, site, true)
}

fn answer_with(resource: &'static Resource, site: &Site, relations: bool) -> Schema {
    let mut object = closed(of_type(Type::Object).description(Some(resource.about)));
    object = head(object)
        .property(
            "version",
            schema(of_type(Type::Integer).minimum(Some(1)).description(Some("Grows by one with each write."))),
        )
        .property("status", schema(text().enum_values(Some(STATES.to_vec()))))
        .property("created_at", schema(formatted(KnownFormat::DateTime)))
        .property("updated_at", schema(formatted(KnownFormat::DateTime)))
        .property("published_at", or_null(schema(formatted(KnownFormat::DateTime))))
        .property(
            "trashed_at",
            schema(formatted(KnownFormat::DateTime).description(Some("Only on items in the trash."))),
        );
    for name in ["version", "status", "created_at", "updated_at", "published_at"] {
        object = object.required(name);
    }
    for field in resource.fields {
        object = object.property(field.name, answer_field(field, site));
        if !field.detail && (relations || field.relation().is_none()) {
            object = object.required(field.name);
        }
    }
    if resource.has_span() {
        for (name, about) in
            [("starts_on", "First day, on the clock of its zone."), ("ends_on", "Last day, inclusive.")]
        {
            object = object
                .property(name, or_null(schema(formatted(KnownFormat::Date).description(Some(about)))))
                .required(name);
        }
    }
    if resource.main_text().is_some() {
        object = outline(object);
    }
    if let Some(children) = resource.children.filter(|_| relations) {
        let kind = Resource::of_kind(children.kind).map_or("", |r| r.schema);
        let list = ArrayBuilder::new().items(reference(kind)).description(Some("With `include`."));
        object = object.property(children.name, RefOr::T(Schema::Array(list.build())));
    }
    object = object
        .property(
            "locale",
            schema(text().description(Some("The language that was asked for; absent with `locale=*`."))),
        )
        .property(
            "fallbacks",
            RefOr::T(Schema::Array(
                ArrayBuilder::new()
                    .items(text())
                    .description(Some("Fields that have another language's value, since there is none in this one."))
                    .build(),
            )),
        );
    Schema::Object(object.build())
}

/// What answers tell of the main text.
fn outline(object: ObjectBuilder) -> ObjectBuilder {
    let heading = closed(of_type(Type::Object))
        .property("level", schema(of_type(Type::Integer).minimum(Some(1)).maximum(Some(6))))
        .property("id", schema(text().description(Some("Its id in the HTML."))))
        .property("text", schema(text()));
    let heading = ["level", "id", "text"].into_iter().fold(heading, |heading, name| heading.required(name));
    let headings = ArrayBuilder::new().items(schema(heading)).description(Some("The headings of the text.")).build();
    let minutes = of_type(Type::Integer).minimum(Some(1)).description(Some("Minutes that it takes to read the text."));
    object
        .property("excerpt", or_null(schema(text().description(Some("How the text begins; absent with `locale=*`.")))))
        .property("reading_minutes", or_null(schema(minutes)))
        .property("table_of_contents", RefOr::T(Schema::Array(headings)))
}

/// The short form in which other items' answers name one.
pub fn short(resource: &'static Resource, site: &Site) -> Schema {
    let object = closed(of_type(Type::Object).description(Some(format!("A {} in short.", resource.noun))));
    let label = resource.field(resource.label).map_or(null(), |field| answer_field(field, site));
    Schema::Object(head(object).property(resource.label, label).required(resource.label).build())
}

/// The same with some of its fields.
pub fn partial(whole: Schema) -> Schema {
    match whole {
        Schema::Object(mut object) => {
            object.required.retain(|name| name == "id" || name == "slug");
            object.description =
                object.description.map(|about| format!("{about} With the fields that were asked for."));
            Schema::Object(object)
        }
        other => other,
    }
}

/// A page of a list, of items with this schema.
pub fn page(resource: &'static Resource, item: &str) -> Schema {
    let list = ArrayBuilder::new().items(reference(item)).max_items(Some(100)).build();
    let object = closed(of_type(Type::Object).description(Some(format!("A page of {}.", resource.collection))))
        .property("data", RefOr::T(Schema::Array(list)))
        .property("page", reference("Page"))
        .property("highlights", schema(highlights()))
        .property("facets", schema(facets()))
        .required("data")
        .required("page");
    Schema::Object(object.build())
}

/// By name, what was counted.
fn facets() -> ObjectBuilder {
    let value = ["value", "label", "count"].into_iter().fold(closed(of_type(Type::Object)), |object, name| {
        let kind = if name == "count" { of_type(Type::Integer).minimum(Some(1)) } else { text() };
        object.property(name, schema(kind)).required(name)
    });
    let values = ArrayBuilder::new().items(schema(value)).max_items(Some(200)).build();
    of_type(Type::Object)
        .additional_properties(Some(RefOr::T(Schema::Array(values))))
        .description(Some("By facet, its values and how many items have them; only with `facets`."))
}

/// By item, where a text was found.
fn highlights() -> ObjectBuilder {
    of_type(Type::Object)
        .additional_properties(Some(schema(text())))
        .description(Some("By id, where the text was found, as HTML with `<mark>`; only with `highlights=true`."))
}

/// Where a page is within its list.
pub fn page_info() -> Schema {
    let cursor = |about| or_null(schema(text().description(Some(about))));
    let object = closed(of_type(Type::Object).description(Some("Where a page is within its list.")))
        .property("next", cursor("Cursor of the next page."))
        .property("prev", cursor("Cursor of the page before."))
        .property("limit", schema(of_type(Type::Integer).minimum(Some(1)).maximum(Some(100))))
        .property(
            "total",
            schema(of_type(Type::Integer).minimum(Some(0)).description(Some("All items; only with `count=exact`."))),
        )
        .required("next")
        .required("prev")
        .required("limit");
    Schema::Object(object.build())
}

fn head(object: ObjectBuilder) -> ObjectBuilder {
    object
        .property("id", schema(formatted(KnownFormat::Uuid)))
        .property("slug", schema(text()))
        .required("id")
        .required("slug")
}

fn answer_field(field: &'static Field, site: &Site) -> Reference {
    if let Some(relation) = field.relation() {
        let kind = Resource::of_kind(relation.target);
        let (name, included) = kind.map_or((String::new(), String::new()), |r| (r.schema.to_owned(), included_name(r)));
        let target = || {
            let any = AnyOfBuilder::new().item(reference(&included)).item(reference(&format!("{name}Reference")));
            RefOr::T(Schema::AnyOf(any.build()))
        };
        return match relation.shape {
            Shape::One => described(or_null(target()), field),
            Shape::Many => described(list_of(target()), field),
            Shape::ManyWith { key, fields } => {
                let mut object = closed(of_type(Type::Object));
                for inner in fields {
                    let value = if inner.name == key { target() } else { answer_field(inner, site) };
                    object = object.property(inner.name, value).required(inner.name);
                }
                described(list_of(schema(object)), field)
            }
        };
    }
    let one = answer_kind(&field.kind, site);
    let nullable = !matches!(field.kind, Kind::List { .. });
    if !field.localised {
        let always = field.required || field.default.is_some();
        return described(if nullable && !always { or_null(one) } else { one }, field);
    }
    let map = of_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(answer_kind(&field.kind, site))))
        .description(Some("With `locale=*`: one value for each language."));
    let mut any = AnyOfBuilder::new().item(one).item(schema(map));
    if !field.required {
        any = any.item(null());
    }
    RefOr::T(Schema::AnyOf(any.description(Some(field.about)).build()))
}

fn answer_kind(kind: &'static Kind, site: &Site) -> Reference {
    match kind {
        Kind::Object(fields) => {
            let mut object = closed(of_type(Type::Object));
            for field in *fields {
                object = object.property(field.name, answer_field(field, site)).required(field.name);
            }
            schema(object)
        }
        Kind::List { of, .. } => list_of(answer_kind(of, site)),
        // Sanitised HTML may be longer than its source, or empty.
        Kind::Rich { .. } => schema(text()),
        _ => scalar(kind),
    }
}

fn list_of(items: Reference) -> Reference {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()))
}

pub(super) fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn null() -> Reference {
    schema(of_type(Type::Null))
}

/// The same, or null.
fn or_null(one: Reference) -> Reference {
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

fn described(one: Reference, field: &'static Field) -> Reference {
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
