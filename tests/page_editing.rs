//! The editor in the page, used in a browser on the example site, whose pages are of another origin than the server.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::website::{Website, free_address};

const EMAIL: &str = "anna@example.org";

#[apply(api_test)]
fn texts_are_changed_where_they_are_read(app: &TestApp) {
    let address = free_address();
    let api = format!("http://{address}");
    let website = Website::build(&api);
    let listener = std::net::TcpListener::bind(&address).unwrap();
    let app = TestApp::start_at(app.backend, listener, |config| {
        config.public_url = api.clone();
        config.cors.credential_origins = vec![website.url.clone()];
    });
    app.account(EMAIL, Role::Editor);
    let (editor, other) = (app.editor(), app.editor());
    let event = editor.create(
        "events",
        &json!({
            "title": "Rivers without borders", "body": "Old *words*.", "starts_at": "2027-03-04T09:30",
            "time_zone": "Europe/Brussels", "status": "published",
        }),
    );
    let topic = editor.create("topics", &json!({"name": "Drafty"}));
    let etag = editor.get("/api/v1/site").expect(200).etag().to_owned();
    let texts = json!({"name": "Meander", "newsletter": {"title": "News", "button": "Sign up"}});
    editor.patch("/api/v1/site", &etag, &texts).expect(200);
    let found = website.look("edit_page.mjs", &json!({
        "api": api, "email": EMAIL, "password": PASSWORD, "token": editor.token(), "other": other.token(),
        "path": format!("/en/events/{}", event["slug"].as_str().unwrap()), "event": event["id"], "draftTopic": topic["id"],
    }));
    assert_eq!(found["faults"], json!([]), "{:#}", found["faults"]);
    assert!(found["marks"].as_u64().unwrap() >= 4, "{}", found["marks"]);
    assert_eq!(found["unnamed"], 0);
    // Nothing secret is where a script of the page could read it.
    assert_eq!(found["stored"], json!([[], [["plenary:open", "1"]], ""]));
    assert_eq!(found["before"], "Rivers without borders");
    assert_eq!(found["shown"], "A title from the page");
    assert_eq!(found["after"], json!(["Rivers without borders", "A title from the page"]));
    assert_eq!(found["cancelled"], json!(["A title from the page", "A title from the page"]));
    assert_eq!(found["source"], "Old *words*.");
    let rich = found["rich"].as_array().unwrap();
    assert_eq!(rich[0], "New **words** <script>alert(1)</script>\n\nAnd more.");
    assert!(rich[1].as_str().unwrap().contains("And more.") && rich[2] == 0, "{rich:?}");
    assert!(found["others"].as_str().unwrap().contains("A Tester"), "{}", found["others"]);
    let conflict = found["conflict"].as_str().unwrap();
    for part in ["A title of somebody else", "My own title", "A Tester"] {
        assert!(conflict.contains(part), "{part} is missing: {conflict}");
    }
    assert_eq!(found["resolved"], "My own title");
    assert_eq!(found["kept"], "Written without a session");
    for name in ["missing", "refused"] {
        assert!(found[name].as_str().unwrap().contains("/topics/0"), "{}", found[name]);
    }
    assert_eq!(found["published"], "Written without a session");
    assert_eq!(found["dutch"], json!(["Een titel uit de pagina", "Written without a session"]));
    assert_eq!(found["site"], "Nieuws voor u");
    assert_eq!(found["closed"], json!([0, 0]));
    assert_eq!(found["plain"], json!(["From a plain page", "Plain *words*."]));
    let present: Value =
        editor.get(&format!("/api/v1/events/{}/desk", event["id"].as_str().unwrap())).expect(200).json();
    assert!(present["live"].as_bool().unwrap());
}
