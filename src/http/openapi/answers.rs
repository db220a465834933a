//! Schemas of answers with items, from the declarations of their fields.

use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::schemas::{
    Reference, closed, described, formatted, list_of, null, of_type, or_null, reference, scalar, schema, text,
};
use crate::content::field::{Field, Kind, Shape};
use crate::editorial::draft::STATES;
use crate::resources::Resource;

/// How much answers have of their items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Every field, null or empty when it has no value.
    Whole,
    /// The fields that were asked for.
    Partial,
}

impl Answers {
    /// The name of the schema that [`item`](Self::item) makes.
    pub fn item_name(self, resource: &Resource) -> String {
        self.named(resource.schema)
    }

    /// The name of the schema that [`included`](Self::included) makes.
    pub fn included_name(self, resource: &Resource) -> String {
        self.named(&format!("{}Included", resource.schema))
    }

    fn named(self, name: &str) -> String {
        if self == Self::Whole { name.to_owned() } else { format!("{name}Partial") }
    }

    /// An item.
    pub fn item(self, resource: &'static Resource) -> Schema {
        let mut object = self.with(resource, true);
        if self == Self::Partial {
            object = object.description(Some(format!("{} With the fields that were asked for.", resource.about)));
            object = object.required("id").required("slug");
        }
        Schema::Object(object.build())
    }

    /// An item within another's answer: of its own relations it has those that are included too.
    pub fn included(self, resource: &'static Resource) -> Schema {
        Schema::Object(self.with(resource, false).build())
    }

    /// The short form in which other items' answers name one.
    pub fn short(self, resource: &'static Resource) -> Schema {
        let object = closed(of_type(Type::Object).description(Some(format!("A {} in short.", resource.noun))));
        let label = resource.field(resource.label).map_or(null(), |field| self.field(field));
        Schema::Object(self.head(object).property(resource.label, label).required(resource.label).build())
    }

    fn with(self, resource: &'static Resource, relations: bool) -> ObjectBuilder {
        let mut object = self.envelope(closed(of_type(Type::Object).description(Some(resource.about))));
        for field in resource.fields {
            object = object.property(field.name, self.field(field));
            if !field.detail && (relations || field.relation().is_none()) {
                object = self.always(object, field.name);
            }
        }
        if resource.has_span() {
            object = self.days(object);
        }
        if resource.main_text().is_some() {
            object = outline(object);
        }
        if let Some(children) = resource.children.filter(|_| relations) {
            let kind = Resource::of_kind(children.kind);
            let name =
                kind.map(|kind| if self == Self::Whole { self.item_name(kind) } else { self.included_name(kind) });
            let name = name.unwrap_or_default();
            let list = ArrayBuilder::new().items(reference(&name)).description(Some("With `include`."));
            object = object.property(children.name, RefOr::T(Schema::Array(list.build())));
        }
        object
    }

    /// What answers tell of every item.
    fn envelope(self, object: ObjectBuilder) -> ObjectBuilder {
        let moment = || schema(formatted(KnownFormat::DateTime));
        let version = of_type(Type::Integer).minimum(Some(1)).description(Some("Grows by one with each write."));
        let trashed = formatted(KnownFormat::DateTime).description(Some("Only on items in the trash."));
        let locale = text().description(Some("The language that was asked for; absent with `locale=*`."));
        let about = "Fields that have another language's value, since there is none in this one.";
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

    /// The days of what takes place at a time.
    fn days(self, object: ObjectBuilder) -> ObjectBuilder {
        let days = [("starts_on", "First day, on the clock of its zone."), ("ends_on", "Last day, inclusive.")];
        days.into_iter().fold(object, |object, (name, about)| {
            let day = or_null(schema(formatted(KnownFormat::Date).description(Some(about))));
            self.always(object.property(name, day), name)
        })
    }

    fn head(self, object: ObjectBuilder) -> ObjectBuilder {
        let object = object.property("id", schema(formatted(KnownFormat::Uuid))).property("slug", schema(text()));
        self.always(self.always(object, "id"), "slug")
    }

    /// It is there in answers with every field.
    fn always(self, object: ObjectBuilder, name: &str) -> ObjectBuilder {
        if self == Self::Whole { object.required(name) } else { object }
    }

    fn field(self, field: &'static Field) -> Reference {
        if let Some(relation) = field.relation() {
            let target = || self.target(relation.target);
            return match relation.shape {
                Shape::One => described(or_null(target()), field),
                Shape::Many => described(list_of(target()), field),
                Shape::ManyWith { key, fields } => {
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
        let nullable = !matches!(field.kind, Kind::List { .. });
        if !field.localised {
            let always = field.required || field.default.is_some();
            return described(if nullable && !always { or_null(one) } else { one }, field);
        }
        let map = of_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::RefOr(self.value(&field.kind))))
            .description(Some("With `locale=*`: one value for each language."));
        let mut any = AnyOfBuilder::new().item(one).item(schema(map));
        if !field.required {
            any = any.item(null());
        }
        RefOr::T(Schema::AnyOf(any.description(Some(field.about)).build()))
    }

    fn value(self, kind: &'static Kind) -> Reference {
        match kind {
            Kind::Object(fields) => {
                let mut object = closed(of_type(Type::Object));
                for field in *fields {
                    object = self.always(object.property(field.name, self.field(field)), field.name);
                }
                schema(object)
            }
            Kind::List { of, .. } => list_of(self.value(of)),
            // Sanitised HTML may be longer than its source, or empty.
            Kind::Rich { .. } => schema(text()),
            _ => scalar(kind),
        }
    }

    /// The item at the other end of a relation.
    fn target(self, kind: &str) -> Reference {
        let Some(kind) = Resource::of_kind(kind) else { return null() };
        let included = reference(&self.included_name(kind));
        if self == Self::Partial {
            // What references have is a part of that.
            return included;
        }
        let short = reference(&format!("{}Reference", kind.schema));
        RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(included).item(short).build()))
    }
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

/// The places of an answer that `fields` may name.
pub fn places(resource: &'static Resource) -> Schema {
    let names: Vec<&str> = resource.paths().iter().map(|path| path.name).collect();
    let about = format!("A field of {}, or one within it.", resource.collection);
    Schema::Object(text().enum_values(Some(names)).description(Some(about)).build())
}

/// The name of the schema that [`places`] makes.
pub fn places_name(resource: &Resource) -> String {
    format!("{}Field", resource.schema)
}
