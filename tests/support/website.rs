//! The example site, built and served, and looked at in a browser.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::postgres::free_port;
use super::tools::{Server, install_client, node, node_tool, run, tool_path};

/// The example site, built like for a visitor and served on a port of its own.
pub struct Website {
    /// Base URL of the site.
    pub url: String,
    work: TempDir,
    _server: Server,
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_name().to_str() {
            Some("node_modules" | "dist" | "package-lock.json") => {}
            _ if entry.path().is_dir() => copy_folder(&entry.path(), &to.join(entry.file_name())),
            _ => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

impl Website {
    /// Builds the site for the API at this URL, which need not run yet, and serves it.
    pub fn build(api: &str) -> Self {
        let work = tempfile::tempdir_in(tool_path("node")).unwrap();
        install_client(work.path());
        let site = work.path().join("site");
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/site"), &site);
        run(node_tool("tsc").arg("--noEmit").current_dir(&site));
        run(node_tool("vite").arg("build").env("VITE_PLENARY_URL", api).current_dir(&site));
        let mut vite = node_tool("vite");
        vite.current_dir(&site);
        let server = Server::start(vite, |port| {
            ["preview", "--host", "127.0.0.1", "--strictPort", "--port", &port.to_string()].map(str::to_owned).into()
        });
        Self { url: format!("http://127.0.0.1:{}", server.port), work, _server: server }
    }

    /// Runs a script of `tests/tools` that looks at the site with Chromium. Its arguments are the URL of the site, a folder for
    /// pictures, and `more` as JSON; it prints what it found as JSON.
    pub fn look(&self, script: &str, more: &Value) -> Value {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools");
        for name in [script, "browser.mjs"] {
            std::fs::copy(tools.join(name), self.work.path().join(name)).unwrap();
        }
        let pictures = pictures();
        std::fs::create_dir_all(&pictures).unwrap();
        let mut command = node();
        command.current_dir(self.work.path());
        command.arg(self.work.path().join(script)).arg(&self.url).arg(&pictures).arg(more.to_string());
        let said = run(command.env("CHROMIUM", tool_path("bin/chromium")));
        serde_json::from_str(said.lines().last().unwrap()).unwrap()
    }
}

/// Returns the folder in which pictures of pages are kept.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("site")
}

/// Returns an address of this machine at which an application can be started later.
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}
