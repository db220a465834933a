//! The bodies of requests that write issues of the newsletter.

use serde_json::{Map, Value};

use super::topic_ids;
use crate::api::filter_parameters::sort_and_filter_parameters;
use crate::api::request_bodies::Form;
use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::{ALL, LINKED_COLLECTION};
use crate::database::Db;
use crate::http::request::Request;
use crate::items::{self, Among, Lookup};
use crate::newsletter::blocks::{BLOCK_TYPES, Block, DECIDED, EVENTS, Edition};
use crate::newsletter::issues::IssueChange;
use crate::newsletter::segment::Segment;
use crate::problem::Problem;

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
        "Only subscribers with one of these languages; none for all.",
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

/// Fields of the body that sends an issue.
pub static ISSUE_SENDING: [Field; 1] = [Field::new(
    "send_at",
    FieldType::Instant,
    "Time at which the issue is sent, in the future: local time of the site, or RFC 3339 with a UTC offset. Without it, the \
     issue is sent now.",
    r#""2027-03-01T09:00""#,
)];

/// The content of a request body about an issue, with the topics as they are given.
#[derive(Clone)]
pub struct IssueForm {
    change: IssueChange,
    topics: Vec<String>,
}

impl IssueForm {
    /// Reads a body.
    ///
    /// # Errors
    /// 422 with all violations.
    pub fn read(request: &Request, form: &Form, input: &Value) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let is_given = |name: &str| input.get(name).is_some();
        let editions = is_given("editions").then(|| editions(request, form, &mut violations));
        let site = &request.app.site;
        let segment = form.content().get("segment").and_then(Value::as_object).cloned().unwrap_or_default();
        let words = |name: &str| {
            let list = segment.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        for (position, tag) in words("locales").iter().enumerate().filter(|(_, tag)| site.locale(tag).is_none()) {
            let pointer = format!("/segment/locales/{position}");
            violations.add(pointer, "unknown_locale", site.unknown_locale(tag));
        }
        if !violations.is_empty() {
            return Err(Problem::invalid(violations));
        }
        let segment = is_given("segment").then(|| Segment { locales: words("locales"), topics: Vec::new() });
        Ok(Self { change: IssueChange { name: form.get("name"), editions, segment }, topics: words("topics") })
    }

    /// Returns the change, with the ids of its topics.
    ///
    /// # Errors
    /// 422 if a topic or the item of a block does not exist.
    pub fn resolve(self, connection: &mut Db) -> Result<IssueChange, Problem> {
        let Self { mut change, topics } = self;
        check_items(connection, change.editions.as_deref().unwrap_or_default())?;
        if let Some(segment) = &mut change.segment {
            segment.topics = topic_ids(connection, &topics, "/segment/topics", Among::Present)?;
        }
        Ok(change)
    }
}

fn editions(request: &Request, form: &Form, violations: &mut Violations) -> Vec<Edition> {
    let mut found: Vec<Edition> = Vec::new();
    for (position, object) in form.objects("editions").into_iter().enumerate() {
        let pointer = format!("/editions/{position}");
        let Some(edition) = edition(object) else { continue };
        if edition.blocks.is_empty() {
            violations.add(format!("{pointer}/blocks"), "empty", "an edition needs a block");
        }
        for (number, block) in edition.blocks.iter().enumerate() {
            let pointer = format!("{pointer}/blocks/{number}");
            block.check(&request.app.site, &pointer, violations);
            check_names(block, &pointer, violations);
        }
        found.push(edition);
    }
    let locales = found.iter().map(|edition| edition.locale.as_str());
    request.app.site.check_locales(locales, "/editions", violations);
    found
}

/// Adds a violation for each parameter of a stored query that a list does not have.
fn check_names(block: &Block, pointer: &str, violations: &mut Violations) {
    let events = ALL.iter().find(|content_type| content_type.collection == EVENTS);
    let (Some(events), Some(query)) = (events, &block.query) else { return };
    let known: Vec<String> = sort_and_filter_parameters(events).into_iter().map(|parameter| parameter.name).collect();
    for (name, _) in url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
        if !DECIDED.contains(&&*name) && !known.contains(&name.clone().into_owned()) {
            let message = unknown_name_message("parameter", &name, known.iter().map(String::as_str));
            violations.add(format!("{pointer}/query"), "unknown_parameter", message);
        }
    }
}

/// Refuses blocks of items that do not exist. One that is not public yet may be so when the issue is sent.
fn check_items(connection: &mut Db, editions: &[Edition]) -> Result<(), Problem> {
    let mut violations = Violations::new();
    for (position, edition) in editions.iter().enumerate() {
        for (number, block) in edition.blocks.iter().enumerate() {
            let (Some(collection), Some(item)) = (&block.collection, &block.item) else { continue };
            let Some(content_type) = ALL.iter().find(|known| known.collection == collection) else { continue };
            let kind = content_type.kind;
            let is_known = match items::find(connection, kind, item)? {
                Lookup::Found(found) => found.trashed_at == 0,
                Lookup::Moved(_) => true,
                Lookup::Absent => items::elsewhere(connection, kind, item)?.is_some(),
            };
            if !is_known {
                let message = format!("there is no item \"{item}\" in {collection}");
                violations.add(format!("/editions/{position}/blocks/{number}/item"), "dangling_reference", message);
            }
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
}

fn edition(object: &Map<String, Value>) -> Option<Edition> {
    serde_json::from_value(Value::Object(object.clone())).ok()
}
