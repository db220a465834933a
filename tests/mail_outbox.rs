//! The outbox with a mail server that fails as real ones do.

use std::net::TcpListener;
use std::time::Duration;

use plenary::auth::permissions::Role;
use plenary::config::Config;
use plenary::mail::bounce::{self, BounceKind, BounceNotice};
use plenary::mail::claims::{self, SendOutcome, SendResult};
use plenary::mail::log;
use plenary::mail::outbox::{MailKind, MailRow};
use plenary::problem::Problem;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::moments::wait_for;
use crate::support::post_office::PostOffice;

fn started(app: &TestApp, change: impl FnOnce(&mut Config)) -> (PostOffice, TestApp) {
    let office = PostOffice::new();
    let app = TestApp::start_with(app.backend, |config| {
        office.configure(config);
        change(config);
    });
    (office, app)
}

/// Asks for a test mail, and returns its entry in the log.
fn ask(app: &TestApp, to: &str) -> Value {
    let admin = app.client(Role::Administrator);
    admin.post("/api/v1/mail-templates/test/test", &json!({"to": to})).expect(202).json()
}

fn entry(app: &TestApp, mail: &Value) -> Value {
    let path = format!("/api/v1/mails/{}", mail["id"].as_str().unwrap());
    app.client(Role::Administrator).get(&path).expect(200).json()
}

fn wait_until(app: &TestApp, mail: &Value, status: &str) -> Value {
    let admin = app.client(Role::Administrator);
    let path = format!("/api/v1/mails/{}", mail["id"].as_str().unwrap());
    wait_for(status, || admin.get(&path).expect(200).json()["status"] == status);
    entry(app, mail)
}

#[apply(api_test)]
fn a_mail_says_who_sent_it_and_where_it_returns(app: &TestApp) {
    let (office, app) = started(app, |_| {});
    let mail = ask(&app, "Anna@Example.net");
    let got = office.wait_for(1).remove(0);
    assert_eq!(got.to, "Anna@Example.net");
    assert_eq!(got.header("From").unwrap(), "Plenary <desk@example.org>");
    assert_eq!(got.header("Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(got.header("Message-ID").unwrap(), format!("<{}@example.org>", mail["id"].as_str().unwrap()));
    assert!(got.from.starts_with("bounces+") && got.from.ends_with("@example.org"), "{}", got.from);
    assert!(got.subject == "Test of Plenary" && got.text.contains("It arrived.") && got.html.contains("<table"));
    let sent = wait_until(&app, &mail, "sent");
    assert_eq!((&sent["attempts"], &sent["doubts"], &sent["code"]), (&json!(1), &json!(0), &json!("250")));
    assert!(sent["due_at"].is_null() && !sent["ended_at"].is_null());
}

#[apply(api_test)]
fn what_is_rolled_back_is_not_mailed(app: &TestApp) {
    let (office, app) = started(app, |_| {});
    let config = app.config.mail.clone();
    let mail = MailRow::new(&config, MailKind::Test, "anna@example.org", "en", &json!({}));
    let rolled_back = app.app.database.write(move |c| {
        mail.enqueue(c)?;
        Err::<(), Problem>(Problem::not_found("anything"))
    });
    app.block_on(rolled_back).unwrap_err();
    // An account that is not created invites nobody.
    let admin = app.client(Role::Administrator);
    let new = json!({"email": "bram@example.org", "name": "Bram", "role": "editor"});
    admin.post("/api/v1/accounts", &new).expect(201);
    admin.post("/api/v1/accounts", &new).problem(409, &[]);
    assert_eq!(office.wait_for(1)[0].to, "bram@example.org");
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(office.mails().len(), 1);
}

#[apply(api_test)]
fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not(app: &TestApp) {
    let (office, app) = started(app, |_| {});
    office.set_mode("greylist");
    let late = ask(&app, "anna@example.org");
    let sent = wait_until(&app, &late, "sent");
    assert_eq!((&sent["attempts"], office.mails().len()), (&json!(2), 1));
    office.set_mode("refuse");
    let never = ask(&app, "nobody@example.org");
    let failed = wait_until(&app, &never, "failed");
    assert_eq!((&failed["attempts"], &failed["code"]), (&json!(1), &json!("550")));
    assert!(failed["detail"].as_str().unwrap().contains("no such user"), "{failed}");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(office.mails().len(), 1);
    let admin = app.client(Role::Administrator);
    let page = admin.get("/api/v1/mails?status=failed&recipient=Nobody@example.org").expect(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    admin.get("/api/v1/mails?status=lost").problem(400, &[("?status", "not_allowed")]);
}

/// A server that took a mail and did not say so gets it again, with the same id: nobody can know better (RFC 5321, 4.2.5).
#[apply(api_test)]
fn a_doubt_is_counted(app: &TestApp) {
    let (office, app) = started(app, |_| {});
    office.set_mode("drop");
    let mail = ask(&app, "anna@example.org");
    office.wait_for(1);
    office.set_mode("");
    let sent = wait_until(&app, &mail, "sent");
    assert!(sent["doubts"].as_i64().unwrap() >= 1, "{sent}");
    let ids: Vec<_> = office.mails().iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
    assert!(ids.len() >= 2 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    office.set_mode("hang");
    let slow = ask(&app, "bram@example.org");
    wait_for("the end of patience", || entry(&app, &slow)["doubts"] == json!(1));
    assert_eq!(entry(&app, &slow)["code"], "timeout");
    office.set_mode("");
    wait_until(&app, &slow, "sent");
}

#[apply(api_test)]
fn a_server_that_is_away_costs_no_attempt(app: &TestApp) {
    let office = PostOffice::new();
    let port = crate::support::postgres::free_port();
    let app = TestApp::start_with(app.backend, |config| {
        office.configure(config);
        config.mail.smtp_url = format!("smtp://127.0.0.1:{port}");
    });
    let mail = ask(&app, "anna@example.org");
    wait_for("a look at the server", || entry(&app, &mail)["code"] == "connection");
    let waiting = entry(&app, &mail);
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)));
    // It comes back: another node, which knows where it is now, takes over.
    let node = app.second_node_with(|config| config.mail.smtp_url = office.url());
    assert_eq!(office.wait_for(1)[0].to, "anna@example.org");
    wait_until(&node, &mail, "sent");
}

#[apply(api_test)]
fn of_two_nodes_one_sends_each_mail(app: &TestApp) {
    let (office, app) = started(app, |config| config.mail.connections = 4);
    let other = app.second_node();
    let config = app.config.mail.clone();
    let enqueue = move |c: &mut plenary::database::Db| {
        for number in 0..120 {
            let to = format!("reader-{number}@example.org");
            MailRow::new(&config, MailKind::Test, &to, "en", &json!({})).enqueue(c)?;
        }
        Ok::<_, Problem>(())
    };
    app.block_on(app.app.database.write(enqueue)).map_err(|problem| problem.detail).unwrap();
    office.wait_for(120);
    std::thread::sleep(Duration::from_millis(500));
    let mut to: Vec<String> = office.mails().into_iter().map(|mail| mail.to).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), office.mails().len()), (120, 120));
    drop(other);
}

#[apply(api_test)]
fn an_urgent_mail_comes_before_many_others(app: &TestApp) {
    let (office, app) = started(app, |config| {
        config.mail.connections = 1;
        config.mail.domain_per_minute = 30;
    });
    app.account("anna@example.org", Role::Editor);
    let config = app.config.mail.clone();
    let enqueue = move |c: &mut plenary::database::Db| {
        for number in 0..200 {
            let mut mail = MailRow::new(&config, MailKind::Test, &format!("r{number}@slow.example"), "en", &json!({}));
            mail.priority = 3;
            mail.enqueue(c)?;
        }
        Ok::<_, Problem>(())
    };
    app.block_on(app.app.database.write(enqueue)).map_err(|problem| problem.detail).unwrap();
    office.wait_for(5);
    app.visitor().post("/api/v1/auth/password-reset", &json!({"email": "anna@example.org"})).expect(202);
    wait_for("the urgent mail", || office.mails().iter().any(|mail| mail.to == "anna@example.org"));
    // The domain has had its share of a minute, wherever the minutes of the clock begin.
    let slow = || office.mails().iter().filter(|mail| mail.to.ends_with("@slow.example")).count();
    for (seconds, share) in [(0, 30), (30, 30), (35, 60)] {
        app.sql(&format!("UPDATE mail_domain_seconds SET second = second - {seconds}"));
        wait_for("the share of the domain", || slow() >= share);
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(slow(), share, "{seconds}");
    }
}

#[apply(api_test)]
fn no_table_has_a_token(app: &TestApp) {
    let (office, app) = started(app, |config| config.mail.link = "https://desk.example.org/?token={token}".into());
    let admin = app.client(Role::Administrator);
    office.set_mode("greylist");
    let new = json!({"email": "bram@example.org", "name": "Bram <b>", "role": "editor"});
    admin.post("/api/v1/accounts", &new).expect(201);
    let stored = || {
        use diesel::prelude::*;
        use plenary::database::mail_schema::mails;
        let read = |c: &mut plenary::database::Db| {
            Ok::<Vec<(String, String)>, Problem>(mails::table.select((mails::data, mails::detail)).load(c)?)
        };
        app.block_on(app.app.database.read(read)).map_err(|problem| problem.detail).unwrap()
    };
    let waiting = stored();
    let mail = office.wait_for(1).remove(0);
    let token = mail.token();
    assert!(token.len() > 40 && !format!("{waiting:?}").contains(&token), "{waiting:?}");
    assert!(mail.html.contains("Bram &lt;b&gt;"), "{}", mail.html);
    wait_for("an empty entry", || stored().iter().all(|(data, _)| data.is_empty()));
    let body = json!({"token": token, "new_password": "purple rain on tin roofs"});
    app.visitor().post("/api/v1/auth/password-reset/confirm", &body).expect(204);
}

#[apply(api_test)]
fn templates_are_previewed(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    for kind in MailKind::NAMES {
        for locale in ["en", "nl"] {
            let path = format!("/api/v1/mail-templates/{kind}?locale={locale}");
            let seen = admin.get(&path).expect(200).json();
            assert!(!seen["subject"].as_str().unwrap().is_empty(), "{seen}");
        }
    }
    admin.get("/api/v1/mail-templates/unknown").problem(404, &[]);
    admin.post("/api/v1/mail-templates/test/test", &json!({"to": "anna@example.org"})).problem(409, &[]);
    app.editor().get("/api/v1/mails").problem(403, &[]);
}

#[apply(api_test)]
fn a_provider_reports_bounces(app: &TestApp) {
    let (office, app) = started(app, |_| {});
    let mail = ask(&app, "anna@example.org");
    wait_until(&app, &mail, "sent");
    let path = office.wait_for(1).remove(0).from;
    let report = |secret: &str, body: &Value| {
        let client = app.visitor().with_token(secret);
        client.post("/api/v1/mails/bounces", body)
    };
    let body = json!({"mail": path, "kind": "permanent", "status": "5.1.1", "diagnostic": "no such user"});
    report("wrong", &body).problem(401, &[]);
    app.visitor().post("/api/v1/mails/bounces", &body).problem(401, &[]);
    report("a secret of the provider", &json!({"mail": "x", "kind": "permanent"}))
        .problem(422, &[("/mail", "not_valid")]);
    let wrong = json!({"mail": path, "kind": "permanent", "status": "soon"});
    report("a secret of the provider", &wrong).problem(422, &[("/status", "not_a_value")]);
    // Who has no secret learns nothing of the form of a notice.
    report("wrong", &json!({})).problem(401, &[]);
    let late = json!({"mail": mail["id"], "kind": "transient", "status": "4.2.2"});
    report("a secret of the provider", &late).expect(204);
    assert_eq!(entry(&app, &mail)["status"], "sent");
    let body = json!({"mail": path, "kind": "permanent", "status": "5.1.1", "diagnostic": "no such user"});
    report("a secret of the provider", &body).expect(204);
    let seen = entry(&app, &mail);
    assert_eq!(
        (&seen["status"], &seen["code"], &seen["detail"]),
        (&json!("bounced"), &json!("5.1.1"), &json!("no such user"))
    );
    let by_id = json!({"mail": format!("<{}@example.org>", mail["id"].as_str().unwrap()), "kind": "complaint"});
    report("a secret of the provider", &by_id).expect(204);
    // Without a secret in the settings nobody reports anything.
    let closed = TestApp::start(app.backend);
    closed.visitor().with_token("").post("/api/v1/mails/bounces", &body).problem(401, &[]);
}

/// A URL has the address of IPv6 in brackets, and the look-up of an address takes none.
#[apply(api_test)]
fn a_mail_server_has_an_address_of_ipv6(app: &TestApp) {
    let Some(office) = PostOffice::on_ipv6() else {
        eprintln!("NOT TESTED: this machine has no IPv6, so no mail server can be at [::1]");
        return;
    };
    assert!(office.url().starts_with("smtp://[::1]:"), "{}", office.url());
    let app = TestApp::start_with(app.backend, |config| office.configure(config));
    let mail = ask(&app, "reader@example.org");
    assert_eq!(office.wait_for(1)[0].to, "reader@example.org");
    wait_until(&app, &mail, "sent");
    // Nobody is there: the mail waits, and comes when somebody is.
    let gone = TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap();
    let other = TestApp::start_with(app.backend, |config| {
        office.configure(config);
        config.mail.smtp_url = format!("smtp://{gone}");
    });
    let mail = ask(&other, "later@example.org");
    wait_for("a look at the server", || entry(&other, &mail)["code"] == "connection");
    assert_eq!(office.mails().len(), 1);
}

/// Replies of servers name the address, which is not stored again once it was erased.
#[apply(api_test)]
fn an_erased_address_does_not_come_back(app: &TestApp) {
    let config = app.config.mail.clone();
    let erased = MailRow::new(&config, MailKind::Test, "anna@example.org", "en", &json!({}));
    let ids = [erased.id.clone(), MailRow::new(&config, MailKind::Test, "anna@example.org", "en", &json!({})).id];
    let (refused, bounced) = (erased.clone(), MailRow { id: ids[1].clone(), ..erased });
    let detail = "550 5.1.1 <anna@example.org>: no such user";
    let write = move |c: &mut plenary::database::Db| {
        refused.enqueue(c)?;
        bounced.enqueue(c)?;
        let claimed = claims::claim(c, &config, "node", 2)?;
        log::forget_recipient(c, "anna@example.org")?;
        let result = SendResult::new(SendOutcome::Refused, "550", detail);
        for mail in claimed.iter().filter(|mail| mail.id == refused.id) {
            assert!(claims::finish(c, &config, mail, &result)?);
        }
        let (kind, status) = (BounceKind::Permanent, "5.1.1".to_owned());
        bounce::record(c, &bounced.id, &BounceNotice { kind, status, diagnostic: detail.to_owned() })?;
        Ok::<_, Problem>(())
    };
    app.block_on(app.app.database.write(write)).map_err(|problem| problem.detail).unwrap();
    for (id, status, code) in [(&ids[0], "failed", "550"), (&ids[1], "bounced", "5.1.1")] {
        let seen = entry(app, &json!({"id": id}));
        assert_eq!((&seen["status"], &seen["code"], &seen["detail"]), (&json!(status), &json!(code), &json!("")));
        assert!(!seen.to_string().contains("anna"), "{seen}");
    }
}

/// Mails that wait for the share of their domain take nothing from the writer.
#[apply(api_test)]
fn a_domain_that_had_its_share_has_nothing_due(app: &TestApp) {
    let mut config = app.config.mail.clone();
    config.domain_per_minute = 2;
    let write = move |c: &mut plenary::database::Db| {
        let of = |number: i64| {
            MailRow::new(&config, MailKind::ContactMessage, &format!("r{number}@slow.example"), "en", &json!({}))
        };
        for number in 0..3 {
            of(number).enqueue(c)?;
        }
        let first = (claims::is_due(c, &config)?, claims::claim(c, &config, "node", 10)?.len());
        let then = (claims::is_due(c, &config)?, claims::claim(c, &config, "node", 10)?.len());
        // Another domain, and a mail for which somebody waits.
        MailRow { recipient: "r@other.example".into(), domain: "other.example".into(), ..of(3) }.enqueue(c)?;
        let other = (claims::is_due(c, &config)?, claims::claim(c, &config, "node", 10)?.len());
        MailRow { priority: 0, ..of(4) }.enqueue(c)?;
        let urgent = (claims::is_due(c, &config)?, claims::claim(c, &config, "node", 10)?.len());
        Ok::<_, Problem>([first, then, other, urgent])
    };
    let seen = app.block_on(app.app.database.write(write)).map_err(|problem| problem.detail).unwrap();
    assert_eq!(seen, [(true, 2), (false, 0), (true, 1), (true, 1)]);
}
