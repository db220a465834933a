//! Sessions of browsers: a cookie in the place of tokens, and the requests in which it counts.

use plenary::auth::permissions::Role;
use plenary::http::route::{Access, Route};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::Reply;
use crate::support::moments::wait_for;

const EMAIL: &str = "anna@example.org";
const SITE: &str = "https://www.example.org";

/// A browser with the page of an origin open: it sends its cookie and that origin.
struct Browser<'a> {
    app: &'a TestApp,
    cookie: String,
    origin: String,
}

impl<'a> Browser<'a> {
    fn log_in(app: &'a TestApp) -> Self {
        Self::log_in_from(app, &app.url)
    }

    fn log_in_from(app: &'a TestApp, origin: &str) -> Self {
        let mut browser = Self { app, cookie: String::new(), origin: origin.to_owned() };
        let reply = browser.log_in_as(EMAIL, PASSWORD).expect(200);
        browser.take(&reply);
        browser
    }

    fn log_in_as(&self, email: &str, password: &str) -> Reply {
        self.send("POST", "/api/v1/auth/cookie", &json!({"email": email, "password": password}))
    }

    /// Takes the cookie of a response.
    fn take(&mut self, reply: &Reply) {
        self.cookie = cookies(reply)[0].split(';').next().unwrap().to_owned();
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.send_with(method, path, &[("origin", &self.origin)], body)
    }

    fn send_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let mut all = vec![("cookie", self.cookie.as_str()), ("content-type", "application/json")];
        all.extend(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.app.visitor().send(method, path, &all, body.as_bytes())
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &Value::Null)
    }

    fn renew(&self) -> Reply {
        self.send("POST", "/api/v1/auth/cookie/renew", &Value::Null)
    }
}

fn cookies(reply: &Reply) -> Vec<String> {
    reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn me(browser: &Browser<'_>) -> u16 {
    browser.get("/api/v1/auth/me").status
}

#[apply(api_test)]
fn a_browser_edits_with_a_cookie_and_no_token(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let mut browser = Browser { app, cookie: String::new(), origin: app.url.clone() };
    let reply = browser.log_in_as(EMAIL, PASSWORD).expect(200);
    let set = cookies(&reply);
    let (session, device) = (&set[0], &set[1]);
    assert!(session.starts_with("plenary=") && session.contains("; Path=/; Max-Age=1"), "{session}");
    assert!(session.ends_with("; HttpOnly; SameSite=Strict"), "{session}");
    assert!(device.starts_with("plenary-device=") && device.contains("HttpOnly; SameSite=Strict"), "{device}");
    assert_eq!(reply.header("cache-control"), "private, no-store");
    let value = session.split(['=', ';']).nth(1).unwrap().to_owned();
    let body = reply.json();
    assert_eq!(body["account"]["email"], EMAIL);
    assert!(!body.to_string().contains(&value) && body.get("access_token").is_none(), "{body}");
    browser.take(&reply);

    assert_eq!(browser.get("/api/v1/auth/me").expect(200).json()["email"], EMAIL);
    let topic =
        browser.send("POST", "/api/v1/topics", &json!({"name": "Water", "status": "published"})).expect(201).json();
    let path = format!("/api/v1/topics/{}", topic["id"].as_str().unwrap());
    let draft = format!("{path}?view=draft");
    let etag = browser.get(&draft).expect(200).etag().to_owned();
    let headers = [("origin", browser.origin.as_str()), ("if-match", &etag)];
    browser.send_with("PATCH", &draft, &headers, &json!({"name": "Rain"})).expect(200);
    assert_eq!(browser.get(&draft).expect(200).json()["name"], "Rain");
    // However the parameter is written.
    for query in ["view=%64raft", "%76iew=draft", "%76%69%65%77=%64%72%61%66%74"] {
        assert_eq!(browser.get(&format!("{path}?{query}")).expect(200).json()["name"], "Rain", "{query}");
    }
    assert_eq!(app.visitor().get(&path).expect(200).json()["name"], "Water");
    let sessions = app.log_in(EMAIL);
    let listed =
        app.visitor().with_token(sessions["access_token"].as_str().unwrap()).get("/api/v1/auth/sessions").json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);

    let reply = browser.send("DELETE", "/api/v1/auth/cookie", &Value::Null).expect(204);
    assert!(cookies(&reply)[0].starts_with("plenary=; Path=/; Max-Age=0;"));
    browser.get("/api/v1/auth/me").problem(401, &[]);
    browser.send("DELETE", "/api/v1/auth/cookie", &Value::Null).expect(204);
    browser.send("POST", "/api/v1/auth/cookie", &json!({"email": EMAIL, "password": "wrong"})).problem(401, &[]);
}

#[apply(api_test)]
fn over_tls_the_cookie_belongs_to_the_host_alone(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.public_url = "https://cms.example.org".into());
    app.account(EMAIL, Role::Editor);
    let own = Browser { app: &app, cookie: String::new(), origin: "https://cms.example.org".into() };
    let set = cookies(&own.log_in_as(EMAIL, PASSWORD).expect(200));
    assert!(
        set[0].starts_with("__Host-plenary=") && set[0].ends_with("; HttpOnly; SameSite=Strict; Secure"),
        "{}",
        set[0]
    );
    assert!(set[1].starts_with("__Host-plenary-device=") && set[1].ends_with("; Secure"), "{}", set[1]);
    // Without the prefix, another host of the domain may have set it.
    let value = set[0].trim_start_matches("__Host-").split(';').next().unwrap().to_owned();
    assert_eq!(me(&Browser { app: &app, cookie: value, origin: own.origin.clone() }), 401);
    // The name by which the test reaches the server is not that of the site.
    Browser { app: &app, cookie: String::new(), origin: app.url.clone() }.log_in_as(EMAIL, PASSWORD).problem(403, &[]);
}

#[apply(api_test)]
fn without_tls_there_are_no_cookies(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.public_url = "http://cms.example.org".into());
    app.account(EMAIL, Role::Editor);
    let own = Browser { app: &app, cookie: String::new(), origin: "http://cms.example.org".into() };
    let problem = own.log_in_as(EMAIL, PASSWORD).problem(403, &[]);
    assert!(problem["detail"].as_str().unwrap().contains("TLS"), "{problem}");
}

/// Returns a path of a route, with something in the place of each parameter.
fn example_path(route: &Route) -> String {
    let (mut path, id) = (route.path.clone(), plenary::database::new_id());
    while let Some((start, rest)) = path.split_once('{') {
        path = format!("{start}{id}{}", rest.split_once('}').unwrap().1);
    }
    path
}

/// Every operation that writes, and every one that an account reads, from pages of elsewhere.
#[apply(api_test)]
fn pages_of_other_sites_do_nothing_with_the_cookie(app: &TestApp) {
    app.account(EMAIL, Role::Administrator);
    let browser = Browser::log_in(app);
    let foreign: [&[(&str, &str)]; 7] = [
        &[("origin", "https://evil.example.com")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1")],
        &[("origin", "http://evil.example.com"), ("sec-fetch-site", "same-origin")],
        &[("origin", &browser.origin), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site")],
        &[],
    ];
    let (mut writes, mut reads) = (0, 0);
    for route in plenary::api::routes() {
        let is_read = route.method == "GET";
        if matches!(route.access, Access::Open | Access::Public) {
            continue;
        }
        let path = example_path(&route);
        // Two of them for each operation, each in its turn.
        for headers in [foreign[(reads + writes) % 7], foreign[(reads + writes + 3) % 7]] {
            // A read without any of the headers is one of an old browser, or of the address bar.
            if is_read && headers.is_empty() {
                continue;
            }
            let status = browser.send_with(route.method.as_str(), &path, headers, &Value::Null).status;
            let expected = if is_read { 401 } else { 403 };
            assert_eq!(status, expected, "{} {path} {headers:?}", route.method);
            *(if is_read { &mut reads } else { &mut writes }) += 1;
        }
    }
    assert!(writes > 400 && reads > 100, "{writes} writes, {reads} reads");
    for path in ["/api/v1/auth/cookie", "/api/v1/auth/cookie/renew", "/api/v1/auth/cookie/oidc"] {
        for headers in foreign {
            browser.send_with("POST", path, headers, &json!({"email": EMAIL, "password": PASSWORD})).problem(403, &[]);
        }
    }
    for headers in foreign {
        browser.send_with("DELETE", "/api/v1/auth/cookie", headers, &Value::Null).problem(403, &[]);
    }
    assert_eq!(me(&browser), 200);
}

/// No operation that reads writes anything, except that the settings of a new site are stored when they are first asked for.
#[apply(api_test)]
fn reads_with_the_cookie_change_nothing(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let browser = Browser::log_in(app);
    let topic = app.editor().create("topics", &json!({"name": "Water", "status": "published"}));
    let admin = app.client(Role::Administrator);
    browser.get("/api/v1/site/settings/desk").expect(200);
    let entries = || admin.get("/api/v1/audit?limit=100").expect(200).json()["data"].clone();
    let before = entries();
    for route in plenary::api::routes().iter().filter(|route| route.method == "GET" && !route.path.contains("/live")) {
        let path = example_path(route);
        browser.get(&path);
        browser.get(&path.replace(path.split('/').nth(4).unwrap_or("-"), topic["id"].as_str().unwrap()));
    }
    assert_eq!(entries(), before);
}

#[apply(api_test)]
fn a_token_counts_before_a_cookie(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let browser = Browser::log_in(app);
    let token = format!("Bearer {}", app.client(Role::Viewer).token());
    // The program chose its token, so the origin does not matter, and the rights are those of the token.
    let foreign = ("origin", "https://evil.example.com");
    let both = browser.send_with("GET", "/api/v1/auth/me", &[("authorization", &token), foreign], &Value::Null);
    assert_eq!(both.expect(200).json()["role"], "viewer");
    browser
        .send_with("POST", "/api/v1/topics", &[("authorization", &token), foreign], &json!({"name": "Water"}))
        .problem(403, &[]);
    // A token that is not valid is not replaced by the cookie.
    let wrong = [("authorization", "Bearer nonsense"), ("origin", browser.origin.as_str())];
    browser.send_with("GET", "/api/v1/auth/me", &wrong, &Value::Null).problem(401, &[]);
}

#[apply(api_test)]
fn what_is_public_does_not_depend_on_the_cookie(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let (browser, editor) = (Browser::log_in(app), app.editor());
    let public = editor.create("topics", &json!({"name": "Water", "status": "published"}));
    let secret = editor.create("topics", &json!({"name": "Secret"}));
    let path = |item: &Value| format!("/api/v1/topics/{}", item["id"].as_str().unwrap());
    for path in [path(&public), "/api/v1/topics".to_owned(), "/api/v1/layout".to_owned(), path(&secret)] {
        let (first, other) = (app.visitor().get(&path), browser.get(&path));
        assert_eq!(
            (first.status, first.etag(), first.header("vary")),
            (other.status, other.etag(), other.header("vary")),
            "{path}"
        );
        assert_eq!(first.header("cache-control"), other.header("cache-control"), "{path}");
        if first.status == 200 {
            assert_eq!(first.body, other.body, "{path}");
        }
        assert!(cookies(&other).is_empty() && !other.header("vary").to_lowercase().contains("cookie"), "{path}");
    }
    // With `view=draft` nothing is stored, whoever asked first.
    for item in [&public, &secret] {
        let draft = format!("{}?view=draft", path(item));
        assert_eq!(browser.get(&draft).expect(200).header("cache-control"), "private, no-store");
        app.visitor().get(&draft).problem(400, &[("?view", "not_public")]);
        browser.get(&draft).expect(200);
        browser.send_with("GET", &draft, &[("origin", "https://evil.example.com")], &Value::Null).problem(401, &[]);
    }
    let ended = Browser { cookie: "plenary=nonsense".into(), origin: browser.origin.clone(), app };
    ended.get(&format!("{}?view=draft", path(&public))).problem(401, &[]);
    ended.get(&path(&public)).expect(200);
}

#[apply(api_test)]
fn a_cookie_has_no_rights_over_accounts(app: &TestApp) {
    app.account(EMAIL, Role::Administrator);
    let browser = Browser::log_in(app);
    for path in ["/api/v1/accounts", "/api/v1/audit", "/api/v1/api-keys", "/api/v1/auth/keys", "/api/v1/auth/sessions"]
    {
        browser.get(path).problem(403, &[]);
    }
    let key = json!({"name": "mine", "role": "administrator"});
    browser.send("POST", "/api/v1/auth/keys", &key).problem(403, &[]);
    let new = json!({"current_password": PASSWORD, "new_password": "purple rain on tin roofs"});
    browser.send("POST", "/api/v1/auth/password", &new).problem(403, &[]);
    browser.send("POST", "/api/v1/topics", &json!({"name": "Water", "status": "published"})).expect(201);
    // A role that has less has no more.
    app.account("viewer@example.org", Role::Viewer);
    let mut viewer = Browser { app, cookie: String::new(), origin: app.url.clone() };
    viewer.take(&viewer.log_in_as("viewer@example.org", PASSWORD).expect(200));
    viewer.send("POST", "/api/v1/topics", &json!({"name": "Rain"})).problem(403, &[]);
}

#[apply(api_test)]
fn a_cookie_ends_with_the_sessions_of_its_account(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let other = app.second_node();
    let admin = app.client(Role::Administrator);
    let id = app.log_in(EMAIL)["account"]["id"].as_str().unwrap().to_owned();
    let account = format!("/api/v1/accounts/{id}");
    let change = |body: Value| {
        let etag = admin.get(&account).expect(200).etag().to_owned();
        admin.patch(&account, &etag, &body).expect(200);
    };
    for change_of in [json!({"role": "viewer"}), json!({"active": false})] {
        let here = Browser::log_in(app);
        let there = Browser { app: &other, cookie: here.cookie.clone(), origin: other.url.clone() };
        assert_eq!((me(&here), me(&there)), (200, 200));
        change(change_of);
        assert_eq!(me(&here), 401);
        wait_for("the other node", || me(&there) == 401);
        here.renew().problem(401, &[]);
    }
    change(json!({"active": true, "role": "editor"}));
    let (here, second) = (Browser::log_in(app), Browser::log_in(app));
    let there = Browser { app: &other, cookie: here.cookie.clone(), origin: other.url.clone() };
    assert_eq!((me(&here), me(&there), me(&second)), (200, 200, 200));
    there.send("DELETE", "/api/v1/auth/cookie", &Value::Null).expect(204);
    assert_eq!(me(&there), 401);
    wait_for("this node", || me(&here) == 401);
    assert_eq!(me(&second), 200);
}

#[apply(api_test)]
fn a_cookie_is_renewed_in_one_chain(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let mut browser = Browser::log_in(app);
    let old = Browser { app, cookie: browser.cookie.clone(), origin: browser.origin.clone() };
    let reply = browser.renew().expect(200);
    browser.take(&reply);
    assert_ne!(browser.cookie, old.cookie);
    // Another tab that renews at the same moment gets the same cookie, and requests on their way are served.
    let second = old.renew().expect(200);
    assert_eq!(cookies(&second)[0].split(';').next(), Some(browser.cookie.as_str()));
    assert_eq!((me(&old), me(&browser)), (200, 200));
    // Later the old cookie was stolen from one side or the other.
    app.sql("UPDATE refresh_tokens SET used_at = used_at - 20000000 WHERE used_at > 0");
    let fresh = app.second_node();
    let late = Browser { app: &fresh, cookie: old.cookie.clone(), origin: fresh.url.clone() };
    assert_eq!(me(&late), 401);
    late.renew().problem(401, &[]);
    wait_for("the end of the session", || me(&browser) == 401);
}

#[apply(api_test)]
fn a_session_of_a_browser_is_short(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let browser = Browser::log_in(app);
    app.sql("UPDATE refresh_tokens SET expires_at = 1");
    assert_eq!(me(&browser), 401);
    browser.renew().problem(401, &[]);
    // However often it is renewed, it ends twelve hours after the log-in.
    let mut browser = Browser::log_in(app);
    app.sql("UPDATE refresh_tokens SET begun_at = begun_at - 42600000000 WHERE expires_at > 1");
    let reply = browser.renew().expect(200);
    let session = reply.json();
    assert_eq!(session["expires_at"], session["ends_at"]);
    let seconds: i64 = cookies(&reply)[0].split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((500..=600).contains(&seconds), "{seconds}");
    browser.take(&reply);
    assert_eq!(me(&browser), 200);
}

#[apply(api_test)]
fn cookies_and_refresh_tokens_are_not_the_same(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let browser = Browser::log_in(app);
    let value = browser.cookie.strip_prefix("plenary=").unwrap();
    app.visitor().post("/api/v1/auth/refresh", &json!({"refresh_token": value})).problem(401, &[]);
    let tokens = app.log_in(EMAIL);
    for token in ["refresh_token", "access_token"] {
        let cookie = format!("plenary={}", tokens[token].as_str().unwrap());
        let other = Browser { app, cookie, origin: app.url.clone() };
        other.get("/api/v1/auth/me").problem(401, &[]);
        other.renew().problem(401, &[]);
    }
    assert_eq!(me(&browser), 200);
}

#[apply(api_test)]
fn strangers_keep_no_browser_out(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let reply = Browser { app, cookie: String::new(), origin: app.url.clone() }.log_in_as(EMAIL, PASSWORD).expect(200);
    let device = cookies(&reply)[1].split(';').next().unwrap().to_owned();
    let stranger = Browser { app, cookie: String::new(), origin: app.url.clone() };
    for _ in 0..5 {
        stranger.log_in_as(EMAIL, "wrong").problem(401, &[]);
    }
    stranger.log_in_as(EMAIL, PASSWORD).problem(429, &[]);
    Browser { app, cookie: device, origin: app.url.clone() }.log_in_as(EMAIL, PASSWORD).expect(200);
}

/// A site on another host of the domain: `www.example.org` with its server at `cms.example.org`.
#[apply(api_test)]
fn a_listed_site_may_use_the_cookie(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| {
        config.public_url = "https://cms.example.org".into();
        config.cors.credential_origins = vec![SITE.into()];
    });
    app.account(EMAIL, Role::Editor);
    let browser = Browser::log_in_from(&app, SITE);
    let preflight = |origin: &str, method: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", "content-type,if-match"),
        ];
        app.visitor().send("OPTIONS", "/api/v1/topics", &headers, b"")
    };
    let permitted = |reply: &Reply| {
        (
            reply.header("access-control-allow-origin").to_owned(),
            reply.header("access-control-allow-credentials").to_owned(),
        )
    };
    let (site, anybody) = ((SITE.to_owned(), "true".to_owned()), ("*".to_owned(), String::new()));
    let reply = preflight(SITE, "PUT").expect(200);
    assert_eq!(permitted(&reply), site);
    assert!(reply.header("access-control-allow-methods").contains("PUT"));
    assert!(reply.header("access-control-allow-headers").contains("if-match"));
    assert_eq!(permitted(&preflight("https://evil.example.com", "PUT").expect(200)), anybody);
    let me = browser.get("/api/v1/auth/me").expect(200);
    assert_eq!(permitted(&me), site);
    assert!(me.headers.get_all("vary").iter().any(|value| value == "Origin"));
    browser.send("POST", "/api/v1/topics", &json!({"name": "Water", "status": "published"})).expect(201);
    // What caches store is the same for everybody.
    let list = browser.get("/api/v1/topics").expect(200);
    assert_eq!(permitted(&list), anybody);
    assert!(!list.headers.get_all("vary").iter().any(|value| value == "Origin"));
    let foreign = browser.send_with("GET", "/api/v1/auth/me", &[("origin", "https://evil.example.com")], &Value::Null);
    assert_eq!(permitted(&foreign), anybody);
    foreign.problem(401, &[]);
}

#[apply(api_test)]
fn origins_with_credentials_are_named(app: &TestApp) {
    let mut config = app.config.clone();
    config.cors.credential_origins = vec![SITE.to_owned()];
    assert_eq!(config.violations(), Vec::<String>::new());
    config.public_url = "http://cms.example.org".into();
    assert!(config.violations().iter().any(|line| line.contains("https, because cookies do")));
    for origin in ["*", "www.example.org", "http://www.example.org", "https://www.example.org/"] {
        let mut config = app.config.clone();
        config.cors.credential_origins = vec![origin.to_owned()];
        let violations = config.violations();
        assert!(violations.iter().any(|line| line.starts_with("cors.credential_origins")), "{origin}: {violations:?}");
    }
}

/// The editor in the page is one small script, which neither parses HTML nor stores anything secret.
#[apply(api_test)]
fn the_editor_in_the_page_is_served(app: &TestApp) {
    let script = app.visitor().get("/edit.js").expect(200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("access-control-allow-origin"), "*");
    assert!(script.header("cache-control").starts_with("public"));
    let text = String::from_utf8(script.body.clone()).unwrap();
    for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "style="] {
        assert!(!text.contains(word), "{word}");
    }
    app.visitor().send("GET", "/edit.js", &[("if-none-match", script.etag())], b"").expect(304);
    let packed = app.visitor().send("GET", "/edit.js", &[("accept-encoding", "gzip")], b"").expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < 9_000, "{} bytes", packed.body.len());
    let page = app.visitor().get("/edit/log-in").expect(200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'")
            && !policy.contains("unsafe")
    );
    assert_eq!(
        app.visitor().get("/edit/log-in.js").expect(200).header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(app.visitor().get("/edit/log-in.css").expect(200).header("content-type"), "text/css; charset=utf-8");
    app.visitor().get("/edit/other").problem(404, &[]);
}
