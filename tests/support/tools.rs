//! Other people's programs, as `tests/setup` installs them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postgres::free_port;

/// Where an installed tool is.
pub fn installed(path: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let tool = target.join("test-tools").join(path);
    assert!(
        tool.exists(),
        "{} is missing: run ./test, or tests/setup once, which installs what the tests need",
        tool.display()
    );
    tool.canonicalize().expect("a path")
}

/// A server written in Python, on a port of its own; it ends with this value.
pub struct PythonServer {
    child: Child,
    pub port: u16,
}

impl PythonServer {
    /// Starts `python -m …`; `{port}` in the arguments is its port.
    pub fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        // The interpreter of the environment is a link: its place is what counts.
        let python = installed("python/bin").join("python");
        let child = Command::new(python)
            .args(arguments.iter().map(|argument| argument.replace("{port}", &port.to_string())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Self { child, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{arguments:?} does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for PythonServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
