//! Agents by other people's programs: the conformance suite of the protocol, and its official clients. `tests/setup`
//! installs them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::search::settled;
use crate::support::app::{Backend, TestApp};
use crate::support::tools::{newer_node, node, node_tool, run, tool_path};

/// The scenarios of the suite that concern what the server offers, by revision. The others are about resources,
/// prompts, sampling, elicitation and tasks, which it does not offer, or call tools of the suite's own server.
const SCENARIOS: [(&str, &[&str]); 3] = [
    ("2025-06-18", &["server-initialize", "ping", "tools-list"]),
    (
        "2025-11-25",
        &["server-initialize", "server-session-lifecycle", "ping", "tools-list", "dns-rebinding-protection"],
    ),
    (
        "2026-07-28",
        &["server-stateless", "tools-list", "dns-rebinding-protection", "http-header-validation", "caching"],
    ),
];

/// Checks of these scenarios that want what the server does not offer.
const ELSEWHERE: [&str; 7] = [
    // They call tools of the suite's own server: one that needs a capability, one that streams, one that logs.
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
    // They ask for prompts and resources.
    "sep-2549-prompts-list-caching-hints",
    "sep-2549-resources-list-caching-hints",
    "sep-2549-resources-templates-list-caching-hints",
];

fn ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/mcp").join(path)
}

/// Returns the results of a scenario: the id and the status of each check, and why it failed.
fn conformance(url: &str, scenario: &str, revision: &str) -> Vec<(String, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = newer_node();
    command
        .arg(tool_path("node/node_modules/.bin/conformance"))
        .args(["server", "--url", url, "--scenario", scenario, "--spec-version", revision, "--output-dir"])
        .arg(folder.path());
    // It fails for the checks of ELSEWHERE too: what counts is in its results.
    let said = command.output().expect("the suite starts");
    let results = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path().join("checks.json"));
    let checks: Vec<Value> =
        results.flat_map(|file| serde_json::from_slice::<Vec<Value>>(&std::fs::read(file).unwrap()).unwrap()).collect();
    assert!(!checks.is_empty(), "{scenario}: {}", String::from_utf8_lossy(&said.stderr));
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    checks.iter().map(|check| (text(check, "id"), text(check, "status"), text(check, "errorMessage"))).collect()
}

/// The protocol's own suite, in the newest revision and in older ones.
#[apply(api_test)]
fn the_conformance_suite_finds_nothing(app: &TestApp) {
    // It takes a minute, and tries the protocol, which does not depend on the database.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let url = format!("{}/mcp", app.url);
    let (mut passed, mut elsewhere) = (0, BTreeSet::new());
    for (revision, scenarios) in SCENARIOS {
        for scenario in scenarios {
            let checks = conformance(&url, scenario, revision);
            for (id, status, why) in &checks {
                match status.as_str() {
                    "FAILURE" | "WARNING" if ELSEWHERE.contains(&id.as_str()) => drop(elsewhere.insert(id.clone())),
                    "FAILURE" | "WARNING" => panic!("{revision} {scenario}: {id}: {why}"),
                    "SUCCESS" => passed += 1,
                    _ => {}
                }
            }
            assert!(
                checks.iter().any(|(_, status, _)| status != "SKIPPED"),
                "{revision} {scenario}: nothing was tried"
            );
        }
    }
    assert!(passed > 20, "{passed} checks passed");
    assert_eq!(elsewhere, BTreeSet::from(ELSEWHERE.map(str::to_owned)), "a check passes now");
}

/// Returns the address of the endpoint, and an API key of an editor.
fn prepared(app: &TestApp) -> (String, String) {
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    settled(app);
    let made = app.client(Role::Editor).post("/api/v1/auth/keys", &json!({"name": "Agent"})).expect(201).json();
    (format!("{}/mcp", app.url), made["token"].as_str().unwrap().to_owned())
}

#[apply(api_test)]
fn the_python_client_works(app: &TestApp) {
    let (url, key) = prepared(app);
    // The handshake of older revisions, the newest revision at once, and whatever the server offers.
    for mode in ["legacy", "2026-07-28", "auto"] {
        // The interpreter is a symbolic link whose own path selects the environment, so it must not be resolved.
        tool_path("python/bin/python");
        let mut command = Command::new(crate::support::tools::folder().join("python/bin/python"));
        let said = run(command.arg("-B").arg(ours("with_mcp.py")).args([&url, &key, mode]));
        assert!(said.contains(&format!("{mode}: done")), "{said}");
    }
}

#[apply(api_test)]
fn the_typescript_client_works(app: &TestApp) {
    let (url, key) = prepared(app);
    // Within the tools' folder, so that imports find their packages.
    let work = tempfile::tempdir_in(tool_path("node")).unwrap();
    for file in ["tsconfig.json", "with-mcp-sdk.ts"] {
        std::fs::copy(ours(file), work.path().join(file)).unwrap();
    }
    std::fs::write(work.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let within = |mut command: Command, arguments: &[&str]| run(command.current_dir(work.path()).args(arguments));
    within(node_tool("tsc"), &["--project", "."]);
    let said = within(node(), &["built/with-mcp-sdk.js", &url, &key]);
    assert!(said.contains("TypeScript: done"), "{said}");
}
