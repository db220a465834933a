//! Plenary: a headless CMS API for organisations that hold events.
//!
//! The modules form layers, each of which uses only those below it; `docs/architecture.md` lists them.

pub mod api;
pub mod app;
pub mod auth;
pub mod background;
pub mod cli;
pub mod config;
pub mod contact;
pub mod content;
pub mod content_types;
pub mod database;
pub mod delivery;
pub mod demo;
pub mod editorial;
pub mod feeds;
pub mod hex;
pub mod http;
pub mod items;
pub mod jobs;
pub mod journal;
pub mod mail;
pub mod metrics;
pub mod microseconds;
pub mod newsletter;
pub mod problem;
pub mod protection;
pub mod search;
pub mod server;
pub mod signed_token;
pub mod time_zone;
pub mod transfer;
pub mod webhook_signature;
