//! Behind a real nginx that keeps answers.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;
use crate::support::postgres::free_port;
use crate::support::tools::tool_path;

/// A running nginx with a cache, which ends when it is dropped.
struct Nginx {
    child: Child,
    url: String,
}

impl Nginx {
    fn start(folder: &Path, behind: &str) -> Self {
        let (port, at) = (free_port(), folder.display());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off;\nworker_processes 1;\npid {at}/pid;\nevents {{ worker_connections 64; }}\nhttp {{\naccess_log off;\n\
             {temporary}proxy_cache_path {at}/cache keys_zone=answers:1m;\nserver {{\nlisten 127.0.0.1:{port};\n\
             location / {{\nproxy_pass {behind};\nproxy_cache answers;\nproxy_cache_key $request_uri;\n\
             # How long is for a clock; what is to be told apart is what counts here.\n\
             proxy_ignore_headers Cache-Control;\nproxy_cache_valid 200 1h;\n\
             add_header x-cache $upstream_cache_status always;\n}}\n}}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).expect("a configuration");
        let log = folder.join("error.log");
        let child = Command::new(tool_path("bin/nginx"))
            .args(["-e".as_ref(), log.as_os_str(), "-c".as_ref(), file.as_os_str(), "-p".as_ref(), folder.as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Self { child, url: format!("http://127.0.0.1:{port}") };
        wait_for("nginx", || nginx.client().try_get("/healthz").is_some());
        nginx
    }

    fn client(&self) -> Client {
        Client::new(&self.url)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGKILL would end the master process alone, and leave its workers.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// What came from where, and who may read it.
fn told(reply: Reply) -> (String, String) {
    let reply = reply.expect(200);
    (reply.header("x-cache").to_owned(), reply.header("access-control-allow-origin").to_owned())
}

/// A browser must be able to read what somebody else was given before.
#[apply(api_test)]
fn a_shared_cache_serves_all_origins(app: &TestApp) {
    let site = "https://www.example.org";
    app.editor().create("events", &json!({"title": "E", "slug": "e", "status": "published"}));
    let pair = |cache: &str, origin: &str| (cache.to_owned(), origin.to_owned());
    for path in ["/api/v1/events", "/api/v1/events/e?include=series", "/api/v1/events.ics"] {
        let folder = tempfile::tempdir().expect("a folder");
        let nginx = Nginx::start(folder.path(), &app.url);
        let public = nginx.client();
        let from = |origin: &str| public.send("GET", path, &[("origin", origin)], b"");
        assert_eq!(told(public.get(path)), pair("MISS", "*"), "{path}");
        assert_eq!(told(from(site)), pair("HIT", "*"), "{path}");
        assert!(from(site).header("access-control-expose-headers").contains("etag"), "{path}");
    }
    let strict = TestApp::start_with(app.backend, |config| {
        config.cors.allowed_origins = vec![site.into(), "https://other.example.org".into()];
    });
    strict.editor().create("events", &json!({"title": "E", "slug": "e", "status": "published"}));
    for path in ["/api/v1/events", "/api/v1/events/e", "/api/v1/events.ics"] {
        let folder = tempfile::tempdir().expect("a folder");
        let nginx = Nginx::start(folder.path(), &strict.url);
        let public = nginx.client();
        let from = |origin: &str| public.send("GET", path, &[("origin", origin)], b"");
        for cache in ["MISS", "HIT"] {
            assert_eq!(told(public.get(path)), pair(cache, ""), "{path}");
            for origin in [site, "https://other.example.org"] {
                assert_eq!(told(from(origin)), pair(cache, origin), "{path}");
            }
            assert_eq!(told(from("https://evil.example")), pair(cache, ""), "{path}");
        }
    }
}
