//! Groups of fields that several kinds share.

use crate::content::field::{Field, Kind};

/// A picture that is found elsewhere.
pub(super) const IMAGE: &[Field] = &[
    Field::new("url", Kind::Url, "Where the picture is.", r#""https://example.org/hall.jpg""#).required(),
    Field::new("alt", Kind::Line { max: 300 }, "What it shows, for those who cannot see it.", r#""The debating hall""#)
        .localised(),
    Field::new("credit", Kind::Line { max: 200 }, "Whom to thank for it.", r#""Photo: A. Janssens""#),
    Field::new("width", Kind::Integer { min: 1, max: 50_000 }, "Width in pixels.", "1600"),
    Field::new("height", Kind::Integer { min: 1, max: 50_000 }, "Height in pixels.", "900"),
];

/// Something to read.
pub(super) const DOCUMENT: &[Field] = &[
    Field::new("title", Kind::Line { max: 300 }, "Its title.", r#""Background note""#).localised(),
    Field::new("url", Kind::Url, "Where it is.", r#""https://example.org/note.pdf""#).required(),
    Field::new("kind", Kind::Line { max: 60 }, "What sort of document it is.", r#""slides""#),
    Field::new("media_type", Kind::Line { max: 100 }, "Its media type (RFC 6838).", r#""application/pdf""#),
    Field::new("language", Kind::Language, "The language it is in.", r#""en""#),
];

/// Something to watch or hear.
pub(super) const RECORDING: &[Field] = &[
    Field::new("title", Kind::Line { max: 300 }, "Its title.", r#""Opening session""#).localised(),
    Field::new("url", Kind::Url, "Where it is.", r#""https://example.org/opening.mp4""#).required(),
    Field::new("kind", Kind::OneOf(&["video", "audio"]), "What it is.", r#""video""#).or(r#""video""#),
    Field::new("language", Kind::Language, "The language spoken.", r#""en""#),
];

/// A link to elsewhere.
pub(super) const LINK: &[Field] = &[
    Field::new("title", Kind::Line { max: 200 }, "What is there.", r#""Website""#),
    Field::new("url", Kind::Url, "Where it is.", r#""https://example.org/""#).required(),
];

/// A postal address, in the words of schema.org/PostalAddress.
pub(super) const ADDRESS: &[Field] = &[
    Field::new("street", Kind::Line { max: 200 }, "Street and number.", r#""Rue de l'Exemple 14-16""#),
    Field::new("postal_code", Kind::Line { max: 20 }, "Postal code.", r#""1000""#),
    Field::new("city", Kind::Line { max: 120 }, "City.", r#""Brussels""#),
    Field::new("region", Kind::Line { max: 120 }, "Region or state.", r#""Brussels-Capital""#),
    Field::new("country", Kind::Country, "ISO 3166-1 alpha-2 code.", r#""BE""#),
];

/// What search engines and social networks shall show.
pub(super) const SEO: &[Field] = &[
    Field::new("title", Kind::Line { max: 200 }, "Title for search results.", r#""Rivers without borders""#)
        .localised(),
    Field::new(
        "description",
        Kind::Line { max: 400 },
        "Description for search results.",
        r#""Who cares for shared rivers?""#,
    )
    .localised(),
    Field::new("image_url", Kind::Url, "Picture for social networks.", r#""https://example.org/card.jpg""#),
];

/// Whom to ask.
pub(super) const CONTACT: &[Field] = &[
    Field::new("label", Kind::Line { max: 100 }, "What to call it on the page.", r#""Call us""#).localised(),
    Field::new("name", Kind::Line { max: 200 }, "Person or desk.", r#""Events desk""#),
    Field::new("email", Kind::Email, "E-mail address.", r#""events@example.org""#),
    Field::new("telephone", Kind::Line { max: 50 }, "Telephone number.", r#""+32 2 000 00 00""#),
    Field::new("url", Kind::Url, "Page with a form.", r#""https://example.org/contact""#),
];

/// An entry of a public register.
pub(super) const REGISTRATION_NUMBER: &[Field] = &[
    Field::new("label", Kind::Line { max: 120 }, "Which register.", r#""EU Transparency Register No.""#)
        .required()
        .localised(),
    Field::new("number", Kind::Line { max: 60 }, "The number there.", r#""000000000000-00""#).required(),
];

const SPEAKER_ROLES: &[&str] = &["speaker", "keynote", "moderator", "panellist", "host", "discussant"];

/// How a speaker takes part.
pub(super) const APPEARANCE: &[Field] = &[
    Field::new("role", Kind::OneOf(SPEAKER_ROLES), "The part that the speaker has.", r#""moderator""#)
        .or(r#""speaker""#),
    Field::new(
        "affiliation",
        Kind::Line { max: 300 },
        "The affiliation as of that event.",
        r#""Senior Analyst, Delta Institute""#,
    )
    .localised(),
    Field::new("speaker", Kind::Reference("speaker"), "The speaker, by id or slug.", r#""anna-janssens""#).required(),
];

pub(super) const SPEAKERS: Field = Field::new(
    "speakers",
    Kind::List { of: &Kind::Object(APPEARANCE), max: 200 },
    "Who takes part, in order.",
    r#"[{"role": "moderator", "speaker": "anna-janssens"}]"#,
);

pub(super) const DOCUMENTS: Field = Field::new(
    "documents",
    Kind::List { of: &Kind::Object(DOCUMENT), max: 50 },
    "What to read.",
    r#"[{"url": "https://example.org/note.pdf"}]"#,
)
.detail();

pub(super) const RECORDINGS: Field = Field::new(
    "recordings",
    Kind::List { of: &Kind::Object(RECORDING), max: 50 },
    "What to watch or hear.",
    r#"[{"url": "https://example.org/opening.mp4"}]"#,
)
.detail();

pub(super) const LINKS: Field = Field::new(
    "links",
    Kind::List { of: &Kind::Object(LINK), max: 50 },
    "Where else to look.",
    r#"[{"url": "https://example.org/"}]"#,
)
.detail();

pub(super) const CUSTOM: Field =
    Field::new("custom", Kind::Custom, "Fields that this site declares by JSON Schema in its configuration.", "{}")
        .detail();

pub(super) const SEO_FIELD: Field =
    Field::new("seo", Kind::Object(SEO), "What search engines shall show.", r#"{"title": "Rivers without borders"}"#)
        .detail();

pub(super) const POSITION: Field =
    Field::new("position", Kind::Integer { min: 0, max: 1_000_000 }, "Place in the editors' order.", "10").or("0");

pub(super) const TIME_ZONE: Field = Field::new(
    "time_zone",
    Kind::Zone,
    "IANA time zone in which the times are local; the site's when it is left out.",
    r#""Europe/Brussels""#,
);
