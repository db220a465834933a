//! Sign-ups: what is consented to, what keeps programs out, and what nobody learns.

use std::path::Path;
use std::time::Duration;

use plenary::auth::permissions::Role;
use plenary::config::ProtectionConfig;
use plenary::database::mail_schema::{mails, newsletter_signups, used_challenges};
use serde_json::{Value, json};

use crate::newsletter::{SUBSCRIPTIONS, confirm, count, sign_up, started, started_with, subscribed};
use crate::support::app::TestApp;
use crate::support::post_office::solve_altcha;
use crate::support::tools::{node, run, tool_path};

/// Changes the settings of the site in a language. Returns their version.
pub fn set_site(app: &TestApp, locale: &str, change: &Value) -> i64 {
    let (path, editor) = (format!("/api/v1/site?locale={locale}"), app.editor());
    let tag = editor.get("/api/v1/site").expect(200).etag().to_owned();
    editor.patch(&path, &tag, change).expect(200).json()["version"].as_i64().unwrap()
}

fn consent(app: &TestApp, locale: &str) -> (i64, String, String) {
    let shown = app.visitor().get(&format!("/api/v1/newsletter/consent?locale={locale}")).expect(200).json();
    let text = |name: &str| shown[name].as_str().unwrap().to_owned();
    (shown["version"].as_i64().unwrap(), text("locale"), text("text"))
}

#[apply(api_test)]
fn the_settings_say_what_is_consented_to(app: &TestApp) {
    let (office, app) = started(app);
    let (public, admin) = (app.visitor(), app.client(Role::Administrator));
    // Until the settings have a text there is a built-in one, with the name of the configuration.
    let (version, locale, text) = consent(&app, "en");
    assert_eq!((version, locale.as_str()), (1, "en"));
    assert!(text.contains("newsletter of Plenary by"), "{text}");
    assert_eq!(consent(&app, "nl").1, "nl");
    assert_eq!(public.get("/api/v1/site").expect(200).json()["version"], 1);
    public.get("/api/v1/newsletter/consent?locale=xx").problem(400, &[("?locale", "not_allowed")]);
    let named = set_site(&app, "en", &json!({"name": "Policy & Centre"}));
    let (version, _, first) = consent(&app, "en");
    assert!(version == named && first.contains("newsletter of Policy & Centre by"), "{first}");
    // The settings win, in the nearest language that they have.
    let english = set_site(&app, "en", &json!({"newsletter": {"consent": "Yes, mail me."}}));
    assert_eq!(consent(&app, "nl"), (english, "en".to_owned(), "Yes, mail me.".to_owned()));
    let both = set_site(&app, "nl", &json!({"name": "Centrum", "newsletter": {"consent": "Ja, mail mij."}}));
    assert_eq!(consent(&app, "nl"), (both, "nl".to_owned(), "Ja, mail mij.".to_owned()));
    assert_eq!(consent(&app, "en"), (both, "en".to_owned(), "Yes, mail me.".to_owned()));
    // A working draft is not shown, and has no text to consent to.
    let editor = app.editor();
    let tag = editor.get("/api/v1/site?view=draft").expect(200).etag().to_owned();
    let draft = json!({"newsletter": {"consent": "Maybe."}});
    editor.patch("/api/v1/site?view=draft", &tag, &draft).expect(200);
    assert_eq!(consent(&app, "en"), (both, "en".to_owned(), "Yes, mail me.".to_owned()));
    // Whoever saw an earlier version consented to that one, with its language.
    let seen = |email: &str| {
        let list = admin.get(&format!("/api/v1/newsletter/subscribers?email={email}")).expect(200).json();
        let one = list["data"][0].clone();
        (one["consent_version"].clone(), one["consent_locale"].clone(), one["consent_text"].clone())
    };
    for (email, version, locale, text) in [
        ("first@example.org", named, "en", first.as_str()),
        ("english@example.org", english, "en", "Yes, mail me."),
        ("both@example.org", both, "nl", "Ja, mail mij."),
    ] {
        let locale_of_form = if version == named { "en" } else { "nl" };
        let more = json!({"locale": locale_of_form, "consent_version": version});
        subscribed(&office, &app, email, &more);
        assert_eq!(seen(email), (json!(version), json!(locale), json!(text)));
    }
    for version in [0, both + 7] {
        let code = if version == 0 { "out_of_range" } else { "not_found" };
        sign_up(&app, "b@example.org", &json!({"consent_version": version}))
            .problem(422, &[("/consent_version", code)]);
    }
}

#[apply(api_test)]
fn mails_name_the_site_as_its_settings_do(app: &TestApp) {
    let (office, app) = started(app);
    set_site(&app, "en", &json!({"name": "Policy & Centre"}));
    set_site(&app, "nl", &json!({"name": "Centrum <Beleid>"}));
    sign_up(&app, "anna@example.org", &json!({"locale": "nl"})).expect(202);
    let mail = office.wait_for(1).remove(0);
    assert!(mail.subject.ends_with("inschrijving bij Centrum <Beleid>"), "{mail:?}");
    assert!(mail.html.contains("Centrum &lt;Beleid&gt;") && !mail.html.contains("Plenary"), "{mail:?}");
    let preview = |locale: &str| {
        let path = format!("/api/v1/mail-templates/password_reset?locale={locale}");
        app.client(Role::Administrator).get(&path).expect(200).json()["text"].as_str().unwrap().to_owned()
    };
    assert!(preview("en").contains("account at Policy & Centre (") && preview("nl").contains("bij Centrum <Beleid> ("));
    let page = app.visitor().get(&format!("/newsletter/confirm?token={}", mail.token())).expect(200);
    assert!(String::from_utf8_lossy(&page.body).contains("<h1>Policy &amp; Centre</h1>"));
}

/// The language of the newest sign-up counts, as soon as the reader of the address has confirmed one.
#[apply(api_test)]
fn whoever_signs_up_again_chooses_the_language(app: &TestApp) {
    let (office, app) = started_with(app, |config| config.protection.address_per_day = 10);
    let admin = app.client(Role::Administrator);
    let locale = || {
        let all = admin.get("/api/v1/newsletter/subscribers").expect(200).json();
        all["data"][0]["locale"].as_str().unwrap().to_owned()
    };
    let ask = |language: &str| {
        let before = office.mails().len();
        sign_up(&app, "anna@example.org", &json!({"locale": language})).expect(202);
        office.wait_for(before + 1).remove(before)
    };
    let english = ask("en");
    ask("nl");
    confirm(&app, &english.token()).expect(200);
    assert_eq!(locale(), "nl");
    // In the same language there is nothing to confirm.
    assert!(!ask("nl").text.contains("/newsletter/confirm?token="));
    // A stranger may have asked: nothing changes until the reader confirms it, in the language that was asked for.
    let mail = ask("en");
    assert!(mail.subject.starts_with("You are subscribed") && mail.html.contains("Confirm the language"), "{mail:?}");
    assert_eq!(locale(), "nl");
    let (_, rest) = mail.text.split_once("/newsletter/confirm?token=").unwrap();
    confirm(&app, rest.split_whitespace().next().unwrap()).expect(200);
    assert_eq!(locale(), "en");
}

#[apply(api_test)]
fn languages_are_those_of_the_site(app: &TestApp) {
    let (office, app) = started(app);
    let (public, admin) = (app.visitor(), app.client(Role::Administrator));
    sign_up(&app, "anna@example.org", &json!({"locale": "fr"})).problem(422, &[("/locale", "unknown_locale")]);
    sign_up(&app, "a..b@example.org", &json!({})).problem(422, &[("/email", "not_an_email")]);
    let token = subscribed(&office, &app, "anna@example.org", &json!({}));
    let path = format!("/api/v1/newsletter/preferences?token={token}");
    public.patch(&path, "", &json!({"locale": "fr"})).problem(422, &[("/locale", "unknown_locale")]);
    admin.get("/api/v1/mail-templates/invitation?locale=xx").problem(400, &[("?locale", "not_allowed")]);
    let test = json!({"to": "a@example.org", "locale": "fr"});
    admin.post("/api/v1/mail-templates/invitation/test", &test).problem(422, &[("/locale", "unknown_locale")]);
}

#[apply(api_test)]
fn nobody_learns_who_is_subscribed(app: &TestApp) {
    let (office, app) = started(app);
    subscribed(&office, &app, "anna@example.org", &json!({}));
    let rows = |app: &TestApp| {
        use diesel::prelude::*;
        count(app, |c| {
            Ok((newsletter_signups::table.count().get_result::<i64>(c)?, mails::table.count().get_result::<i64>(c)?))
        })
    };
    let (signups, sent) = rows(&app);
    // The statements of the two requests are the same, and so are their responses.
    let before = app.app.database.statements();
    let known = sign_up(&app, "anna@example.org", &json!({})).expect(202);
    let stranger = sign_up(&app, "bram@example.org", &json!({})).expect(202);
    assert!(app.app.database.statements() > before);
    assert_eq!(known.header("cache-control"), stranger.header("cache-control"));
    assert_eq!(known.body, stranger.body);
    assert_eq!(rows(&app), (signups + 2, sent + 2));
    let mails = office.wait_for(3);
    let of = |to: &str| mails[1..].iter().find(|mail| mail.to == to).unwrap().clone();
    assert!(of("anna@example.org").subject.contains("You are subscribed"), "{mails:?}");
    assert!(of("bram@example.org").subject.contains("Please confirm"), "{mails:?}");
}

#[apply(api_test)]
fn programs_are_kept_out(app: &TestApp) {
    let (office, app) = started_with(app, |config| {
        config.protection.minimum_seconds = 1;
        config.protection.network_per_hour = 4;
        config.protection.address_per_day = 2;
    });
    let body = |altcha: &str, email: &str| json!({"email": email, "consent_version": 1, "altcha": altcha});
    let send = |body: &Value| app.visitor().post(SUBSCRIPTIONS, body);
    send(&json!({"email": "a@example.org", "consent_version": 1})).problem(422, &[("/altcha", "required")]);
    send(&body("nonsense", "a@example.org")).problem(422, &[("/altcha", "not_valid")]);
    let solution = solve_altcha(&app.visitor());
    send(&body(&solution, "a@example.org")).problem(422, &[("/altcha", "too_soon")]);
    // A program that fills in everything is told nothing.
    let mut trapped = body("nonsense", "trapped@example.org");
    trapped["website"] = json!("https://spam.example");
    send(&trapped).expect(202);
    std::thread::sleep(Duration::from_millis(1_100));
    send(&body(&solution, "a@example.org")).expect(202);
    // A solution is good once, on every node.
    let other = app.second_node();
    let again = other.visitor().post(SUBSCRIPTIONS, &body(&solution, "a@example.org"));
    again.problem(422, &[("/altcha", "reused")]);
    let more: Vec<String> = (0..4).map(|_| solve_altcha(&app.visitor())).collect();
    std::thread::sleep(Duration::from_millis(1_100));
    for solution in &more[..3] {
        send(&body(solution, "a@example.org")).expect(202);
    }
    let refused = send(&body(&more[3], "b@example.org"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 3_000);
    refused.problem(429, &[]);
    // The request that was refused did not use its solution up; and of four mails to one address two were sent.
    use diesel::prelude::*;
    assert_eq!(count(&app, |c| used_challenges::table.count().get_result::<i64>(c)), 4);
    assert_eq!(office.wait_for(2).len(), 2);
    std::thread::sleep(Duration::from_millis(600));
    assert!(office.mails().iter().all(|mail| mail.to == "a@example.org") && office.mails().len() == 2);
}

/// The form of `docs/newsletter.md` works as it stands there, with the official widget.
#[apply(api_test)]
fn the_official_widget_solves_the_proof_of_work(app: &TestApp) {
    let (office, app) = started_with(app, |config| {
        config.protection.difficulty = ProtectionConfig::default().difficulty;
        config.protection.minimum_seconds = ProtectionConfig::default().minimum_seconds;
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/newsletter.md")).unwrap();
    let form = text.split("```html\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let work = tempfile::tempdir_in(tool_path("node")).unwrap();
    let (script, page) = (work.path().join("solve_altcha.mjs"), work.path().join("form.html"));
    std::fs::copy(root.join("tests/tools/solve_altcha.mjs"), &script).unwrap();
    std::fs::write(&page, form.replace("https://cms.example.org", &app.url)).unwrap();
    let mut browser = node();
    browser.arg(&script).arg(&page).arg("anna@example.org").env("CHROMIUM", tool_path("bin/chromium"));
    let said = run(&mut browser);
    let found: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((&found["faults"], &found["status"]), (&json!([]), &json!(202)), "{found}");
    assert_eq!(found["said"], "Please look into your mailbox.");
    // Nothing comes from a third party.
    assert!(found["hosts"].as_array().unwrap().iter().all(|host| host.as_str().unwrap().starts_with("127.0.0.1:")));
    let mail = office.wait_for(1).remove(0);
    assert!(mail.to == "anna@example.org" && mail.subject.starts_with("Please confirm"), "{mail:?}");
    app.visitor().post(SUBSCRIPTIONS, &found["body"]).problem(422, &[("/altcha", "reused")]);
}

/// Whoever signs another address up writes nothing to it.
#[apply(api_test)]
fn a_confirmation_has_no_text_of_a_stranger(app: &TestApp) {
    let (office, app) = started(app);
    let name = json!({"name": "Win a prize at https://evil.example"});
    sign_up(&app, "victim@example.org", &name).expect(202);
    let mail = office.wait_for(1).remove(0);
    assert!(mail.text.contains("Confirm it within 7 days"), "{}", mail.text);
    assert!(!mail.raw.contains("prize") && !mail.html.contains("evil"), "{}", mail.raw);
    // Neither does the mail to one who is subscribed already; that the name is kept is for the confirmed address alone.
    let confirmed = app.visitor().post("/api/v1/newsletter/confirmations", &json!({"token": mail.token()})).expect(200);
    sign_up(&app, "victim@example.org", &name).expect(202);
    let mail = office.wait_for(2).remove(1);
    assert!(mail.text.contains("subscribed already") && !mail.raw.contains("prize"), "{}", mail.raw);
    let token = confirmed.json()["preferences_token"].as_str().unwrap().to_owned();
    let preferences = app.visitor().get(&format!("/api/v1/newsletter/preferences?token={token}")).expect(200).json();
    assert_eq!(preferences["name"], name["name"]);
}
