//! Request bodies of the account endpoints, declared like the fields of content types, so that they are
//! validated in the same way: all violations are reported at once.

use serde_json::{Map, Value};

use crate::auth::passwords::MAX_PASSWORD;
use crate::config::ROLES;
use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::validate::{ContentSchema, validate};
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::COLLECTION;
use crate::database::now;
use crate::problem::Problem;

const EMAIL: Field =
    Field::new("email", FieldType::Email, "E-mail address of the account.", r#""anna@example.org""#).required();
const PASSWORD: FieldType = FieldType::Line { max: MAX_PASSWORD };
const NAME: Field =
    Field::new("name", FieldType::Line { max: 200 }, "Name of the person.", r#""Anna Janssens""#).required();
const ROLE_NAMES: &Enumeration = &Enumeration { schema: "Role", words: &ROLES };
const ROLE: Field = Field::new(
    "role",
    FieldType::OneOf(ROLE_NAMES),
    "Role of the account, which decides its permissions.",
    r#""editor""#,
)
.required();

const CURRENT_PASSWORD: Field =
    Field::new("current_password", PASSWORD, "Present password of the account.", r#""correct horse battery""#)
        .required();
const CODE_KIND: FieldType = FieldType::Line { max: 40 };
const CODE: Field = Field::new("code", CODE_KIND, "Present code of the second factor.", r#""123456""#).required();

/// Fields of the body of a log-in.
pub static LOGIN: [Field; 4] = [
    EMAIL,
    Field::new("password", PASSWORD, "Password of the account.", r#""correct horse battery""#).required(),
    Field::new(
        "code",
        CODE_KIND,
        "Code of the second factor, or a recovery code, if the account has a second factor.",
        r#""123456""#,
    ),
    Field::new(
        "device_token",
        FieldType::Line { max: 400 },
        "Device token of the last log-in on this device.",
        r#""3p5kQ0x2ZcJm8vTn""#,
    ),
];

/// Fields of a body that confirms an operation with the password, so that an unattended session does not
/// suffice.
pub static PASSWORD_CONFIRMATION: [Field; 1] = [CURRENT_PASSWORD];

/// Fields of the body that confirms a second factor.
pub static CONFIRM_FACTOR: [Field; 1] = [CODE];

/// Fields of the body that ends a second factor.
pub static END_FACTOR: [Field; 2] = [
    CURRENT_PASSWORD,
    Field::new("code", CODE_KIND, "Present code of the second factor, or a recovery code.", r#""123456""#).required(),
];

/// Fields of the body that requests a password reset.
pub static PASSWORD_RESET: [Field; 1] = [EMAIL];

/// Fields of the body that begins a log-in at the OpenID provider.
pub static OIDC_BEGIN: [Field; 1] = [Field::new(
    "redirect_uri",
    FieldType::Url,
    "URL to which the provider redirects the browser; one of `oidc.redirect_uris`.",
    r#""https://desk.example.org/callback""#,
)
.required()];

/// Fields of the body that finishes a log-in at the OpenID provider.
pub static OIDC_FINISH: [Field; 2] = [
    Field::new("code", FieldType::Line { max: 2_000 }, "`code` of the redirect.", r#""SplxlOBeZQQYbYS6WxSbIA""#)
        .required(),
    Field::new("state", FieldType::Line { max: 2_000 }, "`state` of the redirect.", r#""q1w2e3r4t5""#).required(),
];

/// Fields of the body that sets a password with a one-time token.
pub static NEW_PASSWORD: [Field; 2] = [
    Field::new(
        "token",
        FieldType::Line { max: 200 },
        "One-time token from the mail.",
        r#""k7Pn0lXb2Qz5vJt9sYc4wEa8uGd1hRf6mTi3oBy_-xN""#,
    )
    .required(),
    Field::new("new_password", PASSWORD, "New password, 12 to 200 characters.", r#""purple rain on tin roofs""#)
        .required(),
];

/// Fields of the body of a refresh and of a log-out.
pub static REFRESH: [Field; 1] = [Field::new(
    "refresh_token",
    FieldType::Line { max: 200 },
    "Refresh token of the last response.",
    r#""k7Pn0lXb2Qz5vJt9sYc4wEa8uGd1hRf6mTi3oBy_-xN""#,
)
.required()];

/// Fields of the body that changes the password of the calling account.
pub static PASSWORD_CHANGE: [Field; 2] = [
    Field::new("current_password", PASSWORD, "Present password of the account.", r#""correct horse battery""#)
        .required(),
    Field::new("new_password", PASSWORD, "New password, 12 to 200 characters.", r#""purple rain on tin roofs""#)
        .required(),
];

const FIRST_PASSWORD: Field = Field::new(
    "password",
    PASSWORD,
    "First password, 12 to 200 characters. Without it, an invitation is mailed; required if no mail server is \
     configured.",
    r#""correct horse battery""#,
);

/// Fields of the body that creates an account if invitations can be mailed.
pub static NEW_ACCOUNT: [Field; 4] = [EMAIL, NAME, ROLE, FIRST_PASSWORD];

/// Fields of the body that creates an account if invitations cannot be mailed.
pub static NEW_ACCOUNT_WITH_PASSWORD: [Field; 4] = [EMAIL, NAME, ROLE, FIRST_PASSWORD.required()];

/// Fields of the body that changes an account; fields that are left out keep their values.
pub static ACCOUNT_CHANGE: [Field; 5] = [
    Field::new(
        "second_factor",
        FieldType::OneOf(&Enumeration { schema: "SecondFactorChange", words: &["end"] }),
        "`end` removes the second factor of a person who lost the device.",
        r#""end""#,
    ),
    Field::new("name", FieldType::Line { max: 200 }, "Name of the person.", r#""Anna Janssens""#),
    Field::new(
        "role",
        FieldType::OneOf(ROLE_NAMES),
        "Role of the account, which decides its permissions.",
        r#""editor""#,
    ),
    Field::new("active", FieldType::Boolean, "Whether the account is open; closed accounts cannot log in.", "true"),
    Field::new("password", PASSWORD, "New password, 12 to 200 characters.", r#""purple rain on tin roofs""#),
];

const KEY_NAME: Field = Field::new(
    "name",
    FieldType::Line { max: 200 },
    "Name of the key, which says what it is used for.",
    r#""Website build""#,
)
.required();
const KEY_COLLECTIONS: Field = Field::new(
    "collections",
    FieldType::List { of: &FieldType::OneOf(COLLECTION), max: 8 },
    "Collections that the key is restricted to; by default all.",
    r#"["events", "speakers"]"#,
);
const KEY_END: Field = Field::new(
    "expires_at",
    FieldType::Instant,
    "Time of expiry, in the future: local time of the site, or RFC 3339 with a UTC offset.",
    r#""2027-12-31T00:00:00Z""#,
);

/// Fields of the body that creates a personal key.
pub static PERSONAL_KEY: [Field; 4] = [
    KEY_NAME,
    Field::new(
        "role",
        FieldType::OneOf(ROLE_NAMES),
        "Highest role of the key; by default the role of the account.",
        r#""editor""#,
    ),
    KEY_COLLECTIONS,
    KEY_END,
];

/// Fields of the body that creates a machine key.
pub static MACHINE_KEY: [Field; 4] = [
    KEY_NAME,
    Field::new("role", FieldType::OneOf(ROLE_NAMES), "Highest role of the key.", r#""viewer""#).required(),
    KEY_COLLECTIONS,
    KEY_END,
];

/// A validated request body.
#[derive(Clone)]
pub struct Form(Map<String, Value>);

impl Form {
    /// Validates a body against its fields.
    ///
    /// # Errors
    /// 422 with all violations.
    pub fn read(fields: &'static [Field], body: &Value, site: &Site) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let Some(object) = body.as_object() else {
            violations.add("", "wrong_type", "the body must be a JSON object");
            return Err(Problem::invalid(violations));
        };
        let mode = LocaleMode::One(site.default_locale().to_owned());
        let schema = ContentSchema { kind: "account", fields, envelope: &[], mode: &mode, site };
        let validated = validate(schema, object, None, &mut violations);
        if violations.is_empty() { Ok(Self(validated.content)) } else { Err(Problem::invalid(violations)) }
    }

    /// Returns a text field, if it is present.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// Returns the field `locale`, if it is present.
    ///
    /// # Errors
    /// 422 if the site does not have the language.
    pub fn locale(&self, site: &Site) -> Result<Option<String>, Problem> {
        let Some(given) = self.get("locale") else { return Ok(None) };
        match site.locale(&given) {
            Some(known) => Ok(Some(known.to_owned())),
            None => Err(Problem::invalid(Violations::one("/locale", "unknown_locale", site.unknown_locale(&given)))),
        }
    }

    /// Returns a required text field; empty if it is absent.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// Returns a time field (µs), if it is present; adds a violation if it is not in the future.
    pub fn future_time(&self, name: &str, violations: &mut Violations) -> Option<i64> {
        future_time(&self.0, name, "", violations)
    }

    /// Returns a time field (µs), if it is present.
    pub fn time(&self, name: &str) -> Option<i64> {
        instant_in(&self.0, name)
    }

    /// Returns all fields.
    pub fn content(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the texts of a list field.
    pub fn words(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Returns the objects of a list field.
    pub fn objects(&self, name: &str) -> Vec<&Map<String, Value>> {
        let list = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_object).collect()
    }

    /// Returns a Boolean field, if it is present.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }
}

/// Returns a time of a validated object (µs), if it is present; adds a violation with a pointer below `pointer`
/// if it is not in the future.
pub fn future_time(object: &Map<String, Value>, name: &str, pointer: &str, violations: &mut Violations) -> Option<i64> {
    let at = instant_in(object, name)?;
    if at <= now() {
        violations.add(format!("{pointer}/{name}"), "in_the_past", "this time is in the past");
    }
    Some(at)
}

/// Returns a time of a validated object (µs), if it is present.
fn instant_in(object: &Map<String, Value>, name: &str) -> Option<i64> {
    let at = chrono::DateTime::parse_from_rfc3339(object.get(name)?.as_str()?).ok()?;
    Some(at.timestamp_micros())
}
