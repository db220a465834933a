//! Violations found by validation, each with its location. Validation reports all of them at once.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// The codes of all violations that responses list, in alphabetical order.
pub const VIOLATION_CODES: &[&str] = &[
    "ambiguous_time",
    "before_start",
    "beyond_own_role",
    "chain",
    "changed_meanwhile",
    "circle",
    "conflict",
    "control_character",
    "custom_schema",
    "dangling_reference",
    "duplicate",
    "duplicate_key",
    "empty",
    "expired",
    "forbidden",
    "in_the_past",
    "in_use",
    "invalid_utf8",
    "loop",
    "malformed_body",
    "malformed_json",
    "no_words",
    "nonexistent_time",
    "not_a_cursor",
    "not_a_date",
    "not_a_key",
    "not_a_language",
    "not_a_local_id",
    "not_a_match",
    "not_a_path",
    "not_a_place",
    "not_a_pointer",
    "not_a_slug",
    "not_a_source",
    "not_a_tag",
    "not_a_time",
    "not_a_token",
    "not_a_url",
    "not_a_value",
    "not_a_word",
    "not_a_year",
    "not_allowed",
    "not_an_email",
    "not_complete",
    "not_configured",
    "not_declared",
    "not_for_this_key",
    "not_found",
    "not_in_draft",
    "not_public",
    "not_published",
    "not_shown",
    "not_valid",
    "one_item",
    "only_public",
    "other_list",
    "out_of_range",
    "password_length",
    "password_weak",
    "query_too_expensive",
    "read_only",
    "required",
    "reused",
    "taken",
    "too_far",
    "too_long",
    "too_many",
    "too_soon",
    "unknown_country",
    "unknown_field",
    "unknown_locale",
    "unknown_parameter",
    "unknown_zone",
    "untranslated",
    "with_all_locales",
    "with_cursor",
    "with_if_match",
    "with_item",
    "with_preview",
    "without_start",
    "without_text",
    "wrong",
    "wrong_offset",
    "wrong_type",
];

/// The largest number of violations that a response lists.
const MAX_VIOLATIONS: usize = 100;

/// A violation of a validation rule by a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the request body, `?name` of a query parameter, `{name}` of a parameter of the path, or
    /// the name of a header.
    #[schema(example = "/starts_at")]
    pub pointer: String,
    /// Stable identifier of the violated rule, for programs; one of [`VIOLATION_CODES`].
    #[schema(schema_with = code_schema)]
    pub code: String,
    /// Explanation of the violation in English, for people.
    #[schema(example = "must have at most 300 characters, but has 412")]
    pub message: String,
}

fn code_schema() -> Object {
    ObjectBuilder::new()
        .title(Some("ViolationCode"))
        .schema_type(Type::String)
        .description(Some("Identifier of the violated rule, for programs."))
        .enum_values(Some(VIOLATION_CODES.to_vec()))
        .build()
}

/// A list of violations in the order of the input.
#[derive(Debug, Clone, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a list with one violation.
    pub fn one(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        let mut violations = Self::new();
        violations.add(pointer, code, message);
        violations
    }

    /// Adds a violation. Beyond the bound, further ones are dropped: the request is rejected in any case.
    pub fn add(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        if self.0.len() < MAX_VIOLATIONS {
            self.0.push(Violation { pointer: pointer.into(), code: code.to_owned(), message: message.into() });
        }
    }

    /// Returns whether there is no violation.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the violations of another list.
    pub fn extend(&mut self, other: Violations) {
        for violation in other.0 {
            self.add(violation.pointer, &violation.code, violation.message);
        }
    }

    /// Adds the violations of a part of the input, which is at `pointer`.
    pub fn extend_below(&mut self, pointer: &str, part: Violations) {
        for violation in part.0 {
            self.add(format!("{pointer}{}", violation.pointer), &violation.code, violation.message);
        }
    }

    /// Adds the violations of rules between fields, except where a field is not valid on which the rule may rely: one of the
    /// same entry of a list, or, for a rule on the item as a whole, one of the item itself.
    pub fn add_of_rules(&mut self, of_rules: Violations) {
        let scopes: HashSet<String> = self.0.iter().map(|known| scope(&known.pointer).to_owned()).collect();
        for violation in of_rules.0.into_iter().filter(|violation| !scopes.contains(scope(&violation.pointer))) {
            self.add(violation.pointer, &violation.code, violation.message);
        }
    }

    /// Keeps the violations for which `is_kept` holds.
    pub fn retain(&mut self, is_kept: impl FnMut(&Violation) -> bool) {
        self.0.retain(is_kept);
    }

    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}

/// Returns the pointer of the outermost entry of a list in which a place is, such as `/blocks/3` of `/blocks/3/entries/0`;
/// empty if it is in none.
fn scope(pointer: &str) -> &str {
    let is_index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut end = 0;
    for part in pointer.split('/').skip(1) {
        end += part.len() + 1;
        if is_index(part) {
            return &pointer[..end];
        }
    }
    ""
}

/// Appends a token to a JSON Pointer, with `~` and `/` escaped (RFC 6901, section 3).
pub fn child_pointer(pointer: &str, token: &str) -> String {
    // Validation calls this for every value, and nearly no token has anything to escape.
    let mut child = String::with_capacity(pointer.len() + 1 + token.len());
    child.push_str(pointer);
    child.push('/');
    if token.contains(['~', '/']) {
        child.push_str(&token.replace('~', "~0").replace('/', "~1"));
    } else {
        child.push_str(token);
    }
    child
}

/// Returns the known name that is most similar to `given`, if it is similar enough for a suggestion.
pub fn most_similar<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Returns the message about an unknown name, with a suggestion or, without a similar name, with all known names.
pub fn unknown_name_message<'a>(what: &str, given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match most_similar(given, known.clone()) {
        Some(name) => format!("unknown {what} \"{given}\"; did you mean \"{name}\"?"),
        None => {
            let all: Vec<_> = known.into_iter().collect();
            format!("unknown {what} \"{given}\"; expected one of: {}", all.join(", "))
        }
    }
}
