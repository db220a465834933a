//! The fields of an issue of the newsletter, and the rules of what editors write in them.

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::blocks::{BLOCK_TYPES, Edition};
use super::issues::IssueChange;
use super::segment::Segment;
use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::validate::{ContentSchema, validate};
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::{ALL, LINKED_COLLECTION};
use crate::database::Db;
use crate::items::{self, Lookup};

static BLOCK: [Field; 7] = [
    Field::new(
        "type",
        FieldType::OneOf(&Enumeration { schema: "NewsletterBlockType", words: &BLOCK_TYPES }),
        "Type of the block: a text, the events of a stored query, or one item.",
        r#""events""#,
    )
    .required(),
    Field::new("heading", FieldType::Line { max: 200 }, "Heading of the block.", r#""Coming soon""#),
    Field::new("text", FieldType::Text { max: 20_000 }, "Text of the block, in Markdown.", r#""Dear reader, …""#),
    Field::new(
        "query",
        FieldType::Line { max: 1_000 },
        "Query of events, as in the address of a list; it is answered when the issue is sent.",
        r#""when=upcoming&topic=security""#,
    ),
    Field::new("limit", FieldType::Integer { min: 1, max: 50 }, "Greatest number of events; 5 by default.", "5"),
    Field::new("collection", FieldType::OneOf(LINKED_COLLECTION), "Collection of the item.", r#""events""#),
    Field::new("item", FieldType::Line { max: 120 }, "Id or slug of the item.", r#""rivers-without-borders""#),
];
static EDITION: [Field; 4] = [
    Field::new("locale", FieldType::Language, "Language of the edition.", r#""en""#).required(),
    Field::new("subject", FieldType::Line { max: 200 }, "Subject.", r#""Rivers in March""#).required(),
    Field::new(
        "preview_text",
        FieldType::Line { max: 200 },
        "Preview text, which mail programs show beside the subject.",
        r#""Three evenings about shared water""#,
    ),
    Field::new(
        "blocks",
        FieldType::List {
            of: &FieldType::Object(&ObjectType {
                schema: "NewsletterBlock",
                about: "A block of an edition.",
                fields: &BLOCK,
            }),
            max: 50,
        },
        "Blocks, in their order.",
        r#"[{"type": "text", "text": "Dear reader, …"}]"#,
    )
    .required(),
];
const EDITION_LIST: FieldType = FieldType::List {
    of: &FieldType::Object(&ObjectType {
        schema: "NewsletterEdition",
        about: "An issue in one language.",
        fields: &EDITION,
    }),
    max: 50,
};
const EDITIONS: Field = Field::new(
    "editions",
    EDITION_LIST,
    "Editions, one for each language. Subscribers with a language that has none get the first one.",
    r#"[{"locale": "en", "subject": "Rivers in March", "blocks": [{"type": "text", "text": "Dear reader, …"}]}]"#,
);
static SEGMENT: [Field; 2] = [
    Field::new(
        "locales",
        FieldType::List { of: &FieldType::Language, max: 50 },
        "Only subscribers with one of these languages; an empty list stands for all.",
        r#"["nl"]"#,
    ),
    Field::new(
        "topics",
        FieldType::List { of: &FieldType::Line { max: 120 }, max: 50 },
        "Only subscribers who chose one of these topics, or none at all.",
        r#"["security"]"#,
    ),
];
const SEGMENT_OBJECT: FieldType = FieldType::Object(&ObjectType {
    schema: "NewsletterSegment",
    about: "The subscribers to whom an issue goes.",
    fields: &SEGMENT,
});
const SEGMENT_FIELD: Field = Field::new(
    "segment",
    SEGMENT_OBJECT,
    "Subscribers to whom the issue goes; by default all.",
    r#"{"topics": ["security"]}"#,
);

const NAME: FieldType = FieldType::Line { max: 200 };
const NAME_ABOUT: &str = "Name of the issue, for editors.";
const NAME_EXAMPLE: &str = r#""March""#;

/// Fields of the body that creates an issue.
pub static NEW_ISSUE: [Field; 3] =
    [Field::new("name", NAME, NAME_ABOUT, NAME_EXAMPLE).required(), EDITIONS, SEGMENT_FIELD];

/// Fields of the body that changes an issue.
pub static ISSUE_CHANGE: [Field; 3] = [Field::new("name", NAME, NAME_ABOUT, NAME_EXAMPLE), EDITIONS, SEGMENT_FIELD];

/// Reads a body by its fields and by the rules of editions. The topics of the segment are as they are given. Adds a violation
/// for each fault; then the result is of no use.
pub fn read(site: &Site, fields: &'static [Field], body: &Value, violations: &mut Violations) -> IssueChange {
    let Some(members) = body.as_object() else {
        violations.add("", "wrong_type", "the body must be a JSON object");
        return IssueChange::default();
    };
    let mode = LocaleMode::One(site.default_locale().to_owned());
    let schema = ContentSchema { kind: "newsletter_issue", fields, envelope: &[], mode: &mode, site };
    let content = validate(schema, members, None, violations).content;
    if !violations.is_empty() {
        return IssueChange::default();
    }
    let is_given = |name: &str| members.contains_key(name);
    if members.get("name").is_some_and(Value::is_null) {
        violations.add("/name", "required", "an issue needs a name");
    }
    let editions = is_given("editions").then(|| editions_of(&content));
    check_editions(site, editions.as_deref().unwrap_or_default(), violations);
    let segment = segment_of(&content);
    for (position, tag) in segment.locales.iter().enumerate().filter(|(_, tag)| site.locale(tag).is_none()) {
        violations.add(format!("/segment/locales/{position}"), "unknown_locale", site.unknown_locale(tag));
    }
    let name = content.get("name").and_then(Value::as_str).map(str::to_owned);
    IssueChange { name, editions, segment: is_given("segment").then_some(segment) }
}

fn editions_of(content: &Map<String, Value>) -> Vec<Edition> {
    let list = content.get("editions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|edition| serde_json::from_value(edition.clone()).ok()).collect()
}

fn segment_of(content: &Map<String, Value>) -> Segment {
    let words = |name: &str| {
        let list = content.get("segment").and_then(|segment| segment.get(name)?.as_array());
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Segment { locales: words("locales"), topics: words("topics") }
}

fn check_editions(site: &Site, editions: &[Edition], violations: &mut Violations) {
    for (position, edition) in editions.iter().enumerate() {
        let pointer = format!("/editions/{position}");
        if edition.blocks.is_empty() {
            violations.add(format!("{pointer}/blocks"), "empty", "an edition needs a block");
        }
        for (number, block) in edition.blocks.iter().enumerate() {
            block.check(site, &format!("{pointer}/blocks/{number}"), violations);
        }
    }
    site.check_locales(editions.iter().map(|edition| edition.locale.as_str()), "/editions", violations);
}

/// Adds a violation for each block of an item that does not exist. One that is not public yet may be so when the issue is sent.
///
/// # Errors
/// Fails if a query fails.
pub fn check_items(connection: &mut Db, editions: &[Edition], violations: &mut Violations) -> QueryResult<()> {
    for (position, edition) in editions.iter().enumerate() {
        for (number, block) in edition.blocks.iter().enumerate() {
            let (Some(collection), Some(item)) = (&block.collection, &block.item) else { continue };
            let Some(content_type) = ALL.iter().find(|known| known.collection == collection) else { continue };
            let kind = content_type.kind;
            let is_known = match items::find(connection, kind, item)? {
                Lookup::Found(found) => found.trashed_at == 0,
                Lookup::Moved(_) => true,
                Lookup::Absent => items::find_elsewhere(connection, kind, item)?.is_some(),
            };
            if !is_known {
                let message = format!("there is no item \"{item}\" in {collection}");
                violations.add(format!("/editions/{position}/blocks/{number}/item"), "dangling_reference", message);
            }
        }
    }
    Ok(())
}
