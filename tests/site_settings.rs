//! The settings of the site: one item, from the first start.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, options, write_export};

const SITE: &str = "/api/v1/site";
const SETTINGS: &str = "/api/v1/site/settings";

fn name(client: &Client, query: &str) -> Value {
    client.get(&format!("{SITE}{query}")).expect(200).json()["name"].clone()
}

/// What the footer of the origin page shows.
fn origin() -> Value {
    json!({
        "name": "European Policy Centre",
        "short_name": "EPC",
        "addresses": [{
            "text": "14-16 rue du Trône, 1000 Brussels, Belgium",
            "address": {"street": "14-16 rue du Trône", "postal_code": "1000", "city": "Brussels", "country": "BE"},
        }],
        "telephones": [{"label": "Call us", "text": "+32 (0)2 231 03 40", "number": "+3222310340"}],
        "registration_numbers": [{"label": "EU Transparency Register No.", "number": "89632641000 47"}],
        "copyright": {"holder": "European Policy Centre", "first_year": 2019},
        "newsletter": {
            "title": "The latest from the EPC, right in your inbox",
            "button": "Sign up for our email newsletter",
        },
    })
}

#[apply(api_test)]
fn they_exist_before_anybody_has_written_them(app: &TestApp) {
    let public = app.visitor();
    let reply = public.get(SITE).expect(200);
    let site = reply.json();
    assert_eq!((&site["name"], &site["slug"], &site["version"]), (&json!("Plenary"), &json!("settings"), &json!(1)));
    assert_eq!(site["telephones"], json!([]));
    let configuration = json!({"default_locale": "en", "locales": ["en", "nl"], "time_zone": "Europe/Brussels"});
    assert_eq!(site["configuration"], configuration);
    assert!(site["current_year"].as_i64().unwrap() >= 2026);
    assert_eq!(reply.header("cache-control"), "public, max-age=5, stale-while-revalidate=30");
    assert_eq!(public.get(SETTINGS).expect(200).json(), site);
    assert_eq!(public.get(&format!("{SITE}/{}", site["id"].as_str().unwrap())).expect(200).json(), site);
    public.get(&format!("{SITE}/other")).problem(404, &[]);
    assert_eq!(public.get(&format!("{SITE}?fields=name,current_year")).expect(200).json()["name"], "Plenary");
    assert_eq!(name(&public, "?locale=*"), json!({"en": "Plenary"}));
    // Only a write stores them: until then no copy has them.
    assert_eq!(public.get("/api/v1/changes").expect(200).json()["data"], json!([]));
    let editor = app.editor();
    assert_eq!(editor.get(&format!("{SETTINGS}/revisions")).expect(200).json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(editor.get(SITE).expect(200).json()["version"], 1);
    let copy = public.get("/api/v1/changes").expect(200).json();
    assert_eq!((&copy["data"][0]["collection"], &copy["data"][0]["item"]["name"]), (&json!("site"), &json!("Plenary")));
}

#[apply(api_test)]
fn they_hold_what_the_origin_page_shows(app: &TestApp) {
    let editor = app.editor();
    let tag = editor.get(SITE).expect(200);
    let changed = editor.patch(SITE, tag.etag(), &origin()).expect(200);
    let (site, wanted) = (app.visitor().get(SITE).expect(200).json(), origin());
    for (name, value) in wanted.as_object().unwrap() {
        let (given, shown) = (value, &site[name]);
        match given {
            Value::String(_) => assert_eq!(shown, given),
            Value::Array(list) => {
                for (member, text) in list[0].as_object().unwrap().iter().filter(|(_, text)| text.is_string()) {
                    assert_eq!(&shown[0][member], text, "{name}");
                }
            }
            _ => {
                for (member, text) in given.as_object().unwrap() {
                    assert_eq!(&shown[member], text, "{name}");
                }
            }
        }
    }
    // What was read can be written, and another language changes nothing of this one.
    let again = editor.put(SETTINGS, changed.etag(), &changed.json()).expect(200);
    assert_eq!(again.json()["telephones"], site["telephones"]);
    let dutch = json!({"telephones": [{"label": "Bel ons", "text": "+32 (0)2 231 03 40", "number": "+3222310340"}]});
    let dutch = editor.patch(&format!("{SITE}?locale=nl"), again.etag(), &dutch).expect(200);
    assert_eq!(dutch.json()["telephones"][0]["label"], "Bel ons");
    let all = app.visitor().get(&format!("{SITE}?locale=*")).expect(200).json();
    assert_eq!(all["telephones"][0]["label"], json!({"en": "Call us", "nl": "Bel ons"}));
    assert_eq!(name(&app.visitor(), "?locale=nl"), "European Policy Centre");
}

/// Holidays are shown with the other hours, in each language, also in the layout.
#[apply(api_test)]
fn they_hold_special_days(app: &TestApp) {
    let editor = app.editor();
    let days = json!([
        {"valid_from": "2026-12-24", "valid_through": "2027-01-01", "note": "Christmas"},
        {"valid_from": "2026-12-28", "opens": "10:00", "closes": "15:00"},
    ]);
    let changed = editor.patch(SITE, "\"v1\"", &json!({"special_opening_hours": days})).expect(200);
    let dutch = json!({"special_opening_hours": [
        {"valid_from": "2026-12-24", "valid_through": "2027-01-01", "note": "Kerstmis"}, days[1],
    ]});
    editor.patch(&format!("{SITE}?locale=nl"), changed.etag(), &dutch).expect(200);
    let public = app.visitor();
    let shown = public.get(&format!("{SITE}?locale=nl")).expect(200).json()["special_opening_hours"].clone();
    let closed = json!({
        "valid_from": "2026-12-24", "valid_through": "2027-01-01", "opens": null, "closes": null, "note": "Kerstmis",
    });
    assert_eq!(shown[0], closed);
    assert_eq!((&shown[1]["valid_through"], &shown[1]["opens"]), (&Value::Null, &json!("10:00")));
    assert_eq!(public.get("/api/v1/layout?locale=nl").expect(200).json()["site"]["special_opening_hours"], shown);
    let texts = public.get(&format!("{SITE}?locale=*")).expect(200).json()["special_opening_hours"].clone();
    assert_eq!(texts[0]["note"], json!({"en": "Christmas", "nl": "Kerstmis"}));
    let bad = json!({"special_opening_hours": [
        {"valid_from": "24.12.2026"}, {"valid_from": "2026-12-25", "valid_through": "2026-12-24"},
        {"valid_from": "2026-12-25", "opens": "25:00"}, {"opens": "10:00", "closes": "11:00"},
    ]});
    editor.patch(SITE, "\"v3\"", &bad).problem(
        422,
        &[
            ("/special_opening_hours/2/opens", "not_a_time"),
            ("/special_opening_hours/0/valid_from", "not_a_date"),
            ("/special_opening_hours/1/valid_through", "before_start"),
            ("/special_opening_hours/2/closes", "required"),
            ("/special_opening_hours/3/valid_from", "required"),
        ],
    );
}

#[apply(api_test)]
fn bad_settings_are_refused_with_their_places(app: &TestApp) {
    let editor = app.editor();
    let bad = json!({
        "name": null,
        "telephones": [{"text": "1", "number": "02 231 03 40"}, {"text": "2", "number": "+0123"}],
        "email": "nobody",
        "analytics": [{"provider": "spy", "id": "1"}],
        "configuration": {"time_zone": "Asia/Tokyo"},
        "titel": 1,
    });
    editor.patch(SITE, "\"v1\"", &bad).problem(
        422,
        &[
            ("/configuration", "read_only"),
            ("/titel", "unknown_field"),
            ("/name", "required"),
            ("/email", "not_an_email"),
            ("/analytics/0/provider", "not_allowed"),
        ],
    );
    let rules = json!({
        "telephones": [{"text": "1", "number": "02 231 03 40"}, {"text": "2", "number": "+3222310340"}],
        "opening_hours": [{"days": ["monday"], "opens": "9:00", "closes": "25:00"}],
        "analytics": [{"provider": "matomo", "id": "7\"></script>"}],
        "verifications": [{"provider": "google", "token": "<script>"}],
        "copyright": {"first_year": 9999},
    });
    editor.patch(SITE, "\"v1\"", &rules).problem(
        422,
        &[
            ("/telephones/0/number", "not_a_value"),
            ("/opening_hours/0/opens", "not_a_time"),
            ("/opening_hours/0/closes", "not_a_time"),
            ("/copyright/first_year", "out_of_range"),
            ("/analytics/0/id", "not_a_value"),
            ("/verifications/0/token", "not_a_value"),
        ],
    );
    assert_eq!(name(&app.visitor(), ""), "Plenary");
    editor.send("PATCH", SITE, &[("content-type", "application/json")], b"{}").problem(428, &[]);
    editor.patch(SITE, "\"v7\"", &json!({"name": "X"})).problem(412, &[]);
}

/// There is one, which is always public.
#[apply(api_test)]
fn they_are_neither_created_nor_taken_down(app: &TestApp) {
    let editor = app.editor();
    assert_eq!(editor.post(SITE, &json!({"name": "Second"})).status, 405);
    assert_eq!(editor.delete(SETTINGS, "\"v1\"").status, 405);
    for step in ["archive", "unpublish", "restore", "merge"] {
        editor.act(&format!("{SETTINGS}/{step}"), "\"v1\"").problem(404, &[]);
    }
    editor.patch(SITE, "\"v1\"", &json!({"status": "draft"})).problem(409, &[]);
    editor.patch(SITE, "\"v1\"", &json!({"status": "archived"})).problem(409, &[]);
    editor.patch(SITE, "\"v1\"", &json!({"slug": "other"})).problem(422, &[("/slug", "read_only")]);
    editor.patch(SITE, "\"v1\"", &json!({"slugs": {"nl": "instellingen"}})).problem(422, &[("/slug", "read_only")]);
    let until = json!({"unpublish_at": "2050-01-01T00:00:00Z"});
    editor.act_with(&format!("{SETTINGS}/schedule"), "\"v1\"", &until).problem(409, &[]);
    let entries = |entry: Value| json!({"entries": [entry]});
    let create = entries(json!({"operation": "create", "collection": "site", "content": {"name": "Second"}}));
    editor.post("/api/v1/batch", &create).problem(422, &[("/entries/0", "conflict")]);
    for operation in ["trash", "archive", "unpublish"] {
        let step = json!({"operation": operation, "collection": "site", "id": "settings", "version": 1});
        editor.post("/api/v1/batch", &entries(step)).problem(422, &[("/entries/0", "conflict")]);
    }
    let patch =
        json!({"operation": "update", "collection": "site", "id": "settings", "version": 1, "patch": {"name": "B"}});
    editor.post("/api/v1/batch", &entries(patch)).expect(200);
    assert_eq!(name(&app.visitor(), ""), "B");
}

#[apply(api_test)]
fn roles_may_do_what_they_may_with_content(app: &TestApp) {
    let change = json!({"tagline": "New"});
    app.visitor().patch(SITE, "\"v1\"", &change).problem(401, &[]);
    app.client(Role::Viewer).patch(SITE, "\"v1\"", &change).problem(403, &[]);
    // A contributor writes drafts of own items; these settings are nobody's until they are assigned.
    let contributor = app.client(Role::Contributor);
    contributor.patch(&format!("{SITE}?view=draft"), "\"v1\"", &change).problem(403, &[]);
    contributor.patch(SITE, "\"v1\"", &change).problem(403, &[]);
    contributor.act(&format!("{SETTINGS}/publish"), "\"v1\"").problem(403, &[]);
    app.editor().patch(&format!("{SITE}?view=draft"), "\"v1\"", &change).expect(200);
    assert_eq!(app.visitor().get(SITE).expect(200).json()["tagline"], Value::Null);
    let editor = app.editor();
    let newest = editor.get(&format!("{SITE}?view=draft")).expect(200);
    assert_eq!(newest.json()["tagline"], "New");
    editor.act(&format!("{SETTINGS}/publish"), newest.etag()).expect(200);
    assert_eq!(app.visitor().get(SITE).expect(200).json()["tagline"], "New");
    assert!(editor.get(&format!("{SETTINGS}/desk")).expect(200).json().is_object());
}

/// A plan changes them at its moment, and previews show it before.
#[apply(api_test)]
fn they_are_scheduled_and_previewed(app: &TestApp) {
    let editor = app.editor();
    let draft = editor.patch(&format!("{SITE}?view=draft"), "\"v1\"", &json!({"name": "Later"})).expect(200);
    let at = json!({"publish_at": "2040-01-01T00:00:00Z"});
    editor.act_with(&format!("{SETTINGS}/schedule"), draft.etag(), &at).expect(200);
    assert_eq!(name(&editor, ""), "Plenary");
    assert_eq!(name(&editor, "?at=2039-12-31T00:00:00Z"), "Plenary");
    assert_eq!(name(&editor, "?at=2040-01-02T00:00:00Z"), "Later");
    app.visitor().get(&format!("{SITE}?at=2040-01-02T00:00:00Z")).problem(400, &[("?at", "not_public")]);
    let link = json!({"collection": "site", "id": "settings"});
    let token = editor.post("/api/v1/preview-links", &link).expect(201).json()["token"].clone();
    assert_eq!(name(&app.visitor(), &format!("?preview={}", token.as_str().unwrap())), "Later");
    assert_eq!(name(&app.visitor(), ""), "Plenary");
}

/// The export of one installation is the settings of another.
#[apply(api_test)]
fn exports_bring_them_along(app: &TestApp) {
    let editor = app.editor();
    editor.patch(SITE, "\"v1\"", &origin()).expect(200);
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path(), "all.jsonl");
    let other = TestApp::start(app.other_backend());
    bring(&other, &file, &options(&file));
    let (mut here, mut there) =
        (app.visitor().get(SITE).expect(200).json(), other.visitor().get(SITE).expect(200).json());
    for site in [&mut here, &mut there] {
        site.as_object_mut().unwrap().shift_remove("updated_at");
    }
    assert_eq!(here, there);
}

/// The settings of the site are always public: nobody is offered to take them down.
#[apply(api_test)]
fn steps_of_the_settings(app: &TestApp) {
    let steps = app.editor().get("/api/v1/site/settings/desk").expect(200).json()["operations"].clone();
    assert!(!["unpublish", "archive", "trash"].iter().any(|step| steps.as_array().unwrap().contains(&json!(step))));
}
