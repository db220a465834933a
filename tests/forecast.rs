//! What a preview shows at a moment is what the public sees then: random drafts, plans and releases are looked at
//! ahead, while writes go on, and then really carried out by the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use diesel::prelude::*;
use plenary::database::schema::{releases, schedules};
use plenary::database::{DatabaseError, Db, now};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;
use crate::support::program::{Program, fresh_database};

/// Rounds of the property test on each database; more by `PLENARY_ROUNDS`, others by `PLENARY_SEED`.
const ROUNDS: u64 = 3;

/// Random numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A site under random editing.
struct Site<'a> {
    editor: Client,
    public: Client,
    app: &'a TestApp,
    dice: Dice,
    /// Collection and id.
    items: Vec<(&'static str, String)>,
    count: usize,
    base: DateTime<Utc>,
}

impl<'a> Site<'a> {
    fn new(app: &'a TestApp, seed: u64) -> Self {
        let (editor, public) = (app.editor(), app.visitor());
        Self { editor, public, app, dice: Dice(seed), items: Vec::new(), count: 0, base: Utc::now().trunc_subsecs(3) }
    }

    /// One of these moments: some days from now.
    fn day(&self, day: usize) -> DateTime<Utc> {
        self.base + TimeDelta::days(day as i64 + 1)
    }

    fn some_day(&mut self) -> String {
        let day = self.dice.roll(5);
        self.day(day).to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    fn some(&mut self, collection: &str) -> Option<String> {
        let own: Vec<&String> = self.items.iter().filter(|(own, _)| *own == collection).map(|(_, id)| id).collect();
        (!own.is_empty()).then(|| (*self.dice.pick(&own)).clone())
    }

    /// A text with random references.
    fn text(&mut self, collection: &str) -> Value {
        self.count += 1;
        let label = format!("{} {}", ["Delta", "river", "Élan", "sluice"][self.dice.roll(4)], self.count);
        let mut body = match collection {
            "events" => {
                let (day, country) = (1 + self.dice.roll(28), ["online", "in_person"][self.dice.roll(2)]);
                json!({"title": label, "starts_at": format!("2031-02-{day:02}T10:00"), "attendance": country})
            }
            "sessions" => json!({"title": label}),
            _ => json!({"name": label}),
        };
        match collection {
            "events" => {
                let speakers = [self.some("speakers"), self.some("speakers")];
                let mut ids: Vec<String> = speakers.into_iter().flatten().collect();
                ids.dedup();
                body["speakers"] = ids.into_iter().map(|id| json!({"speaker": id})).collect();
                body["topics"] = self.some("topics").into_iter().map(Value::from).collect();
            }
            "sessions" => body["event"] = self.some("events").map_or(Value::Null, Value::from),
            "topics" if self.dice.roll(2) == 0 => body["parent"] = self.some("topics").map_or(Value::Null, Value::from),
            _ => {}
        }
        body
    }

    fn version(&self, path: &str) -> String {
        self.editor.get(&format!("{path}/desk")).etag().to_owned()
    }

    /// A random step; many are refused, which is as good.
    fn step(&mut self) {
        if self.items.is_empty() || self.dice.roll(4) == 0 {
            let collection = *self.dice.pick(&["topics", "speakers", "events", "events", "sessions"]);
            let mut body = self.text(collection);
            body["status"] = ["draft", "published"][self.dice.roll(2)].into();
            let made = self.editor.post(&format!("/api/v1/{collection}"), &body);
            if made.status == 201 {
                self.items.push((collection, made.json()["id"].as_str().unwrap().to_owned()));
            }
            return;
        }
        let (collection, id) = self.dice.pick(&self.items.clone()).clone();
        let path = format!("/api/v1/{collection}/{id}");
        let etag = self.version(&path);
        match self.dice.roll(10) {
            0..3 => {
                let mut text = self.text(collection);
                if self.dice.roll(2) == 0 {
                    text["slug"] = format!("slug-{}", self.dice.roll(12)).into();
                }
                drop(self.editor.patch(&format!("{path}?view=draft"), &etag, &text));
            }
            3..6 => {
                let (publish, unpublish) = (self.some_day(), self.some_day());
                let plans = [
                    json!({"publish_at": publish}),
                    json!({"unpublish_at": unpublish}),
                    json!({"publish_at": publish, "unpublish_at": unpublish}),
                ];
                let plan = self.dice.pick(&plans);
                drop(self.editor.act_with(&format!("{path}/schedule"), &etag, plan));
            }
            6 => self.release(),
            7 => drop(self.editor.act(&format!("{path}/publish"), &etag)),
            8 => drop(self.editor.act(&format!("{path}/unpublish"), &etag)),
            _ => drop(self.editor.act(&format!("{path}/unschedule"), &etag)),
        }
    }

    fn release(&mut self) {
        let members: Vec<Value> = (0..1 + self.dice.roll(4))
            .map(|_| {
                let (collection, id) = self.dice.pick(&self.items.clone()).clone();
                let operation = *self.dice.pick(&["publish", "publish", "unpublish", "archive"]);
                json!({"collection": collection, "id": id, "operation": operation})
            })
            .collect();
        self.count += 1;
        let body = json!({"name": format!("R{}", self.count), "publish_at": self.some_day(), "items": members});
        drop(self.editor.post("/api/v1/releases", &body));
    }

    /// All that is looked at: lists in several orders, items by all slugs that there may be, feeds.
    fn addresses(&self) -> Vec<String> {
        let all = |collection: &str, more: &str| format!("/api/v1/{collection}?limit=100&count=exact{more}");
        let mut addresses = vec![
            all("events", "&detail=full&include=speakers,topics,sessions,topics.parent&facets=topic,speaker,year"),
            all("events", "&sort=-published_at"),
            all("events", "&sort=title&starts_at[gte]=2031-02-14"),
            all("sessions", "&include=event,speakers,event.topics"),
            all("speakers", "&sort=name"),
            all("topics", "&include=parent"),
            "/api/v1/events.ics?limit=100".to_owned(),
            "/api/v1/events.jsonld?limit=100".to_owned(),
        ];
        for (collection, id) in &self.items {
            addresses.push(format!("/api/v1/{collection}/{id}?locale=en"));
            match *collection {
                "speakers" => addresses.push(all("events", &format!("&speaker={id}"))),
                "topics" => addresses.push(all("events", &format!("&topic[none]={id}"))),
                _ => {}
            }
        }
        for slug in 0..12 {
            addresses.push(format!("/api/v1/events/slug-{slug}?locale=en"));
        }
        addresses
    }

    /// What is found at all these addresses. Plans that are done `moved` earlier than they are due say so.
    fn look(&self, client: &Client, more: &str, moved: TimeDelta) -> BTreeMap<String, Value> {
        let seen = |address: String| {
            let reply = client.get(&format!("{address}{more}"));
            let told = self.told(&reply, more, moved);
            (address, told)
        };
        self.addresses().into_iter().map(seen).collect()
    }

    fn told(&self, reply: &Reply, more: &str, moved: TimeDelta) -> Value {
        assert!([200, 308, 404].contains(&reply.status), "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        if reply.status == 308 {
            return reply.header("location").replace(more, "").into();
        }
        match serde_json::from_slice::<Value>(&reply.body) {
            Ok(mut body) => {
                self.level(&mut body, moved);
                json!([reply.status, body])
            }
            Err(_) => {
                let text = String::from_utf8_lossy(&reply.body).replace("\r\n ", "");
                let lines = text.lines().filter(|line| {
                    !["DTSTAMP", "LAST-MODIFIED", "URL", "SOURCE", "CREATED"].iter().any(|own| line.starts_with(own))
                });
                lines.collect::<Vec<_>>().join("\n").into()
            }
        }
    }

    /// Leaves out what tells when something was really done, and puts what was done at its moment there.
    fn level(&self, value: &mut Value, moved: TimeDelta) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|value| self.level(value, moved)),
            Value::Object(object) => {
                for name in ["updated_at", "dateModified", "url", "@id", "request_id", "instance"] {
                    object.remove(name);
                }
                if let Some(at) = object.get("published_at").and_then(Value::as_str) {
                    let at: DateTime<Utc> = at.parse().unwrap();
                    let planned = (0..5).any(|day| (at + moved - self.day(day)).abs() < TimeDelta::milliseconds(2));
                    if planned {
                        object["published_at"] = (at + moved).to_rfc3339_opts(SecondsFormat::Millis, true).into();
                    }
                }
                object.values_mut().for_each(|value| self.level(value, moved));
            }
            _ => {}
        }
    }

    /// Moves all plans into the past that are due by then, and waits until the clock has done them.
    fn carry_out(&self, moved: TimeDelta) {
        let by = moved.num_microseconds().unwrap();
        let write = move |c: &mut Db| {
            diesel::update(schedules::table).set(schedules::due_at.eq(schedules::due_at - by)).execute(c)?;
            diesel::update(releases::table.filter(releases::status.eq("scheduled")))
                .set(releases::due_at.eq(releases::due_at - by))
                .execute(c)?;
            Ok::<_, DatabaseError>(())
        };
        self.app.block_on(self.app.app.database.write(write)).unwrap();
        wait_for("what was planned", || {
            let due = |c: &mut Db| {
                let planned = schedules::table.filter(schedules::due_at.le(now())).count().get_result::<i64>(c)?;
                let released = releases::table.filter(releases::status.eq("scheduled").and(releases::due_at.le(now())));
                Ok::<_, DatabaseError>(planned + released.count().get_result::<i64>(c)?)
            };
            self.app.block_on(self.app.app.database.read(due)).unwrap() == 0
        });
    }
}

#[apply(api_test)]
fn a_preview_shows_what_the_clock_will_do(app: &TestApp) {
    for round in 0..number("PLENARY_ROUNDS", ROUNDS) {
        let seed = number("PLENARY_SEED", 1) + round;
        println!("seed {seed}");
        let mut site = Site::new(app, seed);
        (0..60).for_each(|_| site.step());
        let moment = site.day(site.dice.0 as usize % 5) + TimeDelta::hours(6);
        let at = format!("&at={}", moment.to_rfc3339_opts(SecondsFormat::Secs, true));
        site.look(&site.editor, &at, TimeDelta::zero());
        // What is written after a look changes the next one.
        for _ in 0..3 {
            (0..5).for_each(|_| site.step());
            site.look(&site.editor, &at, TimeDelta::zero());
        }
        let ahead = site.look(&site.editor, &at, TimeDelta::zero());
        let moved = moment - Utc::now().trunc_subsecs(3);
        site.carry_out(moved);
        let then = site.look(&site.public, "", moved);
        for (address, seen) in &ahead {
            assert_eq!(seen, &then[address], "seed {seed}, {address}");
        }
        // The next round begins without plans.
        site.carry_out(TimeDelta::days(30));
    }
}

fn titles(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/api/v1/events?sort=title&{query}")).expect(200).json();
    page["data"].as_array().unwrap().iter().map(|e| e["title"].as_str().unwrap().to_owned()).collect()
}

fn plan(editor: &Client, slug: &str, at: &str) {
    let path = format!("/api/v1/events/{slug}");
    let etag = editor.get(&format!("{path}/desk")).expect(200).etag().to_owned();
    editor.act_with(&format!("{path}/schedule"), &etag, &json!({"publish_at": at})).expect(200);
}

/// While a write takes its time, nobody else can write; a look ahead does not even notice.
#[apply(api_test)]
fn a_preview_asks_nothing_of_the_writer(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Then"}));
    plan(&editor, "then", "2040-01-01");
    let (begun, wait) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let slow = move |_: &mut Db| {
                begun.send(()).unwrap();
                let _ = ended.recv_timeout(Duration::from_secs(60));
                Ok::<_, DatabaseError>(())
            };
            app.block_on(app.app.database.write_content_once(slow)).unwrap();
        });
        wait.recv().unwrap();
        assert_eq!(titles(&editor, "at=2040-01-01"), ["Then"]);
        assert!(titles(&editor, "at=2039-01-01").is_empty());
        end.send(()).unwrap();
    });
}

#[apply(api_test)]
fn an_overlay_is_made_once(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    editor.create("event-types", &json!({"name": "Talk", "status": "published"}));
    for number in 0..40 {
        let event = json!({"title": format!("E {number:02}"), "type": "talk", "speakers": [{"speaker": "anna"}]});
        editor.create("events", &event);
        plan(&editor, &format!("e-{number:02}"), "2040-01-01");
    }
    // The clock asks now and then, too.
    let look = |query: &str| {
        let before = app.app.database.statements();
        let seen = titles(&editor, query).len();
        (seen, app.app.database.statements() - before)
    };
    let (seen, made) = look("limit=50&at=2040-01-01");
    assert!(seen == 40 && made > 300, "{made}");
    // Moments between two plans are alike, and so are looks after writes of what no plan depends on.
    for number in 0..6 {
        editor.create("events", &json!({"title": format!("Beside {number}"), "type": "talk", "status": "published"}));
        let (seen, read) = look(&format!("limit=50&at=204{}-01-01&detail=full", number + 1));
        assert!(seen == 41 + number && read < 100, "{read}");
    }
    // Nor does it depend on what else is written of what planned items refer to.
    editor.patch("/api/v1/speakers/anna", "\"v1\"", &json!({"job_title": "Analyst"})).expect(200);
    let (_, read) = look("limit=50&at=2041-01-01&include=speakers");
    assert!(read < 100, "{read}");
    // Nothing at all was written: the answer is there, once the node has seen that the write before changed nothing in it.
    wait_for("a look without a statement", || look("limit=50&at=2041-01-01") == (46, 0));
    // A write of what is planned makes it anew.
    editor.patch("/api/v1/events/e-00", "\"v2\"", &json!({"title": "E 99"})).expect(200);
    let (seen, made) = look("limit=50&at=2041-01-01");
    assert!(seen == 46 && made > 300, "{made}");
}

#[apply(api_test)]
fn what_comes_meanwhile_is_seen(app: &TestApp) {
    let editor = app.editor();
    let at = "limit=50&at=2041-01-01";
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    editor.create("events", &json!({"title": "A", "speakers": [{"speaker": "anna"}]}));
    plan(&editor, "a", "2040-01-01");
    assert_eq!(titles(&editor, at), ["A"]);
    let programme = || {
        let event = editor.get("/api/v1/events/a?include=sessions&at=2041-01-01").expect(200).json();
        event["sessions"].as_array().unwrap().len()
    };
    assert_eq!(programme(), 0);
    // A session of an event that will be public.
    editor.create("sessions", &json!({"title": "S", "event": "a", "status": "published"}));
    assert_eq!(programme(), 1);
    // A further plan, before and after the moment; and a release.
    editor.create("events", &json!({"title": "B"}));
    plan(&editor, "b", "2040-06-01");
    assert_eq!(
        (titles(&editor, at), titles(&editor, "at=2040-03-01")),
        (vec!["A".into(), "B".into()], vec!["A".into()])
    );
    editor.create("events", &json!({"title": "C"}));
    plan(&editor, "c", "2042-01-01");
    assert_eq!(titles(&editor, at), ["A", "B"]);
    assert_eq!(titles(&editor, "at=2042-01-01"), ["A", "B", "C"]);
    editor.create("events", &json!({"title": "D"}));
    let items = json!([{"collection": "events", "id": "d"}]);
    editor.post("/api/v1/releases", &json!({"name": "R", "publish_at": "2040-07-01", "items": items})).expect(201);
    assert_eq!(titles(&editor, at), ["A", "B", "D"]);
    // What a plan depends on: without its speaker the event stays a draft.
    editor.act("/api/v1/speakers/anna/unpublish", "\"v1\"").expect(200);
    assert_eq!(titles(&editor, at), ["B", "D"]);
    editor.act("/api/v1/speakers/anna/publish", "\"v2\"").expect(200);
    assert_eq!(titles(&editor, at), ["A", "B", "D"]);
    editor.act("/api/v1/events/b/unschedule", editor.get("/api/v1/events/b/desk").etag()).expect(200);
    assert_eq!(titles(&editor, at), ["A", "D"]);
}

#[apply(api_test)]
fn the_last_plan_before_a_moment_decides(app: &TestApp) {
    let editor = app.editor();
    for year in 2040..2052 {
        editor.create("events", &json!({"title": format!("Y {year}")}));
        plan(&editor, &format!("y-{year}"), &format!("{year}-01-01"));
    }
    // More moments than overlays are kept, forth and back, and at once.
    let look = |year: i32| {
        let seen = titles(&editor, &format!("at={year}-06-01"));
        assert_eq!(seen.len(), (year - 2039) as usize, "{year}");
        let first = editor.get(&format!("/api/v1/events/y-{year}?at={year}-01-01")).expect(200).json();
        assert!(first["published_at"].as_str().unwrap().starts_with(&(year - 1).to_string()), "{first}");
        editor.get(&format!("/api/v1/events/y-{year}?at={}-12-01", year - 1)).expect(404);
    };
    (2040..2052).for_each(look);
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || (2040..2052).rev().filter(|year| year % 2 == half).for_each(look));
        }
    });
}

#[apply(api_test)]
fn what_only_might_happen_is_not_told_to_the_log(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let database = fresh_database(app.backend, folder.path());
    let program = Program::start_logging(&database, std::fs::File::create(&log).unwrap());
    let editor = program.administrator();
    // Two plans, of which one cannot be carried out any more.
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    editor.create("events", &json!({"title": "Fails", "speakers": [{"speaker": "anna"}]}));
    editor.create("events", &json!({"title": "Works"}));
    plan(&editor, "fails", "2040-01-01");
    plan(&editor, "works", "2040-01-01");
    editor.act("/api/v1/speakers/anna/unpublish", "\"v1\"").expect(200);
    assert_eq!(titles(&editor, "at=2040-01-01"), ["Works"]);
    let status = editor.get("/api/v1/events/fails").expect(200).json()["status"].clone();
    assert_eq!(status, "scheduled");
    let told = std::fs::read_to_string(&log).unwrap();
    // That a machine is slow is no news of plans.
    let mut lines = told.lines().filter(|line| !line.contains("slow request"));
    assert!(lines.all(|line| !line.contains("WARN") && !line.contains("ERROR")), "{told}");
}
