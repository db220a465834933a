//! A provider that sends the newsletter elsewhere: the events of which it is told, and its reports. Its side is a real server with
//! the library of Standard Webhooks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::newsletter::{import, started_with, subscribed};
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;
use crate::support::post_office::PostOffice;
use crate::support::tools::{Server, node, run, tool_path};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const REPORT_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const REPORTS: &str = "/api/v1/newsletter/reports";
const EVENTS: &str = "/api/v1/newsletter/events";

/// A provider, and the folder with what it took.
struct Provider {
    folder: tempfile::TempDir,
    server: Server,
}

impl Provider {
    fn new(secret: &str) -> Self {
        // The script finds the library beside it.
        let folder = tempfile::tempdir_in(tool_path("node")).unwrap();
        let script = folder.path().join("webhook_receiver.mjs");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/webhook_receiver.mjs"), &script).unwrap();
        let mut command = node();
        command.arg(script);
        let place = folder.path().to_str().unwrap().to_owned();
        let server = Server::start(command, |port| vec![port.to_string(), place, secret.to_owned()]);
        Self { folder, server }
    }

    fn set_mode(&self, mode: &str) {
        std::fs::write(self.folder.path().join("mode"), mode).unwrap();
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for this number of events.
    fn wait_for(&self, count: usize) -> Vec<Value> {
        wait_for("an event", || self.lines("events").len() >= count);
        self.lines("events")
    }

    /// Sends a report, with a signature that is as old as this (s).
    fn report(&self, app: &TestApp, id: &str, age: i64, body: &Value) -> Reply {
        let body = body.to_string();
        let here = Client::new(&format!("http://127.0.0.1:{}", self.server.port));
        let signed = here.send("POST", "/sign", &[("webhook-id", id), ("x-age", &age.to_string())], body.as_bytes());
        let signed = signed.expect(200).json();
        let of = |name: &str| signed[name].as_str().unwrap().to_owned();
        let (id, at, signature) = (of("webhook-id"), of("webhook-timestamp"), of("webhook-signature"));
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        app.visitor().send("POST", REPORTS, &headers, body.as_bytes())
    }
}

fn with_provider(app: &TestApp) -> (Provider, PostOffice, TestApp) {
    let provider = Provider::new(SECRET);
    let (office, app) = started_with(app, |config| {
        config.newsletter.webhook_url = format!("http://127.0.0.1:{}/events", provider.server.port);
        config.newsletter.webhook_secret = SECRET.to_owned();
        config.newsletter.report_secret = REPORT_SECRET.to_owned();
    });
    (provider, office, app)
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("subscriber.")).collect()
}

fn statuses(app: &TestApp) -> Vec<String> {
    let list = app.client(Role::Administrator).get(EVENTS).expect(200).json();
    list["data"].as_array().unwrap().iter().rev().map(|event| event["status"].as_str().unwrap().to_owned()).collect()
}

#[apply(api_test)]
fn a_provider_is_told_what_happens(app: &TestApp) {
    let (provider, office, app) = with_provider(app);
    app.editor().create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    let token = subscribed(&office, &app, "anna@example.org", &json!({"name": "Anna", "topics": ["water"]}));
    let told = provider.wait_for(1).remove(0);
    let data = &told["data"];
    assert_eq!(told["type"], "subscriber.confirmed");
    assert_eq!(
        (&data["email"], &data["name"], &data["status"]),
        (&json!("anna@example.org"), &json!("Anna"), &json!("confirmed"))
    );
    assert_eq!(
        (&data["topics"], &data["locale"], &data["proof"]),
        (&json!(["water"]), &json!("en"), &json!("sign_up"))
    );
    assert!(data["consent_text"].as_str().unwrap().contains("newsletter of Plenary"), "{told}");
    let public = app.visitor();
    let path = format!("/api/v1/newsletter/preferences?token={token}");
    public.patch(&path, "", &json!({"locale": "nl", "topics": []})).expect(200);
    let changed = provider.wait_for(2).remove(1);
    assert_eq!((&changed["data"]["locale"], &changed["data"]["topics"]), (&json!("nl"), &json!([])));
    public.patch(&path, "", &json!({"status": "unsubscribed"})).expect(200);
    assert_eq!(provider.wait_for(3)[2]["data"]["status"], "unsubscribed");
    subscribed(&office, &app, "anna@example.org", &json!({}));
    provider.wait_for(4);
    public.send("DELETE", &path, &[], b"").expect(204);
    let all = provider.wait_for(5);
    assert_eq!(types(&all), ["confirmed", "changed", "unsubscribed", "confirmed", "erased"]);
    assert_eq!(all[4]["data"], json!({"id": data["id"], "email": "anna@example.org"}));
    assert!(provider.lines("refused").is_empty());
    // What is kept of the events names nobody.
    wait_for("the end of the last event", || statuses(&app).iter().all(|status| status == "sent"));
    let admin = app.client(Role::Administrator);
    let first = admin.get(&format!("{EVENTS}?limit=4")).expect(200).json();
    assert!(!first.to_string().contains("anna") && first["data"].as_array().unwrap().len() == 4, "{first}");
    assert_eq!((&first["data"][0]["type"], &first["data"][0]["attempts"]), (&json!("subscriber.erased"), &json!(1)));
    let rest = admin.get(&format!("{EVENTS}?before={}", first["next"].as_str().unwrap())).expect(200).json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(admin.get(&format!("{EVENTS}?status=failed")).expect(200).json()["data"], json!([]));
    admin.get(&format!("{EVENTS}?status=lost")).problem(400, &[("?status", "not_allowed")]);
    app.editor().get(EVENTS).problem(403, &[]);
    let kept = app.app.database.read(|c| {
        use diesel::prelude::*;
        let emails = plenary::database::mail_schema::subscriber_events::table
            .select(plenary::database::mail_schema::subscriber_events::email);
        Ok::<Vec<String>, plenary::problem::Problem>(emails.load(c)?)
    });
    let kept = app.block_on(kept).map_err(|problem| problem.detail).unwrap();
    assert!(kept.len() == 5 && kept.iter().all(String::is_empty), "{kept:?}");
}

/// An id that cannot be kept is refused with the reason, and only a signed report learns it.
#[apply(api_test)]
fn ids_of_reports_are_bounded(app: &TestApp) {
    let (_own, _office, app) = with_provider(app);
    let provider = Provider::new(REPORT_SECRET);
    let body = json!({"email": "anna@example.org", "kind": "unsubscribed"});
    provider.report(&app, &"i".repeat(200), 0, &body).expect(204);
    provider.report(&app, &"i".repeat(201), 0, &body).problem(400, &[("webhook-id", "too_long")]);
    provider.report(&app, &"i".repeat(201), 900, &body).problem(401, &[]);
}

#[apply(api_test)]
fn an_event_waits_for_the_provider(app: &TestApp) {
    let (provider, office, app) = with_provider(app);
    provider.set_mode("refuse");
    let token = subscribed(&office, &app, "anna@example.org", &json!({}));
    let gone = subscribed(&office, &app, "bram@example.org", &json!({}));
    let path = |token: &str| format!("/api/v1/newsletter/preferences?token={token}");
    app.visitor().patch(&path(&token), "", &json!({"locale": "nl"})).expect(200);
    app.visitor().patch(&path(&token), "", &json!({"status": "unsubscribed"})).expect(200);
    app.visitor().send("DELETE", &path(&gone), &[], b"").expect(204);
    wait_for("two attempts", || provider.lines("refused").len() >= 2);
    assert!(provider.lines("events").is_empty());
    // What is overtaken is not told any more, and of the person who was erased only the address.
    provider.set_mode("");
    let told = provider.wait_for(2);
    wait_for("the end of all events", || !statuses(&app).contains(&"queued".to_owned()));
    let mut sent = types(&told);
    sent.sort_unstable();
    assert_eq!(sent, ["erased", "unsubscribed"]);
    let mut ends = statuses(&app);
    ends.sort_unstable();
    assert_eq!(ends, ["dropped", "dropped", "dropped", "sent", "sent"]);
    assert!(
        told.iter().all(|event| event["data"].get("name").is_none() || event["data"]["email"] == "anna@example.org")
    );
    // A provider that took an event and said otherwise gets it again, with the same id.
    provider.set_mode("twice");
    subscribed(&office, &app, "clara@example.org", &json!({}));
    let again = provider.wait_for(4);
    assert_eq!((&again[2]["id"], &again[2]["data"]), (&again[3]["id"], &again[3]["data"]));
    provider.set_mode("");
    wait_for("the end of the event", || statuses(&app)[5] == "sent");
    // What cannot be told within the time of mails is given up, and the address with it.
    provider.set_mode("hang");
    let token = subscribed(&office, &app, "dirk@example.org", &json!({}));
    app.visitor().send("DELETE", &path(&token), &[], b"").expect(204);
    wait_for("an attempt", || {
        app.sql("UPDATE subscriber_events SET expires_at = 1, lease_until = 0 WHERE ended_at = 0");
        app.block_on(app.app.housekeeping()).unwrap();
        statuses(&app)[6..] == ["failed", "failed"]
    });
    app.sql("UPDATE subscriber_events SET ended_at = 1");
    app.block_on(app.app.housekeeping()).unwrap();
    wait_for("a short list", || statuses(&app).is_empty());
}

#[apply(api_test)]
fn each_event_is_sent_once_by_all_nodes(app: &TestApp) {
    let (provider, _office, app) = with_provider(app);
    let _other = app.second_node();
    let rows: String = (0..60).map(|n| format!("reader-{n}@example.org,Yes,2026-01-01,fair\n")).collect();
    let report = import(&app, &format!("email,consent_text,consented_at,proof\n{rows}")).expect(200).json();
    assert_eq!(report["created"], 60);
    let mut addresses: Vec<String> =
        provider.wait_for(60).iter().map(|event| event["data"]["email"].as_str().unwrap().to_owned()).collect();
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(provider.lines("events").len(), 60);
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 60);
}

#[apply(api_test)]
fn nothing_is_kept_without_a_webhook(app: &TestApp) {
    let (office, app) = started_with(app, |_| {});
    subscribed(&office, &app, "anna@example.org", &json!({}));
    assert!(statuses(&app).is_empty());
    let provider = Provider::new(REPORT_SECRET);
    let left = json!({"email": "anna@example.org", "kind": "unsubscribed"});
    provider.report(&app, "msg_1", 0, &left).problem(401, &[]);
}

#[apply(api_test)]
fn a_provider_reports_what_happened_there(app: &TestApp) {
    let (told, office, app) = with_provider(app);
    let provider = Provider::new(REPORT_SECRET);
    let admin = app.client(Role::Administrator);
    let status = |email: &str| {
        let list = admin.get(&format!("/api/v1/newsletter/subscribers?email={email}")).expect(200).json();
        list["data"][0]["status"].as_str().unwrap_or_default().to_owned()
    };
    let anna = "anna@example.org";
    subscribed(&office, &app, anna, &json!({}));
    told.wait_for(1);
    let left = json!({"email": "Anna@Example.org", "kind": "unsubscribed"});
    // Only the provider may say so, and not later than five minutes after it signed.
    app.visitor().post(REPORTS, &left).problem(401, &[]);
    told.report(&app, "msg_1", 0, &left).problem(401, &[]);
    provider.report(&app, "msg_1", 400, &left).problem(401, &[]);
    provider.report(&app, "msg_1", -400, &left).problem(401, &[]);
    provider.report(&app, &"m".repeat(201), 0, &left).problem(400, &[("webhook-id", "too_long")]);
    provider
        .report(&app, "msg_1", 0, &json!({"email": "x", "kind": "gone", "status": "five"}))
        .problem(422, &[("/email", "not_an_email"), ("/kind", "not_allowed")]);
    let wrong = json!({"email": anna, "kind": "permanent", "status": "five"});
    provider.report(&app, "msg_1", 0, &wrong).problem(422, &[("/status", "not_a_value")]);
    assert_eq!(status(anna), "confirmed");
    provider.report(&app, "msg_1", 100, &left).expect(204);
    assert_eq!(status(anna), "unsubscribed");
    // The event comes back to the provider, which knows it.
    assert_eq!(types(&told.wait_for(2)), ["confirmed", "unsubscribed"]);
    // Whoever subscribes again is not unsubscribed by a report that is repeated, on whatever node, or that is older.
    subscribed(&office, &app, anna, &json!({}));
    provider.report(&app.second_node(), "msg_1", 0, &left).expect(204);
    let earlier = json!({"email": anna, "kind": "unsubscribed", "occurred_at": "2026-01-01T00:00:00Z"});
    provider.report(&app, "msg_2", 0, &earlier).expect(204);
    provider.report(&app, "msg_3", 0, &json!({"email": "nobody@example.org", "kind": "complaint"})).expect(204);
    provider.report(&app, "msg_4", 0, &json!({"email": anna, "kind": "transient", "status": "4.2.2"})).expect(204);
    assert_eq!(status(anna), "confirmed");
    provider.report(&app, "msg_5", 0, &json!({"email": anna, "kind": "complaint"})).expect(204);
    assert_eq!(status(anna), "bounced");
    for (number, code) in [(0, "5.7.1"), (1, "5.7.1"), (2, "5.7.1")] {
        let address = "bram@example.org";
        if number == 0 {
            subscribed(&office, &app, address, &json!({}));
        }
        assert_eq!(status(address), "confirmed");
        let refused = json!({"email": address, "kind": "permanent", "status": code, "diagnostic": "policy"});
        provider.report(&app, &format!("msg_1{number}"), 0, &refused).expect(204);
    }
    assert_eq!(status("bram@example.org"), "bounced");
    // The example of the documentation, as it stands there.
    subscribed(&office, &app, anna, &json!({}));
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/newsletter.md")).unwrap();
    let example = text.split("```sh\nbody=").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let script = format!("set -e\nbody={example}").replace("https://cms.example.org", &app.url);
    let script = script.replace("curl ", &format!("{} --fail ", tool_path("bin/curl").display()));
    run(Command::new("bash").args(["-c", &script]).env("PLENARY_NEWSLETTER__REPORT_SECRET", REPORT_SECRET));
    assert_eq!(status(anna), "unsubscribed");
    // No import subscribes them again.
    let table = "email,consent_text,consented_at,proof\nanna@example.org,Yes,2026-01-01,fair\n";
    assert_eq!(import(&app, table).expect(200).json()["unchanged"], 0);
}
