//! Guessing passwords and codes, and who has to wait for it.

use std::sync::Barrier;

use diesel::prelude::*;
use plenary::auth::permissions::Role;
use plenary::database::DatabaseError;
use plenary::database::schema::login_failures;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::Reply;

const EMAIL: &str = "anna@example.org";
const WRONG: &str = "this is not the one";
/// Failures of one device or source that cost nothing, and those of an address.
const FREE: usize = 5;
const FREE_OF_ALL: usize = 50;

/// Logs in from somewhere, as a proxy on this machine tells it.
fn from(app: &TestApp, source: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", source)];
    app.visitor().send("POST", "/api/v1/auth/login", &headers, body.to_string().as_bytes())
}

fn with(password: &str) -> Value {
    json!({"email": EMAIL, "password": password})
}

/// What many get that ask at once.
fn at_once<T: Send>(count: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let (barrier, ask) = (&barrier, &ask);
                scope.spawn(move || {
                    barrier.wait();
                    ask(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// How many of these were tried; the others were told to wait.
fn tried(replies: &[Reply]) -> usize {
    let waits = |reply: &&Reply| reply.status == 429 && reply.header("retry-after").parse::<u64>().is_ok();
    let (waiting, tried) = (replies.iter().filter(waits).count(), replies.iter().filter(|r| r.status == 401).count());
    assert_eq!(waiting + tried, replies.len(), "{:?}", replies.iter().map(|r| r.status).collect::<Vec<_>>());
    tried
}

/// On two nodes, for an address that has an account and for one that has none.
#[apply(api_test)]
fn guesses_at_once_are_no_more_than_those_allowed(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let other = app.second_node();
    for email in [EMAIL, "nobody@example.org"] {
        let replies = at_once(200, |number| {
            let node = if number % 2 == 0 { app } else { &other };
            node.visitor().post("/api/v1/auth/login", &json!({"email": email, "password": WRONG}))
        });
        assert_eq!(tried(&replies), FREE, "{email}");
    }
    from(app, "127.0.0.1", &with(PASSWORD)).problem(429, &[]);
    // From as many sources as there are requests.
    let replies = at_once(200, |number| from(app, &format!("198.51.100.{number}"), &with(WRONG)));
    assert_eq!(tried(&replies), FREE_OF_ALL - FREE);
}

#[apply(api_test)]
fn codes_at_once_are_no_more_than_those_allowed(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let client = app.visitor().with_token(app.log_in(EMAIL)["access_token"].as_str().unwrap());
    let begun = client.post("/api/v1/auth/second-factor", &json!({"current_password": PASSWORD})).expect(200).json();
    let secret = totp_rs::Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap();
    let codes = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap();
    let confirm = json!({"code": codes.generate(now).to_string()});
    client.post("/api/v1/auth/second-factor/confirm", &confirm).expect(200);
    // Without a code nothing is guessed, so nothing is counted; and it makes nobody's guesses forgotten.
    for _ in 0..2 * FREE {
        app.visitor().post("/api/v1/auth/login", &with(PASSWORD)).expect(401);
    }
    let guess = json!({"email": EMAIL, "password": PASSWORD, "code": "nonsense"});
    let replies = at_once(200, |number| match number % 2 {
        0 => app.visitor().post("/api/v1/auth/login", &guess),
        _ => app.visitor().post("/api/v1/auth/login", &with(PASSWORD)),
    });
    let wrong =
        |reply: &&Reply| reply.status == 401 && !reply.json()["type"].as_str().unwrap().contains("second-factor");
    assert!(replies.iter().filter(wrong).count() <= FREE);
    app.visitor().post("/api/v1/auth/login", &guess).expect(429);
    // Whoever found the desk open guesses no more.
    let end = json!({"current_password": PASSWORD, "code": "nonsense"});
    let replies = at_once(50, |_| client.post("/api/v1/auth/second-factor/end", &end));
    assert_eq!(replies.iter().filter(|reply| reply.status == 422).count(), FREE);
    assert_eq!(replies.iter().filter(|reply| reply.status == 429).count(), 50 - FREE);
}

#[apply(api_test)]
fn right_passwords_at_once_are_all_let_in(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    for _ in 0..4 {
        for reply in at_once(50, |_| app.visitor().post("/api/v1/auth/login", &with(PASSWORD))) {
            reply.expect(200);
        }
    }
}

#[apply(api_test)]
fn a_stranger_keeps_nobody_out(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let device = app.log_in(EMAIL)["device_token"].clone();
    for _ in 0..FREE {
        from(app, "198.51.100.1", &with(WRONG)).problem(401, &[]);
    }
    from(app, "198.51.100.1", &with(PASSWORD)).problem(429, &[]);
    // From elsewhere, and from there with a device that is known.
    from(app, "203.0.113.7", &with(PASSWORD)).expect(200);
    let known = |password: &str| json!({"email": EMAIL, "password": password, "device_token": device});
    from(app, "198.51.100.1", &known(PASSWORD)).expect(200);
    from(app, "198.51.100.1", &with(PASSWORD)).problem(429, &[]);
    // A device guesses no more than others, and counts for its address only.
    for _ in 0..FREE {
        from(app, "203.0.113.7", &known(WRONG)).problem(401, &[]);
    }
    from(app, "203.0.113.7", &known(PASSWORD)).problem(429, &[]);
    app.account("bram@example.org", Role::Editor);
    let other = json!({"email": "bram@example.org", "password": WRONG, "device_token": device});
    for _ in 0..FREE {
        from(app, "203.0.113.8", &other).problem(401, &[]);
    }
    from(app, "203.0.113.8", &json!({"email": "bram@example.org", "password": PASSWORD})).problem(429, &[]);
    // One that was made up is none.
    let made_up = json!({"email": EMAIL, "password": PASSWORD, "device_token": "AAAA"});
    from(app, "198.51.100.1", &made_up).problem(429, &[]);
}

#[apply(api_test)]
fn many_strangers_keep_out_no_device_that_is_known(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let tokens = app.log_in(EMAIL);
    for number in 0..FREE_OF_ALL {
        from(app, &format!("198.51.100.{number}"), &with(WRONG)).problem(401, &[]);
    }
    let reply = from(app, "203.0.113.7", &with(PASSWORD)).expect(429);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() <= 31);
    let known = json!({"email": EMAIL, "password": PASSWORD, "device_token": tokens["device_token"]});
    from(app, "198.51.100.1", &known).expect(200);
    // Nor whoever is logged in.
    let client = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    client.post("/api/v1/auth/second-factor", &json!({"current_password": PASSWORD})).expect(200);
    // However long it goes on, the wait of those who are not known stays under a quarter of an hour.
    for number in 0..10 {
        app.sql("UPDATE login_failures SET locked_until = 0");
        from(app, &format!("192.0.2.{number}"), &with(WRONG)).problem(401, &[]);
    }
    let reply = from(app, "203.0.113.7", &with(PASSWORD)).expect(429);
    assert!((600..=901).contains(&reply.header("retry-after").parse::<u64>().unwrap()));
}

#[apply(api_test)]
fn whoever_is_no_trusted_proxy_names_no_source(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.server.trusted_proxies.clear());
    app.account(EMAIL, Role::Editor);
    for number in 0..FREE {
        from(&app, &format!("198.51.100.{number}"), &with(WRONG)).problem(401, &[]);
    }
    from(&app, "203.0.113.7", &with(PASSWORD)).problem(429, &[]);
}

#[apply(api_test)]
fn failures_are_forgotten_after_their_time(app: &TestApp) {
    let count = || -> i64 {
        let count =
            |c: &mut plenary::database::Db| Ok::<_, DatabaseError>(login_failures::table.count().get_result(c)?);
        app.block_on(app.app.database.read(count)).unwrap()
    };
    app.account(EMAIL, Role::Editor);
    for _ in 0..FREE {
        from(app, "198.51.100.1", &with(WRONG)).problem(401, &[]);
    }
    app.block_on(app.app.housekeeping()).unwrap();
    assert_eq!(count(), 2);
    from(app, "198.51.100.1", &with(PASSWORD)).problem(429, &[]);
    // A day later nothing is left of them, be they asked for or not.
    app.sql("UPDATE login_failures SET last_at = last_at - 86400000000, locked_until = locked_until - 86400000000");
    from(app, "198.51.100.1", &with(WRONG)).problem(401, &[]);
    from(app, "198.51.100.1", &with(PASSWORD)).expect(200);
    app.sql("UPDATE login_failures SET last_at = last_at - 86400000000, locked_until = locked_until - 86400000000");
    app.block_on(app.app.housekeeping()).unwrap();
    assert_eq!(count(), 0);
}

/// All tabs get the same next token, so that a family stays a chain, and a reuse is found out still.
#[apply(api_test)]
fn two_tabs_refresh_at_once(app: &TestApp) {
    app.account(EMAIL, Role::Editor);
    let refresh = |token: &Value| app.visitor().post("/api/v1/auth/refresh", &json!({"refresh_token": token}));
    let mut token = app.log_in(EMAIL)["refresh_token"].clone();
    for _ in 0..20 {
        let replies = at_once(50, |_| refresh(&token).expect(200).json());
        let next = &replies[0]["refresh_token"];
        assert!(replies.iter().all(|reply| reply["refresh_token"] == *next) && *next != token);
        token = next.clone();
    }
    // Later, the one that was used is a stolen one, and the next one goes with it.
    let next = refresh(&token).expect(200).json();
    let client = app.visitor().with_token(next["access_token"].as_str().unwrap());
    client.get("/api/v1/auth/me").expect(200);
    app.sql("UPDATE refresh_tokens SET used_at = used_at - 11000000 WHERE used_at > 0");
    refresh(&token).problem(401, &[]);
    refresh(&next["refresh_token"]).problem(401, &[]);
    client.get("/api/v1/auth/me").problem(401, &[]);
}
