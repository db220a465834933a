//! The texts of entries of lists in other languages than the one of a write: they stay with their entry.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// A member of the entries of a list, in order.
fn all(client: &Client, path: &str, list: &str, member: &str) -> Vec<String> {
    let item = client.get(path).expect(200).json();
    let text = |entry: &Value| entry.pointer(member).and_then(Value::as_str).unwrap_or("-").to_owned();
    item.pointer(list).unwrap().as_array().unwrap().iter().map(text).collect()
}

fn patch(editor: &Client, path: &str, body: &Value) {
    let etag = editor.get(path).expect(200).etag().to_owned();
    editor.patch(&format!("{path}?locale=en"), &etag, body).expect(200);
}

#[apply(api_test)]
fn entries_of_menus_keep_their_texts(app: &TestApp) {
    let editor = app.editor();
    for (en, nl) in [("about", "Over ons"), ("team", "Ons team")] {
        let page = json!({"title": {"en": en, "nl": nl}, "slug": en, "status": "published"});
        editor.post("/api/v1/pages?locale=*", &page).expect(201);
    }
    let to = |slug: &str| json!({"collection": "pages", "id": slug});
    let menu = json!({"title": {"en": "M"}, "slug": "m", "status": "published", "entries": [
        {"label": {"en": "About", "nl": "Over"}, "target": to("about")},
        {"label": {"en": "Team", "nl": "Team (nl)"}, "target": to("team")},
        {"label": {"en": "A", "nl": "A (nl)"}, "url": "/a"},
    ]});
    editor.post("/api/v1/menus?locale=*", &menu).expect(201);
    let dutch = |app: &TestApp| all(&app.editor(), "/api/v1/menus/m?locale=nl&fallback=none", "/entries", "/label");
    // Another order, with the pages given by their slugs, and a new entry at the head.
    let entries = json!([
        {"label": "New", "url": "/n"},
        {"label": "A", "url": "/a"},
        {"label": "Team", "target": to("team")},
        {"label": "About us", "target": to("about")},
    ]);
    patch(&editor, "/api/v1/menus/m", &json!({"entries": entries}));
    assert_eq!(dutch(app), ["-", "A (nl)", "Team (nl)", "Over"]);
    // An address that is corrected is the same entry, which its text tells; another text for another place is a new one.
    let entries = json!([{"label": "A", "url": "/b"}, {"label": "Staff", "url": "/staff"}]);
    patch(&editor, "/api/v1/menus/m", &json!({"entries": entries}));
    assert_eq!(dutch(app), ["A (nl)", "-"]);
}

#[apply(api_test)]
fn links_keep_the_texts_of_the_item_that_they_name(app: &TestApp) {
    let editor = app.editor();
    for name in ["Noor", "Elias"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    let speakers = json!([
        {"speaker": "noor", "affiliation": {"en": "Centre", "nl": "Centrum"}},
        {"speaker": "elias", "affiliation": {"en": "University", "nl": "Universiteit"}},
    ]);
    let event = json!({"title": {"en": "E"}, "slug": "e", "status": "published", "speakers": speakers});
    editor.post("/api/v1/events?locale=*", &event).expect(201);
    let (path, dutch) = ("/api/v1/events/e", "/api/v1/events/e?locale=nl&fallback=none");
    let affiliations = |app: &TestApp| all(&app.editor(), dutch, "/speakers", "/affiliation");
    let given = |slug: &str, affiliation: &str| json!({"speaker": slug, "affiliation": affiliation});
    patch(&editor, path, &json!({"speakers": [given("elias", "University"), given("noor", "Centre")]}));
    assert_eq!(affiliations(app), ["Universiteit", "Centrum"]);
    // A new person has no text yet; who is looked for by a slug, and found, keeps it.
    let create = json!({"speaker": {"create": {"name": "Zoë", "status": "published"}}, "affiliation": "Institute"});
    let found = json!({"speaker": {"match": {"slug": "elias"}}, "affiliation": "College"});
    patch(&editor, path, &json!({"speakers": [create, found]}));
    assert_eq!(affiliations(app), ["-", "Universiteit"]);
    patch(&editor, path, &json!({"speakers": [given("noor", "Centre"), given("elias", "College")]}));
    assert_eq!(affiliations(app), ["-", "Universiteit"]);
}

#[apply(api_test)]
fn entries_that_lead_nowhere_keep_the_texts_of_their_question(app: &TestApp) {
    let editor = app.editor();
    let entry = |en: &str, nl: &str| json!({"title": {"en": en, "nl": nl}, "body": {"en": format!("<p>{en}</p>"), "nl": format!("<p>{nl}</p>")}});
    let block = json!({"type": "accordion", "id": "questions", "entries": [entry("One", "Een"), entry("Two", "Twee")]});
    let page = json!({"title": {"en": "P", "nl": "P"}, "slug": "p", "status": "published", "blocks": [block]});
    editor.post("/api/v1/pages?locale=*", &page).expect(201);
    let dutch = "/api/v1/pages/p?locale=nl&fallback=none";
    let titles = |app: &TestApp| all(&app.editor(), dutch, "/blocks/0/entries", "/title");
    let write = |entries: Value| {
        let block = json!({"type": "accordion", "id": "questions", "entries": entries});
        patch(&editor, "/api/v1/pages/p", &json!({"blocks": [block]}));
    };
    let given = |title: &str, body: &str| json!({"title": title, "body": format!("<p>{body}</p>")});
    write(json!([given("New", "New"), given("Two", "Two"), given("One", "rewritten")]));
    assert_eq!(titles(app), ["-", "Twee", "Een"]);
    write(json!([given("Two", "Two"), given("One", "rewritten")]));
    assert_eq!(titles(app), ["Twee", "Een"]);
    // As many as before: the question was rewritten.
    write(json!([given("Second", "second"), given("One", "rewritten")]));
    assert_eq!(titles(app), ["Twee", "Een"]);
    write(json!([given("One", "rewritten")]));
    assert_eq!(titles(app), ["Een"]);
}

#[apply(api_test)]
fn a_new_telephone_gets_no_label_of_another_one(app: &TestApp) {
    let editor = app.editor();
    let number = |label: Value, e164: &str| json!({"label": label, "number": e164, "text": e164});
    let first = number(json!({"en": "Press", "nl": "Pers"}), "+3225550001");
    let etag = editor.get("/api/v1/site").expect(200).etag().to_owned();
    editor.patch("/api/v1/site?locale=*", &etag, &json!({"telephones": [first]})).expect(200);
    let telephones = json!([number(json!("Desk"), "+3225550003"), number(json!("Press"), "+3225550001")]);
    patch(&editor, "/api/v1/site", &json!({"telephones": telephones}));
    assert_eq!(all(&editor, "/api/v1/site?locale=nl&fallback=none", "/telephones", "/label"), ["-", "Pers"]);
}
