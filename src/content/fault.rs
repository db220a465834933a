//! What is wrong with an input: every fault at once, each with its place.

use serde::Serialize;
use utoipa::ToSchema;

/// The most faults that one answer lists; a body with more is as wrong with these.
const MOST_FAULTS: usize = 100;

/// One fault: where it is, which rule it breaks, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) into the body, or `?name` for a query parameter, or a header's name.
    #[schema(example = "/starts_at")]
    pub pointer: String,
    /// The rule, as a stable word for programs.
    #[schema(example = "too_long")]
    pub code: String,
    /// The rule, for people.
    #[schema(example = "at most 300 characters; this has 412")]
    pub message: String,
}

/// The faults found so far, in the order of the input.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// No fault yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One fault.
    pub fn one(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        let mut faults = Self::new();
        faults.add(pointer, code, message);
        faults
    }

    /// Notes a fault; beyond a bound further ones are dropped, since one refusal is enough.
    pub fn add(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        if self.0.len() < MOST_FAULTS {
            self.0.push(Fault { pointer: pointer.into(), code: code.to_owned(), message: message.into() });
        }
    }

    /// True while nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over the faults of another list.
    pub fn extend(&mut self, other: Faults) {
        for fault in other.0 {
            self.add(fault.pointer, &fault.code, fault.message);
        }
    }

    /// The faults as a list.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// A JSON Pointer one step deeper; `~` and `/` are escaped as RFC 6901, section 3 wants.
pub fn step(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// The known name nearest to `given`, when one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// "unknown ...; did you mean ...?", or what there is when nothing is near.
pub fn unknown<'a>(what: &str, given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(given, known.clone()) {
        Some(name) => format!("unknown {what} \"{given}\"; did you mean \"{name}\"?"),
        None => {
            let all: Vec<_> = known.into_iter().collect();
            format!("unknown {what} \"{given}\"; known are: {}", all.join(", "))
        }
    }
}
