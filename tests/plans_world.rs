//! The world of `plans_model`: what its deeds do to two nodes, and what has to be true after each.

use std::cell::Cell;
use std::collections::BTreeSet;

use plenary::editorial::{due_plans, trash_purge};
use plenary::problem::Problem;
use serde_json::{Value, json};

use crate::plans_model::{Deed, Event};
use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::moments::wait_for;

/// How many events there are.
pub const EVENTS: usize = 3;
/// 2090-01-01T00:00:00Z, in seconds; the test's clock counts hours from it.
const BEGIN: i64 = 3_786_912_000;

struct Release {
    path: String,
    at: i64,
    members: Vec<String>,
}

/// What came about in all sequences, so that a model in which nothing happens is noticed.
#[derive(Debug, Default)]
pub struct Tally {
    pub refused: Cell<usize>,
    pub done: Cell<usize>,
    pub failed: Cell<usize>,
    pub released: Cell<usize>,
    pub purged: Cell<usize>,
}

fn count(tally: &Cell<usize>) {
    tally.set(tally.get() + 1);
}

pub struct World<'a> {
    tally: &'a Tally,
    nodes: [&'a TestApp; 2],
    editors: [Client; 2],
    /// Whose turn it is, and who wrote last: that one shows it at once, the other one soon.
    pub turn: Cell<usize>,
    wrote: Cell<usize>,
    speaker: Option<String>,
    events: Vec<Option<Event>>,
    releases: Vec<Release>,
    hour: i64,
    texts: usize,
}

fn at(hour: i64) -> String {
    let moment = chrono::DateTime::from_timestamp(BEGIN + hour * 3_600, 0).unwrap();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn titles(page: &Value) -> BTreeSet<String> {
    page["data"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

impl<'a> World<'a> {
    pub fn new(nodes: [&'a TestApp; 2], editor: &Client, tally: &'a Tally) -> Self {
        let editors = nodes.map(|node| node.visitor().with_token(editor.token()));
        let events = (0..EVENTS).map(|_| None).collect();
        Self {
            tally,
            nodes,
            editors,
            turn: Cell::new(0),
            wrote: Cell::new(0),
            speaker: None,
            events,
            releases: Vec::new(),
            hour: 0,
            texts: 0,
        }
    }

    fn editor(&self) -> &Client {
        &self.editors[self.turn.get()]
    }

    fn visitor(&self) -> Client {
        self.nodes[self.wrote.get()].visitor()
    }

    fn path(&self, number: usize) -> String {
        self.events[number].as_ref().unwrap().path()
    }

    fn text(&mut self) -> String {
        self.texts += 1;
        format!("Text {}", self.texts)
    }

    fn desk(&self, number: usize) -> Value {
        self.editor().get(&format!("{}/desk", self.path(number))).expect(200).json()
    }

    pub fn carry_out(&mut self, deed: &Deed) {
        if self.speaker.is_none() {
            let made = self.editor().create("speakers", &json!({"name": "A speaker", "status": "published"}));
            self.speaker = made["id"].as_str().map(str::to_owned);
        }
        for number in 0..EVENTS {
            if self.events[number].is_none() {
                self.create(number);
            }
        }
        match deed {
            Deed::Write(number) => {
                let title = self.text();
                self.write(*number, &json!({"title": title}), |own, _| *own = title.clone());
            }
            Deed::Slug(number, slug) => self.write(*number, &json!({"slug": format!("slug-{slug}")}), |_, _| {}),
            Deed::Relate(number, other) => {
                let id =
                    other.filter(|other| other != number).map(|other| self.events[other].as_ref().unwrap().id.clone());
                let body = json!({"related": id.iter().collect::<Vec<_>>()});
                self.write(*number, &body, |_, related| *related = id.clone());
            }
            Deed::Cast(number) => self.cast(*number),
            Deed::Toggle => self.toggle(),
            Deed::Step(number, step) => self.step(*number, step),
            Deed::Plan(number, from, until) => self.plan_what_can_be(*number, *from, *until),
            Deed::Doom(number, ahead) => self.doom(*number, *ahead),
            Deed::Release(members, ahead) => self.release(members, *ahead),
            Deed::Pass(hours) => self.pass(*hours),
            Deed::Purge => self.purge(),
        }
    }

    fn create(&mut self, number: usize) {
        let title = self.text();
        self.wrote.set(self.turn.get());
        let made = self.editor().create("events", &json!({"title": title}));
        self.events[number] = Some(Event {
            id: made["id"].as_str().unwrap().to_owned(),
            status: "draft".to_owned(),
            title,
            related: None,
            draft: None,
            trashed: false,
            publish_at: None,
            unpublish_at: None,
            seen: 0,
            told: 0,
        });
        self.catch_up(number);
    }

    /// The new entries of the journal, as far as they are not known: who did it, and what.
    fn catch_up(&mut self, number: usize) -> Vec<(String, String)> {
        let history = self.editor().get(&format!("{}/revisions?limit=100", self.path(number))).expect(200).json();
        let event = self.events[number].as_mut().unwrap();
        let entries = history["data"].as_array().unwrap();
        let word = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let new: Vec<_> = entries
            .iter()
            .rev()
            .filter(|entry| entry["sequence"].as_i64().unwrap() > event.seen)
            .map(|entry| (word(entry, "request_id"), word(entry, "action")))
            .collect();
        event.seen = entries[0]["sequence"].as_i64().unwrap();
        new
    }

    /// Everything that can be seen of all events, to find that a refused step left no trace.
    fn picture(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        // A purged event is created anew before the next deed, but not before the end.
        for event in self.events.iter().flatten() {
            let path = event.path();
            for query in ["/desk", "", "?view=draft", "/revisions?limit=1", "/comments"] {
                seen.push(self.editor().get(&format!("{path}{query}")).expect(200).json());
            }
        }
        seen
    }

    /// Whether a step was taken; one that was not left no trace.
    fn taken(&self, before: &[Value], reply: &Reply) -> bool {
        if reply.status < 300 {
            self.wrote.set(self.turn.get());
            return true;
        }
        let answer = String::from_utf8_lossy(&reply.body);
        assert!([409, 422].contains(&reply.status), "{}: {answer}", reply.status);
        count(&self.tally.refused);
        assert_eq!(before, self.picture(), "a refused step left a trace: {answer}");
        false
    }

    fn write(&mut self, number: usize, body: &Value, change: impl FnOnce(&mut String, &mut Option<String>)) {
        let (before, etag) = (self.picture(), self.desk(number)["etag"].clone());
        let path = format!("{}?view=draft", self.path(number));
        let reply = self.editor().patch(&path, etag.as_str().unwrap(), body);
        if self.taken(&before, &reply) {
            self.events[number].as_mut().unwrap().rewrite(change);
        }
    }

    fn toggle(&self) {
        let path = format!("/api/v1/speakers/{}", self.speaker.as_ref().unwrap());
        let desk = self.editor().get(&format!("{path}/desk")).expect(200).json();
        let step = if desk["live"] == true { "unpublish" } else { "publish" };
        self.editor().act(&format!("{path}/{step}"), desk["etag"].as_str().unwrap()).expect(200);
        self.wrote.set(self.turn.get());
    }

    fn step(&mut self, number: usize, step: &'static str) {
        let (before, etag) = (self.picture(), self.desk(number)["etag"].as_str().unwrap().to_owned());
        let path = self.path(number);
        let reply = match step {
            "trash" => self.editor().trash(&path, &etag),
            step => self.editor().act(&format!("{path}/{step}"), &etag),
        };
        let taken = self.taken(&before, &reply);
        let event = self.events[number].as_mut().unwrap();
        // Taking down never fails where there is something to be taken down.
        let must = match step {
            "unpublish" => !event.trashed && event.status != "draft",
            "archive" => !event.trashed && event.status != "archived",
            "trash" => !event.trashed,
            _ => taken,
        };
        assert_eq!(taken, must, "{step} of {event:?}: {}", String::from_utf8_lossy(&reply.body));
        if taken {
            event.takes(step);
        }
    }

    /// Plans a publication where there is something to be published, else an end.
    fn plan_what_can_be(&mut self, number: usize, from: Option<i64>, until: Option<i64>) {
        let event = self.events[number].as_ref().unwrap();
        if event.trashed {
            return self.step(number, "restore");
        }
        let (soon, later) = (from.or(until).unwrap_or(1), until.or(from).unwrap_or(1));
        match event.status == "published" && event.draft.is_none() {
            true => self.plan(number, None, Some(later)),
            false => self.plan(number, Some(soon), until),
        }
    }

    fn doom(&mut self, number: usize, ahead: i64) {
        self.cast(number);
        if !self.speaker_is_live() {
            self.toggle();
        }
        self.plan(number, Some(ahead), None);
        self.toggle();
    }

    fn cast(&mut self, number: usize) {
        let body = json!({"speakers": [{"speaker": self.speaker}]});
        self.write(number, &body, |_, _| {});
    }

    fn speaker_is_live(&self) -> bool {
        let path = format!("/api/v1/speakers/{}/desk", self.speaker.as_ref().unwrap());
        self.editor().get(&path).expect(200).json()["live"] == true
    }

    fn plan(&mut self, number: usize, from: Option<i64>, until: Option<i64>) {
        let (from, until) = (from.map(|ahead| self.hour + ahead), until.map(|ahead| self.hour + 2 + ahead));
        let (before, etag) = (self.picture(), self.desk(number)["etag"].as_str().unwrap().to_owned());
        let mut body = json!({});
        from.iter().for_each(|hour| body["publish_at"] = at(*hour).into());
        until.iter().for_each(|hour| body["unpublish_at"] = at(*hour).into());
        let reply = self.editor().act_with(&format!("{}/schedule", self.path(number)), &etag, &body);
        if self.taken(&before, &reply) {
            let event = self.events[number].as_mut().unwrap();
            (event.publish_at, event.unpublish_at) = (from.or(event.publish_at), until.or(event.unpublish_at));
        }
    }

    fn release(&mut self, members: &[(usize, &'static str)], ahead: i64) {
        let (before, hour) = (self.picture(), self.hour + ahead);
        let of = |(number, operation): &(usize, &str)| {
            let id = &self.events[*number].as_ref().unwrap().id;
            json!({"collection": "events", "id": id, "operation": operation})
        };
        let items: Vec<Value> = members.iter().map(of).collect();
        let body = json!({"name": "R", "publish_at": at(hour), "items": items});
        let reply = self.editor().post("/api/v1/releases", &body);
        if self.taken(&before, &reply) {
            let members = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
            self.releases.push(Release { path: reply.header("location").to_owned(), at: hour, members });
        }
    }

    /// Lets time pass. What a look ahead showed is what comes.
    fn pass(&mut self, hours: i64) {
        self.hour += hours;
        let list = "/api/v1/events?limit=100";
        let ahead = self.editor().get(&format!("{list}&at={}", at(self.hour))).expect(200).json();
        let (moment, node) = ((BEGIN + self.hour * 3_600) * 1_000_000, self.nodes[self.turn.get()]);
        let site = std::sync::Arc::clone(&node.app.site);
        loop {
            let site = std::sync::Arc::clone(&site);
            let run = move |c: &mut plenary::database::Db| due_plans::run_due(c, &site, moment, 2);
            let ended = node.block_on(node.app.database.write_content(run)).map_err(|p: Problem| p.detail).unwrap();
            if ended == 0 {
                break;
            }
            self.wrote.set(self.turn.get());
        }
        for number in 0..EVENTS {
            self.follow(number);
        }
        for release in std::mem::take(&mut self.releases) {
            let state = self.editor().get(&release.path).expect(200).json();
            match (release.at <= self.hour, state["status"].as_str().unwrap()) {
                (true, "published") => count(&self.tally.released),
                (true, "failed") => assert!(!state["failure"].as_str().unwrap().is_empty()),
                (false, "scheduled") => self.releases.push(release),
                (due, status) => panic!("due: {due}, and the release is {status}"),
            }
        }
        assert_eq!(titles(&ahead), titles(&self.visitor().get(list).expect(200).json()));
    }

    /// What the clock did with an event: each plan that was due happened, or was told as failed.
    fn follow(&mut self, number: usize) {
        let (new, hour) = (self.catch_up(number), self.hour);
        let mut failed = 0;
        for (by, action) in &new {
            let event = self.events[number].as_mut().unwrap();
            match (by.as_str(), action.as_str()) {
                ("schedule", "schedule_failed") => {
                    failed += 1;
                    count(&self.tally.failed);
                    assert!(event.publish_at.is_some_and(|at| at <= hour), "only publications are refused: {event:?}");
                    event.publish_at = None;
                }
                // There was nothing to be taken down.
                ("schedule", "unschedule") => {
                    assert_eq!(event.status, "draft");
                    event.unpublish_at = None;
                }
                ("schedule" | "release", action) => {
                    count(&self.tally.done);
                    event.takes(action);
                }
                _ => {}
            }
        }
        let comments = self.editor().get(&format!("{}/comments", self.path(number))).expect(200).json();
        let event = self.events[number].as_mut().unwrap();
        let about_plan = |comment: &&Value| comment["body"].as_str().unwrap().starts_with("The scheduled step");
        event.told += failed;
        assert_eq!(comments["data"].as_array().unwrap().iter().filter(about_plan).count(), event.told, "{event:?}");
        let due = |at: Option<i64>| at.is_some_and(|at| at <= hour);
        assert!(!due(event.publish_at) && !due(event.unpublish_at), "what was due did not end: {event:?}");
    }

    fn purge(&mut self) {
        let node = self.nodes[self.turn.get()];
        let gone = node.block_on(trash_purge::run(&node.app.database, 0)).map_err(|p| p.detail).unwrap();
        if gone > 0 {
            self.wrote.set(self.turn.get());
        }
        // One that goes may have been all that named another: that one goes the next time, or this time.
        for number in 0..EVENTS {
            let event = self.events[number].as_ref().unwrap();
            let others = self.events.iter().flatten().filter(|other| other.id != event.id);
            let named = others.clone().any(|other| other.names().contains(event.id.as_str()));
            let spared = others.filter(|other| !other.trashed).any(|other| other.names().contains(event.id.as_str()))
                || self.releases.iter().any(|release| release.members.contains(&event.id));
            let planned = self.is_planned(&event.id);
            match self.editor().get(&format!("{}/desk", event.path())).status {
                200 => assert!(!event.trashed || named || planned, "it is still there: {event:?}"),
                404 => assert!(event.trashed && !spared, "it was purged: {event:?}"),
                status => panic!("{status}"),
            }
        }
        for number in 0..EVENTS {
            let path = format!("{}/desk", self.path(number));
            if self.editor().get(&path).status == 404 {
                count(&self.tally.purged);
                self.events[number] = None;
            }
        }
    }

    /// Whether a release that has not gone live has the event: those that failed do too.
    fn is_planned(&self, id: &str) -> bool {
        let all = self.editor().get("/api/v1/releases").expect(200).json();
        let open = all["data"].as_array().unwrap().iter().filter(|release| release["status"] != "published");
        open.flat_map(|release| release["items"].as_array().unwrap()).any(|item| item["id"] == id)
    }

    pub fn compare(&self) {
        let public = self.visitor();
        let live: BTreeSet<String> =
            self.events.iter().flatten().filter(|event| event.live()).map(|event| event.title.clone()).collect();
        let list = public.get("/api/v1/events?limit=100&include=related").expect(200);
        assert_eq!(titles(&list.json()), live, "{:?}", self.events);
        let feed = public.get("/api/v1/events.json").expect(200);
        let copy = public.get("/api/v1/changes?limit=1000").expect(200);
        for reply in [&list, &feed, &copy] {
            let text = String::from_utf8_lossy(&reply.body);
            for event in self.events.iter().flatten() {
                let hidden = |title: &str| !live.contains(title) && text.contains(&format!("\"{title}\""));
                assert!(!hidden(&event.title) && !hidden(event.newest()), "{event:?} is read in {text}");
            }
        }
        for (number, event) in self.events.iter().enumerate() {
            let Some(event) = event else { continue };
            let path = self.path(number);
            let seen = public.get(&path);
            assert_eq!(seen.status, if event.live() { 200 } else { 404 }, "{event:?}");
            let newest = self.editor().get(&format!("{path}?view=draft")).expect(200).json();
            assert_eq!(newest["title"], event.newest(), "{event:?}");
            let desk = self.desk(number);
            assert_eq!(desk["working_draft"].is_object(), event.draft.is_some(), "{event:?}");
            assert_eq!(desk["publish_at"].is_string(), event.publish_at.is_some(), "{event:?}");
            assert_eq!(desk["unpublish_at"].is_string(), event.unpublish_at.is_some(), "{event:?}");
        }
    }

    /// Takes away what an earlier sequence left behind.
    pub fn clear(&self) {
        let releases = self.editor().get("/api/v1/releases").expect(200).json();
        for release in releases["data"].as_array().unwrap().iter().filter(|release| release["status"] != "published") {
            let (id, version) = (release["id"].as_str().unwrap(), &release["version"]);
            self.editor().delete(&format!("/api/v1/releases/{id}"), &format!("\"v{version}\"")).expect(204);
        }
        let events = self.editor().get("/api/v1/events?status=any&limit=100").expect(200).json();
        for event in events["data"].as_array().unwrap() {
            let path = format!("/api/v1/events/{}", event["id"].as_str().unwrap());
            let desk = self.editor().get(&format!("{path}/desk")).expect(200);
            self.editor().trash(&path, desk.etag()).expect(204);
        }
    }

    /// The other node shows the same before long; then all is taken down, whatever its drafts say.
    pub fn end(&mut self) {
        let list = |node: &TestApp| titles(&node.visitor().get("/api/v1/events?limit=100").expect(200).json());
        wait_for("the other node's answer", || list(self.nodes[0]) == list(self.nodes[1]));
        for number in 0..EVENTS {
            if self.events[number].as_ref().is_some_and(Event::live) {
                self.step(number, "unpublish");
            }
        }
        self.compare();
    }
}
