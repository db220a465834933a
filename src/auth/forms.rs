//! The bodies that the operations on accounts read, in the field language of the content, so that
//! all faults are told at once here too.

use serde_json::{Map, Value};

use super::passwords::MAX_PASSWORD;
use crate::content::fault::Faults;
use crate::content::field::{Field, Kind};
use crate::content::validate::validate;
use crate::content::{LocaleMode, Site};
use crate::database::now;
use crate::problem::Problem;
use crate::resources::COLLECTIONS;

const ROLES: &[&str] = &["viewer", "contributor", "editor", "administrator"];

const EMAIL: Field =
    Field::new("email", Kind::Email, "The address of the account.", r#""anna@example.org""#).required();
const PASSWORD: Kind = Kind::Line { max: MAX_PASSWORD };
const NAME: Field = Field::new("name", Kind::Line { max: 200 }, "The person's name.", r#""Anna Janssens""#).required();
const ROLE: Field =
    Field::new("role", Kind::OneOf(ROLES), "What the account is trusted with.", r#""editor""#).required();

const CURRENT_PASSWORD: Field =
    Field::new("current_password", PASSWORD, "The password.", r#""correct horse battery""#).required();
const CODE_KIND: Kind = Kind::Line { max: 40 };
const CODE: Field = Field::new("code", CODE_KIND, "A code of now.", r#""123456""#).required();

/// Logging in.
pub static LOGIN: [Field; 4] = [
    EMAIL,
    Field::new("password", PASSWORD, "The password.", r#""correct horse battery""#).required(),
    Field::new("code", CODE_KIND, "The second factor, or a recovery code, where one is asked for.", r#""123456""#),
    Field::new(
        "device_token",
        Kind::Line { max: 400 },
        "What this device was given at its last log-in, if it has logged in before.",
        r#""3p5kQ0x2ZcJm8vTn""#,
    ),
];

/// The password once more, for what must not be done by somebody who found the desk open.
pub static PASSWORD_AGAIN: [Field; 1] = [CURRENT_PASSWORD];

/// Confirming a second factor.
pub static CONFIRM_FACTOR: [Field; 1] = [CODE];

/// Giving up a second factor.
pub static END_FACTOR: [Field; 2] =
    [CURRENT_PASSWORD, Field::new("code", CODE_KIND, "A code of now, or a recovery code.", r#""123456""#).required()];

/// Asking for a new password.
pub static PASSWORD_RESET: [Field; 1] = [EMAIL];

/// Going to the OpenID provider.
pub static OIDC_BEGIN: [Field; 1] = [Field::new(
    "redirect_uri",
    Kind::Url,
    "Where the browser is to come back: one of those that are configured.",
    r#""https://desk.example.org/callback""#,
)
.required()];

/// Coming back from the OpenID provider.
pub static OIDC_FINISH: [Field; 2] = [
    Field::new("code", Kind::Line { max: 2_000 }, "The code that the browser brought.", r#""SplxlOBeZQQYbYS6WxSbIA""#)
        .required(),
    Field::new("state", Kind::Line { max: 2_000 }, "The state that the browser brought.", r#""q1w2e3r4t5""#).required(),
];

/// Setting a password with a mailed token.
pub static NEW_PASSWORD: [Field; 2] = [
    Field::new(
        "token",
        Kind::Line { max: 200 },
        "What was mailed.",
        r#""k7Pn0lXb2Qz5vJt9sYc4wEa8uGd1hRf6mTi3oBy_-xN""#,
    )
    .required(),
    Field::new("new_password", PASSWORD, "The new password: 12 to 200 characters.", r#""purple rain on tin roofs""#)
        .required(),
];

/// Refreshing and logging out.
pub static REFRESH: [Field; 1] = [Field::new(
    "refresh_token",
    Kind::Line { max: 200 },
    "The refresh token of the last answer.",
    r#""k7Pn0lXb2Qz5vJt9sYc4wEa8uGd1hRf6mTi3oBy_-xN""#,
)
.required()];

/// Changing one's password.
pub static PASSWORD_CHANGE: [Field; 2] = [
    Field::new("current_password", PASSWORD, "The password until now.", r#""correct horse battery""#).required(),
    Field::new("new_password", PASSWORD, "The new one: 12 to 200 characters.", r#""purple rain on tin roofs""#)
        .required(),
];

const FIRST_PASSWORD: Field = Field::new(
    "password",
    PASSWORD,
    "The first password: 12 to 200 characters. Without it, an invitation is mailed, if there is a mail server.",
    r#""correct horse battery""#,
);

/// Making an account, where invitations can be mailed.
pub static NEW_ACCOUNT: [Field; 4] = [EMAIL, NAME, ROLE, FIRST_PASSWORD];

/// Making an account, where they cannot.
pub static NEW_ACCOUNT_HERE: [Field; 4] = [EMAIL, NAME, ROLE, FIRST_PASSWORD.required()];

/// Changing an account; what is left out stays.
pub static ACCOUNT_CHANGE: [Field; 5] = [
    Field::new(
        "second_factor",
        Kind::OneOf(&["end"]),
        "`end` gives up the second factor of somebody who lost it.",
        r#""end""#,
    ),
    Field::new("name", Kind::Line { max: 200 }, "The person's name.", r#""Anna Janssens""#),
    Field::new("role", Kind::OneOf(ROLES), "What the account is trusted with.", r#""editor""#),
    Field::new("active", Kind::Boolean, "Closed accounts cannot log in.", "true"),
    Field::new("password", PASSWORD, "A new password: 12 to 200 characters.", r#""purple rain on tin roofs""#),
];

const KEY_NAME: Field = Field::new("name", Kind::Line { max: 200 }, "What it is for.", r#""Website build""#).required();
const KEY_COLLECTIONS: Field = Field::new(
    "collections",
    Kind::List { of: &Kind::OneOf(COLLECTIONS), max: 8 },
    "The collections that it is for; all, if none is named.",
    r#"["events", "speakers"]"#,
);
const KEY_END: Field = Field::new("expires_at", Kind::Instant, "When it ends.", r#""2027-12-31T00:00:00Z""#);

/// A key for one's own program.
pub static PERSONAL_KEY: [Field; 4] = [
    KEY_NAME,
    Field::new("role", Kind::OneOf(ROLES), "The most that it may do; without it, what I may.", r#""editor""#),
    KEY_COLLECTIONS,
    KEY_END,
];

/// A key for a machine.
pub static MACHINE_KEY: [Field; 4] = [
    KEY_NAME,
    Field::new("role", Kind::OneOf(ROLES), "What it may do.", r#""viewer""#).required(),
    KEY_COLLECTIONS,
    KEY_END,
];

/// A checked form.
#[derive(Clone)]
pub struct Form(Map<String, Value>);

impl Form {
    /// Checks a body against the fields of a form.
    pub fn read(fields: &'static [Field], body: &Value, site: &Site) -> Result<Self, Problem> {
        let mut faults = Faults::new();
        let Some(object) = body.as_object() else {
            faults.add("", "wrong_type", "the body must be a JSON object");
            return Err(Problem::invalid(faults));
        };
        let mode = LocaleMode::One(site.default_locale().to_owned());
        let checked = validate("account", fields, object, None, &mode, site, &mut faults);
        if faults.is_empty() { Ok(Self(checked.content)) } else { Err(Problem::invalid(faults)) }
    }

    /// A text of the form, if it is there.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// A text that the form requires.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// A moment of the form that must lie ahead (µs), if it is there.
    pub fn ahead(&self, name: &str, faults: &mut Faults) -> Option<i64> {
        ahead(&self.0, name, "", faults)
    }

    /// All of it.
    pub fn content(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The words of a list of the form.
    pub fn words(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The objects of a list of the form.
    pub fn objects(&self, name: &str) -> Vec<&Map<String, Value>> {
        let list = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_object).collect()
    }

    /// A flag of the form, if it is there.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }
}

/// A moment of a checked object that must lie ahead (µs), if it is there; one that has passed is a fault
/// below `place`.
pub fn ahead(object: &Map<String, Value>, name: &str, place: &str, faults: &mut Faults) -> Option<i64> {
    let at = instant_in(object, name)?;
    if at <= now() {
        faults.add(format!("{place}/{name}"), "in_the_past", "this moment has passed");
    }
    Some(at)
}

/// A moment of a checked object (µs), if it is there.
fn instant_in(object: &Map<String, Value>, name: &str) -> Option<i64> {
    let at = chrono::DateTime::parse_from_rfc3339(object.get(name)?.as_str()?).ok()?;
    Some(at.timestamp_micros())
}
