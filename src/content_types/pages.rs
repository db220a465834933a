//! Pages of the website, which form a tree.

use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::violation::Violations;
use crate::content_types::blocks::{BLOCK, block_rules};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{Children, ContentType, SEGMENT};

/// The role of the home page, whose path is empty.
pub const HOME: &str = "home";

/// The roles of pages that the law, or the policy of the site, requires on every page.
pub const LEGAL_ROLES: [&str; 5] = ["privacy", "cookies", "terms", "imprint", "accessibility"];

const ROLES: &Enumeration = &Enumeration {
    schema: "PageRole",
    words: &["page", HOME, "privacy", "cookies", "terms", "imprint", "accessibility", "contact"],
};

const BLOCKS: &str = "blocks";

/// The field that says whether visitors may read earlier public versions of a page.
pub const PUBLIC_VERSIONS: &str = "public_versions";

/// The content type of pages.
pub static PAGE: ContentType = ContentType {
    kind: "page",
    collection: "pages",
    schema: "WebPage",
    noun: "page",
    title_plural: "Pages",
    about: "A page of the website; pages form a tree, in which each has a path.",
    label: "title",
    parent: Some("parent"),
    variant: Some("role"),
    children: Some(Children { name: "children", kind: "page", plural: "subpages" }),
    span: None,
    position: Some(POSITION.name),
    countries: &[],
    coordinates: None,
    rules: page_rules,
    fields: &[
        Field::new(
            "parent",
            FieldType::Reference("page"),
            "Page above, by id or slug. The page is public only while that one is.",
            r#""about""#,
        ),
        Field::new("title", FieldType::Line { max: 300 }, "Title of the page.", r#""Our team""#).required().localised(),
        Field::new(
            SEGMENT,
            FieldType::Slug,
            "Last part of the path; the slug if it is left out. Only pages below the same page must differ in it.",
            r#""team""#,
        )
        .localised(),
        Field::new("role", FieldType::OneOf(ROLES), "What the page is for the site.", r#""page""#)
            .default_value(r#""page""#),
        Field::new(
            "summary",
            FieldType::Text { max: 600 },
            "Summary in a few sentences, plain text.",
            r#""Who we are.""#,
        )
        .localised(),
        Field::new(
            "image",
            FieldType::Object(IMAGE),
            "Image of the page.",
            r#"{"url": "https://example.org/team.jpg"}"#,
        ),
        Field::new(
            "body",
            FieldType::Rich { max: 200_000 },
            "Main text: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""We are **twelve**.""#,
        )
        .localised()
        .detail(),
        Field::new(
            BLOCKS,
            FieldType::List { of: &FieldType::Union(BLOCK), max: 100 },
            "Blocks, in their order.",
            r#"[{"type": "text", "body": "Welcome."}]"#,
        )
        .detail(),
        Field::new(
            PUBLIC_VERSIONS,
            FieldType::Boolean,
            "Whether visitors may read the earlier public versions (`GET /pages/{id}/versions`), as of terms of use.",
            "true",
        )
        .default_value("false"),
        POSITION,
        SEO_FIELD,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "parent",
            on: FilterTarget::Parent("page"),
            about: "Page above, by id or slug.",
            example: "about",
        },
        Filter { name: "role", on: FilterTarget::Variant(ROLES), about: "Role of the page.", example: "privacy" },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[BY_POSITION, BY_TITLE, CREATED, UPDATED, PUBLISHED],
};

fn page_rules(page: &mut Map<String, Value>, violations: &mut Violations) {
    if page.get("role").and_then(Value::as_str) == Some(HOME) && page.contains_key("parent") {
        violations.add("/parent", "conflict", "the home page stands below no other page");
    }
    if let Some(blocks) = page.get_mut(BLOCKS) {
        block_rules(blocks, &format!("/{BLOCKS}"), violations);
    }
}
