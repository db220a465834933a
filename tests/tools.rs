//! Other people's tools read the document and use the server: linters, generators, a fuzzer.
//! `tests/setup` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use plenary::auth::permissions::Role;

use crate::support::app::{Backend, PASSWORD, TestApp};
use crate::support::tools::{install_client, installed, node, node_tool, run};

const EMAIL: &str = "generated@example.org";

fn ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools").join(path)
}

/// Redocly's and Spectral's recommended rules.
#[apply(api_test)]
fn linters_find_nothing(app: &TestApp) {
    // The document does not depend on the database.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["openapi.json", "openapi-delivery.json"] {
        let document = folder.path().join(name);
        std::fs::write(&document, app.public().get(&format!("/api/{name}")).expect(200).body).unwrap();
        let said = run(node_tool("redocly").args(["lint", "--config"]).arg(ours("redocly.yaml")).arg(&document));
        assert!(said.contains("Your API description is valid") && !said.contains("warning."), "{said}");
        let said = run(node_tool("spectral")
            .args(["lint", "--fail-severity", "hint", "--ruleset"])
            .arg(ours("spectral.yaml"))
            .arg(&document));
        assert!(said.contains("No results"), "{said}");
    }
}

/// Two generators write clients; both compile under `tsc --strict` and work on the live server.
#[apply(api_test)]
fn generated_clients_compile_and_work(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    // Within the tools' folder, so that imports find their packages.
    let work = tempfile::tempdir_in(installed("node")).unwrap();
    for file in ["tsconfig.json", "package.json", "openapi-ts.config.js", "with-openapi-fetch.ts", "with-hey-api.ts"] {
        std::fs::copy(ours("client").join(file), work.path().join(file)).unwrap();
    }
    std::fs::write(work.path().join("openapi.json"), app.public().get("/api/openapi.json").expect(200).body).unwrap();
    let within = |mut command: Command, arguments: &[&str]| run(command.current_dir(work.path()).args(arguments));
    within(node_tool("openapi-typescript"), &["openapi.json", "--output", "schema.ts"]);
    within(node_tool("openapi-ts"), &["--no-log-file"]);
    within(node_tool("tsc"), &["--project", "."]);
    for program in ["built/with-openapi-fetch.js", "built/with-hey-api.js"] {
        let said = within(node(), &[program, &app.url, EMAIL, PASSWORD]);
        assert!(said.contains(": done"), "{said}");
    }
}

/// Our own client: generated, compiled, packed, unpacked, and used by a program that is compiled against it.
#[apply(api_test)]
fn our_own_client_is_packed_and_works(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let work = tempfile::tempdir_in(installed("node")).unwrap();
    let within = |mut command: Command, arguments: &[&str]| run(command.current_dir(work.path()).args(arguments));
    install_client(work.path());
    for file in ["tsconfig.json", "package.json", "with-plenary-client.ts"] {
        std::fs::copy(ours("client").join(file), work.path().join(file)).unwrap();
    }
    let only = r#"{"extends": "./tsconfig.json", "include": ["with-plenary-client.ts"]}"#;
    std::fs::write(work.path().join("only.json"), only).unwrap();
    within(node_tool("tsc"), &["--project", "only.json"]);
    let said = within(node(), &["built/with-plenary-client.js", &app.url, EMAIL, PASSWORD]);
    assert!(said.contains(": done"), "{said}");
}

/// The example of the documentation, with the tool that it names.
#[apply(api_test)]
fn the_editor_day_passes(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/editor-day/editor-day.http");
    let variables = [format!("host={}", app.url), format!("email={EMAIL}"), format!("password={PASSWORD}")];
    let mut command = node_tool("httpyac");
    command.arg("send").arg(example).args(["--all", "--bail", "--no-color", "--output", "short"]);
    for variable in &variables {
        command.args(["--var", variable]);
    }
    let said = run(&mut command);
    assert!(said.contains("28 requests processed (28 succeeded)"), "{said}");
}

#[apply(api_test)]
fn schemathesis_finds_nothing_as_an_editor(app: &TestApp) {
    let token = app.client(Role::Administrator).token().to_owned();
    // These would end the account's own sessions or lock it out.
    schemathesis(
        app,
        &["--header", &format!("Authorization: Bearer {token}"), "--exclude-operation-id", "changePassword"],
    );
}

#[apply(api_test)]
fn schemathesis_finds_nothing_as_a_visitor(app: &TestApp) {
    schemathesis(app, &[]);
}

/// All checks of schemathesis and one of ours, on a server with demo content.
fn schemathesis(app: &TestApp, arguments: &[&str]) {
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(installed("python/bin/schemathesis"));
    command
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", ours(""))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--config-file")
        .arg(ours("schemathesis.toml"))
        .args(["run", &format!("{}/api/openapi.json", app.url), "--checks", "all", "--max-examples", "10"])
        .args(["--generation-database", "none", "--no-color", "--continue-on-failure", "--warnings", "off"])
        .args(arguments);
    let said = run(&mut command);
    assert!(said.contains("generated, ") && said.contains("passed"), "{said}");
}
