//! The slugs in an export of our own: each is checked, and leads to one item.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_text, export_text};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Returns an exported item with these members.
fn item(kind: &str, more: Value) -> Value {
    let label = if kind == "speaker" { json!({"name": "Jan"}) } else { json!({"title": {"en": "X"}}) };
    let mut item = json!({"kind": kind, "id": ID, "slug": "x", "status": "published", "version": 3, "created_at": 1,
        "updated_at": 2, "published_at": 1, "trashed_at": 0, "content": label});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

fn bring_item(app: &TestApp, item: &Value) -> Said {
    bring_text(app, "items.jsonl", &format!("{item}\n"))
}

/// Returns the pointer and the code of each fault for which the item is refused.
fn refusals(app: &TestApp, item: &Value) -> Vec<(String, String)> {
    let said = bring_item(app, item);
    let lines: Vec<_> = said.lines(Outcome::Refused).collect();
    assert_eq!((lines.len(), said.report.total(Outcome::Created)), (1, 0), "{item}: {:?}", said.lines);
    lines[0].faults.iter().map(|fault| (fault.pointer.clone(), fault.code.clone())).collect()
}

#[apply(api_test)]
fn every_slug_is_checked(app: &TestApp) {
    let draft = |slug: &str| json!({"slug": slug, "version": 4, "updated_at": 3, "content": {"title": {"en": "Y"}}});
    let period = json!([{"from": 1, "until": null}]);
    let version = json!([{"version": 3, "periods": period, "slug": "C d", "translations": {"nl": {"slug": "é"}},
        "content": {"title": {"en": "X"}}}]);
    for (kind, more, pointers) in [
        ("event", json!({"slug": "A b"}), &["/slug"][..]),
        ("event", json!({"draft": draft("../x")}), &["/draft/slug"]),
        ("page", json!({"draft": draft("by-path")}), &["/draft/slug"]),
        ("event", json!({"translations": {"nl": {"slug": "A b"}}}), &["/translations/nl/slug"]),
        ("page", json!({"translations": {"nl": {"slug": "by-path"}}}), &["/translations/nl/slug"]),
        ("event", json!({"translations": {"a/b": {"slug": ID}}}), &["/translations/a~1b/slug"]),
        ("event", json!({"old_slugs": ["fine", "<b>", ""]}), &["/old_slugs/1", "/old_slugs/2"]),
        ("event", json!({"taken_slugs": ["No"]}), &["/taken_slugs/0"]),
        (
            "page",
            json!({"public_versions": version}),
            &["/public_versions/0/slug", "/public_versions/0/translations/nl/slug"],
        ),
    ] {
        let wanted: Vec<_> = pointers.iter().map(|at| ((*at).to_owned(), "not_a_slug".to_owned())).collect();
        assert_eq!(refusals(app, &item(kind, more.clone())), wanted, "{more}");
    }
    let paths = json!({"old_paths": [["en", "about"], ["en", "/a//b"]]});
    assert_eq!(refusals(app, &item("page", paths)), [("/old_paths/1/1".to_owned(), "not_a_path".to_owned())]);
    let paths = json!({"old_paths": [["en", "about"]]});
    assert_eq!(refusals(app, &item("event", paths)), [("/old_paths".to_owned(), "not_allowed".to_owned())]);
    // The id of an item that was merged into this one is one of its addresses.
    let merged = "01890a5d-ac96-774b-bcce-b302099a8058";
    let said = bring_item(app, &item("event", json!({"old_slugs": [merged, "older"], "taken_slugs": ["by-path"]})));
    assert_eq!(said.report.total(Outcome::Created), 1, "{:?}", said.lines);
    for address in [merged, "older"] {
        let reply = app.visitor().get(&format!("/api/v1/events/{address}")).expect(308);
        assert_eq!(reply.header("location"), "/api/v1/events/x");
    }
}

/// A draft whose slug is taken here has the slug of its item, and a note says so.
#[apply(api_test)]
fn a_slug_of_a_draft_that_is_taken_is_told(app: &TestApp) {
    let editor = app.editor();
    editor.post("/api/v1/events", &json!({"title": "Taken", "slug": "taken"})).expect(201);
    let draft = json!({"slug": "taken", "version": 4, "updated_at": 3, "content": {"title": {"en": "Y"}}});
    let said = bring_item(app, &item("event", json!({"draft": draft})));
    assert_eq!(said.report.total(Outcome::Created), 1, "{:?}", said.lines);
    let notes: Vec<_> = said.lines(Outcome::Note).flat_map(|line| &line.faults).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!((notes[0].pointer.as_str(), notes[0].code.as_str()), ("/draft/slug", "taken"));
    let draft = editor.get("/api/v1/events/x?view=draft").expect(200).json();
    assert_eq!((&draft["slug"], &draft["title"]), (&json!("x"), &json!("Y")));
}

/// An item whose slug in another language is taken here has none in that language, and not one that leads to another item.
#[apply(api_test)]
fn a_slug_of_a_language_that_is_taken_is_left_out(app: &TestApp) {
    let app = &TestApp::start_with(app.backend, |config| {
        config.site.locales = ["en", "nl", "fr"].map(str::to_owned).to_vec();
    });
    let (editor, public) = (app.editor(), app.visitor());
    let job = |en: &str, nl: &str| json!({"en": en, "nl": nl});
    let here = json!({"name": "Jan here", "job_title": job("Writer", "Schrijver"), "slugs": {"en": "jan-here", "nl": "jan"}, "status": "published"});
    editor.post("/api/v1/speakers?locale=*", &here).expect(201);
    let content = json!({"name": "Jan there", "job_title": job("Poet", "Dichter")});
    let translations = json!({"nl": {"slug": "jan"}, "fr": {"slug": "jean"}});
    let given =
        json!({"slug": "jan-there", "translations": translations, "old_slugs": ["jan", "jean"], "content": content});
    let said = bring_item(app, &item("speaker", given));
    assert_eq!(said.report.total(Outcome::Created), 1, "{:?}", said.lines);
    let notes: Vec<_> = said.lines(Outcome::Note).flat_map(|line| &line.faults).collect();
    assert_eq!(notes.len(), 1, "{:?}", said.lines);
    assert_eq!((&*notes[0].pointer, &*notes[0].code), ("/translations/nl/slug", "taken"));
    assert!(notes[0].message.contains("jan here"), "{}", notes[0].message);
    let speaker = |slug: &str| public.get(&format!("/api/v1/speakers/{slug}?locale=nl")).expect(200).json();
    assert_eq!((&speaker("jan")["name"], &speaker("jan-there")["slug"]), (&json!("Jan here"), &json!("jan-there")));
    let exported = export_text(app);
    let exported: Value = serde_json::from_str(exported.lines().find(|line| line.contains(ID)).unwrap()).unwrap();
    assert_eq!(
        (&exported["translations"], &exported["old_slugs"]),
        (&json!({"fr": {"slug": "jean"}}), &json!(["jean"]))
    );
    let french = public.get("/api/v1/speakers/jean?locale=fr").expect(200).json();
    assert_eq!(french["name"], "Jan there");
}

/// A slug that another item had formerly is free. So is that of a language which the list of former slugs does not name.
#[apply(api_test)]
fn a_slug_of_a_language_that_was_free_leads_to_the_item(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Jan here", "slug": "jan", "status": "published"}));
    editor.patch("/api/v1/speakers/jan", "\"v1\"", &json!({"slug": "jan-here"})).expect(200);
    let content = json!({"name": "Jan there", "job_title": {"en": "Poet", "nl": "Dichter"}});
    let given = json!({"slug": "jan-there", "translations": {"nl": {"slug": "jan"}}, "content": content});
    let said = bring_item(app, &item("speaker", given));
    assert_eq!((said.report.total(Outcome::Created), said.lines(Outcome::Note).count()), (1, 0), "{:?}", said.lines);
    let found = public.get("/api/v1/speakers/jan?locale=nl").expect(200).json();
    assert_eq!((&found["name"], &found["slug"]), (&json!("Jan there"), &json!("jan")));
}
