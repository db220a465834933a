//! Fields and groups of fields that several content types share.

use crate::content::field::{Enumeration, Field, FieldType, ObjectType, Span};

/// An image that is stored elsewhere.
pub(super) const IMAGE: &ObjectType = &ObjectType {
    schema: "Image",
    about: "An image that is stored elsewhere.",
    fields: &[
        Field::new("url", FieldType::Url, "Address of the image file.", r#""https://example.org/hall.jpg""#).required(),
        Field::new(
            "alt",
            FieldType::Line { max: 300 },
            "Text alternative for readers who cannot see the image.",
            r#""The debating hall""#,
        )
        .localised(),
        Field::new("credit", FieldType::Line { max: 200 }, "Credit line.", r#""Photo: A. Janssens""#),
        Field::new("width", FieldType::Integer { min: 1, max: 50_000 }, "Width in pixels.", "1600"),
        Field::new("height", FieldType::Integer { min: 1, max: 50_000 }, "Height in pixels.", "900"),
    ],
};

/// A document that is stored elsewhere.
pub(super) const DOCUMENT: &ObjectType = &ObjectType {
    schema: "Document",
    about: "A document that is stored elsewhere.",
    fields: &[
        Field::new("title", FieldType::Line { max: 300 }, "Title of the document.", r#""Background note""#).localised(),
        Field::new("url", FieldType::Url, "Address of the document.", r#""https://example.org/note.pdf""#).required(),
        Field::new("kind", FieldType::Line { max: 60 }, "Kind of document.", r#""slides""#),
        Field::new("media_type", FieldType::Line { max: 100 }, "Media type (RFC 6838).", r#""application/pdf""#),
        Field::new("language", FieldType::Language, "Language of the document, BCP 47 tag.", r#""en""#),
    ],
};

const RECORDING_KINDS: &Enumeration = &Enumeration { schema: "RecordingKind", words: &["video", "audio"] };

/// A video or audio recording that is stored elsewhere.
pub(super) const RECORDING: &ObjectType = &ObjectType {
    schema: "Recording",
    about: "A video or audio recording that is stored elsewhere.",
    fields: &[
        Field::new("title", FieldType::Line { max: 300 }, "Title of the recording.", r#""Opening session""#)
            .localised(),
        Field::new("url", FieldType::Url, "Address of the recording.", r#""https://example.org/opening.mp4""#)
            .required(),
        Field::new("kind", FieldType::OneOf(RECORDING_KINDS), "Kind of recording.", r#""video""#)
            .default_value(r#""video""#),
        Field::new("language", FieldType::Language, "Language spoken, BCP 47 tag.", r#""en""#),
    ],
};

/// A link.
pub(super) const LINK: &ObjectType = &ObjectType {
    schema: "Link",
    about: "A link to another page.",
    fields: &[
        Field::new("title", FieldType::Line { max: 200 }, "Text of the link.", r#""Website""#),
        Field::new("url", FieldType::Url, "Address of the link.", r#""https://example.org/""#).required(),
    ],
};

/// A postal address, in the vocabulary of schema.org/PostalAddress.
pub(super) const ADDRESS: &ObjectType = &ObjectType {
    schema: "PostalAddress",
    about: "A postal address (schema.org/PostalAddress).",
    fields: &[
        Field::new("street", FieldType::Line { max: 200 }, "Street and number.", r#""Rue de l'Exemple 14-16""#),
        Field::new("postal_code", FieldType::Line { max: 20 }, "Postal code.", r#""1000""#),
        Field::new("city", FieldType::Line { max: 120 }, "City.", r#""Brussels""#),
        Field::new("region", FieldType::Line { max: 120 }, "Region or state.", r#""Brussels-Capital""#),
        Field::new("country", FieldType::Country, "Country, ISO 3166-1 alpha-2 code.", r#""BE""#),
    ],
};

/// The texts for search engines and social networks.
pub(super) const SEO: &ObjectType = &ObjectType {
    schema: "SearchPreview",
    about: "Title, description and image for search engines and social networks.",
    fields: &[
        Field::new("title", FieldType::Line { max: 200 }, "Title for search results.", r#""Rivers without borders""#)
            .localised(),
        Field::new(
            "description",
            FieldType::Line { max: 400 },
            "Description for search results.",
            r#""Who cares for shared rivers?""#,
        )
        .localised(),
        Field::new(
            "image_url",
            FieldType::Url,
            "Address of the image for social networks.",
            r#""https://example.org/card.jpg""#,
        ),
        Field::new("noindex", FieldType::Boolean, "Whether search engines shall leave the page out.", "false"),
        Field::new(
            "canonical_url",
            FieldType::Url,
            "Address of the same content elsewhere that search engines shall prefer.",
            r#""https://example.org/rivers""#,
        ),
    ],
};

/// A contact.
pub(super) const CONTACT: &ObjectType = &ObjectType {
    schema: "Contact",
    about: "A contact.",
    fields: &[
        Field::new("label", FieldType::Line { max: 100 }, "Label of the contact on the page.", r#""Call us""#)
            .localised(),
        Field::new("name", FieldType::Line { max: 200 }, "Name of the person or department.", r#""Events desk""#),
        Field::new("email", FieldType::Email, "E-mail address.", r#""events@example.org""#),
        Field::new("telephone", FieldType::Line { max: 50 }, "Telephone number.", r#""+32 2 000 00 00""#),
        Field::new("url", FieldType::Url, "Address of the contact page.", r#""https://example.org/contact""#),
    ],
};

/// An entry in a public register.
pub(super) const REGISTRATION_NUMBER: &ObjectType = &ObjectType {
    schema: "RegisterNumber",
    about: "An entry in a public register.",
    fields: &[
        Field::new("label", FieldType::Line { max: 120 }, "Name of the register.", r#""EU Transparency Register No.""#)
            .required()
            .localised(),
        Field::new("number", FieldType::Line { max: 60 }, "Number of the entry.", r#""000000000000-00""#).required(),
    ],
};

const SPEAKER_ROLES: &Enumeration = &Enumeration {
    schema: "SpeakerRole",
    words: &["speaker", "keynote", "moderator", "panellist", "host", "discussant"],
};

/// A speaker's part in an event or session.
pub(super) const APPEARANCE: &ObjectType = &ObjectType {
    schema: "SpeakerAppearance",
    about: "A speaker's part in an event or session.",
    fields: &[
        Field::new("role", FieldType::OneOf(SPEAKER_ROLES), "Role of the speaker.", r#""moderator""#)
            .default_value(r#""speaker""#),
        Field::new(
            "affiliation",
            FieldType::Line { max: 300 },
            "Affiliation of the speaker at the time of the event.",
            r#""Senior Analyst, Delta Institute""#,
        )
        .localised(),
        Field::new("speaker", FieldType::Reference("speaker"), "Speaker, given by id or slug.", r#""anna-janssens""#)
            .required(),
    ],
};

pub(super) const SPEAKERS: Field = Field::new(
    "speakers",
    FieldType::List { of: &FieldType::Object(APPEARANCE), max: 200 },
    "Speakers and other participants with their roles, in the order of display.",
    r#"[{"role": "moderator", "speaker": "anna-janssens"}]"#,
);

pub(super) const DOCUMENTS: Field = Field::new(
    "documents",
    FieldType::List { of: &FieldType::Object(DOCUMENT), max: 50 },
    "Documents, such as background notes and slides.",
    r#"[{"url": "https://example.org/note.pdf"}]"#,
)
.detail();

pub(super) const RECORDINGS: Field = Field::new(
    "recordings",
    FieldType::List { of: &FieldType::Object(RECORDING), max: 50 },
    "Video and audio recordings.",
    r#"[{"url": "https://example.org/opening.mp4"}]"#,
)
.detail();

pub(super) const LINKS: Field = Field::new(
    "links",
    FieldType::List { of: &FieldType::Object(LINK), max: 50 },
    "Links to further pages.",
    r#"[{"url": "https://example.org/"}]"#,
)
.detail();

/// Description of the custom fields.
pub const CUSTOM_FIELDS: &str = "Custom fields, declared as JSON Schema in the configuration of the site.";

pub(super) const CUSTOM: Field = Field::new("custom", FieldType::Custom, CUSTOM_FIELDS, "{}").detail();

pub(super) const SEO_FIELD: Field = Field::new(
    "seo",
    FieldType::Object(SEO),
    "Title, description and image for search engines and social networks.",
    r#"{"title": "Rivers without borders"}"#,
)
.detail();

pub(super) const POSITION: Field = Field::new(
    "position",
    FieldType::Integer { min: 0, max: 1_000_000 },
    "Position in the order that editors set.",
    "10",
)
.default_value("0");

/// The fields of the time span of events and sessions.
pub(super) const SPAN: Span = Span { starts_at: "starts_at", ends_at: "ends_at" };

pub(super) const TIME_ZONE: Field = Field::new(
    "time_zone",
    FieldType::Zone,
    "IANA time zone of the local times. The default is the time zone of the site.",
    r#""Europe/Brussels""#,
);
