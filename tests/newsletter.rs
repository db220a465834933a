//! The newsletter from the sign-up to the erasure.

use std::time::Duration;

use plenary::auth::permissions::Role;
use plenary::database::mail_schema::{mails, newsletter_signups, subscribers};
use plenary::problem::Problem;
use serde_json::{Value, json};

use crate::newsletter_sign_up::set_site;
use crate::support::app::TestApp;
use crate::support::client::Reply;
use crate::support::moments::wait_for;
use crate::support::post_office::{Delivered, PostOffice, solve_altcha};
use crate::support::program;

pub const SUBSCRIPTIONS: &str = "/api/v1/newsletter/subscriptions";

pub fn started(app: &TestApp) -> (PostOffice, TestApp) {
    started_with(app, |_| {})
}

pub fn started_with(app: &TestApp, change: impl FnOnce(&mut plenary::config::Config)) -> (PostOffice, TestApp) {
    let office = PostOffice::new();
    let app = TestApp::start_with(app.backend, |config| {
        office.configure(config);
        change(config);
    });
    (office, app)
}

pub fn sign_up(app: &TestApp, email: &str, more: &Value) -> Reply {
    let mut body = json!({"email": email, "consent_version": 1, "altcha": solve_altcha(&app.visitor())});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.visitor().post(SUBSCRIPTIONS, &body)
}

pub fn confirm(app: &TestApp, token: &str) -> Reply {
    app.visitor().post("/api/v1/newsletter/confirmations", &json!({"token": token}))
}

/// Signs an address up and confirms it. Returns the token of its preferences.
pub fn subscribed(office: &PostOffice, app: &TestApp, email: &str, more: &Value) -> String {
    let before = office.mails().len();
    sign_up(app, email, more).expect(202);
    let mail = office.wait_for(before + 1).remove(before);
    assert_eq!(mail.to, email);
    confirm(app, &mail.token()).expect(200).json()["preferences_token"].as_str().unwrap().to_owned()
}

pub fn count<T: Send + 'static>(
    app: &TestApp,
    read: impl FnOnce(&mut plenary::database::Db) -> diesel::QueryResult<T> + Send + 'static,
) -> T {
    app.block_on(app.app.database.read(|c| Ok::<_, Problem>(read(c)?))).map_err(|problem| problem.detail).unwrap()
}

#[apply(api_test)]
fn a_subscription_is_confirmed_by_mail(app: &TestApp) {
    let (office, app) = started(app);
    let admin = app.client(Role::Administrator);
    let topic = admin.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    let version = set_site(&app, "nl", &json!({"newsletter": {"consent": "Ja, mail mij."}}));
    let more = json!({"name": "Anna", "locale": "nl", "topics": ["water"], "consent_version": version});
    sign_up(&app, "Anna@Example.org", &more).expect(202);
    let mail = office.wait_for(1).remove(0);
    assert!(mail.to == "anna@example.org" && mail.subject.starts_with("Bevestig"), "{mail:?}");
    // Programs that examine mails follow links: nothing happens.
    let link = format!("/newsletter/confirm?token={}", mail.token());
    let page = app.visitor().get(&link).expect(200);
    assert!(String::from_utf8_lossy(&page.body).contains("<form method=\"post\">"));
    let list = || admin.get("/api/v1/newsletter/subscribers").expect(200).json()["data"].as_array().unwrap().clone();
    assert!(list().is_empty());
    confirm(&app, "made-up").problem(422, &[("/token", "not_valid")]);
    let token = confirm(&app, &mail.token()).expect(200).json();
    assert_eq!(confirm(&app, &mail.token()).expect(200).json(), token);
    let one = list().remove(0);
    assert_eq!(
        (&one["email"], &one["name"], &one["locale"]),
        (&json!("anna@example.org"), &json!("Anna"), &json!("nl"))
    );
    assert_eq!((&one["consent_text"], &one["consent_version"]), (&json!("Ja, mail mij."), &json!(version)));
    assert_eq!(
        (&one["consent_locale"], &one["proof"], &one["status"]),
        (&json!("nl"), &json!("sign_up"), &json!("confirmed"))
    );
    assert_eq!(one["topics"], json!([topic["id"]]));
    sign_up(&app, "b@example.org", &json!({"consent_version": 7})).problem(422, &[("/consent_version", "not_found")]);
    sign_up(&app, "b@example.org", &json!({"topics": ["fire"]})).problem(422, &[("/topics/0", "dangling_reference")]);
    sign_up(&app, "no address", &json!({})).problem(422, &[("/email", "not_an_email")]);
    app.editor().get("/api/v1/newsletter/subscribers").problem(403, &[]);
}

#[apply(api_test)]
fn preferences_are_changed_by_the_link(app: &TestApp) {
    let (office, app) = started(app);
    let water = app.editor().create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    let token = subscribed(&office, &app, "anna@example.org", &json!({}));
    let path = format!("/api/v1/newsletter/preferences?token={token}");
    let public = app.visitor();
    let seen = public.get(&path).expect(200).json();
    assert_eq!(
        seen,
        json!({"email": "anna@example.org", "name": "", "locale": "en", "topics": [], "status": "confirmed"})
    );
    let changed =
        public.patch(&path, "", &json!({"name": "Anna", "locale": "nl", "topics": ["water"]})).expect(200).json();
    assert_eq!((&changed["name"], &changed["topics"]), (&json!("Anna"), &json!([water["id"]])));
    let kept = public.patch(&path, "", &json!({"name": null})).expect(200).json();
    assert_eq!((&kept["name"], &kept["locale"], &kept["topics"]), (&json!(""), &json!("nl"), &changed["topics"]));
    public.get("/api/v1/newsletter/preferences?token=made-up").problem(404, &[]);
    public.get("/api/v1/newsletter/preferences").problem(400, &[("?token", "required")]);
    public.patch(&path, "", &json!({"email": "b@example.org"})).problem(422, &[("/email", "unknown_field")]);
    let left = public.patch(&path, "", &json!({"status": "unsubscribed"})).expect(200).json();
    assert_eq!(left["status"], "unsubscribed");
    // Whoever subscribes again is a subscriber again.
    subscribed(&office, &app, "anna@example.org", &json!({}));
    assert_eq!(public.get(&path).expect(200).json()["status"], "confirmed");
    public.send("DELETE", &path, &[], b"").expect(204);
    public.get(&path).problem(404, &[]);
    public.send("DELETE", &path, &[], b"").problem(404, &[]);
}

#[apply(api_test)]
fn what_is_erased_is_gone(app: &TestApp) {
    let (office, app) = started(app);
    let admin = app.client(Role::Administrator);
    subscribed(&office, &app, "anna@example.org", &json!({"name": "Anna Janssens"}));
    sign_up(&app, "anna@example.org", &json!({})).expect(202);
    office.wait_for(2);
    let id =
        admin.get("/api/v1/newsletter/subscribers?email=anna@example.org").expect(200).json()["data"][0]["id"].clone();
    let path = format!("/api/v1/newsletter/subscribers/{}", id.as_str().unwrap());
    admin.send("DELETE", &path, &[], b"").expect(204);
    admin.get(&path).problem(404, &[]);
    let log = admin.get("/api/v1/mails?kind=newsletter_confirmation").expect(200).json();
    assert!(log["data"].as_array().unwrap().iter().all(|mail| mail["recipient"] == ""), "{log}");
    let audit = admin.get("/api/v1/audit?kind=newsletter&action=erase").expect(200).json();
    assert!(audit["data"].as_array().unwrap().len() == 1 && !audit.to_string().contains("anna"), "{audit}");
    use diesel::prelude::*;
    assert_eq!(count(&app, |c| newsletter_signups::table.count().get_result::<i64>(c)), 0);
    // Nobody subscribes the address again but its owner.
    let table = "email,consent_text,consented_at,proof\nanna@example.org,Yes,2026-01-01,fair\n";
    let report = import(&app, table).expect(200).json();
    assert_eq!((&report["created"], &report["suppressed"]), (&json!(0), &json!(1)));
}

pub fn import(app: &TestApp, table: &str) -> Reply {
    let admin = app.client(Role::Administrator);
    admin.send("POST", "/api/v1/newsletter/subscribers/import", &[("content-type", "text/csv")], table.as_bytes())
}

#[apply(api_test)]
fn subscribers_come_and_go_as_tables(app: &TestApp) {
    let (office, app) = started(app);
    app.editor().create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    subscribed(&office, &app, "first@example.org", &json!({"name": "=cmd()"}));
    let table = "email,name,locale,topics,consent_text,consented_at,proof\r\n\
        Bram@Example.org,Bram,nl,water;,\"Yes, please\",2026-03-01T10:00:00Z,\"list at the fair, folder 3\"\r\n\
        first@example.org,,,,Yes,2026-01-01,fair\r\n\
        no-proof@example.org,,,,Yes,2026-01-01,\r\n\
        later@example.org,,,,Yes,2090-01-01,fair\r\n\
        not an address,,,,Yes,2026-01-01,fair\r\n\
        bram@example.org,,,,Yes,2026-01-01,fair\r\n\
        fire@example.org,,,water;fire,Yes,2026-01-01,fair\r\n\
        language@example.org,,xx,,Yes,2026-01-01,fair\r\n";
    let report = import(&app, table).expect(200).json();
    assert_eq!((&report["created"], &report["unchanged"]), (&json!(1), &json!(1)), "{report}");
    let refused: Vec<i64> =
        report["refused"].as_array().unwrap().iter().map(|row| row["row"].as_i64().unwrap()).collect();
    assert_eq!(refused, [4, 5, 6, 7, 8, 9]);
    assert_eq!(report["refused"][4]["message"], "topics: there is no topic \"fire\"");
    assert!(report["refused"][5]["message"].as_str().unwrap().starts_with("locale: "), "{report}");
    let long = format!("email,consent_text,consented_at,proof\n{},Yes,2026-01-01,fair\n", "x".repeat(9_000));
    let refused = import(&app, &long).expect(200).json()["refused"][0]["message"].clone();
    assert!(refused.as_str().unwrap().chars().count() <= 301, "{refused}");
    let said = |table: &str| import(&app, table).problem(422, &[("", "not_valid")]).to_string();
    assert!(said("email,consent_text,consented_at,proof,phone\n").contains("unknown column"));
    assert!(said("email,consent_text,consented_at,proof,email\n").contains("twice"));
    import(&app, "email,name\na@example.org,A\n").problem(422, &[("", "not_valid")]);
    let admin = app.client(Role::Administrator);
    let exported = admin.get("/api/v1/newsletter/subscribers/export").expect(200);
    assert_eq!(exported.header("content-type"), "text/csv");
    let text = String::from_utf8(exported.body).unwrap();
    assert!(
        text.contains("bram@example.org,Bram,nl,water,") && text.contains("\"list at the fair, folder 3\""),
        "{text}"
    );
    assert!(text.contains("'=cmd()") && !text.contains(",=cmd()"), "{text}");
    assert_eq!(text.lines().count(), 3);
    // What was exported can be imported elsewhere.
    let elsewhere = TestApp::start(app.backend);
    elsewhere.editor().create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    let report = import(&elsewhere, &text).expect(200).json();
    assert_eq!((&report["created"], report["refused"].as_array().unwrap().len()), (&json!(2), 0), "{report}");
    // Spreadsheets write semicolons where the comma is the sign of decimals. Two forms of a domain are one address.
    let table = "Email;Consent_Text;consented_at;proof\r\n\
        info@münchen.example;\"Yes, please\";2026-01-01;fair\r\n\
        info@xn--mnchen-3ya.example;Yes;2026-01-01;fair\r\n";
    let report = import(&elsewhere, table).expect(200).json();
    assert_eq!((&report["created"], &report["refused"][0]["row"]), (&json!(1), &json!(3)), "{report}");
    let found = elsewhere.client(Role::Administrator).get("/api/v1/newsletter/subscribers/export").expect(200);
    assert!(String::from_utf8(found.body).unwrap().contains("info@xn--mnchen-3ya.example"));
    // Rows are numbered as spreadsheets show them: a cell with several lines is in one row, and a blank line is one.
    for end in ["\n", "\r\n", "\r"] {
        let table = "\u{feff}email,consent_text,consented_at,proof\n\
            one,\"Yes,\nplease\n\",2026-01-01,fair\n\n\n\
            two,Yes,2026-01-01,fair\n\
            three,\"Yes\n\n\",2026-01-01,fair\n\n\
            four,Yes,2026-01-01,fair";
        let report = import(&elsewhere, &table.replace('\n', end)).expect(200).json();
        let rows: Vec<i64> =
            report["refused"].as_array().unwrap().iter().map(|row| row["row"].as_i64().unwrap()).collect();
        assert_eq!(rows, [2, 5, 6, 8], "{end:?}: {report}");
    }
}

#[apply(api_test)]
fn what_is_not_confirmed_is_deleted(app: &TestApp) {
    let (office, app) = started(app);
    sign_up(&app, "anna@example.org", &json!({})).expect(202);
    let late = office.wait_for(1).remove(0).token();
    subscribed(&office, &app, "bram@example.org", &json!({}));
    app.sql(
        "UPDATE newsletter_signups SET created_at = 1; \
         UPDATE subscribers SET status = 'unsubscribed', ended_at = 1; \
         UPDATE mails SET ended_at = 1 WHERE ended_at > 0",
    );
    app.block_on(app.app.housekeeping()).unwrap();
    confirm(&app, &late).problem(422, &[("/token", "not_valid")]);
    use diesel::prelude::*;
    assert_eq!(count(&app, |c| subscribers::table.count().get_result::<i64>(c)), 0);
    assert_eq!(count(&app, |c| mails::table.count().get_result::<i64>(c)), 0);
}

/// A notice that came to the return path of a mail, as a mail server writes it.
fn notice(mail: &Delivered, status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example.net\r\nTo: <{}>\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; 550 {status} no such user\r\n\r\n--b--\r\n",
        mail.from, mail.to
    )
}

#[apply(api_test)]
fn an_address_that_bounces_gets_no_more(app: &TestApp) {
    let (office, app) = started(app);
    subscribed(&office, &app, "gone@example.org", &json!({}));
    subscribed(&office, &app, "full@example.org", &json!({}));
    let editor = app.editor();
    let issue = |name: &str| {
        let body = json!({"name": name, "editions": [{"locale": "en", "subject": name, "blocks": [{"type": "text", "text": "x"}]}]});
        let made = editor.post("/api/v1/newsletter/issues", &body).expect(201);
        editor.act_with(&format!("{}/send", made.header("location")), made.etag(), &json!({})).expect(200);
    };
    issue("One");
    let mails = office.wait_for(4);
    let of = |to: &str| mails.iter().find(|mail| mail.to == to && mail.subject == "One").unwrap().clone();
    let pipe = |text: &str| {
        use std::io::Write;
        let mut command = program::command(&app.config.database_url, &["mail", "bounce"]);
        command.env("PLENARY_SEARCH__FOLDER", tempfile::tempdir().unwrap().path().join("search"));
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(pipe(&notice(&of("gone@example.org"), "5.1.1")).contains("noted for mail"));
    assert!(pipe(&notice(&of("full@example.org"), "4.2.2")).contains("noted for mail"));
    assert!(pipe("Subject: I am on holiday\r\n\r\nUntil Monday.\r\n").contains("no notice"));
    let admin = app.client(Role::Administrator);
    let status = |email: &str| {
        admin.get(&format!("/api/v1/newsletter/subscribers?email={email}")).expect(200).json()["data"][0]["status"]
            .clone()
    };
    assert_eq!((status("gone@example.org"), status("full@example.org")), (json!("bounced"), json!("confirmed")));
    issue("Two");
    office.wait_for(5);
    std::thread::sleep(Duration::from_millis(800));
    let second: Vec<String> =
        office.mails().into_iter().filter(|mail| mail.subject == "Two").map(|mail| mail.to).collect();
    assert_eq!(second, ["full@example.org"]);
    wait_for("the counts", || {
        let list = admin.get("/api/v1/newsletter/issues").expect(200).json();
        list["data"][1]["counts"]["bounced"] == 1
    });
}

/// A subscription ends with the third issue in a row that came back, however often each of them is reported.
#[apply(api_test)]
fn three_issues_in_a_row_end_a_subscription(app: &TestApp) {
    let (office, app) = started(app);
    let (editor, admin) = (app.editor(), app.client(Role::Administrator));
    let email = "full@example.org";
    subscribed(&office, &app, email, &json!({}));
    let issue = |name: &str| {
        let body = json!({"name": name, "editions": [{"locale": "en", "subject": name, "blocks": [{"type": "text", "text": "x"}]}]});
        let made = editor.post("/api/v1/newsletter/issues", &body).expect(201);
        let path = made.header("location");
        editor.act_with(&format!("{path}/send"), made.etag(), &json!({})).expect(200);
        wait_for("the end", || editor.get(path).expect(200).json()["status"] == "sent");
        let mail = office.mails().into_iter().find(|mail| mail.subject == name).unwrap();
        mail.header("Message-ID").unwrap()
    };
    let report = |mail: &str, kind: &str| {
        let body = json!({"mail": mail, "kind": kind, "status": "5.7.1", "diagnostic": "policy"});
        app.visitor().with_token("a secret of the provider").post("/api/v1/mails/bounces", &body).expect(204);
    };
    let status = || {
        let list = admin.get(&format!("/api/v1/newsletter/subscribers?email={email}")).expect(200).json();
        list["data"][0]["status"].as_str().unwrap().to_owned()
    };
    let first = issue("One");
    for _ in 0..4 {
        report(&first, "permanent");
    }
    report(&issue("Two"), "permanent");
    // The third one arrives, so that the count begins anew.
    issue("Three");
    for name in ["Four", "Five"] {
        report(&issue(name), "permanent");
        assert_eq!(status(), "confirmed", "{name}");
    }
    let last = issue("Six");
    report(&last, "permanent");
    assert_eq!(status(), "bounced");
    // Whoever subscribes again is not reached by what is said of earlier mails.
    subscribed(&office, &app, email, &json!({}));
    report(&last, "complaint");
    assert_eq!(status(), "confirmed");
    report(&issue("Seven"), "complaint");
    assert_eq!(status(), "bounced");
}
