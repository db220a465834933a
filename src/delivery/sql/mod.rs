//! The statements of a list: predicates, selection, keyset pagination, facets, full-text matches.

pub mod descendants;
pub mod facets;
pub mod geo;
pub mod keyset;
pub mod predicates;
#[cfg(test)]
mod query_plan_tests;
pub mod referrers;
pub mod resolver;
pub mod selection;
pub mod sort_order;
pub mod text_match;
