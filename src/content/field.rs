//! The language in which a resource declares its fields. Validation, storage form, answers,
//! and the OpenAPI schemas all follow from these declarations, so they cannot disagree.

/// What a field may hold.
#[derive(Debug)]
pub enum Kind {
    /// One line of text, at most `max` characters (Unicode scalar values, as JSON Schema counts).
    Line { max: usize },
    /// Text of several lines, at most `max` characters.
    Text { max: usize },
    /// Markdown (CommonMark) or HTML in; sanitised HTML out.
    Rich { max: usize },
    /// An absolute http or https URL.
    Url,
    /// An e-mail address.
    Email,
    /// A slug: lower-case ASCII letters, digits and single hyphens.
    Slug,
    /// true or false.
    Boolean,
    /// A whole number within bounds.
    Integer { min: i64, max: i64 },
    /// A number within bounds.
    Number { min: f64, max: f64 },
    /// A date (RFC 3339 full-date) or a local time in the object's `time_zone`; a UTC offset
    /// is accepted where it is one that the zone has at that time. `end` marks the end of a
    /// span, where a bare date means the whole day.
    Moment { end: bool },
    /// A moment of the site's own life: a date or local time in the site's zone, or a time with any
    /// UTC offset.
    Instant,
    /// An IANA time zone name.
    Zone,
    /// ISO 3166-1 alpha-2 country code.
    Country,
    /// BCP 47 language tag.
    Language,
    /// One word of a fixed list.
    OneOf(&'static [&'static str]),
    /// An object with fields of its own.
    Object(&'static [Field]),
    /// An ordered list, at most `max` long.
    List { of: &'static Kind, max: usize },
    /// Another item of this kind, by id or slug.
    Reference(&'static str),
    /// Free JSON object for the fields that a site adds.
    Custom,
}

/// One field of a resource, or of an object within it.
#[derive(Debug)]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// One sentence for the OpenAPI document.
    pub about: &'static str,
    /// An example, as JSON text.
    pub example: &'static str,
    /// Must be present and not null.
    pub required: bool,
    /// Holds a value for each language.
    pub localised: bool,
    /// Left out of lists, where only cards are shown.
    pub detail: bool,
    /// The value when it is absent, as JSON text.
    pub default: Option<&'static str>,
}

impl Field {
    /// An optional field; the example is JSON text.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str, example: &'static str) -> Self {
        Self { name, kind, about, example, required: false, localised: false, detail: false, default: None }
    }

    /// Must be present and not null.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Holds a value for each language.
    pub const fn localised(mut self) -> Self {
        self.localised = true;
        self
    }

    /// Shown in single answers only.
    pub const fn detail(mut self) -> Self {
        self.detail = true;
        self
    }

    /// The value when it is absent, as JSON text.
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// How this field ties its item to others, if it does.
    pub fn relation(&'static self) -> Option<Relation> {
        let (target, shape) = match &self.kind {
            Kind::Reference(target) => (*target, Shape::One),
            Kind::List { of: Kind::Reference(target), .. } => (*target, Shape::Many),
            Kind::List { of: Kind::Object(fields), .. } => {
                let (key, target) = fields.iter().find_map(|f| match f.kind {
                    Kind::Reference(target) => Some((f.name, target)),
                    _ => None,
                })?;
                (target, Shape::ManyWith { key, fields })
            }
            _ => return None,
        };
        Some(Relation { name: self.name, target, shape })
    }
}

/// A tie from an item to others.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// The field's name.
    pub name: &'static str,
    /// The kind of item at the other end.
    pub target: &'static str,
    /// How it looks in JSON.
    pub shape: Shape,
}

/// How a relation looks in JSON.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// One reference, or null.
    One,
    /// An ordered list of references.
    Many,
    /// An ordered list of objects that hold the reference under `key`, beside fields of the tie.
    ManyWith { key: &'static str, fields: &'static [Field] },
}
