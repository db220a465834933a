//! Other people's tools read the document and use the server: linters, generators, a fuzzer.
//! `tests/setup` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use plenary::auth::permissions::Role;
use serde_json::Value;

use crate::support::app::{Backend, PASSWORD, TestApp};
use crate::support::tools::{install_client, node, node_tool, run, tool_path};

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
        std::fs::write(&document, app.visitor().get(&format!("/api/{name}")).expect(200).body).unwrap();
        let said = run(node_tool("redocly").args(["lint", "--config"]).arg(ours("redocly.yaml")).arg(&document));
        assert!(said.contains("Your API description is valid") && !said.contains("You have"), "{said}");
        let said = run(node_tool("spectral")
            .args(["lint", "--fail-severity", "hint", "--ruleset"])
            .arg(ours("spectral.yaml"))
            .arg(&document));
        assert!(said.contains("No results"), "{said}");
    }
}

/// Largest Postman collection of each view, in bytes. Collections have random values, so their sizes differ a little.
const POSTMAN_LIMITS: [(&str, usize); 2] = [("openapi", 8_900_000), ("openapi-delivery", 1_450_000)];

/// Postman's converter makes an example of every response of every request.
#[apply(api_test)]
fn postman_collections_are_complete_and_small(app: &TestApp) {
    // The document does not depend on the database.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, limit) in POSTMAN_LIMITS {
        let (document, made) = (folder.path().join("openapi.json"), folder.path().join("collection.json"));
        let described = app.visitor().get(&format!("/api/{name}.json")).expect(200);
        std::fs::write(&document, &described.body).unwrap();
        run(node_tool("openapi2postmanv2").arg("-s").arg(&document).arg("-o").arg(&made));
        let collection: Value = serde_json::from_slice(&std::fs::read(&made).unwrap()).unwrap();
        let paths = described.json()["paths"].as_object().unwrap().clone();
        let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(requests(&collection), operations, "{name}");
        let size = collection.to_string().len();
        assert!(size <= limit, "{name}: {size} bytes of at most {limit}");
    }
}

/// Returns the number of requests in a Postman collection or a folder of it.
fn requests(folder: &Value) -> usize {
    let items = folder["item"].as_array().into_iter().flatten();
    items.map(|item| if item.get("request").is_some() { 1 } else { requests(item) }).sum()
}

/// Three generators write TypeScript clients; they compile under `tsc --strict` and work on the live server.
#[apply(api_test)]
fn generated_clients_compile_and_work(app: &TestApp) {
    // Within the tools' folder, so that imports find their packages.
    let work = tempfile::tempdir_in(tool_path("node")).unwrap();
    for file in ["tsconfig.json", "package.json", "openapi-ts.config.js", "orval.config.js", "with-orval-fetch.ts"] {
        std::fs::copy(ours("client").join(file), work.path().join(file)).unwrap();
    }
    let programs = ["with-openapi-fetch", "with-hey-api", "with-orval"];
    for program in programs {
        let file = format!("{program}.ts");
        std::fs::copy(ours("client").join(&file), work.path().join(&file)).unwrap();
    }
    save_documents(app, work.path());
    let within = |mut command: Command, arguments: &[&str]| run(command.current_dir(work.path()).args(arguments));
    within(node_tool("openapi-typescript"), &["openapi.json", "--output", "schema.ts"]);
    within(node_tool("openapi-ts"), &["--no-log-file"]);
    within(node_tool("orval"), &["--config", "orval.config.js"]);
    within(node_tool("tsc"), &["--project", "."]);
    for program in programs {
        let said = within(node(), &[&format!("built/{program}.js"), &app.url, EMAIL, PASSWORD]);
        assert!(said.contains(": done"), "{said}");
    }
}

/// Two generators write Python clients; they pass `mypy --strict` and work on the live server.
#[apply(api_test)]
fn generated_python_clients_compile_and_work(app: &TestApp) {
    // What is generated does not depend on the database.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let programs = ["with_openapi_python_client.py", "with_datamodel_code_generator.py"];
    for program in programs {
        std::fs::copy(ours("client").join(program), work.path().join(program)).unwrap();
    }
    save_documents(app, work.path());
    let within =
        |program: &Path, arguments: &[&str]| run(Command::new(program).current_dir(work.path()).args(arguments));
    let options = ["generate", "--path", "openapi.json", "--meta", "none", "--output-path", "plenary_client"];
    within(&tool_path("python/bin/openapi-python-client"), &options);
    let options = std::fs::read_to_string(ours("client/datamodel-codegen.txt")).unwrap();
    within(&tool_path("python/bin/datamodel-codegen"), &options.split_whitespace().collect::<Vec<_>>());
    within(&tool_path("python/bin/mypy"), &["--strict", "."]);
    // The interpreter is a symbolic link whose own path selects the environment, so it must not be resolved.
    let python = tool_path("python/bin").join("python");
    for program in programs {
        let said = within(&python, &[program, &app.url, EMAIL, PASSWORD]);
        assert!(said.contains(": done"), "{said}");
    }
}

/// Adds demo content and an editor, and saves both views of the document for generators.
fn save_documents(app: &TestApp, folder: &Path) {
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    app.account(EMAIL, Role::Editor);
    for name in ["openapi.json", "openapi-delivery.json"] {
        std::fs::write(folder.join(name), app.visitor().get(&format!("/api/{name}")).expect(200).body).unwrap();
    }
}

/// Our own client: generated, compiled, packed, unpacked, and used by a program that is compiled against it.
#[apply(api_test)]
fn our_own_client_is_packed_and_works(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let work = tempfile::tempdir_in(tool_path("node")).unwrap();
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

/// The README's jobs in one request, as they stand there: with curl, with HTTPie and with our own client.
#[apply(api_test)]
fn the_jobs_of_the_readme_are_done(app: &TestApp) {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, jobs) = readme.split_once("A whole job is one request").unwrap();
    let (jobs, _) = jobs.split_once("Search and filter").unwrap();
    let blocks = |language: &str| -> Vec<&str> {
        let begin = format!("```{language}\n");
        jobs.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    };
    let editor = app.client(Role::Editor);
    let token = editor.token();
    let paths = [tool_path("bin"), tool_path("python/bin"), PathBuf::from("/usr/bin"), PathBuf::from("/bin")];
    for script in blocks("sh") {
        run(Command::new("bash")
            .args(["-euc", script])
            .env("PATH", std::env::join_paths(&paths).unwrap())
            .env("api", format!("{}/api/v1", app.url))
            .env("token", token));
    }
    let work = tempfile::tempdir_in(tool_path("node")).unwrap();
    install_client(work.path());
    for file in ["tsconfig.json", "package.json"] {
        std::fs::copy(ours("client").join(file), work.path().join(file)).unwrap();
    }
    let [program] = blocks("ts")[..] else { panic!("one program") };
    std::fs::write(work.path().join("job.ts"), program).unwrap();
    std::fs::write(work.path().join("only.json"), r#"{"extends": "./tsconfig.json", "include": ["job.ts"]}"#).unwrap();
    run(node_tool("tsc").current_dir(work.path()).args(["--project", "only.json"]));
    run(node().current_dir(work.path()).args(["built/job.js", &app.url, token]));
    for slug in ["rivers-at-night", "rivers-at-dawn", "rivers-at-noon"] {
        let event = app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json();
        assert!(event["venue"]["name"].is_string(), "{event}");
        assert!(event["speakers"][0]["speaker"]["name"].is_string(), "{event}");
        assert!(event["partners"][0]["partner"]["name"].is_string(), "{event}");
    }
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
    let mut command = Command::new(tool_path("python/bin/schemathesis"));
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
