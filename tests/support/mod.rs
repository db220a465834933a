//! Common support code of the tests.

pub mod agent;
pub mod app;
pub mod calendars;
pub mod client;
pub mod complete;
pub mod data;
pub mod identity;
pub mod import;
pub mod kinds;
pub mod moments;
pub mod post_office;
pub mod postgres;
pub mod program;
pub mod provider;
pub mod proxy;
pub mod times;
pub mod tools;
pub mod website;
pub mod zoneinfo;
