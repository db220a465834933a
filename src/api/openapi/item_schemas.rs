//! Schemas of responses with items, generated from the declarations of the fields.

use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::layout_schemas::with_site_members;
use crate::api::openapi::schemas::{
    Locales, Reference, any_object, closed_object, count, custom_fields, enumeration, formatted_text, integer, list_of,
    null, of_type, one_of, or_null, reference, rows, schema, text, union, with_description, with_name,
};
use crate::content::field::{Field, FieldType, ObjectType, QUERY_ITEMS, RelationShape};
use crate::content_types::{ContentType, PATH};
use crate::editorial::validate::STATES;

/// Name of the schema of an item of any content type.
pub const ANY_ITEM: &str = "AnyItem";
/// Name of the schema of an item with a sparse fieldset.
pub const PARTIAL_ITEM: &str = "PartialItem";
/// Name of the schema of a page of such items.
pub const PARTIAL_PAGE: &str = "PartialPage";

/// The form of the items of a content type in responses.
#[derive(Debug, Clone, Copy)]
pub struct ItemForm {
    /// The content type.
    pub content_type: &'static ContentType,
    /// The form of localised texts.
    pub locales: Locales,
}

impl ItemForm {
    /// Returns the name of the schema of [`item`](Self::item).
    pub fn name(self) -> String {
        self.locales.name(self.content_type.schema)
    }

    /// Returns the name of the schema of [`page`](Self::page).
    pub fn page_name(self) -> String {
        format!("{}Page", self.name())
    }

    /// Returns the name of the schema of [`related_schema`](Self::related_schema).
    pub fn related_name(self) -> String {
        format!("{}Related", self.name())
    }

    fn for_kind(self, kind: &str) -> Option<Self> {
        ContentType::of_kind(kind).map(|content_type| Self { content_type, ..self })
    }

    /// Returns the schema of an item. Its properties are described in the form with texts in one locale; all other
    /// forms have the same properties.
    pub fn item(self) -> Schema {
        let about = match self.locales {
            Locales::One => self.content_type.about.to_owned(),
            Locales::All => format!("{} Its texts are in all locales.", self.content_type.about),
        };
        let mut object = self.envelope(closed_object(of_type(Type::Object).description(Some(about))), true);
        for field in self.content_type.fields {
            let one = self.field(field);
            let one = if self.locales == Locales::One { with_description(one, field.about) } else { one };
            object = object.property(field.name, one);
            if !field.detail {
                object = object.required(field.name);
            }
        }
        if let Some(children) = self.content_type.children {
            let name = self.for_kind(children.kind).map(Self::name).unwrap_or_default();
            let list = ArrayBuilder::new().items(reference(&name)).description(Some("Present only with `include`."));
            object = object.property(children.name, RefOr::T(Schema::Array(list.build())));
        }
        Schema::Object(self.with_derived_properties(object, true).build())
    }

    /// Returns the schema of an item as other items show it: its id, slug and label, and with `include` everything
    /// that it has itself.
    pub fn related_schema(self) -> Schema {
        let ContentType { noun, label, schema, .. } = self.content_type;
        let about =
            format!("A related {noun}: `id`, `slug` and `{label}`, and with `include` what `{schema}` describes.");
        let mut object = self.envelope(closed_object(of_type(Type::Object).description(Some(about))), false);
        for field in self.content_type.fields {
            object = object.property(field.name, self.field(field));
        }
        object = object.required(*label);
        Schema::Object(self.with_derived_properties(object, false).build())
    }

    /// Adds the properties that every item has besides its fields. All but some are required in whole items.
    fn envelope(self, object: ObjectBuilder, is_whole: bool) -> ObjectBuilder {
        let moment = || schema(formatted_text(KnownFormat::DateTime));
        let about = |one: Reference, about: &str| if is_whole { with_description(one, about) } else { one };
        let trashed = "Time of the move to the trash.";
        let fallbacks = "Fields whose value is in a fallback language.";
        let mut object = object
            .property("id", schema(formatted_text(KnownFormat::Uuid)))
            .property("slug", schema(text()))
            .property("version", about(schema(count(1)), "Version; each write increases it by one."))
            .property("status", one_of("ItemStatus", STATES))
            .property("created_at", moment())
            .property("updated_at", moment())
            .property("published_at", or_null(moment()))
            .property("trashed_at", about(moment(), trashed))
            .property("alternates", list_of(reference(ALTERNATE)));
        if self.locales == Locales::One {
            object = object
                .property("locale", about(schema(text()), "Language of the response (BCP 47)."))
                .property("fallbacks", about(list_of(schema(text())), fallbacks));
        }
        let required: &[&str] = match is_whole {
            true => &["id", "slug", "version", "status", "created_at", "updated_at", "published_at"],
            false => &["id", "slug"],
        };
        required.iter().fold(object, |object, name| object.required(*name))
    }

    /// Adds the properties that are derived from the times and the main text.
    fn with_derived_properties(self, mut object: ObjectBuilder, is_whole: bool) -> ObjectBuilder {
        let about = |one: Reference, about: &str| if is_whole { with_description(one, about) } else { one };
        if self.content_type.span.is_some() {
            let day = || or_null(schema(formatted_text(KnownFormat::Date)));
            object = object
                .property("starts_on", about(day(), "First day, in the time zone of the item."))
                .property("ends_on", about(day(), "Last day, inclusive, in the time zone of the item."));
            if is_whole {
                object = object.required("starts_on").required("ends_on");
            }
        }
        if self.content_type.has_paths() {
            let about_path = "Path of the page in the language of the response, without a slash at its ends.";
            object = object.property(PATH, about(or_null(schema(text())), about_path));
        }
        if self.content_type.is_singleton() {
            object = with_site_members(object);
        }
        if self.content_type.main_text().is_some() {
            let minutes = or_null(schema(integer(1, i64::from(i32::MAX))));
            let excerpt = or_null(schema(text()));
            object = object
                .property("reading_minutes", about(minutes, "Reading time of the main text, in minutes."))
                .property("table_of_contents", about(list_of(heading()), "Headings of the main text."));
            if self.locales == Locales::One {
                object = object.property("excerpt", about(excerpt, "Beginning of the main text, without markup."));
            }
        }
        object
    }

    fn field(self, field: &'static Field) -> Reference {
        if let Some(relation) = field.relation() {
            let target = || self.for_kind(relation.target).map_or_else(null, |of| reference(&of.related_name()));
            return match relation.shape {
                RelationShape::One => or_null(target()),
                RelationShape::Many | RelationShape::Within(_) => list_of(target()),
                RelationShape::ManyWith { key, object } => {
                    list_of(with_name(self.locales.name(object.schema), self.object(object, Some((key, target())))))
                }
            };
        }
        let one = match (field.localised, self.locales) {
            (true, Locales::All) if matches!(field.kind, FieldType::Rows) => localised_rows(),
            (true, Locales::All) => localised_text(),
            _ => self.value(&field.kind),
        };
        let is_always = field.required || field.default.is_some() || matches!(field.kind, FieldType::List { .. });
        if is_always { one } else { or_null(one) }
    }

    fn value(self, kind: &'static FieldType) -> Reference {
        match kind {
            FieldType::Object(declared) => {
                let form = if declared.has_texts() { self.locales } else { Locales::One };
                with_name(form.name(declared.schema), self.object(declared, None))
            }
            FieldType::Union(declared) => union(self.locales.name(declared.schema), declared, |variant| {
                let form = Self { locales: if variant.has_texts() { self.locales } else { Locales::One }, ..self };
                let name = form.locales.name(variant.schema);
                (name.clone(), with_name(name, form.object(variant, None)))
            }),
            FieldType::Rows => rows(),
            FieldType::Constant(word) => schema(text().enum_values(Some([*word]))),
            FieldType::List { of, .. } => list_of(self.value(of)),
            FieldType::OneOf(known) => enumeration(known),
            FieldType::Custom => custom_fields(),
            FieldType::Url | FieldType::EmbedUrl => schema(formatted_text(KnownFormat::Uri)),
            FieldType::Email => schema(formatted_text(KnownFormat::Email)),
            FieldType::Moment { .. } | FieldType::Instant => schema(formatted_text(KnownFormat::DateTime)),
            FieldType::Boolean => schema(of_type(Type::Boolean)),
            FieldType::Integer { min, max } => schema(integer(*min, *max)),
            FieldType::Number { min, max } => schema(of_type(Type::Number).minimum(Some(*min)).maximum(Some(*max))),
            // The limits of requests do not apply: sanitised HTML, for instance, may be longer than its source, or empty.
            FieldType::Line { .. }
            | FieldType::Text { .. }
            | FieldType::Rich { .. }
            | FieldType::Slug
            | FieldType::Zone
            | FieldType::Country
            | FieldType::Language
            | FieldType::Query(_)
            | FieldType::Reference(_)
            | FieldType::ReferenceIn(_) => schema(text()),
        }
    }

    /// Returns the schema of an object within an item. Its properties are described in the form with texts in one locale. If it ties a related item, that is the value of its key.
    fn object(self, declared: &'static ObjectType, related: Option<(&str, Reference)>) -> Schema {
        let mut object = closed_object(of_type(Type::Object)).description(Some(declared.about));
        for field in declared.fields {
            let value = match &related {
                Some((key, target)) if field.name == *key => target.clone(),
                _ => self.field(field),
            };
            let is_described = self.locales == Locales::One || !declared.has_texts();
            let value = if is_described { with_description(value, field.about) } else { value };
            object = object.property(field.name, value).required(field.name);
        }
        if let Some(kind) = declared.query_kind() {
            let target = self.for_kind(kind).map_or_else(null, |of| reference(&of.related_name()));
            let about = "Items that the query selects, with `include=blocks` of a single item; otherwise null.";
            object = object.property(QUERY_ITEMS, with_description(or_null(list_of(target)), about));
        }
        Schema::Object(object.build())
    }

    /// Returns the schema of a page of a list.
    pub fn page(self) -> Schema {
        let about = format!("One page of the list of {}.", self.content_type.collection);
        Schema::Object(page(&about, &self.name()).build())
    }
}

/// Name of the schema of [`alternate_schema`].
pub const ALTERNATE: &str = "Alternate";

/// Returns the schema of an item's slug and address in one of its languages.
pub fn alternate_schema() -> Schema {
    let about = "Slug and address of an item in a language in which it has words of its own; the default language comes \
                 first. Absent from cards.";
    let href = text().description(Some("Address of the item in this language, relative to that of the server."));
    let object = closed_object(of_type(Type::Object).description(Some(about)))
        .property("locale", schema(text().description(Some("Language (BCP 47)."))))
        .property("slug", schema(text()))
        .property("href", schema(href));
    Schema::Object(["locale", "slug", "href"].into_iter().fold(object, |object, name| object.required(name)).build())
}

/// Returns the schema of a localised text with the texts of all locales.
fn localised_text() -> Reference {
    let map = of_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(schema(text()))))
        .description(Some("Text by locale (BCP 47); the form with `locale=*`."));
    with_name("LocalisedText", map.build())
}

/// Returns the schema of the rows of a table in all locales.
fn localised_rows() -> Reference {
    let map = of_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(rows())))
        .description(Some("Rows by locale (BCP 47); the form with `locale=*`."));
    with_name("LocalisedRows", map.build())
}

/// Returns the schema of a heading of the main text.
fn heading() -> Reference {
    let heading = closed_object(of_type(Type::Object).description(Some("A heading of the main text.")))
        .property("level", schema(of_type(Type::Integer).minimum(Some(1)).maximum(Some(6))))
        .property("id", schema(text().description(Some("Id of the heading element in the HTML."))))
        .property("text", schema(text()));
    with_name(
        "Heading",
        ["level", "id", "text"].into_iter().fold(heading, |heading, name| heading.required(name)).build(),
    )
}

fn page(about: &str, item: &str) -> ObjectBuilder {
    let list = ArrayBuilder::new().items(reference(item)).max_items(Some(100)).build();
    closed_object(of_type(Type::Object).description(Some(about)))
        .property("data", RefOr::T(Schema::Array(list)))
        .property("page", reference("Page"))
        .property("highlights", highlights())
        .property("facets", facets())
        .required("data")
        .required("page")
}

/// Returns the schema of an item with a sparse fieldset, whatever its type.
pub fn partial_item() -> Schema {
    let about = "An item with the fields that `fields` names, besides `id` and `slug`. Each has the form that it has in a \
                 complete item, or is null (`fallback=none`).";
    let object = any_object()
        .description(Some(about))
        .property("id", schema(formatted_text(KnownFormat::Uuid)))
        .property("slug", schema(text()));
    Schema::Object(object.required("id").required("slug").build())
}

/// Returns the schema of an item of any content type, for operations that are described once for all.
pub fn any_item() -> Schema {
    let about = "An item of any content type: `Event`, or its like for the collection.";
    let object = any_object()
        .description(Some(about))
        .property("id", schema(formatted_text(KnownFormat::Uuid)))
        .property("slug", schema(text()))
        .property("version", schema(count(1)));
    Schema::Object(object.required("id").required("slug").required("version").build())
}

/// Returns the schema of a page of items with a sparse fieldset.
pub fn partial_page() -> Schema {
    Schema::Object(page("A page of items with the fields that were asked for.", PARTIAL_ITEM).build())
}

/// Returns the schema of the facet counts, by facet.
fn facets() -> Reference {
    let value = ["value", "label", "count"].into_iter().fold(closed_object(of_type(Type::Object)), |object, name| {
        let kind = if name == "count" { count(1) } else { text() };
        object.property(name, schema(kind)).required(name)
    });
    let value = value.description(Some("A value of a facet with the number of matching items."));
    let values = ArrayBuilder::new().items(with_name("FacetValue", value.build())).max_items(Some(200)).build();
    let about = "Values of each requested facet with the number of matching items; present only with `facets`. A facet \
                 disregards the filter of its own name, without operator or with `[under]`, so that it keeps the other \
                 choices.";
    let facets = of_type(Type::Object).additional_properties(Some(RefOr::T(Schema::Array(values))));
    with_name("Facets", facets.description(Some(about)).build())
}

/// Returns the schema of the highlights, by id of the item.
fn highlights() -> Reference {
    let about = "Matching passage by item id, as HTML with `<mark>`; present only with `highlights=true`.";
    let map = of_type(Type::Object).additional_properties(Some(schema(text()))).description(Some(about));
    with_name("Highlights", map.build())
}

/// Returns the schema of the position of a page within its list.
pub fn page_info() -> Schema {
    let cursor = |about| or_null(schema(text().description(Some(about))));
    let total = count(0).description(Some("Number of items in the whole list; present only with `count=exact`."));
    let object = closed_object(of_type(Type::Object).description(Some("Position of a page within its list.")))
        .property("next", cursor("Cursor of the next page; null on the last one."))
        .property("prev", cursor("Cursor of the previous page; null on the first one."))
        .property("limit", schema(of_type(Type::Integer).minimum(Some(1)).maximum(Some(100))))
        .property("total", schema(total))
        .required("next")
        .required("prev")
        .required("limit");
    Schema::Object(object.build())
}
