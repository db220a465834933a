//! Schemas of request bodies, generated from the declarations of the fields.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::reference_inputs::reference_name;
use crate::api::openapi::schemas::{
    LINE, LINES, Locales, Reference, any_text, closed_object, item_reference, of_type, one_of, or_null, reference,
    rows, scalar, schema, slug_text, union, with_description, with_name,
};
use crate::content::Site;
use crate::content::field::{Field, FieldType};
use crate::content::rich_text::RichTextFormat;
use crate::content_types::ContentType;
use crate::editorial::validate::{ENVELOPE, SLUGS};

/// The form of the content of an item in requests.
#[derive(Debug, Clone, Copy)]
pub struct ItemInput<'a> {
    /// The site, whose locales are the members of localised texts.
    pub site: &'a Site,
    /// The form of localised texts.
    pub locales: Locales,
    /// Whether the content is a merge patch: all fields are then optional and nullable.
    pub is_patch: bool,
    /// Kind of the item; none in forms, whose references are plain.
    pub own_kind: Option<&'static str>,
}

impl ItemInput<'_> {
    /// Returns the name of the schema: `EventInput`, `EventAllLocalesPatch`.
    pub fn name(self, content_type: &ContentType) -> String {
        format!("{}{}", self.locales.name(content_type.schema), if self.is_patch { "Patch" } else { "Input" })
    }

    /// Returns the schema of the content of an item in requests.
    pub fn schema(self, content_type: &'static ContentType) -> Schema {
        let what = match self.is_patch {
            true => format!("Changes to one {}, as a JSON Merge Patch (RFC 7396)", content_type.noun),
            false => format!("Content of one {} in requests", content_type.noun),
        };
        let about = match self.locales {
            Locales::One => format!("{what}; its texts are in the locale of the request."),
            Locales::All => format!("{what}, with the texts of all locales."),
        };
        let object = closed_object(of_type(Type::Object).description(Some(about)));
        let fields = ENVELOPE.iter().chain(content_type.fields);
        let object = fields.fold(object, |object, field| self.property(object, field, self.is_patch));
        Schema::Object(object.property(SLUGS, or_null(self.slugs())).build())
    }

    /// Returns the schema of the slugs of several locales.
    fn slugs(self) -> Reference {
        let about = "Slugs by locale, for several locales at once; those of others are kept. Null removes the slug of a \
                     locale, which then has that of the default locale.";
        let slug = |locale: &String| {
            let slug = schema(slug_text());
            if locale == self.site.default_locale() { slug } else { or_null(slug) }
        };
        let object = closed_object(of_type(Type::Object)).description(Some(about));
        let locales = self.site.locales.iter();
        with_name("SlugsInput", locales.fold(object, |object, locale| object.property(locale, slug(locale))).build())
    }

    fn property(self, object: ObjectBuilder, field: &'static Field, is_patch: bool) -> ObjectBuilder {
        let is_required = field.required && !is_patch;
        let mut one = self.value(field);
        if !is_required {
            one = or_null(one);
        }
        let object = object.property(field.name, with_description(one, &self.description(field)));
        if is_required { object.required(field.name) } else { object }
    }

    /// Adds a member of a block. It is described in the form with texts in one locale alone.
    fn member(self, object: ObjectBuilder, field: &'static Field) -> ObjectBuilder {
        if self.locales == Locales::One {
            return self.property(object, field, false);
        }
        let one = self.value(field);
        match field.required {
            true => object.property(field.name, one).required(field.name),
            false => object.property(field.name, or_null(one)),
        }
    }

    fn value(self, field: &'static Field) -> Reference {
        if !field.localised || self.locales == Locales::One {
            return self.kind(&field.kind);
        }
        let (name, value) = match field.kind {
            FieldType::Rich { .. } => ("LocalisedRichTextInput", rich_text()),
            FieldType::Slug => ("LocalisedSlugInput", schema(slug_text())),
            FieldType::Rows => ("LocalisedRowsInput", rows()),
            FieldType::Line { .. } => ("LocalisedLineInput", schema(any_text(LINE))),
            _ => ("LocalisedTextInput", schema(any_text(LINES))),
        };
        let map = closed_object(of_type(Type::Object)).description(Some("Text by locale."));
        let locales = self.site.locales.iter();
        with_name(name, locales.fold(map, |map, locale| map.property(locale, or_null(value.clone()))).build())
    }

    /// Returns the description of a field. The limit of a text is part of it where the schema is one for all limits.
    fn description(self, field: &'static Field) -> String {
        let max = match field.kind {
            FieldType::Rich { max } => Some(max),
            FieldType::Line { max } | FieldType::Text { max } if field.localised && self.locales == Locales::All => {
                Some(max)
            }
            _ => None,
        };
        match max {
            Some(max) => format!("{} At most {max} characters.", field.about),
            None => field.about.to_owned(),
        }
    }

    fn kind(self, kind: &'static FieldType) -> Reference {
        match kind {
            FieldType::Rich { .. } => rich_text(),
            FieldType::Reference(target) => self.reference(target),
            FieldType::Object(declared) => {
                let form = if declared.has_texts() { self.locales } else { Locales::One };
                let object = closed_object(of_type(Type::Object)).description(Some(declared.about));
                let object = declared.fields.iter().fold(object, |object, field| self.property(object, field, false));
                with_name(format!("{}Input", form.name(declared.schema)), object.build())
            }
            FieldType::Union(declared) => {
                union(format!("{}Input", self.locales.name(declared.schema)), declared, |variant| {
                    let name = format!("{}Input", self.locales.name(variant.schema));
                    let object = closed_object(of_type(Type::Object)).description(Some(variant.about));
                    let object = variant.fields.iter().fold(object, |object, field| self.member(object, field));
                    (name.clone(), with_name(name, object.build()))
                })
            }
            FieldType::List { of, max } => {
                let list = ArrayBuilder::new().items(self.kind(of)).max_items(Some(*max)).unique_items(true);
                RefOr::T(Schema::Array(list.build()))
            }
            _ => scalar(kind),
        }
    }

    /// Returns the schema of a reference, which may be the content of a new item. References to the own kind stay plain:
    /// a schema that contains itself is more than most programs take.
    fn reference(self, target: &'static str) -> Reference {
        match ContentType::of_kind(target) {
            Some(target) if self.own_kind.is_some_and(|own| own != target.kind) => {
                reference(&reference_name(target, self.locales))
            }
            _ => schema(item_reference()),
        }
    }
}

/// Returns the schema of rich text: a text whose format is guessed, or a text with its format.
fn rich_text() -> Reference {
    let formats = [RichTextFormat::Markdown, RichTextFormat::Html].map(RichTextFormat::word);
    let source = closed_object(of_type(Type::Object).description(Some("Rich text with its format.")))
        .property("format", one_of("RichTextFormat", &formats))
        .property("source", schema(any_text(LINES)))
        .required("format")
        .required("source");
    let plain = schema(any_text(LINES));
    let about = "Markdown or HTML: a text whose format the server finds out, or a text with its format.";
    let union =
        OneOfBuilder::new().item(plain).item(with_name("RichTextSource", source.build())).description(Some(about));
    with_name("RichTextInput", union.build())
}

/// Returns the schema of a form.
pub fn form(fields: &'static [Field], site: &Site, about: &str) -> Schema {
    let input = ItemInput { site, locales: Locales::One, is_patch: false, own_kind: None };
    let object = closed_object(of_type(Type::Object).description(Some(about)));
    Schema::Object(fields.iter().fold(object, |object, field| input.property(object, field, false)).build())
}
