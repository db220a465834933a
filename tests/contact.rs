//! Contact: forms that the site sets, messages of visitors, and the inbox of the desk.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::newsletter::started;
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;
use crate::support::post_office::solve_altcha;

fn label(en: &str, nl: &str) -> Value {
    json!([{"locale": "en", "text": en}, {"locale": "nl", "text": nl}])
}

fn form() -> Value {
    json!({
        "titles": label("Contact us", "Contact"),
        "recipients": ["desk@example.org", "second@example.org"],
        "keep_days": 30,
        "fields": [
            {"name": "name", "type": "line", "labels": label("Your name", "Uw naam")},
            {"name": "email", "type": "email", "required": true, "labels": label("Your address", "Uw adres")},
            {"name": "about", "type": "choice", "labels": label("About", "Over"), "options": [
                {"value": "press", "labels": label("Press", "Pers")}, {"value": "other", "labels": label("Other", "Anders")},
            ]},
            {"name": "message", "type": "text", "required": true, "max_length": 40, "labels": label("Your message", "Uw bericht")},
            {"name": "privacy", "type": "checkbox", "required": true, "labels": label("I agree", "Akkoord")},
        ],
    })
}

fn set_up(app: &TestApp, name: &str, form: &Value) -> Reply {
    app.client(Role::Administrator).put(&format!("/api/v1/contact-forms/{name}"), "", form)
}

fn change(app: &TestApp, name: &str, form: &Value) -> Reply {
    let (path, admin) = (format!("/api/v1/contact-forms/{name}"), app.client(Role::Administrator));
    let tag = admin.get(&path).expect(200).etag().to_owned();
    admin.put(&path, &tag, form)
}

fn remove(app: &TestApp, name: &str) -> Reply {
    let (path, admin) = (format!("/api/v1/contact-forms/{name}"), app.client(Role::Administrator));
    admin.delete(&path, admin.get(&path).expect(200).etag())
}

#[apply(api_test)]
fn a_form_is_replaced_by_who_has_read_it(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    let path = "/api/v1/contact-forms/contact";
    admin.get(path).problem(404, &[]);
    admin.put(path, "\"v1\"", &form()).problem(412, &[]);
    let body = form().to_string();
    let put = |headers: &[(&str, &str)]| {
        let all = [&[("content-type", "application/json")], headers].concat();
        admin.send("PUT", path, &all, body.as_bytes())
    };
    put(&[("if-none-match", "*"), ("if-match", "\"v1\"")]).problem(400, &[("If-None-Match", "with_if_match")]);
    let made = put(&[("if-none-match", "*")]).expect(200);
    put(&[("if-none-match", "*")]).problem(412, &[]);
    put(&[]).problem(428, &[]);
    put(&[("if-match", "nonsense")]).problem(400, &[("If-Match", "not_a_tag")]);
    assert_eq!(admin.get(path).expect(200).etag(), made.etag());
    let second = put(&[("if-match", made.etag())]).expect(200);
    put(&[("if-match", made.etag())]).problem(412, &[]);
    put(&[("if-match", "*")]).problem(428, &[]);
    // So is a deletion; and whoever has read the deleted form does not replace the next one with its name.
    admin.send("DELETE", path, &[], b"").problem(428, &[]);
    admin.delete(path, made.etag()).problem(412, &[]);
    admin.delete(path, second.etag()).expect(204);
    admin.delete(path, second.etag()).problem(404, &[]);
    put(&[("if-match", second.etag())]).problem(412, &[]);
    put(&[("if-match", "*")]).problem(412, &[]);
    admin.get(path).problem(404, &[]);
    let third = put(&[]).expect(200);
    put(&[("if-match", &format!("{}, {}", made.etag(), second.etag()))]).problem(412, &[]);
    assert_eq!(third.etag(), "\"v3\"");
}

fn send(app: &TestApp, fields: &Value, more: &Value) -> Reply {
    let mut body = json!({"fields": fields, "altcha": solve_altcha(&app.visitor())});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.visitor().post("/api/v1/contact/contact", &body)
}

fn filled(message: &str) -> Value {
    json!([
        {"name": "name", "value": "Anna\u{2028}Janssens"}, {"name": "email", "value": "anna@example.net"},
        {"name": "about", "value": "press"}, {"name": "message", "value": message}, {"name": "privacy", "checked": true},
    ])
}

#[apply(api_test)]
fn a_message_reaches_the_desk(app: &TestApp) {
    let (office, app) = started(app);
    set_up(&app, "contact", &form()).expect(200);
    let page = app.visitor().get("/api/v1/contact/contact?locale=nl").expect(200).json();
    assert_eq!((&page["title"], &page["fields"][3]["label"]), (&json!("Contact"), &json!("Uw bericht")));
    assert!(!page.to_string().contains("desk@example.org"), "{page}");
    assert_eq!(page["fields"][2]["options"][0], json!({"value": "press", "label": "Pers"}));
    send(&app, &filled("Is it open?\nTo <all>?"), &json!({"locale": "nl"})).expect(202);
    let mails = office.wait_for(2);
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["desk@example.org", "second@example.org"]);
    assert_eq!(mails[0].header("Reply-To").unwrap(), "anna@example.net");
    assert!(mails[0].text.contains("Over: Pers") && mails[0].html.contains("To &lt;all&gt;?"), "{:?}", mails[0]);
    let editor = app.editor();
    let inbox = editor.get("/api/v1/contact-messages?status=open").expect(200).json();
    let message = &inbox["data"][0];
    assert_eq!((&message["email"], &message["title"]), (&json!("anna@example.net"), &json!("Contact")));
    assert_eq!(message["fields"].as_array().unwrap().len(), 5);
    let path = format!("/api/v1/contact-messages/{}", message["id"].as_str().unwrap());
    let me = editor.get("/api/v1/auth/me").expect(200).json()["id"].clone();
    let changed = editor.patch(&path, "\"v1\"", &json!({"assignee": me, "note": "Mine"})).expect(200);
    assert_eq!(changed.json()["assignee"], me);
    editor.patch(&path, "\"v1\"", &json!({"note": "Too late"})).problem(412, &[]);
    editor.patch(&path, changed.etag(), &json!({"assignee": "nobody"})).problem(422, &[("/assignee", "not_found")]);
    // A message has always a status, so null does not take it away.
    let no_status = editor.patch(&path, changed.etag(), &json!({"status": null, "note": "Lost"}));
    no_status.problem(422, &[("/status", "required")]);
    assert_eq!(editor.get(&path).expect(200).json(), changed.json());
    // Who takes care of a message must be able to read it.
    let viewer = app.client(Role::Viewer).get("/api/v1/auth/me").expect(200).json()["id"].clone();
    let refused = editor.patch(&path, changed.etag(), &json!({"assignee": viewer}));
    let refused = refused.problem(422, &[("/assignee", "not_allowed")]);
    assert!(refused.to_string().contains("an account with the role \\\"viewer\\\" cannot"), "{refused}");
    let mine = editor.get(&format!("/api/v1/contact-messages?assignee={}", me.as_str().unwrap())).expect(200).json();
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    assert_eq!(editor.get("/api/v1/contact-messages?assignee=me").expect(200).json(), mine);
    editor.get("/api/v1/contact-messages?assignee=nobody").problem(400, &[("?assignee", "not_allowed")]);
    let answered =
        editor.act_with(&format!("{path}/answer"), changed.etag(), &json!({"text": "Everybody is welcome."}));
    let answered = answered.expect(200);
    assert_eq!(answered.json()["status"], "answered");
    let mail = office.wait_for(3).into_iter().find(|mail| mail.to == "anna@example.net").unwrap();
    assert_eq!((mail.subject.as_str(), mail.header("Reply-To").unwrap().as_str()), ("Re: Contact", "desk@example.org"));
    assert!(mail.text.starts_with("Everybody is welcome.") && mail.header("Auto-Submitted").is_none());
    let answered = answers_without_its_form(&app, &editor, (&path, answered.etag()));
    assert_eq!(office.wait_for(4)[3].header("Reply-To").unwrap(), "desk@example.org");
    editor.patch(&path, answered.etag(), &json!({"status": "closed", "assignee": null})).expect(200);
    let tag = editor.get(&path).expect(200).etag().to_owned();
    wait_for("an empty outbox", || {
        let waiting = app.client(Role::Administrator).get("/api/v1/mails?status=queued").expect(200).json();
        waiting["data"].as_array().unwrap().is_empty()
    });
    editor.delete(&path, &tag).expect(204);
    editor.get(&path).problem(404, &[]);
    let log = app.client(Role::Administrator).get("/api/v1/mails").expect(200).json().to_string();
    assert!(!log.contains("anna@example.net") && log.contains("desk@example.org"), "{log}");
    app.client(Role::Contributor).get("/api/v1/contact-messages").problem(403, &[]);
}

/// Answers a message again, whose form is deleted. Both answers are kept.
fn answers_without_its_form(app: &TestApp, editor: &Client, (path, tag): (&str, &str)) -> Reply {
    remove(app, "contact").expect(204);
    let answered = editor.act_with(&format!("{path}/answer"), tag, &json!({"text": "Bring friends."})).expect(200);
    let shown = editor.get(path).expect(200).json();
    assert_eq!((shown["answer"].as_str(), &shown), (Some("Bring friends."), &answered.json()));
    let texts: Vec<&str> = shown["answers"].as_array().unwrap().iter().map(|a| a["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Everybody is welcome.", "Bring friends."]);
    for answer in shown["answers"].as_array().unwrap() {
        assert_eq!(answer["author"], editor.get("/api/v1/auth/me").expect(200).json()["id"]);
        assert!(answer["sent_at"].as_str().unwrap() <= shown["updated_at"].as_str().unwrap(), "{shown}");
    }
    answered
}

#[apply(api_test)]
fn a_message_is_checked_against_its_form(app: &TestApp) {
    let (office, app) = started(app);
    app.visitor().get("/api/v1/contact/contact").problem(404, &[]);
    send(&app, &filled("x"), &json!({})).problem(404, &[]);
    set_up(&app, "contact", &form()).expect(200);
    send(&app, &json!([{"name": "message", "value": "x".repeat(41)}, {"name": "privacy", "checked": false}, {"name": "about", "value": "war"}, {"name": "age", "value": "7"}]), &json!({}))
        .problem(422, &[
            ("/fields/3/name", "unknown_field"), ("/fields", "required"), ("/fields/2/value", "not_allowed"),
            ("/fields/0/value", "too_long"), ("/fields/1/checked", "required"),
        ]);
    // Browsers send empty fields too; what is filled in has one member, by the type of the field.
    let mut wrong = filled(" ");
    wrong[0] = json!({"name": "name", "value": ""});
    wrong[1]["checked"] = json!(true);
    wrong[4] = json!({"name": "privacy", "value": "true"});
    send(&app, &wrong, &json!({})).problem(
        422,
        &[
            ("/fields/1/checked", "not_allowed"),
            ("/fields/4/value", "not_allowed"),
            ("/fields/3/value", "required"),
            ("/fields/4/checked", "required"),
        ],
    );
    let mut wrong = filled("Hello");
    wrong[1]["value"] = json!("a..b@example.net");
    send(&app, &wrong, &json!({})).problem(422, &[("/fields/1/value", "not_an_email")]);
    send(&app, &filled("Hello"), &json!({"locale": "fr"})).problem(422, &[("/locale", "unknown_locale")]);
    app.visitor().get("/api/v1/contact/contact?locale=xx").problem(400, &[("?locale", "not_allowed")]);
    send(&app, &filled("Hello"), &json!({"altcha": "x"})).problem(422, &[("/altcha", "not_valid")]);
    send(&app, &filled("Buy now"), &json!({"website": "https://spam.example"})).expect(202);
    assert!(office.mails().is_empty());
    let mut sparse = filled("Hello");
    sparse[0]["value"] = json!("");
    sparse[2]["value"] = json!("\t");
    send(&app, &sparse, &json!({})).expect(202);
    office.wait_for(2);
    let mut closed = form();
    closed["is_open"] = json!(false);
    change(&app, "contact", &closed).expect(200);
    send(&app, &filled("Hello"), &json!({})).problem(404, &[]);
    assert_eq!(office.mails().len(), 2);
    let mut wrong = form();
    wrong["fields"][1]["name"] = json!("name");
    wrong["fields"][2]["options"] = json!([]);
    set_up(&app, "contact", &wrong).problem(422, &[("/fields/1/name", "duplicate"), ("/fields/2/options", "required")]);
    set_up(&app, "contact", &json!({"titles": [], "fields": [], "recipients": []}))
        .problem(422, &[("/titles", "empty"), ("/fields", "empty"), ("/recipients", "empty")]);
    let mut wrong = form();
    wrong["titles"][1]["locale"] = json!("en");
    wrong["fields"][0]["labels"][1]["locale"] = json!("fr");
    wrong["fields"][1]["labels"] = json!([]);
    wrong["fields"][2]["options"][1]["value"] = json!("press");
    wrong["fields"][2]["max_length"] = json!(10);
    wrong["fields"][3]["options"] = wrong["fields"][2]["options"].clone();
    wrong["fields"][3]["options"][1]["value"] = json!("other");
    set_up(&app, "other", &wrong).problem(
        422,
        &[
            ("/titles/1/locale", "duplicate"),
            ("/fields/0/labels/1/locale", "unknown_locale"),
            ("/fields/1/labels", "empty"),
            ("/fields/2/options/1/value", "duplicate"),
            ("/fields/2/max_length", "wrong_type"),
            ("/fields/3/options", "wrong_type"),
        ],
    );
    app.editor().put("/api/v1/contact-forms/contact", "", &form()).problem(403, &[]);
    let list = app.editor().get("/api/v1/contact-forms").expect(200).json();
    assert_eq!(list["data"][0]["fields"].as_array().unwrap().len(), 5);
}

#[apply(api_test)]
fn messages_are_kept_for_a_time(app: &TestApp) {
    let (office, app) = started(app);
    set_up(&app, "contact", &form()).expect(200);
    send(&app, &filled("Hello"), &json!({})).expect(202);
    office.wait_for(2);
    let editor = app.editor();
    remove(&app, "contact").expect(204);
    app.client(Role::Administrator).delete("/api/v1/contact-forms/contact", "\"v1\"").problem(404, &[]);
    let count = || editor.get("/api/v1/contact-messages").expect(200).json()["data"].as_array().unwrap().len();
    assert_eq!(count(), 1);
    app.sql("UPDATE contact_messages SET delete_at = 1");
    app.block_on(app.app.housekeeping()).unwrap();
    assert_eq!(count(), 0);
}

/// Filters hold to the lengths that the contract names.
#[apply(api_test)]
fn filters_of_desks_are_bounded(app: &TestApp) {
    let client = app.client(Role::Administrator);
    for (path, name, max) in
        [("contact-messages", "form", 64), ("mails", "recipient", 254), ("newsletter/subscribers", "email", 254)]
    {
        let get = |length: usize| client.get(&format!("/api/v1/{path}?{name}={}", "a".repeat(length)));
        get(max).expect(200);
        get(max + 1).problem(400, &[(&format!("?{name}"), "too_long")]);
        get(0).problem(400, &[(&format!("?{name}"), "empty")]);
    }
    // Where a page begins is an id; anything else would be an empty page.
    let id = plenary::database::new_id();
    for (path, name) in [
        ("contact-messages", "before"),
        ("mails", "before"),
        ("newsletter/events", "before"),
        ("newsletter/subscribers", "after"),
        ("newsletter/subscribers/export", "after"),
    ] {
        let get = |value: &str| client.get(&format!("/api/v1/{path}?{name}={value}"));
        for value in [id.as_str(), &id.to_uppercase(), &id.replace('0', "%30")] {
            get(value).expect(200);
        }
        for value in ["", "x", "0", &id[1..], &format!("{id}0"), &id.replace('-', "")] {
            get(value).problem(400, &[(&format!("?{name}"), "not_a_value")]);
        }
    }
}

/// The name of a form is a part of addresses, so it has the rules of slugs.
#[apply(api_test)]
fn names_of_forms_have_a_rule(app: &TestApp) {
    for name in ["Contact", "contact-US", "contact_us", "-contact", "con--tact", "%C3%A9", "a%20b", &"a".repeat(65)] {
        let problem = set_up(app, name, &form()).problem(422, &[("{form}", "not_a_slug")]);
        assert!(problem.to_string().contains("small letters"), "{problem}");
        app.client(Role::Administrator).get(&format!("/api/v1/contact-forms/{name}")).problem(404, &[]);
    }
    for name in ["contact", "contact-us", "2027", &"a".repeat(64)] {
        set_up(app, name, &form()).expect(200);
    }
}

/// A visitor chooses the address. With a message, only the answers to it are forgotten.
#[apply(api_test)]
fn other_mails_to_an_address_outlive_a_message(app: &TestApp) {
    let (office, app) = started(app);
    set_up(&app, "contact", &form()).expect(200);
    app.account("anna@example.net", Role::Viewer);
    for message in ["One", "Two"] {
        send(&app, &filled(message), &json!({})).expect(202);
    }
    office.wait_for(4);
    office.set_mode("hang");
    app.visitor().post("/api/v1/auth/password-reset", &json!({"email": "anna@example.net"})).expect(202);
    let (editor, admin) = (app.editor(), app.client(Role::Administrator));
    let messages = editor.get("/api/v1/contact-messages").expect(200).json()["data"].clone();
    let path = |at: usize| format!("/api/v1/contact-messages/{}", messages[at]["id"].as_str().unwrap());
    for at in [0, 1] {
        let answer = json!({"text": format!("Answer {at}")});
        editor.act_with(&format!("{}/answer", path(at)), "\"v1\"", &answer).expect(200);
    }
    let kinds = |filter: &str| {
        let page = admin.get(&format!("/api/v1/mails?{filter}")).expect(200).json();
        let kind = |mail: &Value| mail["kind"].as_str().unwrap().to_owned();
        let mut kinds: Vec<String> = page["data"].as_array().unwrap().iter().map(kind).collect();
        kinds.sort_unstable();
        kinds
    };
    let anna = "recipient=anna@example.net";
    wait_for("the reset", || kinds(anna) == ["contact_answer", "contact_answer", "password_reset"]);
    editor.delete(&path(0), "\"v2\"").expect(204);
    assert_eq!(kinds("status=dropped"), ["contact_answer"]);
    assert_eq!(kinds(anna), ["contact_answer", "password_reset"]);
    office.set_mode("");
    wait_for("an empty outbox", || kinds("status=queued").is_empty());
    let came: Vec<String> = office.mails().split_off(4).into_iter().map(|mail| mail.text).collect();
    assert!(came.len() >= 2 && came.iter().any(|text| text.starts_with("Answer 1")), "{came:?}");
    assert!(!came.iter().any(|text| text.starts_with("Answer 0")), "{came:?}");
    // The time of the other one is over.
    app.sql("UPDATE contact_messages SET delete_at = 1");
    app.block_on(app.app.housekeeping()).unwrap();
    assert_eq!((kinds(anna), kinds("kind=contact_answer").len()), (vec!["password_reset".to_owned()], 2));
}

/// A failure of the database says nothing about the account that is named.
#[apply(api_test)]
fn a_failure_is_no_unknown_account(app: &TestApp) {
    let (office, app) = started(app);
    set_up(&app, "contact", &form()).expect(200);
    send(&app, &filled("Hello"), &json!({})).expect(202);
    office.wait_for(2);
    let editor = app.editor();
    let message = editor.get("/api/v1/contact-messages").expect(200).json()["data"][0].clone();
    let path = format!("/api/v1/contact-messages/{}", message["id"].as_str().unwrap());
    let change = json!({"assignee": editor.get("/api/v1/auth/me").expect(200).json()["id"]});
    app.sql("ALTER TABLE accounts RENAME TO hidden");
    let failed = editor.patch(&path, "\"v1\"", &change);
    app.sql("ALTER TABLE hidden RENAME TO accounts");
    assert!(failed.status >= 500, "{}", failed.status);
    editor.patch(&path, "\"v1\"", &change).expect(200);
}

/// Labels are in the language that stands in for another by the settings of the site.
#[apply(api_test)]
fn a_form_has_the_fallbacks_of_the_site(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| {
        config.site.locales = ["en", "nl", "de"].map(str::to_owned).to_vec();
        config.site.fallback.insert("de".to_owned(), vec!["nl".to_owned()]);
    });
    set_up(&app, "contact", &form()).expect(200);
    let page = app.visitor().get("/api/v1/contact/contact?locale=de").expect(200).json();
    assert_eq!((&page["title"], &page["fields"][3]["label"]), (&json!("Contact"), &json!("Uw bericht")));
}
