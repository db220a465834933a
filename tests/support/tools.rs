//! Third-party programs, as `tests/setup` installs them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postgres::free_port;

/// Returns the folder of the installed programs.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    std::path::absolute(target.join("test-tools")).expect("a path")
}

/// Returns the path of an installed program, and panics if it is missing.
pub fn tool_path(path: &str) -> PathBuf {
    let tool = folder().join(path);
    assert!(
        tool.exists(),
        "{} is missing: run ./test, or tests/setup once, which installs what the tests need",
        tool.display()
    );
    tool.canonicalize().expect("a path")
}

/// Runs a program, asserts that it succeeds, and returns its output.
pub fn run(command: &mut Command) -> String {
    let output = command
        .env("REDOCLY_TELEMETRY", "off")
        .env("CI", "true")
        .env("NO_COLOR", "1")
        .output()
        .expect("the tool starts");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{text}");
    text
}

/// Returns the command of a Node.js that the tools support: the system's, or the one of a package.
pub fn node() -> Command {
    node_of("bin/node")
}

/// Returns the command of a Node.js of version 22.12 or later, which some tools want.
pub fn newer_node() -> Command {
    node_of("bin/node-22")
}

fn node_of(path: &str) -> Command {
    let mut command = Command::new(tool_path(path));
    // Its child processes, and scripts that call `node`, must find the same one.
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(folder().join("bin")).chain(std::env::split_paths(&paths));
    command.env("PATH", std::env::join_paths(paths).expect("paths"));
    command
}

/// Returns the command of a program that npm installed.
pub fn node_tool(name: &str) -> Command {
    let mut command = node();
    command.arg(tool_path(&format!("node/node_modules/.bin/{name}")));
    command
}

/// Builds and packs the project's TypeScript client as it is published, and installs it for programs in
/// `work`.
pub fn install_client(work: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let client = work.join("client");
    std::fs::create_dir_all(client.join("src")).unwrap();
    let files = ["package.json", "tsconfig.json", "README.md", "generate-problems.mjs"];
    let sources = ["src/index.ts", "src/editable.ts", "src/event-stream.ts", "src/fields.ts", "src/strict.ts"];
    for file in files.into_iter().chain(sources) {
        std::fs::copy(root.join("clients/typescript").join(file), client.join(file)).unwrap();
    }
    let document = root.join("openapi/plenary.json");
    let within = |mut command: Command| run(command.current_dir(&client));
    let mut generate = node_tool("openapi-typescript");
    generate.arg(&document).args(["--output", "src/schema.ts"]);
    within(generate);
    let mut problems = node();
    problems.arg("generate-problems.mjs").arg(&document);
    std::fs::write(client.join("src/problems.ts"), within(problems)).unwrap();
    let mut compile = node_tool("tsc");
    compile.args(["--project", "."]);
    within(compile);
    let mut pack = node();
    pack.arg(tool_path("bin/npm")).args(["pack", "--ignore-scripts", "--silent"]);
    within(pack);
    let unpacked = work.join("node_modules/@plenary/client");
    std::fs::create_dir_all(&unpacked).unwrap();
    let mut unpack = Command::new("tar");
    unpack.arg("xzf").arg(client.join("plenary-client-0.1.0.tgz")).args(["--strip-components", "1"]);
    run(unpack.current_dir(&unpacked));
}

/// A third-party server on a port of its own; it is stopped when this value is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts a server and waits until it accepts connections; `arguments` returns its arguments, given its
    /// port.
    pub fn start(mut command: Command, arguments: impl FnOnce(u16) -> Vec<String>) -> Self {
        let port = free_port();
        let arguments = arguments(port);
        command.args(&arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().expect("the server starts"), port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{arguments:?} does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server written in Python on a port of its own; `{port}` in the arguments stands for the port.
pub fn python_server(arguments: &[&str]) -> Server {
    // The interpreter is a symbolic link whose own path selects the environment, so it must not be resolved.
    let python = Command::new(tool_path("python/bin").join("python"));
    Server::start(python, |port| {
        arguments.iter().map(|argument| argument.replace("{port}", &port.to_string())).collect()
    })
}
