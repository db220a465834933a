//! The tests: real HTTP against the real application, each on SQLite and on Postgres.

mod support;

mod access;
mod accounts;
mod backup;
mod bad_input;
mod caching;
mod changes;
mod concurrency;
mod content;
mod contract;
mod database;
mod delivery;
mod docs;
mod durability;
mod editorial;
mod faults;
mod feeds;
mod forecast;
mod history;
mod history_reset;
mod languages;
mod layers;
mod live;
mod log_in;
mod mail;
mod model;
mod oidc;
mod operations;
mod origin;
mod plans;
mod plans_model;
mod plans_world;
mod pooler;
mod preview;
mod process;
mod proxy;
mod queries;
mod releases;
mod review;
mod rights;
mod search;
mod site;
mod slow_clients;
mod standby;
mod time_zones;
mod times;
mod tools;
mod transfer;
mod visibility;
mod waiting;
mod write_faults;
mod zone_rules;

use libtest_mimic::{Arguments, Trial};

use support::app::{Backend, TestApp};
use support::postgres::Postgres;

/// A test: it gets a fresh application on a fresh database.
type Test = fn(&TestApp);

/// The tests of a room, by name.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub const TESTS: &[(&str, $crate::Test)] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}

fn main() {
    let arguments = Arguments::from_args();
    let postgres = if arguments.list { None } else { Some(Postgres::start()) };
    if let Some(postgres) = &postgres {
        support::app::POSTGRES.set(postgres.backend()).expect("Postgres is started once");
    }
    let rooms = [
        access::TESTS,
        accounts::TESTS,
        backup::TESTS,
        bad_input::TESTS,
        caching::TESTS,
        changes::TESTS,
        concurrency::TESTS,
        contract::TESTS,
        content::TESTS,
        database::TESTS,
        delivery::TESTS,
        docs::TESTS,
        durability::TESTS,
        editorial::TESTS,
        faults::TESTS,
        feeds::TESTS,
        forecast::TESTS,
        history::TESTS,
        history_reset::TESTS,
        languages::TESTS,
        layers::TESTS,
        live::TESTS,
        log_in::TESTS,
        mail::TESTS,
        model::TESTS,
        oidc::TESTS,
        operations::TESTS,
        origin::TESTS,
        plans::TESTS,
        plans_model::TESTS,
        pooler::TESTS,
        preview::TESTS,
        queries::TESTS,
        process::TESTS,
        proxy::TESTS,
        releases::TESTS,
        review::TESTS,
        rights::TESTS,
        search::TESTS,
        site::TESTS,
        slow_clients::TESTS,
        time_zones::TESTS,
        standby::TESTS,
        times::TESTS,
        tools::TESTS,
        transfer::TESTS,
        visibility::TESTS,
        zone_rules::TESTS,
        waiting::TESTS,
        write_faults::TESTS,
    ];
    let mut trials = Vec::new();
    for (name, test) in rooms.into_iter().flatten() {
        let name = name.split_once("::").map_or(*name, |(_, rest)| rest);
        trials.push(Trial::test(format!("sqlite::{name}"), move || run(*test, Backend::Sqlite)));
        if let Some(postgres) = &postgres {
            let backend = postgres.backend();
            trials.push(Trial::test(format!("postgres::{name}"), move || run(*test, backend)));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before exit, which runs no destructors: stop what was started.
    drop(postgres);
    conclusion.exit();
}

fn run(test: Test, backend: Backend) -> Result<(), libtest_mimic::Failed> {
    let app = TestApp::start(backend);
    test(&app);
    Ok(())
}
