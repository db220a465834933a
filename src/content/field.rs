//! Declarations of fields. Validation, the stored form, responses and the OpenAPI schemas are all derived from the
//! declarations of a content type, so they cannot disagree.

use serde_json::{Map, Value};

/// The type of a field's values.
#[derive(Debug)]
pub enum FieldType {
    /// One line of text, at most `max` characters (Unicode scalar values, as JSON Schema counts).
    Line { max: usize },
    /// Text of several lines, at most `max` characters.
    Text { max: usize },
    /// Rich text: Markdown (CommonMark) or HTML as input, sanitised HTML as output.
    Rich { max: usize },
    /// An absolute http or https URL.
    Url,
    /// An e-mail address (WHATWG HTML) with a dot in its domain.
    Email,
    /// A slug: lower-case ASCII letters, digits and single hyphens.
    Slug,
    /// `true` or `false`.
    Boolean,
    /// An integer within inclusive bounds.
    Integer { min: i64, max: i64 },
    /// A number within inclusive bounds.
    Number { min: f64, max: f64 },
    /// A date (RFC 3339 full-date) or a local time in the item's `time_zone`. A UTC offset is accepted if the zone has
    /// it at that time. `end` marks the end of a span, where a date means the end of that day.
    Moment { end: bool },
    /// An instant in the administration of the site, such as the expiry of a key: a date or local time in the site's
    /// zone, or a time with any UTC offset.
    Instant,
    /// An IANA time zone name.
    Zone,
    /// An ISO 3166-1 alpha-2 country code.
    Country,
    /// A BCP 47 language tag.
    Language,
    /// A value of an enumeration.
    OneOf(&'static Enumeration),
    /// An object with fields of its own.
    Object(&'static ObjectType),
    /// An object of one of several types, which its member `type` names.
    Union(&'static UnionType),
    /// A text that is always this word: the member `type` of an object of a union.
    Constant(&'static str),
    /// The parameters of a list of this content type, as they stand in the query of its URL: `topic=water&limit=5`.
    Query(&'static str),
    /// Rows of cells, each one line of text or empty, for tables. All rows have the same number of cells.
    Rows,
    /// The address of a page that is shown within another one. The configuration lists the hosts that are allowed.
    EmbedUrl,
    /// An ordered list of at most `max` entries.
    List { of: &'static FieldType, max: usize },
    /// A reference to an item of this content type, by id or slug.
    Reference(&'static str),
    /// A reference, by id or slug, to an item of the collection that the member `collection` of the same object names.
    /// The collections that are allowed, with the kinds of their items.
    ReferenceIn(&'static [(&'static str, &'static str)]),
    /// An object with the custom fields of the site.
    Custom,
}

/// The values of a field that has a fixed set of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// Name of the schema in the OpenAPI document, such as `AttendanceMode`.
    pub schema: &'static str,
    /// The values.
    pub words: &'static [&'static str],
}

/// The type of objects within an item or a request body.
#[derive(Debug)]
pub struct ObjectType {
    /// Name of the schema in the OpenAPI document, such as `Image`.
    pub schema: &'static str,
    /// Description in the OpenAPI document.
    pub about: &'static str,
    /// Fields, in the order of responses.
    pub fields: &'static [Field],
}

/// A choice of types of objects, each of which has the field `type` with a word of its own, and the field `id`.
#[derive(Debug)]
pub struct UnionType {
    /// Name of the schema in the OpenAPI document, such as `Block`.
    pub schema: &'static str,
    /// Description in the OpenAPI document.
    pub about: &'static str,
    /// The types of the objects.
    pub variants: &'static [&'static ObjectType],
    /// The relations that references within the objects belong to: the name of each, and the content type to which they
    /// lead.
    pub relations: &'static [(&'static str, &'static str)],
}

/// Name of the field that says of which type an object of a union is.
pub const TYPE: &str = "type";

/// Name of the field with the identifier of an object of a union, which stays when the object moves or changes.
pub const BLOCK_ID: &str = "id";

/// Member of a block with a query in responses: the items that the query selects.
pub const QUERY_ITEMS: &str = "items";

impl UnionType {
    /// Returns the words of the types, in their order.
    pub fn words(&'static self) -> impl Iterator<Item = &'static str> + Clone {
        self.variants.iter().filter_map(|variant| variant.word())
    }

    /// Returns the type of an object, if its member `type` names one.
    pub fn variant_of(&'static self, object: &Map<String, Value>) -> Option<&'static ObjectType> {
        let word = object.get(TYPE)?.as_str()?;
        self.variants.iter().find(|variant| variant.word() == Some(word)).copied()
    }
}

impl ObjectType {
    /// Returns the word of the member `type`, if the type belongs to a union.
    pub fn word(&self) -> Option<&'static str> {
        self.fields.iter().find_map(|field| match field.kind {
            FieldType::Constant(word) => Some(word),
            _ => None,
        })
    }

    /// Returns the content type of the list that the query of an object selects from, if its type has a query.
    pub fn query_kind(&self) -> Option<&'static str> {
        self.fields.iter().find_map(|field| match field.kind {
            FieldType::Query(kind) => Some(kind),
            _ => None,
        })
    }

    /// Returns whether a field of the object, or of an object within it, has a value for each locale.
    pub fn has_texts(&self) -> bool {
        self.fields.iter().any(|field| field.localised || field.kind.has_texts())
    }
}

/// Name of the member that names the collection of a [`FieldType::ReferenceIn`] beside it.
pub const REFERENCE_COLLECTION: &str = "collection";

/// Returns the kind of the item to which a [`FieldType::ReferenceIn`] in an object refers, by the collection that the
/// object names.
pub fn kind_of_reference(
    known: &'static [(&'static str, &'static str)],
    object: &Map<String, Value>,
) -> Option<&'static str> {
    let collection = object.get(REFERENCE_COLLECTION)?.as_str()?;
    known.iter().find(|(name, _)| *name == collection).map(|(_, kind)| *kind)
}

impl FieldType {
    fn has_texts(&self) -> bool {
        match self {
            FieldType::Object(object) => object.has_texts(),
            FieldType::Union(union) => union.variants.iter().any(|variant| variant.has_texts()),
            FieldType::List { of, .. } => of.has_texts(),
            _ => false,
        }
    }

    /// Returns the type of an object of this type: the declared one, or that of the union which the object names.
    pub fn object_type(&self, object: &Map<String, Value>) -> Option<&'static ObjectType> {
        match self {
            FieldType::Object(declared) => Some(declared),
            FieldType::Union(union) => union.variant_of(object),
            _ => None,
        }
    }
}

/// A field of a content type, or of an object within one.
#[derive(Debug)]
pub struct Field {
    /// Name of the JSON member.
    pub name: &'static str,
    /// Type of the values.
    pub kind: FieldType,
    /// Description in the OpenAPI document.
    pub about: &'static str,
    /// Example as JSON text.
    pub example: &'static str,
    /// Whether the field must be present and not null.
    pub required: bool,
    /// Whether the field has a value for each locale.
    pub localised: bool,
    /// Whether the field is part of single items only, not of list entries.
    pub detail: bool,
    /// Value of an absent field, as JSON text.
    pub default: Option<&'static str>,
    /// Whether an item would be another one without a value that it was given: an import does not leave out a bad one.
    pub essential: bool,
}

impl Field {
    /// Creates an optional field. `example` is JSON text.
    pub const fn new(name: &'static str, kind: FieldType, about: &'static str, example: &'static str) -> Self {
        let (required, localised, detail, essential) = (false, false, false, false);
        Self { name, kind, about, example, required, localised, detail, default: None, essential }
    }

    /// Makes the field required: it must be present and not null.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Makes the field localised: it has a value for each locale.
    pub const fn localised(mut self) -> Self {
        self.localised = true;
        self
    }

    /// Restricts the field to responses with a single item.
    pub const fn detail(mut self) -> Self {
        self.detail = true;
        self
    }

    /// Sets the value of an absent field, as JSON text.
    pub const fn default_value(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Makes the field essential: an import refuses a record whose value breaks a rule, instead of leaving the value out.
    pub const fn essential(mut self) -> Self {
        self.essential = true;
        self
    }

    /// Returns the relation that the field declares, if it does.
    pub fn relation(&'static self) -> Option<Relation> {
        let (target, shape) = match &self.kind {
            FieldType::Reference(target) => (*target, RelationShape::One),
            FieldType::List { of: FieldType::Reference(target), .. } => (*target, RelationShape::Many),
            FieldType::List { of: FieldType::Object(object), .. } => {
                let (key, target) = object.fields.iter().find_map(|f| match f.kind {
                    FieldType::Reference(target) if f.required => Some((f.name, target)),
                    _ => None,
                })?;
                (target, RelationShape::ManyWith { key, object })
            }
            _ => return None,
        };
        Some(Relation { name: self.name, target, shape })
    }

    /// Returns the union of whose objects the field has a list, if it has one.
    pub fn blocks(&'static self) -> Option<&'static UnionType> {
        match &self.kind {
            FieldType::List { of: FieldType::Union(union), .. } => Some(union),
            _ => None,
        }
    }

    /// Returns all relations that the field declares: its own, or those of the references within its blocks.
    pub fn relations(&'static self) -> impl Iterator<Item = Relation> {
        let within = self.blocks().map_or(&[][..], |union| union.relations).iter();
        let within = within.map(move |(name, target)| Relation { name, target, shape: RelationShape::Within(self) });
        self.relation().into_iter().chain(within)
    }
}

/// The names of the fields with the time span of an item. The field `time_zone` has the zone of its local times.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Field with the start.
    pub starts_at: &'static str,
    /// Field with the end, which may be absent.
    pub ends_at: &'static str,
}

/// A relation from a content type to another one.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// Name of the field.
    pub name: &'static str,
    /// Content type of the referenced items.
    pub target: &'static str,
    /// Form in JSON.
    pub shape: RelationShape,
}

/// The form of a relation in JSON.
#[derive(Debug, Clone, Copy)]
pub enum RelationShape {
    /// A reference, or null.
    One,
    /// An ordered list of references.
    Many,
    /// References at any place within the blocks of this field, in the order of the text.
    Within(&'static Field),
    /// An ordered list of objects that contain the reference as `key`, and further fields of the link.
    ManyWith { key: &'static str, object: &'static ObjectType },
}
