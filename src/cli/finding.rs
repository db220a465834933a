//! The findings of `plenary doctor`.

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    Warning,
    Problem,
}

/// The result of one check.
pub(super) struct Finding {
    verdict: Verdict,
    title: String,
    advice: &'static str,
}

impl Finding {
    /// Returns whether the installation does not work until this is changed.
    pub(super) fn is_problem(&self) -> bool {
        self.verdict == Verdict::Problem
    }

    /// Returns the lines that are printed.
    pub(super) fn text(&self) -> String {
        let word = match self.verdict {
            Verdict::Fine => "ok      ",
            Verdict::Warning => "warning ",
            Verdict::Problem => "PROBLEM ",
        };
        let advice = if self.advice.is_empty() { String::new() } else { format!("         {}\n", self.advice) };
        format!("{word} {}\n{advice}", self.title)
    }
}

/// Returns the finding of a check without a fault.
pub(super) fn success(title: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Fine, title: title.into(), advice: "" }
}

/// Returns the finding of something that is probably not meant.
pub(super) fn warning(title: impl Into<String>, advice: &'static str) -> Finding {
    Finding { verdict: Verdict::Warning, title: title.into(), advice }
}

/// Returns the finding of something that does not work.
pub(super) fn problem(title: impl Into<String>, advice: &'static str) -> Finding {
    Finding { verdict: Verdict::Problem, title: title.into(), advice }
}
