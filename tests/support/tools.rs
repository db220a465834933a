//! Other people's programs, as `tests/setup` installs them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postgres::free_port;

/// The folder of what is installed.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    std::path::absolute(target.join("test-tools")).expect("a path")
}

/// Where an installed tool is.
pub fn installed(path: &str) -> PathBuf {
    let tool = folder().join(path);
    assert!(
        tool.exists(),
        "{} is missing: run ./test, or tests/setup once, which installs what the tests need",
        tool.display()
    );
    tool.canonicalize().expect("a path")
}

/// Runs a tool to its good end, and gives what it printed.
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

/// Node.js in a version that the tools run on: the machine's, or that of a package.
pub fn node() -> Command {
    let mut command = Command::new(installed("bin/node"));
    // Programs that it starts, and scripts that name `node`, find the same one.
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(folder().join("bin")).chain(std::env::split_paths(&paths));
    command.env("PATH", std::env::join_paths(paths).expect("paths"));
    command
}

/// A tool that npm installed.
pub fn node_tool(name: &str) -> Command {
    let mut command = node();
    command.arg(installed(&format!("node/node_modules/.bin/{name}")));
    command
}

/// Makes our own client as it is published, and puts it where programs in `work` find it.
pub fn install_client(work: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let client = work.join("client");
    std::fs::create_dir_all(client.join("src")).unwrap();
    for file in ["package.json", "tsconfig.json", "README.md", "src/index.ts"] {
        std::fs::copy(root.join("clients/typescript").join(file), client.join(file)).unwrap();
    }
    let document = root.join("openapi/plenary.json");
    let within = |mut command: Command| run(command.current_dir(&client));
    let mut generate = node_tool("openapi-typescript");
    generate.arg(document).args(["--output", "src/schema.ts"]);
    within(generate);
    let mut compile = node_tool("tsc");
    compile.args(["--project", "."]);
    within(compile);
    let mut pack = node();
    pack.arg(installed("bin/npm")).args(["pack", "--ignore-scripts", "--silent"]);
    within(pack);
    let unpacked = work.join("node_modules/@plenary/client");
    std::fs::create_dir_all(&unpacked).unwrap();
    let mut unpack = Command::new("tar");
    unpack.arg("xzf").arg(client.join("plenary-client-0.1.0.tgz")).args(["--strip-components", "1"]);
    run(unpack.current_dir(&unpacked));
}

/// A server of somebody else, on a port of its own; it ends with this value.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts it; `arguments` makes its arguments of its port.
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

/// A server written in Python, on a port of its own; `{port}` in the arguments is its port.
pub fn python_server(arguments: &[&str]) -> Server {
    // The interpreter of the environment is a link: its place is what counts.
    let python = Command::new(installed("python/bin").join("python"));
    Server::start(python, |port| {
        arguments.iter().map(|argument| argument.replace("{port}", &port.to_string())).collect()
    })
}
