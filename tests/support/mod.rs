//! What the tests stand on.

pub mod app;
pub mod client;
pub mod data;
pub mod import;
pub mod moments;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod times;
pub mod tools;
pub mod zoneinfo;
