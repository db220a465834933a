//! The blocks of which pages consist.

use serde_json::{Map, Value};

use crate::content::field::{BLOCK_ID, Enumeration, Field, FieldType, ObjectType, TYPE, UnionType};
use crate::content::violation::{Violations, child_pointer};
use crate::content_types::page_link::address_rule;
use crate::content_types::shared_fields::{DOCUMENT, IMAGE};
use crate::content_types::videos::video_id;

const PROVIDERS: &Enumeration =
    &Enumeration { schema: "VideoProvider", words: &["youtube", "vimeo", "dailymotion", "peertube"] };
const EMPHASES: &Enumeration = &Enumeration { schema: "ActionEmphasis", words: &["primary", "secondary"] };

const ID: Field = Field::new(
    BLOCK_ID,
    FieldType::Slug,
    "Identifier within the page, which stays when the block moves; made by the server if it is left out.",
    r#""b-history""#,
);

/// Declares the member `type` of a block.
const fn kind(word: &'static str, example: &'static str) -> Field {
    Field::new(TYPE, FieldType::Constant(word), "Type of the block.", example).required()
}

/// Documentation of the address to which a block leads.
const LINK_ADDRESS: &str = "Address to which it leads: a path of the website (`/contact`), or an `http`, `https`, `mailto` or \
                            `tel` URL.";

const HEADING: Field =
    Field::new("heading", FieldType::Line { max: 200 }, "Heading of the block.", r#""What we do""#).localised();

const CAPTION: Field =
    Field::new("caption", FieldType::Line { max: 400 }, "Caption.", r#""The debating hall""#).localised();

const TEXT: &ObjectType = &ObjectType {
    schema: "TextBlock",
    about: "Rich text.",
    fields: &[
        kind("text", r#""text""#),
        ID,
        HEADING,
        Field::new(
            "body",
            FieldType::Rich { max: 100_000 },
            "Text: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""We bring people **together**.""#,
        )
        .required()
        .localised(),
    ],
};

const QUOTE: &ObjectType = &ObjectType {
    schema: "QuoteBlock",
    about: "A quotation.",
    fields: &[
        kind("quote", r#""quote""#),
        ID,
        Field::new("text", FieldType::Text { max: 2_000 }, "Words that are quoted.", r#""Water has no borders.""#)
            .required()
            .localised(),
        Field::new("attribution", FieldType::Line { max: 300 }, "Whose words they are.", r#""Anna Janssens""#)
            .localised(),
        Field::new("speaker", FieldType::Reference("speaker"), "Speaker whose words they are.", r#""anna-janssens""#),
        Field::new("source_url", FieldType::Url, "Address of the source.", r#""https://example.org/speech""#),
    ],
};

const IMAGE_BLOCK: &ObjectType = &ObjectType {
    schema: "ImageBlock",
    about: "An image.",
    fields: &[
        kind("image", r#""image""#),
        ID,
        Field::new("image", FieldType::Object(IMAGE), "Image.", r#"{"url": "https://example.org/hall.jpg"}"#)
            .required(),
        CAPTION,
        Field::new("link_url", FieldType::Line { max: 2_000 }, LINK_ADDRESS, r#""https://example.org/""#),
    ],
};

const GALLERY: &ObjectType = &ObjectType {
    schema: "GalleryBlock",
    about: "Several images.",
    fields: &[
        kind("gallery", r#""gallery""#),
        ID,
        HEADING,
        Field::new(
            "images",
            FieldType::List { of: &FieldType::Object(IMAGE), max: 60 },
            "Images, in their order.",
            r#"[{"url": "https://example.org/hall.jpg"}]"#,
        )
        .required(),
        CAPTION,
    ],
};

const VIDEO: &ObjectType = &ObjectType {
    schema: "VideoBlock",
    about: "A video of a provider.",
    fields: &[
        kind("video", r#""video""#),
        ID,
        Field::new("provider", FieldType::OneOf(PROVIDERS), "Provider of the video.", r#""youtube""#).required(),
        Field::new(
            "video_id",
            FieldType::Line { max: 200 },
            "Id of the video at its provider, or for `peertube` the address of the video. The address of a video of \
             another provider is accepted too, and replaced by the id.",
            r#""dQw4w9WgXcQ""#,
        )
        .required(),
        Field::new("title", FieldType::Line { max: 300 }, "Title of the video.", r#""Opening session""#).localised(),
        CAPTION,
        Field::new("poster", FieldType::Object(IMAGE), "Image that is shown before.", "null"),
        Field::new(
            "start_seconds",
            FieldType::Integer { min: 0, max: 86_400 },
            "Start within the video, in seconds.",
            "90",
        ),
        Field::new("transcript_url", FieldType::Url, "Address of the transcript.", r#""https://example.org/text""#),
    ],
};

const CALL_TO_ACTION: &ObjectType = &ObjectType {
    schema: "CallToActionBlock",
    about: "An invitation to do something. Exactly one of `url`, `page` and `event` says where it leads.",
    fields: &[
        kind("call_to_action", r#""call_to_action""#),
        ID,
        HEADING,
        Field::new("text", FieldType::Text { max: 1_000 }, "Text, plain.", r#""Join us.""#).localised(),
        Field::new("label", FieldType::Line { max: 120 }, "Text of the button.", r#""Register""#)
            .required()
            .localised(),
        Field::new("url", FieldType::Line { max: 2_000 }, LINK_ADDRESS, r#""/contact""#),
        Field::new("page", FieldType::Reference("page"), "Page to which it leads, by id or slug.", "null"),
        Field::new("event", FieldType::Reference("event"), "Event to which it leads, by id or slug.", "null"),
        Field::new("emphasis", FieldType::OneOf(EMPHASES), "Emphasis of the button.", r#""primary""#)
            .default_value(r#""primary""#),
    ],
};

const EVENTS: &ObjectType = &ObjectType {
    schema: "EventsBlock",
    about: "A list of events.",
    fields: &[
        kind("events", r#""events""#),
        ID,
        HEADING,
        Field::new(
            "query",
            FieldType::Query("event"),
            "Parameters of `GET /events` that select the events: filters, `q`, `sort` and `limit` (at most 24; usually 6).",
            r#""when=upcoming&limit=3""#,
        )
        .required(),
        Field::new("empty_text", FieldType::Line { max: 300 }, "Text if there are none.", r#""See you soon.""#)
            .localised(),
    ],
};

const SPEAKERS: &ObjectType = &ObjectType {
    schema: "SpeakersBlock",
    about: "Speakers, by reference or by a query.",
    fields: &[
        kind("speakers", r#""speakers""#),
        ID,
        HEADING,
        Field::new(
            "speakers",
            FieldType::List { of: &FieldType::Reference("speaker"), max: 60 },
            "Speakers, in their order.",
            r#"["anna-janssens"]"#,
        ),
        Field::new(
            "query",
            FieldType::Query("speaker"),
            "Parameters of `GET /speakers` that select the speakers, if `speakers` names none.",
            r#""country=BE&limit=6""#,
        ),
    ],
};

const PARTNERS: &ObjectType = &ObjectType {
    schema: "PartnersBlock",
    about: "Partners, by reference or by a query.",
    fields: &[
        kind("partners", r#""partners""#),
        ID,
        HEADING,
        Field::new(
            "partners",
            FieldType::List { of: &FieldType::Reference("partner"), max: 60 },
            "Partners, in their order.",
            r#"["delta-institute"]"#,
        ),
        Field::new(
            "query",
            FieldType::Query("partner"),
            "Parameters of `GET /partners` that select the partners, if `partners` names none.",
            r#""kind=foundation""#,
        ),
    ],
};

const ACCORDION_ENTRY: &ObjectType = &ObjectType {
    schema: "AccordionEntry",
    about: "A part of an accordion that opens.",
    fields: &[
        Field::new("title", FieldType::Line { max: 300 }, "Title, always visible.", r#""Is it free?""#)
            .required()
            .localised(),
        Field::new("body", FieldType::Rich { max: 20_000 }, "Text: Markdown or HTML.", r#""Yes.""#)
            .required()
            .localised(),
    ],
};

const ACCORDION: &ObjectType = &ObjectType {
    schema: "AccordionBlock",
    about: "Parts that open, such as questions with their answers.",
    fields: &[
        kind("accordion", r#""accordion""#),
        ID,
        HEADING,
        Field::new(
            "entries",
            FieldType::List { of: &FieldType::Object(ACCORDION_ENTRY), max: 60 },
            "Parts, in their order.",
            r#"[{"title": "Is it free?", "body": "Yes."}]"#,
        )
        .required(),
    ],
};

const TABLE: &ObjectType = &ObjectType {
    schema: "TableBlock",
    about: "A table.",
    fields: &[
        kind("table", r#""table""#),
        ID,
        CAPTION,
        Field::new("has_header", FieldType::Boolean, "Whether the first row names the columns.", "true")
            .default_value("true"),
        Field::new(
            "rows",
            FieldType::Rows,
            "Rows of cells, all of the same number.",
            r#"[["Year", "Events"], ["2026", "42"]]"#,
        )
        .required()
        .localised(),
    ],
};

const DOWNLOAD: &ObjectType = &ObjectType {
    schema: "DownloadBlock",
    about: "A document to download.",
    fields: &[
        kind("download", r#""download""#),
        ID,
        Field::new(
            "document",
            FieldType::Object(DOCUMENT),
            "Document.",
            r#"{"url": "https://example.org/report.pdf"}"#,
        )
        .required(),
        Field::new("description", FieldType::Text { max: 600 }, "Description.", r#""The year in figures.""#)
            .localised(),
        Field::new("size_bytes", FieldType::Integer { min: 0, max: 1_000_000_000_000 }, "Size in bytes.", "120000"),
    ],
};

const EMBED: &ObjectType = &ObjectType {
    schema: "EmbedBlock",
    about: "A page of another site, shown within this one. The setting `site.embed_hosts` lists the hosts.",
    fields: &[
        kind("embed", r#""embed""#),
        ID,
        Field::new("url", FieldType::EmbedUrl, "Address of the page.", r#""https://example.org/map""#).required(),
        Field::new("title", FieldType::Line { max: 300 }, "Title, for readers who do not see it.", r#""Map""#)
            .required()
            .localised(),
        Field::new("height", FieldType::Integer { min: 50, max: 5_000 }, "Height in CSS pixels.", "400"),
    ],
};

/// The blocks of a page.
pub(super) const BLOCK: &UnionType = &UnionType {
    schema: "Block",
    about: "A part of a page, of the type that `type` names.",
    variants: &[
        TEXT,
        QUOTE,
        IMAGE_BLOCK,
        GALLERY,
        VIDEO,
        CALL_TO_ACTION,
        EVENTS,
        SPEAKERS,
        PARTNERS,
        ACCORDION,
        TABLE,
        DOWNLOAD,
        EMBED,
    ],
    relations: &[
        ("blocks.speaker", "speaker"),
        ("blocks.page", "page"),
        ("blocks.event", "event"),
        ("blocks.partner", "partner"),
    ],
};

/// Checks the rules between the fields of each block, and writes the address of a video as its id.
pub(super) fn block_rules(blocks: &mut Value, pointer: &str, violations: &mut Violations) {
    for (index, block) in blocks.as_array_mut().into_iter().flatten().enumerate() {
        let Some(block) = block.as_object_mut() else { continue };
        let place = child_pointer(pointer, &index.to_string());
        match block.get(TYPE).and_then(Value::as_str) {
            Some("video") => video_rules(block, &place, violations),
            Some("call_to_action") => {
                exactly_one(block, &["url", "page", "event"], &place, violations);
                link_address(block, "url", &place, violations);
            }
            Some("image") => link_address(block, "link_url", &place, violations),
            Some("speakers") => exactly_one(block, &["speakers", "query"], &place, violations),
            Some("partners") => exactly_one(block, &["partners", "query"], &place, violations),
            Some("gallery") => not_empty(block, "images", &place, violations),
            Some("accordion") => not_empty(block, "entries", &place, violations),
            _ => {}
        }
    }
}

fn is_given(block: &Map<String, Value>, name: &str) -> bool {
    block.get(name).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()))
}

fn exactly_one(block: &Map<String, Value>, names: &[&str], pointer: &str, violations: &mut Violations) {
    let given: Vec<&&str> = names.iter().filter(|name| is_given(block, name)).collect();
    let all = names.join(", ");
    match given.as_slice() {
        [_] => {}
        [] => violations.add(child_pointer(pointer, names[0]), "required", format!("one of {all} is required")),
        [_, second, ..] => {
            violations.add(child_pointer(pointer, second), "conflict", format!("only one of {all} can be given"));
        }
    }
}

fn link_address(block: &Map<String, Value>, name: &str, pointer: &str, violations: &mut Violations) {
    if let Some(Err(message)) = block.get(name).and_then(Value::as_str).map(address_rule) {
        violations.add(child_pointer(pointer, name), "not_a_url", message);
    }
}

fn not_empty(block: &Map<String, Value>, name: &str, pointer: &str, violations: &mut Violations) {
    if !is_given(block, name) {
        violations.add(child_pointer(pointer, name), "empty", "must not be empty");
    }
}

fn video_rules(block: &mut Map<String, Value>, pointer: &str, violations: &mut Violations) {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    let (provider, given) = (text("provider"), text("video_id"));
    match video_id(provider, given) {
        Some(id) => drop(block.insert("video_id".to_owned(), id.into())),
        None => {
            let message = format!("\"{given}\" is neither the id nor the address of a video of {provider}");
            violations.add(child_pointer(pointer, "video_id"), "not_a_value", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_those_of_the_references() {
        fn targets(fields: &'static [Field], found: &mut Vec<&'static str>) {
            for field in fields {
                match &field.kind {
                    FieldType::Reference(target) | FieldType::List { of: FieldType::Reference(target), .. }
                        if !found.contains(target) =>
                    {
                        found.push(target);
                    }
                    FieldType::Object(object) | FieldType::List { of: FieldType::Object(object), .. } => {
                        targets(object.fields, found);
                    }
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        for variant in BLOCK.variants {
            assert!(variant.fields[0].name == TYPE && variant.fields[1].name == BLOCK_ID, "{}", variant.schema);
            targets(variant.fields, &mut found);
        }
        let declared: Vec<&str> = BLOCK.relations.iter().map(|(_, target)| *target).collect();
        assert_eq!(found, declared);
    }
}
