//! Schemas of responses with items, generated from the declarations of the fields.

use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::schemas::{
    Reference, closed, described, formatted, list_of, null, of_type, or_null, reference, scalar, schema, text,
};
use crate::content::field::{Field, FieldType, RelationShape};
use crate::content_types::ContentType;
use crate::editorial::validate::STATES;

/// The extent of the items in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemExtent {
    /// All fields; null or empty if they have no value.
    Whole,
    /// The requested fields only (sparse fieldset).
    Partial,
}

impl ItemExtent {
    /// Returns the name of the schema of [`item`](Self::item).
    pub fn item_name(self, resource: &ContentType) -> String {
        self.named(resource.schema)
    }

    /// Returns the name of the schema of [`included`](Self::included).
    pub fn included_name(self, resource: &ContentType) -> String {
        self.named(&format!("{}Included", resource.schema))
    }

    fn named(self, name: &str) -> String {
        if self == Self::Whole { name.to_owned() } else { format!("{name}Partial") }
    }

    /// Returns the schema of an item.
    pub fn item(self, resource: &'static ContentType) -> Schema {
        let mut object = self.with(resource, true);
        if self == Self::Partial {
            object = object.description(Some(format!("{} Only the requested fields are present.", resource.about)));
            object = object.required("id").required("slug");
        }
        Schema::Object(object.build())
    }

    /// Returns the schema of an item that is embedded in another one. Its own relations are optional, since
    /// they are present only if they are included too.
    pub fn included(self, resource: &'static ContentType) -> Schema {
        Schema::Object(self.with(resource, false).build())
    }

    /// Returns the schema of the short form, by which other items refer to an item.
    pub fn short(self, resource: &'static ContentType) -> Schema {
        let object = closed(of_type(Type::Object).description(Some(format!("Reference to one {}.", resource.noun))));
        let label = resource.field(resource.label).map_or(null(), |field| self.field(field));
        Schema::Object(self.head(object).property(resource.label, label).required(resource.label).build())
    }

    fn with(self, resource: &'static ContentType, relations: bool) -> ObjectBuilder {
        let mut object = self.envelope(closed(of_type(Type::Object).description(Some(resource.about))));
        for field in resource.fields {
            object = object.property(field.name, self.field(field));
            if !field.detail && (relations || field.relation().is_none()) {
                object = self.always(object, field.name);
            }
        }
        if resource.span.is_some() {
            object = self.days(object);
        }
        if resource.main_text().is_some() {
            object = outline(object);
        }
        if let Some(children) = resource.children.filter(|_| relations) {
            let kind = ContentType::of_kind(children.kind);
            let name =
                kind.map(|kind| if self == Self::Whole { self.item_name(kind) } else { self.included_name(kind) });
            let name = name.unwrap_or_default();
            let list = ArrayBuilder::new().items(reference(&name)).description(Some("Present only with `include`."));
            object = object.property(children.name, RefOr::T(Schema::Array(list.build())));
        }
        object
    }

    /// Adds the properties that every item has besides its fields.
    fn envelope(self, object: ObjectBuilder) -> ObjectBuilder {
        let moment = || schema(formatted(KnownFormat::DateTime));
        let version =
            of_type(Type::Integer).minimum(Some(1)).description(Some("Version; each write increases it by one."));
        let trashed = formatted(KnownFormat::DateTime)
            .description(Some("Time at which the item was moved to the trash, RFC 3339; absent on other items."));
        let locale = text().description(Some("Language of the response (BCP 47); absent with `locale=*`."));
        let about = "Names of the fields whose value is in a fallback language, because it is missing in this one.";
        let fallbacks = ArrayBuilder::new().items(schema(text())).description(Some(about)).build();
        let object = self
            .head(object)
            .property("version", schema(version))
            .property("status", schema(text().enum_values(Some(STATES.to_vec()))))
            .property("created_at", moment())
            .property("updated_at", moment())
            .property("published_at", or_null(moment()))
            .property("trashed_at", schema(trashed))
            .property("locale", schema(locale))
            .property("fallbacks", RefOr::T(Schema::Array(fallbacks)));
        let names = ["version", "status", "created_at", "updated_at", "published_at"];
        names.into_iter().fold(object, |object, name| self.always(object, name))
    }

    /// Adds the properties that derive the days of an item from its times.
    fn days(self, object: ObjectBuilder) -> ObjectBuilder {
        let days = [
            ("starts_on", "First day, in the time zone of the item."),
            ("ends_on", "Last day, inclusive, in the time zone of the item."),
        ];
        days.into_iter().fold(object, |object, (name, about)| {
            let day = or_null(schema(formatted(KnownFormat::Date).description(Some(about))));
            self.always(object.property(name, day), name)
        })
    }

    fn head(self, object: ObjectBuilder) -> ObjectBuilder {
        let object = object.property("id", schema(formatted(KnownFormat::Uuid))).property("slug", schema(text()));
        self.always(self.always(object, "id"), "slug")
    }

    /// Marks a property as required, except in sparse fieldsets.
    fn always(self, object: ObjectBuilder, name: &str) -> ObjectBuilder {
        if self == Self::Whole { object.required(name) } else { object }
    }

    fn field(self, field: &'static Field) -> Reference {
        if let Some(relation) = field.relation() {
            let target = || self.target(relation.target);
            return match relation.shape {
                RelationShape::One => described(or_null(target()), field),
                RelationShape::Many => described(list_of(target()), field),
                RelationShape::ManyWith { key, fields } => {
                    let mut object = closed(of_type(Type::Object));
                    for inner in fields {
                        let value = if inner.name == key { target() } else { self.field(inner) };
                        object = self.always(object.property(inner.name, value), inner.name);
                    }
                    described(list_of(schema(object)), field)
                }
            };
        }
        let one = self.value(&field.kind);
        let nullable = !matches!(field.kind, FieldType::List { .. });
        if !field.localised {
            let always = field.required || field.default.is_some();
            return described(if nullable && !always { or_null(one) } else { one }, field);
        }
        let map = of_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::RefOr(self.value(&field.kind))))
            .description(Some("Values by language tag; the form with `locale=*`."));
        let mut any = AnyOfBuilder::new().item(one).item(schema(map));
        if !field.required {
            any = any.item(null());
        }
        RefOr::T(Schema::AnyOf(any.description(Some(field.about)).build()))
    }

    fn value(self, kind: &'static FieldType) -> Reference {
        match kind {
            FieldType::Object(fields) => {
                let mut object = closed(of_type(Type::Object));
                for field in *fields {
                    object = self.always(object.property(field.name, self.field(field)), field.name);
                }
                schema(object)
            }
            FieldType::List { of, .. } => list_of(self.value(of)),
            // The limits of the source do not apply: sanitised HTML may be longer than its source, or empty.
            FieldType::Rich { .. } => schema(text()),
            _ => scalar(kind),
        }
    }

    /// Returns the schema of the related item.
    fn target(self, kind: &str) -> Reference {
        let Some(kind) = ContentType::of_kind(kind) else { return null() };
        let included = reference(&self.included_name(kind));
        if self == Self::Partial {
            // Without required properties, this schema covers the short form too.
            return included;
        }
        let short = reference(&format!("{}Reference", kind.schema));
        RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(included).item(short).build()))
    }
}

/// Adds the properties that are derived from the main text: excerpt, reading time and table of contents.
fn outline(object: ObjectBuilder) -> ObjectBuilder {
    let heading = closed(of_type(Type::Object))
        .property("level", schema(of_type(Type::Integer).minimum(Some(1)).maximum(Some(6))))
        .property("id", schema(text().description(Some("Id of the heading element in the HTML."))))
        .property("text", schema(text()));
    let heading = ["level", "id", "text"].into_iter().fold(heading, |heading, name| heading.required(name));
    let headings = ArrayBuilder::new().items(schema(heading)).description(Some("Headings of the main text.")).build();
    let minutes =
        of_type(Type::Integer).minimum(Some(1)).description(Some("Reading time of the main text, in minutes."));
    let excerpt = "Beginning of the main text, without markup; absent with `locale=*`.";
    object
        .property("excerpt", or_null(schema(text().description(Some(excerpt)))))
        .property("reading_minutes", or_null(schema(minutes)))
        .property("table_of_contents", RefOr::T(Schema::Array(headings)))
}

/// Returns the schema of a page of a list, whose items have the schema with the name `item`.
pub fn page(resource: &'static ContentType, item: &str) -> Schema {
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

/// Returns the schema of the facet counts, by facet.
fn facets() -> ObjectBuilder {
    let value = ["value", "label", "count"].into_iter().fold(closed(of_type(Type::Object)), |object, name| {
        let kind = if name == "count" { of_type(Type::Integer).minimum(Some(1)) } else { text() };
        object.property(name, schema(kind)).required(name)
    });
    let values = ArrayBuilder::new().items(schema(value)).max_items(Some(200)).build();
    of_type(Type::Object).additional_properties(Some(RefOr::T(Schema::Array(values)))).description(Some(
        "Values of each requested facet with the number of matching items; present only with `facets`.",
    ))
}

/// Returns the schema of the highlights, by id of the item.
fn highlights() -> ObjectBuilder {
    of_type(Type::Object)
        .additional_properties(Some(schema(text())))
        .description(Some("Matching passage by item id, as HTML with `<mark>`; present only with `highlights=true`."))
}

/// Returns the schema of the position of a page within its list.
pub fn page_info() -> Schema {
    let cursor = |about| or_null(schema(text().description(Some(about))));
    let object = closed(of_type(Type::Object).description(Some("Position of a page within its list.")))
        .property("next", cursor("Cursor of the next page; null on the last one."))
        .property("prev", cursor("Cursor of the previous page; null on the first one."))
        .property("limit", schema(of_type(Type::Integer).minimum(Some(1)).maximum(Some(100))))
        .property(
            "total",
            schema(
                of_type(Type::Integer)
                    .minimum(Some(0))
                    .description(Some("Number of items in the whole list; present only with `count=exact`.")),
            ),
        )
        .required("next")
        .required("prev")
        .required("limit");
    Schema::Object(object.build())
}

/// Returns the schema of the paths that the parameter `fields` accepts.
pub fn field_paths(resource: &'static ContentType) -> Schema {
    let names: Vec<&str> = resource.paths().iter().map(|path| path.name).collect();
    let about = format!("Path of a field of {}, for the parameter `fields`.", resource.collection);
    Schema::Object(text().enum_values(Some(names)).description(Some(about)).build())
}

/// Returns the name of the schema of [`field_paths`].
pub fn field_paths_name(resource: &ContentType) -> String {
    format!("{}Field", resource.schema)
}
