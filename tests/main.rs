//! The integration tests: each sends real HTTP to the real application, once on SQLite and once on Postgres.
//!
//! A test is a function that takes `&TestApp` and carries `#[apply(api_test)]`; nothing else names it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and prints what it did not try"
)]

#[macro_use(apply)]
extern crate macro_rules_attribute;

use libtest_mimic::{Arguments, Failed, Trial};

use support::app::{Backend, TestApp};
use support::postgres::Postgres;

/// A test, which receives a fresh application on a fresh database.
struct ApiTest {
    name: &'static str,
    run: fn(&TestApp),
}

inventory::collect!(ApiTest);

/// Registers the function to which it is applied as a test. It is declared before the modules, so they need no import.
macro_rules! api_test {
    ($(#[$attribute:meta])* fn $name:ident $($rest:tt)*) => {
        $(#[$attribute])*
        fn $name $($rest)*
        inventory::submit! {
            $crate::ApiTest { name: concat!(module_path!(), "::", stringify!($name)), run: $name }
        }
    };
}

mod support;

mod access;
mod accounts;
mod backup;
mod bad_input;
mod batch;
mod batch_rules;
mod blocks;
mod bounds;
mod caching;
mod caching_world;
mod changes;
mod concurrency;
mod contact;
mod content;
mod contract;
mod contract_rules;
mod cookie_sessions;
mod database;
mod delivery;
mod desk;
mod docs;
mod doctor;
mod duplicates;
mod durability;
mod editorial;
mod entry_texts;
mod external_ids;
mod facets;
mod faults;
mod feed_addresses;
mod feed_bounds;
mod feed_ids;
mod feed_round_trips;
mod feed_texts;
mod feeds;
mod forecast;
mod form_schemas;
mod former_names;
mod history;
mod history_reset;
mod import_runs;
mod imports;
mod languages;
mod layers;
mod layout;
mod live;
mod log_in;
mod mail;
mod mail_outbox;
mod mcp;
mod mcp_clients;
mod mcp_protocol;
mod menu_targets;
mod merge;
mod merge_rules;
mod model;
mod nested;
mod newsletter;
mod newsletter_issues;
mod newsletter_sign_up;
mod newsletter_webhooks;
mod oidc;
mod operations;
mod origin;
mod origin_page;
mod page_edges;
mod page_editing;
mod page_log_in;
mod page_versions;
mod pages;
mod pages_world;
mod plans;
mod plans_model;
mod plans_world;
mod pooler;
mod preview;
mod process;
mod programme;
mod proxy;
mod queries;
mod redirect_edges;
mod redirect_rules;
mod redirect_steps;
mod redirects;
mod redirects_world;
mod references;
mod releases;
mod responses;
mod review;
mod rich_text;
mod rights;
mod round_trip;
mod search;
mod search_order;
mod search_words;
mod site;
mod site_settings;
mod slow_clients;
mod slugs_world;
mod standby;
mod time_zones;
mod times;
mod tools;
mod transfer;
mod transfer_calendar_details;
mod transfer_calendars;
mod transfer_cases;
mod transfer_complete;
mod transfer_corpus;
mod transfer_details;
mod transfer_field_removal;
mod transfer_guard;
mod transfer_issues;
mod transfer_kinds;
mod transfer_lists;
mod transfer_members;
mod transfer_missing;
mod transfer_open_event;
mod transfer_parameters;
mod transfer_places;
mod transfer_programmes;
mod transfer_real;
mod transfer_report;
mod transfer_series;
mod transfer_series_revisions;
mod transfer_series_zones;
mod transfer_site;
mod transfer_slugs;
mod transfer_sources;
mod transfer_tables;
mod visibility;
mod waiting;
mod write_faults;
mod zone_rules;

fn main() {
    let arguments = Arguments::from_args();
    let postgres = if arguments.list { None } else { Some(Postgres::start()) };
    if let Some(postgres) = &postgres {
        support::app::POSTGRES.set(postgres.backend()).expect("Postgres is started once");
    }
    // The linker decides the order of registration.
    let mut tests: Vec<&ApiTest> = inventory::iter::<ApiTest>.into_iter().collect();
    tests.sort_by_key(|test| test.name);
    let mut trials = Vec::new();
    for test in tests {
        // The module path begins with the name of this crate.
        let name = test.name.split_once("::").map_or(test.name, |(_, rest)| rest);
        trials.push(Trial::test(format!("sqlite::{name}"), || run(test, Backend::Sqlite)));
        if let Some(postgres) = &postgres {
            let backend = postgres.backend();
            trials.push(Trial::test(format!("postgres::{name}"), move || run(test, backend)));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before exit, which runs no destructors: stop what was started.
    drop(postgres);
    conclusion.exit();
}

fn run(test: &ApiTest, backend: Backend) -> Result<(), Failed> {
    let app = TestApp::start(backend);
    (test.run)(&app);
    Ok(())
}
