//! The fields of the body that sets a form up, and its validation.

use serde_json::Value;

use crate::contact::forms::{FIELD_TYPES, FormDefinition};
use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::validate::{ContentSchema, validate};
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::problem::Problem;

static LABEL: [Field; 2] = [
    Field::new("locale", FieldType::Language, "Language.", r#""en""#).required(),
    Field::new("text", FieldType::Line { max: 300 }, "Text in this language.", r#""Your message""#).required(),
];
const LABELS: FieldType = FieldType::List {
    of: &FieldType::Object(&ObjectType { schema: "FormLabel", about: "A text in one language.", fields: &LABEL }),
    max: 50,
};
const LABELS_EXAMPLE: &str = r#"[{"locale": "en", "text": "Your message"}]"#;
static OPTION: [Field; 2] = [
    Field::new("value", FieldType::Line { max: 200 }, "Value in requests.", r#""press""#).required(),
    Field::new("labels", LABELS, "Labels, one for each language.", LABELS_EXAMPLE).required(),
];
static FIELD: [Field; 6] = [
    Field::new("name", FieldType::Slug, "Name in requests.", r#""message""#).required(),
    Field::new(
        "type",
        FieldType::OneOf(&Enumeration { schema: "FormFieldType", words: &FIELD_TYPES }),
        "Type of the values. Answers go to the first `email`.",
        r#""text""#,
    )
    .required(),
    Field::new("required", FieldType::Boolean, "Whether it must be filled in, or ticked.", "true")
        .default_value("false"),
    Field::new("max_length", FieldType::Integer { min: 1, max: 20_000 }, "Greatest number of characters.", "2000"),
    Field::new("labels", LABELS, "Labels, one for each language.", LABELS_EXAMPLE).required(),
    Field::new(
        "options",
        FieldType::List {
            of: &FieldType::Object(&ObjectType {
                schema: "FormOption",
                about: "A value of a choice.",
                fields: &OPTION,
            }),
            max: 50,
        },
        "Values of a choice.",
        r#"[{"value": "press", "labels": [{"locale": "en", "text": "Press"}]}]"#,
    ),
];

/// Fields of the body that sets a form up.
pub static FORM: [Field; 5] = [
    Field::new("titles", LABELS, "Titles, one for each language.", r#"[{"locale": "en", "text": "Contact us"}]"#).required(),
    Field::new(
        "fields",
        FieldType::List {
            of: &FieldType::Object(&ObjectType { schema: "FormField", about: "A field of a form.", fields: &FIELD }),
            max: 50,
        },
        "Fields, in their order.",
        r#"[{"name": "message", "type": "text", "required": true, "labels": [{"locale": "en", "text": "Your message"}]}]"#,
    )
    .required(),
    Field::new(
        "recipients",
        FieldType::List { of: &FieldType::Email, max: 20 },
        "E-mail addresses of the recipients, to which messages are mailed.",
        r#"["desk@example.org"]"#,
    )
    .required(),
    Field::new("is_open", FieldType::Boolean, "Whether visitors can send the form.", "true").default_value("true"),
    Field::new("keep_days", FieldType::Integer { min: 1, max: 3_650 }, "Days for which messages are kept.", "180")
        .default_value("180"),
];

impl FormDefinition {
    /// Reads the body that sets a form up.
    ///
    /// # Errors
    /// 422 with all violations.
    pub fn read_body(body: &Value, site: &Site) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let Some(members) = body.as_object() else {
            return Err(Problem::invalid(Violations::one("", "wrong_type", "the body must be a JSON object")));
        };
        let mode = LocaleMode::One(site.default_locale().to_owned());
        let schema = ContentSchema { kind: "contact_form", fields: &FORM, envelope: &[], mode: &mode, site };
        let mut content = validate(schema, members, None, &mut violations).content;
        if !violations.is_empty() {
            return Err(Problem::invalid(violations));
        }
        // Members that were left out have no value, and lists none.
        content.retain(|_, value| !value.is_null());
        for field in content.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(members) = field.as_object_mut() {
                members.retain(|_, value| !value.is_null());
            }
        }
        let definition: Self =
            serde_json::from_value(Value::Object(content)).map_err(|error| Problem::internal(&error))?;
        definition.check(site, &mut violations);
        if violations.is_empty() { Ok(definition) } else { Err(Problem::invalid(violations)) }
    }
}
