//! Violations found by validation, each with its location. Validation reports all of them at once.

use serde::Serialize;
use utoipa::ToSchema;

/// The largest number of violations that a response lists.
const MAX_VIOLATIONS: usize = 100;

/// A violation of a validation rule by a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the request body, `?name` of a query parameter, or the name of a header.
    #[schema(example = "/starts_at")]
    pub pointer: String,
    /// Stable identifier of the violated rule, for programs.
    #[schema(example = "too_long")]
    pub code: String,
    /// Explanation of the violation in English, for people.
    #[schema(example = "must have at most 300 characters, but has 412")]
    pub message: String,
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

    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}

/// Appends a token to a JSON Pointer, with `~` and `/` escaped (RFC 6901, section 3).
pub fn child_pointer(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
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
