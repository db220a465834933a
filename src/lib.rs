//! Plenary: a headless CMS API for organisations that hold events.
//!
//! The modules form layers, each of which uses only those after it: `cli` → `http` → `editorial`, `delivery`,
//! `auth`, `transfer` → `search` → `feeds`, `journal` → `items` → `database`. All layers use `resources`,
//! `content`, `time_zone`, `jobs`, `signed` and `problem`.

pub mod api;
pub mod app;
pub mod auth;
pub mod background;
pub mod cli;
pub mod config;
pub mod content;
pub mod content_types;
pub mod database;
pub mod delivery;
pub mod demo;
pub mod editorial;
pub mod feeds;
pub mod http;
pub mod items;
pub mod jobs;
pub mod journal;
pub mod metrics;
pub mod problem;
pub mod search;
pub mod server;
pub mod signed_token;
pub mod time_zone;
pub mod transfer;
