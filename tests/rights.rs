//! A right that is taken away is gone: on this node with the answer of the request that took it, on others soon
//! after, and in what changes accounts, keys and sessions at once everywhere.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use plenary::auth::permissions::Role;
use plenary::auth::tokens::load_keys;
use plenary::database::DatabaseError;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;

const ROUNDS: usize = 20;
const AT_ONCE: usize = 50;

/// Somebody who is logged in, with a key.
struct Person {
    id: String,
    session: Client,
    key: Client,
    refresh_token: Value,
}

fn person(app: &TestApp, role: Role) -> Person {
    let email = format!("{}@example.org", plenary::database::new_id());
    app.account(&email, role);
    let tokens = app.log_in(&email);
    let session = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    let made = session.post("/api/v1/auth/keys", &json!({"name": "K"})).expect(201).json();
    Person {
        id: tokens["account"]["id"].as_str().unwrap().to_owned(),
        key: app.visitor().with_token(made["token"].as_str().unwrap()),
        session,
        refresh_token: tokens["refresh_token"].clone(),
    }
}

fn change(administrator: &Client, id: &str, change: &Value) -> Reply {
    let path = format!("/api/v1/accounts/{id}");
    let tag = administrator.get(&path).expect(200).etag().to_owned();
    administrator.patch(&path, &tag, change)
}

/// The same person on another node.
fn on(node: &TestApp, client: &Client) -> Client {
    node.visitor().with_token(client.token())
}

fn is_refused(client: &Client) -> bool {
    match client.get("/api/v1/auth/me") {
        reply if reply.status == 200 => false,
        reply => reply.problem(401, &[]).is_object(),
    }
}

/// The ways to take a right; each must end the session, and with closing also the key.
#[apply(api_test)]
fn what_is_taken_is_gone_with_the_answer(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    let other = app.second_node();
    let mut gone = Vec::new();
    let mut take = |what: &'static str, keys_too: bool, take: &dyn Fn(&Person)| {
        let person = person(app, Role::Editor);
        for client in [&person.session, &person.key] {
            client.get("/api/v1/auth/me").expect(200);
            on(&other, client).get("/api/v1/auth/me").expect(200);
        }
        take(&person);
        assert!(is_refused(&person.session), "{what}: the access token is good still");
        assert_eq!(is_refused(&person.key), keys_too, "{what}: the key");
        gone.push((what, keys_too, person));
    };
    let changes: [(&'static str, bool, Value); 4] = [
        ("closed", true, json!({"active": false})),
        ("demoted", false, json!({"role": "viewer"})),
        ("given a new password", false, json!({"password": "a much better one"})),
        ("without its second factor", false, json!({"second_factor": "end"})),
    ];
    for (what, keys_too, wanted) in &changes {
        take(what, *keys_too, &|person| drop(change(&admin, &person.id, wanted).expect(200)));
    }
    take("with a new password of its own", false, &|person| {
        let body = json!({"current_password": PASSWORD, "new_password": "a much better one"});
        person.session.post("/api/v1/auth/password", &body).expect(204);
    });
    take("logged out", false, &|person| {
        let body = json!({"refresh_token": person.refresh_token});
        app.visitor().post("/api/v1/auth/logout", &body).expect(204);
    });
    take("ended", false, &|person| {
        let sessions = person.session.get("/api/v1/auth/sessions").expect(200).json();
        let path = format!("/api/v1/auth/sessions/{}", sessions["data"][0]["id"].as_str().unwrap());
        person.session.send("DELETE", &path, &[], b"").expect(204);
    });
    take("found out to be stolen", false, &|person| {
        let refresh = || app.visitor().post("/api/v1/auth/refresh", &json!({"refresh_token": person.refresh_token}));
        refresh().expect(200);
        app.sql("UPDATE refresh_tokens SET used_at = used_at - 11000000 WHERE used_at > 0");
        refresh().problem(401, &[]);
    });
    // The other node learns of all of it by itself.
    for (what, keys_too, person) in &gone {
        wait_for(what, || is_refused(&on(&other, &person.session)));
        if *keys_too {
            wait_for(what, || is_refused(&on(&other, &person.key)));
        }
    }
    let person = person(app, Role::Editor);
    let keys = person.session.get("/api/v1/auth/keys").expect(200).json();
    on(&other, &person.key).get("/api/v1/auth/me").expect(200);
    let path = format!("/api/v1/auth/keys/{}", keys["data"][0]["id"].as_str().unwrap());
    person.session.send("DELETE", &path, &[], b"").expect(204);
    assert!(is_refused(&person.key) && !is_refused(&person.session));
    wait_for("the end of the key", || is_refused(&on(&other, &person.key)));
}

/// The other node need not have noticed: what changes rights asks the database.
#[apply(api_test)]
fn whoever_was_closed_changes_no_rights_on_another_node(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    let other = app.second_node();
    let victim = person(app, Role::Editor);
    for _ in 0..ROUNDS {
        let person = person(app, Role::Administrator);
        let (there, key_there) = (on(&other, &person.session), on(&other, &person.key));
        let machine = there.post("/api/v1/api-keys", &json!({"name": "M", "role": "viewer"})).expect(201).json();
        let machine = machine["key"]["id"].as_str().unwrap().to_owned();
        let version = admin.get(&format!("/api/v1/accounts/{}", person.id)).expect(200).etag().to_owned();
        let seen = admin.get(&format!("/api/v1/accounts/{}", victim.id)).expect(200).etag().to_owned();
        key_there.get("/api/v1/auth/me").expect(200);
        change(&admin, &person.id, &json!({"active": false})).expect(200);
        let (own, others) = (format!("/api/v1/accounts/{}", person.id), format!("/api/v1/accounts/{}", victim.id));
        let account = json!({"email": "new@example.org", "name": "N", "role": "administrator", "password": PASSWORD});
        for client in [&there, &key_there] {
            client.patch(&own, &version, &json!({"active": true})).problem(401, &[]);
            client.patch(&others, &seen, &json!({"role": "administrator"})).problem(401, &[]);
            client.post("/api/v1/accounts", &account).problem(401, &[]);
            client.send("DELETE", &format!("/api/v1/api-keys/{machine}"), &[], b"").problem(401, &[]);
        }
        let refused = [
            there.post("/api/v1/api-keys", &json!({"name": "M", "role": "administrator"})),
            there.post("/api/v1/auth/keys", &json!({"name": "M"})),
            there.post(&format!("/api/v1/api-keys/{machine}/take-over"), &json!({})),
            there.send("DELETE", &format!("/api/v1/auth/sessions/{machine}"), &[], b""),
            there.post("/api/v1/auth/second-factor/confirm", &json!({"code": "123456"})),
        ];
        for reply in refused {
            reply.problem(401, &[]);
        }
    }
}

/// Many requests of each, half of them on another node: one of all succeeds, and one administrator is left.
#[apply(api_test)]
fn two_administrators_close_each_other_and_one_stays(app: &TestApp) {
    let other = app.second_node();
    let mut stays = person(app, Role::Administrator);
    for round in 0..ROUNDS {
        let pair = [stays, person(app, Role::Administrator)];
        let tags = pair.each_ref().map(|person| {
            pair[0].session.get(&format!("/api/v1/accounts/{}", person.id)).expect(200).etag().to_owned()
        });
        let wanted = if round % 2 == 0 { json!({"active": false}) } else { json!({"role": "editor"}) };
        let barrier = Barrier::new(AT_ONCE);
        let attack = |number: usize| {
            let (by, of) = (number % 2, 1 - number % 2);
            let client = on(if number % 4 < 2 { app } else { &other }, &pair[by].session);
            barrier.wait();
            client.patch(&format!("/api/v1/accounts/{}", pair[of].id), &tags[of], &wanted).status
        };
        let statuses: Vec<(usize, u16)> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..AT_ONCE).map(|number| scope.spawn(move || (number % 2, attack(number)))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<usize> = statuses.iter().filter(|(_, status)| *status == 200).map(|(by, _)| *by).collect();
        assert_eq!(won.len(), 1, "{statuses:?}");
        // The same request again is of an old version; the other's session has ended.
        assert!(statuses.iter().all(|(_, status)| [200, 401, 412].contains(status)), "{statuses:?}");
        let [first, second] = pair;
        stays = if won[0] == 0 { first } else { second };
        let accounts = stays.session.get("/api/v1/accounts").expect(200).json();
        let is_administrator = |account: &&Value| account["active"] == true && account["role"] == "administrator";
        assert_eq!(accounts["data"].as_array().unwrap().iter().filter(is_administrator).count(), 1);
    }
}

/// Fifty who ask all the time: no request that begins after the answer is let in.
#[apply(api_test)]
fn nobody_slips_through_while_a_right_is_taken(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    for round in 0..ROUNDS {
        let person = person(app, Role::Editor);
        let client = if round % 2 == 0 { &person.session } else { &person.key };
        let (begun, taken) = (Barrier::new(AT_ONCE + 1), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    client.get("/api/v1/auth/me").expect(200);
                    begun.wait();
                    loop {
                        let after = taken.load(Ordering::SeqCst);
                        if is_refused(client) {
                            return;
                        }
                        assert!(!after, "let in after the account was closed");
                    }
                });
            }
            begun.wait();
            change(&admin, &person.id, &json!({"active": false})).expect(200);
            taken.store(true, Ordering::SeqCst);
        });
    }
}

#[apply(api_test)]
fn keys_have_no_more_rights_than_their_maker(app: &TestApp) {
    let (admin, maker) = (app.client(Role::Administrator), person(app, Role::Administrator));
    let made = maker.session.post("/api/v1/api-keys", &json!({"name": "Build", "role": "administrator"})).expect(201);
    let made = made.json();
    let machine = app.visitor().with_token(made["token"].as_str().unwrap());
    let take_over = format!("/api/v1/api-keys/{}/take-over", made["key"]["id"].as_str().unwrap());
    machine.get("/api/v1/accounts").expect(200);
    change(&admin, &maker.id, &json!({"role": "viewer"})).expect(200);
    machine.get("/api/v1/accounts").problem(403, &[]);
    machine.get("/api/v1/events?status=any").expect(200);
    change(&admin, &maker.id, &json!({"active": false})).expect(200);
    machine.get("/api/v1/events").problem(401, &[]);
    // Another administrator answers for it from now on.
    app.editor().post(&take_over, &json!({})).problem(403, &[]);
    let taken = admin.post(&take_over, &json!({})).expect(200).json();
    assert_eq!(taken["account"], admin.get("/api/v1/auth/me").expect(200).json()["id"]);
    machine.get("/api/v1/accounts").expect(200);
    let audit = admin.get("/api/v1/audit?action=key_take_over").expect(200).json();
    assert_eq!(audit["data"][0]["id"], maker.id);
    // Keys of people are theirs, and keys are not taken over with keys.
    let personal = admin.post("/api/v1/auth/keys", &json!({"name": "Mine"})).expect(201).json();
    let personal = format!("/api/v1/api-keys/{}/take-over", personal["key"]["id"].as_str().unwrap());
    admin.post(&personal, &json!({})).problem(404, &[]);
    machine.post(&take_over, &json!({})).problem(403, &[]);
}

/// Makes tokens with the server's own key.
fn forge(app: &TestApp, header: &Value, claims: &Value) -> String {
    let load = |c: &mut plenary::database::Db| Ok::<_, DatabaseError>(load_keys(c, "jwt")?);
    let keys = app.block_on(app.app.database.read(load)).unwrap();
    let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(&keys[0].secret).unwrap().try_into().unwrap();
    let mut header = header.clone();
    header["kid"] = keys[0].id.clone().into();
    let text = [header, claims.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = SigningKey::from_bytes(&seed).sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

#[apply(api_test)]
fn claims_are_checked_whole(app: &TestApp) {
    let (editor, other) = (person(app, Role::Editor), person(app, Role::Editor));
    let part = |token: &str| URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims = |client: &Client| -> Value { serde_json::from_slice(&part(client.token())).unwrap() };
    let good = claims(&editor.session);
    let header = json!({"alg": "EdDSA", "typ": "at+jwt"});
    let me =
        |header: &Value, claims: &Value| app.visitor().with_token(&forge(app, header, claims)).get("/api/v1/auth/me");
    me(&header, &good).expect(200);
    let now = chrono::Utc::now().timestamp();
    let wrong = [
        ("nbf", json!(now + 60)),
        ("iat", json!(now + 60)),
        ("exp", json!(now - 1)),
        ("iss", json!("somebody")),
        ("aud", json!("somebody")),
        ("sub", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        ("sub", claims(&other.session)["sub"].clone()),
        ("sid", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        ("role", json!("king")),
    ];
    for (name, value) in wrong {
        let mut claims = good.clone();
        claims[name] = value;
        me(&header, &claims).problem(401, &[]);
    }
    for name in ["nbf", "iat", "exp", "iss", "aud", "sub", "sid", "role", "jti"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        me(&header, &claims).problem(401, &[]);
    }
    for header in
        [json!({"alg": "EdDSA", "typ": "JWT"}), json!({"alg": "EdDSA"}), json!({"alg": "none", "typ": "at+jwt"})]
    {
        me(&header, &good).problem(401, &[]);
    }
    // The role in the token is for others: here, the account is asked.
    let mut raised = good.clone();
    raised["role"] = "administrator".into();
    let raised = app.visitor().with_token(&forge(app, &header, &raised));
    raised.get("/api/v1/auth/me").expect(200);
    raised.get("/api/v1/accounts").problem(403, &[]);
}

/// A document that is made without the database is given to somebody who is logged in without it, too.
#[apply(api_test)]
fn rights_are_known_without_the_database(app: &TestApp) {
    let person = person(app, Role::Editor);
    for client in [&person.session, &person.key] {
        // Other tasks of the node look into the database now and then: the cheapest of some is it.
        let cost = || {
            let before = app.app.database.statements();
            for _ in 0..10 {
                client.get("/.well-known/jwks.json").expect(200);
            }
            app.app.database.statements() - before
        };
        assert!((0..10).any(|_| cost() == 0), "each of ten reads asked the database who reads");
    }
}
