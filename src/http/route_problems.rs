//! The problems that a route can respond with: those that its clients tell apart, and those that mean the same for every
//! operation.

use actix_web::http::header::IF_MATCH;

use crate::http::route::{Access, Route};
use crate::problem::ProblemKind;

impl Route {
    /// Returns the problems that belong to the operation, one for each status, in ascending order: those that it declares,
    /// and those whose `errors` point at places of its request.
    pub fn own_problems(&self) -> Vec<ProblemKind> {
        let mut kinds = self.problems.clone();
        kinds.push(ProblemKind::BadRequest);
        if self.request_body.is_some() {
            kinds.push(ProblemKind::Invalid);
        }
        one_for_each_status(kinds)
    }

    /// Returns the problems that mean the same for every operation, one for each status, in ascending order. They follow
    /// from access, body and precondition; a status of its own problems is not among them.
    pub fn common_problems(&self) -> Vec<ProblemKind> {
        let mut kinds = vec![ProblemKind::Internal, ProblemKind::Unavailable];
        match self.access {
            Access::Open => {}
            Access::Public => kinds.push(ProblemKind::Unauthorized),
            Access::LoggedIn | Access::Session | Access::May(..) => {
                kinds.extend([ProblemKind::Unauthorized, ProblemKind::Forbidden]);
            }
        }
        if self.request_body.is_some() {
            kinds.extend([ProblemKind::Timeout, ProblemKind::TooLarge, ProblemKind::UnsupportedMediaType]);
        }
        if self.parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case(IF_MATCH.as_str())) {
            kinds.push(ProblemKind::PreconditionRequired);
        }
        let own = self.own_problems();
        kinds.retain(|kind| own.iter().all(|other| other.status() != kind.status()));
        one_for_each_status(kinds)
    }
}

fn one_for_each_status(mut kinds: Vec<ProblemKind>) -> Vec<ProblemKind> {
    kinds.sort_by_key(|kind| kind.status());
    kinds.dedup_by_key(|kind| kind.status());
    kinds
}
